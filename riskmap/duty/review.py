"""What came of a duty, in figures that the log alone supports."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from riskmap.duty.log import Event, Scenario
from riskmap.errors import Say


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
class Difference:
    """Two ways to one figure that disagree."""

    what: Say
    expected: int
    found: int


@dataclass(frozen=True, slots=True)
class Review:
    """The figures of the after-action report at a moment `until`.

    `median` and `p90` are minutes from the first call to the answer over the answers whose call was
    logged, None where there are none. `uncounted`: answers without a logged call. `calls` counts
    logged calls, `messages` messages by their last status.
    """

    scenario: Scenario
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
    differences: tuple[Difference, ...]
    unclear: tuple[Event, ...] = ()
    layer_titles: Mapping[str, Say] = field(default_factory=dict[str, Say])
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
