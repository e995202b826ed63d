"""Pictures and documents on records: put there, taken off, listed, and their originals handed out by right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np

from riskmap.actions.records.scoring import one_commit, one_feature
from riskmap.actions.workspace import Workspace
from riskmap.catalog.layer import Field
from riskmap.coordinates import metres
from riskmap.errors import RiskmapError, UnknownNameError
from riskmap.io.files.attachments import Incoming
from riskmap.ledger import FilesChange
from riskmap.moments import last_moment
from riskmap.rules.permissions import Actor, may
from riskmap.values.attachments import Attached, Attachment

_SHORTEST: Final = 8  # hex digits of a digest: with fewer, a file may be met by chance


@dataclass(frozen=True, slots=True)
class FilesChanged:
    """The record's version after files were attached or taken off, and which these were.

    `changeset` is None where all of it was so already. `places`: positions that pictures state, for a person to
    decide on; none is taken by itself.
    """

    version: int
    changeset: int | None
    files: tuple[Attached, ...]
    places: tuple[StatedPlace, ...] = ()


@dataclass(frozen=True, slots=True)
class StatedPlace:
    """Where a camera says that it was: degrees in WGS84, and metres from the record's own position (None: it has none)."""

    name: str
    digest: str
    lon: float
    lat: float
    away_m: float | None


def attach_files(
    ws: Workspace,
    layer: str,
    code: str,
    field: str,
    files: Sequence[Incoming],
    *,
    by: Actor,
    why: str,
    seen: int | None = None,
) -> FilesChanged:
    """Judge files, keep them and hang them on a record: one changeset, one undo; all of them or none.

    UnreadableFileError names a file that is refused, StaleRevisionError shows both sides of a record that is no
    longer of the version `seen`, UnknownNameError names the fields of files that there are.
    """
    may(by, "edit", layer, code)
    _need_reason(why)
    definition = file_field(ws, layer, field)
    _need_active(ws, layer, code)
    change = taken_in(ws, definition, files, place=f"{layer} › {code}")
    done = _written(ws, layer, code, change, seen=seen, by=by, why=why)
    there = tuple(one for one in attached_to(ws, layer, code) if one.file.digest in change.put)
    return FilesChanged(*done, files=there, places=tuple(_places(ws, layer, code, there)))


def taken_in(ws: Workspace, field: Field, files: Sequence[Incoming], *, place: str) -> FilesChange:
    """Judge files and keep their bytes; return what a write attaches in a field of files.

    UnreadableFileError for one that is refused, RiskmapError for more than the field takes.
    """
    if len(files) > 1 and not field.several:
        raise RiskmapError(
            f"{place} › {field.title.zh}：只放一个文件，给了 {len(files)} 个；请选一个",
            f"{place} › {field.title.en}: takes one file, {len(files)} were given; choose one",
        )
    taken = ws.files.take(files, media=field.media)
    put = {one.file.digest: (one.file, one.name) for one in taken}
    return FilesChange(field.id, put=put, several=field.several)


def detach_files(
    ws: Workspace,
    layer: str,
    code: str,
    field: str,
    named: Sequence[str],
    *,
    by: Actor,
    why: str,
    seen: int | None = None,
) -> FilesChanged:
    """Take files off a record as one changeset: the lists no longer show them, past and history do.

    `named`: digests, or how they begin (8 digits at least), or names. UnknownNameError for one that is not there.
    """
    may(by, "edit", layer, code)
    _need_reason(why)
    file_field(ws, layer, field)
    _need_active(ws, layer, code)
    off = tuple(one_file(ws, layer, code, field, name) for name in dict.fromkeys(named))
    change = FilesChange(field, {}, taken_off=frozenset(one.file.digest for one in off))
    return FilesChanged(*_written(ws, layer, code, change, seen=seen, by=by, why=why), files=off)


def _written(
    ws: Workspace, layer: str, code: str, change: FilesChange, *, seen: int | None, by: Actor, why: str
) -> tuple[int, int | None]:
    with one_commit(ws, [layer], by=by, why=why) as action:
        version = ws.ledger.change_files(layer, code, change, seen=seen, by=by.name, why=why)
        changeset = next(iter(action.write.changesets()), None)
    return version, changeset


def file_field(ws: Workspace, layer: str, field: str) -> Field:
    """Return a field of files of a layer. UnknownNameError names those that there are."""
    definition = ws.catalog.layer(layer)
    found = definition.file_field(field)
    if found is not None:
        return found
    known = [one.id for one in definition.files]
    raise UnknownNameError(
        f"{layer} › {field}：没有这个附件字段；"
        + (f"可用：{'、'.join(known)}" if known else '请在图层文件里加一个 type = "file" 的字段'),
        f"{layer} › {field}: no such field of files; "
        + (
            f"there are: {', '.join(known)}"
            if known
            else 'add a field of type "file" to the layer file first'
        ),
    )


def attached_to(ws: Workspace, layer: str, code: str, *, as_of: date | None = None) -> list[Attached]:
    """Return the files on one record, now or on a past day or moment."""
    moment = None if as_of is None else last_moment(as_of)
    return ws.ledger.attached(layer, codes=[code], as_of=moment).get(code, [])


