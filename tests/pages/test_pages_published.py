"""The page of publications: two of them side by side, each number the way to its records."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest

from riskmap.actions.publishing import compared, publications_of, publish, verify
from riskmap.actions.records.editing import edit_point, retire_point
from riskmap.actions.workspace import open_workspace
from riskmap.rules.permissions import local_actor
from riskmap.web.pages.published.sankey import Flow, sankey_svg
from tests.map_workspace import make_workspace
from tests.pages_running import open_page, panel, panels, texts, use_workspace

BY = {"by": local_actor("张三"), "why": "核实"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two publications, and between them one record that became worse, one better, one that came and one that went."""
    root = tmp_path_factory.mktemp("published") / "w"
    make_workspace(root)
    ws = open_workspace(root)
    blocking = [one.id for one in publish(ws, "x", **BY).blocking]
    passed = {"despite": blocking, "second": local_actor("李四")}
    publish(ws, "前", **BY, **passed)
    edit_point(ws, "risk_points", "RP-LONE-general", seen=1, changes={"likelihood": 10.0}, **BY)
    edit_point(ws, "risk_points", "RP-LONE-major", seen=1, changes={"likelihood": 1.0}, **BY)
    retire_point(ws, "risk_points", "RP-LONE-low", seen=1, **BY)
    publish(ws, "后", **BY, **passed)
    return root


@pytest.fixture
def ws(made, monkeypatch):
    use_workspace(monkeypatch, made)
    return open_workspace(made)


def test_the_last_two_are_compared_with_the_numbers_of_the_command(ws):
    at = open_page("published")
    told = compared(ws, "前", "后").as_json()
    figures = [one["text"] for one in panel(at, "published-figures")["figures"]]
    assert figures == [str(told[one]) for one in ("added", "removed", "moved", "up", "down")]
    assert figures == ["0", "1", "0", "1", "1"]
    assert at.query_params["a"] == "前"
    names = [row[0] for row in texts(panel(at, "published-list"))]
    assert names == ["后", "前"]


def test_each_flow_leads_to_as_many_records(ws):
    at = open_page("published")
    rows = panel(at, "published-flows")["rows"]
    assert len(rows) == 3
    led = [row["cells"][2] for row in rows] + panel(at, "published-figures")["figures"]
    led += [
        cell for row in panel(at, "published-layers")["rows"] for cell in row["cells"][1:]
    ]  # causes among them
    for one in (one for one in led if one.get("href")):
        query = {key: value[0] for key, value in parse_qs(urlsplit(one["href"]).query).items()}
        listed = texts(panel(open_page("published", **query), "published-records"))
        assert len(listed) == int(one["text"])
    gone = texts(panel(open_page("published", a="前", b="后", flow="low."), "published-records"))
    assert [row[1] for row in gone] == ["RP-LONE-low"]
    assert f"flow={'general.major'}" in panel(at, "published-sankey")["svg"].replace("&amp;", "&")


def test_the_other_way_round_the_removed_one_was_added(ws):
    at = open_page("published", a="后", b="前")
    assert [one["text"] for one in panel(at, "published-figures")["figures"]] == ["1", "0", "0", "1", "1"]
    assert "published-sankey" not in panels(open_page("published", a="前", b="前"))


def fill(at, **values):
    for key, value in values.items():
        at.text_input(key=f"publish-{key}").set_value(value)
    at.button(key="publish-go").click().run()
    return at


def test_without_publications_the_page_makes_the_first_one_and_what_keeps_from_it_takes_a_second_person(
    tmp_path, monkeypatch
):
    make_workspace(tmp_path / "w")
    use_workspace(monkeypatch, tmp_path / "w")
    ws = open_workspace(tmp_path / "w")
    blocking = publish(ws, "x", **BY).blocking
    at = open_page("published")
    assert [one.value for one in at.info] == ["还没有发布过。"]
    assert "名称" in fill(at, by="张三", why="年报").warning[0].value
    at = fill(at, name="2026年度", by="张三", why="年报")
    assert [one.key for one in at.checkbox] == [f"publish-{one.id}" for one in blocking]
    assert {row[2] for row in texts(panel(at, "publish-records"))} == {
        code for one in blocking for code in one.missing
    }
    assert all(row["cells"][2]["href"] for row in panel(at, "publish-records")["rows"])
    assert not publications_of(ws).names()
    assert "逐项勾选" in fill(at).warning[-1].value
    for one in at.checkbox:
        one.check()
    assert "第二人" in fill(at).warning[-1].value
    assert "同一人" in fill(at, second="张三").error[0].value
    at = fill(at, second="李四")
    assert "已发布 2026年度" in at.success[0].value
    assert [row[0] for row in texts(panel(at, "published-list"))] == ["2026年度"]
    assert verify(ws, "2026年度").holds


def test_a_period_that_is_none_is_said_and_another_one_is_checked_anew(tmp_path, monkeypatch):
    make_workspace(tmp_path / "w")
    use_workspace(monkeypatch, tmp_path / "w")
    at = fill(open_page("published"), name="一", by="张三", why="年报")
    assert at.checkbox
    assert "2026-13" in fill(at, period="2026-13").error[0].value.replace("\\", "")
    assert not at.checkbox


def test_a_sankey_states_its_sums_and_shows_the_fewest():
    flows = [Flow("low", "low", 40_000), Flow("low", "major", 1), Flow("", "low", 3), Flow("large", "", 2)]
    svg = sankey_svg(flows, sides=("<a>", "b"), title="t", lang="en", lead=lambda one: f"x?flow={one.id}&b")
    words = [re.sub("<[^>]+>", "", one) for one in re.findall("<text.*?</text>", svg)]
    assert words == [
        "&lt;a&gt;",
        "b",
        "Large 2",
        "Low 40,001",
        "added 3",
        "Major 1",
        "Low 40,003",
        "removed 2",
    ]
    assert "<a>" not in svg.replace("<a href", "")
    heights = [float(one) for one in re.findall('height="([0-9.]+)" fill', svg)]
    assert min(heights) >= 2.5
    assert 'href="x?flow=low.major&amp;b"' in svg


def test_english_pages_hold_no_chinese_of_ours(ws):
    at = open_page("published", lang="en")
    titles = [c["title"] for data in panels(at).values() for c in data.get("columns", [])]
    assert not [one for one in titles if re.search("[一-鿿]", one) and one not in {"前", "后"}]
