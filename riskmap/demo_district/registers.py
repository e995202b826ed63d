"""The registers of the demo district: rows drawn by seed to the sums that work reports of districts publish.

No figure is stored: each comes out of counting or summing the rows. Sums of several reports meet here in one
made-up district, so that no row says anything of a real one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Polygon

from riskmap.coordinates import to_cgcs2000
from riskmap.demo_district.land import METRIC
from riskmap.demo_district.people import (
    BRAND_FIRST,
    BRAND_SECOND,
    GIVEN_FIRST,
    GIVEN_SECOND,
    SUBDISTRICTS,
    SURNAMES,
    People,
    as_objects,
)
from riskmap.demo_district.risk_points import dates, numbered_codes
from riskmap.demo_district.settlement import Settlement, Sites
from riskmap.values.records import Cell, Contact, Records

# Stage → stations of which it is the latest: 100 sited, 93 with a scheme, 39 built, 31 open.
STATIONS: Final = {"sited": 7, "scheme": 54, "built": 8, "open": 31}
WAREHOUSES: Final = {"district": 13, "subdistrict": 24, "community": 125, "other": 7}
PIECES: Final = 1_248_000
FIRMS, FOUND, RECTIFIED, PLATING = 4_847, 16_834, 12_341, 218
MAJOR_CLOSED, MAJOR_OPEN = 198, 2
HAZARDS_CLOSED, HAZARDS_OPEN = 197, 38
PLACES: Final = 88
ALERTS, WAITING, SYSTEMS, NOTICES = 11_123, 41, 22, 176
PLANS: Final = {"overall": 1, "special": 70, "department": 20, "site": 68}
DRILLS, GUIDED, PENDING = 1_609, 20, 4
PERSONS: Final = 12_000
ROSTER_BEFORE, ROSTER_DAYS = 2, 35  # the roster of this month, from the day before yesterday on
WARNINGS: Final = 35
PATROLS, TRIPS, FLIGHTS, TAKEN = 2_539, 10_720, 403, 2_929
ROADS, ROAD_KM, CAVITIES, COLLAPSES = 126, 315.0, 36, 3
TEAMS, TEAM_PEOPLE = 43, 2_489
VIDEO: Final = 42
EBIKES, CONVERTED = 100, 80
INSPECTIONS, BULLETINS, ROUNDS, INSPECTED_DONE = 176, 62, 6, 113
MEETINGS, ORDERS, ORDERS_OPEN = 21, 141, 28
ACCIDENTS, DEAD, FIRE_ALARMS, FIRES, FOREST_FIRE_M2 = 18, 14, 54, 4, 150.0
OTHER_INCIDENTS: Final = {"poisoning": 2, "drowning": 3, "fireworks": 1}
PILOTS: Final = {"community": 5, "corridor": 2, "school": 3}
CAMERAS, SHAKING = 8, 2
RESPONDERS: Final = 6_204
VISITED: Final = 4  # one firm of so many has its visits on record

_LEADERS: Final = 4  # of a sub-district, for all its records
_CLASSES: Final = {"government": 1_300, "headquarters": 450, "emergency": 650, "member": 2_600, "grid": 7_000}
_SECTORS: Final = (
    *("chemicals", "spraying", "confined_space", "lithium", "molten_metal"),
    *("dust", "aluminium", "coating"),
)
_ITEMS: Final = (
    *(("assault_boat", "flood", "艘", 1), ("rubber_boat", "flood", "艘", 2), ("pump", "flood", "台", 6)),
    *(("life_jacket", "flood", "件", 60), ("bed", "relief", "张", 50), ("编织袋", "flood", "只", 900)),
    *(("雨衣", "flood", "件", 90), ("手电筒", "flood", "只", 70), ("饮用水", "relief", "箱", 120)),
    *(("灭火弹", "fire", "枚", 110), ("棉被", "relief", "床", 60)),
)
_STATED: Final[Mapping[str, str]] = dict(
    zip(
        ("assault_boat", "rubber_boat", "pump", "life_jacket", "bed"),
        ("assault_boats", "rubber_boats", "pumps", "life_jackets", "beds"),
        strict=True,
    )
)
_MONITORED: Final = (
    "倾角",
    "裂缝宽度",
    "雨量",
    "水位",
    "燃气浓度",
    "烟感",
    "沉降",
    "风速",
    "电气温度",
    "位移",
    "管网压力",
)


@dataclass(frozen=True, slots=True)
class District:
    """What the registers are drawn from: the ground, the layers made before and the sub-districts (degrees)."""

    settlement: Settlement
    layers: Mapping[str, Records]
    subdistricts: Mapping[str, Polygon]
    dwellers: Sequence[Sequence[object]]
    today: date
    leaders: Mapping[str, Sequence[Contact]]


@dataclass(slots=True)
class _Rows:
    """The rows of one register while they are drawn."""

    layer: str
    codes: Sequence[str]
    names: Sequence[str | None]
    values: dict[str, Sequence[Cell]]
    sites: Sites | None = None
    subdistricts: Sequence[str | None] | None = None
    contacts: Sequence[tuple[Contact, ...] | None] | None = None
    shapes: Sequence[bytes] | None = None
    lonlat: NDArray[np.float64] | None = field(default=None)

    def records(self, district: District) -> Records:
        count = len(self.codes)
        there = np.full((count, 2), np.nan) if self.lonlat is None else self.lonlat
        subdistricts = self.subdistricts
        if self.sites is not None:
            there = np.column_stack((self.sites.lon, self.sites.lat))
            subdistricts = district.settlement.subdistrict_names[self.sites.subdistrict].tolist()
        return Records(
            layer=self.layer,
            code=self.codes,
            name=self.names,
            subdistrict=[None] * count if subdistricts is None else subdistricts,
            lon=np.ascontiguousarray(there[:, 0]),
            lat=np.ascontiguousarray(there[:, 1]),
            shapes=self.shapes,
            values=self.values,
            contacts=self.contacts,
        )


def make_registers(
    rng: Callable[[int], np.random.Generator],
    settlement: Settlement,
    layers: Mapping[str, Records],
    *,
    subdistricts: Mapping[str, Polygon],
    dwellers: Sequence[Sequence[object]],
    today: date,
) -> dict[str, Records]:
    """Return register id → records, those that are named before those that name them.

    `rng`: a stream of random numbers for each part; `layers`: the six layers of the district; `subdistricts`:
    name → polygon in degrees; `dwellers`: the rows of who lives where. The same arguments give the same rows.
    """
    district = District(
        settlement, layers, subdistricts, dwellers, today, _leader_pools(layers, rng(0), today)
    )
    makers = (
        *(_high_risk_places, _stations, _warehouses, _firms, _visits, _major_hazards, _hazards, _works),
        *(_roads, _cavities, _collapses, _persons, _teams, _patrols, _video, _alerts, _plans, _drills),
        *(_trainings, _warnings, _responses, _inspections, _meetings, _orders, _incidents),
        *(_ebikes, _transfer_grids, _pilot_sites, _sensors, _duty),
    )
    made: dict[str, Records] = {}
    for number, maker in enumerate(makers, start=1):
        stream = rng(number)
        for rows in maker(stream, district, People(rng(100 + number), today), made):
            made[rows.layer] = rows.records(district)
    return made


# -- drawing


def _shared(
    rng: np.random.Generator, total: int, weight: Sequence[float] | NDArray[np.float64], *, least: int = 0
) -> NDArray[np.int64]:
    """Share `total` out by weight, at least `least` to each: whole numbers that sum to it."""
    share = np.asarray(weight, float)
    return least + rng.multinomial(total - least * len(share), share / share.sum())


def _pick(rng: np.random.Generator, words: Sequence[Cell], count: int) -> list[Cell]:
    """Return `count` of the words, drawn with equal chances."""
    return as_objects(words)[rng.integers(0, len(words), count)].tolist()


def _exactly(rng: np.random.Generator, count: int, true: int) -> NDArray[np.bool_]:
    """Return `count` booleans of which `true` are true."""
    return rng.permutation(np.arange(count) < true)


def _words(numbers: Mapping[str, int], order: NDArray[np.intp]) -> list[str]:
    """Return each word as often as it says, in a drawn order."""
    return as_objects([word for word, many in numbers.items() for _ in range(many)])[order].tolist()


def _ordered(sites: Sites) -> Sites:
    return sites.take(np.argsort(sites.subdistrict, kind="stable"))


def _days_after(
    rng: np.random.Generator, days: Sequence[Cell], low: int, high: int, until: date
) -> list[Cell]:
    """Return a day `low` to `high` days after each of the others, none after `until`."""
    late = rng.integers(low, high + 1, len(days))
    moved = [
        date.fromisoformat(str(day)[:10]) + timedelta(days=int(n)) for day, n in zip(days, late, strict=True)
    ]
    return [min(day, until).isoformat() for day in moved]


def _moments(rng: np.random.Generator, count: int, today: date, *, within_days: int) -> list[Cell]:
    """Return moments of the last days, to the minute (UTC; by day in Beijing)."""
    minute = rng.integers(0, 600, count)  # 08:00 to 18:00 in Beijing
    day = dates(rng, count, today, within_days=within_days)
    return [f"{d}T{m // 60:02d}:{m % 60:02d}Z" for d, m in zip(day.tolist(), minute.tolist(), strict=True)]


def _numbered(prefix: str, count: int, width: int = 4) -> list[str]:
    return [f"{prefix}{i:0{width}d}" for i in range(1, count + 1)]


def _named(settlement: Settlement, sites: Sites, what: str) -> list[str]:
    names = settlement.communities(sites).tolist()
    return [f"演示·{community}{what}{i + 1}号" for i, community in enumerate(names)]


def _one_each(people: People, role: str, count: int, post: str) -> list[tuple[Contact, ...]]:
    return [(people.contact(role, post),) for _ in range(count)]


def _leader_pools(
    layers: Mapping[str, Records], rng: np.random.Generator, today: date
) -> dict[str, list[Contact]]:
    """Return the leaders of each sub-district: those of its risk points, so that one leads records of many layers."""
    points, spare = layers["risk_points"], People(rng, today)
    pools: dict[str, list[Contact]] = {name: [] for name in SUBDISTRICTS}
    for subdistrict, people in zip(points.subdistrict, points.contacts or (), strict=False):
        pool = pools[str(subdistrict)]
        for one in people or ():
            if one.role == "leader" and len(pool) < _LEADERS and one not in pool:
                pool.append(one)
    for pool in pools.values():
        pool.extend(spare.contacts("leader", _LEADERS - len(pool), ("街道领导",)))
    return pools


def _links(rng: np.random.Generator, records: Records, count: int) -> list[Cell]:
    """Return links to drawn records of a risk layer."""
    codes = as_objects([f"{records.layer}:{code}" for code in records.code])
    return codes[rng.integers(0, len(codes), count)].tolist()


# -- places and what is kept there


def _high_risk_places(
    rng: np.random.Generator, district: District, people: People, _: Mapping[str, Records]
) -> list[_Rows]:
    """The worst records of four layers by what is known of them: no tier is needed and none is said."""
    layers = district.layers
    points = layers["risk_points"]
    factors = [
        np.array([np.nan if v is None else v for v in points.values[f]], float)
        for f in ("likelihood", "exposure", "consequence")
    ]
    worst = np.argsort(-np.nan_to_num(np.prod(factors, axis=0)), kind="stable")[:40]
    chosen = [("risk_points", int(row)) for row in worst]
    for layer, column, most in (
        ("forest_fire_grids", "area_ha", 10),
        ("waterlogging", "max_depth_m", 14),
        ("slopes", "threatened_people", PLACES),
    ):
        order = np.argsort(-np.array(layers[layer].values[column], float), kind="stable")
        chosen += [(layer, int(row)) for row in order[: min(most, PLACES - len(chosen))]]
    turn: dict[str, int] = dict.fromkeys(SUBDISTRICTS, int(rng.integers(_LEADERS)))
    contacts: list[tuple[Contact, ...]] = []
    for layer, row in chosen:
        subdistrict = str(layers[layer].subdistrict[row])
        pool = district.leaders[subdistrict]
        contacts.append((pool[turn[subdistrict] % len(pool)], people.contact("responsible", "网格员")))
        turn[subdistrict] += 1
    return [
        _Rows(
            "high_risk_places",
            _numbered("YS-GD-", PLACES, 3),
            [str(layers[layer].name[row]) for layer, row in chosen],
            {
                "extent": ["area" if layer == "forest_fire_grids" else "point" for layer, _ in chosen],
                "point": [f"{layer}:{layers[layer].code[row]}" for layer, row in chosen],
                "measures": ["专人值守、雨前巡查、一点一策"] * PLACES,
                "visited_on": dates(rng, PLACES, district.today, within_days=45).tolist(),
            },
            contacts=contacts,
        )
    ]


def _stations(
    rng: np.random.Generator, district: District, people: People, _: Mapping[str, Records]
) -> list[_Rows]:
    count, today = sum(STATIONS.values()), district.today
    sites = _ordered(district.settlement.sites(rng, count, on_streets=0.7))
    stage = _words(STATIONS, rng.permutation(count))
    opened = dates(rng, count, today, within_days=300).tolist()
    planned = [(today + timedelta(days=int(n))).isoformat() for n in rng.integers(10, 300, count)]
    return [
        _Rows(
            "stations",
            numbered_codes("YS-FW", sites.subdistrict),
            _named(district.settlement, sites, "应急服务站"),
            {
                "stage": stage,
                "kind": _pick(rng, ("estate", "large_firm"), count),
                "open_planned": [None if s == "open" else d for s, d in zip(stage, planned, strict=True)],
                "opened_on": [d if s == "open" else None for s, d in zip(stage, opened, strict=True)],
            },
            sites=sites,
            contacts=_one_each(people, "keeper", count, "站长"),
        )
    ]


def _warehouses(
    rng: np.random.Generator, district: District, people: People, _: Mapping[str, Records]
) -> list[_Rows]:
    """What a warehouse states is the sum of its lines, item by item."""
    count, today = sum(WAREHOUSES.values()), district.today
    sites = _ordered(district.settlement.sites(rng, count, on_streets=0.7))
    codes = numbered_codes("YS-CK", sites.subdistrict)
    level = _words(WAREHOUSES, rng.permutation(count))
    size = np.array(
        [{"district": 30.0, "subdistrict": 9.0, "community": 1.0, "other": 3.0}[one] for one in level]
    )
    held = [(w, i) for w in range(count) for i in range(len(_ITEMS)) if i >= 2 or level[w] != "community"]
    weight = np.array([size[w] * _ITEMS[i][3] for w, i in held]) * rng.uniform(0.5, 1.5, len(held))
    quantity = _shared(rng, PIECES, weight, least=1)
    sums = np.zeros((count, len(_ITEMS)), np.int64)
    for (w, i), many in zip(held, quantity.tolist(), strict=True):
        sums[w, i] = many
    stated = {
        key: [int(n) for n in sums[:, i]]
        for i, (item, *_rest) in enumerate(_ITEMS)
        if (key := _STATED.get(item)) is not None
    }
    keeps = rng.integers(-40, 900, len(held))
    return [
        _Rows(
            "warehouses",
            codes,
            _named(district.settlement, sites, "应急物资仓库"),
            {
                "level": level,
                "pieces": sums.sum(axis=1).tolist(),
                **stated,
                "counted_on": dates(rng, count, today, within_days=200).tolist(),
            },
            sites=sites,
            contacts=_one_each(people, "keeper", count, "仓库管理员"),
        ),
        _Rows(
            "stock_lines",
            [f"{codes[w]}-{i + 1:02d}" for w, i in held],
            [None] * len(held),
            {
                "warehouse": [codes[w] for w, _ in held],
                "item": [_ITEMS[i][0] for _, i in held],
                "category": [_ITEMS[i][1] for _, i in held],
                "quantity": [float(n) for n in quantity],
                "piece": [_ITEMS[i][2] for _, i in held],
                "expires_on": [(today + timedelta(days=int(n))).isoformat() for n in keeps],
            },
        ),
    ]


def _teams(
    rng: np.random.Generator, district: District, people: People, _: Mapping[str, Records]
) -> list[_Rows]:
    sites = _ordered(district.settlement.sites(rng, TEAMS, on_streets=0.7))
    kind = ["general", "special", "special", "volunteer"]
    speciality = ("chemicals", "water", "power", "drainage", "water\ndrainage")
    return [
        _Rows(
            "teams",
            numbered_codes("YS-DW", sites.subdistrict),
            _named(district.settlement, sites, "应急救援队"),
            {
                "kind": _pick(rng, kind, TEAMS),
                "people": _shared(rng, TEAM_PEOPLE, rng.gamma(2.0, 1.0, TEAMS), least=8).tolist(),
                "speciality": _pick(rng, speciality, TEAMS),
            },
            sites=sites,
            contacts=_one_each(people, "leader", TEAMS, "队长"),
        )
    ]


def _ebikes(
    rng: np.random.Generator, district: District, _people: People, _: Mapping[str, Records]
) -> list[_Rows]:
    sites = _ordered(district.settlement.sites(rng, EBIKES, on_streets=0.2))
    return [
        _Rows(
            "ebike_sites",
            numbered_codes("YS-DD", sites.subdistrict),
            _named(district.settlement, sites, "电动自行车充电点"),
            {"converted": _exactly(rng, EBIKES, CONVERTED).tolist(), "fire_equipment": [True] * EBIKES},
            sites=sites,
        )
    ]


def _pilot_sites(
    rng: np.random.Generator, district: District, _people: People, _: Mapping[str, Records]
) -> list[_Rows]:
    count = sum(PILOTS.values())
    sites = _ordered(district.settlement.sites(rng, count, on_streets=0.5))
    stage = _pick(rng, ("planned", "building", "accepted"), count)
    day = dates(rng, count, district.today, within_days=200).tolist()
    return [
        _Rows(
            "pilot_sites",
            numbered_codes("YS-SF", sites.subdistrict),
            _named(district.settlement, sites, "示范点"),
            {
                "kind": _words(PILOTS, rng.permutation(count)),
                "stage": stage,
                "accepted_on": [d if s == "accepted" else None for s, d in zip(stage, day, strict=True)],
            },
            sites=sites,
        )
    ]


def _sensors(
    rng: np.random.Generator, district: District, _people: People, made: Mapping[str, Records]
) -> list[_Rows]:
    """A sensor on every monitored slope and in every store of the district, cameras on forest, two that feel shaking.

    None has a reading yet: what is not known is shown as silent.
    """
    slopes, grids = district.layers["slopes"], district.layers["forest_fire_grids"]
    stores, stations = made["warehouses"], made["stations"]
    held: list[tuple[str, Cell, Cell]] = [
        ("slope", f"slopes:{code}", None)
        for code, there in zip(slopes.code, slopes.values["monitored"], strict=True)
        if there
    ]
    held += [("camera", f"forest_fire_grids:{code}", None) for code in grids.code[:CAMERAS]]
    held += [
        ("store", None, f"warehouses:{code}")
        for code, level in zip(stores.code, stores.values["level"], strict=True)
        if level == "district"
    ]
    held += [("shaking", None, f"stations:{code}") for code in stations.code[:SHAKING]]
    return [
        _Rows(
            "sensors",
            _numbered("YS-CG-", len(held), 3),
            [f"演示·传感器{i + 1}号" for i in range(len(held))],
            {
                "kind": [kind for kind, _, _ in held],
                "point": [point for _, point, _ in held],
                "place": [place for _, _, place in held],
                "installed_on": dates(rng, len(held), district.today, within_days=600).tolist(),
            },
        )
    ]


def _transfer_grids(
    _rng: np.random.Generator, district: District, _people: People, _: Mapping[str, Records]
) -> list[_Rows]:
    """One grid a sub-district: the people of its buildings who cannot walk alone, to the shelters that lie in it."""
    shelters = district.layers["shelters"]
    helped = dict.fromkeys(district.subdistricts, 0)
    for row in district.dwellers:
        helped[str(row[2])] += int(str(row[5]))
    names = list(district.subdistricts)
    shapes = list(district.subdistricts.values())
    spots = shapely.get_coordinates(shapely.point_on_surface(np.array(shapes, object)))
    to = [
        "\n".join(
            f"shelters:{code}"
            for code, other in zip(shelters.code, shelters.subdistrict, strict=True)
            if other == name
        )
        for name in names
    ]
    return [
        _Rows(
            "transfer_grids",
            _numbered("YS-ZY-", len(names), 2),
            [f"演示·{name.removeprefix('演示')}转移责任网格" for name in names],
            {"people": [helped[name] for name in names], "shelters": [one or None for one in to]},
            subdistricts=names,
            contacts=[
                (Contact("responsible", one.name, one.phone, one.post, one.verified_on),)
                for one in (district.leaders[name][0] for name in names)
            ],
            shapes=[bytes(shapely.to_wkb(shape)) for shape in shapes],
            lonlat=spots,
        )
    ]


# -- firms


def _firms(
    rng: np.random.Generator, district: District, people: People, _: Mapping[str, Records]
) -> list[_Rows]:
    sites = _ordered(district.settlement.sites(rng, FIRMS, on_streets=0.9))
    found = _shared(rng, FOUND, rng.gamma(1.2, 1.0, FIRMS))
    rectified = rng.multivariate_hypergeometric(found, RECTIFIED, method="marginals")
    brands = as_objects([a + b for a in BRAND_FIRST for b in BRAND_SECOND])
    brand = brands[(np.arange(FIRMS) * 37) % len(brands)]
    sector = as_objects(_SECTORS)[rng.integers(0, len(_SECTORS), FIRMS)]
    sector[_exactly(rng, FIRMS, PLATING)] = "electroplating"
    penalties = np.where(rng.random(FIRMS) < 0.05, rng.integers(1, 3, FIRMS), 0)
    return [
        _Rows(
            "enterprises",
            numbered_codes("YS-QY", sites.subdistrict),
            [
                f"演示·{c}{b}厂{i + 1}"
                for i, (c, b) in enumerate(
                    zip(district.settlement.communities(sites).tolist(), brand.tolist(), strict=True)
                )
            ],
            {
                "sector": sector.tolist(),
                "found": found.tolist(),
                "rectified": rectified.tolist(),
                "confirmed": (found == rectified).tolist(),
                "inspections": (1 + rng.poisson(1.2, FIRMS)).tolist(),
                "inspected_on": dates(rng, FIRMS, district.today, within_days=330).tolist(),
                "penalties": penalties.tolist(),
                "fines": (penalties * rng.integers(1, 9, FIRMS)).astype(float).tolist(),
            },
            sites=sites,
            contacts=_one_each(people, "manager", FIRMS, "企业负责人"),
        )
    ]


def _visits(
    rng: np.random.Generator, district: District, people: People, made: Mapping[str, Records]
) -> list[_Rows]:
    """Two visits of every fourth firm; what they found together is what the firm's row states."""
    firms = made["enterprises"]
    rows = range(0, len(firms), VISITED)
    codes, firm, found, done = [], [], [], []
    for row in rows:
        all_found, all_done = int(str(firms.values["found"][row])), int(str(firms.values["rectified"][row]))
        first = all_found // 2
        first_done = min(first, all_done)
        codes += [f"{firms.code[row]}-001", f"{firms.code[row]}-002"]
        firm += [firms.code[row]] * 2
        found += [first, all_found - first]
        done += [first_done, all_done - first_done]
    inspectors = [people.contact("manager").name for _ in range(40)]
    return [
        _Rows(
            "visits",
            codes,
            [None] * len(codes),
            {
                "firm": firm,
                "at": _moments(rng, len(codes), district.today, within_days=330),
                "inspectors": [inspectors[i] for i in rng.integers(0, 40, len(codes))],
                "found": found,
                "rectified": done,
            },
        )
    ]


