"""The one notice above every page where a newer model is in use than made the tiers, and the way to assess now."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial
from html import escape
from typing import Final

import streamlit as st

from riskmap.actions.records.scoring import assess_layers
from riskmap.actions.tier_models import Outdated, outdated
from riskmap.actions.workspace import Workspace
from riskmap.errors import Lang
from riskmap.progress import Progress
from riskmap.rules.permissions import Actor, local_actor
from riskmap.texts import newer_text
from riskmap.web.frame.running import Outcome
from riskmap.web.frame.state import lang, say, workspace
from riskmap.web.widgets.running import runs
from riskmap.web.widgets.signing import ask_person, carried_out, notice

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
        if runs("assess"):  # in the popover's place, which closes with it at once
            st.button(say("outdated_assess"), key="outdated-runs", disabled=True)
            return
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
    if not by:
        notice("warning", say("sign_missing_person"))
        return
    layers, why = [one.layer for one in found], say("outdated_why")
    act = partial(_assessed, ws, layers, by=local_actor(by), why=why, words=lang())
    if (done := carried_out("assess", act)) is None:
        return
    if done.tone == "warning":
        notice("warning", say(done.said, **done.values))
        return
    st.session_state[_DONE] = say(done.said, **done.values)
    st.rerun()


def _assessed(
    ws: Workspace, layers: Sequence[str], progress: Progress, *, by: Actor, why: str, words: Lang
) -> Outcome:
    """Assess layers in one commit; one whose model cannot score keeps no other from it."""
    document = assess_layers(ws, layers, by=by, why=why, lang=words, spare=True, progress=progress)
    moved = 0 if document["run"] is None else len(ws.ledger.tier_changes(run=document["run"]))
    if refused := document.get("refused"):
        why_not = "\n".join(one["message"] for one in refused)
        return Outcome("outdated_partly", {"n": f"{moved:,}", "why": why_not}, "warning")
    return Outcome("outdated_done", {"n": f"{moved:,}"})
