"""The values of a duty: the scenario, what happened in it, whom to call, who answered, what came of it.

They travel between the ledger, which keeps them, `prepare`, which works them out, and `present`,
which prints them. Moments are aware datetimes in UTC; the ledger writes them as ISO text.
"""

from riskmap.duty.calling import (
    CALL_STATUS,
    GAP_KINDS,
    Callee,
    CallGroup,
    CallLine,
    Callout,
    CalloutView,
    CallState,
    Gap,
)
from riskmap.duty.log import (
    BEIJING,
    EVENT_KINDS,
    Escalated,
    Event,
    NewEvent,
    Opened,
    Scenario,
    Span,
    beijing,
    standing,
)
from riskmap.duty.review import Answer, Count, Difference, Review, Shelter, Tie

__all__ = [
    "BEIJING",
    "CALL_STATUS",
    "EVENT_KINDS",
    "GAP_KINDS",
    "Answer",
    "CallGroup",
    "CallLine",
    "CallState",
    "Callee",
    "Callout",
    "CalloutView",
    "Count",
    "Difference",
    "Escalated",
    "Event",
    "Gap",
    "NewEvent",
    "Opened",
    "Review",
    "Scenario",
    "Shelter",
    "Span",
    "Tie",
    "beijing",
    "standing",
]
