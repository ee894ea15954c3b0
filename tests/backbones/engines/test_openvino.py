"""The models that are kept in the cache: made once, checked, made again if damaged."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from threading import Barrier, BrokenBarrierError
from typing import Any

import numpy as np
import openvino as ov
import pytest
from openvino import opset13 as ops

from cracks.backbones.engines import openvino, quantisation
from cracks.backbones.engines.openvino import backbone_model
from cracks.runtime.cache_folder import cache_folder

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


def test_each_form_is_made_once(
    made: list[str], mean: Callable[[str], float], capsys: pytest.CaptureFixture[str]
) -> None:
    assert [mean("int8"), mean("float32"), mean("int8"), mean("bfloat16")] == [2, 1, 2, 1]
    assert made == ["converted", "quantised"]
    said = capsys.readouterr().err.splitlines()
    assert [line.split(" it ")[0] for line in said] == ["vgg16: converting", "vgg16: quantising"]


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


@pytest.mark.parametrize("kind", ["other bytes", "a pipe"])
def test_what_is_no_hash_is_made_again(
    kind: str, made: list[str], mean: Callable[[str], float]
) -> None:
    mean("float32")
    for path in cache_folder("models").glob("*.sha256"):
        path.unlink()
        if kind == "a pipe":
            os.mkfifo(path)
        else:
            path.write_bytes(b"\xff\xfe\0")
    assert mean("float32") == 1
    assert made == ["converted", "converted"]


def test_two_at_once_make_one_model(random_weights: Callable[[str], Path]) -> None:
    together, made = Barrier(2, timeout=0.3), list[Path]()

    def write(path: Path) -> None:
        with suppress(BrokenBarrierError):  # nobody else is here
            together.wait()
        made.append(path)
        path.write_text("a model")
        path.with_suffix(".bin").write_text("its weights")

    def keep(_: int) -> Path:
        return openvino._kept(["a model"], random_weights("vgg16"), write)

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(keep, range(2))
    assert first == second
    assert len(made) == 1


def keep_and_be_killed(weights: Path) -> None:
    openvino._kept(["a model"], weights, lambda _: os.kill(os.getpid(), signal.SIGKILL))


@pytest.mark.slow
def test_a_model_that_was_killed_in_the_making_is_made(
    random_weights: Callable[[str], Path],
) -> None:
    weights = random_weights("vgg16")
    process = get_context("spawn").Process(target=keep_and_be_killed, args=(weights,))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert {path.suffix for path in cache_folder("models").iterdir()} == {".bin", ".lock"}

    def write(path: Path) -> None:
        path.write_text("a model")

    made = openvino._kept(["a model"], weights, write)
    assert made.read_text() == "a model"
    left = {path.suffix for path in cache_folder("models").iterdir()}
    assert left - {".lock"} == {".xml", ".bin", ".sha256"}


@pytest.mark.parametrize("package", ["nncf", "openvino", "pillow"])
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


def test_telemetry_is_disabled() -> None:
    command = [sys.executable, "-W", "error", "-c", REPORTERS]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said == "openvino.tools.ovc.telemetry_stub True\n"
