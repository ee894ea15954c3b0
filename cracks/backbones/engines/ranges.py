"""The ranges of activations in int8 that are known: those of the weights that the project ships.

They follow from the weights and the calibration images, so they are data, like the weights:
measured once (`python -m pretraining ranges`), then the same numbers everywhere, without waiting.
Those of other weights are measured before their first use.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from cracks.project.outputs import replacing, sha256_of

Ranges = list[tuple[float, float]]
"""The lowest and the highest value of each quantised activation, in the order of the network."""

FOLDER = Path(__file__).with_name("ranges")
"""A file for each backbone."""


def ranges_file(backbone: str) -> Path:
    """Where the ranges of the backbone's shipped weights are."""
    return FOLDER / f"{backbone}.json"


def known_ranges(backbone: str, weights: Path, image_size: int) -> Ranges | None:
    """The ranges of a backbone with these weights at this size; None if they are not known."""
    file = ranges_file(backbone)
    if not file.is_file():
        return None
    known = json.loads(file.read_text())
    if (known["image_size"], known["weights"]) != (image_size, sha256_of(weights)):
        return None
    return [(low, high) for low, high in known["ranges"]]


def write_ranges(
    backbone: str, weights: Path, image_size: int, ranges: Sequence[tuple[float, float]]
) -> Path:
    """Keep the ranges of a backbone with these weights at this size; return the file."""
    known = {"weights": sha256_of(weights), "image_size": image_size, "ranges": ranges}
    file = ranges_file(backbone)
    file.parent.mkdir(exist_ok=True)
    with replacing(file) as unfinished:
        unfinished.write_text(json.dumps(known) + "\n")
    return file
