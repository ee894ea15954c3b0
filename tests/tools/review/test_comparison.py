from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cracks.tools.review.comparison import (
    Change,
    Classifier,
    Comparison,
    Flip,
    Verdict,
    changed_values,
    compare_sides,
)
from cracks.tools.review.sides import Predictions, Side

NAMES = "abcdef"
LABELS = ["positive", "negative"] * 3
CALM = np.array([0.9, 0.1] * 3)  # all right


def predictions(probability: np.ndarray, **columns: Any) -> Predictions:
    """Six images, classified by VGG16 at 0.5."""
    images = pd.DataFrame(
        {
            "id": [f"{name}.jpg" for name in NAMES],
            "label": LABELS,
            "group": list(NAMES),
            "sha256": [f"bytes of {name}" for name in NAMES],
        }
    ).assign(**columns)
    return Predictions(images, {"vgg16": pd.DataFrame({"probability": probability})})


def details(mean: float = 0.95, std: float | None = 0.01, seeds: int = 5) -> pd.DataFrame:
    row = {"backbone": "vgg16", "part": "test", "metric": "accuracy", "value": mean}
    return pd.DataFrame([{**row, "mean": mean, "std": std, "seeds": seeds}])


def side(probability: np.ndarray = CALM, **values: Any) -> Side:
    metrics = {"vgg16.accuracy": 0.95, "vgg16.threshold": 0.5}
    default = Side("main (1234567)", metrics, details(), predictions(probability), {}, {})
    return replace(default, **values)


def compared(now: Side, base: Side | None = None) -> Classifier:
    comparison = compare_sides(base or side(), now)
    assert comparison.impossible is None
    (classifier,) = comparison.classifiers
    return classifier


def many(missed: int, copies: int = 1, **values: Any) -> Side:
    """Twenty groups of cracked images and as many others, the first cracks missed."""
    names = [f"{n:03}" for n in range(40) for _ in range(copies)]
    images = pd.DataFrame({"id": names, "group": names})
    images["sha256"] = [f"{name} {n % copies}" for n, name in enumerate(names)]
    cracked = images["group"] < "020"
    images["label"] = np.where(cracked, "positive", "negative")
    probability = np.where(cracked & (images["group"] >= f"{missed:03}"), 0.9, 0.1)
    answers = {"vgg16": pd.DataFrame({"probability": probability})}
    return side(**{"tested": Predictions(images, answers), **values})


def test_a_change_has_a_difference_without_noise() -> None:
    assert Change("x", 0.1, 0.3).difference == 0.2
    changes = compared(side(np.array([0.9, 0.1, 0.2, 0.1, 0.9, 0.1]))).changes
    assert changes["missed"].difference == 1
    assert isinstance(changes["missed"].now, int)
    assert changes["loss"].difference > 0
    assert changes["loss"].better == -1


def test_noise_is_what_other_seeds_make() -> None:
    one_wrong = np.array([0.9, 0.1, 0.2, 0.1, 0.9, 0.1])

    def accuracy(**values: Any) -> Change:
        return compared(side(one_wrong, **values)).changes["accuracy"]

    assert accuracy(details=details(0.945)).is_noise
    assert not accuracy(details=details(0.92)).is_noise
    # the same means far apart, of seeds that differ widely
    assert accuracy(details=details(0.92, 0.06)).is_noise
    one_seed = accuracy(details=details(std=None, seeds=1))
    assert one_seed.seeds_p is None
    assert not one_seed.is_noise


@pytest.mark.parametrize(
    ("base", "now", "mean", "verdict"),
    [
        (2, 2, 0.95, Verdict.UNCHANGED),
        (2, 4, 0.70, Verdict.UNCLEAR),  # by chance
        (2, 12, 0.70, Verdict.WORSE),
        (12, 2, 0.99, Verdict.BETTER),
        (2, 12, 0.95, Verdict.UNCLEAR),  # other seeds do it as well
    ],
)
def test_one_verdict(base: int, now: int, mean: float, verdict: Verdict) -> None:
    assert compared(many(now, details=details(mean)), many(base)).verdict == verdict


def test_flips_by_kind() -> None:
    before = side(np.array([0.9, 0.1, 0.2, 0.8, 0.9, 0.1]))
    after = side(np.array([0.3, 0.6, 0.7, 0.4, 0.9, 0.1]))
    classifier = compared(after, before)
    flips = classifier.flips
    assert flips["newly_missed"] == [Flip("a.jpg", 0.9, 0.3)]
    assert flips["newly_found"] == [Flip("c.jpg", 0.2, 0.7)]
    assert flips["new_alarms"] == [Flip("b.jpg", 0.1, 0.6)]
    assert flips["alarms_gone"] == [Flip("d.jpg", 0.8, 0.4)]
    assert (classifier.newly_wrong, classifier.newly_right, classifier.flipped) == (2, 2, 4)
    assert classifier.changes["accuracy"].mcnemar_p == 1.0


