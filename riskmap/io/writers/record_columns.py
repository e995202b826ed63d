"""The columns of a sheet: what a person reads, in the order and under the headers that an import reads back.

Stated columns (code, name, sub-district, position, fields, checklist, contacts, record version) carry
headers that intake matches by alias; what riskmap itself derives (assessed tier, score, marks) carries
headers that no field has.

The attribute table of a layer and its geometries: what the GIS formats share.

Columns go by the ids of `riskmap select --json` and of the layer's fields, so that they are stable and
an import knows them; titles travel beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from itertools import chain
from typing import Any, Final, Literal, TypeVar, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute
import shapely

from riskmap.catalog.headers import normalise_header
from riskmap.catalog.layer import Field, GeometryKind, Layer
from riskmap.errors import Lang, Text
from riskmap.rules.arrays import part_column, pc
from riskmap.rules.extras import extra_keys, header_of
from riskmap.rules.people import as_cells
from riskmap.rules.shape import KIND_OF_TYPE
from riskmap.texts import contact_header, shown, t
from riskmap.values.inventory import DEMO_MARK, Inventory, LayerInventory, tier_title
from riskmap.values.records import Contact
from riskmap.vocabulary import FLAGS, STANDINGS, state_of

Kind = Literal["text", "number", "integer", "degrees", "date", "tier"]


DATUM: Final = "CGCS2000"


@dataclass(frozen=True, slots=True)
class SheetColumn:
    """One column of a sheet.

    `values` is an Arrow string (text, date as ISO text, tier as its word), float64 (number, degrees)
    or int64 (integer) array; an empty cell is null. `role` is the core role, field id or derived
    name behind the column.
    """

    title: str
    kind: Kind
    values: pa.Array
    role: str


_Column = TypeVar("_Column")


def _silent() -> None:
    """Tell nobody that a column is made."""


def _made(columns: Iterable[_Column], each: Callable[[], object]) -> list[_Column]:
    found: list[_Column] = []
    for column in columns:
        each()
        found.append(column)
    return found


def sheet_columns(
    part: LayerInventory,
    lang: Lang,
    *,
    datum_in_header: bool = False,
    each: Callable[[], object] = _silent,
) -> list[SheetColumn]:
    """Return the columns of a layer's sheet; every array has as many entries as the table has rows.

    `each` is called before each column is taken: there it may stop.
    """
    columns = chain(
        _core(part, lang, datum_in_header=datum_in_header),
        _assessed(part, lang),
        (_field(part.table, field, lang) for field in part.layer.fields if not field.item),
        _extras(part.table),
        _files(part, lang),
        _checklist(part, lang),
        (_field(part.table, fact, lang) for fact in _facts(part)),
        contact_columns(part, lang),
        _shape(part, lang),
        _upkeep(part.table, lang),
    )
    return list(_distinct(_made(columns, each), lang))


def blank_columns(layer: Layer, lang: Lang) -> list[SheetColumn]:
    """Return the columns of a layer that a person states, as its sheet has them, without rows.

    All that a contact may have is there; what riskmap derives is not. The position states its datum.
    """

    def blank(title: str, role: str, kind: Kind = "text") -> SheetColumn:
        return SheetColumn(title, kind, pa.array([], pa.string()), role)

    columns = [
        blank(f"{title}({DATUM})" if kind == "degrees" else title, role, kind)
        for role, _, kind in _CORE
        for title in (_core_title(layer, role, lang),)
    ]
    columns += [blank(header(f, lang), f.id, _KINDS.get(f.type, "text")) for f in layer.plain_fields]
    if layer.checklist is not None:
        columns += [blank(i.title.text(lang), f"checklist:{i.id}") for i in layer.checklist.items]
    columns += [
        blank(contact_header(role, name, lang), f"contact:{role.id}:{name}")
        for role in layer.contacts
        for name, _, _ in _PARTS
    ]
    if layer.drawn:
        columns.append(blank(t("export_column_shape", lang), "shape"))
    return list(_distinct(columns, lang))


def flat(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Return a column in one chunk, dictionaries decoded and NaN and infinities as null."""
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if pa.types.is_dictionary(whole.type):
        whole = whole.dictionary_decode()
    if pa.types.is_floating(whole.type):
        whole = pc.if_else(pc.is_finite(whole), whole, pa.scalar(None, whole.type))
    return whole


