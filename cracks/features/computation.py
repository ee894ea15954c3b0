"""The computation of features: bytes of an image -> pixels -> frozen backbone -> a row of numbers.

Where rows are computed makes no difference to keys, cache and output. An executor other
than this process, such as a cluster, registers itself with `use_executor`.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np

from cracks.backbones.engines.batches import Pixels, full_batch, run_batched
from cracks.backbones.engines.registry import Features, load_engine
from cracks.features.augmentation import Augment, load_augment
from cracks.images.archive import open_archive, read_member
from cracks.images.decoding import RGB, decode, to_input
from cracks.images.prefetch import prefetch
from cracks.project.errors import CracksError
from cracks.project.params import Augmentation, Params
from cracks.project.paths import weights_path


@dataclass(frozen=True)
class Extraction:
    """Everything that determines the features of an image, besides the image."""

    backbone: str
    weights: Path
    image_size: int
    engine: str
    precision: str
    augmentation: Augmentation

    @classmethod
    def by_params(cls, backbone: str, params: Params) -> Self:
        """The extraction that the parameters describe, with the weights that `weights` wrote."""
        return cls(
            backbone=backbone,
            weights=weights_path(backbone),
            image_size=params.image_size,
            engine=params.engine,
            precision=params.precision,
            augmentation=params.augmentation,
        )

    def load(self) -> Callable[[Pixels], Features]:
        """The function from pixels to features.

        The engine sees full batches only, so that the bits of a row cannot depend on how many
        other rows were missing in the cache, whatever the processor.
        """
        run = load_engine(self.engine, self.backbone, self.weights, self.image_size, self.precision)
        return lambda pixels: run(full_batch(pixels))[: len(pixels)]


@dataclass(frozen=True)
class View:
    """One row to compute: a view of an image and where its features go."""

    index: int  # of the image in the table
    name: str
    sha256: str
    number: int  # 0 is the image itself
    key: bytes  # in the feature cache


Read = Callable[[View], bytes]
"""Reads the file of the image of a view."""

Batch = tuple[list[View], Features]
"""Views and a row of features for each."""

Compute = Callable[[Iterable[View], Read], Iterator[Batch]]


@dataclass(frozen=True)
class Computation:
    """The computation of the rows of one archive; it can be pickled."""

    extraction: Extraction
    archive: Path

    @contextmanager
    def reading(self) -> Iterator[Read]:
        """The function that reads the image of a view, on the machine that has the archive."""
        with open_archive(self.archive) as members:
            yield lambda view: read_member(members, view.name)

    def load(self, weights: Path | None = None) -> Compute:
        """The function that computes rows.

        Args:
            weights: where the backbone's weights are; by default, where the extraction says.
        """
        extraction = replace(self.extraction, weights=weights or self.extraction.weights)
        engine = extraction.load()
        augment = load_augment(extraction.augmentation) if extraction.augmentation.views else None

        def compute(views: Iterable[View], read: Read) -> Iterator[Batch]:
            pixels = prefetch(lambda view: self._pixels(view, read(view), augment), views)
            return run_batched(engine, pixels)

        return compute

    def _pixels(self, view: View, data: bytes, augment: Augment | None) -> RGB:
        if hashlib.sha256(data).hexdigest() != view.sha256:
            raise CracksError(
                f"Expected {view.name!r} in {self.archive} as the audit saw it, found other bytes; "
                "the archive changed: run `dvc repro` again."
            )
        pixels = to_input(decode(data), self.extraction.image_size)
        return augment(pixels, view.sha256, view.number) if view.number and augment else pixels


Executor = Callable[[Computation, Iterable[View]], Iterator[Batch]]
"""What computes rows somewhere: batches may come in any order."""


def in_this_process(computation: Computation, views: Iterable[View]) -> Iterator[Batch]:
    """The default executor."""
    compute = computation.load()
    with computation.reading() as read:
        yield from compute(views, read)


_executors: list[Executor] = [in_this_process]


def use_executor(executor: Executor) -> None:
    """Compute rows by this executor from now on."""
    _executors[:] = [executor]


def compute_rows(extraction: Extraction, archive: Path, views: Iterable[View]) -> Iterator[Batch]:
    """Compute rows a batch at a time, by the executor that was registered last.

    Raises:
        CracksError: if an image changed since the audit, or a feature is NaN or infinite.
    """
    (executor,) = _executors
    for batch, rows in executor(Computation(extraction, archive), views):
        finite = np.isfinite(rows).all(axis=1)
        if not finite.all():
            raise CracksError(
                f"Expected finite features of {batch[int(finite.argmin())].name!r}, found NaN or "
                f"infinity; check {extraction.weights}, or set another precision or engine."
            )
        yield batch, rows
