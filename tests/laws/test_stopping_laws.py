"""Stopped at any step, a long action leaves ledger, chain and folders as they were; watched, it does the same as unwatched."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from riskmap.actions.episode.inputs import Given
from riskmap.actions.episode.preparing import prepare_and_report
from riskmap.actions.importing import commit_files, import_files, plan_file, read_for_import
from riskmap.actions.inventory.atlas import write_atlas
from riskmap.actions.inventory.exporting import export_selection
from riskmap.actions.inventory.map_files import write_map
from riskmap.actions.model_saving import open_model, save_model
from riskmap.actions.records.scoring import assess_layers
from riskmap.actions.workspace import open_workspace
from riskmap.actions.workspace.demo import create_demo_workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.catalog.model_text import changed_text, with_version
from riskmap.io.writers import export_formats
from riskmap.progress import Cancelled
from riskmap.rules.permissions import local_actor
from riskmap.selection import Selection
from tests.duty_workspace import copied
from tests.prepare_workspace import bulletin, people, prepare_workspace, rain, written
from tests.unchanged import Stopping, folder_of, ledger_of

STOPS = 7
BY = {"by": local_actor("测试员"), "why": "测试"}


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    ws = prepare_workspace(tmp_path_factory.mktemp("stopping") / "ws")
    ws.ledger.close()
    return ws


@pytest.fixture
def ws(ready, tmp_path):
    return copied(ready, tmp_path / "ws")


def stopped_everywhere(ws, act, folder: Path) -> list[str]:
    """Stop `act(ws, progress)` at steps from its first to its last one; return what its steps said at last."""
    folder.mkdir(exist_ok=True)
    before = ledger_of(ws), folder_of(folder)
    counted, other = Stopping(), copied(ws, folder.parent / "counted")
    current_snapshot(other)  # the first who stops in it leaves it to the next
    act(other, counted.progress)
    shutil.rmtree(folder)
    folder.mkdir()
    for name, content in before[1].items():
        (folder / name).write_bytes(content)
    last = counted.asked - 1
    for at in sorted({0, last, *np.linspace(0, last, STOPS).astype(int).tolist()}):
        watcher = Stopping(at)
        with pytest.raises(Cancelled):
            act(ws, watcher.progress)
        assert (ledger_of(ws), folder_of(folder)) == before, f"stopped at step {at}: {watcher.steps[-1:]}"
    watcher = Stopping()
    act(ws, watcher.progress)
    assert ledger_of(ws) != before[0] or folder_of(folder) != before[1]
    return [what.en for _, what in watcher.steps]


def test_an_assessment_stopped_anywhere_wrote_nothing(ws, tmp_path):
    file = ws.root / "models" / f"{ws.catalog.model_of('risk_points').id}.toml"
    text = changed_text(file.read_text("utf-8"), {("limits", "general"): 0.5, ("limits", "large"): 0.6})
    file.write_text(with_version(text, "9.0"), "utf-8")
    told = stopped_everywhere(
        open_workspace(ws.root),
        lambda ws, progress: assess_layers(ws, **BY, progress=progress),
        tmp_path / "x",
    )
    assert any(what.startswith("reading the ledger: ") for what in told)
    assert any(what.startswith("scoring: ") for what in told)
    assert "writing the results" in told


def test_a_saved_model_stopped_anywhere_left_neither_version_nor_tiers_nor_file(ws, tmp_path):
    def act(ws, progress):
        here, before = open_model(ws, "risk_points"), folder_of(ws.root / "models")
        limits = {("limits", "general"): 0.5, ("limits", "large"): 0.6}
        text = with_version(changed_text(here.text, limits), "9.0")
        try:
            save_model(ws, "risk_points", text, base_digest=here.digest, **BY, progress=progress)
        except Cancelled:
            assert folder_of(ws.root / "models") == before
            raise

    told = stopped_everywhere(ws, act, tmp_path / "x")
    for what in ("checking the model", "scoring: ", "recording the version", "writing the results"):
        assert any(one.startswith(what) for one in told), what
    assert open_model(ws, "risk_points").version == "9.0"


def test_an_import_that_was_looked_at_is_written_whole_or_not_at_all(ws, tmp_path):
    rows = "".join(f"BP-N{i},新坡{i},桂园街道,114.11,22.55\n" for i in range(40))
    file = written(tmp_path, "新坡.csv", f"编号,名称,街道,经度,纬度\n{rows}")

    def act(ws, progress):
        comparing, writing = progress.parts(1, 2)
        intake = read_for_import(ws, "slopes", file, datum="wgs84")
        planned = plan_file(ws, intake, outlook=True, progress=comparing)
        commit_files(ws, "slopes", [planned], **BY, progress=writing)

    told = stopped_everywhere(ws, act, tmp_path / "x")
    for what in ("computing the tiers", "writing the records", "scoring: ", "writing the results"):
        assert any(one.startswith(what) for one in told), what


def test_an_export_stopped_anywhere_leaves_every_file_as_it_was_and_no_record_of_it(ws, tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "a.xlsx").write_bytes(b"old")
    (folder / "a_slopes.csv").write_bytes(b"old")
    files = [folder / f"a.{ending}" for ending in export_formats()]

    def act(ws, progress):
        export_selection(ws, Selection(), files, unmasked=True, **BY, progress=progress)

    told = stopped_everywhere(ws, act, folder)
    assert any(what.startswith("writing: ") for what in told)
    assert "packing the workbook" in told
    assert "reading records and contacts" in told
    assert ws.ledger.exports(limit=1)[0].unmasked
    assert {path.suffix for path in folder.iterdir()} >= {
        ".xlsx",
        ".csv",
        ".gpkg",
        ".kml",
        ".zip",
        ".geojson",
    }
    assert (folder / "a.xlsx").read_bytes()[:2] == b"PK"


MAPS = {
    "pdf": (b"%PDF", ["drawing the map", "setting the sheet", "setting the sheet"]),
    "html": (b"<!DOCTYPE html>", ["preparing the records", "preparing the records"]),
    "pmtiles": (b"PMTiles", ["writing tiles"] * 5),
}


@pytest.mark.parametrize("ending", MAPS)
def test_a_map_stopped_anywhere_leaves_the_file_as_it_was(ws, tmp_path, ending):
    folder = tmp_path / "out"
    folder.mkdir()
    target = folder / f"a.{ending}"
    target.write_bytes(b"old")
    told = stopped_everywhere(
        ws, lambda ws, progress: write_map(ws, Selection(), target, progress=progress), folder
    )
    start, steps = MAPS[ending]
    assert told[-len(steps) - 1 :] == [*steps, "putting the file in its place"]
    assert target.read_bytes().startswith(start)


def test_an_atlas_stopped_anywhere_leaves_the_file_as_it_was_and_no_record_of_it(ws, tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    target = folder / "a.pdf"
    target.write_bytes(b"old")
    told = stopped_everywhere(
        ws,
        lambda ws, progress: write_atlas(
            ws, Selection(layers=("risk_points",)), target, unmasked=True, **BY, progress=progress
        ),
        folder,
    )
    assert told.count("drawing the atlas") > 3
    assert "collecting what is told of each point" in told
    assert told[-2:] == ["setting the atlas", "putting the file in its place"]
    assert target.read_bytes().startswith(b"%PDF")
    assert ws.ledger.exports(limit=1)[0].unmasked


def test_a_storm_stopped_anywhere_is_not_kept(ws, tmp_path):
    track, fallen = written(tmp_path, "路径.csv", bulletin()), written(tmp_path, "雨量.csv", rain())
    table = written(tmp_path, "人口.csv", people(("H1", 40), ("H2", 30)))
    folder = tmp_path / "out"

    def act(ws, progress):
        given = Given.stated(ws, tracks=(track,), rain=fallen)
        to = folder / "叫应单.xlsx"
        prepare_and_report(ws, given, people=table, crs="wgs84", to=to, **BY, progress=progress)

    told = stopped_everywhere(ws, act, folder)
    for what in ("wind field: ", "rain: ", "triggers: ", "planning who goes where", "keeping the scenario"):
        assert any(one.startswith(what) for one in told), what
    assert told[-1] == "writing the call-out"
    assert len(ws.ledger.scenarios()) == 1


def test_an_import_stopped_anywhere_wrote_nothing_and_from_its_first_file_it_goes_on_to_the_last(
    ws, tmp_path
):
    files = [
        written(tmp_path, f"{name}.csv", f"编号,名称,街道,经度,纬度\n{name},新坡,桂园街道,114.11,22.55\n")
        for name in ("BP8", "BP9")
    ]

    def act(ws, progress):
        import_files(ws, "slopes", files, **BY, datum="wgs84", progress=progress)

    before = ledger_of(ws)
    for at in (0, 1, 3):
        with pytest.raises(Cancelled):
            act(ws, Stopping(at).progress)
        assert ledger_of(ws) == before
    asked = Stopping(10_000)
    act(ws, asked.progress)
    assert asked.asked < len(asked.steps)  # what came after the first file was told and not asked
    assert {"BP8", "BP9"} <= set(ws.ledger.features("slopes").records.code)


def test_a_demo_stopped_anywhere_leaves_no_workspace(tmp_path):
    root = tmp_path / "demo"
    for at in (0, 1, 5):
        with pytest.raises(Cancelled):
            create_demo_workspace(root, points=60, by=BY["by"], progress=Stopping(at).progress)
        assert not root.exists()


def test_what_is_told_never_goes_back(ws, tmp_path):
    for act in (
        lambda progress: assess_layers(ws, **BY, progress=progress),
        lambda progress: export_selection(ws, Selection(), tmp_path / "a.gpkg", progress=progress),
        lambda progress: prepare_and_report(
            ws, Given.stated(ws, drill=True, made=True), **BY, progress=progress
        ),
    ):
        watcher = Stopping()
        act(watcher.progress)
        shares = [share for share, _ in watcher.steps]
        assert len(shares) > 5
        assert shares == pytest.approx(sorted(shares))
