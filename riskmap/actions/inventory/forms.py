"""A superior's own form, filled row for row: which forms there are (`forms/*.toml`), what is wrong with one, filling it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, Literal

import pyarrow as pa

from riskmap.actions.figures import engine_of, period_of
from riskmap.actions.inventory.exporting import describe, inventory_of
from riskmap.actions.inventory.listing import make_selection
from riskmap.actions.inventory.record_lists import in_order
from riskmap.actions.records.editing import may_unmask, note_unmasked
from riskmap.actions.workspace import Workspace
from riskmap.catalog import Layer
from riskmap.catalog.form_file import FOLDER, SAID, FormCell, FormColumn, FormFile, filled_in, read_form
from riskmap.catalog.layer import Field, pieces
from riskmap.catalog.model import CHECKLIST_PREFIX, CONTACT_PREFIX
from riskmap.catalog.problems import TomlFile, closest, no_such, one_of, read_text, shown
from riskmap.errors import (
    CatalogError,
    CatalogProblem,
    ExportError,
    Lang,
    RiskmapError,
    SelectionError,
    Text,
    UnknownNameError,
)
from riskmap.io.files.atomic import WrittenFile, replacing, together
from riskmap.io.files.cell_references import cell_at, column_letters, column_number
from riskmap.io.files.leftovers import mark
from riskmap.io.writers.filled_form import (
    FilledColumn,
    FormRequest,
    Mismatch,
    PreparedForm,
    StatedCell,
    prepare_form,
    too_long_for_a_cell,
    write_form,
)
from riskmap.io.writers.record_columns import SheetColumn, flat, sheet_columns, standing_kind
from riskmap.json_documents import Document
from riskmap.moments import as_of_json, local_day, local_now
from riskmap.progress import UNWATCHED, Progress
from riskmap.reports.figures import FigureValue
from riskmap.rules.arrays import pc
from riskmap.rules.permissions import Actor
from riskmap.selection import Selection
from riskmap.units import convertible
from riskmap.values.inventory import DEMO_MARK, Inventory, LayerInventory
from riskmap.vocabulary import STANDINGS, TIER_TITLES

ENDING: Final = ".toml"


CORE: Final[Mapping[str, Text]] = {
    "layer": Text("图层", "layer"),
    "code": Text("编号", "code"),
    "name": Text("名称", "name"),
    "subdistrict": Text("街道", "sub-district"),
    "longitude": Text("经度", "longitude"),
    "latitude": Text("纬度", "latitude"),
    "tier": Text("等级", "tier"),
    "score": Text("得分", "score"),
    "missing": Text("缺项", "what is missing"),
    "rules": Text("直接判定", "direct rules"),
    "flags": Text("标记", "marks"),
    "updated_at": Text("修订时刻", "updated at"),
}
"""What a column may hold of every record, beside fields, checklist.ITEM and contact.ROLE.PART."""


_SORTED_BY: Final = ("layer", "code", "name", "subdistrict", "longitude", "latitude", "tier", "score")


_PARTS: Final = ("name", "phone", "post", "verified")


_NUMBERS: Final = frozenset({"number", "integer"})


_MOST_NAMED: Final = 5  # records in a message


_FILLING: Final = Text("整理各列", "preparing the columns")


_HANDING: Final = Text("放到指定位置", "putting the file in its place")


@dataclass(frozen=True, slots=True)
class FormMapping:
    """A form that there is: `value` None where its mapping has no form's shape, `problems` what keeps it from use."""

    id: str
    file: str
    path: Path
    value: FormFile | None
    source: TomlFile | None = None
    layers: tuple[str, ...] = ()
    problems: tuple[CatalogProblem, ...] = ()

    @property
    def title(self) -> str:
        """What it is called; its id where its file does not say."""
        return (self.value and self.value.title) or self.id

    @property
    def form(self) -> Path:
        """The form itself, beside its mapping."""
        assert self.value is not None
        return self.path.parent / self.value.file

    @property
    def takes_period(self) -> bool:
        """Whether some figure in a single cell is of the period that is asked for."""
        cells = self.value.cells.values() if self.value else ()
        return any(one.figure is not None and one.period is None for one in cells)


