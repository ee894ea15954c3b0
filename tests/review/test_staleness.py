import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from cracks.pipeline.errors import CracksError
from cracks.pipeline.paths import EVALUATION, LOCK, PARAMS, PIPELINE
from cracks.review.snapshots import Commit, WorkingTree
from cracks.review.staleness import Staleness, dvc_md5, find_stale
from tests.support.results import CODE, commit, git, write_lock

pytestmark = pytest.mark.usefixtures("results_project")


def stale() -> dict[str, list[str]]:
    return find_stale(WorkingTree(), "HEAD").stages


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_what_ran_is_not_stale() -> None:
    assert find_stale(WorkingTree(), "HEAD") == Staleness()
    assert find_stale(Commit(git("rev-parse", "HEAD").strip()), "HEAD") == Staleness()


def test_hashes_are_those_of_dvc(tmp_path: Path) -> None:
    """What DVC itself calls the same files."""
    folder = tmp_path / "with dvc"
    (folder / "code" / "inner").mkdir(parents=True)
    for name in ("b.py", "a.py", "inner/ä.py", "inner-file"):
        (folder / "code" / name).write_text(name)
    for arguments in (["init", "--no-scm", "--quiet"], ["add", "--quiet", "code"]):
        subprocess.run([sys.executable, "-m", "dvc", *arguments], cwd=folder, check=True)
    (out,) = yaml.safe_load((folder / "code.dvc").read_text())["outs"]
    Path("code").rename("old")
    Path("code").symlink_to(folder / "code")
    assert dvc_md5(WorkingTree(), Path("code")) == out["md5"]


@pytest.mark.parametrize("commits", [True, False])
def test_an_edit_of_code_is_stale(commits: bool) -> None:
    edit(CODE, "return 1", "return 2")
    if commits:
        commit("Edit")
    assert stale() == {"download": [str(CODE)], "evaluate": [str(CODE)]}


def test_an_edit_of_comments_is_not() -> None:
    edit(CODE, "def compute():\n", 'def compute():\n    """Say it."""\n\n    # why\n')
    assert find_stale(WorkingTree(), "HEAD") == Staleness({}, {str(CODE)})
    commit("Comment")
    assert find_stale(WorkingTree(), "HEAD") == Staleness({}, {str(CODE)})


def test_a_new_file_is_stale_and_a_comment_beside_it_is_none() -> None:
    edit(CODE, "return 1", "return 1  # one")
    Path("code/more.py").write_text("x = 1\n")
    found = find_stale(WorkingTree(), "HEAD")
    assert found.stages["download"] == ["code/more.py"]
    assert found.comments == {str(CODE)}


def test_code_that_git_never_saw_is_named_by_its_folder() -> None:
    lock = yaml.safe_load(LOCK.read_text())
    lock["stages"]["download"]["deps"][0]["md5"] = "0" * 32
    LOCK.write_text(yaml.safe_dump(lock))
    assert stale() == {"download": ["code"]}


def test_an_edit_of_a_parameter_is_stale_where_it_is_read() -> None:
    edit(PARAMS, "threshold: 0.5", "threshold: 0.3")
    assert stale() == {"evaluate": ["threshold"]}
    edit(PARAMS, "images_per_class: 400", "images_per_class: 40")
    assert stale()["download"] == ["sample.images_per_class"]


def test_another_command_and_another_dependency_are_stale() -> None:
    edit(PIPELINE, "compute.py evaluate", "compute.py --fast")
    edit(PIPELINE, "deps: [code, data/photos]", "deps: [code, data/photos, requirements.txt]")
    assert stale() == {"evaluate": ["its command"], "download": ["requirements.txt"]}


def test_a_run_that_was_cut_off_is_stale() -> None:
    """`download` has run again and `evaluate` has not."""
    lock = yaml.safe_load(LOCK.read_text())
    lock["stages"]["download"]["outs"][0]["md5"] = "0" * 32
    LOCK.write_text(yaml.safe_dump(lock))
    assert stale() == {"evaluate": ["data/images.zip"]}


def test_a_stage_that_never_ran_is_stale() -> None:
    lock = yaml.safe_load(LOCK.read_text())
    del lock["stages"]["evaluate"]
    LOCK.write_text(yaml.safe_dump(lock))
    assert stale() == {"evaluate": ["it never ran"]}


def test_metrics_that_no_run_wrote_are_stale() -> None:
    edit(EVALUATION, '"vgg16.missed": 2', '"vgg16.missed": 1')
    assert stale() == {"evaluate": [f"{EVALUATION}, edited after it was written"]}


def test_data_that_is_not_here_or_of_another_branch_is_not_stale() -> None:
    Path("data/images.zip").unlink()
    assert stale() == {}
    Path("data/images.zip").write_text("pixels of another branch")
    assert stale() == {}
    Path("data/photos/cracked").mkdir()
    Path("data/photos/cracked/1.jpg").write_text("a photograph")
    assert stale() == {}


def test_photographs_that_dvc_add_saw_and_download_did_not_are_stale() -> None:
    Path("data/photos/cracked.dvc").write_text("outs: one")
    write_lock()
    commit("Photographs")
    assert stale() == {}
    Path("data/photos/cracked.dvc").write_text("outs: two")
    assert stale() == {"download": ["data/photos/cracked.dvc"]}


def test_without_git_there_is_the_working_tree(
    monkeypatch: pytest.MonkeyPatch, results_project: Path
) -> None:
    (results_project / ".git").rename(results_project / "gone")
    assert stale() == {}


@pytest.mark.parametrize(
    ("lock", "place"),
    [
        ("stages: [download]", "stages"),
        ("stages: {download: 3}", "stages.download"),
        ("stages: {download: {deps: []}}", "stages.download.cmd"),
        ("stages: {download: {cmd: x, outs: [data]}}", "stages.download.outs.0"),
        ("stages: {download: {cmd: x, deps: [{md5: abc}]}}", "stages.download.deps.0.path"),
        ("stages: {download: {cmd: x, params: {params.yaml: 3}}}", "stages.download.params"),
    ],
)
def test_a_lock_of_another_structure_is_one_sentence(lock: str, place: str) -> None:
    LOCK.write_text(lock)
    with pytest.raises(CracksError, match=f"dvc.lock is damaged at {place}.*git checkout"):
        stale()
