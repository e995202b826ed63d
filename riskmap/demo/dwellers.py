"""Who lives where in the demo district: buildings with their people, the table that an evacuation asks for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from riskmap.demo.settlement import Settlement
from riskmap.demo.words import SUBDISTRICTS

BUILDINGS: Final = 4_000
HEADER: Final = ("楼栋编号", "名称", "所属街道", "社区", "人数", "行动不便人数", "经度", "纬度")
_MEDIAN, _SPREAD = 60.0, 0.7  # people of a building, log-normal
_MOST: Final = 600
_HELP: Final = 0.03  # share of people who cannot walk to a shelter alone


def make_dwellers(rng: np.random.Generator, settlement: Settlement) -> list[Sequence[object]]:
    """Return rows under HEADER, degrees (EPSG:4490), one a building."""
    sites = settlement.sites(rng, BUILDINGS)
    people = np.clip(np.round(rng.lognormal(np.log(_MEDIAN), _SPREAD, len(sites))), 2, _MOST).astype(int)
    helped = rng.binomial(people, _HELP)
    communities = settlement.communities(sites)
    addresses = settlement.addresses(sites)
    return [
        (
            f"DEMO-B{i + 1:05d}",
            str(addresses[i]),
            SUBDISTRICTS[int(sites.subdistrict[i])],
            str(communities[i]),
            int(people[i]),
            int(helped[i]),
            float(sites.lon[i]),
            float(sites.lat[i]),
        )
        for i in range(len(sites))
    ]
