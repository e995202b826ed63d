"""Changes by hand: create, edit, retire, reinstate. A stale edit is refused and shows both sides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import sqlalchemy as sa

from riskmap.catalog.flow import STATE
from riskmap.catalog.layer import Layer
from riskmap.errors import LedgerError, RefusedError, StaleRevisionError, StaleRow, UnknownNameError
from riskmap.io.tables.row_keys import code_stem, next_code
from riskmap.ledger import schema as s
from riskmap.ledger.attachments import keep_facts
from riskmap.ledger.columns import WITHDRAWN, Known, read_known, read_versions
from riskmap.ledger.links import children, hanging_on, listed, referring
from riskmap.ledger.merging import (
    FIXED_KEYS,
    SAME_PLACE,
    Changes,
    changed_roles,
    merge_checklist,
    merge_contacts,
    same,
    same_shape,
    shown,
)
from riskmap.ledger.persons import following, numbers_of
from riskmap.ledger.revisions import NextRevision, open_changeset, write_new, write_next
from riskmap.ledger.store import Store
from riskmap.rules.cell import Finding
from riskmap.rules.judge import Judged, accepted, placed
from riskmap.rules.laws import judge_records, title_of
from riskmap.rules.masks import is_masked
from riskmap.rules.moves import Objection
from riskmap.rules.people import by_role
from riskmap.values.attachments import Attachment, FileList, files_key, files_text, read_files
from riskmap.values.records import CLEAR, Records

_NAMED: Final = 5  # codes that a message lists


def _refuse(place: str, zh: str, en: str) -> LedgerError:
    return LedgerError(f"{place}：{zh}，未写入", f"{place}: {en}; nothing was written")


def _to_write(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return judged values with None where they erase."""
    return {key: None if value is CLEAR else value for key, value in values.items()}


