"""Positions and datums as files from the field have them: read right, or refused with the reason."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas
import numpy as np
import openpyxl
import pytest
import rasterio
import shapely
from shapely import Point

from riskmap.coordinates import from_cgcs2000, metres, parse_datum, to_cgcs2000
from riskmap.errors import DatumError, RiskmapError, StaleRevisionError, WorkspaceError
from riskmap.io.readers.boundaries import read_boundaries
from riskmap.terrain import factors
from riskmap.terrain.sampling import sample_points
from riskmap.values.import_plan import Intake
from tests.cli import riskmap
from tests.intake_files import read, rules, workbook

FIELD = Path(__file__).parents[1] / "cases" / "field"
TWO = [(114.05, 22.54), (114.06, 22.55)]
HK = (823216.840, 844477.929)  # easting, northing of 114.05, 22.54 in WGS84


def shelters(path: Path, datum: str | None) -> Intake:
    return read(path, "shelters", datum)


def off(intake: Intake, places=TWO) -> float:
    """How far the farthest record lies from its place, metres."""
    assert len(intake.records) == len(places), [i.message.zh for i in intake.issues]
    x, y = metres(intake.records.lon, intake.records.lat, around=114.0)
    right = metres(*np.transpose(places), around=114.0)
    return float(np.hypot(x - right[0], y - right[1]).max())


def table(path: Path, rows: list[list[object]]) -> Path:
    """Write rows as CSV or workbook, by the ending."""
    if path.suffix == ".xlsx":
        return workbook(path, {"S": rows})
    quoted = [[f'"{cell}"' if "," in str(cell) else str(cell) for cell in row] for row in rows]
    path.write_text("\n".join(",".join(row) for row in quoted), encoding="utf-8-sig")
    return path


def points(path: Path, places, crs: str | None) -> Path:
    """Write two records with a geometry, in the format of the ending."""
    frame = geopandas.GeoDataFrame(
        {"编号": [f"A{i}" for i in range(len(places))], "名称": ["一", "二"][: len(places)]},
        geometry=[Point(*p) for p in places],
        crs=crs,
    )
    frame.to_file(path, **({"encoding": "UTF-8"} if path.suffix == ".shp" else {}))
    return path


# A source of another datum
def test_hong_kong_grid_is_read_to_the_metre():
    assert off(shelters(FIELD / "hk1980_grid.csv", "EPSG:2326"), TWO[:1]) < 1


@pytest.mark.parametrize("name", ["a.gpkg", "a.shp", "a.geojson"])
def test_a_file_that_carries_the_hong_kong_grid_is_read_to_the_metre(tmp_path, name):
    file = points(tmp_path / name, [HK], "EPSG:2326")
    assert off(shelters(file, None), TWO[:1]) < 1


@pytest.mark.parametrize(
    ("crs", "near"), [("EPSG:3826", 121.5), ("EPSG:8433", 113.55), ("EPSG:32650", 114.05)]
)
def test_every_datum_with_a_published_operation_goes_there_and_back(crs, near):
    datum, lat = parse_datum(crs), 22.18 if near < 114 else 23.0
    x, y = from_cgcs2000([near], [lat], datum)
    assert np.allclose(to_cgcs2000(x, y, datum), [[near], [lat]], atol=1e-9)


@pytest.mark.parametrize(
    ("crs", "named", "far"),
    [
        ("EPSG:2362", "Xian 1980", "80–130 米"),
        ("EPSG:4610", "Xian 1980", "80–130 米"),
        ("西安80", "Xian 1980", "80–130 米"),
        ("EPSG:2435", "Beijing 1954", "60–110 米"),
        ("EPSG:4795", "New Beijing", "米"),
        ("EPSG:3366", "Hong Kong 1963", "300 米"),
        ("EPSG:3828", "TWD67", "850 米"),
    ],
)
def test_a_datum_that_nothing_leads_from_is_refused_with_the_size_of_the_error(crs, named, far):
    with pytest.raises(DatumError) as refused:
        parse_datum(crs)
    for word in (named, far, "七参数", "格网", "EPSG:4547"):
        assert word in refused.value.say.zh
    assert "7 parameters or a grid file" in refused.value.say.en


def test_an_operation_of_the_sea_does_not_serve_the_land_and_one_of_a_basin_only_that_basin():
    tarim = parse_datum(
        "EPSG:4214"
    )  # Beijing 1954: published for Tarim and Ordos, and for the Pearl River's sea
    lon, lat = to_cgcs2000([80.0, 114.05], [39.0, 22.54], tarim)
    assert np.isfinite(lon).tolist() == np.isfinite(lat).tolist() == [True, False]


def test_rows_that_no_operation_reaches_say_so(tmp_path):
    rows = [["编号", "名称", "经度", "纬度"], ["A", "一", "114.05", "22.54"], ["B", "二", "80.0", "39.0"]]
    intake = shelters(table(tmp_path / "a.csv", rows), "EPSG:4214")
    assert [r.code for r in intake.rejected] == ["A"]
    assert "没有公开的换算" in intake.rejected[0].issues[0].message.zh


def test_an_operation_that_is_good_to_many_metres_is_said_to_be(tmp_path):
    rows = [["编号", "名称", "easting", "northing"], ["A", "一", "250000", "2600000"]]
    intake = shelters(table(tmp_path / "a.csv", rows), "EPSG:3829")
    assert "datum_accuracy" in rules(intake)[None]
    assert "26 米" in next(i.message.zh for i in intake.issues if i.rule == "datum_accuracy")


@pytest.mark.parametrize("name", ["a.gpkg", "a.shp", "a.geojson"])
def test_a_file_that_carries_a_datum_without_operation_is_refused_with_its_name(tmp_path, name):
    file = points(tmp_path / name, [(38505143.3, 2493598.8)], "EPSG:2362")
    with pytest.raises(DatumError, match=r"Xian 1980.*七参数") as refused:
        shelters(file, None)
    assert refused.value.say.zh.startswith(f"{name} › ")


def test_boundaries_on_a_datum_without_operation_are_refused_with_the_file(tmp_path):
    square = shapely.box(505000, 2493000, 506000, 2494000)
    file = tmp_path / "街道.geojson"
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::2362"}}
    file.write_text(json.dumps({"type": "FeatureCollection", "crs": crs, "features": [
        {"type": "Feature", "properties": {"name": "东门"}, "geometry": shapely.geometry.mapping(square)}]}))  # fmt: skip
    with pytest.raises(WorkspaceError, match=r"街道\.geojson.*Xian 1980"):
        read_boundaries(file)


def terrain(path: Path, crs: str, left: float, top: float) -> Path:
    """Write a plane of 40 × 40 cells of 50 m that rises by a metre a cell to the east."""
    heights = np.tile(np.arange(40.0), (40, 1)).astype("float32")
    transform = rasterio.Affine(50, 0, left, 0, -50, top)
    with rasterio.open(
        path, "w", driver="GTiff", height=40, width=40, count=1, dtype="float32", crs=crs, transform=transform,
        nodata=-9999,
    ) as out:  # fmt: skip
        out.write(heights, 1)
    return path


def test_terrain_on_the_hong_kong_grid_is_sampled_in_its_place(tmp_path):
    dem = terrain(
        tmp_path / "dem.tif", "EPSG:2326", HK[0] - 1025, HK[1] + 1000
    )  # the place is the centre of column 20
    assert sample_points(dem, [114.05], [22.54]) == pytest.approx([20.0], abs=0.02)


def test_terrain_of_another_datum_is_neither_resampled_nor_taken_for_cgcs2000(tmp_path):
    dem = terrain(tmp_path / "hk.tif", "EPSG:2326", HK[0], HK[1])
    with pytest.raises(DatumError, match="基准"):
        factors.resample(dem, tmp_path / "out.tif", resolution=30)
    xian = terrain(tmp_path / "xian.tif", "EPSG:2383", 505000, 2494000)
    with pytest.raises(DatumError, match="Xian 1980"):
        sample_points(xian, [114.05], [22.54])


# A header that names another datum
def test_a_header_of_xian_1980_in_a_file_declared_as_cgcs2000_is_refused_and_nothing_is_written(tmp_path):
    assert riskmap("init", tmp_path / "ws").status == 0
    ran = riskmap("import", "shelters", FIELD / "xian80_declared_cgcs.csv", "--crs", "EPSG:4547", "--json",
                  "--workspace", tmp_path / "ws")  # fmt: skip
    assert ran.refused
    assert ran.json["error"]["message"].count("矛盾") == 1
    assert "西安80" in ran.json["error"]["message"]
    assert riskmap("select", "shelters", "--json", "--workspace", tmp_path / "ws").json["count"] == 0


@pytest.mark.parametrize(
    ("headers", "declared"),
    [
        (["X坐标(北京54)", "Y坐标(北京54)"], "EPSG:4547"),
        (["X_54", "Y_54"], "EPSG:4547"),
        (["1980西安坐标系X", "1980西安坐标系Y"], "EPSG:4526"),
        (["东坐标（深圳独立坐标系）", "北坐标（深圳独立坐标系）"], "EPSG:4547"),
        (["HK80_X", "HK80_Y"], "EPSG:4547"),
        (["CGCS2000_X", "CGCS2000_Y"], "EPSG:2326"),
        (["lng_gcj02", "lat_gcj02"], "wgs84"),
        (["bd09_lng", "bd09_lat"], "cgcs2000"),
        (["LON_WGS84", "LAT_WGS84"], "gcj02"),
        (["经度_84", "纬度_84"], "bd09"),
    ],
)
@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_every_header_of_another_datum_than_the_declared_one_is_a_contradiction(
    tmp_path, headers, declared, ending
):
    rows = [["编号", "名称", *headers], ["A", "一", "114.05", "22.54"]]
    with pytest.raises(DatumError, match="矛盾，未写入"):
        shelters(table(tmp_path / f"a.{ending}", rows), declared)


def test_a_group_above_the_columns_names_their_datum_too(tmp_path):
    file = workbook(
        tmp_path / "a.xlsx",
        {
            "S": [
                ["编号", "名称", "西安80坐标", None],
                [None, None, "X", "Y"],
                ["A", "一", 2493598.8, 505143.3],
            ]
        },
        merges={"S": ["C1:D1", "A1:A2", "B1:B2"]},
    )
    with pytest.raises(DatumError, match="西安80"):
        shelters(file, "EPSG:4547")


def test_a_line_above_the_table_and_a_column_of_its_own_name_a_datum_too(tmp_path):
    above = [["坐标系：1980西安坐标系"], ["编号", "名称", "X坐标", "Y坐标"], ["A", "一", 2493598.8, 505143.3]]
    with pytest.raises(DatumError, match="坐标系：1980西安坐标系.*矛盾"):
        shelters(workbook(tmp_path / "a.xlsx", {"S": above}), "EPSG:4547")
    beside = [["编号", "名称", "经度", "纬度", "坐标系"], ["A", "一", "114.05", "22.54", "火星坐标"]]
    file = table(tmp_path / "b.csv", beside)
    with pytest.raises(DatumError, match="坐标系 › 火星坐标.*矛盾"):
        shelters(file, "wgs84")
    assert len(shelters(file, "gcj02").records) == 1


def test_of_columns_in_several_datums_those_of_the_declared_one_are_read(tmp_path):
    shifted = [(114.055, 22.5373), (114.065, 22.5473)]
    rows = [["编号", "名称", "lng_gcj02", "lat_gcj02", "lng_wgs84", "lat_wgs84"]]
    rows += [[f"A{i}", "一", *shifted[i], *TWO[i]] for i in (0, 1)]
    file = table(tmp_path / "a.csv", rows)
    assert off(shelters(file, "wgs84")) < 0.01
    assert 200 > off(shelters(file, "gcj02")) > 1


# Headers of positions
def test_positions_under_headers_with_a_datum_are_read():
    intake = shelters(FIELD / "no_position_column.csv", "wgs84")
    assert off(intake) < 0.01
    assert not intake.issues


@pytest.mark.parametrize(
    ("east", "north", "datum"),
    [
        ("LON_WGS84", "LAT_WGS84", "wgs84"),
        ("lng_gcj02", "lat_gcj02", "gcj02"),
        ("gcj_lng", "gcj_lat", "gcj02"),
        ("bd_lon", "bd_lat", "bd09"),
        ("百度地图经度", "百度地图纬度", "bd09"),
        ("經度", "緯度", "wgs84"),
        ("経度", "緯度", "wgs84"),
        ("decimalLongitude", "decimalLatitude", "wgs84"),
        ("gps_lng", "gps_lat", "wgs84"),
        ("地理经度", "地理纬度", "cgcs2000"),
        ("经度值", "纬度值", "cgcs2000"),
        ("xcoord", "ycoord", "wgs84"),
        ("X_COORD", "Y_COORD", "EPSG:4547"),
        ("centroid_x", "centroid_y", "EPSG:4547"),
        ("CGCS2000_Y坐标", "CGCS2000_X坐标", "EPSG:4547"),
    ],
)
@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_positions_are_read_under_headers_in_their_own_words(tmp_path, east, north, datum, ending):
    x, y = from_cgcs2000(*np.transpose(TWO), parse_datum(datum))
    rows = [["编号", "名称", east, north], *([f"A{i}", "一", f"{x[i]:.9f}", f"{y[i]:.9f}"] for i in (0, 1))]
    intake = shelters(table(tmp_path / f"a.{ending}", rows), datum)
    assert off(intake) < 0.01
    assert not {i.rule for i in intake.issues} & {"unread_position", "swapped_axes"}


@pytest.mark.parametrize(
    "header",
    ["坐标点", "座標", "lnglat", "经纬度_84", "WGS84坐标", "定位坐标", "coords", "geometry", "the_geom"],
)
def test_both_numbers_in_one_cell_are_read_under_headers_in_their_own_words(tmp_path, header):
    rows = [["编号", "名称", header], *([f"A{i}", "一", f"{x},{y}"] for i, (x, y) in enumerate(TWO))]
    assert off(shelters(table(tmp_path / "a.xlsx", rows), "wgs84")) < 0.01


@pytest.mark.parametrize("name", ["a.gpkg", "a.geojson", "a.shp"])
def test_positions_in_the_columns_of_features_without_geometry_are_read(tmp_path, name):
    frame = geopandas.GeoDataFrame(
        {"编号": ["A0", "A1"], "LON_WGS84": [p[0] for p in TWO], "LAT_WGS84": [p[1] for p in TWO]},
        geometry=[None, None],
        crs="EPSG:4326",
    )
    frame.to_file(
        tmp_path / name, geometry_type="Point", **({"encoding": "UTF-8"} if name.endswith("shp") else {})
    )
    assert off(shelters(tmp_path / name, "wgs84")) < 0.01


def test_a_projection_that_only_bears_a_known_name_is_not_taken_for_it(tmp_path):
    points(tmp_path / "a.shp", [(514000.0, 2494000.0)], "EPSG:4547")
    prj = tmp_path / "a.prj"
    prj.write_text(prj.read_text().replace('"Central_Meridian",114.0', '"Central_Meridian",113.8'))
    assert "113.8" in prj.read_text()
    with pytest.raises(DatumError, match="没有 EPSG 编号"):
        shelters(tmp_path / "a.shp", None)


@pytest.mark.parametrize("header", ["坐标系", "起点经度", "经度范围", "面积2000", "location", "x方向位移"])
def test_what_is_no_position_is_not_read_as_one(tmp_path, header):
    rows = [["编号", "名称", header], ["A", "一", "114.05"]]
    intake = shelters(table(tmp_path / "a.csv", rows), "wgs84")
    assert np.isnan(intake.records.lon).all()


@pytest.mark.parametrize(
    ("headers", "cells"),
    [
        (["foo", "bar"], [["114.05", "22.54"], ["114.06", "22.55"]]),
        (["foo", "bar"], [["114°03′00″", "22°32′24″"], ["114°03′36″", "22°33′00″"]]),
        (["foo", "bar"], [["823216.840", "844477.929"], ["823300.100", "844500.200"]]),
    ],
)
@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_unread_columns_that_look_like_positions_are_named(tmp_path, headers, cells, ending):
    rows = [
        ["编号", "名称", "容纳人数", *headers],
        *([f"A{i}", "一", "10", *row] for i, row in enumerate(cells)),
    ]
    for datum in ("wgs84", None):
        intake = shelters(table(tmp_path / f"a.{ending}", rows), datum)
        said = [i for i in intake.issues if i.rule == "unread_position"]
        assert len(said) == 1
        assert all(header in said[0].message.zh for header in headers)


@pytest.mark.parametrize("header", ["foo", "定位", "位置", "地理位置", "shape", "location"])
@pytest.mark.parametrize(
    "cells",
    [
        ("22.54 114.05 31.2 4.5", "22.55 114.06 0 0"),
        ("114.05/22.54", "114.06/22.55"),
        ("POINT (114.05 22.54)", "POINT Z (114.06 22.55 12.5)"),
    ],
)
def test_one_column_whose_every_cell_is_a_position_is_read_as_it_under_any_header(tmp_path, header, cells):
    rows = [["编号", "名称", header], *([f"A{i}", "一", cell] for i, cell in enumerate(cells))]
    intake = shelters(table(tmp_path / "a.csv", rows), "wgs84")
    assert list(np.round(intake.records.lon, 6)) == [114.05, 114.06]
    assert list(np.round(intake.records.lat, 6)) == [22.54, 22.55]
    assert [h.how for h in intake.sheets[0].headers if h.target == "position"] == ["guessed"]


def test_such_a_column_is_named_where_no_coordinate_system_is_stated(tmp_path):
    file = table(tmp_path / "a.csv", [["编号", "名称", "foo"], ["A", "一", "114.05,22.54"]])
    assert "unread_position" in rules(shelters(file, None))[None]


@pytest.mark.parametrize("cells", [["12.50,30.25"], ["114.05,22.54", "见附图"], ["3.5 4.5 6.5"]])
def test_pairs_that_are_no_positions_are_left(tmp_path, cells):
    rows = [["编号", "名称", "尺寸"], *([f"A{i}", "一", cell] for i, cell in enumerate(cells))]
    assert np.isnan(shelters(table(tmp_path / "a.csv", rows), "wgs84").records.lon).all()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("坐标（经度）", "坐标（纬度）"),
        ("坐标X(经度)", "坐标Y(纬度)"),
        ("x坐标（经度）", "y坐标（纬度）"),
        ("E经度", "N纬度"),
        ("Lon_E", "Lat_N"),
        ("地理坐标经度", "地理坐标纬度"),
        ("LONGTITUDE", "LATITUDE"),
    ],
)
def test_an_axis_in_brackets_or_beside_its_letter_is_read_without_a_warning(tmp_path, first, second):
    rows = [["编号", "名称", first, second], ["A", "一", "114.05", "22.54"]]
    intake = shelters(table(tmp_path / "a.csv", rows), "wgs84")
    assert (intake.records.lon[0], intake.records.lat[0]) == (114.05, 22.54)
    assert "swapped_axes" not in rules(intake).get("A", set())


@pytest.mark.parametrize(
    ("lines", "declared"),
    [
        (["避难场所清单（坐标取自百度地图拾取器）"], "wgs84"),
        (["说明：经纬度用高德地图拾取"], "wgs84"),
        (["坐标：北京五四"], "EPSG:4547"),
    ],
)
@pytest.mark.parametrize("below", [False, True])
def test_a_line_above_or_below_the_table_that_names_another_datum_is_a_contradiction(
    tmp_path, lines, declared, below
):
    body = [["编号", "名称", "经度", "纬度"], ["A", "一", "114.05", "22.54"]]
    notes = [[f"注：{line}" if below else line, "", "", ""] for line in lines]
    file = table(tmp_path / "a.xlsx", [*body, *notes] if below else [*notes, *body])
    with pytest.raises(DatumError, match="两者矛盾"):
        shelters(file, declared)


def test_a_line_that_names_two_datums_contradicts_neither(tmp_path):
    rows = [["坐标已由百度坐标转换为WGS84"], ["编号", "名称", "经度", "纬度"], ["A", "一", "114.05", "22.54"]]
    rows[0] += [""] * 3
    assert len(shelters(table(tmp_path / "a.xlsx", rows), "wgs84").records) == 1


@pytest.mark.parametrize(
    ("declared", "easting"),
    [
        ("EPSG:4547", "38505145.6"),
        ("EPSG:4526", "505145.6"),
        ("EPSG:4526", "38505145.6"),
        ("EPSG:4547", "505145.6"),
    ],
)
def test_the_number_of_a_zone_is_taken_off_or_put_in_front_as_the_projection_has_it(
    tmp_path, declared, easting
):
    rows = [["编号", "名称", "东坐标", "北坐标"], ["A", "一", easting, "2493577.9"]]
    intake = shelters(table(tmp_path / "a.csv", rows), declared)
    assert off(intake, TWO[:1]) < 40
    odd = (declared == "EPSG:4547") == (len(easting) > 8)
    assert ("zone_prefix" in rules(intake).get("A", set())) == odd


@pytest.mark.parametrize("lon", ["114°03′00〞", "114。03′00″", "114^03'00\"", "114.03'00\""])
def test_odd_marks_of_degrees_minutes_and_seconds_are_read(tmp_path, lon):
    rows = [["编号", "名称", "经度", "纬度"], ["A", "一", lon, "22.54"]]
    assert shelters(table(tmp_path / "a.xlsx", rows), "wgs84").records.lon[0] == pytest.approx(114.05)


def test_a_bad_cell_elsewhere_does_not_keep_unread_positions_from_being_named(tmp_path):
    rows = [
        ["编号", "名称", "容纳人数", "foo", "bar"],
        ["A", "一", "很多", "114.05", "22.54"],
        ["B", "二", "1", "114.06", "22.55"],
    ]
    intake = shelters(table(tmp_path / "a.csv", rows), "wgs84")
    assert len(intake.rejected) == 1
    assert "unread_position" in rules(intake)[None]


def test_unread_columns_that_look_like_positions_are_named_on_the_command_line(tmp_path):
    file = table(tmp_path / "a.csv", [["编号", "名称", "foo", "bar"], ["A", "一", "114.05", "22.54"]])
    assert riskmap("init", tmp_path / "ws").status == 0
    ran = riskmap("import", "shelters", file, "--crs", "wgs84", "--dry-run", "--workspace", tmp_path / "ws")
    assert "“foo”“bar”像是坐标" in ran.err


def test_numbers_that_are_no_positions_are_not_taken_for_some(tmp_path):
    rows = [
        ["编号", "名称", "foo", "bar"],
        *([f"A{i}", "一", f"{90 + 9 * i}.25", f"{10 + i}.5"] for i in range(4)),
    ]
    assert not shelters(table(tmp_path / "a.csv", rows), "wgs84").issues


# WKT, heights and what else stands in one cell
def test_points_in_wkt_are_read():
    assert off(shelters(FIELD / "wkt_points.csv", "wgs84")) < 0.01


@pytest.mark.parametrize(
    "cells",
    [
        ["POINT (114.05 22.54)", "MULTIPOINT ((114.06 22.55))"],
        ["POINTZ(114.05 22.54 3)", "POINT ZM (114.06 22.55 12 1)"],
        ["SRID=4326;POINT(114.05 22.54)", "SRID=4326;POINT(114.06 22.55)"],
        [shapely.to_wkb(Point(*p), hex=True) for p in TWO],
        [shapely.to_wkb(shapely.set_srid(Point(*p), 4326), hex=True, include_srid=True) for p in TWO],
        [json.dumps(shapely.geometry.mapping(Point(*p))) for p in TWO],
    ],
)
@pytest.mark.parametrize("header", ["WKT", "geom", "坐标"])
def test_a_point_in_one_cell_is_read_however_a_database_writes_it(tmp_path, cells, header):
    rows = [["编号", "名称", header], *([f"A{i}", "一", cell] for i, cell in enumerate(cells))]
    assert off(shelters(workbook(tmp_path / "a.xlsx", {"S": rows}), "wgs84")) < 0.01


def test_an_empty_point_is_no_position_and_a_polygon_is_refused(tmp_path):
    rows = [["编号", "名称", "WKT"], ["A", "一", "POINT EMPTY"], ["B", "二", "POLYGON((1 2,2 3,3 1,1 2))"]]
    intake = shelters(workbook(tmp_path / "a.xlsx", {"S": rows}), "wgs84")
    assert list(intake.records.code) == ["A"]
    assert np.isnan(intake.records.lon[0])
    assert [r.code for r in intake.rejected] == ["B"]


def test_cells_that_state_their_datum_need_no_other_and_bear_no_other(tmp_path):
    rows = [["编号", "名称", "geom"], ["A", "一", f"SRID=2326;POINT({HK[0]} {HK[1]})"]]
    file = workbook(tmp_path / "a.xlsx", {"S": rows})
    assert off(shelters(file, None), TWO[:1]) < 1
    with pytest.raises(DatumError, match="SRID"):
        shelters(file, "EPSG:4547")


def test_height_and_accuracy_behind_a_position_are_left():
    intake = shelters(FIELD / "geopoint_altitude.csv", "wgs84")
    assert off(intake) < 0.01
    assert "swapped_axes" not in {i.rule for i in intake.issues}


@pytest.mark.parametrize(
    "form",
    ["{y} {x} 31.2 4.5", "{y} {x} 31.2", "{x},{y},31", "{x}, {y}, 31.5m", "{x} {y} 0", "({x}; {y}; 3)"],
)
@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_a_height_behind_a_position_is_left_in_every_order(tmp_path, form, ending):
    rows = [
        ["编号", "名称", "坐标"],
        *([f"A{i}", "一", form.format(x=x, y=y)] for i, (x, y) in enumerate(TWO)),
    ]
    assert off(shelters(table(tmp_path / f"a.{ending}", rows), "wgs84")) < 0.01


@pytest.mark.parametrize("name", ["a.gpkg", "a.shp", "a.geojson", "a.kml"])
def test_points_with_heights_are_read_from_every_format(tmp_path, name):
    if name.endswith("kml"):
        marks = "".join(
            f"<Placemark><name>A{i}</name><ExtendedData><Data name='编号'><value>A{i}</value></Data></ExtendedData>"
            f"<Point><coordinates>{x},{y},31.5</coordinates></Point></Placemark>"
            for i, (x, y) in enumerate(TWO)
        )
        (tmp_path / name).write_text(
            f'<kml xmlns="http://www.opengis.net/kml/2.2"><Document>{marks}</Document></kml>',
            encoding="utf-8",
        )
    else:
        points(tmp_path / name, [(*p, 31.5) for p in TWO], "EPSG:4326")
    assert off(shelters(tmp_path / name, None if not name.endswith("kml") else "wgs84")) < 0.01


# What is far
def district(tmp_path: Path, more: str, name: str = "ws") -> Path:
    """Make a workspace whose [district] says `more`."""
    folder = tmp_path / name
    assert riskmap("init", folder).status == 0
    file = folder / "workspace.toml"
    file.write_text(
        file.read_text(encoding="utf-8").replace("[district]\n", f"[district]\n{more}\n", 1), encoding="utf-8"
    )
    return folder


def imported(ws: Path, rows: list[list[object]], datum: str = "wgs84") -> tuple[dict, dict]:
    """Import rows into shelters; return the file's report and code → record."""
    ran = riskmap(
        "import", "shelters", table(ws / "a.csv", rows), "--crs", datum, "--json", "--workspace", ws
    )
    found = riskmap("select", "shelters", "--json", "--workspace", ws).json["features"]
    return ran.json["files"][0], {f["code"]: f for f in found}