@pytest.mark.parametrize("copies", [1, 3])
def test_flips_of_copies_are_one_flip_to_the_test(copies: int) -> None:
    classifier = compared(many(10, copies), many(0, copies))
    assert classifier.flipped == 10 * copies
    for metric in ("accuracy", "recall"):
        assert classifier.changes[metric].mcnemar_p == pytest.approx(2 / 2**10)
    assert classifier.changes["specificity"].mcnemar_p == 1.0


def test_another_order_of_the_rows_is_no_change() -> None:
    turned = predictions(CALM)
    turned = Predictions(
        turned.images[::-1].reset_index(drop=True),
        {"vgg16": turned.answers["vgg16"][::-1].reset_index(drop=True)},
    )
    comparison = compare_sides(side(), side(tested=turned))
    assert comparison.is_whole
    assert comparison.classifiers[0].verdict is Verdict.UNCHANGED


def test_other_test_images_are_left_out() -> None:
    other = [f"bytes of {name}" for name in "abcdxy"]
    wrong_outside = predictions(np.array([0.9, 0.1, 0.2, 0.1, 0.1, 0.9]), sha256=other)
    comparison = compare_sides(side(), side(tested=wrong_outside))
    assert (comparison.images, comparison.base_images, comparison.now_images) == (4, 6, 6)
    assert not comparison.is_whole
    assert comparison.can_judge
    assert [flip.id for flip in comparison.classifiers[0].flips["newly_missed"]] == ["c.jpg"]
    assert comparison.classifiers[0].flipped == 1
    assert comparison.classifiers[0].changes["accuracy"].seeds_p is None, "of other images"


def test_too_few_shared_images_judge_nothing() -> None:
    other = [f"bytes of {name}" for name in "abuvwx"]
    assert not compare_sides(side(), side(tested=predictions(CALM, sha256=other))).can_judge


def test_the_same_images_by_other_names_can_be_compared() -> None:
    wrong = np.array([0.2, 0.1] + [0.9, 0.1] * 2)
    renamed = predictions(wrong, id=[f"elsewhere/{name}.jpg" for name in NAMES])
    flips = compared(side(tested=renamed)).flips
    assert flips["newly_missed"] == [Flip("elsewhere/a.jpg", 0.9, 0.2)]


@pytest.mark.parametrize(
    ("columns", "shared"),
    [
        ({"sha256": ["other bytes", *(f"bytes of {name}" for name in NAMES[1:])]}, 5),
        ({"label": ["negative", *LABELS[1:]]}, 5),
    ],
)
def test_other_bytes_and_other_labels_are_other_images(
    columns: dict[str, Any], shared: int
) -> None:
    comparison = compare_sides(side(), side(tested=predictions(CALM, **columns)))
    assert comparison.images == shared


def test_identical_files_are_told_apart() -> None:
    twice = predictions(CALM, sha256="the same bytes")
    comparison = compare_sides(side(tested=twice), side(tested=twice))
    assert comparison.is_whole
    assert comparison.classifiers[0].flipped == 0


def test_nothing_shared_and_no_hashes_cannot_be_compared() -> None:
    other = predictions(CALM, sha256=[f"other {name}" for name in NAMES])
    assert "0 cracks" in str(compare_sides(side(), side(tested=other)).impossible)
    old = Predictions(other.images.drop(columns="sha256"), other.answers)
    comparison = compare_sides(side(tested=old), side())
    assert "main (1234567) do not say which images" in str(comparison.impossible)
    assert not comparison.can_judge


def with_rival(missed: int, rival: int) -> Side:
    both = {"vgg16": many(missed), "resnet50": many(rival)}
    answers = {name: one.tested.answers["vgg16"] for name, one in both.items()}
    metrics = {f"{name}.{key}": 0.5 for name in both for key in ("accuracy", "threshold")}
    return side(metrics=metrics, tested=Predictions(both["vgg16"].tested.images, answers))


def test_the_answer_to_which_is_better_may_change() -> None:
    comparison: Comparison = compare_sides(with_rival(0, 12), with_rival(4, 6))
    (duel,) = comparison.duels
    assert (duel.first, duel.second) == ("vgg16", "resnet50")
    assert duel.winners == ("vgg16", None)
    assert duel.ps == pytest.approx((2 / 2**12, 0.5))
    (back,) = compare_sides(with_rival(12, 0), with_rival(12, 0)).duels
    assert back.winners == ("resnet50", "resnet50")


def test_values_that_changed() -> None:
    base = {"epochs": 50, "split.seed": 0, "old": 1}
    now = {"epochs": 2, "split.seed": 0, "new": 1}
    assert changed_values(base, now) == [("epochs", 50, 2), ("old", 1, None), ("new", None, 1)]
