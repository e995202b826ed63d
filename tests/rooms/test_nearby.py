"""The closest records that meet conditions: how far, by what, and what could not be measured."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from riskmap.actions.inventory.nearby import nearby_of
from riskmap.actions.workspace import open_workspace
from riskmap.catalog import load_catalog
from tests.cli import riskmap
from tests.register_workspace import bring, table
from tests.stock_workspace import LINES, moved, stock_workspace

PUMPS = ("--where", "item = pump", "--where", "balance > 0", "--show", "balance")
# One degree of longitude at 22.6° is 102.8 km on the ellipsoid, of latitude 110.7 km.
ROAD = (
    '{"type":"FeatureCollection","features":[{"type":"Feature","properties":{},"geometry":{"type":"LineString",'
    '"coordinates":[[114.10,22.60],[114.10,22.64],[114.12,22.64],[114.12,22.60]]}}]}'
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    home = stock_workspace(tmp_path_factory.mktemp("near") / "w")
    spots = ("内涝点编号,内涝点名称,经度,纬度", "N1,一号点,114.11,22.60", "N2,无坐标点,,")
    bring(home, "waterlogging", table(home, *spots, name="spots"))
    return home


@pytest.fixture
def home(made, tmp_path):
    return Path(shutil.copytree(made, tmp_path / "w"))


def near(home, *words):
    return riskmap("nearest", *words, "--json", "--workspace", home)


def test_the_closest_stock_with_pumps_is_told_with_how_many_there_are(home):
    found = near(home, "stock_lines", "--to", "N1", *PUMPS)
    (one,) = found.json["records"]
    assert (found.status, one["code"], one["at"], one["shown"]) == (0, "KC3", "二号仓库", 10)
    assert one["metres"] == pytest.approx(1028, abs=3)
    assert found.json["distance"] == "straight line"


def test_what_went_out_is_no_longer_the_closest(home):
    bring(home, "stock_lines", table(home, LINES[0], "KC4,水泵,CK1,7,2026-11-01"))
    place = ("stock_lines", "--to", "114.101,22.60", "--crs", "cgcs2000", *PUMPS)
    assert near(home, *place).json["records"][0]["code"] == "KC4"
    moved(home, 7, out_of="KC4")
    assert near(home, *place).json["records"][0]["code"] == "KC3"


def test_by_road_it_may_be_another_one_and_the_answer_says_by_what(home):
    (home / "roads.geojson").write_text(ROAD, encoding="utf-8")
    place = ("stock_lines", "--to", "114.1195,22.6001", "--count", "3")
    straight = near(home, *place, "--crs", "cgcs2000").json
    by_road = near(home, *place, "--crs", "cgcs2000", "--roads", home / "roads.geojson").json
    assert straight["records"][-1]["code"] == by_road["records"][-1]["code"] == "KC1"
    assert straight["records"][-1]["metres"] == pytest.approx(2005, abs=5)
    # along the road: 4.43 km north, 2.06 km west, 4.43 km south
    assert by_road["records"][-1]["metres"] == pytest.approx(2 * 4429 + 2056 + 50, abs=40)
    assert (by_road["distance"], by_road["distance_zh"]) == ("along roads", "沿道路")


def test_what_has_no_position_is_named_and_never_skipped_in_silence(home):
    bring(home, "warehouses", table(home, "仓库编号,仓库名称", "CK9,无坐标仓库"))
    bring(home, "stock_lines", table(home, LINES[0], "KC9,水泵,CK9,4,2026-11-01"))
    found = near(home, "stock_lines", "--to", "N1", *PUMPS)
    assert (found.status, found.json["unlocated"]) == (1, ["KC9"])
    assert found.json["candidates"] == 2


@pytest.mark.parametrize(
    ("place", "said"),
    [(("N2",), "没有坐标"), (("X9",), "没有这个编号"), (("114.1,22.6",), "坐标系"), (("CK1:x",), "CK1")],
)
def test_a_place_that_cannot_be_measured_from_is_refused_with_what_to_do(home, place, said):
    found = near(home, "stock_lines", "--to", *place)
    assert found.status == 2
    assert said in found.json["error"]["message"]


def test_a_record_is_not_the_closest_to_itself(home):
    assert near(home, "stock_lines", "--to", "KC2").json["records"][0]["code"] == "KC3"


def test_a_layer_file_says_what_is_told_as_closest_and_tells_nothing_where_no_layer_holds_it(home):
    ws = open_workspace(home)
    ((one, found),) = nearby_of(ws, ws.catalog.layer("waterlogging"), "N1")
    assert (one.title.zh, found.records[0].code, found.records[0].shown) == ("最近水泵", "KC3", 10)
    assert nearby_of(ws, ws.catalog.layer("waterlogging"), "N2") == [(one, None)]
    for layer in ("stock_lines", "stock_moves", "warehouses"):
        (home / "layers" / f"{layer}.toml").unlink()
    ws = open_workspace(home)
    assert nearby_of(ws, ws.catalog.layer("waterlogging"), "N1") == []


def test_a_layer_that_is_looked_in_by_its_id_has_to_be_there_and_have_the_field(home):
    path = home / "layers" / "waterlogging.toml"
    text = path.read_text(encoding="utf-8")
    for old, new, said in (
        ('of = { role = "stock_line" }', 'of = ["stok_lines"]', "stock_lines"),
        (
            'of = { role = "stock_line" }, where = [{ field = "item"',
            'of = ["stock_lines"], where = [{ field = "itm"',
            "item",
        ),
    ):
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")
        (fault,) = load_catalog(home).faults
        assert fault.id == "waterlogging"
        assert any(said in str(problem) for problem in fault.problems)
