"""Writing a folder of many files so that a reader sees all of them or none."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cracks.pipeline.errors import CracksError


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; rename it to `path` if the block ends well.

    On an error the temporary folder is removed; what a killed run left is removed as well.

    Raises:
        CracksError: if there is something at `path` already, or no folder can be there.
    """
    target = path.resolve()
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise CracksError(
            f"Expected a new or empty folder for the results, found something at {path}; "
            "name another one."
        )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise CracksError(f"Expected a folder at {path.parent}, found a file.") from None
    temporary = target.with_name(f".{target.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    try:
        yield temporary
        if target.exists():
            target.rmdir()  # Windows does not rename to a name that is taken
        temporary.rename(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
