"""Post-training quantisation to int8 by NNCF.

The quantised model is a function of the backbone, its weights, this code and the versions of
packages: it is calibrated on drawn images, never on anybody's photographs. Four things would make
it or its features depend on the processor, and are kept out:

- Sums of float32 differ in their last bits between processors, and with them the ranges that NNCF
  measures. The measured numbers are rounded to a few bits.
- Without VNNI or AMX, products of 8-bit numbers are added in pairs in 16 bits, which overflow.
  Weights of 7 bits never do (NNCF's `overflow_fix`), so every processor finds the same integers.
- The last bits of the first convolution, which stays float32, would decide now and then how a value
  is rounded to 8 bits, and all layers after it would differ. Its sums are made exact.
- OpenVINO numbers nodes by process. They are renamed by their place.
"""

import io
import logging
import sys
from contextlib import redirect_stdout
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cracks.backbones.engines.batches import BATCH, Pixels
from cracks.images.decoding import to_input
from cracks.pipeline.labels import CLASSES
from cracks.sources.sample.dataset import draw

PACKAGES = ("nncf", "openvino", "numpy", "pillow", "scipy")
"""Whose versions the quantised model depends on, the drawing of the images included."""

IMAGES = 96
"""Drawn images that the ranges of activations are measured on; 32 cost a point of cosine."""

_TOGETHER = 4  # images; NNCF keeps the activations of all layers for as many
_SEED = 20_000  # no dataset is drawn from it by default
_FLOAT32_BITS = 24  # of the mantissa
_PIXEL_BITS = 8
# bits of the mantissa that are kept of what is measured: processors differ in the last of 24
_RANGE_BITS = 7
_BIAS_BITS = 10


def quantised(model: Any, image_size: int) -> Any:
    """An OpenVINO model with its convolutions in int8, but for the first one.

    The first convolution has a few per cent of the work and sees pixels, whose 8 bits do not
    survive a second rounding. It stays float32, with exact sums; the preprocessing and the pooling
    stay float32 as well.

    Args:
        model: from uint8 pixels `[BATCH, s, s, 3]`; it is changed.
        image_size: pixels of a side, s.

    Returns:
        A model of the same inputs and outputs.
    """
    nncf = _import_nncf()

    _sum_exactly(model)
    _number_names(model)
    model.reshape([_TOGETHER, image_size, image_size, 3])
    with redirect_stdout(io.StringIO()):  # progress bars
        result = nncf.quantize(
            model,
            nncf.Dataset(calibration_batches(image_size)),
            subset_size=IMAGES // _TOGETHER,
            preset=nncf.QuantizationPreset.PERFORMANCE,
            ignored_scope=nncf.IgnoredScope([*_first_names(model), *_pooling_names(model)]),
            advanced_parameters=nncf.AdvancedQuantizationParameters(
                overflow_fix=nncf.OverflowFix.ENABLE
            ),
        )
    result.reshape([BATCH, image_size, image_size, 3])
    _round_measured(result)
    _number_names(result)
    return result


