"""The closest records that meet conditions: the closest pump that is there, the closest team, the closest shelter.

By straight line in the projected frame, or along roads where a road file is given. What has no position is named.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from riskmap.actions.inventory.listing import make_selection
from riskmap.actions.workspace import Workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.catalog import Layer
from riskmap.catalog.layer import Nearby
from riskmap.coordinates import parse_datum, split_position
from riskmap.errors import RiskmapError, Text, UnknownNameError
from riskmap.interface import option
from riskmap.io.readers.evacuation import read_roads
from riskmap.response.walking import all_ways
from riskmap.rules.arrays import column_of
from riskmap.rules.judge import rules_of
from riskmap.selection import Selected, Snapshot, select
from riskmap.selection.linked import stands_at

STRAIGHT: Final = Text("直线", "straight line")


ROADS: Final = Text("沿道路", "along roads")


@dataclass(frozen=True, slots=True)
class NearRecord:
    """A record and how far it is, whole metres. `at`: the name of the record where it stands, as a warehouse of its stock.

    `shown`: the value of the field that was asked for.
    """

    layer: str
    code: str
    name: str | None
    at: str | None
    subdistrict: str | None
    lon: float
    lat: float
    metres: int
    shown: float | str | bool | None = None


@dataclass(frozen=True, slots=True)
class NearRecords:
    """The closest records, the nearest first. `candidates`: how many meet the conditions, with a position or without.

    `unlocated`: codes of those without one, which may be nearer than any; `cut_off`: of those no road leads to.
    """

    layer: str
    distance: str
    distance_zh: str
    candidates: int
    records: tuple[NearRecord, ...]
    unlocated: tuple[str, ...]
    cut_off: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether every record that meets the conditions could be measured to."""
        return not (self.unlocated or self.cut_off)


@dataclass(frozen=True, slots=True)
class Place:
    """Where is asked from, CGCS2000 degrees; `layer` and `code` of the record that stands there, if one does."""

    lon: float
    lat: float
    layer: str = ""
    code: str = ""


def place_of(ws: Workspace, text: str, *, crs: str = "", snapshot: Snapshot | None = None) -> Place:
    """Return the place that a text means: a record (CODE or LAYER:CODE), or longitude and latitude in the datum `crs`.

    UnknownNameError where no record has the code, RiskmapError where several have it or it has no position.
    """
    if (pair := split_position(text)) is not None:
        return _stated(ws, pair, crs)
    layer, _, code = text.rpartition(":")
    snapshot = current_snapshot(ws) if snapshot is None else snapshot
    layers = [ws.catalog.layer(layer).id] if layer else list(snapshot.layers)
    found: list[tuple[str, int]] = []
    for one in layers:
        at = snapshot.table(one)["code"].combine_chunks().index(code).as_py()
        found += [(one, at)] if at >= 0 else []
    if not found:
        raise UnknownNameError(
            f"{option('to')} {text}：没有这个编号；请核对，或写经纬度",
            f"{option('to', 'en')} {text}: no record has this code; check it, or state longitude and latitude",
        )
    if len(found) > 1:
        named = [f"{one}:{code}" for one, _ in found]
        raise RiskmapError(
            f"{option('to')} {text}：几个图层都有这个编号；请写 {' 或 '.join(named)}",
            f"{option('to', 'en')} {text}: records of several layers have this code; write {' or '.join(named)}",
        )
    ((one, at),) = found
    table = snapshot.table(one)
    lon, lat = (float(table[name][at].as_py() or np.nan) for name in ("lon", "lat"))
    if not np.isfinite([lon, lat]).all():
        raise RiskmapError(
            f"{option('to')} {one}:{code}：这条记录没有坐标，量不出远近；请先补坐标，或写经纬度",
            f"{option('to', 'en')} {one}:{code}: this record has no position, nothing can be measured; give it one, or "
            "state longitude and latitude",
        )
    return Place(lon, lat, one, code)


def _stated(ws: Workspace, pair: tuple[float, float], crs: str) -> Place:
    if not crs:
        raise RiskmapError(
            f"{option('to')}：写了位置，没有写坐标系；请加 {option('crs')}，例如 cgcs2000",
            f"{option('to', 'en')}: a position without its datum; add {option('crs', 'en')}, such as cgcs2000",
        )
    rules = rules_of(next(iter(ws.catalog.layers.values())), ws.subdistricts, ws.region)
    located = rules.position(*pair, parse_datum(crs))
    if located.value is None:
        raise RiskmapError(*_joined([one.message for one in located.findings]))
    return Place(*located.value)


