"""Documents from Word templates: each number bound to its figure, nothing reached for that is not a template's own."""

from __future__ import annotations

import datetime as dt
import io
import re
import unicodedata
import zipfile

import docx
import pytest
from docx.oxml.ns import qn
from pypdf import PdfReader

from riskmap.actions.documents import Wanted, made_document, templates_of, write_document, write_pack
from riskmap.actions.inventory.record_lists import list_named, listed
from riskmap.actions.records.editing import edit_point
from riskmap.actions.report_checking import check_report
from riskmap.actions.workspace import open_workspace
from riskmap.errors import ExportError, RiskmapError, UnknownNameError
from riskmap.io.writers.word_pdf import word_pdf
from riskmap.progress import Cancelled
from riskmap.rules.permissions import local_actor
from tests.cli import riskmap
from tests.office import printed
from tests.unchanged import Stopping

SHIPPED = [
    "inventory",
    "brief",
    "weekly",
    "monthly",
    "quarterly",
    "yearly",
    "closing",
    "summary",
    "lists",
    "street",
]


WRITTEN = [*((name, "zh") for name in SHIPPED), *((name, "en") for name in ("weekly", "inventory", "street"))]
"""All in Chinese; in English one of each build: they differ by their words."""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A district with few points and all registers, assessed."""
    home = tmp_path_factory.mktemp("documents") / "district"
    assert riskmap("init", home, "--demo", "--registers", "--points", 300).status == 0
    assert riskmap("assess", "--workspace", home).status in {0, 1}
    return home


@pytest.fixture
def ws(home):
    opened = open_workspace(home, None)
    yield opened
    opened.ledger.close()


@pytest.fixture(scope="module")
def shipped(home):
    """What is written, made once: (name, lang) → document."""
    ws = open_workspace(home, None)
    made = {(name, lang): made_document(ws, name, asked(ws, name, lang=lang)) for name, lang in WRITTEN}
    ws.ledger.close()
    return made


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A district without registers: packs of all its sub-districts are made in a moment."""
    root = tmp_path_factory.mktemp("packs") / "district"
    assert riskmap("init", root, "--demo", "--points", 60).status == 0
    assert riskmap("assess", "--workspace", root).status in {0, 1}
    opened = open_workspace(root, None)
    yield opened
    opened.ledger.close()


def asked(ws, name, **more):
    street = next(iter(ws.subdistricts)) if name == "street" else ""
    return Wanted(subdistrict=street, **more)


def own(ws, name, *lines):
    """Put a template with these paragraphs into the workspace."""
    folder = ws.root / "reports" / "templates"
    folder.mkdir(parents=True, exist_ok=True)
    made = docx.Document()
    for line in lines:
        made.add_paragraph(line)
    made.save(folder / f"{name}.docx")
    return name


def aliases_of(part):
    return [one.get(qn("w:val")) for one in part.iter(qn("w:alias"))]


def text_of(content):
    body = docx.Document(io.BytesIO(content)).element.body
    return "".join(one.text or "" for one in body.iter(qn("w:t")))


def test_every_shipped_document_is_there_in_its_order(ws):
    assert [one.id for one in templates_of(ws) if not one.own] == SHIPPED


def test_a_document_tells_the_same_figures_in_both_languages(ws, shipped):
    for name in SHIPPED:
        in_english = made_document(ws, name, asked(ws, name, lang="en"))
        in_chinese = shipped[name, "zh"]
        assert (in_english.numbers, set(in_english.figures)) == (
            in_chinese.numbers,
            set(in_chinese.figures),
        ), name


@pytest.mark.parametrize(("name", "lang"), WRITTEN)
def test_no_number_of_a_shipped_document_is_wrong_and_each_control_names_a_figure(
    ws, shipped, name, lang, tmp_path
):
    made = shipped[name, lang]
    path = tmp_path / "document.docx"
    path.write_bytes(made.content)
    found = check_report(path, ws=ws)
    doubted = [(one.text, one.why.zh) for one in found.statements if one.verdict in {"wrong", "suspicious"}]
    assert doubted == []
    bound = [one for one in found.statements if one.kind == "figure"]
    tags = [tag for passage in found.passages for tag in passage.tags]
    assert len(tags) >= made.numbers
    if lang == "zh":
        inside = sum(
            bool(re.search(r"[1-9]", passage.text[tag.start : tag.end]))
            for passage in found.passages
            for tag in passage.tags
        )
        assert len(bound) >= min(inside, 1)