WORDED: Final = frozenset(("choice", "record", "moment"))  # kept as ids, codes or UTC, read as words


def worded(column: pa.ChunkedArray | pa.Array, field: Field, lang: Lang) -> pa.Array:
    """Return a column of choices, records or moments as people read it; a word that is not in a list stays."""
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if not pa.types.is_dictionary(whole.type):
        whole = whole.cast(pa.string()).dictionary_encode()
    words = pa.array([shown(field, word, lang) for word in whole.dictionary.to_pylist()], pa.string())
    return words.take(whole.indices)


def flag_words(table: pa.Table, lang: Lang) -> pa.Array:
    """Return the marks of each record as one text, null where it has none."""
    bits, where = np.unique(flat(table["flags"]).to_numpy(zero_copy_only=False), return_inverse=True)
    words = [
        t("export_list_separator", lang).join(
            say.text(lang) for i, say in enumerate(FLAGS.values()) if int(b) >> i & 1
        )
        for b in bits
    ]
    return pa.array([word or None for word in words], pa.string()).take(pa.array(where.ravel()))


def joined(column: pa.ChunkedArray, titles: Mapping[str, Text], lang: Lang) -> pa.Array:
    """Return a list<string> column as one text per row, with titles for ids; null where it is empty."""
    separator = t("export_list_separator", lang)

    @cache
    def word(ids: tuple[str, ...]) -> str | None:
        return separator.join(titles[i].text(lang) if i in titles else i for i in ids) or None

    return pa.array([word(tuple(ids or ())) for ids in column.to_pylist()], pa.string())


def field_titles(layer: Layer) -> dict[str, Text]:
    """Return field id → title."""
    return {field.id: field.title for field in layer.fields}


def standing_kind(layer: Layer) -> Literal["tier", "grade"] | None:
    """Return what a layer's records have: a tier as risks, a grade where a model scores what is none."""
    if layer.counts == "risk":
        return "tier"
    return None if layer.model is None else "grade"


def tier_words(table: pa.Table, lang: Lang) -> pa.Array:
    """Return the word for each record's tier or grade, "unrated" included."""
    words = pa.array([tier_title(state, lang) for state in STANDINGS], pa.string())
    return words.take(flat(table["rank"]))


def local_time(stamp: str) -> str:
    """Return an ISO timestamp as a reader's local date and minute; other text stays as it is."""
    try:
        moment = datetime.fromisoformat(stamp)
    except ValueError:
        return stamp
    return (moment.astimezone() if moment.tzinfo else moment).strftime("%Y-%m-%d %H:%M")


# Core role, column of a layer table, kind.
_CORE: Final[tuple[tuple[str, str, Kind], ...]] = (
    ("code", "code", "text"),
    ("name", "name", "text"),
    ("subdistrict", "subdistrict", "text"),
    ("longitude", "lon", "degrees"),
    ("latitude", "lat", "degrees"),
)


def _core(part: LayerInventory, lang: Lang, *, datum_in_header: bool) -> Iterator[SheetColumn]:
    for role, name, kind in _CORE:
        title = _core_title(part.layer, role, lang)
        if datum_in_header and kind == "degrees":
            title = f"{title}({DATUM})"
        yield SheetColumn(title, kind, flat(part.table[name]), role)


def _core_title(layer: Layer, role: str, lang: Lang) -> str:
    """Return our header, unless the layer gave that word to one of its fields."""
    ours = t(f"export_column_{role}", lang)
    known = layer.aliases.get(role, ())
    if not known or normalise_header(ours) in {normalise_header(alias) for alias in known}:
        return ours
    return known[0]