@dataclass(frozen=True, slots=True)
class NewRecord:
    """A record to be written: `code` None where the key of its layer makes one.

    `naming`: the field in which it names the record that is written just before it. `files`: what is attached to it.
    """

    layer: str
    code: str | None
    values: Judged
    naming: str = ""
    files: tuple[FilesChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Created:
    """A record that was written."""

    layer: str
    code: str
    version: int


def create_records(store: Store, news: Sequence[NewRecord], *, by: str, why: str) -> list[Created]:
    """Write new records as one changeset, all or none, in their order. A code that exists is refused."""
    with store.writing() as connection:
        counts = {"inserted": len(news)}
        changeset = open_changeset(connection, store, by=by, why=why, kind="create", counts=counts)
        return write_records(connection, store, news, changeset)


def write_records(
    connection: sa.Connection, store: Store, news: Sequence[NewRecord], changeset: int
) -> list[Created]:
    """Write new records in their order as part of a changeset."""
    made: list[Created] = []
    keep_facts(connection, [file for new in news for one in new.files for file, _ in one.put.values()])
    for new in news:
        code, stated = _judged_new(connection, store, new, made)
        draft = _afresh(connection, store, new.layer, code, stated)
        if draft is None:
            write_new(connection, _as_records(new.layer, code, stated), [0], changeset, store.layers)
        else:
            write_next(connection, [draft], changeset, store.layers)
        made.append(Created(new.layer, code, 1 if draft is None else draft.version + 1))
    return made


def _judged_new(
    connection: sa.Connection, store: Store, new: NewRecord, made: Sequence[Created]
) -> tuple[str, dict[str, Any]]:
    """Return the code of a new record and what is to be written of it. RefusedError with what speaks against it."""
    if new.code is not None and not new.code.strip():
        raise _refuse(new.layer, "编号不能为空；请填写编号", "a record needs a code; fill it in")
    place = new.code or ""
    judged = _to_write(accepted(new.layer, {place: new.values})[place])
    if new.naming and made:
        judged[new.naming] = f"{made[-1].layer}:{made[-1].code}"
    judged = referring(connection, store.layers, new.layer, {place: judged})[place]
    stated = {key: _merged(key, value, None) for key, value in judged.items()}
    stated |= {files_key(one.field): files_text(one.after(())) for one in new.files}
    code = new.code if new.code is not None else _made_code(connection, store, new.layer, stated)
    _refuse_new(store, new.layer, code, stated)
    return code, stated


def _made_code(connection: sa.Connection, store: Store, layer: str, stated: Mapping[str, Any]) -> str:
    """Return the next code that a layer makes; under the writers' lock, so that nobody else gets it."""
    definition = store.layers.get(layer)
    if definition is None or definition.key.kind == "code":
        raise _refuse(
            layer,
            "这个图层的编号由人填写；请填写编号",
            "the codes of this layer are stated by people; fill it in",
        )
    if (stem := code_stem(definition, stated, year=store.today.year)) is not None:
        f, held = s.feature.c, s.held_row.c  # a row that waits keeps the code that it was given
        query = sa.union(
            sa.select(f.code).where(f.layer == layer, f.code.startswith(stem, autoescape=True)),
            sa.select(held.code).where(
                held.layer == layer, held.status == "open", held.code.startswith(stem, autoescape=True)
            ),
        )
        return next_code(definition, list(connection.scalars(query)), stem)
    parent = definition.belongs_to
    title = definition.title if parent is None else definition.field(parent.field).title
    raise _refuse(
        f"{layer} › {title.zh}", "没有写它所属的记录；请补上", "the record that it belongs to is not stated"
    )


def _afresh(
    connection: sa.Connection, store: Store, layer: str, code: str, stated: Mapping[str, Any]
) -> NextRevision | None:
    """Return the next revision of a record that was withdrawn, None where there was none; any other is refused."""
    known = read_known(connection, layer, codes=[code], contacts=True, definition=store.layers.get(layer))
    if not len(known):
        return None
    if known.op[0] == WITHDRAWN:
        changes = {k: (None, v) for k, v in stated.items() if v is not None}
        return NextRevision.afresh(known, 0, layer=layer).apply(changes)
    gone = known.retired[0]
    zh, en = (
        "已有这个编号；请换一个编号，或编辑原记录",
        "this code exists; choose another or edit the record",
    )
    if gone is not None:
        zh, en = (
            f"该编号已注销（{gone}）；请恢复原记录，或换一个编号",
            f"this code was retired ({gone}); reinstate it or choose another",
        )
    raise _refuse(f"{layer} › {code}", zh, en)


def _raise_unlawful(layer: Layer, codes: Sequence[str], said: Mapping[int, Sequence[Objection]]) -> None:
    """Raise RefusedError with what speaks against records; what only warns stops nothing."""
    refused = [
        placed(layer, codes[row], title_of(layer, one.field), Finding(one.rule, "error", one.message))
        for row, told in said.items()
        for one in told
        if one.weight != "warn"
    ]
    if refused:
        raise RefusedError.of(refused)


def _refuse_new(store: Store, layer: str, code: str, stated: Mapping[str, Any]) -> None:
    """Raise RefusedError with every law that a new record would break; one of a flow begins where the flow starts."""
    definition = store.layers.get(layer)
    if definition is None:
        return
    values = {key: value for key, value in stated.items() if key not in FIXED_KEYS and value is not None}
    if definition.flow is not None:
        values.setdefault(STATE, definition.flow.start)
    said = judge_records(
        definition,
        [None],
        [values],
        happened=[None],
        today=store.today,
        checklists=[stated.get("checklist")],
    )
    _raise_unlawful(definition, [code], said)


def _as_records(layer: str, code: str, stated: Mapping[str, Any]) -> Records:
    lon, lat = stated.get("position") or (np.nan, np.nan)
    shape, checklist, contacts = stated.get("shape"), stated.get("checklist"), stated.get("contacts")
    return Records(
        layer=layer,
        code=[code],
        name=[stated.get("name")],
        subdistrict=[stated.get("subdistrict")],
        lon=np.array([lon], dtype=np.float64),
        lat=np.array([lat], dtype=np.float64),
        shapes=None if shape is None else [shape],
        values={k: [v] for k, v in stated.items() if k not in FIXED_KEYS},
        checklist=None if checklist is None else [checklist],
        contacts=None if contacts is None else [contacts],
    )


def _need_known(layer: str, missing: Sequence[str]) -> None:
    if missing:
        some = "、".join(missing[:_NAMED]) + ("…" if len(missing) > _NAMED else "")
        raise UnknownNameError(
            f"{layer} › {some}：台账中没有这个编号；请核对编号和图层",
            f"{layer} › {some}: the ledger has no such code; check the code and the layer",
        )


def _value(known: Known, at: int, key: str) -> Any:
    if key in ("name", "subdistrict", "checklist", "shape"):
        return getattr(known, key)[at]
    if key == "position":
        return known.position(at)
    if key == "contacts":
        return known.contacts[at] if known.contacts else ()
    column = known.values.get(key)
    return None if column is None else column[at]


def _merged(key: str, stated: Any, before: Any) -> Any:
    """Return what a key holds after an edit: of a checklist and of people, what is not stated stays."""
    if stated is None:
        return () if key == "contacts" else None
    if key == "contacts":
        return merge_contacts(stated, before or ())
    if key == "checklist":
        marks = merge_checklist(stated, before)
        return marks if any(mark is not None for mark in marks) else None
    return stated


def differs(key: str, before: Any, after: Any) -> bool:
    """Tell whether what a key holds is another value; a position within a millimetre is the same."""
    if key == "position" and before is not None and after is not None:
        return any(abs(a - b) >= SAME_PLACE for a, b in zip(before, after, strict=True))
    if key == "shape":
        return not same_shape(before, after)
    if key == "contacts":
        return by_role(before or ()) != by_role(after or ())
    return not same(before, after)


def differences(known: Known, before: int | None, after: int) -> Changes:
    """Return how row `after` differs from row `before` (from nothing: None): key → (before, after), unmasked."""
    keys = (*FIXED_KEYS, *known.values)
    out: Changes = {}
    for key in keys:
        old = None if before is None else _value(known, before, key)
        new = _value(known, after, key)
        if differs(key, old, new):
            out[key] = (old, new)
    gone = None if before is None else known.retired[before]
    if gone != known.retired[after]:
        out["retired"] = (gone, known.retired[after])
    return out


def effective_changes(known: Known, at: int, stated: Mapping[str, Any], personal: frozenset[str]) -> Changes:
    """Return what of a statement changes a record, key → (before, after); a masked value changes nothing."""
    changes: Changes = {}
    for key, value in stated.items():
        if key in personal and is_masked(value):
            continue
        before = _value(known, at, key)
        after = _merged(key, value, before)
        if differs(key, before, after):
            changes[key] = (before, after)
    return changes


@dataclass(frozen=True, slots=True)
class RecordEdit:
    """What one person changes in one record of which version `seen` was read."""

    code: str
    seen: int
    changes: Judged


def _stated(layer: str, edits: Sequence[RecordEdit]) -> dict[str, dict[str, Any]]:
    """Return code → what is to be written of it. RefusedError, and LedgerError for a record named twice."""
    judged = accepted(layer, {one.code: one.changes for one in edits})
    if len(judged) < len(edits):
        twice = next(code for code, n in Counter(one.code for one in edits).items() if n > 1)
        raise _refuse(
            f"{layer} › {twice}",
            "同一个编号改了两次；请合并为一行",
            "this record is changed twice; make it one row",
        )
    return {code: _to_write(values) for code, values in judged.items()}


def placed_records(
    connection: sa.Connection, layer: str, codes: Collection[str], definition: Layer | None
) -> tuple[Known, dict[str, int]]:
    """Return records with their contacts, and the row of each code; UnknownNameError names codes that are none."""
    known = read_known(connection, layer, codes=list(codes), contacts=True, definition=definition)
    place = {code: at for at, code in enumerate(known.code)}
    _need_known(layer, [code for code in codes if code not in place])
    return known, place


def changes_of(store: Store, layer: str, edits: Sequence[RecordEdit]) -> dict[str, Changes]:
    """Return code → what an edit would change, key → (before, after), unmasked; nothing is written.

    A record that already is as it is stated has no entry. Versions are not compared.
    """
    stated, personal = _stated(layer, edits), store.personal_fields(layer)
    with store.reading() as connection:
        stated = referring(connection, store.layers, layer, stated)
        known, place = placed_records(connection, layer, stated, store.layers.get(layer))
    found = {code: effective_changes(known, place[code], values, personal) for code, values in stated.items()}
    return {code: changes for code, changes in found.items() if changes}


def edit(store: Store, layer: str, edits: Sequence[RecordEdit], *, by: str, why: str) -> dict[str, int]:
    """Change records of one layer as one changeset; return code → version after it.

    A change that changes nothing writes nothing. Raises StaleRevisionError with both sides of every
    record that has moved on, RefusedError with what the rules refused; then nothing is written.
    """
    stated = _stated(layer, edits)
    personal = store.personal_fields(layer)
    with store.writing() as connection:
        stated = referring(connection, store.layers, layer, stated)
        known, place = placed_records(connection, layer, stated, store.layers.get(layer))
        seen = {one.code: one.seen for one in edits}
        refuse_stale(connection, layer, known, place=place, seen=seen, stated=stated, personal=personal)
        drafts: list[NextRevision] = []
        for code, values in stated.items():
            at = place[code]
            need_active(layer, known, at)
            if effective := effective_changes(known, at, values, personal):
                drafts.append(NextRevision.after(known, at, layer=layer, op="update").apply(effective))
        definition = store.layers.get(layer)
        numbers = numbers_of(definition, known, [(place[draft.code], draft) for draft in drafts])
        refuse_unlawful(store, layer, drafts, known, place)
        drafts += following(connection, store.layers, numbers, but={(layer, one.code) for one in drafts})
        if drafts:
            counts = {"updated": len(drafts)}
            changeset = open_changeset(connection, store, by=by, why=why, kind="edit", counts=counts)
            write_next(connection, drafts, changeset, store.layers)
    changed = {draft.code for draft in drafts if draft.layer == layer}
    return {code: known.version[place[code]] + (code in changed) for code in stated}


def refuse_unlawful(
    store: Store, layer: str, drafts: Sequence[NextRevision], known: Known, place: Mapping[str, int]
) -> None:
    """Raise RefusedError with every law of their layer that records would break; one that warns stops nothing."""
    definition = store.layers.get(layer)
    if definition is None:
        return
    said = judge_records(
        definition,
        [known.body(place[draft.code]) if draft.code in place else None for draft in drafts],
        [draft.values for draft in drafts],
        happened=[draft.happened for draft in drafts],
        today=store.today,
        checklists=[draft.checklist for draft in drafts],
    )
    _raise_unlawful(definition, [draft.code for draft in drafts], said)


@dataclass(frozen=True, slots=True)
class FilesChange:
    """What is attached to a record and taken off it, in one field: digest → (what it is, its name), and digests.

    `several`: whether the field takes more than one; else what comes takes the place of what is there.
    """

    field: str
    put: Mapping[str, tuple[Attachment, str]]
    taken_off: frozenset[str] = frozenset()
    several: bool = True

    def after(self, before: FileList) -> FileList:
        """Return the files of the field after it; one that is there keeps its name."""
        held = {digest: name for digest, name in before if digest not in self.taken_off}
        coming = {digest: held.get(digest, name) for digest, (_, name) in self.put.items()}
        return tuple((held | coming if self.several or not coming else coming).items())


def change_files(
    store: Store, layer: str, code: str, change: FilesChange, *, seen: int | None, by: str, why: str
) -> int:
    """Attach files to an active record, or take them off, as one changeset; return its version.

    A change that changes nothing writes nothing. StaleRevisionError with both sides where it has moved on.
    """
    key, kind = files_key(change.field), "attach" if change.put else "detach"
    with store.writing() as connection:
        known, place = placed_records(connection, layer, [code], store.layers.get(layer))
        at = place[code]
        said = _value(known, at, key)
        after = files_text(change.after(read_files(said)))
        refuse_stale(
            connection,
            layer,
            known,
            place=place,
            seen={code: seen},
            stated={code: {key: after}},
            personal=frozenset(),
        )
        need_active(layer, known, at)
        if after == said:
            return known.version[at]
        keep_facts(connection, [file for file, _ in change.put.values()])
        changeset = open_changeset(connection, store, by=by, why=why, kind=kind, counts={"updated": 1})
        draft = NextRevision.after(known, at, layer=layer, op=kind).apply({key: (said, after)})
        write_next(connection, [draft], changeset, store.layers)
    return known.version[at] + 1


def need_active(layer: str, known: Known, at: int) -> None:
    """Raise LedgerError for a record that is retired."""
    if known.retired[at] is not None:
        raise _refuse(
            f"{layer} › {known.code[at]}",
            f"该记录已注销（{known.retired[at]}）；请先恢复再编辑",
            f"this record is retired ({known.retired[at]}); reinstate it before editing",
        )


def refuse_stale(
    connection: sa.Connection,
    layer: str,
    known: Known,
    *,
    place: Mapping[str, int],
    seen: Mapping[str, int | None],
    stated: Mapping[str, Mapping[str, Any]],
    personal: frozenset[str],
) -> None:
    """Raise StaleRevisionError with both sides of every record that is no longer of the version seen."""
    rows = [
        _stale(connection, layer, code, seen=version, stated=stated.get(code, {}), personal=personal)
        for code, version in seen.items()
        if version is not None and known.version[place[code]] != version
    ]
    if rows:
        raise StaleRevisionError.of(layer, rows)


def _stale(
    connection: sa.Connection,
    layer: str,
    code: str,
    *,
    seen: int,
    stated: Mapping[str, Any],
    personal: frozenset[str],
) -> StaleRow:
    versions = read_versions(connection, layer, code)
    now = len(versions) - 1
    then = versions.version.index(seen) if seen in versions.version else None
    left: Changes = {}
    since = {} if then is None else differences(versions, then, now)
    for key in dict.fromkeys((*stated, *since)):
        theirs = versions.retired[now] if key == "retired" else _value(versions, now, key)
        base = then if then is not None else now
        own = _merged(key, stated[key], _value(versions, base, key)) if key in stated else since[key][0]
        left[key] = (theirs, own)
    masked = {k: v for k, v in shown(left, personal).items() if k != "contacts"}
    if "contacts" in left:
        theirs, own = left["contacts"]
        out, into = changed_roles(theirs or (), own or ())
        masked |= shown({"contacts": (out, into)}, personal)
    return StaleRow(
        code,
        seen,
        versions.version[now],
        mine={k: v[1] for k, v in masked.items()},
        theirs={k: v[0] for k, v in masked.items()},
    )


def retire(store: Store, layer: str, code: str, *, seen: int | None, by: str, why: str) -> int:
    """Take a record out of the lists; it stays in the ledger. Return the new version."""
    return _turn(store, layer, {code: seen}, by=by, why=why, reason=why)[code]


def reinstate(store: Store, layer: str, code: str, *, seen: int | None, by: str, why: str) -> int:
    """Bring a retired record back; return the new version."""
    return _turn(store, layer, {code: seen}, by=by, why=why, reason=None)[code]


def reinstate_many(
    store: Store, layer: str, edits: Sequence[RecordEdit], *, by: str, why: str
) -> dict[str, int]:
    """Bring retired records back as one changeset, all or none, with what is stated of them; code → version."""
    seen = {one.code: one.seen for one in edits}
    return _turn(store, layer, seen, by=by, why=why, reason=None, stated=_stated(layer, edits))


def _refuse_parents(connection: sa.Connection, store: Store, layer: str, codes: Mapping[int, str]) -> None:
    """Refuse to retire what records on the lists hang on: they would be left without the one they are of."""
    hanging = children(store.layers, hanging_on(connection, codes))
    if hanging:
        raise _refuse(
            f"{layer} › {hanging[0].code}",
            f"还有 {len(hanging)} 条记录挂在它上面（{listed(hanging)}）；请先注销或改挂这些记录",
            f"{len(hanging)} records hang on it ({listed(hanging)}); retire them first, or let them hang on another one",
        )


def _turn(
    store: Store,
    layer: str,
    seen: Mapping[str, int | None],
    *,
    by: str,
    why: str,
    reason: str | None,
    stated: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, int]:
    kind = "reinstate" if reason is None else "retire"
    stated = stated or {}
    personal = store.personal_fields(layer)
    with store.writing() as connection:
        # Kept columns that a field names by now go to it with a change of content, not with a turn.
        definition = store.layers.get(layer) if any(stated.values()) else None
        known, place = placed_records(connection, layer, seen, definition)
        refuse_stale(connection, layer, known, place=place, seen=seen, stated=stated, personal=personal)
        if reason is not None:
            _refuse_parents(
                connection, store, layer, {known.feature_id[at]: code for code, at in place.items()}
            )
        drafts: list[NextRevision] = []
        for code in seen:
            at = place[code]
            if (known.retired[at] is None) == (reason is None):
                zh, en = (
                    ("该记录没有注销；无需恢复", "this record is not retired; there is nothing to reinstate")
                    if reason is None
                    else ("该记录已经注销；无需再次注销", "this record is retired already")
                )
                raise _refuse(f"{layer} › {code}", zh, en)
            draft = NextRevision.after(known, at, layer=layer, op=kind)
            draft.retired = None if reason is None else reason.strip()
            drafts.append(draft.apply(effective_changes(known, at, stated.get(code, {}), personal)))
        if drafts:
            counts = {f"{kind}d": len(drafts)}
            changeset = open_changeset(connection, store, by=by, why=why, kind=kind, counts=counts)
            write_next(connection, drafts, changeset, store.layers)
    return {draft.code: draft.version + 1 for draft in drafts}
