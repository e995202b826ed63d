"""What a layer is: the frozen values that a `layers/*.toml` file states, key by key.

What no file has to say is added by `Layer.complete`: what every layer has, and the usual headers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Literal, Self

from pydantic import Field as Key

from riskmap.catalog.flow import STATE, Flow, Law
from riskmap.catalog.headers import distinct, normalise_header
from riskmap.catalog.model import CHECKLIST_PREFIX, UNTIL, Condition
from riskmap.catalog.plan import RecordPlan
from riskmap.catalog.problems import Items, Part, Slug, Title, Words
from riskmap.catalog.roles import EARLIER, Counts, FieldRole, LayerRole
from riskmap.catalog.series import Series
from riskmap.catalog.triggers import Trigger
from riskmap.errors import Text
from riskmap.vocabulary import GRADES

# none: records (or rows of a table) without a place; inherit: the place of the first record that they name.
GeometryKind = Literal["point", "line", "polygon", "none", "inherit"]


# record: the code of a record that it names; moment: to the minute, or a day where no hour is stated; file: attached.
FieldType = Literal["text", "integer", "number", "boolean", "choice", "date", "moment", "record", "file"]


MediaKind = Literal["image", "pdf", "docx", "xlsx"]  # image: jpg, png, webp


Symbol = Literal["circle", "triangle", "square", "diamond", "drop", "house", "hexagon", "pentagon"]


# Roles that every layer has, whatever its file says. Header aliases for each come from
# catalog/common.toml and are extended by [aliases] in the layer's file.
POSITION_ROLES = ("longitude", "latitude", "position", "easting", "northing")  # position: both in one cell


CORE_ROLES = (
    "code",
    "name",
    "subdistrict",
    *POSITION_ROLES,
    "version",  # record version carried by a file that riskmap exported
)


Owners = Mapping[str, str]  # header, as it is compared → what the layer's file gives it to


# A note behind a role's title, such as （默认，可改）, is no part of a column's header.
_REMARK = re.compile(r"\s*[(（][^()（）]*[)）]$")


class Named(Part):
    """Something of a layer with an id, a title and the headers or words that name it in other files."""

    id: Slug
    title: Title
    aliases: Items[Words] = ()

    def complete(self, more: Iterable[str] = ()) -> Self:
        """Return it with titles and id among its aliases: what riskmap writes into a header it reads back."""
        words = (self.title.zh, *self.aliases, *more, self.title.en, self.id)
        return self.model_copy(update={"aliases": distinct(words)})


class Choice(Named):
    """One allowed value of a choice field; `id` is what the ledger stores."""


class Kinds(Part):
    """Which layers are meant: those that count as this, have this role, or have a flow or a checklist (or none)."""

    counts: Counts | None = None
    role: LayerRole | None = None
    flow: bool | None = None
    checklist: bool | None = None

    def takes(self, layer: Layer) -> bool:
        """Tell whether a layer is one of them."""
        return (
            self.flow in {None, layer.flow is not None}
            and self.checklist in {None, layer.checklist is not None}
            and self.counts in {None, layer.counts}
            and self.role in {None, layer.role}
        )


class Field(Named):
    """One of [[fields]], a column of a layer.

    `unit` is the unit the ledger stores (metres, persons…), empty where there is none. `minimum`
    and `maximum` are inclusive limits in that unit; a value outside rejects its row.
    `standard_values` is the closed list a method publishes (LEC's L, E, C); another value inside
    the limits is accepted with a warning. `open` on a choice keeps a word that is not in the list,
    with a warning, instead of rejecting its row. `personal` marks personal data (masked). `role` is
    what the program knows the field by, whatever its id. `of`: the layers that a record may be of, by id or by what
    they are. `several`: a cell may hold more than one choice or record; they are kept as one text, a line each
    (`pieces`); a record may have more than one file. `media`: what may be attached, anything where none is named.
    `derived`: worked out of other records (a rollup), and stated by nobody.

    Of a table alone: `required`: every row states it. `unit_required`: header or cell names the unit;
    `unit_from`: the field in which each row names it. `hours`: a header may say how many hours a value
    covers (6小时雨量). `trace`: words for less than can be measured, read as 0. `sentinels`: numbers that
    services write for "not measured", refused; `missing`: those that are known to mean it. `zone`: of
    moments whose header and cell name none.
    """

    type: FieldType
    role: FieldRole | None = None
    unit: str = ""
    minimum: float | None = Key(default=None, validation_alias="min")
    maximum: float | None = Key(default=None, validation_alias="max")
    standard_values: Items[float] = ()
    choices: Items[Choice] = ()
    open: bool = False
    personal: bool = False
    help: Title = Text("", "")
    of: Items[Slug] | Kinds | None = None
    several: bool = False
    derived: bool = False
    media: Items[MediaKind] = ()
    required: bool = False
    unit_required: bool = False
    unit_from: Slug = ""
    hours: bool = False
    trace: Items[Words] = ()
    sentinels: Items[float] = ()
    missing: Items[float] = ()
    zone: Literal["required", "beijing", "utc"] = "required"

    @property
    def item(self) -> str:
        """The item of the checklist of which it tells when, by whom and until when it was verified; "" of any other."""
        return self.id.split(".")[1] if self.id.startswith(CHECKLIST_PREFIX) else ""

    def complete(self, more: Iterable[str] = ()) -> Self:
        """Return the field and its choices with their titles and ids among their aliases."""
        choices = tuple(choice.complete() for choice in self.choices)
        return super().complete(more).model_copy(update={"choices": choices})


def pieces(value: str) -> list[str]:
    """Return the choices or records that a value of a field with `several` holds."""
    return value.split("\n")


class BelongsTo(Part):
    """The record that each record of a layer hangs on: a firm of its findings, a warehouse of its stock."""

    layer: Slug
    field: Slug
    title: Title = Text("所属", "Belongs to")
    aliases: Items[Words] = ()

    def as_field(self) -> Field:
        """Return the field that names it."""
        return Field(id=self.field, title=self.title, aliases=self.aliases, type="record", of=(self.layer,))


class Term(Part):
    """What a rollup adds or takes away: `sum`, a number of those that name the record in their field `by`."""

    by: Slug
    sum: Slug


class Rollup(Part):
    """One of [[rollups]]: a field of a record worked out of those that name it.

    `of`: the layer of these, `by`: the field in which they name it, `where`: the conditions that they meet. One of
    `count`, of a field of theirs `sum`, `min` or `max` (a number, or a date), and a balance of `plus` and `minus`.

    A balance begins with `start`, a number of the record itself, and adds up what came since the day `since`, a field
    of the record too: all that is not known to have happened before. The moment of theirs says when that was.
    """

    id: Slug
    title: Title
    of: Slug
    by: Slug = ""
    where: Items[Condition] = ()
    count: bool = False
    sum: Slug = ""
    min: Slug = ""
    max: Slug = ""
    plus: Term | None = None
    minus: Term | None = None
    start: Slug = ""
    since: Slug = ""

    @property
    def source(self) -> str:
        """The field of theirs that is summed or compared, "" where they are counted."""
        term = self.plus or self.minus
        return self.sum or self.min or self.max or ("" if term is None else term.sum)

    @property
    def terms(self) -> tuple[tuple[int, Term], ...]:
        """What a balance adds up, each with its sign; () of any other."""
        stated = ((1, self.plus), (-1, self.minus))
        return tuple((sign, term) for sign, term in stated if term is not None)

    @property
    def reads(self) -> tuple[str, ...]:
        """The fields of theirs that it looks at; of a balance their moment beside these."""
        summed = [term.sum for _, term in self.terms] or [self.source] * bool(self.source)
        return tuple(dict.fromkeys((*summed, *(c.field for c in self.where))))

    def as_field(self, source: Field | None) -> Field:
        """Return the field that it is; `source`: the one that is summed or compared."""
        kind = "integer" if source is None else source.type if self.min or self.max else "number"
        unit = source.unit if source is not None else ""
        return Field(id=self.id, title=self.title, type=kind, unit=unit, derived=True).complete()


class Nearby(Part):
    """One of `nearest`: what a record's page tells as closest to it, the closest pump or team.

    `of`: the layers that are looked in, by id or by what they are; those that the workspace does not have hold nothing.
    `where`: the conditions that are met, `show`: the field that is told with it.
    """

    title: Title
    of: Items[Slug] | Kinds
    where: Items[Condition] = ()
    show: Slug = ""

    def layers_among(self, layers: Mapping[str, Layer]) -> tuple[str, ...]:
        """Return the layers that are looked in, of those there are, that have every field asked for."""
        of, asked = self.of, {one.field for one in self.where}
        named = [one for one in layers.values() if (one.id in of if isinstance(of, tuple) else of.takes(one))]
        return tuple(one.id for one in named if asked <= set(one.field_ids))


class Making(Part):
    """One of [[makes]]: the record of another layer that a record of this one makes, "make a record of this".

    `layer`: of what is made, `field`: the field in which that names what it is made of, `copy`: its field → the field
    of this layer (or code, name, subdistrict, position) that it takes over.
    """

    id: Slug
    title: Title
    layer: Slug
    field: Slug
    copy_: Mapping[Slug, Slug] = Key(default_factory=dict[str, str], validation_alias="copy")


class RecordKey(Part):
    """Where codes come from: a column (code), prefix, year and number (serial), the parent's code and number (child).

    `same`: the fields by which a row without a code is the record that has the same values: the k-th such row is
    the k-th such record. Where it is not stated, all fields.
    """

    kind: Literal["code", "serial", "child"] = "code"
    prefix: str = ""
    same: Items[Slug] = ()


class ChecklistItem(Named):
    """One item of a checklist (十个有)."""

    def facts(self, owners: Owners) -> tuple[Field, ...]:
        """Return what is told of the item beside its mark: three columns, and the field of its files.

        Each goes by the item's own words with a word behind them: 有对讲机核实日期, 有对讲机有效期. A header that the
        layer's file gives to something else stays with that.
        """
        found: list[Field] = []
        for part, (kind, title, zh, en) in _ITEM_FACTS.items():
            stems = (_stem(self.title.zh), *self.aliases)
            words = (
                *(stem + tail for stem in stems for tail in zh),
                *(f"{_stem(self.title.en)} {tail}" for tail in en),
            )
            key = f"{CHECKLIST_PREFIX}{self.id}" + (f".{part}" if part else "")
            named = Text(f"{_stem(self.title.zh)}{title.zh}", f"{_stem(self.title.en)} {title.en}")
            plain = Field(id="fact", title=named, type=kind, personal=part == "verified_by", several=not part)
            aliases = distinct(_left_for(key, (named.zh, *words, named.en, key), owners))
            found.append(plain.model_copy(update={"id": key, "aliases": aliases}))
        return tuple(found)


_ITEM_FACTS: Mapping[str, tuple[FieldType, Text, tuple[str, ...], tuple[str, ...]]] = {
    "verified_on": ("date", Text("核实日期", "verified on"), ("核实日期", "核验日期", "核查日期"), ()),
    "verified_by": ("text", Text("核实人", "verified by"), ("核实人", "核验人", "核查人"), ()),
    UNTIL: (
        "date",
        Text("有效期至", "valid until"),
        ("有效期至", "有效期", "到期日期", "到期日"),
        ("expires on",),
    ),
    "": ("file", Text("佐证", "evidence"), ("佐证", "照片", "佐证材料"), ("files",)),
}
"""Part of the id → type, title and more words behind the item's own, of what is told of an item of a checklist."""


ITEM_PARTS = tuple(part for part in _ITEM_FACTS if part)
"""What is told of an item in columns; its files go by checklist.ITEM alone."""


def _stem(title: str) -> str:
    """Return a title without the note behind it."""
    return _REMARK.sub("", title) or title


STATE_TITLE = Text("状态", "State")
"""How the state of a flow is called, in every register."""


def state_field(flow: Flow) -> Field:
    """Return the choice field that holds the state of a flow."""
    choices = (Choice(id=one.id, title=one.title, aliases=one.aliases) for one in flow.states)
    return Field(id=STATE, title=STATE_TITLE, type="choice", choices=tuple(choices))


class Checklist(Part):
    """An ordered checklist; a record stores one of true, false, null per item."""

    title: Title
    items: Items[ChecklistItem] = Key(min_length=1)


class ContactRole(Part):
    """One of [[contacts]], a role that a responsible person fills (四个联系人, 管控责任人).

    Aliases match headers; `verified_aliases` those of the date of the last verification.
    """

    id: Slug
    title: Title
    name_aliases: Items[Words] = Key(default=(), validation_alias="name")
    phone_aliases: Items[Words] = Key(default=(), validation_alias="phone")
    post_aliases: Items[Words] = Key(default=(), validation_alias="post")
    verified_aliases: Items[Words] = Key(default=(), validation_alias="verified")

    def complete(self, owners: Owners) -> Self:
        """Return the role with the usual headers of its title; what riskmap writes stands first."""
        zh, en = self.title.zh, self.title.en
        stem = _stem(zh)
        names = (stem, f"{stem}姓名", zh, *self.name_aliases, en, f"{en} name")
        phones = (stem + word for word in ("电话", "联系电话", "手机", "手机号码"))
        posts = (stem + word for word in ("职务", "职位"))
        days = (stem + word for word in ("核实日期", "核验日期"))
        headers = {
            "name": names,
            "phone": (*phones, *self.phone_aliases, f"{en} phone"),
            "post": (*posts, *self.post_aliases, f"{en} post"),
            "verified": (*days, *self.verified_aliases, f"{en} verified on"),
        }
        return self.model_copy(
            update={
                f"{column}_aliases": distinct(_left_for(f"contacts.{self.id}.{column}", words, owners))
                for column, words in headers.items()
            }
        )


class Expected(Part):
    """How often every street hands its list of a layer in, and by which day of the month."""

    every: Literal["month"]
    by: int = Key(default=31, ge=1, le=31)


class Style(Part):
    """How the map draws a layer: a symbol shape (colour is the tier's) and its place in lists."""

    symbol: Symbol = "circle"
    order: int = 0


class PrintedList(Part):
    """How a layer's list is printed: columns and their widths in letters, together at most 126 on A4 landscape.

    A column is `number`, `tier`, `score`, `code`, `name`, `subdistrict`, a field, or `contact:ROLE`.
    """

    columns: Items[Annotated[tuple[str, float], Key(strict=False)]] = ()


class PositionColumns(Part):
    """One of [[positions]] of a table whose rows name several places: the ends of a road."""

    id: Slug
    longitude: Items[Words] = Key(min_length=1)
    latitude: Items[Words] = Key(min_length=1)
    position: Items[Words] = ()

    @property
    def headers(self) -> Mapping[str, tuple[str, ...]]:
        """Return target → headers: of the two numbers, and of both in one cell."""
        named = {"longitude": self.longitude, "latitude": self.latitude, "position": self.position}
        return {f"{self.id}:{part}": words for part, words in named.items()}


class Wide(Part):
    """One line with a column for each moment: fields that take the moment of the header and the cell."""

    names: Slug
    values: Slug


class Common(Part):
    """What every layer has: common.toml."""

    aliases: Mapping[str, Items[Words]]
    fields: Items[Field]


class Layer(Part):
    """Everything riskmap knows about one layer. Immutable; read from one TOML file.

    `aliases`: core role → header aliases. `triggers`: what raises a tier for a while, or closes a record.
    `role`: what the program knows the layer by, whatever its id; `moves_people`: where a record of it is
    raised, people around move. Without `model` nothing is scored. `counts`: what a record is; only a risk has
    a tier and enters the sums of the district. What else has a model is graded by it. `position_from`: of a layer
    that inherits its places, the fields that name the records whose place it is, the first that has one.
    `belongs_to`: the record that each one hangs on. `moment`: the field that says when. `makes`: the records of other
    layers that one of this layer makes. `nearest`: what is told as closest to each. `colour`: the choice field, or the
    state of a flow, by which the map colours what has no tier. `series`: what the sensors of a layer of readings measure;
    the readings themselves are in no ledger. `expected`: that every street hands its list in, how often and by when.

    `flow`: what its records go through; then `state` is a field that only moves change. `laws`: what must hold
    of each.

    `fields` are the columns; the last of them are what is told of the items of the checklist (`Field.item`). Those of
    type `file` stand in `files`: pictures and documents that are attached to a record, in no column of a file that is
    read.

    `table`: what the file describes is read and never kept in a ledger (people, rain): no model, no tier.
    `unique`: columns that together name a row; later rows with the same are refused. `unique_of`: what
    stands for the code, the finest that a file has. `one_of`: of each group of fields a file has one.
    `on_bad_row`: reject the row, or refuse the whole file; such a file's headers are not guessed either.
    """

    id: Slug
    title: Title
    geometry: GeometryKind
    model: Slug | None = None
    role: LayerRole | None = None
    moves_people: bool = False
    stated_counts: Counts | None = Key(default=None, validation_alias="counts")
    position_from: Items[Slug] = ()
    belongs_to: BelongsTo | None = None
    key: RecordKey = RecordKey()
    rollups: Items[Rollup] = ()
    colour: Slug = ""
    makes: Items[Making] = ()
    nearest: Items[Nearby] = ()
    moment: Slug = ""
    stale_after_days: int = Key(default=365, ge=1)
    expected: Expected | None = None
    source: str = ""
    style: Style = Style()
    printed: PrintedList = Key(default=PrintedList(), validation_alias="print")
    aliases: Mapping[str, Items[Words]] = Key(default_factory=dict[str, tuple[str, ...]])
    fields: Items[Field] = ()
    files: Items[Field] = ()
    checklist: Checklist | None = None
    contacts: Items[ContactRole] = ()
    plan: RecordPlan | None = None
    triggers: Items[Trigger] = ()
    flow: Flow | None = None
    laws: Items[Law] = ()
    series: Series | None = None
    table: bool = False
    unique: Items[Slug] = ("code",)
    unique_of: Items[Slug] = ()
    one_of: Items[Items[Slug]] = ()
    positions: Items[PositionColumns] = ()
    wide: Wide | None = None
    on_bad_row: Literal["reject", "refuse"] = "reject"

    def complete(self, common: Common, owners: Owners) -> Layer:
        """Return the layer with what every layer has, and with the usual headers of all it has.

        The layer's file wins over what all layers share: a header that it gives to something, one of
        `owners`, is taken from the others. A table shares no fields, and no position where it has none.
        """
        shared = (
            field.model_copy(update={"aliases": tuple(_left_for(field.id, field.aliases, owners))})
            for field in common.fields
            if field.id not in self.field_ids and not self.table
        )
        state = () if self.flow is None else (state_field(self.flow),)
        checklist = self.checklist and self.checklist.model_copy(
            update={"items": tuple(item.complete() for item in self.checklist.items)}
        )
        facts = (
            fact for item in (self.checklist.items if self.checklist else ()) for fact in item.facts(owners)
        )
        fields = (f.complete(self.aliases.get(f.id, ())) for f in (*state, *self.own_fields, *shared))
        stated = (*fields, *facts)
        return self.model_copy(
            update={
                "fields": tuple(f for f in stated if f.type != "file"),
                "files": tuple(f for f in stated if f.type == "file"),
                "aliases": {
                    role: distinct(
                        (*_left_for(role, common.aliases.get(role, ()), owners), *self.aliases.get(role, ()))
                    )
                    for role in CORE_ROLES
                    if self.placed or role not in POSITION_ROLES
                },
                "checklist": checklist,
                "contacts": tuple(role.complete(owners) for role in self.contacts),
            }
        )

    @property
    def own_fields(self) -> tuple[Field, ...]:
        """The fields of the layer's file, the one that names the parent before them."""
        parent = self.belongs_to
        if parent is None or parent.field in self.field_ids:
            return self.fields
        return (parent.as_field(), *self.fields)

    @property
    def stated_fields(self) -> tuple[Field, ...]:
        """The fields that somebody states: all but what is worked out of other records."""
        return tuple(field for field in self.fields if not field.derived)

    @property
    def plain_fields(self) -> tuple[Field, ...]:
        """The fields that somebody states of the record itself: nothing of the items of its checklist."""
        return tuple(field for field in self.stated_fields if not field.item)

    @property
    def sum_laws(self) -> tuple[Law, ...]:
        """The laws over what is worked out of other records: judged once these are written."""
        ours = {rollup.id for rollup in self.rollups}
        return tuple(
            law
            for law in self.laws
            if ours & {name for one in (law, *law.when) for name in (one.field, one.than)}
        )

    @property
    def row_laws(self) -> tuple[Law, ...]:
        """The laws over what a record itself states."""
        of_sums = self.sum_laws
        return tuple(law for law in self.laws if law not in of_sums) if of_sums else self.laws

    @property
    def classes(self) -> tuple[Choice, ...]:
        """The classes by which the map colours its records, () where tier or grade does."""
        return self.field(self.colour).choices if self.colour else ()

    @property
    def placed(self) -> bool:
        """Whether a record may have a place of its own."""
        return self.geometry != "none"

    @property
    def drawn(self) -> bool:
        """Whether records of it come as lines or polygons."""
        return self.geometry in {"line", "polygon"}

    @property
    def shape_kind(self) -> Literal["point", "line", "polygon"]:
        """What its records are drawn and written as."""
        return self.geometry if self.geometry == "line" or self.geometry == "polygon" else "point"  # noqa: PLR1714

    @property
    def links(self) -> tuple[Field, ...]:
        """The fields that name records."""
        return tuple(field for field in self.fields if field.type == "record")

    def title_of(self, field_id: str) -> Title:
        """Return what a field is called, one of files too; KeyError when the layer has none."""
        files = self.file_field(field_id)
        return self.field(field_id).title if files is None else files.title

    def field(self, field_id: str) -> Field:
        """Return the field with this id; KeyError when the layer has none."""
        for candidate in self.fields:
            if candidate.id == field_id:
                return candidate
        raise KeyError(field_id)

    @property
    def counts(self) -> Counts:
        """What a record is: where the file does not say, a risk if it is scored, else a resource."""
        return self.stated_counts or ("resource" if self.model is None else "risk")

    def standing(self, tier: str | None) -> str:
        """Return what a record with a model's tier (None: without) is: of that tier, or no risk and of that grade."""
        word = tier or "unrated"
        return word if self.counts == "risk" else GRADES[word]

    def file_field(self, field_id: str) -> Field | None:
        """Return the field of files with this id, None where the layer has none."""
        return next((one for one in self.files if one.id == field_id), None)

    def field_by_role(self, role: FieldRole) -> Field | None:
        """Return the field that has a role, None where no field has it."""
        return next((field for field in self.fields if field.role == role), None)

    def with_earlier_roles(self) -> Layer:
        """Return the layer with the roles of its id where its file, older than roles, states none at all."""
        earlier = EARLIER.get(self.id)
        stated = {"role", "moves_people"} & self.model_fields_set or any(f.role for f in self.fields)
        if earlier is None or stated:
            return self
        fields = tuple(f.model_copy(update={"role": earlier.fields.get(f.id)}) for f in self.fields)
        return self.model_copy(
            update={"role": earlier.role, "moves_people": earlier.moves_people, "fields": fields}
        )

    @property
    def field_ids(self) -> tuple[str, ...]:
        """Ids of all fields, in file order."""
        return tuple(f.id for f in self.fields)


def _left_for(target: str, words: Iterable[str], owners: Owners) -> list[str]:
    """Return the words that the layer's file has not given to another target."""
    return [word for word in words if owners.get(normalise_header(word), target) == target]


def named_by(field: Field, layers: Mapping[str, Layer]) -> tuple[str, ...]:
    """Return the layers of which a field of type `record` may name records, of those there are."""
    if isinstance(field.of, tuple):
        return tuple(one for one in field.of if one in layers)
    return tuple(one.id for one in layers.values() if field.of is not None and field.of.takes(one))


def record_named(piece: str, targets: Sequence[str]) -> tuple[str, str] | None:
    """Return layer and code of the record that a kept link names, of the layers `targets`; None where its layer is gone."""
    head, _, tail = piece.partition(":")
    if tail and head in targets:
        return head, tail
    return (targets[0], piece) if len(targets) == 1 else None
