import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pandas as pd
import pytest

from cracks.project.errors import CracksError
from cracks.project.paths import EVALUATION, LOCK, PARAMS, PARTS_OF_IMAGES, PIPELINE, PREDICTIONS
from cracks.tools.commands import cli
from cracks.tools.commands.review import Exit
from tests.support.results import CODE, commit, git, write_lock, write_results

Say = Callable[..., tuple[int, str]]


@pytest.fixture
def say(results_project: Path, capsys: pytest.CaptureFixture[str]) -> Say:
    """Run `review` in a project whose branch has changed nothing yet."""

    def run(*arguments: str) -> tuple[int, str]:
        status = cli.cli.main(["review", *arguments], standalone_mode=False)
        return status, capsys.readouterr().out

    return run


def change(**results: Any) -> None:
    write_results(**results)
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
        "- **VGG16: no clear difference.** 1 image newly wrong, 0 newly right "
        "(exact McNemar p 1.0000; t-test over seeds p 0." in said
    )
    assert "| 200 test images, 100 cracks | VGG16 |\n|---|--:|\n" in said
    assert "| missed cracks | 2 → 3 (+1) |" in said
    assert "| recall of cracks | 0.9800 → 0.9700 (-0.0100) |" in said
    assert "- Newly missed cracks (1): `positive/0002.jpg` 0.90 → 0.20" in said
    assert said.count("worse") == said.count("WORSE") == 0, "one verdict, said once"
    assert "Not recomputed from the predictions: deviations over seeds, thresholds" in said


def test_a_large_change_shouts_and_fails_the_gate(say: Say) -> None:
    write_results(missed=60, others=(61, 59))
    write_lock()
    status, said = say("--fail-if", "vgg16.recall < -0.01")
    assert status == Exit.CONDITION
    first, _, heading = said.splitlines()[:3]
    assert first == "- **Failed:** `vgg16.recall < -0.01: it changed by -0.58, to 0.4`"
    assert heading.startswith("## The working tree against main (")
    assert (
        "- **VGG16 is WORSE:** -29.0 percentage points of accuracy, 58 images newly wrong" in said
    )
    assert "(58)" in said
    assert "and 48 more" in said


def test_one_seed_is_said_to_give_no_band(say: Say) -> None:
    write_results(missed=3, others=())
    write_lock()
    _, said = say()
    assert "variation over seeds is unknown" in said


def test_a_gate_that_holds_is_0(say: Say) -> None:
    change(missed=1)
    status, said = say("--fail-if", "vgg16.recall < -0.01", "--fail-if", "vgg16.missed > 0")
    assert status == Exit.GOOD
    assert "| missed cracks | 2 → 1 (-1) |" in said
    assert "Failed" not in said


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
    assert said.startswith("**These results are stale:**")
    assert "- `evaluate`: `threshold`" in said
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


def test_another_test_set_is_judged_on_what_both_sides_share(say: Say) -> None:
    change(tested=150, missed=3)
    status, said = say("--fail-if", "vgg16.missed > 0")
    assert re.search(r"about the 150 that both sides have, of 200 of main .* and 150 here", said)
    assert "| 150 test images, 75 cracks | VGG16 |" in said
    assert "- Newly missed cracks (1): `positive/0002.jpg`" in said
    assert "### Data: images 150 removed" in said
    assert "- Removed (150): `negative/" in said
    assert "| `audit.images` | `600` | `450` |" in said
    assert status == Exit.CONDITION


def test_a_gate_cannot_vouch_for_what_it_cannot_compare(say: Say) -> None:
    change(tested=90)
    assert say()[0] == Exit.GOOD
    status, said = say("--fail-if", "vgg16.recall < -1")
    assert said.startswith("- **Not judged:** `--fail-if`")
    assert "That is too few to judge the change by." in said
    assert status == Exit.NOT_COMPARABLE
    change(seed=1)
    status, said = say("--fail-if", "vgg16.recall < -1")
    assert "cannot be compared:** both sides were tested on 0 cracks and 0 others" in said
    assert status == Exit.NOT_COMPARABLE


