"""What a person hands over before the storm, checked and read: tracks, rain, warnings, and their hours."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from riskmap.actions.episode.hazards_at import Gauges, rain_at, warnings_from
from riskmap.actions.workspace import Workspace
from riskmap.coordinates import Region
from riskmap.demo_district.files import drill_rain, drill_track
from riskmap.errors import RiskmapError, Text
from riskmap.hazards.track import hours_of, passing
from riskmap.interface import option
from riskmap.io.files.text_files import digest_of
from riskmap.io.readers.rain import ENDINGS, read_station_rain
from riskmap.io.readers.tracks import read_tracks
from riskmap.moments import seconds_of, utc_now
from riskmap.selection import Snapshot
from riskmap.values.hazards import IssuedWarning, Rain, Times, Track
from riskmap.vocabulary import RESPONSES

_DRILL_AHEAD: Final = np.timedelta64(24 * 3600, "s")


_TYPED: Final = "typed"


_WARNING_FILES: Final = frozenset((".csv", ".tsv", ".xlsx", ".xls", ".json", ".xml", ".cap", ".txt"))


@dataclass(frozen=True, slots=True)
class Given:
    """What a person hands over. Warnings whose source is "typed" count from the scenario's first hour.

    `at`: the moment looked at, UTC; None leaves it to the data. `made`: the program's own storm
    instead of files, for a drill. `fire`: daily weather of the grids (`riskmap fire-weather`).
    `notices`: the files that some of the warnings came from. `names`: how a file is called where its
    path is not its name.
    """

    title: str = ""
    tracks: tuple[Path, ...] = ()
    rain: Path | None = None
    fire: Path | None = None
    warnings: tuple[IssuedWarning, ...] = ()
    response: str | None = None
    at: np.datetime64 | None = None
    drill: bool = False
    made: bool = False
    model: str = "radii"
    notices: tuple[Path, ...] = ()
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
        moment = None if at is None else seconds_of(at)
        files = [Path(text) for text in warnings if _is_file(text)]
        typed = [text for text in warnings if not _is_file(text)]
        found = warnings_from(typed, files, ws, issued=moment if moment is not None else now())
        return cls(warnings=tuple(found), at=moment, notices=tuple(files), **others)

    def with_files(
        self,
        ws: Workspace,
        *,
        tracks: tuple[Path, ...] = (),
        rain: Path | None = None,
        fire: Path | None = None,
        notices: Sequence[Path] = (),
        names: Mapping[Path, str],
    ) -> Given:
        """Return the same with these files; the warnings of `notices` come to those that it has."""
        told = warnings_from((), notices, ws, issued=now())
        return replace(
            self,
            tracks=tracks,
            rain=rain,
            fire=fire,
            warnings=(*self.warnings, *told),
            notices=tuple(notices),
            names=names,
        )


def _is_file(text: str) -> bool:
    """Whether a warning is given as a file: by its ending, or because it is there. RiskmapError where it is not."""
    path = Path(text)
    if path.suffix.lower() in _WARNING_FILES and ":" not in path.name and "：" not in path.name:
        must_be_there(path)
        return True
    try:
        return path.is_file()
    except OSError:  # a long list of sub-districts is no name that a file can have
        return False


def must_be_there(path: Path, *, or_folder: bool = False) -> None:
    """Raise RiskmapError where there is no such file."""
    if not (path.is_file() or (or_folder and path.is_dir())):
        raise RiskmapError(
            f"{path}：没有这个文件；请核对路径", f"{path}: there is no such file; check the path"
        )


def check(given: Given) -> None:
    """Raise RiskmapError where what was given cannot be right, before anything is read."""
    if given.response is not None and given.response not in RESPONSES:
        raise RiskmapError(
            f"应急响应 {given.response}：不是 Ⅰ、Ⅱ、Ⅲ、Ⅳ 级；请写 I、II、III 或 IV",
            f"response {given.response}: no level; write I, II, III or IV",
        )
    for path in given.tracks:
        must_be_there(path)
    if given.rain is not None:
        must_be_there(given.rain, or_folder=True)
    if given.fire is not None:
        must_be_there(given.fire)
    if not given.made:
        return
    if not given.drill:
        raise RiskmapError(
            f"程序生成的台风只用于演习；请加 {option('drill')}",
            f"the made-up storm is for drills only; add {option('drill', 'en')}",
        )
    if given.tracks or given.rain is not None:
        raise RiskmapError(
            "程序生成的台风自带路径和降雨，不能再给路径或雨量文件；请去掉其中一种",
            "the made-up storm brings its own track and rain; give it, or files, not both",
        )


def middle(ws: Workspace, snapshot: Snapshot) -> tuple[float, float]:
    """Return the middle of the district, degrees."""
    if ws.places is not None:
        centre = ws.places.district.centroid
        return centre.x, centre.y
    lon, lat = (
        np.concatenate([np.zeros(0), *(table[axis].to_numpy() for table in snapshot.tables.values())])
        for axis in ("lon", "lat")
    )
    known = np.isfinite(lon) & np.isfinite(lat)
    if not known.any():
        raise RiskmapError(
            "台账里没有带坐标的点位，也没有区界，无法研判；请先导入",
            "no record has a position and there is no boundary; import first",
        )
    return float(np.median(lon[known])), float(np.median(lat[known]))


def read(
    ws: Workspace, given: Given, lon: float, lat: float
) -> tuple[tuple[Track, ...], Gauges | None, tuple[Mapping[str, str], ...]]:
    """Return tracks, the rain as the map shows it, and name, kind and digest of each file."""
    files = _files(given)
    if given.made:
        return *_made(ws, given, lon, lat), files
    tracks = [track for path in given.tracks for track in read_tracks(path)]
    gauges = None if given.rain is None else _shown_rain(given.rain, lon, lat, ws.region)
    return tuple(tracks), gauges, files


def _files(given: Given) -> tuple[Mapping[str, str], ...]:
    """Return name, kind and digest of each file; of a folder, of each file in it."""
    found: list[Mapping[str, str]] = []
    for kind, paths in (
        ("track", given.tracks),
        ("rain", (given.rain,)),
        ("warning", given.notices),
        ("fire_weather", (given.fire,)),
    ):
        for path in paths:
            if path is None:
                continue
            name = given.names.get(path, path.name)
            for part in sorted(path.iterdir()) if path.is_dir() else [path]:
                if part.is_file():
                    called = name if part == path else f"{name}/{part.name}"
                    found.append({"name": called, "kind": kind, "digest": digest_of(part)})
    return tuple(found)


def _shown_rain(path: Path, lon: float, lat: float, region: Region) -> Gauges:
    """Return the rain of a file as the map shows it: its stations, or of rasters the middle of the district."""
    if path.is_dir() or path.suffix.lower() in {*ENDINGS, ".zip"}:
        rain = rain_at(path, [lon], [lat]).rain
        return Gauges((path.name,), np.array([lon]), np.array([lat]), rain)
    found = read_station_rain(path, region=region)
    how = Text(f"{path.name}：{len(found.station)} 个雨量站", f"{path.name}: {len(found.station)} stations")
    return Gauges(found.station, found.lon, found.lat, Rain(found.time, found.step, found.amount, how))


def _made(ws: Workspace, given: Given, lon: float, lat: float) -> tuple[tuple[Track, ...], Gauges]:
    """Return the storm of a drill: it passes a day after the moment looked at, at a full hour."""
    start = now() if given.at is None else given.at
    passes = start.astype("datetime64[h]").astype("datetime64[s]") + _DRILL_AHEAD
    track = replace(drill_track(lon, lat, passes), issued=start)
    places = ws.places
    if places is None:
        names, at = ("1",), np.array([[lon, lat]])
    else:
        names = places.names
        at = np.array([[p.x, p.y] for p in (shape.representative_point() for shape in places.polygons)])
    rain = _whole(drill_rain(at[:, 0], at[:, 1], passes), track)
    return (track,), Gauges(tuple(names), at[:, 0], at[:, 1], rain)


def _whole(rain: Rain, track: Track) -> Rain:
    """Return made-up rain for every hour of its storm: outside its own hours it is dry, not unknown."""
    time = np.arange(track.time[0], track.time[-1] + rain.step, rain.step)
    amount = np.zeros((len(time), rain.amount.shape[1]))
    own = np.searchsorted(time, rain.time)
    amount[own] = rain.amount
    return replace(rain, time=time, amount=amount)


def hours(
    given: Given, tracks: Sequence[Track], gauges: Gauges | None, lon: float, lat: float
) -> tuple[Times, tuple[IssuedWarning, ...]]:
    """Return the hours looked at, and the warnings with the moment from which a typed one counts.

    A typed one counts from `at`; without it from the first hour of what else was given, or from now
    where that is still to come. `at` moves nothing else.
    """
    rain = None if gauges is None or given.made else gauges.rain
    dated = [one for one in given.warnings if one.source != _TYPED]
    typed = [one for one in given.warnings if one.source == _TYPED]
    if not (tracks or rain is not None or dated):
        since = now() if given.at is None else given.at
        typed = [replace(one, issued=since) for one in typed]
        return hours_of(lon=lon, lat=lat, warnings=typed, at=given.at), tuple(typed)
    times = hours_of(lon=lon, lat=lat, tracks=tracks, rain=rain, warnings=dated, at=given.at)
    since = given.at
    if since is None:
        since = tracks[0].issued if given.made else None
    if since is None:
        since = min(times[0], now())
    typed = [replace(one, issued=since) for one in typed]
    if typed and since > times[-1]:  # what is issued after the last hour would not be known yet
        times = hours_of(lon=lon, lat=lat, tracks=tracks, rain=rain, warnings=[*dated, *typed], at=given.at)
    return times, (*dated, *typed)


def moment_of_scenario(
    given: Given, times: Times, tracks: Sequence[Track], lon: float, lat: float
) -> np.datetime64:
    """Return the moment looked at: as stated, else now or when it was issued, else as the storm comes near."""
    if given.at is not None:
        return given.at
    present = now()
    if times[0] <= present <= times[-1]:
        return present
    issued = [track.issued for track in tracks if track.issued is not None]
    if issued and times[0] <= max(issued) <= times[-1]:
        return max(issued)
    return passing(tracks[0], lon, lat)[0] if tracks else times[0]


def now() -> np.datetime64:
    """Return the present moment, UTC."""
    return seconds_of(utc_now())
