"""Sheets as sub-districts really lay them out."""

from __future__ import annotations

import numpy as np
import pytest

from riskmap.errors import DatumError, UnreadableFileError
from riskmap.io.tables import read_file
from riskmap.progress import Cancelled, Progress
from riskmap.values.records import CLEAR
from tests.intake_files import codes, layer, read, rules, targets, value, workbook

DISTRICT = ("黄贝街道", "东门街道", "桂园街道")
LATLON = [114.1, 22.55]


def sheet(tmp_path, rows, **options):
    return workbook(tmp_path / "台账.xlsx", {"Sheet1": rows}, **options)


def test_three_levels_of_header_under_titles_with_sections_subtotals_and_notes(tmp_path):
    file = sheet(
        tmp_path,
        [
            [],
            [],
            [None, None, "罗湖区安全风险点清单"],
            [None, None, "填报单位（盖章）：", None, None, "填报日期：2024年3月"],
            [None, None, "序号", "基本信息", None, None, "位置信息", None, "责任人信息"],
            [
                None,
                None,
                None,
                "*风险点编号\n（必填）",
                "风险点名称",
                "所属行业",
                "经纬度",
                None,
                "管控责任人",
                None,
                "挂点领导",
            ],
            [None, None, None, None, None, None, "经度", "纬度", "姓名", "电话", "姓名", "联系电话"],
            [None, None, "一、东门街道（2处）"],
            [
                None,
                None,
                1,
                "A-001",
                "甲",
                "消防",
                "114.1",
                "22.55",
                "张三",
                "13800138000",
                "王",
                "13900000000",
            ],
            [None, None, 2, "A-002", "乙", "工商贸", "E114°06′00″", "N22°33′00″", "李四", "0755-12345678"],
            [None, None, "小计", 2],
            [None, None, "二、黄贝街道"],
            [None, None, 3, "A-003", "丙", "航天", "２２．５５", "１１４．１"],
            [None, None, 4],
            [None, None, "合计", "3处"],
            [None, None, "备注：1.本表一式两份"],
            [None, None, "2.请于每月5日前报送"],
            [None, None, "填表人：赵", None, None, "审核人：钱", None, "2024-03-05"],
        ],
    )
    intake = read(file, subdistricts=DISTRICT)
    assert codes(intake) == ["A-001", "A-002", "A-003"]
    assert not intake.rejected
    assert intake.skipped_non_data == 8
    assert list(intake.records.subdistrict) == ["东门街道", "东门街道", "黄贝街道"]
    assert np.allclose(intake.records.lon, 114.1)
    assert rules(intake) == {"A-003": {"swapped_axes", "unknown_choice"}}
    assert [(c.role, c.name, c.phone) for c in intake.records.contacts[0]] == [
        ("responsible", "张三", "13800138000"),
        ("leader", "王", "13900000000"),
    ]
    assert intake.records.contacts[2] == ()


def test_two_level_headers_without_merged_cells_and_with_bare_group_leaves(tmp_path):
    file = sheet(
        tmp_path,
        [
            ["编号", "名称", "十个有", None, None, "联系人1", None],
            [None, None, "一", "二", "三", "姓名", "电话"],
            ["1", "a", "√", "×", "/", "张", 13800138000],
            ["2", "b", "有", None, "大概", None, None],
        ],
    )
    intake = read(file, "underground_spaces")
    assert targets(intake)["十个有-二"] == "checklist:item_2"
    assert intake.records.checklist[0][:4] == (True, False, None, None)
    assert {r.code: r.issues[0].field for r in intake.rejected} == {"2": "checklist:item_3"}


def test_a_repeated_header_is_skipped_and_another_table_below_is_read_with_its_own(tmp_path):
    file = sheet(
        tmp_path,
        [
            ["编号", "名称", "经度", "纬度"],
            ["1001", "a", *LATLON],
            ["编号", "名称", "经度", "纬度"],
            ["1002", "b", *LATLON],
            [],
            ["名称", "编号", "坐标"],
            ["c", "1003", "114.1，22.55"],
            ["d", "1004", "经度:114.1 纬度:22.55"],
        ],
    )
    intake = read(file)
    assert codes(intake) == ["1001", "1002", "1003", "1004"]
    assert list(intake.records.name) == ["a", "b", "c", "d"]
    assert list(intake.row) == [2, 4, 7, 8]
    assert intake.skipped_non_data == 2
    assert np.allclose(intake.records.lat, 22.55)


