"""Our exports in the hands of other programs (GDAL's and QGIS's of the system), and back again: nothing changes
that nobody changed."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import zipfile
from collections import Counter
from pathlib import Path

import openpyxl
import pyogrio
import pytest
from hypothesis import given
from hypothesis import strategies as st

import riskmap
from riskmap.io.tables.headers import names_cut
from riskmap.vocabulary import TIER_COLOURS
from tests import cli
from tests.office import saved_as

PICTURE = Path(__file__).parents[1] / "qgis_picture.py"
PROJECT = Path(__file__).parents[1] / "qgis_project.py"
SAVED = Path(__file__).parents[1] / "qgis_saved.py"
UNCHANGED = dict.fromkeys(("inserted", "updated", "held", "rejected"), 0)
LAYERS = ("slopes", "shelters", "waterlogging", "underground_spaces", "risk_points")


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    """A demo workspace and its exports beside it: 全部.gpkg, .kml, .shp.zip and .xlsx."""
    folder = tmp_path_factory.mktemp("foreign")
    riskmap.demo(folder / "ws", points=1500, seed=1).assess(by="测试", why="测试")
    targets = [
        word for ending in ("gpkg", "kml", "shp.zip", "xlsx") for word in ("--to", folder / f"全部.{ending}")
    ]
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
    return packed(target)


def packed(target: Path) -> Path:
    """Return a file as it is sent: the parts of a shapefile in an archive."""
    if target.suffix != ".shp":
        return target
    folder = target.parent
    archived = target.with_suffix(".zip")
    with zipfile.ZipFile(archived, "w") as archive:
        for part in sorted(folder.glob(f"{target.stem}.[dspc]*")):
            archive.write(part, part.name)
    return archived


def counts(found: dict) -> dict[str, int]:
    return {key: found[key] for key in UNCHANGED}


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
    assert counts(found) == UNCHANGED
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


@pytest.mark.parametrize("layer", LAYERS)
def test_our_own_shapefile_without_its_table_of_names_is_read_as_a_whole(files, tmp_path, layer):
    own = tmp_path / "own.zip"
    with zipfile.ZipFile(files / "全部.shp.zip") as ours, zipfile.ZipFile(own, "w") as packed:
        for name in ours.namelist():
            if Path(name).stem == layer:
                packed.writestr(f"报送/{name}", ours.read(name))
    found = again(files, own, layer)
    assert counts(found) == UNCHANGED
    headers = found["sheets"][0]["headers"]
    assert {h["target"] for h in headers} >= {
        c for c in template_targets(files, layer) if c.startswith("contact:")
    }
    left = [h["header"] for h in headers if h["target"] is None]
    assert not [header for header in left if header.startswith("field_") or header[-1].isdigit()]
    assert not [issue for issue in found["issues"] if issue["rule"] == "cut_names"]


def test_of_our_own_shapefile_numbered_columns_that_nobody_knows_again_are_named(files, tmp_path):
    source = tmp_path / "own"
    with zipfile.ZipFile(files / "全部.shp.zip") as ours:
        ours.extractall(source)
    table = pyogrio.read_dataframe(source / "slopes.shp")
    people = [name for name in table.columns if name.startswith("field_")]
    table.drop(columns=people[-1]).to_file(tmp_path / "slopes.shp", encoding="UTF-8")
    found = again(files, packed(tmp_path / "slopes.shp"))
    said = [issue["message"] for issue in found["issues"] if issue["rule"] == "cut_names"]
    assert len(said) == 1
    assert all(name in said[0] for name in people[:-1])
    assert counts(found) == UNCHANGED


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


CONTACTS = {
    f"contact:{role}:{part}"
    for role in ("prevention", "monitoring", "leader")
    for part in ("name", "phone", "post", "verified")
}


@pytest.mark.parametrize("encoding", ["UTF-8", "GBK"])
def test_contacts_come_back_from_names_that_a_shapefile_has_cut_within_a_letter(files, gdal, encoding):
    file = converted(gdal, files, f"people_{encoding}.shp", "ESRI Shapefile", "-lco", f"ENCODING={encoding}")
    found = again(files, file)
    assert {h["target"] for h in found["sheets"][0]["headers"]} >= CONTACTS
    assert counts(found) == UNCHANGED


def test_a_telephone_number_that_was_corrected_in_a_shapefile_is_the_only_change(files, gdal, tmp_path):
    people = (
        '"防灾责任人"',
        "'13800138000' AS \"防灾责任人电话\"",
        '"防灾责任人职务"',
        '"防灾责任人核实日期"',
    )
    only = (
        "-sql",
        f"SELECT geom, code, version, {', '.join(people)} FROM slopes LIMIT 1",
        "-lco",
        "ENCODING=UTF-8",
    )
    target = tmp_path / "one.shp"
    command = [gdal, "-f", "ESRI Shapefile", *only, target, files / "全部.gpkg"]
    subprocess.run(command, check=True, capture_output=True)
    found = again(files, packed(target))
    assert (found["updated"], found["rejected"]) == (1, 0)
    targets = [h["target"] for h in found["sheets"][0]["headers"]]
    assert targets[2:] == [f"contact:prevention:{part}" for part in ("name", "phone", "post", "verified")]


def test_some_of_the_cut_names_of_a_person_are_read_as_nobody(files, gdal, tmp_path):
    only = ("-select", "code,version,防灾责任人,防灾责任人职务", "-lco", "ENCODING=UTF-8")
    target = tmp_path / "few.shp"
    command = [gdal, "-f", "ESRI Shapefile", *only, target, files / "全部.gpkg", "slopes"]
    subprocess.run(command, check=True, capture_output=True)
    found = again(files, packed(target))
    assert {h["target"] for h in found["sheets"][0]["headers"]} == {"code", "version", None}
    assert counts(found) == UNCHANGED


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("ending", ["gpkg", "shp", "geojson"])
def test_what_qgis_has_saved_anew_changes_no_record(files, qgis, layer, ending, tmp_path):
    target = tmp_path / f"{layer}.{ending}"
    subprocess.run(
        [qgis, SAVED, files / "全部.gpkg", layer, target],
        check=True,
        capture_output=True,
        env={**OUTSIDE, "QT_QPA_PLATFORM": "offscreen"},
    )
    found = again(files, packed(target), layer)
    assert counts(found) == UNCHANGED
    assert found["unchanged"] == found["rows"] > 0
    targets = {h["target"] for h in found["sheets"][0]["headers"]}
    contacts = {c for c in template_targets(files, layer) if c.startswith("contact:")}
    assert targets >= contacts


def template_targets(folder: Path, layer: str) -> set[str]:
    """Return what a person may state of a record."""
    made = cli.riskmap(
        *("layer", "template", layer, "--to", folder / "t.xlsx", "--json", "--workspace", folder / "ws")
    )
    return {column["target"] for column in made.json["columns"]}


@pytest.mark.parametrize("ending", ["ods", "xlsx"])
def test_an_inventory_that_libreoffice_has_saved_changes_no_record(files, soffice, ending, tmp_path):
    saved = saved_as(soffice, files / "全部.xlsx", ending, tmp_path)
    for layer in LAYERS:
        found = again(files, saved, layer)
        assert counts(found) == UNCHANGED, layer
        assert found["unchanged"] == found["rows"] > 0


def test_a_sheet_that_libreoffice_has_saved_as_text_changes_no_record(files, soffice, tmp_path):
    for layer, title in (("slopes", "边坡"), ("shelters", "应急避难场所")):
        names = openpyxl.load_workbook(files / "全部.xlsx", read_only=True).sheetnames
        saved = saved_as(soffice, files / "全部.xlsx", "csv", tmp_path / layer, sheet=names.index(title) + 1)
        found = again(files, saved, layer)
        assert counts(found) == UNCHANGED, layer
        assert found["unchanged"] == found["rows"] > 0


def test_a_numbered_name_without_its_neighbours_is_left_unread(files, gdal):
    options = ("-select", "code,version,threatened_households,threatened_property", "-lco", "ENCODING=UTF-8")
    found = again(files, converted(gdal, files, "few.shp", "ESRI Shapefile", *options))
    targets = {h["header"]: h["target"] for h in found["sheets"][0]["headers"]}
    assert (targets["threatened"], targets["threaten_1"]) == (None, None)
    assert found["updated"] == 0


@given(st.lists(st.from_regex(r"[a-z]{1,3}[a-z_]{0,14}", fullmatch=True), unique=True, max_size=150))
def test_cut_names_are_short_and_no_two_alike(names):
    cut = names_cut(names)
    assert all(len(short) <= 10 for short in cut)
    assert not set(cut) & {name for name in names if len(name) <= 10}
    assert [len(one.names) for one in cut.values()] == [1] * len(cut)
    assert {name for one in cut.values() for name in one.names} <= {name for name in names if len(name) > 10}


@given(st.lists(st.text("责任人电话核实日期ab", min_size=1, max_size=9), unique=True, max_size=60))
def test_every_chinese_name_has_a_place_among_those_that_read_alike(names):
    for encoding in ("utf-8", "gb18030"):
        cut = names_cut(names, encoding)
        told = [name for one in cut.values() for name in one.names]
        assert len(told) == len(set(told))
        assert {name for name in names if len(name.encode(encoding)) > 10} <= set(told)


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


def project_in_qgis(qgis: str, file: Path, out: Path) -> dict:
    ran = subprocess.run(
        [qgis, PROJECT, file, out],
        check=True,
        capture_output=True,
        text=True,
        env={**OUTSIDE, "QT_QPA_PLATFORM": "offscreen"},
    )
    assert "Warning" not in ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


def test_qgis_opens_the_project_beside_a_geopackage_as_a_map(files, qgis, tmp_path):
    found = project_in_qgis(qgis, files / "全部.qgz", tmp_path / "图.png")
    assert found["read"]
    assert "演示" in found["title"]
    assert found["crs"] == "EPSG:4547"  # metres, in the zone of the district
    inventory = cli.riskmap("select", "--json", "--workspace", files / "ws").json["features"]
    expected = Counter(one["layer"] for one in inventory)
    # Found again under their own ids: QGIS renames a layer whose id is too short, and loses it from the tree.
    counts = {one["id"].removeprefix("riskmap_layer_"): one["count"] for one in found["layers"]}
    assert counts == expected
    for layer in found["layers"]:
        assert layer["valid"]
        assert layer["crs"] == "EPSG:4490"
        assert (layer["renderer"], layer["levels"]) == ("categorizedSymbol", True)
        assert layer["titles"]["code"] == "编号"
    # Grids lie at the bottom; of the points the fewest are on top.
    order = [one["id"].removeprefix("riskmap_layer_") for one in found["layers"]]
    assert order[-1] == "forest_fire_grids"
    assert [counts[one] for one in order[:-1]] == sorted(counts[one] for one in order[:-1])
    for tier in ("major", "large", "general"):
        assert found["colours"].get(TIER_COLOURS[tier], 0) > 0, tier


def test_a_project_and_its_geopackage_may_be_carried_elsewhere(files, qgis, tmp_path):
    moved = tmp_path / "U盘 & 副本"
    moved.mkdir()
    for ending in ("gpkg", "qgz"):
        shutil.copy(files / f"全部.{ending}", moved)
    found = project_in_qgis(qgis, moved / "全部.qgz", tmp_path / "图.png")
    assert all(one["valid"] for one in found["layers"])


def test_a_project_that_somebody_made_in_qgis_stays_as_it_is(files, tmp_path):
    target, project = tmp_path / "清单.gpkg", tmp_path / "清单.qgz"
    own = b"no archive" * 10
    project.write_bytes(own)
    cli.riskmap("export", "slopes", "--to", target, "--workspace", files / "ws")
    assert project.read_bytes() == own
    with zipfile.ZipFile(project, "w") as archive:
        archive.writestr(
            "清单.qgs", '<!DOCTYPE qgis><qgis version="3.34.1-Prizren" projectname="我的">…</qgis>'
        )
    saved = project.read_bytes()
    cli.riskmap("export", "slopes", "--to", target, "--workspace", files / "ws")
    assert project.read_bytes() == saved


def test_a_project_of_ours_follows_the_next_export(files, tmp_path):
    target, project = tmp_path / "清单.gpkg", tmp_path / "清单.qgz"
    cli.riskmap("export", "slopes", "--to", target, "--workspace", files / "ws")
    found = cli.riskmap("export", "slopes", "shelters", "--to", target, "--json", "--workspace", files / "ws")
    assert [one["format"] for one in found.json["files"]] == ["gpkg"]  # those that hold records
    with zipfile.ZipFile(project) as archive:
        text = archive.read("清单.qgs").decode()
    assert text.count("<maplayer ") == 2
    assert "./清单.gpkg|layername=shelters" in text
