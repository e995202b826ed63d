"""The columns that figures are counted from: masks of conditions, days, words, each worked out once for a snapshot."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from riskmap.array_types import Bools, Floats
from riskmap.catalog.layer import Layer, pieces
from riskmap.catalog.model import Condition
from riskmap.moments import day_kept
from riskmap.reports.figures.definition import parsed_conditions
from riskmap.rules.arrays import bools_of, codes_of, column_of, floats_of, numbers_of, pc
from riskmap.selection import NOT_STATED, Snapshot
from riskmap.selection.linked import with_reached
from riskmap.selection.where import has_column, matching
from riskmap.vocabulary import GRADES, RANKS, STANDINGS, TIERS

Days = NDArray[np.datetime64]


@dataclass(frozen=True, slots=True)
class Grouping:
    """In which group each record is: row `rows[i]` of a layer table in group `codes[i]` of `members`.

    A row stands more than once where a cell holds several words, never none: what is not stated is a member of its
    own, NOT_STATED, the last one.
    """

    rows: NDArray[np.int64]
    codes: NDArray[np.int64]
    members: tuple[str, ...]


@dataclass(slots=True, eq=False)
class Columns:
    """A snapshot as figures read it. `today` is the day whose ledger it is: never the clock."""

    snapshot: Snapshot
    layers: Mapping[str, Layer]
    today: dt.date
    days_before_monday: int = 0
    _masks: dict[tuple[str, Condition], Bools] = field(default_factory=dict[tuple[str, Condition], Bools])
    _days: dict[tuple[str, str], Days] = field(default_factory=dict[tuple[str, str], Days])
    _numbers: dict[tuple[str, str], Floats] = field(default_factory=dict[tuple[str, str], Floats])
    _words: dict[tuple[str, str], tuple[NDArray[np.int64], tuple[str, ...]]] = field(
        default_factory=dict[tuple[str, str], tuple[NDArray[np.int64], tuple[str, ...]]]
    )
    _groupings: dict[tuple[str, str, str], Grouping] = field(
        default_factory=dict[tuple[str, str, str], Grouping]
    )

    def size(self, layer: str) -> int:
        """Return how many records of a layer there are."""
        return len(self.snapshot.table(layer))

    def mask(self, layer: str, where: Sequence[str], among: Sequence[str]) -> Bools:
        """Return which records of a layer meet conditions that are read against the layers `among`; bool[n]."""
        chosen = [self.layers[one] for one in among]
        found = np.ones(self.size(layer), bool)
        for condition in parsed_conditions(where, chosen, self.layers, self.today):
            found &= self._met(layer, condition)
        return found

    def _met(self, layer: str, condition: Condition) -> Bools:
        key = (layer, condition)
        if key not in self._masks:
            table = with_reached(self.snapshot, layer, [condition])
            names = [name for name in (condition.field, condition.than) if name]
            there = all(has_column(table, name) for name in names)
            self._masks[key] = matching(table, condition) if there else np.zeros(len(table), bool)
        return self._masks[key]

    def days(self, layer: str, name: str) -> Days:
        """Return the day of a field by row, datetime64[D], of a moment its day in Beijing; NaT where not stated."""
        key = (layer, name)
        if key not in self._days:
            self._days[key] = _days_of(self.snapshot.table(layer)[column_of(name)])
        return self._days[key]

    def numbers(self, layer: str, name: str) -> Floats:
        """Return a field of numbers by row; NaN where it is not known, or the layer has none."""
        if (layer, name) not in self._numbers:
            table, column = self.snapshot.table(layer), column_of(name)
            there = column in table.column_names
            self._numbers[layer, name] = floats_of(table[column]) if there else np.full(len(table), np.nan)
        return self._numbers[layer, name]

    def words(self, layer: str, name: str) -> tuple[NDArray[np.int64], tuple[str, ...]]:
        """Return which word of a field each row has, −1 where none is stated, and the words."""
        if (layer, name) not in self._words:
            table, column = self.snapshot.table(layer), column_of(name)
            there = column in table.column_names
            none: tuple[str, ...] = ()
            self._words[layer, name] = (
                _coded(table[column]) if there else (np.full(len(table), -1, np.int64), none)
            )
        return self._words[layer, name]

    def grouping(self, layer: str, key: str, date: str) -> Grouping:
        """Return in which group of a key (`definition.BY`, or a field) the records are; `date` is cut into months."""
        at = (layer, key, date if key in {"month", "week"} else "")
        if at not in self._groupings:
            self._groupings[at] = self._grouped(layer, key, date)
        return self._groupings[at]

    def _grouped(self, layer: str, key: str, date: str) -> Grouping:
        n = self.size(layer)
        rows = np.arange(n, dtype=np.int64)
        if key == "layer":  # what is moved of a record that is off the lists is of its layer all the same
            return Grouping(rows, np.zeros(n, np.int64), (layer,))
        if key == "tier":
            return Grouping(rows, *_tiers(numbers_of(self.snapshot.table(layer)["rank"]), self.layers[layer]))
        if key == "subdistrict":
            words = (*self.snapshot.subdistricts, NOT_STATED)
            codes, own = codes_of(self.snapshot.table(layer)["subdistrict"])
            place = np.array(
                [*(words.index(w) if w in words else len(words) - 1 for w in own), len(words) - 1]
            )
            return Grouping(rows, place[codes].astype(np.int64), words)
        if key in {"month", "week"}:
            return Grouping(rows, *self.calendar(self.days(layer, date), key))
        codes, own = self.words(layer, key)
        return _by_word(codes, own, self.layers[layer], key)

    def calendar(self, days: Days, key: str) -> tuple[NDArray[np.int64], tuple[str, ...]]:
        """Return in which month or week days fall, by their place among those there are, in order; the last: in none."""
        known = ~np.isnat(days)
        if key == "month":
            units = days.astype("datetime64[M]").astype(np.int64)
        else:  # weeks since Monday, 29 December 1969, moved to where a week begins here
            units = (days.astype(np.int64) + 3 + self.days_before_monday) // 7
        if not known.any():
            return np.zeros(len(days), np.int64), (NOT_STATED,)
        first = int(units[known].min())
        there = np.flatnonzero(np.bincount(units[known] - first))
        named = [_month(int(u) + first) if key == "month" else _week(int(u) + first) for u in there]
        place = np.full(int(there[-1]) + 1, len(there), np.int64)
        place[there] = np.arange(len(there))
        return np.where(known, place[np.where(known, units - first, 0)], len(there)), (*named, NOT_STATED)


def _month(unit: int) -> str:
    return f"{1970 + unit // 12:04d}-{unit % 12 + 1:02d}"


def _week(unit: int) -> str:
    monday = dt.date(1969, 12, 29) + dt.timedelta(days=7 * unit)
    return "{}-W{:02d}".format(*monday.isocalendar()[:2])


def _tiers(rank: NDArray[np.uint8], layer: Layer) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Return by row the place of its standing, the worst first and what is not rated last."""
    own = (*TIERS, "unrated") if layer.counts == "risk" else tuple(GRADES[one] for one in (*TIERS, "unrated"))
    known = RANKS if layer.counts == "risk" else STANDINGS[len(RANKS) :]
    place = np.zeros(len(STANDINGS), np.int64)
    for word in known:
        place[STANDINGS.index(word)] = own.index(word)
    return place[rank], own


