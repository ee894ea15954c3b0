"""The files that `predict` writes, with a classifier that sees dark places."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cracks.heads.statistics import Statistics
from cracks.project.errors import CracksError
from cracks.tools.commands import caveats, predict
from cracks.tools.commands.cli import cli
from cracks.tools.drawn import TRAINED_ON_DRAWINGS
from tests.support.heads import ORIGIN
from tests.support.trained import use_made_classifiers
from tests.support.walls import wall

PHOTOGRAPHS = ["a/1.jpg", "b/1.jpg", "b/1.png"]


@pytest.fixture
def photographs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a cracked wall and two that are not; loads are counted."""
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(PHOTOGRAPHS):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        pixels = wall() if number == 1 else np.full((128, 128, 3), 200, np.uint8)
        Image.fromarray(pixels).save(tmp_path / name)
    use_made_classifiers(monkeypatch)
    return tmp_path


def run(*paths: str, **options: Any) -> int:
    return predict.run(paths or ("a", "b"), "vgg16", predict.Options(form="csv", **options))


@pytest.mark.parametrize(("option", "end"), [("explain", "-vgg16-cam.png"), ("maps", "-vgg16.png")])
def test_pictures_of_photographs_of_one_name_are_apart(
    option: str, end: str, photographs: Path
) -> None:
    folder = Path("pictures")
    options: dict[str, Any] = {option: folder}
    assert run(**options) == 0
    found = {path.relative_to(folder).as_posix() for path in folder.rglob(f"*{end}")}
    assert found == {f"{name}{end}" for name in PHOTOGRAPHS}


def test_the_summary_begins_with_the_photograph_with_the_widest_crack(
    photographs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(maps=Path("maps")) == 0
    table = pd.read_csv("maps/summary.csv")
    assert list(table["path"]) == ["b/1.jpg", "a/1.jpg", "b/1.png"]
    assert table["regions"].tolist() == [1, 0, 0]
    assert table.loc[0, "length"] == pytest.approx(195, abs=8)
    shown = capsys.readouterr().out.splitlines()
    assert shown[-3].split()[0] == "b/1.jpg"
    assert "1.0" in shown[1]


def test_millimetres_and_full_resolution_are_asked_for(photographs: Path) -> None:
    assert run("b/1.jpg", maps=Path("maps"), full_resolution=True, mm_per_pixel=0.25) == 0
    document = json.loads(Path("maps/1-vgg16.json").read_text())
    assert document["length_mm"] == pytest.approx(0.25 * document["length"], abs=0.1)
    with Image.open("maps/1-vgg16.png") as picture:
        assert picture.height > 400


def test_a_photograph_that_cannot_be_mapped_is_reported_and_skipped(
    photographs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("a/0.jpg").write_bytes(b"no image")
    Image.new("RGB", (30, 40)).save("b/2.jpg")
    assert run(maps=Path("maps")) == 1
    errors = capsys.readouterr().err
    assert "a/0.jpg: not an image in a known format" in errors
    assert "b/2.jpg: 30 x 40 pixels is smaller than 32 px" in errors
    assert len(pd.read_csv("maps/summary.csv")) == 3
    with pytest.raises(CracksError, match=r"a/0\.jpg: not an image"):
        run("a/0.jpg", maps=Path("alone"))
    assert not Path("alone").exists()


def test_many_photographs_of_another_camera_are_standardised(
    photographs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The classifier finds a mean above 150 cracked; all of these are darker."""
    training = Statistics(np.array([150.0]), np.array([50.0]))
    monkeypatch.setattr(predict, "training_statistics", lambda _: training)
    (photographs / "dark").mkdir()
    for number in range(200):
        grey = 20 + number % 2 * 40
        Image.new("RGB", (32, 32), (grey, grey, grey)).save(f"dark/{number:03}.png")
    Path("dark/text.jpg").write_text("no image")
    for standardise, cracked in ((False, 0), (True, 100)):
        assert run("dark", out=Path("found.csv"), standardise=standardise) == 1
        table = pd.read_csv("found.csv")
        assert (table["label"] == "crack").sum() == cracked
        assert table["error"].notna().sum() == 1


def test_standardising_needs_many_images_and_is_for_classification(photographs: Path) -> None:
    with pytest.raises(CracksError, match="Expected at least 200 images .* found 3"):
        run(standardise=True)
    for option in ("--map", "--explain"):
        with pytest.raises(click.UsageError, match="neither --map nor --explain"):
            cli.main(["predict", "a", "--standardise", option, "x"], standalone_mode=False)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--map m --explain e", "--map goes with none of"),
        ("--map m --format csv", "--map goes with none of"),
        ("--map m --out t.csv", "--map goes with none of"),
        ("--mm-per-pixel 0.2", "need --map"),
        ("--full-resolution", "need --map"),
        ("--explain e --patch 64", "need --map"),
    ],
)
def test_options_without_effect_are_refused(options: str, words: str) -> None:
    with pytest.raises(click.UsageError, match=words):
        cli.main(["predict", "a", *options.split()], standalone_mode=False)


def test_maps_are_said_to_be_by_what_was_trained_on_drawings(
    photographs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(maps=Path("maps")) == 0
    said = capsys.readouterr()
    assert said.err.count(TRAINED_ON_DRAWINGS) == 1
    assert "The backbones were pre-trained: VGG16 on " in said.err
    assert "drawings" not in said.out


def test_heads_trained_on_drawings_are_said_to_be(
    photographs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run() == 0
    assert "drawings" not in capsys.readouterr().err
    monkeypatch.setattr(caveats, "read_origin", lambda _: replace(ORIGIN, dataset="sample"))
    assert run() == 0
    said = capsys.readouterr()
    assert said.err.count(f"Heads of VGG16: {TRAINED_ON_DRAWINGS}") == 1
    assert "The backbones were pre-trained: VGG16 on " in said.err
    assert "drawings" not in said.out
