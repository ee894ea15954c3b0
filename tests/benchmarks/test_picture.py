from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from benchmarks import picture
from cracks.project.params import load_params
from tests.support.project import ROOT
from tests.support.walls import CLASSIFIER


def test_the_picture_of_the_readme_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    asked: list[Any] = []
    params = load_params(ROOT / "params.yaml")
    monkeypatch.setattr(picture, "load_params", lambda: params)

    def load(*names: Any) -> Any:
        asked.append(names)
        return CLASSIFIER

    monkeypatch.setattr(picture, "load_cell_classifier", load)
    monkeypatch.setattr(picture, "WALL", (320, 200, 3))
    monkeypatch.setattr("sys.argv", ["picture", "--backbone", "resnet50"])
    picture.main()
    assert asked == [("resnet50", params)]
    with Image.open("docs/crackmap.jpg") as made:
        assert f"{made.width} x {made.height} pixels" in capsys.readouterr().out
        assert made.width >= 320


def test_the_page_draws_the_same_wall() -> None:
    width, height, seed = picture.WALL
    page = (ROOT / "docs/how-to/walls.md").read_text(encoding="utf-8")
    assert f"draw_photograph({width}, {height}, seed={seed})" in page
    assert "python -m benchmarks.picture" in page
