"""What issued tracks, rain and warnings mean here: raised tiers, closed shelters, and what cannot be told.

Nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa

from riskmap.catalog import Layer
from riskmap.catalog.triggers import DRIVERS, WARNING
from riskmap.columns import Columns
from riskmap.errors import RiskmapError, Say
from riskmap.hazards import COLOURS, KINDS, Escalation, IssuedWarning, Times, Track
from riskmap.ledger.store import no_cycles
from riskmap.prepare.classes import concerned_rows, groups
from riskmap.prepare.outcome import Closure, Outcome
from riskmap.prepare.triggers import evaluate
from riskmap.usecases.drivers import Gauges, Weather
from riskmap.usecases.fire_weather import fire_weather
from riskmap.usecases.issued import Given, check, hours, middle, moment_of_scenario, read
from riskmap.usecases.snapshots import current_snapshot
from riskmap.usecases.workspace import Workspace

_AT_ONCE: Final = 65_536  # records whose hours are in memory at a time


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """What was computed. `outcomes` by layer; `times` hourly, UTC; `notes` say what was filled or left out.

    Rows of an outcome count among the records that its triggers concern: go by `code`.
    """

    given: Given
    title: str
    at: np.datetime64
    times: Times
    tracks: tuple[Track, ...]
    gauges: Gauges | None
    warnings: tuple[IssuedWarning, ...]
    outcomes: Mapping[str, Outcome]
    notes: tuple[Say, ...]
    files: tuple[Mapping[str, str], ...]
    unknown: tuple[Mapping[str, str], ...]

    @property
    def escalations(self) -> list[Escalation]:
        """All raised tiers, layer after layer."""
        return [one for outcome in self.outcomes.values() for one in outcome.escalations]

    @property
    def closed(self) -> list[Closure]:
        """All shelters that may not be used."""
        return [one for outcome in self.outcomes.values() for one in outcome.closed]


def prepare(ws: Workspace, given: Given) -> Prepared:
    """Return what the given track, rain and warnings mean for every record of the ledger.

    RiskmapError names the file and line, or the word, that cannot be used; nothing is written.
    """
    with no_cycles():
        return _prepared(ws, given)


def _prepared(ws: Workspace, given: Given) -> Prepared:
    check(given)
    if not any(layer.triggers for layer in ws.catalog.layers.values()):
        raise RiskmapError(
            f"{ws.root / 'layers'}：图层文件里没有触发条件 [[triggers]]，无法研判；请从程序自带的图层文件里复制过来",
            f"{ws.root / 'layers'}: no layer file has [[triggers]]; copy them from the layers that come with the program",
        )
    snapshot = current_snapshot(ws)
    lon, lat = middle(ws, snapshot)
    tracks, gauges, files = read(ws, given, lon, lat)
    times, warnings = hours(given, tracks, gauges, lon, lat)
    at = moment_of_scenario(given, times, tracks, lon, lat)
    fire = fire_weather(given.fire, lat=lat) if given.fire is not None else None
    weather = Weather(ws, times, tracks, given.rain or gauges, model=given.model, fire=fire)
    outcomes: dict[str, Outcome] = {}
    unknown: list[Mapping[str, str]] = []
    for layer in ws.catalog.layers.values():
        if not layer.triggers or not len(snapshot.table(layer.id)):
            continue
        parts: list[Outcome] = []
        for table in _concerned(snapshot.table(layer.id), layer):
            columns = Columns(table, layer)
            found = evaluate(
                layer.triggers,
                columns,
                ranks=table["rank"].to_numpy(),
                drivers=weather.drivers(layer, table),
                times=times,
                warnings=warnings,
            )
            unknown += _unknown(layer, table, found)
            parts.append(found)
        outcomes[layer.id] = _joined(parts)
    return Prepared(
        given=given,
        title=given.title or _title(tracks, warnings),
        at=at,
        times=times,
        tracks=tracks,
        gauges=gauges,
        warnings=warnings,
        outcomes=outcomes,
        notes=weather.notes,
        files=files,
        unknown=tuple(unknown),
    )


def _concerned(table: Any, layer: Layer) -> Iterator[Any]:
    """Yield the records that some trigger may concern, so many at once that their hours fit into memory."""
    for start in range(0, len(table), _AT_ONCE):
        piece = table.slice(start, _AT_ONCE)
        columns = Columns(piece, layer)
        some = np.zeros(len(piece), bool)
        for trigger in layer.triggers:
            if trigger.driver == WARNING:
                some |= concerned_rows(trigger, columns)[1]
                continue
            for group in groups(trigger, columns):
                some[group.rows] |= bool(group.levels)
        if some.any():
            yield piece if some.all() else piece.filter(pa.array(some)).combine_chunks()


def _joined(parts: Sequence[Outcome]) -> Outcome:
    if len(parts) == 1:
        return parts[0]
    return Outcome(
        escalations=tuple(one for part in parts for one in part.escalations),
        reached=tuple(one for part in parts for one in part.reached),
        unknown=tuple(one for part in parts for one in part.unknown),
        closed=tuple(one for part in parts for one in part.closed),
        skipped=tuple(dict.fromkeys(name for part in parts for name in part.skipped)),
    )


def _lacking(words: Iterable[str], layer: Layer) -> dict[str, str]:
    """Return what is missing in both languages: drivers by their title, fields by theirs."""
    titles: list[Say] = []
    for word in words:
        kind, _, name = word.partition(":")
        titles.append(DRIVERS[name].title if kind == "driver" else layer.field(name).title)
    return {
        "zh": "缺" + "、".join(one.zh for one in titles),
        "en": "not known: " + ", ".join(one.en.lower() for one in titles),
    }


def _unknown(layer_of: Layer, table: Any, found: Outcome) -> list[Mapping[str, str]]:
    """Return the records that cannot be judged, each once, with what is missing in words."""
    missing: dict[int, dict[str, None]] = {}
    raised = {one.row for one in (*found.escalations, *found.reached, *found.closed)}
    for one in found.unknown:
        for row in one.rows.tolist():
            if row in raised:  # in danger for certain: what else may raise it is not asked
                continue
            missing.setdefault(row, {}).update(dict.fromkeys(f"{one.why}:{name}" for name in one.names))
    if not missing:
        return []
    layer = layer_of.id
    codes, names = table["code"].to_pylist(), table["name"].to_pylist()
    return [
        {"layer": layer, "code": codes[row], "name": names[row] or "", **_lacking(words, layer_of)}
        for row, words in sorted(missing.items())
    ]


def _title(tracks: Sequence[Track], warnings: Sequence[IssuedWarning]) -> str:
    if tracks:
        return tracks[0].name or "台风"
    if warnings:
        one = warnings[0]
        return f"{KINDS[one.kind].zh}{COLOURS[one.colour].zh}预警"
    return "降雨"
