"""The worst mistakes of each classifier, for the page and as one picture among `dvc plots`."""

import zipfile
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from cracks.backbones.catalogue import title
from cracks.classifier.activation_map import FULL_COLOUR, cam_overlay
from cracks.classifier.classifier import load_local_classifier
from cracks.images.archive import read_member
from cracks.images.decoding import RGB, decode, to_input
from cracks.project.params import Params
from cracks.report.contact_sheet import Frame, Maps, Section, contact_sheet, thumbnail
from cracks.report.frame import framed
from cracks.report.thumbnails import data_uri
from cracks.tables.labels import CLASS_NAMES, POSITIVE

SHOWN = 8
"""Worst mistakes of each backbone that are shown."""


class Mistake(NamedTuple):
    """A test image that is classified wrongly."""

    name: str
    label: str
    probability: float  # of a crack
    picture: str  # a `data:` URI
    map: str  # the picture with its activation map overlaid, likewise
    thumbnail: RGB
    cam: NDArray[np.float64]  # its activation map


def worst_mistakes(
    archive: zipfile.ZipFile, predictions: pd.DataFrame, backbone: str, params: Params
) -> list[Mistake]:
    """The most confident mistakes of a classifier, the worst first."""
    wrong = predictions[(predictions["backbone"] == backbone) & ~predictions["correct"]]
    confidence = (wrong["probability"] - (wrong["label"] == POSITIVE)).abs()
    worst = wrong.loc[confidence.sort_values(ascending=False, kind="stable").index[:SHOWN]]
    if worst.empty:
        return []
    classifier = load_local_classifier(backbone, params)
    pictures, thumbnails, seen = {}, {}, {}
    for name in worst["id"]:  # one at a time: photographs may be large
        rgb = decode(read_member(archive, name))
        pictures[name], thumbnails[name] = data_uri(rgb), thumbnail(rgb)
        seen[name] = to_input(rgb, classifier.image_size)
    cams = dict(classifier.activation_maps(seen.items()))
    maps = {name: data_uri(cam_overlay(seen[name], cam)) for name, cam in cams.items()}
    answers = zip(worst["id"], worst["label"], worst["probability"], strict=True)
    return [
        Mistake(name, label, probability, pictures[name], maps[name], thumbnails[name], cams[name])
        for name, label, probability in answers
    ]


def mistakes_sheet(mistakes: Mapping[str, Sequence[Mistake]]) -> Image.Image:
    """A picture of mistakes by backbone, each image beside itself with its activation map."""
    found = {backbone: some for backbone, some in mistakes.items() if some}
    if not found:
        lines = ["No test image is classified wrongly."]
        return framed(Image.new("RGB", (480, 1), "white"), lines, None)
    sections = [
        Section(
            f"{title(backbone)}: worst mistakes",
            [Frame(one.name, (_caption(one), one.name), (backbone,)) for one in some],
        )
        for backbone, some in found.items()
    ]
    images = {one.name: one.thumbnail for some in found.values() for one in some}
    maps = {
        (one.name, backbone): cam_overlay(images[one.name], one.cam)
        for backbone, some in found.items()
        for one in some
    }
    lines = ["What is classified wrongly on test, with P(crack) and the evidence for it"]
    return contact_sheet(lines, sections, images, Maps(maps, FULL_COLOUR))


def _caption(mistake: Mistake) -> str:
    return f"{CLASS_NAMES[mistake.label]}, P(crack) {mistake.probability:.2f}"
