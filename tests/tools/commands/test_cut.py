"""`cut` where nothing is trained, and what it says of bad input."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cracks.project.errors import CracksError
from cracks.tools.commands.cli import cli
from cracks.tools.labelling.cutting import COLUMNS
from tests.support.project import ROOT


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder with two photographs of a wall below walls/."""
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    pixels = np.random.default_rng(0).integers(0, 256, (100, 150, 3), dtype=np.uint8)
    for name in ("walls/one.jpg", "walls/north/two.png"):
        Path(name).parent.mkdir(exist_ok=True, parents=True)
        Image.fromarray(pixels).save(name)
    return tmp_path


def cut(*arguments: str) -> int:
    return int(cli.main(["cut", *arguments], prog_name="cracks", standalone_mode=False))


def test_without_a_classifier_patches_are_in_order(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cut("walls", "out", "--patch", "50", "--stride", "25") == 0
    table = pd.read_csv("out/patches.csv")
    assert list(table.columns) == COLUMNS
    assert len(table) == 2 * 3 * 5
    assert list(table["photograph"].unique()) == ["walls/north/two.png", "walls/one.jpg"]
    assert all((folder / "out" / name).is_file() for name in table["patch"])
    assert capsys.readouterr().out == (
        "out/patches.csv: 30 patches of 50 x 50 pixels from 2 of 2 photographs; "
        "no trained classifier to order them\n"
    )


def test_patches_are_as_large_as_training_images(folder: Path) -> None:
    Path("data").mkdir()
    Path("data/images.csv").write_text(
        "id,label,given,sha256,group,width,height\na,positive,,0,a,64,80\n"
    )
    assert cut("walls", "out") == 0
    assert set(pd.read_csv("out/patches.csv")["width"]) == {64}


def test_the_same_photographs_give_the_same_bytes(folder: Path) -> None:
    for out in ("out", "again"):
        cut("walls", out, "--patch", "40")
    first, second = (sorted(p for p in Path(o).rglob("*") if p.is_file()) for o in ("out", "again"))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_an_unreadable_photograph_gets_its_line(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("walls/half.jpg").write_bytes(Path("walls/one.jpg").read_bytes()[:2000])
    Path("walls/none.jpg").write_bytes(b"")
    assert cut("walls", "out", "--patch", "50") == 1
    said = capsys.readouterr().err
    assert "walls/half.jpg: damaged or cut short" in said
    assert "walls/none.jpg: the file is empty" in said
    assert len(pd.read_csv("out/patches.csv")) == 12


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nowhere", "out"], "Expected a folder of photographs at nowhere, found none"),
        (["walls/one.jpg", "out"], "Expected a folder of photographs at walls/one.jpg"),
        (["data", "out"], "Expected images in the folder data, found none"),
        (["walls", "walls"], "Expected a folder for the patches outside walls, found walls"),
        (["walls", "walls/north/new"], "outside walls, found walls/north/new"),
        (["walls", "."], "Expected a new or empty folder for the results, found something at ."),
        (["walls", "params.yaml"], "found params.yaml.patches.csv, which belongs to the project"),
        (["walls", "params.yaml/out"], "found params.yaml.out.*, which belongs to the project"),
        (["walls", "walls/one.jpg/out"], "outside walls"),
        (["walls", "data/patches"], "data.patches.*, which belongs to the project"),
        (["walls", "out"], "none among 2, the first .* smaller than a patch of 227 pixels"),
        (["walls", "out", "--patch", "101"], "found none among 2, the first"),
        (["walls", "out", "--patch", "50", "--backbone", "vgg16"], "head .* run `dvc repro`"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(
    arguments: list[str], sentence: str, folder: Path
) -> None:
    Path("data").mkdir()
    before = sorted(folder.rglob("*"))
    with pytest.raises(CracksError, match=sentence):
        cut(*arguments)
    assert sorted(folder.rglob("*")) == before
