"""Computing a scenario while the rest of its form is filled in: its picture then soon follows the button.

One thread computes for all sessions. Nothing goes into the ledger before somebody signs.
"""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from typing import Final

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from riskmap.errors import RiskmapError
from riskmap.ui.state import snapshot, workspace
from riskmap.ui.uploads import as_uploaded, keep_as_they_are, private_folder
from riskmap.usecases.preparing import Given, Prepared, prepare
from riskmap.usecases.storms import storm
from riskmap.usecases.workspace import Workspace

_AHEAD: Final = "prepare-ahead"
_GOOD_FOR_S: Final = 600.0  # a made storm and a typed warning count from the moment they were given
_THREAD: Final = ThreadPoolExecutor(1, thread_name_prefix="prepare-ahead")


@dataclass(frozen=True, slots=True)
class Asked:
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
    asked: Asked

    @classmethod
    def of(cls, asked: Asked) -> _Question:
        given = replace(asked.given, title="", response=None)
        return cls(workspace(), snapshot().state, replace(asked, given=given))


@dataclass(frozen=True, slots=True)
class _Ahead:
    """A question and its answer; None where the question only stands there: nobody has asked it yet."""

    question: _Question
    answer: Future[Prepared] | None
    since: float = field(default_factory=time.monotonic)

    def answers(self, question: _Question) -> bool:
        if self.answer is None:
            return self.question.asked == question.asked
        return self.question == question and time.monotonic() - self.since < _GOOD_FOR_S


def begin(asked: Asked) -> None:
    """Start to compute what the form asks for, unless that was done; drop what it asked for before."""
    question = _Question.of(asked)
    ahead: _Ahead | None = st.session_state.get(_AHEAD)
    if ahead is not None:
        if ahead.answers(question):
            return
        _drop(ahead)
    st.session_state[_AHEAD] = _Ahead(question, _THREAD.submit(_computed, question.ws, question.asked))
    _THREAD.submit(_look_back, question.ws, drill=asked.given.drill)


def _look_back(ws: Workspace, *, drill: bool) -> None:
    """Read the bulletin that the new one will be compared with, before somebody waits for it."""
    with suppress(RiskmapError):
        last = next((one for one in ws.ledger.scenarios() if one.drill == drill), None)
        if last is not None:
            storm(ws, last.id)


def leave(asked: Asked) -> None:
    """Take what the inputs still say after an answer was fetched as no question until they are changed."""
    st.session_state.setdefault(_AHEAD, _Ahead(_Question.of(asked), None))


def fetch(asked: Asked) -> Prepared:
    """Return the scenario that the form asks for: the one computed ahead where that is still right.

    RiskmapError, with uploads under the names that they came with, where something cannot be used.
    """
    question = _Question.of(asked)
    ahead: _Ahead | None = st.session_state.pop(_AHEAD, None)
    if (found := _answer(ahead, question)) is None:
        return _computed(question.ws, asked)
    given = asked.given
    return replace(
        found,
        given=replace(found.given, title=given.title, response=given.response),
        title=given.title or found.title,
    )


def _answer(ahead: _Ahead | None, question: _Question) -> Prepared | None:
    """Return what was computed ahead, waiting where it is nearly done; None where it answers another question."""
    if ahead is None or ahead.answer is None:
        return None
    if not ahead.answers(question):
        _drop(ahead)
        return None
    # Where another session's is still before it, computing here is sooner done.
    return None if ahead.answer.cancel() else ahead.answer.result()


def _drop(ahead: _Ahead) -> None:
    if ahead.answer is not None:
        ahead.answer.cancel()


def _computed(ws: Workspace, asked: Asked) -> Prepared:
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
            return prepare(ws, given)
        except RiskmapError as problem:
            said = as_uploaded(problem, files)
            raise RiskmapError(said.zh, said.en) from problem
