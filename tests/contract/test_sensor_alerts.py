"""A threshold that is met makes the record of an alert: once, raised by what is worse, ended by a person."""

from __future__ import annotations

import shutil
import threading

import pytest

from riskmap.actions.readings.inbox import watch
from riskmap.actions.readings.ingesting import ingest as take
from riskmap.actions.workspace import open_workspace
from riskmap.errors import LedgerError
from riskmap.ledger import Ledger
from riskmap.rules.permissions import Actor, local_actor
from tests.cli import riskmap
from tests.sensor_workspace import CLOCK, LAYER, sensor_workspace, written

FIRST = "QJ-1-tilt_fast-20261128T170000Z"
"""Of the window that starts at 01:00 on the 29th in Beijing."""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    home = tmp_path_factory.mktemp("alerts") / "ws"
    sensor_workspace(home)
    assert riskmap("layer", "add", "alerts", "--workspace", home).status == 0
    return home


@pytest.fixture
def root(made, tmp_path, monkeypatch):
    monkeypatch.setenv("RISKMAP_CLOCK", CLOCK.isoformat())
    return shutil.copytree(made, tmp_path / "w")


@pytest.fixture
def send(root, tmp_path):
    def sent(*pairs, sensor="QJ-1", day=29):
        """Take in readings of one day in November: hour and value."""
        rows = [f"{sensor},2026-11-{day} {at},倾角,{value}" for at, value in pairs]
        file = written(tmp_path / "readings.csv", *rows)
        return riskmap("ingest", file, "--json", "--by", "网关", "--workspace", root).json

    return sent


def held(root, *where):
    words = [word for one in where for word in ("--where", one)]
    found = riskmap("select", "alerts", *words, "--json", "--workspace", root).json["features"]
    return {one["code"]: one for one in found}


def move(root, code, word, *more):
    return riskmap("move", "alerts", code, word, *more, "--by", "值班员", "--json", "--workspace", root)


def test_a_threshold_that_is_met_makes_an_alert_that_names_its_sensor_and_stands_where_it_does(root, send):
    assert send(("00:30", 0.1), ("01:00", 0.4))["alerts"] == [FIRST]
    one = held(root)[FIRST]
    told = {
        key: one["fields"][key]
        for key in ("level", "system", "indicator", "value", "limit", "at", "state", "late")
    }
    assert told == {
        "level": "blue",
        "system": "传感器",
        "indicator": "倾角",
        "value": 0.3,  # it rose from .1 to .4
        "limit": 0.2,
        "at": "2026-11-28T17:00Z",
        "state": "raised",
        "late": None,
    }
    assert one["name"] == "倾角计1 倾角"
    assert [(link["layer"], link["code"]) for link in one["links"]["sensor"]] == [("sensors", "QJ-1")]
    sensor = riskmap("select", "sensors", "--json", "--workspace", root).json["features"][0]
    assert (one["lon"], one["lat"]) == (sensor["lon"], sensor["lat"])
    assert sensor["children"] == {"alerts": 1}
    last = riskmap("history", "alerts", FIRST, "--json", "--workspace", root).json["revisions"][-1]
    assert (last["who"], last["why"]) == ("网关", "readings.csv")


def test_what_is_worse_raises_the_open_alert_and_what_is_milder_changes_nothing(root, send):
    send(("00:30", 0.1), ("01:00", 0.4))
    before = open_workspace(root).ledger.state
    assert send(("01:05", 0.35), ("01:10", 0.45))["alerts"] == [FIRST]
    assert open_workspace(root).ledger.state == before
    assert send(("02:00", 1.3))["alerts"] == [FIRST]
    (one,) = held(root).values()
    assert (one["fields"]["level"], one["fields"]["value"], one["fields"]["limit"]) == ("red", 1.2, 1.0)
    assert one["version"] == 2
    assert send(("02:05", 0.5))["alerts"] == [FIRST]
    assert held(root)[FIRST]["version"] == 2


def test_a_second_window_while_an_alert_is_open_makes_no_other_one(root, send):
    send(("00:30", 0.1), ("01:00", 0.4), ("01:30", 0.1), ("04:00", 0.1), ("06:00", 0.4))
    assert list(held(root)) == [FIRST]


def test_only_a_person_ends_an_alert_and_its_window_makes_none_again_unless_it_gets_worse(root, send):
    send(("00:30", 0.1), ("01:00", 0.4))
    assert move(root, FIRST, "dispose", "--set", "how=已排险").status == 0
    assert send(("01:05", 0.42))["alerts"] == [FIRST]
    assert list(held(root)) == [FIRST]
    worse = send(("01:10", 1.2), ("01:15", 1.4))["alerts"]
    assert worse == ["QJ-1-tilt_fast-20261128T171000Z"]
    assert held(root)[worse[0]]["fields"]["level"] == "red"
    assert send(("01:20", 1.1))["alerts"] == worse
    # Below every level for longer than two hours, then again: another window.
    assert move(root, worse[0], "dispose", "--set", "how=已排险").status == 0
    again = send(("01:30", 0.1), ("04:00", 0.1), ("06:00", 0.4))["alerts"]
    assert again == ["QJ-1-tilt_fast-20261128T220000Z"]
    assert len(held(root, "closed = false")) == 1


