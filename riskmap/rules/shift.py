"""Whether a file puts records that the ledger knows beside where they are, all alike: the mark of a wrong datum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from riskmap.array_types import Floats
from riskmap.coordinates import Datum, from_cgcs2000, metres, parse_datum, to_cgcs2000
from riskmap.errors import RiskmapError, Text
from riskmap.interface import option
from riskmap.values.import_plan import ImportPlan, Intake, Issue

MOVED_M: Final = 1.0  # less is another rounding of the same place


_LEAST: Final = 3  # so many records moved alike are no coincidence


_LEAST_M: Final = 30.0  # datums of one country differ by more, a survey's corrections by less


_MOST: Final = 0.8  # share of all records compared that moved, and of those that moved alike


_ALIKE: Final = 0.25  # of the median way: how far a single one may differ from it


_FITS: Final = 0.2  # of the median way: what is left of it where another datum fits


_SAMPLE: Final = 2_000  # records that tell which datum fits


_OTHERS: Final = ("cgcs2000", "gcj02", "bd09")


TITLES: Final = {"wgs84": "WGS84", "cgcs2000": "CGCS2000 / WGS84", "gcj02": "GCJ-02", "bd09": "BD-09"}


_WINDS: Final = (
    *(Text("北", "north"), Text("东北", "north-east"), Text("东", "east"), Text("东南", "south-east")),
    *(Text("南", "south"), Text("西南", "south-west"), Text("西", "west"), Text("西北", "north-west")),
)


def direction_of(east_m: float, north_m: float) -> Text:
    """Return in which of eight directions a way leads: (1, 1) is north-east."""
    turn = np.degrees(np.arctan2(east_m, north_m)) % 360.0
    return _WINDS[round(turn / 45.0) % len(_WINDS)]


@dataclass(frozen=True, slots=True)
class Moves:
    """Rows of a file whose records would move: `row`, and degrees (EPSG:4490) in the ledger and in the file."""

    row: NDArray[np.intp]
    old_lon: Floats
    old_lat: Floats
    lon: Floats
    lat: Floats


@dataclass(frozen=True, slots=True)
class PositionShift:
    """How the positions of a file lie to those of the ledger, over the records that both place.

    `compared` records, of which `moved` by more than a metre; `median_m` is the median way of these,
    `east_m` and `north_m` the medians of its parts. `alike`: nearly all moved, by nearly the same.
    `fits`: the datum id in which their numbers lie where the ledger has them; "" where none does.
    """

    compared: int
    moved: int
    median_m: float
    east_m: float
    north_m: float
    alike: bool
    fits: str

    @property
    def bearing(self) -> Text:
        """Where to, in one of eight directions."""
        return direction_of(self.east_m, self.north_m)


def moves_of(plan: ImportPlan) -> Moves:
    """Return the records that both ledger and file place, and elsewhere; rows that wait for a person, too."""
    rows = [i for i, changes in plan.changes.items() if None not in changes.get("position", (None,))]
    pairs = np.array([plan.changes[i]["position"] for i in rows], np.float64).reshape(-1, 4).T
    return Moves(np.array(rows, np.intp), *pairs)


def shift_of(plan: ImportPlan) -> PositionShift | None:
    """Return how the file's positions lie to the ledger's; None where the two place no record in common."""
    moves = moves_of(plan)
    compared = _compared(plan)
    if not compared:
        return None
    east, north = _ways(moves.old_lon, moves.old_lat, moves.lon, moves.lat)
    way = np.hypot(east, north)
    far = way > MOVED_M
    if not far.any():
        return PositionShift(compared, 0, 0.0, 0.0, 0.0, alike=False, fits="")
    middle = float(np.median(east[far])), float(np.median(north[far]))
    median = float(np.median(way[far]))
    moved = int(far.sum())
    beside = np.hypot(east[far] - middle[0], north[far] - middle[1])
    alike = (
        moved >= max(_LEAST, _MOST * compared)
        and np.hypot(*middle) >= _LEAST_M
        and float((beside <= _ALIKE * median).mean()) >= _MOST
    )
    fits = _fitting(moves, far, plan.intake.datum, median) if alike else ""
    return PositionShift(compared, moved, median, *middle, bool(alike), fits)


def shift_issue(intake: Intake, shift: PositionShift | None) -> tuple[Issue, ...]:
    """Return the warning that all records would move alike, and what would fit."""
    if shift is None or not shift.alike:
        return ()
    now = TITLES.get(intake.datum.lower(), intake.datum)
    n, m, where = f"{shift.moved:,}", f"{shift.median_m:,.0f}", shift.bearing
    zh = f"{intake.file}：与台账相同的 {n} 处几乎都向{where.zh}偏 {m} 米，像是坐标系选错（声明为 {now}）"
    en = f"{intake.file}: nearly all of the {n} records that the ledger knows would move {m} m {where.en}, "
    en += f"as with a wrong datum (declared {now})"
    if shift.fits:
        fits = TITLES[shift.fits]
        zh += f"；按 {fits} 则与台账重合。请核实后用 {option('crs')} {shift.fits} 重新导入"
        en += f"; as {fits} they lie where the ledger has them. Check, and import again with {option('crs', 'en')} {shift.fits}"
    else:
        zh += "；没有一种常用坐标系能使其与台账重合，请向提供文件的人核实坐标系"
        en += "; no usual datum brings them there, ask who made the file for its datum"
    rule = "shifted_datum"
    return (Issue(None, None, None, "position", intake.datum, "warning", rule, Text(zh, en)),)


def _compared(plan: ImportPlan) -> int:
    """Return how many rows speak of a place that the ledger, too, has of their record."""
    located = np.isfinite(plan.intake.records.lon)
    known = np.array([action != "insert" for action in plan.actions], bool)
    for i, hold in plan.holds.items():
        known[i] &= hold.rule != "duplicate_in_file"
    unplaced = [i for i, c in plan.changes.items() if "position" in c and c["position"][0] is None]
    known[unplaced] = False
    return int((located & known).sum())


def _ways(old_lon: Floats, old_lat: Floats, lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """Return metres east and north from the old positions to the new ones."""
    around = float(np.median(old_lon)) if len(old_lon) else 114.0
    old, new = metres(old_lon, old_lat, around=around), metres(lon, lat, around=around)
    return new[0] - old[0], new[1] - old[1]


def _fitting(moves: Moves, far: NDArray[np.bool_], datum: str, median: float) -> str:
    """Return the datum in which the numbers of the file lie nearest the ledger's positions, "" where none is near."""
    try:
        declared = parse_datum(datum)
    except RiskmapError:
        return ""
    if declared.kind != "geographic":
        return ""
    some = np.flatnonzero(far)[:: 1 + int(far.sum()) // _SAMPLE]
    lon, lat = moves.old_lon[some], moves.old_lat[some]
    x, y = from_cgcs2000(moves.lon[some], moves.lat[some], declared)
    left = {
        other: float(np.median(np.hypot(*_ways(lon, lat, *to_cgcs2000(x, y, parse_datum(other))))))
        for other in _OTHERS
        if not _same(declared, other)
    }
    best = min(left, key=lambda other: left[other])
    return best if left[best] <= _FITS * median else ""


def _same(declared: Datum, other: str) -> bool:
    return declared.id == other or {declared.id, other} <= {"wgs84", "cgcs2000"}
