"""Triggers over hours of weather and water, and over warnings → raised tiers, closures, unknowns.

Pure and vectorised: hours × records in chunks of records, as float32. An escalation raises and never
lowers. What holds at an hour depends on nothing later, so an evaluation with the data up to an hour
and a replay of the whole storm say the same of that hour.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from riskmap.catalog.triggers import WARNING, Trigger
from riskmap.columns import Columns
from riskmap.hazards import IssuedWarning, Series, Times
from riskmap.prepare.classes import Group, concerned_rows, groups, lacking
from riskmap.prepare.found import Found
from riskmap.prepare.levels import concerned, steps
from riskmap.prepare.outcome import Outcome
from riskmap.prepare.warned import under_warning

CHUNK: Final = 4096
"""Records at once: the hours of so many stay in the processor's cache."""


def evaluate(
    triggers: Sequence[Trigger],
    columns: Columns,
    *,
    ranks: NDArray[np.integer[Any]],
    drivers: Mapping[str, Series],
    times: Times,
    warnings: Sequence[IssuedWarning] = (),
    subdistricts: Sequence[str | None] | None = None,
) -> Outcome:
    """Return what the triggers of one layer make of its records.

    `columns`: the layer's rows (with `code`); `ranks`: their static ranks, (n,); `drivers`: driver →
    Series, float32[times, n]; `times` ascending, UTC; the last one is *now* for warnings. A trigger whose
    driver is not given is skipped and named. `subdistricts`: name of each row (default: the column of the
    table); a row without one counts as inside every warned area. To raise on the unfavourable end of
    the band, hand over series whose `best` is their `high`.
    """
    now = times[-1] if len(times) else None
    skipped: list[str] = []
    found = Found(columns, np.asarray(ranks), times)
    for trigger in triggers:
        if trigger.driver == WARNING:
            if any(w.kind in trigger.kinds for w in warnings):
                for place, group in _places(trigger, columns, subdistricts):
                    found.warned(trigger, group, place, under_warning(trigger, warnings, place, now))
                found.close(trigger, lacking(trigger, columns))
        elif trigger.driver not in drivers:
            skipped.append(trigger.id)
        else:
            for group in groups(trigger, columns):
                for start in range(0, len(group.rows), CHUNK):
                    _by_numbers(trigger, group.only(slice(start, start + CHUNK)), drivers, found)
            found.close(trigger, lacking(trigger, columns))
    return Outcome(
        tuple(found.escalations),
        tuple(found.reached),
        tuple(found.unknown),
        tuple(found.closed),
        tuple(skipped),
    )


def _by_numbers(trigger: Trigger, group: Group, drivers: Mapping[str, Series], found: Found) -> None:
    some = concerned(group.levels, _of(drivers[trigger.driver], group.rows))
    if not some.any():
        return
    group = group.only(some)
    mine = {name: _of(drivers[name], group.rows) for name in trigger.drivers if name in drivers}
    found.numbers(trigger, group, mine, steps(group.levels, trigger.driver, mine))


def _of(series: Series, rows: NDArray[np.int64]) -> Series:
    """Return the series of some rows; rows without a gap are looked at in place."""
    first, last = int(rows[0]), int(rows[-1])
    where: Any = slice(first, last + 1) if last - first + 1 == len(rows) else rows
    best = series.best[:, where]
    low = best if series.low is series.best else series.low[:, where]
    return Series(best, low, best if series.high is series.best else series.high[:, where])


def _places(
    trigger: Trigger, columns: Columns, given: Sequence[str | None] | None
) -> Iterator[tuple[str | None, Group]]:
    """Yield the rows that a trigger on warnings may concern, by sub-district."""
    names = given
    if names is None:
        there = "subdistrict" in columns.table.column_names
        names = columns.table.column("subdistrict").to_pylist() if there else [None] * len(columns)
    sure, possible, assumed = concerned_rows(trigger, columns)
    places: dict[str | None, list[int]] = {}
    for row in np.flatnonzero(possible).tolist():
        places.setdefault(names[row] or None, []).append(row)
    for place, members in places.items():
        rows = np.asarray(members, dtype=np.int64)
        yield place, Group(rows, (), sure[rows], assumed[rows])
