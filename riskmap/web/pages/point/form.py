"""The form of one record: an input for every field by its type, read back as what is stated and judged by the rules."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from riskmap.catalog import Layer, ScoringModel
from riskmap.catalog.layer import ITEM_PARTS, ContactRole, Field
from riskmap.catalog.model import CHECKLIST_PREFIX
from riskmap.rules.cell import PERSON_BREAK, TEXT_CHARS
from riskmap.rules.judge import Judged, rules_of
from riskmap.rules.masks import mask_contacts, mask_value
from riskmap.rules.people import as_cells
from riskmap.values.boundaries import Boundaries
from riskmap.values.records import CLEAR, Contact, Features
from riskmap.web.frame.shell import section
from riskmap.web.frame.state import lang, say, workspace
from riskmap.web.widgets.signing import notice
from riskmap.web.widgets.wording import with_unit

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

_COLUMNS: Final = 3


_MARKS: Final = (None, True, False)


_PARTS: Final = {"name": "name", "phone": "phone", "post": "post", "verified_on": "verified"}


@dataclass(frozen=True, slots=True)
class FormStart:
    """A record as it was when its form was opened; personal data masked.

    `stated` maps name, subdistrict, position, checklist, contacts and field ids to values.
    `version` 0 stands for a record that does not exist yet; `origin`: LAYER:CODE of the one that it reports on.
    """

    layer: Layer
    code: str
    version: int
    stated: Mapping[str, Any]
    origin: str = ""

    @property
    def key(self) -> str:
        """What the inputs of this form are known by."""
        return f"form-{self.layer.id}-{self.code or self.origin}-{self.version}"


@dataclass(frozen=True, slots=True)
class Filled:
    """What a form states, and what the rules of the layer make of it."""

    stated: Mapping[str, Any]
    judged: Judged

    @property
    def changes(self) -> Mapping[str, Any]:
        """What is stated and says something."""
        return {key: value for key, value in self.stated.items() if key in self.judged.values}


def open_record(layer: Layer, features: Features) -> FormStart:
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
    return FormStart(layer, records.code[0], int(features.version[0]), stated)


def field_groups(layer: Layer, model: ScoringModel | None) -> list[tuple[str, list[Field]]]:
    """Return (key of a title, fields): what the score needs, what the direct rules read, the rest."""
    stated = layer.plain_fields
    scored = [f for f in stated if model and f.id in model.fields]
    ruled = [f for f in stated if model and f.id in model.rule_fields and f not in scored]
    rest = [f for f in stated if f not in scored and f not in ruled]
    groups = [("group_scored", scored), ("group_rules", ruled), ("group_rest", rest)]
    return [(title, fields) for title, fields in groups if fields]


def draw_form(
    opened: FormStart,
    model: ScoringModel | None,
    places: Boundaries | None,
    *,
    before: Features | None = None,
    position: Any = None,
) -> Filled:
    """Draw every input of a record and return what they state now, judged; what is said stands beside its input.

    `before`: the record as the ledger holds it. `position`: what is stated of it above the form (`place`),
    where what is said of it stands, too.
    """
    form = _Form(opened, places.names if places else (), position)
    section(say("group_identity"))
    form.identity()
    kept = () if opened.layer.flow is None else opened.layer.flow.kept  # only moves change these
    for title, fields in field_groups(opened.layer, model):
        section(say(title))
        form.fields([field for field in fields if field.id not in kept])
    form.checklist()
    form.contacts()
    return form.filled(before, places)


def draw_fields(opened: FormStart, fields: Sequence[Field], *, before: Features | None = None) -> Filled:
    """Draw the inputs of some fields and return what they state, judged; what is said stands beside its input."""
    form = _Form(opened, (), None)
    form.fields(fields)
    return form.filled(before, None)


class _Form:
    def __init__(self, opened: FormStart, subdistricts: Sequence[str], position: Any) -> None:
        self._opened = opened
        self._subdistricts = subdistricts
        self._stated: dict[str, Any] = {} if position is None else {"position": position}
        self._beside: dict[str, Any] = {}  # target → where its findings are shown

    def filled(self, before: Features | None, places: Boundaries | None) -> Filled:
        """Judge what is stated; show what is said of it."""
        rules = rules_of(self._opened.layer, self._subdistricts, workspace().region)
        judged = rules.record(self._stated, before=before, places=places)
        for target, finding in judged.findings:
            if target == "position":
                continue
            line = say(
                "form_finding", title=rules.title(target).text(lang()), text=finding.message.text(lang())
            )
            notice(finding.severity, line, self._beside.get(target, st))
        return Filled(self._stated, judged)

    def identity(self) -> None:
        """Name and sub-district."""
        name, subdistrict = st.columns([2, 1])
        self._text(name, "name", say("key_name"), self._before("name") or "")
        self._choice_of_subdistrict(subdistrict)

    def fields(self, fields: Sequence[Field]) -> None:
        """Inputs of some fields, three to a row."""
        for start in range(0, len(fields), _COLUMNS):
            for place, field in zip(st.columns(_COLUMNS), fields[start : start + _COLUMNS], strict=False):
                self._field(place, field)

    def checklist(self) -> None:
        """One choice of three for each item; behind it when, by whom and until when it was verified."""
        checklist = self._opened.layer.checklist
        if checklist is None:
            return
        section(checklist.title.text(lang()))
        before = self._before("checklist") or ()
        stated: list[Any] = []
        fields = {field.id: field for field in self._opened.layer.fields if field.item}
        for i, item in enumerate(checklist.items):
            known = before[i] if i < len(before) else None
            place, *places = st.columns(len(ITEM_PARTS) + 1)
            mark = self._mark(place, f"checklist-{i}", item.title.text(lang()), known)
            stated.append(None if mark == known else _or_clear(mark))
            for place, part in zip(places, ITEM_PARTS, strict=True):
                self._field(place, fields[f"{CHECKLIST_PREFIX}{item.id}.{part}"])
        if any(mark is not None for mark in stated):
            self._stated["checklist"] = tuple(stated)

    def contacts(self) -> None:
        """Name, phone, post and date of each role; a text left alone, masked or not, states nothing.

        Several persons of one role stand in one input, as in a cell; what is stated of one of them names them all.
        """
        roles = self._opened.layer.contacts
        if not roles:
            return
        section(say("group_contacts"))
        known = as_cells(self._before("contacts") or ())
        people = [self._person(role, known.get(role.id, Contact(role.id))) for role in roles]
        if stated := tuple(person for person in people if person != Contact(person.role)):
            self._stated["contacts"] = stated

    def _person(self, role: ContactRole, old: Contact) -> Contact:
        parts: list[str | None] = []
        for place, (part, target) in zip(st.columns(4), _PARTS.items(), strict=True):
            before = getattr(old, part) or ""
            label = f"{role.title.text(lang())} · {say(f'contact_{part}')}"
            hint = say("date_hint") if part == "verified_on" else ""
            typed = self._input(place, f"contact-{role.id}-{part}", label, before, hint=hint)
            parts.append(None if typed == before else typed or CLEAR.value)
            if parts[-1]:
                self._beside[f"contact:{role.id}:{target}"] = place
        if parts[0] is None and any(parts) and PERSON_BREAK.search(old.name or ""):
            parts[0] = old.name
        return Contact(role.id, *parts)

    def _state(self, place: DeltaGenerator, key: str, value: Any) -> None:
        """Note what an input states; an emptied one erases."""
        self._stated[key] = _or_clear(value)
        self._beside[key] = place

    def _before(self, key: str) -> Any:
        return self._opened.stated.get(key)

    def _input(
        self, place: DeltaGenerator, key: str, label: str, value: str, *, hint: str = "", note: str = ""
    ) -> str:
        typed = place.text_input(
            label,
            value=value,
            key=f"{self._opened.key}-{key}",
            placeholder=hint or say("not_filled"),
            help=note or None,
            max_chars=TEXT_CHARS,
        )
        return (typed or "").strip()

    def _text(
        self, place: DeltaGenerator, key: str, label: str, before: str, *, hint: str = "", note: str = ""
    ) -> None:
        typed = self._input(place, key, label, before, hint=hint, note=note)
        if typed != before.strip():
            self._state(place, key, typed)

    def _mark(self, place: DeltaGenerator, key: str, label: str, known: bool | None) -> bool | None:  # noqa: FBT001 - its value
        words = {None: say("not_filled"), True: say("yes"), False: say("no")}
        return place.selectbox(
            label,
            _MARKS,
            index=_MARKS.index(known),
            format_func=lambda mark: words[mark],
            key=f"{self._opened.key}-{key}",
        )

    def _choice_of_subdistrict(self, place: DeltaGenerator) -> None:
        before = self._before("subdistrict")
        if not self._subdistricts:
            self._text(place, "subdistrict", say("key_subdistrict"), before or "")
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
            self._state(place, "subdistrict", chosen)

    def _field(self, place: DeltaGenerator, field: Field) -> None:
        title, before = field.title.text(lang()), self._before(field.id)
        if field.type == "boolean":
            chosen = self._mark(place, field.id, title, before if isinstance(before, bool) else None)
            if chosen != before:
                self._state(place, field.id, chosen)
        elif field.type == "choice":
            self._choice(place, field, before)
        else:
            number = field.type in {"number", "integer"}
            label = with_unit(title, field)
            typed = number_as_typed(before) if number else str(before or "")
            hint = say("date_hint") if field.type == "date" else ""
            self._text(place, field.id, label, typed, hint=hint, note=_note(field))

    def _choice(self, place: DeltaGenerator, field: Field, before: Any) -> None:
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
            self._state(place, field.id, chosen)


def _or_clear(value: Any) -> Any:
    return CLEAR if value is None or value == "" else value


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
