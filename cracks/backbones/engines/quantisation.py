"""Post-training quantisation to int8 by NNCF.

The quantised model is a function of the backbone, its weights, the calibration images, this code
and the versions of packages. Five things would make it or its features depend on the processor, and
are kept out:

- Sums of float32 differ in their last bits between processors, and with them the ranges that NNCF
  measures: those of the shipped weights are known (`ranges`), others are rounded to a few bits.
  Biases are not corrected by measured activations: of so many numbers, some lie on the edge between
  two rounded ones and fall to another side on another processor.
- Without VNNI or AMX, products of 8-bit numbers are added in pairs in 16 bits, which overflow.
  Weights of 7 bits never do (NNCF's `overflow_fix`), so every processor finds the same integers.
- The last bits of the first convolution, which stays float32, would decide now and then how a value
  is rounded to 8 bits, and all layers after it would differ. Its sums are made exact.
- With AMX, OpenVINO gives convolutions values of both signs in signed 8 bits if their range is
  symmetric, and elsewhere in unsigned ones with a shift: halves are rounded differently. A range
  that is not symmetric is unsigned everywhere.
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
from cracks.backbones.engines.calibration import IMAGES, calibration_images
from cracks.backbones.engines.ranges import Ranges
from cracks.project.errors import CracksError

PACKAGES = ("nncf", "openvino", "numpy", "pillow")
"""Whose versions the quantised model depends on."""

_OTHER_ACTIVATIONS = {"Clamp", "Elu", "Gelu", "HSigmoid", "HSwish", "Mish", "Sigmoid", "Swish"}
_CALIBRATION_BATCH = 4  # images; NNCF keeps the activations of all layers for as many
_FLOAT32_BITS = 24  # of the mantissa
_PIXEL_BITS = 8
_RANGE_BITS = 7  # of the mantissa of a measured range; processors differ in the last of 24
_LOWEST = -127 / 128  # of a range with both signs, as a share of its highest value


def quantised(model: Any, image_size: int, ranges: Ranges | None = None) -> Any:
    """An OpenVINO model with its convolutions in int8, but for the first one.

    The first convolution has a few per cent of the work and sees pixels, whose 8 bits do not
    survive a second rounding. It stays float32, with exact sums; the preprocessing and the pooling
    stay float32 as well.

    Args:
        model: from uint8 pixels `[BATCH, s, s, 3]`; it is changed.
        image_size: pixels of a side, s.
        ranges: of the activations, where they are known; otherwise they are measured.

    Returns:
        A model of the same inputs and outputs.

    Raises:
        CracksError: if the backbone has activations other than ReLU.
    """
    _check_activations(model)
    nncf = _import_nncf()

    _sum_exactly(model)
    _number_names(model)
    batches = calibration_batches(image_size)
    if ranges is not None:  # NNCF measures all the same: on one image
        batches = [batches[0][:1]]
    model.reshape(batches[0].shape)
    with redirect_stdout(io.StringIO()):  # progress bars
        result = nncf.quantize(
            model,
            nncf.Dataset(batches),
            subset_size=len(batches),
            preset=nncf.QuantizationPreset.PERFORMANCE,
            ignored_scope=nncf.IgnoredScope(
                [n.get_friendly_name() for n in (*_first_nodes(model), *_pooling_nodes(model))]
            ),
            advanced_parameters=nncf.AdvancedQuantizationParameters(
                overflow_fix=nncf.OverflowFix.ENABLE, disable_bias_correction=True
            ),
        )
    result.reshape([BATCH, image_size, image_size, 3])
    if ranges is None:
        _round_ranges(result)
    else:
        _set_ranges(result, ranges)
    _number_names(result)
    return result


def _check_activations(model: Any) -> None:
    """Refuse what has not been shown to give the same bits on every processor."""
    kinds = {_kind(node) for node in model.get_ordered_ops()}
    others = sorted(kinds & _OTHER_ACTIVATIONS)
    if others or "Relu" not in kinds:
        raise CracksError(
            f"Expected a backbone with ReLU activations for `precision: int8`, found "
            f"{', '.join(others) or 'none'}; set `precision: float32`."
        )


def calibration_batches(image_size: int) -> list[Pixels]:
    """The calibration images, a few `[n, image_size, image_size, 3]` at a time."""
    images = calibration_images(image_size)
    starts = range(0, IMAGES, _CALIBRATION_BATCH)
    return [np.stack(images[start : start + _CALIBRATION_BATCH]) for start in starts]


def report_nothing() -> None:
    """Disable the telemetry of OpenVINO and NNCF, which must not be imported yet."""
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # "not installed"


def _import_nncf() -> Any:
    report_nothing()
    import nncf

    nncf.set_log_level(logging.ERROR)
    return nncf


def _pooling_nodes(model: Any) -> list[Any]:
    """The sums, products and roots after the last activation."""
    nodes = model.get_ordered_ops()
    last = max(place for place, node in enumerate(nodes) if _kind(node) == "Relu")
    kinds = {"AvgPool", "Multiply", "Power", "ReduceMean", "Sqrt"}
    return [node for node in nodes[last:] if _kind(node) in kinds]


def _first_nodes(model: Any) -> list[Any]:
    """The first convolution and the sums and products before it."""
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
    (after,) = _targets(convolution)
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
    unit = unit.reshape(bias.shape)
    _replace(after, 1, np.round((bias + inner) / unit) * unit)


def activation_ranges(model: Any) -> Ranges:
    """The ranges of the quantised activations of a model whose ranges are one for all channels."""
    return [(float(_constant(node, 1)), float(_constant(node, 2))) for node in _quantisers(model)]


def _set_ranges(model: Any, ranges: Ranges) -> None:
    for node, (lowest, highest) in zip(_quantisers(model), ranges, strict=True):
        shape = _constant(node, 1).shape
        _set_range(node, np.full(shape, lowest), np.full(shape, highest))


def _round_ranges(model: Any) -> None:
    """Round the measured ranges.

    NNCF's are from 0 to the highest value, or from -128/127 of it. The latter are made to begin at
    -127/128 before a convolution, which is 127 steps below zero and 128 above.
    """
    for node in _quantisers(model):
        low, high = _constant(node, 1), _constant(node, 2)
        highest = rounded(high, _RANGE_BITS)
        shifted = (low < 0).any() and "Convolution" in map(_kind, _targets(node))
        lowest = highest * (_LOWEST if shifted else np.round(low / high * 127) / 127)
        _set_range(node, lowest, highest)


def _set_range(node: Any, lowest: NDArray[np.floating], highest: NDArray[np.floating]) -> None:
    for place in (1, 3):  # of the input, of the output
        _replace(node, place, lowest)
        _replace(node, place + 1, highest)


def _quantisers(model: Any) -> list[Any]:
    return [node for node in model.get_ordered_ops() if _kind(node) == "FakeQuantize"]


def rounded(values: NDArray[np.float32], bits: int) -> NDArray[np.float32]:
    """The nearest numbers whose mantissa has that many bits."""
    mantissa, exponent = np.frexp(values)
    return np.asarray(np.ldexp(np.round(mantissa * 2**bits) / 2**bits, exponent), np.float32)


def _targets(node: Any) -> list[Any]:
    return [target.get_node() for target in node.output(0).get_target_inputs()]


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
