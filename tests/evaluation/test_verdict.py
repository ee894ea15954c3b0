import pytest

from cracks.evaluation.verdict import leak_sentence, verdicts, whole_of

PRETRAINED = {"resnet50": "imagenet", "vgg16": "imagenet"}


def split(leaked: int = 0) -> dict[str, float]:
    return {
        "test.negative": 250,
        "test.positive": 250,
        "test.leaked": leaked,
        "test.leaked_positive": leaked,
    }


def metrics(p: float = 0.001, difference: float = -0.03) -> dict[str, float]:
    name = "resnet50_vs_vgg16"
    return {
        f"{name}.only_resnet50_right": 3,
        f"{name}.only_vgg16_right": 18,
        f"{name}.mcnemar_p": p,
        f"{name}.accuracy_difference": difference,
        f"{name}.accuracy_difference_low": difference - 0.02,
        f"{name}.accuracy_difference_high": difference + 0.02,
    }


def test_no_difference_is_said_to_be_none() -> None:
    first, *_ = verdicts(metrics(p=0.4), split(), PRETRAINED)
    assert "no difference that this test set can show" in first


@pytest.mark.parametrize(
    ("difference", "words"),
    [
        (-0.03, "VGG16 is better than ResNet50 by 3.0 percentage points"),
        (0.03, "ResNet50 is better than VGG16 by 3.0 percentage points"),
    ],
)
def test_the_better_one_is_named_with_its_interval(difference: float, words: str) -> None:
    first, *_ = verdicts(metrics(difference=difference), split(), PRETRAINED)
    assert words in first
    assert "(95 % interval 1.0 to 5.0)" in first


def test_random_weights_are_always_mentioned() -> None:
    said = " ".join(verdicts(metrics(), split(), {"resnet50": "random", "vgg16": "edges"}))
    assert "ResNet50 has random weights: the comparison shows what pre-training brings" in said
    assert "random weights" not in " ".join(verdicts(metrics(), split(), PRETRAINED))


def test_no_test_images_have_no_share() -> None:
    none = dict.fromkeys(split(), 0.0)
    assert leak_sentence(none | {"test.leaked": 1.0}).startswith("1 test images (100.0 %; 0.0 %")


def test_a_leak_is_mentioned() -> None:
    assert leak_sentence(split()).startswith("No test image has a copy")
    assert leak_sentence(split(leaked=100)).startswith(
        "100 test images (20.0 %; 40.0 % of the cracks) have a copy"
    )


def test_what_is_drawn_is_no_photograph() -> None:
    known = {f"test.photograph{end}": 0 for end in ("_in_train", "_in_train_share")}
    known["test.photographs"] = 90
    *_, last = verdicts(metrics(), split() | known, PRETRAINED, whole_of("sample"))
    assert last == "The test images are from 90 drawn walls, none of them in train."
    assert whole_of("photos") == "photograph"


@pytest.mark.parametrize(
    ("photographs", "shared", "sentence"),
    [
        (1, 0, "The test images are from 1 photograph, none of them in train."),
        (1200, 0, "The test images are from 1,200 photographs, none of them in train."),
        (6, 400, "400 test images (80.0 %) share a photograph with train: expect"),
    ],
)
def test_photographs_in_two_parts_are_mentioned(
    photographs: int, shared: int, sentence: str
) -> None:
    known = {
        "test.photographs": photographs,
        "test.photograph_in_train": shared,
        "test.photograph_in_train_share": shared / 500,
    }
    assert sentence in verdicts(metrics(), split() | known, PRETRAINED)[-1]
    assert (
        "photographs"
        not in verdicts(metrics(), split(), PRETRAINED)[-1].split("better than new")[0]
    )
