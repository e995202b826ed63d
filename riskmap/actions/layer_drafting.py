"""A layer file drafted from a file's headers and values, and a model where its records are risks: to be edited.

What is written loads as it stands. What cannot be known from one file is said in it: that it is a draft, that
limits and numbers are nobody's, that a choice may have more words than this file holds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, cast

import pyarrow as pa

from riskmap.actions.workspace import Workspace
from riskmap.catalog.layer import Field, FieldType
from riskmap.catalog.layer_file import read_layer
from riskmap.catalog.loader import model_for
from riskmap.catalog.roles import Counts
from riskmap.errors import RiskmapError
from riskmap.interface import option
from riskmap.io.files import RawSheet, file_checks
from riskmap.io.files.atomic import replacing
from riskmap.io.files.file_checks import FileLimits
from riskmap.io.files.sandbox import parse
from riskmap.io.tables.headers import HeaderCell, HeaderDictionary, Match, match_headers
from riskmap.io.tables.kept_columns import not_kept
from riskmap.io.tables.layout import Header, find_header, sort_lines, stated_header, trimmed
from riskmap.json_documents import Document
from riskmap.rules.cell import judge_day
from riskmap.rules.extras import holds_people
from riskmap.rules.judge import rules_of
from riskmap.rules.shape import KIND_OF_TYPE
from riskmap.rules.vocabulary import yes_no
from riskmap.units import convertible

_ROWS: Final = 5_000  # that are looked at


_MOST_CHOICES: Final = 12


_ENDS: Final = {"code": ("编号", "编码", "代码", "code", "id"), "name": ("名称", "名字", "name")}


_UNIT: Final = re.compile(r"\s*[(（\[【]\s*(?:单位[:：]?)?\s*([^()（）\[\]【】]+?)\s*[)）\]】]\s*$")


_WHOLE: Final = re.compile(r"-?\d{1,15}(?:\.0+)?")


_NUMBER: Final = re.compile(r"-?\d{1,15}(?:\.\d+)?")


_CODE_LIKE: Final = re.compile(r"0\d+|\d{12,}")


@dataclass(frozen=True, slots=True)
class DraftField:
    """A field as it is drafted: `header` is the column's, `choices` (id, zh, en) of the words of the file."""

    id: str
    header: str
    title: str
    english: str
    type: FieldType
    unit: str = ""
    choices: tuple[tuple[str, str, str], ...] = ()
    personal: bool = False


@dataclass(frozen=True, slots=True)
class LayerDraft:
    """What was drafted: files, their texts, and what the columns of the file became."""

    id: str
    file: Path
    fields: tuple[DraftField, ...]
    core: tuple[tuple[str, str], ...]  # (header, core role) of what every layer has
    model: Path | None = None

    def as_json(self) -> Document:
        """Return the document of `riskmap layer new --json`."""
        return {
            "layer": self.id,
            "file": str(self.file),
            "model": None if self.model is None else str(self.model),
            "fields": [{"id": f.id, "type": f.type, "header": f.header} for f in self.fields],
            "core": [{"header": header, "role": role} for header, role in self.core],
        }


def draft_layer(ws: Workspace, path: Path, *, layer_id: str = "", counts: Counts = "resource") -> LayerDraft:
    """Write `layers/ID.toml`, and `models/ID.toml` where the records are risks, from a file; return what was written.

    `layer_id`: by default from the file's name. RiskmapError where the id is used, where the file has no
    header, or where risks have nothing that could be scored.
    """
    blank = read_layer(_layer_text("draft"), "draft")  # what every layer has
    sheet, header, rows = _table(path, HeaderDictionary(blank))
    name = layer_id or _slug(path.name.split(".")[0], {*ws.catalog.layers, *ws.catalog.models}, "layer")
    target, model = ws.root / "layers" / f"{name}.toml", ws.root / "models" / f"{name}.toml"
    _refuse_used(ws, name, target, model)
    header = _with_code_and_name(header, rows)
    fields = tuple(_fields(ws, header, rows, blank.field_ids))
    core = tuple((m.heading.text, m.target) for m in header.matches if m.target and m.heading.text)
    named = {role: text for text, role in core if role in _ENDS}
    geometry = _geometry(sheet)
    title = path.name.split(".")[0]
    text = _layer_text(
        name, fields, title=title, geometry=geometry, counts=counts, named=named, file=path.name
    )
    layer = read_layer(text, f"layers/{target.name}")
    scored = None
    if counts == "risk":
        scored = _model_text(name, title, fields, path.name)
        model_for(layer, scored, f"models/{model.name}")
    for place, content in ((model, scored), (target, text)):
        if content is not None:
            with replacing(place) as (room,):
                room.write_text(content, encoding="utf-8")
    return LayerDraft(name, target, fields, core, model if scored is not None else None)


