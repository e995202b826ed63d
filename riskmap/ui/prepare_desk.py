"""Who sits at the desk on the page 临灾: asked for once, kept with every line of the log."""

from __future__ import annotations

from typing import Final

import streamlit as st

from riskmap.duty import EVENT_KINDS
from riskmap.errors import RiskmapError
from riskmap.ui.notices import keep_notice
from riskmap.ui.state import lang, say, workspace
from riskmap.usecases.event_entry import Entry, log_event

_PERSON: Final = "person"
_LONGEST: Final = 80


def ask_person(key: str = "prepare-person") -> None:
    """Draw the input; the name is remembered for the session."""
    by = st.text_input(
        say("sign_person"),
        value=st.session_state.get(_PERSON, ""),
        key=key,
        placeholder=say("sign_person_hint"),
        max_chars=_LONGEST,
    )
    if by := (by or "").strip():
        st.session_state[_PERSON] = by


def person() -> str:
    """Return who sits at the desk, empty where nobody said so yet."""
    return str(st.session_state.get(_PERSON, ""))


def log_entry(scenario: int, entry: Entry) -> None:
    """Write a line of the log, for a button; what is wrong is said after the rerun."""
    if not person():
        keep_notice("warning", say("sign_missing_person"))
        return
    try:
        log_event(workspace(), scenario, entry, by=person(), why=EVENT_KINDS[entry.kind].zh)
    except RiskmapError as problem:
        keep_notice("error", problem.text(lang()))
