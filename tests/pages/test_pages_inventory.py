"""The inventory page: the filter's records page by page, its totals, its files."""

from __future__ import annotations

import base64
import gzip
import io
import itertools
import re
import shutil
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import docx
import pytest
from openpyxl import load_workbook
from pypdf import PdfReader

from riskmap.actions.documents import templates_of
from riskmap.actions.inventory.listing import SORTS, list_records, make_selection
from riskmap.actions.records.editing import create_point
from riskmap.actions.workspace import open_workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.io.writers import export_formats
from riskmap.progress import UNWATCHED
from riskmap.rules.permissions import local_actor
from riskmap.selection import Selection, counts, select
from riskmap.vocabulary import RANK_OF, RANKS, TIER_TITLES
from riskmap.web.frame import downloads, state
from riskmap.web.widgets import exports
from riskmap.web.widgets.filters import Filters
from riskmap.web.widgets.panels import inventory_address
from tests.form_files import superior_form
from tests.map_workspace import HOSTILE, make_workspace
from tests.pages_running import html, open_page, panel, panels, sentences, texts, use_workspace


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("inventory") / "w"
    make_workspace(root)
    return root


@pytest.fixture
def root(made, monkeypatch):
    use_workspace(monkeypatch, made)
    return made


@pytest.fixture
def now(root):
    return current_snapshot(open_workspace(root))


def test_the_figures_are_those_of_the_counts(root, now):
    found = counts(now, Selection())
    shown = [figure["text"] for figure in panel(open_page("inventory"), "inventory-figures")["figures"]]
    tiers = found.tiers()
    assert shown == [str(found.total), *(str(n) for n in tiers.values()), str(found.unrated)]


def test_a_page_holds_fifty_rows_worst_first(root, now):
    table = panel(open_page("inventory"), "inventory-table")
    assert len(table["rows"]) == 50 < now.n
    ranks = {title.zh: rank for rank, name in enumerate(RANKS) if (title := TIER_TITLES[name])}
    listed = [ranks[row[0]] for row in texts(table)]
    assert listed == sorted(listed, reverse=True)
    assert table["pager"]["pages"] == 2


def test_names_reach_the_browser_as_they_are_and_only_as_data(root):
    at = open_page("inventory", q="RP-EVIL")
    names = {row[1] for row in texts(panel(at, "inventory-table"))}
    assert names == set(HOSTILE)
    assert "<img src=x" not in html(at)
    assert not [m.value for m in at.markdown if "7*7" in m.value]


def test_the_usual_unrated_are_a_calm_line_that_leads_to_them(root, now):
    at = open_page("inventory")
    unrated = counts(now, Selection()).unrated
    assert unrated
    assert not at.warning
    assert f"未评 {unrated} = 总数" in sentences(at)
    assert "没有新增" in sentences(at)
    assert at.button(key="inventory-gap").label.count(str(unrated)) == 1


def test_the_newly_unrated_are_an_alarm_with_their_codes(made, tmp_path, monkeypatch):
    shutil.copytree(made, tmp_path / "w")
    ws = open_workspace(tmp_path / "w")
    create_point(ws, "risk_points", "RP-BARE", values={"name": "新点"}, by=local_actor("张三"), why="巡查")
    use_workspace(monkeypatch, tmp_path / "w")
    (said,) = [w.value for w in open_page("inventory").warning]
    assert "新出现 1 处未评" in said
    assert "RP" in said
    assert not open_page("inventory", q="RP-LONE").warning


def test_totals_that_agree_are_said_too(root):
    at = open_page("inventory", tiers="major,large")
    assert not at.warning
    assert "合计相符" in sentences(at)


