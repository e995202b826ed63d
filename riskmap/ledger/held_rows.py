"""Rows that wait for a person: kept as stated, then accepted (as they are or as another code) or declined."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import orjson
import sqlalchemy as sa

from riskmap.catalog.layer import Layer
from riskmap.errors import LedgerError, RefusedError, Text, UnknownNameError
from riskmap.ledger import schema as s
from riskmap.ledger.attachments import keep_facts
from riskmap.ledger.columns import WITHDRAWN, Known, read_known, write_contacts
from riskmap.ledger.editing import FilesChange
from riskmap.ledger.links import referring
from riskmap.ledger.merging import changes_of, shown, unmasked
from riskmap.ledger.moving import RowVerdict, judge_new, judge_rows
from riskmap.ledger.persons import NewNumber, following, numbers_of
from riskmap.ledger.rejected_rows import file_name, open_at
from riskmap.ledger.revisions import NextRevision, open_changeset, stated_values, write_new, write_next
from riskmap.ledger.store import Store, insert_rows, json_list, next_id
from riskmap.ledger.streets import under_names_of_today
from riskmap.rules.cell import Finding
from riskmap.rules.judge import Judged, accepted, placed
from riskmap.rules.laws import title_of
from riskmap.rules.masks import mask_contacts
from riskmap.values.attachments import files_key, files_text, read_files
from riskmap.values.import_plan import ImportPlan
from riskmap.values.records import CLEAR, Contact, Records


@dataclass(frozen=True, slots=True)
class HeldEntry:
    """A row that waits, or waited. `stated` is what it says (keys as in create_record, masked)."""

    id: int
    batch: int
    layer: str
    code: str
    file: str
    sheet: str
    row: int
    rule: str
    message: Text
    stated: Mapping[str, Any]
    status: str


def _dump(records: Records, row: int) -> str:
    clear = [
        key
        for key, column in (
            ("name", records.name),
            ("subdistrict", records.subdistrict),
            *records.values.items(),
        )
        if column[row] is CLEAR
    ]
    if row in records.unplaced:
        clear.append("position")
    lon, lat = float(records.lon[row]), float(records.lat[row])
    content = {
        "name": None if records.name[row] is CLEAR else records.name[row],
        "subdistrict": None if records.subdistrict[row] is CLEAR else records.subdistrict[row],
        "position": None if lon != lon or lat != lat else [lon, lat],  # noqa: PLR0124 (NaN)
        "values": {
            k: column[row]
            for k, column in records.values.items()
            if column[row] is not None and column[row] is not CLEAR
        },
        "checklist": None if records.checklist is None else records.checklist[row],
        "clear": clear,
    }
    return orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_SORT_KEYS).decode()


def _load(layer: str, code: str, content: str, people: str | None, shape: bytes | None) -> Records:
    read = orjson.loads(content)
    clear = set(read["clear"])
    lon, lat = read["position"] or (np.nan, np.nan)
    values: dict[str, list[Any]] = {k: [v] for k, v in read["values"].items()}
    values.update({k: [CLEAR] for k in clear - {"name", "subdistrict", "position"}})
    checklist = read["checklist"]
    return Records(
        layer=layer,
        code=[code],
        name=[CLEAR if "name" in clear else read["name"]],
        subdistrict=[CLEAR if "subdistrict" in clear else read["subdistrict"]],
        lon=np.array([lon], dtype=np.float64),
        lat=np.array([lat], dtype=np.float64),
        shapes=None if shape is None else [shape],
        values=values,
        checklist=None
        if checklist is None
        else [tuple(CLEAR if item == CLEAR.value else item for item in checklist)],
        contacts=None if people is None else [tuple(Contact(**p) for p in orjson.loads(people))],
        unplaced=frozenset({0}) if "position" in clear else frozenset(),
    )


def keep_held(connection: sa.Connection, plan: ImportPlan, *, batch: int, changeset: int) -> None:
    """Keep the held rows of a plan, each once however often its file is imported.

    A newer statement about the same code from the same file takes the place of an open one.
    """
    intake, t = plan.intake, s.held_row
    if not plan.holds:
        return
    layer, file = intake.layer, file_name(intake.file)
    before: dict[str, list[Any]] = {}
    for entry in connection.execute(
        sa.select(t.c.id, t.c.code, t.c.file, t.c.digest, t.c.status, t.c.as_code).where(t.c.layer == layer)
    ):
        before.setdefault(entry.code, []).append(entry)
    first, out, replaced = next_id(connection, t), [], []
    for i, hold in sorted(plan.holds.items()):
        code = intake.records.code[i]
        content = _dump(intake.records, i)
        people = write_contacts(
            (intake.records.contacts[i] or ()) if intake.records.contacts is not None else ()
        )
        shape = None if intake.records.shapes is None else intake.records.shapes[i]
        digest = hashlib.sha256(
            "\0".join((layer, code, content, people or "")).encode() + (shape or b"")
        ).hexdigest()
        entries = before.get(code, [])
        if any(
            e.digest == digest and (e.status == "open" or (e.status == "accepted" and e.as_code))
            for e in entries
        ):
            continue
        if hold.rule != "duplicate_in_file":
            replaced += [e.id for e in entries if e.status == "open" and e.file == file]
        out.append(
            (
                *(first + len(out), batch, layer, code, file, intake.sheet[i] or "", intake.row[i]),
                *(hold.rule, hold.message.zh, hold.message.en, content, people, shape, digest, "open"),
            )
        )
    if replaced:
        _supersede(connection, replaced, changeset)
    insert_rows(
        connection,
        t,
        (
            *("id", "batch_id", "layer", "code", "file", "sheet", "row"),
            *("rule", "zh", "en", "content", "people", "shape", "digest", "status"),
        ),
        out,
    )


def _supersede(connection: sa.Connection, ids: list[int], changeset: int) -> None:
    connection.execute(
        s.held_row.update()
        .where(s.held_row.c.id == sa.bindparam("one"))
        .values(status="superseded", closed_by=changeset),
        [{"one": i} for i in ids],
    )


def list_held(store: Store, *, layer: str | None, open_only: bool, at: int | None) -> list[HeldEntry]:
    """Return held rows, oldest first; those that waited after changeset `at` where it is given."""
    t = s.held_row
    query = sa.select(t).order_by(t.c.id)
    if at is not None:
        batch = s.import_batch
        query = query.join(batch, batch.c.id == t.c.batch_id).where(batch.c.changeset_id <= at)
    if layer is not None:
        query = query.where(t.c.layer == layer)
    if open_only:
        query = query.where(open_at(t, at))
    with store.reading() as connection:
        return [_entry(store, row) for row in connection.execute(query).mappings()]


def waiting_records(store: Store, layer: str) -> list[Records]:
    """Return what the rows of a layer that wait would be, each as records of one row; with personal data."""
    t = s.held_row
    query = sa.select(t).where(t.c.layer == layer, t.c.status == "open").order_by(t.c.id)
    with store.reading() as connection:
        rows = connection.execute(query).mappings().all()
    return [_load(layer, row["code"], row["content"], row["people"], row["shape"]) for row in rows]


def count_held(store: Store, *, at: int | None) -> dict[str, int]:
    """Return layer → how many held rows wait for a person, now or after changeset `at`; none is read."""
    t = s.held_row
    query = sa.select(t.c.layer, sa.func.count()).where(open_at(t, at)).group_by(t.c.layer)
    if at is not None:
        batch = s.import_batch
        query = query.join(batch, batch.c.id == t.c.batch_id).where(batch.c.changeset_id <= at)
    with store.reading() as connection:
        return {str(layer): int(n) for layer, n in connection.execute(query)}


def _entry(store: Store, row: Any) -> HeldEntry:
    records = _load(row["layer"], row["code"], row["content"], row["people"], row["shape"])
    personal = store.personal_fields(row["layer"])
    stated: dict[str, Any] = {
        k: shown({k: (None, column[0])}, personal)[k][1] for k, column in records.values.items()
    }
    for key, column in (("name", records.name), ("subdistrict", records.subdistrict)):
        if column[0] is not None:
            stated[key] = column[0]
    if np.isfinite(records.lon[0]):
        stated["position"] = (float(records.lon[0]), float(records.lat[0]))
    elif records.unplaced:
        stated["position"] = CLEAR
    if records.checklist is not None:
        stated["checklist"] = records.checklist[0]
    if records.contacts is not None:
        stated["contacts"] = mask_contacts(records.contacts[0])
    return HeldEntry(
        id=row["id"],
        batch=row["batch_id"],
        layer=row["layer"],
        code=row["code"],
        file=row["file"],
        sheet=row["sheet"],
        row=row["row"],
        rule=row["rule"],
        message=Text(row["zh"], row["en"]),
        stated=stated,
        status=row["status"],
    )


def _open_entries(connection: sa.Connection, held: Sequence[int]) -> list[Any]:
    t = s.held_row
    found = {
        row["id"]: row
        for row in connection.execute(sa.select(t).where(t.c.id.in_(json_list(held)))).mappings()
    }
    for number in held:
        row = found.get(number)
        if row is None:
            raise UnknownNameError(
                f"待确认 {number}：没有这一条，未写入；请刷新列表",
                f"held row {number}: there is none, nothing was written; refresh the list",
            )
        if row["status"] != "open":
            raise LedgerError(
                f"待确认 {number}（{row['code']}）：已处理过（{row['status']}），未写入；请刷新列表",
                f"held row {number} ({row['code']}): already {row['status']}, nothing was written; refresh the list",
            )
    if not found:
        raise LedgerError(
            "待确认行：没有选中任何一条，未写入", "held rows: none was chosen, nothing was written"
        )
    return [found[number] for number in dict.fromkeys(held)]


def accept_held(
    store: Store,
    held: Sequence[int],
    *,
    as_code: str | None,
    by: str,
    why: str,
    more: Mapping[str, Judged] | None = None,
    files: Mapping[str, Sequence[FilesChange]] | None = None,
) -> int:
    """Apply held rows to their records, or make one a new record with another code; return the changeset.

    One decision is one changeset. LedgerError where two of the rows speak of one record. Where a row moves a
    record of a flow, who accepts it is the second person and who imported it the first; `more`, `files`:
    layer → what is stated, and what is attached, beside the rows: the evidence they lack.
    RefusedError with what the laws say against a row.
    """
    with store.writing() as connection:
        rows = _open_entries(connection, held)
        _refuse_ambiguous(rows, as_code)
        targets = [(row, row["code"] if as_code is None else as_code) for row in rows]
        known = [
            read_known(
                connection,
                row["layer"],
                codes=[code],
                contacts=True,
                definition=store.layers.get(row["layer"]),
            )
            for row, code in targets
        ]
        fresh = sum(len(one) == 0 for one in known)
        if as_code is not None and not fresh:
            raise LedgerError(
                f"待确认 {held[0]} › 新编号 {as_code}：台账中已有这个编号，未写入；请换一个编号",
                f"held row {held[0]}, new code {as_code}: the ledger has this code already; choose another",
            )
        counts = {"inserted": fresh, "updated": len(rows) - fresh}
        changeset = open_changeset(connection, store, by=by, why=why, kind="accept", counts=counts)
        coming = [change for changes in (files or {}).values() for change in changes]
        keep_facts(connection, [file for change in coming for file, _ in change.put.values()])
        numbers: list[NewNumber] = []
        for (row, code), one in zip(targets, known, strict=True):
            stated = _load(row["layer"], code, row["content"], row["people"], row["shape"])
            stated = under_names_of_today(connection, stated)
            stated = _linked(connection, store, _with_more(stated, (more or {}).get(row["layer"])))
            stated = _with_files(stated, one, (files or {}).get(row["layer"], ()))
            first = connection.execute(_importer(row["batch_id"])).scalar_one()
            numbers += _apply(connection, store, stated, one, changeset, people=(first, by.strip()))
        ours = {(row["layer"], code) for row, code in targets}
        write_next(
            connection, following(connection, store.layers, numbers, but=ours), changeset, store.layers
        )
        _decide(connection, rows, "accepted", changeset, as_code)
    return changeset


def _refuse_ambiguous(rows: Sequence[Any], as_code: str | None) -> None:
    """Refuse a decision that would let one of two statements about a record win without a word."""
    if as_code is not None and len(rows) > 1:
        raise LedgerError(
            f"待确认行：{len(rows)} 条不能用同一个新编号 {as_code}，未写入；请逐条另编号",
            f"held rows: {len(rows)} of them cannot all be {as_code}, nothing was written; give each a code of its own",
        )
    spoken = Counter((row["layer"], row["code"]) for row in rows)
    twice = next((code for (_, code), n in spoken.items() if n > 1), None)
    if twice is not None:
        raise LedgerError(
            f"待确认行 › {twice}：有多行说的是同一个点，未写入；请逐条确认",
            f"held rows › {twice}: several of them speak of this one record, nothing was written; decide them one by one",
        )


def _importer(batch: int) -> sa.Select[Any]:
    t = s.import_batch
    joined_to = sa.select(s.changeset.c.who).join(t, t.c.changeset_id == s.changeset.c.id)
    return joined_to.where(t.c.id == batch)


def _with_more(stated: Records, more: Judged | None) -> Records:
    """Return a row with what is stated beside it. RefusedError where the rules refuse that."""
    if more is None:
        return stated
    values = accepted(stated.layer, {stated.code[0]: more})[stated.code[0]]
    return replace(stated, values={**stated.values, **{key: [value] for key, value in values.items()}})


def _with_files(stated: Records, known: Known, changes: Sequence[FilesChange]) -> Records:
    """Return a row with what is attached beside it."""
    values = dict(stated.values)
    for change in changes:
        key = files_key(change.field)
        held = read_files(known.values[key][0]) if len(known) and key in known.values else ()
        values[key] = [files_text(change.after(held))]
    return replace(stated, values=values)


def _linked(connection: sa.Connection, store: Store, stated: Records) -> Records:
    """Return a held row with its links as they are kept; RefusedError where it still names what there is not."""
    row = {key: column[0] for key, column in stated.values.items()}
    found = referring(connection, store.layers, stated.layer, {stated.code[0]: row})[stated.code[0]]
    return replace(stated, values={key: [value] for key, value in found.items()})


def _apply(
    connection: sa.Connection,
    store: Store,
    stated: Records,
    known: Known,
    changeset: int,
    *,
    people: tuple[str, str],
) -> list[NewNumber]:
    """Write one row: a new record where nothing is known, else its record's next revision.

    `people`: who imported the row, and who accepts it. Returns the numbers of persons that it changes.
    """
    personal, layer = store.personal_fields(stated.layer), store.layers.get(stated.layer)
    if len(known) == 0:
        stated = unmasked(stated, [0], personal)
        _refuse_new(store, layer, stated, people)
        write_new(connection, stated, [0], changeset, store.layers)
        return []
    back = known.retired[0] is not None
    if known.op[0] == WITHDRAWN:
        # A withdrawn record is known anew: nothing of what was taken back may shine through.
        draft = NextRevision.afresh(known, 0, layer=stated.layer)
        known.erase(0)
        stated = unmasked(stated, [0], personal)
        _refuse_new(store, layer, stated, people)
    else:
        draft = NextRevision.after(known, 0, layer=stated.layer, op="reinstate" if back else "update")
        draft.retired = None
    changes = changes_of(stated, known, [0], [0], personal=personal).get(0, {})
    if layer is not None and draft.op != "insert":
        values = {key: column[0] for key, column in stated.values.items()}
        told = {0: {k: v for k, v in values.items() if v is not None}}
        judged = judge_rows(
            connection,
            known,
            {0: (0, changes)},
            {0: values},
            layer=layer,
            store=store,
            by=people,
            stated=told,
        )
        for verdict in judged.values():
            _refuse(layer, stated.code[0], verdict)
            changes = changes if verdict.changes is None else verdict.changes
            if verdict.op == "move":
                draft.op, draft.happened = verdict.op, verdict.happened
    if not changes and not back:
        return []
    draft.apply(changes)
    numbers = [] if draft.op == "insert" else numbers_of(layer, known, [(0, draft)])
    write_next(connection, [draft], changeset, store.layers)
    return numbers


def _refuse_new(store: Store, layer: Layer | None, stated: Records, people: tuple[str, str]) -> None:
    """Raise RefusedError with what the laws say against a new record, but that it arrived closed: that is accepted."""
    if layer is None:
        return
    marks = None if stated.checklist is None else [stated.checklist[0]]
    contacts = () if stated.contacts is None else stated.contacts[0] or ()
    values = list(stated_values(stated, [0]))
    (verdict,) = judge_new(layer, values, [contacts], store=store, by=people, checklists=marks)
    _refuse(layer, stated.code[0], verdict)


def _refuse(layer: Layer, code: str, verdict: RowVerdict) -> None:
    """Raise RefusedError where the laws do not let a row in; what a person settles by accepting it is settled."""
    lawful = {law.id for law in layer.laws if law.otherwise == "hold"} | {"arrives_closed"}
    said = [one for one in verdict.said if one.weight != "warn" and one.rule not in lawful]
    if said:
        told = [
            placed(layer, code, title_of(layer, one.field), Finding(one.rule, "error", one.message))
            for one in said
        ]
        raise RefusedError.of(told)


def decline_held(store: Store, held: Sequence[int], *, by: str, why: str) -> int:
    """Close held rows without applying them; return the changeset."""
    with store.writing() as connection:
        rows = _open_entries(connection, held)
        counts = {"declined": len(rows)}
        changeset = open_changeset(connection, store, by=by, why=why, kind="decline", counts=counts)
        _decide(connection, rows, "declined", changeset, None)
    return changeset


def _decide(
    connection: sa.Connection, rows: Sequence[Any], status: str, changeset: int, as_code: str | None
) -> None:
    connection.execute(
        s.held_row.update()
        .where(s.held_row.c.id.in_(json_list([row["id"] for row in rows])))
        .values(status=status, closed_by=changeset, as_code=as_code)
    )
