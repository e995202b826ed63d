"""Track files: every format that services issue, and what is refused because it cannot be a track."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import xlsxwriter

from riskmap.errors import RiskmapError
from riskmap.formulas.wind import KNOT, NAUTICAL_MILE
from riskmap.io.readers.tracks import read_tracks
from riskmap.io.readers.tracks.nodes import radius_column
from riskmap.values.hazards import Track

JMA = """66666 1822  003 0029 1822 0 6             MANGKHUT              20181026
18091606 002 5 217 1135  960     075     90090 0090 20350 0210                  #
18091612 002 5 222 1116  970     065     90090 0090 20300 0180
18091706 002 2 240 1070  998     000
"""
CMA = """66666 0000    2 0022 1822 0 6             Mangkhut              20190710
2018091600 6 206 1152  945      48
2018091606 5 216 1135  955      45          34
66666 0000    1 0001 1801 0 6             Bolaven               20190710
2018010300 1  85 1105 1004      0
"""
NODES = """time,lat,lon,max_wind_ms,central_pressure_hpa,environmental_pressure_hpa,radius_max_wind_km
2018-09-16T00:00:00Z,20.6,115.3,38.6,960,1005,40
2018-09-16T00:30:00Z,20.7,115.15,38.6,960,1005,40
"""
BULLETIN = """# 时区: 北京时
# 起报时间: 2024-09-05 08:00
时间,纬度,经度,中心气压(百帕),"最大风速(m/s,2分钟)",七级风圈半径东北(km),七级风圈半径东南,七级风圈半径西南,七级风圈半径西北,十级风圈,12级风圈半径
2024-09-05 08:00,19.2,114.6,925,58,300,300,250,220,120,60
2024-09-05 20:00,19.3,113.9,920,60,300,300,250,220,130,
"""
FULL = """SID,SEASON,BASIN,NAME,ISO_TIME,NATURE,LAT,LON,WMO_WIND,WMO_PRES,WMO_AGENCY,TRACK_TYPE,USA_WIND,USA_PRES,USA_R34_NE,USA_R34_SE,USA_R34_SW,USA_R34_NW,USA_POCI,USA_RMW
 ,Year, , , , ,degrees_north,degrees_east,kts,mb, , ,kts,mb,nmile,nmile,nmile,nmile,mb,nmile
