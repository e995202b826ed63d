"""转移 of the page 临灾: who moves to which shelter, and who has no place."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import streamlit as st

from riskmap.errors import RiskmapError
from riskmap.records import RANKS, TIER_TITLES, TIERS
from riskmap.ui.notices import refuse
from riskmap.ui.panels import Cell, Column, Row, pager_of, show_table
from riskmap.ui.state import lang, say, workspace
from riskmap.ui.uploads import keep_as_they_are, private_folder
from riskmap.usecases.storms import MOVED_FROM, RADIUS_M, Storm, evacuation_of

_ROWS: Final = 20
_HEIGHT: Final = 300
_PLAN: Final = "prepare-plan"


def move(shown: Storm) -> None:
    """Ask for the people and the danger, then show the plan."""
    own = workspace().people_table
    file = st.file_uploader(say("prepare_people"), key="prepare-people-file", help=say("prepare_people_help"))
    if file is None:
        st.caption(say("prepare_people_own", file=own.name) if own else say("prepare_people_none"))
    layers = st.multiselect(
        say("prepare_move_layers"),
        list(workspace().catalog.layers),
        default=[one for one in MOVED_FROM if one in workspace().catalog.layers],
        format_func=lambda one: workspace().catalog.layer(one).title.text(lang()),
        key="prepare-move-layers",
        select_all=False,
    )
    left, middle, right = st.columns([1.1, 1, 1], vertical_alignment="bottom")
    tier = left.selectbox(
        say("prepare_move_from"),
        TIERS[:3],
        index=0,
        format_func=lambda t: TIER_TITLES[t].text(lang()),
        key="prepare-move-tier",
    )
    radius = middle.number_input(
        say("prepare_move_radius"), 10, 2000, int(RADIUS_M), 10, key="prepare-move-radius"
    )
    whole = right.checkbox(say("prepare_move_whole"), key="prepare-move-whole")
    if st.button(
        say("prepare_move_run"), key="prepare-move-run", type="primary", disabled=file is None and own is None
    ):
        with private_folder() as folder, st.spinner(say("working")):
            try:
                path: Path = keep_as_they_are([file], folder)[0].path if file is not None else own  # type: ignore[assignment]
                found = evacuation_of(
                    workspace(),
                    shown,
                    path,
                    layers=layers,
                    at_least=RANKS.index(tier),
                    radius=float(radius),
                    whole=whole,
                )
                st.session_state[_PLAN] = (shown.scenario.id, found)
            except RiskmapError as problem:
                refuse(problem)
    kept = st.session_state.get(_PLAN)
    if kept and kept[0] == shown.scenario.id:
        _plan(kept[1])


def _plan(found: dict[str, Any]) -> None:
    st.markdown(
        say(
            "prepare_move_sum",
            people=f"{found['people']:,}",
            placed=f"{found['placed']:,}",
            unplaced=f"{found['unplaced']:,}",
            distance=found["distance"],
        )
    )
    if found["unplaced"]:
        st.error(say("prepare_move_unplaced", n=f"{found['unplaced']:,}"))
    incomplete = found.get("incomplete", [])
    if incomplete:
        st.warning(say("prepare_move_incomplete", n=f"{len(incomplete):,}"))
    used = [one for one in found["shelters"] if one["used"]]
    key = "prepare-move-shelters"
    pager = pager_of(key, len(used), _ROWS)
    show_table(
        key,
        [
            Column("name", say("prepare_column_shelter")),
            Column("used", say("prepare_column_used"), "number"),
            Column("free", say("prepare_column_free"), "number"),
            Column("gap", say("prepare_column_beds"), "number"),
        ],
        [
            Row(
                [
                    Cell(one.get("name") or one["code"]),
                    Cell(f"{one['used']:,}"),
                    Cell(f"{one['free']:,}"),
                    Cell("—" if one.get("beds_gap") is None else f"{one['beds_gap']:,}"),
                ]
            )
            for one in used[pager.start : pager.stop]
        ],
        pager=pager,
        height=_HEIGHT,
        dense=True,
        empty=say("prepare_move_nobody"),
    )
