"""What an import would do, row by row, before anything is written; and the import itself.

One import, one transaction: records, revisions, rejected rows, held rows, batch; all or none.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

import orjson
import sqlalchemy as sa

from riskmap.catalog.flow import STATE
from riskmap.catalog.layer import Layer
from riskmap.errors import LedgerError, StaleRevisionError, Text
from riskmap.ledger import schema as s
from riskmap.ledger.columns import WITHDRAWN, Known, read_known
from riskmap.ledger.held_rows import keep_held
from riskmap.ledger.links import merged_into, named
from riskmap.ledger.merging import Changes, changes_of, shown, unmasked
from riskmap.ledger.moving import RowVerdict, joined, judge_new, judge_rows, with_changes
from riskmap.ledger.persons import NewNumber, following, numbers_of
from riskmap.ledger.placing import without_inherited
from riskmap.ledger.rejected_rows import keep_rejected
from riskmap.ledger.revisions import (
    NextRevision,
    open_changeset,
    stated_position,
    stated_values,
    write_new,
    write_next,
)
from riskmap.ledger.store import CHUNK, Store, json_list, moments, next_id, no_cycles, state_of
from riskmap.ledger.sum_laws import counts_in_sums, rows_beyond
from riskmap.progress import UNWATCHED, Progress
from riskmap.rules.masks import has_mask, is_masked, rows_with
from riskmap.rules.moves import Objection
from riskmap.rules.people import masked_from_nothing, masked_otherwise
from riskmap.values.import_plan import Hold, ImportPlan, Intake, Issue, RowAction
from riskmap.values.records import CLEAR, Records

# A known code with another name this far away is rather another place than a correction.
FAR_METRES: Final = 300.0


_METRES_PER_DEGREE: Final = 111_195.0


_LOOKING: Final = Text("与台账核对", "checking against the ledger")


_WRITING: Final = Text("写入记录", "writing the records")


_Row = TypeVar("_Row")


# Below this share of a layer, reading the named codes beats reading the layer.
_FEW_CODES: Final = 0.3


@dataclass(slots=True)
class Decision:
    """The fate of every row: `place` is its row in `known`, -1 where the code is new.

    `records`: the rows as they are to be kept, each link by the code of the record that it names.
    """

    records: Records
    known: Known
    place: list[int]
    actions: list[RowAction]
    changes: dict[int, Changes] = field(default_factory=dict)
    holds: dict[int, Hold] = field(default_factory=dict)
    remarks: dict[int, Hold] = field(default_factory=dict)
    refused: dict[int, tuple[Objection, ...]] = field(default_factory=dict)  # by the laws: they do not go in
    moves: dict[int, RowVerdict] = field(default_factory=dict)  # that move a record of a flow
    taken_over: set[int] = field(default_factory=set)


def metres_between(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Return the distance of two positions in metres, good to a per cent within a district."""
    east = (a[0] - b[0]) * math.cos(math.radians((a[1] + b[1]) / 2))
    return math.hypot(east, a[1] - b[1]) * _METRES_PER_DEGREE


def _read(
    connection: sa.Connection,
    layer: str,
    codes: Sequence[str],
    *,
    contacts: bool,
    definition: Layer | None,
) -> Known:
    size = connection.execute(
        sa.select(sa.func.count()).select_from(s.feature).where(s.feature.c.layer == layer)
    ).scalar_one()
    if size == 0:
        return Known(contacts=[] if contacts else None)
    few = len(codes) < size * _FEW_CODES
    return read_known(
        connection, layer, codes=codes if few else None, contacts=contacts, definition=definition
    )


