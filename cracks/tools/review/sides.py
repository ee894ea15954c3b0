"""The two sides of a review: the results of a commit and those of the working tree."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cracks.evaluation.details import COLUMNS, by_name, parse_details
from cracks.evaluation.metrics import Metrics, Scored
from cracks.project.errors import CracksError
from cracks.project.paths import (
    AUDIT_COUNTS,
    DETAILS,
    EVALUATION,
    PARTS_OF_IMAGES,
    PREDICTIONS,
    REQUIREMENTS,
    SPLIT_COUNTS,
)
from cracks.project.text_file import check_conflict
from cracks.tables.inputs import (
    PART_COLUMNS,
    PREDICTION_COLUMNS,
    parse_counts,
    parse_numbers,
    parse_table,
)
from cracks.tables.labels import CLASSES
from cracks.tools.review.pipeline import read_params
from cracks.tools.review.snapshots import Snapshot

_PIN = re.compile(r"^([\w.-]+)==([^\s;\\]+)", re.MULTILINE)

_REQUIRED = {name: kind for name, kind in PREDICTION_COLUMNS.items() if name != "sha256"}
"""Columns; commits of older versions have no hashes, and the review says so."""


@dataclass(frozen=True)
class Predictions:
    """The predictions of all backbones on the test images, in the order of their ids."""

    images: pd.DataFrame  # id, label, group and, unless they are old, sha256 [n]
    answers: Mapping[str, pd.DataFrame]  # by backbone: probability, predicted, correct [n]


@dataclass(frozen=True)
class Side:
    """The results of one commit, or of the working tree."""

    name: str
    metrics: Mapping[str, float]  # of metrics/evaluate.json
    details: pd.DataFrame  # of metrics/details.csv
    tested: Predictions
    params: Mapping[str, Any]  # by flat names
    packages: Mapping[str, str]  # pinned versions
    images: pd.DataFrame | None = None  # of metrics/images.csv, which older commits lack
    counts: Mapping[str, float] | None = None  # of the audit and the split

    @property
    def numbers(self) -> Metrics:
        """The metrics and the details by flat names."""
        return {**by_name(self.details), **self.metrics}

    @property
    def backbones(self) -> list[str]:
        """The backbones that have metrics."""
        names = (name.partition(".") for name in self.metrics)
        return [backbone for backbone, _, metric in names if metric == "accuracy"]

    @cached_property
    def scored(self) -> Mapping[str, Scored]:
        """The scores of each backbone's kept head on test."""
        groups = pd.factorize(self.tested.images["group"])[0]  # numbers are compared faster
        images = self.tested.images.assign(group=groups)
        scored = {}
        for backbone in self.backbones:
            probability = self.tested.answers[backbone]["probability"].to_numpy(dtype=np.float64)
            threshold = self.metrics[f"{backbone}.threshold"]
            scored[backbone] = Scored.of_images(images, probability, threshold)
        return scored


def missing_results(snapshot: Snapshot) -> Path | None:
    """The first file without which there is nothing to compare, if it is missing."""
    return next((p for p in (EVALUATION, PREDICTIONS) if snapshot.read(p) is None), None)


def read_side(name: str, snapshot: Snapshot) -> Side:
    """The results of one snapshot.

    Raises:
        CracksError: if a file is missing, damaged or has the conflict markers of a merge.
    """
    if missing := missing_results(snapshot):
        raise CracksError(f"Expected {missing} in {name}, found none; run `dvc repro`.")
    of = f"of {name}"
    metrics = parse_numbers(_text(EVALUATION, snapshot), f"{EVALUATION} {of}")
    details, images = _text(DETAILS, snapshot), _text(PARTS_OF_IMAGES, snapshot)
    side = Side(
        name=name,
        metrics=metrics,
        details=(
            parse_details(details, f"{DETAILS} {of}") if details else pd.DataFrame(columns=COLUMNS)
        ),
        tested=_parse_tested(_text(PREDICTIONS, snapshot), f"{PREDICTIONS} {of}"),
        params=read_params(snapshot),
        packages=dict(_PIN.findall(_text(REQUIREMENTS, snapshot))),
        images=_parse_images(images) if images else None,
        counts={
            f"{path.stem}.{key}": value
            for path in (AUDIT_COUNTS, SPLIT_COUNTS)
            if (text := _text(path, snapshot))
            for key, value in parse_counts(text, f"{path} {of}").items()
        },
    )
    for backbone in side.backbones:
        metrics[f"{backbone}.threshold"]  # raises if there is none
        if backbone not in side.tested.answers:
            raise CracksError(
                f"Expected predictions of {backbone} in {PREDICTIONS} {of}, found none; "
                "run `dvc repro`."
            )
    return side


@lru_cache(maxsize=1)
def _parse_images(text: str) -> pd.DataFrame:
    """The table is large, and nearly always the same on both sides."""
    return parse_table(text, str(PARTS_OF_IMAGES), PART_COLUMNS)


def _text(path: Path, snapshot: Snapshot) -> str:
    text = (snapshot.read(path) or b"").decode("utf-8", errors="replace")
    if "<<<<<<<" in text or ">>>>>>>" in text:  # found many times as fast as by the expression
        check_conflict(text, path)
    return text


def _parse_tested(text: str, source: str) -> Predictions:
    table = parse_table(text, source, _REQUIRED)
    _check_values(table, source)
    of_image = [name for name in ("id", "label", "group", "sha256") if name in table]
    images: pd.DataFrame | None = None
    answers = {}
    for backbone, rows in table.groupby("backbone", sort=False):
        ordered = rows.sort_values("id", kind="stable", ignore_index=True)
        own = ordered[of_image].astype(str)
        if images is None:
            images = own
        if not own["id"].is_unique or not own.equals(images):
            raise CracksError(
                f"Expected each test image once for each backbone in {source}, found others for "
                f"{backbone}; run `dvc repro`."
            )
        answers[str(backbone)] = ordered[["probability", "predicted", "correct"]]
    assert images is not None  # parse_table refuses a table without rows
    return Predictions(images, answers)


def _check_values(table: pd.DataFrame, source: str) -> None:
    """Refuse what no classifier answers, which the statistics would trip over."""
    wrong = {
        "labels": ~table["label"].isin(CLASSES),
        "answers": ~table["predicted"].isin(CLASSES),
        "probabilities": ~table["probability"].between(0, 1),
        "names": table["id"] == "",
        "groups of copies": table["group"] == "",
    }
    for what, rows in wrong.items():
        if rows.any():
            raise CracksError(
                f"Expected {what} that `dvc repro` writes in {source}, found others in "
                f"{rows.sum():,} rows, the first of {table.loc[rows, 'id'].iloc[0]!r}; "
                "run `dvc repro`."
            )
