"""TensorFlow: the engine for GPUs, and the reference on a CPU."""

import sys
from collections.abc import Sequence
from pathlib import Path

from cracks.backbones import model, pooling
from cracks.backbones.engines.batches import Dependencies, Outputs, Pixels, Run, full_batch
from cracks.backbones.model import pixel_model
from cracks.project.errors import CracksError
from cracks.runtime.keras_import import import_keras


def dependencies(backbone: str, precision: str) -> Dependencies:  # noqa: ARG001  # one for all
    """What features by this engine depend on."""
    return Dependencies(("tensorflow", "keras"), (model, pooling, sys.modules[__name__]))


def load(
    backbone: str, weights: Path, image_size: int, precision: str, outputs: Sequence[str]
) -> Run:
    """The Keras model as a graph; see `cracks.backbones.engines.registry.load_engine`."""
    if precision == "int8":
        raise CracksError(
            "Expected `precision: float32` or `bfloat16` for `engine: tensorflow`, found int8; set "
            "`engine: openvino`, which computes in it."
        )
    import_keras()
    import tensorflow as tf

    of_images = "features" in outputs  # else of tiles, of any size and one at a time
    keras_model = pixel_model(
        backbone, weights, image_size if of_images else None, bfloat16=precision == "bfloat16"
    )
    call = tf.function(lambda batch: keras_model(batch, training=False), reduce_retracing=True)

    def run(pixels: Pixels) -> Outputs:
        result = call(tf.constant(full_batch(pixels) if of_images else pixels))
        return [result[name].numpy()[: len(pixels)] for name in outputs]

    return run
