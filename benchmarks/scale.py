"""Time, memory and disk of everything but the backbones, for more and more made images.

worked example:
  python -m benchmarks.scale                           10,000, 100,000 and 1,000,000 images
  python -m benchmarks.scale --rows 10000 --rows 40000

Files, fingerprints, features and scores are made; the stages that read them are the real ones, each
in a process of its own. Seconds are those of the processor, all threads together, so that a busy
machine changes little. Left out is what costs the same for every image: decoding and backbones.
A million images take 14 GB below the folder for temporary files.
"""

import argparse
import io
import json
import math
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

import stages.audit
import stages.evaluate
import stages.precompute
import stages.report
import stages.split
import stages.train_head
from benchmarks.arguments import benchmark_parser
from cracks.backbones.catalogue import BACKBONES
from cracks.dataset import audit
from cracks.dataset.audit import Member
from cracks.dataset.duplicates import THUMBNAIL, Fingerprint
from cracks.features.cache import FeatureCache, cache_path, row_key
from cracks.features.computation import Extraction
from cracks.features.context import context_of
from cracks.heads.head import Origin
from cracks.images.archive import open_archive, write_archive
from cracks.images.decoding import RGB
from cracks.project.errors import CracksError, exit_on_error
from cracks.project.outputs import write_csv
from cracks.project.params import load_params
from cracks.project.paths import (
    ARCHIVE,
    AUDIT_COUNTS,
    IMAGES,
    PARAMS,
    PREDICTIONS,
    REPORT,
    SPLIT,
    features_path,
    history_path,
    scores_path,
    weights_path,
)
from cracks.report import mistakes, page
from cracks.tables.inputs import read_counts
from cracks.tables.labels import CLASSES, POSITIVE
from cracks.tables.row_file import FEATURES, PROBABILITY, create_rows
from cracks.tools.review.as_json import as_json
from cracks.tools.review.comparison import compare_sides
from cracks.tools.review.data_change import find_data_change
from cracks.tools.review.evidence import mismatches
from cracks.tools.review.file_change import FileChange
from cracks.tools.review.markdown import as_markdown
from cracks.tools.review.review import Review
from cracks.tools.review.sides import read_side
from cracks.tools.review.snapshots import WorkingTree
from cracks.tools.review.staleness import Staleness

IMAGES_A_COPY = 50
"""One image of so many is a planted copy of the one before it."""

_NO_ORIGIN = Origin("", "", "", 224, "float32", "", (), {})
_SAMPLED = 0.02  # seconds between two looks at the memory


def main() -> None:
    """Run the benchmark, or one measurement of it in a process of its own."""
    arguments = _parser().parse_args()
    if arguments.measure:
        print(json.dumps(_measure(arguments.measure)))
        return
    rows = sorted(arguments.rows or (10_000, 100_000, 1_000_000))
    found = {count: _all_measurements(count) for count in rows}
    _print(found, rows)


# --- the measurements, in the order in which each finds the files of those before it ---------


def _archive() -> Callable[[], object]:
    buffer = io.BytesIO()
    Image.new("RGB", (32, 32), "grey").save(buffer, "JPEG")
    count = _count()
    names = (f"{CLASSES[2 * n // count]}/{n:08}.jpg" for n in range(count))
    write_archive(ARCHIVE, ((name, buffer.getvalue()) for name in names))
    return lambda: open_archive(ARCHIVE).close()


def _audit() -> Callable[[], object]:
    audit._examine = _made_members  # type: ignore[assignment]  # noqa: SLF001

    def run() -> None:
        stages.audit.main()
        found = read_counts(AUDIT_COUNTS)["pairs_of_copies"]
        if found != _count() // IMAGES_A_COPY:
            raise CracksError(f"Expected {_count() // IMAGES_A_COPY} pairs, found {found}.")

    return run


def _made_members(_: Path, names: Sequence[str], *_others: object) -> Iterator[Member]:
    for number, name in enumerate(names):
        is_copy = number % IMAGES_A_COPY == 1
        random = np.random.default_rng(number - is_copy)
        hashes = random.integers(0, 2**64, 4, dtype=np.uint64)
        thumbnail = random.integers(0, 256, (THUMBNAIL, THUMBNAIL), dtype=np.uint8)
        if is_copy:
            hashes ^= np.uint64(0b10010001)
        yield Member(name, "", 227, 227, f"{number:064x}", Fingerprint(hashes, thumbnail))