def one_file(
    ws: Workspace, layer: str, code: str, field: str, named: str, *, as_of: date | None = None
) -> Attached:
    """Return a file of a record by its digest, how that begins, or its name. UnknownNameError where none or two are."""
    there = [one for one in attached_to(ws, layer, code, as_of=as_of) if one.field == field]
    found = [
        one
        for one in there
        if one.name == named or (len(named) >= _SHORTEST and one.file.digest.startswith(named.lower()))
    ]
    if len(found) == 1:
        return found[0]
    listed = [f"{one.name} ({one.file.digest[:_SHORTEST]})" for one in there]
    raise UnknownNameError(
        f"{layer} › {code} › {field} › {named}："
        + ("不止一个文件叫这个名字，请写摘要的前 8 位" if found else "没有这个附件")
        + f"；现有：{'、'.join(listed) or '无'}",
        f"{layer} › {code} › {field} › {named}: "
        + ("several files are called so, write 8 digits of the digest" if found else "no such file")
        + f"; there are: {', '.join(listed) or 'none'}",
    )


def original_of(
    ws: Workspace, layer: str, code: str, field: str, named: str, *, by: Actor, why: str
) -> tuple[Attached, bytes]:
    """Return the unaltered bytes of a file; the ledger keeps who opened them and why, before they are handed out.

    NotAllowedError for a person without the right, RiskmapError without a reason.
    """
    may(by, "read_originals", layer, code)
    if not by.name.strip() or not why.strip():
        raise RiskmapError(
            f"附件原件（{layer} › {code}）：请写明经办人和原因",
            f"original of {layer} › {code}: state the person and the reason",
        )
    found = one_file(ws, layer, code, field, named)
    content = ws.files.original(found.file.digest, found.file.kind)
    title = ws.catalog.layer(layer).title.zh
    what = f"{title} › {code}：附件原件 {found.name}（{found.file.digest[:12]}）"
    ws.ledger.record_export(by=by.name, why=why, what=what, unmasked=True)
    return found, content


def _need_active(ws: Workspace, layer: str, code: str) -> None:
    """Refuse a retired record before anything is kept for it."""
    gone = one_feature(ws, layer, code).retired[0]
    if gone is not None:
        raise RiskmapError(
            f"{layer} › {code}：该记录已注销（{gone}），未写入；请先恢复",
            f"{layer} › {code}: this record is retired ({gone}), nothing was written; reinstate it first",
        )


def _need_reason(why: str) -> None:
    if not why.strip():
        raise RiskmapError(
            "请写明原因：每次改动都要留下是谁、为什么", "state the reason: every change keeps who and why"
        )


def _places(ws: Workspace, layer: str, code: str, files: Iterable[Attached]) -> Iterable[StatedPlace]:
    records = one_feature(ws, layer, code).records
    for one in files:
        file = one.file
        if file.lon is None or file.lat is None:
            continue
        x, y = metres([file.lon, records.lon[0]], [file.lat, records.lat[0]])
        away = float(np.hypot(x[1] - x[0], y[1] - y[0]))
        known = None if np.isnan(away) else round(away, 1)
        yield StatedPlace(one.name, file.digest, file.lon, file.lat, known)


# JSON


def file_json(one: Attached) -> dict[str, Any]:
    """Return a file as `select --json` lists it."""
    return {"field": one.field, "digest": one.file.digest, "name": one.name, "media": one.file.kind}


def changed_json(layer: str, code: str, done: FilesChanged) -> dict[str, Any]:
    """Return the document of `riskmap attach --json` and `detach --json`."""
    places = {place.digest: place for place in done.places}
    return {
        "layer": layer,
        "code": code,
        "version": done.version,
        "changeset": done.changeset,
        "files": [file_json(one) | _facts(one.file, places.get(one.file.digest)) for one in done.files],
    }


def _facts(file: Attachment, place: StatedPlace | None) -> dict[str, Any]:
    return {
        "bytes": file.size,
        "width": file.width,
        "height": file.height,
        "taken": file.taken,
        "position": None if place is None else [place.lon, place.lat],
        "away_m": None if place is None else place.away_m,
    }


def with_files(
    ws: Workspace, features: list[dict[str, Any]], *, as_of: date | None = None
) -> list[dict[str, Any]]:
    """Add "files" to every record of `select --json` whose layer has fields of files, or that has some on an item."""
    moment = None if as_of is None else last_moment(as_of)
    held: Mapping[str, Mapping[str, list[Attached]]] = {
        layer.id: ws.ledger.attached(layer.id, as_of=moment)
        for layer in ws.catalog.layers.values()
        if layer.files and any(one["layer"] == layer.id for one in features)
    }
    always = {layer.id for layer in ws.catalog.layers.values() if any(not one.item for one in layer.files)}
    for one in features:
        if one["layer"] in held and (one["layer"] in always or one["code"] in held[one["layer"]]):
            one["files"] = [file_json(file) for file in held[one["layer"]].get(one["code"], ())]
    return features
