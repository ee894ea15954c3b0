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

    extraction = computation.extraction
    settings = (extraction.weights, extraction.engine, extraction.precision)
    yield from on_cluster(_Rows(*settings, computation), views)


@dataclass(frozen=True)
class ByBackbone:
    """What every `cracks.tools.cluster.work.Work` here has in common: a backbone computes."""

    weights: Path
    engine: str
    precision: str

    @property
    def on_gpu(self) -> bool:
        """Whether the engine makes use of GPUs."""
        return self.engine == "tensorflow"

    def software(self) -> dict[str, str]:
        """The versions of the code and of what computes the results."""
        return {"code": code_version(cracks), **package_versions(self.engine, self.precision)}


@dataclass(frozen=True)
class _Rows(ByBackbone):
    """The computation of rows."""

    computation: Computation

    def reading(self) -> AbstractContextManager[Read]:
        return self.computation.reading()

    def load(self, weights: Path) -> Callable[[Iterable[tuple[View, bytes]]], Iterator[Batch]]:
        compute = self.computation.load(weights)

        def compute_pairs(pairs: Iterable[tuple[View, bytes]]) -> Iterator[Batch]:
            images = dict(pairs)
            return compute(images, images.__getitem__)

        return compute_pairs
