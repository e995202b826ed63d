"""`riskmap terrain` and `riskmap sample`: files with their origin, fields with theirs, one change that can be undone."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shutil
from pathlib import Path

import numpy as np
import pyproj
import pytest
from rasterio import Affine

from riskmap.actions.terrain.factors import write_factors
from riskmap.actions.terrain.sampling import sample_layer
from riskmap.actions.workspace import open_workspace
from riskmap.errors import ExportError, LedgerError
from riskmap.rules.judge import rules_of
from riskmap.rules.permissions import local_actor
from riskmap.terrain.factors import FACTORS
from tests.cli import Ran, riskmap
from tests.terrain_files import CORNER, plane, read_raster, write_raster

needs_extra = pytest.mark.skipif(
    importlib.util.find_spec("exactextract") is None,
    reason='optional part: exactextract is not installed (pip install "riskmap[terrain]")',
)
BACK = pyproj.Transformer.from_crs("EPSG:4547", "EPSG:4490", always_xy=True)
KEYS = {
    "layer", "field", "raster", "digest", "band", "method", "sampled", "unchanged", "updated", "replaced", "kept",
    "missing", "partial", "changeset",
}  # fmt: skip


def at(col: float, row: float) -> str:
    """Return "lon,lat" of a position in 30 m cells from the corner of the rasters."""
    lon, lat = BACK.transform(CORNER[0] + col * 30, CORNER[1] - row * 30)
    return f"{lon:.9f},{lat:.9f}"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with five slopes and, in factors/, a slope and an aspect raster."""
    folder = tmp_path_factory.mktemp("sample") / "ws"
    assert riskmap("init", folder).status == 0
    table = folder.parent / "边坡.csv"
    table.write_text(
        "编号,名称,街道,经度,纬度,坡度,坡高\n"
        f"S1,甲,东门街道,{at(4.5, 4.5)},,12\n"
        f"S2,乙,东门街道,{at(6.5, 4.5)},55,9\n"
        "S3,丙,东门街道,,,,\n"
        f"S4,丁,东门街道,{at(40, 4.5)},,\n"
        f"S5,戊,东门街道,{at(2.5, 7.5)},30,\n",
        encoding="utf-8",
    )
    assert run(folder, "import", "slopes", table, "--crs", "cgcs2000").status == 0
    assert run(folder, "retire", "slopes", "S5", "--why", "销号").status == 0
    dem = write_raster(folder.parent / "dem.tif", plane(0.5, shape=(12, 14)))
    write_factors(dem, folder / "factors", factors=["slope", "aspect"])
    return folder


@pytest.fixture
def ws(made: Path, tmp_path: Path) -> Path:
    """A copy to write to."""
    return Path(shutil.copytree(made, tmp_path / "ws"))


@pytest.fixture(scope="module")
def slope(made: Path) -> Path:
    return made / "factors" / "slope.tif"


def run(ws: Path, *words: object) -> Ran:
    return riskmap(*words, "--workspace", ws)


def slope_of(ws: Path, code: str) -> float | None:
    found = run(ws, "select", "slopes", "--json").json["features"]
    return next(f["fields"]["slope_deg"] for f in found if f["code"] == code)


def test_factor_files_say_which_terrain_and_method_made_them(tmp_path: Path):
    dem = write_raster(tmp_path / "地形.tif", plane(0.5, shape=(12, 14)))
    done = riskmap("terrain", "--dem", dem, "--to", tmp_path / "a" / "out", "--json")
    assert done.status == 0, done.err
    document = done.json
    assert set(document) == {"dem", "digest", "crs", "cell", "shape", "resampled", "files"}
    assert document["digest"] == hashlib.sha256(dem.read_bytes()).hexdigest()
    assert (document["crs"], document["cell"], document["shape"]) == ("EPSG:4547", [30.0, 30.0], [12, 14])
    assert [f["factor"] for f in document["files"]] == [
        "slope",
        "aspect",
        "profile_curvature",
        "plan_curvature",
    ]
    band, profile, tags = read_raster(Path(document["files"][0]["path"]))
    assert band == pytest.approx(np.full((12, 14), 26.565051), abs=1e-5)
    assert profile["unit"] == "°"
    assert (tags["DEM"], tags["DEM_SHA256"], tags["METHOD"]) == (
        "地形.tif",
        document["digest"],
        "Horn (1981)",
    )
    assert "rasterio" in tags["LIBRARIES"]
    assert "numpy" in tags["LIBRARIES"]


