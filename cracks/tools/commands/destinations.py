"""Where commands may write: never over their own input, nor over what Git or DVC tracks."""

import os
import re
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from cracks.project.errors import CracksError
from cracks.project.paths import LOCK, METRICS, PARAMS, PIPELINE

_OF_THE_PIPELINE = (Path("data"), METRICS, Path("models"), Path(".git"), Path(".dvc"))
_LOCKED = re.compile(r"^ *(?:- )?path: ['\"]?(.+?)['\"]? *$", re.MULTILINE)


def check_destinations(files: Iterable[Path], inputs: Iterable[Path] = ()) -> None:
    """Check, before the work begins, that each file may be written.

    Case does not count, as on some file systems.

    Args:
        files: what will be written.
        inputs: files that the command reads.

    Raises:
        CracksError: if one is an input, a folder, below a file, known to Git or to dvc.lock, or in
            a folder of the pipeline.
    """
    wanted = {file: file.resolve() for file in files if not _is_device(file)}
    read = {_alike(path.resolve()) for path in inputs}
    known = {_alike(path) for path in _known(wanted.values())}
    for file, target in wanted.items():
        if _alike(target) in read:
            raise _occupied(file, "which is read")
        if not known.isdisjoint(map(_alike, (target, *target.parents))):
            raise _occupied(file, "which belongs to the project")
        if target.is_dir():
            raise CracksError(f"Expected {file} to be a file, found a folder; move it away.")
        above = next(folder for folder in target.parents if folder.exists())
        if not above.is_dir():
            raise CracksError(f"Expected a folder at {above}, found a file; name another one.")


def _is_device(file: Path) -> bool:
    return file.is_relative_to("/dev") or (file.exists() and not (file.is_file() or file.is_dir()))


def _alike(path: Path) -> str:
    return os.fspath(path).casefold()


def _occupied(file: Path, why: str) -> CracksError:
    return CracksError(f"Expected a place for results, found {file}, {why}; name another one.")


def _known(targets: Iterable[Path]) -> Iterator[Path]:
    """Absolute paths of files and folders that are not for results."""
    here = Path.cwd().resolve()
    listed = _LOCKED.findall(LOCK.read_text("utf-8", "replace")) if LOCK.is_file() else []
    for path in (*_OF_THE_PIPELINE, PARAMS, PIPELINE, LOCK, *listed):
        yield (here / path).resolve()
    folders = {next(p for p in target.parents if p.is_dir()) for target in targets}
    for folder in folders:
        if not any(above in folders for above in folder.parents):
            yield from _in_git(folder)


def _in_git(folder: Path) -> Iterator[Path]:
    """The files below a folder that Git tracks; none if Git cannot tell."""
    try:
        listed = subprocess.run(
            ["git", "-C", folder, "ls-files", "-z"], capture_output=True, check=False
        )
    except FileNotFoundError:
        return
    for name in listed.stdout.split(b"\0"):
        if name:
            yield folder / os.fsdecode(name)
