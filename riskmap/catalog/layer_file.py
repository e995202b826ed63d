"""A layer's TOML file → `Layer`. The file is the author's; every check is here or in layer_checks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from pydantic import Field as Key

from riskmap.catalog.headers import distinct, normalise_header
from riskmap.catalog.layer import (
    CORE_ROLES,
    Checklist,
    ChecklistItem,
    Choice,
    ContactRole,
    Field,
    FieldType,
    GeometryKind,
    Layer,
    Style,
    Symbol,
)
from riskmap.catalog.layer_checks import check_layer, claims
from riskmap.catalog.plan_part import PlanPart, plan_problems
from riskmap.catalog.problems import Items, Part, Slug, TitlePart, TomlFile, Words, read_text
from riskmap.catalog.trigger_checks import trigger_problems
from riskmap.catalog.triggers_part import TriggerPart
from riskmap.errors import CatalogError, Say

# A note behind a role's title, such as （默认，可改）, is no part of a column's header.
_REMARK = re.compile(r"\s*[(（][^()（）]*[)）]$")
_COMMON = Path(__file__).with_name("common.toml")


class ChoicePart(Part):
    """One allowed value of a choice field."""

    id: Slug
    title: TitlePart
    aliases: Items[Words] = ()


class FieldPart(Part):
    """One `[[fields]]` table."""

    id: Slug
    title: TitlePart
    type: FieldType
    aliases: Items[Words] = ()
    unit: str = ""
    min: float | None = None
    max: float | None = None
    standard_values: Items[float] = ()
    choices: Items[ChoicePart] = ()
    open: bool = False
    personal: bool = False
    help: TitlePart | None = None


class ItemPart(Part):
    """One item of a checklist."""

    id: Slug
    title: TitlePart
    aliases: Items[Words] = ()


class ChecklistPart(Part):
    """The `[checklist]` table."""

    title: TitlePart
    items: Items[ItemPart] = Key(min_length=1)


class ContactPart(Part):
    """One `[[contacts]]` table: headers of the name, phone, post and verification columns."""

    id: Slug
    title: TitlePart
    name: Items[Words] = ()
    phone: Items[Words] = ()
    post: Items[Words] = ()
    verified: Items[Words] = ()


class StylePart(Part):
    """The `[style]` table."""

    symbol: Symbol = "circle"
    order: int = 0


class LayerPart(Part):
    """A whole layer file."""

    id: Slug
    title: TitlePart
    geometry: GeometryKind
    model: Slug
    stale_after_days: int = Key(default=365, ge=1)
    source: str = ""
    style: StylePart = StylePart()
    aliases: Mapping[str, Items[Words]] = Key(default_factory=dict[str, tuple[str, ...]])
    fields: Items[FieldPart] = ()
    checklist: ChecklistPart | None = None
    contacts: Items[ContactPart] = ()
    plan: PlanPart | None = None
    triggers: Items[TriggerPart] = ()


class CommonPart(Part):
    """common.toml: what every layer has."""

    aliases: Mapping[str, Items[Words]]
    fields: Items[FieldPart]


def read_layer(text: str, file: str) -> Layer:
    """Return the layer that a TOML text describes; raise CatalogError with every mistake of it.

    `file` is how the messages call the file.
    """
    source = TomlFile.parse(text, file)
    part, problems = source.check(LayerPart)
    problems += [*check_layer(source, common_source()), *plan_problems(source, common_source())]
    layer = None if part is None else _layer(source, part, _common())
    if part is not None and layer is not None:
        problems += trigger_problems(layer, part.triggers, source)
    if layer is None or problems:
        raise CatalogError(tuple(sorted(dict.fromkeys(problems), key=lambda p: p.line or 0)))
    return layer


@cache
def common_source() -> TomlFile:
    """Return common.toml as it was parsed."""
    return TomlFile.parse(read_text(_COMMON, _COMMON.name), _COMMON.name)


@cache
def _common() -> CommonPart:
    part, problems = common_source().check(CommonPart)
    if part is None:
        raise CatalogError(tuple(problems))
    return part


def _layer(source: TomlFile, part: LayerPart, common: CommonPart) -> Layer:
    # The layer's file wins over what all layers share: a header it claims is taken from the others.
    owners = {normalise_header(word): target for target, word, _ in claims(source)}
    own = {f.id for f in part.fields}
    shared = [
        f.model_copy(update={"aliases": tuple(_left_for(f.id, f.aliases, owners))})
        for f in common.fields
        if f.id not in own
    ]
    return Layer(
        id=part.id,
        title=part.title.say(),
        geometry=part.geometry,
        model=part.model,
        fields=tuple(_field(f, part.aliases.get(f.id, ())) for f in (*part.fields, *shared)),
        aliases={
            role: distinct(
                [*_left_for(role, common.aliases.get(role, ()), owners), *part.aliases.get(role, ())]
            )
            for role in CORE_ROLES
        },
        checklist=_checklist(part.checklist) if part.checklist else None,
        contacts=tuple(_contact(c, owners) for c in part.contacts),
        stale_after_days=part.stale_after_days,
        style=Style(part.style.symbol, part.style.order),
        source=part.source,
        plan=part.plan.value() if part.plan else None,
        triggers=tuple(one.value() for one in part.triggers),
    )


def _left_for(target: str, words: Iterable[str], owners: Mapping[str, str]) -> list[str]:
    """Return the words that the layer's file has not given to another target."""
    return [w for w in words if owners.get(normalise_header(w), target) == target]


def _field(part: FieldPart, more: Iterable[str]) -> Field:
    return Field(
        id=part.id,
        title=part.title.say(),
        type=part.type,
        aliases=_words(part.title, part.id, [*part.aliases, *more]),
        unit=part.unit,
        minimum=part.min,
        maximum=part.max,
        standard_values=tuple(part.standard_values),
        choices=tuple(Choice(c.id, c.title.say(), _words(c.title, c.id, c.aliases)) for c in part.choices),
        open=part.open,
        personal=part.personal,
        help=part.help.say() if part.help else Say("", ""),
    )


def _checklist(part: ChecklistPart) -> Checklist:
    return Checklist(
        part.title.say(),
        tuple(ChecklistItem(i.id, i.title.say(), _words(i.title, i.id, i.aliases)) for i in part.items),
    )


def _words(title: TitlePart, name: str, aliases: Iterable[str]) -> tuple[str, ...]:
    """Titles and the id match too: what riskmap writes into a header it reads back."""
    return distinct([title.zh, *aliases, title.en, name])


def _contact(part: ContactPart, owners: Mapping[str, str]) -> ContactRole:
    """Derive the usual headers from the role's title; what riskmap writes stands first."""
    zh, en = part.title.zh, part.title.en
    stem = _REMARK.sub("", zh) or zh

    def headers(column: str, *words: str) -> tuple[str, ...]:
        return distinct(_left_for(f"contacts.{part.id}.{column}", words, owners))

    return ContactRole(
        part.id,
        part.title.say(),
        headers("name", stem, f"{stem}姓名", zh, *part.name, en, f"{en} name"),
        headers(
            "phone", *(stem + w for w in ("电话", "联系电话", "手机", "手机号码")), *part.phone, f"{en} phone"
        ),
        headers("post", *(stem + w for w in ("职务", "职位")), *part.post, f"{en} post"),
        headers(
            "verified", *(stem + w for w in ("核实日期", "核验日期")), *part.verified, f"{en} verified on"
        ),
    )
