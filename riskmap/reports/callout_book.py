"""The call-out as workbooks to print and tick: one per sub-district, or one sheet each in one file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from riskmap.catalog import PHASES
from riskmap.errors import ExportError, Lang, Text
from riskmap.io.files.atomic import WrittenFile, replacing
from riskmap.io.writers.workbook_parts import Looks, display_width, literal, new_workbook, sheet_name
from riskmap.texts import made_text, t
from riskmap.values.assessment import ModelStamp
from riskmap.values.duty import CallGroup, CallLine, CalloutView
from riskmap.values.inventory import DEMO_MARK
from riskmap.values.scenario import RecordedScenario, beijing
from riskmap.vocabulary import RANKS, TIER_TITLES

EMPTY, TICKED = "□", "☑"


_COLUMNS: Final = (
    *(("tick", 7.0), ("tier", 11.0), ("record", 24.0), ("when", 17.0), ("why", 26.0), ("order", 6.0)),
    *(("contact", 24.0), ("phone", 16.0), ("called", 17.0), ("answered", 22.0)),
)


_OF_RECORD: Final = 5  # the first columns speak of the record, the others of one contact


_LAST: Final = len(_COLUMNS) - 1


_ACROSS: Final = 150  # so many Latin letters fit into the merged row of actions


_FORBIDDEN: Final = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')


_NAME_LIMIT: Final = 60


_HEADER_LIMIT: Final = 250


def marks(view_drill: bool, demo: bool, lang: Lang) -> list[str]:  # noqa: FBT001 - two facts, in words
    """Return what must stand on every page: that it is a drill, that the data are made up."""
    return [*([t("duty_drill", lang)] if view_drill else []), *([DEMO_MARK] if demo else [])]


def tier_models_text(scenario: RecordedScenario, lang: Lang) -> str:
    """Return which models made the tiers that a scenario raised, as it has kept them; "" where it has none."""
    kept = [one for models in scenario.body.get("tier_models", {}).values() for one in models]
    stamps = {
        one["digest"]: ModelStamp(
            one["id"], Text(one["zh"], one["en"]), one["version"], one["digest"], one["status"]
        )
        for one in kept
    }
    return t("duty_tier_models", lang, models=made_text(list(stamps.values()), lang)) if stamps else ""


def write_callout_books(view: CalloutView, folder: Path, *, lang: Lang = "zh") -> list[WrittenFile]:
    """Write one workbook per sub-district into a folder that exists, named after scenario and sub-district."""
    if not folder.is_dir():
        raise ExportError(
            f"{folder}：没有这个文件夹；请先建立，或写 .xlsx 文件名",
            f"{folder}: there is no such folder; make it, or name an .xlsx file",
        )
    taken: set[str] = set()
    written: list[WrittenFile] = []
    for group in view.callout.groups:
        stem = f"{t('duty_callout', lang)}_{view.scenario.title}_{place_of(group.subdistrict, lang)}"
        path = folder / f"{_file_stem(stem, taken)}.xlsx"
        with replacing(path) as (room,), new_workbook(room) as book:
            _write_sheet(book, Looks(book), view, group, taken=set(), lang=lang)
        written.append(WrittenFile(path, "xlsx", len(group.lines)))
    return written


def write_callout_book(view: CalloutView, path: Path, *, lang: Lang = "zh") -> list[WrittenFile]:
    """Write one workbook with a sheet per sub-district, in the order of the call-out."""
    with replacing(path) as (room,), new_workbook(room) as book:
        looks, taken = Looks(book), set[str]()
        for group in view.callout.groups or (CallGroup(None, ()),):
            _write_sheet(book, looks, view, group, taken=taken, lang=lang)
    return [WrittenFile(path, "xlsx", len(view.callout.lines))]


def place_of(name: str | None, lang: Lang) -> str:
    """Return a sub-district as it is written, also where there is none."""
    return name or t("duty_no_subdistrict", lang)


def _file_stem(wanted: str, taken: set[str]) -> str:
    """Return a file name that every system takes and no other of this call-out has."""
    plain = _FORBIDDEN.sub(" ", wanted).strip(" .")[:_NAME_LIMIT].strip(" .") or "_"
    name, number = plain, 1
    while name.casefold() in taken:
        number += 1
        name = f"{plain} ({number})"
    taken.add(name.casefold())
    return name


class _Formats:
    """Bordered formats of the call-out."""

    def __init__(self, book: xlsxwriter.Workbook, looks: Looks) -> None:
        base = {"font_name": "微软雅黑", "font_size": 10, "border": 1, "border_color": "#8a94a3"}
        self.looks = looks
        self.text = book.add_format(base | {"text_wrap": True, "valign": "vcenter", "num_format": "@"})
        self.tick = book.add_format(base | {"align": "center", "valign": "vcenter", "font_size": 14})
        self.phone = book.add_format(base | {"valign": "vcenter", "num_format": "@", "font_size": 11})
        self.wide = book.add_format(
            base | {"text_wrap": True, "valign": "top", "num_format": "@", "bg_color": "#f6f8fb"}
        )
        self.gap = book.add_format(
            base | {"text_wrap": True, "valign": "top", "num_format": "@", "font_color": "#b00020"}
        )


def _write_sheet(
    book: xlsxwriter.Workbook,
    looks: Looks,
    view: CalloutView,
    group: CallGroup,
    *,
    taken: set[str],
    lang: Lang,
) -> None:
    place = place_of(group.subdistrict, lang)
    sheet = book.add_worksheet(sheet_name(place, taken))
    formats = _Formats(book, looks)
    _page(sheet, view, place, lang)
    for i, (_, wide) in enumerate(_COLUMNS):
        sheet.set_column(i, i, wide)
    sheet.ignore_errors({"number_stored_as_text": "A1:XFD1048576"})
    literal(sheet, 0, 0, t("duty_sheet_title", lang, district=view.district, subdistrict=place), looks.title)
    sheet.set_row(0, 30)
    shown = t("duty_masked" if view.masked else "duty_unmasked", lang)
    lead = t(
        "duty_sheet_lead",
        lang,
        title=view.scenario.title,
        now=beijing(view.now),
        minutes=f"{view.minutes:g}",
    )
    literal(sheet, 1, 0, f"{lead}　{shown}", looks.label)
    warned = marks(view.scenario.drill, view.demo, lang)
    if warned:
        literal(sheet, 2, 0, "　".join(warned), looks.demo)
    for i, (name, _) in enumerate(_COLUMNS):
        literal(sheet, 3, i, t(f"duty_col_{name}", lang), looks.header)
    sheet.set_row(3, 26)
    sheet.freeze_panes(4, 0)
    sheet.repeat_rows(3)
    row = 4
    for line in group.lines:
        row = _write_line(sheet, formats, view, line, row, lang=lang)
    if not group.lines:
        literal(sheet, row, 0, t("duty_nothing", lang), looks.text)
    elif made := tier_models_text(view.scenario, lang):
        _across(sheet, row, made, formats.wide)


def _page(sheet: Worksheet, view: CalloutView, place: str, lang: Lang) -> None:
    """A4 landscape, one page wide, the marks on every page."""
    head = "　".join(
        [
            t("duty_sheet_title", lang, district=view.district, subdistrict=place),
            *marks(view.scenario.drill, view.demo, lang),
        ]
    )
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.set_margins(left=0.4, right=0.4, top=0.7, bottom=0.6)
    sheet.set_header(f"&C{head.replace('&', '&&')}"[:_HEADER_LIMIT])
    sheet.set_footer(f"&L{beijing(view.now)}&R{t('duty_page', lang)}")


def _write_line(
    sheet: Worksheet, formats: _Formats, view: CalloutView, line: CallLine, row: int, *, lang: Lang
) -> int:
    """Write one record: a row per contact, then its actions and what is missing; return the row below."""
    rows = max(len(line.callees), 1)
    state = view.states[line.feature_id]
    tier = TIER_TITLES[RANKS[line.rank_to]].text(lang)
    before = TIER_TITLES[RANKS[line.rank_from]].text(lang)
    title = view.layer_titles[line.layer].text(lang)
    record = [
        (TICKED if state.status == "answered" else EMPTY, formats.tick),
        (f"{before} → {tier}", formats.looks.tier(RANKS[line.rank_to])),
        (f"{title} {line.code}\n{line.name or ''}".strip(), formats.text),
        (f"{beijing(line.start)}\n— {beijing(line.expiry)}", formats.text),
        ("\n".join(c.text(lang) for c in line.causes), formats.text),
    ]
    for column, (text, look) in enumerate(record):
        _block(sheet, (row, row + rows - 1, column, column), text, look)
    height = max(_lines(text, _COLUMNS[i][1]) for i, (text, _) in enumerate(record)) * 15.0
    for i in range(rows):
        sheet.set_row(row + i, max(height / rows, 24.0))
        _write_contact(sheet, formats, view, line, row + i, at=i, lang=lang)
    row += rows
    for text, look in (
        (_actions(view, line, lang), formats.wide),
        (_gaps(line, lang), formats.gap),
    ):
        if text:
            _across(sheet, row, text, look)
            row += 1
    return row


def _write_contact(
    sheet: Worksheet, formats: _Formats, view: CalloutView, line: CallLine, row: int, *, at: int, lang: Lang
) -> None:
    state = view.states[line.feature_id]
    if at >= len(line.callees):
        cells = ["", t("duty_nobody", lang), "", "", ""]
    else:
        callee, person = line.callees[at], line.callees[at].contact
        mine = state.callee == callee.number
        called = beijing(state.called_at) if mine and state.called_at else ""
        answered = f"{person.name or ''} {beijing(state.answered_at)}" if mine and state.answered_at else ""
        who = " ".join(x for x in (callee.title.text(lang), person.name, person.post) if x)
        cells = [str(callee.number), who, person.phone or "", called, answered]
    for column, text in enumerate(cells, _OF_RECORD):
        look = formats.phone if _COLUMNS[column][0] == "phone" else formats.text
        literal(sheet, row, column, text, look)


def _actions(view: CalloutView, line: CallLine, lang: Lang) -> str:
    done = view.done.get(line.feature_id, ())
    parts = [f"{t('duty_own_plan', lang)}：{EMPTY} {line.own_plan}"] if line.own_plan else []
    for phase, title in PHASES.items():
        texts = [
            f"{TICKED if {a.text.zh, a.text.en} & set(done) else EMPTY} {a.text.text(lang)}"
            for a in line.actions
            if a.phase == phase
        ]
        if texts:
            parts.append(f"{title.text(lang)}：{'　'.join(texts)}")
    return "\n".join(parts)


def _gaps(line: CallLine, lang: Lang) -> str:
    if not line.gaps:
        return ""
    separator = t("export_list_separator", lang)
    return f"{t('duty_missing', lang)}：{separator.join(g.text.text(lang) for g in line.gaps)}"


def _across(sheet: Worksheet, row: int, text: str, look: Format) -> None:
    """Write one text over a whole row as high as the text needs."""
    sheet.set_row(row, 15.0 * _lines(text, _ACROSS))
    _block(sheet, (row, row, 0, _LAST), text, look)


def _block(sheet: Worksheet, place: tuple[int, int, int, int], text: str, look: Format) -> None:
    """Write one text over several cells."""
    first, last, left, right = place
    if first != last or left != right:
        sheet.merge_range(first, left, last, right, "", look)
    literal(sheet, first, left, text, look)


def _lines(text: str, wide: float) -> int:
    """Return how many lines a text takes in a cell so many letters wide."""
    return sum(1 + int(display_width(part) // max(wide - 1, 1)) for part in text.split("\n"))
