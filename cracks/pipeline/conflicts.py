"""Files that a merge left with both sides in them."""

import re
from pathlib import Path

from cracks.pipeline.errors import CracksError

_MARKER = re.compile(r"^(<<<<<<<|>>>>>>>) ", re.MULTILINE)


def refuse_conflict(path: Path, text: str) -> str:
    """The text, if it is not what a merge with conflicts left.

    Raises:
        CracksError: if it has conflict markers; the sentence says the way out.
    """
    if _MARKER.search(text):
        raise CracksError(
            f"Expected {path} as one side has it, found the conflict markers of a merge; take one "
            f"side (`git checkout --ours {path}` or `--theirs`), then run `dvc repro` and commit: "
            "features come from the cache."
        )
    return text