def _with_code_and_name(header: Header, rows: Sequence[Sequence[str | None]]) -> Header:
    """Let 泵站编号 and 泵站名称 be code and name where no column has a header that every layer knows."""
    matches = list(header.matches)
    for role, words in _ENDS.items():
        if any(match.target == role for match in matches):
            continue
        for at, match in enumerate(matches):
            texts = rows[match.heading.column] if match.heading.column < len(rows) else []
            every = all(texts) and (role != "code" or len(set(texts)) == len(texts))
            if match.target is None and match.heading.text.casefold().endswith(words) and every:
                matches[at] = replace(match, target=role)
                break
    return replace(header, matches=tuple(matches))


def _refuse_used(ws: Workspace, name: str, target: Path, model: Path) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", name):
        raise RiskmapError(
            f"{option('id')} {name!r}：不能作图层标识；请用小写字母开头，只含小写字母、数字和 _",
            f"{option('id', 'en')} {name!r} is no layer id: a lower-case letter, then letters, digits and _",
        )
    if name in ws.catalog.layers or target.exists() or model.exists():
        raise RiskmapError(
            f"{target.name}：这个标识已经用过，未写入；请用 {option('id')} 另起一个",
            f"{target.name}: the id is used already, nothing was written; choose another with {option('id', 'en')}",
        )


def _table(path: Path, blank: HeaderDictionary) -> tuple[RawSheet, Header, list[list[str | None]]]:
    """Return the first sheet with a header, its header and the texts of its data rows, column by column."""
    limits = FileLimits()
    kind = file_checks.check(path, path.name, limits)
    for sheet in parse(path, kind, path.name, limits):
        columns = trimmed(sheet)
        if not columns or sheet.hidden:
            continue
        if sheet.header is not None:
            headings = [HeaderCell(i, (text,)) for i, text in enumerate(sheet.header)]
            header: Header | None = stated_header(sheet, blank) or Header(
                -1, -1, match_headers(headings, blank)
            )
        else:
            header = _header(sheet, columns, blank)
        if header is None:
            continue
        lines = sort_lines(
            columns, header, start=header.last + 1, spellings=blank.spellings, is_section=lambda _line: None
        )
        at = pa.array(lines.data[:_ROWS])
        return sheet, header, [column.take(at).to_pylist() for column in columns]
    raise RiskmapError(
        f"{path.name}：没有找到表头；请保留写有列名的一行",
        f"{path.name}: no header was found; keep the line with the names of the columns",
    )


def _header(sheet: RawSheet, columns: Sequence[pa.ChunkedArray], blank: HeaderDictionary) -> Header | None:
    """Return the header that names what every layer has, else the first line whose words all differ."""
    rows = [list(row) for row in zip(*(c.slice(0, 60).to_pylist() for c in columns), strict=True)]
    found = find_header(rows, sheet, blank)
    if found is not None:
        return found
    for number, row in enumerate(rows):
        words = [text for text in row if text]
        if len(words) >= 2 and len(set(words)) == len(words) and not any(map(_NUMBER.fullmatch, words)):  # noqa: PLR2004
            headings = [HeaderCell(i, (text,) if text else ()) for i, text in enumerate(row)]
            return Header(number, number, match_headers(headings, blank))
    return None


def _geometry(sheet: RawSheet) -> str:
    """Return the kind of the file's shapes; a table's rows are points."""
    if sheet.shapes is None or sheet.shapes.null_count == len(sheet.shapes):
        return "point"
    import shapely  # noqa: PLC0415 - only a map file needs it

    kinds = shapely.get_type_id(shapely.from_wkb([w for w in sheet.shapes.to_pylist() if w]))
    return KIND_OF_TYPE.get(int(kinds[0]), "point")