def test_the_address_narrows_table_totals_and_downloads_alike(root, now):
    at = open_page("inventory", layers="risk_points", tiers="large", where="likelihood >= 3")
    wanted = make_selection(
        open_workspace(root), layers=["risk_points"], tiers=["large"], where=["likelihood >= 3"]
    )
    expected = select(now, wanted).total
    assert expected
    assert panel(at, "inventory-figures")["figures"][0]["text"] == str(expected)
    assert len(panel(at, "inventory-table")["rows"]) == expected
    *items, printed, bound, carried = panel(at, "inventory-downloads")["items"]
    assert len(items) == len(export_formats()) == 8
    for item, ending in zip(items, export_formats(), strict=True):
        asked = downloads.asked(state.signer(), item["href"].removeprefix("download/"), "")
        assert (asked.selection, asked.format) == (wanted, ending)
    sheet = downloads.asked(state.signer(), printed["href"].removeprefix("download/"), "").make()
    (page,) = PdfReader(io.BytesIO(sheet)).pages
    assert str(expected) in page.extract_text()
    book = downloads.asked(state.signer(), bound["href"].removeprefix("download/"), "").make()
    first, *others = PdfReader(io.BytesIO(book)).pages
    assert str(expected) in first.extract_text()
    assert len(others) > expected  # a page for each of these large ones, and an index
    one = downloads.asked(state.signer(), carried["href"].removeprefix("download/"), "").make().decode()
    (points,) = re.findall(r'id="points">([^<]*)<', one)
    assert int.from_bytes(gzip.decompress(base64.b64decode(points))[:4], "little") == expected


def test_a_condition_reads_in_words_and_not_in_ids(root):
    at = open_page("inventory", where="likelihood >= 3")
    assert "可能性L ≥ 3" in html(at)
    assert "likelihood" not in html(at)


def test_a_condition_that_is_wrong_is_refused_in_one_sentence(root):
    at = open_page("inventory", where="nothing of ours > 3")
    assert len(at.error) >= 1
    assert not at.exception


def test_page_and_order_of_the_list_stand_in_the_address(root, now):
    at = open_page("inventory", sort="code", page="2")
    rows = texts(panel(at, "inventory-table"))
    assert [row[2] for row in rows] == sorted(row[2] for row in rows)
    assert panel(at, "inventory-table")["pager"]["page"] == 1
    assert len(rows) == now.n - 50
    assert (at.query_params["sort"], at.query_params["page"]) == ("code", "2")
    at.text_input(key="filter-text").set_value("RP").run()
    assert "page" not in at.query_params  # another filter begins at its first page
    for sort, page in (("-score", "999"), ("nonsense", "-1"), ("", "²"), ("-", "9" * 30)):
        assert open_page("inventory", sort=sort, page=page).query_params.get("page") in (None, "2")


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("descending", [True, False])
def test_pages_hold_every_record_once_whatever_the_order(root, now, sort, descending):
    layers = open_workspace(root).catalog.layers
    seen = []
    for start in range(0, now.n + 7, 7):
        page = list_records(
            now, Selection(), layers=layers, sort=sort, descending=descending, start=start, size=7
        )
        assert page.total == now.n
        seen += [(record.layer, record.code) for record in page.records]
    assert len(seen) == len(set(seen)) == now.n


@pytest.mark.parametrize("descending", [True, False])
def test_scores_are_sorted_within_one_model_and_never_across(root, now, descending):
    layers = open_workspace(root).catalog.layers
    page = list_records(now, Selection(), layers=layers, sort="score", descending=descending, size=now.n)
    models = [key for key, _ in itertools.groupby(layers[r.layer].model for r in page.records)]
    assert len(models) == len(set(models)) > 1
    for model in models:
        scores = [r.score for r in page.records if layers[r.layer].model == model]
        known = [s for s in scores if s is not None]
        assert scores[: len(known)] == known == sorted(known, reverse=descending)


def test_the_score_can_be_sorted_by_only_with_one_model_and_says_why(root):
    def score(**query):
        at = open_page("inventory", **query)
        (column,) = [c for c in panel(at, "inventory-table")["columns"] if c["id"] == "score"]
        return column, [c.value for c in at.caption]

    column, said = score()
    assert not column["sortable"]
    assert "只选一个图层时可按得分排序" in column["why"]
    assert column["why"] in said
    column, said = score(layers="risk_points")
    assert column["sortable"]
    assert column["why"] == ""
    assert not any("得分" in c for c in said)