# -- tickets


def _major_hazards(
    rng: np.random.Generator, district: District, people: People, made: Mapping[str, Records]
) -> list[_Rows]:
    count, today = MAJOR_CLOSED + MAJOR_OPEN, district.today
    firms = made["enterprises"]
    found = _days_before(rng, count, today, 90, 330)
    found[MAJOR_CLOSED:] = _days_before(rng, MAJOR_OPEN, today, 40, 80)
    due = _days_after(rng, found, 20, 60, today + timedelta(days=30))
    due[MAJOR_CLOSED:] = [(today + timedelta(days=n)).isoformat() for n in (12, 26)]
    closed = _days_after(rng, found, 5, 80, today - timedelta(days=1))
    done = [i < MAJOR_CLOSED for i in range(count)]
    firm: list[int] = rng.permutation(len(firms))[:count].tolist()
    sector = ("fire", "chemicals", "construction", "gas", "traffic")
    return [
        _Rows(
            "major_hazards",
            _numbered(f"ZD{today.year}-", count),
            [f"{firms.name[i]}重大隐患" for i in firm],
            {
                "firm": [firms.code[i] for i in firm],
                "sector": _pick(rng, sector, count),
                "description": ["安全出口数量不足或被占用"] * count,
                "cause": [None if one else "整改涉及主体结构，需重新报建" for one in done],
                "found_on": found,
                "due": due,
                "department": ["演示区应急管理局"] * count,
                "order": [f"演示责改〔{today.year}〕{i + 1}号" for i in range(count)],
                "cost": rng.integers(1, 60, count).astype(float).tolist(),
                "closed_on": [d if one else None for d, one in zip(closed, done, strict=True)],
                "evidence": ["演示·整改后照片" if one else None for one in done],
                "state": ["closed" if one else "rectifying" for one in done],
            },
            contacts=[
                (
                    people.contact("responsible", "企业负责人"),
                    district.leaders[str(firms.subdistrict[i])][i % _LEADERS],
                )
                for i in firm
            ],
        )
    ]


