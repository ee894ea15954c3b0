"""What a change did to the images: which came, went, got another label or went to another part."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pandas as pd

from cracks.tables.inputs import HASH_LENGTH, PART_COLUMNS
from cracks.tables.labels import TEST
from cracks.tools.review.comparison import changed_values
from cracks.tools.review.sides import Side


class Image(NamedTuple):
    """An image of one side, or what became of it."""

    id: str
    what: str  # its part, or `before → now`


@dataclass(frozen=True)
class DataChange:
    """The images that differ between two sides."""

    added: list[Image] = field(default_factory=list)
    removed: list[Image] = field(default_factory=list)
    relabelled: list[Image] = field(default_factory=list)
    moved: list[Image] = field(default_factory=list)  # to another part
    renamed: list[Image] = field(default_factory=list)
    counts: list[tuple[str, Any, Any]] = field(default_factory=list)  # of audit and split
    test_only: bool = False  # one side lists its test images alone

    def __bool__(self) -> bool:
        """Whether anything but names changed."""
        return any((self.added, self.removed, self.relabelled, self.moved, self.counts))


def find_data_change(base: Side, now: Side) -> DataChange | None:
    """Compare the images of two sides by their bytes; None if one does not say what they are."""
    test_only = base.images is None or now.images is None
    tables = [_listed(side, test_only=test_only) for side in (base, now)]
    if tables[0] is None or tables[1] is None:
        return None
    before, after = _differing(tables[0], tables[1])
    both = before.add_suffix("_base").join(after.add_suffix("_now"), how="outer")
    is_new, is_gone = both["id_base"].isna(), both["id_now"].isna()
    new, gone, kept = both[is_new], both[is_gone], both[~is_new & ~is_gone]
    return DataChange(
        added=sorted(map(Image, new["id_now"], new["part_now"])),
        removed=sorted(map(Image, gone["id_base"], gone["part_base"])),
        relabelled=_changed(kept, "label"),
        moved=_changed(kept, "part"),
        renamed=_changed(kept, "id"),
        counts=changed_values(base.counts, now.counts) if base.counts and now.counts else [],
        test_only=test_only,
    )


def _listed(side: Side, *, test_only: bool) -> pd.DataFrame | None:
    """Id, label, part and hash of each image; None if the hashes are not known."""
    table = side.images
    if table is None:
        if "sha256" not in side.tested.images:
            return None
        table = side.tested.images.assign(part=TEST)
        table["sha256"] = table["sha256"].str[:HASH_LENGTH]
    elif test_only:
        table = table[table["part"] == TEST]
    return table[list(PART_COLUMNS)]


def _differing(base: pd.DataFrame, now: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows that only one table has, by the image's hash and a number among identical ones."""
    both = pd.concat([base, now], keys=["base", "now"])
    single = both[:0] if base.equals(now) else both[~both.duplicated(keep=False)]
    sides = []
    for name in ("base", "now"):
        rows = single[single.index.get_level_values(0) == name]
        number = rows.groupby("sha256").cumcount().astype(str)
        sides.append(rows[["id", "label", "part"]].set_index(rows["sha256"] + ":" + number))
    return sides[0], sides[1]


def _changed(kept: pd.DataFrame, column: str) -> list[Image]:
    rows = kept[kept[f"{column}_base"] != kept[f"{column}_now"]]
    what = rows[f"{column}_base"] + " → " + rows[f"{column}_now"]
    return sorted(map(Image, rows["id_now"], what))
