import zipfile

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cracks.dataset.photographs import photographs_of
from cracks.dataset.split import (
    PHOTOGRAPH,
    assign_parts,
    count_split,
    describe_shares,
    parts_of_images,
)
from cracks.project.errors import CracksError
from cracks.project.params import Split
from cracks.tables.labels import CLASSES, PARTS, TEST, TRAIN, VALID
from tests.support.project import SDNET

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
def test_parts_are_complete_and_disjoint(images: pd.DataFrame, split: Split) -> None:
    result = assign_parts(images, split)
    assert list(result["id"]) == sorted(images["id"])
    assert set(result["part"]) == set(PARTS)


@settings(max_examples=40, deadline=None)
@given(images, st.integers(0, 1000))
def test_no_group_is_in_two_parts(images: pd.DataFrame, seed: int) -> None:
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


@pytest.mark.parametrize("strategy", ["grouped", "random"])
def test_shares_are_met_on_average_and_within_the_tolerance(strategy: str) -> None:
    sizes = {label: [1, 2, 3, 1] * 50 for label in CLASSES}
    images = table(sizes)
    split = GROUPED.model_copy(update={"strategy": strategy, "valid": 0.1})
    found = []
    for seed in range(100):
        result = assign_parts(images, split.model_copy(update={"seed": seed}))
        counts = result.groupby(["part", "label"]).size() / 350
        found.append([[counts[part, label] for label in CLASSES] for part in (TEST, VALID)])
    line = described(images, split)[0]
    tolerance = {"grouped": 9.4, "random": 6.4}[strategy]
    assert f"20 ± {tolerance} % expected of " in line
    off = np.abs(np.array(found) - np.array([[0.2], [0.1]]))
    assert (off > tolerance / 100).mean() <= 0.01
    assert np.abs(np.mean(found, axis=0) - np.array([[0.2], [0.1]])).max() < tolerance / 3 / 100 / 3


def test_seeds_differ() -> None:
    one = table({label: [1] * 50 for label in CLASSES})
    other = GROUPED.model_copy(update={"seed": 1})
    assert not assign_parts(one, GROUPED)["part"].equals(assign_parts(one, other)["part"])


def described(images: pd.DataFrame, split: Split) -> list[str]:
    return describe_shares(assign_parts(images, split), split)


def moved(small: pd.DataFrame, big: pd.DataFrame, split: Split) -> int:
    """How many groups of the small table are in another part in the big one."""
    before = assign_parts(small, split).set_index("id")
    after = assign_parts(big, split).set_index("id")["part"].reindex(before.index)
    return before.loc[before["part"] != after, "group"].nunique()


@settings(max_examples=40, deadline=None)
@given(images, splits, st.data())
def test_adding_or_removing_groups_moves_no_other(
    images: pd.DataFrame, split: Split, data: st.DataObject
) -> None:
    """With at least 20 groups of a class left, none of the parts is empty by chance."""
    names = list(images["group"].unique())
    gone = data.draw(st.lists(st.sampled_from(names), max_size=20, unique=True))
    assert moved(images[~images["group"].isin(gone)], images, split) <= 1


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 60), st.integers(0, 1000))
def test_adding_or_removing_photographs_moves_no_other(count: int, seed: int) -> None:
    random = np.random.default_rng([count, seed])
    contents = [(int(a), int(b)) for a, b in random.integers(1, 9, (100 + count, 2))]
    big = walls(contents)
    small = big[~big[PHOTOGRAPH].isin([f"{wall}" for wall in range(count)])]
    assert moved(small, big, GROUPED.model_copy(update={"seed": seed})) == 0


def test_adding_one_of_few_photographs_moves_few() -> None:
    for seed in range(100):
        split = GROUPED.model_copy(update={"seed": seed})
        assert moved(walls([(5, 5)] * 15), walls([(5, 5)] * 16), split) <= 10  # one photograph


def test_another_patch_of_a_photograph_moves_nothing() -> None:
    small, big = walls([(5, 5)] * 30), walls([(6, 5)] * 30)
    assert len(big) == len(small) + 30
    assert moved(small, big, GROUPED) == 0


def test_a_share_that_grows_takes_from_its_neighbour() -> None:
    images = table({label: [1] * 200 for label in CLASSES})
    one = assign_parts(images, GROUPED)
    other = assign_parts(images, GROUPED.model_copy(update={"test": 0.3}))
    assert set(one[one["part"] == TEST]["id"]) < set(other[other["part"] == TEST]["id"])