FAR = [
    ["编号", "名称", "经度", "纬度"],
    ["S", "一", "103.82", "1.35"],
    ["T", "二", "1.35", "103.82"],
    ["C", "三", "114.05", "22.54"],
]


def test_a_district_elsewhere_states_its_extent_and_swapped_positions_are_still_turned(tmp_path):
    ws = district(tmp_path, "extent = [103.5, 1.1, 104.1, 1.5]")
    done, records = imported(ws, FAR)
    assert {c: (round(r["lon"], 2), round(r["lat"], 2)) for c, r in records.items()} == {
        "S": (103.82, 1.35), "T": (103.82, 1.35), "C": (114.05, 22.54),
    }  # fmt: skip
    said = {i["code"]: i["rule"] for i in done["issues"]}
    assert said == {"T": "swapped_axes", "C": "outside_extent"}


def test_without_an_extent_such_positions_are_refused_with_the_way_to_state_one(tmp_path):
    done, records = imported(district(tmp_path, ""), FAR)
    assert set(records) == {"C"}
    assert all("extent" in i["message"] for i in done["issues"] if i["severity"] == "error")


def test_tables_of_people_roads_zones_and_rain_lie_where_the_district_is(tmp_path):
    from riskmap.actions.episode.evacuation import danger_zones
    from riskmap.actions.workspace import open_workspace
    from riskmap.io.readers.evacuation import read_people, read_roads
    from riskmap.io.readers.rain import read_station_rain

    ws = open_workspace(district(tmp_path, "extent = [103.5, 1.1, 104.1, 1.5]"))
    people = table(tmp_path / "p.csv", [["编号", "人数", "经度", "纬度"], ["P", "3", "103.82", "1.35"]])
    roads = table(
        tmp_path / "r.csv",
        [["起点经度", "起点纬度", "终点经度", "终点纬度"], ["103.82", "1.35", "103.83", "1.35"]],
    )
    zones = table(tmp_path / "z.csv", [["编号", "经度", "纬度", "半径(m)"], ["Z", "103.82", "1.35", "200"]])
    rain = table(
        tmp_path / "rain.csv",
        [["站号", "时间(北京时间)", "雨量(mm)", "经度", "纬度"]]
        + [["S", f"2026-05-01 0{hour}:00", "5", "103.82", "1.35"] for hour in (1, 2, 3)],
    )
    assert len(read_people(people, crs="wgs84", region=ws.region).records) == 1
    assert len(read_roads(roads, crs="wgs84", region=ws.region).start) == 1
    assert len(danger_zones(ws, zones, crs="wgs84").zones) == 1
    assert read_station_rain(rain, region=ws.region).lon == pytest.approx([103.82])
    with pytest.raises(RiskmapError, match="103.82"):
        read_roads(roads, crs="wgs84")
    with pytest.raises(RiskmapError, match="103.82"):
        read_station_rain(rain)
    assert not len(read_people(people, crs="wgs84").records)


