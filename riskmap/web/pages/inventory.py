"""清单: the records of the filter as a table, its totals, its files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import streamlit as st

from riskmap.actions.inventory.exporting import describe
from riskmap.actions.inventory.listing import ListedRecord, list_records
from riskmap.actions.tier_models import made_by
from riskmap.errors import RiskmapError
from riskmap.io.writers import export_formats
from riskmap.selection import Counts, Selection, Snapshot, counts
from riskmap.texts import made_text
from riskmap.vocabulary import FLAGS, TIER_TITLES, TIERS
from riskmap.web.frame import downloads
from riskmap.web.frame.shell import page_look, page_title
from riskmap.web.frame.state import lang, say, snapshot, workspace
from riskmap.web.pages import Page
from riskmap.web.widgets.conditions import ask_conditions, conditions_text
from riskmap.web.widgets.filters import Filters, escape_markdown, render_filters
from riskmap.web.widgets.panels import (
    Cell,
    Figure,
    Kind,
    Pager,
    Row,
    TableColumn,
    address,
    first_page,
    go_to,
    pager_of,
    point_address,
    show_downloads,
    show_figures,
    show_table,
    sort_of,
    tier_cell,
)
from riskmap.web.widgets.signing import notice, offer_unmasked_export, refuse, show_kept_notice, welcome
from riskmap.web.widgets.wording import day, number_text

PAGE: Final = Page(id="inventory", zh="清单", en="Inventory", order=20)


_TABLE: Final = "inventory-table"


_SEEN: Final = "inventory-selection"


_COLUMNS: Final[tuple[tuple[str, Kind], ...]] = (
    ("tier", "tier-cell"),
    ("name", "text"),
    ("code", "code"),
    ("layer", "short"),
    ("subdistrict", "short"),
    ("score", "number"),
    ("flags", "text"),
    ("updated_at", "short"),
)


def render() -> None:
    """Draw the page."""
    page_look()
    now = snapshot()
    if not now.n:
        welcome("inventory")
        return
    filters, _ = render_filters(now, workspace().catalog.layers)
    show_kept_notice()
    try:
        with st.sidebar:
            where = ask_conditions(workspace(), now, filters.layers)
        selection = replace(filters.selection(now.layers), where=where)
        found = counts(now, selection)
    except RiskmapError as problem:
        refuse(problem)
        return
    _heading(now, filters, selection, found)
    _files(selection, found)
    _table(now, selection, found)
    if found.total:
        offer_unmasked_export(selection, _file_title())
    _models(selection.layers or now.layers)


def _models(layers: Sequence[str]) -> None:
    """Which model made the tiers that the table shows, layer by layer."""
    titles = {one: workspace().catalog.layer(one).title.text(lang()) for one in layers}
    made = made_by(workspace(), layers)
    lines = [say("inventory_model", layer=titles[one], model=made_text(made[one], lang())) for one in layers]
    st.caption("  \n".join(escape_markdown(line) for line in lines))


def _file_title() -> str:
    return f"{workspace().config.district}-{say('inventory_title')}"


def _heading(now: Snapshot, filters: Filters, selection: Selection, found: Counts) -> None:
    page_title(say("inventory_title"), say("inventory_filter", words=_filter_words(filters, selection)))
    tiers = found.tiers()
    figures = [Figure(say("inventory_total"), found.total)]
    figures += [Figure(TIER_TITLES[tier].text(lang()), tiers[tier], tier=tier) for tier in TIERS]
    figures.append(Figure(TIER_TITLES["unrated"].text(lang()), found.unrated, tier="unrated"))
    show_figures("inventory-figures", figures)
    _whether_it_adds_up(now, filters, found)


def _filter_words(filters: Filters, selection: Selection) -> str:
    if not filters.layers or not filters.tiers:
        return say("inventory_nothing_on")
    conditions = conditions_text(workspace(), selection.where)
    rest = describe(workspace(), replace(selection, where=())).text(lang())
    if not conditions:
        return rest
    return (
        conditions
        if selection == Selection(where=selection.where)
        else say("list_separator").join([rest, conditions])
    )


def _whether_it_adds_up(now: Snapshot, filters: Filters, found: Counts) -> None:
    rated = sum(found.tiers().values())
    if rated == found.total:
        st.markdown(f":green[✓] {say('inventory_adds_up', total=f'{found.total:,}')}")
        return
    if filters.tiers == frozenset(["unrated"]):
        notice("warning", say("inventory_only_unrated", total=f"{found.total:,}"))
        return
    text = say("inventory_gap", total=f"{found.total:,}", rated=f"{rated:,}", gap=f"{found.unrated:,}")
    left, right = st.columns([3, 1], vertical_alignment="center")
    with left:
        notice("warning", text)
    if right.button(
        say("inventory_show_gap", gap=f"{found.unrated:,}"), key="inventory-gap", width="stretch"
    ):
        wanted = replace(filters, tiers=frozenset(["unrated"])).to_query(now.layers)
        go_to(address("inventory", {"layers": ",".join(now.layers), **wanted}))  # conditions stay as they are


def _files(selection: Selection, found: Counts) -> None:
    if not found.total:
        return
    items = []
    for ending, one in export_formats().items():
        file = downloads.file_name(_file_title(), ending)
        href = downloads.address(downloads.Wanted(selection, ending, file, lang()))
        items.append({"title": one.title, "href": href, "name": file, "help": one.help.text(lang())})
    show_downloads("inventory-downloads", items)


def _table(now: Snapshot, selection: Selection, found: Counts) -> None:
    spec = selection.to_text()
    if st.session_state.get(_SEEN) != spec:
        st.session_state[_SEEN] = spec
        first_page(_TABLE)
    by, descending = sort_of(_TABLE, ("tier", True))
    pager = pager_of(_TABLE, found.total)
    listing = list_records(
        now,
        selection,
        layers=workspace().catalog.layers,
        sort=by,
        descending=descending,
        start=pager.start,
        size=pager.size,
    )
    show_table(
        _TABLE,
        [TableColumn(name, say(f"list_{name}"), kind, sortable=True) for name, kind in _COLUMNS],
        [_row(record) for record in listing.records],
        pager=Pager(pager.page, listing.total, pager.size),
        sort=(by, descending),
        empty=say("inventory_none"),
    )


def _row(record: ListedRecord) -> Row:
    href = point_address(record.layer, record.code)
    layer = workspace().catalog.layer(record.layer)
    flags = say("list_separator").join(FLAGS[flag].text(lang()) for flag in record.flags)
    return Row(
        [
            tier_cell(record.tier),
            Cell(record.name or say("no_name"), href=href, quiet=not record.name),
            Cell(record.code),
            Cell(layer.title.text(lang())),
            Cell(record.subdistrict or say("not_stated"), quiet=not record.subdistrict),
            Cell(number_text(record.score)),
            Cell(flags),
            Cell(day(record.updated_at)),
        ],
        href=href,
    )


if __name__ == "__main__":
    render()
