import numpy as np
import pytest

from cracks.heads.statistics import Features
from cracks.heads.whitening import fit_whitening
from cracks.project.errors import CracksError

SHRINKAGE = 0.06


def correlated(rows: int, channels: int) -> Features:
    """Features far from zero of a few common causes and a little noise."""
    generator = np.random.default_rng(0)
    causes = generator.standard_normal((rows, 5)) * [100, 30, 10, 3, 1]
    noise = 0.1 * generator.standard_normal((rows, channels))
    features = 1000 + causes @ generator.standard_normal((5, channels)) + noise
    return features.astype(np.float32)


@pytest.mark.parametrize(("rows", "channels"), [(200, 8), (8, 200), (5000, 8)])
def test_components_are_uncorrelated_and_their_variance_is_shrunk(rows: int, channels: int) -> None:
    features = correlated(rows, channels)
    whitened = fit_whitening(features, SHRINKAGE)(features).astype(np.float64)
    covariance = np.cov(whitened.T, bias=True)
    np.testing.assert_allclose(covariance, np.diag(np.diag(covariance)), atol=1e-3)
    standardised = (features - features.mean(0, dtype=np.float64)) / features.std(0)
    variances = np.linalg.eigvalsh(np.cov(standardised.T, bias=True))[-whitened.shape[1] :]
    np.testing.assert_allclose(
        np.diag(covariance), variances / (variances + SHRINKAGE), rtol=1e-2, atol=1e-3
    )


def test_the_penalty_is_the_squared_weight_on_standardised_features() -> None:
    whitening = fit_whitening(correlated(200, 8), SHRINKAGE)
    weights = np.random.default_rng(1).standard_normal(len(whitening.penalty))
    unfolded = whitening.projection @ weights
    np.testing.assert_allclose((weights**2 * whitening.penalty).sum(), (unfolded**2).sum())


@pytest.mark.parametrize("rows", [60, 6])
def test_near_constant_channels_are_not_amplified(rows: int) -> None:
    features = np.random.default_rng(0).standard_normal((rows, 10)).astype(np.float32)
    features[:, 3] = 7
    features[:, 4] = 0
    features[0, 4] = 1e-6  # a speck in one image
    whitening = fit_whitening(features, SHRINKAGE)
    stirred = features.copy()
    stirred[:, 3:5] += 0.01
    moved = np.abs(whitening(stirred) - whitening(features)).max()
    assert moved < 0.1


def test_equal_rows_are_one_sentence() -> None:
    with pytest.raises(CracksError, match="Expected images whose features differ"):
        fit_whitening(np.full((7, 3), 2, np.float32), SHRINKAGE)
