"""Long actions of the pages, each in a thread of its own: what it does, how far it is, how it is stopped, what came of it.

An action belongs to the browser session that began it: nobody else sees or stops it, and it goes on while that person
looks at other pages or closes the tab.
"""

from __future__ import annotations

import logging
import secrets
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock
from typing import Any, Final, Literal

from riskmap.errors import RiskmapError, Text
from riskmap.io.files.atomic import refusal
from riskmap.progress import Cancelled, Progress

_AT_ONCE: Final = 4  # actions of all sessions together; others wait for their turn


_KEPT_S: Final = 30 * 60  # how long what came of an action can be fetched


_MOST: Final = 20  # of one session


_log = logging.getLogger(__name__)


class Watch:
    """Where an action says how far it is, 0–1, and what it does; whoever looks may ask it to stop."""

    def __init__(self) -> None:
        self.share, self.what = 0.0, Text("", "")
        self._asked = Event()

    @property
    def progress(self) -> Progress:
        """What the action is given."""
        return Progress(self._tell, self._asked.is_set)

    def _tell(self, share: float, what: Text) -> None:
        self.share, self.what = share, what

    def stop(self) -> None:
        """Ask the action to stop; it does so at its next step, unless something of it is written by then."""
        self._asked.set()

    @property
    def stopping(self) -> bool:
        """Whether it was asked to stop."""
        return self._asked.is_set()


@dataclass(frozen=True, slots=True)
class File:
    """A file that an action made: its name for the person, and what gives its content, until a moment (monotonic s)."""

    name: str
    content: Callable[[], bytes | Path]
    until: float
    dropped: Callable[[], object] = lambda: None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an action: a sentence (a key of our texts with its values), and perhaps a file.

    `state` goes into the session of the page that began it, once.
    """

    said: str
    values: Mapping[str, object] = field(default_factory=dict)
    tone: Literal["success", "warning"] = "success"
    file: File | None = None
    state: Mapping[str, Any] = field(default_factory=dict)


Act = Callable[[Progress], Outcome]


@dataclass(frozen=True, eq=False)
class LongAction:
    """One action under way or over. `kind` says what it is: `running_<kind>` of our texts, filled with `values`.

    `tab` names where in the browser it was begun. It is `shown` once its page waits for it no longer: what is over
    before never is, not even for a moment.
    """

    kind: str
    values: Mapping[str, object]
    tab: str = ""
    watch: Watch = field(default_factory=Watch)
    shown: Event = field(default_factory=Event)
    name: str = field(default_factory=lambda: secrets.token_urlsafe(9))
    began: float = field(default_factory=time.monotonic)
    _future: Future[Outcome] = field(default_factory=Future[Outcome])

    def start(self, pool: ThreadPoolExecutor, act: Act) -> None:
        """Begin as soon as it is its turn."""
        pool.submit(self._run, act)

    def _run(self, act: Act) -> None:
        try:
            self.watch.progress.step(0, 1, self.watch.what)
            self._future.set_result(act(self.watch.progress))
        except BaseException as problem:  # noqa: BLE001 - also Cancelled; whoever looks is told
            self._future.set_exception(problem)
            if not isinstance(problem, Cancelled | RiskmapError):
                _log.exception("action %s", self.kind)

    def wait(self, seconds: float | None) -> bool:
        """Wait so long at most, None until it is over; return whether it is over."""
        return bool(wait_for([self._future], seconds).done)

    @property
    def over(self) -> bool:
        """Whether there is nothing more to come."""
        return self._future.done()

    @property
    def cancelled(self) -> bool:
        """Whether it was stopped and nothing is written."""
        return isinstance(self._problem, Cancelled)

    @property
    def refused(self) -> RiskmapError | None:
        """Why it could not be done; None where it could, or where a person must look into the log."""
        problem = self._problem
        if isinstance(problem, OSError):  # a full disk, a file without rights: the cause and the remedy
            return refusal(str(problem.filename or tempfile.gettempdir()), problem)
        return problem if isinstance(problem, RiskmapError) else None

    @property
    def outcome(self) -> Outcome | None:
        """What came of it; None while it runs and where nothing did."""
        return self._future.result() if self.over and self._problem is None else None

    @property
    def file(self) -> File | None:
        """The file that it made, while it can be fetched."""
        made = self.outcome.file if self.outcome else None
        return made if made is not None and made.until > time.monotonic() else None

    @property
    def _problem(self) -> BaseException | None:
        return self._future.exception() if self.over else None


class LongActions:
    """The actions of all sessions."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._of: dict[str, list[LongAction]] = {}
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="long-action")
        self._lock, self._clock = Lock(), clock

    def begin(self, owner: str, kind: str, act: Act, *, tab: str = "", **values: object) -> LongAction:
        """Begin an action for a session."""
        action = LongAction(kind, values, tab, began=self._clock())
        with self._lock:
            mine = self._of.setdefault(owner, [])
            mine.append(action)
            old = [one for one in mine if one.over][:-_MOST]
        for one in old:
            self.forget(owner, one)
        action.start(self._pool, act)
        return action

    def of(self, owner: str) -> list[LongAction]:
        """Return the actions of a session, the first begun first; those that were over long ago are let go."""
        with self._lock:
            mine = list(self._of.get(owner, ()))
        for one in mine:
            if one.over and self._clock() - one.began > _KEPT_S:
                self.forget(owner, one)
        with self._lock:
            return list(self._of.get(owner, ()))

    def named(self, owner: str, name: str) -> LongAction | None:
        """Return an action of a session; None where it is gone or another's."""
        return next((one for one in self.of(owner) if one.name == name), None)

    def forget(self, owner: str, action: LongAction) -> None:
        """Let go of an action that is over, and of its file."""
        with self._lock:
            mine = self._of.get(owner, [])
            if action in mine:
                mine.remove(action)
            if not mine:
                self._of.pop(owner, None)
        if action.outcome is not None and action.outcome.file is not None:
            action.outcome.file.dropped()

    def stop_all(self) -> None:
        """Ask every action to stop and let go of every file: the server ends."""
        with self._lock:
            every = [(owner, one) for owner, mine in self._of.items() for one in mine]
        for owner, one in every:
            one.watch.stop()
            if one.over:
                self.forget(owner, one)


long_actions: Final = LongActions()
