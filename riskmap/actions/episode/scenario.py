"""What issued tracks, rain and warnings mean here: raised tiers, closed shelters, and what cannot be told.

Nothing is written.

What scenarios raised, kept in memory after it was written or read: a scenario never changes.

A computed scenario goes into the ledger: what it holds, and how its log begins.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from riskmap.actions.episode import inputs
from riskmap.actions.episode.fire_weather import fire_weather
from riskmap.actions.episode.hazards_at import Gauges, Weather
from riskmap.actions.episode.inputs import Given, check, hours, middle, moment_of_scenario, read
from riskmap.actions.tier_models import made_by
from riskmap.actions.workspace import Workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.catalog import Layer
from riskmap.catalog.drivers import trigger_drivers
from riskmap.catalog.triggers import WARNING
from riskmap.errors import RiskmapError, Text
from riskmap.hazards.track import lead_hours, position_error
from riskmap.json_documents import Document
from riskmap.ledger.store import no_cycles
from riskmap.moments import iso_second, moment_of
from riskmap.progress import UNWATCHED, Progress
from riskmap.response.levels import concerned_rows, groups
from riskmap.response.playback import cone, rain_document, seconds, track_document
from riskmap.response.triggers import evaluate
from riskmap.rules.arrays import LayerArrays
from riskmap.rules.permissions import Actor, may
from riskmap.values.hazards import Escalation, IssuedWarning, Times, Track
from riskmap.values.records import Features
from riskmap.values.scenario import (
    Closure,
    NewEvent,
    OpenedScenario,
    Recorded,
    RecordedScenario,
    TriggerResult,
)
from riskmap.vocabulary import COLOURS, KINDS, UNRATED

_AT_ONCE: Final = 65_536  # records whose hours are in memory at a time


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """What was computed. `outcomes` by layer; `times` hourly, UTC; `notes` say what was filled or left out.

    Rows of what an outcome does not know count among the records that its triggers concern.
    """

    given: Given
    title: str
    at: np.datetime64
    times: Times
    tracks: tuple[Track, ...]
    gauges: Gauges | None
    warnings: tuple[IssuedWarning, ...]
    outcomes: Mapping[str, TriggerResult]
    notes: tuple[Text, ...]
    files: tuple[Mapping[str, str], ...]
    unknown: tuple[Mapping[str, str], ...]
    others: frozenset[str] = (
        frozenset()
    )  # layers that are no risk: called out and closed, not counted as raised

    @property
    def escalations(self) -> list[Escalation]:
        """All raised tiers, layer after layer."""
        return [one for outcome in self.outcomes.values() for one in outcome.escalations]

    @property
    def worst(self) -> dict[tuple[str, str], int]:
        """The worst rank that each record is raised to, by layer and code."""
        found: dict[tuple[str, str], int] = {}
        for one in self.escalations:
            found[one.layer, one.code] = max(found.get((one.layer, one.code), 0), one.rank_to)
        return found

    @property
    def closed(self) -> list[Closure]:
        """All shelters that may not be used."""
        return [one for outcome in self.outcomes.values() for one in outcome.closed]


def prepare(ws: Workspace, given: Given, *, progress: Progress = UNWATCHED) -> Prepared:
    """Return what the given track, rain and warnings mean for every record of the ledger.

    RiskmapError names the file and line, or the word, that cannot be used; nothing is written.
    """
    with no_cycles():
        return _prepared(ws, given, progress)


_READING = Text("读取路径和雨量", "reading tracks and rain")


def _prepared(ws: Workspace, given: Given, progress: Progress) -> Prepared:
    check(given)
    if not any(layer.triggers for layer in ws.catalog.layers.values()):
        raise RiskmapError(
            f"{ws.root / 'layers'}：图层文件里没有触发条件 [[triggers]]，无法研判；请从程序自带的图层文件里复制过来",
            f"{ws.root / 'layers'}: no layer file has [[triggers]]; copy them from the layers that come with the program",
        )
    records, reading, looking = progress.parts(2, 1, 7)
    snapshot = current_snapshot(ws, progress=records)
    reading.step(0, 1, _READING)
    lon, lat = middle(ws, snapshot)
    tracks, gauges, files = read(ws, given, lon, lat)
    times, warnings = hours(given, tracks, gauges, lon, lat)
    at = moment_of_scenario(given, times, tracks, lon, lat)
    fire = fire_weather(given.fire, lat=lat) if given.fire is not None else None
    weather = Weather(ws, times, tracks, given.rain or gauges, model=given.model, fire=fire)
    outcomes: dict[str, TriggerResult] = {}
    unknown: list[Mapping[str, str]] = []
    asked = [one for one in ws.catalog.layers.values() if one.triggers and len(snapshot.table(one.id))]
    sizes = [len(snapshot.table(layer.id)) for layer in asked]
    for layer, size, part in zip(asked, sizes, looking.parts(*sizes), strict=True):
        parts: list[TriggerResult] = []
        pieces = part.parts(*[_AT_ONCE] * (size // _AT_ONCE), size % _AT_ONCE or 1)
        for table, piece in zip(_concerned(snapshot.table(layer.id), layer), pieces, strict=False):
            weather_part, judging = piece.parts(4, 1)
            columns = LayerArrays(table, layer)
            drivers = weather.drivers(layer, table, weather_part)
            judging.step(0, 1, Text(f"触发条件：{layer.title.zh}", f"triggers: {layer.title.en}"))
            found = evaluate(
                layer.triggers,
                columns,
                ranks=_tiers(table, layer),
                drivers=drivers,
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
        others=others_of(ws),
    )


def others_of(ws: Workspace) -> frozenset[str]:
    """Return the layers that are no risk."""
    return frozenset(one for one, layer in ws.catalog.layers.items() if layer.counts != "risk")


def _concerned(table: Any, layer: Layer) -> Iterator[Any]:
    """Yield the records that some trigger may concern, so many at once that their hours fit into memory."""
    for start in range(0, len(table), _AT_ONCE):
        piece = table.slice(start, _AT_ONCE)
        columns = LayerArrays(piece, layer)
        some = np.zeros(len(piece), bool)
        for trigger in layer.triggers:
            if trigger.driver == WARNING:
                some |= concerned_rows(trigger, columns)[1]
                continue
            for group in groups(trigger, columns):
                some[group.rows] |= bool(group.levels)
        if some.any():
            yield piece if some.all() else piece.filter(pa.array(some)).combine_chunks()


def _tiers(table: Any, layer: Layer) -> NDArray[np.uint8]:
    """Return the ranks that a storm raises from; what is no risk has no tier, whatever its grade."""
    ranks = table["rank"].to_numpy()
    return ranks if layer.counts == "risk" else np.full(len(ranks), UNRATED, np.uint8)


def _joined(parts: Sequence[TriggerResult]) -> TriggerResult:
    if len(parts) == 1:
        return parts[0]
    return TriggerResult(
        escalations=tuple(one for part in parts for one in part.escalations),
        reached=tuple(one for part in parts for one in part.reached),
        unknown=tuple(one for part in parts for one in part.unknown),
        closed=tuple(one for part in parts for one in part.closed),
        skipped=tuple(dict.fromkeys(name for part in parts for name in part.skipped)),
    )


def _lacking(words: Iterable[str], layer: Layer) -> dict[str, str]:
    """Return what is missing in both languages: drivers by their title, fields by theirs."""
    titles: list[Text] = []
    for word in words:
        kind, _, name = word.partition(":")
        titles.append(trigger_drivers()[name].title if kind == "driver" else layer.field(name).title)
    return {
        "zh": "缺" + "、".join(one.zh for one in titles),
        "en": "not known: " + ", ".join(one.en.lower() for one in titles),
    }


def _unknown(layer_of: Layer, table: Any, found: TriggerResult) -> list[Mapping[str, str]]:
    """Return the records that cannot be judged, each once, with what is missing in words."""
    missing: dict[int, dict[str, None]] = {}
    raised = {one.code for one in (*found.escalations, *found.reached, *found.closed)}
    codes, names = (table[name].to_pylist() if found.unknown else [] for name in ("code", "name"))
    for one in found.unknown:
        for row in one.rows.tolist():
            if codes[row] in raised:  # in danger for certain: what else may raise it is not asked
                continue
            missing.setdefault(row, {}).update(dict.fromkeys(f"{one.why}:{name}" for name in one.names))
    return [
        {"layer": layer_of.id, "code": codes[row], "name": names[row] or "", **_lacking(words, layer_of)}
        for row, words in sorted(missing.items())
    ]


def _title(tracks: Sequence[Track], warnings: Sequence[IssuedWarning]) -> str:
    if tracks:
        return tracks[0].name or "台风"
    if warnings:
        one = warnings[0]
        return f"{KINDS[one.kind].zh}{COLOURS[one.colour].zh}预警"
    return "降雨"


_KEEP: Final = 6  # scenarios; each raises some thousands of records


_kept: OrderedDict[tuple[object, ...], tuple[Recorded, ...]] = OrderedDict()


_lock: Final = threading.Lock()


def raised(ws: Workspace, scenario: RecordedScenario) -> tuple[Recorded, ...]:
    """Return what a scenario of this ledger raised, worst and soonest first; shared between threads."""
    key = _key(ws, scenario)
    with _lock:
        if (found := _kept.get(key)) is not None:
            _kept.move_to_end(key)
            return found
    found = ordered(ws.ledger.escalations(scenario=scenario.id))
    _keep(key, found)
    return found


def foreseen(ws: Workspace, found: Prepared) -> tuple[Recorded, ...]:
    """Return what a computed scenario raises as it would be kept, worst and soonest first; nothing is written."""
    wanted: dict[str, list[Escalation]] = {}
    for one in found.escalations:
        wanted.setdefault(one.layer, []).append(one)
    made: list[Recorded] = []
    for layer, some in wanted.items():
        codes = sorted({one.code for one in some})
        features = ws.ledger.features(layer, codes=codes, include_retired=True)
        place = {code: row for row, code in enumerate(features.records.code)}
        made += [_foreseen(one, features, place[one.code]) for one in some]
    return ordered(made)


def _foreseen(one: Escalation, features: Features, row: int) -> Recorded:
    name, subdistrict = features.records.name[row], features.records.subdistrict[row]
    return Recorded(
        one,
        int(features.feature_id[row]),
        int(features.version[row]),
        name if isinstance(name, str) else None,
        subdistrict if isinstance(subdistrict, str) else None,
    )


def remember(ws: Workspace, opened: OpenedScenario) -> None:
    """Keep what was just written: the page that shows it next need not read it back."""
    _keep(_key(ws, opened.scenario), ordered(opened.raised))


def ordered(found: Sequence[Recorded]) -> tuple[Recorded, ...]:
    """Return escalations worst and soonest first, by layer and code where they are alike."""
    return tuple(sorted(found, key=_urgency))


def each_once(found: Sequence[Recorded]) -> tuple[Recorded, ...]:
    """Return the first escalation of each record: of ordered ones its worst and soonest."""
    seen: dict[int, Recorded] = {}
    for one in found:
        seen.setdefault(one.feature_id, one)
    return tuple(seen.values())


def _urgency(one: Recorded) -> tuple[object, ...]:
    it = one.escalation
    return (-it.rank_to, it.peak.start, it.layer, it.code, it.trigger)


def _key(ws: Workspace, scenario: RecordedScenario) -> tuple[object, ...]:
    # The changeset and its moment too: after a restore the number may name another scenario.
    return (ws.store, ws.root, scenario.id, scenario.changeset, scenario.recorded)


def _keep(key: tuple[object, ...], found: tuple[Recorded, ...]) -> None:
    with _lock:
        _kept[key] = found
        _kept.move_to_end(key)
        while len(_kept) > _KEEP:
            _kept.popitem(last=False)


_MOST_NAMED: Final = 500  # unknown records that a scenario lists; the others are counted


def keep(ws: Workspace, found: Prepared, *, by: Actor, why: str) -> int:
    """Put a computed scenario into the ledger; return its number. Warnings and response open its log."""
    may(by, "keep_log")
    events = [
        NewEvent(
            at=_happened(one.issued, found.given),
            kind="warning",
            subdistrict=one.subdistricts[0] if len(one.subdistricts) == 1 else None,
            body=_event_body(one),
        )
        for one in found.warnings
    ]
    if found.given.response:
        at = _happened(found.at, found.given)
        events.append(NewEvent(at=at, kind="response", body={"level": found.given.response}))
    opened = ws.ledger.open_scenario(
        title=found.title,
        drill=found.given.drill,
        body=body_of(ws, found),
        at=moment_of(found.at),
        escalations=found.escalations,
        events=events,
        by=by.name,
        why=why,
    )
    remember(ws, opened)
    return opened.scenario.id


def _happened(moment: np.datetime64, given: Given) -> dt.datetime:
    """Return when something is logged: the log holds nothing that is still to come, but in a drill."""
    return moment_of(moment if given.drill else min(moment, inputs.now()))


def _event_body(one: IssuedWarning) -> Document:
    """Return what the log keeps of a warning: as `riskmap log … warning` writes it, see docs/duty.md."""
    body: dict[str, Any] = {"hazard": one.kind, "colour": one.colour}
    if one.subdistricts:
        body["subdistricts"] = list(one.subdistricts)
    return body | ({"text": one.text} if one.text else {})


def body_of(ws: Workspace, found: Prepared) -> Document:
    """Return what a scenario keeps beside its escalations, as JSON."""
    forecast = [track for track in found.tracks if track.issued is not None]
    gauges = found.gauges
    names = {
        layer: dict(
            zip(*(current_snapshot(ws).table(layer)[c].to_pylist() for c in ("code", "name")), strict=True)
        )
        for layer in {one.layer for one in found.closed}
    }
    return {
        "times": seconds(found.times),
        "tracks": [track_document(track) for track in found.tracks],
        "cone": cone(forecast[0], position_error(lead_hours(forecast[0], forecast[0].time)))
        if forecast
        else None,
        "rain": []
        if gauges is None
        else rain_document(gauges.rain, gauges.names, gauges.lon.tolist(), gauges.lat.tolist(), found.times),
        "files": [dict(one) for one in found.files],
        "warnings": [
            {
                "kind": one.kind,
                "colour": one.colour,
                "issued": f"{one.issued}Z",
                "expires": None if one.expires is None else f"{one.expires}Z",
                "subdistricts": list(one.subdistricts),
            }
            for one in found.warnings
        ],
        "response": found.given.response,
        "model": found.given.model,
        "tier_models": {
            layer: [
                {**one.named, "status": one.status, "zh": one.title.zh, "en": one.title.en} for one in models
            ]
            for layer, models in made_by(ws, found.outcomes).items()
        },
        "notes": [{"zh": note.zh, "en": note.en} for note in found.notes],
        "skipped": {layer: list(o.skipped) for layer, o in found.outcomes.items() if o.skipped},
        "closed": [
            {
                "layer": one.layer,
                "code": one.code,
                "name": names[one.layer].get(one.code) or "",
                "zh": one.cause.zh,
                "en": one.cause.en,
                "start": iso_second(one.start),
                "expiry": iso_second(one.expiry),
            }
            for one in found.closed
        ],
        "unknown_count": len(found.unknown),
        "unknown": [dict(one) for one in found.unknown[:_MOST_NAMED]],
    }
