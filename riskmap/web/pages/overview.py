"""总览: the district at a glance; every number is the way to its records.

Tables and chart of the overview: counts by tier, each the way to its records.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import date, timedelta
from typing import Any, Final

import altair as alt
import streamlit as st

from riskmap.actions.episode.roster import duty_text, on_duty
from riskmap.actions.inventory.listing import summarise
from riskmap.actions.inventory.unrated import disagreeing, newly_unrated
from riskmap.actions.records.changes import TierChanges, tier_changes_since
from riskmap.actions.records.work import overdue_text, registers, work_counts
from riskmap.actions.workspace.backup import backup_text, last_backup
from riskmap.catalog import Layer
from riskmap.moments import as_of_text, last_moment, local_day, local_now, utc_now
from riskmap.selection import NOT_STATED, Counts, Selection, Snapshot, counts, flag_counts
from riskmap.values.duty import DeskDuty
from riskmap.values.scenario import beijing
from riskmap.vocabulary import FLAGS, RANK_OF, RANKS, TIER_COLOURS, TIER_TITLES, TIERS
from riskmap.web.frame.settings import INK
from riskmap.web.frame.shell import page_look, page_title, section
from riskmap.web.frame.state import address_leads, as_of, lang, say, snapshot, workspace, write_address
from riskmap.web.pages import Page
from riskmap.web.widgets.filters import escape_markdown
from riskmap.web.widgets.panels import (
    Cell,
    Figure,
    Row,
    TableColumn,
    address,
    inventory_address,
    number_cell,
    pager_of,
    point_address,
    show_figures,
    show_print_button,
    show_table,
    tier_cell,
)
from riskmap.web.widgets.signing import notice, say_unrated, show_kept_notice, welcome
from riskmap.web.widgets.wording import moment, number_text, word

PAGE: Final = Page(id="overview", zh="总览", en="Overview", order=50, past=True)


STATES: Final = (*TIERS, "unrated")


_BAR: Final = 33  # pixels a bar


_FEWEST_BARS: Final = 3


_FEW_LAYERS: Final = 8  # that are all shown side by side


def tier_figures(now: Snapshot, found: Counts) -> None:
    """The whole and the tiers, large."""
    ranks = found.risks.sum(axis=(0, 2))
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


def _columns(first: str) -> list[TableColumn]:
    counted = [TableColumn(state, _title(state), "number") for state in STATES]
    return [
        TableColumn("what", first, "short"),
        *counted,
        TableColumn("total", say("overview_sum"), "number"),
    ]


def by_subdistrict(now: Snapshot, found: Counts) -> None:
    """Tier × sub-district; the last line is the sum of the others."""
    rows = []
    for i, name in enumerate(found.subdistricts):
        ranks = found.risks[:, :, i].sum(axis=0)
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
    """Tier × layer; the last line is the sum of the others. What is no risk stands below, and in no sum."""
    rows = []
    for i, layer in enumerate(found.layers):
        if layers[layer].counts != "risk":
            continue
        ranks = found.risks[i].sum(axis=1)
        cells = [
            number_cell(int(ranks[RANK_OF[s]]), inventory_address(now, layer=layer, tiers=(s,)))
            for s in STATES
        ]
        whole = number_cell(int(ranks.sum()), inventory_address(now, layer=layer))
        rows.append(Row([Cell(layers[layer].title.text(lang()), head=True), *cells, whole]))
    rows.append(_total(now, found))
    show_table("overview-layers", _columns(say("list_layer")), rows, dense=True)
    if found.others:
        figures = [
            Figure(layers[layer].title.text(lang()), n, inventory_address(now, layer=layer))
            for layer, n in found.others.items()
        ]
        st.caption(say("overview_others"))
        show_figures("overview-others", figures)


def _total(now: Snapshot, found: Counts) -> Row:
    ranks = found.risks.sum(axis=(0, 2))
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
        if name != NOT_STATED or found.risks[:, :, i].any()
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
    """What somebody has to look at, by layer: unrated, rows that wait, every flag.

    Of many layers only those that hold risks, and those in which there is something.
    """
    found = counts(now, Selection())
    unrated = {layer: int(found.risks[i, RANK_OF["unrated"]].sum()) for i, layer in enumerate(now.layers)}
    flagged = {layer: flag_counts(now, layer) for layer in now.layers}
    asked: list[tuple[str, Mapping[str, int], Callable[[str], str]]] = [
        (_title("unrated"), unrated, lambda one: inventory_address(now, layer=one, tiers=("unrated",)))
    ]
    for flag, title in FLAGS.items():
        numbers = {layer: flagged[layer].get(flag, 0) for layer in now.layers}
        if flag != "unreadable" or any(numbers.values()):
            lead = functools.partial(_of_flag, now, flag)
            asked.append((title.text(lang()), numbers, lead))
    here = address("import", {})
    asked += [
        (say("overview_rejected"), rejected, lambda _: here),
        (say("overview_held"), held, lambda _: here),
    ]
    shown = [
        layer
        for layer in now.layers
        if len(now.layers) <= _FEW_LAYERS
        or layers[layer].counts == "risk"
        or any(numbers.get(layer, 0) for _, numbers, _ in asked)
    ]
    columns = [TableColumn("what", say("overview_what"), "short")]
    columns += [TableColumn(layer, layers[layer].title.text(lang()), "number") for layer in shown]
    columns.append(TableColumn("total", say("overview_sum"), "number"))
    rows = [
        Row(
            [
                Cell(title, head=True),
                *(number_cell(numbers.get(layer, 0), lead(layer)) for layer in shown),
                number_cell(sum(numbers.values()), lead("")),
            ]
        )
        for title, numbers, lead in asked
    ]
    show_table("overview-attention", columns, rows, dense=True)
    if len(shown) < len(now.layers):
        st.caption(say("overview_attention_none", n=len(now.layers) - len(shown)))


def _of_flag(now: Snapshot, flag: str, layer: str) -> str:
    return inventory_address(now, layer=layer, flag=flag, risks=False)


def change_matrix(moved: Sequence[Any]) -> None:
    """From which tier to which, worst first."""
    pairs = Counter((c.before, c.after) for c in moved)
    order = [s for s in STATES if any(s in pair for pair in pairs)]
    columns = [TableColumn("from", say("overview_from_to"), "short")]
    columns += [TableColumn(s, _title(s), "number") for s in order]
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


_PERIODS: Final = ("week", "month", "year", "own")


_USUAL: Final = "month"


_EARLIEST: Final = date(2000, 1, 1)


_PERIOD, _DAY, _COMPARE = "overview-period", "overview-day", "overview-compare"


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
    past, found = as_of(), counts(now, Selection())
    then = None if past is None else last_moment(past)
    heading, button = st.columns([6, 1], vertical_alignment="center")
    with heading:
        page_title(
            say("overview_title", district=ws.config.district),
            say("overview_as_of", at=as_of_text(past or local_now())),
        )
    with button, st.container(key="no-print-button"):
        show_print_button("overview-print")
    tier_figures(now, found)
    _work(past)
    _adds_up(now)
    if past is None:
        _on_duty()
        _backed_up()
    left, right = st.columns([1.25, 1], gap="medium")
    with left:
        section(say("overview_by_subdistrict"))
        by_subdistrict(now, found)
    with right:
        section(say("overview_chart"))
        chart(found)
    with st.container(key="print-block-layers"):
        section(say("overview_by_layer"))
        by_layer(now, found, ws.catalog.layers)
    with st.container(key="print-block-attention"):
        section(say("overview_attention"))
        attention(
            now,
            ws.catalog.layers,
            held=ws.ledger.held_counts(as_of=then),
            rejected=Counter(e.layer for e in ws.ledger.rejected(as_of=then)),
        )
    _changes(found)


def _work(past: date | None) -> None:
    """What is open in the registers, where there are some: a calm line, loud where a deadline has passed."""
    if not registers(workspace()):
        return
    work = work_counts(workspace(), as_of=past)
    text = overdue_text(work).text(lang())
    if work.counts["overdue"]:
        notice("warning", say("overview_work", state=text))
    else:
        st.markdown(f":green[✓] {say('overview_work', state=text)}")


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


def _adds_up(now: Snapshot) -> None:
    """Whether the sums agree: the usual unrated are a calm line, their codes behind it."""
    ws = workspace()
    document = summarise(ws, as_of=as_of())
    total, unrated = document["total"], document["unrated"]
    if document["adds_up"]:
        st.markdown(f":green[✓] {say('overview_adds_up', total=f'{total:,}')}")
        return
    wrong = disagreeing(document)
    if wrong:
        notice("warning", say("overview_gap", n=len(wrong)))
        _gaps(now, wrong, "overview-gaps")
    if not unrated:
        return
    new = newly_unrated(ws, now)
    say_unrated(new, total=total, unrated=unrated)
    with st.expander(say("unrated_list", n=f"{unrated:,}"), expanded=bool(new)):
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
    _said(changes)
    if compare:
        _compared(found, day)
    if changes.moved:
        change_matrix(changes.moved)
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
    ranks = found.risks.sum(axis=(0, 2))
    now = [found.total, *(int(ranks[RANK_OF[s]]) for s in states)]
    then = [before["total"], *(before["tiers"][t] for t in TIERS), before["unrated"]]
    columns = [
        TableColumn("when", say("overview_when"), "short"),
        TableColumn("total", say("overview_sum"), "number"),
    ]
    columns += [TableColumn(s, TIER_TITLES[s].text(lang()), "number") for s in states]
    rows = [
        Row([Cell(say("overview_before", day=day.isoformat()), head=True), *(Cell(f"{n:,}") for n in then)]),
        Row([Cell(_present(), head=True), *(Cell(f"{n:,}") for n in now)]),
        Row(
            [
                Cell(say("overview_difference"), head=True),
                *(Cell(f"{a - b:+,}" if a != b else "0") for a, b in zip(now, then, strict=True)),
            ],
            total=True,
        ),
    ]
    show_table("overview-compared", columns, rows, dense=True)


def _present() -> str:
    past = as_of()
    return say("overview_now") if past is None else say("past_of", when=as_of_text(past))


def _moved(changes: TierChanges) -> None:
    newest = list(reversed(changes.moved))
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
    show_table("overview-moved", columns, rows, pager=pager if pager.pages > 1 else None, dense=True)


if __name__ == "__main__":
    render()
