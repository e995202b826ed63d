"""Loading rain and warnings in a workspace: the ledger's names decide, and nothing is taken by half."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from riskmap.actions.episode.hazards_at import known_subdistricts, rain_at, warnings_from
from riskmap.actions.workspace import Workspace, create_workspace, open_workspace
from riskmap.errors import RiskmapError

AT = np.datetime64("2026-08-31T06:00:00", "s")


@pytest.fixture(scope="module")
def ws(tmp_path_factory) -> Workspace:
    root = tmp_path_factory.mktemp("ws") / "district"
    create_workspace(root)
    boundary = root / "data" / "subdistricts.geojson"
    square = "[[[114,22],[114.1,22],[114.1,22.1],[114,22.1],[114,22]]]"
    shapes = ",".join(
        f'{{"type":"Feature","properties":{{"name":"{name}"}},"geometry":{{"type":"Polygon","coordinates":{square}}}}}'
        for name in ("甲街道", "乙街道")
    )
    boundary.parent.mkdir(parents=True, exist_ok=True)
    boundary.write_text(f'{{"type":"FeatureCollection","features":[{shapes}]}}', encoding="utf-8")
    config = root / "workspace.toml"
    text = config.read_text(encoding="utf-8")
    config.write_text(
        text.replace('subdistricts = ""', 'subdistricts = "data/subdistricts.geojson"'), encoding="utf-8"
    )
    return open_workspace(root)


def test_typed_warnings_and_files_are_tied_to_the_names_of_the_workspace(ws, tmp_path):
    assert known_subdistricts(ws) == ("甲街道", "乙街道")
    path = tmp_path / "w.csv"
    path.write_text("kind,colour,issued\ntyphoon,解除,2026-08-31T20:00+08:00\n", encoding="utf-8")
    found = warnings_from(["台风:橙色@甲"], [path], ws, issued=AT)
    assert [(w.colour, w.subdistricts, str(w.expires)) for w in found] == [
        ("orange", ("甲街道",), "2026-08-31T12:00:00")
    ]


def test_a_name_that_the_workspace_does_not_know_stops_everything(ws):
    with pytest.raises(RiskmapError, match="丙街道"):
        warnings_from(["台风:橙色@甲街道", "暴雨:红色@丙街道"], [], ws, issued=AT)


def test_rain_of_stations_reaches_places_with_a_band_between_two_ways(tmp_path: Path):
    path = tmp_path / "r.csv"
    path.write_text(
        "station,lon,lat,time(UTC),rain(mm)\n"
        "A,114.0,22.5,2026-08-31 06:00,10\nB,114.1,22.5,2026-08-31 06:00,30\n"
        "A,114.0,22.5,2026-08-31 07:00,0\nB,114.1,22.5,2026-08-31 07:00,\n",
        encoding="utf-8",
    )
    found = rain_at(path, np.array([114.02, 118.0]), np.array([22.5, 22.5]))
    assert found.amounts.low[0, 0] == 10
    assert 10 < found.rain.amount[0, 0] < 30
    assert found.rain.amount[1, 0] == 0
    assert np.isnan(found.rain.amount[:, 1]).all()
    assert "反距离平方" in found.rain.how.zh
    assert "2 个雨量站" in found.rain.how.zh
    forecast = rain_at(path, np.array([114.02]), np.array([22.5]), issued=AT)
    assert forecast.rain.issued == AT
    assert forecast.amounts.high[0, 0] == pytest.approx(forecast.rain.amount[0, 0] * 1.4)
