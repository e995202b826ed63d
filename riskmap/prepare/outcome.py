"""What the triggers of a layer found: raised tiers, closures, and what could not be told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from riskmap.errors import Say
from riskmap.hazards import Escalation

Why = Literal["driver", "field"]


@dataclass(frozen=True, slots=True)
class Closure:
    """A record (a shelter) that may not be used from `start` to `expiry`, UTC, and why."""

    layer: str
    row: int
    code: str
    trigger: str
    cause: Say
    start: np.datetime64
    expiry: np.datetime64
    value: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")


@dataclass(frozen=True, slots=True, eq=False)
class UnknownRows:
    """Records whose tier may depend on a trigger that could not be told: unknown is never safe.

    `rows` ascending, int64; `hours`: at how many of the given times it could not be told. `why`:
    "driver" (no value there) or "field" (a field of the record that the trigger asks for);
    `names` says which.
    """

    trigger: str
    why: Why
    names: tuple[str, ...]
    rows: NDArray[np.int64]
    hours: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """`escalations` raise; `reached` name records whose trigger was reached although their own tier is
    as high already (`rank_from` = `rank_to`): they are in danger all the same. `skipped`: ids of triggers
    whose driver was not given at all.
    """

    escalations: tuple[Escalation, ...] = ()
    reached: tuple[Escalation, ...] = ()
    unknown: tuple[UnknownRows, ...] = ()
    closed: tuple[Closure, ...] = ()
    skipped: tuple[str, ...] = ()
