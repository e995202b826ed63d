"""A ticket's page, from found to closed by a second person; and the page of what is open."""

from __future__ import annotations

import pytest

from riskmap.actions.records.editing import create_point
from riskmap.moments import CLOCK
from riskmap.rules.permissions import local_actor
from tests.cli import riskmap
from tests.pages_running import html, open_page, panel, use_workspace
from tests.register_files import LAYER, hazard, table, workspace

BY = {"by": local_actor("甲"), "why": "测试"}


@pytest.fixture
def ws(tmp_path, monkeypatch):
    monkeypatch.setenv(CLOCK, "2026-11-29T02:00:00Z")
    made = workspace(tmp_path / "ws")
    create_point(made, LAYER, "H1", values=hazard(), **BY)
    use_workspace(monkeypatch, tmp_path / "ws")
    return made


def state(ws):
    return ws.ledger.features(LAYER, codes=["H1"]).records.values["state"][0]


def make(move, *, by="甲", **stated):
    """Open the ticket, choose a move, state what is given, and send it."""
    at = open_page("point", layer=LAYER, code="H1")
    at.button(key=f"move-{move}").click().run()
    inputs = {
        str(one.key).rsplit("-", 1)[-1]: one
        for one in at.text_input
        if str(one.key).startswith(("form-", "move-"))
    }
    for name, value in {"by": by, "why": "现场核对", **stated}.items():
        inputs[name].set_value(value)
    send = next(b for b in at.button if str(b.key).startswith("FormSubmitter:move-"))
    send.click().run()
    assert not at.exception, at.exception
    return at, set(inputs) - {"by", "why"}


def test_a_ticket_goes_its_way_and_each_dialog_asks_exactly_what_the_move_asks(ws):
    _, asked = make("assign", department="住建局", due="2026-11-20", order="1号")
    assert asked == {"department", "due", "order"}
    assert state(ws) == "rectifying"
    assert "超期 9 天" in html(open_page("point", layer=LAYER, code="H1"))
    at, asked = make("rectify")
    assert [one.value for one in at.error] == ["“整改完成”要写明整改照片"]
    _, asked = make("rectify", evidence="a.jpg")
    assert (asked, state(ws)) == ({"evidence"}, "rectified")
    at, asked = make("accept")
    assert asked == {"on"}
    assert "要由另一人办" in at.error[0].value
    at, _ = make("accept", by="乙")
    assert state(ws) == "closed"
    assert [one.value for one in at.success] == ["已办理，现为“已销号”。"]
    assert [b.label for b in at.button if str(b.key).startswith("move-")] == ["退回、反弹"]


def test_the_page_of_what_is_open_shows_overdue_first_and_leads_to_each(ws, monkeypatch):
    create_point(ws, LAYER, "H2", values=hazard("H2", due="2026-11-20"), **BY)
    create_point(ws, LAYER, "H3", values=hazard("H3", due="2026-12-02"), **BY)
    at = open_page("work")
    rows = panel(at, "work-items")["rows"]
    assert [row["cells"][1]["text"] for row in rows] == ["H2", "H3", "H1"]
    assert rows[0]["cells"][4]["text"] == "9 天 · 督办"
    assert rows[0]["href"].startswith("point?layer=major_hazards&code=H2")
    shown = open_page("work", show="overdue")
    assert [row["cells"][1]["text"] for row in panel(shown, "work-items")["rows"]] == ["H2"]
    assert "待办 3 件，其中超期 1 件，7 天内到期 1 件" in [one.value for one in at.caption]
    assert any("超期 1 件" in one.value for one in open_page("overview").warning)


def test_without_a_register_the_page_says_where_one_comes_from(tmp_path, monkeypatch):
    made = workspace(tmp_path / "bare")
    (made.root / "layers" / "major_hazards.toml").unlink()
    use_workspace(monkeypatch, made.root)
    assert "[flow]" in open_page("work").info[0].value.replace("\\", "")


def test_the_form_of_a_ticket_has_no_state_and_no_closing_day(ws):
    at = open_page("point", layer=LAYER, code="H1")
    at.button(key="point-edit").click().run()
    keys = {str(one.key).rsplit("-", 1)[-1] for one in (*at.text_input, *at.selectbox)}
    assert "found_on" in keys
    assert not keys & {"state", "closed_on"}


def test_a_held_closing_is_accepted_on_the_page_with_the_evidence_it_lacks(ws):
    for name in ("major_hazards", "close1"):
        crs = ("--crs", "wgs84") if name == "major_hazards" else ()
        assert riskmap("import", LAYER, table(name), *crs, "--by", "甲", "--workspace", ws.root).status == 0
    at = open_page("import")
    (entry,) = ws.ledger.held()
    at.session_state["backlog-held-chosen"] = entry.id
    at.run()
    box = {str(one.key): one for one in at.text_input}
    box[f"held-{entry.id}-by"].set_value("乙")
    box[f"held-{entry.id}-why"].set_value("核对过")
    next(one for key, one in box.items() if key.endswith("-evidence")).set_value("a.jpg")
    at.button(key=f"held-go-{entry.id}").click().run()
    assert not at.exception
    closed = ws.ledger.features(LAYER, codes=["ZD199"]).records.values
    assert (closed["state"], closed["evidence"], closed["closed_on"]) == (
        ["closed"],
        ["a.jpg"],
        ["2024-12-20"],
    )


