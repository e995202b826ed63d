"""The evacuation as a workbook for those who carry it out: a cover, the shelters, a list by sub-district.

A sheet per sub-district holds who is fetched from it and to which shelter, shelter by shelter, with a
column to tick; people without a place, changes against an earlier plan and everything unknown have
sheets of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from riskmap.errors import Lang
from riskmap.io.files.atomic import replacing
from riskmap.io.writers.workbook_parts import Looks, display_width, literal, new_workbook, sheet_name
from riskmap.texts import t
from riskmap.values.evacuation import Differences, EvacuationPlan
from riskmap.values.inventory import DEMO_MARK

_CELL_LIMIT: Final = 32_767


_ROW_LIMIT: Final = 1_048_575


_NARROW, _WIDE = 9.0, 46.0


Row = Sequence[str | int | None]


def write_evacuation(
    plan: EvacuationPlan,
    path: Path,
    *,
    district: str,
    made_at: str,
    scenario: str = "",
    drill: bool = False,
    demo: bool = False,
    lang: Lang = "zh",
) -> None:
    """Write the plan of an evacuation as a workbook.

    `scenario`: title of what the plan was made for. A drill is marked on every printed page. The file
    appears whole or not at all. Unknown cells stay empty, never 0.
    """
    with replacing(path) as (room,), new_workbook(room) as book:
        marks = [*([t("duty_drill", lang)] if drill else []), *([DEMO_MARK] if demo else [])]
        pages = _Pages(book, Looks(book), lang, f"{district}{t('evacuation_title', lang)}", marks)
        pages.cover(plan, made_at=made_at, scenario=scenario)
        pages.table(t("evacuation_shelters", lang), _SHELTER, _shelter_rows(plan))
        for subdistrict, rows in _by_subdistrict(plan, lang).items():
            pages.table(subdistrict, _LIST, rows)
        if plan.unplaced_groups:
            pages.table(t("evacuation_unplaced", lang), _LEFT, _left_rows(plan, lang))
        if plan.differences is not None and plan.differences.changes:
            pages.table(t("evacuation_changes", lang), _CHANGED, _changed_rows(plan.differences))
        if plan.incomplete:
            unknown = [(one.code, one.why.text(lang)) for one in plan.incomplete]
            pages.table(t("evacuation_incomplete", lang), ("code", "reason"), unknown)
        if plan.closed_shelters:
            shut = [(one.code, one.why.text(lang)) for one in plan.closed_shelters]
            pages.table(t("evacuation_closed", lang), ("shelter", "reason"), shut)


_SHELTER: Final = (
    *("shelter", "shelter_name", "subdistrict", "capacity", "used", "free", "help"),
    *("beds_needed", "beds", "beds_gap", "water_need", "water_gap", "toilets_needed", "toilets_gap"),
)


_LIST: Final = (
    *("shelter", "shelter_name", "group", "household", "people", "help", "vehicles"),
    *("metres", "community", "zones", "done"),
)


_LEFT: Final = ("group", "household", "people", "subdistrict", "community", "zones", "reason")


_CHANGED: Final = ("group", "subdistrict", "community", "from", "to", "people")


def _shelter_rows(plan: EvacuationPlan) -> list[Row]:
    return [
        (
            *(one.code, one.name, one.subdistrict, one.capacity, one.used, one.free, one.help),
            *(one.beds_needed, one.beds, one.beds_gap, one.water_l_per_day, one.water_gap_l_per_day),
            *(one.toilets_needed, one.toilets_gap),
        )
        for one in plan.shelters
    ]


def _by_subdistrict(plan: EvacuationPlan, lang: Lang) -> dict[str, list[Row]]:
    """Return the lists by the sub-district that people leave, each in order of shelter, then group."""
    names = {one.code: one.name for one in plan.shelters}
    found: dict[str, list[Row]] = {}
    for one in sorted(plan.assignments, key=lambda a: (a.shelter, a.group)):
        where = one.place.subdistrict or t("evacuation_no_subdistrict", lang)
        found.setdefault(where, []).append(
            (
                one.shelter,
                names.get(one.shelter),
                one.group,
                one.place.household,
                one.people,
                one.needs.help,
                one.needs.vehicles,
                one.metres,
                one.place.community,
                t("export_list_separator", lang).join(one.place.zones),
                None,
            )
        )
    return dict(sorted(found.items()))


def _left_rows(plan: EvacuationPlan, lang: Lang) -> list[Row]:
    return [
        (
            one.group,
            one.place.household,
            one.people,
            one.place.subdistrict,
            one.place.community,
            t("export_list_separator", lang).join(one.place.zones),
            one.why.text(lang),
        )
        for one in plan.unplaced_groups
    ]


def _changed_rows(differences: Differences) -> list[Row]:
    def place(code: str | None, name: str | None) -> str | None:
        return " ".join(text for text in (code, name) if text) or None

    return [
        (
            one.group,
            one.subdistrict,
            one.community,
            place(one.before, one.before_name),
            place(one.after, one.after_name),
            one.people,
        )
        for one in differences.changes
    ]


class _Pages:
    """The sheets of one workbook."""

    def __init__(
        self, book: xlsxwriter.Workbook, looks: Looks, lang: Lang, title: str, marks: Sequence[str]
    ) -> None:
        self._book, self._looks, self._title, self._marks = book, looks, title, marks
        self._lang: Lang = lang
        self._taken: set[str] = set()

    def _sheet(self, name: str) -> Worksheet:
        sheet = self._book.add_worksheet(sheet_name(name, self._taken))
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)
        parts = (*self._marks, self._title, name)
        sheet.set_header("&C" + " · ".join(parts)[:120].replace("&", "&&"))
        sheet.set_footer(f"&R{t('export_footer', self._lang)}")
        return sheet

    def cover(self, plan: EvacuationPlan, *, made_at: str, scenario: str) -> None:
        """Write what the plan is, its sums, and what they rest on."""
        lang, looks = self._lang, self._looks
        sheet = self._sheet(t("evacuation_cover", lang))
        sheet.set_column(0, 0, 24)
        sheet.set_column(1, 1, 90)
        literal(sheet, 0, 0, self._title, looks.title)
        facts: list[tuple[str, str, Format]] = [("made_at", made_at, looks.text)]
        if scenario:
            facts.append(("scenario", scenario[:_CELL_LIMIT], looks.text))
        for key in ("people", "placed", "unplaced"):
            bad = key == "unplaced" and plan.unplaced
            facts.append((key, str(getattr(plan, key)), looks.bad if bad else looks.text))
        facts.append(("distance", plan.distance_zh if lang == "zh" else plan.distance, looks.text))
        if plan.differences is not None:
            facts.append(("moved", str(plan.differences.moved), looks.text))
        if plan.incomplete:
            facts.append(("unknown", str(len(plan.incomplete)), looks.bad))
        facts.append(("optimal", t("export_yes" if plan.optimal else "export_no", lang), looks.text))
        row = 1
        for mark in self._marks:
            literal(sheet, row, 0, mark, looks.demo)
            row += 1
        for key, text, look in facts:
            literal(sheet, row, 0, t(f"evacuation_{key}", lang), looks.label)
            literal(sheet, row, 1, text, look)
            row += 1
        for name, norm in plan.norms.items():
            literal(sheet, row, 0, t(f"evacuation_norm_{name}", lang), looks.label)
            literal(sheet, row, 1, f"{norm.value:g}（{norm.source}）", looks.text)
            row += 1
        literal(sheet, row, 1, t("evacuation_draft", lang), looks.wrapped)

    def table(self, name: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Write a table with a header that is repeated on every printed page."""
        sheet, looks = self._sheet(name), self._looks
        titles = [t(f"evacuation_column_{column}", self._lang) for column in columns]
        for i, title in enumerate(titles):
            longest = max((display_width(str(row[i])) for row in rows if row[i] is not None), default=0)
            sheet.set_column(i, i, min(max(longest + 2.0, display_width(title) + 2.0, _NARROW), _WIDE))
            literal(sheet, 0, i, title, looks.header)
        for at, row in enumerate(rows[:_ROW_LIMIT], start=1):
            for i, cell in enumerate(row):
                if cell is None:
                    sheet.write_blank(at, i, None, looks.cell)
                elif isinstance(cell, int):
                    sheet.write_number(at, i, cell, looks.count)
                else:
                    literal(sheet, at, i, cell[:_CELL_LIMIT], looks.cell)
        sheet.freeze_panes(1, 0)
        sheet.repeat_rows(0)
        sheet.autofilter(0, 0, max(len(rows), 1), len(columns) - 1)
        sheet.ignore_errors({"number_stored_as_text": "A1:XFD1048576"})
