"""临灾: a track, rain or a warning becomes raised points, calls and moves; the storm plays over the map.

The lists of the page 临灾 that only show: raised points, and what cannot be judged.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any, Final

import streamlit as st
from streamlit_folium import st_folium

from riskmap.actions.episode.playback import Storm, difference, storm
from riskmap.actions.episode.ponding import warm
from riskmap.moments import BEIJING
from riskmap.selection import Selection, Snapshot
from riskmap.values.scenario import Recorded, RecordedScenario
from riskmap.vocabulary import RANKS, TIER_TITLES
from riskmap.web.frame.assets import first_pictures
from riskmap.web.frame.background import MAP_DAYS, district_frame, plain_view, visit
from riskmap.web.frame.routes import STORM
from riskmap.web.frame.shell import open_point, page_look
from riskmap.web.frame.state import (
    address_leads,
    lang,
    say,
    signed,
    snapshot,
    workspace,
    write_address,
)
from riskmap.web.pages import Page
from riskmap.web.pages.prepare import calls, form, move
from riskmap.web.pages.prepare.messages import of_storm
from riskmap.web.widgets.filters import escape_markdown
from riskmap.web.widgets.map import MapView, build_map, showing
from riskmap.web.widgets.panels import (
    Cell,
    Html,
    Row,
    TableColumn,
    field_html,
    figure_box,
    number_html,
    pager_of,
    point_address,
    said_html,
    show_table,
    tier_cell,
)
from riskmap.web.widgets.signing import show_kept_notice, welcome

PAGE: Final = Page(id="prepare", zh="临灾", en="Prepare", order=70)


_ROWS: Final = 25


_LIST_HEIGHT: Final = 420


def plain(text: str) -> str:
    """Return text of a person as markdown that shows it as it is."""
    return escape_markdown(text)


def points(shown: Storm) -> None:
    """List the raised points, worst and soonest first, each with its cause."""
    if not shown.worst:
        st.success(say("prepare_points_none"))
        return
    key = "prepare-points"
    pager = pager_of(key, len(shown.worst), _ROWS, figure=of_storm(shown, "raised").figure)
    columns = [
        TableColumn("to", say("column_tier"), "tier-cell"),
        TableColumn("name", say("column_name")),
        TableColumn("cause", say("prepare_column_cause")),
    ]
    rows = [_point(one) for one in shown.worst[pager.start : pager.stop]]
    show_table(key, columns, rows, pager=pager, height=_LIST_HEIGHT, dense=True, tall=True)


def _point(record: Recorded) -> Row:
    one = record.escalation
    layer = workspace().catalog.title(one.layer).text(lang())
    where = record.subdistrict or say("not_stated")
    peak = one.peak
    span = f"{peak.start.astimezone(BEIJING):%m-%d %H:%M} – {peak.expiry.astimezone(BEIJING):%m-%d %H:%M}"
    return Row(
        [
            tier_cell(RANKS[one.rank_to]),
            Cell(record.name or one.code, note=f"{layer} · {where}"),
            Cell(one.cause.text(lang()), note=span),
        ],
        href=point_address(one.layer, one.code),
    )


def gaps(shown: Storm) -> None:
    """List the records that cannot be judged and the shelters that are out of use, with the reason."""
    body = shown.scenario.body
    listed: list[dict[str, Any]] = [*body.get("closed", []), *body.get("unknown", [])]
    if not listed:
        st.success(say("prepare_gaps_none"))
        return
    key = "prepare-gaps"
    pager = pager_of(key, len(listed), _ROWS, figure=of_storm(shown, "unjudged", within="and closed").figure)
    columns = [TableColumn("name", say("column_name")), TableColumn("why", say("prepare_column_why"))]
    rows = [
        Row(
            [
                Cell(
                    one.get("name") or one["code"],
                    note=workspace().catalog.title(one["layer"]).text(lang()),
                ),
                Cell(one[lang()]),
            ],
            href=point_address(one["layer"], one["code"]),
        )
        for one in listed[pager.start : pager.stop]
    ]
    show_table(key, columns, rows, pager=pager, height=_LIST_HEIGHT, dense=True, tall=True)
    more = body.get("unknown_count", 0) - len(body.get("unknown", []))
    if more > 0:
        with figure_box("storm.unjudged", "more"):
            st.caption(say("prepare_more_gaps", n=f"{more:,}"))


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
        form.run_if_asked()
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
            with figure_box("storm.kept"):
                st.info(say("prepare_unchosen", n=len(kept)) if kept else say("prepare_empty"))
        else:
            _panel(shown, kept)
    with st.sidebar:
        form.draw(now, opened=chosen is None)


@st.cache_resource(show_spinner=False)
def _warmed(dem: str) -> threading.Thread:
    """Look at the terrain while the form is filled in: it takes longer than all the rest."""
    thread = threading.Thread(target=warm, args=(Path(dem),), daemon=True)
    thread.start()
    return thread


def _choose(kept: Sequence[RecordedScenario]) -> RecordedScenario | None:
    """Return the scenario that the address, the choice or the last computation names."""
    by_id = {one.id: one for one in kept}
    if (made := st.session_state.pop(form.MADE, None)) in by_id:
        st.session_state[_CHOSEN] = made
    elif st.session_state.get(_CHOSEN, "") not in {None, *by_id} or address_leads():
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
    write_address(("scenario",), {} if chosen is None else {"scenario": str(chosen)})
    return None if chosen is None else by_id[chosen]


def _title(one: RecordedScenario) -> str:
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


def _view(now: Snapshot, shown: Storm | None) -> MapView:
    token = signed(STORM, [shown.scenario.id, now.key], days=MAP_DAYS) if shown else ""
    return plain_view(now, Selection(), storm=f"storm/{token}.json" if shown else None)


def _heading(shown: Storm | None) -> None:
    if shown is None:
        st.html(f'<div class="rm-scenario"><h2>{escape(say("prepare_title"))}</h2></div>')
        return
    one = shown.scenario
    mark = f'<b class="rm-drill">{escape(say("prepare_drill_mark"))}</b>' if one.drill else ""
    moment = f"{one.at.astimezone(BEIJING):%Y-%m-%d %H:%M}"
    title, at = field_html("title", one.title), field_html("at", moment)
    st.html(f'<div class="rm-scenario">{mark}<h2>{title}</h2>{at}</div>')


def _panel(shown: Storm, kept: Sequence[RecordedScenario]) -> None:
    one = shown.scenario
    tiers = shown.tiers()
    named = [
        f"{escape(TIER_TITLES[rank].text(lang()))} {number_html(of_storm(shown, f'raised.{rank}', tiers[rank]))}"
        for rank in reversed(RANKS)
        if tiers.get(rank)
    ]
    body = one.body
    brief: dict[str, object] = {
        "raised": of_storm(shown, "raised", len(shown.worst)),
        "tiers": Html(escape(say("comma")).join(named) or "—"),
        "unknown": of_storm(shown, "unjudged", body.get("unknown_count", 0)),
        "closed": of_storm(shown, "closed", len(body.get("closed", []))),
    }
    lines = [said_html("prepare_brief", brief)]
    before = next((k for k in kept if k.id < one.id and k.drill == one.drill), None)
    if before is not None:
        change = difference(shown, storm(workspace(), before.id))
        since: dict[str, object] = {
            name: of_storm(
                shown, "raised", getattr(change, name), within=f"{name} since scenario {before.id}"
            )
            for name in ("added", "worse", "better", "gone")
        }
        since["title"] = Html(field_html("title", before.title))
        lines.append(said_html("prepare_since", since))
    st.html("".join(f'<p class="rm-brief">{line}</p>' for line in lines))
    tab = st.segmented_control(
        say("prepare_choose"),
        _TABS,
        default="points",
        key="prepare-tab",
        format_func=lambda name: say(f"prepare_tab_{name}"),
        label_visibility="collapsed",
    )
    {
        "points": points,
        "calls": calls.calls,
        "move": move.move,
        "gaps": gaps,
        "log": calls.log,
    }[tab or "points"](shown)


if __name__ == "__main__":
    render()
