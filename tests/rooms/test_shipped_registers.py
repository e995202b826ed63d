"""Registers that are shipped as layer files: taken into a workspace with what they name, all or nothing."""

from __future__ import annotations

import tomllib

import pytest

from riskmap.actions.shipped_layers import shipped_layers
from riskmap.catalog import defaults_dir, load_catalog
from tests.cli import riskmap

FILES = sorted((defaults_dir() / "layers" / "registers").glob("*.toml"))


@pytest.fixture
def root(tmp_path):
    assert riskmap("init", tmp_path / "w").status == 0
    return tmp_path / "w"


def add(root, *words):
    return riskmap("layer", "add", *words, "--workspace", root)


def files(root):
    return {path.name for path in (root / "layers").glob("*.toml")}


def test_a_new_workspace_has_none_of_them(root):
    assert files(root) == {path.name for path in (defaults_dir() / "layers").glob("*.toml")}
    assert not set(shipped_layers()) & set(load_catalog(root).layers)


def test_all_of_them_load_beside_the_layers_of_a_new_workspace(root):
    assert add(root, *shipped_layers()).status == 0
    catalog = load_catalog(root)
    assert catalog.faults == ()
    assert set(shipped_layers()) < set(catalog.layers)
    assert catalog.risks == load_catalog(defaults_dir()).risks, "none of them enters the sums"


@pytest.mark.parametrize("layer", shipped_layers())
def test_each_of_them_can_be_taken_alone_and_brings_what_it_names(root, layer):
    assert add(root, layer).status == 0
    catalog = load_catalog(root)
    assert catalog.faults == ()
    assert layer in catalog.layers
    new = set(catalog.layers) - set(load_catalog(defaults_dir()).layers)
    assert all(other in catalog.layers for one in new for other in shipped_layers()[one].names)


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.stem)
def test_each_file_says_in_both_languages_where_it_comes_from_and_that_its_flow_is_a_draft(file):
    stated = tomllib.loads(file.read_text(encoding="utf-8"))
    assert file.stem == stated["id"]
    assert " / " in stated["source"]
    assert stated["counts"] != "risk"
    assert "model" not in stated
    if "flow" in stated:
        assert "默认流程为本产品草案" in stated["source"]
        assert all({"zh", "en"} <= set(move["title"]) for move in stated["flow"]["moves"])


def test_what_comes_along_is_said_with_who_named_it(root):
    done = add(root, "cavities", "--json").json
    assert list(done["added"]) == ["cavities", "roads"]
    assert done["named_by"] == {"roads": "cavities"}
    said = add(root, "drills").out
    assert "plans" in said
    assert "drills" in said


def test_the_day_of_takeover_is_for_the_district_to_state(root):
    assert "接管日" not in add(root, "stations").out
    assert "接管日" in add(root, "alerts").out
    assert load_catalog(root).layer("alerts").flow.takeover is None
    with (root / "workspace.toml").open("a", encoding="utf-8") as settings:
        settings.write('\n[registers]\ntakeover = "2025-12-31"\n')
    assert "接管日" not in (said := add(root, "major_hazards")).out
    assert said.status == 0


def test_the_list_tells_what_there_is_what_it_names_and_what_is_taken(root):
    add(root, "stations")
    lines = {one["layer"]: one for one in add(root, "--list", "--json").json["layers"]}
    assert set(lines) == set(shipped_layers())
    assert lines["stations"]["taken"] is True
    assert lines["patrols"] == {
        "layer": "patrols",
        "title": {"zh": "森林防火巡查", "en": "Patrols"},
        "counts": "event",
        "names": ["forest_fire_grids"],
        "taken": False,
    }
    assert "预案" in add(root, "--list").out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["raods"], "roads"),
        (["slopes"], "没有自带的登记册"),
        ([], "--list"),
        (["stations", "raods"], "roads"),
    ],
)
def test_what_is_not_shipped_is_refused_with_what_was_meant_and_nothing_is_written(root, words, said):
    before = files(root)
    done = add(root, *words)
    assert done.status == 2
    assert said in done.err
    assert files(root) == before


def test_a_layer_that_the_workspace_has_is_never_written_over(root):
    add(root, "roads")
    path = root / "layers" / "roads.toml"
    path.write_text(path.read_text(encoding="utf-8") + "\n# ours\n", encoding="utf-8")
    assert add(root, "roads").status == 2
    assert add(root, "cavities").status == 2, "it came along with roads"
    assert add(root, "collapses").status == 0
    assert "# ours" in path.read_text(encoding="utf-8")


def test_a_file_that_would_not_do_beside_those_that_are_there_is_not_taken(root):
    own = '\nid = "stores"\ntitle = { zh = "库房", en = "Stores" }\ngeometry = "point"\nrole = "warehouse"\n'
    (root / "layers" / "stores.toml").write_text(own, encoding="utf-8")
    before = files(root)
    done = add(root, "warehouses")
    assert done.status == 2
    assert "warehouse" in done.err
    assert "stores.toml" in done.err
    assert files(root) == before


def test_patrols_without_the_grids_that_they_name_are_not_taken(root):
    (root / "layers" / "forest_fire_grids.toml").unlink()
    done = add(root, "patrols")
    assert done.status == 2
    assert "forest_fire_grids" in done.err
    assert "patrols.toml" not in files(root)


def test_new_and_template_ask_for_the_one_that_they_are_about(root):
    for word in ("new", "template"):
        assert riskmap("layer", word, "--workspace", root).status == 2
        assert riskmap("layer", word, "a", "b", "--workspace", root).status == 2