@dataclass(frozen=True, slots=True)
class FilledForm:
    """A form that was filled: the file, where its records stand, and which cell holds which figure."""

    mapping: FormMapping
    file: WrittenFile
    prepared: PreparedForm
    filter: Text
    query: str
    figures: Mapping[str, FigureValue] = field(default_factory=dict[str, FigureValue])
    as_of: date | None = None

    def as_json(self, lang: Lang = "zh") -> Document:
        """Return the document of `riskmap fill-form --json`."""
        prepared, value = self.prepared, self.mapping.value
        assert value is not None
        kept = ("id", "title", "value", "text", "unit", "period", "as_of", "query", "of")
        return {
            "form": self.mapping.id,
            "files": [{"path": str(self.file.path), "format": self.file.format, "rows": self.file.rows}],
            "count": self.file.rows,
            "sheet": prepared.sheet,
            "first_row": value.first_row,
            "room": value.rows,
            "added_rows": prepared.grown,
            "as_of": as_of_json(self.as_of),
            "filter": self.filter.text(lang),
            "query": self.query,
            "cells": [
                {"cell": cell, **{key: one.as_json(lang)[key] for key in kept}}
                for cell, one in self.figures.items()
            ],
            "kept": dict(prepared.kept),
        }


# Which forms there are


def form_mappings(ws: Workspace) -> list[FormMapping]:
    """Return every form of the workspace, in the order of their files."""
    return [_judged(ws, _mapping(ws, path)) for path in _files(ws)]


def form_titles(ws: Workspace) -> dict[str, str]:
    """Return of every form of the workspace id → title, without a look at what it asks for."""
    return {path.stem: _mapping(ws, path).title for path in _files(ws)}


def _files(ws: Workspace) -> list[Path]:
    return sorted((ws.root / FOLDER).glob(f"*{ENDING}"))


def _mapping(ws: Workspace, path: Path) -> FormMapping:
    name = f"{FOLDER}/{path.name}"
    try:
        value, source = read_form(read_text(path, name), name)
    except CatalogError as problem:
        return FormMapping(path.stem, name, path, None, problems=problem.problems)
    return FormMapping(path.stem, name, path, value, source, value.layers_among(ws.catalog.layers))


def _judged(ws: Workspace, form: FormMapping) -> FormMapping:
    """Return a form with what its mapping asks for and this workspace does not have."""
    if form.value is None or form.source is None:
        return form
    return replace(form, problems=tuple(_Judging(ws, form, form.value, form.source).problems()))


def form_faults(ws: Workspace) -> list[CatalogProblem]:
    """Return every mistake in the mappings of the workspace's forms."""
    return [problem for one in form_mappings(ws) for problem in one.problems]


def form_named(ws: Workspace, word: str) -> FormMapping:
    """Return a form by its id or title. CatalogError says why one cannot be used, UnknownNameError names those there are."""
    path = ws.root / FOLDER / f"{Path(word).name.removesuffix(ENDING)}{ENDING}"
    found = [_judged(ws, _mapping(ws, path))] if path.is_file() else form_mappings(ws)
    for one in found:
        if one.path == path or word == one.title:
            if one.problems:
                raise CatalogError(one.problems)
            return one
    if not found:
        raise UnknownNameError(
            f"没有表样 {word}：工作区的 {FOLDER}/ 里没有映射文件；写法见 docs/forms.md",
            f"no form {word}: there is no mapping in {FOLDER}/ of the workspace; see docs/forms.md",
        )
    raise no_such(Text("表样", "form"), word, [one.id for one in found])


