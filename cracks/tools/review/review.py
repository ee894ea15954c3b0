"""A review: both sides, and everything that was found out about their difference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cracks.project.errors import CracksError
from cracks.tools.review.comparison import Comparison, compare_sides
from cracks.tools.review.conditions import Condition, failed_changes, unmet
from cracks.tools.review.data_change import DataChange, find_data_change
from cracks.tools.review.evidence import mismatches
from cracks.tools.review.file_change import FileChange, find_file_change
from cracks.tools.review.sides import Side, missing_results, read_side
from cracks.tools.review.snapshots import Commit, WorkingTree
from cracks.tools.review.staleness import find_stale


@dataclass(frozen=True)
class Review:
    """What there is to say about the working tree beside a commit."""

    base_name: str
    now: Side
    stale: Mapping[str, Sequence[str]]  # what changed, by stage
    mismatches: Sequence[str]  # numbers that do not follow from the predictions
    files: FileChange
    comparison: Comparison
    base: Side | None = None  # None if it has no results, or none that can be read
    base_doubts: Sequence[str] = ()  # reasons not to believe the base, in sentences
    data: DataChange | None = None  # None if it is not known
    failed: Sequence[str] = ()  # conditions, in sentences
    unjudged: bool = False  # there are conditions on the change, and it cannot be judged


def make_review(
    base_name: str, commit: Commit, fail_if: Sequence[Condition], require: Sequence[Condition]
) -> Review:
    """Review the working tree against a commit.

    Args:
        base_name: what the commit is called.
        commit: the base.
        fail_if: conditions on the change of a metric that must not be true.
        require: conditions on a metric that must be.

    Raises:
        CracksError: if the working tree has no results, if one of its files is damaged or in
            conflict, or if a condition names no metric.
    """
    tree = WorkingTree()
    stale = find_stale(tree, "HEAD", commit.sha)
    now = read_side("the working tree", tree)
    base, doubts = _read_base(base_name, commit)
    comparison = compare_sides(base, now) if base else Comparison(impossible=doubts[0])
    failed = _failed(comparison, base, now, fail_if) if base and comparison.can_judge else []
    return Review(
        base_name=base_name,
        now=now,
        stale=stale,
        mismatches=mismatches(now),
        files=find_file_change(commit, tree),
        comparison=comparison,
        base=base,
        base_doubts=doubts if base else (),
        data=find_data_change(base, now) if base else None,
        failed=[*failed, *unmet(require, now.numbers)],
        unjudged=bool(fail_if) and not comparison.can_judge,
    )


def _read_base(name: str, commit: Commit) -> tuple[Side | None, list[str]]:
    """The base and reasons not to believe it, or None and the reason why there is none.

    What is wrong with the base must not stop a change that mends it.
    """
    if missing := missing_results(commit):
        return None, [f"{name} has no {missing}"]
    try:
        base = read_side(name, commit)
    except CracksError as error:
        return None, [f"the results of {name} cannot be read ({str(error).rstrip('.')})"]
    doubts = []
    if "sha256" in base.tested.images:
        doubts += [
            f"The metrics of {name} are not those of its predictions: {sentence}."
            for sentence in mismatches(base)
        ]
    try:
        stale = find_stale(commit, commit.sha)
    except CracksError as error:
        return base, [*doubts, f"Whether the results of {name} are stale is unknown: {error}"]
    if stale:
        doubts.append(f"The results of {name} are stale themselves ({', '.join(stale)}).")
    return base, doubts


def _failed(
    comparison: Comparison, base: Side, now: Side, fail_if: Sequence[Condition]
) -> list[str]:
    changes = comparison.changes
    if comparison.is_whole:
        return failed_changes(fail_if, base.numbers, now.numbers, changes)
    before = {name: change.base for name, change in changes.items()}
    after = {name: change.now for name, change in changes.items()}
    return failed_changes(fail_if, before, after, changes)
