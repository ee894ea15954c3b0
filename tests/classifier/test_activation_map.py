from pathlib import Path

import numpy as np
import pytest

from cracks.classifier.activation_map import activation_maps, cam_overlay, peak
from cracks.heads.head import LinearHead, load_head, read_head, save_head
from cracks.heads.training import Recipe, train_heads
from tests.support.heads import ORIGIN

GENERATOR = np.random.default_rng(0)
RECIPE = Recipe(epochs=5, batch_size=8, learning_rate=1.0, l2=1.0)


def test_the_mean_of_a_map_is_the_logit_and_differences_are_those_of_the_head() -> None:
    cells = GENERATOR.random((3, 7, 6, 5)).astype(np.float32)
    features = GENERATOR.random((3, 5)).astype(np.float32)
    head = LinearHead(GENERATOR.standard_normal(5), 0.7)
    cam = activation_maps(features, cells, head)
    assert cam.shape == (3, 7, 6)
    np.testing.assert_allclose(cam.mean(axis=(1, 2)), features @ head.weights + 0.7, rtol=1e-5)
    difference = (cells[:, 2, 3] - cells[:, 6, 0]) @ head.weights
    np.testing.assert_allclose(cam[:, 2, 3] - cam[:, 6, 0], difference, rtol=1e-4)


def test_features_that_are_means_give_the_class_activation_map() -> None:
    maps = GENERATOR.random((3, 7, 7, 5)).astype(np.float32)
    head = LinearHead(GENERATOR.standard_normal(5), 0.7)
    cam = activation_maps(maps.mean(axis=(1, 2)), maps, head)
    np.testing.assert_allclose(cam, maps @ head.weights + head.bias, rtol=1e-4)


def test_the_linear_head_is_the_keras_head(tmp_path: Path) -> None:
    features = (GENERATOR.random((60, 6)) * 5 + 3).astype(np.float32)
    features[:, 4] = 2.0  # a channel that never moves
    labels = (features[:, 1] > 5.5).astype(np.int64)
    (head,), _ = train_heads(RECIPE, [0], (features, labels), (features, labels))
    save_head(head, ORIGIN, tmp_path / "x.keras")
    linear = read_head(tmp_path / "x.keras").linear()
    expected = np.asarray(load_head(tmp_path / "x.keras")(features))[:, 1]
    np.testing.assert_allclose(linear.probability(features), expected, atol=1e-5)
    np.testing.assert_array_equal(linear.probability(features), head.linear().probability(features))


def test_near_constant_channels_do_not_dominate(tmp_path: Path) -> None:
    features = GENERATOR.random((60, 6)).astype(np.float32)
    features[:, 4] = 0
    labels = (features[:, 1] > 0.5).astype(np.int64)
    (head,), _ = train_heads(RECIPE, [0], (features, labels), (features, labels))
    stirred = features.copy()
    stirred[:, 4] = 0.001
    np.testing.assert_allclose(
        head.linear().probability(stirred), head.linear().probability(features), atol=0.2
    )


def test_the_peak_is_where_the_evidence_is() -> None:
    cam = np.zeros((7, 7))
    cam[1, 5] = 3
    row, column = peak(cam, 224, 224)
    assert abs(row - 48) < 16
    assert abs(column - 176) < 16


def test_the_overlay_is_red_for_and_blue_against() -> None:
    grey = np.full((70, 70, 3), 128, np.uint8)
    cam = np.zeros((7, 7))
    cam[:3], cam[4:] = 20, -20
    overlay = cam_overlay(grey, cam)
    assert overlay.shape == grey.shape
    assert overlay[5, 35, 0] > overlay[5, 35, 2] + 25
    assert overlay[65, 35, 2] > overlay[65, 35, 0] + 25
    assert overlay[35, 35] == pytest.approx(grey[35, 35], abs=40)
