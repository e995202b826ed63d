"""The cover: what the inventory is, how it was made, its totals, and whether they add up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from riskmap.errors import Lang, Say
from riskmap.present.export.looks import Looks, literal, page, sheet_name
from riskmap.present.inventory import (
    DEMO_MARK,
    STATES,
    Counts,
    Inventory,
    LayerInventory,
    add_counts,
    subdistrict_counts,
    tier_counts,
    tier_title,
)
from riskmap.present.texts import t

_FEW: Final = 20  # so many codes still read well on the cover
_DIGEST: Final = 12
_ACROSS: Final = len(STATES) + 1


def write_cover(
    book: xlsxwriter.Workbook,
    looks: Looks,
    inventory: Inventory,
    taken: set[str],
    *,
    notes: Sequence[str] = (),
) -> None:
    """Write the cover sheet. `notes` say what the workbook could not hold."""
    lang = inventory.lang
    sheet = book.add_worksheet(sheet_name(t("export_cover", lang), taken))
    sheet.set_column(0, 0, 26)
    sheet.set_column(1, _ACROSS, 13)
    page(sheet, inventory, t("export_cover", lang))
    sheet.set_row(0, 34)
    literal(sheet, 0, 0, t("export_title", lang, district=inventory.district), looks.title)
    row = 1
    if inventory.demo:
        literal(sheet, row, 0, DEMO_MARK, looks.demo)
        row += 1
    for label, text in _facts(inventory):
        literal(sheet, row, 0, label, looks.label)
        literal(sheet, row, 1, text, looks.text)
        row += 1
    row = _write_check(sheet, looks, inventory, row + 1)
    for note in notes:
        _across(sheet, row, note, looks)
        row += 1
    by_layer = {part.layer.title.text(lang): tier_counts(part.table) for part in inventory.layers}
    row = _write_counts(sheet, looks, t("export_by_layer", lang), by_layer, row=row + 1, lang=lang)
    _write_counts(
        sheet,
        looks,
        t("export_by_subdistrict", lang),
        _places(inventory.layers, lang),
        row=row + 1,
        lang=lang,
    )


def write_subdistricts(
    book: xlsxwriter.Workbook, looks: Looks, inventory: Inventory, taken: set[str]
) -> None:
    """Write tier × sub-district per layer, where there are several layers; the cover has it for one."""
    if len(inventory.layers) < 2:
        return
    lang = inventory.lang
    sheet = book.add_worksheet(sheet_name(t("export_subdistricts", lang), taken))
    sheet.set_column(0, 0, 26)
    sheet.set_column(1, _ACROSS, 13)
    page(sheet, inventory, t("export_subdistricts", lang))
    row = 0
    for part in inventory.layers:
        title = t("export_by_subdistrict_of", lang, layer=part.layer.title.text(lang))
        row = _write_counts(sheet, looks, title, _places((part,), lang), row=row, lang=lang) + 1


def write_differences(book: xlsxwriter.Workbook, looks: Looks, inventory: Inventory, taken: set[str]) -> None:
    """Write all codes of the differences that name too many for the cover."""
    many = [d for d in inventory.differences if len(d.get("codes") or ()) > _FEW]
    if not many:
        return
    lang = inventory.lang
    sheet = book.add_worksheet(sheet_name(t("export_differences", lang), taken))
    sheet.set_column(0, 0, 30)
    sheet.set_column(1, 1, 60)
    page(sheet, inventory, t("export_differences", lang))
    row = 0
    for difference in many:
        literal(sheet, row, 0, _sentence(difference, lang), looks.bad)
        row += 1
        for code in difference["codes"]:
            literal(sheet, row, 0, str(code), looks.text)
            row += 1


def _facts(inventory: Inventory) -> list[tuple[str, str]]:
    lang = inventory.lang
    facts = [
        (t("export_filter", lang), inventory.filter.text(lang)),
        (t("export_records", lang), t("export_records_of", lang, n=f"{len(inventory):,}")),
        (t("export_as_of", lang), inventory.as_of),
        (t("export_made_at", lang), inventory.made_at),
        (t("export_made_by", lang), inventory.made_by),
        (t("export_datum", lang), t("export_datum_text", lang)),
    ]
    if any(part.contacts is not None for part in inventory.layers):
        shown = "unmasked" if inventory.unmasked else "masked"
        facts.append((t("export_contacts_line", lang), t(f"export_contacts_{shown}", lang)))
    if inventory.approval:
        facts.append((t("export_approval", lang), inventory.approval))
    facts += [
        (t("export_model_of", lang, layer=part.layer.title.text(lang)), _model(part, lang))
        for part in inventory.layers
    ]
    return facts


def _model(part: LayerInventory, lang: Lang) -> str:
    if part.model is None:
        return t("export_model_none", lang)
    return t(
        "export_model_text",
        lang,
        title=part.model.title.text(lang),
        version=part.model.version,
        status=t("export_status_adopted" if part.model.status == "adopted" else "export_status_draft", lang),
        digest=part.model.digest[:_DIGEST],
    )


def _write_check(sheet: Worksheet, looks: Looks, inventory: Inventory, row: int) -> int:
    lang = inventory.lang
    if inventory.adds_up and not inventory.differences:
        literal(sheet, row, 0, t("export_adds_up", lang), looks.good)
        return row + 1
    count = len(inventory.differences)
    literal(sheet, row, 0, t("export_not_adding_up", lang, n=count), looks.bad)
    row += 1
    for difference in inventory.differences:
        _across(sheet, row, _sentence(difference, lang), looks)
        row += 1
        codes = [str(code) for code in difference.get("codes") or ()]
        if codes:
            _across(sheet, row, _codes(codes, lang), looks)
            row += 1
    return row


def _across(sheet: Worksheet, row: int, text: str, looks: Looks) -> None:
    sheet.set_row(row, 15.0 * (1 + len(text) // 55))
    literal(sheet, row, 0, "", looks.bad)
    sheet.merge_range(row, 0, row, _ACROSS, "", looks.bad)
    literal(sheet, row, 0, text, looks.bad)


def _codes(codes: Sequence[str], lang: Lang) -> str:
    if len(codes) > _FEW:
        return t("export_difference_many", lang, n=len(codes), sheet=t("export_differences", lang))
    return t("export_difference_codes", lang, codes=t("export_list_separator", lang).join(codes))


def _sentence(difference: Mapping[str, Any], lang: Lang) -> str:
    what = difference.get("what", "")
    return t(
        "export_difference",
        lang,
        what=what.text(lang) if isinstance(what, Say) else str(what),
        expected=difference.get("expected", ""),
        found=difference.get("found", ""),
    )


def _places(parts: Sequence[LayerInventory], lang: Lang) -> dict[str, Counts]:
    found: dict[str, list[Counts]] = {}
    for part in parts:
        for name, counts in subdistrict_counts(part.table).items():
            found.setdefault(name, []).append(counts)
    return {
        name or t("export_no_subdistrict", lang): add_counts(found[name])
        for name in sorted(found, key=lambda n: (n == "", n))
    }


def _write_counts(
    sheet: Worksheet, looks: Looks, title: str, counts: Mapping[str, Counts], *, row: int, lang: Lang
) -> int:
    """Write one table of counts and return the row below it."""
    literal(sheet, row, 0, title, looks.header)
    for i, state in enumerate(STATES, start=1):
        literal(sheet, row, i, tier_title(state, lang), looks.tier(state))
    literal(sheet, row, _ACROSS, t("export_total", lang), looks.header)
    for name, found in counts.items():
        row += 1
        literal(sheet, row, 0, name, looks.cell)
        for i, state in enumerate(STATES, start=1):
            sheet.write_number(row, i, found[state], looks.count)
        sheet.write_number(row, _ACROSS, sum(found.values()), looks.sum)
    total = add_counts(list(counts.values()))
    row += 1
    literal(sheet, row, 0, t("export_total", lang), looks.sum_label)
    for i, state in enumerate(STATES, start=1):
        sheet.write_number(row, i, total[state], looks.sum)
    sheet.write_number(row, _ACROSS, sum(total.values()), looks.sum)
    return row + 1