def _days_before(rng: np.random.Generator, count: int, today: date, low: int, high: int) -> list[Cell]:
    return [(today - timedelta(days=int(n))).isoformat() for n in rng.integers(low, high + 1, count)]


def _hazards(
    rng: np.random.Generator, district: District, people: People, _: Mapping[str, Records]
) -> list[_Rows]:
    """The open ones stand in every state, a few of them past their deadline."""
    count, today = HAZARDS_CLOSED + HAZARDS_OPEN, district.today
    open_states = ["found"] * 6 + ["rectifying"] * 24 + ["waiting"] * 3 + ["rectified"] * 5
    state = ["closed"] * HAZARDS_CLOSED + open_states
    late = [4, 9, 15, 30]  # days that four of those being rectified are past their deadline
    found = _days_before(rng, count, today, 60, 300)
    found[HAZARDS_CLOSED:] = _days_before(rng, HAZARDS_OPEN, today, 35, 58)
    due = _days_after(rng, found, 20, 60, today + timedelta(days=30))
    for i, one in enumerate(open_states):
        row, ahead = HAZARDS_CLOSED + i, int(rng.integers(3, 40))
        days = -late[i - 6] if 6 <= i < 10 else ahead
        due[row] = None if one in {"found", "waiting"} else (today + timedelta(days=days)).isoformat()
    closed = _days_after(rng, found, 5, 50, today - timedelta(days=1))
    kinds = ("wall", "slope", "river", "pit", "pipe", "road", "tree", "wall\nslope", "pipe\nroad")
    evidence = [one in {"closed", "rectified"} for one in state]
    points = [
        link
        for layer, many in (("risk_points", 120), ("slopes", 60), ("waterlogging", count - 180))
        for link in _links(rng, district.layers[layer], many)
    ]
    return [
        _Rows(
            "hazards",
            _numbered(f"YH{today.year}-", count),
            [f"演示·隐患{i + 1}号" for i in range(count)],
            {
                "point": [points[i] for i in rng.permutation(count)],
                "kind": _pick(rng, kinds, count),
                "grade": ["general"] * count,
                "description": ["开裂、渗水或堵塞"] * count,
                "found_on": found,
                "due": due,
                "department": [None if one == "found" else "演示区住房和建设局" for one in state],
                "cost": np.round(rng.gamma(1.5, 2.0, count), 1).tolist(),
                "closed_on": [d if one == "closed" else None for d, one in zip(closed, state, strict=True)],
                "evidence": ["演示·整改后照片" if one else None for one in evidence],
                "state": state,
            },
            contacts=_one_each(people, "responsible", count, "整改责任人"),
        )
    ]


