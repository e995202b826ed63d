"""`riskmap map`: one sheet of paper, whose symbols lie where the records are and whose legend counts them all."""

from __future__ import annotations

import io
import itertools
import json
import shutil

import pytest
from PIL import Image
from pypdf import PdfReader

from riskmap.actions.inventory.exporting import inventory_of
from riskmap.actions.inventory.listing import make_selection
from riskmap.coordinates import metres
from riskmap.io.writers import paper_pdf
from riskmap.reports import map_sheet
from riskmap.reports.map_sheet import MapSheet
from riskmap.selection import Selection
from riskmap.vocabulary import TIER_COLOURS, TIER_GREYS
from tests import cli
from tests.map_workspace import HOSTILE, LONELY, STREETS, UNLOCATED, make_workspace

DPI = 200


@pytest.fixture(scope="module")
def ws(tmp_path_factory):
    return make_workspace(tmp_path_factory.mktemp("sheet") / "ws")


def printed(ws, path, *words: object) -> cli.Ran:
    return cli.riskmap("map", *words, "--to", path, "--workspace", ws.root)


def test_the_symbol_of_each_tier_has_its_colour_where_the_record_is(ws, tmp_path):
    assert printed(ws, tmp_path / "图.png", "risk_points").status == 0
    picture = Image.open(io.BytesIO((tmp_path / "图.png").read_bytes())).convert("RGB")
    assert picture.size == (round(297 / 25.4 * DPI), round(210 / 25.4 * DPI))
    sheet = MapSheet(inventory_of(ws, Selection(layers=("risk_points",))), ws.places)
    for tier, (lon, lat) in LONELY.items():
        x, y = sheet.frame.place(*metres([lon], [lat], around=sheet.middle))
        spot = [round((edge + float(at[0])) / 25.4 * DPI) for edge, at in ((10, x), (18, y))]
        wanted = tuple(int(TIER_COLOURS[tier][i : i + 2], 16) for i in (1, 3, 5))
        assert all(abs(a - b) <= 12 for a, b in zip(picture.getpixel(tuple(spot)), wanted, strict=True)), tier


def test_the_legend_counts_every_record_and_the_sheet_says_which_are_not_on_the_map(ws, tmp_path):
    assert printed(ws, tmp_path / "图.pdf", "risk_points").status == 0
    words = "".join(PdfReader(tmp_path / "图.pdf").pages[0].extract_text().split())
    counts = cli.riskmap("summary", "--json", "--workspace", ws.root).json["layers"]["risk_points"]
    for count in (*counts["tiers"].values(), counts["unrated"]):
        assert str(count) in words
    assert f"另有{UNLOCATED}处无坐标" in words
    assert "指纹" in words  # which model made the tiers


def test_what_is_no_risk_has_a_row_of_its_own_outside_tiers_and_sum(ws, tmp_path):
    whole = cli.riskmap("summary", "--json", "--workspace", ws.root).json
    sheet = MapSheet(inventory_of(ws, Selection()), ws.places)
    legend, others = map_sheet._legend(sheet), map_sheet._others(sheet)
    assert sum(legend[-1]["counts"]) == whole["total"]
    assert {row["title"] for row in legend} & {row["title"] for row in others} == set()
    assert [row["total"] for row in others] == [whole["others"]["shelters"]["count"]]
    for row in others:
        assert sum(grade["count"] for grade in row["grades"]) == row["total"]
    assert printed(ws, tmp_path / "图.pdf").status == 0
    words = "".join(PdfReader(tmp_path / "图.pdf").pages[0].extract_text().split())
    assert "不计入等级与合计" in words
    assert "应急避难场所" in words


def test_hostile_names_are_letters_on_paper(ws, tmp_path):
    # The list beside the map names large and major records of a street.
    assert printed(ws, tmp_path / "图.pdf", "--subdistrict", STREETS[0]).status == 0
    sheet = MapSheet(inventory_of(ws, make_selection(ws)), ws.places)
    assert set(HOSTILE) <= {name for name in sheet.located.name if name}
    assert len(PdfReader(tmp_path / "图.pdf").pages) == 1


def test_every_letter_of_the_sheet_is_in_the_file(ws, tmp_path):
    printed(ws, tmp_path / "图.pdf")
    fonts = [
        font.get_object()
        for page in PdfReader(tmp_path / "图.pdf").pages
        for font in page["/Resources"]["/Font"].values()
    ]
    assert fonts
    for font in fonts:
        inner = font["/DescendantFonts"][0].get_object() if "/DescendantFonts" in font else font
        descriptor = inner["/FontDescriptor"]
        assert {"/FontFile2", "/FontFile3"} & set(descriptor)


