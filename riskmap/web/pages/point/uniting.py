"""Two records of one place made one, on the page of the one that stays: what would go over, what differs, who names it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import streamlit as st

from riskmap.actions.records.uniting import merge_points, plan_merge
from riskmap.catalog import Layer
from riskmap.errors import RiskmapError
from riskmap.ledger import Conflict, MergePlan, key_title
from riskmap.rules.permissions import Actor
from riskmap.values.records import Features
from riskmap.web.frame.state import lang, say, workspace
from riskmap.web.widgets.filters import escape_markdown
from riskmap.web.widgets.signing import ask_signature, keep_notice, notice, refuse

_LONGEST: Final = 80


def dialog(layer: Layer, features: Features, leave: Callable[[], None]) -> None:
    """Ask which record is taken in, show what that would do, let every difference be chosen, and do it."""
    keep = features.records.code[0]
    with st.container(border=True, key="point-merge-box"):
        st.markdown(f"**{escape_markdown(say('merge_lead', code=keep))}**")
        box, button = st.columns([3, 1], vertical_alignment="bottom")
        drop = box.text_input(say("merge_other"), key=f"merge-{layer.id}-{keep}", max_chars=_LONGEST).strip()
        button.button(say("merge_look"), key="merge-look", disabled=not drop)
        plan = _plan(layer, keep, drop) if drop else None
        if plan is not None:
            _settle(layer, plan, leave)
        st.button(say("form_cancel"), key="merge-cancel", on_click=leave)


def _plan(layer: Layer, keep: str, drop: str) -> MergePlan | None:
    try:
        return plan_merge(workspace(), layer.id, keep, drop)
    except RiskmapError as problem:
        refuse(problem)
        return None


def _settle(layer: Layer, plan: MergePlan, leave: Callable[[], None]) -> None:
    keep, drop = plan.keep, plan.drop
    what = "、".join(key_title(layer, key).text(lang()) for key in plan.taken)
    lines = [
        say("merge_taken", code=keep, what=what) if what else say("merge_nothing_taken", code=keep),
        say("merge_naming", code=keep, n=len(plan.naming)),
        say("merge_retired", code=drop, keep=keep),
    ]
    st.markdown("\n".join(f"- {escape_markdown(line)}" for line in lines))
    key = f"merge-{layer.id}-{keep}-{drop}"
    with st.form(f"{key}-form", enter_to_submit=False, border=False):
        if plan.conflicts:
            st.caption(say("merge_conflicts"))
        chosen = {one.key: _choice(layer, plan, one, key) for one in plan.conflicts}
        signature = ask_signature(f"{key}-sign", reason_hint=say("merge_hint"))
        go = st.form_submit_button(say("merge_go"), type="primary")
    if not go:
        return
    if open_ones := sum(side is None for side in chosen.values()):
        notice("warning", say("merge_unsettled", n=open_ones))
    elif signature.missing:
        notice("warning", signature.missing)
    else:
        _merge(plan, {one: f"@{side}" for one, side in chosen.items()}, signature.by, signature.why, leave)


def _choice(layer: Layer, plan: MergePlan, one: Conflict, key: str) -> str | None:
    """Ask whose value holds; return the code, None while nobody has chosen."""
    sides = dict(zip((plan.keep, plan.drop), one.words, strict=True))
    return st.radio(
        key_title(layer, one.key).text(lang()),
        list(sides),
        index=None,
        format_func=lambda code: escape_markdown(say("merge_side", value=sides[code], code=code)),
        key=f"{key}-{one.key}",
        horizontal=True,
    )


def _merge(plan: MergePlan, choices: dict[str, str], by: Actor, why: str, leave: Callable[[], None]) -> None:
    ws, keep, drop = workspace(), plan.keep, plan.drop
    try:
        with st.spinner(say("form_saving")):
            done = merge_points(
                ws, plan.layer, keep, drop, choices=choices, seen=plan.versions, by=by, why=why
            ).done
    except RiskmapError as problem:
        refuse(problem)
        return
    leave()
    n, number = len(done.relinked), done.changeset
    keep_notice("success", say("merge_done", keep=keep, drop=drop, n=n, changeset=number))
    st.rerun()