def _works(
    rng: np.random.Generator, district: District, _people: People, _: Mapping[str, Records]
) -> list[_Rows]:
    """The works on the slopes that are in works: none is done."""
    slopes, today = district.layers["slopes"], district.today
    rows = [i for i, there in enumerate(slopes.values["in_works"]) if there]
    approved = _days_before(rng, len(rows), today, 60, 240)
    return [
        _Rows(
            "works",
            _numbered("YS-GC-", len(rows), 3),
            [f"{slopes.name[i]}治理" for i in rows],
            {
                "point": [f"slopes:{slopes.code[i]}" for i in rows],
                "kind": ["slope"] * len(rows),
                "approved_on": approved,
                "due": [
                    (today + timedelta(days=int(n))).isoformat() for n in rng.integers(20, 240, len(rows))
                ],
                "cost": rng.integers(20, 400, len(rows)).astype(float).tolist(),
                "state": ["building"] * len(rows),
            },
        )
    ]


def _meetings(
    rng: np.random.Generator, district: District, _people: People, _: Mapping[str, Records]
) -> list[_Rows]:
    kind = ["committee", "flood", "special"]
    return [
        _Rows(
            "meetings",
            _numbered("YS-HY-", MEETINGS, 2),
            [f"演示·第{i + 1}次会议" for i in range(MEETINGS)],
            {
                "at": sorted(
                    _moments(rng, MEETINGS, district.today - timedelta(days=20), within_days=300), key=str
                ),
                "kind": _pick(rng, kind, MEETINGS),
            },
        )
    ]


