"""The feature cache: rows shared by runs, experiments and clones, outside of DVC.

A key consists of hashes of everything that determines the value: of its context (weights, code …),
which a table describes, and of the image. Each row has a checksum, and SQLite's transactions
survive a kill at any moment: a look-up returns the row that was computed for the key, or nothing.
The folder is safe to delete.
"""

import hashlib
import json
import sqlite3
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from time import monotonic
from typing import Self

import numpy as np
from numpy.typing import NDArray

from cracks.runtime.cache_folder import cache_folder

Row = NDArray[np.float32]

CONTEXT_BYTES = 16
_CHECKSUM_BYTES = 16
KEYS_PER_QUERY = 500  # of the 999 that SQLite may be limited to
_WAIT = 60.0  # seconds for another process to finish writing
_BETWEEN_WRITES = 1.0  # seconds of work that a kill may lose; a write takes about 20 ms


def context_key(context: Mapping[str, object]) -> bytes:
    """The prefix of the keys of all rows of a context."""
    text = json.dumps(context, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=CONTEXT_BYTES).digest()


def row_key(context: Mapping[str, object], image_sha256: str, view: int) -> bytes:
    """The key of a row; `context` is everything that determines it but the image and the view."""
    image = hashlib.blake2b(f"{image_sha256}:{view}".encode(), digest_size=16).digest()
    return context_key(context) + image


def cache_path() -> Path:
    """The file in the user's cache folder."""
    return cache_folder("features") / "rows.sqlite"


class FeatureCache:
    """Rows of float32 by key, in one SQLite file.

    No run depends on it. A damaged file is renamed and a new one begun; a row whose checksum does
    not match is not returned. If SQLite fails for another reason (no space, no permission), a line
    says so and the run continues without the cache.
    """

    def __init__(self, path: Path | None = None) -> None:
        """Open the cache at `path`, by default in the user's cache folder."""
        self._path = path or cache_path()
        self._database: sqlite3.Connection | None = None
        self._waiting: dict[bytes, Row] = {}
        self._written = monotonic()
        with self._surviving():
            self._open()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._write()
        self._close()

    def get(self, keys: Sequence[bytes]) -> dict[bytes, Row]:
        """The rows that are present and undamaged, of at most `KEYS_PER_QUERY` keys."""
        self._write()
        marks = ",".join("?" * len(keys))
        query = (
            "SELECT key, value FROM rows "  # noqa: S608
            f"WHERE key IN ({marks}) AND typeof(value) = 'blob'"
        )
        with self._surviving():
            if self._database is not None:
                return {
                    key: np.frombuffer(value[:-_CHECKSUM_BYTES], dtype="<f4")
                    for key, value in self._database.execute(query, keys)
                    if value[-_CHECKSUM_BYTES:] == _checksum(key, value[:-_CHECKSUM_BYTES])
                }
        return {}

    def put(self, rows: Mapping[bytes, Row]) -> None:
        """Add rows; they are written about once a second, and at the end."""
        self._waiting |= rows
        if monotonic() - self._written > _BETWEEN_WRITES:
            self._write()

    def describe(self, context: Mapping[str, object]) -> None:
        """Record the description of a context, for `python -m cracks cache`."""
        if self._database is None:
            return
        entry = context_key(context), json.dumps(context, sort_keys=True)
        known = "SELECT 1 FROM contexts WHERE key = ?"
        with self._surviving():
            # a read-only file stays usable if it has the description
            if self._database.execute(known, entry[:1]).fetchone() is None:
                with self._database:
                    self._database.execute("INSERT OR IGNORE INTO contexts VALUES (?, ?)", entry)

    def _write(self) -> None:
        rows, self._waiting = self._waiting, {}
        self._written = monotonic()
        if rows and self._database is not None:
            values = [(k, row.tobytes() + _checksum(k, row.tobytes())) for k, row in rows.items()]
            with self._surviving(), self._database:
                self._database.executemany("INSERT OR REPLACE INTO rows VALUES (?, ?)", values)

    def _open(self) -> None:
        self._database = sqlite3.connect(self._path, timeout=_WAIT, isolation_level="IMMEDIATE")
        # no write-ahead log: its shared memory does not work on network file systems
        self._database.execute("PRAGMA journal_mode=TRUNCATE")
        self._database.execute("CREATE TABLE IF NOT EXISTS rows (key BLOB PRIMARY KEY, value BLOB)")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS contexts (key BLOB PRIMARY KEY, description TEXT)"
        )

    def _close(self) -> None:
        if self._database is not None:
            self._database.close()
        self._database = None

    @contextmanager
    def _surviving(self) -> Iterator[None]:
        """Continue if SQLite fails: with a new file if this one is damaged, else without."""
        try:
            yield
        except sqlite3.Error as error:
            self._close()
            if not _is_damage(error):
                self._say(f"is not used ({error})")
                return
            try:
                kept = self._set_aside()
                self._open()
            except (OSError, sqlite3.Error) as second:
                self._close()
                self._say(f"is damaged ({error}) and could not be moved away ({second})")
            else:
                self._say(f"is damaged ({error}); it is now {kept.name}, and a new one is begun")

    def _set_aside(self) -> Path:
        """Rename the file and its journal; return its new path."""
        names = (self._path.with_name(f"{self._path.name}.damaged-{n}") for n in count(1))
        free = next(name for name in names if not name.exists())
        for suffix in ("-journal", ""):
            file = self._path.with_name(self._path.name + suffix)
            if file.exists():
                file.rename(free.with_name(free.name + suffix))
        return free

    def _say(self, what: str) -> None:
        print(f"The feature cache {self._path} {what}.", file=sys.stderr)


def _is_damage(error: sqlite3.Error) -> bool:
    """Whether the file's content is wrong; not a full disk, a lock or a missing permission."""
    primary = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _checksum(key: bytes, row: bytes) -> bytes:
    return hashlib.blake2b(row, key=key, digest_size=_CHECKSUM_BYTES).digest()
