"""A workbook that is a form to be filled: its parts, changed where rows of records go, and the look of such a row.

Only what must change is parsed and written again: the form's sheet, and, where the form grows, whatever names cells below
its table. Pictures, charts, macros and all other parts stay byte for byte as they are. Parsed with limits and no network
(`riskmap.io.files.worker`); definitions of entities are refused, addresses are never followed.
"""

from __future__ import annotations

import copy
import json
import posixpath
import re
import secrets
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape, unescape

from lxml import etree  # type: ignore[attr-defined]

from riskmap.errors import UnreadableFileError
from riskmap.io.files import ASKED
from riskmap.io.files.cell_references import (
    MOST_ROWS,
    Box,
    Insertion,
    cell_at,
    column_letters,
    copied,
    uncovered,
)

_MOST_CELLS: Final = 1000  # of one row that is to be copied


_LONGEST_FORMULA: Final = 8192  # as in Excel


_MOST_WORDS: Final = 5000  # of a list of choices that is looked up in cells


_RELATIONS: Final = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


_STRICT_RELATIONS: Final = "{http://purl.oclc.org/ooxml/officeDocument/relationships}id"


_SPACE: Final = "{http://www.w3.org/XML/1998/namespace}space"


_FORMULAS: Final = frozenset(
    {"f", "formula", "formula1", "formula2", "calculatedColumnFormula", "totalsRowFormula"}
)


_RANGES: Final = ("ref", "sqref", "topLeftCell", "activeCell")


_LINKED: Final = ("linkedCell", "listFillRange")  # of controls


_DATES: Final = frozenset((*range(14, 18), 22, *range(27, 32), 36, *range(50, 55), 57, 58))


# What a row keeps of the one that it is made like: its height and its look.
_ROW_LOOK: Final = ("s", "customFormat", "ht", "customHeight", "outlineLevel", "thickTop", "thickBot", "ph")


_PARSER: Final = {"resolve_entities": False, "no_network": True, "load_dtd": False, "huge_tree": True}


