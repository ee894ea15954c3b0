"""`experiments`: those based on the current commit, their changed parameters and results."""

import textwrap
from typing import Any

from cracks.evaluation.metrics import METRICS
from cracks.evaluation.verdict import title
from cracks.pipeline.errors import CracksError
from cracks.pipeline.params import flatten, load_params

WIDTH = 120
SHOWN = ("accuracy", "recall", "missed")
_NAME, _NUMBER = 20, 9  # characters of a column


def run() -> int:
    """Print a row for the workspace, the current commit and each experiment.

    Raises:
        CracksError: if this is no Git repository with a commit.
    """
    from dvc.api import exp_show
    from dvc.exceptions import DvcException

    params = load_params()
    try:
        rows: list[dict[str, Any]] = exp_show()
        base = next(row for row in rows if row["rev"] != "workspace")
    except (DvcException, StopIteration) as error:
        raise CracksError(
            f"Expected a Git repository with a commit, found none ({error}); clone the project, "
            "or run `git init` and commit."
        ) from None
    print(_heading(list(params.weights)))
    for row in rows:
        changed = [
            f"{key}={_text(row[key])}"
            for key in flatten(params.model_dump())
            if key in row and row[key] != base.get(key)
        ]
        print(_row(row, changed, list(params.weights)))
    return 0


def _heading(backbones: list[str]) -> str:
    group = _NUMBER * len(SHOWN)
    first = " " * _NAME + "".join(f"{title(backbone):>{group}}" for backbone in backbones)
    names = "".join(f"{name:>{_NUMBER}}" for name in SHOWN) * len(backbones)
    return f"{first}\n{'experiment':{_NAME}}{names}  changed"


def _row(row: dict[str, Any], changed: list[str], backbones: list[str]) -> str:
    """A row; its changed parameters are wrapped if they are too long."""
    name = (row["Experiment"] or row["rev"])[: _NAME - 1]
    numbers = "".join(
        f"{_number(row.get(f'{backbone}.{metric}'), metric):>{_NUMBER}}"
        for backbone in backbones
        for metric in SHOWN
    )
    start = f"{name:{_NAME}}{numbers}  "
    state = [] if row["State"] in (None, "Success") else [row["State"].lower()]
    text = " ".join([*state, *changed])
    lines = textwrap.wrap(
        text, WIDTH, initial_indent=start, subsequent_indent=" " * len(start),
        break_on_hyphens=False,
    )  # fmt: skip
    return "\n".join(lines) or start.rstrip()


def _number(value: float | None, metric: str) -> str:
    if value is None:
        return ""
    is_share = METRICS[metric].share_of is not None
    return f"{value:.4f}" if is_share else f"{value:.0f}"


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
