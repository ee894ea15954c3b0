"""Pictures for people: cracks marked in a photograph, with a title, a legend and a scale."""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import maximum_filter

from cracks.backbones.catalogue import title
from cracks.classifier.activation_map import cam_overlay
from cracks.images.decoding import RGB
from cracks.report.frame import INK, PAPER, ColourBar, ScaleBar, evidence_bar, framed, scaled
from cracks.tools.drawn import TRAINED_ON_DRAWINGS
from cracks.tools.walls.inspection import Inspection

SHOWN = 1600
"""Pixels of the longer side of a picture, unless it has the photograph's own resolution."""

_COLOURS = "autumn_r"
_OPACITY = np.uint8(150)  # of 255
_BAND = 1 / 300  # of the longer side: width of the band on either side of a crack
_VISIBLE = 0.25  # share of a shown pixel that is crack, from which it is left as it is
_NUMBERED = 40  # cracks that have their number in the picture, the widest ones
_STRIP = 512  # rows that are coloured at a time
_EXPLAINED = 450  # pixels of the side of each picture of an explanation, or more


def crack_picture(rgb: RGB, inspection: Inspection, longest: int | None) -> Image.Image:
    """The photograph with its cracks marked and numbered, at most `longest` pixels a side."""
    scale = min(1.0, longest / max(rgb.shape[:2])) if longest else 1.0
    photograph = scaled(Image.fromarray(rgb), scale)
    layer = crack_layer(inspection, photograph.size)
    photograph.paste(layer, mask=layer)
    _number(photograph, inspection.regions, scale)
    bar = ColourBar("P(crack)", _COLOURS, "0", "1")
    return framed(photograph, _headline(inspection), bar, _scale(inspection, scale))


def crack_layer(inspection: Inspection, size: tuple[int, int]) -> Image.Image:
    """Transparent but for a coloured band along the cracks, which themselves show through.

    Args:
        inspection: what was found.
        size: width and height of the layer in pixels.
    """
    width, height = size
    band = 2 * max(round(max(size) * _BAND), 2) + 1
    mask = Image.fromarray(inspection.cracks.mask.view(np.uint8) * np.uint8(255))
    crack = np.asarray(mask.resize(size, Image.Resampling.BOX))
    near = maximum_filter(crack, band) >= 255 * _VISIBLE
    colours = (mpl.colormaps[_COLOURS](np.linspace(0, 1, 256))[:, :3] * 255).astype(np.uint8)
    cells = Image.fromarray((255 * maximum_filter(inspection.crackmap.heat, 3)).astype(np.uint8))
    layer = np.zeros((height, width, 4), np.uint8)
    for top in range(0, height, _STRIP):
        last = min(top + _STRIP, height)
        strip = slice(top, last)
        box = (0, top / height * cells.height, cells.width, last / height * cells.height)
        level = np.asarray(cells.resize((width, last - top), Image.Resampling.BILINEAR, box))
        layer[strip, :, :3] = colours[level]
        layer[strip, :, 3] = _OPACITY * (near[strip] & (crack[strip] < 255 * _VISIBLE))
    return Image.fromarray(layer)


def _number(picture: Image.Image, regions: pd.DataFrame, scale: float) -> None:
    """Write the numbers of the widest cracks where these end on the right."""
    size = max(round(max(picture.size) / 70), 12)
    font, draw = ImageFont.load_default(size), ImageDraw.Draw(picture)
    ends = regions[["x", "width", "end_y"]].to_numpy(float)[:_NUMBERED]
    for number, (left, width, end) in enumerate(scale * ends, start=1):
        x = min(left + width + 4, picture.width - size)
        y = min(max(end - size / 2, 0), picture.height - size)
        draw.text((x, y), str(number), INK, font, stroke_width=2, stroke_fill=PAPER)


def explanation(rgb: RGB, cam: NDArray[np.float64], verdict: Sequence[str]) -> Image.Image:
    """An image beside itself with its activation map, under lines of text."""
    shorter, longer = sorted(rgb.shape[:2])
    factor = max(_EXPLAINED / shorter, min(1.0, SHOWN / 2 / longer))
    factor = min(factor, SHOWN / longer)  # a narrow one stays small
    pixels = np.asarray(scaled(Image.fromarray(rgb), factor))
    pair = np.concatenate([pixels, cam_overlay(pixels, cam)], axis=1)
    return framed(Image.fromarray(pair), verdict, evidence_bar())


def _headline(inspection: Inspection) -> list[str]:
    numbers = inspection.summary()
    unit, end, digits = ("mm", "_mm", 2) if inspection.mm_per_pixel else ("px", "", 1)
    count = numbers["regions"]
    found = f"{count} {'crack' if count == 1 else 'cracks'}"
    length, width = numbers[f"length{end}"], numbers[f"max_width{end}"]
    sizes = f"{length:,.0f} {unit} of cracks, at most {width:,.{digits}f} {unit} wide"
    return [
        f"{inspection.name}: {found}, {100 * numbers['cracked_share']:.2f} % of the area",
        f"{title(inspection.backbone)}: {sizes}",
        f"Head {TRAINED_ON_DRAWINGS}",
    ]


def _scale(inspection: Inspection, scale: float) -> ScaleBar:
    """A bar of about a tenth of the picture: 1, 2 or 5 times a power of ten."""
    unit, per_pixel = ("mm", inspection.mm_per_pixel) if inspection.mm_per_pixel else ("px", 1.0)
    tenth = inspection.crackmap.width * per_pixel / 10
    power = 10.0 ** np.floor(np.log10(tenth))
    length = max(factor * power for factor in (1, 2, 5) if factor * power <= tenth)
    return ScaleBar(f"{length:g} {unit}", length / per_pixel * scale)
