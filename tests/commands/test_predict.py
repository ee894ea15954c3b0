"""The files that `predict` writes, with a classifier that sees everything as it is."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from cracks.commands import predict
from cracks.heads.head import LinearHead
from cracks.images.decoding import RGB
from cracks.inference.classifier import Classifier
from cracks.pipeline.params import load_params
from tests.support.heads import ORIGIN
from tests.support.project import ROOT

PHOTOGRAPHS = ["a/1.jpg", "b/1.jpg", "b/1.png"]


def mean(batch: np.ndarray) -> np.ndarray:
    return np.asarray(batch.mean(axis=(1, 2, 3))[:, None], np.float32)


@pytest.fixture
def photographs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(PHOTOGRAPHS):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (64, 64), (80 * number,) * 3).save(tmp_path / name)
    params = load_params(ROOT / "params.yaml")
    classifier = Classifier("vgg16", 0.5, 32, mean, LinearHead(np.array([0.2]), -30.0))

    def maps(
        backbone: str, params: object, inputs: Iterable[tuple[Path, RGB]]
    ) -> Iterator[tuple[Path, np.ndarray]]:
        for path, _ in inputs:
            yield path, np.zeros((7, 7))

    monkeypatch.setattr(predict, "load_params", lambda: params)
    monkeypatch.setattr(predict, "load_classifier", lambda *_: classifier)
    monkeypatch.setattr(predict, "activation_maps", maps)
    trained = SimpleNamespace(origin=ORIGIN)
    monkeypatch.setattr(predict, "load_trained", lambda _: trained)
    return tmp_path


def run(**options: Path | int) -> int:
    defaults = dict.fromkeys(("out", "explain", "maps", "stride", "patch"))
    return predict.run(["a", "b"], "vgg16", "csv", **(defaults | options))  # type: ignore[arg-type]


@pytest.mark.parametrize(("option", "end"), [("explain", "-vgg16-cam.png"), ("maps", "-vgg16.png")])
def test_pictures_of_photographs_of_one_name_are_apart(
    option: str, end: str, photographs: Path
) -> None:
    folder = Path("pictures")
    assert run(**{option: folder}, patch=32) == 0
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*.png")}
    assert found == {f"{name}{end}" for name in PHOTOGRAPHS}