def test_a_number_that_is_changed_by_hand_is_called_wrong(ws, tmp_path):
    made = docx.Document(io.BytesIO(made_document(ws, "weekly", Wanted()).content))
    control = next(one for one in made.element.body.iter(qn("w:sdt")) if "points.total" in aliases_of(one))
    next(control.iter(qn("w:t"))).text = "7"
    made.save(tmp_path / "changed.docx")
    found = check_report(tmp_path / "changed.docx", ws=ws)
    assert any(one.figure == "points.total" and one.verdict == "wrong" for one in found.statements)


def test_an_alias_is_figure_and_period_and_a_stock_has_none(ws):
    made = made_document(ws, "weekly", Wanted(period="2026-W40"))
    aliases = set(aliases_of(docx.Document(io.BytesIO(made.content)).element.body))
    assert {"points.total", "points.tiers.major", "hazards.found@2026-W40", "hazards.found@2026"} <= aliases
    assert max(map(len, aliases)) <= 64


def test_the_same_ledger_gives_the_same_bytes(ws):
    first, second = (made_document(ws, "monthly", Wanted(period="2026-09")).content for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    "line",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ fig.__func__.__globals__ }}",
        "{{ fig.__self__.ws }}",
    ],
)
def test_a_template_that_reaches_into_the_program_is_refused(ws, line, tmp_path):
    with pytest.raises(ExportError, match="程序内部"):
        write_document(ws, own(ws, "reaching", line), tmp_path / "x.docx", Wanted())
    assert not list(tmp_path.iterdir())


def test_every_name_that_is_not_known_is_named_and_nothing_is_written(ws, tmp_path):
    name = own(ws, "unknown", "{{ ditsrict }}", "{{ tytle }}")
    with pytest.raises(ExportError, match="ditsrict、tytle"):
        write_document(ws, name, tmp_path / "x.docx", Wanted())
    assert not list(tmp_path.iterdir())


def test_every_figure_and_list_that_is_not_there_is_named(ws, tmp_path):
    name = own(ws, "nofigure", "{{ fig('points.totl') }}{{ fig('hazards.fund') }}", "{{ table('no_list') }}")
    with pytest.raises(ExportError) as caught:
        write_document(ws, name, tmp_path / "x.docx", Wanted())
    assert all(one in caught.value.text("zh") for one in ("points.totl", "hazards.fund", "no_list"))
    assert not list(tmp_path.iterdir())


def test_a_list_of_a_layer_that_it_has_not_is_refused_with_those_that_it_has(ws):
    name = own(ws, "nolayer", "{{ table('closing_list', layers=('hazard',)) }}")
    with pytest.raises(ExportError, match="没有图层 hazard；有：.*major_hazards"):
        made_document(ws, name, Wanted())


def test_a_mark_that_is_not_closed_is_told_as_such(ws):
    with pytest.raises(ExportError, match="成对"):
        made_document(ws, own(ws, "open", "{% if title %}"), Wanted())


def test_what_a_record_is_called_stays_text(ws):
    hostile = "<b>&{{7*7}}{% raw %}"
    layer, code = (listed(ws, list_named(ws, "high_risk_list")).rows[0][key] for key in ("layer", "code"))
    (seen,) = ws.ledger.features(layer, codes=[code]).version
    edit_point(ws, layer, code, seen=seen, changes={"name": hostile}, by=local_actor("甲"), why="测试")
    assert hostile in text_of(made_document(ws, "inventory", Wanted(title=hostile)).content)


