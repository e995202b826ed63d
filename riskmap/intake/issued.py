"""Warnings as they are issued: typed, in a table (CSV), in JSON, or as CAP 1.2 → IssuedWarning.

A file is read whole or not at all: the first mistake is named with its line, and nothing is taken.
"""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from riskmap.errors import RiskmapError, Say, UnreadableFileError
from riskmap.hazards import IssuedWarning
from riskmap.intake.cap import read_cap
from riskmap.intake.notice import Notice, settled
from riskmap.intake.plain_files import limited_bytes, text_of
from riskmap.intake.warning_words import LIFTED, SEPARATORS, colour_of, kind_of, plain, subdistricts_of
from riskmap.moments import Zone, parse_zone, read_moment, seconds_of

_TYPED: Final = re.compile(r"^\s*([^:：@]+)[:：]([^@]+?)\s*(?:@(.*))?$", re.DOTALL)
_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "kind": ("kind", "种类", "预警种类", "预警类型", "类型", "灾种"),
    "colour": ("colour", "color", "颜色", "预警颜色", "级别", "预警级别", "等级"),
    "subdistricts": ("subdistricts", "subdistrict", "街道", "区域", "预警区域", "范围"),
    "issued": ("issued", "发布时间", "生效时间", "发布"),
    "expires": ("expires", "失效时间", "截止时间", "有效期至", "解除时间"),
    "text": ("text", "内容", "预警内容"),
    "zone": ("zone", "时区"),
}
_BRACKETS: Final = re.compile(r"^(.*?)\s*[(（]([^()（）]*)[)）]\s*$")
_ZONE: Final = Say(
    "请写成 2026-08-31T14:00+08:00，或在表头写“（北京时间）”",
    "write 2026-08-31T14:00+08:00, or (UTC) in the header",
)


@dataclass(frozen=True, slots=True)
class _Where:
    """What a line is read with: its place for messages, the known sub-districts, the zone that is stated."""

    place: Say
    known: Sequence[str]
    zone: Zone | None
    source: str


def parse_warning(text: str, *, issued: np.datetime64, subdistricts: Sequence[str] = ()) -> Notice:
    """Return the warning that `KIND:COLOUR[@SUBDISTRICT,..]` states, issued at that time (UTC).

    台风:橙色@甲街道,乙街道 and typhoon:orange both do; 台风:解除 ends a warning. `subdistricts`: the known names.
    UnknownNameError names the find, the known words, and the one that was probably meant.
    """
    match = _TYPED.match(unicodedata.normalize("NFKC", text))
    if match is None:
        raise RiskmapError(
            f"预警 {text!r}：写法应为 种类:颜色[@街道,…]，如 台风:橙色@甲街道,乙街道",
            f"warning {text!r}: write KIND:COLOUR[@SUBDISTRICT,..], such as typhoon:orange@A,B",
        )
    place = Say(f"预警 {text!r}", f"warning {text!r}")
    kind = kind_of(match[1], place)
    colour = colour_of(match[2], kind, place)
    names = subdistricts_of(SEPARATORS.split(match[3] or ""), subdistricts, place)
    if match[3] is not None and not names:
        raise RiskmapError(
            f"{place.zh}：@ 后面没有街道；请写街道名，全区则去掉 @",
            f"{place.en}: no sub-district behind @; name some, or leave @ out for the whole district",
        )
    return Notice(IssuedWarning(kind, colour, issued, names, text=text.strip()), lifts=colour == LIFTED)


def read_warnings(
    path: Path, *, subdistricts: Sequence[str] = (), zone: Zone | None = None, district: str = ""
) -> list[IssuedWarning]:
    """Return the warnings of a CSV, JSON or CAP (XML) file, liftings applied, in the order of issue.

    `zone` holds for times that state none. `district`: name of the whole area, as CAP areas may give it.
    Raises RiskmapError naming file and line; then nothing of the file is taken.
    """
    return settled(read_notices(path, subdistricts=subdistricts, zone=zone, district=district))


def read_notices(
    path: Path, *, subdistricts: Sequence[str] = (), zone: Zone | None = None, district: str = ""
) -> list[Notice]:
    """Return the warnings and liftings of a file as they stand there. Errors as `read_warnings`."""
    ending = path.suffix.casefold()
    if ending in {".xml", ".cap"}:
        return read_cap(limited_bytes(path), path.name, subdistricts=subdistricts, district=district)
    if ending == ".json":
        return _json(text_of(path), _Where(Say(path.name, path.name), subdistricts, zone, path.name))
    if ending in {".csv", ".txt", ".tsv"}:
        return _csv(text_of(path), path.name, subdistricts, zone)
    raise UnreadableFileError(
        f"{path.name}：预警文件应为 .csv、.json 或 CAP 的 .xml；请另存",
        f"{path.name}: a file of warnings is .csv, .json, or .xml for CAP; save it as one of these",
    )


