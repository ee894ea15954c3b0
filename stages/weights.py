"""weights@<backbone>: the weights of a frozen backbone, from the source in params.yaml."""

from pathlib import Path

from cracks.backbones.catalogue import BACKBONES, backbone_parser
from cracks.backbones.weights import NAMED, write_weights
from cracks.project.outputs import sha256_of
from cracks.project.params import load_params, name_of_source
from cracks.project.paths import PRETRAINED, unwatched, weights_path


def main() -> dict[str, object]:
    """Write `data/weights/<backbone>.weights.h5`."""
    backbone = backbone_parser(__doc__).parse_args().backbone
    params = load_params()
    source, path = params.weights[backbone], weights_path(backbone)
    write_weights(backbone, source, params.weights_seed, path)
    name = name_of_source(source)
    print(f"{backbone}: {name} weights, {BACKBONES[backbone].features} features per image")
    if source not in NAMED:
        file = Path(source).expanduser()
        if warning := unwatched(file, PRETRAINED, f"weights@{backbone}"):
            print(warning)
    return {"source": name, "sha256": sha256_of(path)}