def decide(
    connection: sa.Connection,
    intake: Intake,
    *,
    store: Store,
    rows: Sequence[int] | None = None,
    judged: bool = False,
) -> Decision:
    """Return the fate of `rows` (all by default; the others count as unchanged).

    `judged`: those that are new were found lawful before, and nothing that they were judged by has changed.
    """
    definition = store.layers.get(intake.layer)
    personal = store.personal_fields(intake.layer)
    chosen = range(len(intake.records)) if rows is None else rows
    records, astray = _linked(connection, intake, store.layers, chosen)
    records = without_inherited(connection, store.layers, records, chosen)
    codes = records.code if rows is None else [records.code[i] for i in rows]
    flowing = definition is not None and definition.flow is not None
    known = _read(
        connection,
        records.layer,
        codes,
        contacts=records.contacts is not None or flowing,
        definition=definition,
    )
    where = {code: j for j, code in enumerate(known.code)}
    place = [-1] * len(records)
    actions: list[RowAction] = ["unchanged"] * len(records)
    decision = Decision(records, known, place, actions)
    seen: set[str] = set()
    met: list[int] = []
    for i in chosen:
        code = records.code[i]
        j = where.get(code, -1)
        place[i] = j
        if code in seen:
            _hold(decision, i, "duplicate_in_file", _duplicate(intake, i))
        elif j < 0 or known.op[j] == WITHDRAWN:
            actions[i] = "insert"
        else:
            met.append(i)
        seen.add(code)
    decision.changes = changes_of(records, known, met, [place[i] for i in met], personal=personal)
    _hold_retired(connection, decision, intake, met)
    if definition is not None and (flowing or definition.laws):
        _judge(connection, decision, intake, definition, store, known_lawful=judged)
    for i in decision.changes:
        if i not in decision.holds and i not in decision.refused:
            actions[i] = "update"
            _hold_doubtful(decision, intake, i)
    waiting, mine = {**intake.holds, **astray}, set(chosen)
    for i, hold in waiting.items():
        if i in mine and i not in decision.holds and i not in decision.refused:
            actions[i] = "held"
            decision.holds[i] = hold
    if definition is not None:
        _judge_sums(connection, decision, intake, definition, store)
    return decision


def _judge_sums(
    connection: sa.Connection, decision: Decision, intake: Intake, layer: Layer, store: Store
) -> None:
    """Turn back the rows after which what other records sum up would break a law of theirs."""
    if not counts_in_sums(store, layer):
        return
    records, known, place = decision.records, decision.known, decision.place
    fresh = [i for i, action in enumerate(decision.actions) if action == "insert"]
    after = dict(zip(fresh, stated_values(records, fresh), strict=True))
    changed = [i for i, action in enumerate(decision.actions) if action == "update"]
    after |= {i: with_changes(known.body(place[i]), decision.changes[i]) for i in changed}
    replaced = [known.feature_id[place[i]] for i in changed]
    for i, one in rows_beyond(connection, store, layer, after, replaced).items():
        decision.changes.pop(i, None)
        decision.moves.pop(i, None)
        if one.weight == "reject":
            decision.refused[i] = (one,)
            decision.actions[i] = "unchanged"
        else:
            decision.actions[i] = "held"
            decision.holds[i] = _as_hold(intake, i, RowVerdict((one,)))


def _linked(
    connection: sa.Connection, intake: Intake, layers: Mapping[str, Layer], rows: Sequence[int]
) -> tuple[Records, dict[int, Hold]]:
    """Return the records with every link as it is kept, and the rows that name what the ledger does not have."""
    records, layer = intake.records, layers.get(intake.layer)
    values, holds = dict(records.values), dict[int, Hold]()
    for one in layer.links if layer else ():
        column = values.get(one.id)
        if column is None:
            continue
        found = named(connection, layers, one, {t for i in rows if isinstance(t := column[i], str)})
        values[one.id] = [found.values.get(t, t) if isinstance(t, str) else t for t in column]
        for i in rows:
            if isinstance(text := column[i], str) and text in found.findings:
                say = found.findings[text].message
                where = f"{_place(intake, i)} › {records.code[i]} › "
                title = one.title
                message = Text(f"{where}{title.zh}：{say.zh}", f"{where}{title.en}: {say.en}")
                holds.setdefault(i, Hold(found.findings[text].rule, message))
    return replace(records, values=values), holds


