"""Extraction of features: archive -> decoded pixels -> frozen backbone -> one memory-mapped file.

Only rows that the feature cache does not hold are computed. Decoding runs in threads ahead of the
backbone (Pillow releases the interpreter's lock), and rows go straight into the output file, so
memory does not grow with the number of images.
"""

import hashlib
import os
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import cracks.backbones
import cracks.features
import cracks.images
import cracks.sources.sample
from cracks.backbones.catalogue import backbone_named
from cracks.backbones.engines.batches import Pixels, full_batch, run_batched
from cracks.backbones.engines.registry import Features, engine_versions, load_engine
from cracks.features.augmentation import Augment, augmentation_context, load_augment
from cracks.features.cache import FeatureCache, row_key
from cracks.images.archive import open_archive, read_member
from cracks.images.decoding import DECODING_PACKAGES, RGB, decode, to_input
from cracks.images.prefetch import prefetch
from cracks.pipeline import keras_import
from cracks.pipeline.cache_folder import code_version
from cracks.pipeline.errors import CracksError
from cracks.pipeline.outputs import replacing, sha256_of
from cracks.pipeline.params import Augmentation
from cracks.pipeline.progress import progress
from cracks.pipeline.row_file import FEATURES, create_rows

Matrix = NDArray[np.float32]

_COMPUTING = (
    cracks.images,
    cracks.sources.sample,  # draws what backbones are quantised by
    cracks.backbones,
    cracks.features,
    keras_import,
)

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
        """The function from pixels to features.

        The engine sees full batches alone, so that the bits of a row cannot depend on how many
        other rows were missing in the cache, whatever the processor.
        """
        run = load_engine(self.engine, self.backbone, self.weights, self.image_size, self.precision)
        return lambda pixels: run(full_batch(pixels))[: len(pixels)]

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
            "packages": package_versions(self.engine),
            "code": code_version(*_COMPUTING),
        }

    def contexts(self) -> tuple[dict[str, object], dict[str, object]]:
        """`context()` of images themselves, and the one of their augmented views."""
        plain = self.context()
        return plain, plain | {"augmentation": augmentation_context(self.augmentation)}


def package_versions(engine: str) -> dict[str, str]:
    """The versions of the packages that features depend on."""
    return engine_versions(engine) | {package: version(package) for package in DECODING_PACKAGES}


@dataclass(frozen=True)
class View:
    """One row to compute: a view of an image and where its features go."""

    index: int  # of the image in the table
    name: str
    sha256: str
    number: int  # 0 is the image itself
    key: bytes  # in the feature cache


Batch = tuple[list[View], Features]
"""Views and a row of features for each."""


class _Views:
    """All rows of the output by their place; each is made when it is asked for."""

    def __init__(self, extraction: Extraction, images: pd.DataFrame) -> None:
        self.contexts = extraction.contexts()
        self._names = images["id"].to_numpy()
        self._hashes = images["sha256"].to_numpy()
        self._per_image = 1 + extraction.augmentation.views

    def __len__(self) -> int:
        return len(self._names) * self._per_image

    def __getitem__(self, place: int) -> View:
        index, number = divmod(place, self._per_image)
        name, sha256 = str(self._names[index]), str(self._hashes[index])
        context = self.contexts[1 if number else 0]
        return View(index, name, sha256, number, row_key(context, sha256, number))


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
        views = _Views(extraction, images)
        missing = _fill_from_cache(features, views, cache) if cache else range(len(views))
        if missing:
            wanted = (views[place] for place in missing)
            bar = progress(total=len(missing), desc=extraction.backbone, unit="img")
            stack.enter_context(bar)
            for some, result in compute_rows(extraction, archive, wanted):
                _keep(features, cache, some, result)
                bar.update(len(some))
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


