"""What the program relies on is stated by roles: whatever the files call their layers and fields."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from riskmap.actions.records.editing import edit_point
from riskmap.actions.workspace import open_workspace
from riskmap.catalog import defaults_dir, load_catalog
from riskmap.catalog.layer_file import read_layer
from riskmap.catalog.roles import EARLIER, SHAPES
from riskmap.errors import CatalogError, UnknownNameError
from riskmap.rules.permissions import local_actor
from tests.cli import riskmap
from tests.golden.small import METRES, PEOPLE, SHELTERS, SLOPES, SPACES, SPOTS, _features, _grids
from tests.prepare_workspace import bulletin, rain

WHO = ("--by", "值班员", "--why", "测试")
REGISTERS = sorted((defaults_dir() / "layers" / "registers").glob("*.toml"))
NEW = {
    "shelters": "havens",
    "waterlogging": "wet_spots",
    "forest_fire_grids": "woods",
    "slopes": "hillsides",
    "underground_spaces": "cellars",
}


def renamed(root: Path) -> None:
    """Give every layer that has a role another id and file, and every field with a role another id."""
    catalog = load_catalog(root)
    for old, new in NEW.items():
        layer = catalog.layer(old)
        fields = [field.id for field in layer.fields if field.role]
        texts = {root / f"layers/{old}.toml": root / f"layers/{new}.toml"}
        model = root / f"models/{layer.model}.toml"
        for path, to in (*texts.items(), (model, model)):
            text = path.read_text("utf-8").replace(f'id = "{old}"', f'id = "{new}"', 1)
            for field in fields:
                words = r"(^exceeds = .*|\bfield = )" if path == model else r"(^id = |\bfield = )"
                text = re.sub(rf'{words}"{field}"', rf'\1"our_{field}"', text, flags=re.MULTILINE)
                if path != model:
                    text = text.replace(f'["{field}", ', f'["our_{field}", ')  # a printed column
            path.unlink()
            to.write_text(text, "utf-8")


def without_roles(root: Path) -> None:
    """Make the layer files what they were before there were roles."""
    for path in (root / "layers").glob("*.toml"):
        text = re.sub(r"^(role|moves_people|counts) = .*\n", "", path.read_text("utf-8"), flags=re.MULTILINE)
        path.write_text(text, "utf-8")


def sunken(path: Path) -> Path:
    """A cone of 600 m radius, sunk 6 m around the spot NL1."""
    east, north = METRES.transform(114.113, 22.545, direction="INVERSE")
    at = (np.arange(281) - 140) * 10.0
    heights = np.minimum(np.hypot(*np.meshgrid(at, at)) / 100.0, 6.0).astype(np.float32) + 20
    kind = {"driver": "GTiff", "width": 281, "height": 281, "count": 1, "dtype": "float32", "nodata": -9999}
    transform = rasterio.Affine(10, 0, east - 1405, 0, -10, north + 1405)
    with rasterio.open(path, "w", crs="EPSG:4547", transform=transform, **kind) as out:
        out.write(heights, 1)
    return path


def storm(folder: Path, change: Any, ids: dict[str, str]) -> dict[str, Any]:
    """Import, assess, prepare, move, close; every document with the shipped ids put back."""
    ws = folder / "ws"
    assert riskmap("init", ws, "--name", "测试区", *WHO).status == 0
    change(ws)
    settings = ws / "workspace.toml"
    text = settings.read_text("utf-8")
    assert 'dem = ""' in text
    (ws / "data").mkdir(exist_ok=True)
    dem = sunken(ws / "data/dem.tif")
    settings.write_text(text.replace('dem = ""', 'dem = "data/dem.tif"'), "utf-8")
    tables = {"slopes": SLOPES, "waterlogging": SPOTS, "underground_spaces": SPACES, "shelters": SHELTERS}
    files = {layer: (f"{layer}.csv", table) for layer, table in tables.items()}
    files["forest_fire_grids"] = ("grids.geojson", _features(_grids()))
    people, track, rains = folder / "people.csv", folder / "track.csv", folder / "rain.csv"
    for path, content in ((people, PEOPLE), (track, bulletin()), (rains, rain())):
        path.write_text(content, "utf-8")
    for layer, (name, content) in files.items():
        (folder / name).write_text(content, "utf-8")
        done = riskmap("import", ids.get(layer, layer), folder / name, "--crs", "cgcs2000", *WHO, "--workspace", ws)  # fmt: skip
        assert done.status in (0, 1), done.err
    assert riskmap("assess", *WHO, "--workspace", ws).status == 0
    moved = ("--people", people, "--crs", "cgcs2000")
    shelter = ids.get("shelters", "shelters")
    told = {
        "pond": ("pond", "--dem", dem, "--rain", 100, "--hours", 3),
        "coverage": ("coverage",),
        "reach": ("reach", *moved),
        "danger": ("evacuate", *moved, "--danger", "BP1,BN1", "--radius", 60),
        "prepare": ("prepare", "--track", track, "--rain", rains, *moved, "--title", "苏拉", "--at", "2024-09-05 10:00", *WHO),
        "closure": ("log", "苏拉", "closure", "--record", f"{shelter}:BN1", "--at", "2024-09-05 11:10", *WHO),
        "grids": ("fire-weather", "--data", folder / "weather.csv", "--lat", 22.5, "--grid-risk"),
        "weather": ("prepare", "--fire-weather", folder / "weather.csv", "--warning", "森林火险:红色", "--at", "2024-09-05 10:00", "--dry-run", *WHO),
    }  # fmt: skip
    (folder / "weather.csv").write_text("month,day,temp,rh,ws,prec\n9,5,37,12,45,0\n9,6,37,12,45,0\n")
    return {name: document(words, ws, ids) for name, words in told.items()}


def document(words: tuple[object, ...], ws: Path, ids: dict[str, str]) -> Any:
    done = riskmap(*words, "--workspace", ws, "--json")
    assert done.status in (0, 1), done.err
    text = done.out
    for old, new in ids.items():
        text = re.sub(rf"\b{new}\b", old, text)
    return timeless(json.loads(text.replace("our_", "")))


def timeless(value: Any) -> Any:
    """A document without the moments and digests of its own run."""
    if isinstance(value, dict):
        gone = {"recorded", "now", "made_at", "catalog"}
        return {key: timeless(one) for key, one in value.items() if key not in gone}
    return [timeless(one) for one in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return storm(tmp_path_factory.mktemp("shipped"), lambda _: None, {})


def by_layer(rows: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    return sorted((row["layer"], row["code"], str(row.get("to"))) for row in rows)


def same(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    for name in ("pond", "coverage", "reach", "danger", "closure", "grids"):
        assert found[name] == wanted[name], name
    assert found["prepare"]["evacuation"] == wanted["prepare"]["evacuation"]
    for name in ("prepare", "weather"):
        assert by_layer(found[name]["escalations"]) == by_layer(wanted[name]["escalations"]), name


def test_the_shipped_files_say_the_storm_everything_it_needs(shipped: dict[str, Any]):
    assert [one["code"] for one in shipped["pond"]["spots"]] == ["NL1"]
    assert shipped["coverage"]["patrollers"]["total"] == 5
    assert shipped["reach"]["shelters"]
    assert shipped["danger"]["closed_shelters"]
    assert shipped["prepare"]["evacuation"]["placed"] > 0
    raised = {one["layer"] for one in shipped["prepare"]["escalations"]}
    assert {"waterlogging", "underground_spaces", "slopes"} <= raised


def test_a_storm_over_renamed_layers_and_fields_is_the_same_storm(shipped: dict[str, Any], tmp_path: Path):
    same(storm(tmp_path, renamed, NEW), shipped)


def test_a_workspace_from_before_there_were_roles_is_served_by_the_ids_that_were_shipped(
    shipped: dict[str, Any], tmp_path: Path
):
    found = storm(tmp_path, without_roles, {})
    same(found, shipped)


def test_the_roles_of_earlier_files_are_those_that_the_files_state_now():
    catalog = load_catalog(defaults_dir())
    stated = {
        layer.id: (layer.role, layer.moves_people, {f.id: f.role for f in layer.fields if f.role})
        for layer in catalog.layers.values()
    }
    assert {name: kept for name, kept in stated.items() if kept != (None, False, {})} == {
        name: (one.role, one.moves_people, dict(one.fields)) for name, one in EARLIER.items()
    }
    registers = (read_layer(path.read_text(encoding="utf-8"), path.name) for path in REGISTERS)
    later = {field.role for layer in registers for field in layer.fields if field.role}
    assert {role for one in EARLIER.values() for role in one.fields.values()} | later == set(SHAPES)


def test_a_file_that_states_any_role_is_taken_at_its_word():
    text = (defaults_dir() / "layers/slopes.toml").read_text("utf-8")
    assert not read_layer(text.replace("moves_people = true", "moves_people = false"), "x").moves_people


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for part in ("layers", "models"):
        shutil.copytree(defaults_dir() / part, tmp_path / part)
    return tmp_path


def test_two_layers_of_one_role_are_refused_and_both_files_named(copy: Path):
    text = (copy / "layers/shelters.toml").read_text("utf-8")
    (copy / "layers/havens.toml").write_text(text.replace('id = "shelters"', 'id = "havens"', 1), "utf-8")
    catalog = load_catalog(copy)
    (fault,) = catalog.faults
    assert catalog.needed("shelter").id == "havens"
    (problem,) = fault.problems
    assert (problem.file, problem.key, problem.found) == ("layers/shelters.toml", "role", '"shelter"')
    assert "layers/havens.toml" in problem.expected.zh


def test_two_fields_of_one_role_are_refused_at_the_line_of_the_second():
    text = (defaults_dir() / "layers/shelters.toml").read_text("utf-8")
    with pytest.raises(CatalogError) as refused:
        read_layer(text.replace('role = "indoor_area"', 'role = "area"'), "x")
    (problem,) = refused.value.problems
    assert problem.key == "fields[indoor_area_m2].role"
    assert text.splitlines()[problem.line - 1] == 'role = "indoor_area"'


@pytest.mark.parametrize(
    ("layer", "before", "after", "key"),
    [
        ("shelters", 'counts = "resource"\nmodel = "shelter_fitness"', 'counts = "risk"', "model"),
        ("waterlogging", 'unit = "ha"', 'unit = "km2"', "fields[catchment_ha].unit"),
        ("waterlogging", 'role = "curve_number"', 'role = "access"', "fields[curve_number].type"),
        ("shelters", 'id = "closed"', 'id = "shut"', "fields[status].choices"),
        ("shelters", 'role = "shelter"', 'role = "heaven"', "role"),
        ("shelters", 'role = "beds"', 'role = "bed"', "fields[beds].role"),
    ],
)
def test_a_field_that_is_not_what_its_role_means_is_refused(layer: str, before: str, after: str, key: str):
    text = (defaults_dir() / f"layers/{layer}.toml").read_text("utf-8")
    assert before in text
    with pytest.raises(CatalogError) as refused:
        read_layer(text.replace(before, after, 1), "x")
    assert key in {problem.key for problem in refused.value.problems}


def test_a_role_that_no_layer_has_is_answered_with_how_to_give_it(copy: Path):
    (copy / "layers/shelters.toml").unlink()
    catalog = load_catalog(copy)
    assert catalog.by_role("shelter") is None
    with pytest.raises(UnknownNameError) as refused:
        catalog.needed("shelter")
    assert 'role = "shelter"' in refused.value.say.zh


def test_a_role_whose_file_cannot_be_used_is_answered_with_its_mistakes(copy: Path):
    path = copy / "layers/shelters.toml"
    path.write_text(path.read_text("utf-8").replace('geometry = "point"', 'geometry = "pt"'), "utf-8")
    with pytest.raises(CatalogError) as refused:
        load_catalog(copy).needed("shelter")
    assert {problem.key for problem in refused.value.problems} == {"geometry"}


STORE = """
id = "stores"
title = { zh = "物资仓库", en = "Stores" }
geometry = "point"
role = "warehouse"
[[fields]]
id = "tents"
title = { zh = "帐篷", en = "Tents" }
type = "integer"
min = 0
"""


def test_a_layer_with_a_role_and_no_scoring_is_one_file(tmp_path: Path):
    ws = tmp_path / "ws"
    assert riskmap("init", ws, "--name", "测试区", *WHO).status == 0
    (ws / "layers/stores.toml").write_text(STORE, "utf-8")
    rows = tmp_path / "stores.csv"
    rows.write_text("编号,名称,经度,纬度,帐篷\nW1,东库,114.11,22.55,40\nW2,西库,114.12,22.56,\n", "utf-8")
    here = ("--workspace", ws)
    done = riskmap("import", "stores", rows, "--crs", "cgcs2000", *WHO, *here)
    assert done.status == 0, done.err
    catalog = load_catalog(ws)
    layer = catalog.needed("warehouse")
    assert (layer.id, layer.counts, layer.model) == ("stores", "resource", None)
    assert [catalog.layer(one).counts for one in catalog.scored] == [*["risk"] * 5, "resource"]
    assessed = riskmap("assess", *WHO, *here, "--json")
    assert "stores" not in {one["layer"] for one in assessed.json["layers"]}
    selected = riskmap("select", "stores", *here, "--json").json
    assert [(f["code"], f["tier"]) for f in selected["features"]] == [("W1", None), ("W2", None)]  # fmt: skip
    summed = riskmap("summary", *here, "--json").json
    assert (summed["total"], summed["unrated"], summed["adds_up"]) == (0, 0, True)
    for command in ("uncertainty", "residual"):
        assert riskmap(command, *here, "--json").status in (0, 1), command
    opened = open_workspace(ws)
    edit_point(opened, "stores", "W1", seen=1, changes={"tents": 30}, by=local_actor("李工"), why="领用")
    assert riskmap("export", "stores", *here, "--to", tmp_path / "out.xlsx").status == 0
    refused = riskmap("explain", "stores", "W1", *here)
    assert refused.status == 2
    assert "不评分" in refused.err
