import resource
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cracks.classifier.classifier import Classifier
from cracks.heads.head import LinearHead
from cracks.images.decoding import RGB, decode
from cracks.project.errors import CracksError
from cracks.tools.labelling.cutting import COLUMNS, Grid, cut_photographs
from cracks.tools.photographs import find_photographs, output_names


def brightness(batch: np.ndarray) -> np.ndarray:
    """A backbone of one feature: the mean of an image, from 0 to 1."""
    return np.asarray(batch.reshape(len(batch), -1).mean(axis=1, keepdims=True) / 255, np.float32)


# P(crack) is 0.5 at a brightness of 0.5, and of 0.6
ONE = Classifier("resnet50", 0.5, 32, LinearHead(np.array([10.0]), -5.0), brightness)
OTHER = Classifier("vgg16", 0.5, 32, LinearHead(np.array([10.0]), -6.0), brightness)


SQUARES = Grid(40, 40)


def steps() -> RGB:
    """Two rows of three plain squares of 40 pixels, with a border of 5 pixels around."""
    rgb = np.zeros((90, 130, 3), np.uint8)
    for number, level in enumerate([0, 130, 250, 60, 100, 200]):
        y, x = 5 + 40 * (number // 3), 5 + 40 * (number % 3)
        rgb[y : y + 40, x : x + 40] = level
    return rgb


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One photograph in a folder below the folder."""
    (tmp_path / "walls" / "north side").mkdir(parents=True)
    Image.fromarray(steps()).save(tmp_path / "walls/north side/wall-1.png")
    return tmp_path / "walls"


def named(folder: Path) -> dict[Path, str]:
    return output_names(find_photographs([str(folder)]), folder)


def cut(
    folder: Path, out: Path, grid: Grid = SQUARES, classifiers: tuple[Classifier, ...] = ()
) -> pd.DataFrame:
    table, unusable = cut_photographs(named(folder), out, grid, classifiers)
    assert not unusable
    return table


@pytest.mark.parametrize(
    ("length", "grid", "starts"),
    [
        (40, Grid(40, 40), [0]),
        (79, Grid(40, 40), [19]),
        (80, Grid(40, 40), [0, 40]),
        (91, Grid(40, 40), [5, 45]),
        (91, Grid(40, 20), [5, 25, 45]),
        (130, Grid(40, 60), [15, 75]),
    ],
)
def test_a_grid_is_centred_and_regular(length: int, grid: Grid, starts: list[int]) -> None:
    assert [y for _, _, _, y in grid.places(40, length)] == starts
    assert [x for _, _, x, _ in grid.places(length, 40)] == starts


def test_patches_are_what_the_table_says(folder: Path, tmp_path: Path) -> None:
    table = cut(folder, tmp_path / "out")
    assert list(table.columns) == COLUMNS
    assert list(zip(table["row"], table["column"], strict=True)) == [
        (0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2),
    ]  # fmt: skip
    assert table["patch"].iloc[5] == "north side/wall-1-001-002.jpg"
    assert set(table["photograph"]) == {(folder / "north side/wall-1.png").as_posix()}
    written = sorted(p.relative_to(tmp_path / "out").as_posix() for p in tmp_path.rglob("*.jpg"))
    assert written == sorted(table["patch"])
    for one in table.to_dict("records"):
        rgb = decode((tmp_path / "out" / one["patch"]).read_bytes())
        expected = steps()[one["y"] : one["y"] + one["height"], one["x"] : one["x"] + one["width"]]
        assert rgb.shape == (40, 40, 3)
        assert np.abs(rgb.astype(int) - expected).max() <= 2
        assert expected.std() == 0  # the grid is where the squares are


def test_the_least_certain_come_first(folder: Path, tmp_path: Path) -> None:
    table = cut(folder, tmp_path / "out", classifiers=(ONE,))
    places = list(zip(table["row"], table["column"], strict=True))
    assert places == [(0, 1), (1, 1), (1, 0), (1, 2), (0, 2), (0, 0)]  # 130 is nearest to 127.5
    assert table["margin"].is_monotonic_increasing
    expected = 1 / (1 + np.exp(5 - 10 * 130 / 255))
    assert table["probability_resnet50"].iloc[0] == pytest.approx(expected, abs=0.01)


def test_the_threshold_is_what_certainty_is_about(folder: Path, tmp_path: Path) -> None:
    strict = Classifier("resnet50", 0.9, 32, ONE.head, brightness)
    table = cut(folder, tmp_path / "out", classifiers=(strict,))
    assert (table["row"].iloc[0], table["column"].iloc[0]) == (1, 2)  # P(crack) 0.945


def test_two_classifiers_are_averaged(folder: Path, tmp_path: Path) -> None:
    table = cut(folder, tmp_path / "out", classifiers=(ONE, OTHER))
    columns = ["probability_resnet50", "probability_vgg16"]
    assert list(table.columns) == [*COLUMNS, "margin", *columns]
    mean = (table[columns] - 0.5).abs().mean(axis=1)
    np.testing.assert_allclose(table["margin"], mean)


def test_photographs_of_one_name_get_patches_of_their_own(folder: Path, tmp_path: Path) -> None:
    names = ["a/wall.jpg", "b/wall.jpg", "b/wall.png", "b/WALL.tif", "b/wall.jpg.png"]
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        Image.fromarray(steps()).save(folder / name)
    assert set(named(folder).values()) == {*names, "north side/wall-1.png"}
    table = cut(folder, tmp_path / "out")
    assert len(table) == len(set(table["patch"])) == len([*(tmp_path / "out").rglob("*.jpg")]) == 36


def test_what_cannot_be_cut_is_reported_and_skipped(folder: Path, tmp_path: Path) -> None:
    (folder / "text.jpg").write_text("no image")
    Image.fromarray(steps()[:39]).save(folder / "small.png")
    Image.fromarray(steps()).save(folder / f"{'long' * 62}.png")
    found, unusable = cut_photographs(named(folder), tmp_path / "o", Grid(40, 40), [])
    assert len(found) == 2 * 6
    assert found["patch"].str.len().max() < 255
    reasons = {path.name[:5]: reason.split(" (")[0] for path, reason in unusable.items()}
    assert reasons == {
        "text.": "not an image in a known format",
        "small": "130 x 39 pixels is smaller than a patch of 40 pixels",
    }


def test_nothing_to_cut_is_one_sentence(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(CracksError, match="none among 1, the first .*wall-1.png: 130 x 90 pixels"):
        cut(folder, tmp_path / "out", Grid(100, 100))


def test_a_patch_that_is_not_whole_ends_the_run(folder: Path, tmp_path: Path) -> None:
    """Pillow itself writes a part of it and says nothing."""
    noise = np.random.default_rng(0).integers(0, 256, (100, 100, 3), dtype=np.uint8)
    Image.fromarray(noise).save(folder / "noise.png")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            cut(folder, tmp_path / "out", Grid(100, 100))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
