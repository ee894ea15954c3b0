"""Contact sheets: images of the archive with captions, each beside its activation maps."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from cracks.classifier.activation_map import FULL_COLOUR, cam_overlay
from cracks.images.archive import open_archive, read_member
from cracks.images.decoding import RGB, decode
from cracks.project.errors import CracksError
from cracks.project.params import Params
from cracks.project.paths import ARCHIVE
from cracks.report.frame import INK, PAPER, Font, evidence_bar, framed, scaled

MOST = 24
"""Images on a sheet."""

_SIDE = 168  # pixels of a picture
_GAP = 16  # pixels between images
_WIDTH = 1420  # pixels of a sheet, unless it has few images
_FONT = 14  # pixels
_LINE = 18
_HEADING = 30


class Maps(NamedTuple):
    """Images with their activation maps overlaid."""

    pictures: Mapping[tuple[str, str], RGB]  # by id and backbone
    full_colour: float  # logit at which the colours saturate


NO_MAPS = Maps({}, FULL_COLOUR)


class Frame(NamedTuple):
    """An image of a sheet."""

    id: str
    captions: Sequence[str]
    backbones: Sequence[str]  # whose maps are shown beside it, if there are any


class Section(NamedTuple):
    """Images under a heading."""

    heading: str
    frames: Sequence[Frame]


def thumbnails(images: Mapping[str, str]) -> dict[str, RGB]:
    """Images of data/images.zip, at most `_SIDE` pixels a side, by id.

    Args:
        images: the SHA-256 of each, by id.

    Raises:
        CracksError: if the archive is missing, or holds other images.
    """
    pictures = {}
    with open_archive(ARCHIVE) as archive:
        known = set(archive.namelist())
        for name, sha256 in images.items():
            data = read_member(archive, name) if name in known else b""
            if hashlib.sha256(data).hexdigest() != sha256:
                found = "another image of that name" if name in known else "none"
                raise CracksError(
                    f"Expected the image {name} of the results in {ARCHIVE}, found {found}; run "
                    "`dvc checkout` or `dvc repro`."
                )
            pictures[name] = thumbnail(decode(data))
    return pictures


def thumbnail(rgb: RGB) -> RGB:
    """An image of `_SIDE` pixels on its longer side."""
    return np.asarray(scaled(Image.fromarray(rgb), _SIDE / max(rgb.shape[:2])))


def overlaid_maps(
    pictures: Mapping[str, RGB], wanted: Mapping[str, Collection[str]], params: Params
) -> tuple[Maps, str]:
    """Pictures with the activation maps of trained classifiers, and why there are none.

    Args:
        pictures: by id; the maps are computed from the images of the archive.
        wanted: ids by backbone.
        params: those of the project.

    Returns:
        The maps, and an empty reason; or `NO_MAPS` and the reason: no trained head, no weights, no
        TensorFlow or OpenVINO. Colours saturate at the strongest evidence of all of them, or at
        `FULL_COLOUR` if that is stronger.
    """
    try:
        from cracks.classifier.classifier import load_local_classifier

        cams: dict[tuple[str, str], NDArray[np.float64]] = {}
        with open_archive(ARCHIVE) as archive:
            for backbone, ids in wanted.items():
                classifier = load_local_classifier(backbone, params)
                for name, cam in classifier.maps_of_members(archive, ids):
                    cams[name, backbone] = cam
    except (CracksError, ImportError) as reason:
        return NO_MAPS, str(reason)
    full = min(max((float(np.abs(cam).max()) for cam in cams.values()), default=1), FULL_COLOUR)
    scale = FULL_COLOUR / full if full else 1.0
    found = {key: cam_overlay(pictures[key[0]], scale * cam) for key, cam in cams.items()}
    return Maps(found, full), ""


def contact_sheet(
    lines: Sequence[str], sections: Sequence[Section], pictures: Mapping[str, RGB], maps: Maps
) -> Image.Image:
    """The sheet: lines of text, then each section in rows, then what the colours of maps mean.

    Args:
        lines: at the top.
        sections: of at least one image.
        pictures: by id, as `thumbnails` gives them.
        maps: of these pictures; where there is none, none is shown.
    """
    frames = [
        [_framed_image(frame, pictures, maps) for frame in section.frames] for section in sections
    ]
    width = max(image.width for images in frames for image in images)
    most = max(map(len, frames))
    columns = min(most, max(_WIDTH // (width + _GAP), 1))
    blocks = [
        _block(section.heading, images, columns, width + _GAP)
        for section, images in zip(sections, frames, strict=True)
    ]
    page = Image.new("RGB", (blocks[0].width, sum(b.height for b in blocks)), PAPER)
    top = 0
    for block in blocks:
        page.paste(block, (0, top))
        top += block.height
    return framed(page, lines, evidence_bar(maps.full_colour) if maps.pictures else None)


def _block(heading: str, images: Sequence[Image.Image], columns: int, column: int) -> Image.Image:
    """A section: its heading, and its images in rows of `columns`, each `column` pixels wide."""
    row = max(image.height for image in images) + _GAP
    rows = -(-len(images) // columns)
    top = _HEADING if heading else 0
    font = ImageFont.load_default(_FONT + 3)
    width = max(columns * column, round(font.getlength(heading)) + _GAP)
    block = Image.new("RGB", (width, top + rows * row), PAPER)
    ImageDraw.Draw(block).text((_GAP // 2, 4), heading, INK, font)
    for place, image in enumerate(images):
        block.paste(image, (place % columns * column + _GAP // 2, top + place // columns * row))
    return block


def _framed_image(frame: Frame, pictures: Mapping[str, RGB], maps: Maps) -> Image.Image:
    """An image and its maps side by side, under their captions."""
    shown = [pictures[frame.id]]
    shown += [maps.pictures[frame.id, b] for b in frame.backbones if (frame.id, b) in maps.pictures]
    width = _SIDE * len(shown) + 2 * (len(shown) - 1)
    top = _LINE * len(frame.captions) + 2
    image = Image.new("RGB", (width, top + shown[0].shape[0]), PAPER)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(_FONT)
    for line, caption in enumerate(frame.captions):
        draw.text((0, line * _LINE), _fitted(caption, font, width), INK, font)
    for place, picture in enumerate(shown):
        image.paste(Image.fromarray(picture), (place * (_SIDE + 2), top))
    return image


def _fitted(text: str, font: Font, width: int) -> str:
    """The text, or an ellipsis and its end, which tells names apart."""
    ends = (f"…{text[start:]}" for start in range(1, len(text)))
    return next((shown for shown in (text, *ends) if font.getlength(shown) <= width), "…")
