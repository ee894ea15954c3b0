import pytest

from cracks.project.errors import CracksError
from cracks.tables.labels import NEGATIVE, POSITIVE, class_indices


def test_the_index_of_a_crack_is_1() -> None:
    assert class_indices([POSITIVE, NEGATIVE, POSITIVE]).tolist() == [1, 0, 1]


def test_another_label_is_one_sentence() -> None:
    with pytest.raises(CracksError, match="negative and positive, found 'maybe'; run `dvc repro`"):
        class_indices([POSITIVE, "maybe"])
