"""Write one self-contained model: uint8 RGB pixels of any size in, class probabilities out.

worked example:
  python -m cracks.export --backbone vgg16 --to onnx cracks-vgg16.onnx
  python -m cracks.export --backbone resnet50 --to openvino cracks-resnet50.xml

Input `[n, height, width, 3]`, output `[n, 2]`: no crack, crack. Resizing and preprocessing are
inside. The file is checked against the pipeline's own numbers before it is in its place. OpenVINO
keeps the weights in a second file beside it, with the ending .bin.
"""

import argparse
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cracks.archive import ARCHIVE, open_archive, read_member
from cracks.backbones import (
    BACKBONES,
    backbone_named,
    build_backbone,
    load_backbone_weights,
    quiet_conversion,
    weights_path,
)
from cracks.converted import converted_model
from cracks.errors import CracksError, one_sentence
from cracks.heads import LinearHead, head_path, linear_head, load_head
from cracks.images import RGB, decode
from cracks.params import Params, load_params
from cracks.quiet import import_quietly

SUFFIXES = {"keras": ".keras", "onnx": ".onnx", "openvino": ".xml"}

TOLERANCE = 0.1
"""Largest difference of a probability: resizing rounds differently in each library, and a wrong
preprocessing differs by far more."""

_CHECKED = 32  # images

Predict = Callable[[RGB], NDArray[np.float32]]
"""One image `[h, w, 3]` -> its probabilities `[2]`."""


def main() -> None:
    """Run the command."""
    arguments = _parser().parse_args()
    suffix = SUFFIXES[arguments.to]
    if arguments.file.suffix != suffix:
        raise CracksError(f"Expected a file name that ends in {suffix}, found {arguments.file}.")
    params = load_params()
    write = {"keras": _write_keras, "onnx": _write_onnx, "openvino": _write_openvino}[arguments.to]
    with TemporaryDirectory() as folder:
        made = Path(folder) / f"model{suffix}"
        write(arguments.backbone, params, made)
        predict = {"keras": _keras, "onnx": _onnx, "openvino": _openvino}[arguments.to](made)
        images, worst = _compare(predict, arguments.backbone)
        size = sum(file.stat().st_size for file in Path(folder).iterdir())
        arguments.file.parent.mkdir(parents=True, exist_ok=True)
        for file in sorted(Path(folder).iterdir()):  # the weights before what needs them
            target = arguments.file.with_suffix(file.suffix)
            temporary = target.with_name(f".{target.name}.tmp")
            shutil.move(file, temporary)
            temporary.replace(target)
    print(
        f"{arguments.file}: {size / 1e6:.1f} MB; the probabilities of {images} test images differ "
        f"by at most {worst:.5f} from the pipeline's"
    )


# --- writing ----------------------------------------------------------------------------


def _backbone(name: str, params: Params) -> Any:
    model = build_backbone(name, params.image_size)
    load_backbone_weights(model, name, weights_path(name))
    return model


