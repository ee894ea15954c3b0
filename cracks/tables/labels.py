"""Names and order of the classes and of the parts of a split.

The index of a class is its place in `CLASSES` in every file, label vector and softmax output,
so column 1 of a head's output is always the probability of a crack.
"""

import unicodedata
from collections.abc import Collection, Iterable

import numpy as np
from numpy.typing import NDArray

from cracks.project.errors import CracksError

NEGATIVE = "negative"
POSITIVE = "positive"
CLASSES = (NEGATIVE, POSITIVE)

CLASS_NAMES = {NEGATIVE: "no crack", POSITIVE: "crack"}
"""The classes in words, whatever the user's class folders are called."""

TRAIN = "train"
VALID = "valid"
TEST = "test"
PARTS = (TRAIN, VALID, TEST)

_GIVEN = {"train": TRAIN, "valid": VALID, "val": VALID, "validation": VALID, "test": TEST}


def part_and_class(name: str) -> tuple[str, str]:
    """The part and the class folder in an image's name, "" where there is none.

    A name is `[train|valid|val|validation|test/]<class folder>/…`, the part in upper or lower case.

    Example:
        >>> part_and_class("Train/cracked/wall-7.jpg")
        ('train', 'cracked')
    """
    folders = name.split("/")[:-1]
    given = _GIVEN.get(folders[0].lower(), "") if folders else ""
    if given:
        del folders[0]
    return given, folders[0] if folders else ""


def label_of(folder: str, positive_class: str) -> str:
    """The label of images in a class folder; case does not matter."""
    return POSITIVE if class_key(folder) == class_key(positive_class) else NEGATIVE


def class_indices(labels: Iterable[str]) -> NDArray[np.int64]:
    """The place in `CLASSES` of each label, `[n]`.

    Raises:
        CracksError: if a label is none of `CLASSES`.
    """
    places = {label: place for place, label in enumerate(CLASSES)}
    try:
        return np.array([places[label] for label in labels], np.int64)
    except KeyError as error:
        raise CracksError(
            f"Expected the labels {' and '.join(CLASSES)}, found {error}; run `dvc repro`."
        ) from None


def class_key(folder: str) -> str:
    """What class folders are compared by: case and the encoding of accents do not matter."""
    return composed(folder).casefold()


def composed(text: str) -> str:
    """Accented letters as single characters; macOS decomposes them in names of files."""
    return unicodedata.normalize("NFC", text)


def check_classes(folders: Collection[str], positive_class: str, place: str) -> None:
    """Check that there are two class folders, one of them `positive_class`; case does not matter.

    Raises:
        CracksError: if there are none, one, or more than two, or none is `positive_class`.
    """
    found = ", ".join(sorted(folders)) or "none"
    different = {class_key(folder) for folder in folders}
    if len(different) != 2:
        raise CracksError(
            "Expected images in two class folders (which may be below train, valid and test) in "
            f"{place}, found {found}; data/photos/README.md shows the layout."
        )
    if class_key(positive_class) not in different:
        raise CracksError(
            f"Expected positive_class to be one of the class folders in {place}, which are "
            f"{found}, found {positive_class!r}; set positive_class in params.yaml, or give the "
            "command --positive-class."
        )
