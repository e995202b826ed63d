"""The maps within pages: a position is picked and dragged in a form, a file in a wrong datum is seen before it is written."""

from __future__ import annotations

import math

import numpy as np
import pytest

from riskmap.actions.records.scoring import one_feature
from riskmap.actions.workspace import open_workspace
from riskmap.coordinates import wgs84_to_gcj02
from tests.map_workspace import LONELY

pytest.importorskip("playwright", reason="system part: playwright is not installed")

from tests.browser.driving import DRAWN, drawn_up, frame_where, place

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LAYER, CODE = "risk_points", "RP-LONE-general"
HOME = LONELY["general"]
# The pin stands, the neighbours are drawn, and the view is where it shall be.
PIN = f"""() => document.querySelector(".rm-pin") && ({DRAWN})() && riskmap.map.getZoom() >= 15"""
PIN_AT = """() => { let at; riskmap.map.eachLayer((l) => { if (l.getElement?.()?.classList.contains("rm-pin")) at = l.getLatLng(); });
  return [at.lng, at.lat]; }"""


def figures(page):
    return [page.get_by_label(label, exact=True) for label in ("经度或东坐标", "纬度或北坐标")]


def figures_say(page, lon, lat, *, within=3e-6):
    page.wait_for_function(
        """([lon, lat, within]) => {
          const [x, y] = ["经度或东坐标", "纬度或北坐标"].map((label) => +document.querySelector(`input[aria-label="${label}"]`).value);
          return Math.abs(x - lon) < within && Math.abs(y - lat) < within;
        }""",
        arg=[lon, lat, within],
    )


def pin_is_at(frame, lon, lat, *, within=2e-6):
    frame.wait_for_function(
        f"([lon, lat, within]) => {{ const [x, y] = ({PIN_AT})(); return Math.abs(x - lon) < within && Math.abs(y - lat) < within; }}",
        arg=[lon, lat, within],
    )


def sign_and_save(page, why):
    page.get_by_label("经办人", exact=True).first.fill("张三")
    page.get_by_label("原因", exact=True).first.fill(why)
    page.get_by_role("button", name="保存", exact=True).click()


def test_a_position_is_clicked_dragged_typed_and_saved_and_the_ledger_has_it(watched, address, workspace):
    page = watched.page
    page.goto(f"{address}/point?layer={LAYER}&code={CODE}")
    page.get_by_role("button", name="修改", exact=True).click()
    frame = frame_where(page, PIN)
    frame.wait_for_selector(".rm-place", state="attached")  # the boundary is there
    pin_is_at(frame, *HOME)

    # What was typed elsewhere in the form stays while the pin moves.
    page.get_by_label("名称", exact=True).fill("移过的点")
    clicked = HOME[0] + 0.0006, HOME[1] + 0.0003
    page.mouse.click(*place(frame, *clicked))
    lon, lat = frame.evaluate(PIN_AT)
    assert math.hypot(lon - clicked[0], lat - clicked[1]) < 2e-5
    figures_say(page, lon, lat)
    assert "at=" not in page.url, "a map within a page leaves its address alone"

    start, end = place(frame, lon, lat), place(frame, lon - 0.0009, lat - 0.0004)
    page.mouse.move(start[0], start[1] - 12)
    page.mouse.down()
    page.mouse.move(end[0], end[1] - 12, steps=8)
    page.mouse.up()
    frame.wait_for_function(f"(before) => ({PIN_AT})()[0] < before - 5e-4", arg=lon)
    dragged = frame.evaluate(PIN_AT)
    figures_say(page, *dragged)

    # Figures of another datum move the pin to where they lie in the ledger's.
    page.get_by_label("所填坐标的坐标系", exact=True).click()
    page.get_by_role("option", name="GCJ-02（高德、腾讯）").click()
    x, y = figures(page)
    x.fill("114.125097604")
    x.press("Enter")
    y.fill("22.545309128")
    y.press("Enter")
    pin_is_at(frame, 114.12, 22.548)
    page.get_by_text("114.120000, 22.548000").wait_for()
    x.fill("东边")
    x.press("Enter")
    page.get_by_text("不是坐标").wait_for()
    frame.wait_for_selector(".rm-pin", state="detached")

    # A click says it in the ledger's datum again; what is saved is what was picked.
    page.mouse.click(*place(frame, 114.1204, 22.5483))
    frame.wait_for_selector(".rm-pin")
    picked = [round(v, 6) for v in frame.evaluate(PIN_AT)]
    figures_say(page, *picked)
    page.wait_for_function(
        """() => document.querySelector("input[aria-label=所填坐标的坐标系]").value.startsWith("CGCS2000（")"""
    )
    sign_and_save(page, "现场定位")
    page.get_by_text("已保存为第 2 版").wait_for()
    records = one_feature(open_workspace(workspace), LAYER, CODE).records
    assert [float(records.lon[0]), float(records.lat[0])] == pytest.approx(picked, abs=1e-7)
    assert records.name[0] == "移过的点"