2018250N12170,2018,WP,MANGKHUT,2018-09-16 00:00:00,TS,20.60,115.30,75,960,tokyo,main,90,957,240,220,160,200,1004,30
2018250N12170,2018,WP,MANGKHUT,2018-09-16 03:00:00,TS,21.10,114.50, , , ,main,87,957,240, ,160,200,1004,
2018250N12170,2018,WP,MANGKHUT,2018-09-16 06:00:00,TS,21.70,113.50,75,960,tokyo,main,85, ,240,220,160,200,1004,30
2018250N12170,2018,WP,MANGKHUT,2018-09-16 06:00:00,TS,21.70,113.50,75,960,tokyo,spur,85, ,240,220,160,200,1004,30
2018226N15110,2018,WP,NOT_NAMED,2018-08-14 00:00:00,TS,15.00,110.00,35,1000,tokyo,main, , , , , , , ,
"""


def written(folder: Path, content: str, *, name: str = "track.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_text(content, encoding=encoding)
    return path


def one(path: Path) -> Track:
    (track,) = read_tracks(path)
    return track


def refusal(path: Path) -> str:
    with pytest.raises(RiskmapError) as told:
        read_tracks(path)
    assert path.name in told.value.text("en")
    assert told.value.text("zh") != told.value.text("en")
    return told.value.text("en")


def test_a_tokyo_best_track_gives_ten_minute_winds_and_four_radii(tmp_path: Path):
    track = one(written(tmp_path, JMA, name="x.txt"))
    assert (track.name, track.source, track.averaging) == ("MANGKHUT", "jma", 10.0)
    assert track.time[0] == np.datetime64("2018-09-16T06:00:00")
    assert (track.lat[0], track.lon[0], track.pressure[0]) == (21.7, 113.5, 960)
    assert track.wind[0] == pytest.approx(75 * KNOT)
    assert np.isnan(track.wind[2])
    fifty, thirty = track.radii[50 * KNOT], track.radii[30 * KNOT]
    assert fifty[0] == pytest.approx([90 * NAUTICAL_MILE] * 4)
    ne, se, sw, nw = thirty[0] / NAUTICAL_MILE  # longest in the east: both eastern quadrants alike
    assert ne == pytest.approx(se)
    assert sw == pytest.approx(nw)
    assert 210 < sw < 280 < ne < 350
    assert np.isnan(thirty[2]).all()


def test_a_cma_best_track_gives_two_minute_winds_and_every_storm_of_the_file(tmp_path: Path):
    first, second = read_tracks(written(tmp_path, CMA, name="ch2018.txt"))
    assert (first.name, first.source, first.averaging) == ("Mangkhut", "cma", 2.0)
    assert first.wind.tolist() == [48.0, 45.0]
    assert first.time[1] == np.datetime64("2018-09-16T06:00:00")
    assert (second.name, len(second)) == ("Bolaven", 1)
    assert np.isnan(second.wind[0])


def test_the_full_ibtracs_gives_one_minute_winds_and_skips_units_and_branches(tmp_path: Path):
    mangkhut, weak = read_tracks(written(tmp_path, FULL))
    assert (mangkhut.name, mangkhut.averaging, len(mangkhut)) == ("MANGKHUT", 1.0, 3)
    assert mangkhut.wind[0] == pytest.approx(90 * KNOT)
    assert mangkhut.pressure.tolist() == [957, 957, 960]  # the last from the WMO column
    assert mangkhut.environment.tolist() == [1004] * 3
    assert mangkhut.radius[0] == pytest.approx(30 * NAUTICAL_MILE)
    assert np.isnan(mangkhut.radius[1])
    assert mangkhut.radii[34 * KNOT][1] == pytest.approx(np.array([240, 0, 160, 200]) * NAUTICAL_MILE)
    assert (weak.name, weak.averaging) == ("2018226N15110", 10.0)


def test_a_node_table_is_read_as_it_is(tmp_path: Path):
    track = one(written(tmp_path, NODES))
    assert track.source == "nodes"
    assert np.isnan(track.averaging)
    assert track.lon.tolist() == [115.3, 115.15]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_chinese_bulletin_in_beijing_time(tmp_path: Path, encoding: str):
    track = one(written(tmp_path, BULLETIN, encoding=encoding))
    assert (track.source, track.averaging) == ("bulletin", 2.0)
    assert track.issued == np.datetime64("2024-09-05T00:00:00")
    assert track.time[1] == np.datetime64("2024-09-05T12:00:00")
    assert track.radii[13.9][0].tolist() == [300, 300, 250, 220]
    assert track.radii[24.5][1].tolist() == [130] * 4
    assert np.isnan(track.radii[32.7][1]).all()


def test_an_english_ensemble_in_knots_with_the_zone_in_the_header(tmp_path: Path):
    content = (
        "time (UTC),lat,lon,pressure (hPa),max_wind (kt),averaging,r30kt_nm,member,issued\n"
        "2024-09-05 00:00,19.2N,114.6E,925,110,10,200,m1,2024-09-05 00:00\n"
        "2024-09-05 06:00,19.3N,114.1E,925,110,10,200,m1,2024-09-05 00:00\n"
        "2024-09-05 00:00,19.2,114.6,935,100,10,180,m2,2024-09-05 00:00\n"
    )
    first, second = read_tracks(written(tmp_path, content))
    assert (first.member, second.member, len(first)) == ("m1", "m2", 2)
    assert first.wind[0] == pytest.approx(110 * KNOT)
    assert first.lat[0] == 19.2
    assert first.radii[30 * KNOT][0] == pytest.approx([200 * NAUTICAL_MILE] * 4)


def test_a_workbook_gives_the_track_of_the_comma_file(tmp_path: Path):
    plain = one(written(tmp_path, BULLETIN))
    path = tmp_path / "预报.xlsx"
    with xlsxwriter.Workbook(str(path), {"strings_to_numbers": True}) as book:
        sheet = book.add_worksheet()
        for at, row in enumerate(csv.reader(BULLETIN.splitlines())):
            sheet.write_row(at, 0, row)
    track = one(path)
    for name in ("time", "lat", "lon", "wind", "pressure", "issued", "averaging"):
        np.testing.assert_array_equal(getattr(track, name), getattr(plain, name))
    assert {speed: radii.tolist() for speed, radii in track.radii.items()}.keys() == plain.radii.keys()
    np.testing.assert_array_equal(track.radii[13.9], plain.radii[13.9])


@pytest.mark.parametrize(
    ("stated", "hour"),
    [
        ("time_utc,lat,lon,wind\n2024-09-05 08:00", 8),
        ("时间(北京时),lat,lon,wind\n2024-09-05 08:00", 0),
        ("time,lat,lon,wind\n2024-09-05T08:00:00+08:00", 0),
        ("time,lat,lon,wind\n2024-09-05T08:00Z", 8),
        ("time,lat,lon,wind\n2024年9月5日8时北京时", 0),
        ("北京时间,lat,lon,wind\n2024-09-05 08:00", 0),
        ("# 时区: 北京时\n\ntime,lat,lon,wind\n2024-09-05 08:00", 0),
    ],
)
def test_where_the_zone_may_stand(tmp_path: Path, stated: str, hour: int):
    track = one(written(tmp_path, f"{stated},19,114,40\n"))
    assert track.time[0] == np.datetime64(f"2024-09-05T{hour:02}:00:00")


@pytest.mark.parametrize(
    ("header", "means"),
    [
        ("七级风圈半径", (13.9, None)),
        ("7级风圈半径(km)", (13.9, None)),
        ("东北7级风圈", (13.9, 0)),
        ("十二级风圈半径西北", (32.7, 3)),
        ("r7_ne", (13.9, 0)),
        ("r34_se", (34 * KNOT, 1)),
        ("30kt_sw_km", (30 * KNOT, 2)),
        ("radius_50kt", (50 * KNOT, None)),
        ("7", None),
        ("风速", None),
    ],
)
def test_what_a_column_of_radii_is_called(header: str, means: tuple[float, int | None] | None):
    assert radius_column(header) == means


def test_hours_of_lead_count_from_the_issue(tmp_path: Path):
    content = "# 时区: 北京时\n# 起报时间: 2024-09-05 08:00\n时效,纬度,经度,风速(m/s)\n0,19,114,40\n24小时,20,112,42\n"
    assert one(written(tmp_path, content)).time[1] == np.datetime64("2024-09-06T00:00:00")
    unissued = content.replace("# 起报时间: 2024-09-05 08:00\n", "")
    assert "gives no time" in refusal(written(tmp_path, unissued))


_HEAD = "time (UTC),lat,lon,pressure,wind,averaging\n"


@pytest.mark.parametrize(
    ("content", "place", "words"),
    [
        (_HEAD + "2024-09-05 00:00,19,114,960,40,10\n2024-09-05 06:00,19,133,960,40,10\n", "line 3", "80 kt"),
        (_HEAD + "2024-09-05 06:00,19,114,960,40,10\n2024-09-05 00:00,19,114,960,40,10\n", "line 3", "before the line above"),
        (_HEAD + "2024-09-05 06:00,19,114,960,40,10\n2024-09-05 06:00,19,114,960,40,10\n", "line 3", "twice"),
        (_HEAD + "2024-09-05 00:00,19,114,960,40,10\n2024-09-05 06:00,19,114,960,40,2\n", "line 3", "one averaging time"),
        (_HEAD + "2024-09-05 00:00,19,114,960,40,10\n2042-09-05 06:00,19,114,960,40,10\n", "line 3", "more than 72"),
        (_HEAD + "2024-09-05 00:00,119,14,960,40,10\n", "line 2", "latitude 119"),
        (_HEAD + "2024-09-05 00:00,19,114,960,400,10\n", "line 2", "maximum wind 400"),
        (_HEAD + "2024-09-05 00:00,19,114,96,40,10\n", "line 2", "central pressure 96"),
        (_HEAD + "2024-09-05 00:00,19,114,about 960,40,10\n", "row 2", "is not a number"),
        (_HEAD + "2024-09-05 00:00,,114,960,40,10\n", "row 2 › lat", "is blank"),
        (_HEAD + "2024-13-05 00:00,19,114,960,40,10\n", "row 2", "is no time"),
        (_HEAD + "2024-09-05 00:00,19,114,960,40,5\n", "line 2", "5 minutes"),
        (_HEAD, "track.csv", "no lines of data"),
        ("time,lat,lon,wind\n2024-09-05 00:00,19,114,40\n", "row 2", "states no time zone (Beijing time or UTC)"),
        ("# 时区: 火星时\ntime,lat,lon,wind\n2024-09-05 00:00,19,114,40\n", "row 3", "火星时"),
        ("time (UTC),lat,lon,wind (mph)\n2024-09-05 00:00,19,114,40\n", "header", "the unit is mph"),
        ("time (UTC),lat,lon,name\n2024-09-05 00:00,19,114,x\n", "header", "without Maximum wind or Central pressure"),
        ("编号,经度,纬度\n1,114,22\n", "header", "nothing of Cyclone track"),
        ("66666 1822 MANGKHUT\n18091606 002 5 217 113\n", "line 2", "no line of a best track"),
        ("66666 1822 MANGKHUT\n", "line 1", "no node"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_track_is_refused_with_its_line(
    tmp_path: Path, content: str, place: str, words: str
):
    told = refusal(written(tmp_path, content))
    assert place in told
    assert words in told


def test_the_real_files_are_read(test_data: Path):
    tracks = {path.name: one(path) for path in sorted((test_data / "tracks").iterdir())}
    assert {t.source for t in tracks.values()} == {"jma", "ibtracs"}
    assert {t.averaging for t in tracks.values()} == {10.0}
    mangkhut = tracks["mangkhut_2018_jma.txt"]
    assert len(mangkhut) == 46
    assert np.nanmax(mangkhut.wind) == pytest.approx(110 * KNOT)
    assert np.isnan(tracks["saola_2023_ibtracs.csv"].wind[:5]).all()
