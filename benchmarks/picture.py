"""Make docs/crackmap.jpg, the crack map at the top of the README, by the trained heads.

worked example:
  python -m benchmarks.picture                      by VGG16
  python -m benchmarks.picture --backbone resnet50
"""

from pathlib import Path

from benchmarks.arguments import benchmark_parser, run_benchmark
from cracks.drawing.walls import draw_photograph
from cracks.project.outputs import replacing
from cracks.project.params import load_params
from cracks.tools.walls.cells import load_cell_classifier
from cracks.tools.walls.inspection import inspect
from cracks.tools.walls.overlay import crack_picture

PICTURE = Path("docs/crackmap.jpg")

WALL = (1600, 1000, 3)
"""Width, height and seed of the drawn wall; docs/how-to/walls.md draws the same."""

_SIDE = 1200  # pixels of the picture's longer side
_QUALITY = 80  # of the JPEG


def main() -> None:
    """Draw, map and write."""
    parser = benchmark_parser("picture", __doc__)
    parser.add_argument("--backbone", default="vgg16", help="by default vgg16")
    classifier = load_cell_classifier(parser.parse_args().backbone, load_params())
    width, height, seed = WALL
    rgb = draw_photograph(width, height, seed=seed).rgb
    picture = crack_picture(rgb, inspect(rgb, "wall.png", classifier), _SIDE)
    with replacing(PICTURE) as temporary:
        picture.convert("RGB").save(temporary, "JPEG", quality=_QUALITY, optimize=True)
    print(f"{PICTURE}: {picture.width} x {picture.height} pixels")


if __name__ == "__main__":
    run_benchmark(main)
