"""`cache`: the contents of the feature cache, and the removal of unusable rows."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cracks.backbones.catalogue import BACKBONES
from cracks.backbones.engines.registry import ENGINES
from cracks.features.cache import CONTEXT_BYTES, cache_path, context_key
from cracks.features.computation import Extraction
from cracks.features.context import contexts_of
from cracks.project.errors import CracksError
from cracks.project.params import Augmentation
from cracks.project.paths import weights_path

SETTINGS = {"backbone": str, "engine": str, "precision": str, "image_size": int}
"""The keys of a context that are parameters of `Extraction`, and their types."""

_CONTEXT = f"substr(rows.key, 1, {CONTEXT_BYTES})"


@dataclass(frozen=True)
class ContextRows:
    """The rows of one context."""

    key: bytes | None  # `context_key`; None if never described
    context: dict[str, Any]  # empty if never described
    rows: int
    size: int  # bytes


def run(*, prune: bool) -> int:
    """Print a line for each context, and the total size."""
    path = cache_path()
    if not path.exists():
        print(f"{path}: no feature cache yet.")
        return 0
    contents = read_contents(path)
    usable = [entry for entry in contents if is_usable(entry)]
    for entry in contents:
        use = "yes" if entry in usable else "no"
        print(f"{entry.rows:>10,} rows {entry.size / 1e6:>10,.1f} MB  {use:>3}  {_title(entry)}")
    before = path.stat().st_size
    print(f"{path}: {before / 1e6:,.1f} MB on disk; yes: usable in this folder.")
    if prune:
        remove_others(path, [entry.key for entry in usable])
        removed = sum(entry.rows for entry in contents if entry not in usable)
        freed = before - path.stat().st_size
        print(f"Removed {removed:,} rows; the file is {freed:,} bytes smaller.")
    return 0


def _title(entry: ContextRows) -> str:
    if not entry.context:
        return "of an older version"
    words = [str(entry.context.get(name)) for name in SETTINGS]
    return ", ".join([*words, *(["augmented"] if "augmentation" in entry.context else [])])


def read_contents(path: Path) -> list[ContextRows]:
    """The contexts in a cache file, those with the most bytes first.

    Raises:
        CracksError: if SQLite cannot read it.
    """
    query = f"""
        SELECT contexts.key, CAST(contexts.description AS BLOB), count(*), min(rows.key)
        FROM rows LEFT JOIN contexts
        ON contexts.key = {_CONTEXT} AND typeof(contexts.key) = 'blob'
        GROUP BY contexts.key
    """  # noqa: S608
    with _opened(path) as database:
        entries = [
            ContextRows(key, _parsed(description), rows, rows * _row_size(database, row))
            for key, description, rows, row in database.execute(query).fetchall()
        ]
    return sorted(entries, key=lambda entry: (-entry.size, entry.key or b""))


def _parsed(description: bytes | None) -> dict[str, Any]:
    """The context that is described; an empty one if this is no description."""
    try:
        context = json.loads(description or b"{}")
    except (ValueError, RecursionError):
        return {}
    known = isinstance(context, dict) and all(
        isinstance(context.get(name, kind()), kind) for name, kind in SETTINGS.items()
    )
    return context if known else {}


def _row_size(database: sqlite3.Connection, key: object) -> int:
    """Bytes of a row; all rows of a context have the same size."""
    query = "SELECT length(CAST(value AS BLOB)) FROM rows WHERE key IS ?"
    (size,) = database.execute(query, [key]).fetchone()
    return int(size or 0)


def is_usable(entry: ContextRows) -> bool:
    """Whether runs in this folder, with its weights, code and packages, would use these rows.

    They would if an extraction with the same settings and the present weights has this context.
    """
    settings: dict[str, Any] = {name: entry.context.get(name) for name in SETTINGS}
    known = settings["backbone"] in BACKBONES and settings["engine"] in ENGINES
    ranges = entry.context.get("augmentation", {})
    if not known or not isinstance(ranges, dict):
        return False
    weights = weights_path(settings["backbone"])
    if not weights.is_file():
        return False
    fields = {name: ranges[name] for name in Augmentation.model_fields if name in ranges}
    augmentation = Augmentation.model_construct(**fields)
    extraction = Extraction(weights=weights, augmentation=augmentation, **settings)
    return entry.key in [context_key(context) for context in contexts_of(extraction)]


def remove_others(path: Path, kept: Sequence[bytes | None]) -> None:
    """Remove all rows but those of the contexts `kept`, and shrink the file.

    Raises:
        CracksError: if SQLite fails, for example because there is no space for a copy of the file.
    """
    marks = ",".join("?" * len(kept))
    with _opened(path) as database:
        with database:
            for table, key in {"rows": _CONTEXT, "contexts": "key"}.items():
                others = f"{key} IS NULL OR {key} NOT IN ({marks})"
                database.execute(f"DELETE FROM {table} WHERE {others}", kept)  # noqa: S608
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
