from pathlib import Path

import pytest

from cracks.project.errors import CracksError
from cracks.project.paths import PARAMS
from cracks.tools.commands import summary
from cracks.tools.drawn import TRAINED_ON_DRAWINGS
from tests.support.project import ROOT
from tests.support.results import CODE, write_lock


@pytest.fixture
def committed(results_project: Path) -> Path:
    """A project whose metrics are those of this one, and fit its dvc.lock."""
    for name in ("evaluate.json", "split.csv"):
        text = (ROOT / f"metrics/{name}").read_text()
        Path(f"metrics/{name}").write_text(text)
    write_lock()
    return results_project


def test_both_classifiers_are_side_by_side(
    committed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    summary.run()
    said = capsys.readouterr()
    assert said.err == ""
    for words in (
        "ResNet50       VGG16",
        "missed cracks",
        "95 % interval from",
        "test images",
        "Try:",
        f"Heads of ResNet50 and VGG16: {TRAINED_ON_DRAWINGS}",
    ):
        assert words in said.out


def test_photographs_are_not_said_to_be_drawings(
    committed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    PARAMS.write_text(PARAMS.read_text().replace("dataset: sample", "dataset: photos"))
    summary.run()
    assert TRAINED_ON_DRAWINGS not in capsys.readouterr().out


def test_stale_metrics_are_announced_first(
    committed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    PARAMS.write_text(PARAMS.read_text().replace("threshold: 0.5", "threshold: 0.3"))
    summary.run()
    said = capsys.readouterr()
    assert "out of date; stages to run: evaluate" in said.err


def test_a_comment_makes_no_metric_stale(
    committed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    CODE.write_text("# one\n" + CODE.read_text())
    summary.run()
    assert capsys.readouterr().err == ""


def test_no_metrics_are_one_sentence(committed: Path) -> None:
    Path("metrics/evaluate.json").unlink()
    with pytest.raises(CracksError, match="found none; run `dvc repro`"):
        summary.run()


def test_the_markers_of_a_conflict_are_one_sentence(committed: Path) -> None:
    path = Path("metrics/evaluate.json")
    path.write_text(f"<<<<<<< HEAD\n{path.read_text()}=======\n>>>>>>> main\n")
    with pytest.raises(CracksError, match="a merge conflict is unresolved; take one side"):
        summary.run()