def test_few_groups_with_uneven_shares_get_a_better_seed_suggested() -> None:
    images = walls([(10, 10)] * 7)
    for seed in range(20):
        *shares, hint = described(images, GROUPED.model_copy(update={"seed": seed}))
        if hint.startswith("these are few groups"):
            break
    assert [line.split(":")[0] for line in shares] == [TEST, VALID]
    better = GROUPED.model_copy(update={"seed": int(hint.split("split.seed: ")[1].split()[0])})
    assert len(described(images, better)) == 2
    parts = assign_parts(images, better).groupby("part").size()
    assert (parts[TEST], parts[VALID]) in {(20, 20), (20, 40), (40, 20)}


def test_given_shares_are_not_described() -> None:
    images = given_table([TRAIN, TRAIN, VALID, TEST])
    assert described(images, GROUPED.model_copy(update={"strategy": "given"})) == []


def test_names_do_not_matter_to_a_grouped_split() -> None:
    one = table({label: [2] * 40 for label in CLASSES})
    renamed = one.assign(id="x" + one["id"], group="x" + one["group"])
    assert list(assign_parts(one, GROUPED)["part"]) == list(assign_parts(renamed, GROUPED)["part"])


def test_a_random_split_reports_its_leak() -> None:
    one = table({label: [2] * 200 for label in CLASSES})
    counts = count_split(assign_parts(one, GROUPED.model_copy(update={"strategy": "random"})))
    tested = counts["test.positive"] + counts["test.negative"]
    # the other of a pair is in train
    assert counts["test.leaked"] / tested == pytest.approx(0.6, abs=0.12)
    assert 0 < counts["test.leaked_positive"] < counts["test.leaked"]


def given_table(parts: list[str]) -> pd.DataFrame:
    one = table({label: [1] * len(parts) for label in CLASSES})
    return one.assign(given=parts * 2)


def test_a_given_split_is_used_unchanged() -> None:
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
def test_a_given_split_that_is_not_stated_is_one_sentence(parts: list[str], sentence: str) -> None:
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


def walls(contents: list[tuple[int, int]]) -> pd.DataFrame:
    """Patches of photographs, each given by its numbers of negative and positive patches."""
    rows = [
        (f"{label}/{wall}-{number}.jpg", label, f"{wall}")
        for wall, counts in enumerate(contents)
        for label, count in zip(CLASSES, counts, strict=True)
        for number in range(count)
    ]
    images = pd.DataFrame(rows, columns=["id", "label", PHOTOGRAPH])
    images = images.assign(given="", group=images["id"], sha256=images["id"].map(hash_of))
    return images.sort_values("id", ignore_index=True)


contents = st.lists(st.tuples(st.integers(2, 4), st.integers(1, 4)), min_size=40, max_size=60)


@settings(max_examples=20, deadline=None)
@given(contents.map(walls), st.integers(0, 1000), st.data())
def test_photographs_and_copies_stay_in_one_part(
    images: pd.DataFrame, seed: int, data: st.DataObject
) -> None:
    copies = data.draw(st.lists(st.sampled_from(list(images.index)), max_size=4, unique=True))
    images.loc[copies, "group"] = "copies of each other"
    split = GROUPED.model_copy(update={"seed": seed})
    result = assign_parts(images, split)
    for column in ("group", PHOTOGRAPH):
        assert result.groupby(column)["part"].nunique().max() == 1
    counts = count_split(result)
    assert not any(value for key, value in counts.items() if "leaked" in key or "in_train" in key)
    mixed = assign_parts(images.sample(frac=1, random_state=seed), split)
    pd.testing.assert_frame_equal(mixed, result)
    renamed = images.assign(id="x" + images["id"])
    assert list(assign_parts(renamed, split)["part"]) == list(result["part"])


def test_photographs_that_share_a_copy_stay_together() -> None:
    images = walls([(10, 10)] * 30)
    copies = images["id"].isin(["negative/0-1.jpg", "negative/1-1.jpg", "negative/2-1.jpg"])
    images.loc[copies, "group"] = "negative/0-1.jpg"
    for seed in range(5):
        result = assign_parts(images, GROUPED.model_copy(update={"seed": seed}))
        assert len(set(result[result[PHOTOGRAPH].isin(["0", "1", "2"])]["part"])) == 1


