"""Which photograph an image was cut from, read from its id."""

import re
from collections.abc import Callable

import pandas as pd

from cracks.project.errors import CracksError
from cracks.project.params import PARENT, SAMPLE, Params
from cracks.tables.labels import part_and_class

DRAWN = r"(\d+)\.jpg$"
"""The rule of the drawn sample, where images of one number are patches of one wall."""


def photograph_rule(params: Params) -> str | None:
    """The rule by which `photographs_of` reads the photograph from an id; None if none is known."""
    return {SAMPLE: DRAWN, "photos": params.photos.group}.get(params.dataset)


def photographs_of(
    ids: "pd.Series[str]", rule: str, setting: str = "photos.group"
) -> "pd.Series[str]":
    """The photograph of each image.

    Args:
        ids: `[train|valid|test/]<class folder>/…`.
        rule: as `photos.group` of params.yaml: a regular expression, searched for in the id, whose
            first group is the photograph (the whole match, if no group took part in it); or
            `parent`, for the folders between the class folder and the file.
        setting: where the rule comes from, for messages.

    Raises:
        CracksError: if the rule leaves an image without a photograph.

    Example:
        >>> list(photographs_of(pd.Series(["cracked/wall-7-0-1.jpg"]), "wall-[0-9]+"))
        ['wall-7']
    """
    photographs = ids.map(_folders_below_class if rule == PARENT else _search(rule))
    unnamed = ids[photographs == ""]
    if len(unnamed):
        raise CracksError(
            f"Expected {setting}, {rule!r}, to say which photograph each image is from, found "
            f"{len(unnamed):,} of {len(ids):,} for which it does not, the first "
            f"{unnamed.iloc[0]!r}; change {setting} or rename them."
        )
    return photographs


def _folders_below_class(name: str) -> str:
    given, _ = part_and_class(name)
    return "/".join(name.split("/")[2 if given else 1 : -1])


def _search(pattern: str) -> Callable[[str], str]:
    expression = re.compile(pattern)

    def search(name: str) -> str:
        if (match := expression.search(name)) is None:
            return ""
        group = match[1] if expression.groups else None
        return match[0] if group is None else group

    return search
