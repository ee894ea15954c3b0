import pytest

from cracks.project.params import load_params
from cracks.report.plain import plain_words
from tests.support.project import ROOT

SPLIT = {"train.negative": 200, "train.positive": 280, "test.negative": 80, "test.positive": 80}
METRICS = {
    "resnet50.recall": 0.8,
    "resnet50.fp": 2,
    "resnet50.tn": 78,
    "vgg16.recall": 0.975,
    "vgg16.fp": 8,
    "vgg16.tn": 72,
}


@pytest.mark.parametrize("dataset", ["sample", "photos"])
def test_the_first_paragraph_says_what_of_ten_and_of_what(dataset: str) -> None:
    params = load_params(ROOT / "params.yaml").model_copy(
        update={"dataset": dataset, "weights": {"resnet50": "random", "vgg16": "edges"}}
    )
    said = " ".join(plain_words(METRICS, SPLIT, params))
    assert "ResNet50 found 8 of ten cracks and reported a crack in 0.2 of ten" in said
    assert "VGG16 found 9.8 of ten cracks and reported a crack in 1 of ten" in said
    assert "ResNet50 on nothing: its weights are random" in said
    assert "tested on 160 others" in said
    assert ("480 drawings of walls, not photographs" in said) == (dataset == "sample")
    assert ("do not take “no crack” for an all-clear" in said) == (dataset == "sample")


@pytest.mark.parametrize(
    ("source", "begins"),
    [("random", "No classifier"), ("cracks", "No head"), ("edges", "No head")],
)
def test_what_saw_no_photograph_depends_on_the_backbones(source: str, begins: str) -> None:
    params = load_params(ROOT / "params.yaml").model_copy(
        update={"dataset": "sample", "weights": {"resnet50": "random", "vgg16": source}}
    )
    said = " ".join(plain_words(METRICS, SPLIT, params))
    assert f"{begins} has seen a photograph of a real wall" in said
