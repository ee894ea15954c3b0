"""weights: the weights of the frozen backbones, from the sources in params.yaml."""

from cracks.backbones.catalogue import BACKBONES
from cracks.backbones.weights import write_weights
from cracks.pipeline.outputs import sha256_of
from cracks.pipeline.params import load_params, name_of_source
from cracks.pipeline.paths import weights_path
from cracks.pipeline.stage import run


def main() -> dict[str, object]:
    """Write `data/weights/<backbone>.weights.h5` for every backbone of `weights`."""
    params = load_params()
    noted = {}
    for backbone, source in params.weights.items():
        path = weights_path(backbone)
        write_weights(backbone, source, params.weights_seed, path)
        name = name_of_source(source)
        noted[backbone] = {"source": name, "sha256": sha256_of(path)}
        print(f"{backbone}: {name} weights, {BACKBONES[backbone].features} features an image")
    return {"weights": noted}


if __name__ == "__main__":
    run(main)
