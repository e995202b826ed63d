"""Which coordinate system the numbers of a sheet are in: declared, carried by the file, or asked for.

Workbooks and layers that riskmap wrote itself: which layer a table is of, and its coordinate system.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from riskmap.coordinates import Datum, parse_datum
from riskmap.errors import DatumError, Text, UnreadableFileError
from riskmap.interface import option
from riskmap.io.files import SEPARATOR, RawSheet
from riskmap.io.tables.headers import POSITION_TARGETS, HeaderDictionary, Match, rival
from riskmap.io.tables.layout import Header, trimmed
from riskmap.io.tables.position_headers import datum_hint, datum_hints, header_datum
from riskmap.io.tables.row_parts import Source
from riskmap.rules.column import distinct

_TITLES = {
    "wgs84": "WGS84",
    "cgcs2000": "CGCS2000（国家2000）",
    "gcj02": "GCJ-02（高德、腾讯）",
    "bd09": "BD-09（百度）",
    "xian80": "西安80",
    "beijing54": "北京54",
    "hk80": "香港1980",
    "twd67": "TWD67",
    "twd97": "TWD97",
    "local": "地方独立坐标系",
}


_DECLARABLE = ("wgs84", "cgcs2000", "gcj02", "bd09")


_WITH_CODES = {"hk80": "EPSG:2326", "twd97": "EPSG:3826"}


# What a line around a table has where it speaks of the positions: 坐标取自百度地图, 经纬度用高德拾取.
_SYSTEM = re.compile(
    r"坐标|座标|经纬|經緯|大地基准|投影|拾取|地图(?:取点|定位|采集)|datum|\bcrs\b|coordinate", re.IGNORECASE
)


_SYSTEM_HEADER = re.compile(
    r"^(?:所属|采用|使用)?(?:坐标系统?|坐标基准|坐标类型|空间参考|大地基准|coordinate[ _]?system|crs|datum|srs)$",
    re.IGNORECASE,
)


# The datums of projected and other systems, by PROJ's name, as headers name them.
_DATUMS = {
    "WGS 84": "wgs84",
    "China Geodetic Coordinate System 2000": "cgcs2000",
    "Hong Kong 1980": "hk80",
    "Xian 1980": "xian80",
    "Beijing 1954": "beijing54",
    "TWD67": "twd67",
    "TWD97": "twd97",
}


_SAME = frozenset({"wgs84", "cgcs2000"})


def title(datum: str) -> str:
    """Return a datum's name as people say it."""
    return _TITLES.get(datum, datum)


def needed(name: str, texts: Iterable[str]) -> DatumError:
    """Return the error for a file without a coordinate system, naming what its own words hint at."""
    hints = [(hint, text) for text in texts if (hint := header_datum(text))]
    zh, en = "", ""
    if hints:
        hint, text = hints[0]
        zh = f"；文件里写着“{' '.join(text.split())[:40]}”，多半是 {hint if hint in _DECLARABLE else title(hint)}"
        en = f"; the file says “{' '.join(text.split())[:40]}”, which points to {hint}"
    return DatumError(
        f"{name}：没有说明坐标系；请用 {option('crs')} 声明 wgs84、cgcs2000、gcj02、bd09 或 EPSG:n{zh}",
        f"{name}: no coordinate system is stated; declare one of wgs84, cgcs2000, gcj02, bd09 or EPSG:n with "
        f"{option('crs', 'en')}{en}",
    )


def of_layer(sheet: RawSheet, declared: Datum | None, name: str) -> tuple[Datum, Text | None]:
    """Return the datum of a vector layer and a remark on a declaration that overrides the file's.

    Declared GCJ-02 or BD-09 wins over a geographic file CRS, because map apps write shifted degrees
    under a WGS84 label. Any other contradiction is a DatumError.
    """
    where = f"{name} › {sheet.name}"
    own = _of_file(sheet.crs, where) if sheet.crs else None
    if own is None:
        if declared is None:
            if sheet.crs_name:
                raise DatumError(
                    f"{where}：文件的坐标系 {sheet.crs_name[:60]} 没有 EPSG 编号；请用 {option('crs')} 声明 EPSG:4547 这样的编号",
                    f"{where}: the file's coordinate system {sheet.crs_name[:60]} has no EPSG code; declare "
                    f"one with {option('crs', 'en')}",
                )
            raise needed(where, ())
        return declared, None
    if declared is None or _equivalent(own, declared):
        return own if declared is None else declared, None
    if not sheet.crs_stated:
        return declared, None
    if declared.offset and own.kind == "geographic":
        return declared, Text(
            f"{where}：文件标注 {title(own.id)}，声明的是 {title(declared.id)}，已按声明纠偏",
            f"{where}: the file is labelled {own.id} but declared as {declared.id}; the declaration was followed",
        )
    raise DatumError(
        f"{where}：文件自带坐标系 {title(own.id)}，声明的却是 {title(declared.id)}；请去掉声明，或核对文件",
        f"{where}: the file carries {own.id} but {declared.id} was declared; drop the declaration or check the file",
    )


