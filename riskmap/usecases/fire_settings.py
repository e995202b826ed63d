"""How a district reads the fire weather index: its classes, and the limits of a grid's risk on a day."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from riskmap.errors import Say
from riskmap.formulas.steps import through_bands

_DEFAULT_SOURCE = (
    "本系统默认，未经区里确认：FWI 分档界限参照 EFFIS 欧洲火险分级（凭记忆），"
    "当日风险界限为静态界限 36/18/8 的 3 倍（第 3 档天气与静态等级一致）"
)


@dataclass(frozen=True, slots=True)
class FireSettings:
    """The section [fire] of workspace.toml; these defaults are draft until a district adopts its own.

    `classes`: ascending FWI from which weather classes 2, 3, … hold, a limit belongs to the higher class;
    class 1 lies below the first. `major`, `large`, `general`: limits of weather class × fuel × ignition ×
    access, a limit belongs to the higher tier. The default limits are three times those of the static
    model (36, 18, 8), so that on a day of the middle class a grid has its static tier.
    """

    classes: tuple[float, ...] = (5.2, 11.2, 21.3, 38.0)
    major: float = 108.0
    large: float = 54.0
    general: float = 24.0
    source: str = _DEFAULT_SOURCE

    @property
    def status(self) -> str:
        """Whether these are the draft defaults or a district's own."""
        return "draft" if self.source == _DEFAULT_SOURCE else "configured"

    def weather_class(self, fwi: ArrayLike) -> NDArray[np.float64]:
        """Return the class 1, 2, … of an FWI; NaN stays. Default: 5.19 → 1, 5.2 → 2, 40 → 5."""
        return through_bands(fwi, (0.0, *self.classes), [float(i + 1) for i in range(len(self.classes) + 1)])

    def tier(self, risk: float) -> str | None:
        """Return the tier of a risk, None where it is unknown. Default: 108 → major, 23 → low."""
        if math.isnan(risk):
            return None
        limits = (("major", self.major), ("large", self.large), ("general", self.general))
        return next((tier for tier, limit in limits if round(risk, 9) >= limit), "low")

    def mistake(self) -> tuple[str, Say] | None:
        """Return the key that is wrong and what it should hold, None where all is well."""
        if not self.classes or min(self.classes) <= 0 or any(a >= b for a, b in pairwise(self.classes)):
            return "fwi_classes", Say("大于 0、由小到大的数", "numbers above 0, ascending")
        if not self.major > self.large > self.general > 0:
            return "major", Say("major > large > general > 0", "major > large > general > 0")
        if not self.source.strip():
            return "source", Say("界限的出处", "where the numbers come from")
        return None


DEFAULT_FIRE: Final = FireSettings()
"""What holds where workspace.toml has no [fire]."""
