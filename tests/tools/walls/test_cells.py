import json
from pathlib import Path

import numpy as np
import pytest

from cracks.cells.head import CellHead, save_cell_head
from cracks.heads.head import LinearHead
from cracks.project.errors import CracksError
from cracks.project.outputs import sha256_of
from cracks.tools.transfer.adapted_heads import adapted_cells_path
from cracks.tools.walls.cells import load_trained_cells
from tests.support.heads import origin_of
from tests.support.walls import CLASSIFIER, CRACK, wall

CHANNELS = 512  # of VGG16's block4_conv3


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The weights file of VGG16 in the current folder."""
    monkeypatch.chdir(tmp_path)
    path = Path("data/weights/vgg16.weights.h5")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"weights")
    return path


def save(path: Path, weights: Path, bias: float) -> None:
    head = LinearHead(np.ones(CHANNELS), bias)
    save_cell_head(CellHead(head, origin_of(weights, 224)), path)
    how = path.with_name(path.name.replace("-cells", ""))
    if how != path:
        how.write_text(json.dumps({"cells_sha256": sha256_of(path)}))


def test_the_strongest_cell_of_a_patch_is_on_its_crack() -> None:
    rgb = wall()
    logits = CLASSIFIER.logits(rgb)
    assert CLASSIFIER.strongest(rgb) == logits.max() == logits[CRACK[0].start // 16 + 1, 12]
    assert CLASSIFIER.strongest(rgb[:80, :160]) < 0 < CLASSIFIER.strongest(rgb)


def test_an_adapted_head_is_found_by_its_name(weights: Path) -> None:
    save(Path("data/cells/vgg16.json"), weights, 1.0)
    save(adapted_cells_path("bridge", "vgg16"), weights, -2.0)
    assert load_trained_cells("vgg16").head.bias == 1
    assert load_trained_cells("vgg16", "bridge").head.bias == -2
    with pytest.raises(CracksError, match="adapted head 'dam' of vgg16 .* found bridge; make one"):
        load_trained_cells("vgg16", "dam")
    with pytest.raises(CracksError, match=r"Expected a name of letters, .* found '\.\./x'"):
        load_trained_cells("vgg16", "../x")


def test_a_head_of_another_adaptation_is_refused(weights: Path) -> None:
    for name in ("bridge", "dam"):
        save(adapted_cells_path(name, "vgg16"), weights, -len(name))
    other = adapted_cells_path("dam", "vgg16").read_bytes()
    adapted_cells_path("bridge", "vgg16").write_bytes(other)
    with pytest.raises(CracksError, match="that was adapted with the others of 'bridge'"):
        load_trained_cells("vgg16", "bridge")


def test_a_damaged_head_says_what_helps(weights: Path) -> None:
    save(Path("data/cells/vgg16.json"), weights, 1.0)
    save(adapted_cells_path("bridge", "vgg16"), weights, -2.0)
    for path in (Path("data/cells/vgg16.json"), adapted_cells_path("bridge", "vgg16")):
        path.write_text("{")
        how = path.with_name("vgg16.json")
        if how != path:
            how.write_text(json.dumps({"cells_sha256": sha256_of(path)}))
    with pytest.raises(CracksError, match="run `dvc checkout` or `dvc repro`"):
        load_trained_cells("vgg16")
    with pytest.raises(CracksError, match="run `python -m cracks adapt` again"):
        load_trained_cells("vgg16", "bridge")


def test_a_head_on_other_weights_is_refused(weights: Path) -> None:
    save(Path("data/cells/vgg16.json"), weights, 1.0)
    save(adapted_cells_path("bridge", "vgg16"), weights, -2.0)
    weights.write_bytes(b"others")
    with pytest.raises(CracksError, match="found another one; run `dvc checkout` or `dvc repro`"):
        load_trained_cells("vgg16")
    with pytest.raises(CracksError, match="found another one; run `python -m cracks adapt` again"):
        load_trained_cells("vgg16", "bridge")
