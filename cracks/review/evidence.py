"""Whether metrics are those of the predictions beside them.

Not all can be recomputed: standard deviations over seeds, a threshold chosen on valid, the leak and
the metrics of train and valid need files that are not in Git.
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
"""One in the last digit that metrics have: another processor may round there."""


def mismatches(side: Side) -> list[str]:
    """The numbers of the metrics that do not follow from the predictions, one sentence each."""
    scored, wrong = {}, []
    recomputed: dict[str, float] = {}
    for backbone in side.backbones:
        one = scored_of(side.predictions, backbone, side.metrics[f"{backbone}.threshold"])
        try:
            found = evaluate_part(one)
        except CracksError:
            wrong.append(f"{PREDICTIONS} has no cracked and uncracked images by {backbone}")
            continue
        scored[backbone] = one
        recomputed |= {f"{backbone}.{name}": value for name, value in found.items()}
        rows = side.predictions[side.predictions["backbone"] == backbone]
        said = (rows["predicted"] == CLASSES[1]).to_numpy()
        differ = (said != one.predicted) | (rows["correct"].to_numpy() != one.right)
        if differ.any():
            wrong.append(
                f"{PREDICTIONS}: {differ.sum():,} answers of {backbone} do not follow from their "
                f"probabilities and the threshold of {one.threshold:g}"
            )
    if not wrong:
        recomputed |= comparisons(scored)
    return [*_differing(side.numbers, recomputed), *wrong]


def _differing(said: Mapping[str, float], recomputed: Mapping[str, float]) -> list[str]:
    return [
        f"{name} is {said[name]:g}, the predictions give {value:.6g}"
        for name, value in recomputed.items()
        if name in said and abs(said[name] - value) > TOLERANCE
    ]
