"""The form of the page 临灾: what was issued goes in, a kept scenario comes out."""

from __future__ import annotations

import datetime as dt
from typing import Final, cast

import numpy as np
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from riskmap.duty import BEIJING
from riskmap.errors import RiskmapError
from riskmap.hazards import COLOURS, KINDS, RESPONSES, IssuedWarning
from riskmap.moments import seconds_of, utc_now
from riskmap.rules.permissions import Actor
from riskmap.selection import Snapshot
from riskmap.ui import prepare_ahead
from riskmap.ui.notices import keep_notice, notice
from riskmap.ui.prepare_ahead import Asked
from riskmap.ui.signing import ask_signature, signed
from riskmap.ui.state import lang, say, workspace
from riskmap.usecases.preparing import Given, keep

MADE: Final = "prepare-made"  # the scenario that the last computation kept
_WARNINGS: Final = "prepare-warnings"
_ROUND: Final = "prepare-round"
_REFUSED: Final = "prepare-refused"
# Keys of the inputs: their values are read before they are drawn.
_DRILL: Final = "prepare-drill-on"
_MADE_STORM: Final = "prepare-made-storm"
_TRACK: Final = "prepare-track"
_RAIN: Final = "prepare-rain"
_NOTICES: Final = "prepare-notices"
_FIRE: Final = "prepare-fire"
_UPLOADS: Final = {_TRACK: "tracks", _RAIN: "rain", _NOTICES: "notices", _FIRE: "fire"}
_RESPONSE: Final = "prepare-response"
_AT_AUTO: Final = "prepare-at-auto"
_AT_DAY: Final = "prepare-at-day"
_AT_HOUR: Final = "prepare-at-hour"
_TITLE: Final = "prepare-title"
_SIGN: Final = "prepare-sign"
_RUN: Final = "prepare-run"
_ROMAN: Final = {"I": "Ⅰ", "II": "Ⅱ", "III": "Ⅲ", "IV": "Ⅳ"}
_LONGEST: Final = 80


def run_if_asked() -> None:
    """Compute and keep what the form asks for, if its button was pressed; called before the page is drawn.

    Streamlit draws from the top: computing first lets one pass show the form's answer, map and all.
    """
    if not st.session_state.get(_RUN):
        return
    asked, signature = _asked(), signed(_SIGN)
    if asked is None:
        st.session_state[_REFUSED] = ("warning", say("prepare_nothing"))
    elif signature.missing:
        st.session_state[_REFUSED] = ("warning", signature.missing)
    else:
        _run(asked, signature.by, signature.why)


def draw(now: Snapshot, *, opened: bool) -> None:
    """Draw the form in the sidebar; `opened` where no scenario is shown yet."""
    number = _round()
    # With a name of its own each time: what a person has opened would stay open over the next answer.
    with st.expander(say("prepare_new"), expanded=opened, key=f"prepare-form-{number}"):
        drill = st.toggle(say("prepare_drill"), key=_DRILL)
        made = drill and st.checkbox(say("prepare_made"), key=_MADE_STORM, value=True)
        if not made:
            _upload(_TRACK, several=True)
            _upload(_RAIN, several=False)
        _warnings(now)
        if not made:
            _upload(_NOTICES, several=True)
            _upload(_FIRE, several=False)
        st.selectbox(
            say("prepare_response"),
            ["", *RESPONSES],
            key=_RESPONSE,
            format_func=lambda level: _ROMAN.get(level, say("prepare_no_response")),
        )
        _ask_moment()
        # One form: what is typed into it is sent with the button, and no keystroke draws the page anew.
        with st.form("prepare-go", border=False):
            st.text_input(
                say("prepare_name"),
                key=f"{_TITLE}-{number}",
                placeholder=say("prepare_name_hint"),
                max_chars=_LONGEST,
            )
            ask_signature(_SIGN, side_by_side=False)
            st.form_submit_button(say("prepare_run"), key=_RUN, type="primary", width="stretch")
        if refused := st.session_state.pop(_REFUSED, None):
            notice(*refused)
    if asked := _asked():
        (prepare_ahead.leave if _flag(_RUN) else prepare_ahead.begin)(asked)


