"""Reading the tables and metrics of earlier stages: what is damaged is one sentence.

The `parse` functions take text with the name that a sentence calls it by, for files of a commit.
All functions raise `CracksError` on what is missing, damaged, empty or in conflict.
"""

import io
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from cracks.pipeline.conflicts import check_conflict
from cracks.pipeline.errors import CracksError
from cracks.pipeline.outputs import Number
from cracks.pipeline.paths import IMAGES, PREDICTIONS, SPLIT

PREDICTION_COLUMNS = {
    **dict.fromkeys(["id", "backbone", "label", "predicted", "group", "sha256"], str),
    "probability": float,
    "correct": bool,
}

_HISTORY_COLUMNS = {"epoch": int, "part": str, "loss": float, "accuracy": float}

_SPLIT_COLUMNS = dict.fromkeys(["id", "label", "part", "group", "sha256"], str)
_IMAGE_COLUMNS = {
    **dict.fromkeys(["id", "label", "given", "sha256", "group"], str),
    "width": int,
    "height": int,
}


class Numbers(dict[str, Number]):
    """Flat numbers by name; a name that is not there is an error for people."""

    def __init__(self, values: Mapping[str, Number], source: str) -> None:
        super().__init__(values)
        self._source = source

    def __missing__(self, name: str) -> Number:
        raise CracksError(f"Expected {name!r} in {self._source}, found none; run `dvc repro`.")


def read_images() -> pd.DataFrame:
    """The table of usable images that `audit` wrote."""
    return read_table(IMAGES, _IMAGE_COLUMNS)


def read_split() -> pd.DataFrame:
    """The table of images and their parts that `split` wrote."""
    return read_table(SPLIT, _SPLIT_COLUMNS)


def read_predictions() -> pd.DataFrame:
    """The predictions on the test part that `evaluate` wrote."""
    return read_table(PREDICTIONS, PREDICTION_COLUMNS)


def read_history(path: Path, *more: str) -> pd.DataFrame:
    """Loss and accuracy by epoch, with the text columns `more`."""
    return read_table(path, _HISTORY_COLUMNS | dict.fromkeys(more, str))


def read_numbers(path: Path) -> Numbers:
    """The numbers of a metrics file."""
    return parse_numbers(read_text(path), str(path))


def parse_numbers(text: str, source: str) -> Numbers:
    """The numbers of a metrics file's text; see `read_numbers`."""
    check_conflict(text, source)
    try:
        values = json.loads(text)
    except ValueError as error:
        raise _unexpected(source, "numbers as JSON", str(error)) from None
    if not isinstance(values, dict) or not all(_is_number(value) for value in values.values()):
        raise _unexpected(source, "finite numbers by name", "something else")
    return Numbers(values, source)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def read_table(path: Path, columns: Mapping[str, type]) -> pd.DataFrame:
    """A table with at least these columns, of these types, and at least one row."""
    return parse_table(read_text(path), str(path), columns)


def parse_table(text: str, source: str, columns: Mapping[str, type]) -> pd.DataFrame:
    """The table of a CSV file's text; see `read_table`."""
    check_conflict(text, source)
    wanted = f"a table with the columns {', '.join(columns)}"
    try:
        table = pd.read_csv(io.StringIO(text), dtype=dict[str, Any](columns), keep_default_na=False)
    except (ValueError, pd.errors.ParserError) as error:
        raise _unexpected(source, wanted, str(error)) from None
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise _unexpected(source, wanted, f"none called {missing[0]}")
    if table.empty:
        raise _unexpected(source, "rows", "none")
    return table


def read_text(path: Path) -> str:
    """The text of a file that a stage wrote."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise CracksError(f"Expected {path}, found none; run `dvc repro`.") from None
    except UnicodeDecodeError as error:
        raise _unexpected(str(path), "text in UTF-8", str(error)) from None


def _unexpected(source: str, wanted: str, found: str) -> CracksError:
    found = " ".join(found.split())[:200].rstrip(".")
    return CracksError(f"Expected {wanted} in {source}, found {found}; run `dvc repro`.")
