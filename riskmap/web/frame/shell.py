"""The frame of every page: title, navigation, language, the mark of demo data, the look.

The shell sets up the pages of `riskmap.web.pages` (page config, language, workspace) and shows what a
page refuses (`RiskmapError`) as one message.

The look that the pages beside the map share, on screen and on paper.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date
from html import escape
from pathlib import Path
from typing import Any, Final, cast

import streamlit as st

from riskmap.actions.workspace import Workspace
from riskmap.actions.workspace.check import CheckFinding, standing_faults
from riskmap.actions.workspace.snapshots import past_text as told_of
from riskmap.errors import Lang, RiskmapError, Text
from riskmap.io.files.atomic import refusal
from riskmap.moments import as_of_text, local_now
from riskmap.web.frame.assets import bundles
from riskmap.web.frame.state import (
    LANGUAGES,
    arrive,
    as_of,
    follow,
    follow_files,
    follow_past,
    lang,
    look_at,
    past_text,
    say,
    session_query,
    set_current_page,
    set_lang,
    snapshot,
    workspace,
    write_address,
)
from riskmap.web.pages import pages
from riskmap.web.widgets.filters import escape_markdown, tier_css

_HERE: Final = Path(__file__).parents[1]


_ICON: Final = _HERE / "assets" / "icon.svg"


_log = logging.getLogger(__name__)


_LANGUAGE_NAMES: Final[dict[Lang, str]] = {"zh": "中文", "en": "English"}


_SWITCH: Final = "shell-language"


_PAGES_KEY: Final = "shell-pages"


_WHOLE_DAY: Final = -1


_EARLIEST: Final = date(2000, 1, 1)


def run(*, above: Callable[[], None]) -> None:
    """Draw the frame, what stands above every page, and the page that the address names."""
    st.set_page_config(page_title=say("product"), page_icon=str(_ICON), layout="wide")
    known = _pages()
    st.session_state[_PAGES_KEY] = known
    page = st.navigation(list(known.values()), position="top")
    set_current_page(page.url_path)
    arrive()
    follow_past()
    _look()
    _language_switch()
    try:
        follow_files()
        ws = workspace()
    except RiskmapError as problem:
        _brand(say("product"))
        _refused(say("workspace_problem"), problem)
        return
    _brand(say("product_of", district=ws.config.district))
    if ws.demo:
        with st.container(key="shell-demo"):
            st.html(f'<span title="{escape(say("demo_help"))}">{escape(say("demo"))}</span>')
    _faults(ws)
    try:
        above()
        if _at_hand(ws, next(name for name, one in known.items() if one == page)):
            page.run()
    except RiskmapError as problem:
        _refused(say("problem"), problem)
    except OSError as problem:  # a full disk, a file without rights: the cause and the remedy, as everywhere
        _log.exception("page %s", page.url_path)
        _refused(say("problem"), refusal(str(problem.filename or tempfile.gettempdir()), problem))
    except Exception:  # noqa: BLE001 - the last net: Streamlit's own message would be English and without a remedy
        _log.exception("page %s", page.url_path)
        with st.container(key="shell-refused"):
            st.subheader(say("problem"))
            st.error(say("unexpected"))


def _at_hand(ws: Workspace, name: str) -> bool:
    """Draw the way to the past and, while it is looked at, the strip that says so.

    Returns whether the page is to be drawn: not where the past had no record yet, nor where the page is about
    the present. RiskmapError where the address names no past moment.
    """
    page = pages()[name]
    if page.past:
        _way_to_the_past()
    if not past_text():
        return True
    try:
        when = as_of()
    except RiskmapError:
        _past_strip(say("past_wrong"))
        raise
    if when is None:
        return True
    with st.spinner(say("working")):
        told = told_of(ws, when, lang())
    _past_strip(told)
    if not page.past:
        title = Text(page.zh, page.en).text(lang())
        st.info(escape_markdown(say("past_closed", when=as_of_text(when), page=title)))
        return False
    if not snapshot().n:
        st.info(escape_markdown(told))
        return False
    return True


def _past_strip(told: str) -> None:
    with st.container(key="shell-past", horizontal=True, vertical_alignment="center"):
        st.html(f'<span title="{escape(told)}">{escape(told)}</span>')
        st.button(say("past_back"), key="shell-past-back", on_click=look_at, args=("",))


@st.fragment
def _way_to_the_past() -> None:
    """The choice of a day and hour; nothing else of the page runs while it is made."""
    opened = f"shell-past-open-{past_text()}"  # another one, and so closed, once a day was chosen
    with st.container(key="shell-look-back"), st.popover(say("past_open"), key=opened):
        today = local_now().date()
        st.caption(say("past_help"))
        day = st.date_input(
            say("past_day"),
            value=today,
            min_value=_EARLIEST,
            max_value=today,
            format="YYYY-MM-DD",
            key="shell-past-day",
        )
        hour = st.selectbox(
            say("past_hour"), (_WHOLE_DAY, *range(24)), key="shell-past-hour", format_func=_hour_title
        )
        if st.button(say("past_show"), key="shell-past-show", type="primary", width="stretch"):
            look_at(day.isoformat() if hour == _WHOLE_DAY else f"{day.isoformat()}T{hour:02}:00")
            st.rerun()


def _hour_title(hour: int) -> str:
    return say("past_end_of_day") if hour == _WHOLE_DAY else say("past_hour_of", hour=f"{hour:02}")


def _faults(ws: Workspace) -> None:
    """Name what cannot be used, on every page: the rest goes on without it."""
    found: Sequence[CheckFinding] = ()
    with suppress(RiskmapError):  # the page says it
        found = standing_faults(ws)
    if not found:
        return
    told = [escape(one.message.text(lang())) for one in found]
    head = say("faults", n=len(told), first=told[0])
    rest = "".join(f"<li>{one}</li>" for one in told)
    with st.container(key="shell-faults"):
        st.html(f"<details><summary>{head}</summary><ul>{rest}</ul></details>")


def page_of(name: str) -> Any:
    """Return the Streamlit page with this id, for `st.switch_page` and `st.page_link`."""
    return cast("dict[str, Any]", st.session_state[_PAGES_KEY])[name]


def open_point(layer: str, code: str) -> None:
    """Go to the page of one record. Does not return."""
    follow(page_of("point"), {"layer": layer, "code": code})


def _pages() -> dict[str, Any]:
    first, *_ = pages()
    return {
        name: st.Page(
            page.file,
            title=Text(page.zh, page.en).text(lang()),
            url_path=name,
            default=name == first,
            visibility="hidden" if page.hidden else "visible",
        )
        for name, page in pages().items()
    }


def _refused(title: str, problem: RiskmapError) -> None:
    _log.info("%s", problem)
    with st.container(key="shell-refused"):
        st.subheader(title)
        st.error(problem.text(lang()))


def _language_switch() -> None:
    """Two words at the top right; the choice stays in the address, to be sent on, and in this browser."""
    if st.session_state.get(_SWITCH) not in LANGUAGES:
        st.session_state[_SWITCH] = lang()
    with st.container(key="shell-language-box"):
        st.segmented_control(
            say("language"),
            LANGUAGES,
            key=_SWITCH,
            format_func=lambda code: _LANGUAGE_NAMES[code],
            label_visibility="collapsed",
            on_change=_switched,
        )
    set_lang(lang())
    write_address(("lang",), session_query())


def _switched() -> None:
    chosen = st.session_state[_SWITCH]
    set_lang(chosen if chosen in LANGUAGES else lang())


def _brand(title: str) -> None:
    with st.container(key="shell-brand"):
        st.html(f"<span>{escape(title)}</span>")


def _look() -> None:
    words = f":root {{ --rm-no-match: '{say('css_no_match')}'; }}"
    styles = (_HERE / "assets" / "shell" / "shell.css").read_text(encoding="utf-8")
    st.html(f"<style>{words}\n{styles}\n{tier_css()}</style>")
    language = bundles()[f"{lang()}.js"].link
    st.html(f'<script src="{language}"></script>', unsafe_allow_javascript=True)


_STYLES: Final = Path(__file__).parents[1] / "assets" / "pages" / "pages.css"


def page_look() -> None:
    """Add our rules; words that Streamlit would say in English come from our texts."""
    words = "".join(f"--rm-{name}: {_quoted(say(f'css_{name}'))};" for name in ("upload", "drop"))
    st.html(f"<style>:root {{ {words} }}\n{_STYLES.read_text(encoding='utf-8')}</style>")


def page_title(title: str, note: str = "") -> None:
    """Draw the heading of a page; both texts are shown as they are written."""
    st.html(f'<div class="rm-head"><h1>{escape(title)}</h1></div><div class="rm-sub">{escape(note)}</div>')


def section(title: str) -> None:
    """Draw the heading of a part of a page."""
    st.html(f'<h2 class="rm-section">{escape(title)}</h2>')


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
