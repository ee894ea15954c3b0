"""Quantisation of a small network that takes the same way as a backbone: planted, quick."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import pytest
from openvino import opset13 as ops

from cracks.backbones.engines.batches import BATCH
from cracks.backbones.engines.calibration import IMAGES, calibration_images
from cracks.backbones.engines.quantisation import (
    PACKAGES,
    activation_ranges,
    calibration_batches,
    quantised,
    rounded,
)
from cracks.backbones.engines.registry import dependencies
from cracks.project.errors import CracksError

SIZE = 32


def network() -> Any:
    """Pixels less their mean, four convolutions, the mean over the map: features and map."""
    random = np.random.default_rng(0)
    pixels = ops.parameter([BATCH, SIZE, SIZE, 3], np.uint8)
    channels_first = ops.transpose(ops.convert(pixels, "f32"), [0, 3, 1, 2])
    means = np.array([103.939, 116.779, 123.68], np.float32).reshape(1, 3, 1, 1)
    value = ops.add(channels_first, -means)
    for place, (inputs, outputs) in enumerate(((3, 16), (16, 16), (16, 32), (32, 32))):
        weights = random.normal(0, inputs**-0.5 / 3, (outputs, inputs, 3, 3)).astype(np.float32)
        summed = ops.convolution(value, weights, [1, 1], [1, 1], [1, 1], [1, 1])
        bias = random.normal(0, 1, (1, outputs, 1, 1)).astype(np.float32)
        biased = ops.add(summed, bias)
        value = biased if place == 1 else ops.relu(biased)
    return ov.Model([ops.reduce_mean(value, [2, 3]), value], [pixels])


def compiled(model: Any) -> Any:
    return ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": ov.Type.f32})


@pytest.fixture(scope="module")
def small() -> Any:
    return quantised(network(), SIZE)


@pytest.fixture(scope="module")
def batches() -> list[np.ndarray]:
    return calibration_batches(SIZE)


@pytest.fixture(scope="module")
def pixels(batches: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(batches)[-BATCH:]


def test_the_network_computes_nearly_the_same(small: Any, pixels: np.ndarray) -> None:
    expected, found = compiled(network())(pixels)[0], compiled(small)(pixels)[0]
    difference = np.abs(found - expected).max()
    assert 0 < difference <= 0.04 * np.abs(expected).max()


def test_all_convolutions_but_the_first_are_int8(small: Any) -> None:
    nodes = [node.get_rt_info() for node in compiled(small).get_runtime_model().get_ordered_ops()]
    kinds = [
        str(node["primitiveType"].astype(str)).lower()[-2:]
        for node in nodes
        if str(node["layerType"].astype(str)) == "Convolution"
    ]
    assert kinds == ["32", "i8", "i8", "i8"]


def test_features_are_the_mean_of_the_map(small: Any, pixels: np.ndarray) -> None:
    features, maps = (compiled(small)(pixels)[place] for place in (0, 1))
    np.testing.assert_allclose(maps.mean(axis=(2, 3)), features, rtol=1e-5)


def test_pixels_are_not_rounded_again(small: Any) -> None:
    before: set[str] = set()
    for node in small.get_ordered_ops():
        before.add(node.get_type_name())
        if node.get_type_name() == "Convolution":
            break
    assert "Add" in before
    assert "FakeQuantize" not in before


def test_the_first_convolution_is_exact_and_nearly_the_same(small: Any) -> None:
    """Its terms in any order have the same float32 sum."""
    random = np.random.default_rng(0)
    shift, weights, bias = first_convolution(small)
    _, before, _ = first_convolution(network())
    assert 0 < np.abs(weights - before).max() <= 2.0**-9 * np.abs(before).max()
    patches = random.integers(0, 256, (100, *weights.shape[1:])).astype(np.float32) + shift
    for kernel, offset in zip(weights, bias.ravel(), strict=True):
        terms = (patches * kernel).reshape(100, -1)
        terms = np.concatenate([terms, np.full((100, 1), offset, np.float32)], axis=1)
        expected = terms.cumsum(axis=1, dtype=np.float32)[:, -1]
        for _ in range(5):
            shuffled = random.permuted(terms, axis=1)
            found = shuffled.cumsum(axis=1, dtype=np.float32)[:, -1]
            np.testing.assert_array_equal(found, expected)


def first_convolution(model: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What is added to the pixels, `[3, 1, 1]`, the weights and the biases."""
    nodes = model.get_ordered_ops()
    place = next(i for i, node in enumerate(nodes) if node.get_type_name() == "Convolution")
    adds = [node for node in nodes if node.get_type_name() == "Add"]
    shift, bias = (node.input_value(1).get_node().get_data() for node in adds[:2])
    return shift[0], nodes[place].input_value(1).get_node().get_data(), bias


def test_weights_have_seven_bits(small: Any) -> None:
    """Sums of two products with 8 bits do not fit the 16 bits that older processors add in."""
    weights = [
        node.get_data()
        for node in small.get_ordered_ops()
        if node.get_type_name() == "Constant" and node.get_element_type() == ov.Type.i8
    ]
    assert len(weights) == 3
    assert all(np.abs(values.astype(int)).max() <= 64 for values in weights)


def test_what_was_measured_is_rounded(small: Any) -> None:
    kinds: Counter[str] = Counter()
    for node in small.get_ordered_ops():
        if node.get_type_name() == "FakeQuantize":
            low, high = (node.input_value(i).get_node().get_data() for i in (1, 2))
            np.testing.assert_array_equal(high, rounded(high, 7))
            kinds["signed" if low else "unsigned"] += 1
            assert low == 0 or low == high * np.float32(-127 / 128)
    assert kinds == {"signed": 1, "unsigned": 2}