def _orders(
    rng: np.random.Generator, district: District, people: People, made: Mapping[str, Records]
) -> list[_Rows]:
    meetings, today = made["meetings"], district.today
    of = [i % MEETINGS for i in range(ORDERS)]
    ordered: list[Cell] = [str(meetings.values["at"][i])[:10] for i in of]
    is_open = np.argsort([str(day) for day in ordered], kind="stable")[-ORDERS_OPEN:]
    state = ["closed"] * ORDERS
    for i in is_open:
        state[i] = "open"
    due = _days_after(rng, ordered, 10, 60, today + timedelta(days=60))
    for i in is_open:
        due[i] = (today + timedelta(days=int(rng.integers(2, 50)))).isoformat()
    closed = _days_after(rng, ordered, 3, 40, today - timedelta(days=1))
    return [
        _Rows(
            "orders",
            _numbered(f"JB{today.year}-", ORDERS),
            [f"演示·议定事项{i + 1}号" for i in range(ORDERS)],
            {
                "meeting": [meetings.code[i] for i in of],
                "what": [f"演示·事项{i + 1}" for i in range(ORDERS)],
                "department": ["演示区应急管理局"] * ORDERS,
                "ordered_on": ordered,
                "due": due,
                "result": ["已落实" if one == "closed" else None for one in state],
                "closed_on": [d if one == "closed" else None for d, one in zip(closed, state, strict=True)],
                "state": state,
            },
            contacts=_one_each(people, "responsible", ORDERS, "承办人"),
        )
    ]


