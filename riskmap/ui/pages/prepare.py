"""临灾: a track, rain or a warning becomes raised points, calls and moves; the storm plays over the map."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Final

import streamlit as st
from streamlit_folium import st_folium

from riskmap.duty import BEIJING, Scenario
from riskmap.present.map import View, build_map, showing
from riskmap.records import RANKS, TIER_TITLES
from riskmap.selection import Selection, Snapshot, counts
from riskmap.ui import prepare_calls, prepare_form, prepare_lists, prepare_move
from riskmap.ui.first_picture import first_pictures
from riskmap.ui.look import page_look
from riskmap.ui.map_frame import district_frame, visit
from riskmap.ui.notices import show_kept_notice
from riskmap.ui.routes import MAP, STORM
from riskmap.ui.shell import open_point
from riskmap.ui.state import lang, say, signer, snapshot, workspace
from riskmap.ui.welcome import welcome
from riskmap.usecases.pond_hours import warm
from riskmap.usecases.storms import Storm, difference, storm

_HEIGHT: Final = 640
_PAGE: Final = "prepare"
_CHOSEN: Final = "prepare-scenario"
_HANDLED: Final = "prepare-handled"
_TABS: Final = ("points", "calls", "move", "gaps", "log")


def render() -> None:
    """Draw the page."""
    page_look()
    now = snapshot()
    if not now.n:
        welcome("prepare")
        return
    ws = workspace()
    with st.sidebar:
        prepare_form.run_if_asked()
    kept = ws.ledger.scenarios()
    chosen = _choose(kept)
    shown = storm(workspace(), chosen.id) if chosen is not None else None
    _map(now, shown)
    # Panel and sidebar are there from the start, so that the map keeps its size; what is in them follows.
    st.sidebar.container(key="prepare-sidebar")
    panel = st.container(key="prepare-panel")
    with panel:
        show_kept_notice()
        _heading(shown)
    first_pictures.wait(visit(_PAGE))
    if ws.config.dem:
        _warmed(str(ws.path(ws.config.dem)))
    with panel:
        if shown is None:
            st.caption(say("prepare_lead"))
            st.info(say("prepare_empty"))
        else:
            _panel(shown, kept)
    with st.sidebar:
        prepare_form.draw(now, opened=chosen is None)


@st.cache_resource(show_spinner=False)
def _warmed(dem: str) -> threading.Thread:
    """Look at the terrain while the form is filled in: it takes longer than all the rest."""
    thread = threading.Thread(target=warm, args=(Path(dem),), daemon=True)
    thread.start()
    return thread


def _choose(kept: Sequence[Scenario]) -> Scenario | None:
    """Return the scenario that the address, the choice or the last computation names."""
    by_id = {one.id: one for one in kept}
    if (made := st.session_state.pop(prepare_form.MADE, None)) in by_id:
        st.session_state[_CHOSEN] = made
    elif st.session_state.get(_CHOSEN) not in by_id:
        asked = st.query_params.get("scenario", "")
        st.session_state[_CHOSEN] = int(asked) if asked.isdigit() and int(asked) in by_id else None
    if not kept:
        return None
    with st.sidebar:
        chosen = st.selectbox(
            say("prepare_choose"),
            list(by_id),
            key=_CHOSEN,
            index=None,
            placeholder=say("prepare_new"),
            format_func=lambda number: _title(by_id[number]),
        )
    if chosen is None:
        st.query_params.pop("scenario", None)
        return None
    st.query_params["scenario"] = str(chosen)
    return by_id[chosen]


def _title(one: Scenario) -> str:
    title = say("prepare_drill_of", title=one.title) if one.drill else one.title
    return say("prepare_scenario", title=title, at=f"{one.at.astimezone(BEIJING):%m-%d %H:%M}")


@st.fragment
def _map(now: Snapshot, shown: Storm | None) -> None:
    with st.container(key="map-frame"):
        got = st_folium(
            build_map(district_frame(now, storm=True, painted=f"painted/{visit(_PAGE)}")),
            key="prepare-map",
            height=_HEIGHT,
            use_container_width=True,
            returned_objects=["last_active_drawing"],
            feature_group_to_add=showing(_view(now, shown)),
        )
    message = ((got or {}).get("last_active_drawing") or {}).get("properties") or {}
    if message.get("kind") == "open" and message.get("at") != st.session_state.get(_HANDLED):
        st.session_state[_HANDLED] = message["at"]
        open_point(str(message.get("layer", "")), str(message.get("code", "")))


def _view(now: Snapshot, shown: Storm | None) -> View:
    everything = Selection()
    found = counts(now, everything)
    token = signer().sign(MAP, [everything.to_text(), now.state])
    layers = workspace().catalog.layers
    outlined = Selection(layers=tuple(layer for layer in now.layers if layers[layer].geometry != "point"))
    return View(
        tiles=f"tiles/{token}/{{z}}/{{x}}/{{y}}.bin",
        shapes=f"shapes/{signer().sign(MAP, [outlined.to_text(), now.state])}.json",
        points=f"points/{token}",
        search=f"search?spec={token}",
        tiers=[int(n) for n in found.array.sum(axis=(0, 2))],
        layers=[int(n) for n in found.array.sum(axis=(1, 2))],
        storm=f"storm/{signer().sign(STORM, [shown.scenario.id, now.state])}.json" if shown else None,
    )


def _heading(shown: Storm | None) -> None:
    if shown is None:
        st.html(f'<div class="rm-scenario"><h2>{escape(say("prepare_title"))}</h2></div>')
        return
    one = shown.scenario
    mark = f'<b class="rm-drill">{escape(say("prepare_drill_mark"))}</b>' if one.drill else ""
    moment = f"{one.at.astimezone(BEIJING):%Y-%m-%d %H:%M}"
    st.html(f'<div class="rm-scenario">{mark}<h2>{escape(one.title)}</h2><span>{moment}</span></div>')


def _panel(shown: Storm, kept: Sequence[Scenario]) -> None:
    one = shown.scenario
    tiers = shown.tiers()
    named = [
        f"{TIER_TITLES[rank].text(lang())} {tiers[rank]:,}" for rank in reversed(RANKS) if tiers.get(rank)
    ]
    body = one.body
    lines = [
        say(
            "prepare_brief",
            raised=f"{len(shown.worst):,}",
            tiers=say("comma").join(named) or "—",
            unknown=f"{body.get('unknown_count', 0):,}",
            closed=len(body.get("closed", [])),
        )
    ]
    before = next((k for k in kept if k.id < one.id and k.drill == one.drill), None)
    if before is not None:
        change = difference(shown, storm(workspace(), before.id))
        lines.append(
            say(
                "prepare_since",
                title=before.title,
                added=change.added,
                worse=change.worse,
                better=change.better,
                gone=change.gone,
            )
        )
    st.html("".join(f'<p class="rm-brief">{escape(line)}</p>' for line in lines))
    tab = st.segmented_control(
        say("prepare_choose"),
        _TABS,
        default="points",
        key="prepare-tab",
        format_func=lambda name: say(f"prepare_tab_{name}"),
        label_visibility="collapsed",
    )
    {
        "points": prepare_lists.points,
        "calls": prepare_calls.calls,
        "move": prepare_move.move,
        "gaps": prepare_lists.gaps,
        "log": prepare_calls.log,
    }[tab or "points"](shown)


if __name__ == "__main__":
    render()
