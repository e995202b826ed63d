"""Two records of one place made one, and one record made two; what names them follows in the same changeset.

What was united or parted stays readable from both sides: the revisions of such a changeset say by their `op` which part
they had, so that nothing beside them has to be kept, and an undo takes all of it back as it does any changeset.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import sqlalchemy as sa

from riskmap.catalog.layer import Layer, named_by, pieces, record_named
from riskmap.errors import LedgerError, RefusedError, Text
from riskmap.ledger import schema as s
from riskmap.ledger.columns import Known
from riskmap.ledger.editing import (
    NewRecord,
    differs,
    effective_changes,
    need_active,
    placed_records,
    refuse_stale,
    refuse_unlawful,
    write_records,
)
from riskmap.ledger.links import (
    MERGE,
    MERGED,
    Hanging,
    Reference,
    hanging_on,
    listed,
    written_link,
)
from riskmap.ledger.merging import Changes, shown
from riskmap.ledger.revisions import NextRevision, open_changeset, write_next
from riskmap.ledger.store import Store
from riskmap.rules.judge import Judged, accepted
from riskmap.rules.masks import mask_contacts
from riskmap.rules.people import by_role
from riskmap.values.attachments import PREFIX as FILES
from riskmap.values.attachments import files_text, read_files
from riskmap.values.records import Counterpart, Value

SPLIT: Final = "split"
"""What made the revision of a record of which another one was made."""


Side = Literal["keep", "drop"]


@dataclass(frozen=True, slots=True)
class Conflict:
    """What two records of one place state otherwise: `key` and both sides, fit to be shown.

    `key`: name, subdistrict, position, shape, a field, `checklist.ITEM` or `contact.ROLE`.
    """

    key: str
    keep: Any
    drop: Any

    @property
    def words(self) -> tuple[str, str]:
        """Both sides in a few words."""
        return _told(self.keep), _told(self.drop)


@dataclass(frozen=True, slots=True)
class MergePlan:
    """What merging `drop` into `keep` would do: `taken` is what only `drop` states, `naming` what names it by now."""

    layer: str
    keep: str
    drop: str
    versions: Mapping[str, int]
    taken: tuple[str, ...]
    conflicts: tuple[Conflict, ...]
    naming: tuple[Reference, ...]


@dataclass(frozen=True, slots=True)
class Reunited:
    """What merging or splitting wrote: its changeset, the codes that it is about, and the records that name another now."""

    changeset: int
    codes: tuple[str, ...]
    relinked: tuple[Reference, ...]


def plan_merge(store: Store, layer: str, keep: str, drop: str) -> MergePlan:
    """Return what merging a record into another of its layer would do; nothing is written.

    UnknownNameError for codes that are none, LedgerError for one that is retired and for a record and itself.
    """
    definition = _defined(store, layer)
    _refuse_itself(layer, keep, drop)
    with store.reading() as connection:
        known, place = placed_records(connection, layer, [keep, drop], definition)
        need_active(layer, known, place[keep])
        need_active(layer, known, place[drop])
        parts = _parts(definition, known, place[keep], place[drop])
        taken = tuple(key for key, (ours, theirs) in parts.items() if ours is None and theirs is not None)
        more = _unions(store, definition, known, place[keep], place[drop])
        personal = store.personal_fields(layer)
        conflicts = tuple(_shown(key, *sides, personal) for key, sides in _conflicts(parts).items())
        naming = [
            one
            for one in _named(connection, known.feature_id[place[drop]])
            if one.code != keep or one.layer != layer
        ]
    versions = {code: known.version[place[code]] for code in (keep, drop)}
    return MergePlan(
        layer,
        keep,
        drop,
        versions,
        tuple(key.removeprefix(FILES) for key in (*taken, *more)),
        conflicts,
        tuple(naming),
    )


def merge_records(
    store: Store,
    layer: str,
    keep: str,
    drop: str,
    *,
    sides: Mapping[str, Side],
    stated: Judged,
    seen: Mapping[str, int],
    by: str,
    why: str,
) -> Reunited:
    """Merge a record into another of its layer as one changeset: values, links, children, files and tickets go over.

    `sides`: what each conflict is settled by; `stated`: what is stated of the kept record instead. The other one is
    retired, and its history stays. RefusedError lists the conflicts that nobody settled, StaleRevisionError shows both
    sides where a record has moved on.
    """
    definition, personal = _defined(store, layer), store.personal_fields(layer)
    _refuse_itself(layer, keep, drop)
    own = accepted(layer, {keep: stated})[keep]
    with store.writing() as connection:
        known, place = placed_records(connection, layer, [keep, drop], definition)
        refuse_stale(connection, layer, known, place=place, seen=seen, stated={}, personal=personal)
        into, gone = place[keep], place[drop]
        need_active(layer, known, into)
        need_active(layer, known, gone)
        parts = _parts(definition, known, into, gone)
        _refuse_open(store, definition, keep, drop, _conflicts(parts), settled={*sides, *own})
        draft = NextRevision.after(known, into, layer=layer, op=MERGE)
        draft.apply(_merged(definition, known, into, gone, parts, sides))
        draft.apply(_unions(store, definition, known, into, gone))
        _unname(store, definition, draft, {keep, drop})
        draft.apply(effective_changes(known, into, own, personal))
        refuse_unlawful(store, layer, [draft], known, place)
        left = NextRevision.after(known, gone, layer=layer, op=MERGED)
        left.retired = f"→ {keep}：{why.strip()}"
        named = [one for one in _named(connection, known.feature_id[gone]) if one != Reference(layer, keep)]
        relinked = _relinked(connection, store, named, was=Reference(layer, drop), now=Reference(layer, keep))
        counts = {"merged": 1, "updated": 1 + len(relinked)}
        changeset = open_changeset(connection, store, by=by, why=why, kind=MERGE, counts=counts)
        write_next(connection, [draft, left], changeset, store.layers)
        write_next(connection, relinked, changeset, store.layers)
    return Reunited(changeset, (keep, drop), tuple(named))


def split_record(
    store: Store,
    new: NewRecord,
    code: str,
    *,
    moved: Collection[str],
    files: Collection[str],
    naming: Sequence[Reference],
    seen: int,
    by: str,
    why: str,
) -> Reunited:
    """Make a new record of one as one changeset; what moves to it leaves the one that it is made of.

    `new`: what is stated of it, what moves included; `moved`: the keys that leave the other, `files`: fields of files that
    go over whole, `naming`: the records that name the new one from now on. RefusedError with what the rules and laws
    say, StaleRevisionError where the record has moved on.
    """
    layer = new.layer
    definition, personal = _defined(store, layer), store.personal_fields(layer)
    with store.writing() as connection:
        known, place = placed_records(connection, layer, [code], definition)
        refuse_stale(connection, layer, known, place=place, seen={code: seen}, stated={}, personal=personal)
        need_active(layer, known, place[code])
        body = known.body(place[code])
        going = {FILES + field: body[FILES + field] for field in files if FILES + field in body}
        draft = NextRevision.after(known, place[code], layer=layer, op=SPLIT)
        draft.apply(dict.fromkeys((*moved, *going), (None, None)))
        refuse_unlawful(store, layer, [draft], known, place)
        _refuse_not_naming(connection, layer, code, known.feature_id[place[code]], naming)
        counts = {"inserted": 1, "updated": 1 + len(naming)}
        changeset = open_changeset(connection, store, by=by, why=why, kind=SPLIT, counts=counts)
        with_files = replace(new.values, values={**new.values.values, **going})
        (made,) = write_records(connection, store, [replace(new, values=with_files)], changeset)
        write_next(connection, [draft], changeset, store.layers)
        now = Reference(layer, made.code)
        relinked = _relinked(connection, store, naming, was=Reference(layer, code), now=now)
        write_next(connection, relinked, changeset, store.layers)
    return Reunited(changeset, (made.code, code), tuple(naming))


_PARTS: Final[Mapping[str, Literal["into", "from", "made", "of"]]] = {
    MERGE: "from",
    MERGED: "into",
    SPLIT: "made",
    "insert": "of",
    "takeover": "of",
}


_OTHERS: Final = {
    MERGE: (MERGED,),
    MERGED: (MERGE,),
    SPLIT: ("insert", "takeover"),
    "insert": (SPLIT,),
    "takeover": (SPLIT,),
}


def counterparts(
    connection: sa.Connection, made: Mapping[int, str], kinds: Mapping[int, str]
) -> dict[int, Counterpart]:
    """Return changeset → the other record of a merge or split, of the revisions of one record.

    `made`: changeset → what made its revision, `kinds`: changeset → its kind.
    """
    found: dict[int, Counterpart] = {}
    for number, op in made.items():
        if kinds.get(number) not in {MERGE, SPLIT} or op not in _OTHERS:
            continue
        query = (
            sa.select(s.feature.c.code)
            .join(s.revision, s.revision.c.feature_id == s.feature.c.id)
            .where(s.revision.c.valid_from == number, s.revision.c.op.in_(_OTHERS[op]))
        )
        if (code := connection.execute(query).scalar()) is not None:
            found[number] = Counterpart(str(code), _PARTS[op])
    return found


def _defined(store: Store, layer: str) -> Layer:
    definition = store.layers.get(layer)
    if definition is None:
        raise LedgerError(
            f"{layer}：没有这个图层的定义，未写入；请检查 layers/ 中的文件",
            f"{layer}: no file defines this layer, nothing was written; check the files in layers/",
        )
    return definition


def _refuse_itself(layer: str, keep: str, drop: str) -> None:
    if keep == drop:
        raise LedgerError(
            f"{layer} › {keep}：两个编号是同一个，未写入；请写两条不同的记录",
            f"{layer} › {keep}: both codes are the same, nothing was written; name two records",
        )


_Parts = dict[str, tuple[Any, Any]]


def _parts(layer: Layer, known: Known, keep: int, drop: int) -> _Parts:
    """Return key → what either record states of it, None where it does not; what moves keep is nobody's to choose."""
    kept = () if layer.flow is None else layer.flow.kept
    several = {field.id for field in layer.fields if field.several}
    out: _Parts = {"name": (known.name[keep], known.name[drop])}
    out["subdistrict"] = (known.subdistrict[keep], known.subdistrict[drop])
    if known.shape[keep] is None and known.shape[drop] is None:
        out["position"] = (known.position(keep), known.position(drop))
    else:
        out["shape"] = (_place(known, keep), _place(known, drop))
    for key, column in known.values.items():
        if key not in kept and key not in several and not _gathers(layer, key):
            out[key] = (column[keep], column[drop])
    ours, theirs = known.checklist[keep] or (), known.checklist[drop] or ()
    for at, item in enumerate(layer.checklist.items if layer.checklist else ()):
        out[_mark(item.id)] = (_item(ours, at), _item(theirs, at))
    people = [by_role(known.contacts[at] if known.contacts else ()) for at in (keep, drop)]
    for role in dict.fromkeys((*people[0], *people[1])):
        out[f"contact.{role}"] = (people[0].get(role), people[1].get(role))
    return out


