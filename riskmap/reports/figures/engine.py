"""What figures come to: counted from the columns of a snapshot, each mask and grouping worked out once.

Nothing here reads a file or a clock: `State` is the ledger of one day, `today` in a condition is that day.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from riskmap.array_types import Bools, Floats
from riskmap.catalog.flow import STATE
from riskmap.catalog.layer import Layer
from riskmap.catalog.model import CONTACT_PREFIX
from riskmap.catalog.problems import closest
from riskmap.coordinates import metres
from riskmap.errors import RiskmapError, SelectionError, Text, meant
from riskmap.ledger.work import MoveMade
from riskmap.reports.figures.columns import Columns, Grouping
from riskmap.reports.figures.definition import (
    ALL,
    PRESENT,
    Bound,
    Figures,
    base_of,
    item_column,
    parsed_conditions,
    stated_fields,
)
from riskmap.reports.figures.values import Address, FigureValue, Group, number_text, plain, rounded
from riskmap.reports.periods import Period, Shift, Weekday, days_before_monday, parse_period, shifted
from riskmap.rules.arrays import numbers_of
from riskmap.selection import NOT_STATED, Selected, Selection, Snapshot, select
from riskmap.vocabulary import TIER_TITLES

Ints = NDArray[np.int64]


_T = TypeVar("_T", bound=np.generic)


_MOST_GROUPS: Final = 200  # of two keys; of more only those with records are told


_FACTORS: Final = {"percent": 100, "permille": 1000, "per_10000": 10_000, "per_km": 1, "plain": 1}


_SIGNS: Final = {"percent": "%", "permille": "‰"}


_WHOLES: Final = {"%": 100, "‰": 1000}


_MOST_PAIRS: Final = 4_000_000  # of group and kind that are counted rather than sorted


_FINEST: Final = 6  # decimals of numbers that are added up as whole numbers


@dataclass(slots=True, eq=False)
class State:
    """The ledger of one day as figures are counted from it.

    `as_of`: how values and addresses name it; `asked` is "" where the present was asked for. `moves`: layer → the
    moves made in it until then, none that was taken back. `earlier`: the state of the day so far before, for stocks
    that are compared. `tally`: what the ledger keeps beside its records (`definition.Tally`), in a period where that
    cuts it: member of a group → how many; None where it cannot be told.
    """

    snapshot: Snapshot
    layers: Mapping[str, Layer]
    today: dt.date
    as_of: str
    asked: str = ""
    week_starts: Weekday = "mon"
    moves: Callable[[str], Sequence[MoveMade]] = lambda _layer: ()
    earlier: Callable[[Shift], State] | None = None
    tally: Callable[[str, Period | None], Mapping[str, int] | None] = lambda _what, _period: {}
    columns: Columns = field(init=False)

    def __post_init__(self) -> None:
        self.columns = Columns(self.snapshot, self.layers, self.today, days_before_monday(self.week_starts))


@dataclass(frozen=True, slots=True)
class _Rows:
    """Records of a layer that a figure looks at; `undated`: how many more might be, whose day is not stated."""

    layer: str
    rows: Ints
    undated: int = 0
    days: NDArray[np.datetime64] | None = None


_KEPT: Final[Mapping[str, Text]] = {
    "real": Text("研判", "Real"),
    "drill": Text("演习", "Drills"),
    "held": Text("有人值班", "With somebody"),
    "empty": Text("无人值班", "With nobody"),
    "unknown": Text("无法判断", "Not to be judged"),
}
"""What groups of a tally are called that are neither layers nor tiers."""


@dataclass(frozen=True, slots=True)
class _Member:
    """A group as it is told: its words, and the conditions that its records meet."""

    key: str
    member: str
    title: Text
    where: tuple[str, ...] = ()
    subdistrict: str = ""
    layer: str = ""


@dataclass(slots=True)
class Engine:
    """The figures of a state and a period, each evaluated when it is asked for and kept."""

    figures: Figures
    state: State
    period: Period | None = None
    _values: dict[str, FigureValue | RiskmapError] = field(
        default_factory=dict[str, FigureValue | RiskmapError]
    )
    _shifted: dict[Shift, Engine] = field(default_factory=dict[Shift, "Engine"])

    def value(self, figure_id: str) -> FigureValue:
        """Return a figure, by its id, one of before, or with the member of a group: points.tier.major.

        RiskmapError where there is no such figure, or it cannot be told.
        """
        figure_id = self.figures.former.get(figure_id, figure_id)
        base = base_of(figure_id, self.figures.usable)
        if base not in self.figures.usable:
            raise _no_figure(figure_id, self.figures)
        found = self._whole(base)
        if base == figure_id:
            return found
        member = figure_id.removeprefix(f"{base}.")
        group = found.group(member) or self._empty(base, found, member)
        if group is None:
            raise _no_figure(figure_id, self.figures, [f"{base}.{one.member}" for one in found.groups or ()])
        return replace(
            found,
            id=figure_id,
            title=Text(f"{found.title.zh} › {group.title.zh}", f"{found.title.en} › {group.title.en}"),
            exact=group.exact,
            value=group.value,
            text=group.text,
            count=group.count,
            missing=group.missing,
            query=group.query,
            groups=None,
            names=(),
        )

    def _empty(self, base: str, whole: FigureValue, member: str) -> Group | None:
        """Return a group of a count that holds nothing: by layer, tier or sub-district that there are; else None."""
        bound, words = self.figures.usable[base], member.split(".")
        figure = bound.figure
        if whole.exact is None or figure.measure not in {"count", "tally"}:
            return None
        known: dict[str, Collection[str]] = {
            "layer": bound.layers,
            "tier": TIER_TITLES,
            "subdistrict": (*self.state.snapshot.subdistricts, NOT_STATED),
        }
        if figure.measure == "tally":
            there = all(word in self.state.layers or word in TIER_TITLES or word in _KEPT for word in words)
            members = [self._kept(member)] if there else []
        else:
            there = len(words) == len(figure.keys) and all(
                word in known.get(key, ()) for key, word in zip(figure.keys, words, strict=True)
            )
            pairs = zip(figure.keys, words, strict=True) if there else ()
            members = [self._member(bound, key, word) for key, word in pairs]
        return _group(bound, members, Fraction(0), count=0, missing=0, address=None) if members else None

    def selected(self, address: Address) -> Selected:
        """Return the records that an address leads to in this state. SelectionError where it cannot be read."""
        chosen = [self.state.layers[one] for one in address.layers]
        selection = Selection(
            layers=address.layers,
            where=parsed_conditions(address.where, chosen, self.state.layers, self.state.today),
            subdistricts=address.subdistricts,
        )
        return select(self.state.snapshot, selection)

    def codes(self, address: Address) -> list[str]:
        """Return the codes of the records that an address leads to; LAYER:CODE where it is about several layers."""
        found = self.selected(address)
        many = len(address.layers) > 1
        return [
            f"{layer}:{code}" if many else code
            for layer in found.rows
            for code in found.table(self.state.snapshot, layer)["code"].to_pylist()
        ]

    def before(self, shift: Shift) -> Engine:
        """Return the figures of the same period so much before; of stocks the ledger of the day so much before.

        RiskmapError where a state of before cannot be read here.
        """
        if shift not in self._shifted:
            period = self.period and shifted(self.period, shift, week_starts=self.state.week_starts)
            self._shifted[shift] = Engine(self.figures, self.state, period)
        return self._shifted[shift]

    def earlier(self, figure_id: str, shift: Shift) -> FigureValue:
        """Return a figure as it was a year, a month or a week before: of a stock what the ledger of that day says."""
        base = base_of(self.figures.former.get(figure_id, figure_id), self.figures.usable)
        bound = self.figures.usable.get(base)
        if bound is not None and stands_on_stock(bound, self.figures):
            if self.state.earlier is None:
                raise RiskmapError(
                    f"{figure_id}：没有更早的台账可比",
                    f"{figure_id}: there is no earlier ledger to compare with",
                )
            return Engine(self.figures, self.state.earlier(shift), self.period).value(figure_id)
        return self.before(shift).value(figure_id)

    def _whole(self, figure_id: str) -> FigureValue:
        if figure_id not in self._values:
            try:
                self._values[figure_id] = self._evaluated(self.figures.usable[figure_id])
            except RiskmapError as problem:
                self._values[figure_id] = problem
        found = self._values[figure_id]
        if isinstance(found, RiskmapError):
            raise found
        return found

    def _evaluated(self, bound: Bound) -> FigureValue:
        measure = bound.figure.measure
        if measure == "given":
            return self._given(bound)
        if measure == "change":
            return self._change(bound)
        if bound.figure.of:
            return self._of_figures(bound)
        if measure == "funnel":
            return self._funnel(bound)
        if measure == "nearest":
            return self._nearest(bound)
        if measure == "checklist":
            return self._checklist(bound)
        if measure == "tally":
            return self._tallied(bound)
        return self._counted(bound)

    def _tallied(self, bound: Bound) -> FigureValue:
        """Return what the ledger keeps beside its records; of tiers that changed nothing where no period says since when."""
        if bound.moved and self.period is None:
            return self._told(bound, None, count=0, groups=())
        kept = self.state.tally(bound.figure.tally or "", self.period if bound.moved else None)
        if kept is None:
            return self._told(bound, None, count=0, groups=())
        n = sum(kept.values())
        groups = tuple(
            _group(bound, (self._kept(word),), Fraction(one), count=one, missing=0, address=None)
            for word, one in kept.items()
        )
        return self._told(bound, Fraction(n), count=n, groups=groups)

    def _kept(self, word: str) -> _Member:
        """Return how a group of a tally is told: a layer, or a tier before and after."""
        if word in self.state.layers:
            return _Member("layer", word, self.state.layers[word].title)
        titles = [TIER_TITLES.get(part) or _KEPT.get(part, Text(part, part)) for part in word.split(".")]
        return _Member(
            "", word, Text(" → ".join(one.zh for one in titles), " → ".join(one.en for one in titles))
        )

    # -- what is worked out of other figures

    def _given(self, bound: Bound) -> FigureValue:
        figure = bound.figure
        exact = Fraction(str(figure.given))
        said = "，".join(filter(None, (figure.source, str(figure.on or ""))))
        made = self._told(bound, exact, count=0, status="given")
        return replace(made, period=figure.period, source=said)

    def _of_figures(self, bound: Bound) -> FigureValue:
        figure = bound.figure
        parts = [self.value(one) for one in figure.of]
        exacts = [one.exact for one in parts]
        count, exact = sum(one.count for one in parts), None
        known = [one for one in exacts if one is not None]
        if len(known) == len(exacts):
            if figure.ratio is not None:
                top, whole = known
                factor = _FACTORS[str(figure.share or "percent")]
                exact = None if whole == 0 else top * factor / whole
                count = int(whole) if whole.denominator == 1 else parts[1].count
            elif figure.total is not None:
                exact = sum(known, Fraction(0))
            else:
                exact = known[0] - sum(known[1:], Fraction(0))
        stock = all(one.period is None for one in parts)
        made = self._told(
            bound, exact, count=count, missing=sum(one.missing for one in parts), of=tuple(figure.of)
        )
        return replace(made, period=None if stock else made.period)

    def _change(self, bound: Bound) -> FigureValue:
        figure = bound.figure
        (of,) = figure.of
        now = self.value(of)
        stock = stands_on_stock(bound, self.figures)
        if self.period is None and not stock:  # nothing says which year is compared with which
            return self._told(bound, None, count=now.count, of=(of,))
        then = self.earlier(of, figure.against)
        exact, delta = None, figure.share == "delta"
        if now.exact is not None and then.exact is not None:
            exact = now.exact - then.exact
            if not delta:
                exact = None if then.exact == 0 else exact * 100 / abs(then.exact)
        made = self._told(
            bound,
            exact,
            count=now.count + then.count,
            missing=now.missing + then.missing,
            of=(of, f"{of}@{figure.against}"),
        )
        made = replace(made, period=None if stock else made.period)
        if made.value is None:
            return made
        size, sign = number_text(abs(made.value)), "" if delta else "%"
        way = Text("持平", "unchanged")
        if made.value:
            zh, en = ("上升", "up ") if made.value > 0 else ("下降", "down ")
            way = Text(f"{zh}{size}{sign}", f"{en}{size}{sign}")
        return replace(made, text=way.zh, said=way)

    # -- what is counted

    def _base(self, bound: Bound) -> Address | None:
        """Return the address of the records that a figure looks at."""
        where = list(bound.where)
        if bound.dates and self.period is not None:
            (name,) = set(bound.dates.values())
            where += [f"{name} >= {self.period.first}", f"{name} < {self.period.until}"]
        return Address(bound.layers, tuple(where), as_of=self.state.asked)

    def _rows(self, bound: Bound) -> list[_Rows]:
        if bound.figure.count == "moves":
            return [self._moves(bound, layer) for layer in bound.layers]
        found: list[_Rows] = []
        for layer in bound.layers:
            mask, undated = self.state.columns.mask(layer, bound.where, bound.layers), 0
            name = bound.dates.get(layer)
            if name is not None and self.period is not None:
                days = self.state.columns.days(layer, name)
                undated = int(np.count_nonzero(mask & np.isnat(days)))
                mask = mask & _within(days, self.period)
            found.append(_Rows(layer, np.flatnonzero(mask), undated))
        return found

    def _moves(self, bound: Bound, layer: str) -> _Rows:
        """Return the moves that count, each by the row of its record; −1 of one that is off the lists by now."""
        figure = bound.figure
        flow = self.state.layers[layer].flow
        made = [
            one
            for one in self.state.moves(layer)
            if (figure.to is not None and one.after == figure.to)
            or (
                figure.move is not None
                and flow is not None
                and (move := flow.move(one.before, one.after)) is not None
                and move.id == figure.move
            )
        ]
        days = np.array([one.on for one in made], "datetime64[D]")
        place = {code: i for i, code in enumerate(self.state.snapshot.table(layer)["code"].to_pylist())}
        rows = np.array([place.get(one.code, -1) for one in made], np.int64)
        keep = np.ones(len(made), bool) if self.period is None else _within(days, self.period)
        if bound.where:
            mask = np.append(self.state.columns.mask(layer, bound.where, bound.layers), False)
            keep &= mask[rows]
        return _Rows(layer, rows[keep], 0, days[keep])

    def _counted(self, bound: Bound) -> FigureValue:
        parts = self._rows(bound)
        n, undated = sum(len(one.rows) for one in parts), sum(one.undated for one in parts)
        address = None if bound.figure.count == "moves" else self._base(bound)
        exact: list[Fraction | None] = [Fraction(n)]
        known = [n]
        if bound.measured:
            rows = [(one.layer, one.rows) for one in parts]
            exact, known = self._measured(bound, rows, np.zeros(n, np.int64), 1)
        missing = undated + (n - known[0] if bound.measured else 0)
        groups = self._groups(bound, parts, address) if bound.figure.keys else None
        return self._told(
            bound,
            exact[0],
            count=int(known[0]) if bound.measured else n,
            missing=int(missing),
            query=address,
            groups=groups,
        )

    def _measured(
        self, bound: Bound, rows: Sequence[tuple[str, Ints]], codes: Ints, many: int
    ) -> tuple[list[Fraction | None], list[int]]:
        """Return of each group the measure, and over how many records it is known."""
        measure, name = bound.figure.measure, bound.measured
        sizes = np.bincount(codes, minlength=many)
        if not name:
            return [Fraction(one) for one in sizes.tolist()], sizes.tolist()
        if measure == "distinct":
            return self._distinct(name, rows, codes, many)
        columns = self.state.columns
        values = np.concatenate([np.zeros(0), *(columns.numbers(layer, name)[some] for layer, some in rows)])
        there = ~np.isnan(values)
        values, codes = values[there], codes[there]
        known = np.bincount(codes, minlength=many)
        found: list[Fraction | None]
        if measure in {"sum", "balance", "mean"}:
            sums = sums_by(values, codes, many)
            found = [
                _summed(total, int(n), int(size), mean=measure == "mean")
                for total, n, size in zip(sums, known, sizes, strict=True)
            ]
        else:
            worst = np.full(many, np.inf if measure == "min" else -np.inf)
            (np.minimum if measure == "min" else np.maximum).at(worst, codes, values)
            found = [None if math.isinf(one) else Fraction(repr(float(one))) for one in worst]
        return found, known.tolist()

    def _distinct(
        self, name: str, rows: Sequence[tuple[str, Ints]], codes: Ints, many: int
    ) -> tuple[list[Fraction | None], list[int]]:
        """Return of each group how many kinds of a field there are."""
        place: dict[str, int] = {}
        found: list[Ints] = []
        for layer, some in rows:
            of, words = self.state.columns.words(layer, name)
            numbers = np.array([*(place.setdefault(word, len(place)) for word in words), -1], np.int64)
            found.append(numbers[of[some]])
        kinds = _joined(found, np.int64)
        there, width = kinds >= 0, max(len(place), 1)
        known = np.bincount(codes[there], minlength=many)
        pairs = codes[there] * width + kinds[there]
        met = np.unique(pairs) if many * width > _MOST_PAIRS else np.flatnonzero(np.bincount(pairs))
        return [Fraction(int(one)) for one in np.bincount(met // width, minlength=many)], known.tolist()

    # -- groups

    def _groups(self, bound: Bound, parts: Sequence[_Rows], address: Address | None) -> tuple[Group, ...]:
        rows, codes, members = self._grouped(bound, parts)
        exact, known = self._measured(bound, rows, codes, len(members))
        sizes = np.bincount(codes, minlength=len(members))
        found: list[Group] = []
        for member, one, n, size in zip(members, exact, known, sizes.tolist(), strict=True):
            open_end = any(m.member == NOT_STATED or m.key in {"month", "week"} for m in member)
            if not size and (open_end or len(members) > _MOST_GROUPS):
                continue
            count, missing = (n, size - n) if bound.measured else (size, 0)
            found.append(_group(bound, member, one, count=count, missing=missing, address=address))
        return tuple(found)

    def _grouped(
        self, bound: Bound, parts: Sequence[_Rows]
    ) -> tuple[list[tuple[str, Ints]], Ints, list[tuple[_Member, ...]]]:
        """Return the rows by layer, in which group each is (a row in as many as its cell has), and the groups."""
        keys = bound.figure.keys
        words_of: list[dict[str, None]] = [{} for _ in keys]
        pieces: list[tuple[str, Ints, list[tuple[Ints, tuple[str, ...]]]]] = []
        for part in parts:
            rows, of = self._codes(bound, part, keys)
            for known, (_, words) in zip(words_of, of, strict=True):
                known.update(dict.fromkeys(words))
            pieces.append((part.layer, rows, of))
        orders = [_not_stated_last(known) for known in words_of]
        told = [
            [self._member(bound, key, word) for word in order]
            for key, order in zip(keys, orders, strict=True)
        ]
        places = [{word: i for i, word in enumerate(order)} for order in orders]
        groups: list[Ints] = []
        for _, _, of in pieces:
            together: Ints | None = None
            for place, (codes, words) in zip(places, of, strict=True):
                moved = np.array([place[word] for word in words], np.int64)[codes]
                together = moved if together is None else together * len(place) + moved
            groups += [] if together is None else [together]
        members: list[tuple[_Member, ...]] = [()]
        for some in told:
            members = [(*one, each) for one in members for each in some]
        every = _joined(groups, np.int64)
        return [(layer, rows) for layer, rows, _ in pieces], every, members

    def _codes(
        self, bound: Bound, part: _Rows, keys: Sequence[str]
    ) -> tuple[Ints, list[tuple[Ints, tuple[str, ...]]]]:
        """Return the rows of a layer, repeated as their cells hold several, with code and words of each key."""
        columns, layer = self.state.columns, part.layer
        date = bound.dates.get(layer, "")
        rows = part.rows
        index: Ints = np.arange(len(rows))
        found: list[tuple[Ints, tuple[str, ...]]] = []
        for key in keys:
            if part.days is not None and key in {"month", "week"}:
                codes, words = columns.calendar(part.days, key)
                found.append((codes[index], words))
                continue
            grouping = columns.grouping(layer, key, date)
            last = len(grouping.members) - 1
            if len(grouping.rows) == columns.size(layer):
                # Of a move of a record that is off the lists, nothing is known any more.
                codes = grouping.codes if part.days is None else np.append(grouping.codes, last)
                found.append((codes[rows if len(index) == len(rows) else rows[index]], grouping.members))
                continue
            of, more = _repeated(grouping, rows[index], last, columns.size(layer))
            found = [(codes[more], words) for codes, words in found]
            index = index[more]
            found.append((of, grouping.members))
        return rows[index], found

    def _member(self, bound: Bound, key: str, word: str) -> _Member:
        """Return how a group is told, and by which conditions its records are found."""
        stated = word != NOT_STATED
        title = Text(word, word) if stated else Text(NOT_STATED, "Not stated")
        if key == "tier":
            return _Member(key, word, TIER_TITLES[word], (f"tier == {word}",))
        if key == "subdistrict":
            return _Member(key, word, title, (), word)
        if key == "layer":
            return _Member(key, word, self.state.layers[word].title, layer=word)
        if key in {"month", "week"}:
            names = set(bound.dates.values())
            name = next(iter(names), "")
            if not stated or not name:
                return _Member(key, word, title, (f"{name} missing",) if name else ())
            cut = parse_period(word, week_starts=self.state.week_starts)
            return _Member(key, word, title, (f"{name} >= {cut.first}", f"{name} < {cut.until}"))
        if not stated:
            return _Member(key, word, title, (f"{key} missing",))
        fields = [
            self.state.layers[one].field(key)
            for one in bound.layers
            if key in self.state.layers[one].field_ids
        ]
        choices = [choice for one in fields for choice in one.choices if choice.id == word]
        if choices:
            title = choices[0].title
        elif any(one.type == "boolean" for one in fields):
            title = Text("是", "Yes") if word == "true" else Text("否", "No")
        value = word if word.replace("_", "").isalnum() else f'"{word}"'
        return _Member(key, word, title, (f"{key} == {value}",))

    # -- measures of their own

    def _funnel(self, bound: Bound) -> FigureValue:
        figure, name = bound.figure, bound.figure.field or STATE
        steps = figure.funnel or ()
        reached = [0] * len(steps)
        n = undated = unknown = 0
        for part in self._rows(bound):
            codes, words = self.state.columns.words(part.layer, name)
            place = np.array([*(steps.index(w) if w in steps else -1 for w in words), -1], np.int64)
            at = place[codes[part.rows]]
            n, undated = n + len(at), undated + part.undated
            unknown += int(np.count_nonzero(codes[part.rows] < 0))
            for k in range(len(steps)):
                reached[k] += int(np.count_nonzero(at >= k))
        address = self._base(bound)
        groups: list[Group] = []
        for k, step in enumerate(steps):
            choices = [
                c for one in bound.layers for c in self.state.layers[one].field(name).choices if c.id == step
            ]
            member = _Member(name, step, choices[0].title, (f"{name} in {','.join(steps[k:])}",))
            groups.append(
                _group(bound, (member,), Fraction(reached[k]), count=reached[k], missing=0, address=address)
            )
        whole = None if address is None else address.narrowed(f"{name} in {','.join(steps)}")
        exact = Fraction(reached[0]) if reached else None
        return self._told(
            bound,
            exact,
            count=reached[0] if reached else 0,
            missing=unknown + undated,
            query=whole,
            groups=tuple(groups),
        )

    def _nearest(self, bound: Bound) -> FigureValue:
        from scipy.spatial import KDTree  # noqa: PLC0415 - a fifth of a second, for a figure in a hundred

        figure = bound.figure
        here = self._positions((part.layer, part.rows) for part in self._rows(bound))
        columns = self.state.columns
        there = self._positions(
            (one, np.flatnonzero(columns.mask(one, figure.where, bound.targets))) for one in bound.targets
        )
        known, aims = ~np.isnan(here[0]), ~np.isnan(there[0])
        exact, n = None, int(np.count_nonzero(known))
        lost = int(np.count_nonzero(~aims))
        if n and aims.any():
            around = float(np.mean(there[0][aims]))
            tree = KDTree(np.column_stack(metres(there[0][aims], there[1][aims], around=around)))
            far, _ = tree.query(np.column_stack(metres(here[0][known], here[1][known], around=around)))
            whole = np.sort(np.rint(far).astype(np.int64))
            if figure.stat == "max":
                exact = Fraction(int(whole[-1]))
            elif figure.stat == "median":
                exact = Fraction(int(whole[(n - 1) // 2]) + int(whole[n // 2]), 2)
            else:
                exact = Fraction(100 * int(np.count_nonzero(whole <= (figure.within or 0))), n)
        # A target without a place may be closer than any: what stands on it is not known as well.
        return self._told(bound, exact, count=n, missing=len(known) - n + lost, query=self._base(bound))

    def _positions(self, parts: Iterable[tuple[str, Ints]]) -> tuple[Floats, Floats]:
        tables = [(self.state.snapshot.table(layer), rows) for layer, rows in parts]
        lon, lat = (
            np.concatenate([np.zeros(0), *(numbers_of(table[name])[rows] for table, rows in tables)])
            for name in ("lon", "lat")
        )
        return lon, lat

    def _checklist(self, bound: Bound) -> FigureValue:
        """Return how many of those of which it is known have an item; `query` leads to these."""
        figure, word = bound.figure, bound.figure.checklist or ""
        parts, address = self._rows(bound), self._base(bound)
        inner = [key for key in figure.keys if key in {"item", "field"}]
        outer = [key for key in figure.keys if key not in inner]
        told: dict[str, tuple[Text, list[tuple[Bools, Bools]]]] = {}  # item → title, by layer: there, known
        for part in parts:
            for name, title, met, unknown in self._checked(part, word):
                told.setdefault(name, (title, []))[1].append((met, ~unknown))
        rows = [(part.layer, part.rows) for part in parts]
        n = sum(len(one) for _, one in rows)
        codes, members = np.zeros(n, np.int64), [()]
        if outer:
            wanted = replace(bound, figure=figure.model_copy(update={"by": tuple(outer)}))
            grown, codes, members = self._grouped(wanted, parts)
            if sum(len(one) for _, one in grown) != n:
                raise SelectionError(
                    f"{bound.id}：一格有多个值的字段不能用来分组算覆盖率；请换一个字段",
                    f"{bound.id}: a field with several values in a cell cannot group a coverage; choose another",
                )
        whole_met = whole_known = 0
        groups: list[Group] = []
        for name, (title, by_layer) in told.items():
            met, known = _cells(by_layer)
            whole_met += int(met.sum())
            whole_known += int(known.sum())
            if not inner:
                continue
            item = _Member(inner[0], name, title, (_there(name, word, self.state.layers[bound.layers[0]]),))
            groups += self._covered(bound, codes, members, met=met, known=known, address=address, item=item)
        if outer and not inner:
            met = np.zeros(n, np.int64)
            known = np.zeros(n, np.int64)
            for _, by_layer in told.values():
                more, sure = _cells(by_layer)
                met, known = met + more, known + sure
            asked = None if word in {ALL, PRESENT} else _there(word, word, self.state.layers[bound.layers[0]])
            item = _Member("", "", Text("", ""), (asked,) if asked else ())
            groups += self._covered(
                bound, codes, members, met=met, known=known, address=address, item=item, cells=len(told)
            )
        if address is not None and word not in {ALL, PRESENT}:
            address = address.narrowed(_there(word, word, self.state.layers[bound.layers[0]]))
        exact = (
            Fraction(whole_met * _FACTORS[str(figure.share or "percent")], whole_known)
            if whole_known
            else None
        )
        return self._told(
            bound,
            exact,
            count=whole_known,
            missing=n * len(told) - whole_known,
            query=address,
            groups=tuple(groups) if figure.keys else None,
        )

    def _checked(self, part: _Rows, word: str) -> Iterator[tuple[str, Text, Bools, Bools]]:
        """Yield item, title, and by record whether it is there and whether that is not known."""
        layer = self.state.layers[part.layer]

        def asked(condition: str) -> Bools:
            return self.state.columns.mask(part.layer, [condition], [part.layer])[part.rows]

        none = np.zeros(len(part.rows), bool)
        if word == PRESENT:
            for one in stated_fields(layer):
                yield one.id, one.title, asked(f"{one.id} present"), none
            return
        items = {} if layer.checklist is None else {one.id: one for one in layer.checklist.items}
        for item in items if word == ALL else [word]:
            if item in items:
                key = item_column(layer, item)
                met, unknown = asked(f"{key}.state == met"), asked(f"{key}.state == unknown")
                yield item, items[item].title, met, unknown
            elif item.startswith(CONTACT_PREFIX):
                yield item, Text(item, item), asked(f"{item} present"), none
            else:
                yield item, layer.field(item).title, asked(f"{item} == true"), asked(f"{item} missing")

    def _covered(
        self,
        bound: Bound,
        codes: Ints,
        members: Sequence[tuple[_Member, ...]],
        *,
        met: Ints,
        known: Ints,
        address: Address | None,
        item: _Member,
        cells: int = 1,
    ) -> Iterator[Group]:
        many, factor = len(members), _FACTORS[str(bound.figure.share or "percent")]
        there = np.bincount(codes, weights=met, minlength=many)
        sure = np.bincount(codes, weights=known, minlength=many)
        sizes = np.bincount(codes, minlength=many)
        for member, a, b, size in zip(members, there.tolist(), sure.tolist(), sizes.tolist(), strict=True):
            if not size and any(one.member == NOT_STATED for one in member):
                continue
            exact = Fraction(int(a) * factor, int(b)) if b else None
            told = (*member, item) if item.member else member
            narrowed = address if item.member or address is None else address.narrowed(*item.where)
            yield _group(bound, told, exact, count=int(b), missing=size * cells - int(b), address=narrowed)

    def _told(
        self,
        bound: Bound,
        exact: Fraction | None,
        *,
        count: int,
        missing: int = 0,
        status: str = "counted",
        query: Address | None = None,
        of: tuple[str, ...] = (),
        groups: tuple[Group, ...] | None = None,
    ) -> FigureValue:
        figure = bound.figure
        value = _value(bound, exact)
        return FigureValue(
            id=bound.id,
            title=bound.title,
            exact=exact,
            value=value,
            text=_text(bound, value),
            unit=bound.unit,
            period=None if bound.stock and not of else None if self.period is None else self.period.text,
            as_of=self.state.as_of,
            count=count,
            missing=missing,
            status="given" if status == "given" else figure.status or "counted",
            query=query,
            of=of,
            groups=groups,
            names=figure.names,
            publisher=figure.publisher,
            source=figure.source,
        )


def _repeated(grouping: Grouping, rows: Ints, last: int, size: int) -> tuple[Ints, Ints]:
    """Return the codes of rows whose cells hold several words, and which of the rows each belongs to."""
    many = np.bincount(grouping.rows, minlength=size + 1)
    starts = np.cumsum(np.append(0, many))[:-1]
    codes = np.append(grouping.codes, last)
    times = np.where(rows >= 0, many[rows], 1)
    begin = np.where(rows >= 0, starts[rows], len(codes) - 1)
    step = np.arange(int(times.sum())) - np.repeat(np.cumsum(times) - times, times)
    return codes[np.repeat(begin, times) + step], np.repeat(np.arange(len(rows)), times)


def _cells(by_layer: Sequence[tuple[Bools, Bools]]) -> tuple[Ints, Ints]:
    """Return by record 1 where an item is there, and 1 where that is known."""
    met = [(there & known).astype(np.int64) for there, known in by_layer]
    known = [known.astype(np.int64) for _, known in by_layer]
    none = np.zeros(0, np.int64)
    return np.concatenate([none, *met]), np.concatenate([none, *known])


def _within(days: NDArray[np.datetime64], period: Period) -> Bools:
    with np.errstate(invalid="ignore"):
        return (days >= np.datetime64(period.first)) & (days < np.datetime64(period.until))


def _joined(parts: Sequence[NDArray[_T]], kind: type[_T]) -> NDArray[_T]:
    """Return arrays as one; a single one as it is."""
    return parts[0] if len(parts) == 1 else np.concatenate([np.zeros(0, kind), *parts])


def _not_stated_last(members: Iterable[str]) -> list[str]:
    words = list(members)
    stated = [word for word in words if word != NOT_STATED]
    return [*stated, NOT_STATED] if len(stated) < len(words) else stated


def sums_by(values: Floats, codes: Ints, many: int) -> list[Fraction]:
    """Return the exact sum of numbers in each group: as decimals add up, not as binary ones do (0.1 + 0.2 = 0.3)."""
    for decimals in range(_FINEST + 1):
        whole = np.rint(values * 10**decimals)
        if np.abs(whole).sum() >= 2**53:
            break
        if (whole / 10**decimals == values).all():
            sums = np.bincount(codes, weights=whole, minlength=many)
            return [Fraction(int(one), 10**decimals) for one in sums]
    found = [Fraction(0)] * many
    for code, value in zip(codes.tolist(), values.tolist(), strict=True):
        found[code] += Fraction(repr(value))
    return found


def _summed(total: Fraction, known: int, size: int, *, mean: bool) -> Fraction | None:
    """Return a sum or mean: of no records 0 and nothing, of records of which none is known nothing."""
    if mean:
        return total / known if known else None
    return total if known or not size else None


def _value(bound: Bound, exact: Fraction | None) -> Decimal | None:
    if exact is None:
        return None
    if bound.decimals is None:
        return plain(exact)
    value, whole = rounded(exact, bound.decimals), _WHOLES.get(bound.unit)
    if whole is not None and bound.figure.measure in {"ratio", "checklist"} and exact < whole <= value:
        return value - Decimal(1).scaleb(-bound.decimals)  # where something is left it is not all: 99.99 %
    return value


def _text(bound: Bound, value: Decimal | None) -> str:
    sign = ""
    if value is not None and bound.figure.measure in {"ratio", "checklist"}:
        sign = _SIGNS.get(str(bound.figure.share or "percent"), "")
    elif value is not None and bound.figure.measure == "nearest" and bound.figure.stat == "share_within":
        sign = "%"
    return number_text(value) + sign


def _group(
    bound: Bound,
    member: Sequence[_Member],
    exact: Fraction | None,
    *,
    count: int,
    missing: int,
    address: Address | None,
) -> Group:
    value = _value(bound, exact)
    if address is not None:
        where = [condition for one in member for condition in one.where]
        street = next((one.subdistrict for one in member if one.subdistrict), "")
        only = tuple(one.layer for one in member if one.layer)
        address = replace(address, layers=only or address.layers).narrowed(*where, subdistrict=street)
    return Group(
        ".".join(one.member for one in member),
        Text(" · ".join(one.title.zh for one in member), " · ".join(one.title.en for one in member)),
        exact,
        value,
        _text(bound, value),
        count,
        missing,
        address,
    )


def _there(name: str, word: str, layer: Layer) -> str:
    """Return the condition under which an item, a role or a field is there."""
    if word == PRESENT:
        return f"{name} present"
    if name.startswith(CONTACT_PREFIX):
        return f"{name} present"
    key = item_column(layer, name)
    return f"{name} == true" if key == name else f"{key}.state == met"


def stands_on_stock(bound: Bound, figures: Figures) -> bool:
    """Return whether no period cuts what a figure is made of."""
    if bound.figure.of:
        bases = [base_of(one, figures.usable) for one in bound.figure.of]
        return all(stands_on_stock(figures.usable[one], figures) for one in bases if one in figures.usable)
    return bound.stock


def _no_figure(figure_id: str, figures: Figures, members: Sequence[str] = ()) -> RiskmapError:
    for one in (*figures.failed, *figures.idle.values()):
        if one.id in {figure_id, base_of(figure_id, {one.id: None})}:
            return RiskmapError(one.message.zh, one.message.en)
    known = [*members, *figures.usable]
    listed = "、".join(known[:8])
    some = Text(f"；有 {listed} …，见 riskmap figures", f"; there are {listed} …, see riskmap figures")
    end = meant(closest(figure_id, known), some)
    return RiskmapError(f"没有指标 {figure_id}{end.zh}", f"no figure {figure_id}{end.en}")
