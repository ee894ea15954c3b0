from pathlib import Path

import pytest

from cracks.project.errors import CracksError
from cracks.tools.review.snapshots import (
    Commit,
    WorkingTree,
    changed_files,
    commits_since,
    resolve,
)
from tests.support.results import commit, git


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


def test_a_branch_comes_before_a_tag_of_its_name(results_project: Path) -> None:
    sha = git("rev-parse", "main").strip()
    git("commit", "--quiet", "--allow-empty", "-m", "another")
    git("tag", "main", "HEAD")
    assert resolve("main") == (f"main ({sha[:7]})", Commit(sha))


def test_what_is_no_single_commit_is_one_sentence(results_project: Path) -> None:
    with pytest.raises(CracksError, match=r"found no '\^HEAD'"):
        resolve("^HEAD")


def test_what_git_tracks_no_longer_is_listed_once(results_project: Path) -> None:
    base = Commit(git("rev-parse", "HEAD").strip())
    git("rm", "--cached", "--quiet", "metrics/evaluate.json")
    assert Path("metrics/evaluate.json") in changed_files(base)


def test_a_submodule_has_no_content(results_project: Path) -> None:
    head = git("rev-parse", "HEAD").strip()
    git("update-index", "--add", "--cacheinfo", f"160000,{head},code/other")
    git("commit", "--quiet", "-m", "a submodule")
    files = Commit(git("rev-parse", "HEAD").strip()).files(Path("code"))
    assert files
    assert Path("code/other") not in files


def test_an_unknown_base_is_one_sentence(results_project: Path) -> None:
    with pytest.raises(CracksError, match="found no 'mian'"):
        resolve("mian")


def test_before_the_first_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    git("init", "--quiet", "--initial-branch", "main")
    with pytest.raises(CracksError, match="Expected a branch, tag or commit"):
        resolve("HEAD")


def test_a_repository_of_another_user_is_named_with_the_way_out(
    results_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(
        CracksError, match=r"Git says: detected dubious ownership .*`git config --global --add safe"
    ):
        resolve("main")


def test_an_unpacked_archive_of_the_sources_is_no_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(CracksError, match="Git says: not a git repository .*; clone the project"):
        resolve("main")


def test_an_object_that_is_gone_is_named(results_project: Path) -> None:
    Path("gone.txt").write_text("read by no other test of this process")
    commit("One more")
    blob = git("rev-parse", "HEAD:gone.txt").strip()
    Path(".git/objects", blob[:2], blob[2:]).unlink()
    with pytest.raises(CracksError, match=f"Git says: .*{blob}"):
        Commit(git("rev-parse", "HEAD").strip()).read(Path("gone.txt"))


def test_changed_files_are_counted_as_git_counts_them(results_project: Path) -> None:
    base = Commit(git("rev-parse", "HEAD").strip())
    Path(".gitattributes").write_text("*.py -diff\n")
    Path("code/compute.py").write_text("def compute():\n    return 2\n    # more\n")
    Path("data/photos/README.md").unlink()
    Path(".gitignore").write_text("/data/images.zip\n__pycache__/\n*.tmp\n")
    Path("left.tmp").write_text("ignored")
    assert list(changed_files(base).items()) == [
        (Path(".gitattributes"), 0),
        (Path(".gitignore"), 1),
        (Path("code/compute.py"), 0),
        (Path("data/photos/README.md"), 1),
    ]


def test_commits_are_those_that_touch_the_paths(results_project: Path) -> None:
    base = Commit(git("rev-parse", "HEAD").strip())
    for path in ("code/compute.py", "params.yaml", "code/more.py"):
        Path(path).write_text("# new\n")
        commit(f"Edit {path}")
    found = commits_since(base, [Path("code")])
    assert [subject for _, subject in found] == ["Edit code/more.py", "Edit code/compute.py"]
    assert all(len(sha) == 7 for sha, _ in found)
