"""The overview page: every number is the number of the records that it leads to."""

from __future__ import annotations

import re
import shutil
from urllib.parse import parse_qs, urlsplit

import pytest

from riskmap.actions.figures import engine_of, period_of
from riskmap.actions.inventory import listing
from riskmap.actions.records.editing import edit_point
from riskmap.actions.workspace import open_workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.errors import RiskmapError
from riskmap.rules.permissions import local_actor
from riskmap.selection import Selection, counts
from riskmap.values.records import CLEAR
from riskmap.web.widgets.filters import Filters
from tests.map_workspace import make_workspace
from tests.pages_running import open_page, panel, panels, sentences, texts, use_workspace

TABLES = ("overview-subdistricts", "overview-layers", "overview-attention")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("overview") / "w"
    make_workspace(root)
    return root


@pytest.fixture
def ws(made, tmp_path, monkeypatch):
    shutil.copytree(made, tmp_path / "w")
    use_workspace(monkeypatch, tmp_path / "w")
    return open_workspace(tmp_path / "w")


def counted(now, href):
    query = {k: v[0] for k, v in parse_qs(urlsplit(href).query).items()}
    return counts(now, Filters.from_query(query, now).selection(now.layers)).total


def test_every_number_leads_to_as_many_records(ws):
    now = current_snapshot(ws)
    at = open_page("overview")
    followed = 0
    for name in TABLES:
        for row in panel(at, name)["rows"]:
            for cell in row["cells"]:
                if cell.get("href", "").startswith("inventory"):
                    assert counted(now, cell["href"]) == int(cell["text"].replace(",", "")), (name, row)
                    followed += 1
    for figure in panel(at, "overview-figures")["figures"]:
        if figure["href"]:
            assert counted(now, figure["href"]) == int(figure["text"].replace(",", ""))
            followed += 1
    assert followed > 30


def test_rows_and_columns_sum_to_the_whole(ws):
    now = current_snapshot(ws)
    at = open_page("overview")
    for name in ("overview-subdistricts", "overview-layers"):
        numbers = [[int(t.replace(",", "")) for t in row[1:7]] for row in texts(panel(at, name))]
        *parts, total = numbers
        assert [sum(column) for column in zip(*parts, strict=True)] == total
        assert all(sum(row[:-1]) == row[-1] for row in numbers)
        assert total[-1] == counts(now, Selection()).total


def test_the_usual_unrated_are_a_calm_line_with_their_codes_behind_it(ws):
    at = open_page("overview")
    assert not any("未评" in w.value for w in at.warning)
    assert "没有新增" in sentences(at)
    assert any("RP-LONE-unrated" in row[-1] for row in texts(panel(at, "overview-unrated")))


def test_a_tier_that_was_lost_is_an_alarm(ws):
    edit_point(
        ws,
        "risk_points",
        "RP-LONE-low",
        seen=1,
        changes={"likelihood": CLEAR},
        by=local_actor("张三"),
        why="核实",
    )
    warned = [w.value for w in open_page("overview").warning]
    assert any("新出现 1 处未评" in one for one in warned)


def test_a_sum_that_disagrees_is_an_alarm(ws, monkeypatch):
    wrong = {"what": "各街道之和与总数不符", "expected": 63, "found": 62, "codes": []}
    document = listing.summarise(ws)
    document |= {"adds_up": False, "differences": [*document["differences"], wrong]}
    monkeypatch.setattr(listing, "summarise", lambda *_given, **_more: document)
    at = open_page("overview")
    assert any("合计不符，共 1 处" in w.value for w in at.warning)
    (row,) = texts(panel(at, "overview-gaps"))
    assert row[:4] == ["各街道之和与总数不符", "63", "62", "1"]


def test_a_tier_that_changed_is_listed_with_its_cause(ws):
    edit_point(
        ws,
        "risk_points",
        "RP-LONE-general",
        seen=1,
        changes={"likelihood": 10.0},
        by=local_actor("李四"),
        why="更正",
    )
    at = open_page("overview")
    (row,) = texts(panel(at, "overview-moved"))
    assert row[2:5] == ["RP-LONE-general", "一般", "重大"]
    assert row[-1] == "数据变化"
    assert "1 处等级有变化，其中 1 处变重" in sentences(at)


