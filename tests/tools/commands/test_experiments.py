import json
from pathlib import Path
from typing import Any

import dvc.api
import pytest

from cracks.project.errors import CracksError
from cracks.tools.commands import experiments
from tests.support.project import ROOT


def row(name: str | None, rev: str, **values: Any) -> dict[str, Any]:
    metrics = {
        f"{backbone}.{metric}": value
        for backbone in ("resnet50", "vgg16")
        for metric, value in (
            ("accuracy", 0.9),
            ("recall", 0.875),
            ("missed", 10.0),
            ("roc_auc", 0.95),
            ("threshold", 0.5),
        )
    }
    params = {"epochs": 50.0, "split.seed": 0.0, "dataset": "sample"}
    facts = {"Experiment": name, "rev": rev, "State": None}
    return {**facts, **metrics, **params, **values}


def printed(
    rows: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    sort: str | None = None,
    form: str | None = None,
) -> list[str]:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(dvc.api, "exp_show", lambda: rows)
    experiments.run(sort, form)
    lines = capsys.readouterr().out.splitlines()
    assert form or all(len(line) <= 120 for line in lines)
    return lines


def test_a_row_says_what_changed_and_what_came_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        row(None, "workspace"),
        row(None, "main"),
        row("fast-one", "1234567", epochs=2.0, **{"vgg16.missed": 12.0}),
        row("waiting", "2345678", dataset="photos", State="Queued"),
    ]
    heading, *lines = printed(rows, monkeypatch, capsys)
    assert heading.split("  ")[0] == "experiment"
    numbers = ["0.9000", "0.8750", "10", "0.9500", "0.5000"]
    assert lines[2].split() == ["main", "ResNet50", *numbers]
    assert lines[3].split() == ["VGG16", *numbers]
    assert lines[0].split()[1:] == lines[2].split()[1:]
    assert lines[4].split()[0] == "fast-one"
    assert lines[4].endswith("epochs=2")
    assert lines[5].split()[3] == "12"
    assert lines[6].split() == ["waiting", "ResNet50", "queued", "dataset=photos"]


def test_many_changes_are_wrapped(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    many = {"dataset": "photos", "epochs": 2.0, "split.seed": 7.0, "weights.vgg16": "w" * 60}
    lines = printed(
        [row(None, "main"), row("a-name-that-is-too-long", "1", **many)], monkeypatch, capsys
    )
    assert len(lines) > 5
    text = " ".join(" ".join(lines[3:]).split())
    for change in ("dataset=photos", "epochs=2", "split.seed=7"):
        assert change in text


ROWS = [
    row(None, "workspace"),
    row("worse", "1", **{"vgg16.recall": 0.5, "vgg16.missed": 40.0}),
    row("better", "2", threshold="auto", **{"vgg16.recall": 0.99, "vgg16.missed": 1.0}),
    row("failed", "3", State="Failed"),
]


@pytest.mark.parametrize("by", ["vgg16.recall", "vgg16.missed"])
def test_the_best_come_first(
    by: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = printed(ROWS, monkeypatch, capsys, by, "json")
    names = [one["name"] for one in json.loads("\n".join(lines))]
    assert names == ["better", "workspace", "worse", "failed"]


def test_markdown_has_a_row_for_each_backbone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = printed(ROWS, monkeypatch, capsys, None, "md")
    assert len(lines) == 2 + 2 * len(ROWS)
    assert (
        lines[7] == "| better | VGG16 | 0.9000 | 0.9900 | 1 | 0.9500 | 0.5000 | `threshold=auto` |"
    )
    assert lines[9] == "| failed | VGG16 |  |  |  |  |  | `failed` |"


@pytest.mark.parametrize("value", ["!", [0.5], None, True, float("nan"), 10**400])
def test_what_is_no_number_is_no_result(
    value: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [row(None, "workspace", **{"vgg16.recall": value}), row(None, "main")]
    lines = printed(rows, monkeypatch, capsys, sort="vgg16.recall")
    assert lines[4].split() == ["VGG16", "0.9000", "10", "0.9500", "0.5000"]


@pytest.mark.parametrize("error", [ValueError("duplicated key"), KeyError("1234"), AttributeError])
def test_what_dvc_cannot_read_is_one_sentence(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(dvc.api, "exp_show", fail)
    with pytest.raises(CracksError, match="Expected experiments that DVC can read, found others"):
        experiments.run(None, None)


def test_a_damaged_pipeline_is_one_sentence(results_project: Path) -> None:
    Path("dvc.yaml").write_text("stages: [")
    Path("params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    with pytest.raises(CracksError, match="dvc.yaml"):
        experiments.run(None, None)


def test_a_name_is_no_markup(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [row(None, "workspace"), row(None, "main"), row("a|<b>`x`", "1234567")]
    lines = printed(rows, monkeypatch, capsys, form="md")
    assert lines[-1].startswith(r"| a\|\<b\>\`x\` | VGG16 |")


def test_an_unknown_metric_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CracksError, match="Expected --sort by one of .*vgg16.roc_auc, found 'auc'"):
        printed(ROWS, monkeypatch, capsys, "auc")


def test_the_reason_that_git_gives_is_shown(
    results_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(CracksError, match="Git says: detected dubious ownership"):
        experiments.run(None, None)
