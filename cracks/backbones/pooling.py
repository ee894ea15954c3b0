"""Pooling of a feature map into features: the generalised mean of each channel over the places.

(mean of x^p)^(1/p), with p = 4 (Radenovic, Tolias and Chum 2019, "Fine-tuning CNN image retrieval
with no human annotation", eq. 3). A crack covers few places of an image; the plain mean (p = 1)
dilutes them, and the maximum (p = infinity) is one place alone. The fourth root is two square
roots, which IEEE 754 rounds correctly, so the root adds no difference between processors.
"""

from typing import Any

from cracks.runtime.keras_import import import_keras


def generalised_mean(feature_map: Any) -> Any:
    """The features `[n, channels]` of a Keras tensor `[n, h, w, channels]`."""
    ops = import_keras().ops

    return _fourth_root(ops.mean(_fourth_power(feature_map), axis=(1, 2)))


def generalised_means_of_cells(feature_map: Any, side: int) -> Any:
    """The features of each cell of `side` x `side` places: `[n, rows, columns, channels]`.

    They are what `generalised_mean` gives for the cell alone. Cells at the edges have fewer
    places if the map's sides are not multiples of `side`.
    """
    ops = import_keras().ops

    power = _fourth_power(feature_map)
    return _fourth_root(ops.average_pool(power, side, side, padding="same"))


def _fourth_power(values: Any) -> Any:
    square = values * values
    return square * square


def _fourth_root(values: Any) -> Any:
    ops = import_keras().ops

    return ops.sqrt(ops.sqrt(values))
