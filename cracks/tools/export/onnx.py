"""ONNX: a Keras backbone and a head as a graph, from uint8 pixels to class probabilities.

It supports the layers of the backbones in Keras Applications. Weights are Keras's own; only the
order of the axes changes (ONNX has channels first).
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cracks.backbones.model import load_backbone
from cracks.classifier.classifier import Trained
from cracks.heads.head import LinearHead
from cracks.project.errors import CracksError
from cracks.project.paths import weights_path
from cracks.tools.export.check import Predict, description
from cracks.tools.export.preprocessing import affine_preprocessing

try:
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper
except ModuleNotFoundError as error:
    raise CracksError(
        f"Expected the package {error.name} for ONNX, found none; run `make export`, or "
        "`pip install -r requirements-export.txt`."
    ) from None

OPSET = 18  # the first whose Resize averages when it shrinks

Array = NDArray[Any]


def write(trained: Trained, path: Path) -> None:
    """Write the classifier to `path`."""
    name, size = trained.origin.backbone, trained.origin.image_size
    matrix, offset = affine_preprocessing(name)
    backbone = load_backbone(name, size, weights_path(name))
    model = onnx_model(backbone, size, matrix, offset, trained.head)
    helper.set_model_props(model, description(trained))
    onnx.save(model, path)


def load(path: Path) -> Predict:
    """A function that runs the model at `path` on one image."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda rgb: np.asarray(session.run(None, {"pixels": rgb[np.newaxis]})[0])[0]


