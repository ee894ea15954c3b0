import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cracks.evaluation.metrics import (
    METRICS,
    Labels,
    Probability,
    Scored,
    choose_threshold,
    compare,
    evaluate_part,
    is_crack,
)
from cracks.project.errors import CracksError
from cracks.project.outputs import write_json
from tests.support.project import ROOT

LABELS = np.array([1, 1, 1, 1, 0, 0, 0, 0])
PROBABILITY = np.array([0.9, 0.8, 0.7, 0.2, 0.6, 0.3, 0.2, 0.1])


def scored(
    labels: Labels = LABELS,
    probability: Probability = PROBABILITY,
    threshold: float = 0.5,
    copies: int = 1,
) -> Scored:
    """Images of which each `copies` in a row are one group."""
    return Scored(labels, probability, np.arange(len(labels)) // copies, threshold)


def test_metrics_by_hand() -> None:
    found = evaluate_part(scored())
    assert {key: found[key] for key in ("tp", "fn", "fp", "tn", "missed", "images")} == {
        "tp": 3,
        "fn": 1,
        "fp": 1,
        "tn": 3,
        "missed": 1,
        "images": 8,
    }
    for name in ("recall", "accuracy", "precision", "f1", "specificity"):
        assert found[name] == pytest.approx(0.75), name
    assert found["roc_auc"] == pytest.approx((4 + 4 + 4 + 1.5) / 16)  # pairs in the right order
    truth = PROBABILITY.astype(float)
    likelihood = np.where(LABELS == 1, truth, 1 - truth)
    assert found["loss"] == pytest.approx(-np.log(likelihood).mean())
    assert found["brier"] == pytest.approx(((truth - LABELS) ** 2).mean())


def test_a_probability_equal_to_the_threshold_is_a_crack() -> None:
    assert list(is_crack(np.array([0.5, 0.4999]), 0.5)) == [True, False]


def test_the_class_does_not_depend_on_the_type_that_holds_a_probability() -> None:
    thresholds = np.linspace(0, 1, 101).round(2).tolist()  # as people write them
    for threshold in thresholds:
        stored = np.array([threshold], dtype=np.float32)  # just above, just below or equal
        exact = float(stored[0])
        assert is_crack(stored, threshold).tolist() == [exact >= threshold], threshold
        assert is_crack(np.array(exact), threshold) == (exact >= threshold), threshold


def test_one_class_only_is_one_sentence() -> None:
    with pytest.raises(CracksError, match="both classes .* found 8 cracked and 0 uncracked"):
        evaluate_part(scored(labels=np.ones(8, dtype=np.int64)))


@pytest.mark.parametrize(
    ("target", "threshold"), [(0.5, 0.8), (0.75, 0.7), (0.76, 0.2), (1.0, 0.2), (0.01, 0.9)]
)
def test_auto_is_the_highest_threshold_that_finds_enough(target: float, threshold: float) -> None:
    chosen = choose_threshold("auto", target, LABELS, PROBABILITY)
    assert chosen == pytest.approx(threshold, abs=1e-4)
    assert evaluate_part(scored(threshold=chosen))["recall"] >= target


def test_what_is_printed_of_a_threshold_is_what_was_applied(tmp_path: Path) -> None:
    p = np.array([0.123456, 0.98765, 0.5, 0.01], dtype=np.float32)
    chosen = choose_threshold("auto", 1.0, np.array([1, 1, 1, 0]), p)
    write_json(tmp_path / "x.json", {"threshold": chosen})
    assert json.loads((tmp_path / "x.json").read_text())["threshold"] == chosen
    assert is_crack(p, chosen).tolist() == [True, True, True, False]


def test_every_metric_has_a_title_and_about_ten_are_in_the_headline() -> None:
    assert all(metric.title for metric in METRICS.values())
    assert sum(len(metric.headline) for metric in METRICS.values()) == 11


def test_every_metric_of_a_direction_improves_in_it() -> None:
    perfect = evaluate_part(scored(probability=LABELS.astype(np.float32)))
    here = evaluate_part(scored())
    for name, metric in METRICS.items():
        if metric.better:
            assert (perfect[name] - here[name]) * metric.better > 0, name


def test_copies_count_once_in_intervals() -> None:
    """Eight images in pairs of copies are worth four; the share itself is the same."""
    labels, probability = np.repeat(LABELS, 2), np.repeat(PROBABILITY, 2)
    single, pairs = evaluate_part(scored()), evaluate_part(scored(labels, probability, copies=2))
    for name in ("accuracy", "accuracy_low", "accuracy_high", "recall_low", "recall_high"):
        assert pairs[name] == pytest.approx(single[name]), name


def answers(right: list[bool], copies: int = 1) -> Scored:
    labels = np.ones(len(right), dtype=np.int64)
    return scored(labels, np.array(right, dtype=np.float32), copies=copies)


def test_comparison_counts_images() -> None:
    both = {
        "a": answers([True] * 90 + [True] * 8 + [False] * 2),
        "b": answers([True] * 90 + [False] * 8 + [False, True]),
    }
    found = compare("a", "b", both)
    assert (found["only_a_right"], found["only_b_right"], found["both_wrong"]) == (8, 1, 1)
    assert found["accuracy_difference"] == pytest.approx(0.07)
    assert found["accuracy_difference_low"] < 0.07 < found["accuracy_difference_high"]
    assert found["mcnemar_p"] == pytest.approx(2 * (1 + 9) / 2**9)


def test_a_comparison_of_copies_is_no_surer_than_one_of_images() -> None:
    one, other = [True] * 30 + [False] * 2, [True] * 24 + [False] * 8
    single = compare("a", "b", {"a": answers(one), "b": answers(other)})
    pairs = {
        name: answers([x for x in right for _ in range(2)], copies=2)
        for name, right in (("a", one), ("b", other))
    }
    found = compare("a", "b", pairs)
    assert found["mcnemar_p"] == single["mcnemar_p"] == pytest.approx(2 / 2**6)
    for end in ("low", "high"):
        name = f"accuracy_difference_{end}"
        assert found[name] == pytest.approx(single[name]), name


def test_showing_metrics_does_not_import_scikit_learn() -> None:
    heavy = "{'sklearn', 'scipy.stats'}"
    code = f"import sys, cracks.tools.commands.summary; print({heavy} & {{*sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"
