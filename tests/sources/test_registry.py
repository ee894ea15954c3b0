import pytest

from cracks.project.errors import CracksError
from cracks.project.params import load_params, lookup
from cracks.sources.registry import SOURCES
from tests.support.project import ROOT


def test_the_sample_has_its_own_classes() -> None:
    params = load_params(ROOT / "params.yaml").model_copy(update={"positive_class": "cracked"})
    with pytest.raises(CracksError, match="which are negative, positive, found 'cracked'"):
        SOURCES["sample"](params)


@pytest.mark.parametrize("name", ["imagenet", "Sample", "sample ", "smple", ""])
def test_an_unknown_source_is_one_sentence(name: str) -> None:
    sentence = f"params.yaml: 'dataset': expected {' or '.join(SOURCES)}, found {name!r}"
    with pytest.raises(CracksError, match=sentence):
        lookup(SOURCES, "dataset", name)


def test_the_old_name_of_a_source_is_refused_with_the_new_one() -> None:
    with pytest.raises(CracksError, match="found 'concrete', which is called 'archive' now."):
        lookup(SOURCES, "dataset", "concrete")
