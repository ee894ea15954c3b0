"""Pictures for people: cracks marked in a photograph, with a title, a legend and a scale."""

from collections.abc import Sequence
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import binary_erosion

from cracks.evaluation.metrics import is_crack
from cracks.evaluation.verdict import title
from cracks.images.decoding import RGB
from cracks.inference.activation_map import COLOURS as CAM_COLOURS
from cracks.inference.activation_map import FULL_COLOUR, cam_overlay
from cracks.inference.inspection import Inspection, evidence_beside_cracks

SHOWN = 1600
"""Pixels of the longer side of a picture, unless it has the photograph's own resolution."""

_COLOURS = "autumn_r"
_STRONGEST = 0.4  # share of the colour in a pixel
_OUTLINE = np.array([150, 0, 40], np.uint8)
_VISIBLE = 0.25  # share of a shown pixel that is crack, from which it is left as it is
_STRIP = 512  # rows that are coloured at a time
_EXPLAINED = 450  # pixels of the side of each picture of an explanation, or more

_INK, _PAPER = (30, 30, 30), (255, 255, 255)


class ColourBar(NamedTuple):
    """What the colours of a picture mean."""

    label: str
    colours: str  # a colour map of Matplotlib
    low: str  # what its ends mean
    high: str


class ScaleBar(NamedTuple):
    """A length in the picture."""

    label: str
    pixels: float


def crack_picture(rgb: RGB, inspection: Inspection, name: str, longest: int | None) -> Image.Image:
    """The photograph with its cracks marked, scaled down to at most `longest` pixels a side."""
    height, width = rgb.shape[:2]
    scale = min(1.0, longest / max(width, height)) if longest else 1.0
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    photograph = Image.fromarray(rgb)
    mask = Image.fromarray(inspection.cracks.mask.view(np.uint8) * np.uint8(255))
    if scale < 1:
        photograph = photograph.resize(size, Image.Resampling.LANCZOS)
        mask = mask.resize(size, Image.Resampling.BOX)
    heat = evidence_beside_cracks(inspection.crackmap, inspection.cracks.mask)
    marked = _coloured(np.array(photograph), np.asarray(mask), heat, inspection.threshold)
    bar = ColourBar("P(crack)", _COLOURS, f"{inspection.threshold:.2f}", "1")
    return framed(
        Image.fromarray(marked), _headline(inspection, name), bar, _scale(inspection, scale)
    )


def explanation(rgb: RGB, cam: NDArray[np.float64], verdict: Sequence[str]) -> Image.Image:
    """An image beside itself with its activation map, under lines of text."""
    shown = Image.fromarray(rgb)
    factor = max(_EXPLAINED / min(shown.size), min(1.0, SHOWN / 2 / max(shown.size)))
    if min(shown.size) < _EXPLAINED or max(shown.size) > SHOWN / 2:
        size = (round(shown.width * factor), round(shown.height * factor))
        shown = shown.resize(size, Image.Resampling.LANCZOS)
    pixels = np.asarray(shown)
    pair = np.concatenate([pixels, cam_overlay(pixels, cam)], axis=1)
    bar = ColourBar(
        "evidence, as a logit",
        CAM_COLOURS,
        f"-{FULL_COLOUR:.0f}, none",
        f"+{FULL_COLOUR:.0f}, crack",
    )
    return framed(Image.fromarray(pair), verdict, bar)


