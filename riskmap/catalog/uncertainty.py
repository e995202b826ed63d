"""How sure the numbers of a model and the measurements of a layer are: stated, never guessed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field as Key

from riskmap.catalog.problems import Part

_MOST_DRAWS = 100_000


class Doubt(Part):
    """`[uncertainty.indicators.ID]`: how far the stated value of one indicator may be off.

    Classes: with probability `class_up` the true class is the next worse one that the method
    lists, with `class_down` the next better one. Numbers: a normal error whose standard deviation
    is √(sd² + (relative_sd·x)²), `sd` in the field's unit. One kind or the other.
    """

    class_up: float = Key(default=0.0, ge=0, le=1)
    class_down: float = Key(default=0.0, ge=0, le=1)
    sd: float = Key(default=0.0, ge=0)
    relative_sd: float = Key(default=0.0, ge=0, le=1)

    @property
    def moves(self) -> bool:
        """Whether the class may be another one."""
        return self.class_up > 0 or self.class_down > 0

    @property
    def spreads(self) -> bool:
        """Whether the number carries an error."""
        return self.sd > 0 or self.relative_sd > 0


class Uncertainty(Part):
    """The `[uncertainty]` section of a model file.

    `weights`: relative half-width w; each weight of a mean (any kind) or of TOPSIS, wherever it comes
    from, is multiplied by a uniform factor from 1 − w to 1 + w, and the weights are brought back to
    the sum 1; weights of a sum are multiplied without that, except 1 and −1, which are signs.
    `indicators`: indicator id → doubt. `draws` and `seed` serve where probabilities have to be sampled.
    """

    weights: float = Key(default=0.0, ge=0, lt=1)
    indicators: Mapping[str, Doubt] = Key(default_factory=dict[str, Doubt])
    draws: int = Key(default=500, ge=1, le=_MOST_DRAWS)
    seed: int = Key(default=1, ge=0)
    source: str = Key(max_length=1200)
    status: Literal["draft", "adopted"]
