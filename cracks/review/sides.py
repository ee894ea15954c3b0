"""The two sides of a review: the results of a commit and those of the working tree."""

import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from cracks.evaluation.details import COLUMNS, by_name, read_details
from cracks.evaluation.predictions import read_predictions
from cracks.pipeline.conflicts import refuse_conflict
from cracks.pipeline.errors import CracksError
from cracks.pipeline.paths import DETAILS, EVALUATION, PARAMS, PREDICTIONS, REQUIREMENTS
from cracks.review.snapshots import Snapshot

_PIN = re.compile(r"^([\w.-]+)==([^\s;\\]+)", re.MULTILINE)


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
        """The backbones that the metrics speak of."""
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
    if not (texts[EVALUATION] and texts[PREDICTIONS]):
        return None
    try:
        details = texts[DETAILS]
        return Side(
            name=name,
            metrics=json.loads(texts[EVALUATION]),
            details=read_details(io.StringIO(details))
            if details
            else pd.DataFrame([], None, COLUMNS),
            predictions=read_predictions(io.StringIO(texts[PREDICTIONS])),
            params=yaml.safe_load(texts[PARAMS]) or {},
            packages=dict(_PIN.findall(texts[REQUIREMENTS])),
        )
    except (ValueError, KeyError, AttributeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise CracksError(
            f"Expected the results of {name} as `dvc repro` writes them to {EVALUATION.parent}, "
            f"found something else ({reason}); run `dvc repro` there."
        ) from None


def _text(path: Path, snapshot: Snapshot) -> str:
    content = snapshot.read(path) or b""
    return refuse_conflict(path, content.decode("utf-8", errors="replace"))