def _fields(
    ws: Workspace, header: Header, rows: Sequence[Sequence[str | None]], common: Collection[str]
) -> Iterator[DraftField]:
    used = {"code", "name", "subdistrict", *common}
    for match in header.matches:
        column = match.heading.column
        if match.target is not None or not match.heading.text or column >= len(rows):
            continue
        if not_kept(match.heading.text):
            continue
        drafted = _field(ws, match, [text for text in rows[column] if text], used)
        used.add(drafted.id)
        yield drafted


def _field(ws: Workspace, match: Match, texts: Sequence[str], used: Collection[str]) -> DraftField:
    header = match.heading.text
    title, unit = _without_unit(header)
    known = _known(ws, header, texts)
    if known is not None and known.id not in used:
        choices = tuple((c.id, c.title.zh, c.title.en) for c in known.choices)
        return DraftField(
            known.id, header, known.title.zh, known.title.en, known.type, known.unit, choices, known.personal
        )
    name = _slug(title, used, f"column_{match.heading.column + 1}")
    drafted = DraftField(name, header, title, name.replace("_", " ").capitalize(), "text")
    if holds_people(header, texts):
        return replace(drafted, personal=True)
    kind, words = _kind(texts)
    if kind in {"integer", "number"}:
        return replace(drafted, type=kind, unit=unit)
    return replace(drafted, title=header if unit else title, type=kind, choices=tuple(_choices(words)))


