"""The guide for authors of models: its complete examples load, and score as it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from riskmap.scoring import assess_table, fit_model
from tests.assess_rows import tiers
from tests.index_models import columns, layer_of, model_of

GUIDE = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
EXAMPLES = {
    re.search(r'^id = "(\w+)"', text, re.MULTILINE)[1]: text
    for text in re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL)
    if text.startswith("id = ")
}


def scored(name, **values):
    model, layer, table = model_of(EXAMPLES[name]), layer_of(*values), columns(values)
    return assess_table(model, layer, table, fit=fit_model(model, layer, table))


def test_the_guide_holds_its_examples():
    assert set(EXAMPLES) == {"billboards", "inform_like", "svi_like", "nri_like", "hazard_source"}


def test_the_inform_example_scores_as_the_guide_says():
    result = scored("inform_like", quake=[4.0], flood=[0.18], poverty=[33.0], literacy=[86.0])
    assert result.score.tolist() == [3.4]
    assert tiers(result) == ["low"]


def test_the_svi_example_scores_as_the_guide_says():
    result = scored("svi_like", poverty=[10, 20, 20, 40], income=[900, 800, 500, 500], aged=[5, 9, 7, 9])
    assert result.score.tolist() == [0, 0.3333, 0.3333, 1]


def test_the_nri_example_scores_as_the_guide_says():
    result = scored("nri_like", loss=[8.0, 64.0, 27.0], vulnerability=[1.0] * 3, resilience=[1.0] * 3)
    assert result.score.tolist() == [0, 100, 50]


def test_the_hazard_source_example_scores_as_the_guide_says():
    result = scored(
        "hazard_source", chlorine_t=[5.0, 0.5, None], ammonia_t=[20.0, 8.0, 1.0], people_500m=[60, 60, 60]
    )
    assert result.score[:2].tolist() == [12, 0]
    assert tiers(result) == ["general", "low", "unrated"]
    assert list(result.rules) == [(), ("no_source",), ()]


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("## Indicators", {"id", "title", "field", "table", "bands", "curve", "worse", "missing", "worst", "missing_value",
                           "unknown", "reference", "source", "function", "normalise", "round", "rounding"}),
        ("### `normalise`", {"method", "low", "high", "from", "clip", "ties", "reverse"}),
    ],
)  # fmt: skip
def test_the_guide_names_every_key(table, expected):
    section = GUIDE.split(table + "\n")[1].split("\n## ")[0].split("\n### ")[0]
    named = {
        key
        for row in re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
        for key in re.findall(r"`(\w+)`", row)
    }
    assert named == expected


def test_the_guide_names_every_method_and_step():
    from typing import get_args

    from riskmap.catalog.model import Function, Rounding
    from riskmap.formulas.methods import methods

    for word in (*methods(), *get_args(Function), *get_args(Rounding)):
        assert f'"{word}"' in GUIDE or f"`{word}`" in GUIDE or f"[[{word}]]" in GUIDE
