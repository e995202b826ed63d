"""Several persons in one role: a cell that names them, the contacts it means, and the cell they make again.

The first named is the first called. What is stated of the role once, a post or the day of a check, is the first one's: it
is never passed on to the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from riskmap.errors import Text
from riskmap.rules import vocabulary
from riskmap.rules.cell import PERSON_BREAK, Finding
from riskmap.rules.masks import is_masked, mask_name, mask_phone
from riskmap.values.records import CLEAR, Contact

_AND: Final = "、"


_NONE: Final = "无"


_BRACKETS: Final = re.compile(r"[()（）\[\]【】]")


_LETTER: Final = re.compile(r"\w")


# 张三 13800138000, 张三（13800138000）: a phone number in the name's cell.
_NAME_AND_PHONE = re.compile(
    r"^(?P<name>\D{1,20}?)[\s:：,，;；/、(（]*(?P<phone>(?:\+?86[- ]?)?1\d{10}|0\d{2,3}-?\d{7,8})[)）]?$"
)


_PHONE_ENDS = frozenset("0123456789)）")


def people_of(contact: Contact) -> tuple[tuple[Contact, ...], Finding | None]:
    """Return the persons whom the cells of one role mean, in their order, and what is to be said of it.

    Numbers go to names in order; who has none is named in the warning. Where there are more numbers than names, or a
    name that is no list of names, it stays one contact as it stands.
    """
    name, phone = contact.name, contact.phone
    if name is None or name == CLEAR.value or not PERSON_BREAK.search(name):
        return (_alone(contact),), None
    names = [part.strip() for part in PERSON_BREAK.split(name) if part.strip()]
    alone = _alone(contact)
    if len(names) < 2 or alone.name != name or not all(map(_LETTER.search, names)):  # noqa: PLR2004 - several; a name with its number is one person
        return (alone,), None
    inside = [_alone(Contact(contact.role, one)) for one in names]
    if phone is None and all(one.phone for one in inside):
        numbers = [one.phone for one in inside]
        names = [one.name or "" for one in inside]
    elif _BRACKETS.search(name) or any(re.search(r"\d", one) for one in names):
        return (contact,), _kept_as_one(len(names), 0)
    else:
        numbers = [] if phone in {None, CLEAR.value} else _listed(phone)
    count = len(names)
    if len(numbers) > count:
        return (contact,), _kept_as_one(count, len(numbers))
    posts, days = _each(contact.post, count), _each(contact.verified_on, count)
    given: list[str | None] = [*numbers, *[None] * (count - len(numbers))]
    if phone == CLEAR.value:
        given = [phone] * count
    people = tuple(
        Contact(contact.role, None if one in vocabulary.NOBODY else one, number, post, day)
        for one, number, post, day in zip(names, given, posts, days, strict=True)
    )
    short = bool(numbers) and len(numbers) < count
    return people, _without_number(names, len(numbers)) if short else None


def _alone(contact: Contact) -> Contact:
    """Return one person, with the number that stands in the cell of the name."""
    name, phone = contact.name, contact.phone
    match = _NAME_AND_PHONE.match(name) if name is not None and name[-1:] in _PHONE_ENDS else None
    if match and phone in {None, match["phone"]}:
        return replace(contact, name=match["name"].strip(), phone=match["phone"])
    return contact


def _listed(text: str | None) -> list[str | None]:
    parts = [part.strip() for part in PERSON_BREAK.split(text or "")]
    while parts and not parts[-1]:
        parts.pop()
    return [None if not part or part in vocabulary.NOBODY else part for part in parts]


def _each(text: str | None, count: int) -> list[str | None]:
    """Return a post or a day for each of several persons: theirs where as many are stated, else the first one's."""
    if text == CLEAR.value:
        return [text] * count
    stated = _listed(text)
    return stated if len(stated) == count else [text, *[None] * (count - 1)]


