"""Documents from templates that people edit in Word: rendered in a sandbox, each figure in a content control.

A template is code. It is rendered where nothing but what it is given can be reached, and a name that is not known is
refused, never left empty. Same template and values give the same bytes.
"""

from __future__ import annotations

import copy
import io
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

from docx.oxml.ns import nsdecls, qn
from docxtpl import DocxTemplate
from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, UndefinedError
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from lxml import etree  # pyright: ignore[reportAttributeAccessIssue] - made of C

from riskmap.errors import ExportError
from riskmap.io.writers.paper import plain

# Characters that no text has (Unicode keeps them for the inside of programs): a figure is ALIAS … TEXT … END while a
# template is rendered, a table TABLE … END with its number.
_ALIAS, _TEXT, _END, _TABLE = map(chr, (0xFDD0, 0xFDD1, 0xFDD2, 0xFDD3))


_MARKS: Final = re.compile(f"[{_ALIAS}-{_TABLE}]")


_FIGURE: Final = re.compile(f"{_ALIAS}([^{_TEXT}]*){_TEXT}([^{_END}]*){_END}")


_ONE_TABLE: Final = re.compile(f"{_TABLE}([0-9]+){_END}")


_LONGEST_ALIAS: Final = 64  # Word opens no document with a longer one


_WIDTH: Final = 8844  # twentieths of a point between the margins of A4 where a template does not say: 156 mm


_LETTER: Final = 95  # twentieths of a point: half the letter of a table, what `WordTable.shares` count in


_DAY_ZERO: Final = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Tagged:
    """A number as it is printed, and what its content control is called: figure id, or figure id @ period."""

    text: str
    alias: str

    def __str__(self) -> str:
        """Return the number as it stands in a rendered text until its control is made."""
        return f"{_ALIAS}{self.alias}{_TEXT}{self.text}{_END}"


Cell = str | Tagged


@dataclass(frozen=True, slots=True)
class WordTable:
    """A table whose header comes again on every page; a row stays on one page. `shares` divide the width of the page:
    what a column needs, in digits of its text.

    `small`: in the letters of a note.
    """

    header: tuple[str, ...]
    rows: Sequence[Sequence[Cell]]
    shares: tuple[float, ...] = ()
    small: bool = False


def plain_text(text: str) -> str:
    """Return a text as it may go into a document: no character that XML or the rendering keeps for itself."""
    return _MARKS.sub("\ufffd", plain(text))


def table_mark(number: int) -> str:
    """Return what stands in a rendered text where the table of this number will be."""
    return f"{_TABLE}{number}{_END}"


def environment() -> ImmutableSandboxedEnvironment:
    """Return where templates are rendered."""
    return ImmutableSandboxedEnvironment(autoescape=True, undefined=StrictUndefined)


def names_of(template: bytes, file: str) -> set[str]:
    """Return the names that a template asks for. ExportError where it cannot be read as a template."""
    with _refused(file):
        return set(DocxTemplate(io.BytesIO(template)).get_undeclared_template_variables(environment()))


def rendered(template: bytes, values: Mapping[str, object], file: str) -> DocxTemplate:
    """Return a template with its values. ExportError where it reaches for what is not its own, or names what is not there.

    Figures and tables in it are marks still: `finished` makes them.
    """
    made = DocxTemplate(io.BytesIO(template))
    with _refused(file):
        made.render(dict(values), jinja_env=environment(), autoescape=True)
    return made


class _refused:  # noqa: N801 - reads as what it does
    def __init__(self, file: str) -> None:
        self.file = file

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, problem: BaseException | None, _trace: object) -> None:
        file = self.file
        match problem:
            case SecurityError():
                raise ExportError(
                    f"{file}：模板要取程序内部的东西（{problem}），已拒绝，没有写文件；模板里只写 docs/reports.md 列出的名称",
                    f"{file}: the template reaches into the program ({problem}); refused, nothing was written: use only the "
                    "names that docs/reports.md lists",
                ) from problem
            case UndefinedError():
                raise ExportError(
                    f"{file}：模板里有不认得的名称（{problem}），没有写文件；可用的名称见 docs/reports.md",
                    f"{file}: the template has a name that is not known ({problem}); nothing was written, the names are in "
                    "docs/reports.md",
                ) from problem
            case TemplateSyntaxError() | TemplateError():
                raise ExportError(
                    f"{file}：模板里的标记写错了（{problem}）；请在 Word 里核对 {{{{ }}}} 和 {{% %}} 是否成对",
                    f"{file}: a mark of the template is wrong ({problem}); check in Word that {{{{ }}}} and {{% %}} are in pairs",
                ) from problem
            case zipfile.BadZipFile() | KeyError() | ValueError() | etree.LxmlError():
                raise ExportError(
                    f"{file}：不是能用的 Word 模板（docx）；请用 Word 或 WPS 另存为 docx",
                    f"{file}: not a Word template (docx) that can be used; save it as docx in Word or WPS",
                ) from problem
            case _:
                return


