"""`review`: what a change did to the classifiers."""

import sys
from collections.abc import Sequence

from cracks.pipeline.errors import CracksError
from cracks.pipeline.paths import EVALUATION
from cracks.review.comparison import failed_conditions, why_not_comparable
from cracks.review.markdown import as_json, as_markdown, metrics_table
from cracks.review.sides import read_commit, read_tree, resolve, stale_stages


def run(base: str, fail_if: Sequence[str], *, json: bool) -> int:
    """Print the review of the working tree against `base`.

    Returns:
        The exit code: 1 if a condition of `fail_if` holds.

    Raises:
        CracksError: if there is no such commit, no results, or a condition cannot be read.
    """
    revision, commit = resolve(base)
    before, now = read_commit(revision, commit), read_tree()
    stale = stale_stages()
    if now is None:
        raise CracksError(
            f"Expected {EVALUATION} in the working tree, found none; run `dvc repro`."
        )
    if before is None:
        print(f"{revision} ({commit[:7]}) has no {EVALUATION}: nothing to compare with.\n")
        print(metrics_table(now.metrics))
        return 0
    reason = why_not_comparable(before, now)
    failed = failed_conditions(fail_if, before.metrics, now.metrics)
    if reason and fail_if:
        failed = [f"the sides cannot be compared: {reason}"]
    render = as_json if json else as_markdown
    print(render(before, now, stale, reason))
    for condition in failed:
        print(f"Failed: {condition}", file=sys.stderr)
    return int(bool(failed))