def _split() -> Callable[[], object]:
    return stages.split.main


def _keep() -> Callable[[], object]:
    params = load_params()
    weights = weights_path("resnet50")
    weights.parent.mkdir(parents=True)
    weights.write_bytes(b"made")
    context = context_of(Extraction.by_params("resnet50", params))
    hashes = pd.read_csv(IMAGES, dtype=str)["sha256"].to_list()
    row = (
        np.random.default_rng(0).standard_normal(BACKBONES["resnet50"].features).astype(np.float32)
    )

    def run() -> None:
        with FeatureCache() as cache:
            for start in range(0, len(hashes), 16):
                some = hashes[start : start + 16]
                cache.put({row_key(context, digest, 0): row for digest in some})

    return run


def _precompute() -> Callable[[], object]:
    sys.argv = ["precompute", "resnet50"]
    return stages.precompute.main


def _train_head() -> Callable[[], object]:
    """On noise, and a channel that tells the classes apart."""
    split = pd.read_csv(SPLIT, dtype=str)
    cracked = (split["label"] == POSITIVE).to_numpy()
    random = np.random.default_rng(0)
    channels = BACKBONES["resnet50"].features
    rows = create_rows(features_path("resnet50"), list(split["id"]), FEATURES, (1, channels))
    for start in range(0, len(split), 4096):
        some = random.standard_normal((len(split[start : start + 4096]), 1, channels), np.float32)
        some[..., 0] += cracked[start : start + 4096, np.newaxis]
        rows[FEATURES][start : start + 4096] = some
    rows.flush()
    sys.argv = ["train_head", "resnet50"]
    return stages.train_head.main


def _evaluate() -> Callable[[], object]:
    split = pd.read_csv(SPLIT, dtype=str)
    random = np.random.default_rng(0)
    truth = (split["label"] == POSITIVE).to_numpy(dtype=np.float32)
    for backbone in BACKBONES:
        scores_path(backbone).parent.mkdir(parents=True, exist_ok=True)
        rows = create_rows(scores_path(backbone), list(split["id"]), PROBABILITY, (5,))
        noise = random.normal(0, 1.2, (len(split), 5))
        rows[PROBABILITY] = 1 / (1 + np.exp(noise + 2 - 4 * truth[:, np.newaxis]))
        rows.flush()
        history = pd.DataFrame(
            {
                "epoch": [1, 1],
                "part": ["train", "valid"],
                "loss": [0.2, 0.3],
                "accuracy": [0.9, 0.9],
            }
        )
        write_csv(history_path(backbone), history)
    return stages.evaluate.main


def _report() -> Callable[[], object]:
    """Without heads and activation maps, which are as many for any number of images."""

    class NoMaps:
        image_size = 32

        def activation_maps(
            self, inputs: Iterable[tuple[str, RGB]]
        ) -> Iterator[tuple[str, NDArray[np.float64]]]:
            for name, _ in inputs:
                yield name, np.zeros((2, 2))

    mistakes.load_local_classifier = lambda *_: NoMaps()  # type: ignore[assignment,attr-defined]
    page.read_origin = lambda _: _NO_ORIGIN  # type: ignore[assignment,attr-defined]
    return stages.report.main


def _review() -> Callable[[], object]:
    """Of a change after which every tenth test image is classified otherwise."""

    def run() -> None:
        base, now = (read_side(name, WorkingTree()) for name in ("base", "here"))
        answers = now.tested.answers["vgg16"]
        answers.loc[::10, "probability"] = 1 - answers["probability"][::10]
        review = Review(
            base_name="base",
            base=base,
            now=now,
            stale=Staleness(),
            mismatches=mismatches(now),
            base_doubts=mismatches(base),
            files=FileChange(),
            comparison=compare_sides(base, now),
            data=find_data_change(base, now),
        )
        Path("review.md").write_text(as_markdown(review))
        Path("review.json").write_text(as_json(review))

    return run


