"""Features of new images, shifted and scaled channel by channel to the statistics of the training.

Another camera or another wall moves all features of a channel alike, whether there is a crack or
not. The mean and the deviation of the new images, which need no labels, undo this. They help if the
share of cracks is like that of the training. If it is not, the mean carries the class, and removing
it moves images across the threshold: docs/measurements/carry-over.md has measurements.
"""

from collections.abc import Iterable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from cracks.backbones.engines.batches import run_batched
from cracks.classifier.classifier import Classifier
from cracks.heads.head import LinearHead
from cracks.heads.statistics import Statistics, statistics_of
from cracks.images.decoding import RGB
from cracks.project.errors import CracksError

Item = TypeVar("Item")

LEAST_IMAGES = 200
"""Fewer do not give reliable means and deviations."""


def check_enough(images: int) -> None:
    """Raise `CracksError` if there are too few images for statistics of their own."""
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


def standardised_probabilities(
    classifier: Classifier, inputs: Iterable[tuple[Item, RGB]], training: Statistics
) -> dict[Item, float]:
    """P(crack) of each `(item, pixels)`, the features of all inputs held in memory.

    Args:
        classifier: whose head was trained on features with the statistics `training`.
        inputs: the pixels as `to_input` gives them; at least `LEAST_IMAGES`.
        training: of the features that the head was trained on.

    Raises:
        CracksError: if there are too few inputs, or the features of all are equal.
    """
    items: list[Item] = []
    batches: list[NDArray[np.float32]] = []
    for some, features in run_batched(classifier.engine, inputs):
        items += some
        batches.append(features)
    check_enough(len(items))
    features = np.concatenate(batches)
    head = standardised(classifier.head, training, features)
    return dict(zip(items, map(float, head.probability(features)), strict=True))