def affine_preprocessing(name: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What `preprocess_input` of a backbone does to RGB: `rgb @ matrix + offset`.

    Raises:
        CracksError: if it is not affine.
    """
    import_quietly()
    import keras

    preprocess = getattr(keras.applications, backbone_named(name).module).preprocess_input

    def at(rgb: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(preprocess(rgb.reshape(1, 1, 1, 3).copy()), np.float32).reshape(3)

    offset = at(np.zeros(3, np.float32))
    units = np.eye(3, dtype=np.float32)
    matrix = np.stack([(at(255 * unit) - offset) / 255 for unit in units]).astype(np.float32)
    probe = np.array([10, 100, 200], np.float32)
    if not np.allclose(probe @ matrix + offset, at(probe), atol=1e-3):
        raise CracksError(f"Export does not know the preprocessing of {name}.")
    return matrix, offset


def _write_keras(name: str, params: Params, path: Path) -> None:
    matrix, offset = affine_preprocessing(name)
    import keras

    backbone, head = _backbone(name, params), load_head(head_path(name))
    pixels = keras.Input((None, None, 3), dtype="uint8", name="pixels")
    size = params.image_size
    resize = keras.layers.Resizing(size, size, "bilinear", antialias=True, dtype="float32")
    preprocess = keras.layers.Conv2D(3, 1, name="preprocess")
    prepared = preprocess(keras.ops.round(resize(keras.ops.cast(pixels, "float32"))))
    preprocess.set_weights([matrix[np.newaxis, np.newaxis], offset])
    model = keras.Model(pixels, head(backbone(prepared, training=False)), name="crack_or_no_crack")
    model.save(path)


def _write_onnx(name: str, params: Params, path: Path) -> None:
    import onnx

    from cracks.onnx_graph import onnx_model

    matrix, offset = affine_preprocessing(name)
    head = linear_head(head_path(name))
    onnx.save(onnx_model(_backbone(name, params), params.image_size, matrix, offset, head), path)


def _write_openvino(name: str, params: Params, path: Path) -> None:
    import openvino as ov

    size = params.image_size
    converted = converted_model(name, weights_path(name), size, ("features",))
    model = ov.Core().read_model(converted)
    model.reshape([-1, size, size, 3])
    model = _with_head(model, linear_head(head_path(name)))
    steps = ov.preprocess.PrePostProcessor(model)
    image = steps.input()
    image.tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    image.tensor().set_spatial_dynamic_shape()
    image.model().set_layout(ov.Layout("NHWC"))
    image.preprocess().resize(ov.preprocess.ResizeAlgorithm.RESIZE_BILINEAR_PILLOW)
    with quiet_conversion():
        ov.save_model(steps.build(), path, compress_to_fp16=False)


def _with_head(model: Any, head: LinearHead) -> Any:
    """The model with the head on its features: softmax of the logits 0 and z."""
    import openvino as ov
    from openvino import opset13 as ops

    features = model.output(0).get_node().input_value(0)
    weights = np.stack([np.zeros_like(head.weights), head.weights], axis=1).astype(np.float32)
    bias = np.array([[0, head.bias]], np.float32)
    logits = ops.add(ops.matmul(features, weights, transpose_a=False, transpose_b=False), bias)
    probabilities = ops.softmax(logits, axis=-1)
    probabilities.output(0).get_tensor().set_names({"probabilities"})
    return ov.Model([probabilities], model.get_parameters(), "crack or no crack")


# --- checking ---------------------------------------------------------------------------


def _keras(path: Path) -> Predict:
    import keras

    model = keras.saving.load_model(path, compile=False)
    return lambda rgb: np.asarray(model(rgb[np.newaxis], training=False))[0]


def _onnx(path: Path) -> Predict:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda rgb: np.asarray(session.run(None, {"pixels": rgb[np.newaxis]})[0])[0]


def _openvino(path: Path) -> Predict:
    import openvino as ov

    compiled = ov.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": ov.Type.f32})
    return lambda rgb: np.asarray(compiled(rgb[np.newaxis])[0])[0]


def _compare(predict: Predict, backbone: str) -> tuple[int, float]:
    """The number of test images that were compared, and the largest difference.

    Raises:
        CracksError: if it is too large, or the pipeline has no numbers to compare with.
    """
    checked = 0
    worst = 0.0
    for rgb, expected in _reference(backbone):
        worst = max(worst, abs(float(predict(rgb)[1]) - expected))
        checked += 1
    if worst > TOLERANCE:
        raise CracksError(
            f"Expected probabilities within {TOLERANCE} of the pipeline's, found a difference of "
            f"{worst:.4f}; nothing was written."
        )
    return checked, worst


def _reference(backbone: str) -> Iterator[tuple[RGB, float]]:
    """Test images from all over the range of probabilities, and what the pipeline says of them."""
    path = Path("metrics/predictions.csv")
    if not path.exists():
        raise CracksError(f"Expected {path} to check the model with, found none; run `dvc repro`.")
    table = pd.read_csv(path, dtype={"id": str})
    rows = table[table["backbone"] == backbone].sort_values("probability", kind="stable")
    some = rows.iloc[np.unique(np.linspace(0, len(rows) - 1, _CHECKED).round().astype(int))]
    with open_archive(ARCHIVE) as archive:
        for name, probability in zip(some["id"], some["probability"], strict=True):
            yield decode(read_member(archive, name)), float(probability)


def _parser() -> argparse.ArgumentParser:
    description, _, epilog = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="python -m cracks.export",
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--backbone", choices=BACKBONES, required=True)
    parser.add_argument("--to", choices=SUFFIXES, required=True)
    parser.add_argument("file", type=Path, metavar="FILE", help="ends in .keras, .onnx or .xml")
    return parser


if __name__ == "__main__":
    with one_sentence():
        main()
