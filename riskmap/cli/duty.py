"""Commands of a duty: scenarios, log, events, callout, duty, after.

Commands about messages: message, outbox.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from riskmap.cli.common import (
    LANG,
    ByOption,
    ContactsOption,
    JsonOption,
    StoreOption,
    WhyOption,
    WorkspaceOption,
    app,
    echo,
    person,
    print_json,
    reason,
)
from riskmap.errors import RiskmapError
from riskmap.json_documents import Document

if TYPE_CHECKING:
    import datetime as dt

    from riskmap.actions.episode.messages import MessageState
    from riskmap.values.duty import CalloutView, Review
    from riskmap.values.scenario import Event

ScenarioArgument = Annotated[str, typer.Argument(metavar="SCENARIO")]
NowOption = Annotated[str | None, typer.Option("--now", metavar="TIME")]
MinutesOption = Annotated[float | None, typer.Option("--minutes", min=0.1)]


def _moment(text: str | None) -> dt.datetime | None:
    from riskmap.moments import parse_beijing_moment

    return parse_beijing_moment(text) if text else None


@app.command()
def scenarios(
    as_json: JsonOption = False, workspace: WorkspaceOption = None, store: StoreOption = None
) -> None:
    """Scenarios, the newest first."""
    from riskmap.cli.common import open_workspace
    from riskmap.cli.duty_documents import scenario_json
    from riskmap.values.scenario import beijing

    found = open_workspace(workspace, store).ledger.scenarios()
    if as_json:
        print_json({"scenarios": [scenario_json(s) for s in found]})
        return
    for s in found:
        drill = ("演习" if LANG == "zh" else "drill") if s.drill else ""
        typer.echo(f"{s.id}\t{beijing(s.at)}\t{s.title}\t{drill}\t{s.who}")


@app.command()
def log(
    scenario: ScenarioArgument,
    kind: Annotated[str, typer.Argument(metavar="KIND")],
    record: Annotated[str, typer.Option("--record", metavar="LAYER:CODE")] = "",
    subdistrict: Annotated[str, typer.Option("--subdistrict")] = "",
    contact: Annotated[int | None, typer.Option("--contact", min=1)] = None,
    text: Annotated[str, typer.Option("--text")] = "",
    at: Annotated[str | None, typer.Option("--at", metavar="TIME")] = None,
    signal: Annotated[str, typer.Option("--signal", metavar="KIND:COLOUR[@S,..]")] = "",
    level: Annotated[str, typer.Option("--level")] = "",
    answers: Annotated[str, typer.Option("--answers", metavar="EVENT,..")] = "",
    people: Annotated[int | None, typer.Option("--people", min=0)] = None,
    corrects: Annotated[int | None, typer.Option("--corrects", metavar="EVENT")] = None,
    by: ByOption = None,
    why: WhyOption = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Write one line of the event log."""
    from riskmap.actions.episode.events import Entry, log_event
    from riskmap.cli.common import open_workspace
    from riskmap.cli.duty_documents import event_json

    entry = Entry(
        kind=kind,
        record=record,
        subdistrict=subdistrict,
        contact=contact,
        text=text,
        at=_moment(at),
        signal=signal,
        level=level,
        answers=_numbers(answers),
        people=people,
        corrects=corrects,
    )
    event = log_event(open_workspace(workspace, store), scenario, entry, by=person(by), why=reason(why))
    if as_json:
        print_json(event_json(event))
    else:
        typer.echo(_event_line(event))


def _numbers(text: str) -> tuple[int, ...]:
    from riskmap.cli.common import split

    parts = split(text)
    if not all(part.strip().isdecimal() for part in parts):
        raise RiskmapError(
            f"--answers {text!r}：请写事件号，如 3,7", f"--answers {text!r}: write event numbers, such as 3,7"
        )
    return tuple(int(part) for part in parts)


def _event_line(event: Event) -> str:
    from riskmap.values.scenario import EVENT_KINDS, beijing

    where = f"{event.layer}:{event.code}" if event.layer else event.subdistrict or ""
    body = " ".join(f"{key}={value}" for key, value in event.body.items())
    kind = EVENT_KINDS[event.kind].text(LANG) if event.kind in EVENT_KINDS else event.kind
    return f"{event.id}\t{beijing(event.at)}\t{kind}\t{where}\t{body}\t{event.who}"


