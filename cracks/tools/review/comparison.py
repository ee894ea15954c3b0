"""What changed between two results: classifiers on the same test images, parameters, packages."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import combinations, compress
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cracks.evaluation.details import over_seeds
from cracks.evaluation.metrics import METRICS, Scored
from cracks.evaluation.statistics import exact_mcnemar, seeds_p
from cracks.evaluation.verdict import SIGNIFICANT
from cracks.project.outputs import rounded
from cracks.tables.labels import POSITIVE
from cracks.tools.review.sides import Side

LEAK = "test.leaked_share"


class Verdict(StrEnum):
    """What a change did to a classifier."""

    UNCHANGED = "unchanged"  # every test image is classified as before
    BETTER = "better"
    WORSE = "worse"
    UNCLEAR = "no clear difference"  # chance, or the variation over seeds, explains it


class Flip(NamedTuple):
    """An image whose class changed."""

    id: str
    before: float  # probability of a crack
    now: float


FLIP_KINDS = {
    "newly_missed": "Newly missed cracks",
    "newly_found": "Newly found cracks",
    "new_alarms": "New false alarms",
    "alarms_gone": "No longer false alarms",
}
"""What becomes of images whose class changes, in words."""


@dataclass(frozen=True)
class Change:
    """One number on both sides, and how sure a difference is."""

    metric: str
    base: float
    now: float
    better: int = 0  # 1 if more is better, -1 if less is
    mcnemar_p: float | None = None  # of metrics that are a share of the images
    seeds_p: float | None = None  # of a test over seeds, where both sides have two or more

    @property
    def difference(self) -> float:
        """Now minus base, without floating-point noise; whole if both are."""
        return round(self.now - self.base, 10)

    @property
    def is_noise(self) -> bool:
        """Whether the difference is within the variation over seeds."""
        return self.seeds_p is not None and self.seeds_p >= SIGNIFICANT

    @property
    def is_significant(self) -> bool:
        """Whether neither chance nor, where known, the variation over seeds explains it."""
        by_chance = self.mcnemar_p is None or self.mcnemar_p >= SIGNIFICANT
        return bool(self.difference) and not by_chance and not self.is_noise


@dataclass(frozen=True)
class Classifier:
    """One backbone's classifier on both sides, on the test images that they share."""

    backbone: str
    changes: Mapping[str, Change]  # by the metric's name in METRICS
    flips: Mapping[str, list[Flip]]  # images of the test part by the keys of `FLIP_KINDS`

    @property
    def newly_wrong(self) -> int:
        """The number of images that were right and are wrong."""
        return len(self.flips["newly_missed"]) + len(self.flips["new_alarms"])

    @property
    def newly_right(self) -> int:
        """The number of images that were wrong and are right."""
        return len(self.flips["newly_found"]) + len(self.flips["alarms_gone"])

    @property
    def flipped(self) -> int:
        """The number of images whose class changed."""
        return self.newly_wrong + self.newly_right

    @property
    def verdict(self) -> Verdict:
        """The one judgement of the change: that of its accuracy."""
        accuracy = self.changes["accuracy"]
        if not self.flipped:
            return Verdict.UNCHANGED
        if not accuracy.is_significant:
            return Verdict.UNCLEAR
        return Verdict.BETTER if accuracy.difference > 0 else Verdict.WORSE


class Duel(NamedTuple):
    """Which of two backbones is better on each side, on the shared test images."""

    first: str
    second: str
    winners: tuple[str | None, str | None]  # before and now; None if there is no clear difference
    ps: tuple[float, float]  # exact McNemar


@dataclass(frozen=True)
class Comparison:
    """Everything that follows from the predictions of both sides."""

    classifiers: list[Classifier] = field(default_factory=list)
    duels: list[Duel] = field(default_factory=list)
    images: int = 0  # that both sides were tested on
    cracks: int = 0
    base_images: int = 0
    now_images: int = 0
    impossible: str | None = None  # why nothing can be compared

    @property
    def changes(self) -> dict[str, Change]:
        """The changes of all classifiers, by the metric's whole name."""
        return {change.metric: change for c in self.classifiers for change in c.changes.values()}

    @property
    def is_whole(self) -> bool:
        """Whether both sides were tested on the same images."""
        return self.images == self.base_images == self.now_images

    @property
    def can_judge(self) -> bool:
        """Whether enough of the base's test images are left for a condition to mean something."""
        return self.impossible is None and 2 * self.images >= self.base_images


