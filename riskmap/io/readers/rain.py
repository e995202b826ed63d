"""Rain at stations from a table (`rain.toml`): a line for hour and station, or a line a station and a column an hour.

A blank is missing and stays so. Every bad cell is named with its line, and nothing of the file is taken.

Rain in GeoTIFFs: bands that say their time, or one file for each time, in a folder or an archive.

Coordinate system, unit and time zone are stated, never assumed. The first thing that cannot be used is
named with its file and band, and nothing of the set is taken.
"""

from __future__ import annotations

import re
import tempfile
import zipfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from riskmap.array_types import Floats
from riskmap.catalog.headers import normalise_header
from riskmap.catalog.layer import Layer
from riskmap.coordinates import Region
from riskmap.errors import RiskmapError, Text, UnreadableFileError
from riskmap.io.files.leftovers import mark
from riskmap.io.tables import declared
from riskmap.io.tables.headers import HOURS
from riskmap.moments import Zone, lacks_zone, no_moment, parse_moment, parse_zone, seconds_of
from riskmap.terrain.geotiff import opened
from riskmap.terrain.sampling import sample_bands
from riskmap.values.hazards import Rain, Times

MOST_MM_HOUR: Final = 500.0


"""More than ever fell in an hour anywhere (about 400 mm, from memory): a missing code or a wrong unit."""


MOST_MM_STEP: Final = 2000.0


"""About the most that ever fell in a day (1825 mm, from memory)."""


MOST_MM_TOTAL: Final = 5000.0


CODES: Final = frozenset((999.9, 9999.0, 9999.9, 99999.0, 99999.9, 999990.0, 999999.0, 32766.0, 32767.0))


"""Numbers with which services say "not measured": never rain, and never read as missing unless that is stated."""


_NOISE: Final = 1e-9


_UNITS: Final = frozenset({"mm", "毫米", "0.1mm", "0.1毫米"})


@dataclass(frozen=True, slots=True, eq=False)
class StationRain:
    """`amount[i, j]` mm fell at station j in the `step` that ends at `time[i]` (UTC), NaN missing.

    `lon`, `lat`: CGCS2000 degrees.
    """

    file: str
    station: tuple[str, ...]
    lon: Floats
    lat: Floats
    time: Times
    step: np.timedelta64
    amount: Floats


@dataclass(frozen=True, slots=True)
class _Reading:
    line: int
    station: str
    lon: float
    lat: float
    time: np.datetime64
    value: float


def read_station_rain(
    path: Path,
    *,
    zone: Zone | None = None,
    unit: str | None = None,
    datum: str = "wgs84",
    missing: Collection[float] = (),
    region: Region = Region(),  # noqa: B008 - frozen
) -> StationRain:
    """Return the rain of a station table, `rain.toml` in a CSV or a workbook.

    `zone` and `unit` ("mm" or "0.1 mm") hold where the file states none; `datum` is that of its positions;
    `missing`: numbers that mean "not measured", such as 9999. A column of totals (累计雨量) is turned into
    amounts. Raises RiskmapError with file and line for a number that cannot be, mm/h, a position outside
    `region` (as in `read_file`), a reading given twice, times without a zone or not in equal steps.
    """
    stated = _unit(unit, path.name) if unit else ""
    units = {"rain_mm": stated, "total_mm": stated, "at": zone or ""}
    table = declared.read(path, _declaration(missing), datum=datum, units=units, region=region)
    column = "rain_mm" if "rain_mm" in table.columns else "total_mm"
    hours = HOURS.match(normalise_header(table.headers.get(column, "")))
    readings = _readings(table, column)
    totals = column == "total_mm"
    return _assembled(readings, path.name, totals=totals, stated_hours=int(hours[1]) if hours else None)


