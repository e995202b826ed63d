"""What is to be done at a record before, during and after a hazard: a layer's plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from riskmap.errors import Say

PHASES: Final[Mapping[str, Say]] = {
    "before_48": Say("影响前48小时", "48 h before"),
    "before_24": Say("影响前24小时", "24 h before"),
    "before_12": Say("影响前12小时", "12 h before"),
    "before_6": Say("影响前6小时", "6 h before"),
    "during": Say("影响期间", "during"),
    "after": Say("影响过后", "after"),
}


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do in a phase; `tiers` the raised tiers for which it is done, () for all."""

    phase: str
    text: Say
    tiers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """The `[plan]` of a layer.

    `field` is a text field of the layer that holds a record's own plan (一点一策) or the name of
    the file that does, "" where the layer has none; `own` says whether it adds to the actions here
    or replaces them. `verified_days`: contacts checked longer ago count as expired; None means the
    layer's `stale_after_days`.
    """

    actions: tuple[Action, ...]
    field: str = ""
    own: Literal["adds", "replaces"] = "adds"
    verified_days: int | None = None
    source: str = ""
    status: Literal["draft", "adopted"] = "draft"
