"""一张图: the map over the whole window, the filter beside it, the selected area on top of it."""

from __future__ import annotations

from dataclasses import replace
from html import escape
from typing import Any, Final

import numpy as np
import shapely
import streamlit as st
from streamlit_folium import st_folium

from riskmap.actions.inventory.listing import list_records
from riskmap.errors import SelectionError
from riskmap.io.writers import export_formats
from riskmap.selection import Counts, Selection, Snapshot, counts
from riskmap.selection.views import row_mask, view_of
from riskmap.vocabulary import RANK_OF, TIER_COLOURS, TIER_TITLES, TIERS
from riskmap.web.frame import background
from riskmap.web.frame.assets import first_pictures
from riskmap.web.frame.background import MAP_DAYS, district_frame, ground_key, visit
from riskmap.web.frame.routes import MAP
from riskmap.web.frame.shell import open_point, page_look, page_of
from riskmap.web.frame.state import lang, say, signed, snapshot, workspace
from riskmap.web.pages import Page
from riskmap.web.widgets.exports import show_exports
from riskmap.web.widgets.filters import NOTHING, Filters, draw_filters, read_filters
from riskmap.web.widgets.map import Bounds, Frame, MapView, build_map, showing
from riskmap.web.widgets.panels import (
    Cell,
    Row,
    TableColumn,
    first_page,
    pager_of,
    point_address,
    show_table,
    tier_cell,
)

PAGE: Final = Page(id="map", zh="一张图", en="Map", order=10)


_HEIGHT: Final = 640  # until our style sheet stretches the frame to the window


_AREA_TABLE: Final = "map-area-table"


_AREA_ROWS: Final = 20  # per page of the list


_AREA_HEIGHT: Final = 280


_AREA: Final = "map-area"


_HANDLED: Final = "map-handled"


_MOST_CORNERS: Final = 2000


def render() -> None:
    """Draw the page."""
    now = snapshot()
    page_look()
    if not now.n:
        _welcome()
        return
    filters, found = read_filters(now)
    _map_and_area(filters, found)
    st.sidebar.container(key="map-sidebar")  # keeps its width from the start: the map is not resized
    first_pictures.wait(visit("map"))
    draw_filters(filters, found, now, workspace().catalog.layers)


def _welcome() -> None:
    with st.container(key="map-welcome"):
        st.header(say("empty_title"))
        st.markdown(say("empty_lead"))
        st.markdown("\n".join(f"1. {say(f'empty_step_{step}')}" for step in ("import", "assess", "map")))
        st.page_link(page_of("import"), label=say("empty_goto_import"))
        st.caption(say("empty_demo"))


@st.fragment
def _map_and_area(filters: Filters, found: Counts) -> None:
    """Map and selected area run again on their own: a polygon needs no new filter."""
    now, ws = snapshot(), workspace()
    selection = filters.selection(now.layers, now.others)
    with st.container(key="map-frame"):
        got = st_folium(
            build_map(_frame(now)),
            key="map",
            height=_HEIGHT,
            use_container_width=True,
            returned_objects=["last_active_drawing"],
            feature_group_to_add=showing(_view(now, selection, found)),
        )
    _act_on(got)
    ring = st.session_state.get(_AREA)
    if ring:
        _area(ws.config.district, now, selection, ring)


def _frame(now: Snapshot) -> Frame:
    ws, key = workspace(), ground_key()
    relief = background.relief(ws)
    zooms = background.basemap_zooms(ws)
    return district_frame(
        now,
        hillshade=(f"hillshade.png?k={key}&v={relief.digest}", Bounds(*relief.bounds)) if relief else None,
        basemap=(f"basemap/{{z}}/{{x}}/{{y}}?k={key}", *zooms) if zooms else None,
        painted=f"painted/{visit('map')}",
    )


def _view(now: Snapshot, selection: Selection, found: Counts) -> MapView:
    catalog = workspace().catalog
    points, shaped = _by_geometry(now, selection, catalog.layers)
    spec = signed(MAP, [selection.to_text(), now.key], days=MAP_DAYS)
    tiles = signed(MAP, [points.to_text(), now.key], days=MAP_DAYS)
    outlines = signed(MAP, [shaped.to_text(), now.key], days=MAP_DAYS) if shaped != NOTHING else None
    return MapView(
        tiles=f"tiles/{tiles}/{{z}}/{{x}}/{{y}}.bin",
        shapes=f"shapes/{outlines}.json" if outlines else None,
        points=f"points/{spec}",
        search=f"search?spec={spec}",
        tiers=[int(n) for n in found.array.sum(axis=(0, 2))],
        layers=[int(n) for n in found.array.sum(axis=(1, 2))],
        unlocated=_unlocated(now, selection),
        overview=[
            {"name": name, "ranks": [int(n) for n in found.risks[:, :, i].sum(axis=0)]}
            for i, name in enumerate(now.subdistricts)
        ],
        polygon=st.session_state.get(_AREA),
    )


