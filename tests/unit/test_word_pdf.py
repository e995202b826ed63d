"""A Word document as PDF: all that stands in it stands there, and what cannot be drawn is refused by name."""

from __future__ import annotations

import datetime as dt
import io
import re
import unicodedata

import docx
import pytest
from docx.enum.section import WD_SECTION
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_BREAK
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Cm, Pt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from pypdf import PdfReader

from riskmap.errors import ExportError
from riskmap.io.writers.word_pdf import word_pdf

DAY = dt.date(2026, 11, 30)


def drawn(document):
    """Return the document as a PDF that is read again."""
    saved = io.BytesIO()
    document.save(saved)
    return PdfReader(io.BytesIO(word_pdf(saved.getvalue(), "样.docx", lang="zh", day=DAY)))


def said(text):
    """Return a text without what lines and letters add to it."""
    return re.sub(r"[\s\u200b]", "", unicodedata.normalize("NFKC", text))


def text_of(pdf):
    return said("".join(page.extract_text() for page in pdf.pages))


def picture():
    content = io.BytesIO()
    Image.new("RGB", (60, 24), "red").save(content, "PNG")
    return io.BytesIO(content.getvalue())


def field(paragraph, code, result):
    """Add a field of Word with the result that Word kept."""
    for kind in ("begin", code, "separate", "=", "end"):
        run = paragraph.add_run(result if kind == "=" else "")
        if kind == code:
            run._r.append(OxmlElement("w:instrText"))
            run._r[-1].text = code
        elif kind != "=":
            run._r.append(OxmlElement("w:fldChar"))
            run._r[-1].set(qn("w:fldCharType"), kind)


def test_what_stands_in_a_document_stands_in_its_pdf():
    document = docx.Document()
    document.add_paragraph("演示区应急管理局文件").alignment = WD_ALIGN_PARAGRAPH.CENTER
    document.add_heading("工作要求", 1)
    for one in ("压实责任", "盯住重点"):
        document.add_paragraph(one, style="List Number")
    document.add_paragraph("一条圆点", style="List Bullet")
    mixed = document.add_paragraph("全区")
    mixed.add_run("重大").bold = True
    mixed.add_run("风险 fifty #let *不是标记* $x$ 七处").underline = True
    mixed.paragraph_format.line_spacing = Pt(28)
    document.add_picture(picture(), width=Cm(3))
    table = document.add_table(3, 3, style="Table Grid")
    for i in range(3):
        for j in range(3):
            table.cell(i, j).text = f"格{i}{j}"
    table.cell(0, 0).merge(table.cell(0, 1))
    table.cell(1, 2).merge(table.cell(2, 2))
    table.rows[2].height = Cm(2)
    inner = table.cell(1, 1).add_table(1, 2)
    inner.cell(0, 1).text = "内层"
    link = parse_xml(f"<w:hyperlink {nsdecls('w')}><w:r><w:t>链接文字</w:t></w:r></w:hyperlink>")
    document.add_paragraph()._p.append(link)
    changed = document.add_paragraph()._p
    for kind, text in (("ins", "w:t"), ("del", "w:delText")):
        words = "插入的" if kind == "ins" else "删掉的"
        changed.append(
            parse_xml(
                f'<w:{kind} {nsdecls("w")} w:id="1" w:author="a"><w:r><{text}>{words}</{text}></w:r></w:{kind}>'
            )
        )
    pdf = drawn(document)
    found = text_of(pdf)
    for one in (
        *("演示区应急管理局文件", "工作要求", "1.压实责任", "2.盯住重点", "•一条圆点"),
        *(
            "全区重大风险fifty#let*不是标记*$x$七处",
            "格02",
            "格10",
            "格21",
            "格22",
            "内层",
            "链接文字",
            "插入的",
        ),
    ):
        assert one in found, one
    assert "删掉的" not in found
    assert len(pdf.pages[0].images) == 1


