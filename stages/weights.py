"""weights: the weights of the frozen backbones, from the sources in params.yaml."""

from cracks.backbones.catalogue import BACKBONES
from cracks.backbones.weights import write_weights
from cracks.pipeline.params import load_params
from cracks.pipeline.paths import weights_path
from cracks.pipeline.stage import run


def main() -> None:
    """Write `data/weights/<backbone>.weights.h5` for every backbone of `weights`."""
    params = load_params()
    for backbone, source in params.weights.items():
        write_weights(backbone, source, params.weights_seed, weights_path(backbone))
        print(f"{backbone}: {source} weights, {BACKBONES[backbone].features} features an image")


if __name__ == "__main__":
    run(main)
