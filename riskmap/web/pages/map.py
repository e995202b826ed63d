"""一张图: the map over the whole window, the filter beside it, what lies in a drawn area on top of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from html import escape
from typing import Any, Final

import numpy as np
import streamlit as st
from streamlit_folium import st_folium

from riskmap.actions.inventory.exporting import describe
from riskmap.actions.inventory.listing import list_records
from riskmap.actions.inventory.unrated import newly_unrated
from riskmap.actions.workspace import Workspace
from riskmap.catalog import Layer
from riskmap.errors import SelectionError
from riskmap.rules.arrays import numbers_of
from riskmap.selection import Counts, Selection, Snapshot, ring_of
from riskmap.selection.table import CLASS, FLAG_BIT
from riskmap.selection.views import row_mask, view_of
from riskmap.vocabulary import RANK_OF, RANKS, TIER_COLOURS, TIER_TITLES, TIERS
from riskmap.web.frame import background
from riskmap.web.frame.assets import first_pictures
from riskmap.web.frame.background import MAP, MAP_DAYS, district_frame, ground, visit
from riskmap.web.frame.shell import open_point, page_look, page_of
from riskmap.web.frame.state import follow, lang, past_text, say, signed, snapshot, workspace
from riskmap.web.pages import Page
from riskmap.web.widgets.exports import show_exports
from riskmap.web.widgets.filters import (
    NOTHING,
    Filters,
    draw_filters,
    read_filters,
    reset_filters,
    set_area,
)
from riskmap.web.widgets.map import MapView, Nothing, build_map, showing
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
from riskmap.web.widgets.signing import keep_notice, show_kept_notice

PAGE: Final = Page(id="map", zh="一张图", en="Map", order=10, past=True)


_HEIGHT: Final = 640  # until our style sheet stretches the frame to the window


_AREA_TABLE: Final = "map-area-table"


_AREA_ROWS: Final = 20  # per page of the list


_AREA_HEIGHT: Final = 280


_HANDLED: Final = "map-handled"


def render() -> None:
    """Draw the page."""
    now = snapshot()
    page_look()
    if not now.n:
        _welcome()
        return
    filters, found = read_filters(now)
    _map_and_area(filters, found)
    with st.sidebar.container(key="map-sidebar"):  # keeps its width from the start: the map is not resized
        show_kept_notice()
    first_pictures.wait(visit("map"))
    draw_filters(filters, found, now, workspace().catalog.layers)
    if not filters.area:
        with st.sidebar, st.container(key="map-exports"):
            show_exports("map-downloads", filters.selection(now.layers, now.others), say("inventory_title"))


def _welcome() -> None:
    with st.container(key="map-welcome"):
        st.header(say("empty_title"))
        st.markdown(say("empty_lead"))
        st.markdown("\n".join(f"1. {say(f'empty_step_{step}')}" for step in ("import", "assess", "map")))
        st.page_link(page_of("import"), label=say("empty_goto_import"))
        st.caption(say("empty_demo"))


@st.fragment
def _map_and_area(filters: Filters, found: Counts) -> None:
    """Map and list run again on their own where the filter stays: a click, the next page of the list."""
    now = snapshot()
    selection = filters.selection(now.layers, now.others)
    with st.container(key="map-frame"):
        got = st_folium(
            build_map(district_frame(now, painted=f"painted/{visit('map')}", **ground())),
            key="map",
            height=_HEIGHT,
            use_container_width=True,
            returned_objects=["last_active_drawing"],
            feature_group_to_add=showing(_view(now, selection, found, filters)),
        )
    _act_on(got, now)
    if filters.area:
        _area(now, selection, found)


def _view(now: Snapshot, selection: Selection, found: Counts, filters: Filters) -> MapView:
    ws = workspace()
    catalog, streets, unlocated = ws.catalog, filters.subdistricts, _unlocated(now, selection)
    points, shaped = _by_geometry(now, selection, catalog.layers)
    spec, tiles, outlines = (_token(one, now) for one in (selection, points, shaped))
    return MapView(
        tiles=f"tiles/{tiles}/{{z}}/{{x}}/{{y}}.bin",
        shapes=f"shapes/{outlines}.json" if shaped != NOTHING else None,
        points=f"points/{spec}",
        search=f"search?spec={spec}",
        tiers=_standings(found, catalog.layers),
        layers=[int(n) for n in found.array.sum(axis=(1, 2))],
        classes=_classes(now, selection, catalog.layers),
        unlocated=unlocated,
        overview=[
            {"name": name, "ranks": [int(n) for n in found.risks[:, :, i].sum(axis=0)]}
            for i, name in enumerate(now.subdistricts)
        ],
        polygon=filters.area or None,
        streets=streets,
        focus=background.bounds_of_subdistricts(ws, now, streets) if streets else None,
        nothing=None if found.everything > unlocated else Nothing(_words(ws, selection), found.everything),
        **_unrated(now, selection, found),
    )


def _standings(found: Counts, layers: Mapping[str, Layer]) -> list[int]:
    """Return how many records have each of `STANDINGS`; what no model grades lacks no grade."""
    by_layer = found.array.sum(axis=2)
    for i, layer in enumerate(found.layers):
        if layers[layer].model is None:
            by_layer[i, len(RANKS) :] = 0
    return [int(n) for n in by_layer.sum(axis=0)]


def _classes(now: Snapshot, selection: Selection, layers: Mapping[str, Layer]) -> dict[str, list[int]]:
    """Return of each layer with a colour of its own how many selected records have each class."""
    coloured = [layer for layer in now.layers if layers[layer].classes]
    if not coloured:
        return {}
    mask = row_mask(now, view_of(now, selection))
    counted: dict[str, list[int]] = {}
    for layer in coloured:
        start, stop = now.starts[now.layers.index(layer) :][:2]
        kinds = numbers_of(now.table(layer)[CLASS])[mask[start:stop]]
        counted[layer] = np.bincount(kinds, minlength=len(layers[layer].classes) + 1).tolist()
    return counted


def _unrated(now: Snapshot, selection: Selection, found: Counts) -> dict[str, Any]:
    """Return what the legend says of the unrated: calm while they are the usual ones."""
    if not found.unrated:
        return {}
    new = newly_unrated(workspace(), now, selection)
    text = say("map_unrated_new", n=f"{len(new):,}") if new else say("map_unrated_usual")
    return {"note": text, "alarm": bool(new)}


def _token(selection: Selection, now: Snapshot) -> str:
    return signed(MAP, [selection.to_text(), now.key, past_text()], days=MAP_DAYS)


def _words(ws: Workspace, selection: Selection) -> str:
    """Return a filter in words, as the cover of an export has it."""
    return say("inventory_nothing_on") if selection == NOTHING else describe(ws, selection).text(lang())


def _by_geometry(now: Snapshot, selection: Selection, layers: Any) -> tuple[Selection, Selection]:
    """Split a selection: what the tiles draw as symbols, and what is drawn with its own shape."""
    if selection == NOTHING:
        return NOTHING, NOTHING
    on = selection.layers or now.layers
    points = tuple(layer for layer in on if not layers[layer].drawn)
    shaped = tuple(layer for layer in on if layers[layer].drawn)
    return _only(selection, points), _only(selection, shaped)


def _only(selection: Selection, layers: tuple[str, ...]) -> Selection:
    return replace(selection, layers=layers) if layers else NOTHING


def _unlocated(now: Snapshot, selection: Selection) -> int:
    if now.located == now.n:
        return 0
    mask = row_mask(now, view_of(now, selection))
    return int(np.count_nonzero(now.flags[mask] & FLAG_BIT["unlocated"]))


def _act_on(got: dict[str, Any] | None, now: Snapshot) -> None:
    """Do what the map asks for, once: each message carries the moment it was sent."""
    message = ((got or {}).get("last_active_drawing") or {}).get("properties") or {}
    if not message.get("at") or message["at"] == st.session_state.get(_HANDLED):
        return
    st.session_state[_HANDLED] = message["at"]
    kind = message.get("kind")
    if kind == "open":
        open_point(str(message.get("layer", "")), str(message.get("code", "")))
    elif kind == "report":
        about = f"{message.get('layer', '')}:{message.get('code', '')}"
        follow(page_of("point"), {"new": str(message.get("register", "")), "from": about})
    elif kind == "polygon":
        _draw_anew(message.get("ring"))
    elif kind == "clear":
        set_area(())
        st.rerun()
    elif kind == "reset":
        reset_filters(now)
        st.rerun()


def _draw_anew(corners: Any) -> None:
    """Take the polygon that somebody drew into the filter."""
    try:
        set_area(ring_of(corners))
    except SelectionError as problem:
        keep_notice("error", problem.text(lang()))
    first_page(_AREA_TABLE)
    st.rerun()


def _area(now: Snapshot, selection: Selection, found: Counts) -> None:
    """What lies inside the drawn polygon and passes the filter: numbers, records, exports."""
    with st.container(key="map-area-panel"):
        with st.container(key="map-area-head", horizontal=True, vertical_alignment="center"):
            st.markdown(f"##### {say('area_title')}")
            if st.button(say("area_close"), key="map-area-close", type="tertiary"):
                set_area(())
                st.rerun()
        st.html(_tier_line(found))
        if not found.everything:
            st.caption(say("area_none"))
            return
        with st.expander(say("area_list", n=f"{found.everything:,}"), expanded=True, key="map-area-list"):
            _records_inside(now, selection, found)
        show_exports("map-area-downloads", selection, say("area_title"))


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
        [
            TableColumn("tier", say("column_tier"), "tier-cell"),
            *(TableColumn(name, say(f"column_{name}")) for name in ("name", "layer", "subdistrict")),
        ],
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
