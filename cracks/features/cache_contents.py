"""The contents of the feature cache, and the removal of unusable rows."""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cracks.backbones.engines.registry import ENGINES
from cracks.features.cache import CONTEXT_BYTES, context_key
from cracks.features.extraction import Extraction
from cracks.pipeline.errors import CracksError
from cracks.pipeline.params import Augmentation
from cracks.pipeline.paths import weights_path

SETTINGS = ("backbone", "engine", "precision", "image_size")
"""The keys of a context that are parameters of `Extraction`."""

_CONTEXT = f"substr(rows.key, 1, {CONTEXT_BYTES})"


@dataclass(frozen=True)
class Stock:
    """The rows of one context."""

    key: bytes | None  # `context_key`; None if never described
    context: dict[str, Any]  # empty if never described
    rows: int
    size: int  # bytes


def read_contents(path: Path) -> list[Stock]:
    """The contexts in a cache file, those with the most bytes first.

    Raises:
        CracksError: if SQLite cannot read it.
    """
    query = f"""
        SELECT contexts.key, contexts.description, count(*), min(rows.key)
        FROM rows LEFT JOIN contexts ON contexts.key = {_CONTEXT} GROUP BY contexts.key
    """  # noqa: S608
    with _opened(path) as database:
        stocks = [
            Stock(key, json.loads(description or "{}"), rows, rows * _row_size(database, row))
            for key, description, rows, row in database.execute(query)
        ]
    return sorted(stocks, key=lambda stock: (-stock.size, stock.key or b""))


def _row_size(database: sqlite3.Connection, key: bytes) -> int:
    """Bytes of a row; all rows of a context have the same size."""
    ((size,),) = database.execute("SELECT length(value) FROM rows WHERE key = ?", [key])
    return int(size)


def is_usable(stock: Stock) -> bool:
    """Whether the weights, the code and the packages of this folder can find these rows.

    They can if an extraction with the same settings and the present weights has this context.
    """
    settings: dict[str, Any] = {name: stock.context.get(name) for name in SETTINGS}
    weights = weights_path(str(settings["backbone"]))
    if stock.key is None or not weights.is_file() or settings["engine"] not in ENGINES:
        return False
    augmentation = Augmentation.model_construct(**stock.context.get("augmentation", {}))
    extraction = Extraction(weights=weights, augmentation=augmentation, **settings)
    return stock.key in [context_key(context) for context in extraction.contexts()]


def remove_others(path: Path, kept: Iterable[bytes]) -> None:
    """Remove all rows but those of the contexts `kept`, and shrink the file.

    Raises:
        CracksError: if SQLite fails, for example because there is no space for a copy of the file.
    """
    keys = list(kept)
    marks = ",".join("?" * len(keys))
    with _opened(path) as database:
        with database:
            database.execute(f"DELETE FROM rows WHERE {_CONTEXT} NOT IN ({marks})", keys)  # noqa: S608
            database.execute(f"DELETE FROM contexts WHERE key NOT IN ({marks})", keys)  # noqa: S608
        database.execute("VACUUM")


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    try:
        with closing(sqlite3.connect(path)) as database:
            yield database
    except sqlite3.Error as error:
        raise CracksError(
            f"Expected the feature cache at {path}, SQLite says: {error}; try again when no run "
            "uses it, or delete the file: features are computed again."
        ) from None