def compare_sides(base: Side, now: Side) -> Comparison:
    """Compare the classifiers of both sides on the test images that they share.

    Images are identified by their bytes and labels, not by their names.
    """
    sizes = Comparison(base_images=len(base.tested.images), now_images=len(now.tested.images))
    for side in (base, now):
        if "sha256" not in side.tested.images:
            reason = f"the predictions of {side.name} do not say which images they are of"
            return replace(sizes, impossible=reason)
    at = _shared(base.tested.images, now.tested.images)
    backbones = [backbone for backbone in now.backbones if backbone in base.backbones]
    scored = {b: (_taken(base.scored[b], at[0]), _taken(now.scored[b], at[1])) for b in backbones}
    images = now.tested.images.iloc[at[1]]
    ids, cracks = images["id"].to_numpy(), int((images["label"] == POSITIVE).sum())
    comparison = replace(sizes, images=len(ids), cracks=cracks)
    if not 0 < cracks < len(ids):
        reason = f"both sides were tested on {cracks:,} cracks and {len(ids) - cracks:,} others"
        return replace(comparison, impossible=reason)
    sides = (base, now) if comparison.is_whole else None
    return replace(
        comparison,
        classifiers=[_classifier(b, *scored[b], ids, sides) for b in backbones],
        duels=[_duel(*pair, scored) for pair in combinations(backbones, 2)],
    )


def _shared(base: pd.DataFrame, now: pd.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The rows of the images that two tables share, in the same order."""
    places = _keys(base).get_indexer(_keys(now))
    return places[places >= 0], np.flatnonzero(places >= 0)


def _keys(images: pd.DataFrame) -> "pd.Index[Any]":
    """The key of each image: the hash of its bytes, a number among identical ones, its label."""
    number = images.groupby(["sha256", "label"]).cumcount()
    return pd.Index(images["sha256"] + ":" + number.astype(str) + ":" + images["label"])


def _taken(scored: Scored, at: NDArray[np.int64]) -> Scored:
    return Scored(scored.labels[at], scored.probability[at], scored.groups[at], scored.threshold)


def _classifier(
    backbone: str, before: Scored, after: Scored, ids: NDArray[Any], sides: tuple[Side, Side] | None
) -> Classifier:
    """One backbone's classifier on the same images.

    Args:
        backbone: its name.
        before: on the base.
        after: now.
        ids: of the images.
        sides: both, if their metrics are of these images.
    """
    changes = {}
    for name, metric in METRICS.items():
        if not (metric.headline or metric.share_of):
            continue
        p = None
        if metric.share_of:
            of = metric.share_of(after)
            p = exact_mcnemar(before.right[of], after.right[of], after.groups[of])
        changes[name] = Change(
            f"{backbone}.{name}",
            **rounded({"base": metric.value(before), "now": metric.value(after)}),
            better=metric.better,
            mcnemar_p=p,
            seeds_p=_seeds_p(sides, backbone, name) if sides else None,
        )
    return Classifier(backbone, changes, find_flips(before, after, ids))


def _seeds_p(sides: tuple[Side, Side], backbone: str, metric: str) -> float | None:
    base, now = (over_seeds(side.details, backbone, metric) for side in sides)
    return seeds_p(base, now) if base and now else None


def find_flips(before: Scored, after: Scored, ids: NDArray[Any]) -> dict[str, list[Flip]]:
    """The images that one backbone classifies differently on the two sides, by kind."""
    was, is_now, cracked = before.right, after.right, after.labels == 1
    kinds = {
        "newly_missed": was & ~is_now & cracked,
        "newly_found": ~was & is_now & cracked,
        "new_alarms": was & ~is_now & ~cracked,
        "alarms_gone": ~was & is_now & ~cracked,
    }
    images = [*map(Flip, ids.tolist(), before.probability.tolist(), after.probability.tolist())]
    return {kind: sorted(compress(images, rows)) for kind, rows in kinds.items()}


def _duel(first: str, second: str, scored: Mapping[str, tuple[Scored, Scored]]) -> Duel:
    winners, ps = [], []
    for one, other in zip(scored[first], scored[second], strict=True):
        p = exact_mcnemar(one.right, other.right, one.groups)
        ahead = first if one.right.sum() > other.right.sum() else second
        winners.append(ahead if p < SIGNIFICANT else None)
        ps.append(p)
    return Duel(first, second, (winners[0], winners[1]), (ps[0], ps[1]))


def changed_values(base: Mapping[str, Any], now: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """Keys whose values differ, with both values; None stands for a missing key."""
    keys = {**base, **now}
    return [(k, base.get(k), now.get(k)) for k in keys if base.get(k) != now.get(k)]
