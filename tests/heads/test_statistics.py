import numpy as np
import pytest

from cracks.heads.statistics import statistics_of
from cracks.project.errors import CracksError


def test_mean_and_deviation_are_by_channel() -> None:
    features = np.random.default_rng(0).normal([1000, -3], [5, 2], (5000, 2)).astype(np.float32)
    mean, deviation = statistics_of(features)
    np.testing.assert_allclose(mean, features.mean(axis=0, dtype=np.float64))
    np.testing.assert_allclose(deviation, features.std(axis=0, dtype=np.float64))


def test_a_dead_channel_has_a_hundredth_of_the_others_deviation() -> None:
    features = np.random.default_rng(0).normal(0, 1, (100, 50)).astype(np.float32)
    features[:, 7] = 3
    deviation = statistics_of(features).deviation
    assert deviation[7] == pytest.approx(0.01 * deviation.mean(), rel=0.05)


def test_equal_rows_are_one_sentence() -> None:
    with pytest.raises(CracksError, match="Expected images whose features differ, found 7 rows"):
        statistics_of(np.full((7, 3), 2, np.float32))
