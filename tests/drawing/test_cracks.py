import numpy as np

from cracks.drawing.cracks import STYLE, _opened, _steps, add_crack
from cracks.drawing.field import Courses, Surface


def flat(shape: tuple[int, int] = (120, 160), courses: Courses | None = None) -> Surface:
    return Surface(np.full((*shape, 3), 0.6), np.zeros(shape), courses)


def test_every_crack_can_be_seen_in_the_image() -> None:
    for seed in range(60):
        crack = add_crack(np.random.default_rng(seed), flat())
        inside = crack.footprint > 0.35
        assert 20 < inside.sum() < 0.6 * inside.size
        darkest = crack.surface.colour[..., 1] < 0.6 * 0.75
        assert (darkest & inside).any()


def test_the_crack_is_dark_within_its_footprint_and_nowhere_else() -> None:
    footprint = np.zeros((40, 40))
    footprint[18:22] = 1.0
    opened = _opened(np.random.default_rng(0), flat((40, 40)), footprint, 2.0, darkness=0.9)
    assert (opened.colour[18:22] < 0.3).all()
    np.testing.assert_array_equal(np.delete(opened.colour, np.s_[18:22], axis=0), 0.6)


def test_a_larger_scale_draws_wider_cracks() -> None:
    for seed in range(5):
        one, three = (add_crack(np.random.default_rng(seed), flat(), s).width for s in (1.0, 3.0))
        assert three == 3 * one


def test_widths_run_from_a_hairline_to_a_gap() -> None:
    widths = [add_crack(np.random.default_rng(seed), flat()).width for seed in range(60)]
    assert min(widths) < 1.2
    assert max(widths) > 20
    assert sum(kind.share for kind in STYLE.kinds) == 1


def test_cracks_in_masonry_follow_the_joints() -> None:
    courses = Courses(length=60.0, height=24.0, angle=0.0, joint=4.0)
    path = _steps(np.random.default_rng(1), (200, 200), courses)
    rows, columns = path.T
    to_bed = np.abs(rows / 24 - np.rint(rows / 24)) * 24
    to_head = np.abs(columns / 30 - np.rint(columns / 30)) * 30
    assert (np.minimum(to_bed, to_head) < 4).all()
    assert to_bed.max() > 8  # it crosses courses
    assert to_head.max() > 8  # and follows them
