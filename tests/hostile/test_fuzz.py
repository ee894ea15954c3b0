"""Random damage: `decode` and the reading of archives end well or in `CracksError`, never else.

The examples are the same in every run. Raise their number to search on.
"""

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from cracks.images.archive import member_names, open_archive, read_member
from cracks.images.decoding import FORMATS, decode
from cracks.project.errors import CracksError
from tests.support.zips import Member, deflated, zip_of

pytestmark = pytest.mark.slow


def fuzzed(examples: int) -> settings:
    return settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )


def _images() -> dict[str, bytes]:
    """A small file of each format and of each way that TIFF packs."""
    pixels = np.random.default_rng(0).integers(0, 256, (40, 48, 3), np.uint8)
    pixels[:20] //= 64
    picture = Image.fromarray(pixels)
    packed = {f"TIFF {c}": c for c in ("tiff_lzw", "jpeg", "tiff_adobe_deflate", "packbits")}
    kinds: dict[str, dict[str, str]] = {name: {} for name in FORMATS} | {
        name: {"compression": c} for name, c in packed.items()
    }
    found = {}
    for name, options in kinds.items():
        buffer = io.BytesIO()
        picture.save(buffer, name.split()[0], **options)
        found[name] = buffer.getvalue()
    return found


IMAGES = _images()
ARCHIVE = zip_of(
    [
        Member(b"positive/1.jpg", b"stored" * 20),
        deflated(b"negative/1.jpg", b"deflated " * 200),
        deflated("negative/ä.jpg".encode(), b"deflated " * 99, flags=0x800),
    ]
)


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """A file with some bytes changed, a piece left out or repeated, or its end cut off."""
    data = bytearray(whole)
    heads = st.integers(0, min(len(data), 400) - 1)  # where sizes and offsets are
    places = heads | st.integers(0, len(data) - 1)
    new_bytes = st.binary(min_size=1, max_size=4)
    for place, new in draw(st.lists(st.tuples(places, new_bytes), max_size=6)):
        data[place : place + len(new)] = new
    start = draw(st.integers(0, len(data)))
    stop = start + draw(st.integers(0, 64))
    change = draw(st.sampled_from(["none", "drop", "repeat", "cut"]))
    if change == "drop":
        del data[start:stop]
    elif change == "repeat":
        data[start:start] = data[start:stop]
    elif change == "cut":
        del data[start:]
    return bytes(data)


@pytest.mark.parametrize("name", IMAGES)
def test_no_damage_to_an_image_is_a_traceback(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    @fuzzed(200)
    @given(damaged(IMAGES[name]))
    def check(data: bytes) -> None:
        try:
            rgb = decode(data, max_pixels=1_000_000)
        except CracksError as error:
            assert str(error).isprintable()
        else:
            assert rgb.dtype == np.uint8
            assert rgb.ndim == 3

    check()
    capfd.readouterr()  # what libtiff prints of each


@fuzzed(500)
@given(st.sampled_from([b"", *(data[:16] for data in IMAGES.values())]), st.binary(max_size=300))
def test_no_bytes_after_a_signature_are_a_traceback(head: bytes, data: bytes) -> None:
    try:
        decode(head + data, max_pixels=1_000_000)
    except CracksError as error:
        assert str(error).isprintable()


@fuzzed(1500)
@given(damaged(ARCHIVE) | st.binary(max_size=300))
def test_no_damage_to_an_archive_is_a_traceback(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(data)
    try:
        with open_archive(path) as archive:
            for name in member_names(archive):
                assert len(read_member(archive, name)) <= 10_000_000
    except CracksError as error:
        assert str(error).isprintable()
    assert path.read_bytes() == data
