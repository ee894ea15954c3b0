"""The preprocessing of a backbone as one matrix, for runtimes that have no Keras."""

import numpy as np
from numpy.typing import NDArray

from cracks.backbones.catalogue import backbone_named
from cracks.project.errors import CracksError
from cracks.runtime.keras_import import import_keras


def affine_preprocessing(name: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The backbone's `preprocess_input` as `rgb @ matrix + offset`.

    Raises:
        CracksError: if it is not affine.
    """
    keras = import_keras()

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