@needs_extra
def test_every_factor_is_written_and_agrees_with_the_others(tmp_path: Path):
    ground = plane(0.2, shape=(30, 40))
    ground[10:14, 20:24] -= 20.0  # a pit on the plane
    dem = write_raster(tmp_path / "dem.tif", ground)
    done = riskmap(
        "terrain", "--dem", dem, "--to", tmp_path / "out", "--factors", "all", "--drainage-ha", 1, "--json"
    )
    assert done.status == 0, done.err
    assert [f["factor"] for f in done.json["files"]] == list(FACTORS)
    found = {f["factor"]: read_raster(Path(f["path"]))[0] for f in done.json["files"]}
    assert np.array_equal(found["depression_depth"] > 0, found["filled"] > ground.astype("float32"))
    assert found["depression_depth"].max() > 10
    assert (found["accumulation"] >= 1).all()
    drains = found["accumulation"] * 900 >= 10_000
    assert (found["hand"][drains] == 0).all()
    assert np.isfinite(found["twi"]).all()
    i, j = 20, 5
    expected = np.log(found["accumulation"][i, j] * 30 / np.tan(np.radians(found["slope"][i, j])))
    assert found["twi"][i, j] == pytest.approx(expected, abs=1e-4)


def test_a_terrain_in_degrees_needs_a_stated_cell(tmp_path: Path):
    cell = 0.0003
    rows, cols = np.mgrid[0:120, 0:120]
    lon, lat = 114 + (cols + 0.5) * cell, 22.6 - (rows + 0.5) * cell
    east, north = pyproj.Transformer.from_crs("EPSG:4490", "EPSG:4547", always_xy=True).transform(lon, lat)
    heights = 0.1 * (east - 500_000) + 0.05 * (north - 2_496_000) + 300
    dem = write_raster(
        tmp_path / "dem.tif", heights, crs="EPSG:4490", transform=Affine(cell, 0, 114, 0, -cell, 22.6)
    )
    refused = riskmap("terrain", "--dem", dem, "--to", tmp_path / "out")
    assert refused.status == 2
    assert "--resolution" in refused.err
    assert not (tmp_path / "out").exists()
    done = riskmap("terrain", "--dem", dem, "--to", tmp_path / "out", "--resolution", 30, "--json").json
    assert (done["crs"], done["cell"], done["resampled"]) == ("EPSG:4547", [30.0, 30.0], True)
    band, _, tags = read_raster(tmp_path / "out" / "slope.tif")
    assert np.nanmedian(band) == pytest.approx(np.degrees(np.arctan(np.hypot(0.1, 0.05))), abs=0.01)
    assert tags["RESAMPLED_M"] == "30"
    assert riskmap("terrain", "--dem", dem, "--to", tmp_path / "out", "--resolution", -1).status == 2


def test_an_undeclared_nodata_value_is_not_mixed_into_heights(tmp_path: Path):
    heights = plane(shape=(20, 20))
    heights[3, 3] = -32768
    dem = write_raster(
        tmp_path / "d.tif",
        heights,
        crs="EPSG:4490",
        nodata=None,
        transform=Affine(3e-4, 0, 114, 0, -3e-4, 22.6),
    )
    done = riskmap("terrain", "--dem", dem, "--to", tmp_path / "out", "--resolution", 30)
    assert done.status == 2
    assert "-32768" in done.err


