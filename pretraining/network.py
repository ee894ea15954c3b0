"""The network that is pre-trained: a backbone with one output for its cells and one for the crop.

Only the layers that the pipeline uses are built. The outputs are linear in the same features as the
pipeline's heads: those of the cells, and their generalised mean over a crop.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from cracks.backbones.catalogue import backbone_named
from cracks.backbones.model import CELL, load_backbone
from cracks.runtime.keras_import import import_keras

CRACKED_CELL = 6.0  # crack pixels from which a cell is cracked; with 1 to 5 it is left out
_CRACKED_CROP = 40.0  # the same of a crop
CROP_LOSS = 0.5  # weight beside the loss of the cells
_MOMENTUM = 0.97  # of the statistics of batch normalisation
_EPSILON = 1e-6  # below the root of the generalised mean, whose slope has no bound at zero


def build_network(
    backbone: str, side: int, weights: Path, frozen: Sequence[str] = ()
) -> tuple[Any, Any]:
    """The Keras model to train, in bfloat16 with float32 weights.

    Args:
        backbone: its name.
        side: pixels of a crop's side.
        weights: what the backbone begins with, a Keras file without top.
        frozen: what the names of layers that do not learn begin with.

    Returns:
        The network and the backbone in it. The network maps float32 RGB crops `[n, side, side, 3]`
        of 0 to 255 to float32 logits of cells, `[n, side / CELL, side / CELL]`, and of crops,
        `[n]`.
    """
    keras = import_keras()

    start = load_backbone(backbone, side, weights, "mixed_bfloat16")
    trained = keras.models.clone_model(start, clone_function=partial(_copied, frozen=tuple(frozen)))
    trained.set_weights(start.get_weights())

    crops = keras.Input((side, side, 3), dtype="float32", name="crops")
    preprocess = getattr(keras.applications, backbone_named(backbone).module).preprocess_input
    values = keras.ops.cast(trained(preprocess(crops)), "float32")
    places = side // CELL
    power = keras.ops.square(keras.ops.square(values))
    window = values.shape[1] // places
    cells = _root(keras.ops.average_pool(power, window, window)) if window > 1 else values
    logits = keras.layers.Dense(1, dtype="float32", name="cell")(cells)
    whole = _root(keras.ops.mean(power, axis=(1, 2)))
    whole = keras.layers.Dense(1, dtype="float32", name="crop")(whole)
    return keras.Model(crops, [logits[..., 0], whole[..., 0]]), trained


def losses(cells: Any, crops: Any, cracked: Any) -> tuple[Any, Any]:
    """The mean cross-entropies of cells and of crops, of those that are clearly cracked or not.

    Args:
        cells: logits `[n, rows, columns]`.
        crops: logits `[n]`.
        cracked: crack pixels of the cells `[n, rows, columns]`.
    """
    import tensorflow as tf

    return (
        _cross_entropy(cells, cracked, CRACKED_CELL),
        _cross_entropy(crops, tf.reduce_sum(cracked, (1, 2)), _CRACKED_CROP),
    )


def _cross_entropy(logits: Any, cracked: Any, least: float) -> Any:
    import tensorflow as tf

    truth = tf.cast(cracked >= least, tf.float32)
    clear = tf.cast((cracked >= least) | (cracked < 0.5), tf.float32)
    each = tf.nn.sigmoid_cross_entropy_with_logits(truth, logits)
    return tf.reduce_sum(clear * each) / tf.maximum(tf.reduce_sum(clear), 1.0)


def _root(power: Any) -> Any:
    ops = import_keras().ops

    return ops.sqrt(ops.sqrt(power + _EPSILON))


def _copied(layer: Any, frozen: tuple[str, ...]) -> Any:
    """A copy of a layer that learns or not, with the fast kernel for batch normalisation."""
    keras = import_keras()

    settings = layer.get_config() | {"trainable": not layer.name.startswith(frozen)}
    if isinstance(layer, keras.layers.BatchNormalization):
        return _fused()(**settings | {"momentum": _MOMENTUM})
    return layer.__class__.from_config(settings)


def _fused() -> Any:
    """Batch normalisation by TensorFlow's fused kernel: Keras composes it, twice as slowly."""
    import tensorflow as tf

    composed: Any = import_keras().layers.BatchNormalization

    class FusedBatchNormalization(composed):
        def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
            if not training:
                return super().call(inputs, training=training, mask=mask)
            values, mean, variance = tf.compat.v1.nn.fused_batch_norm(
                inputs,
                tf.convert_to_tensor(self.gamma),
                tf.convert_to_tensor(self.beta),
                epsilon=self.epsilon,
            )
            for moving, now in ((self.moving_mean, mean), (self.moving_variance, variance)):
                moving.assign(self.momentum * moving + (1 - self.momentum) * now)
            return values

    return FusedBatchNormalization
