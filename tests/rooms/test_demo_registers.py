"""The registers of the demo district: their rows sum to what districts publish, whatever the seed, and all go in."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmap.actions.shipped_layers import shipped_layers
from riskmap.demo_district import make_demo
from tests.cli import riskmap

TODAY = dt.date(2025, 6, 30)


@pytest.fixture(scope="module")
def demo():
    return make_demo(points=300, today=TODAY, registers=True)


def total(records, field):
    return sum(v for v in records.values[field] if v is not None)


def counted(records, field):
    return Counter(records.values[field])


def check_sums(made):
    """The published figures, each counted or summed from the rows."""
    assert len(made["high_risk_places"]) == 88
    assert counted(made["stations"], "stage") == {"sited": 7, "scheme": 54, "built": 8, "open": 31}
    assert counted(made["warehouses"], "level") == {
        "district": 13,
        "subdistrict": 24,
        "community": 125,
        "other": 7,
    }
    assert total(made["warehouses"], "pieces") == total(made["stock_lines"], "quantity") == 1_248_000
    firms = made["enterprises"]
    assert (len(firms), total(firms, "found"), total(firms, "rectified")) == (4_847, 16_834, 12_341)
    assert counted(firms, "sector")["electroplating"] == 218
    assert counted(made["major_hazards"], "state") == {"closed": 198, "rectifying": 2}
    assert counted(made["hazards"], "state")["closed"] == 197
    assert len(made["hazards"]) == 197 + 38
    alerts = made["alerts"]
    assert (len(alerts), len(set(alerts.values["system"]))) == (11_123, 22)
    assert sum(one is not None for one in alerts.values["notice"]) == 176
    assert counted(made["plans"], "level") == {"overall": 1, "special": 70, "department": 20, "site": 68}
    drills = made["drills"]
    assert (len(drills), total(drills, "guided")) == (1_609, 20)
    assert counted(drills, "progress")["planned"] == 4
    assert len(made["persons"]) == 12_000
    assert len(counted(made["persons"], "class")) == 5
    assert len(made["warnings"]) == len(set(made["responses"].values["warning"])) == 35
    patrols = made["patrols"]
    assert [len(patrols), *(total(patrols, one) for one in ("people", "drones", "taken"))] == [
        *(2_539, 10_720, 403, 2_929)
    ]
    assert round(total(made["roads"], "km"), 6) == 315
    assert total(made["roads"], "finds") == len(made["cavities"]) == 36
    assert (len(made["teams"]), total(made["teams"], "people")) == (43, 2_489)
    assert (len(made["inspections"]), len(made["meetings"]), len(made["orders"])) == (176, 21, 141)
    assert total(made["incidents"], "dead") == 14


def test_the_rows_sum_to_what_districts_publish(demo):
    check_sums(demo.registers)


@settings(max_examples=4)
@given(seed=st.integers(0, 2**32), points=st.integers(1, 400))
def test_they_do_for_any_seed_and_number_of_points(seed, points):
    check_sums(make_demo(points=points, seed=seed, today=TODAY, registers=True).registers)


def test_the_registers_change_nothing_else_and_the_same_seed_makes_the_same(demo):
    plain = make_demo(points=300, today=TODAY)
    again = make_demo(points=300, today=TODAY, registers=True)
    assert plain.registers == {}
    for layer, records in plain.layers.items():
        assert demo.layers[layer].values == records.values
        assert demo.layers[layer].contacts == records.contacts
    assert {k: r.values for k, r in again.registers.items()} == {
        k: r.values for k, r in demo.registers.items()
    }
    other = make_demo(points=300, seed=1, today=TODAY, registers=True)
    assert other.registers["alerts"].values != demo.registers["alerts"].values


def test_every_register_of_the_demo_is_one_that_is_shipped(demo):
    assert set(demo.registers) <= set(shipped_layers())


def test_what_a_warehouse_states_and_what_a_firm_states_is_the_sum_of_its_rows(demo):
    made = demo.registers
    lines: Counter[str] = Counter()
    beds: Counter[str] = Counter()
    stock = made["stock_lines"]
    for store, item, many in zip(
        *(stock.values[one] for one in ("warehouse", "item", "quantity")), strict=True
    ):
        lines[store] += many
        beds[store] += many if item == "bed" else 0
    stores = made["warehouses"]
    for code, pieces, stated in zip(stores.code, stores.values["pieces"], stores.values["beds"], strict=True):
        assert (lines[code], beds[code]) == (pieces, stated)
    visits, firms = made["visits"], made["enterprises"]
    found: Counter[str] = Counter()
    for firm, many in zip(visits.values["firm"], visits.values["found"], strict=True):
        found[firm] += many
    stated = dict(zip(firms.code, firms.values["found"], strict=True))
    assert len(found) == 1_212  # every fourth of 4,847
    assert all(stated[firm] == many for firm, many in found.items())
    assert all(a >= b for a, b in zip(firms.values["found"], firms.values["rectified"], strict=True))


def test_a_leader_of_the_high_risk_places_leads_risk_points_too(demo):
    points = {c for row in demo.layers["risk_points"].contacts for c in row if c.role == "leader"}
    leaders = [c for row in demo.registers["high_risk_places"].contacts for c in row if c.role == "leader"]
    assert len(leaders) == 88
    assert all(one.name and one.phone for one in leaders)
    assert set(leaders) & points
    assert len(set(leaders)) <= 40  # four a sub-district


def test_a_person_is_there_once(demo):
    persons = demo.registers["persons"]
    pairs = list(zip(persons.values["person"], persons.values["phone"], strict=True))
    assert len(set(pairs)) == len(set(persons.values["phone"])) == 12_000


def test_roads_lie_in_their_sub_district_and_are_as_long_as_they_state(demo):
    from pyproj import Geod

    roads = demo.registers["roads"]
    for shape, name, km in zip(roads.shapes, roads.subdistrict, roads.values["km"], strict=True):
        line = shapely.from_wkb(shape)
        assert demo.subdistricts[name].covers(line)
        assert Geod(ellps="GRS80").geometry_length(line) / 1000 == pytest.approx(km, rel=2e-3)


def test_nothing_can_be_taken_for_a_real_place_or_person(demo):
    for records in demo.registers.values():
        assert all(name is None or name.startswith("演示") for name in records.name)
        for row in records.contacts or ():
            assert all(re.fullmatch(r"1390000\d{4}", c.phone) for c in row)
            assert all(c.name[0] in "演示样例虚拟" for c in row)
    persons = demo.registers["persons"]
    assert all(re.fullmatch(r"139000[0-2]\d{4}", phone) for phone in persons.values["phone"])
    assert all(name[0] in "演示样例虚拟" for name in persons.values["person"])


def test_places_of_their_own_lie_in_the_sub_district_that_is_stated(demo):
    for layer in ("stations", "warehouses", "enterprises", "teams", "ebike_sites"):
        records = demo.registers[layer]
        for name in demo.subdistricts:
            mine = np.array([one == name for one in records.subdistrict])
            assert shapely.contains_xy(demo.subdistricts[name], records.lon[mine], records.lat[mine]).all()


def test_all_rows_go_into_the_ledger_none_waits_and_none_is_rejected(tmp_path):
    home = tmp_path / "w"
    assert riskmap("init", home, "--demo", "--registers", "--points", 300, "--seed", 5).status == 0
    assert riskmap("held", "--json", "--workspace", home).json["held"] == []
    assert riskmap("rejected", "--json", "--workspace", home).json["rejected"] == []
    summary = riskmap("summary", "--json", "--workspace", home).json
    others = {layer: one["count"] for layer, one in summary["others"].items() if one["count"]}
    made = make_demo(points=300, seed=5, registers=True).registers
    assert others == {"shelters": 45, **{layer: len(records) for layer, records in made.items()}}
    assert summary["total"] == 300 + 123 + 571 + 60 + 35, "no register enters the sums of risks"


def test_registers_go_with_a_demo_only(tmp_path):
    ran = riskmap("init", tmp_path / "w", "--registers")
    assert ran.refused
    assert "--demo" in ran.err
    assert not (tmp_path / "w").exists()
