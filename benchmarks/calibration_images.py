"""Draw the images that int8 backbones are calibrated on, in one lossless file that Git keeps.

`python -m benchmarks.calibration_images` writes it again; an edit of the drawing does not. Other
images would change the ranges of all int8 backbones, and with them every feature.
"""

import numpy as np
from PIL import Image

from cracks.backbones.engines.calibration import COLUMNS, IMAGES, PATH
from cracks.drawing.walls import draw
from cracks.project.outputs import replacing
from cracks.tables.labels import CLASSES

SEED = 20_000  # no dataset is drawn from it by default


def main() -> None:
    """Sound and cracked walls in turn, row by row."""
    drawn = [draw(CLASSES[place % 2], 1 + place // 2, SEED).rgb for place in range(IMAGES)]
    rows = [np.concatenate(drawn[at : at + COLUMNS], axis=1) for at in range(0, IMAGES, COLUMNS)]
    with replacing(PATH) as temporary:
        image = Image.fromarray(np.concatenate(rows))
        image.save(temporary, "WEBP", lossless=True, quality=100, method=6)
    print(f"{PATH}: {IMAGES} images, {PATH.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