def framed(
    picture: Image.Image, lines: Sequence[str], bar: ColourBar, scale: ScaleBar | None = None
) -> Image.Image:
    """A picture between lines of text and a legend."""
    size = max(round(max(picture.size) / 64), 13)
    font = ImageFont.load_default(size)
    line = round(1.5 * size)
    top = line * len(lines) + line // 2
    width = max(picture.width, *(round(font.getlength(text)) + 2 * line for text in lines))
    page = Image.new("RGB", (width, top + picture.height + 2 * line), _PAPER)
    page.paste(picture, (0, top))
    draw = ImageDraw.Draw(page)
    for number, text in enumerate(lines):
        draw.text((line // 2, line // 4 + number * line), text, _INK, font)
    right = _draw_bar(page, draw, font, bar, (line // 2, top + picture.height + line // 2))
    if scale:
        _draw_scale(draw, font, scale, (right + 2 * line, top + picture.height + line // 2))
    return page


def _headline(inspection: Inspection, name: str) -> list[str]:
    numbers = inspection.summary()
    unit, end, digits = ("mm", "_mm", 2) if inspection.mm_per_pixel else ("px", "", 1)
    count = numbers["regions"]
    found = f"{count} cracked {'region' if count == 1 else 'regions'}"
    length, width = numbers[f"length{end}"], numbers[f"max_width{end}"]
    sizes = f"{length:,.0f} {unit} of cracks, at most {width:,.{digits}f} {unit} wide"
    lines = [
        f"{name}: {found}, {100 * numbers['cracked_share']:.2f} % of the area",
        f"{title(inspection.backbone)}: {sizes}",
    ]
    if inspection.unlike_training is not None:
        share = 100 * inspection.unlike_training
        lines.append(f"{share:.0f} % of the patches are unlike the training images")
    return lines


def _scale(inspection: Inspection, scale: float) -> ScaleBar:
    """A bar of about a tenth of the picture: 1, 2 or 5 times a power of ten."""
    unit, per_pixel = ("mm", inspection.mm_per_pixel) if inspection.mm_per_pixel else ("px", 1.0)
    tenth = inspection.crackmap.width * per_pixel / 10
    power = 10.0 ** np.floor(np.log10(tenth))
    length = max(factor * power for factor in (1, 2, 5) if factor * power <= tenth)
    return ScaleBar(f"{length:g} {unit}", length / per_pixel * scale)


def _coloured(
    pixels: RGB, crack: NDArray[np.uint8], heat: NDArray[np.float64], threshold: float
) -> RGB:
    """Colour the evidence in place, strip by strip; the cracks themselves stay as they are."""
    height, width = pixels.shape[:2]
    cells = Image.fromarray(heat.astype(np.float32))
    colours = (mpl.colormaps[_COLOURS](np.linspace(0, 1, 256))[:, :3] * 255).astype(np.float32)
    outline = max(round(max(height, width) / 1000), 1)
    for top in range(0, height, _STRIP):
        first, last = max(top - outline, 0), min(top + _STRIP + outline, height)
        box = (0, first / height * cells.height, cells.width, last / height * cells.height)
        level = np.asarray(cells.resize((width, last - first), Image.Resampling.BILINEAR, box))
        area = is_crack(level, threshold)
        inner = binary_erosion(area, np.ones((3, 3)), iterations=outline, border_value=1)
        own = slice(top - first, top - first + min(_STRIP, height - top))
        level, area, inner = level[own], area[own], inner[own]
        strip = pixels[top : top + _STRIP]
        filled = inner & (crack[top : top + _STRIP] < 255 * _VISIBLE)
        place = (level[filled] - threshold) / max(1 - threshold, 1e-9) * 255
        colour = colours[np.clip(place, 0, 255).astype(int)]
        strip[filled] = (1 - _STRONGEST) * strip[filled] + _STRONGEST * colour
        strip[area & ~inner] = _OUTLINE
    return pixels


def _draw_bar(
    page: Image.Image,
    draw: ImageDraw.ImageDraw,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    bar: ColourBar,
    place: tuple[int, int],
) -> int:
    """Draw label and colours; return where they end."""
    x, y = place
    height = round(font.getbbox("P")[3])
    text = f"{bar.label}  {bar.low}"
    draw.text((x, y), text, _INK, font)
    x += round(font.getlength(text)) + height // 2
    width = 10 * height
    strip = mpl.colormaps[bar.colours](np.linspace(0, 1, width))[np.newaxis, :, :3] * 255
    colours = np.repeat(strip.astype(np.uint8), height, axis=0)
    page.paste(Image.fromarray(colours), (x, y))
    x += width + height // 2
    draw.text((x, y), bar.high, _INK, font)
    return x + round(font.getlength(bar.high))


def _draw_scale(
    draw: ImageDraw.ImageDraw,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    scale: ScaleBar,
    place: tuple[int, int],
) -> None:
    x, y = place
    height = round(font.getbbox("P")[3])
    end = x + round(scale.pixels)
    draw.rectangle((x, y + height // 2 - 1, end, y + height // 2 + 1), _INK)
    for tick in (x, end):
        draw.line((tick, y, tick, y + height), _INK, 2)
    draw.text((end + height // 2, y), scale.label, _INK, font)
