"""Adding a layer is adding a file: one that the code has never seen goes the whole way."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pyogrio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from riskmap.actions.workspace import open_workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.catalog import load_catalog
from riskmap.selection import Selection, tile
from tests.cli import riskmap

SLUG = st.from_regex(r"[a-z][a-z0-9_]{2,12}", fullmatch=True)
TAKEN = {
    "community",
    "address",
    "declared_tier",
    "managing_department",
    "surveyed_on",
    "remarks",
    "code",
    "name",
}
TAKEN |= {
    "subdistrict",
    "longitude",
    "latitude",
    "position",
    "easting",
    "northing",
    "version",
    "lon",
    "lat",
    "lng",
}
HAN = st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=3, max_size=6)


@st.composite
def unseen(draw: st.DrawFn) -> dict:
    known = TAKEN | set(load_catalog(Path()).layers)
    ids = draw(st.lists(SLUG.filter(lambda s: s not in known), min_size=4, max_size=4, unique=True))
    titles = draw(st.lists(HAN, min_size=6, max_size=6, unique=True))
    return {"layer": ids[0], "number": ids[1], "choice": ids[2], "flag": ids[3], "titles": titles}


def layer_file(names: dict) -> str:
    t = [json.dumps(x, ensure_ascii=False) for x in names["titles"]]
    return f"""
id = "{names["layer"]}"
title = {{ zh = {t[0]}, en = "Layer {names["layer"]}" }}
geometry = "point"
model = "m_{names["layer"]}"
[style]
symbol = "diamond"
[[fields]]
id = "{names["number"]}"
title = {{ zh = {t[1]}, en = "Number {names["number"]}" }}
type = "number"
unit = "m"
min = 0
[[fields]]
id = "{names["choice"]}"
title = {{ zh = {t[2]}, en = "Choice {names["choice"]}" }}
type = "choice"
choices = [
  {{ id = "one", title = {{ zh = {t[3]}, en = "First" }} }},
  {{ id = "two", title = {{ zh = {t[4]}, en = "Second" }} }},
]
[[fields]]
id = "{names["flag"]}"
title = {{ zh = {t[5]}, en = "Flag {names["flag"]}" }}
type = "boolean"
"""


MODEL = """
id = "m_{layer}"
title = {{ zh = "测试模型", en = "Test model" }}
version = "1"
status = "draft"
source = "made for a test"
score = "{number}"
[limits]
major = 30
large = 20
general = 10
source = "made for a test"
[[indicators]]
id = "{number}"
title = {{ zh = "数值", en = "Number" }}
field = "{number}"
reference = 0
source = "made for a test"
"""


@given(names=unseen())
@settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_a_layer_never_seen_is_imported_assessed_mapped_selected_and_exported(
    tmp_path_factory: pytest.TempPathFactory, names: dict
):
    ws = tmp_path_factory.mktemp("unseen") / "ws"
    assert riskmap("init", ws).status == 0
    (ws / "layers" / f"{names['layer']}.toml").write_text(layer_file(names), encoding="utf-8")
    (ws / "models" / f"m_{names['layer']}.toml").write_text(MODEL.format(**names), encoding="utf-8")
    sheet = ws / "new.csv"
    values = [35, 30, 25, 12, 3, None]
    with sheet.open("w", encoding="utf-8-sig", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["编号", "名称", "经度", "纬度", *(names["titles"][i] for i in (1, 2, 5))])
        for i, v in enumerate(values):
            word = names["titles"][3 + i % 2]
            writer.writerow(
                [
                    f"N{i}",
                    f"点{i}",
                    114.1 + i / 100,
                    22.55,
                    "" if v is None else f"{v}米",
                    word,
                    "是" if i % 2 else "否",
                ]
            )

    done = riskmap("import", names["layer"], sheet, "--crs", "wgs84", "--json", "--workspace", ws)
    assert done.status == 0, done.err
    assert done.json["files"][0]["inserted"] == 6
    scored = riskmap("assess", names["layer"], "--json", "--workspace", ws).json["layers"][0]
    assert scored["tiers"] == {"major": 2, "large": 1, "general": 1, "low": 1}
    assert scored["unrated"] == 1

    chosen = riskmap(
        "select", names["layer"], "--where", f"{names['number']} >= 25", "--json", "--workspace", ws
    )
    assert chosen.status == 0, chosen.err
    assert [f["code"] for f in chosen.json["features"]] == ["N0", "N1", "N2"]
    assert chosen.json["features"][0]["fields"][names["choice"]] == "one"
    assert chosen.json["features"][1]["fields"][names["flag"]] is True

    snapshot = current_snapshot(open_workspace(ws))
    drawn = tile(snapshot, Selection(layers=(names["layer"],)), 10, *_tile_of(114.12, 22.55, 10))
    assert int.from_bytes(drawn[:4], "little") >= 1

    outs = [
        ws / f"out.{ending}" for ending in ("xlsx", "csv", "geojson", "gpkg", "shp.zip", "kml", "parquet")
    ]
    given_ = [word for out in outs for word in ("--to", out)]
    exported = riskmap("export", names["layer"], *given_, "--json", "--workspace", ws)
    assert exported.json["count"] == 6, exported.err
    assert load_workbook(outs[0]).sheetnames
    assert len(pyogrio.read_dataframe(outs[2])) == 6
    assert len(pyogrio.read_dataframe(outs[3], layer=names["layer"])) == 6


def _tile_of(lon: float, lat: float, zoom: int) -> tuple[int, int]:
    import math

    n = 2**zoom
    y = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2
    return int((lon + 180) / 360 * n), int(y * n)
