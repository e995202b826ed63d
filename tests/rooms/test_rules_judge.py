"""The one judge: a stated value gets one verdict, whichever door it comes through."""

# ruff: noqa: PD011, DTZ001 - `values` are those of what was judged; cells have no time zone

from __future__ import annotations

import ast
import datetime as dt
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Point

import riskmap
from riskmap.actions.records.editing import PointEdit, create_point, edit_point, edit_points
from riskmap.actions.workspace import create_workspace
from riskmap.catalog import load_catalog
from riskmap.errors import RefusedError, UnknownNameError
from riskmap.io.tables import read_file
from riskmap.io.tables.block import BlockReader
from riskmap.io.tables.headers import HeaderCell, Match
from riskmap.io.tables.layout import Header
from riskmap.io.tables.row_parts import Source
from riskmap.rules.judge import rules_of
from riskmap.values.records import CLEAR, Contact
from tests.ledger_files import ACTS

ROOT = Path(__file__).parents[2]
LAYERS = load_catalog(ROOT).layers
SLOPES = rules_of(LAYERS["slopes"])
HEIGHT = SLOPES.of("height_m")
TARGETS = [
    (layer, target)
    for layer in LAYERS.values()
    for target in (
        *("name", "subdistrict"),
        *layer.field_ids,
        *(f"checklist:{i.id}" for i in (layer.checklist.items if layer.checklist else ())[:2]),
        *(f"contact:{r.id}:{p}" for r in layer.contacts[:1] for p in ("name", "phone", "post", "verified")),
    )
]
DIRTY = [
    *(
        "",
        " ",
        "/",
        "无",
        "清空",
        " 清空 ",
        "12",
        " 12 ",
        "12.5",
        "１２．５",
        "12米",
        "1e1",
        "1,234",
        "-3",
        "0",
        "1",
        "500000",
    ),
    *(
        "12米左右",
        "a string",
        "有",
        "是 ",
        "√",
        "不涉及",
        "none",
        "2023-09-08",
        "2023年9月",
        "2023-09-08 05:00:00",
    ),
    *(
        "2023-09-08 00:00:00",
        "45177",
        "45177.5",
        "2023年13月8日",
        "#N/A",
        "#未计算",
        "张\u200b三",
        "12345",
        "13800000000",
    ),
    *(
        "138****0000",
        "张*",
        "1380013800",
        "0755-25500000",
        "=1+1",
        "字" * 301,
        "e" * 20_001,
        "\t甲\r\n乙",
        "\u3000甲\u3000",
    ),
    *("38512225.899999999", "1.38E+10", "桂园街道办", "True", "inf", "nan"),
]
TYPED = st.one_of(
    st.booleans(),
    st.integers(-(2**62), 2**62),
    st.integers(-5, 120),
    st.floats(),
    st.floats(-5, 120),
    st.floats(width=32).map(np.float32),
    st.dates(),
    st.datetimes(dt.datetime(1960, 1, 1), dt.datetime(2100, 1, 1)),
    st.none(),
)


def told(verdict):
    value, finding = verdict
    return value, type(value), finding and (finding.rule, finding.severity)


def in_column(rule, array):
    column = rule.column(array)
    said = {row: finding for row, _, finding in column.findings()}
    return [told((value, said.get(row))) for row, value in enumerate(column.values)]


def in_record(layer, target, stated):
    judged = rules_of(layer).record({target: stated})
    finding = next((f for t, f in judged.findings if t == target and f.rule != "masked"), None)
    return told((_of(judged.values, layer, target), finding))


def _of(values, layer, target):
    match target.split(":"):
        case ["checklist", item]:
            at = [i.id for i in layer.checklist.items].index(item)
            return values.get("checklist", [None] * (at + 1))[at]
        case ["contact", role, piece]:
            person = next((c for c in values.get("contacts", ()) if c.role == role), Contact(role))
            part = getattr(person, "verified_on" if piece == "verified" else piece)
            return CLEAR if part == CLEAR.value else part
    return values.get(target)


