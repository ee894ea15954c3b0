"""Measure speed and memory side by side and print them as Markdown tables.

worked example:
  python -m benchmarks.bench               on drawn images, takes about twenty minutes
  python -m benchmarks.bench --rounds 1    once

Every method runs in a process of its own and once in each round, so that a busy machine slows them
all equally. Medians over the rounds are printed; compare only numbers of the same run.
"""

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.arguments import benchmark_parser, run_benchmark
from benchmarks.machine import peak_memory
from cracks.backbones.catalogue import BACKBONES, title
from cracks.backbones.engines.batches import BATCH
from cracks.backbones.engines.registry import load_engine
from cracks.backbones.model import pixel_model
from cracks.backbones.weights import write_weights
from cracks.features.cache import FeatureCache, row_key
from cracks.features.computation import Extraction
from cracks.features.context import context_of
from cracks.features.extraction import extract_features
from cracks.images.archive import open_archive, read_member, write_archive
from cracks.images.decoding import RGB, decode, to_input
from cracks.project.params import load_params
from cracks.project.temporary import temporary_folder
from cracks.runtime.keras_import import import_keras, silent_stderr
from cracks.runtime.workers import in_own_process
from cracks.sources.sample import iter_sample

SIZE = 224
IMAGES = {"resnet50": 256, "vgg16": 96}
"""Images of a measurement: several seconds of work."""

ALONE = "openvino int8, model alone"
"""The model on decoded images in memory: what the extraction could reach at most."""

WARM = "warm cache"
WARM_IMAGES = 8000

WAYS = {
    "predict": 1,
    "tensorflow float32": 1,
    "tensorflow bfloat16": 1,
    "openvino float32": 1,
    "openvino bfloat16": 2,
    "openvino int8": 4,
    ALONE: 4,
    WARM: 1,
}
"""Keras's own, this project's extraction by each engine and precision, and its bounds; how many
times as many images faster ones get."""

Run = Callable[[], object]
"""Computes all images."""


