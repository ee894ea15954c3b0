"""The table of formats, and the export of one classifier.

To add one, write its module beside this one and add an entry.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from cracks.export import keras, onnx, openvino
from cracks.export.check import Predict, check_logits, check_probabilities
from cracks.inference.classifier import Trained, load_classifier, load_trained
from cracks.pipeline.errors import CracksError
from cracks.pipeline.lifetime import temporary
from cracks.pipeline.outputs import replacing
from cracks.pipeline.params import Params


@dataclass(frozen=True)
class Format:
    """How a classifier is written as one model, and loaded again."""

    suffix: str
    write: Callable[[Trained, Path], None]
    load: Callable[[Path], Predict]
    int8: bool = False  # whether it can hold a quantised backbone


FORMATS = {
    "keras": Format(".keras", keras.write, keras.load),
    "onnx": Format(".onnx", onnx.write, onnx.load),
    "openvino": Format(".xml", openvino.write, openvino.load, int8=True),
}


def export_classifier(backbone: str, form: str, params: Params, file: Path) -> str:
    """Write a classifier as a self-contained model, checked against the pipeline's predictions.

    Its input is uint8 RGB `[n, height, width, 3]`, its output `[n, 2]`: no crack, crack.

    Args:
        backbone: whose classifier.
        form: name in `FORMATS`.
        params: of the pipeline, for the engine that the model is compared with.
        file: where to; ends in the format's suffix.

    Returns:
        A sentence about what was written.

    Raises:
        CracksError: if the suffix is wrong, nothing was trained, the format has no int8 and the
            head was trained on it, or the written model's answers differ from the pipeline's;
            then nothing is written.
    """
    entry = FORMATS[form]
    if file.suffix != entry.suffix:
        raise CracksError(f"Expected a file name that ends in {entry.suffix}, found {file}.")
    trained = load_trained(backbone)
    if trained.origin.precision == "int8" and not entry.int8:
        raise CracksError(
            f"Expected a head trained in float32 or bfloat16 for --to {form}, found one of int8, "
            "which fits the quantised backbone of OpenVINO alone; export it --to openvino, or set "
            "`precision: float32` and run `dvc repro`."
        )
    with temporary(Path(mkdtemp())) as folder:
        path = folder / f"model{entry.suffix}"
        entry.write(trained, path)
        predict = entry.load(path)
        check_logits(predict, load_classifier(backbone, params))
        images, worst = check_probabilities(predict, backbone)
        written = sorted(folder.iterdir())  # .bin before the .xml that needs it
        size = sum(one.stat().st_size for one in written)
        for one in written:
            with replacing(file.with_suffix(one.suffix)) as mine:
                shutil.copyfile(one, mine)
    return (
        f"{file}: {size / 1e6:.1f} MB; the probabilities of {images} test images differ by at most "
        f"{worst:.5f} from the pipeline's"
    )