def _declaration(missing: Collection[float]) -> Layer:
    """Return the declaration of rain, in which these numbers mean that nothing was measured."""
    table = declared.declaration("rain")
    fields = [
        f.model_copy(update={"missing": tuple(missing)}) if f.type == "number" else f for f in table.fields
    ]
    return table.model_copy(update={"fields": tuple(fields)})


def _unit(unit: str, file: str) -> str:
    plain = normalise_header(unit)
    if plain not in _UNITS:
        raise RiskmapError(
            f"{file} › 单位：{unit} 不是雨量单位；请写 mm 或 0.1mm",
            f"{file} › unit: {unit} is no unit of rain; write mm or 0.1mm",
        )
    return plain


def _readings(table: declared.DeclaredTable, column: str) -> list[_Reading]:
    lon, lat = table.positions[""]
    amount = table.numbers(column)
    return [
        _Reading(row, str(station), float(x), float(y), np.datetime64(str(at), "s"), float(value))
        for row, station, x, y, at, value in zip(
            table.row, table.columns["code"], lon, lat, table.columns["at"], amount, strict=True
        )
    ]


def _assembled(
    readings: Sequence[_Reading], file: str, *, totals: bool, stated_hours: int | None
) -> StationRain:
    stations = {name: i for i, name in enumerate(dict.fromkeys(r.station for r in readings))}
    time = np.unique(np.array([r.time for r in readings], dtype="datetime64[s]"))
    step = _step(time, readings, file, stated_hours)
    at = {moment: i for i, moment in enumerate(time.tolist())}
    amount = np.full((len(time), len(stations)), np.nan)
    position: dict[str, tuple[float, float]] = {}
    hours = max(step / np.timedelta64(3600, "s"), 1.0)
    most = MOST_MM_TOTAL if totals else min(MOST_MM_HOUR * hours, MOST_MM_STEP)
    for r in readings:
        where = (f"{file} › 第 {r.line} 行", f"{file} › line {r.line}")
        if position.setdefault(r.station, (r.lon, r.lat)) != (r.lon, r.lat):
            raise RiskmapError(
                f"{where[0]}：{r.station} 的经纬度与前面不同",
                f"{where[1]}: {r.station} lies elsewhere than before",
            )
        i, j = at[r.time.astype(object)], stations[r.station]
        if r.value > most:
            raise RiskmapError(
                f"{where[0]} › 雨量：{r.value:g} mm 不可能（{hours:g} 小时）；缺测码请改为空格或用 missing 说明，"
                "若单位是 0.1 mm 请在表头写明",
                f"{where[1]} › rain: {r.value:g} mm in {hours:g} h cannot be; a missing code is left blank or stated, "
                "0.1 mm is stated in the header",
            )
        amount[i, j] = r.value
    if totals:
        amount, time = _from_totals(amount, time, list(stations), file)
    lon, lat = (np.array(part, dtype=np.float64) for part in zip(*position.values(), strict=True))
    return StationRain(file, tuple(stations), lon, lat, time, step, amount)


def _step(time: Times, readings: Sequence[_Reading], file: str, stated_hours: int | None) -> np.timedelta64:
    if len(time) < 2:  # noqa: PLR2004 - a step lies between two times
        if stated_hours is None:
            raise RiskmapError(
                f"{file}：只有一个时次，不知道雨量是几小时的；请在表头写 1小时雨量(mm)",
                f"{file}: a single time, so how many hours the rain covers is not known; write 1h rain(mm) in the header",
            )
        return np.timedelta64(stated_hours * 3600, "s")
    steps = np.diff(time)
    step = max(steps, key=lambda s: int((steps == s).sum()))  # the usual one; of equals the first
    uneven = np.flatnonzero(steps != step)
    if len(uneven):
        after = time[uneven[0] + 1]
        line = next(r.line for r in readings if r.time == after)
        raise RiskmapError(
            f"{file} › 第 {line} 行：时次不等距，{time[uneven[0]]} 之后是 {after}（UTC），应隔 {step.astype(int) // 60} 分钟；"
            "缺测的时次请补上一行，雨量留空",
            f"{file} › line {line}: times are not in equal steps, {after} follows {time[uneven[0]]} (UTC) instead of "
            f"{step.astype(int) // 60} minutes on; add a line with blank rain for times that are missing",
        )
    if stated_hours is not None and step != np.timedelta64(stated_hours * 3600, "s"):
        raise RiskmapError(
            f"{file}：表头说是 {stated_hours} 小时雨量，时次却隔 {step.astype(int) // 60} 分钟",
            f"{file}: the header says rain of {stated_hours} h, but the times are {step.astype(int) // 60} minutes apart",
        )
    return step


