"""The ways out: a folder, a mail server, a web hook. Only to what workspace.toml names, secrets from
the environment, no redirect followed, no proxy used.
"""

from __future__ import annotations

import datetime as dt
import http.client
import smtplib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import orjson

from riskmap.duty import beijing
from riskmap.errors import RiskmapError
from riskmap.present.export.atomic import replacing
from riskmap.usecases.duty_settings import OutboxSettings

_ACCEPTED: Final = range(200, 300)


class SendError(RiskmapError):
    """A message that could not be handed over; it stays queued."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message on its way. `phone` and `name` are those of a person, None for a sub-district or all."""

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
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise SendError(
            f"发件箱 {folder}：无法建立文件夹（{problem.strerror}）；请检查权限",
            f"outbox {folder}: the folder cannot be made ({problem.strerror}); check its rights",
        ) from problem
    to = " ".join(x for x in (message.subdistrict, message.record, message.name, message.phone) if x)
    lines = [message.subject, beijing(message.at), to, "", message.text, ""]
    with replacing(folder / f"{name}.json", folder / f"{name}.txt") as (document, paper):
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
    addresses = [*settings.recipients, *settings.subdistricts.get(message.subdistrict or "", ())]
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
