"""Two precisions are compared on the same images."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.precision import PRECISIONS, centred_cosine, compare
from cracks.project.params import Params, load_params
from cracks.tables.labels import TEST, TRAIN, VALID
from cracks.tools.transfer.carry_over import Domain
from tests.support.project import ROOT


@pytest.fixture
def params() -> Params:
    return load_params(ROOT / "params.yaml").model_copy(update={"epochs": 2})


def domain(name: str, features: np.ndarray) -> Domain:
    """120 images, every second one cracked, in parts of equal size; no copies."""
    n = len(features)
    labels = np.arange(n) % 2
    split = pd.DataFrame(
        {
            "id": [f"{name}/{i}" for i in range(n)],
            "label": np.where(labels == 1, "positive", "negative"),
            "part": np.repeat([TRAIN, VALID, TEST], n // 3),
            "group": [f"{name}/{i}" for i in range(n)],
            "sha256": [f"{name}{i}" for i in range(n)],
        }
    )
    train, valid = (
        (features[split["part"] == part], labels[split["part"] == part]) for part in (TRAIN, VALID)
    )
    return Domain(name, train, valid, features, split)


def test_planted_differences_are_counted(params: Params) -> None:
    random = np.random.default_rng(0)
    features = random.normal(size=(120, 5)).astype(np.float32)
    features[:, 0] += 20 * (np.arange(120) % 2)
    wrong = features.copy()
    wrong[80:90, 0] = 20 - wrong[80:90, 0]  # of the test part
    domains = {
        name: [domain("a", x)] for name, x in zip(PRECISIONS, (features, wrong), strict=True)
    }
    (row,) = compare(domains, params)
    assert (row["trained_on"], row["tested_on"]) == ("a", "a")
    assert (row["images"], row["differ"]) == (40, 10)
    assert row["p"] == pytest.approx(2 * 0.5**10)
    assert (row["accuracy float32"], row["accuracy int8"]) == (1, 0.75)


def test_each_source_is_tested_on_each(params: Params) -> None:
    random = np.random.default_rng(0)
    sources = [domain(name, random.normal(size=(120, 5)).astype(np.float32)) for name in "ab"]
    rows = list(compare(dict.fromkeys(PRECISIONS, sources), params))
    assert [(row["trained_on"], row["tested_on"], row["images"]) for row in rows] == [
        ("a", "a", 40),
        ("a", "b", 120),
        ("b", "a", 120),
        ("b", "b", 40),
    ]
    assert {row["differ"] for row in rows} == {0}


def test_the_cosine_is_centred() -> None:
    one = np.array([[1, 0], [-1, 0]], np.float32) + 7
    assert centred_cosine(one, one + 3) == pytest.approx(1)
    assert centred_cosine(one, 14 - one) == pytest.approx(-1)
    assert centred_cosine(one, one[:, ::-1]) == pytest.approx(0)
