"""Conditions: what can be written, what it means, and what is refused."""

from __future__ import annotations

import contextlib
import dataclasses
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmap.catalog import Condition
from riskmap.catalog.flow import Flow, FlowState, Move
from riskmap.catalog.layer import Field, state_field
from riskmap.errors import SelectionError, Text
from riskmap.rules.arrays import folded
from riskmap.selection import Selection, build_snapshot, counts, parse_where, select
from riskmap.vocabulary import RANK_OF
from tests.selection_made import CATALOG, GRIDS, HOUSES, condition, grids, houses, places


@pytest.fixture(scope="module")
def snap():
    return build_snapshot(
        {HOUSES.id: houses(400), GRIDS.id: grids(10)}, CATALOG, places(), state=1, today=date(2025, 6, 1)
    )


@pytest.mark.parametrize(
    ("text", "column", "op", "values"),
    [
        ("slope_height>=12", "f:slope_height", ">=", (12.0,)),
        ("坡高 ≥ 12米", "f:slope_height", ">=", (12.0,)),
        ("边坡高度 < 350cm", "f:slope_height", "<", (3.5,)),
        ("Slope Height = 1,200", "f:slope_height", "==", (1200.0,)),
        ("people in 1, 2，3", "f:people", "in", (1.0, 2.0, 3.0)),
        ("people in (1,2)", "f:people", "in", (1.0, 2.0)),
        ("kind = 煤气", "f:kind", "==", ("gas",)),
        ("类别 in 火灾,gas", "f:kind", "in", ("fire", "gas")),
        ("室内 = 是", "f:indoor", "==", (True,)),
        ("indoor != no", "f:indoor", "!=", (False,)),
        ("排查日期 > 2024-05-01", "f:surveyed_on", ">", ("2024-05-01",)),
        ("address ~ a>b, in c", "f:address", "~", ("a>b, in c",)),
        ('address == " a "', "f:address", "==", (" a ",)),
        ('name in "甲,乙", 丙', "name", "in", ("甲,乙", "丙")),
        ("地址 包含 东路", "f:address", "~", ("东路",)),
        ("people missing", "f:people", "missing", ()),
        ("人数 非空", "f:people", "present", ()),
        ("等级 = 重大", "tier", "==", ("major",)),
        ("tier >= 较大", "tier", ">=", ("large",)),
        ("状态 = 未评", "state", "==", ("unrated",)),
        ("flags = 疑似重复", "flags", "==", ("possible_duplicate",)),
        ("score > 70", "score", ">", (70.0,)),
        ("odd a>=b, 'x' name > 3", "f:odd a>=b, 'x' name", ">", (3.0,)),
    ],
)
def test_a_condition_is_read_as_written(text, column, op, values):
    found = parse_where(text, HOUSES)
    assert (found.field, found.op, found.values) == (column, op, values)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("slope_hieght > 3", "did you mean slope_height"),
        ("坡髙 > 3", "did you mean 坡高"),
        ("slope_height", "cannot be read"),
        ("", "cannot be read"),
        ("> 3", "cannot be read"),
        ("slope_height > 高", "is not a number"),
        ("slope_height > 3人", "is not a number"),
        ("slope_height > nan", "is not a number"),
        ("slope_height ~ 3", "does not apply"),
        ("address < 3", "does not apply"),
        ("surveyed_on > 2024/05/01", "is not a date"),
        ("indoor = perhaps", "is not true or false"),
        ("kind = fier", "did you mean fire"),
        ("tier = majr", "did you mean major"),
        ("flags = stal", "did you mean stale"),
        ("people in", "cannot be read"),
        ("people in ()", "no value"),
        ("people =", "no value"),
        ("1=1; DROP TABLE feature", "no field"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_remedy(text, says):
    with pytest.raises(SelectionError, match=says):
        parse_where(text, HOUSES)


def test_a_condition_may_be_read_against_several_layers():
    assert parse_where("area > 3", [HOUSES, GRIDS]).field == "f:area"
    with pytest.raises(SelectionError):
        parse_where("area > 3", HOUSES)


def test_a_field_with_the_name_of_a_core_column_wins_by_its_id():
    layer = HOUSES.model_copy(
        update={"fields": (Field(id="score", title=Text("自评分", "Own score"), type="text"),)}
    )
    assert parse_where("score ~ a", layer).field == "f:score"
    assert parse_where("分值 > 3", layer).field == "score"


def expected(snap, test):
    table = snap.table(HOUSES.id)
    return [i for i, row in enumerate(table.to_pylist()) if test(row)]


CASES = {
    "slope_height > 300": lambda r: r["f:slope_height"] is not None and r["f:slope_height"] > 300,
    "slope_height missing": lambda r: r["f:slope_height"] is None,
    "likelihood != 0.5": lambda r: r["f:likelihood"] not in {None, 0.5},
    "likelihood in 0.5,6": lambda r: r["f:likelihood"] in {0.5, 6.0},
    "people <= 100": lambda r: r["f:people"] is not None and r["f:people"] <= 100,
    "indoor = true": lambda r: r["f:indoor"] is True,
    "indoor != true": lambda r: r["f:indoor"] is False,
    "indoor missing": lambda r: r["f:indoor"] is None,
    "kind = 火灾": lambda r: r["f:kind"] == "fire",
    "kind != 火灾": lambda r: r["f:kind"] == "gas",
    "kind missing": lambda r: r["f:kind"] is None,
    "kind present": lambda r: r["f:kind"] is not None,
    "surveyed_on >= 2024-05-01": lambda r: r["f:surveyed_on"] is not None,
    "surveyed_on > 2024-05-01": lambda r: False,
    "updated_at = 2025-03-01": lambda r: True,
    "address ~ 东路1": lambda r: r["f:address"] is not None and "东路1" in r["f:address"],
    "name ~ 厂房a": lambda r: r["name"] is not None,
    "name missing": lambda r: r["name"] is None,
    "subdistrict ~ 桂园": lambda r: r["subdistrict"] == "桂园街道",
    "subdistrict missing": lambda r: r["subdistrict"] is None,
    "lon missing": lambda r: r["lon"] != r["lon"],
    "lon > 114.1": lambda r: r["lon"] > 114.1,
    "lon != 114.1": lambda r: r["lon"] == r["lon"],
    "score present": lambda r: r["rank"] != 1,
    "tier = 低": lambda r: r["rank"] == RANK_OF["low"],
    "tier != 低": lambda r: r["rank"] not in {RANK_OF["low"], RANK_OF["unrated"]},
    "tier >= general": lambda r: r["rank"] >= RANK_OF["general"],
    "tier < general": lambda r: r["rank"] == RANK_OF["low"],
    "tier missing": lambda r: r["rank"] == RANK_OF["unrated"],
    "tier in major,unrated": lambda r: r["rank"] in {RANK_OF["major"], RANK_OF["unrated"]},
    "state != rated": lambda r: r["rank"] == RANK_OF["unrated"],
    "flags = unlocated": lambda r: r["lon"] != r["lon"],
    "flags != unlocated": lambda r: r["lon"] == r["lon"],
    "flags missing": lambda r: r["flags"] == 0,
    "contacts >= 1": lambda r: r["contacts"] >= 1,
    "code = RP-0000007": lambda r: r["code"] == "RP-0000007",
    "odd a>=b, 'x' name missing": lambda r: True,
}


@pytest.mark.parametrize("text", CASES)
def test_a_condition_means_what_it_says(snap, text):
    selection = Selection(layers=(HOUSES.id,), where=(parse_where(text, HOUSES),))
    assert select(snap, selection).rows[HOUSES.id].tolist() == expected(snap, CASES[text])


def test_a_layer_that_lacks_the_field_has_no_such_records(snap):
    selection = Selection(where=(parse_where("area >= 5", GRIDS),))
    found = counts(snap, selection)
    assert (found.summary(layer=HOUSES.id)["total"], found.summary(layer=GRIDS.id)["total"]) == (0, 5)
    with pytest.raises(SelectionError, match="no field 'area'"):
        counts(snap, dataclasses.replace(selection, layers=(HOUSES.id,)))


@pytest.mark.parametrize(
    "where",
    [
        condition("f:slope_height", ">", ("x",)),
        condition("f:slope_height", "~", (1.0,)),
        condition("f:address", "==", (1.0,)),
        condition("f:indoor", ">", (True,)),
        condition("f:indoor", "==", ("true",)),
        condition("f:people", "==", ()),
        condition("f:people", ">", (1.0, 2.0)),
        condition("f:people", "missing", (1.0,)),
        condition("tier", ">", ("unrated",)),
        condition("tier", "==", ("purple",)),
        condition("state", "<", ("rated",)),
        condition("flags", "==", ("none",)),
        condition("shape", "present"),
        condition("rank", "==", (1.0,)),
        condition("f:nothing", "present"),
    ],
)
def test_a_condition_from_elsewhere_is_checked_against_the_column(snap, where):
    with pytest.raises(SelectionError):
        select(snap, Selection(layers=(HOUSES.id,), where=(where,)))


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused_and_nothing_else(text):
    with contextlib.suppress(SelectionError):
        assert isinstance(parse_where(text, [HOUSES, GRIDS]), Condition)


def test_rank_and_score_agree(snap):
    table = snap.table(HOUSES.id)
    assert np.isnan(table["score"].to_numpy()[table["rank"].to_numpy() == RANK_OF["unrated"]]).all()


ODD_OR_PLAIN = st.text(
    st.characters(codec="utf-8") | st.sampled_from("aB·Ａ（１）ﬁ①甲〇㈱が\u3099\u0301"), max_size=8
)


@given(st.lists(st.lists(st.none() | ODD_OR_PLAIN, max_size=4), max_size=3))
def test_texts_are_folded_as_if_every_character_were_looked_up(chunks):
    column = pa.chunked_array(chunks, pa.string())
    assert folded(column).equals(pc.utf8_lower(pc.utf8_normalize(column, form="NFKC")))


@pytest.mark.parametrize(
    ("word", "day"), [("today", "2026-11-29"), ("today+7", "2026-12-06"), ("今天 - 90", "2026-08-31")]
)
def test_a_day_is_told_by_its_distance_from_today(word, day):
    read = parse_where(f"surveyed_on < {word}", HOUSES, today=date(2026, 11, 29))
    assert (read.values, read.than) == ((day,), "")


def test_a_number_is_compared_with_another_field(snap):
    read = parse_where("people > slope_height", HOUSES)
    assert (read.value, read.than, str(read)) == (None, "f:slope_height", "people > slope_height")
    found = select(snap, Selection(where=(read,))).rows
    table = snap.table(HOUSES.id)
    people, height = (
        pc.fill_null(table[f"f:{name}"].cast("double"), float("nan")).to_numpy()
        for name in ("people", "slope_height")
    )
    with np.errstate(invalid="ignore"):
        assert len(found[HOUSES.id]) == int((people > height).sum()) > 0
    assert Selection.from_text(Selection(where=(read,)).to_text()) == Selection(where=(read,))


def test_a_day_is_not_compared_with_a_number():
    with pytest.raises(SelectionError, match="today"):
        parse_where("surveyed_on < people", HOUSES)


def with_flow(layer):
    states = [
        FlowState(id=i, title=Text(t, i), closed=i == "closed")
        for i, t in (("found", "已发现"), ("closed", "已销号"))
    ]
    move = Move(id="close", title=Text("销号", "Close"), from_=("found",), to="closed")
    flow = Flow(start="found", found="surveyed_on", states=tuple(states), moves=(move,))
    return layer.model_copy(update={"flow": flow, "fields": (state_field(flow), *layer.fields)})


def test_state_means_that_of_the_flow_and_rated_where_some_layer_has_none():
    flowing = with_flow(GRIDS)
    assert parse_where("状态 = 已销号", flowing) == Condition(field="f:state", op="==", value="closed")
    assert parse_where("state in found, closed", [HOUSES, flowing]).field == "f:state"
    assert parse_where("state = unrated", [HOUSES, flowing]) == Condition(
        field="state", op="==", value="unrated"
    )
    with pytest.raises(SelectionError):
        parse_where("state = unrated", flowing)
