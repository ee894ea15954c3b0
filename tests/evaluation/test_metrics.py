import json
from pathlib import Path

import numpy as np
import pytest

from cracks.evaluation.metrics import (
    choose_threshold,
    compare,
    evaluate_backbone,
    evaluate_part,
    is_crack,
)
from cracks.pipeline.errors import CracksError
from cracks.pipeline.outputs import write_json

LABELS = np.array([1, 1, 1, 1, 0, 0, 0, 0])
PROBABILITY = np.array([0.9, 0.8, 0.7, 0.2, 0.6, 0.3, 0.2, 0.1], dtype=np.float32)


def test_metrics_by_hand() -> None:
    found = evaluate_part(LABELS, PROBABILITY, 0.5)
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


def test_a_threshold_belongs_to_the_cracks() -> None:
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
        evaluate_part(np.ones(8, dtype=np.int64), PROBABILITY, 0.5)


@pytest.mark.parametrize(
    ("target", "threshold"), [(0.5, 0.8), (0.75, 0.7), (0.76, 0.2), (1.0, 0.2), (0.01, 0.9)]
)
def test_auto_is_the_highest_threshold_that_finds_enough(target: float, threshold: float) -> None:
    chosen = choose_threshold("auto", target, LABELS, PROBABILITY)
    assert chosen == pytest.approx(threshold, abs=1e-4)
    assert evaluate_part(LABELS, PROBABILITY, chosen)["recall"] >= target


def test_what_is_printed_of_a_threshold_is_what_was_applied(tmp_path: Path) -> None:
    p = np.array([0.123456, 0.98765, 0.5, 0.01], dtype=np.float32)
    chosen = choose_threshold("auto", 1.0, np.array([1, 1, 1, 0]), p)
    write_json(tmp_path / "x.json", {"threshold": chosen})
    assert json.loads((tmp_path / "x.json").read_text())["threshold"] == chosen
    assert is_crack(p, chosen).tolist() == [True, True, True, False]


def test_the_test_part_has_no_say_in_the_threshold() -> None:
    generator = np.random.default_rng(0)
    labels = dict.fromkeys(("train", "valid", "test"), LABELS)
    scores = {part: generator.random((8, 1)).astype(np.float32) for part in labels}
    one = evaluate_backbone(labels, scores, "auto", 0.9)
    scores["test"] = 1 - scores["test"]
    assert evaluate_backbone(labels, scores, "auto", 0.9)["threshold"] == one["threshold"]


def test_the_kept_head_is_the_first_and_the_band_is_of_all() -> None:
    labels = dict.fromkeys(("train", "valid", "test"), LABELS)
    scores = np.stack([PROBABILITY, 1 - PROBABILITY, LABELS], axis=1).astype(np.float32)
    found = evaluate_backbone(labels, dict.fromkeys(labels, scores), 0.5, 0.9)
    assert found["accuracy"] == found["train.accuracy"] == found["valid.accuracy"] == 0.75
    assert found["accuracy_mean"] == pytest.approx(np.mean([0.75, 0.25, 1.0]))
    assert found["accuracy_std"] == pytest.approx(np.std([0.75, 0.25, 1.0], ddof=1))
    assert found["seeds"] == 3


def test_one_seed_has_no_band() -> None:
    labels = dict.fromkeys(("train", "valid", "test"), LABELS)
    scores = dict.fromkeys(labels, PROBABILITY[:, np.newaxis])
    assert evaluate_backbone(labels, scores, 0.5, 0.9)["accuracy_std"] == 0


def test_comparison_counts_images() -> None:
    right = {
        "a": np.array([True] * 90 + [True] * 8 + [False] * 2),
        "b": np.array([True] * 90 + [False] * 8 + [False, True]),
    }
    found = compare("a", "b", right)
    assert (found["only_a_right"], found["only_b_right"], found["both_wrong"]) == (8, 1, 1)
    assert found["accuracy_difference"] == pytest.approx(0.07)
    assert found["accuracy_difference_low"] < 0.07 < found["accuracy_difference_high"]
    assert found["mcnemar_p"] == pytest.approx(2 * (1 + 9) / 2**9)