def _csv(text: str, file: str, known: Sequence[str], zone: Zone | None) -> list[Notice]:
    rows = csv.reader(
        io.StringIO(text, newline=""), delimiter="\t" if "\t" in text.partition("\n")[0] else ","
    )
    header: dict[str, int] | None = None
    zones: dict[str, Zone] = {}
    found: list[Notice] = []
    for row in rows:
        if not any(cell.strip() for cell in row):
            continue
        if header is None:
            header, zones = _header(row, file)
            continue
        line = rows.line_num
        cells = {name: row[at].strip() if at < len(row) else "" for name, at in header.items()}
        place = Say(f"{file} › 第 {line} 行", f"{file} › line {line}")
        found.append(_notice(cells, _Where(place, known, zone, file), zones))
    if header is None or not found:
        raise RiskmapError(
            f"{file}：没有预警；表头下面每行一条", f"{file}: no warnings; write one a line below the header"
        )
    return found


def _header(row: Sequence[str], file: str) -> tuple[dict[str, int], dict[str, Zone]]:
    found: dict[str, int] = {}
    zones: dict[str, Zone] = {}
    for at, cell in enumerate(row):
        match = _BRACKETS.match(cell)
        word, inner = (match[1], match[2]) if match else (cell, "")
        name = next((n for n, words in _COLUMNS.items() if plain(word) in words), None)
        if name is None or name in found:
            continue
        found[name] = at
        stated = parse_zone(inner)
        if stated:
            zones[name] = stated
    lacking = [_COLUMNS[name][1] for name in ("kind", "colour", "issued") if name not in found]
    if lacking:
        raise RiskmapError(
            f"{file} › 表头：缺少 {'、'.join(lacking)} 列，找到 {'、'.join(row)}",
            f"{file} › header: needs kind, colour and issued; found {', '.join(row)}",
        )
    return found, zones


def _json(text: str, where: _Where) -> list[Notice]:
    try:
        document: Any = json.loads(text)
    except (ValueError, RecursionError) as problem:
        at = getattr(problem, "lineno", 1)
        raise RiskmapError(
            f"{where.place.zh} › 第 {at} 行：不是合法的 JSON", f"{where.place.en} › line {at}: not valid JSON"
        ) from problem
    items = document.get("warnings") if isinstance(document, dict) and "warnings" in document else document
    found: list[Notice] = []
    for i, item in enumerate(items if isinstance(items, list) else [items], 1):
        place = Say(f"{where.place.zh} › 第 {i} 条", f"{where.place.en} › item {i}")
        if not isinstance(item, dict):
            raise RiskmapError(
                f"{place.zh}：应为 {{kind, colour, issued, …}}",
                f"{place.en}: expected {{kind, colour, issued, …}}",
            )
        cells = {k: "、".join(map(str, v)) if isinstance(v, list) else str(v or "") for k, v in item.items()}
        found.append(_notice(cells, replace(where, place=place), {}))
    return found


def _notice(cells: Mapping[str, str], where: _Where, zones: Mapping[str, Zone]) -> Notice:
    kind = kind_of(cells.get("kind", ""), where.place)
    colour = colour_of(cells.get("colour", ""), kind, where.place)
    zone = parse_zone(cells.get("zone", "")) or where.zone
    issued = _time(
        cells.get("issued", ""), zones.get("issued") or zone, where.place, Say("发布时间", "issued")
    )
    expires = None
    if cells.get("expires"):
        # A zone that one time column states holds for the other as well.
        stated = zones.get("expires") or zones.get("issued") or zone
        expires = _time(cells["expires"], stated, where.place, Say("失效时间", "expires"))
        if expires <= issued:
            raise RiskmapError(
                f"{where.place.zh} › 失效时间：{cells['expires']} 不晚于发布时间 {cells['issued']}；请核对",
                f"{where.place.en} › expires: {cells['expires']} is not after issued {cells['issued']}; check them",
            )
    names = SEPARATORS.split(cells.get("subdistricts", ""))
    inside = subdistricts_of([n for n in names if plain(n) not in _WHOLE], where.known, where.place)
    warning = IssuedWarning(kind, colour, issued, inside, expires, cells.get("text", ""), where.source)
    return Notice(warning, lifts=colour == LIFTED)


_WHOLE: Final = frozenset({"全区", "全市", "全区域", "all", "whole district"})


def _time(text: str, zone: Zone | None, place: Say, what: Say) -> np.datetime64:
    where = Say(f"{place.zh} › {what.zh}", f"{place.en} › {what.en}")
    return seconds_of(read_moment(text, zone, place=where, remedy=_ZONE))
