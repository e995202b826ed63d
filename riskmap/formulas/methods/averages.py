"""Weighted sums and means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from riskmap.array_types import Floats
from riskmap.errors import Text
from riskmap.formulas.composite import geometric_mean, inverted_geometric_mean, power_mean
from riskmap.formulas.methods import Fitted, Method, MethodNode
from riskmap.formulas.methods.products import negative


def _sum(_: MethodNode, parts: Sequence[Floats], weights: Sequence[float], __: Fitted | None) -> Floats:
    total: Any = 0.0
    for weight, part in zip(weights, parts, strict=True):
        total = total + (part if weight == 1 else weight * part)
    return total


def _known(parts: Sequence[Floats], weights: Sequence[float]) -> tuple[Floats, Floats]:
    """Return the parts, stacked, and each row's weights of the parts that it knows, sum 1."""
    stacked = np.stack(np.broadcast_arrays(*parts))
    share = np.reshape(weights, (-1,) + (1,) * (stacked.ndim - 1)) * ~np.isnan(stacked)
    return stacked, share / share.sum(axis=0)


def _mean(node: MethodNode, parts: Sequence[Floats], weights: Sequence[float], __: Fitted | None) -> Floats:
    if not node.known_only:
        total: Any = 0.0
        for weight, part in zip(weights, parts, strict=True):
            total = total + weight * part
        return total
    stacked, share = _known(parts, weights)
    # Where nothing is known the shares are 0/0, and so is the sum.
    return (np.where(np.isnan(stacked), 0.0, stacked) * share).sum(axis=0)


def _geometric(
    node: MethodNode, parts: Sequence[Floats], weights: Sequence[float], __: Fitted | None
) -> Floats:
    return geometric_mean(*_geometric_parts(node, parts, weights, neutral=1.0))


def _inverted(
    node: MethodNode, parts: Sequence[Floats], weights: Sequence[float], __: Fitted | None
) -> Floats:
    assert node.scale is not None  # the file reader saw to it
    low, high = node.scale
    used, shares = _geometric_parts(node, parts, weights, neutral=low)
    return inverted_geometric_mean(used, shares, low=low, high=high)


def _geometric_parts(
    node: MethodNode, parts: Sequence[Floats], weights: Sequence[float], *, neutral: float
) -> tuple[Sequence[Floats], Sequence[Floats | float]]:
    """Return parts and weights; with `known_only` an unknown part weighs 0 and reads as `neutral`."""
    if not node.known_only:
        return parts, weights
    stacked, share = _known(parts, weights)
    return list(np.where(np.isnan(stacked), neutral, stacked)), list(share)


def _power(node: MethodNode, parts: Sequence[Floats], weights: Sequence[float], _: Fitted | None) -> Floats:
    assert node.exponent is not None  # the file reader saw to it
    used, shares = _geometric_parts(node, parts, weights, neutral=1.0)
    return power_mean(used, shares, exponent=node.exponent)


def _signed(node: MethodNode, place: int) -> int:
    return -1 if node.weights and node.weights[place] < 0 else 1


METHODS: Final = (
    Method("sum", Text("加权求和", "weighted sum"), _sum, weights="free", additive=True, polarity=_signed),
    Method(
        "mean", Text("加权平均", "weighted mean"), _mean, weights="shared", known_only=True, additive=True
    ),
    Method(
        "geometric",
        Text("几何平均", "geometric mean"),
        _geometric,
        weights="shared",
        known_only=True,
        refuses=negative,
    ),
    Method(
        "power_mean",
        Text("幂平均", "power mean"),
        _power,
        weights="shared",
        known_only=True,
        keys=("exponent",),
        refuses=negative,
    ),
    Method(
        "inverted_geometric",
        Text("倒置几何平均", "inverted geometric mean"),
        _inverted,
        weights="shared",
        known_only=True,
        keys=("scale",),
    ),
)
