"""TensorFlow: the engine for GPUs, and the reference on a CPU."""

from collections.abc import Sequence
from pathlib import Path

from cracks.backbones.engines.batches import Outputs, Pixels, Run, full_batch
from cracks.backbones.model import pixel_model
from cracks.pipeline.errors import CracksError
from cracks.pipeline.keras_import import import_keras


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

    model = pixel_model(backbone, weights, image_size, bfloat16=precision == "bfloat16")
    call = tf.function(lambda batch: model(batch, training=False), reduce_retracing=True)

    def run(pixels: Pixels) -> Outputs:
        result = call(tf.constant(full_batch(pixels)))
        return [result[name].numpy()[: len(pixels)] for name in outputs]

    return run
