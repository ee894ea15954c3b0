"""OpenVINO: the engine for CPUs.

It folds batch normalisation and activations into the convolutions, and its results do not depend on
the number of threads or on how images are cut into batches. A backbone is converted once, for
`precision: int8` also quantised once, which takes TensorFlow and time; the model in the cache needs
neither. Its hash is checked before it is used, and a damaged one is made again.
"""

import hashlib
import json
import sys
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from filelock import FileLock

from cracks.backbones import model as keras_models
from cracks.backbones import pooling
from cracks.backbones.catalogue import backbone_named
from cracks.backbones.engines import calibration, quantisation, ranges
from cracks.backbones.engines.batches import BATCH, Dependencies, Outputs, Pixels, Run
from cracks.backbones.model import pixel_model, quiet_conversion
from cracks.images import decoding
from cracks.project.errors import CracksError
from cracks.project.outputs import replacing, reserve, sha256_of
from cracks.runtime.cache_folder import cache_folder, code_version
from cracks.runtime.keras_import import import_keras
from cracks.runtime.progress import announce
from cracks.runtime.workers import allowed_threads, in_own_process

_CONVERSION = Dependencies(
    ("openvino", "keras", "tensorflow"), (keras_models, pooling, sys.modules[__name__])
)

_OUTPUTS = ("features", "map")  # of `cracks.backbones.model.pixel_model`

_XML_BYTES = 2**21  # more than a model's description has


def dependencies(backbone: str, precision: str) -> Dependencies:
    """What features by this engine depend on, and the models that it keeps."""
    if precision != "int8":
        return _CONVERSION
    packages, modules, _ = _CONVERSION
    known = ranges.ranges_file(backbone)
    return Dependencies(
        packages + quantisation.PACKAGES,
        (*modules, quantisation, calibration, ranges, decoding),
        (calibration.PATH, known) if known.is_file() else (calibration.PATH,),
    )


def load(
    backbone: str, weights: Path, image_size: int, precision: str, outputs: Sequence[str]
) -> Run:
    """The model, compiled for each shape of batch that it meets; see `engines.registry`."""
    model = backbone_model(backbone, weights, image_size, precision, outputs)

    @lru_cache(maxsize=2)  # full batches, and the last
    def compiled(shape: tuple[int, ...]) -> Any:
        model.reshape(shape)
        return _compiled(model, precision)

    if precision == "bfloat16":  # refused here rather than at the first batch
        compiled((BATCH, image_size, image_size, 3))

    def run(pixels: Pixels) -> Outputs:
        results = compiled(pixels.shape)(pixels)
        return [results[i].copy() for i in range(len(outputs))]

    return run


def _compiled(model: Any, precision: str) -> Any:
    import openvino as ov

    wanted = ov.Type.bf16 if precision == "bfloat16" else ov.Type.f32
    compiled = ov.Core().compile_model(
        model,
        "CPU",
        {
            "INFERENCE_PRECISION_HINT": wanted,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": allowed_threads(),  # 0: as many as there are cores
        },
    )
    if compiled.get_property("INFERENCE_PRECISION_HINT") != wanted:
        raise CracksError(
            f"Expected a processor that computes in {precision} (AVX-512 BF16 or AMX), found one "
            "that does not; set `precision: float32`, or `engine: tensorflow` to emulate it slowly."
        )
    return compiled


def backbone_model(
    backbone: str, weights: Path, image_size: int, precision: str, outputs: Sequence[str]
) -> Any:
    """The OpenVINO model from uint8 pixels `[BATCH, s, s, 3]` to float32 `outputs`.

    Args:
        backbone: name in `cracks.backbones.catalogue.BACKBONES`.
        weights: its Keras weights without top.
        image_size: pixels of a side, s.
        precision: `int8` for a quantised model; the others differ when they are compiled.
        outputs: names of outputs of `cracks.backbones.model.pixel_model`, in its order.

    Raises:
        CracksError: if the weights do not fit.
    """
    import openvino as ov

    model = ov.Core().read_model(_made(backbone, weights, image_size, precision))
    for result, name in zip(model.get_results(), _OUTPUTS, strict=True):
        if name not in outputs:
            model.remove_result(result)
    return model


