"""Which images train a head, which choose its epoch and threshold, and which test it."""

import hashlib

import pandas as pd

from cracks.pipeline.errors import CracksError
from cracks.pipeline.labels import CLASSES, PARTS, POSITIVE, TEST, TRAIN, VALID
from cracks.pipeline.params import Split

COLUMNS = ["id", "label", "part", "group", "sha256"]


def assign_parts(images: pd.DataFrame, split: Split) -> pd.DataFrame:
    """Assign each image to train, valid or test.

    - `grouped`: by class and by group of copies, so that no group is on two sides.
    - `random`: by class, copies ignored: what most people do, kept for comparison.
    - `given`: as the archive's folders state it.

    The first two put groups in the order of a hash of the seed and the group's content (of the
    image's name for `random`) and cut that order at the shares of `split.test` and `split.valid`.
    So the same seed gives the same parts whatever the order and, for `grouped`, the names of the
    members. Images that are added push others over a cut: k new images of a class move at most
    about k old ones at each of the two cuts, those nearest to it, and none elsewhere; only a new
    copy that joins two groups, or lends its group another hash, moves that group as well.

    Args:
        images: table with the columns `id`, `label`, `given`, `sha256`, `group`.
        split: strategy, shares and seed.

    Returns:
        Columns `id`, `label`, `part`, `group`, `sha256`, sorted by id.

    Raises:
        CracksError: if a part is left without images of a class, or `given` is not stated.
    """
    if split.strategy == "given":
        parts = _given(images)
    else:
        unit = images["group"] if split.strategy == "grouped" else images["id"]
        content = images["sha256"] if split.strategy == "grouped" else images["id"]
        keys = content.groupby(unit).transform("min")
        order = keys.map(lambda key: _hash(split.seed, key))
        parts = order.groupby(images["label"]).transform(_cut, split=split)
    table = images.assign(part=parts)[COLUMNS].sort_values("id", ignore_index=True)
    _check_parts(table, split.strategy)
    return table


def _hash(seed: int, key: str) -> str:
    return hashlib.sha256(f"{seed}:{key}".encode()).hexdigest()


def _cut(order: pd.Series, split: Split) -> pd.Series:
    """The part of each image of one class; images of one group have the same place in `order`."""
    sizes = order.value_counts().sort_index()
    middle = (sizes.cumsum() - sizes / 2) / sizes.sum()  # each group's place between 0 and 1
    part = pd.Series(TRAIN, index=sizes.index)
    part[middle < split.test + split.valid] = VALID
    part[middle < split.test] = TEST
    return order.map(part)


def _given(images: pd.DataFrame) -> pd.Series:
    unstated = images[images["given"] == ""]
    if len(unstated):
        raise CracksError(
            "Expected every image below train, valid (or val) or test for `split.strategy: given`, "
            f"found {len(unstated):,} of {len(images):,} that are not, the first "
            f"{unstated['id'].iloc[0]!r}; sort them, or set `split.strategy: grouped`."
        )
    return images["given"]


def _check_parts(table: pd.DataFrame, strategy: str) -> None:
    counts = table.groupby(["part", "label"]).size()
    for part in PARTS:
        for label in CLASSES:
            if not counts.get((part, label), 0):
                remedy = (
                    "move some there, or set `split.strategy: grouped`"
                    if strategy == "given"
                    else "add images, or change split.valid and split.test"
                )
                raise CracksError(
                    f"Expected {label} images in {part}, found none of the "
                    f"{(table['label'] == label).sum():,} there are; {remedy}."
                )


def count_split(split: pd.DataFrame) -> dict[str, int | float]:
    """Images by part and class, and of valid and test those with a copy in train.

    Args:
        split: what `assign_parts` returns.

    Returns:
        `<part>.<class>` for each, `valid.leaked`, `test.leaked` and `test.leaked_positive`.
    """
    counts: dict[str, int | float] = {
        f"{part}.{label}": int(((split["part"] == part) & (split["label"] == label)).sum())
        for part in PARTS
        for label in CLASSES
    }
    in_train = split["group"].isin(set(split[split["part"] == TRAIN]["group"]))
    for part in (VALID, TEST):
        counts[f"{part}.leaked"] = int(((split["part"] == part) & in_train).sum())
    cracks = (split["part"] == TEST) & (split["label"] == POSITIVE)
    return counts | {"test.leaked_positive": int((cracks & in_train).sum())}
