"""The ways out: a folder, a mail server, a web hook. Only to what workspace.toml names, secrets from
the environment, no redirect followed, no proxy used.

Messages that leave: written into the log first, sent next, tried again until they are gone.

A message is never silently dropped: it is queued in the log before anything is sent, every attempt
is an entry of its own, and what failed stays queued with the reason. A program that is killed
between sending and noting sends again: a warning twice is better than none. In a drill nothing is
sent. The log holds masked names only; the phone is looked up when the message leaves.
"""

from __future__ import annotations

import datetime as dt
import http.client
import os
import smtplib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import orjson

from riskmap.actions.episode.duty import find_scenario
from riskmap.actions.episode.events import Entry, prepared
from riskmap.actions.episode.roster import ON_DUTY, duty_for_calls
from riskmap.actions.records.scoring import one_feature
from riskmap.actions.workspace import Workspace
from riskmap.actions.workspace.settings import OutboxSettings
from riskmap.errors import RiskmapError, Text
from riskmap.interface import option
from riskmap.io.files.atomic import private_folder, replacing
from riskmap.moments import utc_now
from riskmap.response.callout import in_order
from riskmap.rules.masks import mask_name
from riskmap.rules.permissions import Actor, may
from riskmap.values.duty import Callee
from riskmap.values.records import Contact
from riskmap.values.scenario import Event, NewEvent, RecordedScenario, beijing, standing

_ACCEPTED: Final = range(200, 300)


class SendError(RiskmapError):
    """A message that could not be handed over; it stays queued."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message on its way. `phone` and `name` are those of a person, None for a sub-district or all.

    `formerly`: what its sub-district was called before.
    """

    number: int
    scenario: int
    title: str
    at: dt.datetime
    subject: str
    text: str
    subdistrict: str | None = None
    record: str | None = None
    name: str | None = None
    phone: str | None = None
    demo: bool = False
    formerly: tuple[str, ...] = ()

    def document(self) -> dict[str, object]:
        """Return the message as JSON for a file or a web hook; `id` is the same at every attempt."""
        return {
            "id": f"{self.scenario}-{self.number}",
            "scenario": self.title,
            "at": self.at.astimezone(dt.UTC).isoformat(timespec="seconds"),
            "subject": self.subject,
            "text": self.text,
            "subdistrict": self.subdistrict,
            "record": self.record,
            "to": None
            if self.phone is None and self.name is None
            else {"name": self.name, "phone": self.phone},
            "demo": self.demo,
        }


def send(message: Outgoing, settings: OutboxSettings, *, root: Path, environ: Mapping[str, str]) -> str:
    """Hand a message over and return where to. SendError says what the other side refused."""
    if settings.kind == "smtp":
        return _mail(message, settings, environ)
    if settings.kind == "webhook":
        return _post(message, settings, environ)
    return _file(message, root / settings.folder)


def _file(message: Outgoing, folder: Path) -> str:
    """Write the message twice: as JSON for a program, as text for a person."""
    name = f"{message.scenario:04d}-{message.number:06d}"
    try:
        private_folder(folder)
    except OSError as problem:
        raise SendError(
            f"发件箱 {folder}：无法建立文件夹（{problem.strerror}）；请检查权限",
            f"outbox {folder}: the folder cannot be made ({problem.strerror}); check its rights",
        ) from problem
    to = " ".join(x for x in (message.subdistrict, message.record, message.name, message.phone) if x)
    lines = [message.subject, beijing(message.at), to, "", message.text, ""]
    with replacing(folder / f"{name}.json", folder / f"{name}.txt", private=True) as (document, paper):
        document.write_bytes(orjson.dumps(message.document(), option=orjson.OPT_INDENT_2))
        paper.write_text("\n".join(lines), encoding="utf-8")
    return f"{name}.json"