def test_all_alerts_of_a_batch_are_one_changeset_with_one_undo_and_are_made_again_by_the_next(
    root, send, tmp_path
):
    before = open_workspace(root).ledger.state
    rows = [f"QJ-{n},2026-11-29 0{h}:00,倾角,{h / 10}" for n in (1, 2, 3) for h in (1, 4)]
    done = riskmap("ingest", written(tmp_path / "a.csv", *rows), "--json", "--workspace", root).json
    assert done["alerts"] == [f"QJ-{n}-tilt_fast-20261128T200000Z" for n in (1, 2, 3)]
    assert open_workspace(root).ledger.state == before + 1
    assert riskmap("undo", before + 1, "--why", "试", "--workspace", root).status == 0
    assert held(root) == {}
    assert send(("04:05", 0.4))["alerts"] == ["QJ-1-tilt_fast-20261128T200000Z"]
    assert list(held(root)) == ["QJ-1-tilt_fast-20261128T200000Z"]


def test_a_late_reading_judges_its_window_again_and_the_alert_says_late(root, send):
    assert send(("08:00", 0.1), ("11:00", 0.2))["alerts"] == []
    done = send(("09:00", 0.7))
    assert (done["late"], done["alerts"]) == (1, ["QJ-1-tilt_fast-20261129T010000Z"])
    assert held(root)["QJ-1-tilt_fast-20261129T010000Z"]["fields"]["late"] is True
    assert send(("11:30", 0.9))["alerts"] == ["QJ-1-tilt_fast-20261129T010000Z"]


def test_an_alert_that_a_person_took_off_the_lists_is_not_made_again(root, send):
    send(("00:30", 0.1), ("01:00", 0.4))
    assert riskmap("retire", "alerts", FIRST, "--why", "误建", "--workspace", root).status == 0
    assert send(("01:05", 0.42))["alerts"] == []
    assert held(root) == {}


def test_a_crash_between_readings_and_alerts_makes_them_at_the_next_run_and_never_twice(
    root, send, tmp_path, monkeypatch
):
    def dies(*_, **__):
        raise LedgerError("断电", "power failed")

    file = written(tmp_path / "a.csv", "QJ-1,2026-11-29 00:30,倾角,0.1", "QJ-1,2026-11-29 01:00,倾角,0.4")
    ws = open_workspace(root)
    with monkeypatch.context() as broken:
        broken.setattr(Ledger, "create_records", dies)
        with pytest.raises(LedgerError):
            take(ws, file, by=local_actor("网关"))
    assert held(root) == {}
    found = riskmap("check", "--json", "--workspace", root).json["findings"]
    assert any("1 批读数还没有按阈值建预警" in one["message"] for one in found)
    assert send(("03:00", 0.2), sensor="QJ-2")["alerts"] == [FIRST]
    assert list(held(root)) == [FIRST]
    again = riskmap("ingest", file, "--json", "--workspace", root).json
    assert (again["duplicate"], again["alerts"]) == (2, [])
    assert held(root)[FIRST]["version"] == 1
    assert not any(
        "建预警" in one["message"] for one in riskmap("check", "--json", "--workspace", root).json["findings"]
    )


def test_the_same_file_again_makes_the_alerts_that_a_crash_left_out(root, tmp_path, monkeypatch):
    file = written(tmp_path / "a.csv", "QJ-1,2026-11-29 00:30,倾角,0.1", "QJ-1,2026-11-29 01:00,倾角,0.4")
    with monkeypatch.context() as broken:
        broken.setattr(
            Ledger, "create_records", lambda *_, **__: (_ for _ in ()).throw(LedgerError("断", "d"))
        )
        with pytest.raises(LedgerError):
            take(open_workspace(root), file, by=local_actor("网关"))
    again = riskmap("ingest", file, "--json", "--workspace", root).json
    assert (again["duplicate"], again["alerts"]) == (2, [FIRST])


def test_a_gateway_that_may_only_send_readings_makes_alerts_as_well(root, tmp_path):
    file = written(tmp_path / "a.csv", "QJ-1,2026-11-29 00:30,倾角,0.1", "QJ-1,2026-11-29 01:00,倾角,0.4")
    done = take(open_workspace(root), file, by=Actor("gateway", None, frozenset({"import"})))
    assert done.alerts == (FIRST,)
    assert list(held(root)) == [FIRST]