def test_unread_columns_that_look_like_positions_are_named_wherever_the_district_is(tmp_path):
    ws = district(tmp_path, "extent = [103.5, 1.1, 104.1, 1.5]")
    rows = [["编号", "名称", "foo", "bar"], ["S", "一", "103.82", "1.35"], ["T", "二", "103.83", "1.36"]]
    done, _ = imported(ws, rows)
    assert "unread_position" in {issue["rule"] for issue in done["issues"]}


def test_the_boundary_says_where_the_district_is_too(tmp_path):
    ws = district(tmp_path, "")
    shape = shapely.geometry.mapping(shapely.box(103.6, 1.2, 104.0, 1.5))
    (ws / "b.geojson").write_text(
        json.dumps({"type": "Feature", "properties": {"name": "本区"}, "geometry": shape}), encoding="utf-8"
    )
    file = ws / "workspace.toml"
    file.write_text(
        file.read_text(encoding="utf-8").replace('boundary = ""', 'boundary = "b.geojson"', 1),
        encoding="utf-8",
    )
    done, records = imported(ws, FAR)
    assert set(records) == {"S", "T", "C"}
    assert records["T"]["lon"] == pytest.approx(103.82)
    assert {"C": "outside_district"}.items() <= {i["code"]: i["rule"] for i in done["issues"]}.items()


