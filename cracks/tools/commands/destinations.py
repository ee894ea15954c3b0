"""Where commands may write: never over their own input, nor over what Git or DVC tracks."""

import os
import re
import subprocess
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from cracks.project.errors import CracksError
from cracks.project.paths import LOCK, METRICS, PARAMS, PIPELINE
from cracks.tools.writable import check_writable, nearest

_OF_THE_PIPELINE = (Path("data"), METRICS, Path("models"), Path(".git"), Path(".dvc"))
_OTHER_GIT = {
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_PREFIX"),
    *("GIT_CEILING_DIRECTORIES", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE"),
}
_STREAMS = ("/dev/stdout", "/dev/stderr", "/dev/fd/")  # of which the shell may make files
_LOCKED = re.compile(r"^ *(?:- )?path: ['\"]?(.+?)['\"]? *$", re.MULTILINE)


def check_destinations(files: Iterable[Path], inputs: Iterable[Path] = ()) -> None:
    """Check, before the work begins, that each file may be written.

    Case does not count, as on some file systems.

    Args:
        files: what will be written.
        inputs: files that the command reads.

    Raises:
        CracksError: if one is an input, a photograph, a folder, below a file, known to Git or to
            dvc.lock, or in a folder of the pipeline.
        OSError: as `check_writable`.
    """
    wanted = {file: resolved(file) for file in files if not _is_device(file)}
    read = {_alike(resolved(path)) for path in inputs}
    known = {_alike(path) for path in _known(wanted.values())}
    for file, target in wanted.items():
        if _alike(target) in read:
            raise _occupied(file, "which is read")
        if not known.isdisjoint(map(_alike, (target, *target.parents))):
            raise _occupied(file, "which belongs to the project")
        if target.is_dir():
            raise CracksError(f"Expected {file} to be a file, found a folder; move it away.")
        if target.is_file() and _is_photograph(target):
            raise _occupied(file, "an image that no command wrote as it is")
        above = nearest(target.parent)
        if not above.is_dir():
            raise CracksError(f"Expected a folder at {above}, found a file; name another one.")
        check_writable(above)


def resolved(path: Path) -> Path:
    """Where a path leads.

    Raises:
        CracksError: if it is a link to itself.
    """
    try:
        return path.resolve()
    except (OSError, RuntimeError):  # the latter until Python 3.12
        raise CracksError(
            f"Expected a file or a folder at {path}, found a link to itself."
        ) from None


def _is_photograph(file: Path) -> bool:
    """Whether it is an image that no command wrote."""
    # not imported by a review without pictures, for which Pillow need not be installed
    from cracks.images.files import is_image_name
    from cracks.tools.photographs import is_own_picture

    return is_image_name(file.name) and not is_own_picture(file)


def _is_device(file: Path) -> bool:
    """Whether it is none of the files that are kept: a terminal, a pipe, /dev/stdout."""
    try:
        return os.fspath(file).startswith(_STREAMS) or (
            file.exists() and not (file.is_file() or file.is_dir())
        )
    except (OSError, RuntimeError):
        return False


def _alike(path: Path) -> str:
    return os.fspath(path).casefold()


def _occupied(file: Path, why: str) -> CracksError:
    return CracksError(f"Expected a place for results, found {file}, {why}; name another one.")


def _known(targets: Collection[Path]) -> Iterator[Path]:
    """Absolute paths of files and folders that are not for results."""
    here = Path.cwd().resolve()
    listed = _LOCKED.findall(LOCK.read_text("utf-8", "replace")) if LOCK.is_file() else []
    for path in (*_OF_THE_PIPELINE, PARAMS, PIPELINE, LOCK, *listed):
        yield (here / path).resolve()
    folders = {next((p for p in target.parents if p.is_dir()), target) for target in targets}
    for folder in folders:
        if not any(above in folders for above in folder.parents):
            yield from _in_git(folder, targets)


def _in_git(folder: Path, targets: Collection[Path]) -> Iterator[Path]:
    """The files below a folder that Git tracks; none where there is no Git.

    Variables that tell Git of another repository, as hooks have them, do not count. No program that
    the repository names is run: it may be another user's.

    Raises:
        CracksError: if Git cannot read its repository, and one of the targets is there already.
    """
    environment = {name: value for name, value in os.environ.items() if name not in _OTHER_GIT}
    environment["GIT_DISCOVERY_ACROSS_FILESYSTEM"] = "1"  # results may be on another disk
    settings = ("safe.directory=*", "core.fsmonitor=false", f"core.hooksPath={os.devnull}")
    options = [word for setting in settings for word in ("-c", setting)]
    command = ["git", *options, "-C", os.fspath(folder), "ls-files", "-z"]
    try:
        listed = subprocess.run(command, capture_output=True, check=False, env=environment)
    except FileNotFoundError:
        return
    if listed.returncode and any((above / ".git").exists() for above in (folder, *folder.parents)):
        there = [one for one in targets if one.is_file() and one.is_relative_to(folder)]
        if there:
            raise CracksError(
                f"Expected a new file, found {there[0]}, of which Git cannot tell whether it "
                "tracks it (`git status` says why); name another one."
            )
    for name in listed.stdout.split(b"\0"):
        if name:
            yield folder / os.fsdecode(name)
