"""Measure speed and memory side by side and print them as Markdown tables.

worked example:
  python -m benchmarks.bench                          on the drawn sample, takes about half an hour
  python -m benchmarks.bench photos.zip --rounds 1    on other images, once

Every method runs in a process of its own and once in each round, so that a busy machine slows them
all equally. Medians over the rounds are printed; compare only numbers of the same run. PyTorch is
left out where it is not installed.
"""

import argparse
import hashlib
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.arguments import benchmark_parser
from benchmarks.machine import machine, packages, peak_memory
from benchmarks.peers import in_batches, onnx_runtime, pytorch
from cracks.backbones.catalogue import BACKBONES
from cracks.backbones.engines.batches import BATCH
from cracks.backbones.engines.registry import load_cell_engine, load_engine
from cracks.backbones.model import load_backbone, pixel_model
from cracks.backbones.pooling import generalised_mean
from cracks.backbones.weights import write_weights
from cracks.dataset.audit import audit_archive
from cracks.drawing.walls import draw_photograph
from cracks.features.cache import FeatureCache, row_key
from cracks.features.computation import Extraction
from cracks.features.context import context_of
from cracks.features.extraction import extract_features
from cracks.heads.head import LinearHead
from cracks.images.archive import open_archive, read_member, write_archive
from cracks.images.decoding import RGB, decode, to_input
from cracks.project.errors import CracksError, exit_on_error
from cracks.project.params import load_params
from cracks.runtime.keras_import import import_keras
from cracks.runtime.lifetime import end_on_interrupt
from cracks.sources.sample import iter_sample
from cracks.tools.walls.cells import CellClassifier
from cracks.tools.walls.inspection import inspect
from cracks.tools.walls.overlay import SHOWN, crack_picture

SIZE = 224
IMAGES = {"resnet50": 256, "vgg16": 96}
"""Images of a measurement: several seconds of work."""

ALONE = "openvino int8, model alone"
"""The model on decoded images in memory: what the extraction could reach at most."""

MORE_IMAGES = {"openvino bfloat16": 2, "openvino int8": 4, ALONE: 4, "onnxruntime int8": 2}
"""How many times as many images faster ways get."""

WAYS = (
    "fit, one epoch",
    "predict",
    "onnxruntime float32",
    "onnxruntime int8",
    "pytorch eager",
    "pytorch compiled",
    "tensorflow float32",
    "tensorflow bfloat16",
    "openvino float32",
    "openvino bfloat16",
    "openvino int8",
    ALONE,
    "warm cache",
)
PRECISIONS = ("float32", "bfloat16", "int8")
WARM_IMAGES = 8000

MAP = "predict --map"

PHOTOGRAPH = (4000, 3000)
"""Pixels of a photograph that is mapped: 12 megapixels."""

_CONV = (256, 56, 3)  # channels, side and kernel of the convolution that the peak is measured with


def main() -> None:
    """Run the benchmark, or one measurement of it in a process of its own."""
    arguments = _parser().parse_args()
    if arguments.measure:
        _measure(*arguments.measure)
        return
    with TemporaryDirectory() as folder:
        work = Path(folder)
        _prepare(work, arguments.archive)
        _print_machine()
        for backbone in BACKBONES:
            _print_backbone(backbone, work, arguments.rounds)
        _print_maps(work)
        _print_pipeline(work)


# --- one measurement --------------------------------------------------------------------


def _measure(way: str, backbone: str, folder: str) -> None:
    """Print `{"images": …, "seconds": …, "startup": …, "mb": …}` of one method."""
    work = Path(folder)
    images = _table(work, backbone, MORE_IMAGES.get(way, 1))
    started = time.perf_counter()
    run = _ways(way, backbone, work, images)
    startup = time.perf_counter() - started
    started = time.perf_counter()
    count = run()
    seconds = time.perf_counter() - started
    found = {"images": count, "seconds": seconds, "startup": startup, "mb": peak_memory()}
    print(json.dumps(found))