def test_a_turned_grid_is_told_by_the_district_where_both_ways_make_sense(tmp_path):
    rows = [["编号", "名称", "easting", "northing"], ["A", "一", f"{HK[1]}", f"{HK[0]}"]]
    done, records = imported(district(tmp_path, "extent = [113.9, 22.5, 114.1, 22.6]"), rows, "EPSG:2326")
    assert records["A"]["lon"] == pytest.approx(114.05, abs=1e-5)
    assert [i["rule"] for i in done["issues"]] == ["swapped_axes"]


@pytest.mark.parametrize(
    "extent",
    [
        "[22.4, 113.7, 22.9, 114.7]",
        "[113.7, 22.4]",
        "[114.7, 22.4, 113.7, 22.9]",
        "[500000, 2493000, 510000, 2500000]",
    ],
)
def test_an_extent_that_is_none_is_named_with_its_line(tmp_path, extent):
    ws = district(tmp_path, f"extent = {extent}")
    ran = riskmap("summary", "--json", "--workspace", ws)
    assert ran.status == 2
    assert "extent" in ran.err
    assert "[西, 南, 东, 北]" in ran.err


def test_boundaries_with_axes_turned_round_are_refused(tmp_path):
    file = tmp_path / "b.geojson"
    shape = shapely.geometry.mapping(shapely.box(47.0, 87.0, 48.0, 88.0))  # Altay, latitude first
    file.write_text(json.dumps({"type": "Feature", "properties": {}, "geometry": shape}), encoding="utf-8")
    with pytest.raises(WorkspaceError, match="经度、纬度"):
        read_boundaries(file)


