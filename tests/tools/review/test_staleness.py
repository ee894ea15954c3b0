import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from cracks.project.errors import CracksError
from cracks.project.paths import EVALUATION, LOCK, PARAMS, PIPELINE
from cracks.tools.review.snapshots import Commit, WorkingTree
from cracks.tools.review.staleness import REMOVED, dvc_md5, find_stale
from tests.support.results import CODE, commit, git, write_lock

pytestmark = pytest.mark.usefixtures("results_project")


def stale() -> dict[str, list[str]]:
    return find_stale(WorkingTree(), "HEAD")


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_what_ran_is_not_stale() -> None:
    assert stale() == {}
    assert find_stale(Commit(git("rev-parse", "HEAD").strip()), "HEAD") == {}


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
    assert stale() == {name: [str(CODE)] for name in ("download", "split", "evaluate")}


def test_an_edit_of_comments_is_not() -> None:
    edit(CODE, "def compute():\n", 'def compute():\n    """Say it."""\n\n    # why\n')
    assert stale() == {}
    commit("Comment")
    assert stale() == {}


def test_a_new_file_is_stale_and_a_comment_beside_it_is_none() -> None:
    edit(CODE, "return 1", "return 1  # one")
    Path("code/more.py").write_text("x = 1\n")
    assert stale()["download"] == ["code/more.py"]


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
    assert stale() == {"split": ["data/images.zip"], "evaluate": ["data/images.zip"]}


def test_a_folder_of_outputs_is_stale_if_one_of_them_is_another() -> None:
    edit(PIPELINE, "[code, data/images.zip]", "[code, data/scores]")
    edit(PIPELINE, "outs: [data/images.zip]", "outs: [data/scores/a.npy, data/scores/b.npy]")
    Path("data/scores").mkdir()
    for name in ("a", "b"):
        Path(f"data/scores/{name}.npy").write_text(name)
    write_lock()
    assert stale() == {}
    lock = yaml.safe_load(LOCK.read_text())
    lock["stages"]["download"]["outs"][1]["md5"] = "0" * 32
    LOCK.write_text(yaml.safe_dump(lock))
    assert stale() == {"split": ["data/scores"], "evaluate": ["data/scores"]}


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


@pytest.mark.parametrize("folder", ["photos", "pretrained"])
def test_what_dvc_add_saw_and_the_stage_did_not_is_stale(folder: str) -> None:
    pipeline = Path("dvc.yaml")
    pipeline.write_text(pipeline.read_text().replace("data/photos", f"data/{folder}"))
    given = Path(f"data/{folder}/cracked.dvc")
    given.parent.mkdir(exist_ok=True)
    given.write_text("outs: one")
    write_lock()
    commit("What people gave")
    assert stale() == {}
    given.write_text("outs: two")
    assert stale() == {"download": [str(given)]}


def test_without_git_there_is_the_working_tree(
    monkeypatch: pytest.MonkeyPatch, results_project: Path
) -> None:
    (results_project / ".git").rename(results_project / "gone")
    assert stale() == {}


@pytest.mark.parametrize(
    ("lock", "place"),
    [
        ("stages: [download]", "stages"),
        ("stages: []", "stages"),
        ("stages: {download: {cmd: x, deps: {}}}", "stages.download.deps"),
        (r'stages: {download: {cmd: x, deps: [{path: "a\0b"}]}}', "stages.download.deps.0.path"),
        ("stages: {download: 3}", "stages.download"),
        ("stages: {download: {deps: []}}", "stages.download.cmd"),
        ("stages: {download: {cmd: x, outs: [data]}}", "stages.download.outs.0"),
        ("stages: {download: {cmd: x, deps: [{md5: abc}]}}", "stages.download.deps.0.path"),
        ("stages: {download: {cmd: x, params: {params.yaml: 3}}}", "stages.download.params"),
    ],
)
def test_a_lock_of_another_structure_is_one_sentence(lock: str, place: str) -> None:
    LOCK.write_text(lock)
    with pytest.raises(
        CracksError, match=f"dvc.lock is damaged at {re.escape(place)}.*git checkout"
    ):
        stale()


BOMB = "a: &a [x]\nb: &b [*a, *a, *a, *a, *a, *a, *a]\nc: [*b, *b, *b, *b, *b, *b, *b]\n"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", ": expected keys and values, found nothing"),
        ("[" * 50_000, ": expected at most 20 levels of nesting"),
        (BOMB * 2, ": expected at most 20 aliases"),
        ("# " + "x" * 2**21, ": expected at most 2,097,152 characters"),
    ],
)
@pytest.mark.parametrize("path", [PIPELINE, LOCK, PARAMS])
def test_yaml_is_parsed_within_bounds(path: Path, text: str, sentence: str) -> None:
    path.write_text(text)
    with pytest.raises(CracksError, match=f"{path}{sentence}"):
        stale()


@pytest.mark.parametrize(
    ("pipeline", "sentence"),
    [
        ("stages: {}", "Expected stages in dvc.yaml, found none"),
        ("stages: []", "dvc.yaml is damaged at stages "),
        ("stages: {evaluate: {deps: [code]}}", "dvc.yaml is damaged at stages.evaluate.cmd"),
        ("stages: {evaluate: 3}", "dvc.yaml is damaged at stages.evaluate"),
        (r'stages: {evaluate: {cmd: x, deps: ["a\0b"]}}', "at stages.evaluate.deps.0"),
        (r'stages: {"a\0b": {cmd: x}}', r"at stages.a\x00b"),
    ],
)
def test_what_is_no_pipeline_is_one_sentence(pipeline: str, sentence: str) -> None:
    PIPELINE.write_text(pipeline)
    with pytest.raises(CracksError) as caught:
        stale()
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_pipeline_is_one_sentence() -> None:
    PIPELINE.unlink()
    with pytest.raises(CracksError, match="Expected dvc.yaml, found none; .*git checkout"):
        stale()


def test_a_removed_stage_is_stale_and_so_are_results_that_no_stage_writes() -> None:
    pipeline = yaml.safe_load(PIPELINE.read_text())
    del pipeline["stages"]["evaluate"]
    PIPELINE.write_text(yaml.safe_dump(pipeline))
    assert stale() == {
        "evaluate": [REMOVED],
        "dvc.yaml": [
            "no stage writes metrics/evaluate.json",
            "no stage writes metrics/predictions.csv",
        ],
    }


def test_a_stage_without_dependencies_and_one_of_several_commands() -> None:
    edit(PIPELINE, "stages:\n", "stages:\n  more:\n    cmd: [a, b]\n")
    assert stale() == {"more": ["it never ran"]}
    write_lock()
    assert stale() == {}


def test_parameters_are_read_as_dvc_reads_them() -> None:
    """By the rules of YAML 1.2, in which 1e-3 is a number."""
    edit(PARAMS, "threshold: 0.5", "threshold: 5e-1")
    assert stale() == {}


def test_what_dvc_keeps_in_its_cache_is_not_looked_for() -> None:
    edit(
        PIPELINE,
        "metrics/predictions.csv: {cache: false}]",
        "metrics/predictions.csv: {cache: false}, mistakes.jpg]",
    )
    lock = yaml.safe_load(LOCK.read_text())
    lock["stages"]["evaluate"]["outs"].append({"path": "mistakes.jpg", "md5": "0" * 32})
    LOCK.write_text(yaml.safe_dump(lock))
    assert stale() == {}
