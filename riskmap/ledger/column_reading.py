"""The records of a layer in columns, from the ledger straight into Arrow: none becomes an object on the way.

The JSON of a chunk of records is read at once by Arrow, with the types of the layer file: nothing is
inferred. A chunk that Arrow refuses is read cell by cell, so that a value which does not fit its field
is named with its record, stands as missing there, and costs no other value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.json
import sqlalchemy as sa

from riskmap.catalog.layer import Field, Layer
from riskmap.catalog.model import CHECKLIST_PREFIX
from riskmap.errors import Text
from riskmap.later import later
from riskmap.ledger import schema as s
from riskmap.ledger.assessments import read_names
from riskmap.ledger.columns import (
    CONTACTS_OF_REVISION,
    SHAPE_OF_REVISION,
    held_at,
    read_body,
    read_checklist,
)
from riskmap.ledger.store import json_list, moments, no_cycles, read_chunks
from riskmap.progress import UNWATCHED, Progress
from riskmap.rules.arrays import (
    FIELD_TYPES,
    Misfit,
    bools_of,
    column_of,
    field_array,
    filled_marks,
    pc,
    position_arrays,
)
from riskmap.rules.extras import PREFIX, extra_keys, is_extra
from riskmap.vocabulary import UNRATED

if TYPE_CHECKING:
    from riskmap.io.tables import kept_columns
else:
    kept_columns = later("riskmap.io.tables.kept_columns")

Cells = Mapping[str, Sequence[Any]]  # name → what the rows of a chunk hold


Arrays = dict[str, pa.Array]


_BODY = sa.cast(s.revision.c.body, sa.LargeBinary).label("body")  # bytes: JSON is decoded once, by its reader


@dataclass(frozen=True, slots=True, eq=False)
class LayerColumns:
    """Records of a layer in code order; a value that cannot be read is missing in `table` and named in `broken`."""

    table: pa.Table
    broken: tuple[Misfit, ...]

    def whole(self) -> pa.Table:
        """Return the table. LedgerError names the first broken record, its field and value, if there is one."""
        if self.broken:
            raise self.broken[0].error()
        return self.table


def read_inputs(
    connection: sa.Connection,
    layer: Layer,
    fields: Collection[str],
    *,
    codes: Collection[str] | None,
    progress: Progress = UNWATCHED,
    expected: int = 0,
) -> LayerColumns:
    """Return `feature_id`, `version` and the named fields of the active records (all, or those of `codes`).

    Fields are ids or "checklist.<item id>"; for any of these the column `checklist` comes whole. About so many
    records are `expected`: what `progress` tells the share of.
    """
    marks = any(field.startswith(CHECKLIST_PREFIX) for field in fields)
    query = _query(s.feature.c.id, s.revision.c.version, *([s.revision.c.checklist] if marks else []))
    if codes is not None:
        query = query.where(s.feature.c.code.in_(json_list(codes)))
    read = [field for field in layer.fields if field.id in fields]
    return _columns(
        connection, query, layer, read, partial(_inputs, layer), progress=progress, expected=expected
    )


def read_some(
    connection: sa.Connection,
    layer: Layer,
    fields: Collection[str],
    *,
    numbers: Collection[int],
    at: int | None = None,
) -> pa.Table:
    """Return `feature_id` and the named fields of some active records, by feature id, now or after changeset `at`."""
    query = _query(s.feature.c.id, s.revision.c.version, at=at).where(s.feature.c.id.in_(json_list(numbers)))
    read = [field for field in layer.fields if field.id in fields]
    found = _columns(
        connection,
        query.order_by(None).order_by(s.feature.c.id),
        layer,
        read,
        partial(_inputs, layer),
        progress=UNWATCHED,
        expected=len(numbers),
    )
    return found.table


def inputs_of(cells: Cells, layer: Layer, fields: Collection[str]) -> LayerColumns:
    """Return what `read_inputs` would of records that are not stored yet: `cells` holds code, id, version,
    checklist and body (bytes), the last two as they would be stored.
    """
    marks = any(field.startswith(CHECKLIST_PREFIX) for field in fields)
    read = [field for field in layer.fields if field.id in fields]
    arrays, broken = _fields(cells, layer, read, kept=False)
    asked = cells if marks else {name: column for name, column in cells.items() if name != "checklist"}
    parts = {name: [array] for name, array in (_inputs(layer, asked) | arrays).items()}
    return LayerColumns(_table(parts), tuple(broken))


def read_layer(
    connection: sa.Connection,
    layer: Layer,
    *,
    at: int | None,
    retired: bool = False,
    progress: Progress = UNWATCHED,
    expected: int = 0,
) -> LayerColumns:
    """Return the active records, now or after changeset `at`, in the columns of a layer table without `flags`.

    `retired`: those that are off the lists instead.
    """
    result = s.assessment
    query = _query(
        *(s.feature.c.id, s.revision.c.name, s.revision.c.subdistrict, s.revision.c.lon, s.revision.c.lat),
        *(result.c.rank, result.c.score, s.revision.c.version, s.revision.c.valid_from.label("changed")),
        *(result.c.missing, result.c.rules, s.revision.c.contact_count, s.revision.c.checklist),
        *([] if not layer.drawn else [s.shape.c.wkb]),
        at=at,
        results=True,
        shapes=layer.drawn,
        retired=retired,
    )
    beside = partial(_everything, layer)
    found = _columns(
        connection, query, layer, layer.fields, beside, kept=True, progress=progress, expected=expected
    )
    changed = found.table["changed"].combine_chunks().dictionary_encode()
    sets = changed.dictionary.to_pylist()
    written = moments(connection, sets)
    stamps = pa.array([written[number] for number in sets], pa.string()).take(changed.indices)
    place = found.table.column_names.index("changed")
    return LayerColumns(found.table.set_column(place, "updated_at", stamps), found.broken)


def _query(
    *columns: sa.ColumnElement[Any],
    at: int | None = None,
    results: bool = False,
    shapes: bool = False,
    contacts: bool = False,
    retired: bool = False,
) -> sa.Select[Any]:
    current = s.revision.c.id == s.feature.c.revision_id
    then = sa.and_(s.revision.c.feature_id == s.feature.c.id, held_at(s.revision, at))
    source = s.feature.join(s.revision, current if at is None else then)
    if results:
        theirs = s.assessment.c.feature_id == s.feature.c.id
        source = source.outerjoin(s.assessment, sa.and_(theirs, held_at(s.assessment, at)))
    if shapes:
        source = source.outerjoin(s.shape, SHAPE_OF_REVISION)
    if contacts:
        source = source.outerjoin(s.contact_set, CONTACTS_OF_REVISION)
    query = sa.select(s.feature.c.code, *columns, _BODY).select_from(source)
    gone = s.revision.c.retired
    if retired and at is None:  # the flag of the record spares a look at every revision
        query = query.where(s.feature.c.retired == 1)
    return query.where(gone.is_not(None) if retired else gone.is_(None)).order_by(s.feature.c.code)


def _columns(
    connection: sa.Connection,
    query: sa.Select[Any],
    layer: Layer,
    fields: Sequence[Field],
    beside: Callable[[Cells], Arrays],
    *,
    kept: bool = False,
    progress: Progress,
    expected: int,
) -> LayerColumns:
    """Return what `beside` makes of the rows of a query, and the fields in their bodies.

    `kept`: with the columns that no field reads, too.
    """
    names = query.selected_columns.keys()
    query = query.where(s.feature.c.layer == layer.id)
    parts: dict[str, list[pa.Array]] = {}
    sizes: list[int] = []
    broken: list[Misfit] = []
    what, done = Text(f"读取台账：{layer.title.zh}", f"reading the ledger: {layer.title.en}"), 0
    with no_cycles():
        for rows in chain(read_chunks(connection, query), [[]]):  # the last, empty one gives the types
            progress.step(done, max(expected, done), what)
            done += len(rows)
            cells = dict(zip(names, zip(*rows, strict=True) if rows else [()] * len(names), strict=True))
            arrays, misfits = _fields(cells, layer, fields, kept=kept)
            batch = beside(cells) | arrays
            broken += misfits
            for name, array in batch.items():
                # What no field reads need not be in every record: where a chunk has none of it, nothing is known.
                if name not in parts:
                    parts[name] = [pa.nulls(n, array.type) for n in sizes]
                parts[name].append(array)
            sizes.append(len(rows))
            for name in extra_keys(parts.keys() - batch.keys()):
                parts[name].append(pa.nulls(len(rows), pa.string()))
    return LayerColumns(_table(parts), tuple(broken))


def _table(parts: dict[str, list[pa.Array]]) -> pa.Table:
    """Return the columns of all chunks, each as one array; only one of them is in memory twice at a time."""
    names = [*(name for name in parts if not is_extra(name)), *sorted(extra_keys(parts))]
    columns = []
    for name in names:
        column = pa.chunked_array(parts.pop(name))
        columns.append(column.unify_dictionaries().combine_chunks())
        del column
    return pa.table(columns, names=names)


def _inputs(layer: Layer, cells: Cells) -> Arrays:
    found = {name: _longs(cells[at]) for name, at in (("feature_id", "id"), ("version", "version"))}
    return found | _marks(layer, cells)


def _everything(layer: Layer, cells: Cells) -> Arrays:
    found: Arrays = {
        "feature_id": _longs(cells["id"]),
        "code": pa.array(cells["code"], pa.string()),
        "name": pa.array(cells["name"], pa.string()),
        "subdistrict": pa.array(cells["subdistrict"], pa.string()).dictionary_encode(),
        **position_arrays(_floats(cells["lon"]), _floats(cells["lat"])),
        "rank": pa.array(np.nan_to_num(_floats(cells["rank"]), nan=UNRATED).astype(np.uint8)),
        "score": pa.array(_floats(cells["score"])),
        "version": _longs(cells["version"]),
        "changed": _longs(cells["changed"]),
        "missing": _lists(cells["missing"], pa.string(), read_names),
        "rules": _lists(cells["rules"], pa.string(), read_names),
        "contacts": _longs(cells["contact_count"]),
        **_marks(layer, cells),
    }
    return found | ({"shape": pa.array(cells["wkb"], pa.binary())} if "wkb" in cells else {})


def _marks(layer: Layer, cells: Cells) -> Arrays:
    if layer.checklist is None or "checklist" not in cells:
        return {}
    items = len(layer.checklist.items)
    return {
        "checklist": _lists(
            cells["checklist"], pa.bool_(), lambda text: filled_marks(read_checklist(text), items)
        )
    }


def read_filled_roles(connection: sa.Connection, layer: Layer, *, at: int | None, retired: bool) -> pa.Table:
    """Return `code` and `roles` of the records of a layer: those that somebody fills, a line each, and no word of who.

    Found in the stored texts (`write_contacts`) as they are: reading each as JSON would take four times as long.
    """
    query = _query(s.contact_set.c.people, at=at, contacts=True, retired=retired)
    query = query.where(s.feature.c.layer == layer.id)
    rows = [row for chunk in read_chunks(connection, query) for row in chunk]
    at_name = query.selected_columns.keys().index
    texts = pa.array([row[at_name("people")] for row in rows], pa.string())
    roles = [role.id for role in layer.contacts]
    found = np.zeros(len(texts), np.int64)
    for bit, role in enumerate(roles):
        somebody = rf'"role":"{role}",(?:"name":"[^"]|(?:"name":"",)?"phone":"[^"])'
        found |= bools_of(pc.match_substring_regex(texts, somebody)).astype(np.int64) << bit
    codes, where = np.unique(found, return_inverse=True)
    words = [
        "\n".join(role for bit, role in enumerate(roles) if code >> bit & 1) or None
        for code in codes.tolist()
    ]
    filled = pa.array(words, pa.string()).take(pa.array(where)).dictionary_encode()
    return pa.table({"code": pa.array([row[at_name("code")] for row in rows], pa.string()), "roles": filled})


def _longs(cells: Sequence[int]) -> pa.Array:
    return pa.array(cells, pa.int64())


def _floats(cells: Sequence[float | None]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array(cells, dtype=np.float64)


def _lists(
    texts: Sequence[str | None], kind: pa.DataType, meaning: Callable[[str | None], Sequence[Any]]
) -> pa.Array:
    """Return what stored texts mean as a column of lists, each different text read once."""
    coded = pa.array(texts, pa.string()).dictionary_encode(null_encoding="encode")
    lists = [meaning(text) for text in coded.dictionary.to_pylist()]
    return pa.array(lists, pa.list_(kind)).take(coded.indices)


def _fields(
    cells: Cells, layer: Layer, fields: Sequence[Field], *, kept: bool
) -> tuple[Arrays, list[Misfit]]:
    """Return the columns of the fields in the bodies of a chunk, and what in them does not fit.

    With `kept`, what no field reads as well; without, only what one of the fields takes up.
    """
    bodies: Sequence[bytes] = cells["body"]
    lines = b"\n".join(bodies)
    extras = _extras(lines, layer, fields, kept=kept)
    schema = pa.schema(
        [(field.id, FIELD_TYPES[field.type]) for field in fields] + [(key, pa.string()) for key in extras]
    )
    found, broken = _read_at_once(lines, len(bodies), schema), []
    if found is None:
        found, broken = _read_by_cell(bodies, cells["code"], layer, fields, extras)
    arrays = dict(zip([*(column_of(field.id) for field in fields), *extras], found, strict=True))
    if extras:
        kept_columns.take_up_columns(arrays, layer)
    for field in fields:
        if field.type in {"choice", "record"}:
            arrays[column_of(field.id)] = arrays[column_of(field.id)].dictionary_encode()
    return ({name: a for name, a in arrays.items() if kept or not is_extra(name)}, broken)


_KEPT = re.compile(rb'("' + PREFIX.encode() + rb'(?:[^"\\]|\\.)*")\s*:')


def _extras(lines: bytes, layer: Layer, fields: Sequence[Field], *, kept: bool) -> tuple[str, ...]:
    """Return the keys of the columns in some bodies that no field reads, sorted."""
    if b'"' + PREFIX.encode() not in lines:
        return ()
    found = sorted(orjson.loads(name) for name in set(_KEPT.findall(lines)))
    if kept:
        return tuple(found)
    read = {field.id for field in fields}
    takers = ((key, kept_columns.taker(layer, key)) for key in found)
    return tuple(key for key, one in takers if one is not None and one[0].id in read)


def _read_at_once(lines: bytes, count: int, schema: pa.Schema) -> list[pa.Array] | None:
    """Return a column for each name of a schema, None where something is not of its type."""
    if not lines or not schema.names:
        return [pa.nulls(0, kind) for kind in schema.types]
    try:
        read = pyarrow.json.read_json(
            pa.py_buffer(lines),
            read_options=pyarrow.json.ReadOptions(use_threads=False, block_size=len(lines) + 1),
            parse_options=pyarrow.json.ParseOptions(
                explicit_schema=schema, unexpected_field_behavior="ignore"
            ),
        )
    except pa.ArrowInvalid:
        return None
    return [read[name].combine_chunks() for name in schema.names] if len(read) == count else None


def _read_by_cell(
    bodies: Sequence[bytes],
    codes: Sequence[str],
    layer: Layer,
    fields: Sequence[Field],
    extras: Sequence[str],
) -> tuple[list[pa.Array], list[Misfit]]:
    read = [read_body(body) for body in bodies]
    broken = [
        Misfit(layer, code, None, body[:40].decode(errors="replace"))
        for code, body, values in zip(codes, bodies, read, strict=True)
        if values is None
    ]
    arrays: list[pa.Array] = []
    for field in fields:
        values = [None if one is None else one.get(field.id) for one in read]
        array, misfits = field_array(values, field)
        arrays.append(array)
        broken += [Misfit(layer, codes[row], field, values[row]) for row in misfits]
    for key in extras:
        texts = [None if one is None else one.get(key) for one in read]
        arrays.append(pa.array([t if isinstance(t, str) else None for t in texts], pa.string()))
    return arrays, broken
