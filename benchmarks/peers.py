"""What a user would run instead of the pipeline's engines, on decoded images in memory."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from cracks.backbones.catalogue import BACKBONES
from cracks.backbones.engines.batches import BATCH, Pixels
from cracks.backbones.engines.quantisation import calibration_batches
from cracks.backbones.model import load_backbone
from cracks.heads.head import LinearHead
from cracks.tools.export.onnx import onnx_model
from cracks.tools.export.preprocessing import affine_preprocessing

Run = Callable[[], int]
"""Computes all images and returns their number."""


def in_batches(compute: Callable[[Pixels], object], pixels: Pixels) -> Run:
    """Compute the first batch, so that nothing is left to prepare; return a run of all batches."""
    compute(pixels[:BATCH])

    def run() -> int:
        for start in range(0, len(pixels), BATCH):
            compute(pixels[start : start + BATCH])
        return len(pixels)

    return run


def onnx_runtime(backbone: str, weights: Path, pixels: Pixels, *, int8: bool) -> Run:
    """ONNX Runtime on the exported classifier, in int8 by its own quantiser.

    The models are written beside the weights; the quantised one is kept.
    """
    import onnxruntime

    path = weights.with_name(f"{backbone}{'-int8' if int8 else ''}.onnx")
    if not path.exists():
        _write_onnx(backbone, weights, pixels.shape[1], path, int8=int8)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return in_batches(lambda batch: session.run(None, {"pixels": batch}), pixels)


def pytorch(backbone: str, pixels: Pixels, *, compiled: bool) -> Run:
    """The same architecture by torchvision, with random weights, which cost the same time.

    PyTorch is no requirement of the project, because its package brings CUDA along. To measure it:
    pip install torch torchvision
    """
    import torch

    torch.manual_seed(0)
    model = _torch_model(backbone).eval().to(memory_format=torch.channels_last)
    if compiled:
        model = torch.compile(model)

    def compute(batch: Pixels) -> Any:
        images = torch.from_numpy(batch).permute(0, 3, 1, 2)  # a view: channels stay last
        with torch.inference_mode():
            return model(images.float() / 255)

    return in_batches(compute, pixels)


def _torch_model(backbone: str) -> Any:
    """From pixels `[n, 3, height, width]` in 0..1 to features `[n, channels]`."""
    import torch
    from torch import nn
    from torchvision import models

    class GeneralisedMean(nn.Module):
        def forward(self, values: Any) -> Any:
            return torch.sqrt(torch.sqrt((values**4).mean(dim=(2, 3))))

    if backbone == "vgg16":  # up to the last activation of the fourth block
        return nn.Sequential(models.vgg16().features[:23], GeneralisedMean())
    model = models.resnet50()
    model.layer4, model.avgpool, model.fc = nn.Identity(), GeneralisedMean(), nn.Identity()
    for stage in (model.layer2, model.layer3):
        stage[0].conv1.stride, stage[0].conv2.stride = (2, 2), (1, 1)  # as Keras has them
    return model


def _write_onnx(backbone: str, weights: Path, size: int, path: Path, *, int8: bool) -> None:
    import onnx
    from onnxruntime import quantization

    matrix, offset = affine_preprocessing(backbone)
    head = LinearHead(np.zeros(BACKBONES[backbone].features), 0.0)
    model = onnx_model(load_backbone(backbone, size, weights), size, matrix, offset, head)
    _drop_resizing(model)
    if not int8:
        onnx.save(model, path)
        return
    unquantised = path.with_suffix(".float32.onnx")
    onnx.save(model, unquantised)
    quantization.quantize_static(
        unquantised,
        path,
        _calibration(quantization.CalibrationDataReader, size)(),
        op_types_to_quantize=["Conv", "Add", "MaxPool", "Relu"],
        per_channel=True,
        reduce_range=True,  # 7 bits, as its documentation advises for processors without VNNI
    )


def _drop_resizing(model: Any) -> None:
    """Take out the resizing: no image here needs it, and ONNX Runtime's quantiser fails on it."""
    nodes = model.graph.node
    dropped = [node for node in nodes if node.op_type in {"Resize", "Round"}]
    for node in dropped:
        nodes.remove(node)
        for other in nodes:
            if node.output[0] in other.input:
                other.input[list(other.input).index(node.output[0])] = node.input[0]


def _calibration(reader: type, size: int) -> type:
    """A class that hands ONNX Runtime the images that the pipeline calibrates on."""

    class Calibration(reader):
        def __init__(self) -> None:
            self._batches = iter(calibration_batches(size))

        def get_next(self) -> dict[str, Any] | None:
            batch = next(self._batches, None)
            return None if batch is None else {"pixels": batch}

    return Calibration