def finished(
    made: DocxTemplate, tables: Sequence[WordTable], file: str, *, title: str, author: str, at: datetime
) -> bytes:
    """Return the document: figures in content controls, tables in place of their marks."""
    document: Any = made.docx
    body = document.element.body
    section = document.sections[0]
    room = section.page_width, section.left_margin, section.right_margin
    width = _WIDTH if None in room else int((room[0] - room[1] - room[2]) / 635)
    for paragraph in list(body.iter(qn("w:p"))):
        text = "".join(one.text or "" for one in paragraph.iter(qn("w:t")))
        if (found := _ONE_TABLE.search(text)) is not None:
            _put_table(paragraph, tables[int(found[1])], width)
    for text in list(body.iter(qn("w:t"))):
        if text.text and _ALIAS in text.text:
            _put_figures(text.getparent())
    properties = document.core_properties
    properties.title, properties.author, properties.last_modified_by = title, author, author
    properties.created = properties.modified = at.replace(tzinfo=None, microsecond=0)
    properties.revision = 1
    saved = io.BytesIO()
    document.save(saved)
    return _packed(saved, file)


def _put_figures(run: Any) -> None:
    """Put runs in place of one: each figure in a content control that carries the run's own look."""
    look, home = run.find(qn("w:rPr")), run.getparent()
    for child in list(run):
        if child is look:
            continue
        pieces = [child] if child.tag != qn("w:t") else _pieces(child.text or "", look)
        for piece in pieces:
            run.addprevious(piece if piece is not child else _run(look, child))
    home.remove(run)


def _run(look: Any, child: Any) -> Any:
    run = etree.Element(qn("w:r"))
    if look is not None:
        run.append(copy.deepcopy(look))
    run.append(child)
    return run


def _pieces(text: str, look: Any) -> Iterator[Any]:
    style = "" if look is None else etree.tostring(look, encoding="unicode")
    last = 0
    for found in _FIGURE.finditer(text):
        if found.start() > last:
            yield _parsed(_run_xml(text[last : found.start()], style))
        yield _parsed(_figure_xml(Tagged(found[2], found[1]), style))
        last = found.end()
    if last < len(text):
        yield _parsed(_run_xml(text[last:], style))


def _parsed(xml: str) -> Any:
    first, rest = re.match(r"<[\w:]+", xml), None
    assert first is not None
    rest = xml[first.end() :]
    return etree.fromstring(f"{first[0]} {nsdecls('w')}{rest}")


def _run_xml(text: str, style: str) -> str:
    lines = f'</w:t></w:r><w:r>{style}<w:br/></w:r><w:r>{style}<w:t xml:space="preserve">'.join(
        escape(text).split("\n")
    )
    return f'<w:r>{style}<w:t xml:space="preserve">{lines}</w:t></w:r>'


def _figure_xml(one: Tagged, style: str) -> str:
    run = _run_xml(one.text, style)
    if not one.alias or len(one.alias) > _LONGEST_ALIAS:
        return run
    return (
        f"<w:sdt><w:sdtPr>{style}<w:alias w:val={quoteattr(one.alias)}/></w:sdtPr>"
        f"<w:sdtContent>{run}</w:sdtContent></w:sdt>"
    )


_BORDERS: Final = "".join(
    f'<w:{side} w:val="single" w:sz="{6 if side in {"top", "bottom"} else 4}" w:space="0" w:color="000000"/>'
    for side in ("top", "left", "bottom", "right", "insideH", "insideV")
)


