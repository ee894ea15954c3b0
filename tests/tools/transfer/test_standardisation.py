"""A head of one wall on features of another, where each channel is moved and stretched."""

from pathlib import Path

import numpy as np
import pytest

from cracks.heads.head import LinearHead, save_head, training_statistics
from cracks.heads.statistics import statistics_of
from cracks.heads.training import Examples, Recipe, train_heads
from cracks.project.errors import CracksError
from cracks.tools.transfer.standardisation import LEAST_IMAGES, standardised
from tests.support.heads import ORIGIN

CHANNELS = 6
RECIPE = Recipe(epochs=4, batch_size=32, learning_rate=1.0, l2=1.0)


def wall(images: int, seed: int, cracked: float = 0.5) -> Examples:
    """Features whose channel 2 is higher where there is a crack."""
    random = np.random.default_rng(seed)
    labels = (np.arange(images) < cracked * images).astype(np.int64)
    features = random.standard_normal((images, CHANNELS))
    features[:, 2] += 5 * labels
    return features.astype(np.float32), labels


def another_camera(features: np.ndarray) -> np.ndarray:
    """The same with an offset and a scale for each channel."""
    random = np.random.default_rng(9)
    offset, scale = random.normal(20, 5, CHANNELS), random.uniform(0.3, 3, CHANNELS)
    return np.asarray(offset + scale * features, np.float32)


@pytest.fixture(scope="module")
def head() -> LinearHead:
    (model,), _ = train_heads(RECIPE, [0], wall(400, 0), wall(100, 1))
    return model.linear()


def accuracy(head: LinearHead, features: np.ndarray, labels: np.ndarray) -> float:
    return float(((head.probability(features) >= 0.5) == labels).mean())


def test_a_head_that_fails_on_another_wall_works_there_once_standardised(head: LinearHead) -> None:
    features, labels = wall(LEAST_IMAGES, 2)
    there = another_camera(features)
    assert accuracy(head, features, labels) > 0.95
    assert accuracy(head, there, labels) < 0.7
    adapted = standardised(head, statistics_of(wall(400, 0)[0]), there)
    assert accuracy(adapted, there, labels) > 0.95


def test_another_share_of_cracks_is_taken_for_another_camera(head: LinearHead) -> None:
    features, labels = wall(1000, 3, cracked=0.05)
    adapted = standardised(head, statistics_of(wall(400, 0)[0]), features)
    assert accuracy(head, features, labels) > 0.95
    assert accuracy(adapted, features, labels) < 0.9


def test_a_standardised_head_equals_the_head_on_shifted_and_scaled_features(
    head: LinearHead,
) -> None:
    training = statistics_of(wall(400, 0)[0])
    there = another_camera(wall(300, 4)[0])
    moved = (there - there.mean(0)) / there.std(0) * training.deviation + training.mean
    found = standardised(head, training, there).probability(there)
    np.testing.assert_allclose(found, head.probability(moved), atol=1e-5)


def test_a_head_on_disk_knows_the_statistics_of_its_training(tmp_path: Path) -> None:
    train = another_camera(wall(400, 0)[0]), wall(400, 0)[1]
    (model,), _ = train_heads(RECIPE, [0], train, train)
    save_head(model, ORIGIN, tmp_path / "head.keras")
    found, expected = training_statistics(tmp_path / "head.keras"), statistics_of(train[0])
    np.testing.assert_allclose(found.mean, expected.mean, rtol=1e-5)
    np.testing.assert_allclose(found.deviation, expected.deviation, rtol=1e-5)


def test_few_images_are_one_sentence(head: LinearHead) -> None:
    features = wall(LEAST_IMAGES - 1, 0)[0]
    with pytest.raises(CracksError, match="Expected at least 200 images .* found 199; add images"):
        standardised(head, statistics_of(features), features)