def _from_totals(amount: Floats, time: Times, stations: Sequence[str], file: str) -> tuple[Floats, Times]:
    """Return amounts from running totals: the first time only starts the count."""
    if len(time) < 2:  # noqa: PLR2004
        raise RiskmapError(
            f"{file}：累计雨量至少要两个时次", f"{file}: running totals need two times at least"
        )
    steps = np.diff(amount, axis=0)
    falls = np.argwhere(steps < -_NOISE)
    if len(falls):
        i, j = falls[0]
        raise RiskmapError(
            f"{file} › {stations[j]}：累计雨量在 {time[i + 1]} UTC 变小；请改用时段雨量",
            f"{file} › {stations[j]}: the running total falls at {time[i + 1]} UTC; use amounts instead",
        )
    return np.maximum(steps, 0.0) + 0.0 * steps, time[1:]


ENDINGS: Final = (".tif", ".tiff")


MOST_FILES: Final = 2000


MOST_UNPACKED: Final = 4 << 30


_IN_NAME: Final = re.compile(r"(?<!\d)(\d{10}|\d{12})(?!\d)")


_TIME_TAGS: Final = (
    "time",
    "datetime",
    "valid_time",
    "date_time",
    "TIME",
    "DATETIME",
    "VALID_TIME",
    "TIFFTAG_DATETIME",
)


_ZONE_TAGS: Final = ("timezone", "zone", "TIMEZONE", "ZONE")


_REMEDY: Final = Text("请用标签 timezone 或 zone 说明", "state it in a tag timezone, or with zone")


_UNIT_TAGS: Final = ("units", "unit", "UNITS", "UNIT")


_RASTER_SCALES: Final = {
    **dict.fromkeys(("mm", "毫米", "millimetre", "millimetres", "millimeter", "millimeters"), 1.0),
    **dict.fromkeys(("kg m-2", "kg/m2", "kg m**-2", "kg/m^2"), 1.0),  # of water
    **dict.fromkeys(("0.1mm", "0.1 mm"), 0.1),
}


@dataclass(frozen=True, slots=True)
class _Band:
    path: Path
    shown: str  # how messages call the file
    band: int
    time: np.datetime64
    scale: float

    @property
    def place(self) -> Text:
        return Text(f"{self.shown} › 第 {self.band} 波段", f"{self.shown} › band {self.band}")


def rain_of_rasters(
    path: Path,
    lon: ArrayLike,
    lat: ArrayLike,
    *,
    zone: Zone | None = None,
    unit: str | None = None,
    step_hours: float | None = None,
) -> Rain:
    """Return the rain at points (CGCS2000 degrees) from a GeoTIFF, a folder of them, or a zip of them.

    A band holds the mm that fell in the step that ends at its time: told by its description or a tag `time`,
    else by the file's name (YYYYMMDDHH or YYYYMMDDHHMM). `zone` and `unit` hold where the file states none;
    `step_hours` is needed for a single time. Points outside or on cells without a value are NaN. Raises
    RiskmapError, DatumError (no coordinate system) or UnreadableFileError naming file and band.
    """
    with _files(path) as files:
        bands = sorted(
            (b for file, shown in files for b in _bands(file, shown, zone, unit)), key=lambda b: b.time
        )
        if not bands:
            raise RiskmapError(f"{path.name}：没有 .tif 文件", f"{path.name}: no .tif files")
        step = _raster_step(bands, path.name, step_hours)
        amount = _sampled(bands, lon, lat, step / np.timedelta64(3600, "s"))
    time = np.array([b.time for b in bands], dtype="datetime64[s]")
    how = Text(f"栅格雨量 {path.name}，双线性取值", f"raster rain {path.name}, bilinear")
    return Rain(time, step, amount, how)