def forms_json(ws: Workspace, lang: Lang = "zh") -> Document:
    """Return the document of `riskmap fill-form --list --json`."""
    return {
        "forms": [
            {
                "id": one.id,
                "title": one.title,
                "file": one.file,
                "form": None if one.value is None else f"{FOLDER}/{one.value.file}",
                "layers": list(one.layers),
                "rows": None if one.value is None else one.value.rows,
                "problems": [problem.text(lang) for problem in one.problems],
            }
            for one in form_mappings(ws)
        ]
    }


@dataclass(frozen=True, slots=True)
class _Judging:
    """A mapping that is held against layers, fields and figures."""

    ws: Workspace
    form: FormMapping
    value: FormFile
    source: TomlFile

    def problems(self) -> Iterator[CatalogProblem]:
        """Yield what the mapping asks for and this workspace does not have."""
        value, source, catalog = self.value, self.source, self.ws.catalog
        if not (self.form.path.parent / value.file).is_file():
            said = Text(f"{FOLDER}/ 里有的文件", f"a file that is in {FOLDER}/")
            yield source.problem(("file",), said)
        for i, one in enumerate(value.of if isinstance(value.of, tuple) else ()):
            if one not in catalog.layers:
                said = Text("能用的图层文件的标识", "the id of a layer file that can be used")
                yield source.problem(("of", i), said, hint=closest(one, catalog.layers))
        if not self.form.layers:
            if not isinstance(value.of, tuple):
                said = Text("至少有一个图层符合的种类", "what some layer is")
                yield source.problem(("of",), said)
            return
        for i, text in enumerate(value.where):
            try:
                make_selection(self.ws, layers=self.form.layers, where=[text])
            except SelectionError as problem:
                yield source.problem(("where", i), Text(problem.text("zh"), problem.text("en")))
        layers = [catalog.layer(one) for one in self.form.layers]
        known = known_fields(layers)
        for place, column in value.columns.items():
            if column.field is not None:
                yield from self._column(place, column, layers, known)
        sorting = [*_SORTED_BY, *(f.id for one in layers for f in one.fields if not f.personal)]
        for i, word in enumerate(value.order):
            name = word.removeprefix("-")
            if name not in sorting:
                hint = closest(name, sorting)
                yield source.problem(("order", i), one_of(dict.fromkeys(sorting)), hint=hint)
        for place, cell in value.cells.items():
            yield from self._cell(place, cell)

    def _column(
        self, place: str, column: FormColumn, layers: Sequence[Layer], known: Mapping[str, Text]
    ) -> Iterator[CatalogProblem]:
        path, name = ("columns", place), column.field or ""
        at = path if isinstance(self.source.at(path), str) else (*path, "field")
        if name not in known:
            near = closest(name, known)
            said = Text(
                f"字段的标识，或 {'、'.join(CORE)}、checklist.检查项、contact.角色.{'|'.join(_PARTS)}",
                f"the id of a field, or {', '.join(CORE)}, checklist.ITEM, contact.ROLE.{'|'.join(_PARTS)}",
            )
            yield self.source.problem(at, said, found=shown(name), hint=near)
            return
        fields = [one.field(name) for one in layers if name in one.field_ids]
        if column.unit is not None or column.decimals is not None:
            numeric = (
                all(one.type in _NUMBERS for one in fields)
                if fields
                else name in {"longitude", "latitude", "score"}
            )
            if not numeric:
                key = "unit" if column.unit is not None else "decimals"
                yield self.source.problem((*path, key), Text("只写在数字列里", "a key of numbers alone"))
            for one in fields if numeric and column.unit is not None else ():
                if convertible(one.unit, column.unit or "") is None:
                    said = Text(
                        f"能由“{one.unit or '无单位'}”换算的单位",
                        f"a unit that {one.unit or 'a bare number'} converts to",
                    )
                    yield self.source.problem((*path, "unit"), said)
            if column.unit is not None and not fields and numeric:
                yield self.source.problem(
                    (*path, "unit"), Text("字段自己的单位可换算时才写", "for a field with a unit alone")
                )
        if column.words is not None:
            yield from self._words(place, name, column.words, fields)

    def _words(
        self, place: str, name: str, words: Mapping[str, str], fields: Sequence[Field]
    ) -> Iterator[CatalogProblem]:
        """Yield ids of a table of words that nothing has: a slip of the pen would leave a word out."""
        ids = _ids_known(name, fields)
        if ids is None:
            return
        for word in words:
            if word not in ids:
                yield self.source.problem(
                    ("columns", place, "words", word), one_of(ids), found=shown(word), hint=closest(word, ids)
                )

    def _cell(self, place: str, cell: FormCell) -> Iterator[CatalogProblem]:
        path = ("cells", place)
        if cell.figure is None:
            return
        try:
            engine = engine_of(self.ws, period=period_of(self.ws, cell.period or self.value.period))
            found = engine.value(cell.figure_id)
        except RiskmapError as problem:
            yield self.source.problem((*path, "figure"), problem.say, found=shown(cell.figure_id))
            return
        if cell.unit is not None and convertible(found.unit, cell.unit) is None:
            said = Text(
                f"能由“{found.unit or '无单位'}”换算的单位",
                f"a unit that {found.unit or 'a bare number'} converts to",
            )
            yield self.source.problem((*path, "unit"), said)


