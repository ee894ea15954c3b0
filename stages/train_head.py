"""train-head-<backbone>: softmax heads on the frozen features, one a seed; the first is kept."""

import argparse
from importlib.metadata import version

from cracks.backbones.catalogue import BACKBONES
from cracks.heads.head import Origin, folded, save_head
from cracks.heads.training import Recipe, SplitFeatures, train_heads, write_scores
from cracks.pipeline.inputs import read_split
from cracks.pipeline.labels import CLASSES, TRAIN, VALID
from cracks.pipeline.outputs import replacing, sha256_of, write_csv
from cracks.pipeline.params import load_params
from cracks.pipeline.paths import features_path, head_path, history_path, scores_path, weights_path
from cracks.pipeline.progress import progress
from cracks.pipeline.stage import PACKAGES, run


def main() -> None:
    """Write the kept head, the scores of all images by every head, and the kept one's history."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("backbone", choices=BACKBONES)
    backbone = parser.parse_args().backbone
    params = load_params()
    recipe = Recipe(params.epochs, params.batch_size, params.learning_rate, params.l2)
    seeds = range(params.seed, params.seed + params.seeds)
    split = read_split()
    features = SplitFeatures(features_path(backbone), split)
    train, valid = features.examples(TRAIN), features.examples(VALID)

    with progress(total=params.epochs, desc=f"heads on {backbone}", unit="epoch") as bar:
        heads, history = train_heads(recipe, seeds, train, valid, after_epoch=bar.update)
    origin = Origin(
        backbone=backbone,
        layer=BACKBONES[backbone].layer,
        weights_sha256=sha256_of(weights_path(backbone)),
        image_size=params.image_size,
        precision=params.precision,
        dataset=params.dataset,
        classes=CLASSES,
        packages={package: version(package) for package in PACKAGES},
    )
    save_head(heads[0], origin, head_path(backbone))
    write_csv(history_path(backbone), history)
    with replacing(scores_path(backbone)) as temporary:
        write_scores(temporary, list(split["id"]), features.score([folded(head) for head in heads]))
    best = history[history["part"] == VALID].set_index("epoch")["loss"].idxmin()
    print(
        f"{backbone}: {params.seeds} heads on {len(train[0])} rows; kept the one of seed "
        f"{params.seed}, as it was after epoch {best} of {params.epochs}"
    )


if __name__ == "__main__":
    run(main)
