"""Forms as a superior sends them: titles, merged cells, a room for records, and below it what must move as one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.comments import Comment
from openpyxl.formatting.rule import CellIsRule
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.pagebreak import Break

FIRST = 5
THIN = Border(*(Side("thin"),) * 4)
HEADERS = {
    "A": "序号", "B": "编号", "C": "名称", "E": "等级", "F": "坡高(cm)", "G": "稳定性", "H": "户数", "I": "折算", "J": "备注",
}  # fmt: skip


def superior_form(path: Path, *, rows: int = 5, tiers: str = '"特级,一级,二级,三级,未定"') -> Path:
    """Make a form with `rows` rows for records (C and D merged in each), a total row and a block below it."""
    book = Workbook()
    sheet = book.active
    sheet.title = "表1"
    sheet["A1"] = "边坡风险季报表"
    sheet.merge_cells("A1:J1")
    sheet["A1"].font = Font(size=18, bold=True)
    sheet["A1"].alignment = Alignment(horizontal="center")
    sheet["A2"], sheet["H2"] = "填报单位：", "重大数："
    sheet.merge_cells("A2:D2")
    for letter, title in HEADERS.items():
        sheet[f"{letter}3"] = title
        if letter not in "CEF":
            sheet.merge_cells(f"{letter}3:{letter}4")
    sheet.merge_cells("C3:D4")
    sheet["E4"], sheet["F4"] = "按四级", "保留一位"
    last = FIRST + rows - 1
    for row in range(FIRST, last + 1):
        sheet.merge_cells(f"C{row}:D{row}")
        sheet.row_dimensions[row].height = 27
        for letter in "ABCDEFGHIJ":
            cell = sheet[f"{letter}{row}"]
            cell.border, cell.font = THIN, Font(name="仿宋", size=11, color="FF1F3864")
        sheet[f"I{row}"] = f"=H{row}*2"
        sheet[f"J{row}"] = "实测"
    total, note = last + 1, last + 3
    sheet[f"A{total}"] = "合计"
    sheet.merge_cells(f"A{total}:B{total}")
    sheet[f"H{total}"], sheet[f"I{total}"] = f"=SUM(H{FIRST}:H{last})", f"=SUM($I${FIRST}:$I${last})"
    sheet[f"J{total}"] = f"=H{total}*1"
    sheet.row_dimensions[total].height = 33
    sheet[f"A{total}"].fill = PatternFill("solid", "FFDDEBF7")
    sheet[f"A{note}"] = "说明：不得改动本表"
    sheet.merge_cells(f"A{note}:J{note + 1}")
    sheet[f"A{note + 3}"] = "填报人："
    sheet[f"C{note + 3}"] = f'="合计 "&H{total}'
    sheet[f"J{note + 3}"].comment = Comment("盖章处", "市局")
    choice = DataValidation("list", formula1=tiers, allow_blank=True, showErrorMessage=True)
    choice.add(f"E{FIRST}:E{last}")
    below = DataValidation(
        "whole", operator="between", formula1="0", formula2=f"$H${total}", showErrorMessage=True
    )
    below.add(f"B{note + 3}")
    for rule in (choice, below):
        sheet.add_data_validation(rule)
    sheet.conditional_formatting.add(
        f"F{FIRST}:F{last}", CellIsRule("greaterThan", [f"$H${total}"], fill=PatternFill(bgColor="FFFFC7CE"))
    )
    sheet.conditional_formatting.add(f"J{total}", CellIsRule("equal", ["0"], font=Font(bold=True)))
    sheet.print_area = f"A1:J{note + 3}"
    sheet.print_title_rows = "3:4"
    sheet.row_breaks.append(Break(id=note))
    sheet.freeze_panes = f"C{FIRST}"
    other = book.create_sheet("汇总")
    other["A1"], other["A2"] = f"=表1!H{total}", f"=SUM('表1'!H{FIRST}:H{last})"
    book.defined_names["合计"] = DefinedName("合计", attr_text=f"'表1'!$H${total}")
    book.save(path)
    return path


def cells_of(sheet: Any) -> dict[str, tuple[Any, ...]]:
    """Return place → value and look of every cell of a sheet."""
    return {cell.coordinate: (cell.value, look_of(cell)) for line in sheet.iter_rows() for cell in line}


def look_of(cell: Any) -> str:
    """Return how a cell looks, the same text for equal looks."""
    return repr((cell.font, cell.border, cell.fill, cell.number_format, cell.alignment, cell.protection))