@contextmanager
def _files(path: Path) -> Iterator[list[tuple[Path, str]]]:
    """Yield the rasters of a path with how messages call them; those of an archive for as long as they are read."""
    if path.is_dir():
        yield [(p, p.name) for p in sorted(path.iterdir()) if p.suffix.lower() in ENDINGS and p.is_file()]
    elif path.suffix.lower() == ".zip":
        with tempfile.TemporaryDirectory(prefix=f"riskmap{mark()}", ignore_cleanup_errors=True) as folder:
            yield _unpacked(path, Path(folder))
    else:
        yield [(path, path.name)]


def _unpacked(path: Path, folder: Path) -> list[tuple[Path, str]]:
    """Unpack the rasters of an archive under names of ours, and nothing else of it; sizes are checked first."""
    found: list[tuple[Path, str]] = []
    try:
        with zipfile.ZipFile(path) as archive:
            members = [
                m for m in archive.infolist() if m.filename.lower().endswith(ENDINGS) and not m.is_dir()
            ]
            if len(members) > MOST_FILES or sum(m.file_size for m in members) > MOST_UNPACKED:
                raise UnreadableFileError(
                    f"{path.name}：解开后超过 {MOST_FILES} 个文件或 {MOST_UNPACKED >> 30} GB；请分开",
                    f"{path.name}: more than {MOST_FILES} files or {MOST_UNPACKED >> 30} GB unpacked; split it",
                )
            for i, member in enumerate(members):
                name = member.filename.replace("\\", "/").rpartition("/")[2]
                if name.startswith("."):
                    continue
                target = folder / f"{i}.tif"
                with archive.open(member) as source, target.open("wb") as out:
                    left = member.file_size
                    while left > 0 and (block := source.read(min(left, 1 << 20))):
                        out.write(block)
                        left -= len(block)
                found.append((target, f"{path.name} › {name}"))
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError) as problem:
        raise UnreadableFileError(
            f"{path.name}：压缩包打不开或已损坏；请重新打包",
            f"{path.name}: the archive cannot be read; pack it again",
        ) from problem
    return found


def _bands(path: Path, shown: str, zone: Zone | None, unit: str | None) -> Iterator[_Band]:
    with opened(path) as raster:
        tags = raster.tags()
        for band in range(1, raster.count + 1):
            mine = raster.tags(band)
            place = Text(f"{shown} › 第 {band} 波段", f"{shown} › band {band}")
            stated = _zone((mine, tags)) or zone
            texts = [raster.descriptions[band - 1] or "", *(mine.get(k, "") for k in _TIME_TAGS)]
            if raster.count == 1:
                texts += [tags.get(k, "") for k in _TIME_TAGS[:-1]] + [Path(shown.rpartition(" › ")[2]).stem]
            written = raster.units[band - 1] or next(
                (t[k] for t in (mine, tags) for k in _UNIT_TAGS if k in t), ""
            )
            yield _Band(
                path, shown, band, _time(texts, stated, place), _raster_scale(written or unit or "", place)
            )


def _zone(tags: Sequence[Mapping[str, str]]) -> Zone | None:
    for some in tags:
        for key in _ZONE_TAGS:
            if (found := parse_zone(some.get(key, ""))) is not None:
                return found
    return None


