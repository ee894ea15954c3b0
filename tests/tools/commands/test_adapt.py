"""`adapt` on patches with planted cracks, with a backbone that sees dark places."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cracks.cells.head import CellHead, load_cell_head
from cracks.classifier.classifier import Trained
from cracks.heads.head import LinearHead
from cracks.heads.statistics import Statistics
from cracks.images.archive import open_archive, read_member
from cracks.images.decoding import decode
from cracks.project.errors import CracksError
from cracks.tools.commands import adapt
from cracks.tools.commands.adapt import run
from tests.support.heads import ORIGIN
from tests.support.project import ROOT
from tests.support.walls import CLASSIFIER

DARK = 0.4  # of log-odds of a cell by its darkness, those of `CLASSIFIER`


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The facts of the heads that are saved; the trained ones call nothing in `patches` cracked."""
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    trained = Trained(LinearHead(np.array([1.0]), -200.0), ORIGIN, 0.5)
    cells = CellHead(CLASSIFIER.head, ORIGIN)

    def darkness(*arguments: Any) -> np.ndarray:
        archive, images = arguments[3:5]
        with open_archive(archive) as opened:
            pixels = [decode(read_member(opened, name)) for name in images["id"]]
        return np.array([[255.0 - rgb.min()] for rgb in pixels], np.float32)

    found: list[dict[str, Any]] = []

    def save(_: Path, __: str, ___: Any, facts: dict[str, Any]) -> None:
        found.append(facts)

    monkeypatch.setattr(adapt, "load_trained", lambda _: trained)
    monkeypatch.setattr(adapt, "load_trained_cells", lambda _: cells)
    monkeypatch.setattr(adapt, "warn_of_drawings", lambda *_: None)
    monkeypatch.setattr(adapt, "features_as_trained", darkness)
    statistics = Statistics(np.array([100.0]), np.array([20.0]))
    monkeypatch.setattr(adapt, "training_statistics", lambda _: statistics)
    monkeypatch.setattr(adapt, "cell_classifier", lambda *_: CLASSIFIER)
    monkeypatch.setattr(adapt, "save_adapted", save)
    return found


def write_patches(folder: Path, count: int, name: str) -> None:
    """Patches of a wall where a crack is a line of 110 and the darkest of the rest is 150."""
    random = np.random.default_rng(0)
    for number in range(count):
        label = ("sound", "cracked")[number % 2]
        rgb = random.integers(150, 220, (64, 64, 1)).repeat(3, axis=2)
        if label == "cracked":
            rgb[:, 30:33] = 110
        path = folder / label / name.format(number=number, photograph=number // 2 % 6)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rgb.astype(np.uint8)).save(path)


def adapted(**changes: Any) -> int:
    options: dict[str, Any] = {
        "source": Path("bridge"),
        "backbone": "vgg16",
        "name": None,
        "positive_class": "cracked",
        "photograph": None,
        "cracked_share": None,
        "precision": 0.7,
    }
    return run(**(options | changes))


def test_maps_get_a_threshold_between_sound_and_cracked_patches(
    saved: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    write_patches(Path("bridge"), 48, "{photograph}-0-{number}.png")
    assert adapted() == 0
    (facts,) = saved
    assert (facts["labels"], facts["cracked"], facts["photographs"]) == (48, 24, 6)
    shift = facts["maps"]["shift"]
    sound, cracked = DARK * (255 - 150), DARK * (255 - 110)
    assert sound - 50 < shift <= cracked - 50
    head = load_cell_head(Path("models/adapted/bridge/vgg16-cells.json")).head
    assert head.logit(np.array([255.0 - 110])) >= 0
    assert head.logit(np.array([255.0 - 150])) < 0
    said = capsys.readouterr().out
    assert "VGG16: models/adapted/bridge/vgg16.keras, threshold" in said
    assert f"In maps, a cell counts as cracked at {abs(shift):.2f} " in said
    assert said.count("Expected on further patches of such photographs: ") == 2
    assert "it finds 100% [61%, 100%] of the cracked patches" in said  # of six photographs
    assert "a map finds 100% [61%, 100%] of the cracked patches" in said
    assert "python -m cracks predict PATH --map maps --head bridge" in said


def test_unknown_photographs_promise_nothing(
    saved: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    write_patches(Path("bridge"), 48, "{number}.png")
    assert adapted(name="north") == 0
    assert saved[0]["maps"]["expected"] is None
    said = capsys.readouterr().out
    assert said.count("Nothing can be promised of other photographs: which photographs") == 2
    assert Path("models/adapted/north/vgg16-cells.json").is_file()


def test_what_cannot_be_used_is_left_out_and_said(
    saved: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    write_patches(Path("bridge"), 48, "{photograph}-0-{number}.png")
    Path("bridge/sound/1-0-99.png").write_bytes(b"no image")
    assert adapted() == 0
    assert saved[0]["labels"] == 48
    said = capsys.readouterr().err
    assert "Left out: 1 files that cannot be used, the first sound/1-0-99.png: not an" in said


def test_a_rule_without_photographs_names_the_option(saved: list[dict[str, Any]]) -> None:
    write_patches(Path("bridge"), 48, "{number}.png")
    with pytest.raises(CracksError, match="Expected --photograph, 'tower', to say which"):
        adapted(photograph="tower")
    assert not saved


@pytest.mark.parametrize("kind", ["a link", "a file", "a folder in the place of a file"])
def test_what_is_in_the_way_is_said_before_the_work(kind: str, saved: list[dict[str, Any]]) -> None:
    write_patches(Path("bridge"), 48, "{number}.png")
    there = Path("models/adapted/bridge")
    there.parent.mkdir(parents=True)
    if kind == "a link":
        there.symlink_to("..")
    elif kind == "a file":
        there.write_text("mine")
    else:
        (there / "vgg16-cells.json").mkdir(parents=True)
    with pytest.raises(CracksError, match=r"models/adapted/bridge.*, found a .*remove it"):
        adapted()
    assert not saved


def test_few_labels_are_refused_and_nothing_is_written(saved: list[dict[str, Any]]) -> None:
    write_patches(Path("bridge"), 8, "{photograph}-0-{number}.png")
    with pytest.raises(CracksError, match="found 4 with and 4 without a crack; label more"):
        adapted()
    assert not saved
    assert not Path("models").exists()
