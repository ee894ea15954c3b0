"""What runs a frozen backbone: OpenVINO on a CPU, TensorFlow on GPUs and as the reference.

Both take the same uint8 RGB batch and have the preprocessing and the pooling inside. OpenVINO folds
batch normalisation and activations into the convolutions; its results do not depend on the number
of threads nor on how images are cut into batches. TensorFlow's depend on the batch's size, so
every batch is filled up to the same size here.
"""

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cracks.backbones import BATCH, pixel_model
from cracks.converted import converted_model
from cracks.errors import CracksError
from cracks.quiet import import_quietly

Batch = NDArray[np.uint8]
"""RGB pixels `[n, image_size, image_size, 3]`, n at most `BATCH`."""

Features = NDArray[np.float32]
"""`[n, channels]`, the global average of the last feature map."""

Engine = Callable[[Batch], Features]


class Maps(NamedTuple):
    """What `load_engine(maps=True)` gives for a batch."""

    features: Features
    maps: NDArray[np.float32]  # [n, h, w, channels]


ENGINE_PACKAGES = {"openvino": "openvino", "tensorflow": "tensorflow"}


def engine_version(engine: str) -> str:
    """The version of the package that computes, for the feature cache; imports nothing."""
    return version(ENGINE_PACKAGES[engine])


def load_engine(
    engine: str, backbone: str, weights: Path, image_size: int, precision: str
) -> Engine:
    """A function from a batch of pixels to features.

    Args:
        engine: `openvino` or `tensorflow`.
        backbone: name in `cracks.backbones.BACKBONES`.
        weights: its Keras weights without top.
        image_size: pixels of a side.
        precision: `float32` or `bfloat16`, the type of the convolutions' operands. The features
            are float32 either way.

    Raises:
        CracksError: if the weights do not fit, or OpenVINO cannot compute in that precision here.
    """
    run = _load(engine, backbone, weights, image_size, precision, outputs=("features",))
    return lambda batch: run(batch)[0]


def load_map_engine(
    engine: str, backbone: str, weights: Path, image_size: int, precision: str
) -> Callable[[Batch], Maps]:
    """As `load_engine`, but a batch gives its features and the last feature maps."""
    run = _load(engine, backbone, weights, image_size, precision, outputs=("features", "map"))
    return lambda batch: Maps(*run(batch))


_Run = Callable[[Batch], list[NDArray[np.float32]]]


def _load(
    engine: str,
    backbone: str,
    weights: Path,
    image_size: int,
    precision: str,
    outputs: tuple[str, ...],
) -> _Run:
    load = {"openvino": _openvino, "tensorflow": _tensorflow}[engine]
    run = load(backbone, weights, image_size, precision, outputs)

    def run_filled(batch: Batch) -> list[NDArray[np.float32]]:
        missing = BATCH - len(batch)
        filled = np.pad(batch, [(0, missing), (0, 0), (0, 0), (0, 0)]) if missing else batch
        return [output[: len(batch)] for output in run(filled)]

    return run_filled


def _openvino(
    backbone: str, weights: Path, image_size: int, precision: str, outputs: tuple[str, ...]
) -> _Run:
    import openvino as ov

    core = ov.Core()
    path = converted_model(backbone, weights, image_size, outputs)
    wanted = {"float32": ov.Type.f32, "bfloat16": ov.Type.bf16}[precision]
    compiled = core.compile_model(
        core.read_model(path),
        "CPU",
        {"INFERENCE_PRECISION_HINT": wanted, "PERFORMANCE_HINT": "LATENCY"},
    )
    if compiled.get_property("INFERENCE_PRECISION_HINT") != wanted:
        raise CracksError(
            f"Expected a processor that computes in {precision} (AVX-512 BF16 or AMX), found one "
            "that does not; set `precision: float32`, or `engine: tensorflow` to emulate it slowly."
        )

    def run(batch: Batch) -> list[NDArray[np.float32]]:
        results = compiled(batch)
        return [results[i].copy() for i in range(len(outputs))]

    return run


def _tensorflow(
    backbone: str, weights: Path, image_size: int, precision: str, outputs: tuple[str, ...]
) -> _Run:
    import_quietly()
    import tensorflow as tf

    model = pixel_model(backbone, weights, image_size, bfloat16=precision == "bfloat16")
    call = tf.function(lambda batch: model(batch, training=False), reduce_retracing=True)

    def run(batch: Batch) -> list[NDArray[np.float32]]:
        result = call(tf.constant(batch))
        return [result[name].numpy() for name in outputs]

    return run
