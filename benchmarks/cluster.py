"""Compare Ray clusters of one and of two cores with one process on as many; print a table.

worked example:
  python -m benchmarks.cluster              on two cores, takes about 15 minutes
  python -m benchmarks.cluster --rounds 1
  python -m benchmarks.cluster --no-backbone   what Ray costs: workers return zeros, half a minute

A node is bound to one core, and this process to the core of the first node, so that what Ray itself
costs is part of what is measured. A rate is the slope of images over time without the first and
the last two parcels; the rest of the time is start-up. Every way runs in a process of its own and
once in each round; medians over the rounds are printed.
"""

import argparse
import hashlib
import json
import os
import pickle
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import psutil

from benchmarks.arguments import benchmark_parser
from cracks.backbones.catalogue import BACKBONES
from cracks.backbones.weights import write_weights
from cracks.features.computation import Extraction, View, compute_rows
from cracks.images.archive import open_archive, read_member, write_archive
from cracks.project.errors import CracksError, exit_on_error
from cracks.project.params import load_params
from cracks.runtime.lifetime import end_on_interrupt
from cracks.sources.sample import iter_sample
from cracks.tools.cluster.features import use_cluster

BACKBONE, SIZE = "resnet50", 224
CHANNELS = BACKBONES[BACKBONE].features

WAYS = {
    "one process, one core": (1, False),
    "cluster, one node of one core": (1, True),
    "one process, two cores": (2, False),
    "cluster, two nodes of one core": (2, True),
}
"""Cores, and whether they are those of a cluster."""

_EDGE = 128  # images: two parcels, the first and the last ones of two workers


def main() -> None:
    """Run the benchmark, or one measurement of it in a process of its own."""
    arguments = _parser().parse_args()
    if arguments.no_backbone:
        _print_no_backbone()
        return
    if arguments.measure:
        way, folder = arguments.measure
        print(json.dumps(_measure(*WAYS[way], Path(folder))))
        return
    if len(os.sched_getaffinity(0)) < 2:
        raise CracksError("Expected two cores, found one; measure on another machine.")
    if arguments.images < 4 * _EDGE:
        raise CracksError(f"Expected at least {4 * _EDGE} images, found {arguments.images}.")
    with TemporaryDirectory() as folder:
        work = Path(folder)
        write_archive(work / "images.zip", iter_sample(arguments.images // 2, 0))
        write_weights(BACKBONE, "random", 0, work / f"{BACKBONE}.weights.h5")
        os.environ |= {"CRACKS_CACHE": str(work / "caches"), "RAY_USAGE_STATS_ENABLED": "0"}
        _extraction(work).load()  # converts the model once
        runs = [{way: _once(way, work) for way in WAYS} for _ in range(arguments.rounds)]
    _print(runs)


# --- one measurement ---------------------------------------------------------------------------


def _measure(cores: int, on_cluster: bool, work: Path) -> dict[str, float]:
    available = sorted(os.sched_getaffinity(0))[:cores]
    os.sched_setaffinity(0, available)
    if on_cluster:
        os.environ["RAY_ADDRESS"] = _start_cluster(available)
        use_cluster()
    else:
        os.environ["OMP_NUM_THREADS"] = str(cores)
    archive = work / "images.zip"
    views = _views(archive)
    started = time.perf_counter()
    times, sizes, returned = [], [], 0
    for batch, rows in compute_rows(_extraction(work), archive, views):
        times.append(time.perf_counter() - started)
        sizes.append(len(batch))
        returned += len(pickle.dumps((batch, rows)))
    counts = np.cumsum(sizes)
    steady = (counts > _EDGE) & (counts <= len(views) - _EDGE)
    rate = float(np.polyfit(np.array(times)[steady], counts[steady], 1)[0])
    return {
        "rate": rate,
        "startup": times[-1] - len(views) / rate,
        "read": archive.stat().st_size / len(views),
        "returned": returned / len(views),
    }


def _extraction(work: Path) -> Extraction:
    weights = work / f"{BACKBONE}.weights.h5"
    still = load_params().augmentation.model_copy(update={"views": 0})
    return Extraction(BACKBONE, weights, SIZE, "openvino", "float32", still)


def _start_cluster(cores: list[int]) -> str:
    """Start a node on each core; the address. They end with this process."""
    from ray.cluster_utils import Cluster

    os.sched_setaffinity(0, cores[:1])
    nodes = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False}
    )
    for core in cores[1:]:
        os.sched_setaffinity(0, [core])
        nodes.add_node(num_cpus=1)
    os.sched_setaffinity(0, cores[:1])
    nodes.wait_for_nodes()
    return str(nodes.address)


