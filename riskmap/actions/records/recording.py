"""One record of a register, from the words of a person, and the record that is made of another one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from riskmap.actions.records.bulk_editing import bulk_target
from riskmap.actions.records.editing import NewPoint, Recorded, judged_new, record_points
from riskmap.actions.records.scoring import one_feature
from riskmap.actions.workspace import Workspace
from riskmap.catalog import Layer
from riskmap.catalog.flow import Move
from riskmap.catalog.headers import normalise_header
from riskmap.catalog.layer import Field, Making, named_by, pieces, record_named
from riskmap.errors import Lang, RiskmapError, UnknownNameError
from riskmap.interface import option
from riskmap.io.files.attachments import Incoming
from riskmap.json_documents import Document
from riskmap.ledger import NewRecord
from riskmap.moments import beijing_text, iso_minute, local_now, utc_now
from riskmap.rules.judge import Position, rules_of
from riskmap.rules.permissions import Actor
from riskmap.selection.linked import naming
from riskmap.values.records import CLEAR

_ROLES: Final = ("code", "longitude", "latitude", "easting", "northing", "position")


@dataclass(frozen=True, slots=True)
class Statement:
    """What a person states of a new record, by targets of the judge; `code` None where it is not stated."""

    code: str | None
    values: Mapping[str, object]


def stated_of(
    layer: Layer, pairs: Mapping[str, object], *, on: str | None = None, crs: str = ""
) -> Statement:
    """Return what pairs of a field, as people call it, and a value state of a new record of a layer.

    `on`: when it happened; `crs`: the datum of a position. UnknownNameError for what is no field, RiskmapError for
    one that is stated twice, for a position without its datum and for a day where the layer keeps none.
    """
    stated: dict[str, object] = {}
    for word, value in pairs.items():
        target = _role_of(layer, word) or ("shape" if word == "shape" else bulk_target(layer, word))
        if target in stated:
            raise RiskmapError(f"{word}：写了两次；请只写一个值", f"{word}: stated twice; state one value")
        stated[target] = value
    if on is not None:
        stated[_day_field(layer, stated)] = on
    code = stated.pop("code", None)
    place = [stated.pop(role) for role in _ROLES[1:] if role in stated]
    if place:
        stated["position"] = _position(layer, place, crs)
    return Statement(None if code is None else str(code), stated)


def _role_of(layer: Layer, word: str) -> str | None:
    key = normalise_header(word)
    return next(
        (role for role in _ROLES if key == role or key in map(normalise_header, layer.aliases.get(role, ()))),
        None,
    )


def _day_field(layer: Layer, stated: Mapping[str, object]) -> str:
    field = layer.moment or ("" if layer.flow is None else layer.flow.found)
    if not field:
        raise RiskmapError(
            f"{layer.title.zh}：没有记时间的字段（moment），不能用 {option('on')}；请用 {option('set')} 写日期字段",
            f"{layer.title.en}: no field of it says when (moment), {option('on', 'en')} has no place; state a date field "
            f"with {option('set', 'en')}",
        )
    if field in stated:
        title = layer.field(field).title
        raise RiskmapError(
            f"{title.zh}：写了两次；请只写一个值", f"{title.en}: stated twice; state one value"
        )
    return field


def _position(layer: Layer, parts: list[object], crs: str) -> Position:
    if not crs:
        raise RiskmapError(
            f"{layer.title.zh}：写了位置，没有写坐标系；请加 {option('crs')}，例如 cgcs2000",
            f"{layer.title.en}: a position without its datum; add {option('crs', 'en')}, such as cgcs2000",
        )
    if len(parts) == 1:
        parts = list(re.split(r"[,，;；\s]+", str(parts[0]).strip()))
    if len(parts) != 2:  # noqa: PLR2004 - two numbers
        raise RiskmapError(
            f"{layer.title.zh}：位置要写两个数（经度和纬度）",
            f"{layer.title.en}: a position is two numbers, longitude and latitude",
        )
    return Position(parts[0], parts[1], crs)


def reported_in(layers: Mapping[str, Layer], layer: str) -> list[tuple[Layer, Field]]:
    """Return the registers in which somebody reports something of a record of a layer, each with the field that names it.

    Work and events whose file says so by a field of type `record`; what the program itself knows by a role (alerts,
    duty) comes in through doors of its own.
    """
    found = {
        other.id: (other, field) for other, field in reversed([*naming(layers, layer)]) if _reports(other)
    }
    return sorted(found.values(), key=lambda one: one[0].style.order)


def _reports(layer: Layer) -> bool:
    return layer.counts in {"work", "event"} and layer.role is None


def reported_of(layers: Mapping[str, Layer], register: Layer, layer: str, code: str) -> dict[str, object]:
    """Return what the report of something on a record begins with: the record, and today or the minute in Beijing.

    UnknownNameError where no field of the register may name records of the layer.
    """
    field = next((one for one in register.links if layer in named_by(one, layers)), None)
    if field is None:
        raise UnknownNameError(
            f"{register.title.zh}：没有字段可以写 {layer} 的记录；请从登记册新增",
            f"{register.title.en}: no field of it names records of {layer}; add the record from the register itself",
        )
    stated: dict[str, object] = {field.id: f"{layer}:{code}"}
    for name in dict.fromkeys((register.moment, register.flow.found if register.flow else "")):
        if name and register.field(name).type == "moment":
            stated[name] = beijing_text(iso_minute(utc_now().replace(second=0, microsecond=0)))
        elif name:
            stated[name] = local_now().date().isoformat()
    return stated


def own_files(layer: Layer) -> tuple[Field, ...]:
    """Return the fields of files that a new record may bring: all but those that its moves ask for or empty."""
    moves = () if layer.flow is None else layer.flow.moves
    later = {name for move in moves for name in (*move.asks, *move.needs, *move.clears)}
    return tuple(one for one in layer.files if one.id not in later and not one.item)


def record_one(
    ws: Workspace,
    layer_id: str,
    pairs: Mapping[str, object],
    *,
    on: str | None = None,
    crs: str = "",
    make: str = "",
    source: str = "",
    files: Sequence[Incoming] = (),
    by: Actor,
    why: str,
) -> Recorded:
    """Add one record of a register, judged, with a code that the layer makes where none is stated; score what follows.

    `pairs`: field, as people call it → what is stated. `make`: one of the layer's `makes`: the record that it says
    is made of this one in the same changeset; what is stated of that one begins with `ID.`. With `source`
    (LAYER:CODE) `make` is one of that layer's, and this record is made of that one. `files`: pictures and documents
    that are attached to it.
    """
    layer = ws.catalog.layer(layer_id)
    attached = {_taking(layer).id: files} if files else {}
    if source:
        new = _made_of(ws, layer, source, make, stated_of(layer, pairs, on=on, crs=crs))
        return record_points(ws, [replace(new, files=attached)], by=by, why=why)
    if not make:
        one = stated_of(layer, pairs, on=on, crs=crs)
        new = NewPoint(layer_id, one.code, one.values, files=attached)
        return record_points(ws, [new], by=by, why=why)
    making = making_of(layer, make)
    head = f"{making.id}."
    own = {word: value for word, value in pairs.items() if not word.startswith(head)}
    more = {word.removeprefix(head): value for word, value in pairs.items() if word.startswith(head)}
    one = stated_of(layer, own, on=on, crs=crs)
    target = ws.catalog.layer(making.layer)
    other = stated_of(target, more, crs=crs)
    judged = rules_of(layer, ws.subdistricts, ws.region).record(one.values).values
    copied = copied_of(target, layer, making, {"code": one.code, **judged}) | dict(other.values)
    news = [
        NewPoint(layer_id, one.code, one.values, files=attached),
        NewPoint(target.id, other.code, copied, naming=making.field),
    ]
    return record_points(ws, news, by=by, why=why)


def _taking(layer: Layer) -> Field:
    """Return the field that takes what is attached to a new record. RiskmapError where there is none."""
    fields = own_files(layer)
    if not fields:
        raise RiskmapError(
            f'{layer.title.zh}：新记录没有放附件的字段；请在图层文件里加一个 type = "file" 的字段，或先登记、办理时附上',
            f'{layer.title.en}: a new record takes no files; add a field of type "file" to the layer file, or attach them '
            "with the move that asks for them",
        )
    return fields[0]


def _made_of(ws: Workspace, layer: Layer, source: str, make: str, stated: Statement) -> NewPoint:
    """Return the record that a record of the ledger makes, with what is stated beside what it takes over."""
    head, colon, code = source.partition(":")
    if not colon or not code:
        raise RiskmapError(
            f"{source}：请写成 图层:编号，例如 visits:KD1-001",
            f"{source}: write LAYER:CODE, such as visits:KD1-001",
        )
    origin = ws.catalog.layer(head)
    fitting = [one for one in origin.makes if one.layer == layer.id]
    making = making_of(origin, make) if make or len(fitting) != 1 else fitting[0]
    if making.layer != layer.id:
        raise RiskmapError(
            f"{origin.title.zh} › {making.id}：生成的是 {making.layer} 的记录，不是 {layer.id}",
            f"{origin.title.en} › {making.id}: makes a record of {making.layer}, not of {layer.id}",
        )
    found = one_feature(ws, head, code)
    records = found.records
    held: dict[str, Any] = {key: column[0] for key, column in records.values.items()}
    held |= {"code": code, "name": records.name[0], "subdistrict": records.subdistrict[0]}
    lon, lat = float(records.lon[0]), float(records.lat[0])
    held["position"] = None if lon != lon else (lon, lat)  # noqa: PLR0124 - NaN
    values = copied_of(layer, origin, making, _with_layers(ws, origin, held)) | dict(stated.values)
    values[making.field] = f"{head}:{code}"
    return NewPoint(layer.id, stated.code, values)


def made_by_move(
    ws: Workspace, layer: Layer, by: Actor, move: Move, held: Mapping[str, Any]
) -> list[NewRecord]:
    """Return the records that a move makes of a record that holds these values after it."""
    news: list[NewRecord] = []
    for one in move.makes:
        making = making_of(layer, one)
        values = copied_of(ws.catalog.layer(making.layer), layer, making, _with_layers(ws, layer, held))
        values[making.field] = f"{layer.id}:{held['code']}"
        news.append(judged_new(ws, NewPoint(making.layer, None, values), by=by))
    return news


def making_of(layer: Layer, word: str) -> Making:
    """Return one of the `makes` of a layer by its id or title. UnknownNameError where there is none."""
    for one in layer.makes:
        if word in {one.id, one.title.zh, one.title.en}:
            return one
    known = "、".join(one.id for one in layer.makes)
    raise UnknownNameError(
        f"{layer.title.zh}：没有 {word or '（未写）'} 这样的生成（makes）；现有：{known or '无'}",
        f"{layer.title.en}: makes has no {word or '(not stated)'}; there are: {known.replace('、', ', ') or 'none'}",
    )


def copied_of(target: Layer, layer: Layer, making: Making, values: Mapping[str, Any]) -> dict[str, object]:
    """Return what the record that is made takes over of judged values; what is not known is not stated."""
    found: dict[str, object] = {}
    for into, source in making.copy_.items():
        value = values.get(source)
        if value is None or value is CLEAR:
            continue
        moment = source in layer.field_ids and layer.field(source).type == "moment"
        if moment and into in target.field_ids and target.field(into).type == "date":
            value = beijing_text(str(value))[:10]
        found[into] = value
    return found


def _with_layers(ws: Workspace, layer: Layer, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a record holds, each record that it names with its layer: another field may know more layers."""
    out = dict(values)
    for field in layer.links:
        if isinstance(value := out.get(field.id), str):
            places = (record_named(piece, named_by(field, ws.catalog.layers)) for piece in pieces(value))
            out[field.id] = "\n".join(":".join(place) for place in places if place)
    return out


def recorded_json(ws: Workspace, done: Recorded, lang: Lang = "zh") -> Document:
    """Return the document of `riskmap record --json`; `warnings` only where the rules say something."""
    records = [
        {
            "layer": one.layer,
            "code": one.code,
            "version": one.version,
            "state": None if (flow := ws.catalog.layer(one.layer).flow) is None else flow.start,
        }
        for one in done.records
    ]
    tiers = [
        {"layer": one.layer, "code": one.code, "from": one.before, "to": one.after} for one in done.tiers
    ]
    warnings = [text.text(lang) for text in done.warnings]
    return {
        "changeset": done.changeset,
        "records": records,
        "tiers": tiers,
        **({"warnings": warnings} if warnings else {}),
    }