def test_merged_cells_reach_every_row_but_never_make_a_code_or_a_position(tmp_path):
    file = workbook(
        tmp_path / "a.xlsx",
        {
            "S": [
                ["所属街道", "编号", "经度", "纬度", "备注"],
                ["东门街道", "B1", *LATLON, "共用"],
                [None, "B2", 114.2, 22.56, None],
                [None, None, None, None, "x"],
            ]
        },
        merges={"S": ["A2:A4", "B3:B4", "C3:C4", "E2:E3"]},
    )
    intake = read(file)
    assert list(intake.records.subdistrict) == ["东门街道", "东门街道"]
    assert [value(intake, c, "remarks") for c in ("B1", "B2")] == ["共用", "共用"]
    assert [(r.row, r.issues[0].rule) for r in intake.rejected] == [(4, "missing_code")]


def test_signatures_and_numbered_notes_in_the_codes_own_column_are_no_records(tmp_path):
    file = sheet(
        tmp_path,
        [
            ["编号", "名称", "备注"],
            ["A1", "甲", None],
            ["合计", "1", None],
            ["填表人：李四", None, "2024年1月1日"],
            ["备注：以上为准"],
            ["1、第一条"],
            [],
            ["2、第二条"],
            ["（以下空白）"],
        ],
    )
    intake = read(file)
    assert codes(intake) == ["A1"]
    assert intake.skipped_non_data == 6


def test_a_record_that_states_only_its_code_is_kept(tmp_path):
    intake = read(sheet(tmp_path, [["编号", "名称", "经度", "纬度"], ["A1"], ["A2", "合计大厦", *LATLON]]))
    assert codes(intake) == ["A1", "A2"]
    assert np.isnan(intake.records.lon[0])


def test_headers_are_matched_by_alias_then_normalised_then_guessed_and_reported(tmp_path):
    intake = read(
        sheet(
            tmp_path,
            [
                [
                    "★风险点编号",
                    "风险点名称",
                    "经 度\n(°)",
                    "纬度（度）",
                    "可能性 （Ｌ）",
                    "企业现场作业人数",
                    "主管部门负责人单位",
                    "曾发生事故",
                ],
                ["A1", "甲", *LATLON, 3, "12人", "x", "有"],
            ],
        )
    )
    assert {h.target: h.how for h in intake.sheets[0].headers} == {
        "code": "normalised",
        "name": "alias",
        "longitude": "normalised",
        "latitude": "normalised",
        "likelihood": "normalised",
        "exposed_workers": "guessed",
        None: "left",
        "past_accident": "alias",
    }
    assert value(intake, "A1", "exposed_workers") == 12


def test_units_in_a_header_hold_for_cells_without_one(tmp_path):
    rows = [
        ["编号", "坡高（cm）", "坡长/km", "威胁财产（元）", "坡度°"],
        ["1", 1200, 0.05, 5000, "30"],
        ["2", "12m", "40米", "3万元", "30度"],
    ]
    intake = read(sheet(tmp_path, rows), "slopes")
    assert [value(intake, c, "height_m") for c in "12"] == [12, 12]
    assert [value(intake, c, "length_m") for c in "12"] == [50, 40]
    assert [value(intake, c, "threatened_property") for c in "12"] == [0.5, 3]
    assert [value(intake, c, "slope_deg") for c in "12"] == [30, 30]


def test_a_bare_phone_header_belongs_to_the_person_before_it(tmp_path):
    rows = [
        ["边坡编号", "名称", "监测责任人", "联系电话", "防灾责任人", "联系电话", "职务"],
        ["1", "a", "张三", "138****0000", "李四（13900000000）", None, "科长"],
        ["2", "b", "张三 13800138000", "13800138000", "无", "/", None],
    ]
    intake = read(sheet(tmp_path, rows), "slopes", None)
    first, second = (
        {c.role: (c.name, c.phone, c.post) for c in people} for people in intake.records.contacts
    )
    assert first == {
        "monitoring": ("张三", "138****0000", None),
        "prevention": ("李四", "13900000000", "科长"),
    }
    assert second == {"monitoring": ("张三", "13800138000", None)}


