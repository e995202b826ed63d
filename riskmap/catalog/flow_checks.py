"""What is wrong in the flow and the laws of a layer file that their types do not show."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Final, get_args

from riskmap.catalog.cross_checks import check_condition, check_field
from riskmap.catalog.flow import CONTACT, OVERDUE, STATE, STATED_ASIDE, TODAY, Desk, Flow, LawCondition
from riskmap.catalog.layer import Layer
from riskmap.catalog.problems import TomlFile, closest, one_of, shown
from riskmap.catalog.toml_lines import KeyPath
from riskmap.errors import CatalogProblem, Text

_BARE: Final = ("present", "missing")


def flow_problems(layer: Layer, source: TomlFile) -> Iterator[CatalogProblem]:
    """Yield every mistake of a flow: names that nothing has, two moves for one way, states that none reaches."""
    if (flow := layer.flow) is not None:
        yield from _days(layer, flow, source)
        yield from _states(layer, flow, source)
        yield from _moves(layer, flow, source)
        yield from _two_ways(flow, source)
        for i, reminder in enumerate(flow.reminders):
            yield from _desk(layer, reminder.to, source, ("flow", "reminders", i, "to"))


def _days(layer: Layer, flow: Flow, source: TomlFile) -> Iterator[CatalogProblem]:
    """Check that found names a date or moment, due a date; a register without deadlines need not have the latter."""
    dates = [field.id for field in layer.fields if field.type == "date"]
    found = [field.id for field in layer.fields if field.type in {"date", "moment"}]
    words = Text("日期或时间字段，", "a date or moment field, ")
    yield from _among(source, ("flow", "found"), flow.found, found, words)
    if "due" in flow.model_fields_set:
        yield from _among(source, ("flow", "due"), flow.due, dates, Text("日期字段，", "a date field, "))
    if "due" in layer.field_ids and "due" not in dates and "due" not in flow.model_fields_set:
        yield source.problem(("flow", "due"), Text("日期字段（due 不是）", "a date field (due is none)"))


def _states(layer: Layer, flow: Flow, source: TomlFile) -> Iterator[CatalogProblem]:
    ids = [state.id for state in flow.states]
    yield from _among(source, ("flow", "start"), flow.start, ids)
    if flow.is_closed(flow.start):
        expected = Text("一个没有办结（closed）的状态", "a state that is not closed")
        yield source.problem(("flow", "start"), expected)
    if not any(state.closed for state in flow.states):
        expected = Text("至少一个 closed = true 的状态", "at least one state with closed = true")
        yield source.problem(("flow", "states"), expected)
    reached = flow.reachable()
    for i, state in enumerate(flow.states):
        if state.id not in reached:
            expected = Text(
                f"从 {flow.start} 经各步能到的状态", f"a state that moves lead to from {flow.start}"
            )
            yield source.problem(("flow", "states", i, "id"), expected)
        if state.closed and state.pause:
            expected = Text("closed 和 pause 不同时写", "not both closed and pause")
            yield source.problem(("flow", "states", i), expected)
        if state.desk is not None:
            yield from _desk(layer, state.desk, source, ("flow", "states", i, "desk"))


def _desk(layer: Layer, name: str, source: TomlFile, path: KeyPath) -> Iterator[CatalogProblem]:
    roles = [f"{CONTACT}{role.id}" for role in layer.contacts]
    fields = [f"field:{field}" for field in layer.field_ids]
    if name not in fields:
        yield from _among(source, path, name, [*get_args(Desk), *roles])


def _moves(layer: Layer, flow: Flow, source: TomlFile) -> Iterator[CatalogProblem]:
    states, fields = [state.id for state in flow.states], _stated_by_hand(layer)
    moves = [move.id for move in flow.moves]
    roles = [f"{CONTACT}{role.id}" for role in layer.contacts]
    for i, move in enumerate(flow.moves):
        here: KeyPath = ("flow", "moves", i)
        lists: tuple[tuple[str, Iterable[str], Collection[str]], ...] = (
            ("from", move.from_, states),
            ("asks", move.asks, [*STATED_ASIDE, *fields]),
            ("needs", move.needs, fields),
            ("clears", move.clears, fields),
            ("makes", move.makes, [making.id for making in layer.makes]),
            ("other_than", move.other_than, [*(m for m in moves if m != move.id), *roles]),
        )
        for key, names, known in lists:
            for j, name in enumerate(names):
                yield from _among(source, (*here, key, j), name, known)
        yield from _among(source, (*here, "to"), move.to, states)
        dates = [field.id for field in layer.fields if field.type == "date"]
        texts = [field.id for field in layer.fields if field.type == "text"]
        for name, what in move.sets.items():
            yield from _among(source, (*here, "sets", name), name, dates if what == "on" else texts)


def _stated_by_hand(layer: Layer) -> list[str]:
    """Return the fields that a person states, those of files too: all but the state, which the move itself makes."""
    fields = [field.id for field in layer.stated_fields if field.id != STATE]
    return [*fields, *(field.id for field in layer.files)]


def _two_ways(flow: Flow, source: TomlFile) -> Iterator[CatalogProblem]:
    """Yield the moves that lead where another one does: a state in a file would not say which is meant."""
    first: dict[tuple[str, str], str] = {}
    for i, move in enumerate(flow.moves):
        for before in move.from_:
            other = first.setdefault((before, move.to), move.id)
            if other != move.id:
                expected = Text(
                    f"从 {before} 到 {move.to} 只有一步（{other} 已是）",
                    f"one move from {before} to {move.to} ({other} is one already)",
                )
                yield source.problem(("flow", "moves", i, "to"), expected)


def law_problems(layer: Layer, source: TomlFile) -> Iterator[CatalogProblem]:
    """Yield every mistake of the laws: names that nothing has, values that the operator cannot take."""
    sums = [one.as_field(None) for one in layer.rollups if one.id not in layer.field_ids]
    layer = layer.model_copy(update={"fields": (*layer.fields, *sums)})  # laws may ask for sums, too
    for i, law in enumerate(layer.laws):
        here: KeyPath = ("laws", i)
        for path, one in ((here, law), *(((*here, "when", j), w) for j, w in enumerate(law.when))):
            if layer.flow is None or one.field != OVERDUE:
                yield from check_field(layer, one.field, source, (*path, "field"))
            yield from check_condition(layer, one, source, path) if not one.than else ()
            yield from _compared(layer, one, source, path)


def _compared(
    layer: Layer, condition: LawCondition, source: TomlFile, path: KeyPath
) -> Iterator[CatalogProblem]:
    """Check what a condition compares with: nothing, values, or a field or day of the same kind."""
    bare, many = condition.op in _BARE, condition.op == "in"
    if bare or many or (condition.value is None) == (not condition.than):
        yield from _value(condition, source, path)
        return
    if not condition.than:
        return
    types = {field.id: field.type for field in layer.fields}
    kind = types.get(condition.field)
    alike = [f for f, t in types.items() if f != condition.field and _sort_of(t) == _sort_of(kind or "")]
    if kind != "date" or TODAY.fullmatch(condition.than) is None:
        days = ["today", "today-90"] if kind == "date" else []
        yield from _among(source, (*path, "than"), condition.than, [*alike, *days])


def _value(condition: LawCondition, source: TomlFile, path: KeyPath) -> Iterator[CatalogProblem]:
    if condition.op in _BARE:
        fits, expected = condition.value is None and not condition.than, Text("不写 value", "no value")
    elif condition.op == "in":
        fits = isinstance(condition.value, tuple) and bool(condition.value)
        expected = Text("value 为列表", "value as a list")
    else:
        fits, expected = False, Text("value 和 than 恰好写一个", "exactly one of value, than")
    if not fits:
        yield source.problem(path, expected)


def _sort_of(kind: str) -> str:
    return "number" if kind in {"integer", "number"} else kind


def _among(
    source: TomlFile, path: KeyPath, name: str, known: Collection[str], what: Text | None = None
) -> Iterator[CatalogProblem]:
    """Yield the problem of a name that is none of those known."""
    if name not in known:
        words = one_of(known)
        expected = words if what is None else Text(what.zh + words.zh, what.en + words.en)
        yield source.problem(path, expected, found=shown(name), hint=closest(name, known))
