import io
import math

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from cracks.dataset import duplicates
from cracks.dataset.duplicates import (
    MAX_BITS,
    Turn,
    _agreeing_blocks,
    _candidates,
    find_copies,
    fingerprint,
    groups_of,
)
from cracks.drawing.camera import photograph
from cracks.drawing.surface import draw_surface
from cracks.images.decoding import RGB, decode

ORIGINALS = 30


def surface(number: int) -> RGB:
    random = np.random.default_rng([7, number])
    return photograph(random, draw_surface(random, (120, 120)))


@pytest.fixture(scope="module")
def images() -> list[RGB]:
    return [surface(number) for number in range(ORIGINALS)]


def recompressed(rgb: RGB, quality: int) -> RGB:
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=quality)
    return decode(buffer.getvalue())


def brighter(rgb: RGB) -> RGB:
    return np.asarray(np.clip(rgb.astype(int) + 18, 0, 255), dtype=np.uint8)


def resized(rgb: RGB) -> RGB:
    return np.asarray(Image.fromarray(rgb).resize((96, 96), Image.Resampling.LANCZOS))


CHANGES = {
    "recompressed": (lambda rgb: recompressed(rgb, 60), Turn.NONE),
    "brighter": (brighter, Turn.NONE),
    "smaller": (resized, Turn.NONE),
    "left-right": (lambda rgb: rgb[:, ::-1], Turn.LEFT_RIGHT),
    "top-bottom": (lambda rgb: rgb[::-1], Turn.TOP_BOTTOM),
    "half turn": (lambda rgb: recompressed(rgb[::-1, ::-1], 75), Turn.HALF),
}


def copies_among(images: list[RGB]) -> dict[tuple[int, int], Turn]:
    prints = [fingerprint(np.ascontiguousarray(rgb)) for rgb in images]
    found = find_copies(
        np.stack([one.hashes for one in prints]), np.stack([one.thumbnail for one in prints])
    )
    return {
        (int(a), int(b)): Turn(turn) for (a, b), turn in zip(found.pairs, found.turns, strict=True)
    }


@pytest.mark.parametrize("change", CHANGES)
def test_each_copy_is_found_with_its_turn_and_nothing_else(change: str, images: list[RGB]) -> None:
    function, turn = CHANGES[change]
    found = copies_among([*images, *(function(rgb) for rgb in images)])
    planted = {(number, number + ORIGINALS): turn for number in range(ORIGINALS)}
    assert found.keys() <= planted.keys(), "two different surfaces were taken for one"
    assert len(found) >= 0.95 * len(planted)
    assert all(planted[pair] == said for pair, said in found.items())


def _framed(rgb: RGB) -> RGB:
    framed = rgb.copy()
    for edge in (np.s_[:6], np.s_[-6:], np.s_[:, :6], np.s_[:, -6:]):
        framed[edge] = 255
    return framed


def _from_the_centre(rgb: RGB) -> NDArray[np.float64]:
    """The distance of each pixel, 1 at the middle of an edge."""
    places = np.mgrid[: rgb.shape[0], : rgb.shape[1]] / (len(rgb) / 2) - 1
    return np.asarray(np.hypot(*places))


def _endoscopic(rgb: RGB) -> RGB:
    return np.where(_from_the_centre(rgb)[..., np.newaxis] < 1, rgb, 0).astype(np.uint8)


def _vignetted(rgb: RGB) -> RGB:
    return np.asarray(
        rgb * (1 - 0.4 * _from_the_centre(rgb) ** 2).clip(0)[..., np.newaxis], np.uint8
    )


def _barred(rgb: RGB) -> RGB:
    barred = rgb.copy()
    barred[:15] = barred[-15:] = 0
    return barred


def _captioned(rgb: RGB) -> RGB:
    image = Image.fromarray(rgb)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 100, 120, 120), fill="black")
    draw.text((4, 102), "BRIDGE 12 CAM 3", fill="white")
    return np.asarray(image)


COMMON = {
    "a white frame": _framed,
    "a round picture": _endoscopic,
    "dark corners": _vignetted,
    "black bars": _barred,
    "a caption": _captioned,
}


@pytest.mark.parametrize("what", COMMON)
def test_what_all_images_share_neither_makes_nor_hides_copies(what: str) -> None:
    pictures = [COMMON[what](surface(number)) for number in range(60)]
    assert copies_among(pictures) == {}
    planted = {
        60: (0, recompressed(pictures[0], 60), Turn.NONE),
        61: (1, recompressed(pictures[1][:, ::-1], 80), Turn.LEFT_RIGHT),
    }
    if what != "a caption":
        planted[62] = (2, pictures[2][::-1], Turn.TOP_BOTTOM)
    found = copies_among([*pictures, *(picture for _, picture, _ in planted.values())])
    assert found == {(original, copy): turn for copy, (original, _, turn) in planted.items()}


def test_smooth_patches_of_one_grey_are_not_grouped() -> None:
    generator = np.random.default_rng(0)
    slope = np.linspace(0, 12, 100)[np.newaxis, :, np.newaxis]
    patches = [
        np.clip(150 + slope + generator.normal(0, 1.5, (100, 100, 3)), 0, 255).astype(np.uint8)
        for _ in range(40)
    ]
    assert copies_among(patches) == {}


def test_images_without_any_detail_are_no_copies_of_each_other() -> None:
    flat = [np.full((64, 64, 3), grey, np.uint8) for grey in (10, 10, 200)]
    assert copies_among(flat) == {}


@pytest.mark.parametrize("agreeing", [1, 2, 3, 4])
def test_candidates_are_complete(agreeing: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every pair within the distance is a candidate once, whichever bits differ."""
    monkeypatch.setattr(duplicates, "_agreeing_blocks", lambda _: agreeing)
    generator = np.random.default_rng(0)
    hashes = generator.integers(0, 2**63, 60, dtype=np.uint64)
    for number in range(30):
        flipped = generator.choice(64, size=int(generator.integers(0, MAX_BITS + 3)), replace=False)
        mask = np.uint64(sum(1 << int(bit) for bit in flipped))
        hashes[number + 30] = hashes[number] ^ mask
    found = [tuple(pair) for some in _candidates(hashes, hashes) for pair in some.tolist()]
    expected = {
        (i, j)
        for i in range(60)
        for j in range(i + 1, 60)
        if int(hashes[i] ^ hashes[j]).bit_count() <= MAX_BITS
    }
    assert sorted(found) == sorted(expected)
    assert len(expected) > 10


def test_search_time_grows_about_linearly() -> None:
    """Pairs that agree by chance are fewer than images times sorts, up to ten million."""
    for images in (10**4, 10**5, 10**6, 10**7):
        agreeing = _agreeing_blocks(images)
        by_chance = images / 2 / 2 ** (64 * agreeing / (MAX_BITS + agreeing))
        assert by_chance < 5
        assert math.comb(MAX_BITS + agreeing, agreeing) < 1300


def test_copies_of_copies_are_one_group_named_by_its_first() -> None:
    groups = groups_of(7, np.array([[1, 4], [2, 3]]), np.array([[4, 6]]))
    assert groups.tolist() == [0, 1, 2, 2, 1, 5, 1]


def test_no_pairs_are_no_groups() -> None:
    assert groups_of(3, np.empty((0, 2), np.int64)).tolist() == [0, 1, 2]
