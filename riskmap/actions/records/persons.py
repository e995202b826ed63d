"""Persons: found by code, name or number, with what they answer for; a number that changes once."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from riskmap.actions.records.editing import need_reason, note_unmasked
from riskmap.actions.records.scoring import one_commit
from riskmap.actions.workspace import Workspace
from riskmap.catalog import Layer
from riskmap.errors import Lang, RefusedError, RiskmapError, Text, UnknownNameError
from riskmap.interface import option
from riskmap.json_documents import Document
from riskmap.ledger import Held, NewNumber, Person
from riskmap.moments import last_moment
from riskmap.rules.cell import judge_phone, phone_key
from riskmap.rules.masks import mask_name, mask_phone
from riskmap.rules.permissions import Actor, may
from riskmap.values.records import Features
from riskmap.vocabulary import RANKS

_NUMBER: Final = 7  # digits: what is shorter is no telephone number


_LISTED: Final = 8  # persons that a message names


@dataclass(frozen=True, slots=True)
class PersonFound:
    """One person: `code` in the register of persons, None for somebody who is only a contact.

    `stated`: field → value of the register's row, without personal data. `several`: without a number it may be
    more than one person of the name.
    """

    person: Person
    code: str | None
    subdistrict: str | None
    stated: Mapping[str, str]
    held: tuple[Held, ...]

    @property
    def several(self) -> bool:
        """Whether this may be more than one person: nothing but a name tells it from others."""
        return not self.person.phone

    @property
    def by_layer(self) -> dict[str, int]:
        """How many records of each layer the person answers for."""
        counted: dict[str, set[str]] = {}
        for one in self.held:
            counted.setdefault(one.layer, set()).add(one.code)
        return {layer: len(codes) for layer, codes in counted.items()}

    def masked(self) -> PersonFound:
        """Return the person with name and number masked."""
        name, phone = mask_name(self.person.name) or "", mask_phone(self.person.phone)
        people = (replace(one.contact, name=name, phone=phone) for one in self.held)
        held = tuple(replace(one, contact=who) for one, who in zip(self.held, people, strict=True))
        return replace(self, person=Person(name, phone), held=held)


def find_persons(
    ws: Workspace,
    text: str,
    *,
    by: Actor | None = None,
    why: str = "",
    unmasked: bool = False,
    as_of: dt.date | None = None,
) -> tuple[PersonFound, ...]:
    """Return who is meant by a code of the register of persons, a name or a number, with what they answer for.

    Each person once; those of one name stand side by side. By name or number it asks for the right to see contacts,
    and the ledger first keeps who looked and why; so it does for `unmasked` ones. UnknownNameError for nobody.
    """
    sought = text.strip()
    register = ws.catalog.by_role("persons")
    moment = None if as_of is None else last_moment(as_of)
    if register is not None and len(
        row := ws.ledger.features(register.id, codes=[sought], include_retired=True, as_of=moment)
    ):
        if unmasked:
            note_unmasked(ws, f"{register.title.zh} › {sought}：联系方式", by=by, why=why)
        found = [_of_row(ws, register, row, 0, moment)]
    else:
        note_unmasked(ws, f"责任人 {_masked(sought)}：查找", by=by, why=why)
        found = _candidates(ws, register, sought, moment)
    if not found:
        raise UnknownNameError(
            f"责任人 {_masked(sought)}：没有这个姓名、号码或人员编号；请核对，姓名要写全",
            f"person {_masked(sought)}: no such name, number or code; check it and write the name in full",
        )
    return tuple(one if unmasked else one.masked() for one in found)


def _is_number(text: str) -> bool:
    key = phone_key(text)
    return key.isdigit() and len(key) >= _NUMBER


def _masked(text: str) -> str:
    return (mask_phone(text) if _is_number(text) else mask_name(text)) or ""


def _of_row(
    ws: Workspace, register: Layer, row: Features, at: int, moment: dt.datetime | None
) -> PersonFound:
    """Return the person of one row of the register."""
    values = {key: column[at] for key, column in row.records.values.items()}
    name, phone = (register.field_by_role(role) for role in ("person", "phone"))
    who = Person(
        str((name and values.get(name.id)) or ""), str((phone and values.get(phone.id)) or "").strip() or None
    )
    own = {field.id for field in register.fields if not field.personal}
    stated = {key: str(value) for key, value in values.items() if key in own and value is not None}
    subdistrict = row.records.subdistrict[at]
    held = ws.ledger.held_by(who.name, who.phone, as_of=moment) if who.name and who.phone else []
    return PersonFound(
        who,
        row.records.code[at],
        subdistrict if isinstance(subdistrict, str) else None,
        stated,
        tuple(held),
    )


def _candidates(
    ws: Workspace, register: Layer | None, sought: str, moment: dt.datetime | None
) -> list[PersonFound]:
    """Return those of a name or of a number: first those of the register, then who is only a contact."""
    name, phone = (None, sought) if _is_number(sought) else (sought, None)
    found: list[PersonFound] = []
    if register is not None:
        codes = ws.ledger.registered(register, name, phone, as_of=moment)
        rows = ws.ledger.features(register.id, codes=codes, as_of=moment)
        found = [_of_row(ws, register, rows, at, moment) for at in range(len(rows))]
    known = {one.person.key for one in found if one.person.phone}
    others: dict[tuple[str, ...], list[Held]] = {}
    for held in ws.ledger.held_by(name, phone, as_of=moment):
        who = Person(held.contact.name or "", held.contact.phone)
        if who.key in known:
            continue
        apart = () if who.phone else (held.subdistrict or "", held.contact.post or "")
        others.setdefault((*who.key, *apart), []).append(held)
    for ones in others.values():
        first = ones[0]
        places = {one.subdistrict for one in ones}
        posts = Counter(one.contact.post for one in ones if one.contact.post)
        found.append(
            PersonFound(
                Person((first.contact.name or "").strip(), first.contact.phone),
                None,
                first.subdistrict if len(places) == 1 else None,
                {"post": posts.most_common(1)[0][0] or ""} if posts else {},
                tuple(ones),
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class Renumbered:
    """What a new number changed: layer → how many records, with one changeset; `warnings` of the rules."""

    changeset: int | None
    by_layer: Mapping[str, int]
    warnings: tuple[Text, ...] = ()


def change_number(
    ws: Workspace,
    text: str,
    phone: str,
    *,
    by: Actor,
    why: str,
    old: str | None = None,
    verified_on: str | None = None,
) -> Renumbered:
    """Give a person another number, in every record that has the old one: one changeset, one undo.

    `text`: a code of the register of persons, or a name; `old`: which of those of the name, by the number until now.
    RefusedError where the rules refuse the number, RiskmapError where more than one person may be meant, or where
    somebody never had a number: then it is stated where it is missing.
    """
    may(by, "edit")
    need_reason(why)
    value, finding = judge_phone(phone)
    if not isinstance(value, str) or (finding is not None and finding.severity == "error"):
        said = finding.message if finding else Text("没有写新号码", "no new number is stated")
        raise RefusedError(
            (said,), f"新号码：{said.zh}，未写入", f"new number: {said.en}; nothing was written"
        )
    warnings = () if finding is None else (finding.message,)
    found = list(find_persons(ws, text, by=by, why=why, unmasked=True))
    if old is not None:
        found = [one for one in found if phone_key(one.person.phone) == phone_key(old)]
    keys = {one.person.key for one in found}
    if len(keys) != 1 or not found[0].person.phone:
        raise _which(text, found)
    number = NewNumber(found[0].person, value, verified_on)
    with one_commit(ws, by=by, why=why, rated=True) as action:
        changeset = ws.ledger.change_number(number, by=by.name, why=why)
        by_layer = {layer: len(codes) for layer, codes in action.write.touched().items()}
    return Renumbered(changeset, by_layer, warnings)


def _which(text: str, found: Sequence[PersonFound]) -> RiskmapError:
    """Return why nobody's number is changed: more than one may be meant, or nobody with that number."""
    who = _masked(text)
    listed = "；".join(
        " ".join(
            part
            for part in (
                one.code,
                mask_phone(one.person.phone) or "—",
                one.subdistrict,
                one.stated.get("unit"),
            )
            if part
        )
        for one in found[:_LISTED]
    )
    if not found:
        return UnknownNameError(
            f"责任人 {who}：没有人是这个旧号码，未写入；请先用 riskmap person 查看",
            f"person {who}: nobody has that number, nothing was written; look with riskmap person first",
        )
    if len(found) == 1:
        return RiskmapError(
            f"责任人 {who}：还没有号码，未写入；请在各条记录上补写",
            f"person {who}: has no number yet, nothing was written; state it on the records",
        )
    old = option("old")
    return RiskmapError(
        f"责任人 {who}：有 {len(found)} 人（{listed}），未写入；请写人员编号，或用 {old} 写明旧号码",
        f"person {who}: {len(found)} of them ({listed}), nothing was written; give the code, or the number until now "
        f"with {option('old', 'en')}",
    )


