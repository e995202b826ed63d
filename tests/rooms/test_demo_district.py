"""The demo district: its figures come out of the models, its ground has no gap, nothing in it is real."""

from __future__ import annotations

import csv
import datetime as dt
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmap.catalog import load_catalog
from riskmap.demo_district import make_demo, write_boundaries
from riskmap.demo_district.district import hectares
from riskmap.demo_district.risk_points import CONSEQUENCE, EXPOSURE, LIKELIHOOD, Quota
from riskmap.io.readers.boundaries import read_boundaries
from riskmap.values.boundaries import Boundaries, duplicates

TODAY = dt.date(2025, 6, 30)
COUNTS = {
    "risk_points": 42_336,
    "slopes": 123,
    "underground_spaces": 571,
    "waterlogging": 60,
    "forest_fire_grids": 35,
    "shelters": 45,
}


@pytest.fixture(scope="module")
def demo():
    return make_demo(today=TODAY)


def column(records, field):
    return np.array([np.nan if v is None else v for v in records.values[field]], float)


def bands(records, limits=(70, 160, 320)):
    """L·E·C by hand: how many low, general, large, major; and how many lack a factor."""
    d = column(records, "likelihood") * column(records, "exposure") * column(records, "consequence")
    rated = np.round(d[~np.isnan(d)], 6)
    tiers = np.bincount(np.searchsorted(limits, rated, side="right"), minlength=4)
    return tiers.tolist(), int(np.isnan(d).sum())


def grids_of(demo):
    return shapely.from_wkb(list(demo.layers["forest_fire_grids"].shapes))


def test_every_layer_has_its_published_number_of_records(demo):
    assert {layer: len(records) for layer, records in demo.layers.items()} == COUNTS


def test_the_factors_multiply_to_the_published_figures(demo):
    assert bands(demo.layers["risk_points"]) == ([39_404, 2_876, 8, 0], 48)


def test_no_tier_is_stored_and_the_totals_follow_limits_and_factors(demo):
    points = demo.layers["risk_points"]
    assert all("tier" not in field for records in demo.layers.values() for field in records.values)
    assert bands(points, limits=(90, 160, 320)) != bands(points)
    assert bands(points, limits=(70, 150, 320)) != bands(points) or bands(points, (70, 140, 320)) != bands(
        points
    )
    worst = int(np.nanargmax(column(points, "likelihood") == 1.0))
    raised = list(points.values["likelihood"])
    raised[worst] = 10_000.0
    changed = type(points)(
        **{
            **{name: getattr(points, name) for name in points.__dataclass_fields__},
            "values": {**points.values, "likelihood": raised},
        }
    )
    assert bands(changed)[0][3] == 1


def test_every_factor_is_one_of_the_published_values(demo):
    points = demo.layers["risk_points"]
    for field, published in (
        ("likelihood", LIKELIHOOD),
        ("exposure", EXPOSURE),
        ("consequence", CONSEQUENCE),
    ):
        assert {v for v in points.values[field] if v is not None} == set(published)


def test_slopes_are_damaged_monitored_and_in_works_as_published(demo):
    slopes = demo.layers["slopes"]
    rain, historic, monitored, works = (
        np.array(slopes.values[field]) for field in ("rain_damaged", "historic", "monitored", "in_works")
    )
    assert (rain.sum(), (rain & monitored).sum(), (rain & works).sum()) == (104, 7, 38)
    assert (historic.sum(), (historic & monitored).sum(), (historic & rain).sum()) == (19, 19, 0)


def test_underground_spaces_have_complete_checklists_and_margins_that_agree(demo):
    spaces = demo.layers["underground_spaces"]
    assert set(spaces.checklist) == {(True,) * 10}
    margin = (
        column(spaces, "entrance_elevation_m")
        + column(spaces, "barrier_height_m")
        - column(spaces, "local_water_level_m")
    )
    assert np.allclose(margin, column(spaces, "opening_margin_m"), atol=0.005)


