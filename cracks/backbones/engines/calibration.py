"""The images that the ranges of int8 activations are measured on: drawn walls, in one file.

They are data, not code: `benchmarks/calibration_images.py` drew them once. They contain
nobody's photographs, and no edit of the drawing code changes a backbone.
"""

from pathlib import Path

import numpy as np
from PIL import Image

from cracks.images.decoding import RGB, to_input

PATH = Path(__file__).with_name("calibration.webp")
"""A lossless mosaic, row by row."""

IMAGES = 96
"""Their number; with 32, the cosine between int8 and float32 features is 0.01 lower."""

COLUMNS = 8


def calibration_images(image_size: int) -> list[RGB]:
    """Uncracked and cracked walls in turn, uint8 `[image_size, image_size, 3]` each."""
    with Image.open(PATH) as mosaic:
        pixels = np.asarray(mosaic.convert("RGB"))
    rows = np.split(pixels, IMAGES // COLUMNS)
    images = [image for row in rows for image in np.split(row, COLUMNS, axis=1)]
    return [to_input(np.ascontiguousarray(image), image_size) for image in images]
