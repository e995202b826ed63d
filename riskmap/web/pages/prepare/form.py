"""Computing a scenario while the rest of its form is filled in: its picture then soon follows the button.

One thread computes for all sessions. Nothing goes into the ledger before somebody signs.

The form of the page 临灾: what was issued goes in, a kept scenario comes out.
"""

from __future__ import annotations

import datetime as dt
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain, islice
from typing import Final, cast

import numpy as np
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from riskmap.actions.episode.inputs import Given
from riskmap.actions.episode.playback import storm
from riskmap.actions.episode.preparing import KEEPING
from riskmap.actions.episode.scenario import Prepared, keep, prepare
from riskmap.actions.workspace import Workspace
from riskmap.errors import RiskmapError
from riskmap.moments import BEIJING, seconds_of, utc_now
from riskmap.progress import Cancelled, Progress
from riskmap.rules.permissions import Actor
from riskmap.selection import Snapshot
from riskmap.values.hazards import IssuedWarning
from riskmap.vocabulary import COLOURS, KINDS, RESPONSES
from riskmap.web.frame.running import Outcome, Watch
from riskmap.web.frame.state import lang, say, snapshot, workspace
from riskmap.web.widgets.running import carry_out, runs
from riskmap.web.widgets.signing import ask_signature, keep_notice, notice, signed
from riskmap.web.widgets.uploads import as_uploaded, keep_as_they_are, private_folder

_AHEAD: Final = "prepare-ahead"


_GOOD_FOR_S: Final = 600.0  # a made storm and a typed warning count from the moment they were given


_LOOK_S: Final = 0.1


_THREAD: Final = ThreadPoolExecutor(1, thread_name_prefix="prepare-ahead")


@dataclass(frozen=True, slots=True)
class PrepareRequest:
    """What the inputs of the form hand over; uploads are the same where Streamlit gave them the same number."""

    given: Given
    tracks: tuple[UploadedFile, ...] = ()
    rain: tuple[UploadedFile, ...] = ()
    fire: tuple[UploadedFile, ...] = ()
    notices: tuple[UploadedFile, ...] = ()


@dataclass(frozen=True, slots=True)
class _Question:
    """All that decides the result; neither title nor response does."""

    ws: Workspace
    state: object
    asked: PrepareRequest

    @classmethod
    def of(cls, asked: PrepareRequest) -> _Question:
        given = replace(asked.given, title="", response=None)
        return cls(workspace(), snapshot().state, replace(asked, given=given))


@dataclass(frozen=True, slots=True)
class _Ahead:
    """A question and its answer; None where the question only stands there: nobody has asked it yet."""

    question: _Question
    answer: Future[Prepared] | None
    watch: Watch = field(default_factory=Watch)
    since: float = field(default_factory=time.monotonic)

    def answers(self, question: _Question) -> bool:
        if self.answer is None:
            return self.question.asked == question.asked
        return self.question == question and time.monotonic() - self.since < _GOOD_FOR_S


def begin(asked: PrepareRequest) -> None:
    """Start to compute what the form asks for, unless that was done; drop what it asked for before."""
    question = _Question.of(asked)
    ahead: _Ahead | None = st.session_state.get(_AHEAD)
    if ahead is not None:
        if ahead.answers(question):
            return
        _drop(ahead)
    watch = Watch()
    answer = _THREAD.submit(_computed, question.ws, question.asked, watch.progress)
    st.session_state[_AHEAD] = _Ahead(question, answer, watch)
    _THREAD.submit(_look_back, question.ws, drill=asked.given.drill)


def _look_back(ws: Workspace, *, drill: bool) -> None:
    """Read the bulletin that the new one will be compared with, before somebody waits for it."""
    with suppress(RiskmapError):
        last = next((one for one in ws.ledger.scenarios() if one.drill == drill), None)
        if last is not None:
            storm(ws, last.id)


