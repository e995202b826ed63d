"""What a register's records go through (`[flow]`) and what must hold of every record (`[[laws]]`), as a file states it.

A flow is states and named moves between them; its state is a choice field of the layer, `state`, that
nothing but a move changes. A deadline is a stated day; it runs while the state is neither closed nor a pause.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field as Key
from pydantic import StringConstraints

from riskmap.catalog.model import Condition
from riskmap.catalog.problems import Items, Part, Slug, Title, Words

STATE: Final = "state"
"""The id of the field that holds the state."""


OVERDUE: Final = "overdue"
"""What a law or a condition calls the days since the deadline: of a record whose deadline runs, else nothing."""


CLOSED: Final = "closed"
"""What a condition calls whether a record of a flow is done; false of one that is open in any state."""


CONTACT: Final = "contact:"
"""What stands before the id of a contact role where persons are named."""


TODAY: Final = re.compile(r"(?:today|今天|今日)(?:\s*([+-])\s*(\d{1,5}))?")
"""A day by its distance from the day on which it is asked: today, today+7, today-90."""


STATED_ASIDE: Final = ("on", "why")
"""What a move may ask for beside fields: the day it happened, and the reason."""


Day = Annotated[str, StringConstraints(pattern=r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$")]


Desk = Literal["viewer", "editor", "dispatcher", "acceptor", "duty", "admin"]


class FlowState(Part):
    """One of `states`. `closed`: done; `pause`: no deadline runs; `desk`: whose work it is, a role or contact:ROLE."""

    id: Slug
    title: Title
    aliases: Items[Words] = ()
    closed: bool = False
    pause: bool = False
    desk: Words | None = None

    @property
    def runs(self) -> bool:
        """Whether a deadline runs in it."""
        return not (self.closed or self.pause)


class Move(Part):
    """One of `moves`, from any of some states to one.

    `asks`: fields, on or why that are stated in this very move; `needs`: fields that stand on the record
    after it. `other_than`: moves that somebody else made, and contact:ROLE of who may not make it. `sets`:
    field → what it takes over (on, why); `clears`: fields that it empties. `makes`: ids of the layer's `makes`, of the
    records that it makes in the same changeset.
    """

    id: Slug
    title: Title
    from_: Items[Slug] = Key(validation_alias="from", min_length=1)
    to: Slug
    who: Items[Desk] = ()
    asks: Items[Words] = ()
    needs: Items[Words] = ()
    other_than: Items[Words] = ()
    sets: Mapping[Slug, Literal["on", "why"]] = Key(default_factory=dict[str, Literal["on", "why"]])
    clears: Items[Slug] = ()
    makes: Items[Slug] = ()


class Reminder(Part):
    """One of `reminders`: whom to tell so many days after the deadline, and what the record is called from then."""

    after_days: int = Key(ge=0, le=3660)
    to: Words
    mark: Title | None = None


class Flow(Part):
    """`[flow]`. `found`: field of the day, or the moment, a record was found; `due`: of its deadline.

    `takeover`: what arrives closed, closed by this day, was closed before the register came here.
    """

    start: Slug
    found: Slug
    due: Slug = "due"
    takeover: Day | None = None
    states: Items[FlowState] = Key(min_length=2)
    moves: Items[Move] = Key(min_length=1)
    reminders: Items[Reminder] = ()

    # Asked for every row of a file, and made of states and moves alone: a copy with another `takeover` may share them.
    @cached_property
    def states_by_id(self) -> Mapping[str | None, FlowState]:
        """The states by their ids."""
        return {one.id: one for one in self.states}

    @cached_property
    def days_by_state(self) -> Mapping[str, str]:
        """State → the field that holds the day of the move into it, where a move sets one."""
        found: dict[str, str] = {}
        for move in self.moves:
            for field, source in move.sets.items():
                if source == "on":
                    found.setdefault(move.to, field)
        return found

    @cached_property
    def second_person_awaited(self) -> frozenset[str]:
        """The states out of which a move leads that another person makes."""
        return frozenset(state for move in self.moves if move.other_than for state in move.from_)

    @cached_property
    def _marks(self) -> tuple[Reminder, ...]:
        marking = [one for one in self.reminders if one.mark is not None]
        return tuple(sorted(marking, key=lambda one: one.after_days, reverse=True))

    def mark(self, days: int) -> Title | None:
        """Return what a record is called so many days after its deadline, None where no reminder says."""
        return next((one.mark for one in self._marks if days >= one.after_days), None)

    def state(self, state_id: str | None) -> FlowState | None:
        """Return the state with this id, None where there is none."""
        return self.states_by_id.get(state_id)

    def move(self, before: str | None, to: str) -> Move | None:
        """Return the move between two states, None where none is declared."""
        return next((one for one in self.moves if one.to == to and before in one.from_), None)

    def runs(self, state_id: str | None) -> bool:
        """Whether a deadline runs in a state; False for one that is none."""
        state = self.state(state_id)
        return state is not None and state.runs

    def is_closed(self, state_id: str | None) -> bool:
        """Whether a state is closed; False for one that is none."""
        state = self.state(state_id)
        return state is not None and state.closed

    @cached_property
    def kept(self) -> tuple[str, ...]:
        """The fields that nothing but a move changes: the state, and what moves set."""
        return (STATE, *dict.fromkeys(field for move in self.moves for field in move.sets))

    def day_of(self, state_id: str) -> str | None:
        """Return the field that holds the day of the move into a state, None where no move sets one."""
        return self.days_by_state.get(state_id)

    def chains(self, before: str, to: str) -> Iterator[tuple[Move, ...]]:
        """Yield the chains of moves from one state to another that pass no state twice, the shortest first."""
        waiting: deque[tuple[tuple[Move, ...], tuple[str, ...]]] = deque([((), (before,))])
        while waiting:
            chain, passed = waiting.popleft()
            if passed[-1] == to and chain:
                yield chain
                continue
            for move in self.moves:
                if passed[-1] in move.from_ and (move.to not in passed):
                    waiting.append(((*chain, move), (*passed, move.to)))

    def reachable(self) -> frozenset[str]:
        """Return the states that moves lead to from the start, the start among them."""
        met = {self.start}
        while more := {move.to for move in self.moves if met & set(move.from_)} - met:
            met |= more
        return frozenset(met)


class LawCondition(Condition):
    """A condition of a law: of a field, with a `value`, or `than` another field, today, today+7, today-90."""

    field: Words = Key(default=...)
    node: ClassVar[str] = ""  # pyright: ignore[reportIncompatibleVariableOverride] - no key of the file
    op: Literal["==", "!=", "<", "<=", ">", ">=", "in", "present", "missing"]  # pyright: ignore[reportIncompatibleVariableOverride] - fewer


class Law(LawCondition):
    """One of [[laws]]: where all of `when` holds, so does the law; `otherwise` says what becomes of what breaks it.

    What is not known breaks no comparison; `op = "present"` asks for it. `title`: what is to be said.
    """

    id: Slug
    when: Items[LawCondition] = ()
    otherwise: Literal["reject", "hold", "warn"] = Key(default="reject", validation_alias="else")
    title: Title | None = None
