"""Workbooks and text tables."""

from __future__ import annotations

import datetime as dt

from tests.cases.unseen.making import Case, book, planar, text_table

ALL: list[Case] = []

# 1 --- two-level header under three titles, starred and broken headers, totals and signatures in the middle
ALL.append(
    Case(
        "two_level",
        "risk_points",
        lambda d: book(
            d / "安全风险点（2024年第三季度）.xlsx",
            {
                "填表说明": [["一、请各街道按下表填报"], ["二、经纬度采用WGS84"], ["编号", "由区统一编排"]],
                "风险点台账": [
                    ["附件2"],
                    ["XX区安全风险点分级管控清单"],
                    ["填报单位（盖章）：东门街道办事处", None, None, None, "填报日期：2024年9月30日"],
                    [
                        "序号",
                        "＊风险点\n编号",
                        "＊风险点 名称",
                        "类 型",
                        "坐 标",
                        None,
                        "LEC评价",
                        None,
                        None,
                        "风险等级\n（自评）",
                        "备　注",
                        "是否整改",
                    ],
                    [
                        None,
                        None,
                        None,
                        None,
                        "经度（°）",
                        "纬度（°）",
                        "可能性（L）",
                        "暴露频繁程度（E）",
                        "后果（C）",
                    ],
                    [1, "DM-001", "甲厂", "工贸企业", 114.12, 22.55, 1, 3, 7, "重大风险", "／", "是"],
                    [
                        2,
                        "DM-002",
                        "乙厂",
                        "消防",
                        "１１４．１３",
                        "２２．５６",
                        "３",
                        "６",
                        "１５",
                        "红",
                        "—",
                        "是",
                    ],
                    ["小计", None, None, None, None, None, 2],
                    [],
                    [3, "DM-003", "丙厂", "燃气", "114.14 ", " 22.57", 0.5, 1, 1, "Ⅳ级", "无", "否"],
                    [4, "DM-004", "丁厂", "其它", 114.15, 22.55, 1, 2, 3, "一级", "N/A", None],
                    [5, "DM-005", "戊厂", "电梯", 114.16, 22.55, 1, 2, 3, "一般风险", "不详", None],
                    [6, "DM-006", "己厂", "电梯", 114.16, 22.56, 1, 2, 3, "特级", None, None],
                    [7, "DM-007", "庚厂", "食品安全", 114.16, 22.57, 1, 2, 3, "橙色", None, None],
                    ["合  计", None, None, None, None, None, 7],
                    ["填表人：李四", None, None, "审核人：王五", None, None, None, "联系电话：13800138000"],
                    ["注：1.本表一式两份"],
                ],
            },
            merges={
                "风险点台账": [
                    "A2:L2",
                    "E4:F4",
                    "G4:I4",
                    "A4:A5",
                    "B4:B5",
                    "C4:C5",
                    "D4:D5",
                    "J4:J5",
                    "K4:K5",
                    "L4:L5",
                ]
            },
        ),
        accepted=6,
        rejected=["DM-006"],
        skipped=4,
        warned=["DM-007"],
        wgs84={"DM-001": (114.12, 22.55), "DM-002": (114.13, 22.56), "DM-003": (114.14, 22.57)},
        values={
            "DM-001": {"name": "甲厂", "declared_tier": "major", "likelihood": 1, "remarks": None},
            "DM-002": {
                "kind": "fire",
                "declared_tier": "major",
                "likelihood": 3,
                "exposure": 6,
                "consequence": 15,
            },
            "DM-003": {"kind": "gas", "declared_tier": "low", "remarks": "无"},
            "DM-004": {"kind": "other", "declared_tier": "major", "remarks": None},
            "DM-005": {"declared_tier": "general", "remarks": None},
            "DM-007": {"kind": "食品安全", "declared_tier": "large"},
        },
        left=["是否整改"],
    )
)

