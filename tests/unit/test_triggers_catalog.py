"""[[triggers]] of layer files: what they become, and every mistake at once with its line and a hint."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from riskmap.catalog import load_catalog
from riskmap.catalog.drivers import trigger_drivers
from riskmap.catalog.triggers import WARNING, TriggerLevel, WarningColour, WarningKind
from riskmap.errors import CatalogError
from riskmap.formulas.slope import threshold_intensity
from riskmap.formulas.wind import BEAUFORT
from riskmap.vocabulary import COLOURS, FORCE_MS, KINDS
from tests.trigger_samples import HEAD, RAIN, layer_of

ROOT = Path(__file__).parents[2]


def problems(triggers: str) -> list[str]:
    with pytest.raises(CatalogError) as caught:
        layer_of(triggers)
    return [p.text("zh") for p in caught.value.problems]


def test_a_trigger_becomes_levels_from_the_mildest_to_the_worst():
    (trigger,) = layer_of().triggers
    assert trigger.driver == "i3_mm"
    assert trigger.levels[0] == TriggerLevel(from_=30.0, tier="general")
    assert [level.tier for level in trigger.levels] == ["general", "large", "major"]
    assert (trigger.hold_hours, trigger.status, trigger.missing) == (3, "draft", "unknown")


def test_a_trigger_on_warnings_has_colours():
    text = RAIN.replace('"i3_mm"', '"warning"\nkinds = ["typhoon"]').replace("from = 30", 'colour = "yellow"')
    text = text.replace("from = 50", 'colour = "orange"').replace("from = 80", 'colour = "red"')
    (trigger,) = layer_of(text).triggers
    assert trigger.levels[0] == TriggerLevel(colour="yellow", tier="general")
    assert trigger.drivers == ()


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ('"i3_mm"', '"i3mm"', "i3_mm"),
        ("from = 50", "from = 20", "由轻到重"),
        ('tier = "large"', 'tier = "major"', "由轻到重"),
        ('tier = "large"', 'tier = "low"', "general"),
        (', tier = "large"', "", "general"),
        ("from = 30", "upto = 30", "恰好一个限值"),
        ("from = 30", "from = 30, above = 20", "恰好一个限值"),
        ("from = 30", 'colour = "red"', "没有 colour"),
        ("hold_hours = 3", "hold_hours = 0", "不小于 1"),
        ("hold_hours", 'kinds = ["typhoon"]\nhold_hours', "没有 kinds"),
        ("hold_hours", 'when = [{ field = "movng", op = "==", value = true }]\nhold_hours', "moving"),
        ("hold_hours", 'when = [{ field = "kind", op = "==", value = "crne" }]\nhold_hours', "crane"),
        ("hold_hours", 'when = [{ field = "moving", op = "in", value = true }]\nhold_hours', "列表"),
        ("hold_hours", 'by = "kind"\nhold_hours', "by 和 classes"),
        ("hold_hours", 'by = "knd"\nclasses = { crane = [] }\nhold_hours', "kind"),
        ("hold_hours", 'by = "kind"\nclasses = { crne = [] }\nhold_hours', "crane"),
        ('source = "a test"', 'source = ""', "至少一个字"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_what_belongs_there(old, new, found):
    said = problems(RAIN.replace(old, new, 1))
    assert any(found in line and line.startswith("layers/posts.toml:") for line in said), said


def test_every_mistake_of_a_trigger_is_told_at_once():
    text = RAIN.replace("from = 50", "from = 20") + RAIN.replace("from = 30", "upto = 30")
    said = problems(text)
    assert len(said) >= 3
    assert any("不重复的触发条件标识" in line for line in said)


def test_a_class_without_levels_is_named_unless_the_others_have_some():
    by = 'by = "kind"\nclasses = { crane = [{ from = 20, tier = "large" }] }\nhold_hours'
    layer_of(RAIN.replace("hold_hours", by))
    said = problems(RAIN.replace("hold_hours", by).replace(RAIN[RAIN.index("levels") :], ""))
    assert any("wall" in line for line in said)


def test_a_trigger_on_warnings_needs_kinds_and_colours():
    said = problems(RAIN.replace('"i3_mm"', '"warning"'))
    assert any("至少一种预警" in line for line in said)
    assert any("colour" in line for line in said)


def test_kinds_and_colours_are_those_of_the_hazards():
    assert set(get_args(WarningKind)) == set(KINDS)
    assert get_args(WarningColour) == tuple(COLOURS)


def test_a_layer_without_triggers_has_none():
    assert layer_of("").triggers == ()
    assert "[[triggers]]" not in HEAD


LAYERS = load_catalog(ROOT).layers


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_every_layer_of_ours_has_triggers_that_say_they_are_drafts(layer):
    assert layer.triggers
    for trigger in layer.triggers:
        assert trigger.status == "draft"
        assert trigger.source
        assert trigger.driver in {*trigger_drivers(), WARNING}


def test_shelters_are_closed_and_other_layers_raised():
    for layer in LAYERS.values():
        assert {t.closes for t in layer.triggers} == {layer.id == "shelters"}


def test_limits_of_wind_are_lower_ends_of_forces_or_of_a_safety_notice():
    (wind,) = [t for t in LAYERS["risk_points"].triggers if t.id == "wind"]
    limits = {level.value for levels in wind.classes.values() for level in levels}
    assert limits <= {*FORCE_MS.values(), BEAUFORT[5], 13.0}
    assert set(wind.classes) == {c.id for c in LAYERS["risk_points"].field("wind_kind").choices}


def test_the_amount_and_duration_line_of_slopes_is_caines():
    (event,) = [t for t in LAYERS["slopes"].triggers if t.id == "long_event"]
    told = [(level.value, level.also[0].value if level.also else 72.0) for level in event.levels]
    for amount, hours in told:
        assert amount == pytest.approx(float(threshold_intensity(hours)) * hours, abs=0.6)


def test_the_margins_are_those_of_the_standard():
    (margin,) = [t for t in LAYERS["underground_spaces"].triggers if t.id == "margin"]
    assert [(x.side, x.value, x.tier) for x in margin.levels] == [
        ("below", 0.30, "general"),
        ("below", 0.15, "large"),
        ("upto", 0.0, "major"),
    ]


def test_lifting_work_stops_at_the_published_wind_limits():
    """Safety notices: force 5 for suspended platforms, force 6 for cranes and scaffolds, 13 m/s for material hoists."""
    wind = next(t for t in LAYERS["risk_points"].triggers if t.id == "wind")
    begins = {kind: levels[0].from_ for kind, levels in wind.classes.items() if levels}
    assert begins["suspended_platform"] == BEAUFORT[5] == 8.0
    assert begins["tower_crane"] == begins["scaffold"] == FORCE_MS[6] == 10.8
    assert begins["material_hoist"] == 13.0


def test_a_geological_warning_counts_from_yellow_wherever_slopes_are():
    for layer in ("slopes", "risk_points"):
        trigger = next(t for t in LAYERS[layer].triggers if t.id == "geological_warning")
        assert trigger.status == "draft"
        assert [(one.colour, one.tier) for one in trigger.levels] == [
            ("yellow", "general"), ("orange", "large"), ("red", "major")
        ]  # fmt: skip
