from collections.abc import Callable

import numpy as np
import pytest

from cracks.drawing import surface
from cracks.drawing.camera import photograph
from cracks.drawing.field import Random, Shape, Surface
from cracks.drawing.surface import draw_surface


@pytest.mark.parametrize(
    "material", [surface._concrete, surface._plaster, surface._asphalt, surface._masonry]
)
def test_every_material_fills_an_image_of_any_shape(
    material: Callable[[Random, Shape], Surface],
) -> None:
    for seed in range(5):
        drawn = material(np.random.default_rng(seed), (90, 140))
        assert drawn.colour.shape == (90, 140, 3)
        assert drawn.relief.shape == (90, 140)
        assert np.isfinite(drawn.colour).all()
        assert drawn.colour.mean() > 0.05


def test_courses_repeat_at_their_height() -> None:
    """A column of pixels crosses a joint once a course."""
    random = np.random.default_rng(2)
    drawn = surface._masonry(random, (600, 600))
    assert drawn.courses
    assert drawn.courses.joint < drawn.courses.height < drawn.courses.length


def test_a_photograph_of_the_same_surface_depends_on_the_seed_alone() -> None:
    bare = draw_surface(np.random.default_rng(0), (80, 120))
    one, again, other = (photograph(np.random.default_rng(s), bare) for s in (1, 1, 2))
    assert one.shape == (80, 120, 3)
    assert one.dtype == np.uint8
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()


def test_relief_is_seen_by_its_shading() -> None:
    """A step in the relief makes an edge where the colour has none."""
    relief = np.zeros((60, 60))
    relief[:, 30:] = 3.0
    rgb = photograph(np.random.default_rng(0), Surface(np.full((60, 60, 3), 0.5), relief))
    brightness = rgb.mean(axis=(0, 2))
    assert np.abs(np.diff(brightness))[27:32].max() > 3 * np.abs(np.diff(brightness))[:24].max()
