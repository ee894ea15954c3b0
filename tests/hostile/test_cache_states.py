"""States in which the feature cache may be found: no run fails, nothing that was kept is deleted.

Each state is made from a good cache. Whatever it is, rows that are found are the right ones; a file
that is damaged is kept beside the new one; at most one line says what happened.
"""

import os
import random
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cracks.features import cache as module
from cracks.features.cache import FeatureCache, row_key
from cracks.project.errors import CracksError
from cracks.runtime.cache_folder import cache_folder

ROWS = {
    row_key({"backbone": "x"}, f"{number:064}", 0): np.random.default_rng(number)
    .standard_normal(512)
    .astype("<f4")
    for number in range(50)
}
NEW = {row_key({"backbone": "y"}, "0" * 64, 0): np.arange(512, dtype="<f4")}
PAGE = 4096

Make = Callable[[Path], object]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "rows.sqlite"
    with FeatureCache(path) as cache:
        cache.put(ROWS)
    return path


def overwritten(start: int, data: bytes) -> Make:
    def make(path: Path) -> None:
        with path.open("r+b") as file:
            file.seek(start)
            file.write(data)

    return make


def noise(seed: int) -> Make:
    """A block of random bytes somewhere behind the first page."""
    generator = random.Random(seed)
    start = PAGE + generator.randrange(20 * PAGE)
    return overwritten(start, generator.randbytes(generator.choice([1, 100, 3 * PAGE])))


def statements(*sql: str) -> Make:
    def make(path: Path) -> None:
        database = sqlite3.connect(path, isolation_level=None)
        for statement in sql:
            database.execute(statement)
        database.close()

    return make


def beside(suffix: str, data: bytes) -> Make:
    return lambda path: path.with_name(path.name + suffix).write_bytes(data)


def instead(make: Make) -> Make:
    def replace(path: Path) -> None:
        path.unlink()
        make(path)

    return replace


def folder_as_journal(path: Path) -> None:
    journal = path.with_name(path.name + "-journal")
    journal.unlink()
    journal.mkdir()


def sock(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the address of a socket is short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path.name)
    os.chdir(here)


KILLED = """
import os, sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("PRAGMA journal_mode=" + sys.argv[2])
database.execute("PRAGMA cache_size=1")
database.execute("BEGIN IMMEDIATE")
database.execute("UPDATE rows SET value = zeroblob(2064)")
if sys.argv[2] == "WAL":
    database.execute("ROLLBACK")
    database.execute("CREATE TABLE more (x)")
os.kill(os.getpid(), 9)
"""


def killed_while_writing(mode: str) -> Make:
    return lambda path: subprocess.run([sys.executable, "-c", KILLED, path, mode], check=False)


DAMAGED: dict[str, Make] = {
    "text": lambda path: path.write_bytes(b"this is no database " * 1000),
    "UTF-16": lambda path: path.write_bytes(("rows" * 9999).encode("utf-16")),
    "zeros": lambda path: path.write_bytes(bytes(100_000)),
    "random bytes": lambda path: path.write_bytes(random.Random(0).randbytes(100_000)),
    "a zip archive": lambda path: path.write_bytes(b"PK\3\4" + bytes(9999)),
    "cut in the header": lambda path: os.truncate(path, 50),
    "cut after the header": lambda path: os.truncate(path, 100),
    "cut after a page": lambda path: os.truncate(path, PAGE),
    "cut in the middle": lambda path: os.truncate(path, path.stat().st_size // 2),
    "first byte": overwritten(0, b"s"),
    "page size of 3": overwritten(16, b"\0\3"),
    "newer format": overwritten(18, b"\x09\x09"),
    "text encoding of 7": overwritten(56, b"\0\0\0\7"),
    "zeros behind the first page": overwritten(PAGE, bytes(40 * PAGE)),
    "schema is gone": overwritten(100, bytes(PAGE - 100)),
    "pages of another type": overwritten(PAGE, b"\x07"),
    "a schema that is no SQL": statements(
        "PRAGMA writable_schema=ON", "UPDATE sqlite_master SET sql = 'rows' WHERE type = 'table'"
    ),
    "a table without its page": statements(
        "PRAGMA writable_schema=ON", "UPDATE sqlite_master SET rootpage = 9999"
    ),
}
"""States that SQLite finds damaged."""

UNUSABLE: dict[str, Make] = {
    "a folder": instead(lambda path: path.mkdir()),
    "a folder with a file": instead(lambda path: (path / "x").mkdir(parents=True)),
    "a link to a folder": instead(lambda path: path.symlink_to(path.parent)),
    "a link to itself": instead(lambda path: path.symlink_to(path)),
    "a link into nowhere": instead(lambda path: path.symlink_to("/nowhere/at/all")),
    "a socket": instead(sock),
    "a folder as its journal": folder_as_journal,
    "a view called rows": statements(
        "ALTER TABLE rows RENAME TO x", "CREATE VIEW rows AS SELECT key, value FROM x"
    ),
    "other columns": statements("DROP TABLE rows", "CREATE TABLE rows (id, features)"),
    "one column more": statements("ALTER TABLE rows ADD COLUMN more"),
}
"""States in which the file is not damaged, but no cache, or cannot be written."""

USABLE: dict[str, Make] = {
    "none": lambda path: path.unlink(),
    "empty": lambda path: os.truncate(path, 0),
    "tables of others": statements("CREATE TABLE more (x)", "INSERT INTO more VALUES (1)"),
    "numbers of others": statements("PRAGMA user_version=9", "PRAGMA application_id=9"),
    "large pages": statements("PRAGMA page_size=65536", "VACUUM"),
    "no value": statements("UPDATE rows SET value = NULL"),
    "text values": statements("UPDATE rows SET value = 'x'"),
    "text that is no text": statements("UPDATE rows SET value = CAST(x'ff' AS TEXT)"),
    "numbers as values": statements("UPDATE rows SET value = 7"),
    "short values": statements("UPDATE rows SET value = x'00'"),
    "empty values": statements("UPDATE rows SET value = x''"),
    "zeros as values": statements("UPDATE rows SET value = zeroblob(2064)"),
    "text keys": statements("UPDATE rows SET key = hex(key)"),
    "a file of text as its journal": beside("-journal", b"no journal " * 99),
    "a log without its header": beside("-wal", b"no log " * 99),
    "a write-ahead log": statements("PRAGMA journal_mode=WAL"),
    "killed while writing": killed_while_writing("TRUNCATE"),
    "killed while writing a log": killed_while_writing("WAL"),
    **{f"noise {seed}": noise(seed) for seed in range(12)},
}
"""States in which rows are kept; what is damaged may be found by checksum or by SQLite."""


def assert_right(found: dict[bytes, np.ndarray]) -> None:
    for key, row in found.items():
        np.testing.assert_array_equal(row, (ROWS | NEW)[key])


def said(capsys: pytest.CaptureFixture[str], path: Path) -> str:
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) <= 1
    assert all(f"The feature cache {path} is " in line for line in lines)
    return "".join(lines)


