import io

import numpy as np
import pytest
from PIL import Image

from cracks.images.decoding import RGB, decode, to_input
from cracks.project.errors import CracksError
from tests.support.images import bomb

GREY = np.arange(40 * 48, dtype=np.uint16).reshape(40, 48) * 30  # up to 57,570


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def colours() -> Image.Image:
    pixels = np.zeros((40, 48, 3), np.uint8)
    pixels[:20], pixels[20:, :24] = (200, 30, 60), (10, 220, 90)
    return Image.fromarray(pixels)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_lossless_modes_give_the_same_pixels(mode: str) -> None:
    image = colours().quantize(8) if mode == "P" else colours().convert(mode)
    np.testing.assert_array_equal(decode(encoded(image)), np.asarray(colours()))


@pytest.mark.parametrize("mode", ["L", "LA", "1"])
def test_grey_becomes_rgb_of_equal_channels(mode: str) -> None:
    rgb = decode(encoded(colours().convert("L").convert(mode)))
    assert rgb.shape == (40, 48, 3)
    assert rgb.dtype == np.uint8
    np.testing.assert_array_equal(rgb[..., 0], rgb[..., 2])


def test_cmyk_jpeg_keeps_its_colours() -> None:
    rgb = decode(encoded(colours().convert("CMYK"), "JPEG", quality=95))
    assert np.abs(rgb.astype(int) - np.asarray(colours())).mean() < 6


def test_sixteen_bits_become_the_upper_eight() -> None:
    rgb = decode(encoded(Image.fromarray(GREY)))
    np.testing.assert_allclose(rgb[..., 0], GREY / 257, atol=0.51)


def test_what_is_transparent_is_white() -> None:
    image = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    image.putpixel((3, 2), (9, 9, 9, 255))
    rgb = decode(encoded(image))
    assert (rgb[2, 3] == 9).all()
    assert (rgb == 255).sum() == 3 * (40 * 40 - 1)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "AVIF", "GIF"])
def test_fully_transparent_images_are_refused(kind: str) -> None:
    image = Image.new("RGBA", (40, 40), (90, 90, 90, 0))
    with pytest.raises(CracksError, match="transparent everywhere"):
        decode(encoded(image, kind))


def test_exif_turns_an_image_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 90 degrees clockwise to see it upright
    rgb = decode(encoded(colours(), "JPEG", exif=exif, quality=95))
    assert rgb.shape == (48, 40, 3)
    upright = np.asarray(colours().rotate(-90, expand=True)).astype(int)
    assert np.abs(rgb - upright).mean() < 6


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"no image at all", "not an image"),
        (encoded(colours(), "JPEG")[:400], "damaged or cut short"),
        (encoded(colours())[:-40], "damaged or cut short"),
        (encoded(Image.new("RGB", (31, 500))), "31 x 500 pixels is smaller than 32 px"),
        (bomb(30_000), "30000 x 30000 pixels is more than"),
    ],
    ids=["empty", "text", "cut JPEG", "cut PNG", "small", "bomb"],
)
def test_what_cannot_be_used_has_a_reason(data: bytes, reason: str) -> None:
    with pytest.raises(CracksError, match=reason):
        decode(data)


def test_an_image_of_the_right_size_is_not_touched() -> None:
    rgb = decode(encoded(colours().resize((64, 64))))
    assert to_input(rgb, 64) is rgb


def test_shrinking_averages_without_aliasing() -> None:
    stripes: RGB = np.zeros((256, 256, 3), np.uint8)
    stripes[:, ::2] = 200  # finer than the small image can show
    small = to_input(stripes, 64)
    assert small.shape == (64, 64, 3)
    assert np.abs(small.astype(int) - 100).max() <= 10  # not stripes of 0 and 200
