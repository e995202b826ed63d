"""The files of tests/cases/messy become exactly what expected.json says."""

from __future__ import annotations

import json

import numpy as np
import pytest

from riskmap.coordinates import metres
from tests.intake_files import MESSY, codes, read, rules

EXPECTED = json.loads((MESSY / "expected.json").read_text(encoding="utf-8"))
DISTRICT = (
    "黄贝街道",
    "东门街道",
    "桂园街道",
    "翠竹街道",
    "东晓街道",
    "东湖街道",
    "莲塘街道",
    "南湖街道",
    "清水河街道",
    "笋岗街道",
)


def _found(records, i, field):
    if field == "name":
        return records.name[i]
    if field == "contacts":
        return len(records.contacts[i])
    return list(records.checklist[i]) if field == "checklist" else records.values[field][i]


@pytest.mark.parametrize("subdistricts", [(), DISTRICT])
@pytest.mark.parametrize("name", EXPECTED)
def test_a_messy_file_is_understood_as_expected(name, subdistricts):
    case = EXPECTED[name]
    intake = read(MESSY / name, case["layer"], case["crs"], subdistricts=subdistricts)
    records = intake.records
    assert len(records) == case["accepted"]
    assert intake.skipped_non_data == case["skipped_non_data"]
    rejected = {r.code if r.code in case["rejected"] else f"row:{r.row}" for r in intake.rejected}
    assert rejected == set(case["rejected"])
    assert set(case["warned"]) <= set(rules(intake, "warning"))
    at = {code: i for i, code in enumerate(records.code)}
    for code, (lon, lat) in case["wgs84"].items():
        x, y = metres([lon, records.lon[at[code]]], [lat, records.lat[at[code]]])
        assert np.hypot(x[1] - x[0], y[1] - y[0]) < 1, code
    assert {records.code[i] for i in np.flatnonzero(np.isnan(records.lon))} == set(case["unlocated"])
    for code, values in case["values"].items():
        i = at[code]
        for field, wanted in values.items():
            found = _found(records, i, field)
            assert found == wanted, (code, field)


def test_no_warning_is_given_that_nobody_can_act_on():
    for name, case in EXPECTED.items():
        intake = read(MESSY / name, case["layer"], case["crs"], subdistricts=DISTRICT)
        assert set(rules(intake, "warning")) == set(case["warned"])


def test_the_two_level_header_of_the_risk_points_is_found_under_its_titles():
    intake = read(MESSY / "risk_points_黄贝街道.xlsx", "risk_points", "bd09")
    assert intake.sheets[0].header_row == 4
    assert {h.header: h.target for h in intake.sheets[0].headers} == {
        "序号": None,
        "风险点编号": "code",
        "风险点名称": "name",
        "风险类型": "kind",
        "位置-地址": "address",
        "位置-经度（百度）": "longitude",
        "位置-纬度（百度）": "latitude",
        "风险评价-可能性L": "likelihood",
        "风险评价-暴露频繁程度E": "exposure",
        "风险评价-后果C": "consequence",
        "管控责任人": "contact:responsible:name",
        "联系电话": "contact:responsible:phone",
    }


def test_an_explanation_sheet_contributes_nothing_and_names_the_datum_when_none_is_declared():
    intake = read(MESSY / "risk_points_黄贝街道.xlsx", "risk_points", "bd09")
    assert [(s.sheet, s.header_row, s.rows) for s in intake.sheets] == [
        ("台账", 4, 26),
        ("填表说明", None, 0),
    ]


def test_the_subdistrict_comes_from_the_sheet_the_title_or_the_file_name():
    risk = read(MESSY / "risk_points_黄贝街道.xlsx", "risk_points", "bd09")
    assert set(risk.records.subdistrict) == {"黄贝街道"}
    underground = read(MESSY / "underground_地下空间.xlsx", "underground_spaces")
    assert {underground.records.subdistrict[codes(underground).index(c)] for c in ("DX01000", "DX01100")} == {
        "黄贝街道",
        "东门街道",
    }
    assert set(read(MESSY / "waterlogging_内涝点.csv", "waterlogging", "gcj02").records.subdistrict) == {None}


def test_phone_numbers_of_number_cells_are_text():
    intake = read(MESSY / "risk_points_黄贝街道.xlsx", "risk_points", "bd09")
    assert intake.records.contacts[0][0].phone == "13800138000"
    assert intake.records.contacts[0][0].name == "张三"
