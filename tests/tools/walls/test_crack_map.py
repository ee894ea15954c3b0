from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit

from cracks.project.errors import CracksError
from cracks.tools.walls.crack_map import PATCH, WEAK, CrackMap, levels, map_cracks, training_side
from tests.support.walls import CLASSIFIER, CRACK, wall


@pytest.mark.parametrize("patch", [PATCH, PATCH // 2])
def test_the_map_is_hot_in_the_cells_of_the_crack_alone(patch: int) -> None:
    crackmap = map_cracks(wall(), CLASSIFIER, patch)
    step = 16 * patch // PATCH
    assert crackmap.step == step
    assert crackmap.heat.shape == (-(-400 // step), -(-300 // step))
    hot = np.zeros(crackmap.heat.shape, bool)
    rows, columns = np.arange(*CRACK[0].indices(400)), np.arange(*CRACK[1].indices(300))
    hot[np.ix_(crackmap.rows(rows), crackmap.columns(columns))] = True
    found = crackmap.heat >= 0.5
    if patch == PATCH:
        np.testing.assert_array_equal(found, hot)
    else:  # enlarged, the dark reaches beyond its pixels
        assert found[hot].all()
        assert found.sum() <= 2 * hot.sum()


def test_what_is_too_small_is_one_sentence() -> None:
    with pytest.raises(CracksError, match="at least 32 pixels a side, found 31 x 400"):
        map_cracks(np.zeros((400, 31, 3), np.uint8), CLASSIFIER)


def test_what_would_be_enlarged_too_much_is_one_sentence() -> None:
    rgb = np.broadcast_to(np.uint8(0), (5000, 5000, 3))
    with pytest.raises(CracksError, match="are 35000 x 35000 with --patch 32, more than the"):
        map_cracks(rgb, CLASSIFIER, patch=32)


def test_evidence_is_interpolated_between_the_centres_of_cells() -> None:
    crackmap = CrackMap(64, 32, PATCH, np.array([[0.0, 2.0, 4.0, 6.0]] * 2))
    strip = crackmap.strip(8, 24)
    assert strip.shape == (16, 64)
    np.testing.assert_allclose(strip[5, [0, 8, 24, 63]], [0, 0, 2, 6], atol=0.13)
    assert strip[0, 16] == pytest.approx(1, abs=0.1)


def test_weak_evidence_is_a_step_below_the_threshold() -> None:
    weak, reached = levels(0.8)
    assert reached == pytest.approx(logit(0.8))
    assert weak == pytest.approx(reached - WEAK)


def test_patches_are_as_large_as_the_training_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert training_side() == 227
    (tmp_path / "data").mkdir()
    sizes = pd.DataFrame({"width": [300, 256, 9], "height": [200, 256, 99]})
    images = sizes.assign(**dict.fromkeys(["id", "label", "given", "sha256", "group"], "a"))
    images.to_csv(tmp_path / "data" / "images.csv", index=False)
    assert training_side() == 200
