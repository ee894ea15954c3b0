from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cracks.evaluation.details import (
    COLUMNS,
    by_name,
    comparisons,
    detail_table,
    headline,
    over_seeds,
    parse_details,
    read_details,
)
from cracks.evaluation.metrics import Scored
from cracks.evaluation.predictions import Heads, prediction_table
from cracks.project.errors import CracksError
from cracks.project.outputs import FINE_DIGITS, write_csv
from cracks.tables.inputs import PREDICTION_COLUMNS, read_table
from cracks.tables.labels import CLASSES, PARTS, class_indices

PROBABILITY = np.array([0.9, 0.8, 0.7, 0.2, 0.6, 0.3, 0.2, 0.1])
LABELS = [1, 1, 1, 1, 0, 0, 0, 0]


def heads(*by_seed: np.ndarray) -> Heads:
    """The same eight images in each part."""
    split = pd.DataFrame(
        [
            (f"{part}/{n}.jpg", CLASSES[label], part, f"{part}{n}", f"hash {part}{n}")
            for part in PARTS
            for n, label in enumerate(LABELS)
        ],
        columns=["id", "label", "part", "group", "sha256"],
    )
    scores = np.stack([np.tile(p, len(PARTS)) for p in by_seed], axis=1)
    return Heads(split, scores)


THREE = heads(PROBABILITY, 1 - PROBABILITY, np.array(LABELS))


def test_the_kept_head_is_the_first_and_the_spread_is_of_all() -> None:
    numbers = by_name(detail_table({"vgg16": THREE}, 0.5, 0.9))
    for part in ("", "train.", "valid."):
        assert numbers[f"vgg16.{part}accuracy"] == 0.75
    assert numbers["vgg16.accuracy_mean"] == pytest.approx(np.mean([0.75, 0.25, 1.0]), abs=1e-4)
    assert numbers["vgg16.accuracy_std"] == pytest.approx(
        np.std([0.75, 0.25, 1.0], ddof=1), abs=1e-4
    )
    assert "vgg16.train.accuracy_mean" not in numbers


def test_the_headline_is_about_ten_numbers_a_backbone() -> None:
    details = detail_table({"resnet50": THREE, "vgg16": THREE}, 0.5, 0.9)
    assert list(headline(details)) == [
        f"{backbone}.{name}"
        for backbone in ("resnet50", "vgg16")
        for name in (
            "recall", "missed", "accuracy", "accuracy_low", "accuracy_high", "accuracy_std",
            "precision", "f1", "roc_auc", "loss", "threshold",
        )
    ]  # fmt: skip


def test_one_seed_has_no_deviation() -> None:
    """Zero would say that seeds do not matter."""
    details = detail_table({"vgg16": heads(PROBABILITY)}, 0.5, 0.9)
    assert "vgg16.accuracy_std" not in headline(details)
    assert over_seeds(details, "vgg16", "accuracy") is None


def test_the_test_part_does_not_influence_the_threshold() -> None:
    one, other = heads(PROBABILITY), heads(PROBABILITY)
    test = (other.split["part"] == "test").to_numpy()
    other.scores[test] = 1 - other.scores[test]
    assert one.thresholds("auto", 0.9) == other.thresholds("auto", 0.9)


def test_the_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    details = detail_table({"vgg16": THREE}, 0.5, 0.9)
    write_csv(tmp_path / "details.csv", details)
    back = read_details(tmp_path / "details.csv")
    assert list(back) == COLUMNS
    assert by_name(back) == by_name(details)
    assert isinstance(by_name(back)["vgg16.missed"], int)
    assert over_seeds(back, "vgg16", "accuracy") == over_seeds(details, "vgg16", "accuracy")


def test_a_deviation_without_seeds_and_huge_numbers_are_one_sentence() -> None:
    def text(seeds: str, low: str = "0.4") -> str:
        return f"{','.join(COLUMNS)}\nvgg16,test,accuracy,0.5,{low},0.6,0.5,0.1,{seeds}\n"

    assert parse_details(text("3"), "x.csv")["seeds"].item() == 3
    with pytest.raises(CracksError, match="mean and seeds beside each std in x.csv"):
        parse_details(text(""), "x.csv")
    assert parse_details(text("3", "9" * 400), "x.csv")["low"].item() == float("inf")


def test_metrics_can_be_recomputed_from_the_written_predictions(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    noise = [np.round(PROBABILITY * generator.random(8) ** 9, FINE_DIGITS) for _ in range(2)]
    both = {"a": heads(noise[0]), "b": heads(noise[1])}
    write_csv(tmp_path / "p.csv", prediction_table(both, {"a": 0.1, "b": 0.1}), FINE_DIGITS)
    table = read_table(tmp_path / "p.csv", PREDICTION_COLUMNS)
    back = {
        str(name): Scored(
            class_indices(rows["label"]),
            rows["probability"].to_numpy(),
            rows["group"].to_numpy(),
            0.1,
        )
        for name, rows in table.groupby("backbone")
    }
    for name, one in both.items():
        assert (back[name].probability == one.scored("test", 0.1).probability).all()
    assert comparisons(back) == comparisons({n: one.scored("test", 0.1) for n, one in both.items()})
    assert set(table["sha256"]) == {f"hash test{n}" for n in range(8)}
