"""What cached features depend on besides the image: the part of a key that many rows share.

It covers the code that computes the features of one backbone by one engine, and no more: an edit of
another engine, of another backbone's entry or of the cache itself leaves every row valid.
"""

from importlib.metadata import version

from cracks.backbones.catalogue import backbone_named
from cracks.backbones.engines import batches
from cracks.backbones.engines.registry import dependencies
from cracks.features import computation
from cracks.features.augmentation import augmentation_context
from cracks.features.computation import Extraction
from cracks.images import decoding, png, samples, tiff
from cracks.images.decoding import DECODING_PACKAGES
from cracks.project.errors import CracksError
from cracks.project.outputs import sha256_of
from cracks.runtime import keras_import
from cracks.runtime.cache_folder import code_version

_COMPUTING = (computation, batches, decoding, png, samples, tiff, keras_import)
"""The modules that compute the features of all backbones by all engines."""

Context = dict[str, object]


def context_of(extraction: Extraction) -> Context:
    """What the features of images themselves depend on.

    Raises:
        CracksError: if there are no weights.
    """
    weights = extraction.weights
    if not weights.is_file():
        raise CracksError(
            f"Expected the weights of {extraction.backbone} at {weights}, found none; "
            "run `dvc repro`."
        )
    needed = dependencies(extraction.engine, extraction.backbone, extraction.precision)
    return {
        "backbone": extraction.backbone,
        "architecture": backbone_named(extraction.backbone).architecture,
        "weights": sha256_of(weights),
        "image_size": extraction.image_size,
        "engine": extraction.engine,
        "precision": extraction.precision,
        "packages": package_versions(extraction.engine, extraction.backbone, extraction.precision),
        "code": code_version(*_COMPUTING, *needed.modules),
        "files": [sha256_of(path) for path in needed.files],
    }


def contexts_of(extraction: Extraction) -> tuple[Context, Context]:
    """`context_of` images themselves, and what their augmented views depend on."""
    plain = context_of(extraction)
    return plain, plain | {"augmentation": augmentation_context(extraction.augmentation)}


def package_versions(engine: str, backbone: str, precision: str) -> dict[str, str]:
    """The versions of the packages that features depend on; imports none of them."""
    packages = (*dependencies(engine, backbone, precision).packages, *DECODING_PACKAGES)
    return {package: version(package) for package in packages}