def test_totals_can_be_compared_with_an_earlier_day(ws):
    at = open_page("overview")
    at.toggle(key="overview-compare").set_value(True).run()
    assert not at.exception
    before, now, difference = texts(panel(at, "overview-compared"))
    assert before[1] == "0"
    assert difference[1] == f"+{now[1]}"


def test_english_pages_hold_no_chinese_of_ours(ws):
    at = open_page("overview", lang="en")
    words = [c["title"] for data in panels(at).values() for c in data.get("columns", [])]
    assert not [w for w in words if any("\u4e00" <= c <= "\u9fff" for c in w)]


def test_period_and_comparison_stand_in_the_address(ws):
    at = open_page("overview", since="year", compare="1")
    assert at.segmented_control(key="overview-period").value == "year"
    assert "overview-compared" in panels(at)
    at.segmented_control(key="overview-period").set_value("month").run()
    assert "since" not in at.query_params
    assert at.query_params["compare"] == "1"
    assert (
        open_page("overview", since="2026-01-05").date_input(key="overview-day").value.isoformat()
        == "2026-01-05"
    )
    assert (
        open_page("overview", since="1066-01-01").date_input(key="overview-day").value.isoformat()
        == "2000-01-01"
    )
    assert not open_page("overview", since="2026-99-99").exception


def numbers_of(at):
    """Every number of our tables and figures with the figure that it says it is: text, reference."""
    for data in panels(at).values():
        shown = [cell for row in data.get("rows", []) for cell in row["cells"]] + data.get("figures", [])
        yield from ((one["text"], one["figure"]) for one in shown if one.get("figure"))


def test_each_number_is_what_its_figure_tells(ws):
    edit_point(
        ws,
        "risk_points",
        "RP-LONE-general",
        seen=1,
        changes={"likelihood": 10.0},
        by=local_actor("李四"),
        why="更正",
    )
    found = list(numbers_of(open_page("overview")))
    engines = {}
    for text, figure in found:
        period = figure.get("period")
        if period not in engines:
            engines[period] = engine_of(ws, period=period_of(ws, period))
        try:
            told = engines[period].value(figure["id"]).text
        except RiskmapError:  # a group in which there is nothing is none
            told = "0"
        assert told == text or figure.get("within"), figure
    ids = {figure["id"].partition(".")[0] for _, figure in found}
    assert {"points", "records", "ledger", "complete"} <= ids
    assert len(found) > 80


def test_the_darkest_number_of_a_tier_is_its_largest(ws):
    rows = panel(open_page("overview"), "overview-subdistricts")["rows"][:-1]
    for column in range(1, 6):
        cells = [row["cells"][column] for row in rows]
        shaded = [one for one in cells if one.get("shade")]
        assert all(one["text"] == "0" for one in cells if one not in shaded)
        light = {one["text"]: sum(map(int, re.findall(r"\d+", one["shade"][0]))) for one in shaded}
        order = sorted(light, key=lambda text: int(text.replace(",", "")))
        assert [light[one] for one in order] == sorted(light.values(), reverse=True)


def test_the_ledger_of_a_past_day_is_counted_as_the_figures_count_it(ws):
    state = ws.ledger.state
    counted = ws.ledger.standings(state)
    told = engine_of(ws).value("points.layer_tier")
    for group in told.groups:
        layer, _, tier = group.member.partition(".")
        assert counted.get(layer, {}).get(tier, 0) == group.count
    edit_point(
        ws,
        "risk_points",
        "RP-LONE-general",
        seen=1,
        changes={"likelihood": 10.0},
        by=local_actor("李四"),
        why="更正",
    )
    assert ws.ledger.standings(state) == counted
    assert ws.ledger.standings(ws.ledger.state) != counted