def test_there_are_forty_states() -> None:
    assert len(DAMAGED | UNUSABLE | USABLE) >= 40
    assert len(DAMAGED | UNUSABLE | USABLE) == len(DAMAGED) + len(UNUSABLE) + len(USABLE)


@pytest.mark.parametrize("state", DAMAGED)
def test_a_damaged_file_is_kept_and_a_new_one_begun(
    state: str, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    DAMAGED[state](path)
    old = path.read_bytes()
    with FeatureCache(path) as cache:
        assert_right(cache.get(list(ROWS)))
        cache.put(ROWS)
        cache.put(NEW)
    line = said(capsys, path)
    assert "is damaged" in line
    assert "rows.sqlite.damaged-1" in line
    assert path.with_name("rows.sqlite.damaged-1").read_bytes() == old
    with FeatureCache(path) as cache:
        found = cache.get([*ROWS, *NEW])
    assert_right(found)
    assert len(found) == len(ROWS) + len(NEW)
    assert said(capsys, path) == ""


@pytest.mark.parametrize("state", UNUSABLE)
def test_what_cannot_be_used_is_left_alone(
    state: str, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    UNUSABLE[state](path)
    before = sorted(os.walk(path.parent))
    data = path.read_bytes() if path.is_file() else None
    with FeatureCache(path) as cache:
        assert_right(cache.get(list(ROWS)))
        cache.put(NEW)
    assert "is not used (" in said(capsys, path)
    assert sorted(os.walk(path.parent)) == before
    assert (path.read_bytes() if path.is_file() else None) == data


@pytest.mark.parametrize("state", USABLE)
def test_what_can_be_used_is(state: str, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    USABLE[state](path)
    with FeatureCache(path) as cache:
        assert_right(cache.get(list(ROWS)))
        cache.put(NEW)
    with FeatureCache(path) as cache:
        assert_right(cache.get(list(ROWS)))
        cache.put(ROWS | NEW)
    capsys.readouterr()
    with FeatureCache(path) as cache:
        found = cache.get([*ROWS, *NEW])
    assert_right(found)
    assert len(found) == len(ROWS) + len(NEW)
    assert said(capsys, path) == ""


def test_a_second_damaged_file_does_not_replace_the_first(path: Path) -> None:
    for text in (b"first" * 100, b"second" * 100):
        path.write_bytes(text)
        with FeatureCache(path) as cache:
            cache.put(ROWS)
    for number, text in ((1, b"first" * 100), (2, b"second" * 100)):
        assert path.with_name(f"rows.sqlite.damaged-{number}").read_bytes() == text


@pytest.mark.parametrize("lock", ["BEGIN EXCLUSIVE", "BEGIN IMMEDIATE"])
def test_a_lasting_lock_disables_the_cache(
    lock: str, path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "_WAIT", 0.05)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute(lock)
    with FeatureCache(path) as cache:
        found = cache.get(list(ROWS))
        assert_right(found)
        assert len(found) == (0 if "EXCLUSIVE" in lock else len(ROWS))
        cache.put(NEW)
    assert "is not used (database is locked)" in said(capsys, path)
    holder.close()
    with FeatureCache(path) as cache:
        assert cache.get([*ROWS, *NEW]).keys() == ROWS.keys()


@pytest.mark.parametrize("root", ["a file", "a link into nowhere", "a name too long"])
def test_a_root_that_is_no_folder_is_one_sentence(
    root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / (root if root != "a name too long" else "x" * 300)
    if root == "a file":
        place.write_text("text")
    if root == "a link into nowhere":
        place.symlink_to(place)
    monkeypatch.setenv("CRACKS_CACHE", str(place))
    with pytest.raises(CracksError, match="set CRACKS_CACHE to a folder") as caught:
        cache_folder("features")
    assert str(place) in str(caught.value)
    shutil.rmtree(tmp_path)
