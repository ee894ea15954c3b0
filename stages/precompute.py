"""precompute@<backbone>: extract the features of every image with a frozen backbone."""

from cracks.backbones.catalogue import backbone_parser
from cracks.features.computation import Extraction
from cracks.features.extraction import extract_features
from cracks.project.params import load_params
from cracks.project.paths import ARCHIVE, features_path
from cracks.tables.inputs import read_images


def main() -> None:
    """Write `data/features/<backbone>.npy`, one row for each image of `data/images.csv`."""
    parser = backbone_parser(__doc__)
    parser.add_argument("--no-cache", action="store_true", help="compute every row, keep none")
    arguments = parser.parse_args()
    params = load_params()
    extraction = Extraction.by_params(arguments.backbone, params)
    images = read_images()
    output = features_path(arguments.backbone)
    count = extract_features(extraction, ARCHIVE, images, output, use_cache=not arguments.no_cache)
    rows = len(images) * (1 + params.augmentation.views)
    print(f"{arguments.backbone}: {count} rows computed, {rows - count} from the cache")
