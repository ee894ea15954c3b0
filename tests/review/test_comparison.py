import pandas as pd
import pytest

from cracks.pipeline.errors import CracksError
from cracks.review.comparison import (
    LEAK,
    Change,
    changed_params,
    compare_metrics,
    failed_conditions,
    find_flips,
    why_not_comparable,
)
from cracks.review.sides import Side

BASE = {
    "vgg16.accuracy": 0.95,
    "vgg16.accuracy_std": 0.01,
    "vgg16.loss": 0.2,
    "vgg16.train.accuracy": 0.99,
    "a_vs_b.mcnemar_p": 0.2,
    LEAK: 0.0,
}


def predictions(correct: list[bool], ids: str = "abcdef") -> pd.DataFrame:
    labels = ["positive", "negative"] * 3
    return pd.DataFrame(
        {
            "id": list(ids),
            "backbone": "vgg16",
            "label": labels,
            "correct": correct,
        }
    )


def side(ids: str = "abcdef", images: str | None = "x") -> Side:
    return Side("main (1234567)", {}, predictions([True] * 6, ids), {}, images)


def test_direction_and_noise() -> None:
    changes = {
        change.metric: change
        for change in compare_metrics(BASE, {**BASE, "vgg16.accuracy": 0.94, "vgg16.loss": 0.3})
    }
    assert list(changes) == ["vgg16.accuracy", "vgg16.loss", LEAK]
    assert changes["vgg16.accuracy"].gain == pytest.approx(-0.01)
    assert changes["vgg16.accuracy"].is_noise
    assert changes["vgg16.loss"].gain < 0, "more loss is worse"
    assert not changes["vgg16.loss"].is_noise
    assert not changes[LEAK].difference


def test_the_band_is_the_wider_of_the_two_sides() -> None:
    (change, *_) = compare_metrics(BASE, {**BASE, "vgg16.accuracy_std": 0.03})
    assert change.band == pytest.approx(0.06)
    assert not Change("x", 0.5, 0.5, 1).is_noise, "no seeds, no band"


def test_flips_by_kind_and_their_significance() -> None:
    before = predictions([True, True, False, False, True, True])
    after = predictions([False, False, True, True, True, True])
    flips = find_flips(before, after.sample(frac=1, random_state=0), "vgg16")
    assert (flips.newly_missed, flips.newly_found) == (["a"], ["c"])
    assert (flips.new_alarms, flips.quieted) == (["b"], ["d"])
    assert flips.count == 4
    assert flips.p == 1.0


def test_one_way_flips_are_significant() -> None:
    ids = [f"{n:03}" for n in range(20)]
    before = pd.DataFrame({"id": ids, "backbone": "vgg16", "label": "positive", "correct": True})
    flips = find_flips(before, before.assign(correct=[False] * 10 + [True] * 10), "vgg16")
    assert flips.p == pytest.approx(2 / 2**10)


def test_other_test_images_cannot_be_compared() -> None:
    assert why_not_comparable(side(), side()) is None
    said = why_not_comparable(side(), side("abcdxy"))
    assert said
    assert "2 only on main (1234567), 2 only here, 4 on both" in said


def test_other_pixels_of_the_same_names_cannot_be_compared() -> None:
    assert "data/images.zip changed" in str(why_not_comparable(side(), side(images="y")))
    assert why_not_comparable(side(), side(images=None)) is None


def test_parameters_that_changed() -> None:
    base = {"epochs": 50, "split": {"seed": 0, "test": 0.2}}
    now = {"epochs": 2, "split": {"seed": 0, "test": 0.2}, "new": 1}
    assert changed_params(base, now) == [("epochs", 50, 2), ("new", None, 1)]


@pytest.mark.parametrize(
    ("condition", "fails"),
    [
        ("vgg16.accuracy < -0.01", True),
        ("vgg16.accuracy < -0.02", False),
        ("vgg16.accuracy <= -.02", True),
        ("vgg16.loss>0", False),
        ("vgg16.loss >= 0", True),
    ],
)
def test_conditions_speak_of_the_change(condition: str, fails: bool) -> None:
    now = {**BASE, "vgg16.accuracy": 0.93}
    assert bool(failed_conditions([condition], BASE, now)) is fails


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        ("vgg16.acuracy < 0", "did you mean vgg16.accuracy"),
        ("accuracy less than 1", "Expected --fail-if 'METRIC < NUMBER'"),
        ("vgg16.accuracy < two", "Expected --fail-if"),
    ],
)
def test_conditions_that_say_nothing_are_one_sentence(condition: str, sentence: str) -> None:
    with pytest.raises(CracksError, match=sentence):
        failed_conditions([condition], BASE, BASE)
