"""draw: photographs of walls with the masks of their cracks, for the heads for cells."""

from cracks.cells.examples import write_examples
from cracks.drawing.masked import draw_masked
from cracks.project.params import load_params
from cracks.project.paths import DRAWINGS


def main() -> None:
    """Write data/drawings.zip."""
    params = load_params()
    count = write_examples(DRAWINGS, draw_masked(params.cells.drawings))
    print(f"{DRAWINGS}: {count} drawings with their masks")
