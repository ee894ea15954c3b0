"""Settings of augmentation."""

from cracks.project.params import Augmentation

NO_VIEWS = Augmentation(
    views=0,
    flip="horizontal",
    rotation=0.1,
    translation=0.1,
    zoom=0.1,
    brightness=0.1,
    contrast=0.1,
)
