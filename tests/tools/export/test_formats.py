"""A classifier on a quantised backbone is exported as it is, or in float32 for lack of int8."""

import errno
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cracks.classifier.classifier import Trained, load_classifier, load_trained
from cracks.heads.head import save_head
from cracks.heads.training import Recipe, train_heads
from cracks.images.archive import write_archive
from cracks.images.decoding import decode
from cracks.project.errors import CracksError
from cracks.project.outputs import write_csv
from cracks.project.params import Params, load_params
from cracks.project.paths import ARCHIVE, EVALUATION, PREDICTIONS, head_path, weights_path
from cracks.tables.inputs import PREDICTION_COLUMNS
from cracks.tools.export import formats, openvino
from cracks.tools.export.check import Agreement, check_logits, probe_images
from cracks.tools.export.formats import FORMATS, export_classifier
from cracks.tools.export.keras import _temporary_files_removed
from tests.support.heads import origin_of
from tests.support.images import jpeg
from tests.support.project import ROOT

BACKBONE = "vgg16"

pytestmark = pytest.mark.usefixtures("common_models")


@pytest.fixture
def params(
    random_weights: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Params:
    """The current folder: a project with a head for int8 features."""
    monkeypatch.chdir(tmp_path)
    weights = weights_path(BACKBONE)
    weights.parent.mkdir(parents=True)
    weights.symlink_to(random_weights(BACKBONE))
    random = np.random.default_rng(0)
    labels = np.arange(40) % 2
    features = random.random((40, 512), np.float32) + labels[:, np.newaxis].astype(np.float32)
    recipe = Recipe(epochs=1, batch_size=8, learning_rate=1.0, l2=1.0)
    (head,), _ = train_heads(recipe, [0], (features, labels), (features, labels))
    save_head(head, origin_of(weights, 64, precision="int8"), head_path(BACKBONE))
    EVALUATION.parent.mkdir()
    EVALUATION.write_text(json.dumps({f"{BACKBONE}.threshold": 0.5}))
    return load_params(ROOT / "params.yaml")


@pytest.mark.slow
def test_the_quantised_backbone_goes_along(params: Params, tmp_path: Path) -> None:
    path = tmp_path / "model.xml"
    openvino.write(load_trained(BACKBONE), path)
    check_logits(openvino.load(path), load_classifier(BACKBONE, params))
    assert path.with_suffix(".bin").stat().st_size < weights_path(BACKBONE).stat().st_size / 3


@pytest.mark.slow
@pytest.mark.parametrize("form", ["keras", "onnx"])
def test_a_format_without_int8_gets_float32_and_says_how_far_it_is(
    form: str, params: Params, tmp_path: Path
) -> None:
    images = {
        f"{number}.jpg": jpeg(image, quality=100) for number, image in enumerate(probe_images(64))
    }
    write_archive(ARCHIVE, images.items())
    classifier = load_classifier(BACKBONE, params)
    pixels = ((name, decode(data)) for name, data in images.items())
    predictions = pd.DataFrame(classifier.probabilities(pixels), columns=["id", "probability"])
    predictions["probability"] += 0.25 * (predictions["id"] == "3.jpg")
    predictions["backbone"] = BACKBONE
    others = {name: "a" if kind is str else True for name, kind in PREDICTION_COLUMNS.items()}
    predictions = predictions.assign(**{k: v for k, v in others.items() if k not in predictions})
    write_csv(PREDICTIONS, predictions)
    file = tmp_path / f"model{FORMATS[form].suffix}"
    sentence = export_classifier(BACKBONE, form, params, file)
    assert "computes in float32, the pipeline in int8; the probabilities of 8 test" in sentence
    assert 0.15 < float(sentence.split("differ by at most ")[1].split()[0]) < 0.35
    assert file.exists()


def test_agreement_is_judged_where_nothing_but_resizing_differs() -> None:
    Agreement(images=8, worst=0.09, changed=1).check()
    for worst in (0.11, float("nan")):
        with pytest.raises(CracksError, match="within 0.1 of the pipeline's"):
            Agreement(images=8, worst=worst, changed=1).check()


def test_onnx_without_its_packages_is_one_sentence(
    params: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.delitem(sys.modules, "cracks.tools.export.onnx", raising=False)
    sentence = "Expected the package onnxruntime for ONNX, found none; run `make export`"
    with pytest.raises(CracksError, match=sentence):
        export_classifier(BACKBONE, "onnx", params, tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()


def test_what_keras_leaves_on_a_full_disk_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(OSError, match="full"), _temporary_files_removed():
        Path(tempfile.mkdtemp(), "weights.h5").write_bytes(bytes(1000))
        raise OSError("full")
    assert list(tmp_path.iterdir()) == []
    assert tempfile.gettempdir() == str(tmp_path)


@pytest.mark.parametrize("failing", [".xml", ".bin"])
def test_a_model_of_two_files_is_replaced_as_a_whole(
    failing: str, params: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(_: object, path: Path) -> None:
        for suffix in (".xml", ".bin"):
            path.with_suffix(suffix).write_text("new")

    def copy(source: Path, target: Path) -> None:
        if source.suffix == failing:
            raise OSError(errno.ENOSPC, "full")
        target.write_bytes(source.read_bytes())

    monkeypatch.setattr(openvino, "write", write)
    monkeypatch.setattr(openvino, "load", lambda _: None)
    monkeypatch.setattr(Trained, "classifier", lambda *_: None)
    monkeypatch.setattr(formats, "check_logits", lambda *_: None)
    monkeypatch.setattr(formats, "compare_probabilities", lambda *_: Agreement(8, 0.0, 0))
    monkeypatch.setattr("shutil.copyfile", copy)
    model = tmp_path / "model.xml"
    for suffix in (".xml", ".bin"):
        model.with_suffix(suffix).write_text("old")
    with pytest.raises(OSError, match="full"):
        export_classifier(BACKBONE, "openvino", params, model)
    assert [model.with_suffix(suffix).read_text() for suffix in (".xml", ".bin")] == ["old"] * 2
