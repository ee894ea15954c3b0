"""The user's own photographs in class folders."""

from collections.abc import Iterator
from pathlib import Path

from cracks.images.files import check_name, is_junk, read_file
from cracks.project.errors import CracksError
from cracks.project.paths import PHOTOS
from cracks.runtime.progress import progress
from cracks.sources.class_folders import Members, by_id, class_folders, id_of, sampled
from cracks.tables.labels import check_classes


def photos(folder: Path, positive_class: str, limit: int | None = None, seed: int = 0) -> Members:
    """The user's photographs in `folder`, at most `limit` of each class, sampled by `seed`.

    Raises:
        CracksError: if they are not in two class folders, `positive_class` among them, or a file
            cannot be read.
    """
    paths = by_id(_photo_ids(folder))
    if not paths and folder == PHOTOS:
        raise CracksError(
            f"Expected photographs in two class folders in {folder}, found none; "
            "data/photos/README.md shows the layout. `dvc exp run --temp` and `--queue` see those "
            f"that DVC tracks alone: `dvc add {folder}/*/`, then `git add {folder}`."
        )
    check_classes(class_folders(paths), positive_class, str(folder))
    names = sampled(paths, limit, seed)
    for name in progress(names, desc="packing", unit="file"):
        yield name, _read(paths[name])


def _photo_ids(folder: Path) -> Iterator[tuple[str, Path]]:
    """Ids and files below `folder`, without those of this project and system junk."""
    for path in files_below(folder):
        inside = path.relative_to(folder)
        # the README, or what `dvc add data/photos/*/` leaves beside each folder
        if inside.parent == Path() and (inside.name == "README.md" or inside.suffix == ".dvc"):
            continue
        check_name(inside.as_posix(), str(folder))
        if not path.is_file():
            raise CracksError(
                f"Expected a file at {path}, found a broken link or a device; remove it."
            )
        yield id_of(inside), path


def files_below(folder: Path, above: frozenset[Path] = frozenset()) -> Iterator[Path]:
    """Files other than junk; links are followed unless they lead back to a folder above."""
    real = folder.resolve()
    if real in above or not folder.is_dir():
        return
    for path in folder.iterdir():
        if is_junk(path.name):
            continue
        if path.is_dir():
            yield from files_below(path, above | {real})
        else:
            yield path


def _read(path: Path) -> bytes:
    try:
        return read_file(path)
    except CracksError as reason:
        raise CracksError(f"Could not use {path}: {reason}; repair it or move it away.") from None
