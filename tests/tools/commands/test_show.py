import hashlib
import json
import shutil
from pathlib import Path

import click
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cracks.images.archive import write_archive
from cracks.project.errors import CracksError
from cracks.project.paths import ARCHIVE, EVALUATION, PARAMS, SPLIT, scores_path
from cracks.tables.row_file import PROBABILITY, create_rows
from cracks.tools.commands import cli
from tests.support.images import jpeg
from tests.support.project import ROOT

IMAGES = {
    f"{label}/{number}.jpg": jpeg(np.full((64, 64, 3), 20 * number, np.uint8))
    for number, label in enumerate(["negative", "negative", "positive", "positive"], start=1)
}
SCORES = {"resnet50": [0.1, 0.2, 0.3, 0.9], "vgg16": [0.15, 0.85, 0.75, 0.95]}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    shutil.copyfile(ROOT / PARAMS, PARAMS)
    write_archive(ARCHIVE, IMAGES.items())
    split = pd.DataFrame({"id": list(IMAGES)})
    split["label"] = [name.split("/")[0] for name in IMAGES]
    split["part"] = ["train", "test", "valid", "test"]
    split["group"] = split["id"]
    split["sha256"] = [hashlib.sha256(data).hexdigest() for data in IMAGES.values()]
    split.to_csv(SPLIT, index=False)
    for backbone, scores in SCORES.items():
        scores_path(backbone).parent.mkdir(exist_ok=True)
        rows = create_rows(scores_path(backbone), list(IMAGES), PROBABILITY, (1,), np.float64)
        rows[PROBABILITY][:, 0] = scores
        rows.flush()
    EVALUATION.parent.mkdir()
    EVALUATION.write_text(json.dumps({"resnet50.threshold": 0.5, "vgg16.threshold": 0.8}))
    return tmp_path


def show(*arguments: str) -> int:
    return int(cli.cli.main(["show", *arguments], standalone_mode=False))


def test_the_numbers_are_printed_and_the_images_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert show("positive/3.jpg", "negative/2.jpg", "positive/3.jpg") == 0
    said = capsys.readouterr()
    assert [line.split() for line in said.out.splitlines()[1:]] == [
        ["positive/3.jpg", "positive", "valid", "resnet50", "0.3000", "0.5000", "negative"],
        ["positive/3.jpg", "positive", "valid", "vgg16", "0.7500", "0.8000", "negative"],
        ["negative/2.jpg", "negative", "test", "resnet50", "0.2000", "0.5000", "negative"],
        ["negative/2.jpg", "negative", "test", "vgg16", "0.8500", "0.8000", "positive"],
    ]
    assert said.err.startswith("shown.png: 2 images, without maps: ")
    pixels = np.asarray(Image.open("shown.png").convert("L"))
    for number, count in ((3, 168 * 168), (2, 168 * 168), (4, 0)):
        assert (np.abs(pixels.astype(int) - 20 * number) < 2).sum() == pytest.approx(count, abs=200)


def test_an_unknown_name_is_one_sentence() -> None:
    with pytest.raises(
        CracksError, match=r"found 'positive/33.jpg'; did you mean .*positive/3.jpg"
    ):
        show("positive/33.jpg")
    with pytest.raises(CracksError, match=r"found 'x'; data/split.csv lists them"):
        show("x")
    assert not Path("shown.png").exists()


def test_other_images_than_those_of_the_results_are_refused() -> None:
    write_archive(ARCHIVE, [("positive/3.jpg", IMAGES["positive/4.jpg"])])
    with pytest.raises(CracksError, match="found another image of that name"):
        show("positive/3.jpg")


def test_more_than_a_sheet_holds_is_refused() -> None:
    with pytest.raises(CracksError, match="Expected at most 24 images, found 25"):
        show(*map(str, range(25)))


def test_a_picture_is_a_png_and_no_file_of_the_project() -> None:
    with pytest.raises(click.UsageError, match=r"ends in \.png"):
        show("positive/3.jpg", "--out", "a.jpg")
    with pytest.raises(CracksError, match="which belongs to the project"):
        show("positive/3.jpg", "--out", "data/a.png")
