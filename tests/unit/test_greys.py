"""What is printed without colour keeps the order of the tiers, and tells what is no risk from what is one."""

from __future__ import annotations

import re
from itertools import pairwise

from riskmap.reports.map_drawing import symbol_svg
from riskmap.reports.map_sheet import MapSheet
from riskmap.vocabulary import GRADES, TIER_GREYS, TIERS, WEIGHT_OF
from riskmap.web.pages.overview.risks import _shades
from riskmap.web.widgets.panels import FigureRef, Number
from tests.present_samples import inventory

FEW_AND_MANY = [Number(f"{n}", FigureRef("points.street_tier"), "", n) for n in (1, 40, 900)]


def grey(css: str) -> int:
    return sum(int(one) for one in re.findall(r"\d+", css))


def test_in_the_table_of_the_overview_the_worse_tier_is_the_darker_on_paper_however_few_there_are():
    of = {tier: [grey(one.paper_ground) for one in _shades(FEW_AND_MANY, tier) if one] for tier in TIERS}
    for worse, better in pairwise(TIERS):
        assert max(of[worse]) < min(of[better])
    assert all(a > b for some in of.values() for a, b in pairwise(some))  # and the more the darker


def test_numbers_on_dark_cells_are_white_and_on_light_ones_dark():
    inks = {tier: {one.paper_ink for one in _shades(FEW_AND_MANY, tier) if one} for tier in TIERS}
    assert inks["major"] == inks["large"] == {"#ffffff"}
    assert "#ffffff" not in inks["general"] | inks["low"]


def test_on_a_grey_map_each_grade_of_what_is_no_risk_has_a_symbol_that_no_tier_has():
    look = MapSheet(inventory(), grey=True).look
    drawn = {one: symbol_svg("house", weight, look) for one, weight in WEIGHT_OF.items()}
    grades = [drawn[one] for one in GRADES.values()]
    assert len(set(grades)) == len(grades)
    dark = [TIER_GREYS[one] for one in ("major", "large", "general")]
    assert not any(f'fill="{one}"' in symbol for symbol in grades for one in dark)
    assert all('stroke="#222"' in symbol for symbol in grades)
