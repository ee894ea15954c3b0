import json
import re
from pathlib import Path

import pytest

from cracks.project.paths import DETAILS, EVALUATION, PREDICTIONS
from cracks.tools.review.evidence import mismatches
from cracks.tools.review.sides import read_side
from cracks.tools.review.snapshots import WorkingTree


def found() -> list[str]:
    side = read_side("here", WorkingTree())
    assert side
    return mismatches(side)


def test_metrics_follow_from_the_predictions(results_project: Path) -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("vgg16.recall", 0.9999),
        ("vgg16.missed", 0),
        ("vgg16.accuracy_low", 0.99),
        ("vgg16.loss", 0.01),
        ("vgg16.roc_auc", 0.9),
    ],
)
def test_a_forged_headline_is_named(name: str, value: float, results_project: Path) -> None:
    metrics = json.loads(EVALUATION.read_text())
    EVALUATION.write_text(json.dumps({**metrics, name: value}))
    (sentence,) = found()
    assert sentence.startswith(f"{name} is {value:g}, the predictions give ")


def test_forged_details_are_named(results_project: Path) -> None:
    text = DETAILS.read_text()
    line = next(x for x in text.splitlines() if x.startswith("vgg16,test,specificity,"))
    DETAILS.write_text(text.replace(line, line.replace(",1.0,", ",0.5,")))
    assert [x for x in found() if x.startswith("vgg16.specificity is 0.5")]


def test_forged_answers_are_counted(results_project: Path) -> None:
    """The first two cracks are missed; their probabilities say so."""
    text, count = re.subn(r",negative,False,", ",positive,True,", PREDICTIONS.read_text())
    assert count == 2
    PREDICTIONS.write_text(text)
    (sentence,) = found()
    assert "2 answers of vgg16 do not follow from their probabilities" in sentence


def test_a_forged_threshold_moves_answers(results_project: Path) -> None:
    metrics = json.loads(EVALUATION.read_text())
    EVALUATION.write_text(json.dumps({**metrics, "vgg16.threshold": 0.15}))
    assert any("threshold of 0.15" in sentence for sentence in found())


def test_predictions_that_are_gone_are_said(results_project: Path) -> None:
    lines = PREDICTIONS.read_text().splitlines()
    PREDICTIONS.write_text("\n".join(line for line in lines if ",positive,0" not in line) + "\n")
    assert found() == [f"{PREDICTIONS} has no cracked and uncracked images"]
