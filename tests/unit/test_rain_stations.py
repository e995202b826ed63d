"""Rain at stations from tables: layouts, units, zones, missing; each mistake with file and line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from riskmap.errors import RiskmapError
from riskmap.io.readers.rain import read_station_rain

LONG = (
    "站号,经度,纬度,时间(北京时间),雨量(mm)\n"
    "G1,114.1,22.5,2026-08-31 14:00,3.5\n"
    "G2,114.2,22.6,2026-08-31 14:00,\n"
    "G1,114.1,22.5,2026-08-31 15:00,0\n"
    "G2,114.2,22.6,2026-08-31 15:00,12\n"
)
WIDE = "station,lon,lat,unit,2026-08-31T06:00Z,2026-08-31T07:00Z\nG1,114.1,22.5,mm,3.5,0\nG2,114.2,22.6,mm,缺测,12\n"


def file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "雨量.csv"
    path.write_text(text, encoding="utf-8")
    return path


def refused(tmp_path, text, **more) -> str:
    with pytest.raises(RiskmapError) as caught:
        read_station_rain(file(tmp_path, text), **more)
    return caught.value.text("zh")


@pytest.mark.parametrize("text", [LONG, WIDE], ids=["long", "wide"])
def test_both_layouts_say_the_same_and_missing_stays_missing(tmp_path, text):
    rain = read_station_rain(file(tmp_path, text))
    assert rain.station == ("G1", "G2")
    assert [str(t) for t in rain.time] == ["2026-08-31T06:00:00", "2026-08-31T07:00:00"]
    assert rain.step == np.timedelta64(3600, "s")
    np.testing.assert_array_equal(rain.amount, [[3.5, np.nan], [0, 12]])
    assert rain.lon.tolist() == [114.1, 114.2]


def test_tenths_of_a_millimetre_are_converted_and_utc_is_taken_as_stated(tmp_path):
    text = LONG.replace("雨量(mm)", "雨量(0.1mm)").replace("北京时间", "UTC")
    rain = read_station_rain(file(tmp_path, text))
    assert rain.amount[0, 0] == pytest.approx(0.35)
    assert str(rain.time[0]) == "2026-08-31T14:00:00"


def test_zone_unit_and_missing_code_may_be_stated_by_the_person(tmp_path):
    text = LONG.replace("(mm)", "").replace("(北京时间)", "").replace(",12", ",9999")
    rain = read_station_rain(file(tmp_path, text), zone="beijing", unit="mm", missing=(9999,))
    assert np.isnan(rain.amount[1, 1])


def test_running_totals_become_amounts(tmp_path):
    text = LONG.replace("雨量(mm)", "累计雨量(mm)").replace("15:00,0\n", "15:00,5\n")
    rain = read_station_rain(file(tmp_path, text))
    np.testing.assert_allclose(rain.amount, [[1.5, np.nan]])
    assert "变小" in refused(tmp_path, LONG.replace("雨量(mm)", "累计雨量(mm)"))


def test_positions_may_be_stated_in_another_datum(tmp_path):
    rain = read_station_rain(file(tmp_path, LONG), datum="gcj02")
    assert 0.003 < 114.1 - rain.lon[0] < 0.007


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("雨量(mm)", "雨量", ("第 2 行", "没有写单位")),
        ("雨量(mm)", "雨量(mm/h)", ("表头 雨量(mm/h)", "单位是 mm/h，不是雨量的单位")),
        ("雨量(mm)", "雨量(m/s)", ("表头", "不是雨量的单位")),
        ("雨量(mm)", "水量", ("表头", "缺少")),
        ("时间(北京时间)", "时间", ("第 2 行", "时区")),
        (",12\n", ",-1\n", ("第 5 行", "小于下限 0mm")),
        (",12\n", ",9999\n", ("第 5 行", "缺测码")),
        (",12\n", ",800\n", ("第 5 行", "不可能")),
        (",12\n", ",大\n", ("第 5 行", "不是数值")),
        ("2026-08-31 15:00,12", "2026-08-31 15:20,12", ("第 5 行", "不等距")),
        ("2026-08-31 15:00,12", "2026-08-31 14:00,12", ("第 5 行", "重复")),
        ("2026-08-31 15:00,12", "昨天,12", ("第 5 行", "不是时间")),
        ("G2,114.2,22.6,2026-08-31 15", "G2,114.3,22.6,2026-08-31 15", ("第 5 行", "经纬度")),
        ("G2,114.2,22.6,2026-08-31 15", "G2,,22.6,2026-08-31 15", ("第 5 行", "坐标只有一半")),
        ("雨量(mm)", "3小时雨量(mm)", ("3 小时", "60 分钟")),
        (",12\n", ",1,200\n", ("第 5 行", "有多于表头的格", "1200")),
    ],
)
def test_a_mistake_is_named_with_file_and_line(tmp_path, old, new, said):
    message = refused(tmp_path, LONG.replace(old, new, 1))
    for word in ("雨量.csv", *said):
        assert word in message


def test_exchanged_coordinates_are_turned(tmp_path):
    text = LONG.replace("114.1,22.5", "22.5,114.1").replace("114.2,22.6", "22.6,114.2")
    assert read_station_rain(file(tmp_path, text)).lon.tolist() == [114.1, 114.2]


def test_thousands_are_read_whole_and_never_as_their_first_digit(tmp_path):
    totals = LONG.replace("雨量(mm)", "累计雨量(mm)").replace("15:00,0\n", '15:00,"1,200"\n')
    assert read_station_rain(file(tmp_path, totals)).amount[0, 0] == 1196.5


def test_an_empty_table_and_one_time_are_refused(tmp_path):
    assert "没有数据行" in refused(tmp_path, LONG.splitlines()[0])
    assert "只有一个时次" in refused(tmp_path, "\n".join(LONG.splitlines()[:3]))
    one = "\n".join(LONG.splitlines()[:3]).replace("雨量(mm)", "6小时雨量(mm)")
    assert read_station_rain(file(tmp_path, one)).step == np.timedelta64(6 * 3600, "s")


def test_hours_in_a_wide_header_need_a_zone(tmp_path):
    text = WIDE.replace("T06:00Z", " 14:00").replace("T07:00Z", " 15:00")
    assert "时区" in refused(tmp_path, text)
    assert str(read_station_rain(file(tmp_path, text), zone="beijing").time[0]) == "2026-08-31T06:00:00"