def test_a_number_leads_to_the_records_that_it_counts(root, now):
    found = counts(now, Selection())
    for i, layer in enumerate(now.layers):
        for tier in RANKS:
            query = parse_qs(urlsplit(inventory_address(now, layer=layer, tiers=(tier,))).query)
            read = Filters.from_query({k: v[0] for k, v in query.items()}, now)
            total = counts(now, read.selection(now.layers)).total
            assert total == int(found.array[i, RANK_OF[tier]].sum())


def test_a_full_export_needs_person_and_reason_and_is_there_for_half_an_hour(root, monkeypatch):
    at = open_page("inventory", layers="risk_points", tiers="major")
    at.button(key="unmasked-make").click().run()
    assert any("经办人" in w.value for w in at.warning)
    at.text_input(key="unmasked-by").set_value("王五").run()
    at.text_input(key="unmasked-why").set_value("防汛值班").run()
    at.button(key="unmasked-make").click().run()
    assert not at.exception
    assert not at.error
    (entry,) = open_workspace(root).ledger.exports(limit=1)
    assert (entry.who, entry.why, entry.unmasked) == ("王五", "防汛值班", True)
    (offered,) = panel(at, "unmasked-save")["items"]
    file = downloads.asked(state.signer(), offered["href"].removeprefix("download/"), "")
    assert file.make()[:4] == b"PK\3\4"
    assert file.until - time.monotonic() <= downloads.SHORT_S
    # Nothing of it lies where anybody who has the address may ask for it.
    assert not at.get("download_button")
    monkeypatch.setattr(downloads, "SHORT_S", -1)
    at.button(key="unmasked-make").click().run()
    assert "unmasked-save" not in panels(at)


def test_a_document_is_made_of_a_template_a_period_and_a_number(root, monkeypatch):
    taken = []
    monkeypatch.setattr(exports, "hand_over", lambda kind, act, **values: taken.append((kind, act, values)))
    at = open_page("inventory")
    shipped = [one.about.title.zh for one in templates_of(open_workspace(root))]
    assert at.selectbox(key="document-template").options == shipped
    at.selectbox(key="document-template").select("weekly").run()
    assert re.fullmatch(r"\d{4}-W\d\d", at.text_input(key="document-period-week").value)
    at.text_input(key="document-period-week").set_value("2026-W10").run()
    at.text_input(key="document-number").set_value("测应急〔2026〕1号").run()
    at.button(key="document-make-docx").click().run()
    at.button(key="document-make-pdf").click().run()
    (kind, act, values), (_, as_pdf, _) = taken
    assert (kind, values) == ("export", {"format": "安全风险工作周报"})
    file = act(UNWATCHED).file
    assert "安全风险工作周报-2026-W10" in file.name
    text = "\n".join(one.text for one in docx.Document(io.BytesIO(file.content())).paragraphs)
    assert "测应急〔2026〕1号" in text
    assert "2026年第10周" in text
    file = as_pdf(UNWATCHED).file
    assert (Path(file.name).suffix, file.content()[:5]) == (".pdf", b"%PDF-")


def test_a_document_of_a_sub_district_is_of_the_one_that_is_chosen(root):
    street = list(open_workspace(root).subdistricts)[-1]
    at = open_page("inventory", sub=street)
    at.selectbox(key="document-template").select("street").run()
    assert at.selectbox(key=f"document-street-{street}").value == street


FORM = """
title = "风险点季报"
file = "表.xlsx"
first_row = 5
rows = 5
of = ["risk_points"]
where = ["tier in major,large"]
order = ["code"]
[columns]
B = "code"
[cells]
I2 = { figure = "points.layer_tier", group = "risk_points.large" }
"""


