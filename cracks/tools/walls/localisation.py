"""Localisation accuracy of activation maps on the drawn sample, whose masks are known."""

from typing import NamedTuple

import numpy as np
from scipy.ndimage import distance_transform_edt

from cracks.classifier.activation_map import peak
from cracks.classifier.classifier import load_local_classifier, load_trained
from cracks.drawing.walls import SIDE
from cracks.images.archive import open_archive
from cracks.project.errors import CracksError
from cracks.project.params import SAMPLE, Params
from cracks.project.paths import ARCHIVE
from cracks.sources.sample import sample_mask
from cracks.tables.inputs import read_predictions
from cracks.tables.labels import POSITIVE

NEAR = 16
"""Largest distance of a peak from the crack, in pixels: half a cell of the map."""


class Localisation(NamedTuple):
    """How many of the cracks that a backbone finds have the peak of their map on the crack."""

    found: int
    on_crack: int
    by_chance: float  # share of an image's pixels that are as near to the crack, on average


def measure(backbone: str, params: Params) -> Localisation:
    """Measure on the test part of the drawn sample.

    Raises:
        CracksError: if the head was trained on other images, whose masks are not known.
    """
    origin = load_trained(backbone).origin
    if origin.dataset != SAMPLE:
        raise CracksError(
            f"Expected heads that were trained on the drawn sample, whose masks are known, found "
            f"dataset: {origin.dataset}; run `dvc exp run -S dataset=sample`."
        )
    predictions = read_predictions()
    rows = predictions[(predictions["backbone"] == backbone) & predictions["correct"]]
    names = list(rows[rows["label"] == POSITIVE]["id"])
    classifier = load_local_classifier(backbone, params)

    hits, chance = 0, 0.0
    with open_archive(ARCHIVE) as archive:
        for name, cam in classifier.maps_of_members(archive, names):
            number = int(name.rpartition("/")[2].removesuffix(".jpg"))
            mask = sample_mask(POSITIVE, number, params.sample.images_per_class, params.sample.seed)
            near = distance_transform_edt(~mask) <= NEAR
            hits += bool(near[peak(cam, SIDE, SIDE)])
            chance += float(np.mean(near))
    return Localisation(len(names), hits, chance / max(len(names), 1))
