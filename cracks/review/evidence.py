"""Recomputes metrics from the predictions in Git, and reports those that differ.

Standard deviations over seeds, a threshold chosen on valid, the leak and the metrics of train and
valid cannot be recomputed: they need files that are not in Git.
"""

from collections.abc import Mapping

from cracks.evaluation.details import comparisons
from cracks.evaluation.metrics import evaluate_part
from cracks.evaluation.predictions import scored_of
from cracks.pipeline.errors import CracksError
from cracks.pipeline.labels import CLASSES
from cracks.pipeline.paths import PREDICTIONS
from cracks.review.sides import Side

NOT_RECOMPUTED = "deviations over seeds, thresholds and the leak"

TOLERANCE = 1.5e-4
"""One unit in the last digit of metrics, which another processor may round differently."""


def mismatches(side: Side) -> list[str]:
    """The metrics that do not follow from the predictions, one sentence each."""
    scored, wrong = {}, []
    recomputed: dict[str, float] = {}
    for backbone in side.backbones:
        backbone_scores = scored_of(
            side.predictions, backbone, side.metrics[f"{backbone}.threshold"]
        )
        try:
            metrics = evaluate_part(backbone_scores)
        except CracksError:
            wrong.append(f"{PREDICTIONS} has no cracked and uncracked images by {backbone}")
            continue
        scored[backbone] = backbone_scores
        recomputed |= {f"{backbone}.{name}": value for name, value in metrics.items()}
        rows = side.predictions[side.predictions["backbone"] == backbone]
        predicted = (rows["predicted"] == CLASSES[1]).to_numpy()
        correct = rows["correct"].to_numpy()
        differ = (predicted != backbone_scores.predicted) | (correct != backbone_scores.right)
        if differ.any():
            wrong.append(
                f"{PREDICTIONS}: {differ.sum():,} answers of {backbone} do not follow from their "
                f"probabilities and the threshold of {backbone_scores.threshold:g}"
            )
    if not wrong:
        recomputed |= comparisons(scored)
    return [*_differing(side.numbers, recomputed), *wrong]


def _differing(reported: Mapping[str, float], recomputed: Mapping[str, float]) -> list[str]:
    return [
        f"{name} is {reported[name]:g}, the predictions give {value:.6g}"
        for name, value in recomputed.items()
        if name in reported and abs(reported[name] - value) > TOLERANCE
    ]