MEASUREMENTS = {
    "open the archive": _archive,
    "audit": _audit,
    "split": _split,
    "keep features of ResNet50": _keep,
    "precompute from the cache": _precompute,
    "train the head of ResNet50": _train_head,
    "evaluate": _evaluate,
    "report": _report,
    "review": _review,
}

FILES = (
    ARCHIVE,
    IMAGES,
    SPLIT,
    features_path("resnet50"),
    scores_path("resnet50"),
    PREDICTIONS,
    REPORT,
    Path("review.md"),
    Path("review.json"),
)


def _count() -> int:
    return int(os.environ["ROWS"])


def _measure(name: str) -> dict[str, float]:
    run = MEASUREMENTS[name]()
    with _PeakMemory() as memory:
        started = time.process_time()
        run()
        seconds = time.process_time() - started
    return {"seconds": seconds, "mb": memory.megabytes}


class _PeakMemory:
    """The most memory that this process has of its own while the block runs.

    Pages of mapped files are left out, which the system takes back when it needs them.
    """

    def __init__(self) -> None:
        self.megabytes = 0.0
        self._ended = Event()
        self._watcher = Thread(target=self._watch)

    def _watch(self) -> None:
        while not self._ended.wait(_SAMPLED):
            self._look()

    def _look(self) -> None:
        status = Path("/proc/self/status").read_text()
        self.megabytes = max(self.megabytes, int(status.split("RssAnon:")[1].split()[0]) / 1024)

    def __enter__(self) -> Self:
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._watcher.join()
        self._look()


# --- all of them ------------------------------------------------------------------------


def _all_measurements(count: int) -> dict[str, dict[str, float]]:
    """By name what was measured, and by path the bytes of the files."""
    found = {}
    with TemporaryDirectory() as folder:
        work = Path(folder)
        shutil.copy(PARAMS, work)
        for name in MEASUREMENTS:
            print(f"{count:,}: {name}", file=sys.stderr)
            found[name] = _once(name, work, count)
        files = {path.as_posix(): work / path for path in FILES}
        files["the feature cache"] = work / "caches" / "features" / cache_path().name
        for path, file in files.items():
            found[path] = {"bytes": file.stat().st_size}
    return found


def _once(name: str, work: Path, count: int) -> dict[str, float]:
    environment = {
        "ROWS": str(count),
        "CRACKS_CACHE": str(work / "caches"),
        "PYTHONPATH": str(Path.cwd()),
    }
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.scale", "--measure", name],
        cwd=work,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
        check=False,
    )
    if done.returncode:
        raise CracksError(f"Could not measure {name!r} with {count:,} images.")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _print(found: dict[int, dict[str, dict[str, float]]], rows: Sequence[int]) -> None:
    heads = " | ".join(f"{count:,}" for count in rows)
    print(f"| processor seconds (MB of memory) for images | {heads} | exponent |")
    print("|---|" + "--:|" * (len(rows) + 1))
    for name in MEASUREMENTS:
        cells = [f"{found[n][name]['seconds']:.1f} ({found[n][name]['mb']:,.0f})" for n in rows]
        growth = _exponent([found[n][name]["seconds"] for n in rows], rows)
        print(f"| {name} | {' | '.join(cells)} | {growth} |")
    print(f"\n| MB on the disk for images | {heads} |\n|---|" + "--:|" * len(rows))
    for name in (name for name in found[rows[0]] if name not in MEASUREMENTS):
        cells = [f"{found[n][name]['bytes'] / 1e6:,.1f}" for n in rows]
        print(f"| `{name}` | {' | '.join(cells)} |")


def _exponent(seconds: Sequence[float], rows: Sequence[int]) -> str:
    """The p with which time grows as rows to the power of p, from the last two columns."""
    if len(rows) < 2:
        return ""
    return f"{math.log(seconds[-1] / seconds[-2]) / math.log(rows[-1] / rows[-2]):.2f}"


def _parser() -> argparse.ArgumentParser:
    parser = benchmark_parser("scale", __doc__)
    parser.add_argument("--rows", type=int, action="append", help="repeatable")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    with exit_on_error():
        main()