def _time(texts: Sequence[str], zone: Zone | None, place: Text) -> np.datetime64:
    loose = ""
    for text in texts:
        found = _IN_NAME.search(text)
        for candidate in (text, found[1] if found else ""):
            moment = parse_moment(candidate, zone)
            if moment is not None:
                return seconds_of(moment)
            loose = loose or (candidate if lacks_zone(candidate) else "")
    if loose:
        raise no_moment(loose, None, place=place, remedy=_REMEDY)
    seen = "、".join(filter(None, texts)) or "（空）"
    raise RiskmapError(
        f"{place.zh}：波段说明、标签和文件名里没有时间（{seen}）；请写成 YYYYMMDDHH，如 2026083114",
        f"{place.en}: neither description, tags nor file name hold a time ({seen}); write YYYYMMDDHH, such as 2026083114",
    )


def _raster_scale(unit: str, place: Text) -> float:
    plain = unit.strip().casefold()
    if plain in _RASTER_SCALES:
        return _RASTER_SCALES[plain]
    if not plain:
        zh, en = (
            "没有写明单位；请在波段单位里写 mm，或用 unit 说明",
            "states no unit; write mm as the band's unit, or state it",
        )
    elif "/" in plain or "-1" in plain:
        zh, en = (
            f"单位是雨强 {unit}；请换算成每个时段的毫米数",
            f"is a rate, {unit}; convert it to mm in each step",
        )
    else:
        zh, en = f"单位是 {unit}，不是毫米；请换算成 mm", f"is in {unit}; convert it to mm"
    raise RiskmapError(f"{place.zh}：{zh}", f"{place.en}: {en}")


def _raster_step(bands: Sequence[_Band], name: str, stated: float | None) -> np.timedelta64:
    given = None if stated is None else np.timedelta64(round(stated * 3600), "s")
    if len(bands) == 1:
        if given is None:
            raise RiskmapError(
                f"{name}：只有一个时次，请说明是几小时的雨量",
                f"{name}: a single time; state how many hours its rain covers",
            )
        return given
    steps = np.diff(np.array([b.time for b in bands], dtype="datetime64[s]"))
    step: Any = given if given is not None else max(steps, key=lambda s: int((steps == s).sum()))
    none = np.timedelta64(0, "s")
    for i in np.flatnonzero((steps != step) | (steps == none)).tolist():
        place, before = bands[i + 1].place, bands[i]
        twice = steps[i] == none
        minutes = int(step.astype(int)) // 60
        raise RiskmapError(
            f"{place.zh}：时间 {bands[i + 1].time}（UTC）"
            + ("重复" if twice else f"与前一时次 {before.time} 不是隔 {minutes} 分钟"),
            f"{place.en}: its time {bands[i + 1].time} (UTC) "
            + ("occurs twice" if twice else f"is not {minutes} minutes after {before.time}"),
        )
    return step


def _sampled(bands: Sequence[_Band], lon: ArrayLike, lat: ArrayLike, hours: float) -> Floats:
    amount = np.full((len(bands), np.size(lon)), np.nan)
    most = min(MOST_MM_HOUR * max(hours, 1.0), MOST_MM_STEP)
    for path in dict.fromkeys(b.path for b in bands):
        mine = [(i, b) for i, b in enumerate(bands) if b.path == path]
        raw = sample_bands(path, lon, lat, bands=[b.band for _, b in mine])
        for (i, band), values in zip(mine, raw, strict=True):
            amount[i] = values.ravel() * band.scale
            bad = (amount[i] < 0.0) | (amount[i] > most) | np.isin(values.ravel(), list(CODES))
            if bad.any():
                found = float(values.ravel()[bad][0])
                raise RiskmapError(
                    f"{band.place.zh}：值 {found:g} 不可能是雨量；若是缺测码请设为栅格的 nodata",
                    f"{band.place.en}: {found:g} cannot be rain; if it means missing, make it the raster's nodata",
                )
    return amount