def _mark(item: str) -> str:
    """Return the key of the mark of an item; what is told of it beside its mark goes by the ids of its fields."""
    return f"checklist.{item}"


def _item(marks: Sequence[Any], at: int) -> Any:
    return marks[at] if at < len(marks) else None


def _place(known: Known, at: int) -> Any:
    """Return where a record is, of one of two that has a shape: its shape, else its position."""
    return known.shape[at] or known.position(at)


def _gathers(layer: Layer, key: str) -> bool:
    """Tell whether a key is a field of files that takes more than one."""
    field = layer.file_field(key.removeprefix(FILES)) if key.startswith(FILES) else None
    return field is not None and field.several


def _otherwise(key: str, ours: Any, theirs: Any) -> bool:
    if key == "shape" and not (isinstance(ours, bytes) and isinstance(theirs, bytes)):
        return True  # a shape here, a position there
    return differs(key, ours, theirs)


def _conflicts(parts: _Parts) -> _Parts:
    return {
        key: (ours, theirs)
        for key, (ours, theirs) in parts.items()
        if ours is not None and theirs is not None and _otherwise(key, ours, theirs)
    }


def _shown(key: str, ours: Any, theirs: Any, personal: frozenset[str]) -> Conflict:
    """Return a conflict fit to be shown."""
    if key.startswith("contact."):
        return Conflict(key, mask_contacts(ours), mask_contacts(theirs))
    if key == "shape":
        sides = [
            shown({"shape": (one, None)}, personal)["shape"][0] if isinstance(one, bytes) else one
            for one in (ours, theirs)
        ]
        return Conflict(key, *sides)
    ((_, sides),) = shown({key: (ours, theirs)}, personal).items()
    return Conflict(key, *sides)


