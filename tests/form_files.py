"""Forms as a superior sends them: titles, merged cells, a room for records, and below it what must move as one."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
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


def parts_of(path: Path) -> dict[str, bytes]:
    """Return the parts of a workbook."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write_parts(path: Path, parts: Mapping[str, bytes]) -> None:
    """Write a workbook of these parts."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


MACROS = b"\xd0\xcf\x11\xe0 macros \x00\xff" * 9
_MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_KINDS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_X14 = "http://schemas.microsoft.com/office/spreadsheetml/2009/9/main"
_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
# A comment on J and a check box on E of one row below the table, as Excel draws them.
_DRAWN = """<xml xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office"
 xmlns:x="urn:schemas-microsoft-com:office:excel">
 <o:shapelayout v:ext="edit"><o:idmap v:ext="edit" data="1"/></o:shapelayout>
 <v:shapetype id="_x0000_t202" coordsize="21600,21600" o:spt="202" path="m,l,21600r21600,l21600,xe"/>
 <v:shapetype id="_x0000_t201" coordsize="21600,21600" o:spt="201" path="m,l,21600r21600,l21600,xe"/>
 <v:shape id="_x0000_s1026" type="#_x0000_t202" style='position:absolute;visibility:hidden' fillcolor="#ffffe1">
  <v:textbox><div style='text-align:left'></div></v:textbox>
  <x:ClientData ObjectType="Note"><x:MoveWithCells/><x:SizeWithCells/>
   <x:Anchor>
    10, 15, {0}, 10, 12, 15, {1}, 4</x:Anchor>
   <x:AutoFill>False</x:AutoFill><x:Row>{0}</x:Row><x:Column>9</x:Column></x:ClientData></v:shape>
 <v:shape id="_x0000_s1027" type="#_x0000_t201" style='position:absolute' filled="f" stroked="f">
  <v:textbox><div style='text-align:left'><font face="宋体">已核实<br></font></div></v:textbox>
  <x:ClientData ObjectType="Checkbox"><x:SizeWithCells/>
   <x:Anchor>4, 10, {0}, 2, 5, 40, {1}, 3</x:Anchor>
   <x:FmlaLink>表1!$B${1}</x:FmlaLink><x:Checked>1</x:Checked></x:ClientData></v:shape>
</xml>"""
_CONTROL = """<mc:AlternateContent xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"><mc:Choice
 xmlns:x14="http://schemas.microsoft.com/office/spreadsheetml/2009/9/main" Requires="x14"><controls><mc:AlternateContent>
<mc:Choice Requires="x14"><control xmlns:r="{kinds}" shapeId="1027" r:id="ctrlProp" name="复选框 1"><controlPr defaultSize="0"
 autoFill="0" autoLine="0" autoPict="0" linkedCell="$B${1}"><anchor moveWithCells="1"
 xmlns:xdr="http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing"><from><xdr:col>4</xdr:col>
<xdr:colOff>95250</xdr:colOff><xdr:row>{0}</xdr:row><xdr:rowOff>19050</xdr:rowOff></from><to><xdr:col>5</xdr:col>
<xdr:colOff>381000</xdr:colOff><xdr:row>{1}</xdr:row><xdr:rowOff>28575</xdr:rowOff></to></anchor></controlPr></control>
</mc:Choice></mc:AlternateContent></controls></mc:Choice></mc:AlternateContent><extLst><ext
 uri="{{CCE6A557-97BC-4b89-ADB6-D9C93CAAB3DF}}" xmlns:x14="http://schemas.microsoft.com/office/spreadsheetml/2009/9/main">
<x14:dataValidations count="1" xmlns:xm="http://schemas.microsoft.com/office/excel/2006/main"><x14:dataValidation
 type="list" showErrorMessage="1"><x14:formula1><xm:f>汇总!$A$1:$A$2</xm:f></x14:formula1><xm:sqref>F{1}</xm:sqref>
</x14:dataValidation></x14:dataValidations></ext></extLst>"""
_SOURCE = """<pivotCacheDefinition {main} saveData="0" refreshedBy="甲" createdVersion="4" refreshedVersion="4"
 recordCount="0"><cacheSource type="worksheet"><worksheetSource ref="E4:F{0}" sheet="表1"/></cacheSource><cacheFields
 count="2"><cacheField name="按四级" numFmtId="0"><sharedItems containsBlank="1" count="1"><m/></sharedItems></cacheField>
<cacheField name="保留一位" numFmtId="0"><sharedItems containsBlank="1"/></cacheField></cacheFields></pivotCacheDefinition>"""
_PIVOT = """<pivotTableDefinition {main} name="透视表1" cacheId="1" dataCaption="值" updatedVersion="4" createdVersion="4"
 minRefreshableVersion="3" outline="1" indent="0"><location ref="D3:E5" firstHeaderRow="1" firstDataRow="1"
 firstDataCol="1"/><pivotFields count="2"><pivotField axis="axisRow" showAll="0"><items count="2"><item x="0"/><item
 t="default"/></items></pivotField><pivotField dataField="1" showAll="0"/></pivotFields><rowFields count="1"><field x="0"/>
