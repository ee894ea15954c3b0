"""A review as JSON, for machines."""

import json
from typing import Any

from cracks.tools.review.comparison import Change, changed_values
from cracks.tools.review.review import Review


def as_json(review: Review) -> str:
    """The whole review; what is not known is null."""
    comparison, data, files = review.comparison, review.data, review.files
    base, now = review.base, review.now
    values: dict[str, Any] = {
        "base": review.base_name,
        "failed": list(review.failed),
        "mismatches": list(review.mismatches),
        "stale": review.stale,
        "base_doubts": list(review.base_doubts),
        "not_comparable": comparison.impossible,
        "test_images": {
            "shared": comparison.images,
            "base": comparison.base_images,
            "now": comparison.now_images,
        },
        "verdicts": {one.backbone: one.verdict for one in comparison.classifiers},
        "duels": [duel._asdict() for duel in comparison.duels],
        "metrics": [_change(change) for change in comparison.changes.values() if change.better],
        "flips": {
            one.backbone: {
                kind: [flip._asdict() for flip in flips] for kind, flips in one.flips.items()
            }
            for one in comparison.classifiers
        },
        "data": vars(data) if data else None,
        "params": _records(changed_values(base.params, now.params)) if base else None,
        "packages": _records(changed_values(base.packages, now.packages)) if base else None,
        "files": {str(path): stages for path, stages in files.read.items()},
        "commits": [{"sha": sha, "subject": subject} for sha, subject in files.commits],
        "comments_only": [str(path) for path in files.comments],
        "written_by_dvc": [str(path) for path in files.written],
    }
    return json.dumps(values, indent=2)


def _change(change: Change) -> dict[str, Any]:
    return {
        "metric": change.metric,
        "base": change.base,
        "now": change.now,
        "difference": change.difference,
        "better": None if not change.difference else change.difference * change.better > 0,
        "noise": change.is_noise,
        "mcnemar_p": change.mcnemar_p,
        "seeds_p": change.seeds_p,
    }


def _records(changed: list[tuple[str, Any, Any]]) -> list[dict[str, Any]]:
    return [{"key": key, "base": before, "now": after} for key, before, after in changed]
