import pandas as pd
import pytest

from cracks.dataset.photographs import DRAWN, photographs_of
from cracks.project.errors import CracksError
from cracks.sources.sample import member_name
from cracks.tables.labels import CLASSES


@pytest.mark.parametrize(
    ("rule", "name", "photograph"),
    [
        (r"([^/]+)-\d+\.jpg$", "cracked/7081-12.jpg", "7081"),  # SDNET2018
        (r"([^/]+)-\d+\.jpg$", "sound/7081-3.jpg", "7081"),
        (r"^[^/]+/(.+)-\d+-\d+\.jpg$", "cracked/north/wall-1-003-004.jpg", "north/wall-1"),  # cut
        (r"IMG_\d+", "train/cracked/IMG_0042 (3).png", "IMG_0042"),  # no group: the whole match
        (r"([^/]+)-\d+\.jpg$|[^/]+$", "cracked/close-up.png", "close-up.png"),  # group not used
        ("parent", "cracked/wall 1/0.jpg", "wall 1"),
        ("parent", "cracked/north/wall 1/0.jpg", "north/wall 1"),
        ("parent", "Val/cracked/wall 1/0.jpg", "wall 1"),
    ],
)
def test_a_rule_names_the_photograph(rule: str, name: str, photograph: str) -> None:
    assert list(photographs_of(pd.Series([name]), rule)) == [photograph]


@pytest.mark.parametrize(
    ("rule", "names"),
    [
        ("parent", ["cracked/a/1.jpg", "cracked/2.jpg", "train/sound/3.jpg"]),
        (r"(\w+)-\d+\.jpg$", ["cracked/a-1.jpg", "cracked/2.jpg", "sound/a-1.png"]),
        (r"(\w*)-\d+\.jpg$", ["cracked/a-1.jpg", "cracked/-2.jpg", "sound/-3.jpg"]),  # empty
    ],
)
def test_an_image_without_a_photograph_is_one_sentence(rule: str, names: list[str]) -> None:
    with pytest.raises(CracksError, match="found 2 of 3 for which it does not, the first") as error:
        photographs_of(pd.Series(names), rule)
    assert repr(names[1]) in str(error.value)


def test_the_drawn_patches_of_one_wall_are_one_photograph() -> None:
    ids = pd.Series([member_name(label, number) for label in CLASSES for number in (1, 23456)])
    assert list(photographs_of(ids, DRAWN)) == ["00001", "23456"] * 2
