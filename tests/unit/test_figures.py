"""Figures over small ledgers whose numbers are worked by hand."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

from riskmap.errors import RiskmapError
from riskmap.ledger.work import MoveMade
from riskmap.reports.figures import Address, bind_figures, default_figures, named, rounded
from riskmap.reports.figures.engine import sums_by
from tests.figures_made import engine, figures, shipped

HAZARDS = [
    {"found_on": "2026-01-31", "state": "closed", "cost": 0.1, "subdistrict": "甲街道", "sector": "fire"},
    {"found_on": "2026-12-31", "state": "closed", "cost": 0.2, "subdistrict": "乙街道", "sector": "gas"},
    {"found_on": "2027-01-01", "state": "rectifying", "cost": 0.3, "due": "2026-11-29"},
    {"found_on": "2025-05-01", "state": "found", "due": "2026-11-30"},
    {"state": "found", "sector": "fire"},
]
OWN = 'over = "major_hazards"\nunit = "处"\n'


def told(text: str, key: str = "x", **given):
    return engine(OWN + text, **given).value(f"own.{key}")


def groups(value) -> dict[str, str]:
    return {one.member: one.text for one in value.groups}


# -- counting


def test_a_period_is_half_open_and_what_has_no_day_is_said():
    found = told('[x]\ncount = "records"', period="2026", major_hazards=HAZARDS)
    assert (found.value, found.missing, found.period) == (2, 1, "2026")


def test_without_a_period_everything_counts():
    found = told('[x]\ncount = "records"', major_hazards=HAZARDS)
    assert (found.value, found.missing, found.period) == (5, 0, None)


def test_a_moment_falls_on_its_day_in_beijing():
    patrols = [{"at": "2025-12-31T15:59Z"}, {"at": "2025-12-31T16:00Z"}, {"at": "2026-03-01"}]
    found = told('[x]\nover = "patrols"\ncount = "records"\nby = "month"', period="2026", patrols=patrols)
    assert found.value == 2
    assert groups(found) == {"2026-01": "1", "2026-03": "1"}


def test_weeks_are_those_of_the_office():
    patrols = [{"at": "2026-11-20"}, {"at": "2026-11-22"}, {"at": "2026-11-23"}]
    text = '[x]\nover = "patrols"\ncount = "records"\nby = "week"'
    assert groups(told(text, patrols=patrols)) == {"2026-W47": "2", "2026-W48": "1"}
    assert groups(told(text, patrols=patrols, week_starts="fri")) == {"2026-W48": "3"}


def test_today_is_the_day_of_the_ledger_and_on_its_day_a_deadline_has_not_passed():
    found = told(
        '[x]\nwhere = ["state != closed", "due < today"]\nperiod = "none"\ncount = "records"',
        major_hazards=HAZARDS,
    )
    assert found.value == 1  # 29 November, not the 30th, which is today


def test_what_states_no_street_is_a_group_of_its_own():
    found = told('[x]\ncount = "records"\nby = "subdistrict"', major_hazards=HAZARDS)
    assert groups(found) == {"甲街道": "1", "乙街道": "1", "未注明": "3"}


def test_two_keys_make_groups_of_both():
    found = told('[x]\ncount = "records"\nby = ["subdistrict", "state"]', major_hazards=HAZARDS)
    shown = {member: text for member, text in groups(found).items() if text != "0"}
    assert shown == {
        "甲街道.closed": "1",
        "乙街道.closed": "1",
        "未注明.rectifying": "1",
        "未注明.found": "2",
    }


def test_a_record_of_two_kinds_stands_in_two_groups_and_counts_once():
    rows = [{"kind": "wall\nslope"}, {"kind": "slope"}, {"kind": None}]
    found = told('[x]\nover = "hazards"\ncount = "records"\nby = "kind"', hazards=rows)
    shown = {member: text for member, text in groups(found).items() if text != "0"}
    assert (found.value, shown) == (3, {"wall": "1", "slope": "2", "未注明": "1"})


def test_tiers_stand_worst_first_with_the_unrated_last():
    rows = [{"tier": "low"}, {"tier": "major"}, {"tier": "low"}, {}]
    found = told('[x]\nover = "risk_points"\ncount = "records"\nby = "tier"', risk_points=rows)
    assert groups(found) == {"major": "1", "large": "0", "general": "0", "low": "2", "unrated": "1"}


@pytest.mark.parametrize(
    ("text", "value", "count", "missing"),
    [
        ('sum = "cost"\nunit = "万元"', "0.6", 3, 2),
        ('mean = "cost"\nunit = "万元"', "0.20", 3, 2),
        ('min = "cost"\nunit = "万元"', "0.1", 3, 2),
        ('max = "cost"\nunit = "万元"', "0.3", 3, 2),
        ('distinct = "sector"', "2", 3, 2),
    ],
)
def test_a_measure_of_a_field_says_of_how_many_it_is_not_known(text, value, count, missing):
    found = told(f"[x]\n{text}", major_hazards=HAZARDS)
    assert (found.text, found.count, found.missing) == (value, count, missing)


def test_of_no_records_a_sum_is_0_and_all_else_is_nothing():
    texts = {
        key: told(f'[x]\n{key} = "cost"\nunit = "万元"', period="2020", major_hazards=HAZARDS).text
        for key in ("sum", "mean", "min", "max")
    }
    assert texts == {"sum": "0", "mean": "—", "min": "—", "max": "—"}


def test_a_sum_of_which_nothing_is_known_is_not_0():
    assert told('[x]\nsum = "cost"\nunit = "万元"', major_hazards=[{"state": "found"}]).value is None


def test_children_are_counted_and_summed_by_their_own_day_under_conditions_on_their_parent():
    firms = [{"code": "F1", "sector": "dust"}, {"code": "F2", "sector": "coating"}]
    visits = [
        {"firm": "F1", "at": "2026-02-01", "found": 2},
        {"firm": "F1", "at": "2025-02-01", "found": 5},
        {"firm": "F2", "at": "2026-03-01", "found": 3},
    ]
    text = '[x]\nover = "enterprises"\ncount = "children"\nwhere = ["sector == dust"]\n[y]\nover = "enterprises"\nsum = "visits.found"'
    made = engine(OWN + text, period="2026", enterprises=firms, visits=visits)
    assert made.value("own.x").value == 1
    assert made.value("own.y").value == 5


def test_a_funnel_counts_those_at_or_past_each_step():
    stages = ["sited"] * 7 + ["scheme"] * 54 + ["built"] * 8 + ["open"] * 31
    found = engine("", stations=[{"stage": one} for one in stages]).value("stations.steps")
    assert [one.value for one in found.groups] == [100, 93, 39, 31]
    assert found.value == 100


def test_moves_into_a_state_are_counted_by_the_day_of_the_move():
    moves = [
        MoveMade("R0001", "rectified", "closed", "2026-05-01", 3),
        MoveMade("R0001", "rectified", "closed", "2026-09-01", 7),
        MoveMade("R0002", "rectified", "closed", "2025-05-01", 3),
        MoveMade("R0002", "found", "rectifying", "2026-05-01", 2),
    ]
    given = {"major_hazards": HAZARDS, "moves": moves, "period": "2026"}
    assert told('[x]\ncount = "moves"\nto = "closed"', **given).value == 2
    assert told('[x]\ncount = "moves"\nmove = "assign"', **given).value == 1
    found = told('[x]\ncount = "moves"\nto = "closed"\nby = "month"', **given)
    assert groups(found) == {"2026-05": "1", "2026-09": "1"}


def test_coverage_is_those_that_have_an_item_of_those_of_which_it_is_known():
    rows = [{"converted": True}] * 4 + [{"converted": False}] + [{}] * 3
    found = engine("", ebike_sites=rows).value("stations.ebike")
    assert (found.text, found.count, found.missing) == ("80%", 5, 3)


def test_coverage_of_a_whole_checklist_goes_by_item_and_an_expired_one_is_not_met():
    rows = [
        {"checklist": (True,) * 10, "checklist.pump.until": "2026-11-29"},
        {"checklist": (False, *(None,) * 9)},
    ]
    items = [one.id for one in shipped()["underground_spaces"].checklist.items]
    rows[0] = {"checklist": (True,) * 10, f"checklist.{items[1]}.until": "2026-11-29"}
    found = engine("", underground_spaces=rows).value("complete.ten")
    shown = groups(found)
    assert shown[items[0]] == "50.0%"  # one of two
    assert shown[items[1]] == "0.0%"  # there, and past its last day
    assert shown[items[2]] == "100.0%"
    assert (found.text, found.count, found.missing) == ("81.8%", 11, 9)  # 9 of 11


def test_a_share_has_no_unit_of_the_numbers_around_it():
    assert engine("", risk_points=[{"tier": "major"}]).value("points.leaders").unit == "%"


def test_completeness_goes_by_field():
    rows = [{"capacity": 10}, {"capacity": None}]
    found = engine("", shelters=rows).value("complete.shelters")
    assert groups(found)["capacity"] == "50.0%"


def test_the_closest_record_is_measured_in_metres_and_what_has_no_place_is_missing():
    spots = [{"lon": 114.0, "lat": 22.6}, {"lon": 114.1, "lat": 22.6}, {"code": "X"}]
    teams = [{"lon": 114.0, "lat": 22.6}]
    text = '[x]\nnearest = "teams"\nto = "waterlogging"\nunit = "m"\nstat = "max"'
    found = told(text, waterlogging=spots, teams=teams)
    # A tenth of a degree of longitude at 22.6° N on the ellipsoid: 10,282 m or so.
    assert 10_250 < found.value < 10_310
    assert (found.count, found.missing) == (2, 1)


# -- worked out of other figures


def test_a_ratio_is_rounded_half_up_from_whole_numbers():
    assert rounded(Fraction(100, 16), 1) == Decimal("6.3")  # 6.25
    assert rounded(Fraction(100, 8), 0) == Decimal(13)  # 12.5
    assert rounded(Fraction(-25, 10), 0) == Decimal(-3)
    assert rounded(Fraction(12_341 * 100, 16_834), 2) == Decimal("73.31")


def test_firms_that_rectified_12341_of_16834_have_73_31_percent():
    found = engine("", enterprises=[{"found": 16_834, "rectified": 12_341}]).value("firms.rate")
    assert (found.text, found.unit, found.count, found.of) == (
        "73.31%",
        "%",
        16_834,
        ("firms.done", "firms.found"),
    )


def test_four_fires_of_54_alarms_are_74_permille():
    rows = [{"kind": "fire", "confirmed": i < 4, "at": "2026-01-01"} for i in range(54)]
    assert engine("", incidents=rows).value("events.fire_rate").text == "74‰"


def test_a_ratio_over_nothing_is_nothing():
    assert engine("", enterprises=[]).value("firms.rate").text == "—"


def test_where_something_is_left_a_rate_is_not_100():
    rows = [{"found": 100_000, "rectified": 99_999}]
    assert engine("", enterprises=rows).value("firms.rate").text == "99.99%"


def test_18_accidents_against_26_are_30_8_percent_down():
    rows = [
        {"kind": "accident", "at": f"{year}-05-01"} for year, n in ((2026, 18), (2025, 26)) for _ in range(n)
    ]
    found = engine("", incidents=rows, period="2026").value("events.accidents_yoy")
    assert (found.told("zh"), found.told("en"), found.value) == ("下降30.8%", "down 30.8%", Decimal("-30.8"))


def test_a_rate_rises_by_points_and_not_by_per_cent():
    rows = [
        {"found_on": f"{year}-05-01", "state": "closed" if i < n else "found"}
        for year, n in ((2026, 97), (2025, 93))
        for i in range(100)
    ]
    text = '[x]\nchange = "hazards.rate"\nas = "delta"\ndecimals = 0'
    found = told(text, major_hazards=rows, period="2026")
    assert (found.text, found.unit) == ("上升4", "个百分点")


def test_a_change_without_a_period_or_from_nothing_is_nothing():
    rows = [{"kind": "accident", "at": "2026-05-01"}]
    assert engine("", incidents=rows).value("events.accidents_yoy").value is None
    assert engine("", incidents=rows, period="2026").value("events.accidents_yoy").value is None


def test_a_total_and_a_difference_are_of_one_unit():
    text = '[a]\ncount = "records"\n[b]\ncount = "records"\nwhere = ["state == closed"]\n[sum]\ntotal = ["own.a", "own.b"]\n[left]\nminus = ["own.a", "own.b"]'
    made = engine(OWN + text, major_hazards=HAZARDS)
    assert (made.value("own.sum").value, made.value("own.left").value, made.value("own.left").unit) == (
        7,
        3,
        "处",
    )


def test_a_given_number_says_where_it_is_from_and_is_never_counted():
    text = '[x]\ngiven = 164653\nunit = "家"\nsource = "市场监管局登记数"\nby = "统计科"\non = 2024-12-31\nperiod = "2024"'
    found = told(text)
    assert (found.text, found.status, found.period, found.source) == (
        "164,653",
        "given",
        "2024",
        "市场监管局登记数，2024-12-31",
    )


def test_numbers_add_up_as_decimals_do():
    import numpy as np

    codes = np.array([0, 0, 0, 1])
    assert sums_by(np.array([0.1, 0.2, 0.3, 1e-7]), codes, 2) == [Fraction(6, 10), Fraction(1, 10**7)]


# -- ids, members, names, addresses


def test_a_member_of_a_group_has_an_id():
    made = engine("", risk_points=[{"tier": "major"}, {"tier": "low"}])
    assert made.value("points.tier.major").value == 1
    with pytest.raises(RiskmapError, match=r"points\.tier\.major"):
        made.value("points.tier.majr")


def test_a_figure_that_was_renamed_is_found_by_its_old_id():
    made = engine(OWN + '[x]\ncount = "records"\nformerly = ["hazard.total"]', major_hazards=HAZARDS)
    assert made.value("hazard.total").id == "own.x"


def test_figures_are_found_by_the_words_of_reports_and_their_unit():
    made = engine("", enterprises=[{"found": 16_834, "rectified": 12_341}])
    assert [one.id for one in named(made, "隐患整改率", unit="%")] == ["firms.rate", "hazards.listed_rate"]
    assert named(made, "查出 隐患", unit="处")[0].value == 16_834
    assert named(made, "没有这个名字") == ()


def test_the_address_of_a_figure_leads_to_its_records():
    made = engine(OWN + '[x]\ncount = "records"\nby = "state"', period="2026", major_hazards=HAZARDS)
    found = made.value("own.x")
    assert made.codes(found.query) == ["R0001", "R0002"]
    assert {one.member: len(made.codes(one.query)) for one in found.groups} == {
        one.member: one.count for one in found.groups
    }


def test_an_address_is_read_back_as_it_was_written():
    address = Address(
        ("slopes", "waterlogging"),
        ("height_m >= 12", 'name ~ "甲&乙=1"'),
        ("甲街道", "乙街道"),
        "2026-11-01",
        "边坡 12",
        "q8jow6Bgl3o",
    )
    assert Address.parse(str(Address(()))) == Address(())
    assert Address.parse(str(address)) == address
    with pytest.raises(RiskmapError, match="colour"):
        Address.parse("layers=slopes&colour=red")


# -- what is refused


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[x]\ncount = "records"\nwher = ["state == closed"]', "did you mean where"),
        ('[x]\ncount = "records"\nwhere = ["stat == closed"]', "stat"),
        ('[x]\ncount = "records"\nwhere = ["state == clsed"]', "did you mean closed"),
        ('[x]\nsum = "cots"', "cost"),
        ('[x]\nsum = "cause"', "a field of numbers"),
        ('[x]\nsum = "cost"', "the unit of the field"),
        ('[x]\nover = "hazzards"\ncount = "records"', "did you mean hazards"),
        ('[x]\ncount = "records"\nsum = "cost"', "exactly one measure"),
        ('[x]\ntitle = "无算法"', "exactly one measure"),
        ('[x]\ncount = "records"\nby = "secter"', "sector"),
        ('[x]\ncount = "records"\ndate = "cost"', "found_on"),
        ('[x]\ncount = "moves"\nto = "clsd"', "closed"),
        ('[x]\nratio = ["own.a", "hazards.found"]', "own.a"),
        ('[x]\nratio = ["hazards.found", "firms.checked"]', "figures of one unit"),
        ('[x]\ntotal = ["hazards.found", "hazards.money"]', "figures of one unit"),
        ('[x]\nfunnel = ["found", "closd"]', "closed"),
        ('[x]\nchecklist = "pictures"', "fields.present"),
        ('[x]\ngiven = 3\nunit = "家"', "where it comes from"),
        ('[x]\nover = "persons"\ndistinct = "phone"', "personal"),
        ('[x]\nover = "persons"\ncount = "records"\nby = "person"', "subdistrict"),
        ('[x]\nover = "slopes"\nbalance = "height_m"\nunit = "m"', "a rollup that is a balance"),
        ('[x]\nover = "event"\ncount = "records"', "a date"),
        ('[x]\nratio = ["own.x", "hazards.found"]\nas = "plain"', "lead back"),
        (
            '[x]\nratio = ["own.y", "hazards.found"]\nas = "plain"\n[y]\nratio = ["own.x", "hazards.found"]\nas = "plain"',
            "lead back",
        ),
    ],
)
def test_a_figure_that_cannot_be_read_is_named_with_place_and_remedy_and_the_others_go_on(text, said):
    found = figures(OWN + '[good]\ncount = "records"\n' + text)
    assert "own.good" in found.usable
    assert {one.id for one in found.failed} >= {"own.x"}
    message = next(one for one in found.failed if one.id == "own.x")
    assert "own.toml" in message.message.en
    assert said in f"{message.message.en} {message.remedy.en}"


def test_a_file_that_is_no_toml_takes_nothing_else_with_it():
    found = figures("over = [")
    assert [one.id for one in found.failed] == ["own"]
    assert len(found.usable) > 100


def test_every_shipped_figure_loads_against_every_shipped_layer():
    files = [(name, text, True) for name, text in default_figures().items()]
    found = bind_figures(files, shipped(), {})
    assert not found.failed
    assert not found.idle


def test_a_shipped_figure_over_a_layer_that_is_not_there_is_idle_and_no_failure():
    layers = {key: value for key, value in shipped().items() if key != "alerts"}
    files = [(name, text, False) for name, text in default_figures().items()]
    found = bind_figures(files, layers, {})
    assert not found.failed
    assert {"events.alerts", "events.handled_rate"} <= set(found.idle)
    assert "events.drills" in found.usable


def test_a_workspaces_figure_over_a_layer_that_is_not_there_fails_by_name():
    found = figures('[x]\nover = "firework_stalls"\ncount = "records"')
    assert [one.id for one in found.failed] == ["own.x"]


@pytest.mark.parametrize("name", sorted(default_figures()))
def test_shipped_figures_have_titles_in_both_languages(name):
    every = bind_figures([(n, t, True) for n, t in default_figures().items()], shipped(), {})
    for figure_id in (one for one in every.usable if one.startswith(name.removesuffix("toml"))):
        figure = every.usable[figure_id].figure
        assert figure.title is not None, figure_id
        assert figure.title.zh != figure.title.en, figure_id
