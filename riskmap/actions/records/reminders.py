"""Reminders of overdue tickets and of lists that have not come: each goes out once, when a person sends what is due."""

from __future__ import annotations

import datetime as dt
import functools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from riskmap.actions.episode.messages import Outgoing, SendError, formerly, send, status_words
from riskmap.actions.records.handed_in import handed_in
from riskmap.actions.records.scoring import one_feature
from riskmap.actions.records.work import WorkItem, registers, work_list
from riskmap.actions.workspace import Workspace
from riskmap.catalog import Layer
from riskmap.catalog.flow import CONTACT, Reminder
from riskmap.errors import RiskmapError, Text
from riskmap.json_documents import Document
from riskmap.ledger import NewNotice, Notice
from riskmap.ledger.store import stored_moment
from riskmap.moments import local_now
from riskmap.rules.masks import mask_name
from riskmap.rules.moves import flow_of
from riskmap.rules.permissions import Actor, may
from riskmap.values.records import Contact


@dataclass(frozen=True, slots=True)
class Due:
    """A reminder that is due and has not gone out: about a ticket, or a street's list (`code` None).

    `due`: the deadline, or the month; `to`: a contact role, a role, or the street; `mark`: what the ticket is called
    from then on.
    """

    layer: str
    code: str | None
    subdistrict: str | None
    rule: str
    due: str
    to: str
    words: Callable[[], Text]
    mark: Text | None = None

    @property
    def text(self) -> Text:
        """What is said."""
        return self.words()

    @property
    def about(self) -> str:
        """The record, or the street."""
        return f"{self.layer}:{self.code}" if self.code is not None else self.subdistrict or ""

    @property
    def key(self) -> tuple[str, str, str]:
        """What it is told by: it goes out once for each."""
        return self.rule, self.about, self.due


def reminders_due(ws: Workspace, items: Iterable[WorkItem] | None = None) -> list[Due]:
    """Return the reminders that are due and have not gone out, those that failed among them.

    `items`: all that is open, where it was read before.
    """
    sent = {one.key for one in ws.ledger.notices() if one.status == "sent"}
    return [one for one in _all_due(ws, local_now().date(), items) if one.key not in sent]


def _all_due(ws: Workspace, today: dt.date, items: Iterable[WorkItem] | None) -> Iterator[Due]:
    if any(flow_of(layer).reminders for layer in registers(ws)):
        for item in work_list(ws).items if items is None else items:
            yield from _of_ticket(ws.catalog.layer(item.record.layer), item)
    for one in handed_in(ws):
        if one.late(today):
            title = ws.catalog.title(one.layer)
            for street in one.missing:
                text = Text(
                    f"{street}：{one.month} 的“{title.zh}”尚未报送（应于 {one.by} 前），请尽快报送",
                    f"{street}: the list “{title.en}” of {one.month} has not come (it was due by {one.by}); please send it",
                )
                rule = f"{one.layer}:expected"
                yield Due(
                    one.layer, None, street, rule, one.month, "subdistrict", functools.partial(_as_said, text)
                )


def _of_ticket(layer: Layer, item: WorkItem) -> Iterator[Due]:
    one, days = item.record, item.days
    if days is None or one.due is None:
        return
    for reminder in flow_of(layer).reminders:
        if days >= reminder.after_days:
            yield Due(
                layer.id,
                one.code,
                item.subdistrict,
                f"{layer.id}:{reminder.after_days}:{reminder.to}",
                one.due,
                reminder.to,
                functools.partial(_text, layer, item, reminder),
                reminder.mark,
            )


def _as_said(text: Text) -> Text:
    return text


def _text(layer: Layer, item: WorkItem, reminder: Reminder) -> Text:
    one, days = item.record, item.days or 0
    state = flow_of(layer).state(one.state)
    at = Text(one.state, one.state) if state is None else state.title
    zh, en = ("", "") if reminder.mark is None else (f"【{reminder.mark.zh}】", f"[{reminder.mark.en}] ")
    name = " ".join(part for part in (one.code, one.name) if part)
    late = Text(f"已超期 {days} 天", f"{days} days overdue") if days else Text("今天到期", "due today")
    return Text(
        f"{zh}{layer.title.zh} {name}：{at.zh}，期限 {one.due}，{late.zh}，请尽快办理",
        f"{en}{layer.title.en} {name}: {at.en}, due {one.due}, {late.en}; please see to it",
    )


@dataclass(frozen=True, slots=True)
class Sent:
    """Reminders that were tried, as they stand."""

    notices: tuple[Notice, ...]

    @property
    def status(self) -> int:
        """The exit status: 1 where one of them failed."""
        return int(any(one.status != "sent" for one in self.notices))

    def as_json(self) -> Document:
        """Return the document of `riskmap remind --json`."""
        return {"sent": [notice_json(one) for one in self.notices]}