# 2 --- units in headers and in cells; vague lengths are not lengths
ALL.append(
    Case(
        "units",
        "slopes",
        lambda d: book(
            d / "边坡单位.xlsx",
            {
                "Sheet1": [
                    [
                        "边坡编号",
                        "边坡名称",
                        "坡高（cm）",
                        "坡长(km)",
                        "坡度/度",
                        "威胁财产(元)",
                        "威胁人数（人）",
                        "经度",
                        "纬度",
                    ],
                    ["P1", "a", 1250, 0.2, 45, 35000, 12, 114.12, 22.55],
                    ["P2", "b", "12.5米", "200m", "45°", "3.5万元", "12人", 114.13, 22.55],
                    ["P3", "c", "1,250", "0.2公里", "４５", "35,000元", "约12", 114.13, 22.56],
                    ["P4", "d", "约12米", 0.2, 45, None, 1, 114.13, 22.57],
                    ["P5", "e", "12米左右", 0.2, 45, None, 1, 114.13, 22.58],
                    ["P6", "f", "3-5米", 0.2, 45, None, 1, 114.14, 22.57],
                    ["P7", "g", "-3米", 0.2, 45, None, 1, 114.14, 22.58],
                    ["P8", "h", "12500毫米", 0.2, 90, 0, 0, 114.15, 22.58],
                    ["P9", "i", 1250, 0.2, 90.1, 0, 0, 114.15, 22.57],
                    ["P10", "j", 1250, 0.2, "45%", 0, 0, 114.15, 22.56],
                    ["P11", "k", 1250, 0.2, 45, "0.35亿元", 2.5, 114.15, 22.55],
                    ["P12", "l", "1250厘米", "200米", 45, "0.35亿元", 2.0, 114.15, 22.54],
                ]
            },
        ),
        accepted=4,
        rejected=["P3", "P4", "P5", "P6", "P7", "P9", "P10", "P11"],
        values={
            "P1": {
                "height_m": 12.5,
                "length_m": 200,
                "slope_deg": 45,
                "threatened_property": 3.5,
                "threatened_people": 12,
            },
            "P2": {
                "height_m": 12.5,
                "length_m": 200,
                "slope_deg": 45,
                "threatened_property": 3.5,
                "threatened_people": 12,
            },
            "P8": {"height_m": 12.5, "slope_deg": 90, "threatened_property": 0, "threatened_people": 0},
            "P12": {"height_m": 12.5, "length_m": 200, "threatened_property": 3500, "threatened_people": 2},
        },
    )
)

# 3 --- dates as text in many styles, GB18030
_DATES = [
    ("D01", "2023-09-08", "2023-09-08"), ("D02", "2023/9/8", "2023-09-08"), ("D03", "2023.9.8", "2023-09-08"),
    ("D04", "2023年9月8日", "2023-09-08"), ("D05", "20230908", "2023-09-08"), ("D06", "2023年09月08号", "2023-09-08"),
    ("D07", "2023-09-08 14:30:00", "2023-09-08"), ("D08", "２０２３年９月８日", "2023-09-08"), ("D09", "45177", "2023-09-08"),
    ("D10", "二〇二三年九月八日", "2023-09-08"), ("D11", "2023年9月", "2023-09-01"), ("D12", "2023-09-08T14:30:00+08:00", "2023-09-08"),
    ("D13", "2023年2月30日", "!"), ("D14", "2023-13-01", "!"), ("D15", "31/31/2023", "!"), ("D16", "去年", "!"),
    ("D17", "2024-02-29", "2024-02-29"), ("D18", "2023-02-29", "!"), ("D19", "不详", None),
]  # fmt: skip
ALL.append(
    Case(
        "dates",
        "slopes",
        lambda d: text_table(
            d / "日期.csv",
            [["边坡编号", "边坡名称", "发现时间", "经度", "纬度"]]
            + [[c, "坡" + c, t, "114.12", "22.55"] for c, t, _ in _DATES],
            encoding="gb18030",
        ),
        accepted=sum(1 for x in _DATES if x[2] != "!"),
        rejected=[c for c, _, v in _DATES if v == "!"],
        warned=["D11"],
        values={c: {"found_on": v} for c, _, v in _DATES if v != "!"},
    )
)

