"""A layer's TOML file → `Layer`, every mistake at once.

What no type can say of a layer file: ids twice, headers claimed twice, limits that exclude everything.
What only a table's file may say (`table = true`), and what it has to leave to the layers of the ledger.
Triggers: their shape, the fields that they read, and the classes that are choices of their layer.

The checks read the file as it was parsed, not the validated values, so that one wrong type does not
hide the other mistakes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final, cast, get_args

from riskmap.catalog.cross_checks import check_condition, check_field
from riskmap.catalog.decision_checks import condition_problems
from riskmap.catalog.drivers import trigger_drivers
from riskmap.catalog.flow import STATE
from riskmap.catalog.flow_checks import flow_problems, law_problems
from riskmap.catalog.headers import normalise_header
from riskmap.catalog.layer import CORE_ROLES, STATE_TITLE, Common, FieldType, Layer
from riskmap.catalog.plan import plan_problems
from riskmap.catalog.problems import TomlFile, absent, closest, one_of, read_text, shown
from riskmap.catalog.roles import SHAPES
from riskmap.catalog.series import series_problems, threshold_problems
from riskmap.catalog.toml_lines import KeyPath
from riskmap.catalog.triggers import SIDES, WARNING, Limit, RaisedTier, Trigger, TriggerLevel, WarningColour
from riskmap.errors import CatalogError, CatalogProblem, Text

_COMMON = Path(__file__).with_name("common.toml")


def read_layer(text: str, file: str) -> Layer:
    """Return the layer that a TOML text describes; raise CatalogError with every mistake of it.

    `file` is how the messages call the file. A table is none: no ledger keeps one.
    """
    return _read(text, file, table=False)


def read_table(text: str, file: str) -> Layer:
    """Return the table (`table = true`) that a TOML text describes; CatalogError as `read_layer`."""
    return _read(text, file, table=True)


def _read(text: str, file: str, *, table: bool) -> Layer:
    source = TomlFile.parse(text, file)
    stated, problems = source.check(Layer)
    problems += [*_check_layer(source, common_source()), *plan_problems(source, common_source())]
    problems += [*_table_problems(source, wanted=table), *series_problems(source)]
    layer = None
    if stated is not None:
        owners = {normalise_header(word): target for target, word, _ in claims(source)}
        layer = stated.with_earlier_roles().complete(_common(), owners)
        problems += _trigger_problems(layer, source)
        problems += _print_problems(layer, source)
        problems += _register_problems(layer, source)
        problems += flow_problems(layer, source)
        problems += law_problems(layer, source)
        problems += threshold_problems(layer.series, source) if layer.series else ()
    if layer is None or problems:
        raise CatalogError(tuple(sorted(dict.fromkeys(problems), key=lambda p: p.line or 0)))
    return layer


@cache
def common_source() -> TomlFile:
    """Return common.toml as it was parsed."""
    return TomlFile.parse(read_text(_COMMON, _COMMON.name), _COMMON.name)


@cache
def _common() -> Common:
    common, problems = common_source().check(Common)
    if common is None:
        raise CatalogError(tuple(problems))
    return common


# Names that select, filters and exports already use for something else.
RESERVED: Final = frozenset(
    (
        *CORE_ROLES,
        "layer",
        "lon",
        "lat",
        "score",
        "tier",
        "state",
        "flags",
        "missing",
        "rules",
        "contacts",
        "checklist",
    )
)


# Names that Windows does not allow for a file.
_DEVICES: Final = frozenset(
    ("con", "prn", "aux", "nul", *(f"com{n}" for n in range(1, 10)), *(f"lpt{n}" for n in range(1, 10)))
)


_KINDS: Final = frozenset(get_args(FieldType))


_CONTACT_COLUMNS: Final = ("name", "phone", "post", "verified")


Claim = tuple[str, str, KeyPath]  # target, header, where it is written


def _check_layer(source: TomlFile, common: TomlFile) -> list[CatalogProblem]:
    """Return every mistake of a layer file that its types do not show."""
    return [
        *_file_name(source),
        *_ids_twice(source),
        *_roles_twice(source),
        *_risk_unscored(source),
        *_reserved(source),
        *_unknown_targets(source, common),
        *_headers_twice(source, common),
        *_choice_words_twice(source, ("flow",), "states"),
        *(problem for path, field in source.tables("fields") for problem in _field(source, path, field)),
    ]


def _file_name(source: TomlFile) -> Iterator[CatalogProblem]:
    if str(source.at(("id",))) in _DEVICES:
        yield source.problem(
            ("id",),
            Text("Windows 允许作文件名的标识", "an id that Windows allows as a file name"),
        )


def _ids_twice(source: TomlFile) -> Iterator[CatalogProblem]:
    lists: list[KeyPath] = [("fields",), ("contacts",), ("checklist", "items"), ("positions",)]
    lists += [("flow", "states"), ("flow", "moves"), ("laws",)]
    lists += [("series", "indicators"), ("series", "thresholds")]
    lists += [(*path, "choices") for path, _ in source.tables("fields")]
    for path in lists:
        first: dict[str, KeyPath] = {}
        for where, item in source.tables(*path):
            name = item.get("id")
            if not isinstance(name, str):
                continue
            if name in first:
                yield source.problem(
                    (*where, "id"),
                    Text(
                        f"没有用过的标识（第 {source.line(first[name])} 行已用）",
                        f"an id not used before (line {source.line(first[name])} has it)",
                    ),
                )
            first.setdefault(name, where)


def _risk_unscored(source: TomlFile) -> Iterator[CatalogProblem]:
    if source.at(("counts",)) == "risk" and source.at(("model",)) is None:
        yield source.problem(
            ("model",),
            Text(
                '评分模型的标识（counts = "risk" 的图层要评分）', 'a model\'s id (counts = "risk" is scored)'
            ),
        )


def _roles_twice(source: TomlFile) -> Iterator[CatalogProblem]:
    first: dict[object, KeyPath] = {}
    for path, field in source.tables("fields"):
        role = field.get("role")
        if role in first:
            line = source.line((*first[role], "role"))
            expected = Text(
                f"没有用过的角色（第 {line} 行的字段已用）",
                f"a role that no other field has (the field at line {line} has it)",
            )
            yield source.problem((*path, "role"), expected)
        elif isinstance(role, str):
            first[role] = path


def _role(source: TomlFile, path: KeyPath, field: Mapping[str, object]) -> Iterator[CatalogProblem]:
    """Check that a field is what the program takes it for: its type, its unit, the choices that are read."""
    role = str(field.get("role"))
    shape = next((shape for name, shape in SHAPES.items() if name == role), None)
    if shape is None:
        return
    if str(field.get("type")) not in shape.types:
        expected = Text(f"（角色 {role}）{one_of(shape.types).zh}", f"(role {role}) {one_of(shape.types).en}")
        yield source.problem((*path, "type"), expected)
    unit = field.get("unit", "")
    if shape.unit is not None and unit != shape.unit:
        expected = Text(f"“{shape.unit}”（角色 {role} 的单位）", f'"{shape.unit}" (the unit of role {role})')
        yield source.problem((*path, "unit"), expected, found=shown(unit))
    choices = [choice.get("id") for _, choice in source.tables(*path, "choices")]
    lacking = [name for name in shape.choices if name not in choices]
    if lacking:
        expected = Text(
            f"还有选项 {'、'.join(lacking)}（角色 {role} 要用）",
            f"also the choices {', '.join(lacking)} (role {role} reads them)",
        )
        yield source.problem((*path, "choices"), expected)


def _reserved(source: TomlFile) -> Iterator[CatalogProblem]:
    for path, field in source.tables("fields"):
        if str(field.get("id")) in RESERVED:
            yield source.problem(
                (*path, "id"),
                Text("另一个标识（这个名字系统自己要用）", "another id (riskmap uses this name itself)"),
            )


def _unknown_targets(source: TomlFile, common: TomlFile) -> Iterator[CatalogProblem]:
    known = [*CORE_ROLES, *_ids(source, "fields"), *_ids(common, "fields")]
    known += [STATE] if source.at(("flow",)) else []
    for name in _table(source.at(("aliases",))):
        if name not in known:
            yield source.problem(
                ("aliases", name),
                Text(
                    "核心列（" + "、".join(CORE_ROLES) + "）或字段标识",
                    "a core column (" + ", ".join(CORE_ROLES) + ") or a field's id",
                ),
                found=name,
                hint=closest(name, known),
            )


def _field(source: TomlFile, path: KeyPath, field: Mapping[str, object]) -> Iterator[CatalogProblem]:
    kind = str(field.get("type"))
    low, high = _number(field.get("min")), _number(field.get("max"))
    if low is not None and high is not None and low > high:
        yield source.problem(
            (*path, "min"),
            Text(f"不大于 max（{high:g}）的数字", f"a number not above max ({high:g})"),
        )
    if kind in _KINDS - {"integer", "number"}:
        numeric = ("min", "max", "standard_values", "unit")
        yield from _only_with(
            source, path, field, keys=numeric, kinds=Text("integer 或 number", "integer or number")
        )
    yield from _only_with_links(source, path, field)
    if "derived" in field:
        words = Text("没有 derived（见 rollups）", "no derived here (rollups make such fields)")
        yield source.problem((*path, "derived"), words)
    if kind in _KINDS - {"choice"}:
        yield from _only_with(source, path, field, keys=("choices", "open"), kinds=Text("choice", "choice"))
    elif kind == "choice" and not field.get("choices"):
        yield source.problem((*path, "choices"), Text("至少一个选项", "at least one choice"))
    if kind in _KINDS - {"file"}:
        yield from _only_with(source, path, field, keys=("media",), kinds=Text("file", "file"))
    elif kind == "file" and "personal" in field:
        yield source.problem(
            (*path, "personal"),
            Text(
                "没有 personal（原件本来就只给有权限的人看）",
                "no personal here (originals are shown by right only)",
            ),
        )
    for i, value in enumerate(_list(field.get("standard_values"))):
        number = _number(value)
        if number is not None and (
            (low is not None and number < low) or (high is not None and number > high)
        ):
            yield source.problem(
                (*path, "standard_values", i),
                Text("min 与 max 之间的数字", "a number between min and max"),
            )
    yield from _choice_words_twice(source, path)
    yield from _role(source, path, field)


def _only_with_links(
    source: TomlFile, path: KeyPath, field: Mapping[str, object]
) -> Iterator[CatalogProblem]:
    kind = str(field.get("type"))
    if kind in _KINDS - {"record"}:
        yield from _only_with(source, path, field, keys=("of",), kinds=Text("record", "record"))
    elif kind == "record" and not field.get("of"):
        yield absent(source, (*path, "of"))
    if kind in _KINDS - {"choice", "record", "file"}:
        words = Text("choice、record 或 file", "choice, record or file")
        yield from _only_with(source, path, field, keys=("several",), kinds=words)
    if kind in _KINDS - {"moment"}:
        yield from _only_with(source, path, field, keys=("zone",), kinds=Text("moment", "moment"))


def _only_with(
    source: TomlFile, path: KeyPath, field: Mapping[str, object], *, keys: tuple[str, ...], kinds: Text
) -> Iterator[CatalogProblem]:
    for key in keys:
        if key in field:
            yield source.problem(
                (*path, key),
                Text(
                    f"没有 {key}（只用于 type 为 {kinds.zh} 的字段）",
                    f"no {key} here (it belongs to fields of type {kinds.en})",
                ),
            )


def _choice_words_twice(source: TomlFile, path: KeyPath, key: str = "choices") -> Iterator[CatalogProblem]:
    claimed: list[Claim] = []
    for where, choice in source.tables(*path, key):
        claimed += _claims_of_item(str(choice.get("id", where)), where, choice)
    yield from _twice(source, claimed)


def _headers_twice(source: TomlFile, common: TomlFile) -> Iterator[CatalogProblem]:
    claimed = claims(source)
    yield from _twice(source, claimed)
    yield from _twice(source, _claims_of_series(source))  # headers of readings, not of the layer's records
    if source.at(("table",)) is not True:  # nothing is written under a table's titles
        yield from _common_titles_taken(source, common, claimed)


def _twice(source: TomlFile, claimed: list[Claim]) -> Iterator[CatalogProblem]:
    first: dict[str, tuple[str, KeyPath]] = {}
    for target, word, path in claimed:
        key = normalise_header(word)
        owner, where = first.setdefault(key, (target, path))
        if owner != target:
            yield source.problem(
                path,
                Text(
                    f"只属于一处的列名或叫法（第 {source.line(where)} 行已给了 {owner}）",
                    f"a word that belongs to one place (line {source.line(where)} gave it to {owner})",
                ),
                found=shown(word),
            )


def _common_titles_taken(
    source: TomlFile, common: TomlFile, claimed: list[Claim]
) -> Iterator[CatalogProblem]:
    """A column that riskmap writes under its title must come back to the same column.

    Other headers of common.toml yield to the layer's file; titles and the first header of each
    core role do not.
    """
    titles: dict[str, str] = {}
    for role, words in _table(common.at(("aliases",))).items():
        first = next((w for w in _list(words) if isinstance(w, str)), None)
        if first:
            titles[normalise_header(first)] = role
    own = set(_ids(source, "fields"))
    for _, field in common.tables("fields"):
        name = str(field.get("id"))
        if name not in own:
            titles |= {normalise_header(w): name for w in (*_titles(field), name)}
    for target, word, path in claimed:
        owner = titles.get(normalise_header(word))
        if owner and owner != target:
            yield source.problem(
                path,
                Text(
                    f'另一个名称（每个图层都有的 {owner} 就叫这个；要改它，请写 id = "{owner}" 的字段）',
                    f'another name (every layer\'s {owner} is called so; to change it write a field with id = "{owner}")',
                ),
                found=shown(word),
            )


def claims(source: TomlFile) -> list[Claim]:
    """Return every header that the file gives to something, in the order of the file."""
    claimed: list[Claim] = []
    if source.at(("flow",)):
        claimed += [(STATE, word, ("flow",)) for word in (STATE_TITLE.zh, STATE_TITLE.en)]
    for target, words in _table(source.at(("aliases",))).items():
        claimed += [(target, w, ("aliases", target, i)) for i, w in _words(words)]
    for path, field in source.tables("fields"):
        claimed += _claims_of_item(str(field.get("id", source.dotted(path))), path, field)
    parent = _table(source.at(("belongs_to",)))
    if isinstance(parent.get("field"), str):
        claimed += _claims_of_item(str(parent["field"]), ("belongs_to",), {"id": parent["field"], **parent})
    for path, position in source.tables("positions"):
        for part in ("longitude", "latitude", "position"):
            target = f"{position.get('id')}:{part}"
            claimed += [(target, w, (*path, part, i)) for i, w in _words(position.get(part))]
    for path, item in source.tables("checklist", "items"):
        claimed += _claims_of_item("checklist." + str(item.get("id", path)), path, item)
    for path, role in source.tables("contacts"):
        name = "contacts." + str(role.get("id", path))
        title = _table(role.get("title"))
        claimed += [(f"{name}.name", w, (*path, "title", k)) for k, w in title.items() if isinstance(w, str)]
        for column in _CONTACT_COLUMNS:
            claimed += [(f"{name}.{column}", w, (*path, column, i)) for i, w in _words(role.get(column))]
    return claimed


def _claims_of_series(source: TomlFile) -> list[Claim]:
    indicators = source.tables("series", "indicators")
    return [
        claim for path, one in indicators for claim in _claims_of_item(str(one.get("id", path)), path, one)
    ]


def _claims_of_item(target: str, path: KeyPath, item: Mapping[str, object]) -> list[Claim]:
    title = _table(item.get("title"))
    claimed: list[Claim] = [(target, w, (*path, "title", k)) for k, w in title.items() if isinstance(w, str)]
    claimed += [(target, w, (*path, "aliases", i)) for i, w in _words(item.get("aliases"))]
    name = item.get("id")
    return [*claimed, (target, name, (*path, "id"))] if isinstance(name, str) else claimed


def _titles(item: Mapping[str, object]) -> list[str]:
    return [w for w in _table(item.get("title")).values() if isinstance(w, str)]


def _ids(source: TomlFile, *path: str) -> list[str]:
    return [name for _, item in source.tables(*path) if isinstance(name := item.get("id"), str)]


def _table(value: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", value) if isinstance(value, dict) else {}


def _list(value: object) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list) else []


def _words(value: object) -> list[tuple[int, str]]:
    return [(i, w) for i, w in enumerate(_list(value)) if isinstance(w, str)]


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


_OF_LEDGERS: Final = (
    *(
        "flow",
        "laws",
        "position_from",
        "belongs_to",
        "key",
        "moment",
        "rollups",
        "colour",
        "makes",
        "nearest",
    ),
)


_OF_TABLES: Final = ("unique", "unique_of", "one_of", "positions", "wide", "on_bad_row")


_OF_TABLE_FIELDS: Final = (
    *("required", "unit_required", "unit_from", "hours", "trace", "sentinels", "missing"),
)


def _table_problems(source: TomlFile, *, wanted: bool) -> Iterator[CatalogProblem]:
    """Yield what is wrong with a file as a table, or as a layer of the ledger where no table is wanted."""
    if not wanted:
        yield from _no_layer(source)
        return
    if source.at(("table",)) is not True:
        yield source.problem(
            ("table",), Text("true（这是一张表的说明）", "true (the file describes a table)")
        )
    for key in _OF_LEDGERS:
        if source.at((key,)):
            expected = Text(
                f"没有 {key}（只用于台账的图层）", f"no {key} here (it belongs to layers of the ledger)"
            )
            yield source.problem((key,), expected)
    fields = {str(field.get("id")): field for _, field in source.tables("fields")}
    for key in ("unique", "unique_of"):
        yield from _known(source, (key,), ["code", "name", *fields])
    for key, kinds in (("names", ("moment",)), ("values", ("number", "integer"))):
        yield from _known(source, ("wide", key), [i for i, f in fields.items() if f.get("type") in kinds])
    for path, field in source.tables("fields"):
        if field.get("unit_required") and not field.get("unit"):
            yield absent(source, (*path, "unit"))
        if field.get("type") == "file":  # nothing can be attached to a row that no ledger keeps
            kinds = [kind for kind in get_args(FieldType) if kind != "file"]
            yield source.problem((*path, "type"), one_of(kinds))
        yield from _known(source, (*path, "unit_from"), list(fields))


def _no_layer(source: TomlFile) -> Iterator[CatalogProblem]:
    """Yield what only a table may state."""
    if source.at(("files",)) is not None:
        expected = Text(
            '写成 [[fields]] 中 type = "file" 的字段', 'fields of type "file" among [[fields]] instead'
        )
        yield source.problem(("files",), expected, found="files")
    stated: list[KeyPath] = [(key,) for key in ("table", *_OF_TABLES) if source.data.get(key)]
    for path, field in source.tables("fields"):
        stated += [(*path, key) for key in _OF_TABLE_FIELDS if key in field]
    for path in stated:
        yield source.problem(
            path,
            Text(
                f"没有 {path[-1]}（只用于 table = true 的文件）",
                f"no {path[-1]} here (it belongs to files with table = true)",
            ),
        )


def _register_problems(layer: Layer, source: TomlFile) -> Iterator[CatalogProblem]:
    """Yield what a layer says of other records and of its own keys, and does not fit its fields."""
    links = [field.id for field in layer.links]
    yield from _known(source, ("position_from",), links)
    if (layer.geometry == "inherit") != bool(layer.position_from):
        words = Text(
            'position_from 与 geometry = "inherit" 一起写：位置取自哪些 record 字段',
            'position_from together with geometry = "inherit": the record fields whose place it is',
        )
        yield source.problem(("position_from",) if layer.position_from else ("geometry",), words)
    if layer.belongs_to is not None:
        yield from _parent_problems(layer, source)
    if layer.key.kind == "child" and layer.belongs_to is None:
        yield source.problem(
            ("key", "kind"),
            Text("有 belongs_to 时才写 child", "child only where belongs_to is stated"),
        )
    if layer.key.kind == "serial" and not layer.key.prefix:
        yield absent(source, ("key", "prefix"))
    yield from _known(source, ("key", "same"), layer.field_ids)
    yield from _colour_problems(layer, source)
    yield from _known(source, ("moment",), [f.id for f in layer.fields if f.type in {"moment", "date"}])


MOST_COLOURS: Final = 7  # a symbol of the map has three bits for its class, and one class is "none of them"


def _colour_problems(layer: Layer, source: TomlFile) -> Iterator[CatalogProblem]:
    one = [f for f in layer.fields if f.type == "choice" and not f.several]
    yield from _known(source, ("colour",), [f.id for f in one])
    if layer.colour and layer.model is not None:
        words = Text("不评分的图层才写 colour", "colour only where no model scores the layer")
        yield source.problem(("colour",), words)
    if any(f.id == layer.colour and len(f.choices) > MOST_COLOURS for f in one):
        words = Text(f"至多 {MOST_COLOURS} 个选项的字段", f"a field with at most {MOST_COLOURS} choices")
        yield source.problem(("colour",), words, found=shown(layer.colour))


def _parent_problems(layer: Layer, source: TomlFile) -> Iterator[CatalogProblem]:
    parent = layer.belongs_to
    if parent is None:
        return
    if parent.layer == layer.id:
        yield source.problem(
            ("belongs_to", "layer"), Text("另一个图层", "another layer"), found=shown(parent.layer)
        )
    field = layer.field(parent.field)
    if field.type != "record" or field.several:
        yield source.problem(
            ("belongs_to", "field"),
            Text("只指向一条记录的 record 字段", "a record field that names one record"),
            found=shown(parent.field),
        )


def _known(source: TomlFile, path: KeyPath, known: Sequence[str]) -> Iterator[CatalogProblem]:
    """Yield the names at a path, one or a list, that are none of the table's columns."""
    found = source.at(path)
    places: list[tuple[KeyPath, object]] = [(path, found)]
    if isinstance(found, list):
        places = [((*path, i), name) for i, name in enumerate(cast("list[object]", found))]
    for place, name in places:
        if isinstance(name, str) and name not in known:
            yield source.problem(place, one_of(known), found=shown(name), hint=closest(name, known))


