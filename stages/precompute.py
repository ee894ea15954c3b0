"""precompute-<backbone>: extract the features of every image with a frozen backbone."""

import argparse

from cracks.backbones.catalogue import BACKBONES
from cracks.features.extraction import Extraction, extract_features
from cracks.pipeline.inputs import read_images
from cracks.pipeline.params import load_params
from cracks.pipeline.paths import ARCHIVE, features_path, weights_path
from cracks.pipeline.stage import run


def main() -> None:
    """Write `data/features/<backbone>.npy`, one row for each image of `data/images.csv`."""
    arguments = _parser().parse_args()
    params = load_params()
    extraction = Extraction(
        backbone=arguments.backbone,
        weights=weights_path(arguments.backbone),
        image_size=params.image_size,
        engine=params.engine,
        precision=params.precision,
        augmentation=params.augmentation,
    )
    images = read_images()
    output = features_path(arguments.backbone)
    computed = extract_features(
        extraction, ARCHIVE, images, output, use_cache=not arguments.no_cache
    )
    rows = len(images) * (1 + params.augmentation.views)
    print(f"{arguments.backbone}: {computed} rows computed, {rows - computed} from the cache")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("backbone", choices=BACKBONES)
    parser.add_argument("--no-cache", action="store_true", help="compute every row, keep none")
    return parser


if __name__ == "__main__":
    run(main)
