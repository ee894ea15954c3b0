"""The classification of image files and the maps of photographs by the workers of a Ray cluster."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cracks.cells.head import CellHead
from cracks.classifier.classifier import Trained, load_trained
from cracks.images.decoding import RGB, decode
from cracks.images.files import read_file
from cracks.project.errors import CracksError
from cracks.project.params import Params
from cracks.project.paths import weights_path
from cracks.tools.cluster.features import software
from cracks.tools.cluster.work import on_cluster
from cracks.tools.photographs import read_inputs
from cracks.tools.walls.cells import cell_classifier, load_trained_cells
from cracks.tools.walls.inspection import Inspection, inspect

Content = bytes | CracksError
"""The bytes of a file, or the reason why it cannot be read."""


def probabilities_on_cluster(
    backbone: str, params: Params, paths: Sequence[Path], unreadable: dict[Path, str]
) -> Iterator[tuple[Path, float]]:
    """P(crack) of each file, in any order, by the classifier that the last `dvc repro` trained.

    Files that cannot be read are left out and noted in `unreadable` with their reason.

    Raises:
        CracksError: as those of `load_trained` and `cracks.tools.cluster.work.on_cluster`.
    """
    work = _Classification(backbone, params.engine, load_trained(backbone))
    for path, found in on_cluster(work, paths):
        if isinstance(found, str):
            unreadable[path] = found
        else:
            yield path, found


def inspections_on_cluster(
    backbone: str,
    params: Params,
    paths: Sequence[Path],
    patch: int,
    mm_per_pixel: float | None,
    head: str | None = None,
) -> Iterator[tuple[Path, Inspection | CracksError]]:
    """`inspect` of each photograph, in any order; or the reason why it could not be mapped.

    `head` names an adapted head.

    Raises:
        CracksError: as those of `load_trained` and `cracks.tools.cluster.work.on_cluster`.
    """
    cells = load_trained_cells(backbone, head)
    yield from on_cluster(_Mapping(backbone, params.engine, cells, patch, mm_per_pixel), paths)


@dataclass(frozen=True)
class _Files:
    """What every `cracks.tools.cluster.work.Work` on files has in common."""

    backbone: str
    engine: str
    trained: Trained | CellHead

    @property
    def weights(self) -> Path:
        return weights_path(self.backbone)

    @property
    def on_gpu(self) -> bool:
        return self.engine == "tensorflow"

    def software(self) -> dict[str, str]:
        origin = self.trained.origin
        return software(self.engine, origin.backbone, origin.precision)

    @contextmanager
    def reading(self) -> Iterator[Callable[[Path], Content]]:
        def read(path: Path) -> Content:
            try:
                return read_file(path)
            except CracksError as error:
                return error

        yield read


@dataclass(frozen=True)
class _Classification(_Files):
    """P(crack) of each file, or the reason why there is none."""

    trained: Trained

    def load(
        self, weights: Path
    ) -> Callable[[Iterable[tuple[Path, Content]]], Iterator[tuple[Path, float | str]]]:
        classifier = self.trained.classifier(self.engine, weights)

        def classify(
            pairs: Iterable[tuple[Path, Content]],
        ) -> Iterator[tuple[Path, float | str]]:
            contents, unreadable = dict(pairs), dict[Path, str]()

            def open_path(path: Path) -> RGB:
                content = contents[path]
                if isinstance(content, CracksError):
                    raise content
                return decode(content)

            inputs = read_inputs(contents, classifier.image_size, unreadable, open_path)
            yield from classifier.probabilities(inputs)
            yield from unreadable.items()

        return classify


@dataclass(frozen=True)
class _Mapping(_Files):
    """The inspection of each photograph, or the reason why there is none."""

    trained: CellHead
    patch: int
    mm_per_pixel: float | None

    def load(
        self, weights: Path
    ) -> Callable[
        [Iterable[tuple[Path, Content]]], Iterator[tuple[Path, Inspection | CracksError]]
    ]:
        classifier = cell_classifier(self.trained, self.engine, weights)

        def map_content(path: Path, content: Content) -> Inspection | CracksError:
            if isinstance(content, CracksError):
                return content
            try:
                rgb = decode(content)
                return inspect(rgb, path.name, classifier, self.patch, self.mm_per_pixel)
            except CracksError as error:
                return error

        return lambda pairs: ((path, map_content(path, content)) for path, content in pairs)