_COLOURS: tuple[str, ...] = get_args(WarningColour)  # the mildest first


PRINTED: Final = ("number", "tier", "score", "code", "name", "subdistrict")  # of every layer


_PAGE: Final = 126.0  # letters across A4 landscape at the size of print


def _print_problems(layer: Layer, source: TomlFile) -> Iterator[CatalogProblem]:
    """Yield every printed column that there is not, and a page that is too narrow for them."""
    known = [*PRINTED, *layer.field_ids, *(rollup.id for rollup in layer.rollups)]
    known += [f"contact:{role.id}" for role in layer.contacts]
    for i, (column, _) in enumerate(layer.printed.columns):
        if column not in known:
            yield source.problem(("print", "columns", i), one_of(known), hint=closest(column, known))
    wide = sum(width for _, width in layer.printed.columns)
    if wide > _PAGE:
        yield source.problem(
            ("print", "columns"),
            Text(
                f"各列宽度之和不超过 {_PAGE:g}（现为 {wide:g}），横向 A4 才放得下",
                f"widths that sum to at most {_PAGE:g} ({wide:g} now), or A4 landscape does not hold them",
            ),
        )


def _trigger_problems(layer: Layer, source: TomlFile) -> Iterator[CatalogProblem]:
    """Return every mistake in the triggers of a layer file that their types do not show."""
    ids = [trigger.id for trigger in layer.triggers]
    for i, trigger in enumerate(layer.triggers):
        place: KeyPath = ("triggers", i)
        if ids.index(trigger.id) != i:
            yield source.problem((*place, "id"), Text("不重复的触发条件标识", "a trigger id used only once"))
        yield from _shape(trigger, place, source)
        for j, condition in enumerate(trigger.when):
            here = (*place, "when", j)
            yield from check_field(layer, condition.field, source, (*here, "field"))
            yield from check_condition(layer, condition, source, here)
            yield from condition_problems(condition, here, source)
        if trigger.by is not None:
            yield from _classes(layer, trigger, trigger.by, place, source)


