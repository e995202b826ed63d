"""Personal data on the way out: 张* and 138****0000; and how to know them when they come back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from riskmap.values.records import CLEAR, Contact

_LONG_NUMBER = 8


_SHORT_NUMBER = 5


_CLEAR_WORD = str(CLEAR.value)


# Letters, digits and what stands in a name or a number; anything else is text with a star in it.
_MASKED = re.compile(r"[\w·+\-() *＊]+")


def is_masked(text: object) -> bool:
    """Tell whether a name or a number was masked, by us or by others: 张*, 张＊三, 138****0000."""
    return isinstance(text, str) and ("*" in text or "＊" in text) and bool(_MASKED.fullmatch(text))


def is_nothing(text: object) -> bool:
    """Tell whether a part of a new contact has nothing to keep: a mask, or the word that erases."""
    return text == _CLEAR_WORD or is_masked(text)


def rows_with(
    contacts: Sequence[Sequence[Contact] | None], rows: Iterable[int], holds: Callable[[Contact], bool]
) -> Iterator[int]:
    """Yield the rows with a person for whom `holds`; each person is asked once, many rows share one."""
    some = list(rows)
    persons = {id(person): person for i in some for person in contacts[i] or ()}  # hashing one costs more
    found = {key for key, person in persons.items() if holds(person)}
    if found:
        yield from (i for i in some if any(id(person) in found for person in contacts[i] or ()))


def has_mask(person: Contact) -> bool:
    """Tell whether a person's name or number is masked."""
    return is_masked(person.name) or is_masked(person.phone)


def has_nothing(person: Contact) -> bool:
    """Tell whether a part of a person has nothing to keep."""
    return is_nothing(person.name) or is_nothing(person.phone) or is_nothing(person.post)


def mask_name(name: str | None) -> str | None:
    """Return a person's name with everything but the first character hidden: 张三丰 → 张*."""
    return name if not name or is_masked(name) else f"{name[0]}*"


def mask_phone(phone: str | None) -> str | None:
    """Return a phone number with its middle hidden: 13800000000 → 138****0000."""
    if not phone or is_masked(phone):
        return phone
    if len(phone) >= _LONG_NUMBER:
        return f"{phone[:3]}****{phone[-4:]}"
    return f"{phone[0]}****" if len(phone) < _SHORT_NUMBER else f"{phone[0]}****{phone[-2:]}"


def mask_contacts(contacts: Sequence[Contact] | None) -> tuple[Contact, ...] | None:
    """Return contacts with name and phone masked; post and role say nothing personal."""
    if contacts is None:
        return None
    return tuple(
        Contact(c.role, mask_name(c.name), mask_phone(c.phone), c.post, c.verified_on) for c in contacts
    )


def without_masks(contacts: Sequence[Contact]) -> tuple[Contact, ...]:
    """Return contacts without masked or erased parts, and without those of whom nothing is left."""
    bare = (
        Contact(
            c.role,
            None if is_nothing(c.name) else c.name,
            None if is_nothing(c.phone) else c.phone,
            None if is_nothing(c.post) else c.post,
            None if is_nothing(c.verified_on) else c.verified_on,
        )
        for c in contacts
    )
    return tuple(c for c in bare if c != Contact(c.role))


def mask_value(value: object) -> object:
    """Return the value of a personal field, masked: a number as a phone, other text as a name."""
    if not isinstance(value, str):
        return None if value is None else "*"
    digits = sum(c.isdigit() for c in value)
    return mask_phone(value) if digits * 2 > len(value) else mask_name(value)


def is_nan(value: Any) -> bool:
    """Tell whether a value is the float that is not a number."""
    return isinstance(value, float) and value != value  # noqa: PLR0124