def _assessed(part: LayerInventory, lang: Lang) -> Iterator[SheetColumn]:
    table, rules = part.table, part.rules
    kind = standing_kind(part.layer)
    if kind is None:
        yield SheetColumn(t("export_column_flags", lang), "text", flag_words(table, lang), "flags")
        return
    yield SheetColumn(t(f"export_column_{kind}", lang), "tier", tier_words(table, lang), f"assessed_{kind}")
    yield SheetColumn(t("export_column_score", lang), "number", flat(table["score"]), "assessed_score")
    for key, title, values in _parts(part, lang):
        yield SheetColumn(title, "number", values, f"part:{key}")
    missing = joined(table["missing"], field_titles(part.layer), lang)
    yield SheetColumn(t("export_column_missing", lang), "text", missing, "assessed_missing")
    yield SheetColumn(
        t("export_column_rules", lang), "text", joined(table["rules"], rules, lang), "assessed_rules"
    )
    yield SheetColumn(t("export_column_flags", lang), "text", flag_words(table, lang), "flags")


def _parts(part: LayerInventory, lang: Lang) -> Iterator[tuple[str, str, pa.Array]]:
    """Yield id, header and values of each part of the model; the header is none that a field has."""
    for key, title in part.parts.items():
        if part_column(key) in part.table.column_names:
            header = t("export_column_part", lang, title=title.text(lang))
            yield key, header, flat(part.table[part_column(key)])


_KINDS: Final[Mapping[str, Kind]] = {"number": "number", "integer": "integer", "date": "date"}


def _field(table: pa.Table, field: Field, lang: Lang) -> SheetColumn:
    column = table[f"f:{field.id}"]
    if field.type in WORDED:
        values = worded(column, field, lang)
    elif field.type == "boolean":
        values = _yes_no(flat(column), lang)
    else:
        values = flat(column)
    return SheetColumn(header(field, lang), _KINDS.get(field.type, "text"), values, field.id)


def _extras(table: pa.Table) -> Iterator[SheetColumn]:
    """Yield what no field reads under the headers it came with."""
    for key in extra_keys(table.column_names):
        if table[key].null_count < len(table):
            yield SheetColumn(header_of(key), "text", flat(table[key]), key)


def _files(part: LayerInventory, lang: Lang) -> Iterator[SheetColumn]:
    """Yield the names of the files on each record; an import reads them into nothing."""
    between = t("export_list_separator", lang)
    for field in part.layer.files if part.files else ():
        names = [between.join(one.name for one in row if one.field == field.id) or None for row in part.files]
        if field.item and not any(names):
            continue
        yield SheetColumn(field.title.text(lang), "text", pa.array(names, pa.string()), f"file:{field.id}")


def header(field: Field, lang: Lang) -> str:
    """Return the header of a field's column: its title with the unit in brackets."""
    title = field.title.text(lang)
    return f"{title}({field.unit})" if field.unit and f"({field.unit})" not in title else title


def _yes_no(values: pa.Array, lang: Lang) -> pa.Array:
    return pc.if_else(values.cast(pa.bool_()), t("export_yes", lang), t("export_no", lang))


def _facts(part: LayerInventory) -> Iterator[Field]:
    """Yield what is told of items of the checklist that some record states."""
    for field in part.layer.fields:
        if field.item and part.table[f"f:{field.id}"].null_count < len(part.table):
            yield field


def _checklist(part: LayerInventory, lang: Lang) -> Iterator[SheetColumn]:
    if part.layer.checklist is None or "checklist" not in part.table.column_names:
        return
    rows = part.table["checklist"].to_pylist()
    for i, item in enumerate(part.layer.checklist.items):
        marks = pa.array([row[i] if row and i < len(row) else None for row in rows], pa.bool_())
        yield SheetColumn(item.title.text(lang), "text", _yes_no(marks, lang), f"checklist:{item.id}")


# Part of a contact: how to get it, and whether a sheet shows it where nobody has it.
_PARTS: Final[tuple[tuple[str, Callable[[Contact], str | None], bool], ...]] = (
    ("name", lambda c: c.name, True),
    ("phone", lambda c: c.phone, True),
    ("post", lambda c: c.post, False),
    ("verified", lambda c: c.verified_on, False),
)


