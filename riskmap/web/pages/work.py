"""待办: what is open in the registers, overdue first; every line is the way to its ticket."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import streamlit as st

from riskmap.actions.episode.messages import way_out
from riskmap.actions.records.handed_in import handed_in
from riskmap.actions.records.reminders import reminders_due, send_reminders
from riskmap.actions.records.work import Work, WorkItem, overdue_text, registers, work_list
from riskmap.catalog import Layer
from riskmap.catalog.series import LEVELS
from riskmap.errors import RiskmapError
from riskmap.moments import beijing_text, local_now
from riskmap.rules.moves import flow_of
from riskmap.web.frame.shell import page_look, page_title, section
from riskmap.web.frame.state import address_leads, as_of, lang, past_text, say, workspace, write_address
from riskmap.web.pages import Page
from riskmap.web.widgets.filters import escape_markdown
from riskmap.web.widgets.panels import (
    Cell,
    FigureRef,
    Row,
    TableColumn,
    figure_box,
    first_page,
    pager_of,
    point_address,
    show_table,
)
from riskmap.web.widgets.signing import ask_signature, keep_notice, notice, refuse, show_kept_notice

PAGE: Final = Page(id="work", zh="待办", en="Work", order=45, past=True)


_TABLE: Final = "work-items"


_SHOW, _LAYER, _WHO = "work-show", "work-layer", "work-who"


_LONGEST: Final = 60


_REMINDERS: Final = 20  # that are listed


_SHOWN: Final[Mapping[str, Callable[[WorkItem], bool]]] = {
    "all": lambda _: True,
    "overdue": lambda one: one.overdue,
    "due": lambda one: one.due(),
    "to_accept": lambda one: one.second,
    "alerts": lambda one: one.alert,
}


def render() -> None:
    """Draw the page."""
    page_look()
    show_kept_notice()
    found = registers(workspace())
    page_title(say("work_title"), say("work_lead"))
    if not found:
        notice("info", say("work_no_registers"))
        if as_of() is None:
            _handed_in()
            _reminders(())
        return
    _as_the_address_says(found)
    who = _asked_for(found)
    work = work_list(workspace(), who=who or None, as_of=as_of())
    show = _chosen(work)
    write_address(("show", "register"), {"show": "" if show == "all" else show, "register": _layer()})
    layer = _layer()
    items = [one for one in work.items if _SHOWN[show](one) and layer in {"", one.record.layer}]
    _list(items, {one.id: one for one in found}, alerts=show == "alerts")
    with figure_box("ledger.open", "in-words"):
        st.caption(overdue_text(work).text(lang()))
    if as_of() is None:
        _handed_in()
        _reminders(None if who else work.items)


def _as_the_address_says(found: Sequence[Layer]) -> None:
    """Choose what the address names, where it leads or nothing was chosen on this page yet."""
    state = st.session_state
    if _SHOW in state and not address_leads():
        return
    show, layer = st.query_params.get("show", ""), st.query_params.get("register", "")
    held = show != "alerts" or any(one.role == "alert" for one in found)
    state[_SHOW] = show if show in _SHOWN and held else "all"
    state[_LAYER] = layer if layer in {one.id for one in found} else None


def _layer() -> str:
    return st.session_state.get(_LAYER) or ""


def _asked_for(found: Sequence[Layer]) -> str:
    """Ask for a register and a person; return the person's name."""
    titles = {one.id: one.title.text(lang()) for one in found}
    register, person = st.columns([1, 1])
    register.selectbox(
        say("work_register"),
        list(titles),
        index=None,
        format_func=lambda one: titles[one],
        placeholder=say("work_every_register"),
        key=_LAYER,
        on_change=first_page,
        args=(_TABLE,),
    )
    return (
        person.text_input(say("work_who"), key=_WHO, placeholder=say("work_who_hint"), max_chars=_LONGEST)
        or ""
    ).strip()


def _chosen(work: Work) -> str:
    """Let a person choose which part is shown, each with how many there are."""
    numbers = {"all": work.open} | {key: n for key in _SHOWN if (n := work.counts.get(key)) is not None}
    with figure_box("ledger.open", "and-overdue-due-to_accept-alerts"):
        chosen = st.segmented_control(
            say("work_show"),
            list(numbers),
            format_func=lambda one: f"{say(f'work_{one}')} {numbers[one]:,}",
            key=_SHOW,
            label_visibility="collapsed",
            on_change=first_page,
            args=(_TABLE,),
        )
    return chosen or "all"


