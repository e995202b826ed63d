"""Moves of records of a flow: by a person, all or none, and by the state that a row of a file states.

Judged under the writers' lock, since what was moved before stands in the ledger.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa

from riskmap.catalog.flow import STATE, Flow, Move
from riskmap.catalog.layer import Layer
from riskmap.errors import LedgerError, Text
from riskmap.ledger import schema as s
from riskmap.ledger.attachments import keep_facts
from riskmap.ledger.columns import Known
from riskmap.ledger.editing import (
    Created,
    FilesChange,
    NewRecord,
    placed_records,
    refuse_stale,
    write_records,
)
from riskmap.ledger.links import referring
from riskmap.ledger.merging import FIXED_KEYS, Changes, same
from riskmap.ledger.revisions import NextRevision, open_changeset, write_next
from riskmap.ledger.store import Store, json_list
from riskmap.rules.judge import Judged, accepted
from riskmap.rules.laws import judge_records
from riskmap.rules.masks import is_masked
from riskmap.rules.moves import (
    IMPORTER,
    Objection,
    Stated,
    Ticket,
    after_move,
    best_chain,
    flow_of,
    judge_arrival,
    judge_move,
    made_by,
    move_named,
    no_such_move,
)
from riskmap.values.attachments import files_key, files_text, read_files
from riskmap.values.records import CLEAR, Contact, Value


@dataclass(frozen=True, slots=True)
class RecordMove:
    """What one person does with one record: `word` is a move or the state it leads to, `seen` the version read.

    `stated`: fields as they were judged; `on`: the day of it (ISO), today where it is not stated; `why`: the
    reason as it was given; `files`: what is attached with it, and where.
    """

    code: str
    seen: int | None
    word: str
    stated: Judged
    on: str | None = None
    why: str = ""
    files: Sequence[FilesChange] = ()


@dataclass(frozen=True, slots=True)
class Moved:
    """A record that was moved: from a state to a state on a day, as of its new version."""

    code: str
    before: str
    after: str
    on: str
    version: int
    made: tuple[Created, ...] = ()


Makes = Callable[[Move, Mapping[str, Any]], Sequence[NewRecord]]
"""What a move makes of a record that holds these values after it, code, name, subdistrict and position among them."""


Forbids = Callable[[Move], Objection | None]
"""What speaks against whoever makes a move."""


@dataclass(frozen=True, slots=True)
class Moves:
    """What became of some moves: `changeset` is None where nothing was written. `refused`: code → what speaks against.

    `warnings`: code → laws that are broken and only warn.
    """

    changeset: int | None
    moved: tuple[Moved, ...]
    refused: Mapping[str, tuple[Objection, ...]]
    warnings: Mapping[str, tuple[Objection, ...]] = field(default_factory=dict[str, tuple[Objection, ...]])


def tickets(
    connection: sa.Connection, known: Known, rows: Collection[int], layer: Layer
) -> dict[int, Ticket]:
    """Return row → the record as its flow sees it; what states no state stands where the flow starts."""
    flow = flow_of(layer)
    past = _past(connection, [known.feature_id[at] for at in rows]) if _asks_who(flow) else {}
    return {
        at: Ticket(
            str(values.get(STATE) or flow.start),
            values,
            known.happened[at],
            () if known.contacts is None else known.contacts[at],
            made_by(flow, past.get(known.feature_id[at], ())),
        )
        for at in rows
        for values in (known.body(at),)
    }


def _asks_who(flow: Flow) -> bool:
    return any(move.other_than for move in flow.moves)


def _past(connection: sa.Connection, ids: Sequence[int]) -> dict[int, list[tuple[str, str | None, str]]]:
    """Return record → (what made it, state, who) of each of its revisions, oldest first."""
    r, c = s.revision, s.changeset
    query = sa.select(r.c.feature_id, r.c.op, r.c.state, c.c.who).join(c, c.c.id == r.c.valid_from)
    query = query.where(r.c.feature_id.in_(json_list(ids))).order_by(r.c.feature_id, r.c.version)
    found: dict[int, list[tuple[str, str | None, str]]] = {}
    for number, op, state, who in connection.execute(query):
        found.setdefault(number, []).append((op, state, who))
    return found


def move_records(
    store: Store,
    layer_id: str,
    moves: Sequence[RecordMove],
    *,
    by: str,
    why: str,
    partial: bool = False,
    makes: Makes | None = None,
    forbids: Forbids | None = None,
) -> Moves:
    """Move records of one layer as one changeset of kind `move`; all or none, with `partial` those that may.

    `makes` tells what records are made by a move, in the same changeset; `forbids` what speaks against whoever makes one.

    Raises RefusedError with the values that the rules refuse, StaleRevisionError with both sides of every
    record that has moved on, UnknownNameError for codes that are none. A refused move writes nothing.
    """
    layer = defined(store, layer_id)
    flow_of(layer)
    stated = accepted(layer_id, {one.code: one.stated for one in moves})
    _refuse_twice(layer_id, moves)
    today = store.today
    with store.writing() as connection:
        stated = referring(connection, store.layers, layer_id, stated)
        known, place = placed_records(connection, layer_id, [one.code for one in moves], layer)
        seen = {one.code: one.seen for one in moves}
        personal = store.personal_fields(layer_id)
        refuse_stale(connection, layer_id, known, place=place, seen=seen, stated=stated, personal=personal)
        before = tickets(connection, known, list(place.values()), layer)
        drafts: list[NextRevision] = []
        moved: list[Moved] = []
        news: list[list[NewRecord]] = []
        refused: dict[str, tuple[Objection, ...]] = {}
        warned: dict[str, tuple[Objection, ...]] = {}
        for one in moves:
            at = place[one.code]
            said, after = _judged(
                store, layer, known, at, one, before=before[at], values=stated[one.code], by=by
            )
            move = move_named(flow_of(layer), before[at].state, one.word)
            if move is not None and forbids is not None and (no := forbids(move)) is not None:
                said = [no, *said]
            if against := tuple(o for o in said if o.weight != "warn"):
                refused[one.code] = against
                continue
            if said:
                warned[one.code] = tuple(said)
            draft = NextRevision.after(known, at, layer=layer_id, op="move")
            draft.values, draft.happened = dict(after.values), after.happened
            drafts.append(draft)
            on = str(after.happened or today)
            moved.append(Moved(one.code, before[at].state, after.state, on, draft.version + 1))
            held = {**_held(known, at), **after.values}
            news.append([] if makes is None or move is None else list(makes(move, held)))
        if not drafts or (refused and not partial):
            return Moves(None, (), refused)
        keep_facts(
            connection, [file for one in moves for change in one.files for file, _ in change.put.values()]
        )
        counts = {"moved": len(drafts)}
        if inserted := sum(map(len, news)):
            counts["inserted"] = inserted
        changeset = open_changeset(connection, store, by=by, why=why, kind="move", counts=counts)
        write_next(connection, drafts, changeset, store.layers)
        made = [write_records(connection, store, some, changeset) for some in news]
        moved = [replace(one, made=tuple(some)) for one, some in zip(moved, made, strict=True)]
    return Moves(changeset, tuple(moved), refused, warned)


def _held(known: Known, at: int) -> dict[str, Any]:
    core = {"code": known.code[at], "name": known.name[at], "subdistrict": known.subdistrict[at]}
    return {**core, "position": known.position(at)}


def _refuse_twice(layer: str, moves: Sequence[RecordMove]) -> None:
    twice = next((code for code, n in Counter(one.code for one in moves).items() if n > 1), None)
    if twice is not None:
        raise LedgerError(
            f"{layer} › {twice}：同一个编号写了两次；请只写一次，未写入",
            f"{layer} › {twice}: this record is named twice; name it once, nothing was written",
        )


def _judged(
    store: Store,
    layer: Layer,
    known: Known,
    at: int,
    one: RecordMove,
    *,
    before: Ticket,
    values: Mapping[str, Any],
    by: str,
) -> tuple[list[Objection], Ticket]:
    """Return what speaks against one move of one record, and the record as it would stand after it."""
    today, flow = store.today.isoformat(), flow_of(layer)
    move = move_named(flow, before.state, one.word)
    if known.retired[at] is not None:
        return [_retired(known.retired[at] or "")], before
    if move is None:
        return [no_such_move(flow, before.state, one.word)], before
    personal = store.personal_fields(layer.id)
    own = {k: v for k, v in values.items() if k not in personal or not is_masked(v)}
    told = own | {files_key(change.field): _files_after(change, before, move) for change in one.files}
    stated = Stated(told, one.on, one.why)
    said = [*_not_of_a_move(layer, flow, own), *judge_move(layer, before, move, stated, by=by, today=today)]
    after = after_move(before, move, stated, today=today)
    laws = judge_records(
        layer,
        [before.values],
        [after.values],
        happened=[None],
        today=store.today,
        checklists=[known.checklist[at]],
        moved=[0],
    )
    return [*said, *laws.get(0, ())], after


def _files_after(change: FilesChange, before: Ticket, move: Move) -> str | None:
    """Return what a field of files holds once files are attached in a move: what the move clears is gone first."""
    held = () if change.field in move.clears else read_files(before.values.get(files_key(change.field)))
    return files_text(change.after(held))


def _retired(why: str) -> Objection:
    return Objection("retired", STATE, Text(f"该记录已注销（{why}）", f"this record is retired ({why})"))


def _not_of_a_move(layer: Layer, flow: Flow, stated: Iterable[str]) -> list[Objection]:
    """Return what nobody states in a move: the state, the days that moves set, and what is no field."""
    return [
        Objection(
            "only_by_move",
            key,
            Text(f"{key} 不能在办理中填写", f"“{key}” cannot be stated in a move"),
        )
        for key in stated
        if key in flow.kept or key not in layer.field_ids
    ]


@dataclass(frozen=True, slots=True)
class RowVerdict:
    """What a row of a file does to a record of a flow: `changes` with the move, and what speaks against it."""

    said: tuple[Objection, ...] = ()
    changes: Changes | None = None
    op: str = "update"
    happened: str | None = None

    @property
    def rule(self) -> str:
        """The rule that decides what becomes of the row."""
        worst = self.worst()
        return next((one.rule for one in self.said if one.weight == worst), "")

    def worst(self) -> str:
        """Return what becomes of the row: reject, hold, warn, or nothing ("")."""
        if not self.said:
            return ""
        weights = {one.weight for one in self.said}
        return next((one for one in ("reject", "hold", "warn") if one in weights), "")


def joined(said: Iterable[Objection]) -> Text:
    """Return what is said of one record as one sentence."""
    told = list(said)
    return Text("；".join(one.message.zh for one in told), "; ".join(one.message.en for one in told))


def judge_new(
    layer: Layer,
    values: Sequence[dict[str, Value]],
    people: Sequence[Sequence[Contact]],
    *,
    store: Store,
    by: tuple[str, str] = (IMPORTER, IMPORTER),
    checklists: Sequence[Any] | None = None,
) -> list[RowVerdict]:
    """Judge records that a file brings: `by` is who brings them and who accepts them."""
    flow, today = layer.flow, store.today
    after = [one if flow is None or STATE in one else {STATE: flow.start, **one} for one in values]
    nothing = [None] * len(after)
    said = judge_records(
        layer,
        nothing,
        after,
        happened=nothing,
        today=today,
        checklists=checklists,
        moved=range(len(after)),
    )
    verdicts: list[RowVerdict] = []
    day, plain = today.isoformat(), {op: RowVerdict(op=op) for op in ("insert", "takeover")}
    for row, one in enumerate(after):
        told = said.get(row, [])
        op = "insert"
        if flow is not None:
            ticket = Ticket(str(one[STATE]), one, contacts=people[row])
            told = [*judge_arrival(layer, ticket, first=by[0], by=by[1], today=day), *told]
            op = "takeover" if flow.is_closed(ticket.state) else "insert"
        verdicts.append(RowVerdict(tuple(told), op=op) if told else plain[op])
    return verdicts


def judge_rows(
    connection: sa.Connection,
    known: Known,
    changed: Mapping[int, tuple[int, Changes]],
    on_stated: Mapping[int, Mapping[str, Any]],
    *,
    layer: Layer,
    store: Store,
    by: tuple[str, str] = (IMPORTER, IMPORTER),
    stated: Mapping[int, Mapping[str, Any]] | None = None,
) -> dict[int, RowVerdict]:
    """Judge rows that change known records: row → verdict. `changed`: row → (its place in `known`, what it changes).

    `on_stated`: row → what it states of the fields that moves set; `stated`: row → what a person states by
    accepting it, by default what differs. A state is reached by the shortest chain of moves that the row allows.
    """
    if layer.flow is None and not layer.laws:
        return {}
    places = {place for place, _ in changed.values()}
    before = tickets(connection, known, places, layer) if layer.flow else {}
    out: dict[int, RowVerdict] = {}
    news: list[dict[str, Any]] = []
    marks: list[Any] = []
    for row, (place, changes) in changed.items():
        if layer.flow is None:
            out[row], after = RowVerdict(), with_changes(known.body(place), changes)
        else:
            told = (stated or {}).get(row)
            days = on_stated.get(row, {})
            out[row], after = _row_moved(layer, before[place], changes, days, told, by=by, today=store.today)
        news.append(after)
        items = changes.get("checklist")
        marks.append(known.checklist[place] if items is None else items[1])
    moved = [at for at, row in enumerate(changed) if out[row].op == "move"]
    said = judge_records(
        layer,
        [known.body(place) for place, _ in changed.values()],
        news,
        happened=[
            None if out[row].op == "move" else known.happened[place] for row, (place, _) in changed.items()
        ],
        today=store.today,
        checklists=marks,
        moved=moved,
    )
    for at, row in enumerate(changed):
        told = [one for one in said.get(at, ()) if one.rule != "only_by_move"]  # `_set_by_hand` says more
        out[row] = replace(out[row], said=tuple(dict.fromkeys((*out[row].said, *told))))
    return out


def with_changes(body: Mapping[str, Any], changes: Changes) -> dict[str, Any]:
    """Return what a record holds once changes are made, of its fields alone."""
    after = dict(body)
    for key, (_, value) in changes.items():
        if key in FIXED_KEYS:
            continue
        if value is None:
            after.pop(key, None)
        else:
            after[key] = value
    return after


def _row_moved(
    layer: Layer,
    before: Ticket,
    changes: Changes,
    days: Mapping[str, Any],
    stated: Mapping[str, Any] | None,
    *,
    by: tuple[str, str],
    today: dt.date,
) -> tuple[RowVerdict, dict[str, Any]]:
    """Return the verdict on a row, and what the record holds after it."""
    flow = flow_of(layer)
    to = changes[STATE][1] if STATE in changes else before.state
    if to is None or to == before.state:
        kept = {key: change for key, change in changes.items() if key != STATE}
        return RowVerdict(_set_by_hand(layer, before.state, kept), kept), with_changes(before.values, kept)
    own = {k: CLEAR if v is None else v for k, (_, v) in changes.items() if k not in FIXED_KEYS}
    told = {k: v for k, v in {**(stated or {}), **own}.items() if k not in flow.kept}
    day = days.get(flow.day_of(str(to)) or "")
    words = Stated(told, day if isinstance(day, str) else None, "stated with the import")
    chain, said = best_chain(layer, before, str(to), words, by=by, today=today.isoformat())
    after = before
    for move in chain:
        after = after_move(after, move, words, today=today.isoformat())
    moved: Changes = {k: v for k, v in changes.items() if k in FIXED_KEYS}
    for key in dict.fromkeys((*before.values, *after.values)):
        if not same(before.values.get(key), after.values.get(key)):
            moved[key] = (before.values.get(key), after.values.get(key))
    return RowVerdict(tuple(said), moved, "move", after.happened), dict(after.values)


def _set_by_hand(layer: Layer, state_id: str, changes: Changes) -> tuple[Objection, ...]:
    """Return the objections against changing what only a move into the state sets: closed twice, on another day."""
    flow = flow_of(layer)
    state = flow.state(state_id)
    zh, en = (state.title.zh, state.title.en) if state else (state_id, state_id)
    return tuple(
        Objection(
            "no_such_move",
            key,
            Text(
                f"已是“{zh}”，{layer.field(key).title.zh}只能由办理（move）改变",
                f"it is “{en}” already; only a move changes “{layer.field(key).title.en}”",
            ),
        )
        for key in flow.kept
        if key in changes and not same(*changes[key])
    )


def defined(store: Store, layer_id: str) -> Layer:
    """Return the definition of a layer; LedgerError where the ledger was opened without it."""
    layer = store.layers.get(layer_id)
    if layer is None:
        raise LedgerError(
            f"{layer_id}：没有这个图层的定义，未写入；请检查 layers/ 中的文件",
            f"{layer_id}: no file defines this layer, nothing was written; check the files in layers/",
        )
    return layer
