import numpy as np
import pytest

from cracks.features.augmentation import Augment, augmentation_context, load_augment
from tests.support.augmentation import NO_VIEWS

AUGMENTATION = NO_VIEWS.model_copy(
    update={"views": 3, "flip": "horizontal_and_vertical", "rotation": 0.05}
)


@pytest.fixture(scope="module")
def augment() -> Augment:
    return load_augment(AUGMENTATION)


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    generator = np.random.default_rng(0)
    return generator.integers(100, 200, (40, 40, 3), dtype=np.uint8)


def test_a_view_is_the_same_in_any_order(augment: Augment, image: np.ndarray) -> None:
    once = [augment(image, "aa", view) for view in (1, 2, 3)]
    other = load_augment(AUGMENTATION)
    again = [other(image, "aa", view) for view in (3, 1, 2)]
    for view, place in ((1, 1), (2, 2), (3, 0)):
        np.testing.assert_array_equal(once[view - 1], again[place])


def test_views_and_images_differ(augment: Augment, image: np.ndarray) -> None:
    views = [augment(image, sha, view) for sha in ("aa", "bb") for view in (1, 2)]
    for index, one in enumerate(views):
        assert one.dtype == np.uint8
        assert one.shape == image.shape
        assert not np.array_equal(one, image)
        assert not any(np.array_equal(one, other) for other in views[:index])


def test_ranges_of_zero_change_nothing(image: np.ndarray) -> None:
    still = AUGMENTATION.model_copy(
        update={
            "flip": "none",
            "rotation": 0.0,
            "translation": 0.0,
            "zoom": 0.0,
            "brightness": 0.0,
            "contrast": 0.0,
        }
    )
    np.testing.assert_array_equal(load_augment(still)(image, "aa", 1), image)


def test_the_number_of_views_is_no_part_of_a_cached_views_key() -> None:
    more = AUGMENTATION.model_copy(update={"views": 9})
    wider = AUGMENTATION.model_copy(update={"zoom": 0.3})
    assert augmentation_context(more) == augmentation_context(AUGMENTATION)
    assert augmentation_context(wider) != augmentation_context(AUGMENTATION)
