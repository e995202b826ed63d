"""A shelter of the plan closes: the plan that changes least, and who goes where now."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from riskmap.errors import RiskmapError
from riskmap.ui.notices import notice, refuse
from riskmap.ui.panels import Cell, Column, Row, pager_of, show_table
from riskmap.ui.prepare_desk import ask_person, person
from riskmap.ui.state import say, workspace
from riskmap.usecases.closures import close_shelters, shelter_names, shut_shelters
from riskmap.usecases.storms import Storm

if TYPE_CHECKING:
    from riskmap.ui.prepare_move import Made

CHANGES: Final = "prepare-move-changes"
_ROWS: Final = 20
_HEIGHT: Final = 300
_WHY: Final = "避难场所关闭，重排转移"


def draw(shown: Storm, made: Made, keep: Callable[[Made], None]) -> None:
    """Draw what the last closing changed, and the way to close more."""
    names = shelter_names(workspace())
    if made.before is not None:
        _changed(made, names)
    used = {one["code"]: one["used"] for one in made.document["shelters"]}
    logged = shut_shelters(workspace(), shown.scenario.id)
    late = [code for code in logged if used.get(code)]
    # One form: no choice draws the page anew under the hand that makes the next one.
    with st.container(key="prepare-replan"), st.form("prepare-replan-form"):
        st.markdown(f"**{say('prepare_replan')}**")
        if late:  # somebody else closed it after the plan was made
            listed = say("comma").join(names.get(code, code) for code in late)
            notice("error", say("prepare_replan_late", names=listed))
        codes = st.multiselect(
            say("prepare_replan_which"),
            sorted(used, key=lambda code: -used[code]),
            default=late,
            format_func=lambda code: say(
                "prepare_replan_shelter", name=names.get(code, code), n=f"{used[code]:,}"
            ),
            key=f"prepare-close-{made.scenario}-{made.number}-{len(late)}",
            placeholder=say("prepare_replan_choose"),
            select_all=False,
        )
        on_record = st.checkbox(
            say("prepare_replan_log"), value=True, key="prepare-close-log", help=say("prepare_replan_trial")
        )
        ask_person("prepare-close-person")
        pressed = st.form_submit_button(say("prepare_replan_run"), key="prepare-replan-run", type="primary")
    if pressed:
        if codes:
            _run(shown, made, tuple(codes), keep, on_record=on_record)
        else:
            notice("warning", say("prepare_replan_choose"))


def _run(
    shown: Storm, made: Made, codes: tuple[str, ...], keep: Callable[[Made], None], *, on_record: bool
) -> None:
    by = person()
    if on_record and by is None:
        notice("warning", say("sign_missing_person"))
        return
    with st.spinner(say("working")):
        try:
            shut = (*made.shut, *codes)
            found = made.asked.plan(shown, shut=shut, before=made.document)
            if on_record and by is not None:
                close_shelters(workspace(), shown.scenario.id, codes, by=by, why=_WHY)
        except RiskmapError as problem:
            refuse(problem)
            return
        # Kept before anything is drawn: a rerun that comes meanwhile must not part log and plan.
        keep(replace(made, document=found, shut=shut, before=made.document, number=made.number + 1))
    st.rerun()


def _changed(made: Made, names: Mapping[str, str]) -> None:
    """Say who goes elsewhere than in the plan before: those left without a place first."""
    found = made.document
    open_now = {one["code"] for one in found["shelters"]}
    closed = [one["code"] for one in (made.before or {})["shelters"] if one["code"] not in open_now]
    changes: Sequence[Mapping[str, Any]] = sorted(
        found["changes"], key=lambda one: (one["to"] is not None, -one["people"], one["group"])
    )
    text = say(
        "prepare_replan_sum",
        names=say("comma").join(names.get(code, code) for code in closed) or "—",
        moved=f"{found['moved']:,}",
        groups=f"{len({one['group'] for one in changes}):,}",
        stayed=f"{found['stayed']:,}",
    )
    notice("info", text)
    if not changes:
        return
    pager = pager_of(CHANGES, len(changes), _ROWS)
    show_table(
        CHANGES,
        [
            Column("group", say("prepare_column_group")),
            Column("to", say("prepare_column_now")),
            Column("people", say("prepare_column_people"), "number"),
        ],
        [_row(one) for one in changes[pager.start : pager.stop]],
        pager=pager,
        height=_HEIGHT,
        dense=True,
    )


def _row(one: Mapping[str, Any]) -> Row:
    def place(end: str) -> str:
        return one[f"{end}_name"] or one[end] or say("prepare_replan_nowhere")

    where = one["community"] or one["subdistrict"] or ""
    return Row(
        [
            Cell(one["group"], note=where),
            Cell(place("to"), note=say("prepare_replan_was", name=place("from"))),
            Cell(f"{one['people']:,}"),
        ]
    )