def test_two_columns_of_one_meaning_are_noticed(tmp_path):
    intake = read(sheet(tmp_path, [["编号", "位置", "地址"], ["1", "旧", "新"]]))
    assert value(intake, "1", "address") == "新"
    assert rules(intake) == {None: {"two_columns_for_one"}}


def test_columns_as_a_whole_the_wrong_way_round_are_turned_and_named_once_for_the_sheet(tmp_path):
    rows = [["编号", "纬度", "经度"], *[[str(i), 114.1 + i / 100, 22.5] for i in range(5)]]
    intake = read(sheet(tmp_path, rows))
    assert np.allclose(intake.records.lat, 22.5)
    assert rules(intake)[None] == {"swapped_axes"}
    assert rules(intake)["3"] == {"swapped_axes"}


def test_an_order_that_the_header_states_needs_no_warning(tmp_path):
    intake = read(
        sheet(tmp_path, [["编号", "坐标（纬度,经度）"], ["1", "22.55,114.1"], ["2", "N22.55 E114.1"]])
    )
    assert np.allclose(intake.records.lon, 114.1)
    assert rules(intake) == {}


def test_a_position_over_two_merged_columns_is_one_position(tmp_path):
    file = sheet(
        tmp_path,
        [["编号", "坐标", None, "备注"], ["1", 114.1, 22.55, "x"], ["2", "22.55", "114.1"]],
        merges={"Sheet1": ["B1:C1"]},
    )
    intake = read(file)
    assert np.allclose(intake.records.lon, 114.1)
    assert rules(intake) == {"2": {"swapped_axes"}}


def test_both_coordinates_in_the_longitudes_cell_are_a_position(tmp_path):
    intake = read(
        sheet(
            tmp_path,
            [["编号", "经度", "纬度"], ["1", "114.1,22.55", None], ["2", "114.1，22.55", "114.1，22.55"]],
        )
    )
    assert np.allclose(intake.records.lat, 22.55)


@pytest.mark.parametrize(
    ("lon", "lat", "rule"),
    [
        (114.1, None, "half_position"),
        (None, "22.5", "half_position"),
        ("/", "22.5", "half_position"),
        (0, 0, "zero_position"),
        ("0.0", "0", "zero_position"),
        ("东边", 22.5, "not_a_coordinate"),
        (10, 10, "out_of_range"),
        (-114.1, 22.5, "out_of_range"),
        (512225.9, 2495299.3, "out_of_range"),
        ("114°61′", "22°30′", "not_a_coordinate"),
    ],
)
def test_a_bad_position_rejects_its_row_with_the_reason(tmp_path, lon, lat, rule):
    intake = read(
        sheet(tmp_path, [["编号", "名称", "经度", "纬度"], ["1", "a", lon, lat], ["2", "b", *LATLON]])
    )
    assert codes(intake) == ["2"]
    assert [(r.code, r.row, r.bad, [i.rule for i in r.issues]) for r in intake.rejected] == [
        ("1", 2, (2, 3), [rule])
    ]


@pytest.mark.parametrize("blank", [None, "/", "—", "无", "无数据", "清空", "　"])
def test_a_row_without_coordinates_is_kept_unlocated(tmp_path, blank):
    intake = read(sheet(tmp_path, [["编号", "名称", "经度", "纬度"], ["1", "a", blank, blank]]))
    assert codes(intake) == ["1"]
    assert np.isnan(intake.records.lon).all()
    assert intake.issues == ()
    assert intake.records.unplaced == (frozenset({0}) if blank == "清空" else frozenset())


GRID = (512225.899, 2495299.279)


@pytest.mark.parametrize(
    "headers",
    [
        ("X坐标", "Y坐标"),
        ("X", "Y"),
        ("Y坐标(东)", "X坐标(北)"),
        ("经度", "纬度"),
        ("东坐标", "北坐标"),
        ("X坐标(东)", "Y坐标(北)"),
    ],
)
def test_a_grid_position_is_found_by_its_size_whatever_the_headers_say(tmp_path, headers):
    intake = read(sheet(tmp_path, [["编号", *headers], ["1", *GRID]]), datum="EPSG:4547")
    assert value(intake, "1", "lon") == pytest.approx(114.118865, abs=1e-6)
    assert value(intake, "1", "lat") == pytest.approx(22.55533, abs=1e-6)


