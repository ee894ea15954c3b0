import subprocess
from pathlib import Path

import pytest

from cracks.project.paths import LOCK
from cracks.tools.review.reproduction import compared_with_commit
from tests.support.results import write_lock


@pytest.fixture
def committed(results_project: Path) -> Path:
    write_lock()
    subprocess.run(["git", "add", "."], check=True)
    subprocess.run(["git", "commit", "--quiet", "--allow-empty", "-m", "results"], check=True)
    return results_project


def test_the_same_results_are_said_to_be(committed: Path) -> None:
    assert compared_with_commit() == "All results are byte for byte those of the commit."


def test_files_with_other_bytes_are_named(committed: Path) -> None:
    path = Path("metrics/evaluate.json")
    path.write_text(path.read_text() + "\n")
    write_lock()
    assert compared_with_commit() == f"Differ from those of the commit: {path}"


def test_a_file_that_was_edited_is_named(committed: Path) -> None:
    path = Path("metrics/evaluate.json")
    path.write_text(path.read_text() + "\n")
    assert compared_with_commit() == f"Differ from those of the commit: {path}"


def test_what_is_missing_is_not_called_the_same(committed: Path) -> None:
    Path("metrics/evaluate.json").unlink()
    assert compared_with_commit().startswith("The results that are here are byte for byte")


def test_without_git_there_is_nothing_to_say(
    committed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    assert compared_with_commit() == ""


def test_without_a_commit_there_is_nothing_to_say(committed: Path) -> None:
    subprocess.run(["git", "rm", "--cached", "--quiet", LOCK], check=True)
    subprocess.run(["git", "commit", "--quiet", "-m", "no results"], check=True)
    assert compared_with_commit() == ""