def _refuse_open(
    store: Store, layer: Layer, keep: str, drop: str, conflicts: _Parts, *, settled: Collection[str]
) -> None:
    """Raise RefusedError with every conflict that nobody settled."""
    personal = store.personal_fields(layer.id)
    said: list[Text] = []
    for key, sides in conflicts.items():
        if key in settled:
            continue
        ours, theirs = _shown(key, *sides, personal).words
        title = key_title(layer, key)
        said.append(
            Text(
                f"{layer.title.zh} › {title.zh}：{keep} 为“{ours}”，{drop} 为“{theirs}”；请选一个（{key}=@{keep} 或 "
                f"{key}=@{drop}）",
                f"{layer.title.en} › {title.en}: {keep} has “{ours}”, {drop} “{theirs}”; choose one "
                f"({key}=@{keep} or {key}=@{drop})",
            )
        )
    if said:
        raise RefusedError.of(said)


def _told(value: Any) -> str:
    """Return a side of a conflict in a few words."""
    if isinstance(value, tuple) and value and all(isinstance(one, float) for one in value):
        return ", ".join(f"{one:.6f}" for one in value)
    people = value if isinstance(value, tuple | list) else ()
    words = [
        " ".join(part for part in (one.name, one.phone) if part) for one in people if hasattr(one, "phone")
    ]
    return "、".join(words or (pieces(value) if isinstance(value, str) else [str(value)]))