def notice_json(one: Notice) -> Document:
    """Return a reminder that went out, or was tried, as JSON."""
    return {
        "id": one.id,
        "at": one.at,
        "rule": one.rule,
        "about": one.about,
        "due": one.due,
        "to": one.body.get("to"),
        "text": one.body.get("text"),
        "status": one.status,
        "reason": one.outcome.get("reason"),
    }


def due_json(found: Iterable[Due]) -> Document:
    """Return the document of `riskmap remind --dry-run --json`."""
    return {
        "due": [
            {"rule": o.rule, "about": o.about, "due": o.due, "to": o.to, "text": o.text.zh} for o in found
        ]
    }


def words_of(one: Notice) -> Text:
    """Return where a reminder stands, in words."""
    return status_words(one.status, str(one.outcome.get("channel", "")))


def send_reminders(
    ws: Workspace,
    due: Sequence[Due] | None = None,
    *,
    by: Actor,
    why: str,
    environ: Mapping[str, str] | None = None,
) -> Sent:
    """Send the reminders that are due (or some of them) through the outbox; nothing goes out unless this is called.

    Each goes out once for its rule, ticket and deadline (list: street and month), also where two send at once. One that
    failed is tried again by the next call, while it is due.
    """
    may(by, "send")
    chosen = {one.key: one for one in (reminders_due(ws) if due is None else due)}
    new = [NewNotice(*key, _body(ws, one)) for key, one in chosen.items()]
    ours = ws.ledger.claim_notices(new, by=by.name, why=why)
    for notice in ours:
        outcome = _attempt(ws, chosen[notice.key], notice, by=by, why=why, environ=environ or os.environ)
        ws.ledger.settle_notice(notice, outcome, by=by.name, why=why)
    tried = {one.key for one in ours}
    return Sent(tuple(one for one in ws.ledger.notices() if one.key in tried))


def _body(ws: Workspace, one: Due) -> dict[str, Any]:
    person = _person(ws, one)
    to = mask_name(person.name) if person is not None else one.subdistrict or ws.config.district
    return {"text": one.text.zh, "to": to, "role": one.to, "subdistrict": one.subdistrict}


def _person(ws: Workspace, one: Due) -> Contact | None:
    """Return the person of a ticket whom a reminder is for; None where it is for no person, or nobody fills the role."""
    if one.code is None or not one.to.startswith(CONTACT):
        return None
    people = one_feature(ws, one.layer, one.code, contacts=True).records.contacts
    role = one.to.removeprefix(CONTACT)
    return next(
        (c for c in (people[0] if people else None) or () if c.role == role and (c.name or c.phone)), None
    )


def _attempt(
    ws: Workspace, one: Due, notice: Notice, *, by: Actor, why: str, environ: Mapping[str, str]
) -> dict[str, Any]:
    """Return what an attempt came to: status, channel, and place or reason."""
    settings = ws.config.outbox
    channel = {"channel": settings.kind}
    try:
        person = _person(ws, one)
        if one.to.startswith(CONTACT) and (person is None or (not person.phone and settings.kind != "smtp")):
            role = _role(ws.catalog.layer(one.layer), one.to)
            raise SendError(
                f"{one.about}：{role.zh}没有人或没有电话；请补上后重发",
                f"{one.about}: nobody is {role.en}, or without a phone; fill it in and send again",
            )
        if person is not None:
            # Noted first: no number leaves that was not recorded.
            what = f"提醒 {notice.id}：收件人电话，经 {settings.kind}"
            ws.ledger.record_export(by=by.name, why=why, what=what, unmasked=True)
        place = send(_outgoing(ws, one, notice, person), settings, root=ws.root, environ=environ)
    except RiskmapError as problem:
        return {"status": "failed", "reason": problem.text("zh"), "reason_en": problem.text("en"), **channel}
    return {"status": "sent", "place": place, **channel}


def _role(layer: Layer, to: str) -> Text:
    """Return what a contact role is called."""
    role = to.removeprefix(CONTACT)
    return next((one.title for one in layer.contacts if one.id == role), Text(role, role))


def _outgoing(ws: Workspace, one: Due, notice: Notice, person: Contact | None) -> Outgoing:
    subject = f"{ws.config.district} {'提醒' if one.mark is None else one.mark.zh}"
    return Outgoing(
        number=notice.id,
        scenario=0,
        title="",
        at=stored_moment(notice.at),
        subject=f"【演示数据】{subject}" if ws.demo else subject,
        text=str(notice.body["text"]),
        subdistrict=one.subdistrict,
        record=None if one.code is None else one.about,
        name=person.name if person else None,
        phone=person.phone if person else None,
        demo=ws.demo,
        formerly=formerly(ws, one.subdistrict),
    )
