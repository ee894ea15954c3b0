"""A trained classifier, from the pixels of an image to the probability of a crack.

It uses the pipeline's own decoding, backbone and head, so that training and use cannot differ.
"""

import zipfile
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
from cracks.classifier.activation_map import activation_maps
from cracks.heads.head import LinearHead, Origin, read_head, read_origin
from cracks.images.archive import read_member
from cracks.images.decoding import RGB, decode, to_input
from cracks.project.errors import CracksError
from cracks.project.outputs import sha256_of
from cracks.project.params import Params
from cracks.project.paths import EVALUATION, head_path, weights_path
from cracks.tables.inputs import read_numbers

Item = TypeVar("Item")


@dataclass(frozen=True)
class _OnBackbone:
    """One backbone with its head and the threshold that `evaluate` applied."""

    backbone: str
    threshold: float
    image_size: int
    head: LinearHead


@dataclass(frozen=True)
class Classifier(_OnBackbone):
    """A classifier of images."""

    engine: Callable[[Pixels], Features]

    def probabilities(self, inputs: Iterable[tuple[Item, RGB]]) -> Iterator[tuple[Item, float]]:
        """P(crack) of each `(item, pixels)`, the pixels as `to_input` gives them."""
        for items, features in run_batched(self.engine, inputs):
            yield from zip(items, map(float, self.head.probability(features)), strict=True)


@dataclass(frozen=True)
class LocalClassifier(_OnBackbone):
    """A classifier that returns activation maps."""

    engine: Callable[[Pixels], FeaturesAndMaps]

    def activation_maps(
        self, inputs: Iterable[tuple[Item, RGB]]
    ) -> Iterator[tuple[Item, NDArray[np.float64]]]:
        """The activation map of each `(item, pixels)`, the pixels as `to_input` gives them.

        The mean of a map is the logit of the image.
        """
        for items, result in run_batched(self.engine, inputs):
            yield from zip(items, activation_maps(*result, self.head), strict=True)

    def maps_of_members(
        self, archive: zipfile.ZipFile, names: Iterable[str]
    ) -> Iterator[tuple[str, NDArray[np.float64]]]:
        """The activation map of each of these images of an archive."""
        images = ((name, decode(read_member(archive, name))) for name in names)
        return self.activation_maps((name, to_input(rgb, self.image_size)) for name, rgb in images)


def load_classifier(backbone: str, params: Params) -> Classifier:
    """The classifier that the last `dvc repro` trained.

    Raises:
        CracksError: if the backbone is unknown, nothing was trained, or a file is damaged.
    """
    return load_trained(backbone).classifier(params.engine, weights_path(backbone))


def load_local_classifier(backbone: str, params: Params) -> LocalClassifier:
    """As `load_classifier`: a classifier that returns activation maps.

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
        return Classifier(name, self.threshold, size, self.head, run)

    def local_classifier(self, engine: str, weights: Path) -> LocalClassifier:
        """As `classifier`: one that returns activation maps."""
        name, size = self.origin.backbone, self.origin.image_size
        run = load_map_engine(engine, name, weights, size, self.origin.precision)
        return LocalClassifier(name, self.threshold, size, self.head, run)


def load_trained(backbone: str) -> Trained:
    """The trained head, what it was trained on, and the threshold that `evaluate` applied.

    Raises:
        CracksError: if nothing was evaluated, the threshold is no probability, or as `check_head`
            does.
    """
    head, origin = check_head(backbone, head_path(backbone))
    threshold = float(read_numbers(EVALUATION)[f"{backbone}.threshold"])
    if not 0 <= threshold <= 1:
        raise CracksError(
            f"Expected a {backbone}.threshold from 0 to 1 in {EVALUATION}, found {threshold:g}; "
            "run `dvc repro`."
        )
    return Trained(head, origin, threshold)


def check_head(backbone: str, path: Path) -> tuple[LinearHead, Origin]:
    """Read a head and check that it fits the backbone and the weights in data/weights.

    The image size and the precision are those of the training, whatever params.yaml says today.

    Raises:
        CracksError: if the backbone is unknown, nothing was trained, a file is damaged, or the
            head was trained on features of another layer or of other weights.
    """
    entry = backbone_named(backbone)
    head, origin = read_head(path).linear(), read_origin(path)
    if len(head.weights) != entry.features:
        raise CracksError(
            f"Expected a head on {entry.features:,} features at {path}, found one "
            f"on {len(head.weights):,}; run `dvc checkout` or `dvc repro`."
        )
    if (origin.backbone, origin.layer) != (backbone, entry.layer):
        raise CracksError(
            f"Expected a head on features of {backbone}'s {entry.layer} at {path}, found one on "
            f"those of {origin.backbone}'s {origin.layer}; run `dvc checkout` or `dvc repro`."
        )
    weights = weights_path(backbone)
    if not weights.is_file():
        raise CracksError(f"Expected the weights of {backbone} at {weights}; run `dvc repro`.")
    if origin.weights_sha256 != sha256_of(weights):
        raise CracksError(
            f"Expected the weights at {weights} that {path} was trained on (sha256 "
            f"{origin.weights_sha256[:12]}…), found others; run `dvc checkout` or `dvc repro`."
        )
    return head, origin
