"""Workbooks: xlsx by its parts, xls and ods as one piece. Every cell comes as exact text."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError, XMLParser

import fastexcel
import pyarrow as pa

from riskmap.errors import UnreadableFileError
from riskmap.io.files.drivers.encodings import decode
from riskmap.io.files.drivers.sheets import save
from riskmap.io.files.formats import file_formats
from riskmap.rules.vocabulary import UNCALCULATED

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


_FIRST_COLUMN = re.compile(rb'<c r="A\d+"[^>/]*>\s*<(?:v|is)>')


_HIDDEN_ROW = re.compile(rb'<row\b[^>]*?\br="(\d{1,7})"[^>]*?\bhidden="(?:1|true)"')


_TINY = re.compile(
    rb'<c r="([A-Z]{1,3})(\d{1,7})"(?: s="\d+")?(?: t="n")?><v>(-?\d(?:\.\d{1,17})?[eE]-\d{1,3})</v>'
)


# A formula without a value: <f>…</f> that no <v> with a text follows.
_UNCALCULATED = re.compile(
    rb'<c r="([A-Z]{1,3})(\d{1,7})"[^>]*>\s*<f\b(?:[^>]*/>|[^>]*>[^<]*</f>)\s*(?:<v\s*/>|<v>\s*</v>)?\s*</c>'
)


_NUMBER_CELL = re.compile(
    r'<c r="(?P<at>[A-Z]{1,3}\d{1,7})"(?: s="\d+")?(?: t="n")?><v>(?P<value>[^<]*)</v></c>'
)


_LONGEST_FORMULA = 1 << 16


_MAX_MERGES = 200_000


_OVERLAP = 128  # longer than any of these patterns


@dataclass(slots=True)
class _Marks:
    """What a workbook's XML says beside the cells: merged ranges, whether a formula failed, numbers
    too small for the reader's nine decimals, formulas without a value, whether the used range starts
    at column A, and whether the sheet is hidden.
    """

    merges: list[tuple[int, int, int, int]] = field(default_factory=list)
    errors: bool = False
    texts: list[tuple[int, int, str]] = field(default_factory=list)  # row, column, what stands there
    from_first_column: bool = False
    hidden: bool = False
    rows: list[int] = field(default_factory=list)  # that are hidden


def read(request: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    """Write every sheet of the workbook; rows and columns count from the sheet's first."""
    path = Path(request["path"])
    try:
        # By its content where the ending is another kind's: a reader that is given a name believes it.
        named = path.suffix.lower() in file_formats()[request["kind"]].endings
        book = fastexcel.read_excel(path if named else path.read_bytes())
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
    marks = _marks(path) if request["kind"] == "xlsx" else {}
    try:
        return [_sheet(book, i, marks.get(name), folder, request) for i, name in enumerate(names)]
    except fastexcel.FastExcelError:
        if request["kind"] != "xlsx":
            raise
        book = fastexcel.read_excel(_mended(path))
        return [_sheet(book, i, marks.get(name), folder, request) for i, name in enumerate(names)]


def _mended(path: Path) -> bytes:
    """Return a workbook that the reader refuses for one cell: what is no number is a text there, bad bytes are marked."""
    made = io.BytesIO()
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(made, "w") as target:
        for member in source.infolist():
            data = source.read(member)
            if member.filename.endswith(".xml"):
                text = _NUMBER_CELL.sub(_as_number_or_text, decode(data, "utf-8")[0])
                data = text.encode()
            target.writestr(member.filename, data)
    return made.getvalue()


def _as_number_or_text(cell: re.Match[str]) -> str:
    try:
        float(cell["value"])
    except ValueError:
        return f'<c r="{cell["at"]}" t="str"><v>{cell["value"]}</v></c>'
    return cell[0]


def _sheet(
    book: fastexcel.ExcelReader, position: int, marks: _Marks | None, folder: Path, request: dict[str, Any]
) -> dict[str, Any]:
    name = book.sheet_names[position]
    try:
        batch, columns, hidden, problems = _load(book, position, marks)
    except fastexcel.FastExcelError as problem:
        if "empty" in str(problem).lower():
            return save(folder, position, name, pa.table({}))
        raise
    width = max(columns, default=-1) + 1
    if width > request["columns"]:
        raise UnreadableFileError(
            f"{name}：有 {width} 列，超过上限 {request['columns']}；请删去多余的空列",
            f"{name}: {width} columns, more than {request['columns']}; delete the empty ones",
        )
    cells: list[pa.Array] = [pa.nulls(batch.num_rows, pa.string())] * width
    for i, at in enumerate(columns):
        cells[at] = batch.column(i)
    replaced = _error_texts(problems, columns)
    for row, at, text in marks.texts if marks else ():
        replaced.setdefault(at, []).append((row, text))
    for at, texts in replaced.items():
        if at >= width:
            continue
        values = cells[at].to_pylist()
        for row, text in texts:
            if row < len(values):
                values[row] = text
        cells[at] = pa.array(values, pa.string())
    table = pa.table(cells, names=[f"c{i}" for i in range(width)]) if width else pa.table({})
    merges = marks.merges if marks else []
    rows = [row for row in marks.rows if row < table.num_rows] if marks else []
    return save(folder, position, name, table) | {"hidden": hidden, "merges": merges, "hidden_rows": rows}


