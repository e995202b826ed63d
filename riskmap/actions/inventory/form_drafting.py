"""A first mapping of a superior's form, drafted from the form itself: its headers are matched as those of an import are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa

from riskmap.actions.inventory.forms import ENDING, known_fields
from riskmap.actions.workspace import Workspace
from riskmap.catalog import Layer
from riskmap.catalog.form_file import ENDINGS, FOLDER
from riskmap.catalog.layer import Choice
from riskmap.catalog.model import CHECKLIST_PREFIX, CONTACT_PREFIX
from riskmap.errors import Lang, RiskmapError
from riskmap.interface import option
from riskmap.io.files.atomic import replacing, together
from riskmap.io.files.cell_references import column_letters, column_number
from riskmap.io.files.file_checks import FileLimits, check
from riskmap.io.files.sandbox import parse
from riskmap.io.tables.headers import HeaderDictionary, Match
from riskmap.io.tables.layout import Header, find_header, trimmed
from riskmap.io.writers.filled_form import FilledColumn, FormRequest, PreparedForm, prepare_form
from riskmap.json_documents import Document
from riskmap.units import normalise_unit
from riskmap.vocabulary import TIER_TITLES, TIERS

_SERIAL: Final = re.compile(r"(?:序号|顺序号|编?次|no\.?)", re.IGNORECASE)


_TIER: Final = re.compile(r".*(?:风险)?(?:等级|分级|级别)")


_ENDS: Final = re.compile(r".*(?:合计|总计|小计|说明|备注：|填表|填报|审核|注[:：]|total)", re.IGNORECASE)


_ROWS: Final = 200  # of a sheet, in which its header is looked for


@dataclass(frozen=True, slots=True)
class FormDraft:
    """What was drafted: the mapping, its layer, column → header and what it is filled with ("" where nobody knows)."""

    path: Path
    layer: str
    sheet: str
    first_row: int
    rows: int
    columns: dict[str, tuple[str, str]]

    def as_json(self, lang: Lang = "zh") -> Document:  # noqa: ARG002 - headers are as the form has them
        """Return the document of `riskmap fill-form FORM --draft NAME --json`."""
        return {
            "file": str(self.path),
            "layer": self.layer,
            "sheet": self.sheet,
            "first_row": self.first_row,
            "rows": self.rows,
            "columns": [
                {"column": letters, "header": header, "filled_with": field or None}
                for letters, (header, field) in self.columns.items()
            ],
        }


@dataclass(frozen=True, slots=True)
class _Found:
    """A header that was found: the sheet, and what the rows of the sheet say."""

    sheet: str
    layer: Layer
    header: Header
    rows: Sequence[Sequence[str | None]]


def draft_form(ws: Workspace, form: Path, name: str, *, layer: str | None = None) -> FormDraft:
    """Copy a form into `forms/` and write a mapping beside it that its headers suggest; return what was written.

    `name`: of the mapping (forms/NAME.toml); `layer`: whose records, by default the one most of whose fields the
    headers name. RiskmapError where there is one of that name already, or no header names the fields of a layer.
    """
    stem = Path(name).name.removesuffix(ENDING)
    folder = ws.root / FOLDER
    target = folder / f"{stem}{ENDING}"
    if target.exists() or not stem or stem.startswith("."):
        raise RiskmapError(
            f"{FOLDER}/{stem}{ENDING}：已经有了，或不能作文件名，未写入；请用 {option('draft')} 另起一个名字",
            f"{FOLDER}/{stem}{ENDING} is there, or no name of a file, nothing was written; "
            f"choose another with {option('draft', 'en')}",
        )
    if form.suffix.lower() not in ENDINGS:
        raise RiskmapError(
            f"{form.name}：表样应为 {'、'.join(ENDINGS)}；请用 Excel 或 WPS 另存",
            f"{form.name}: a form is {', '.join(ENDINGS)}; save it so in Excel or WPS",
        )
    layers = [ws.catalog.layer(layer)] if layer else list(ws.catalog.layers.values())
    found = _found(form, layers)
    copy = folder / f"{stem}{form.suffix.lower()}"
    if copy.exists() and not copy.samefile(form):
        raise RiskmapError(
            f"{FOLDER}/{copy.name}：已经有另一个文件，未写入；请用 {option('draft')} 另起一个名字",
            f"{FOLDER}/{copy.name}: another file is there, nothing was written; choose another name with {option('draft', 'en')}",
        )
    first = found.header.last + 2
    rows = _room(found, first - 1)
    columns = _columns(form, found, first, rows)
    folder.mkdir(exist_ok=True)
    content = form.read_bytes()
    with together():
        if not copy.exists():
            with replacing(copy) as (room,):
                room.write_bytes(content)
        with replacing(target) as (room,):
            room.write_text("\n".join(_text(found, copy.name, first, rows, columns)) + "\n", encoding="utf-8")
    told = {letters: (header, what) for letters, header, what, _ in columns}
    return FormDraft(target, found.layer.id, found.sheet, first, rows, told)


def _found(form: Path, layers: Sequence[Layer]) -> _Found:
    limits = FileLimits()
    best: _Found | None = None
    for sheet in parse(form, check(form, form.name, limits), form.name, limits):
        texts = [column.slice(0, _ROWS).to_pylist() for column in trimmed(sheet)]
        rows = [list(row) for row in zip(*texts, strict=True)]
        for layer in layers if not sheet.hidden else ():
            header = find_header(rows, sheet, HeaderDictionary(layer))
            if header is not None and (best is None or header.strength > best.header.strength):
                best = _Found(sheet.name, layer, header, rows)
    if best is None:
        raise RiskmapError(
            f"{form.name}：认不出哪一行是表头、对应哪个图层；请用 {option('layer')} 写明图层，或照 docs/forms.md 自己写映射文件",
            f"{form.name}: no line is known as a header of a layer's fields; state the layer with {option('layer', 'en')}, "
            "or write the mapping yourself (docs/forms.md)",
        )
    return best


def _room(found: _Found, start: int) -> int:
    """Return how many rows follow the header that hold no words: 1 where the sheet ends there."""
    named = {match.heading.column for match in found.header.matches if match.target is not None}
    count = 0
    for row in found.rows[start:]:
        stated = {i: text for i, text in enumerate(row) if text}
        if named & stated.keys() or any(_ENDS.fullmatch(text) for text in stated.values()):
            break
        count += 1
    trailing = start + count >= len(found.rows)  # rows that only look like some end where the sheet does
    return max(count, 1) if not trailing else 1


_Column = tuple[str, str, str, str]  # letters, header, what fills it, line of the file


def _columns(form: Path, found: _Found, first: int, rows: int) -> list[_Column]:
    """Return the columns with a header, in their order."""
    matches = {match.heading.column + 1: match for match in found.header.matches if match.heading.text}
    none = pa.array([], pa.string())

    def asked(numbers: Iterable[int]) -> PreparedForm:
        columns = tuple(FilledColumn(number, "text", none) for number in numbers)
        return prepare_form(FormRequest(form, found.sheet, first, rows, first, 0, columns))

    prepared = asked(matches)
    covered = {column_number(one.key[1]) for one in prepared.mismatches if one.key[0] == "columns"}
    if covered:  # by the merged cells of another column
        prepared = asked(matches.keys() - covered)
    lists = prepared.lists if not prepared.mismatches else {}
    known = known_fields([found.layer])
    return [
        (
            column_letters(number),
            match.heading.text,
            *_filled(match, found.layer, known, lists.get(number, ())),
        )
        for number, match in matches.items()
        if number not in covered
    ]


def _filled(match: Match, layer: Layer, known: Mapping[str, object], words: Sequence[str]) -> tuple[str, str]:
    """Return what fills a column, and how the file says so; "" and a note where nobody knows."""
    leaf = match.heading.levels[-1].strip()
    if _SERIAL.fullmatch(leaf):
        return "running", "{ running = 1 }"
    name = _source(match.target)
    if layer.counts == "risk" and _TIER.fullmatch(leaf) and _declares(name, layer):
        titles = {tier: TIER_TITLES[tier].zh for tier in (*TIERS, "unrated")}
        return "tier", f'{{ field = "tier", words = {_table(titles)} }}'
    if name is None or name not in known:
        return "", ""
    field = layer.field(name) if name in layer.field_ids else None
    if field is None:
        return name, f'"{name}"'
    if field.type == "choice":
        return (
            name,
            f'{{ field = "{name}", words = {_table({c.id: _word(c, words) for c in field.choices})} }}',
        )
    unit = match.unit
    if field.unit and unit and normalise_unit(unit) != normalise_unit(field.unit):
        return name, f'{{ field = "{name}", unit = "{unit}" }}'
    return name, f'"{name}"'


def _declares(name: str | None, layer: Layer) -> bool:
    """Return whether a header means no field, or one in which somebody else stated a tier: forms want the assessed one."""
    if name is None or name not in layer.field_ids:
        return name is None
    return {choice.id for choice in layer.field(name).choices} == set(TIERS)


def _source(target: str | None) -> str | None:
    """Return what a mapping calls what a header means, None for what no column is filled with."""
    if target is None:
        return None
    if target.startswith("checklist:"):
        return CHECKLIST_PREFIX + target.removeprefix("checklist:")
    if target.startswith("contact:"):
        return CONTACT_PREFIX + target.removeprefix("contact:").replace(":", ".")
    return target


def _word(choice: Choice, words: Sequence[str]) -> str:
    """Return the form's word for a choice: the one of its own list that means it, else our title."""
    return next((one for one in words if one in {choice.title.zh, *choice.aliases}), choice.title.zh)


def _table(words: dict[str, str]) -> str:
    return "{ " + ", ".join(f"{key} = {_quoted(word)}" for key, word in words.items()) + " }"


def _quoted(text: str) -> str:
    plain = "".join(one if one.isprintable() else " " for one in text)
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _text(found: _Found, form: str, first: int, rows: int, columns: Sequence[_Column]) -> Iterator[str]:
    yield f"# 由 {form} 的表头起草，请逐列核对：riskmap fill-form --list 指出写错的地方；写法见 docs/forms.md"
    yield "# Drafted from the headers of the form: look at every column; see docs/forms.md"
    yield f"file = {_quoted(form)}"
    yield f"sheet = {_quoted(found.sheet)}"
    yield f"first_row = {first}"
    yield f"rows = {rows}"
    yield f'of = ["{found.layer.id}"]'
    yield ""
    yield "[columns]"
    for letters, header, what, line in columns:
        title = "".join(one if one.isprintable() else " " for one in header)
        yield (
            f"{letters} = {line}  # {title}"
            if what
            else f'# {letters} = ""  # {title}：没有对应的字段 no such field'
        )
