"""The demo's risk points: tens of thousands of places, or a million, column by column.

Factors of the LEC method that give wanted totals: D = L·E·C, drawn band by band with exact numbers.

No tier is stored. Each record gets one of the 252 combinations of the published values; how many fall into
each band is fixed beforehand, so the totals come out of the real model and follow it when it changes.
The shares are those of a published work report (42,336 points; 8, 2,876, 39,404 and 48 that no tier holds).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray

from riskmap.demo_district.people import BRAND_FIRST, BRAND_SECOND, KINDS, People, as_objects
from riskmap.demo_district.settlement import Settlement, Sites
from riskmap.values.records import Cell, Contact, Records

REPORTED: Final = {"large": 8, "general": 2_876, "unrated": 48}


REPORTED_POINTS: Final = 42_336


LIKELIHOOD: Final = (0.1, 0.2, 0.5, 1.0, 3.0, 6.0, 10.0)


EXPOSURE: Final = (0.5, 1.0, 2.0, 3.0, 6.0, 10.0)


CONSEQUENCE: Final = (1.0, 3.0, 7.0, 15.0, 40.0, 100.0)


# How often each value is met in a district's ledger: rough weights, only for a believable spread.
_OFTEN: Final = (
    dict(zip(LIKELIHOOD, (0.4, 1.0, 3.0, 4.0, 2.0, 0.5, 0.05), strict=True)),
    dict(zip(EXPOSURE, (0.5, 1.0, 1.6, 2.4, 3.2, 1.2), strict=True)),
    dict(zip(CONSEQUENCE, (3.0, 4.0, 3.0, 1.5, 0.35, 0.08), strict=True)),
)


_BANDS: Final = {"low": (0.0, 70.0), "general": (70.0, 160.0), "large": (160.0, 320.0)}


# Which factors an unrated record lacks: columns L, E, C.
_ABSENT: Final = ((True, False, False), (False, True, False), (False, False, True), (False, True, True))


@dataclass(frozen=True, slots=True)
class Quota:
    """How many records of each kind; they sum to all points. There are no major ones."""

    large: int
    general: int
    low: int
    unrated: int

    @classmethod
    def of(cls, points: int) -> Quota:
        """Scale the reported figures to `points`, each rounded; low takes what is left."""
        large, general, unrated = (
            round(REPORTED[band] * points / REPORTED_POINTS) for band in ("large", "general", "unrated")
        )
        return cls(large, general, points - large - general - unrated, unrated)


def combinations(band: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the L, E, C combinations (n × 3) of a band and how often each is drawn.

    Bands are lower limit inclusive, upper exclusive; products are rounded before they are compared.
    """
    low, high = _BANDS[band]
    kept = [lec for lec in product(LIKELIHOOD, EXPOSURE, CONSEQUENCE) if low <= round(np.prod(lec), 6) < high]
    weight = np.array([np.prod([often[v] for often, v in zip(_OFTEN, lec, strict=True)]) for lec in kept])
    return np.array(kept), weight / weight.sum()


