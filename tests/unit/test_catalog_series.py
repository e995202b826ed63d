"""The [series] of a layer: read as data, every mistake named at once with place, line, find and remedy."""

from __future__ import annotations

import datetime as dt

import pytest

from riskmap.catalog.layer_file import read_layer, read_table
from riskmap.errors import CatalogError

LAYER = """id = "sensors"
title = { zh = "传感器", en = "Sensors" }
counts = "reading"
geometry = "point"

[series]
zone = "+08:00"
every = "5 min"
stale_after = "30 min"
indicators = [{ id = "tilt", title = { zh = "倾角", en = "Tilt" }, unit = "°", min = -90, max = 90, aliases = ["倾斜"] }]

[[series.thresholds]]
id = "tilt_fast"
version = "1"
status = "draft"
source = "a test"
indicator = "tilt"
of = "rise"
over = "24 h"
levels = [{ from = 0.2, level = "blue" }, { above = 1, level = "red" }]
clear_after = "2 h"
makes = "alerts"
"""


def problems(text: str) -> dict[str, tuple[int | None, str]]:
    with pytest.raises(CatalogError) as caught:
        read_layer(text, "layers/x.toml")
    return {p.key: (p.line, p.hint) for p in caught.value.problems}


def test_a_layer_of_sensors_says_what_it_measures_and_is_no_risk():
    layer = read_layer(LAYER, "x")
    series = layer.series
    assert series is not None
    assert (layer.counts, series.default_zone) == ("reading", "beijing")
    assert (series.every, series.stale_after) == (dt.timedelta(minutes=5), dt.timedelta(minutes=30))
    tilt = series.indicator("tilt")
    assert tilt.words == ("倾角", "倾斜", "Tilt", "tilt")
    assert [tilt.in_range(value) for value in (-90.0, 90.0, 90.1)] == [True, True, False]
    (threshold,) = series.thresholds_of("tilt")
    assert (threshold.over, threshold.clear_after) == (dt.timedelta(hours=24), dt.timedelta(hours=2))
    assert [(one.side, one.value, one.level) for one in threshold.levels] == [
        ("from", 0.2, "blue"),
        ("above", 1.0, "red"),
    ]


def test_readings_belong_to_a_layer_that_counts_readings_and_to_no_table():
    assert problems(LAYER.replace('"reading"', '"resource"')) == {"series": (6, "")}
    table = LAYER.replace('geometry = "point"', 'geometry = "point"\ntable = true')
    with pytest.raises(CatalogError, match="counts"):
        read_table(table, "x")


def test_every_mistake_is_named_with_its_line():
    wrong = (
        LAYER.replace("+08:00", "east")
        .replace('"5 min"', '"soon"')
        .replace("min = -90", "min = 91")
        .replace('indicator = "tilt"', 'indicator = "tlt"')
    )
    assert problems(wrong) == {
        "series.zone": (7, ""),
        "series.every": (8, ""),
        "series.indicators[tilt].min": (10, ""),
        "series.thresholds[tilt_fast].indicator": (17, "tilt"),
    }


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("above = 1", "above = 0.1", "levels[2]"),
        ('level = "red"', 'level = "blue"', "levels[2]"),
        ("from = 0.2", "from = 0.2, above = 0.3", "levels[1]"),
        ("from = 0.2", "upto = 0.2", "levels"),
        ('over = "24 h"\n', "", "over"),
        ('of = "rise"', 'of = "value"', "over"),
        ('over = "24 h"', 'over = "24"', "over"),
        ("version", "edition", "edition"),
    ],
)
def test_a_threshold_that_cannot_be_meant_is_refused(old, new, key):
    assert f"series.thresholds[tilt_fast].{key}" in problems(LAYER.replace(old, new))


def test_a_low_value_may_be_the_bad_one():
    text = LAYER.replace('of = "rise"\nover = "24 h"', 'of = "value"').replace(
        'levels = [{ from = 0.2, level = "blue" }, { above = 1, level = "red" }]',
        'levels = [{ upto = 3, level = "blue" }, { below = 1, level = "red" }]',
    )
    layer = read_layer(text, "x")
    assert layer.series is not None
    assert [one.value for one in layer.series.thresholds[0].levels] == [3.0, 1.0]


def test_a_sensor_is_stale_no_sooner_than_it_reports_again():
    assert "series.stale_after" in problems(LAYER.replace('"30 min"', '"1 min"'))


def test_ids_and_words_belong_to_one_indicator():
    twice = LAYER.replace(
        'aliases = ["倾斜"] }]',
        'aliases = ["倾斜"] }, { id = "tilt", title = { zh = "倾斜", en = "Lean" } }]',
    )
    assert "series.indicators[tilt].id" in problems(twice)
    word = twice.replace('id = "tilt", title = { zh = "倾斜"', 'id = "lean", title = { zh = "倾斜"')
    assert list(problems(word)) == ["series.indicators[lean].title.zh"]
