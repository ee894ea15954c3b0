from typing import Any

import dvc.api
import pytest

from cracks.commands import experiments
from tests.support.project import ROOT


def row(name: str | None, rev: str, **values: Any) -> dict[str, Any]:
    metrics = {
        f"{backbone}.{metric}": value
        for backbone in ("resnet50", "vgg16")
        for metric, value in (("accuracy", 0.9), ("recall", 0.875), ("missed", 10.0))
    }
    params = {"epochs": 50.0, "split.seed": 0.0, "dataset": "sample"}
    facts = {"Experiment": name, "rev": rev, "State": None}
    return {**facts, **metrics, **params, **values}


def printed(
    rows: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> list[str]:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(dvc.api, "exp_show", lambda: rows)
    experiments.run()
    lines = capsys.readouterr().out.splitlines()
    assert all(len(line) <= 120 for line in lines)
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
    _, heading, workspace, main, fast, waiting = printed(rows, monkeypatch, capsys)
    assert heading.split() == ["experiment", *["accuracy", "recall", "missed"] * 2, "changed"]
    assert main.split() == ["main", *["0.9000", "0.8750", "10"] * 2]
    assert workspace.split()[1:] == main.split()[1:]
    assert fast.split()[0] == "fast-one"
    assert fast.split()[-2:] == ["12", "epochs=2"]
    assert waiting.endswith("queued dataset=photos")


def test_many_changes_go_on_below(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    many = {"dataset": "photos", "epochs": 2.0, "split.seed": 7.0, "weights.vgg16": "w" * 60}
    lines = printed(
        [row(None, "main"), row("a-name-that-is-too-long", "1", **many)], monkeypatch, capsys
    )
    assert len(lines) > 4
    text = " ".join(" ".join(lines[3:]).split())
    for change in ("dataset=photos", "epochs=2", "split.seed=7"):
        assert change in text
