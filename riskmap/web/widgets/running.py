"""Long actions of a page, and the strip above every page that shows them; see `riskmap.web.frame.strip`.

The strip is a script of ours that asks the server by itself: Streamlit only tells it where.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import streamlit as st
from streamlit.components.v2 import component

from riskmap.web.frame.running import Act, LongAction, long_actions
from riskmap.web.frame.security import ForbiddenError
from riskmap.web.frame.state import lang, say, session, signed
from riskmap.web.frame.strip import RUNNING

QUICK_S: Final = 0.5  # what is over by then needs no strip


_READ_S: Final = 20.0  # what has been said so long is not said on the next page


_TAB: Final = "running-tab"


_SEEN: Final = "running-seen"  # names of the actions that this tab began → when their end was first seen


_SCRIPT: Final = Path(__file__).parents[1] / "assets" / "shell" / "running.js"


def carry_out(kind: str, act: Act, **values: object) -> LongAction | None:
    """Run an action; return it where it is soon over, else None: the strip goes on with it, and `st.rerun` shows that.

    What it leaves for the session of its page is there as soon as it is over. `act` runs in a thread: it is told
    language, person and workspace beforehand. A browser that keeps no cookies has no strip, and its page waits to the
    end.
    """
    action = long_actions.begin(_owner(), kind, act, tab=_tab(), **values)
    if action.wait(QUICK_S if session() else None):
        _keep_state(action)
        long_actions.forget(_owner(), action)
        return action
    action.shown.set()
    return None


def hand_over(kind: str, act: Act, **values: object) -> None:
    """Run an action whose result the strip shows in any case, a file. Does not return.

    ForbiddenError where the browser keeps no cookies: no file is for nobody.
    """
    if not session():
        raise ForbiddenError
    action = long_actions.begin(_owner(), kind, act, tab=_tab(), **values)
    action.wait(QUICK_S)
    action.shown.set()
    st.rerun()


def runs(kind: str) -> bool:
    """Return whether an action of this kind runs for this person."""
    return any(one.kind == kind and not one.over for one in long_actions.of(_owner()))


def draw_running() -> None:
    """Tell the strip where to ask, and take over what came of the work of this tab."""
    _take_over()
    if not session():
        return
    texts = {"cancel": say("running_cancel"), "close": say("running_close"), "save": say("unmasked_save")}
    data = {"href": f"running/{signed(RUNNING, [lang(), _tab()])}", "texts": texts}
    _strip()(key="shell-running", data=data, on_event_change=lambda: None)


@lru_cache(maxsize=1)
def _strip() -> Callable[..., Any]:
    return component("riskmap-running", js=_SCRIPT.read_text(encoding="utf-8"))


def _owner() -> str:
    """Return whose actions these are: the browser session's, or this tab's where it keeps no cookies."""
    return session() or _tab()


def _tab() -> str:
    return st.session_state.setdefault(_TAB, secrets.token_urlsafe(12))


def _take_over() -> None:
    """Put into this tab what its actions that are over leave for their page, once."""
    seen: dict[str, float] = st.session_state.setdefault(_SEEN, {})
    for one in long_actions.of(_owner()):
        if not one.over or one.tab != _tab():
            continue
        if one.name not in seen:
            seen[one.name] = time.monotonic()
            _keep_state(one)
        elif time.monotonic() - seen[one.name] > _READ_S and one.file is None:
            long_actions.forget(_owner(), one)


def _keep_state(action: LongAction) -> None:
    for key, value in (action.outcome.state if action.outcome else {}).items():
        st.session_state[key] = value