def known_fields(layers: Sequence[Layer]) -> dict[str, Text]:
    """Return what a column may hold of the records of some layers, with titles."""
    found = dict(CORE)
    for layer in layers:
        found |= {one.id: one.title for one in layer.fields if one.id not in found}
        items = layer.checklist.items if layer.checklist else ()
        found |= {f"{CHECKLIST_PREFIX}{one.id}": one.title for one in items}
        found |= {f"{CONTACT_PREFIX}{one.id}.{part}": one.title for one in layer.contacts for part in _PARTS}
    return found


def _ids_known(name: str, fields: Sequence[Field]) -> list[str] | None:
    """Return the ids that a column of words may have, None where any text may be one."""
    if name == "tier":
        return list(STANDINGS)
    if name.startswith(CHECKLIST_PREFIX) and not fields:
        return ["true", "false"]
    if any(one.type not in {"choice", "boolean"} or one.open for one in fields) or not fields:
        return None
    choices = [choice.id for one in fields for choice in one.choices]
    return [*choices, *(["true", "false"] if any(one.type == "boolean" for one in fields) else [])]


# Filling one


def fill_form(
    ws: Workspace,
    form: FormMapping,
    selection: Selection,
    to: Path,
    *,
    period: str | None = None,
    as_of: date | None = None,
    unmasked: bool = False,
    by: Actor | None = None,
    why: str = "",
    lang: Lang = "zh",
    progress: Progress = UNWATCHED,
) -> FilledForm:
    """Write a superior's form with one record a row: every selected record once, everything else as it is in the form.

    The records are those that the selection and the mapping both mean. What was written is read back and compared
    before the file is there. Persons are masked unless `unmasked`, which is recorded. `period`: of figures in single
    cells. CatalogError names what of mapping, form and records does not fit one another, with file, key and cell;
    SelectionError a selection of other layers; UnreadableFileError a form that cannot be read; ExportError where the
    file cannot be written. Stopped by its `progress`, it raises Cancelled and nothing is written.
    """
    if form.problems:
        raise CatalogError(form.problems)
    value, source = form.value, form.source
    assert value is not None
    assert source is not None
    _ending(form, to)
    selection = narrowed(ws, form, selection, as_of=as_of)
    if unmasked:
        may_unmask(selection.to_text(), by=by, why=why)
    collecting, preparing, writing = progress.parts(3, 2, 5)
    inventory = inventory_of(
        ws, selection, as_of=as_of, unmasked=unmasked, by=by, lang=lang, progress=collecting
    )
    preparing.step(0, 1, _FILLING)
    filling = _Filling(ws, form, value, source, inventory, lang)
    columns = filling.columns()
    cells, figures = _cells(ws, form, period=period, as_of=as_of, by=by, lang=lang)
    request = FormRequest(
        form=form.form,
        sheet=value.sheet,
        first=value.first_row,
        rows=value.rows,
        pattern=value.pattern_row,
        count=len(inventory),
        columns=tuple(columns),
        cells=tuple(cells),
        mark=DEMO_MARK if inventory.demo else "",
    )
    preparing.step(1, 2, _FILLING)
    prepared = prepare_form(request)
    if prepared.mismatches:
        raise CatalogError(tuple(_mismatch(source, one) for one in prepared.mismatches))
    filling.hold_against(prepared)
    with together():
        with replacing(to) as (path,):
            write_form(prepared, path, writing)
            writing.step(1, 1, _HANDING)
        if unmasked:
            note_unmasked(ws, selection.to_text(), by=by, why=why)
    placed = {prepared.place(*(cell_at(cell) or (1, 1))): one for cell, one in figures.items()}
    done = WrittenFile(to, to.suffix.lower().lstrip("."), len(inventory))
    return FilledForm(form, done, prepared, describe(ws, selection), selection.to_text(), placed, as_of)


