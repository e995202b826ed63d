"""The registers that are shipped, and the tables of a district in them: what comes in, what waits, what is said."""

from __future__ import annotations

import os
import re
import shutil
from collections import Counter
from pathlib import Path

import pytest

from riskmap.actions.workspace import open_workspace
from riskmap.moments import CLOCK
from tests.cli import riskmap

CLEAN = {"held": 0, "rejected": 0}
KEPT = {"total", "tiers", "unrated"}
ITEMS = ("assault_boats", "rubber_boats", "pumps", "life_jackets", "beds")
EVERY = [
    *("stations", "warehouses", "enterprises", "hazards", "major_hazards", "cavities", "persons", "alerts"),
    *("patrols", "drills", "teams", "collapses", "video_findings", "ebike_sites", "transfer_grids"),
]


@pytest.fixture(scope="module")
def data():
    folder = Path(os.environ.get("RISKMAP_TEST_DATA") or "/nowhere") / "registers"
    if not folder.is_dir():
        pytest.skip("the test data are not here (RISKMAP_TEST_DATA)")
    return folder


@pytest.fixture(scope="module", autouse=True)
def today():
    """Let the day be 2026-11-29: which stock is out of date depends on it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CLOCK, "2026-11-29T02:00:00Z")
        yield


@pytest.fixture(scope="module")
def district(data, tmp_path_factory):
    """A small demo district, assessed, with every register that is shipped; and its figures before any of them."""
    home = tmp_path_factory.mktemp("district") / "w"
    assert riskmap("init", home, "--demo", "--points", 400).status == 0
    riskmap("assess", "--workspace", home)
    with (home / "workspace.toml").open("a", encoding="utf-8") as settings:
        settings.write('\n[registers]\ntakeover = "2025-12-31"\n')
    before = figures(home)
    added = riskmap("layer", "add", *EVERY, "--json", "--workspace", home).json["added"]
    assert len(added) == 20
    grids = "网格编号,网格名称\n" + "".join(f"YS-SL-{n:02d}-00001,网格{n}\n" for n in range(1, 11))
    (home / "grids.csv").write_text(grids, encoding="utf-8")
    bring(home, "forest_fire_grids", home / "grids.csv")
    return home, before


@pytest.fixture(scope="module")
def full(district, data):
    """The district with all the tables in its registers: home, what was said of each, the figures before."""
    home, _ = district
    riskmap("assess", "--workspace", home)
    before = figures(home)
    said = {name: bring(home, layer, data / name) for name, layer in FILES.items()}
    return home, said, before


@pytest.fixture
def home(full, tmp_path):
    """A district of one's own, with all that the tables brought."""
    return Path(shutil.copytree(full[0], tmp_path / "w"))


FILES = {
    "stations.xlsx": "stations",
    "warehouses.xlsx": "warehouses",
    "stock.xlsx": "stock_lines",
    "enterprises.xlsx": "enterprises",
    "two.xlsx": "visits",
    "major_hazards.xlsx": "major_hazards",
    "roads.geojson": "roads",
    "cavities.xlsx": "cavities",
    "collapses.xlsx": "collapses",
    "plans.xlsx": "plans",
    "drills.xlsx": "drills",
    "patrols.xlsx": "patrols",
    "video.xlsx": "video_findings",
    "persons.xlsx": "persons",
    "alerts.xlsx": "alerts",
    "ebike.xlsx": "ebike_sites",
    "tg.geojson": "transfer_grids",
    "teams.xlsx": "teams",
}
ROWS = {
    "stations.xlsx": 100,
    "warehouses.xlsx": 169,
    "stock.xlsx": 600,
    "enterprises.xlsx": 600,
    "two.xlsx": 2,
    "major_hazards.xlsx": 200,
    "roads.geojson": 90,
    "cavities.xlsx": 36,
    "collapses.xlsx": 3,
    "plans.xlsx": 120,
    "drills.xlsx": 1609,
    "patrols.xlsx": 2539,
    "video.xlsx": 42,
    "persons.xlsx": 12000,
    "alerts.xlsx": 11123,
    "ebike.xlsx": 100,
    "tg.geojson": 10,
    "teams.xlsx": 209,
}


def bring(home, layer, path, *more, by="甲"):
    ran = riskmap("import", layer, path, "--crs", "wgs84", "--by", by, "--json", "--workspace", home, *more)
    return ran.json["files"][0]


def figures(home):
    told = riskmap("summary", "--json", "--workspace", home).json
    return {name: told[name] for name in KEPT}


