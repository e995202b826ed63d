"""The values of a duty: the scenario, what happened in it, whom to call, who answered, what came of it.

They travel between the ledger, which keeps them, `prepare`, which works them out, and `present`,
which prints them. Moments are aware datetimes in UTC; the ledger writes them as ISO text.

Whom to call, what is missing, and who has answered.

What came of a duty, in figures that the log alone supports.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from riskmap.catalog import PlanAction
from riskmap.errors import Text
from riskmap.values.records import Contact
from riskmap.values.scenario import (
    Event,
    RecordedScenario,
)

ROSTER: Final = Text("值班表", "duty roster")


CallStatus = Literal["waiting", "called", "overdue", "answered", "exhausted"]


CALL_STATUS: Final[Mapping[str, Text]] = {
    "waiting": Text("待叫应", "Not called yet"),
    "called": Text("已呼叫，待应答", "Called, no answer yet"),
    "overdue": Text("超时未应答", "Overdue"),
    "answered": Text("已应答", "Answered"),
    "exhausted": Text("无人应答", "Nobody left to call"),
}


GAP_KINDS: Final[Mapping[str, Text]] = {
    "no_contacts": Text("没有联系人", "No contacts"),
    "role_vacant": Text("岗位空缺", "Role vacant"),
    "no_phone": Text("没有电话", "No phone"),
    "verification_expired": Text("核实过期", "Verification expired"),
    "unverified": Text("从未核实", "Never verified"),
    "nobody_on_duty": Text("无人值班", "Nobody on duty"),
}


@dataclass(frozen=True, slots=True)
class Shift:
    """One person of a duty roster: at a street's desk (None: the district's), from `begins` until before `ends`.

    `role` names the shift in call-out and log: another shift is another person. `leads`: of those who lead;
    `post` is what the roster calls it, `code` the record that says so.
    """

    role: str
    code: str
    desk: str | None
    post: Text
    leads: bool
    name: str | None
    phone: str | None
    unit: str | None
    begins: dt.datetime
    ends: dt.datetime

    def covers(self, moment: dt.datetime) -> bool:
        """Return whether the person is on duty at a moment: the last one belongs to the next shift."""
        return self.begins <= moment < self.ends


@dataclass(frozen=True, slots=True)
class DeskDuty:
    """Who is on duty at a desk at a moment, who leads first; nobody: `following` says when the next one begins."""

    desk: str | None
    shifts: tuple[Shift, ...] = ()
    following: dt.datetime | None = None

    @property
    def title(self) -> Text:
        """How people call the desk."""
        return desk_title(self.desk)

    @property
    def leader(self) -> Shift | None:
        """Who leads, where somebody does."""
        return next((one for one in self.shifts if one.leads), None)


def desk_title(desk: str | None) -> Text:
    """Return how people call the desk of a street, or (None) of the district."""
    if desk is None:
        return Text("区值班室", "District duty room")
    return Text(f"{desk}值班室", f"Duty room {desk}")


@dataclass(frozen=True, slots=True)
class DutyNow:
    """All desks of a roster at one moment: the district's first, streets by name."""

    desks: tuple[DeskDuty, ...]

    def of(self, desk: str | None) -> DeskDuty:
        """Return one desk; nobody where the roster does not know it."""
        return next((one for one in self.desks if one.desk == desk), DeskDuty(desk))

    @property
    def nobody(self) -> tuple[DeskDuty, ...]:
        """The desks at which nobody is on duty."""
        return tuple(one for one in self.desks if not one.shifts)

    def called(self, subdistrict: str | None) -> tuple[DeskDuty, tuple[DeskDuty, ...]]:
        """Return the desk that is called for a record, and the desks asked before at which nobody is on duty.

        The desk of its street, where somebody is on duty there; else the district's. A desk without a roster is not
        asked.
        """
        own = [one for one in self.desks if one.desk is not None and one.desk == subdistrict]
        asked = (*own, *(one for one in self.desks if one.desk is None))
        at = next((i for i, one in enumerate(asked) if one.shifts), len(asked))
        return asked[at] if at < len(asked) else DeskDuty(None), asked[:at]


@dataclass(frozen=True, slots=True)
class CalloutGap:
    """What is missing before it is needed: `kind` of GAP_KINDS, the role it concerns, in words."""

    kind: str
    role: str
    text: Text


