"""Coverage of the forest-fire grids: gaps, overlaps, and grids that nobody walks."""

from __future__ import annotations

import json

import pytest
import shapely

from riskmap.actions.terrain.reach import Overlaps, Patrollers, coverage
from riskmap.actions.workspace import create_workspace
from riskmap.actions.workspace.demo import records_as_intake
from riskmap.demo_district import make_demo
from riskmap.json_documents import plain
from tests.cli import riskmap
from tests.fire_workspace import grid_workspace, in_degrees, square

KEYS = {
    "layer", "grids", "area_ha", "basis", "crs", "gaps", "overlaps", "unassigned", "without_contact", "unlocated",
    "patrollers", "complete",
}  # fmt: skip


def ring():
    """Eight squares around a hole of one hectare, and none in the middle."""
    places = [(x, y) for x in (0, 100, 200) for y in (0, 100, 200) if (x, y) != (100, 100)]
    return {f"G{i}": square(x, y) for i, (x, y) in enumerate(places)}


def forest_file(folder, shape):
    path = folder / "forest.geojson"
    path.write_text(
        json.dumps(
            {"type": "Feature", "properties": {}, "geometry": shapely.geometry.mapping(in_degrees(shape))}
        )
    )
    return path


def test_a_hole_among_the_grids_is_a_gap_with_its_place(tmp_path):
    found = coverage(grid_workspace(tmp_path, ring()))
    assert set(plain(found)) == KEYS
    assert found.basis == "holes"
    assert found.area_ha == pytest.approx(8, abs=1e-3)
    assert found.gaps.area_ha == pytest.approx(1, abs=1e-3)
    (part,) = found.gaps.parts
    middle = in_degrees(shapely.Point(150, 150))
    assert [part.lon, part.lat] == pytest.approx([middle.x, middle.y], abs=5e-4)
    assert found.overlaps == Overlaps(0, ())
    assert not found.complete


def test_a_gap_is_measured_inside_the_forest_where_one_is_given(tmp_path):
    ws = grid_workspace(tmp_path, {"A": square(0, 0), "B": square(100, 0)})
    assert coverage(ws).complete
    found = coverage(ws, forest=forest_file(tmp_path, shapely.box(0, 0, 250, 100)))
    assert found.basis == "forest"
    assert found.gaps.area_ha == pytest.approx(0.5, abs=1e-3)
    assert coverage(ws, forest=forest_file(tmp_path, shapely.box(10, 10, 190, 90))).complete


def test_overlapping_grids_are_named_with_what_they_share(tmp_path):
    found = coverage(grid_workspace(tmp_path, {"A": square(0, 0), "B": square(90, 0), "C": square(300, 0)}))
    assert [(p.a, p.b) for p in found.overlaps.pairs] == [("A", "B")]
    assert found.overlaps.area_ha == pytest.approx(0.1, abs=1e-3)
    assert not found.complete


def test_less_than_a_square_metre_is_no_gap_and_no_overlap(tmp_path):
    assert coverage(
        grid_workspace(tmp_path / "a", {"A": square(0, 0), "B": shapely.box(99.995, 0, 200, 100)})
    ).complete
    two = {"A": square(0, 0), "B": shapely.box(98, 0, 200, 100)}
    assert not coverage(grid_workspace(tmp_path / "b", two)).complete


def test_a_corner_on_a_long_edge_of_the_neighbour_opens_no_gap(tmp_path):
    south = shapely.box(113.90, 22.50, 113.98, 22.52)
    north = [shapely.box(113.90, 22.52, 113.937, 22.54), shapely.box(113.937, 22.52, 113.98, 22.54)]
    ws = create_workspace(tmp_path)
    template = grid_workspace(tmp_path / "t", {"A": square(0, 0), "B": square(100, 0), "C": square(200, 0)})
    records = template.ledger.features("forest_fire_grids", contacts=True).records
    shapes = [shapely.to_wkb(s) for s in (south, *north)]
    records = type(records)(**{f: getattr(records, f) for f in records.__slots__} | {"shapes": shapes})
    plan = ws.ledger.plan_import(records_as_intake("forest_fire_grids", records))
    ws.ledger.commit_import(plan, by="测试", why="测试")
    forest = tmp_path / "forest.geojson"
    forest.write_text(json.dumps(shapely.geometry.mapping(shapely.box(113.90, 22.50, 113.98, 22.54))))
    found = coverage(ws, forest=forest)
    assert found.gaps.parts == ()
    assert found.overlaps.pairs == ()


def test_a_grid_that_nobody_walks_is_unassigned(tmp_path):
    grids = {code: square(i * 100, 0) for i, code in enumerate("ABC")}
    found = coverage(grid_workspace(tmp_path / "a", grids, patrollers=[3, 0, None]))
    assert found.unassigned == ("B",)
    assert found.patrollers == Patrollers(3, {"A": 3, "B": 0, "C": None})
    found = coverage(grid_workspace(tmp_path / "b", grids, patrollers=[3, 0, None], contacts=False))
    assert found.unassigned == ("B", "C")
    assert found.without_contact == ("A", "B", "C")


def test_a_grid_without_a_polygon_covers_nothing_and_is_named(tmp_path):
    found = coverage(grid_workspace(tmp_path, {"A": square(0, 0), "B": None}))
    assert found.unlocated == ("B",)
    assert found.grids == 2
    assert not found.complete


def test_no_grids_at_all_cover_nothing(tmp_path):
    found = coverage(create_workspace(tmp_path), forest=forest_file(tmp_path, square(0, 0)))
    assert found.grids == 0
    assert found.gaps.area_ha == pytest.approx(1, abs=1e-3)
    assert not found.complete


def test_the_command_says_by_its_status_whether_all_is_covered(tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    grid_workspace(whole, {"A": square(0, 0), "B": square(100, 0)})
    grid_workspace(broken, ring(), patrollers=[0] * 8)
    done = riskmap("coverage", "--workspace", whole, "--json")
    assert (done.status, done.json["unassigned"]) == (0, [])
    failed = riskmap("coverage", "--workspace", broken)
    assert failed.status == 1
    assert "空隙" in failed.out
    assert "无人负责：G0" in failed.out
    assert riskmap("coverage", "--workspace", whole, "--layer", "risk_points").status == 2
    missing = riskmap("coverage", "--workspace", whole, "--forest", tmp_path / "none.geojson")
    assert missing.status == 2
    assert "--forest" in missing.err


def test_the_demo_forest_is_covered_once(tmp_path):
    demo = make_demo(points=200)
    ws = create_workspace(tmp_path)
    plan = ws.ledger.plan_import(records_as_intake("forest_fire_grids", demo.layers["forest_fire_grids"]))
    ws.ledger.commit_import(plan, by="测试", why="测试")
    found = coverage(ws)
    assert found.grids == 35
    assert round(found.area_ha, 2) == 10_357.15
    assert found.patrollers.total == 89
    assert found.complete
