"""A person's own page: what they answer for, and name and number in full by right."""

from __future__ import annotations

from html import escape
from typing import Final

import streamlit as st

from riskmap.actions.records.persons import find_persons, role_title, standing_of
from riskmap.errors import RiskmapError
from riskmap.web.frame.state import as_of, lang, say, workspace
from riskmap.web.widgets.panels import (
    Cell,
    Row,
    TableColumn,
    number_html,
    number_of,
    pager_of,
    point_address,
    show_table,
    tier_cell,
)
from riskmap.web.widgets.signing import ask_signature, notice, refuse

_HELD: Final = "point-held"


_HELD_ROWS: Final = 10


_REVEALED: Final = "point-person-revealed"


def draw(code: str, here: str) -> None:
    """List the records of one person of the register, each with the role in it; offer name and number in full."""
    ws = workspace()
    (found,) = find_persons(ws, code, as_of=as_of())
    counts = " · ".join(
        f"{escape(ws.catalog.title(of).text(lang()))} "
        f"{number_html(number_of(n, f'records.layer.{of}', within=f'held by {code}'))}"
        for of, n in found.by_layer.items()
    )
    st.html(f'<h2 class="rm-section">{escape(say("group_held"))}{"　" + counts if counts else ""}</h2>')
    if not found.held:
        st.caption(say("held_nothing"))
    else:
        pager = pager_of(_HELD, len(found.held), _HELD_ROWS)
        columns = [
            TableColumn("role", say("contact_role"), "short"),
            TableColumn("tier", say("list_tier"), "tier-cell"),
            TableColumn("code", say("list_code"), "code"),
            TableColumn("name", say("list_name")),
        ]
        rows = []
        for one in found.held[pager.start : pager.stop]:
            href = point_address(one.layer, one.code)
            standing = standing_of(ws, one)
            cells = [
                Cell(role_title(ws, one, lang())),
                Cell("") if standing is None else tier_cell(standing),
                Cell(one.code, href=href),
                Cell(one.name or say("no_name")),
            ]
            rows.append(Row(cells, href=href))
        show_table(_HELD, columns, rows, pager=pager, dense=True)
    if as_of() is None:
        _reveal(code, here)


def _reveal(code: str, here: str) -> None:
    shown = st.session_state.get(_REVEALED)
    if shown and shown[0] == here:
        notice("info", say("person_revealed", name=shown[1], phone=shown[2] or "—"))
        return
    with st.expander(say("contacts_reveal")):
        st.caption(say("contacts_reveal_lead"))
        signature = ask_signature("reveal", side_by_side=False)
        if not st.button(say("contacts_show"), key="contacts-show"):
            return
        if signature.missing:
            notice("warning", signature.missing)
            return
        try:
            (one,) = find_persons(workspace(), code, by=signature.by, why=signature.why, unmasked=True)
        except RiskmapError as problem:
            refuse(problem)
            return
        st.session_state[_REVEALED] = (here, one.person.name, one.person.phone)
        st.rerun()