def _secret(name: str, environ: Mapping[str, str]) -> str:
    found = environ.get(name, "")
    if not found:
        raise SendError(
            f"环境变量 {name} 没有设置；密码不写在 workspace.toml 里，请在运行环境中设置",
            f"the environment variable {name} is not set; the secret is kept there, not in workspace.toml",
        )
    return found


def _mail(message: Outgoing, settings: OutboxSettings, environ: Mapping[str, str]) -> str:
    streets = (message.subdistrict, *message.formerly)
    addresses = [*settings.recipients, *(a for s in streets for a in settings.subdistricts.get(s or "", ()))]
    to = list(dict.fromkeys(addresses))
    if not to:
        raise SendError(
            f"没有收件人：[outbox] recipients 为空，也没有 {message.subdistrict or '全区'} 的邮箱",
            f"no recipients: none in [outbox] for {message.subdistrict or 'the district'}",
        )
    mail = EmailMessage()
    mail["Subject"] = " ".join(message.subject.split())
    mail["From"], mail["To"] = settings.sender, ", ".join(to)
    mail["Message-ID"] = f"<{message.scenario}-{message.number}@{settings.sender.partition('@')[2]}>"
    person = " ".join(x for x in (message.record, message.name, message.phone) if x)
    mail.set_content("\n".join([message.text, "", person, beijing(message.at)]))
    where = f"{settings.host}:{settings.port}"
    try:
        with _server(settings) as server:
            if settings.user:
                server.login(settings.user, _secret(settings.password_env, environ))
            refused = server.send_message(mail)
    except (OSError, smtplib.SMTPException) as problem:
        raise SendError(
            f"邮件服务器 {where}：{problem}；消息留在发件箱，稍后重发",
            f"mail server {where}: {problem}; the message stays queued",
        ) from problem
    if refused:
        some = "、".join(refused)
        raise SendError(
            f"邮件服务器 {where}：不收 {some}；其余收件人已收到",
            f"mail server {where} refused {some}; the others have it",
        )
    return f"{where} → {', '.join(to)}"


def _server(settings: OutboxSettings) -> smtplib.SMTP:
    if settings.security == "tls":
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(settings.host, settings.port, timeout=settings.timeout, context=context)
    server = smtplib.SMTP(settings.host, settings.port, timeout=settings.timeout)
    if settings.security == "starttls":
        try:
            server.starttls(context=ssl.create_default_context())
        except BaseException:
            server.close()
            raise
    return server


def _post(message: Outgoing, settings: OutboxSettings, environ: Mapping[str, str]) -> str:
    parts = urlsplit(settings.url)
    headers = {"Content-Type": "application/json; charset=utf-8"}
    if settings.token_env:
        headers["Authorization"] = f"Bearer {_secret(settings.token_env, environ)}"
    make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    host = parts.hostname or ""
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection = make(host, parts.port, timeout=settings.timeout)
    try:
        connection.request("POST", path, orjson.dumps(message.document()), headers)
        answer = connection.getresponse()
        answer.read(4096)
    except (OSError, http.client.HTTPException, ValueError) as problem:
        raise SendError(
            f"网址 {host}：{problem or type(problem).__name__}；消息留在发件箱，稍后重发",
            f"web hook {host}: {problem or type(problem).__name__}; the message stays queued",
        ) from problem
    finally:
        connection.close()
    if answer.status not in _ACCEPTED:  # a redirect too: the message goes to what is configured
        raise SendError(
            f"网址 {host}：对方答复 {answer.status} {answer.reason}；消息留在发件箱，稍后重发",
            f"web hook {host}: it answered {answer.status} {answer.reason}; the message stays queued",
        )
    return host


NOT_SENT: Final = "演习，未发送"


MESSAGE_STATUS: Final[Mapping[str, Text]] = {
    "queued": Text("待发送", "Queued"),
    "failed": Text("发送失败，待重发", "Failed, to be sent again"),
    "sent": Text("已发送", "Sent"),
    "drill": Text(NOT_SENT, "Drill, not sent"),
}


