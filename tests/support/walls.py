"""A wall with a planted crack, and a classifier that sees dark places."""

import numpy as np

from cracks.backbones.engines.registry import FeaturesAndMaps
from cracks.heads.head import LinearHead
from cracks.images.decoding import RGB
from cracks.inference.classifier import LocalClassifier

SIZE = 32
"""Pixels of a side of the classifier's input."""

PATCH = 64

CRACK = np.s_[100:300, 200:206]
"""Where `wall` is cracked: 200 pixels long, 6 wide."""


def darkest(batch: np.ndarray) -> FeaturesAndMaps:
    """A backbone of one feature at 4 x 4 places: how dark the darkest pixel is."""
    places = batch.reshape(len(batch), 4, 8, 4, 8, 3).min(axis=(2, 4, 5))
    maps = (255.0 - places[..., np.newaxis]).astype(np.float32)
    return FeaturesAndMaps(maps.mean(axis=(1, 2)), maps)


CLASSIFIER = LocalClassifier("vgg16", 0.5, SIZE, darkest, LinearHead(np.array([0.4]), -50.0))


def wall() -> RGB:
    """400 x 300 pixels, uint8 `[400, 300, 3]`."""
    noise = np.random.default_rng(0).normal(200, 3, (400, 300, 1))
    rgb = np.repeat(np.rint(noise), 3, axis=2).astype(np.uint8)
    rgb[CRACK] = 40
    return rgb