def test_a_workbook_of_rejected_rows_remembers_its_datum(tmp_path):
    ws = district(tmp_path, "")
    rows = [["编号", "名称", "经度", "纬度", "容纳人数"], ["A", "一", "114.1251", "22.5453", "很多"]]
    back, later = tmp_path / "退回.xlsx", tmp_path / "退回2.xlsx"
    ran = riskmap(
        "import",
        "shelters",
        table(tmp_path / "a.csv", rows),
        "--crs",
        "gcj02",
        "--rejects",
        back,
        "--workspace",
        ws,
    )
    assert ran.status == 1
    assert riskmap("rejected", "--to", later, "--workspace", ws).status == 0
    for file in (back, later):
        book = openpyxl.load_workbook(file)
        book["a"]["E2"] = "10"
        book.save(file)
        ran = riskmap("import", "shelters", file, "--dry-run", "--json", "--workspace", ws)
        assert ran.status == 0, ran.err
    assert riskmap("import", "shelters", back, "--json", "--workspace", ws).status == 0
    found = riskmap("select", "shelters", "--json", "--workspace", ws).json["features"][0]
    right = to_cgcs2000([114.1251], [22.5453], parse_datum("gcj02"))
    assert [found["lon"], found["lat"]] == pytest.approx(np.ravel(right), abs=1e-7)