def _ways(way: str, backbone: str, work: Path, images: pd.DataFrame) -> Callable[[], int]:
    """Load what a method needs; return the function that is timed."""
    weights = work / f"{backbone}.weights.h5"
    load: dict[str, Callable[[], Callable[[], int]]] = {
        "fit, one epoch": lambda: _fit(backbone, work),
        "predict": lambda: _predict(backbone, work, images),
        "onnxruntime float32": lambda: onnx_runtime(
            backbone, weights, _pixels(work, images), int8=False
        ),
        "onnxruntime int8": lambda: onnx_runtime(
            backbone, weights, _pixels(work, images), int8=True
        ),
        "pytorch eager": lambda: pytorch(backbone, _pixels(work, images), compiled=False),
        "pytorch compiled": lambda: pytorch(backbone, _pixels(work, images), compiled=True),
        ALONE: lambda: _model_alone(backbone, weights, _pixels(work, images)),
        "convolution": lambda: _convolution(backbone),  # the precision, here
        "decode": lambda: lambda: len(_pixels(work, images)),
        MAP: lambda: _map(backbone, work),
    }
    if way in load:
        return load[way]()
    return _extraction(way, backbone, work, images)


def _extraction(way: str, backbone: str, work: Path, images: pd.DataFrame) -> Callable[[], int]:
    """This project's extraction: an engine and a precision, or rows that are all cached."""
    warm = way == "warm cache"
    engine, precision = ("openvino", "float32") if warm else way.split()
    params = load_params()
    weights = work / f"{backbone}.weights.h5"
    still = params.augmentation.model_copy(update={"views": 0})
    extraction = Extraction(backbone, weights, SIZE, engine, precision, still)
    output = work / f"{os.getpid()}.npy"

    def run() -> int:
        extract_features(extraction, work / "images.zip", images, output, use_cache=warm)
        output.unlink()
        return len(images)

    if warm:
        images = _cached_images(extraction, backbone)
    else:
        extraction.load()  # converts once; the timed run loads what is kept
    return run


def _cached_images(extraction: Extraction, backbone: str) -> pd.DataFrame:
    """A table of images that do not exist but have rows in the cache."""
    names = [f"positive/{number:05}.jpg" for number in range(WARM_IMAGES)]
    hashes = [hashlib.sha256(name.encode()).hexdigest() for name in names]
    row = np.random.default_rng(0).random(BACKBONES[backbone].features, np.float32)
    context = context_of(extraction)
    with FeatureCache() as cache:
        cache.put({row_key(context, digest, 0): row for digest in hashes})
    return pd.DataFrame({"id": names, "sha256": hashes})


def _pixels(work: Path, images: pd.DataFrame) -> RGB:
    with open_archive(work / "images.zip") as archive:
        return np.stack([to_input(decode(read_member(archive, n)), SIZE) for n in images["id"]])


def _predict(backbone: str, work: Path, images: pd.DataFrame) -> Callable[[], int]:
    """Keras's `predict` on decoded images in memory."""
    import_keras()
    import tensorflow as tf

    pixels = _pixels(work, images)
    model = pixel_model(backbone, work / f"{backbone}.weights.h5", SIZE)
    batches = _steady(tf.data.Dataset.from_tensor_slices(pixels).batch(32))
    model.predict(batches.take(1), verbose=0)

    def run() -> int:
        model.predict(batches, verbose=0)
        return len(pixels)

    return run


def _model_alone(backbone: str, weights: Path, pixels: RGB) -> Callable[[], int]:
    return in_batches(load_engine("openvino", backbone, weights, SIZE, "int8"), pixels)


def _steady(data: Any) -> Any:
    """The dataset without autotuning, which occasionally stalls for exactly 10.24 seconds."""
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    return data.with_options(options)


def _fit(backbone: str, work: Path) -> Callable[[], int]:
    """As in notebooks: the frozen backbone is part of the model and runs in every epoch."""
    keras = import_keras()

    preprocess = getattr(keras.applications, BACKBONES[backbone].module).preprocess_input
    frozen = load_backbone(backbone, SIZE, work / f"{backbone}.weights.h5")
    data = keras.utils.image_dataset_from_directory(
        work / backbone, image_size=(SIZE, SIZE), batch_size=32, label_mode="categorical", verbose=0
    )
    count, batches = len(data.file_paths), _steady(data)
    inputs = keras.Input((SIZE, SIZE, 3))
    features = generalised_mean(frozen(preprocess(inputs), training=False))
    model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(features))
    model.compile("adam", "categorical_crossentropy")
    model.fit(batches.take(1), verbose=0)

    def run() -> int:
        model.fit(batches, epochs=1, verbose=0)
        return count

    return run