def _incidents(
    rng: np.random.Generator, district: District, _people: People, made: Mapping[str, Records]
) -> list[_Rows]:
    others = [word for word, many in OTHER_INCIDENTS.items() for _ in range(many)]
    kind = [*others, *["accident"] * ACCIDENTS, *["fire"] * FIRE_ALARMS, "forest_fire"]
    count, today = len(kind), district.today
    at = _moments(rng, count, today - timedelta(days=30), within_days=300)
    dead = [0] * len(others) + _shared(rng, DEAD, np.ones(ACCIDENTS)).tolist() + [0] * (FIRE_ALARMS + 1)
    real = [True] * (len(others) + ACCIDENTS) + _exactly(rng, FIRE_ALARMS, FIRES).tolist() + [True]
    firms = made["enterprises"]
    firm: list[Cell] = _pick(rng, firms.code, count)
    firm[-1] = None
    point: list[Cell] = [None] * (count - 1) + _links(rng, district.layers["forest_fire_grids"], 1)
    return [
        _Rows(
            "incidents",
            _numbered(f"SG{today.year}-", count),
            [f"演示·灾情{i + 1}号" for i in range(count)],
            {
                "point": point,
                "firm": firm,
                "kind": kind,
                "at": at,
                "what": ["演示记录"] * count,
                "confirmed": real,
                "dead": dead,
                "injured": rng.integers(0, 3, count).tolist(),
                "area": [None] * (count - 1) + [FOREST_FIRE_M2],
                "handling": ["已处置完毕"] * count,
                "cause": ["已查明"] * count,
                "closed_on": _days_after(rng, at, 2, 25, today - timedelta(days=1)),
                "state": ["reviewed"] * count,
            },
        )
    ]


# -- roads


def _roads(
    rng: np.random.Generator, district: District, _people: People, _: Mapping[str, Records]
) -> list[_Rows]:
    """Straight pieces of road that lie wholly in their sub-district, 315 km together."""
    settlement = district.settlement
    whole = round(ROAD_KM * 100)
    length = _shared(rng, whole, rng.uniform(0.6, 1.4, ROADS), least=100) / 100.0
    shapes: list[bytes] = []
    spots, owner = np.empty((ROADS, 2)), np.empty(ROADS, np.intp)
    for i, km in enumerate(length.tolist()):
        line, owner[i] = _road(rng, settlement, km * 1000.0)
        shapes.append(bytes(shapely.to_wkb(line)))
        spots[i] = shapely.get_coordinates(line)[0]
    order = np.argsort(owner, kind="stable")
    names = settlement.street_names[:ROADS].tolist()
    finds = _shared(rng, CAVITIES, length[order])
    return [
        _Rows(
            "roads",
            numbered_codes("YS-LD", owner[order]),
            [f"演示·{name}" for name in names],
            {
                "km": length[order].tolist(),
                "surveyed": dates(rng, ROADS, district.today, within_days=250).tolist(),
                "finds": finds.tolist(),
            },
            subdistricts=settlement.subdistrict_names[owner[order]].tolist(),
            shapes=[shapes[i] for i in order],
            lonlat=spots[order],
        )
    ]


def _road(rng: np.random.Generator, settlement: Settlement, metres: float) -> tuple[shapely.LineString, int]:
    """Return a straight road of this length inside one sub-district, and which."""
    while True:
        start = settlement.sites(rng, 1)
        mine = settlement.polygons[int(start.subdistrict[0])]
        for angle in rng.uniform(0, 2 * np.pi, 12):
            east = start.east[0] + np.cos(angle) * np.linspace(0.0, metres, 2)
            north = start.north[0] + np.sin(angle) * np.linspace(0.0, metres, 2)
            lon, lat = to_cgcs2000(east, north, METRIC)
            line = shapely.LineString(np.round(np.column_stack((lon, lat)), 7))
            if mine.contains(line):
                return line, int(start.subdistrict[0])


def _cavities(
    rng: np.random.Generator, district: District, _people: People, made: Mapping[str, Records]
) -> list[_Rows]:
    roads, today = made["roads"], district.today
    road = [
        code
        for code, many in zip(roads.code, roads.values["finds"], strict=True)
        for _ in range(int(str(many)))
    ]
    found = _days_before(rng, CAVITIES, today, 60, 200)
    state = ["closed"] * 30 + ["filling"] * 4 + ["found"] * 2
    due = _days_after(rng, found, 20, 50, today)
    for i in range(30, 34):
        due[i] = (today + timedelta(days=int(rng.integers(5, 30)))).isoformat()
    due[34:] = [None, None]
    closed = _days_after(rng, found, 3, 40, today - timedelta(days=1))
    kinds = ("cavity", "cavity", "void", "loose")
    return [
        _Rows(
            "cavities",
            _numbered("YS-KD-", CAVITIES, 3),
            [f"演示·空洞{i + 1}号" for i in range(CAVITIES)],
            {
                "road": road,
                "kind": _pick(rng, kinds, CAVITIES),
                "depth": np.round(rng.uniform(0.5, 3.0, CAVITIES), 1).tolist(),
                "length": np.round(rng.uniform(0.5, 5.0, CAVITIES), 1).tolist(),
                "width": np.round(rng.uniform(0.5, 3.0, CAVITIES), 1).tolist(),
                "headroom": np.round(rng.uniform(0.1, 1.2, CAVITIES), 1).tolist(),
                "found_on": found,
                "due": due,
                "closed_on": [d if one == "closed" else None for d, one in zip(closed, state, strict=True)],
                "evidence": ["演示·回填照片" if one == "closed" else None for one in state],
                "state": state,
            },
        )
    ]


def _collapses(
    rng: np.random.Generator, district: District, _people: People, made: Mapping[str, Records]
) -> list[_Rows]:
    roads = made["roads"]
    return [
        _Rows(
            "collapses",
            _numbered("YS-TX-", COLLAPSES, 2),
            [f"演示·地面坍塌{i + 1}号" for i in range(COLLAPSES)],
            {
                "road": [roads.code[int(i)] for i in rng.permutation(len(roads))[:COLLAPSES]],
                "at": _moments(rng, COLLAPSES, district.today, within_days=300),
                "area": [6.0, 3.5, 12.0],
                "depth": [1.2, 0.8, 2.5],
                "dead": [0] * COLLAPSES,
                "injured": [0] * COLLAPSES,
                "cause": ["管道渗漏"] * COLLAPSES,
            },
        )
    ]


# -- persons and what they do


