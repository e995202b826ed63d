"""The guide for authors of layer files: what it shows loads, and scores as it says; so do the tables of other pages."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from riskmap.actions.workspace import open_workspace
from riskmap.catalog import load_catalog
from riskmap.catalog.layer_file import read_layer
from tests.cli import riskmap
from tests.register_workspace import ROADS

DOCS = Path(__file__).parents[2] / "docs"
ROWS = """服务站编号,服务站名称,阶段,值守,有冲锋舟,站长姓名,经度,纬度
A,甲站,启用,是,有,张三,114.11,22.55
B,乙站,规划,,,,114.12,22.56
C,丙站,,是,有,,114.13,22.57
"""


def tables(page):
    return re.findall(
        r"^```toml\n(.*?)^```", (DOCS / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "ws"
    assert riskmap("init", root, "--name", "测试区").status == 0
    return root


def test_the_complete_example_loads_is_imported_and_scores_as_the_guide_says(root, tmp_path):
    layer, model, *_ = tables("layers.md")
    (root / "layers" / "service_stations.toml").write_text(layer, encoding="utf-8")
    (root / "models" / "service_stations_simple.toml").write_text(model, encoding="utf-8")
    assert not load_catalog(root).faults
    photos = load_catalog(root).layer("service_stations").file_field("photos")
    assert (photos.id, photos.several, photos.media) == ("photos", True, ("image", "pdf"))
    (tmp_path / "站点.csv").write_text(ROWS, encoding="utf-8")
    taken = riskmap(
        "import",
        "service_stations",
        tmp_path / "站点.csv",
        "--crs",
        "cgcs2000",
        "--json",
        "--workspace",
        root,
    )
    assert taken.json["files"][0]["accepted"] == 3, taken.err
    riskmap("assess", "service_stations", "--workspace", root)
    found = riskmap("select", "service_stations", "--json", "--workspace", root).json["features"]
    told = {one["code"]: (one["tier"] or "unrated", one["score"]) for one in found}
    assert told == {"A": ("low", 0), "B": ("major", 7), "C": ("unrated", None)}


def without(table, text):
    """Take the tables of one name out of a layer or settings file."""
    return re.sub(rf"^\[\[?{table}\b.*?(?=^\[\[?(?!{table}\b)|\Z)", "", text, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(("layer", "table"), [("slopes", "triggers"), ("waterlogging", "plan")])
def test_the_trigger_and_the_plan_that_the_pages_show_load(root, layer, table):
    pages = [*tables("layers.md"), *tables("duty.md")]
    shown = next(text for text in pages if text.startswith((f"[{table}]", f"[[{table}]]")))
    path = root / "layers" / f"{layer}.toml"
    kept = without(table, path.read_text(encoding="utf-8"))
    path.write_text(f"{kept}\n{shown}", encoding="utf-8")
    found = load_catalog(root).layer(layer)
    if table == "triggers":
        assert [one.id for one in found.triggers] == ["rain_3h"]
    else:
        assert found.plan is not None
        assert found.plan.source == "…预案，2024 年"


def test_the_registers_that_the_guide_shows_load_and_hang_together(root):
    for text in tables("layers.md"):
        if text.startswith(('id = "cavities"', 'id = "visits"')):
            (root / "layers" / f"{tomllib.loads(text)['id']}.toml").write_text(text, encoding="utf-8")
    (root / "layers" / "roads.toml").write_text(ROADS, encoding="utf-8")
    catalog = load_catalog(root)
    assert not catalog.faults
    assert [one.id for one in catalog.layer("visits").links] == ["cavity"]


def test_the_flow_and_the_law_that_the_guide_shows_load():
    shown = next(text for text in tables("layers.md") if "[flow]" in text)
    dates = ("found_on", "due", "closed_on")
    fields = [f'{{ id = "{one}", title = {{ zh = "{one}", en = "{one}" }}, type = "date" }}' for one in dates]
    fields.append('{ id = "evidence", title = { zh = "照片", en = "Evidence" }, type = "text" }')
    head = f"""
id = "tickets"
title = {{ zh = "隐患", en = "Tickets" }}
geometry = "point"
counts = "work"
contacts = [{{ id = "responsible", title = {{ zh = "责任人", en = "Responsible" }} }}]
fields = [{", ".join(fields)}]
"""
    layer = read_layer(head + shown, "layers/tickets.toml")
    assert layer.flow.start == "found"
    assert [law.id for law in layer.laws] == ["due_after_found"]


def test_the_layer_of_sensors_that_the_page_shows_loads(root):
    shown = next(text for text in tables("layers.md") if "\n[series]" in text)
    (root / "layers" / "tilt_sensors.toml").write_text(shown, encoding="utf-8")
    catalog = load_catalog(root)
    assert not catalog.faults
    layer = catalog.layer("tilt_sensors")
    assert layer.series is not None
    assert (layer.counts, [one.id for one in layer.series.thresholds]) == ("reading", ["tilt_fast"])


@pytest.mark.parametrize(("page", "first"), [("duty.md", "[outbox]"), ("fire.md", "[fire]")])
def test_the_settings_that_a_page_shows_are_read(root, page, first):
    shown = next(text for text in tables(page) if text.startswith(first))
    name = first.strip("[]")
    path = root / "workspace.toml"
    kept = without(name, path.read_text(encoding="utf-8"))
    path.write_text(f"{kept}\n{shown}", encoding="utf-8")
    assert name in tomllib.loads(path.read_text(encoding="utf-8"))
    open_workspace(root)


def test_every_table_of_every_page_is_toml():
    for page in sorted(DOCS.glob("*.md")):
        for text in tables(page.name):
            tomllib.loads(text)
