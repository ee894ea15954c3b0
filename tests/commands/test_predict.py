"""The files that `predict` writes, with a classifier that sees dark places."""

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cracks.commands import caveats, crack_maps, predict
from cracks.commands.cli import cli
from cracks.commands.crack_maps import MapOptions
from cracks.heads.head import LinearHead
from cracks.heads.statistics import Statistics
from cracks.inference.classifier import Classifier
from cracks.pipeline.errors import CracksError
from cracks.pipeline.outputs import write_csv
from cracks.pipeline.params import load_params
from cracks.pipeline.paths import SPLIT, features_path
from tests.support.features import made_features, write_features
from tests.support.heads import ORIGIN
from tests.support.project import ROOT
from tests.support.walls import CLASSIFIER, PATCH, wall

PHOTOGRAPHS = ["a/1.jpg", "b/1.jpg", "b/1.png"]


def mean(batch: np.ndarray) -> np.ndarray:
    return np.asarray(batch.mean(axis=(1, 2, 3))[:, None], np.float32)


@pytest.fixture
def photographs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a cracked wall and two that are not; loads are counted."""
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(PHOTOGRAPHS):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        pixels = wall() if number == 1 else np.full((128, 128, 3), 200, np.uint8)
        Image.fromarray(pixels).save(tmp_path / name)
    params = load_params(ROOT / "params.yaml")
    classifier = Classifier("vgg16", 0.5, 32, mean, LinearHead(np.array([0.2]), -30.0))
    monkeypatch.setattr(caveats, "read_origin", lambda _: ORIGIN)
    monkeypatch.setattr(predict, "load_params", lambda: params)
    monkeypatch.setattr(predict, "load_classifier", lambda *_: classifier)
    monkeypatch.setattr(predict, "load_local_classifier", lambda *_: CLASSIFIER)
    monkeypatch.setattr(crack_maps, "load_local_classifier", lambda *_: CLASSIFIER)
    return tmp_path


def run(*paths: str, map_options: MapOptions | None = None, **options: Any) -> int:
    defaults: dict[str, Any] = dict.fromkeys(("out", "explain", "maps"))
    map_options = map_options or MapOptions(patch=PATCH)
    return predict.run(
        paths or ("a", "b"), "vgg16", "csv", **(defaults | options), map_options=map_options
    )


@pytest.mark.parametrize(("option", "end"), [("explain", "-vgg16-cam.png"), ("maps", "-vgg16.png")])
def test_pictures_of_photographs_of_one_name_are_apart(
    option: str, end: str, photographs: Path
) -> None:
    folder = Path("pictures")
    options: dict[str, Any] = {option: folder}
    assert run(**options) == 0
    found = {path.relative_to(folder).as_posix() for path in folder.rglob(f"*{end}")}
    assert found == {f"{name}{end}" for name in PHOTOGRAPHS}


def test_the_summary_begins_with_the_most_damaged_photograph(
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
    options = MapOptions(PATCH, PATCH // 2, full_resolution=True, mm_per_pixel=0.25)
    assert run("b/1.jpg", maps=Path("maps"), map_options=options) == 0
    document = json.loads(Path("maps/1-vgg16.json").read_text())
    assert document["length_mm"] == pytest.approx(0.25 * document["length"], abs=0.1)
    with Image.open("maps/1-vgg16.png") as picture:
        assert picture.height > 400


def test_a_photograph_that_cannot_be_mapped_is_one_sentence_and_no_reason_to_stop(
    photographs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("a/0.jpg").write_bytes(b"no image")
    Image.new("RGB", (40, 40)).save("b/2.jpg")
    assert run(maps=Path("maps")) == 1
    errors = capsys.readouterr().err
    assert "a/0.jpg: not an image in a known format" in errors
    assert "b/2.jpg: Expected a photograph of at least 64 x 64 pixels" in errors
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
        assert (table["label"] == "positive").sum() == cracked
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


def train_on_features_around(centre: float) -> None:
    """Features of one channel in train and valid, for the backbones of this module."""
    parts = {part: centre + made_features(100, 1, n) for n, part in enumerate(("train", "valid"))}
    write_csv(SPLIT, write_features(features_path("vgg16"), parts))


def test_images_unlike_the_training_images_are_one_line_beside_a_clean_table(
    photographs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train_on_features_around(0)
    assert run() == 0
    said = capsys.readouterr()
    assert len(pd.read_csv(io.StringIO(said.out))) == len(PHOTOGRAPHS)
    (line,) = (line for line in said.err.splitlines() if "unlike" in line)
    assert line.startswith("VGG16: 100.0 % of the images are unlike the training images, 5 % would")
    assert "`python -m cracks external`" in line


def test_images_like_the_training_images_are_not_remarked_on(
    photographs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train_on_features_around(200)
    assert run("a", "b/1.png") == 0
    assert "training images" not in capsys.readouterr().err


def test_without_the_training_features_one_line_says_that_nothing_was_compared(
    photographs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run() == 0
    said = capsys.readouterr()
    assert len(pd.read_csv(io.StringIO(said.out))) == len(PHOTOGRAPHS)
    assert said.err.count("Not checked whether the images are like the training images") == 1
    assert "Expected data/split.csv, found none" in said.err


@pytest.mark.parametrize("options", [{}, {"maps": Path("maps")}])
def test_heads_trained_on_drawings_are_said_to_be(
    options: dict[str, Any],
    photographs: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(**options) == 0
    assert "drawings" not in capsys.readouterr().err
    monkeypatch.setattr(caveats, "read_origin", lambda _: replace(ORIGIN, dataset="sample"))
    assert run(**options) == 0
    said = capsys.readouterr()
    assert said.err.count("Trained on drawings, not on photographs: check VGG16 on labelled") == 1
    assert "drawings" not in said.out


def test_a_map_says_which_share_of_its_patches_is_unlike(
    photographs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("b", maps=Path("bare")) == 0
    train_on_features_around(55)  # as dark as sound concrete
    assert run("b", maps=Path("maps")) == 0
    shares = pd.read_csv("maps/summary.csv").set_index("path")["unlike_training"]
    assert "unlike_training" not in pd.read_csv("bare/summary.csv")
    assert shares["b/1.png"] == 0
    assert shares["b/1.jpg"] > 0.1
    assert "unlike_training" in capsys.readouterr().out
    with Image.open("maps/1.jpg-vgg16.png") as picture, Image.open("bare/1.jpg-vgg16.png") as bare:
        assert picture.height > bare.height  # by a line
