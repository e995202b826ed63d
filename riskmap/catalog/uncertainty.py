"""How sure the numbers of a model and the measurements of a layer are: stated, never guessed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Doubt:
    """How far the stated value of one indicator may be off.

    Classes: with probability `class_up` the true class is the next worse one that the method
    lists, with `class_down` the next better one. Numbers: a normal error whose standard deviation
    is √(sd² + (relative_sd·x)²), `sd` in the field's unit. One kind or the other.
    """

    class_up: float = 0.0
    class_down: float = 0.0
    sd: float = 0.0
    relative_sd: float = 0.0

    @property
    def moves(self) -> bool:
        """Whether the class may be another one."""
        return self.class_up > 0 or self.class_down > 0

    @property
    def spreads(self) -> bool:
        """Whether the number carries an error."""
        return self.sd > 0 or self.relative_sd > 0


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """The `[uncertainty]` section of a model file.

    `weights`: relative half-width w; each weight of a mean (any kind) or of TOPSIS, wherever it comes
    from, is multiplied by a uniform factor from 1 − w to 1 + w, and the weights are brought back to
    the sum 1; weights of a sum are multiplied without that, except 1 and −1, which are signs.
    `indicators`: indicator id → doubt. `draws` and `seed` serve where probabilities have to be sampled.
    """

    weights: float = 0.0
    indicators: Mapping[str, Doubt] = field(default_factory=dict[str, Doubt])
    draws: int = 500
    seed: int = 1
    source: str = ""
    status: Literal["draft", "adopted"] = "draft"
