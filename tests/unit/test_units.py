from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmap.units import convertible, parse_quantity


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("21.4米", "m", 21.4),
        ("5660cm", "m", 56.6),
        ("350毫米", "m", 0.35),
        ("0.8米", "m", 0.8),
        ("453个", "", 453.0),
        ("12人", "persons", 12.0),
        ("1,234.5", "", 1234.5),
        ("１２．５米", "m", 12.5),
        ("1.2亿元", "万元", 12000.0),
        ("3亩", "m2", 2000.0),
        ("2 公顷", "m²", 20000.0),
        ("35°", "°", 35.0),
    ],
)
def test_a_quantity_is_read_in_the_unit_of_the_layer(text: str, unit: str, value: float):
    assert parse_quantity(text, unit) == value


@pytest.mark.parametrize(
    ("text", "unit"),
    [("12米左右", "m"), ("约12", "m"), ("12kg", "m"), ("较高", ""), ("", "m"), ("-", "m"), ("米", "m")],
)
def test_what_is_not_such_a_quantity_is_refused(text: str, unit: str):
    assert parse_quantity(text, unit) is None


def test_the_unit_in_the_cell_wins_over_the_header():
    assert parse_quantity("35", "m", header_unit="cm") == 0.35
    assert parse_quantity("35cm", "m", header_unit="mm") == 0.35


@given(
    value=st.decimals(-9999, 9999, places=3),
    pair=st.sampled_from([("m", "cm"), ("m2", "亩"), ("万元", "元"), ("t", "kg")]),
)
def test_a_conversion_and_its_inverse_are_exact(value, pair: tuple[str, str]):
    there, back = convertible(*pair), convertible(*reversed(pair))
    assert there is not None
    assert back is not None
    assert there * back == 1
    assert parse_quantity(f"{value}{pair[0]}", pair[0]) == float(value)
