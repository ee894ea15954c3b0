"""Measured tables: printed, kept, rendered."""

from pathlib import Path

import pytest

from benchmarks import record, render
from benchmarks.tables import Measurement, Table, markdown, parse, read, write
from cracks.project.errors import CracksError

PRINTED = """A processor, 2 cores

ResNet50:

| way | images/s |
|---|--:|
| fast | 20.5 |
| slow | |

Measured peak: 3.
VGG16:

| way | images/s |
|---|--:|
| fast | 7.0 |

The end.
"""
FOUND = Measurement(
    "python -m x",
    "abc1234",
    "2026-01-02",
    "a processor",
    {"keras": "3"},
    [
        Table(
            ["way", "images/s"],
            ["---", "--:"],
            [["fast", "20.5"], ["slow", ""]],
            "ResNet50:",
            "Measured peak: 3.",
        ),
        Table(["way", "images/s"], ["---", "--:"], [["fast", "7.0"]], "VGG16:", "The end."),
    ],
)


def test_tables_are_found_with_their_titles_and_notes() -> None:
    assert parse(PRINTED.splitlines()) == FOUND.tables


def test_what_is_kept_is_what_was_printed(tmp_path: Path) -> None:
    write(FOUND, tmp_path / "speed.json")
    assert read(tmp_path / "speed.json") == FOUND
    assert '["fast", "20.5"]' in (tmp_path / "speed.json").read_text()
    assert markdown(FOUND.tables[0]) in PRINTED


def test_a_block_is_filled_and_the_rest_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(render, "DATA", tmp_path)
    write(FOUND, tmp_path / "speed.json")
    page = "before\n<!-- table: speed 2 -->\nold\n<!-- end -->\nafter\n"
    new = render.render(page, {"table": render.table})
    assert new.startswith("before\n<!-- table: speed 2 -->\n")
    assert "| fast | 7.0 |" in new
    assert "2026-01-02 at `abc1234`, a processor: `python -m x`" in new
    assert new.endswith("<!-- end -->\nafter\n")
    assert render.render(new, {"table": render.table}) == new
    with pytest.raises(CracksError, match=r"from 1 to 2, found 'speed 3'"):
        render.table("speed 3")


def test_a_benchmark_is_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "DATA", tmp_path)
    (tmp_path / "some.py").write_text(r"import sys; print('| a |\n|---|\n| ' + sys.argv[1] + ' |')")
    monkeypatch.setattr(record, "module_of", lambda name: [str(tmp_path / f"{name}.py")])
    record.record("name", "some", ["3"])
    found = read(tmp_path / "name.json")
    assert found.command.endswith("some.py 3")
    assert found.tables == [Table(["a"], ["---"], [["3"]])]
    assert found.machine
    assert "openvino" in found.packages


def test_a_benchmark_that_fails_leaves_the_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "DATA", tmp_path)
    with pytest.raises(CracksError, match="Expected tables of `python -m benchmarks.nothing`"):
        record.record("name", "nothing", [])
    assert list(tmp_path.iterdir()) == []
