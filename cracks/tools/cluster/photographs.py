"""The classification of image files and the maps of photographs by the workers of a Ray cluster."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cracks.cells.head import CellHead
from cracks.classifier.classifier import Trained
from cracks.heads.head import Origin
from cracks.images.decoding import RGB, decode
from cracks.images.files import read_file
from cracks.project.errors import CracksError, attempt
from cracks.project.params import Params
from cracks.project.paths import weights_path
from cracks.tools.cluster.features import ByBackbone
from cracks.tools.cluster.work import on_cluster
from cracks.tools.photographs import read_inputs
from cracks.tools.walls.cells import cell_classifier
from cracks.tools.walls.inspection import Inspection, inspect

Content = bytes | CracksError
"""The bytes of a file, or the reason why it cannot be read."""

Files = Iterable[tuple[Path, Content]]


def probabilities_on_cluster(
    trained: Trained, params: Params, paths: Sequence[Path], unreadable: dict[Path, str]
) -> Iterator[tuple[Path, float]]:
    """P(crack) of each file, in any order, by a trained classifier.

    Files that cannot be read are left out and noted in `unreadable` with their reason.

    Raises:
        CracksError: as those of `cracks.tools.cluster.work.on_cluster`.
    """
    work = _Classification(*_settings(trained.origin, params), trained)
    for path, found in on_cluster(work, paths):
        if isinstance(found, str):
            unreadable[path] = found
        else:
            yield path, found


def inspections_on_cluster(
    cells: CellHead, params: Params, paths: Sequence[Path], patch: int, mm_per_pixel: float | None
) -> Iterator[tuple[Path, Inspection | CracksError]]:
    """`inspect` of each photograph, in any order; or the reason why it could not be mapped.

    Raises:
        CracksError: as those of `cracks.tools.cluster.work.on_cluster`.
    """
    work = _Mapping(*_settings(cells.origin, params), cells, patch, mm_per_pixel)
    return on_cluster(work, paths)


def _settings(origin: Origin, params: Params) -> tuple[str, Path, str, str]:
    return origin.backbone, weights_path(origin.backbone), params.engine, origin.precision


@dataclass(frozen=True)
class _OnFiles(ByBackbone):
    """Work on files, which are decoded by the workers."""

    def reading(self) -> AbstractContextManager[Callable[[Path], Content]]:
        return nullcontext(partial(attempt, read_file))


def _decoded(content: Content) -> RGB:
    if isinstance(content, CracksError):
        raise content
    return decode(content)


@dataclass(frozen=True)
class _Classification(_OnFiles):
    """P(crack) of each file, or the reason why there is none."""

    trained: Trained

    def load(self, weights: Path) -> Callable[[Files], Iterator[tuple[Path, float | str]]]:
        classifier = self.trained.classifier(self.engine, weights)

        def classify(files: Files) -> Iterator[tuple[Path, float | str]]:
            contents, unreadable = dict(files), dict[Path, str]()
            inputs = read_inputs(
                contents, classifier.image_size, unreadable, lambda path: _decoded(contents[path])
            )
            yield from classifier.probabilities(inputs)
            yield from unreadable.items()

        return classify


@dataclass(frozen=True)
class _Mapping(_OnFiles):
    """The inspection of each photograph, or the reason why there is none."""

    cells: CellHead
    patch: int
    mm_per_pixel: float | None

    def load(
        self, weights: Path
    ) -> Callable[[Files], Iterator[tuple[Path, Inspection | CracksError]]]:
        classifier = cell_classifier(self.cells, self.engine, weights)

        def inspected(path: Path, content: Content) -> Inspection:
            return inspect(_decoded(content), path.name, classifier, self.patch, self.mm_per_pixel)

        return lambda files: ((path, attempt(inspected, path, content)) for path, content in files)
