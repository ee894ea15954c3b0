import json
import re
from collections.abc import Callable
from pathlib import Path

import click
import pandas as pd
import pytest

from cracks.commands import cli
from cracks.commands.review import Exit
from cracks.pipeline.errors import CracksError
from cracks.pipeline.paths import EVALUATION, LOCK, PARAMS, PREDICTIONS
from tests.support.results import CODE, commit, git, write_lock, write_results

Say = Callable[..., tuple[int, str]]


@pytest.fixture
def say(results_project: Path, capsys: pytest.CaptureFixture[str]) -> Say:
    """Run `review` in a project whose branch has changed nothing yet."""

    def run(*arguments: str) -> tuple[int, str]:
        status = cli.cli.main(["review", *arguments], standalone_mode=False)
        return status, capsys.readouterr().out

    return run


def change(**results: int) -> None:
    write_results(**results)  # type: ignore[arg-type]
    write_lock()


def forge(name: str, value: float) -> None:
    """Set a metric and make dvc.lock fit it, as someone who cheats would."""
    EVALUATION.write_text(json.dumps({**json.loads(EVALUATION.read_text()), name: value}))
    write_lock()


def test_an_unchanged_tree_is_one_line(say: Say) -> None:
    status, said = say("HEAD")
    assert status == Exit.GOOD
    assert said.startswith("No change against HEAD (")
    assert said.count("\n") == 1


def test_a_small_change_is_noise(say: Say) -> None:
    write_results(missed=3, others=(5, 1))
    write_lock()
    status, said = say()
    assert status == Exit.GOOD
    assert (
        "- **VGG16**: -0.5 percentage points of accuracy, within the variation over seeds" in said
    )
    assert "| vgg16.missed | 2 | 3 | +1 | ▼ worse, within noise |" in said
    assert "▼ worse, 1 more missed of 100 cracks, within noise" in said
    assert "▼ worse, 1 more wrong of 200 images, within noise" in said
    assert "- Newly missed cracks (1): `positive/0002.jpg`" in said
    assert "Not recomputed from the predictions: deviations over seeds, thresholds" in said


def test_a_large_change_shouts_and_fails_the_gate(say: Say) -> None:
    write_results(missed=60, others=(61, 59))
    write_lock()
    status, said = say("--fail-if", "vgg16.recall < -0.01")
    assert status == Exit.CONDITION
    assert "- **VGG16** is **WORSE**: -29.0 percentage points" in said
    assert "beyond the variation over seeds" in said
    assert "(58)" in said
    assert "and 43 more" in said


def test_one_seed_is_said_to_give_no_band(say: Say) -> None:
    write_results(missed=3, others=())
    write_lock()
    _, said = say()
    assert "variation over seeds is unknown" in said
    assert "within noise" not in said


def test_a_gate_that_holds_is_0(say: Say) -> None:
    change(missed=1)
    status, said = say("--fail-if", "vgg16.recall < -0.01", "--fail-if", "vgg16.missed > 0")
    assert status == Exit.GOOD
    assert "▲ better" in said


def test_a_condition_may_be_about_any_detail(say: Say) -> None:
    assert say("--fail-if", "vgg16.tp >= 0", "--fail-if", "vgg16.brier < 0")[0] == Exit.CONDITION


def test_what_is_no_condition_is_refused_before_anything_is_printed(say: Say) -> None:
    with pytest.raises(click.UsageError, match="expected 'METRIC < NUMBER' .* found 'rubbish'"):
        say("--fail-if", "rubbish")


@pytest.mark.parametrize("gate", [(), ("--fail-if", "vgg16.recall < -0.5")])
def test_stale_results_are_said_first_and_fail(gate: tuple[str, ...], say: Say) -> None:
    PARAMS.write_text(PARAMS.read_text().replace("threshold: 0.5", "threshold: 0.3"))
    status, said = say(*gate)
    assert status == Exit.STALE
    assert said.index("These results are stale") < said.index("| metric |")
    assert "- evaluate: `threshold`" in said
    assert "| `threshold` | `0.5` | `0.3` |" in said


def test_invalid_parameters_are_an_error(say: Say) -> None:
    PARAMS.write_text(PARAMS.read_text().replace("threshold: 0.5", "threshold: 1.5"))
    with pytest.raises(CracksError, match="'threshold': expected auto or a number from 0 to 1"):
        say()


@pytest.mark.parametrize("gate", [(), ("--fail-if", "vgg16.recall < -0.5")])
def test_forged_numbers_are_the_first_line(gate: tuple[str, ...], say: Say) -> None:
    forge("vgg16.recall", 0.9999)
    status, said = say(*gate)
    assert status == Exit.MISMATCH
    first, _, second, *_ = said.splitlines()
    assert first.startswith("**These metrics are not those of the predictions.**")
    assert second == "- vgg16.recall is 0.9999, the predictions give 0.98"


def test_a_base_that_is_forged_or_stale_is_said(say: Say) -> None:
    forge("vgg16.recall", 0.9999)
    CODE.write_text("def compute():\n    return 2\n")
    commit("Cheat")
    change(missed=1)
    status, said = say("HEAD")
    assert status == Exit.GOOD
    assert re.search(r"The metrics of HEAD \(\w{7}\) are not those of its predictions", said)
    assert re.search(r"The results of HEAD \(\w{7}\) are stale themselves \(download, ", said)


