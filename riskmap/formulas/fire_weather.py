"""The Canadian fire weather index: three moisture codes carried from day to day, three indices of a day.

Source: Van Wagner and Pickett (1985), Equations and FORTRAN program for the Canadian Forest Fire
Weather Index System, Forestry Technical Report 33; Van Wagner (1987), Technical Report 35; day
lengths outside Canada by Lawson and Armitage (2008). Weather at local noon: °C, % relative humidity,
km/h wind at 10 m, mm of rain over the last 24 h. Equation numbers are those of the 1985 report.

Every function works on arrays of sites (or scalars). NaN is unknown and stays so: a code that lacks
its weather is unknown on that day and, because each day starts from the last, on all days after it.
Weather that cannot be (105 % humidity, −3 mm of rain) is refused, never clamped.

The constant between FFMC and moisture (equations 1 and 10) has two editions: `FFMC_CONSTANT`. 147.2 is that of the
1985 report and of the published series; 250·59.5/101 = 147.2772…, of later programs, makes FFMC 101 of 0 % and FFMC 0 of
250 % moisture exactly. FFMC differs by up to .25.

The national index of China, HTZ (LY/T 1172-95). Forest-fire risk of a grid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike

from riskmap.array_types import Floats
from riskmap.errors import FormulaError, Text
from riskmap.formulas.domain import within

POSSIBLE: Final = {
    "temp": (-90.0, 60.0, Text("气温（°C）", "temperature (°C)")),
    "rh": (0.0, 100.0, Text("相对湿度（%）", "relative humidity (%)")),
    "ws": (0.0, 450.0, Text("风速（km/h）", "wind (km/h)")),
    "prec": (0.0, 2000.0, Text("降水量（mm）", "rain (mm)")),
}


"""Lowest and highest possible value of each weather column. Records of the earth, rounded up; from memory."""


_NORTH_46: Final = (6.5, 7.5, 9.0, 12.8, 13.9, 13.9, 12.4, 10.9, 9.4, 8.0, 7.0, 6.0)


_NORTH_20: Final = (7.9, 8.4, 8.9, 9.5, 9.9, 10.2, 10.1, 9.7, 9.1, 8.6, 8.1, 7.8)


_EQUATOR: Final = (9.0,) * 12


_SOUTH_20: Final = (10.1, 9.6, 9.1, 8.5, 8.1, 7.8, 7.9, 8.3, 8.9, 9.4, 9.9, 10.2)


_SOUTH_40: Final = (11.5, 10.5, 9.2, 7.9, 6.8, 6.2, 6.5, 7.4, 8.7, 10.0, 11.2, 11.8)


_DMC_LENGTHS: Final = np.array((_SOUTH_40, _SOUTH_20, _EQUATOR, _NORTH_20, _NORTH_46))


_DMC_FROM: Final = np.array((-30.0, -10.0, 10.0, 30.0))  # a limit belongs to the zone south of it


_NORTH_FACTORS: Final = (-1.6, -1.6, -1.6, 0.9, 3.8, 5.8, 6.4, 5.0, 2.4, 0.4, -1.6, -1.6)


_SOUTH_FACTORS: Final = (6.4, 5.0, 2.4, 0.4, -1.6, -1.6, -1.6, -1.6, -1.6, 0.9, 3.8, 5.8)


_DC_FACTORS: Final = np.array((_SOUTH_FACTORS, (1.4,) * 12, _NORTH_FACTORS))


_DC_FROM: Final = np.array((-20.0, 20.0))


_MOISTEST_FFMC: Final = 250.0


Edition = Literal["1985", "later"]


FFMC_CONSTANT: Final[dict[Edition, float]] = {"1985": 147.2, "later": 250.0 * 59.5 / 101.0}


HIGHEST_FFMC: Final = 101.0


@dataclass(frozen=True, slots=True, eq=False)
class Codes:
    """The moisture codes at the end of a day: fine fuel, duff and drought; arrays of one shape or scalars."""

    ffmc: ArrayLike
    dmc: ArrayLike
    dc: ArrayLike


START: Final = Codes(85.0, 6.0, 15.0)


"""The standard start of a season: fuels three days after snow or soaking rain."""


@dataclass(frozen=True, slots=True, eq=False)
class FireWeather:
    """Codes and indices of a day, float64 arrays of one shape; NaN is unknown."""

    ffmc: Floats
    dmc: Floats
    dc: Floats
    isi: Floats
    bui: Floats
    fwi: Floats

    @property
    def codes(self) -> Codes:
        """What the next day starts from."""
        return Codes(self.ffmc, self.dmc, self.dc)


def next_day(
    before: Codes,
    *,
    month: ArrayLike,
    temp: ArrayLike,
    rh: ArrayLike,
    ws: ArrayLike,
    prec: ArrayLike,
    lat: ArrayLike,
    edition: Edition = "1985",
) -> FireWeather:
    """Return the codes and indices of one day at many sites, from yesterday's codes and today's noon weather.

    FormulaError for weather that cannot be. Worked value, 13 April, from START, 17 °C, 42 %, 25 km/h,
    0 mm, north of 30° N: FFMC 87.7, DMC 8.5, DC 19.0, ISI 10.9, BUI 8.5, FWI 10.1.
    """
    ffmc = fine_fuel_moisture(before.ffmc, temp=temp, rh=rh, ws=ws, prec=prec, edition=edition)
    dmc = duff_moisture(before.dmc, month=month, temp=temp, rh=rh, prec=prec, lat=lat)
    dc = drought(before.dc, month=month, temp=temp, prec=prec, lat=lat)
    isi, bui = initial_spread(ffmc, ws=ws, edition=edition), buildup(dmc, dc)
    return FireWeather(ffmc, dmc, dc, isi, bui, fire_weather_index(isi, bui))


def fine_fuel_moisture(
    before: ArrayLike,
    *,
    temp: ArrayLike,
    rh: ArrayLike,
    ws: ArrayLike,
    prec: ArrayLike,
    edition: Edition = "1985",
) -> Floats:
    """Return FFMC (0–101), equations 1–10. 85 with 17 °C, 42 %, 25 km/h, 0 mm → 87.69 (1985), 87.65 (later)."""
    constant = FFMC_CONSTANT[edition]
    start = _code(before, "FFMC", HIGHEST_FFMC)
    t, h, w, rain = (_weather(n, x) for n, x in (("temp", temp), ("rh", rh), ("ws", ws), ("prec", prec)))
    moisture = _moisture(start, constant)
    fall = np.where(rain > 0.5, rain - 0.5, 1.0)  # 1.0 only keeps the unused branch computable
    wetter = 42.5 * fall * np.exp(-100.0 / (251.0 - moisture)) * (1.0 - np.exp(-6.93 / fall))
    soaked = np.where(moisture > 150.0, 0.0015 * (moisture - 150.0) ** 2 * np.sqrt(fall), 0.0)
    moisture = np.where(rain > 0.5, np.minimum(moisture + wetter + soaked, _MOISTEST_FFMC), moisture)

    cool = 0.18 * (21.1 - t) * (1.0 - np.exp(-0.115 * h))
    steep = np.exp((h - 100.0) / 10.0)
    dry_end = 0.942 * h**0.679 + 11.0 * steep + cool
    wet_end = 0.618 * h**0.753 + 10.0 * steep + cool
    rate = 0.581 * np.exp(0.0365 * t)
    drying, wetting = _rate(h / 100.0, w) * rate, _rate((100.0 - h) / 100.0, w) * rate
    moisture = np.where(
        moisture > dry_end,
        dry_end + (moisture - dry_end) * 10.0**-drying,
        np.where(
            (moisture < dry_end) & (moisture < wet_end),
            wet_end - (wet_end - moisture) * 10.0**-wetting,
            moisture,
        ),
    )
    code = np.clip(59.5 * (250.0 - moisture) / (constant + moisture), 0.0, HIGHEST_FFMC)
    return _unless_unknown(code, start, t, h, w, rain)


def duff_moisture(
    before: ArrayLike, *, month: ArrayLike, temp: ArrayLike, rh: ArrayLike, prec: ArrayLike, lat: ArrayLike
) -> Floats:
    """Return DMC (≥ 0), equations 11–17; day lengths by latitude. 6 in April at 17 °C, 42 %, 0 mm, 40° N → 8.55.

    At 22.5° N the day length is that of the low northern latitudes, 9.5 in April: 6 → 7.89. Equations 12
    and 15 in the form of the published programs (280·e^(−.023·DMC), 43.43·(5.6348 − ln …)), which alone
    gives back the published series to the last digit; the report's rounded constants differ by up to .09.
    """
    start = _code(before, "DMC")
    t, h, rain = (_weather(n, x) for n, x in (("temp", temp), ("rh", rh), ("prec", prec)))
    length = dmc_day_length(month, lat)
    drying = 1.894 * (np.maximum(t, -1.1) + 1.1) * (100.0 - h) * length * 1e-4
    net = np.where(rain > 1.5, 0.92 * rain - 1.27, 0.0)
    content = 20.0 + 280.0 * np.exp(-0.023 * start)
    # Below 33 the first line holds; the logarithms of the others must not see 0.
    log = np.log(np.maximum(start, 1.0))
    slope = np.where(
        start <= 33.0,
        100.0 / (0.5 + 0.3 * start),
        np.where(start <= 65.0, 14.0 - 1.3 * log, 6.2 * log - 17.2),
    )
    wetted = content + 1000.0 * net / (48.77 + slope * net)
    after_rain = np.where(rain > 1.5, np.maximum(43.43 * (5.6348 - np.log(wetted - 20.0)), 0.0), start)
    return _unless_unknown(after_rain + drying, start, t, h, rain, length)


def drought(
    before: ArrayLike, *, month: ArrayLike, temp: ArrayLike, prec: ArrayLike, lat: ArrayLike
) -> Floats:
    """Return DC (≥ 0), equations 18–23. 15 in April at 17 °C, 0 mm, north of 20° N → 19.01."""
    start = _code(before, "DC")
    t, rain = _weather("temp", temp), _weather("prec", prec)
    factor = dc_day_factor(month, lat)
    drying = np.maximum(0.36 * (np.maximum(t, -2.8) + 2.8) + factor, 0.0) / 2.0
    net = np.where(rain > 2.8, 0.83 * rain - 1.27, 0.0)
    after_rain = np.maximum(start - 400.0 * np.log1p(3.937 * net / (800.0 * np.exp(-start / 400.0))), 0.0)
    return _unless_unknown(after_rain + drying, start, t, rain, factor)


def initial_spread(ffmc: ArrayLike, *, ws: ArrayLike, edition: Edition = "1985") -> Floats:
    """Return ISI, equations 24–26. FFMC 87.693 with 25 km/h → 10.85."""
    wind, moisture = _weather("ws", ws), _moisture(_code(ffmc, "FFMC", HIGHEST_FFMC), FFMC_CONSTANT[edition])
    fuel = 91.9 * np.exp(-0.1386 * moisture) * (1.0 + moisture**5.31 / 4.93e7)
    return np.asarray(0.208 * np.exp(0.05039 * wind) * fuel, dtype=np.float64)


def buildup(dmc: ArrayLike, dc: ArrayLike) -> Floats:
    """Return BUI, equation 27; 0 where both codes are 0. DMC 8.55 and DC 19.01 → 8.5; 6 and 15 → 6."""
    duff, dry = _code(dmc, "DMC"), _code(dc, "DC")
    both = duff + 0.4 * dry
    some = np.where(both > 0.0, both, 1.0)
    light = 0.8 * duff * dry / some
    heavy = duff - (1.0 - 0.8 * dry / some) * (0.92 + (0.0114 * duff) ** 1.7)
    return _unless_unknown(np.maximum(np.where(duff <= 0.4 * dry, light, heavy), 0.0), duff, dry)


def fire_weather_index(isi: ArrayLike, bui: ArrayLike) -> Floats:
    """Return FWI, equations 28–30. ISI 10.854 and BUI 8.495 → 10.10."""
    spread, fuel = np.asarray(isi, dtype=np.float64), np.asarray(bui, dtype=np.float64)
    duff = np.where(
        fuel <= 80.0,
        0.626 * fuel**0.809 + 2.0,
        1000.0 / (25.0 + 108.64 * np.exp(-0.023 * fuel)),
    )
    index = 0.1 * spread * duff
    high = np.log(np.maximum(index, 1.0)) * 0.434
    return _unless_unknown(np.where(index > 1.0, np.exp(2.72 * high**0.647), index), spread, fuel)


def dmc_day_length(month: ArrayLike, lat: ArrayLike) -> Floats:
    """Return the effective day length of DMC, hours: tables north of 30° N, 10–30° N, the equator's 9, and south.

    A limit belongs to the zone south of it. April: 40° N 12.8, 22.5° N 9.5, 0° 9, 20° S 8.5, 40° S 7.9.
    """
    return _by_zone(_DMC_LENGTHS, _DMC_FROM, month, lat)


def dc_day_factor(month: ArrayLike, lat: ArrayLike) -> Floats:
    """Return the day length factor of DC: northern above 20° N, 1.4 between the tropics, southern from 20° S on.

    April: 40° N .9, 22.5° N .9, 20° N 1.4, 0° 1.4, 20° S .4.
    """
    return _by_zone(_DC_FACTORS, _DC_FROM, month, lat)


def _by_zone(table: Floats, limits: Floats, month: ArrayLike, lat: ArrayLike) -> Floats:
    at, of = np.asarray(lat, dtype=np.float64), np.asarray(month, dtype=np.float64)
    wrong = (np.abs(at) > 90.0) | np.isinf(at)
    if bool(wrong.any()):
        found = float(at[wrong].flat[0])
        raise FormulaError(
            f"纬度：{found:g} 不是纬度；请写 -90 到 90", f"latitude: {found:g} is none; write -90 to 90"
        )
    known = ~np.isnan(of)
    wrong = known & ((of < 1) | (of > 12) | (of != np.floor(of)))
    if bool(wrong.any()):
        found = float(of[wrong].flat[0])
        raise FormulaError(
            f"月份：{found:g} 不是月份；请写 1 到 12", f"month: {found:g} is none; write 1 to 12"
        )
    zone = np.searchsorted(limits, at, side="left")
    column = np.where(known, of, 1.0).astype(np.intp) - 1
    return _unless_unknown(table[np.minimum(zone, len(table) - 1), column], at, of)


def _rate(share: Floats, wind: Floats) -> Floats:
    return 0.424 * (1.0 - share**1.7) + 0.0694 * np.sqrt(wind) * (1.0 - share**8)


def _moisture(ffmc: Floats, constant: float) -> Floats:
    """Return the moisture content, %, that an FFMC stands for (equation 1)."""
    return constant * (101.0 - ffmc) / (59.5 + ffmc)


def _weather(name: str, given: ArrayLike) -> Floats:
    return within(given, *POSSIBLE[name])


def _code(given: ArrayLike, name: str, high: float = np.inf) -> Floats:
    return within(given, 0.0, high, Text(name, name), below=high == np.inf)


def _unless_unknown(result: Floats, *inputs: Floats) -> Floats:
    unknown = np.isnan(result)
    for given in inputs:
        unknown = unknown | np.isnan(given)
    return np.asarray(np.where(unknown, np.nan, result), dtype=np.float64)


def grid_risk(fuel: ArrayLike, ignition: ArrayLike, access: ArrayLike, weather: ArrayLike = 1.0) -> Floats:
    """Return fire weather × fuel × ignition × access; classes rise with danger, weather 1 is "left out".

    3·4·2 = 24; with weather 2 it is 48. LY/T 1063 grades counties and is not meant for grids.
    """
    parts = (np.asarray(part, dtype=np.float64) for part in (fuel, ignition, access, weather))
    product = np.float64(1.0)
    for part in parts:
        product = product * part
    return np.asarray(product, dtype=np.float64)


_HTZ_HEAT: Final = (5.0, 10.0, 15.0, 20.0, 25.0)
"""Highest temperature of the day, °C → A: up to 5 0, above it 4, … above 25 20."""

_HTZ_DRYNESS: Final = (25.0, 35.0, 45.0, 55.0, 65.0)
"""Least relative humidity of the day, % → B: from 65 0, below it 4, … below 25 20."""

_HTZ_LEVELS: Final = (25.0, 50.0, 72.0, 90.0)


def htz(
    temperature: ArrayLike,
    humidity: ArrayLike,
    rainless: ArrayLike,
    force: ArrayLike,
    season: ArrayLike = 0.0,
) -> Floats:
    """Return the national fire weather index HTZ = A + B + C + D − E, 5 to 130.

    A of the day's highest `temperature` (°C), B of its least `humidity` (%), C 5 for each of the `rainless` days up to
    50, D 5 for each wind `force` of 1–8 (below 1 as 1, above 8 as 8), E the `season`'s correction, 0–20, that the
    place states. Draft: LY/T 1172-95, as reprinted in doi 10.12677/wjf.2020.93016, tables 5–11; B may be a local
    variant. 26 °C, 24 %, 10 days, force 8 → 130; 5 °C, 70 %, 2 days, force 1 → 15; with E 10 it is 5.
    """
    t = within(temperature, *POSSIBLE["temp"])
    h = within(humidity, *POSSIBLE["rh"])
    dry = within(rainless, 0.0, np.inf, Text("无雨日数", "days without rain"), below=True)
    wind = within(force, 0.0, 17.0, Text("风力等级", "wind force"))
    less = within(season, 0.0, 20.0, Text("季节订正", "correction of the season"))
    days = np.minimum(np.floor(dry) * 5.0, 50.0)
    blow = np.clip(np.floor(wind), 1.0, 8.0) * 5.0
    heat = 4.0 * np.searchsorted(_HTZ_HEAT, t, side="left")
    dryness = 20.0 - 4.0 * np.searchsorted(_HTZ_DRYNESS, h, side="right")
    total = _unless_unknown(heat + dryness + days + blow - less, t, h)
    return np.asarray(np.maximum(total, 0.0), dtype=np.float64)


def htz_level(index: ArrayLike) -> Floats:
    """Return the level 1–5 of an HTZ: up to 25, 26–50, 51–72, 73–90, from 91. 96 → 5, 91 → 5, 16 → 1, 130 → 5."""
    known = np.asarray(index, dtype=np.float64)
    level = np.asarray(1.0 + np.searchsorted(_HTZ_LEVELS, known, side="left"), dtype=np.float64)
    return _unless_unknown(level, known)
