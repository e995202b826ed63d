"""Residual risk: what is left of a risk while verified measures are in force. Derived, never stored.

The stored score and tier are the inherent ones. A measure lowers the residual only while it is
verified and unexpired; whatever is not known about it (no date, a date in the future, a condition
on an empty field) means that it has no effect. The day is passed in: the day after an expiry the
residual is back at the inherent tier without anything being run or written.

A measure that stands on an item of the checklist ends with the item: past its last valid day the item, though stated,
counts as not met.

How several measures combine: factors multiply the score; steps do not add up, the largest counts;
of the two ways down the one that reaches lower counts, not both after one another. No measure takes
a tier below its own floor: for each floor level only the measures allowed down to it are applied,
and the lowest result stands. So another measure never raises a residual, and an expiry never lowers one.

How much of what a point should state is known: a share, beside the tier and never part of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from riskmap.array_types import Floats
from riskmap.catalog.layer import Layer
from riskmap.catalog.model import CHECKLIST_PREFIX, UNTIL, Combination, Measure, ScoringModel
from riskmap.errors import Text
from riskmap.rules.arrays import LayerArrays, Words
from riskmap.rules.conditions import where_all_hold
from riskmap.scoring.kernel import ranks, rounded
from riskmap.scoring.nearest import touched
from riskmap.scoring.nodes import subtree
from riskmap.values.assessment import Assessment
from riskmap.vocabulary import RANK_OF, TIERS, UNRATED

WhyNot = Literal["not_in_place", "not_verified", "verified_in_future", "no_expiry", "expired"]


WHY_NOT: Final[Mapping[str, Text]] = {
    "not_in_place": Text("措施不具备或未填写", "not in place, or not stated"),
    "not_verified": Text("没有核验日期", "never verified"),
    "verified_in_future": Text("核验日期在将来", "verified in the future"),
    "no_expiry": Text("没有到期日期", "no date of expiry"),
    "expired": Text("已过期", "expired"),
}


_REASONS: Final = tuple(WHY_NOT)


_IN_FORCE: Final = 255


# Tiers as steps, best first: 0 low … 3 major. Ranks have "unrated" between low and general.
_LADDER: Final = tuple(reversed(TIERS))


_RANK_AT: Final = np.array([RANK_OF[tier] for tier in _LADDER], dtype=np.uint8)


_STEP_OF: Final = {tier: step for step, tier in enumerate(_LADDER)}


@dataclass(frozen=True, slots=True)
class MeasureStates:
    """One measure on every row: `in_force` bool; `expires` last day in force as a proleptic ordinal, NaN unknown.

    `reason`: uint8, place in `WHY_NOT` of what keeps it from being in force, 255 where it is.
    """

    measure: Measure
    in_force: NDArray[np.bool_]
    expires: Floats
    reason: NDArray[np.uint8]

    def why_not(self, row: int) -> str | None:
        """Return the id (`WHY_NOT`) of what keeps the measure from being in force, None where it is."""
        code = int(self.reason[row])
        return None if code == _IN_FORCE else _REASONS[code]

    def expires_on(self, row: int) -> date | None:
        """Return the last day on which the measure is in force, None where that is not known."""
        return day_of(float(self.expires[row]))


@dataclass(frozen=True, slots=True)
class Residual:
    """Residual risk of some rows on a day, parallel to their assessment.

    `score`: inherent score times the factors in force, never above it, NaN unrated; `rank`: uint8
    (records.RANKS), never worse than the inherent one. `next_expiry`: the first last-day among the
    measures in force, as an ordinal (`day_of`), NaN where none is in force.
    """

    on: date
    score: Floats
    rank: NDArray[np.uint8]
    measures: tuple[MeasureStates, ...]
    next_expiry: Floats


def day_of(ordinal: float) -> date | None:
    """Return the date of a proleptic ordinal, None for NaN and for days beyond the calendar."""
    return date.fromordinal(int(ordinal)) if 1 <= ordinal <= date.max.toordinal() else None


def residual(
    model: ScoringModel, layer: Layer, table: pa.Table, assessment: Assessment, *, on: date
) -> Residual:
    """Return the residual risk of every row of a snapshot table on the day `on`.

    `assessment` is the inherent one of the same rows by the same model. A point without a score
    (unrated, or placed by a rule for the worst tier) stays as it is: nothing known could be lowered.
    A score of 12 with limits 20/9/4, a factor .5 in force and floor general: 6, large → general.
    """
    columns = LayerArrays(table, layer)
    states = tuple(
        _states(measure, columns, where, on)
        for measure, where in zip(
            model.measures, where_all_hold([m.when for m in model.measures], columns), strict=True
        )
    )
    scored = ~np.isnan(assessment.score) & (assessment.rank != UNRATED)
    score, rank = assessment.score.copy(), assessment.rank.copy()
    expiry = np.full(len(score), np.nan)
    if not states or not scored.any():
        return Residual(on, score, rank, states, expiry)
    for one in states:
        expiry = np.fmin(expiry, np.where(one.in_force, one.expires, np.nan))
        score = np.where(one.in_force, score * one.measure.effect.factor, score)
    score = rounded(model, np.minimum(score, assessment.score))
    lowered = _lowered(model, assessment, states)
    rank = np.where(scored, np.minimum(rank, lowered), rank)
    return Residual(on, score, rank, states, expiry)


def _lowered(
    model: ScoringModel, assessment: Assessment, states: tuple[MeasureStates, ...]
) -> NDArray[np.uint8]:
    """Return the lowest rank over the floor levels, each with the measures allowed down to it.

    Gates need no look of their own: the lowered score's tier is never above the tier of the score, a
    gate that held has already lowered the inherent tier, and the lower of the two stands.
    """
    rows = len(assessment.score)
    inherent = _steps(assessment.rank)
    ruled = _ruled(model, assessment)
    best = inherent.copy()
    for level in range(len(_LADDER)):
        score, down = assessment.score.copy(), np.zeros(rows, dtype=np.int8)
        for one in states:
            floor = _STEP_OF[one.measure.floor]
            least = np.full(rows, floor) if one.measure.rules else np.maximum(ruled, floor)
            active = one.in_force & (least <= level)
            score = np.where(active, score * one.measure.effect.factor, score)
            down = np.where(active, np.maximum(down, one.measure.effect.tiers), down)
        by_score = _steps(ranks(model, rounded(model, np.minimum(score, assessment.score))))
        by_score = np.maximum(by_score, ruled)
        best = np.minimum(best, np.maximum(level, np.minimum(by_score, inherent - down)))
    return _RANK_AT[best]


def _ruled(model: ScoringModel, assessment: Assessment) -> NDArray[np.int8]:
    """Return the step that the fired rules hold each row at, 0 where none fired."""
    level = {rule.id: _STEP_OF[rule.tier] for rule in model.rules}
    found = (max((level.get(rule, 0) for rule in fired), default=0) for fired in assessment.rules)
    return np.fromiter(found, np.int8, len(assessment.score))


def _steps(rank: NDArray[np.uint8]) -> NDArray[np.int8]:
    """Return ranks as steps 0 … 3; an unrated row counts as the worst (it is never lowered)."""
    step = np.full(len(rank), len(_LADDER) - 1, dtype=np.int8)
    for tier, place in _STEP_OF.items():
        step[rank == RANK_OF[tier]] = place
    return step


def _states(
    measure: Measure, columns: LayerArrays, where: NDArray[np.bool_] | None, on: date
) -> MeasureStates:
    rows, today = len(columns), on.toordinal()
    placed = np.zeros(rows, dtype=bool) if where is None else where.copy()
    for greater, smaller in measure.exceeds:
        placed &= columns.numbers(greater) > columns.numbers(smaller)  # NaN is not greater
    verified = _days(columns, measure.verified)
    expires = _days(columns, measure.expires) if measure.expires else verified + (measure.valid_days or 0)
    for (
        evidence
    ) in measure.when:  # an item of the checklist counts through its own last day; without one, for good
        if evidence.field.startswith(CHECKLIST_PREFIX):
            until = _days(columns, f"{evidence.field}.{UNTIL}")
            expires = np.where(np.isnan(until), expires, np.minimum(expires, until))
    reason = np.full(rows, _IN_FORCE, dtype=np.uint8)
    for name, holds in (  # the first that applies is named, so the last to be written
        ("expired", expires < today),
        ("no_expiry", np.isnan(expires)),
        ("verified_in_future", verified > today),
        ("not_verified", np.isnan(verified)),
        ("not_in_place", ~placed),
    ):
        reason[holds] = _REASONS.index(name)
    return MeasureStates(measure, reason == _IN_FORCE, expires, reason)


def _days(columns: LayerArrays, field: str) -> Floats:
    """Return a date field as proleptic ordinals; NaN where there is none, or it is no date."""
    column = columns.read(field)
    if not isinstance(column, Words):
        return np.full(len(columns), np.nan)
    return np.array([*(_ordinal(word) for word in column.words), np.nan])[column.codes]


def _ordinal(word: str) -> float:
    try:
        return float(date.fromisoformat(word[:10]).toordinal())
    except ValueError:
        return float("nan")


CORE = ("position", "subdistrict")  # what every record of every layer should state


def completeness(model: ScoringModel, layer: Layer, table: pa.Table) -> Floats:
    """Return for each row of a snapshot table the share of the expected values that are known, 0 to 1.

    Expected are the fields that the model's score and direct rules read, the position and the
    sub-district. A choice that the model lists as "unknown" is not known. Of several measurements
    of one thing (`known_only`), those without which the value is known all the same are not
    expected. Three factors of LEC and the rules' 5 fields: a point with L, E, C and a place has 5 of 10.
    """
    columns = LayerArrays(table, layer)
    known = {field: _known(model, columns, field) for field in touched(model)}
    expected = {field: np.ones(len(columns), dtype=bool) for field in known}
    for field, spare in _spared(model, known).items():
        expected[field] &= ~spare
    have, want = np.zeros(len(columns)), np.zeros(len(columns))
    for field, is_known in known.items():
        have += is_known & expected[field]
        want += expected[field]
    for is_known in (_located(table), _placed(table)):
        have += is_known
        want += 1
    return have / want


def _known(model: ScoringModel, columns: LayerArrays, field: str) -> NDArray[np.bool_]:
    column = columns.read(field)
    if not isinstance(column, Words):
        return ~np.isnan(column)
    unknown = {word for leaf in model.indicators if leaf.field == field for word in leaf.unknown}
    return np.array([*(word not in unknown and word != "" for word in column.words), False])[column.codes]


def _spared(model: ScoringModel, known: dict[str, NDArray[np.bool_]]) -> dict[str, NDArray[np.bool_]]:
    """Return the rows in which a field is not asked for, because another measurement is there."""
    out: dict[str, NDArray[np.bool_]] = {}
    for node in model.nodes:
        if not isinstance(node, Combination) or not node.of_the_known:
            continue
        ways = [[f.field for f in model.indicators if f.id in subtree(model, child)] for child in node.of]
        complete = [np.logical_and.reduce([known[field] for field in way]) for way in ways]
        some = np.logical_or.reduce(complete)
        for way, done in zip(ways, complete, strict=True):
            for field in way:
                out[field] = out.get(field, np.ones_like(some)) & some & ~done
    return out


def _located(table: pa.Table) -> NDArray[np.bool_]:
    if "lon" not in table.column_names:
        return np.zeros(len(table), dtype=bool)
    lon, lat = (table[name].to_numpy() for name in ("lon", "lat"))
    return np.isfinite(lon) & np.isfinite(lat)


def _placed(table: pa.Table) -> NDArray[np.bool_]:
    if "subdistrict" not in table.column_names:
        return np.zeros(len(table), dtype=bool)
    return np.array([bool(word) for word in table["subdistrict"].to_pylist()], dtype=bool)
