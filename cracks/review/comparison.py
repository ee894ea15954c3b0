"""What changed between two results: metrics with their direction, images, parameters, packages."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from operator import ge, gt, le, lt
from typing import Any

import pandas as pd

from cracks.evaluation.details import over_seeds
from cracks.evaluation.metrics import METRICS
from cracks.evaluation.statistics import exact_mcnemar, seeds_p
from cracks.evaluation.verdict import SIGNIFICANT
from cracks.pipeline.errors import CracksError
from cracks.pipeline.labels import POSITIVE
from cracks.pipeline.params import flatten
from cracks.review.sides import Side
from cracks.review.staleness import Staleness

LEAK = "test.leaked_share"

Values = Mapping[str, float]


@dataclass(frozen=True)
class Change:
    """One metric on both sides."""

    metric: str
    base: float
    now: float
    direction: int  # 1 if more is better, -1 if less is
    seeds_p: float | None = None  # of a test over seeds, where both sides have two or more

    @property
    def difference(self) -> float:
        """Now minus base, without floating-point noise."""
        return round(self.now - self.base, 10)

    @property
    def gain(self) -> float:
        """The difference, positive if it is an improvement."""
        return self.difference * self.direction

    @property
    def is_noise(self) -> bool:
        """Whether the difference is within the variation over seeds."""
        return self.seeds_p is not None and self.seeds_p >= SIGNIFICANT


@dataclass(frozen=True)
class Flips:
    """Images of the test part whose answer changed, for one backbone."""

    newly_missed: list[str]  # cracks
    newly_found: list[str]
    new_alarms: list[str]  # false ones
    quieted: list[str]
    p: float  # exact McNemar

    @property
    def count(self) -> int:
        """Images whose answer changed."""
        groups = (self.newly_missed, self.newly_found, self.new_alarms, self.quieted)
        return sum(len(group) for group in groups)


@dataclass(frozen=True)
class Review:
    """Both sides, and everything that was found out about their difference."""

    base: Side
    now: Side
    stale: Staleness = field(default_factory=Staleness)
    stale_base: Staleness = field(default_factory=Staleness)
    mismatches: Sequence[str] = ()  # numbers that do not follow from the predictions, here
    mismatches_base: Sequence[str] = ()

    @property
    def changes(self) -> list[Change]:
        """The metrics of the headline that are on both sides, backbone by backbone; the leak."""
        return compare_metrics(self.base, self.now)

    @property
    def flips(self) -> dict[str, Flips]:
        """By backbone; empty if the sides cannot be compared."""
        if self.not_comparable:
            return {}
        return {
            backbone: find_flips(self.base.predictions, self.now.predictions, backbone)
            for backbone in self.now.backbones
            if backbone in self.base.backbones
        }

    @property
    def not_comparable(self) -> str | None:
        """Why the numbers of the two sides cannot be compared; None if they can."""
        return why_not_comparable(self.base, self.now)

    @property
    def params(self) -> list[tuple[str, Any, Any]]:
        """Parameters that changed."""
        return changed_values(flatten(self.base.params), flatten(self.now.params))

    @property
    def packages(self) -> list[tuple[str, Any, Any]]:
        """Pinned versions that changed."""
        return changed_values(self.base.packages, self.now.packages)


def compare_metrics(base: Side, now: Side) -> list[Change]:
    """The metrics of the headline that are on both sides, backbone by backbone, and the leak."""
    changes = []
    for backbone in now.backbones:
        for name, metric in METRICS.items():
            key = f"{backbone}.{name}"
            if metric.better and metric.headline and key in base.metrics and key in now.metrics:
                seeds = [over_seeds(side.details, backbone, name) for side in (base, now)]
                p = seeds_p(seeds[0], seeds[1]) if seeds[0] and seeds[1] else None
                changes.append(Change(key, base.metrics[key], now.metrics[key], metric.better, p))
    if LEAK in base.metrics and LEAK in now.metrics:
        changes.append(Change(LEAK, base.metrics[LEAK], now.metrics[LEAK], -1))
    return changes


def why_not_comparable(base: Side, now: Side) -> str | None:
    """Why the numbers of the two sides cannot be compared; None if they can.

    Images are identified by their bytes, not by their names.
    """
    for side in (base, now):
        if "sha256" not in side.predictions:
            return f"the predictions of {side.name} do not say which images they are of"
    tested = [_tested(side.predictions) for side in (base, now)]
    only_base, only_now = tested[0] - tested[1], tested[1] - tested[0]
    if only_base or only_now:
        return (
            f"they were tested on different images: {len(only_base):,} only on {base.name}, "
            f"{len(only_now):,} only here, {len(tested[0] & tested[1]):,} on both"
        )
    return None


def _tested(predictions: pd.DataFrame) -> set[tuple[str, str]]:
    """Each test image by its key, with its label."""
    return {
        (key, label)
        for _, rows in predictions.groupby("backbone")
        for key, label in zip(_keys(rows), rows["label"], strict=True)
    }


def _keys(rows: pd.DataFrame) -> "pd.Series[str]":
    """The key of each of one backbone's rows, the same on both sides.

    It is the hash of the image's bytes, and a number among byte-identical images.
    """
    number = rows.sort_values("id").groupby("sha256").cumcount().reindex(rows.index)
    return rows["sha256"] + ":" + number.astype(str)


def find_flips(base: pd.DataFrame, now: pd.DataFrame, backbone: str) -> Flips:
    """The test images that one backbone classifies differently on the two sides."""
    sides = [side[side["backbone"] == backbone] for side in (base, now)]
    before, after = (side.set_index(_keys(side)) for side in sides)
    before = before.reindex(after.index)
    was, is_now = before["correct"].to_numpy(dtype=bool), after["correct"].to_numpy(dtype=bool)
    cracked = (after["label"] == POSITIVE).to_numpy()
    ids = after["id"].to_numpy()
    return Flips(
        newly_missed=sorted(ids[was & ~is_now & cracked]),
        newly_found=sorted(ids[~was & is_now & cracked]),
        new_alarms=sorted(ids[was & ~is_now & ~cracked]),
        quieted=sorted(ids[~was & is_now & ~cracked]),
        p=exact_mcnemar(was, is_now, after["group"].to_numpy()),
    )


def changed_values(base: Mapping[str, Any], now: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """Keys whose values differ, with both values; None stands for a missing key."""
    keys = {**base, **now}
    return [(k, base.get(k), now.get(k)) for k in keys if base.get(k) != now.get(k)]


_COMPARISONS = {"<": lt, "<=": le, ">": gt, ">=": ge}
_CONDITION = re.compile(r"\s*([\w.]+)\s*(<=|>=|<|>)\s*([-+]?\d*\.?\d+)\s*")


def is_condition(text: str) -> bool:
    """Whether it has the form `METRIC < NUMBER`."""
    return bool(_CONDITION.fullmatch(text))


def failed_conditions(conditions: Sequence[str], base: Values, now: Values) -> list[str]:
    """The conditions `METRIC < NUMBER` that are true of the metric's change, now minus base.

    Raises:
        CracksError: if one cannot be read or names no metric.
    """
    failed = []
    for condition in conditions:
        match = _CONDITION.fullmatch(condition)
        if not match:
            raise CracksError(
                f"Expected --fail-if 'METRIC < NUMBER' (or <=, >, >=), found {condition!r}."
            )
        metric, comparison, number = match.groups()
        for side, where in ((base, "on the base"), (now, "here")):
            if metric not in side:
                close = get_close_matches(metric, side, n=3)
                hint = f"; did you mean {' or '.join(close)}?" if close else "."
                raise CracksError(
                    f"Expected a metric in --fail-if, found no {metric} {where}{hint}"
                )
        difference = round(now[metric] - base[metric], 10)
        if _COMPARISONS[comparison](difference, float(number)):
            failed.append(f"{condition.strip()} (it changed by {difference:+.4f})")
    return failed
