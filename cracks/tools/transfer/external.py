"""Trained classifiers on labelled images of another camera or another wall."""

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cracks.classifier.classifier import load_trained
from cracks.dataset.audit import audit_archive, fingerprint_members
from cracks.dataset.duplicates import find_copies
from cracks.evaluation.metrics import Metrics, Scored, evaluate_part
from cracks.features.computation import Extraction
from cracks.features.extraction import extract_features
from cracks.heads.head import Origin, training_statistics
from cracks.images.archive import write_archive
from cracks.project.errors import CracksError
from cracks.project.params import AuditLimits, Params
from cracks.project.paths import ARCHIVE, EVALUATION, IMAGES, head_path
from cracks.project.temporary import temporary_folder
from cracks.tables.inputs import read_images
from cracks.tables.row_file import FEATURES, open_rows
from cracks.tools.transfer.elsewhere import labelled_images
from cracks.tools.transfer.standardisation import check_enough, standardised


class External(NamedTuple):
    """Results on images that are not in the pipeline's own dataset."""

    metrics: Metrics
    predictions: pd.DataFrame  # id, label, backbone, probability


def score_images(
    source: Path, positive_class: str, params: Params, *, standardise: bool = False
) -> External:
    """Score every classifier on the labelled images of a zip archive or a folder.

    Copies of the pipeline's own images are left out: identical, recompressed, mirrored or rotated.

    Args:
        source: the archive or the folder.
        positive_class: its class folder of the cracks.
        params: of the pipeline.
        standardise: whether features are standardised by those of the images that are left; see
            `cracks.tools.transfer.standardisation`.

    Raises:
        CracksError: if there are no two class folders, no image is new, or there are too few to
            standardise by.
    """
    with temporary_folder() as folder:
        archive = folder / "images.zip"
        write_archive(archive, labelled_images(source, positive_class))
        audit = audit_archive(archive, positive_class, params.audit, str(source))
        images, seen = unseen(archive, audit.images, params.audit)
        if standardise:
            check_enough(len(images))
        trained = {backbone: load_trained(backbone) for backbone in params.weights}
        metrics: Metrics = {}
        predictions = []
        for backbone, one in trained.items():
            head = one.head
            features = features_as_trained(backbone, one.origin, params, archive, images, folder)
            if standardise:
                head = standardised(head, training_statistics(head_path(backbone)), features)
            probability = head.probability(features)
            found = evaluate_part(Scored.of_images(images, probability, one.threshold))
            metrics |= {f"{backbone}.{name}": value for name, value in found.items()}
            named = images[["id", "label"]]
            predictions.append(named.assign(backbone=backbone, probability=probability))
    metrics |= {"rejected": len(audit.rejected), "seen_by_the_pipeline": seen}
    return External(metrics, pd.concat(predictions, ignore_index=True))


def seen_sentence(seen: int) -> str:
    """What to say of the images that `unseen` leaves out."""
    return f"Left out: {seen:,} images of the pipeline's dataset, or copies of them."


def unseen(archive: Path, images: pd.DataFrame, limits: AuditLimits) -> tuple[pd.DataFrame, int]:
    """The images that are not copies of the pipeline's own, and the number of those left out."""
    if not IMAGES.exists():
        return images, 0
    own = read_images()
    known = images["sha256"].isin(own["sha256"]).to_numpy()
    if ARCHIVE.exists():
        known = known | _copied(own, images, archive, limits)
    new = images[~known].reset_index(drop=True)
    if new.empty:
        raise CracksError(
            f"Expected images from outside the pipeline's dataset, found only its own "
            f"({len(images):,}); {EVALUATION} has the results on them."
        )
    return new, len(images) - len(new)


def _copied(
    own: pd.DataFrame, images: pd.DataFrame, archive: Path, limits: AuditLimits
) -> NDArray[np.bool_]:
    """Which of the images in `archive` are copies of one of the pipeline's own, `own`."""
    ours = fingerprint_members(ARCHIVE, list(own["id"]), limits)
    theirs = fingerprint_members(archive, list(images["id"]), limits)
    hashes = np.concatenate([ours.hashes, theirs.hashes])
    thumbnails = np.concatenate([ours.thumbnail, theirs.thumbnail])
    first, second = find_copies(hashes, thumbnails).pairs.T
    return np.isin(len(own) + np.arange(len(images)), second[first < len(own)])


def features_as_trained(
    backbone: str, origin: Origin, params: Params, archive: Path, images: pd.DataFrame, folder: Path
) -> NDArray[np.float32]:
    """The features of each image `[n, channels]`, extracted as for the training of the head."""
    extraction = replace(
        Extraction.by_params(backbone, params),
        image_size=origin.image_size,
        precision=origin.precision,
        augmentation=params.augmentation.model_copy(update={"views": 0}),
    )
    path = folder / f"{backbone}.npy"
    extract_features(extraction, archive, images, path)
    return np.array(open_rows(path, FEATURES)[1][:, 0])