def count(home, layer, *where):
    words = [word for one in where for word in ("--where", one)]
    return riskmap("select", layer, *words, "--json", "--workspace", home).json["count"]


def records(home, layer, *where):
    words = [word for one in where for word in ("--where", one)]
    found = riskmap("select", layer, *words, "--json", "--workspace", home).json["features"]
    return {one["code"]: one for one in found}


def by_field(home, layer, field):
    return Counter(one["fields"][field] for one in records(home, layer).values())


def rules(said):
    return Counter(one["rule"] for one in said["issues"] if not one["rule"].startswith("outside_"))


def unread(said):
    return [h["header"] for sheet in said["sheets"] for h in sheet["headers"] if h["target"] is None]


@pytest.mark.parametrize("name", FILES)
def test_a_table_of_a_district_goes_in_whole_and_every_column_is_read(full, name):
    _, said, _ = full
    one, refused = said[name], 15 if name == "enterprises.xlsx" else 0
    assert (one["rows"], one["inserted"]) == (ROWS[name], ROWS[name] - refused)
    assert (one["held"], one["rejected"], one["unlocated"]) == (0, refused, 0)
    assert unread(one) == []
    guessed = [h for sheet in one["sheets"] for h in sheet["headers"] if h["how"] not in {"alias", "title"}]
    assert guessed == []


@pytest.mark.parametrize("name", sorted(set(FILES) - {"alerts.xlsx", "persons.xlsx", "enterprises.xlsx"}))
def test_the_same_table_twice_changes_nothing(home, data, name):
    again = bring(home, FILES[name], data / name)
    assert (again["unchanged"], again["inserted"], again["updated"], again["held"]) == (ROWS[name], 0, 0, 0)


def test_the_figures_of_risk_are_to_the_last_digit_those_of_before(full):
    home, _, before = full
    assert figures(home) == before


def test_stations_make_a_funnel_of_stages(full):
    stages = by_field(full[0], "stations", "stage")
    assert stages == {"sited": 7, "scheme": 54, "built": 8, "open": 31}
    reached = [sum(stages[one] for one in ("sited", "scheme", "built", "open")[i:]) for i in range(4)]
    assert reached == [100, 93, 39, 31]


def test_169_warehouses_are_13_of_the_district_24_of_streets_125_of_communities_and_7_others(full):
    levels = by_field(full[0], "warehouses", "level")
    assert levels == {"district": 13, "subdistrict": 24, "community": 125, "other": 7}


def test_stock_past_its_date_is_said_and_goes_in(full):
    home, said, _ = full
    assert rules(said["stock.xlsx"]) == {"out_of_date": 465}
    assert count(home, "stock_lines", "expires_on < today") == 465


def test_totals_that_a_warehouse_states_stand_beside_the_sums_of_its_lines(full):
    found = records(full[0], "warehouses").values()
    pairs = [(w["fields"][one], w["fields"][f"line_{one}"] or 0) for w in found for one in ITEMS]
    assert (len(pairs), sum(stated != lines for stated, lines in pairs)) == (845, 793)
    assert sum(w["fields"]["lines"] for w in found) == 600


def test_check_names_where_a_warehouse_states_other_totals_than_its_lines(full):
    ran = riskmap("check", "--json", "--workspace", full[0])
    said = [one for one in ran.json["findings"] if one["what"] == "stated"]
    numbers = [int(re.search("：(\\d+) 条", one["message"])[1]) for one in said]
    assert (len(said), sum(numbers)) == (5, 793)
    assert {one["severity"] for one in said} == {"warning"}


def test_lists_hold_the_stock_that_keeps_no_longer_and_the_counts_that_are_old_or_not_known(full):
    home = full[0]

    def listed(name):
        return riskmap("list", name, "--json", "--workspace", home).json

    soon = listed("expiring_stock_list")["rows"]
    assert len(soon) == count(home, "stock_lines", "expires_on <= 2027-02-27") > 465
    days = [one["expires_on"] for one in soon if one["item"] == soon[0]["item"]]
    assert days == sorted(days)
    old = {one["code"] for one in listed("old_count_list")["rows"]}
    assert old == set(records(home, "warehouses", "counted_on < 2026-06-02"))
    assert len(listed("never_counted_list")["rows"]) == 600


def test_stock_stands_where_its_warehouse_does(full):
    home = full[0]
    line = records(home, "stock_lines", "编号 = KC00000")["KC00000"]
    house = records(home, "warehouses", "编号 = CK142")["CK142"]
    assert (line["lon"], line["lat"]) == (house["lon"], house["lat"])
    assert (line["fields"]["warehouse"], line["fields"]["item"]) == ("CK142", "life_jacket")