def test_the_keyboard_picks_and_an_area_is_shown_but_not_moved(watched, address):
    page = watched.page
    page.goto(f"{address}/point?layer={LAYER}&code=RP-TWIN-0")
    page.get_by_role("button", name="修改", exact=True).click()
    frame = frame_where(page, PIN)
    frame.focus(".leaflet-container")
    page.keyboard.press("ArrowRight")
    frame.wait_for_function("riskmap.map.getCenter().lng > 114.1151 && !riskmap.map._panAnim?._inProgress")
    page.keyboard.press("Enter")
    centre = frame.evaluate("[riskmap.map.getCenter().lng, riskmap.map.getCenter().lat]")
    pin_is_at(frame, *centre)
    figures_say(page, *centre)

    page.goto(f"{address}/point?layer=forest_fire_grids&code=FG-0")
    page.get_by_role("button", name="修改", exact=True).click()
    frame = frame_where(page, "() => riskmap.home && document.querySelector('.leaflet-drawn-pane path')")
    page.get_by_label("名称", exact=True).wait_for()
    page.mouse.click(*place(frame, 114.1035, 22.536))
    frame.wait_for_selector(".rm-card h2")  # it opens what is there, as on the map
    assert frame.locator(".rm-pin").count() == 0
    assert [figure.count() for figure in figures(page)] == [0, 0]


LINES = "() => window.riskmap?.planned?._drawn?.lines > 0"
BLUE = """() => {
  const { data } = riskmap.planned._canvas.getContext("2d").getImageData(0, 0, riskmap.planned._canvas.width, riskmap.planned._canvas.height);
  let n = 0;
  for (let i = 0; i < data.length; i += 4) if (data[i] === 0x0b && data[i + 1] === 0x5c && data[i + 2] === 0xad) n++;
  return n;
}"""


def test_a_file_in_a_wrong_datum_is_seen_before_it_is_written(watched, address, workspace, tmp_path):
    ws = open_workspace(workspace)
    found = ws.ledger.features(LAYER)
    rows = [i for i, code in enumerate(found.records.code) if code.startswith("RP-CROWD")]
    lon, lat = wgs84_to_gcj02(found.records.lon[rows], found.records.lat[rows])
    lines = ["编号,经度,纬度,可能性,暴露频率,后果"]
    for k, i in enumerate(rows):
        factors = "10,6,15" if k == 0 else ",,"
        lines.append(f"{found.records.code[i]},{lon[k]:.6f},{lat[k]:.6f},{factors}")
    file = tmp_path / "从高德地图拾取.csv"
    file.write_text("\n".join(lines), encoding="utf-8-sig")
    before = ws.ledger.state

    page = watched.page
    page.goto(f"{address}/import")
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_label("坐标系", exact=True).click()
    page.get_by_role("option", name="WGS84（GPS）").click()
    page.get_by_role("button", name="核对文件").click()
    page.get_by_text("像是坐标系选错").first.wait_for()
    page.get_by_text("按 GCJ-02 则与台账重合").first.wait_for()
    frame = frame_where(page, LINES)
    drawn = frame.evaluate("riskmap.planned._drawn")
    assert drawn["lines"] > 5
    assert drawn["points"] > 20
    assert frame.evaluate(BLUE) > 100
    east, north = np.median(lon - found.records.lon[rows]), np.median(lat - found.records.lat[rows])
    metres = math.hypot(east * 111_195 * math.cos(math.radians(22.55)), north * 111_195)
    page.get_by_text(f"中位 {metres:,.0f} 米，向东南").wait_for()
    # Which tiers would change, and why.
    page.get_by_text("等级变化（1）").wait_for()
    page.get_by_text("可能性L：0.5 → 10").first.wait_for()
    drawn_up(page)
    assert open_workspace(workspace).ledger.state == before, "looking writes nothing"