@pytest.fixture
def form(root):
    folder = root / "forms"
    folder.mkdir(exist_ok=True)
    superior_form(folder / "表.xlsx")
    mapping = folder / "季报.toml"
    mapping.write_text(FORM, encoding="utf-8")
    yield mapping
    mapping.unlink()


def test_a_form_is_filled_with_what_the_page_lists(root, now, form, monkeypatch):
    taken = []
    monkeypatch.setattr(exports, "hand_over", lambda kind, act, **values: taken.append((kind, act, values)))
    at = open_page("inventory", layers="risk_points", tiers="large")
    assert at.selectbox(key="form-name").options == ["风险点季报"]
    at.text_input(key="form-period-季报").set_value("2026-Q1").run()
    at.button(key="form-fill").click().run()
    ((kind, act, values),) = taken
    assert (kind, values) == ("export", {"format": "风险点季报"})
    file = act(UNWATCHED).file
    assert re.fullmatch(r"测试区-风险点季报-[\d-]+\.xlsx", file.name)
    large = select(now, Selection(layers=("risk_points",), tiers=("large",)))
    codes = sorted(large.table(now, "risk_points")["code"].to_pylist())
    sheet = load_workbook(io.BytesIO(file.content()))["表1"]
    assert [sheet[f"B{5 + i}"].value for i in range(max(5, len(codes)))] == codes + [None] * (5 - len(codes))
    assert sheet["I2"].value is not None


def test_what_keeps_a_form_from_being_filled_is_said_in_its_place(root, form):
    at = open_page("inventory", layers="shelters")
    assert any("这张表填的是" in one.value for one in at.error)
    form.write_text(FORM.replace('"code"\n[cells]', '"cod"\n[cells]'), encoding="utf-8")
    at = open_page("inventory")
    (said,) = (one.value for one in at.error)
    assert r"columns\.B" in said  # as markdown has it
    assert "code" in said
    assert not [one for one in at.button if one.key == "form-fill"]


@pytest.mark.parametrize(("lang", "said"), [("zh", "还没有表样"), ("en", "no form in forms/ yet")])
def test_a_workspace_without_a_form_says_how_to_make_one(root, lang, said):
    at = open_page("inventory", lang=lang)
    (line,) = (one.value for one in at.caption if said in one.value)
    assert "--draft" in line
    assert "docs/forms.md" in line


def test_the_page_speaks_english_at_the_switch(root):
    at = open_page("inventory", lang="en")
    assert "Classified inventory" in html(at)
    assert [c["title"] for c in panel(at, "inventory-table")["columns"]][:3] == ["Tier", "Name", "Code"]


def test_a_workspace_can_be_copied_and_still_lists_the_same(root, now, tmp_path: Path, monkeypatch):
    shutil.copytree(root, tmp_path / "copy")
    use_workspace(monkeypatch, tmp_path / "copy")
    table = panel(open_page("inventory"), "inventory-table")
    assert table["pager"]["label"][0].endswith("共 ")
    assert table["pager"]["total"] == f"{now.n}"


def test_a_list_that_is_a_file_sets_layers_and_conditions(made, now, tmp_path, monkeypatch):
    home = shutil.copytree(made, tmp_path / "w")
    (home / "lists").mkdir()
    (home / "lists" / "high.toml").write_text(
        f'id = "high"\ntitle = {{ zh = "重大清单", en = "High" }}\nof = ["{now.layers[0]}"]\n'
        'where = ["tier >= large"]\ncolumns = ["code", "tier"]\nsource = "测试"\n',
        encoding="utf-8",
    )
    use_workspace(monkeypatch, home)
    page = open_page("inventory")
    page.selectbox(key="list-file").set_value("high").run()
    page.button(key="list-show").click().run()
    found = counts(
        now, make_selection(open_workspace(home), layers=[now.layers[0]], tiers=["major", "large"])
    )
    shown = [figure["text"] for figure in panel(page, "inventory-figures")["figures"]]
    assert shown[0] == f"{found.total:,}"
    assert 0 < found.total < now.n