def _list(items: Sequence[WorkItem], layers: Mapping[str, Layer], *, alerts: bool) -> None:
    """Draw a list; one of alerts says how bad each is and since when, any other when it is due."""
    pager = pager_of(
        _TABLE, len(items), figure=FigureRef("ledger.open", as_of=past_text(), within="selection")
    )
    urgent = ("level", "at") if alerts else ("due", "late", "since")
    columns = [
        TableColumn("name", say("list_name")),
        TableColumn("code", say("list_code"), "code"),
        TableColumn("state", say("list_state"), "short"),
        *(
            TableColumn(one, say(f"work_column_{one}"), "number" if one == "late" else "short", values=True)
            for one in urgent
        ),
        TableColumn("subdistrict", say("list_subdistrict"), "short"),
        TableColumn("layer", say("work_register"), "short"),
    ]
    rows = [_row(one, layers[one.record.layer], urgent) for one in items[pager.start : pager.stop]]
    show_table(_TABLE, columns, rows, pager=pager, empty=say("work_nothing"))


def _late(item: WorkItem) -> str:
    days = say("work_days", n=item.days) if item.overdue else ""
    return " · ".join(part for part in (days, item.mark.text(lang()) if item.mark else "") if part)


def _row(item: WorkItem, layer: Layer, urgent: Sequence[str]) -> Row:
    one = item.record
    state = flow_of(layer).state(one.state)
    href = point_address(one.layer, one.code)
    cells = [
        Cell(one.name or say("no_name"), href=href),
        Cell(one.code),
        Cell(one.state if state is None else state.title.text(lang())),
        *(_URGENT[name](item, layer) for name in urgent),
        Cell(item.subdistrict or say("not_stated")),
        Cell(layer.title.text(lang())),
    ]
    return Row(cells, href=href)


def _level(item: WorkItem, layer: Layer) -> Cell:
    """Return how bad an alert is, as its layer calls it; a word that the layer does not know stands as it came."""
    field, level = layer.field_by_role("level"), item.record.level
    if field is None or level is None:
        return Cell(say("work_level_unknown"), quiet=True)
    title = next((one.title for one in field.choices if one.id == level), None)
    return Cell(level if title is None else title.text(lang()), head=level in LEVELS[-2:])


_URGENT: Final[Mapping[str, Callable[[WorkItem, Layer], Cell]]] = {
    "due": lambda one, _: Cell(one.record.due or "—", quiet=one.record.due is None),
    "late": lambda one, _: Cell(_late(one), head=one.overdue),
    "since": lambda one, _: Cell(one.record.since or "—"),
    "level": _level,
    "at": lambda one, _: Cell(beijing_text(one.record.at) if one.record.at else "—"),
}


def _handed_in() -> None:
    """Say which streets have not handed in this month's lists."""
    ws, today = workspace(), local_now().date()
    found = [one for one in handed_in(ws) if one.streets]
    if not found:
        return
    section(say("handed_in_title"))
    for one in found:
        title = ws.catalog.title(one.layer).text(lang())
        came, n = len(one.streets) - len(one.missing), len(one.streets)
        words = {"title": title, "month": one.month, "by": one.by.isoformat(), "came": came, "n": n}
        if not one.missing:
            with figure_box(f"ledger.handed_in.{one.layer}"):
                st.markdown(escape_markdown(say("handed_in_all", **words)))
            continue
        names = say("comma").join(one.missing)
        with figure_box(f"ledger.handed_in.{one.layer}"):
            notice("warning" if one.late(today) else "info", say("handed_in_missing", names=names, **words))


def _reminders(items: Sequence[WorkItem] | None) -> None:
    """Show the reminders that are due, and send them when somebody presses; nothing is sent by itself.

    `items`: all that is open, where it was read.
    """
    ws = workspace()
    due = reminders_due(ws, items)
    if not due:
        return
    section(say("reminders_title"))
    with figure_box("ledger.reminders"):
        st.caption(say("reminders_lead", n=len(due)) + way_out(ws).text(lang()))
        with st.expander(say("reminders_list", n=len(due))):
            st.markdown("\n".join(f"- {escape_markdown(one.text.text(lang()))}" for one in due[:_REMINDERS]))
            if len(due) > _REMINDERS:
                st.caption(say("reminders_more", n=len(due) - _REMINDERS))
    with (
        figure_box("ledger.reminders", "form"),
        st.form("reminders-form", enter_to_submit=False, border=False),
    ):
        signature = ask_signature("reminders-sign", reason_hint=say("reminders_hint"))
        go = st.form_submit_button(say("reminders_send", n=len(due)), type="primary")
    if not go:
        return
    if signature.missing:
        notice("warning", signature.missing)
        return
    try:
        with st.spinner(say("form_saving")):
            done = send_reminders(ws, due, by=signature.by, why=signature.why)
    except RiskmapError as problem:
        refuse(problem)
        return
    failed = [one for one in done.notices if one.status != "sent"]
    reason = "reason" if lang() == "zh" else "reason_en"
    words = [say("reminders_done", n=len(done.notices) - len(failed), failed=len(failed))]
    words += [str(one.outcome.get(reason, "")) for one in failed[:_REMINDERS]]
    keep_notice("warning" if failed else "success", "\n".join(words))
    st.rerun()


if __name__ == "__main__":
    render()
