"""Who does it and why: asked for at every change, kept in the ledger with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import streamlit as st

from riskmap.ui.state import say

_PERSON: Final = "person"
_LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class Signature:
    """Person and reason of a change."""

    by: str
    why: str

    @property
    def missing(self) -> str:
        """What is still to be filled in, as a sentence; empty when nothing is."""
        if self.by and self.why:
            return ""
        return say("sign_missing_person" if not self.by else "sign_missing_reason")


def ask_signature(key: str, *, reason_hint: str = "", side_by_side: bool = True) -> Signature:
    """Draw the two inputs; the person is remembered for the session."""
    first, second = st.columns([1, 2]) if side_by_side else (st.container(), st.container())
    by = first.text_input(
        say("sign_person"),
        value=st.session_state.get(_PERSON, ""),
        key=f"{key}-by",
        placeholder=say("sign_person_hint"),
        max_chars=_LONGEST,
    )
    why = second.text_input(
        say("sign_reason"),
        key=f"{key}-why",
        placeholder=reason_hint or say("sign_reason_hint"),
        max_chars=_LONGEST,
    )
    return _signature(by, why)


def signed(key: str) -> Signature:
    """Return what stood in the inputs of `ask_signature` when they were last sent, before they are drawn."""
    return _signature(st.session_state.get(f"{key}-by"), st.session_state.get(f"{key}-why"))


def _signature(by: str | None, why: str | None) -> Signature:
    by, why = (by or "").strip(), (why or "").strip()
    if by:
        st.session_state[_PERSON] = by
    return Signature(by, why)
