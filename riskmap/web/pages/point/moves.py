"""A ticket's moves on its page: where it stands in its flow, and a dialog that asks exactly what a move asks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Any, Final

import streamlit as st

from riskmap.actions.records.tickets import move_points
from riskmap.catalog import Layer
from riskmap.catalog.flow import STATE, Flow, Move
from riskmap.errors import RiskmapError
from riskmap.io.files.attachments import Incoming
from riskmap.moments import local_day, local_now, parse_day
from riskmap.rules.laws import overdue_days
from riskmap.rules.moves import Objection, flow_of
from riskmap.values.records import Features
from riskmap.web.frame.state import as_of, lang, say, workspace
from riskmap.web.pages.point.form import FormStart, draw_fields
from riskmap.web.widgets.signing import Signature, ask_signature, keep_notice, notice
from riskmap.web.widgets.tier_moves import tiers_told

MOVE: Final = "move:"
"""What stands before the id of the move that is being made, in the mode of the page."""


def standing(layer: Layer, features: Features) -> None:
    """Where a record stands among the states of its flow, and its deadline."""
    flow, here = flow_of(layer), _state(layer, features)
    parts = []
    for state in flow.states:
        if state.pause and state.id != here:
            continue
        kind = " rm-step-now" if state.id == here else ""
        parts.append(f'<span class="rm-step{kind}">{escape(state.title.text(lang()))}</span>')
    chain = '<span class="rm-step-arrow">→</span>'.join(parts)
    st.html(f'<div class="rm-steps">{chain}{_deadline(flow, here, features)}</div>')


def _deadline(flow: Flow, here: str, features: Features) -> str:
    column = features.records.values.get(flow.due)
    due = None if column is None else column[0]
    if due is None or not flow.runs(here):
        return ""
    days = overdue_days(due, local_day(as_of() or local_now())) or 0
    text = say("move_due", day=due)
    late = (
        f'<span class="rm-mark" data-field="due">{escape(say("move_overdue", n=days))}</span>'
        if days > 0
        else ""
    )
    return f'<span class="rm-sub" data-field="due">{escape(text)}</span>{late}'


def buttons(layer: Layer, features: Features, choose: Callable[[str], None], *, disabled: bool) -> None:
    """A button for every move that the state allows; a click chooses it."""
    here = _state(layer, features)
    ways = sorted(
        (move for move in flow_of(layer).moves if here in move.from_),
        key=lambda move: not _onward(flow_of(layer), here, move),
    )
    if not ways or features.retired[0] is not None:
        return
    with st.container(horizontal=True, key="no-print-moves"):
        for i, move in enumerate(ways):
            st.button(
                move.title.text(lang()),
                key=f"move-{move.id}",
                type="primary" if i == 0 else "secondary",
                disabled=disabled,
                help=say("past_readonly") if disabled else None,
                on_click=choose,
                args=(MOVE + move.id,),
            )


def _onward(flow: Flow, here: str, move: Move) -> bool:
    """Tell whether a move leads to a later state that is no pause: what is usually done next stands first."""
    order = [state.id for state in flow.states]
    to = flow.state(move.to)
    return to is not None and not to.pause and order.index(move.to) > order.index(here)


def dialog(layer: Layer, features: Features, move_id: str, leave: Callable[[], None]) -> None:
    """Ask exactly what a move asks, and make it; what speaks against it is said, and nothing is written."""
    move = next((one for one in flow_of(layer).moves if one.id == move_id), None)
    if move is None or _state(layer, features) not in move.from_:
        return
    code, version = features.records.code[0], int(features.version[0])
    key = f"move-{layer.id}-{code}-{version}-{move.id}"
    with st.container(border=True, key="touch-move"):
        st.markdown(f"**{say('move_lead', move=move.title.text(lang()))}**")
        if move.other_than:
            st.caption(say("move_second_person"))
        with st.form(f"{key}-form", enter_to_submit=False, border=False):
            fields = [layer.field(name) for name in move.asks if name in layer.field_ids]
            filled = draw_fields(FormStart(layer, code, version, {}), fields, before=features)
            beside_fields = st.container()
            files = _uploads(layer, move, key)
            beside_files = st.container()
            day = _day(key) if "on" in move.asks else ""
            beside_day = st.container()
            signature = ask_signature(f"{key}-sign", reason_hint=say("move_why_hint"))
            beside_person = st.container()
            yes, no = st.columns([1, 5])
            go = yes.form_submit_button(move.title.text(lang()), type="primary")
            cancel = no.form_submit_button(say("form_cancel"))
        if cancel:
            leave()
            st.rerun()
        if not go:
            return
        if filled.judged.errors:
            notice("error", say("form_refused", count=len(filled.judged.errors)))
        elif signature.missing:
            notice("warning", signature.missing, beside_person)
        elif not (said := _made(features, move, filled.changes, files, day, signature)):
            leave()
            st.rerun()
        else:
            for one in said:
                if one.rule == "second_person" or one.field in {"", "why"}:
                    place = beside_person
                elif one.field == "on":
                    place = beside_day
                else:
                    place = beside_files if layer.file_field(one.field) else beside_fields
                notice("error", one.message.text(lang()), place)


def _uploads(layer: Layer, move: Move, key: str) -> list[Incoming]:
    """Ask for the pictures and documents that a move asks for, where its field is one of files."""
    asked = [one for name in move.asks if (one := layer.file_field(name)) is not None]
    if not asked:
        return []
    found = st.file_uploader(
        asked[0].title.text(lang()), accept_multiple_files=asked[0].several, key=f"{key}-files"
    )
    files = found if isinstance(found, list) else [found] if found else []
    return [(file.name, bytes(file.getbuffer())) for file in files]


def _day(key: str) -> str:
    place, _ = st.columns([1, 2])
    today = local_now().date().isoformat()
    return place.text_input(
        say("move_on"), value=today, key=f"{key}-on", placeholder=say("date_hint")
    ).strip()


def _made(  # noqa: PLR0917 - what a form says
    features: Features,
    move: Move,
    stated: Any,
    files: Sequence[Incoming],
    day: str,
    signature: Signature,
) -> list[Objection]:
    """Make the move; return what speaks against it, nothing where it was made."""
    layer, code = workspace().catalog.layer(features.records.layer), features.records.code[0]
    try:
        on = parse_day(day).isoformat() if day else None
        with st.spinner(say("form_saving")):
            done = move_points(
                workspace(),
                layer.id,
                [code],
                move.id,
                stated=stated,
                on=on,
                seen={code: int(features.version[0])},
                evidence=files,
                by=signature.by,
                why=signature.why,
            )
    except RiskmapError as problem:
        return [Objection("refused", "", problem.say)]
    if done.moves.changeset is None:
        return [one for said in done.moves.refused.values() for one in said]
    words = [one.message.text(lang()) for said in done.moves.warnings.values() for one in said]
    title = next(s.title for s in flow_of(layer).states if s.id == move.to)
    moved = tiers_told(done.tiers)
    keep_notice("success", "\n".join((say("move_done", state=title.text(lang())), *moved, *words)))
    return []


def _state(layer: Layer, features: Features) -> str:
    column = features.records.values.get(STATE)
    return str((None if column is None else column[0]) or flow_of(layer).start)
