"""Whom to call, what is missing, and who has answered."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from riskmap.catalog import Action
from riskmap.duty.log import Scenario
from riskmap.errors import Say
from riskmap.records import Contact

CallStatus = Literal["waiting", "called", "overdue", "answered", "exhausted"]
CALL_STATUS: Final[Mapping[str, Say]] = {
    "waiting": Say("待叫应", "Not called yet"),
    "called": Say("已呼叫，待应答", "Called, no answer yet"),
    "overdue": Say("超时未应答", "Overdue"),
    "answered": Say("已应答", "Answered"),
    "exhausted": Say("无人应答", "Nobody left to call"),
}

GAP_KINDS: Final[Mapping[str, Say]] = {
    "no_contacts": Say("没有联系人", "No contacts"),
    "role_vacant": Say("岗位空缺", "Role vacant"),
    "no_phone": Say("没有电话", "No phone"),
    "verification_expired": Say("核实过期", "Verification expired"),
    "unverified": Say("从未核实", "Never verified"),
}


@dataclass(frozen=True, slots=True)
class Gap:
    """What is missing before it is needed: `kind` of GAP_KINDS, the role it concerns, in words."""

    kind: str
    role: str
    text: Say


@dataclass(frozen=True, slots=True)
class Callee:
    """A person to call: `number` from 1 in the order of calling; `callable` False without a phone."""

    number: int
    title: Say
    contact: Contact

    @property
    def callable(self) -> bool:
        """Whether there is a number to dial."""
        return bool(self.contact.phone)


@dataclass(frozen=True, slots=True)
class CallLine:
    """One record of a call-out: why, from when, whom to call in which order, what to do, what is missing.

    `start` is the earliest and `expiry` the latest of its escalations, `rank_to` the worst; every
    cause is kept, worst first. `own_plan` is the record's own (一点一策); where it replaces the
    layer's plan `actions` is empty.
    """

    feature_id: int
    layer: str
    code: str
    name: str | None
    subdistrict: str | None
    rank_from: int
    rank_to: int
    start: dt.datetime
    expiry: dt.datetime
    causes: tuple[Say, ...]
    callees: tuple[Callee, ...]
    gaps: tuple[Gap, ...]
    actions: tuple[Action, ...]
    own_plan: str = ""


@dataclass(frozen=True, slots=True)
class CallGroup:
    """The lines of one sub-district, worst and soonest first; None where the records name none."""

    subdistrict: str | None
    lines: tuple[CallLine, ...]


@dataclass(frozen=True, slots=True)
class Callout:
    """Everybody to call, by sub-district; `since` when the calling should have begun."""

    since: dt.datetime
    groups: tuple[CallGroup, ...]

    @property
    def lines(self) -> tuple[CallLine, ...]:
        """All lines, group after group."""
        return tuple(line for group in self.groups for line in group.lines)


@dataclass(frozen=True, slots=True)
class CallState:
    """Where the calling of one record stands at a moment, from the log alone.

    `callee` was called last (answered: has answered), at `called_at`; `answered_at`, and `after`
    minutes since the first call (None: no call was logged). `next` is to be called next, `due` by
    when: the moment the present wait ends. `overdue` also where nobody was called in time.
    """

    feature_id: int
    status: CallStatus
    callee: int | None = None
    role: str = ""
    called_at: dt.datetime | None = None
    first_called_at: dt.datetime | None = None
    answered_at: dt.datetime | None = None
    after: float | None = None
    next: int | None = None
    due: dt.datetime | None = None
    overdue: bool = False


@dataclass(frozen=True, slots=True)
class CalloutView:
    """A call-out as it is shown: the scenario, the moment, the minutes to answer, the states by record.

    `masked`: names and phones of the callees are masked. `notes` on paper: drill and demo data.
    """

    scenario: Scenario
    callout: Callout
    states: Mapping[int, CallState]
    now: dt.datetime
    minutes: float
    layer_titles: Mapping[str, Say]
    done: Mapping[int, tuple[str, ...]] = field(default_factory=dict[int, tuple[str, ...]])
    district: str = ""
    demo: bool = False
    masked: bool = True
