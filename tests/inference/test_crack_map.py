from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from cracks.inference.crack_map import (
    CELLS,
    CrackMap,
    blended,
    map_cracks,
    patch_corners,
    training_side,
)
from cracks.pipeline.errors import CracksError
from tests.support.walls import CLASSIFIER, CRACK, PATCH, wall


@pytest.mark.parametrize(
    ("width", "height", "patch", "stride"),
    [
        (250, 150, 50, 25),
        (251, 149, 50, 50),
        (50, 50, 50, 7),
        (53, 50, 50, 50),
        (4000, 300, 227, 227),
    ],
)
def test_every_pixel_is_covered_and_none_beyond(
    width: int, height: int, patch: int, stride: int
) -> None:
    corners = patch_corners(width, height, patch, stride)
    covered = np.zeros((height, width), bool)
    for x, y in corners:
        assert 0 <= x <= width - patch
        assert 0 <= y <= height - patch
        covered[y : y + patch, x : x + patch] = True
    assert covered.all()
    columns = np.unique([x for x, _ in corners])
    assert np.ptp(np.diff(columns)) <= 1 if len(columns) > 1 else True
    assert np.diff(columns).max(initial=0) <= stride
    assert np.isfinite(blended(np.zeros((len(corners), 7, 7)), corners, patch)).all()


@pytest.mark.parametrize(
    ("width", "stride", "sentence"),
    [(49, 25, "at least 50 x 50 pixels"), (90, 0, "--stride from 1"), (90, 51, "--stride from 1")],
)
def test_what_cannot_be_mapped_is_one_sentence(width: int, stride: int, sentence: str) -> None:
    with pytest.raises(CracksError, match=sentence):
        patch_corners(width, 90, 50, stride)


@pytest.mark.parametrize("stride", [PATCH, PATCH // 2])
def test_the_map_is_hot_where_the_crack_is_and_finer_than_a_patch(stride: int) -> None:
    crackmap = map_cracks(wall(), CLASSIFIER, PATCH, stride)
    assert crackmap.heat.shape == (
        round((400 - PATCH) / crackmap.step) + CELLS,
        round((300 - PATCH) / crackmap.step) + CELLS,
    )
    hot = crackmap.heat >= 0.5
    rows = crackmap.rows(np.arange(CRACK[0].start + 8, CRACK[0].stop - 8))
    columns = crackmap.columns(np.arange(CRACK[1].start, CRACK[1].stop))
    assert hot[rows][:, columns].any(axis=1).all()
    ys, xs = np.nonzero(hot)
    place = PATCH / 4  # of the feature map
    assert ys.min() * crackmap.step > CRACK[0].start - 2 * place
    assert ys.max() * crackmap.step < CRACK[0].stop + 2 * place
    assert xs.min() * crackmap.step > CRACK[1].start - 2 * place
    assert xs.max() * crackmap.step < CRACK[1].stop + 2 * place


def test_a_patch_alone_is_as_likely_cracked_everywhere_as_the_classifier_says() -> None:
    cam = np.random.default_rng(0).standard_normal((1, 7, 7))
    heat = blended(cam, [(0, 0)], 50)
    np.testing.assert_allclose(heat, expit(cam.mean()))


def test_what_padding_adds_to_every_patch_is_taken_away() -> None:
    generator = np.random.default_rng(0)
    padding = np.zeros((7, 7))
    padding[0], padding[:, -1] = 30, -20
    padding -= padding.mean()
    corners = patch_corners(500, 500, 50, 25)
    cams = generator.standard_normal((len(corners), 7, 7))
    np.testing.assert_allclose(
        blended(cams + padding, corners, 50), blended(cams, corners, 50), atol=1e-9
    )


def test_overlapping_patches_count_more_at_their_centre() -> None:
    corners = [(0, 0), (25, 0)]
    cams = np.stack([np.full((7, 7), 4.0), np.full((7, 7), -4.0)])
    logits = np.diff(np.log(heat := blended(cams, corners, 50)) - np.log1p(-heat), axis=1)
    assert heat[0, 0] == pytest.approx(expit(4))
    assert heat[0, -1] == pytest.approx(expit(-4))
    assert (logits <= 1e-9).all()
    assert (np.abs(logits) < 2).all()  # no line where a patch ends


def test_evidence_reaches_half_a_place_beyond_its_cells() -> None:
    heat = np.zeros((28, 28))
    heat[10, 10] = 0.9
    evidence = CrackMap(56, 56, 56, heat).evidence
    ys, xs = np.nonzero(evidence == 0.9)
    assert (ys.min(), ys.max(), xs.min(), xs.max()) == (8, 12, 8, 12)


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