def test_a_zone_number_in_front_of_an_easting_is_taken_off(tmp_path):
    intake = read(
        sheet(tmp_path, [["编号", "X", "Y"], ["1", GRID[0] + 38e6, GRID[1]], ["2", GRID[1], GRID[0] + 38e6]]),
        datum="EPSG:4547",
    )
    assert np.allclose(intake.records.lon, 114.118865)
    assert rules(intake) == {"1": {"zone_prefix"}, "2": {"zone_prefix", "swapped_axes"}}


def test_degrees_in_a_file_declared_as_a_grid_are_refused_not_guessed(tmp_path):
    intake = read(sheet(tmp_path, [["编号", "X", "Y"], ["1", *LATLON], ["2", *GRID]]), datum="EPSG:4547")
    assert codes(intake) == ["2"]
    assert "经纬度" in intake.rejected[0].issues[0].message.zh


def test_the_pair_that_suits_the_datum_is_used_where_a_table_has_both(tmp_path):
    rows = [["编号", "X坐标", "Y坐标", "经度", "纬度"], ["1", GRID[1], GRID[0], *LATLON]]
    assert value(read(sheet(tmp_path, rows), datum="EPSG:4547"), "1", "lon") == pytest.approx(
        114.118865, abs=1e-6
    )
    assert value(read(sheet(tmp_path, rows), datum="wgs84"), "1", "lon") == 114.1


def test_no_datum_is_asked_for_where_there_is_no_position(tmp_path):
    intake = read(sheet(tmp_path, [["编号", "备注", "经度", "纬度"], ["007", "清空", None, "/"]]), datum=None)
    assert value(intake, "007", "remarks") is CLEAR


def test_a_missing_datum_is_asked_for_with_what_the_file_hints_at(tmp_path):
    file = workbook(
        tmp_path / "a.xlsx",
        {"填表说明": [["经纬度请用百度地图拾取"]], "S": [["编号", "经度", "纬度"], ["1", *LATLON]]},
    )
    with pytest.raises(DatumError, match="bd09"):
        read(file, datum=None)
    file = workbook(tmp_path / "b.xlsx", {"S": [["编号", "经度(高德)", "纬度(高德)"], ["1", *LATLON]]})
    with pytest.raises(DatumError, match="gcj02"):
        read(file, datum=None)


@pytest.mark.parametrize("declared", ["wgs84", "gcj02", "cgcs2000", "EPSG:4547"])
def test_a_header_that_names_another_datum_than_the_declared_one_is_a_contradiction(tmp_path, declared):
    file = sheet(tmp_path, [["编号", "经度（百度）", "纬度（百度）"], ["1", *LATLON]])
    with pytest.raises(DatumError, match=r"写的是 BD-09（百度），声明的却是.*矛盾，未写入"):
        read(file, datum=declared)
    assert not read(file, datum="bd09").issues


def test_wgs84_and_cgcs2000_do_not_contradict_each_other(tmp_path):
    intake = read(sheet(tmp_path, [["编号", "经度(CGCS2000)", "纬度(2000)"], ["1", *LATLON]]), datum="wgs84")
    assert not intake.issues


def test_a_code_occurs_once_also_across_sheets_and_spellings(tmp_path):
    file = workbook(
        tmp_path / "a.xlsx",
        {
            "A": [["编号", "名称"], ["LH-1", "x"], ["LH-1", "y"]],
            "B": [["名称", "编号"], ["z", "ＬＨ－１"], ["w", "2"]],
        },
    )
    intake = read(file)
    assert list(zip(codes(intake), intake.records.name, strict=True)) == [("LH-1", "x"), ("2", "w")]
    assert [(r.sheet, r.row, r.issues[0].rule) for r in intake.rejected] == [
        ("A", 3, "duplicate_code"),
        ("B", 2, "duplicate_code"),
    ]
    assert "A › 第 2 行" in intake.rejected[1].issues[0].message.zh


