"""The demo district as one value, and how it is made.

Who lives where in the demo district: buildings with their people, the table that an evacuation asks for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio import Affine
from shapely import Polygon

from riskmap.coordinates import from_cgcs2000, to_cgcs2000
from riskmap.demo_district.areas import make_forest_grids, make_shelters
from riskmap.demo_district.land import CELL, METRIC, Land, make_land
from riskmap.demo_district.parcels import make_parcels
from riskmap.demo_district.people import DISTRICT, MARK, SUBDISTRICTS, People
from riskmap.demo_district.risk_points import make_risk_points
from riskmap.demo_district.settlement import Settlement, label_cells
from riskmap.demo_district.sites import make_slopes, make_underground, make_waterlogging
from riskmap.moments import utc_now
from riskmap.values.records import Records

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


DEM_CRS: Final = "EPSG:4547"


DEFAULT_POINTS: Final = 42_336


@dataclass(frozen=True, slots=True)
class DemoDistrict:
    """A made-up district: boundaries, terrain and the records of six layers.

    `district`, `subdistricts`: polygons in degrees (EPSG:4490); the sub-districts tile the district and
    share identical vertices. `dem`: heights in metres (float32, NaN outside the district), their affine
    transform (rows from north), and CRS. `layers`: layer id → records. `dwellers`: rows under
    `riskmap.demo_district.district.HEADER`. `mark` goes on every screen.
    """

    name: str
    mark: str
    seed: int
    district: Polygon
    subdistricts: Mapping[str, Polygon]
    dem: tuple[NDArray[np.float32], Affine, str]
    layers: Mapping[str, Records]
    dwellers: Sequence[Sequence[object]] = ()


def make_demo(*, points: int = DEFAULT_POINTS, seed: int = 0, today: date | None = None) -> DemoDistrict:
    """Make the demo district; the same arguments give the same district.

    `points`: how many risk points; with 42,336 the real model rates 0 major, 8 large, 2,876 general,
    39,404 low and leaves 48 unrated, for any `seed`; other numbers scale 8, 2,876 and 48, each rounded,
    and the rest are low. `today`: the day that dates of surveys run up to (the system's where not given).
    """
    if points < 1:
        message = "points must be at least 1"
        raise ValueError(message)
    today = today or utc_now().date()

    def rng(part: int) -> np.random.Generator:
        # One stream per part: another number of points leaves the land and the other layers as they are.
        return np.random.default_rng([seed, part])

    land = make_land(rng(1))
    parcels = make_parcels(rng(2), land)
    subdistricts = [_degrees(p) for p in parcels.subdistricts]
    grids = [_degrees(p) for p in parcels.grids]
    settlement = Settlement(rng(3), land, parcels, subdistricts)

    def people(part: int) -> People:
        return People(rng(20 + part), today)

    layers = (
        make_risk_points(rng(10), settlement, people(0), points=points, today=today),
        make_slopes(rng(11), settlement, people(1), today=today),
        make_underground(rng(12), settlement, people(2), today=today),
        make_waterlogging(rng(13), settlement, people(3), today=today),
        make_forest_grids(
            rng(14), settlement, people(4), grids=grids, hectares=[hectares(g) for g in grids], today=today
        ),
        make_shelters(rng(15), settlement, people(5), today=today),
    )
    return DemoDistrict(
        name=DISTRICT,
        mark=MARK,
        seed=seed,
        district=_degrees(parcels.district),
        subdistricts=dict(zip(SUBDISTRICTS, subdistricts, strict=True)),
        dem=_dem(land, parcels.district),
        layers={records.layer: records for records in layers},
        dwellers=make_dwellers(rng(16), settlement),
    )


def hectares(polygon: Polygon) -> float:
    """Return the planar area in EPSG:4547 of a polygon in degrees."""
    return _moved(polygon, from_cgcs2000).area / 1e4


def _degrees(polygon: Polygon) -> Polygon:
    return _moved(polygon, to_cgcs2000)


def _moved(polygon: Polygon, convert: Any) -> Polygon:
    return shapely.transform(polygon, lambda xy: np.column_stack(convert(xy[:, 0], xy[:, 1], METRIC)))


def _dem(land: Land, district: Polygon) -> tuple[NDArray[np.float32], Affine, str]:
    """Cut the terrain to the district (every cell that it touches)."""
    mine = label_cells([district], land) != -1
    rows, cols = np.flatnonzero(mine.any(axis=1)), np.flatnonzero(mine.any(axis=0))
    window = np.s_[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
    heights = np.where(mine, land.height, np.nan)[window].astype(np.float32)
    west, north = land.west + cols[0] * CELL, land.north - rows[0] * CELL
    return heights, Affine(CELL, 0.0, west, 0.0, -CELL, north), DEM_CRS