def contact_columns(part: LayerInventory, lang: Lang, *, every: bool = False) -> Iterator[SheetColumn]:
    """Yield the columns of contacts; how many there are where the inventory comes without them.

    `every`: also those that nobody has.
    """
    if part.contacts is None:
        if part.layer.contacts:
            yield SheetColumn(
                t("export_column_contacts", lang), "integer", flat(part.table["contacts"]), "contacts"
            )
        return
    people = [row or () for row in part.contacts]
    cells: list[dict[str, Contact]] = [as_cells(row) for row in people]
    roles = {role.id for role in part.layer.contacts}
    for role in part.layer.contacts:
        mine = [row.get(role.id) for row in cells]
        for name, get, always in _PARTS:
            values = [get(contact) if contact else None for contact in mine]
            if every or always or any(values):
                title = contact_header(role, name, lang)
                yield SheetColumn(title, "text", pa.array(values, pa.string()), f"contact:{role.id}:{name}")
    others = [_sentence([c for c in row if c.role not in roles], lang) for row in people]
    if any(others):
        yield SheetColumn(
            t("export_column_other_contacts", lang), "text", pa.array(others, pa.string()), "contacts"
        )


def _sentence(contacts: Sequence[Contact], lang: Lang) -> str | None:
    people = (
        " ".join(word for word in (c.role, c.post, c.name, c.phone, c.verified_on) if word) for c in contacts
    )
    return t("export_list_separator", lang).join(people) or None


def _shape(part: LayerInventory, lang: Lang) -> Iterator[SheetColumn]:
    if "shape" not in part.table.column_names:
        return
    shapes = shapely.from_wkb(np.array(flat(part.table["shape"]).to_pylist(), object))
    texts = shapely.to_wkt(shapes, rounding_precision=-1)  # every digit: read back it is the same shape
    yield SheetColumn(t("export_column_shape", lang), "text", pa.array(texts, pa.string()), "shape")


def _upkeep(table: pa.Table, lang: Lang) -> Iterator[SheetColumn]:
    times = flat(table["updated_at"]).dictionary_encode()
    words = pa.array([local_time(stamp) for stamp in times.dictionary.to_pylist()], pa.string())
    yield SheetColumn(t("export_column_updated_at", lang), "text", words.take(times.indices), "updated_at")
    yield SheetColumn(t("export_column_version", lang), "integer", flat(table["version"]), "version")


def _distinct(columns: Sequence[SheetColumn], lang: Lang) -> Iterator[SheetColumn]:
    """Yield the columns under headers that no two share: a field's own title goes first."""
    derived = {
        "assessed_tier",
        "assessed_grade",
        "assessed_score",
        "assessed_missing",
        "assessed_rules",
        "flags",
        "updated_at",
    }
    derived |= {c.role for c in columns if c.role.startswith("part:")}
    taken = {normalise_header(c.title) for c in columns if c.role not in derived}
    seen: set[str] = set()
    for column in columns:
        title = column.title
        if column.role in derived and normalise_header(title) in taken:
            title = t("export_column_ours", lang, title=title)
        while normalise_header(title) in seen:
            title += "_"
        seen.add(normalise_header(title))
        yield column if title == column.title else SheetColumn(title, column.kind, column.values, column.role)


AttributeType = Literal["text", "number", "integer", "boolean", "date", "list"]


@dataclass(frozen=True, slots=True)
class Attribute:
    """One column of an attribute table. `name` is the id, or a header where there is no id.

    `derived` columns are what riskmap adds; an import does not read them.
    """

    name: str
    title: str
    values: pa.Array
    type: AttributeType
    unit: str = ""
    derived: bool = False


