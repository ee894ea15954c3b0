"""split: assign images to train, valid and test; copies and photographs stay together."""

from cracks.dataset.photographs import photograph_rule, photographs_of
from cracks.dataset.split import PHOTOGRAPH, assign_parts, count_split
from cracks.pipeline.inputs import read_images
from cracks.pipeline.labels import PARTS
from cracks.pipeline.outputs import write_csv, write_json
from cracks.pipeline.params import load_params
from cracks.pipeline.paths import SPLIT, SPLIT_METRICS
from cracks.pipeline.stage import run


def main() -> None:
    """Write data/split.csv and metrics/split.json."""
    params = load_params()
    images = read_images()
    if rule := photograph_rule(params):
        images[PHOTOGRAPH] = photographs_of(images["id"], rule)
    split = assign_parts(images, params.split)
    counts = count_split(split)
    write_csv(SPLIT, split)
    write_json(SPLIT_METRICS, counts)
    sizes = ", ".join(f"{(split['part'] == part).sum():,} {part}" for part in PARTS)
    print(f"{sizes}; {counts['test.leaked']:,} test images have a copy in train")
    if PHOTOGRAPH in split:
        photographs = ", ".join(f"{counts[f'{part}.photographs']:,} {part}" for part in PARTS)
        shared = counts["test.photograph_in_train"]
        print(f"photographs: {photographs}; {shared:,} test images are from one in train")


if __name__ == "__main__":
    run(main)
