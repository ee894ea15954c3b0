"""What a change did to the images: which came, went, got another label or went to another part."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pandas as pd

from cracks.tables.inputs import HASH_LENGTH, PART_COLUMNS
from cracks.tables.labels import TEST
from cracks.tools.review.comparison import changed_values
from cracks.tools.review.sides import Side

_KEY, _SIDES = ["sha256", "number"], ("_base", "_now")


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
    before, after = (_listed(side, test_only=test_only) for side in (base, now))
    if before is None or after is None:
        return None
    differing = _only(before, after), _only(after, before)
    both = differing[0].merge(differing[1], "outer", _KEY, suffixes=_SIDES, indicator="on")
    gone, new, kept = (both[both["on"] == side] for side in ("left_only", "right_only", "both"))
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


def _only(table: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """The rows that another table does not have, with a number among identical images."""
    rows = table.merge(other, "left_anti")
    return rows.assign(number=rows.groupby("sha256").cumcount())


def _changed(kept: pd.DataFrame, column: str) -> list[Image]:
    rows = kept[kept[f"{column}_base"] != kept[f"{column}_now"]]
    what = rows[f"{column}_base"] + " → " + rows[f"{column}_now"]
    return sorted(map(Image, rows["id_now"], what))