def test_what_cannot_be_computed_is_said_and_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    dem = write_raster(tmp_path / "dem.tif", plane())
    unknown = riskmap("terrain", "--dem", dem, "--to", tmp_path / "out", "--factors", "slop")
    assert (unknown.status, "是否想写 slope" in unknown.err) == (2, True)
    assert riskmap("terrain", "--dem", tmp_path / "no.tif", "--to", tmp_path / "out").status == 2
    assert riskmap("terrain", "--dem", dem, "--to", tmp_path / "out", "--drainage-ha", 0).status == 2
    assert riskmap("terrain", "--dem", dem, "--to", dem / "out").status == 2
    write_factors(dem, tmp_path / "out", factors=["slope"])
    before = (tmp_path / "out" / "slope.tif").read_bytes()

    def full(_path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("riskmap.io.files.atomic._sync", full)
    with pytest.raises(ExportError, match="磁盘空间不足"):
        write_factors(dem, tmp_path / "out", factors=["slope", "aspect"])
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["slope.tif"]
    assert (tmp_path / "out" / "slope.tif").read_bytes() == before


def test_sampled_values_go_in_as_one_change_that_names_raster_and_method(ws: Path, slope: Path):
    done = run(
        ws,
        "sample",
        "slopes",
        "--raster",
        slope,
        "--field",
        "slope_deg",
        "--overwrite",
        "--by",
        "王五",
        "--why",
        "地形",
        "--json",
    )
    assert done.status == 1, done.err  # some are missing
    document = done.json
    assert set(document) == KEYS
    assert document["missing"] == {"unlocated": ["S3"], "not_covered": ["S4"], "out_of_limits": []}
    assert (document["sampled"], document["updated"], document["replaced"]) == (2, 2, 1)
    assert [slope_of(ws, code) for code in ("S1", "S2", "S3", "S4")] == [26.5651, 26.5651, None, None]
    last = run(ws, "history", "slopes", "S2", "--json").json["revisions"][-1]
    assert (last["who"], last["kind"], last["changes"]) == ("王五", "sample", {"slope_deg": [55, 26.5651]})
    digest = hashlib.sha256(slope.read_bytes()).hexdigest()
    assert last["why"] == f"地形（slope.tif sha256:{digest} band 1 bilinear）"
    assert document["digest"] == digest
    again = run(
        ws, "sample", "slopes", "--raster", slope, "--field", "slope_deg", "--overwrite", "--json"
    ).json
    assert (again["unchanged"], again["updated"], again["changeset"]) == (2, 0, None)
    assert run(ws, "undo", document["changeset"], "--why", "实测优先").status == 0
    assert [slope_of(ws, code) for code in ("S1", "S2")] == [None, 55]
    assert run(ws, "summary", "--json").status in (0, 1)


def test_surveyed_values_are_left_alone_unless_told_otherwise(ws: Path, slope: Path):
    words = ("sample", "slopes", "--raster", slope, "--field", "slope_deg")
    tried = run(ws, *words, "--dry-run", "--json").json
    assert (tried["updated"], tried["kept"], tried["changeset"]) == (1, 1, None)
    assert slope_of(ws, "S1") is None
    done = run(ws, *words)
    assert done.status == 1
    assert "S3" in done.out
    assert [slope_of(ws, code) for code in ("S1", "S2")] == [26.5651, 55]


def test_values_outside_the_limits_stay_out_and_are_named(ws: Path, tmp_path: Path):
    values = np.full((12, 14), 100.0)
    values[:, 6] = 45.0
    steep = write_raster(tmp_path / "s.tif", values)
    words = (
        "sample",
        "slopes",
        "--raster",
        steep,
        "--field",
        "slope_deg",
        "--method",
        "nearest",
        "--overwrite",
        "--json",
    )
    document = run(ws, *words).json
    assert document["missing"]["out_of_limits"] == ["S1"]
    assert (slope_of(ws, "S1"), slope_of(ws, "S2")) == (None, 45)


def test_whole_number_fields_and_other_units_are_converted(ws: Path, tmp_path: Path):
    people = write_raster(tmp_path / "p.tif", np.full((12, 14), 7.6))
    assert run(ws, "sample", "slopes", "--raster", people, "--field", "threatened_people").status == 1
    lengths = write_raster(tmp_path / "l.tif", np.full((12, 14), 250.0), unit="cm")
    assert run(ws, "sample", "slopes", "--raster", lengths, "--field", "length_m").status == 1
    fields = run(ws, "select", "slopes", "--json").json["features"][0]["fields"]
    assert (fields["threatened_people"], fields["length_m"]) == (8, 2.5)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--field", "slop_deg"), "是否想写 slope_deg"),
        (("--field", "trend"), "text"),
        (("--field", "height_m"), "不能换算"),
        (("--field", "slope_deg", "--band", "2"), "第 2 波段"),
        (("--field", "slope_deg", "--zonal", "mean"), "面图层"),
        (("--field", "slope_deg", "--zonal", "median"), "mean"),
        (("--field", "slope_deg", "--method", "cubic"), "bilinear"),
    ],
)
def test_what_does_not_fit_is_one_message_and_no_change(made: Path, slope: Path, words, expected):
    done = run(made, "sample", "slopes", "--raster", slope, *words)
    assert done.status == 2
    assert expected in done.err
    assert run(made, "changes", "--json").json["changesets"][0]["kind"] == "retire"


