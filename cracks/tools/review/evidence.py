"""Recomputes metrics from the predictions in Git, and reports those that differ.

Standard deviations over seeds, a threshold chosen on valid, the leak and the metrics of train and
valid cannot be recomputed: they need files that are not in Git.
"""

from cracks.evaluation.details import comparisons
from cracks.evaluation.metrics import evaluate_part
from cracks.project.errors import CracksError
from cracks.project.params import flatten
from cracks.project.paths import PREDICTIONS
from cracks.tables.labels import CLASSES
from cracks.tools.review.sides import Side

NOT_RECOMPUTED = "deviations over seeds, thresholds and the leak"

TOLERANCE = 1.5e-4
"""One unit in the last digit of metrics, which another processor may round differently."""


def mismatches(side: Side) -> list[str]:
    """The metrics that do not follow from the predictions, one sentence each."""
    wrong = []
    for backbone, own in side.scored.items():
        answers = side.tested.answers[backbone]
        predicted = (answers["predicted"] == CLASSES[1]).to_numpy()
        differ = (predicted != own.predicted) | (answers["correct"].to_numpy() != own.right)
        if differ.any():
            wrong.append(
                f"{PREDICTIONS}: {differ.sum():,} answers of {backbone} do not follow from their "
                f"probabilities and the threshold of {own.threshold:g}"
            )
    try:
        recomputed = flatten({name: evaluate_part(own) for name, own in side.scored.items()})
    except CracksError:
        return [f"{PREDICTIONS} has no cracked and uncracked images", *wrong]
    if not wrong:
        recomputed |= comparisons(side.scored)
    reported = side.numbers
    differing = [
        f"{name} is {reported[name]:g}, the predictions give {value:.6g}"
        for name, value in recomputed.items()
        if name in reported and abs(reported[name] - value) > TOLERANCE
    ]
    return [*differing, *wrong]
