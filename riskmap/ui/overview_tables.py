"""Tables and chart of the overview: counts by tier, each the way to its records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import altair as alt
import streamlit as st

from riskmap.catalog import Layer
from riskmap.records import FLAGS, RANK_OF, RANKS, TIER_COLOURS, TIER_TITLES, TIERS
from riskmap.selection import NOT_STATED, Counts, Selection, Snapshot, counts, flag_counts
from riskmap.ui.links import inventory_address
from riskmap.ui.panels import Cell, Column, Figure, Row, address, number_cell, show_figures, show_table
from riskmap.ui.settings import INK
from riskmap.ui.state import lang, say

STATES: Final = (*TIERS, "unrated")
_BAR: Final = 33  # pixels a bar
_FEWEST_BARS: Final = 3


def tier_figures(now: Snapshot, found: Counts) -> None:
    """The whole and the tiers, large."""
    ranks = found.array.sum(axis=(0, 2))
    figures = [Figure(say("overview_total"), found.total, inventory_address(now))]
    for state in STATES:
        note = say("overview_unrated_note") if state == "unrated" else ""
        number = int(ranks[RANK_OF[state]])
        figures.append(
            Figure(_title(state), number, inventory_address(now, tiers=(state,)), tier=state, note=note)
        )
    show_figures("overview-figures", figures)


def _title(state: str) -> str:
    return TIER_TITLES[state].text(lang())


def _columns(first: str) -> list[Column]:
    counted = [Column(state, _title(state), "number") for state in STATES]
    return [Column("what", first, "short"), *counted, Column("total", say("overview_sum"), "number")]


def by_subdistrict(now: Snapshot, found: Counts) -> None:
    """Tier × sub-district; the last line is the sum of the others."""
    rows = []
    for i, name in enumerate(found.subdistricts):
        ranks = found.array[:, :, i].sum(axis=0)
        if name == NOT_STATED and not ranks.sum():
            continue
        title = say("not_stated") if name == NOT_STATED else name
        cells = [
            number_cell(int(ranks[RANK_OF[s]]), inventory_address(now, tiers=(s,), subdistrict=name))
            for s in STATES
        ]
        whole = number_cell(int(ranks.sum()), inventory_address(now, subdistrict=name))
        rows.append(Row([Cell(title, head=True), *cells, whole]))
    rows.append(_total(now, found))
    show_table("overview-subdistricts", _columns(say("list_subdistrict")), rows, dense=True)


def by_layer(now: Snapshot, found: Counts, layers: Mapping[str, Layer]) -> None:
    """Tier × layer; the last line is the sum of the others."""
    rows = []
    for i, layer in enumerate(found.layers):
        ranks = found.array[i].sum(axis=1)
        cells = [
            number_cell(int(ranks[RANK_OF[s]]), inventory_address(now, layer=layer, tiers=(s,)))
            for s in STATES
        ]
        whole = number_cell(int(ranks.sum()), inventory_address(now, layer=layer))
        rows.append(Row([Cell(layers[layer].title.text(lang()), head=True), *cells, whole]))
    rows.append(_total(now, found))
    show_table("overview-layers", _columns(say("list_layer")), rows, dense=True)


def _total(now: Snapshot, found: Counts) -> Row:
    ranks = found.array.sum(axis=(0, 2))
    cells = [number_cell(int(ranks[RANK_OF[s]]), inventory_address(now, tiers=(s,))) for s in STATES]
    whole = number_cell(found.total, inventory_address(now))
    return Row([Cell(say("overview_sum"), head=True), *cells, whole], total=True)


def chart(found: Counts) -> None:
    """Sub-districts as bars of what is above low, and of what is unrated: low would hide the rest."""
    states = [s for s in STATES if s != "low"]
    values = [
        {
            "name": say("not_stated") if name == NOT_STATED else name,
            "state": _title(state),
            "order": order,
            "n": int(found.array[:, RANK_OF[state], i].sum()),
        }
        for i, name in enumerate(found.subdistricts)
        for order, state in enumerate(states)
        if name != NOT_STATED or found.array[:, :, i].any()
    ]
    names = list(dict.fromkeys(v["name"] for v in values))
    scale = alt.Scale(domain=[_title(s) for s in states], range=[TIER_COLOURS[s] for s in states])
    bars = (
        alt.Chart(alt.Data(values=values))
        .mark_bar(size=15)
        .encode(
            y=alt.Y("name:N", sort=names, title=None, axis=alt.Axis(labelLimit=150)),
            x=alt.X("n:Q", title=None, axis=alt.Axis(format=",d", tickMinStep=1)),
            color=alt.Color(
                "state:N", scale=scale, legend=alt.Legend(orient="top", title=None, symbolType="square")
            ),
            order=alt.Order("order:O"),
            tooltip=[
                alt.Tooltip("name:N", title=say("list_subdistrict")),
                alt.Tooltip("state:N", title=say("list_tier")),
                alt.Tooltip("n:Q", title=say("overview_records"), format=","),
            ],
        )
        .properties(height=max(_FEWEST_BARS, len(names)) * _BAR)
        .configure_view(strokeWidth=0)
        .configure_axis(
            labelFontSize=13, labelColor=INK, gridColor="#e8edf3", domainColor="#b9c6d4", ticks=False
        )
        .configure_legend(labelFontSize=13, labelColor=INK)
    )
    st.altair_chart(bars, width="stretch", theme=None)


def attention(
    now: Snapshot, layers: Mapping[str, Layer], *, held: Mapping[str, int], rejected: Mapping[str, int]
) -> None:
    """What somebody has to look at, by layer: unrated, rows that wait, every flag."""
    columns = [Column("what", say("overview_what"), "short")]
    columns += [Column(layer, layers[layer].title.text(lang()), "number") for layer in now.layers]
    columns.append(Column("total", say("overview_sum"), "number"))
    found = counts(now, Selection())
    unrated = {layer: int(found.array[i, RANK_OF["unrated"]].sum()) for i, layer in enumerate(now.layers)}
    rows = [
        _attention(
            _title("unrated"), now, unrated, lambda one: inventory_address(now, layer=one, tiers=("unrated",))
        )
    ]
    flagged = {layer: flag_counts(now, layer) for layer in now.layers}
    for flag, title in FLAGS.items():
        numbers = {layer: flagged[layer][flag] for layer in now.layers}
        rows.append(
            _attention(
                title.text(lang()),
                now,
                numbers,
                lambda one, f=flag: inventory_address(now, layer=one, flag=f),
            )
        )
    here = address("import", {})
    rows.append(_attention(say("overview_rejected"), now, rejected, lambda _: here))
    rows.append(_attention(say("overview_held"), now, held, lambda _: here))
    show_table("overview-attention", columns, rows, dense=True)


def _attention(title: str, now: Snapshot, numbers: Mapping[str, int], href: Any) -> Row:
    cells = [number_cell(numbers.get(layer, 0), href(layer)) for layer in now.layers]
    return Row([Cell(title, head=True), *cells, number_cell(sum(numbers.values()), href(""))])


def change_matrix(moved: Sequence[Any]) -> None:
    """From which tier to which, worst first."""
    pairs = Counter((c.before, c.after) for c in moved)
    order = [s for s in STATES if any(s in pair for pair in pairs)]
    columns = [Column("from", say("overview_from_to"), "short")]
    columns += [Column(s, _title(s), "number") for s in order]
    rows = [
        Row([Cell(_title(a), tier=a, head=True), *(_changed(pairs[(a, b)], a, b) for b in order)])
        for a in order
    ]
    show_table("overview-matrix", columns, rows, dense=True)


def _changed(n: int, before: str, after: str) -> Cell:
    if before == after:
        return Cell("")
    return Cell(f"{n:,}" if n else "0", quiet=not n, note=_direction(before, after) if n else "")


def _direction(before: str, after: str) -> str:
    if "unrated" in (before, after):
        return say("overview_now_rated" if before == "unrated" else "overview_now_unrated")
    return say("overview_up" if RANKS.index(after) > RANKS.index(before) else "overview_down")
