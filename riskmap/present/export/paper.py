"""Word documents as a bureau prints them: A4, Chinese fonts that every viewer finds, plain tables."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, cast

from docx import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml.ns import qn
from docx.shared import Cm, Emu, Pt, RGBColor

from riskmap.present.export.atomic import replacing

_LATIN: Final = "Times New Roman"
_BODY, _HEAD = "宋体", "黑体"
_NOT_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_THEMED: Final = ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme")


class Paper:
    """One Word document while it is written. Every text goes through `plain`."""

    def __init__(self, *, title: str, author: str, marks: Sequence[str] = ()) -> None:
        self._document: Any = Document()
        section = self._document.sections[0]
        section.page_width, section.page_height = Cm(21.0), Cm(29.7)
        section.left_margin = section.right_margin = Cm(2.4)
        section.top_margin = section.bottom_margin = Cm(2.0)
        styles = self._document.styles
        for name, size, east in (
            ("Normal", 11, _BODY),
            ("Title", 20, _HEAD),
            ("Heading 1", 14, _HEAD),
            ("List Bullet", 11, _BODY),
            ("Header", 10, _HEAD),
        ):
            _set_fonts(styles[name], size, east)
        properties = self._document.core_properties
        properties.title, properties.author = plain(title), plain(author)
        properties.comments = " ".join(marks)
        heading = self._document.add_paragraph(plain(title), style="Title")
        heading.alignment = WD_ALIGN_PARAGRAPH.CENTER
        if marks:
            # In the header, so that no page of a drill or of made-up data goes without it.
            head = section.header.paragraphs[0]
            head.alignment = WD_ALIGN_PARAGRAPH.CENTER
            self._mark(head, marks)
            line = self._document.add_paragraph()
            line.alignment = WD_ALIGN_PARAGRAPH.CENTER
            self._mark(line, marks)

    @staticmethod
    def _mark(paragraph: Any, marks: Sequence[str]) -> None:
        run = paragraph.add_run(plain("　".join(marks)))
        run.bold = True
        run.font.color.rgb = RGBColor(0xB0, 0x00, 0x20)

    def heading(self, text: str) -> None:
        """Write a heading."""
        self._document.add_paragraph(plain(text), style="Heading 1")

    def text(self, text: str) -> None:
        """Write a paragraph."""
        paragraph = self._document.add_paragraph(plain(text))
        paragraph.paragraph_format.space_after = Pt(4)

    def bullets(self, lines: Sequence[str]) -> None:
        """Write a list."""
        for line in lines:
            paragraph = self._document.add_paragraph(plain(line), style="List Bullet")
            paragraph.paragraph_format.space_after = Pt(0)

    def table(
        self, header: Sequence[str], rows: Sequence[Sequence[str]], *, shares: Sequence[float] = ()
    ) -> None:
        """Write a table whose header comes again on every page; a row stays on one page.

        `shares` divide the width of the page among the columns, else all are as wide.
        """
        table = self._document.add_table(rows=1, cols=len(header), style="Table Grid")
        for cell, text in zip(table.rows[0].cells, header, strict=True):
            _fill(cell, text, bold=True)
        _row_says(table.rows[0], "w:tblHeader")
        for row in rows:
            made = table.add_row()
            _row_says(made, "w:cantSplit")
            for cell, text in zip(made.cells, row, strict=True):
                _fill(cell, text)
        if shares:
            self._divide(table, shares)
        self._document.add_paragraph().paragraph_format.space_after = Pt(0)

    def _divide(self, table: Any, shares: Sequence[float]) -> None:
        section = self._document.sections[0]
        room = section.page_width - section.left_margin - section.right_margin
        table.autofit = False
        for column, share in zip(table.columns, shares, strict=True):
            column.width = Emu(int(room * share / sum(shares)))
            for cell in column.cells:  # office programs go by the cells
                cell.width = column.width

    def save(self, path: Path) -> None:
        """Write the document to its place, whole or not at all."""
        with replacing(path) as (room,):
            self._document.save(str(room))


def plain(text: str) -> str:
    """Return a text without the characters that no XML document can hold."""
    return _NOT_XML.sub("\ufffd", text)


def _fill(cell: Any, text: str, *, bold: bool = False) -> None:
    run = cell.paragraphs[0].add_run(plain(text))
    run.bold = bold
    run.font.size = Pt(9.5)


def _row_says(row: Any, what: str) -> None:
    properties = row._tr.get_or_add_trPr()  # noqa: SLF001 - python-docx has no name for it
    properties.append(properties.makeelement(qn(what), {qn("w:val"): "true"}))


def _set_fonts(style: Any, size: float, east: str) -> None:
    """Name a font for Latin and one for Chinese letters; a theme's choice would win over them."""
    style.font.name, style.font.size = _LATIN, Pt(size)
    style.font.color.rgb = RGBColor(0, 0, 0)
    fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
    for attribute in _THEMED:
        fonts.attrib.pop(qn(f"w:{attribute}"), None)
    for attribute, name in (("hAnsi", _LATIN), ("cs", _LATIN), ("eastAsia", east)):
        fonts.set(qn(f"w:{attribute}"), cast("str", name))