def test_the_page_work_has_the_alerts_with_their_number_the_worst_first(tmp_path, monkeypatch):
    home = tmp_path / "alerts"
    assert riskmap("init", home).status == 0
    assert riskmap("layer", "add", "alerts", "--workspace", home).status == 0
    use_workspace(monkeypatch, home)
    assert panel(open_page("work", show="alerts"), "work-items")["rows"] == []
    file = tmp_path / "alerts.csv"
    rows = ["P1,滑坡,2026-11-28 10:00,蓝色", "P2,水位,2026-11-28 09:00,", "P3,裂缝,2026-11-28 08:00,红色"]
    file.write_text("\n".join(["编号,名称,预警时间,预警级别", *rows]) + "\n", encoding="utf-8")
    riskmap("import", "alerts", file, "--crs", "cgcs2000", "--workspace", home)
    at = open_page("work", show="alerts")
    offered = [one.content for group in at.get("button_group") for one in group.proto.options]
    assert "预警 3" in offered
    cells = [[cell["text"] for cell in row["cells"]] for row in panel(at, "work-items")["rows"]]
    assert [one[:2] + one[3:5] for one in cells] == [
        ["裂缝", "P3", "红色", "2026-11-28 08:00"],
        ["水位", "P2", "未写明", "2026-11-28 09:00"],
        ["滑坡", "P1", "蓝色", "2026-11-28 10:00"],
    ]


def test_the_page_work_has_no_alerts_where_no_register_holds_any(ws):
    at = open_page("work", show="alerts")
    assert not at.exception
    assert [row["cells"][1]["text"] for row in panel(at, "work-items")["rows"]] == ["H1"]


@pytest.fixture
def listed(tmp_path, monkeypatch):
    """A shipped register of hazards on two points of two streets; dates enough that their column is plain text."""
    monkeypatch.setenv(CLOCK, "2026-11-29T02:00:00Z")
    home = tmp_path / "listed"
    assert riskmap("init", home).status == 0
    assert riskmap("layer", "add", "hazards", "--workspace", home).status == 0
    for layer, lines in (
        ("risk_points", ["编号,名称,街道,经度,纬度", "A,甲厂,东街,114.1,22.55", "B,乙厂,西街,114.2,22.56"]),
        (
            "hazards",
            [
                "编号,名称,所在风险点,发现日期,整改期限",
                *[
                    f"H{n},墙裂{n},{'AB'[n % 2]},2026-{9 + n // 28:02}-{1 + n % 28:02},2026-12-{1 + n % 28:02}"
                    for n in range(40)
                ],
                "L,早该改,A,2026-08-01,2026-11-09",
                "M,没期限,B,2026-08-02,",
            ],
        ),
    ):
        file = tmp_path / f"{layer}.csv"
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        ran = riskmap("import", layer, file, "--crs", "cgcs2000", "--json", "--workspace", home)
        assert ran.json["files"][0]["inserted"] == len(lines) - 1, ran
    use_workspace(monkeypatch, home)
    return home


def test_the_list_of_a_register_has_its_own_columns_and_begins_with_what_is_longest_overdue(listed):
    at = open_page("inventory", layers="hazards")
    found = panel(at, "inventory-table")
    titles = [one["title"] for one in found["columns"]]
    assert titles[:6] == ["名称", "编号", "状态", "整改期限", "超期", "所属"]
    assert "发现日期" in titles
    assert not {"等级", "得分"} & set(titles)
    first = dict(zip(titles, (cell["text"] for cell in found["rows"][0]["cells"]), strict=True))
    assert (first["编号"], first["所属"], first["整改期限"], first["超期"]) == (
        "L",
        "甲厂",
        "2026-11-09",
        "20 天",
    )
    assert first["街道"] == "东街"
    assert found["rows"][0]["href"].startswith("point?layer=hazards&code=L")
    assert [one["text"] for one in panel(at, "inventory-figures")["figures"]][:2] == ["42", "42"], (
        "all of them found"
    )


def test_what_names_a_point_stands_there_on_its_page_and_in_its_street_on_the_page_of_work(listed):
    shown = html(open_page("point", layer="hazards", code="L"))
    assert "114.1000000, 22.5500000（随关联的记录）" in shown
    assert "甲厂 A" in shown
    assert "东街" in shown
    assert "risk_points:" not in shown
    rows = panel(open_page("work", show="overdue"), "work-items")["rows"]
    assert [[row["cells"][1]["text"], row["cells"][6]["text"]] for row in rows] == [["L", "东街"]]
    items = riskmap("work", "--overdue", "--json", "--workspace", listed).json["items"]
    assert [(one["code"], one["subdistrict"]) for one in items] == [("L", "东街")]
