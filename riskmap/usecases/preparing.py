"""From what was issued to what it means here: raised tiers, closed shelters, and what cannot be told.

`prepare` computes and writes nothing; `keep` puts the result into the ledger as a scenario.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from riskmap.catalog import Layer
from riskmap.catalog.triggers import DRIVERS, WARNING
from riskmap.columns import Columns
from riskmap.demo.storm import drill_rain, drill_track
from riskmap.duty import NewEvent
from riskmap.errors import RiskmapError, Say
from riskmap.hazards import COLOURS, KINDS, RESPONSES, Escalation, IssuedWarning, Rain, Times, Track
from riskmap.intake.rain import read_station_rain
from riskmap.intake.tracks import read_tracks
from riskmap.prepare.classes import concerned_rows, groups
from riskmap.prepare.hours import hours_of, passing
from riskmap.prepare.outcome import Closure, Outcome
from riskmap.prepare.triggers import evaluate
from riskmap.prepare.wind_error import lead_hours, position_error
from riskmap.present.storm import cone, rain_document, seconds, track_document
from riskmap.records import RANKS, TIERS
from riskmap.selection import Snapshot
from riskmap.usecases.digests import digest_of
from riskmap.usecases.drivers import Gauges, Weather
from riskmap.usecases.duty import callout_view
from riskmap.usecases.duty_documents import callout_json
from riskmap.usecases.duty_exports import check_target, export_callout
from riskmap.usecases.hazard_input import rain_at, warnings_from
from riskmap.usecases.rain_rasters import ENDINGS
from riskmap.usecases.snapshots import current_snapshot
from riskmap.usecases.storms import moves_of
from riskmap.usecases.workspace import Workspace

_AT_ONCE: Final = 65_536  # records whose hours are in memory at a time
_DRILL_AHEAD: Final = np.timedelta64(24 * 3600, "s")
_MOST_NAMED: Final = 500  # unknown records that a scenario lists; the others are counted
_TYPED: Final = "typed"
_WARNING_FILES: Final = frozenset((".csv", ".tsv", ".json", ".xml", ".cap", ".txt"))


@dataclass(frozen=True, slots=True)
class Given:
    """What a person hands over. Warnings whose source is "typed" count from the scenario's first hour.

    `at`: the moment looked at, UTC; None leaves it to the data. `made`: the program's own storm
    instead of files, for a drill. `names`: how a file is called where its path is not its name.
    """

    title: str = ""
    tracks: tuple[Path, ...] = ()
    rain: Path | None = None
    warnings: tuple[IssuedWarning, ...] = ()
    response: str | None = None
    at: np.datetime64 | None = None
    drill: bool = False
    made: bool = False
    model: str = "radii"
    names: Mapping[Path, str] = field(default_factory=dict[Path, str])

    @classmethod
    def stated(
        cls,
        ws: Workspace,
        *,
        warnings: Sequence[str] = (),
        at: dt.datetime | None = None,
        **others: Any,
    ) -> Given:
        """Return what the command line states: warnings as KIND:COLOUR[@SUBDISTRICT,..] or files, `at` aware."""
        moment = None if at is None else np.datetime64(at.astimezone(dt.UTC).replace(tzinfo=None), "s")
        files = [Path(text) for text in warnings if _is_file(text)]
        typed = [text for text in warnings if not _is_file(text)]
        found = warnings_from(typed, files, ws, issued=moment if moment is not None else _now())
        return cls(warnings=tuple(found), at=moment, **others)

    def with_files(self, *, tracks: tuple[Path, ...], rain: Path | None, names: Mapping[Path, str]) -> Given:
        """Return the same with these files."""
        return replace(self, tracks=tracks, rain=rain, names=names)


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
    _check(given)
    now = current_snapshot(ws)
    lon, lat = _middle(ws, now)
    tracks, gauges, files = _read(ws, given, lon, lat)
    times, warnings = _hours(given, tracks, gauges, lon, lat)
    at = _moment(given, times, tracks, lon, lat)
    weather = Weather(ws, times, tracks, given.rain or gauges, model=given.model)
    outcomes: dict[str, Outcome] = {}
    unknown: list[Mapping[str, str]] = []
    for layer in ws.catalog.layers.values():
        if not layer.triggers or not len(now.table(layer.id)):
            continue
        parts: list[Outcome] = []
        for table in _concerned(now.table(layer.id), layer):
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


def keep(ws: Workspace, found: Prepared, *, who: str, why: str) -> int:
    """Put a computed scenario into the ledger; return its number. Warnings and response open its log."""
    number = ws.ledger.open_scenario(
        title=found.title,
        drill=found.given.drill,
        body=_body(ws, found),
        at=_aware(found.at),
        escalations=found.escalations,
        by=who,
        why=why,
    )
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
        events.append(
            NewEvent(
                at=_happened(found.at, found.given),
                kind="response",
                body={"level": found.given.response},
            )
        )
    if events:
        ws.ledger.add_events(number, events, by=who, why=why)
    return number


def _happened(moment: np.datetime64, given: Given) -> dt.datetime:
    """Return when something is logged: the log holds nothing that is still to come, but in a drill."""
    return _aware(moment if given.drill else min(moment, _now()))


def _event_body(one: IssuedWarning) -> dict[str, Any]:
    """Return what the log keeps of a warning: as `riskmap log … warning` writes it, see docs/duty.md."""
    body: dict[str, Any] = {"hazard": one.kind, "colour": one.colour}
    if one.subdistricts:
        body["subdistricts"] = list(one.subdistricts)
    return body | ({"text": one.text} if one.text else {})


def prepare_and_report(
    ws: Workspace,
    given: Given,
    *,
    people: Path | None = None,
    crs: str | None = None,
    keep_it: bool = True,
    to: Path | None = None,
    who: str,
    why: str,
) -> dict[str, Any]:
    """Compute, keep, and return the document of `riskmap prepare --json`.

    The call-out needs a kept scenario; without one it is empty. Nothing is kept where anything that
    was given cannot be used: the people and the ending of `to` are looked at first.
    """
    if to is not None:
        if not keep_it:
            raise RiskmapError(
                f"{to}：只算不存时没有叫应单；请去掉 --dry-run 或 --to",
                f"{to}: nothing is kept, so there is no call-out; leave out --dry-run or --to",
            )
        check_target(to, (".xlsx", ".docx", ""))
    if people is not None:
        _there(people)
    found = prepare(ws, given)
    worst: dict[tuple[str, str], int] = {}
    for one in found.escalations:
        worst[one.layer, one.code] = max(worst.get((one.layer, one.code), 0), one.rank_to)
    tiers = Counter(RANKS[rank] for rank in worst.values())
    moves: dict[str, Any] = {"people": 0, "placed": 0, "unplaced": 0, "assignments": []}
    table = people or ws.people_table
    if table is not None:
        closed = [one.code for one in found.closed]
        moves = moves_of(ws, table, worst, closed=closed, typhoon=bool(found.tracks), crs=crs)
    number = keep(ws, found, who=who, why=why) if keep_it else None
    callout: list[Any] = []
    if number is not None:
        view = callout_view(ws, number, now=_aware(found.at))
        callout = callout_json(view)["callout"]
        if to is not None:
            export_callout(view, to, by=who)
    return {
        "scenario": found.title,
        "id": number,
        "drill": given.drill,
        "at": f"{found.at}Z",
        "response": given.response,
        "raised": {tier: tiers.get(tier, 0) for tier in TIERS},
        "escalations": [escalation_json(one) for one in found.escalations],
        "callout": callout,
        "evacuation": moves,
        "closed_shelters": [
            {
                "code": one.code,
                "zh": one.cause.zh,
                "en": one.cause.en,
                "start": f"{one.start}Z",
                "expiry": f"{one.expiry}Z",
            }
            for one in found.closed
        ],
        "unknown_count": len(found.unknown),
        "unknown": list(found.unknown),
        "skipped": {
            layer: list(outcome.skipped) for layer, outcome in found.outcomes.items() if outcome.skipped
        },
        "notes": [{"zh": note.zh, "en": note.en} for note in found.notes],
    }


def escalation_json(one: Escalation) -> dict[str, Any]:
    """Return an escalation as `riskmap prepare --json` prints it."""
    return {
        "layer": one.layer,
        "code": one.code,
        "from": RANKS[one.rank_from],
        "to": RANKS[one.rank_to],
        "cause": one.cause.zh,
        "start": f"{one.start}Z",
        "expiry": f"{one.expiry}Z",
        "trigger": one.trigger,
        "value": None if np.isnan(one.value) else round(float(one.value), 2),
        "low": None if np.isnan(one.low) else round(float(one.low), 2),
        "high": None if np.isnan(one.high) else round(float(one.high), 2),
    }


def _is_file(text: str) -> bool:
    """Whether a warning is given as a file: by its ending, or because it is there. RiskmapError where it is not."""
    path = Path(text)
    if path.suffix.lower() in _WARNING_FILES and ":" not in path.name and "：" not in path.name:
        _there(path)
        return True
    return path.is_file()


def _there(path: Path, *, or_folder: bool = False) -> None:
    if not (path.is_file() or (or_folder and path.is_dir())):
        raise RiskmapError(
            f"{path}：没有这个文件；请核对路径", f"{path}: there is no such file; check the path"
        )


def _check(given: Given) -> None:
    if given.response is not None and given.response not in RESPONSES:
        raise RiskmapError(
            f"应急响应 {given.response}：不是 Ⅰ、Ⅱ、Ⅲ、Ⅳ 级；请写 I、II、III 或 IV",
            f"response {given.response}: no level; write I, II, III or IV",
        )
    for path in given.tracks:
        _there(path)
    if given.rain is not None:
        _there(given.rain, or_folder=True)
    if not given.made:
        return
    if not given.drill:
        raise RiskmapError(
            "程序生成的台风只用于演习；请加 --drill", "the made-up storm is for drills only; add --drill"
        )
    if given.tracks or given.rain is not None:
        raise RiskmapError(
            "程序生成的台风自带路径和降雨，不能再给路径或雨量文件；请去掉其中一种",
            "the made-up storm brings its own track and rain; give it, or files, not both",
        )


def _middle(ws: Workspace, now: Snapshot) -> tuple[float, float]:
    """Return the middle of the district, degrees."""
    if ws.places is not None:
        centre = ws.places.district.centroid
        return centre.x, centre.y
    lon, lat = (
        np.concatenate([np.zeros(0), *(table[axis].to_numpy() for table in now.tables.values())])
        for axis in ("lon", "lat")
    )
    known = np.isfinite(lon) & np.isfinite(lat)
    if not known.any():
        raise RiskmapError(
            "台账里没有带坐标的点位，也没有区界，无法研判；请先导入",
            "no record has a position and there is no boundary; import first",
        )
    return float(np.median(lon[known])), float(np.median(lat[known]))


def _read(
    ws: Workspace, given: Given, lon: float, lat: float
) -> tuple[tuple[Track, ...], Gauges | None, tuple[Mapping[str, str], ...]]:
    if given.made:
        return _made(ws, given, lon, lat)
    tracks: list[Track] = []
    files: list[Mapping[str, str]] = []
    for path in given.tracks:
        tracks += read_tracks(path)
        files.append({"name": given.names.get(path, path.name), "kind": "track", "digest": digest_of(path)})
    gauges = None
    if given.rain is not None:
        gauges = _shown_rain(given.rain, lon, lat)
        name = given.names.get(given.rain, given.rain.name)
        parts = sorted(given.rain.iterdir()) if given.rain.is_dir() else [given.rain]
        files += [
            {
                "name": name if part == given.rain else f"{name}/{part.name}",
                "kind": "rain",
                "digest": digest_of(part),
            }
            for part in parts
            if part.is_file()
        ]
    return tuple(tracks), gauges, tuple(files)


def _shown_rain(path: Path, lon: float, lat: float) -> Gauges:
    """Return the rain of a file as the map shows it: its stations, or of rasters the middle of the district."""
    if path.is_dir() or path.suffix.lower() in {*ENDINGS, ".zip"}:
        rain = rain_at(path, [lon], [lat]).rain
        return Gauges((path.name,), np.array([lon]), np.array([lat]), rain)
    found = read_station_rain(path)
    how = Say(f"{path.name}：{len(found.station)} 个雨量站", f"{path.name}: {len(found.station)} stations")
    return Gauges(found.station, found.lon, found.lat, Rain(found.time, found.step, found.amount, how))


def _made(
    ws: Workspace, given: Given, lon: float, lat: float
) -> tuple[tuple[Track, ...], Gauges, tuple[Mapping[str, str], ...]]:
    """Return the storm of a drill: it passes a day after the moment looked at, at a full hour."""
    start = _now() if given.at is None else given.at
    passes = start.astype("datetime64[h]").astype("datetime64[s]") + _DRILL_AHEAD
    track = replace(drill_track(lon, lat, passes), issued=start)
    places = ws.places
    if places is None:
        names, at = ("1",), np.array([[lon, lat]])
    else:
        names = places.names
        at = np.array([[p.x, p.y] for p in (shape.representative_point() for shape in places.polygons)])
    rain = drill_rain(at[:, 0], at[:, 1], passes)
    return (track,), Gauges(tuple(names), at[:, 0], at[:, 1], rain), ()


def _hours(
    given: Given, tracks: Sequence[Track], gauges: Gauges | None, lon: float, lat: float
) -> tuple[Times, tuple[IssuedWarning, ...]]:
    """Return the hours looked at, and the warnings with the moment from which a typed one counts.

    A typed one counts from `at`; without it from the first hour of what else was given, or from now
    where that is still to come. `at` moves nothing else.
    """
    rain = None if gauges is None else gauges.rain
    dated = [one for one in given.warnings if one.source != _TYPED]
    typed = [one for one in given.warnings if one.source == _TYPED]
    if not (tracks or rain is not None or dated):
        since = _now() if given.at is None else given.at
        typed = [replace(one, issued=since) for one in typed]
        return hours_of(lon=lon, lat=lat, warnings=typed, at=given.at), tuple(typed)
    times = hours_of(lon=lon, lat=lat, tracks=tracks, rain=rain, warnings=dated, at=given.at)
    since = given.at
    if since is None:
        since = tracks[0].issued if given.made else None
    if since is None:
        since = min(times[0], _now())
    typed = [replace(one, issued=since) for one in typed]
    if typed and since > times[-1]:  # what is issued after the last hour would not be known yet
        times = hours_of(lon=lon, lat=lat, tracks=tracks, rain=rain, warnings=[*dated, *typed], at=given.at)
    return times, (*dated, *typed)


def _moment(given: Given, times: Times, tracks: Sequence[Track], lon: float, lat: float) -> np.datetime64:
    """Return the moment looked at: as stated, else now or when it was issued, else as the storm comes near."""
    if given.at is not None:
        return given.at
    now = _now()
    if times[0] <= now <= times[-1]:
        return now
    issued = [track.issued for track in tracks if track.issued is not None]
    if issued and times[0] <= max(issued) <= times[-1]:
        return max(issued)
    return passing(tracks[0], lon, lat)[0] if tracks else times[0]


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


def _body(ws: Workspace, found: Prepared) -> dict[str, Any]:
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
        "notes": [{"zh": note.zh, "en": note.en} for note in found.notes],
        "skipped": {layer: list(o.skipped) for layer, o in found.outcomes.items() if o.skipped},
        "closed": [
            {
                "layer": one.layer,
                "code": one.code,
                "name": names[one.layer].get(one.code) or "",
                "zh": one.cause.zh,
                "en": one.cause.en,
                "start": f"{one.start}Z",
                "expiry": f"{one.expiry}Z",
            }
            for one in found.closed
        ],
        "unknown_count": len(found.unknown),
        "unknown": [dict(one) for one in found.unknown[:_MOST_NAMED]],
    }


def _now() -> np.datetime64:
    return np.datetime64(dt.datetime.now(dt.UTC).replace(tzinfo=None), "s")


def _aware(moment: np.datetime64) -> dt.datetime:
    return moment.astype("datetime64[s]").astype(object).replace(tzinfo=dt.UTC)


__all__ = ["Given", "Prepared", "escalation_json", "keep", "prepare", "prepare_and_report"]
