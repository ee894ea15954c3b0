"""Adapted heads by name: a Keras file beside the trained heads, and how it was adapted."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cracks.classifier.classifier import Trained, check_head, load_trained
from cracks.heads.head import (
    MEND,
    Head,
    LinearHead,
    read_head,
    read_origin,
    rounded_to_largest,
    save_head,
)
from cracks.project.errors import CracksError
from cracks.project.outputs import copy_together, sha256_of, write_json
from cracks.project.paths import head_path
from cracks.project.temporary import temporary_folder
from cracks.tools.transfer.adaptation import Adapted
from cracks.tools.writable import check_writable

FOLDER = Path("models/adapted")
_NAME = re.compile(r"[\w][\w.-]{0,99}")


def check_name(name: str) -> None:
    """Check that a name can be that of a folder.

    Raises:
        CracksError: if it holds anything but letters, digits, `_`, `.` and `-`, or is longer than
            100 of them.
    """
    if not _NAME.fullmatch(name):
        raise CracksError(
            f"Expected a name of letters, digits, _, . and -, at most 100, found {name!r}; give "
            "another one."
        )


def check_place(name: str) -> None:
    """Check, before the work begins, that heads of a name can be written.

    Raises:
        CracksError: if it cannot be a folder's, or something else than a folder is there.
        OSError: as `check_writable`.
    """
    check_name(name)
    folder = FOLDER / name
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise CracksError(
            f"Expected a folder for adapted heads at {folder}, found a file or a link; remove it "
            "or give another --name."
        )
    for path in folder.glob("*"):
        if path.is_dir():
            raise CracksError(f"Expected a file at {path}, found a folder; remove it.")
    check_writable(folder)


@contextmanager
def replaced_heads(name: str) -> Iterator[Path]:
    """A folder to write adapted heads into, whose files go to that of the name all together.

    The heads of other backbones stay, and all old ones if anything fails in between.
    """
    with temporary_folder() as folder:
        yield folder
        copy_together({path: FOLDER / name / path.name for path in sorted(folder.iterdir())})


def adapted_path(name: str, backbone: str) -> Path:
    """The Keras file of an adapted head."""
    return FOLDER / name / f"{backbone}.keras"


def adapted_cells_path(name: str, backbone: str) -> Path:
    """The file of an adapted head for cells."""
    return FOLDER / name / cells_name(backbone)


def cells_name(backbone: str) -> str:
    """The name of the file of an adapted head for cells."""
    return f"{backbone}-cells.json"


def save_adapted(folder: Path, backbone: str, adapted: Adapted, facts: dict[str, Any]) -> None:
    """Save an adapted head with the origin of the head that it started from.

    Args:
        folder: where it is written, beside the head for cells that was adapted with it.
        backbone: whose features it is for.
        adapted: the head.
        facts: of the labels, written beside the head with the threshold and what is expected.
    """
    path, cells = folder / f"{backbone}.keras", folder / cells_name(backbone)
    source = head_path(backbone)
    save_head(_in_form_of(read_head(source), adapted.head), read_origin(source), path)
    how: dict[str, Any] = {"sha256": sha256_of(path), "cells_sha256": sha256_of(cells)}
    how |= {"threshold": adapted.threshold, **facts}
    how["penalty"] = None if np.isinf(adapted.penalty) else adapted.penalty
    how["expected"] = adapted.expected and adapted.expected._asdict()
    write_json(path.with_suffix(".json"), how)


def _in_form_of(trained: Head, adapted: LinearHead) -> Head:
    """The numbers of a file for an adapted head: those of the trained one, but for the softmax."""
    mean, deviation = trained.mean.astype(np.float64), np.sqrt(trained.variance.astype(np.float64))
    weights = rounded_to_largest(adapted.weights * deviation)
    bias = rounded_to_largest(np.array([adapted.bias + mean @ adapted.weights]))
    return trained._replace(kernel=_halves(weights), bias=_halves(bias)[0])


def _halves(difference: NDArray[np.float64]) -> NDArray[np.float32]:
    """Logits of the two classes with these differences, `[n, 2]`."""
    return np.stack([-difference / 2, difference / 2], axis=-1).astype(np.float32)


def load_named(backbone: str, name: str | None) -> Trained:
    """The trained head of a backbone, or the adapted one of that name.

    Raises:
        CracksError: if there is none, or it does not fit the backbone.
    """
    if name is None:
        return load_trained(backbone)
    path = adapted_path(name, backbone)
    check_adapted(name, backbone, path)
    with adapt_again():
        head, origin = check_head(backbone, path)
    return Trained(head, origin, _threshold(path))


@contextmanager
def adapt_again() -> Iterator[None]:
    """In errors about a head that was adapted, advise what makes such heads."""
    try:
        yield
    except CracksError as error:
        raise CracksError(str(error).replace(MEND, "run `python -m cracks adapt` again")) from None


def check_adapted(name: str, backbone: str, path: Path) -> None:
    """Check that the file of an adapted head is there.

    Raises:
        CracksError: if it is not, with the names of those that are.
    """
    check_name(name)
    if not path.is_file():
        found = sorted({file.parent.name for file in FOLDER.glob(f"*/{path.name}")})
        there = f"found {', '.join(found)}" if found else "found none"
        raise CracksError(
            f"Expected an adapted head {name!r} of {backbone} below {FOLDER}, {there}; make one "
            "with `python -m cracks adapt FOLDER`."
        )


def checked_cells_path(name: str, backbone: str) -> Path:
    """The file of an adapted head for cells, which was adapted together with the head of its name.

    Raises:
        CracksError: if it is not there, with the names of those that are, or was not.
    """
    cells = adapted_cells_path(name, backbone)
    check_adapted(name, backbone, cells)
    if _how(adapted_path(name, backbone)).get("cells_sha256") != sha256_of(cells):
        raise CracksError(
            f"Expected a head for cells at {cells} that was adapted with the others of {name!r}, "
            "found another one; run `python -m cracks adapt` again."
        )
    return cells


def _how(head: Path) -> dict[str, Any]:
    """What was written of how a head was adapted; nothing if it cannot be read."""
    try:
        how = json.loads(head.with_suffix(".json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError, RecursionError):
        return {}
    return how if isinstance(how, dict) else {}


def _threshold(head: Path) -> float:
    """The threshold that was written with this head, not with an earlier one of its name."""
    path, how = head.with_suffix(".json"), _how(head)
    threshold = how.get("threshold")
    if isinstance(threshold, float) and 0 < threshold < 1 and how.get("sha256") == sha256_of(head):
        return threshold
    raise CracksError(
        f"Expected a threshold between 0 and 1 for {head} in {path}, found none; run "
        "`python -m cracks adapt` again."
    )
