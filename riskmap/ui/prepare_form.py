"""The form of the page 临灾: what was issued goes in, a kept scenario comes out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import streamlit as st

from riskmap.duty import BEIJING
from riskmap.errors import RiskmapError
from riskmap.hazards import COLOURS, KINDS, RESPONSES, IssuedWarning
from riskmap.selection import Snapshot
from riskmap.ui.notices import keep_notice, notice, refuse
from riskmap.ui.signing import ask_signature
from riskmap.ui.state import lang, say, workspace
from riskmap.ui.uploads import Uploaded, keep_as_they_are, private_folder
from riskmap.usecases.preparing import Given, keep, prepare

MADE: Final = "prepare-made"  # the scenario that the last computation kept
_WARNINGS: Final = "prepare-warnings"
_ROUND: Final = "prepare-round"
_ROMAN: Final = {"I": "Ⅰ", "II": "Ⅱ", "III": "Ⅲ", "IV": "Ⅳ"}
_LONGEST: Final = 80


def draw(now: Snapshot, *, opened: bool) -> None:
    """Draw the form in the sidebar; `opened` where no scenario is shown yet."""
    with st.expander(say("prepare_new"), expanded=opened, key="prepare-form"):
        number = st.session_state.get(_ROUND, 0)
        drill = st.toggle(say("prepare_drill"), key="prepare-drill-on")
        made = drill and st.checkbox(say("prepare_made"), key="prepare-made-storm", value=True)
        tracks: Sequence[Uploaded] = ()
        rain: Uploaded | None = None
        if not made:
            tracks = st.file_uploader(
                say("prepare_track"),
                accept_multiple_files=True,
                key=f"prepare-track-{number}",
                help=say("prepare_track_help"),
            )
            rain = st.file_uploader(
                say("prepare_rain"), key=f"prepare-rain-{number}", help=say("prepare_rain_help")
            )
        warnings = _warnings(now)
        response = st.selectbox(
            say("prepare_response"),
            ["", *RESPONSES],
            key="prepare-response",
            format_func=lambda level: _ROMAN.get(level, say("prepare_no_response")),
        )
        at = _moment()
        # One form: what is typed into it is sent with the button, and no keystroke draws the page anew.
        with st.form("prepare-go", border=False):
            title = st.text_input(
                say("prepare_name"),
                key=f"prepare-title-{number}",
                placeholder=say("prepare_name_hint"),
                max_chars=_LONGEST,
            )
            signature = ask_signature("prepare-sign", side_by_side=False)
            pressed = st.form_submit_button(
                say("prepare_run"), key="prepare-run", type="primary", width="stretch"
            )
        if pressed:
            if not (made or tracks or rain or warnings):
                notice("warning", say("prepare_nothing"))
            elif signature.missing:
                notice("warning", signature.missing)
            else:
                given = Given(
                    title=title.strip(),
                    drill=drill,
                    made=made,
                    warnings=tuple(warnings),
                    response=response or None,
                    at=at,
                )
                _run(given, list(tracks), rain, signature.by, signature.why)


def _warnings(now: Snapshot) -> list[IssuedWarning]:
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
    left, right = st.columns(2)
    kind = left.selectbox(
        say("prepare_kind"), list(KINDS), key="prepare-kind", format_func=lambda k: KINDS[k].text(lang())
    )
    colour = right.selectbox(
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
        moment = np.datetime64(dt.datetime.now(dt.UTC).replace(tzinfo=None), "s")
        listed.append(IssuedWarning(kind, colour, moment, tuple(where)))
        st.rerun()
    return listed


def _moment() -> np.datetime64 | None:
    """Return the moment that a person states, UTC; None leaves it to the data."""
    if st.checkbox(say("prepare_at_auto"), value=True, key="prepare-at-auto"):
        return None
    left, right = st.columns(2)
    today = dt.datetime.now(BEIJING)
    day = left.date_input(
        say("prepare_at_day"), value=today.date(), key="prepare-at-day", format="YYYY-MM-DD"
    )
    time = right.time_input(
        say("prepare_at_time"), value=dt.time(today.hour), key="prepare-at-hour", step=3600
    )
    stated = dt.datetime.combine(day, time, BEIJING).astimezone(dt.UTC).replace(tzinfo=None)
    return np.datetime64(stated, "s")


def _run(given: Given, tracks: list[Uploaded], rain: Uploaded | None, by: str, why: str) -> None:
    with private_folder() as folder, st.spinner(say("prepare_working")):
        try:
            files = keep_as_they_are([*tracks, *([rain] if rain else [])], folder)
            paths: list[Path] = [file.path for file in files]
            names = {file.path: file.name for file in files}
            found = prepare(
                workspace(),
                given.with_files(
                    tracks=tuple(paths[: len(tracks)]), rain=paths[-1] if rain else None, names=names
                ),
            )
            number = keep(workspace(), found, who=by, why=why)
        except RiskmapError as problem:
            refuse(problem)
            return
    st.session_state[MADE] = number
    st.session_state[_WARNINGS] = []
    st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1
    keep_notice("success", say("prepare_kept", id=number))
    st.rerun()
