"""What a layer is: the frozen values that a `layers/*.toml` file becomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from riskmap.catalog.plan import Plan
from riskmap.catalog.triggers import Trigger
from riskmap.errors import Say

GeometryKind = Literal["point", "line", "polygon"]
FieldType = Literal["text", "integer", "number", "boolean", "choice", "date"]
Symbol = Literal["circle", "triangle", "square", "diamond", "drop", "house", "hexagon", "pentagon"]

# Roles that every layer has, whatever its file says. Header aliases for each come from
# catalog/common.toml and are extended by [aliases] in the layer's file.
CORE_ROLES = (
    "code",
    "name",
    "subdistrict",
    "longitude",
    "latitude",
    "position",  # both coordinates in one cell
    "easting",
    "northing",
    "version",  # record version carried by a file that riskmap exported
)


@dataclass(frozen=True, slots=True)
class Choice:
    """One allowed value of a choice field; `id` is what the ledger stores."""

    id: str
    title: Say
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a layer.

    `unit` is the unit the ledger stores (metres, persons…), empty where there is none. `minimum`
    and `maximum` are inclusive limits in that unit; a value outside rejects its row.
    `standard_values` is the closed list a method publishes (LEC's L, E, C); another value inside
    the limits is accepted with a warning. `open` on a choice keeps a word that is not in the list,
    with a warning, instead of rejecting its row. `personal` marks personal data (masked).
    """

    id: str
    title: Say
    type: FieldType
    aliases: tuple[str, ...] = ()
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    standard_values: tuple[float, ...] = ()
    choices: tuple[Choice, ...] = ()
    open: bool = False
    personal: bool = False
    help: Say = field(default_factory=lambda: Say("", ""))


@dataclass(frozen=True, slots=True)
class ChecklistItem:
    """One item of a checklist (十个有)."""

    id: str
    title: Say
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Checklist:
    """An ordered checklist; a record stores one of true, false, null per item."""

    title: Say
    items: tuple[ChecklistItem, ...]


@dataclass(frozen=True, slots=True)
class ContactRole:
    """One role a responsible person fills (四个联系人, 管控责任人). Aliases match headers."""

    id: str
    title: Say
    name_aliases: tuple[str, ...] = ()
    phone_aliases: tuple[str, ...] = ()
    post_aliases: tuple[str, ...] = ()
    verified_aliases: tuple[str, ...] = ()  # date of last verification


@dataclass(frozen=True, slots=True)
class Style:
    """How the map draws a layer: a symbol shape (colour is the tier's) and its place in lists."""

    symbol: Symbol = "circle"
    order: int = 0


@dataclass(frozen=True, slots=True)
class Layer:
    """Everything riskmap knows about one layer. Immutable; read from one TOML file."""

    id: str
    title: Say
    geometry: GeometryKind
    model: str
    fields: tuple[Field, ...]
    aliases: Mapping[str, tuple[str, ...]]  # core role → header aliases
    checklist: Checklist | None = None
    contacts: tuple[ContactRole, ...] = ()
    stale_after_days: int = 365
    style: Style = Style()
    source: str = ""
    plan: Plan | None = None
    triggers: tuple[Trigger, ...] = ()  # what raises a tier for a while, or closes a record

    def field(self, field_id: str) -> Field:
        """Return the field with this id; KeyError when the layer has none."""
        for candidate in self.fields:
            if candidate.id == field_id:
                return candidate
        raise KeyError(field_id)

    @property
    def field_ids(self) -> tuple[str, ...]:
        """Ids of all fields, in file order."""
        return tuple(f.id for f in self.fields)
