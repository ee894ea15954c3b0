"""The table of formats, and the export of one classifier.

To add one, write its module, with `write` and `load`, beside this one and add an entry.
"""

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from cracks.classifier.classifier import load_trained
from cracks.project.errors import CracksError
from cracks.project.outputs import copy_together, reserve
from cracks.project.params import Params
from cracks.project.paths import weights_path
from cracks.project.temporary import temporary_folder
from cracks.tools.export.check import check_logits, compare_probabilities


class Format(NamedTuple):
    """What there is to know of a format beside its module."""

    suffix: str
    int8: bool = False  # whether it can hold a quantised backbone


FORMATS = {
    "keras": Format(".keras"),
    "onnx": Format(".onnx"),
    "openvino": Format(".xml", int8=True),
}
"""By the name of the module, imported when it is used: it may need more than the pipeline does."""


def export_classifier(backbone: str, form: str, params: Params, file: Path) -> str:
    """Write a classifier as a self-contained model, checked against the pipeline's predictions.

    Its input is uint8 RGB `[n, height, width, 3]`, its output `[n, 2]`: no crack, crack.

    A format that cannot hold a quantised backbone gets the one that was quantised, in float32. Its
    logits are compared with those of that backbone, and the sentence says how far its
    probabilities are from the pipeline's.

    Args:
        backbone: whose classifier.
        form: name in `FORMATS`.
        params: of the pipeline, for the engine that the model is compared with.
        file: where to; ends in the format's suffix.

    Returns:
        A sentence about what was written.

    Raises:
        CracksError: if the suffix is wrong, nothing was trained, or the written model's answers
            differ from the pipeline's; then nothing is written.
        OSError: if a disk is full or files may not be that large.
    """
    entry = FORMATS[form]
    if file.suffix != entry.suffix:
        raise CracksError(f"Expected a file name that ends in {entry.suffix}, found {file}.")
    trained = load_trained(backbone)
    written = trained
    if trained.origin.precision == "int8" and not entry.int8:
        written = trained._replace(origin=replace(trained.origin, precision="float32"))
    module = import_module(f"{__package__}.{form}")
    with temporary_folder() as folder:
        path = folder / f"model{entry.suffix}"
        reserve(path, weights_path(backbone).stat().st_size)
        path.unlink()
        module.write(written, path)
        predict = module.load(path)
        check_logits(predict, written.classifier(params.engine, weights_path(backbone)))
        agreement = compare_probabilities(predict, trained)
        if written is trained:
            agreement.check()
        files = sorted(folder.iterdir())
        size = sum(one.stat().st_size for one in files)
        copy_together({one: file.with_suffix(one.suffix) for one in reversed(files)})  # .xml, .bin
    precisions = "" if written is trained else "computes in float32, the pipeline in int8; "
    return f"{file}: {size / 1e6:.1f} MB; {precisions}{agreement.sentence()}"
