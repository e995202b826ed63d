"""How values, changes and moments of the ledger read on a page: titles, units, words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from riskmap.catalog import Layer
from riskmap.catalog.layer import Field
from riskmap.errors import Lang
from riskmap.texts import field_title, keys, shown, t
from riskmap.units import unit_title
from riskmap.values.attachments import read_files
from riskmap.values.records import CLEAR, Contact
from riskmap.web.frame.state import lang, say

CORE_KEYS: Final = ("code", "name", "subdistrict", "position", "shape", "checklist", "contacts", "retired")


_DIGEST: Final = 12  # hex digits that a person is shown


_DEGREE_DIGITS: Final = 7


def key_title(layer: Layer, key: str) -> str:
    """Return the title of what a change speaks of: a core column, a field or a checklist item."""
    return say(f"key_{key}") if key in CORE_KEYS else field_title(layer, key, lang())


def with_unit(title: str, field: Field | None) -> str:
    """Return the label of an input: its title, with the unit of the field where it has one."""
    if field is None or not field.unit:
        return title
    return say("label_unit", title=title, unit=unit_title(field.unit).text(lang()))


def value_text(layer: Layer, key: str, value: Any) -> str:
    """Return a value of the ledger as people read it; nothing stated is a dash."""
    if value is CLEAR or value is None or value in ("", ()):
        return "—"
    if key == "position":
        return f"{value[0]:.{_DEGREE_DIGITS}f}, {value[1]:.{_DEGREE_DIGITS}f}"
    if key == "checklist":
        return checklist_text(layer, value)
    if key == "contacts":
        return contacts_text(layer, value)
    if key in CORE_KEYS:
        return str(value)
    if layer.file_field(key) is not None:
        return "\n".join(f"{name} ({digest[:_DIGEST]})" for digest, name in read_files(value)) or "—"
    try:
        return shown(layer.field(key), value, lang())
    except KeyError:
        return plain_value(value)


def plain_value(value: Any) -> str:
    """Return a value whose field is not known to the layer."""
    if isinstance(value, bool):
        return say("yes" if value else "no")
    if isinstance(value, float):
        return f"{value:,.6g}"
    return "—" if value is None else str(value)


def checklist_text(layer: Layer, marks: Sequence[bool | None]) -> str:
    """Return the items of a checklist that are stated, each with yes or no."""
    if layer.checklist is None:
        return "—"
    pairs = zip(layer.checklist.items, marks, strict=False)
    listed = [
        f"{item.title.text(lang())} {say('yes' if mark else 'no')}"
        for item, mark in pairs
        if mark is not None
    ]
    return say("list_separator").join(listed) or "—"


def contacts_text(layer: Layer, people: Sequence[Contact]) -> str:
    """Return contacts in one line: role, name, phone, post."""
    titles = {role.id: role.title.text(lang()) for role in layer.contacts}
    return say("list_separator").join(
        " ".join(part for part in (titles.get(c.role, c.role), c.name, c.phone, c.post) if part)
        for c in people
    )


def changes_text(layer: Layer, changes: Mapping[str, Sequence[Any]]) -> str:
    """Return what changed, one line each: title: before → after."""
    return "\n".join(
        say(
            "change_line",
            title=key_title(layer, key),
            before=value_text(layer, key, pair[0]),
            after=value_text(layer, key, pair[1]),
        )
        for key, pair in changes.items()
    )


def moment(iso: str) -> str:
    """Return a timestamp of the ledger as local date and time."""
    try:
        return f"{datetime.fromisoformat(iso).astimezone():%Y-%m-%d %H:%M}"
    except ValueError:
        return iso


def day(iso: str) -> str:
    """Return the local date of a timestamp of the ledger."""
    return moment(iso)[:10]


@lru_cache(maxsize=256)
def _has(key: str) -> bool:
    return key in keys(key)


def word(prefix: str, code: str, language: Lang | None = None) -> str:
    """Return our word for a code of the program (a kind of change, a rule), never the code itself."""
    key = f"{prefix}_{code}"
    return t(key if _has(key) else f"{prefix}_other", language or lang())


def number_text(value: float | None) -> str:
    """Return a score as it is compared: no trailing noughts."""
    return "" if value is None else f"{value:,.6g}"
