"""Features of new images, shifted and scaled channel by channel to the statistics of the training.

Another camera or another wall moves all features of a channel alike, whether there is a crack or
not. The mean and the deviation of the new images, which need no labels, undo this. They help if the
share of cracks is like that of the training. If it is not, the mean carries the class, and removing
it moves images across the threshold: docs/carry-over.md has measurements.
"""

import numpy as np
from numpy.typing import NDArray

from cracks.heads.head import LinearHead
from cracks.heads.statistics import Statistics, statistics_of
from cracks.pipeline.errors import CracksError

LEAST_IMAGES = 200
"""Fewer have no mean and deviation to rely on."""


def check_enough(images: int) -> None:
    """Raise `CracksError` if so few images have no statistics of their own."""
    if images < LEAST_IMAGES:
        raise CracksError(
            f"Expected at least {LEAST_IMAGES} images to standardise features by, found "
            f"{images:,}; add images, or leave out --standardise."
        )


def standardised(
    head: LinearHead, training: Statistics, features: NDArray[np.float32]
) -> LinearHead:
    """The head for images that are standardised by their own statistics.

    With means m and deviations s of the images, M and S of the training, it gives each row x the
    answer of `head` to `(x - m) / s * S + M`.

    Args:
        head: trained on features with the statistics `training`.
        training: of the features that `head` was trained on.
        features: of the images, `[n, channels]`; n at least `LEAST_IMAGES`.

    Raises:
        CracksError: if there are too few images, or the features of all are equal.
    """
    check_enough(len(features))
    own = statistics_of(features)
    weights = head.weights * training.deviation / own.deviation
    bias = head.bias + training.mean @ head.weights - own.mean @ weights
    return LinearHead(weights, float(bias))
