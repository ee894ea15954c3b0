"""A pull request from end to end: an origin, a branch, the workflow's steps; cheats, accidents."""

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from cracks.tools.commands.review import Exit
from cracks.tools.review.snapshots import WorkingTree
from cracks.tools.review.staleness import dvc_md5
from tests.support.branches import BRANCHES, clone_of, push_branch, with_cache_of
from tests.support.project import ROOT, Project

HEADS = ["train-head@resnet50", "train-head@vgg16", "evaluate", "report"]

REVIEWS = Path(__file__).parent / "reviews"
"""What the review of each branch says; `UPDATE_REVIEWS=1 pytest tests/pipeline/test_pull_request.py
-k expected` writes it anew."""


@pytest.fixture(scope="module")
def origin(shared_project: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bare repository: main, and a branch with another number of epochs."""
    folder = tmp_path_factory.mktemp("origin") / "cracks.git"
    shared_project.run("git", "clone", "--quiet", "--bare", str(shared_project.folder), str(folder))
    author = author_of(folder, shared_project)
    assert push_branch(author, "epochs") == HEADS
    return folder


def author_of(origin: Path, shared_project: Project) -> Project:
    """Someone who has the data."""
    folder = origin.parent / "author"
    if folder.exists():
        return Project(folder, shared_project.environment)
    clone = clone_of(origin, folder, **shared_project.environment)
    return with_cache_of(shared_project, clone)


@pytest.fixture(scope="module")
def all_branches(origin: Path, shared_project: Project) -> Path:
    """The same with all of `BRANCHES`."""
    author = author_of(origin, shared_project)
    for branch in BRANCHES:
        if branch != "epochs":
            push_branch(author, branch)
    return origin


@pytest.fixture
def runner(origin: Path, tmp_path: Path) -> Project:
    """The checkout of the workflow: the head of the branch `epochs`, without any data."""
    runner = clone_of(origin, tmp_path / "runner", CRACKS_CACHE=str(tmp_path / "caches"))
    runner.run("git", "checkout", "--quiet", "epochs")
    assert not (runner.folder / "data/images.zip").exists()
    return runner


@pytest.fixture
def review(runner: Project, tmp_path: Path) -> "Review":
    """Run the workflow's own steps; the exit code of the gate, and the comment."""
    workflow = yaml.safe_load((ROOT / ".github/workflows/review.yml").read_text())
    steps = {step.get("name"): step for step in workflow["jobs"]["review"]["steps"]}
    base = runner.run("git", "rev-parse", "origin/main").strip()

    def run() -> tuple[int, str]:
        names = ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT")
        files = {name: tmp_path / name.lower() for name in names}
        for file in files.values():
            file.write_text("")
        runner.environment |= {"BASE": base, "RUN": "https://example.org/run"} | {
            name: str(file) for name, file in files.items()
        }
        runner.run("bash", "-e", "-o", "pipefail", "-c", steps["Review"]["run"])
        status = files["GITHUB_OUTPUT"].read_text().removeprefix("status=").strip()
        runner.environment["STATUS"] = status
        runner.run("bash", "-e", "-c", steps["Gate"]["run"], status=int(status))
        comment = runner.read("review.md").decode()
        assert comment == files["GITHUB_STEP_SUMMARY"].read_text()
        assert comment.startswith("<!-- cracks.review -->\n")
        return int(status), comment.removeprefix("<!-- cracks.review -->\n")

    return run


Review = Callable[[], tuple[int, str]]


def reviewed(runner: Project, status: int) -> str:
    """What the review says, without the other steps of the workflow."""
    return runner.run("python", "-m", "cracks", "review", "origin/main", status=status)


def edit(runner: Project, path: str, old: str, new: str) -> None:
    text = (runner.folder / path).read_text()
    assert old in text
    (runner.folder / path).write_text(text.replace(old, new))


def commit(runner: Project) -> None:
    runner.run("git", "commit", "--quiet", "--all", "--message", "Change")


def said_of(clone: Project, branch: str) -> str:
    """What the review says of a branch; numbers of lines and names of commits are left out."""
    clone.run("git", "checkout", "--quiet", branch.replace("conflict", "epochs"))
    status = 0
    if branch == "conflict":
        clone.run("git", "merge", "--quiet", "origin/more-epochs", status=1)
        status = 1
    said = clone.run("python", "-m", "cracks", "review", "origin/main", status=status)
    said = re.sub(r"\([\d,]+ lines\)", "(… lines)", re.sub(r"line \d+", "line …", said))
    return re.sub(r"\b[0-9a-f]{7}\b", "1a2b3c4", said)


@pytest.mark.slow
@pytest.mark.parametrize("branch", ["epochs", "threshold", "images", "code", "conflict"])
def test_reviews_are_as_expected(branch: str, all_branches: Path, tmp_path: Path) -> None:
    said = said_of(clone_of(all_branches, tmp_path / "clone"), branch)
    path = REVIEWS / f"{branch}.md"
    if os.environ.get("UPDATE_REVIEWS"):
        path.write_text(said)
    assert said == path.read_text()


@pytest.mark.slow
def test_another_number_of_epochs_changes_few_lines(all_branches: Path, tmp_path: Path) -> None:
    """Without the files that forges fold."""
    clone = clone_of(all_branches, tmp_path / "clone")
    listed = clone.run("git", "diff", "--numstat", "origin/main", "origin/epochs").splitlines()
    changed = {name: int(added) + int(gone) for added, gone, name in map(str.split, listed)}
    facts = clone.run("git", "check-attr", "linguist-generated", *changed).splitlines()
    folded = {fact.split(": ")[0] for fact in facts if fact.endswith(": set")}
    assert "dvc.lock" in folded
    assert set(changed) - folded <= {"metrics/evaluate.json", "params.yaml"}
    assert sum(n for name, n in changed.items() if name not in folded) < 300


def test_a_pull_request_is_reviewed(review: Review) -> None:
    status, comment = review()
    assert status == Exit.GOOD
    assert "| `epochs` | `3` | `1` |" in comment
    assert comment.startswith("## The working tree against ")
    assert "stale" not in comment
    assert "**ResNet50 or VGG16" in comment
    assert "Written by `dvc repro`, nothing to read" in comment
    assert "changed their class](https://example.org/run#artifacts), in some minutes" in comment


def test_forged_numbers_fail_in_the_first_line(
    review: Review, runner: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    metrics = json.loads(runner.read("metrics/evaluate.json"))
    monkeypatch.chdir(runner.folder)
    before = dvc_md5(WorkingTree(), Path("metrics/evaluate.json"))
    text = json.dumps({**metrics, "vgg16.recall": 0.9999}, indent=2) + "\n"
    (runner.folder / "metrics/evaluate.json").write_text(text)
    edit(runner, "dvc.lock", before, dvc_md5(WorkingTree(), Path("metrics/evaluate.json")))
    commit(runner)
    status, comment = review()
    assert status == Exit.MISMATCH
    assert comment.startswith("**These metrics are not those of the predictions.**")
    assert "vgg16.recall is 0.9999" in comment


def test_a_threshold_without_its_run_is_stale(runner: Project) -> None:
    edit(runner, "params.yaml", "threshold: 0.5", "threshold: 0.3")
    commit(runner)
    assert "- `evaluate`: `threshold`" in reviewed(runner, Exit.STALE)


def test_code_without_its_run_is_stale(runner: Project) -> None:
    edit(runner, "cracks/evaluation/plots.py", "POINTS = 100", "POINTS = 50")
    commit(runner)
    assert "- `evaluate`: `cracks/evaluation/plots.py`" in reviewed(runner, Exit.STALE)


def test_a_comment_needs_no_run(runner: Project) -> None:
    edit(runner, "cracks/evaluation/plots.py", "POINTS = 100", "# enough\nPOINTS = 100")
    commit(runner)
    comment = reviewed(runner, Exit.GOOD)
    assert "Changed in comments, docstrings or layout only: `cracks/evaluation/plots.py`" in comment


def test_an_invalid_parameter_is_an_error(review: Review, runner: Project) -> None:
    edit(runner, "params.yaml", "epochs: 1", "epochs: few")
    commit(runner)
    status, comment = review()
    assert status == 1
    assert "Error: params.yaml: 'epochs': expected a valid integer" in comment


def test_a_changed_pin_is_shown(runner: Project) -> None:
    line = next(
        x for x in runner.read("requirements.txt").decode().splitlines() if x.startswith("keras==")
    )
    edit(runner, "requirements.txt", line, "keras==9.9.9")
    commit(runner)
    comment = reviewed(runner, Exit.GOOD)
    assert f"| `keras` | `{line.split('==')[1].split()[0]}` | `9.9.9` |" in comment


@pytest.mark.slow
def test_a_merge_with_conflicts_has_a_way_out(
    all_branches: Path, review: Review, runner: Project, project: Project
) -> None:
    runner.run("git", "merge", "--quiet", "origin/more-epochs", status=1)
    status, comment = review()
    assert status == 1
    assert "a merge conflict is unresolved; take one side" in comment
    # as the README says, by someone who has the data
    runner.run("git", "checkout", "--ours", "params.yaml", "dvc.lock", "metrics")
    with_cache_of(project, runner)
    runner.environment |= project.environment
    assert runner.stages_run("dvc", "repro") == []
    commit(runner)
    assert review()[0] == Exit.GOOD


def test_a_checkout_without_the_data_is_not_stale(runner: Project, project: Project) -> None:
    """The workspace still has the data of the branch `epochs`."""
    with_cache_of(project, runner)
    runner.run("git", "checkout", "--quiet", "main")
    assert "No change against main" in runner.run("python", "-m", "cracks", "review", "main")


@pytest.mark.slow
def test_photographs_are_shared(project: Project, tmp_path: Path) -> None:
    """`dvc add`, a second clone, and a queue of two experiments."""
    origin = tmp_path / "origin.git"
    project.run("git", "clone", "--quiet", "--bare", str(project.folder), str(origin))
    one = with_cache_of(project, clone_of(origin, tmp_path / "one", **project.environment))
    shutil.unpack_archive(one.folder / "data/images.zip", one.folder / "data/photos")
    # split as the drawn sample is, so that its heads come from the run cache
    one.set({"dataset": "photos", "photos.group": r"(\d+)\.jpg$"})
    said = one.run("dvc", "exp", "run", "--temp", "download", status=255)
    assert "`dvc add data/photos/*/`, then `git add data/photos`" in said
    one.run("dvc", "add", "data/photos/negative/", "data/photos/positive/")
    one.run("git", "add", "data/photos")
    assert "download" in one.stages_run("dvc", "exp", "run", "--temp", "download")
    assert one.run("git", "status", "--porcelain", "data").split() == [
        "A", "data/photos/negative.dvc", "A", "data/photos/positive.dvc",
    ]  # fmt: skip
    # the run cache has `download` by then, and what it gives is what the sample was
    assert one.stages_run("dvc", "repro")[0] == "split"
    assert one.run("python", "-m", "cracks", "review", "main")
    one.run("dvc", "remote", "add", "--default", "store", str(tmp_path / "store"))
    commit(one)
    one.run("dvc", "push", "--quiet")
    one.run("git", "push", "--quiet", "origin", "main")

    two = clone_of(origin, tmp_path / "two", CRACKS_CACHE=str(tmp_path / "caches"))
    assert "No change" in two.run("python", "-m", "cracks", "review", "HEAD")
    two.run("dvc", "pull", "--quiet")
    assert two.stages_run("dvc", "repro") == []

    for threshold in (0.3, 0.4):
        one.run("dvc", "exp", "run", "--queue", "-S", f"threshold={threshold}")
    one.run("dvc", "exp", "run", "--run-all")
    said = one.run("python", "-m", "cracks", "experiments")
    assert sorted(re.findall(r"  threshold=(\S+)$", said, re.MULTILINE)) == ["0.3", "0.4"]
    assert "failed" not in said

    # one more photograph is seen, and so is its absence from the results
    (one.folder / "data/photos/positive/one-more.jpg").write_bytes(
        (one.folder / "data/photos/positive/00001.jpg").read_bytes() + os.urandom(1)
    )
    one.run("dvc", "add", "data/photos/positive/")
    said = one.run("python", "-m", "cracks", "review", "HEAD", status=Exit.STALE)
    assert "- `download`: `data/photos/positive.dvc`" in said
