"""Heads: standardisation and a softmax over the two classes, on frozen features.

A head is a Keras model from features `[n, channels]` to probabilities `[n, 2]`, with columns in the
order of `cracks.pipeline.labels.CLASSES`. The standardisation is part of the model, so a head takes
the unscaled features of a backbone. `cracks.heads.training` trains heads on whitened features; the
whitening is linear and folded into the softmax layer.
"""

import io
import json
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from cracks.heads.statistics import Statistics
from cracks.pipeline.errors import ZIP_DAMAGE, CracksError
from cracks.pipeline.keras_import import import_keras
from cracks.pipeline.labels import CLASSES
from cracks.pipeline.outputs import replacing

_SHARED_OBJECT = re.compile(r'(?<="shared_object_id": )\d+')
_KERAS_EPSILON = 1e-7  # smallest deviation that Keras's Normalization divides by
_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
_ORIGIN = "origin.json"  # member of the .keras file; Keras ignores it


class LinearHead(NamedTuple):
    """A head without its softmax, the standardisation folded in: `features @ weights + bias`.

    The sum is the logit, the log-odds of a crack.
    """

    weights: NDArray[np.float64]  # [channels]
    bias: float

    def logit(self, features: NDArray[np.floating]) -> NDArray[np.float64]:
        """The logit `[...]` of features `[..., channels]`."""
        rows = features.astype(np.float64, copy=False)
        return np.asarray(rows @ self.weights + self.bias)

    def probability(self, features: NDArray[np.floating]) -> NDArray[np.float64]:
        """P(crack) of each row of features `[n, channels]`."""
        return np.asarray(expit(self.logit(features)))


@dataclass(frozen=True)
class Origin:
    """What a head was trained on; its users need the same backbone and input."""

    backbone: str
    layer: str  # of the backbone, whose pooled output the features are
    weights_sha256: str  # of the backbone's weights file
    image_size: int
    precision: str
    dataset: str
    classes: tuple[str, ...]
    packages: dict[str, str]  # versions


def save_head(model: Any, origin: Origin, path: Path) -> None:
    """Save byte-reproducibly in Keras's own format, with the origin as an additional member."""
    with replacing(path) as temporary:
        model.save(temporary)
        _make_reproducible(temporary, {_ORIGIN: json.dumps(asdict(origin), indent=1).encode()})


def read_origin(path: Path) -> Origin:
    """What the head in a file was trained on.

    Raises:
        CracksError: if there is no head, it has no valid origin, or it has other classes.
    """
    with _readable_errors(path), zipfile.ZipFile(path) as archive:
        values = json.loads(archive.read(_ORIGIN))
        if set(values) != {field.name for field in fields(Origin)}:
            raise ValueError(f"unknown keys in {_ORIGIN}")
        origin = Origin(**values | {"classes": tuple(values["classes"])})
    if origin.classes != CLASSES:
        raise CracksError(
            f"Expected a head of the classes {', '.join(CLASSES)} at {path}, found one of "
            f"{', '.join(origin.classes)}; run `dvc repro`."
        )
    return origin


def _make_reproducible(path: Path, added: dict[str, bytes]) -> None:
    """Rewrite a `.keras` zip with fixed dates, numbers for memory addresses, and added members."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in sorted(archive.namelist())} | added
    metadata = json.loads(members["metadata.json"])
    metadata["date_saved"] = "1980-01-01@00:00:00"
    members["metadata.json"] = json.dumps(metadata).encode()
    members["config.json"] = _numbered(members["config.json"].decode()).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name, date_time=_ZIP_EPOCH), data)
    path.write_bytes(buffer.getvalue())


def _numbered(config: str) -> str:
    """Number the objects that layers share; Keras names them by their address."""
    addresses = list(dict.fromkeys(_SHARED_OBJECT.findall(config)))
    return _SHARED_OBJECT.sub(lambda match: str(addresses.index(match[0])), config)


def load_head(path: Path) -> Any:
    """Load a head that `save_head` wrote.

    Raises:
        CracksError: if it is missing or damaged.
    """
    keras = import_keras()

    with _readable_errors(path):
        return keras.saving.load_model(path, compile=False)


def linear_head(path: Path) -> LinearHead:
    """Read a head in its linear form, without importing TensorFlow.

    Raises:
        CracksError: if it is missing or damaged.
    """
    with _readable_errors(path):
        return _folded(*_variables(path))


def training_statistics(path: Path) -> Statistics:
    """The statistics of the features that a head was trained on, without importing TensorFlow.

    Raises:
        CracksError: if it is missing or damaged.
    """
    with _readable_errors(path):
        mean, variance, *_ = _variables(path)
        return Statistics(mean, np.sqrt(variance))


def _variables(path: Path) -> list[NDArray[np.float64]]:
    """Mean, variance, kernel and bias of a head's file."""
    import h5py

    with zipfile.ZipFile(path) as archive:
        file = io.BytesIO(archive.read("model.weights.h5"))
    with h5py.File(file) as weights:
        layers = (weights[f"layers/{name}/vars"] for name in ("normalization", "dense"))
        return [layer[key][()].astype(np.float64) for layer in layers for key in ("0", "1")]


def folded(model: Any) -> LinearHead:
    """The linear form of a head in memory."""
    standardise, softmax = model.layers
    statistics = (standardise.adapt_mean.numpy(), standardise.adapt_variance.numpy())
    return _folded(*statistics, *softmax.get_weights())


def _folded(*variables: NDArray[np.floating]) -> LinearHead:
    """The linear form of mean, variance, kernel and bias.

    With two classes, softmax depends only on the difference of their logits.
    """
    mean, variance, kernel, bias = (x.astype(np.float64) for x in variables)
    if kernel.shape != (*mean.shape, len(CLASSES)):
        raise ValueError(f"weights of shape {kernel.shape} on {mean.shape} features")
    scaled = (kernel[:, 1] - kernel[:, 0]) / np.maximum(np.sqrt(variance), _KERAS_EPSILON)
    return LinearHead(scaled, float(bias[1] - bias[0] - mean @ scaled))


@contextmanager
def _readable_errors(path: Path) -> Iterator[None]:
    """Turn the exceptions of Keras and h5py about an invalid file into one sentence."""
    if not path.is_file():
        raise CracksError(f"Expected a trained head at {path}, found none; run `dvc repro`.")
    try:
        yield
    except ZIP_DAMAGE as error:
        reason = " ".join(str(error).split())[:200]
        raise CracksError(
            f"Expected a Keras model at {path}, found something else ({reason}); "
            "run `dvc checkout` or `dvc repro`."
        ) from None
