"""A form as a superior might send it, made up, and the mapping that fills it: what `riskmap fill-form` is tried on."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Final

import xlsxwriter

FORM: Final = "slopes_quarterly"


_FIRST, _ROOM = 5, 8  # where records begin, and for how many there is room


# Column, header, the header above it, width.
_HEADERS: Final = (
    ("A", "序号", "", 5),
    ("B", "编号", "", 16),
    ("C", "名称", "", 12),
    ("E", "所属街道", "", 14),
    ("F", "坡高(cm)", "基本情况", 9),
    ("G", "稳定性", "基本情况", 9),
    ("H", "风险等级", "", 9),
    ("I", "威胁人数", "", 9),
    ("J", "姓名", "防灾责任人", 10),
    ("K", "电话", "防灾责任人", 14),
)


_MAPPING: Final = f"""\
# 边坡季报表怎么填：riskmap fill-form {FORM} --to 边坡季报表.xlsx（写法见 docs/forms.md）
# How the form is filled; see docs/forms.md
title = "边坡风险情况季报表（演示表样）"
file = "{FORM}.xlsx"
sheet = "季报表"
first_row = {_FIRST}
rows = {_ROOM}
of = ["slopes"]
where = ["tier in large,major"]
order = ["-tier", "-threatened_people"]

[columns]
A = {{ running = 1 }}
B = "code"
C = "name"
E = "subdistrict"
F = {{ field = "height_m", unit = "cm", decimals = 0 }}
G = {{ field = "stability", words = {{ stable = "好", basically_stable = "较好", less_stable = "较差", unstable = "差" }} }}
H = {{ field = "tier", words = {{ major = "重大", large = "较大", general = "一般", low = "低", unrated = "未评" }} }}
I = "threatened_people"
J = {{ field = "contact.prevention.name", empty = "—" }}
K = "contact.prevention.phone"

[cells]
A2 = {{ text = "填报单位：{{district}}" }}
E2 = {{ text = "填报日期：{{year}}年{{month}}月{{day}}日" }}
K2 = {{ figure = "points.layer_tier", group = "slopes.large" }}
"""


def write_superior_form(folder: Path) -> None:
    """Write the form and its mapping into a folder, which is made if need be."""
    folder.mkdir(exist_ok=True)
    _write_form(folder / f"{FORM}.xlsx")
    (folder / f"{FORM}.toml").write_text(_MAPPING, encoding="utf-8")


def _write_form(path: Path) -> None:
    book = xlsxwriter.Workbook(path, {"default_format_properties": {"font_name": "宋体", "font_size": 10.5}})
    book.set_properties({"created": dt.datetime(2026, 1, 1, tzinfo=dt.UTC)})
    sheet = book.add_worksheet("季报表")
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.set_margins(left=0.4, right=0.4)
    frame = {"border": 1, "valign": "vcenter", "text_wrap": True}
    head = book.add_format({**frame, "bold": True, "align": "center", "bg_color": "#eef2f6"})
    centred, plain = book.add_format({**frame, "align": "center"}), book.add_format(frame)
    title = book.add_format({"bold": True, "font_size": 16, "align": "center", "valign": "vcenter"})
    sheet.set_row(0, 30)
    sheet.merge_range("A1:K1", "边坡风险情况季报表（演示表样）", title)
    sheet.merge_range("A2:D2", "填报单位：", book.add_format({"align": "left"}))
    sheet.merge_range("E2:H2", "填报日期：", book.add_format({"align": "left"}))
    sheet.merge_range("I2:J2", "较大风险边坡（处）：", book.add_format({"align": "right"}))
    for letter, header, above, width in _HEADERS:
        sheet.set_column(f"{letter}:{letter}", width)
        if above:
            sheet.write(f"{letter}4", header, head)
        elif letter != "C":
            sheet.merge_range(f"{letter}3:{letter}4", header, head)
    sheet.set_column("D:D", 12)
    sheet.merge_range("C3:D4", "名称", head)
    sheet.merge_range("F3:G3", "基本情况", head)
    sheet.merge_range("J3:K3", "防灾责任人", head)
    last = _FIRST + _ROOM - 1
    for row in range(_FIRST, last + 1):
        sheet.set_row(row - 1, 24)
        for letter, *_ in _HEADERS:
            sheet.write_blank(f"{letter}{row}", None, plain if letter in "BE" else centred)
        sheet.merge_range(f"C{row}:D{row}", "", plain)
    for letter, words in (("G", ["好", "较好", "较差", "差"]), ("H", ["重大", "较大", "一般", "低", "未评"])):
        sheet.data_validation(f"{letter}{_FIRST}:{letter}{last}", {"validate": "list", "source": words})
    total = last + 1
    sheet.set_row(total - 1, 24)
    sheet.merge_range(f"A{total}:H{total}", "合计", head)
    sheet.write_formula(f"I{total}", f"=SUM(I{_FIRST}:I{last})", head)
    sheet.merge_range(f"J{total}:K{total}", "", head)
    note = book.add_format({"text_wrap": True, "valign": "top"})
    sheet.merge_range(
        f"A{total + 2}:K{total + 3}",
        "说明：1. 只填较大及以上风险的边坡；2. 稳定性、风险等级从下拉框选；3. 本表为演示虚构，不是任何单位的正式报表。",
        note,
    )
    sheet.write(f"A{total + 5}", "填报人：")
    sheet.write(f"F{total + 5}", "审核人：")
    sheet.write(f"J{total + 5}", "（盖章）")
    sheet.print_area(0, 0, total + 4, 10)
    sheet.repeat_rows(2, 3)
    sheet.freeze_panes(4, 2)
    book.close()