def test_the_inbox_makes_alerts_too(root, tmp_path):
    inbox = tmp_path / "in"
    inbox.mkdir()
    written(inbox / "a.csv", "QJ-1,2026-11-29 00:30,倾角,0.1", "QJ-1,2026-11-29 01:00,倾角,0.4")
    stop, told = threading.Event(), []

    def seen(one):
        told.append(one.result.alerts)
        stop.set()

    watch(open_workspace(root), inbox, by=local_actor("网关"), stop=stop, told=seen, pause=0.3)
    assert told == [(FIRST,)]
    assert list(held(root)) == [FIRST]


def test_a_layer_that_cannot_name_the_sensor_makes_no_alert_and_that_is_said(root, send):
    path = root / "layers" / "alerts.toml"
    path.write_text(path.read_text("utf-8").replace('role = "sensor", aliases', "aliases"), encoding="utf-8")
    done = send(("00:30", 0.1), ("01:00", 0.4))
    assert (done["accepted"], [one["rule"] for one in done["issues"]]) == (2, ["alert"])
    assert 'role = "sensor"' in done["issues"][0]["message"]
    found = riskmap("check", "--json", "--workspace", root).json["findings"]
    assert any(one["where"] == "sensors › series.thresholds[tilt_fast].makes" for one in found)


def test_a_limit_from_below_is_not_stated_as_one_to_be_above_of(root, send):
    falling = LAYER.replace('of = "rise"\nover = "24 h"\n', 'of = "value"\n').replace(
        'levels = [{ from = 0.2, level = "blue" }, { from = 1.0, level = "red" }]',
        'levels = [{ below = -1.0, level = "yellow" }]',
    )
    (root / "layers" / "sensors.toml").write_text(falling, encoding="utf-8")
    done = send(("01:00", -1.5))
    one = held(root)[done["alerts"][0]]["fields"]
    assert (one["level"], one["value"], one["limit"]) == ("yellow", -1.5, None)


def test_an_alert_becomes_a_hazard_with_one_move_and_one_undo_takes_both(root, send):
    send(("00:30", 0.1), ("01:00", 0.4))
    done = move(root, FIRST, "to_ticket").json
    (one,) = done["moved"]
    assert (one["from"], one["to"]) == ("raised", "ticketed")
    (made,) = one["made"]
    assert made["layer"] == "hazards"
    hazard = riskmap("select", "hazards", "--json", "--workspace", root).json["features"][0]
    assert (hazard["name"], hazard["state"], hazard["fields"]["found_on"]) == (
        "倾角计1 倾角",
        "found",
        "2026-11-29",
    )
    assert [link["code"] for link in hazard["links"]["alert"]] == [FIRST]
    assert hazard["lon"] == pytest.approx(114.11)
    assert riskmap("undo", done["changeset"], "--why", "试", "--workspace", root).status == 0
    assert held(root)[FIRST]["state"] == "raised"
    assert riskmap("select", "hazards", "--json", "--workspace", root).json["count"] == 0


def test_the_queue_has_the_worst_first_then_the_oldest_and_counts_them(root, send, tmp_path):
    rows = [
        "编号,名称,预警时间,预警级别,监测值,阈值",
        "P1,平台甲,2026-11-28 10:00,蓝色,5,4",
        "P2,平台乙,2026-11-28 09:00,,5,4",
        "P3,平台丙,2026-11-28 11:00,黄色,5,4",
        "P4,平台丁,2026-11-28 08:00,黄色,3,4",
    ]
    file = tmp_path / "alerts.csv"
    file.write_text("\n".join(rows) + "\n", encoding="utf-8")
    riskmap("import", "alerts", file, "--crs", "cgcs2000", "--json", "--workspace", root)
    send(("00:30", 0.1), ("01:00", 1.4))
    riskmap("move", "alerts", FIRST, "to_ticket", "--workspace", root)
    send(("00:30", 0.1), ("01:00", 1.4), sensor="QJ-2")
    found = riskmap("work", "--alerts", "--json", "--workspace", root).json
    assert found["counts"]["alerts"] == 5
    assert [(one["code"], one["level"]) for one in found["items"]] == [
        ("QJ-2-tilt_fast-20261128T170000Z", "red"),
        ("P4", "yellow"),
        ("P3", "yellow"),
        ("P2", None),  # not known: above the mildest
        ("P1", "blue"),
    ]
    assert found["items"][1]["at"] == "2026-11-28T00:00Z"
    every = riskmap("work", "--json", "--workspace", root).json
    assert [one["layer"] for one in every["items"]] == [*["alerts"] * 5, "hazards"]
    assert "预警 5 条" in riskmap("work", "--workspace", root).err
    assert move(root, "P4", "dispose", "--set", "how=设备误差").status == 0
    assert riskmap("work", "--json", "--workspace", root).json["counts"]["alerts"] == 4
