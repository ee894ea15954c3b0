"""Work on a Ray cluster: inputs stream from this machine to workers, results stream back.

Import it only where `cracks.tools.cluster.address` names one. Ray Data moves the inputs, feeds one
worker for each core or GPU, gives the work of a lost node to others, and stops reading while
workers or this process are behind, so memory does not grow with the number of items.
"""

import logging
import os
import pickle
import platform
import socket
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, chdir, closing, contextmanager, suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

from filelock import FileLock

from cracks.project.errors import CracksError, attempt, explained
from cracks.project.outputs import replacing, sha256_of
from cracks.runtime.cache_folder import cache_folder
from cracks.runtime.keras_import import silent_stderr
from cracks.tools.cluster.address import cluster_address

# read when Ray is imported: no telemetry, no log lines of nodes among our own
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_ENABLE_AUTO_CONNECT"] = "0"  # only `_connected` does
os.environ["RAY_BACKEND_LOG_LEVEL"] = "fatal"
os.environ["RAY_DEDUP_LOGS_SKIP_REGEX"] = "."

try:
    import pyarrow as pa
    import ray
    from ray.data import ActorPoolStrategy, DataContext, Datasource, ReadTask, read_datasource
    from ray.data.block import BlockMetadata
    from ray.data.exceptions import ExecutionTimeoutError
    from ray.exceptions import ActorDiedError
except ImportError as error:
    raise CracksError(
        f"Expected Ray because RAY_ADDRESS is set, found none ({error}); run `make cluster`, which "
        "installs requirements-cluster.txt, or unset RAY_ADDRESS to compute in this process."
    ) from None

Item = TypeVar("Item")
Result = TypeVar("Result")
Item_contra = TypeVar("Item_contra", contravariant=True)
Result_co = TypeVar("Result_co", covariant=True)

_READERS = 2
_PARCEL = 64  # items that travel together: some seconds of a core's work
_PARCEL_BYTES = 32_000_000  # or fewer items, if they are large
_PATIENCE = 10  # seconds for an answer of the cluster's head


class Work(Protocol[Item_contra, Result_co]):
    """What the workers do. It is pickled, as are items, inputs and results."""

    @property
    def weights(self) -> Path:
        """A file of this machine that every worker needs."""

    @property
    def on_gpu(self) -> bool:
        """Whether workers make use of GPUs."""

    def software(self) -> Mapping[str, str]:
        """The versions, by name, that have to be the same on all nodes for the same results."""

    def reading(self) -> AbstractContextManager[Callable[[Item_contra], Any]]:
        """The function that reads the input of an item; it is called on this machine."""

    def load(
        self, weights: Path
    ) -> Callable[[Iterable[tuple[Item_contra, Any]]], Iterable[Result_co]]:
        """Once on each worker: the function from items and their inputs to results."""


def on_cluster(work: Work[Item, Result], items: Iterable[Item]) -> Iterator[Result]:
    """The results of all items, in the order in which workers of the cluster return them.

    Args:
        work: what to do with the items.
        items: all are taken at once; each takes some hundred bytes of the object store.

    Raises:
        CracksError: if there is no such cluster, a worker has other code or packages than this
            process, no worker returns anything for half an hour, or the work raises it.
    """
    with _connected(cluster_address()):
        count, gpus = _room(work)
        path = work.weights
        weights = _File(path.name, sha256_of(path), ray.put(path.read_bytes()))
        results = read_datasource(
            _Inputs(work, ray.put(_packed(items))), num_cpus=0, override_num_blocks=_READERS
        ).map_batches(
            _Worker,
            fn_constructor_args=[pickle.dumps(work), work.software(), weights],
            compute=ActorPoolStrategy(size=count),
            batch_size=None,
            batch_format="pyarrow",
            num_cpus=1,
            num_gpus=gpus,
        )
        # closed before Ray is: its thread would connect again, or die of an error
        with closing(_received(results)) as received:
            for parcel in received:
                if isinstance(parcel, CracksError):
                    raise parcel
                yield from parcel


def _received(results: ray.data.Dataset) -> Generator[Any, None, None]:
    """What workers returned, as it comes."""
    try:
        for block in results.iter_batches(batch_size=None, batch_format="pyarrow"):
            yield from _unpacked(block)
    except ExecutionTimeoutError:
        raise CracksError(
            "Expected workers to return results, found none for half an hour; other work may hold "
            "the cluster, or workers die because memory runs out: see `ray status` and run again."
        ) from None
    except ActorDiedError as error:  # in its constructor; else Ray starts it again
        reason = str(error).strip().splitlines()[-1]
        raise CracksError(
            f"Expected workers to start on all nodes of the cluster, found that one could not "
            f"({reason}); every node needs this project, at the same path or in its PYTHONPATH, "
            "with requirements.txt and requirements-cluster.txt installed."
        ) from None


@contextmanager
def _connected(address: str) -> Iterator[None]:
    """A connection to the cluster, announced by a line that says what is there."""
    try:
        _check_address(address)
        with silent_stderr():  # Ray's C++ says how it was silenced
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, RuntimeError, ValueError) as error:
        raise CracksError(
            f"Expected RAY_ADDRESS to be `auto`, `local` or the host:port of a Ray cluster that "
            f"this machine is a node of, found {address!r} ({' '.join(str(error).split())}); run "
            "`ray status` here, or unset RAY_ADDRESS to compute in this process."
        ) from None
    logger = logging.getLogger("ray.data")
    logger.handlers = [h for h in logger.handlers if not isinstance(h, logging.StreamHandler)]
    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.target_max_block_size = 1  # byte: Ray Data joins no parcels
    found = ray.cluster_resources()
    nodes = sum(node["Alive"] for node in ray.nodes())
    print(
        f"Ray cluster at {address}: nodes {nodes}, cores {found.get('CPU', 0):g}, "
        f"GPUs {found.get('GPU', 0):g}",
        file=sys.stderr,
    )
    try:
        yield
    finally:
        ray.shutdown()