# 4 --- dates as Excel stores them
ALL.append(
    Case(
        "date_cells",
        "slopes",
        lambda d: book(
            d / "日期格.xlsx",
            {
                "表": [
                    ["边坡编号", "边坡名称", "发现日期", "经度", "纬度"],
                    [1001, "a", dt.date(2023, 9, 8), 114.12, 22.55],
                    [1002.0, "b", dt.datetime(2023, 9, 8, 15, 30), 114.13, 22.55],  # noqa: DTZ001 - Excel knows no zones
                    ["0001003", "c", 45177, 114.14, 22.55],
                    ["1004", "d", 45177.6, 114.15, 22.55],
                ]
            },
        ),
        accepted=4,
        values={c: {"found_on": "2023-09-08"} for c in ("1001", "1002", "0001003", "1004")},
    )
)

# 5 --- every word for yes and no
_YES = ["有", "是", "√", "Y", "yes", "TRUE", "1", "已治理", "✔", "对", "Ｙ", "是。"]
_NO = ["无", "否", "×", "N", "no", "FALSE", "0", "未治理", "没有", "ｘ", "未", "不是"]
_NEITHER = ["大概", "部分", "2", "是/否", "有无", "待核实后填"]
_WORDS = [
    (f"B{i:02}", w, v)
    for i, (w, v) in enumerate(
        [(w, True) for w in _YES]
        + [(w, False) for w in _NO]
        + [(w, "!") for w in _NEITHER]
        + [("/", None), ("—", None), ("不详", None), ("", None)]
    )
]
ALL.append(
    Case(
        "booleans",
        "slopes",
        lambda d: text_table(
            d / "是否.csv",
            [["边坡编号", "边坡名称", "是否治理"]] + [[c, "坡", w] for c, w, _ in _WORDS],
            encoding="utf-8-sig",
            separator=";",
            end="\n",
        ),
        accepted=sum(1 for x in _WORDS if x[2] != "!"),
        rejected=[c for c, _, v in _WORDS if v == "!"],
        unlocated=[c for c, _, v in _WORDS if v != "!"],
        values={c: {"engineered": v} for c, _, v in _WORDS if v != "!"},
    )
)
ALL.append(
    Case(
        "boolean_cells",
        "slopes",
        lambda d: book(
            d / "布尔.xlsx",
            {
                "表": [
                    ["边坡编号", "边坡名称", "是否治理", "是否监测"],
                    ["a1", "x", True, False],
                    ["a2", "y", 1, 0],
                    ["a3", "z", 1.0, 2],
                ]
            },
        ),
        accepted=2,
        rejected=["a3"],
        unlocated=["a1", "a2"],
        values={c: {"engineered": True, "monitored": False} for c in ("a1", "a2")},
    )
)

# 6 --- UTF-16 with tabs, both numbers in one cell in every order
_PAIRS = [
    ("N1", "114.12,22.55", (114.12, 22.55)), ("N2", "22.55,114.12", (114.12, 22.55)), ("N3", "114.12，22.55", (114.12, 22.55)),
    ("N4", "114.12 22.55", (114.12, 22.55)), ("N5", "（114.12，22.55）", (114.12, 22.55)), ("N6", "东经114.12，北纬22.55", (114.12, 22.55)),
    ("N7", "N22.55 E114.12", (114.12, 22.55)), ("N8", "114°07′12″,22°33′00″", (114.12, 22.55)), ("N9", "22°33′00″N 114°07′12″E", (114.12, 22.55)),
    ("N10", "114.12", "!"), ("N11", "东门路口", "!"), ("N12", "0,0", "!"), ("N13", "/", None), ("N14", "14.12,22.55", "!"),
    ("N15", "114.12、22.55", (114.12, 22.55)), ("N16", "经度：114.12 纬度：22.55", (114.12, 22.55)), ("N17", "114.12/22.55", (114.12, 22.55)),
    ("N18", "114.12,-22.55", "!"),
]  # fmt: skip
for _encoding, _title in (("utf-16", "utf16"), ("utf-8", "utf8_tab")):
    ALL.append(
        Case(
            f"one_cell_{_title}",
            "waterlogging",
            lambda d, e=_encoding, t=_title: text_table(
                d / f"内涝{t}.csv",
                [["内涝点编号", "内涝点名称", "经纬度", "积水深度（厘米）"]]
                + [[c, "点" + c, t2, "35"] for c, t2, _ in _PAIRS],
                encoding=e,
                separator="\t",
            ),
            accepted=sum(1 for x in _PAIRS if x[2] != "!"),
            rejected=[c for c, _, v in _PAIRS if v == "!"],
            unlocated=["N13"],
            warned=["N2"],
            wgs84={c: v for c, _, v in _PAIRS if isinstance(v, tuple)},
            values={"N1": {"max_depth_m": 0.35}},
        )
    )

