"""A report is read whole and in order, whatever it is hidden in, and what is no report is refused with the remedy."""

from __future__ import annotations

import zipfile
from pathlib import Path

import docx
import pytest
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

from riskmap.errors import UnreadableFileError
from riskmap.io.readers.report_text import passages_of, read_report
from riskmap.reports.checking import check
from riskmap.values.report_check import Tag

W = nsdecls("w")
TYPES = (
    '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="xml" ContentType="application/xml"/></Types>'
)


def document(path: Path, body: str, **parts: str) -> Path:
    """Write a document by hand: what no library would write, too."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("[Content_Types].xml", TYPES)
        out.writestr(
            "word/document.xml",
            body
            if body.startswith(("<?", "<w:document"))
            else f"<w:document {W}><w:body>{body}</w:body></w:document>",
        )
        for name, text in parts.items():
            out.writestr(f"word/{name}.xml", text)
    return path


def paragraph(text: str) -> str:
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"


def texts(path: Path) -> list[str]:
    return [one.text for one in read_report(path)]


def test_paragraphs_and_tables_come_in_their_order_with_their_places(tmp_path):
    made = docx.Document()
    made.add_paragraph("第一段，排查24处。")
    table = made.add_table(rows=2, cols=2)
    for row in range(2):
        for column in range(2):
            table.cell(row, column).text = f"{row}{column}"
    made.add_paragraph("最后一段。")
    made.save(str(tmp_path / "报告.docx"))
    read = read_report(tmp_path / "报告.docx")
    assert [one.text for one in read] == ["第一段，排查24处。", "00", "01", "10", "11", "最后一段。"]
    assert [(one.paragraph, one.table, one.row) for one in read] == [
        (1, None, None), (2, 1, 1), (3, 1, 1), (4, 1, 2), (5, 1, 2), (6, None, None),
    ]  # fmt: skip


def test_a_number_in_pieces_is_one_number(tmp_path):
    runs = "".join(f"<w:r><w:t>{piece}</w:t></w:r>" for piece in ("发现隐患2", "4处，已整", "改2", "6处。"))
    (one,) = check(read_report(document(tmp_path / "a.docx", f"<w:p>{runs}</w:p>"))).of("wrong")
    assert one.text == "发现隐患24处，已整改26处"


def test_a_content_control_binds_its_text_by_its_alias(tmp_path):
    sdt = (
        '<w:sdt><w:sdtPr><w:alias w:val="hazards.found@2024"/><w:tag w:val="x"/></w:sdtPr>'
        "<w:sdtContent><w:r><w:t>200</w:t></w:r></w:sdtContent></w:sdt>"
    )
    body = f"<w:p><w:r><w:t>共排查隐患</w:t></w:r>{sdt}<w:r><w:t>处。</w:t></w:r></w:p>"
    (one,) = read_report(document(tmp_path / "a.docx", body))
    assert one.text == "共排查隐患200处。"
    assert one.tags == (Tag(5, 8, "hazards.found@2024"),)


def test_a_content_control_around_paragraphs_leaves_them_in(tmp_path):
    body = f"<w:sdt><w:sdtContent>{paragraph('甲')}{paragraph('乙')}</w:sdtContent></w:sdt>{paragraph('丙')}"
    assert texts(document(tmp_path / "a.docx", body)) == ["甲", "乙", "丙"]


def test_a_text_box_is_read_once_and_what_was_deleted_not_at_all(tmp_path):
    box = (
        '<mc:AlternateContent xmlns:mc="m"><mc:Choice><w:txbxContent>' + paragraph("框内24处")
        + "</w:txbxContent></mc:Choice><mc:Fallback><w:txbxContent>" + paragraph("框内24处")
        + "</w:txbxContent></mc:Fallback></mc:AlternateContent>"
    )  # fmt: skip
    gone = "<w:del><w:r><w:delText>30处</w:delText></w:r></w:del><w:ins><w:r><w:t>31处</w:t></w:r></w:ins>"
    moved = "<w:moveFrom><w:r><w:t>移走</w:t></w:r></w:moveFrom>"
    body = f"<w:p><w:r>{box}</w:r><w:r><w:t>外面</w:t></w:r>{gone}{moved}</w:p>"
    assert texts(document(tmp_path / "a.docx", body)) == ["外面31处", "框内24处"]


def test_notes_are_read_behind_the_body(tmp_path):
    notes = f"<w:footnotes {W}><w:footnote>{paragraph('注：共3起')}</w:footnote></w:footnotes>"
    assert texts(document(tmp_path / "a.docx", paragraph("正文"), footnotes=notes)) == ["正文", "注：共3起"]


def test_a_line_break_ends_a_sentence(tmp_path):
    body = "<w:p><w:r><w:t>发现隐患24处</w:t><w:br/><w:t>已整改26处</w:t></w:r></w:p>"
    (one,) = read_report(document(tmp_path / "a.docx", body))
    assert one.text == "发现隐患24处\n已整改26处"
    assert not check([one]).of("wrong")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le", "utf-16-be"])
def test_a_text_is_read_in_the_encodings_of_an_office(tmp_path, encoding):
    path = tmp_path / "报告.txt"
    path.write_bytes("第一段，共12起。\r\n\r\n第三段，发现隐患24处，已整改26处。\r\n".encode(encoding))
    read = read_report(path)
    assert [one.text for one in read][:3] == ["第一段，共12起。", "", "第三段，发现隐患24处，已整改26处。"]
    assert [one.place.paragraph for one in check(read).of("wrong")] == [3]


def test_a_pasted_text_is_its_lines():
    assert [(one.paragraph, one.text) for one in passages_of("甲\r\n\n乙")] == [(1, "甲"), (2, ""), (3, "乙")]


# Refused


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("报告.doc", bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 600, "另存为 docx"),
        ("报告.docx", bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 600, "去掉密码"),
        ("报告.pdf", b"%PDF-1.7\n", "是 PDF"),
        ("报告.rtf", b"{\\rtf1 }", "RTF"),
        ("报告.txt", b"", "0 字节"),
        ("报告.txt", b" \n\n", "没有文字"),
        ("报告.txt", b"\x00\x01\x02\xff" * 100, "不是"),
        ("报告.docx", "不是文档".encode(), "内容却不是"),
        ("报告.docx", b"PK\x03\x04" + b"\0" * 100, "压缩"),
        ("报告.xlsx", b"PK\x03\x04" + b"\0" * 100, "docx"),
        ("报告.png", b"\x89PNG\r\n\x1a\n", "docx"),
    ],
)
def test_what_is_no_report_is_refused_with_its_name_and_the_remedy(tmp_path, name, content, said):
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(UnreadableFileError) as refused:
        read_report(path, name)
    assert name in refused.value.say.zh
    assert said in refused.value.say.zh
    assert name in refused.value.say.en


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UnreadableFileError, match="打不开"):
        read_report(tmp_path / "没有.docx")


def test_an_archive_without_a_document_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.docx", "w") as out:
        out.writestr("xl/workbook.xml", "<x/>")
    with pytest.raises(UnreadableFileError, match="没有正文"):
        read_report(tmp_path / "a.docx")


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.docx", "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("word/document.xml", b"0" * (40 << 20))
    with pytest.raises(UnreadableFileError, match="压缩炸弹"):
        read_report(tmp_path / "a.docx")


def test_no_entity_is_ever_expanded_and_nothing_from_outside_is_read(tmp_path):
    (tmp_path / "secret").write_text("机密", encoding="utf-8")
    for defined in (
        '<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/hostname">]>',
        '<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>',
        f'<!DOCTYPE a SYSTEM "{(tmp_path / "secret").as_uri()}">',
    ):
        body = f"<?xml version='1.0'?>{defined}<w:document {W}><w:body>{paragraph('x')}</w:body></w:document>"
        with pytest.raises(UnreadableFileError, match="DOCTYPE"):
            read_report(document(tmp_path / "a.docx", body))


def test_a_document_that_breaks_off_is_refused(tmp_path):
    with pytest.raises(UnreadableFileError, match="XML"):
        read_report(document(tmp_path / "a.docx", f"<w:document {W}><w:body><w:p>"))


def test_a_document_nested_without_end_ends_in_a_refusal_or_in_its_text(tmp_path):
    deep = 40_000
    body = "<w:p>" * deep + "<w:r><w:t>底</w:t></w:r>" + "</w:p>" * deep
    assert "底" in texts(document(tmp_path / "a.docx", body))


def test_python_docx_reads_what_the_tests_write_by_hand(tmp_path):
    """The documents above are documents: a library that is not ours finds the same words."""
    made = docx.Document()
    made.element.body.insert(0, parse_xml(f"<w:p {W}><w:r><w:t>甲乙</w:t></w:r></w:p>"))
    made.save(str(tmp_path / "a.docx"))
    assert (
        texts(tmp_path / "a.docx")[0] == docx.Document(str(tmp_path / "a.docx")).paragraphs[0].text == "甲乙"
    )