def form_bytes(
    ws: Workspace,
    form: FormMapping,
    selection: Selection,
    *,
    period: str | None = None,
    as_of: date | None = None,
    by: Actor | None = None,
    lang: Lang = "zh",
    progress: Progress = UNWATCHED,
) -> bytes:
    """Return a superior's form, filled and masked. Raises what `fill_form` raises."""
    with tempfile.TemporaryDirectory(prefix=f"riskmap{mark()}") as folder:
        to = Path(folder) / f"form{form.form.suffix}"
        fill_form(ws, form, selection, to, period=period, as_of=as_of, by=by, lang=lang, progress=progress)
        return to.read_bytes()


def narrowed(
    ws: Workspace, form: FormMapping, selection: Selection, *, as_of: date | None = None
) -> Selection:
    """Return what a selection and a mapping both mean. SelectionError where they share no layer."""
    value = form.value
    assert value is not None
    layers = [one for one in form.layers if not selection.layers or one in selection.layers]
    if not layers:
        titles = [ws.catalog.title(one) for one in form.layers]
        raise SelectionError(
            f"{form.title}：这张表填的是{'、'.join(one.zh for one in titles)}，所选图层里没有；请改选图层",
            f"{form.title}: this form is of {', '.join(one.en for one in titles)}, none of which is chosen; "
            "choose other layers",
        )
    own = make_selection(ws, layers=form.layers, where=value.where, as_of=as_of)
    return replace(selection, layers=tuple(layers), where=(*selection.where, *own.where))


def _ending(form: FormMapping, to: Path) -> None:
    if to.suffix.lower() != form.form.suffix.lower():
        raise ExportError(
            f"{to}：表样是 {form.form.suffix}，填好的也要写成 {form.form.suffix}",
            f"{to}: the form is {form.form.suffix}, and so is the filled one",
        )
    if to.exists() and form.form.exists() and to.samefile(form.form):
        raise ExportError(
            f"{to}：这是空白表样本身；请写到别的文件",
            f"{to}: this is the blank form itself; write to another file",
        )


def _mismatch(source: TomlFile, one: Mismatch) -> CatalogProblem:
    key: tuple[str, ...] = one.key
    while len(key) > 1 and source.at(key) is None:
        key = key[:-1]
    return source.problem(key, one.expected, found=one.found)


