"""The table of all metrics, metrics/details.csv, and its headline, metrics/evaluate.json.

People decide by the headline, whose diff fits on a screen; the report shows the rest.
"""

from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from cracks.evaluation.metrics import (
    ENDS,
    METRICS,
    Metrics,
    Scored,
    compare,
    comparison_name,
    evaluate_part,
)
from cracks.evaluation.predictions import Heads
from cracks.evaluation.statistics import OverSeeds
from cracks.project.errors import CracksError
from cracks.project.outputs import rounded
from cracks.project.params import flatten
from cracks.project.paths import DETAILS
from cracks.project.text_file import read_text
from cracks.tables.inputs import number_of, parse_table
from cracks.tables.labels import PARTS, TEST

COLUMNS = ["backbone", "part", "metric", "value", *ENDS, "mean", "std", "seeds"]


def detail_table(
    heads: Mapping[str, Heads], setting: float | str, target_recall: float
) -> pd.DataFrame:
    """Every metric of each backbone's kept head on each part, and over all seeds on test.

    Args:
        heads: by backbone.
        setting: `threshold` of params.yaml; `auto` is chosen on valid, for each seed separately.
        target_recall: for `auto`.

    Returns:
        Columns `COLUMNS`. `low` and `high` are empty for metrics without an interval; `mean`, `std`
        and `seeds` for metrics that are not taken over seeds, and `std` if there is one seed.
    """
    rows = []
    for backbone, own_heads in heads.items():
        thresholds = own_heads.thresholds(setting, target_recall)
        by_seed = [
            evaluate_part(own_heads.scored(TEST, threshold, seed))
            for seed, threshold in enumerate(thresholds)
        ]
        for part in PARTS:
            numbers = evaluate_part(own_heads.scored(part, thresholds[0]))
            numbers = rounded(numbers | _over_seeds(by_seed) if part == TEST else numbers)
            rows += [
                (backbone, part, name, *(numbers.get(number_name(name, c)) for c in COLUMNS[3:]))
                for name in METRICS
            ]
    return pd.DataFrame(rows, columns=COLUMNS, dtype=object)  # counts stay whole numbers


def read_details(path: Path = DETAILS) -> pd.DataFrame:
    """Read the table that `detail_table` returned from a file.

    Raises:
        CracksError: if it is missing or damaged.
    """
    return parse_details(read_text(path), str(path))


def parse_details(text: str, source: str) -> pd.DataFrame:
    """Parse the text of such a file; counts are integers.

    Raises:
        CracksError: if it is damaged.
    """
    details = parse_table(text, source, dict.fromkeys(COLUMNS, str))
    try:
        for column in COLUMNS[3:]:
            numbers = [number_of(cell or "nan") for cell in details[column]]
            details[column] = pd.Series(numbers, dtype=object if column == "value" else float)
    except (ValueError, OverflowError) as error:
        raise CracksError(
            f"Expected numbers in {source}, found something else ({error}); run `dvc repro`."
        ) from None
    if details.loc[details["std"].notna(), ["mean", "seeds"]].isna().any(axis=None):
        raise CracksError(
            f"Expected mean and seeds beside each std in {source}, found none; run `dvc repro`."
        )
    return details


def by_name(details: pd.DataFrame) -> Metrics:
    """Every number of the table by `<backbone>.[<part>.]<metric>[_<column>]`, test unnamed."""
    return {
        f"{row['backbone']}.{'' if row['part'] == TEST else row['part'] + '.'}"
        f"{number_name(row['metric'], column)}": row[column]
        for row in details.to_dict("records")
        for column in ("value", *ENDS, "mean", "std")
        if not pd.isna(row[column])
    }


def _over_seeds(by_seed: list[Metrics]) -> Metrics:
    """The columns of metrics that are taken over seeds, by `number_name`."""
    found: Metrics = {}
    for name in (name for name, metric in METRICS.items() if metric.better):
        values = [metrics[name] for metrics in by_seed]
        found |= {f"{name}_mean": float(np.mean(values)), f"{name}_seeds": len(values)}
        if len(values) > 1:
            found[f"{name}_std"] = float(np.std(values, ddof=1))
    return found


def headline(details: pd.DataFrame) -> Metrics:
    """The numbers that people decide by: `<backbone>.<metric>[_low|_high|_std]`."""
    numbers = by_name(details)
    names = [
        f"{backbone}.{number_name(name, column)}"
        for backbone in details["backbone"].unique()
        for name, metric in METRICS.items()
        for column in metric.headline
    ]
    return {name: numbers[name] for name in names if name in numbers}


def number_name(metric: str, column: str) -> str:
    """The flat name of a column of a metric."""
    return metric if column == "value" else f"{metric}_{column}"


def comparisons(scored: Mapping[str, Scored]) -> Metrics:
    """Every pair of backbones compared on the same images."""
    pairs = combinations(scored, 2)
    return flatten({comparison_name(*pair): compare(*pair, scored) for pair in pairs})


def over_seeds(details: pd.DataFrame, backbone: str, metric: str) -> OverSeeds | None:
    """A metric over seeds on test; None if there are fewer than two seeds."""
    own = details[(details["backbone"] == backbone) & (details["metric"] == metric)]
    rows = own[own["part"] == TEST].dropna(subset="std")
    if rows.empty:
        return None
    row = rows.iloc[0]
    return OverSeeds(float(row["mean"]), float(row["std"]), int(row["seeds"]))
