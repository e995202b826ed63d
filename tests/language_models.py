"""Random models that use the whole model language, with layers to score: what the laws are tried on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from riskmap.catalog import Layer, ScoringModel
from riskmap.catalog.uncertainty import Doubt, Uncertainty
from riskmap.scoring import Fit, assess_table, fit_model
from riskmap.values.assessment import Assessment
from tests.index_models import columns, gate, head, layer_of, leaf, model_of, node, unsure

FIELDS = ("a", "b", "c")
_BANDS = "bands = [{ below = 2, value = 1 }, { below = 5, value = 4 }, { value = 9 }]\n"
_FROM = 'normalise = { method = "min_max", low = 0, high = 10, from = [1, 8] }\n'
_SPAN = 'normalise = { method = "min_max", low = 0, high = 10 }\n'
_RANK = 'normalise = { method = "percentile_rank", low = 0, high = 10 }\n'
_LOWER = 'worse = "lower"\n'
# Transforms of a number of 0–10, and whether its classes are listed.
LEAVES = (
    ("", False),
    (_BANDS, True),
    (_BANDS + _FROM, True),
    (_BANDS + _RANK + "round = 1\n", True),
    (_FROM + "round = 0\n", False),
    (_SPAN, False),
    (_RANK, False),
    (_RANK + _LOWER, False),
    (_FROM + _LOWER, False),
    ("curve = [[0, 0], [4, 8], [10, 10]]\nround = 1\n", False),
    ('function = "ln1p"\n', False),
    ('function = "sqrt"\n' + _SPAN, False),
    (
        'function = "cbrt"\n' + _BANDS.replace("below = 2", "below = 1").replace("below = 5", "below = 2"),
        True,
    ),
)
INNER = (
    ("mean", ""),
    ("mean", 'weighting = "entropy"\n'),
    ("mean", 'pairwise = [[1, 3], ["1/3", 1]]\n'),
    ("geometric", "weights = [0.3, 0.7]\n"),
    ("inverted_geometric", "scale = [0, 10]\n"),
    ("inverted_geometric", 'scale = [0, 10]\nweighting = "entropy"\n'),
    ("topsis", 'norm = "vector"\nweights = [0.6, 0.4]\n' + _FROM.replace("[1, 8]", "[0, 1]")),
    ("topsis", 'norm = "min_max"\nweighting = "entropy"\n' + _FROM.replace("[1, 8]", "[0, 1]")),
    ("max", _RANK),
    ("sum", "weights = [1, 0.5]\n" + _SPAN),
    ("mean", _BANDS),
)
ROOTS = (
    ("mean", "weights = [0.5, 0.5]\nround = 1\n"),
    ("inverted_geometric", "scale = [0, 10]\n"),
    ("max", ""),
    ("product", 'function = "sqrt"\n'),
    ("sum", _RANK),
)
GATES = (
    "",
    gate('{ node = "m", op = "<", value = 3 }'),
    gate('{ node = "s", op = "<=", value = 6 }', "general"),
    gate('{ node = "m", op = "<", value = 8 }, { field = "d", op = "<=", value = 1 }', "large"),
    gate('{ field = "d", op = "<", value = 1 }'),
    "A",  # a gate on a field that scores, the right way round for its indicator
)
RULE = (
    '[[rules]]\nid = "r"\ntitle = { zh = "r", en = "r" }\ntier = "large"\nsource = "t"\n'
    'when = [{ field = "d", op = ">", value = 8 }]\n'
)


@dataclass(frozen=True)
class Case:
    """A model, a layer, its rows, how they are doubted, and what the rows were fitted to."""

    model: ScoringModel
    layer: Layer
    table: pa.Table
    doubt: Uncertainty
    fit: Fit | None

    @property
    def inherent(self) -> Assessment:
        return assess_table(self.model, self.layer, self.table, fit=self.fit)


@st.composite
def cases(draw: st.DrawFn, *, measures: str = "", listed_only: bool = False, weights: bool = True) -> Case:
    """Models of three leaves in two levels; `listed_only`: doubts whose outcomes can be listed."""
    text, doubts = head("s", major=8, large=6, general=3), {}
    for name in FIELDS:
        extra, listed = draw(st.sampled_from(LEAVES))
        told = any(key in extra for key in ("bands", "curve", "normalise"))
        missing = 'missing = "worst"\n' + ("" if told else "worst = 10\n")
        missing = missing if draw(st.booleans()) else ""
        text += leaf(name, extra + missing, reference=5)
        kinds = [Doubt()]
        if listed:
            kinds += [Doubt(class_up=0.3, class_down=0.2), Doubt(class_up=1.0)]
        if not listed_only or (listed and "function" not in extra):
            kinds += [Doubt(sd=1.5), Doubt(relative_sd=0.3)]
        doubts[name] = draw(st.sampled_from(kinds))
        if name == "a":
            worse_lower = _LOWER in extra
    method, extra = draw(st.sampled_from(INNER))
    text += node("m", method, ["a", "b"], extra)
    method, extra = draw(st.sampled_from(ROOTS))
    text += node("s", method, ["m", "c"], extra)
    chosen = draw(st.sampled_from(GATES))
    on_a = gate(
        '{ field = "a", op = ">", value = 7 }' if worse_lower else '{ field = "a", op = "<", value = 3 }'
    )
    text += on_a if chosen == "A" else chosen
    text += draw(st.sampled_from(["", RULE])) + measures
    model = model_of(text)
    number = st.none() | st.integers(0, 20).map(lambda n: n / 2)
    rows = draw(
        st.lists(st.fixed_dictionaries(dict.fromkeys((*FIELDS, "d"), number)), min_size=1, max_size=7)
    )
    values: dict[str, list[Any]] = {f: [row[f] for row in rows] for f in (*FIELDS, "d")}
    layer = layer_of(*values, minimum=0, maximum=10)
    table = pa.table({key: column.cast(pa.float64()) for key, column in zip(
        [f"f:{f}" for f in values], columns(values).columns, strict=True)})  # fmt: skip
    width = draw(st.sampled_from([0.0, 0.2])) if weights else 0.0
    doubt = unsure(weights=width, indicators={k: v for k, v in doubts.items() if v != Doubt()}, draws=60)
    return Case(model, layer, table, doubt, fit_model(model, layer, table))
