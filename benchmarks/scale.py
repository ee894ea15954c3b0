"""Time and memory of the stages for more and more images; print a Markdown table.

worked example:
  python -m benchmarks.scale                       10,000, 100,000 and 1,000,000 images
  python -m benchmarks.scale --rows 10000 40000

The images are small noise, and their features lie in the cache, so that no backbone runs but for
the maps of the report. Seconds are those of the processor, all processes and threads together, so
that a busy machine changes little. Memory is what the process of a stage has of its own: pages of
mapped files are left out, which the system takes back when it needs them. A million images take
16 GB below the folder for temporary files.
"""

import hashlib
import math
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil
import yaml

from benchmarks.arguments import benchmark_parser, run_benchmark
from cracks.backbones.catalogue import BACKBONES
from cracks.backbones.weights import write_weights
from cracks.features.cache import FeatureCache, row_key
from cracks.features.computation import Extraction
from cracks.features.context import context_of
from cracks.images.archive import write_archive
from cracks.images.files import encoded
from cracks.project.errors import CracksError
from cracks.project.params import load_params
from cracks.project.paths import ARCHIVE, PARAMS, weights_path
from cracks.project.temporary import temporary_folder
from cracks.tables.labels import CLASSES

BACKBONE = "resnet50"
SIDE = 32  # pixels of an image

STAGES = {
    "audit": ["audit"],
    "split": ["split"],
    "precompute from the cache, ResNet50": ["precompute", BACKBONE],
    "train-head, ResNet50": ["train_head", BACKBONE],
    "evaluate": ["evaluate"],
    "report": ["report"],
}
"""What is measured, in this order, and what `python -m stages` is given."""


class Cost(NamedTuple):
    """What a run of a stage takes."""

    seconds: float  # of the processor, those of the processes that it starts as well
    megabytes: float  # at most, of its own process


def main() -> None:
    """Measure and print."""
    parser = benchmark_parser("scale", __doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=(10_000, 100_000, 1_000_000))
    rows = sorted(parser.parse_args().rows)
    measured = [_all_stages(count) for count in rows]
    heads = " | ".join(f"{count:,}" for count in rows)
    print(f"| processor seconds (MB of memory) for images | {heads} | exponent |")
    print("|---|" + "--:|" * (len(rows) + 1))
    for name in STAGES:
        costs = [some[name] for some in measured]
        cells = " | ".join(f"{cost.seconds:.1f} ({cost.megabytes:,.0f})" for cost in costs)
        print(f"| {name} | {cells} | {_exponent(costs, rows)} |")


def _all_stages(count: int) -> dict[str, Cost]:
    """What each of `STAGES` costs for so many images."""
    with temporary_folder() as work:
        os.environ |= {"CRACKS_CACHE": str(work / "caches"), "PYTHONPATH": str(Path.cwd())}
        _prepare(count, work)
        found = {}
        for name, words in STAGES.items():
            print(f"{count:,}: {name}", file=sys.stderr)
            found[name] = _stage(words, work)
        return found


def _prepare(count: int, work: Path) -> None:
    """Write parameters, weights, images and the cache of their features."""
    changed = {"weights": {BACKBONE: "random"}, "image_size": SIDE, "precision": "float32"}
    params = yaml.safe_load(PARAMS.read_text(encoding="utf-8")) | changed
    (work / PARAMS).write_text(yaml.safe_dump(params), encoding="utf-8")
    weights = work / weights_path(BACKBONE)
    write_weights(BACKBONE, "random", 0, weights)
    extraction = Extraction.by_params(BACKBONE, load_params(work / PARAMS))
    context = context_of(replace(extraction, weights=weights))
    with FeatureCache() as cache:
        write_archive(work / ARCHIVE, _images(count, cache, context))


def _images(
    count: int, cache: FeatureCache, context: Mapping[str, object]
) -> Iterator[tuple[str, bytes]]:
    """Noise, whose features are noise as well but for one, which tells the classes apart."""
    random = np.random.default_rng(0)
    for number in range(count):
        cracked = 2 * number // count
        data = encoded(random.integers(0, 256, (SIDE, SIDE, 3), np.uint8), "JPEG")
        features = random.standard_normal(BACKBONES[BACKBONE].features, np.float32)
        features[0] += cracked
        digest = hashlib.sha256(data).hexdigest()
        cache.put({row_key(context, digest, 0): features})
        yield f"{CLASSES[cracked]}/{number:08}.jpg", data


def _stage(words: Sequence[str], work: Path) -> Cost:
    """Run a stage."""
    before = _seconds_of_children()
    command = [sys.executable, "-m", "stages", *words]
    process = psutil.Popen(command, cwd=work, stdout=subprocess.DEVNULL)
    most = 0
    while process.poll() is None:
        memory = process.memory_info()
        most = max(most, memory.rss - memory.shared)
        time.sleep(0.02)
    if process.returncode:
        raise CracksError(f"Could not measure `python -m stages {' '.join(words)}`; see above.")
    return Cost(_seconds_of_children() - before, most / 2**20)


def _seconds_of_children() -> float:
    times = os.times()
    return times.children_user + times.children_system


def _exponent(costs: Sequence[Cost], rows: Sequence[int]) -> str:
    """The p with which time grows as rows to the power of p, from the last two columns."""
    if len(rows) < 2:
        return ""
    return f"{math.log(costs[-1].seconds / costs[-2].seconds, rows[-1] / rows[-2]):.2f}"


if __name__ == "__main__":
    run_benchmark(main)
