"""The ledger of a past day on the pages: seen as it was, said on every page, and closed to every change."""

from __future__ import annotations

import datetime as dt
from urllib.parse import parse_qs, urlsplit

import openpyxl
import pytest

from riskmap.actions.inventory.listing import summarise
from riskmap.actions.records.editing import create_point, edit_point, retire_point
from riskmap.actions.workspace import create_workspace, open_workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.moments import CLOCK, utc_now
from riskmap.rules.permissions import local_actor
from riskmap.selection import find
from riskmap.vocabulary import RANK_OF
from riskmap.web.frame import downloads, state
from riskmap.web.frame.routes import MAP, _spec
from riskmap.web.pages import pages
from riskmap.web.widgets.map import card
from tests.map_workspace import make_workspace
from tests.pages_running import html, open_page, panel, texts, use_workspace

DAY = dt.timedelta(days=1)
THEN = (utc_now() - 2 * DAY).astimezone()
TODAY = utc_now().astimezone().date()
BY = {"by": local_actor("张三"), "why": "核实"}
LAYER, CODE = "risk_points", "RP-LONE-general"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Filled the day before yesterday; since then one point has gone and another is worse."""
    root = tmp_path_factory.mktemp("past") / "w"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CLOCK, THEN.isoformat())
        ws = make_workspace(root)
    edit_point(ws, LAYER, CODE, seen=1, changes={"likelihood": 10, "name": "新名"}, **BY)
    retire_point(ws, LAYER, "RP-LONE-major", **BY)
    return root


@pytest.fixture
def ws(made, monkeypatch):
    use_workspace(monkeypatch, made)
    return open_workspace(made)


@pytest.fixture
def then(ws):
    return THEN.date().isoformat()


def strip(at):
    """The line under the top bar that says whose ledger it is."""
    return "截至" in html(at) and any(b.key == "shell-past-back" for b in at.button)


def test_the_inventory_of_a_past_day_has_its_figures_rows_and_files(ws, then, tmp_path):
    at = open_page("inventory", asof=then, layers=LAYER)
    assert strip(at)
    past, now = summarise(ws, as_of=THEN.date()), summarise(ws)
    assert past["tiers"] != now["tiers"]
    shown = [figure["text"] for figure in panel(at, "inventory-figures")["figures"]]
    found = past["layers"][LAYER]
    assert shown == [str(found["total"]), *map(str, found["tiers"].values()), str(found["unrated"])]
    names = {row[1] for row in texts(panel(at, "inventory-table"))}
    assert "孤点general" in names
    assert "新名" not in names
    *items, _ = panel(at, "inventory-downloads")["items"]
    excel = next(item for item in items if item["name"].endswith(".xlsx"))
    assert f"截至{then}" in excel["name"]
    asked = downloads.asked(state.signer(), excel["href"].removeprefix("download/"), "")
    sent = downloads.made(ws, asked)
    (tmp_path / "then.xlsx").write_bytes(b"".join(sent.pieces))
    book = openpyxl.load_workbook(tmp_path / "then.xlsx")
    cells = [str(cell) for sheet in book for row in sheet.iter_rows(values_only=True) for cell in row if cell]
    assert then in cells
    assert "孤点general" in cells
    assert "新名" not in cells


def test_links_of_a_past_page_lead_into_the_same_past(ws, then):
    at = open_page("inventory", asof=then, q=CODE)
    (row,) = panel(at, "inventory-table")["rows"]
    assert parse_qs(urlsplit(row["href"]).query)["asof"] == [then]
    assert at.query_params["asof"] == then


def test_the_past_is_not_published_from_the_page(ws, then):
    for query, there in (({}, True), ({"asof": then}, False)):
        assert any(b.key == "publish-go" for b in open_page("published", **query).button) is there


def test_today_is_now(ws):
    past, now = (
        panel(open_page("inventory", **query), "inventory-figures")
        for query in ({"asof": TODAY.isoformat()}, {})
    )
    assert [f["text"] for f in past["figures"]] == [f["text"] for f in now["figures"]]


def test_a_past_moment_within_a_day_is_kept_to_the_minute(ws):
    before = (THEN - dt.timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M")
    assert "台账里还没有记录" in html(open_page("inventory", asof=before))
    after = (THEN + dt.timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M")
    assert panel(open_page("inventory", asof=after, q=CODE), "inventory-figures")["figures"][3]["text"] == "1"


@pytest.mark.parametrize("name", ["inventory", "overview", "point", "map"])
def test_before_the_first_write_the_page_is_empty_and_says_so(ws, name):
    at = open_page(name, asof="2020-01-01")
    (said,) = [i.value.replace("\\", "") for i in at.info]
    assert said == f"截至 2020-01-01，台账里还没有记录（第一次写入：{THEN:%Y-%m-%d %H:%M}）。"
    assert strip(at)


@pytest.mark.parametrize("name", [name for name, page in pages().items() if not page.past])
def test_a_page_that_changes_something_is_closed_in_the_past(ws, then, name):
    at = open_page(name, asof=then)
    (said,) = [i.value for i in at.info]
    assert "只对现在的台账开放" in said
    assert [b.key for b in at.button] == ["shell-past-back"]


def test_the_pages_that_show_the_past_are_these():
    assert [name for name, page in pages().items() if page.past] == [
        "map",
        "inventory",
        "point",
        "work",
        "overview",
    ]


def test_a_record_is_shown_as_it_was_and_cannot_be_changed(ws, then):
    at = open_page("point", asof=then, layer=LAYER, code=CODE)
    assert "孤点general" in html(at)
    assert "新名" not in html(at)
    assert at.button(key="point-edit").disabled
    assert any("项未填" in one.value for one in at.caption)
    assert not any("点“修改”" in one.value for one in at.caption)
    assert at.button(key="point-retire").disabled
    assert not [b for b in at.button if b.key == "contacts-show"]
    assert len(panel(at, "point-history")["rows"]) == 1
    gone = open_page("point", asof=then, layer=LAYER, code="RP-LONE-major")
    assert "孤点major" in html(gone)
    assert "已注销" not in html(gone)


def test_the_map_of_a_past_day_shows_and_says_the_past(ws, then):
    at = open_page("map", asof=then)
    assert strip(at)
    token = state.signer().sign(MAP, ["{}", "any", then], "me")
    assert _spec(token, "me").snapshot.state < ws.ledger.state
    assert _spec(token, "me").as_of == THEN.date()


def test_the_card_of_a_past_day_tells_tier_reasons_and_contacts_of_then(ws, then):
    past = current_snapshot(ws, as_of=THEN.date())
    was = card(ws, past, find(past, LAYER, CODE), "zh", as_of=THEN.date())
    now = current_snapshot(ws)
    today = card(ws, now, find(now, LAYER, CODE), "zh")
    assert (was["name"], was["rank"], was["score"]) == ("孤点general", RANK_OF["general"], "90")
    assert (today["name"], today["rank"], today["score"]) == ("新名", RANK_OF["major"], "900")
    assert was["why"] != today["why"]
    assert f"asof={then}" in was["page"]
    assert "asof" not in today["page"]


def test_the_overview_of_a_past_day_has_its_figures_and_no_backup_of_now(ws, then):
    at = open_page("overview", asof=then)
    past = summarise(ws, as_of=THEN.date())
    shown = [figure["text"] for figure in panel(at, "overview-figures")["figures"]]
    assert shown == [str(past["total"]), *map(str, past["tiers"].values()), str(past["unrated"])]
    assert f"数据截至 {then}" in html(at)
    assert not any("备份" in m.value for m in (*at.markdown, *at.warning))


@pytest.mark.parametrize("wrong", ["yesterday", "2026-13-01", (TODAY + 2 * DAY).isoformat(), "<script>"])
def test_an_address_that_names_no_past_is_refused_and_not_shown_as_now(ws, wrong):
    at = open_page("inventory", asof=wrong)
    assert "地址中的日期 asof" in at.error[0].value
    at.button(key="shell-past-back").click().run()
    assert not at.error
    assert "asof" not in at.query_params
    assert panel(at, "inventory-figures")


def test_back_to_now_shows_the_present_again(ws, then):
    at = open_page("inventory", asof=then, q=CODE)
    at.button(key="shell-past-back").click().run()
    assert not strip(at)
    assert [row[1] for row in texts(panel(at, "inventory-table"))] == ["新名"]


def test_a_chosen_day_and_hour_are_shown_and_stand_in_the_address(ws):
    at, day = open_page("inventory", q=CODE), (THEN + DAY).date()
    at.date_input(key="shell-past-day").set_value(day)
    at.selectbox(key="shell-past-hour").set_value(0)
    at.button(key="shell-past-show").click().run()
    assert at.query_params["asof"] == f"{day}T00:00"
    assert strip(at)
    assert [row[1] for row in texts(panel(at, "inventory-table"))] == ["孤点general"]


def test_a_street_that_was_not_there_yet_is_left_out_of_the_filter(tmp_path, monkeypatch):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CLOCK, THEN.isoformat())
        ws = create_workspace(tmp_path / "w")
        create_point(ws, LAYER, "A", values={"subdistrict": "甲街道"}, **BY)
    create_point(ws, LAYER, "B", values={"subdistrict": "乙街道"}, **BY)
    use_workspace(monkeypatch, tmp_path / "w")
    at = open_page("inventory", sub="乙街道")
    assert [row[2] for row in texts(panel(at, "inventory-table"))] == ["B"]
    at.date_input(key="shell-past-day").set_value(THEN.date())
    at.button(key="shell-past-show").click().run()
    assert not at.error
    assert [row[2] for row in texts(panel(at, "inventory-table"))] == ["A"]
    assert any("乙街道" in one.value for one in at.warning)  # named, and kept in the address for the present
