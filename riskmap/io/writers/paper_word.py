"""Papers for Word: A4, Chinese fonts that every viewer finds, plain tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, cast

from docx import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml.ns import qn
from docx.shared import Cm, Emu, Pt, RGBColor

from riskmap.io.files.atomic import replacing
from riskmap.io.writers.paper import Paper, PaperHeading, Paragraph, Table

_LATIN: Final = "Times New Roman"


_BODY, _HEAD = "宋体", "黑体"


_THEMED: Final = ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme")


def write_word(paper: Paper, path: Path) -> None:
    """Write a paper as .docx, whole or not at all."""
    document: Any = Document()
    section = document.sections[0]
    section.page_width, section.page_height = Cm(21.0), Cm(29.7)
    section.left_margin = section.right_margin = Cm(2.4)
    section.top_margin = section.bottom_margin = Cm(2.0)
    for name, size, east in (
        ("Normal", 11, _BODY),
        ("Title", 20, _HEAD),
        ("Heading 1", 14, _HEAD),
        ("List Bullet", 11, _BODY),
        ("Header", 10, _HEAD),
    ):
        _set_fonts(document.styles[name], size, east)
    properties = document.core_properties
    properties.title, properties.author = paper.title, paper.author
    properties.comments = " ".join(paper.marks)
    heading = document.add_paragraph(paper.title, style="Title")
    heading.alignment = WD_ALIGN_PARAGRAPH.CENTER
    if paper.marks:
        # In the header, so that no page of a drill or of made-up data goes without it.
        for line in (section.header.paragraphs[0], document.add_paragraph()):
            line.alignment = WD_ALIGN_PARAGRAPH.CENTER
            _mark(line, paper.marks)
    for part in paper.parts:
        match part:
            case PaperHeading(text):
                document.add_paragraph(text, style="Heading 1")
            case Paragraph(text, listed):
                paragraph = document.add_paragraph(text, style="List Bullet" if listed else None)
                paragraph.paragraph_format.space_after = Pt(0 if listed else 4)
            case Table():
                _table(document, part)
    with replacing(path) as (room,):
        document.save(str(room))


def _mark(paragraph: Any, marks: Sequence[str]) -> None:
    run = paragraph.add_run("　".join(marks))
    run.bold = True
    run.font.color.rgb = RGBColor(0xB0, 0x00, 0x20)


def _table(document: Any, part: Table) -> None:
    table = document.add_table(rows=1, cols=len(part.header), style="Table Grid")
    for cell, text in zip(table.rows[0].cells, part.header, strict=True):
        _fill(cell, text, bold=True)
    _row_says(table.rows[0], "w:tblHeader")
    for row in part.rows:
        made = table.add_row()
        _row_says(made, "w:cantSplit")
        for cell, text in zip(made.cells, row, strict=True):
            _fill(cell, text)
    section = document.sections[0]
    room = section.page_width - section.left_margin - section.right_margin
    table.autofit = False
    for column, share in zip(table.columns, part.shares, strict=True):
        column.width = Emu(int(room * share / sum(part.shares)))
        for cell in column.cells:  # office programs go by the cells
            cell.width = column.width
    document.add_paragraph().paragraph_format.space_after = Pt(0)


def _fill(cell: Any, text: str, *, bold: bool = False) -> None:
    run = cell.paragraphs[0].add_run(text)
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