def test_a_firm_with_more_rectified_than_found_is_rejected_and_one_confirmed_too_early_is_named(full):
    home, said, _ = full
    assert rules(said["enterprises.xlsx"]) == {"rectified_of_found": 15, "confirmed_unfinished": 167}
    assert count(home, "enterprises") == 585


def test_two_rows_of_one_firm_are_two_visits_of_it_and_the_firm_counts_them(home, data):
    assert list(records(home, "visits")) == ["QY0005-001", "QY0005-002"]
    again = bring(home, "visits", data / "two.xlsx")
    assert (again["unchanged"], again["inserted"]) == (2, 0)
    assert records(home, "enterprises", "编号 = QY0005")["QY0005"]["fields"]["visits"] == 2


def test_a_header_that_stands_twice_with_two_values_loses_neither(home, data):
    said = bring(home, "enterprises", data / "dup.xlsx")
    assert (said["inserted"], said["held"]) == (1, 0)
    assert unread(said) == ["巡查完成率", "巡查完成率"]
    kept = records(home, "enterprises", "编号 = QY803")["QY803"]["extra"]
    assert sorted(kept.values()) == ["35.21%", "50.92%"]
    assert all(header.startswith("巡查完成率") for header in kept)


def test_200_major_hazards_are_198_closed_before_takeover_and_two_open(full):
    home, said, _ = full
    assert said["major_hazards.xlsx"]["taken_over"] == 198
    assert by_field(home, "major_hazards", "state") == {"closed": 198, "rectifying": 2}
    assert count(home, "major_hazards", "closed_on > due") == 76
    found = riskmap("work", "--json", "--workspace", home).json
    overdue = [one["code"] for one in found["items"] if one["layer"] == "major_hazards"]
    assert overdue == ["ZD199", "ZD200"]


def test_a_closing_waits_for_a_second_person_one_before_the_find_is_refused_and_a_reopened_one_keeps_its_past(
    home, data
):
    close, early = (bring(home, "major_hazards", data / f"close{n}.xlsx") for n in (1, 2))
    assert (close["held"], early["rejected"]) == (1, 1)
    assert [one["rule"] for one in early["issues"]] == ["before"]
    (held,) = open_workspace(home).ledger.held(layer="major_hazards")
    evidence = ("--set", "整改照片=a.jpg")
    assert (
        riskmap("accept", held.id, "--by", "甲", "--why", "核对", *evidence, "--workspace", home).status == 2
    )
    assert (
        riskmap("accept", held.id, "--by", "乙", "--why", "核对", *evidence, "--workspace", home).status == 0
    )
    assert by_field(home, "major_hazards", "state") == {"closed": 199, "rectifying": 1}
    again = bring(home, "major_hazards", data / "reopen.xlsx")
    assert (again["updated"], again["moved"]) == (2, 1)
    one = records(home, "major_hazards", "编号 = ZD199")["ZD199"]["fields"]
    assert (one["state"], one["closed_on"], one["due"]) == ("rectifying", None, "2026-12-10")
    past = riskmap("history", "major_hazards", "ZD199", "--json", "--workspace", home).json["revisions"]
    assert [one["changes"]["state"][1] for one in past] == ["rectifying", "closed", "rectifying"]


def test_cavities_hang_on_their_roads_and_one_on_a_road_that_there_is_not_waits(home, data):
    roads = records(home, "roads").values()
    assert sum(one["fields"]["finds"] for one in roads) == 36
    assert sum(one["fields"]["cavities"] for one in roads) == 36
    assert sum(one["fields"]["km"] for one in roads) == pytest.approx(315)
    assert all(one["fields"]["finds"] == one["fields"]["cavities"] for one in roads)
    said = bring(home, "cavities", data / "link.xlsx")
    assert (said["held"], said["inserted"], said.get("taken_over", 0)) == (1, 0, 0)
    assert [one["rule"] for one in said["issues"]] == ["no_such_record"]
    assert "LD999" in said["issues"][0]["message"]


