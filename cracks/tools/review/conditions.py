"""The conditions of a gate: how much a metric may change, and what it must be."""

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from operator import ge, gt, le, lt
from typing import NamedTuple

from cracks.project.errors import CracksError
from cracks.tools.review.comparison import Change

_COMPARISONS = {"<": lt, "<=": le, ">": gt, ">=": ge}
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)"
_CONDITION = re.compile(rf"\s*([\w.]+)\s*(<=|>=|<|>)\s*({_NUMBER})(\s+significantly)?\s*")

Values = Mapping[str, float]


class Condition(NamedTuple):
    """A comparison of a metric, or of its change, with a number."""

    text: str
    metric: str
    comparison: str
    number: float
    significantly: bool

    def holds(self, value: float) -> bool:
        """Whether it is true of a value."""
        return bool(_COMPARISONS[self.comparison](value, self.number))


def parse_condition(text: str) -> Condition:
    """Parse `METRIC < NUMBER` (or <=, >, >=), with or without `significantly` after it.

    Raises:
        ValueError: if it has another form.
    """
    match = _CONDITION.fullmatch(text)
    if not match:
        raise ValueError(text)
    metric, comparison, number, significantly = match.groups()
    return Condition(text.strip(), metric, comparison, float(number), bool(significantly))


def failed_changes(
    conditions: Sequence[Condition], base: Values, now: Values, changes: Mapping[str, Change]
) -> list[str]:
    """The conditions that are true of a metric's change, now minus base, one sentence each.

    Args:
        conditions: of `--fail-if`.
        base: numbers by name.
        now: the same of the other side.
        changes: by the same names, of the metrics whose significance is known.

    Raises:
        CracksError: if one names no metric, or none whose significance can be tested.
    """
    failed = []
    for condition in conditions:
        name = condition.metric
        before, after = _value(base, name, " on the base"), _value(now, name, " here")
        if condition.holds(round(after - before, 10)) and (
            not condition.significantly or _is_significant(name, changes)
        ):
            failed.append(f"{condition.text}: it changed by {after - before:+.4g}, to {after:.6g}")
    return failed


def unmet(requirements: Sequence[Condition], now: Values) -> list[str]:
    """The requirements that are not true of a metric here, one sentence each.

    Raises:
        CracksError: if one names no metric.
    """
    return [
        f"{condition.text} is required: it is {_value(now, condition.metric):.6g}"
        for condition in requirements
        if not condition.holds(_value(now, condition.metric))
    ]


def _is_significant(metric: str, changes: Mapping[str, Change]) -> bool:
    change = changes.get(metric)
    if change is None or change.mcnemar_p is None:
        testable = ", ".join(name for name, one in changes.items() if one.mcnemar_p is not None)
        raise CracksError(
            f"Expected 'significantly' of a metric that counts images ({testable}), found {metric}."
        )
    return change.is_significant


def _value(values: Values, metric: str, where: str = "") -> float:
    if metric not in values:
        close = get_close_matches(metric, values, n=3)
        hint = f"; did you mean {' or '.join(close)}?" if close else "."
        raise CracksError(f"Expected a metric in a condition, found no {metric}{where}{hint}")
    return values[metric]
