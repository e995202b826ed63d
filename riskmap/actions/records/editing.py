"""Changes that one person makes to records, each with a name, a reason and the version seen.

Full contacts: shown to a person who says why, and recorded before they are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from riskmap.actions.records.attaching import file_field, taken_in
from riskmap.actions.records.scoring import one_commit, one_feature
from riskmap.actions.workspace import Workspace
from riskmap.catalog import Layer
from riskmap.errors import RefusedError, RiskmapError, Text
from riskmap.io.files.attachments import Incoming
from riskmap.ledger import Created, FilesChange, NewRecord, RecordEdit, TierChange, Undone, Write
from riskmap.moments import local_now
from riskmap.rules.cell import Finding
from riskmap.rules.judge import Judged, LayerRules, placed, rules_of
from riskmap.rules.laws import broken_laws, title_of
from riskmap.rules.permissions import Actor, may
from riskmap.values.records import CLEAR, Contact, Records


@dataclass(frozen=True, slots=True)
class PointEdit:
    """What one person changes in one record of which version `seen` was read, as it is stated."""

    code: str
    seen: int
    changes: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Edited:
    """Code → version after an edit, and what the rules said of values that were kept.

    `changeset` is None where nothing differed and so nothing was written; `tiers` changed with it. `followed`:
    layer → how many other records had the number of a person that was changed, and have the new one now.
    """

    versions: Mapping[str, int]
    warnings: tuple[Text, ...] = ()
    changeset: int | None = None
    tiers: tuple[TierChange, ...] = ()
    followed: Mapping[str, int] = field(default_factory=dict[str, int])

    @property
    def version(self) -> int:
        """The version of the one record that was edited."""
        (version,) = self.versions.values()
        return version


def edit_point(
    ws: Workspace, layer: str, code: str, *, seen: int, changes: Mapping[str, object], by: Actor, why: str
) -> Edited:
    """Judge changes to a record, write them and score it again.

    `changes` maps name, subdistrict, position (lon, lat), shape, checklist, contacts or a field id
    to what is stated; None states nothing, CLEAR erases. RefusedError names every value that the
    layer's rules refuse; a stale `seen` raises StaleRevisionError with both sides.
    """
    return edit_points(ws, layer, [PointEdit(code, seen, changes)], by=by, why=why)


def edit_points(ws: Workspace, layer: str, rows: Sequence[PointEdit], *, by: Actor, why: str) -> Edited:
    """Judge changes to many records of a layer, write and score them: one changeset, one undo.

    All rows or none. RefusedError names every value that the layer's rules refuse;
    StaleRevisionError shows both sides of every record that has moved on.
    """
    for row in rows:
        may(by, "edit", layer, row.code)
    need_reason(why)
    rules = rules_of(ws.catalog.layer(layer), ws.subdistricts, ws.region)
    with one_commit(ws, [layer], by=by, why=why) as action:
        edits = judged_edits(ws, rules, rows)
        versions = ws.ledger.edit_many(layer, edits, by=by.name, why=why)
        changeset = next(iter(action.write.changesets()), None)
        followed = _followed(action.write, layer, versions) if rules.layer.role == "persons" else {}
    said = tuple(say for one in edits for say in one.changes.said(one.code, "warning"))
    warned = (*said, *_warned(ws, layer, list(versions)))
    return Edited(versions, warned, changeset, action.tiers, followed)


def _followed(write: Write, layer: str, versions: Mapping[str, int]) -> dict[str, int]:
    """Return layer → how many records were written beside those that were edited."""
    found = {
        of: len([c for c in codes if of != layer or c not in versions])
        for of, codes in write.touched().items()
    }
    return {of: n for of, n in found.items() if n}


def _warned(ws: Workspace, layer_id: str, codes: Sequence[str]) -> list[Text]:
    """Return the laws that only warn and that records break as they stand now, each with its place in front."""
    layer = ws.catalog.layer(layer_id)
    laws = tuple(law for law in layer.laws if law.otherwise == "warn")
    if not laws:
        return []
    records = ws.ledger.features(layer_id, codes=codes).records
    broken = broken_laws(
        layer,
        records.values,
        len(records),
        today=local_now().date(),
        checklists=records.checklist,
        laws=laws,
    )
    return [
        placed(
            layer,
            records.code[row],
            title_of(layer, one.field),
            Finding(one.rule, "warning", one.message),
        )
        for row, one in broken
    ]


def judged_edits(ws: Workspace, rules: LayerRules, rows: Sequence[PointEdit]) -> list[RecordEdit]:
    """Return rows with the verdict on what each states.

    Rows that share their changes share the verdict, unless it depends on what their record holds: a
    masked value stands for the one held, and a position is compared with the sub-district.
    """
    apart: set[int] = set()
    shared: dict[int, Judged] = {}
    for row in rows:
        if id(row.changes) not in shared:
            one = shared[id(row.changes)] = rules.record(row.changes, at=None, places=ws.places)
            masked = any(finding.rule == "masked" for _, finding in one.findings)
            if masked or not row.changes.keys().isdisjoint({"position", "shape"}):
                apart.add(id(row.changes))
    codes = [row.code for row in rows if id(row.changes) in apart]
    if not codes:
        return [RecordEdit(row.code, row.seen, shared[id(row.changes)]) for row in rows]
    before = ws.ledger.features(rules.layer.id, codes=codes, include_retired=True, contacts=True)
    place = {code: at for at, code in enumerate(before.records.code)}
    return [
        RecordEdit(
            row.code,
            row.seen,
            rules.record(row.changes, before=before, at=place.get(row.code), places=ws.places)
            if id(row.changes) in apart
            else shared[id(row.changes)],
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class NewPoint:
    """A record that one person adds, as it is stated. `code`: None where the layer's `key` makes one.

    `naming`: the field in which it names the one before it. `files`: field of files → what is attached to it.
    """

    layer: str
    code: str | None
    values: Mapping[str, object]
    naming: str = ""
    files: Mapping[str, Sequence[Incoming]] = field(default_factory=dict[str, Sequence[Incoming]])


@dataclass(frozen=True, slots=True)
class Recorded:
    """Records that were added as one changeset, what the rules said of values that were kept, tiers that followed."""

    records: tuple[Created, ...]
    changeset: int
    warnings: tuple[Text, ...] = ()
    tiers: tuple[TierChange, ...] = ()


def record_points(ws: Workspace, news: Sequence[NewPoint], *, by: Actor, why: str) -> Recorded:
    """Judge new records, add them with their files as one changeset and score them: all or none, one undo.

    RefusedError names every value that is refused, UnreadableFileError a file.
    """
    need_reason(why)
    judged = [judged_new(ws, new, by=by) for new in news]
    if not any(one.values.errors for one in judged):  # bytes of what is refused anyway would be left behind
        judged = [replace(one, files=_files_of(ws, new)) for one, new in zip(judged, news, strict=True)]
    layers = list(dict.fromkeys(new.layer for new in news))
    with one_commit(ws, layers, by=by, why=why) as action:
        made = ws.ledger.create_records(judged, by=by.name, why=why)
        changeset = action.write.changesets()[0]
    said = [
        text for one, new in zip(made, judged, strict=True) for text in new.values.said(one.code, "warning")
    ]
    for layer in layers:
        said += _warned(ws, layer, [one.code for one in made if one.layer == layer])
    return Recorded(tuple(made), changeset, tuple(said), action.tiers)


def _files_of(ws: Workspace, new: NewPoint) -> tuple[FilesChange, ...]:
    """Keep the bytes of what is attached to a new record."""
    place = " › ".join(part for part in (new.layer, new.code) if part)
    return tuple(
        taken_in(ws, file_field(ws, new.layer, name), files, place=place)
        for name, files in new.files.items()
        if files
    )


def judged_new(ws: Workspace, new: NewPoint, *, by: Actor) -> NewRecord:
    """Return a new record with the verdict on what is stated. NotAllowedError where somebody may not add it."""
    may(by, "edit", new.layer, new.code or "")
    layer = ws.catalog.layer(new.layer)
    rules = rules_of(layer, ws.subdistricts, ws.region)
    if not (new.code or "").strip() and layer.key.kind != "code":
        return NewRecord(layer.id, None, rules.record(new.values, places=ws.places), new.naming)
    value, refused = rules.of("code").value(new.code)
    if value is refused is None:
        raise RiskmapError(
            f"{layer.title.zh}：新记录的编号不能为空；请填写本街道的统一编号",
            f"{layer.title.en}: the code of the new record is empty; write one",
        )
    stated = rules.record({"code": new.code} | dict(new.values), places=ws.places)
    return NewRecord(layer.id, str(value or new.code), stated, new.naming)


def create_point(
    ws: Workspace, layer: str, code: str | None, *, values: Mapping[str, object], by: Actor, why: str
) -> Edited:
    """Judge a new record, add it by hand and score it. RefusedError names every value that is refused.

    `code`: None, or blank, where the layer's `key` makes codes.
    """
    done = record_points(ws, [NewPoint(layer, code, values)], by=by, why=why)
    return Edited({one.code: one.version for one in done.records}, done.warnings, done.changeset, done.tiers)


def retire_point(
    ws: Workspace, layer: str, code: str, *, by: Actor, why: str, seen: int | None = None
) -> int:
    """Take a record off the lists; it stays in the ledger with the reason."""
    may(by, "retire", layer, code)
    need_reason(why)
    one_feature(ws, layer, code)
    return ws.ledger.retire(layer, code, by=by.name, why=why, seen=seen)


def reinstate_points(
    ws: Workspace,
    layer: str,
    codes: Sequence[str],
    *,
    by: Actor,
    why: str,
    seen: Mapping[str, int] | None = None,
    empty_refused: bool = False,
) -> Edited:
    """Put retired records back on the lists as one changeset, all or none, and score them anew.

    What they hold is judged by the layer file of today. RefusedError names every value that it
    refuses; with `empty_refused` those values come back empty, and their past keeps them. `seen`: code →
    version that was read; StaleRevisionError shows both sides of every record that has moved on.
    """
    for code in codes:
        may(by, "retire", layer, code)
    need_reason(why)
    one_feature(ws, layer, codes[0])
    with one_commit(ws, [layer], by=by, why=why) as action:
        judged = judged_again(ws, layer, codes)
        refused = [say for code, one in judged.items() for say in one.said(code, "error")]
        if refused and not empty_refused:
            listed = Text.listed(refused)
            raise RefusedError(
                tuple(refused),
                f"{listed.zh}；未恢复；可选择恢复时把这些值留空",
                f"{listed.en}; nothing was reinstated; these values can be left empty",
            )
        rules = rules_of(ws.catalog.layer(layer), ws.subdistricts, ws.region)
        now = ws.ledger.features(layer, codes=codes, include_retired=True)
        versions = dict(zip(now.records.code, now.version.tolist(), strict=True)) | dict(seen or {})
        edits = [
            RecordEdit(
                code,
                versions[code],
                rules.record({target: CLEAR for target, _ in one.errors} | _of_today(one)),
            )
            for code, one in judged.items()
        ]
        back = ws.ledger.reinstate_many(layer, edits, by=by.name, why=why)
        changeset = next(iter(action.write.changesets()), None)
    said = tuple(say for code, one in judged.items() for say in one.said(code, "warning"))
    return Edited(back, said, changeset, action.tiers)


def _of_today(judged: Judged) -> dict[str, object]:
    """Return the names of a street and a community that were renamed while a record was retired."""
    renamed = [target for target, one in judged.findings if one.rule == "renamed_street"]
    return {target: judged.values[target] for target in renamed}


def judged_again(ws: Workspace, layer_id: str, codes: Sequence[str]) -> dict[str, Judged]:
    """Return what the layer file of today says of what records hold, code → verdict; UnknownNameError for none."""
    layer = ws.catalog.layer(layer_id)
    rules = rules_of(layer, ws.subdistricts, ws.region)
    held = ws.ledger.features(layer_id, codes=codes, include_retired=True, contacts=True)
    place = {code: at for at, code in enumerate(held.records.code)}
    for code in codes:
        if code not in place:
            one_feature(ws, layer_id, code)
    return {
        code: rules.record(
            _held(held.records, place[code], layer), before=held, at=place[code], places=ws.places
        )
        for code in codes
    }


def _held(records: Records, at: int, layer: Layer) -> dict[str, object]:
    """Return everything that a record holds of its layer, as if it were stated."""
    here = (float(records.lon[at]), float(records.lat[at]))
    shape = records.shapes[at] if records.shapes else None
    stated: dict[str, object] = {
        "name": records.name[at],
        "subdistrict": records.subdistrict[at],
        "checklist": records.checklist[at] if records.checklist else None,
        "contacts": records.contacts[at] if records.contacts else None,
        "shape": shape,
        "position": None if shape is not None or math.isnan(sum(here)) else here,
        **{key: column[at] for key, column in records.values.items() if key in layer.field_ids},
    }
    return {key: value for key, value in stated.items() if value is not None}


def undo_changeset(ws: Workspace, changeset: int, *, by: Actor, why: str) -> Undone:
    """Undo one changeset as a whole and score the records that it had written, and no other."""
    may(by, "undo")
    need_reason(why)
    with one_commit(ws, by=by, why=why, rated=True) as action:
        undone = ws.ledger.undo(changeset, by=by.name, why=why)
    return replace(undone, tiers=action.tiers)


def undone_text(changeset: int, undone: Undone) -> Text:
    """Return everything that an undo did, in one sentence."""
    parts = [
        (undone.restored, "恢复记录 {n} 条", "records put back: {n}"),
        (undone.withdrawn, "撤出新记录 {n} 条", "new records withdrawn: {n}"),
        (undone.reopened_held, "重新待确认 {n} 行", "rows held again: {n}"),
        (undone.reopened_rejected, "重新列为退回 {n} 行", "rows rejected again: {n}"),
        (undone.closed_held, "不再待确认 {n} 行", "held rows closed: {n}"),
        (undone.closed_rejected, "不再列为退回 {n} 行", "rejected rows closed: {n}"),
        (len(undone.tiers), "等级改变 {n} 处", "tiers changed: {n}"),
    ]
    done = [(zh.format(n=n), en.format(n=n)) for n, zh, en in parts if n]
    return Text(
        f"变更 {changeset} 已撤销（记为变更 {undone.changeset}）：" + "，".join(zh for zh, _ in done),
        f"changeset {changeset} is undone (as changeset {undone.changeset}): "
        + ", ".join(en for _, en in done),
    )


def need_reason(why: str) -> None:
    """Raise RiskmapError where no reason is stated."""
    if not why.strip():
        raise RiskmapError(
            "请写明原因：每次改动都要留下是谁、为什么", "state the reason: every change keeps who and why"
        )


def reveal_contacts(ws: Workspace, layer: str, code: str, *, by: Actor, why: str) -> tuple[Contact, ...]:
    """Return the contacts of a record unmasked; the ledger keeps who saw them and why.

    Raises UnknownNameError for a code that does not exist and RiskmapError without person or reason.
    """
    may(by, "read_contacts", layer, code)
    people = one_feature(ws, layer, code, contacts=True).records.contacts
    note_unmasked(ws, f"{ws.catalog.layer(layer).title.zh} › {code}：联系方式", by=by, why=why)
    return (people[0] if people else None) or ()


def note_unmasked(ws: Workspace, what: str, *, by: Actor | None, why: str) -> None:
    """Record who is about to see full contacts, where, and why: nobody sees what was not recorded.

    Refuses what `may_unmask` refuses.
    """
    ws.ledger.record_export(by=may_unmask(what, by=by, why=why).name, why=why, what=what, unmasked=True)


def may_unmask(what: str, *, by: Actor | None, why: str) -> Actor:
    """Return who may see full contacts; nothing is recorded yet.

    RiskmapError without a person or a reason, NotAllowedError for a person without the right.
    """
    if by is None or not by.name.strip() or not why.strip():
        raise RiskmapError(
            f"完整联系方式（{what}）：请写明经办人和原因",
            f"full contacts ({what}): state the person and the reason",
        )
    may(by, "read_contacts")
    return by