# 7 --- quoted line breaks, separators inside quotes, awkward texts
_LONG = "很长的说明" * 300
ALL.append(
    Case(
        "texts",
        "waterlogging",
        lambda d: text_table(
            d / "文字.csv",
            [
                ["内涝点编号", "内涝点名称", "经度", "纬度", "积水原因", "地址", "负责单位电话"],
                [
                    "T1",
                    "㙓嘢𠮷野家门前",
                    "114.12",
                    "22.55",
                    "第一行\n第二行",
                    "甲路;乙路,丙路",
                    "0755-25500000",
                ],
                ["T2", "🌊积水点", "114.13", "22.55", _LONG, '他说"好"', ""],
                ["T3", "零\u200b宽", "114.14", "22.55", "无", "不详", ""],
                ["T4", "=1+1", "114.15", "22.55", "@SUM(1)", "-1+2", ""],
                ["T5", "+86某处", "114.16", "22.55", "'+86", "%s%n", ""],
                ["T6", "合计点", "114.16", "22.56", "备注山", "", ""],
            ],
            encoding="gb18030",
        ),
        accepted=6,
        warned=["T3"],
        values={
            "T1": {"name": "㙓嘢𠮷野家门前", "causes": "第一行\n第二行", "address": "甲路;乙路,丙路"},
            "T2": {"name": "🌊积水点", "causes": _LONG, "address": '他说"好"'},
            "T3": {"name": "零宽", "causes": "无", "address": None},
            "T4": {"name": "=1+1", "causes": "@SUM(1)", "address": "-1+2"},
            "T5": {"name": "+86某处", "address": "%s%n"},
            "T6": {"name": "合计点"},
        },
        left=["负责单位电话"],
    )
)

# 8 --- two sheets in different order, a checklist, DMS variants, a code twice across sheets
_ITEMS = [f"十个有-{n}" for n in "一二三四五六七八九十"]
ALL.append(
    Case(
        "sheets",
        "underground_spaces",
        lambda d: book(
            d / "地下空间汇总.xlsx",
            {
                "封面": [["地下空间台账"], ["2024年"]],
                "黄贝街道": [
                    ["编号", "名称", "经度", "纬度", "停车位数（个）", "面积（亩）", *_ITEMS],
                    ["U1", "甲", "114°07′12″", "22°33′00″", "453个", 3, *["有"] * 10],
                    [
                        "U2",
                        "乙",
                        "114度7分12秒",
                        "22度33分0秒",
                        "1,024",
                        "2000平方米",
                        *["有", "无", None] * 3,
                        "√",
                    ],
                    ["U3", "丙", "E114°7'12\"", "N22°33'0\"", "453辆", "0.2公顷", *["√", "×"] * 5],
                    ["U4", "丁", "114:07:12", "22:33:00", 12.5, 3, *["有"] * 10],
                ],
                "空表": [],
                "东门街道": [
                    [*_ITEMS, "纬度", "经度", "面积（m²）", "名称", "编号"],
                    [*["无"] * 10, "北纬22°33′00″", "东经114°07′12″", 2000, "戊", "U5"],
                    [*["有"] * 10, "22°33′", "114°07.2′", "0.002平方公里", "己", "U6"],
                    [*["有"] * 10, 22.55, 114.12, 2000, "又一个甲", "U1"],
                    [*["有"] * 10, "22°63′00″", "114°07′12″", 2000, "庚", "U7"],
                ],
            },
        ),
        accepted=5,
        rejected=["U4", "U7", "U1"],
        wgs84=dict.fromkeys(("U1", "U2", "U3", "U5", "U6"), (114.12, 22.55)),
        values={
            "U1": {"floor_area_m2": 2000, "parking_spaces": 453, "checklist": [True] * 10},
            "U2": {
                "floor_area_m2": 2000,
                "parking_spaces": 1024,
                "checklist": [True, False, None] * 3 + [True],
            },
            "U3": {"floor_area_m2": 2000, "parking_spaces": 453, "checklist": [True, False] * 5},
            "U5": {"floor_area_m2": 2000, "checklist": [False] * 10},
            "U6": {"floor_area_m2": 2000},
        },
    )
)

