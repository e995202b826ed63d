"""The default models on worked cases, limits included."""

from __future__ import annotations

import math

import pytest

from riskmap.catalog import Indicator, defaults_dir
from tests.assess_rows import LAYERS, assessed, catalog, scoring, tiers

CALM = {"stability": "stable", "deformation": False, "rain_damaged": False}
SHELTER = {
    "in_hazard": False, "area_m2": 2000.0, "capacity": 1000, "shelter_class": "fixed_short",
    "backup_power": True, "water_supply": True, "accessible": True,
}  # fmt: skip


@pytest.mark.parametrize("layer", LAYERS)
def test_every_model_states_its_version_sources_and_both_titles(layer):
    model, _ = scoring(layer)
    assert model.version
    assert model.source
    assert model.title.zh
    assert model.title.en
    assert model.limits.lower["major"] > model.limits.lower["large"] > model.limits.lower["general"]
    for node in model.nodes:
        assert node.title.zh
        assert node.title.en
        if isinstance(node, Indicator):
            assert node.source
            assert node.reference is not None
    for rule in model.rules:
        assert rule.source


def test_what_was_written_from_memory_is_a_draft():
    models = catalog().models
    assert models["risk_points_lec"].status == "adopted"
    assert all(rule.status == "draft" for rule in models["risk_points_lec"].rules)
    assert {m.id for m in models.values() if m.status == "draft"} == set(models) - {"risk_points_lec"}


def test_the_digest_follows_the_file_and_not_its_line_ends():
    from riskmap.catalog.model_file import read_model

    text = (defaults_dir() / "models" / "risk_points_lec.toml").read_text(encoding="utf-8")
    assert read_model(text, "a").digest == read_model(text.replace("\n", "\r\n"), "b").digest
    assert read_model(text, "a").digest != read_model(text.replace("major = 320", "major = 321"), "a").digest


def slope(**changes):
    base = {"height_m": 8.0, "slope_deg": 35.0, "threatened_people": 12, "threatened_property": 80.0}
    return base | CALM | changes


def test_slopes_combine_likelihood_and_consequence():
    rows = [
        slope(),  # form 2, stable → 1; consequence 2
        slope(stability="unstable"),  # 4 × 2
        slope(stability="unstable", threatened_people=0, threatened_property=0.0),  # 4 × 1
        slope(height_m=40.0, slope_deg=65.0, stability="unstable", threatened_people=500),  # 5 × 4
        slope(height_m=40.0, slope_deg=65.0, stability="unstable", threatened_people=499),  # 5 × 3
    ]
    result = assessed("slopes", *rows)
    assert result.score.tolist() == [2, 8, 4, 20, 15]
    assert tiers(result) == ["low", "general", "general", "major", "large"]


@pytest.mark.parametrize(
    ("people", "score"), [(0, 1), (1, 2), (99, 2), (100, 3), (499, 3), (500, 4), (999, 4), (1000, 5)]
)
def test_threatened_people_follow_the_published_classes(people, score):
    # An unstable 8 m slope at 19° has form 1 and likelihood 3.
    row = slope(
        slope_deg=19.0, height_m=4.0, stability="unstable", threatened_people=people, threatened_property=0.0
    )
    assert assessed("slopes", row).score[0] == 3 * score


@pytest.mark.parametrize(
    ("loss", "score"), [(0.0, 1), (0.1, 2), (499.9, 2), (500.0, 3), (5000.0, 4), (10000.0, 5)]
)
def test_threatened_property_follows_the_published_classes(loss, score):
    row = slope(
        slope_deg=19.0, height_m=4.0, stability="unstable", threatened_people=0, threatened_property=loss
    )
    assert assessed("slopes", row).score[0] == 3 * score


