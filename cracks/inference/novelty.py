"""How far a photograph is from the images that a head was trained on."""

from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from cracks.backbones.engines.batches import BATCH
from cracks.images.decoding import RGB, to_input
from cracks.inference.classifier import LocalClassifier
from cracks.inference.crack_map import patch_corners
from cracks.pipeline.row_file import FEATURES, open_rows

_SAMPLE = 1000  # training images that a photograph is compared with
_USUAL = 0.95  # share of training images that are nearer to another one than what is unfamiliar


class Familiar:
    """The features of a sample of the training images, each channel in units of its deviation."""

    def __init__(self, path: Path) -> None:
        """Read the features that `precompute` wrote."""
        _, rows = open_rows(path, FEATURES)
        every = -(-len(rows) // _SAMPLE)
        features = np.asarray(rows[::every, 0], np.float64)
        self._deviation = np.maximum(features.std(axis=0), 1e-6)
        self._features = features / self._deviation

    @cached_property
    def _usual(self) -> float:
        """The distance to the nearest other image that most training images do not exceed."""
        distances = cdist(self._features, self._features)
        np.fill_diagonal(distances, np.inf)
        return float(np.quantile(distances.min(axis=1), _USUAL))

    def unfamiliar_share(self, features: NDArray[np.float32]) -> float:
        """The share of rows `[n, channels]` that are further from all images than is usual."""
        distances = cdist(features / self._deviation, self._features)
        return float((distances.min(axis=1) > self._usual).mean())


def sample_features(rgb: RGB, classifier: LocalClassifier, patch: int) -> NDArray[np.float32]:
    """The features of up to one batch of patches, spread over a photograph."""
    corners = patch_corners(rgb.shape[1], rgb.shape[0], patch, patch)
    places = np.unique(np.linspace(0, len(corners) - 1, BATCH).round().astype(int))
    patches = [
        to_input(rgb[y : y + patch, x : x + patch], classifier.image_size)
        for x, y in (corners[place] for place in places)
    ]
    return classifier.engine(np.stack(patches)).features