# 9 --- projected coordinates: X to the north, zone numbers in front
_E, _N = planar(114.12, 22.55, 4547)
_EZ, _NZ = planar(114.12, 22.55, 4526)
ALL.append(
    Case(
        "zone_prefix",
        "slopes",
        lambda d: book(
            d / "带号.xlsx",
            {
                "表": [
                    ["边坡编号", "边坡名称", "X坐标（北）", "Y坐标（东）"],
                    ["Z1", "a", _N, _EZ],
                    ["Z2", "b", f"{_NZ}", f"{_EZ}"],
                    ["Z3", "c", _EZ, _N],
                ]
            },
        ),
        accepted=3,
        crs="EPSG:4526",
        warned=["Z3"],
        wgs84=dict.fromkeys(("Z1", "Z2", "Z3"), (114.12, 22.55)),
    )
)
ALL.append(
    Case(
        "zone_prefix_too_much",
        "slopes",
        lambda d: book(
            d / "带号2.xlsx",
            {
                "表": [
                    ["边坡编号", "边坡名称", "X", "Y"],
                    ["Z1", "a", _N, _E],
                    ["Z2", "b", _N, _EZ],
                    ["Z3", "c", f"{_N}米", f"{_E}m"],
                    ["Z4", "d", 114.12, 22.55],
                    ["Z5", "e", _N, 39512343.292],
                ]
            },
        ),
        accepted=3,
        crs="EPSG:4547",
        rejected=["Z4", "Z5"],
        warned=["Z2"],
        wgs84=dict.fromkeys(("Z1", "Z2", "Z3"), (114.12, 22.55)),
    )
)
ALL.append(
    Case(
        "plain_xy",
        "shelters",
        lambda d: text_table(
            d / "xy.csv",
            [["场所编号", "避难场所名称", "x", "y"], ["S1", "学校", _E, _N], ["S2", "公园", _N, _E]],
            encoding="utf-8",
        ),
        accepted=2,
        crs="EPSG:4547",
        wgs84=dict.fromkeys(("S1", "S2"), (114.12, 22.55)),
    )
)
ALL.append(
    Case(
        "degrees_as_xy",
        "shelters",
        lambda d: text_table(
            d / "xy度.csv",
            [
                ["场所编号", "避难场所名称", "X坐标", "Y坐标"],
                ["S1", "学校", "114.12", "22.55"],
                ["S2", "公园", "114.13", "22.56"],
            ],
            encoding="utf-8",
        ),
        accepted=2,
        wgs84={"S1": (114.12, 22.55), "S2": (114.13, 22.56)},
    )
)