def leave(asked: PrepareRequest) -> None:
    """Take what the inputs still say after an answer was fetched as no question until they are changed."""
    st.session_state.setdefault(_AHEAD, _Ahead(_Question.of(asked), None))


def fetch(question: _Question, asked: PrepareRequest, ahead: _Ahead | None, progress: Progress) -> Prepared:
    """Return the scenario that the form asks for: the one computed ahead where that is still right.

    RiskmapError, with uploads under the names that they came with, where something cannot be used.
    """
    if (found := _answer(ahead, question, progress)) is None:
        return _computed(question.ws, asked, progress)
    given = asked.given
    return replace(
        found,
        given=replace(found.given, title=given.title, response=given.response),
        title=given.title or found.title,
    )


def _answer(ahead: _Ahead | None, question: _Question, progress: Progress) -> Prepared | None:
    """Return what was computed ahead, waiting where it is nearly done; None where it answers another question."""
    if ahead is None or ahead.answer is None:
        return None
    if not ahead.answers(question):
        _drop(ahead)
        return None
    # Where another session's is still before it, computing here is sooner done.
    if ahead.answer.cancel():
        return None
    try:
        while not wait([ahead.answer], _LOOK_S).done:
            progress.step(ahead.watch.share, 1, ahead.watch.what)
    except Cancelled:
        ahead.watch.stop()
        raise
    return ahead.answer.result()


def _drop(ahead: _Ahead) -> None:
    ahead.watch.stop()
    if ahead.answer is not None:
        ahead.answer.cancel()


def _computed(ws: Workspace, asked: PrepareRequest, progress: Progress) -> Prepared:
    with private_folder() as folder:
        groups = (asked.tracks, asked.rain, asked.fire, asked.notices)
        files = keep_as_they_are(list(chain(*groups)), folder)
        rest = iter(file.path for file in files)
        tracks, rain, fire, notices = (tuple(islice(rest, len(group))) for group in groups)
        try:
            given = asked.given.with_files(
                ws,
                tracks=tracks,
                rain=next(iter(rain), None),
                fire=next(iter(fire), None),
                notices=notices,
                names={file.path: file.name for file in files},
            )
            return prepare(ws, given, progress=progress)
        except RiskmapError as problem:
            said = as_uploaded(problem, files)
            raise RiskmapError(said.zh, said.en) from problem


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
        (leave if _flag(_RUN) else begin)(asked)


def _asked() -> PrepareRequest | None:
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
    return PrepareRequest(given, **{name: uploads[key] for key, name in _UPLOADS.items()})


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


def _run(asked: PrepareRequest, by: Actor, why: str) -> None:
    if runs("prepare"):
        st.session_state[_REFUSED] = ("warning", say("running_already"))
        return
    ahead: _Ahead | None = st.session_state.pop(_AHEAD, None)
    act = partial(_kept, _Question.of(asked), asked, ahead, number=_round(), by=by, why=why)
    with st.spinner(say("prepare_working")):
        done = carry_out("prepare", act)
    if done is None:
        leave(asked)
        st.rerun()
    if done.outcome is None:
        why_not = say("unexpected") if done.refused is None else done.refused.text(lang())
        st.session_state[_REFUSED] = ("error", why_not)
        return
    keep_notice("success", say("prepare_kept", id=done.outcome.values["id"]))


def _kept(
    question: _Question,
    asked: PrepareRequest,
    ahead: _Ahead | None,
    progress: Progress,
    *,
    number: int,
    by: Actor,
    why: str,
) -> Outcome:
    """Compute and keep what the form asks for; the form then starts its next round empty."""
    computing, keeping = progress.parts(9, 1)
    found = fetch(question, asked, ahead, computing)
    keeping.step(0, 1, KEEPING)
    made = keep(question.ws, found, by=by, why=why)
    return Outcome(
        "running_prepare_done", {"id": made}, state={MADE: made, _WARNINGS: [], _ROUND: number + 1}
    )