def attributes(
    part: LayerInventory, lang: Lang, *, words: bool, each: Callable[[], object] = _silent
) -> list[Attribute]:
    """Return the columns of a layer. With `words`, for people: titles instead of ids, no lists. `each`: see `sheet_columns`."""
    found = chain(
        _core_attributes(part, lang),
        (replace(a, derived=True) for a in _assessed_attributes(part, lang, words=words)),
        (
            _field_attributes(part.table, field, lang, words=words)
            for field in part.layer.fields
            if not field.item
        ),
        (Attribute(one.title, one.title, one.values, "text") for one in _extras(part.table)),
        _checklist_attributes(part, lang),
        _contacts(part, lang),
        _upkeep_attributes(part, lang),
        (_field_attributes(part.table, fact, lang, words=words) for fact in _facts(part)),
    )
    return _distinct_attributes(_made(found, each))


def _core_attributes(part: LayerInventory, lang: Lang) -> Iterator[Attribute]:
    for name in ("code", "name", "subdistrict"):
        yield Attribute(name, t(f"export_column_{name}", lang), flat(part.table[name]), "text")
    if not part.layer.drawn:
        return
    # A record with a position but no shape: its position has no other place in a table of shapes.
    shapeless = pc.and_(pc.is_null(flat(part.table["shape"])), pc.is_valid(flat(part.table["lon"])))
    if pc.any(shapeless).as_py():
        for name, column in (("longitude", "lon"), ("latitude", "lat")):
            values = pc.if_else(shapeless, flat(part.table[column]), pa.scalar(None, pa.float64()))
            yield Attribute(name, t(f"export_column_{name}", lang), values, "number")


def _assessed_attributes(part: LayerInventory, lang: Lang, *, words: bool) -> Iterator[Attribute]:
    table = part.table
    kind = standing_kind(part.layer)
    if kind is not None:
        yield from _standing_attributes(table, kind, lang, words=words, rated=part.layer.flow is None)
        yield Attribute("score", t("export_column_score", lang), flat(table["score"]), "number")
    for key, title, values in _parts(part, lang):
        yield Attribute(f"part_{key}", title, values, "number")
    lists = (("missing", field_titles(part.layer)), ("rules", part.rules))
    for name, titles in lists if kind else ():
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


def _standing_attributes(
    table: pa.Table, kind: Literal["tier", "grade"], lang: Lang, *, words: bool, rated: bool
) -> Iterator[Attribute]:
    """Yield tier or grade, and whether it is `rated`: a register's state is that of its flow, a field."""
    standings = flat(table["rank"])
    known = [None if one in {"unrated", "ungraded"} else one for one in STANDINGS]
    ids = pa.array(known, pa.string()).take(standings)
    yield Attribute(kind, t(f"export_column_{kind}", lang), ids, "text")
    if words:
        title = t(f"export_column_{kind}_title", lang)
        yield Attribute(f"{kind}_title", title, tier_words(table, lang), "text")
    if kind == "tier" and rated:
        states = pa.array([state_of(one) for one in STANDINGS], pa.string())
        yield Attribute("state", t("export_column_state", lang), states.take(standings), "text")


def _flag_ids(table: pa.Table) -> pa.Array:
    bits, where = np.unique(flat(table["flags"]).to_numpy(zero_copy_only=False), return_inverse=True)
    ids = [[flag for i, flag in enumerate(FLAGS) if int(b) >> i & 1] for b in bits]
    return pa.array(ids, pa.list_(pa.string())).take(pa.array(where.ravel()))


def _field_attributes(table: pa.Table, field: Field, lang: Lang, *, words: bool) -> Attribute:
    column = table[f"f:{field.id}"]
    title = header(field, lang)
    if field.type in WORDED:
        values = worded(column, field, lang) if words or field.several else flat(column)
        return Attribute(field.id, title, values, "text")
    kind = field.type if field.type in {"number", "integer", "boolean", "date"} else "text"
    return Attribute(field.id, title, flat(column), cast("AttributeType", kind), field.unit)


def _checklist_attributes(part: LayerInventory, lang: Lang) -> Iterator[Attribute]:
    if part.layer.checklist is None or "checklist" not in part.table.column_names:
        return
    rows = part.table["checklist"].to_pylist()
    for i, item in enumerate(part.layer.checklist.items):
        marks = pa.array([row[i] if row and i < len(row) else None for row in rows], pa.bool_())
        yield Attribute(item.id, item.title.text(lang), marks, "boolean")


