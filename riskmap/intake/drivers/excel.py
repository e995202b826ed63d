"""Workbooks: xlsx by its parts, xls as one piece. Every cell comes as exact text."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError, XMLParser

import fastexcel
import pyarrow as pa

from riskmap.errors import UnreadableFileError
from riskmap.intake.drivers.tables import save

_ERRORS = {
    "Div0": "#DIV/0!",
    "NA": "#N/A",
    "Name": "#NAME?",
    "Null": "#NULL!",
    "Num": "#NUM!",
    "Ref": "#REF!",
    "Value": "#VALUE!",
    "GettingData": "#N/A",
}
_MERGE = re.compile(rb'<(?:\w+:)?mergeCell\s+ref="([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})"')
_MAX_MERGES = 200_000


def read(request: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    """Write every sheet of the workbook; rows and columns count from the sheet's first."""
    try:
        book = fastexcel.read_excel(request["path"])
    except fastexcel.FastExcelError as problem:
        if "password" in str(problem).lower() or "encrypt" in str(problem).lower():
            raise UnreadableFileError(
                "工作簿设有打开密码；请在 Excel 或 WPS 中去掉密码后另存",
                "the workbook is protected by a password; remove the password and save it again",
            ) from problem
        raise
    names = book.sheet_names
    if len(names) > request["sheets"]:
        raise UnreadableFileError(
            f"工作簿有 {len(names)} 张表，超过上限 {request['sheets']}；请分成几个文件",
            f"the workbook has {len(names)} sheets, more than {request['sheets']}; split it",
        )
    merges = _merges(Path(request["path"])) if request["kind"] == "xlsx" else {}
    return [
        _sheet(book, name, i, folder, request) | {"merges": merges.get(name, [])}
        for i, name in enumerate(names)
    ]


def _sheet(
    book: fastexcel.ExcelReader, name: str, position: int, folder: Path, request: dict[str, Any]
) -> dict[str, Any]:
    try:
        # skip_rows=0 keeps the blank rows above the first used one, so that row numbers are the sheet's.
        sheet = book.load_sheet(position, header_row=None, dtypes="string", skip_rows=0)
        batch, problems = sheet.to_arrow_with_errors()
    except fastexcel.FastExcelError as problem:
        if "empty" in str(problem).lower():
            return save(folder, position, name, pa.table({}))
        raise
    columns = sheet.available_columns()
    width = max((c.absolute_index for c in columns), default=-1) + 1
    if width > request["columns"]:
        raise UnreadableFileError(
            f"{name}：有 {width} 列，超过上限 {request['columns']}；请删去多余的空列",
            f"{name}: {width} columns, more than {request['columns']}; delete the empty ones",
        )
    table = pa.Table.from_batches([batch])
    where = [c.absolute_index for c in columns]
    cells: list[pa.ChunkedArray | pa.Array] = [pa.nulls(table.num_rows, pa.string())] * width
    for i, at in enumerate(where):
        cells[at] = table.column(i)
    if problems:
        for at, texts in _error_texts(problems.errors, where).items():
            values = cells[at].to_pylist()
            for row, text in texts:
                if row < len(values):
                    values[row] = text
            cells[at] = pa.array(values, pa.string())
    whole = pa.table(cells, names=[f"c{i}" for i in range(width)]) if width else pa.table({})
    return save(folder, position, name, whole) | {"hidden": sheet.visible != "visible"}


def _error_texts(errors: list[fastexcel.CellError], where: list[int]) -> dict[int, list[tuple[int, str]]]:
    """Formula errors come as nulls with a position: put their text back, so that they are seen."""
    texts: dict[int, list[tuple[int, str]]] = {}
    for error in errors:
        row, column = error.offset_position
        match = re.search(r"Error\((\w+)\)", error.detail)
        text = _ERRORS.get(match[1], "#VALUE!") if match else "#VALUE!"
        texts.setdefault(where[column], []).append((row, text))
    return texts


def _merges(path: Path) -> dict[str, list[tuple[int, int, int, int]]]:
    """Return sheet name → merged ranges, read from the parts that the workbook names."""
    with zipfile.ZipFile(path) as archive:
        try:
            parts = _sheet_parts(archive)
        except (KeyError, ParseError):
            return {}
        return {name: list(_scan(archive, part)) for name, part in parts.items()}


def _sheet_parts(archive: zipfile.ZipFile) -> dict[str, str]:
    names = set(archive.namelist())
    book = next(n for n in ("xl/workbook.xml", *sorted(names)) if n in names and n.endswith("workbook.xml"))
    base = book.rsplit("/", 1)[0] if "/" in book else ""
    relations = _attributes(archive.read(f"{base}/_rels/workbook.xml.rels".lstrip("/")), "Relationship")
    targets = {r.get("Id", ""): r.get("Target", "") for r in relations}
    parts = {}
    for sheet in _attributes(archive.read(book), "sheet"):
        key = next((v for k, v in sheet.items() if k.endswith("}id") or k == "r:id"), "")
        target = targets.get(key, "")
        part = target.lstrip("/") if target.startswith("/") else f"{base}/{target}".lstrip("/")
        if part in names:
            parts[sheet.get("name", "")] = part
    return parts


def _attributes(xml: bytes, tag: str) -> list[dict[str, str]]:
    """Return the attributes of every element of one name; definitions of entities are refused."""
    if b"<!" in xml.replace(b"<!--", b""):
        raise ParseError
    found: list[dict[str, str]] = []

    class _Target:
        def start(self, name: str, attributes: dict[str, str]) -> None:
            if name.rsplit("}", 1)[-1] == tag:
                found.append(dict(attributes))

        def close(self) -> None:
            return

    parser = XMLParser(target=_Target())  # noqa: S314 - no definitions get this far
    parser.feed(xml)
    parser.close()
    return found


def _scan(archive: zipfile.ZipFile, part: str) -> Iterator[tuple[int, int, int, int]]:
    """Yield the merged ranges of a sheet. They follow its cells: stream through, keep the tail."""
    count, tail = 0, b""
    with archive.open(part) as stream:
        while block := stream.read(1 << 20):
            if b"mergeCell" not in block and b"mergeCell" not in (tail + block[:64]):
                tail = block[-64:]
                continue
            text = tail + block
            end = 0
            for match in _MERGE.finditer(text):
                yield int(match[2]) - 1, _column(match[1]), int(match[4]) - 1, _column(match[3])
                end, count = match.end(), count + 1
                if count >= _MAX_MERGES:
                    return
            tail = text[max(end, len(text) - 64) :]


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number - 1