def _made(backbone: str, weights: Path, image_size: int, precision: str) -> Path:
    """The `.xml` of the model, which is kept by all that determines it."""
    packages, modules, files = dependencies(backbone, precision)
    facts = [
        backbone_named(backbone).architecture,
        sha256_of(weights),
        image_size,
        BATCH,
        {package: version(package) for package in packages},
        code_version(*modules),
        [sha256_of(path) for path in files],
    ]
    make = _make_quantised if precision == "int8" else _make_converted
    return _kept(facts, weights, partial(make, backbone, weights, image_size))


def _make_converted(backbone: str, weights: Path, image_size: int, path: Path) -> None:
    announce(f"{backbone}: converting it for OpenVINO, once for all runs (about 10 s)")
    in_own_process(_write_converted, backbone, weights, image_size, path)


def _make_quantised(backbone: str, weights: Path, image_size: int, path: Path) -> None:
    converted = _made(backbone, weights, image_size, "float32")
    known = ranges.known_ranges(backbone, weights, image_size)
    duration = "about 20 s" if known is None else "a few seconds"
    announce(f"{backbone}: quantising it to int8, once for all runs ({duration})")
    in_own_process(_write_quantised, converted, image_size, known, path)


def _kept(facts: Sequence[object], weights: Path, write: Callable[[Path], None]) -> Path:
    """The `.xml` of a model in the cache, made if there is none or a damaged one.

    Args:
        facts: what determines the model.
        weights: of the backbone; those of the model take no more space.
        write: makes the model at a path, its weights in the `.bin` beside it; in a process of its
            own, because TensorFlow and NNCF would each keep a gigabyte.
    """
    key = hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]
    folder = cache_folder("models")
    path, hashes = folder / f"{key}.xml", folder / f"{key}.sha256"

    def is_whole() -> bool:
        return hashes.is_file() and hashes.read_bytes() == _hashes(path).encode()

    if is_whole():  # nothing is written, which a cache may forbid
        return path
    with FileLock(folder / f"{key}.lock"):  # two at once could keep the halves of two models
        if not is_whole():
            with replacing(path.with_suffix(".bin")) as weights_file, replacing(path) as temporary:
                reserve(weights_file, weights.stat().st_size + _XML_BYTES)
                write(temporary)
            with replacing(hashes) as temporary:
                temporary.write_text(_hashes(path))
    return path


def _hashes(path: Path) -> str:
    files = (path, path.with_suffix(".bin"))
    return " ".join(sha256_of(file) if file.is_file() else "missing" for file in files)


def _write_converted(backbone: str, weights: Path, image_size: int, path: Path) -> None:
    quantisation.report_nothing()
    _save(_convert(backbone, weights, image_size), path)


def _write_quantised(
    converted: Path, image_size: int, known: ranges.Ranges | None, path: Path
) -> None:
    import openvino as ov

    _save(quantisation.quantised(ov.Core().read_model(converted), image_size, known), path)


def _save(model: Any, path: Path) -> None:
    import openvino as ov

    ov.save_model(model, path, compress_to_fp16=False)  # and the .bin file beside it


def _convert(backbone: str, weights: Path, image_size: int) -> Any:
    keras = import_keras()
    import openvino as ov

    _tell_tensorflow_version()
    full = pixel_model(backbone, weights, image_size)
    model = keras.Model(full.input, [full.output[name] for name in _OUTPUTS])
    with quiet_conversion():
        converted = ov.convert_model(model)
    converted.reshape([BATCH, image_size, image_size, 3])
    # the converter does not keep the order of outputs; features have fewer axes than maps
    results = sorted(converted.get_results(), key=lambda result: len(result.get_output_shape(0)))
    return ov.Model(results, converted.get_parameters())


def _tell_tensorflow_version() -> None:
    """Tell OpenVINO's converter the version of TensorFlow.

    It asks by `exec("import tensorflow")` and `exec("del tensorflow")` in a function, and since
    Python 3.13 (PEP 667) the second one has no name to delete.
    """
    from openvino.frontend.tensorflow import utils

    utils.get_environment_setup = lambda _: {"tensorflow": version("tensorflow")}
