from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cracks.backbones.catalogue import BACKBONES, backbone_named
from cracks.backbones.model import build_backbone, pixel_model
from cracks.project.errors import CracksError
from cracks.runtime.keras_import import import_keras
from tests.support.pooling import generalised_mean

Weights = Callable[[str], Path]
SIZE = 48


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (3, SIZE, SIZE, 3), dtype=np.uint8)


@pytest.mark.parametrize("backbone", BACKBONES)
def test_pixel_model_preprocesses_as_keras_applications_does(
    backbone: str, random_weights: Weights, pixels: np.ndarray
) -> None:
    ours = pixel_model(backbone, random_weights(backbone), SIZE)(pixels)["features"].numpy()

    module = getattr(import_keras().applications, BACKBONES[backbone].module)
    plain = build_backbone(backbone, SIZE)
    plain.load_weights(random_weights(backbone))
    theirs = _features_of(plain, backbone, module.preprocess_input(pixels.astype("float32")))

    assert ours.shape == (3, BACKBONES[backbone].features)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5 * np.abs(theirs).max())


def _features_of(whole: Any, backbone: str, preprocessed: np.ndarray) -> np.ndarray:
    """The pooled output of the backbone's layer."""
    layer = whole.get_layer(BACKBONES[backbone].layer)
    values = import_keras().Model(whole.input, layer.output)(preprocessed, training=False).numpy()
    assert values.min() >= 0
    return generalised_mean(values)


def test_wrong_preprocessing_would_be_noticed(random_weights: Weights, pixels: np.ndarray) -> None:
    right = pixel_model("vgg16", random_weights("vgg16"), SIZE)(pixels)["features"].numpy()
    plain = build_backbone("vgg16", SIZE)
    plain.load_weights(random_weights("vgg16"))
    for wrong in (pixels / 255.0, pixels.astype("float32")):
        assert not np.allclose(_features_of(plain, "vgg16", wrong), right, rtol=1e-2)


@pytest.mark.parametrize("backbone", BACKBONES)
def test_maps_hold_the_features_of_cells_of_16_pixels(
    backbone: str, random_weights: Weights
) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (2, 96, 96, 3), dtype=np.uint8)
    output = pixel_model(backbone, random_weights(backbone), 96)(pixels)
    cells, features = output["map"].numpy(), output["features"].numpy()
    assert cells.shape == (2, 6, 6, BACKBONES[backbone].features)
    np.testing.assert_allclose(features, generalised_mean(cells), rtol=1e-4, atol=1e-5)


def test_batch_normalisation_runs_in_inference_mode(
    random_weights: Weights, pixels: np.ndarray
) -> None:
    """In training mode an image's features would depend on the others in its batch."""
    model = pixel_model("resnet50", random_weights("resnet50"), SIZE)
    assert not model.trainable_weights
    alone = model(pixels[:1], training=True)["features"].numpy()
    together = model(pixels, training=True)["features"].numpy()[:1]
    np.testing.assert_allclose(alone, together, rtol=1e-4, atol=1e-5)


def test_weights_of_another_architecture_are_refused(random_weights: Weights) -> None:
    with pytest.raises(CracksError, match="Expected weights of vgg16 without top"):
        pixel_model("vgg16", random_weights("resnet50"), SIZE)


def test_unknown_backbone_names_the_known_ones() -> None:
    with pytest.raises(CracksError, match=f"{' or '.join(BACKBONES)}, found 'alexnet'"):
        backbone_named("alexnet")