def test_a_raster_without_coordinate_system_or_of_another_kind_is_refused(made: Path, tmp_path: Path):
    bare = write_raster(tmp_path / "bare.tif", plane(), crs=None)
    done = run(made, "sample", "slopes", "--raster", bare, "--field", "slope_deg")
    assert (done.status, "没有坐标系" in done.err) == (2, True)
    assert (
        run(made, "sample", "slopes", "--raster", made / "workspace.toml", "--field", "slope_deg").status == 2
    )
    assert run(made, "sample", "nowhere", "--raster", bare, "--field", "slope_deg").status == 2


def test_angles_and_classes_are_never_interpolated(made: Path, slope: Path, tmp_path: Path):
    aspect = slope.with_name("aspect.tif")
    words = ("sample", "slopes", "--raster", aspect, "--field", "slope_deg")
    assert run(made, *words, "--dry-run", "--json").json["method"] == "nearest"
    assert run(made, *words, "--method", "bilinear").status == 2
    classes = write_raster(
        tmp_path / "c.tif", np.full((12, 14), 3), dtype="uint8", nodata=0, colours={3: (1, 2, 3, 255)}
    )
    found = run(
        made, "sample", "slopes", "--raster", classes, "--field", "slope_deg", "--dry-run", "--json"
    ).json
    assert found["method"] == "nearest"


@needs_extra
def test_polygons_are_summarised_and_partial_cover_is_reported(ws: Path, tmp_path: Path):
    squares = {"G1": (1, 1, 5, 5), "G2": (10.2, 1, 14.2, 5), "G3": (11, 6, 19, 9)}
    features = []
    for code, (left, top, right, bottom) in squares.items():
        ring = [
            tuple(map(float, at(c, r).split(",")))
            for c, r in ((left, top), (left, bottom), (right, bottom), (right, top), (left, top))
        ]
        features.append(
            {
                "type": "Feature",
                "properties": {"编号": code, "名称": code, "街道": "东门街道"},
                "geometry": {"type": "Polygon", "coordinates": [ring]},
            }
        )
    file = tmp_path / "grids.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    assert run(ws, "import", "forest_fire_grids", file, "--crs", "cgcs2000").status == 0
    raster = write_raster(tmp_path / "r.tif", plane(1 / 30, base=0.0, shape=(12, 14)))
    words = ("sample", "forest_fire_grids", "--raster", raster, "--field", "area_ha")
    document = run(ws, *words, "--json").json
    assert (document["method"], document["updated"]) == ("zonal mean", 2)
    assert document["missing"]["not_covered"] == ["G3"]
    assert document["partial"] == pytest.approx({"G2": 0.95, "G3": 0.375}, abs=1e-3)
    values = {
        f["code"]: f["fields"]["area_ha"]
        for f in run(ws, "select", "forest_fire_grids", "--json").json["features"]
    }
    assert values["G1"] == pytest.approx(2.5, abs=1e-3)
    assert values["G3"] is None
    assert run(ws, *words, "--zonal", "max", "--dry-run", "--json").json["method"] == "zonal max"


def test_a_record_that_moves_meanwhile_is_looked_at_again(
    ws: Path, slope: Path, monkeypatch: pytest.MonkeyPatch
):
    opened = open_workspace(ws)
    plan, moves = opened.ledger.plan_import, iter(range(100))

    def moving(intake, **more):
        if (step := next(moves)) < limit:
            version = run(ws, "history", "slopes", "S1", "--json").json["revisions"][-1]["version"]
            opened.ledger.edit(
                "slopes",
                "S1",
                seen=version,
                changes=rules_of(opened.catalog.layer("slopes")).record({"length_m": step + limit + 1.0}),
                by="a",
                why="b",
            )
        return plan(intake, **more)

    monkeypatch.setattr(opened.ledger, "plan_import", moving)
    limit = 1
    report = sample_layer(
        opened, "slopes", slope, field_id="slope_deg", overwrite=True, by=local_actor("a"), why="b"
    )
    assert report.updated == 2
    moves, limit = iter(range(100)), 50
    run(ws, "undo", report.changeset, "--why", "c")
    with pytest.raises(LedgerError, match="稍后"):
        sample_layer(
            opened, "slopes", slope, field_id="slope_deg", overwrite=True, by=local_actor("a"), why="b"
        )
