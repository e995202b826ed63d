"""A sensor in a browser: its card on the map and its page show the last value, its age, its state and a drawn day."""

from __future__ import annotations

import datetime as dt

import pytest

from riskmap.moments import utc_now
from tests.cli import riskmap
from tests.sensor_workspace import sensor_workspace, written

pytest.importorskip("playwright", reason="system part: playwright is not installed")

from playwright.sync_api import expect

from tests.browser.driving import map_frame, place

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sensors")
    root = sensor_workspace(folder / "ws")
    times = [utc_now() - dt.timedelta(minutes=10 * n + 1) for n in range(120)]
    rows = [f"QJ-1,{at:%Y-%m-%dT%H:%M:%SZ},倾角,{0.4 - n / 400:.3f}" for n, at in enumerate(times)]
    assert riskmap("ingest", written(folder / "a.csv", *rows), "--workspace", root).status == 0
    return root


def open_card(page, address, lang, code):
    page.goto(f"{address}/?lang={lang}&at=22.51,114.11,17")
    frame = map_frame(page)
    n = int(code[-1])
    page.mouse.click(*place(frame, float(f"114.1{n}"), float(f"22.5{n}")))
    frame.wait_for_selector(".rm-sensor")
    return frame


def test_the_card_of_a_sensor_says_how_it_stands_and_draws_its_day(page, address):
    frame = open_card(page, address, "zh", "QJ-1")
    tilt, crack = frame.locator(".rm-sensor").all()
    expect(tilt).to_contain_text("0.4 °")
    expect(tilt).to_contain_text("分钟前；数据及时；达到蓝色（tilt_fast 1）")
    expect(crack).to_contain_text("无数据")
    drawn = tilt.locator("svg path").bounding_box()
    assert drawn is not None
    assert drawn["width"] > 100
    assert drawn["height"] > 10
    assert crack.evaluate("node => getComputedStyle(node).backgroundImage").startswith(
        "repeating-linear-gradient"
    )


def test_the_page_of_a_sensor_shows_the_same_in_english_and_its_picture_is_drawn(page, address):
    page.goto(f"{address}/point?layer=sensors&code=QJ-1&lang=en")
    expect(page.locator(".rm-sensor").first).to_contain_text("fresh; blue reached (tilt_fast 1)")
    expect(page.locator(".rm-sensor").last).to_contain_text("silent")
    picture = page.locator(".rm-sensor-chart img")
    expect(picture).to_have_count(1)
    assert picture.evaluate("node => node.decode().then(() => node.naturalWidth)") > 0