def _map(backbone: str, work: Path) -> Callable[[], int]:
    """Map one photograph; all of it is evidence, so that dark lines are sought everywhere."""
    rgb = draw_photograph(*PHOTOGRAPH, seed=0).rgb
    weights, precision = work / f"{backbone}.weights.h5", load_params().precision
    engine = load_cell_engine("openvino", backbone, weights, SIZE, precision)
    head = LinearHead(np.zeros(BACKBONES[backbone].features), 1.0)
    classifier = CellClassifier(backbone, engine, head)

    def run() -> int:
        crack_picture(rgb, inspect(rgb, "wall", classifier), SHOWN)
        return 1

    return run


def _convolution(precision: str) -> Callable[[], int]:
    """GFLOP of a large convolution, to measure the processor's peak."""
    import openvino as ov
    from openvino import opset13 as ops

    channels, side, kernel = _CONV
    pixels = ops.parameter([BATCH, channels, side, side], np.float32)
    value = pixels
    shape = (channels, channels, kernel, kernel)
    for _ in range(4):
        weights = np.full(shape, 1e-3, np.float32)
        if precision == "int8":
            low, high = np.float32(0), np.float32(1)
            value = ops.fake_quantize(value, low, high, low, high, 256)
            weights = ops.multiply(
                ops.convert(np.ones(shape, np.int8), "f32"),
                np.full((channels, 1, 1, 1), 1e-3, np.float32),
            )
        value = ops.convolution(value, weights, [1, 1], [1, 1], [1, 1], [1, 1])
    hint = ov.Type.bf16 if precision == "bfloat16" else ov.Type.f32
    compiled = ov.Core().compile_model(
        ov.Model([value], [pixels]), "CPU", {"INFERENCE_PRECISION_HINT": hint}
    )
    batch = np.ones((BATCH, channels, side, side), np.float32)
    compiled(batch)
    operations = 4 * BATCH * 2 * (kernel * channels * side) ** 2

    def run() -> int:
        for _ in range(5):
            compiled(batch)
        return round(5 * operations / 1e9)

    return run


# --- all measurements --------------------------------------------------------------------------


