"""Shares as people read them: whole per cents that add up, and nothing that is there shown as nothing.

Rounded one by one, 16.7, 16.7 and 66.7 make 101, and one major point among 40,000 becomes 0 %.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

NONE_TO_TELL: Final = "—"


def percentages(parts: Sequence[float], *, digits: int = 0) -> list[str]:
    """Return what each part is of the sum of all, in per cent with `digits` decimals.

    The method of the largest remainder: every share is cut to whole units (1 % or .1 %), and the units
    that are then missing to 100 go to those that lost most. What is more than nothing but less than one
    unit is written "<1%"; however many such parts there are, the others give up for them as many units
    as they are worth together, one at least. So the numbers sum to 100 where all can be written, to less
    where some are "<1%", and 100 % stands only where nothing else is there.

    [2, 1, 1] → 50%, 25%, 25%; [1, 1, 1] → 34%, 33%, 33%; [42288, 48] → 99%, <1%. Of nothing no share can
    be told: [0, 0] → —, —. ValueError for a part that is negative or no number.
    """
    exact = [Fraction(float(part)) if _counts(part) else Fraction(0) for part in parts]
    whole = sum(exact)
    if not whole:
        return [NONE_TO_TELL] * len(exact)
    units = 100 * 10**digits
    quotas = [part * units / whole for part in exact]
    small = [0 < quota < 1 for quota in quotas]
    together = sum((q for q, is_small in zip(quotas, small, strict=True) if is_small), Fraction(0))
    told = [Fraction(0) if is_small else quota for quota, is_small in zip(quotas, small, strict=True)]
    *given, _ = _apportioned([*told, together], units)
    return [
        f"<{_written(1, digits)}%" if is_small else f"{_written(n, digits)}%"
        for n, is_small in zip(given, small, strict=True)
    ]


def percentage(part: float, whole: float = 1.0, *, digits: int = 0) -> str:
    """Return what a part is of a whole, as `percentages` writes it beside the rest: 0 % and 100 % only where it is so."""
    return percentages([part, max(whole - part, 0.0)], digits=digits)[0] if whole else NONE_TO_TELL


def _counts(part: float) -> bool:
    if not 0 <= part < float("inf"):  # NaN fails, too
        raise ValueError(part)
    return part > 0


def _apportioned(quotas: Sequence[Fraction], units: int) -> list[int]:
    """Return whole units that sum to `units`: the last one, of what is too small to be written, gets one at least."""
    given = [int(quota) for quota in quotas]
    if quotas[-1]:
        given[-1] = max(1, given[-1])
    lost = sorted(range(len(quotas)), key=lambda i: given[i] - quotas[i])
    for i in lost[: units - sum(given)]:
        given[i] += 1
    return given


def _written(units: int, digits: int) -> str:
    return f"{units / 10**digits:.{digits}f}"