def test_patrols_drills_and_collapses_add_up_by_day_and_name_their_records(full):
    home = full[0]
    patrols = [one["fields"] for one in records(home, "patrols").values()]
    sums = {name: sum(one[name] for one in patrols) for name in ("people", "drones", "vehicles", "taken")}
    assert sums == {"people": 10156, "drones": 0, "vehicles": 7617, "taken": 2539}
    assert patrols[0]["at"] == "2023-06-11", "a day without an hour stays a day"
    assert sorted(Counter(one["grid"] for one in patrols).values()) == [253, *[254] * 9]
    assert by_field(home, "drills", "progress") == {"held": 1609}
    assert by_field(home, "plans", "level") == {"overall": 1, "special": 70, "department": 20, "site": 29}
    assert sum(one["fields"]["drills"] for one in records(home, "plans").values()) == 1609
    assert [one["fields"]["area"] for one in records(home, "collapses").values()] == [8, 29, 33]


def test_the_hour_of_an_alert_is_kept_and_its_day_is_that_of_beijing(full):
    home = full[0]
    found = records(home, "alerts", "预警时间 = 2023-05-16")
    assert found["YJ00001"]["fields"]["at"] == "2023-05-16T02:20Z"
    early = records(home, "alerts", "编号 = YJ00003")["YJ00003"]
    assert early["fields"]["at"] == "2023-03-22T17:40Z"
    assert "YJ00003" in records(home, "alerts", "预警时间 = 2023-03-23")


def test_alerts_are_41_to_dispose_and_11082_disposed_before_takeover_and_those_below_their_limit_are_named(
    full,
):
    home, said, _ = full
    assert rules(said["alerts.xlsx"]) == {"below_limit": 5546}
    assert said["alerts.xlsx"]["taken_over"] == 11082
    assert by_field(home, "alerts", "state") == {"raised": 41, "disposed": 11082}
    assert len(by_field(home, "alerts", "system")) == 22
    assert count(home, "alerts", "value < limit") == 5546


def test_an_alert_is_taken_disposed_and_never_before_it_was_raised(home):
    move = ("move", "alerts", "YJ00003", "--workspace", home, "--by", "甲")
    early = riskmap(*move, "take", "--set", "unit=区应急局", "--on", "2023-03-22")
    assert early.status == 2
    assert "2023-03-23" in early.err
    assert riskmap(*move, "take", "--set", "unit=区应急局", "--on", "2023-03-23").status == 0
    assert riskmap(*move, "dispose").status == 2
    assert riskmap(*move, "dispose", "--set", "how=已排险").status == 0
    one = records(home, "alerts", "编号 = YJ00003")["YJ00003"]["fields"]
    assert (one["state"], one["disposed_on"]) == ("disposed", "2026-11-29")


def test_12000_persons_are_in_five_classes_and_shown_without_name_and_number(full):
    home = full[0]
    classes = Counter(word for one in records(home, "persons").values() for word in one["fields"]["class"])
    assert classes == dict.fromkeys(("government", "headquarters", "emergency", "member", "grid"), 2400)
    one = records(home, "persons", "编号 = ZR00000")["ZR00000"]["fields"]
    assert (one["person"], one["phone"]) == ("张*", "139****0000")


def test_three_persons_in_a_cell_are_three_in_order_and_the_one_without_a_number_is_named(home, data):
    said = bring(home, "forest_fire_grids", data / "role.xlsx")
    (one,) = said["issues"]
    assert (one["rule"], one["severity"]) == ("several_people", "warning")
    assert "第 3 人 王* 没有号码" in one["message"]
    grids = open_workspace(home).ledger.features("forest_fire_grids", contacts=True).records
    people = [c for c in grids.contacts[grids.code.index("YS-SL-01-00003")] if c.role == "patrol_leader"]
    assert [(one.name, one.phone) for one in people] == [
        ("张三", "13800000001"),
        ("李四", "13800000002"),
        ("王五", None),
    ]
    assert bring(home, "forest_fire_grids", data / "role.xlsx")["unchanged"] == 1


def test_sites_findings_and_grids_give_their_rates(full):
    home = full[0]
    assert by_field(home, "ebike_sites", "converted") == {True: 80, False: 20}
    assert by_field(home, "ebike_sites", "fire_equipment") == {True: 100}
    assert by_field(home, "video_findings", "answered") == {True: 42}
    assert by_field(home, "teams", "kind") == {"general": 166, "special": 43}
    assert sum(one["fields"]["people"] for one in records(home, "transfer_grids").values()) > 0


def test_registers_come_back_as_they_were_exported(home):
    for layer in ("stations", "cavities", "visits", "plans"):
        out = home / f"{layer}.xlsx"
        assert riskmap("export", layer, "--to", out, "--workspace", home).status == 0
        back = bring(home, layer, out)
        assert (back["updated"], back["inserted"], back["held"], back["rejected"]) == (0, 0, 0, 0), layer
