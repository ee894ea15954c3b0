"""`localisation`: how well activation maps find the cracks of the drawn sample."""

from cracks.backbones.catalogue import title
from cracks.project.errors import CracksError
from cracks.project.params import load_params
from cracks.tools.review.snapshots import WorkingTree
from cracks.tools.review.staleness import find_stale
from cracks.tools.walls.localisation import NEAR, measure


def run() -> int:
    """Print the result of each backbone.

    Raises:
        CracksError: if the drawings of today's parameters and code are not those of the last run.
    """
    params = load_params()
    if changed := find_stale(WorkingTree(), "HEAD").get("download"):
        raise CracksError(
            "Expected the drawings of the last run, whose masks are drawn again, found other "
            f"parameters or code ({', '.join(changed)}); run `dvc repro`."
        )
    for backbone in params.weights:
        result = measure(backbone, params)
        print(
            f"{title(backbone)}: the map's peak lies within {NEAR} px of the crack in "
            f"{result.on_crack} of {result.found} cracks found "
            f"({100 * result.on_crack / max(result.found, 1):.0f} %; "
            f"by chance {100 * result.by_chance:.0f} %)"
        )
    return 0
