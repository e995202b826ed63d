"""What must hold of the records of a layer (`[[laws]]`), judged for many rows at once by the one evaluator of conditions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from riskmap.catalog.flow import CONTACT, OVERDUE, STATE, Law, LawCondition
from riskmap.catalog.layer import Layer
from riskmap.catalog.model import CHECKLIST_PREFIX
from riskmap.errors import Text
from riskmap.moments import minutes_kept
from riskmap.rules.arrays import LayerArrays, column_of, field_array
from riskmap.rules.conditions import Reader, all_hold, decided, holds, on_day
from riskmap.rules.moves import ASIDE, Objection, day_found, flow_of

_SIGNS: Final[Mapping[str, Text]] = {
    "==": Text("等于", "be"),
    "!=": Text("不是", "not be"),
    "<": Text("小于（早于）", "be less (earlier) than"),
    "<=": Text("不大于（不晚于）", "be at most (no later than)"),
    ">": Text("大于（晚于）", "be more (later) than"),
    ">=": Text("不小于（不早于）", "be at least (no earlier than)"),
    "in": Text("为其中之一：", "be one of"),
    "present": Text("有值", "be stated"),
    "missing": Text("不填", "not be stated"),
}


def broken_laws(
    layer: Layer,
    values: Mapping[str, Sequence[Any]],
    count: int,
    *,
    today: dt.date,
    checklists: Sequence[Any] | None = None,
    laws: Sequence[Law] | None = None,
) -> list[tuple[int, Objection]]:
    """Return (row, objection) for every law that a row breaks; `values`: field → column of `count` cells.

    A comparison of what is not known breaks nothing. `laws`: those that are asked, by default what a record itself
    states: of what is worked out of other records, `values` have to hold it.
    """
    laws = layer.row_laws if laws is None else laws
    if not laws or not count:
        return []
    columns = _arrays(layer, laws, values, count, checklists, today)
    said: list[tuple[int, Objection]] = []
    for law in laws:
        dated = [on_day(one, today) for one in (law, *law.when)]
        read = Reader(columns, {})
        where = all_hold(dated[1:], read) if law.when else np.ones(count, bool)
        if where is None:
            continue
        kept = holds(dated[0], read.column(dated[0]), read.beside(dated[0]))
        broken = where & decided(dated[0], read) & ~kept
        say = Objection(law.id, law.field, law_text(layer, law), law.otherwise)
        said += [(int(row), say) for row in np.flatnonzero(broken)]
    return said


def judge_records(
    layer: Layer,
    before: Sequence[Mapping[str, Any] | None],
    after: Sequence[Mapping[str, Any]],
    *,
    happened: Sequence[str | None],
    today: dt.date,
    checklists: Sequence[Any] | None = None,
    moved: Collection[int] = (),
) -> dict[int, list[Objection]]:
    """Return row → what speaks against what records would hold: the laws of their layer, and those of its flow.

    `before`: what each held, None for a new one; `happened`: the day of its last move. `moved`: rows that a
    move makes, which `judge_move` judges; of the others what moves set has to be as before.
    """
    said: dict[int, list[Objection]] = {}
    if not layer.laws and layer.flow is None:
        return said
    names = set(named_in(layer.row_laws))
    names |= {STATE, layer.flow.due} if layer.flow else set()
    values = {name: [row.get(name) for row in after] for name in names}
    for row, one in broken_laws(layer, values, len(after), today=today, checklists=checklists):
        said.setdefault(row, []).append(one)
    if layer.flow is not None:
        rows = zip(before, after, happened, strict=True)
        now = today.isoformat()
        for row, (old, new, day) in enumerate(rows):
            told = [*_found(layer, new, day, now), *(() if row in moved else _kept(layer, old, new))]
            if told:
                said[row] = [*told, *said.get(row, ())]
    return said


def _found(layer: Layer, after: Mapping[str, Any], happened: str | None, today: str) -> Iterator[Objection]:
    """Yield what is wrong with the day found: it is not to come, and no move lies before it."""
    assert layer.flow is not None
    name = layer.flow.found
    found = day_found(layer.flow, after)
    if found is None or (found <= today and (happened is None or found <= happened)):
        return
    title = layer.field(name).title
    if found > today:
        yield Objection(
            "in_future",
            name,
            Text(f"{title.zh} {found} 晚于今天 {today}", f"“{title.en}” {found} lies after today, {today}"),
        )
    if happened is not None and found > happened:
        yield Objection(
            "before",
            name,
            Text(
                f"{title.zh} {found} 晚于已办的一步（{happened}）",
                f"“{title.en}” {found} lies after a move that was made, on {happened}",
            ),
        )


def _kept(layer: Layer, before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> Iterator[Objection]:
    """Yield the fields that only moves change, where something else would; and evidence that would go."""
    flow = flow_of(layer)
    old = {STATE: flow.start} if before is None else before
    state = old.get(STATE)
    for name in flow.kept:
        if old.get(name) != after.get(name):
            title = layer.field(name).title
            yield Objection(
                "only_by_move",
                name,
                Text(f"{title.zh}只能由办理（move）改变", f"only a move changes “{title.en}”"),
            )
    needed = {name for move in flow.moves if move.to == state and before is not None for name in move.needs}
    for name in sorted(needed):
        if old.get(name) not in (None, "") and after.get(name) in (None, ""):
            title = layer.field(name).title
            yield Objection(
                "needs",
                name,
                Text(
                    f"当前状态要有{title.zh}，不能清空", f"the state needs “{title.en}”; it cannot be emptied"
                ),
            )


def law_text(layer: Layer, law: Law) -> Text:
    """Return what a law demands, in its own words where the file has some."""
    if law.title is not None:
        return law.title
    title, sign = title_of(layer, law.field), _SIGNS[law.op]
    others = [_word(layer, law, value) for value in law.values] or (
        [title_of(layer, law.than)] if law.than else []
    )
    zh = f"{title.zh}应{sign.zh}{'、'.join(one.zh for one in others)}"
    return Text(zh, f"{title.en} should {sign.en} {', '.join(one.en for one in others)}".strip())


def title_of(layer: Layer, name: str) -> Text:
    """Return how people call what an objection or a law speaks of: a field, an item, a move, a role."""
    items = layer.checklist.items if layer.checklist else ()
    titles = {field.id: field.title for field in layer.fields}
    titles |= {CHECKLIST_PREFIX + item.id: item.title for item in items}
    titles |= {CONTACT + role.id: role.title for role in layer.contacts}
    titles |= (
        {move.id: move.title for move in layer.flow.moves if move.id not in titles} if layer.flow else {}
    )
    return titles.get(name) or ASIDE.get(name) or Text(name, name)


def _word(layer: Layer, law: LawCondition, value: object) -> Text:
    choices = layer.field(law.field).choices if law.field in layer.field_ids else ()
    return next((one.title for one in choices if one.id == value), Text(str(value), str(value)))


def _arrays(  # noqa: PLR0917
    layer: Layer,
    laws: Sequence[Law],
    values: Mapping[str, Sequence[Any]],
    count: int,
    checklists: Sequence[Any] | None,
    today: dt.date,
) -> LayerArrays:
    """Return the columns that the laws read as a table: what no row states is missing there."""
    names = set(named_in(laws))
    blank: list[None] = [None] * count
    columns: dict[str, pa.Array] = {"row": pa.array(range(count))}
    timed = _timed(layer, laws)
    for name in names & set(layer.field_ids):
        cells = values.get(name, blank)
        if name in timed:  # a day is kept without an hour, and stands for its beginning
            cells = [minutes_kept(one)[0] if isinstance(one, str) else None for one in cells]
        columns[column_of(name)] = field_array(cells, layer.field(name))[0]
    if OVERDUE in names:
        columns[column_of(OVERDUE)] = pa.array(_overdue(layer, values, count, today), pa.float64())
    if any(name.startswith(CHECKLIST_PREFIX) for name in names):
        marks = blank if checklists is None else [None if c is None else list(c) for c in checklists]
        columns["checklist"] = pa.array(marks, pa.list_(pa.bool_()))
    return LayerArrays(pa.table(columns), layer)


def _timed(layer: Layer, laws: Iterable[Law]) -> set[str]:
    """Return the moments that laws compare with moments alone: by the minute, and not with a day."""
    moments = {field.id for field in layer.fields if field.type == "moment"}
    pairs = [{one.field, one.than} for law in laws for one in (law, *law.when)]
    return moments & set[str]().union(*pairs) - set[str]().union(
        *(pair for pair in pairs if not pair <= moments)
    )


def named_in(laws: Iterable[Law]) -> Iterator[str]:
    """Yield every field, item or day that laws speak of."""
    for law in laws:
        for one in (law, *law.when):
            yield one.field
            yield one.than


def _overdue(
    layer: Layer, values: Mapping[str, Sequence[Any]], count: int, today: dt.date
) -> list[float | None]:
    """Return by how many days each row is past its deadline (0 or less: not), None where none runs."""
    if (flow := layer.flow) is None:
        return [None] * count
    blank: list[None] = [None] * count
    rows = zip(values.get(STATE, blank), values.get(flow.due, blank), strict=True)
    return [overdue_days(due, today) if flow.runs(state) else None for state, due in rows]


def overdue_days(due: object, today: dt.date) -> int | None:
    """Return by how many days a deadline (ISO) has passed, None where there is none."""
    try:
        return (today - dt.date.fromisoformat(str(due))).days if due else None
    except ValueError:
        return None
