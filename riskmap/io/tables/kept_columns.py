"""Columns of a file that no field reads: kept as text, and read as a field once the layer's file has one.

Nothing is written when a layer file gains a field: what was kept under one of its headers is judged each
time it is read, as the cell of a file would be. What the field refuses stays text under its header.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping, Sequence
from functools import cache, lru_cache
from typing import Any, Final

import pyarrow as pa

from riskmap.catalog.headers import normalise_header
from riskmap.catalog.layer import Field, Layer
from riskmap.io.files.short_names import NUMBERED
from riskmap.io.tables.headers import NO_LETTER, HeaderDictionary, Match
from riskmap.io.tables.row_parts import Source
from riskmap.rules.arrays import FIELD_TYPES, column_of, field_array
from riskmap.rules.cell import TEXT_CHARS, judge_text
from riskmap.rules.column import distinct, judged
from riskmap.rules.extras import extra_keys, header_of, key_of
from riskmap.rules.judge import rules_of
from riskmap.texts import keys, t
from riskmap.values.inventory import DERIVED
from riskmap.values.records import CLEAR

# The number of a row in a list or a table says nothing of the record, and changes with the order of rows.
_ROW_NUMBERS: Final = frozenset(
    {
        "序号",
        "序",
        "行号",
        "编号序",
        "no",
        "no.",
        "#",
        "fid",
        "ogc_fid",
        "objectid",
        "rowid",
        "index",
        "unnamed:0",
    }
)


# What our own exports and the readers of KML add, by id.
_ADDED: Final = frozenset(
    {"layer", "tier", "tier_title", "grade", "grade_title", "state", "score", "missing", "rules", "flags", "contacts",
     "updated_at", "nature", "description", "timestamp", "begin", "end", "altitudemode", "tessellate", "extrude",
     "visibility", "draworder", "icon", "snippet", "styleurl"}
)  # fmt: skip


_OUR_MARKS: Final = frozenset({"version", "updated_at"})  # what every table of ours ends with


_Values = MutableMapping[str, list[Any]]


def kept_columns(source: Source, names: HeaderDictionary) -> Iterator[tuple[str, list[Any]]]:
    """Yield (key, texts) of every column of a table that nothing reads and that states something."""
    seen: dict[str, int] = {}
    for header, match in _unread(source, names):
        column = distinct(source.column(match.heading.column, fill=True))
        if not len(column.texts):
            continue
        texts = judged(column, judge_text(TEXT_CHARS))
        values = [
            text if text is not None else _whole(texts.said, column, row)
            for row, text in enumerate(texts.values)
        ]
        if all(value is None for value in values):
            continue
        seen[header] = seen.get(header, 0) + 1
        yield key_of(header if seen[header] == 1 else f"{header}_{seen[header]}"), values


def _whole(said: Any, column: Any, row: int) -> str | None:
    """Return the text of a cell that is refused as a text, as it came: what is only kept need not be right."""
    at = int(column.index[row])
    refused = at >= 0 and at in said and said[at].severity == "error"
    return column.texts[at].as_py() if refused else None


def _unread(source: Source, names: HeaderDictionary) -> Iterator[tuple[str, Match]]:
    position: Match | None = None
    stumps = _stumps([match.heading.text for match in source.header.matches], names)
    for match in source.header.matches:
        heading = match.heading
        if match.target == "position":
            position = match
        if match.target is not None or heading.column >= len(source.columns):
            continue
        beside = position is not None and heading.column == position.heading.column + 1
        if beside and position is not None and heading.text == position.heading.text:
            continue  # 坐标 merged over two columns: the second number was read with the first
        header = heading.text or f"第 {heading.column + 1} 列"
        if header not in stumps and not not_kept(header):
            yield header, match


def _stumps(headers: Sequence[str], names: HeaderDictionary) -> set[str]:
    """Return the headers that are left of ours in a shapefile, which has ten bytes for a name: they tell no column.

    Ours: an extra column → field_50. Another program's: 防灾责任人, 防灾责任人电话 → 防灾责, 防灾�_1; the numbered
    one ends within a letter, the first may be whole. The ledger has what they hold under its own name; of a file that
    is not ours everything is kept, whatever is left of its name.
    """
    if "version" not in headers and len(frozenset(DERIVED) & frozenset(headers)) < 2:  # noqa: PLR2004 - one may be theirs
        return set()
    broken = {header for header in headers if NO_LETTER in header}
    starts = {start for header in broken if (start := header.split(NO_LETTER)[0])}
    cut = {header for header in headers if header.casefold() in names.cut}
    begun = {h for h in headers if h.startswith(tuple(starts)) and names.is_beginning(h)}
    return broken | cut | begun | (_shortened(headers, names) if _OUR_MARKS.issubset(headers) else set())


def unknown_stumps(source: Source, names: HeaderDictionary) -> list[str]:
    """Return the headers of a file of ours that its shapefile has cut so that nobody knows them again."""
    matches = source.header.matches
    stumps = _stumps([match.heading.text for match in matches], names)
    left = [match.heading.text for match in matches if match.target is None and match.heading.text in stumps]
    derived = frozenset(DERIVED)
    meant = {
        text: {name for one in names.cut.get(text.casefold(), ()) for name in one.names} for text in left
    }
    return [text for text in left if not not_kept(text) and not (meant[text] and meant[text] <= derived)]


def _shortened(headers: Sequence[str], names: HeaderDictionary) -> set[str]:
    """Return the headers that our own shapefile has numbered."""
    numbered = {h: h.rstrip("0123456789") for h in headers}
    return {h for h, stem in numbered.items() if stem != h and (stem == NUMBERED or names.is_beginning(stem))}


def not_kept(header: str) -> bool:
    """Tell whether a column says nothing of the record: row numbers, and what riskmap itself derives."""
    words = normalise_header(header)
    return words in _ROW_NUMBERS or words in _ours() or words.startswith(_of_parts())


@cache
def _of_parts() -> tuple[str, ...]:
    """Return how the headers of the parts of a model begin, by title and by id."""
    titles = (t("export_column_part", lang).split("{")[0] for lang in ("zh", "en"))
    return (*map(normalise_header, titles), "part_")


@cache
def _ours() -> frozenset[str]:
    """Return the headers that riskmap itself writes over what it derives."""
    derived = [key for key in keys("export_column_") if key.removeprefix("export_column_") not in _STATED]
    words = [t(key, lang) for key in derived for lang in ("zh", "en")]
    ours = [t("export_column_ours", lang, title=word) for word in words for lang in ("zh", "en")]
    ids = [f"{mark}{name}" for name in _ADDED for mark in ("", "riskmap_", "risk_")]
    return frozenset(normalise_header(word) for word in (*words, *ours, *ids))


_STATED: Final = frozenset(
    {"code", "name", "subdistrict", "longitude", "latitude", "version", "shape", "ours"}
)


@lru_cache(maxsize=4)
def _dictionary(layer: _ById) -> HeaderDictionary:
    return HeaderDictionary(layer.layer)


class _ById:
    """A layer as a key: the same object, not an equal one."""

    def __init__(self, layer: Layer) -> None:
        self.layer = layer

    def __hash__(self) -> int:
        return id(self.layer)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ById) and other.layer is self.layer


def taker(layer: Layer, key: str) -> tuple[Field, str] | None:
    """Return the field that the header of a kept column names by now, and the unit in it; None where none does."""
    target, _, unit = _dictionary(_ById(layer)).look_up(header_of(key))
    return (layer.field(target), unit) if target in layer.field_ids else None


def take_up(values: _Values, layer: Layer) -> None:
    """Judge kept texts whose header a field has by now, and let the field have them where it states nothing.

    `values`: field id or key of a kept column → what the rows hold. What is refused stays where it is.
    """
    for key in sorted(extra_keys(values)):
        found = taker(layer, key)
        if found is None:
            continue
        field, unit = found
        texts = values[key]
        held: list[Any] = values.get(field.id) or [None] * len(texts)
        rows = [i for i, text in enumerate(texts) if text is not None and held[i] is None]
        if not rows:
            continue
        stated = pa.array([texts[i] for i in rows], pa.string())
        read = rules_of(layer).of(field.id).column(stated, unit=unit).values
        texts, held = list(texts), list(held)
        for i, value in zip(rows, read, strict=True):
            if value is not None and value is not CLEAR:
                held[i], texts[i] = value, None
        values[key], values[field.id] = texts, held


def take_up_columns(arrays: dict[str, pa.Array], layer: Layer) -> None:
    """Do the same with columns of a layer table, each under the name that it has there."""
    for key in sorted(extra_keys(arrays)):
        found = taker(layer, key)
        if found is None or column_of(found[0].id) not in arrays:
            continue
        field, name = found[0], column_of(found[0].id)
        lists: _Values = {key: arrays[key].to_pylist(), field.id: arrays[name].to_pylist()}
        take_up(lists, layer)
        arrays[key] = pa.array(lists[key], pa.string())
        arrays[name] = field_array(lists[field.id], field)[0].cast(FIELD_TYPES[field.type])