def person_json(ws: Workspace, found: Sequence[PersonFound], *, masked: bool) -> Document:
    """Return the document of `riskmap person --json`."""
    return {
        "count": len(found),
        "masked": masked,
        "persons": [
            {
                "name": one.person.name,
                "phone": one.person.phone,
                "code": one.code,
                "subdistrict": one.subdistrict,
                "fields": dict(one.stated),
                "several": one.several,
                "by_layer": one.by_layer,
                "records": [
                    {
                        "layer": held.layer,
                        "code": held.code,
                        "name": held.name,
                        "subdistrict": held.subdistrict,
                        "role": held.contact.role,
                        "tier": standing_of(ws, held),
                    }
                    for held in one.held
                ],
            }
            for one in found
        ],
    }


def standing_of(ws: Workspace, held: Held) -> str | None:
    """Return the tier or grade of a record that somebody answers for; None where its layer has none."""
    layer = ws.catalog.layers.get(held.layer)
    return None if layer is None or layer.model is None else layer.standing(RANKS[held.rank])


def role_title(ws: Workspace, held: Held, lang: Lang) -> str:
    """Return how people call the role in which somebody answers for a record."""
    layer = ws.catalog.layers.get(held.layer)
    roles = {} if layer is None else {role.id: role.title for role in layer.contacts}
    return roles[held.contact.role].text(lang) if held.contact.role in roles else held.contact.role


def renumbered_text(ws: Workspace, done: Renumbered) -> Text:
    """Return how many records of which layers got the new number, in one sentence."""
    if done.changeset is None:
        return Text("号码没有变化，未写入", "the number is the same; nothing was written")
    titles = [(ws.catalog.title(layer), n) for layer, n in done.by_layer.items()]
    zh = "、".join(f"{title.zh} {n}" for title, n in titles)
    en = ", ".join(f"{title.en} {n}" for title, n in titles)
    n, number = sum(done.by_layer.values()), done.changeset
    return Text(
        f"号码已改 {n} 条（{zh}），变更 {number}；撤销：riskmap undo {number}，写明原因",
        f"number changed in {n} records ({en}), changeset {number}; to take it back: riskmap undo {number} with a reason",
    )
