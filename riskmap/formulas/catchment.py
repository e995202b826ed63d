"""Two-step floating catchment: how much shelter people can reach, shared with all who reach the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from riskmap.errors import FormulaError, Say
from riskmap.formulas.domain import within
from riskmap.formulas.steps import Floats

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
    s = within(places, 0.0, _INF, Say("容量（人）", "places"))
    p = within(people, 0.0, _INF, Say("人口（人）", "people"))
    near = within(reach, 0.0, 1.0, Say("可达（0–1）", "reach (0–1)"))
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
