"""Our exports in the hands of other programs (GDAL's and QGIS's of the system), and back again: nothing changes
that nobody changed."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import riskmap
from riskmap.io.tables.headers import names_cut
from riskmap.vocabulary import TIER_COLOURS
from tests import cli

PICTURE = Path(__file__).parents[1] / "qgis_picture.py"


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    """A demo workspace and its exports beside it: alles.gpkg, .kml and .shp.zip."""
    folder = tmp_path_factory.mktemp("foreign")
    riskmap.demo(folder / "ws", points=1500, seed=1).assess(by="测试", why="测试")
    targets = [word for ending in ("gpkg", "kml", "shp.zip") for word in ("--to", folder / f"全部.{ending}")]
    assert cli.riskmap("export", *targets, "--workspace", folder / "ws").status in {0, 1}
    return folder


# Another program has none of the settings by which ours keeps GDAL from the network.
OUTSIDE = {
    key: value for key, value in os.environ.items() if not key.startswith(("GDAL_", "OGR_", "CPL_", "PROJ_"))
}


def again(folder: Path, file: Path, layer: str = "slopes") -> dict:
    """What an import of a file would do."""
    found = cli.riskmap(
        *("import", layer, file, "--crs", "cgcs2000", "--dry-run", "--json", "--workspace", folder / "ws")
    )
    assert found.status == 0, found.err
    return found.json["files"][0]


def converted(gdal: str, folder: Path, name: str, driver: str, *options: str, layer: str = "slopes") -> Path:
    target = folder / name
    subprocess.run(
        [gdal, "-f", driver, *options, target, folder / "全部.gpkg", layer],
        check=True,
        capture_output=True,
    )
    if target.suffix != ".shp":
        return target
    packed = target.with_suffix(".zip")
    with zipfile.ZipFile(packed, "w") as archive:
        for part in sorted(folder.glob(f"{target.stem}.[dspc]*")):
            archive.write(part, part.name)
    return packed


@pytest.mark.parametrize(
    ("name", "driver", "options"),
    [
        ("a.shp", "ESRI Shapefile", ("-lco", "ENCODING=UTF-8")),
        ("b.geojson", "GeoJSON", ()),
        ("c.csv", "CSV", ("-lco", "GEOMETRY=AS_XY")),
        ("d.kml", "LIBKML", ()),
        ("e.xlsx", "XLSX", ()),
    ],
)
def test_what_another_program_has_written_anew_changes_no_record(files, gdal, name, driver, options):
    found = again(files, converted(gdal, files, name, driver, *options))
    assert {key: found[key] for key in ("inserted", "updated", "held", "rejected")} == dict.fromkeys(
        ("inserted", "updated", "held", "rejected"), 0
    )
    assert found["unchanged"] == found["rows"] > 0


@pytest.mark.parametrize(
    ("name", "driver"), [("g.shp", "ESRI Shapefile"), ("g.geojson", "GeoJSON"), ("g.csv", "CSV")]
)
def test_of_a_graded_layer_neither_grade_nor_cut_name_is_kept_as_a_column_of_the_list(
    files, gdal, name, driver
):
    options = ("-lco", "ENCODING=UTF-8") if driver == "ESRI Shapefile" else ()
    found = again(files, converted(gdal, files, name, driver, *options, layer="shelters"), "shelters")
    assert found["updated"] == found["held"] == 0
    assert found["unchanged"] == found["rows"] > 0


@pytest.mark.parametrize("layer", ["slopes", "shelters"])
def test_what_our_own_shapefile_has_shortened_changes_no_record(files, tmp_path, layer):
    own = tmp_path / "own.zip"
    with zipfile.ZipFile(files / "全部.shp.zip") as ours, zipfile.ZipFile(own, "w") as packed:
        for name in ours.namelist():
            if Path(name).stem == layer:
                packed.writestr(name, ours.read(name))
    found = again(files, own, layer)
    assert found["updated"] == found["held"] == 0
    assert found["unchanged"] == found["rows"] > 0


@pytest.mark.parametrize("driver", ["ESRI Shapefile", "GeoJSON", "CSV"])
def test_where_columns_were_dropped_the_assessed_tier_is_not_the_declared_one(files, gdal, driver):
    ending = {"ESRI Shapefile": "shp", "GeoJSON": "geojson", "CSV": "csv"}[driver]
    columns = "code,name,subdistrict,tier,tier_title,state,score,version"
    options = ("-select", columns, *(("-lco", "ENCODING=UTF-8") if ending == "shp" else ()))
    found = again(files, converted(gdal, files, f"some.{ending}", driver, *options))
    targets = {h["header"]: h["target"] for h in found["sheets"][0]["headers"]}
    assert {targets.get(name) for name in ("tier", "tier_title", "state", "score")} == {None}
    assert found["updated"] == found["held"] == 0


def test_names_that_a_shapefile_has_cut_come_back_as_they_were(files, gdal):
    found = again(files, converted(gdal, files, "cut.shp", "ESRI Shapefile", "-lco", "ENCODING=UTF-8"))
    targets = {h["header"]: h["target"] for h in found["sheets"][0]["headers"]}
    assert targets["declared_t"] == "declared_tier"
    assert targets["threatened"] == "threatened_people"
    assert targets["threaten_1"] == "threatened_households"


def test_a_numbered_name_without_its_neighbours_is_left_unread(files, gdal):
    options = ("-select", "code,version,threatened_households,threatened_property", "-lco", "ENCODING=UTF-8")
    found = again(files, converted(gdal, files, "few.shp", "ESRI Shapefile", *options))
    targets = {h["header"]: h["target"] for h in found["sheets"][0]["headers"]}
    assert (targets["threatened"], targets["threaten_1"]) == (None, None)
    assert found["updated"] == 0


@given(st.lists(st.from_regex(r"[a-z]{1,3}[a-z_]{0,14}", fullmatch=True), unique=True, max_size=150))
def test_cut_names_are_short_and_no_two_alike(names):
    cut = names_cut(names)
    assert all(len(short) <= 10 < len(name) for short, name in cut.items())
    assert not set(cut) & {name for name in names if len(name) <= 10}
    assert set(cut.values()) <= set(names)


def test_yes_and_no_of_a_kml_are_the_same_for_an_older_gdal(files, gdal):
    def column(file: str, layer: str) -> dict[str, str]:
        made = subprocess.run(
            [gdal, "-f", "CSV", "/vsistdout/", files / file, layer, "-select", "code,rain_damaged"],
            check=True,
            capture_output=True,
            text=True,
            env=OUTSIDE,
        ).stdout
        return {row["code"]: row["rain_damaged"] for row in csv.DictReader(made.splitlines())}

    theirs = column("全部.kml", "边坡")
    assert theirs == column("全部.gpkg", "slopes")
    assert {"0", "1"} <= set(theirs.values())


def test_an_older_gdal_opens_the_geopackage_without_a_warning(files, gdal):
    found = subprocess.run(
        [gdal, "-f", "CSV", "/vsistdout/", files / "全部.gpkg", "slopes", "-limit", "1"],
        check=True,
        capture_output=True,
        text=True,
        env=OUTSIDE,
    )
    assert "Warning" not in found.stderr


@pytest.mark.parametrize("ending", ["gpkg", "shp"])
def test_qgis_draws_the_worst_on_top_under_the_titles_of_the_fields(files, qgis, ending, tmp_path):
    source = files / "全部.gpkg"
    if ending == "shp":
        source = tmp_path / "shp"
        with zipfile.ZipFile(files / "全部.shp.zip") as archive:
            archive.extractall(source)
    ran = subprocess.run(
        [qgis, PICTURE, source, "slopes,waterlogging", tmp_path / "图.png"],
        check=True,
        capture_output=True,
        text=True,
        env={**OUTSIDE, "QT_QPA_PLATFORM": "offscreen"},
    )
    found = json.loads(ran.stdout.splitlines()[-1])
    for layer in found["layers"].values():
        assert layer["valid"]
        assert layer["count"] > 0
        assert (layer["renderer"], layer["levels"], layer["labels"]) == ("categorizedSymbol", True, True)
        assert layer["titles"]["code"] == "编号"
    for tier in ("major", "large", "general"):
        assert found["colours"].get(TIER_COLOURS[tier], 0) > 0, tier
