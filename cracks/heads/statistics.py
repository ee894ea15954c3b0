"""Mean and deviation of features, by channel."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from cracks.project.errors import CracksError

Features = NDArray[np.float32]
Numbers = NDArray[np.float64]

_Result = TypeVar("_Result")

_ROWS_AT_ONCE = 2048
_WORKERS = 4  # threads, each with a chunk in memory
_MIN_VARIANCE = 1e-4  # of a channel, as a share of the mean over channels


class Statistics(NamedTuple):
    """The mean and the deviation of each channel."""

    mean: Numbers  # [channels]
    deviation: Numbers  # [channels], above 0


def statistics_of(features: Features) -> Statistics:
    """The statistics of features `[n, channels]`.

    Deviations are at least a hundredth of the root mean square deviation of all channels: divided
    by a deviation close to zero, near-constant channels would dominate on new photographs.

    Raises:
        CracksError: if all rows are equal.
    """
    mean = features.mean(axis=0, dtype=np.float64)
    squares = mapped(lambda rows: ((rows - mean) ** 2).sum(axis=0), features)
    variance = sum(squares) / len(features)
    if not variance.any():
        raise CracksError(
            f"Expected images whose features differ, found {len(features)} rows of the same "
            "numbers; look at the images and at the backbone's weights."
        )
    return Statistics(mean, np.sqrt(np.maximum(variance, _MIN_VARIANCE * variance.mean())))


def mapped(function: Callable[[Features], _Result], features: Features) -> Iterator[_Result]:
    """Apply a function to chunks of rows in parallel; results come in the order of the rows."""
    starts = range(0, len(features), _ROWS_AT_ONCE)
    parts = [features[start : start + _ROWS_AT_ONCE] for start in starts]
    with ThreadPoolExecutor(_WORKERS) as pool:
        for first in range(0, len(parts), _WORKERS):  # results must not pile up
            yield from pool.map(function, parts[first : first + _WORKERS])
