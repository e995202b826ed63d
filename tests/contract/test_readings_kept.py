"""The readings of sensors are looked at by `check`, go into a backup and come back from it."""

from __future__ import annotations

import json
import sqlite3
import zipfile

import pytest

from tests.cli import riskmap
from tests.sensor_workspace import CLOCK, sensor_workspace, written


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("RISKMAP_CLOCK", CLOCK.isoformat())
    root = sensor_workspace(tmp_path / "ws")
    rows = (
        "QJ-1,2026-11-29 11:50,倾角,0.31",
        "QJ-2,2026-11-29 11:10,倾角,0.31",
        "QJ-1,2026-11-29 11:50,倾角,0.4",
    )
    riskmap("ingest", written(tmp_path / "a.csv", *rows), "--workspace", root)
    return root


def value(root):
    found = riskmap("readings", "sensors", "QJ-1", "tilt", "--latest", "--json", "--workspace", root)
    return found.json["indicators"][0]["latest"]["value"]


def findings(root, *what):
    found = riskmap("check", "--json", "--workspace", root).json["findings"]
    return [(one["severity"], one["what"], one["where"]) for one in found if one["what"] in what]


def test_check_names_sensors_that_say_nothing_and_what_differs(root, monkeypatch):
    assert findings(root, "readings", "sensors", "catalog") == [
        ("warning", "readings", "sensors › QJ-1 › tilt"),
        ("warning", "sensors", "sensors › QJ-2"),
        ("warning", "sensors", "sensors › QJ-3"),
        ("warning", "catalog", "sensors › series.thresholds[tilt_fast].makes"),
    ]
    monkeypatch.setenv("RISKMAP_CLOCK", "2026-11-28T00:00:00Z")
    assert ("error", "clock", "data/series.sqlite") in findings(root, "clock")


def test_check_finds_readings_that_are_gone_from_a_batch(root):
    with sqlite3.connect(root / "data" / "series.sqlite") as file:
        file.execute("DROP TRIGGER reading_delete")
        file.execute("DELETE FROM reading WHERE ts = (SELECT min(ts) FROM reading)")
    assert findings(root, "readings")[0] == ("error", "readings", "data/series.sqlite")
    refused = riskmap("backup", root.parent / "b.zip", "--json", "--workspace", root)
    assert refused.refused
    assert not (root.parent / "b.zip").exists()


def test_readings_that_are_lost_come_back_from_a_backup(root, tmp_path):
    backup = tmp_path / "b.zip"
    assert riskmap("backup", backup, "--workspace", root).status == 0
    with zipfile.ZipFile(backup) as archive:
        listed = json.loads(archive.read("riskmap-backup.json"))["files"]
        assert "data/series.sqlite" in listed
        assert not [name for name in listed if name.endswith(("-wal", "-shm"))]
    for end in ("", "-wal", "-shm"):
        (root / "data" / f"series.sqlite{end}").unlink(missing_ok=True)
    assert value(root) is None
    assert riskmap("restore", backup, "--workspace", root).status == 0
    assert value(root) == 0.31
    fresh = tmp_path / "fresh"
    assert riskmap("restore", backup, "--workspace", fresh).status == 0
    assert value(fresh) == 0.31
    assert (fresh / "data" / "series.sqlite").stat().st_mode & 0o077 == 0


def test_a_restore_of_the_whole_keeps_the_readings_that_it_replaces(root, tmp_path):
    backup = tmp_path / "b.zip"
    riskmap("backup", backup, "--workspace", root)
    riskmap("ingest", written(tmp_path / "c.csv", "QJ-1,2026-11-29 11:55,倾角,0.5"), "--workspace", root)
    assert riskmap("restore", backup, "--workspace", root).status == 0
    assert value(root) == 0.5  # the ledger alone: readings that are there stay
    assert riskmap("restore", backup, "--whole", "--workspace", root).status == 0
    assert value(root) == 0.31
    (kept,) = root.glob("before-restore-*/data/series.sqlite")
    with sqlite3.connect(kept) as file:
        assert file.execute("SELECT max(value) FROM reading").fetchone() == (0.5,)


def test_a_damaged_file_of_readings_makes_room_for_that_of_the_backup(root, tmp_path):
    backup = tmp_path / "b.zip"
    riskmap("backup", backup, "--workspace", root)
    (root / "data" / "series.sqlite").write_bytes(b"damaged" * 1000)
    assert ("error", "readings", str(root)) in findings(root, "readings")
    listed = riskmap("select", "--json", "--workspace", root)
    assert [one["readings"] for one in listed.json["features"]] == [None, None, None]  # not known, never calm
    assert "riskmap check" in listed.err
    assert riskmap("restore", backup, "--workspace", root).status == 0
    assert value(root) == 0.31
