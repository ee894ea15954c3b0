import os
from pathlib import Path

import pytest

from cracks.project.errors import CracksError
from cracks.project.outputs import write_counts
from cracks.project.paths import IMAGES
from cracks.project.text_file import read_text
from cracks.tables.inputs import read_counts, read_images, read_numbers, read_table

COLUMNS = {"id": str, "probability": float, "correct": bool}
TABLE = "id,probability,correct\nNA,0.25,True\n"
CONFLICT = "<<<<<<< HEAD\n{}=======\n{}>>>>>>> other\n"


def test_a_count_that_no_float_can_hold_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text(f"count,value\nx,{'9' * 400}\n")
    with pytest.raises(CracksError, match="Expected finite numbers in"):
        read_counts(path)


def test_a_table_has_its_types(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(TABLE)
    table = read_table(tmp_path / "x.csv", COLUMNS)
    assert table.to_dict("records") == [{"id": "NA", "probability": 0.25, "correct": True}]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "found none; run `dvc repro`"),
        (b"", "No columns"),
        (b"\n\n", "No columns"),
        (b"id,probability,correct\n", "Expected rows in"),
        (b"id,probability\na,1\n", "found none called correct"),
        (b"id,probability,correct\na,none,True\n", "could not convert"),
        (b"id,probability,correct\na,,True\n", "found"),
        (b"id,probability,correct\na,1,perhaps\n", "found"),
        (b'id,probability,correct\n"a,1,True\n', "found"),
        (b"id,probability,correct\na,1,True\na,1,True,4,5\n", "found"),
        (b"\xff\xfe\x00", "expected text in UTF-8"),
        (b"\x00" * 100, "Expected"),
        (CONFLICT.format(TABLE, TABLE).encode(), "line 1: a merge conflict is unresolved"),
    ],
)
def test_a_damaged_table_is_one_sentence(
    content: bytes | None, sentence: str, tmp_path: Path
) -> None:
    path = tmp_path / "x.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CracksError) as caught:
        read_table(path, COLUMNS)
    assert sentence in str(caught.value)
    assert str(path) in str(caught.value)
    assert "dvc repro" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "found none"),
        ("", "Expected numbers as JSON"),
        ('{"a": 1', "Expected numbers as JSON"),
        ("[1, 2]", "Expected finite numbers by name"),
        ('{"a": {"b": 1}}', "Expected finite numbers by name"),
        ('{"a": NaN}', "Expected finite numbers by name"),
        ('{"a": null}', "Expected finite numbers by name"),
        ('{"a": 1' + "0" * 400 + "}", "Expected finite numbers by name"),
        (CONFLICT.format('{"a": 1}\n', '{"a": 2}\n'), "a merge conflict is unresolved"),
    ],
)
def test_damaged_metrics_are_one_sentence(
    content: str | None, sentence: str, tmp_path: Path
) -> None:
    path = tmp_path / "x.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(CracksError) as caught:
        read_numbers(path)
    assert sentence in str(caught.value)
    assert str(path) in str(caught.value)
    assert "dvc repro" in str(caught.value)


def test_a_metric_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"vgg16.loss": 0.5}')
    numbers = read_numbers(tmp_path / "x.json")
    assert numbers["vgg16.loss"] == 0.5
    assert numbers.get("vgg16.recall") is None
    with pytest.raises(CracksError, match=r"Expected 'vgg16\.recall' in .*x\.json"):
        numbers["vgg16.recall"]


def test_counts_are_read_as_they_were_written(tmp_path: Path) -> None:
    write_counts(tmp_path / "x.csv", {"images": 1200, "share": 0.123456, "none": 0})
    assert (tmp_path / "x.csv").read_text() == "count,value\nimages,1200\nshare,0.1235\nnone,0\n"
    counts = read_counts(tmp_path / "x.csv")
    assert counts == {"images": 1200, "share": 0.1235, "none": 0}
    assert isinstance(counts["images"], int)
    with pytest.raises(CracksError, match="Expected 'rejected' in .*, found none"):
        counts["rejected"]


@pytest.mark.parametrize("value", ["many", "", "1e400", "nan"])
def test_a_count_that_is_no_number_is_one_sentence(value: str, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(f"count,value\nimages,{value}\n")
    with pytest.raises(CracksError, match=r"Expected .* in .*x\.csv, found .*; run `dvc repro`"):
        read_counts(tmp_path / "x.csv")


@pytest.mark.parametrize("width", ["0", "-5", str(2**31), str(2**70), "1.5", "", "wide"])
def test_images_of_impossible_sizes_are_one_sentence(
    width: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    IMAGES.parent.mkdir()
    IMAGES.write_text(f"id,label,given,sha256,group,width,height\na,positive,,1,a,{width},227\n")
    with pytest.raises(CracksError, match=r"in data/images\.csv, found .*run `dvc repro`"):
        read_images()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no FIFOs")
def test_a_table_that_is_no_file_is_one_sentence_and_no_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.csv")
    for path in (tmp_path / "x.csv", tmp_path):
        with pytest.raises(CracksError, match="found a folder or a device"):
            read_text(path)