def _joined(said: Sequence[Text]) -> tuple[str, str]:
    return "；".join(one.zh for one in said), "; ".join(one.en for one in said)


def nearest_records(
    ws: Workspace,
    layer: str,
    place: Place,
    *,
    where: Sequence[str] = (),
    count: int = 1,
    show: str = "",
    roads: Path | None = None,
    roads_crs: str | None = None,
    snapshot: Snapshot | None = None,
) -> NearRecords:
    """Return the `count` records of a layer closest to a place that meet conditions as `--where` takes them.

    `roads`: a road file (see `read_roads`) in `roads_crs`; without it straight lines count. `show`: a field of theirs
    that is told with each. Of several records at one distance that with the smaller code comes first.
    """
    definition = ws.catalog.layer(layer)
    now = current_snapshot(ws) if snapshot is None else snapshot
    found = select(now, make_selection(ws, layers=[layer], where=where))
    table = found.table(now, layer)
    lon, lat = (table[name].to_numpy() for name in ("lon", "lat"))
    codes: list[str] = table["code"].to_pylist()
    here = np.isfinite(lon) & np.isfinite(lat)
    itself = np.array([(layer, code) == (place.layer, place.code) for code in codes], bool)
    rows = np.flatnonzero(here & ~itself)
    how = STRAIGHT if roads is None else ROADS
    network = None if roads is None else read_roads(roads, crs=roads_crs, region=ws.region)
    here_from = np.array([place.lon]), np.array([place.lat])
    far = all_ways(here_from, (lon[rows], lat[rows]), roads=network)[0]
    reached = np.isfinite(far)
    order = np.argsort(far, kind="stable")[: int(reached.sum())][:count]
    chosen = rows[order]
    return NearRecords(
        layer,
        how.en,
        how.zh,
        candidates=int((~itself).sum()),
        records=tuple(
            _told(ws, now, definition, found, int(row), float(metres), show)
            for row, metres in zip(chosen, far[order], strict=True)
        ),
        unlocated=tuple(codes[i] for i in np.flatnonzero(~here & ~itself)),
        cut_off=tuple(codes[i] for i in rows[~reached]),
    )


def distance_text(metres: int) -> str:
    """Return metres as people say them: 850 m, 1.2 km."""
    return f"{metres} m" if metres < 1000 else f"{metres / 1000:.1f} km"  # noqa: PLR2004 - a kilometre


def _told(  # noqa: PLR0917
    ws: Workspace, snapshot: Snapshot, layer: Layer, found: Selected, row: int, metres: float, show: str
) -> NearRecord:
    record = found.table(snapshot, layer.id).slice(row, 1)
    one = {name: record[name][0].as_py() for name in ("code", "name", "subdistrict", "lon", "lat")}
    (at,) = stands_at(snapshot, ws.catalog.layers, record, layer)
    shown = record[column_of(show)][0].as_py() if show in layer.field_ids else None
    return NearRecord(
        layer.id,
        one["code"],
        one["name"],
        at,
        one["subdistrict"],
        one["lon"],
        one["lat"],
        round(metres),
        shown,
    )


def nearby_of(
    ws: Workspace, layer: Layer, code: str, *, snapshot: Snapshot | None = None
) -> list[tuple[Nearby, NearRecords | None]]:
    """Return what the file of a layer says is told as closest to each of its records (`nearest`), with what was found.

    Nothing of those of which the workspace has no layer. None where this record has no position.
    """
    told: list[tuple[Nearby, NearRecords | None]] = []
    for one in layer.nearest:
        layers = one.layers_among(ws.catalog.layers)
        if not layers:
            continue
        try:
            place = place_of(ws, f"{layer.id}:{code}", snapshot=snapshot)
        except RiskmapError:
            told.append((one, None))
            continue
        found = [
            nearest_records(
                ws, each, place, where=[str(c) for c in one.where], show=one.show, snapshot=snapshot
            )
            for each in layers
        ]
        told.append((one, min(found, key=lambda each: each.records[0].metres if each.records else np.inf)))
    return told