</rowFields><rowItems count="2"><i><x/></i><i t="grand"><x/></i></rowItems><colItems count="1"><i/></colItems><dataFields
 count="1"><dataField name="求和" fld="1" baseField="0" baseItem="0"/></dataFields></pivotTableDefinition>"""


def office_form(path: Path, *, rows: int = 5) -> Path:
    """Make the form of `superior_form` as Excel would save it: .xlsm has macros.

    A drawn comment and a check box (linked to B) below the table, rules of newer programs there; on the other sheet a
    pivot table of the rows and a check box linked to the same cell.
    """
    parts, last = parts_of(superior_form(path, rows=rows)), FIRST + rows - 1
    below = (last + 5, last + 6)  # the comment's row as drawings count, and as people do

    def put(name: str, before: str, more: str) -> None:
        parts[name] = parts[name].replace(before.encode(), (more + before).encode(), 1)

    parts["xl/drawings/commentsDrawing1.vml"] = _DRAWN.format(*below).encode()
    linked = (
        _DRAWN[: _DRAWN.index(' <v:shape id="_x0000_s1026"')]
        + _DRAWN[_DRAWN.index(' <v:shape id="_x0000_s1027"') :]
    )
    parts["xl/drawings/vmlDrawing2.vml"] = linked.format(*below).encode()
    put("xl/worksheets/sheet2.xml", "</worksheet>", f'<legacyDrawing xmlns:r="{_KINDS}" r:id="vmlDrawing"/>')
    sheet = parts["xl/worksheets/sheet1.xml"].decode()
    sheet = sheet.replace("</worksheet>", _CONTROL.format(*below, kinds=_KINDS) + "</worksheet>")
    parts["xl/worksheets/sheet1.xml"] = sheet.encode()
    box = f'<formControlPr xmlns="{_X14}" objectType="CheckBox" checked="Checked" fmlaLink="$B${below[1]}"/>'
    parts["xl/ctrlProps/ctrlProp1.xml"] = (_XML + box).encode()
    parts["xl/pivotCache/pivotCacheDefinition1.xml"] = (_XML + _SOURCE.format(last, main=_MAIN)).encode()
    parts["xl/pivotTables/pivotTable1.xml"] = (_XML + _PIVOT.format(main=_MAIN)).encode()
    all_related = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"></Relationships>'
    )
    for name, what, target in (
        ("xl/worksheets/_rels/sheet1.xml.rels", "ctrlProp", "../ctrlProps/ctrlProp1.xml"),
        ("xl/worksheets/_rels/sheet2.xml.rels", "vmlDrawing", "../drawings/vmlDrawing2.vml"),
        ("xl/worksheets/_rels/sheet2.xml.rels", "pivotTable", "../pivotTables/pivotTable1.xml"),
        ("xl/pivotTables/_rels/pivotTable1.xml.rels", "pivotCacheDefinition", "../pivotCache/pivotCacheDefinition1.xml"),
        ("xl/_rels/workbook.xml.rels", "pivotCacheDefinition", "pivotCache/pivotCacheDefinition1.xml"),
    ):  # fmt: skip
        parts.setdefault(name, all_related.encode())
        put(name, "</Relationships>", f'<Relationship Type="{_KINDS}/{what}" Target="{target}" Id="{what}"/>')
    caches = (
        f'<pivotCaches><pivotCache xmlns:r="{_KINDS}" cacheId="1" r:id="pivotCacheDefinition"/></pivotCaches>'
    )
    put("xl/workbook.xml", "</workbook>", caches)
    kinds = {
        "xl/ctrlProps/ctrlProp1.xml": "application/vnd.ms-excel.controlproperties+xml",
        "xl/pivotCache/pivotCacheDefinition1.xml": f"{_TYPES}.pivotCacheDefinition+xml",
        "xl/pivotTables/pivotTable1.xml": f"{_TYPES}.pivotTable+xml",
    }
    if path.suffix == ".xlsm":
        parts["xl/vbaProject.bin"] = MACROS
        kinds["xl/vbaProject.bin"] = "application/vnd.ms-office.vbaProject"
        project = '<Relationship Type="http://schemas.microsoft.com/office/2006/relationships/vbaProject" '
        put("xl/_rels/workbook.xml.rels", "</Relationships>", f'{project}Target="vbaProject.bin" Id="vba"/>')
        types = parts["[Content_Types].xml"].decode()
        main, enabled = f"{_TYPES}.sheet.main+xml", "application/vnd.ms-excel.sheet.macroEnabled.main+xml"
        parts["[Content_Types].xml"] = types.replace(main, enabled).encode()
    for name, kind in kinds.items():
        put("[Content_Types].xml", "</Types>", f'<Override PartName="/{name}" ContentType="{kind}"/>')
    write_parts(path, parts)
    return path


def cells_of(sheet: Any) -> dict[str, tuple[Any, ...]]:
    """Return place → value and look of every cell of a sheet."""
    return {cell.coordinate: (cell.value, look_of(cell)) for line in sheet.iter_rows() for cell in line}


def look_of(cell: Any) -> str:
    """Return how a cell looks, the same text for equal looks."""
    return repr((cell.font, cell.border, cell.fill, cell.number_format, cell.alignment, cell.protection))
