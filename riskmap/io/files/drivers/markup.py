"""HTML and XML: the pairs that a description states, and the tables that programs save under the name of a
workbook, with what all XML files share: their text, and where they break.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final
from xml.parsers.expat import ExpatError, ParserCreate

import pyarrow as pa

from riskmap.errors import UnreadableFileError
from riskmap.io.files.drivers.encodings import decode
from riskmap.io.files.drivers.sheets import save

_BREAKS: Final = frozenset(
    {"br", "p", "div", "li", "tr", "dt", "ul", "ol", "table", "h1", "h2", "h3", "h4", "hr"}
)


_CELLS: Final = frozenset({"td", "th"})


_UNSEEN: Final = frozenset({"script", "style", "head", "title"})


# 编号：M1, capacity: 75, 类型=学校. A key is short, holds no sentence, and no address of the web is one.
_PAIR: Final = re.compile(r"^\s*([^:：=。，,;；\n]{1,30}?)\s*[:：=]\s*(?!//)(.*?)\s*[;；]?\s*$", re.DOTALL)


_CHARSET: Final = re.compile(rb"""charset\s*=\s*["']?\s*([\w-]+)""", re.IGNORECASE)


# Control characters that XML forbids; as a zero-width one they are removed and said by the judge of the cell.
_FORBIDDEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


# What HTML reads otherwise than XML, or reads at all: <! <? < 5, numbers of characters, elements without markup in them.
_ONLY_HTML: Final = re.compile(
    r"<(?![A-Za-z/])|</(?![A-Za-z])|&#|\r|<(?i:script|style|textarea|title|xmp|iframe|noembed|noframes|plaintext)"
)


_DEFINITION: Final = re.compile("<!(?i:doctype|entity)")


_DECLARED: Final = re.compile(rb"""^\s*<\?xml[^>]*?encoding\s*=\s*["']([\w.-]+)["']""")


_DECLARATION: Final = re.compile(r"^\s*<\?xml[^>]*\?>")


_LAST_ROW: Final = 1 << 20  # of a workbook


_WIDEST: Final = 1000  # columns or rows that one cell may span


_ONE: Final = (1, 1)  # a cell that spans no other


@dataclass(slots=True)
class _Table:
    """The cells of a table: (row, column) → text, spans filled."""

    cells: dict[tuple[int, int], str] = field(default_factory=dict)
    row: int = -1
    column: int = 0
    span: tuple[int, int] = _ONE
    merges: list[tuple[int, int, int, int]] = field(default_factory=list)
    tags: dict[int, set[str]] = field(default_factory=dict[int, set[str]])  # row → td, th

    def open_cell(self, tag: str, attributes: dict[str, str | None]) -> None:
        """Move to the next place that no cell above reaches into."""
        self.row = max(self.row, 0)
        self.tags.setdefault(self.row, set()).add(tag)
        while (self.row, self.column) in self.cells:
            self.column += 1
        self.span = _ONE
        if attributes:
            self.span = _number(attributes.get("rowspan")), _number(attributes.get("colspan"))

    def close_cell(self, text: str) -> None:
        """Fill the cell and what it spans."""
        if self.span == _ONE:
            self.cells.setdefault((self.row, self.column), text)
            self.column += 1
            return
        down, across = self.span
        for r in range(self.row, self.row + down):
            for c in range(self.column, self.column + across):
                self.cells.setdefault((r, c), text if (r, c) == (self.row, self.column) else "")
        self.merges.append((self.row, self.column, self.row + down - 1, self.column + across - 1))
        self.column += across

    def rows(self) -> list[list[str]]:
        """Return the cells line by line, each line as long as the longest."""
        high = max((r for r, _ in self.cells), default=-1) + 1
        wide = max((c for _, c in self.cells), default=-1) + 1
        cells, columns = self.cells, range(wide)
        return [[cells.get((r, c), "") for c in columns] for r in range(high)]


def _number(text: str | None) -> int:
    return min(int(text), _WIDEST) if text and text.isascii() and text.isdigit() and int(text) else 1


