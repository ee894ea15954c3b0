import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cracks.commands.cli import cli
from cracks.pipeline.errors import CracksError
from cracks.review.sides import resolve
from tests.support.project import IDENTITY

IMAGES = 200
DVC_YAML = """\
stages:
  download:
    cmd: cp source.txt data/images.zip
    deps: [source.txt]
    params: [epochs]
    outs: [data/images.zip]
"""


def git(*arguments: str, at: Path | None = None) -> str:
    done = subprocess.run(["git", *arguments], cwd=at, capture_output=True, text=True, check=True)
    return done.stdout


def write_results(missed: int = 2, tested: int = IMAGES, deviation: float = 0.002) -> None:
    """Results of one backbone that misses the first cracks."""
    Path("metrics").mkdir(exist_ok=True)
    labels = ["positive"] * (tested // 2) + ["negative"] * (tested // 2)
    table = pd.DataFrame(
        {"id": [f"{label}/{n:04}.jpg" for n, label in enumerate(labels)], "backbone": "vgg16"}
    ).assign(label=labels, probability=0.5, predicted=labels, correct=True, group="")
    table.loc[: missed - 1, "correct"] = False
    table.to_csv("metrics/predictions.csv", index=False)
    values = {
        "vgg16.accuracy": 1 - missed / tested,
        "vgg16.accuracy_std": deviation,
        "vgg16.recall": 1 - 2 * missed / tested,
        "vgg16.missed": missed,
        "vgg16.tp": tested // 2 - missed,
        "vgg16.fn": missed,
        "vgg16.images": tested,
        "split.test.leaked_share": 0.0,
    }
    Path("metrics/evaluate.json").write_text(json.dumps(values))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small DVC project on a branch, its results committed on main."""
    monkeypatch.chdir(tmp_path)
    for name, value in IDENTITY.items():
        monkeypatch.setenv(name, value)
    git("init", "--quiet", "--initial-branch", "main")
    run_dvc("init", "--quiet")
    Path("data").mkdir()
    Path("source.txt").write_text("pixels")
    Path("params.yaml").write_text("epochs: 50\nsplit:\n  seed: 0\n")
    Path("dvc.yaml").write_text(DVC_YAML)
    write_results()
    run_dvc("repro", "--quiet")
    git("add", "--all")
    git("commit", "--quiet", "--message", "Results")
    git("checkout", "--quiet", "-b", "change")
    return tmp_path


def run_dvc(*arguments: str) -> None:
    import sys

    subprocess.run([sys.executable, "-m", "dvc", *arguments], check=True, capture_output=True)


def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, str]:
    status = cli.main(["review", *arguments], standalone_mode=False)
    return status, capsys.readouterr().out


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    return lambda *arguments: run(monkeypatch, capsys, *arguments)


def test_an_unchanged_tree_is_one_line(project: Path, say: Any) -> None:
    status, said = say("HEAD")
    assert status == 0
    assert said.startswith("No change against HEAD (")
    assert said.count("\n") == 1


def test_a_small_change_is_noise(project: Path, say: Any) -> None:
    write_results(missed=3, deviation=0.01)
    status, said = say()
    assert status == 0
    assert "**VGG16**: -0.5 percentage points of accuracy, inside the noise band" in said
    assert "| vgg16.missed | 2 | 3 | +1 | ▼ worse |" in said
    assert "▼ worse, 1 more missed of 100 cracks" in said
    assert "▼ worse, 1 more wrong of 200 images, within noise" in said
    assert "- Newly missed cracks (1): `positive/0002.jpg`" in said


def test_a_large_change_shouts_and_fails_the_gate(project: Path, say: Any) -> None:
    write_results(missed=60)
    status, said = say("--fail-if", "vgg16.recall < -0.01")
    assert status == 1
    assert "**VGG16** is **WORSE**: -29.0 percentage points" in said
    assert "(58)" in said
    assert "and 43 more" in said


def test_a_gate_that_holds_is_0(project: Path, say: Any) -> None:
    write_results(missed=1)
    status, said = say("--fail-if", "vgg16.recall < -0.01", "--fail-if", "vgg16.missed > 0")
    assert status == 0
    assert "▲ better" in said


def test_stale_results_are_said_first(project: Path, say: Any) -> None:
    Path("params.yaml").write_text("epochs: 2\nsplit:\n  seed: 0\n")
    _, said = say()
    assert said.index("These results are stale") < said.index("| metric |")
    assert "- download: params.yaml" in said or "- download: epochs" in said
    assert "| `epochs` | `50` | `2` |" in said


def test_outputs_that_are_not_here_are_not_stale(project: Path, say: Any) -> None:
    Path("data/images.zip").unlink()
    shutil.rmtree(".dvc/cache")
    assert say()[1].startswith("No change against main")


def test_another_test_set_cannot_be_compared(project: Path, say: Any) -> None:
    write_results(tested=150)
    status, said = say("--fail-if", "vgg16.recall < -1")
    assert "cannot be compared:** they were tested on different images" in said
    assert "better" not in said
    assert status == 1, "a gate cannot vouch for what it cannot compare"


def test_a_base_without_metrics(project: Path, say: Any) -> None:
    git("checkout", "--quiet", "--orphan", "empty")
    git("rm", "--quiet", "-r", "--cached", "metrics")
    git("commit", "--quiet", "--message", "No results")
    status, said = say("empty")
    assert status == 0
    assert "has no metrics/evaluate.json: nothing to compare with" in said
    assert "| vgg16.accuracy | 0.9900 |" in said


def test_no_metrics_here(project: Path, say: Any) -> None:
    Path("metrics/evaluate.json").unlink()
    with pytest.raises(CracksError, match="run `dvc repro`"):
        say()


def test_for_machines(project: Path, say: Any) -> None:
    write_results(missed=3)
    found = json.loads(say("--json")[1])
    (missed,) = (m for m in found["metrics"] if m["metric"] == "vgg16.missed")
    assert missed == {
        "metric": "vgg16.missed",
        "base": 2,
        "now": 3,
        "difference": 1,
        "better": False,
        "noise": False,
    }
    assert found["flips"]["vgg16"]["newly_missed"] == ["positive/0002.jpg"]
    assert found["stale"] == {}


def test_main_may_be_at_origin_alone(
    project: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = tmp_path_factory.mktemp("clone") / "here"
    git("clone", "--quiet", "--branch", "change", str(project), str(clone))
    monkeypatch.chdir(clone)
    assert resolve("main")[0] == "origin/main"


def test_a_shallow_clone_says_how_to_deepen_it(
    project: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = tmp_path_factory.mktemp("clone") / "here"
    git("clone", "--quiet", "--depth", "1", "--branch", "change", f"file://{project}", str(clone))
    monkeypatch.chdir(clone)
    with pytest.raises(CracksError, match="git fetch --unshallow"):
        resolve("main")


def test_an_unknown_base_is_one_sentence(project: Path) -> None:
    with pytest.raises(CracksError, match="found no 'mian'"):
        resolve("mian")


def test_before_the_first_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    git("init", "--quiet", "--initial-branch", "main")
    with pytest.raises(CracksError, match="Expected a branch, tag or commit"):
        resolve("HEAD")
