from pathlib import Path

import pytest

from cracks.pipeline.errors import CracksError
from cracks.pipeline.new_folder import new_folder


def test_a_folder_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a" / "results"
    with new_folder(path) as temporary:
        (temporary / "x.txt").write_text("x")
        assert not path.exists()
    assert (path / "x.txt").read_text() == "x"
    assert list(path.parent.iterdir()) == [path]


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    with new_folder(tmp_path / "results") as temporary:
        (temporary / "x.txt").write_text("x")
    assert [path.name for path in tmp_path.rglob("*")] == ["results", "x.txt"]


def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), new_folder(tmp_path / "results") as temporary:
        (temporary / "x.txt").write_text("x")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_is_removed(tmp_path: Path) -> None:
    with new_folder(tmp_path / "one") as temporary:
        name = temporary.name.replace("one", "two")
    (tmp_path / name).mkdir()
    (tmp_path / name / "half.txt").write_text("half")
    with new_folder(tmp_path / "two"):
        pass
    assert [path.name for path in sorted(tmp_path.rglob("*"))] == ["one", "two"]


def test_results_are_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "mine.txt").write_text("mine")
    for path in (tmp_path / "results", tmp_path / "results" / "mine.txt", tmp_path):
        with pytest.raises(CracksError, match="new or empty folder"), new_folder(path):
            raise AssertionError
    with pytest.raises(CracksError, match="found a file"):
        with new_folder(tmp_path / "results" / "mine.txt" / "below"):
            raise AssertionError
    assert (tmp_path / "results" / "mine.txt").read_text() == "mine"
