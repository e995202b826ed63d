"""`riskmap ingest` and `riskmap readings`: what goes in, what is refused and why, and how the sensors stand."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import stat
import subprocess
import sys
import threading

import openpyxl
import pytest

from riskmap.actions.readings.alerts import alerts
from riskmap.actions.readings.inbox import watch
from riskmap.actions.workspace import open_workspace
from riskmap.rules.permissions import local_actor
from tests.cli import riskmap
from tests.sensor_workspace import CLOCK, LAYER, sensor_workspace, written

COUNTS = ("rows", "accepted", "duplicate", "conflict", "refused", "late")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return sensor_workspace(tmp_path_factory.mktemp("sensors") / "ws")


@pytest.fixture
def root(made, monkeypatch):
    monkeypatch.setenv("RISKMAP_CLOCK", CLOCK.isoformat())
    for end in ("", "-wal", "-shm"):
        (made / "data" / f"series.sqlite{end}").unlink(missing_ok=True)
    return made


def ingest(root, *files):
    return riskmap("ingest", *files, "--json", "--workspace", root)


def counts(document):
    assert document["rows"] == sum(
        document[name] for name in ("accepted", "duplicate", "conflict", "refused")
    )
    return tuple(document[name] for name in COUNTS)


def latest(root, code, indicator="tilt"):
    found = riskmap("readings", "sensors", code, indicator, "--latest", "--json", "--workspace", root)
    return found.json["indicators"][0]["latest"]


def test_readings_go_in_and_the_same_file_again_changes_nothing(root, tmp_path):
    file = written(tmp_path / "a.csv", "QJ-1,2026-11-29 11:50,倾角,0.31", "QJ-1,2026-11-29 11:55,倾角,0.32")
    first = ingest(root, file)
    assert first.status == 0
    assert list(first.json) == ["batch", *COUNTS, "alerts", "issues"]
    assert counts(first.json) == (2, 2, 0, 0, 0, 0)
    before = (root / "data" / "series.sqlite").stat().st_mode
    assert stat.S_IMODE(before) == 0o600
    again = ingest(root, file)
    assert (again.status, again.json["batch"], counts(again.json)) == (0, 1, (2, 0, 2, 0, 0, 0))
    assert latest(root, "QJ-1") == {
        "value": 0.32,
        "at": "2026-11-29T03:55:00Z",
        "level": None,
        "state": "fresh",
        "threshold": None,
    }


def test_every_reading_that_cannot_be_kept_is_named_with_its_reason(root, tmp_path):
    file = written(
        tmp_path / "bad.csv",
        "QJ-1,2026-11-29 11:00,倾角,0.31",
        "QJ-9,2026-11-29 11:00,倾角,0.31",
        "QJ-9,2026-11-29 11:05,倾角,0.31",
        "QJ-1,2026-11-29 11:00,水位,3",
        "QJ-1,2026-11-29,倾角,0.31",
        "QJ-1,2026-11-29 12:06,倾角,0.31",
        "QJ-1,2026-11-29 12:05,倾角,0.31",
        "QJ-1,2026-11-29 11:10,倾角,故障",
        "QJ-1,2026-11-29 11:15,倾角,3mm",
        "QJ-1,2026-11-29 11:20,裂缝,0.2cm",
    )
    done = ingest(root, file)
    assert done.status == 1
    assert counts(done.json) == (10, 3, 0, 0, 7, 0)
    rules = [(one["row"], one["rule"]) for one in done.json["issues"]]
    assert rules == [
        (3, "unknown_sensor"),
        (5, "unknown_indicator"),
        (6, "not_a_moment"),
        (7, "ahead_of_clock"),
        (9, "not_a_number"),
        (10, "not_a_number"),
    ]
    assert "QJ-9" in done.json["issues"][0]["message"]
    assert latest(root, "QJ-1", "crack")["value"] == 2.0


def test_another_value_at_one_moment_is_a_conflict_and_the_first_stays(root, tmp_path):
    ingest(root, written(tmp_path / "a.csv", "QJ-1,2026-11-29 11:50,倾角,0.31"))
    done = ingest(
        root,
        written(tmp_path / "b.csv", "QJ-1,2026-11-29 11:50,倾角,0.5", "QJ-1,2026-11-29 11:40,倾角,0.3"),
    )
    assert (done.status, counts(done.json)) == (1, (2, 1, 0, 1, 0, 1))
    assert [one["rule"] for one in done.json["issues"]] == ["conflict"]
    assert latest(root, "QJ-1")["value"] == 0.31


def test_a_moment_without_zone_is_refused_where_the_layer_states_none(root, tmp_path):
    path = root / "layers" / "sensors.toml"
    try:
        path.write_text(LAYER.replace('zone = "+08:00"\n', ""), encoding="utf-8")
        done = ingest(
            root,
            written(
                tmp_path / "a.csv", "QJ-1,2026-11-29 11:50,倾角,0.31", "QJ-1,2026-11-29T11:50+08:00,倾角,0.31"
            ),
        )
    finally:
        path.write_text(LAYER, encoding="utf-8")
    assert counts(done.json) == (2, 1, 0, 0, 1, 0)
    assert "时区" in done.json["issues"][0]["message"]


def test_a_column_for_each_indicator_says_its_unit_in_the_header(root, tmp_path):
    wide = written(
        tmp_path / "w.csv",
        "QJ-1,2026-11-29 11:50,0.31,0.2,12.6",
        "QJ-2,2026-11-29 11:50,ERR,0.3,12.5",
        "QJ-2,2026-11-29 11:55,,0.4,12.5",
        header="设备编号,采集时间,倾角(°),裂缝(cm),电压",
    )
    done = ingest(root, wide)
    assert counts(done.json) == (5, 4, 0, 0, 1, 0)
    assert latest(root, "QJ-2", "crack")["value"] == 4.0
    foreign = written(tmp_path / "f.csv", "QJ-1,2026-11-29 11:51,3", header="设备编号,采集时间,倾角(mm)")
    assert [one["rule"] for one in ingest(root, foreign).json["issues"]] == ["wrong_unit"]


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.ndjson"])
def test_json_lines_are_read_under_every_ending_and_a_key_written_twice_is_refused(root, tmp_path, name):
    lines = [
        {"sensor": "QJ-1", "at": "2026-11-29T03:50:00Z", "tilt": 0.31, "crack": 2},
        {"sensor": "QJ-2", "at": "2026-11-29T11:50:00+08:00", "indicator": "tilt", "value": -0.5},
    ]
    twice = '{"sensor": "QJ-3", "at": "2026-11-29T03:50:00Z", "tilt": 1, "tilt": 2}'
    file = tmp_path / name
    file.write_text("\n\n".join([*map(json.dumps, lines), twice, "{broken"]), encoding="utf-8")
    done = ingest(root, file)
    assert counts(done.json) == (5, 3, 0, 0, 2, 0)
    assert [(one["row"], one["rule"]) for one in done.json["issues"]] == [(5, "damaged"), (7, "damaged")]


@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
def test_a_list_of_objects_is_read_like_lines_of_them(root, tmp_path, name):
    one = {"sensor": "QJ-1", "at": "2026-11-29T03:50:00Z", "tilt": 0.31}
    file = tmp_path / name
    file.write_text(json.dumps([one, one | {"sensor": "QJ-2"}, 7], indent=1), encoding="utf-8")
    done = ingest(root, file)
    assert counts(done.json) == (3, 2, 0, 0, 1, 0)
    assert [(one["row"], one["rule"]) for one in done.json["issues"]] == [(3, "damaged")]


def test_hostile_lines_cost_only_themselves(root, tmp_path):
    one = '{"sensor": "QJ-1", "at": "2026-11-29T03:50:00Z", "tilt": %s}'
    lines = [
        one % "0.31",
        "[" * 100_000,
        one % "NaN",
        one % "1e999",
        one % '{"a": 1}',
        one % ("9" * 5000),
        "null",
        "\x00",
    ]
    file = tmp_path / "a.jsonl"
    file.write_text("\n".join(lines), encoding="utf-8")
    done = ingest(root, file)
    assert done.status == 1, done.err
    assert counts(done.json)[1] == 1
    assert latest(root, "QJ-1")["value"] == 0.31


def test_a_workbook_keeps_its_midnights(root, tmp_path):
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (["传感器", "监测时间", "倾角"], ["QJ-1", "2026-11-29 00:00:00", 0.25]):
        sheet.append(row)
    book.save(tmp_path / "a.xlsx")
    assert counts(ingest(root, tmp_path / "a.xlsx").json) == (1, 1, 0, 0, 0, 0)
    assert latest(root, "QJ-1")["at"] == "2026-11-28T16:00:00Z"


def test_a_table_without_values_is_refused_as_a_whole(root, tmp_path):
    file = written(tmp_path / "n.csv", "QJ-1,2026-11-29 11:50", header="传感器,监测时间")
    done = ingest(root, file)
    assert done.refused
    assert not (root / "data" / "series.sqlite").exists()


def test_readings_change_no_count_and_no_state_of_the_ledger(root, tmp_path):
    ws = open_workspace(root)
    before = ws.ledger.state
    summary = riskmap("summary", "--json", "--workspace", root).json
    ingest(root, written(tmp_path / "a.csv", "QJ-1,2026-11-29 11:50,倾角,0.31"))
    assert ws.ledger.state == before
    assert riskmap("summary", "--json", "--workspace", root).json == summary
    assert summary["total"] == 0


def test_a_rise_over_a_day_reaches_its_level_and_its_alert_is_made_once(root, tmp_path):
    rows = [f"QJ-1,2026-11-29 {h:02d}:00,倾角,{v}" for h, v in ((1, 0.1), (5, 0.2), (9, 0.3), (11, 0.35))]
    done = ingest(root, written(tmp_path / "a.csv", *rows, "QJ-2,2026-11-29 11:50,倾角,0.9"))
    assert done.json["alerts"] == ["QJ-1-tilt_fast-20261129T010000Z"]
    more = ingest(root, written(tmp_path / "b.csv", "QJ-1,2026-11-29 11:55,倾角,1.2"))
    assert more.json["alerts"] == ["QJ-1-tilt_fast-20261129T010000Z"]
    assert ingest(root, tmp_path / "b.csv").json["alerts"] == []
    assert (latest(root, "QJ-1")["level"], latest(root, "QJ-1")["threshold"]) == ("red", "tilt_fast 1")
    assert latest(root, "QJ-2")["level"] is None  # nothing was measured before: not known to have risen


def test_whoever_makes_records_of_alerts_finds_them_again_after_a_crash(root, tmp_path):
    rows = [f"QJ-1,2026-11-2{d} {h:02d}:00,倾角,{d - 6 + h / 10}" for d in (6, 7, 8) for h in range(0, 24, 2)]
    ingest(root, written(tmp_path / "a.csv", *rows))
    found = alerts(open_workspace(root), since=CLOCK - dt.timedelta(days=1))
    again = alerts(open_workspace(root), since=CLOCK - dt.timedelta(hours=15))
    assert [one.code for one in found] == [one.code for one in again] == ["QJ-1-tilt_fast-20261125T180000Z"]
    assert (found[0].window.level, found[0].threshold.version) == ("red", "1")
    assert alerts(open_workspace(root), since=CLOCK) == []


def test_a_selection_shows_how_its_sensors_stand(root, tmp_path):
    ingest(
        root,
        written(
            tmp_path / "a.csv",
            "QJ-1,2026-11-29 11:50,倾角,0.31",
            "QJ-2,2026-11-29 11:20,倾角,0.31",
            "QJ-2,2026-11-29 11:50,裂缝,0.31",
            "QJ-3,2026-11-29 11:50,倾角,99",
        ),
    )
    found = riskmap("select", "sensors", "--json", "--workspace", root).json["features"]
    stand = {one["code"]: {name: r["state"] for name, r in one["readings"].items()} for one in found}
    assert stand == {
        "QJ-1": {"tilt": "fresh", "crack": "silent"},
        "QJ-2": {"tilt": "stale", "crack": "fresh"},
        "QJ-3": {"tilt": "out_of_range", "crack": "silent"},
    }
    assert list(found[0]["readings"]["tilt"]) == ["value", "at", "level", "state"]


def test_readings_of_a_time_are_listed_and_a_wrong_name_is_told(root, tmp_path):
    rows = [f"QJ-1,2026-11-29 {h:02d}:00,倾角,0.{h:02d}" for h in range(6, 12)]
    ingest(root, written(tmp_path / "a.csv", *rows))
    asked = ("--from", "2026-11-29 07:30", "--to", "2026-11-29 09:00")
    found = riskmap("readings", "sensors", "QJ-1", "tilt", *asked, "--json", "--workspace", root).json
    assert found["indicators"][0]["readings"] == [
        {"at": "2026-11-29T00:00:00Z", "value": 0.08},
        {"at": "2026-11-29T01:00:00Z", "value": 0.09},
    ]
    for wrong in (("sensors", "QJ-9"), ("sensors", "QJ-1", "level"), ("slopes", "QJ-1")):
        assert riskmap("readings", *wrong, "--json", "--workspace", root).refused
    assert riskmap("ingest", "--json", "--workspace", root).refused


def test_an_inbox_takes_whole_files_and_lays_the_reason_beside_those_it_refuses(root, tmp_path):
    inbox = tmp_path / "in"
    inbox.mkdir()
    written(inbox / "good.csv", "QJ-1,2026-11-29 11:50,倾角,0.31")
    written(inbox / "some.csv", "QJ-1,2026-11-29 11:55,倾角,0.32", "QJ-9,2026-11-29 11:55,倾角,1")
    written(inbox / "none.csv", "QJ-9,2026-11-29 11:55,倾角,1")
    (inbox / "broken.xlsx").write_bytes(b"no workbook at all")
    (inbox / "note.doc").write_text("not ours")
    growing = inbox / "growing.csv"
    stop, taken = threading.Event(), []

    def told(one):
        taken.append(one.file.name)
        if len(taken) == 4:
            stop.set()

    writer = threading.Thread(target=_grow, args=(growing, stop))
    writer.start()
    assert watch(open_workspace(root), inbox, by=local_actor("网关"), stop=stop, told=told, pause=0.3) == 4
    writer.join()
    assert sorted(path.name for path in (inbox / "done").iterdir()) == [
        "good.csv",
        "some.csv",
        "some.csv.reason.txt",
    ]
    assert sorted(path.name for path in (inbox / "refused").iterdir()) == [
        "broken.xlsx",
        "broken.xlsx.reason.txt",
        "none.csv",
        "none.csv.reason.txt",
    ]
    assert "QJ-9" in (inbox / "refused" / "none.csv.reason.txt").read_text("utf-8")
    assert sorted(path.name for path in inbox.iterdir() if path.is_file()) == ["growing.csv", "note.doc"]


def _grow(path, stop):
    """Go on writing into a file until somebody stops."""
    number = 0
    while not stop.wait(0.05):
        number += 1
        path.write_text("传感器,监测时间\n" * number, encoding="utf-8")


@pytest.mark.skipif(os.name == "nt", reason="a group of processes is told otherwise there")
def test_ctrl_c_stops_an_inbox_between_files_and_every_file_is_in_or_still_there(root, tmp_path):
    inbox = tmp_path / "in"
    inbox.mkdir()
    for n in range(40):
        written(inbox / f"{n:02d}.csv", f"QJ-1,2026-11-29 09:{n:02d},倾角,0.{n:02d}")
    words = [
        sys.executable,
        "-m",
        "riskmap",
        "ingest",
        "--watch",
        str(inbox),
        "--json",
        "--workspace",
        str(root),
    ]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    first = json.loads(process.stdout.readline())
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the process that reads a file is told, too
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert b"Traceback" not in err
    told = [first, *map(json.loads, out.splitlines())]
    assert first["accepted"] == 1
    done, left = {p.name for p in (inbox / "done").iterdir()}, {p.name for p in inbox.glob("*.csv")}
    assert done == {one["file"] for one in told}
    assert len(done) + len(left) == 40
    assert left
    assert list((inbox / "refused").iterdir()) == []
    found = riskmap("readings", "sensors", "QJ-1", "tilt", "--json", "--workspace", root).json
    assert len(found["indicators"][0]["readings"]) in {len(done), len(done) + 1}