def test_another_datum_may_be_declared_for_rejected_rows(tmp_path):
    ws = district(tmp_path, "")
    rows = [["编号", "名称", "X", "Y"], ["A", "一", "514000.0", "2494000.0"]]
    back = tmp_path / "退回.xlsx"
    ran = riskmap(
        "import",
        "shelters",
        table(tmp_path / "a.csv", rows),
        "--crs",
        "wgs84",
        "--rejects",
        back,
        "--workspace",
        ws,
    )
    assert ran.status == 1
    done = riskmap("import", "shelters", back, "--crs", "EPSG:4547", "--json", "--workspace", ws)
    assert done.json["files"][0]["inserted"] == 1


# What a file leaves out
STREETS = {"东门": shapely.box(114.0, 22.5, 114.1, 22.6), "翠竹": shapely.box(114.1, 22.5, 114.2, 22.6)}


def with_streets(tmp_path: Path) -> Path:
    """Make a workspace of two streets whose ledger knows two places."""
    ws = district(tmp_path, "")
    features = [
        {"type": "Feature", "properties": {"name": name}, "geometry": shapely.geometry.mapping(shape)}
        for name, shape in STREETS.items()
    ]
    (ws / "s.geojson").write_text(
        json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8"
    )
    file = ws / "workspace.toml"
    file.write_text(
        file.read_text(encoding="utf-8").replace('subdistricts = ""', 'subdistricts = "s.geojson"', 1),
        encoding="utf-8",
    )
    rows = [["编号", "名称", "街道", "地址", "经度", "纬度"], ["P", "老电影院", "东门", "人民路5号", "114.05", "22.54"],
            ["Q", "翠竹中学", "翠竹", "翠竹路9号", "114.15", "22.55"]]  # fmt: skip
    assert imported(ws, rows)[0]["inserted"] == 2
    return ws


