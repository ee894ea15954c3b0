"""Files that a merge left in conflict."""

import re
from pathlib import Path

from cracks.pipeline.errors import CracksError

_MARKER = re.compile("^(<{7}|={7}|>{7})", re.MULTILINE)


def check_conflict(text: str, source: Path | str) -> None:
    """Refuse the text of a file with conflict markers.

    Raises:
        CracksError: if there are any.
    """
    marker = _MARKER.search(text)
    if marker:
        line = text.count("\n", 0, marker.start()) + 1
        raise CracksError(
            f"{source}, line {line}: a merge conflict is unresolved; keep one of the two sides and "
            "delete the lines with <<<<<<<, ======= and >>>>>>>."
        )
