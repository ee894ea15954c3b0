"""The split into train, valid (chooses epoch and threshold) and test."""

import hashlib

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from cracks.pipeline.errors import CracksError
from cracks.pipeline.labels import CLASSES, PARTS, POSITIVE, TEST, TRAIN, VALID
from cracks.pipeline.params import Split

COLUMNS = ["id", "label", "part", "group", "sha256"]

PHOTOGRAPH = "photograph"
"""The column that is there as well where it is known which photograph an image was cut from."""


def assign_parts(images: pd.DataFrame, split: Split) -> pd.DataFrame:
    """Assign each image to train, valid or test.

    - `grouped`: stratified by class, whole groups of copies, so that no group is in two parts; if
      photographs are known, whole photographs as well.
    - `random`: stratified by class, copies ignored; leaks, and is kept for comparison.
    - `given`: as stated by the archive's folders.

    `random`, and `grouped` without photographs, sort by a hash of the seed and the group's content
    (for `random`, of the image's name) and cut that order at the shares of `split.test` and
    `split.valid`. This is stable when images are added: k new images of a class move about k others
    across each cut; a copy that joins two groups or changes a group's hash also moves that group.
    Photographs hold images of both classes and may be few: `_share_out` assigns them. No result
    depends on the order of the rows or, for `grouped`, on file names.

    Args:
        images: table with the columns `id`, `label`, `given`, `sha256`, `group` and, if photographs
            are known, `photograph`.
        split: strategy, shares and seed.

    Returns:
        Columns `id`, `label`, `part`, `group`, `sha256` and, if given, `photograph`, sorted by id.

    Raises:
        CracksError: if a part is left without images of a class, or `given` is not stated.
    """
    if split.strategy == "given":
        parts = _given(images)
    elif split.strategy == "grouped" and PHOTOGRAPH in images:
        parts = _share_out(images, split)
    else:
        unit = images["group"] if split.strategy == "grouped" else images["id"]
        content = images["sha256"] if split.strategy == "grouped" else images["id"]
        # the least of each unit; pandas' own min() of text is fifty times as slow
        keys = content.sort_values().groupby(unit).transform("first")
        order = keys.map(lambda key: _hash(split.seed, key))
        parts = order.groupby(images["label"]).transform(_cut, split=split)
    columns = [*COLUMNS, *images.columns.intersection([PHOTOGRAPH])]
    table = images.assign(part=parts)[columns].sort_values("id", ignore_index=True)
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


def _share_out(images: pd.DataFrame, split: Split) -> pd.Series:
    """The part of each image, photographs and groups of copies left whole.

    One unit after the other goes to the part that still lacks most of what the unit holds: the sum
    over classes of the part's deficit times the unit's content, both as shares of the class. This
    keeps the sum of squared deviations from the wanted shares small. Units come by size, the
    largest first; those of similar size (the same power of two) by a hash of seed and content.
    """
    unit = _units(images)
    content = images["sha256"].sort_values().groupby(unit).first()
    counts = pd.crosstab(unit, images["label"])
    shares = (counts / counts.sum()).to_numpy()  # [units, classes]
    size = np.frexp(shares.sum(axis=1))[1]
    hashes = content.map(lambda key: _hash(split.seed, key))
    wanted = np.array([1 - split.valid - split.test, split.valid, split.test])
    deficit = np.repeat(wanted[:, np.newaxis], shares.shape[1], axis=1)  # [parts, classes]
    part = np.empty(len(shares), dtype=object)
    for place in np.lexsort((hashes, -size)):
        chosen = int((deficit * shares[place]).sum(axis=1).argmax())
        deficit[chosen] -= shares[place]
        part[place] = PARTS[chosen]
    return unit.map(pd.Series(part, index=counts.index))


def _units(images: pd.DataFrame) -> pd.Series:
    """A number for each image, the same if copies or photographs connect them."""
    groups, names = pd.factorize(images["group"])
    photographs, others = pd.factorize(images[PHOTOGRAPH])
    nodes = len(names) + len(others)
    edges = (groups, len(names) + photographs)
    graph = coo_array((np.ones(len(images)), edges), (nodes, nodes))
    component: NDArray[np.int32] = connected_components(graph, directed=False)[1]
    return pd.Series(component[groups], index=images.index)


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
                raise CracksError(
                    f"Expected {label} images in {part}, found none of the "
                    f"{(table['label'] == label).sum():,} there are; {_remedy(table, strategy)}."
                )


def _remedy(table: pd.DataFrame, strategy: str) -> str:
    if strategy == "given":
        return "move some there, or set `split.strategy: grouped`"
    if strategy == "grouped" and PHOTOGRAPH in table:
        return (
            f"they come from {table[PHOTOGRAPH].nunique():,} photographs, which are not divided: "
            "add photographs, or change split.seed or photos.group"
        )
    return "add images, or change split.valid and split.test"


def count_split(split: pd.DataFrame) -> dict[str, int | float]:
    """Images by part and class, and of valid and test those with a copy in train.

    If photographs are known, also images whose photograph has other patches in train.

    Args:
        split: what `assign_parts` returns.

    Returns:
        `<part>.<class>` for each, `valid.leaked`, `test.leaked` and `test.leaked_positive`. If
        photographs are known, also `<part>.photographs` for each and, for valid and test,
        `<part>.photograph_in_train` and its `…_share`.
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
    counts["test.leaked_positive"] = int((cracks & in_train).sum())
    return counts | (_count_photographs(split) if PHOTOGRAPH in split else {})


def _count_photographs(split: pd.DataFrame) -> dict[str, int | float]:
    parts = split.groupby("part")[PHOTOGRAPH]
    counts: dict[str, int | float] = {
        f"{part}.photographs": int(parts.get_group(part).nunique()) for part in PARTS
    }
    for part in (VALID, TEST):
        shared = parts.get_group(part).isin(set(parts.get_group(TRAIN)))
        counts[f"{part}.photograph_in_train"] = int(shared.sum())
        counts[f"{part}.photograph_in_train_share"] = float(shared.mean())
    return counts
