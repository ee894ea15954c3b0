"""Files with an unresolved merge conflict."""

import re
from pathlib import Path

from cracks.pipeline.errors import CracksError

_MARKER = re.compile("^(<{7}|>{7})( |$)", re.MULTILINE)


def check_conflict(text: str, source: Path | str) -> None:
    """Refuse the text of a file with conflict markers.

    Raises:
        CracksError: if there are any; the sentence says the way out.
    """
    marker = _MARKER.search(text)
    if marker:
        line = text.count("\n", 0, marker.start()) + 1
        raise CracksError(
            f"{source}, line {line}: a merge conflict is unresolved; take one side "
            f"(`git checkout --ours {source}` or `--theirs`), then run `dvc repro` and commit: "
            "features come from the cache."
        )
