"""Two people, one record: both versions side by side, and each change taken over or dropped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any, Final

import streamlit as st

from riskmap.errors import StaleRevisionError
from riskmap.web.frame.state import say
from riskmap.web.pages.point.form import FormStart
from riskmap.web.widgets.signing import Signature, notice
from riskmap.web.widgets.wording import key_title, value_text

_WIDTHS: Final = (1.1, 1.4, 1.4, 1.3)


@dataclass(frozen=True, slots=True)
class Stale:
    """An edit that was refused: what was opened, both sides, the changes that were not written."""

    opened: FormStart
    problem: StaleRevisionError
    changes: Mapping[str, Any]
    signature: Signature


def draw_stale(stale: Stale) -> dict[str, Any] | None:
    """Draw the comparison; return the changes to take over, {} to drop them all, None until decided."""
    layer, problem = stale.opened.layer, stale.problem
    notice("warning", say("stale_lead", seen=problem.seen, current=problem.current))
    keys = list(dict.fromkeys((*stale.changes, *problem.mine, *problem.theirs)))
    _row(
        *(
            f"<b>{escape(text)}</b>"
            for text in (say("stale_field"), say("stale_mine"), say("stale_theirs", version=problem.current))
        )
    )
    taken: dict[str, Any] = {}
    open_questions = 0
    for key in keys:
        mine, theirs = problem.mine.get(key), problem.theirs.get(key)
        place = _row(
            escape(key_title(layer, key)),
            escape(value_text(layer, key, mine))
            if key in stale.changes
            else f'<span class="rm-none">{escape(say("stale_untouched"))}</span>',
            escape(value_text(layer, key, theirs)),
        )
        if key not in stale.changes:
            continue
        words = {True: say("stale_take_mine"), False: say("stale_keep_theirs")}
        both = _changed_by_both(stale, key)
        use_mine = place.radio(
            key_title(layer, key),
            (True, False),
            index=None if both else 0,
            format_func=words.__getitem__,
            horizontal=True,
            label_visibility="collapsed",
            key=f"stale-{problem.current}-{key}",
        )
        open_questions += use_mine is None
        if both:
            place.caption(say("stale_both"))
        if use_mine:
            taken[key] = stale.changes[key]
    with st.container(horizontal=True):
        save = st.button(
            say("stale_save", version=problem.current + 1),
            key="stale-save",
            type="primary",
            disabled=bool(open_questions) or not taken,
        )
        drop = st.button(say("stale_drop"), key="stale-drop")
    if save:
        return taken
    return {} if drop else None


def _changed_by_both(stale: Stale, key: str) -> bool:
    """Tell whether the ledger's value is no longer the one that the form was opened with."""
    if key == "contacts":  # comes as the differing roles only: let a person look
        return True
    return stale.problem.theirs.get(key) != stale.opened.stated.get(key)


def _row(*cells: str) -> Any:
    places = st.columns(_WIDTHS, vertical_alignment="center")
    for place, cell in zip(places, cells, strict=False):
        place.html(f"<div>{cell}</div>")
    return places[-1]
