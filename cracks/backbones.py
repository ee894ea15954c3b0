"""The table of backbones, and how one is built: from pixels to features, frozen.

To add one of Keras Applications, add an entry here and its two stages in dvc.yaml (see README.md).
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cracks.errors import CracksError
from cracks.quiet import import_quietly


@dataclass(frozen=True)
class Backbone:
    """One architecture of Keras Applications and the ImageNet weights that Keras publishes."""

    constructor: str  # in keras.applications
    module: str  # of keras.applications that has its preprocess_input
    features: int  # channels of the last feature map
    imagenet_url: str
    imagenet_md5: str


BATCH = 16
"""Images that go through a backbone at once: more costs memory and brings no speed on a CPU."""

_PUBLISHED = "https://storage.googleapis.com/tensorflow/keras-applications"

BACKBONES = {
    "resnet50": Backbone(
        constructor="ResNet50",
        module="resnet50",
        features=2048,
        imagenet_url=f"{_PUBLISHED}/resnet/resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
        imagenet_md5="4d473c1dd8becc155b73f8504c6f6626",
    ),
    "vgg16": Backbone(
        constructor="VGG16",
        module="vgg16",
        features=512,
        imagenet_url=f"{_PUBLISHED}/vgg16/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
        imagenet_md5="6d6bbae143d832006294945121d1f1fc",
    ),
}


def backbone_named(name: str) -> Backbone:
    """The table's entry of that name.

    Raises:
        CracksError: if there is none.
    """
    if name not in BACKBONES:
        known = " or ".join(BACKBONES)
        raise CracksError(f"Expected a backbone, {known}, found {name!r}.")
    return BACKBONES[name]


def weights_path(name: str) -> Path:
    """Where the weights of a backbone are in the project."""
    return Path(f"data/weights/{name}.weights.h5")


def build_backbone(name: str, image_size: int | None = None, dtype: str | None = None) -> Any:
    """The Keras model `[n, s, s, 3]` preprocessed pixels -> `[n, features]`, untrained, frozen.

    The last layer is the global average pooling, its input the last feature map. Keras numbers
    layers by process; the session is cleared so that the same model always gets the same names.
    """
    import_quietly()
    import keras

    keras.backend.clear_session()
    keras.config.set_dtype_policy(dtype or "float32")
    try:
        model = getattr(keras.applications, backbone_named(name).constructor)(
            include_top=False,
            weights=None,
            pooling="avg",
            input_shape=(image_size, image_size, 3),
        )
    finally:
        keras.config.set_dtype_policy("float32")
    model.trainable = False
    return model


def load_backbone_weights(model: Any, name: str, path: Path) -> None:
    """Load a Keras 3 `.weights.h5` file of this backbone without top.

    Raises:
        CracksError: if the file is missing, damaged or of another architecture.
    """
    if not path.is_file():
        raise CracksError(f"Expected the weights of {name} at {path}, found none; run `dvc repro`.")
    with wrong_weights_explained(name, path):
        model.load_weights(path)


@contextmanager
def wrong_weights_explained(name: str, path: Path) -> Iterator[None]:
    """Turn what Keras and h5py raise on an unfit weights file into one sentence."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Keras counts what it skipped and raises below
            yield
    except (ValueError, KeyError, OSError) as error:
        reason = " ".join(str(error).split("Example error")[0].split()).rstrip(".")
        raise CracksError(
            f"Expected weights of {name} without top in {path}, found something that does not "
            f"fit its layers ({reason}); give a file of that architecture."
        ) from None


def pixel_model(name: str, weights: Path, image_size: int, *, bfloat16: bool = False) -> Any:
    """The Keras model from pixels to what a head and a class activation map need.

    Args:
        name: the backbone.
        weights: its Keras weights without top.
        image_size: pixels of a side.
        bfloat16: compute in bfloat16, with float32 weights and output.

    Returns:
        A model of uint8 RGB `[n, image_size, image_size, 3]` -> `features` float32
        `[n, channels]` and `map` float32 `[n, h, w, channels]`, whose mean over h and w the
        features are. Preprocessing is inside, batch normalisation in inference mode.

    Raises:
        CracksError: if the weights do not fit.
    """
    import keras

    backbone = build_backbone(name, image_size, "mixed_bfloat16" if bfloat16 else None)
    load_backbone_weights(backbone, name, weights)
    pooling = backbone.layers[-1]
    body = keras.Model(backbone.input, [pooling.output, pooling.input])
    preprocess = getattr(keras.applications, backbone_named(name).module).preprocess_input

    pixels = keras.Input((image_size, image_size, 3), dtype="uint8", name="pixels")
    features, feature_map = body(preprocess(keras.ops.cast(pixels, "float32")), training=False)
    as_float32 = {"features": features, "map": feature_map}
    return keras.Model(
        pixels, {key: keras.ops.cast(value, "float32") for key, value in as_float32.items()}
    )


@contextmanager
def quiet_conversion() -> Iterator[None]:
    """Hide Keras's remark that a converter calls the model with a tuple of one input."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The structure of `inputs`")
        yield
