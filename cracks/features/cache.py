"""A feature is computed once: rows kept across runs, experiments and clones, outside of DVC.

The key holds hashes of everything that determines the value: of its context (weights, code …),
which a table describes, and of the image. Each row carries a checksum of its own, and the store is
SQLite's, whose transactions survive a kill at any moment: what a key finds is the row that was
computed for it, or nothing. The folder is safe to delete.
"""

import hashlib
import json
import sqlite3
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from cracks.pipeline.cache_folder import cache_folder

Row = NDArray[np.float32]

CONTEXT_BYTES = 16
_CHECKSUM_BYTES = 16
_KEYS_PER_QUERY = 500
_WAIT = 60.0  # seconds for another process to finish writing


def context_key(context: Mapping[str, object]) -> bytes:
    """What the keys of all rows of one context begin with."""
    text = json.dumps(context, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=CONTEXT_BYTES).digest()


def row_key(context: Mapping[str, object], image_sha256: str, view: int) -> bytes:
    """The key of a row: `context` is what determines it beside the image's bytes and the view."""
    image = hashlib.blake2b(f"{image_sha256}:{view}".encode(), digest_size=16).digest()
    return context_key(context) + image


def cache_path() -> Path:
    """The file in the user's cache folder."""
    return cache_folder("features") / "rows.sqlite"


class FeatureCache:
    """Rows of float32 by key, in one SQLite file.

    A file that turns out to be damaged is thrown away and made anew; a row whose checksum does not
    fit is not found. When the cache cannot be written (no space, no permission), a line says so
    and the run goes on without keeping rows.
    """

    def __init__(self, path: Path | None = None) -> None:
        """Open the cache at `path`, by default in the user's cache folder."""
        self._path = path or cache_path()
        self._writable = True
        self._database = self._open()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._database.close()

    def get(self, keys: Sequence[bytes]) -> dict[bytes, Row]:
        """The rows that are there and whole."""
        try:
            return self._get(keys)
        except sqlite3.DatabaseError as error:
            if _is_busy(error):
                raise
            self._rebuild(error)
            return {}

    def put(self, rows: Mapping[bytes, Row]) -> None:
        """Keep rows, all of them or none."""
        if not self._writable:
            return
        values = [(key, row.tobytes() + _checksum(key, row.tobytes())) for key, row in rows.items()]
        try:
            with self._database:
                self._database.executemany("INSERT OR REPLACE INTO rows VALUES (?, ?)", values)
        except sqlite3.DatabaseError as error:
            self._give_up(error)

    def describe(self, context: Mapping[str, object]) -> None:
        """Note what rows of a context are, for `python -m cracks cache`."""
        if not self._writable:
            return
        values = (context_key(context), json.dumps(context, sort_keys=True))
        try:
            with self._database:
                self._database.execute("INSERT OR IGNORE INTO contexts VALUES (?, ?)", values)
        except sqlite3.DatabaseError as error:
            self._give_up(error)

    def _get(self, keys: Sequence[bytes]) -> dict[bytes, Row]:
        found: dict[bytes, Row] = {}
        for start in range(0, len(keys), _KEYS_PER_QUERY):
            some = keys[start : start + _KEYS_PER_QUERY]
            marks = ",".join("?" * len(some))
            query = f"SELECT key, value FROM rows WHERE key IN ({marks})"  # noqa: S608
            for key, value in self._database.execute(query, some):
                row, checksum = value[:-_CHECKSUM_BYTES], value[-_CHECKSUM_BYTES:]
                if checksum == _checksum(key, row):
                    found[key] = np.frombuffer(row, dtype="<f4")
        return found

    def _give_up(self, error: sqlite3.DatabaseError) -> None:
        """After an error of writing: keep no more rows, or begin anew if the file is damaged."""
        if isinstance(error, sqlite3.OperationalError):
            self._writable = False
            print(f"The feature cache {self._path} takes no more rows ({error}).", file=sys.stderr)
        else:
            self._rebuild(error)

    def _open(self) -> sqlite3.Connection:
        try:
            return _connect(self._path)
        except sqlite3.DatabaseError as error:
            if _is_busy(error):
                raise
            return self._rebuild(error)

    def _rebuild(self, error: sqlite3.DatabaseError) -> sqlite3.Connection:
        print(f"The feature cache {self._path} is damaged ({error}); made anew.", file=sys.stderr)
        if hasattr(self, "_database"):
            self._database.close()
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        self._database = _connect(self._path)
        return self._database


def _connect(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=_WAIT)
    try:
        database.execute("PRAGMA journal_mode=WAL")  # readers and a writer side by side
        database.execute("PRAGMA synchronous=NORMAL")  # whole after a crash, if not the last rows
        database.execute("CREATE TABLE IF NOT EXISTS rows (key BLOB PRIMARY KEY, value BLOB)")
        database.execute(
            "CREATE TABLE IF NOT EXISTS contexts (key BLOB PRIMARY KEY, description TEXT)"
        )
    except BaseException:
        database.close()
        raise
    return database


def _is_busy(error: sqlite3.DatabaseError) -> bool:
    return getattr(error, "sqlite_errorcode", None) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _checksum(key: bytes, row: bytes) -> bytes:
    return hashlib.blake2b(row, key=key, digest_size=_CHECKSUM_BYTES).digest()