def _choices(words: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    used: set[str] = set()
    for number, word in enumerate(words, start=1):
        one = _slug(word, used, f"choice_{number}")
        used.add(one)
        yield one, word, word


def _known(ws: Workspace, header: str, texts: Sequence[str]) -> Field | None:
    """Return the field of another layer that has this header and reads most of what stands under it."""
    for layer in ws.catalog.layers.values():
        target, _, unit = HeaderDictionary(layer).look_up(header)
        if target in layer.field_ids and texts:
            values = (
                rules_of(layer).of(cast("str", target)).column(pa.array(texts, pa.string()), unit=unit).values
            )
            if sum(value is None for value in values) * 10 <= len(values):
                return layer.field(cast("str", target))
    return None


def _without_unit(header: str) -> tuple[str, str]:
    """Return a header without the unit in brackets, and the unit."""
    found = _UNIT.search(header)
    if found is None or convertible(found[1], found[1]) is None:
        return header, ""
    return header[: found.start()].strip() or header, found[1]


def _kind(texts: Sequence[str]) -> tuple[FieldType, tuple[str, ...]]:
    """Return the type that every text of a column has, and the words of a choice."""
    words = list(dict.fromkeys(text.strip() for text in texts))
    if not words or any(map(_CODE_LIKE.fullmatch, words)):
        return "text", ()
    if all(map(_WHOLE.fullmatch, words)):
        return "integer", ()
    if all(map(_NUMBER.fullmatch, words)):
        return "number", ()
    if all(yes_no(word) is not None for word in words):
        return "boolean", ()
    if all(isinstance(judge_day(word).value, str) for word in words):
        return "date", ()
    few = (
        len(words) <= _MOST_CHOICES and len(words) * 2 <= len(texts) and max(map(len, words)) <= _MOST_CHOICES
    )
    return ("choice", tuple(words)) if few else ("text", ())


def _slug(text: str, used: Collection[str], otherwise: str) -> str:
    """Return an id from the Latin letters of a text, else `otherwise`; a number follows where it is used."""
    plain = re.sub(r"[^a-z0-9]+", "_", text.casefold()).strip("_")
    stem = plain[:40] if re.match(r"[a-z]{2}", plain) else otherwise
    name, n = stem, 2
    while name in used:
        name, n = f"{stem}_{n}", n + 1
    return name


def _layer_text(
    name: str,
    fields: Sequence[DraftField] = (),
    *,
    title: str = "-",
    geometry: str = "point",
    counts: Counts = "resource",
    named: Mapping[str, str] | None = None,
    file: str = "",
) -> str:
    file = " ".join(file.split())
    aliases = [f"{role} = [{_quoted(header)}]" for role, header in (named or {}).items()]
    head = [
        f"# 草稿，由 {file} 的表头和内容生成；请核对标题、类型、单位和选项后使用。写法见 docs/layers.md",
        f"# A draft from headers and values of {file}: check titles, types, units and choices.",
        "",
        f"id = {_quoted(name)}",
        f"title = {{ zh = {_quoted(title)}, en = {_quoted(title)} }}",
        f"geometry = {_quoted(geometry)}",
        f"counts = {_quoted(counts)}",
        *([f"model = {_quoted(name)}"] if counts == "risk" else []),
        *(["", "[aliases]", *aliases] if aliases else []),
    ]
    return "\n".join([*head, *(line for field in fields for line in _field_lines(field))]) + "\n"


def _field_lines(field: DraftField) -> Iterator[str]:
    yield from ("", "[[fields]]", f"id = {_quoted(field.id)}")
    yield f"title = {{ zh = {_quoted(field.title)}, en = {_quoted(field.english)} }}"
    yield f"type = {_quoted(field.type)}"
    if field.unit:
        yield f"unit = {_quoted(field.unit)}"
    if field.header != field.title:
        yield f"aliases = [{_quoted(field.header)}]"
    if field.personal:
        yield "personal = true  # 显示时遮盖 masked when shown"
    if field.type == "choice":
        yield "open = true  # 其他写法照收并提醒；选项齐全后删去这一行 other words are kept with a warning"
        yield "choices = ["
        for one, zh, en in field.choices:
            yield f"  {{ id = {_quoted(one)}, title = {{ zh = {_quoted(zh)}, en = {_quoted(en)} }} }},"
        yield "]"


def _model_text(name: str, title: str, fields: Sequence[DraftField], file: str) -> str:
    """Return a model over the fields that a person can weigh: every number of it is to be filled in."""
    scored = [f for f in fields if f.type in {"integer", "number", "boolean", "choice"}][:5]
    if not scored:
        raise RiskmapError(
            f"{file}：没有可评分的列（数字、是否或选项），不能起草评分模型；请改用 {option('counts')} resource",
            f"{file}: no column could be scored (numbers, yes or no, choices), so no model is drafted; "
            f"use {option('counts', 'en')} resource",
        )
    source = _quoted(f"草稿：{file} 里没有依据，数值待填写")
    lines = [
        "# 评分模型草稿：各项分值都是占位，不是依据；请逐项填写后再采用。写法见 docs/models.md",
        "# A draft: every number is a placeholder; fill them in before it is adopted.",
        "",
        f"id = {_quoted(name)}",
        f"title = {{ zh = {_quoted(f'{title}评分')}, en = {_quoted(f'{title} score')} }}",
        'version = "0.1"',
        'status = "draft"',
        f"source = {source}",
        'unit = { zh = "分", en = "points" }',
        'score = "total"',
        "",
        "[limits]",
        f"major = {3 * len(scored)}",
        f"large = {2 * len(scored)}",
        f"general = {len(scored)}",
        f"source = {source}",
    ]
    for field in scored:
        lines += ["", "[[indicators]]", f"id = {_quoted(field.id)}"]
        lines += [f"title = {{ zh = {_quoted(field.title)}, en = {_quoted(field.english)} }}"]
        lines += [f"field = {_quoted(field.id)}", *_scale(field), 'missing = "worst"', f"source = {source}"]
    lines += ["", "[[combinations]]", 'id = "total"', 'title = { zh = "合计", en = "Sum" }', 'method = "sum"']
    return "\n".join([*lines, f"of = [{', '.join(_quoted(f.id) for f in scored)}]"]) + "\n"


def _scale(field: DraftField) -> list[str]:
    if field.type == "boolean":
        return ["table = { true = 0, false = 3 }", "reference = true"]
    if field.type == "choice":
        numbers = ", ".join(f"{one} = {min(n, 3)}" for n, (one, _, _) in enumerate(field.choices))
        return [f"table = {{ {numbers} }}", f"reference = {_quoted(field.choices[0][0])}"]
    steps = "{ below = 1, value = 0 }, { below = 10, value = 1 }, { below = 100, value = 2 }, { value = 3 }"
    return [f"bands = [{steps}]", "reference = 0"]


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
