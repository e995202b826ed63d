"""The attribute table of a layer and its geometries: what the GIS formats share.

Columns go by the ids of `riskmap select --json` and of the layer's fields, so that they are stable and
an import knows them; titles travel beside them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute
import shapely

from riskmap.catalog.layer import Field, GeometryKind
from riskmap.errors import Lang
from riskmap.present.export.columns import (
    choice_titles,
    contact_columns,
    field_titles,
    flag_words,
    flat,
    header,
    joined,
    local_time,
    tier_words,
)
from riskmap.present.inventory import DEMO_MARK, Inventory, LayerInventory
from riskmap.present.texts import t
from riskmap.records import FLAGS, RANKS, UNRATED

pc: Any = pyarrow.compute

_KIND_OF_TYPE: Final[dict[int, GeometryKind]] = {
    0: "point",
    4: "point",
    1: "line",
    2: "line",
    5: "line",
    3: "polygon",
    6: "polygon",
}


@dataclass(frozen=True, slots=True)
class Attribute:
    """One column of an attribute table. `name` is the id, or a header where there is no id.

    `derived` columns are what riskmap adds; an import does not read them.
    """

    name: str
    title: str
    values: pa.Array
    type: Literal["text", "number", "integer", "boolean", "date", "list"]
    unit: str = ""
    derived: bool = False


def attributes(part: LayerInventory, lang: Lang, *, words: bool) -> list[Attribute]:
    """Return the columns of a layer. With `words`, for people: titles instead of ids, no lists."""
    found = [
        *_core(part, lang),
        *(replace(a, derived=True) for a in _assessed(part, lang, words=words)),
        *(_field(part.table, field, lang, words=words) for field in part.layer.fields),
        *_checklist(part, lang),
        *_contacts(part, lang),
        *_upkeep(part, lang),
    ]
    return _distinct(found)


def _core(part: LayerInventory, lang: Lang) -> Iterator[Attribute]:
    for name in ("code", "name", "subdistrict"):
        yield Attribute(name, t(f"export_column_{name}", lang), flat(part.table[name]), "text")
    if part.layer.geometry == "point":
        return
    # A record with a position but no shape: its position has no other place in a table of shapes.
    shapeless = pc.and_(pc.is_null(flat(part.table["shape"])), pc.is_valid(flat(part.table["lon"])))
    if pc.any(shapeless).as_py():
        for name, column in (("longitude", "lon"), ("latitude", "lat")):
            values = pc.if_else(shapeless, flat(part.table[column]), pa.scalar(None, pa.float64()))
            yield Attribute(name, t(f"export_column_{name}", lang), values, "number")


def _assessed(part: LayerInventory, lang: Lang, *, words: bool) -> Iterator[Attribute]:
    table = part.table
    ranks = flat(table["rank"])
    tiers = pa.array([None if i == UNRATED else tier for i, tier in enumerate(RANKS)], pa.string())
    states = pa.array(["unrated" if i == UNRATED else "rated" for i in range(len(RANKS))])
    yield Attribute("tier", t("export_column_tier", lang), tiers.take(ranks), "text")
    if words:
        yield Attribute("tier_title", t("export_column_tier_title", lang), tier_words(table, lang), "text")
    yield Attribute("state", t("export_column_state", lang), states.take(ranks), "text")
    yield Attribute("score", t("export_column_score", lang), flat(table["score"]), "number")
    rules = part.model.rules if part.model else {}
    for name, titles in (("missing", field_titles(part.layer)), ("rules", rules)):
        title = t(f"export_column_{name}", lang)
        if words:
            yield Attribute(name, title, joined(table[name], titles, lang), "text")
        else:
            yield Attribute(name, title, flat(table[name]), "list")
    title = t("export_column_flags", lang)
    yield (
        Attribute("flags", title, flag_words(table, lang), "text")
        if words
        else Attribute("flags", title, _flag_ids(table), "list")
    )


def _flag_ids(table: pa.Table) -> pa.Array:
    bits, where = np.unique(flat(table["flags"]).to_numpy(zero_copy_only=False), return_inverse=True)
    ids = [[flag for i, flag in enumerate(FLAGS) if int(b) >> i & 1] for b in bits]
    return pa.array(ids, pa.list_(pa.string())).take(pa.array(where.ravel()))


def _field(table: pa.Table, field: Field, lang: Lang, *, words: bool) -> Attribute:
    column = table[f"f:{field.id}"]
    title = header(field, lang)
    if field.type == "choice":
        values = choice_titles(column, field, lang) if words else flat(column)
        return Attribute(field.id, title, values, "text")
    return Attribute(field.id, title, flat(column), field.type, field.unit)


def _checklist(part: LayerInventory, lang: Lang) -> Iterator[Attribute]:
    if part.layer.checklist is None or "checklist" not in part.table.column_names:
        return
    rows = part.table["checklist"].to_pylist()
    for i, item in enumerate(part.layer.checklist.items):
        marks = pa.array([row[i] if row and i < len(row) else None for row in rows], pa.bool_())
        yield Attribute(item.id, item.title.text(lang), marks, "boolean")


def _contacts(part: LayerInventory, lang: Lang) -> Iterator[Attribute]:
    for column in contact_columns(part, lang):
        kind = "integer" if column.kind == "integer" else "text"
        name = "contacts" if kind == "integer" else column.title
        yield Attribute(name, column.title, column.values, kind)


def _upkeep(part: LayerInventory, lang: Lang) -> Iterator[Attribute]:
    times = flat(part.table["updated_at"]).dictionary_encode()
    local = pa.array([local_time(stamp) for stamp in times.dictionary.to_pylist()], pa.string())
    yield Attribute(
        "updated_at", t("export_column_updated_at", lang), local.take(times.indices), "text", derived=True
    )
    yield Attribute("version", t("export_column_version", lang), flat(part.table["version"]), "integer")


def _distinct(found: list[Attribute]) -> list[Attribute]:
    """Return the columns under names that no two share: what we add gives way to what is stated."""
    seen: set[str] = set()
    names: dict[int, str] = {}
    for i in sorted(range(len(found)), key=lambda i: found[i].derived):
        name = found[i].name
        while name.casefold() in seen:
            name = f"riskmap_{name}"
        seen.add(name.casefold())
        names[i] = name
    return [replace(attribute, name=names[i]) for i, attribute in enumerate(found)]


def geometries(part: LayerInventory) -> pa.Array:
    """Return WKB (CGCS2000 degrees, x = longitude) per record, null where it has no place."""
    if part.layer.geometry != "point" and "shape" in part.table.column_names:
        return flat(part.table["shape"]).cast(pa.binary())
    lon, lat = (flat(part.table[name]).to_numpy(zero_copy_only=False) for name in ("lon", "lat"))
    located = np.isfinite(lon) & np.isfinite(lat)
    wkb = np.full(len(lon), None, object)
    wkb[located] = shapely.to_wkb(shapely.points(lon[located], lat[located]))
    return pa.array(wkb, pa.binary())


@dataclass(frozen=True, slots=True)
class Group:
    """Rows of one geometry kind: what a table of a typed format holds. `type` is the OGR name."""

    kind: GeometryKind
    type: str
    rows: pa.Array
    wkb: pa.Array


def groups(part: LayerInventory) -> list[Group]:
    """Return the records by geometry kind, the layer's own kind first and always, with the placeless.

    Where a group has multi-part shapes, all of its shapes become multi-part.
    """
    wkb = geometries(part)
    shapes = shapely.from_wkb(np.array(wkb.to_pylist(), object))
    types = shapely.get_type_id(shapes)
    kinds = np.array([_KIND_OF_TYPE.get(int(i), part.layer.geometry) for i in types], object)
    found = []
    for kind in dict.fromkeys((part.layer.geometry, *kinds.tolist())):
        rows = np.flatnonzero(kinds == kind)
        mine, multi = shapes[rows], bool((types[rows] >= 4).any())
        if multi:
            mine = np.array([_many(shape) for shape in mine], object)
        name = {"point": "Point", "line": "LineString", "polygon": "Polygon"}[kind]
        written = pa.array(shapely.to_wkb(mine), pa.binary()) if len(rows) else pa.array([], pa.binary())
        found.append(Group(kind, f"Multi{name}" if multi else name, pa.array(rows), written))
    return found


def _many(shape: Any) -> Any:
    makers = {
        0: shapely.MultiPoint,
        1: shapely.MultiLineString,
        2: shapely.MultiLineString,
        3: shapely.MultiPolygon,
    }
    return (
        shape
        if shape is None or shape.geom_type.startswith("Multi")
        else makers[shapely.get_type_id(shape)]([shape])
    )


def statements(inventory: Inventory, datum: str) -> dict[str, str]:
    """Return what every file says of itself: subject, filter, times, datum, demo mark."""
    lang = inventory.lang
    facts = {
        "title": t("export_title", lang, district=inventory.district),
        "filter": inventory.filter.text(lang),
        "as_of": inventory.as_of,
        "made_at": inventory.made_at,
        "made_by": inventory.made_by,
        "datum": datum,
        "records": str(len(inventory)),
        "adds_up": "yes" if inventory.adds_up else "no",
        "approval": inventory.approval,
        "nature": DEMO_MARK if inventory.demo else "",
    }
    return {key: value for key, value in facts.items() if value}