def test_pages_have_the_size_headers_and_numbers_of_the_document():
    document = docx.Document()
    first = document.sections[0]
    first.different_first_page_header_footer = True
    first.first_page_header.paragraphs[0].text = "首页"
    first.header.paragraphs[0].text = "其余"
    field(first.footer.paragraphs[0], "PAGE", "77")
    document.add_paragraph("一").add_run().add_break(WD_BREAK.PAGE)
    document.add_paragraph("二")
    field(document.add_paragraph("写于"), "DATE", "2026年11月30日")
    broken = document.add_paragraph("三")
    broken.paragraph_format.page_break_before = True
    wide = document.add_section(WD_SECTION.NEW_PAGE)
    wide.page_width, wide.page_height = first.page_height, first.page_width
    document.add_paragraph("横着")
    pages = drawn(document).pages
    assert [round(page.mediabox.width) for page in pages] == [612, 612, 612, 792]
    texts = [said(page.extract_text()) for page in pages]
    assert texts == ["首页一", "其余二写于2026年11月30日2", "其余三3", "其余横着4"]


def test_a_list_counts_in_chinese_and_begins_again_below_another_level():
    document = docx.Document()
    levels = "".join(
        f'<w:lvl w:ilvl="{i}"><w:start w:val="1"/><w:numFmt w:val="{form}"/>{legal}<w:suff w:val="nothing"/>'
        f'<w:lvlText w:val="{text}"/></w:lvl>'
        for i, (form, legal, text) in enumerate(
            (("chineseCounting", "", "%1、"), ("decimal", "<w:isLgl/>", "%1.%2 "))
        )
    )
    numbering = document.part.numbering_part.element
    numbering.insert(
        0, parse_xml(f'<w:abstractNum {nsdecls("w")} w:abstractNumId="90">{levels}</w:abstractNum>')
    )
    number = numbering.add_num(90).numId
    for level, text in ((0, "甲"), (1, "子"), (1, "丑"), (0, "乙"), (1, "寅")):
        about = document.add_paragraph(text)._p.get_or_add_pPr().get_or_add_numPr()
        about.get_or_add_ilvl().val, about.get_or_add_numId().val = level, number
    assert text_of(drawn(document)) == "一、甲1.1子1.2丑二、乙2.1寅"


