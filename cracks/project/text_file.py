"""Text files in UTF-8, and the conflict markers of a merge in them."""

import re
from pathlib import Path

from cracks.project.errors import CracksError

_MARKER = re.compile("^(<{7}|>{7})( |$)", re.MULTILINE)


def check_conflict(text: str, source: Path | str) -> None:
    """Refuse the text of a file with conflict markers.

    Raises:
        CracksError: if there are any; the message says what to do.
    """
    if marker := _MARKER.search(text):
        line = text.count("\n", 0, marker.start()) + 1
        raise CracksError(
            f"{source}, line {line}: a merge conflict is unresolved; take one side "
            f"(`git checkout --ours {source}` or `--theirs`), then run `dvc repro` and commit: "
            "features come from the cache."
        )


def read_text(path: Path, advice: str = "run `dvc repro`", limit: int | None = None) -> str:
    """The text of a file.

    Args:
        path: the file.
        advice: what to do if there is none, or none in UTF-8.
        limit: the number of characters that it may have.

    Raises:
        CracksError: if it is missing, no regular file, too long, or not UTF-8.
    """
    try:
        if not path.exists():
            raise CracksError(f"Expected {path}, found none; {advice}.")
        if not path.is_file():  # opening a named pipe would wait forever
            raise CracksError(
                f"Expected {path} to be a file, found a folder or a device; move it away."
            )
        with path.open(encoding="utf-8") as file:
            text = file.read(-1 if limit is None else limit + 1)
    except UnicodeDecodeError:
        raise CracksError(f"{path}: expected text in UTF-8, found other bytes; {advice}.") from None
    except OSError as error:
        raise CracksError(f"{path} cannot be read: {error.strerror}.") from None
    if limit is not None and len(text) > limit:
        raise CracksError(f"{path}: expected at most {limit:,} characters, found more.")
    return text