# 10 --- positions in two columns that are not positions
ALL.append(
    Case(
        "bad_positions",
        "risk_points",
        lambda d: book(
            d / "坐标.xlsx",
            {
                "表": [
                    ["风险点编号", "风险点名称", "东经", "北纬"],
                    ["C1", "ok", 114.12, 22.55],
                    ["C2", "swapped", 22.55, 114.12],
                    ["C3", "half", 114.12, None],
                    ["C4", "half", None, 22.55],
                    ["C5", "zero", 0, 0],
                    ["C6", "abroad", 2.35, 48.85],
                    ["C7", "negative", -114.12, 22.55],
                    ["C8", "unknown", "/", "/"],
                    ["C9", "unknown", "不详", None],
                    ["C10", "words", "114.12东", "22.55北"],
                    ["C11", "metres", 512343.292, 2494000.1],
                    ["C12", "two dots", "114..12", "22.55"],
                    ["C13", "degree and sign", "114.12°E", "22.55°N"],
                    ["C14", "comma", "114，12", "22，55"],
                    ["C15", "zero text", "0", "0.0"],
                ]
            },
        ),
        accepted=6,
        rejected=["C3", "C4", "C5", "C6", "C7", "C11", "C12", "C14", "C15"],
        unlocated=["C8", "C9"],
        warned=["C2"],
        wgs84=dict.fromkeys(("C1", "C2", "C10", "C13"), (114.12, 22.55)),
    )
)

# 11 --- phones and ids
ALL.append(
    Case(
        "phones",
        "risk_points",
        lambda d: book(
            d / "电话.xlsx",
            {
                "表": [
                    ["编号", "名称", "责任人", "联系电话", "挂点领导", "联系电话", "职务"],
                    ["007", "a", "张三", 13800138000, "李书记", "0755-25500000", "书记"],
                    [8, "b", "张三 13800138001", None, None, None, None],
                    ["０９", "c", "张三", "138-0013-8000", "王五", 13800138000.0, None],
                    ["A 1", "d", "张三", "１３８００１３８０００", None, None, None],
                    ["  A2  ", "e", "无", "无", "/", "/", None],
                    ["1.38E+10", "f", None, None, None, None, None],
                ]
            },
        ),
        accepted=5,
        rejected=["row:7"],
        unlocated=["007", "8", "09", "A 1", "A2"],
        values={
            "007": {"contacts": 2},
            "8": {"contacts": 1},
            "09": {"contacts": 2},
            "A 1": {"contacts": 1},
            "A2": {"contacts": 0},
        },
    )
)

# 12 --- a code twice in one sheet, rows without one, a merged sub-district column, sections
ALL.append(
    Case(
        "merged_down",
        "risk_points",
        lambda d: book(
            d / "合并.xlsx",
            {
                "表": [
                    ["风险点编号", "风险点名称", "街道", "L", "E", "C"],
                    ["M1", "a", "东门街道", 1, 1, 1],
                    ["M2", "b", None, 1, 1, 1],
                    ["M3", "c", "南湖街道", 1, 1, 1],
                    ["M3", "c2", None, 1, 1, 1],
                    [None, "d", "南湖街道", 1, 1, 1],
                    ["合计", 5],
                    ["制表：张三", None, "2024.12.1"],
                ]
            },
            merges={"表": ["C2:C3", "C4:C5"]},
        ),
        accepted=3,
        rejected=["row:5", "row:6"],
        skipped=2,
        unlocated=["M1", "M2", "M3"],
        values={
            "M1": {"subdistrict": "东门街道"},
            "M2": {"subdistrict": "东门街道"},
            "M3": {"subdistrict": "南湖街道"},
        },
    )
)

