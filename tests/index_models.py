"""Models of published kinds of index as TOML, and a layer of numbers for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from riskmap.catalog import Layer, ScoringModel
from riskmap.catalog.layer import Field
from riskmap.catalog.model_file import read_model
from riskmap.catalog.uncertainty import Uncertainty
from riskmap.errors import Text
from riskmap.scoring import assess_table, fit_model
from riskmap.values.assessment import Assessment


def head(score: str, *, major: float = 0.75, large: float = 0.5, general: float = 0.25) -> str:
    return (
        'id = "index"\ntitle = { zh = "试", en = "Test" }\nversion = "1"\nstatus = "draft"\n'
        f'source = "a test"\nscore = "{score}"\n[limits]\nmajor = {major}\nlarge = {large}\ngeneral = {general}\n'
    )


def leaf(name: str, extra: str = "", *, field: str | None = None, reference: object = 0) -> str:
    return (
        f'[[indicators]]\nid = "{name}"\ntitle = {{ zh = "{name}", en = "{name}" }}\n'
        f'field = "{field or name}"\nreference = {reference}\nsource = "t"\n{extra}\n'
    )


def node(name: str, method: str, of: Sequence[str], extra: str = "") -> str:
    listed = ", ".join(f'"{key}"' for key in of)
    return (
        f'[[combinations]]\nid = "{name}"\ntitle = {{ zh = "{name}", en = "{name}" }}\n'
        f'method = "{method}"\nof = [{listed}]\nsource = "t"\n{extra}\n'
    )


def gate(when: str, at_most: str = "low") -> str:
    return (
        f'[[gates]]\nid = "g"\ntitle = {{ zh = "g", en = "g" }}\nat_most = "{at_most}"\n'
        f'source = "t"\nwhen = [{when}]\n'
    )


def unsure(**stated: Any) -> Uncertainty:
    """Return doubts that a test states."""
    return Uncertainty(source="a test", status="draft", **stated)


def layer_of(*fields: str, kind: str = "number", **more: Any) -> Layer:
    made = tuple(Field(id=f, title=Text(f, f), type=kind, **more) for f in fields)
    return Layer(
        id="index", title=Text("试", "Test"), geometry="point", model="index", fields=made, aliases={}
    )


def columns(values: Mapping[str, Sequence[Any]]) -> pa.Table:
    return pa.table({f"f:{key}": pa.array(list(column)) for key, column in values.items()})


def model_of(text: str) -> ScoringModel:
    return read_model(text, "models/index.toml")


def scored(text: str, values: Mapping[str, Sequence[Any]], **more: Any) -> Assessment:
    """Fit a model to these columns and score them."""
    model, layer, table = model_of(text), layer_of(*values), columns(values)
    return assess_table(model, layer, table, fit=fit_model(model, layer, table, **more), **more)


# CDC's Social Vulnerability Index: ranks of variables, themes of their sums, the rank of the sums.
_RANK = 'normalise = { method = "percentile_rank" }\nround = 4\n'
SVI_FIELDS = ("poverty", "unemployed", "income", "aged", "disabled")
SVI = (
    head("overall")
    + leaf("poverty", _RANK)
    + leaf("unemployed", _RANK)
    + leaf("income", _RANK + 'worse = "lower"\n', reference=100000)
    + leaf("aged", _RANK)
    + leaf("disabled", _RANK)
    + node("economic", "sum", ["poverty", "unemployed", "income"], _RANK)
    + node("household", "sum", ["aged", "disabled"], _RANK)
    + node("overall", "sum", ["economic", "household"], _RANK)
)

# INFORM: goalposts to 0–10, arithmetic and inverted geometric means, one decimal at every level,
# the cube root of the product of three dimensions.
_TO_10 = 'normalise = { method = "min_max", low = 0, high = 10, from = [%s, %s] }\nround = 1\n'
_INVERTED = "scale = [0, 10]\nround = 1\n"
INFORM_FIELDS = ("quake", "flood", "drought", "gini", "aid", "refugees", "literacy", "doctors")
INFORM = (
    head("risk", major=6.5, large=5.0, general=3.5)
    + leaf("quake", _TO_10 % (0, 8))
    + leaf("flood", _TO_10 % (0, 0.9))
    + leaf("drought", _TO_10 % (0, 3))
    + leaf("gini", _TO_10 % (25, 65), reference=25)
    + leaf("aid", _TO_10 % (0, 15))
    + leaf("refugees", _TO_10 % (0, 12))
    + leaf("literacy", (_TO_10 % (30, 99)) + 'worse = "lower"\n', reference=99)
    + leaf("doctors", (_TO_10 % (0, 4)) + 'worse = "lower"\n', reference=4)
    + node("hazard", "inverted_geometric", ["quake", "flood", "drought"], _INVERTED)
    + node("socio", "mean", ["gini", "aid"], "weights = [0.75, 0.25]\nround = 1\n")
    + node("vulnerability", "inverted_geometric", ["socio", "refugees"], _INVERTED)
    + node("coping", "inverted_geometric", ["literacy", "doctors"], _INVERTED)
    + node("risk", "geometric", ["hazard", "vulnerability", "coping"], "round = 1\n")
)

# FEMA's National Risk Index: loss × vulnerability ÷ resilience, cube root, 0–100 over the layer.
NRI_FIELDS = ("loss", "vulnerability", "resilience")
_TO_100 = 'normalise = { method = "min_max", low = 0, high = 100 }\n'
NRI = (
    head("score", major=80, large=60, general=40)
    + leaf("loss", reference=1)
    + leaf("vulnerability", reference=1)
    + leaf("resilience", 'worse = "lower"\n', reference=1)
    + node("value", "product", ["loss", "vulnerability"])
    + node("score", "quotient", ["value", "resilience"], 'function = "cbrt"\n' + _TO_100 + "round = 2\n")
)

COUNTRY = {"quake": 4.0, "flood": 0.3, "drought": 1.0, "gini": 40.0, "aid": 5.0, "refugees": 4.0, "literacy": 80.0,
           "doctors": 2.0}  # fmt: skip


class Slope:
    """An artefact that has learned a logistic curve of two predictors."""

    predictors = ("angle", "wet")

    def __init__(self) -> None:
        self.calls = 0

    def predict(self, given):
        self.calls += 1
        assert all(v.dtype == np.float64 and v.ndim == 1 for v in given.values())
        return 1 / (1 + np.exp(4 - 0.1 * given["angle"] - 2 * given["wet"]))


def learned(extra: str = "") -> str:
    return (
        head("p", major=0.6, large=0.4, general=0.1)
        + '[[learned]]\nid = "p"\ntitle = { zh = "p", en = "p" }\nartefact = "slide.skops"\n'
        + f'digest = "{"0" * 64}"\ninputs = {{ angle = "slope_deg", wet = "wetness" }}\n'
        + f'reference = {{ angle = 0, wet = 0 }}\nsource = "t"\n{extra}\n'
    )
