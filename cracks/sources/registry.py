"""The table of sources: where images may come from.

To add one, write its module beside this one and add an entry; its settings go into `params.yaml`
and `cracks.project.params`.
"""

from collections.abc import Callable

from cracks.project.params import SAMPLE, Params
from cracks.project.paths import PHOTOS
from cracks.sources.archive import archive_images
from cracks.sources.class_folders import Members
from cracks.sources.folders import photos
from cracks.sources.sample import iter_sample
from cracks.tables.labels import CLASSES, check_classes


def _sample(params: Params) -> Members:
    check_classes(CLASSES, params.positive_class, "the drawn sample")
    section = params.sample
    return iter_sample(section.images_per_class, section.seed)


SOURCES: dict[str, Callable[[Params], Members]] = {
    SAMPLE: _sample,
    "archive": lambda params: archive_images(params.archive, params.positive_class),
    "photos": lambda params: photos(
        PHOTOS, params.positive_class, params.photos.limit, params.photos.seed
    ),
}
