"""The losses are those of cells and crops that are clearly cracked or clearly not."""

import numpy as np
import pytest


@pytest.mark.slow
def test_cells_with_a_few_crack_pixels_are_left_out() -> None:
    import tensorflow as tf

    from pretraining.network import losses

    cracked = tf.constant([[[0.0, 100.0], [3.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]])
    logits = np.array([[[0.0, 2.0], [50.0, -1.0]], [[0.0, 0.0], [0.0, 0.0]]], np.float32)
    cells, crops = losses(tf.constant(logits), tf.constant([1.0, -1.0]), cracked)

    softplus = np.log1p(np.exp([0.0, -2.0, -1.0, 0.0, 0.0, 0.0, 0.0]))
    assert float(cells) == pytest.approx(softplus.mean(), rel=1e-5)
    assert float(crops) == pytest.approx(np.log1p(np.exp(-1.0)), rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("backbone", ["resnet50", "vgg16"])
def test_it_answers_for_cells_and_crops(backbone: str, random_weights: object) -> None:
    from pretraining.network import build_network

    network, kept = build_network(backbone, 64, random_weights(backbone))  # type: ignore[operator]
    crops = np.random.default_rng(0).uniform(0, 255, (2, 64, 64, 3)).astype(np.float32)
    cells, whole = network(crops, training=True)
    assert cells.shape == (2, 4, 4)
    assert whole.shape == (2,)
    assert np.isfinite(cells.numpy()).all()
    assert any(layer.trainable for layer in kept.layers)
