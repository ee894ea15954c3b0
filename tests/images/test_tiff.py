"""Of the pages of a TIFF file, the photograph: never a thumbnail, never a camera's raw picture."""

import struct
from typing import Any

import numpy as np
import pytest

from cracks.drawing.walls import draw_patches
from cracks.images.decoding import RGB, decode
from cracks.project.errors import CracksError
from tests.support.made_files import Pixels, tiff_of, tiff_of_pages

WHOLE: RGB = draw_patches(1, 0)[1].rgb
SMALL: RGB = np.full((120, 160, 3), 200, np.uint8)
MASK = np.full((600, 600), True)

Page = tuple[Pixels, dict[str, Any]]
PHOTOGRAPH: Page = (WHOLE, {})
THUMBNAIL: Page = (SMALL, {"subfiletype": 1})

ORDERS: dict[str, list[Page]] = {
    "alone": [PHOTOGRAPH],
    "a thumbnail first": [THUMBNAIL, PHOTOGRAPH],
    "a thumbnail that does not say so first": [(SMALL, {}), PHOTOGRAPH],
    "thumbnails around it": [THUMBNAIL, PHOTOGRAPH, THUMBNAIL],
    "a thumbnail last": [PHOTOGRAPH, THUMBNAIL],
    "larger, but reduced": [(np.tile(WHOLE, (3, 3, 1)), {"subfiletype": 1}), PHOTOGRAPH],
    "a larger mask": [PHOTOGRAPH, (MASK, {"subfiletype": 4, "photometric": "minisblack"})],
    "below a thumbnail": [(SMALL, {"subfiletype": 1, "subifds": 1}), PHOTOGRAPH],
    "above its overviews": [(WHOLE, {"subifds": 2}), THUMBNAIL, THUMBNAIL],
    "the last below a thumbnail": [(SMALL, {"subifds": 2}), THUMBNAIL, PHOTOGRAPH],
    "two of one size, the first": [PHOTOGRAPH, (WHOLE[::-1], {})],
    "old way to say reduced": [
        (np.tile(WHOLE, (2, 2, 1)), {"extratags": [(255, 3, 1, 2, True)]}),
        PHOTOGRAPH,
    ],
}


@pytest.mark.parametrize("options", [{}, {"byteorder": ">"}, {"bigtiff": True}], ids=str)
@pytest.mark.parametrize("order", ORDERS)
def test_the_page_of_full_resolution_is_read(order: str, options: dict[str, Any]) -> None:
    np.testing.assert_array_equal(decode(tiff_of_pages(*ORDERS[order], **options)), WHOLE)


SENSOR = (
    np.zeros((600, 800), np.uint16),
    {
        "photometric": 32803,
        "extratags": [(33421, 3, 2, (2, 2), True), (33422, 1, 4, b"\0\1\1\2", True)],
    },
)
LINEAR = (np.zeros((600, 800, 3), np.uint16), {"photometric": 34892})
DNG = [(50706, 1, 4, b"\1\4\0\0", True)]

RAW: dict[str, list[Page]] = {
    "a mosaic below a thumbnail": [(SMALL, {"subfiletype": 1, "subifds": 1}), SENSOR],
    "a mosaic after a preview": [(WHOLE, {"subifds": 2}), THUMBNAIL, SENSOR],
    "a mosaic as a page": [THUMBNAIL, SENSOR],
    "an interpolated picture": [(SMALL, {"subifds": 1}), LINEAR],
    "a DNG's preview alone": [(WHOLE, {"extratags": DNG})],
}


@pytest.mark.parametrize("kind", RAW)
def test_a_raw_file_is_refused(kind: str) -> None:
    with pytest.raises(CracksError, match="a raw file of a camera; develop it to JPEG"):
        decode(tiff_of_pages(*RAW[kind]))


def test_canons_raw_file_is_refused() -> None:
    data = tiff_of(SMALL)
    moved = data[:8] + b"CR\x02\0" + bytes(4) + data[16:]
    with pytest.raises(CracksError, match="a raw file of a camera"):
        decode(moved)


def test_thumbnails_alone_are_refused() -> None:
    with pytest.raises(CracksError, match="nothing but reduced pictures; take the original"):
        decode(tiff_of_pages(THUMBNAIL, THUMBNAIL))


def with_next(data: bytes, following: int) -> bytes:
    """A little-endian TIFF file whose first directory leads to another place."""
    start = struct.unpack_from("<I", data, 4)[0]
    end = start + 2 + 12 * struct.unpack_from("<H", data, start)[0]
    return data[:end] + struct.pack("<I", following) + data[end + 4 :]


@pytest.mark.parametrize("following", [8, 2**32 - 1, 1, 400])
def test_what_follows_the_photograph_may_be_damaged(following: int) -> None:
    np.testing.assert_array_equal(decode(with_next(tiff_of(WHOLE), following)), WHOLE)


def test_a_photograph_that_does_not_say_what_black_is_is_refused() -> None:
    data = tiff_of(WHOLE[..., 0], photometric="minisblack")
    entry = struct.pack("<HHI", 262, 3, 1)
    assert data.count(entry) == 1
    with pytest.raises(CracksError, match="does not say whether 0 is black"):
        decode(data.replace(entry, struct.pack("<HHI", 263, 3, 1)))
