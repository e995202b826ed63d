"""How the workbook looks: formats, sheet names, widths that fit Chinese, the printed page."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Any, Final

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from riskmap.errors import Lang
from riskmap.present.export.columns import Column, Kind
from riskmap.present.inventory import DEMO_MARK, Inventory, tier_title
from riskmap.present.texts import t
from riskmap.records import RANKS, TIER_COLOURS

_FONT: Final = "微软雅黑"
_INK: Final = {"general": "#3b2f00"}  # white does not read on yellow
_FORBIDDEN: Final = re.compile(r"[\[\]:*?/\\\x00-\x1f]")
_NAME_LIMIT: Final = 31
_HEADER_LIMIT: Final = 250
_NARROW, _WIDE = 8.0, 42.0
_SAMPLE: Final = 400
_RICH: Final = re.compile(r"<r>.*</r>", re.DOTALL)


class Looks:
    """The formats of one workbook."""

    def __init__(self, book: xlsxwriter.Workbook) -> None:
        def make(**properties: Any) -> Format:
            return book.add_format({"font_name": _FONT, "font_size": 10, "valign": "vcenter", **properties})

        self._make = make
        self.title = make(font_size=18, bold=True, font_color="#12355b")
        self.demo = make(font_size=12, bold=True, font_color="#b00020")
        self.heading = make(font_size=12, bold=True, font_color="#12355b", bottom=1, bottom_color="#12355b")
        self.label = make(font_color="#5b6470")
        self.text = make(num_format="@")
        self.wrapped = make(num_format="@", text_wrap=True, valign="top")
        self.good = make(font_color="#1b7a3d", bold=True)
        self.bad = make(font_color="#d7191c", bold=True, text_wrap=True, valign="top", num_format="@")
        self.header = make(
            bold=True,
            font_color="#ffffff",
            bg_color="#12355b",
            border=1,
            border_color="#ffffff",
            align="center",
            text_wrap=True,
        )
        self.count = make(num_format="#,##0", border=1, border_color="#c9ced6")
        self.cell = make(num_format="@", border=1, border_color="#c9ced6")
        self.sum = make(num_format="#,##0", bold=True, border=1, border_color="#c9ced6", bg_color="#eef2f7")
        self.sum_label = make(bold=True, border=1, border_color="#c9ced6", bg_color="#eef2f7")
        self.fault = make(bg_color="#ffc7ce", font_color="#9c0006", num_format="@")
        self._columns: dict[Kind, Format] = {
            "text": self.text,
            "number": make(),
            "integer": make(num_format="0"),
            "degrees": make(num_format="0.000000"),
            "date": make(num_format="yyyy-mm-dd", align="center"),
            "tier": make(align="center"),
        }
        self._tiers = {
            state: make(
                align="center", bg_color=TIER_COLOURS[state], font_color=_INK.get(state, "#ffffff"), bold=True
            )
            for state in RANKS
        }

    def of(self, kind: Kind) -> Format:
        """Return the format of a column of this kind."""
        return self._columns[kind]

    def tier(self, state: str) -> Format:
        """Return the coloured format of a tier, or of unrated."""
        return self._tiers[state]

    def tiers(self, lang: Lang) -> dict[str, Format]:
        """Return the coloured formats by the words that stand in the cells."""
        return {tier_title(state, lang): self._tiers[state] for state in RANKS}


def literal(sheet: Worksheet, row: int, column: int, text: str, look: Format | None = None) -> None:
    """Write a text exactly as it is.

    xlsxwriter takes a text between <r> and </r> for markup and copies it into the file: such a text
    is handed over in runs (three, its minimum), which it escapes.
    """
    if text.startswith("<r>") and _RICH.fullmatch(text):
        sheet.write_rich_string(row, column, *text[:2], text[2:], *((look,) if look else ()))
    else:
        sheet.write_string(row, column, text, look)


def sheet_name(wanted: str, taken: set[str]) -> str:
    """Return a name that Excel takes and no other sheet has, and note it in `taken`."""
    plain = _FORBIDDEN.sub(" ", wanted).strip().strip("'") or "_"
    used = {name.casefold() for name in taken} | {"history"}
    number, name = 1, plain[:_NAME_LIMIT]
    while name.casefold() in used:
        number += 1
        tail = f" ({number})"
        name = plain[: _NAME_LIMIT - len(tail)] + tail
    taken.add(name)
    return name


@lru_cache(maxsize=8192)  # plans and causes stand on thousands of records
def display_width(text: str) -> int:
    """Return how many Latin letters wide a text is; Chinese characters count two."""
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(c) in "WFA" else 1 for c in text)


def width(column: Column, rows: int) -> float:
    """Return a column width that fits its header on two lines and a sample of its cells."""
    if column.kind == "degrees":
        return 13.0
    step = max(rows // _SAMPLE, 1)
    sample = [column.values[i].as_py() for i in range(0, rows, step)]
    longest = max((display_width(str(v)) for v in sample if v is not None), default=0)
    header = display_width(column.title)
    head = header if header <= 12 else max(12, (header + 1) // 2)
    return min(max(longest + 2.0, head + 4.0, _NARROW), _WIDE)


def page(sheet: Worksheet, inventory: Inventory, subject: str) -> None:
    """Set up printing: A4 landscape, fit to width, title above, page numbers below."""
    title = f"{t('export_title', inventory.lang, district=inventory.district)} · {subject}"
    mark = f"   {DEMO_MARK}" if inventory.demo else ""
    approval = f"   {t('export_approval', inventory.lang)} {inventory.approval}" if inventory.approval else ""
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.hide_gridlines(0)
    sheet.set_margins(left=0.4, right=0.4, top=0.7, bottom=0.6)
    sheet.set_header(f"&C{_safe(title + mark)}"[:_HEADER_LIMIT])
    sheet.set_footer(
        f"&L{_safe(inventory.as_of + approval)}"[: _HEADER_LIMIT - 40]
        + f"&R{t('export_footer', inventory.lang)}"
    )


def _safe(text: str) -> str:
    # "&" begins a code in headers and footers, and a leading digit would be read as a font size.
    return text.replace("&", "&&")
