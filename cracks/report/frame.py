"""Pictures for people: lines of text above, a legend of the colours and a scale below."""

from collections.abc import Sequence
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cracks.classifier.activation_map import COLOURS, FULL_COLOUR

INK, PAPER = (30, 30, 30), (255, 255, 255)

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


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


def evidence_bar(full_colour: float = FULL_COLOUR) -> ColourBar:
    """What the colours of activation maps mean.

    Args:
        full_colour: logit at which they saturate.
    """
    ends = (f"-{full_colour:.3g}, none", f"+{full_colour:.3g}, crack")
    return ColourBar("evidence, as a logit", COLOURS, *ends)


def scaled(picture: Image.Image, factor: float) -> Image.Image:
    """A picture of so many times its width and height, at least a pixel each."""
    size = (max(round(picture.width * factor), 1), max(round(picture.height * factor), 1))
    return picture.resize(size, Image.Resampling.LANCZOS)


def framed(
    picture: Image.Image, lines: Sequence[str], bar: ColourBar | None, scale: ScaleBar | None = None
) -> Image.Image:
    """A picture between lines of text and a legend, if it has colours to explain."""
    size = max(round(max(picture.size) / 64), 13)
    font = ImageFont.load_default(size)
    line = round(1.5 * size)
    top = line * len(lines) + line // 2
    width = max(picture.width, *(round(font.getlength(text)) + 2 * line for text in lines))
    below = 2 * line if bar else 0
    page = Image.new("RGB", (width, top + picture.height + below), PAPER)
    page.paste(picture, (0, top))
    draw = ImageDraw.Draw(page)
    for number, text in enumerate(lines):
        draw.text((line // 2, line // 4 + number * line), text, INK, font)
    if bar:
        y = top + picture.height + line // 2
        right = _draw_bar(page, font, bar, (line // 2, y))
        if scale:
            _draw_scale(draw, font, scale, (right + 2 * line, y))
    return page


def _draw_bar(page: Image.Image, font: Font, bar: ColourBar, place: tuple[int, int]) -> int:
    """Draw label and colours; return where they end."""
    draw = ImageDraw.Draw(page)
    x, y = place
    height = round(font.getbbox("P")[3])
    text = f"{bar.label}  {bar.low}"
    draw.text((x, y), text, INK, font)
    x += round(font.getlength(text)) + height // 2
    width = 10 * height
    strip = mpl.colormaps[bar.colours](np.linspace(0, 1, width))[np.newaxis, :, :3] * 255
    colours = np.repeat(strip.astype(np.uint8), height, axis=0)
    page.paste(Image.fromarray(colours), (x, y))
    x += width + height // 2
    draw.text((x, y), bar.high, INK, font)
    return x + round(font.getlength(bar.high))


def _draw_scale(
    draw: ImageDraw.ImageDraw, font: Font, scale: ScaleBar, place: tuple[int, int]
) -> None:
    x, y = place
    height = round(font.getbbox("P")[3])
    end = x + round(scale.pixels)
    draw.rectangle((x, y + height // 2 - 1, end, y + height // 2 + 1), INK)
    for tick in (x, end):
        draw.line((tick, y, tick, y + height), INK, 2)
    draw.text((end + height // 2, y), scale.label, INK, font)
