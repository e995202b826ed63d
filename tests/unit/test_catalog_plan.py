"""The [plan] of a layer: read as data, every mistake named at once with place, find and remedy."""

from __future__ import annotations

import pytest

from riskmap.catalog import PHASES, defaults_dir
from riskmap.catalog.layer_file import read_layer
from riskmap.errors import CatalogError

LAYER = """
id = "stations"
title = { zh = "站点", en = "Stations" }
geometry = "point"
model = "m"

[[fields]]
id = "own"
title = { zh = "方案", en = "Own plan" }
type = "text"

[[fields]]
id = "size"
title = { zh = "面积", en = "Size" }
type = "number"
"""
PLAN = """
[plan]
source = "a test"
status = "draft"
"""


def problems(plan: str) -> dict[str, tuple[int | None, str]]:
    with pytest.raises(CatalogError) as caught:
        read_layer(LAYER + plan, "layers/x.toml")
    return {p.key: (p.line, p.hint) for p in caught.value.problems}


def test_a_plan_is_read_phase_by_phase_in_the_order_of_time():
    text = PLAN + (
        'after = [{ zh = "清理", en = "Clean" }]\nfield = "own"\nown = "replaces"\nverified_days = 30\n'
        'before_48 = [{ zh = "检查", en = "Check", tiers = ["major", "large"] }]\n'
    )
    plan = read_layer(LAYER + text, "x").plan
    assert plan is not None
    assert [(a.phase, a.text.zh, a.tiers) for a in plan.actions] == [
        ("before_48", "检查", ("major", "large")),
        ("after", "清理", ()),
    ]
    assert (plan.field, plan.own, plan.verified_days, plan.status) == ("own", "replaces", 30, "draft")
    assert [p for p in PHASES if p.startswith("before")] == [
        "before_48",
        "before_24",
        "before_12",
        "before_6",
    ]


def test_a_layer_without_a_plan_has_none_and_a_common_text_field_may_hold_it():
    assert read_layer(LAYER, "x").plan is None
    text = PLAN + 'field = "remarks"\nduring = [{ zh = "守", en = "Watch" }]\n'
    assert read_layer(LAYER + text, "x").plan.field == "remarks"


def test_every_mistake_is_named_at_once():
    found = problems(
        '[plan]\nstatus = "done"\nfield = "ownn"\nbefore_36 = []\n'
        'during = [{ zh = "守", en = "Watch" }, { zh = "守", en = "Again" }, { zh = "走", tiers = ["red"] }]\n'
    )
    assert set(found) == {
        "plan.source",
        "plan.status",
        "plan.field",
        "plan.before_36",
        "plan.during[2].zh",
        "plan.during[3].en",
        "plan.during[3].tiers[1]",
    }
    assert found["plan.field"][1] == "own"
    assert found["plan.before_36"][1].startswith("before_")
    assert all(line for line, _ in found.values())


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("", "plan"),
        ('during = []\nfield = "own"\n', "plan"),
        ('field = "size"\nduring = [{ zh = "守", en = "Watch" }]\n', "plan.field"),
        ('own = "replaces"\nduring = [{ zh = "守", en = "Watch" }]\n', "plan.own"),
        ('verified_days = 0\nduring = [{ zh = "守", en = "Watch" }]\n', "plan.verified_days"),
    ],
)
def test_a_plan_that_cannot_be_meant_is_refused(text, key):
    assert set(problems(PLAN + text)) == {key}


def test_every_shipped_plan_is_a_draft_of_our_own():
    for path in sorted((defaults_dir() / "layers").glob("*.toml")):
        plan = read_layer(path.read_text(encoding="utf-8"), path.name).plan
        assert plan is not None
        assert plan.status == "draft"
        assert "本系统工作草稿" in plan.source
        assert {a.phase for a in plan.actions} == set(PHASES)
