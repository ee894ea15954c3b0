"""How far images are from those that a head was trained on.

The distance of an image is that to the nearest training image, between features in units of each
channel's deviation. Images of the valid part say what is usual: 5 % of them are called unlike the
training images, and of other images of that kind about as many.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
import scipy
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from cracks.backbones.engines.batches import Pixels
from cracks.backbones.engines.registry import Features, FeaturesAndMaps
from cracks.pipeline.errors import CracksError
from cracks.pipeline.labels import TRAIN, VALID
from cracks.pipeline.row_file import FEATURES, open_rows

USUAL_SHARE = 0.05
"""Share of the valid part that is called unlike the training images."""

_SAMPLE = 1000  # images of a part that are used, at most
_LEAST_DEVIATION = 0.001  # of the mean one: a channel that hardly varies must not decide alone
_CLEAR_SHARE = 2 * USUAL_SHARE
_SIGNIFICANT = 0.001

Result = TypeVar("Result", bound=Features | FeaturesAndMaps)


class Familiar:
    """The features of training images by one backbone, and the distances that are usual."""

    def __init__(self, path: Path, split: pd.DataFrame) -> None:
        """Read the features of the train and valid parts, of about a thousand images each at most.

        Args:
            path: the features that `precompute` wrote.
            split: the table that `split` wrote.

        Raises:
            CracksError: if the features are missing, damaged, or not those of the split's images.
        """
        features = _features(path, split, TRAIN)
        deviation = features.std(axis=0)
        self._deviation = np.maximum(deviation, _LEAST_DEVIATION * deviation.mean())
        self._train = features / self._deviation
        self._valid = self.distances(_features(path, split, VALID))
        self._usual = np.quantile(self._valid, 1 - USUAL_SHARE)

    def distances(self, features: NDArray[np.floating]) -> NDArray[np.float64]:
        """The distance of each row `[n, channels]` to the nearest training image."""
        blocks = (features[start : start + _SAMPLE] for start in range(0, len(features), _SAMPLE))
        found = [cdist(rows / self._deviation, self._train).min(axis=1) for rows in blocks]
        return np.concatenate(found)

    def unlike_share(self, distances: Sequence[float] | NDArray[np.float64]) -> float:
        """The share of images that are further away than is usual, from their distances."""
        return float((np.asarray(distances) > self._usual).mean())

    def clearly_unlike(self, distances: Sequence[float]) -> bool:
        """Whether more images are unlike the training images than chance explains.

        They are if at least 10 % are, and Fisher's exact test against the valid part has p < 0.001;
        or if all of them are further away than every image of valid: so one image is enough.
        """
        if min(distances) > self._valid.max():
            return True
        table = [_counted(np.asarray(d) > self._usual) for d in (distances, self._valid)]
        p = scipy.stats.fisher_exact(table, alternative="greater").pvalue
        return self.unlike_share(distances) >= _CLEAR_SHARE and bool(p < _SIGNIFICANT)

    def watching(
        self, engine: Callable[[Pixels], Result], distances: list[float]
    ) -> Callable[[Pixels], Result]:
        """The engine, which also appends the distance of each image it sees to `distances`."""

        def watched(pixels: Pixels) -> Result:
            result = engine(pixels)
            features = result.features if isinstance(result, FeaturesAndMaps) else result
            distances.extend(self.distances(features).tolist())
            return result

        return watched


def _features(path: Path, split: pd.DataFrame, part: str) -> NDArray[np.float64]:
    """The features of images of a part, spread evenly over it: `[n, channels]`."""
    ids, rows = open_rows(path, FEATURES)
    place = {name: index for index, name in enumerate(ids)}
    names = split.loc[split["part"] == part, "id"]
    names = names.iloc[:: max(-(-len(names) // _SAMPLE), 1)]
    chosen = [place[name] for name in names if name in place]
    if not chosen or len(chosen) < len(names):
        raise CracksError(
            f"Expected features of the images of {part} in {path}, found those of {len(chosen)} "
            f"of {len(names)}; run `dvc repro`."
        )
    return np.asarray(rows[chosen, 0], np.float64)


def _counted(unlike: NDArray[np.bool_]) -> tuple[int, int]:
    return int(unlike.sum()), int((~unlike).sum())
