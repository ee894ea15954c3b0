"""Writing files so that a reader sees a whole file or none.

Every output is written under a temporary name in its own folder and renamed when it is complete:
a rename is atomic within a file system, so a run that is killed leaves no half-written file.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

Number = int | float

DIGITS = 4
"""Decimals of every number in metrics: what another processor reproduces as well."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` if the block ends well.

    The suffix of `path` is kept, for libraries that choose a format by it. On an error the
    temporary file is removed and `path` stays as it was; what a killed run left is overwritten.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.tmp{path.suffix}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, values: Mapping[str, Number]) -> None:
    """Write flat numbers as JSON, floats rounded to `DIGITS` decimals, keys in given order.

    Raises:
        ValueError: if a number is not finite, which JSON cannot say and `dvc plots` chokes on.
    """
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(rounded(values), indent=2, allow_nan=False) + "\n")


def rounded(values: Mapping[str, Number]) -> dict[str, Number]:
    """The values as metrics files have them: floats with `DIGITS` decimals."""
    return {k: round(v, DIGITS) if isinstance(v, float) else v for k, v in values.items()}


def write_csv(path: Path, table: pd.DataFrame, digits: int | None = DIGITS) -> None:
    """Write a table without its index, line ends as in Unix.

    Floats have `digits` decimals; for None, as many as it takes to read the same number back.
    """
    form = None if digits is None else f"%.{digits}f"
    with replacing(path) as temporary:
        table.to_csv(temporary, index=False, float_format=form, lineterminator="\n")


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
