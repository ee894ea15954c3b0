import pytest

from cracks.report.learned import backbones_learned_from, learned_from, saw_no_photograph


@pytest.mark.parametrize(
    ("backbone", "source", "words"),
    [
        ("resnet50", "cracks", "drawn walls"),
        ("vgg16", "cracks", "edges in photographs, then on drawn walls"),
        ("vgg16", "edges", "ImageNet"),
        ("vgg16", "imagenet", "ImageNet"),
        ("resnet50", "random", "nothing"),
        ("resnet50", "/home/ann/own.weights.h5", "what made own.weights.h5"),
    ],
)
def test_every_source_of_weights_says_what_it_saw(backbone: str, source: str, words: str) -> None:
    assert words in learned_from(backbone, source)
    assert "/home" not in learned_from(backbone, source)


def test_several_backbones_are_one_list() -> None:
    said = backbones_learned_from({"resnet50": "cracks", "vgg16": "random"})
    assert said == "ResNet50 on drawn walls; VGG16 on nothing: its weights are random"


@pytest.mark.parametrize("source", ["cracks", "edges", "imagenet", "own.weights.h5"])
def test_one_backbone_that_saw_photographs_is_enough(source: str) -> None:
    assert saw_no_photograph({"resnet50": "cracks", "vgg16": "random"})
    assert not saw_no_photograph({"resnet50": "cracks", "vgg16": source})
