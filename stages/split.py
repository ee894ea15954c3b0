"""split: assign images to train, valid and test; copies and photographs stay together."""

from cracks.dataset.photographs import photograph_rule, photographs_of
from cracks.dataset.split import (
    PHOTOGRAPH,
    assign_parts,
    count_split,
    describe_shares,
    parts_of_images,
)
from cracks.project.outputs import write_counts, write_csv
from cracks.project.params import load_params
from cracks.project.paths import PARTS_OF_IMAGES, SPLIT, SPLIT_COUNTS
from cracks.tables.inputs import read_images
from cracks.tables.labels import PARTS


def main() -> None:
    """Write data/split.csv, and metrics/split.csv and images.csv for Git."""
    params = load_params()
    images = read_images()
    if rule := photograph_rule(params):
        images[PHOTOGRAPH] = photographs_of(images["id"], rule)
    split = assign_parts(images, params.split)
    counts = count_split(split)
    write_csv(SPLIT, split)
    write_counts(SPLIT_COUNTS, counts)
    write_csv(PARTS_OF_IMAGES, parts_of_images(split))
    sizes = ", ".join(f"{(split['part'] == part).sum():,} {part}" for part in PARTS)
    print(f"{sizes}; {counts['test.leaked']:,} test images have a copy in train")
    if PHOTOGRAPH in split:
        photographs = ", ".join(f"{counts[f'{part}.photographs']:,} {part}" for part in PARTS)
        shared = counts["test.photograph_in_train"]
        print(f"photographs: {photographs}; {shared:,} test images are from one in train")
    for line in describe_shares(split, params.split):
        print(line)
