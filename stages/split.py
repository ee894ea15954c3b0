"""split: assign images to train, valid and test, all copies of an image to the same part."""

from cracks.dataset.split import assign_parts, count_split
from cracks.pipeline.inputs import read_images
from cracks.pipeline.labels import PARTS
from cracks.pipeline.outputs import write_csv, write_json
from cracks.pipeline.params import load_params
from cracks.pipeline.paths import SPLIT, SPLIT_METRICS
from cracks.pipeline.stage import run


def main() -> None:
    """Write data/split.csv and metrics/split.json."""
    params = load_params()
    split = assign_parts(read_images(), params.split)
    counts = count_split(split)
    write_csv(SPLIT, split)
    write_json(SPLIT_METRICS, counts)
    sizes = ", ".join(f"{(split['part'] == part).sum():,} {part}" for part in PARTS)
    print(f"{sizes}; {counts['test.leaked']:,} test images have a copy in train")


if __name__ == "__main__":
    run(main)