def calibration_batches(image_size: int) -> list[Pixels]:
    """Drawn images, sound and cracked in turn, a few `[n, image_size, image_size, 3]` at a time."""
    drawn = [
        to_input(draw(CLASSES[place % 2], 1 + place // 2, _SEED).rgb, image_size)
        for place in range(IMAGES)
    ]
    return [np.stack(drawn[start : start + _TOGETHER]) for start in range(0, IMAGES, _TOGETHER)]


def report_nothing() -> None:
    """Keep OpenVINO and NNCF from reporting their use to their makers; before they are imported."""
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # "not installed"


def _import_nncf() -> Any:
    report_nothing()
    import nncf

    nncf.set_log_level(logging.ERROR)
    return nncf


def _first_names(model: Any) -> list[str]:
    """The names of the first convolution and of the sums and products before it."""
    return [node.get_friendly_name() for node in _first_nodes(model)]


def _pooling_names(model: Any) -> list[str]:
    """The names of the sums, products and roots after the last activation."""
    nodes = model.get_ordered_ops()
    last = max(place for place, node in enumerate(nodes) if _kind(node) == "Relu")
    kinds = {"AvgPool", "Multiply", "Power", "ReduceMean", "Sqrt"}
    return [node.get_friendly_name() for node in nodes[last:] if _kind(node) in kinds]


def _first_nodes(model: Any) -> list[Any]:
    kinds = {"Add", "Subtract", "Multiply", "Divide", "Convolution"}
    nodes = [node for node in model.get_ordered_ops() if _kind(node) in kinds]
    first = next(place for place, node in enumerate(nodes) if _kind(node) == "Convolution")
    return nodes[: first + 1]


def _sum_exactly(model: Any) -> None:
    """Round the first convolution so that its float32 sums are exact, in whatever order.

    Sums of whole numbers are, up to 2^24. The pixels less a whole mean are such numbers, and so are
    the weights and biases of an output channel in units of a power of two. Only a preprocessing
    that subtracts a mean, and nothing more, is treated; others are left as they are.
    """
    *before, convolution = _first_nodes(model)
    (after,) = (target.get_node() for target in convolution.output(0).get_target_inputs())
    if [_kind(node) for node in (*before, after)] != ["Add", "Add"]:
        return
    shift, weights, bias = _constant(before[0], 1), _constant(convolution, 1), _constant(after, 1)
    whole = np.round(shift)
    inner = (weights * (shift - whole)).sum(axis=(1, 2, 3)).reshape(bias.shape)
    bits = int(_FLOAT32_BITS - _PIXEL_BITS - np.log2(weights[0].size))
    _, exponent = np.frexp(np.abs(weights).max(axis=(1, 2, 3), keepdims=True))
    unit = np.ldexp(np.float32(1), exponent - bits)
    _replace(before[0], 1, whole)
    _replace(convolution, 1, np.round(weights / unit) * unit)
    _replace(
        after, 1, np.round((bias + inner) / unit.reshape(bias.shape)) * unit.reshape(bias.shape)
    )


def _round_measured(model: Any) -> None:
    """Round the ranges of activations and the biases, which NNCF corrects by activations.

    The ranges are symmetric: from 0 to the highest value, or from -128/127 of it.
    """
    for node in model.get_ordered_ops():
        if _kind(node) == "FakeQuantize":
            low, high = _constant(node, 1), _constant(node, 2)
            highest = rounded(high, _RANGE_BITS)
            lowest = highest * np.round(low / high * 127) / 127
            for place in (1, 3):  # of the input, of the output
                _replace(node, place, lowest)
                _replace(node, place + 1, highest)
        elif _kind(node) == "Add" and _kind(node.input_value(0).get_node()) == "Convolution":
            _replace(node, 1, rounded(_constant(node, 1), _BIAS_BITS))


def rounded(values: NDArray[np.float32], bits: int) -> NDArray[np.float32]:
    """The nearest numbers whose mantissa has that many bits."""
    mantissa, exponent = np.frexp(values)
    return np.asarray(np.ldexp(np.round(mantissa * 2**bits) / 2**bits, exponent), np.float32)


def _kind(node: Any) -> str:
    return str(node.get_type_name())


def _constant(node: Any, place: int) -> NDArray[np.float32]:
    return np.asarray(node.input_value(place).get_node().get_data(), np.float32)


def _replace(node: Any, place: int, value: NDArray[np.floating]) -> None:
    from openvino import opset13 as ops

    constant = ops.constant(value.astype(np.float32))
    node.input(place).replace_source_output(constant.output(0))


def _number_names(model: Any) -> None:
    """Name the nodes by their place; OpenVINO numbers them by process."""
    for place, node in enumerate(model.get_ordered_ops()):
        node.set_friendly_name(f"{_kind(node)}_{place}")