@pytest.mark.parametrize("bits", [7, 10])
def test_rounding_keeps_the_given_number_of_bits(bits: int) -> None:
    values = np.random.default_rng(0).lognormal(0, 3, 1000).astype(np.float32)
    once = rounded(values, bits)
    assert once.dtype == np.float32
    np.testing.assert_array_equal(rounded(once, bits), once)
    np.testing.assert_allclose(once, values, rtol=2.0**-bits)
    assert len(np.unique(np.frexp(once)[0])) <= 2 ** (bits - 1) + 1
    assert np.mean(rounded(values * np.float32(1 + 3e-7), bits) == once) > 0.99
    np.testing.assert_array_equal(rounded(-values, bits), -once)
    assert rounded(np.zeros(1, np.float32), bits) == 0


def test_no_calibration_image_occurs_twice(batches: list[np.ndarray]) -> None:
    assert sum(map(len, batches)) == IMAGES
    assert {batch.shape[1:] for batch in batches} == {(SIZE, SIZE, 3)}
    images = calibration_images(227)
    assert len({image.tobytes() for image in images}) == IMAGES


@pytest.mark.parametrize("kind", ["clamp", "swish"])
def test_activations_other_than_relu_are_refused_in_one_sentence(kind: str) -> None:
    pixels = ops.parameter([BATCH, SIZE, SIZE, 3], np.uint8)
    values = ops.relu(ops.convert(pixels, "f32"))
    last = ops.clamp(values, 0.0, 6.0) if kind == "clamp" else ops.swish(values)
    model = ov.Model([ops.reduce_mean(last, [1, 2]), last], [pixels])
    with pytest.raises(CracksError, match=f"(?i)found {kind}; set `precision: float32`"):
        quantised(model, SIZE)


def test_known_ranges_give_the_same_model_as_measured_ones(small: Any) -> None:
    known = quantised(network(), SIZE, activation_ranges(small))

    def content(model: Any) -> list[tuple[str, bytes]]:
        nodes = model.get_ordered_ops()
        names = (node.get_friendly_name() for node in nodes)
        data = (n.get_data().tobytes() if n.get_type_name() == "Constant" else b"" for n in nodes)
        return list(zip(names, data, strict=True))

    assert content(known) == content(small)


def test_known_ranges_are_those_of_the_model(small: Any) -> None:
    ranges = [(low / 2, high / 2) for low, high in activation_ranges(small)]
    assert activation_ranges(quantised(network(), SIZE, ranges)) == ranges


def test_biases_are_those_of_the_network(small: Any) -> None:
    """Corrections by measured activations would differ between processors."""

    def biases(model: Any) -> list[np.ndarray]:
        nodes = [node for node in model.get_ordered_ops() if node.get_type_name() == "Add"]
        return [node.input_value(1).get_node().get_data() for node in nodes[2:]]

    for found, expected in zip(biases(small), biases(network()), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_the_cache_key_holds_the_versions_of_the_quantisation_packages() -> None:
    assert set(PACKAGES) <= set(dependencies("openvino", "vgg16", "int8").packages)
    assert "nncf" not in dependencies("openvino", "vgg16", "float32").packages


SCRIPT = """
import os, sys
from pathlib import Path
import numpy as np
import openvino as ov
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, set(list(os.sched_getaffinity(0))[: int(sys.argv[2])]))
from cracks.backbones.engines.quantisation import quantised
model = quantised(ov.Core().read_model(sys.argv[1]), 32)
ov.save_model(model, sys.argv[3], compress_to_fp16=False)
pixels = np.random.default_rng(0).integers(0, 256, (16, 32, 32, 3), dtype=np.uint8)
compiled = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": ov.Type.f32})
np.save(Path(sys.argv[3]).with_suffix(".npy"), compiled(pixels)[0])
print("quantised")
"""


@pytest.mark.slow
def test_the_bytes_do_not_depend_on_process_threads_or_processor(tmp_path: Path) -> None:
    source = tmp_path / "network.xml"
    ov.save_model(network(), source, compress_to_fp16=False)
    bytes_of, features = {}, {}
    for name, cores, more in (
        ("one core", 1, {}),
        ("without AVX-512", os.cpu_count(), {"ONEDNN_MAX_CPU_ISA": "AVX2"}),
        ("without AVX", os.cpu_count(), {"ONEDNN_MAX_CPU_ISA": "SSE41"}),
    ):
        path = tmp_path / name.replace(" ", "-") / "model.xml"
        path.parent.mkdir()
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", SCRIPT, source, str(cores), path],
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | more,
        )
        assert done.stdout == "quantised\n"  # NNCF's own messages stay away from results
        bytes_of[name] = [path.with_suffix(suffix).read_bytes() for suffix in (".xml", ".bin")]
        features[name] = np.load(path.with_suffix(".npy"))
    assert bytes_of["one core"] == bytes_of["without AVX-512"] == bytes_of["without AVX"]
    np.testing.assert_array_equal(features["without AVX-512"], features["one core"])
    np.testing.assert_allclose(features["without AVX"], features["one core"], rtol=1e-5)
    here = compiled(ov.Core().read_model(tmp_path / "one-core" / "model.xml"))
    pixels = np.random.default_rng(0).integers(0, 256, (BATCH, SIZE, SIZE, 3), dtype=np.uint8)
    np.testing.assert_array_equal(here(pixels)[0], features["one core"])