def _persons(
    rng: np.random.Generator, district: District, _people: People, _: Mapping[str, Records]
) -> list[_Rows]:
    """Persons with numbers of their own block; the leaders of the sub-districts are among them, once each."""
    names = rng.permutation([a + b + c for a in SURNAMES for b in GIVEN_FIRST for c in GIVEN_SECOND]).tolist()
    leaders = [one for pool in district.leaders.values() for one in pool]
    rest = PERSONS - len(leaders)
    classes = as_objects([word for word, many in _CLASSES.items() for _ in range(many)])[len(leaders) :]
    person = [one.name for one in leaders] + [names[i % len(names)] for i in range(rest)]
    phone = [one.phone for one in leaders] + [f"13900{10_000 + i:06d}" for i in range(rest)]
    known = ["government"] * len(leaders) + classes.tolist()
    post = {
        "government": "街道领导",
        "headquarters": "指挥部成员",
        "emergency": "应急办干部",
        "member": "成员单位联络员",
        "grid": "社区网格员",
    }
    unit = {
        "government": "演示区党委政府",
        "headquarters": "演示区三防指挥部",
        "emergency": "演示区应急管理局",
        "member": "演示区成员单位",
        "grid": "演示区社区工作站",
    }
    home = [name for name, pool in district.leaders.items() for _ in pool] + as_objects(list(SUBDISTRICTS))[
        rng.integers(0, len(SUBDISTRICTS), rest)
    ].tolist()
    return [
        _Rows(
            "persons",
            _numbered("YS-RY-", PERSONS, 5),
            [None] * PERSONS,
            {
                "person": person,
                "phone": phone,
                "phone_verified": dates(rng, PERSONS, district.today, within_days=170).tolist(),
                "class": known,
                "post": [post[one] for one in known],
                "unit": [unit[one] for one in known],
            },
            subdistricts=home,
        )
    ]


def _patrols(
    rng: np.random.Generator, district: District, _people: People, _: Mapping[str, Records]
) -> list[_Rows]:
    grids = district.layers["forest_fire_grids"]
    ones = np.ones(PATROLS)
    return [
        _Rows(
            "patrols",
            _numbered("YS-XC-", PATROLS, 5),
            [None] * PATROLS,
            {
                "grid": _pick(rng, grids.code, PATROLS),
                "at": _moments(rng, PATROLS, district.today, within_days=240),
                "people": _shared(rng, TRIPS, ones, least=1).tolist(),
                "drones": _shared(rng, FLIGHTS, ones).tolist(),
                "vehicles": rng.integers(0, 3, PATROLS).tolist(),
                "taken": _shared(rng, TAKEN, ones).tolist(),
            },
        )
    ]


def _video(
    rng: np.random.Generator, district: District, _people: People, _: Mapping[str, Records]
) -> list[_Rows]:
    scenes = ("natural", "production", "fire")
    return [
        _Rows(
            "video_findings",
            _numbered("YS-SP-", VIDEO, 3),
            [f"演示·视频发现{i + 1}号" for i in range(VIDEO)],
            {
                "point": _links(rng, district.layers["risk_points"], VIDEO),
                "scene": _pick(rng, scenes, VIDEO),
                "at": _moments(rng, VIDEO, district.today, within_days=300),
                "department": ["演示区应急管理局"] * VIDEO,
                "answered": [True] * VIDEO,
            },
        )
    ]


def _alerts(
    rng: np.random.Generator, district: District, _people: People, _: Mapping[str, Records]
) -> list[_Rows]:
    today = district.today
    at = sorted(_moments(rng, ALERTS, today, within_days=330), key=str)
    waiting = [i >= ALERTS - WAITING for i in range(ALERTS)]
    limit = np.round(rng.uniform(1.0, 50.0, ALERTS), 1)
    notice = _exactly(rng, ALERTS, NOTICES)
    layers = ("slopes", "waterlogging", "underground_spaces")
    point = as_objects([f"{layer}:{code}" for layer in layers for code in district.layers[layer].code])
    system = rng.integers(0, SYSTEMS, ALERTS)
    indicator = as_objects(_MONITORED)[system % len(_MONITORED)]
    return [
        _Rows(
            "alerts",
            _numbered("YS-YJ-", ALERTS, 5),
            [f"演示·{one}预警" for one in indicator.tolist()],
            {
                "point": point[rng.integers(0, len(point), ALERTS)].tolist(),
                "system": [f"演示监测系统{i + 1:02d}" for i in system.tolist()],
                "indicator": indicator.tolist(),
                "value": np.round(limit * rng.uniform(1.0, 1.8, ALERTS) + 0.1, 1).tolist(),
                "limit": limit.tolist(),
                "at": at,
                "notice": [
                    f"演示预警提示单{i + 1}" if one else None for i, one in enumerate(notice.tolist())
                ],
                "unit": [None if one else "演示区应急管理局" for one in waiting],
                "how": [None if one else "到场核查，已处置" for one in waiting],
                "disposed_on": [
                    None if one else day
                    for one, day in zip(
                        waiting, _days_after(rng, at, 0, 3, today - timedelta(days=1)), strict=True
                    )
                ],
                "state": ["raised" if one else "disposed" for one in waiting],
            },
        )
    ]


def _duty(
    rng: np.random.Generator, district: District, people: People, _: Mapping[str, Records]
) -> list[_Rows]:
    """A roster of every desk: a leader from 8 to 8, somebody on duty by day and somebody overnight."""
    first = district.today - timedelta(days=ROSTER_BEFORE)
    days = [(first + timedelta(days=i)).isoformat() for i in range(ROSTER_DAYS + 1)]
    shifts: list[tuple[str | None, str, str, str, Contact]] = []
    for street in (None, *SUBDISTRICTS):
        leaders = district.leaders[street] if street else people.contacts("leader", 4)
        officers = people.contacts("officer", 6)
        start = int(rng.integers(0, 12))
        for i, (day, after) in enumerate(pairwise(days), start):
            # Kept in UTC: 8 in Beijing is midnight, 18 is 10.
            shifts += [
                (street, "leader", f"{day}T00:00Z", f"{after}T00:00Z", leaders[i % len(leaders)]),
                (street, "officer", f"{day}T00:00Z", f"{day}T10:00Z", officers[2 * i % 6]),
                (street, "officer", f"{day}T10:00Z", f"{after}T00:00Z", officers[(2 * i + 1) % 6]),
            ]
    streets, posts, begins, ends, who = zip(*shifts, strict=True)
    return [
        _Rows(
            "duty",
            _numbered("YS-ZB-", len(shifts), 5),
            [None] * len(shifts),
            {
                "begins": begins,
                "ends": ends,
                "desk": ["street" if street else "district" for street in streets],
                "post": posts,
                "person": [one.name for one in who],
                "phone": [one.phone for one in who],
                "unit": [f"{street}办事处" if street else "演示区应急管理局" for street in streets],
            },
            subdistricts=streets,
        )
    ]


