"""Thumbnails for the report, embedded in the page."""

import base64
import io
import re
import zipfile

import numpy as np
import pandas as pd
from PIL import Image

from cracks.features.augmentation import load_augment
from cracks.images.archive import read_member
from cracks.images.decoding import RGB, decode, to_input
from cracks.images.files import encoded
from cracks.project.params import Params

SIDE = 160
"""Pixels of the longer side of a thumbnail."""

QUALITY = 78

_VIEW_BOX = re.compile(rb'viewBox="0 0 ([\d.]+) ([\d.]+)"')


def data_uri(rgb: RGB, side: int = SIDE) -> str:
    """An image as a JPEG of at most `side` pixels in a `data:` URI."""
    image = Image.fromarray(rgb)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    jpeg = encoded(np.asarray(image), "JPEG", quality=QUALITY, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"


def dimensions(uri: str) -> tuple[int, int]:
    """Width and height in pixels of an image in a `data:` URI, a JPEG or one of our SVG charts."""
    data = base64.b64decode(uri.partition(",")[2])
    if match := _VIEW_BOX.search(data):
        return round(float(match[1])), round(float(match[2]))
    with Image.open(io.BytesIO(data)) as image:
        return image.size


def picture(archive: zipfile.ZipFile, name: str) -> str:
    """A member of the archive as `data_uri`."""
    return data_uri(decode(read_member(archive, name)))


def views(archive: zipfile.ZipFile, image: "pd.Series[str]", params: Params) -> list[str]:
    """An image and its augmented views, as `data_uri`."""
    rgb = to_input(decode(read_member(archive, image["id"])), params.image_size)
    augment = load_augment(params.augmentation)
    numbers = range(1, params.augmentation.views + 1)
    return [data_uri(view) for view in (rgb, *(augment(rgb, image["sha256"], n) for n in numbers))]