def _contacts(part: LayerInventory, lang: Lang) -> Iterator[Attribute]:
    # The same columns whoever is there: a shapefile cuts their names, and numbers them in their order.
    for column in contact_columns(part, lang, every=True):
        kind = "integer" if column.kind == "integer" else "text"
        name = "contacts" if kind == "integer" else column.title
        yield Attribute(name, column.title, column.values, kind)


def _upkeep_attributes(part: LayerInventory, lang: Lang) -> Iterator[Attribute]:
    times = flat(part.table["updated_at"]).dictionary_encode()
    local = pa.array([local_time(stamp) for stamp in times.dictionary.to_pylist()], pa.string())
    yield Attribute(
        "updated_at", t("export_column_updated_at", lang), local.take(times.indices), "text", derived=True
    )
    yield Attribute("version", t("export_column_version", lang), flat(part.table["version"]), "integer")


def _distinct_attributes(found: list[Attribute]) -> list[Attribute]:
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


def dated(column: Attribute) -> pa.Array:
    """Return the values of a column, those of a date as calendar days; a text that is none stays a text."""
    if column.type == "date":
        try:
            return column.values.cast(pa.date32())
        except pa.ArrowInvalid:
            return column.values
    return column.values


def choice_words(layer: Layer, lang: Lang) -> dict[str, dict[str, str]]:
    """Return field → id of a choice → its title: what a table of ids needs beside it."""
    return {f.id: {c.id: c.title.text(lang) for c in f.choices} for f in layer.fields if f.choices}


def geometries(part: LayerInventory) -> pa.Array:
    """Return WKB (CGCS2000 degrees, x = longitude) per record, null where it has no place."""
    if part.layer.drawn and "shape" in part.table.column_names:
        return flat(part.table["shape"]).cast(pa.binary())
    lon, lat = (flat(part.table[name]).to_numpy(zero_copy_only=False) for name in ("lon", "lat"))
    located = np.isfinite(lon) & np.isfinite(lat)
    wkb = np.full(len(lon), None, object)
    wkb[located] = shapely.to_wkb(shapely.points(lon[located], lat[located]))
    return pa.array(wkb, pa.binary())


@dataclass(frozen=True, slots=True)
class ColumnGroup:
    """Rows of one geometry kind: what a table of a typed format holds. `type` is the OGR name."""

    kind: GeometryKind
    type: str
    rows: pa.Array
    wkb: pa.Array


def groups(part: LayerInventory) -> list[ColumnGroup]:
    """Return the records by geometry kind, the layer's own kind first and always, with the placeless.

    Where a group has multi-part shapes, all of its shapes become multi-part.
    """
    wkb = geometries(part)
    shapes = shapely.from_wkb(np.array(wkb.to_pylist(), object))
    types = shapely.get_type_id(shapes)
    kinds = np.array([KIND_OF_TYPE.get(int(i), part.layer.shape_kind) for i in types], object)
    found = []
    for kind in dict.fromkeys((part.layer.shape_kind, *kinds.tolist())):
        rows = np.flatnonzero(kinds == kind)
        mine, multi = shapes[rows], bool((types[rows] >= 4).any())
        if multi:
            mine = np.array([_many(shape) for shape in mine], object)
        name = {"point": "Point", "line": "LineString", "polygon": "Polygon"}[kind]
        written = pa.array(shapely.to_wkb(mine), pa.binary()) if len(rows) else pa.array([], pa.binary())
        found.append(ColumnGroup(kind, f"Multi{name}" if multi else name, pa.array(rows), written))
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
        "records": str(inventory.figure("records.layer").value),
        "records_figure": "records.layer",
        "adds_up": "yes" if inventory.adds_up else "no",
        "changeset": str(inventory.changeset or ""),
        "head": inventory.head,
        "approval": inventory.approval,
        "nature": DEMO_MARK if inventory.demo else "",
    }
    return {key: value for key, value in facts.items() if value}
