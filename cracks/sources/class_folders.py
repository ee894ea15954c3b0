"""Names of images: `[train|valid|test/]<class>/<file>`, whatever source they come from.

Only names are looked at here; whether a file is a usable image, the audit says.
"""

import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path, PurePath, PurePosixPath

from PIL import Image

from cracks.pipeline.errors import CracksError
from cracks.pipeline.labels import place_of

Members = Iterator[tuple[str, bytes]]
"""`(member name, bytes)`, sorted by name, for `cracks.images.archive.write_archive`."""


def class_folders(names: Iterable[str]) -> set[str]:
    """The folders that say the classes of the images among `names`, as written."""
    return {folder for name in names if is_image_name(name) and (folder := place_of(name)[1])}


def check_classes(folders: Collection[str], positive_class: str, place: str) -> None:
    """Check that there are two class folders, upper or lower case alike, one `positive_class`.

    Raises:
        CracksError: if there are none, one, or more than two, or none is `positive_class`.
    """
    found = ", ".join(sorted(folders)) or "none"
    different = {folder.casefold() for folder in folders}
    if len(different) != 2:
        raise CracksError(
            f"Expected images in two class folders in {place} (which may be below train, valid "
            f"and test), found {found}; data/photos/README.md shows the layout."
        )
    if composed(positive_class).casefold() not in different:
        raise CracksError(
            f"Expected positive_class to be one of the class folders in {place}, which are "
            f"{found}, found {positive_class!r}; set positive_class in params.yaml."
        )


def is_image_name(name: str) -> bool:
    """Whether a name ends like an image of a format that we read."""
    return PurePosixPath(name).suffix.lower() in Image.registered_extensions()


def composed(text: str) -> str:
    """One spelling of accented letters: macOS takes them apart, others do not."""
    return unicodedata.normalize("NFC", text)


def id_of(path: PurePath) -> str:
    """The member name for a path below the folder of the classes; a split is in lower case."""
    first, *others = path.parts
    if others and place_of(f"{first}/")[0]:
        first = first.lower()
    return composed("/".join([first, *others]))


def refuse_second(ids: Mapping[str, str | Path], name: str, second: str | Path) -> None:
    """Raise `CracksError` if `ids` has the name already."""
    if name in ids:
        raise CracksError(
            f"Expected one file of the name {name}, found {ids[name]} and {second}; rename one."
        )