def test_a_template_of_the_workspace_takes_the_place_of_a_shipped_one(ws):
    own(ws, "brief", "本区 {{ fig('points.total') }} 个")
    try:
        text = text_of(made_document(ws, "brief", Wanted()).content)
        assert text.startswith("本区 ")
        assert "数字出处" in text  # the table stands at the end though the template does not ask for it
    finally:
        (ws.root / "reports" / "templates" / "brief.docx").unlink()


def test_a_period_of_another_kind_is_refused(ws):
    with pytest.raises(RiskmapError, match="2026-W48"):
        made_document(ws, "weekly", Wanted(period="2026"))


def test_a_document_of_a_sub_district_needs_one_that_there_is(ws):
    with pytest.raises(RiskmapError, match="请写 subdistrict"):
        made_document(ws, "street", Wanted())
    with pytest.raises(UnknownNameError):
        made_document(ws, "street", Wanted(subdistrict="没有这个街道"))


def test_header_rows_come_again_and_rows_are_not_split(ws):
    body = docx.Document(io.BytesIO(made_document(ws, "inventory", Wanted()).content)).element.body
    for table in body.iter(qn("w:tbl")):
        assert next(table.iter(qn("w:tr"))).find(f"{qn('w:trPr')}/{qn('w:tblHeader')}") is not None


def test_made_up_data_are_marked_on_every_page(ws):
    made = docx.Document(io.BytesIO(made_document(ws, "weekly", Wanted()).content))
    assert "演示" in made.sections[0].header.paragraphs[0].text


def test_a_pack_has_a_folder_for_each_sub_district_and_shows_no_telephone_number(small, tmp_path):
    told = write_pack(small, tmp_path / "pack.zip", Wanted())
    with zipfile.ZipFile(tmp_path / "pack.zip") as archive:
        names = archive.namelist()
        assert {one.partition("/")[0] for one in names} == set(small.subdistricts)
        texts = [text_of(archive.read(one)) for one in names if one.endswith(".docx")]
    assert len(told["files"]) == 2 * len(small.subdistricts)
    assert not any(re.search(r"\b1[3-9]\d{9}\b", one) for one in texts)


def test_the_same_pack_twice_is_the_same_bytes(small, tmp_path):
    street = next(iter(small.subdistricts))
    for name in ("a.zip", "b.zip"):
        write_pack(small, tmp_path / name, Wanted(subdistrict=street))
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_a_pack_that_fails_in_its_middle_leaves_the_one_before(small, tmp_path):
    target = tmp_path / "pack.zip"
    target.write_bytes(b"old")
    last = list(small.subdistricts)[-1]
    name = own(small, "failing", "{% if street == '" + last + "' %}{{ fig('no.figure') }}{% endif %}")
    beside = small.root / "reports" / "templates" / f"{name}.toml"
    beside.write_text(
        'title = { zh = "坏", en = "bad" }\nperiod = "none"\nstreet = true\npack = true\n', "utf-8"
    )
    try:
        with pytest.raises(ExportError, match=r"no\.figure"):
            write_pack(small, target, Wanted())
    finally:
        beside.with_suffix(".docx").unlink()
        beside.unlink()
    assert [one.name for one in tmp_path.iterdir()] == ["pack.zip"]
    assert target.read_bytes() == b"old"


@pytest.mark.parametrize("step", [0, 3])
def test_a_pack_that_is_stopped_leaves_the_one_before_and_no_record_of_contacts(small, tmp_path, step):
    target = tmp_path / "pack.zip"
    target.write_bytes(b"old")
    before = small.ledger.exports(what="pack")
    asked_for = {"by": local_actor("a"), "why": "值班", "progress": Stopping(step).progress}
    with pytest.raises(Cancelled):
        write_pack(small, target, Wanted(unmasked=True), **asked_for)
    assert [one.name for one in tmp_path.iterdir()] == ["pack.zip"]
    assert target.read_bytes() == b"old"
    assert small.ledger.exports(what="pack") == before


