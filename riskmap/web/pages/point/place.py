"""Where the record of a form lies: two figures and a pin on the offline map, which follow each other.

Both stand above the form: what is inside a form reaches the page only when it is sent, and a pin could
not follow a figure there. What is stated here is judged as what is typed anywhere else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import orjson
import shapely
import streamlit as st
from streamlit_folium import st_folium

from riskmap.rules.cell import TEXT_CHARS
from riskmap.rules.judge import Judged, Position, rules_of
from riskmap.selection import Selection
from riskmap.values.boundaries import Boundaries
from riskmap.values.records import CLEAR, Features
from riskmap.web.frame.background import district_frame, ground, plain_view
from riskmap.web.frame.shell import section
from riskmap.web.frame.state import lang, say, snapshot, workspace
from riskmap.web.pages.point.form import FormStart
from riskmap.web.widgets.map import Place, build_map, showing
from riskmap.web.widgets.signing import notice

DATUMS: Final = ("cgcs2000", "wgs84", "gcj02", "bd09", "EPSG:4547")


_HEIGHT: Final = 360


_FINE: Final = 1e-6  # degrees: an outline is drawn no finer


@st.fragment
def draw_place(opened: FormStart, places: Boundaries | None, before: Features | None = None) -> None:
    """Draw map and figures; what is said of the position stands below the figures.

    A line or an area is only shown: its shape comes with a file. A record without a place has neither.
    """
    if not opened.layer.placed:
        return
    if opened.layer.drawn:
        if before is not None:
            section(say("group_place"))
            _map(opened, Place(None, shape=_outline(before)))
            st.caption(say("form_shape_note"))
        return
    section(say("group_place"))
    left, right = st.columns([2.3, 1], gap="medium")
    with right:
        _figures(opened)
        here = _judged_place(opened, places, before)
    with left:
        _map(opened, Place(here, movable=True))


def stated_position(opened: FormStart) -> Any:
    """Return what the figures state: a `Position`, CLEAR where they were emptied, None where they were left alone."""
    if opened.layer.drawn:
        return None
    kept = {name: st.session_state.get(_key(opened, name)) for name in ("x", "y", "datum")}
    x, y = (str(kept[name] or "").strip() for name in "xy")
    if (x, y) == _figures_before(opened):  # another datum with the same numbers is no move
        return None
    return Position(x, y, str(kept["datum"] or DATUMS[0])) if x or y else CLEAR


def _key(opened: FormStart, name: str) -> str:
    return f"{opened.key}-{name}"


def _figures_before(opened: FormStart) -> tuple[str, str]:
    before = opened.stated.get("position")
    return ("", "") if before is None else (_figure(before[0]), _figure(before[1]))


def _figure(degrees: float) -> str:
    return f"{degrees:.8f}".rstrip("0")


def _figures(opened: FormStart) -> None:
    for name, text in zip("xy", _figures_before(opened), strict=True):
        st.session_state.setdefault(_key(opened, name), text)
        st.text_input(
            say(f"form_{name}"),
            key=_key(opened, name),
            placeholder=say("not_filled"),
            max_chars=TEXT_CHARS,
        )
    datum = st.selectbox(
        say("form_datum"),
        DATUMS,
        format_func=lambda one: say(f"datum_{one.lower().replace(':', '')}"),
        key=_key(opened, "datum"),
    )
    if datum != DATUMS[0] and stated_position(opened) is None and opened.stated.get("position") is not None:
        st.caption(say("form_datum_note"))
    st.caption(say("form_place_hint"))


def _judged_place(
    opened: FormStart, places: Boundaries | None, before: Features | None
) -> tuple[float, float] | None:
    """Judge what the figures state, say what is wrong with it, and return where the pin stands."""
    stated = stated_position(opened)
    if stated is None:
        return opened.stated.get("position")
    rules = rules_of(opened.layer, places.names if places else (), workspace().region)
    subdistrict = st.session_state.get(_key(opened, "subdistrict"))
    judged = rules.record({"position": stated, "subdistrict": subdistrict}, before=before, places=places)
    _say_findings(judged)
    here = judged.values.get("position")
    if not isinstance(here, tuple):
        return None
    if isinstance(stated, Position) and stated.datum != DATUMS[0]:
        st.caption(say("form_place_here", lon=f"{here[0]:.6f}", lat=f"{here[1]:.6f}"))
    return here


def _say_findings(judged: Judged) -> None:
    for target, finding in judged.findings:
        if target == "position":
            line = say("form_finding", title=say("group_place"), text=finding.message.text(lang()))
            notice(finding.severity, line)


def _outline(before: Features) -> Mapping[str, Any] | None:
    shapes = before.records.shapes
    if not shapes or not shapes[0]:
        return None
    return orjson.loads(shapely.to_geojson(shapely.simplify(shapely.from_wkb(shapes[0]), _FINE)))


def _map(opened: FormStart, place: Place) -> None:
    key = _key(opened, "map")
    now = snapshot()
    with st.container(key="place-frame"):
        st_folium(
            build_map(district_frame(now, embedded="place", **ground())),
            key=key,
            height=_HEIGHT,
            use_container_width=True,
            returned_objects=["last_active_drawing"],
            feature_group_to_add=showing(plain_view(now, Selection(), place=place)),
            on_change=lambda: _picked(opened, st.session_state.get(key)),
        )


def _picked(opened: FormStart, got: Mapping[str, Any] | None) -> None:
    """Write down what was picked on the map: degrees in the datum of the ledger."""
    message = ((got or {}).get("last_active_drawing") or {}).get("properties") or {}
    if message.get("kind") != "place":
        return
    try:
        lon, lat = float(message["lon"]), float(message["lat"])
    except (KeyError, TypeError, ValueError):
        return
    if math.isfinite(lon) and math.isfinite(lat):
        picked = {"x": _figure(lon), "y": _figure(lat), "datum": DATUMS[0]}
        st.session_state.update({_key(opened, name): value for name, value in picked.items()})
