"""Files from the field that once went wrong, each for its kind: `tests/cases/field`, and the same in other formats."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from riskmap.actions.importing import import_files, settle_held
from riskmap.actions.workspace import create_workspace
from riskmap.rules.permissions import local_actor
from tests.intake_files import ROOT, codes, read, rules, value, workbook

FIELD = ROOT / "tests" / "cases" / "field"
WHO = local_actor("测试员")
PLACE = {"经度": 114.05, "纬度": 22.54}


def one_by_one(path: Path, ending: str, rows: list[dict[str, object]]) -> Path:
    """Write rows of points to a file of some format."""
    frame = pd.DataFrame(rows)
    if ending == ".csv":
        frame.assign(**PLACE).to_csv(path.with_suffix(ending), index=False)
    elif ending == ".xlsx":
        titles = list(frame.assign(**PLACE).columns)
        workbook(path.with_suffix(ending), {"Sheet": [titles, *frame.assign(**PLACE).to_numpy().tolist()]})
    elif ending == ".geojson":
        point = {"type": "Point", "coordinates": list(PLACE.values())}
        features = [{"type": "Feature", "properties": row, "geometry": point} for row in rows]
        path.with_suffix(ending).write_text(
            json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8"
        )
    else:
        places = gpd.points_from_xy(*([each] * len(rows) for each in PLACE.values()))
        made = gpd.GeoDataFrame(frame, geometry=places, crs=4326)
        if ending == ".parquet":
            made.to_parquet(path.with_suffix(ending))
        else:
            made.to_file(path.with_suffix(ending))
    return path.with_suffix(ending)


def test_a_time_with_a_zone_is_the_day_in_beijing():
    intake = read(FIELD / "zoned_times.csv", "shelters")
    days = {code: value(intake, code, "surveyed_on") for code in codes(intake)}
    assert days["K1"] == days["K2"] == days["K3"] == "2026-05-02"
    assert days["K4"] == days["K5"] == "2026-05-01"
    assert (days["K6"], days["K7"], days["K8"]) == ("2021-06-28", "2024-05-01", "2024-05-01")
    assert len(intake.rejected) == 0


@pytest.mark.parametrize("ending", [".csv", ".xlsx", ".geojson", ".gpkg", ".parquet"])
@pytest.mark.parametrize(
    "stated", ["2026-05-01T23:30:00Z", "2026-05-01T18:30:00-05:00", 1777678200000, 1777678200]
)
def test_a_zone_counts_in_every_format(tmp_path, ending, stated):
    file = one_by_one(tmp_path / "a", ending, [{"编号": "A", "名称": "一", "排查日期": stated}])
    assert value(read(file, "shelters"), "A", "surveyed_on") == "2026-05-02"


@pytest.mark.parametrize("ending", [".gpkg", ".geojson", ".parquet"])
def test_a_typed_moment_keeps_its_zone(tmp_path, ending):
    moments = pd.to_datetime(["2026-05-01T23:30:00Z", "2026-05-01T10:00:00Z"])
    rows = [{"编号": c, "名称": c, "排查日期": m} for c, m in zip("AB", moments, strict=True)]
    if ending == ".geojson":
        rows = [row | {"排查日期": str(row["排查日期"])} for row in rows]
    intake = read(one_by_one(tmp_path / "a", ending, rows), "shelters")
    assert [value(intake, c, "surveyed_on") for c in "AB"] == ["2026-05-02", "2026-05-01"]


def test_mixed_zones_of_one_column_are_each_taken_at_their_word(tmp_path):
    stated = ["2026-05-01T23:30:00Z", "2026-05-01T23:30:00+08:00", "2026-05-01T23:30:00"]
    rows = [{"编号": c, "名称": c, "排查日期": m} for c, m in zip("ABC", stated, strict=True)]
    intake = read(one_by_one(tmp_path / "a", ".geojson", rows), "shelters")
    assert [value(intake, c, "surveyed_on") for c in "ABC"] == ["2026-05-02", "2026-05-01", "2026-05-01"]


def test_a_day_written_first_is_that_day():
    assert value(read(FIELD / "day_first_date.csv", "shelters"), "A1", "surveyed_on") == "2021-06-28"


@pytest.mark.parametrize("ending", [".csv", ".xlsx", ".geojson", ".gpkg"])
def test_a_day_that_may_be_a_month_is_held_with_both_readings(tmp_path, ending):
    rows = [
        {"编号": "A", "名称": "一", "排查日期": "05/06/2021"},
        {"编号": "B", "名称": "二", "排查日期": "06/28/2021"},
        {"编号": "C", "名称": "三", "排查日期": "05/05/2021"},
    ]
    file = one_by_one(tmp_path / "a", ending, rows)
    ws = create_workspace(tmp_path / "ws", name="区")
    (done,) = import_files(ws, "shelters", [file], by=WHO, why="试", datum="wgs84").files
    document = done.as_json()
    assert (document["accepted"], document["held"], document["rejected"]) == (3, 1, 0)
    (said,) = [i for i in document["issues"] if i["rule"] == "ambiguous_date"]
    assert (said["code"], said["severity"]) == ("A", "warning")
    assert "2021-06-05" in said["message"]
    assert "2021-05-06" in said["message"]
    (waiting,) = ws.ledger.held(layer="shelters")
    settle_held(ws, [waiting.id], accept=True, by=WHO, why="核对过")
    days = ws.ledger.features("shelters").records.values
    assert days["surveyed_on"] == [None, "2021-06-28", "2021-05-05"]


def test_a_row_with_two_readings_and_a_mistake_is_rejected_for_both(tmp_path):
    rows = [{"编号": "A", "名称": "一", "排查日期": "05/06/2021", "容纳人数": "很多"}]
    intake = read(one_by_one(tmp_path / "a", ".csv", rows), "shelters")
    assert rules(intake, "error") == {"A": {"ambiguous_date", "not_a_number"}}
    assert not intake.holds
    assert np.isnan(intake.records.lon).sum() == 0