def _kept_as_one(names: int, numbers: int) -> Finding:
    zh = f"一格有 {names} 人、{numbers} 个号码" if numbers else f"一格像有 {names} 人"
    en = f"{names} persons and {numbers} numbers" if numbers else f"what may be {names} persons"
    return Finding(
        "several_people",
        "warning",
        Text(
            f"{zh}，分不清谁是谁，作为一个联系人原样保存；请写成“张三、李四”，号码同样顺序",
            f"the cell holds {en}, which cannot be told apart; kept as one contact as it stands: write 张三、李四, "
            "and the numbers in the same order",
        ),
    )


def _without_number(names: Sequence[str], numbers: int) -> Finding:
    left = [(i, mask_name(one)) for i, one in enumerate(names[numbers:], numbers + 1)]
    zh = "、".join(f"第 {i} 人 {one}" for i, one in left)
    en = ", ".join(f"person {i} {one}" for i, one in left)
    return Finding(
        "several_people",
        "warning",
        Text(
            f"一格有 {len(names)} 人、{numbers} 个号码，号码按顺序分给各人；{zh} 没有号码，请补写（中间缺的写“无”）",
            f"the cell holds {len(names)} persons and {numbers} numbers, given to them in order; {en} has none, state it "
            "(无 where one in the middle has none)",
        ),
    )


def by_role(contacts: Iterable[Contact]) -> dict[str, tuple[Contact, ...]]:
    """Return role → who fills it, in their order."""
    found: dict[str, tuple[Contact, ...]] = {}
    for one in contacts:
        found[one.role] = (*found.get(one.role, ()), one)
    return found


def as_cells(contacts: Iterable[Contact]) -> dict[str, Contact]:
    """Return role → one contact whose parts list those of all who fill it, as `people_of` reads them again."""
    return {
        role: people[0]
        if len(people) == 1
        else Contact(
            role,
            *(
                _joined([getattr(one, part) for one in people])
                for part in ("name", "phone", "post", "verified_on")
            ),
        )
        for role, people in by_role(contacts).items()
    }


def _joined(parts: Sequence[str | None]) -> str | None:
    return _AND.join(part or _NONE for part in parts) if any(parts) else None


def pairs(stated: Sequence[Contact], known: Sequence[Contact]) -> Iterator[tuple[Contact, Contact | None]]:
    """Yield what is stated of each person of one role with the contact that it speaks of, None for a new one.

    One person and one contact are a pair, whatever the name: the post has changed hands. Of several, those who stand in
    the same place under the same name, or a masked one, are; else the name tells.
    """
    if len(stated) == 1 and len(known) <= 1:
        yield stated[0], known[0] if known else None
        return
    if len(stated) == len(known) and all(map(_may_be, stated, known)):
        yield from zip(stated, known, strict=True)
        return
    left = list(known)
    for one in stated:
        old = left[0] if one.name is None and left else next((k for k in left if _may_be(one, k)), None)
        if old is not None:
            left.remove(old)
        yield one, old


def _may_be(stated: Contact, known: Contact) -> bool:
    return stated.name in {None, CLEAR.value, known.name} or (
        is_masked(stated.name) and mask_name(known.name) == stated.name
    )


def masked_from_nothing(stated: Sequence[Contact] | None, known: Sequence[Contact]) -> tuple[str, ...]:
    """Return the roles whose masked name or phone has nothing in the ledger to be unchanged from."""
    old = by_role(known)
    return tuple(
        role
        for role, people in by_role(stated or ()).items()
        if any(
            (is_masked(one.name) and not (was and was.name))
            or (is_masked(one.phone) and not (was and was.phone))
            for one, was in pairs(people, old.get(role, ()))
        )
    )


def masked_otherwise(stated: Sequence[Contact] | None, known: Sequence[Contact]) -> tuple[str, ...]:
    """Return the roles whose masked name or phone is not what the ledger's own looks like when masked."""
    old = by_role(known)
    return tuple(
        role
        for role, people in by_role(stated or ()).items()
        if any(
            was is not None
            and (
                (is_masked(one.name) and was.name and mask_name(was.name) != one.name)
                or (is_masked(one.phone) and was.phone and mask_phone(was.phone) != one.phone)
            )
            for one, was in pairs(people, old.get(role, ()))
        )
    )
