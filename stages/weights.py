"""weights: the backbones' weights as files with a hash, from wherever params.yaml says."""

from cracks.backbones import BACKBONES, weights_path
from cracks.params import load_params
from cracks.stage import run
from cracks.weights import write_weights


def main() -> None:
    """Write `data/weights/<backbone>.weights.h5` for every backbone of `weights`."""
    params = load_params()
    for backbone, source in params.weights.items():
        write_weights(backbone, source, params.weights_seed, weights_path(backbone))
        print(f"{backbone}: {source} weights, {BACKBONES[backbone].features} features an image")


if __name__ == "__main__":
    run(main)
