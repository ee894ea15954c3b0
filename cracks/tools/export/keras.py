"""Keras: one `.keras` file with resizing, preprocessing, backbone and head."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from cracks.backbones.model import load_backbone
from cracks.backbones.pooling import generalised_mean
from cracks.classifier.classifier import Trained
from cracks.heads.head import load_head, make_reproducible
from cracks.project.paths import head_path, weights_path
from cracks.project.temporary import temporary_folder
from cracks.runtime.keras_import import import_keras
from cracks.tools.export.check import Predict, description
from cracks.tools.export.preprocessing import affine_preprocessing


def write(trained: Trained, path: Path) -> None:
    """Write the classifier to `path`, its description as one more member of the file."""
    name, size = trained.origin.backbone, trained.origin.image_size
    matrix, offset = affine_preprocessing(name)
    keras = import_keras()

    backbone, head = load_backbone(name, size, weights_path(name)), load_head(head_path(name))
    pixels = keras.Input((None, None, 3), dtype="uint8", name="pixels")
    resize = keras.layers.Resizing(size, size, "bilinear", antialias=True, dtype="float32")
    preprocess = keras.layers.Conv2D(3, 1, name="preprocess")
    prepared = preprocess(keras.ops.round(resize(keras.ops.cast(pixels, "float32"))))
    preprocess.set_weights([matrix[np.newaxis, np.newaxis], offset])
    features = generalised_mean(backbone(prepared, training=False))
    model = keras.Model(pixels, head(features), name="crack_or_no_crack")
    with _temporary_files_removed():
        model.save(path)
    make_reproducible(path, {"cracks.json": json.dumps(description(trained), indent=1).encode()})


@contextmanager
def _temporary_files_removed() -> Iterator[None]:
    """Keras leaves its own behind where a full disk ends it."""
    before = tempfile.tempdir
    with temporary_folder() as folder:
        tempfile.tempdir = str(folder)
        try:
            yield
        finally:
            tempfile.tempdir = before


def load(path: Path) -> Predict:
    """A function that runs the model at `path` on one image."""
    keras = import_keras()

    model = keras.saving.load_model(path, compile=False)
    return lambda rgb: np.asarray(model(rgb[np.newaxis], training=False))[0]
