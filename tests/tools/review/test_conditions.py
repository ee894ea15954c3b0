import pytest

from cracks.project.errors import CracksError
from cracks.tools.review.comparison import Change
from cracks.tools.review.conditions import failed_changes, parse_condition, unmet

BASE = {"vgg16.accuracy": 0.95, "vgg16.loss": 0.2, "vgg16.missed": 2}


@pytest.mark.parametrize(
    ("condition", "fails"),
    [
        ("vgg16.accuracy < -0.01", True),
        ("vgg16.accuracy < -0.02", False),
        ("vgg16.accuracy <= -.02", True),
        ("vgg16.accuracy<=-2.", False),
        ("vgg16.loss>0", False),
        ("vgg16.loss >= 0", True),
        ("vgg16.missed > 1", True),
    ],
)
def test_conditions_speak_of_the_change(condition: str, fails: bool) -> None:
    now = {**BASE, "vgg16.accuracy": 0.93, "vgg16.missed": 4}
    assert bool(failed_changes([parse_condition(condition)], BASE, now, {})) is fails


def test_what_failed_is_a_sentence() -> None:
    now = {**BASE, "vgg16.accuracy": 0.93}
    assert failed_changes([parse_condition("vgg16.accuracy < 0")], BASE, now, {}) == [
        "vgg16.accuracy < 0: it changed by -0.02, to 0.93"
    ]


@pytest.mark.parametrize(
    ("p", "seeds_p", "fails"),
    [(0.01, None, True), (0.01, 0.01, True), (0.2, 0.01, False), (0.01, 0.2, False)],
)
def test_a_change_may_have_to_be_significant(p: float, seeds_p: float | None, fails: bool) -> None:
    change = Change("vgg16.accuracy", 0.95, 0.93, 1, p, seeds_p)
    condition = parse_condition("vgg16.accuracy < 0 significantly")
    now = {**BASE, "vgg16.accuracy": 0.93}
    assert bool(failed_changes([condition], BASE, now, {"vgg16.accuracy": change})) is fails


def test_a_metric_without_a_test_cannot_be_significant() -> None:
    condition = parse_condition("vgg16.loss >= 0 significantly")
    known = {"vgg16.accuracy": Change("vgg16.accuracy", 1, 1, 1, 0.5)}
    with pytest.raises(CracksError, match=r"counts images \(vgg16.accuracy\), found vgg16.loss"):
        failed_changes([condition], BASE, BASE, known)


@pytest.mark.parametrize(
    ("requirement", "met"),
    [("vgg16.accuracy >= 0.95", True), ("vgg16.accuracy > .95", False), ("vgg16.missed < 3", True)],
)
def test_requirements_speak_of_the_value(requirement: str, met: bool) -> None:
    assert bool(unmet([parse_condition(requirement)], BASE)) is not met


def test_an_unmet_requirement_is_a_sentence() -> None:
    assert unmet([parse_condition(" vgg16.accuracy >= 0.99")], BASE) == [
        "vgg16.accuracy >= 0.99 is required: it is 0.95"
    ]


@pytest.mark.parametrize(
    "text",
    ["", "accuracy less than 1", "vgg16.accuracy < two", "a = 1", "a < 1 maybe", "a < 1e5", "< 1"],
)
def test_other_forms_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="^"):
        parse_condition(text)


def test_an_unknown_metric_is_one_sentence() -> None:
    condition = parse_condition("vgg16.acuracy < 0")
    with pytest.raises(
        CracksError, match="found no vgg16.acuracy on the base; did you mean vgg16.acc"
    ):
        failed_changes([condition], BASE, BASE, {})
    with pytest.raises(CracksError, match="found no vgg16.acuracy; did you mean"):
        unmet([condition], BASE)
