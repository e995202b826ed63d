"""Card and page of a sensor: the last value, how long ago, the state in words, a day as a line; silence is never calm."""

from __future__ import annotations

import base64
import re

import pytest

from riskmap.actions.workspace import open_workspace
from riskmap.web.widgets.readings import HEIGHT, WIDTH, sensor_lines
from tests.cli import riskmap
from tests.pages_running import html, open_page, use_workspace
from tests.sensor_workspace import CLOCK, sensor_workspace, written


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("readings")
    root = sensor_workspace(folder / "ws")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RISKMAP_CLOCK", CLOCK.isoformat())
        rows = [
            f"QJ-1,2026-11-29 {h:02d}:{m:02d},倾角,{h / 20}" for h in range(12) for m in (0, 20, 40) if h != 5
        ]
        rows += [
            "QJ-1,2026-11-29 11:56,倾角,0.6",
            "QJ-1,2026-11-29 11:56,裂缝,99",
            "QJ-2,2026-11-29 08:00,倾角,1",
        ]
        rows += ["QJ-3,2026-11-29 11:50,倾角,0.1", "QJ-3,2026-11-29 11:55,倾角,999"]
        assert riskmap("ingest", written(folder / "a.csv", *rows), "--workspace", root).status == 0
    return root


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    monkeypatch.setenv("RISKMAP_CLOCK", CLOCK.isoformat())


def lines(root, code, lang="zh"):
    return sensor_lines(open_workspace(root), "sensors", code, lang)


def test_a_card_says_value_age_state_and_level_in_both_languages(root):
    tilt, crack = lines(root, "QJ-1")
    assert (tilt["title"], tilt["value"]) == ("倾角", "0.6 °")
    assert tilt["words"] == "4 分钟前；数据及时；达到蓝色（tilt_fast 1）"
    assert (tilt["state"], tilt["level"], crack["level"]) == ("fresh", "blue", "")
    (english, _) = lines(root, "QJ-1", "en")
    assert english["words"] == "4 minutes ago; fresh; blue reached (tilt_fast 1)"


def test_the_chart_stays_in_its_box_and_breaks_where_nothing_came(root):
    (tilt, _) = lines(root, "QJ-1")
    assert (tilt["low"], tilt["high"]) == ("0", "0.6")
    runs = tilt["path"].split("M")[1:]
    assert len(runs) == 2  # five o'clock is missing
    points = [tuple(map(float, point)) for point in re.findall(r"(-?[\d.]+) (-?[\d.]+)", tilt["path"])]
    assert all(0 <= x <= WIDTH + 1 and 0 <= y <= HEIGHT for x, y in points)
    assert [x for x, _ in points] == sorted(x for x, _ in points)


def test_what_is_old_never_came_or_cannot_be_is_said_and_not_drawn_as_measured(root):
    stale, silent = lines(root, "QJ-2")
    assert (stale["state"], stale["words"]) == ("stale", "4 小时前；数据过时")
    assert (silent["state"], silent["value"], silent["words"], silent["path"]) == (
        "silent",
        "—",
        "无数据",
        "",
    )
    beyond = lines(root, "QJ-3")[0]
    assert (beyond["state"], beyond["level"], beyond["high"]) == ("out_of_range", "", "0.1")


def test_a_layer_without_sensors_and_a_damaged_file_leave_the_card_whole(root, tmp_path, monkeypatch):
    ws = open_workspace(root)
    assert sensor_lines(ws, "slopes", "x", "zh") == []
    monkeypatch.setattr("riskmap.actions.readings.FILE", "broken.sqlite")
    (root / "data" / "broken.sqlite").write_bytes(b"no database" * 200)
    (line,) = lines(root, "QJ-1")
    assert "读不出来" in line["title"]
    assert line["state"] == "silent"
    (root / "data" / "broken.sqlite").unlink()


def test_the_page_of_a_sensor_shows_the_same_with_a_picture_of_the_day(root, monkeypatch):
    use_workspace(monkeypatch, root)
    shown = html(open_page("point", layer="sensors", code="QJ-1", lang="zh"))
    assert "4 分钟前；数据及时；达到蓝色（tilt_fast 1）" in shown
    (picture, _) = re.findall(r"data:image/svg\+xml;base64,([\w+/=]+)", shown)
    assert b"<path d=" in base64.b64decode(picture)
    silent = html(open_page("point", layer="sensors", code="QJ-2", lang="zh"))
    assert "rm-sensor-silent" in silent
    assert "rm-sensor-stale" in silent