def test_libreoffice_prints_every_shipped_document_with_its_title_and_all_fonts_in_it(
    shipped, soffice, tmp_path
):
    titles = {}
    for (name, lang), made in shipped.items():
        (tmp_path / f"{name}-{lang}.docx").write_bytes(made.content)
        titles[f"{name}-{lang}"] = made.title
    files = sorted(tmp_path.glob("*.docx"))
    for path in printed(soffice, files, tmp_path / "saved"):
        name, pages = path.stem, PdfReader(path).pages
        assert "".join(titles[name].split()) in "".join(pages[0].extract_text().split()), name
        assert not_embedded(pages) == set(), name


def test_a_pdf_says_all_that_the_word_document_says_with_all_fonts_in_it(shipped):
    for (name, lang), made in shipped.items():
        content = made.content
        pages = PdfReader(io.BytesIO(word_pdf(content, name, lang=lang, day=dt.date(2026, 11, 30)))).pages
        # What stands on every page goes, so that a paragraph over a page's end is whole.
        found = squeezed("".join(page.extract_text() for page in pages))
        found = re.sub(r"—\d+/\d+—|演示数据demodata", "", found)
        body = docx.Document(io.BytesIO(content)).element.body
        words = ("".join(t.text or "" for t in one.iter(qn("w:t"))) for one in body.iter(qn("w:p")))
        assert [one for one in map(squeezed, words) if one not in found] == [], name
        assert not_embedded(pages) == set(), name


def squeezed(text):
    return re.sub(r"[\s\u200b]", "", unicodedata.normalize("NFKC", text))


def test_a_pack_with_a_template_that_cannot_be_used_says_so_and_is_not_written(small, tmp_path):
    own(small, "坏", "一段")
    (small.root / "reports" / "templates" / "坏.toml").write_text(
        'title = "坏"\npack = "是"\n', encoding="utf-8"
    )
    try:
        with pytest.raises(RiskmapError, match="坏.toml"):
            write_pack(small, tmp_path / "p.zip", Wanted())
    finally:
        for path in (small.root / "reports" / "templates").glob("坏.*"):
            path.unlink()
    assert not (tmp_path / "p.zip").exists()


def not_embedded(pages):
    """Return the fonts of a PDF's pages whose letters are not in the file."""
    found = set()
    for page in pages:
        for font in (one.get_object() for one in page["/Resources"].get("/Font", {}).values()):
            within = [one.get_object() for one in font.get("/DescendantFonts", [font])]
            for one in within:
                drawn = one.get("/FontDescriptor", {})
                if not {"/FontFile", "/FontFile2", "/FontFile3"} & set(drawn):
                    found.add(one.get("/BaseFont"))
    return found


def test_contacts_in_full_take_a_reason_and_are_recorded(ws, tmp_path):
    with pytest.raises(RiskmapError):
        write_document(ws, "inventory", tmp_path / "x.docx", Wanted(unmasked=True), by=local_actor("a"))
    write_document(
        ws, "inventory", tmp_path / "x.docx", Wanted(unmasked=True), by=local_actor("a"), why="值班"
    )
    assert re.search(r"1[3-9]\d{9}", text_of((tmp_path / "x.docx").read_bytes()))
    (noted,) = ws.ledger.exports(what="inventory")
    assert (noted.who, noted.why, noted.unmasked) == ("a", "值班", True)


def test_the_command_writes_lists_and_packs(home, tmp_path):
    ran = riskmap(
        "report", "weekly", "--period", "2026-W48", "--to", tmp_path / "w.docx", "--json", "--workspace", home
    )
    assert (ran.status, ran.json["period"], ran.json["template"]) == (0, "2026-W48", "weekly")
    assert [
        one["id"] for one in riskmap("report", "--list", "--json", "--workspace", home).json["templates"]
    ][:3] == SHIPPED[:3]
    assert riskmap("report", "weekly", "--workspace", home).status == 2
    assert riskmap("report", "weekly", "--to", tmp_path / "w.odt", "--workspace", home).status == 2
    ran = riskmap("report", "brief", "--to", tmp_path / "b.pdf", "--json", "--workspace", home)
    assert (ran.status, ran.json["template"]) == (0, "brief")
    assert len(PdfReader(tmp_path / "b.pdf").pages) == 2  # the brief, and where its numbers come from
