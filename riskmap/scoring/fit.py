"""What a model takes from a whole layer: ends, ranks, norms, weights. Made once, stored with the run.

Scoring with a fit looks at one row at a time again, so that an edit of one record never moves the
scores of the others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from riskmap.array_types import Floats
from riskmap.catalog.model import ScoringModel
from riskmap.errors import NotFittedError


@dataclass(frozen=True, slots=True, eq=False)
class NodeFit:
    """What one node takes from the layer; only what its file asks for is there.

    `rows`: how many known values it was made from. `span`: least and greatest value (min_max).
    `values`, `counts`: the different values, ascending, and how often each occurs (percentile_rank).
    `weights`: entropy weights. `scale`, `least`, `most`: per part the divisor and both ends (TOPSIS).
    """

    rows: int
    span: tuple[float, float] | None = None
    values: Floats | None = None
    counts: NDArray[np.int64] | None = None
    weights: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    least: tuple[float, ...] = ()
    most: tuple[float, ...] = ()


@dataclass(frozen=True, eq=False)
class Fit:
    """The fit of one model to one layer: `model` digest, `rows` of the layer, node id → NodeFit."""

    model: str
    rows: int
    nodes: Mapping[str, NodeFit] = field(default_factory=dict[str, NodeFit])

    @cached_property
    def text(self) -> str:
        """The fit as JSON, exactly: reading it back gives the same numbers, bit for bit."""
        nodes = {key: _written(one) for key, one in self.nodes.items()}
        document = {"model": self.model, "rows": self.rows, "nodes": nodes}
        return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY).decode()

    @cached_property
    def digest(self) -> str:
        """SHA-256 of `text`, hex: names this fit."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @classmethod
    def of_text(cls, text: str) -> Fit:
        """Return the fit that `text` was made from."""
        document = orjson.loads(text)
        nodes = {key: _read(one) for key, one in document["nodes"].items()}
        return cls(document["model"], document["rows"], nodes)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Fit) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)


def _written(one: NodeFit) -> dict[str, Any]:
    out: dict[str, Any] = {"rows": one.rows}
    if one.span is not None:
        out["span"] = one.span
    if one.values is not None and one.counts is not None:
        out["values"] = one.values
        if (one.counts != 1).any():
            out["counts"] = one.counts
    for key in ("weights", "scale", "least", "most"):
        if getattr(one, key):
            out[key] = getattr(one, key)
    return out


def _read(given: Mapping[str, Any]) -> NodeFit:
    values = counts = None
    if "values" in given:
        values = np.array(given["values"], dtype=np.float64)
        counts = np.array(given.get("counts", [1] * len(values)), dtype=np.int64)
    span = given.get("span")
    return NodeFit(
        rows=given["rows"],
        span=None if span is None else (span[0], span[1]),
        values=values,
        counts=counts,
        weights=tuple(given.get("weights", ())),
        scale=tuple(given.get("scale", ())),
        least=tuple(given.get("least", ())),
        most=tuple(given.get("most", ())),
    )


def needed_fit(model: ScoringModel, fit: Fit | None) -> Fit | None:
    """Return the fit that a model is scored with: None where it needs none.

    NotFittedError where it needs one and there is none, or it was made for another model file.
    """
    if not model.fitted:
        return None
    if fit is None:
        nodes = ", ".join(model.fitted)
        raise NotFittedError(
            f"评分模型 {model.id}：{nodes} 要与全图层比较，但还没有比较的基准；请先评估整个图层（riskmap assess）",
            f"scoring model {model.id}: {nodes} compare with the whole layer, which has not been fitted yet; "
            "assess the whole layer first (riskmap assess)",
        )
    if fit.model != model.digest:
        raise NotFittedError(
            f"评分模型 {model.id}：比较的基准属于另一版模型（{fit.model[:12]}，现为 {model.digest[:12]}）；请重新评估整个图层",
            f"scoring model {model.id}: the fit belongs to another version ({fit.model[:12]}, now "
            f"{model.digest[:12]}); assess the whole layer again",
        )
    return fit