@pytest.mark.parametrize(
    ("xml", "named"),
    [
        ("<w:p><w:r><w:pict><v:shape><v:textbox><w:txbxContent><w:p/></w:txbxContent></v:textbox></v:shape></w:pict></w:r></w:p>", "文本框"),
        ('<w:p><w:r><w:footnoteReference w:id="1"/></w:r></w:p>', "脚注"),
        ("<w:p><w:r><w:pict><v:line/></w:pict></w:r></w:p>", "画出来的图形"),
        ("<w:p><m:oMath/></w:p>", "公式"),
        ('<w:altChunk r:id="rId1"/>', "嵌入的文档"),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_refused_by_name(xml, named):
    document = docx.Document()
    spaces = f'{nsdecls("w", "r", "m")} xmlns:v="urn:schemas-microsoft-com:vml"'
    document.element.body.insert(0, parse_xml(re.sub(r"^<([\w:]+)", rf"<\1 {spaces}", xml)))
    with pytest.raises(ExportError, match=named) as refused:
        drawn(document)
    assert ".docx" in refused.value.text("zh")


def test_signs_of_a_font_of_signs_are_drawn_as_what_they_show_and_unknown_ones_refused():
    document = docx.Document()
    paragraph = document.add_paragraph("是")
    for font, code in (("Wingdings", "F0FE"), ("Wingdings 2", "00A3"), ("Symbol", "F0B7")):
        sign = OxmlElement("w:sym")
        sign.set(qn("w:font"), font)
        sign.set(qn("w:char"), code)
        paragraph.add_run()._r.append(sign)
    typed = paragraph.add_run("ü l")
    typed.font.name = "Wingdings"
    both = paragraph.add_run()  # as Word writes it: the sign names its font, and so does its run
    both.font.name = "Wingdings"
    both._r.append(OxmlElement("w:sym"))
    both._r[-1].set(qn("w:font"), "Wingdings")
    both._r[-1].set(qn("w:char"), "F0FE")
    both.add_break()
    paragraph.add_run("完")
    assert "是☑□•✓●☑完" in text_of(drawn(document))
    sign.set(qn("w:char"), "F001")
    with pytest.raises(ExportError, match="Symbol 的符号 F001") as refused:
        drawn(document)
    assert ".docx" in refused.value.text("zh")


def test_a_number_leads_to_its_line_among_the_sources_and_bytes_have_no_clock():
    document = docx.Document()
    control = (
        f'<w:sdt {nsdecls("w")}><w:sdtPr><w:alias w:val="points.total"/></w:sdtPr>'
        "<w:sdtContent><w:r><w:t>42</w:t></w:r></w:sdtContent></w:sdt>"
    )
    document.add_paragraph("共有")._p.append(parse_xml(control))
    document.add_paragraph("数字出处").paragraph_format.page_break_before = True
    document.add_table(1, 1).cell(0, 0).paragraphs[0]._p.append(parse_xml(control))
    pdf = drawn(document)
    (link,) = (one.get_object() for one in pdf.pages[0]["/Annots"])
    assert link["/Subtype"] == "/Link"
    assert "/Annots" not in pdf.pages[1]
    saved = io.BytesIO()
    document.save(saved)
    once, again = (word_pdf(saved.getvalue(), "样.docx", lang="zh", day=DAY) for _ in range(2))
    assert once == again


def test_controls_of_headers_and_empty_ones_lead_nowhere_astray():
    document = docx.Document()
    control = (
        f'<w:sdt {nsdecls("w")}><w:sdtPr><w:alias w:val="%s"/></w:sdtPr>'
        "<w:sdtContent><w:r><w:t>%s</w:t></w:r></w:sdtContent></w:sdt>"
    )
    document.sections[0].header.paragraphs[0]._p.append(parse_xml(control % ("points.total", "42")))
    for alias, text in (("", "x"), ("points.total", "42"), ("points.total", "42"), ("points.total", "")):
        document.add_paragraph()._p.append(parse_xml(control % (alias, text)))
    assert text_of(drawn(document)) == "42x4242"


def test_a_row_that_begins_late_or_ends_early_keeps_its_columns():
    document = docx.Document()
    table = document.add_table(3, 3, style="Table Grid")
    for i in range(3):
        for j in range(3):
            table.cell(i, j).text = f"格{i}{j}"
    late, early = table.rows[0]._tr, table.rows[1]._tr
    late.remove(late.tc_lst[0])
    late.get_or_add_trPr().append(parse_xml(f'<w:gridBefore {nsdecls("w")} w:val="1"/>'))
    early.remove(early.tc_lst[2])
    assert text_of(drawn(document)) == "格01格02格10格11格20格21格22"
    lines = [said(line) for line in drawn(document).pages[0].extract_text().splitlines() if line.strip()]
    assert lines == ["格01格02", "格10格11", "格20格21格22"]


def test_a_picture_that_is_none_is_told_and_not_thrown():
    document = docx.Document()
    document.add_picture(picture())
    part = next(one for one in document.part.related_parts.values() if one.content_type == "image/png")
    part._blob = part.blob[:40]
    with pytest.raises(ExportError, match="排不成 PDF"):
        drawn(document)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.lists(st.text(st.characters(codec="gb2312", categories=["L", "N", "P", "S"]), max_size=30), min_size=2, max_size=2), min_size=1, max_size=6))  # fmt: skip
def test_no_text_of_a_cell_is_lost_or_read_as_markup(rows):
    document = docx.Document()
    table = document.add_table(len(rows), 2)
    for i, row in enumerate(rows):
        for j, text in enumerate(row):
            table.cell(i, j).text = text
    found = text_of(drawn(document))
    for row in rows:
        for text in row:
            assert said(text) in found