def _classes(
    layer: Layer, trigger: Trigger, by: str, place: KeyPath, source: TomlFile
) -> Iterator[CatalogProblem]:
    """Check that `by` is a choice of the layer, its classes are choices, and none is left without levels."""
    choices = {f.id: [c.id for c in f.choices] for f in layer.fields if f.type == "choice"}
    if by not in choices:
        expected = Text(f"图层 {layer.id} 的选项字段", f"a choice field of layer {layer.id}")
        yield source.problem((*place, "by"), expected, found=shown(by), hint=closest(by, choices))
        return
    for name in trigger.classes:
        if name not in choices[by]:
            near = closest(name, choices[by])
            yield source.problem((*place, "classes", name), one_of(choices[by]), found=shown(name), hint=near)
    left = [name for name in choices[by] if name not in trigger.classes]
    if left and not trigger.levels:
        expected = Text(
            f"{by} 的每个选项都有一行（还缺 {'、'.join(left)}），不升级的写 []；或用 levels 写其余选项的档",
            f"a line for every choice of {by} (still missing: {', '.join(left)}), [] where nothing is raised; "
            "or levels for the others",
        )
        yield source.problem((*place, "classes"), expected)


def _shape(trigger: Trigger, place: KeyPath, source: TomlFile) -> Iterator[CatalogProblem]:
    """Return what is wrong in a trigger without knowing its layer."""
    warned = trigger.driver == WARNING
    if not any(levels for _, levels in trigger.level_lists()):
        yield source.problem((*place, "levels"), Text("至少一档", "at least one level"))
    if bool(trigger.classes) != (trigger.by is not None):
        expected = Text("by 和 classes 同时写或都不写", "both by and classes, or neither")
        yield source.problem((*place, "by" if trigger.by else "classes"), expected)
    if warned and trigger.by is not None:
        expected = Text("没有 by（预警不分类）", "no by: warnings are not told apart by class")
        yield source.problem((*place, "by"), expected)
    if warned != bool(trigger.kinds):
        expected = (
            Text("至少一种预警，如 ['typhoon']", 'at least one kind of warning, such as ["typhoon"]')
            if warned
            else Text(
                '没有 kinds（只用于 driver = "warning"）', 'no kinds (they belong to driver = "warning")'
            )
        )
        yield source.problem((*place, "kinds"), expected)
    for inner, levels in trigger.level_lists():
        for j, level in enumerate(levels):
            yield from _level(trigger, level, (*place, *inner, j), source)
        yield from _order(trigger, levels, (*place, *inner), source)