def test_a_slope_of_unknown_stability_is_never_low_and_one_without_people_is_unrated():
    result = assessed(
        "slopes", slope(stability=None, threatened_people=0, threatened_property=0.0, height_m=1.0)
    )
    assert tiers(result) == ["general"]
    assert result.rules[0] == ("stability_unknown",)
    missing = assessed("slopes", slope(threatened_people=None))
    assert tiers(missing) == ["unrated"]
    assert missing.missing[0] == ("threatened_people",)


@pytest.mark.parametrize(
    ("depth", "alone", "calm"),
    [(0.0, "low", "low"), (0.149, "low", "low"), (0.15, "general", "low"), (0.26, "general", "low"),
     (0.27, "large", "general"), (0.40, "large", "general"), (0.60, "major", "large"), (0.8, "major", "large")],
)  # fmt: skip
def test_a_depth_alone_is_rated_at_its_worst_and_known_low_exposure_lowers_it(depth, alone, calm):
    known = {"max_depth_m": depth, "exposed_people": 3, "traffic": "none"}
    assert tiers(assessed("waterlogging", {"max_depth_m": depth}, known)) == [alone, calm]


def test_waterlogging_without_a_depth_is_unrated():
    assert tiers(assessed("waterlogging", {"exposed_people": 3, "traffic": "none"})) == ["unrated"]


@pytest.mark.parametrize(
    ("margin", "tier"),
    [(-1.0, "major"), (0.0, "major"), (0.001, "large"), (0.149, "large"), (0.15, "general"),
     (0.299, "general"), (0.30, "low"), (5.0, "low")],
)  # fmt: skip
def test_the_opening_margin_sets_the_tier(margin, tier):
    assert tiers(assessed("underground_spaces", {"opening_margin_m": margin})) == [tier]


def test_the_margin_of_the_entrance_serves_where_no_opening_was_measured():
    def entrance(level, **more):
        return {"entrance_elevation_m": 3.45, "local_water_level_m": level} | more

    rows = [
        entrance(3.45),  # 0
        entrance(3.6, barrier_height_m=0.3),  # .15, which floats write as .15000000000000002
        entrance(3.45, barrier_height_m=0.3),  # .30
        entrance(3.0, opening_margin_m=0.1),  # the smaller of .45 and .1
        entrance(3.4, opening_margin_m=0.9),  # the smaller of .05 and .9
        {"entrance_elevation_m": 3.45},
    ]
    result = assessed("underground_spaces", *rows)
    assert tiers(result) == ["major", "general", "low", "large", "large", "unrated"]
    assert result.missing[5] == ("opening_margin_m", "local_water_level_m")


def test_forest_grids_multiply_fuel_ignition_and_access():
    def grid(fuel, ignition, access):
        return {"fuel": fuel, "ignition": ignition, "access": access}

    result = assessed(
        "forest_fire_grids",
        grid("low", "low", "good"),
        grid("high", "high", "good"),
        grid("high", "high", "fair"),
        grid("high", "high", "none"),
        grid("very_high", "very_high", None),
    )
    assert result.score[:4].tolist() == [1, 9, 18, 36]
    assert tiers(result) == ["low", "general", "large", "major", "unrated"]


def test_a_shelter_loses_points_for_what_it_lacks():
    rows = [
        SHELTER,
        SHELTER | {"in_hazard": True},
        SHELTER | {"area_m2": 1999.9},  # a hair too small
        SHELTER | {"area_m2": 900.0},
        SHELTER | {"backup_power": False, "water_supply": None},
        SHELTER | {"shelter_class": None},  # 2 m² a person against 4.5
        SHELTER | {"in_hazard": None},
    ]
    result = assessed("shelters", *rows)
    assert result.score[:6].tolist() == [0, 60, 10, 40, 30, 40]
    assert tiers(result) == ["low", "major", "low", "large", "general", "large", "unrated"]


def test_float_noise_does_not_move_a_shelter_over_its_limit():
    row = SHELTER | {"area_m2": 0.1 * 3 * 10000, "capacity": 1500}
    assert math.isclose(row["area_m2"], 3000)
    assert assessed("shelters", row).score[0] == 0
