import subprocess
from pathlib import Path

import pytest

from benchmarks.record import _shown, commit_of_code


def test_files_elsewhere_are_recorded_by_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here/data").mkdir(parents=True)
    for name in ("elsewhere.zip", "here/data/images.zip"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path / "here")
    words = ["../elsewhere.zip", "data/images.zip", "sample", "--rounds"]
    assert [_shown(word) for word in words] == ["elsewhere.zip", *words[1:]]


def test_documentation_does_not_change_the_commit_that_was_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def git(*arguments: str) -> None:
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=b", *arguments], check=True)

    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    for name in ("code.py", "README.md", "docs/table.json"):
        (tmp_path / name).write_text("1")
    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "--message", "first")
    commit = commit_of_code()
    assert len(commit) >= 7
    for name in ("README.md", "docs/table.json", "docs/new.json"):
        (tmp_path / name).write_text("2")
    assert commit_of_code() == commit
    (tmp_path / "code.py").write_text("2")
    assert commit_of_code() == f"{commit}-dirty"