def _by_geometry(now: Snapshot, selection: Selection, layers: Any) -> tuple[Selection, Selection]:
    """Split a selection: what the tiles draw as symbols, and what is drawn with its own shape."""
    if selection == NOTHING:
        return NOTHING, NOTHING
    on = selection.layers or now.layers
    points = tuple(layer for layer in on if layers[layer].geometry == "point")
    shaped = tuple(layer for layer in on if layers[layer].geometry != "point")
    return _only(selection, points), _only(selection, shaped)


def _only(selection: Selection, layers: tuple[str, ...]) -> Selection:
    return replace(selection, layers=layers) if layers else NOTHING


def _unlocated(now: Snapshot, selection: Selection) -> int:
    if now.located == now.n:
        return 0
    mask = row_mask(now, view_of(now, selection))
    return int(mask.sum()) - int(mask[now.row].sum())


def _act_on(got: dict[str, Any] | None) -> None:
    """Do what the map asks for, once: each message carries the moment it was sent."""
    message = ((got or {}).get("last_active_drawing") or {}).get("properties") or {}
    if not message.get("at") or message["at"] == st.session_state.get(_HANDLED):
        return
    st.session_state[_HANDLED] = message["at"]
    kind = message.get("kind")
    if kind == "open":
        open_point(str(message.get("layer", "")), str(message.get("code", "")))
    elif kind == "polygon":
        st.session_state[_AREA] = _ring(message.get("ring"))
        first_page(_AREA_TABLE)
        st.rerun(scope="fragment")
    elif kind == "clear":
        st.session_state.pop(_AREA, None)
        st.rerun(scope="fragment")


def _ring(found: Any) -> list[list[float]] | None:
    try:
        ring = [[float(lon), float(lat)] for lon, lat in found][:_MOST_CORNERS]
        sound = len(ring) >= 3 and np.isfinite(ring).all()  # noqa: PLR2004 - a polygon's least
    except (TypeError, ValueError):
        return None
    return ring if sound else None


def _clear_area() -> None:
    st.session_state.pop(_AREA, None)


def _area(district: str, now: Snapshot, selection: Selection, ring: list[list[float]]) -> None:
    """What lies inside the drawn polygon and passes the filter: numbers, records, exports."""
    with st.container(key="map-area-panel"):
        with st.container(key="map-area-head", horizontal=True, vertical_alignment="center"):
            st.markdown(f"##### {say('area_title')}")
            st.button(say("area_close"), key="map-area-close", on_click=_clear_area, type="tertiary")
        try:
            inside = _within(selection, ring)
            found = counts(now, inside)
        except SelectionError as problem:
            st.warning(problem.text(lang()))
            return
        st.html(_tier_line(found))
        if not found.everything:
            st.caption(say("area_none"))
            return
        _records_inside(now, inside, found)
        formats = [one for one in export_formats().values() if "area" in one.also]
        title, about = f"{district}-{say('area_title')}", say("area_export")
        show_exports("map-area-downloads", inside, title, formats, help_text=about)


def _within(selection: Selection, ring: list[list[float]]) -> Selection:
    if selection == NOTHING:
        return NOTHING
    polygon = shapely.make_valid(shapely.Polygon(ring))
    return replace(selection, within=shapely.to_wkb(polygon))


def _tier_line(found: Counts) -> str:
    """Our own words and numbers go into this HTML, and titles of layers, escaped."""
    ranks = found.risks.sum(axis=(0, 2))
    tiers = "".join(
        f'<span><i style="background:{TIER_COLOURS[tier]}"></i>{TIER_TITLES[tier].text(lang())} '
        f"<b>{int(ranks[RANK_OF[tier]]):,}</b></span>"
        for tier in (*TIERS, "unrated")
    )
    layers = workspace().catalog.layers
    others = "".join(
        f"<span>{escape(layers[layer].title.text(lang()))} <b>{n:,}</b></span>"
        for layer, n in found.others.items()
    )
    return f'<div class="rm-tiers"><b class="rm-total">{found.total:,}</b>{tiers}{others}</div>'


def _records_inside(now: Snapshot, inside: Selection, found: Counts) -> None:
    pager = pager_of(_AREA_TABLE, found.everything, _AREA_ROWS)
    layers = workspace().catalog.layers
    listing = list_records(
        now, inside, layers=layers, sort="tier", descending=True, start=pager.start, size=pager.size
    )
    show_table(
        _AREA_TABLE,
        [TableColumn(name, say(f"column_{name}")) for name in ("tier", "name", "layer", "subdistrict")],
        [
            Row(
                [
                    tier_cell(record.tier),
                    Cell(record.name or say("no_name"), quiet=not record.name),
                    Cell(layers[record.layer].title.text(lang())),
                    Cell(record.subdistrict or say("not_stated"), quiet=not record.subdistrict),
                ],
                href=point_address(record.layer, record.code),
            )
            for record in listing.records
        ],
        pager=pager,
        height=_AREA_HEIGHT,
        dense=True,
    )


if __name__ == "__main__":
    render()
