"""How a sensor stands, on its card and its page: a line and a small chart of a day for each indicator.

What is old or never came has its own look and is said in words; a chart breaks where no reading came.
"""

from __future__ import annotations

import base64
import datetime as dt
from html import escape
from pathlib import Path
from typing import Any, Final

import numpy as np
import streamlit as st

from riskmap.actions.readings.standing import SensorChart, sensor_charts, told_ago
from riskmap.actions.workspace import Workspace
from riskmap.array_types import Floats
from riskmap.errors import Lang, LedgerError
from riskmap.moments import last_moment, utc_now
from riskmap.texts import t
from riskmap.units import unit_title
from riskmap.values.readings import STATE_TITLES
from riskmap.vocabulary import COLOURS
from riskmap.web.frame.settings import PRIMARY
from riskmap.web.frame.shell import section
from riskmap.web.frame.state import as_of, lang, workspace
from riskmap.web.widgets.signing import refuse

WIDTH, HEIGHT = 240, 40


_STYLES: Final = Path(__file__).parents[1] / "assets" / "sensors.css"  # the map has it with its own


_EDGE: Final = 3.0  # pixels that stay free above and below the line


def sensor_lines(
    ws: Workspace, layer: str, code: str, lang: Lang, *, at: dt.date | None = None
) -> list[dict[str, Any]]:
    """Return what a card shows of each indicator, in words; empty where the layer measures nothing.

    `state` and `level` name the look; `path` is the chart as SVG path data in a box of WIDTH × HEIGHT, "" where there
    is nothing to draw; `low` and `high` are what its edges mean. A file that cannot be read is a line that says so.
    """
    if ws.catalog.layer(layer).series is None:
        return []
    now = utc_now() if at is None else last_moment(at)
    try:
        return [_line(one, now, lang) for one in sensor_charts(ws, layer, code, now=now)]
    except LedgerError:  # the card says everything else
        words = {"title": t("readings_unreadable", lang), "value": "", "words": "", "state": "silent"}
        return [{**words, "level": "", "path": "", "low": "", "high": ""}]


def _line(one: SensorChart, now: dt.datetime, lang: Lang) -> dict[str, Any]:
    last, unit = one.latest, unit_title(one.indicator.unit).text(lang)
    words = [STATE_TITLES[last.state].text(lang)]
    if last.at is not None:
        words.insert(0, told_ago(last.at, now).text(lang))
    if last.level is not None:
        level = COLOURS[last.level].text(lang).lower()
        words.append(t("readings_level", lang, level=level, threshold=last.threshold or ""))
    path = _path(one)
    low, high = (float(one.low.min()), float(one.high.max())) if path else (np.nan, np.nan)
    return {
        "title": one.indicator.title.text(lang),
        "value": "—" if last.value is None else f"{last.value:g} {unit}".strip(),
        "words": t("list_separator", lang).join(words),
        "state": last.state,
        "level": last.level or "",
        "path": path,
        "low": f"{low:g}" if path else "",
        "high": f"{high:g}" if path else "",
    }


def _path(one: SensorChart) -> str:
    """Return the readings of the chart's time as path data: lowest and highest of each part, broken at gaps."""
    if not len(one.ts):
        return ""
    low, high = float(one.low.min()), float(one.high.max())
    span = high - low or 1.0
    x = (one.ts - one.start) / (one.stop - one.start) * WIDTH
    runs = np.flatnonzero(np.diff(one.ts) > one.gap) + 1
    parts = zip(np.split(x, runs), np.split(one.low, runs), np.split(one.high, runs), strict=True)
    return " ".join(_run(at, lo, hi, low, span) for at, lo, hi in parts)


def _run(x: Floats, low: Floats, high: Floats, base: float, span: float) -> str:
    def y(value: float) -> float:
        return HEIGHT - _EDGE - (value - base) / span * (HEIGHT - 2 * _EDGE)

    points = [
        (at, y(v)) for at, lo, hi in zip(x, low, high, strict=True) for v in ((lo, hi) if lo != hi else (lo,))
    ]
    if len(points) == 1:
        points.append((points[0][0] + 1.0, points[0][1]))  # a single reading is a dot
    return "M" + " L".join(f"{at:.1f} {up:.1f}" for at, up in points)


def draw_readings(layer: str, code: str) -> None:
    """Draw how a sensor stands on its page: a line and a chart for each indicator."""
    section(t("js_card_readings", lang()))
    ws = workspace()
    try:
        found = sensor_lines(ws, layer, code, lang(), at=as_of())
    except LedgerError as problem:
        refuse(problem)
        return
    st.html(f"<style>{_STYLES.read_text(encoding='utf-8')}</style>{''.join(_as_html(one) for one in found)}")
    st.caption(t("readings_day", lang()))


def _as_html(one: dict[str, Any]) -> str:
    return (
        f'<div class="rm-sensor rm-sensor-{one["state"]}" data-field="readings"><b>{escape(one["title"])}</b> '
        f'<span class="rm-sensor-value">{escape(one["value"])}</span>{_chart(one)}'
        f'<div class="rm-sensor-words{_level(one)}">{escape(one["words"])}</div></div>'
    )


def _level(one: dict[str, Any]) -> str:
    return f" rm-level-{one['level']}" if one["level"] else ""


def _chart(one: dict[str, Any]) -> str:
    if not one["path"]:
        return ""
    edges = f'<span class="rm-sensor-edges"><i>{escape(one["high"])}</i><i>{escape(one["low"])}</i></span>'
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none">'
        f'<path d="{one["path"]}" fill="none" stroke="{PRIMARY}" stroke-width="1.5" vector-effect="non-scaling-stroke"/></svg>'
    )
    picture = base64.b64encode(svg.encode()).decode()  # a page lets no SVG stand in it, only a picture
    return f'<div class="rm-sensor-chart"><img alt="" src="data:image/svg+xml;base64,{picture}">{edges}</div>'
