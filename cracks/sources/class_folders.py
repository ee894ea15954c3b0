"""Names of images of all sources: `[train|valid|test/]<class>/<file>`.

Only names are checked here; the audit checks whether a file is a usable image.
"""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from pathlib import PurePath
from typing import TypeVar

from cracks.images.files import named_as_images
from cracks.project.errors import CracksError
from cracks.tables.labels import class_key, composed, part_and_class

File = TypeVar("File")

Members = Iterator[tuple[str, bytes]]
"""`(member name, bytes)`, sorted by name, for `cracks.images.archive.write_archive`."""


def class_folders(names: Collection[str]) -> set[str]:
    """The class folders of the images among `names`, as spelled there."""
    return {folder for name in named_as_images(names) if (folder := part_and_class(name)[1])}


def id_of(path: PurePath) -> str:
    """The member name for a path below the folder of the classes; a split is in lower case."""
    first, *others = path.parts
    if others and part_and_class(f"{first}/")[0]:
        first = first.lower()
    return composed("/".join([first, *others]))


def by_id(files: Iterable[tuple[str, File]]) -> dict[str, File]:
    """Pairs of an id and a file as a table.

    Raises:
        CracksError: if two files have one id.
    """
    table: dict[str, File] = {}
    for name, file in files:
        if name in table:
            raise CracksError(
                f"Expected one file of the name {name}, found {table[name]} and {file}; rename one."
            )
        table[name] = file
    return table


def sampled(names: Collection[str], limit: int | None, seed: int) -> list[str]:
    """At most `limit` images of each class, or, if it is None, all files; sorted.

    They are those whose hash with the seed is lowest, so that a photograph added later changes the
    choice by one at most.
    """
    if limit is None:
        return sorted(names)
    classes: dict[str, list[str]] = defaultdict(list)
    for name in named_as_images(names):
        if folder := part_and_class(name)[1]:
            classes[class_key(folder)].append(name)

    def rank(name: str) -> bytes:
        return hashlib.sha256(f"{seed}/{name}".encode()).digest()

    return sorted(name for group in classes.values() for name in sorted(group, key=rank)[:limit])
