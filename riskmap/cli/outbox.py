"""Commands about messages: message, outbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from riskmap.cli.common import (
    LANG,
    ByOption,
    JsonOption,
    StoreOption,
    WhyOption,
    WorkspaceOption,
    app,
    person,
    print_json,
    reason,
)
from riskmap.cli.duty import ScenarioArgument

if TYPE_CHECKING:
    from riskmap.usecases.outbox import MessageState


@app.command()
def message(
    scenario: ScenarioArgument,
    text: Annotated[str, typer.Option("--text", help="内容 / the text")],
    subject: Annotated[str, typer.Option("--subject", help="标题 / subject")] = "",
    record: Annotated[str, typer.Option("--record", metavar="LAYER:CODE", help="哪个点位 / the record")] = "",
    contact: Annotated[
        int | None, typer.Option("--contact", min=1, help="发给名单第几位 / to which contact")
    ] = None,
    subdistrict: Annotated[str, typer.Option("--subdistrict", help="街道 / sub-district")] = "",
    by: ByOption = None,
    why: WhyOption = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """发一条消息（经发件箱，逐次留痕；演习不发送）/ send a message through the outbox."""
    from riskmap.usecases.event_entry import Entry
    from riskmap.usecases.outbox import send_message
    from riskmap.usecases.workspace import open_workspace

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
    send: Annotated[bool, typer.Option("--send", help="重发未发出的 / try again what has not left")] = False,
    by: ByOption = None,
    why: WhyOption = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    store: StoreOption = None,
) -> None:
    """发件箱：每条消息发到哪一步 / where every message stands; exit status 1 while some have not left."""
    from riskmap.usecases.outbox import deliver, messages
    from riskmap.usecases.workspace import open_workspace

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


def _message_json(state: MessageState) -> dict[str, Any]:
    from dataclasses import asdict

    from riskmap.usecases.duty_documents import iso

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
