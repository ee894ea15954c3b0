"""The split into train, valid (chooses epoch and threshold) and test."""

import hashlib

import pandas as pd

from cracks.pipeline.errors import CracksError
from cracks.pipeline.labels import CLASSES, PARTS, TEST, TRAIN, VALID
from cracks.pipeline.params import Split

COLUMNS = ["id", "label", "part", "group"]


def assign_parts(images: pd.DataFrame, split: Split) -> pd.DataFrame:
    """Assign each image to train, valid or test.

    - `grouped`: stratified by class, whole groups of copies, so that no group is in two parts.
    - `random`: stratified by class, copies ignored; leaks, and is kept for comparison.
    - `given`: as stated by the archive's folders.

    `grouped` and `random` sort by a hash of the seed and the group's content (for `random`, of the
    image's name) and cut that order at the shares of `split.test` and `split.valid`. The result
    does not depend on the order of the rows or, for `grouped`, on file names. It is stable when
    images are added: k new images of a class move about k others across each cut; a copy that joins
    two groups or changes a group's hash also moves that group.

    Args:
        images: table with the columns `id`, `label`, `given`, `sha256`, `group`.
        split: strategy, shares and seed.

    Returns:
        Columns `id`, `label`, `part`, `group`, sorted by id.

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
    """Images by part and class, and leak counters: images with a copy in train.

    Args:
        split: what `assign_parts` returns.

    Returns:
        `<part>.<class>` for each, and for valid and test `<part>.leaked`, `<part>.leaked_<class>`
        and each of these as a `…_share` of the images there.
    """
    counts: dict[str, int | float] = {}
    for part in PARTS:
        for label in CLASSES:
            rows = (split["part"] == part) & (split["label"] == label)
            counts[f"{part}.{label}"] = int(rows.sum())
    in_train = split["group"].isin(set(split[split["part"] == TRAIN]["group"]))
    for part in (VALID, TEST):
        counts |= _leak(part, split["part"] == part, in_train)
        for label in CLASSES:
            rows = (split["part"] == part) & (split["label"] == label)
            found = _leak(part, rows, in_train)
            counts |= {key.replace("leaked", f"leaked_{label}"): n for key, n in found.items()}
    return counts


def _leak(
    part: str, rows: "pd.Series[bool]", in_train: "pd.Series[bool]"
) -> dict[str, int | float]:
    leaked = int((rows & in_train).sum())
    return {f"{part}.leaked": leaked, f"{part}.leaked_share": leaked / int(rows.sum())}
