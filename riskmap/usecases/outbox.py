"""Messages that leave: written into the log first, sent next, tried again until they are gone.

A message is never silently dropped: it is queued in the log before anything is sent, every attempt
is an entry of its own, and what failed stays queued with the reason. A program that is killed
between sending and noting sends again: a warning twice is better than none. In a drill nothing is
sent. The log holds masked names only; the phone is looked up when the message leaves.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from riskmap.duty import Event, NewEvent, Scenario, standing
from riskmap.errors import RiskmapError, Say
from riskmap.ledger import mask_name
from riskmap.moments import utc_now
from riskmap.prepare.callout import in_order
from riskmap.records import Contact
from riskmap.rules.permissions import Actor, may
from riskmap.usecases.assessing import one_feature
from riskmap.usecases.duty import find_scenario
from riskmap.usecases.event_entry import Entry, prepared
from riskmap.usecases.senders import Outgoing, SendError, send
from riskmap.usecases.workspace import Workspace

NOT_SENT: Final = "演习，未发送"
MESSAGE_STATUS: Final[Mapping[str, Say]] = {
    "queued": Say("待发送", "Queued"),
    "failed": Say("发送失败，待重发", "Failed, to be sent again"),
    "sent": Say("已发送", "Sent"),
    "drill": Say(NOT_SENT, "Drill, not sent"),
}
_IN_FOLDER: Final = Say("已写入文件夹，待人转发", "In the folder, to be passed on by a person")
_OPEN: Final = ("queued", "failed")


@dataclass(frozen=True, slots=True)
class MessageState:
    """Where a message stands: `status` of MESSAGE_STATUS; `reason` of the last failure, in both languages.

    `channel`: through which the last attempt went (a kind of `[outbox]`), empty before any.
    """

    message: int
    at: dt.datetime
    layer: str | None
    code: str | None
    subdistrict: str | None
    text: str
    to: str
    status: str
    attempts: int
    reason: str
    reason_en: str = ""
    channel: str = ""

    @property
    def words(self) -> Say:
        """The status in words: what lies in a folder has reached nobody yet."""
        in_folder = self.status == "sent" and self.channel == "file"
        return _IN_FOLDER if in_folder else MESSAGE_STATUS[self.status]

    @property
    def waits(self) -> bool:
        """Whether it has not left and may be tried again."""
        return self.status in _OPEN


def way_out(ws: Workspace) -> Say:
    """Return where messages of a workspace go, for those who write them."""
    settings = ws.config.outbox
    if settings.kind == "smtp":
        return Say(f"经邮件服务器 {settings.host} 发出", f"They leave as mail, by {settings.host}")
    if settings.kind == "webhook":
        host = urlsplit(settings.url).hostname
        return Say(f"经接口 {host} 发出", f"They leave by the web hook {host}")
    return Say(
        f"未接入对外渠道：消息只写入文件夹 {settings.folder}，须由人转发；渠道在 workspace.toml 的 [outbox] 中配置",
        f"No channel is configured: messages are only written into {settings.folder}, and a person must pass "
        "them on; channels are set in workspace.toml, [outbox]",
    )


def send_message(
    ws: Workspace,
    named: str | int,
    entry: Entry,
    *,
    subject: str = "",
    by: Actor,
    why: str,
    environ: Mapping[str, str] | None = None,
) -> MessageState:
    """Queue one message of a scenario and try to send it; return where it then stands.

    `entry.kind` is "message"; `record` with `contact` addresses a person, `subdistrict` a
    sub-district, neither of them the whole district. RiskmapError without a text.
    """
    may(by, "send")
    scenario = find_scenario(ws, named)
    if not entry.text.strip():
        raise RiskmapError("消息：内容为空，未写入；请用 --text 写明", "message: it has no text; give --text")
    new = prepared(ws, scenario, entry)
    body: dict[str, Any] = {"text": entry.text.strip(), "subject": subject.strip(), "status": "queued"}
    if entry.contact is not None:
        person = _person(ws, new.layer, new.code, entry.contact)
        body |= {"contact": entry.contact, "role": person.role, "to": mask_name(person.name)}
    if scenario.drill:
        body |= {"status": "drill", "note": NOT_SENT}
    queued = NewEvent(new.at, "message", new.layer, new.code, new.subdistrict, body)
    (number,) = ws.ledger.add_events(scenario.id, [queued], by=by.name, why=why)
    deliver(ws, scenario.id, by=by, why=why, only=number, environ=environ)
    return next(m for m in messages(ws, scenario.id) if m.message == number)


def messages(ws: Workspace, named: str | int) -> list[MessageState]:
    """Return the messages of a scenario as they stand, in the order of writing."""
    return _states(standing(ws.ledger.events(find_scenario(ws, named).id)))


def _states(log: list[Event]) -> list[MessageState]:
    entries = sorted((e for e in log if e.kind == "message"), key=lambda e: e.id)
    found: list[MessageState] = []
    for first in (e for e in entries if "message" not in e.body):
        tries = [e for e in entries if e.body.get("message") == first.id]
        last = (tries or [first])[-1].body
        found.append(
            MessageState(
                message=first.id,
                at=first.at,
                layer=first.layer,
                code=first.code,
                subdistrict=first.subdistrict,
                text=str(first.body.get("text", "")),
                to=str(first.body.get("to") or first.subdistrict or ""),
                status=str(last.get("status", "queued")),
                attempts=len(tries),
                reason=str(last.get("reason", "")),
                reason_en=str(last.get("reason_en") or last.get("reason", "")),
                channel=str(last.get("channel", "")),
            )
        )
    return found


def deliver(
    ws: Workspace,
    named: str | int,
    *,
    by: Actor,
    why: str,
    only: int | None = None,
    environ: Mapping[str, str] | None = None,
) -> list[MessageState]:
    """Try to send what is still queued of a scenario (`only` one message); return those tried.

    Each attempt is written down at once. A message that was taken back by a correction stays. In a
    drill nothing is tried.
    """
    may(by, "send")
    scenario = find_scenario(ws, named)
    if scenario.drill:
        return []
    log = standing(ws.ledger.events(scenario.id))
    by_number = {e.id: e for e in log}
    tried: list[int] = []
    for state in _states(log):
        if state.status in _OPEN and (only is None or only == state.message):
            first = by_number[state.message]
            result = _attempt(ws, scenario, first, by=by, why=why, environ=environ or os.environ)
            body = {"message": first.id, "attempt": state.attempts + 1} | result
            new = NewEvent(utc_now(), "message", first.layer, first.code, first.subdistrict, body)
            ws.ledger.add_events(scenario.id, [new], by=by.name, why=why)
            tried.append(first.id)
    return [m for m in messages(ws, scenario.id) if m.message in tried]


def _attempt(
    ws: Workspace, scenario: Scenario, first: Event, *, by: Actor, why: str, environ: Mapping[str, str]
) -> dict[str, Any]:
    """Return what an attempt came to: status, channel, and place or reason."""
    settings = ws.config.outbox
    channel = {"channel": settings.kind}
    try:
        person = None
        if "contact" in first.body:
            person = _person(ws, first.layer, first.code, first.body["contact"], role=first.body.get("role"))
            if not person.phone and settings.kind != "smtp":
                raise SendError(
                    f"{first.layer} › {first.code}：收件人没有电话；请补上电话后重发",
                    f"{first.layer} › {first.code}: the recipient has no phone; add one and send again",
                )
            what = f"情景 {scenario.id} 消息 {first.id}：收件人电话，经 {settings.kind}"
            # Noted first: no number leaves that was not recorded.
            ws.ledger.record_export(by=by.name, why=why, what=what, unmasked=True)
        place = send(_outgoing(ws, scenario, first, person), settings, root=ws.root, environ=environ)
    except RiskmapError as problem:
        return {
            "status": "failed",
            "reason": problem.text("zh"),
            "reason_en": problem.text("en"),
            **channel,
        }
    return {"status": "sent", "place": place, **channel}


def _outgoing(ws: Workspace, scenario: Scenario, first: Event, person: Contact | None) -> Outgoing:
    subject = str(first.body.get("subject") or f"{ws.config.district} {scenario.title}")
    return Outgoing(
        number=first.id,
        scenario=scenario.id,
        title=scenario.title,
        at=first.at,
        subject=f"【演示数据】{subject}" if ws.demo else subject,
        text=str(first.body.get("text", "")),
        subdistrict=first.subdistrict,
        record=f"{first.layer}:{first.code}" if first.layer else None,
        name=person.name if person else None,
        phone=person.phone if person else None,
        demo=ws.demo,
    )


def _person(
    ws: Workspace, layer: str | None, code: str | None, number: int, *, role: object = None
) -> Contact:
    """Return the person of a record by role, else by number; SendError where there is none."""
    if layer is None or code is None:
        raise SendError(
            "写了第几位联系人，却没有写记录；请用 --record", "a contact without a record; give --record"
        )
    people = one_feature(ws, layer, code, contacts=True).records.contacts
    callees = in_order((people[0] if people else None) or (), ws.catalog.layer(layer))
    found = [c for c in callees if (c.contact.role == role if role else c.number == number)]
    if not found:
        raise SendError(
            f"{layer} › {code}：没有第 {number} 位联系人", f"{layer} › {code}: there is no contact {number}"
        )
    return found[0].contact
