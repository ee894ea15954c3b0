import numpy as np
import pytest
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint

from cracks.evaluation.statistics import (
    exact_mcnemar,
    expected_calibration_error,
    paired_bootstrap,
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


@pytest.mark.parametrize(("b", "c"), [(1, 1), (0, 5), (10, 3), (25, 40), (0, 1)])
def test_mcnemar_agrees_with_statsmodels(b: int, c: int) -> None:
    expected = mcnemar([[50, b], [c, 20]], exact=True).pvalue
    assert exact_mcnemar(b, c) == pytest.approx(expected, rel=1e-9)


def test_mcnemar_of_five_to_none_by_hand() -> None:
    assert exact_mcnemar(5, 0) == pytest.approx(2 / 2**5)


def test_mcnemar_without_any_difference_shows_none() -> None:
    assert exact_mcnemar(0, 0) == 1.0


def test_bootstrap_covers_the_normal_interval() -> None:
    """For many images it agrees with the normal approximation of a mean of differences."""
    generator = np.random.default_rng(1)
    first, second = generator.random(4000) < 0.95, generator.random(4000) < 0.92
    difference = first.astype(float) - second.astype(float)
    half = 1.96 * difference.std() / np.sqrt(len(difference))
    low, high = paired_bootstrap(first, second)
    assert low == pytest.approx(difference.mean() - half, abs=1e-3)
    assert high == pytest.approx(difference.mean() + half, abs=1e-3)


def test_bootstrap_of_equal_answers_is_a_point_and_repeats() -> None:
    same = np.array([True, False, True])
    assert paired_bootstrap(same, same) == (0.0, 0.0)
    first, second = np.arange(50) % 7 > 0, np.arange(50) % 5 > 0
    assert paired_bootstrap(first, second) == paired_bootstrap(first, second)


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
