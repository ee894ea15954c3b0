"""`review`: how a change affected the classifiers."""

import sys
from collections.abc import Sequence
from enum import IntEnum

from cracks.pipeline.errors import CracksError
from cracks.pipeline.params import load_params
from cracks.pipeline.paths import EVALUATION
from cracks.review.comparison import Review, failed_conditions
from cracks.review.evidence import mismatches
from cracks.review.markdown import as_json, as_json_alone, as_markdown, doubtful, metrics_table
from cracks.review.sides import Side, read_side
from cracks.review.snapshots import WorkingTree, resolve
from cracks.review.staleness import Staleness, find_stale


class Exit(IntEnum):
    """Exit codes, beside 1 for an error and 2 for a mistake on the command line."""

    GOOD = 0
    CONDITION = 3  # one of --fail-if is true
    NOT_COMPARABLE = 4  # --fail-if cannot be judged
    STALE = 5
    MISMATCH = 6  # the metrics are not those of the predictions


def run(base: str, fail_if: Sequence[str], *, json: bool) -> int:
    """Print the review of the working tree against `base`.

    Returns:
        The exit code, an `Exit`.

    Raises:
        CracksError: if there is no such commit, no results, a parameter or a condition is invalid,
            or a file has the conflict markers of a merge.
    """
    name, commit = resolve(base)
    tree = WorkingTree()
    stale = find_stale(tree, "HEAD", commit.sha)
    load_params()  # raises if they are invalid
    now = read_side("the working tree", tree)
    if now is None:
        raise CracksError(
            f"Expected {EVALUATION} in the working tree, found none; run `dvc repro`."
        )
    wrong = mismatches(now)
    before = read_side(name, commit)
    if before is None:
        if json:
            print(as_json_alone(name, wrong, stale))
        else:
            print("\n\n".join([*doubtful(wrong, stale), _nothing_to_compare(name, now)]))
        return _exit_code(wrong, stale, judged=not fail_if)
    review = Review(
        base=before,
        now=now,
        stale=stale,
        stale_base=find_stale(commit, commit.sha),
        mismatches=wrong,
        mismatches_base=mismatches(before) if "sha256" in before.predictions else (),
    )
    print(as_json(review) if json else as_markdown(review))
    if review.not_comparable:
        return _exit_code(wrong, stale, judged=not fail_if)
    failed = failed_conditions(fail_if, before.numbers, now.numbers)
    for condition in failed:
        print(f"Failed: {condition}", file=sys.stderr)
    return _exit_code(wrong, stale, judged=True, failed=bool(failed))


def _nothing_to_compare(name: str, now: Side) -> str:
    return f"{name} has no {EVALUATION}: nothing to compare with.\n\n{metrics_table(now)}"


def _exit_code(
    wrong: Sequence[str], stale: Staleness, *, judged: bool, failed: bool = False
) -> Exit:
    """The most serious finding, which has the highest code."""
    if wrong:
        return Exit.MISMATCH
    if stale:
        return Exit.STALE
    if not judged:
        return Exit.NOT_COMPARABLE
    return Exit.CONDITION if failed else Exit.GOOD
