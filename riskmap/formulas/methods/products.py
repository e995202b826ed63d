"""Products and quotients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from riskmap.array_types import Bools, Floats
from riskmap.errors import Text
from riskmap.formulas.methods import Fitted, Method, MethodNode


def _not_negative(part: Floats) -> Floats:
    # A product turns its direction below zero, where "worse is higher" would no longer hold.
    return part if np.min(part, initial=0.0) >= 0 else np.where(part >= 0, part, np.nan)


def _product(_: MethodNode, parts: Sequence[Floats], __: Sequence[float], ___: Fitted | None) -> Floats:
    total: Any = 1.0
    for part in parts:
        total = total * _not_negative(part)
    return total


def _quotient(_: MethodNode, parts: Sequence[Floats], __: Sequence[float], ___: Fitted | None) -> Floats:
    value = _not_negative(parts[0])
    for part in parts[1:]:
        value = value / _not_negative(part)
    return value


def negative(_: MethodNode, parts: Sequence[Floats]) -> Sequence[Bools | None]:
    """Return where each part is below zero, which no product has a direction for."""
    return [np.asarray(part) < 0 for part in parts]


def _no_divisor(node: MethodNode, parts: Sequence[Floats]) -> Sequence[Bools | None]:
    first, *rest = negative(node, parts)
    return [first, *(below | (np.asarray(part) == 0) for below, part in zip(rest, parts[1:], strict=True))]


def _first_up(_: MethodNode, place: int) -> int:
    return 1 if place == 0 else -1


METHODS: Final = (
    Method("product", Text("相乘", "product"), _product, refuses=negative),
    Method(
        "quotient",
        Text("相除", "quotient"),
        _quotient,
        parts_at_least=2,
        polarity=_first_up,
        refuses=_no_divisor,
    ),
)
