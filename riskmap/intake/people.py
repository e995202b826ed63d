"""Responsible persons from their columns: one contact per role that names anybody."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from riskmap.catalog.layer import ContactRole
from riskmap.records import Contact

# 张三 13800138000, 张三（13800138000）: a phone number in the name's cell.
_NAME_AND_PHONE = re.compile(
    r"^(?P<name>\D{1,20}?)[\s:：,，;；/、(（]*(?P<phone>(?:\+?86[- ]?)?1\d{10}|0\d{2,3}-?\d{7,8})[)）]?$"
)


def contacts_of(
    roles: Sequence[ContactRole], columns: Mapping[tuple[str, str], list[Any]], count: int
) -> list[tuple[Contact, ...]]:
    """Return every row's contacts, in the order of the layer's roles.

    `columns`: (role, name|phone|post|verified) → column. A role without a name, phone or post in a
    row has no contact there.
    """
    empty: list[Any] = [None] * count
    found: list[list[Contact]] = [[] for _ in range(count)]
    for role in roles:
        names, phones, posts, verified = (
            columns.get((role.id, piece), empty) for piece in ("name", "phone", "post", "verified")
        )
        if names is phones is posts is empty:
            continue
        for row, (name, phone, post, date) in enumerate(zip(names, phones, posts, verified, strict=True)):
            if name is None and phone is None and post is None:
                continue
            person, number = _split(name, phone)
            found[row].append(Contact(role.id, person, number, post, date))
    return [tuple(people) for people in found]


def _split(name: str | None, phone: str | None) -> tuple[str | None, str | None]:
    if phone is None and name is not None and (match := _NAME_AND_PHONE.match(name)):
        return match["name"].strip(), match["phone"]
    return name, phone
