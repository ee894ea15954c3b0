"""`cut`: cut photographs of walls into patches, to be labelled for training."""

import sys
from pathlib import Path

from cracks.classifier.classifier import Classifier, load_classifier
from cracks.project.errors import CracksError
from cracks.project.outputs import new_folder, write_csv
from cracks.project.params import Params, load_params
from cracks.project.paths import head_path, weights_path
from cracks.tools.commands.destinations import check_destinations, resolved
from cracks.tools.labelling.cutting import MARGIN, Grid, cut_photographs
from cracks.tools.photographs import find_photographs, output_names
from cracks.tools.walls.crack_map import training_side

TABLE = "patches.csv"


def run(
    folder: Path, out: Path, backbone: str | None, patch: int | None, stride: int | None
) -> int:
    """Write the patches and their table to `out`; the result is 1 if a photograph was left out."""
    params = load_params()
    if not folder.is_dir():
        raise CracksError(f"Expected a folder of photographs at {folder}, found none.")
    if resolved(out).is_relative_to(resolved(folder)):
        raise CracksError(
            f"Expected a folder for the patches outside {folder}, found {out}; name another one, "
            "or the patches will be taken for photographs the next time."
        )
    photographs = output_names(find_photographs([str(folder)]), folder, reserved=TABLE)
    check_destinations([out / TABLE])
    side = patch or training_side()
    with new_folder(out) as temporary:
        grid, classifiers = Grid(side, stride or side), _classifiers(backbone, params)
        table, unusable = cut_photographs(photographs, temporary, grid, classifiers)
        write_csv(temporary / TABLE, table, digits=6)
    for path, reason in unusable.items():
        print(f"{path}: {reason}", file=sys.stderr)
    order = "least certain first" if MARGIN in table else "no trained classifier to order them"
    print(
        f"{out / TABLE}: {len(table):,} patches of {side} x {side} pixels from "
        f"{len(photographs) - len(unusable):,} of {len(photographs):,} photographs; {order}"
    )
    return int(bool(unusable))


def _classifiers(backbone: str | None, params: Params) -> list[Classifier]:
    """The one that is asked for, else all that are trained."""
    trained = [b for b in params.weights if head_path(b).exists() and weights_path(b).exists()]
    return [load_classifier(name, params) for name in ([backbone] if backbone else trained)]
