"""Persons: what a person answers for, and a number that changes wherever the person has it.

A person is a name with a phone. A name alone, or a number alone, joins strangers: districts have many of one name,
and one duty room answers for many. So nothing here is found or changed by less than both, and whoever has no number
is told from others of the name by sub-district and post.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import orjson
import sqlalchemy as sa

from riskmap.catalog.layer import Layer
from riskmap.errors import LedgerError
from riskmap.ledger import schema as s
from riskmap.ledger.assessments import read_results
from riskmap.ledger.columns import CONTACTS_OF_REVISION, Known, held_at, read_contacts, read_known
from riskmap.ledger.revisions import NextRevision, open_changeset, write_next
from riskmap.ledger.store import Store
from riskmap.rules.cell import phone_key
from riskmap.values.records import Contact
from riskmap.vocabulary import UNRATED


@dataclass(frozen=True, slots=True)
class Person:
    """Who is meant: `name` as it is written, `phone` None for somebody without one."""

    name: str
    phone: str | None

    @property
    def key(self) -> tuple[str, str]:
        """What tells persons apart: two ways of writing one number are one."""
        return self.name.strip(), phone_key(self.phone)


@dataclass(frozen=True, slots=True)
class Held:
    """A record that a person answers for, in the role of `contact`; `rank` a place in `vocabulary.RANKS`."""

    layer: str
    code: str
    name: str | None
    subdistrict: str | None
    contact: Contact
    rank: int = UNRATED


@dataclass(frozen=True, slots=True)
class NewNumber:
    """Another number of a person, as the rules judged it; `verified_on`: the day on which it was checked, if it was."""

    person: Person
    phone: str
    verified_on: str | None = None


def _needle(value: str) -> str:
    """Return what a stored text contains where this value is a part of it, or of a list of names."""
    return orjson.dumps(value.strip()).decode()[1:-1]


def held_by(
    connection: sa.Connection, name: str | None, phone: str | None = None, *, at: int | None = None
) -> list[Held]:
    """Return what those of a name, of a number, or of both answer for, now or after changeset `at`.

    Of active records, by layer and code; a record comes once for each role. One look through the stored texts: no
    index holds personal data.
    """
    f, r, people = s.feature, s.revision, s.contact_set
    joined_by = r.c.id == f.c.revision_id if at is None else sa.and_(r.c.feature_id == f.c.id, held_at(r, at))
    sought = _needle(name) if name is not None else phone_key(phone)[-4:]
    query = (
        sa.select(f.c.id, f.c.layer, f.c.code, r.c.name, r.c.subdistrict, people.c.people)
        .select_from(f.join(r, joined_by).join(people, CONTACTS_OF_REVISION))
        .where(r.c.retired.is_(None), sa.func.instr(people.c.people, sought) > 0)
        .order_by(f.c.layer, f.c.code)
    )
    wanted = None if phone is None else phone_key(phone)
    found: dict[int, list[Held]] = {}
    for number, layer, code, called, subdistrict, text in connection.execute(query):
        for one in read_contacts(text):
            if name is not None and (one.name or "").strip() != name.strip():
                continue
            if wanted is None or phone_key(one.phone) == wanted:
                found.setdefault(number, []).append(Held(layer, code, called, subdistrict, one))
    ranks = _ranks(connection, {number: ones[0].layer for number, ones in found.items()}, at)
    return [replace(one, rank=ranks.get(number, UNRATED)) for number, ones in found.items() for one in ones]


def _ranks(connection: sa.Connection, records: Mapping[int, str], at: int | None) -> dict[int, int]:
    ranks: dict[int, int] = {}
    for layer in dict.fromkeys(records.values()):
        ids = np.array([number for number, of in records.items() if of == layer], np.int64)
        found = read_results(connection, layer, ids, at=at)
        ranks |= dict(zip(ids.tolist(), found.rank.tolist(), strict=True))
    return ranks


def registered(
    connection: sa.Connection,
    layer: Layer,
    name: str | None,
    phone: str | None = None,
    *,
    at: int | None = None,
) -> list[str]:
    """Return the codes of those of a name, of a number, or of both in the register of persons."""
    f, r = s.feature, s.revision
    by_name, by_phone = layer.field_by_role("person"), layer.field_by_role("phone")
    if by_name is None or (name is None and by_phone is None):
        return []
    joined_by = r.c.id == f.c.revision_id if at is None else sa.and_(r.c.feature_id == f.c.id, held_at(r, at))
    sought = _needle(name) if name is not None else phone_key(phone)[-4:]
    query = (
        sa.select(f.c.code, r.c.body)
        .select_from(f.join(r, joined_by))
        .where(f.c.layer == layer.id, r.c.retired.is_(None), sa.func.instr(r.c.body, sought) > 0)
        .order_by(f.c.code)
    )
    found: list[str] = []
    for code, text in connection.execute(query):
        body: dict[str, Any] = orjson.loads(text)
        theirs = None if by_phone is None else body.get(by_phone.id)
        if name is not None and str(body.get(by_name.id) or "").strip() != name.strip():
            continue
        if phone is None or phone_key(theirs) == phone_key(phone):
            found.append(code)
    return found


def persons_layer(layers: Mapping[str, Layer]) -> Layer | None:
    """Return the register of persons, None where there is none or it knows no numbers."""
    found = next((layer for layer in layers.values() if layer.role == "persons"), None)
    return found if found and found.field_by_role("person") and found.field_by_role("phone") else None


def numbers_of(
    layer: Layer | None, known: Known, drafts: Sequence[tuple[int, NextRevision]]
) -> list[NewNumber]:
    """Return the numbers that rows of the register of persons change: row of `known`, its next revision.

    A draft loses the day on which its old number was checked, unless another is stated with the new one. Where the
    name changes with the number another person has come: that says nothing of the one who left.
    """
    if layer is None or layer.role != "persons":
        return []
    name, phone = layer.field_by_role("person"), layer.field_by_role("phone")
    checked = layer.field_by_role("phone_verified")
    if name is None or phone is None:
        return []
    found: list[NewNumber] = []
    for at, draft in drafts:
        before = known.body(at)
        who, old, new = before.get(name.id), before.get(phone.id), draft.values.get(phone.id)
        if phone_key(old) == phone_key(new):
            continue
        day = None if checked is None else draft.values.get(checked.id)
        if checked is not None and day is not None and day == before.get(checked.id):
            day = draft.values.pop(checked.id, None) and None
        if isinstance(who, str) and draft.values.get(name.id) == who and old and new:
            found.append(NewNumber(Person(who, str(old)), str(new), None if day is None else str(day)))
    return found


def following(
    connection: sa.Connection,
    layers: Mapping[str, Layer],
    numbers: Sequence[NewNumber],
    *,
    but: Collection[tuple[str, str]] = (),
) -> Iterator[NextRevision]:
    """Yield the next revision of every record that still has the old number of a person.

    Contacts in any role of any layer, and rows of the register of persons. `but`: records, layer and code, that
    the caller writes itself. LedgerError where one person is given two numbers at once.
    """
    told: dict[tuple[str, str], NewNumber] = {}
    for one in numbers:
        other = told.setdefault(one.person.key, one)
        if phone_key(other.phone) != phone_key(one.phone):
            raise LedgerError(
                f"{one.person.name[0]}*：同一个人写了两个不同的新号码，未写入；请只写一个",
                f"{one.person.name[0]}*: two new numbers are stated for one person, nothing was written; state one",
            )
    touched: dict[str, set[str]] = {}
    register = persons_layer(layers)
    for one in told.values():
        for held in held_by(connection, one.person.name, one.person.phone):
            touched.setdefault(held.layer, set()).add(held.code)
        if register is not None:
            listed = registered(connection, register, one.person.name, one.person.phone)
            touched.setdefault(register.id, set()).update(listed)
    for layer, codes in touched.items():
        codes -= {code for of, code in but if of == layer}
        if codes:
            definition = layers.get(layer)
            known = read_known(connection, layer, codes=codes, contacts=True, definition=definition)
            yield from _renumbered(known, layer, definition, told)


def _renumbered(
    known: Known, layer: str, definition: Layer | None, told: Mapping[tuple[str, str], NewNumber]
) -> Iterator[NextRevision]:
    register = definition if definition is not None and definition.role == "persons" else None
    name = register and register.field_by_role("person")
    phone = register and register.field_by_role("phone")
    checked = register and register.field_by_role("phone_verified")
    for at in range(len(known)):
        draft = NextRevision.after(known, at, layer=layer, op="update")
        people = known.contacts[at] if known.contacts else ()
        after = renumbered(people, told)
        if after != people:
            draft.contacts = after
        if name and phone:
            who = Person(str(draft.values.get(name.id) or ""), str(draft.values.get(phone.id) or "") or None)
            if (new := told.get(who.key)) is not None:
                draft.values[phone.id] = new.phone
                if checked:
                    draft.values.pop(checked.id, None)
                    draft.values |= {} if new.verified_on is None else {checked.id: new.verified_on}
        yield draft


def renumbered(people: tuple[Contact, ...], told: Mapping[tuple[str, str], NewNumber]) -> tuple[Contact, ...]:
    """Return contacts with the new numbers of those who got one; the day of a check goes with the number checked."""
    return tuple(
        replace(one, phone=told[key].phone, verified_on=told[key].verified_on)
        if one.name and (key := Person(one.name, one.phone).key) in told
        else one
        for one in people
    )


def change_number(store: Store, number: NewNumber, *, by: str, why: str) -> int | None:
    """Change the number of a person in every record that has it, as one changeset; None where nobody has it."""
    with store.writing() as connection:
        drafts = list(following(connection, store.layers, [number]))
        if not drafts:
            return None
        counts = {"updated": len(drafts)}
        changeset = open_changeset(connection, store, by=by, why=why, kind="edit", counts=counts)
        write_next(connection, drafts, changeset, store.layers)
    return changeset
