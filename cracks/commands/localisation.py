"""`localisation`: how well activation maps find the cracks of the drawn sample."""

from cracks.evaluation.verdict import title
from cracks.inference.localisation import NEAR, measure
from cracks.pipeline.params import load_params


def run() -> int:
    """Print the result of each backbone."""
    params = load_params()
    for backbone in params.weights:
        result = measure(backbone, params)
        print(
            f"{title(backbone)}: the map's peak lies within {NEAR} px of the crack in "
            f"{result.on_crack} of {result.found} cracks found "
            f"({100 * result.on_crack / max(result.found, 1):.0f} %; "
            f"by chance {100 * result.by_chance:.0f} %)"
        )
    return 0
