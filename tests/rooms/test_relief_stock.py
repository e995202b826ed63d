"""Where a plan is short of beds the warehouses are asked, the nearest first; a press makes the movements."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from riskmap.actions.episode.evacuation import evacuation
from riskmap.actions.episode.relief_stock import request_beds
from riskmap.actions.workspace import open_workspace
from riskmap.errors import RefusedError
from riskmap.moments import CLOCK
from riskmap.rules.permissions import local_actor
from tests.cli import riskmap
from tests.contract.test_evacuation_command import degrees, evacuate, people
from tests.register_workspace import bring, chosen, table
from tests.stock_workspace import balances, moved, stock_workspace


@pytest.fixture(scope="module", autouse=True)
def today():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CLOCK, "2026-11-29T02:00:00Z")
        yield


def at(x: float) -> str:
    return ",".join(f"{one:.8f}" for one in degrees(x))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Shelters 1 and 2 km east of a slope; 50 beds in a warehouse at 2.1 km, 30 in one at 5 km."""
    home = stock_workspace(tmp_path_factory.mktemp("relief") / "w")
    bring(
        home,
        "warehouses",
        table(home, "仓库编号,仓库名称,经度,纬度", f"CK1,一号仓库,{at(2100)}", f"CK2,二号仓库,{at(5000)}"),
    )
    head = "编号,名称,经度,纬度,容纳人数,室内/室外类型,是否处于危险区,状态,床位数,供水"
    rows = [
        f"{code},{code}场,{at(x)},{room},室内,否,开放,{beds},有"
        for code, x, room, beds in (
            ("S1", 1000, 50, 20),
            ("S2", 2000, 80, 0),
        )
    ]
    bring(home, "shelters", table(home, head, *rows))
    bring(home, "slopes", table(home, "编号,名称,经度,纬度", f"B1,坡一,{at(0)}"))
    return home


@pytest.fixture
def home(made, tmp_path):
    return Path(shutil.copytree(made, tmp_path / "w"))


def offers(found):
    return [
        (one["shelter"], one["line"], one["beds"], one["there"], one["metres"]) for one in found["bed_offers"]
    ]


def test_the_nearest_warehouse_gives_first_and_no_bed_is_offered_twice(home, tmp_path):
    # 90 people: 50 to S1, which has 20 beds, 40 to S2, which has none: 30 + 40 are short.
    found = evacuate(home, people(tmp_path, ("H1", 90, 20, "")), "--json").json
    assert (found["beds_short"], found["beds_offered"], found["beds_by"]) == (70, 70, "straight line")
    assert offers(found) == [
        ("S2", "KC1", 40, 50, 100),
        ("S1", "KC1", 10, 10, 1100),
        ("S1", "KC2", 20, 30, 4000),
    ]
    assert found["bed_offers"][0]["warehouse"] == "一号仓库"


def test_what_cannot_be_brought_is_said(home, tmp_path):
    moved(home, 25, out_of="KC1")
    moved(home, 30, out_of="KC2")
    told = evacuate(home, people(tmp_path, ("H1", 90, 20, "")))
    assert "缺床位 70 张，仓库可调 25 张，仍缺 45 张（距离：直线）" in told.out


def test_a_request_makes_the_movements_in_one_changeset_and_one_undo_takes_them_back(home, tmp_path):
    file = people(tmp_path, ("H1", 90, 20, ""))
    done = evacuate(home, file, "--request", "--by", "值班员", "--json").json
    assert {code: balances(home)[code] for code in ("KC1", "KC2")} == {"KC1": 0, "KC2": 10}
    moves = chosen(home, "stock_moves")
    assert len(moves) == 3
    assert {one["fields"]["shelter"] for one in moves.values()} == {"S1", "S2"}
    again = evacuate(home, file, "--json").json
    assert (again["beds_short"], again["beds_sent"], again["bed_offers"]) == (0, {"S1": 30, "S2": 40}, [])
    assert riskmap("undo", done["changeset"], "--why", "误报", "--workspace", home).status == 0
    assert not chosen(home, "stock_moves")
    assert evacuate(home, file, "--json").json["beds_offered"] == 70


def test_beds_that_a_shelter_states_since_are_not_counted_twice(home, tmp_path, monkeypatch):
    file = people(tmp_path, ("H1", 90, 20, ""))
    evacuate(home, file, "--request", "--by", "值班员")
    monkeypatch.setenv(CLOCK, "2026-11-30T02:00:00Z")
    bring(home, "shelters", table(home, "编号,床位数", "S1,50"))
    again = evacuate(home, file, "--json").json
    assert (again["beds_sent"], again["beds_short"]) == ({"S2": 40}, 0)


def test_stock_that_somebody_took_meanwhile_is_refused_whole(home, tmp_path):
    ws = open_workspace(home)
    file = people(tmp_path, ("H1", 90, 20, ""))
    plan = evacuation(ws, file, danger=["B1"], radius=60, crs="cgcs2000")
    moved(home, 45, out_of="KC1")
    with pytest.raises(RefusedError, match="KC1.*会成为 -45"):
        request_beds(ws, plan.stock, by=local_actor("值班员"))
    assert len(chosen(home, "stock_moves")) == 1
    assert balances(home)["KC2"] == 30


def test_what_is_not_known_asks_for_nothing_and_is_named(home, tmp_path):
    bring(home, "shelters", table(home, "编号,床位数", "S2,清空"))
    bring(home, "stock_lines", table(home, "库存编号,物资名称,所属仓库编号", "KC9,折叠床,CK1"))
    found = evacuate(home, people(tmp_path, ("H1", 90, 20, "")), "--json").json
    assert (found["beds_short"], found["beds_not_stated"], found["beds_unknown"]) == (30, ["S2"], ["KC9"])


def test_without_a_book_of_stock_a_plan_says_nothing_of_it_and_a_request_says_what_to_do(home, tmp_path):
    for layer in ("stock_lines", "stock_moves", "warehouses"):
        (home / "layers" / f"{layer}.toml").unlink()
    file = people(tmp_path, ("H1", 90, 20, ""))
    assert "beds_short" not in evacuate(home, file, "--json").json
    refused = evacuate(home, file, "--request", "--json")
    assert refused.status == 2
    assert "riskmap layer add" in refused.json["error"]["message"]