SILENT = [
    ["编号", "名称", "街道", "地址", "经度", "纬度"],
    ["A", "一", "", "", "114.16", "22.56"],
    ["B", "二", "东门", "人民路5号2栋", "", ""],
    ["C", "三", "东门", "翠竹中学旁", "", ""],  # the place of another street
    ["D", "四", "翠竹", "没人知道的地方", "", ""],
]


def test_a_missing_street_and_a_missing_position_are_offered_and_not_written(tmp_path):
    ws = with_streets(tmp_path)
    done, records = imported(ws, SILENT)
    offered = {(s["code"], s["field"]): s["value"] for s in done["suggestions"]}
    assert offered == {("A", "subdistrict"): "翠竹", ("B", "position"): [114.05, 22.54]}
    assert records["A"]["subdistrict"] is None
    assert records["B"]["lon"] is None


def test_what_is_offered_is_written_when_it_is_accepted_and_the_reason_says_so(tmp_path):
    ws = with_streets(tmp_path)
    file = table(tmp_path / "b.csv", SILENT)
    words = ("import", "shelters", file, "--crs", "wgs84", "--workspace", ws)
    assert "--fill subdistrict" in riskmap(*words, "--dry-run").err
    ran = riskmap(*words, "--json", "--fill", "subdistrict", "--fill", "position", "--why", "补报")
    assert ran.status == 0, ran.err
    assert "suggestions" not in ran.json["files"][0]
    assert [i["code"] for i in ran.json["files"][0]["issues"] if i["rule"] == "filled_in"] == ["A", "B"]
    found = {
        f["code"]: f for f in riskmap("select", "shelters", "--json", "--workspace", ws).json["features"]
    }
    assert found["A"]["subdistrict"] == "翠竹"
    assert (found["B"]["lon"], found["B"]["lat"]) == pytest.approx((114.05, 22.54))
    assert found["C"]["lon"] is found["D"]["lon"] is None
    why = riskmap("history", "shelters", "B", "--json", "--workspace", ws).json["revisions"][0]["why"]
    assert why == "补报（文件未写、按确认补上 2 项街道或位置）"