# -- plans, warnings, meetings of people


def _plans(
    rng: np.random.Generator, district: District, _people: People, _: Mapping[str, Records]
) -> list[_Rows]:
    level = [word for word, many in PLANS.items() for _ in range(many)]
    issued = _days_before(rng, len(level), district.today, 200, 1_000)
    return [
        _Rows(
            "plans",
            _numbered("YS-YA-", len(level), 3),
            [f"演示·应急预案{i + 1}号" for i in range(len(level))],
            {
                "level": level,
                "issued_on": issued,
                "revise_by": [
                    (date.fromisoformat(str(day)) + timedelta(days=3 * 365)).isoformat() for day in issued
                ],
                "file": ["演示·预案文本.docx"] * len(level),
            },
        )
    ]


def _drills(
    rng: np.random.Generator, district: District, _people: People, made: Mapping[str, Records]
) -> list[_Rows]:
    plans, today = made["plans"], district.today
    pending = _exactly(rng, DRILLS, PENDING)
    guided = np.zeros(DRILLS, bool)
    guided[rng.permutation(np.flatnonzero(~pending))[:GUIDED]] = True
    held = dates(rng, DRILLS, today, within_days=320)
    held[pending] = (today + timedelta(days=20)).isoformat()
    people = np.where(pending, 0, 10 + rng.poisson(45, DRILLS))
    return [
        _Rows(
            "drills",
            _numbered("YS-YL-", DRILLS, 4),
            [f"演示·演练{i + 1}号" for i in range(DRILLS)],
            {
                "held_on": held.tolist(),
                "plan": _pick(rng, plans.code, DRILLS),
                "people": people.tolist(),
                "guided": guided.tolist(),
                "progress": ["planned" if one else "held" for one in pending.tolist()],
            },
            subdistricts=as_objects(list(SUBDISTRICTS))[rng.integers(0, len(SUBDISTRICTS), DRILLS)].tolist(),
        )
    ]


def _trainings(
    rng: np.random.Generator, district: District, _people: People, _: Mapping[str, Records]
) -> list[_Rows]:
    responders, others = 62, 90
    count = responders + others
    people = np.r_[_shared(rng, RESPONDERS, np.ones(responders), least=20), rng.integers(15, 120, others)]
    rest = ("flood", "keeper", "firm")
    return [
        _Rows(
            "trainings",
            _numbered("YS-PX-", count, 3),
            [f"演示·培训{i + 1}期" for i in range(count)],
            {
                "held_on": dates(rng, count, district.today, within_days=320).tolist(),
                "audience": ["first_responder"] * responders + _pick(rng, rest, others),
                "people": people.tolist(),
                "passed": (people * 9 // 10).tolist(),
            },
            subdistricts=as_objects(list(SUBDISTRICTS))[np.arange(count) % len(SUBDISTRICTS)].tolist(),
        )
    ]


def _warnings(
    rng: np.random.Generator, district: District, _people: People, _: Mapping[str, Records]
) -> list[_Rows]:
    issued = sorted(_moments(rng, WARNINGS, district.today - timedelta(days=3), within_days=300), key=str)
    kinds = ("rainstorm", "rainstorm", "typhoon", "gale", "geological", "forest_fire")
    colours = ("yellow", "yellow", "orange", "blue", "red")
    return [
        _Rows(
            "warnings",
            _numbered("YS-XH-", WARNINGS, 3),
            [f"演示·第{i + 1}号预警信号" for i in range(WARNINGS)],
            {
                "kind": _pick(rng, kinds, WARNINGS),
                "signal": _pick(rng, colours, WARNINGS),
                "issued": issued,
                "lifted": [f"{day}T14:00Z" for day in _days_after(rng, issued, 0, 2, district.today)],
            },
        )
    ]


def _responses(
    rng: np.random.Generator, _district: District, _people: People, made: Mapping[str, Records]
) -> list[_Rows]:
    """One response for every warning; in one of them people were moved."""
    warnings = made["warnings"]
    levels = {"blue": "level_4", "yellow": "level_4", "orange": "level_3", "red": "level_2"}
    moved = [0] * WARNINGS
    moved[int(rng.integers(WARNINGS))] = 214
    return [
        _Rows(
            "responses",
            _numbered("YS-XY-", WARNINGS, 3),
            [f"演示·第{i + 1}次应急响应" for i in range(WARNINGS)],
            {
                "warning": list(warnings.code),
                "level": [levels[str(one)] for one in warnings.values["signal"]],
                "started": list(warnings.values["issued"]),
                "ended": list(warnings.values["lifted"]),
                "moved": moved,
            },
        )
    ]


def _inspections(
    rng: np.random.Generator, district: District, _people: People, _: Mapping[str, Records]
) -> list[_Rows]:
    found = _shared(rng, INSPECTED_DONE + 9, np.ones(INSPECTIONS))
    rectified = rng.multivariate_hypergeometric(found, INSPECTED_DONE, method="marginals")
    told = np.cumsum(bulletin := _exactly(rng, INSPECTIONS, BULLETINS))
    year, shelters = district.today.year, district.layers["shelters"].code
    return [
        _Rows(
            "inspections",
            _numbered("YS-DC-", INSPECTIONS, 3),
            [f"演示·督查{i + 1}号" for i in range(INSPECTIONS)],
            {
                "at": dates(rng, INSPECTIONS, district.today, within_days=320).tolist(),
                "round": (1 + np.arange(INSPECTIONS) % ROUNDS).tolist(),
                "campaign": ["演示·三防专项督查"] * INSPECTIONS,
                "place": [
                    f"shelters:{shelters[i]}" if i < len(shelters) else None for i in range(INSPECTIONS)
                ],
                "unit": [f"{SUBDISTRICTS[i % len(SUBDISTRICTS)]}办事处" for i in range(INSPECTIONS)],
                "found": found.tolist(),
                "rectified": rectified.tolist(),
                "bulletin": [
                    f"演示督〔{year}〕{n}号" if one else None
                    for one, n in zip(bulletin.tolist(), told.tolist(), strict=True)
                ],
            },
            subdistricts=[SUBDISTRICTS[i % len(SUBDISTRICTS)] for i in range(INSPECTIONS)],
        )
    ]