def _judge(
    connection: sa.Connection,
    decision: Decision,
    intake: Intake,
    layer: Layer,
    store: Store,
    *,
    known_lawful: bool,
) -> None:
    """Judge the rows that would go in by the laws and the flow of their layer: some are refused, some wait.

    `known_lawful`: those that are new were judged before.
    """
    records, place = decision.records, decision.place
    fresh = [i for i, a in enumerate(decision.actions) if a == "insert" and not known_lawful]
    people = records.contacts
    new = judge_new(
        layer,
        list(stated_values(records, fresh)),
        [() if people is None else people[i] or () for i in fresh],
        store=store,
        checklists=None if records.checklist is None else [records.checklist[i] for i in fresh],
    )
    left = [i for i in decision.changes if i not in decision.holds]
    kept = () if layer.flow is None else layer.flow.kept
    days = {i: {k: records.values[k][i] for k in kept if k in records.values} for i in left}
    changed = {i: (place[i], decision.changes[i]) for i in left}
    met = judge_rows(connection, decision.known, changed, days, layer=layer, store=store)
    for i, verdict in (*zip(fresh, new, strict=True), *met.items()):
        if verdict.changes is not None:
            decision.changes[i] = verdict.changes
        if verdict.op == "move":
            decision.moves[i] = verdict
        worst = verdict.worst()
        said = _as_hold(intake, i, verdict) if worst else None
        if worst == "reject":
            decision.refused[i] = verdict.said
            decision.actions[i] = "unchanged"
        elif said is not None and worst == "hold":
            decision.actions[i] = "held"
            decision.holds[i] = said
        elif said is not None:
            decision.remarks[i] = said
        if verdict.op == "takeover" and worst not in {"reject", "hold"}:
            decision.taken_over.add(i)


def _as_hold(intake: Intake, row: int, verdict: RowVerdict) -> Hold:
    """Return what the laws say of a row, with its place."""
    where, told = f"{_place(intake, row)} › {intake.records.code[row]}", joined(verdict.said)
    return Hold(verdict.rule, Text(f"{where}：{told.zh}", f"{where}: {told.en}"))


def _hold(decision: Decision, row: int, rule: str, message: Text) -> None:
    decision.actions[row] = "held"
    decision.holds[row] = Hold(rule, message)


def _place(intake: Intake, row: int) -> str:
    parts = (intake.file, intake.sheet[row])
    return " › ".join(p for p in parts if p) + f" › {intake.row[row]}"


def _duplicate(intake: Intake, row: int) -> Text:
    code, place = intake.records.code[row], _place(intake, row)
    return Text(
        f"{place}：编号 {code} 在同一文件中已出现；请核对后保留一行",
        f"{place}: code {code} has already appeared in this file; check and keep one row",
    )


def _note_masked(decision: Decision, intake: Intake, personal: Collection[str]) -> None:
    """Masked cells state nothing. Say so where the ledger has no value, or another one, that they stand for."""
    records, known, place = intake.records, decision.known, decision.place
    rows = range(len(records))
    fresh = [j < 0 or known.op[j] == WITHDRAWN for j in place]
    nothing: dict[int, tuple[str, ...]] = {}
    other: dict[int, tuple[str, ...]] = {}
    if records.contacts is not None:
        for i in rows_with(records.contacts, rows, has_mask):
            people = records.contacts[i]
            before = () if fresh[i] or known.contacts is None else known.contacts[place[i]]
            if missing := masked_from_nothing(people, before):
                nothing[i] = missing
            elif differing := masked_otherwise(people, before):
                other[i] = differing
    for key in set(personal) & records.values.keys():
        column, before = records.values[key], known.values.get(key)
        for i in rows:
            if is_masked(column[i]) and (fresh[i] or before is None or before[place[i]] is None):
                nothing[i] = (*nothing.get(i, ()), key)
    for i, found in nothing.items():
        where, what = f"{_place(intake, i)} › {records.code[i]}", "、".join(found)
        decision.remarks[i] = Hold(
            "masked",
            Text(
                f"{where}：{what} 带星号，台账中没有原值可沿用，按未填处理；请补写完整的姓名或电话",
                f"{where}: {what} is masked and the ledger has nothing it could stand for: taken as not stated, "
                "write it in full",
            ),
        )
    for i, found in other.items():
        where, what = f"{_place(intake, i)} › {records.code[i]}", "、".join(found)
        decision.remarks.setdefault(
            i,
            Hold(
                "masked",
                Text(
                    f"{where}：{what} 带星号，与台账中的不是同一个，台账未改；确有变更请写完整的姓名或电话",
                    f"{where}: {what} is masked and is not the ledger's own, which stays; if it has changed, write it in full",
                ),
            ),
        )