def test_a_photograph_larger_than_the_test_part_goes_to_train() -> None:
    images = walls([(5, 5)] * 20 + [(110, 110)])
    for seed in range(10):
        result = assign_parts(images, GROUPED.model_copy(update={"seed": seed}))
        assert set(result[result[PHOTOGRAPH] == "20"]["part"]) == {TRAIN}


def test_seeds_give_other_photographs_for_test() -> None:
    images = walls([(10, 8), (11, 9), (12, 8), (9, 10), (10, 10), (12, 9)])
    tested = set()
    for seed in range(20):
        result = assign_parts(images, GROUPED.model_copy(update={"seed": seed}))
        tested.add(result[result["part"] == TEST][PHOTOGRAPH].iloc[0])
    assert len(tested) >= 4


@pytest.mark.parametrize("contents", [[(40, 40)], [(40, 40), (40, 40)], [(9, 0)] * 9 + [(0, 9)]])
def test_too_few_photographs_are_one_sentence(contents: list[tuple[int, int]]) -> None:
    sentence = f"they come from {len(contents)} photographs, which are not divided"
    with pytest.raises(CracksError, match=sentence):
        assign_parts(walls(contents), GROUPED)


def test_a_split_by_patches_says_how_much_it_shares() -> None:
    images = walls([(10, 10)] * 10)
    random = GROUPED.model_copy(update={"strategy": "random"})
    counts = count_split(assign_parts(images, random))
    assert counts["test.leaked"] == 0  # these are counts of copies
    assert counts["test.photograph_in_train"] == counts["test.negative"] + counts["test.positive"]
    assert counts["test.photograph_in_train_share"] == 1.0
    assert counts["train.photographs"] == 10


def test_photographs_are_counted_by_part() -> None:
    rows = [("a", TRAIN, "1"), ("b", TRAIN, "2"), ("c", VALID, "2"), ("d", TEST, "2")]
    rows += [("e", TEST, "3"), ("f", TEST, "4"), ("g", TEST, "4"), ("h", VALID, "5")]
    table = pd.DataFrame(rows, columns=["id", "part", PHOTOGRAPH])
    counts = count_split(table.assign(label=["negative", "positive"] * 4, group=table["id"]))
    assert [counts[f"{part}.photographs"] for part in PARTS] == [2, 2, 3]
    assert counts["test.photograph_in_train"] == 1
    assert counts["test.photograph_in_train_share"] == 0.25
    assert counts["valid.photograph_in_train_share"] == 0.5


@pytest.mark.skipif(not SDNET.exists(), reason=f"no photographs of walls at {SDNET}")
def test_on_real_walls_no_photograph_is_in_two_parts() -> None:
    with zipfile.ZipFile(SDNET) as archive:
        ids = sorted(archive.namelist())
    images = pd.DataFrame({"id": ids, "given": "", "group": ids, "sha256": [*map(hash_of, ids)]})
    images["label"] = images["id"].str.split("/").str[0].str.lower()
    images[PHOTOGRAPH] = photographs_of(images["id"], r"([^/]+)-\d+\.jpg$")
    assert images[PHOTOGRAPH].nunique() == 6
    for seed in range(10):
        split = GROUPED.model_copy(update={"seed": seed})
        result = assign_parts(images, split)
        assert result.groupby(PHOTOGRAPH)["part"].nunique().max() == 1
        assert count_split(result)["test.photograph_in_train"] == 0
        random = assign_parts(images, split.model_copy(update={"strategy": "random"}))
        assert count_split(random)["test.photograph_in_train_share"] == 1.0


def test_a_split_knows_the_bytes_of_its_images() -> None:
    images = table({label: [1] * 50 for label in CLASSES})
    split = assign_parts(images, GROUPED).set_index("id")
    assert split["sha256"].to_dict() == images.set_index("id")["sha256"].to_dict()


def test_the_table_for_git_is_short() -> None:
    split = pd.DataFrame(
        {"id": ["a"], "label": ["negative"], "part": [TRAIN], "group": ["a"], "sha256": ["f" * 64]}
    )
    assert parts_of_images(split).to_dict("records") == [
        {"id": "a", "label": "negative", "part": TRAIN, "sha256": "f" * 16}
    ]
