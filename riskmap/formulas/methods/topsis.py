"""TOPSIS: closeness to the worst that a layer has of every part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from riskmap.array_types import Floats
from riskmap.errors import Text
from riskmap.formulas.composite import closeness
from riskmap.formulas.methods import Fitted, Method, MethodNode


def _combine(_: MethodNode, parts: Sequence[Floats], weights: Sequence[float], fit: Fitted | None) -> Floats:
    assert fit is not None  # the kernel asked for it
    return closeness(parts, weights, scale=fit.scale, least=fit.least, most=fit.most)


def _fit(node: MethodNode, table: Floats) -> Fitted:
    if not len(table):
        return Fitted(*[(0.0,) * len(node.of)] * 3)
    least, most = table[0], table[-1]
    scale = np.sqrt((table**2).sum(axis=0)) if node.norm == "vector" else most - least
    return Fitted(*(tuple(column.tolist()) for column in (scale, least, most)))


METHODS: Final = (
    Method(
        "topsis",
        Text("TOPSIS", "TOPSIS"),
        _combine,
        weights="shared",
        keys=("norm",),
        parts_at_least=2,
        fit=_fit,
    ),
)