def _fill_from_cache(features: Matrix, views: _Views, cache: FeatureCache) -> Sequence[int]:
    """Fill the rows that are cached and return the places of those that are not."""
    for context in views.contexts:
        cache.describe(context)
    missing = array("q")
    for start in range(0, len(views), _ROWS_PER_LOOKUP):
        places = range(start, min(start + _ROWS_PER_LOOKUP, len(views)))
        some = [views[place] for place in places]
        found = cache.get([view.key for view in some])
        for place, view in zip(places, some, strict=True):
            if view.key in found:
                features[view.index, view.number] = found[view.key]
            else:
                missing.append(place)
    return missing


def _keep(
    features: Matrix, cache: FeatureCache | None, views: list[View], result: Features
) -> None:
    for view, row in zip(views, result, strict=True):
        features[view.index, view.number] = row
    if cache:
        cache.put({view.key: row for view, row in zip(views, result, strict=True)})


def compute_rows(extraction: Extraction, archive: Path, views: Iterable[View]) -> Iterator[Batch]:
    """Compute rows a batch at a time: on the Ray cluster at `RAY_ADDRESS`, else in this process.

    This is all that depends on where features are computed; keys, cache and output do not. Batches
    from a cluster come in any order.
    """
    computation = _Computation(extraction, archive)
    if os.environ.get("RAY_ADDRESS"):
        from cracks.pipeline.cluster import on_cluster

        results = on_cluster(computation, views)
    else:
        results = computation.run_here(views)
    for batch, result in results:
        _check_finite(extraction, batch, result)
        yield batch, result


def _check_finite(extraction: Extraction, views: list[View], rows: Features) -> None:
    finite = np.isfinite(rows).all(axis=1)
    if not finite.all():
        raise CracksError(
            f"Expected finite features of {views[int(finite.argmin())].name!r}, found NaN or "
            f"infinity; check {extraction.weights}, or set another precision or engine."
        )


@dataclass(frozen=True)
class _Computation:
    """The computation of rows in this process, and as `cracks.pipeline.cluster.Work`."""

    extraction: Extraction
    archive: Path

    @property
    def weights(self) -> Path:
        return self.extraction.weights

    @property
    def on_gpu(self) -> bool:
        return self.extraction.engine == "tensorflow"

    def software(self) -> dict[str, str]:
        return {"code": code_version(*_COMPUTING), **package_versions(self.extraction.engine)}

    @contextmanager
    def reading(self) -> Iterator[Callable[[View], bytes]]:
        with open_archive(self.archive) as members:
            yield lambda view: read_member(members, view.name)

    def load(self, weights: Path) -> Callable[[Iterable[tuple[View, bytes]]], Iterator[Batch]]:
        compute = replace(self.extraction, weights=weights).load()
        augment = self._augment()

        def compute_encoded(inputs: Iterable[tuple[View, bytes]]) -> Iterator[Batch]:
            decoded = prefetch(lambda pair: self._pixels(*pair, augment), inputs)
            return run_batched(compute, ((view, pixels) for (view, _), pixels in decoded))

        return compute_encoded

    def run_here(self, views: Iterable[View]) -> Iterator[Batch]:
        compute, augment = self.extraction.load(), self._augment()
        with self.reading() as read:
            pixels = prefetch(lambda view: self._pixels(view, read(view), augment), views)
            yield from run_batched(compute, pixels)

    def _augment(self) -> Augment | None:
        augmentation = self.extraction.augmentation
        return load_augment(augmentation) if augmentation.views else None

    def _pixels(self, view: View, data: bytes, augment: Augment | None) -> RGB:
        if hashlib.sha256(data).hexdigest() != view.sha256:
            raise CracksError(
                f"Expected {view.name!r} in {self.archive} as the audit saw it, found other bytes; "
                "the archive changed: run `dvc repro` again."
            )
        pixels = to_input(decode(data), self.extraction.image_size)
        if view.number and augment:
            return augment(pixels, view.sha256, view.number)
        return pixels