# 13 --- census field names
ALL.append(
    Case(
        "census_slopes",
        "slopes",
        lambda d: text_table(
            d / "dzzhyhd.csv",
            [
                ["yhdbh", "yhdmc", "yhdlx", "xz", "c", "dlwz", "wxccwy", "wxhsh", "wxrsr", "yhdfxsj", "sfkzzlgc", "fzzrrxm", "fzzrrdh", "jczrrxm", "jczrrdh", "sfxh", "lon", "lat", "xjshr"],
                ["440303010001", "滑坡1", "滑坡", "莲塘街道", "仙湖社区", "某路", "120.5", "3", "11", "2019-06-13", "是", "张三", "13800138000", "李四", "13800138001", "否", "114.17", "22.57", "审核员"],
                ["440303010002", "崩塌1", "崩塌", "莲塘街道", "仙湖社区", "某路", "", "", "", "", "否", "", "", "", "", "", "114.18", "22.57", "审核员"],
            ],
            encoding="gbk",
        ),
        accepted=2,
        wgs84={"440303010001": (114.17, 22.57)},
        values={
            "440303010001": {
                "hazard_type": "landslide", "subdistrict": "莲塘街道", "community": "仙湖社区", "threatened_property": 120.5,
                "threatened_households": 3, "threatened_people": 11, "found_on": "2019-06-13", "engineered": True, "closed": False, "contacts": 2,
            },
            "440303010002": {"hazard_type": "collapse", "threatened_people": None, "contacts": 0},
        },
        left=["xjshr"],
    )
)  # fmt: skip
ALL.append(
    Case(
        "street_template",
        "shelters",
        lambda d: book(
            d / "避难场所导入模板.xlsx",
            {
                "Sheet1": [
                    ["场所编号", "避难场所名称", "类型", "类别", "最大容纳人数", "管理人员", "管理员手机", "所属社区", "面积（m2）", "状态", "应急职责", "经度", "纬度", "地址"],
                    ["BN1", "一小", "学校", "Ⅰ类", "1200人", "张三", 13800138000, "仙湖社区", "3000㎡", "启用", "疏散", 114.17, 22.57, "某路1号"],
                    ["BN2", "二小", "学校", "Ⅱ类", "一千", "张三", 13800138000, "仙湖社区", 3000, "停用", "疏散", 114.17, 22.58, "某路1号"],
                    ["BN3", "三小", "学校", "Ⅱ类", "500-800人", "张三", 13800138000, "仙湖社区", 3000, "停用", "疏散", 114.17, 22.59, "某路1号"],
                    ["BN4", "四小", "学校", "Ⅱ类", "清空", "张三", 13800138000, "仙湖社区", "0.3公顷", "停用", "清空", 114.17, 22.6, "某路1号"],
                ]
            },
        ),
        accepted=2,
        rejected=["BN2", "BN3"],
        values={
            "BN1": {"capacity": 1200, "area_m2": 3000, "status": "open", "site_kind": "学校", "category": "Ⅰ类", "contacts": 1, "duties": "疏散"},
            "BN4": {"capacity": None, "area_m2": 3000, "status": "closed", "duties": None},
        },
    )
)  # fmt: skip

# 14 --- a column with two meanings, columns without a header
ALL.append(
    Case(
        "no_header_columns",
        "waterlogging",
        lambda d: book(
            d / "无标题列.xlsx",
            {
                "内涝": [
                    [
                        "序号",
                        "内涝点编号",
                        "内涝点名称",
                        "坐标",
                        None,
                        "最大水深（mm）",
                        "第一联系人",
                        "电话",
                        "第二联系人",
                        "电话",
                        "24小时雨量",
                        None,
                    ],
                    [
                        1,
                        "W1",
                        "甲",
                        114.12,
                        22.55,
                        350,
                        "张",
                        13800138000,
                        "李",
                        13800138001,
                        120,
                        "这里有数据",
                    ],
                    [2, "W2", "乙", 114.13, 22.56, 0, "张", 13800138000, None, None, 90, None],
                    [3, None, None, None, None, None, None, None, None, None, None, None],
                ]
            },
            merges={"内涝": ["D1:E1"]},
        ),
        accepted=2,
        skipped=1,
        wgs84={"W1": (114.12, 22.55), "W2": (114.13, 22.56)},
        values={"W1": {"max_depth_m": 0.35, "contacts": 2}, "W2": {"max_depth_m": 0, "contacts": 1}},
        left=["24小时雨量", "第 12 列（无表头）"],
    )
)

