import sys
from pathlib import Path

import pytest

from cracks.features import computation
from cracks.features.computation import Computation, Extraction, in_this_process
from cracks.project.errors import CracksError
from cracks.tools.cluster.features import compute_on_cluster, use_cluster
from tests.support.augmentation import NO_VIEWS


@pytest.mark.parametrize(
    ("address", "executor"), [("", in_this_process), ("auto", compute_on_cluster)]
)
def test_the_cluster_computes_features_where_there_is_one(
    address: str, executor: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(computation, "_executors", [in_this_process])
    monkeypatch.setenv("RAY_ADDRESS", address)
    use_cluster()
    assert computation._executors == [executor]


def test_a_cluster_without_ray_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "cracks.tools.cluster.work", raising=False)
    extraction = Extraction("vgg16", Path("none"), 32, "openvino", "float32", NO_VIEWS)
    with pytest.raises(CracksError, match="Expected Ray because .* run `make cluster`"):
        next(compute_on_cluster(Computation(extraction, Path("images.zip")), []))
