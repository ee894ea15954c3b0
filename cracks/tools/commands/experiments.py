"""`experiments`: those based on the current commit, their changed parameters and results."""

import json
import sys
import textwrap
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any, NamedTuple

from cracks.backbones.catalogue import title
from cracks.evaluation.metrics import METRICS
from cracks.project.errors import CracksError
from cracks.project.params import flatten, load_params
from cracks.tools.review.markdown import code, plain, table
from cracks.tools.review.pipeline import read_lock, read_pipeline
from cracks.tools.review.snapshots import WorkingTree, check_repository

WIDTH = 120
SHOWN = {
    "accuracy": "accuracy",
    "recall": "recall",
    "missed": "missed",
    "roc_auc": "ROC AUC",
    "threshold": "threshold",
}
"""Metrics and their headings."""

_SUCCEEDED = (None, "Success")
_NAME, _BACKBONE, _NUMBER = 20, 10, 10  # characters of a column


class Row(NamedTuple):
    """The workspace, a commit or an experiment."""

    name: str
    state: str  # empty if it succeeded
    changed: Mapping[str, Any]  # parameters that differ from those of the current commit
    results: Mapping[str, Mapping[str, float | None]]  # by backbone and metric


def run(sort: str | None, form: str | None) -> int:
    """Print the workspace, the current commit and each experiment, a line for each backbone.

    Args:
        sort: `<backbone>.<metric>`, by which the best come first; None keeps DVC's order.
        form: `md` or `json` instead of text.

    Raises:
        CracksError: if Git cannot read the repository, there is no commit, or no such metric.
    """
    backbones = list(load_params().weights)
    rows = _rows(backbones)
    if sort is not None:
        rows = _sorted(rows, sort, backbones)
    if form == "json":
        print(json.dumps([row._asdict() for row in rows], indent=2))
    elif form == "md":
        print(_markdown(rows))
    else:
        print(_text(rows))
    return 0


def _rows(backbones: Sequence[str]) -> list[Row]:
    from dvc.api import exp_show
    from dvc.exceptions import DvcException

    check_repository()
    tree = WorkingTree()
    read_pipeline(tree)  # of a damaged one, DVC says nothing
    read_lock(tree)
    try:
        found: list[dict[str, Any]] = exp_show()
        base = next(row for row in found if row["rev"] != "workspace")
    except (DvcException, StopIteration) as error:
        raise CracksError(
            f"Expected a Git repository with a commit, found none ({error}); clone the project, "
            "or run `git init` and commit."
        ) from None
    except Exception as error:  # noqa: BLE001 - of damaged files, it raises nearly anything
        raise CracksError(
            f"Expected experiments that DVC can read, found others ({type(error).__name__}: "
            f"{error}); `git for-each-ref refs/exps` lists them, `dvc exp remove` removes one."
        ) from None
    keys = flatten(load_params().model_dump())
    return [
        Row(
            name=row["Experiment"] or row["rev"],
            state="" if row["State"] in _SUCCEEDED else row["State"].lower(),
            changed={k: row[k] for k in keys if k in row and row[k] != base.get(k)},
            results={b: {m: _result(row, f"{b}.{m}") for m in SHOWN} for b in backbones},
        )
        for row in found
    ]


def _result(row: Mapping[str, Any], name: str) -> float | None:
    """A metric of an experiment that succeeded; DVC shows others with what they began from."""
    value: Any = row.get(name) if row["State"] in _SUCCEEDED else None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number and abs(value) <= sys.float_info.max else None  # NaN is not


def _sorted(rows: list[Row], by: str, backbones: Sequence[str]) -> list[Row]:
    backbone, _, metric = by.partition(".")
    better = {name: METRICS[name].better for name in SHOWN if METRICS[name].better}
    if backbone not in backbones or metric not in better:
        names = ", ".join(f"{b}.{m}" for b in backbones for m in better)
        raise CracksError(f"Expected --sort by one of {names}, found {by!r}.")

    def key(row: Row) -> float:
        value = row.results[backbone][metric]
        return float("inf") if value is None else -better[metric] * value

    return sorted(rows, key=key)


def _text(rows: Sequence[Row]) -> str:
    heads = "".join(f"{head:>{_NUMBER}}" for head in SHOWN.values())
    lines = [f"{'experiment':{_NAME}}{'':{_BACKBONE}}{heads}  changed"]
    for row in rows:
        starts: list[str] = []
        for backbone, metrics in row.results.items():
            name = "" if starts else row.name[: _NAME - 1]
            numbers = "".join(f"{_number(metrics[m], m):>{_NUMBER}}" for m in SHOWN)
            starts.append(f"{name:{_NAME}}{title(backbone):{_BACKBONE}}{numbers}  ")
        below = " " * len(starts[0])
        words = textwrap.wrap(_changes(row), WIDTH - len(below), break_on_hyphens=False)
        pairs = zip_longest(starts, words)
        lines += [f"{start or below}{word or ''}".rstrip() for start, word in pairs]
    return "\n".join(lines)


def _markdown(rows: Sequence[Row]) -> str:
    heads = ["experiment", "", *SHOWN.values(), "changed"]
    lines = []
    for row in rows:
        for backbone, metrics in row.results.items():
            numbers = [_number(metrics[m], m) for m in SHOWN]
            changes = code(_changes(row), cell=True)
            lines.append([plain(row.name), title(backbone), *numbers, changes])
    return table(heads, ["---", "---", *["--:"] * len(SHOWN), "---"], lines)


def _changes(row: Row) -> str:
    items = row.changed.items()
    changed = [f"{key}={v:g}" if isinstance(v, float) else f"{key}={v}" for key, v in items]
    return " ".join([*([row.state] if row.state else []), *changed])


def _number(value: float | None, metric: str) -> str:
    if value is None:
        return ""
    return f"{value:.0f}" if metric == "missed" else f"{value:.4f}"