@app.command()
def events(
    scenario: ScenarioArgument,
    until: Annotated[str | None, typer.Option("--until", metavar="TIME")] = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """The event log, corrections included."""
    from riskmap.actions.episode.duty import find_scenario
    from riskmap.cli.common import open_workspace
    from riskmap.cli.duty_documents import event_json

    ws = open_workspace(workspace, store)
    found = ws.ledger.events(find_scenario(ws, scenario).id, until=_moment(until))
    if as_json:
        print_json({"events": [event_json(e) for e in found]})
        return
    for event in found:
        typer.echo(_event_line(event))


@app.command()
def callout(
    scenario: ScenarioArgument,
    now: NowOption = None,
    minutes: MinutesOption = None,
    to: Annotated[list[Path] | None, typer.Option("--to", metavar="DIR|FILE")] = None,
    contacts: ContactsOption = False,
    by: ByOption = None,
    why: WhyOption = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Whom to call, who answered, who is overdue, what is missing."""
    from riskmap.actions.episode.duty import callout_view
    from riskmap.actions.reports import CALLOUTS, check_target, export_callout
    from riskmap.cli.common import open_workspace
    from riskmap.cli.duty_documents import callout_json

    for target in to or ():
        check_target(target, CALLOUTS)
    view = callout_view(
        open_workspace(workspace, store),
        scenario,
        now=_moment(now),
        minutes=minutes,
        unmasked=contacts,
        by=person(by),
        why=reason(why),
    )
    files = [f for target in to or () for f in export_callout(view, target, by=person(by), lang=LANG)]
    if as_json:
        print_json(callout_json(view, LANG) | ({"files": files} if to else {}))
        return
    _print_callout(view)
    for file in files:
        typer.echo(file["path"], err=True)


def _print_callout(view: CalloutView) -> None:
    from riskmap.values.duty import CALL_STATUS
    from riskmap.values.scenario import beijing
    from riskmap.vocabulary import RANKS, TIER_TITLES

    if view.scenario.drill:
        echo("【演习】", "[DRILL]")
    for group in view.callout.groups:
        typer.echo(f"{group.subdistrict or '—'}（{len(group.lines)}）")
        for line in group.lines:
            state = view.states[line.feature_id]
            tier = TIER_TITLES[RANKS[line.rank_to]].text(LANG)
            status = CALL_STATUS[state.status].text(LANG)
            mark = "!" if state.overdue else " "
            callee = next((c for c in line.callees if c.number == (state.next or state.callee)), None)
            who = ""
            if callee is not None:
                contact = callee.contact
                who = f"{callee.number} {callee.title.text(LANG)} {contact.name or ''} {contact.phone or ''}"
            typer.echo(
                f" {mark} {tier}\t{line.layer}:{line.code}\t{line.name or ''}\t{beijing(line.start)}\t"
                f"{line.causes[0].text(LANG)}\t{status}\t{who}"
            )
            for gap in line.gaps:
                typer.echo(f"      - {gap.text.text(LANG)}")


@app.command()
def duty(
    at: Annotated[str | None, typer.Option("--at", metavar="TIME")] = None,
    desk: Annotated[str | None, typer.Option("--desk", metavar="STREET")] = None,
    contacts: ContactsOption = False,
    by: ByOption = None,
    why: WhyOption = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Who is on duty by the roster, now or at a moment."""
    from riskmap.actions.episode.roster import duty_json, nobody_text, on_duty
    from riskmap.cli.common import open_workspace
    from riskmap.values.scenario import beijing

    ws = open_workspace(workspace, store)
    moment = _moment(at)
    view = on_duty(ws, at=moment, desk=desk, unmasked=contacts, by=person(by), why=reason(why))
    if as_json:
        print_json(duty_json(view))
        raise typer.Exit(0 if view.held else 1)
    for one in view.desks:
        if not one.shifts:
            typer.echo(f"! {nobody_text(one).text(LANG)}")
        for shift in one.shifts:
            who = (shift.post.text(LANG), shift.name or "—", shift.phone or "—", shift.unit or "")
            until = f"{beijing(shift.begins)} — {beijing(shift.ends)}"
            typer.echo("\t".join((one.title.text(LANG), *who, until)))
    if not view.kept:
        echo("值班表是空的；请导入", "the duty roster is empty; import one", err=True)
    raise typer.Exit(0 if view.held else 1)


@app.command()
def after(
    scenario: ScenarioArgument,
    now: NowOption = None,
    minutes: MinutesOption = None,
    to: Annotated[Path | None, typer.Option("--to", metavar="FILE")] = None,
    by: ByOption = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """The after-action figures, from the log."""
    from riskmap.actions.episode.duty import review_of
    from riskmap.actions.reports import check_target, export_after_report
    from riskmap.cli.common import open_workspace
    from riskmap.cli.duty_documents import review_json
    from riskmap.io.writers.paper import FORMATS

    if to is not None:
        check_target(to, FORMATS)
    found = review_of(open_workspace(workspace, store), scenario, until=_moment(now), minutes=minutes)
    files = [] if to is None else export_after_report(found, to, by=person(by), lang=LANG)
    if as_json:
        print_json(review_json(found, LANG) | ({"files": files} if files else {}))
    else:
        _print_review(found)
        for file in files:
            typer.echo(file["path"], err=True)
    raise typer.Exit(0 if found.adds_up and not found.unclear else 1)


def _print_review(found: Review) -> None:
    never = len(found.unanswered)
    echo(
        f"预警 {found.warnings} 次，响应 {found.responses} 次，对应 {found.tied} 次；转移 {found.moved.total} 人，"
        f"开放避难场所 {found.opened} 处，关闭 {found.closed} 处，新增积水点 {len(found.new_spots)} 处",
        f"{found.warnings} warnings, {found.responses} responses, {found.tied} tied; {found.moved.total} people "
        f"moved, {found.opened} shelters opened, {found.closed} closed, {len(found.new_spots)} new spots",
    )
    times = "—" if found.median is None else f"{found.median:.1f} / {found.p90:.1f}"
    echo(
        f"叫应 {len(found.answers)} 处，未应答 {never} 处；应答用时（分钟）中位数 / 90%：{times}",
        f"{len(found.answers)} records to call, {never} unanswered; minutes to answer, median / 90 %: {times}",
    )
    for answer in found.unanswered:
        typer.echo(f"  ! {answer.layer}:{answer.code}\t{answer.name or ''}\t{answer.status}")
    for tie in found.ties:
        if tie.response is None and tie.warning is not None:
            echo(f"  ! 预警 {tie.warning.id} 没有对应响应", f"  ! warning {tie.warning.id} has no response")
        elif tie.warning is None and tie.response is not None:
            echo(f"  ! 响应 {tie.response.id} 没有对应预警", f"  ! response {tie.response.id} has no warning")
    for event in found.unclear:
        echo(f"  ! 事件 {event.id} 未计入", f"  ! event {event.id} is not counted", err=True)
    for d in found.differences:
        typer.echo(f"  ! {d.what.text(LANG)}: {d.expected} ≠ {d.found}", err=True)


@app.command()
def message(
    scenario: ScenarioArgument,
    text: Annotated[str, typer.Option("--text")],
    subject: Annotated[str, typer.Option("--subject")] = "",
    record: Annotated[str, typer.Option("--record", metavar="LAYER:CODE")] = "",
    contact: Annotated[int | None, typer.Option("--contact", min=1)] = None,
    subdistrict: Annotated[str, typer.Option("--subdistrict")] = "",
    by: ByOption = None,
    why: WhyOption = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Send a message through the outbox."""
    from riskmap.actions.episode.events import Entry
    from riskmap.actions.episode.messages import send_message
    from riskmap.cli.common import open_workspace

    entry = Entry("message", record=record, subdistrict=subdistrict, contact=contact, text=text)
    state = send_message(
        open_workspace(workspace, store),
        scenario,
        entry,
        subject=subject,
        by=person(by),
        why=reason(why),
    )
    if as_json:
        print_json(_message_json(state))
    else:
        typer.echo(_message_line(state))
    raise typer.Exit(1 if state.status in {"queued", "failed"} else 0)


@app.command()
def outbox(
    scenario: ScenarioArgument,
    send: Annotated[bool, typer.Option("--send")] = False,
    by: ByOption = None,
    why: WhyOption = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """Where every message stands; exit status 1 while some have not left."""
    from riskmap.actions.episode.messages import deliver, messages
    from riskmap.cli.common import open_workspace

    ws = open_workspace(workspace, store)
    if send:
        deliver(ws, scenario, by=person(by), why=reason(why))
    found = messages(ws, scenario)
    if as_json:
        print_json({"messages": [_message_json(m) for m in found]})
    else:
        for state in found:
            typer.echo(_message_line(state))
    raise typer.Exit(1 if any(m.status in {"queued", "failed"} for m in found) else 0)


def _message_json(state: MessageState) -> Document:
    from dataclasses import asdict

    from riskmap.cli.duty_documents import iso

    return asdict(state) | {"at": iso(state.at)}


def _message_line(state: MessageState) -> str:
    reason = state.reason if LANG == "zh" else state.reason_en
    return "\t".join(
        (
            str(state.message),
            state.words.text(LANG),
            state.to or "—",
            str(state.attempts),
            state.text,
            reason,
        )
    )
