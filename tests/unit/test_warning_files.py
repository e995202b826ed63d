"""Warnings as they are issued: typed, CSV, JSON, CAP; each mistake named; liftings end what they lift."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xlsxwriter

from riskmap.errors import RiskmapError
from riskmap.io.readers.warnings import COLOURS_OF, Notice, parse_warning, read_warnings, settled
from riskmap.values.hazards import IssuedWarning
from riskmap.vocabulary import COLOURS, KINDS

KNOWN = ("翠湖街道", "青山街道", "南岭街道")
AT = np.datetime64("2026-08-31T06:00:00", "s")


def typed(text: str) -> IssuedWarning:
    return parse_warning(text, issued=AT, subdistricts=KNOWN).warning


def refused(call, *args, **kwargs) -> str:
    with pytest.raises(RiskmapError) as caught:
        call(*args, **kwargs)
    return caught.value.text("zh") + "\n" + caught.value.text("en")


@pytest.mark.parametrize(
    ("text", "kind", "colour", "places"),
    [
        ("台风:橙色@翠湖街道,青山街道", "typhoon", "orange", ("翠湖街道", "青山街道")),
        ("台风预警：橙＠翠湖、青山", "typhoon", "orange", ("翠湖街道", "青山街道")),
        ("typhoon:white", "typhoon", "white", ()),
        ("Rainstorm:RED@南岭街道", "rainstorm", "red", ("南岭街道",)),
        ("地灾:黄", "geological", "yellow", ()),
        ("森林火险:红色", "forest_fire", "red", ()),
    ],
)
def test_a_typed_warning_is_read_in_chinese_and_english(text, kind, colour, places):
    warning = typed(text)
    assert (warning.kind, warning.colour, warning.subdistricts) == (kind, colour, places)
    assert (warning.issued, warning.expires) == (AT, None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("台凤:橙色", ("台凤", "是否想写 台风", "暴雨")),
        ("台风:澄色", ("澄色", "橙色", "orange")),
        ("暴雨:蓝色", ("暴雨预警没有蓝色", "黄色、橙色、红色")),
        ("暴雨:白", ("没有白色",)),
        ("大风:白色", ("没有白色",)),
        ("台风:橙色@翠胡街道", ("翠胡街道", "是否想写 翠湖街道", "青山街道")),
        ("台风:橙色@", ("没有街道",)),
        ("台风橙色", ("种类:颜色",)),
    ],
)
def test_a_word_that_is_not_known_is_named_with_the_known_ones(text, said):
    message = refused(typed, text)
    for word in said:
        assert word in message


def test_every_kind_has_colours_and_only_the_typhoon_has_white():
    assert set(COLOURS_OF) == set(KINDS)
    assert {kind for kind, own in COLOURS_OF.items() if "white" in own} == {"typhoon"}
    assert COLOURS_OF["rainstorm"] == ("yellow", "orange", "red")
    assert all(set(own) <= set(COLOURS) for own in COLOURS_OF.values())


def csv_file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "预警.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_table_of_warnings_is_read_and_a_lifting_ends_the_warning_where_it_was(tmp_path):
    path = csv_file(
        tmp_path,
        "预警种类,颜色,街道,发布时间(北京时间),失效时间,内容\n"
        "台风,橙色,翠湖街道、青山街道,2026-08-31 14:00,,大风大雨\n"
        "暴雨,红色,全区,2026-08-31 15:00,2026-08-31 21:00,\n"
        "台风,解除,青山街道,2026-08-31 20:00,,\n",
    )
    found = read_warnings(path, subdistricts=KNOWN)
    assert [(w.kind, w.colour, w.subdistricts, w.expires) for w in found] == [
        ("typhoon", "orange", ("青山街道",), np.datetime64("2026-08-31T12:00:00", "s")),
        ("typhoon", "orange", ("翠湖街道",), None),
        ("rainstorm", "red", (), np.datetime64("2026-08-31T13:00:00", "s")),
    ]
    assert found[0].issued == np.datetime64("2026-08-31T06:00:00", "s")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("台风,橙色,翠湖街道,2026-08-31 14:00,", ("第 2 行", "没有写明时区", "+08:00")),
        ("台风,橙色,翠湖街道,昨天,", ("第 2 行", "昨天", "不是时间")),
        ("台风,橙色,翠胡街道,2026-08-31T14:00+08:00,", ("第 2 行", "翠湖街道")),
        ("台风,紫色,,2026-08-31T14:00+08:00,", ("第 2 行", "紫色")),
        ("地震,红色,,2026-08-31T14:00+08:00,", ("第 2 行", "地震", "地质灾害")),
        ("台风,橙色,,2026-08-31T14:00+08:00,2026-08-31T13:00+08:00", ("第 2 行", "不晚于")),
    ],
)
def test_a_mistake_in_a_table_names_file_and_line_and_nothing_is_taken(tmp_path, line, said):
    path = csv_file(tmp_path, "种类,颜色,街道,发布时间,失效时间\n" + line + "\n")
    message = refused(read_warnings, path, subdistricts=KNOWN)
    for word in ("预警.csv", *said):
        assert word in message


def test_a_table_without_a_needed_column_or_without_rows_is_refused(tmp_path):
    assert "缺少" in refused(read_warnings, csv_file(tmp_path, "种类,街道\n台风,\n"))
    assert "没有数据行" in refused(read_warnings, csv_file(tmp_path, "种类,颜色,发布时间\n"))
    assert "a.xlsx" in refused(read_warnings, tmp_path / "a.xlsx")


def test_a_workbook_of_warnings_is_read_as_the_comma_file_and_each_row_may_name_its_zone(tmp_path):
    rows = [
        ["预警种类", "颜色", "街道", "发布时间", "失效时间", "时区"],
        ["台风", "橙色", "翠湖街道", "2026-08-31 14:00", "2026-08-31 20:00", "北京时间"],
        ["暴雨", "红色", "全区", "2026-08-31 06:00", "/", "UTC"],
    ]
    path = tmp_path / "预警.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet()
        for at, row in enumerate(rows):
            sheet.write_row(at, 0, row)
    found = read_warnings(path, subdistricts=KNOWN)
    assert found == [
        replace(w, source=path.name)
        for w in read_warnings(csv_file(tmp_path, "\n".join(map(",".join, rows))), subdistricts=KNOWN)
    ]
    assert [w.issued for w in found] == [AT, AT]
    assert found[0].expires == np.datetime64("2026-08-31T12:00:00", "s")


def test_json_of_one_or_several_warnings(tmp_path):
    path = tmp_path / "w.json"
    one = {
        "kind": "typhoon",
        "colour": "red",
        "issued": "2026-08-31T14:00+08:00",
        "subdistricts": ["翠湖街道"],
    }
    path.write_text(json.dumps({"warnings": [one]}, ensure_ascii=False), encoding="utf-8")
    assert read_warnings(path, subdistricts=KNOWN)[0].subdistricts == ("翠湖街道",)
    path.write_text(json.dumps([one | {"colour": "pink"}]), encoding="utf-8")
    assert "第 1 条" in refused(read_warnings, path, subdistricts=KNOWN)
    path.write_text('{"kind":\n', encoding="utf-8")
    assert "JSON" in refused(read_warnings, path)


CAP = """<?xml version="1.0" encoding="UTF-8"?>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">
  <identifier>1</identifier><sender>s</sender><sent>2026-08-31T14:00:00+08:00</sent>
  <status>Actual</status><msgType>Alert</msgType><scope>Public</scope>
  <info>
    <language>zh-CN</language><category>Met</category><event>台风</event><urgency>Expected</urgency>
    <severity>Severe</severity><certainty>Likely</certainty>
    <effective>2026-08-31T14:05:00+08:00</effective><expires>2026-09-01T02:00:00+08:00</expires>
    <headline>气象台发布台风橙色预警</headline>
    <area><areaDesc>示例区翠湖街道、青山街道</areaDesc></area>
  </info>
