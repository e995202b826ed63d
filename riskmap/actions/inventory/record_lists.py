"""Lists that are files (`lists/*.toml`): which there are, what is wrong with one, and what it holds now or held then."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

from riskmap.actions.inventory.listing import make_selection, select_json
from riskmap.actions.workspace import Workspace
from riskmap.catalog import Layer
from riskmap.catalog.list_file import FOLDER, RecordList, default_lists, read_list
from riskmap.catalog.problems import TomlFile, closest, no_such, one_of, read_text, shown
from riskmap.errors import CatalogError, CatalogProblem, Lang, SelectionError, Text, UnknownNameError
from riskmap.io.writers.list_sheet import write_list
from riskmap.moments import as_of_json, as_of_text, last_moment, local_now
from riskmap.rules.masks import mask_contacts
from riskmap.rules.people import as_cells
from riskmap.selection import Selection
from riskmap.texts import t, value_text
from riskmap.values.record_list import ListGroup, ListSheet
from riskmap.vocabulary import FLAGS, TIER_TITLES, WEIGHT_OF

CORE: Final[Mapping[str, Text]] = {
    "layer": Text("图层", "Layer"),
    "code": Text("编号", "Code"),
    "name": Text("名称", "Name"),
    "subdistrict": Text("街道", "Sub-district"),
    "tier": Text("等级", "Tier"),
    "score": Text("分值", "Score"),
    "state": Text("状态", "State"),
    "since": Text("进入状态日期", "Since"),
    "due": Text("期限", "Due"),
    "overdue": Text("超期天数", "Days overdue"),
    "expired_items": Text("过期检查项", "Expired items"),
    "flags": Text("标记", "Flags"),
}
"""What a list may have of every record, beside fields and contact:ROLE."""


_CONTACT: Final = "contact:"


_PERSONAL: Final = Text("非个人信息的字段", "a field that is not personal data")


@dataclass(frozen=True, slots=True)
class ListFile:
    """A list that there is: `value` None where its file has no list's shape, `problems` what keeps it from use.

    `own`: it is a file of the workspace, not a default.
    """

    id: str
    file: str
    own: bool
    value: RecordList | None
    layers: tuple[str, ...] = ()
    problems: tuple[CatalogProblem, ...] = ()
    source: TomlFile | None = field(default=None, repr=False, compare=False)

    @property
    def title(self) -> Text:
        """What it is called; its id where its file does not say."""
        return Text(self.id, self.id) if self.value is None else self.value.title


def list_files(ws: Workspace) -> list[ListFile]:
    """Return every list there is, defaults replaced by files of the workspace with their id, in the order of their rank."""
    return [_checked(ws, one) for one in _files(ws)]


def _files(ws: Workspace) -> list[ListFile]:
    found: dict[str, ListFile] = {}
    for own, name, text in _texts(ws):
        one = _read(ws, name, text, own=own) if isinstance(text, str) else _lost(name, text)
        other = found.get(one.id)
        if other is not None and other.own:
            expected = Text(
                f"没有用过的标识（{other.file} 已用）", f"an id not used before ({other.file} has it)"
            )
            problem = CatalogProblem(name, "id", shown(one.id), expected)
            one = ListFile(Path(name).stem, name, own, None, problems=(problem,))
        found[one.id] = one
    return sorted(found.values(), key=lambda one: (one.value.rank if one.value else 0, one.id))


def _texts(ws: Workspace) -> Iterator[tuple[bool, str, str | CatalogError]]:
    for name, text in default_lists().items():
        yield False, f"{FOLDER}/{name}", text
    for path in sorted((ws.root / FOLDER).glob("*.toml")):
        name = f"{FOLDER}/{path.name}"
        try:
            yield True, name, read_text(path, name)
        except CatalogError as problem:
            yield True, name, problem


def _lost(name: str, problem: CatalogError) -> ListFile:
    return ListFile(Path(name).stem, name, True, None, problems=problem.problems)


def _read(ws: Workspace, name: str, text: str, *, own: bool) -> ListFile:
    try:
        value, source = read_list(text, name)
    except CatalogError as problem:
        return ListFile(Path(name).stem, name, own, None, problems=problem.problems)
    return ListFile(value.id, name, own, value, value.layers_among(ws.catalog.layers), source=source)


def _checked(ws: Workspace, one: ListFile) -> ListFile:
    """Return a list with what keeps it from use here; that takes a look at every record's columns."""
    if one.value is None or one.source is None:
        return one
    return replace(one, problems=tuple(_problems(ws, one.value, one.source, one.layers)))