@dataclass(frozen=True, slots=True)
class _Filling:
    """Records on their way into the columns of a form."""

    ws: Workspace
    form: FormMapping
    value: FormFile
    source: TomlFile
    inventory: Inventory
    lang: Lang

    def columns(self) -> list[FilledColumn]:
        """Return what each column of the form holds, records in the order of the mapping."""
        parts = self.inventory.layers
        made = [{one.role: one for one in sheet_columns(part, self.lang)} for part in parts]
        order = self._order()
        found, problems = [], list[CatalogProblem]()
        for place, column in self.value.columns.items():
            number = column_number(place)
            if column.field is None:
                found.append(self._plain(number, column))
                continue
            kinds, pieces_of = [], []
            for part, sheet in zip(parts, made, strict=True):
                kind, values = self._values(part, sheet, column, place, problems)
                kinds.append(kind)
                pieces_of.append(values)
            kinds = [
                kind for kind, values in zip(kinds, pieces_of, strict=True) if values.null_count < len(values)
            ]
            kind = kinds[0] if kinds and len(set(kinds)) == 1 else "text"
            values = pa.concat_arrays(pieces_of).take(order) if pieces_of else pa.array([], pa.string())
            self._fits(place, values, order, problems)
            found.append(FilledColumn(number, kind, values, column.empty))
        if problems:
            raise CatalogError(tuple(problems))
        return found

    def _plain(self, number: int, column: FormColumn) -> FilledColumn:
        count = len(self.inventory)
        if column.running is None:
            return FilledColumn(number, "text", pa.array([column.text or None] * count, pa.string()))
        start = column.running
        return FilledColumn(number, "number", pa.array(map(str, range(start, start + count)), pa.string()))

    def _order(self) -> pa.Array:
        """Return in which order the records are written: that of the mapping, else as they are listed."""
        rows: list[dict[str, Any]] = []
        words = [word.removeprefix("-") for word in self.value.order]
        for part in self.inventory.layers:
            columns = {word: _raw(part, word) for word in words}
            for i in range(len(part)):
                row = {word: values[i] for word, values in columns.items()}
                rows.append({**row, "layer": part.layer.id, "#": len(rows)})
        for word in reversed(self.value.order):
            rows = in_order(self.ws, rows, word.removeprefix("-"), descending=word.startswith("-"))
        return pa.array([row["#"] for row in rows], pa.int64())

    def _values(
        self,
        part: LayerInventory,
        sheet: Mapping[str, SheetColumn],
        column: FormColumn,
        place: str,
        problems: list[CatalogProblem],
    ) -> tuple[Literal["text", "number", "day"], pa.Array]:
        """Return the values of a column of one layer's records as texts, and what they are."""
        name, none = column.field or "", pa.nulls(len(part), pa.string())
        if column.words is not None:
            return "text", self._worded(part, column, place, problems)
        if name == "layer":
            return "text", pa.array([part.layer.title.text(self.lang)] * len(part), pa.string())
        found = sheet.get(_role(part.layer, name))
        if found is None:
            return "text", none
        values = found.values
        if found.kind in {"number", "integer", "degrees"}:
            unit = part.layer.field(name).unit if name in part.layer.field_ids else ""
            return "number", _digits(values, unit, column.unit, column.decimals)
        texts = values.cast(pa.string())
        texts = pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)
        return ("day" if found.kind == "date" else "text"), texts

    def _worded(
        self, part: LayerInventory, column: FormColumn, place: str, problems: list[CatalogProblem]
    ) -> pa.Array:
        """Return the form's words for ids; an id without one is a problem that names it and its records."""
        words, codes = column.words or {}, part.table["code"].to_pylist()
        lost: dict[str, list[str]] = {}
        made: list[str | None] = []
        for code, raw in zip(codes, _raw(part, column.field or ""), strict=True):
            if raw is None:
                made.append(None)
                continue
            said = []
            for one in pieces(str(raw).lower() if isinstance(raw, bool) else str(raw)):
                if one in words:
                    said.append(words[one])
                else:
                    lost.setdefault(one, []).append(code)
            made.append("、".join(dict.fromkeys(said)) or None)
        for one, whose in lost.items():
            title = _title_of(part.layer, column.field or "", one)
            problems.append(
                self.source.problem(
                    ("columns", place, "words"),
                    Text(
                        f'这里写明 {one}（{title.zh}）对应的字：{one} = "…"',
                        f'a word for {one} ({title.en}): {one} = "…"',
                    ),
                    found=f"{one}：{_named_records(whose)}",
                )
            )
        return pa.array(made, pa.string())

    def _fits(
        self,
        place: str,
        values: pa.Array,
        order: pa.Array,
        problems: list[CatalogProblem],
    ) -> None:
        at = too_long_for_a_cell(values)
        if at is not None:
            said = Text("不超过 32767 个字符的内容", "what has 32,767 characters at most")
            found = (
                f"{column_letters(column_number(place))}{self.value.first_row + at}：{self._code(order, at)}"
            )
            problems.append(self.source.problem(("columns", place), said, found=found))

    def _code(self, order: pa.Array, at: int) -> str:
        codes = [code for part in self.inventory.layers for code in part.table["code"].to_pylist()]
        return codes[order[at].as_py()]

    def hold_against(self, prepared: PreparedForm) -> None:
        """Hold the words of each column against the closed list that the form itself has there."""
        problems: list[CatalogProblem] = []
        order: pa.Array | None = None
        for column in prepared.request.columns:
            known = prepared.lists.get(column.column)
            if known is None or column.kind != "text":
                continue
            place = column_letters(column.column)
            stated = [
                *pc.unique(column.values.drop_null()).to_pylist(),
                *([column.empty] if column.empty else []),
            ]
            for word in (one for one in stated if one.strip() not in known):
                at = pc.index(column.values, word).as_py()
                order = self._order() if order is None else order
                where = f"{place}{self.value.first_row + at} {self._code(order, at)}" if at >= 0 else place
                said = one_of(known)
                problems.append(
                    self.source.problem(
                        ("columns", place),
                        Text(
                            f"表样下拉框里的字（{said.zh}）；用 words 对应",
                            f"a word of the form's own list ({said.en}); state it in words",
                        ),
                        found=f"{shown(word)}（{where}）",
                    )
                )
        if problems:
            raise CatalogError(tuple(problems))


