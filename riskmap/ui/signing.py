"""Who does it and why: asked for at every change, kept in the ledger with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import streamlit as st

from riskmap.rules.permissions import Actor, local_actor
from riskmap.ui.state import say

_PERSON: Final = "person"
_LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class Signature:
    """Person and reason of a change."""

    name: str
    why: str

    @property
    def by(self) -> Actor:
        """Who signs: whoever sits here may do everything, and nobody proves the name."""
        return local_actor(self.name)

    @property
    def missing(self) -> str:
        """What is still to be filled in, as a sentence; empty when nothing is."""
        if self.name and self.why:
            return ""
        return say("sign_missing_person" if not self.name else "sign_missing_reason")


def ask_person(key: str, *, longest: int = _LONGEST) -> str:
    """Draw the input for who does it and return the name; it is remembered for the session."""
    by = st.text_input(
        say("sign_person"),
        value=_name(),
        key=key,
        placeholder=say("sign_person_hint"),
        help=say("sign_local"),
        max_chars=longest,
    )
    return _remembered(by)


def person() -> Actor | None:
    """Return who sits there, None where nobody said so yet."""
    return local_actor(_name()) if _name() else None


def _name() -> str:
    return str(st.session_state.get(_PERSON, ""))


def _remembered(by: str | None) -> str:
    if by := (by or "").strip():
        st.session_state[_PERSON] = by
    return by


def ask_signature(key: str, *, reason_hint: str = "", side_by_side: bool = True) -> Signature:
    """Draw the two inputs; the person is remembered for the session."""
    first, second = st.columns([1, 2]) if side_by_side else (st.container(), st.container())
    with first:
        by = ask_person(f"{key}-by")
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
    return Signature(_remembered(by), (why or "").strip())
