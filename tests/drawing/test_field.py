import numpy as np
import pytest

from cracks.drawing.field import Surface, fractal_noise, moved, smoothstep, wander


@pytest.mark.parametrize("slope", [0.0, 0.7, 1.0, 2.0])
@pytest.mark.parametrize("shape", [(227, 227), (90, 151)])
def test_noise_has_mean_0_and_deviation_1(slope: float, shape: tuple[int, int]) -> None:
    noise = fractal_noise(np.random.default_rng(0), shape, slope)
    assert noise.shape == shape
    assert (noise.mean(), noise.std()) == pytest.approx((0, 1), abs=1e-6)


def test_noise_is_smoother_the_steeper_it_falls() -> None:
    steps = [
        np.abs(np.diff(fractal_noise(np.random.default_rng(0), (200, 200), slope))).mean()
        for slope in (0.0, 0.6, 1.2, 1.8)
    ]
    assert steps == sorted(steps, reverse=True)


def test_noise_has_features_of_the_sizes_asked_for() -> None:
    """Power of one octave only, from 16 to 32 pixels, at full resolution and at half."""
    for slope in (0.0, 1.0):
        noise = fractal_noise(np.random.default_rng(0), (240, 240), slope, coarse=32, fine=16)
        power = np.abs(np.fft.rfft2(noise)) ** 2
        frequency = np.hypot(np.fft.fftfreq(240)[:, np.newaxis], np.fft.rfftfreq(240))
        inside = (frequency > 1 / 36) & (frequency < 1 / 14)
        assert power[inside].sum() > 0.9 * power.sum()


def test_stretched_noise_changes_less_from_top_to_bottom() -> None:
    noise = fractal_noise(np.random.default_rng(0), (200, 200), 1.0, stretch=8)
    assert np.abs(np.diff(noise, axis=0)).mean() < 0.5 * np.abs(np.diff(noise, axis=1)).mean()


def test_a_walk_has_mean_0_and_deviation_1() -> None:
    walk = wander(np.random.default_rng(0), 101, 1.2)
    assert walk.shape == (101,)
    assert (walk.mean(), walk.std()) == pytest.approx((0, 1))


def test_smoothstep_rises_from_0_to_1() -> None:
    np.testing.assert_allclose(smoothstep(np.array([[0, 1, 2, 3, 4.0]]), 1, 3), [[0, 0, 0.5, 1, 1]])


def test_moved_goes_down_and_to_the_right() -> None:
    field = np.arange(12.0).reshape(3, 4)
    np.testing.assert_array_equal(moved(field, 1, -1)[1:, :-1], field[:-1, 1:])
    np.testing.assert_array_equal(moved(field, 1, 0)[0], field[0])


def test_a_surface_is_darkened_and_covered_by_the_share_of_each_pixel() -> None:
    surface = Surface(np.full((1, 3, 3), 0.5), np.zeros((1, 3)))
    share = np.array([[0.0, 0.5, 1.0]])
    np.testing.assert_allclose(surface.darkened(share).colour[0, :, 0], [0.5, 0.25, 0])
    covered = surface.covered(share, [1.0, 0.5, 0.0]).colour
    np.testing.assert_allclose(covered[0, :, 0], [0.5, 0.75, 1])
    np.testing.assert_allclose(covered[0, 2], [1, 0.5, 0])