class _Graph:
    """Nodes and constants of a graph that is being built."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def add(self, kind: str, *inputs: str | Array, name: str = "", **attributes: Any) -> str:
        """The name of a new node; `inputs` are names of others, or constants."""
        name = name or f"{kind.lower()}_{len(self.nodes)}"
        names = [one if isinstance(one, str) else self._constant(one) for one in inputs]
        self.nodes.append(helper.make_node(kind, names, [name], name, **attributes))
        return name

    def _constant(self, array: Array) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name


def onnx_model(
    backbone: Any, image_size: int, matrix: Array, offset: Array, head: LinearHead
) -> onnx.ModelProto:
    """The whole classifier.

    Args:
        backbone: Keras model `[n, s, s, 3]` -> `[n, h, w, channels]`, with its weights.
        image_size: pixels of a side, s.
        matrix: `[3, 3]` preprocessing, `rgb @ matrix + offset`.
        offset: `[3]`.
        head: the linear form of the head.

    Returns:
        `pixels` uint8 `[n, h, w, 3]` -> `probabilities` float32 `[n, 2]`.

    Raises:
        CracksError: if the backbone has a layer that is not known here.
    """
    graph = _Graph()
    first = _preprocessed(graph, image_size, matrix, offset)
    features = _generalised_mean(graph, _backbone(graph, backbone, first))
    _probabilities(graph, features, head)
    pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", "h", "w", 3])
    output = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", 2])
    onnx_graph = helper.make_graph(
        graph.nodes, "crack or no crack", [pixels], [output], initializer=graph.constants
    )
    operators = [helper.make_opsetid("", OPSET)]
    oldest = helper.find_min_ir_version_for(operators)  # so that old runtimes read it
    model = helper.make_model(onnx_graph, opset_imports=operators, ir_version=oldest)
    onnx.checker.check_model(model)
    return model


def _preprocessed(graph: _Graph, image_size: int, matrix: Array, offset: Array) -> str:
    channels_first = graph.add("Transpose", "pixels", perm=[0, 3, 1, 2])
    floats = graph.add("Cast", channels_first, to=TensorProto.FLOAT)
    rounded, side = floats, np.array([image_size], np.int64)
    linear: Any = {"mode": "linear", "antialias": 1, "coordinate_transformation_mode": "half_pixel"}
    for axis in (3, 2):  # as Pillow does it: across, rounded, then down
        resized = graph.add("Resize", rounded, "", "", side, axes=[axis], **linear)
        rounded = graph.add("Round", resized)
    weights = matrix.T.astype(np.float32)[:, :, np.newaxis, np.newaxis]
    return graph.add("Conv", rounded, weights, offset.astype(np.float32))


def _probabilities(graph: _Graph, features: str, head: LinearHead) -> None:
    """Softmax of the logits 0 and z is 1 - p and p."""
    weights = np.stack([np.zeros_like(head.weights), head.weights], axis=1).astype(np.float32)
    product = graph.add("MatMul", features, weights)
    logits = graph.add("Add", product, np.array([0, head.bias], np.float32))
    graph.add("Softmax", logits, name="probabilities", axis=-1)


def _backbone(graph: _Graph, backbone: Any, first: str) -> str:
    """Add the layers of a Keras model, which lists them in topological order."""
    outputs: dict[str, str] = {}
    for layer in backbone.layers:
        kind = type(layer).__name__
        if kind == "InputLayer":
            outputs[layer.name] = first
            continue
        if kind not in _LAYERS:
            raise _unknown(f"layers of the kind {kind}")
        parents = layer.input if isinstance(layer.input, list) else [layer.input]
        inputs = [outputs[parent._keras_history.operation.name] for parent in parents]  # noqa: SLF001
        outputs[layer.name] = _LAYERS[kind](graph, layer, inputs)
    return outputs[backbone.layers[-1].name]


def _unknown(what: str) -> CracksError:
    return CracksError(f"ONNX export does not know {what}; export to keras or openvino.")


def _generalised_mean(graph: _Graph, feature_map: str) -> str:
    """As `cracks.backbones.pooling.generalised_mean`."""
    square = graph.add("Mul", feature_map, feature_map)
    power = graph.add("Mul", square, square)
    mean = graph.add("Flatten", graph.add("GlobalAveragePool", power))
    return graph.add("Sqrt", graph.add("Sqrt", mean))


def _convolution(graph: _Graph, layer: Any, inputs: list[str]) -> str:
    kernel, *bias = layer.get_weights()
    options: dict[str, Any] = {"strides": layer.strides, "dilations": layer.dilation_rate}
    if layer.padding == "same":
        options["pads"] = [(side - 1) // 2 for side in kernel.shape[:2]] * 2
        if max(layer.strides) > 1 and max(kernel.shape[:2]) > 1:
            raise _unknown(f"the padding of {layer.name}")
    result = graph.add("Conv", *inputs, kernel.transpose(3, 2, 0, 1), *bias, **options)
    return _activated(graph, layer, result)


def _activated(graph: _Graph, layer: Any, value: str) -> str:
    name = layer.activation.__name__
    if name == "linear":
        return value
    if name == "relu":
        return graph.add("Relu", value)
    raise _unknown(f"the activation {name} of {layer.name}")


def _relu(graph: _Graph, layer: Any, inputs: list[str]) -> str:
    if layer.max_value is not None or layer.negative_slope or layer.threshold:
        raise _unknown(f"the activation of {layer.name}, which is not a plain ReLU")
    return graph.add("Relu", *inputs)


def _normalisation(graph: _Graph, layer: Any, inputs: list[str]) -> str:
    return graph.add("BatchNormalization", *inputs, *layer.get_weights(), epsilon=layer.epsilon)


def _padding(graph: _Graph, layer: Any, inputs: list[str]) -> str:
    (top, bottom), (left, right) = layer.padding
    pads = np.array([0, 0, top, left, 0, 0, bottom, right], np.int64)
    return graph.add("Pad", *inputs, pads, mode="constant")


def _pooling(graph: _Graph, layer: Any, inputs: list[str]) -> str:
    if layer.padding != "valid":
        raise _unknown(f"the padding of {layer.name}")
    return graph.add("MaxPool", *inputs, kernel_shape=layer.pool_size, strides=layer.strides)


_LAYERS: dict[str, Callable[[_Graph, Any, list[str]], str]] = {
    "Conv2D": _convolution,
    "BatchNormalization": _normalisation,
    "Activation": lambda graph, layer, inputs: _activated(graph, layer, inputs[0]),
    "ReLU": _relu,
    "Add": lambda graph, _, inputs: graph.add("Add", *inputs),
    "ZeroPadding2D": _padding,
    "MaxPooling2D": _pooling,
}