def of_cells(own: str, declared: Datum | None, where: str) -> Datum:
    """Return the datum of cells that state it themselves (SRID=4326;POINT …); DatumError where another is declared."""
    stated = _of_file(own, where)
    if declared is None or _equivalent(stated, declared):
        return declared or stated
    if declared.offset and stated.kind == "geographic":
        return declared  # as of a layer: map apps write shifted degrees under a WGS84 label
    raise DatumError(
        f"{where}：单元格写明 SRID 是 {title(stated.id)}，声明的却是 {title(declared.id)}，未写入；请去掉声明，或核对文件",
        f"{where}: the cells state the SRID {stated.id} but {declared.id} was declared, nothing was written; drop the "
        "declaration or check the file",
    )


def _of_file(crs: str, where: str) -> Datum:
    try:
        return parse_datum(crs)
    except DatumError as problem:
        raise DatumError(f"{where}：{problem.say.zh}", f"{where}: {problem.say.en}") from problem


def _equivalent(own: Datum, declared: Datum) -> bool:
    return own.id == declared.id or (own.id in _SAME and declared.id in _SAME)


def contradiction(hint: str | None, declared: Datum) -> bool:
    """Tell whether a header's datum speaks against the declared one."""
    if hint is None:
        return False
    base = declared.base if declared.id.startswith("EPSG:") else declared.id
    base = _DATUMS.get(base, base)
    return hint != base and not {hint, base} <= _SAME


def named_beside(source: Source, titles: Iterable[str]) -> Iterator[tuple[str, str | None]]:
    """Yield (text, datum) of the lines around a table and the cells of its own column that name a coordinate system.

    A line that names two (由百度坐标转换为 WGS84) says of neither that the numbers are in it.
    """
    for title_ in titles:
        if _SYSTEM.search(title_) and len(hints := datum_hints(title_)) == 1:
            yield " ".join(title_.split())[:40], hints[0]
    for match in source.header.matches:
        if match.target is None and _SYSTEM_HEADER.match(match.heading.text):
            for text in distinct(source.column(match.heading.column)).texts.to_pylist():
                if text:
                    yield f"{match.heading.text} › {text[:40]}", header_datum(text)


def contradicted(place: str, heading: str, hint: str, declared: Datum) -> DatumError:
    """Return the error for a header that names another datum than the declared one; nothing may be written."""
    base = _DATUMS.get(declared.base, declared.base)
    named = title(declared.id) if declared.id == base else f"{declared.id}（{title(base)}）"
    if hint in _DECLARABLE:
        zh, en = f"请改用 {option('crs')} {hint}", f"declare {option('crs', 'en')} {hint}"
    elif hint in _WITH_CODES:
        zh, en = f"请声明 {_WITH_CODES[hint]}", f"declare {_WITH_CODES[hint]}"
    else:
        zh = "需要本地七参数或格网改正文件，请由测绘部门换算成 CGCS2000 后再导入"
        en = "have them converted to CGCS2000 first, which needs local 7 parameters or a grid file"
    zh, en = (
        f"若坐标确是 {title(hint)}，{zh}；若是写错，请改文件",
        f"if they are {hint}, {en}; if that is wrong, correct it",
    )
    return DatumError(
        f"{place} › {heading}：文件写的是 {title(hint)}，声明的却是 {named}，两者矛盾，未写入；{zh}",
        f"{place} › {heading}: the file says {hint} but {declared.id} was declared, nothing was written; {en}",
    )


def suited(header: Header, declared: Datum | None, dictionary: HeaderDictionary) -> Header:
    """Return the header with the position columns of the declared datum where a table has several: lng_gcj02, lng_84."""
    if declared is None:
        return header
    found = {m.target: m for m in header.matches if m.target in POSITION_TARGETS}
    swap: dict[int, Match] = {}
    for match in header.matches:
        target, hint = rival(match, dictionary), header_datum(match.heading.text)
        used = found.get(target) if target is not None else None
        if target is None or used is None or hint is None or contradiction(hint, declared):
            continue
        if contradiction(used.hint, declared):
            found[target] = swap[match.heading.column] = replace(
                match, target=target, how="normalised", hint=hint
            )
            swap[used.heading.column] = replace(used, target=None, how="left")
    return replace(header, matches=tuple(swap.get(m.heading.column, m) for m in header.matches))


MARKER_SHEET = "_riskmap"


_UNLOCATED = " 无坐标记录"  # what our KML adds to the folder of records without a position