def test_waterlogging_spots_have_four_contacts_and_a_plan(demo):
    spots = demo.layers["waterlogging"]
    assert all([c.role for c in four] == [f"contact_{i}" for i in (1, 2, 3, 4)] for four in spots.contacts)
    assert set(spots.values["site_plan"]) == {True}


def check_ground(demo):
    """What must hold for every seed."""
    parts = list(demo.subdistricts.values())
    assert demo.district.is_valid
    assert 220 <= hectares(demo.district) / 100 <= 300
    assert len(parts) == 10
    assert shapely.coverage_is_valid(parts)
    assert shapely.union_all(parts).symmetric_difference(demo.district).area == 0
    assert min(map(hectares, parts)) > 300

    grids = grids_of(demo)
    assert shapely.coverage_is_valid(grids)
    areas = [hectares(grid) for grid in grids]
    assert sum(areas) == pytest.approx(10_357.15, abs=1e-4)
    whole = shapely.coverage_union_all(grids)
    assert hectares(whole) == pytest.approx(10_357.15, abs=1e-3)  # an overlap would be missing here
    stated = demo.layers["forest_fire_grids"].values["area_ha"]
    assert round(sum(stated), 6) == 10_357.15
    assert np.abs(np.array(stated) - areas).max() <= 0.01
    assert demo.district.buffer(1e-9).covers(whole)

    places = Boundaries.of(demo.district, demo.subdistricts)
    for records in demo.layers.values():
        where = places.locate(records.lon, records.lat)
        assert [places.names[i] if i >= 0 else None for i in where] == list(records.subdistrict)


def test_every_record_lies_in_its_own_sub_district_and_the_ground_has_no_gap(demo):
    check_ground(demo)


@settings(max_examples=5)
@given(seed=st.integers(0, 2**32), points=st.integers(1, 3000))
def test_any_seed_has_the_same_counts(seed, points):
    other = make_demo(points=points, seed=seed, today=TODAY)
    assert {layer: len(r) for layer, r in other.layers.items()} == {**COUNTS, "risk_points": points}
    quota = Quota.of(points)
    assert bands(other.layers["risk_points"]) == ([quota.low, quota.general, quota.large, 0], quota.unrated)
    rain = np.array(other.layers["slopes"].values["rain_damaged"])
    assert rain.sum() == 104
    check_ground(other)


@given(points=st.integers(1, 2_000_000))
def test_scaled_figures_keep_their_proportions_and_add_up(points):
    quota = Quota.of(points)
    assert quota.large + quota.general + quota.low + quota.unrated == points
    for found, reported in ((quota.large, 8), (quota.general, 2_876), (quota.unrated, 48)):
        assert abs(found - reported * points / 42_336) <= 0.5


def test_the_same_seed_gives_the_same_district_and_another_seed_another(demo):
    one, same = (make_demo(points=200, seed=3, today=TODAY) for _ in range(2))
    assert one.district == same.district
    assert one.layers["risk_points"].values == same.layers["risk_points"].values
    assert np.array_equal(one.layers["risk_points"].lon, same.layers["risk_points"].lon)
    assert one.district != demo.district


_DIGEST = """
import hashlib, pickle
from datetime import date
import shapely
from riskmap.demo_district import make_demo
made = make_demo(points=300, today=date(2026, 11, 30))
told = [[r.code, r.name, list(r.lon), list(r.lat), r.values, r.contacts] for r in made.layers.values()]
told.append([shapely.to_wkt(shape, rounding_precision=17) for shape in made.subdistricts.values()])
print(hashlib.sha256(repr(told).encode()).hexdigest())
"""


def test_an_older_processor_makes_the_same_district():
    # numpy draws, sorts and sums by other ways where a processor has less to offer.
    older = os.environ | {"NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4", "OPENBLAS_CORETYPE": "Nehalem"}
    made = [
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", _DIGEST],
            env=env,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for env in (os.environ, older)
    ]
    assert made[0] == made[1] != ""