def _hold_retired(connection: sa.Connection, decision: Decision, intake: Intake, met: Sequence[int]) -> None:
    known, place = decision.known, decision.place
    gone = [i for i in met if known.retired[place[i]] is not None and i not in decision.holds]
    if not gone:
        return
    written = moments(connection, {known.changed[place[i]] for i in gone})
    into = merged_into(connection, [known.feature_id[place[i]] for i in gone])
    for i in gone:
        j = place[i]
        day, why = written[known.changed[j]][:10], known.retired[j]
        where = f"{_place(intake, i)} › {known.code[j]}"
        if (kept := into.get(known.feature_id[j])) is not None:
            _hold(
                decision,
                i,
                "merged",
                Text(
                    f"{where}：该记录已于 {day} 并入 {kept}（{why}）；请把这一行的编号改为 {kept}，或不接受；"
                    "接受会把它恢复为单独的记录",
                    f"{where}: merged into {kept} on {day} ({why}); write {kept} as its code, or decline it; accepting it "
                    "makes it a record of its own again",
                ),
            )
            continue
        _hold(
            decision,
            i,
            "retired",
            Text(
                f"{where}：该记录已于 {day} 注销（{why}）；确认要恢复请接受，否则请从文件中删除这一行",
                f"{where}: this record was retired on {day} ({why}); accept to reinstate it, or take the row out",
            ),
        )


def _hold_doubtful(decision: Decision, intake: Intake, row: int) -> None:
    known, j, changes = decision.known, decision.place[row], decision.changes[row]
    where = f"{_place(intake, row)} › {known.code[j]}"
    stated = None if intake.stated_version is None else intake.stated_version[row]
    if stated is not None and stated < known.version[j]:
        _hold(
            decision,
            row,
            "stale_version",
            Text(
                f"{where}：文件是第 {stated} 版，台账已是第 {known.version[j]} 版；请对照后接受，或重新导出再改",
                f"{where}: the file holds version {stated}, the ledger {known.version[j]}; compare and accept, or export again",
            ),
        )
        return
    old, new = changes.get("subdistrict", (None, None))
    if old is not None and new is not None:
        _hold(
            decision,
            row,
            "other_subdistrict",
            Text(
                f"{where}：台账中属 {old}，文件中属 {new}；可能是两个街道用了同一编号，请确认后接受或改编号",
                f"{where}: in the ledger it belongs to {old}, in the file to {new}; two sub-districts may share a code, "
                "confirm or give it another code",
            ),
        )
        return
    name, position = changes.get("name", (None, None)), changes.get("position", (None, None))
    if None in position:
        return
    distance = metres_between(*position)
    if distance <= FAR_METRES:
        return
    if None in name:
        decision.remarks[row] = Hold(
            "moved_far",
            Text(
                f"{where}：坐标与台账相距 {distance:.0f} 米，将按文件更新；请核对坐标和坐标系",
                f"{where}: the position is {distance:.0f} m from the ledger's and will be updated; check it and its datum",
            ),
        )
    else:
        _hold(
            decision,
            row,
            "other_point",
            Text(
                f"{where}：台账中名为“{name[0]}”，文件中名为“{name[1]}”，"
                f"相距 {distance:.0f} 米；可能是另一点，请确认后接受或改编号",
                f"{where}: the ledger calls it “{name[0]}”, the file “{name[1]}”, {distance:.0f} m apart; "
                "it may be another point, confirm or give it another code",
            ),
        )