def _level(
    trigger: Trigger, level: TriggerLevel, here: KeyPath, source: TomlFile
) -> Iterator[CatalogProblem]:
    if trigger.driver == WARNING:
        if level.stated or level.also or level.colour is None:
            expected = Text("colour（预警颜色），没有 from 等限值", "a colour, and no limit")
            yield source.problem(here, expected)
    elif level.colour is not None:
        expected = Text(
            '没有 colour（只用于 driver = "warning"）', 'no colour (it belongs to driver = "warning")'
        )
        yield source.problem((*here, "colour"), expected)
    else:
        yield from _sides(level, trigger.driver, here, source)
    for k, other in enumerate(level.also):
        yield from _sides(other, other.driver, (*here, "also", k), source, free=True)
    if level.tier is None and not trigger.closes:
        yield source.problem((*here, "tier"), one_of(get_args(RaisedTier)))


def _sides(
    limit: Limit, driver: str, here: KeyPath, source: TomlFile, *, free: bool = False
) -> Iterator[CatalogProblem]:
    """Check that one limit is stated; a level's own must lie on the worse side of its driver."""
    lower = trigger_drivers()[driver].worse == "lower"
    allowed = SIDES if free else (SIDES[2:] if lower else SIDES[:2])
    stated = list(limit.stated)
    if len(stated) != 1 or stated[0] not in allowed:
        words = one_of(allowed)
        expected = Text(f"恰好一个限值，{words.zh}", f"exactly one limit, {words.en}")
        yield source.problem(here, expected, found=" + ".join(stated) or "{ }")


def _order(
    trigger: Trigger, levels: tuple[TriggerLevel, ...], here: KeyPath, source: TomlFile
) -> Iterator[CatalogProblem]:
    """Levels stand from the mildest to the worst; with `also` two of them may share a limit."""
    tiers = [get_args(RaisedTier).index(level.tier) if level.tier else -1 for level in levels]
    if trigger.driver == WARNING:
        limits = [float(_COLOURS.index(level.colour)) if level.colour else 0.0 for level in levels]
    else:
        sign = -1.0 if trigger_drivers()[trigger.driver].worse == "lower" else 1.0
        limits = [sign * next(iter(level.stated.values()), 0.0) for level in levels]
    for j in range(1, len(levels)):
        equal = limits[j] == limits[j - 1] and bool(levels[j].also or levels[j - 1].also)
        if tiers[j] <= tiers[j - 1] or not (limits[j] > limits[j - 1] or equal or levels[j].also):
            expected = Text(
                "由轻到重的各档：限值和等级都比上一档更严重",
                "levels from the mildest to the worst: limit and tier both worse than those before",
            )
            yield source.problem((*here, j), expected)
