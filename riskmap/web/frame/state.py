"""What every page of a session shares: the workspace, the language, the signer, the snapshot."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import streamlit as st

from riskmap.actions.workspace import Workspace, open_workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.errors import Lang
from riskmap.selection import Snapshot
from riskmap.texts import t
from riskmap.web.frame.security import Signer, workspace_secret

LANGUAGES: Final[tuple[Lang, ...]] = ("zh", "en")


_LANG = "lang"


_PAGE = "shell-page"


@lru_cache(maxsize=1)
def workspace() -> Workspace:
    """Return the workspace of this process. WorkspaceError or CatalogError say what is wrong with it."""
    return open_workspace()


def follow_files() -> None:
    """Open the workspace anew, for all sessions, where a settings, layer or model file was written to.

    What was made of records stays: snapshots are known by the state of the ledger and by the layers.
    """
    if workspace().outrun:
        workspace.cache_clear()


@lru_cache(maxsize=1)
def signer() -> Signer:
    """Return what signs the addresses of our routes."""
    return Signer(workspace_secret(workspace().root / "data"))


def session() -> str:
    """Return the name of the browser session that looks at this page; empty where it keeps no cookies."""
    return str(st.user.get("session") or "")


def signed(purpose: str, value: Any, *, days: int = 1) -> str:
    """Return a token with which this browser session, and no other, may ask for something."""
    return signer().sign(purpose, value, session(), days=days)


def snapshot() -> Snapshot:
    """Return the records as the ledger holds them now, shared by all sessions."""
    return current_snapshot(workspace())


def lang() -> Lang:
    """Return the language of this session: the address bar's at first, then the switch's."""
    chosen = st.session_state.get(_LANG)
    if chosen not in LANGUAGES:
        chosen = st.query_params.get(_LANG)
    return chosen if chosen in LANGUAGES else "zh"


def set_lang(chosen: Lang) -> None:
    """Keep the language of this session."""
    st.session_state[_LANG] = chosen


def say(key: str, **values: object) -> str:
    """Return one of our texts in the language of this session."""
    return t(key, lang(), **values)


def current_page() -> str:
    """Return which page this session shows; widgets of one page are none of another."""
    return st.session_state.get(_PAGE, "")


def set_current_page(name: str) -> None:
    """Keep which page this session shows."""
    st.session_state[_PAGE] = name
