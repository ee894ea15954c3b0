from pathlib import Path

import pytest

from cracks.pipeline.errors import CracksError
from cracks.review.snapshots import Commit, WorkingTree, resolve
from tests.support.results import git


def test_a_commit_and_the_tree_have_the_same_files(results_project: Path) -> None:
    commit = Commit(git("rev-parse", "HEAD").strip())
    for folder in (Path("code"), Path("metrics")):
        files = WorkingTree().files(folder)
        assert files
        assert sorted(commit.files(folder)) == sorted(files)
        assert all(commit.read(file) == WorkingTree().read(file) for file in files)
    assert commit.read(Path("nowhere")) is None


def test_what_dvc_does_not_see_is_not_seen(results_project: Path) -> None:
    before = WorkingTree().files(Path("code"))
    Path("code/__pycache__").mkdir()
    Path("code/__pycache__/compute.cpython-311.pyc").write_text("compiled")
    Path("code/.compute.tmp.py").write_text("half a file")
    assert WorkingTree().files(Path("code")) == before


@pytest.mark.parametrize("length", [40, 10])
def test_a_commit_is_called_by_its_short_hash(length: int, results_project: Path) -> None:
    sha = git("rev-parse", "HEAD").strip()
    assert resolve(sha[:length]) == (sha[:7], Commit(sha))
    assert resolve("main")[0] == f"main ({sha[:7]})"


def test_main_may_be_at_origin_alone(
    results_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git("clone", "--quiet", "--branch", "change", str(results_project), str(tmp_path / "here"))
    monkeypatch.chdir(tmp_path / "here")
    assert resolve("main")[0].startswith("origin/main (")


def test_a_shallow_clone_says_how_to_deepen_it(
    results_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = tmp_path / "here"
    url = f"file://{results_project}"
    git("clone", "--quiet", "--depth", "1", "--branch", "change", url, str(clone))
    monkeypatch.chdir(clone)
    with pytest.raises(CracksError, match="git fetch --unshallow"):
        resolve("main")


def test_an_unknown_base_is_one_sentence(results_project: Path) -> None:
    with pytest.raises(CracksError, match="found no 'mian'"):
        resolve("mian")


def test_before_the_first_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    git("init", "--quiet", "--initial-branch", "main")
    with pytest.raises(CracksError, match="Expected a branch, tag or commit"):
        resolve("HEAD")
