"""Heads: standardisation and a softmax over the two classes, on frozen features.

A head is a Keras model from features `[n, channels]` to probabilities `[n, 2]`, with columns in the
order of `cracks.tables.labels.CLASSES`. The standardisation is part of the model, so a head takes
the unscaled features of a backbone. `cracks.heads.training` trains heads on whitened features; the
whitening is linear and folded into the softmax layer.
"""

import io
import json
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, TypeAdapter, ValidationError
from scipy.special import expit

from cracks.backbones.catalogue import backbone_named
from cracks.heads.statistics import Statistics
from cracks.project.errors import ZIP_DAMAGE, CracksError
from cracks.project.outputs import FINE_DIGITS, replacing, sha256_of
from cracks.project.params import ImageSize, Params, Precision, Sha256, Text
from cracks.project.paths import weights_path
from cracks.runtime.keras_import import import_keras
from cracks.runtime.stage import package_versions
from cracks.tables.labels import CLASSES

MEND = "run `dvc checkout` or `dvc repro`"
"""What to do about a damaged head that the pipeline has trained."""

_SHARED_OBJECT = re.compile(r'(?<="shared_object_id": )\d+')
_BITS = 16  # of the weights of a head
_MIN_PROBABILITY = 10.0**-FINE_DIGITS
_KERAS_EPSILON = 1e-7  # smallest deviation that Keras's Normalization divides by
_MAX_NUMBERS = 10**7  # of one array of a head
_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
_ORIGIN = "origin.json"  # member of the .keras file; Keras ignores it

Parsed = TypeVar("Parsed")


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
        """P(crack) of each row of features `[n, channels]`, with `FINE_DIGITS` decimals.

        It is never 0 or 1, which no number of images could justify.

        Example:
            >>> LinearHead(np.array([2.0]), -1.0).probability(np.array([[0.5], [2.0]])).tolist()
            [0.5, 0.952574]
        """
        rounded = np.round(expit(self.logit(features)), FINE_DIGITS)
        return np.asarray(rounded.clip(_MIN_PROBABILITY, 1 - _MIN_PROBABILITY))


class Head(NamedTuple):
    """A head as its file stores it."""

    mean: NDArray[np.float32]  # [channels], of the standardisation
    variance: NDArray[np.float32]  # [channels]
    kernel: NDArray[np.float32]  # [channels, classes], of the softmax layer
    bias: NDArray[np.float32]  # [classes]

    def linear(self) -> LinearHead:
        """Its linear form.

        With two classes, softmax depends only on the difference of their logits.
        """
        mean, variance, kernel, bias = (x.astype(np.float64) for x in self)
        scaled = (kernel[:, 1] - kernel[:, 0]) / np.maximum(np.sqrt(variance), _KERAS_EPSILON)
        return LinearHead(scaled, float(bias[1] - bias[0] - mean @ scaled))

    def keras_model(self) -> Any:
        """The Keras model: standardisation, then a softmax layer."""
        keras = import_keras()
        standardise = keras.layers.Normalization(name="standardise")
        softmax = keras.layers.Dense(len(CLASSES), activation="softmax", name="softmax")
        inputs = keras.layers.Input(self.mean.shape, name="features")
        model = keras.Sequential([inputs, standardise, softmax], name="head")
        standardise.adapt_mean.assign(self.mean)
        standardise.adapt_variance.assign(self.variance)
        standardise.finalize_state()
        softmax.set_weights([self.kernel, self.bias])
        return model