def check_intake(intake: Intake) -> None:
    """Raise LedgerError where the rows of a file do not add up: none may get lost on the way."""
    records = intake.records
    total = len(records) + len(intake.rejected) + intake.skipped_non_data
    columns = (intake.sheet, intake.row, records.name, records.subdistrict, records.lon, records.lat)
    if total != intake.rows or any(len(c) != len(records) for c in columns):
        raise LedgerError(
            f"{intake.file}：文件有 {intake.rows} 行，读到、退回和跳过的合计 {total} 行，对不上，未写入；请报告此文件",
            f"{intake.file}: the file has {intake.rows} rows, read, rejected and skipped make {total}; "
            "nothing was written, please report this file",
        )


def _absent(connection: sa.Connection, intake: Intake) -> tuple[str, ...]:
    """Return active codes that a full list lacks, in the sub-districts that the file speaks of."""
    listed = set(intake.records.code) | {r.code for r in intake.rejected if r.code}
    stated = {name for name in intake.records.subdistrict if isinstance(name, str)}
    query = sa.select(s.feature.c.code).where(s.feature.c.layer == intake.layer, s.feature.c.retired == 0)
    if stated:
        query = query.where(s.feature.c.subdistrict.in_(sorted(stated)))
    return tuple(
        code for code in connection.execute(query.order_by(s.feature.c.code)).scalars() if code not in listed
    )


def plan_import(store: Store, intake: Intake, *, full_list: bool) -> ImportPlan:
    """Plan an import against the ledger as it is now."""
    check_intake(intake)
    personal = store.personal_fields(intake.layer)
    with no_cycles(), store.reading() as connection:
        decision = decide(connection, intake, store=store)
        if decision.refused:
            intake = intake.without({i: _issues(store, intake, i, o) for i, o in decision.refused.items()})
            decision = decide(connection, intake, store=store)
        _note_masked(decision, intake, personal)
        return ImportPlan(
            intake=intake,
            base=state_of(connection),
            actions=decision.actions,
            changes={i: shown(c, personal) for i, c in decision.changes.items()},
            holds=decision.holds,
            absent=_absent(connection, intake) if full_list else (),
            remarks=decision.remarks,
            moved=frozenset(i for i in decision.moves if decision.actions[i] == "update"),
            taken_over=frozenset(i for i in decision.taken_over if decision.actions[i] == "insert"),
            judged=(store.today, store.layers.get(intake.layer)),
        )


def _issues(store: Store, intake: Intake, row: int, said: Sequence[Objection]) -> list[Issue]:
    """Return what the laws say against a row, as issues of its file."""
    layer, code = store.layers[intake.layer], intake.records.code[row]
    where = f"{_place(intake, row)} › {code}"
    return [
        Issue(
            sheet=intake.sheet[row],
            row=intake.row[row],
            code=code,
            field=_spoken_of(layer, one),
            value=_stated_text(intake.records, row, _spoken_of(layer, one)),
            severity="error",
            rule=one.rule,
            message=Text(f"{where}：{one.message.zh}", f"{where}: {one.message.en}"),
        )
        for one in said
        if one.weight == "reject"
    ]


def _spoken_of(layer: Layer, said: Objection) -> str:
    """Return the field that an objection is about; the day of a move is that of the state it leads to."""
    if said.field != "on" or layer.flow is None:
        return said.field
    return next((key for key in layer.flow.kept if key != STATE), STATE)