def main() -> None:
    """Run the benchmark."""
    parser = benchmark_parser("bench", __doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with temporary_folder() as work:
        os.environ["CRACKS_CACHE"] = str(work / "caches")
        _prepare(work)
        for backbone in BACKBONES:
            _print_backbone(backbone, work, rounds)
        _print_pipeline(work)


# --- one measurement --------------------------------------------------------------------


def _measure(way: str, backbone: str, work: Path) -> dict[str, float]:
    """Images a second, seconds of the start-up and megabytes of one way, in this process."""
    images = _images(way, backbone, work)
    with silent_stderr():
        started = time.perf_counter()
        run = _load(way, backbone, work, images)
        loaded = time.perf_counter()
        run()
        rate = len(images) / (time.perf_counter() - loaded)
    return {"rate": rate, "startup": loaded - started, "mb": peak_memory()}


def _images(way: str, backbone: str, work: Path) -> pd.DataFrame:
    """The table of what a way computes; in the warm cache are images that do not exist."""
    if way == WARM:
        numbers = range(WARM_IMAGES)
        names = [f"positive/{number:05}.jpg" for number in numbers]
        return pd.DataFrame({"id": names, "sha256": [f"{number:064}" for number in numbers]})
    return pd.read_csv(work / "images.csv", dtype=str).head(IMAGES[backbone] * WAYS[way])


def _load(way: str, backbone: str, work: Path, images: pd.DataFrame) -> Run:
    """Load what a way needs; return the function that is timed."""
    others = {"predict": _predict, ALONE: _model_alone, WARM: _warm_cache}
    if way in others:
        return others[way](backbone, work, images)
    extraction = _extraction(backbone, work, *way.split())
    extraction.load()  # converts once; the timed run loads what is kept
    return _extracting(extraction, work, images)


def _extraction(backbone: str, work: Path, engine: str, precision: str) -> Extraction:
    still = load_params().augmentation.model_copy(update={"views": 0})
    return Extraction(backbone, work / f"{backbone}.weights.h5", SIZE, engine, precision, still)


def _extracting(
    extraction: Extraction, work: Path, images: pd.DataFrame, *, use_cache: bool = False
) -> Run:
    """This project's extraction, from the archive to features on the disk."""
    archive, output = work / "images.zip", work / "features.npy"
    return partial(extract_features, extraction, archive, images, output, use_cache=use_cache)


def _warm_cache(backbone: str, work: Path, images: pd.DataFrame) -> Run:
    extraction = _extraction(backbone, work, "openvino", "float32")
    row = np.random.default_rng(0).random(BACKBONES[backbone].features, np.float32)
    context = context_of(extraction)
    with FeatureCache() as cache:
        cache.put({row_key(context, digest, 0): row for digest in images["sha256"]})
    return _extracting(extraction, work, images, use_cache=True)


def _pixels(work: Path, images: pd.DataFrame) -> RGB:
    with open_archive(work / "images.zip") as archive:
        return np.stack([to_input(decode(read_member(archive, n)), SIZE) for n in images["id"]])


def _predict(backbone: str, work: Path, images: pd.DataFrame) -> Run:
    """Keras's `predict` on decoded images in memory."""
    import_keras()
    import tensorflow as tf

    pixels = _pixels(work, images)
    model = pixel_model(backbone, work / f"{backbone}.weights.h5", SIZE)
    options = tf.data.Options()
    options.autotune.enabled = False  # it occasionally stalls for exactly 10.24 seconds
    batches = tf.data.Dataset.from_tensor_slices(pixels).batch(32).with_options(options)
    model.predict(batches.take(1), verbose=0)
    return partial(model.predict, batches, verbose=0)


def _model_alone(backbone: str, work: Path, images: pd.DataFrame) -> Run:
    pixels = _pixels(work, images)
    engine = load_engine("openvino", backbone, work / f"{backbone}.weights.h5", SIZE, "int8")
    batches = [pixels[start : start + BATCH] for start in range(0, len(pixels), BATCH)]
    engine(batches[0])
    return lambda: list(map(engine, batches))


# --- all measurements --------------------------------------------------------------------------


def _prepare(work: Path) -> None:
    """An archive of drawn images, its table, and weights."""
    most = max(IMAGES.values()) * max(WAYS.values())
    drawn = list(iter_sample(most // 2, 0))
    write_archive(work / "images.zip", drawn)
    rows = [(name, hashlib.sha256(data).hexdigest()) for name, data in drawn]
    pd.DataFrame(rows, columns=["id", "sha256"]).to_csv(work / "images.csv", index=False)
    for backbone in BACKBONES:
        write_weights(backbone, "random", 0, work / f"{backbone}.weights.h5")


def _once(way: str, backbone: str, work: Path) -> dict[str, float] | None:
    """One measurement in a process of its own; None if it fails on this machine."""
    try:
        return in_own_process(_measure, way, backbone, work)
    except Exception as error:  # noqa: BLE001  # of whatever library
        print(f"{way}: Error: {error}", file=sys.stderr)
        return None


def _medians(backbone: str, work: Path, rounds: int) -> pd.DataFrame:
    """A row for each way that this machine can; the ways alternate."""
    runs = []
    for number in range(rounds):
        for way in WAYS:
            print(f"round {number + 1}: {backbone}, {way}", file=sys.stderr)
            if found := _once(way, backbone, work):
                runs.append({"way": way, **found})
    return pd.DataFrame(runs).groupby("way", sort=False).median()


def _print_backbone(backbone: str, work: Path, rounds: int) -> None:
    found = _medians(backbone, work, rounds)
    print(f"{title(backbone)}:\n")
    print("| way | images/s | of `predict` | start-up, s | memory, MB |\n|---|--:|--:|--:|--:|")
    for way, run in found.iterrows():
        print(
            f"| {way} | {run['rate']:.1f} | {run['rate'] / found['rate']['predict']:.2f} "
            f"| {run['startup']:.1f} | {run['mb']:.0f} |"
        )
    print()


def _print_pipeline(work: Path) -> None:
    """Seconds of everyday commands, in a clone of the last commit."""
    clone = work / "clone"
    subprocess.run(["git", "clone", "--quiet", ".", str(clone)], check=True)
    environment = os.environ | {"CRACKS_CACHE": str(work / "clone caches")}
    images = load_params().sample.images_per_class
    commands = {
        "`dvc repro`, everything": "dvc repro",
        "`dvc repro` again": "dvc repro",
        "`dvc exp run -S epochs=2`": "dvc exp run -S epochs=2",
        "`dvc exp run -S threshold=0.3`": "dvc exp run -S threshold=0.3",
        "1 % more images": f"dvc exp run -S sample.images_per_class={round(1.01 * images)}",
    }
    print(f"The default pipeline, {2 * images} images:\n\n| what | seconds |\n|---|--:|")
    for name, command in commands.items():
        print(f"clone: {command}", file=sys.stderr)
        started = time.perf_counter()
        subprocess.run(
            command.split(), cwd=clone, env=environment, check=True, stdout=subprocess.DEVNULL
        )
        print(f"| {name} | {time.perf_counter() - started:.1f} |")


if __name__ == "__main__":
    run_benchmark(main)
