"""OpenVINO: an `.xml` file and its weights in a `.bin` file beside it."""

from pathlib import Path
from typing import Any

import numpy as np

from cracks.backbones.engines.openvino import backbone_model
from cracks.backbones.model import quiet_conversion
from cracks.classifier.classifier import Trained
from cracks.heads.head import LinearHead
from cracks.project.paths import weights_path
from cracks.tools.export.check import Predict, description


def write(trained: Trained, path: Path) -> None:
    """Write the classifier to `path`."""
    import openvino as ov

    name, size = trained.origin.backbone, trained.origin.image_size
    precision = trained.origin.precision
    model = backbone_model(name, weights_path(name), size, precision, ("features",))
    model.reshape([-1, size, size, 3])
    model = _with_head(model, trained.head)
    steps = ov.preprocess.PrePostProcessor(model)
    image = steps.input()
    image.tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    image.tensor().set_spatial_dynamic_shape()
    image.model().set_layout(ov.Layout("NHWC"))
    image.preprocess().resize(ov.preprocess.ResizeAlgorithm.RESIZE_BILINEAR_PILLOW)
    built = steps.build()
    for key, value in description(trained).items():
        built.set_rt_info(value, ["cracks", key])
    with quiet_conversion():
        ov.save_model(built, path, compress_to_fp16=False)


def load(path: Path) -> Predict:
    """A function that runs the model at `path` on one image."""
    import openvino as ov

    compiled = ov.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": ov.Type.f32})
    return lambda rgb: np.asarray(compiled(rgb[np.newaxis])[0])[0]


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
