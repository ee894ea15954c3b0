"""The Keras models of backbones: from pixels to features, frozen."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cracks.backbones.catalogue import backbone_named
from cracks.backbones.pooling import generalised_mean, generalised_means_of_cells
from cracks.project.errors import CracksError
from cracks.runtime.keras_import import import_keras

CELL = 16
"""Pixels of a cell's side."""

_PROBED = 256  # pixels of a side of the image that tells how many places of the map a cell has


def build_backbone(name: str, image_size: int | None = None, dtype: str = "float32") -> Any:
    """The whole Keras model without top, frozen and untrained.

    Keras numbers layers by process: the session is cleared so that a model always gets the same
    layer names.
    """
    keras = import_keras()

    keras.backend.clear_session()
    keras.config.set_dtype_policy(dtype)
    try:
        model = getattr(keras.applications, backbone_named(name).constructor)(
            include_top=False, weights=None, input_shape=(image_size, image_size, 3)
        )
    finally:
        keras.config.set_dtype_policy("float32")
    model.trainable = False
    return model


@contextmanager
def wrong_weights_explained(name: str, path: Path) -> Iterator[None]:
    """Turn what Keras and h5py raise on a wrong weights file into one sentence."""
    try:
        with warnings.catch_warnings(action="ignore"):  # Keras counts what it skipped, and raises
            yield
    except (ValueError, KeyError, OSError) as error:
        reason = " ".join(str(error).split("Example error")[0].split()).rstrip(".")
        raise CracksError(
            f"Expected weights of {name} without top in {path}, found a file that does not "
            f"fit its layers ({reason}); give a file of that architecture."
        ) from None


def load_backbone(name: str, image_size: int | None, weights: Path, dtype: str = "float32") -> Any:
    """The frozen Keras model from preprocessed pixels `[n, s, s, 3]` to the map that is pooled.

    Raises:
        CracksError: if the weights are missing, damaged or of another architecture.
    """
    keras = import_keras()

    whole = build_backbone(name, image_size, dtype)
    if not weights.is_file():
        raise CracksError(
            f"Expected the weights of {name} at {weights}, found none; run `dvc repro`."
        )
    with wrong_weights_explained(name, weights):
        whole.load_weights(weights)
    return keras.Model(whole.input, whole.get_layer(backbone_named(name).layer).output)


def pixel_model(name: str, weights: Path, image_size: int | None, *, bfloat16: bool = False) -> Any:
    """The Keras model from pixels to the features of the image and of its cells.

    Args:
        name: the backbone.
        weights: its Keras weights without top.
        image_size: pixels of a side, s; None for images of any height and width.
        bfloat16: compute in bfloat16, with float32 weights, pooling and output.

    Returns:
        A model of uint8 RGB `[n, s, s, 3]` -> `features` float32 `[n, channels]` and `map` float32
        `[n, s / 16, s / 16, channels]` (rounded up), the features of cells of `CELL` pixels. It
        includes the preprocessing; batch normalisation is in inference mode.

    Raises:
        CracksError: if the weights do not fit.
    """
    keras = import_keras()

    backbone = load_backbone(name, image_size, weights, "mixed_bfloat16" if bfloat16 else "float32")
    preprocess = getattr(keras.applications, backbone_named(name).module).preprocess_input

    pixels = keras.Input((image_size, image_size, 3), dtype="uint8", name="pixels")
    values = backbone(preprocess(keras.ops.cast(pixels, "float32")), training=False)
    values = keras.ops.cast(values, "float32")
    side = image_size or _PROBED
    places = round(CELL * backbone.compute_output_shape((1, side, side, 3))[1] / side)
    cells = generalised_means_of_cells(values, max(places, 1))
    return keras.Model(pixels, {"features": generalised_mean(values), "map": cells})


@contextmanager
def quiet_conversion() -> Iterator[None]:
    """Hide Keras's warning that a converter calls the model with a tuple of one input."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The structure of `inputs`")
        yield
