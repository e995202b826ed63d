"""Messages that outlive a rerun, and messages that hold text of the ledger."""

from __future__ import annotations

from typing import Any, Final, Literal

import streamlit as st

from riskmap.errors import RiskmapError
from riskmap.ui.filters import escape
from riskmap.ui.state import lang

Tone = Literal["success", "info", "warning", "error"]
_KEPT: Final = "notice"


def notice(tone: Tone, text: str) -> None:
    """Show a sentence as it is written: nothing in it is markup."""
    draw: Any = getattr(st, tone)
    draw("\n\n".join(escape(line) for line in text.splitlines() if line.strip()))


def refuse(problem: RiskmapError) -> None:
    """Show what was refused: place, find, remedy."""
    notice("error", problem.text(lang()))


def keep_notice(tone: Tone, text: str) -> None:
    """Show a sentence after the next rerun."""
    st.session_state[_KEPT] = (tone, text)


def show_kept_notice() -> None:
    """Show what the last action left to say, once."""
    kept = st.session_state.pop(_KEPT, None)
    if kept:
        notice(*kept)
