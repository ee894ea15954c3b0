"""Randomly changed views of an image, by Keras's preprocessing layers.

Each view is seeded by the image's bytes and the view's number, so it does not depend on the order
of images and can be cached. View 0 is the image itself.
"""

import hashlib
import sys
from collections.abc import Callable
from importlib.metadata import version
from threading import Lock

import numpy as np

from cracks.images.decoding import RGB
from cracks.project.params import Augmentation
from cracks.runtime.cache_folder import code_version
from cracks.runtime.keras_import import import_keras

Augment = Callable[[RGB, str, int], RGB]
"""`(pixels, sha256 of the image's bytes, view number from 1) -> pixels`, uint8 `[h, w, 3]`."""


def augmentation_context(augmentation: Augmentation) -> dict[str, object]:
    """Everything that determines a view besides the image and its number, for the cache key."""
    ranges = augmentation.model_dump(exclude={"views"})
    packages = {name: version(name) for name in ("keras", "tensorflow")}
    return {**ranges, **packages, "code": code_version(sys.modules[__name__])}


def load_augment(augmentation: Augmentation) -> Augment:
    """The function that makes a view; ranges are those of the Keras layers of the same names."""
    keras = import_keras()
    import tensorflow as tf

    layers = _layers(augmentation)
    generator = keras.random.SeedGenerator(0)
    lock = Lock()  # the generator holds the seed of the view that is being made

    def augment(pixels: RGB, image_sha256: str, view: int) -> RGB:
        digest = hashlib.sha256(f"{image_sha256}:{view}".encode()).digest()
        seed = int.from_bytes(digest[:4], "big") % 2**31
        batch = tf.constant(pixels[np.newaxis], dtype="float32")
        with lock:
            for place, layer in enumerate(layers):
                generator.state.assign(np.array([seed, place], dtype="uint32"))
                drawn = layer.get_random_transformation(batch, training=True, seed=generator)
                batch = layer.transform_images(batch, drawn, training=True)
        view_pixels: RGB = np.clip(np.rint(batch.numpy()[0]), 0, 255).astype(np.uint8)
        return view_pixels

    return augment


def _layers(augmentation: Augmentation) -> list:  # type: ignore[type-arg]
    layers = import_keras().layers

    a = augmentation
    flip = [] if a.flip == "none" else [layers.RandomFlip(a.flip)]
    return [
        *flip,
        layers.RandomRotation(a.rotation, fill_mode="reflect"),
        layers.RandomTranslation(a.translation, a.translation, fill_mode="reflect"),
        layers.RandomZoom(a.zoom, fill_mode="reflect"),
        layers.RandomBrightness(a.brightness, value_range=(0, 255)),
        layers.RandomContrast(a.contrast, value_range=(0, 255)),
    ]
