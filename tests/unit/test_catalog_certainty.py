"""Mistakes in [uncertainty] and [[measures]]: every one at once, with place, find and remedy."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from riskmap.catalog import defaults_dir, load_catalog
from riskmap.catalog.model_file import read_model
from riskmap.catalog.uncertainty import Doubt
from riskmap.errors import CatalogError

BASE = (
    (defaults_dir() / "models" / "risk_points_lec.toml")
    .read_text(encoding="utf-8")
    .partition("[uncertainty]")[0]
)
HEAD = '[uncertainty]\nsource = "a test"\nstatus = "draft"\n'
MEASURE = """
[[measures]]
id = "watch"
title = { zh = "值守", en = "Watch" }
when = [{ field = "law_breach", op = "==", value = false }]
verified = "surveyed_on"
valid_days = 90
effect = { tiers = 1 }
floor = "general"
status = "draft"
source = "a test"
"""


def problems(text: str) -> dict[str, str]:
    with pytest.raises(CatalogError) as caught:
        read_model(BASE + text, "models/x.toml")
    for problem in caught.value.problems:
        assert problem.line
        assert problem.text("zh") != problem.text("en")
    return {p.key: p.hint for p in caught.value.problems}


def test_every_shipped_model_states_its_doubts_as_a_draft():
    for model in load_catalog(defaults_dir()).models.values():
        assert model.uncertainty is not None
        assert model.uncertainty.status == "draft"
        assert "本系统默认" in model.uncertainty.source
        assert all(one.status == "draft" and one.source for one in model.measures)


def test_the_section_is_read_with_its_defaults():
    model = read_model(
        BASE + HEAD + "weights = 0.2\n[uncertainty.indicators.exposure]\nclass_up = 0.1\n", "x"
    )
    assert model.uncertainty is not None
    assert (model.uncertainty.weights, model.uncertainty.draws, model.uncertainty.seed) == (0.2, 500, 1)
    assert model.uncertainty.indicators == {"exposure": Doubt(class_up=0.1)}
    assert read_model(BASE, "x").uncertainty is None


def test_all_mistakes_of_the_section_come_at_once_with_the_word_that_was_meant():
    text = (
        '[uncertainty]\nsource = "a test"\nstatus = "draft"\nweight = 0.2\ndraws = 0\n'
        "[uncertainty.indicators.exposure]\nclass_up = 1.5\nclass_upp = 0.1\n"
    )
    found = problems(text)
    assert found["uncertainty.weight"] == "weights"
    assert {"uncertainty.draws", "uncertainty.indicators.exposure.class_up"} <= set(found)
    assert found["uncertainty.indicators.exposure.class_upp"] == "class_up"
    later = problems(
        HEAD
        + "[uncertainty.indicators.exposur]\nclass_up = 0.1\n"
        + "[uncertainty.indicators.exposure]\nclass_up = 0.6\nclass_down = 0.6\n"
        + "[uncertainty.indicators.likelihood]\nclass_up = 0.6\nsd = 1\n"
        + "[uncertainty.indicators.consequence]\n"
    )
    assert later == {
        "uncertainty.indicators.exposur": "exposure",
        "uncertainty.indicators.exposure.class_up": "",
        "uncertainty.indicators.likelihood": "",
        "uncertainty.indicators.consequence": "",
    }


def test_source_and_status_are_demanded():
    assert {"uncertainty.source", "uncertainty.status"} <= set(problems("[uncertainty]\nweights = 0.2\n"))
    assert "measures[watch].source" in problems(MEASURE.replace('source = "a test"\n', ""))


@pytest.mark.parametrize(
    ("before", "after", "key"),
    [
        ("valid_days = 90\n", "", "measures[watch].valid_days"),
        ("valid_days = 90\n", 'valid_days = 90\nexpires = "surveyed_on"\n', "measures[watch].valid_days"),
        ("{ tiers = 1 }", "{ tiers = 1, factor = 0.5 }", "measures[watch].effect"),
        ("{ tiers = 1 }", "{ }", "measures[watch].effect"),
        ("{ tiers = 1 }", "{ factor = 1.5 }", "measures[watch].effect.factor"),
        ("{ tiers = 1 }", "{ factor = 0.5 }\nrules = true", "measures[watch].rules"),
        ('"=="', '"missing"', "measures[watch].when[1].op"),
        ("value = false", "value = [false]", "measures[watch].when[1]"),
        ('"general"', '"major"', "measures[watch].floor"),
        ("valid_days = 90\n", 'valid_days = 90\nexceeds = [["a"]]\n', "measures[watch].exceeds[1]"),
    ],
)
def test_a_measure_that_cannot_be_meant_is_refused(before, after, key):
    assert key in problems(MEASURE.replace(before, after, 1))


def test_two_measures_of_one_name_are_refused():
    assert any(key.endswith(".id") for key in problems(MEASURE + MEASURE))


def test_what_the_layer_does_not_have_is_named_with_what_was_meant(tmp_path: Path):
    for part in ("layers", "models"):
        shutil.copytree(defaults_dir() / part, tmp_path / part)
    broken = MEASURE.replace('"surveyed_on"', '"surveyed_onn"').replace('"law_breach"', '"law_breech"')
    broken += 'exceeds = [["hazard_ratio", "managing_department"]]\n'
    sd = HEAD + "[uncertainty.indicators.exposure]\nsd = 1\n"
    (tmp_path / "models" / "risk_points_lec.toml").write_text(BASE + sd + broken, encoding="utf-8")
    fire = (tmp_path / "models" / "forest_fire_grid.toml").read_text(encoding="utf-8")
    assert "class_up = 0.1" in fire
    (tmp_path / "models" / "forest_fire_grid.toml").write_text(
        fire.replace("class_up = 0.1", "sd = 1", 1), encoding="utf-8"
    )
    water = (tmp_path / "models" / "underground_margin.toml").read_text(encoding="utf-8")
    (tmp_path / "models" / "underground_margin.toml").write_text(
        water.replace("sd = 0.05", "class_up = 0.05", 1), encoding="utf-8"
    )
    found = {(p.file, p.key): p.hint for fault in load_catalog(tmp_path).faults for p in fault.problems}
    assert found[("models/forest_fire_grid.toml", "uncertainty.indicators.fuel")] == ""
    (tmp_path / "models" / "forest_fire_grid.toml").write_text(fire, encoding="utf-8")
    faults = load_catalog(tmp_path).faults
    found = {(p.file.removeprefix("models/"), p.key): p.hint for fault in faults for p in fault.problems}
    assert found == {
        ("risk_points_lec.toml", "measures[watch].verified"): "surveyed_on",
        ("risk_points_lec.toml", "measures[watch].when[1].field"): "law_breach",
        ("risk_points_lec.toml", "measures[watch].exceeds[1][2]"): "",
        ("underground_margin.toml", "uncertainty.indicators.opening.class_up"): "",
    }