def silent_records(tmp_path: Path) -> Path:
    """Make a workspace whose ledger holds records that lack a street or a position."""
    ws = with_streets(tmp_path)
    imported(ws, SILENT)
    return ws


def record(ws: Path, code: str) -> dict:
    found = riskmap("select", "shelters", "--json", "--workspace", ws).json["features"]
    return next(one for one in found if one["code"] == code)


def test_records_of_the_ledger_are_offered_what_they_lack_and_nothing_is_written(tmp_path):
    ws = silent_records(tmp_path)
    before = riskmap("changes", "--json", "--workspace", ws).json
    found = riskmap("fill", "shelters", "--json", "--workspace", ws).json
    offered = {(one["code"], one["field"]): one["value"] for one in found["offers"]}
    assert offered == {("A", "subdistrict"): "翠竹", ("B", "position"): [114.05, 22.54]}
    assert found["accepted"] == []
    assert riskmap("changes", "--json", "--workspace", ws).json == before
    assert "--accept position" in riskmap("fill", "shelters", "--workspace", ws).err


def test_what_is_accepted_for_records_is_one_changeset_and_one_undo(tmp_path):
    ws = silent_records(tmp_path)
    asked = ("--accept", "subdistrict", "--accept", "position", "--why", "已核对", "--by", "张三")
    done = riskmap("fill", "shelters", *asked, "--json", "--workspace", ws).json
    assert [one["code"] for one in done["accepted"]] == ["A", "B"]
    assert done["offers"] == []
    written = riskmap("changes", "--json", "--workspace", ws).json["changesets"]
    last = next(one for one in written if one["kind"] != "assess")  # which follows every edit
    assert (last["who"], last["why"]) == ("张三", "已核对（按确认补上 2 项街道或位置）")
    assert record(ws, "A")["subdistrict"] == "翠竹"
    assert (record(ws, "B")["lon"], record(ws, "B")["lat"]) == pytest.approx((114.05, 22.54))
    assert riskmap("undo", last["id"], "--why", "试", "--workspace", ws).status == 0
    assert record(ws, "A")["subdistrict"] is None
    assert record(ws, "B")["lon"] is None


def test_a_record_can_be_left_out_and_other_fields_cannot_be_filled_in(tmp_path):
    ws = silent_records(tmp_path)
    asked = ("--accept", "subdistrict", "--accept", "position", "--but", "A")
    done = riskmap("fill", "shelters", *asked, "--json", "--workspace", ws).json
    assert [one["code"] for one in done["accepted"]] == ["B"]
    assert [one["code"] for one in done["offers"]] == ["A"]
    assert riskmap("fill", "shelters", "--accept", "tier", "--json", "--workspace", ws).refused


def test_an_offer_that_a_person_has_overtaken_is_refused(tmp_path):
    from riskmap.actions.records.editing import edit_point
    from riskmap.actions.suggestions import accept_offers, record_offers
    from riskmap.actions.workspace import open_workspace
    from riskmap.rules.permissions import local_actor

    ws, by = open_workspace(silent_records(tmp_path)), local_actor("张三")
    offered = record_offers(ws, "shelters")
    edit_point(ws, "shelters", "A", seen=1, changes={"subdistrict": "东门"}, by=by, why="更正")
    with pytest.raises(StaleRevisionError):
        accept_offers(ws, "shelters", offered, by=by, why="已核对")
    assert record(ws.root, "B")["lon"] is None
    assert [one.code for one in record_offers(ws, "shelters")] == ["B"]


def test_only_streets_and_positions_can_be_filled_in(tmp_path):
    ws = with_streets(tmp_path)
    ran = riskmap(
        "import",
        "shelters",
        table(tmp_path / "b.csv", SILENT),
        "--crs",
        "wgs84",
        "--fill",
        "tier",
        "--workspace",
        ws,
    )
    assert ran.refused
    assert "subdistrict" in ran.err
