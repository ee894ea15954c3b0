import json

import numpy as np
import pandas as pd
import pytest

from cracks.evaluation.metrics import Scored
from cracks.evaluation.plots import (
    POINTS,
    calibration,
    concatenated,
    confusion,
    precision_recall,
    roc,
)
from tests.support.project import ROOT


def scored(labels: np.ndarray, probability: np.ndarray) -> Scored:
    return Scored(labels, probability, np.arange(len(labels)), 0.5)


GENERATOR = np.random.default_rng(0)
LABELS = (GENERATOR.random(3000) < 0.5).astype(np.int64)
PROBABILITY = np.clip(LABELS * 0.3 + GENERATOR.random(3000) * 0.7, 0, 1)


def test_roc_begins_and_ends_in_the_corners_and_stays_small() -> None:
    curve = roc(scored(LABELS, PROBABILITY))
    assert len(curve) <= POINTS
    assert curve.iloc[0].tolist() == [0, 0]
    assert curve.iloc[-1].tolist() == [1, 1]
    assert curve["fpr"].is_monotonic_increasing
    assert curve["tpr"].is_monotonic_increasing


def test_precision_recall_ascends_in_recall() -> None:
    curve = precision_recall(scored(LABELS, PROBABILITY))
    assert len(curve) <= POINTS
    assert curve["recall"].is_monotonic_increasing
    assert curve["precision"].between(0, 1).all()


def test_calibrated_probabilities_lie_on_the_diagonal() -> None:
    p = GENERATOR.random(100_000)
    curve = calibration(scored((GENERATOR.random(100_000) < p).astype(np.int64), p))
    np.testing.assert_allclose(curve["predicted"], curve["observed"], atol=0.02)


def test_confusion_names_actual_and_predicted() -> None:
    cells = confusion(scored(np.array([1, 1, 1, 0]), np.array([0.9, 0.9, 0.1, 0.2])))
    found = cells.set_index(["actual", "predicted"])["count"].to_dict()
    assert found == {
        ("negative", "negative"): 1,
        ("negative", "positive"): 0,
        ("positive", "negative"): 1,
        ("positive", "positive"): 2,
    }


def test_tables_of_backbones_are_concatenated() -> None:
    table = concatenated({"a": pd.DataFrame({"x": [1, 2]}), "b": pd.DataFrame({"x": [3]})})
    assert list(table.columns) == ["backbone", "x"]
    assert table.to_numpy().tolist() == [["a", 1], ["a", 2], ["b", 3]]


@pytest.mark.parametrize("name", ["confusion_by_backbone", "counts", "images_by_part"])
def test_plots_of_classes_say_crack_and_no_crack(name: str) -> None:
    template = json.loads((ROOT / f".dvc/plots/{name}.json").read_text(encoding="utf-8"))
    shown = "replace(replace(datum.label, 'positive', 'crack'), 'negative', 'no crack')"
    found = [
        (channel.get("axis") or channel.get("legend"))["labelExpr"]
        for channel in template["spec"]["encoding"].values()
        if "labelExpr" in str(channel)
    ]
    assert found
    assert set(found) == {shown}
