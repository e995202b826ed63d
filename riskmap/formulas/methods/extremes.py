"""The largest or smallest of several nodes, or the first of them that is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from riskmap.array_types import Floats
from riskmap.errors import Text
from riskmap.formulas.methods import Combine, Fitted, Method, MethodNode


def _extreme(strict: Callable[[Any, Any], Any], known: Callable[[Any, Any], Any]) -> Combine:
    def combine(node: MethodNode, parts: Sequence[Floats], _: Sequence[float], __: Fitted | None) -> Floats:
        pick = known if node.known_only else strict
        value = parts[0]
        for part in parts[1:]:
            value = pick(value, part)
        return value

    return combine


def _first(_: MethodNode, parts: Sequence[Floats], __: Sequence[float], ___: Fitted | None) -> Floats:
    """Return the first part that is known: a measured value before a computed one. NaN, 2, 3 → 2."""
    value = parts[-1]
    for part in parts[-2::-1]:
        value = np.where(np.isnan(part), value, part)
    return value


METHODS: Final = (
    Method("max", Text("取最大", "largest"), _extreme(np.maximum, np.fmax), known_only=True),
    Method("min", Text("取最小", "smallest"), _extreme(np.minimum, np.fmin), known_only=True),
    Method(
        "first_known", Text("取第一个已知的", "first known of"), _first, of_the_known=True, parts_at_least=2
    ),
)
