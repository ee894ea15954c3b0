"""The table of backbones.

To add a backbone of Keras Applications, add an entry here and its two stages in dvc.yaml (see
docs/architecture.md).

Features are taken before the last block: a crack is a fine line, and the last block, trained to
tell objects apart, sees an image in cells of 32 pixels. docs/carry-over.md compares the blocks.
"""

from dataclasses import dataclass

from cracks.pipeline.params import chosen


@dataclass(frozen=True)
class Backbone:
    """One architecture of Keras Applications and the ImageNet weights that Keras publishes."""

    constructor: str  # in keras.applications
    module: str  # of keras.applications that has its preprocess_input
    layer: str  # whose output, from 0 upwards, is pooled into the features
    features: int  # channels of that output
    imagenet_url: str
    imagenet_md5: str


_PUBLISHED = "https://storage.googleapis.com/tensorflow/keras-applications"

BACKBONES = {
    "resnet50": Backbone(
        constructor="ResNet50",
        module="resnet50",
        layer="conv4_block6_out",
        features=1024,
        imagenet_url=f"{_PUBLISHED}/resnet/resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
        imagenet_md5="4d473c1dd8becc155b73f8504c6f6626",
    ),
    "vgg16": Backbone(
        constructor="VGG16",
        module="vgg16",
        layer="block4_conv3",
        features=512,
        imagenet_url=f"{_PUBLISHED}/vgg16/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
        imagenet_md5="6d6bbae143d832006294945121d1f1fc",
    ),
}


def backbone_named(name: str) -> Backbone:
    """The table's entry of that name.

    Raises:
        CracksError: if there is none.
    """
    return chosen(BACKBONES, "backbone", name)
