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
from riskmap.catalog.layer import Field, pieces
from riskmap.catalog.model import CHECKLIST_PREFIX
from riskmap.coordinates import CGCS2000, parse_datum, to_cgcs2000
from riskmap.errors import DatumError, RiskmapError, Text, UnknownNameError
from riskmap.rules.arrays import (
    FIELD_TYPES,
    Misfit,
    bools_of,
    codes_of,
    column_of,
    field_array,
    filled_marks,
    floats_of,
    is_part,
    numbers_of,
    pc,
)
from riskmap.rules.cell import as_text
from riskmap.rules.column import texts_of
from riskmap.rules.judge import placed, rules_of
from riskmap.selection import flag_ids
from riskmap.selection.where import PART_WORD
from riskmap.values.import_plan import ImportPlan
from riskmap.values.records import Clear, Features, Records
from riskmap.vocabulary import RANKS

_ASSESSED: Final = ("tier", "grade", "score")


COMPUTED: Final = (*_ASSESSED, "missing", "rules", "flags", "contacts", "updated_at")
"""Columns of a frame that follow from the others; they cannot be edited."""


_OWN: Final = ("name", "subdistrict", "geometry")


_SHOWN: Final = {*COMPUTED, "version", "geometry"} - {*_ASSESSED}


# Columns of a frame


def frame_of(table: pa.Table, layer: Layer, *, parts: bool = False) -> gpd.GeoDataFrame:
    """Return a layer table (docs/architecture.md), or some columns of one, as a GeoDataFrame in EPSG:4490.

    Index: the code. Geometry: a point, or the record's own line or polygon; None where unlocated.
    `parts`: with a column part.ID for each part of the model in use. LedgerError names a record whose date cannot
    be one.
    """
    present = set(table.column_names)
    columns: dict[str, Any] = {"name": _text(table["name"]), "subdistrict": _words(table["subdistrict"])}
    if "rank" in present:
        columns["tier" if layer.counts == "risk" else "grade"] = tiers(numbers_of(table["rank"]), layer)
        columns["score"] = floats_of(table["score"])
    for field in layer.fields:
        if column_of(field.id) in present and not unstated(table, field):
            columns[field.id] = _column(table[column_of(field.id)], field, layer, table["code"])
    if layer.checklist is not None and "checklist" in present:
        columns |= _marks(table["checklist"], [item.id for item in layer.checklist.items])
    if parts:
        columns |= {
            PART_WORD + name.removeprefix("p:"): floats_of(table[name])
            for name in table.column_names
            if is_part(name)
        }
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


def unstated(table: pa.Table, field: Field) -> bool:
    """Tell whether a field tells of an item of the checklist, and no row of a table states it."""
    return bool(field.item) and table[column_of(field.id)].null_count == len(table)


def tiers(ranks: Sequence[int] | np.ndarray[Any, Any], layer: Layer | None = None) -> pd.Categorical:
    """Return ranks (`RANKS`) as an ordered categorical, the mildest first; of a layer that is no risk its grades.

    `ranks` of a snapshot count on through `STANDINGS`.
    """
    words = [tier if layer is None else layer.standing(tier) for tier in RANKS]
    return pd.Categorical.from_codes(np.asarray(ranks, np.int8) % len(RANKS), categories=words, ordered=True)


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
    if field.several:
        return objects(tuple(pieces(words)) if words else () for words in column.to_pylist())
    if field.type == "choice":
        return _choices(column, field)
    if field.type == "record":
        return _words(column)
    if field.type == "moment":
        return _moments_kept(column)
    return _text(column)


def _moments_kept(column: pa.ChunkedArray) -> pd.DatetimeIndex:
    """Return moments that records keep as datetime64[s, UTC]; a day without its hour begins in Beijing."""
    texts = [None if v is None else v if v.endswith("Z") else f"{v}T00:00+08:00" for v in column.to_pylist()]
    return moments(texts)


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
        "name": pa.array(_known(records.name), pa.string()),
        "subdistrict": pa.array(_known(records.subdistrict), pa.string()).dictionary_encode(),
        "lon": pa.array(np.asarray(records.lon, np.float64)),
        "lat": pa.array(np.asarray(records.lat, np.float64)),
    }
    if records.shapes is not None:
        columns["shape"] = pa.array(records.shapes, pa.binary())
    for field in layer.fields:
        if field.id in records.values:
            columns[column_of(field.id)] = _typed(records.values[field.id], field)
    if records.checklist is not None and layer.checklist is not None:
        marks = [None if row is None else _known(row) for row in records.checklist]
        columns["checklist"] = pa.array(marks, pa.list_(pa.bool_()))
    return pa.table(columns)


