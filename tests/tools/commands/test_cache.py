import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cracks.backbones.weights import write_weights
from cracks.features.cache import FeatureCache, cache_path, row_key
from cracks.features.computation import Extraction
from cracks.features.context import context_of
from cracks.features.extraction import extract_features
from cracks.project.errors import CracksError
from cracks.project.params import Augmentation
from cracks.project.paths import weights_path
from cracks.tools.commands import cache as command
from cracks.tools.commands.cache import is_usable, read_contents, remove_others

VIEWS = Augmentation(
    views=1, flip="none", rotation=0.0, translation=0.0, zoom=0.0, brightness=0.1, contrast=0.0
)


@pytest.fixture
def extraction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, random_weights: Callable[[str], Path]
) -> Extraction:
    """In a folder with the weights of one backbone."""
    monkeypatch.chdir(tmp_path)
    path = weights_path("vgg16")
    path.parent.mkdir(parents=True)
    path.write_bytes(random_weights("vgg16").read_bytes())
    return Extraction("vgg16", path, 32, "openvino", "float32", VIEWS)


@pytest.fixture
def images(
    noise_archive: tuple[Path, pd.DataFrame], extraction: Extraction, common_models: None
) -> pd.DataFrame:
    """Three images whose rows and those of their views are in the cache."""
    archive, table = noise_archive
    extract_features(extraction, archive, table.head(3), Path("vgg16.npy"))
    return table.head(3)


def put_rows(context: dict[str, object], count: int, described: bool = True) -> None:
    with FeatureCache() as cache:
        if described:
            cache.describe(context)
        cache.put({row_key(context, str(n), 0): np.zeros(8, "<f4") for n in range(count)})


def test_contents_are_counted_by_context(images: pd.DataFrame) -> None:
    put_rows({"backbone": "unknown"}, 5)
    put_rows({"backbone": "never described"}, 2, described=False)
    found = [
        (entry.context.get("backbone"), "augmentation" in entry.context, entry.rows, entry.size)
        for entry in read_contents(cache_path())
    ]
    row = 4 * 512 + 16
    assert sorted(found[:2]) == [("vgg16", False, 3, 3 * row), ("vgg16", True, 3, 3 * row)]
    assert found[2:] == [("unknown", False, 5, 5 * 48), (None, False, 2, 2 * 48)]


def test_only_usable_rows_are_kept(
    extraction: Extraction,
    images: pd.DataFrame,
    noise_archive: tuple[Path, pd.DataFrame],
    capsys: pytest.CaptureFixture[str],
) -> None:
    put_rows({"backbone": "unknown"}, 5)
    put_rows({"backbone": "never described"}, 2, described=False)
    put_rows(context_of(extraction) | {"code": "of another version"}, 4)
    put_rows(context_of(extraction) | {"engine": "of another version"}, 4)
    assert command.run(prune=False) == 0
    assert sum(entry.rows for entry in read_contents(cache_path())) == 6 + 5 + 2 + 4 + 4

    assert command.run(prune=True) == 0
    assert "Removed 15 rows" in capsys.readouterr().out
    assert [entry.rows for entry in read_contents(cache_path())] == [3, 3]
    computed = extract_features(extraction, noise_archive[0], images, Path("again.npy"))
    assert computed == 0


def test_rows_of_other_weights_are_unusable(images: pd.DataFrame) -> None:
    assert [is_usable(entry) for entry in read_contents(cache_path())] == [True, True]
    write_weights("vgg16", "random", 9, weights_path("vgg16"))
    assert [is_usable(entry) for entry in read_contents(cache_path())] == [False, False]


CONTEXT = b"c" * 16
KEY = CONTEXT + b"k" * 16


@pytest.mark.parametrize(
    "description",
    [
        None,
        5,
        "",
        "{",
        "null",
        "5",
        "[1, 2]",
        "[" * 100_000,
        b"\xff\xfe",
        '{"backbone": 5}',
        '{"backbone": ["vgg16"], "engine": "openvino"}',
        '{"backbone": "vgg16", "engine": ["openvino"]}',
        '{"backbone": "vgg16", "engine": "openvino", "precision": "int8", "image_size": "224"}',
        '{"backbone": "vgg16", "engine": "openvino", "augmentation": [1]}',
        '{"backbone": "vgg16", "engine": "openvino", "augmentation": {"_fields_set": 5}}',
        '{"backbone": "alexnet", "engine": "openvino"}',
    ],
)
def test_a_context_that_is_something_else_is_of_no_use(
    description: object, extraction: Extraction, capsys: pytest.CaptureFixture[str]
) -> None:
    put_rows({}, 0)
    with closing(sqlite3.connect(cache_path())) as database, database:
        database.execute("INSERT INTO contexts VALUES (?, ?)", (CONTEXT, description))
        database.execute("INSERT INTO rows VALUES (?, ?)", (KEY, b"0" * 48))
    assert command.run(prune=True) == 0
    said = capsys.readouterr().out
    assert "1 rows        0.0 MB   no" in said
    assert "Removed 1 rows" in said
    assert read_contents(cache_path()) == []


@pytest.mark.parametrize(
    ("key", "value"),
    [(None, b"0"), ("text", b"0"), (5, b"0"), (b"", b"0"), (KEY, None), (KEY, "text"), (KEY, 1.5)],
)
def test_a_row_that_is_something_else_is_of_no_use(
    key: object, value: object, extraction: Extraction, capsys: pytest.CaptureFixture[str]
) -> None:
    put_rows({}, 0)
    with closing(sqlite3.connect(cache_path())) as database, database:
        database.execute("INSERT INTO rows VALUES (?, ?)", (key, value))
        database.execute("INSERT INTO contexts VALUES (?, '{}')", (key,))
    assert command.run(prune=True) == 0
    assert "Removed 1 rows" in capsys.readouterr().out
    assert read_contents(cache_path()) == []


def test_space_goes_back_to_the_disk(tmp_path: Path) -> None:
    put_rows({"backbone": "unknown"}, 5000)
    before = cache_path().stat().st_size
    remove_others(cache_path(), [])
    assert read_contents(cache_path()) == []
    assert cache_path().stat().st_size < before / 10


def test_no_cache_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.run(prune=True) == 0
    assert "no feature cache yet" in capsys.readouterr().out


def test_a_damaged_file_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "rows.sqlite"
    path.write_bytes(b"this is no database " * 100)
    with pytest.raises(CracksError, match="or delete the file"):
        read_contents(path)


def test_a_file_in_use_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_rows({"backbone": "unknown"}, 5)
    plain = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda path: plain(path, timeout=0))
    other = plain(cache_path())
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(CracksError, match="locked"):
        remove_others(cache_path(), [])
    other.close()
