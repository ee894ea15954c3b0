"""The split into train, valid (chooses epoch and threshold) and test."""

import hashlib
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from cracks.project.errors import CracksError
from cracks.project.params import Split
from cracks.tables.inputs import HASH_LENGTH, PART_COLUMNS
from cracks.tables.labels import CLASSES, PARTS, POSITIVE, TEST, TRAIN, VALID

COLUMNS = ["id", "label", "part", "group", "sha256"]

PHOTOGRAPH = "photograph"
"""The column that is there as well where it is known which photograph an image was cut from."""


_ORDER = (TEST, VALID, TRAIN)
"""The order of the intervals from 0 to 1 that the parts own."""

_MISS = 0.5  # relative deviation from a share, above which a closer seed is suggested
_SEEDS = 100  # seeds that are tried for a closer one
_FEW = 1000  # groups, up to which one is looked for


def assign_parts(images: pd.DataFrame, split: Split) -> pd.DataFrame:
    """Assign each image to train, valid or test.

    - `grouped`: whole groups of copies, so that no group is in two parts; if photographs are
      known, whole photographs as well.
    - `random`: each image for itself, copies ignored; leaks, and is kept for comparison.
    - `given`: as stated by the archive's folders.

    `random` and `grouped` use nothing but a group's own name: its hash with the seed is a number
    from 0 to 1, where each part owns an interval as long as its share. So a group that is added or
    removed moves no other, and the shares are met on average: `describe_shares` says how closely.
    There are two exceptions, for few groups: one that alone has over one and a half times the
    images that test or valid should have goes to train, and a part that would have no images of a
    class takes the group whose hash is nearest.

    The name is the photograph (the first of several that share copies), or the least sha256 of the
    copies, or, for `random`, the image's id. No result depends on the order of the rows.

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
    else:
        names = _units(images, split)
        units = _counts(names, images["label"])
        parts = names.map(pd.Series(_parts_of(units, split), units.index))
    columns = [*COLUMNS, *images.columns.intersection([PHOTOGRAPH])]
    table = images.assign(part=parts)[columns].sort_values("id", ignore_index=True)
    _check_parts(table, split.strategy)
    return table


def _units(images: pd.DataFrame, split: Split) -> pd.Series:
    """What `split.strategy` keeps whole with each image, by names that depend on no other unit."""
    if split.strategy == "random":
        return images["id"]
    return _first(images[PHOTOGRAPH if PHOTOGRAPH in images else "sha256"], _whole(images))


def _counts(units: pd.Series, labels: pd.Series) -> pd.DataFrame:
    """The images of each unit by class."""
    of_class = pd.DataFrame({label: labels == label for label in CLASSES})
    return of_class.groupby(units, sort=False).sum()


def _first(names: pd.Series, groups: pd.Series) -> pd.Series:
    """The first name in each group; pandas' own min() of text is fifty times as slow."""
    return names.sort_values().groupby(groups).transform("first").reindex(names.index)


def _whole(images: pd.DataFrame) -> pd.Series:
    """A number for each image, the same if copies or photographs connect them."""
    groups, names = pd.factorize(images["group"])
    if PHOTOGRAPH not in images:
        return pd.Series(groups, index=images.index)
    photographs, others = pd.factorize(images[PHOTOGRAPH])
    nodes = len(names) + len(others)
    edges = (groups, len(names) + photographs)
    graph = coo_array((np.ones(len(images)), edges), (nodes, nodes))
    component: NDArray[np.int32] = connected_components(graph, directed=False)[1]
    return pd.Series(component[groups], index=images.index)


