"""Shelters: how many people an area takes, and which shelters may be used.

Two-step floating catchment: how much shelter people can reach, shared with all who reach the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from riskmap.array_types import Bools, Floats
from riskmap.errors import FormulaError, Text
from riskmap.formulas.domain import within

AREA_A_PERSON: Final[Mapping[str, float]] = {
    "emergency": 0.5,
    "temporary": 1.0,
    "fixed_short": 2.0,
    "fixed_medium": 3.0,
    "fixed_long": 4.5,
}


"""Square metres a person by class (紧急/临时/短期/中期/长期). From memory: compare with the standard."""


def places(area: ArrayLike, area_a_person: ArrayLike) -> Floats:
    """Return the whole people that an area takes, m² and m² a person. 3600 m² at 2 → 1800."""
    share = np.asarray(area, dtype=np.float64) / np.asarray(area_a_person, dtype=np.float64)
    # 4.5 · 800 / 4.5 may come out a hair below 800: round the float noise off before the floor.
    return np.floor(np.round(share, 9))


def capacity(area: ArrayLike, kinds: Sequence[str | None]) -> Floats:
    """Return the whole people that each shelter takes by its class (key of AREA_A_PERSON); unknown class → NaN.

    3600 m² as fixed_short → 1800; as emergency → 7200.
    """
    each = np.array([AREA_A_PERSON.get(kind, np.nan) if kind else np.nan for kind in kinds])
    return places(within(area, 0.0, float("inf"), Text("有效面积（m²）", "area (m²)")), each)


def available(*hazards: ArrayLike) -> Bools:
    """Return which shelters may be assigned: those *known* to lie in no hazard.

    Each hazard is 1 inside, 0 outside, NaN unknown; an unknown shelter is not available.
    (0, 1, NaN) with (0, 0, 0) → True, False, False.
    """
    free: Bools = np.asarray(True, dtype=np.bool_)
    for hazard in hazards:
        free = free & (np.asarray(hazard, dtype=np.float64) == 0.0)
    return free


WATER_L_A_DAY: Final = 15.0


"""Litres of water a person and day, drinking and washing. Draft default, from memory: Sphere Handbook 2018, water
supply standard 2.1; compare with the district's own reserve standard."""


PEOPLE_A_TOILET: Final = 50.0


"""People a toilet in the first days. Draft default, from memory: Sphere Handbook 2018, excreta management."""


BEDS_A_PERSON: Final = 1.0


"""Beds for each person who stays the night, where a household does not state its own. Our choice."""


def toilets(people: ArrayLike) -> Floats:
    """Return the toilets that so many people need. 0 → 0, 50 → 1, 51 → 2."""
    return np.ceil(np.asarray(people, dtype=np.float64) / PEOPLE_A_TOILET)


def gap(needed: ArrayLike, stated: ArrayLike) -> Floats:
    """Return what is missing, never below 0; NaN where what there is is not stated. (80, 100) with (50, NaN) → 30, NaN."""
    return np.maximum(np.asarray(needed, np.float64) - np.asarray(stated, np.float64), 0.0)


_INF: Final = float("inf")


@dataclass(frozen=True, slots=True, eq=False)
class Reach:
    """What people reach.

    `ratio` (shelters,): places a person of those in reach, NaN where nobody is; `access` (people,): places
    a person; `served` = Σ P·A, the places that somebody reaches; `unserved` (people,): those without any
    shelter in reach, in persons.
    """

    ratio: Floats
    access: Floats
    served: float
    unserved: Floats

    @property
    def unserved_people(self) -> float:
        """People without any shelter in reach."""
        return float(self.unserved.sum())


def two_step_catchment(places: ArrayLike, people: ArrayLike, reach: ArrayLike) -> Reach:
    """Return the reach of shelters with `places` (s,) by groups of `people` (p,); `reach` (s, p) 0 or 1, or a decay.

    R_j = S_j / Σ P_k over the people in reach; A_i = Σ R_j over the shelters in reach. Source: Luo and Wang
    (2003). S (100, 60), P (200, 100, 50), shelter 1 ↔ 1, 2 and shelter 2 ↔ 2, 3: R (.3333, .4),
    A (.3333, .7333, .4), ΣP·A = 160.
    """
    s = within(places, 0.0, _INF, Text("容量（人）", "places"))
    p = within(people, 0.0, _INF, Text("人口（人）", "people"))
    near = within(reach, 0.0, 1.0, Text("可达（0–1）", "reach (0–1)"))
    if near.shape != (s.size, p.size):
        raise FormulaError(
            f"两步移动搜索：{s.size} 处避难场所、{p.size} 组人口，可达矩阵应为 {s.size} × {p.size}，收到 {near.shape}",
            f"floating catchment: {s.size} shelters and {p.size} groups need a reach of {s.size} × {p.size}, "
            f"got {near.shape}",
        )
    asking: Any = (near * p).sum(axis=1)
    nobody = asking == 0.0
    ratio = np.asarray(np.where(nobody, np.nan, s / np.where(nobody, 1.0, asking)), dtype=np.float64)
    shared = np.where(near > 0.0, near * np.where(nobody, 0.0, ratio)[:, None], 0.0)
    access = np.asarray(shared.sum(axis=0), dtype=np.float64)
    stranded: Any = ~(near > 0.0).any(axis=0)
    unknown: Any = np.isnan(near).any(axis=0)
    unserved = np.where(unknown, np.nan, np.where(stranded, p, 0.0 * p))
    access = np.where(unknown, np.nan, access)
    return Reach(ratio, access, float((p * access).sum()), np.asarray(unserved, dtype=np.float64))