def in_file(layer, target, text):
    """The cell of a table that was read from a file."""
    header = Header(
        0,
        0,
        (Match(HeaderCell(0, ("编号",)), "code", "alias"), Match(HeaderCell(1, (target,)), target, "alias")),
    )
    columns = [pa.chunked_array([pa.array(["A"])]), pa.chunked_array([pa.array([text], pa.string())])]
    part = BlockReader(layer, rules_of(layer).names).read(
        Source("f", "s", header, columns, np.array([0]), [None]), None
    )
    issue = next((i for i in part.issues if i.field == target), None)
    values = {"name": part.name[0], "subdistrict": part.subdistrict[0]} | {
        k: v[0] for k, v in part.values.items()
    }
    values |= {"checklist": part.checklist[0]} if part.checklist else {}
    values |= {"contacts": part.contacts[0]} if part.contacts else {}
    value = _of({k: v for k, v in values.items() if v is not None}, layer, target)
    return value, type(value), issue and (issue.rule, issue.severity)


@settings(max_examples=400)
@given(st.sampled_from(TARGETS), st.one_of(st.sampled_from(DIRTY), st.text(max_size=12)))
def test_a_dirty_text_gets_one_verdict_from_every_door(target, text):
    layer, name = target
    rule = rules_of(layer).of(name)
    alone = told(rule.value(text))
    assert in_column(rule, pa.array([text, "12", text])) == [alone, told(rule.value("12")), alone]
    assert in_record(layer, name, text) == alone
    if not name.endswith(":verified"):  # a date alone names nobody
        assert in_file(layer, name, text) == alone


@pytest.mark.parametrize("text", DIRTY)
def test_every_dirty_text_gets_one_verdict_in_every_target(text):
    for layer, name in TARGETS:
        rule = rules_of(layer).of(name)
        assert in_column(rule, pa.array([text])) == [told(rule.value(text))], (layer.id, name)


@settings(max_examples=400)
@given(st.sampled_from(TARGETS), TYPED)
def test_a_typed_value_gets_the_verdict_of_its_text_from_every_door(target, stated):
    layer, name = target
    rule = rules_of(layer).of(name)
    alone = told(rule.value(stated))
    kind = pa.float32() if isinstance(stated, np.float32) else None
    assert in_column(rule, pa.array([stated, None], kind)) == [alone, told(rule.value(None))]
    assert in_record(layer, name, stated) == alone


@pytest.mark.parametrize(
    ("stated", "value", "rule"),
    [
        ("12.5", 12.5, None),
        ("12米", 12.0, None),
        ("１２．５", 12.5, None),
        ("1e1", 10.0, None),
        ("500000", None, "above_maximum"),
        (500000, None, "above_maximum"),
        ("a string", None, "not_a_number"),
        ("无", None, None),
        ("/", None, None),
        ("清空", CLEAR, None),
        (CLEAR, CLEAR, None),
        (True, None, "not_a_number"),
        (np.float32(0.1), 0.1, None),
        (float("inf"), None, "not_a_number"),
        (10**17, None, "not_a_number"),
        (1e-07, 1e-07, None),
        (float("nan"), None, None),
        (None, None, None),
        (pd.NA, None, None),
        (pd.NaT, None, None),
    ],
)
def test_a_height_is_judged_alike_as_a_text_and_as_a_number(stated, value, rule):
    found = HEIGHT.value(stated)
    assert (found.value, found.finding and found.finding.rule) == (value, rule)


@pytest.mark.parametrize(
    ("kind", "stated", "value", "rule"),
    [
        ("text", True, "是", None),
        ("boolean", 0, False, None),
        ("boolean", 1, True, None),
        ("boolean", 12, None, "not_yes_or_no"),
        ("integer", 12.5, None, "not_whole"),
        ("integer", 12.0, 12, None),
        ("date", dt.date(2023, 9, 8), "2023-09-08", None),
        ("date", dt.datetime(2023, 9, 8), "2023-09-08", None),
        ("date", dt.datetime(2023, 9, 8, 5), "2023-09-08", "time_dropped"),
        ("date", pd.Timestamp("2023-09-08 05:00"), "2023-09-08", "time_dropped"),
        ("date", np.datetime64("2023-09-08"), "2023-09-08", None),
    ],
)
def test_a_typed_value_goes_through_its_shortest_text(kind, stated, value, rule):
    layer, name = next((x, f.id) for x in LAYERS.values() for f in x.fields if f.type == kind)
    found = rules_of(layer).of(name).value(stated)
    assert (found.value, found.finding and found.finding.rule) == (value, rule)


