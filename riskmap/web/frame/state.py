"""What every page of a session shares: the workspace, the language, the signer, the snapshot, the address.

What a page shows stands in its address. The session keeps it besides, for a page that is opened by its name in
the bar at the top; whoever opens an address, goes back to one or follows a link of ours gets what the address says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Final

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from riskmap.actions.workspace import Workspace, open_workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.errors import Lang, RiskmapError
from riskmap.moments import as_of_text, local_now, parse_as_of, utc_now
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


PAST: Final = "asof"  # the parameter of addresses that names a past day or moment


_PAST = "shell-as-of"


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
    """Return the records as the ledger holds them now, or held them at the past moment that this session looks
    at; shared by all sessions.
    """
    return current_snapshot(workspace(), as_of=as_of())


def follow_past() -> None:
    """Look at the past moment that the address names where it has changed, else as before; the address keeps it.

    Who goes back to an address without one looks at the present again. What the address says is kept as it
    stands: `as_of` refuses what is none.
    """
    named, kept = st.query_params.get(PAST, ""), st.session_state.get(_PAST, "")
    if named or address_leads():
        st.session_state[_PAST] = named
    elif kept:
        write_address((PAST,), {PAST: kept})


def look_at(past: str) -> None:
    """Look at a past day or moment ("2026-05-01", "2026-05-01T14:00") from now on; at the present for ""."""
    st.session_state[_PAST] = past
    write_address((PAST,), {PAST: past})


def past_text() -> str:
    """Return the past moment that this session looks at as addresses hold it, "" for now."""
    return str(st.session_state.get(_PAST, "")) if runtime.exists() else ""


def as_of() -> date | None:
    """Return the past day or moment that this session looks at, None for now.

    RiskmapError where the address names none, or one that is still to come.
    """
    return past_of(past_text())


def past_of(text: str) -> date | None:
    """Return the past day or moment that an address holds, None for ""; RiskmapError as `as_of`."""
    if not text:
        return None
    try:
        found = parse_as_of(text)
    except RiskmapError as problem:
        wrong = t("past_unusable", "zh"), t("past_unusable", "en")
        raise RiskmapError(
            f"{wrong[0]}：{problem.text('zh')}", f"{wrong[1]}: {problem.text('en')}"
        ) from problem
    if found > (utc_now() if isinstance(found, datetime) else local_now().date()):
        raise RiskmapError(
            f"{t('past_unusable', 'zh')}：{as_of_text(found)} 还没有到；请选今天或更早的日期",
            f"{t('past_unusable', 'en')}: {as_of_text(found)} is still to come; choose today or an earlier day",
        )
    return found


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


def session_query() -> dict[str, str]:
    """Return what every address of this session says: its language, and the past moment that it looks at."""
    found = {} if lang() == "zh" else {_LANG: lang()}
    return found | ({PAST: past} if (past := past_text()) else {})


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
    """Go to a page of ours with its whole query, in the language and of the past of this session where it names no
    other. Does not return.
    """
    st.session_state[_FOLLOWED] = True
    st.switch_page(page, query_params={**session_query(), **query})


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