def test_a_change_of_data_is_counted_and_named(say: Say) -> None:
    change(relabelled=3, moved=12)
    status, said = say()
    assert status == Exit.GOOD
    assert "### Data: images 3 relabelled, 12 moved to another part" in said
    assert "- Relabelled (3): `positive/0000.jpg` positive → negative, `positive/0001.jpg`" in said
    assert "- Moved to another part (12): `positive/0088.jpg` train → valid" in said
    assert "and 2 more" in said
    assert "| `split.train.positive` | `100` | `85` |" in said
    assert "**VGG16: unchanged.** Every test image is classified as before." in said


def test_a_base_that_does_not_list_its_images_is_compared_by_its_test_images(say: Say) -> None:
    git("checkout", "--quiet", "main")
    PARTS_OF_IMAGES.unlink()
    commit("Older")
    git("checkout", "--quiet", "change")
    change(tested=150)
    assert "### Data: test images 50 removed" in say()[1]


def test_a_change_of_code_names_files_stages_and_commits(say: Say) -> None:
    CODE.write_text("def compute():\n    return 2\n")
    commit("Compute | two")
    Path("code/more.py").write_text("x = 1\n")
    change(missed=3)
    status, said = say()
    assert status == Exit.GOOD
    assert "- `code/compute.py` (download, split, evaluate)\n- `code/more.py` (download," in said
    assert re.search(r"- Commits: `\w{7}` Compute \\\| two$", said, re.MULTILINE)


def test_the_last_line_says_what_needs_no_reading(say: Say) -> None:
    change(missed=3)
    last = say()[1].splitlines()[-1]
    found = re.search(r"Written by `dvc repro`, nothing to read \((\d+) lines\): (.*)\.$", last)
    assert found
    assert found[2].split(", ")[0] == "`dvc.lock`"
    assert "`metrics/predictions.csv`" in found[2]
    shown = git("diff", "--numstat", "main").split()
    assert int(found[1]) == sum(int(n) for n in shown if n.isdecimal())


def test_which_classifier_is_better_may_change(say: Say) -> None:
    git("checkout", "--quiet", "main")
    change(missed=0, rival=12)
    commit("Two")
    git("checkout", "--quiet", "-B", "change")
    change(missed=4, rival=6)
    assert (
        "- **ResNet50 or VGG16: the answer changed.** Before: VGG16 is better (p 0.0005); "
        "now: no clear difference (p 0.7539)." in say()[1]
    )
    change(missed=0, rival=13)
    assert "- **ResNet50 or VGG16:** VGG16 is better (p 0.0002), as before (p 0.0005)." in say()[1]


def test_a_gate_may_ask_for_significance_and_for_a_floor(say: Say) -> None:
    change(missed=5, others=(5, 5))
    assert say("--fail-if", "vgg16.recall < 0")[0] == Exit.CONDITION
    assert say("--fail-if", "vgg16.recall < 0 significantly")[0] == Exit.GOOD
    status, said = say("--require", "vgg16.recall >= 0.96", "--require", "vgg16.missed <= 5")
    assert status == Exit.CONDITION
    assert said.startswith("- **Failed:** `vgg16.recall >= 0.96 is required: it is 0.95`\n\n##")


