"""Stock on the pages: what lies closest to a record, and the beds that warehouses give to a plan."""

from __future__ import annotations

import pytest

from riskmap.actions.workspace import open_workspace
from tests.cli import riskmap
from tests.duty_workspace import AT, copied, escalation
from tests.pages_running import html, open_page, panels, texts, use_workspace
from tests.prepare_workspace import people, prepare_workspace, written
from tests.register_workspace import bring, table
from tests.rooms.test_closures import HOURS
from tests.stock_workspace import balances


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    """60 people go to BN1, which has ten beds; 45 beds lie 1 km, 20 pumps 2 km from there."""
    ws = prepare_workspace(tmp_path_factory.mktemp("page") / "ws")
    home = ws.root
    assert riskmap("layer", "add", "stock_lines", "stock_moves", "--workspace", home).status == 0
    head = "仓库编号,仓库名称,经度,纬度"
    bring(home, "warehouses", table(home, head, "CK1,一号仓库,114.128,22.55", "CK2,二号仓库,114.138,22.55"))
    head = "库存编号,物资名称,所属仓库编号,库存数量,盘点日期"
    bring(
        home, "stock_lines", table(home, head, "KC1,折叠床,CK1,45,2024-01-01", "KC2,水泵,CK2,20,2024-01-01")
    )
    bring(home, "shelters", table(home, "编号,床位数", "BN1,10"))
    written(home / "data", "people.csv", people(("H1", 40), ("H2", 20)))
    config = home / "workspace.toml"
    config.write_text(config.read_text("utf-8").replace('people = ""', 'people = "data/people.csv"'), "utf-8")
    raised = [escalation("slopes", "BP1", "major")]
    open_workspace(home).ledger.open_scenario(
        title="苏拉",
        drill=False,
        body={"times": HOURS, "closed": []},
        at=AT,
        escalations=raised,
        by="x",
        why="x",
    )
    return open_workspace(home)


@pytest.fixture
def ws(ready, tmp_path, monkeypatch):
    ws = copied(ready, tmp_path / "ws")
    use_workspace(monkeypatch, ws.root)
    return ws


def sound(at):
    assert not at.exception, at.exception
    return at


def said(at):
    kinds = ("info", "warning", "success", "caption")
    return "\n".join(str(one.value) for kind in kinds for one in at.get(kind))


def planned():
    at = open_page("prepare", scenario="1")
    sound(at.segmented_control(key="prepare-tab").set_value("move").run())
    return sound(at.button(key="prepare-move-run").click().run())


def test_a_plan_offers_the_beds_of_the_nearest_warehouse_and_a_press_with_a_name_records_them(ws):
    at = planned()
    assert "缺床位 50 张，仓库可调 45 张，仍缺 5 张（按直线由近到远）" in said(at)
    ((shelter, warehouse, beds, far),) = texts(panels(at)["prepare-move-beds"])
    assert (shelter, warehouse, beds, far) == ("点BN1", "一号仓库", "45 / 45", "1.0 km")
    sound(at.button(key="prepare-beds-run").click().run())
    assert balances(ws.root)["KC1"] == 45  # nobody said who asks
    at.text_input(key="prepare-beds-person").set_value("值班员甲")
    sound(at.button(key="prepare-beds-run").click().run())
    assert balances(ws.root)["KC1"] == 0
    assert "缺床位 5 张，仓库可调 0 张，仍缺 5 张" in said(at)
    assert "prepare-move-beds" not in panels(at)
    (last,) = ws.ledger.changesets(limit=1)
    assert (last.who, last.why) == ("值班员甲", "向避难场所调拨床位：苏拉")


def test_the_page_of_a_record_tells_the_closest_pump_and_how_many_there_are(ws):
    at = sound(open_page("point", layer="waterlogging", code="NL1"))
    told = html(at)
    assert "最近水泵" in told
    assert "2.6 km ×20" in told
    assert "二号仓库 KC2" in told
    assert "（直线）" in told or "(直线)" in told
