"""Sources of images of two walls, one brighter, and features that see the difference."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from cracks.features.computation import Extraction
from cracks.images.archive import write_archive
from cracks.images.decoding import decode
from cracks.project.outputs import replacing
from cracks.tables.labels import CLASSES
from cracks.tables.row_file import FEATURES, create_rows

DARK, BRIGHT = 90, 190
"""The grey of two walls. A crack of the bright one is as bright as the dark wall."""


def write_source(path: Path, images: int, grey: int, seed: int = 0) -> None:
    """Write an archive of images of a wall, 48 x 48 pixels, half of them with a dark line."""
    random = np.random.default_rng([seed, grey])
    members = []
    for number in range(images):
        rough = random.integers(-15, 16, (8, 8))
        rgb = np.repeat((grey + np.kron(rough, np.ones((6, 6))))[..., np.newaxis], 3, axis=2)
        label = CLASSES[number % 2]
        if label == "positive":
            column = random.integers(0, 44)
            rgb[:, column : column + 4] -= 60
        file = io.BytesIO()
        Image.fromarray(rgb.clip(0, 255).astype(np.uint8)).save(file, "PNG")
        members.append((f"{label}/{number:04}.png", file.getvalue()))
    write_archive(path, sorted(members))


def write_grey_levels(
    _extraction: Extraction, archive: Path, images: pd.DataFrame, output: Path
) -> int:
    """In place of `extract_features`: the mean of an image and its darkest place."""
    with zipfile.ZipFile(archive) as members, replacing(output) as temporary:
        rows = create_rows(temporary, list(images["id"]), FEATURES, (1, 2))
        for number, name in enumerate(images["id"]):
            pixels = decode(members.read(name))
            rows[FEATURES][number, 0] = pixels.mean(), pixels.min()
        rows.flush()
    return len(images)