def test_in_greys_the_worse_tier_is_the_darker(ws, tmp_path):
    luma = {tier: sum(int(colour[i : i + 2], 16) for i in (1, 3, 5)) for tier, colour in TIER_GREYS.items()}
    assert luma["major"] < luma["large"] < luma["general"] < luma["low"] < luma["unrated"]
    assert printed(ws, tmp_path / "图.png", "--grey", "--paper", "A3", "--scale", 25_000).status == 0
    picture = Image.open(tmp_path / "图.png").convert("RGB")
    legend = picture.crop(
        (int(picture.width * 0.8), int(picture.height * 0.1), picture.width, picture.height // 3)
    )
    assert all(max(pixel) - min(pixel) < 60 for _, pixel in legend.getcolors(1 << 24))


def test_the_grid_crosses_the_map_where_the_margin_says(ws):
    sheet = MapSheet(inventory_of(ws, Selection()), ws.places)
    ticks = map_sheet._ticks(sheet.frame)
    apart = {round(b["at"] - a["at"], 6) for a, b in itertools.pairwise(ticks["x"])}
    assert len(apart) == 1
    assert min(apart) >= 18
    path = map_sheet._grid(sheet.frame)
    assert path.count("V") == len(ticks["x"])
    assert path.count("H") == len(ticks["y"])
    assert f"M{ticks['x'][0]['at']:.2f} 0V{sheet.frame.height:.2f}" in path
    step = float(ticks["x"][1]["text"]) - float(ticks["x"][0]["text"])
    assert any(line["text"] == f"坐标网，间距 {step:g} 千米" for line in map_sheet._lines(sheet))


def test_districts_around_are_drawn_grey_and_named(ws, tmp_path):
    root = tmp_path / "ws"
    shutil.copytree(ws.root, root)
    beside = {"type": "Polygon", "coordinates": [[[114.16, 22.5], [114.3, 22.5], [114.3, 22.6], [114.16, 22.6], [114.16, 22.5]]]}  # fmt: skip
    far = {"type": "Polygon", "coordinates": [[[115.0, 23.0], [115.1, 23.0], [115.1, 23.1], [115.0, 23.0]]]}
    features = [
        {"type": "Feature", "properties": {"name": name}, "geometry": one}
        for name, one in (("东邻区", beside), ("远方区", far))
    ]
    (root / "around.geojson").write_text(
        json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8"
    )
    settings = root / "workspace.toml"
    settings.write_text(
        settings.read_text(encoding="utf-8") + '\n[sheet]\nneighbours = "around.geojson"\n', encoding="utf-8"
    )
    made = cli.riskmap("map", "--to", tmp_path / "图.pdf", "--workspace", root)
    assert made.status == 0, made.err
    words = "".join(PdfReader(tmp_path / "图.pdf").pages[0].extract_text().split())
    assert "东邻区" in words
    assert "邻区" in words.replace("东邻区", "")  # the legend
    assert "远方区" not in words
    (root / "around.geojson").unlink()
    refused = cli.riskmap("map", "--to", tmp_path / "b.pdf", "--workspace", root)
    assert refused.status == 2
    assert "around.geojson" in refused.err


def test_a_selection_of_nothing_is_a_sheet_that_says_so(ws, tmp_path):
    assert printed(ws, tmp_path / "图.pdf", "--where", "name ~ 没有这个").status == 0
    assert "没有符合条件的记录" in PdfReader(tmp_path / "图.pdf").pages[0].extract_text()


def test_another_ending_is_refused_with_what_is_possible(ws, tmp_path):
    found = printed(ws, tmp_path / "图.svg")
    assert found.status == 2
    assert ".pdf" in found.err
    assert not (tmp_path / "图.svg").exists()


def test_without_chinese_letters_the_sheet_is_refused_and_nothing_is_written(ws, tmp_path, monkeypatch):
    monkeypatch.setattr(paper_pdf, "_installed", lambda: (None, frozenset({"DejaVu Sans"})))
    found = printed(ws, tmp_path / "图.pdf")
    assert found.status == 2
    assert "字体" in found.err
    assert not (tmp_path / "图.pdf").exists()
