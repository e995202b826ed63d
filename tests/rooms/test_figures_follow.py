"""Figures of docs/mechanisms.md are counted from the records: one record is changed, and the figure follows."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from riskmap.moments import local_now
from tests.cli import riskmap
from tests.mechanism_table import FILE, Mechanism, mechanisms

ROWS = {number: row for row in mechanisms(FILE.read_text(encoding="utf-8")) for number in row.numbers}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A district with few points and all registers, and what each row of the table says of it."""
    home = tmp_path_factory.mktemp("follow") / "w"
    assert riskmap("init", home, "--demo", "--registers", "--points", 300).status == 0
    return home


@pytest.fixture
def district(made, tmp_path):
    return Path(shutil.copytree(made, tmp_path / "w"))


def changed(home: Path, *words: object, by: str = "甲", status: int = 0) -> None:
    ran = riskmap(*words, "--by", by, "--why", "测试", "--workspace", home)
    assert ran.status == status, (words, ran.err, ran.out)


def first(home: Path, layer: str, *where: str) -> str:
    """Return the code of the first record that satisfies conditions."""
    asked = [word for one in where for word in ("--where", one)]
    return riskmap("select", layer, *asked, "--json", "--workspace", home).json["features"][0]["code"]


def edited(home: Path, layer: str, code: str, *stated: str) -> None:
    asked = [word for one in stated for word in ("--set", one)]
    changed(home, "edit-all", layer, "--where", f"编号 = {code}", *asked)


def test_a_leader_is_taken_from_a_high_risk_place(district):
    code = first(district, "high_risk_places", "区域或点位 = point")
    before = ROWS[4].seen(district)
    empty = ("--empty", "contact.leader.name", "--empty", "contact.leader.phone")
    changed(district, "edit-all", "high_risk_places", "--where", f"编号 = {code}", *empty)
    assert before == ("88", "10")
    assert ROWS[4].seen(district) == ("87", "10")


def _accept(home: Path, layer: str) -> None:
    code = first(home, layer, "状态 = rectifying")
    changed(home, "move", layer, code, "rectify", "--set", "evidence=照片")
    changed(home, "move", layer, code, "accept", "--on", _today(), by="乙")


def _disposed(home: Path) -> None:
    code = first(home, "alerts", "状态 = raised")
    changed(home, "move", "alerts", code, "take", "--set", "unit=应急局")
    changed(home, "move", "alerts", code, "dispose", "--set", "how=到场核查")


def _confirmed(home: Path) -> None:
    code = first(home, "orders", "状态 = open")
    changed(home, "move", "orders", code, "report", "--set", "result=已落实")
    changed(home, "move", "orders", code, "confirm", "--on", _today(), by="乙")


def _one_more(home: Path) -> None:
    asked = ("--where", "rectified < found", "--json", "--workspace", home)
    firm = riskmap("select", "enterprises", *asked).json["features"][0]
    edited(home, "enterprises", firm["code"], f"rectified={firm['fields']['rectified'] + 1}")


def _today() -> str:
    return local_now().date().isoformat()


CASES = {
    "a major hazard is accepted by a second person": (
        5,
        lambda home: _accept(home, "major_hazards"),
        ("200", "198", "2", "2", "99.00%"),
        ("200", "199", "1", "1", "99.50%"),
    ),
    "a hazard is accepted, and leaves the list of open ones": (
        9,
        lambda home: _accept(home, "hazards"),
        ("235", "197", "38"),
        ("235", "198", "37"),
    ),
    "a cavity is retired, and there is less to a kilometre": (
        15,
        lambda home: changed(home, "retire", "cavities", first(home, "cavities", "closed = true")),
        ("315.00", "36", "0.114"),
        ("315.00", "35", "0.111"),
    ),
    "a patrol is recorded with its people, drones and what was taken": (
        17,
        lambda home: changed(
            home,
            *(
                "record",
                "patrols",
                "--set",
                "code=XC-NEW",
                "--set",
                f"grid={first(home, 'forest_fire_grids')}",
            ),
            *("--set", "people=6", "--set", "drones=1", "--set", "taken=2", "--on", "2025-01-01"),
        ),
        ("2539", "10720", "403", "2929", "35"),
        ("2540", "10726", "404", "2931", "35"),
    ),
    "a station with a scheme is open": (
        31,
        lambda home: edited(home, "stations", first(home, "stations", "建设阶段 = scheme"), "stage=open"),
        ("100", "93", "39", "31"),
        ("100", "93", "40", "32"),
    ),
    "a warehouse of a community is one of a sub-district": (
        36,
        lambda home: edited(
            home, "warehouses", first(home, "warehouses", "级别 = community"), "level=街道级"
        ),
        ("169", "13", "24", "125", "7"),
        ("169", "13", "25", "124", "7"),
    ),
    "a drill that was pending is held, and guided": (
        52,
        lambda home: edited(
            home, "drills", first(home, "drills", "开展情况 = planned"), "progress=held", "guided=是"
        ),
        ("1609", "20", "4"),
        ("1609", "21", "3"),
    ),
    "a response was none: its warning stands without one": (
        54,
        lambda home: changed(home, "retire", "responses", first(home, "responses")),
        ("35", "35", "214"),
        ("35", "34", "214"),
    ),
    "a person of the grids has left": (
        62,
        lambda home: changed(home, "retire", "persons", first(home, "persons", "责任人类别 = grid")),
        ("12000", "1300", "450", "650", "2600", "7000"),
        ("11999", "1300", "450", "650", "2600", "6999"),
    ),
    "an alert that waits is disposed of": (
        64,
        _disposed,
        ("11123", "22", "22", "176", "41"),
        ("11123", "22", "22", "176", "40"),
    ),
    "an order of a meeting is confirmed": (
        68,
        _confirmed,
        ("21", "141", "28"),
        ("21", "141", "27"),
    ),
    "a firm has rectified one more": (
        72,
        _one_more,
        ("4847", "16834", "12341", "73.31%"),
        ("4847", "16834", "12342", "73.32%"),
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_one_record_is_changed_and_the_figure_follows(district, case):
    number, change, before, after = case
    row: Mechanism = ROWS[number]
    assert row.seen(district) == before
    change(district)
    assert row.seen(district) == after
