"""Score the trained classifiers on labelled images of another camera, another wall.

worked example:
  python -m cracks.external sdnet2018-walls.zip
  python -m cracks.external photos-of-the-bridge --positive-class cracked --name bridge

The images lie in two class folders, in a zip archive or in a folder. The results go to
external/<name>/, never to metrics/, so that they do not mix with those of the test part.
"""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from cracks.archive import write_archive
from cracks.audit import audit_archive
from cracks.backbones import weights_path
from cracks.classifier import load_classifier
from cracks.errors import CracksError, one_sentence
from cracks.evaluation import Metrics, evaluate_part
from cracks.features import Extraction, extract_features
from cracks.files import write_csv, write_json
from cracks.labels import CLASSES
from cracks.params import Params, Photos, load_params
from cracks.rows import FEATURES, open_rows
from cracks.sources import Members, archive_members, photos
from cracks.verdict import title

SHOWN = ("recall", "missed", "accuracy", "precision", "specificity", "roc_auc", "loss", "images")


def main() -> None:
    """Run the command."""
    arguments = _parser().parse_args()
    params = load_params()
    positive = arguments.positive_class or params.positive_class
    source = Path(arguments.source)
    output = Path("external") / (arguments.name or source.stem)
    with TemporaryDirectory() as folder:
        archive = Path(folder) / "images.zip"
        write_archive(archive, _members(source, positive))
        audit = audit_archive(archive, positive, params.audit.max_rejected)
        images, seen = _unseen(audit.images)
        scores = {b: _scores(b, params, archive, images, Path(folder)) for b in params.weights}
    metrics = _evaluate(scores, images, params)
    metrics |= {"rejected": len(audit.rejected), "seen_by_the_pipeline": seen}
    write_json(output / "metrics.json", metrics)
    write_csv(output / "predictions.csv", _predictions(scores, images), digits=6)
    _print(metrics, list(scores), output)


def _members(source: Path, positive_class: str) -> Members:
    if source.is_dir():
        return photos(source, Photos(limit=None, seed=0), positive_class)
    if source.is_file():
        return archive_members(source, positive_class)
    raise CracksError(f"Expected a zip archive or a folder of images at {source}, found none.")


def _unseen(images: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """The images whose bytes are not among the pipeline's own, and the number of those left out."""
    try:
        own = set(pd.read_csv("data/images.csv", dtype=str)["sha256"])
    except FileNotFoundError:
        own = set()
    new = images[~images["sha256"].isin(own)].reset_index(drop=True)
    if new.empty:
        raise CracksError(
            f"Expected images that the pipeline never saw, found none among {len(images):,}; "
            "metrics/evaluate.json has what it says of its own test part."
        )
    return new, len(images) - len(new)


def _scores(
    backbone: str, params: Params, archive: Path, images: pd.DataFrame, folder: Path
) -> np.ndarray:
    """P(crack) of each image, by the pipeline's own way to features."""
    classifier = load_classifier(backbone, params)
    extraction = Extraction(
        backbone=backbone,
        weights=weights_path(backbone),
        image_size=params.image_size,
        engine=params.engine,
        precision=params.precision,
        augmentation=params.augmentation.model_copy(update={"views": 0}),
    )
    path = folder / f"{backbone}.npy"
    extract_features(extraction, archive, images, path)
    _, features = open_rows(path, FEATURES)
    return classifier.head.probability(np.asarray(features[:, 0]))


def _evaluate(
    scores: dict[str, np.ndarray],
    images: pd.DataFrame,
    params: Params,
) -> Metrics:
    labels = np.array([CLASSES.index(label) for label in images["label"]])
    metrics: Metrics = {}
    for backbone, probability in scores.items():
        threshold = load_classifier(backbone, params).threshold
        found = evaluate_part(labels, probability, threshold) | {"threshold": threshold}
        metrics |= {f"{backbone}.{name}": value for name, value in found.items()}
    return metrics


def _predictions(scores: dict[str, np.ndarray], images: pd.DataFrame) -> pd.DataFrame:
    tables = [
        images[["id", "label"]].assign(backbone=backbone, probability=probability)
        for backbone, probability in scores.items()
    ]
    return pd.concat(tables, ignore_index=True)


def _print(metrics: Metrics, backbones: list[str], output: Path) -> None:
    print(f"{'':22}" + "".join(f"{title(backbone):>26}" for backbone in backbones))
    for name in SHOWN:
        cells = [_cell(metrics, f"{backbone}.{name}") for backbone in backbones]
        print(f"{name:22}" + "".join(f"{cell:>26}" for cell in cells))
    if metrics["seen_by_the_pipeline"]:
        print(f"Left out: {metrics['seen_by_the_pipeline']:,} images that the pipeline has seen.")
    print(f"Written to {output}/. Images of one source do not speak for another.")


def _cell(metrics: Metrics, key: str) -> str:
    value = metrics[key]
    if f"{key}_low" in metrics:
        low, high = metrics[f"{key}_low"], metrics[f"{key}_high"]
        return f"{value:.4f} [{low:.4f}, {high:.4f}]"
    return f"{value:.4f}" if isinstance(value, float) else f"{value:,}"


def _parser() -> argparse.ArgumentParser:
    description, _, epilog = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="python -m cracks.external",
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("source", help="zip archive or folder with two class folders")
    parser.add_argument("--positive-class", help="the folder that holds the cracks")
    parser.add_argument("--name", help="of the results' folder; that of the source")
    return parser


if __name__ == "__main__":
    with one_sentence():
        main()
