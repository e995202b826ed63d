"""A blank workbook of a layer: every column that a person states, and rules that keep out what an import would refuse.

Headers, units, choices and limits are those of the layer file, under the headers of an export: what is filled in
is read without a guess. The lists to choose from lie on the very hidden sheet that no import reads as data; a
list that is typed into its rule may have 255 characters only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

import xlsxwriter
from xlsxwriter.utility import xl_col_to_name
from xlsxwriter.worksheet import Worksheet

from riskmap.catalog.layer import Field, Layer
from riskmap.coordinates import Extent
from riskmap.errors import Lang
from riskmap.io.files.atomic import replacing
from riskmap.io.writers.record_columns import blank_columns
from riskmap.io.writers.workbook_parts import (
    MARKS_SHEET,
    Looks,
    Need,
    display_width,
    literal,
    new_workbook,
    safe,
    sheet_name,
    width,
    write_marks,
)
from riskmap.rules.cell import LARGEST
from riskmap.texts import t
from riskmap.units import unit_title

ROWS: Final = 2000  # below the header, to fill in


_FIRST_LIST: Final = 3  # column of the hidden sheet: keys and values stand before it


_WIDTHS: Final = {
    "code": 15.0,
    "name": 24.0,
    "address": 30.0,
}  # letters, where what is written is longer than its header


_SHOWN: Final = 30  # words of a list that the note of a header names


_MESSAGE: Final = 255  # letters that Excel shows of a refusal


_TITLE: Final = 32  # and of its title


_DAYS: Final = (
    date(1900, 3, 1),
    date(2100, 12, 31),
)  # what an import takes and Excel's calendar counts right


@dataclass(frozen=True, slots=True)
class Blank:
    """What a template is made of beside its layer.

    `required`: targets without which a row is rejected, `scored`: those without which a record may stay without
    a tier. `sources`: target → where its rule comes from, `source` for all others. `subdistricts`: known names.
    `extent`: where a position may lie (degrees). `title`: of the page as it is printed.
    """

    extent: Extent
    source: str
    title: str
    required: frozenset[str] = frozenset({"code"})
    scored: frozenset[str] = frozenset()
    sources: Mapping[str, str] = field(default_factory=dict[str, str])
    subdistricts: Sequence[str] = ()

    def need(self, target: str) -> Need:
        """Return whether a column must be filled in."""
        return "required" if target in self.required else "scored" if target in self.scored else "optional"


@dataclass(frozen=True, slots=True)
class TemplateColumn:
    """A column of a template: its header, the target that an import reads it as, and whether it must be filled in."""

    header: str
    target: str
    need: Need


@dataclass(frozen=True, slots=True)
class _Guard:
    """What a cell takes: in words, and as a rule of a spreadsheet, none for a text.

    `choices` are the list of its rule, called `listed`. `closed`: nothing else is taken; else it is, with a warning.
    """

    says: str
    rule: Mapping[str, Any] = field(default_factory=dict[str, Any])
    listed: str = ""
    choices: tuple[str | float, ...] = ()
    closed: bool = True


def write_template(path: Path, layer: Layer, blank: Blank, *, lang: Lang = "zh") -> list[TemplateColumn]:
    """Write the template of a layer and return its columns. ExportError where the place cannot be written."""
    columns = blank_columns(layer, lang)
    guards = [_guard(layer, column.role, blank, lang) for column in columns]
    with replacing(path) as (room,), new_workbook(room) as book:
        looks = Looks(book)
        sheet = book.add_worksheet(sheet_name(layer.title.text(lang), {MARKS_SHEET}))
        _page(sheet, blank.title, lang)
        for i, (column, guard) in enumerate(zip(columns, guards, strict=True)):
            sheet.set_column(i, i, _WIDTHS.get(column.role, width(column, 0)), looks.of(column.kind))
            literal(sheet, 0, i, column.title, looks.blank_headers[blank.need(column.role)])
            _note(sheet, i, _lines(layer, column.role, guard, blank, lang))
            _validate(sheet, i, column.title, guard, lang)
        sheet.ignore_errors({"number_stored_as_text": "A1:XFD1048576"})
        marks = [("kind", "template"), ("datum", "cgcs2000"), (f"sheet:{sheet.name}", layer.id)]
        _write_lists(book, write_marks(book, marks), guards)
    return [TemplateColumn(c.title, c.role, blank.need(c.role)) for c in columns]


def _page(sheet: Worksheet, title: str, lang: Lang) -> None:
    """Set up screen and paper: A4 landscape in full size, header, code and name on every page."""
    sheet.set_row(0, 34)
    sheet.freeze_panes(1, 2)
    sheet.set_paper(9)
    sheet.set_landscape()
    sheet.set_margins(left=0.4, right=0.4, top=0.7, bottom=0.6)
    sheet.hide_gridlines(0)
    sheet.repeat_rows(0)
    sheet.repeat_columns(0, 1)
    sheet.set_header(f"&C{safe(title)}"[:_MESSAGE])
    sheet.set_footer(f"&R{t('export_footer', lang)}")


def _write_lists(book: xlsxwriter.Workbook, sheet: Worksheet, guards: Sequence[_Guard]) -> None:
    """Write every list once, each in a column of its own under a name by which rules call it."""
    lists = {guard.listed: guard.choices for guard in guards if guard.listed}
    for column, (name, choices) in enumerate(lists.items(), start=_FIRST_LIST):
        for row, choice in enumerate(choices):
            if isinstance(choice, str):
                literal(sheet, row, column, choice)
            else:
                sheet.write_number(row, column, choice)
        letter = xl_col_to_name(column)
        book.define_name(name, f"={MARKS_SHEET}!${letter}$1:${letter}${len(choices)}")


def _lines(layer: Layer, target: str, guard: _Guard, blank: Blank, lang: Lang) -> Iterator[str]:
    """Yield what the note of a header says."""
    yield t(f"template_{blank.need(target)}", lang)
    yield guard.says
    known = layer.field(target) if target in layer.field_ids else None
    if known is not None and known.help.text(lang):
        yield known.help.text(lang)
    if target.startswith("contact:") or (known is not None and known.personal):
        yield t("template_personal", lang)
    yield t("template_source", lang, source=blank.sources.get(target, blank.source))


def _note(sheet: Worksheet, column: int, lines: Iterable[str]) -> None:
    text = "\n".join(lines)
    deep = sum(1 + display_width(line) // 44 for line in text.split("\n"))
    sheet.write_comment(0, column, text, {"width": 300, "height": 12 + 15 * deep, "font_size": 9})


def _validate(sheet: Worksheet, column: int, title: str, guard: _Guard, lang: Lang) -> None:
    if not guard.rule:
        return
    source = {"source": f"={guard.listed}"} if guard.listed else {}
    refusal = {
        "error_type": "stop" if guard.closed else "warning",
        "error_title": title[:_TITLE],
        "error_message": t(
            f"template_refused_{'stop' if guard.closed else 'warning'}", lang, says=guard.says
        )[:_MESSAGE],
    }
    sheet.data_validation(1, column, ROWS, column, {**guard.rule, **source, **refusal})


def _guard(layer: Layer, target: str, blank: Blank, lang: Lang) -> _Guard:
    """Return what the cells of a target take."""
    if target in layer.field_ids:
        return _of_field(layer.field(target), lang)
    if target in {"longitude", "latitude"}:
        at = 0 if target == "longitude" else 1
        low, high = blank.extent[at], blank.extent[at + 2]
        return _Guard(
            t("template_degrees", lang, low=f"{low:g}", high=f"{high:g}"), _between("decimal", low, high)
        )
    if target == "subdistrict" and blank.subdistricts:
        return _list(target, tuple(blank.subdistricts), lang, closed=False)
    if target.startswith("checklist:"):
        return _yes_or_no(lang)
    if target.startswith("contact:") and target.endswith(":verified"):
        return _day(lang)
    return _Guard(t("template_shape" if target == "shape" else "template_text", lang))


def _of_field(one: Field, lang: Lang) -> _Guard:
    if one.type == "choice":
        return _list(one.id, tuple(c.title.text(lang) for c in one.choices), lang, closed=not one.open)
    if one.type == "boolean":
        return _yes_or_no(lang)
    if one.type == "date":
        return _day(lang)
    if one.standard_values:  # others inside the limits are kept with a warning
        return _list(one.id, one.standard_values, lang, closed=False)
    return _number(one, lang) if one.type in {"number", "integer"} else _Guard(t("template_text", lang))


def _number(one: Field, lang: Lang) -> _Guard:
    low, high = one.minimum, one.maximum
    kind = "both" if None not in (low, high) else "min" if low is not None else "max"
    says = t(f"template_{one.type}", lang)
    if (low, high) != (None, None):
        says += t(f"template_limits_{kind}", lang, low=f"{low or 0:g}", high=f"{high or 0:g}")
    unit = unit_title(one.unit).text(lang)
    if unit:
        says += t("template_unit", lang, unit=unit)
    limits = (-LARGEST if low is None else low, LARGEST if high is None else high)
    return _Guard(says, _between("integer" if one.type == "integer" else "decimal", *limits))


def _day(lang: Lang) -> _Guard:
    return _Guard(t("template_date", lang), _between("date", *_DAYS))


def _yes_or_no(lang: Lang) -> _Guard:
    return _list("yes_no", (t("export_yes", lang), t("export_no", lang)), lang, closed=True)


def _list(name: str, choices: tuple[str | float, ...], lang: Lang, *, closed: bool) -> _Guard:
    words = [one if isinstance(one, str) else f"{one:g}" for one in choices[:_SHOWN]]
    words += ["…"] if len(choices) > _SHOWN else []
    says = t(f"template_{'closed' if closed else 'open'}", lang, words=t("comma", lang).join(words))
    return _Guard(says, {"validate": "list"}, f"choices_{name}", choices, closed)


def _between(kind: str, low: float | date, high: float | date) -> dict[str, Any]:
    return {"validate": kind, "criteria": "between", "minimum": low, "maximum": high}
