"""`riskmap wind`: the strongest wind of a track at the points of a table."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from riskmap.array_types import Floats
from riskmap.errors import RiskmapError, Text
from riskmap.formulas.wind import beaufort
from riskmap.hazards.vortex import Model
from riskmap.hazards.wind_field import WindField, ensemble, wind_field
from riskmap.interface import option
from riskmap.io.readers.tracks import read_tracks
from riskmap.io.tables.declared import declaration, read
from riskmap.json_documents import Document
from riskmap.values.hazards import Track

_NAMED: Final = 5


@dataclass(frozen=True, slots=True, eq=False)
class Winds:
    """Points by id with the wind that a track (or the middle member of an ensemble) brings them.

    `sheltered`: m/s where the terrain shelters as it is estimated to, at most the wind itself; None without a terrain.
    """

    track: str
    ids: tuple[str, ...]
    lon: Floats
    lat: Floats
    field: WindField
    members: int
    notes: tuple[Text, ...]
    sheltered: Floats | None = None

    def as_json(self) -> Document:
        """Return `{"model", "points": [{"id", "lon", "lat", "max_wind_ms", "max_wind_at"}], …}`.

        With a terrain each point has `sheltered_wind_ms` too.
        """
        found = self.field
        points = [
            {
                "id": name,
                "lon": lon,
                "lat": lat,
                "max_wind_ms": None if math.isnan(wind) else wind,
                "max_wind_at": None if np.isnat(at) else f"{at}Z",
            }
            for name, lon, lat, wind, at in zip(
                self.ids,
                self.lon.tolist(),
                self.lat.tolist(),
                found.max_wind.tolist(),
                found.max_at,
                strict=True,
            )
        ]
        if self.sheltered is not None:
            for point, wind in zip(points, self.sheltered.tolist(), strict=True):
                point["sheltered_wind_ms"] = None if math.isnan(wind) else wind
        return {
            "model": found.model,
            "track": self.track,
            "averaging_minutes": None if math.isnan(found.averaging) else found.averaging,
            "members": self.members,
            "filled": [{"zh": note.zh, "en": note.en} for note in self.notes],
            "points": points,
        }

    def forces(self) -> Floats:
        """Return the Beaufort force of each point's wind."""
        return beaufort(self.field.max_wind)


def winds_at(
    track: Path,
    points: Path,
    *,
    model: Model,
    step_minutes: float = 30.0,
    terrain: Path | None = None,
    storm: str | None = None,
) -> Winds:
    """Return the wind at the points of a table (`points.toml`, WGS84), over sea; crests gain by a terrain (decision 25).

    A file with several members is an ensemble: the wind is then the members' median and has no hour.
    Of several storms in a file `storm` names one. RiskmapError names file, line, find and remedy.
    """
    tracks = _of_one_storm(track, read_tracks(track), storm)
    table = read(points, declaration("points"), datum="wgs84")
    ids = tuple(map(str, table.columns["code"]))
    lon, lat = (np.array(table.columns[name], dtype=np.float64) for name in ("point_lon", "point_lat"))
    factor: Floats | None = None
    shelter: Floats | None = None
    notes: tuple[Text, ...] = ()
    if terrain is not None:
        from riskmap.terrain.sampling import exposure_at  # noqa: PLC0415 (rasters load for a second)

        (factor, shelter), notes = exposure_at(terrain, lon, lat)
    first, *others = tracks
    found = wind_field(first, lon, lat, model=model, step_minutes=step_minutes, exposure=factor)
    said = found.notes
    if others:
        found, said = _middle(tracks, lon, lat, found, step_minutes=step_minutes, factor=factor)
    sheltered = None if shelter is None else found.max_wind * shelter
    return Winds(first.name, ids, lon, lat, found, len(tracks), (*said, *notes), sheltered)


def _of_one_storm(path: Path, tracks: tuple[Track, ...], storm: str | None) -> tuple[Track, ...]:
    """Return the track, or the members of an ensemble, of the storm that is named, or else of the only one."""
    found = tuple(t for t in tracks if storm is None or t.name.casefold() == storm.casefold())
    if found and (len(found) == 1 or (len({t.name for t in found}) == 1 and all(t.member for t in found))):
        return found
    some = (found or tracks)[:_NAMED]
    names = "、".join(f"{t.name}（{str(t.time[0])[:10]}）" for t in some)
    english = ", ".join(f"{t.name} ({str(t.time[0])[:10]})" for t in some)
    if not found:
        raise RiskmapError(
            f"{path}：没有台风 {storm!r}；文件里有 {names} 等 {len(tracks)} 个",
            f"{path}: no storm {storm!r}; it holds {len(tracks)}: {english}",
        )
    raise RiskmapError(
        f"{path}：有 {len(found)} 个台风，如 {names}；请用 {option('storm')} 指明一个，同名的请只留一个",
        f"{path}: {len(found)} storms, such as {english}; name one with {option('storm', 'en')}, keep one of "
        "those with the same name",
    )


def _middle(
    tracks: tuple[Track, ...],
    lon: Floats,
    lat: Floats,
    first: WindField,
    *,
    step_minutes: float,
    factor: Floats | None,
) -> tuple[WindField, tuple[Text, ...]]:
    found = ensemble(tracks, lon, lat, model=first.model, step_minutes=step_minutes, exposure=factor)
    never = np.full(len(lon), np.datetime64("NaT", "s"))
    field = WindField(
        model=first.model,
        averaging=found.averaging,
        max_wind=found.median,
        max_at=never,
        low=found.least,
        high=found.most,
        arrival={},
        departure={},
    )
    said = Text(f"{len(tracks)} 个集合成员的中位数", f"median of {len(tracks)} members")
    return field, (said, *found.notes)
