"""Extraction of features: archive -> decoded pixels -> frozen backbone -> one memory-mapped file.

Only rows that the feature cache does not hold are computed. Decoding runs in threads ahead of the
backbone (Pillow releases the interpreter's lock), and rows go straight into the output file, so
memory does not grow with the number of images.
"""

from array import array
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cracks.backbones.catalogue import backbone_named
from cracks.backbones.engines.registry import Features
from cracks.features.cache import KEYS_PER_QUERY, FeatureCache, row_key
from cracks.features.computation import Extraction, View, compute_rows
from cracks.features.context import contexts_of
from cracks.project.errors import CracksError
from cracks.project.outputs import replacing
from cracks.runtime.progress import progress
from cracks.tables.row_file import FEATURES, create_rows

Matrix = NDArray[np.float32]


class _Views:
    """All rows of the output by position, created on access."""

    def __init__(self, extraction: Extraction, images: pd.DataFrame) -> None:
        self.contexts = contexts_of(extraction)
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
        output: the file to write, in the form of `cracks.tables.row_file`.
        use_cache: False computes every row and keeps none.

    Returns:
        The number of rows that were computed; the others came from the cache.

    Raises:
        CracksError: if the archive changed since the audit or while it is read, or a feature is NaN
            or infinite.
    """
    before = _identity(archive)
    shape = (1 + extraction.augmentation.views, backbone_named(extraction.backbone).features)
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
                if not bar.n:
                    bar.unpause()  # without the time that the backbone took to convert and to load
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
    for start in range(0, len(views), KEYS_PER_QUERY):
        places = range(start, min(start + KEYS_PER_QUERY, len(views)))
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
    features[[view.index for view in views], [view.number for view in views]] = result
    if cache:
        cache.put(dict(zip((view.key for view in views), result, strict=True)))
