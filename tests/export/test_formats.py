"""A classifier on a quantised backbone is exported as it is, or not at all."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cracks.export.check import check_logits
from cracks.export.formats import FORMATS, export_classifier
from cracks.heads.head import save_head
from cracks.heads.training import Recipe, train_heads
from cracks.inference.classifier import load_classifier, load_trained
from cracks.pipeline.errors import CracksError
from cracks.pipeline.params import Params, load_params
from cracks.pipeline.paths import EVALUATION, head_path, weights_path
from tests.support.heads import origin_of
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
    FORMATS["openvino"].write(load_trained(BACKBONE), path)
    check_logits(FORMATS["openvino"].load(path), load_classifier(BACKBONE, params))
    assert path.with_suffix(".bin").stat().st_size < weights_path(BACKBONE).stat().st_size / 3


@pytest.mark.parametrize("form", ["keras", "onnx"])
def test_a_format_without_int8_says_so(form: str, params: Params, tmp_path: Path) -> None:
    file = tmp_path / f"model{FORMATS[form].suffix}"
    with pytest.raises(CracksError, match=f"for --to {form}, found one of int8"):
        export_classifier(BACKBONE, form, params, file)
    assert not file.exists()