def test_a_column_of_categories_and_of_moments_is_judged_as_its_values():
    assert HEIGHT.column(pa.array(["12米", None, "12米"]).dictionary_encode()).values == [12, None, 12]
    day = SLOPES.of("surveyed_on").column(pa.array([pd.Timestamp("2023-09-08 05:00")]))
    assert (day.values, [f.rule for _, _, f in day.findings()]) == (["2023-09-08"], ["time_dropped"])


def test_a_unit_in_the_header_holds_for_texts_and_for_numbers():
    assert HEIGHT.value("1200", unit="cm").value == 12
    assert HEIGHT.column(pa.array([1200.0]), unit="cm").values == [12]


def test_a_record_keeps_what_is_stated_and_names_what_is_refused():
    judged = SLOPES.record(
        {
            "name": " 甲 ",
            "height_m": "500000",
            "length_m": None,
            "slope_deg": CLEAR,
            "position": ("22.5", "114.1"),
        }
    )
    assert judged.values == {"name": "甲", "slope_deg": CLEAR, "position": (114.1, 22.5)}
    assert [(t, f.rule) for t, f in judged.findings] == [
        ("height_m", "above_maximum"),
        ("position", "swapped_axes"),
    ]
    assert "坡高" in judged.said("BP1", "error")[0].zh
    assert "height_m" not in judged.said("BP1", "error")[0].zh


def test_rows_of_columns_are_judged_as_records():
    columns = {
        "height_m": pa.array([12.0, 500000.0, None]),
        "longitude": pa.array([22.5, 114.1, None]),
        "latitude": pa.array([114.1, None, None]),
        "name": pa.array(["甲", "清空", None]),
    }
    rows = SLOPES.columns(columns)
    assert [row.values for row in rows.rows] == [
        {"height_m": 12, "name": "甲", "position": (114.1, 22.5)},
        {"name": CLEAR},
        {},
    ]
    assert [(i, t, f.rule) for i, t, f in rows.findings] == [
        (0, "position", "swapped_axes"),
        (1, "height_m", "above_maximum"),
        (1, "position", "half_position"),
    ]


def test_what_a_layer_does_not_have_is_named():
    with pytest.raises(UnknownNameError, match="height_m"):
        SLOPES.record({"hight_m": 3})


def test_a_mask_stands_for_nothing_where_nothing_is_known():
    role = LAYERS["slopes"].contacts[0].id
    judged = SLOPES.record({"contacts": (Contact(role, "张*", "138****0000"),)})
    assert [(t, f.rule) for t, f in judged.errors] == [
        (f"contact:{role}:name", "masked"),
        (f"contact:{role}:phone", "masked"),
    ]


