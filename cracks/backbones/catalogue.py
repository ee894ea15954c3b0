"""The table of backbones.

To add a backbone of Keras Applications, add an entry here and its two stages in dvc.yaml (see
docs/architecture.md).
"""

from dataclasses import dataclass

from cracks.pipeline.params import chosen


@dataclass(frozen=True)
class Backbone:
    """One architecture of Keras Applications and the ImageNet weights that Keras publishes."""

    constructor: str  # in keras.applications
    module: str  # of keras.applications that has its preprocess_input
    features: int  # channels of the last feature map
    imagenet_url: str
    imagenet_md5: str


_PUBLISHED = "https://storage.googleapis.com/tensorflow/keras-applications"

BACKBONES = {
    "resnet50": Backbone(
        constructor="ResNet50",
        module="resnet50",
        features=2048,
        imagenet_url=f"{_PUBLISHED}/resnet/resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
        imagenet_md5="4d473c1dd8becc155b73f8504c6f6626",
    ),
    "vgg16": Backbone(
        constructor="VGG16",
        module="vgg16",
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
