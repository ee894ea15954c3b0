"""split: train, valid and test, with all copies of an image on one side."""

from pathlib import Path

import pandas as pd

from cracks.files import write_csv, write_json
from cracks.labels import PARTS
from cracks.params import load_params
from cracks.split import assign_parts, count_split
from cracks.stage import run


def main() -> None:
    """Write data/split.csv and metrics/split.json."""
    params = load_params()
    images = pd.read_csv("data/images.csv", dtype=str, keep_default_na=False)
    split = assign_parts(images, params.split)
    counts = count_split(split)
    write_csv(Path("data/split.csv"), split)
    write_json(Path("metrics/split.json"), counts)
    sizes = ", ".join(f"{(split['part'] == part).sum():,} {part}" for part in PARTS)
    print(f"{sizes}; {counts['test.leaked']:,} test images have a copy in train")


if __name__ == "__main__":
    run(main)
