"""What stands on a cover, a legend, a heading is a figure: the one that `riskmap figures` tells of the same records."""

from __future__ import annotations

import json
import re
import shutil

import openpyxl
import pytest
from pypdf import PdfReader

import riskmap as library
from riskmap.actions.figures import addressed
from riskmap.actions.records.scoring import assess_layers
from riskmap.actions.workspace import open_workspace
from riskmap.actions.workspace.demo import create_demo_workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.rules.permissions import local_actor
from riskmap.selection import area_text, ring_of, select
from tests import cli

# What may hold digits on a cover and is no figure: dates, datum, digests, versions, codes, numbers of pages.
ALLOWED = re.compile(
    r"\d{4}-\d\d-\d\d(?: \d\d:\d\d)?|CGCS2000|EPSG:\d+|第 \d+ 次写入：[0-9a-f]{64}|版本 [\d.]+|指纹 [0-9a-f]{12}"
)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    root = tmp_path_factory.mktemp("covers") / "区"
    by = local_actor("测试")
    ws = create_demo_workspace(root, points=300, seed=5, by=by)
    assess_layers(ws, by=by, why="测试")
    return root


def exported(home, name, *words):
    return cli.riskmap("export", *words, "--to", home.parent / name, "--workspace", home, "--json").json


def untold(book):
    """The cells of the covers and headings of a workbook that hold digits and are in no line of its figures."""
    lines = [row[:5] for row in book["指标"].iter_rows(min_row=2, values_only=True)]
    numbers = {}
    for sheet, cell, _, _, value in lines:
        numbers.setdefault((sheet, cell), []).append(value)
    found = []
    for sheet in (
        one for one in book if one.title in {"封面", "分街道统计"} or one.title.startswith("打印·")
    ):
        rows = 2 if sheet.title.startswith("打印·") else sheet.max_row  # below stand records
        for row in sheet.iter_rows(max_row=rows):
            for cell in row:
                rest = ALLOWED.sub("", str(cell.value or ""))
                for value in numbers.get((sheet.title, cell.coordinate), ()):
                    rest = re.sub(rf"(?<![\\d,]){value:,}(?![\\d,])|^{value}$", "", rest)
                if re.search(r"\d", rest) or (
                    isinstance(cell.value, int) and not numbers.get((sheet.title, cell.coordinate))
                ):
                    found.append((sheet.title, cell.coordinate, cell.value))
    return found


def test_every_number_of_a_workbooks_cover_is_in_the_table_of_its_figures(home):
    document = exported(home, "all.xlsx")
    book = openpyxl.load_workbook(home.parent / "all.xlsx")
    assert untold(book) == []
    book["封面"]["A60"] = "1,234"
    assert untold(book) == [("封面", "A60", "1,234")]
    told = library.open(home).figures()
    ids = {one["id"] for one in document["figures"]}
    assert {"points.total", "points.tiers.low", "records.layer"} <= ids
    lines = list(book["指标"].iter_rows(min_row=2, values_only=True))
    assert {str(line[2]) for line in lines if line[4] and not line[5]} <= ids
    for one in document["figures"]:
        base = ".".join(one["id"].split(".")[:2])
        found = told[base] if one["id"] == base else told[base].group(one["id"].removeprefix(f"{base}."))
        assert found is not None
        assert (one["text"], one["query"]) == (found.text, str(found.query))


def test_each_figure_of_a_cover_is_found_again_by_its_id_and_leads_to_its_records(home):
    district, ws = library.open(home), open_workspace(home)
    now = current_snapshot(ws)
    for one in exported(home, "slopes.xlsx", "slopes")["figures"]:
        told = district.figures([one["id"]])[one["id"]]
        if one["id"].count(".") > 1 and one["id"].startswith(("points.layer", "records.")):
            assert told.text == one["text"]
        chosen, _ = addressed(ws, one["query"])
        assert len(select(now, chosen)) == one["value"], one


AREA = "area=" + area_text(ring_of([(113.9, 22.3), (114.4, 22.3), (114.4, 22.72), (113.9, 22.72)]))
CHOICES = (
    ("--tier", "general"),
    ("--tier", "low,unrated", "--subdistrict", "演示青榕街道,演示禾岗街道"),
    ("--state", "rated"),
    ("slopes", "--where", "height_m >= 12.5"),
    ("--where", "height_m >= 12.5", "--where", 'name ~ "坡, 01"'),
    ("--where", "subdistrict != 演示青榕街道", "--within", AREA),
)


