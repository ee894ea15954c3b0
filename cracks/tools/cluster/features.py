"""The cluster as an executor of features. It registers itself; the core does not know of it."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import cracks
from cracks.backbones.engines.registry import dependencies
from cracks.features.computation import Batch, Computation, Read, View, use_executor
from cracks.features.context import package_versions
from cracks.project.outputs import sha256_of
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

    of = computation.extraction
    settings = (of.backbone, of.weights, of.engine, of.precision)
    yield from on_cluster(_Rows(*settings, computation), views)


@dataclass(frozen=True)
class ByBackbone:
    """What every `cracks.tools.cluster.work.Work` here has in common: a backbone computes."""

    backbone: str
    weights: Path
    engine: str
    precision: str

    @property
    def on_gpu(self) -> bool:
        """Whether the engine makes use of GPUs."""
        return self.engine == "tensorflow"

    def software(self) -> dict[str, str]:
        """The versions of the code, of its data and of the packages that compute the results."""
        settings = (self.engine, self.backbone, self.precision)
        data = [sha256_of(path) for path in dependencies(*settings).files]
        return {"code": code_version(cracks), "data": " ".join(data), **package_versions(*settings)}


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