def _stated_text(records: Records, row: int, field: str) -> str | None:
    cell = records.values[field][row] if field in records.values else None
    return None if cell is None else str(cell)


@dataclass(frozen=True, slots=True)
class Committed:
    """What an import wrote: ids of its changeset and batch, and rows by their fate."""

    changeset: int
    batch: int
    inserted: int
    updated: int
    unchanged: int
    held: int
    rejected: int


def commit_import(
    store: Store,
    plan: ImportPlan,
    *,
    by: str,
    why: str,
    kind: str = "import",
    progress: Progress = UNWATCHED,
) -> Committed:
    """Write a plan as a changeset of this kind.

    StaleRevisionError where the ledger has moved so that the plan no longer holds.
    """
    intake = plan.intake
    check_intake(intake)
    personal = store.personal_fields(intake.layer)
    looking, writing = progress.parts(1, 3)
    with no_cycles(), store.writing() as connection:
        looking.step(0, 1, _LOOKING)
        if state_of(connection) == plan.base:
            rows = [i for i, action in enumerate(plan.actions) if action in ("insert", "update")]
            # New records are judged by nothing but the day, the layer and themselves: not a second time.
            judged = plan.judged == (store.today, store.layers.get(intake.layer))
            decision = decide(connection, intake, store=store, rows=rows, judged=judged)
        else:
            rows = range(len(intake.records))
            decision = decide(connection, intake, store=store)
        _still_holds(connection, plan, decision, rows, personal)
        counts = {
            "inserted": plan.count("insert"),
            "updated": plan.count("update"),
            "unchanged": plan.count("unchanged"),
            "held": plan.count("held"),
            "rejected": len(intake.rejected),
        }
        flowing = {"moved": len(plan.moved), "taken_over": len(plan.taken_over)}
        told = counts | {key: n for key, n in flowing.items() if n}
        changeset = open_changeset(connection, store, by=by, why=why, kind=kind, counts=told)
        batch = next_id(connection, s.import_batch)
        connection.execute(
            s.import_batch.insert().values(
                id=batch,
                changeset_id=changeset,
                layer=intake.layer,
                file=intake.file,
                digest=intake.digest,
                datum=intake.datum,
                rows=intake.rows,
                skipped_non_data=intake.skipped_non_data,
                from_batch=intake.from_batch,
                streets=_streets(connection, intake),
                **counts,
            )
        )
        fresh = [i for i, action in enumerate(decision.actions) if action == "insert"]
        records = unmasked(decision.records, fresh, personal)
        _write(connection, records, decision, changeset, layers=store.layers, progress=writing)
        keep_held(connection, plan, batch=batch, changeset=changeset)
        keep_rejected(connection, plan, batch=batch, changeset=changeset)
    return Committed(changeset, batch, **counts)


def _streets(connection: sa.Connection, intake: Intake) -> str:
    """Return how many rows of each sub-district a file has, as JSON: as the row says, else as the ledger knows its record."""
    records = intake.records
    silent = [code for code, street in zip(records.code, records.subdistrict, strict=True) if street is None]
    f = s.feature
    query = sa.select(f.c.code, f.c.subdistrict).where(
        f.c.layer == intake.layer, f.c.code.in_(json_list(silent)), f.c.subdistrict.is_not(None)
    )
    known = {str(code): str(street) for code, street in connection.execute(query)} if silent else {}
    named = (
        known.get(code) if street is None else street
        for code, street in zip(records.code, records.subdistrict, strict=True)
    )
    found = Counter(street for street in named if isinstance(street, str))
    return orjson.dumps(found, option=orjson.OPT_SORT_KEYS).decode()