_IN_FOLDER: Final = Text("已写入文件夹，待人转发", "In the folder, to be passed on by a person")


def status_words(status: str, channel: str) -> Text:
    """Return where a message stands, in words: what lies in a folder has reached nobody yet."""
    return _IN_FOLDER if status == "sent" and channel == "file" else MESSAGE_STATUS[status]


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
    def words(self) -> Text:
        """The status in words."""
        return status_words(self.status, self.channel)

    @property
    def waits(self) -> bool:
        """Whether it has not left and may be tried again."""
        return self.status in _OPEN


def way_out(ws: Workspace) -> Text:
    """Return where messages of a workspace go, for those who write them."""
    settings = ws.config.outbox
    if settings.kind == "smtp":
        return Text(f"经邮件服务器 {settings.host} 发出", f"They leave as mail, by {settings.host}")
    if settings.kind == "webhook":
        host = urlsplit(settings.url).hostname
        return Text(f"经接口 {host} 发出", f"They leave by the web hook {host}")
    return Text(
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
        raise RiskmapError(
            f"消息：内容为空，未写入；请用 {option('text')} 写明",
            f"message: it has no text; give {option('text', 'en')}",
        )
    new = prepared(ws, scenario, entry)
    body: dict[str, Any] = {"text": entry.text.strip(), "subject": subject.strip(), "status": "queued"}
    if entry.contact is not None:
        callee = _callee(ws, new.layer, new.code, entry.contact)
        body |= {"contact": callee.place, "role": callee.contact.role, "to": mask_name(callee.contact.name)}
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
    ws: Workspace,
    scenario: RecordedScenario,
    first: Event,
    *,
    by: Actor,
    why: str,
    environ: Mapping[str, str],
) -> dict[str, Any]:
    """Return what an attempt came to: status, channel, and place or reason."""
    settings = ws.config.outbox
    channel = {"channel": settings.kind}
    try:
        person = None
        if "contact" in first.body:
            role = first.body.get("role")
            person = _callee(ws, first.layer, first.code, first.body["contact"], role=role).contact
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


def _outgoing(ws: Workspace, scenario: RecordedScenario, first: Event, person: Contact | None) -> Outgoing:
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
        formerly=formerly(ws, first.subdistrict),
    )


def formerly(ws: Workspace, subdistrict: str | None) -> tuple[str, ...]:
    """Return what a sub-district was called before: its addresses may still stand under that name."""
    return tuple(old for old, new in ws.former_names()["subdistrict"].items() if new == subdistrict)


def _callee(
    ws: Workspace, layer: str | None, code: str | None, number: int, *, role: object = None
) -> Callee:
    """Return the person of a record by role, else by number; SendError where there is none."""
    if layer is None or code is None:
        raise SendError(
            f"写了第几位联系人，却没有写记录；请用 {option('record')}",
            f"a contact without a record; give {option('record', 'en')}",
        )
    records, duty = one_feature(ws, layer, code, contacts=True).records, duty_for_calls(ws, utc_now())
    street = records.subdistrict[0]
    desk = None if duty is None else duty.called(street if isinstance(street, str) else None)[0]
    people = (records.contacts or (None,))[0] or ()
    callees = in_order(people, ws.catalog.layer(layer), desk)
    found = [c for c in callees if (c.contact.role == role if role else c.number == number)]
    if not found and isinstance(role, str) and role.startswith(ON_DUTY):
        raise SendError(
            f"{layer} › {code}：收消息的值班人员已经交班；请重新发给现在值班的人",
            f"{layer} › {code}: the shift that it was written to is over; write to who is on duty now",
        )
    if not found:
        raise SendError(
            f"{layer} › {code}：没有第 {number} 位联系人", f"{layer} › {code}: there is no contact {number}"
        )
    return next((c for c in found if role and c.place == number), found[0])
