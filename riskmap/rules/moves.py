"""May this record make this move: one verdict for a form, a file and a command. Pure: nothing is read or written.

`judge_move` compares what is stated with what the move asks, what stands on the record afterwards with what
it needs, the person with those who made the moves before, and the day with the days before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from riskmap.catalog.flow import CONTACT, STATE, Flow, Move
from riskmap.catalog.layer import Layer
from riskmap.errors import RiskmapError, Text
from riskmap.moments import day_kept
from riskmap.rules.permissions import Actor
from riskmap.values.attachments import files_key
from riskmap.values.records import CLEAR, Contact

Weight = Literal["reject", "hold", "warn"]


IMPORTER: Final = ""
"""Who moves what a file moves: the first person, whoever it is; a second one accepts."""


MOVED: Final = ("move", "takeover", "insert")
"""What made a revision that says who brought a record into its state."""


ASIDE: Final[Mapping[str, Text]] = {"on": Text("办理日期", "the day"), "why": Text("原因", "the reason")}


@dataclass(frozen=True, slots=True)
class Objection:
    """What speaks against a write: the rule, the field it is about, and what becomes of a row of a file."""

    rule: str
    field: str
    message: Text
    weight: Weight = "reject"


def role_lacking(actor: Actor, move: Move) -> Objection | None:
    """Return what speaks against an actor who has none of the roles that make a move (`who`), None where nothing does.

    Without sign-in nobody has roles of their own: whoever sits at the machine may make every move.
    """
    if not move.who or actor.roles is None or not actor.roles.isdisjoint(move.who):
        return None
    roles = ", ".join(move.who)
    return Objection(
        "not_allowed",
        STATE,
        Text(
            f"“{move.title.zh}”由 {roles} 办理，{actor.name} 没有这个角色",
            f"“{move.title.en}” is made by {roles}, and {actor.name} has no such role",
        ),
    )


@dataclass(frozen=True, slots=True)
class Ticket:
    """A record of a flow as it stands: `happened` is the day of its last move, `made` move id → who made it last.

    Among `values` are the files that hang on it, by `files_key` of their field.
    """

    state: str
    values: Mapping[str, Any]
    happened: str | None = None
    contacts: Sequence[Contact] = ()
    made: Mapping[str, str] = field(default_factory=dict[str, str])

    def has(self, name: str) -> bool:
        """Tell whether something stands on the record under the id of a field, of files too."""
        return _has(self.values, name)


@dataclass(frozen=True, slots=True)
class Stated:
    """What is stated in a move: fields (CLEAR erases), files by `files_key` of theirs, the day, the reason."""

    values: Mapping[str, Any]
    on: str | None = None
    why: str = ""

    def has(self, name: str) -> bool:
        """Tell whether something is stated under a name that a move may ask for."""
        if name in ASIDE:
            return bool(self.on if name == "on" else self.why.strip())
        return _has(self.values, name)


def _has(values: Mapping[str, Any], name: str) -> bool:
    return any(values.get(key) not in (None, "", CLEAR) for key in (name, files_key(name)))


def day_found(flow: Flow, values: Mapping[str, Any]) -> str | None:
    """Return the day, ISO, on which a record was found, of a moment that in Beijing; None where it is not known."""
    found = values.get(flow.found)
    return day_kept(found) if isinstance(found, str) else None


def made_by(flow: Flow, past: Iterable[tuple[str, str | None, str]]) -> dict[str, str]:
    """Return move id → who made it last, from the revisions of a record: (what made it, state, who), oldest first.

    Who brought a record in counts for every move into the state in which it came.
    """
    made: dict[str, str] = {}
    before: str | None = None
    for op, state, who in past:
        if op in MOVED and state is not None:
            made |= dict.fromkeys(_between(flow, before if op == "move" else None, state), who)
        before = state
    return made


def _between(flow: Flow, before: str | None, state: str) -> list[str]:
    if before is None:
        return [move.id for move in flow.moves if move.to == state]
    if (move := flow.move(before, state)) is not None:
        return [move.id]
    return [move.id for move in next(flow.chains(before, state), ())]


def move_named(flow: Flow, state: str, word: str) -> Move | None:
    """Return the move that a word means from a state: a move's id or title, a state's id, title or alias."""
    for move in flow.moves:
        if word in (move.id, move.title.zh, move.title.en) and state in move.from_:
            return move
    for one in flow.states:
        if word in (one.id, one.title.zh, one.title.en, *one.aliases):
            return flow.move(state, one.id)
    return None


def no_such_move(flow: Flow, state: str, word: str) -> Objection:
    """Return the objection against a move that there is not, with those that there are."""
    ways = [move for move in flow.moves if state in move.from_]
    here = flow.state(state)
    zh, en = (here.title.zh, here.title.en) if here else (state, state)
    return Objection(
        "no_such_move",
        STATE,
        Text(
            f"“{zh}”不能“{word}”；可以：{'、'.join(move.title.zh for move in ways) or '没有下一步'}",
            f"there is no “{word}” from “{en}”; there is: {', '.join(move.title.en for move in ways) or 'no move'}",
        ),
    )


def judge_move(
    layer: Layer, before: Ticket, move: Move, stated: Stated, *, by: str, today: str
) -> list[Objection]:
    """Return everything that speaks against a move of a record, () where nothing does.

    `today` and `stated.on`: ISO days. The day of the move is `on`, else today.
    """
    flow = flow_of(layer)
    if before.state not in move.from_:
        return [no_such_move(flow, before.state, move.title.zh)]
    after = after_move(before, move, stated, today=today)
    return [
        *_days(layer, before, after, today),
        *_lacking(layer, move, stated, after),
        *_same_person(layer, flow, before, move, by),
    ]


def after_move(before: Ticket, move: Move, stated: Stated, *, today: str) -> Ticket:
    """Return the record as it stands after a move, whether or not it is lawful."""
    on = stated.on or today
    gone = {*move.clears, *map(files_key, move.clears)}
    values = {key: value for key, value in before.values.items() if key not in gone}
    for key, value in stated.values.items():
        if value is CLEAR:
            values.pop(key, None)
        elif value is not None:
            values[key] = value
    values |= {key: on if source == "on" else stated.why for key, source in move.sets.items()}
    values[STATE] = move.to
    return Ticket(move.to, values, on, before.contacts, before.made)


def judge_chain(
    layer: Layer, before: Ticket, chain: Sequence[Move], stated: Stated, *, by: Sequence[str], today: str
) -> list[Objection]:
    """Return what speaks against moves made one after the other on one day, each by its person of `by`."""
    said: list[Objection] = []
    for move, who in zip(chain, by, strict=True):
        said += judge_move(layer, before, move, stated, by=who, today=today)
        after = after_move(before, move, stated, today=today)
        before = Ticket(
            after.state,
            after.values,
            after.happened,
            after.contacts,
            {**before.made, move.id: who},
        )
    return list(dict.fromkeys(said))


def best_chain(
    layer: Layer, before: Ticket, to: str, stated: Stated, *, by: Sequence[str], today: str
) -> tuple[tuple[Move, ...], list[Objection]]:
    """Return the shortest chain of moves to a state against which nothing speaks, and what speaks against it.

    Where something speaks against all, the shortest; where there is none, () and `no_such_move`. `by`: who
    makes all moves but the last, and who the last one.
    """
    first: tuple[tuple[Move, ...], list[Objection]] | None = None
    flow = flow_of(layer)
    for chain in flow.chains(before.state, to):
        people = [*[by[0]] * (len(chain) - 1), by[-1]]
        said = judge_chain(layer, before, chain, stated, by=people, today=today)
        if not said:
            return chain, []
        first = first or (chain, said)
    if first is not None:
        return first
    state = flow.state(to)
    return (), [no_such_move(flow, before.state, state.title.zh if state else to)]


def judge_arrival(layer: Layer, arrived: Ticket, *, first: str, by: str, today: str) -> list[Objection]:
    """Return what speaks against a record that arrives in a state; `first` brings it, `by` accepts it.

    One that arrives closed was closed elsewhere by the flow's takeover day; else somebody else than who
    brings it accepts it, and what a move into that state needs has to stand on it.
    """
    flow = flow_of(layer)
    state, day_field = arrived.state, flow.day_of(arrived.state)
    day = arrived.values.get(day_field or "") or day_found(flow, arrived.values)
    on = None if day is None else str(day)
    if not flow.is_closed(state):
        stated = [name for name in flow.kept if name != STATE and arrived.values.get(name) not in (None, "")]
        return [_open_with(layer, state, name) for name in stated]
    stand = Ticket(state, arrived.values, on)
    said = [] if on is None else list(_days(layer, stand, stand, today))
    if on is not None and flow.takeover is not None and on <= flow.takeover:
        return said
    said.append(
        Objection(
            "arrives_closed",
            STATE,
            Text(
                f"来时已办结（{on or '没有日期'}），不在接管日 {flow.takeover or '（未设）'} 之前；要由另一人核对后接受，"
                "或在图层文件的 [flow] 或 workspace.toml 的 [registers] 写明 takeover",
                f"arrives closed ({on or 'no day'}), not by the day of takeover, {flow.takeover or 'none'}; "
                "somebody else has to accept it, or takeover is stated in [flow] of the layer file or in [registers] "
                "of workspace.toml",
            ),
            "hold",
        )
    )
    made = {move.id: first for move in flow.moves}
    before = Ticket(state, arrived.values, None, arrived.contacts, made)
    for move in flow.moves:
        if move.to == state:
            said += _lacking(layer, move.model_copy(update={"asks": ()}), Stated({}), before)
            said += _same_person(layer, flow, before, move, by)
    return list(dict.fromkeys(said))


def _open_with(layer: Layer, state: str, name: str) -> Objection:
    title, here = layer.field(name).title, flow_of(layer).state(state)
    zh, en = (here.title.zh, here.title.en) if here else (state, state)
    return Objection(
        "no_such_move",
        name,
        Text(f"状态是“{zh}”，却有{title.zh}", f"the state is “{en}”, and yet “{title.en}” is stated"),
    )


def flow_of(layer: Layer) -> Flow:
    """Return the flow of a layer; RiskmapError where its file states none."""
    if layer.flow is None:
        raise RiskmapError(
            f"{layer.title.zh}：图层文件没有 [flow]，没有可办理的步骤",
            f"{layer.title.en}: the layer file states no [flow], there is nothing to move",
        )
    return layer.flow


def _days(layer: Layer, before: Ticket, after: Ticket, today: str) -> Iterator[Objection]:
    """Yield what is wrong with the day of a move, or with the day found that is stated in it."""
    flow, on = flow_of(layer), str(after.happened)
    if on > today:
        yield Objection(
            "in_future",
            "on",
            Text(f"办理日期 {on} 晚于今天 {today}", f"the day {on} lies after today, {today}"),
        )
    found = day_found(flow, after.values)
    if found is not None and on < found:
        title = layer.field(flow.found).title
        yield Objection(
            "before",
            "on",
            Text(f"办理日期 {on} 早于{title.zh} {found}", f"the day {on} lies before “{title.en}” {found}"),
        )
    elif before.happened is not None and on < before.happened:
        yield Objection(
            "before",
            "on",
            Text(
                f"办理日期 {on} 早于上一步的 {before.happened}",
                f"the day {on} lies before that of the move before, {before.happened}",
            ),
        )


def _lacking(layer: Layer, move: Move, stated: Stated, after: Ticket) -> Iterator[Objection]:
    """Yield what the move asks and nobody states, and what it needs and the record lacks."""
    for name in move.asks:
        if not stated.has(name):
            title = ASIDE[name] if name in ASIDE else layer.title_of(name)
            yield Objection(
                "asks",
                name,
                Text(f"“{move.title.zh}”要写明{title.zh}", f"“{move.title.en}” asks for {title.en}"),
                "hold",
            )
    for name in move.needs:
        if not after.has(name) and name not in move.asks:
            title = layer.title_of(name)
            yield Objection(
                "needs",
                name,
                Text(f"“{move.title.zh}”要先有{title.zh}", f"“{move.title.en}” needs {title.en}"),
                "hold",
            )


def _same_person(layer: Layer, flow: Flow, before: Ticket, move: Move, by: str) -> Iterator[Objection]:
    """Yield the moves that the same person made, and the roles in which the person has to do with the record."""
    who = by.strip()
    for name in move.other_than:
        first = next((one for one in flow.moves if one.id == name), None)
        if first is not None and (who == IMPORTER or before.made.get(name, "").strip() == who):
            zh, en = ("导入的人", "who imports") if who == IMPORTER else (who, who)
            yield Objection(
                "second_person",
                name,
                Text(
                    f"“{first.title.zh}”由{zh}办，“{move.title.zh}”要由另一人办",
                    f"“{first.title.en}” is by {en}; “{move.title.en}” is for somebody else",
                ),
                "hold",
            )
    barred = _barred(flow, move)
    for role in layer.contacts:
        if role.id in barred and any(
            c.role == role.id and (c.name or "").strip() == who for c in before.contacts
        ):
            yield Objection(
                "second_person",
                f"{CONTACT}{role.id}",
                Text(
                    f"{who} 是{role.title.zh}，“{move.title.zh}”要由另一人办",
                    f"{who} is “{role.title.en}” of it; “{move.title.en}” is for somebody else",
                ),
                "hold",
            )


def _barred(flow: Flow, move: Move) -> set[str]:
    """Return the roles of persons who may not make a move: those it names, and with whom the work lay before."""
    names = [name for name in move.other_than if name.startswith(CONTACT)]
    for first in flow.moves:
        if first.id in move.other_than:
            desks = (flow.state(state) for state in first.from_)
            names += [one.desk for one in desks if one and one.desk and one.desk.startswith(CONTACT)]
    return {name.removeprefix(CONTACT) for name in names}
