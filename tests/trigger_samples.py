"""Layers with triggers, tables of records, and series of weather that the trigger tests share."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from riskmap.catalog.layer import Layer
from riskmap.catalog.layer_file import read_layer
from riskmap.rules.arrays import LayerArrays
from riskmap.values.hazards import Series, Times
from riskmap.vocabulary import RANK_OF

HEAD = """
id = "posts"
title = { zh = "点", en = "Posts" }
geometry = "point"
model = "posts"

[[fields]]
id = "kind"
title = { zh = "种类", en = "Sort" }
type = "choice"
choices = [
  { id = "crane", title = { zh = "塔吊", en = "Crane" } },
  { id = "wall", title = { zh = "挡墙", en = "Wall" } },
]

[[fields]]
id = "moving"
title = { zh = "变形", en = "Moving" }
type = "boolean"

"""
RAIN = """
[[triggers]]
id = "rain"
title = { zh = "短时降雨", en = "Short rain" }
driver = "i3_mm"
hold_hours = 3
status = "draft"
source = "a test"
levels = [{ from = 30, tier = "general" }, { from = 50, tier = "large" }, { from = 80, tier = "major" }]
"""


def layer_of(triggers: str = RAIN) -> Layer:
    return read_layer(HEAD + triggers, "layers/posts.toml")


def columns_of(layer: Layer, rows: list[dict[str, Any]]) -> LayerArrays:
    kinds = {"kind": pa.string(), "moving": pa.bool_()}
    data: dict[str, Any] = {"code": [r.get("code", f"P{i}") for i, r in enumerate(rows)]}
    data["subdistrict"] = pa.array([r.get("subdistrict") for r in rows], pa.string())
    data |= {f"f:{k}": pa.array([r.get(k) for r in rows], kind) for k, kind in kinds.items()}
    return LayerArrays(pa.table(data), layer)


def hours(n: int, start: str = "2026-08-31T00:00:00") -> Times:
    return np.datetime64(start, "s") + np.arange(n) * np.timedelta64(3600, "s")


def series(values: Any, *, spread: float = 0.0) -> Series:
    best = np.asarray(values, dtype=np.float32)
    if not spread:
        return Series(best, best, best)
    return Series(best, best * np.float32(1 - spread), best * np.float32(1 + spread))


def ranks(*tiers: str) -> np.ndarray:
    return np.array([RANK_OF[t] for t in tiers], dtype=np.uint8)
