"""train-head@<backbone>: softmax heads on frozen features, one for each seed; the first is kept."""

from cracks.backbones.catalogue import backbone_parser
from cracks.heads.head import Origin, save_head
from cracks.heads.training import Recipe, SplitFeatures, train_heads, write_scores
from cracks.project.outputs import FINE_DIGITS, replacing, write_csv
from cracks.project.params import load_params
from cracks.project.paths import features_path, head_path, history_path, scores_path
from cracks.runtime.progress import progress
from cracks.tables.inputs import read_split
from cracks.tables.labels import TRAIN, VALID


def main() -> None:
    """Write the kept head, the scores of all images by every head, and the kept one's history."""
    backbone = backbone_parser(__doc__).parse_args().backbone
    params = load_params()
    recipe = Recipe.by_params(params)
    seeds = range(params.seed, params.seed + params.seeds)
    split = read_split()
    features = SplitFeatures(features_path(backbone), split)
    train, valid = features.examples(TRAIN), features.examples(VALID)

    with progress(total=params.epochs, desc=f"heads on {backbone}", unit="epoch") as bar:
        heads, history = train_heads(recipe, seeds, train, valid, after_epoch=bar.update)
    origin = Origin.of_training(backbone, params.dataset, params)
    save_head(heads[0], origin, head_path(backbone))
    write_csv(history_path(backbone), history, FINE_DIGITS)
    scores = features.score([head.linear() for head in heads])
    with replacing(scores_path(backbone)) as temporary:
        write_scores(temporary, list(split["id"]), scores)
    best = history[history["part"] == VALID].set_index("epoch")["loss"].idxmin()
    print(
        f"{backbone}: {params.seeds} heads on {len(train[0])} rows; kept the one of seed "
        f"{params.seed}, as it was after epoch {best} of {params.epochs}"
    )
