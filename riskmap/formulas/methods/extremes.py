"""The largest or smallest of several nodes."""

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


METHODS: Final = (
    Method("max", Text("取最大", "largest"), _extreme(np.maximum, np.fmax), known_only=True),
    Method("min", Text("取最小", "smallest"), _extreme(np.minimum, np.fmin), known_only=True),
)
