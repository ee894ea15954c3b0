import numpy as np
import pytest

from cracks.tools.walls.scoring import compare, scores


def stripe(first: int, last: int, *, shape: tuple[int, int] = (60, 200)) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[first:last, 20:180] = True
    return mask


def test_a_mask_agrees_with_itself() -> None:
    found = scores([compare(stripe(20, 24), stripe(20, 24))] * 3)
    assert {score.value for score in found.values()} == {1.0}


def test_each_measure_is_what_its_definition_says() -> None:
    found, true = stripe(20, 24), stripe(25, 29)  # one row apart, beside each other
    counts = compare(found, true)
    assert (counts.found, counts.true, counts.both) == (640, 640, 0)
    assert counts.found_near == counts.true_near == 160  # of row 23, two pixels from row 25
    values = {name: score.value for name, score in scores([counts]).items()}
    assert values["F1, 2 px"] == pytest.approx(160 / 640)
    assert values["F1, 0 px"] == values["IoU"] == values["IoU per image"] == 0
    assert values["clIoU, 4 px"] < 0.1  # lines five pixels apart


def test_a_line_a_little_beside_is_right() -> None:
    values = {n: s.value for n, s in scores([compare(stripe(20, 24), stripe(22, 26))]).items()}
    assert values["F1, 2 px"] == 1
    assert values["F1, 0 px"] == pytest.approx(0.5)
    assert values["IoU"] == pytest.approx(1 / 3)
    assert values["clIoU, 4 px"] == 1


def test_the_hits_of_centrelines_are_true_pixels() -> None:
    """Half of a line is found, and once more where there is none."""
    found, true = np.zeros((60, 240), bool), np.zeros((60, 240), bool)
    true[20, 20:220] = True
    found[20, 20:120] = True
    found[50, 20:220] = True
    values = {n: s.value for n, s in scores([compare(found, true)]).items()}
    assert values["clIoU, 4 px"] == pytest.approx(104 / (200 + 200))  # 4 px beyond the found end


def test_pooled_and_per_image_differ() -> None:
    right = compare(stripe(20, 40), stripe(20, 40))
    missed = compare(stripe(0, 0), stripe(20, 22))
    values = {name: score.value for name, score in scores([right, missed]).items()}
    assert values["IoU per image"] == 0.5
    assert values["IoU"] == pytest.approx(20 / 22)
    assert values["recall, 2 px"] == pytest.approx(20 / 22)
    assert values["precision, 2 px"] == 1


def test_an_image_without_crack_counts_only_what_is_found_in_it() -> None:
    values = {
        name: score.value
        for name, score in scores(
            [compare(stripe(20, 24), stripe(20, 24)), compare(stripe(20, 24), stripe(0, 0))]
        ).items()
    }
    assert values["precision, 2 px"] == 0.5
    assert values["recall, 2 px"] == 1


def test_nothing_found_is_nought_and_no_crack_at_all_is_no_number() -> None:
    values = {n: s.value for n, s in scores([compare(stripe(0, 0), stripe(20, 24))]).items()}
    assert values["F1, 2 px"] == values["IoU"] == values["clIoU, 4 px"] == 0
    empty = scores([compare(stripe(0, 0), stripe(0, 0))])
    assert np.isnan([score.value for score in empty.values()]).all()


def test_intervals_hold_the_value_and_shrink_with_more_images() -> None:
    random = np.random.default_rng(0)
    images = [compare(stripe(20, 24), stripe(20 + int(random.integers(6)), 30)) for _ in range(40)]
    assert np.isnan(scores(images[:4])["IoU"].low)  # too few to tell
    few, many = scores(images[:10])["IoU"], scores(images)["IoU"]
    for score in (few, many):
        assert score.low < score.value < score.high
    assert many.high - many.low < few.high - few.low
