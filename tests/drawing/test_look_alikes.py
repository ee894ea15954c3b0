from collections.abc import Callable

import numpy as np
import pytest

from cracks.drawing.field import Random, Surface
from cracks.drawing.look_alikes import LOOK_ALIKES


@pytest.mark.parametrize("draw", LOOK_ALIKES)
def test_each_draws_something_on_an_image_of_any_shape(
    draw: Callable[[Random, Surface], Surface],
) -> None:
    bare = Surface(np.full((90, 140, 3), 0.6), np.zeros((90, 140)))
    changed = 0
    for seed in range(6):
        drawn = draw(np.random.default_rng(seed), bare)
        again = draw(np.random.default_rng(seed), bare)
        np.testing.assert_array_equal(drawn.colour, again.colour)
        assert drawn.colour.shape == (90, 140, 3)
        assert drawn.relief.shape == (90, 140)
        assert np.isfinite(drawn.colour).all()
        assert np.isfinite(drawn.relief).all()
        changed += bool((drawn.colour != bare.colour).any() or drawn.relief.any())
    assert changed >= 5
    assert (bare.colour == 0.6).all()