def draw_factors(
    rng: np.random.Generator,
    quota: Quota,
    *,
    suits_large: NDArray[np.float64],
    suits_general: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return L, E, C of every record (n × 3, NaN where absent), in the records' order.

    `suits_large`, `suits_general`: how readily each record (by its kind) takes that band, positive.
    """
    count = len(suits_large)
    lec = np.empty((count, 3))
    free = np.ones(count, bool)
    for band, number, suits in (
        ("large", quota.large, suits_large),
        ("general", quota.general, suits_general),
        ("unrated", quota.unrated, np.ones(count)),
    ):
        # Weighted drawing without replacement (Efraimidis and Spirakis 2006): the smallest −ln(u)/w.
        key = np.where(free, rng.exponential(size=count) / suits, np.inf)
        # Sorted: in which order a partition leaves them is the processor's.
        rows = np.sort(np.argpartition(key, number)[:number]) if number < count else np.arange(count)
        free[rows] = False
        values = _drawn(rng, "low" if band == "unrated" else band, len(rows))
        if band == "unrated":
            values[np.array(_ABSENT)[np.arange(len(rows)) % len(_ABSENT)]] = np.nan
        lec[rows] = values
    lec[free] = _drawn(rng, "low", int(free.sum()))
    return lec


def _drawn(rng: np.random.Generator, band: str, count: int) -> NDArray[np.float64]:
    table, weight = combinations(band)
    return table[rng.choice(len(table), count, p=weight)]


LEVELS = ("社区", "街道", "区级")


_WARDENS = 60  # responsible persons per community


def make_risk_points(
    rng: np.random.Generator, settlement: Settlement, people: People, *, points: int, today: date
) -> Records:
    """Return `points` risk points. Rows come sub-district by sub-district, numbered from 1 in each."""
    sites = settlement.sites(rng, points)
    sites = sites.take(np.argsort(sites.subdistrict, kind="stable"))
    share = np.array([k.share for k in KINDS])
    kind = rng.choice(len(KINDS), points, p=share / share.sum())
    lec = draw_factors(
        rng,
        Quota.of(points),
        suits_large=np.array([k.large for k in KINDS])[kind],
        suits_general=np.array([k.general for k in KINDS])[kind],
    )
    return Records(
        layer="risk_points",
        code=numbered_codes("YS", sites.subdistrict),
        name=_names(rng, settlement, sites, kind),
        subdistrict=settlement.subdistrict_names[sites.subdistrict].tolist(),
        lon=sites.lon,
        lat=sites.lat,
        shapes=None,
        values={
            **_by_kind(rng, kind),
            **_substances(rng, kind),
            "likelihood": _numbers(lec[:, 0]),
            "exposure": _numbers(lec[:, 1]),
            "consequence": _numbers(lec[:, 2]),
            "control_level": as_objects(LEVELS)[np.searchsorted((0.9, 0.99), rng.random(points))].tolist(),
            "past_accident": [False] * points,
            "law_breach": [False] * points,
            "community": settlement.communities(sites).tolist(),
            "address": settlement.addresses(sites).tolist(),
            "surveyed_on": dates(rng, points, today, within_days=300).tolist(),
        },
        contacts=_contacts(rng, settlement, sites, people),
    )


def numbered_codes(prefix: str, subdistrict: NDArray[np.intp]) -> list[str]:
    """Return codes such as YS-03-00123: prefix, number of the sub-district (from 1), number in it (from 1).

    `subdistrict` must be in ascending order.
    """
    counts = np.bincount(subdistrict)
    width = max(5, len(str(int(counts.max(initial=1)))))
    tails = [f"{i:0{width}d}" for i in range(int(counts.max(initial=0)) + 1)]
    codes: list[str] = []
    for number, count in enumerate(counts.tolist()):
        head = f"{prefix}-{number + 1:02d}-"
        codes += [head + tail for tail in tails[1 : count + 1]]
    return codes


def checked(there: Sequence[bool], today: date, *, valid_days: int) -> list[Cell]:
    """Return when a measure was last verified, where there is one: three of four still count today."""
    spread = valid_days * 4 // 3
    return [str(today - timedelta(days=i * 37 % spread + 1)) if one else None for i, one in enumerate(there)]


def dates(rng: np.random.Generator, count: int, today: date, *, within_days: int) -> NDArray[np.object_]:
    """Return ISO dates of the last `within_days` days before today."""
    days = as_objects([(today - timedelta(days=d)).isoformat() for d in range(1, within_days + 1)])
    return days[rng.integers(0, within_days, count)]


def _names(
    rng: np.random.Generator, settlement: Settlement, sites: Sites, kind: NDArray[np.intp]
) -> list[str]:
    """Name every point 演示·community brand noun; a name is never given twice in one community."""
    first = [0, *np.cumsum([len(k.nouns) for k in KINDS]).tolist()]
    nouns = as_objects([noun for k in KINDS for noun in k.nouns])
    counts = np.array([len(k.nouns) for k in KINDS])
    noun = np.array(first)[kind] + (rng.random(len(kind)) * counts[kind]).astype(np.intp)
    # Running number of the point among those of its community and noun, each starting elsewhere.
    group = sites.community * len(nouns) + noun
    order = np.argsort(group, kind="stable")
    ordered = group[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    running = np.empty(len(group), np.intp)
    running[order] = np.arange(len(group)) - np.repeat(starts, np.diff(np.r_[starts, len(group)]))
    brands = as_objects([a + b for a in BRAND_FIRST for b in BRAND_SECOND])[
        rng.permutation(len(BRAND_FIRST) * len(BRAND_SECOND))
    ]
    turn, place = np.divmod(running, len(brands))
    name = "演示·" + settlement.communities(sites) + brands[(place + group * 37) % len(brands)] + nouns[noun]
    if turn.any():  # more points of one noun than brands: count on
        name = np.where(
            turn > 0, name + as_objects([f"（{t + 1}）" for t in range(int(turn.max()) + 1)])[turn], name
        )
    return name.tolist()


def _by_kind(rng: np.random.Generator, kind: NDArray[np.intp]) -> dict[str, list[Cell]]:
    pick = rng.random(len(kind))

    def one_of(options: list[tuple[str, ...]]) -> list[Cell]:
        first = np.array([0, *np.cumsum([len(o) for o in options])[:-1].tolist()])
        sizes = np.array([len(o) for o in options])
        words = as_objects([word for o in options for word in o])
        return words[first[kind] + (pick * sizes[kind]).astype(np.intp)].tolist()

    return {
        "kind": as_objects([k.id for k in KINDS])[kind].tolist(),
        "hazard_category": as_objects([k.hazard for k in KINDS])[kind].tolist(),
        "wind_kind": one_of([k.wind for k in KINDS]),
        "accident_type": one_of([k.accidents for k in KINDS]),
        "control_measures": as_objects([k.measures for k in KINDS])[kind].tolist(),
        "managing_department": as_objects([k.department for k in KINDS])[kind].tolist(),
    }


def _substances(rng: np.random.Generator, kind: NDArray[np.intp]) -> dict[str, list[Cell]]:
    """Stored substances and the people near them: always under what makes a major hazard source."""
    ids = [k.id for k in KINDS]
    chemical = np.flatnonzero(kind == ids.index("hazardous_chemicals"))
    most = np.array([k.workers for k in KINDS])[kind]
    crew = np.flatnonzero(most > 0)
    ratio, near, workers = (np.full(len(kind), None, object) for _ in range(3))
    ratio[chemical] = np.round(0.01 + 0.84 * rng.random(len(chemical)) ** 2.5, 3).tolist()
    near[chemical] = rng.integers(0, 900, len(chemical)).tolist()
    workers[crew] = (1 + (rng.random(len(crew)) * most[crew]).astype(int)).tolist()
    return {"hazard_ratio": ratio.tolist(), "people_500m": near.tolist(), "exposed_workers": workers.tolist()}


def _contacts(
    rng: np.random.Generator, settlement: Settlement, sites: Sites, people: People
) -> list[tuple[Contact, ...] | None]:
    """One of its community's wardens and the sub-district's leader for each point."""
    wardens: list[tuple[Contact, ...]] = []
    for number, communities in enumerate(settlement.communities_of):
        leaders = people.contacts("leader", 4, ("街道领导",))
        for community in communities:
            for i, warden in enumerate(
                people.contacts("responsible", _WARDENS, ("安全管理员", "店长", "网格员"))
            ):
                wardens.append((warden, leaders[(community + number + i // 30) % len(leaders)]))
    pool = np.empty(len(wardens), object)
    pool[:] = wardens
    return pool[sites.community * _WARDENS + rng.integers(0, _WARDENS, len(sites))].tolist()


def _numbers(column: NDArray[np.float64]) -> list[Cell]:
    values = column.astype(object)
    values[np.isnan(column)] = None
    return values.tolist()
