"""What changed between two results: metrics with their direction, images, parameters."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from operator import ge, gt, le, lt
from typing import Any

import pandas as pd

from cracks.evaluation.statistics import exact_mcnemar
from cracks.pipeline.errors import CracksError
from cracks.pipeline.labels import POSITIVE
from cracks.pipeline.params import flatten
from cracks.review.sides import Side

BETTER = {
    "recall": 1,
    "missed": -1,
    "accuracy": 1,
    "precision": 1,
    "specificity": 1,
    "f1": 1,
    "roc_auc": 1,
    "average_precision": 1,
    "loss": -1,
    "brier": -1,
    "calibration_error": -1,
}
"""The metrics that matter, by backbone: 1 where more is better, -1 where less is."""

LEAK = "split.test.leaked_share"

BAND = 2.0
"""Standard deviations over seeds within which a change is noise."""

Values = Mapping[str, float]


@dataclass(frozen=True)
class Change:
    """One metric on both sides."""

    metric: str
    base: float
    now: float
    direction: int  # 1 if more is better, -1 if less is
    band: float | None = None  # half width of the noise band, where seeds give one

    @property
    def difference(self) -> float:
        """Now minus base, without the noise of binary fractions."""
        return round(self.now - self.base, 10)

    @property
    def gain(self) -> float:
        """The difference with the sign of better."""
        return self.difference * self.direction

    @property
    def is_noise(self) -> bool:
        """Whether another seed could have made this difference."""
        return self.band is not None and abs(self.difference) <= self.band


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


def backbones_of(metrics: Values) -> list[str]:
    """The backbones that a metrics file speaks of."""
    return [key.removesuffix(".accuracy") for key in metrics if re.fullmatch(r"\w+\.accuracy", key)]


def compare_metrics(base: Values, now: Values) -> list[Change]:
    """The metrics that matter and are on both sides, backbone by backbone, and the leak."""
    changes = []
    for backbone in backbones_of(now):
        for name, direction in BETTER.items():
            key = f"{backbone}.{name}"
            if key in base and key in now:
                changes.append(Change(key, base[key], now[key], direction, _band(key, base, now)))
    if LEAK in base and LEAK in now:
        changes.append(Change(LEAK, base[LEAK], now[LEAK], -1))
    return changes


def _band(key: str, base: Values, now: Values) -> float | None:
    deviations = [side[f"{key}_std"] for side in (base, now) if f"{key}_std" in side]
    return BAND * max(deviations) if deviations else None


def why_not_comparable(base: Side, now: Side) -> str | None:
    """Why numbers of the two sides say nothing about each other; None if they do."""
    tested = [_tested(side.predictions) for side in (base, now)]
    only_base, only_now = tested[0] - tested[1], tested[1] - tested[0]
    if only_base or only_now:
        return (
            f"they were tested on different images: {len(only_base):,} only on {base.name}, "
            f"{len(only_now):,} only here, {len(tested[0] & tested[1]):,} on both"
        )
    if base.images and now.images and base.images != now.images:
        return "the images are others of the same names (data/images.zip changed)"
    return None


def _tested(predictions: pd.DataFrame) -> set[tuple[str, str]]:
    return set(zip(predictions["id"], predictions["label"], strict=True))


def find_flips(base: pd.DataFrame, now: pd.DataFrame, backbone: str) -> Flips:
    """Which test images one backbone classifies otherwise than on the base."""
    sides = [side[side["backbone"] == backbone].set_index("id") for side in (base, now)]
    before, after = sides[0]["correct"], sides[1]["correct"].reindex(sides[0].index)
    cracked = sides[0]["label"] == POSITIVE
    worse, better = before & ~after, ~before & after
    return Flips(
        newly_missed=sorted(worse.index[worse & cracked]),
        newly_found=sorted(better.index[better & cracked]),
        new_alarms=sorted(worse.index[worse & ~cracked]),
        quieted=sorted(better.index[better & ~cracked]),
        p=exact_mcnemar(int(worse.sum()), int(better.sum())),
    )


def changed_params(base: Mapping[str, Any], now: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """Parameters by dotted key that differ, with both values; None where there is none."""
    one, other = flatten(base), flatten(now)
    keys = [*one, *(key for key in other if key not in one)]
    return [(k, one.get(k), other.get(k)) for k in keys if one.get(k) != other.get(k)]


_COMPARISONS = {"<": lt, "<=": le, ">": gt, ">=": ge}
_CONDITION = re.compile(r"\s*([\w.]+)\s*(<=|>=|<|>)\s*([-+]?\d*\.?\d+)\s*")


def failed_conditions(conditions: Sequence[str], base: Values, now: Values) -> list[str]:
    """Those of `METRIC < NUMBER` that hold for the change of the metric, now minus base.

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