def test_only_the_rules_make_judged_values():
    made = {
        (path.parent.name, path.name)
        for path in Path(riskmap.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and getattr(node.func, "attr", getattr(node.func, "id", "")) in {"Judged", "JudgedRows"}
    }
    assert made == {("rules", "judge.py")}


@pytest.mark.parametrize("ending", ["gpkg", "geojson", "parquet"])
def test_a_typed_file_is_judged_as_its_values(tmp_path, ending):
    stated = {
        "code": ["A", "B", "C"],
        "name": ["甲", None, " 乙 "],
        "height_m": [500000.0, 12.25, float("nan")],
        "length_m": np.array([0.1, 7, 1e6], np.float32),
        "surveyed_on": [pd.Timestamp("2023-09-08 05:00"), pd.Timestamp("2023-09-08"), pd.NaT],
        "monitored": [True, False, True],
        "remarks": [True, False, True],
    }
    where = [Point(22.5, 114.1), Point(114.2, 22.6), None]
    frame = gpd.GeoDataFrame(stated, geometry=where, crs=4490)
    file = tmp_path / f"a.{ending}"
    frame.to_parquet(file) if ending == "parquet" else frame.to_file(file)
    layer = LAYERS["slopes"]
    intake = read_file(file, layer, datum=None if ending != "geojson" else "cgcs2000")
    targets = [t for t in stated if t in {"name", *layer.field_ids}]
    rows = SLOPES.columns(
        {t: pa.array(frame[t], from_pandas=True) for t in targets}
        | {"longitude": pa.array([22.5, 114.2, None]), "latitude": pa.array([114.1, 22.6, None])}
    )
    told = {("ABC"[i], t, f.rule, f.severity) for i, t, f in rows.findings}
    assert {
        (i.code, i.field, i.rule, i.severity) for i in (*intake.issues, *intake.rejected[0].issues)
    } == told
    assert {rule for _, _, rule, _ in told} == {"above_maximum", "time_dropped", "swapped_axes"}
    for at, code in enumerate(intake.records.code):
        row = rows.rows["ABC".index(code)]
        held = {t: c[at] for t, c in intake.records.values.items()} | {"name": intake.records.name[at]}
        assert {k: v for k, v in held.items() if v is not None} == {
            k: v for k, v in row.values.items() if k != "position"
        }


# Edits


@pytest.fixture
def ws(tmp_path):
    made = create_workspace(tmp_path / "ws")
    create_point(made, "slopes", "BP1", values={"name": "甲", "height_m": 12}, **ACTS)
    return made


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"height_m": 500000}, "坡高"),
        ({"height_m": "很高"}, "不是数值"),
        ({"stability": "没听说过"}, "不是可选的值"),
        ({"surveyed_on": "2023年13月8日"}, "不是有效日期"),
        ({"position": (0, 0)}, "坐标是 0,0"),
    ],
)
def test_what_the_rules_refuse_is_never_written(ws, changes, said):
    state = ws.ledger.state
    with pytest.raises(RefusedError) as refused:
        edit_point(ws, "slopes", "BP1", seen=1, changes=changes, **ACTS)
    assert refused.value.say.zh.startswith("边坡 › BP1 › ")
    assert said in refused.value.say.zh
    assert not any(key in refused.value.say.zh for key in changes)
    with pytest.raises(RefusedError, match=said):
        create_point(ws, "slopes", "BP2", values=changes, **ACTS)
    assert ws.ledger.state == state


def test_every_refused_value_of_many_records_is_named_at_once(ws):
    create_point(ws, "slopes", "BP2", values={}, **ACTS)
    edits = [PointEdit("BP1", 1, {"height_m": "x", "name": "乙"}), PointEdit("BP2", 1, {"height_m": -1})]
    with pytest.raises(RefusedError) as refused:
        edit_points(ws, "slopes", edits, **ACTS)
    assert [say.zh.split("：")[0] for say in refused.value.refusals] == [
        "边坡 › BP1 › 坡高",
        "边坡 › BP2 › 坡高",
    ]


def test_what_is_kept_with_a_remark_is_written_and_said(ws):
    edited = edit_point(ws, "slopes", "BP1", seen=1, changes={"position": ("22.5", "114.1")}, **ACTS)
    assert edited.version == 2
    assert "填反" in edited.warnings[0].zh
    records = ws.ledger.features("slopes").records
    assert (records.lon[0], records.lat[0]) == (114.1, 22.5)


def test_what_is_not_stated_erases_nothing_and_clear_does(ws):
    for nothing in (None, float("nan"), pd.NA, "", "/"):
        assert edit_point(ws, "slopes", "BP1", seen=1, changes={"height_m": nothing}, **ACTS).version == 1
    for version, erasing in ((1, CLEAR), (3, "清空")):
        edit_point(ws, "slopes", "BP1", seen=version, changes={"height_m": erasing}, **ACTS)
        assert ws.ledger.features("slopes").records.values.get("height_m", [None]) == [None]
        edit_point(ws, "slopes", "BP1", seen=version + 1, changes={"height_m": 3}, **ACTS)


def test_a_new_code_is_judged_as_in_a_file(ws):
    assert create_point(ws, "slopes", "ＢＰ７", values={}, **ACTS).versions == {"BP7": 1}
    with pytest.raises(RefusedError, match="科学计数法"):
        create_point(ws, "slopes", "1.2E+11", values={}, **ACTS)
