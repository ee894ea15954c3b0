"""The origin of heads that tests train."""

from dataclasses import replace
from pathlib import Path

from cracks.heads.head import Origin
from cracks.project.outputs import sha256_of
from cracks.project.params import Precision
from cracks.tables.labels import CLASSES

ORIGIN = Origin(
    backbone="vgg16",
    layer="block4_conv3",
    weights_sha256="0" * 64,
    image_size=224,
    precision="float32",
    dataset="photos",
    classes=CLASSES,
    packages={"keras": "3.15.1"},
)


def origin_of(weights: Path, image_size: int, precision: Precision = "float32") -> Origin:
    """The origin of a head on features by these weights."""
    return replace(
        ORIGIN, weights_sha256=sha256_of(weights), image_size=image_size, precision=precision
    )