def _load(
    book: fastexcel.ExcelReader, position: int, marks: _Marks | None
) -> tuple[pa.RecordBatch, list[int], bool, list[fastexcel.CellError]]:
    """Return a sheet's cells, their columns in the sheet, whether it is hidden, and failed formulas.

    skip_rows=0 keeps the blank rows above the first used one, so that row numbers are the sheet's.
    Eager loading is a fifth faster but tells neither failed formulas nor where the columns start.
    """
    if marks and marks.from_first_column and not marks.errors:
        batch = book.load_sheet(position, header_row=None, dtypes="string", skip_rows=0, eager=True)
        return batch, list(range(batch.num_columns)), marks.hidden, []
    sheet = book.load_sheet(position, header_row=None, dtypes="string", skip_rows=0)
    batch, found = sheet.to_arrow_with_errors()
    columns = [c.absolute_index for c in sheet.available_columns()]
    return batch, columns, sheet.visible != "visible", found.errors if found else []


def _error_texts(errors: list[fastexcel.CellError], columns: list[int]) -> dict[int, list[tuple[int, str]]]:
    """Failed formulas come as nulls with a position: put their text back, so that they are seen."""
    texts: dict[int, list[tuple[int, str]]] = {}
    for error in errors:
        row, column = error.offset_position
        match = re.search(r"Error\((\w+)\)", error.detail)
        text = _ERRORS.get(match[1], "#VALUE!") if match else "#VALUE!"
        texts.setdefault(columns[column], []).append((row, text))
    return texts


def _marks(path: Path) -> dict[str, _Marks]:
    """Return sheet name → merged ranges and failed formulas, from the parts that the workbook names."""
    with zipfile.ZipFile(path) as archive:
        try:
            parts = _sheet_parts(archive)
        except (KeyError, ParseError, StopIteration):
            return {}
        return {name: _scan(archive, part, hidden=hidden) for name, (part, hidden) in parts.items()}


def _sheet_parts(archive: zipfile.ZipFile) -> dict[str, tuple[str, bool]]:
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
            parts[sheet.get("name", "")] = (part, sheet.get("state", "visible") != "visible")
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


def _scan(archive: zipfile.ZipFile, part: str, *, hidden: bool) -> _Marks:
    """Stream through a sheet's XML for failed formulas and, behind its cells, merged ranges."""
    marks, tail = _Marks(hidden=hidden), b""
    with archive.open(part) as stream:
        while block := stream.read(1 << 20):
            text = tail + block
            # One rare letter is found at once, a pair of letters is not: so it is asked first.
            marks.errors = marks.errors or (b"e" in text and b't="e"' in text)
            marks.from_first_column = marks.from_first_column or _FIRST_COLUMN.search(text) is not None
            if b"-" in text and (b"E-" in text or b"e-" in text):
                marks.texts += [
                    (int(m[2]) - 1, _column(m[1]), format(Decimal(m[3].decode()), "f"))
                    for m in _TINY.finditer(text)
                ]
            end = 0
            if b"f" in text and b"<f" in text:
                marks.texts += [
                    (int(m[2]) - 1, _column(m[1]), UNCALCULATED) for m in _UNCALCULATED.finditer(text)
                ]
            if b"hidden" in text:
                marks.rows += [
                    int(m[1]) - 1 for m in _HIDDEN_ROW.finditer(text) if int(m[1]) - 1 not in marks.rows[-1:]
                ]
            if b"g" in text and b"mergeCell" in text:
                for match in _MERGE.finditer(text):
                    marks.merges.append(
                        (int(match[2]) - 1, _column(match[1]), int(match[4]) - 1, _column(match[3]))
                    )
                    end = match.end()
                    if len(marks.merges) >= _MAX_MERGES:
                        return marks
            # A cell that is cut stays whole: formulas are long.
            cut = text.rfind(b"<c ", max(0, len(text) - _LONGEST_FORMULA))
            tail = text[max(end, min(len(text) - _OVERLAP, cut if cut >= 0 else len(text))) :]
    return marks


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number - 1
