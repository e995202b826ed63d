"""Reading `forms/*.toml`: how a superior's form is filled, column by column and cell by cell.

The shape alone is checked here; whether layers, fields, figures and the form's own cells are there shows where it is used.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import Field as Key

from riskmap.catalog.layer import Kinds, Layer
from riskmap.catalog.problems import Items, Part, Slug, TomlFile, Words, WrittenAs, shown
from riskmap.errors import CatalogError, CatalogProblem, Text

FOLDER: Final = "forms"


ENDINGS: Final = (".xlsx", ".xlsm")


_PLACE: Final = re.compile(r"\{([^{}]*)\}")


_CELL: Final = re.compile(r"[A-Z]{1,3}[1-9][0-9]{0,6}")


_COLUMN: Final = re.compile(r"[A-Z]{1,3}")


SAID: Final[Mapping[str, Text]] = {
    "district": Text("本区名称", "name of the district"),
    "by": Text("经办人", "who fills it"),
    "year": Text("年", "year"),
    "quarter": Text("季度", "quarter"),
    "month": Text("月", "month"),
    "day": Text("日", "day"),
    "period": Text("时段", "period"),
}
"""What a text may say in braces, beside {value}, the figure of its cell."""


class FormColumn(Part):
    """What a column of the form holds of each record: a field or part of it, a running number, or a text.

    `unit` and `decimals`: of numbers; `words`: id → the form's word; `empty`: where nothing is stated.
    """

    field: Words | None = None
    running: int | None = Key(default=None, ge=0)
    text: str | None = None
    unit: Words | None = None
    decimals: int | None = Key(default=None, ge=0, le=10)
    words: Mapping[str, str] | None = None
    empty: str = ""


class FormCell(Part):
    """What one cell of the form holds: a figure (`group` of it), a text, or a text with the figure in it as {value}."""

    figure: Words | None = None
    group: Words | None = None
    period: Words | None = None
    text: str | None = None
    unit: Words | None = None
    decimals: int | None = Key(default=None, ge=0, le=10)

    @property
    def figure_id(self) -> str:
        """The figure with the member of its group: points.tier.major."""
        return f"{self.figure}.{self.group}" if self.group else self.figure or ""


StatedColumn = Annotated[
    FormColumn,
    WrittenAs(
        FormColumn,
        Words | FormColumn,
        lambda said: FormColumn(field=said) if isinstance(said, str) else said,
    ),
]


class FormFile(Part):
    """A form and how it is filled.

    `file`: the form, beside this file. `sheet`: by default the first that is shown. `first_row`: where records begin;
    `rows`: how many rows the form has for them; `pattern`: the row whose look each written row takes, by default the
    first. `of`: the layers whose records it holds, by id or by what they are; `where`, `order`: as in a list.
    """

    title: Words | None = None
    file: Words
    sheet: Words | None = None
    first_row: int = Key(ge=1, le=1_000_000)
    rows: int = Key(ge=1, le=1_000_000)
    pattern: int | None = Key(default=None, ge=1)
    of: Items[Slug] | Kinds
    where: Items[Words] = ()
    order: Items[Words] = ()
    period: Words | None = None
    columns: Mapping[str, StatedColumn] = Key(min_length=1)
    cells: Mapping[str, FormCell] = {}

    @property
    def pattern_row(self) -> int:
        """The row whose look each written row takes."""
        return self.first_row if self.pattern is None else self.pattern

    def layers_among(self, layers: Mapping[str, Layer]) -> tuple[str, ...]:
        """Return the layers whose records it holds, of those there are."""
        of = self.of
        if isinstance(of, tuple):
            return tuple(one for one in of if one in layers)
        return tuple(one.id for one in layers.values() if of.takes(one))


def read_form(text: str, file: str) -> tuple[FormFile, TomlFile]:
    """Return the form that the text of a TOML file describes. CatalogError with every mistake of its shape."""
    source = TomlFile.parse(text.replace("\r\n", "\n"), file)
    stated, problems = source.check(FormFile)
    if stated is not None:
        problems = [*_problems(stated, source)]
    if stated is None or problems:
        raise CatalogError(tuple(problems))
    return stated, source


def _problems(form: FormFile, source: TomlFile) -> list[CatalogProblem]:
    found: list[CatalogProblem] = []
    plain = form.file.replace("\\", "/")
    if "/" in plain or plain.startswith(".") or not plain.lower().endswith(ENDINGS):
        said = Text(
            f"与本文件同一文件夹里的 {'、'.join(ENDINGS)} 文件名",
            f"the name of a {', '.join(ENDINGS)} file beside this one",
        )
        found.append(source.problem(("file",), said))
    if form.pattern is not None and not form.first_row <= form.pattern < form.first_row + form.rows:
        last = form.first_row + form.rows - 1
        said = Text(f"表格的一行（{form.first_row}–{last}）", f"a row of the table ({form.first_row}–{last})")
        found.append(source.problem(("pattern",), said))
    for place, column in form.columns.items():
        if _COLUMN.fullmatch(place) is None:
            said = Text("列的字母，如 C、AB（大写）", "the letters of a column, such as C or AB (capitals)")
            found.append(source.problem(("columns", place), said, found=shown(place)))
        found += _column_problems(place, column, source)
    for place, cell in form.cells.items():
        if _CELL.fullmatch(place) is None:
            said = Text("单元格，如 B2（大写）", "a cell, such as B2 (capitals)")
            found.append(source.problem(("cells", place), said, found=shown(place)))
        found += _cell_problems(place, cell, source)
    return found


def _column_problems(place: str, column: FormColumn, source: TomlFile) -> list[CatalogProblem]:
    path = ("columns", place)
    if sum(one is not None for one in (column.field, column.running, column.text)) != 1:
        said = Text("field、running、text 恰好一项", "exactly one of field, running, text")
        return [source.problem(path, said)]
    if column.field is None:
        extra = [k for k in ("unit", "decimals", "words") if getattr(column, k) is not None]
        said = Text("只用于 field 的键不写在这里", "no key here that is for a field alone")
        return [source.problem((*path, k), said) for k in extra]
    if column.words is not None and (column.unit is not None or column.decimals is not None):
        said = Text("words 与 unit、decimals 不同时写", "words, or unit and decimals, not both")
        return [source.problem((*path, "words"), said)]
    return []


def _cell_problems(place: str, cell: FormCell, source: TomlFile) -> list[CatalogProblem]:
    path = ("cells", place)
    if cell.figure is None and cell.text is None:
        said = Text(
            "figure 或 text（可以都写，文字里用 {value}）", "figure or text, or both with {value} in the text"
        )
        return [source.problem(path, said)]
    found = [
        source.problem((*path, k), Text("写在有 figure 的单元格里", "a cell with a figure"))
        for k in ("group", "period", "unit", "decimals")
        if cell.figure is None and getattr(cell, k) is not None
    ]
    known = [*SAID, *(["value"] if cell.figure is not None else [])]
    names: list[Any] = _PLACE.findall(cell.text or "")
    wrong = [name for name in names if name not in known]
    if wrong:
        listed = " ".join(f"{{{one}}}" for one in known)
        said = Text(f"花括号里只写 {listed}", f"only {listed} in braces")
        found.append(source.problem((*path, "text"), said, found=f"{{{wrong[0]}}}"))
    elif cell.text is not None and cell.figure is not None and "value" not in names:
        said = Text("文字里有 {value}，即指标的数", "a text with {value}, the number of the figure")
        found.append(source.problem((*path, "text"), said))
    return found


def filled_in(text: str, values: Mapping[str, str]) -> str:
    """Return a text with what stands in braces replaced; what a value itself holds is not looked at again."""
    return _PLACE.sub(lambda match: values.get(match[1], match[0]), text)
