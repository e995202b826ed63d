"""The district over time: its tiers at earlier days and in what was published, and how old the records are."""

from __future__ import annotations

import calendar
import datetime as dt
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final
from weakref import WeakKeyDictionary

import pyarrow as pa

from riskmap.actions.publishing import publications_of
from riskmap.actions.workspace import Workspace
from riskmap.ledger.store import stored_moment
from riskmap.moments import last_moment, local_day, local_now, parse_as_of
from riskmap.rules.arrays import pc
from riskmap.selection import NOT_STATED, Snapshot
from riskmap.vocabulary import TIERS

_MOST: Final = (
    300_000  # records up to which the ledger of earlier days is counted: 42,336 take a tenth of a second
)


_DAYS: Final = 4  # earlier days that are told beside what was published


_WRITES: Final = 400  # that are looked through for days on which something was written


_TIERS_FIGURE: Final = "points.tiers"


@dataclass(frozen=True, slots=True)
class Standing:
    """The tiers of the district's risks at an earlier day, or in a publication: tier (or "unrated") → how many.

    `as_of`: the day or moment as addresses write it; `name` of the publication, "" of a day.
    """

    as_of: str
    tiers: Mapping[str, int]
    name: str = ""

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.tiers.values())


def trend(ws: Workspace, n: int, *, until: dt.date | None = None) -> tuple[Standing, ...]:
    """Return how the tiers stood at the ends of past months (of past days, where the ledger is younger) and in the last
    publications, the oldest first; without the present.

    `n`: how many records there are now. Of more than 300,000 only publications are told: the ledger of a past day
    is not counted in passing.
    """
    found = [*_published(ws, until)]
    if n <= _MOST:
        found += [
            Standing(day.isoformat(), _tiers_at(ws, last_moment(day))) for day in _days(ws, until)[-_DAYS:]
        ]
    return tuple(
        sorted((one for one in found if one.total), key=lambda one: last_moment(parse_as_of(one.as_of)))
    )


def _days(ws: Workspace, until: dt.date | None) -> list[dt.date]:
    """Return ends of months since the first write, before today; days of writes where there are fewer than two."""
    first = ws.ledger.written_at(1)
    if first is None:
        return []
    today = local_now().date() if until is None else local_day(until)
    began = stored_moment(first).astimezone().date()
    ends = [day for day in _month_ends(began, today) if day < today]
    if len(ends) > 1:
        return ends
    written = {stored_moment(one.at).astimezone().date() for one in ws.ledger.changesets(limit=_WRITES)}
    return sorted(day for day in {*ends, *written} if day < today)


def _month_ends(first: dt.date, last: dt.date) -> Iterator[dt.date]:
    year, month = first.year, first.month
    while (year, month) <= (last.year, last.month):
        yield dt.date(year, month, calendar.monthrange(year, month)[1])
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)  # noqa: PLR2004 - months of a year


def _tiers_at(ws: Workspace, moment: dt.datetime) -> Mapping[str, int]:
    state = ws.ledger.state_at(moment)
    key = (ws.root, ws.store, state, ws.ledger.written_at(state) if state else "")
    if key not in _counted:
        if len(_counted) > _KEPT:
            _counted.clear()
        _counted[key] = ws.ledger.standings(state) if state else {}
    every: Counter[str] = Counter()
    for layer, tiers in _counted[key].items():
        if layer in ws.catalog.risks:
            every.update(tiers)
    return {tier: every[tier] for tier in (*TIERS, "unrated")}


_KEPT: Final = 256
# What a past state held stands still, so that it is counted once; it and its moment name one content of a ledger.
_counted: dict[tuple[Path, str | None, int, str | None], Mapping[str, Counter[str]]] = {}


def _published(ws: Workspace, until: dt.date | None) -> Iterator[Standing]:
    store = publications_of(ws)
    limit = None if until is None else last_moment(until)
    for name in store.names()[-_DAYS:]:
        manifest = store.manifest(name)
        if limit is not None and last_moment(parse_as_of(manifest.as_of)) > limit:
            continue
        tiers = _published_tiers(ws.root, name, manifest.figures)
        if tiers:
            yield Standing(manifest.as_of, dict(tiers), name)


@lru_cache(maxsize=64)
def _published_tiers(root: Path, name: str, _digest: str) -> tuple[tuple[str, int], ...]:
    """Return the tiers of a publication, () where it was made before they were a figure."""
    from riskmap.io.files.publications import Publications  # noqa: PLC0415 - where something was published

    figures = json.loads(Publications(root).content(name, "figures.json"))["figures"]
    groups = next((one["groups"] for one in figures if one["id"] == _TIERS_FIGURE), ())
    counted = {one["member"]: int(one["value"] or 0) for one in groups}
    return tuple((tier, counted.get(tier, 0)) for tier in (*TIERS, "unrated")) if counted else ()


@dataclass(frozen=True, slots=True)
class Freshness:
    """When the records of a layer, or of a sub-district, were last written (ISO, UTC), "" where there are none."""

    newest: Mapping[str, str]
    streets: Mapping[str, str]


# By the snapshot itself, which stands still.
_fresh: WeakKeyDictionary[Snapshot, Freshness] = WeakKeyDictionary()


def freshness(ws: Workspace, snapshot: Snapshot) -> Freshness:
    """Return when something was last written of each layer, and of the risks of each sub-district."""
    if snapshot not in _fresh:
        newest: dict[str, str] = {}
        streets: dict[str, str] = {}
        for layer in snapshot.layers:
            table = snapshot.table(layer).select(["subdistrict", "updated_at"])
            newest[layer] = str(pc.max(table["updated_at"]).as_py() or "") if len(table) else ""
            if layer in ws.catalog.risks and len(table):
                words = table["subdistrict"]
                plain = words.cast(pa.string()) if pa.types.is_dictionary(words.type) else words
                grouped = pa.table({"street": plain, "at": table["updated_at"]}).group_by("street")
                for row in grouped.aggregate([("at", "max")]).to_pylist():
                    street, at = row["street"] or NOT_STATED, str(row["at_max"] or "")
                    streets[street] = max(streets.get(street, ""), at)
        _fresh[snapshot] = Freshness(newest, streets)
    return _fresh[snapshot]