@dataclass(frozen=True, slots=True)
class Callee:
    """A person to call: `number` from 1 in the order of calling; `callable` where there is a number to dial.

    `source`: of whom the duty roster names, what names them; their role is that of their shift. `ahead`: how many
    such persons are called before.
    """

    number: int
    title: Text
    contact: Contact
    callable: bool
    source: Text | None = None
    ahead: int = 0

    @property
    def place(self) -> int:
        """The number as the log keeps it, which the next shift does not move: among those of the same source."""
        return self.number - self.ahead


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
    causes: tuple[Text, ...]
    callees: tuple[Callee, ...]
    gaps: tuple[CalloutGap, ...]
    actions: tuple[PlanAction, ...]
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

    `masked`: names and phones of the callees are masked. `notes` on paper: drill and demo data. `duty`: who is on
    duty at that moment; None where no roster is kept.
    """

    scenario: RecordedScenario
    callout: Callout
    states: Mapping[int, CallState]
    now: dt.datetime
    minutes: float
    layer_titles: Mapping[str, Text]
    done: Mapping[int, tuple[str, ...]] = field(default_factory=dict[int, tuple[str, ...]])
    district: str = ""
    demo: bool = False
    masked: bool = True
    duty: DutyNow | None = None


@dataclass(frozen=True, slots=True)
class Tie:
    """A warning and the response that answered it; one of the two is None where the other stands alone.

    `stated`: a person tied them; otherwise the rule of `prepare.review` did.
    """

    warning: Event | None
    response: Event | None
    stated: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """One record of the call-out: its state at the end, and the minutes to the answer where known."""

    layer: str
    code: str
    name: str | None
    subdistrict: str | None
    status: str
    after: float | None


@dataclass(frozen=True, slots=True)
class Shelter:
    """A shelter that was opened or closed: `name` as logged, and when.

    `opened` None: it stood open before the log began; `closed` None: it is still open.
    """

    name: str
    subdistrict: str | None
    opened: dt.datetime | None
    closed: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Count:
    """A figure by sub-district; "" stands for what names none. `total` is counted on its own."""

    total: int
    by_subdistrict: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ReviewDifference:
    """Two ways to one figure that disagree."""

    what: Text
    expected: int
    found: int


@dataclass(frozen=True, slots=True)
class Review:
    """The figures of the after-action report at a moment `until`.

    `median` and `p90` are minutes from the first call to the answer over the answers whose call was
    logged, None where there are none. `uncounted`: answers without a logged call. `calls` counts
    logged calls, `messages` messages by their last status.
    """

    scenario: RecordedScenario
    until: dt.datetime
    events: int
    corrections: int
    ties: tuple[Tie, ...]
    moved: Count
    shelters: tuple[Shelter, ...]
    new_spots: tuple[Event, ...]
    answers: tuple[Answer, ...]
    median: float | None
    p90: float | None
    uncounted: int
    calls: int
    actions_done: int
    messages: Mapping[str, int]
    differences: tuple[ReviewDifference, ...]
    unclear: tuple[Event, ...] = ()
    layer_titles: Mapping[str, Text] = field(default_factory=dict[str, Text])
    district: str = ""
    demo: bool = False

    @property
    def warnings(self) -> int:
        """How many warnings were logged."""
        return sum(t.warning is not None for t in self.ties)

    @property
    def responses(self) -> int:
        """How many responses were logged; one may answer several warnings."""
        return len({t.response.id for t in self.ties if t.response is not None})

    @property
    def opened(self) -> int:
        """How many shelters were opened."""
        return sum(s.opened is not None for s in self.shelters)

    @property
    def closed(self) -> int:
        """How many shelters were closed and did not open again."""
        return sum(s.closed is not None for s in self.shelters)

    @property
    def tied(self) -> int:
        """How many warnings have their response."""
        return sum(t.warning is not None and t.response is not None for t in self.ties)

    @property
    def unanswered(self) -> tuple[Answer, ...]:
        """Records of which nobody has answered."""
        return tuple(a for a in self.answers if a.status != "answered")

    @property
    def adds_up(self) -> bool:
        """Whether the totals agree."""
        return not self.differences
