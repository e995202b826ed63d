"""A shelter closes while a storm lasts: the log says so, every plan obeys, and the plan changes least."""

from __future__ import annotations

import openpyxl
import pytest

from riskmap.actions.episode.duty import review_of
from riskmap.actions.episode.evacuation import write_lists
from riskmap.actions.episode.events import Entry, close_shelters, log_event, shelter_names, shut_shelters
from riskmap.actions.episode.playback import evacuation_of, storm
from riskmap.errors import UnknownNameError
from tests.duty_workspace import ACTS, AT, WHO, copied, escalation
from tests.ledger_files import intake
from tests.prepare_workspace import A, people, prepare_workspace, written

THIRD = {
    "code": "BN3",
    "name": "=三号小学",
    "subdistrict": A,
    "lon": 114.12,
    "lat": 22.55,
    "setting": "indoor",
    "in_hazard": False,
    "capacity": 70,
    "status": "open",
    "contacts": (),
}
HOURS = [int(AT.timestamp()) + 3600 * i for i in range(3)]


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    ws = prepare_workspace(tmp_path_factory.mktemp("closures") / "ws")
    ws.ledger.commit_import(ws.ledger.plan_import(intake([THIRD], layer="shelters")), **WHO)
    for drill in (False, True):
        ws.ledger.open_scenario(
            title="演练" if drill else "苏拉", drill=drill, body={"times": HOURS, "closed": []}, at=AT,
            escalations=[escalation("slopes", "BP1", "major")], by="x", why="x",
        )  # fmt: skip
    return ws


@pytest.fixture
def ws(ready, tmp_path):
    return copied(ready, tmp_path / "ws")


@pytest.fixture
def table(tmp_path):
    return written(tmp_path, "人口.csv", people(("H1", 40), ("H2", 20)))


def planned(ws, table, **more):
    return evacuation_of(ws, storm(ws, 1), table, crs="cgcs2000", **more)


def test_a_closure_on_record_keeps_everybody_out_of_every_plan_until_the_shelter_opens_again(ws, table):
    assert {one.shelter for one in planned(ws, table).assignments} == {"BN1"}
    assert close_shelters(ws, 1, ["BN1", "BN1"], **ACTS) == ("BN1",)
    assert close_shelters(ws, 1, ["BN1"], **ACTS) == ()  # it is closed already: nothing is written twice
    assert shut_shelters(ws, 1) == ("BN1",)
    assert shut_shelters(ws, 2) == ()
    assert {one.shelter for one in planned(ws, table).assignments} == {"BN3"}
    log_event(ws, 1, Entry("opening", record="shelters:BN1"), **ACTS)
    assert shut_shelters(ws, 1) == ()
    closing = next(e for e in ws.ledger.events(1) if e.kind == "closure")
    log_event(ws, 1, Entry("closure", record="shelters:BN3"), **ACTS)
    assert shut_shelters(ws, 1) == ("BN3",)
    last = ws.ledger.events(1)[-1]
    assert last.id != closing.id
    log_event(ws, 1, Entry("correction", corrects=last.id), **ACTS)
    assert shut_shelters(ws, 1) == ()


def test_shelters_are_closed_all_or_none(ws):
    with pytest.raises(UnknownNameError):
        close_shelters(ws, 1, ["BN1", "没有"], **ACTS)
    assert ws.ledger.events(1) == []


def test_planning_again_moves_only_those_whose_shelter_closed_and_names_where_they_go(ws, table):
    first = planned(ws, table)
    again = planned(ws, table, shut=["BN1"], before=first)
    assert (again.differences.moved, again.differences.stayed, again.unplaced) == (60, 0, 0)
    assert {(c.group, c.before_name, c.after_name, c.people) for c in again.differences.changes} == {
        ("H1", "点BN1", "=三号小学", 40),
        ("H2", "点BN1", "=三号小学", 20),
    }
    assert shut_shelters(ws, 1) == ()  # a trial writes nothing
    spare = planned(ws, table, shut=["BN3"], before=first)
    assert (spare.differences.moved, spare.differences.stayed, spare.differences.changes) == (0, 60, ())
    none = planned(ws, table, shut=["BN1", "BN2", "BN3"], before=again)
    assert (none.placed, none.unplaced, {c.after for c in none.differences.changes}) == (0, 60, {None})
    assert none.unplaced_groups[0].why.zh == "没有可用的避难场所"


def test_roads_have_a_datum_of_their_own_and_the_plan_says_what_was_measured(ws, table, tmp_path):
    assert planned(ws, table).distance_zh == "直线 ×1.3"
    text = "起点经度,起点纬度,终点经度,终点纬度,长度\n114.1121,22.5511,114.118,22.55,700\n"
    roads = written(tmp_path, "道路.csv", text)
    found = planned(ws, table, roads=roads, roads_crs="wgs84")
    assert (found.distance_zh, found.distance) == ("沿道路", "roads")
    assert {one.shelter for one in found.assignments} == {"BN1"}
    assert 690 < found.assignments[0].metres < 720


def test_the_report_counts_a_shelter_that_closed_and_was_open_before_the_log_began(ws):
    close_shelters(ws, 1, ["BN1"], **ACTS)
    log_event(ws, 1, Entry("opening", record="shelters:BN3"), **ACTS)
    found = review_of(ws, 1)
    assert (found.opened, found.closed, found.unclear) == (1, 1, ())
    assert {(s.name, s.opened is None, s.closed is None) for s in found.shelters} == {
        ("点BN1", True, False),
        ("=三号小学", False, True),
    }


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_workbook_names_scenario_and_drill_and_the_changes_by_name(ws, table, tmp_path, lang):
    first = planned(ws, table)
    again = planned(ws, table, shut=["BN1"], before=first)
    file = tmp_path / "plan.xlsx"
    write_lists(ws, again, file, scenario=ws.ledger.scenario(2), lang=lang)
    book = openpyxl.load_workbook(file)
    mark = {"zh": "演习", "en": "DRILL"}[lang]
    assert all(mark in str(sheet.oddHeader) for sheet in book.worksheets)
    cover = [cell.value for row in book.worksheets[0] for cell in row]
    assert mark in cover
    assert "演练" in cover
    cells = [cell for row in book[{"zh": "变动", "en": "Changes"}[lang]] for cell in row]
    assert "BN3 =三号小学" in [cell.value for cell in cells]
    assert all(cell.data_type != "f" for sheet in book.worksheets for row in sheet for cell in row)


def test_shelters_go_by_their_names(ws):
    assert shelter_names(ws)["BN1"] == "点BN1"