def _put_table(paragraph: Any, table: WordTable, width: int) -> None:
    """Put a table in place of a paragraph; all its rows are one text that is parsed once, however many there are."""
    made = etree.fromstring(_table_xml(table, width))
    paragraph.addprevious(made)
    following = paragraph.getnext()
    if following is not None and following.tag == qn("w:p"):
        paragraph.getparent().remove(paragraph)
        return
    for run in paragraph.findall(qn("w:r")):  # a cell, or the body, ends with a paragraph
        paragraph.remove(run)


def _table_xml(table: WordTable, width: int) -> str:
    widths = _widths(table.shares or (1.0,) * len(table.header), width)
    grid = "".join(f'<w:gridCol w:w="{one}"/>' for one in widths)
    numeric = [
        bool(table.rows) and all(isinstance(row[i], Tagged) for row in table.rows) for i in range(len(widths))
    ]
    heads = [_cell_start(one, "TableHead", centred=True) for one in widths]
    cells = [
        _cell_start(one, "TableNote" if table.small else "TableText", right=number)
        for one, number in zip(widths, numeric, strict=True)
    ]
    end = "</w:p></w:tc>"
    header = "".join(
        f"{start}{_run_xml(plain_text(text), '')}{end}"
        for start, text in zip(heads, table.header, strict=True)
    )
    rows = "".join(
        "<w:tr><w:trPr><w:cantSplit/></w:trPr>"
        + "".join(
            f"{start}{_figure_xml(cell, '') if isinstance(cell, Tagged) else _run_xml(plain_text(cell), '')}{end}"
            for start, cell in zip(cells, row, strict=True)
        )
        + "</w:tr>"
        for row in table.rows
    )
    return (
        f'<w:tbl {nsdecls("w")}><w:tblPr><w:tblW w:w="{sum(widths)}" w:type="dxa"/><w:jc w:val="center"/>'
        f'<w:tblBorders>{_BORDERS}</w:tblBorders><w:tblLayout w:type="fixed"/><w:tblCellMar><w:left w:w="70" w:type="dxa"/>'
        f'<w:right w:w="70" w:type="dxa"/></w:tblCellMar></w:tblPr><w:tblGrid>{grid}</w:tblGrid>'
        f"<w:tr><w:trPr><w:cantSplit/><w:tblHeader/></w:trPr>{header}</w:tr>{rows}</w:tbl>"
    )


def _widths(shares: Sequence[float], width: int) -> list[int]:
    """Return the widths of columns in twentieths of a point; where there is no room for all, the widest give way alone."""
    room, narrow = width / _LETTER, sorted(shares)
    for i, share in enumerate(narrow):
        left = len(narrow) - i
        if share * left >= room:  # this one and all wider ones are as wide as there is room for
            level = max(room / left, 1.0)
            shares = [min(one, level) for one in shares]
            break
        room -= share
    return [int(width * share / sum(shares)) for share in shares]


def _cell_start(width: int, style: str, *, centred: bool = False, right: bool = False) -> str:
    shade = '<w:shd w:val="clear" w:color="auto" w:fill="E7E6E6"/>' if centred else ""
    side = "center" if centred else "right" if right else ""
    aligned = f'<w:jc w:val="{side}"/>' if side else ""
    return (
        f'<w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/>{shade}<w:vAlign w:val="center"/></w:tcPr>'
        f'<w:p><w:pPr><w:pStyle w:val="{style}"/>{aligned}</w:pPr>'
    )


def _packed(saved: io.BytesIO, file: str) -> bytes:
    """Return the archive with no clock in it. ExportError where a mark is left: a figure in a header or a property."""
    packed = io.BytesIO()
    with zipfile.ZipFile(saved) as archive, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as out:
        for name in archive.namelist():
            content = archive.read(name)
            if name.endswith((".xml", ".rels")) and _MARKS.search(content.decode("utf-8", "replace")):
                raise ExportError(
                    f"{file}：数字和表只能写在正文里（{name} 里也有）；请移到正文",
                    f"{file}: figures and tables stand in the body only ({name} has one too); move it there",
                )
            out.writestr(zipfile.ZipInfo(name, _DAY_ZERO), content, zipfile.ZIP_DEFLATED)
    return packed.getvalue()