@pytest.mark.parametrize(
    ("rows", "name", "found"),
    [
        ([["深圳市罗湖区黄贝街道2024年台账"], ["编号", "名称"], ["1", "a"]], "a.xlsx", "黄贝街道"),
        ([["各街道台账"], ["编号", "名称"], ["1", "a"]], "a.xlsx", None),
        ([["黄贝街道、东门街道台账"], ["编号", "名称"], ["1", "a"]], "a.xlsx", None),
        ([["编号", "名称"], ["1", "a"]], "桂园街道台账.xlsx", "桂园街道"),
        ([["编号", "名称"], ["1", "a"]], "黄贝2024.xlsx", "黄贝街道"),
        ([["编号", "街道办"], ["1", "黄贝街道办事处"]], "东门街道.xlsx", "黄贝街道"),
        ([["编号", "街道"], ["1", "黄贝"]], "a.xlsx", "黄贝街道"),
        ([["编号", "街道"], ["1", "罗湖区黄贝街道"]], "a.xlsx", "黄贝街道"),
        ([["编号", "街道"], ["1", None]], "东门街道.xlsx", "东门街道"),
        ([["编号", "街道"], ["1", "清空"]], "东门街道.xlsx", CLEAR),
    ],
)
def test_the_subdistrict_is_stated_and_never_guessed(tmp_path, rows, name, found):
    intake = read(workbook(tmp_path / name, {"Sheet1": rows}), subdistricts=DISTRICT)
    assert intake.records.subdistrict == [found]


def test_a_subdistrict_of_another_district_is_kept_with_a_warning(tmp_path):
    intake = read(sheet(tmp_path, [["编号", "街道"], ["1", "盐田街道"]]), subdistricts=DISTRICT)
    assert intake.records.subdistrict == ["盐田街道"]
    assert rules(intake) == {"1": {"unknown_subdistrict"}}
    assert not read(sheet(tmp_path, [["编号", "街道"], ["1", "盐田街道"]])).issues


def test_the_name_of_an_uploaded_copy_does_not_matter(tmp_path):
    file = workbook(tmp_path / "tmp123.xlsx", {"Sheet1": [["编号", "名称"], ["1", "a"]]})
    intake = read_file(file, layer(), datum=None, subdistricts=DISTRICT, name="东门街道.xlsx")
    assert intake.file == "东门街道.xlsx"
    assert intake.records.subdistrict == ["东门街道"]


def test_rejected_rows_come_back_as_a_sheet_that_imports_after_correction(tmp_path):
    file = workbook(
        tmp_path / "a.xlsx",
        {
            "台账": [
                ["黄贝街道台账"],
                ["风险点编号", "位置", None, None, "风险评价", None],
                [None, "地址", "经度", "纬度", "可能性L", "后果C"],
                ["A1", "路", *LATLON, 3, 7],
                ["A2", "路", *LATLON, "较高", 7],
                [None, "路", 114.1, None, 3, -7],
            ]
        },
    )
    intake = read(file, subdistricts=DISTRICT)
    assert [(r.code, r.row, r.bad) for r in intake.rejected] == [("A2", 5, (4,)), (None, 6, (0, 2, 3, 5))]
    rows = [[text for _, text in r.cells] for r in intake.rejected]
    assert rows[0] == ["A2", "路", "114.1", "22.55", "较高", "7", "黄贝街道"]
    rows[0][4], rows[1][0], rows[1][3], rows[1][5] = "3", "A3", "22.55", "7"
    back = workbook(
        tmp_path / "退回.xlsx",
        {
            "台账": [[header for header, _ in intake.rejected[0].cells], *rows],
            "_riskmap": [["key", "value"], ["batch", 17]],
        },
        hidden=["_riskmap"],
    )
    again = read(back, subdistricts=DISTRICT)
    assert codes(again) == ["A2", "A3"]
    assert again.from_batch == 17
    assert set(again.records.subdistrict) == {"黄贝街道"}
    assert [s.sheet for s in again.sheets] == ["台账"]
    assert value(again, "A3", "consequence") == 7
    assert not again.issues


def test_a_hidden_sheet_with_records_is_left_out_and_named_unless_asked_for(tmp_path):
    file = workbook(
        tmp_path / "a.xlsx",
        {
            "A": [["编号", "名称"], ["1", "x"]],
            "字典": [["类型", "说明", "编码表"]],
            "B": [["编号", "名称"], ["2", "y"]],
        },
        hidden=["B", "字典"],
    )
    intake = read(file)
    assert codes(intake) == ["1"]
    assert [(i.sheet, i.rule) for i in intake.issues] == [("B", "hidden_sheet")]
    assert codes(read(file, hidden=True)) == ["1", "2"]