def _problems(
    ws: Workspace, value: RecordList, source: TomlFile, layers: Sequence[str]
) -> Iterator[CatalogProblem]:
    """Yield what a list asks for and this workspace does not have."""
    for i, one in enumerate(value.of if isinstance(value.of, tuple) else ()):
        if one not in ws.catalog.layers:
            expected = Text("能用的图层文件的标识", "the id of a layer file that can be used")
            hint = closest(one, ws.catalog.layers)
            yield source.problem(("of", i), expected, found=shown(one), hint=hint)
    if not layers:
        if not isinstance(value.of, tuple):
            yield source.problem(
                ("of",),
                Text(
                    "至少有一个图层符合的种类（本工作区没有）", "what some layer is (none of this workspace)"
                ),
            )
        return
    for i, text in enumerate(value.where):
        try:
            make_selection(ws, layers=layers, where=[text])
        except SelectionError as problem:
            yield source.problem(("where", i), Text(problem.text("zh"), problem.text("en")))
    known, personal = _columns(ws, layers), _personal(ws, layers)
    order = [word.removeprefix("-") for word in value.order]
    grouped = [] if value.group_by is None else [value.group_by]
    for key, words in (("columns", value.columns), ("order", order), ("group_by", grouped)):
        for i, word in enumerate(words):
            path = (key,) if key == "group_by" else (key, i)
            if word not in known:
                hint = closest(word, known)
                yield source.problem(path, one_of(known), found=shown(word), hint=hint)
            elif key != "columns" and (word in personal or word.startswith(_CONTACT)):
                yield source.problem(path, _PERSONAL, found=shown(word))


def _columns(ws: Workspace, layers: Sequence[str]) -> dict[str, Text]:
    """Return what a list of some layers may have of each record, with titles."""
    chosen = [ws.catalog.layer(one) for one in layers]
    fields = {field.id: field.title for layer in reversed(chosen) for field in reversed(layer.fields)}
    roles = {f"{_CONTACT}{role.id}": role.title for layer in chosen for role in layer.contacts}
    return {**CORE, **{key: title for key, title in fields.items() if key not in CORE}, **roles}


def _personal(ws: Workspace, layers: Sequence[str]) -> set[str]:
    return {f.id for one in layers for f in ws.catalog.layer(one).fields if f.personal}


def list_faults(ws: Workspace) -> list[CatalogProblem]:
    """Return every mistake in the lists of the workspace; a default that fits no layer of it is none."""
    return [problem for one in list_files(ws) if one.own for problem in one.problems]


def list_named(ws: Workspace, word: str) -> ListFile:
    """Return a list by its id or title. CatalogError says why one cannot be used, UnknownNameError names those there are."""
    files = _files(ws)
    for one in files:
        if word in {one.id, one.title.zh, one.title.en}:
            if problems := _checked(ws, one).problems:
                raise CatalogError(problems)
            return one
    raise no_such(Text("清单", "list"), word, [one.id for one in files])


def selection_of(
    ws: Workspace, one: ListFile, *, as_of: date | None = None, subdistricts: Sequence[str] = ()
) -> Selection:
    """Return what a list selects, as a selection that map, table and exports share."""
    conditions = () if one.value is None else one.value.where
    return make_selection(ws, layers=one.layers, where=conditions, subdistricts=subdistricts, as_of=as_of)


@dataclass(frozen=True, slots=True)
class Listed:
    """A list with its records in their order: `rows` column → value; `groups` value → how many, in their order."""

    list: ListFile
    columns: Mapping[str, Text]
    rows: tuple[Mapping[str, Any], ...]
    groups: Mapping[Any, int] | None
    as_of: date | None = None


def listed(
    ws: Workspace,
    one: ListFile,
    *,
    as_of: date | None = None,
    layers: Sequence[str] = (),
    subdistricts: Sequence[str] = (),
    unmasked: bool = False,
) -> Listed:
    """Return what a list holds now, or held on a past day; contacts masked unless `unmasked`, personal fields always.

    `layers`: of these alone. UnknownNameError where the list has none of that name.
    """
    assert one.value is not None
    value, titles = one.value, _columns(ws, one.layers)
    wanted = list(dict.fromkeys((*value.columns, *_sorting(value))))
    selection = selection_of(ws, one, as_of=as_of, subdistricts=subdistricts)
    if layers:
        selection = replace(selection, layers=_of_list(one, layers))
    found = select_json(ws, selection, as_of=as_of)["features"]
    people = _people(ws, found, wanted, as_of, unmasked=unmasked)
    rows = [_row(feature, wanted, people) for feature in found]
    for word in reversed(value.order):
        rows = in_order(ws, rows, word.removeprefix("-"), descending=word.startswith("-"))
    groups = None
    if value.group_by is not None:
        rows = in_order(ws, rows, value.group_by, descending=False)
        groups = _counted(rows, value.group_by)
    return Listed(one, {name: titles[name] for name in value.columns}, tuple(rows), groups, as_of)


