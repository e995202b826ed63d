"""Formulas as nodes of a model: worked values from a file, directions, unknowns, and every mistake named."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmap.catalog.model_direction import polarities
from riskmap.errors import CatalogError
from riskmap.formulas.registry import FORMULAS
from riskmap.scoring import contributions
from riskmap.scoring.explanation import reference_score
from tests.index_models import columns, head, layer_of, leaf, model_of, scored


def formula(name: str, which: str, inputs: dict[str, str], constants: str = "", extra: str = "") -> str:
    listed = ", ".join(f'{k} = "{v}"' for k, v in inputs.items())
    return (
        f'[[combinations]]\nid = "{name}"\ntitle = {{ zh = "{name}", en = "{name}" }}\nmethod = "formula"\n'
        f'formula = "{which}"\ninputs = {{ {listed} }}\nconstants = {{ {constants} }}\nsource = "t"\n{extra}\n'
    )


# Safety to danger: 1.5 and above is 0, 1 is 2, half is 3.
DANGER = "curve = [[0, 4], [0.5, 3], [1, 2], [1.5, 0]]"
SLOPE = (
    head("danger", major=2.5, large=2, general=1)
    + leaf("c", 'worse = "lower"', reference=20)
    + leaf("z", reference=1)
    + leaf("theta", reference=10)
    + leaf("m")
    + formula(
        "danger",
        "infinite_slope",
        {"cohesion": "c", "depth": "z", "angle": "theta", "wetness": "m"},
        "friction = 32, weight = 19",
        DANGER,
    )
)
# Rain of a design storm to the depth in the spot: STANDARDS 3.
POND = (
    head("depth", major=0.6, large=0.4, general=0.15)
    + leaf("ha")
    + leaf("cn", reference=50)
    + leaf("drain", 'worse = "lower"', reference=5)
    + formula("left", "ponded_volume", {"area_ha": "ha", "curve_number": "cn", "drain": "drain"}, "rain = 100, hours = 3")
    + formula("depth", "cone_depth", {"volume": "left"}, "run = 100")
)  # fmt: skip


def test_an_infinite_slope_scores_its_worked_values():
    found = scored(SLOPE, {"c": [8.0] * 3, "z": [2.0] * 3, "theta": [38.0] * 3, "m": [0.0, 0.5, 1.0]})
    expect = np.interp([1.2337, 1.0273, 0.8208], [0, 0.5, 1, 1.5], [4, 3, 2, 0])
    np.testing.assert_allclose(found.score, expect, atol=5e-4)


def test_rain_becomes_runoff_becomes_depth_as_in_the_worked_value():
    found = scored(POND, {"ha": [12.0, 12.0, 0.0], "cn": [92.0, 75.0, 92.0], "drain": [0.4, 0.4, 0.4]})
    assert found.score[0] == pytest.approx(0.781, abs=5e-4)
    assert found.score[1:].tolist() == pytest.approx(
        [np.cbrt(3 * (41.137 * 120 - 4320) / (np.pi * 1e4)), 0], abs=1e-3
    )


def test_an_impossible_or_missing_number_leaves_the_point_unrated_and_is_named():
    found = scored(
        SLOPE,
        {"c": [8.0, np.nan, -1.0], "z": [2.0, 2.0, 0.0], "theta": [95.0, 30.0, 30.0], "m": [0.0, 0.0, 0.0]},
    )
    assert np.isnan(found.score).all()
    assert (found.rank == found.rank[0]).all()
    assert "c" in found.missing[1]
    assert found.missing[0]
    assert found.missing[2]


def test_level_ground_is_firm_and_not_unknown():
    found = scored(SLOPE, {"c": [8.0], "z": [2.0], "theta": [0.0], "m": [1.0]})
    assert found.score[0] == 0


@given(st.tuples(st.floats(0, 30), st.floats(0.5, 10), st.floats(1, 60), st.floats(0, 1)))
def test_contributions_of_a_formula_sum_to_the_score(values):
    c, z, theta, m = values
    c2, m2 = 30 - c, 1 - m
    model, layer = model_of(SLOPE), layer_of("c", "z", "theta", "m")
    table = columns({"c": [c, c2], "z": [z, z], "theta": [theta, theta], "m": [m, m2]})
    score = scored(SLOPE, {"c": [c, c2], "z": [z, z], "theta": [theta, theta], "m": [m, m2]}).score
    parts = contributions(model, layer, table)
    np.testing.assert_allclose(sum(parts.values()) + reference_score(model), score, atol=1e-9)


@pytest.mark.parametrize("name", sorted(FORMULAS))
@given(data=st.data())
def test_every_formula_goes_the_way_that_its_parameters_promise(name, data):
    one = FORMULAS[name]

    def some(p) -> float:
        low, high = max(p.low, 0.001 if p.open_low else 0.0), min(p.high, p.low + 200.0)
        return data.draw(
            st.floats(low, high, exclude_min=p.open_low, exclude_max=p.open_high, allow_subnormal=False)
        )

    base = {key: some(p) for key, p in one.parameters.items()}
    for key, parameter in one.parameters.items():
        if parameter.sign == 0:
            continue
        other = some(parameter)
        low, high = sorted((base[key], other))
        least, most = (float(one({**base, key: np.array([v])})[0]) for v in (low, high))
        if np.isfinite(least) and np.isfinite(most):
            slack = 1e-9 * max(1.0, abs(least), abs(most))
            assert parameter.sign * (most - least) >= -slack, (key, low, high, least, most)


def test_directions_travel_through_a_formula():
    signs = polarities(model_of(SLOPE))
    assert (signs["c"], signs["z"], signs["m"], signs["theta"]) == ({-1}, {1}, {1}, {0})


def refused(text: str) -> dict[str, str]:
    with pytest.raises(CatalogError) as caught:
        model_of(text)
    assert all(p.line for p in caught.value.problems)
    return {p.key: p.text("en") for p in caught.value.problems}


def test_every_mistake_in_a_formula_node_is_named_at_once():
    text = head("f") + leaf("a") + leaf("b") + formula(
        "f", "scs_runoff", {"rain": "a", "curve_numbr": "b"}, "curve_number = 140, rain = 3"
    )  # fmt: skip
    found = refused(text)
    assert "did you mean curve_number?" in found["combinations[f].inputs.curve_numbr"]
    assert "a possible curve number" in found["combinations[f].constants.curve_number"]
    assert "inputs state it too" in found["combinations[f].constants.rain"]
    assert (
        "did you mean scs_runoff?"
        in refused(head("f") + leaf("a") + formula("f", "scs_runof", {"rain": "a"}))[
            "combinations[f].formula"
        ]
    )
    missing = refused(head("f") + leaf("a") + formula("f", "scs_runoff", {"rain": "a"}))
    assert "curve_number, curve number, in inputs or constants" in missing["combinations[f].inputs"]
    nowhere = refused(head("f") + leaf("a") + formula("f", "scs_runoff", {"rain": "aa"}, "curve_number = 90"))
    assert "did you mean a?" in nowhere["combinations[f].inputs.rain"]


def test_the_wrong_way_and_a_worst_value_without_a_way_are_refused():
    up = refused(
        SLOPE.replace(
            'field = "c"\nreference = 20\nsource = "t"\nworse = "lower"',
            'field = "c"\nreference = 20\nsource = "t"',
        )
    )
    assert 'worse = "lower"' in up["indicators[c].worse"]
    turned = SLOPE.replace(
        'field = "theta"\nreference = 10', 'field = "theta"\nmissing = "worst"\nworst = 60\nreference = 10'
    )
    assert "pulls both ways" in refused(turned)["indicators[theta].missing"]
