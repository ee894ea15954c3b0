import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cracks.features.cache import FeatureCache, row_key

ROWS = {
    row_key({"backbone": "x"}, f"{number:064}", 0): np.random.default_rng(number)
    .standard_normal(512)
    .astype("<f4")
    for number in range(50)
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "rows.sqlite"
    with FeatureCache(path) as cache:
        cache.put(ROWS)
    return path


def assert_same(found: dict[bytes, np.ndarray], wanted: dict[bytes, np.ndarray]) -> None:
    assert found.keys() == wanted.keys()
    for key, row in wanted.items():
        np.testing.assert_array_equal(found[key], row)


def test_rows_come_back_bit_by_bit(path: Path) -> None:
    with FeatureCache(path) as cache:
        assert_same(cache.get([*ROWS, b"unknown"]), ROWS)


def test_the_key_is_of_the_context_the_image_and_the_view() -> None:
    context = {"backbone": "vgg16", "precision": "float32"}
    keys = {
        row_key(context, "a", 0),
        row_key(context, "b", 0),
        row_key(context, "a", 1),
        row_key(context | {"precision": "bfloat16"}, "a", 0),
    }
    assert len(keys) == 4
    assert row_key(dict(reversed(context.items())), "a", 0) in keys


def test_a_changed_byte_is_never_trusted(path: Path) -> None:
    key = next(iter(ROWS))
    with sqlite3.connect(path) as database:
        ((value,),) = database.execute("SELECT value FROM rows WHERE key = ?", [key])
        changed = bytes([value[0] ^ 1]) + value[1:]
        database.execute("UPDATE rows SET value = ? WHERE key = ?", [changed, key])
    database.close()
    with FeatureCache(path) as cache:
        assert_same(cache.get(list(ROWS)), {k: row for k, row in ROWS.items() if k != key})


def test_a_row_under_another_ones_key_is_never_trusted(path: Path) -> None:
    first, second = list(ROWS)[:2]
    with sqlite3.connect(path) as database:
        database.execute("DELETE FROM rows WHERE key = ?", [first])
        database.execute("UPDATE rows SET key = ? WHERE key = ?", [first, second])
    database.close()
    with FeatureCache(path) as cache:
        assert first not in cache.get([first])


WRITER = """
import sys
from pathlib import Path
import numpy as np
from cracks.features.cache import FeatureCache, row_key
with FeatureCache(Path(sys.argv[1])) as cache:
    for number in range(100):
        cache.put({row_key({}, f"{sys.argv[2]}-{number}", 0): np.full(512, number, "<f4")})
"""


def test_two_processes_write_side_by_side(path: Path) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path), name]) for name in ("a", "b")
    ]
    assert [writer.wait() for writer in writers] == [0, 0]
    keys = [row_key({}, f"{name}-{number}", 0) for name in ("a", "b") for number in range(100)]
    with FeatureCache(path) as cache:
        assert cache.get(keys).keys() == set(keys)
