"""`riskmap fire-weather`: a weather file in, six codes a day out, carried on from run to run, never guessed."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
import xlsxwriter

from riskmap.actions.workspace import open_workspace
from riskmap.actions.workspace.settings import DEFAULT_FIRE
from riskmap.errors import CatalogError, TableFileError
from riskmap.formulas.fire_weather import POSSIBLE
from riskmap.io.readers.weather import read_weather
from riskmap.io.tables.declared import declaration
from riskmap.values.hazards import Day, step
from tests.cli import riskmap
from tests.fire_workspace import grid_workspace, square

PUBLISHED = Path(__file__).parents[1] / "cases" / "fire_weather" / "published.csv"
CODES = ("ffmc", "dmc", "dc", "isi", "bui", "fwi")
HEADER = "month,day,temp,rh,ws,prec"
DAYS = ["4,13,17,42,25,0", "4,14,20,21,25,2.4", "4,15,8.5,40,17,0", "4,16,6.5,25,6,0"]


def rows_of_series():
    with PUBLISHED.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def weather(folder, lines, *, header=HEADER, name="weather.csv", encoding="utf-8"):
    path = folder / name
    path.write_text("\n".join([header, *lines]) + "\n", encoding=encoding)
    return path


def run(path, *words, lat=46):
    return riskmap("fire-weather", "--data", path, "--lat", lat, *words, "--json")


def test_the_published_series_comes_out_of_the_command(tmp_path):
    series = rows_of_series()
    path = weather(tmp_path, [",".join(r[k] for k in HEADER.split(",")) for r in series])
    done = run(path, "--start", "85,6,15")
    assert done.status == 0
    days = done.json["days"]
    assert set(days[0]) == {"month", "day", *CODES}
    assert len(days) == 49
    for day, published in zip(days, series, strict=True):
        assert [round(day[k], 1) for k in CODES] == [float(published[k]) for k in CODES]


def test_the_later_edition_of_the_ffmc_constant_is_offered(tmp_path):
    path = weather(tmp_path, DAYS)
    old, new = (run(path, *words).json["days"] for words in ((), ("--edition", "later")))
    assert run(path, "--edition", "1985").json["days"] == old
    apart = [abs(a["ffmc"] - b["ffmc"]) for a, b in zip(old, new, strict=True)]
    assert 0 < max(apart) <= 0.25


def test_headers_may_be_in_any_case_order_language_and_encoding(tmp_path):
    plain = run(weather(tmp_path, DAYS)).json["days"]
    bom = weather(tmp_path, DAYS, header="Month,DAY,Temp,RH,WS,Prec", encoding="utf-8-sig")
    assert run(bom).json["days"] == plain
    chinese = weather(
        tmp_path, DAYS, header="月,日,气温（℃）,相对湿度(%),风速(km/h),降水量(mm)", encoding="gb18030"
    )
    assert run(chinese).json["days"] == plain
    turned = [",".join(reversed(line.split(","))) for line in DAYS]
    assert run(weather(tmp_path, turned, header="prec,ws,rh,temp,day,month")).json["days"] == plain


def test_wind_in_metres_a_second_is_converted_and_a_workbook_is_read_alike(tmp_path):
    plain = run(weather(tmp_path, DAYS)).json["days"]
    rows = [[float(cell) for cell in line.split(",")] for line in DAYS]
    header = ["月份", "日", "气温℃", "湿度％", "风速（m/s）", "降水（毫米）"]
    metres = [[*row[:4], row[4] / 3.6, row[5]] for row in rows]
    path = tmp_path / "气象.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        for at, row in enumerate([["逐日气象"], header, *metres]):
            (book.worksheets() or [book.add_worksheet()])[0].write_row(at, 0, row)
    assert run(path).json["days"] == plain


def test_the_declared_limits_are_those_of_the_formulas():
    fields = {f.id: f for f in declaration("weather").fields}
    assert {n: (fields[n].minimum, fields[n].maximum) for n in POSSIBLE} == {
        n: limits[:2] for n, limits in POSSIBLE.items()
    }


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["4,13,17,101,25,0"], "第 2 行 › rh：101 大于上限 100%"),
        (["4,13,17,-1,25,0"], "第 2 行 › rh"),
        (["4,13,17,42,-25,0"], "第 2 行 › ws：-25 小于下限 0km/h"),
        (["4,13,17,42,25,-0.5"], "第 2 行 › prec"),
        (["13,1,17,42,25,0"], "第 2 行 › month：13 大于上限 12"),
        (["4,31,17,42,25,0"], "4/31 不是日期"),
        (["4,13,,42,25,0"], "第 2 行 › temp：是空的"),
        ([DAYS[0], "4,14,20,NaN,25,0"], "第 3 行 › rh：是空的"),
        (["4,13,17,42,25"], "第 2 行 › prec"),
        (["4,13,warm,42,25,0"], "warm 不是数值"),
        (["4,13,1_7,42,25,0"], "1_7 不是数值"),
        (["4,13.5,17,42,25,0"], "第 2 行 › day：13.5 不是整数"),
        (["4,13,17,42,25,0,5"], "第 2 行：有多于表头的格"),
        ([DAYS[0], DAYS[0]], "第 3 行：04-13 出现两次"),
        ([DAYS[1], DAYS[0]], "第 3 行：04-13 排在 04-14 之后"),
        ([], "没有数据行"),
    ],
)
def test_bad_weather_is_refused_with_file_row_find_and_remedy(tmp_path, lines, says):
    path = weather(tmp_path, lines)
    done = run(path)
    assert done.refused, done.out
    assert path.name in done.err
    assert says in done.err


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("month,day,temp,rh,ws", "缺少 降水量 列"),
        ("month,day,temp (°F),rh,ws,prec", "单位是 °f"),
        ("month,day,temp,rh,ws,prec,wind", "含义相同"),
    ],
)
def test_a_header_that_would_be_misread_is_refused(tmp_path, header, says):
    done = run(weather(tmp_path, DAYS, header=header))
    assert done.status == 2
    assert says in done.err


def test_every_mistake_of_a_file_is_told_at_once(tmp_path):
    path = weather(tmp_path, ["4,13,17,142,25,0", "4,14,,21,25,2.4", "2,20,8.5,140,-17,0"])
    with pytest.raises(TableFileError) as refusal:
        read_weather(path)
    assert len(refusal.value.problems) == 4
    many = weather(tmp_path, ["4,13,17,142,25,0"] * 50)
    assert "另有 30 处" in run(many).err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--start", "85,6"], "--start"),
        (["--start", "102,6,15"], "--start"),
        (["--start", "nan,6,15"], "--start"),
    ],
)
def test_start_values_that_are_none_are_refused(tmp_path, words, says):
    done = run(weather(tmp_path, DAYS), *words)
    assert done.refused
    assert says in done.err


@pytest.mark.parametrize("lat", [91, "nan", "inf"])
def test_a_latitude_that_is_none_is_refused(tmp_path, lat):
    assert run(weather(tmp_path, DAYS), lat=lat).status == 2


def test_files_that_are_no_weather_are_refused(tmp_path):
    assert run(tmp_path / "none.csv").status == 2
    binary = tmp_path / "photo.csv"
    binary.write_bytes(b"\x89PNG\x00\xff\xfe\x00")
    assert run(binary).status == 2


def test_saturated_air_is_no_mistake(tmp_path):
    (day,) = run(weather(tmp_path, ["4,13,17,100,0,0"])).json["days"]
    assert day["ffmc"] < 85


def test_latitude_chooses_the_day_lengths(tmp_path):
    path = weather(tmp_path, DAYS[:1])
    (north,), (south,) = run(path, lat=46).json["days"], run(path, lat=22.5).json["days"]
    assert north["dmc"] == pytest.approx(8.545051)
    assert south["dmc"] == pytest.approx(7.888905)
    assert run(path, lat=-33.9).json["days"][0]["dc"] != north["dc"]


def with_grid(grid, lines):
    return [f"{grid},{line}" for line in lines]


def test_each_grid_of_a_file_is_carried_on_by_itself(tmp_path):
    mixed = [
        line for pair in zip(with_grid("A", DAYS), with_grid("B", DAYS[1:]), strict=False) for line in pair
    ]
    days = run(weather(tmp_path, [*mixed, "A," + DAYS[3]], header="grid," + HEADER)).json["days"]
    alone = run(weather(tmp_path, DAYS)).json["days"]
    assert [{k: d[k] for k in alone[0]} for d in days if d["grid"] == "A"] == alone
    later = run(weather(tmp_path, DAYS[1:])).json["days"]
    assert [{k: d[k] for k in later[0]} for d in days if d["grid"] == "B"] == later


def test_a_missing_day_makes_all_that_follows_unknown_for_its_grid_only(tmp_path):
    lines = with_grid("A", [DAYS[0], DAYS[2], DAYS[3]]) + with_grid("B", DAYS)
    state = tmp_path / "state.json"
    done = run(weather(tmp_path, lines, header="grid," + HEADER), "--state", state)
    assert done.status == 1
    assert "04-13 与 04-15 之间缺日" in done.err
    assert done.json["gaps"] == [{"grid": "A", "after": "04-13", "before": "04-15"}]
    fwi = {(d["grid"], d["day"]): d["fwi"] for d in done.json["days"]}
    assert fwi["A", 13] is not None
    assert fwi["A", 15] is None
    assert fwi["A", 16] is None
    assert None not in [v for (g, _), v in fwi.items() if g == "B"]
    # Unknown stays unknown through the state, until the grid is restarted.
    next_day = weather(tmp_path, with_grid("A", ["4,17,13,34,24,0"]), header="grid," + HEADER)
    assert run(next_day, "--state", state).json["days"][0]["fwi"] is None
    anew = weather(tmp_path, with_grid("A", ["4,18,6,40,22,0.4"]), header="grid," + HEADER)
    assert run(anew, "--state", state, "--restart").json["days"][0]["fwi"] is not None


@pytest.mark.parametrize("cut", [1, 18, 48])
def test_a_series_in_two_files_is_the_series_in_one(tmp_path, cut):
    folder = tmp_path
    lines = [",".join(r[k] for k in HEADER.split(",")) for r in rows_of_series()]
    whole = run(weather(folder, lines)).json["days"]
    state = folder / "state.json"
    first = run(weather(folder, lines[:cut]), "--state", state).json["days"]
    second = run(weather(folder, lines[cut:]), "--state", state).json["days"]
    assert first + second == whole


def test_a_state_refuses_the_same_day_twice_a_gap_and_another_place(tmp_path):
    state = tmp_path / "state.json"
    assert run(weather(tmp_path, DAYS[:2]), "--state", state).status == 0
    before = state.read_bytes()
    for lines in (DAYS[1:], DAYS[3:], DAYS[:1]):
        refused = run(weather(tmp_path, lines), "--state", state)
        assert refused.status == 2
        assert "状态文件停在 04-14" in refused.err
    assert "纬度" in run(weather(tmp_path, DAYS[2:]), "--state", state, lat=22.5).err
    assert state.read_bytes() == before
    assert run(weather(tmp_path, DAYS[3:]), "--state", state, "--restart").status == 0
    assert json.loads(state.read_text())["grids"][""]["day"] == 16


def test_a_bad_file_leaves_the_state_as_it_was(tmp_path):
    state = tmp_path / "state.json"
    run(weather(tmp_path, DAYS[:1]), "--state", state)
    before = state.read_bytes()
    assert run(weather(tmp_path, ["4,14,20,121,25,2.4"]), "--state", state).status == 2
    assert state.read_bytes() == before


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "[1]",
        "not json",
        '{"format": "riskmap fire weather 1", "lat": 46, "grids": {"": {"month": 13, "day": 1, "ffmc": 1, "dmc": 1, "dc": 1}}}',
        '{"format": "riskmap fire weather 1", "lat": 46, "grids": {"": {"month": 4, "day": 1, "ffmc": 1, "dmc": -1, "dc": 1}}}',
        '{"format": "riskmap fire weather 1", "lat": 46, "grids": {"": {"month": 4, "day": 1, "ffmc": true, "dmc": 1, "dc": 1}}}',
    ],
)
def test_a_state_that_is_none_of_ours_is_refused_and_left_alone(tmp_path, text):
    state = tmp_path / "state.json"
    state.write_text(text)
    assert run(weather(tmp_path, DAYS), "--state", state).status == 2
    assert state.read_text() == text


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        (Day(4, 13), Day(4, 14), "next"),
        (Day(12, 31), Day(1, 1), "next"),
        (Day(2, 28), Day(3, 1), "next"),
        (Day(2, 28), Day(2, 29), "next"),
        (Day(2, 29), Day(3, 1), "next"),
        (Day(2, 28, 2024), Day(3, 1, 2024), "gap"),
        (Day(2, 28, 2023), Day(3, 1, 2023), "next"),
        (Day(4, 13), Day(4, 13), "same"),
        (Day(4, 13), Day(4, 15), "gap"),
        (Day(4, 13), Day(4, 12), "back"),
        (Day(4, 13, 2023), Day(4, 14, 2024), "gap"),
        (Day(4, 13, 2024), Day(4, 14, 2023), "back"),
    ],
)
def test_days_follow_one_another_over_months_and_years(before, after, kind):
    assert step(before, after) == kind


def test_a_year_column_tells_this_april_from_the_last(tmp_path):
    state = tmp_path / "state.json"
    header = "year," + HEADER
    first = run(weather(tmp_path, ["2024," + DAYS[0]], header=header), "--state", state)
    assert first.json["days"][0]["year"] == 2024
    assert run(weather(tmp_path, ["2025," + DAYS[1]], header=header), "--state", state).status == 2
    assert run(weather(tmp_path, ["2024," + DAYS[1]], header=header), "--state", state).status == 0


def test_without_json_a_person_reads_a_table(tmp_path):
    done = riskmap("fire-weather", "--data", weather(tmp_path, DAYS), "--lat", 46)
    assert done.status == 0
    assert "87.7" in done.out


GRIDS = {"A": square(0, 0), "B": square(100, 0), "C": square(200, 0)}
FACTORS = {
    "fuel": ["high", "low", "very_high"],
    "ignition": ["very_high", "low", "high"],
    "access": ["fair", "good", None],
}


def risks(done):
    return {(g["code"], g["day"]): g for g in done.json["grids"]}


def test_a_grid_is_weather_times_fuel_times_ignition_times_access(tmp_path):
    grid_workspace(tmp_path / "ws", GRIDS, **FACTORS)
    done = run(weather(tmp_path, DAYS[:2]), "--grid-risk", "--workspace", tmp_path / "ws", lat=22.5)
    assert done.status == 0
    found = risks(done)
    assert set(done.json) == {"days", "gaps", "grids", "unmatched", "settings"}
    assert done.json["settings"]["status"] == "draft"
    assert 5.2 <= found["A", 13]["fwi"] < 11.2
    assert [found["A", 13][k] for k in ("weather_class", "risk", "tier", "state")] == [
        2,
        48,
        "general",
        "rated",
    ]
    assert [found["B", 13][k] for k in ("weather_class", "risk", "tier", "state")] == [2, 2, "low", "rated"]


def test_a_grid_without_a_factor_is_unrated_and_never_low(tmp_path):
    grid_workspace(tmp_path / "ws", GRIDS, **FACTORS)
    done = run(weather(tmp_path, DAYS[:1]), "--grid-risk", "--workspace", tmp_path / "ws")
    lacking = risks(done)["C", 13]
    assert [lacking[k] for k in ("risk", "tier", "state", "missing")] == [None, None, "unrated", ["access"]]


def test_unknown_weather_leaves_a_grid_unrated(tmp_path):
    grid_workspace(tmp_path / "ws", GRIDS, **FACTORS)
    path = weather(
        tmp_path, [*with_grid("A", [DAYS[0], DAYS[2]]), *with_grid("Z", DAYS[:1])], header="grid," + HEADER
    )
    done = run(path, "--grid-risk", "--workspace", tmp_path / "ws")
    assert done.status == 1
    assert done.json["unmatched"] == ["Z"]
    assert "网格 Z：台账中没有这个编号" in done.err
    found = risks(done)
    assert found["A", 13]["state"] == "rated"
    for key in (("A", 15), ("B", 13), ("B", 15)):
        assert [found[key][k] for k in ("fwi", "risk", "tier", "state")] == [None, None, None, "unrated"]
        assert found[key]["missing"] == ["fwi"]


def test_a_district_sets_its_own_classes_and_limits(tmp_path):
    ws = grid_workspace(tmp_path / "ws", GRIDS, **FACTORS)
    settings = ws.root / "workspace.toml"
    own = '\n[fire]\nfwi_classes = [1, 2, 3, 4]\nmajor = 120\nlarge = 60\ngeneral = 30\nsource = "区森防办 2024"\n'
    settings.write_text(settings.read_text(encoding="utf-8") + own, encoding="utf-8")
    done = run(weather(tmp_path, DAYS[:1]), "--grid-risk", "--workspace", tmp_path / "ws")
    assert [risks(done)["A", 13][k] for k in ("weather_class", "risk", "tier")] == [5, 120, "major"]
    assert done.json["settings"]["status"] == "configured"


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        ("fwi_classes = [5, 3]", "fire.fwi_classes"),
        ("major = 1", "fire.major"),
        ('fwi_classes = "many"', "fire.fwi_classes"),
    ],
)
def test_classes_that_do_not_ascend_are_refused_by_their_line(tmp_path, wrong, key):
    ws = grid_workspace(tmp_path / "ws", GRIDS)
    settings = ws.root / "workspace.toml"
    settings.write_text(settings.read_text(encoding="utf-8") + f"\n[fire]\n{wrong}\n", encoding="utf-8")
    with pytest.raises(CatalogError, match=key):
        open_workspace(ws.root)


def test_default_classes_begin_at_their_limits():
    assert DEFAULT_FIRE.weather_class([0, 5.19, 5.2, 11.2, 21.3, 38, 90]).tolist() == [1, 1, 2, 3, 4, 5, 5]
    assert [DEFAULT_FIRE.tier(r) for r in (108, 107.9, 54, 24, 23.9, float("nan"))] == [
        "major", "large", "large", "general", "low", None,
    ]  # fmt: skip


def test_risk_is_refused_before_the_state_is_written_where_there_is_no_workspace(tmp_path):
    state = tmp_path / "state.json"
    done = run(weather(tmp_path, DAYS), "--state", state, "--grid-risk", "--workspace", tmp_path / "none")
    assert done.status == 2
    assert not state.exists()