def test_the_number_of_points_changes_nothing_else(demo):
    few = make_demo(points=10, today=TODAY)
    assert few.district == demo.district
    assert few.layers["slopes"].values == demo.layers["slopes"].values


def test_codes_are_unique_and_number_each_sub_district_from_one(demo):
    for records in demo.layers.values():
        assert len(set(records.code)) == len(records)
    points = demo.layers["risk_points"]
    assert points.code[0] == "YS-01-00001"
    assert all(re.fullmatch(r"YS-(0[1-9]|10)-\d{5}", code) for code in points.code)
    names = list(demo.subdistricts)
    assert {int(code[3:5]) - 1 for code in points.code} == set(range(10))
    assert all(names[int(c[3:5]) - 1] == s for c, s in zip(points.code, points.subdistrict, strict=True))


def test_no_name_occurs_twice_within_thirty_metres(demo):
    for records in demo.layers.values():
        assert not duplicates(records.name, records.lon, records.lat).any()


def test_nothing_can_be_taken_for_a_real_place_or_person(demo):
    assert demo.name == "演示区"
    assert demo.mark == "演示数据 demo data"
    assert all(name.startswith("演示") for name in demo.subdistricts)
    for records in demo.layers.values():
        assert all(name.startswith("演示·") for name in records.name)
        assert all(a.startswith("演示") for a in records.values.get("address", ()))
        people = {c for row in records.contacts for c in row}
        assert all(re.fullmatch(r"1390000\d{4}", c.phone) for c in people)
        assert all(c.name[0] in "演示样例虚拟" for c in people)


def test_records_fit_their_layers_and_are_rated_by_the_real_models(demo):
    catalog = load_catalog(Path(__file__).parents[2])
    for layer_id, records in demo.layers.items():
        layer = catalog.layers[layer_id]
        length = len(records)
        roles = {role.id for role in layer.contacts}
        assert {c.role for row in records.contacts for c in row} <= roles
        assert set(records.values) <= set(layer.field_ids)
        for field_id, values in records.values.items():
            field = layer.field(field_id)
            assert len(values) == length
            stated = [v for v in values if v is not None]
            if field.type == "choice":
                assert set(stated) <= {choice.id for choice in field.choices}
            elif field.type == "boolean":
                assert {type(v) for v in stated} <= {bool}
            elif field.type == "integer":
                assert {type(v) for v in stated} <= {int}
            elif field.type == "number":
                assert {type(v) for v in stated} <= {float}
                assert min(stated) >= (-np.inf if field.minimum is None else field.minimum)
                assert max(stated) <= (np.inf if field.maximum is None else field.maximum)
            elif field.type == "date":
                assert max(map(dt.date.fromisoformat, set(stated))) < TODAY
            else:
                assert {type(v) for v in stated} <= {str}


def test_the_real_models_give_the_published_figures_and_leave_only_the_48_unrated(demo):
    figures = {layer: assessed(demo, layer) for layer in demo.layers}
    assert figures["risk_points"] == {"low": 39_404, "unrated": 48, "general": 2_876, "large": 8}
    for layer in COUNTS.keys() - {"risk_points"}:
        assert "unrated" not in figures[layer]
        assert len(figures[layer]) >= 3  # a spread of tiers


def assessed(demo, layer_id):
    import pyarrow as pa

    from riskmap.scoring import assess_table
    from riskmap.vocabulary import RANKS

    catalog = load_catalog(Path(__file__).parents[2])
    layer, records = catalog.layers[layer_id], demo.layers[layer_id]
    kinds = {"number": pa.float64(), "integer": pa.int64(), "boolean": pa.bool_()}
    columns = {}
    for field_id, values in records.values.items():
        field = layer.field(field_id)
        made = pa.array(values, kinds.get(field.type, pa.string()))
        columns[f"f:{field_id}"] = made.dictionary_encode() if field.type == "choice" else made
    ranks = assess_table(catalog.models[layer.model], layer, pa.table(columns)).rank
    return {RANKS[rank]: int(n) for rank, n in enumerate(np.bincount(ranks)) if n}


