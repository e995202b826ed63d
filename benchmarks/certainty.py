"""How long it takes to say how sure the tiers of a district are: 500 draws with weights ±20 %."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.measure import Line, spent
from benchmarks.workspaces import DISTRICT, workspace
from riskmap.actions.records.certainty import uncertainty_json
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.catalog import Layer, ScoringModel
from riskmap.catalog.layer import Field
from riskmap.catalog.model_file import read_model
from riskmap.catalog.uncertainty import Doubt, Uncertainty
from riskmap.errors import Text
from riskmap.scoring import tier_probabilities

DRAWS = 500
LIMIT_S = 60.0
_PARTS = tuple(f"x{i}" for i in range(8))
_HEAD = """
id = "composite"
title = { zh = "综合指数", en = "Composite" }
version = "1"
status = "draft"
source = "a benchmark"
score = "s"
[limits]
major = 3.2
large = 2.6
general = 2.0
"""
_LEAF = """
[[indicators]]
id = "%s"
title = { zh = "x", en = "x" }
field = "%s"
bands = [{ below = 20, value = 1 }, { below = 50, value = 2 }, { below = 80, value = 3 }, { value = 4 }]
reference = 0
source = "a benchmark"
"""
_MEAN = """
[[combinations]]
id = "s"
title = { zh = "均值", en = "Mean" }
method = "mean"
of = [%s]
"""
COMPOSITE = (
    _HEAD
    + "".join(_LEAF % (name, name) for name in _PARTS)
    + _MEAN % ", ".join(f'"{name}"' for name in _PARTS)
)


def certainty(home: Path, _: int) -> list[Line]:
    """Say how sure the tiers of a district are: a composite of eight bands, LEC, and the demo's layers."""
    composite = _composite()
    ws = workspace(home, DISTRICT)
    lec = ws.catalog.model_of("risk_points"), ws.catalog.layer("risk_points")
    table = current_snapshot(ws).table("risk_points")
    stated = lec[0].uncertainty or _unsure()
    weights = _unsure(weights=0.2, draws=DRAWS)
    errors = dict.fromkeys((leaf.id for leaf in lec[0].indicators), Doubt(relative_sd=0.1))
    # LEC has no weights to vary: its classes are listed, and drawn where its numbers carry errors.
    work = {
        "mean of 8 bands, weights ±20 %": lambda: tier_probabilities(*composite, uncertainty=weights),
        "LEC, classes as its file doubts them": lambda: tier_probabilities(*lec, table, uncertainty=stated),
        "LEC, errors of 10 %": lambda: tier_probabilities(
            *lec, table, uncertainty=_unsure(weights=0.2, indicators=errors, draws=DRAWS)
        ),
        "riskmap uncertainty, every layer of the demo": lambda: uncertainty_json(
            ws, weights=0.2, draws=DRAWS
        ),
    }
    lines = []
    for what, run in work.items():
        ours = spent(run, runs=1)
        lines.append(Line(f"P(tier), {DISTRICT:,} points, {what}", ours.wall, "s", LIMIT_S, str(ours)))
    return lines


def _unsure(**stated: Any) -> Uncertainty:
    return Uncertainty(source="a benchmark", status="draft", **stated)


def _composite() -> tuple[ScoringModel, Layer, pa.Table]:
    fields = tuple(Field(id=name, title=Text(name, name), type="number") for name in _PARTS)
    layer = Layer(
        id="composite",
        title=Text("综合", "Composite"),
        geometry="point",
        model="composite",
        fields=fields,
        aliases={},
    )
    draw = np.random.default_rng(1)
    table = pa.table({f"f:{name}": draw.uniform(0, 100, DISTRICT) for name in _PARTS})
    return read_model(COMPOSITE, "models/composite.toml"), layer, table