def key_title(layer: Layer, key: str) -> Text:
    """Return what the key of a conflict is called."""
    head, _, tail = key.partition(".")
    core = {
        "name": Text("名称", "Name"),
        "subdistrict": Text("街道", "Sub-district"),
        "position": Text("位置", "Position"),
        "shape": Text("范围", "Shape"),
    }
    if key in core:
        return core[key]
    if head == "contact" and tail:
        return next((role.title for role in layer.contacts if role.id == tail), Text(tail, tail))
    if head == "checklist" and layer.checklist is not None and key not in layer.field_ids:
        return next((item.title for item in layer.checklist.items if item.id == tail), Text(tail, tail))
    plain = key.removeprefix(FILES).removeprefix("extra:")
    try:
        return layer.title_of(plain)
    except KeyError:
        return Text(plain, plain)


def _merged(  # noqa: PLR0917 - both records and what is chosen of them
    layer: Layer, known: Known, keep: int, drop: int, parts: _Parts, sides: Mapping[str, Side]
) -> Changes:
    """Return what changes of the kept record: what only the other states, and what was chosen of it."""
    conflicts = _conflicts(parts)
    gone = {
        key: theirs
        for key, (ours, theirs) in parts.items()
        if theirs is not None and (ours is None or (key in conflicts and sides.get(key) == "drop"))
    }
    changes: Changes = {}
    items = layer.checklist.items if layer.checklist else ()
    marked = {_mark(item.id) for item in items}
    for key, value in gone.items():
        if key not in marked and not key.startswith("contact."):
            changes[key] = (None, value)
    if (shape := gone.get("shape")) is not None:
        changes["shape"] = (None, shape if isinstance(shape, bytes) else None)
        changes["position"] = (None, known.position(drop))
    if marked & gone.keys():
        before = known.checklist[keep] or ()
        marks = [gone.get(_mark(item.id), _item(before, at)) for at, item in enumerate(items)]
        changes["checklist"] = (known.checklist[keep], tuple(marks))
    people = {key: value for key, value in gone.items() if key.startswith("contact.")}
    if people:
        held = by_role(known.contacts[keep] if known.contacts else ())
        filled = {f"contact.{role}": some for role, some in held.items()} | people
        changes["contacts"] = (None, tuple(one for some in filled.values() for one in some))
    return changes


