import numpy as np
import pytest

from cracks.backbones.pooling import generalised_mean, generalised_means_of_cells
from cracks.runtime.keras_import import import_keras
from tests.support.pooling import generalised_mean as by_definition


@pytest.fixture(scope="module")
def feature_map() -> np.ndarray:
    """Two images of 5 x 4 places; the second channel is 0, and the third at one place alone."""
    values = np.random.default_rng(0).random((2, 5, 4, 3)).astype(np.float32)
    values[..., 1] = 0
    values[..., 2] = 0
    values[:, 3, 1, 2] = 7
    return values


def _tensor(values: np.ndarray) -> object:
    import_keras()
    import tensorflow as tf

    return tf.constant(values)


def test_features_are_the_generalised_mean_of_each_channel(feature_map: np.ndarray) -> None:
    features = np.asarray(generalised_mean(_tensor(feature_map)))
    np.testing.assert_allclose(features, by_definition(feature_map), rtol=1e-6)
    mean, highest = feature_map.mean(axis=(1, 2)), feature_map.max(axis=(1, 2))
    assert (features[:, [0, 2]] > mean[:, [0, 2]]).all()
    assert (features[:, [0, 2]] < highest[:, [0, 2]]).all()
    assert (features[:, 1] == 0).all()


def test_roots_are_rounded_exactly(feature_map: np.ndarray) -> None:
    power = np.float32(7) ** 2 * np.float32(7) ** 2 / np.float32(20)
    features = np.asarray(generalised_mean(_tensor(feature_map)))
    assert (features[:, 2] == np.sqrt(np.sqrt(power))).all()


def test_a_cell_is_pooled_as_if_it_were_an_image(feature_map: np.ndarray) -> None:
    cells = np.asarray(generalised_means_of_cells(_tensor(feature_map), 2))
    assert cells.shape == (2, 3, 2, 3)
    for row in range(3):  # the last one has one row of places
        for column in range(2):
            part = feature_map[:, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
            alone = np.asarray(generalised_mean(_tensor(part)))
            np.testing.assert_allclose(cells[:, row, column], alone, rtol=1e-6)