# 15 --- formulas that the office program left an error in
ALL.append(
    Case(
        "percent_and_errors",
        "waterlogging",
        lambda d: text_table(
            d / "错误.csv",
            [
                ["内涝点编号", "内涝点名称", "积水深度", "影响人数", "积水面积", "抽排能力", "积水时间"],
                ["E1", "a", "#DIV/0!", "1", "", "", ""],
                ["E2", "b", "0.5", "50%", "", "", ""],
                ["E3", "c", "0.5m", "5户", "2亩", "0.5m³/s", "1.5小时"],
                ["E4", "d", "半米", "5", "", "", ""],
                ["E5", "e", "1e-1", "1e2", "3000", "1800", "90"],
                ["E6", "f", "0.5kg", "", "", "", ""],
                ["E7", "g", "25", "", "", "", ""],
                ["E8", "h", "NaN", "inf", "", "", ""],
                ["E9", "i", "Infinity", "", "", "", ""],
            ],
            encoding="utf-8",
        ),
        accepted=2,
        rejected=["E1", "E2", "E4", "E6", "E7", "E8", "E9"],
        unlocated=["E3", "E5"],
        values={
            "E3": {
                "max_depth_m": 0.5,
                "exposed_people": 5,
                "water_area_m2": 20000 * 2 / 30,
                "pump_capacity": 1800,
                "drain_minutes": 90,
            },
            "E5": {
                "max_depth_m": 0.1,
                "exposed_people": 100,
                "water_area_m2": 3000,
                "pump_capacity": 1800,
                "drain_minutes": 90,
            },
        },
    )
)

# 16 --- sections by sub-district where the code is the first column, a header said again, a closing line
ALL.append(
    Case(
        "sections",
        "slopes",
        lambda d: book(
            d / "分段.xlsx",
            {
                "汇总": [
                    ["边坡台账"],
                    ["编号", "名称", "坡高"],
                    ["一、东门街道"],
                    ["S1", "a", 5],
                    ["S2", "b", 6],
                    ["小计", 2, 11],
                    ["二、南湖街道（1处）"],
                    ["编号", "名称", "坡高"],
                    ["S3", "c", 7],
                    ["（三）已销号"],
                    ["S4", "d", 8],
                    ["合计", None, 26],
                    ["（此页以下空白）"],
                ]
            },
        ),
        accepted=4,
        skipped=7,
        unlocated=["S1", "S2", "S3", "S4"],
        values={
            "S1": {"subdistrict": "东门街道", "height_m": 5},
            "S3": {"subdistrict": "南湖街道", "height_m": 7},
        },
    )
)

# 17 --- a line of units below the header, and a line that numbers the columns
ALL.append(
    Case(
        "units_below",
        "slopes",
        lambda d: book(
            d / "单位行.xlsx",
            {
                "甲": [
                    ["编号", "名称", "坡高", "威胁财产"],
                    [None, None, "(cm)", "（元）"],
                    ["W1", "x", 500, 35000],
                    ["W2", "y", "6米", 0],
                ],
                "乙": [["编号", "名称", "坡高", "威胁财产"], ["甲", "乙", "1", "2"], ["W3", "x", 5, 3.5]],
                "丙": [["编号", "名称", "坡高", "威胁财产"], [1, 2, 3, 4], ["W4", "x", 5, 3.5]],
            },
        ),
        accepted=4,
        skipped=2,
        unlocated=["W1", "W2", "W3", "W4"],
        values={
            "W1": {"height_m": 5, "threatened_property": 3.5},
            "W2": {"height_m": 6},
            "W3": {"height_m": 5},
            "W4": {"height_m": 5, "threatened_property": 3.5},
        },
    )
)

# 18 --- a code of eighteen digits: as a text it is whole, as a number it is not
ALL.append(
    Case(
        "long_codes",
        "risk_points",
        lambda d: book(
            d / "长编号.xlsx",
            {
                "表": [
                    ["编号", "名称"],
                    ["440303001000123457", "text"],
                    [440303001000123457, "number"],
                    [440303001, "short"],
                ]
            },
        ),
        accepted=3,
        unlocated=["440303001000123457", "440303001000123520", "440303001"],
        warned=["440303001000123520"],
        values={"440303001000123457": {"name": "text"}},
    )
)
