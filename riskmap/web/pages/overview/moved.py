"""Which tiers changed in a period, and two days side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from html import escape
from typing import Final

import streamlit as st

from riskmap.actions.inventory.listing import summarise
from riskmap.actions.records.changes import TierChanges, tier_changes_since
from riskmap.ledger import TierChange
from riskmap.moments import local_day, local_now
from riskmap.vocabulary import RANKS, TIERS, is_worse
from riskmap.web.frame.shell import section
from riskmap.web.frame.state import (
    address_leads,
    as_of,
    lang,
    past_text,
    say,
    workspace,
    write_address,
)
from riskmap.web.pages.overview.risks import STATES, present, tier_title
from riskmap.web.widgets.panels import (
    Cell,
    FigureRef,
    Number,
    Row,
    TableColumn,
    number_cell,
    number_html,
    number_of,
    pager_of,
    point_address,
    said_html,
    show_table,
    tier_cell,
)
from riskmap.web.widgets.told import Told, named_address
from riskmap.web.widgets.wording import moment, number_text, word


def change_matrix(moved: Sequence[TierChange], period: str) -> None:
    """From which tier to which, worst first."""
    pairs: dict[tuple[str, str], list[TierChange]] = {}
    for one in moved:
        pairs.setdefault((str(one.before), one.after), []).append(one)
    order = [s for s in STATES if any(s in pair for pair in pairs)]
    columns = [TableColumn("from", say("overview_from_to"), "short")]
    columns += [TableColumn(s, tier_title(s), "number") for s in order]
    rows = [
        Row(
            [
                Cell(tier_title(a), tier=a, head=True),
                *(_changed(pairs.get((a, b), []), a, b, period) for b in order),
            ]
        )
        for a in order
    ]
    show_table("overview-matrix", columns, rows, dense=True)


def _changed(moved: Sequence[TierChange], before: str, after: str, period: str) -> Cell:
    if before == after:
        return Cell("")
    lead = named_address([(one.layer, one.code) for one in moved])
    cell = number_cell(number_of(len(moved), f"ledger.tiers.{before}.{after}", lead, period=period))
    return replace(cell, note=_direction(before, after) if moved else "")


def _direction(before: str, after: str) -> str:
    if "unrated" in (before, after):
        return say("overview_now_rated" if before == "unrated" else "overview_now_unrated")
    return say("overview_up" if is_worse(before, after) else "overview_down")


_PERIODS: Final = ("week", "month", "year", "own")


_USUAL: Final = "month"


_EARLIEST: Final = date(2000, 1, 1)


_PERIOD, _DAY, _COMPARE = "overview-period", "overview-day", "overview-compare"


_CHANGES: Final = 10


_PRINTED: Final = 5  # of them on paper: the page is one sheet


def changes(figures: Told) -> None:
    """Ask since when, and show what changed since then."""
    section(say("overview_changes"))
    today = local_day(as_of() or local_now())
    _as_the_address_says(today)
    with st.container(horizontal=True, vertical_alignment="center", key="no-print-period"):
        period = st.segmented_control(
            say("overview_since"),
            _PERIODS,
            format_func=lambda p: say(f"period_{p}"),
            key=_PERIOD,
            label_visibility="collapsed",
        )
        day = _since(period or _USUAL, today)
        if period == "own":
            st.session_state.setdefault(_DAY, day)
            day = st.date_input(
                say("overview_since"),
                min_value=_EARLIEST,
                max_value=today,
                format="YYYY-MM-DD",
                key=_DAY,
                label_visibility="collapsed",
                width=160,
            )
        compare = st.toggle(say("overview_compare"), key=_COMPARE)
    since = day.isoformat() if period == "own" else period or _USUAL
    write_address(
        ("since", "compare"), {"since": "" if since == _USUAL else since, "compare": "1" if compare else ""}
    )
    with st.spinner(say("working")):
        changes = tier_changes_since(workspace(), day, as_of=as_of())
    run = f"{day.isoformat()}..{today.isoformat()}"
    _said(changes, run)
    if compare:
        _compared(figures, day)
    if changes.moved:
        left, right = st.columns([1, 1.6], gap="medium")
        with left:
            change_matrix(changes.moved, run)
        with right, st.container(key="print-few-movers"):
            _moved(changes, run)


def _as_the_address_says(today: date) -> None:
    """Choose what the address names, where it leads or nothing was chosen on this page yet."""
    state = st.session_state
    if _PERIOD in state and not address_leads():
        return
    since = st.query_params.get("since", "")
    with suppress(ValueError):
        state[_DAY] = min(max(date.fromisoformat(since), _EARLIEST), today)
        since = "own"
    state[_PERIOD] = since if since in _PERIODS else _USUAL
    state[_COMPARE] = st.query_params.get("compare") == "1"


def _since(period: str, today: date) -> date:
    if period == "year":
        return today.replace(month=1, day=1)
    return today - timedelta(days=7 if period == "week" else 30)


def _said(changes: TierChanges, run: str) -> None:
    """What changed since a day, in a sentence; by cause; and what was assessed for the first time."""
    moved = number_of(len(changes.moved), "ledger.tiers", period=run)
    worse = number_of(len(changes.worse), "ledger.worse", period=run)
    values: dict[str, object] = {"day": changes.since.isoformat(), "n": moved, "worse": worse}
    lines = [said_html("overview_moved", values)]
    causes = Counter(c.cause for c in changes.moved)
    lines += [
        f"{escape(word('cause', cause))} {number_html(number_of(n, f'ledger.causes.{cause}', period=run))}"
        for cause, n in causes.most_common()
    ]
    if changes.first:
        tiers = say("comma").join(
            f"{escape(tier_title(t))} {number_html(number_of(changes.first[t], f'ledger.first.{t}', period=run))}"
            for t in STATES
            if changes.first[t]
        )
        first = number_of(sum(changes.first.values()), "ledger.first", period=run)
        lines.append(said_html("overview_first", {"n": first}) + tiers)
    st.html(f'<p class="rm-line">{escape(say("list_separator")).join(lines)}</p>')


def _compared(figures: Told, day: date) -> None:
    with st.spinner(say("overview_comparing")):
        before = summarise(workspace(), as_of=day - timedelta(days=1))
    eve = (day - timedelta(days=1)).isoformat()
    tiers, whole = figures.groups("points.tiers"), figures.number("points.total")
    now = [whole, *(tiers[s] for s in STATES)]
    ids = ["points.total", *(f"points.tiers.{s}" for s in STATES)]
    numbers = [before["total"], *(before["tiers"][t] for t in TIERS), before["unrated"]]
    then = [number_of(n, one, as_of=eve) for n, one in zip(numbers, ids, strict=True)]
    columns = [
        TableColumn("when", say("overview_when"), "short"),
        TableColumn("total", say("overview_sum"), "number"),
    ]
    columns += [TableColumn(s, tier_title(s), "number") for s in STATES]
    change = [
        replace(number_of(round(a.value or 0) - n, one, within=f"against {eve}"), text=_signed(a, n))
        for a, n, one in zip(now, numbers, ids, strict=True)
    ]
    rows = [
        Row([Cell(say("overview_before", day=day.isoformat()), head=True), *map(number_cell, then)]),
        Row([Cell(present(), head=True), *map(number_cell, now)]),
        Row([Cell(say("overview_difference"), head=True), *map(number_cell, change)], total=True),
    ]
    show_table("overview-compared", columns, rows, dense=True)


def _signed(now: Number, then: int) -> str:
    change = round(now.value or 0) - then
    return f"{change:+,}" if change else "0"


def _step(change: TierChange) -> int:
    """Return how many tiers a record went up; unrated stands where every list has it."""
    return RANKS.index(change.after) - RANKS.index(str(change.before))


def _moved(changes: TierChanges, run: str) -> None:
    """The records whose tier changed, those that went up furthest first."""
    newest = sorted(changes.moved, key=lambda one: (_step(one), one.at), reverse=True)
    moved = FigureRef("ledger.tiers", run, past_text())
    pager = pager_of("overview-moved", len(newest), _CHANGES, figure=moved)
    layers = workspace().catalog.layers
    columns = [
        TableColumn("at", say("history_at"), "short"),
        TableColumn("layer", say("list_layer"), "short"),
        TableColumn("code", say("list_code"), "code"),
        TableColumn("before", say("changes_before"), "tier-cell"),
        TableColumn("after", say("changes_after"), "tier-cell"),
        TableColumn("score", say("overview_scores"), "number", values=True),
        TableColumn("cause", say("changes_cause"), "short"),
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
    show_table(
        "overview-moved",
        columns,
        rows,
        pager=pager if pager.pages > 1 else None,
        dense=True,
        printed=_PRINTED,
    )
