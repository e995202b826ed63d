"""Rain from a track alone, where nobody gives any: R-CLIPER. A named fallback, axisymmetric and weak."""

from __future__ import annotations

from typing import Final

import numpy as np

from riskmap.errors import Say
from riskmap.formulas.cyclone_rain import cyclone_rain
from riskmap.formulas.wind import DEGREE, KNOT, averaging_factor
from riskmap.hazards import Floats, Rain, Times, Track

UNSTATED: Final = 10.0
"""Minutes that the wind of a track is taken as a mean over where none are stated: of those in use the ones that
bring the most rain."""
STRONGEST_KT: Final = 160.0
BAND: Final = 0.5
"""Share by which the fallback may be wrong either way: our working value (draft)."""


def rain_of_track(track: Track, lon: Floats, lat: Floats, times: Times) -> Rain:
    """Return the rain of the hour before each of `times` (hourly, UTC) at places, mm, from R-CLIPER.

    The centre and its wind are interpolated linearly to the middle of the hour. Outside the track's time,
    or where its wind is not known, the rain is NaN. R-CLIPER takes the mean over 1 minute: `averaging_factor`
    turns the track's into it (10 minutes: × 1.0753). `how` names the fallback.
    """
    stated = bool(np.isfinite(track.averaging))
    to_one_minute = averaging_factor(track.averaging if stated else UNSTATED, 1.0)
    hour = np.timedelta64(3600, "s")
    middle = (times - hour // 2).astype(np.int64)
    node = track.time.astype("datetime64[s]").astype(np.int64)
    centre = [
        np.interp(middle, node, part, left=np.nan, right=np.nan)
        for part in (track.lat, track.lon, track.wind)
    ]
    knots = np.minimum(centre[2] / KNOT * to_one_minute, STRONGEST_KT)
    amount = np.full((len(times), len(lon)), np.nan)
    for i in np.flatnonzero(np.isfinite(knots)):
        north = (lat - centre[0][i]) * DEGREE
        east = (lon - centre[1][i]) * DEGREE * np.cos(np.radians(centre[0][i]))
        amount[i] = cyclone_rain(np.hypot(north, east), knots[i])
    name = track.name or track.source
    taken = Say("", "")
    if not stated:
        taken = Say(
            f"；路径没有说明风速的平均时段，按 {UNSTATED:g} 分钟平均",
            f"; its wind taken as means over {UNSTATED:g} minutes, which the track does not state",
        )
    how = Say(
        f"无雨量资料，按台风路径 {name} 用 R-CLIPER 估算（轴对称、偏弱，仅作替代）{taken.zh}",
        f"no rain given; estimated from the track {name} with R-CLIPER (axisymmetric and weak, a fallback only)"
        f"{taken.en}",
    )
    return Rain(times, hour, amount, how, track.issued)