def _typed(cells: Iterable[Any], field: Field) -> pa.Array:
    """Return judged cells as a column of the field's type; what erases is null."""
    array = pa.array(_known(cells), FIELD_TYPES[field.type])
    return array.dictionary_encode() if field.type in {"choice", "record"} else array


def _known(cells: Iterable[Any]) -> list[Any]:
    return [None if isinstance(cell, Clear) else cell for cell in cells]


# A frame as edits


def edits_of(frame: pd.DataFrame, layer: Layer, known: Features) -> list[PointEdit]:
    """Return what a frame states and the ledger does not hold, a `PointEdit` for each row that states something.

    `frame`: rows by code (its index, or a column `code`); `known`: these records as the ledger holds
    them. NA is *not stated* and never erases, `CLEAR` erases. A column `version` says which version
    of each record was read; without it the present one counts. UnknownNameError names a column that
    is none of the layer's, RiskmapError a changed tier or score: these follow from the fields.
    """
    rows = frame.set_index("code") if "code" in frame.columns else frame
    codes = [str(code) for code in rows.index]
    _check_columns(rows, layer)
    stated = {str(n): _texts(rows[n]) for n in rows.columns if n not in _SHOWN}
    if "geometry" in rows.columns:
        stated["geometry"] = _shapes(rows, layer)
    held = _held(known, layer)
    versions = _versions(rows, codes, layer)
    place = {code: at for at, code in enumerate(known.records.code)}
    found: list[PointEdit] = []
    for i, code in enumerate(codes):
        at = place.get(code)
        current = 0 if at is None else int(known.version[at])
        seen = current if versions is None else versions[i]
        cells = {key: column[i] for key, column in stated.items() if column[i] is not None}
        if at is not None and seen == current:
            cells = {key: cell for key, cell in cells.items() if key not in held or cell != held[key][at]}
            _check_computed(cells, layer, code)
            if not cells:
                continue
        found.append(PointEdit(code, seen, _grouped(cells, layer)))
    return found


def _check_columns(rows: pd.DataFrame, layer: Layer) -> None:
    known = [
        *_OWN,
        *layer.field_ids,
        *(CHECKLIST_PREFIX + item for item in _items(layer)),
        "version",
        *COMPUTED,
    ]
    strange = [str(name) for name in rows.columns if name not in known]
    if strange:
        raise unknown_columns(layer, strange)


def _items(layer: Layer) -> list[str]:
    return [item.id for item in layer.checklist.items] if layer.checklist else []


def unknown_columns(layer: Layer, names: Sequence[str]) -> UnknownNameError:
    """Return the error about columns that a layer does not have."""
    known = [field.id for field in layer.fields if not field.item]
    return UnknownNameError(
        f"{layer.title.zh}：没有这些列：{'、'.join(names)}；请去掉，或改成字段名（{'、'.join(known)}）",
        f"{layer.id}: no such columns: {', '.join(names)}; drop them, or name fields ({', '.join(known)})",
    )


def _stated(column: Any) -> pa.Array | pa.ChunkedArray:
    """Return a column as the rules read it: typed, or the texts that a file would hold."""
    if column.dtype == object:
        return pa.array([as_text(cell) for cell in column.tolist()], pa.string())
    return pa.array(column, from_pandas=True)


def _texts(column: Any) -> list[str | None]:
    return texts_of(_stated(column)).to_pylist()


def _shapes(rows: pd.DataFrame, layer: Layer) -> list[Any]:
    """Return geometries in EPSG:4490; a declared system is transformed, an undeclared one refused."""
    shapes = rows["geometry"].to_numpy(dtype=object)
    erased = np.array([isinstance(shape, Clear) for shape in shapes], bool)
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