</alert>
"""


def cap(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "alert.xml"
    path.write_text(text, encoding="utf-8")
    return path


def read_cap(tmp_path, text):
    return read_warnings(cap(tmp_path, text), subdistricts=KNOWN, district="示例区")


def test_a_cap_alert_for_two_subdistricts_is_one_warning_for_those(tmp_path):
    (warning,) = read_cap(tmp_path, CAP)
    assert (warning.kind, warning.colour) == ("typhoon", "orange")
    assert warning.subdistricts == ("翠湖街道", "青山街道")
    assert str(warning.issued) == "2026-08-31T06:05:00"
    assert str(warning.expires) == "2026-08-31T18:00:00"


def test_a_cap_area_that_names_the_district_is_the_whole_of_it(tmp_path):
    assert read_cap(tmp_path, CAP.replace("示例区翠湖街道、青山街道", "示例区"))[0].subdistricts == ()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("<status>Actual", "<status>Exercise", "Exercise"),
        ("<msgType>Alert", "<msgType>Ack", "Ack"),
        ("台风橙色预警", "台风预警", "颜色"),
        ("台风橙色预警", "台风预警由橙色升级为红色", "颜色"),
        ("<event>台风", "<event>暴雨", ""),
        ("示例区翠湖街道、青山街道", "邻区甲街道", "邻区甲街道"),
        ("2026-08-31T14:05:00+08:00", "2026-08-31T14:05:00", "时区"),
        ("2026-09-01T02:00:00+08:00", "2026-08-30T02:00:00+08:00", "不晚于"),
        ("cap:1.2", "cap:1.1", "CAP 1.2"),
        ("</info>", "", "XML"),
        ("<event>台风", "<event>海啸", ""),
    ],
)
def test_a_cap_alert_that_cannot_be_used_is_refused(tmp_path, old, new, said):
    text = CAP.replace(old, new, 1)
    if not said:  # the headline says it as well
        assert read_cap(tmp_path, text)
        return
    assert said in refused(read_cap, tmp_path, text)


def test_a_cap_cancel_lifts_without_a_colour(tmp_path):
    text = CAP.replace("<msgType>Alert", "<msgType>Cancel").replace("台风橙色预警", "解除台风预警")
    assert read_cap(tmp_path, text) == []


@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE alert [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>',
        '<!DOCTYPE alert [<!ENTITY x SYSTEM "file:///etc/hostname">]>',
        '<!DOCTYPE alert SYSTEM "file:///etc/hostname">',
    ],
)
def test_a_cap_file_with_a_dtd_or_entities_is_refused(tmp_path, doctype):
    text = CAP.replace("<alert", doctype + "\n<alert", 1)
    assert "DTD" in refused(read_cap, tmp_path, text)


def test_a_cap_file_that_is_too_deep_or_too_large_is_refused(tmp_path):
    assert "过多" in refused(read_cap, tmp_path, CAP.replace("<info>", "<info>" * 40, 1))
    assert "4 MB" in refused(read_cap, tmp_path, CAP + " " * (5 << 20))


def test_a_lifting_of_some_subdistricts_leaves_a_warning_of_the_whole_district():
    whole = Notice(IssuedWarning("typhoon", "red", AT))
    lifting = IssuedWarning("typhoon", "white", AT + np.timedelta64(3600, "s"), ("翠湖街道",))
    assert settled([Notice(lifting, lifts=True), whole]) == [whole.warning]
