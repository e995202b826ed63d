"""Responsible persons from their columns: one contact per role that names anybody."""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import reduce
from operator import add
from typing import Any, Final

from riskmap.catalog.layer import ContactRole
from riskmap.values.records import CLEAR, Contact

# 张三 13800138000, 张三（13800138000）: a phone number in the name's cell.
_NAME_AND_PHONE = re.compile(
    r"^(?P<name>\D{1,20}?)[\s:：,，;；/、(（]*(?P<phone>(?:\+?86[- ]?)?1\d{10}|0\d{2,3}-?\d{7,8})[)）]?$"
)


_NOBODY = (None, None, None)


PIECES: Final = ("name", "phone", "post", "verified")


_PHONE_ENDS = frozenset("0123456789)）")


def contacts_of(
    roles: Sequence[ContactRole], columns: Mapping[tuple[str, str], list[Any]], count: int
) -> list[tuple[Contact, ...]]:
    """Return every row's contacts, in the order of the layer's roles.

    `columns`: (role, name|phone|post|verified) → column. A role without a name, phone or post in a
    row has no contact there; a cell that reads 清空 travels as that word.
    """
    with _no_collection():
        return _contacts_of(roles, columns, count)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Hold back Python's cycle collector while many small values are made: none of them can form a cycle."""
    active = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if active:
            gc.enable()


def _contacts_of(
    roles: Sequence[ContactRole], columns: Mapping[tuple[str, str], list[Any]], count: int
) -> list[tuple[Contact, ...]]:
    empty: list[Any] = [None] * count
    by_role: list[list[tuple[Contact, ...]]] = []
    for role in roles:
        names, phones, posts, verified = (columns.get((role.id, piece), empty) for piece in PIECES)
        if names is phones is posts is empty:
            continue
        # One person answers for many records: made once, shared by all of them.
        known: dict[tuple[Any, ...], tuple[Contact, ...]] = {}
        of_role: list[tuple[Contact, ...]] = []
        for cells in zip(names, phones, posts, verified, strict=True):
            people = known.get(cells)
            if people is None:
                people = known[cells] = () if cells[:3] == _NOBODY else (contact_of(role.id, cells),)
            of_role.append(people)
        by_role.append(of_role)
    if not by_role:  # columns that name nobody, only when somebody was asked
        return [()] * count
    return reduce(lambda before, people: list(map(add, before, people)), by_role)


def contact_of(role: str, cells: Sequence[Any]) -> Contact:
    """Return the person of a role from judged cells: name, phone, post, date."""
    name, phone, post, date = (CLEAR.value if cell is CLEAR else cell for cell in cells)
    return Contact(role, *_split(name, phone), post, date)


def _split(name: str | None, phone: str | None) -> tuple[str | None, str | None]:
    match = _NAME_AND_PHONE.match(name) if name is not None and name[-1:] in _PHONE_ENDS else None
    if match and phone in {None, match["phone"]}:
        return match["name"].strip(), match["phone"]
    return name, phone
