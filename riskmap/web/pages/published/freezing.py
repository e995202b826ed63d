"""发布: ledger, tiers, models and figures as they are now, under a name; what does not hold takes a second person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import streamlit as st

from riskmap.actions.figures import period_of
from riskmap.actions.publishing import publish
from riskmap.actions.workspace import Workspace
from riskmap.progress import Progress
from riskmap.reports.statements import Verdict
from riskmap.rules.permissions import Actor, local_actor
from riskmap.selection import find
from riskmap.web.frame.running import Outcome
from riskmap.web.frame.state import lang, say, snapshot, workspace
from riskmap.web.widgets.filters import escape_markdown
from riskmap.web.widgets.panels import Cell, Row, TableColumn, pager_of, point_address, show_table
from riskmap.web.widgets.signing import ask_signature, carried_out, keep_notice, notice

_DIGITS: Final = 12  # of a digest that people compare


_NAME, _PERIOD, _SECOND = "publish-name", "publish-period", "publish-second"


_STOPPED: Final = "publish-stopped"  # what kept from publishing, and for which name and period


@dataclass(frozen=True, slots=True)
class _Stopped:
    """Why nothing was published under a name for a period: the statements that do not hold."""

    name: str
    period: str
    verdicts: tuple[Verdict, ...]


def ask_to_publish(*, first: bool) -> None:
    """Ask for name and period, check every statement, freeze; what does not hold is shown and takes a second person."""
    stopped: _Stopped | None = st.session_state.get(_STOPPED)
    with st.expander(say("publish_title"), expanded=first or stopped is not None):
        st.caption(say("publish_lead"))
        left, right = st.columns([2, 1])
        name = left.text_input(
            say("publish_name"), key=_NAME, placeholder=say("publish_name_hint"), max_chars=60
        ).strip()
        period = right.text_input(
            say("publish_period"), key=_PERIOD, placeholder=say("publish_period_hint"), max_chars=21
        ).strip()
        signature = ask_signature("publish", reason_hint=say("publish_reason_hint"))
        if stopped and (stopped.name, stopped.period) != (name, period):
            stopped = None
        despite: list[str] = []
        second = ""
        if stopped:
            despite, second = _passed(stopped.verdicts)
        if not st.button(
            say("publish_despite" if stopped else "publish_go"), key="publish-go", type="primary"
        ):
            return
        missing = signature.missing or ("" if name else say("publish_no_name"))
        if stopped and not missing:
            missing = say("publish_no_tick") if len(despite) < len(stopped.verdicts) else ""
            missing = missing or ("" if second else say("publish_no_second"))
        if missing:
            notice("warning", missing)
            return
        act = partial(
            _published,
            workspace(),
            name,
            period,
            by=signature.by,
            why=signature.why,
            despite=despite,
            second=local_actor(second) if second else None,
        )
        outcome = carried_out("publish", act)
    if outcome is not None:
        if outcome.state[_STOPPED] is None:
            keep_notice("success", say("publish_done", **outcome.values))
        st.rerun()


def _published(  # the action: what it is told beforehand, as it runs in a thread
    ws: Workspace,
    name: str,
    period: str,
    progress: Progress,
    *,
    by: Actor,
    why: str,
    despite: Sequence[str],
    second: Actor | None,
) -> Outcome:
    done = publish(
        ws,
        name,
        by=by,
        why=why,
        despite=despite,
        second=second,
        period=period_of(ws, period or None),
        progress=progress,
    )
    if done.manifest is None:
        stopped = _Stopped(name, period, done.blocking)
        return Outcome(
            "running_publish_stopped", {"n": len(done.blocking)}, tone="warning", state={_STOPPED: stopped}
        )
    made = done.manifest
    return Outcome(
        "running_publish_done",
        {"name": made.name, "digest": made.digest[:_DIGITS], "files": len(made.files)},
        state={_STOPPED: None},
    )


def _passed(verdicts: Sequence[Verdict]) -> tuple[list[str], str]:
    """Show what does not hold, with its records; return the statements that are passed all the same, and by whom."""
    notice("warning", say("publish_stopped", n=len(verdicts)))
    passed = [
        one.id for one in verdicts if st.checkbox(escape_markdown(_sides(one)), key=f"publish-{one.id}")
    ]
    rows = [
        Row(
            [
                Cell(one.title.text(lang()), head=True),
                Cell(say(f"publish_{kind}")),
                Cell(code.rpartition(":")[2], href=_record_address(code)),
            ]
        )
        for one in verdicts
        for kind, codes in (
            ("missing", one.missing),
            ("doubled", one.doubled),
            ("changed", one.changed or {}),
        )
        for code in codes
    ]
    if rows:
        pager = pager_of("publish-records", len(rows), 10)
        columns = [
            TableColumn("statement", say("publish_statement")),
            TableColumn("kind", say("publish_kind"), "short"),
            TableColumn("code", say("list_code"), "code"),
        ]
        show_table(
            "publish-records",
            columns,
            rows[pager.start : pager.stop],
            pager=pager if pager.pages > 1 else None,
            dense=True,
        )
    return passed, st.text_input(
        say("publish_second"), key=_SECOND, help=say("publish_second_help"), max_chars=60
    ).strip()


def _sides(one: Verdict) -> str:
    """Return what does not hold in one line; which records break it stands in the table below."""
    title = one.title.text(lang())
    if one.left is None or one.right is None or not (one.missing or one.doubled or one.changed):
        return say("publish_why", title=title, why=one.why.text(lang()))
    return say(
        "publish_sides", title=title, left=f"{float(one.left):,.12g}", right=f"{float(one.right):,.12g}"
    )


def _record_address(code: str) -> str:
    """Return the page of a record that a statement names, by CODE or by LAYER:CODE; "" for one that is no longer there."""
    layer, _, plain = code.rpartition(":")
    now = snapshot()
    for one in [layer] if layer else now.layers:
        if one in now.layers and find(now, one, plain) is not None:
            return point_address(one, plain)
    return ""
