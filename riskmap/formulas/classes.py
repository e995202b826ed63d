"""Published classes of accidents and of geological hazards; 以上 includes the number itself.

Classes are 4 特别重大/特大型, 3 重大/大型, 2 较大/中型, 1 一般/小型. Where one of two facts is
unknown the class is unknown, unless the other alone already makes it the worst.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from riskmap.formulas.steps import Floats, through_bands

_CLASSES: Final = (1.0, 2.0, 3.0, 4.0)
_WORST: Final = 4.0


def accident_class(deaths: ArrayLike, loss: ArrayLike) -> Floats:
    """Return the class of an accident: deaths ≥ 30/10/3, or direct loss ≥ 1亿/5000万/1000万 (`loss` in 万元).

    Source: 生产安全事故报告和调查处理条例, article 3. (10, 0) → 3; (2, 1000) → 2; (0, 0) → 1.
    """
    return _worse((deaths, (0.0, 3.0, 10.0, 30.0)), (loss, (0.0, 1000.0, 5000.0, 10000.0)))


def geological_danger_class(people: ArrayLike, loss: ArrayLike) -> Floats:
    """Return the class of a geological 险情: threatened people ≥ 1000/500/100, or potential loss ≥ 1亿/5000万/500万.

    `loss` in 万元. Source: 国家突发地质灾害应急预案. (500, 0) → 3; (99, 500) → 2; (99, 499) → 1.
    """
    return _worse((people, (0.0, 100.0, 500.0, 1000.0)), (loss, (0.0, 500.0, 5000.0, 10000.0)))


def geological_disaster_class(deaths: ArrayLike) -> Floats:
    """Return the class of a geological 灾情 by deaths ≥ 30/10/3. Source as above. 3 → 2; 30 → 4."""
    return through_bands(deaths, (0.0, 3.0, 10.0, 30.0), _CLASSES)


def _worse(*facts: tuple[ArrayLike, Sequence[float]]) -> Floats:
    classes = [through_bands(number, lower, _CLASSES) for number, lower in facts]
    known = np.fmax(classes[0], classes[1])
    complete = ~np.isnan(classes[0]) & ~np.isnan(classes[1])
    return np.where(complete | (known == _WORST), known, np.nan)