def test_kinds_spread_over_all_choices_and_sub_districts_have_several_communities(demo):
    points = demo.layers["risk_points"]
    catalog = load_catalog(Path(__file__).parents[2])
    assert set(points.values["kind"]) == {c.id for c in catalog.layers["risk_points"].field("kind").choices}
    for name in demo.subdistricts:
        mine = {c for c, s in zip(points.values["community"], points.subdistrict, strict=True) if s == name}
        assert len(mine) >= 5


def test_slopes_stand_on_steep_ground_and_waterlogging_in_low_ground(demo):
    heights, to, _ = demo.dem
    down, across = np.gradient(heights, to.a)
    steep = np.degrees(np.arctan(np.hypot(down, across)))
    there = {layer: at(demo, demo.layers[layer]) for layer in ("slopes", "waterlogging", "risk_points")}
    assert np.nanmedian(steep[there["slopes"]]) > 3 * np.nanmedian(steep[there["risk_points"]])
    assert np.nanmedian(heights[there["waterlogging"]]) < np.nanmedian(heights[there["risk_points"]])


def at(demo, records):
    from pyproj import Transformer

    _, to, crs = demo.dem
    east, north = Transformer.from_crs("EPSG:4490", crs, always_xy=True).transform(records.lon, records.lat)
    return (((north - to.f) / to.e).astype(int), ((east - to.c) / to.a).astype(int))


def test_terrain_is_known_all_over_the_district(demo):
    heights, to, crs = demo.dem
    assert heights.dtype == np.float32
    assert crs == "EPSG:4547"
    assert 30 <= to.a <= 50
    assert 550 <= np.nanmax(heights) <= 850
    for records in demo.layers.values():
        assert np.isfinite(heights[at(demo, records)]).all()


def test_boundary_files_read_back_as_they_are(demo, tmp_path):
    files = write_boundaries(demo, tmp_path)
    assert files == {
        "district": tmp_path / "boundaries" / "district.geojson",
        "subdistricts": tmp_path / "boundaries" / "subdistricts.geojson",
        "dem": tmp_path / "dem.tif",
        "people": tmp_path / "people.csv",
    }
    assert read_boundaries(files["district"]) == {demo.name: demo.district}
    assert read_boundaries(files["subdistricts"]) == dict(demo.subdistricts)
    assert (
        "演示数据 demo data"
        in json.loads(files["district"].read_text("utf-8"))["features"][0]["properties"].values()
    )
    with rasterio.open(files["dem"]) as raster:
        heights = raster.read(1, masked=True).filled(np.nan)
        assert (raster.crs.to_epsg(), raster.nodata, raster.transform) == (4547, -9999.0, demo.dem[1])
    assert np.nanmax(np.abs(heights - demo.dem[0])) <= 0.051
    assert np.array_equal(np.isnan(heights), np.isnan(demo.dem[0]))
    assert sorted(p.name for p in tmp_path.rglob("*") if p.is_file()) == [
        "dem.tif",
        "district.geojson",
        "people.csv",
        "subdistricts.geojson",
    ]


def test_no_points_at_all_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        make_demo(points=0)


def test_the_table_of_people_names_buildings_of_the_district_and_is_marked(demo, tmp_path):
    file = write_boundaries(demo, tmp_path)["people"]
    with file.open(encoding="utf-8-sig", newline="") as table:
        rows = list(csv.DictReader(table))
    assert len({row["楼栋编号"] for row in rows}) == len(rows) == len(demo.dwellers)
    assert {row["所属街道"] for row in rows} <= set(demo.subdistricts)
    assert all(row["备注"] == demo.mark for row in rows)
    assert all(0 <= int(row["行动不便人数"]) <= int(row["人数"]) for row in rows)
    inside = shapely.contains_xy(
        demo.district, [float(row["经度"]) for row in rows], [float(row["纬度"]) for row in rows]
    )
    assert inside.all()