def _of_list(one: ListFile, layers: Sequence[str]) -> tuple[str, ...]:
    for name in layers:
        if name not in one.layers:
            raise UnknownNameError(
                f"清单 {one.id} 没有图层 {name}；有：{'、'.join(one.layers)}",
                f"the list {one.id} has no layer {name}; it has: {', '.join(one.layers)}",
            )
    return tuple(layers)


def _sorting(value: RecordList) -> list[str]:
    grouped = () if value.group_by is None else (value.group_by,)
    return ["layer", "code", *(word.removeprefix("-") for word in value.order), *grouped]


def _row(
    feature: Mapping[str, Any], wanted: Sequence[str], people: Mapping[tuple[str, str], Mapping[str, str]]
) -> dict[str, Any]:
    mine = people.get((feature["layer"], feature["code"]), {})
    row: dict[str, Any] = {}
    for name in wanted:
        if name.startswith(_CONTACT):
            row[name] = mine.get(name.removeprefix(_CONTACT))
        elif name == "tier":
            row[name] = feature["tier"] or feature.get("grade")
        elif name == "overdue":
            row[name] = feature.get("overdue_days")
        elif name == "expired_items":
            row[name] = feature.get("expired")
        elif name in CORE:
            row[name] = feature.get(name)
        else:
            row[name] = feature["fields"].get(name)
    return row


def _people(
    ws: Workspace,
    found: Sequence[Mapping[str, Any]],
    wanted: Sequence[str],
    as_of: date | None,
    *,
    unmasked: bool,
) -> dict[tuple[str, str], dict[str, str]]:
    """Return of each record role → name and telephone number, masked or not; nothing where no column shows any."""
    if not any(name.startswith(_CONTACT) for name in wanted):
        return {}
    moment = None if as_of is None else last_moment(as_of)
    people: dict[tuple[str, str], dict[str, str]] = {}
    for layer in dict.fromkeys(one["layer"] for one in found):
        codes = [one["code"] for one in found if one["layer"] == layer]
        known = ws.ledger.features(layer, codes=codes, contacts=True, as_of=moment).records
        for code, contacts in zip(known.code, known.contacts or (), strict=False):
            people[layer, code] = {
                role: " ".join(filter(None, (one.name, one.phone)))
                for role, one in as_cells((contacts if unmasked else mask_contacts(contacts)) or ()).items()
            }
    return people


def in_order(
    ws: Workspace, rows: Sequence[dict[str, Any]], name: str, *, descending: bool
) -> list[dict[str, Any]]:
    """Return rows in the order of a column; equals stay as they are, what is not known stands last."""
    key = _sort_key(ws, name)
    known = [row for row in rows if row[name] is not None]
    return [
        *sorted(known, key=key, reverse=descending),
        *(row for row in rows if row[name] is None),
    ]


def _sort_key(ws: Workspace, name: str) -> Callable[[Mapping[str, Any]], tuple[int, float, str]]:
    """Return how the values of a column compare: numbers, states and choices in their order, anything else as text."""
    orders = {one.id: _order_of(one, name) for one in ws.catalog.layers.values()}

    def key(row: Mapping[str, Any]) -> tuple[int, float, str]:
        value = row[name]
        if name == "tier":
            return 0, float(WEIGHT_OF[value]), ""
        if isinstance(value, int | float):
            return 0, float(value), ""
        place = orders[row["layer"]].get(value) if isinstance(value, str) else None
        return (1, float(place), "") if place is not None else (2, 0.0, str(value))

    return key


def _order_of(layer: Layer, name: str) -> dict[str, int]:
    if name == "state" and layer.flow is not None:
        return {state.id: i for i, state in enumerate(layer.flow.states)}
    choices = layer.field(name).choices if name in layer.field_ids else ()
    return {choice.id: i for i, choice in enumerate(choices)}


