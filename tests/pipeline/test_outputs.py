import math
from pathlib import Path

import pandas as pd
import pytest

from cracks.pipeline.outputs import replacing, sha256_of, write_csv, write_json


def test_a_file_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "x.json"
    with replacing(path) as temporary:
        temporary.write_text("half")
        assert not path.exists()
        assert temporary.suffix == ".json"
    assert path.read_text() == "half"
    assert list(path.parent.iterdir()) == [path]


def test_an_error_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_text("old")
    with pytest.raises(IsADirectoryError), replacing(path) as temporary:
        temporary.write_text("new")
        tmp_path.read_text()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_run_left_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    for text in ("old", "new"):
        with replacing(path) as temporary:
            temporary.write_text(text)
            left = temporary
        left.write_text("half of what a killed run wrote")
    with replacing(path) as temporary:
        assert temporary == left
        temporary.write_text("new")
    assert [p.name for p in tmp_path.iterdir()] == ["x.txt"]


def test_metrics_are_flat_rounded_and_in_order(tmp_path: Path) -> None:
    write_json(tmp_path / "x.json", {"b": 1 / 3, "a": 7})
    assert (tmp_path / "x.json").read_text() == '{\n  "b": 0.3333,\n  "a": 7\n}\n'


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_metrics_hold_no_nan(value: float, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "x.json", {"a": value})
    assert not (tmp_path / "x.json").exists()


def test_tables_have_unix_line_ends_and_fixed_digits(tmp_path: Path) -> None:
    write_csv(tmp_path / "x.csv", pd.DataFrame({"id": ["a"], "p": [0.1]}), digits=6)
    assert (tmp_path / "x.csv").read_bytes() == b"id,p\na,0.100000\n"


def test_sha256_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    assert sha256_of(tmp_path / "x").startswith("ba7816bf8f01cfea414140de5dae2223")
