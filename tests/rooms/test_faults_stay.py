"""A fault stays in its part: it is named, and every other part goes on."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import sqlite3
from pathlib import Path

import pytest

from riskmap.actions.terrain.factors import Relief, _keep, _kept
from riskmap.actions.workspace import Workspace, open_workspace, snapshots
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.web.frame import background, state
from tests.cli import riskmap
from tests.map_workspace import make_workspace
from tests.pages_running import faults, open_page, panels, use_workspace
from tests.prepare_workspace import prepare_workspace


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("faults") / "ws"
    current_snapshot(make_workspace(root))
    return root


@pytest.fixture
def ws(made: Path, tmp_path: Path) -> Workspace:
    return open_workspace(Path(shutil.copytree(made, tmp_path / "ws")))


def cached(ws: Workspace) -> list[Path]:
    (home,) = ws.cache_dir.glob("snapshot-*")
    return sorted(home.iterdir())


def altered(file: Path, *, seed: int) -> None:
    """Alter 40 bytes of a file, as a bad disk or a stray writer would."""
    content = bytearray(file.read_bytes())
    for at in random.Random(seed).sample(range(len(content)), min(40, len(content))):
        content[at] ^= 0xA5
    file.write_bytes(content)


def cut_off(file: Path, *, seed: int) -> None:
    os.truncate(file, random.Random(seed).randrange(file.stat().st_size))


def summary(ws: Workspace) -> object:
    return riskmap("summary", "--workspace", ws.root, "--json").json


@pytest.mark.parametrize("harm", [altered, cut_off, lambda file, seed: file.unlink()])
def test_a_snapshot_that_was_altered_or_cut_off_is_made_anew_and_never_answered_from(ws, harm, caplog):
    right = summary(ws)
    for seed in range(len(cached(ws))):
        file = cached(ws)[seed]
        harm(file, seed=seed)
        assert summary(ws) == right, file.name  # by the process that had it mapped
        harm(cached(ws)[seed], seed=seed)
        snapshots._cache.clear()
        assert summary(ws) == right, file.name  # and by one that comes to it
    assert harm not in {altered, cut_off} or "altered or cut off" in caplog.text


def test_a_snapshot_that_was_only_touched_is_read_again_and_not_made_anew(ws, monkeypatch):
    right = summary(ws)
    monkeypatch.setattr(snapshots, "build_and_shelve", lambda *_: pytest.fail("made anew"))
    os.utime(cached(ws)[0])
    assert summary(ws) == right


def test_a_relief_that_was_altered_or_cut_off_is_made_anew(tmp_path):
    relief = Relief(bytes(range(256)) * 20, (114.0, 22.5, 114.2, 22.6), "tag")
    _keep(relief, tmp_path)
    assert _kept(tmp_path, "tag") == relief
    for file in sorted(tmp_path.iterdir()):
        for harm in (altered, cut_off):
            _keep(relief, tmp_path)
            harm(file, seed=3)
            assert _kept(tmp_path, "tag") is None, (file.name, harm)


def spoiled(ws: Workspace, file: str, before: str, after: str) -> None:
    path = ws.root / file
    text = path.read_text("utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), "utf-8")


def run(ws: Workspace, *words: object):
    return riskmap(*words, "--workspace", ws.root)


def retyped(ws: Workspace) -> None:
    """Make whole numbers of the likelihoods, of which the ledger holds 0.5."""
    file = ws.root / "layers" / "risk_points.toml"
    before, likelihood, after = file.read_text("utf-8").partition('id = "likelihood"')
    file.write_text(before + likelihood + after.replace('type = "number"', 'type = "integer"', 1), "utf-8")


def test_a_field_whose_type_changed_costs_no_other_value_and_its_tiers_stay(ws, tmp_path):
    before = summary(ws)["tiers"]
    retyped(ws)
    assert summary(ws)["tiers"] == before
    found = run(ws, "select", "risk_points", "--json").json["features"]
    odd = {one["code"] for one in found if "unreadable" in one["flags"]}
    assert odd == {one["code"] for one in found if one["tier"] == "low"}
    assert {one["fields"]["likelihood"] for one in found if one["code"] in odd} == {None}
    assert {one["fields"]["exposure"] for one in found} == {6}
    for layer in ("risk_points", "forest_fire_grids"):
        assert run(ws, "export", layer, "--tier", "low,major", "--to", tmp_path / "out.xlsx").status == 0
    assert run(ws, "explain", "risk_points", "RP-LONE-low").status == 0
    assert run(ws, "assess", "risk_points").status == 2
    done = run(ws, "assess", "--json")
    assert done.status == 1
    assert [one["layer"] for one in done.json["refused"]] == ["risk_points"]
    assert summary(ws)["tiers"] == before


def test_a_broken_layer_file_is_named_by_every_command_and_costs_no_other_layer(ws, tmp_path):
    right = summary(ws)["layers"]
    spoiled(ws, "layers/risk_points.toml", 'geometry = "point"', 'geometry = "pt"')
    refused = run(ws, "select", "risk_points")
    assert refused.status == 2
    assert "layers/risk_points.toml" in refused.err
    done = run(ws, "export", "forest_fire_grids", "--to", tmp_path / "out.xlsx")
    assert done.status == 0
    assert "layers/risk_points.toml" in done.err
    del right["risk_points"]
    assert summary(ws)["layers"] == right
    assert run(ws, "assess", "--json").status == 0
    spoiled(ws, "layers/risk_points.toml", 'geometry = "pt"', 'geometry = "point"')
    assert set(summary(ws)["layers"]) == {*right, "risk_points"}


def test_a_broken_model_file_leaves_records_and_tiers_and_scores_every_other_layer(ws, tmp_path):
    right = summary(ws)["layers"]
    export = ("export", "risk_points", "--tier", "major", "--to", tmp_path / "out.xlsx")
    spoiled(ws, "models/risk_points_lec.toml", "[", "[[[")
    assert summary(ws)["layers"] == right
    assert run(ws, *export).status == 0
    assert run(ws, "assess", "risk_points").status == 2
    done = run(ws, "assess", "--json")
    assert done.status == 1
    assert [one["layer"] for one in done.json["refused"]] == ["risk_points"]
    assert "models/risk_points_lec.toml" in done.json["refused"][0]["message"]
    assert "forest_fire_grids" in [one["layer"] for one in done.json["layers"]]
    assert summary(ws)["layers"] == right
    assert run(ws, "uncertainty", "--json").status == 0


PAGES = ("map", "inventory", "import", "point", "work", "overview", "model", "prepare")


def use(monkeypatch, ws: Workspace) -> None:
    use_workspace(monkeypatch, ws.root)
    monkeypatch.setattr(background, "relief", lambda _ws: None)


def broken_everywhere(ws: Workspace, *, layer: str, model: str, code: str) -> None:
    """Break a layer file, a model file and one row of the ledger."""
    spoiled(ws, f"layers/{layer}.toml", 'geometry = "', 'geometry = "x')
    spoiled(ws, f"models/{model}.toml", "[", "[[[")
    file = ws.root / "data" / "ledger.sqlite"
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as tampered:
        for (name,) in tampered.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            tampered.execute(f"DROP TRIGGER {name}")
        found = "(SELECT revision_id FROM feature WHERE code = ?)"
        tampered.execute(f"UPDATE revision SET body = '{{\"likelihood\": ' WHERE id = {found}", (code,))


def test_a_layer_file_a_model_file_and_a_row_that_cannot_be_read_cost_nothing_else(tmp_path):
    ws = prepare_workspace(tmp_path / "ws")
    typhoon = ("--warning", "台风:红色", "--warning", "暴雨:红色", "--at", "2026-09-01T06:00Z")

    def listed() -> list[dict[str, object]]:
        return run(ws, "select", "--json").json["features"]

    def raised() -> list[dict[str, object]]:
        return run(ws, "prepare", *typhoon, "--json").json["escalations"]

    def the_rest(rows: list[dict[str, object]]) -> list[dict[str, object]]:
        return [one for one in rows if one["layer"] != "forest_fire_grids" and one["code"] != "RP5"]

    before, storm = listed(), raised()
    assert {one["layer"] for one in the_rest(storm)} >= {"risk_points", "slopes"}
    broken_everywhere(ws, layer="forest_fire_grids", model="slopes_matrix", code="RP5")
    shutil.rmtree(ws.cache_dir)
    assert the_rest(listed()) == the_rest(before)
    assert the_rest(raised()) == the_rest(storm)
    (odd,) = [one for one in listed() if "unreadable" in one["flags"]]
    assert (odd["code"], odd["tier"], odd["fields"]["likelihood"]) == ("RP5", "major", None)
    for ending in ("xlsx", "csv", "geojson", "gpkg", "shp.zip", "kml", "parquet"):
        done = run(ws, "export", "risk_points", "slopes", "--to", tmp_path / f"all.{ending}", "--json")
        assert {file["rows"] for file in done.json["files"]} in ({8}, {5, 3}), ending  # a file a layer
    wheres = [one["where"] for one in run(ws, "check", "--json").json["findings"]]
    for place in ("layers/forest_fire_grids.toml:", "models/slopes_matrix.toml:", "risk_points › RP5"):
        assert any(one.startswith(place) for one in wheres), (place, wheres)


def test_every_page_goes_on_and_names_what_cannot_be_used(ws, monkeypatch):
    use(monkeypatch, ws)
    broken_everywhere(ws, layer="slopes", model="forest_fire_grid", code="RP-TWIN-0")
    for page in PAGES:
        at = open_page(page)
        told = faults(at)
        for part in ("layers/slopes.toml", "models/forest_fire_grid.toml", "风险点：1 条记录"):
            assert part in told, (page, part)
        assert not at.error, (page, at.error)
    file = ws.root / "layers" / "slopes.toml"
    file.write_text(file.read_text("utf-8").replace('geometry = "x', 'geometry = "'), "utf-8")
    assert "layers/slopes.toml" not in faults(at.run())


def test_a_layer_that_changes_on_disk_is_seen_by_the_running_app_and_by_nobody_before(ws, monkeypatch):
    use(monkeypatch, ws)
    at = open_page("overview")
    assert "风险点" in str(panels(at))
    before = state.workspace()
    at.run()
    assert state.workspace() is before
    spoiled(ws, "layers/risk_points.toml", 'zh = "风险点"', 'zh = "风险源"')
    assert "风险源" in str(panels(at.run()))
    assert not faults(at)
