"""Who must move: nobody twice, nobody forgotten, and no unknown taken for zero."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from riskmap.response.people import threatened
from riskmap.values.evacuation import Declared, Threatened, Zone

LON, LAT = 114.1, 22.55
METRE = 1 / 102_860  # a degree of longitude at 22.55° N is 102.86 km
Row = tuple[str, str | None, float | None, float | None, tuple[str, ...]]


def table(*rows: Row) -> Declared:
    """Rows of (code, household, metres east of the origin or None, people or None, names)."""
    n = len(rows)
    lon = np.array([np.nan if r[2] is None else LON + r[2] * METRE for r in rows])
    return Declared(
        [r[0] for r in rows],
        [r[1] for r in rows],
        lon,
        np.where(np.isnan(lon), np.nan, LAT),
        np.array([np.nan if r[3] is None else r[3] for r in rows], np.float64),
        [r[4] for r in rows],
        [any(name.startswith("Z") for name in r[4]) for r in rows],
        *(np.full(n, np.nan) for _ in range(3)),
    )


def kinds(found: Threatened) -> list[tuple[str, str]]:
    return [(one.code, one.kind) for one in found.incomplete]


def counts(found: Threatened) -> dict[str, int]:
    return dict(zip(found.demands.code, found.demands.people.tolist(), strict=True))


ROUND = Zone("Z1", LON, LAT, 100.0)
SQUARE = Zone(
    "Z2",
    LON,
    LAT,
    shape=shapely.to_wkb(shapely.box(LON - 50 * METRE, LAT - 0.001, LON + 50 * METRE, LAT + 0.001)),
)


def test_a_household_inside_two_zones_counts_once_and_names_both():
    found = threatened(
        table(("H1", None, 20, 4, ()), ("H2", None, 80, 3, ()), ("H3", None, 130, 9, ())), [ROUND, SQUARE]
    )
    assert counts(found) == {"H1": 4, "H2": 3}
    assert found.zones == (("Z1", "Z2"), ("Z1",))
    assert kinds(found) == []


def test_rows_of_one_household_are_one_and_the_larger_number_counts():
    found = threatened(table(("H1", None, 500, 4, ()), ("H1", None, 20, 5, ("Z9",))), [ROUND, Zone("Z9")])
    assert counts(found) == {"H1": 5}
    assert found.zones == (("Z1", "Z9"),)
    assert abs(found.demands.lon[0] - LON - 20 * METRE) < 1e-9  # of two addresses the threatened one
    assert kinds(found) == [("H1", "numbers")]


def test_a_household_and_its_members_listed_beside_it_count_once():
    rows = table(
        ("H1", None, 500, 3, ()), ("P1", "H1", 20, 1, ()), ("P2", "H1", 500, 1, ()), ("P3", "H1", 500, 1, ())
    )
    assert counts(threatened(rows, [ROUND])) == {"H1": 3}
    # Numbers that merely look alike join nobody: each row here has a household of its own.
    rows = table(("1", "1", 0, 1, ()), ("2", "1", 0, 1, ()), ("3", "2", 0, 1, ()))
    found = threatened(rows, [ROUND])
    assert counts(found) == {"1": 1, "2": 1, "3": 1}
    assert found.demands.group == ["1", "1", "2"]


def test_a_zone_without_a_figure_is_named_and_a_stated_zero_is_a_figure():
    assert kinds(threatened(table(("H1", None, 900, 4, ())), [ROUND])) == [("Z1", "zone")]
    assert kinds(threatened(table(("H1", None, 0, 0, ())), [ROUND])) == []
    found = threatened(table(("H1", None, 0, None, ())), [ROUND])
    assert kinds(found) == [("H1", "people"), ("Z1", "zone")]
    assert counts(found) == {}


def test_people_without_position_take_that_of_the_zone_they_name():
    found = threatened(
        table(("H1", None, None, 4, ("Z1",)), ("H2", None, None, 2, ("Z5",))), [ROUND, Zone("Z5")]
    )
    assert counts(found) == {"H1": 4, "H2": 2}
    assert (found.demands.lon[0], bool(np.isnan(found.demands.lon[1]))) == (LON, True)
    assert kinds(found) == [("H2", "position")]


def test_people_of_whom_it_is_not_known_whether_they_are_threatened_are_named():
    rows = table(
        ("H0", None, 0, 1, ()),
        ("H1", None, None, 4, ()),
        ("H2", None, None, 4, ("桂园社区",)),
        ("H3", None, None, 4, ("Z7",)),
        ("H4", None, None, 0, ()),
    )
    assert kinds(threatened(rows, [ROUND])) == [("H1", "place"), ("H2", "place")]
    # Where the zones are names alone, a community that is none of them tells enough.
    assert kinds(threatened(rows, [Zone("G1")])) == [("H1", "place"), ("G1", "zone")]


@st.composite
def tables(draw: st.DrawFn) -> tuple[Declared, Sequence[Zone]]:
    rows: list[Row] = []
    for i in range(draw(st.integers(0, 12))):
        code = f"H{draw(st.integers(0, 8))}" if draw(st.booleans()) else f"X{i}"
        where = draw(st.one_of(st.none(), st.floats(-300, 300)))
        people = draw(st.one_of(st.none(), st.integers(0, 9)))
        rows.append(
            (
                code,
                None,
                where,
                people,
                tuple(draw(st.lists(st.sampled_from(["Z1", "Z2", "Z3", "G"]), max_size=2))),
            )
        )
    some = draw(st.lists(st.sampled_from([ROUND, SQUARE, Zone("Z3"), Zone("G")]), unique=True))
    return table(*rows), some


@given(tables())
@settings(max_examples=150)
def test_whoever_is_in_a_zone_is_counted_once_or_named(case: tuple[Declared, Sequence[Zone]]):
    declared, zones = case
    found = threatened(declared, zones)
    assert len(set(found.demands.code)) == len(found.demands.code)
    named = {one.code for one in found.incomplete}
    inside_of = {z.code for z in zones}
    for i, code in enumerate(declared.code):
        if set(declared.zones[i]) & inside_of:
            assert code in found.demands.code or code in named
        if np.isnan(declared.lon[i]) and not declared.zones[i] and declared.people[i] > 0:
            assert (
                code in named
                or code in found.demands.code
                or any(
                    c == code and not np.isnan(x) for c, x in zip(declared.code, declared.lon, strict=True)
                )
                or any(c == code and z for c, z in zip(declared.code, declared.zones, strict=True))
            )
    covered = {code for mine in found.zones for code in mine}
    assert inside_of <= covered | named
