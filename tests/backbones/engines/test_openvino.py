"""The models that are kept in the cache: made once, checked, made again if damaged."""

import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import pytest
from openvino import opset13 as ops

from cracks.backbones.engines import openvino, quantisation
from cracks.backbones.engines.openvino import backbone_model
from cracks.pipeline.cache_folder import cache_folder

SIZE = 32


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was made, in order; conversion and quantisation are replaced by something quick."""
    done: list[str] = []

    def small(scale: float) -> Any:
        pixels = ops.parameter([16, SIZE, SIZE, 3], np.uint8)
        scaled = ops.multiply(ops.convert(pixels, "f32"), np.full((1, 1, 1, 3), scale, np.float32))
        return ov.Model([ops.reduce_mean(scaled, [1, 2]), scaled], [pixels])

    def convert(*_: object) -> Any:
        done.append("converted")
        return small(1)

    def quantise(*_: object) -> Any:
        done.append("quantised")
        return small(2)

    monkeypatch.setattr(openvino, "in_own_process", lambda write, *how: write(*how))
    monkeypatch.setattr(openvino, "_convert", convert)
    monkeypatch.setattr(quantisation, "quantised", quantise)
    return done


@pytest.fixture
def mean(random_weights: Callable[[str], Path]) -> Callable[[str], float]:
    """The first number of the model of a precision."""
    weights = random_weights("vgg16")

    def run(precision: str) -> float:
        model = backbone_model("vgg16", weights, SIZE, precision, ("features",))
        assert len(model.outputs) == 1
        compiled = ov.Core().compile_model(model, "CPU")
        return float(compiled(np.ones((16, SIZE, SIZE, 3), np.uint8))[0][0, 0])

    return run


def test_each_form_is_made_once(made: list[str], mean: Callable[[str], float]) -> None:
    assert [mean("int8"), mean("float32"), mean("int8"), mean("bfloat16")] == [2, 1, 2, 1]
    assert made == ["converted", "quantised"]


def test_a_quantised_model_needs_no_converted_one(
    made: list[str], mean: Callable[[str], float]
) -> None:
    mean("float32")
    converted = list(cache_folder("models").iterdir())
    mean("int8")
    for path in converted:
        path.unlink()
    assert mean("int8") == 2
    assert made == ["converted", "quantised"]


@pytest.mark.parametrize("suffix", [".xml", ".bin", ".sha256"])
def test_a_damaged_quantised_model_is_made_again(
    suffix: str, made: list[str], mean: Callable[[str], float]
) -> None:
    mean("float32")
    before = set(cache_folder("models").iterdir())
    mean("int8")
    (path,) = (p for p in set(cache_folder("models").iterdir()) - before if p.suffix == suffix)
    path.write_bytes(path.read_bytes()[:-1])
    assert mean("int8") == 2
    assert made == ["converted", "quantised", "quantised"]


@pytest.mark.parametrize("package", ["nncf", "openvino", "scipy"])
def test_another_version_quantises_again(
    package: str, made: list[str], mean: Callable[[str], float], monkeypatch: pytest.MonkeyPatch
) -> None:
    mean("int8")
    monkeypatch.setattr(openvino, "version", lambda p: "0" if p == package else version(p))
    mean("int8")
    assert made.count("quantised") == 2


REPORTERS = """
from cracks.backbones.engines import quantisation
quantisation.report_nothing()
from nncf.telemetry.wrapper import NNCFTelemetryStub, telemetry
from openvino.tools.ovc import telemetry_utils
print(telemetry_utils.tm.__name__, isinstance(telemetry, NNCFTelemetryStub))
"""


def test_nothing_is_reported_to_the_makers_of_openvino() -> None:
    command = [sys.executable, "-W", "error", "-c", REPORTERS]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said == "openvino.tools.ovc.telemetry_stub True\n"
