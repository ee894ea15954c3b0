import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cracks.dataset.split import assign_parts, count_split
from cracks.pipeline.errors import CracksError
from cracks.pipeline.labels import CLASSES, PARTS, TEST, TRAIN, VALID
from cracks.pipeline.params import Split

GROUPED = Split(strategy="grouped", valid=0.2, test=0.2, seed=0)


def table(sizes: dict[str, list[int]]) -> pd.DataFrame:
    """Images by class in groups of the given sizes."""
    rows = []
    for label, groups in sizes.items():
        for number, size in enumerate(groups):
            names = [f"{label}/{number:04}-{copy}.jpg" for copy in range(size)]
            rows += [
                {
                    "id": name,
                    "label": label,
                    "given": "",
                    "sha256": f"{hash_of(name)}",
                    "group": names[0],
                }
                for name in names
            ]
    return pd.DataFrame(rows).sort_values("id", ignore_index=True)


def hash_of(name: str) -> str:
    import hashlib

    return hashlib.sha256(name.encode()).hexdigest()


group_sizes = st.lists(st.integers(1, 4), min_size=40, max_size=160)
images = st.fixed_dictionaries(dict.fromkeys(CLASSES, group_sizes)).map(table)
splits = st.builds(
    Split,
    strategy=st.sampled_from(["grouped", "random"]),
    valid=st.floats(0.1, 0.3),
    test=st.floats(0.1, 0.3),
    seed=st.integers(0, 1000),
)


@settings(max_examples=40, deadline=None)
@given(images, splits)
def test_parts_are_complete_disjoint_and_stratified(images: pd.DataFrame, split: Split) -> None:
    result = assign_parts(images, split)
    assert list(result["id"]) == sorted(images["id"])
    assert set(result["part"]) == set(PARTS)
    largest = images["group"].value_counts().max() if split.strategy == "grouped" else 1
    for label in CLASSES:
        parts = result[result["label"] == label]["part"]
        for part, share in ((VALID, split.valid), (TEST, split.test)):
            off = abs((parts == part).mean() - share)
            assert off <= max(0.01, largest / len(parts)), (part, off)


@settings(max_examples=40, deadline=None)
@given(images, st.integers(0, 1000))
def test_no_group_is_on_two_sides(images: pd.DataFrame, seed: int) -> None:
    result = assign_parts(images, GROUPED.model_copy(update={"seed": seed}))
    assert len(result[["group", "part"]].drop_duplicates()) == result["group"].nunique()
    counts = count_split(result)
    assert not any(value for key, value in counts.items() if "leaked" in key)


@settings(max_examples=25, deadline=None)
@given(images, splits, st.integers(0, 2**31))
def test_the_order_of_the_members_does_not_matter(
    images: pd.DataFrame, split: Split, shuffle: int
) -> None:
    mixed = images.sample(frac=1, random_state=shuffle)
    pd.testing.assert_frame_equal(assign_parts(mixed, split), assign_parts(images, split))


def test_sizes_are_within_a_percentage_point() -> None:
    generator = np.random.default_rng(0)
    sizes = {label: generator.integers(1, 7, 400).tolist() for label in CLASSES}
    result = assign_parts(table(sizes), GROUPED)
    for label in CLASSES:
        parts = result[result["label"] == label]["part"]
        assert abs((parts == TEST).mean() - 0.2) <= 0.01
        assert abs((parts == VALID).mean() - 0.2) <= 0.01


def test_seeds_differ() -> None:
    one = table({label: [1] * 50 for label in CLASSES})
    other = GROUPED.model_copy(update={"seed": 1})
    assert not assign_parts(one, GROUPED)["part"].equals(assign_parts(one, other)["part"])


def test_adding_images_moves_few() -> None:
    """k more of a class move at most about k old ones at each of the two cuts."""
    big = table({label: [1] * 520 for label in CLASSES})
    small = big[~big["id"].str.contains(r"/05[01]")]
    assert len(big) - len(small) == 40
    before = assign_parts(small, GROUPED).set_index("id")["part"]
    after = assign_parts(big, GROUPED).set_index("id")["part"].reindex(before.index)
    assert (before != after).sum() <= 40


def test_names_do_not_matter_to_a_grouped_split() -> None:
    one = table({label: [2] * 40 for label in CLASSES})
    renamed = one.assign(id="x" + one["id"], group="x" + one["group"])
    assert list(assign_parts(one, GROUPED)["part"]) == list(assign_parts(renamed, GROUPED)["part"])


def test_random_is_honest_about_its_leak() -> None:
    one = table({label: [2] * 200 for label in CLASSES})
    counts = count_split(assign_parts(one, GROUPED.model_copy(update={"strategy": "random"})))
    tested = counts["test.positive"] + counts["test.negative"]
    # the other of a pair is in train
    assert counts["test.leaked"] / tested == pytest.approx(0.6, abs=0.12)
    assert 0 < counts["test.leaked_positive"] < counts["test.leaked"]


def given_table(parts: list[str]) -> pd.DataFrame:
    one = table({label: [1] * len(parts) for label in CLASSES})
    return one.assign(given=parts * 2)


def test_given_is_taken_as_it_is() -> None:
    parts = [TRAIN, TRAIN, VALID, TEST]
    result = assign_parts(given_table(parts), GROUPED.model_copy(update={"strategy": "given"}))
    assert list(result["part"]) == parts * 2


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ([TRAIN, "", VALID, TEST], "found 2 of 8 that are not, the first 'negative/0001-0.jpg'"),
        ([TRAIN, TRAIN, VALID, VALID], "Expected negative images in test, found none of the 4"),
    ],
)
def test_given_that_is_not_stated_is_one_sentence(parts: list[str], sentence: str) -> None:
    with pytest.raises(CracksError, match=sentence):
        assign_parts(given_table(parts), GROUPED.model_copy(update={"strategy": "given"}))


def test_a_class_of_one_image_is_one_sentence() -> None:
    with pytest.raises(CracksError, match="Expected positive images in"):
        assign_parts(table({"negative": [1] * 50, "positive": [1]}), GROUPED)


def test_leaks_are_counted_by_class() -> None:
    rows = [
        ("a", "negative", TRAIN, "a"),
        ("b", "negative", TEST, "a"),
        ("c", "negative", TEST, "c"),
        ("d", "positive", TRAIN, "d"),
        ("e", "positive", TEST, "e"),
        ("f", "positive", VALID, "d"),
        ("g", "negative", VALID, "g"),
    ]
    counts = count_split(pd.DataFrame(rows, columns=["id", "label", "part", "group"]))
    assert counts["test.leaked"] == 1
    assert counts["test.leaked_positive"] == 0
    assert counts["valid.leaked"] == 1
    assert counts["train.positive"] == 1


def test_a_split_knows_the_bytes_of_its_images() -> None:
    images = table({label: [1] * 50 for label in CLASSES})
    split = assign_parts(images, GROUPED).set_index("id")
    assert split["sha256"].to_dict() == images.set_index("id")["sha256"].to_dict()