def test_conditions_of_an_option_and_of_its_variable_both_count(
    say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(missed=60, others=(61, 59))
    monkeypatch.setenv("REVIEW_REQUIRE", "vgg16.recall >= 0.99")
    monkeypatch.setenv("REVIEW_FAIL_IF", "vgg16.recall < -0.5")
    status, said = say("--require", "vgg16.recall >= 0.1", "--fail-if", "vgg16.missed > 900")
    assert status == Exit.CONDITION
    assert "vgg16.recall >= 0.99 is required" in said
    assert "vgg16.recall < -0.5: it changed" in said


def test_what_a_metric_is_has_no_significance(say: Say) -> None:
    with pytest.raises(click.BadParameter, match="'significantly' is said of changes"):
        say("--require", "vgg16.recall >= 0.9 significantly")


def test_a_base_without_a_threshold_cannot_be_compared(say: Say) -> None:
    whole = EVALUATION.read_text()
    values = json.loads(whole)
    del values["vgg16.threshold"]
    EVALUATION.write_text(json.dumps(values))
    commit("no threshold")
    EVALUATION.write_text(whole)
    write_lock()
    status, said = say("HEAD", "--fail-if", "vgg16.recall < -0.5")
    assert "cannot be read (Expected 'vgg16.threshold'" in said
    assert status == Exit.NOT_COMPARABLE


def test_a_gate_may_be_set_by_the_environment(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    change(missed=5)
    monkeypatch.setenv("REVIEW_FAIL_IF", "\nvgg16.recall < -0.5\n  vgg16.missed > 2\n\n")
    status, said = say()
    assert (status, said.count("Failed")) == (Exit.CONDITION, 1)
    monkeypatch.setenv("REVIEW_FAIL_IF", "")
    monkeypatch.setenv("REVIEW_REQUIRE", "vgg16.recall >= 0.99")
    assert say()[0] == Exit.CONDITION


def test_a_stage_is_called_as_it_is(say: Say) -> None:
    PIPELINE.write_text(PIPELINE.read_text().replace("  split:", "  '<b>`x`':"))
    status, said = say()
    assert status == Exit.STALE
    assert "- `` <b>`x` ``: `it never ran`" in said
    assert "- Stage added: `` <b>`x` ``\n- Stage removed: `split`" in said


def test_a_damaged_base_does_not_stop_what_mends_it(say: Say) -> None:
    git("checkout", "--quiet", "main")
    mended = {path: path.read_text() for path in (PREDICTIONS, LOCK)}
    PREDICTIONS.write_text("id\n")
    commit("Break the predictions")
    git("checkout", "--quiet", "-B", "change")
    for path, text in mended.items():
        path.write_text(text)
    status, said = say()
    assert status == Exit.GOOD
    assert "he results of main" in said
    assert "cannot be read (Expected a table" in said
    assert "| vgg16.accuracy | 0.9900 |" in said


def test_a_file_with_a_name_in_another_encoding_is_shown(say: Say) -> None:
    Path(os.fsdecode(b"code/gr\xf6\xdfe.py")).write_text("x = 1\n")
    commit("Latin 1")
    assert "- `code/gr\N{REPLACEMENT CHARACTER}" in say()[1]


WRONG: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "a row twice": lambda table: pd.concat([table, table[:1]]),
    "a row missing": lambda table: table[1:],
    "infinite": lambda table: table.assign(probability="1e400"),
    "above 1": lambda table: table.assign(probability="2"),
    "below 0": lambda table: table.assign(probability="-1"),
    "no group": lambda table: table.assign(group=""),
    "no name": lambda table: table.assign(id=""),
    "another label": lambda table: table.assign(label="crack"),
    "another answer": lambda table: table.assign(predicted="yes"),
    "another backbone": lambda table: table.assign(backbone="vgg19"),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_predictions_are_one_sentence(what: str, say: Say) -> None:
    change(rival=3)
    WRONG[what](pd.read_csv(PREDICTIONS, dtype=str)).to_csv(PREDICTIONS, index=False)
    with pytest.raises(CracksError, match=r"^Expected [^\n]*predictions.csv[^\n]*dvc repro`.$"):
        say()


@pytest.mark.parametrize("same", ["a", "the same for all"])
def test_one_group_for_all_is_reviewed(same: str, say: Say) -> None:
    change(rival=3)
    pd.read_csv(PREDICTIONS).assign(group=same).to_csv(PREDICTIONS, index=False)
    assert say()[0] == Exit.MISMATCH


def test_deep_json_is_one_sentence(say: Say) -> None:
    EVALUATION.write_text("[" * 100_000)
    with pytest.raises(CracksError, match="Expected numbers as JSON in metrics/evaluate.json"):
        say()


def test_what_is_missing_is_named(say: Say) -> None:
    PREDICTIONS.unlink()
    with pytest.raises(CracksError, match=r"Expected metrics/predictions.csv in the working tree"):
        say()
    commit("No predictions")
    git("checkout", "--quiet", "main", "--", "metrics")
    assert "has no metrics/predictions.csv: nothing to compare with" in say("HEAD")[1]


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
    assert r"| `archive.file` | `None` | `` a\|b`c.zip `` |" in said
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
    assert found["params"] is None


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
    flip = {"id": "positive/0002.jpg", "before": 0.9, "now": 0.2}
    assert found["flips"]["vgg16"]["newly_missed"] == [flip]
    assert found["verdicts"] == {"vgg16": "no clear difference"}
    assert found["stale"] == {}
    assert found["mismatches"] == []


def test_exit_codes_are_documented(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.cli.main(["review", "--help"])
    said = capsys.readouterr().out
    for code in Exit:
        assert re.search(rf"^ +{code.value}  \S", said, re.MULTILINE), code
