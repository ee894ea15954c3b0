from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cracks.backbones.engines.registry import load_engine
from cracks.classifier.classifier import Classifier
from cracks.heads.head import LinearHead
from cracks.project.errors import CracksError
from cracks.tools.export.check import check_logits, probe_images

SIZE = 32

pytestmark = pytest.mark.usefixtures("common_models")


@pytest.fixture(scope="module")
def classifier(random_weights: Callable[[str], Path]) -> Classifier:
    engine = load_engine("openvino", "vgg16", random_weights("vgg16"), SIZE, "float32")
    weights = np.random.default_rng(0).standard_normal(512) * 0.2
    return Classifier("vgg16", 0.5, SIZE, LinearHead(weights, 0.1), engine)


def by_classifier(classifier: Classifier, change: Callable[[np.ndarray], np.ndarray]) -> Callable:  # type: ignore[type-arg]
    """A model that sees pixels after `change`, as one with a wrong preprocessing does."""

    def predict(rgb: np.ndarray) -> np.ndarray:
        ((_, probability),) = classifier.probabilities([(0, change(rgb))])
        return np.array([1 - probability, probability])

    return predict


def test_the_same_model_passes(classifier: Classifier) -> None:
    check_logits(by_classifier(classifier, lambda rgb: rgb), classifier)


@pytest.mark.parametrize(
    "change",
    [
        lambda rgb: np.ascontiguousarray(rgb[..., ::-1]),
        lambda rgb: (rgb / 255).astype(np.uint8),
        lambda rgb: np.clip(rgb + np.array([104, 117, 124]), 0, 255).astype(np.uint8),
        lambda rgb: np.clip(rgb.astype(int) + 3, 0, 255).astype(np.uint8),
    ],
    ids=["RGB for BGR", "1/255", "means missing", "slightly brighter"],
)
def test_a_wrong_preprocessing_is_caught(
    classifier: Classifier, change: Callable[[np.ndarray], np.ndarray]
) -> None:
    with pytest.raises(CracksError, match="Expected logits within 1 % .* nothing was written"):
        check_logits(by_classifier(classifier, change), classifier)


def test_probes_are_coloured() -> None:
    for rgb in probe_images(SIZE):
        assert rgb.shape == (SIZE, SIZE, 3)
        assert np.abs(rgb.astype(int)[..., 0] - rgb[..., 2]).mean() > 30