def test_a_summary_by_subdistrict_is_no_list_of_records(tmp_path):
    file = workbook(
        tmp_path / "a.xlsx",
        {
            "汇总": [["街道", "社区", "面积", "停车位"], ["黄贝街道", "x", 1, 2]],
            "明细": [["编号", "停车位（个）"], ["1", "1,234个"]],
        },
    )
    intake = read(file, "underground_spaces")
    assert codes(intake) == ["1"]
    assert [(s.sheet, s.header_row) for s in intake.sheets] == [("汇总", None), ("明细", 1)]


def test_a_table_without_codes_is_rejected_row_by_row_and_not_dropped(tmp_path):
    intake = read(sheet(tmp_path, [["名称", "经度", "纬度"], ["a", *LATLON], ["b", *LATLON], ["合计", 2]]))
    assert [r.issues[0].rule for r in intake.rejected] == ["missing_code"] * 2
    assert intake.skipped_non_data == 1


@pytest.mark.parametrize("rows", [[["hello"], ["world"]], [], [["请填写编号、名称、经度、纬度"], ["1", "a"]]])
def test_a_file_without_any_header_says_so(tmp_path, rows):
    with pytest.raises(UnreadableFileError, match="表头"):
        read(sheet(tmp_path, rows))


def test_an_unreadable_version_is_ignored_with_a_warning(tmp_path):
    intake = read(sheet(tmp_path, [["编号", "记录版本"], ["1", 3], ["2", "x"], ["3", None]]))
    assert intake.stated_version == [3, None, None]
    assert rules(intake) == {"2": {"unreadable_version"}}


def test_a_message_names_the_place_the_find_and_the_remedy(tmp_path):
    intake = read(sheet(tmp_path, [["编号", "坡高(m)"], ["BP1", "12米左右"]]), "slopes")
    message = intake.rejected[0].issues[0].message
    assert (
        message.zh == "台账.xlsx › Sheet1 › 第 2 行 › 坡高(m)：12米左右 不是数值；请填 12 或 12m 这样的内容"
    )
    assert message.en == "台账.xlsx › Sheet1 › row 2 › 坡高(m): 12米左右 is not a number; write 12 or 12m"


def test_hostile_names_arrive_as_they_are(tmp_path):
    names = [
        "<img src=x onerror=alert(1)>",
        "{{7*7}}",
        "{% raw %}",
        "'; DROP TABLE x",
        "=cmd|' /C calc'!A0",
        "'+86",
        "@SUM(1)",
        "-1+1",
    ]
    intake = read(sheet(tmp_path, [["编号", "名称"], *[[f"H{i}", n] for i, n in enumerate(names)]]))
    assert list(intake.records.name) == names
    assert not intake.issues


def test_progress_is_told_from_start_to_end(tmp_path):
    told: list[tuple[float, str]] = []
    file = sheet(tmp_path, [["编号", "名称"], ["1", "a"]])
    progress = Progress(lambda share, what: told.append((share, what.en.partition(":")[0])))
    read_file(file, layer(), datum=None, progress=progress)
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert list(dict.fromkeys(what for _, what in told)) == ["inspecting", "reading", "judging", "joining"]


def test_a_reading_that_is_stopped_while_its_worker_reads_says_nothing_of_the_file(tmp_path):
    file = sheet(tmp_path, [["编号", "名称"], ["1", "a"]])
    told: list[str] = []
    progress = Progress(lambda _, what: told.append(what.en), lambda: len(told) > 2)
    with pytest.raises(Cancelled):
        read_file(file, layer(), datum=None, progress=progress)
    assert told[-1].startswith("reading")


def test_a_formula_that_nothing_has_calculated_is_a_bad_cell_and_not_an_empty_one(tmp_path):
    long = "=" + "+".join(["1"] * 3000)
    rows = [
        ["编号", "名称", "坡高"],
        ["1", "a", "=3+4"],
        ["2", '=A2&"坡"', 5],
        ["3", "c", long],
        ["4", "d", 7],
    ]
    intake = read(sheet(tmp_path, rows, formulas=True), "slopes")
    assert codes(intake) == ["4"]
    assert [(r.code, r.bad, [i.rule for i in r.issues]) for r in intake.rejected] == [
        ("1", (2,), ["formula_error"]),
        ("2", (1,), ["formula_error"]),
        ("3", (2,), ["formula_error"]),
    ]
    assert "保存" in intake.rejected[0].issues[0].message.zh
