"""OpenVINO: the engine for CPUs.

It folds batch normalisation and activations into the convolutions, and its results do not depend on
the number of threads or on how images are cut into batches. A backbone is converted once and kept
in the cache: conversion needs TensorFlow and several seconds, the converted model neither. It is
checked by its hash before it is used; a damaged one is converted again.
"""

import hashlib
import json
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from cracks.backbones import model as backbones
from cracks.backbones.engines.batches import BATCH, Outputs, Pixels, Run
from cracks.backbones.model import pixel_model, quiet_conversion
from cracks.pipeline.cache_folder import cache_folder, code_version
from cracks.pipeline.errors import CracksError
from cracks.pipeline.keras_import import import_keras
from cracks.pipeline.outputs import replacing, reserve, sha256_of
from cracks.pipeline.workers import allowed_threads

_XML_BYTES = 2**21  # of a model's description, and more


def load(
    backbone: str, weights: Path, image_size: int, precision: str, outputs: Sequence[str]
) -> Run:
    """The compiled model; see `cracks.backbones.engines.registry.load_engine`."""
    import openvino as ov

    core = ov.Core()
    path = converted_model(backbone, weights, image_size, outputs)
    wanted = {"float32": ov.Type.f32, "bfloat16": ov.Type.bf16}[precision]
    compiled = core.compile_model(
        core.read_model(path),
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

    def run(pixels: Pixels) -> Outputs:
        results = compiled(pixels)
        return [results[i].copy() for i in range(len(outputs))]

    return run


def converted_model(backbone: str, weights: Path, image_size: int, outputs: Sequence[str]) -> Path:
    """The `.xml` of the model from uint8 pixels `[BATCH, s, s, 3]` to float32 `outputs`.

    Args:
        backbone: name in `cracks.backbones.catalogue.BACKBONES`.
        weights: its Keras weights without top.
        image_size: pixels of a side, s.
        outputs: names of outputs of `cracks.backbones.model.pixel_model`.

    Raises:
        CracksError: if the weights do not fit.
    """
    packages = {name: version(name) for name in ("openvino", "keras", "tensorflow")}
    code = code_version(backbones, sys.modules[__name__])
    facts = [code, backbone, sha256_of(weights), image_size, BATCH, list(outputs), packages]
    key = hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]
    folder = cache_folder("models")
    path, hashes = folder / f"{key}.xml", folder / f"{key}.sha256"
    if not hashes.exists() or hashes.read_text() != _hashes(path):
        _convert(backbone, weights, image_size, outputs, path)
        with replacing(hashes) as temporary:
            temporary.write_text(_hashes(path))
    return path


def _hashes(path: Path) -> str:
    files = (path, path.with_suffix(".bin"))
    return " ".join(sha256_of(file) if file.exists() else "missing" for file in files)


def _convert(
    backbone: str, weights: Path, image_size: int, outputs: Sequence[str], path: Path
) -> None:
    keras = import_keras()
    import openvino as ov

    size = weights.stat().st_size
    full = pixel_model(backbone, weights, image_size)
    model = keras.Model(full.input, [full.output[name] for name in outputs])
    with quiet_conversion():
        converted = ov.convert_model(model)
    del full, model
    keras.backend.clear_session()
    converted.reshape([BATCH, image_size, image_size, 3])
    with replacing(path.with_suffix(".bin")) as weights_file, replacing(path) as temporary:
        reserve(weights_file, size + _XML_BYTES)
        ov.save_model(converted, temporary, compress_to_fp16=False)  # and the .bin file beside it
