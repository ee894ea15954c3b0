"""How well class activation maps find the cracks of the drawn sample, whose places are known."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.ndimage import distance_transform_edt

from cracks.archive import ARCHIVE, open_archive, read_member
from cracks.cam import peak
from cracks.classifier import activation_maps
from cracks.errors import one_sentence
from cracks.images import RGB, decode, to_input
from cracks.labels import POSITIVE
from cracks.params import Params, load_params
from cracks.sample import SIDE, sample_mask
from cracks.verdict import title

NEAR = 16
"""Pixels from the crack within which a peak lies on it: half a cell of the last feature map."""


class Localisation(NamedTuple):
    """Of the cracks that a backbone finds, those whose map has its peak on the crack."""

    found: int
    on_crack: int
    by_chance: float  # share of an image's pixels that are as near to the crack, on average


def measure(backbone: str, params: Params) -> Localisation:
    """Measure on the test part of the drawn sample."""
    predictions = pd.read_csv("metrics/predictions.csv", dtype={"id": str})
    rows = predictions[(predictions["backbone"] == backbone) & predictions["correct"]]
    names = list(rows[rows["label"] == POSITIVE]["id"])

    def inputs() -> Iterator[tuple[str, RGB]]:
        with open_archive(ARCHIVE) as archive:
            for name in names:
                yield name, to_input(decode(read_member(archive, name)), params.image_size)

    hits, chance = 0, 0.0
    for name, cam in activation_maps(backbone, params, inputs()):
        number = int(name.rpartition("/")[2].removesuffix(".jpg"))
        mask = sample_mask(POSITIVE, number, params.sample.images_per_class, params.sample.seed)
        near = distance_transform_edt(~mask) <= NEAR
        hits += bool(near[peak(cam, SIDE, SIDE)])
        chance += float(np.mean(near))
    return Localisation(len(names), hits, chance / max(len(names), 1))


def main() -> None:
    """Print it for every backbone."""
    params = load_params()
    for backbone in params.weights:
        result = measure(backbone, params)
        print(
            f"{title(backbone)}: the map's peak lies within {NEAR} px of the crack in "
            f"{result.on_crack} of {result.found} cracks found "
            f"({100 * result.on_crack / max(result.found, 1):.0f} %; "
            f"by chance {100 * result.by_chance:.0f} %)"
        )


if __name__ == "__main__":
    with one_sentence():
        main()
