"""The table of sources: where images may come from.

To add one, write its module beside this one and add an entry; what it needs to know goes into
`params.yaml` and `cracks.pipeline.params`.
"""

from collections.abc import Callable

from cracks.pipeline.labels import CLASSES, check_classes
from cracks.pipeline.params import Params
from cracks.pipeline.paths import PHOTOS
from cracks.sources.class_folders import Members
from cracks.sources.concrete import concrete
from cracks.sources.folders import photos
from cracks.sources.sample.dataset import iter_sample


def _sample(params: Params) -> Members:
    check_classes(CLASSES, params.positive_class, "the drawn sample")
    section = params.sample
    return iter_sample(section.images_per_class, section.seed)


SOURCES: dict[str, Callable[[Params], Members]] = {
    "sample": _sample,
    "concrete": lambda params: concrete(params.concrete, params.positive_class),
    "photos": lambda params: photos(
        PHOTOS, params.positive_class, params.photos.limit, params.photos.seed
    ),
}