def test_a_comment_is_no_change_of_a_result(say: Say) -> None:
    CODE.write_text("# one\n" + CODE.read_text())
    change(missed=1)
    git("checkout", "--quiet", "main", "--", str(LOCK))
    write_results(missed=2)
    status, said = say()
    assert status == Exit.GOOD
    assert said.startswith("No change against main")


def test_another_test_set_cannot_be_compared(say: Say) -> None:
    change(tested=150)
    assert say()[0] == Exit.GOOD
    status, said = say("--fail-if", "vgg16.recall < -1")
    assert "cannot be compared:** they were tested on different images" in said
    assert "better" not in said
    assert status == Exit.NOT_COMPARABLE, "a gate cannot vouch for what it cannot compare"


def test_a_commit_of_an_older_version_cannot_be_compared(say: Say) -> None:
    """Its predictions do not say which images they are of, and were rounded."""
    git("checkout", "--quiet", "main")
    table = pd.read_csv(PREDICTIONS).drop(columns="sha256")
    table.to_csv(PREDICTIONS, index=False, float_format="%.1f")
    Path("metrics/details.csv").unlink()
    commit("Older")
    git("checkout", "--quiet", "change")
    status, said = say("main")
    assert status == Exit.GOOD
    assert "the predictions of main" in said
    assert "do not say which images they are of" in said


def test_the_same_images_in_another_archive_can_be_compared(say: Say) -> None:
    Path("data/images.zip").write_text("the same pixels and more")
    write_results(name="walls/{label}/{number}.jpg", missed=3)
    write_lock()
    status, said = say()
    assert status == Exit.GOOD
    assert "- Newly missed cracks (1): `walls/positive/2.jpg`" in said


def test_markup_in_names_and_values_is_shown_as_it_is(say: Say) -> None:
    PARAMS.write_text(PARAMS.read_text().replace("  file:", "  file: a|b`c.zip"))
    write_results(name="{label}/`x|{number}.jpg", missed=3)
    write_lock()
    _, said = say()
    assert r"| `concrete.file` | `None` | `` a\|b`c.zip `` |" in said
    assert "`` positive/`x|2.jpg ``" in said


def test_a_changed_pin_is_a_change(say: Say) -> None:
    text = Path("requirements.txt").read_text()
    Path("requirements.txt").write_text(text.replace("keras==3.15.1", "keras==3.16.0"))
    _, said = say()
    assert "| `keras` | `3.15.1` | `3.16.0` |" in said
    assert "No change" not in said


def test_a_heading_has_a_short_hash(say: Say) -> None:
    change(missed=3)
    sha = git("rev-parse", "main").strip()
    assert f"## The working tree against {sha[:7]}\n" in say(sha)[1]


@pytest.mark.parametrize("path", [LOCK, PARAMS, EVALUATION, PREDICTIONS])
def test_the_markers_of_a_conflict_are_one_sentence(path: Path, say: Say) -> None:
    text = path.read_text()
    path.write_text(f"<<<<<<< HEAD\n{text}=======\n{text}>>>>>>> main\n")
    with pytest.raises(
        CracksError, match=rf"{path}, line 1: a merge conflict .*--theirs.*dvc repro"
    ):
        say()


def test_damaged_results_are_one_sentence(say: Say) -> None:
    EVALUATION.write_text('{"vgg16.recall": ')
    with pytest.raises(
        CracksError, match="Expected numbers as JSON in metrics/evaluate.json of the working tree"
    ):
        say()


def test_a_base_without_metrics(say: Say) -> None:
    git("checkout", "--quiet", "--orphan", "empty")
    git("rm", "--quiet", "-r", "--cached", "metrics")
    git("commit", "--quiet", "--message", "No results")
    status, said = say("empty")
    assert status == Exit.GOOD
    assert "has no metrics/evaluate.json: nothing to compare with" in said
    assert "| vgg16.accuracy | 0.9900 |" in said
    assert say("empty", "--fail-if", "vgg16.recall < 0")[0] == Exit.NOT_COMPARABLE
    found, compared = (json.loads(say(base, "--json")[1]) for base in ("empty", "HEAD"))
    assert found.keys() == compared.keys()
    assert found["not_comparable"] == f"{found['base']} has no metrics/evaluate.json"
    assert found["metrics"] == []


def test_no_metrics_here(say: Say) -> None:
    EVALUATION.unlink()
    with pytest.raises(CracksError, match="run `dvc repro`"):
        say()


def test_for_machines(say: Say) -> None:
    change(missed=3)
    found = json.loads(say("--json")[1])
    (missed,) = (m for m in found["metrics"] if m["metric"] == "vgg16.missed")
    assert missed["base"] == 2
    assert missed["now"] == 3
    assert missed["difference"] == 1
    assert missed["better"] is False
    assert missed["noise"] is True
    assert found["flips"]["vgg16"]["newly_missed"] == ["positive/0002.jpg"]
    assert found["stale"] == {}
    assert found["mismatches"] == []


def test_exit_codes_are_documented(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.cli.main(["review", "--help"])
    said = capsys.readouterr().out
    for code in Exit:
        assert re.search(rf"^ +{code.value}  \S", said, re.MULTILINE), code
