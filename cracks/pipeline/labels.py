"""Names and order of the classes and of the parts of a split.

The index of a class is its place in `CLASSES` in every file, label vector and softmax output,
so column 1 of a head's output is always the probability of a crack.
"""

NEGATIVE = "negative"
POSITIVE = "positive"
CLASSES = (NEGATIVE, POSITIVE)

TRAIN = "train"
VALID = "valid"
TEST = "test"
PARTS = (TRAIN, VALID, TEST)

_GIVEN = {"train": TRAIN, "valid": VALID, "val": VALID, "test": TEST}


def place_of(name: str) -> tuple[str, str]:
    """The part and the class folder in an image's name, "" where there is none.

    A name is `[train|valid|val|test/]<class folder>/…`, the part in upper or lower case.
    """
    folders = name.split("/")[:-1]
    given = _GIVEN.get(folders[0].lower(), "") if folders else ""
    if given:
        del folders[0]
    return given, folders[0] if folders else ""


def label_of(folder: str, positive_class: str) -> str:
    """The label of images in a class folder, compared without case."""
    return POSITIVE if folder.casefold() == positive_class.casefold() else NEGATIVE
