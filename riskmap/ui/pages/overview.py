"""总览: the district at a glance; every number is the way to its records."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import Any, Final

import streamlit as st

from riskmap.moments import local_now
from riskmap.records import RANK_OF, RANKS, TIER_TITLES, TIERS
from riskmap.selection import Counts, Selection, Snapshot, counts
from riskmap.ui import overview_tables as tables
from riskmap.ui.links import inventory_address
from riskmap.ui.look import page_look, page_title, section
from riskmap.ui.notices import notice, show_kept_notice
from riskmap.ui.panels import (
    Cell,
    Column,
    Row,
    number_cell,
    pager_of,
    point_address,
    show_print_button,
    show_table,
    tier_cell,
)
from riskmap.ui.state import lang, say, snapshot, workspace
from riskmap.ui.welcome import welcome
from riskmap.ui.wording import moment, number_text, word
from riskmap.usecases.changes import TierChanges, tier_changes_since
from riskmap.usecases.reconciling import summarise

_PERIODS: Final = ("week", "month", "year", "own")
_CODES: Final = 60
_CHANGES: Final = 25


def render() -> None:
    """Draw the page."""
    page_look()
    show_kept_notice()
    now, ws = snapshot(), workspace()
    if not now.n:
        welcome("overview")
        return
    found = counts(now, Selection())
    heading, button = st.columns([6, 1], vertical_alignment="center")
    with heading:
        page_title(
            say("overview_title", district=ws.config.district),
            say("overview_as_of", at=f"{local_now():%Y-%m-%d %H:%M}"),
        )
    with button, st.container(key="no-print-button"):
        show_print_button("overview-print")
    tables.tier_figures(now, found)
    _adds_up(now)
    left, right = st.columns([1.25, 1], gap="medium")
    with left:
        section(say("overview_by_subdistrict"))
        tables.by_subdistrict(now, found)
    with right:
        section(say("overview_chart"))
        tables.chart(found)
    with st.container(key="print-block-layers"):
        section(say("overview_by_layer"))
        tables.by_layer(now, found, ws.catalog.layers)
    with st.container(key="print-block-attention"):
        section(say("overview_attention"))
        tables.attention(
            now,
            ws.catalog.layers,
            held=Counter(e.layer for e in ws.ledger.held()),
            rejected=Counter(e.layer for e in ws.ledger.rejected()),
        )
    _changes(found)


def _adds_up(now: Snapshot) -> None:
    ws = workspace()
    document = summarise(ws)
    if document["adds_up"]:
        total = f"{document['total']:,}"
        st.markdown(f":green[✓] {say('overview_adds_up', total=total)}")
        return
    gaps = document["differences"]
    notice("warning", say("overview_gap", n=len(gaps)))
    columns = [
        Column("what", say("overview_gap_what"), "short"),
        Column("expected", say("overview_gap_expected"), "number"),
        Column("found", say("overview_gap_found"), "number"),
        Column("gap", say("overview_gap_gap"), "number"),
        Column("codes", say("overview_gap_codes")),
    ]
    rows = [Row(_gap(now, gap)) for gap in gaps]
    show_table("overview-gaps", columns, rows, dense=True)


def _gap(now: Snapshot, gap: dict[str, Any]) -> list[Cell]:
    layer, codes = gap.get("layer", ""), gap["codes"]
    title = workspace().catalog.layer(layer).title.text(lang()) if layer else gap["what"]
    href = inventory_address(now, layer=layer, tiers=("unrated",)) if layer else ""
    listed = say("comma").join(codes[:_CODES]) + ("…" if len(codes) > _CODES else "")
    return [
        Cell(title, head=True),
        Cell(f"{gap['expected']:,}"),
        Cell(f"{gap['found']:,}"),
        number_cell(gap["expected"] - gap["found"], href),
        Cell(listed),
    ]


# What changed


def _changes(found: Counts) -> None:
    section(say("overview_changes"))
    with st.container(horizontal=True, vertical_alignment="center", key="no-print-period"):
        period = st.segmented_control(
            say("overview_since"),
            _PERIODS,
            default="month",
            format_func=lambda p: say(f"period_{p}"),
            key="overview-period",
            label_visibility="collapsed",
        )
        today = local_now().date()
        day = _since(period or "month", today)
        if period == "own":
            day = st.date_input(
                say("overview_since"),
                value=day,
                max_value=today,
                format="YYYY-MM-DD",
                key="overview-day",
                label_visibility="collapsed",
                width=160,
            )
        compare = st.toggle(say("overview_compare"), key="overview-compare")
    with st.spinner(say("working")):
        changes = tier_changes_since(workspace(), day)
    _said(changes)
    if compare:
        _compared(found, day)
    if changes.moved:
        tables.change_matrix(changes.moved)
        _moved(changes)


def _since(period: str, today: date) -> date:
    if period == "year":
        return today.replace(month=1, day=1)
    return today - timedelta(days=7 if period == "week" else 30)


def _said(changes: TierChanges) -> None:
    causes = Counter(c.cause for c in changes.moved)
    worse = sum(1 for c in changes.moved if RANKS.index(c.after) > RANKS.index(str(c.before)))
    parts = [
        say("overview_moved", day=changes.since.isoformat(), n=f"{len(changes.moved):,}", worse=f"{worse:,}")
    ]
    parts += [f"{word('cause', cause)} {n:,}" for cause, n in causes.most_common()]
    if changes.first:
        tiers = say("comma").join(
            f"{TIER_TITLES[t].text(lang())} {changes.first[t]:,}"
            for t in (*TIERS, "unrated")
            if changes.first[t]
        )
        parts.append(say("import_first_assessed", n=f"{sum(changes.first.values()):,}", tiers=tiers))
    st.text(say("list_separator").join(parts))


def _compared(found: Counts, day: date) -> None:
    with st.spinner(say("overview_comparing")):
        before = summarise(workspace(), as_of=day - timedelta(days=1))
    states = (*TIERS, "unrated")
    ranks = found.array.sum(axis=(0, 2))
    now = [found.total, *(int(ranks[RANK_OF[s]]) for s in states)]
    then = [before["total"], *(before["tiers"][t] for t in TIERS), before["unrated"]]
    columns = [Column("when", say("overview_when"), "short"), Column("total", say("overview_sum"), "number")]
    columns += [Column(s, TIER_TITLES[s].text(lang()), "number") for s in states]
    rows = [
        Row([Cell(say("overview_before", day=day.isoformat()), head=True), *(Cell(f"{n:,}") for n in then)]),
        Row([Cell(say("overview_now"), head=True), *(Cell(f"{n:,}") for n in now)]),
        Row(
            [
                Cell(say("overview_difference"), head=True),
                *(Cell(f"{a - b:+,}" if a != b else "0") for a, b in zip(now, then, strict=True)),
            ],
            total=True,
        ),
    ]
    show_table("overview-compared", columns, rows, dense=True)


def _moved(changes: TierChanges) -> None:
    newest = list(reversed(changes.moved))
    pager = pager_of("overview-moved", len(newest), _CHANGES)
    layers = workspace().catalog.layers
    columns = [
        Column("at", say("history_at"), "short"),
        Column("layer", say("list_layer"), "short"),
        Column("code", say("list_code"), "code"),
        Column("before", say("changes_before"), "tier-cell"),
        Column("after", say("changes_after"), "tier-cell"),
        Column("score", say("overview_scores"), "number"),
        Column("cause", say("changes_cause"), "short"),
    ]
    rows = []
    for c in newest[pager.start : pager.stop]:
        title = layers[c.layer].title.text(lang()) if c.layer in layers else c.layer
        scores = f"{number_text(c.score_before) or '—'} → {number_text(c.score_after) or '—'}"
        cells = [
            Cell(moment(c.at)),
            Cell(title),
            Cell(c.code, href=point_address(c.layer, c.code)),
            tier_cell(str(c.before)),
            tier_cell(c.after),
            Cell(scores),
            Cell(word("cause", c.cause)),
        ]
        rows.append(Row(cells))
    show_table("overview-moved", columns, rows, pager=pager if pager.pages > 1 else None, dense=True)


if __name__ == "__main__":
    render()
