"""A trained classifier, from the pixels of an image to the probability of a crack.

It uses the pipeline's own decoding, backbone and head, so that training and use cannot differ.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from cracks.backbones.catalogue import backbone_named
from cracks.backbones.engines.batches import Pixels, run_batched
from cracks.backbones.engines.registry import Features, load_engine, load_map_engine
from cracks.evaluation.metrics import is_crack
from cracks.heads.head import LinearHead, linear_head
from cracks.images.decoding import RGB
from cracks.inference.activation_map import class_activation_map
from cracks.pipeline.errors import CracksError
from cracks.pipeline.inputs import read_numbers
from cracks.pipeline.labels import NEGATIVE, POSITIVE
from cracks.pipeline.params import Params
from cracks.pipeline.paths import EVALUATION, head_path, weights_path

Item = TypeVar("Item")


@dataclass(frozen=True)
class Classifier:
    """One backbone with its head and the threshold that `evaluate` applied."""

    backbone: str
    threshold: float
    image_size: int
    engine: Callable[[Pixels], Features]
    head: LinearHead

    def probabilities(self, inputs: Iterable[tuple[Item, RGB]]) -> Iterator[tuple[Item, float]]:
        """P(crack) of each `(item, pixels)`, the pixels as `to_input` gives them."""
        for items, features in run_batched(self.engine, inputs):
            yield from zip(items, map(float, self.head.probability(features)), strict=True)

    def label(self, probability: float) -> str:
        """The class by the threshold."""
        return POSITIVE if is_crack(np.array(probability), self.threshold) else NEGATIVE


def load_classifier(backbone: str, params: Params) -> Classifier:
    """The classifier that the last `dvc repro` trained.

    Raises:
        CracksError: if the backbone is unknown, nothing was trained, or a file is damaged.
    """
    weights, head, threshold = _parts(backbone)
    engine = load_engine(params.engine, backbone, weights, params.image_size, params.precision)
    return Classifier(backbone, threshold, params.image_size, engine, head)


def activation_maps(
    backbone: str, params: Params, inputs: Iterable[tuple[Item, RGB]]
) -> Iterator[tuple[Item, NDArray[np.float64]]]:
    """The class activation map of each `(item, pixels)`."""
    weights, head, _ = _parts(backbone)
    engine = load_map_engine(params.engine, backbone, weights, params.image_size, params.precision)
    for items, result in run_batched(engine, inputs):
        yield from zip(items, class_activation_map(result.maps, head), strict=True)


def _parts(backbone: str) -> tuple[Path, LinearHead, float]:
    channels = backbone_named(backbone).features
    head = linear_head(head_path(backbone))
    if len(head.weights) != channels:
        raise CracksError(
            f"Expected a head on {channels:,} features at {head_path(backbone)}, found one on "
            f"{len(head.weights):,}; run `dvc checkout` or `dvc repro`."
        )
    weights = weights_path(backbone)
    if not weights.is_file():
        raise CracksError(f"Expected the weights of {backbone} at {weights}; run `dvc repro`.")
    return weights, head, float(read_numbers(EVALUATION)[f"{backbone}.threshold"])