def read(request: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Write the changed parts of the form into the folder; return which they are and how a row of records is written.

    `wrong`: what of the form does not fit what was asked, each key, what was found and what is expected: nothing is
    written then.
    """
    asked = json.loads((folder / ASKED).read_text(encoding="utf-8"))
    with zipfile.ZipFile(request["path"]) as archive:
        try:
            return _Form(_Book(archive), asked, folder).prepared()
        except etree.XMLSyntaxError as problem:
            raise UnreadableFileError(
                "工作簿的内容损坏；请用 Excel 或 WPS 打开后另存",
                "the content of the workbook is damaged; open it in Excel or WPS and save it again",
            ) from problem


def _name(element: Any) -> str:
    """Return the name of an element without its namespace, "" of a comment."""
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def _named(root: Any, *names: str) -> list[Any]:
    return [one for one in root.iter() if _name(one) in names]


def _child(element: Any, name: str) -> Any:
    return next((one for one in element if _name(one) == name), None)


def _like(element: Any, name: str) -> str:
    """Return a name in the namespace of an element."""
    space = etree.QName(element).namespace
    return f"{{{space}}}{name}" if space else name


class _Book:
    """The parts of a workbook, each parsed once."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self.archive = archive
        self.names = archive.namelist()
        if len(set(self.names)) != len(self.names):
            raise UnreadableFileError(
                "压缩包里有重名的部分，为安全起见不填写；请用 Excel 或 WPS 另存",
                "the archive holds two parts of one name; refused as unsafe, save it again in Excel or WPS",
            )
        self.trees: dict[str, Any] = {}
        relations = self.relations("")
        self.part = next(
            (target for kind, target in relations.values() if kind == "officeDocument"), "xl/workbook.xml"
        )
        if self.part not in self.names:
            raise UnreadableFileError(
                "压缩包里没有工作簿；请用 Excel 或 WPS 另存为 xlsx",
                "the archive holds no workbook; save it as xlsx in Excel or WPS",
            )

    def tree(self, part: str) -> Any:
        """Return the root of a part."""
        if part not in self.trees:
            root = etree.fromstring(self.archive.read(part), etree.XMLParser(**_PARSER))
            if root.getroottree().docinfo.doctype:
                raise UnreadableFileError(
                    "文件里有实体定义，为安全起见不读取；请用 Excel 或 WPS 另存",
                    "the file defines entities; refused as unsafe, save it again in Excel or WPS",
                )
            self.trees[part] = root
        return self.trees[part]

    def relations(self, part: str) -> dict[str, tuple[str, str]]:
        """Return of a part id → kind and part that it is related to; what lies outside of the file is left out."""
        folder, _, name = part.rpartition("/")
        beside = f"{folder}/_rels/{name}.rels".lstrip("/")
        if beside not in self.names:
            return {}
        found: dict[str, tuple[str, str]] = {}
        for one in _named(self.tree(beside), "Relationship"):
            if one.get("TargetMode") == "External":
                continue
            target = one.get("Target", "")
            whole = target.lstrip("/") if target.startswith("/") else posixpath.join(folder, target)
            kind = one.get("Type", "").rpartition("/")[2]
            found[one.get("Id", "")] = (kind, posixpath.normpath(whole))
        return found

    def related(self, part: str, kind: str) -> list[str]:
        """Return the parts of one kind that a part is related to."""
        found = [target for each, target in self.relations(part).values() if each == kind]
        return [target for target in found if target in self.names]

    @cached_property
    def sheets(self) -> dict[str, tuple[str, bool]]:
        """Name of each worksheet → its part, and whether it is shown."""
        relations = self.relations(self.part)
        found = {}
        for one in _named(self.tree(self.part), "sheet"):
            key = one.get(_RELATIONS) or one.get(_STRICT_RELATIONS) or ""
            kind, target = relations.get(key, ("", ""))
            if kind == "worksheet" and target in self.names:
                found[one.get("name", "")] = (target, one.get("state", "visible") == "visible")
        return found

    @cached_property
    def strings(self) -> list[str]:
        """The texts that cells share."""
        (part,) = self.related(self.part, "sharedStrings")[:1] or (None,)
        if part is None:
            return []
        return [_said(one) for one in self.tree(part) if _name(one) == "si"]

    @cached_property
    def date_styles(self) -> set[int]:
        """The looks of cells that show a number as a day."""
        (part,) = self.related(self.part, "styles")[:1] or (None,)
        if part is None:
            return set()
        root = self.tree(part)
        codes = {int(one.get("numFmtId", 0)): one.get("formatCode", "") for one in _named(root, "numFmt")}
        looks = next((one for one in root if _name(one) == "cellXfs"), ())
        return {
            i
            for i, one in enumerate(looks)
            if (kind := int(one.get("numFmtId", 0))) in _DATES or _shows_day(codes.get(kind, ""))
        }


def _said(item: Any) -> str:
    """Return the text of a shared or inline string, without reading aids."""
    return "".join(
        one.text or "" for one in item.iter() if _name(one) == "t" and _name(one.getparent()) != "rPh"
    )


def _shows_day(code: str) -> bool:
    plain = re.sub(r'"[^"]*"|\[[^\]]*\]|\\.', "", code)
    return re.search(r"[ymdYMD年月日]", plain) is not None and "0" not in plain


@dataclass(slots=True)
class _Form:
    """A form and what it is asked for."""

    book: _Book
    asked: dict[str, Any]
    folder: Path
    wrong: list[dict[str, Any]] = field(default_factory=list)
    changed: set[str] = field(default_factory=set)
    name: str = ""
    part: str = ""
    first: int = 1
    rows: int = 1
    pattern: int = 1
    last: int = 1
    count: int = 0
    columns: set[int] = field(default_factory=set)
    way: Insertion = field(default=Insertion("", 1, 1, 0))
    root: Any = None
    data: Any = None
    found: dict[int, Any] = field(default_factory=dict)
    merges: list[Box] = field(default_factory=list)

    def prepared(self) -> dict[str, Any]:
        """Return the facts of `read`."""
        self._refuse_signed()
        sheet = self._sheet()
        if sheet is None:
            return {"wrong": self.wrong}
        self.name, self.part = sheet, self.book.sheets[sheet][0]
        self.first, self.rows, self.pattern = self.asked["first"], self.asked["rows"], self.asked["pattern"]
        self.columns, self.count = set(self.asked["columns"]), self.asked["count"]
        self.last = self.first + self.rows - 1
        self.way = Insertion(sheet, self.first, self.last, max(0, self.count - self.rows))
        self.root = self.book.tree(self.part)
        data = _child(self.root, "sheetData")
        if data is None:
            raise UnreadableFileError(f"工作表 {sheet} 没有内容", f"sheet {sheet} has no content")
        self.data = data
        _number(data)
        self.found = {int(row.get("r")): row for row in data}
        merged = _child(self.root, "mergeCells")
        self.merges = [
            box for one in (() if merged is None else merged) if (box := Box.parse(one.get("ref", "")))
        ]
        self._check()
        lists = self._lists() if not self.wrong else {}
        if self.wrong:
            return {"wrong": self.wrong}
        _unshare(data)
        for one in self.asked["cells"]:
            self._state(*one)
        if self.way.more:
            self._grow()
        look, own = self._look(), self._own()
        self._merge()
        self._mark(self.asked["mark"])
        self._forget_values()
        token = self._open()
        return {
            "wrong": [],
            "sheet": sheet,
            "part": self.part,
            "parts": self._written(token),
            "removed": self._removed(),
            "look": look,
            "own": own,
            "prefix": f"{self.root.prefix}:" if self.root.prefix else "",
            "lists": lists,
            "since_1904": self._since_1904(),
            "grown": self.way.more,
            "kept": self._kept(),
        }

    def _say(self, key: Sequence[str], found: str, zh: str, en: str) -> None:
        self.wrong.append({"key": list(key), "found": found, "zh": zh, "en": en})

    def _refuse_signed(self) -> None:
        if any(name.startswith("_xmlsignatures/") for name in self.book.names):
            raise UnreadableFileError(
                "工作簿有数字签名，填写后签名失效；请向发表单位要一份没有签名的，或另存时去掉签名",
                "the workbook is signed, and the signature would no longer hold; ask for one without it, or save it without",
            )

    def _sheet(self) -> str | None:
        """Return the name of the form's sheet: the one asked for, else the first that is shown."""
        wanted, known = self.asked["sheet"], self.book.sheets
        if wanted is None:
            shown = [name for name, (_, visible) in known.items() if visible]
            if shown:
                return shown[0]
        elif wanted in known:
            return wanted
        names_zh, names_en = "、".join(known), ", ".join(known)
        self._say(
            ("sheet",), f'"{wanted or ""}"', f"文件里的工作表：{names_zh}", f"a sheet of the file: {names_en}"
        )
        return None

    # What does not fit

    def _check(self) -> None:
        """Name what of the form keeps its rows or cells from being written as asked."""
        if max(self.last, *self.found, 0) + self.way.more > MOST_ROWS:
            self._say(
                ("first_row",),
                str(self.first),
                f"工作表放得下的行（最多 {MOST_ROWS} 行）",
                f"rows that a sheet holds ({MOST_ROWS} at most)",
            )
        written = Box(self.first, 1, self.last, 1 << 14)
        for box in self.merges:
            self._check_merge(box)
        for row, column, key, _, _ in self.asked["cells"]:
            if written.holds(row, column):
                self._say(
                    key,
                    f"{column_letters(column)}{row}",
                    f"表格行（{self.first}–{self.last} 行）之外的单元格",
                    f"a cell outside of the rows of the table ({self.first}–{self.last})",
                )
            for box in self.merges:
                if box.holds(row, column) and (row, column) != (box.top, box.left):
                    self._corner(key, box)
        if len(self._cells(self.pattern)) > _MOST_CELLS:
            self._say(
                ("pattern",),
                str(self.pattern),
                f"不超过 {_MOST_CELLS} 个单元格的行；请删去右边多余的格式",
                f"a row of {_MOST_CELLS} cells at most; delete what is formatted at its right",
            )
        self._check_growing()

    def _check_merge(self, box: Box) -> None:
        wide = [column for column in sorted(self.columns) if box.left <= column <= box.right]
        if box.top == box.bottom == self.pattern:
            for column in wide:
                if column != box.left:
                    self._corner(("columns", column_letters(column)), box)
            return
        inside = box.top <= self.last and box.bottom >= self.first
        if inside and box.top != box.bottom and wide:
            self._say(
                ("columns", column_letters(wide[0])),
                str(box),
                "没有上下合并的列：一条记录一行；请在表样里拆开",
                "a column whose rows are not merged with one another: a record is a row; split them in the form",
            )

    def _corner(self, key: Sequence[str], box: Box) -> None:
        corner = f"{column_letters(box.left)}{box.top}"
        self._say(
            key,
            str(box),
            f"合并单元格的左上角 {corner}（列 {column_letters(box.left)}）",
            f"{corner}, the upper left of the merged cells (column {column_letters(box.left)})",
        )

    def _check_growing(self) -> None:
        """Name what cannot be moved down in the form where it has to grow."""
        if not self.way.more:
            return
        what = []
        if any(one.get("t") == "dataTable" for one in _named(self.data, "f")):
            what.append(("模拟运算表", "a what-if table"))
        if any(name.startswith("xl/revisions/") for name in self.book.names):
            what.append(("共享工作簿的修订记录", "the history of a shared workbook"))
        for zh, en in what:
            self._say(
                ("rows",),
                str(self.rows),
                f"至少 {self.count} 行：表样有{zh}，不能自动加行；请在表样里先插入行，再改 rows",
                f"{self.count} at least: the form has {en} and cannot grow by itself; insert rows in the form and change rows",
            )

    def _lists(self) -> dict[str, list[str]]:
        """Return of each column that takes words of a closed list alone: column → these words, where they can be told."""
        found: dict[str, list[str]] = {}
        for rule in _named(self.root, "dataValidation"):
            if rule.get("type") != "list" or rule.get("showErrorMessage") not in {"1", "true"}:
                continue
            if rule.get("errorStyle", "stop") != "stop":
                continue
            stated = rule.get("sqref") or _told(rule, "sqref")
            boxes = [box for one in stated.split() if (box := Box.parse(one))]
            columns = [c for c in self.columns if any(box.holds(self.pattern, c) for box in boxes)]
            words = self._words(_told(rule, "formula1")) if columns else None
            if words is not None:
                found |= {column_letters(c): words for c in columns}
        return found

    def _words(self, formula: str, *, depth: int = 0) -> list[str] | None:
        """Return the words of a list of choices: typed into the rule, or standing in cells of the workbook."""
        text = formula.strip()
        if text.startswith('"') and text.endswith('"'):
            return [one.strip() for one in text[1:-1].replace('""', '"').split(",")]
        for one in _named(self.book.tree(self.book.part), "definedName") if depth == 0 else ():
            if one.get("name", "").casefold() == text.casefold():
                return self._words(one.text or "", depth=1)
        sheet, _, cells = text.rpartition("!")
        name = sheet.strip("'").replace("''", "'") or self.name
        box = Box.parse(cells)
        if box is None or name not in self.book.sheets:
            return None
        if (box.bottom - box.top + 1) * (box.right - box.left + 1) > _MOST_WORDS:
            return None
        return self._texts(self.book.sheets[name][0], box)

    def _texts(self, part: str, box: Box) -> list[str]:
        found = []
        for cell in _named(self.book.tree(part), "c"):
            at = cell_at(cell.get("r", ""))
            if at and box.holds(*at):
                found.append(_text_of(cell, self.book))
        return [one for one in found if one]

    # How a row of records looks

    def _cells(self, row: int) -> dict[int, Any]:
        element = self.found.get(row)
        return {} if element is None else {_column(cell): cell for cell in element}

    def _look(self) -> dict[str, Any]:
        """Return the look of a written row: attributes, and of each cell column, style, formula, whether it shows days."""
        row = self.found.get(self.pattern)
        attributes = {} if row is None else {k: row.get(k) for k in _ROW_LOOK if row.get(k) is not None}
        cells = self._cells(self.pattern)
        merged = [c for box in self._pattern_merges() for c in range(box.left, box.right + 1)]
        looks = []
        for column in sorted({*cells, *self.columns, *merged}):
            cell = cells.get(column)
            style = None if cell is None else cell.get("s")
            style = style or attributes.get("s") or self._column_style(column)
            looks.append([column, style, int(style or 0) in self.book.date_styles])
        return {"row": attributes, "cells": looks}

    def _column_style(self, column: int) -> str | None:
        """Return the look that a column has where neither cell nor row says one."""
        columns = _child(self.root, "cols")
        for one in () if columns is None else columns:
            if int(one.get("min", 0)) <= column <= int(one.get("max", 0)):
                return one.get("style")
        return None

    def _pattern_merges(self) -> list[Box]:
        return [box for box in self.merges if box.top == box.bottom == self.pattern]

    def _own(self) -> dict[str, dict[str, list[str]]]:
        """Return row → column → type and content of what written rows hold in columns that no record fills.

        Rows of the room keep what the form has there. Rows that come in addition have the formulas of the pattern, and
        the texts that each row of the room has.
        """
        if not self.count:
            return {}
        own: dict[str, dict[str, list[str]]] = {}
        rows = range(self.first, self.last + 1)
        for row in rows[: self.count]:
            kept = {str(c): _content(one) for c, one in self._cells(row).items() if c not in self.columns}
            own[str(row)] = {c: content for c, content in kept.items() if content[1]}
        if not self.way.more:
            return own
        each: dict[str, list[str]] = {}
        below: dict[str, list[str]] = {}
        for column, cell in self._cells(self.pattern).items():
            content = _content(cell)
            if column in self.columns or not content[1]:
                continue
            if (formula := _child(cell, "f")) is not None:
                below[str(column)] = ["f", self._formula(formula)]
            elif all(_same(self._cells(row).get(column), cell) for row in rows) and content[0] in _TEXTS:
                each[str(column)] = content
        return own | {"each": each, "below": below}

    def _formula(self, formula: Any) -> str:
        text = formula.text or ""
        if len(text) > _LONGEST_FORMULA or formula.get("t") == "array":
            raise UnreadableFileError(
                f"第 {self.pattern} 行有数组公式或过长的公式，不能照样加行；请在表样里留足行",
                f"row {self.pattern} has an array formula or one that is too long to be copied; leave rows enough in the form",
            )
        return text

    # What changes

    def _state(self, row: int, column: int, _key: Sequence[str], kind: str, value: str) -> None:
        """Write one cell: a number, a text, or nothing."""
        line = self.found.get(row)
        if line is None:
            line = etree.Element(_like(self.data, "row"), r=str(row))
            at = sum(1 for one in self.data if int(one.get("r")) < row)
            self.data.insert(at, line)
            self.found[row] = line
        cell = self._cells(row).get(column)
        if cell is None:
            cell = etree.Element(_like(self.data, "c"), r=f"{column_letters(column)}{row}")
            line.insert(sum(1 for one in line if _column(one) < column), cell)
        for one in list(cell):
            cell.remove(one)
        cell.attrib.pop("t", None)
        if kind == "number":
            etree.SubElement(cell, _like(cell, "v")).text = value
        elif value:
            cell.set("t", "inlineStr")
            text = etree.SubElement(etree.SubElement(cell, _like(cell, "is")), _like(cell, "t"))
            text.set(_SPACE, "preserve")
            text.text = value

    def _grow(self) -> None:
        """Move down what lies below the room, in this sheet and wherever the workbook speaks of its cells."""
        for row in self.data:
            number = int(row.get("r"))
            if number > self.last:
                row.set("r", str(self.way.row(number)))
                for cell in row:
                    cell.set("r", f"{column_letters(_column(cell))}{self.way.row(number)}")
        self._move(self.root, self.name, own=True)
        for breaks in _named(self.root, "rowBreaks"):
            for one in breaks:
                if int(one.get("id", 0)) >= self.last:
                    one.set("id", str(int(one.get("id")) + self.way.more))
        for rule in _named(self.root, "dataValidations", "conditionalFormattings"):
            self._extend(list(rule))
        for one in _named(self.root, "conditionalFormatting"):
            if _name(one.getparent()) != "conditionalFormattings":
                self._extend([one])
        for sheet, (part, _) in self.book.sheets.items():
            if part != self.part and self._mentions(part):
                self._move(self.book.tree(part), sheet, own=False)
                self.changed.add(part)
        self._move(self.book.tree(self.book.part), "", own=False)
        for one in _named(self.book.tree(self.book.part), "definedName"):
            one.text = self.way.formula(one.text or "", "")
        self._move_parts()

    def _move(self, root: Any, sheet: str, *, own: bool) -> None:
        """Move the references of a part that stands on a sheet; `own`: on the form's."""
        for one in root.iter():
            name = _name(one)
            if name in _FORMULAS and one.text:
                one.text = self.way.formula(one.text, sheet)
            elif name == "hyperlink" and one.get("location"):
                one.set("location", self.way.formula(one.get("location"), sheet))
            for key in _LINKED:
                if one.get(key):
                    one.set(key, self.way.formula(one.get(key), sheet))
            if not own:
                continue
            for key in _RANGES:
                if one.get(key):
                    one.set(key, self.way.boxes(one.get(key)))
            if name == "sqref" and one.text:
                one.text = self.way.boxes(one.text)
            elif name in {"inputCells", "cellWatch"} and one.get("r"):
                one.set("r", self.way.boxes(one.get("r")))
            elif name == "row" and _name(one.getparent()) in {"from", "to"}:
                self._anchor(one)

    def _anchor(self, row: Any) -> None:
        """Move one end of a picture, counted from 0."""
        number = int(row.text or 0) + 1
        row.text = str(self.way.row(number) - 1)

    def _mentions(self, part: str) -> bool:
        """Return whether a part may speak of the form's sheet."""
        content = self.book.archive.read(part)
        plain = (
            self.name.isalnum() and _UTF8.match(content) is not None
        )  # else its letters may be written otherwise
        return not plain or self.name.encode() in content or b"&#" in content

    def _extend(self, rules: Sequence[Any]) -> None:
        """Let rules that hold for the pattern row hold for the rows that come in addition."""
        top, bottom = self.last + 1, self.last + self.way.more

        def stated(rule: Any) -> list[Box]:
            text = rule.get("sqref") or _told(rule, "sqref")
            return [box for one in text.split() if (box := Box.parse(one))]

        for rule in rules:
            for box in stated(rule):
                if not box.top <= self.pattern <= box.bottom:
                    continue
                taken = [one for each in rules for one in stated(each)]
                for left, right in uncovered(taken, top, bottom, box.left, box.right):
                    more = f" {Box(top, left, bottom, right)}"
                    if rule.get("sqref"):
                        rule.set("sqref", rule.get("sqref") + more)
                    else:
                        element = next(one for one in rule.iter() if _name(one) == "sqref")
                        element.text = (element.text or "") + more

    def _move_parts(self) -> None:
        """Move what stands in other parts: pictures, comments, tables, charts, controls, sources of pivot tables."""
        book = self.book
        for kind in ("comments", "threadedComment", "table", "pivotTable"):
            for part in book.related(self.part, kind):
                self._move(book.tree(part), self.name, own=True)
                self.changed.add(part)
        for part in book.related(self.part, "drawing"):
            self._move(book.tree(part), self.name, own=True)
            self.changed.add(part)
        for sheet, (place, _) in book.sheets.items():
            for part in book.related(place, "ctrlProp"):
                for key, value in book.tree(part).attrib.items():
                    if key.startswith("fmla"):
                        book.tree(part).set(key, self.way.formula(value, sheet))
                self.changed.add(part)
        for part in book.names:
            if re.fullmatch(r"xl/(charts|chartsheets|drawings)/[^/]+\.xml", part) and self._mentions(part):
                root = book.tree(part)
                self._move(root, "", own=False)
                for one in root.iter():
                    if isinstance(one.tag, str) and one.get("textlink"):
                        one.set("textlink", self.way.formula(one.get("textlink"), ""))
                self.changed.add(part)
        for part, source in self._pivoted():
            if source.get("ref"):
                source.set("ref", self.way.boxes(source.get("ref")))
                self.changed.add(part)

    def _pivoted(self) -> Iterator[tuple[str, Any]]:
        """Yield what pivot tables are made of: parts and their source, a range of this sheet or a name."""
        for part in self.book.names:
            if _PIVOTED.fullmatch(part):
                for one in _named(self.book.tree(part), "worksheetSource"):
                    if one.get("sheet", self.name) == self.name and not (
                        one.get(_RELATIONS) or one.get(_STRICT_RELATIONS)
                    ):
                        yield part, one

    def _merge(self) -> None:
        """Merge in each written row what the pattern row merges; what else is merged stays so."""
        last = self.first + self.count - 1
        kept = [self.way.box(box) for box in self.merges if not self._of_written_row(box)]
        for row in range(self.first, last + 1):
            kept += [Box(row, box.left, row, box.right) for box in self._pattern_merges()]
        merged = _child(self.root, "mergeCells")
        if merged is None:
            return
        for one in list(merged):
            merged.remove(one)
        for box in kept:
            etree.SubElement(merged, _like(merged, "mergeCell"), ref=str(box))
        if kept:
            merged.set("count", str(len(kept)))
        else:
            self.root.remove(merged)

    def _of_written_row(self, box: Box) -> bool:
        return box.top == box.bottom and self.first <= box.top <= min(self.last, self.first + self.count - 1)

    def _mark(self, mark: str) -> None:
        """Print a mark above each page of the form, beside what it prints there."""
        if not mark:
            return
        own = _child(self.root, "headerFooter")
        if own is None:
            own = etree.Element(_like(self.root, "headerFooter"))
            at = next((i for i, one in enumerate(self.root) if _name(one) in _AFTER_HEADERS), len(self.root))
            self.root.insert(at, own)
        for name in ("oddHeader", "evenHeader", "firstHeader"):
            line = _child(own, name)
            if line is None and name != "oddHeader":
                continue
            if line is None:
                line = etree.Element(_like(own, name))
                own.insert(0, line)
            text = line.text or ""
            line.text = text.replace("&R", f"&R{mark} ", 1) if "&R" in text else f"{text}&R{mark}"

    def _since_1904(self) -> bool:
        about = _child(self.book.tree(self.book.part), "workbookPr")
        return about is not None and about.get("date1904") in {"1", "true"}

    def _forget_values(self) -> None:
        """Take away what formulas were worth before; have them, and pivot tables, worked out when the file is opened."""
        for part, _ in self._pivoted():
            self.book.tree(part).set("refreshOnLoad", "1")
            self.changed.add(part)
        for part, _ in self.book.sheets.values():
            if part not in {self.part, *self.changed} and not _ANY_FORMULA.search(
                self.book.archive.read(part)
            ):
                continue
            for cell in _named(self.book.tree(part), "c"):
                if _child(cell, "f") is None:
                    continue
                value = _child(cell, "v")
                if value is not None:
                    cell.remove(value)
                    cell.attrib.pop("t", None)
                    self.changed.add(part)
        root = self.book.tree(self.book.part)
        calculation = _child(root, "calcPr")
        if calculation is None:
            calculation = etree.Element(_like(root, "calcPr"))
            before = {
                "oleSize",
                "customWorkbookViews",
                "pivotCaches",
                "smartTagPr",
                "smartTagTypes",
                "webPublishing",
            }
            before |= {"fileRecoveryPr", "webPublishObjects", "extLst"}
            at = next((i for i, one in enumerate(root) if _name(one) in before), len(root))
            root.insert(at, calculation)
        calculation.set("fullCalcOnLoad", "1")
        self.changed.add(self.book.part)

    def _removed(self) -> list[str]:
        """Return the parts that are left out: in which order formulas were worked out, which is no longer true."""
        return self.book.related(self.book.part, "calcChain")

    def _open(self) -> str:
        """Take the written rows out; return what stands in their place."""
        token = f"rows-{secrets.token_hex(16)}"
        if not self.count:
            return ""
        end = self.first + min(self.count, self.rows) - 1
        for row in [row for row in self.data if self.first <= int(row.get("r")) <= end]:
            self.data.remove(row)
        at = sum(1 for row in self.data if int(row.get("r")) < self.first)
        self.data.insert(at, etree.Comment(token))
        size = _child(self.root, "dimension")
        box = None if size is None else Box.parse(size.get("ref", ""))
        if size is not None and box is not None:
            right = max(box.right, *self.columns)
            bottom = max(box.bottom, self.first + self.count - 1)
            size.set("ref", str(Box(min(box.top, self.first), min(box.left, *self.columns), bottom, right)))
        return token

    def _written(self, token: str) -> dict[str, list[str]]:
        """Write the changed parts; return part → its files, the form's sheet in two: before its rows and after them."""
        removed = self._removed()
        if removed:
            types = self.book.tree("[Content_Types].xml")
            for one in list(types):
                if one.get("PartName", "").lstrip("/") in removed:
                    types.remove(one)
            folder, _, name = self.book.part.rpartition("/")
            relations = f"{folder}/_rels/{name}.rels".lstrip("/")
            for one in list(self.book.tree(relations)):
                if one.get("Type", "").endswith("/calcChain"):
                    self.book.tree(relations).remove(one)
            self.changed |= {"[Content_Types].xml", relations}
        parts: dict[str, list[str]] = {}
        for i, part in enumerate(sorted(self.changed - {self.part, *removed})):
            (self.folder / f"part-{i}").write_bytes(_bytes(self.book.tree(part)))
            parts[part] = [f"part-{i}"]
        for i, (sheet, part) in enumerate(self._drawn()):
            (self.folder / f"drawn-{i}").write_bytes(self._moved_drawn(self.book.archive.read(part), sheet))
            parts[part] = [f"drawn-{i}"]
        whole = _bytes(self.root)
        head, _, tail = whole.partition(f"<!--{token}-->".encode()) if token else (whole, b"", b"")
        (self.folder / "head").write_bytes(head)
        (self.folder / "tail").write_bytes(tail)
        return parts | {self.part: ["head", "tail"]}

    def _drawn(self) -> list[tuple[str, str]]:
        """Return the old drawings that place comments and controls, and of which sheet they are."""
        sheets = self.book.sheets.items() if self.way.more else ()
        return [
            (name, part) for name, (sheet, _) in sheets for part in self.book.related(sheet, "vmlDrawing")
        ]

    def _moved_drawn(self, content: bytes, sheet: str) -> bytes:
        """Return an old drawing with its rows moved; it need not be XML, so its letters are changed as they stand."""

        def down(number: str) -> str:
            return str(self.way.row(int(number) + 1) - 1)  # counted from 0

        def moved(match: re.Match[bytes]) -> bytes:
            name, text = match[2], unescape(match[3].decode("utf-8", "surrogateescape"), _QUOTES)
            if name.startswith(b"Fmla"):
                text = escape(self.way.formula(text, sheet))
            elif sheet != self.name:
                return match[0]
            elif name == b"Row":
                text = _NUMBER.sub(lambda one: down(one[0]), text)
            else:  # column, offset, row, offset of one corner and of the other
                at = iter(range(8))
                text = _NUMBER.sub(lambda one: down(one[0]) if next(at, 0) in {2, 6} else one[0], text)
            return match[1] + text.encode("utf-8", "surrogateescape") + match[4]

        return _PLACES.sub(moved, content)

    def _kept(self) -> dict[str, int]:
        """Return what the workbook has beside cells, which goes into the filled form unchanged: kind → how many."""
        kinds = {
            "pictures": r"xl/media/[^/]+",
            "charts": r"xl/charts/chart[^/]*\.xml",
            "comments": r"xl/comments[^/]*\.xml|xl/comments/[^/]+\.xml",
            "controls": r"xl/ctrlProps/[^/]+|xl/activeX/[^/]+\.xml",
            "macros": r"xl/vbaProject\.bin",
            "links": r"xl/externalLinks/[^/]+\.xml",
            "pivots": r"xl/pivotTables/[^/]+\.xml",
        }
        found = {k: sum(1 for name in self.book.names if re.fullmatch(v, name)) for k, v in kinds.items()}
        if _child(self.root, "sheetProtection") is not None:
            found["protection"] = 1
        return {kind: n for kind, n in found.items() if n}


_UTF8: Final = re.compile(rb"""(?:\xef\xbb\xbf)?<(?!\?xml[^>]*encoding=["'](?!(?i:utf-8)))""")


_ANY_FORMULA: Final = re.compile(rb"<(?:\w+:)?f[\s/>]")


# What stands behind the printed headers in a sheet.
_AFTER_HEADERS: Final = frozenset(
    {"rowBreaks", "colBreaks", "customProperties", "cellWatches", "ignoredErrors", "smartTags", "drawing"}
    | {"legacyDrawing", "legacyDrawingHF", "drawingHF", "picture", "oleObjects", "controls"}
    | {"webPublishItems", "tableParts", "extLst", "AlternateContent"}
)


_PIVOTED: Final = re.compile(r"xl/pivotCache/pivotCacheDefinition\d*\.xml")


# What of an old drawing says where something stands, or which cells a control is linked to; its prefix is anybody's.
_PLACES: Final = re.compile(
    rb"(<(?:[\w.-]+:)?(Row|Anchor|Fmla(?:Link|Range|Group|Txbx|Pict))>)([^<]{0,8192})(</(?:[\w.-]+:)?\2>)"
)


_NUMBER: Final = re.compile(r"[0-9]{1,7}")


_QUOTES: Final = {"&quot;": '"', "&apos;": "'"}


_TEXTS: Final = frozenset({"s", "inlineStr", "str"})


def _told(rule: Any, name: str) -> str:
    """Return the text of a part of a rule, which newer programs put one deeper."""
    found = next((one for one in rule.iter() if _name(one) == name), None)
    return "" if found is None else "".join(found.itertext()).strip()


def _number(data: Any) -> None:
    """State where each row and each cell is: a file may leave that out."""
    for one in [one for one in data if _name(one) != "row"]:
        data.remove(one)
    row = 0
    for line in data:
        row = int(line.get("r") or row + 1)
        line.set("r", str(row))
        column = 0
        for cell in [one for one in line if _name(one) != "c"]:
            line.remove(cell)
        for cell in line:
            at = cell_at(cell.get("r", ""))
            column = at[1] if at else column + 1
            cell.set("r", f"{column_letters(column)}{row}")
    ordered = [int(line.get("r")) for line in data]
    if any(a >= b for a, b in pairwise(ordered)):
        raise UnreadableFileError(
            "工作表的行次序错乱；请用 Excel 或 WPS 打开后另存",
            "the rows of the sheet are out of order; open it in Excel or WPS and save it again",
        )


def _column(cell: Any) -> int:
    at = cell_at(cell.get("r"))
    assert at is not None
    return at[1]


def _unshare(data: Any) -> None:
    """Write out the formulas that cells share: each cell has its own afterwards."""
    masters: dict[str, tuple[str, int, int]] = {}
    for formula in _named(data, "f"):
        if formula.get("t") != "shared":
            continue
        row, column = cell_at(formula.getparent().get("r")) or (1, 1)
        if formula.text:
            masters[formula.get("si", "")] = (formula.text, row, column)
        elif formula.get("si", "") in masters:
            text, from_row, from_column = masters[formula.get("si", "")]
            formula.text = copied(text, row - from_row, column - from_column)
        for key in ("t", "si", "ref"):
            formula.attrib.pop(key, None)


def _content(cell: Any) -> list[str]:
    """Return type and content of a cell, without its place and look; no content is ""."""
    parts = [_bare(one) for one in cell if _name(one) in {"f", "v", "is"}]
    formula = _child(cell, "f") is not None
    return ["" if formula else cell.get("t", ""), "".join(parts[:1] if formula else parts)]


def _same(one: Any, other: Any) -> bool:
    return one is not None and _content(one) == _content(other)


def _text_of(cell: Any, book: _Book) -> str:
    kind, value = cell.get("t", ""), _child(cell, "v")
    if kind == "inlineStr":
        return _said(cell)
    text = "" if value is None else value.text or ""
    if kind == "s":
        return book.strings[int(text)] if text.isdigit() and int(text) < len(book.strings) else ""
    return text


_SPACES: Final = re.compile(r'\sxmlns(?::[\w.-]+)?="[^"]*"')


def _bare(element: Any) -> str:
    """Return an element as text, without namespaces: it goes back into the part that it came from."""
    plain = copy.copy(element)
    plain.tail = None
    text = etree.tostring(plain, encoding="unicode")
    head, mark, rest = text.partition(">")
    return _SPACES.sub("", head) + mark + rest


def _bytes(root: Any) -> bytes:
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True, standalone=True)
