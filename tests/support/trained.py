"""Trained classifiers for tests of commands: they see dark places, and take no time to load."""

import numpy as np
import pytest

from cracks.backbones.engines.registry import FeaturesAndMaps
from cracks.classifier.classifier import Classifier, LocalClassifier, Trained
from cracks.heads.head import LinearHead
from cracks.project.params import load_params
from cracks.tools.commands import caveats, crack_maps, predict
from tests.support.heads import ORIGIN
from tests.support.project import ROOT
from tests.support.walls import CLASSIFIER


def _mean(batch: np.ndarray) -> np.ndarray:
    return np.asarray(batch.mean(axis=(1, 2, 3))[:, None], np.float32)


def _darkest(batch: np.ndarray) -> FeaturesAndMaps:
    """A backbone of one feature at 4 x 4 places: how dark the darkest pixel is."""
    places = batch.reshape(len(batch), 4, 8, 4, 8, 3).min(axis=(2, 4, 5))
    maps = (255.0 - places[..., np.newaxis]).astype(np.float32)
    return FeaturesAndMaps(maps.mean(axis=(1, 2)), maps)


LOCAL = LocalClassifier("vgg16", 0.5, 32, LinearHead(np.array([0.4]), -50.0), _darkest)
"""A classifier with activation maps, which sees dark places."""


class _Made(Trained):
    """A trained head whose backbone is made as well."""


def use_made_classifiers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `predict` find made classifiers; a mean above 150 is a crack, and so are dark places."""
    params = load_params(ROOT / "params.yaml")
    classifier = Classifier("vgg16", 0.5, 32, LinearHead(np.array([0.2]), -30.0), _mean)
    monkeypatch.setattr(caveats, "read_origin", lambda _: ORIGIN)
    monkeypatch.setattr(predict, "load_params", lambda: params)
    made = _Made(classifier.head, ORIGIN, classifier.threshold)
    monkeypatch.setattr(_Made, "classifier", lambda *_: classifier)
    monkeypatch.setattr(_Made, "local_classifier", lambda *_: LOCAL)
    monkeypatch.setattr(predict, "load_named", lambda *_: made)
    monkeypatch.setattr(crack_maps, "load_cell_classifier", lambda *_: CLASSIFIER)
