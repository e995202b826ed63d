"""What is open and who is on duty, what needs a look, and what the numbers stand on: coverage, age, backup."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import streamlit as st

from riskmap.actions.episode.roster import duty_text, on_duty
from riskmap.actions.inventory.district import Freshness
from riskmap.actions.records.work import registers
from riskmap.actions.workspace.backup import backup_text, last_backup
from riskmap.catalog import Layer
from riskmap.moments import utc_now
from riskmap.reports.figures import FigureValue
from riskmap.values.duty import DeskDuty
from riskmap.values.scenario import beijing
from riskmap.vocabulary import FLAGS
from riskmap.web.frame.state import (
    lang,
    say,
    workspace,
)
from riskmap.web.pages.overview.risks import day_of, tier_title
from riskmap.web.widgets.filters import escape_markdown
from riskmap.web.widgets.panels import (
    Cell,
    Figure,
    Row,
    TableColumn,
    address,
    field_box,
    figure_box,
    number_cell,
    show_figures,
    show_table,
)
from riskmap.web.widgets.signing import notice
from riskmap.web.widgets.told import Told, sought

_FEW_LAYERS: Final = 8  # that are all shown side by side


def resources(figures: Told, layers: Mapping[str, Layer]) -> None:
    """How many records there are of what is no risk: it enters no tier and no sum."""
    others = {k: n for k, n in figures.groups("records.layer").items() if layers[k].counts != "risk"}
    if not others:
        return
    st.caption(say("overview_others"))
    shown = [Figure(layers[layer].title.text(lang()), n) for layer, n in others.items() if n.value]
    show_figures("overview-others", shown, small=True)


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
                Cell(day_of(at)),
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
    asked = [(tier_title("unrated"), "points.layer_tier", unrated, figures.groups("points.tiers")["unrated"])]
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


def work(figures: Told) -> None:
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


def desks() -> None:
    """Who is on duty, where a roster is kept: a calm line, loud where nobody is at a desk; all desks behind it."""
    ws = workspace()
    if ws.catalog.by_role("duty") is None:
        return
    view = on_duty(ws)
    if not view.kept:
        return
    text = say("overview_duty", state=duty_text(view).text(lang()))
    with figure_box("ledger.desks"):
        if view.held:
            st.markdown(f":green[✓] {escape_markdown(text)}")
        else:
            notice("warning", text)
    with figure_box("ledger.desks", "all"), st.expander(say("overview_duty_desks", n=len(view.desks))):
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


def backed_up() -> None:
    """When the last good backup was made: a calm line, loud where one is due."""
    now = utc_now()
    found = last_backup(workspace(), now=now)
    if found is None:
        return
    text = backup_text(found, now).text(lang())
    with field_box("backup"):
        if found.overdue or found.gone:
            notice("warning", say("overview_backup_due", state=text))
        elif found.at is None:
            st.markdown(say("overview_backup_none", days=workspace().config.backup.days))
        else:
            st.markdown(f":green[✓] {say('overview_backup', state=text)}")
