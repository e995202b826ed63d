"""The catalog as a whole: every file read, every mistake of all of them at once, names looked up."""

from __future__ import annotations

import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from riskmap.catalog import Catalog, defaults_dir, load_catalog
from riskmap.errors import CatalogError, CatalogProblem, UnknownNameError


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog(defaults_dir())


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for kind in ("layers", "models"):
        shutil.copytree(defaults_dir() / kind, tmp_path / kind)
    return tmp_path


def change(path: Path, before: str, after: str) -> int:
    """Replace a text that stands once in a file; return its line."""
    text = path.read_text("utf-8")
    assert text.count(before) == 1, (path, before)
    path.write_text(text.replace(before, after), "utf-8")
    return text[: text.index(before)].count("\n") + 1


def problems(root: Path) -> list[CatalogProblem]:
    try:
        return [problem for fault in load_catalog(root).faults for problem in fault.problems]
    except CatalogError as caught:
        return list(caught.problems)


def test_the_defaults_load_in_the_order_of_the_product(catalog: Catalog):
    assert list(catalog.layers) == [
        "risk_points",
        "slopes",
        "underground_spaces",
        "waterlogging",
        "forest_fire_grids",
        "shelters",
    ]
    assert {catalog.model_of(layer).id for layer in catalog.layers} == {
        "risk_points_lec",
        "slopes_matrix",
        "underground_margin",
        "waterlogging_depth",
        "forest_fire_grid",
        "shelter_fitness",
    }


def test_symbols_differ_so_that_a_layer_is_known_without_its_colour(catalog: Catalog):
    symbols = [layer.style.symbol for layer in catalog.layers.values()]
    assert len(set(symbols)) == len(symbols)


def test_a_catalog_travels_to_another_process(catalog: Catalog):
    assert pickle.loads(pickle.dumps(catalog)) == catalog


def test_an_unknown_layer_or_model_is_answered_with_the_known_ones(catalog: Catalog):
    with pytest.raises(UnknownNameError, match=r"did you mean slopes\?") as layer:
        catalog.layer("slope")
    assert "shelters" in layer.value.text("zh")
    with pytest.raises(UnknownNameError, match="risk_points_lec"):
        catalog.model("lec")
    with pytest.raises(UnknownNameError):
        catalog.model_of("nothing")


def test_mistakes_in_several_files_come_together(copy: Path):
    first = change(copy / "layers" / "slopes.toml", 'symbol = "triangle"', 'symbol = "triangl"')
    second = change(copy / "layers" / "shelters.toml", 'geometry = "point"', 'geometry = "pt"')
    (copy / "layers" / "broken.toml").write_bytes(b"\xff\xfe")
    found = {(p.file, p.line, p.key) for p in problems(copy)}
    assert found == {
        ("layers/slopes.toml", first, "style.symbol"),
        ("layers/shelters.toml", second, "geometry"),
        ("layers/broken.toml", 1, "TOML"),
    }


def test_a_model_that_does_not_exist_is_named_with_a_suggestion(copy: Path):
    line = change(copy / "layers" / "slopes.toml", 'model = "slopes_matrix"', 'model = "slope_matrix"')
    (problem,) = problems(copy)
    assert (problem.file, problem.line, problem.hint) == ("layers/slopes.toml", line, "slopes_matrix")


def test_a_model_that_reads_a_field_its_layer_lacks_is_refused_at_its_line(copy: Path):
    line = change(copy / "models" / "forest_fire_grid.toml", 'field = "fuel"', 'field = "fuell"')
    (problem,) = problems(copy)
    assert (problem.file, problem.line, problem.hint) == ("models/forest_fire_grid.toml", line, "fuel")


def test_a_table_that_names_no_choice_of_its_field_is_refused(copy: Path):
    before = "table = { good = 1, fair = 2, poor = 3, none = 4 }"
    line = change(copy / "models" / "forest_fire_grid.toml", before, before.replace("poor", "pooor"))
    (problem,) = problems(copy)
    assert (problem.line, problem.hint) == (line, "poor")


def test_removing_a_field_from_a_layer_shows_in_the_model_that_needs_it(copy: Path):
    change(copy / "layers" / "forest_fire_grids.toml", 'id = "ignition"', 'id = "sparks"')
    assert {p.file for p in problems(copy)} == {"models/forest_fire_grid.toml"}


def test_two_files_with_one_id_are_refused(copy: Path):
    shutil.copy(copy / "layers" / "slopes.toml", copy / "layers" / "slopes - 副本.toml")
    (problem,) = problems(copy)
    assert problem.key == "id"
    assert "slopes" in problem.expected.en


def test_a_folder_without_layers_says_what_is_missing(tmp_path: Path):
    assert {p.expected.en for p in problems(tmp_path)} == {
        "at least one file layers/*.toml",
        "at least one file models/*.toml",
    }


def test_importing_the_catalog_loads_no_numpy():
    code = "import sys, riskmap.catalog; print({'numpy', 'pyarrow', 'pandas'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"


def test_caches_follow_what_the_layer_files_say_and_no_line_ends(copy: Path):
    before = load_catalog(copy).digest
    file = copy / "layers" / "slopes.toml"
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    assert load_catalog(copy).digest == before
    change(file, "order = 20", "order = 21")
    assert load_catalog(copy).digest != before


def test_a_broken_layer_file_takes_away_that_layer_and_says_why(copy: Path):
    line = change(copy / "layers" / "slopes.toml", 'symbol = "triangle"', 'symbol = "triangl"')
    found = load_catalog(copy)
    assert "slopes" not in found.layers
    assert len(found.layers) == 5
    assert set(found.scored) == set(found.layers)
    with pytest.raises(CatalogError, match=rf"layers/slopes.toml:{line} › style.symbol"):
        found.layer("slopes")
    assert found.title("slopes").zh == "slopes"


def test_a_broken_model_file_leaves_its_layer_and_says_why_it_cannot_score(copy: Path):
    (copy / "models" / "slopes_matrix.toml").write_text('id = "slopes_matrix"\nnonsense', "utf-8")
    found = load_catalog(copy)
    assert len(found.layers) == 6
    assert set(found.layers) - set(found.scored) == {"slopes"}
    with pytest.raises(CatalogError, match="models/slopes_matrix.toml:2"):
        found.model_of("slopes")
    assert len(found.faults) == 1


def test_a_model_that_does_not_suit_one_of_its_layers_scores_the_others(copy: Path):
    text = (copy / "layers" / "forest_fire_grids.toml").read_text("utf-8")
    (copy / "layers" / "more.toml").write_text(
        text.replace('id = "forest_fire_grids"', 'id = "more"')
        .replace('id = "ignition"', 'id = "sparks"')
        .replace('role = "fire_grid"', ""),
        "utf-8",
    )
    found = load_catalog(copy)
    assert "forest_fire_grids" in found.scored
    with pytest.raises(CatalogError, match="a field of layer more"):
        found.model_of("more")
    assert found.with_model(found.models["forest_fire_grid"]).model_of("more").id == "forest_fire_grid"


def test_where_no_layer_is_left_every_mistake_is_told(copy: Path):
    for file in (copy / "layers").glob("*.toml"):
        file.write_text("?", "utf-8")
    with pytest.raises(CatalogError) as caught:
        load_catalog(copy)
    assert len(caught.value.problems) == 6