def rounded_to_largest(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round to multiples of 2^-`_BITS` of the power of two above the largest absolute value.

    Processors differ in the last bits of float64 relative to the largest value. With one grid for
    all, a small value is no more likely than a large one to be rounded differently.
    """
    _, exponent = np.frexp(np.abs(values).max())
    unit = np.ldexp(1.0, exponent - _BITS)
    return np.asarray(np.round(values / unit) * unit)


@dataclass(frozen=True)
class Origin:
    """What a head was trained on; its users need the same backbone and input."""

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)

    backbone: Text
    layer: Text  # of the backbone, whose pooled output the features are
    weights_sha256: Sha256  # of the backbone's weights file
    image_size: ImageSize
    precision: Precision
    dataset: Text
    classes: tuple[str, ...]
    packages: dict[str, str]  # versions

    @classmethod
    def of_training(cls, backbone: str, dataset: str, params: Params) -> Self:
        """The origin of a head that is trained now, on features by the weights in data/weights."""
        return cls(
            backbone=backbone,
            layer=backbone_named(backbone).layer,
            weights_sha256=sha256_of(weights_path(backbone)),
            image_size=params.image_size,
            precision=params.precision,
            dataset=dataset,
            classes=CLASSES,
            packages=package_versions(),
        )


def save_head(head: Head, origin: Origin, path: Path) -> None:
    """Save byte-reproducibly in Keras's own format, with the origin as an additional member."""
    import_keras().backend.clear_session()  # names of layers are numbered by session
    with replacing(path) as temporary:
        head.keras_model().save(temporary)
        make_reproducible(temporary, {_ORIGIN: json.dumps(asdict(origin), indent=1).encode()})


def read_origin(path: Path) -> Origin:
    """What the head in a file was trained on.

    Raises:
        CracksError: if there is no head, it has no valid origin, or it has other classes.
    """
    with _readable_errors(path), zipfile.ZipFile(path) as archive:
        origin = parse_checked(TypeAdapter(Origin), archive.read(_ORIGIN), _ORIGIN)
    if origin.classes != CLASSES:
        raise CracksError(
            f"Expected a head of the classes {', '.join(CLASSES)} at {path}, found one of "
            f"{', '.join(origin.classes)}; run `dvc repro`."
        )
    return origin


def parse_checked(form: TypeAdapter[Parsed], data: bytes, name: str) -> Parsed:
    """Values of a head's file, of the types and in the ranges that their form declares.

    Args:
        form: what is expected.
        data: JSON.
        name: of that JSON.

    Raises:
        ValueError: with the first value that is not as expected, in a few words.
    """
    try:
        return form.validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ": ".join([name, *(str(key) for key in first["loc"])])
        raise ValueError(f"{where}: {first['msg']}") from None


def make_reproducible(path: Path, added: dict[str, bytes]) -> None:
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


def read_head(path: Path) -> Head:
    """Read the numbers of a head, without importing TensorFlow.

    Raises:
        CracksError: if it is missing or damaged, or its numbers cannot be those of a head.
    """
    import h5py

    with _readable_errors(path):
        with zipfile.ZipFile(path) as archive:
            file = io.BytesIO(archive.read("model.weights.h5"))
        with h5py.File(file) as weights:
            layers = (weights[f"layers/{name}/vars"] for name in ("normalization", "dense"))
            head = Head(*(_numbers(layer[key]) for layer in layers for key in ("0", "1")))
        _check_numbers(head)
    return head


def _numbers(stored: Any) -> NDArray[Any]:
    """The values of an HDF5 dataset; a ValueError if it declares more than a head can have."""
    if getattr(stored, "size", 0) > _MAX_NUMBERS:  # a group has none
        raise ValueError(f"weights of shape {stored.shape}")
    return np.asarray(stored[()])


def _check_numbers(head: Head) -> None:
    """Check shapes and ranges; a ValueError says what cannot be."""
    channels, classes = head.mean.size, len(CLASSES)
    shapes = ((channels,), (channels,), (channels, classes), (classes,))
    if tuple(values.shape for values in head) != shapes:
        raise ValueError(f"weights of shape {head.kernel.shape} on {head.mean.shape} features")
    if not all(values.dtype == np.float32 and np.isfinite(values).all() for values in head):
        raise ValueError("weights that are not finite numbers in float32")
    if (head.variance < 0).any():
        raise ValueError("a negative variance of features")


def training_statistics(path: Path) -> Statistics:
    """The statistics of the features that a head was trained on, as `read_head` reads it."""
    mean, variance, *_ = (values.astype(np.float64) for values in read_head(path))
    return Statistics(mean, np.sqrt(variance))


@contextmanager
def _readable_errors(path: Path) -> Iterator[None]:
    """Turn the exceptions of Keras and h5py about an invalid file into one sentence."""
    if not path.is_file():
        raise CracksError(f"Expected a trained head at {path}, found none; run `dvc repro`.")
    try:
        yield
    except (*ZIP_DAMAGE, TypeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise CracksError(
            f"Expected a Keras model at {path}, found something else ({reason}); {MEND}."
        ) from None
