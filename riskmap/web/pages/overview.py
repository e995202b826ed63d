"""总览: the district's page: risk, how it moves, work, what it stands on; every number is the way to its records.

Its numbers are figures (`riskmap/reports/figures`), each with its id.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from html import escape
from typing import Any, Final

import altair as alt
import streamlit as st

from riskmap.actions.episode.roster import duty_text, on_duty
from riskmap.actions.inventory.district import Freshness, Standing, freshness, trend
from riskmap.actions.inventory.listing import summarise
from riskmap.actions.inventory.unrated import disagreeing, newly_unrated
from riskmap.actions.records.changes import TierChanges, tier_changes_since
from riskmap.actions.records.work import registers
from riskmap.actions.workspace.backup import backup_text, last_backup
from riskmap.catalog import Layer
from riskmap.ledger import TierChange
from riskmap.moments import as_of_text, local_day, local_now, utc_now
from riskmap.reports.figures import FigureValue
from riskmap.selection import NOT_STATED, Snapshot
from riskmap.values.duty import DeskDuty
from riskmap.values.scenario import beijing
from riskmap.vocabulary import FLAGS, RANKS, TIER_COLOURS, TIER_TITLES, TIERS
from riskmap.web.frame.settings import INK
from riskmap.web.frame.shell import page_look, page_of, page_title, section
from riskmap.web.frame.state import PAST, address_leads, as_of, lang, say, snapshot, workspace, write_address
from riskmap.web.pages import Page
from riskmap.web.widgets.filters import escape_markdown
from riskmap.web.widgets.panels import (
    Cell,
    Figure,
    Number,
    Row,
    TableColumn,
    address,
    figure_box,
    go_to,
    inventory_address,
    number_cell,
    number_html,
    number_of,
    pager_of,
    point_address,
    risk_layers,
    said_html,
    show_figures,
    show_print_button,
    show_said,
    show_table,
    tier_cell,
)
from riskmap.web.widgets.signing import notice, say_unrated, show_kept_notice, welcome
from riskmap.web.widgets.told import Told, named_address, sought, told
from riskmap.web.widgets.wording import moment, number_text, word

PAGE: Final = Page(id="overview", zh="总览", en="Overview", order=50, past=True)


STATES: Final = (*TIERS, "unrated")


_BAR: Final = 30  # pixels a bar


_FEWEST_BARS: Final = 3


_FEW_LAYERS: Final = 8  # that are all shown side by side


_PALEST: Final = 0.12  # of a tier's colour that the fewest records have


_DARK: Final = 0.2  # luminance below which white ink stands out more than dark (WCAG 2.2)


def tier_figures(figures: Told) -> None:
    """The whole and the tiers, large."""
    tiers = figures.groups("points.tiers")
    shown = [Figure(say("overview_total"), figures.number("points.total"))]
    for state in STATES:
        note = say("overview_unrated_note") if state == "unrated" else ""
        shown.append(Figure(_title(state), tiers[state], tier=state, note=note))
    show_figures("overview-figures", shown)


def _title(state: str) -> str:
    return TIER_TITLES[state].text(lang())


def _columns(first: str, *more: TableColumn) -> list[TableColumn]:
    tiers = [TableColumn(state, _title(state), "number") for state in STATES]
    total = TableColumn("total", say("overview_sum"), "number")
    return [TableColumn("what", first, "short"), *tiers, total, *more]


def _shades(numbers: Sequence[Number], tier: str) -> list[tuple[str, str] | None]:
    """Return ground and ink of the numbers of one tier: the more, the darker; white ink where the ground is dark."""
    most = max((one.value or 0 for one in numbers), default=0)
    found: list[tuple[str, str] | None] = []
    for one in numbers:
        if not one.value:
            found.append(None)
            continue
        part = _PALEST + (1 - _PALEST) * (one.value / most) ** 0.5
        red, green, blue = (
            round(255 + (int(TIER_COLOURS[tier][i : i + 2], 16) - 255) * part) for i in (1, 3, 5)
        )
        light = sum(
            weight * ((c / 255) ** 2.2) for weight, c in ((0.2126, red), (0.7152, green), (0.0722, blue))
        )
        found.append((f"rgb({red},{green},{blue})", "#ffffff" if light < _DARK else "#1d2b3e"))
    return found


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
            Row([Cell(title, head=True), *heat, number_cell(total), Cell(_day(fresh.streets.get(name)))])
        )
    last = TableColumn("fresh", say("overview_fresh"), "short")
    show_table(
        "overview-subdistricts",
        _columns(say("list_subdistrict"), last),
        [*rows, _total(figures, Cell(""))],
        dense=True,
    )


def _day(at: str | None) -> str:
    """Return the day of a moment of the ledger, here."""
    return moment(at)[: len("2026-01-01")] if at else "—"


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


def resources(figures: Told, layers: Mapping[str, Layer]) -> None:
    """How many records there are of what is no risk: it enters no tier and no sum."""
    others = {k: n for k, n in figures.groups("records.layer").items() if layers[k].counts != "risk"}
    if not others:
        return
    st.caption(say("overview_others"))
    shown = [Figure(layers[layer].title.text(lang()), n) for layer, n in others.items() if n.value]
    show_figures("overview-others", shown, small=True)


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
            "state": _title(state),
            "tier": state,
            "order": order,
            "n": found.value if (found := cells.get(f"{name}.{state}")) else 0,
        }
        for name in whole
        for order, state in enumerate(states)
    ]
    names = list(dict.fromkeys(v["name"] for v in values))
    scale = alt.Scale(domain=[_title(s) for s in states], range=[TIER_COLOURS[s] for s in states])
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
    columns.append(TableColumn("now", _present(), "number"))
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


def coverage(figures: Told) -> None:
    """How much of checklists, of contacts and of the tables of survey is there; what is known least of each."""
    ids = [one for one in figures.engine.figures.usable if one.startswith("complete.")]
    rows: list[Row] = []
    for one in [_LEADERS, *ids]:
        found = sought(figures, one)
        if found is None or found.value is None or one.endswith("_street"):
            continue
        parts = [(k, n) for k, n in figures.groups(one).items() if n.value is not None]
        least = min(parts, key=lambda pair: pair[1].value or 0.0, default=None)
        value = figures.engine.value(one)
        title = "" if least is None else _member_title(value, least[0])
        rows.append(
            Row(
                [
                    Cell(figures.title(one), head=True),
                    number_cell(found),
                    Cell(title),
                    Cell("") if least is None else number_cell(least[1]),
                ]
            )
        )
    if rows:
        columns = [
            TableColumn("what", say("overview_covered"), "short"),
            TableColumn("part", say("overview_part"), "number"),
            TableColumn("least", say("overview_least")),
            TableColumn("there", say("overview_part"), "number"),
        ]
        show_table("overview-coverage", columns, rows, dense=True)


_LEADERS: Final = "points.leaders"


def _member_title(value: FigureValue, member: str) -> str:
    found = value.group(member)
    return "" if found is None else found.title.text(lang())


def age(figures: Told, fresh: Freshness, layers: Mapping[str, Layer]) -> None:
    """When the records of each layer were last written, and how many are older than they may be."""
    stale = figures.groups("records.stale")
    rows = [
        Row(
            [
                Cell(layers[layer].title.text(lang()), head=True),
                Cell(_day(at)),
                number_cell(stale.get(layer, figures.nought(f"records.stale.{layer}"))),
            ]
        )
        for layer, at in fresh.newest.items()
        if at and (layers[layer].counts == "risk" or len(fresh.newest) <= _FEW_LAYERS)
    ]
    columns = [
        TableColumn("what", say("list_layer"), "short"),
        TableColumn("fresh", say("overview_fresh"), "short"),
        TableColumn("stale", FLAGS["stale"].text(lang()), "number"),
    ]
    show_table("overview-fresh", columns, rows, dense=True)


def attention(figures: Told, layers: Mapping[str, Layer]) -> None:
    """What somebody has to look at, by layer: unrated, rows that wait, every flag; what there is nothing of is left out.

    Of many layers only those that hold risks, and those in which there is something.
    """
    unrated = {
        member.removesuffix(".unrated"): n
        for member, n in figures.groups("points.layer_tier").items()
        if member.endswith(".unrated")
    }
    asked = [(_title("unrated"), "points.layer_tier", unrated, figures.groups("points.tiers")["unrated"])]
    asked += [
        (
            title.text(lang()),
            f"records.{flag}",
            figures.groups(f"records.{flag}"),
            figures.number(f"records.{flag}"),
        )
        for flag, title in FLAGS.items()
    ]
    here = address("import", {})
    for what in ("rejected", "held"):
        one = f"ledger.{what}"
        kept = {layer: replace(n, href=here) for layer, n in figures.groups(one, leads=False).items()}
        asked.append((say(f"overview_{what}"), one, kept, figures.number(one, here)))
    there = [one for one in asked if one[3].value]
    if not there:
        st.markdown(f":green[✓] {say('overview_attention_clear')}")
        return
    shown = [
        layer
        for layer in layers
        if (len(layers) <= _FEW_LAYERS and layer in figures.engine.state.snapshot.layers)
        or any(n.value for _, _, numbers, _ in there if (n := numbers.get(layer)))
    ]
    columns = [TableColumn("what", say("overview_what"), "short")]
    columns += [TableColumn(layer, layers[layer].title.text(lang()), "number") for layer in shown]
    columns.append(TableColumn("total", say("overview_sum"), "number"))
    rows = [
        Row(
            [
                Cell(title, head=True),
                *(
                    number_cell(numbers.get(layer) or figures.nought(_of_layer(one, layer)))
                    for layer in shown
                ),
                number_cell(total),
            ]
        )
        for title, one, numbers, total in there
    ]
    show_table("overview-attention", columns, rows, dense=True)
    if len(there) < len(asked):
        none = [title for title, _, _, total in asked if not total.value]
        st.caption(say("overview_attention_none", what=say("comma").join(none)))


def _of_layer(figure_id: str, layer: str) -> str:
    return f"{figure_id}.{layer}.unrated" if figure_id == "points.layer_tier" else f"{figure_id}.{layer}"


def change_matrix(moved: Sequence[TierChange], period: str) -> None:
    """From which tier to which, worst first."""
    pairs: dict[tuple[str, str], list[TierChange]] = {}
    for one in moved:
        pairs.setdefault((str(one.before), one.after), []).append(one)
    order = [s for s in STATES if any(s in pair for pair in pairs)]
    columns = [TableColumn("from", say("overview_from_to"), "short")]
    columns += [TableColumn(s, _title(s), "number") for s in order]
    rows = [
        Row(
            [
                Cell(_title(a), tier=a, head=True),
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
    return say("overview_up" if RANKS.index(after) > RANKS.index(before) else "overview_down")


_PERIODS: Final = ("week", "month", "year", "own")


_USUAL: Final = "month"


_EARLIEST: Final = date(2000, 1, 1)


_PERIOD, _DAY, _COMPARE = "overview-period", "overview-day", "overview-compare"


_CODES: Final = 60


_CHANGES: Final = 10


_PRINTED: Final = 5  # of them on paper: the page is one sheet


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
        _changes(figures)
        section(say("overview_work_title"))
        _work(figures)
        if past is None:
            _on_duty()
        attention(figures, layers)
        section(say("overview_stands_on"))
        left, right = st.columns([1.35, 1], gap="medium")
        with left:
            coverage(figures)
        with right:
            age(figures, fresh, layers)
            if past is None:
                _backed_up()
        resources(figures, layers)


def _work(figures: Told) -> None:
    """What is open in the registers, where there are some, by register where something is overdue: each number the
    way to its tickets.
    """
    found = registers(workspace())
    if not found:
        return
    shown = ["open", "overdue", "due", "to_accept"]
    shown += ["alerts"] * any(one.role == "alert" for one in found)
    lead = {"open": "all"}
    numbers = {
        one: figures.number(f"ledger.{one}", address("work", {"show": lead.get(one, one)})) for one in shown
    }
    titles = {one: say(f"work_{lead.get(one, one)}") for one in shown}
    if numbers["overdue"].value:
        with figure_box("ledger.overdue"):
            notice("warning", say("overview_overdue", n=numbers["overdue"].text))
    show_figures(
        "overview-work",
        [
            Figure(titles[one], n, tier="large" if one == "overdue" and n.value else "")
            for one, n in numbers.items()
        ],
        small=True,
    )
    parts = {one: figures.groups(f"ledger.{one}", leads=False) for one in shown}
    late = [one for one in found if (n := parts["overdue"].get(one.id)) is not None and n.value]
    if not late:
        return
    columns = [TableColumn("what", say("work_register"), "short")]
    columns += [TableColumn(one, titles[one], "number") for one in shown]
    rows = [
        Row(
            [
                Cell(layer.title.text(lang()), head=True),
                *(
                    number_cell(
                        replace(n, href=address("work", {"show": lead.get(one, one), "register": layer.id}))
                        if (n := parts[one].get(layer.id)) is not None and n.value
                        else figures.nought(f"ledger.{one}.{layer.id}")
                    )
                    for one in shown
                ),
            ]
        )
        for layer in sorted(late, key=lambda one: -(parts["overdue"][one.id].value or 0))
    ]
    show_table("overview-overdue", columns, rows, dense=True)


def _on_duty() -> None:
    """Who is on duty, where a roster is kept: a calm line, loud where nobody is at a desk; all desks behind it."""
    ws = workspace()
    if ws.catalog.by_role("duty") is None:
        return
    view = on_duty(ws)
    if not view.kept:
        return
    text = say("overview_duty", state=duty_text(view).text(lang()))
    if view.held:
        st.markdown(f":green[✓] {escape_markdown(text)}")
    else:
        notice("warning", text)
    with st.expander(say("overview_duty_desks", n=len(view.desks))):
        columns = [
            TableColumn("desk", say("overview_duty_desk"), "short"),
            TableColumn("who", say("overview_duty_who")),
            TableColumn("until", say("overview_duty_until"), "short"),
        ]
        show_table("overview-duty", columns, [_desk(one) for one in view.desks], dense=True)


def _desk(desk: DeskDuty) -> Row:
    if not desk.shifts:
        return Row([Cell(desk.title.text(lang()), head=True), Cell(say("overview_duty_nobody")), Cell("—")])
    people = [
        " ".join(part for part in (one.post.text(lang()), one.name, one.phone) if part) for one in desk.shifts
    ]
    until = beijing(min(one.ends for one in desk.shifts))
    return Row(
        [
            Cell(desk.title.text(lang()), head=True),
            Cell(people[0], note=say("list_separator").join(people[1:])),
            Cell(until),
        ]
    )


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


def _backed_up() -> None:
    """When the last good backup was made: a calm line, loud where one is due."""
    now = utc_now()
    found = last_backup(workspace(), now=now)
    if found is None:
        return
    text = backup_text(found, now).text(lang())
    if found.overdue or found.gone:
        notice("warning", say("overview_backup_due", state=text))
    elif found.at is None:
        st.markdown(say("overview_backup_none", days=workspace().config.backup.days))
    else:
        st.markdown(f":green[✓] {say('overview_backup', state=text)}")


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


# What changed
def _changes(figures: Told) -> None:
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
            _moved(changes)


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
            f"{escape(_title(t))} {number_html(number_of(changes.first[t], f'ledger.first.{t}', period=run))}"
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
    columns += [TableColumn(s, _title(s), "number") for s in STATES]
    change = [
        replace(number_of(round(a.value or 0) - n, one, within=f"against {eve}"), text=_signed(a, n))
        for a, n, one in zip(now, numbers, ids, strict=True)
    ]
    rows = [
        Row([Cell(say("overview_before", day=day.isoformat()), head=True), *map(number_cell, then)]),
        Row([Cell(_present(), head=True), *map(number_cell, now)]),
        Row([Cell(say("overview_difference"), head=True), *map(number_cell, change)], total=True),
    ]
    show_table("overview-compared", columns, rows, dense=True)


def _signed(now: Number, then: int) -> str:
    change = round(now.value or 0) - then
    return f"{change:+,}" if change else "0"


def _present() -> str:
    past = as_of()
    return say("overview_now") if past is None else say("past_of", when=as_of_text(past))


def _step(change: TierChange) -> int:
    """Return how many tiers a record went up; unrated stands where every list has it."""
    return RANKS.index(change.after) - RANKS.index(str(change.before))


def _moved(changes: TierChanges) -> None:
    """The records whose tier changed, those that went up furthest first."""
    newest = sorted(changes.moved, key=lambda one: (_step(one), one.at), reverse=True)
    pager = pager_of("overview-moved", len(newest), _CHANGES)
    layers = workspace().catalog.layers
    columns = [
        TableColumn("at", say("history_at"), "short"),
        TableColumn("layer", say("list_layer"), "short"),
        TableColumn("code", say("list_code"), "code"),
        TableColumn("before", say("changes_before"), "tier-cell"),
        TableColumn("after", say("changes_after"), "tier-cell"),
        TableColumn("score", say("overview_scores"), "number"),
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


if __name__ == "__main__":
    render()
