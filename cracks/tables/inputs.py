"""Reading the tables and metrics that earlier stages wrote.

The `parse` functions take the text of a file, such as one of a commit, and its name for messages.
All functions raise `CracksError` on what is missing, damaged, empty or in conflict.
"""

import io
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from cracks.project.errors import CracksError
from cracks.project.outputs import Number
from cracks.project.paths import IMAGES, PREDICTIONS, SPLIT
from cracks.project.text_file import check_conflict, read_text

PREDICTION_COLUMNS = {
    **dict.fromkeys(["id", "backbone", "label", "predicted", "group", "sha256"], str),
    "probability": float,
    "correct": bool,
}

_HISTORY_COLUMNS = {"epoch": int, "part": str, "loss": float, "accuracy": float}

PART_COLUMNS = dict.fromkeys(["id", "label", "part", "sha256"], str)
"""Of metrics/images.csv."""

HASH_LENGTH = 16
"""Digits of a hash in that file: enough to tell the images of a project apart."""

_SPLIT_COLUMNS = dict.fromkeys(["id", "label", "part", "group", "sha256"], str)
_IMAGE_COLUMNS = {
    **dict.fromkeys(["id", "label", "given", "sha256", "group"], str),
    "width": int,
    "height": int,
}


_MAX_SIDE = 200_000_000  # pixels; `decode` refuses images of more


class Numbers(dict[str, Number]):
    """Numbers by name; a missing name raises `CracksError`."""

    def __init__(self, values: Mapping[str, Number], source: str) -> None:
        super().__init__(values)
        self._source = source

    def __missing__(self, name: str) -> Number:
        raise CracksError(f"Expected {name!r} in {self._source}, found none; run `dvc repro`.")


def read_images() -> pd.DataFrame:
    """The table of usable images that `audit` wrote."""
    images = read_table(IMAGES, _IMAGE_COLUMNS)
    sides = images[["width", "height"]].to_numpy()
    for wrong in (sides.min(), sides.max()):
        if not 1 <= wrong <= _MAX_SIDE:
            raise _unexpected(str(IMAGES), f"sides from 1 to {_MAX_SIDE:,} pixels", f"{wrong:,}")
    return images


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
    except (ValueError, RecursionError) as error:
        raise _unexpected(source, "numbers as JSON", str(error)) from None
    if not isinstance(values, dict) or not all(_is_number(value) for value in values.values()):
        raise _unexpected(source, "finite numbers by name", "something else")
    return Numbers(values, source)


def read_counts(path: Path) -> Numbers:
    """The numbers of a table of counts, as `write_counts` writes it."""
    return parse_counts(read_text(path), str(path))


def parse_counts(text: str, source: str) -> Numbers:
    """The numbers of such a table's text."""
    table = parse_table(text, source, {"count": str, "value": str})
    try:
        numbers = dict(zip(table["count"], map(number_of, table["value"]), strict=True))
    except ValueError as error:
        raise _unexpected(source, "a number for each count", str(error)) from None
    if not all(map(math.isfinite, numbers.values())):
        raise _unexpected(source, "finite numbers", "others")
    return Numbers(numbers, source)


def number_of(cell: str) -> Number:
    """The number in a cell of a table; whole numbers are integers.

    Raises:
        ValueError: if it is none, or none that a float can hold.
    """
    number = float(cell)
    return int(cell) if cell.isdecimal() and math.isfinite(number) else number


def _is_number(value: object) -> bool:
    try:
        return isinstance(value, int | float) and math.isfinite(value)
    except OverflowError:  # an integer that no float can hold
        return False


def read_table(path: Path, columns: Mapping[str, type]) -> pd.DataFrame:
    """A table with at least these columns, of these types, and at least one row."""
    return parse_table(read_text(path), str(path), columns)


def parse_table(text: str, source: str, columns: Mapping[str, type]) -> pd.DataFrame:
    """The table of a CSV file's text; see `read_table`."""
    check_conflict(text, source)
    wanted = f"a table with the columns {', '.join(columns)}"
    try:
        table = pd.read_csv(io.StringIO(text), dtype=dict[str, Any](columns), keep_default_na=False)
    except (ValueError, OverflowError, pd.errors.ParserError) as error:
        raise _unexpected(source, wanted, str(error)) from None
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise _unexpected(source, wanted, f"none called {missing[0]}")
    if table.empty:
        raise _unexpected(source, "rows", "none")
    return table


def _unexpected(source: str, wanted: str, found: str) -> CracksError:
    found = " ".join(found.split())[:200].rstrip(".")
    return CracksError(f"Expected {wanted} in {source}, found {found}; run `dvc repro`.")
