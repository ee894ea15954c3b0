"""The two sides of a review: the results of a commit and those of the working tree."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from cracks.evaluation.details import COLUMNS, by_name, parse_details
from cracks.pipeline.conflicts import check_conflict
from cracks.pipeline.inputs import PREDICTION_COLUMNS, parse_numbers, parse_table
from cracks.pipeline.paths import DETAILS, EVALUATION, PARAMS, PREDICTIONS, REQUIREMENTS
from cracks.pipeline.yaml_file import parse_yaml
from cracks.review.snapshots import Snapshot

_PIN = re.compile(r"^([\w.-]+)==([^\s;\\]+)", re.MULTILINE)

_COLUMNS = {name: kind for name, kind in PREDICTION_COLUMNS.items() if name != "sha256"}
"""Required columns; commits of older versions have no hashes, and the review says so."""


@dataclass(frozen=True)
class Side:
    """The results of one commit, or of the working tree."""

    name: str
    metrics: Mapping[str, float]  # of metrics/evaluate.json
    details: pd.DataFrame  # of metrics/details.csv
    predictions: pd.DataFrame
    params: Mapping[str, Any]
    packages: Mapping[str, str]  # pinned versions

    @property
    def numbers(self) -> dict[str, float]:
        """The metrics and the details by flat names."""
        return {**by_name(self.details), **self.metrics}

    @property
    def backbones(self) -> list[str]:
        """The backbones that have metrics."""
        suffix = ".accuracy"
        return [
            k.removesuffix(suffix) for k in self.metrics if k.count(".") == 1 and k.endswith(suffix)
        ]


def read_side(name: str, snapshot: Snapshot) -> Side | None:
    """The results of one snapshot; None if it has none.

    Raises:
        CracksError: if a file is damaged or has the conflict markers of a merge.
    """
    texts = {
        path: _text(path, snapshot)
        for path in (EVALUATION, DETAILS, PREDICTIONS, PARAMS, REQUIREMENTS)
    }
    if snapshot.read(EVALUATION) is None or snapshot.read(PREDICTIONS) is None:
        return None
    of = f"of {name}"
    text = texts[DETAILS]
    none = pd.DataFrame(columns=COLUMNS)
    details = parse_details(text, f"{DETAILS} {of}") if text else none
    return Side(
        name=name,
        metrics=parse_numbers(texts[EVALUATION], f"{EVALUATION} {of}"),
        details=details,
        predictions=parse_table(texts[PREDICTIONS], f"{PREDICTIONS} {of}", _COLUMNS),
        params=parse_yaml(texts[PARAMS], PARAMS),
        packages=dict(_PIN.findall(texts[REQUIREMENTS])),
    )


def _text(path: Path, snapshot: Snapshot) -> str:
    text = (snapshot.read(path) or b"").decode("utf-8", errors="replace")
    check_conflict(text, path)
    return text
