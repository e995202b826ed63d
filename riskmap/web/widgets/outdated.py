"""The one notice above every page where a newer model is in use than made the tiers, and the way to assess now."""

from __future__ import annotations

from functools import lru_cache
from html import escape
from typing import Final

import streamlit as st

from riskmap.actions.records.scoring import assess_layers
from riskmap.actions.tier_models import Outdated, outdated
from riskmap.actions.workspace import Workspace
from riskmap.errors import RiskmapError
from riskmap.rules.permissions import local_actor
from riskmap.texts import newer_text
from riskmap.web.frame.state import lang, say, workspace
from riskmap.web.widgets.signing import ask_person, notice, refuse

_DONE: Final = "outdated-done"


def draw_outdated() -> None:
    """Draw the notice; nothing where every tier was made by the model in use."""
    if done := st.session_state.pop(_DONE, None):
        st.toast(done)
    ws = workspace()
    found = _outdated(ws, ws.ledger.state)
    if not found:
        return
    told = say("list_separator").join(
        newer_text(ws.catalog.title(one.layer), one.made, one.adopted, lang()) for one in found
    )
    with st.container(key="shell-outdated", horizontal=True, vertical_alignment="center"):
        st.html(f'<span title="{escape(told)}">{escape(told)}</span>')
        with st.popover(say("outdated_assess"), key="outdated-open"):
            st.caption(say("outdated_about"))
            by = ask_person("outdated-by")
            if st.button(say("outdated_assess"), key="outdated-assess", type="primary"):
                _assess(ws, found, by)


@lru_cache(maxsize=1)
def _outdated(ws: Workspace, _state: int) -> tuple[Outdated, ...]:
    """Return what is outdated, read once per state of the ledger: a layer may have a million makers."""
    return outdated(ws)


def _assess(ws: Workspace, found: tuple[Outdated, ...], by: str) -> None:
    """Assess each layer by itself, so that one whose model cannot score keeps no other from it."""
    if not by:
        notice("warning", say("sign_missing_person"))
        return
    before, refused = ws.ledger.state, []
    with st.spinner(say("outdated_running")):
        for one in found:
            try:
                assess_layers(ws, [one.layer], by=local_actor(by), why=say("outdated_why"))
            except RiskmapError as problem:
                refused.append(problem)
    for problem in refused:
        refuse(problem)
    if not refused:
        moved = len(ws.ledger.tier_changes(since=before))
        st.session_state[_DONE] = say("outdated_done", n=f"{moved:,}")
        st.rerun()
