"""What people should know before they rely on a classifier, on standard error."""

import sys
from collections.abc import Sequence

from cracks.evaluation.verdict import title
from cracks.heads.head import read_origin
from cracks.inference.novelty import USUAL_SHARE, Familiar
from cracks.pipeline.errors import CracksError
from cracks.pipeline.inputs import read_split
from cracks.pipeline.paths import features_path, head_path

_DRAWN = "sample"  # the source whose images are drawn


def warn_of_drawings(backbones: Sequence[str]) -> None:
    """Say which heads were trained on drawings, if any.

    Raises:
        CracksError: if a head is missing or damaged.
    """
    drawn = [b for b in backbones if read_origin(head_path(b)).dataset == _DRAWN]
    if drawn:
        print(
            "Trained on drawings, not on photographs: check "
            f"{' and '.join(map(title, drawn))} on labelled photographs of your own with `python "
            "-m cracks external`, or train on them (README.md, “Your own photographs”).",
            file=sys.stderr,
        )


def load_familiar(backbones: Sequence[str]) -> dict[str, Familiar]:
    """The training features by backbone; those that cannot be read are left out with a line."""
    found, reasons = dict[str, Familiar](), dict[str, None]()
    for backbone in backbones:
        try:
            found[backbone] = Familiar(features_path(backbone), read_split())
        except CracksError as error:
            reasons[str(error)] = None
    for reason in reasons:
        print(
            f"Not checked whether the images are like the training images: {reason}",
            file=sys.stderr,
        )
    return found


def warn_of_unlike(backbone: str, familiar: Familiar, distances: Sequence[float]) -> None:
    """Say which share of images is unlike the training images, if clearly more than usual."""
    if distances and familiar.clearly_unlike(distances):
        print(
            f"{title(backbone)}: {100 * familiar.unlike_share(distances):.1f} % of the images are "
            f"unlike the training images, {100 * USUAL_SHARE:.0f} % would be usual. Do not trust "
            "these probabilities before a check on labelled images (`python -m cracks external`).",
            file=sys.stderr,
        )
