"""Measures that lower the residual risk of a point while somebody has verified them lately."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from riskmap.errors import Say

if TYPE_CHECKING:  # the model holds measures, and a measure the model's conditions
    from riskmap.catalog.model import Condition


@dataclass(frozen=True, slots=True)
class Measure:
    """One of [[measures]]: what lowers the residual risk, and until when.

    In force on a day where all conditions of `when` hold, every pair of `exceeds` has both numbers
    known and the first greater than the second, the date in field `verified` is known and not in
    the future, and the day is not after the expiry: `valid_days` after the verification or the
    date in field `expires`, that day included. Exactly one of the two is given.

    Effect: the score times `factor` (1: none), or the tier lowered by `tiers` steps (0: none), never
    below the tier `floor`. A tier that a direct rule set stays, unless `rules`.
    """

    id: str
    title: Say
    when: tuple[Condition, ...]
    verified: str
    floor: str
    valid_days: int | None = None
    expires: str | None = None
    exceeds: tuple[tuple[str, str], ...] = ()
    factor: float = 1.0
    tiers: int = 0
    rules: bool = False
    source: str = ""
    status: Literal["draft", "adopted"] = "draft"

    @property
    def fields(self) -> tuple[str, ...]:
        """Fields that the measure reads, each once."""
        pairs = [name for pair in self.exceeds for name in pair]
        dates = [self.verified] if self.expires is None else [self.verified, self.expires]
        return tuple(dict.fromkeys((*(c.field for c in self.when), *pairs, *dates)))