def _counted(rows: Sequence[Mapping[str, Any]], name: str) -> dict[Any, int]:
    found: dict[Any, int] = {}
    for row in rows:
        value = _kept(row[name])
        found[value] = found.get(value, 0) + 1
    return found


def _kept(value: Any) -> Any:
    return "\n".join(map(str, value)) if isinstance(value, list) else value


def lists_json(ws: Workspace, lang: Lang = "zh") -> dict[str, Any]:
    """Return the document of `riskmap list --json` without an id: `count` is None for a list that cannot be used."""
    return {"lists": [_list_json(ws, one, lang) for one in list_files(ws)]}


def _list_json(ws: Workspace, one: ListFile, lang: Lang) -> dict[str, Any]:
    usable = not one.problems
    count = select_json(ws, selection_of(ws, one))["count"] if usable else None
    return {
        "id": one.id,
        "title": one.title.text(lang),
        "file": one.file,
        "default": not one.own,
        "status": None if one.value is None else one.value.status,
        "layers": list(one.layers),
        "count": count,
        "problems": [problem.text(lang) for problem in one.problems],
    }


def listed_json(ws: Workspace, found: Listed, lang: Lang = "zh") -> dict[str, Any]:
    """Return the document of `riskmap list ID --json`: values as `select` has them, groups with the words they go by."""
    one, value = found.list, found.list.value
    assert value is not None
    groups = (
        None
        if found.groups is None
        else [
            {"value": key, "title": _group_words(ws, found, key, lang), "count": n}
            for key, n in found.groups.items()
        ]
    )
    return {
        "list": {"id": one.id, "title": one.title.text(lang), "status": value.status, "source": value.source},
        "as_of": as_of_json(found.as_of),
        "count": len(found.rows),
        "columns": [{"id": name, "title": title.text(lang)} for name, title in found.columns.items()],
        "groups": groups,
        "rows": [
            {key: row[key] for key in dict.fromkeys(("layer", "code", *found.columns))} for row in found.rows
        ],
    }


def cell_words(ws: Workspace, row: Mapping[str, Any], name: str, lang: Lang) -> str:
    """Return a value of a row as people read it."""
    value = row[name]
    if value is None:
        return ""
    layer = ws.catalog.layer(row["layer"])
    if name == "layer":
        return layer.title.text(lang)
    if name == "tier":
        return TIER_TITLES[value].text(lang)
    if name == "expired_items":
        items = layer.checklist.items if layer.checklist else ()
        return t("export_list_separator", lang).join(i.title.text(lang) for i in items if i.id in value)
    if name == "flags":
        return t("export_list_separator", lang).join(FLAGS[flag].text(lang) for flag in value)
    if name == "state" and layer.flow is None:
        return t(f"list_{value}", lang)
    if name in layer.field_ids:
        return value_text(layer, name, _kept(value), lang)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _group_words(ws: Workspace, found: Listed, key: Any, lang: Lang) -> str:
    assert found.list.value is not None
    name = found.list.value.group_by or ""
    row = next(row for row in found.rows if _kept(row[name]) == key)
    return cell_words(ws, row, name, lang) or t("list_not_stated", lang)


def write_listed(ws: Workspace, found: Listed, path: Path, lang: Lang = "zh") -> None:
    """Write a list as xlsx. ExportError for another ending, or where it cannot be written."""
    write_list(path, sheet_of(ws, found, lang))


def sheet_of(ws: Workspace, found: Listed, lang: Lang) -> ListSheet:
    """Return a list as a sheet shows it: words in every cell, under its title, day and draft's mark."""
    value = found.list.value
    assert value is not None
    when = as_of_text(found.as_of or local_now())
    facts = [t("list_facts", lang, n=len(found.rows), when=when)]
    if value.status == "draft":
        facts.append(t("list_draft", lang, source=value.source))
    cells = [tuple(cell_words(ws, row, name, lang) for name in found.columns) for row in found.rows]
    groups, start = [], 0
    for key, n in (found.groups or {}).items():
        groups.append(ListGroup(_group_words(ws, found, key, lang), tuple(cells[start : start + n])))
        start += n
    return ListSheet(
        title=f"{ws.config.district} {found.list.title.text(lang)}",
        facts=tuple(facts),
        headers=tuple(title.text(lang) for title in found.columns.values()),
        groups=tuple(groups) if found.groups is not None else (ListGroup("", tuple(cells)),),
        demo=ws.demo,
        lang=lang,
    )
