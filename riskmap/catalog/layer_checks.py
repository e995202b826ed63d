"""What no type can say of a layer file: ids twice, headers claimed twice, limits that exclude everything.

The checks read the file as it was parsed, not the validated values, so that one wrong type does not
hide the other mistakes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, cast, get_args

from riskmap.catalog.headers import normalise_header
from riskmap.catalog.layer import CORE_ROLES, FieldType
from riskmap.catalog.problems import TomlFile, closest, one_of, shown
from riskmap.catalog.roles import SHAPES
from riskmap.catalog.toml_lines import KeyPath
from riskmap.errors import CatalogProblem, Text

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


def check_layer(source: TomlFile, common: TomlFile) -> list[CatalogProblem]:
    """Return every mistake of a layer file that its types do not show."""
    return [
        *_file_name(source),
        *_ids_twice(source),
        *_roles_twice(source),
        *_risk_unscored(source),
        *_reserved(source),
        *_unknown_targets(source, common),
        *_headers_twice(source, common),
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
    if kind in _KINDS - {"choice"}:
        yield from _only_with(source, path, field, keys=("choices", "open"), kinds=Text("choice", "choice"))
    elif kind == "choice" and not field.get("choices"):
        yield source.problem((*path, "choices"), Text("至少一个选项", "at least one choice"))
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


def _choice_words_twice(source: TomlFile, path: KeyPath) -> Iterator[CatalogProblem]:
    claimed: list[Claim] = []
    for where, choice in source.tables(*path, "choices"):
        claimed += _claims_of_item(str(choice.get("id", where)), where, choice)
    yield from _twice(source, claimed)


def _headers_twice(source: TomlFile, common: TomlFile) -> Iterator[CatalogProblem]:
    claimed = claims(source)
    yield from _twice(source, claimed)
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
    for target, words in _table(source.at(("aliases",))).items():
        claimed += [(target, w, ("aliases", target, i)) for i, w in _words(words)]
    for path, field in source.tables("fields"):
        claimed += _claims_of_item(str(field.get("id", source.dotted(path))), path, field)
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
