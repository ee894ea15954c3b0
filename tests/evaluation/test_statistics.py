import numpy as np
import pytest
import scipy
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint

from cracks.evaluation.statistics import (
    OverSeeds,
    effective_size,
    exact_mcnemar,
    expected_calibration_error,
    paired_bootstrap,
    seeds_p,
    wilson_interval,
)


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"), [(500, 500, 0.9924, 1.0), (498, 500, 0.9855, 0.9989)]
)
def test_wilson_known_values(successes: int, n: int, low: float, high: float) -> None:
    assert wilson_interval(successes, n) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(("successes", "n"), [(0, 7), (1, 10), (81, 263), (1599, 1600), (3, 3)])
def test_wilson_agrees_with_statsmodels(successes: int, n: int) -> None:
    expected = proportion_confint(successes, n, method="wilson")
    assert wilson_interval(successes, n) == pytest.approx(expected, abs=1e-9)


def test_copies_are_worth_one_image() -> None:
    assert effective_size(np.arange(7)) == 7
    assert effective_size(np.repeat(np.arange(7), 3)) == pytest.approx(7)
    assert effective_size(np.array(list("aab"))) == pytest.approx(9 / 5)


def test_intervals_with_copies_have_their_nominal_coverage() -> None:
    """400 groups of 1 to 4 images that get the same answer; Wilson by image covers less."""
    generator = np.random.default_rng(0)
    truth, rounds = 0.9, 2000
    covered = {"group": 0, "image": 0}
    for _ in range(rounds):
        groups = np.repeat(np.arange(400), generator.integers(1, 5, 400))
        right = (generator.random(400) < truth)[groups]
        for name, size in (("group", effective_size(groups)), ("image", None)):
            low, high = wilson_interval(int(right.sum()), len(right), size)
            covered[name] += low <= truth <= high
    assert covered["group"] / rounds == pytest.approx(0.95, abs=0.015)
    assert covered["image"] / rounds < 0.85


def discordant(b: int, c: int) -> tuple[np.ndarray, np.ndarray]:
    """Answers of which `b` are right by the first alone and `c` by the second alone."""
    first = np.array([True] * 50 + [True] * b + [False] * c)
    second = np.array([True] * 50 + [False] * b + [True] * c)
    return first, second


def mcnemar_p(b: int, c: int) -> float:
    return exact_mcnemar(*discordant(b, c), np.arange(50 + b + c))


@pytest.mark.parametrize(("b", "c"), [(1, 1), (0, 5), (10, 3), (25, 40), (0, 1)])
def test_mcnemar_agrees_with_statsmodels(b: int, c: int) -> None:
    expected = mcnemar([[50, b], [c, 20]], exact=True).pvalue
    assert mcnemar_p(b, c) == pytest.approx(expected, rel=1e-9)


def test_mcnemar_of_five_to_none_by_hand() -> None:
    assert mcnemar_p(5, 0) == pytest.approx(2 / 2**5)


def test_mcnemar_without_any_difference_shows_none() -> None:
    assert mcnemar_p(0, 0) == 1.0


def test_a_group_of_copies_is_one_toss() -> None:
    first, second = discordant(5, 0)
    groups = np.array([*range(50), *["copies"] * 5])
    assert exact_mcnemar(first, second, groups) == 1.0


def test_bootstrap_covers_the_normal_interval() -> None:
    """For many images it agrees with the normal approximation of a mean of differences."""
    generator = np.random.default_rng(1)
    first, second = generator.random(4000) < 0.95, generator.random(4000) < 0.92
    difference = first.astype(float) - second.astype(float)
    half = 1.96 * difference.std() / np.sqrt(len(difference))
    low, high = paired_bootstrap(first, second, np.arange(len(first)))
    assert low == pytest.approx(difference.mean() - half, abs=1e-3)
    assert high == pytest.approx(difference.mean() + half, abs=1e-3)


def test_bootstrap_is_that_of_scipy() -> None:
    """Which draws the groups one by one; the fourth decimal is that of 9,999 draws."""
    generator = np.random.default_rng(2)
    groups = np.sort(generator.integers(0, 1500, 2000))
    first, second = generator.random(2000) < 0.95, generator.random(2000) < 0.9
    lead = np.bincount(groups, first.astype(float) - second)
    sizes = np.bincount(groups)
    expected = scipy.stats.bootstrap(
        (lead[sizes > 0], sizes[sizes > 0]),
        lambda lead, sizes, axis: lead.sum(axis=axis) / sizes.sum(axis=axis),
        paired=True,
        method="percentile",
        batch=500,
        rng=np.random.default_rng(0),
    ).confidence_interval
    assert paired_bootstrap(first, second, groups) == pytest.approx(expected, abs=1e-3)


def test_one_group_gives_no_information() -> None:
    answers = np.array([True, False])
    assert paired_bootstrap(answers, ~answers, np.array(["a", "a"])) == (-1.0, 1.0)


def test_bootstrap_of_equal_answers_is_a_point_and_repeats() -> None:
    same = np.array([True, False, True])
    assert paired_bootstrap(same, same, np.arange(3)) == (0.0, 0.0)
    first, second = np.arange(50) % 7 > 0, np.arange(50) % 5 > 0
    once, twice = (paired_bootstrap(first, second, np.arange(50)) for _ in range(2))
    assert once == twice


def test_bootstrap_resamples_groups_of_copies() -> None:
    generator = np.random.default_rng(1)
    first, second = generator.random(200) < 0.95, generator.random(200) < 0.85
    copies = np.repeat(np.arange(200), 4)
    single = paired_bootstrap(first, second, np.arange(200))
    assert paired_bootstrap(first[copies], second[copies], copies) == pytest.approx(single)


@pytest.mark.parametrize("seeds", [2, 3, 5, 10])
def test_no_change_is_called_one_in_at_most_5_percent(seeds: int) -> None:
    generator = np.random.default_rng(0)
    rounds = 2000
    draws = generator.normal(0.9, 0.01, (rounds, 2, seeds))
    sides = [
        [OverSeeds(float(x.mean()), float(x.std(ddof=1)), seeds) for x in pair] for pair in draws
    ]
    alarms = sum(seeds_p(one, other) < 0.05 for one, other in sides) / rounds
    assert 0.01 < alarms < 0.06


def test_a_change_beyond_seeds_is_called_one() -> None:
    assert seeds_p(OverSeeds(0.9, 0.01, 5), OverSeeds(0.87, 0.01, 5)) < 0.01
    assert seeds_p(OverSeeds(0.9, 0.0, 5), OverSeeds(0.9, 0.0, 5)) == 1
    assert seeds_p(OverSeeds(0.9, 0.0, 5), OverSeeds(0.8, 0.0, 5)) == 0


def test_calibration_error_by_hand() -> None:
    """Two bins of confidence: (0.5, 0.75] holds 0.6 right, 0.7 wrong; (0.75, 1] 0.9 right twice.

    Gaps: |0.5 - 0.65| and |1 - 0.9|, each with half of the images: 0.125.
    """
    probability = np.array([0.6, 0.7, 0.9, 0.1])
    labels = np.array([1, 0, 1, 0])
    assert expected_calibration_error(labels, probability, bins=4) == pytest.approx(0.125)


def test_calibration_error_of_certainty() -> None:
    labels = np.array([1, 1, 0, 0])
    assert expected_calibration_error(labels, np.array([1.0, 1.0, 0.0, 0.0])) == 0
    assert expected_calibration_error(labels, np.array([0.0, 0.0, 1.0, 1.0])) == 1
