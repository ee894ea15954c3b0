"""Extraction of features: archive -> decoded pixels -> frozen backbone -> one memory-mapped file.

Only rows that the feature cache does not hold are computed. Decoding runs in threads ahead of the
backbone (Pillow releases the interpreter's lock), and rows go straight into the output file, so
memory does not grow with the number of images.
"""

import hashlib
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import cracks.backbones
import cracks.features
import cracks.images
from cracks.backbones.catalogue import backbone_named
from cracks.backbones.engines.batches import Pixels, run_batched
from cracks.backbones.engines.registry import Features, engine_versions, load_engine
from cracks.features.augmentation import Augment, augmentation_context, load_augment
from cracks.features.cache import FeatureCache, row_key
from cracks.images.archive import open_archive, read_member
from cracks.images.decoding import RGB, decode, to_input
from cracks.images.prefetch import prefetch
from cracks.pipeline import keras_import
from cracks.pipeline.cache_folder import code_version
from cracks.pipeline.errors import CracksError
from cracks.pipeline.outputs import replacing, sha256_of
from cracks.pipeline.params import Augmentation
from cracks.pipeline.progress import progress
from cracks.pipeline.row_file import FEATURES, create_rows

Matrix = NDArray[np.float32]

DECODING_PACKAGES = ("numpy", "pillow")
"""What an image passes through before the engine, whose packages are in its registry."""

_COMPUTING = (cracks.images, cracks.backbones, cracks.features, keras_import)

_ROWS_PER_LOOKUP = 1000


@dataclass(frozen=True)
class Extraction:
    """Everything that determines the features of an image, beside the image."""

    backbone: str
    weights: Path
    image_size: int
    engine: str
    precision: str
    augmentation: Augmentation

    def load(self) -> Callable[[Pixels], Features]:
        """The function from pixels to features."""
        return load_engine(
            self.engine, self.backbone, self.weights, self.image_size, self.precision
        )

    def context(self) -> dict[str, object]:
        """The part of a cached row's key that all images share."""
        if not self.weights.is_file():
            raise CracksError(
                f"Expected the weights of {self.backbone} at {self.weights}, found none; "
                "run `dvc repro`."
            )
        return {
            "backbone": self.backbone,
            "weights": sha256_of(self.weights),
            "image_size": self.image_size,
            "engine": self.engine,
            "precision": self.precision,
            "packages": engine_versions(self.engine) | {p: version(p) for p in DECODING_PACKAGES},
            "code": code_version(*_COMPUTING),
        }


@dataclass(frozen=True)
class _View:
    """One row to compute: a view of an image and where its features go."""

    index: int  # of the image in the table
    name: str
    sha256: str
    view: int  # 0 is the image itself
    key: bytes  # in the feature cache


def extract_features(
    extraction: Extraction,
    archive: Path,
    images: pd.DataFrame,
    output: Path,
    *,
    use_cache: bool = True,
) -> int:
    """Write the features of all images, float32 `[1 + views, channels]` a row.

    Args:
        extraction: how.
        archive: zip file that holds the images.
        images: table with the columns `id` (member name) and `sha256` (of the member's bytes).
        output: the file to write, in the form of `cracks.pipeline.row_file`.
        use_cache: False computes every row and keeps none.

    Returns:
        The number of rows that were computed; the others came from the cache.

    Raises:
        CracksError: if the archive changed since the audit or while it is read, or a feature is NaN
            or infinite.
    """
    before = _identity(archive)
    channels = backbone_named(extraction.backbone).features
    shape = (1 + extraction.augmentation.views, channels)
    with ExitStack() as stack:
        temporary = stack.enter_context(replacing(output))
        rows = create_rows(temporary, list(images["id"]), FEATURES, shape)
        features = rows[FEATURES]
        cache = stack.enter_context(FeatureCache()) if use_cache else None
        views = _views(extraction, images)
        missing = _fill_from_cache(features, views, cache) if cache else views
        if missing:
            _compute(extraction, archive, missing, features, cache)
        rows.flush()
        if _identity(archive) != before:
            raise CracksError(f"{archive} changed while it was read; run `dvc repro` again.")
    return len(missing)


def _identity(path: Path) -> tuple[int, ...]:
    try:
        facts = path.stat()
    except FileNotFoundError:
        raise CracksError(f"Expected an archive of images at {path}, found none.") from None
    return facts.st_ino, facts.st_size, facts.st_mtime_ns


def _views(extraction: Extraction, images: pd.DataFrame) -> list[_View]:
    """All rows of the output; the key of view 0 does not depend on the augmentation."""
    shared = extraction.context()
    augmented = shared | {"augmentation": augmentation_context(extraction.augmentation)}
    return [
        _View(index, name, sha256, view, row_key(augmented if view else shared, sha256, view))
        for index, (name, sha256) in enumerate(zip(images["id"], images["sha256"], strict=True))
        for view in range(1 + extraction.augmentation.views)
    ]


def _fill_from_cache(features: Matrix, views: list[_View], cache: FeatureCache) -> list[_View]:
    """Fill the rows that are cached and return the views that are not."""
    missing = []
    for start in range(0, len(views), _ROWS_PER_LOOKUP):
        some = views[start : start + _ROWS_PER_LOOKUP]
        found = cache.get([view.key for view in some])
        for view in some:
            if view.key in found:
                features[view.index, view.view] = found[view.key]
            else:
                missing.append(view)
    return missing


def _compute(
    extraction: Extraction,
    archive: Path,
    missing: list[_View],
    features: Matrix,
    cache: FeatureCache | None,
) -> None:
    engine = extraction.load()
    augment = load_augment(extraction.augmentation) if extraction.augmentation.views else None
    with (
        open_archive(archive) as members,
        progress(total=len(missing), desc=extraction.backbone, unit="img") as bar,
    ):
        inputs = _inputs(members, missing, extraction.image_size, augment)
        for views, result in run_batched(engine, inputs):
            _check_finite(extraction, views, result)
            for view, row in zip(views, result, strict=True):
                features[view.index, view.view] = row
            if cache:
                cache.put({view.key: row for view, row in zip(views, result, strict=True)})
            bar.update(len(views))


def _check_finite(extraction: Extraction, views: list[_View], rows: Features) -> None:
    finite = np.isfinite(rows).all(axis=1)
    if not finite.all():
        raise CracksError(
            f"Expected finite features of {views[int(finite.argmin())].name!r}, found NaN or "
            f"infinity; check {extraction.weights}, or set another precision or engine."
        )


def _inputs(
    members: zipfile.ZipFile, views: list[_View], image_size: int, augment: Augment | None
) -> Iterator[tuple[_View, RGB]]:
    """The pixels of each view, decoded ahead of their use."""

    def read(view: _View) -> RGB:
        data = read_member(members, view.name)
        if hashlib.sha256(data).hexdigest() != view.sha256:
            raise CracksError(
                f"Expected {view.name!r} in {members.filename} as the audit saw it, found other "
                "bytes; the archive changed: run `dvc repro` again."
            )
        pixels = to_input(decode(data), image_size)
        if view.view and augment:
            return augment(pixels, view.sha256, view.view)
        return pixels

    return prefetch(read, views)