def _named_records(codes: Sequence[str]) -> str:
    listed = "、".join(codes[:_MOST_NAMED])
    return listed if len(codes) <= _MOST_NAMED else f"{listed}… ({len(codes)})"


def _title_of(layer: Layer, name: str, one: str) -> Text:
    """Return the title of a choice or tier, the id where it has none."""
    if name == "tier":
        return TIER_TITLES.get(one, Text(one, one))
    choices = layer.field(name).choices if name in layer.field_ids else ()
    return next((choice.title for choice in choices if choice.id == one), Text(one, one))


def _role(layer: Layer, name: str) -> str:
    """Return the role of a sheet's column that a word of a mapping names."""
    if name in layer.field_ids:
        return name
    if name == "tier":
        return f"assessed_{standing_kind(layer) or 'tier'}"
    if name in {"score", "missing", "rules"}:
        return f"assessed_{name}"
    if name.startswith(CHECKLIST_PREFIX):
        return f"checklist:{name.removeprefix(CHECKLIST_PREFIX)}"
    if name.startswith(CONTACT_PREFIX):
        role, _, part = name.removeprefix(CONTACT_PREFIX).rpartition(".")
        return f"contact:{role}:{part}"
    return name


def _raw(part: LayerInventory, name: str) -> list[Any]:
    """Return values as the ledger has them: ids of choices and tiers."""
    table, layer = part.table, part.layer
    if name in layer.field_ids:
        return flat(table[f"f:{name}"]).to_pylist()
    if name == "layer":
        return [layer.id] * len(part)
    if name == "tier":
        known = standing_kind(layer) is not None
        return [STANDINGS[rank] if known else None for rank in flat(table["rank"]).to_pylist()]
    if (
        name.startswith(CHECKLIST_PREFIX)
        and layer.checklist is not None
        and "checklist" in table.column_names
    ):
        ids = [item.id for item in layer.checklist.items]
        word = name.removeprefix(CHECKLIST_PREFIX)
        at = ids.index(word) if word in ids else len(ids)
        return [row[at] if row and at < len(row) else None for row in table["checklist"].to_pylist()]
    column = {"longitude": "lon", "latitude": "lat"}.get(name, name)
    return flat(table[column]).to_pylist() if column in table.column_names else [None] * len(part)