def _still_holds(
    connection: sa.Connection,
    plan: ImportPlan,
    decision: Decision,
    rows: Sequence[int],
    personal: frozenset[str],
) -> None:
    for i in rows:
        same = plan.actions[i] == decision.actions[i] and i not in decision.refused
        if same and i in decision.changes:
            same = plan.changes.get(i) == shown(decision.changes[i], personal)
        if same:
            continue
        layer, code, j = plan.intake.layer, plan.intake.records.code[i], decision.place[i]
        seen = connection.execute(
            sa.select(sa.func.max(s.revision.c.version))
            .join(s.feature, s.feature.c.id == s.revision.c.feature_id)
            .where(s.feature.c.layer == layer, s.feature.c.code == code, s.revision.c.valid_from <= plan.base)
        ).scalar()
        current = decision.known.version[j] if j >= 0 else 0
        differs = decision.changes.get(i, {})
        raise StaleRevisionError(
            layer,
            code,
            seen=seen or 0,
            current=current,
            mine={k: after for k, (_, after) in shown(differs, personal).items()},
            theirs={k: before for k, (before, _) in shown(differs, personal).items()},
        )


def _write(
    connection: sa.Connection,
    records: Records,
    decision: Decision,
    changeset: int,
    *,
    layers: Mapping[str, Layer],
    progress: Progress,
) -> None:
    new = [i for i, action in enumerate(decision.actions) if action == "insert" and decision.place[i] < 0]
    first, then = progress.parts(len(new), len(decision.changes))
    write_new(connection, records, _told(new, len(new), first), changeset, layers)
    numbers: list[NewNumber] = []
    changed = _with_numbers(drafts(records, decision), decision, layers.get(records.layer), numbers)
    write_next(connection, _told(changed, len(decision.changes), then), changeset, layers)
    ours = {(records.layer, records.code[i]) for i in decision.changes}
    write_next(connection, following(connection, layers, numbers, but=ours), changeset, layers)


def _with_numbers(
    changed: Iterable[NextRevision], decision: Decision, layer: Layer | None, numbers: list[NewNumber]
) -> Iterator[NextRevision]:
    """Yield drafts, and write down the numbers of persons that they change."""
    place = {feature_id: at for at, feature_id in enumerate(decision.known.feature_id)}
    for draft in changed:
        if draft.op == "update":
            numbers += numbers_of(layer, decision.known, [(place[draft.feature_id], draft)])
        yield draft


def _told(rows: Iterable[_Row], of: int, progress: Progress) -> Iterator[_Row]:
    """Yield rows that are being written, and say how far that is before each chunk of them."""
    for i, row in enumerate(rows):
        if i % CHUNK == 0:
            progress.step(i, of, _WRITING)
        yield row


def drafts(records: Records, decision: Decision) -> Iterator[NextRevision]:
    """Yield the next revision of every known record that the rows change, or state anew."""
    for i, action in enumerate(decision.actions):
        j = decision.place[i]
        if action == "update":
            op = "move" if i in decision.moves else "update"
            draft = NextRevision.after(decision.known, j, layer=records.layer, op=op)
            if i in decision.moves:
                draft.happened = decision.moves[i].happened
            yield draft.apply(decision.changes[i])
        elif action == "insert" and j >= 0 and decision.known.op[j] == WITHDRAWN:
            yield afresh(records, i, decision, j)


def afresh(records: Records, row: int, decision: Decision, place: int) -> NextRevision:
    """Return the draft of a withdrawn record that a row states anew, as if it had never been known."""
    draft = NextRevision.afresh(decision.known, place, layer=records.layer)
    name, subdistrict = records.name[row], records.subdistrict[row]
    draft.name = None if name is CLEAR else name
    draft.subdistrict = None if subdistrict is CLEAR else subdistrict
    lon, lat = stated_position(records, [row])[0]
    draft.position = None if lon is None or lat is None else (lon, lat)
    draft.values = next(stated_values(records, [row]))
    draft.checklist = None if records.checklist is None else records.checklist[row]
    draft.shape = None if records.shapes is None else records.shapes[row]
    draft.new_shape = draft.shape is not None
    people = None if records.contacts is None else records.contacts[row]
    draft.contacts = tuple(people) if people else None
    return draft