@pytest.mark.parametrize("words", CHOICES, ids=" ".join)
def test_a_cover_of_a_selection_counts_the_selection_and_each_number_leads_to_its_records(home, words):
    document = exported(home, "some.xlsx", *words)
    figures = {one["id"]: one for one in document["figures"]}
    assert figures["records.layer"]["value"] == document["count"]
    ws = open_workspace(home)
    now = current_snapshot(ws)
    for one in document["figures"]:
        assert one["query"] or not one["value"], one
        if one["query"]:
            chosen, _ = addressed(ws, one["query"])
            assert len(select(now, chosen)) == one["value"], one
    book = openpyxl.load_workbook(home.parent / "some.xlsx")
    assert [one for one in untold(book) if "条件：" not in str(one[2])] == []  # the words of the filter
    for line in book["指标"].iter_rows(min_row=2, values_only=True):
        assert not line[4] or str(line[6]).startswith("layers="), line


def test_what_no_address_says_has_none(home, tmp_path):
    area = tmp_path / "two.geojson"
    corners = [[[x, 22.3], [x + 0.2, 22.3], [x + 0.2, 22.9], [x, 22.9], [x, 22.3]] for x in (113.8, 114.2)]
    shape = {"type": "MultiPolygon", "coordinates": [[one] for one in corners]}
    area.write_text(json.dumps({"type": "Feature", "properties": {}, "geometry": shape}), encoding="utf-8")
    figures = exported(home, "two.csv", "risk_points", "--within", area)["figures"]
    assert figures
    assert all(one["query"] is None for one in figures)


def test_what_a_bureau_counts_by_its_own_figures_never_hides_a_record_that_is_written(home, tmp_path):
    own = tmp_path / "own"
    shutil.copytree(home, own)
    (own / "reports/figures").mkdir(parents=True, exist_ok=True)
    (own / "reports/figures/points.toml").write_text(
        'over = "risk"\nperiod = "none"\n[total]\ncount = "records"\nwhere = ["tier >= large"]\n',
        encoding="utf-8",
    )
    figures = {one["id"]: one["value"] for one in exported(own, "own.xlsx")["figures"]}
    usual = {one["id"]: one["value"] for one in exported(home, "usual.xlsx")["figures"]}
    assert figures["points.total"] == usual["points.total"] > 0


def test_files_that_say_of_themselves_how_many_records_they_hold_name_the_figure(home):
    exported(home, "all.geojson")
    head = (home.parent / "all.geojson").read_text(encoding="utf-8")[:3000]
    total = library.open(home).figures("records.layer")["records.layer"].value
    assert f'"records": "{total}"' in head or f'"records":"{total}"' in head
    assert "records.layer" in head


def test_the_numbers_of_a_map_sheets_legend_are_its_figures(home):
    ran = cli.riskmap("map", "--to", home.parent / "map.pdf", "--workspace", home, "--json").json
    figures = {one["id"]: one for one in ran["figures"]}
    text = PdfReader(home.parent / "map.pdf").pages[0].extract_text()
    told = library.open(home).figures("points")
    for state in ("major", "large", "general", "low", "unrated"):
        group = told["points.tiers"].group(state)
        assert figures.get(f"points.tiers.{state}", {"value": 0})["value"] == (group.value if group else 0)
    legend = text.partition("图例")[2].partition("街道界")[0]
    values = {str(one["value"]) for one in ran["figures"]} | {"0"}
    printed = re.findall(r"\d+", legend)
    assert printed
    assert set(printed) <= values
    tiers = {
        str(n["value"])
        for one, n in figures.items()
        if one.startswith(("points.tiers.", "points.layer_tier."))
    }
    assert tiers <= set(printed)


def test_a_csv_holds_records_and_nothing_else_and_its_document_lists_the_figures(home):
    document = exported(home, "slopes.csv", "slopes")
    rows = (home.parent / "slopes.csv").read_text(encoding="utf-8-sig").splitlines()
    assert len(rows) == document["count"] + 1
    assert not any("records.layer" in row for row in rows)
    assert document["figures"] == exported(home, "slopes.xlsx", "slopes")["figures"]
