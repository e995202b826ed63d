"""What every page of a session shares: the workspace, the language, the signer, the snapshot, the address.

What a page shows stands in its address. The session keeps it besides, for a page that is opened by its name in
the bar at the top; whoever opens an address, goes back to one or follows a link of ours gets what the address says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from riskmap.actions.workspace import Workspace, open_workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.errors import Lang
from riskmap.selection import Snapshot
from riskmap.texts import t
from riskmap.web.frame.security import Signer, workspace_secret

LANGUAGES: Final[tuple[Lang, ...]] = ("zh", "en")


LANGUAGE_COOKIE: Final = (
    "riskmap-lang"  # another port of this host reads it, too: it holds a language, no more
)


_LANG = "lang"


_PAGE = "shell-page"


_FOLLOWED = "shell-followed"


_LEADS = "shell-address-leads"


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
    """Return the language of this session: the address's or else the browser's at first, then the switch's."""
    chosen = st.session_state.get(_LANG)
    if chosen not in LANGUAGES:
        chosen = st.query_params.get(_LANG)
    if chosen not in LANGUAGES:
        chosen = st.context.cookies.get(LANGUAGE_COOKIE)
    return chosen if chosen in LANGUAGES else "zh"


def set_lang(chosen: Lang) -> None:
    """Keep the language of this session."""
    st.session_state[_LANG] = chosen


def language_query() -> dict[str, str]:
    """Return what an address says of the language of this session."""
    return {} if lang() == "zh" else {_LANG: lang()}


def say(key: str, **values: object) -> str:
    """Return one of our texts in the language of this session."""
    return t(key, lang(), **values)


def current_page() -> str:
    """Return which page this session shows; widgets of one page are none of another."""
    return st.session_state.get(_PAGE, "")


def set_current_page(name: str) -> None:
    """Keep which page this session shows."""
    st.session_state[_PAGE] = name


def arrive() -> None:
    """Note, at the start of a run, whether what is shown follows the address."""
    context = get_script_run_ctx()
    went_back = context is not None and context.is_history_navigation
    st.session_state[_LEADS] = bool(st.session_state.pop(_FOLLOWED, False)) or went_back


def address_leads() -> bool:
    """Return whether the address says what is shown: somebody went back to it, or followed a link of ours."""
    return bool(st.session_state.get(_LEADS, False))


def follow(page: Any, query: Mapping[str, str | Sequence[str]]) -> None:
    """Go to a page of ours with its whole query, in the language of this session. Does not return."""
    st.session_state[_FOLLOWED] = True
    st.switch_page(page, query_params={**query, **language_query()})


def write_address(keys: Iterable[str], query: Mapping[str, str | Sequence[str]]) -> None:
    """Let the address say `query` for these keys, and nothing for the others of them.

    In one go: Streamlit tells the browser of each assignment by itself.
    """
    mine = {*keys, *query}
    before = {key: st.query_params.get_all(key) for key in st.query_params}
    after = {key: found for key, found in before.items() if key not in mine} | {
        key: [value] if isinstance(value, str) else list(value) for key, value in query.items() if value
    }
    if after != before:
        st.query_params.from_dict(after)
