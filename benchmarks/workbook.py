"""A sub-district's spreadsheet of any length: 27 columns under a title, as Excel saves it."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import xlsxwriter

from riskmap.catalog import Layer
from riskmap.demo_district import make_demo
from riskmap.values.records import Contact, Records

CORE = ("编号", "名称", "所属街道", "经度", "纬度")
PEOPLE = ("管控责任人", "管控责任人电话", "挂点领导", "挂点领导电话")


def write_workbook(path: Path, layer: Layer, *, points: int) -> int:
    """Write the demo's risk points as somebody would type them; return the number of columns."""
    records = make_demo(points=points).layers[layer.id]
    columns = _columns(records, layer)
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("风险点台账")
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        sheet.write(0, 0, "安全风险点台账")
        for at, (header, cells) in enumerate(columns.items()):
            sheet.write(1, at, header)
            for row, cell in enumerate(cells, start=2):
                if isinstance(cell, date):
                    sheet.write_datetime(row, at, cell, day)
                elif cell is not None:
                    sheet.write(row, at, cell)
    return len(columns)


def _columns(records: Records, layer: Layer) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = dict(
        zip(
            CORE,
            (
                list(records.code),
                list(records.name),
                list(records.subdistrict),
                records.lon.tolist(),
                records.lat.tolist(),
            ),
            strict=True,
        )
    )
    for field in layer.fields:
        if field.id in records.values:
            words = {choice.id: choice.title.zh for choice in field.choices}
            columns[field.title.zh] = [_typed(v, field.type, words) for v in records.values[field.id]]
    people = [(role.id, part) for role in layer.contacts for part in ("name", "phone")]
    for header, (role, part) in zip(PEOPLE, people, strict=True):
        columns[header] = [_person(found, role, part) for found in records.contacts or ()]
    return columns


def _typed(value: Any, kind: str, words: dict[str, str]) -> Any:
    if value is None:
        return None
    if kind == "choice":
        return words.get(value, value)
    if kind == "boolean":
        return "是" if value else "否"
    return date.fromisoformat(value) if kind == "date" else value


def _person(people: tuple[Contact, ...] | None, role: str, part: str) -> str | None:
    return next((getattr(p, part) for p in people or () if p.role == role), None)
