import hashlib
import io
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import binary_dilation

from cracks.drawing import walls
from cracks.drawing.cracks import Kind, Style
from cracks.drawing.look_alikes import LOOK_ALIKES
from cracks.drawing.surface import Materials
from cracks.drawing.walls import SIDE, Mix, draw, draw_patches, draw_photograph
from cracks.sources import sample
from cracks.sources.sample import (
    COPY_KINDS,
    iter_sample,
    member_name,
    planted_copies,
    sample_mask,
)
from cracks.tables.labels import NEGATIVE, POSITIVE

COUNT = 40  # images a class, of which 5 are copies, one of each kind


@pytest.fixture(scope="module", autouse=True)
def many_copies() -> Iterator[None]:
    """A larger share of copies than by default, which needs 167 images for one of each kind."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sample, "COPIED_SHARE", len(COPY_KINDS) / COUNT)
        yield


@pytest.fixture(scope="module")
def members(many_copies: None) -> dict[str, bytes]:
    return dict(iter_sample(COUNT, 0))


def decoded(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), dtype=int)


def test_members_are_jpegs_of_two_classes_sorted_by_name(members: dict[str, bytes]) -> None:
    assert list(members) == sorted(members)
    assert sum(name.startswith("positive/") for name in members) == COUNT
    for data in list(members.values())[:5]:
        image = Image.open(io.BytesIO(data))
        assert (image.format, image.size, image.mode) == ("JPEG", (SIDE, SIDE), "RGB")


def test_bytes_do_not_depend_on_the_processes_that_draw(
    members: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On one core, in another number; and another seed gives other images."""
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    some = dict(iter_sample(3, 0))
    assert all(members[name] == data for name, data in some.items())
    assert not set(dict(iter_sample(3, 1)).values()) & set(members.values())


def test_copies_are_of_their_kind(members: dict[str, bytes]) -> None:
    planted = planted_copies(COUNT)
    assert [copy.kind for copy in planted.values()] == list(COPY_KINDS)
    for number, copy in planted.items():
        for label in (NEGATIVE, POSITIVE):
            one = members[member_name(label, copy.original)]
            other = members[member_name(label, number)]
            turned = sample._turned(decoded(one), copy.kind)
            assert np.abs(turned - decoded(other)).mean() < 8
            assert (one == other) == (copy.kind == "same bytes")


def test_no_two_others_are_the_same(members: dict[str, bytes]) -> None:
    digests = {hashlib.sha256(data).digest() for data in members.values()}
    assert len(digests) == len(members) - 2  # one of the same bytes in each class


def test_few_images_have_no_copies() -> None:
    assert planted_copies(1) == {}
    assert len(list(iter_sample(1, 0))) == 2


def test_a_mask_lies_where_the_crack_is_dark() -> None:
    darker = 0
    for number in range(1, 31):
        rgb, mask = draw(POSITIVE, number, 0)
        assert mask.shape == rgb.shape[:2] == (SIDE, SIDE)
        assert 20 < mask.sum() < 0.5 * mask.size
        around = binary_dilation(mask, iterations=12) & ~binary_dilation(mask, iterations=3)
        darker += rgb[mask].mean() < rgb[around].mean() - 3
    assert darker >= 28


def test_uncracked_images_have_no_mask_whatever_is_on_them() -> None:
    assert not any(draw(NEGATIVE, number, 0).mask.any() for number in range(1, 6))
    crowded = Mix(look_alikes=(0, 0, 0, 1))
    assert not any(draw_patches(number, 0, crowded)[0].mask.any() for number in range(1, 11))


def test_a_mix_decides_what_is_drawn() -> None:
    hairlines = Style(kinds=(Kind(1.0, 0.7, 1.0, 0.8, 0.9),), lost=0.0)
    plaster = Mix(Materials(0, 1, 0, 0), hairlines, look_alikes=(1,))
    for number in range(1, 6):
        thin, usual = draw_patches(number, 0, plaster)[1], draw_patches(number, 0)[1]
        assert thin.mask.sum() < 0.05 * thin.mask.size
        assert (thin.rgb != usual.rgb).any()


def test_what_lies_on_a_surface_does_not_change_its_mask(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each look-alike alone, with a crack: the mask is the crack's, not what looks like one."""
    for look_alike in LOOK_ALIKES:
        monkeypatch.setattr(walls, "LOOK_ALIKES", (look_alike,))
        bare, cracked = draw_patches(1, 0, Mix(look_alikes=(0, 1)))
        assert not bare.mask.any()
        assert 20 < cracked.mask.sum() < 0.5 * SIDE * SIDE


def test_the_mask_of_a_mirrored_member_is_mirrored() -> None:
    number, copy = next((n, c) for n, c in planted_copies(COUNT).items() if c.kind == "left-right")
    np.testing.assert_array_equal(
        sample_mask(POSITIVE, number, COUNT, 0), draw(POSITIVE, copy.original, 0).mask[:, ::-1]
    )
    np.testing.assert_array_equal(sample_mask(POSITIVE, 1, COUNT, 0), draw(POSITIVE, 1, 0).mask)


def test_a_photograph_of_a_wall() -> None:
    rgb, mask = draw_photograph(500, 300, seed=0)
    assert rgb.shape == (300, 500, 3)
    assert mask.shape == (300, 500)
    assert 0.001 < mask.mean() < 0.3
    np.testing.assert_array_equal(draw_photograph(500, 300, seed=0).rgb, rgb)