def _views(archive: Path) -> list[View]:
    with open_archive(archive) as members:
        names = members.namelist()
        hashes = [hashlib.sha256(read_member(members, name)).hexdigest() for name in names]
    return [
        View(index, name, sha256, 0, bytes(32))
        for index, (name, sha256) in enumerate(zip(names, hashes, strict=True))
    ]


# --- without a backbone -------------------------------------------------------------------------


@dataclass(frozen=True)
class NoBackbone:
    """Inputs of a usual size, and zeros of the size of ResNet50's features in return."""

    weights: Path
    on_gpu: bool = False

    def software(self) -> dict[str, str]:
        """No versions matter."""
        return {}

    @contextmanager
    def reading(self) -> Iterator[Callable[[int], bytes]]:
        """The bytes of a small JPEG file."""
        yield lambda _: bytes(6000)

    def load(self, _: Path) -> Callable[[Iterable[tuple[int, bytes]]], Iterator[Any]]:
        """A row of zeros for each."""
        return lambda pairs: (
            ([number], np.zeros((1, CHANNELS), np.float32)) for number, _ in pairs
        )


def _print_no_backbone() -> None:
    """Print processor time an image, without what starting costs."""
    # by its name, which workers can import; here it is in `__main__`
    from benchmarks.cluster import NoBackbone as Work
    from cracks.tools.cluster.work import on_cluster

    os.environ["RAY_ADDRESS"] = _start_cluster(sorted(os.sched_getaffinity(0))[:2])
    first, last = 4096, 14336  # images between which is measured
    spent = {}
    with TemporaryDirectory() as folder:
        os.environ["CRACKS_CACHE"] = folder
        weights = Path(folder) / "weights"
        weights.touch()
        for number, _ in enumerate(on_cluster(Work(weights), range(last + 2048)), 1):
            if number in (first, last):
                spent[number] = (time.process_time(), _all_processes())
    mine, everybody = (
        1000 * (end - start) / (last - first)
        for start, end in zip(spent[first], spent[last], strict=True)
    )
    print(f"Processor time an image: {mine:.2f} ms of this process, {everybody:.2f} ms of all.")


def _all_processes() -> float:
    """Processor seconds of this process and of all that it started, the nodes among them."""
    mine = psutil.Process()
    times = [process.cpu_times() for process in (mine, *mine.children(recursive=True))]
    return float(sum(time.user + time.system for time in times))


# --- all measurements --------------------------------------------------------------------------


def _once(way: str, work: Path) -> dict[str, float]:
    print(way, file=sys.stderr)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.cluster", "--measure", way, str(work)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _print(runs: list[dict[str, dict[str, float]]]) -> None:
    def median(way: str, value: str) -> float:
        return statistics.median(run[way][value] for run in runs)

    def ratio(way: str, other: str) -> float:
        """Of the rates within a round, which the machine slows alike."""
        return statistics.median(run[way]["rate"] / run[other]["rate"] for run in runs)

    print("| way | images/s | start-up, s |\n|---|--:|--:|")
    for way in WAYS:
        print(f"| {way} | {median(way, 'rate'):.2f} | {median(way, 'startup'):.1f} |")
    here1, there1, here2, there2 = WAYS
    print(
        f"\nTwo nodes against one: {ratio(there2, there1):.2f} times as fast. Ray against one "
        f"process after start-up: {100 * (ratio(here1, there1) - 1):+.1f} % of time on one core, "
        f"{100 * (ratio(here2, there2) - 1):+.1f} % on two. Bytes an image: "
        f"{median(there2, 'read'):,.0f} to a worker, {median(there2, 'returned'):,.0f} back."
    )


def _parser() -> argparse.ArgumentParser:
    parser = benchmark_parser("cluster", __doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--images", type=int, default=768)
    parser.add_argument("--no-backbone", action="store_true")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    end_on_interrupt("Interrupted.")
    with exit_on_error():
        main()