def _prepare(work: Path, given: Path | None) -> None:
    """An archive, its table, weights, and folders of files for `fit`."""
    params = load_params()
    most = max(IMAGES.values()) * max(MORE_IMAGES.values())
    if given:
        shutil.copyfile(given, work / "images.zip")
    else:
        write_archive(work / "images.zip", iter_sample(most // 2, 0))
    tolerant = params.audit.model_copy(update={"max_rejected": 1.0})
    images = audit_archive(work / "images.zip", params.positive_class, tolerant).images
    place = images.groupby("label").cumcount()
    mixed = images.assign(place=place).sort_values(["place", "label"])  # classes in turn
    mixed[["id", "label", "sha256"]].to_csv(work / "images.csv", index=False)
    if len(images) < most:
        raise CracksError(f"Expected at least {most:,} images, found {len(images):,}.")
    for backbone in BACKBONES:
        write_weights(backbone, "random", 0, work / f"{backbone}.weights.h5")
        with open_archive(work / "images.zip") as archive:
            for number, row in _table(work, backbone).iterrows():
                path = work / backbone / row["label"] / f"{number}.jpg"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(read_member(archive, row["id"]))


def _table(work: Path, backbone: str, times: int = 1) -> pd.DataFrame:
    images = pd.read_csv(work / "images.csv", dtype=str)
    return images.head(times * IMAGES.get(backbone, len(images)))


def _once(way: str, backbone: str, work: Path) -> dict[str, float] | None:
    """One measurement in a process of its own; None if it fails on this machine."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.bench", "--measure", way, backbone, str(work)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"CRACKS_CACHE": str(work / "caches")},
    )
    if done.returncode:
        reason = done.stderr.strip().splitlines()[-1]
        print(f"{way}: {reason}", file=sys.stderr)
        return None
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _rounds(ways: list[tuple[str, str]], work: Path, rounds: int) -> dict[Any, dict[str, float]]:
    """Medians by method; the methods alternate."""
    runs: dict[tuple[str, str], list[dict[str, float]]] = {}
    for number in range(rounds):
        for way in ways:
            print(f"round {number + 1}: {way[1]}, {way[0]}", file=sys.stderr)
            if found := _once(*way, work):
                found["rate"] = found["images"] / found["seconds"]
                runs.setdefault(way, []).append(found)
    return {
        way: {key: statistics.median(run[key] for run in some) for key in some[0]}
        for way, some in runs.items()
    }


def _print_machine() -> None:
    with_packages = ", ".join(f"{name} {number}" for name, number in packages().items())
    print(f"{machine()}, Python {platform.python_version()}, {with_packages}\n")


def _print_backbone(backbone: str, work: Path, rounds: int) -> None:
    ways = [(way, backbone) for way in (*WAYS, "decode")]
    found = _rounds([*ways, *(("convolution", p) for p in PRECISIONS)], work, rounds)
    operations = _operations(backbone, work) / 1e9
    reference = found["predict", backbone]["rate"]
    print(f"{BACKBONES[backbone].constructor}, {operations:.1f} GFLOP an image:\n")
    print("| way | images/s | of `predict` | of the peak | start-up, s | memory, MB |")
    print("|---|--:|--:|--:|--:|--:|")
    for way in WAYS:
        if run := found.get((way, backbone)):
            precision = next((p for p in PRECISIONS if p in way), "float32")
            peak = found.get(("convolution", precision))
            share = f"{100 * run['rate'] * operations / peak['rate']:.0f} %" if peak else ""
            share = "" if way == "warm cache" else share
            print(
                f"| {way} | {run['rate']:.1f} | {run['rate'] / reference:.2f} | {share} "
                f"| {run['startup']:.1f} | {run['mb']:.0f} |"
            )
    decode_rate = found["decode", backbone]["rate"]
    stage = found["openvino int8", backbone]["rate"]
    warm = found["warm cache", backbone]
    peaks = ", ".join(
        f"{found['convolution', p]['rate']:.0f} GFLOP/s {p}"
        for p in PRECISIONS
        if ("convolution", p) in found
    )
    print(
        f"\nMeasured peak of a convolution: {peaks}. Decoding on one thread: {decode_rate:.0f} "
        f"images/s, {100 * stage / decode_rate:.1f} % of one core beside int8, which "
        f"reaches {100 * stage / found[ALONE, backbone]['rate']:.0f} % of the model alone. "
        f"{WARM_IMAGES:,} images from a warm cache: {warm['seconds']:.1f} s.\n"
    )


def _print_maps(work: Path) -> None:
    found = _rounds([(MAP, backbone) for backbone in BACKBONES], work, 1)
    width, height = PHOTOGRAPH
    print(f"Photographs of {width} x {height} pixels a minute, once:\n")
    print(f"| backbone | {MAP} |\n|---|--:|")
    for backbone in BACKBONES:
        rate = 60 * found[MAP, backbone]["rate"]
        print(f"| {BACKBONES[backbone].constructor} | {rate:.2f} |")
    print()


def _operations(backbone: str, work: Path) -> int:
    """Multiplications and additions of the convolutions for one image."""
    total = 0
    for layer in load_backbone(backbone, SIZE, work / f"{backbone}.weights.h5").layers:
        if type(layer).__name__ == "Conv2D":
            _, height, width, channels = layer.output.shape
            total += 2 * height * width * channels * int(np.prod(layer.kernel.shape[:3]))
    return total


def _print_pipeline(work: Path) -> None:
    """Seconds of everyday commands, in a clone of the last commit."""
    clone = work / "clone"
    subprocess.run(["git", "clone", "--quiet", ".", str(clone)], check=True)
    scripts = str(Path(sys.executable).parent)
    environment = os.environ | {
        "CRACKS_CACHE": str(work / "clone caches"),
        "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
    }

    def seconds(*command: str) -> float:
        print(f"clone: {' '.join(command)}", file=sys.stderr)
        started = time.perf_counter()
        subprocess.run(command, cwd=clone, env=environment, check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - started

    images = load_params().sample.images_per_class
    rows = [
        ("`dvc repro`, everything", ("dvc", "repro")),
        ("`dvc repro` again", ("dvc", "repro")),
        ("`dvc exp run -S epochs=2`", ("dvc", "exp", "run", "-S", "epochs=2")),
        ("`dvc exp run -S threshold=0.3`", ("dvc", "exp", "run", "-S", "threshold=0.3")),
        (
            "1 % more images",
            ("dvc", "exp", "run", "-S", f"sample.images_per_class={round(1.01 * images)}"),
        ),
    ]
    print(f"The default pipeline, {2 * images} images:\n\n| what | seconds |\n|---|--:|")
    for name, command in rows:
        print(f"| {name} | {seconds(*command):.1f} |")


def _parser() -> argparse.ArgumentParser:
    parser = benchmark_parser("bench", __doc__)
    parser.add_argument("archive", nargs="?", type=Path, help="zip archive; the drawn sample")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    end_on_interrupt("Interrupted.")
    with exit_on_error():
        main()
