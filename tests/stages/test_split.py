"""The stage `split`: when photographs are named, and what it writes then."""

from pathlib import Path

import pandas as pd
import pytest
import yaml

from cracks.tables.inputs import read_counts
from stages.split import main
from tests.support.project import ROOT


def run(folder: Path, dataset: str, group: str | None) -> tuple[pd.DataFrame, dict[str, float]]:
    """Run it on 20 photographs of 10 patches of each class."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["dataset"] = dataset
    params["photos"]["group"] = group
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    rows = [
        (f"{label}/{wall}-{patch}.jpg", label, "", f"{label}{wall}{patch}", f"{label}{wall}{patch}")
        for label in ("negative", "positive")
        for wall in range(20)
        for patch in range(10)
    ]
    images = pd.DataFrame(rows, columns=["id", "label", "given", "sha256", "group"])
    images = images.assign(width=227, height=227)
    (folder / "data").mkdir(exist_ok=True)
    images.to_csv(folder / "data/images.csv", index=False)
    main()
    metrics = read_counts(folder / "metrics/split.csv")
    split = pd.read_csv(folder / "data/split.csv", dtype=str)
    parts = pd.read_csv(folder / "metrics/images.csv", dtype=str)
    assert parts.equals(split[["id", "label", "part", "sha256"]])  # these hashes are short
    return split, metrics


def test_photographs_are_named_and_kept_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    split, metrics = run(tmp_path, "photos", r"(\d+)-\d+\.jpg$")
    assert list(split.columns) == ["id", "label", "part", "group", "sha256", "photograph"]
    assert split.groupby("photograph")["part"].nunique().max() == 1
    assert metrics["test.photograph_in_train"] == 0
    assert metrics["test.photographs"] == 3
    assert capsys.readouterr().out == (
        "300 train, 40 valid, 60 test; 0 test images have a copy in train\n"
        "photographs: 15 train, 2 valid, 3 test; 0 test images are from one in train\n"
        "test: 15.0 % of negative, 15.0 % of positive; 20 ± 26.8 % expected of 20 groups\n"
        "valid: 10.0 % of negative, 10.0 % of positive; 20 ± 26.8 % expected of 20 groups\n"
    )


def test_drawn_patches_of_one_wall_are_kept_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    split, metrics = run(tmp_path, "sample", None)
    assert split.groupby("photograph")["part"].nunique().max() == 1
    assert (split["photograph"].str.fullmatch(r"\d+")).all()
    assert metrics.keys() == read_counts(ROOT / "metrics/split.csv").keys()


@pytest.mark.parametrize(("dataset", "group"), [("photos", None), ("archive", r"(\d+)-\d+\.jpg$")])
def test_without_photographs_they_are_not_mentioned(
    dataset: str, group: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    split, metrics = run(tmp_path, dataset, group)
    assert list(split.columns) == ["id", "label", "part", "group", "sha256"]
    assert not [name for name in metrics if "photograph" in name]