def _asked() -> Asked | None:
    """Return what the inputs hand over, None where that is nothing."""
    drill, number = _flag(_DRILL), _round()
    made = drill and _flag(_MADE_STORM)
    uploads = {key: () if made else _uploaded(key) for key in _UPLOADS}
    warnings: list[IssuedWarning] = st.session_state.get(_WARNINGS, [])
    if not (made or warnings or any(uploads[key] for key in (_TRACK, _RAIN, _NOTICES))):
        return None
    given = Given(
        title=(st.session_state.get(f"{_TITLE}-{number}") or "").strip(),
        drill=drill,
        made=made,
        warnings=tuple(warnings),
        response=st.session_state.get(_RESPONSE) or None,
        at=_moment(),
    )
    return Asked(given, **{name: uploads[key] for key, name in _UPLOADS.items()})


def _upload(key: str, *, several: bool) -> None:
    word = key.replace("-", "_")
    st.file_uploader(
        say(word), accept_multiple_files=several, key=f"{key}-{_round()}", help=say(f"{word}_help")
    )


def _uploaded(key: str) -> tuple[UploadedFile, ...]:
    """Return the files of an input as they were last sent; one that was taken away meanwhile is none."""
    found = st.session_state.get(f"{key}-{_round()}")
    several = cast("list[object]", found) if isinstance(found, list) else [found]
    return tuple(file for file in several if isinstance(file, UploadedFile))


def _flag(key: str) -> bool:
    return bool(st.session_state.get(key))


def _round() -> int:
    """Return how often the form was used: its files and title start empty each time."""
    return int(st.session_state.get(_ROUND, 0))


def _warnings(now: Snapshot) -> None:
    listed: list[IssuedWarning] = st.session_state.setdefault(_WARNINGS, [])
    st.markdown(f"**{say('prepare_warnings')}**")
    for i, one in enumerate(listed):
        words, button = st.columns([5, 1], vertical_alignment="center")
        where = say("comma").join(one.subdistricts) or say("prepare_where_all")
        kind, colour = KINDS[one.kind].text(lang()), COLOURS[one.colour].text(lang())
        words.text(say("prepare_warning_line", kind=kind, colour=colour, where=where))
        if button.button("✕", key=f"prepare-drop-{i}", help=say("prepare_drop_warning")):
            listed.pop(i)
            st.rerun()
    kind = st.selectbox(
        say("prepare_kind"), list(KINDS), key="prepare-kind", format_func=lambda k: KINDS[k].text(lang())
    )
    colour = st.selectbox(
        say("prepare_colour"),
        list(COLOURS),
        index=2,
        key="prepare-colour",
        format_func=lambda c: COLOURS[c].text(lang()),
    )
    where = st.multiselect(
        say("prepare_where"),
        now.subdistricts,
        key="prepare-where",
        placeholder=say("prepare_where_all"),
        select_all=False,
    )
    if st.button(say("prepare_add_warning"), key="prepare-add"):
        moment = seconds_of(utc_now())
        listed.append(IssuedWarning(kind, colour, moment, tuple(where)))
        st.rerun()


def _ask_moment() -> None:
    if st.checkbox(say("prepare_at_auto"), value=True, key=_AT_AUTO):
        return
    left, right = st.columns(2)
    today = utc_now().astimezone(BEIJING)
    left.date_input(say("prepare_at_day"), value=today.date(), key=_AT_DAY, format="YYYY-MM-DD")
    right.time_input(say("prepare_at_time"), value=dt.time(today.hour), key=_AT_HOUR, step=3600)


def _moment() -> np.datetime64 | None:
    """Return the moment that a person states, UTC; None leaves it to the data."""
    day, hour = st.session_state.get(_AT_DAY), st.session_state.get(_AT_HOUR)
    if st.session_state.get(_AT_AUTO, True) or day is None or hour is None:
        return None
    stated = dt.datetime.combine(day, hour, BEIJING).astimezone(dt.UTC).replace(tzinfo=None)
    return np.datetime64(stated, "s")


def _run(asked: Asked, by: Actor, why: str) -> None:
    try:
        with st.spinner(say("prepare_working")):
            number = keep(workspace(), prepare_ahead.fetch(asked), by=by, why=why)
    except RiskmapError as problem:
        st.session_state[_REFUSED] = ("error", problem.text(lang()))
        return
    st.session_state[MADE] = number
    st.session_state[_WARNINGS] = []
    st.session_state[_ROUND] = _round() + 1
    keep_notice("success", say("prepare_kept", id=number))
