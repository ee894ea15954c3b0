"""The cluster as an executor of features. It registers itself; the core does not know of it."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import cracks
from cracks.features.computation import Batch, Computation, Read, View, use_executor
from cracks.features.context import package_versions
from cracks.runtime.cache_folder import code_version
from cracks.tools.cluster.address import cluster_address


def use_cluster() -> None:
    """Compute features on the Ray cluster at `RAY_ADDRESS` from now on, if that is set."""
    if cluster_address():
        use_executor(compute_on_cluster)


def compute_on_cluster(computation: Computation, views: Iterable[View]) -> Iterator[Batch]:
    """The `Executor` of the cluster.

    Raises:
        CracksError: as those of `cracks.tools.cluster.work.on_cluster`.
    """
    from cracks.tools.cluster.work import on_cluster

    yield from on_cluster(_Rows(computation), views)


def software(engine: str, backbone: str, precision: str) -> dict[str, str]:
    """What has to be the same on all nodes for the same results; see `Work.software`."""
    return {"code": code_version(cracks), **package_versions(engine, backbone, precision)}


@dataclass(frozen=True)
class _Rows:
    """The computation of rows as `cracks.tools.cluster.work.Work`."""

    computation: Computation

    @property
    def weights(self) -> Path:
        return self.computation.extraction.weights

    @property
    def on_gpu(self) -> bool:
        return self.computation.extraction.engine == "tensorflow"

    def software(self) -> dict[str, str]:
        extraction = self.computation.extraction
        return software(extraction.engine, extraction.backbone, extraction.precision)

    def reading(self) -> AbstractContextManager[Read]:
        return self.computation.reading()

    def load(self, weights: Path) -> Callable[[Iterable[tuple[View, bytes]]], Iterator[Batch]]:
        compute = self.computation.load(weights)

        def compute_pairs(pairs: Iterable[tuple[View, bytes]]) -> Iterator[Batch]:
            images = dict(pairs)
            return compute(images, images.__getitem__)

        return compute_pairs