def _unions(store: Store, layer: Layer, known: Known, keep: int, drop: int) -> Changes:
    """Return what the kept record gains in fields that hold several: choices, records, files."""
    kept = () if layer.flow is None else layer.flow.kept
    out: Changes = {}
    for field in layer.fields:
        column = known.values.get(field.id)
        if not field.several or column is None or field.id in kept:
            continue
        ours, theirs = (pieces(v) if isinstance(v := column[at], str) else [] for at in (keep, drop))
        targets = named_by(field, store.layers)
        theirs = [one for one in theirs if not _is(record_named(one, targets), layer.id, known.code)]
        if set(theirs) - set(ours):
            out[field.id] = (column[keep], "\n".join(dict.fromkeys((*ours, *theirs))))
    for key, column in known.values.items():
        if _gathers(layer, key):
            ours, theirs = dict(read_files(column[keep])), dict(read_files(column[drop]))
            if theirs.keys() - ours.keys():
                out[key] = (column[keep], files_text(tuple((theirs | ours).items())))
    return out


def _unname(store: Store, layer: Layer, draft: NextRevision, codes: Collection[str]) -> None:
    """Let the kept record name neither itself nor the one that it takes in."""
    for field in layer.links:
        value = draft.values.get(field.id)
        if not isinstance(value, str):
            continue
        targets = named_by(field, store.layers)
        left = [piece for piece in pieces(value) if not _is(record_named(piece, targets), layer.id, codes)]
        draft.apply({field.id: (value, "\n".join(left) or None)})


def _is(one: tuple[str, str] | None, layer: str, codes: Collection[str]) -> bool:
    return one is not None and one[0] == layer and one[1] in codes


def _named(connection: sa.Connection, number: int) -> list[Reference]:
    """Return the records on the lists that name a feature, each once."""
    return list(dict.fromkeys(one.by for one in hanging_on(connection, [number])))


def _refuse_not_naming(
    connection: sa.Connection, layer: str, code: str, number: int, naming: Sequence[Reference]
) -> None:
    hanging = hanging_on(connection, [number])
    there = {one.by for one in hanging}
    wrong = [one for one in naming if one not in there]
    if wrong:
        some = listed([Hanging(code, one, "") for one in wrong])
        there_are = listed(hanging) or "—"
        raise LedgerError(
            f"{layer} › {code}：{some} 没有挂在它上面，未写入；挂在上面的有：{there_are}",
            f"{layer} › {code}: {some} does not name it, nothing was written; what does: {there_are}",
        )


def _relinked(
    connection: sa.Connection, store: Store, naming: Iterable[Reference], *, was: Reference, now: Reference
) -> list[NextRevision]:
    """Return the next revisions of records that named one record and name another from now on."""
    codes: dict[str, list[str]] = defaultdict(list)
    for one in naming:
        codes[one.layer].append(one.code)
    drafts: list[NextRevision] = []
    for layer_id, some in codes.items():
        layer = _defined(store, layer_id)
        known, place = placed_records(connection, layer_id, some, layer)
        for code in some:
            draft = NextRevision.after(known, place[code], layer=layer_id, op="update")
            drafts.append(draft.apply(_renamed(store, layer, draft.values, was, now)))
    return drafts


def _renamed(
    store: Store, layer: Layer, values: Mapping[str, Value], was: Reference, now: Reference
) -> Changes:
    changes: Changes = {}
    for field in layer.links:
        value = values.get(field.id)
        if not isinstance(value, str):
            continue
        targets = named_by(field, store.layers)
        told = [
            written_link(field, now, store.layers) if record_named(piece, targets) == tuple(was) else piece
            for piece in pieces(value)
        ]
        after = "\n".join(dict.fromkeys(told))
        if after != value:
            changes[field.id] = (value, after)
    return changes
