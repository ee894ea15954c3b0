"""`score`: which masks belong to which photographs, and what is crack in them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cracks.project.errors import CracksError
from cracks.tools.commands.score import _pairs, read_mask
from cracks.tools.photographs import save_picture

CRACK = np.zeros((64, 80), bool)
CRACK[30:33] = True


def save(path: str | Path, values: np.ndarray, mode: str | None = None) -> Path:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(values.astype(np.uint8))
    (image.convert(mode) if mode else image).save(path)
    return Path(path)


def coloured(*crack: int) -> np.ndarray:
    return np.where(CRACK[..., np.newaxis], np.array(crack), 0)


@pytest.mark.parametrize(
    "values",
    [
        CRACK * 255,
        CRACK * 1,
        CRACK * 2,
        CRACK * 100,
        coloured(255, 0, 0),
        coloured(0, 0, 255),
        coloured(128, 0, 0),  # the first colour of PASCAL VOC
        CRACK * 200 + 20,
        np.where(CRACK, np.arange(80) + 140, np.arange(80) // 2),
    ],
    ids=["white", "1", "2", "100", "red", "blue", "VOC", "on grey", "smooth"],
)
def test_bright_or_coloured_pixels_are_crack(values: np.ndarray, tmp_path: Path) -> None:
    np.testing.assert_array_equal(read_mask(save(tmp_path / "m.png", values)), CRACK)


def test_a_palette_counts_by_its_colours(tmp_path: Path) -> None:
    image = Image.fromarray(CRACK.astype(np.uint8), "P")
    image.putpalette([0, 0, 0, 128, 0, 0])
    image.save(tmp_path / "m.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "m.png"), CRACK)


def test_no_crack_is_a_mask(tmp_path: Path) -> None:
    assert not read_mask(save(tmp_path / "m.png", CRACK * 0)).any()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (255 - CRACK * 255, "mostly bright or transparent pixels; invert it"),
        (CRACK * 0 + 255, "mostly bright"),
        (np.where(CRACK, 100, np.arange(80) // 2), "found values up to 100; save it in black"),
        (np.zeros((20, 20)), "m.png: 20 x 20 pixels is smaller"),
    ],
)
def test_what_is_unclear_is_one_sentence(values: np.ndarray, words: str, tmp_path: Path) -> None:
    with pytest.raises(CracksError, match=words):
        read_mask(save(tmp_path / "m.png", values))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_masks_are_those_of_the_same_path(place: Path) -> None:
    for folder in ("a", "b"):
        save(f"p/{folder}/1.jpg", CRACK)
        save(f"m/{folder}/1.png", CRACK)
    assert _pairs(Path("p"), Path("m")) == {
        Path(f"p/{folder}/1.jpg"): Path(f"m/{folder}/1.png") for folder in ("a", "b")
    }


def test_our_own_masks_are_masks(place: Path) -> None:
    save("p/1.jpg", CRACK)
    save_picture(Image.fromarray(CRACK), Path("m/1.png"))
    assert _pairs(Path("p"), Path("m")) == {Path("p/1.jpg"): Path("m/1.png")}
    assert _pairs(Path("p/1.jpg"), Path("m/1.png")) == {Path("p/1.jpg"): Path("m/1.png")}


@pytest.mark.parametrize("names", [("p/1.png", "p/1.jpg"), ("m/1.bmp", "m/1.jpg")])
def test_names_that_differ_by_their_ending_alone_are_refused(
    names: tuple[str, str], place: Path
) -> None:
    for name in ("p/1.png", "m/1.png", *names):
        save(name, CRACK)
    with pytest.raises(CracksError, match="names that differ in more than their ending"):
        _pairs(Path("p"), Path("m"))


def test_other_masks_do_not_matter(place: Path) -> None:
    for name in ("p/1.jpg", "m/1.png", "m/2.png", "m/2.jpg"):
        save(name, CRACK)
    assert _pairs(Path("p"), Path("m")) == {Path("p/1.jpg"): Path("m/1.png")}


def test_a_missing_mask_is_named(place: Path) -> None:
    save("p/a/1.jpg", CRACK)
    save("m/1.png", CRACK)
    with pytest.raises(CracksError, match=r"none of 1, the first p/a/1.jpg; a mask has the same"):
        _pairs(Path("p"), Path("m"))


def test_one_folder_twice_is_refused(place: Path) -> None:
    save("p/1.png", CRACK)
    with pytest.raises(CracksError, match="in two folders, found p/../p twice"):
        _pairs(Path("p"), Path("p/../p"))
