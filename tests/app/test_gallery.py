import io
from pathlib import Path

import pytest
from PIL import Image

from cracks.app.gallery import Gallery
from cracks.inference.novelty import Familiar
from tests.support.features import made_features, write_features
from tests.support.walls import CLASSIFIER, PATCH, wall


@pytest.mark.parametrize(("centre", "least", "most"), [(57, 0.1, 0.2), (0, 1, 1)])
def test_a_photograph_is_compared_with_the_training_images(
    centre: float, least: float, most: float, tmp_path: Path
) -> None:
    parts = {part: centre + made_features(100, 1, n) for n, part in enumerate(("train", "valid"))}
    path = tmp_path / "features.npy"
    gallery = Gallery([CLASSIFIER], {"vgg16": Familiar(path, write_features(path, parts))}, PATCH)
    buffer = io.BytesIO()
    Image.fromarray(wall()).save(buffer, "PNG")
    photograph = gallery.photograph(gallery.add("wall.png", buffer.getvalue()))
    share = photograph.unfamiliar["vgg16"]
    assert share is not None
    assert least <= share <= most
