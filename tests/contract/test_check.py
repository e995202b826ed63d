"""`riskmap check` names what is to be looked at, where, and what to do; a sound workspace passes."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import sqlite3
from pathlib import Path
from types import SimpleNamespace

import pytest

import riskmap as library
from riskmap.actions.workspace import Workspace, open_workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.moments import CLOCK, utc_now
from tests.cli import riskmap
from tests.map_workspace import make_workspace
from tests.rooms.test_faults_stay import altered, cached, cut_off, retyped, spoiled

UNRATED = "RP-LONE-unrated"


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("check") / "ws"
    current_snapshot(make_workspace(root))
    for layer, code in (
        ("risk_points", UNRATED),
        ("shelters", "SH-0"),
        ("shelters", "SH-1"),
    ):  # the sums name them
        assert riskmap("retire", layer, code, "--why", "测试", "--workspace", root).status == 0
    return root


@pytest.fixture
def ws(made: Path, tmp_path: Path) -> Workspace:
    return open_workspace(Path(shutil.copytree(made, tmp_path / "ws")))


def check(ws: Workspace, *, status: int) -> list[dict[str, str]]:
    ran = riskmap("check", "--workspace", ws.root, "--json")
    assert ran.status == status, ran.out + ran.err
    assert set(ran.json) == {"ok", "findings"}
    assert ran.json["ok"] is (status == 0)
    for one in ran.json["findings"]:
        assert set(one) == {"severity", "what", "where", "message", "remedy"}
        assert all(one.values()), one
    return ran.json["findings"]


def the(what: str, found: list[dict[str, str]]) -> dict[str, str]:
    (one,) = [one for one in found if one["what"] == what]
    return one


def test_a_sound_young_workspace_has_nothing_but_the_note_that_it_was_not_backed_up(ws):
    (one,) = check(ws, status=0)
    assert (one["severity"], one["what"]) == ("note", "backup")
    assert "一切正常" in riskmap("check", "--workspace", ws.root).out


def test_a_backup_is_good_until_the_next_write_and_a_week_more(ws, tmp_path, monkeypatch):
    assert riskmap("backup", tmp_path / "b.sqlite", "--by", "张三", "--workspace", ws.root).status == 0
    (noted,) = ws.ledger.exports(what="backup ")
    assert noted.what == f"backup {tmp_path / 'b.sqlite'}"
    assert (noted.who, noted.unmasked) == ("张三", True)
    late = (utc_now() + dt.timedelta(days=8)).isoformat()
    monkeypatch.setenv(CLOCK, late)
    (one,) = check(ws, status=0)
    assert (one["severity"], one["what"]) == ("note", "backup")
    retire = riskmap("retire", "risk_points", "RP-LONE-low", "--why", "测试", "--workspace", ws.root)
    assert retire.status == 0
    assert the("backup", check(ws, status=1))["severity"] == "warning"


def test_a_workspace_of_more_than_a_week_without_a_backup_is_warned_of(ws, monkeypatch):
    monkeypatch.setenv(CLOCK, (utc_now() + dt.timedelta(days=8)).isoformat())
    assert the("backup", check(ws, status=1))["severity"] == "warning"


def test_the_head_printed_on_an_export_is_found_in_the_ledger_it_came_from_and_in_no_other(ws, tmp_path):
    listed = tmp_path / "清单.geojson"
    assert riskmap("export", "--to", listed, "--workspace", ws.root).status == 0
    printed = json.loads(listed.read_text())
    assert (
        riskmap("retire", "risk_points", "RP-LONE-low", "--why", "测试", "--workspace", ws.root).status == 0
    )
    ran = riskmap("check", "--head", printed["head"][:12], "--workspace", ws.root, "--json")
    assert (ran.status, the("chain", ran.json["findings"])["severity"]) == (0, "note")
    assert f"第 {printed['changeset']} 次写入" in the("chain", ran.json["findings"])["message"]
    for other in ("0" * 64, printed["head"][:3], "what%"):
        ran = riskmap("check", "--head", other, "--workspace", ws.root, "--json")
        assert (ran.status, the("chain", ran.json["findings"])["severity"]) == (1, "error")


def test_a_past_that_was_altered_behind_the_ledgers_back_is_an_error(ws):
    with sqlite3.connect(ws.root / "data/ledger.sqlite") as raw:
        raw.execute("DROP TRIGGER changeset_fixed")
        raw.execute("UPDATE changeset SET who = '别人' WHERE id = 1")
    raw.close()
    one = the("integrity", check(ws, status=1))
    assert (one["severity"], "chain" in one["message"]) == ("error", True)


def test_a_field_whose_type_changed_is_named_and_the_other_layers_are_exported(ws, tmp_path):
    retyped(ws)
    one = the("field", check(ws, status=1))
    layer, field, code = one["where"].split(" › ")
    assert (layer, field) == ("risk_points", "likelihood")
    assert code.startswith("RP-")
    assert "0.5" in one["message"]
    assert riskmap("export", "shelters", "--to", tmp_path / "s.xlsx", "--workspace", ws.root).status == 0


def test_a_choice_and_a_field_that_left_the_layer_file_are_named(ws):
    grids = "layers/forest_fire_grids.toml"
    spoiled(ws, grids, 'id = "very_high"', 'id = "extreme"')
    spoiled(ws, "layers/risk_points.toml", 'id = "exposure"', 'id = "exposed"')
    wheres = [one["where"] for one in check(ws, status=1) if one["what"] == "field"]
    assert "forest_fire_grids › fuel › FG-0" in wheres
    assert "risk_points › exposure" in wheres


def test_files_that_cannot_be_used_are_named_with_their_line(ws):
    spoiled(ws, "layers/forest_fire_grids.toml", 'geometry = "polygon"', 'geometry = "pg"')
    spoiled(ws, "models/risk_points_lec.toml", "[", "[[[")
    spoiled(ws, "workspace.toml", 'dem = ""', 'dem = "data/gone.tif"')
    places = [one["where"] for one in check(ws, status=1) if one["what"] == "catalog"]
    for place in ("layers/forest_fire_grids.toml:", "models/risk_points_lec.toml:", "data/gone.tif"):
        assert any(one.startswith(place) for one in places), (place, places)
    (ws.root / "layers" / "forest_fire_grids.toml").unlink()
    assert "forest_fire_grids" in [one["where"] for one in check(ws, status=1) if one["what"] == "catalog"]


@pytest.mark.parametrize("harm", [altered, cut_off])
def test_a_spoiled_cache_is_named_once_and_made_anew_with_the_same_counts(ws, harm):
    large = riskmap("summary", "--workspace", ws.root, "--json").json["tiers"]["large"]
    assert large == 10
    for number in range(len(cached(ws))):
        harm(cached(ws)[number], seed=number)
        assert the("cache", check(ws, status=1))["where"].startswith("data/cache/snapshot-")
        check(ws, status=0)
        assert riskmap("summary", "--workspace", ws.root, "--json").json["tiers"]["large"] == large


def test_unrated_records_and_tiers_of_an_older_model_are_named(ws):
    text = (ws.root / "models" / "risk_points_lec.toml").read_text("utf-8")
    (ws.root / "models" / "risk_points_lec.toml").write_text(
        text.replace("general = 70", "general = 71"), "utf-8"
    )
    one = the("tiers", check(ws, status=1))
    assert one["where"] == "risk_points"
    assert "riskmap assess risk_points" in one["remedy"]
    riskmap("assess", "--workspace", ws.root)
    check(ws, status=0)
    ws.ledger.reinstate("risk_points", UNRATED, by="测试员", why="测试")
    riskmap("assess", "--workspace", ws.root)
    assert the("sums", check(ws, status=1))["where"] == f"risk_points › {UNRATED}"


def test_a_ledger_that_was_tampered_with_and_one_that_is_none(ws):
    file = ws.root / "data" / "ledger.sqlite"
    with sqlite3.connect(file) as tampered:
        for (name,) in tampered.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            tampered.execute(f"DROP TRIGGER {name}")
        tampered.execute("UPDATE feature SET version = 9 WHERE code = 'SH-0'")
    tampered.close()
    assert any("SH-0" in one["message"] for one in check(ws, status=1) if one["what"] == "integrity")
    file.write_bytes(b"no ledger")
    ran = riskmap("check", "--workspace", ws.root, "--json")
    assert ran.status == 2
    assert set(ran.json["error"]) == {"message", "place", "remedy"}


def test_a_full_disk_and_a_clock_that_is_behind_are_named(ws, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(free=500 << 20))
    assert the("disk", check(ws, status=1))["severity"] == "warning"
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(free=5 << 20))
    assert the("disk", check(ws, status=1))["severity"] == "error"
    monkeypatch.undo()
    monkeypatch.setenv(CLOCK, (utc_now() - dt.timedelta(days=1)).isoformat())
    assert "clock" in [one["what"] for one in check(ws, status=1)]


def test_the_library_says_what_the_command_says(ws):
    retyped(ws)
    found = library.open(ws.root).check()
    assert found.to_dict("records") == check(ws, status=1)


def test_a_refusal_is_a_document_where_one_was_asked_for(ws):
    ran = riskmap("select", "nowhere", "--workspace", ws.root, "--json")
    assert ran.status == 2
    assert ran.json["error"]["message"] in ran.err
    ran = riskmap("select", "--nowhere", "--workspace", ws.root, "--json")
    assert (ran.status, "--nowhere" in ran.json["error"]["message"]) == (2, True)
    for file in (ws.root / "layers").glob("*.toml"):
        file.write_text("[", "utf-8")
    error = riskmap("check", "--workspace", ws.root, "--json").json["error"]
    assert error["place"].startswith("layers/")
    assert error["remedy"].startswith("应为")


def test_the_words_of_an_open_choice_and_several_in_a_cell_are_no_fault_and_a_word_of_no_choice_is(tmp_path):
    home = tmp_path / "ws"
    assert riskmap("init", home).status == 0
    assert riskmap("layer", "add", "hazards", "teams", "--workspace", home).status == 0
    for layer, stated in (
        ("teams", ("code=DW1", "name=队", "kind=蓝天", "speciality=水域、排水")),
        ("hazards", ("kind=墙、坡", "grade=重大", "found_on=2026-01-01", "description=开裂")),
    ):
        words = [word for one in stated for word in ("--set", one)]
        assert riskmap("record", layer, *words, "--why", "测试", "--workspace", home).status == 0

    def said() -> list[str]:
        found = riskmap("check", "--json", "--workspace", home).json["findings"]
        return [one["message"] for one in found if one["what"] == "field"]

    assert said() == []
    file = home / "layers" / "hazards.toml"
    text = file.read_text(encoding="utf-8")
    for gone in ('    { id = "slope"', '    { id = "major", title = { zh = "重大"'):
        text = "\n".join(line for line in text.splitlines() if not line.startswith(gone))
    file.write_text(text, encoding="utf-8")
    assert len(said()) == 2
    assert any("slope" in one for one in said())
    assert any("'major'" in one for one in said())