_LAYER_COLUMN = "layer"


@dataclass(frozen=True, slots=True)
class Marks:
    """What the hidden sheet of a workbook of ours says; all empty where there is none.

    `batch`: the import whose rejected rows the workbook returns. `datum`: of the positions of an
    inventory or a filled template. `layers`: sheet → id of its layer. `datums`: sheet of rejected rows → what they were read as.
    """

    batch: int | None = None
    datum: str = ""
    layers: Mapping[str, str] = field(default_factory=dict[str, str])
    datums: Mapping[str, str] = field(default_factory=dict[str, str])


def marks_of(sheets: Sequence[RawSheet]) -> Marks:
    """Return what the hidden sheet says."""
    pairs: dict[str, str] = {}
    for sheet in sheets:
        columns = trimmed(sheet) if sheet.name == MARKER_SHEET else []
        if len(columns) < 2:  # noqa: PLR2004 - key and value
            continue
        for key, value in zip(columns[0].to_pylist(), columns[1].to_pylist(), strict=True):
            if key and value:
                pairs.setdefault(key, value)
    batch = pairs.get("batch", "")
    layers = {k.removeprefix("sheet:"): v for k, v in pairs.items() if k.startswith("sheet:")}
    datum = pairs.get("datum", "") if pairs.get("kind") in {"inventory", "template"} else ""
    datums = {k.removeprefix("datum:"): v for k, v in pairs.items() if k.startswith("datum:")}
    return Marks(int(batch) if batch.isdigit() else None, datum, layers, datums)


def other_layer(sheet: str, header: Header, marks: Marks, own: str, others: Mapping[str, str]) -> str | None:
    """Return the id of the other layer that a table of an inventory of ours is of, None where it is ours.

    `others`: ids and titles of the other layers → id. A sub-district's own sheet may be called 边坡 in a
    list of risk points: only tables that carry record versions are judged by their name.
    """
    marked = marks.layers.get(sheet)
    if marked is not None:
        return None if marked == own else marked
    if header.column_of("version") is None:
        return None
    return others.get(sheet.removesuffix(_UNLOCATED).split(SEPARATOR)[-1])


def foreign_rows(
    header: Header, columns: Sequence[pa.ChunkedArray], own: str, others: Mapping[str, str]
) -> NDArray[np.bool_] | None:
    """Tell which rows of a GeoJSON of ours belong to another layer; None where it is no such file."""
    at = next((m.heading.column for m in header.matches if m.heading.text == _LAYER_COLUMN), None)
    if at is None or header.column_of("version") is None:
        return None
    ids = frozenset(others.values())
    named = np.array([text in ids and text != own for text in columns[at].to_pylist()], dtype=bool)
    return named if named.any() else None


def foreign_note(place: str, layer: str, rows: int | None = None) -> Text:
    """Say that a table, or some of its rows, belong to another layer."""
    zh, en = (f"有 {rows} 行", f"{rows} rows") if rows else ("这张表", "this table")
    return Text(
        f"{place}：{zh}属于另一图层（{layer}），未读入；请另按该图层导入",
        f"{place}: {en} of another layer ({layer}), not read; import with that layer",
    )


def only_other_layers(name: str, layers: Sequence[str]) -> UnreadableFileError:
    """Return the error for an inventory of ours that holds nothing of the layer that was chosen."""
    listed = "、".join(layers)
    return UnreadableFileError(
        f"{name}：这是 {listed} 的清单，不是所选图层的；请改选图层后导入",
        f"{name}: an inventory of {', '.join(layers)}, not of the chosen layer; choose that one and import again",
    )


def datum_of_marks(marks: Marks, declared: Datum | None, name: str) -> Datum | None:
    """Return the datum an inventory of ours states. DatumError where another one is declared."""
    if not marks.datum:
        return None
    stated = parse_datum(marks.datum)
    if declared is None or {stated.id, declared.id} <= {"wgs84", "cgcs2000"} or stated == declared:
        return stated
    raise DatumError(
        f"{name}：这是本系统的清单或模板，坐标是 {stated.id}，声明的却是 {declared.id}；请去掉声明",
        f"{name}: an inventory or a template of riskmap in {stated.id}, but {declared.id} was declared; drop the declaration",
    )


def datum_of_headers(header: Header) -> Datum | None:
    """Return the datum that the position headers of a table of ours state: 经度(CGCS2000) beside 记录版本."""
    if header.column_of("version") is None:
        return None
    texts = [m.heading.text for m in header.matches if m.target in POSITION_TARGETS]
    hints = {hint for text in texts if (hint := datum_hint(text))}
    if len(hints) != 1 or not hints <= set(_DECLARABLE):
        return None
    return parse_datum(hints.pop())
