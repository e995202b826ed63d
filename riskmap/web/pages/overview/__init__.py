"""总览: the district's page: risk, how it moves, work, what it stands on; every number is the way to its records.

Its numbers are figures (`riskmap/reports/figures`), each with its id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import streamlit as st

from riskmap.actions.inventory.district import freshness
from riskmap.actions.inventory.listing import summarise
from riskmap.actions.inventory.unrated import disagreeing, newly_unrated
from riskmap.moments import as_of_text, local_now
from riskmap.selection import Snapshot
from riskmap.web.frame.shell import page_look, page_of, page_title, section
from riskmap.web.frame.state import as_of, lang, say, snapshot, workspace
from riskmap.web.pages import Page
from riskmap.web.pages.overview.moved import changes
from riskmap.web.pages.overview.risks import (
    by_layer,
    by_subdistrict,
    chart,
    over_time,
    tier_figures,
)
from riskmap.web.pages.overview.upkeep import age, attention, backed_up, coverage, desks, resources, work
from riskmap.web.widgets.panels import (
    Cell,
    Row,
    TableColumn,
    inventory_address,
    number_cell,
    number_of,
    show_print_button,
    show_said,
    show_table,
)
from riskmap.web.widgets.signing import notice, say_unrated, show_kept_notice, welcome
from riskmap.web.widgets.told import Told, told

PAGE: Final = Page(id="overview", zh="总览", en="Overview", order=50, past=True)


_CODES: Final = 60


def render() -> None:
    """Draw the page: risk, how it moves, work, and what it all stands on."""
    page_look()
    show_kept_notice()
    now, ws = snapshot(), workspace()
    if not now.n:
        welcome("overview")
        return
    past, figures, fresh = as_of(), told(), freshness(ws, now)
    layers = ws.catalog.layers
    with st.container(key="print-one-page"):
        heading, button = st.columns([6, 1], vertical_alignment="center")
        with heading:
            page_title(
                say("overview_title", district=ws.config.district),
                say("overview_as_of", at=as_of_text(past or local_now())),
            )
        with button, st.container(key="no-print-button"):
            show_print_button("overview-print")
        tier_figures(figures)
        _adds_up(now, figures)
        left, right = st.columns([1.35, 1], gap="medium")
        with left:
            section(say("overview_by_subdistrict"))
            by_subdistrict(figures, fresh)
        with right:
            section(say("overview_chart"))
            chart(figures)
        left, right = st.columns(2, gap="medium")
        with left:
            section(say("overview_by_layer"))
            by_layer(figures)
        with right:
            section(say("overview_trend"))
            over_time(figures, now)
            if past is None:
                with st.container(key="no-print-compare"):
                    st.page_link(page_of("published"), label=say("overview_compare_published"))
        changes(figures)
        section(say("overview_work_title"))
        work(figures)
        if past is None:
            desks()
        attention(figures, layers)
        section(say("overview_stands_on"))
        left, right = st.columns([1.35, 1], gap="medium")
        with left:
            coverage(figures)
        with right:
            age(figures, fresh, layers)
            if past is None:
                backed_up()
        resources(figures, layers)


def _adds_up(now: Snapshot, figures: Told) -> None:
    """Whether the sums agree: the usual unrated are a calm line, their codes behind it."""
    ws = workspace()
    document = summarise(ws, as_of=as_of())
    unrated = document["unrated"]
    if document["adds_up"]:
        show_said("overview_adds_up", tone="ok", total=figures.number("points.total"))
        return
    wrong = disagreeing(document)
    if wrong:
        notice("warning", say("overview_gap", n=len(wrong)))
        _gaps(now, wrong, "overview-gaps")
    if not unrated:
        return
    new = newly_unrated(ws, now)
    say_unrated(new, total=document["total"], unrated=unrated)
    with st.container(key="no-print-unrated"), st.expander(say("unrated_title"), expanded=bool(new)):
        _gaps(now, [gap for gap in document["differences"] if gap not in wrong], "overview-unrated")


def _gaps(now: Snapshot, gaps: Sequence[Mapping[str, Any]], key: str) -> None:
    columns = [
        TableColumn("what", say("overview_gap_what"), "short"),
        TableColumn("expected", say("overview_gap_expected"), "number"),
        TableColumn("found", say("overview_gap_found"), "number"),
        TableColumn("gap", say("overview_gap_gap"), "number"),
        TableColumn("codes", say("overview_gap_codes")),
    ]
    rows = [Row(_gap(now, gap)) for gap in gaps]
    show_table(key, columns, rows, dense=True)


def _gap(now: Snapshot, gap: Mapping[str, Any]) -> list[Cell]:
    layer, codes = gap.get("layer", ""), gap["codes"]
    title = workspace().catalog.layer(layer).title.text(lang()) if layer else gap["what"]
    href = inventory_address(now, layer=layer, tiers=("unrated",)) if layer else ""
    listed = say("comma").join(codes[:_CODES]) + ("…" if len(codes) > _CODES else "")
    of = f"points.layer.{layer}" if layer else "points.total"
    missing = number_of(
        gap["expected"] - gap["found"], f"points.layer_tier.{layer}.unrated" if layer else of, href
    )
    return [
        Cell(title, head=True),
        number_cell(number_of(gap["expected"], of)),
        number_cell(number_of(gap["found"], of, within="four tiers")),
        number_cell(missing),
        Cell(listed),
    ]


if __name__ == "__main__":
    render()
