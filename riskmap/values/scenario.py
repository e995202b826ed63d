"""The scenario, what it raises, and the log of what happened in it.

What the triggers of a layer found: raised tiers, closures, and what could not be told.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from riskmap.errors import Text
from riskmap.moments import BEIJING
from riskmap.values.hazards import Escalation

EVENT_KINDS: Final[Mapping[str, Text]] = {
    "warning": Text("预警", "Warning"),
    "response": Text("启动应急响应", "Response"),
    "response_end": Text("结束应急响应", "Response ended"),
    "call": Text("叫应", "Call"),
    "acknowledgement": Text("应答", "Acknowledgement"),
    "no_answer": Text("未接通", "No answer"),
    "action_done": Text("措施落实", "Action done"),
    "opening": Text("开放避难场所", "Shelter opened"),
    "closure": Text("关闭避难场所", "Shelter closed"),
    "moved": Text("转移人员", "People moved"),
    "new_spot": Text("新增积水点", "New waterlogging spot"),
    "note": Text("记事", "Note"),
    "correction": Text("更正", "Correction"),
    "message": Text("消息", "Message"),
}


@dataclass(frozen=True, slots=True)
class RecordedScenario:
    """What was computed and put on record: `at` the moment it was computed for, `recorded` when.

    `body`: names and digests of what was loaded (track, rain, warnings), the model, as JSON.
    """

    id: int
    title: str
    drill: bool
    at: dt.datetime
    body: Mapping[str, Any]
    changeset: int
    recorded: dt.datetime
    who: str
    why: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """An escalation with what only the ledger knows of its record.

    `version` is the record's version that was judged, `name` and `subdistrict` are as of it; `plan` the
    text or the file name of its own plan (一点一策), empty where it has none.
    """

    escalation: Escalation
    feature_id: int
    version: int = 0
    name: str | None = None
    subdistrict: str | None = None
    plan: str = ""


@dataclass(frozen=True, slots=True)
class OpenedScenario:
    """A scenario as it was just put on record, with what it raises in the order of writing."""

    scenario: RecordedScenario
    raised: tuple[Recorded, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the log. `at` when it happened, `recorded` when it was written down, by `who`.

    `feature_id` with `layer` and `code` is the record it is about, None where it is about none.
    What `body` holds depends on the kind, see docs/duty.md.
    """

    id: int
    scenario: int
    at: dt.datetime
    recorded: dt.datetime
    who: str
    why: str
    kind: str
    feature_id: int | None = None
    layer: str | None = None
    code: str | None = None
    subdistrict: str | None = None
    body: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to be written: the ledger adds its number and the moment of writing."""

    at: dt.datetime
    kind: str
    layer: str | None = None
    code: str | None = None
    subdistrict: str | None = None
    body: Mapping[str, Any] = field(default_factory=dict[str, Any])


def standing(events: Iterable[Event]) -> list[Event]:
    """Return the events that no correction takes back, in the order of time; corrections are left out.

    A correction that is itself corrected takes nothing back. Events of one moment stand in a fixed
    order (kind as in EVENT_KINDS, then number), so the order in which they come does not matter.
    """
    found = list(events)
    undone: set[int] = set()
    # Backwards: whether a later correction stands is known before what it corrects is looked at.
    for event in sorted((e for e in found if e.kind == "correction"), key=lambda e: -e.id):
        corrected = event.body.get("corrects")
        if event.id not in undone and isinstance(corrected, int) and corrected < event.id:
            undone.add(corrected)
    left = [e for e in found if e.id not in undone and e.kind != "correction"]
    return sorted(left, key=lambda e: (e.at, _KIND_ORDER.get(e.kind, len(_KIND_ORDER)), e.id))


_ORDER: Final[Sequence[str]] = tuple(EVENT_KINDS)


# A person who is called and does not answer and then answers, all within one second, has answered.
_SAME_MOMENT: Final[Sequence[str]] = ("call", "no_answer", "acknowledgement")


_KIND_ORDER: Final[Mapping[str, int]] = {
    kind: place for place, kind in enumerate([*_SAME_MOMENT, *(k for k in _ORDER if k not in _SAME_MOMENT)])
}


def beijing(moment: dt.datetime) -> str:
    """Return a moment as people on duty read it: Beijing time, to the minute."""
    return f"{moment.astimezone(BEIJING):%Y-%m-%d %H:%M}"


Why = Literal["driver", "field"]


@dataclass(frozen=True, slots=True)
class Closure:
    """A record (a shelter) that may not be used from `start` to `expiry`, UTC, and why."""

    layer: str
    code: str
    trigger: str
    cause: Text
    start: dt.datetime
    expiry: dt.datetime
    value: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")


@dataclass(frozen=True, slots=True, eq=False)
class UnknownRows:
    """Records whose tier may depend on a trigger that could not be told: unknown is never safe.

    `rows` ascending, int64; `hours`: at how many of the given times it could not be told. `why`:
    "driver" (no value there) or "field" (a field of the record that the trigger asks for);
    `names` says which.
    """

    trigger: str
    why: Why
    names: tuple[str, ...]
    rows: NDArray[np.int64]
    hours: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class TriggerResult:
    """`escalations` raise; `reached` name records whose trigger was reached although their own tier is
    as high already (`rank_from` = `rank_to`): they are in danger all the same. `skipped`: ids of triggers
    whose driver was not given at all.
    """

    escalations: tuple[Escalation, ...] = ()
    reached: tuple[Escalation, ...] = ()
    unknown: tuple[UnknownRows, ...] = ()
    closed: tuple[Closure, ...] = ()
    skipped: tuple[str, ...] = ()
