"""The table of backbones.

To add a backbone of Keras Applications, add an entry here and a line below `weights` in params.yaml
(see CONTRIBUTING.md).

Features are taken before the last block: a crack is a fine line, and the last block, trained to
tell objects apart, sees an image in cells of 32 pixels. docs/measurements/carry-over.md compares
the blocks.
"""

from argparse import ArgumentParser
from dataclasses import dataclass

from cracks.project.params import lookup


@dataclass(frozen=True)
class Backbone:
    """One architecture of Keras Applications and the pre-trained weights that are known for it."""

    constructor: str  # in keras.applications, and the display name
    module: str  # of keras.applications that has its preprocess_input
    layer: str  # whose output, from 0 upwards, is pooled into the features
    features: int  # channels of that output
    imagenet_url: str
    imagenet_md5: str
    own_sha256: str | None = None  # of the project's own weights, if it has some
    own_start: str = "random"  # the weights that those began with

    @property
    def architecture(self) -> tuple[str, str, str]:
        """What features depend on besides the weights, for the keys of caches."""
        return self.constructor, self.module, self.layer


_PUBLISHED = "https://storage.googleapis.com/tensorflow/keras-applications"

BACKBONES = {
    "resnet50": Backbone(
        constructor="ResNet50",
        module="resnet50",
        layer="conv4_block6_out",
        features=1024,
        imagenet_url=f"{_PUBLISHED}/resnet/resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
        imagenet_md5="4d473c1dd8becc155b73f8504c6f6626",
        own_sha256="4a4288b9d23477ae572ce8c1156524d75b77ff42ed9bd982ec631611c30c6947",
    ),
    "vgg16": Backbone(
        constructor="VGG16",
        module="vgg16",
        layer="block4_conv3",
        features=512,
        imagenet_url=f"{_PUBLISHED}/vgg16/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
        imagenet_md5="6d6bbae143d832006294945121d1f1fc",
        own_sha256="555e3829e12d6009ac01127b6c25d06a3ff6aa2d452100db471ad2d19811cafb",
        own_start="edges",
    ),
}


def backbone_named(name: str) -> Backbone:
    """The table's entry of that name.

    Raises:
        CracksError: if there is none.

    Example:
        >>> backbone_named("vgg16").layer
        'block4_conv3'
    """
    return lookup(BACKBONES, "backbone", name)


def title(name: str) -> str:
    """The display name of a backbone."""
    return backbone_named(name).constructor


def backbone_parser(description: str | None) -> ArgumentParser:
    """The parser of a program's arguments, the first of which names a backbone."""
    parser = ArgumentParser(description=description)
    parser.add_argument("backbone", choices=BACKBONES)
    return parser