def _digits(values: pa.Array, unit: str, to: str | None, decimals: int | None) -> pa.Array:
    """Return numbers as their digits, in another unit, rounded half up where decimals are stated."""
    if to is None and decimals is None:
        return values.cast(pa.string())
    factor = Fraction(1) if to is None else convertible(unit, to) or Fraction(1)

    def digits(value: float | None) -> str | None:
        return None if value is None else decimal_text(Fraction(str(value)) * factor, decimals)

    return pa.array(map(digits, values.to_pylist()), pa.string())


def decimal_text(value: Fraction, decimals: int | None) -> str:
    """Return a number with so many decimals, rounded half up; as many as it has (15 digits) where none are stated."""
    exact = Decimal(value.numerator) / Decimal(value.denominator)
    if decimals is not None:
        return str(exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP))
    return f"{float(exact):.15g}"


def _cells(
    ws: Workspace, form: FormMapping, *, period: str | None, as_of: date | None, by: Actor | None, lang: Lang
) -> tuple[list[StatedCell], dict[str, FigureValue]]:
    """Return what single cells hold, and cell → its figure."""
    value, source = form.value, form.source
    assert value is not None
    assert source is not None
    engines: dict[str | None, Any] = {}
    day = local_day(as_of) if as_of else local_now().date()
    told: dict[str, FigureValue] = {}
    found: list[StatedCell] = []
    for place, cell in value.cells.items():
        row, column = cell_at(place) or (1, 1)
        asked = cell.period or period or value.period
        kind: Literal["text", "number"] = "text"
        text = ""
        if cell.figure is not None:
            if asked not in engines:
                engines[asked] = engine_of(ws, period=period_of(ws, asked), as_of=as_of)
            one = _told(source, place, lambda asked=asked, cell=cell: engines[asked].value(cell.figure_id))
            told[place] = one
            text, kind = _printed(one, cell, lang)
        if cell.text is not None:
            kind = "text"
            said = {"district": ws.config.district, "by": by.name if by else "", "period": asked or ""}
            said |= {"year": str(day.year), "month": str(day.month), "day": str(day.day)}
            said |= {"quarter": str((day.month + 2) // 3), "value": text}
            assert said.keys() - {"value"} == SAID.keys()
            text = filled_in(cell.text, said)
        found.append(StatedCell(row, column, kind, text, ("cells", place)))
    return found, told


def _told(source: TomlFile, place: str, value: Callable[[], FigureValue]) -> FigureValue:
    try:
        return value()
    except RiskmapError as problem:
        raise CatalogError((source.problem(("cells", place, "figure"), problem.say),)) from problem


def _printed(one: FigureValue, cell: FormCell, lang: Lang) -> tuple[str, Literal["text", "number"]]:
    """Return a figure as its cell has it: a number, or the text of one that has a sign or cannot be told."""
    if one.value is None:
        return one.told(lang), "text"
    if cell.unit is not None or cell.decimals is not None:
        factor = (convertible(one.unit, cell.unit) if cell.unit else None) or Fraction(1)
        exact = one.exact if cell.decimals is not None and one.exact is not None else Fraction(one.value)
        return decimal_text(exact * factor, cell.decimals), "number"
    plain = one.text.replace(",", "")
    try:
        return str(Decimal(plain)), "number"
    except ArithmeticError:
        return one.told(lang), "text"
