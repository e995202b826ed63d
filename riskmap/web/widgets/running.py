"""The strip above every page that shows what runs for this person: how far it is, Cancel, and what came of it."""

from __future__ import annotations

import secrets
import time
from typing import Any, Final

import streamlit as st

from riskmap.web.frame.running import STOP, Act, LongAction, long_actions
from riskmap.web.frame.state import lang, say, session, signed
from riskmap.web.widgets.filters import escape_markdown
from riskmap.web.widgets.panels import show_offer, show_stop_button

_TICK_S: Final = 0.5  # how often the strip looks


_PATIENCE_S: Final = 1.5  # what is over by then needs no strip


_SHOWN: Final = 3  # rows of the strip


_READ_S: Final = 20.0  # what has been said so long is not said on the next page


_OWNER: Final = "running-owner"


_MINE: Final = "running-mine"  # names of the actions that this tab began → when their end was first seen


def carry_out(kind: str, act: Act, **values: object) -> LongAction | None:
    """Run an action; return it where it is soon over, else None: the strip goes on with it, and `st.rerun` shows that.

    `act` runs in a thread: it is told language, person and workspace beforehand.
    """
    action = long_actions.begin(_owner(), kind, act, **values)
    if action.wait(_PATIENCE_S):
        long_actions.forget(_owner(), action)
        return action
    _mine()[action.name] = None
    return None


def hand_over(kind: str, act: Act, **values: object) -> None:
    """Run an action whose result the strip shows in any case, a file. Does not return."""
    action = long_actions.begin(_owner(), kind, act, **values)
    _mine()[action.name] = None
    action.wait(_PATIENCE_S)
    st.rerun()


def runs(kind: str) -> bool:
    """Return whether an action of this kind runs for this person."""
    return any(one.kind == kind and not one.over for one in long_actions.of(_owner()))


def draw_running() -> None:
    """Draw the strip; nothing where nothing runs and nothing is to be said."""
    _take_over()
    if not (shown := _shown()):
        return
    if all(one.over for one in shown):
        _rows()
    else:
        st.fragment(_rows_while_running, run_every=_TICK_S)()


def _owner() -> str:
    """Return whose actions these are: the browser session's, or this tab's where it keeps no cookies."""
    return session() or st.session_state.setdefault(_OWNER, secrets.token_urlsafe(12))


def _mine() -> dict[str, float | None]:
    return st.session_state.setdefault(_MINE, {})


def _take_over() -> None:
    """Put into this tab what its actions that are over leave for their page, once."""
    mine = _mine()
    for one in long_actions.of(_owner()):
        if not one.over or one.name not in mine:
            continue
        since = mine[one.name]
        if since is None:
            mine[one.name] = time.monotonic()
            for key, value in (one.outcome.state if one.outcome else {}).items():
                st.session_state[key] = value
        elif time.monotonic() - since > _READ_S and not (one.outcome and one.outcome.file):
            long_actions.forget(_owner(), one)


def _shown() -> list[LongAction]:
    """Return what the strip shows: what runs, then what was over last."""
    every = long_actions.of(_owner())
    return [*(one for one in every if not one.over), *reversed([one for one in every if one.over])][:_SHOWN]


def _rows_while_running() -> None:
    shown = _rows()
    if all(one.over for one in shown):
        st.rerun()


def _rows() -> list[LongAction]:
    shown = _shown()
    with st.container(key="shell-running"):
        for i, one in enumerate(shown):
            with st.container(key=f"running-row-{i}", horizontal=True, vertical_alignment="center"):
                (_over if one.over else _under_way)(one)
    return shown


def _under_way(one: LongAction) -> None:
    title, seconds = _title(one), int(time.monotonic() - one.began)
    what = say("running_stopping") if one.watch.stopping else one.watch.what.text(lang())
    text = say("running_line", title=title, share=f"{one.watch.share:.0%}", what=what, time=_clock(seconds))
    st.progress(min(1.0, one.watch.share), text=escape_markdown(text))
    show_stop_button(f"running-cancel-{one.name}", f"running/{signed(STOP, [_owner(), one.name])}")


def _over(one: LongAction) -> None:
    tone, text = _said(one)
    with st.container(key=f"running-{tone}-{one.name}"):
        st.markdown(escape_markdown(text))
    file = one.outcome.file if one.outcome else None
    if file is not None and file.until > time.monotonic():
        auto = one.name if one.name in _mine() else ""
        show_offer(
            f"running-file-{one.name}",
            say("unmasked_save"),
            file.name,
            file.content,
            until=file.until,
            auto=auto,
        )
    st.button(
        "✕",
        key=f"running-close-{one.name}",
        help=say("running_close"),
        on_click=long_actions.forget,
        args=(_owner(), one),
    )


def _said(one: LongAction) -> tuple[str, str]:
    """Return the tone and the sentence of what came of an action."""
    title = _title(one)
    if one.cancelled:
        return "cancelled", say(f"running_{one.kind}_cancelled", title=title)
    if one.refused is not None:
        return "error", say("running_refused", title=title, why=one.refused.text(lang()))
    if one.outcome is None:
        return "error", say("running_failed", title=title)
    late = say("running_late") if one.watch.stopping else ""
    values: dict[str, Any] = {"title": title, **one.outcome.values}
    return one.outcome.tone, say(one.outcome.said, **values) + late


def _title(one: LongAction) -> str:
    return say(f"running_{one.kind}", **one.values)


def _clock(seconds: int) -> str:
    return f"{seconds // 60}:{seconds % 60:02}"
