"""Backbones converted to OpenVINO's own format, kept in the cache.

Conversion needs TensorFlow and several seconds; the kept file needs neither. It is written whole
and checked by its hash before it is used; a damaged one is made anew.
"""

import hashlib
import json
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from cracks import backbones
from cracks.backbones import BATCH, pixel_model, quiet_conversion
from cracks.caches import cache_folder, code_version
from cracks.files import replacing, sha256_of
from cracks.quiet import import_quietly


def converted_model(backbone: str, weights: Path, image_size: int, outputs: Sequence[str]) -> Path:
    """The `.xml` of the model from uint8 pixels `[BATCH, s, s, 3]` to float32 `outputs`.

    Args:
        backbone: name in `cracks.backbones.BACKBONES`.
        weights: its Keras weights without top.
        image_size: pixels of a side, s.
        outputs: names of outputs of `cracks.backbones.pixel_model`.

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
    import_quietly()
    import keras
    import openvino as ov

    full = pixel_model(backbone, weights, image_size)
    model = keras.Model(full.input, [full.output[name] for name in outputs])
    with quiet_conversion():
        converted = ov.convert_model(model)
    del full, model
    keras.backend.clear_session()
    converted.reshape([BATCH, image_size, image_size, 3])
    with TemporaryDirectory(dir=path.parent) as folder:  # other processes may do the same
        temporary = Path(folder) / path.name
        ov.save_model(converted, temporary, compress_to_fp16=False)
        for suffix in (".bin", ".xml"):
            temporary.with_suffix(suffix).replace(path.with_suffix(suffix))
