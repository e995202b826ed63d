"""How many risks of which tier, where, and at earlier days; a click leads to the records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import altair as alt
import streamlit as st

from riskmap.actions.inventory.district import Freshness, Standing, trend
from riskmap.moments import as_of_text
from riskmap.selection import NOT_STATED, Snapshot
from riskmap.vocabulary import TIER_COLOURS, TIER_GREYS, TIER_TITLES, TIERS
from riskmap.web.frame.settings import INK
from riskmap.web.frame.state import (
    PAST,
    as_of,
    lang,
    say,
    workspace,
)
from riskmap.web.widgets.panels import (
    Cell,
    Figure,
    Number,
    Row,
    Shade,
    TableColumn,
    address,
    go_to,
    number_cell,
    number_of,
    risk_layers,
    show_figures,
    show_table,
    tier_cell,
)
from riskmap.web.widgets.told import Told
from riskmap.web.widgets.wording import moment

STATES: Final = (*TIERS, "unrated")


def tier_title(state: str) -> str:
    """Return what a tier, or "unrated", is called."""
    return TIER_TITLES[state].text(lang())


def day_of(at: str | None) -> str:
    """Return the day of a moment of the ledger, here."""
    return moment(at)[: len("2026-01-01")] if at else "—"


def present() -> str:
    """Return what the ledger that is looked at is called: that of now, or of which day."""
    past = as_of()
    return say("overview_now") if past is None else say("past_of", when=as_of_text(past))


_BAR: Final = 30  # pixels a bar


_FEWEST_BARS: Final = 3


_PALEST: Final = 0.12  # of a tier's colour that the fewest records have


_DARK: Final = 0.2  # luminance below which white ink stands out more than dark (WCAG 2.2)


def tier_figures(figures: Told) -> None:
    """The whole and the tiers, large."""
    tiers = figures.groups("points.tiers")
    shown = [Figure(say("overview_total"), figures.number("points.total"))]
    for state in STATES:
        note = say("overview_unrated_note") if state == "unrated" else ""
        shown.append(Figure(tier_title(state), tiers[state], tier=state, note=note))
    show_figures("overview-figures", shown)


def _columns(first: str, *more: TableColumn) -> list[TableColumn]:
    tiers = [TableColumn(state, tier_title(state), "number") for state in STATES]
    total = TableColumn("total", say("overview_sum"), "number")
    return [TableColumn("what", first, "short"), *tiers, total, *more]


def _shades(numbers: Sequence[Number], tier: str) -> list[Shade | None]:
    """Return ground and ink of the numbers of one tier: the more, the darker; white ink where the ground is dark.

    On paper a tier goes from half-way to the next lighter one to its own grey, so that the worse is always the darker.
    """
    most = max((one.value or 0 for one in numbers), default=0)
    grey = _rgb(TIER_GREYS[tier])
    lighter = sorted((g for g in map(_rgb, TIER_GREYS.values()) if sum(g) > sum(grey)), key=sum)
    palest = _mixed(grey, lighter[0], 0.5) if lighter else grey
    found: list[Shade | None] = []
    for one in numbers:
        if not one.value:
            found.append(None)
            continue
        part = (one.value / most) ** 0.5
        ground = _mixed((255, 255, 255), _rgb(TIER_COLOURS[tier]), _PALEST + (1 - _PALEST) * part)
        paper = _mixed(palest, grey, part)
        found.append(Shade(_css(ground), _ink(ground), _css(paper), _ink(paper)))
    return found


_Colour = tuple[int, int, int]


def _rgb(colour: str) -> _Colour:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return red, green, blue


def _mixed(one: _Colour, other: _Colour, part: float) -> _Colour:
    red, green, blue = (round(a + (b - a) * part) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _css(colour: _Colour) -> str:
    return f"rgb({','.join(map(str, colour))})"


def _ink(ground: _Colour) -> str:
    light = sum(weight * (c / 255) ** 2.2 for weight, c in zip((0.2126, 0.7152, 0.0722), ground, strict=True))
    return "#ffffff" if light < _DARK else INK


def by_subdistrict(figures: Told, fresh: Freshness) -> None:
    """Tier × sub-district, the darker the more; the last line is the sum of the others."""
    cells, whole = figures.groups("points.street_tier"), figures.groups("points.street")
    numbers = {
        state: [
            cells.get(f"{name}.{state}", figures.nought(f"points.street_tier.{name}.{state}"))
            for name in whole
        ]
        for state in STATES
    }
    shades = {state: _shades(some, state) for state, some in numbers.items()}
    rows: list[Row] = []
    for i, (name, total) in enumerate(whole.items()):
        title = say("not_stated") if name == NOT_STATED else name
        heat = [number_cell(numbers[s][i], shade=shades[s][i]) for s in STATES]
        rows.append(
            Row([Cell(title, head=True), *heat, number_cell(total), Cell(day_of(fresh.streets.get(name)))])
        )
    last = TableColumn("fresh", say("overview_fresh"), "short")
    show_table(
        "overview-subdistricts",
        _columns(say("list_subdistrict"), last),
        [*rows, _total(figures, Cell(""))],
        dense=True,
    )


def by_layer(figures: Told) -> None:
    """Tier × layer; the last line is the sum of the others."""
    cells, whole = figures.groups("points.layer_tier"), figures.groups("points.layer")
    rows = [
        Row(
            [
                Cell(workspace().catalog.title(layer).text(lang()), head=True),
                *(
                    number_cell(cells.get(f"{layer}.{s}", figures.nought(f"points.layer_tier.{layer}.{s}")))
                    for s in STATES
                ),
                number_cell(total),
            ]
        )
        for layer, total in whole.items()
    ]
    show_table("overview-layers", _columns(say("list_layer")), [*rows, _total(figures)], dense=True)


def _total(figures: Told, *more: Cell) -> Row:
    tiers = figures.groups("points.tiers")
    cells = [number_cell(tiers[s]) for s in STATES]
    whole = number_cell(figures.number("points.total"))
    return Row([Cell(say("overview_sum"), head=True), *cells, whole, *more], total=True)


def chart(figures: Told) -> None:
    """Sub-districts as bars of what is above low, and of what is unrated: low would hide the rest. A click filters."""
    states = [s for s in STATES if s != "low"]
    cells, whole = figures.groups("points.street_tier"), figures.groups("points.street")
    values = [
        {
            "name": say("not_stated") if name == NOT_STATED else name,
            "street": name,
            "state": tier_title(state),
            "tier": state,
            "order": order,
            "n": found.value if (found := cells.get(f"{name}.{state}")) else 0,
        }
        for name in whole
        for order, state in enumerate(states)
    ]
    names = list(dict.fromkeys(v["name"] for v in values))
    scale = alt.Scale(domain=[tier_title(s) for s in states], range=[TIER_COLOURS[s] for s in states])
    bars = (
        alt.Chart(alt.Data(values=values))
        .mark_bar(size=15, cursor="pointer")
        .encode(
            y=alt.Y("name:N", sort=names, title=None, axis=alt.Axis(labelLimit=150)),
            x=alt.X("n:Q", title=None, axis=alt.Axis(format=",d", tickMinStep=1)),
            color=alt.Color(
                "state:N",
                scale=scale,
                legend=alt.Legend(orient="top", title=None, symbolType="square", columns=2),
            ),
            order=alt.Order("order:O"),
            tooltip=[
                alt.Tooltip("name:N", title=say("list_subdistrict")),
                alt.Tooltip("state:N", title=say("list_tier")),
                alt.Tooltip("n:Q", title=say("overview_records"), format=","),
            ],
        )
        .add_params(alt.selection_point(_PICKED, fields=["street", "tier"]))
        .properties(height=max(_FEWEST_BARS, len(names)) * _BAR)
        .configure_view(strokeWidth=0)
        .configure_axis(
            labelFontSize=13, labelColor=INK, gridColor="#e8edf3", domainColor="#b9c6d4", ticks=False
        )
        .configure_legend(labelFontSize=13, labelColor=INK)
    )
    event = st.altair_chart(
        bars, width="stretch", theme=None, key="overview-chart", on_select="rerun", selection_mode=_PICKED
    )
    picked = event.get("selection", {}).get(_PICKED) or ()
    for one in picked:
        found = cells.get(f"{one.get('street')}.{one.get('tier')}")
        if found is not None and found.href:
            go_to(found.href)


_PICKED: Final = "bar"


def over_time(figures: Told, now: Snapshot) -> None:
    """The tiers at earlier days and in what was published, each number the way to the records of then."""
    earlier = trend(workspace(), now.n, until=as_of())
    if not earlier:
        st.caption(say("overview_trend_none"))
        return
    tiers = figures.groups("points.tiers")
    columns = [TableColumn("tier", say("list_tier"), "tier-cell"), TableColumn("line", say("overview_line"))]
    columns += [TableColumn(f"then-{i}", _when(one), "number") for i, one in enumerate(earlier)]
    columns.append(TableColumn("now", present(), "number"))
    layers = ",".join(risk_layers(now))
    rows: list[Row] = []
    for state in STATES:
        then = [
            number_of(
                one.tiers[state],
                f"points.tiers.{state}",
                address("inventory", {"layers": layers, "tiers": state, PAST: one.as_of}),
                as_of=one.as_of,
            )
            for one in earlier
        ]
        line = tuple(float(one.tiers[state]) for one in earlier)
        cells = [number_cell(one) for one in then]
        rows.append(
            Row(
                [
                    tier_cell(state),
                    Cell(line=(*line, tiers[state].value or 0.0)),
                    *cells,
                    number_cell(tiers[state]),
                ]
            )
        )
    sums = [
        number_of(
            one.total,
            "points.total",
            address("inventory", {"layers": layers, PAST: one.as_of}),
            as_of=one.as_of,
        )
        for one in earlier
    ]
    total = figures.number("points.total")
    line = tuple(float(one.total) for one in earlier)
    rows.append(
        Row(
            [
                Cell(say("overview_sum"), head=True),
                Cell(line=(*line, total.value or 0.0)),
                *map(number_cell, sums),
                number_cell(total),
            ],
            total=True,
        )
    )
    show_table("overview-trend", columns, rows, dense=True)


def _when(one: Standing) -> str:
    return one.name or one.as_of