def _versions(rows: pd.DataFrame, codes: Sequence[str], layer: Layer) -> list[int] | None:
    """Return the version of each record that was read, None where the frame does not say."""
    if "version" not in rows.columns:
        return None
    versions = [version or "" for version in _texts(rows["version"])]
    for code, version in zip(codes, versions, strict=True):
        if not version.isdecimal():
            raise RiskmapError(
                f"{layer.title.zh} › {code}：version 为 {version!r}，不是版本号，未写入；请保留 frame() 给出的 version",
                f"{layer.id} › {code}: version is {version!r}, which is none; nothing was written, "
                "keep the version that frame() gave",
            )
    return [int(version) for version in versions]


def _check_computed(cells: Mapping[str, Any], layer: Layer, code: str) -> None:
    """Refuse a tier or score that is not what was assessed: it would be lost without a word."""
    for name in cells.keys() & set(_ASSESSED):
        raise RiskmapError(
            f"{layer.title.zh} › {code} › {name}：{cells[name]} 与评估结果不同，未写入；等级和分值由模型算出，请修改字段",
            f"{layer.id} › {code} › {name}: {cells[name]} is not what was assessed; nothing was "
            "written, tier and score follow from the fields: edit those",
        )


def _held(known: Features, layer: Layer) -> dict[str, Sequence[Any]]:
    """Return column → what the ledger holds of each record, in the words of `_texts`."""
    records, items = known.records, _items(layer)
    marks = [filled_marks(row, len(items)) for row in records.checklist or [None] * len(records.code)]
    columns: dict[str, Iterable[Any]] = {
        "name": records.name,
        "subdistrict": records.subdistrict,
        "tier" if layer.counts == "risk" else "grade": [layer.standing(RANKS[rank]) for rank in known.rank],
        "score": known.score,
        **records.values,
        **{CHECKLIST_PREFIX + item: [row[place] for row in marks] for place, item in enumerate(items)},
    }
    points = np.asarray(shapely.points(records.lon, records.lat)).tolist()
    shapes = shapely.from_wkb(records.shapes or [None] * len(points))
    return {
        **{key: [as_text(cell) for cell in column] for key, column in columns.items()},
        "geometry": [point if shape is None else shape for point, shape in zip(points, shapes, strict=True)],
    }


def _grouped(cells: Mapping[str, Any], layer: Layer) -> dict[str, Any]:
    """Return cells under the keys of an edit: a geometry as position or shape, marks as one checklist."""
    stated = {k: v for k, v in cells.items() if k in {"name", "subdistrict", *layer.field_ids}}
    shape = cells.get("geometry")
    if isinstance(shape, Clear):
        stated["position" if not layer.drawn else "shape"] = shape
    elif shape is not None and shape.geom_type == "Point":
        stated["position"] = (shape.x, shape.y)
    elif shape is not None:
        stated["shape"] = shapely.to_wkb(shape)
    marks = tuple(cells.get(CHECKLIST_PREFIX + item) for item in _items(layer))
    return stated | ({"checklist": marks} if any(marks) else {})


# A frame to be scored


def judged_table(frame: pd.DataFrame, layer: Layer) -> tuple[pa.Table, list[Text]]:
    """Return the columns of a frame that the layer knows, as the scoring kernel reads them, and what was said.

    A refused value is null.
    """
    rules, said = rules_of(layer), list[Text]()

    def judged(name: str, target: str) -> list[Any]:
        column = rules.of(target).column(_stated(frame[name]))
        said.extend(
            placed(layer, str(frame.index[row]), rules.title(target), finding)
            for row, _, finding in column.findings()
        )
        return column.values

    columns = {f.id: _typed(judged(f.id, f.id), f) for f in layer.stated_fields if f.id in frame.columns}
    columns |= {
        f.id: field_array(_stated(frame[f.id]).to_pylist(), f)[0]
        for f in layer.fields
        if f.derived and f.id in frame
    }
    marks = {CHECKLIST_PREFIX + item: f"checklist:{item}" for item in _items(layer)}
    if not frame.columns.intersection(list(marks)).empty:
        nothing = [None] * len(frame)
        answers = [
            judged(name, target) if name in frame.columns else nothing for name, target in marks.items()
        ]
        columns["checklist"] = pa.array(map(_known, zip(*answers, strict=True)), pa.list_(pa.bool_()))
    return pa.table(columns), said
