"""Tables of records as GeoDataFrames with their real types, and frames as edits and as columns to score.

A frame's index is the code. Numbers are float64, whole numbers Int64 and yes/no boolean (both with NA),
dates datetime64, choices categoricals of choice ids, the tier an ordered categorical of `RANKS`: an
unrated record stands above low, because an unknown is never safe.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute
import shapely

from riskmap.actions.records.editing import PointEdit
from riskmap.catalog import Layer
from riskmap.catalog.layer import Field
from riskmap.catalog.model import CHECKLIST_PREFIX
from riskmap.coordinates import CGCS2000, parse_datum, to_cgcs2000
from riskmap.errors import DatumError, RiskmapError, UnknownNameError
from riskmap.rules.arrays import (
    FIELD_TYPES,
    Misfit,
    bools_of,
    codes_of,
    column_of,
    field_array,
    filled_marks,
    floats_of,
    numbers_of,
    pc,
)
from riskmap.selection import flag_ids
from riskmap.values.import_plan import ImportPlan
from riskmap.values.records import Clear, Features, Records
from riskmap.vocabulary import RANKS

COMPUTED: Final = ("tier", "score", "missing", "rules", "flags", "contacts", "updated_at")
"""Columns of a frame that follow from the others; they cannot be edited."""


_OWN: Final = ("name", "subdistrict", "geometry")


# Columns of a frame


def frame_of(table: pa.Table, layer: Layer) -> gpd.GeoDataFrame:
    """Return a layer table (docs/architecture.md), or some columns of one, as a GeoDataFrame in EPSG:4490.

    Index: the code. Geometry: a point, or the record's own line or polygon; None where unlocated.
    LedgerError names a record whose date cannot be one.
    """
    present = set(table.column_names)
    columns: dict[str, Any] = {"name": _text(table["name"]), "subdistrict": _words(table["subdistrict"])}
    if "rank" in present:
        columns["tier"] = tiers(numbers_of(table["rank"]))
        columns["score"] = floats_of(table["score"])
    for field in layer.fields:
        if column_of(field.id) in present:
            columns[field.id] = _column(table[column_of(field.id)], field, layer, table["code"])
    if layer.checklist is not None and "checklist" in present:
        columns |= _marks(table["checklist"], [item.id for item in layer.checklist.items])
    if "flags" in present:
        columns["missing"], columns["rules"] = _tuples(table["missing"]), _tuples(table["rules"])
        columns["flags"] = _flags(numbers_of(table["flags"]))
        columns["contacts"] = numbers_of(table["contacts"])
    if "version" in present:
        columns["version"] = numbers_of(table["version"])
        columns["updated_at"] = moments(table["updated_at"].to_pylist())
    index = pd.Index(_text(table["code"]), name="code")
    frame = gpd.GeoDataFrame(columns, index=index, geometry=geometry_of(table), crs=CGCS2000)
    frame.attrs.update(layer=layer.id, units={f.id: f.unit for f in layer.fields if f.unit})
    return frame


def tiers(ranks: Sequence[int] | np.ndarray[Any, Any]) -> pd.Categorical:
    """Return ranks (`RANKS`) as an ordered categorical, the mildest first."""
    return pd.Categorical.from_codes(np.asarray(ranks, np.int8), categories=list(RANKS), ordered=True)


def moments(values: Sequence[str | dt.datetime | None]) -> pd.DatetimeIndex:
    """Return moments (ISO text or aware) as datetime64[s, UTC]; NaT where there is none."""
    return pd.to_datetime(pd.Series(values, dtype=object), utc=True, format="ISO8601").dt.as_unit("s").array


def geometry_of(table: pa.Table) -> np.ndarray[Any, Any]:
    """Return a geometry for each row: its shape, else a point at its position, else None."""
    lon, lat = numbers_of(table["lon"]), numbers_of(table["lat"])
    found = np.full(len(table), None, object)
    located = np.isfinite(lon) & np.isfinite(lat)
    found[located] = shapely.points(lon[located], lat[located])
    if "shape" in table.column_names:
        shapes = shapely.from_wkb(table["shape"].to_numpy(zero_copy_only=False))
        found = np.where(shapely.is_missing(shapes), found, shapes)
    return found


def _text(column: pa.ChunkedArray) -> Any:
    return column.to_pandas().array


def _words(column: pa.ChunkedArray) -> pd.Categorical:
    codes, words = codes_of(column)
    return pd.Categorical.from_codes(codes, categories=words)


def _column(column: pa.ChunkedArray, field: Field, layer: Layer, codes: pa.ChunkedArray) -> Any:
    if field.type == "number":
        return floats_of(column)
    if field.type == "integer":
        whole = numbers_of(pc.fill_null(column, 0)).astype(np.int64)
        return pd.arrays.IntegerArray(whole, ~bools_of(column.is_valid()))
    if field.type == "boolean":
        return _booleans(column)
    if field.type == "date":
        return _dates(column, field, layer, codes)
    if field.type == "choice":
        return _choices(column, field)
    return _text(column)


def _booleans(column: pa.ChunkedArray | pa.Array) -> pd.arrays.BooleanArray:
    return pd.arrays.BooleanArray(bools_of(column), ~bools_of(column.is_valid()))


def _choices(column: pa.ChunkedArray, field: Field) -> pd.Categorical:
    """Return choice ids in the order of the layer file; words kept beside an open list come last."""
    codes, words = codes_of(column)
    ids = [choice.id for choice in field.choices]
    categories = [*ids, *(word for word in words if word not in ids)]
    place = np.array([*(categories.index(word) for word in words), -1], np.int32)
    return pd.Categorical.from_codes(place[codes], categories=categories)


def _dates(column: pa.ChunkedArray, field: Field, layer: Layer, codes: pa.ChunkedArray) -> Any:
    try:
        days = column.cast(pa.date32())
    except pa.ArrowInvalid:
        for code, text in zip(codes.to_pylist(), column.to_pylist(), strict=True):
            if text is not None and not _is_day(text):
                raise Misfit(layer, code, field, text).error() from None
        raise
    return days.cast(pa.timestamp("s")).to_numpy(zero_copy_only=False).astype("datetime64[s]")


def _is_day(text: str) -> bool:
    try:
        dt.date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _marks(column: pa.ChunkedArray, items: Sequence[str]) -> dict[str, pd.arrays.BooleanArray]:
    """Return one column for each item of the checklist, named checklist.ITEM."""
    lists = column.combine_chunks()
    found: dict[str, pd.arrays.BooleanArray] = {}
    for place, item in enumerate(items):
        # A list may be shorter than the checklist of today, in records older than the item.
        there = pc.fill_null(pc.greater(pc.list_value_length(lists), place), fill_value=False)
        known = np.full(len(lists), fill_value=False)
        value = known.copy()
        cells = pc.list_element(lists.filter(there), place)
        known[bools_of(there)] = bools_of(cells.is_valid())
        value[bools_of(there)] = bools_of(cells)
        found[CHECKLIST_PREFIX + item] = pd.arrays.BooleanArray(value, ~known)
    return found


def _tuples(column: pa.ChunkedArray) -> np.ndarray[Any, Any]:
    return objects(tuple(words or ()) for words in column.to_pylist())


def _flags(bits: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    named = {int(b): tuple(flag_ids(int(b))) for b in np.unique(bits)}
    return objects(named[b] for b in bits.tolist())


def objects(values: Iterable[object]) -> np.ndarray[Any, Any]:
    """Return values, tuples among them, as an array of objects."""
    every = list(values)
    made = np.empty(len(every), object)
    made[:] = every
    return made


# What was read from a file


def accepted_frame(plan: ImportPlan, layer: Layer) -> gpd.GeoDataFrame:
    """Return the rows of a file that were read, as `frame_of` does, with sheet, row and action."""
    records = plan.intake.records
    frame = frame_of(_records_table(records, layer), layer)
    frame.insert(0, "sheet", list(plan.intake.sheet))
    frame.insert(1, "row", np.asarray(plan.intake.row, np.int64))
    frame.insert(2, "action", pd.Categorical(plan.actions, ["insert", "update", "unchanged", "held"]))
    return frame


def _records_table(records: Records, layer: Layer) -> pa.Table:
    columns: dict[str, pa.Array] = {
        "code": pa.array(records.code, pa.string()),
        "name": pa.array(_stated(records.name), pa.string()),
        "subdistrict": pa.array(_stated(records.subdistrict), pa.string()).dictionary_encode(),
        "lon": pa.array(np.asarray(records.lon, np.float64)),
        "lat": pa.array(np.asarray(records.lat, np.float64)),
    }
    if records.shapes is not None:
        columns["shape"] = pa.array(records.shapes, pa.binary())
    for field in layer.fields:
        if field.id in records.values:
            cells, misfits = field_array(_stated(records.values[field.id]), field)
            if misfits:
                at = misfits[0]
                raise Misfit(layer, records.code[at], field, records.values[field.id][at]).error()
            columns[column_of(field.id)] = cells.dictionary_encode() if field.type == "choice" else cells
    if records.checklist is not None and layer.checklist is not None:
        marks = [None if row is None else _stated(row) for row in records.checklist]
        columns["checklist"] = pa.array(marks, pa.list_(pa.bool_()))
    return pa.table(columns)


def _stated(cells: Iterable[Any]) -> list[Any]:
    return [None if isinstance(cell, Clear) else cell for cell in cells]


# A frame as edits


def edits_of(frame: pd.DataFrame, layer: Layer, known: Features) -> list[PointEdit]:
    """Return what a frame states and the ledger does not hold, a `PointEdit` for each row that states something.

    `frame`: rows by code (its index, or a column `code`); `known`: these records as the ledger holds
    them. NA is *not stated* and never erases, `CLEAR` erases. A column `version` says which version
    of each record was read; without it the present one counts. UnknownNameError names a column that
    is none of the layer's, RiskmapError a changed tier or score: these follow from the fields.
    """
    rows = _by_code(frame)
    _check_columns(rows, layer)
    stated = _stated_cells(rows, layer)
    computed = {name: plain_cells(rows[name]) for name in ("tier", "score") if name in rows.columns}
    versions = _versions(rows, layer)
    place = {code: at for at, code in enumerate(known.records.code)}
    found: list[PointEdit] = []
    for i, code in enumerate(rows.index):
        at = place.get(code)
        current = 0 if at is None else int(known.version[at])
        seen = current if versions is None else versions[i]
        cells = {key: column[i] for key, column in stated.items() if column[i] is not None}
        if at is not None and seen == current:
            _check_computed({name: column[i] for name, column in computed.items()}, layer, known, at)
            cells = {
                key: cell for key, cell in cells.items() if not _same(cell, _held(known, key, at, layer))
            }
            if not cells:
                continue
        found.append(PointEdit(code, seen, _grouped(cells, layer, known, at)))
    return found


def _by_code(frame: pd.DataFrame) -> pd.DataFrame:
    rows = frame.set_index("code") if "code" in frame.columns else frame
    return rows.set_axis([str(code) for code in rows.index])


def _check_columns(rows: pd.DataFrame, layer: Layer) -> None:
    marks = [CHECKLIST_PREFIX + item.id for item in (layer.checklist.items if layer.checklist else ())]
    known = [*_OWN, *layer.field_ids, *marks, "version", *COMPUTED]
    strange = [str(name) for name in rows.columns if name not in known]
    if strange:
        raise unknown_columns(layer, strange)


def unknown_columns(layer: Layer, names: Sequence[str]) -> UnknownNameError:
    """Return the error about columns that a layer does not have."""
    return UnknownNameError(
        f"{layer.title.zh}：没有这些列：{'、'.join(names)}；请去掉，或改成字段名（{'、'.join(layer.field_ids)}）",
        f"{layer.id}: no such columns: {', '.join(names)}; drop them, or name "
        f"fields ({', '.join(layer.field_ids)})",
    )


def _stated_cells(rows: pd.DataFrame, layer: Layer) -> dict[str, list[Any]]:
    """Return column → plain Python cells, None where nothing is stated."""
    found: dict[str, list[Any]] = {}
    for name in rows.columns:
        if name == "geometry":
            continue
        if name not in COMPUTED and name != "version":
            found[str(name)] = plain_cells(rows[name])
    if "geometry" in rows.columns:
        found["geometry"] = _shapes(rows, layer)
    return found


def plain_cells(column: Any) -> list[Any]:
    """Return the cells of a column (a Series) as plain Python: dates as ISO text, None for NA, `CLEAR` as it is."""
    empty = column.isna().to_numpy()
    return [None if gone else _plain(cell) for cell, gone in zip(column.tolist(), empty, strict=True)]


def _plain(cell: Any) -> Any:
    if isinstance(cell, np.generic):
        cell = cell.item()
    if isinstance(cell, dt.datetime):
        return cell.date().isoformat() if cell.time() == dt.time() else cell.isoformat()
    return cell.isoformat() if isinstance(cell, dt.date) else cell


def _shapes(rows: pd.DataFrame, layer: Layer) -> list[Any]:
    """Return geometries in EPSG:4490; a declared system is transformed, an undeclared one refused."""
    shapes = rows["geometry"].to_numpy(dtype=object)
    erased = np.array([isinstance(shape, Clear) for shape in shapes])
    located = ~erased & ~pd.isna(rows["geometry"]).to_numpy()
    if located.any():
        shapes = shapes.copy()
        shapes[located] = _in_cgcs2000(shapes[located], getattr(rows["geometry"], "crs", None), layer)
    return [cell if erased[i] or located[i] else None for i, cell in enumerate(shapes)]


def _in_cgcs2000(shapes: Any, crs: Any, layer: Layer) -> Any:
    code = None if crs is None else crs.to_epsg()
    if code is None:
        raise DatumError(
            f"{layer.title.zh}：geometry 没有声明坐标系（EPSG），未写入；请用 set_crs 声明",
            f"{layer.id}: the geometry declares no coordinate system (EPSG), nothing was written; "
            "declare it with set_crs",
        )
    datum = parse_datum(f"EPSG:{code}")
    if datum.proj == CGCS2000:
        return shapes
    xy = shapely.get_coordinates(shapes)
    return shapely.set_coordinates(shapes.copy(), np.column_stack(to_cgcs2000(xy[:, 0], xy[:, 1], datum)))


def _versions(rows: pd.DataFrame, layer: Layer) -> list[int] | None:
    """Return the version of each record that was read, None where the frame does not say."""
    if "version" not in rows.columns:
        return None
    stated = plain_cells(rows["version"])
    for code, version in zip(rows.index, stated, strict=True):
        if not isinstance(version, int | float) or version != int(version):
            raise RiskmapError(
                f"{layer.title.zh} › {code}：version 为 {version!r}，不是版本号，未写入；请保留 frame() 给出的 version",
                f"{layer.id} › {code}: version is {version!r}, which is none; nothing was written, "
                "keep the version that frame() gave",
            )
    return [int(version) for version in stated]


def _check_computed(stated: Mapping[str, Any], layer: Layer, known: Features, at: int) -> None:
    """Refuse a tier or score that is not what was assessed: it would be lost without a word."""
    held = {"tier": RANKS[int(known.rank[at])], "score": float(known.score[at])}
    for name, value in stated.items():
        if value is not None and value != held[name]:
            code = known.records.code[at]
            raise RiskmapError(
                f"{layer.title.zh} › {code} › {name}：{value} 与评估结果 {held[name]} 不同，未写入；"
                "等级和分值由模型算出，请修改字段",
                f"{layer.id} › {code} › {name}: {value} is not what was assessed ({held[name]}); nothing was "
                "written, tier and score follow from the fields: edit those",
            )


def _held(known: Features, key: str, at: int, layer: Layer) -> Any:
    records = known.records
    if key == "name":
        return records.name[at]
    if key == "subdistrict":
        return records.subdistrict[at]
    if key == "geometry":
        shape = records.shapes[at] if records.shapes is not None else None
        return shapely.Point(records.lon[at], records.lat[at]) if shape is None else shapely.from_wkb(shape)
    if key.startswith(CHECKLIST_PREFIX):
        item = key.removeprefix(CHECKLIST_PREFIX)
        return dict(_held_marks(known, at, layer)).get(item)
    return records.values[key][at] if key in records.values else None


def _same(cell: Any, held: Any) -> bool:
    return isinstance(cell, bool) == isinstance(held, bool) and bool(cell == held)  # True is no 1


def _grouped(cells: Mapping[str, Any], layer: Layer, known: Features, at: int | None) -> dict[str, Any]:
    """Return cells under the keys of an edit: a geometry as position or shape, marks as one checklist."""
    stated = {k: v for k, v in cells.items() if k != "geometry" and not k.startswith(CHECKLIST_PREFIX)}
    shape = cells.get("geometry")
    if isinstance(shape, Clear):
        stated["position" if layer.geometry == "point" else "shape"] = shape
    elif shape is not None and shape.geom_type == "Point":
        stated["position"] = (shape.x, shape.y)
    elif shape is not None:
        stated["shape"] = shapely.to_wkb(shape)
    marks = {k.removeprefix(CHECKLIST_PREFIX): v for k, v in cells.items() if k.startswith(CHECKLIST_PREFIX)}
    if marks and layer.checklist is not None:
        stated["checklist"] = _checklist(marks, layer, known, at)
    return stated


def _checklist(marks: Mapping[str, Any], layer: Layer, known: Features, at: int | None) -> tuple[Any, ...]:
    """Return the whole checklist after some of its marks were stated."""
    stated = {item: None if isinstance(mark, Clear) else mark for item, mark in marks.items()}
    return tuple(stated.get(item, old) for item, old in _held_marks(known, at, layer))


def _held_marks(known: Features, at: int | None, layer: Layer) -> list[tuple[str, Any]]:
    items = layer.checklist.items if layer.checklist else ()
    rows = known.records.checklist
    marks = filled_marks(None if rows is None or at is None else rows[at], len(items))
    return [(item.id, mark) for item, mark in zip(items, marks, strict=True)]


# A frame to be scored


def table_of(frame: pd.DataFrame, layer: Layer) -> pa.Table:
    """Return the columns of a frame that the layer knows, by field id, as the scoring kernel reads them.

    A choice may be its id, its title or one of its other words. RiskmapError names a column that
    holds something else than its field's type.
    """
    columns: dict[str, pa.Array] = {}
    for field in layer.fields:
        if field.id in frame.columns:
            columns[field.id] = _cells(plain_cells(frame[field.id]), field, layer, frame.index)
    items = [CHECKLIST_PREFIX + item.id for item in (layer.checklist.items if layer.checklist else ())]
    if any(item in frame.columns for item in items):
        nothing = [None] * len(frame)
        marks = [plain_cells(frame[item]) if item in frame.columns else nothing for item in items]
        columns["checklist"] = pa.array(list(zip(*marks, strict=True)), pa.list_(pa.bool_()))
    return pa.table(columns)


def _cells(cells: list[Any], field: Field, layer: Layer, index: pd.Index) -> pa.Array:
    cells = _stated(cells)
    if field.type == "choice":
        ids = {word: choice.id for choice in field.choices for word in (*choice.aliases, choice.id)}
        return pa.array([ids.get(cell, cell) for cell in cells], FIELD_TYPES["choice"]).dictionary_encode()
    array, misfits = field_array(cells, field)
    if misfits:
        at = misfits[0]
        raise RiskmapError(
            f"{layer.title.zh} › {index[at]} › {field.title.zh}：{cells[at]!r} 不是 {field.type} 类型；请改正后再评",
            f"{layer.id} › {index[at]} › {field.id}: {cells[at]!r} is not of type {field.type}; correct it first",
        )
    return array
