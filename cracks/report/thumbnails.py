"""Thumbnails for the report, embedded in the page."""

import base64
import io
import zipfile
from collections.abc import Sequence

import pandas as pd
from PIL import Image

from cracks.features.augmentation import load_augment
from cracks.images.archive import read_member
from cracks.images.decoding import RGB, decode, to_input
from cracks.inference.activation_map import cam_overlay
from cracks.inference.classifier import load_local_classifier
from cracks.pipeline.params import Params

SIDE = 160
"""Pixels of the longer side of a thumbnail."""

QUALITY = 78


def data_uri(rgb: RGB, side: int = SIDE) -> str:
    """An image as a JPEG of at most `side` pixels in a `data:` URI."""
    image = Image.fromarray(rgb)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=QUALITY, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def picture(archive: zipfile.ZipFile, name: str) -> str:
    """A member of the archive as `data_uri`."""
    return data_uri(decode(read_member(archive, name)))


def explained(
    archive: zipfile.ZipFile, names: Sequence[str], backbone: str, params: Params
) -> dict[str, str]:
    """Each image with its activation map overlaid, as `data_uri` by name."""
    if not names:
        return {}
    classifier = load_local_classifier(backbone, params)
    size = classifier.image_size
    pixels = {name: to_input(decode(read_member(archive, name)), size) for name in names}
    return {
        name: data_uri(cam_overlay(pixels[name], cam))
        for name, cam in classifier.activation_maps(pixels.items())
    }


def views(archive: zipfile.ZipFile, image: "pd.Series[str]", params: Params) -> list[str]:
    """An image and its augmented views, as `data_uri`."""
    rgb = to_input(decode(read_member(archive, image["id"])), params.image_size)
    augment = load_augment(params.augmentation)
    numbers = range(1, params.augmentation.views + 1)
    return [data_uri(view) for view in (rgb, *(augment(rgb, image["sha256"], n) for n in numbers))]
