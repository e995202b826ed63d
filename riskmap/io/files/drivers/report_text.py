"""The text of a report: paragraphs of a Word document in their order, or lines of a text file.

Of a document its body, tables, text boxes, content controls and notes are read; what was deleted, moved away, or stands there a
second time for older programs is not. It is read with a parser that knows no entities and asks nobody for anything.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from xml.parsers.expat import ExpatError, ParserCreate

from riskmap.errors import UnreadableFileError
from riskmap.io.files.drivers.encodings import DAMAGED, decode
from riskmap.io.files.drivers.markup import broken_xml, local_name, plain_xml

_PARTS: Final = ("word/document.xml", "word/footnotes.xml", "word/endnotes.xml")


# What stands there twice, was moved away, is a reading aid or says how a field is made.
_SKIPPED: Final = frozenset({"Fallback", "moveFrom", "del", "instrText", "delText", "rt"})


_MARKS: Final = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}


_LINE: Final = ("\r\n", "\r", "\u2028", "\u2029", "\x0b", "\x0c", "\x85")


def read(request: dict[str, Any], _folder: Path) -> dict[str, Any]:
    """Return the paragraphs: each its text, its table, row and column (or None), [start, end, alias] of its controls."""
    path = Path(request["path"])
    return {"paragraphs": _document(path) if request["kind"] == "docx" else _lines(path)}


def _lines(path: Path) -> list[list[Any]]:
    text, _ = decode(path.read_bytes())
    if DAMAGED in text or "\x00" in text:
        raise UnreadableFileError(
            "不是 UTF-8、GB18030、Big5 或 UTF-16 的文本，或文件不完整；请另存为 UTF-8 文本",
            "not a text in UTF-8, GB18030, Big5 or UTF-16, or cut off; save it as text in UTF-8",
        )
    text = text.removeprefix("\ufeff")
    for end in _LINE:
        text = text.replace(end, "\n")
    return [[line, None, None, None, []] for line in text.split("\n")]


def _document(path: Path) -> list[list[Any]]:
    reading = _Reading()
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        for part in _PARTS:
            if part in names:
                reading.read(archive.read(part))
    return [[one.text, one.table, one.row, one.column, one.tags] for one in reading.paragraphs]


@dataclass(slots=True)
class _Paragraph:
    table: int | None
    row: int | None
    column: int | None
    pieces: list[str] = field(default_factory=list)
    length: int = 0
    tags: list[tuple[int, int, str]] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    def add(self, text: str) -> None:
        self.pieces.append(text)
        self.length += len(text)


@dataclass(slots=True)
class _Control:
    """A content control: its alias, and paragraph → first character that stands in it."""

    alias: str = ""
    starts: dict[int, tuple[_Paragraph, int]] = field(default_factory=dict)


_WIDEST: Final = 4  # digits of a width that no table has


@dataclass(slots=True)
class _Table:
    """A table that is being read: its number, and where in its grid the reading is."""

    number: int
    row: int = 0
    column: int = 0
    wide: int = 1

    def new_row(self) -> None:
        self.row += 1
        self.column, self.wide = 0, 1

    def new_cell(self) -> None:
        self.column += self.wide
        self.wide = 1

    def span(self, name: str, stated: str) -> None:
        """Take a width that is stated: of the cell, or of what stands before the first one."""
        if stated.isdecimal() and len(stated) < _WIDEST:
            self.wide = int(stated) if name == "gridSpan" else int(stated) + 1


def _value(attributes: Mapping[str, str]) -> str:
    return next((value for key, value in attributes.items() if local_name(key) == "val"), "")


class _Reading:
    """Gathers paragraphs in the order in which they begin."""

    def __init__(self) -> None:
        self.paragraphs: list[_Paragraph] = []
        self._open: list[_Paragraph] = []
        self._tables: list[_Table] = []  # those that are open
        self._count = 0
        self._controls: list[_Control] = []
        self._skipped = 0
        self._in_text = False

    def read(self, data: bytes) -> None:
        """Read one part. UnreadableFileError where it is no XML, or defines anything."""
        text, _ = plain_xml(data, "docx")
        parser = ParserCreate("utf-8")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        try:
            parser.Parse(text.encode(), True)
        except ExpatError as problem:
            raise broken_xml(problem) from problem

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        name = local_name(name)
        if self._skipped or name in _SKIPPED:
            self._skipped += 1
        elif name == "p":
            table = self._tables[-1] if self._tables else None
            paragraph = _Paragraph(
                *(None, None, None) if table is None else (table.number, table.row, table.column)
            )
            self.paragraphs.append(paragraph)
            self._open.append(paragraph)
        elif name == "t":
            self._in_text = True
        elif name in _MARKS and self._open:
            self._add(_MARKS[name])
        elif name == "tbl":
            self._count += 1
            self._tables.append(_Table(self._count))
        elif name == "tr" and self._tables:
            self._tables[-1].new_row()
        elif name == "tc" and self._tables:
            self._tables[-1].new_cell()
        elif name in {"gridSpan", "gridBefore"} and self._tables:
            self._tables[-1].span(name, _value(attributes))
        elif name == "sdt":
            self._controls.append(_Control())
        elif name == "alias" and self._controls:
            self._controls[-1].alias = _value(attributes)

    def _end(self, name: str) -> None:
        name = local_name(name)
        if self._skipped:
            self._skipped -= 1
        elif name == "p" and self._open:
            self._open.pop()
        elif name == "t":
            self._in_text = False
        elif name == "tbl" and self._tables:
            self._tables.pop()
        elif name == "sdt" and self._controls:
            control = self._controls.pop()
            for paragraph, start in control.starts.values():
                if control.alias and paragraph.length > start:
                    paragraph.tags.append((start, paragraph.length, control.alias))

    def _text(self, text: str) -> None:
        if self._in_text and not self._skipped and self._open:
            self._add(text)

    def _add(self, text: str) -> None:
        paragraph = self._open[-1]
        for control in self._controls:
            control.starts.setdefault(id(paragraph), (paragraph, paragraph.length))
        paragraph.add(text)
