"""Labelled images that are named on the command line."""

import os
from pathlib import Path

from cracks.project.errors import CracksError
from cracks.sources.class_folders import Members
from cracks.sources.folders import photos
from cracks.sources.zip_files import archive_members


def labelled_images(
    path: Path, positive_class: str, limit: int | None = None, seed: int = 0
) -> Members:
    """The images of a zip archive or a folder, at most `limit` of each class, drawn by `seed`.

    Raises:
        CracksError: if there is neither, or it does not hold two classes, `positive_class` among
            them.
    """
    if path.is_dir():
        return photos(path, positive_class, limit, seed)
    if path.is_file():
        return archive_members(path, positive_class, limit, seed)
    raise CracksError(f"Expected a zip archive or a folder of images at {path}, found none.")


def source_name(source: str | Path) -> str:
    """The name of a source in results: the last part of its path, without `.zip`."""
    path = Path(os.path.abspath(source))  # noqa: PTH100 - `resolve` would follow links
    return path.stem if path.suffix.lower() == ".zip" else path.name
