import json
from pathlib import Path

import numpy as np
import pytest

from cracks.cells.head import (
    CellHead,
    Cells,
    joined,
    labelled_cells,
    load_cell_head,
    save_cell_head,
    train_cells,
)
from cracks.heads.head import LinearHead
from cracks.project.errors import CracksError
from tests.support.heads import ORIGIN

HEAD = CellHead(LinearHead(np.array([0.25, -3.0]), 0.125), ORIGIN)


def cells(count: int, seed: int, share: float = 0.2) -> Cells:
    """Cells of five features, of which the first two tell which are cracked."""
    random = np.random.default_rng(seed)
    cracked = random.random(count) < share
    features = random.normal(size=(count, 5)) * [1, 10, 1, 1, 0.1]
    features[:, 0] += 4 * cracked
    features[:, 1] -= 30 * cracked
    return Cells(features.astype(np.float32), cracked)


def test_cells_with_a_few_crack_pixels_are_left_out() -> None:
    mask = np.zeros((32, 48), bool)
    mask[0, :16] = True  # 16 pixels
    mask[16, 16:21] = True  # 5
    mask[20, 32:38] = True  # 6
    features = np.arange(6, dtype=np.float32).reshape(2, 3, 1)
    found = labelled_cells(features, mask)
    assert found.features[:, 0].tolist() == [0, 1, 2, 3, 5]
    assert found.cracked.tolist() == [True, False, False, False, True]


def test_the_layer_separates_cells_and_a_logit_of_0_is_the_best_threshold() -> None:
    valid = cells(3000, 1)
    head, f1 = train_cells(cells(3000, 0), valid)
    found = head.logit(valid.features) >= 0
    both = (found & valid.cracked).sum()
    assert f1 == pytest.approx(2 * both / (found.sum() + valid.cracked.sum()), abs=0.002)
    assert f1 > 0.97
    assert head.weights[0] > 0 > head.weights[1]


def test_weights_do_not_depend_on_the_last_bits() -> None:
    train, valid = cells(2000, 0), cells(500, 1)
    head, _ = train_cells(train, valid)
    order = np.random.default_rng(2).permutation(5)  # sums in another order
    turned, _ = train_cells(
        Cells(train.features[:, order], train.cracked),
        Cells(valid.features[:, order], valid.cracked),
    )
    np.testing.assert_array_equal(turned.weights, head.weights[order])
    assert turned.bias == head.bias


@pytest.mark.parametrize("share", [0.0, 1.1])
def test_drawings_without_both_kinds_of_cells_are_refused(share: float) -> None:
    with pytest.raises(CracksError, match="cracked and with sound cells"):
        train_cells(cells(100, 0, share), cells(100, 1))


def test_cells_of_drawings_are_joined_in_order() -> None:
    some, more = cells(3, 0), cells(2, 1)
    both = joined([some, more])
    np.testing.assert_array_equal(both.features[3:], more.features)
    assert both.cracked.tolist() == [*some.cracked, *more.cracked]


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    save_cell_head(HEAD, tmp_path / "cells.json")
    head, origin = load_cell_head(tmp_path / "cells.json")
    assert origin == ORIGIN
    assert head.bias == 0.125
    np.testing.assert_array_equal(head.weights, [0.25, -3.0])


@pytest.mark.parametrize(
    "change",
    [
        lambda values: values.pop("bias"),
        lambda values: values.update(weights=[[1.0]]),
        lambda values: values.update(weights=[float("nan")]),
        lambda values: values.update(weights=[1.0, float("inf")]),
        lambda values: values.update(weights=[1e300, 1e300]),
        lambda values: values.update(weights=[]),
        lambda values: values.update(weights=["1.0"]),
        lambda values: values.update(weights=5),
        lambda values: values.update(bias=10**400),
        lambda values: values.update(bias=float("-inf")),
        lambda values: values.update(bias=None),
        lambda values: values.update(origin=None),
        lambda values: values["origin"].update(precision="float7"),
        lambda values: values["origin"].update(image_size=-5),
        lambda values: values["origin"].pop("layer"),
        lambda values: values.clear(),
    ],
)
def test_a_damaged_file_is_one_sentence(change, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "cells.json"
    save_cell_head(HEAD, path)
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))
    with pytest.raises(CracksError, match="found something else"):
        load_cell_head(path)
    for data in (b"{", b"", b"5", b"null", b"[" * 100_000, b"\xff"):
        path.write_bytes(data)
        with pytest.raises(CracksError, match="found something else"):
            load_cell_head(path)
    path.unlink()
    with pytest.raises(CracksError, match="found none"):
        load_cell_head(path)