def _by_word(codes: NDArray[np.int64], words: Sequence[str], layer: Layer, key: str) -> Grouping:
    """Return groups in the order of the choices of a field, else of the words; of several in a cell each."""
    parts = [pieces(word) for word in words]
    listed = layer.field(key).choices if key in layer.field_ids else ()
    ids = [choice.id for choice in listed]
    if key in layer.field_ids and layer.field(key).type == "boolean":
        ids = ["true", "false"]
    more = sorted({piece for part in parts for piece in part if piece not in ids})
    members = (*ids, *more, NOT_STATED)
    place = {member: i for i, member in enumerate(members)}
    rows = np.arange(len(codes), dtype=np.int64)
    last = len(members) - 1
    if all(len(part) == 1 for part in parts):
        of_word = np.array([*(place[part[0]] for part in parts), last], np.int64)
        return Grouping(rows, of_word[codes], members)
    sizes = np.array([*(len(part) for part in parts), 1], np.int64)
    starts = np.cumsum(np.append(0, sizes))[:-1]
    flat = np.array([*(place[piece] for part in parts for piece in part), last], np.int64)
    many = sizes[codes]
    repeated = np.repeat(rows, many)
    step = np.arange(int(many.sum())) - np.repeat(np.cumsum(many) - many, many)
    return Grouping(repeated, flat[np.repeat(starts[codes], many) + step], members)


def _coded(column: pa.ChunkedArray) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    if pa.types.is_boolean(column.type):
        marks = floats_of(column)
        return np.where(np.isnan(marks), -1, np.where(marks == 1, 0, 1)).astype(np.int64), ("true", "false")
    if not pa.types.is_dictionary(column.type):
        if not pa.types.is_string(column.type):
            column = column.cast(pa.string())
        column = column.dictionary_encode()
    codes, words = codes_of(column)
    if "" in words:  # a blank text is none
        codes = np.where(codes == words.index(""), -1, codes)
    return codes.astype(np.int64), tuple(words)


def _days_of(column: pa.ChunkedArray) -> Days:
    if not pa.types.is_string(column.type):
        return np.full(len(column), "NaT", "datetime64[D]")
    text = column.combine_chunks()
    instants = pc.any(pc.ends_with(text, "Z")).as_py()
    try:
        kept = pc.utf8_slice_codeunits(text, 0, 10) if instants else text
        days = np.asarray(kept.cast(pa.date32()).to_numpy(zero_copy_only=False))
    except pa.ArrowInvalid:  # a word that is no day stands among them
        return np.array([_day(word) for word in text.to_pylist()], "datetime64[D]")
    days = days.astype("datetime64[D]")
    if not instants:
        return days
    # What is kept to the minute is UTC: from 16:00 on Beijing has the next day.
    late = pc.and_(pc.ends_with(text, "Z"), pc.greater_equal(pc.utf8_slice_codeunits(text, 11, 13), "16"))
    moved = bools_of(pc.fill_null(late, fill_value=False)).astype("timedelta64[D]")
    return np.asarray(days + moved, "datetime64[D]")


def _day(word: str | None) -> np.datetime64:
    try:
        kept = (word or "")[:10] if not (word or "").endswith("Z") else day_kept(word or "")
        return np.datetime64(dt.date.fromisoformat(kept), "D")
    except ValueError:
        return np.datetime64("NaT")
