"""The smallest change of one field that moves a point's tier: a class, a band, or the exact limit.

Single rows as snapshot tables, so that one point is scored by the same kernel as a million.

The tiers that an unrated point may turn out to have: its missing factors at best and at worst.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from riskmap.catalog.layer import Field, Layer
from riskmap.catalog.model import CHECKLIST_PREFIX, Gate, Indicator, ScoringModel
from riskmap.catalog.model_direction import polarities, values_of
from riskmap.rules.arrays import LayerArrays
from riskmap.rules.conditions import fired, held
from riskmap.scoring.fit import Fit
from riskmap.scoring.kernel import assess_table, decided, rounded
from riskmap.scoring.nodes import Learned, evaluate, leaf_values
from riskmap.values.assessment import NearestChange
from riskmap.values.records import Value
from riskmap.vocabulary import RANK_OF, RANKS, TIERS, UNRATED

Row = Mapping[str, Value]


_TYPES: Mapping[str, pa.DataType] = {
    "number": pa.float64(),
    "integer": pa.float64(),  # a solved limit need not be whole
    "boolean": pa.bool_(),
    "text": pa.string(),
    "date": pa.string(),
    "choice": pa.string(),
    "moment": pa.string(),
    "record": pa.string(),
}


def touched(model: ScoringModel) -> tuple[str, ...]:
    """Return every field that the model reads: for its score first, then for its rules."""
    return tuple(dict.fromkeys((*model.fields, *model.rule_fields)))


def table_of(model: ScoringModel, layer: Layer, rows: Sequence[Row]) -> pa.Table:
    """Return rows (field id or "checklist.<item>" → value) as a snapshot table of the fields the model reads."""
    fields = [f for f in touched(model) if not f.startswith(CHECKLIST_PREFIX)]
    columns: dict[str, pa.Array] = {"row": pa.array(range(len(rows)), pa.int64())}
    for field in fields:
        kind = _TYPES[layer.field(field).type]
        columns["f:" + field] = pa.array(_cells((row.get(field) for row in rows), kind), kind)
    if layer.checklist is not None:
        items = [CHECKLIST_PREFIX + item.id for item in layer.checklist.items]
        marks = [[_mark(row.get(item)) for item in items] for row in rows]
        columns["checklist"] = pa.array(marks, pa.list_(pa.bool_()))
    return pa.table(columns)


def _mark(value: Value) -> bool | None:
    return value if isinstance(value, bool) else None


def _cells(values: Iterable[Value], kind: pa.DataType) -> list[object]:
    if pa.types.is_boolean(kind):
        return [_mark(v) for v in values]
    if pa.types.is_string(kind):
        return [None if v is None else str(v) for v in values]
    return [float(v) if isinstance(v, (int, float)) else None for v in values]


_GRID = 48  # values tried at once when looking for a limit


_ROUNDS = 14  # 48^14 is finer than a float


_FAR = 1e9  # end of the search where a field has no maximum


_LEAST = 0.01


_CLOSE = 1e-6  # a solved limit is written with as few digits as this share allows


@dataclass(frozen=True, slots=True)
class _Tried:
    value: Value
    rank: int
    score: float


def nearest_changes(
    model: ScoringModel,
    layer: Layer,
    row: Row,
    *,
    fit: Fit | None = None,
    learned: Learned | None = None,
) -> tuple[NearestChange, ...]:
    """Return, for each field, the smallest change to a worse and to a better tier.

    Worse ones first; within a direction the one that moves the score least stands first, and those
    that work through a direct rule alone stand last. Fields whose value is not known are changed
    only where they already count as their worst or as a stated value. What the layer was fitted to
    stays as it is: the change is this point's alone.
    """
    search = _Search(model, layer, row, fit, learned)
    found: list[tuple[tuple[bool, bool, float], NearestChange]] = []
    for field in touched(model):
        for direction in ("worse", "better"):
            change = search.change(field, direction)
            if change is None:
                continue
            moved = abs(change.score - search.now.score)
            key = (direction == "better", not moved > 0, moved)
            entry = NearestChange(field, row.get(field), change.value, RANKS[change.rank], direction)
            found.append((key, entry))
    return tuple(entry for _, entry in sorted(found, key=lambda pair: pair[0]))


class _Search:
    def __init__(
        self, model: ScoringModel, layer: Layer, row: Row, fit: Fit | None, learned: Learned | None
    ) -> None:
        self._model, self._layer, self._row = model, layer, row
        self._fit, self._learned = fit, learned
        (self.now,) = self._try("", [None])

    def change(self, field: str, direction: Literal["worse", "better"]) -> _Tried | None:
        """Return the smallest change of one field in one direction, None where there is none."""
        known = self._row.get(field)
        definition = None if field.startswith(CHECKLIST_PREFIX) else self._layer.field(field)
        listed = _listed(definition)
        if listed is None:
            start = self._start(definition, known) if definition is not None else None
            return None if start is None or definition is None else self._solve(definition, start, direction)
        if known is None and not self._leaves(field):
            return None
        return self._pick(field, listed, direction)

    def _leaves(self, field: str) -> list[Indicator]:
        return [leaf for leaf in self._model.indicators if leaf.field == field]

    def _start(self, field: Field, known: Value) -> float | None:
        """Return the number from which a field is changed: its value, or the worst one that it counts as."""
        if isinstance(known, (int, float)):
            return float(known)
        assumed = [leaf for leaf in self._leaves(field.id) if leaf.missing in {"worst", "value"}]
        if known is not None or not assumed:
            return None
        if isinstance(assumed[0].missing_value, (int, float)):
            return float(assumed[0].missing_value)
        if not (assumed[0].bands or assumed[0].curve or assumed[0].normalise or assumed[0].shaped):
            return assumed[0].worst
        low, high = _ends(field)
        return high if assumed[0].worse == "higher" else low

    def _try(self, field: str, values: Sequence[Value]) -> list[_Tried]:
        rows = [{**self._row, field: value} for value in values]
        table = table_of(self._model, self._layer, rows)
        result = assess_table(self._model, self._layer, table, fit=self._fit, learned=self._learned)
        pairs = zip(values, result.rank.tolist(), result.score.tolist(), strict=True)
        return [_Tried(value, rank, score) for value, rank, score in pairs]

    def _moves(self, direction: str) -> Callable[[_Tried], bool]:
        now = self.now.rank
        if direction == "worse":
            return lambda t: t.rank != UNRATED and t.rank > now
        return lambda t: t.rank != UNRATED and t.rank < now

    def _pick(self, field: str, values: Sequence[Value], direction: str) -> _Tried | None:
        known = self._row.get(field)
        moves = self._moves(direction)
        tried = [t for t in self._try(field, [v for v in values if v != known]) if moves(t)]
        # The smallest step in the score, then in the tier (where only a rule moves it), then in the list.
        start = values.index(known) if known in values else len(values)
        return min(
            tried,
            key=lambda t: (
                _step(t.score, self.now.score),
                abs(t.rank - self.now.rank),
                abs(values.index(t.value) - start),
            ),
            default=None,
        )

    def _solve(self, field: Field, known: float, direction: str) -> _Tried | None:
        moves = self._moves(direction)
        found = (self._towards(field, known, end, moves) for end in _ends(field) if end != known)
        return min((t for t in found if t), key=lambda t: abs(float(t.value or 0) - known), default=None)

    def _towards(
        self, field: Field, known: float, end: float, moves: Callable[[_Tried], bool]
    ) -> _Tried | None:
        """Return the first value between `known` and `end` at which the tier has moved."""
        near, far = known, end
        tried = self._first(field.id, _ladder(near, far), moves)
        if tried is None:
            return None
        for _ in range(_ROUNDS):
            near, far = tried
            values = np.linspace(near, far, _GRID)
            if values[1] in (near, far):
                break
            tried = self._first(field.id, values, moves) or tried
        return self._tidy(field, tried[1], known, moves)

    def _first(
        self, field: str, values: NDArray[np.float64], moves: Callable[[_Tried], bool]
    ) -> tuple[float, float] | None:
        results = self._try(field, values.tolist())
        for before, after in zip(values, results[1:], strict=False):
            if moves(after):
                return float(before), float(after.value or 0.0)
        return None

    def _tidy(
        self, field: Field, exact: float, known: float, moves: Callable[[_Tried], bool]
    ) -> _Tried | None:
        """Write a solved limit with as few digits as keep the tier moved."""
        outward = math.ceil if exact > known else math.floor
        if field.type == "integer":
            candidates: Iterable[float] = (round(exact), outward(exact))
        else:
            rounded = [(round(exact, d), outward(exact * 10**d) / 10**d) for d in range(10)]
            # Just above nothing ("more than 0") is written as the least amount that people write.
            near = _LEAST if abs(exact) < _CLOSE else _CLOSE * max(abs(exact), 1e-3)
            candidates = [c for pair in rounded for c in pair if abs(c - exact) <= near] + [exact]
        return next((t for t in self._try(field.id, list(candidates)) if moves(t)), None)


def _listed(definition: Field | None) -> list[Value] | None:
    """Return the values that a field can have, None for a free number."""
    if definition is None or definition.type == "boolean":
        return [True, False]
    if definition.type == "choice":
        return [choice.id for choice in definition.choices]
    if definition.type in {"text", "date"}:
        return []
    return list(definition.standard_values) or None


def _ends(field: Field) -> tuple[float, float]:
    """Return how far a number is searched, down and up."""
    low = -_FAR if field.minimum is None else field.minimum
    return low, _FAR if field.maximum is None else field.maximum


def _step(score: float, now: float) -> float:
    return 0.0 if math.isnan(score) or math.isnan(now) else abs(score - now)


def _ladder(start: float, end: float) -> NDArray[np.float64]:
    """Return values from start to end, dense near the start: limits are usually close by."""
    return start + (end - start) * np.concatenate([[0.0], np.geomspace(1e-9, 1.0, _GRID)])


def possible_tiers(
    model: ScoringModel,
    layer: Layer,
    row: Row,
    *,
    fit: Fit | None = None,
    learned: Learned | None = None,
) -> tuple[str, ...]:
    """Return the tiers between best and worst, best first; () where a missing factor has no limits.

    What a learned node might say of an unknown is not known, so there the answer is () as well.
    """
    columns = LayerArrays(table_of(model, layer, [row]), layer)
    leaves, missing = leaf_values(model, columns, fit=fit)
    signs = polarities(model)
    best, worst = dict(leaves), dict(leaves)
    for leaf in model.indicators:
        if leaf.id not in missing or leaf.missing in {"worst", "value"}:
            continue
        limits = _limits(leaf, layer)
        if limits is None or signs[leaf.id] not in ({1}, {-1}):
            return ()
        low, high = limits if signs[leaf.id] == {1} else limits[::-1]
        best[leaf.id], worst[leaf.id] = np.array([low]), np.array([high])
    flags = fired(model, columns)
    ends: list[int] = []
    for numbers in (best, worst):
        values = evaluate(model, numbers, fit=fit, learned=learned)
        score = np.atleast_1d(rounded(model, values[model.score]))
        if np.isnan(score).any():
            return ()
        # A gate that stands on a missing field may turn out to hold, so at best it does.
        gates = held(model, columns, values)
        if numbers is best:
            gates = [_may_hold(gate, row, flag) for gate, flag in zip(model.gates, gates, strict=True)]
        ends.append(int(decided(model, score, flags, gates)[0]))
    return tuple(t for t in reversed(TIERS) if ends[0] <= RANK_OF[t] <= ends[1])


def _may_hold(gate: Gate, row: Row, holds: NDArray[np.bool_] | None) -> NDArray[np.bool_] | None:
    open_fields = any(c.field and row.get(c.field) is None for c in gate.when)
    return np.array([True]) if open_fields else holds


def _limits(leaf: Indicator, layer: Layer) -> tuple[float, float] | None:
    """Return the least and the greatest number that a leaf can give, None where it has no limits."""
    given = values_of(leaf)
    if not given and (leaf.shaped or leaf.normalise):
        return None
    if not given and not leaf.field.startswith(CHECKLIST_PREFIX):
        field = layer.field(leaf.field)
        given = field.standard_values or tuple(v for v in (field.minimum, field.maximum) if v is not None)
        if not field.standard_values and len(given) < 2:  # noqa: PLR2004 - both ends are needed
            return None
    return min(given), max(given)
