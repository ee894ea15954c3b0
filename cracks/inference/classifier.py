"""A trained classifier, from the pixels of an image to the probability of a crack.

It uses the pipeline's own decoding, backbone and head, so that training and use cannot differ.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from cracks.backbones.catalogue import backbone_named
from cracks.backbones.engines.batches import Pixels, run_batched
from cracks.backbones.engines.registry import (
    Features,
    FeaturesAndMaps,
    load_engine,
    load_map_engine,
)
from cracks.evaluation.metrics import is_crack
from cracks.heads.head import LinearHead, Origin, linear_head, read_origin
from cracks.heads.standardisation import check_enough, standardised
from cracks.heads.statistics import Statistics
from cracks.images.decoding import RGB
from cracks.inference.activation_map import activation_maps
from cracks.pipeline.errors import CracksError
from cracks.pipeline.inputs import read_numbers
from cracks.pipeline.labels import NEGATIVE, POSITIVE
from cracks.pipeline.outputs import sha256_of
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

    def standardised_probabilities(
        self, inputs: Iterable[tuple[Item, RGB]], training: Statistics
    ) -> dict[Item, float]:
        """As `probabilities`, by features standardised with those of all inputs, held in memory.

        `training` are the statistics of the features that the head was trained on.

        Raises:
            CracksError: if there are too few inputs, or the features of all are equal.
        """
        items: list[Item] = []
        batches: list[Features] = []
        for some, features in run_batched(self.engine, inputs):
            items += some
            batches.append(features)
        check_enough(len(items))
        features = np.concatenate(batches)
        head = standardised(self.head, training, features)
        return dict(zip(items, map(float, head.probability(features)), strict=True))


def label_of(probability: float, threshold: float) -> str:
    """The class by the threshold that `evaluate` applied."""
    return POSITIVE if is_crack(np.array(probability), threshold) else NEGATIVE


@dataclass(frozen=True)
class LocalClassifier:
    """As `Classifier`, for the evidence at each place of an image."""

    backbone: str
    threshold: float
    image_size: int
    engine: Callable[[Pixels], FeaturesAndMaps]
    head: LinearHead

    def activation_maps(
        self, inputs: Iterable[tuple[Item, RGB]]
    ) -> Iterator[tuple[Item, NDArray[np.float64]]]:
        """The activation map of each `(item, pixels)`, the pixels as `to_input` gives them.

        The mean of a map is the logit of the image.
        """
        for items, result in run_batched(self.engine, inputs):
            yield from zip(items, activation_maps(*result, self.head), strict=True)


def load_classifier(backbone: str, params: Params) -> Classifier:
    """The classifier that the last `dvc repro` trained.

    Raises:
        CracksError: if the backbone is unknown, nothing was trained, or a file is damaged.
    """
    return load_trained(backbone).classifier(params.engine, weights_path(backbone))


def load_local_classifier(backbone: str, params: Params) -> LocalClassifier:
    """As `load_classifier`, for the evidence at each place of an image.

    Raises:
        CracksError: if the backbone is unknown, nothing was trained, or a file is damaged.
    """
    return load_trained(backbone).local_classifier(params.engine, weights_path(backbone))


class Trained(NamedTuple):
    """What the last `dvc repro` left of one backbone."""

    head: LinearHead
    origin: Origin
    threshold: float

    def classifier(self, engine: str, weights: Path) -> Classifier:
        """The classifier by the backbone whose weights are in that file, run by that engine."""
        name, size = self.origin.backbone, self.origin.image_size
        run = load_engine(engine, name, weights, size, self.origin.precision)
        return Classifier(name, self.threshold, size, run, self.head)

    def local_classifier(self, engine: str, weights: Path) -> LocalClassifier:
        """As `classifier`, for the evidence at each place of an image."""
        name, size = self.origin.backbone, self.origin.image_size
        run = load_map_engine(engine, name, weights, size, self.origin.precision)
        return LocalClassifier(name, self.threshold, size, run, self.head)


def load_trained(backbone: str) -> Trained:
    """The trained head, what it was trained on, and the threshold that `evaluate` applied.

    The image size and the precision are those of the training, whatever params.yaml says today.

    Raises:
        CracksError: if the backbone is unknown, nothing was trained, a file is damaged, or the
            head was trained on features of another layer or of other weights.
    """
    entry = backbone_named(backbone)
    head, origin = linear_head(head_path(backbone)), read_origin(head_path(backbone))
    if len(head.weights) != entry.features:
        raise CracksError(
            f"Expected a head on {entry.features:,} features at {head_path(backbone)}, found one "
            f"on {len(head.weights):,}; run `dvc checkout` or `dvc repro`."
        )
    if origin.layer != entry.layer:
        raise CracksError(
            f"Expected a head on features of {entry.layer} at {head_path(backbone)}, found one on "
            f"those of {origin.layer}; run `dvc checkout` or `dvc repro`."
        )
    weights = weights_path(backbone)
    if not weights.is_file():
        raise CracksError(f"Expected the weights of {backbone} at {weights}; run `dvc repro`.")
    if origin.weights_sha256 != sha256_of(weights):
        raise CracksError(
            f"Expected the weights at {weights} that {head_path(backbone)} was trained on (sha256 "
            f"{origin.weights_sha256[:12]}…), found others; run `dvc checkout` or `dvc repro`."
        )
    return Trained(head, origin, float(read_numbers(EVALUATION)[f"{backbone}.threshold"]))