class _Page(HTMLParser):
    """Tables and lines of text in the order of the page; a table inside a cell stands apart."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tables: list[_Table] = []
        self.lines: list[str] = []  # text outside tables
        self._open: list[tuple[_Table, list[str] | None]] = []
        self._line: list[str] = []
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNSEEN:
            self._unseen += 1
        elif tag == "table":
            self._end_line()
            self.tables.append(_Table())
            self._open.append((self.tables[-1], None))
        elif tag == "tr" and self._open:
            self._end_cell()
            table = self._open[-1][0]
            table.row, table.column = table.row + 1, 0
        elif tag in _CELLS and self._open:
            self._end_cell()
            table = self._open[-1][0]
            table.open_cell(tag, dict(attrs))
            self._open[-1] = (table, [])
        elif tag in _BREAKS:
            self._break()

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif tag == "table" and self._open:
            self._end_cell()
            self._open.pop()
        elif tag in _CELLS and self._open:
            self._end_cell()
        elif tag in _BREAKS:
            self._break()

    def handle_data(self, data: str) -> None:
        if self._unseen:
            return
        cell = self._open[-1][1] if self._open else None
        (self._line if cell is None and not self._open else cell if cell is not None else []).append(data)

    def close(self) -> None:
        super().close()
        while self._open:
            self._end_cell()
            self._open.pop()
        self._end_line()

    def _break(self) -> None:
        cell = self._open[-1][1] if self._open else None
        if cell is not None:
            cell.append("\n")
        elif not self._open:
            self._end_line()

    def _end_cell(self) -> None:
        table, cell = self._open[-1]
        if cell is not None:
            lines = [" ".join(line.split()) for line in "".join(cell).split("\n")]
            table.close_cell(lines[0] if len(lines) == 1 else "\n".join(line for line in lines if line))
            self._open[-1] = (table, None)

    def _end_line(self) -> None:
        for line in "".join(self._line).split("\n"):
            if text := " ".join(line.split()):
                self.lines.append(text)
        self._line = []


def _page(text: str) -> _Page:
    page = _Page()
    page.feed(text)
    page.close()
    return page


def _description(text: str) -> _Page:
    """Return a description as a page: as XML where it is whole, since the reader of any HTML takes five times as long."""
    if _ONLY_HTML.search(text):
        return _page(text)
    page = _Page()
    parser = ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartElementHandler = lambda tag, stated: page.handle_starttag(
        tag.lower(), [(name.lower(), value) for name, value in stated.items()]
    )
    parser.EndElementHandler = lambda tag: page.handle_endtag(tag.lower())
    parser.CharacterDataHandler = page.handle_data
    try:
        parser.Parse(f"<all>{text}</all>".encode(), True)
    except ExpatError:
        return _page(text)
    page.close()
    return page


def stated_pairs(description: str) -> tuple[list[tuple[str, str]], str]:
    """Return what a description states as (key, value), and the rest of its text.

    Tables of two columns, tables of a header and one line, and lines `key: value` count.
    """
    page = _description(description)
    pairs: list[tuple[str, str]] = []
    rest: list[str] = []
    for table in page.tables:
        found, left = _of_table(
            table.rows(), headed=table.tags.get(0) == {"th"} and table.tags.get(1) == {"td"}
        )
        pairs += found
        rest += left
    for line in page.lines:
        match = _PAIR.match(line)
        if match and not match[1].strip().isdigit():
            pairs.append((match[1].strip(), match[2]))
        else:
            rest.append(line)
    return pairs, "\n".join(rest)


def _of_table(rows: list[list[str]], *, headed: bool) -> tuple[list[tuple[str, str]], list[str]]:
    """Return the pairs of a table and its other lines; `headed`: its first line is marked as a header."""
    full = [row for row in rows if any(row)]
    if len(full) == 2 and (headed or len(full[0]) > 2) and all(full[0]):  # noqa: PLR2004 - a header and its line
        return list(zip(*full, strict=True)), []
    lines = [filled for row in rows if (filled := _trimmed(row))]
    pairs: list[tuple[str, str]] = []
    rest: list[str] = []
    for line in lines:
        if len(line) % 2 == 0:
            pairs += [(k.rstrip(":： "), v) for k, v in zip(line[::2], line[1::2], strict=True) if k.strip()]
        elif len(line) == 1 and (match := _PAIR.match(line[0])):
            pairs.append((match[1], match[2]))
        else:
            rest.append(" ".join(line))
    return pairs, rest


def _trimmed(row: list[str]) -> list[str]:
    """Return a line without the blanks behind its last cell, but for the value of a key."""
    wide = max((i + 1 for i, text in enumerate(row) if text), default=0)
    return row[: wide + (wide % 2 if wide < len(row) else 0)]


def plain_xml(data: bytes, what: str) -> tuple[str, str]:
    """Return the text of an XML file without its declaration, and its encoding.

    UnreadableFileError where it defines anything: no entity gets as far as a parser. `what`: its kind.
    """
    declared = _DECLARED.match(data[:400])
    text, encoding = decode(data, declared[1].decode() if declared else None)
    if _DEFINITION.search(text):
        raise UnreadableFileError(
            f"{what} 里含有 DOCTYPE 或实体定义，为安全起见不读取；请重新导出",
            f"the {what} holds a DOCTYPE or entity definitions and is refused as unsafe; export it again",
        )
    return _FORBIDDEN.sub("\u200b", _DECLARATION.sub("", text.lstrip("\ufeff"), count=1)), encoding


def broken_xml(problem: ExpatError) -> UnreadableFileError:
    """Return the error for XML that breaks off or is not closed, with its place."""
    line, column = problem.lineno, problem.offset + 1
    return UnreadableFileError(
        f"第 {line} 行第 {column} 个字符处 XML 断开或有误（如没有写成 &amp; 的 &），可能没有传完；请重新导出或传送",
        f"the XML breaks at line {line}, character {column} (cut off, or an & that is not written &amp;); export or "
        "send it again",
    )


@lru_cache(maxsize=1024)
def local_name(name: str) -> str:
    """Return the name of an element or attribute without its prefix."""
    return name.rsplit(":", 1)[-1]


def read(request: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    """Write every table of a web page, or every sheet of an XML workbook of 2003, as a sheet."""
    data = Path(request["path"]).read_bytes()
    if request["kind"] == "xml.xls":
        return _workbook_2003(data, request, folder)
    stated = _CHARSET.search(data[:4000])
    text, encoding = decode(data, stated[1].decode() if stated else None)
    tables = [table for table in _page(text).tables if table.cells]
    if not tables:
        raise UnreadableFileError(
            "这是一个网页，里面没有表格；请在原系统中导出为 xlsx 或 csv",
            "this is a web page without a table; export it as xlsx or csv from where it came",
        )
    stem = Path(request["name"]).stem
    sheets = []
    for i, table in enumerate(tables[: request["sheets"]]):
        name = stem if len(tables) == 1 else f"{stem} {i + 1}"
        entry = _saved(folder, i, name, table.rows(), request["columns"])
        sheets.append(entry | {"merges": table.merges, "encoding": encoding})
    return sheets


def _saved(folder: Path, position: int, name: str, rows: list[list[str]], most: int) -> dict[str, Any]:
    width = max((len(row) for row in rows), default=0)
    if width > most:
        raise UnreadableFileError(
            f"{name}：有 {width} 列，超过上限 {most}", f"{name}: {width} columns, more than {most}"
        )
    columns = [
        pa.array([(row[c] or None) if c < len(row) else None for row in rows], pa.string())
        for c in range(width)
    ]
    table = pa.table(columns, names=[f"c{i}" for i in range(width)]) if width else pa.table({})
    return save(folder, position, name, table)


class _Workbook:
    """The sheets of a SpreadsheetML file of 2003: name, whether hidden, cells with their gaps."""

    def __init__(self) -> None:
        self.sheets: list[tuple[str, _Table]] = []
        self.hidden: set[int] = set()
        self._text: list[str] | None = None
        self._cell: list[str] = []
        self._type = ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        tag, stated = local_name(name), {local_name(k): v for k, v in attributes.items()}
        if tag == "Worksheet":
            self.sheets.append((stated.get("Name", ""), _Table()))
        elif tag == "Row" and self.sheets:
            table = self.sheets[-1][1]
            table.row = min(int(stated["Index"]), _LAST_ROW) - 1 if "Index" in stated else table.row + 1
            table.column = 0
        elif tag == "Cell" and self.sheets:
            table = self.sheets[-1][1]
            if "Index" in stated:
                table.column = min(int(stated["Index"]), _LAST_ROW) - 1
            table.open_cell("td", {})
            down, across = (int(stated.get(k, 0)) + 1 for k in ("MergeDown", "MergeAcross"))
            table.span = min(down, _WIDEST), min(across, _WIDEST)
            self._cell = []
        elif tag == "Data":
            self._text, self._type = [], stated.get("Type", "")
        elif tag == "Visible":
            self._text, self._type = [], tag

    def end(self, name: str) -> None:
        tag = local_name(name)
        if tag == "Data" and self._text is not None:
            self._cell.append(_of_type("".join(self._text).strip(), self._type))
            self._text = None
        elif tag == "Visible" and self._text is not None:
            if "".join(self._text).strip().startswith("SheetHidden") or "".join(self._text).strip().endswith(
                "VeryHidden"
            ):
                self.hidden.add(len(self.sheets) - 1)
            self._text = None
        elif tag == "Cell" and self.sheets:
            self.sheets[-1][1].close_cell("".join(self._cell))

    def text(self, data: str) -> None:
        if self._text is not None:
            self._text.append(data)


def _of_type(text: str, kind: str) -> str:
    if kind == "DateTime":
        return re.sub(r"(?:\.\d+)?$", "", text.replace("T", " "), count=1)
    if kind == "Boolean":
        return {"1": "是", "0": "否"}.get(text, text)
    return text


def _workbook_2003(data: bytes, request: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    text, encoding = plain_xml(data, "XML")
    book = _Workbook()
    parser = ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = book.start, book.end
    parser.CharacterDataHandler = book.text
    try:
        parser.Parse(text.encode(), True)
    except ExpatError as problem:
        raise broken_xml(problem) from problem
    return [
        _saved(folder, i, name, table.rows(), request["columns"])
        | {"merges": table.merges, "hidden": i in book.hidden, "encoding": encoding}
        for i, (name, table) in enumerate(book.sheets[: request["sheets"]])
    ]
