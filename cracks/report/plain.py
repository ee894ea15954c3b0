"""What the results say, for those who have a wall and know nothing of classifiers."""

from cracks.backbones.catalogue import title
from cracks.evaluation.verdict import Values, tested
from cracks.project.params import SAMPLE, Params
from cracks.report.learned import backbones_learned_from, saw_no_photograph
from cracks.tables.labels import TRAIN


def plain_words(metrics: Values, split: Values, params: Params) -> list[str]:
    """What was trained on what, how many of ten cracks are found, and what that says of a wall.

    Args:
        metrics: those of the test part, by `<backbone>.<name>`.
        split: counts of images by part and class.
        params: those of the run.
    """
    drawn = params.dataset == SAMPLE
    things = "drawings of walls, not photographs" if drawn else "images"
    train = int(split[f"{TRAIN}.negative"] + split[f"{TRAIN}.positive"])
    learned = backbones_learned_from(params.weights)
    found = "; ".join(_found(name, metrics) for name in params.weights)
    if drawn:
        unseen = "No classifier" if saw_no_photograph(params.weights) else "No head"
        caveat = (
            f"{unseen} has seen a photograph of a real wall. Expect worse results on yours, and "
            "do not take “no crack” for an all-clear: label fifty photographs of your own and "
            "measure how well it does on them (python -m cracks external)."
        )
    else:
        caveat = (
            "That holds for images like these. On another wall or with another camera, expect "
            "less until it is measured there (python -m cracks external)."
        )
    return [
        "A classifier has two parts.",
        f"Its backbone, which turns an image into numbers, was pre-trained: {learned}.",
        f"Its head, which decides, was trained on {train:,} {things}.",
        f"Each classifier was then tested on {tested(split):,} others: {found}.",
        caveat,
    ]


def _found(backbone: str, metrics: Values) -> str:
    recall, false = metrics[f"{backbone}.recall"], metrics[f"{backbone}.fp"]
    sound = false + metrics[f"{backbone}.tn"]
    return (
        f"{title(backbone)} found {_of_ten(recall)} of ten cracks and reported a "
        f"crack in {_of_ten(false / sound)} of ten images that have none"
    )


def _of_ten(share: float) -> str:
    """A share as a number of ten, one decimal unless it is whole; only all is 10, only none 0."""
    if 0 < share < 1:
        share = min(max(share, 0.01), 0.99)
    return f"{10 * share:.1f}".removesuffix(".0")
