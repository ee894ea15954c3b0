"""A backbone of Keras Applications that the catalogue does not have, added as the guide says."""

import json

import pytest

from tests.support.project import SMALL, Project, make_project

pytestmark = pytest.mark.slow

ENTRY = """
BACKBONES["mobilenetv2"] = Backbone(
    constructor="MobileNetV2",
    module="mobilenet_v2",
    layer="block_6_expand_relu",
    features=192,
    imagenet_url="https://example.org/none.h5",
    imagenet_md5="0" * 32,
)
"""
EXPORT = """
from pathlib import Path
from cracks.project.errors import CracksError
from cracks.project.params import load_params
from cracks.tools.export.formats import export_classifier
for form, suffix in (("keras", ".keras"), ("openvino", ".xml"), ("onnx", ".onnx")):
    try:
        print(export_classifier("mobilenetv2", form, load_params(), Path(f"other{suffix}")))
    except CracksError as error:
        print(error)
"""
STAGES = ["download", "weights", "audit", "split", "precompute", "train-head", "evaluate"]


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with MobileNetV2, whose ReLU6 int8 does not support, in place of both backbones."""
    folder = tmp_path_factory.mktemp("third") / "project"
    changes = SMALL | {
        "sample.images_per_class": 24,
        "precision": "float32",
        "weights": {"mobilenetv2": "random"},
    }
    caches = str(tmp_path_factory.mktemp("caches"))
    project = make_project(folder, changes, CRACKS_CACHE=caches)
    with (folder / "cracks/backbones/catalogue.py").open("a") as catalogue:
        catalogue.write(ENTRY)
    return project


def test_it_is_trained_evaluated_and_exported(other: Project) -> None:
    stages = other.stages_run("dvc", "repro", "evaluate")
    assert [stage.partition("@")[0] for stage in stages] == STAGES
    assert "mobilenetv2.recall" in json.loads(other.read("metrics/evaluate.json"))
    printed = other.run("python", "-c", EXPORT).splitlines()
    for name in ("other.keras", "other.xml"):
        (sentence,) = (line for line in printed if line.startswith(f"{name}: "))
        assert "test images differ by at most" in sentence
        assert (other.folder / name).is_file()
    assert printed[-1] == (
        "ONNX export does not know the padding of Conv1; export to keras or openvino."
    )
    assert not (other.folder / "other.onnx").exists()


def test_int8_is_refused_and_float32_offered(other: Project) -> None:
    other.set({"precision": "int8"})
    printed = other.run("python", "-m", "stages", "precompute", "mobilenetv2", status=1)
    assert printed.splitlines()[-1] == (
        "Error: Expected a backbone with ReLU activations for `precision: int8`, found Clamp; "
        "set `precision: float32`."
    )