def _parts_of(units: pd.DataFrame, split: Split) -> NDArray[np.str_]:
    """The part of each unit, by its name and its images of each class."""
    places, counts = np.array([_place(split.seed, name) for name in units.index]), units.to_numpy()
    edges = np.array([0, split.test, split.test + split.valid, 1])
    parts = np.searchsorted(edges[1:-1], places, side="right")
    greatest = (counts / counts.sum(axis=0)).max(axis=1)
    parts[greatest > (1 + _MISS) * np.diff(edges)[parts]] = _ORDER.index(TRAIN)
    holds = counts > 0
    for part, label in product(range(len(_ORDER)), range(len(CLASSES))):
        in_parts = np.stack([holds[parts == number].sum(axis=0) for number in range(len(_ORDER))])
        if in_parts[part, label]:
            continue
        # the last one of its class in its part
        needed = (holds & (in_parts[parts] == 1)).any(axis=1)
        others = np.flatnonzero(holds[:, label] & ~needed)
        if len(others):
            distance = np.maximum(edges[part] - places[others], places[others] - edges[part + 1])
            parts[others[distance.argmin()]] = part
    return np.array(_ORDER)[parts]


def _place(seed: int, name: str) -> float:
    """A pseudo-random number from 0 to 1 for each name and seed."""
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def describe_shares(table: pd.DataFrame, split: Split) -> list[str]:
    """The shares that `grouped` and `random` reached, and how closely that was to be expected.

    The tolerance is three standard deviations of a class's share p where each of its groups, s_i of
    the class, comes into the part with probability p: 3 sqrt(p (1 - p) sum s_i^2).

    Args:
        table: what `assign_parts` returned.
        split: strategy, shares and seed.

    Returns:
        A sentence for test and one for valid, and, if few groups miss a share by more than half of
        it, one about a seed that comes closer.
    """
    if split.strategy == "given":
        return []
    whole = table["id"] if split.strategy == "random" else _whole(table)
    counts = _counts(whole, table["label"]).to_numpy()
    spread = np.sqrt(((counts / counts.sum(axis=0)) ** 2).sum(axis=0).max())
    found = _shares(_counts(table["part"], table["label"]))
    lines = []
    for part, wanted, shares in zip((TEST, VALID), (split.test, split.valid), found, strict=True):
        actual = ", ".join(
            f"{100 * share:.1f} % of {label}" for share, label in zip(shares, CLASSES, strict=True)
        )
        tolerance = 300 * spread * np.sqrt(wanted * (1 - wanted))
        lines.append(
            f"{part}: {actual}; {100 * wanted:g} ± {tolerance:.1f} % expected of {len(counts):,} "
            "groups"
        )
    if _miss(found, split) > _MISS and len(counts) <= _FEW:
        seed = _closest_seed(_counts(_units(table, split), table["label"]), split)
        lines.append(f"these are few groups; split.seed: {seed} comes closest to the shares")
    return lines


def _closest_seed(units: pd.DataFrame, split: Split) -> int:
    def miss(seed: int) -> float:
        parts = _parts_of(units, split.model_copy(update={"seed": seed}))
        return _miss(_shares(units.groupby(parts).sum()), split)

    return min(range(_SEEDS), key=miss)


def _shares(counts: pd.DataFrame) -> NDArray[np.float64]:
    """The shares of each class in test and in valid, by its images in each part."""
    return (counts / counts.sum()).reindex([TEST, VALID], fill_value=0).to_numpy()


def _miss(shares: NDArray[np.float64], split: Split) -> float:
    """The greatest deviation from a wanted share, as a part of it."""
    wanted = np.array([[split.test], [split.valid]])
    return float((np.abs(shares - wanted) / wanted).max())


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
    for part, label in product(PARTS, CLASSES):
        if (part, label) not in counts:
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
            "add photographs, or change photos.group"
        )
    return "add images that are no copies of each other: each part needs one"


def parts_of_images(split: pd.DataFrame) -> pd.DataFrame:
    """The part of each image, small enough for Git, where a review compares it.

    Returns:
        Columns `id`, `label`, `part` and `sha256`, the first `HASH_LENGTH` digits of it.
    """
    table = split[list(PART_COLUMNS)]
    return table.assign(sha256=table["sha256"].str[:HASH_LENGTH])


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
        for part, label in product(PARTS, CLASSES)
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