def _check_address(address: str) -> None:
    """Fail early where Ray would try for minutes, or would read the archive on another machine.

    Raises:
        OSError: if nobody answers.
        ValueError: if it is the address of a proxy (Ray Client).
    """
    if "://" in address:
        raise ValueError("the driver has to run on a node of the cluster")
    host, _, port = address.rpartition(":")
    if port.isdecimal():
        socket.create_connection((host, int(port)), _PATIENCE).close()


def _room(work: Work[Any, Any]) -> tuple[int, int]:
    """How many workers fit on the cluster, and how many GPUs each has.

    Raises:
        CracksError: if there is none.
    """
    found = ray.cluster_resources()
    gpus = int(found.get("GPU", 0)) if work.on_gpu else 0
    count = gpus or int(found.get("CPU", 0))
    if not count:
        raise CracksError("Expected a Ray cluster with cores, found none; add nodes to it.")
    return count, min(gpus, 1)


def _packed(items: Iterable[Any]) -> pa.Array:
    """Items in pickled parcels, which readers share without a copy."""
    rest = iter(items)
    parcels = iter(lambda: list(islice(rest, _PARCEL)), [])
    return pa.array((pickle.dumps(some) for some in parcels), pa.large_binary())


def _block(content: object) -> pa.Table:
    """A block of one row: inputs or results of a parcel, or the error in place of them."""
    return pa.table({"content": pa.array([pickle.dumps(content)], pa.large_binary())})


def _unpacked(block: pa.Table) -> Iterator[Any]:
    for content in block["content"]:
        yield _unpickled(content)


def _unpickled(value: pa.LargeBinaryScalar) -> Any:
    return pickle.loads(value.as_buffer())  # noqa: S301 - from members of the cluster


class _Inputs(Datasource):
    """Items with their inputs, read on this machine."""

    def __init__(self, work: Work[Any, Any], packed: Any) -> None:
        self._work, self._packed = work, packed

    @property
    def supports_distributed_reads(self) -> bool:
        return False

    def estimate_inmemory_data_size(self) -> None:
        return None

    def get_read_tasks(self, *_arguments: object, **_options: object) -> list[ReadTask]:
        unknown = BlockMetadata(num_rows=None, size_bytes=None, input_files=None, exec_stats=None)
        return [
            ReadTask(partial(_read, self._work, self._packed, Path.cwd(), reader), unknown)
            for reader in range(_READERS)
        ]


def _read(work: Work[Any, Any], packed: Any, folder: Path, reader: int) -> Iterator[pa.Table]:
    """A reader's share of the parcels; relative paths are those of `folder`."""
    try:
        with chdir(folder), work.reading() as read:
            for parcel in ray.get(packed)[reader::_READERS]:
                yield from _read_parcel(_unpickled(parcel), read)
    except CracksError as error:
        yield _block(error)


def _read_parcel(items: list[Any], read: Callable[[Any], Any]) -> Iterator[pa.Table]:
    pairs: list[tuple[Any, Any]] = []
    size = 0
    for item in items:
        pairs.append((item, read(item)))
        size += sys.getsizeof(pairs[-1][1])
        if size > _PARCEL_BYTES:
            yield _block(pairs)
            pairs, size = [], 0
    if pairs:
        yield _block(pairs)


class _File(NamedTuple):
    """A file that travels once to each node."""

    name: str
    sha256: str
    data: Any  # reference to its bytes in the object store

    def here(self) -> Path:
        """Its path in this node's cache folder, where it is written if missing."""
        path = cache_folder(f"weights/{self.sha256}") / self.name
        if not path.is_file() or sha256_of(path) != self.sha256:
            with replacing(path) as temporary:
                temporary.write_bytes(ray.get(self.data))
        return path


class _Worker:
    """An actor that loads the work once. If it cannot, the error is the result of every parcel."""

    def __init__(self, work: bytes, software: Mapping[str, str], weights: _File) -> None:
        self._error: CracksError | None = None
        try:
            same = _load_same_version(work, software)
            # the first worker of a node may convert a model for all of them
            with FileLock(cache_folder("weights") / f"{weights.sha256}.lock"):
                self._compute = same.load(weights.here())
        except CracksError as error:
            self._error = error
        except OSError as error:
            self._error = CracksError(f"On {platform.node()}: {explained(error)}")

    def __call__(self, block: pa.Table) -> Iterator[pa.Table]:
        for pairs in _unpacked(block):
            yield _block(self._results(pairs))

    def _results(self, pairs: list[tuple[Any, Any]] | CracksError) -> list[Any] | CracksError:
        if isinstance(pairs, CracksError):
            return pairs
        if self._error:
            return self._error
        return attempt(lambda: list(self._compute(pairs)))


def _load_same_version(work: bytes, software: Mapping[str, str]) -> Work[Any, Any]:
    found: Mapping[str, str] = {}
    with suppress(AttributeError, ImportError, TypeError):  # of another version, even in its names
        loaded: Work[Any, Any] = pickle.loads(work)  # noqa: S301
        found = loaded.software()
    if found == software:
        return loaded
    other = ", ".join(
        f"{name} {found.get(name, 'unknown')[:12]} in place of {software[name][:12]}"
        for name in software
        if found.get(name) != software[name]
    )
    raise CracksError(
        f"Expected the code and packages of this machine on all nodes of the cluster, found others "
        f"on {platform.node()} ({other}); check out the same commit there and install its "
        "requirements.txt and requirements-cluster.txt."
    )
