from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cracks.pipeline.errors import CracksError
from cracks.review.comparison import (
    LEAK,
    Change,
    changed_values,
    compare_metrics,
    failed_conditions,
    find_flips,
    why_not_comparable,
)
from cracks.review.sides import Side

BASE = {"vgg16.accuracy": 0.95, "vgg16.loss": 0.2, "a_vs_b.mcnemar_p": 0.2, LEAK: 0.0}


def predictions(correct: list[bool], images: str = "abcdef") -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": [f"{image}.jpg" for image in images],
            "backbone": "vgg16",
            "label": ["positive", "negative"] * 3,
            "correct": correct,
            "group": list(images),
            "sha256": [f"bytes of {image}" for image in images],
        }
    )


def details(mean: float = 0.95, std: float | None = 0.01, seeds: int = 5) -> pd.DataFrame:
    row = {"backbone": "vgg16", "part": "test", "metric": "accuracy", "value": mean}
    return pd.DataFrame([{**row, "mean": mean, "std": std, "seeds": seeds}])


def side(**values: Any) -> Side:
    default = Side("main (1234567)", BASE, details(), predictions([True] * 6), {}, {})
    return replace(default, **values)


def changes(**values: Any) -> dict[str, Change]:
    return {change.metric: change for change in compare_metrics(side(), side(**values))}


def test_direction() -> None:
    found = changes(metrics={**BASE, "vgg16.accuracy": 0.94, "vgg16.loss": 0.3})
    assert list(found) == ["vgg16.accuracy", "vgg16.loss", LEAK]
    assert found["vgg16.accuracy"].gain == pytest.approx(-0.01)
    assert found["vgg16.loss"].gain < 0, "more loss is worse"
    assert not found[LEAK].difference


def test_noise_is_what_other_seeds_make() -> None:
    now = {**BASE, "vgg16.accuracy": 0.94}
    assert changes(metrics=now, details=details(0.945))["vgg16.accuracy"].is_noise
    assert not changes(metrics=now, details=details(0.92))["vgg16.accuracy"].is_noise
    # the same means far apart, of seeds that differ widely
    assert changes(metrics=now, details=details(0.92, 0.06))["vgg16.accuracy"].is_noise


def test_one_seed_gives_no_band() -> None:
    (change, *_) = compare_metrics(side(), side(details=details(std=None, seeds=1)))
    assert change.seeds_p is None
    assert not change.is_noise


def test_no_change_is_called_one_in_at_most_5_percent() -> None:
    generator = np.random.default_rng(0)
    rounds, alarms = 400, 0
    for _ in range(rounds):
        draws = generator.normal(0.9, 0.01, (2, 5))
        both = [
            side(metrics={"vgg16.accuracy": x[0]}, details=details(x.mean(), x.std(ddof=1)))
            for x in draws
        ]
        (change,) = compare_metrics(*both)
        alarms += not change.is_noise
    assert 0 < alarms / rounds <= 0.07


def test_flips_by_kind_and_their_significance() -> None:
    before = predictions([True, True, False, False, True, True])
    after = predictions([False, False, True, True, True, True])
    flips = find_flips(before, after.sample(frac=1, random_state=0), "vgg16")
    assert (flips.newly_missed, flips.newly_found) == (["a.jpg"], ["c.jpg"])
    assert (flips.new_alarms, flips.quieted) == (["b.jpg"], ["d.jpg"])
    assert flips.count == 4
    assert flips.p == 1.0


def one_way(copies: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Twenty groups of copies, ten of them newly missed."""
    names = [f"{n:03}" for n in range(20) for _ in range(copies)]
    before = pd.DataFrame({"id": names, "backbone": "vgg16", "label": "positive", "correct": True})
    before = before.assign(group=names, sha256=names)
    return before, before.assign(correct=before["id"] >= "010")


@pytest.mark.parametrize("copies", [1, 3])
def test_flips_of_copies_are_one_flip_to_the_test(copies: int) -> None:
    flips = find_flips(*one_way(copies), "vgg16")
    assert flips.count == 10 * copies
    assert flips.p == pytest.approx(2 / 2**10)


def test_other_test_images_cannot_be_compared() -> None:
    assert why_not_comparable(side(), side()) is None
    said = why_not_comparable(side(), side(predictions=predictions([True] * 6, "abcdxy")))
    assert said
    assert "2 only on main (1234567), 2 only here, 4 on both" in said


def test_the_same_images_by_other_names_can_be_compared() -> None:
    renamed = predictions([False] + [True] * 5)
    renamed["id"] = "elsewhere/" + renamed["id"]
    assert why_not_comparable(side(), side(predictions=renamed)) is None
    assert find_flips(side().predictions, renamed, "vgg16").newly_missed == ["elsewhere/a.jpg"]


def test_other_bytes_of_the_same_name_cannot_be_compared() -> None:
    other = predictions([True] * 6)
    other.loc[0, "sha256"] = "other bytes"
    assert "1 only here, 5 on both" in str(why_not_comparable(side(), side(predictions=other)))


def test_another_label_of_the_same_image_cannot_be_compared() -> None:
    other = predictions([True] * 6).assign(label=["negative"] * 6)
    assert "3 only here" in str(why_not_comparable(side(), side(predictions=other)))


def test_identical_files_are_told_apart() -> None:
    twice = predictions([True] * 6).assign(sha256="the same bytes", label="positive")
    assert why_not_comparable(side(predictions=twice), side(predictions=twice)) is None
    assert find_flips(twice, twice, "vgg16").count == 0


def test_values_that_changed() -> None:
    base = {"epochs": 50, "split.seed": 0, "old": 1}
    now = {"epochs": 2, "split.seed": 0, "new": 1}
    assert changed_values(base, now) == [("epochs", 50, 2), ("old", 1, None), ("new", None, 1)]


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
