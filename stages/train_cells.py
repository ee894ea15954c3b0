"""train-cells@<backbone>: a linear layer that says which cells of a photograph are cracked."""

from collections.abc import Iterator

from cracks.backbones.catalogue import backbone_parser
from cracks.backbones.engines.registry import load_cell_engine
from cracks.cells.examples import read_examples
from cracks.cells.head import CellHead, Cells, joined, labelled_cells, save_cell_head, train_cells
from cracks.cells.tiles import cell_features
from cracks.heads.head import Origin
from cracks.project.params import Params, load_params
from cracks.project.paths import DRAWINGS, cell_head_path, weights_path
from cracks.runtime.progress import progress

_VALID_EVERY = 5  # every fifth drawing is set aside for the threshold


def main() -> None:
    """Write data/cells/<backbone>.json."""
    backbone = backbone_parser(__doc__).parse_args().backbone
    params = load_params()
    drawings = list(_cells(backbone, params))
    valid = drawings[::_VALID_EVERY]
    train = [cells for number, cells in enumerate(drawings) if number % _VALID_EVERY]
    head, f1 = train_cells(joined(train), joined(valid))
    origin = Origin.of_training(backbone, "drawings", params)
    save_cell_head(CellHead(head, origin), cell_head_path(backbone))
    print(f"{backbone}: cells of {len(train)} drawings; F1 {f1:.3f} on {len(valid)} others")


def _cells(backbone: str, params: Params) -> Iterator[Cells]:
    """The labelled cells of each drawing."""
    run_cells = load_cell_engine(
        params.engine, backbone, weights_path(backbone), params.image_size, params.precision
    )
    for example in progress(read_examples(DRAWINGS), desc=backbone, unit="drawing"):
        (tile,) = cell_features(example.rgb, run_cells)
        yield labelled_cells(tile.features, example.mask)
