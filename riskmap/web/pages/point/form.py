"""The form of one record: an input for every field by its type, read back as changes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import streamlit as st

from riskmap.catalog import Layer, ScoringModel
from riskmap.catalog.layer import Field
from riskmap.coordinates import parse_angle, parse_datum, to_cgcs2000
from riskmap.errors import DatumError
from riskmap.rules.masks import mask_contacts, mask_value
from riskmap.rules.vocabulary import parse_date
from riskmap.units import parse_quantity, unit_title
from riskmap.values.records import Contact, Features
from riskmap.web.frame.shell import section
from riskmap.web.frame.state import lang, say

DATUMS: Final = ("cgcs2000", "wgs84", "gcj02", "bd09", "EPSG:4547")


_COLUMNS: Final = 3


_LONGEST: Final = 2000


_MARKS: Final = (None, True, False)


@dataclass(frozen=True, slots=True)
class Opened:
    """A record as it was when its form was opened; personal data masked.

    `stated` maps name, subdistrict, position, checklist, contacts and field ids to values.
    `version` 0 stands for a record that does not exist yet.
    """

    layer: Layer
    code: str
    version: int
    stated: Mapping[str, Any]

    @property
    def key(self) -> str:
        """What the inputs of this form are known by."""
        return f"form-{self.layer.id}-{self.code}-{self.version}"


@dataclass(frozen=True, slots=True)
class Filled:
    """What a form says: `changes` to the opened record, and what cannot be understood."""

    changes: Mapping[str, Any]
    problems: tuple[str, ...]


def open_record(layer: Layer, features: Features) -> Opened:
    """Return the one record of `features` as its form shows it."""
    records = features.records
    personal = {f.id for f in layer.fields if f.personal}
    stated: dict[str, Any] = {
        "name": records.name[0],
        "subdistrict": records.subdistrict[0],
        "checklist": records.checklist[0] if records.checklist is not None else None,
        "contacts": mask_contacts(records.contacts[0] if records.contacts else None) or (),
    }
    lon, lat = float(records.lon[0]), float(records.lat[0])
    stated["position"] = (lon, lat) if math.isfinite(lon) and math.isfinite(lat) else None
    for key, column in records.values.items():
        stated[key] = mask_value(column[0]) if key in personal and column[0] is not None else column[0]
    return Opened(layer, records.code[0], int(features.version[0]), stated)


def blank_record(layer: Layer) -> Opened:
    """Return what the form of a new record starts from."""
    return Opened(layer, "", 0, {})


def field_groups(layer: Layer, model: ScoringModel | None) -> list[tuple[str, list[Field]]]:
    """Return (key of a title, fields): what the score needs, what the direct rules read, the rest."""
    fields, rules = (model.fields, model.rule_fields) if model else ((), ())
    scored = [f for f in layer.fields if f.id in fields]
    ruled = [f for f in layer.fields if f.id in rules and f not in scored]
    rest = [f for f in layer.fields if f not in scored and f not in ruled]
    groups = [("group_scored", scored), ("group_rules", ruled), ("group_rest", rest)]
    return [(title, fields) for title, fields in groups if fields]


def draw_form(opened: Opened, model: ScoringModel | None, subdistricts: Sequence[str]) -> Filled:
    """Draw every input of a record and return what they say now."""
    form = _Form(opened, subdistricts)
    section(say("group_identity"))
    form.identity()
    for title, fields in field_groups(opened.layer, model):
        section(say(title))
        form.fields(fields)
    form.checklist()
    form.contacts()
    return Filled(form.changes, tuple(form.problems))


class _Form:
    def __init__(self, opened: Opened, subdistricts: Sequence[str]) -> None:
        self._opened = opened
        self._subdistricts = subdistricts
        self.changes: dict[str, Any] = {}
        self.problems: list[str] = []

    def identity(self) -> None:
        """Name, sub-district and position."""
        name, subdistrict = st.columns([2, 1])
        self._text(name, "name", say("key_name"))
        self._choice_of_subdistrict(subdistrict)
        if self._opened.layer.geometry == "point":
            self._position()
        elif self._opened.version:
            st.caption(say("form_shape_note"))

    def fields(self, fields: Sequence[Field]) -> None:
        """Inputs of some fields, three to a row."""
        for start in range(0, len(fields), _COLUMNS):
            for place, field in zip(st.columns(_COLUMNS), fields[start : start + _COLUMNS], strict=False):
                self._field(place, field)

    def checklist(self) -> None:
        """One choice of three for each item."""
        checklist = self._opened.layer.checklist
        if checklist is None:
            return
        section(checklist.title.text(lang()))
        before = self._before("checklist") or ()
        marks: list[bool | None] = []
        for start in range(0, len(checklist.items), _COLUMNS):
            items = checklist.items[start : start + _COLUMNS]
            for i, (place, item) in enumerate(zip(st.columns(_COLUMNS), items, strict=False), start):
                known = before[i] if i < len(before) else None
                marks.append(self._mark(place, f"checklist-{i}", item.title.text(lang()), known))
        if tuple(marks) != (tuple(before) or (None,) * len(marks)):
            self.changes["checklist"] = tuple(marks) if any(m is not None for m in marks) else None

    def contacts(self) -> None:
        """Name, phone, post and date of each role; a masked text left alone means unchanged."""
        roles = self._opened.layer.contacts
        if not roles:
            return
        section(say("group_contacts"))
        known = {c.role: c for c in self._before("contacts") or ()}
        stated: list[Contact] = []
        for role in roles:
            old = known.get(role.id, Contact(role.id))
            places = st.columns(4)
            parts = ("name", "phone", "post", "verified_on")
            filled = [
                self._input(
                    place,
                    f"contact-{role.id}-{part}",
                    f"{role.title.text(lang())} · {say(f'contact_{part}')}",
                    getattr(old, part) or "",
                    hint=say("date_hint") if part == "verified_on" else "",
                )
                or None
                for place, part in zip(places, parts, strict=True)
            ]
            if filled[3] and filled[3] != old.verified_on:
                filled[3] = self._date(f"{role.title.text(lang())} · {say('contact_verified_on')}", filled[3])
            new = Contact(role.id, *filled)
            if new != old:
                stated.append(new)
        if stated:
            self.changes["contacts"] = tuple(stated)

    def _before(self, key: str) -> Any:
        return self._opened.stated.get(key)

    def _input(self, place: Any, key: str, label: str, value: str, *, hint: str = "", note: str = "") -> str:
        typed = place.text_input(
            label,
            value=value,
            key=f"{self._opened.key}-{key}",
            placeholder=hint or say("not_filled"),
            help=note or None,
            max_chars=_LONGEST,
        )
        return (typed or "").strip()

    def _text(self, place: Any, key: str, label: str, note: str = "") -> None:
        before = self._before(key) or ""
        typed = self._input(place, key, label, str(before), note=note)
        if typed != str(before).strip():
            self.changes[key] = typed or None

    def _mark(self, place: Any, key: str, label: str, known: bool | None) -> bool | None:  # noqa: FBT001 - its value
        words = {None: say("not_filled"), True: say("yes"), False: say("no")}
        return place.selectbox(
            label,
            _MARKS,
            index=_MARKS.index(known),
            format_func=lambda mark: words[mark],
            key=f"{self._opened.key}-{key}",
        )

    def _choice_of_subdistrict(self, place: Any) -> None:
        before = self._before("subdistrict")
        if not self._subdistricts:
            self._text(place, "subdistrict", say("key_subdistrict"))
            return
        options: list[str | None] = [None, *self._subdistricts]
        if before not in options:
            options.append(before)
        chosen = place.selectbox(
            say("key_subdistrict"),
            options,
            index=options.index(before),
            format_func=lambda one: one or say("not_filled"),
            key=f"{self._opened.key}-subdistrict",
        )
        if chosen != before:
            self.changes["subdistrict"] = chosen

    def _position(self) -> None:
        before = self._before("position")
        first, second, third = st.columns(_COLUMNS)
        start = ("", "") if before is None else tuple(f"{v:.8f}".rstrip("0") for v in before)
        x = self._input(first, "x", say("form_x"), start[0])
        y = self._input(second, "y", say("form_y"), start[1])
        datum = third.selectbox(
            say("form_datum"),
            DATUMS,
            format_func=lambda one: say(f"datum_{one.lower().replace(':', '')}"),
            key=f"{self._opened.key}-datum",
        )
        if (x, y) == start:  # another datum with the same numbers is no move unless they were typed anew
            if datum != DATUMS[0] and before is not None:
                st.caption(say("form_datum_note"))
            return
        if not x and not y:
            self.changes["position"] = None
            return
        read = [parse_angle(text) for text in (x, y)]
        if None in read:
            self.problems.append(say("form_bad_position", x=x or "—", y=y or "—"))
            return
        self._move(float(read[0] or 0.0), float(read[1] or 0.0), datum)

    def _move(self, x: float, y: float, datum: str) -> None:
        try:
            lon, lat = to_cgcs2000([x], [y], parse_datum(datum))
        except DatumError as problem:
            self.problems.append(problem.text(lang()))
            return
        here = (float(lon[0]), float(lat[0]))
        if not all(math.isfinite(v) for v in here):
            self.problems.append(say("form_bad_position", x=x, y=y))
            return
        self.changes["position"] = here

    def _field(self, place: Any, field: Field) -> None:
        title = field.title.text(lang())
        before = self._before(field.id)
        if field.type == "boolean":
            chosen = self._mark(place, field.id, title, before if isinstance(before, bool) else None)
            if chosen != before:
                self.changes[field.id] = chosen
        elif field.type == "choice":
            self._choice(place, field, before)
        elif field.type in {"number", "integer"}:
            label = f"{title}（{unit_title(field.unit).text(lang())}）" if field.unit else title
            self._typed(place, field, label, number_as_typed(before), lambda text: self._number(field, text))
        elif field.type == "date":
            self._typed(place, field, title, before or "", lambda text: self._date(title, text))
        else:
            self._text(place, field.id, title, field.help.text(lang()))

    def _typed(
        self, place: Any, field: Field, label: str, before: str, read: Callable[[str], float | str | None]
    ) -> None:
        hint = say("date_hint") if field.type == "date" else ""
        typed = self._input(place, field.id, label, before, hint=hint, note=_note(field))
        if typed == before:
            return
        if not typed:
            self.changes[field.id] = None
            return
        value = read(typed)
        if value is not None:
            self.changes[field.id] = value

    def _choice(self, place: Any, field: Field, before: Any) -> None:
        titles = {c.id: c.title.text(lang()) for c in field.choices}
        options: list[Any] = [None, *titles]
        if before not in options:
            options.append(before)
        chosen = place.selectbox(
            field.title.text(lang()),
            options,
            index=options.index(before),
            format_func=lambda one: say("not_filled") if one is None else titles.get(one, str(one)),
            help=field.help.text(lang()) or None,
            key=f"{self._opened.key}-{field.id}",
        )
        if chosen != before:
            self.changes[field.id] = chosen

    def _number(self, field: Field, text: str) -> float | int | None:
        title, value = field.title.text(lang()), parse_quantity(text, field.unit)
        if value is None or not math.isfinite(value):
            self.problems.append(
                say("form_bad_number", title=title, text=text, unit=unit_title(field.unit).text(lang()))
            )
            return None
        low, high = field.minimum, field.maximum
        if (low is not None and value < low) or (high is not None and value > high):
            limits = say("form_limits", low=number_as_typed(low) or "—", high=number_as_typed(high) or "—")
            self.problems.append(say("form_out_of_limits", title=title, text=text, limits=limits))
            return None
        if field.type == "integer":
            if not value.is_integer():
                self.problems.append(say("form_not_whole", title=title, text=text))
                return None
            return int(value)
        return value

    def _date(self, title: str, text: str) -> str | None:
        read = parse_date(text)
        if read is None:
            self.problems.append(say("form_bad_date", title=title, text=text))
            return None
        return read.iso


def number_as_typed(value: Any) -> str:
    """Return a number as a person would type it, without losing a digit."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:  # noqa: PLR2004 - exact as a whole
        return str(int(value))
    return repr(value)


def _note(field: Field) -> str:
    parts = [field.help.text(lang())]
    if field.minimum is not None or field.maximum is not None:
        low, high = number_as_typed(field.minimum) or "—", number_as_typed(field.maximum) or "—"
        parts.append(say("form_limits", low=low, high=high))
    if field.standard_values:
        listed = say("comma").join(number_as_typed(v) for v in field.standard_values)
        parts.append(say("form_standard", values=listed))
    return "\n\n".join(part for part in parts if part)
