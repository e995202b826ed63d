"""Conditions on columns: 'FIELD OP VALUE', read against a layer and evaluated on its table.

Only columns that exist can be named and a value never becomes code: a condition is three plain
values, and Arrow's own comparison functions do the rest. A missing value satisfies no condition
but `missing`.

Which texts of a column hold a word, read as one run of bytes.

Arrow looks into each text by itself, which takes a fifth of a second for the names and addresses
of a million records. Here the bytes of all texts are compared at once, piece by piece so that they
stay in the processor's cache, and the finds are put back to their texts.

A word that names nothing we know, and the known one that comes nearest to it.

Tiers, states and flags as people write them, in either language.
"""

from __future__ import annotations

import difflib
import math
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any, Final, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

from riskmap.array_types import Bools
from riskmap.catalog import Condition, Layer
from riskmap.catalog.flow import CLOSED, OVERDUE, STATE
from riskmap.catalog.layer import ChecklistItem, ContactRole, Field, named_by
from riskmap.catalog.model import (
    CHECKLIST_PREFIX,
    CONTACT_PREFIX,
    EXPIRED_ITEMS,
    LINK_PREFIX,
    VACANCIES,
    Operator,
    Scalar,
)
from riskmap.errors import SelectionError, Text, meant
from riskmap.moments import beijing_text, local_now
from riskmap.rules.arrays import (
    Words,
    bools_of,
    codes_of,
    column_of,
    floats_of,
    is_part,
    numbers_of,
    part_column,
    pc,
)
from riskmap.rules.conditions import day_of, holds
from riskmap.rules.extras import header_of, is_extra, key_of
from riskmap.selection.checklists import state_field_of
from riskmap.selection.linked import LINKED
from riskmap.selection.table import FLAG_BIT
from riskmap.units import parse_quantity
from riskmap.vocabulary import FLAGS, RANK_OF, STANDINGS, TIER_TITLES, TIERS, UNRATED, state_of

_PIECE: Final = 1 << 19


_MANY: Final = 8  # one find in so many texts, and it is cheaper to ask each text for its finds


def contains(texts: pa.Array | pa.ChunkedArray, word: str) -> NDArray[np.bool_]:
    """Return which texts hold a word; bool[n]. Every text holds the empty word, a missing one none."""
    chunks = texts.chunks if isinstance(texts, pa.ChunkedArray) else [texts]
    return np.concatenate([np.zeros(0, bool), *(_in_chunk(chunk, word.encode()) for chunk in chunks)])


def _in_chunk(texts: pa.Array, word: bytes) -> NDArray[np.bool_]:
    found = np.full(len(texts), not word)
    _, offsets, data = texts.buffers()
    if word and len(texts) and data is not None:
        kind = np.int64 if pa.types.is_large_string(texts.type) else np.int32
        ends = np.frombuffer(offsets, kind)[texts.offset : texts.offset + len(texts) + 1]
        run = np.frombuffer(data, np.uint8)[ends[0] : ends[-1]]
        found = _texts_of(_finds(run, word) + ends[0], ends, len(word))
    return found & bools_of(texts.is_valid()) if texts.null_count else found


def _finds(run: NDArray[np.uint8], word: bytes) -> NDArray[np.int64]:
    """Return where in the bytes a word begins, ascending."""
    size, last = len(word), len(word) - 1
    found: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
    for start in range(0, len(run) - last, _PIECE):
        piece = run[start : start + _PIECE + last]
        many = len(piece) - last
        # The last bytes of a character tell it from its neighbours, the first hardly do.
        here = piece[last : last + many] == word[last]
        if last:
            here &= piece[last - 1 : last - 1 + many] == word[last - 1]
        at = np.flatnonzero(here)
        for i in range(size - 2):
            at = at[piece[at + i] == word[i]]
        found.append(at + start)
    return np.concatenate(found)


def _texts_of(at: NDArray[np.int64], ends: NDArray[Any], size: int) -> NDArray[np.bool_]:
    """Return which texts, between `ends`, hold one of the finds whole."""
    if len(at) * _MANY > len(ends):
        return np.searchsorted(at, ends[1:] - size, side="right") > np.searchsorted(at, ends[:-1])
    found = np.zeros(len(ends) - 1, bool)
    text = np.searchsorted(ends, at, side="right") - 1
    found[text[at + size <= ends[text + 1]]] = True
    return found


_SHOWN = 12


def unknown_name(what: Text, word: str, known: Iterable[str]) -> SelectionError:
    """Return the error for a `word` that is no `what`: what was found, what exists, did you mean."""
    options = [str(k) for k in known]
    lower = {o.casefold(): o for o in options}
    near = difflib.get_close_matches(word.casefold(), lower, n=1, cutoff=0.5)
    listed = ", ".join(options[:_SHOWN]) + (" …" if len(options) > _SHOWN else "")
    some = Text(f"；可用：{listed or '（无）'}", f"; known: {listed or '(none)'}")
    end = meant(lower[near[0]] if near else "", some)
    return SelectionError(f"{what.zh} {word!r} 不存在{end.zh}", f"no {what.en} {word!r}{end.en}")


STATES: Final = ("rated", "unrated")


def plain(text: str) -> str:
    """Return a text for comparison: width, case and blanks do not count."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


_TIERS: Final = {
    plain(word): tier
    for tier, title in TIER_TITLES.items()
    for word in (tier, title.zh, title.en, f"{title.zh}风险")
}


_STATES: Final = {
    "rated": "rated",
    "已评": "rated",
    "已评定": "rated",
    "unrated": "unrated",
    "未评": "unrated",
    "未评定": "unrated",
}


_FLAGS: Final = {plain(word): flag for flag, title in FLAGS.items() for word in (flag, title.zh, title.en)}


PART_WORD: Final = "part."
"""What a part of a model goes by in a condition: part.hazard >= 5."""


def tier_of_word(word: str) -> str | None:
    """Return the tier id (or "unrated") that a word names, None where none."""
    return _TIERS.get(plain(word))


def state_of_word(word: str) -> str | None:
    """Return "rated" or "unrated", None where the word is neither."""
    return _STATES.get(plain(word))


def flag_of_word(word: str) -> str | None:
    """Return the flag id that a word names, None where none."""
    return _FLAGS.get(plain(word))


ORDER: Final = ("<", "<=", ">", ">=")


SAME: Final = ("==", "!=", "in")


BARE: Final = ("missing", "present")


OPERATORS: Final[tuple[Operator, ...]] = get_args(Operator)


_SPELLINGS: Final[dict[str, Operator]] = {
    **{word: word for word in OPERATORS},
    "=": "==", "＝": "==", "≠": "!=", "≤": "<=", "≥": ">=", "＜": "<", "＞": ">", "～": "~",
    "contains": "~", "包含": "~", "属于": "in", "缺失": "missing", "为空": "missing",
    "已填": "present", "非空": "present",
}  # fmt: skip


_OPERATOR: Final = re.compile(
    r"==|!=|<=|>=|[=<>~≠≤≥＝＜＞～]|(?<=\s)(?:in(?=[\s(（])|contains(?=\s)|包含|属于)|(?<=\s)(?:missing|present|缺失|为空|已填|非空)\s*$",
    re.IGNORECASE,
)


_LIST_ITEM: Final = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|([^,，]+))\s*(?:[,，]|$)""")


_YES: Final = frozenset({"true", "yes", "1", "是", "有", "y", "t"})


_NO: Final = frozenset({"false", "no", "0", "否", "无", "没有", "n", "f"})


# Columns that every layer has: name → (kind, title).
CORE: Final[dict[str, tuple[str, Text]]] = {
    "code": ("text", Text("编号", "code")),
    "name": ("text", Text("名称", "name")),
    "subdistrict": ("words", Text("街道", "sub-district")),
    "lon": ("number", Text("经度", "longitude")),
    "lat": ("number", Text("纬度", "latitude")),
    "tier": ("tier", Text("等级", "tier")),
    "state": ("state", Text("状态", "state")),
    "score": ("number", Text("分值", "score")),
    "version": ("number", Text("版本", "version")),
    "updated_at": ("date", Text("更新时间", "updated")),
    "flags": ("flags", Text("标记", "flags")),
    "contacts": ("number", Text("联系人数", "contacts")),
}


_ALLOWED: Final = {
    "text": (*SAME, "~", *BARE),
    "words": (*SAME, "~", *BARE),
    "choice": (*SAME, "~", *BARE),
    "number": (*SAME, *ORDER, *BARE),
    "date": (*SAME, *ORDER, *BARE),
    "boolean": (*SAME, *BARE),
    "role": BARE,
    "tier": (*SAME, *ORDER, *BARE),
    "state": SAME,
    "flags": (*SAME, *BARE),
}


def parse_where(
    text: str,
    layer: Layer | Sequence[Layer],
    extras: Collection[str] = (),
    *,
    parts: Mapping[str, Text] | None = None,
    today: date | None = None,
    catalog: Mapping[str, Layer] | None = None,
) -> Condition:
    """Return the condition that 'FIELD OP VALUE' states about a layer (or several).

    FIELD is an id, a title or an alias of a field, one of CORE, part.ID of `parts` (id →
    title) of the models, checklist.ITEM, contact.ROLE (both also by their title alone), or link.FIELD.OTHER: of the
    record that a field names, a field of its layer (`catalog`), code, name, subdistrict, tier or score.
    OP one of = == != in < <= > >=
    ~ (contains) missing present. `extras`: headers of columns that no field reads, compared as texts.
    Values are read as the field's type: numbers may carry a unit
    ("12米"), choices and tiers may be titles, dates are ISO or told from `today` (by default that of the clock):
    today, today+7, today-90. A number or a day may be compared with another field. Raises SelectionError.
    """
    layers = [layer] if isinstance(layer, Layer) else list(layer)
    known = _Known(layers, extras, parts or {}, catalog or {one.id: one for one in layers})
    found = list(_OPERATOR.finditer(text))
    for match in reversed(found):  # from the right: a field's name may hold what looks like an operator
        column = known.column(text[: match.start()].strip())
        if column is not None:
            op, rest = _SPELLINGS[match[0].strip().lower()], text[match.end() :].strip()
            column = _of_state(column, layers, rest)
            if (other := _compared(column, op, rest, known)) is not None:
                return Condition(field=_name(column), op=op, than=other)
            return _read(column, op, rest, text, today or local_now().date())
    if not found or not text[: found[0].start()].strip():
        raise SelectionError(
            f"条件 {text!r} 无法识别；请写成 字段 运算符 值，例如 坡高 >= 12，运算符可用 {' '.join(OPERATORS)}",
            f"condition {text!r} cannot be read; write FIELD OP VALUE with OP one of {' '.join(OPERATORS)}",
        )
    raise unknown_name(Text("字段", "field"), text[: found[0].start()].strip(), known.words())


def where_text(condition: Condition) -> str:
    """Return the text that `parse_where` reads as a condition, for addresses: ids, and values in quotes."""
    name, op = _word_of(condition.field), condition.op
    if condition.than:
        return f"{name} {op} {_word_of(condition.than)}"
    return " ".join([name, op, ",".join(map(_quoted, condition.values))]).strip()


def _word_of(column: str) -> str:
    if is_part(column):
        return f"{PART_WORD}{column.removeprefix(part_column(''))}"
    return header_of(column) if is_extra(column) else column.removeprefix(column_of(""))


def _quoted(value: Scalar) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return f"{Decimal(repr(value)):f}"
    if value.replace("_", "").isalnum():
        return value
    return f"'{value}'" if '"' in value else f'"{value}"'


@dataclass(frozen=True, slots=True)
class _Known:
    """What a word before an operator may mean."""

    layers: Sequence[Layer]
    extras: Collection[str]
    parts: Mapping[str, Text]
    catalog: Mapping[str, Layer]

    def words(self) -> list[str]:
        """Return what may be named, to tell who named something else."""
        fields = [n for one in self.layers for f in one.fields for n in (f.id, f.title.zh)]
        beyond = [n for one in beyond_columns(self.layers, self.catalog) for n in (one.id, one.title.zh)]
        return [*fields, *self.extras, *CORE, *(f"{PART_WORD}{key}" for key in self.parts), *beyond]

    def column(self, word: str) -> Field | str | None:
        """Return the field or column that a word names, None where it names none."""
        if word.startswith(PART_WORD) and word.removeprefix(PART_WORD) in self.parts:
            return part_column(word.removeprefix(PART_WORD))
        return self._by_id(word) or _own(word, self.layers) or self._beyond(word) or self._extra(plain(word))

    def _by_id(self, word: str) -> Field | None:
        """Return what has this very id: `closed` is that of the flow, though a field may be titled Closed."""
        fields = (field for one in self.layers for field in one.fields)
        return next((f for f in (*fields, *beyond_columns(self.layers, {})) if f.id == word), None)

    def _beyond(self, word: str) -> Field | None:
        if word.startswith(LINK_PREFIX):
            return self._linked(*word.removeprefix(LINK_PREFIX).partition("."))
        key, fields = plain(word), beyond_columns(self.layers, {})
        named = ({plain(n) for n in (f.id, f.title.zh, f.title.en, *f.aliases)} for f in fields)
        return next((f for f, names in zip(fields, named, strict=True) if key in names), None)

    def _linked(self, word: str, _dot: str, other: str) -> Field | None:
        """Return a field of the record that a field names, as if it were one of ours."""
        link = _own(word, [one.model_copy(update={"fields": one.links}) for one in self.layers])
        if not isinstance(link, Field):
            return None
        targets = [self.catalog[one] for one in named_by(link, self.catalog)]
        column = _own(other, targets)
        field = LINKED.get(column) if isinstance(column, str) else column
        return None if field is None else beyond_link(link, field)

    def _extra(self, key: str) -> str | None:
        return next((key_of(one) for one in self.extras if key in {plain(one), plain(key_of(one))}), None)


def _own(word: str, layers: Sequence[Layer]) -> Field | str | None:
    """Return the field or the core column of some layers that a word names."""
    fields = [f for layer in layers for f in layer.fields]
    for field in fields:
        if field.id == word:
            return field
    if word in CORE:
        return word
    key = plain(word)
    for field in fields:
        if key in {plain(field.id), plain(field.title.zh), plain(field.title.en)}:
            return field
    for name, (_, title) in CORE.items():
        if key in {plain(name), plain(title.zh), plain(title.en)}:
            return name
    return next((field for field in fields if key in map(plain, field.aliases)), None)


def beyond_link(link: Field, other: Field) -> Field:
    """Return a field of the record that a field names, under the name it goes by in a condition."""
    title = Text(f"{link.title.zh} › {other.title.zh}", f"{link.title.en} › {other.title.en}")
    key = f"{LINK_PREFIX}{link.id}.{other.id}"
    return other.model_copy(update={"id": key, "title": title, "several": link.several or other.several})


def beyond_columns(layers: Sequence[Layer], catalog: Mapping[str, Layer]) -> list[Field]:
    """Return what conditions may ask of records of some layers that is no column of their own.

    Of a flow, whether a record is closed and the days since its deadline; items of checklists, how each stands and
    how many are past their day; roles of contacts (only whether somebody fills them) and how many of them nobody
    fills, and with a `catalog` the fields of the records that they name.
    """
    listed = [item for one in layers if one.checklist is not None for item in one.checklist.items]
    items = [field for item in listed for field in (item_field(item), state_field_of(item))]
    roles = [role_field(role) for one in layers for role in one.contacts]
    flows = [field for one in layers if one.flow for field in _OF_FLOW if field.id not in one.field_ids]
    vacant = [_VACANCIES for one in layers if one.contacts and VACANCIES not in one.field_ids]
    late = [_EXPIRED_ITEMS for one in layers if one.checklist and EXPIRED_ITEMS not in one.field_ids]
    linked = [
        beyond_link(link, other)
        for one in layers
        for link in one.links
        for target in named_by(link, catalog)
        for other in (*LINKED.values(), *catalog[target].fields)
    ]
    return list(
        {field.id: field for field in reversed((*flows, *vacant, *items, *late, *roles, *linked))}.values()
    )[::-1]


def asked_field(name: str, catalog: Mapping[str, Layer]) -> Field | None:
    """Return the field of a layer, or what stands for one, that a condition names by its id; None for a core column."""
    layers = list(catalog.values())
    own = (field for layer in layers for field in layer.fields)
    return next((f for f in (*own, *beyond_columns(layers, catalog)) if f.id == name), None)


_OF_FLOW: Final = (
    Field(id=OVERDUE, title=Text("超期天数", "Days overdue"), type="integer", aliases=("超期",)),
    Field(id=CLOSED, title=Text("已办结", "Closed"), type="boolean"),
)


_VACANCIES: Final = Field(
    id=VACANCIES, title=Text("空缺职责数", "Vacant roles"), type="integer", aliases=("职责空缺",)
)


_EXPIRED_ITEMS: Final = Field(
    id=EXPIRED_ITEMS, title=Text("过期检查项数", "Expired items"), type="integer", aliases=("检查项过期",)
)


def item_field(item: ChecklistItem) -> Field:
    """Return an item of a checklist as the field that it is in a condition."""
    words = (item.id, item.title.zh, item.title.en, *item.aliases)
    aliases = (*words, *(f"{CHECKLIST_PREFIX}{word}" for word in words))
    return _asked(f"{CHECKLIST_PREFIX}{item.id}", item.title, aliases)


def role_field(role: ContactRole) -> Field:
    """Return a role of the contacts as the field that it is in a condition: of whom is never asked."""
    words = (role.id, role.title.zh, role.title.en)
    aliases = (*words[1:], *(f"{CONTACT_PREFIX}{word}" for word in words))
    return _asked(f"{CONTACT_PREFIX}{role.id}", role.title, aliases)


def _asked(key: str, title: Text, aliases: tuple[str, ...]) -> Field:
    plain = Field(id="asked", title=title, type="boolean", aliases=aliases)
    return plain.model_copy(update={"id": key})  # with a dot, as no field of a file has


def _of_state(column: Field | str, layers: Sequence[Layer], rest: str) -> Field | str:
    """Return what `state` means beside a value: a flow's state, or rated and unrated where some layer has no flow."""
    if isinstance(column, str) or column.id != STATE or all(layer.flow for layer in layers):
        return column
    words = [_unquote(rest), *_items(rest)]
    states = [f for layer in layers for f in layer.fields if f.id == STATE and layer.flow]
    own = any(_choice(field, word) is not None for field in states for word in words)
    return column if own or not any(state_of_word(word) for word in words) else STATE


def _compared(column: Field | str, op: Operator, rest: str, known: _Known) -> str | None:
    """Return the column of the field that a number or a day is compared with, None where a value is stated."""
    kind = _kind(column)
    if kind not in {"number", "date"} or op in BARE or op == "in" or not rest:
        return None
    other = replace(known, extras=(), parts={}).column(rest)
    if other is None or _kind(other) != kind or other == column:
        return None
    return _name(other)


def _name(column: Field | str) -> str:
    return column if isinstance(column, str) else column_of(column.id)


def _kind(column: Field | str) -> str:
    if isinstance(column, str):
        if is_extra(column):
            return "text"
        return "number" if is_part(column) else CORE[column][0]
    if column.id.startswith(CONTACT_PREFIX):
        return "role"
    return {"integer": "number", "moment": "date", "record": "words"}.get(column.type, column.type)


def _read(column: Field | str, op: Operator, rest: str, text: str, today: date) -> Condition:
    kind = _kind(column)
    allowed = _ALLOWED[kind]
    if op not in allowed:
        raise SelectionError(
            f"条件 {text!r}：此字段不能用 {op}；可用 {' '.join(allowed)}",
            f"condition {text!r}: {op} does not apply to this field; use one of {' '.join(allowed)}",
        )
    if isinstance(column, Field) and column.several and kind in {"number", "date", "boolean"}:
        raise SelectionError(
            f"条件 {text!r}：“{column.title.zh}”可能有几条记录，无法比较；请改用文字或选项字段",
            f"condition {text!r}: several records may be named there; ask for a text or a choice of theirs",
        )
    name = _name(column)
    if op in BARE:
        return Condition(field=name, op=op)
    words = list(_items(rest)) if op == "in" else [_unquote(rest)]
    if not words or any(not w for w in words):
        raise SelectionError(
            f"条件 {text!r}：{op} 后面没有值；请补上",
            f"condition {text!r}: no value after {op}; add one",
        )
    values = tuple(word if op == "~" else _value(column, kind, word, text, today) for word in words)
    return Condition(field=name, op=op, value=values if op == "in" else values[0])


def _items(rest: str) -> Iterator[str]:
    inner = rest.strip()
    if inner[:1] in "([（【" and inner[-1:] in ")]）】":
        inner = inner[1:-1]
    for match in _LIST_ITEM.finditer(inner):
        yield next(g for g in match.groups() if g is not None).strip()


def _unquote(rest: str) -> str:
    quoted = len(rest) > 1 and rest[0] == rest[-1] and rest[0] in "\"'"
    return rest[1:-1] if quoted else rest


def _value(column: Field | str, kind: str, word: str, text: str, today: date) -> Scalar:
    readers: dict[str, Callable[[], Scalar | None]] = {
        "number": lambda: _number(word, "" if isinstance(column, str) else column.unit),
        "date": lambda: _date(word) or day_of(word, today),
        "boolean": lambda: {**dict.fromkeys(_YES, True), **dict.fromkeys(_NO, False)}.get(plain(word)),
        "tier": lambda: tier_of_word(word),
        "state": lambda: state_of_word(word),
        "flags": lambda: flag_of_word(word),
        "choice": lambda: _choice(column, word),
    }
    value = readers[kind]() if kind in readers else word
    if value is not None:
        return value
    lists: dict[str, Sequence[str]] = {
        "tier": (*TIERS, "unrated"),
        "state": STATES,
        "flags": tuple(FLAGS),
        "choice": () if isinstance(column, str) else [n for c in column.choices for n in (c.id, c.title.zh)],
    }
    if kind in lists:
        raise unknown_name(Text(f"条件 {text!r} 的取值", f"value for condition {text!r},"), word, lists[kind])
    wanted = {
        "number": Text("数值", "a number"),
        "date": Text(
            "日期（如 2024-09-08、today、today+7）或日期字段",
            "a date such as 2024-09-08, today, today+7, nor a field of dates",
        ),
        "boolean": Text("是或否", "true or false"),
    }[kind]
    raise SelectionError(
        f"条件 {text!r}：{word!r} 不是{wanted.zh}；请更正",
        f"condition {text!r}: {word!r} is not {wanted.en}; correct it",
    )


def _number(word: str, unit: str) -> float | None:
    value = parse_quantity(word, unit)
    return value if value is not None and math.isfinite(value) else None


def _date(word: str) -> str | None:
    try:
        return date.fromisoformat(word).isoformat()
    except ValueError:
        return None


def _choice(column: Field | str, word: str) -> str | None:
    if isinstance(column, str):
        return word
    key = plain(word)
    for choice in column.choices:
        if word == choice.id or key in {
            plain(n) for n in (choice.id, choice.title.zh, choice.title.en, *choice.aliases)
        }:
            return choice.id
    return word if column.open or not column.choices else None


def matching(table: pa.Table, where: Condition) -> Bools:
    """Return which rows of a layer table satisfy a condition; none where it lacks the column.

    Raises SelectionError where operator or values do not fit the column.
    """
    if not has_column(table, where.field):
        return np.zeros(len(table), bool)
    if where.than:
        return _side_by_side(table, where)
    if (where.op in BARE) != (where.value is None) or (where.op == "in") != isinstance(where.value, tuple):
        raise _unfit(where)
    if where.field in {"tier", "state"}:
        return _by_rank(numbers_of(table["rank"]), where)
    if where.field == "flags":
        return _by_flags(numbers_of(table["flags"]), where)
    column = table[where.field]
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if not _fits(where, kind):
        raise _unfit(where)
    return holds(where, _comparable(column, where.field))


def _comparable(column: pa.ChunkedArray, name: str) -> NDArray[np.float64] | Words | pa.ChunkedArray:
    """Return a column as conditions compare it: words, numbers or texts, a timestamp by its day."""
    if pa.types.is_dictionary(column.type):
        codes, words = codes_of(column)
        blank = words.index("") if "" in words else -1
        return Words(np.where(codes == blank, -1, codes), tuple(words))
    if not pa.types.is_string(column.type):
        return floats_of(column)
    # A moment is compared by its day.
    return pc.utf8_slice_codeunits(column, 0, 10) if name == "updated_at" else _days(column)


def _days(column: pa.ChunkedArray) -> pa.ChunkedArray | pa.Array:
    """Return a column in which moments are the days that they fall on here; all else stays as it is."""
    if not pc.any(pc.ends_with(column, "Z")).as_py():  # a fifth of what the pattern takes
        return column
    if not pc.any(pc.match_substring_regex(column, _INSTANT)).as_py():
        return column
    coded = column.combine_chunks().dictionary_encode()
    days = [
        beijing_text(word)[:10] if re.match(_INSTANT, word) else word for word in coded.dictionary.to_pylist()
    ]
    return pa.array(days, pa.string()).take(coded.indices)


_INSTANT: Final = r"^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?Z$"  # as a record keeps a moment


def _side_by_side(table: pa.Table, where: Condition) -> Bools:
    """Return where a column stands to another as a condition says; nowhere where the table lacks it."""
    if where.op in BARE or where.op in {"in", "~"} or where.value is not None:
        raise _unfit(where)
    if not has_column(table, where.than):
        return np.zeros(len(table), bool)
    one, other = (_comparable(table[name], name) for name in (where.field, where.than))
    return holds(where, one, other)


def _fits(where: Condition, kind: pa.DataType) -> bool:
    if pa.types.is_string(kind):
        return all(isinstance(value, str) for value in where.values)
    if where.op == "~" or (pa.types.is_boolean(kind) and where.op in ORDER):
        return False
    number = pa.types.is_floating(kind) or pa.types.is_integer(kind)
    wanted = (int, float) if number else bool
    return all(isinstance(v, wanted) and isinstance(v, bool) != number for v in where.values)


def columns_of(where: Condition) -> list[str]:
    """Return the columns of a layer table that a condition looks at."""
    return ["rank" if name in {"tier", "state"} else name for name in (where.field, where.than) if name]


def has_column(table: pa.Table, name: str) -> bool:
    """Return whether a condition may name this column of a layer table."""
    if name in {"tier", "state"}:
        return True
    known = name in CORE or name.startswith("f:") or is_extra(name) or is_part(name)
    return name in table.column_names and known


def _unfit(where: Condition) -> SelectionError:
    return SelectionError(
        f"条件 {str(where)!r}：运算符或取值与该字段的类型不符；请更正",
        f"condition {str(where)!r}: operator or value does not fit the type of this field; correct it",
    )


def _by_rank(rank: NDArray[np.uint8], where: Condition) -> Bools:
    severity = np.array([RANK_OF[t] for t in TIERS], np.uint8)
    keep = np.zeros(len(STANDINGS), bool)
    states = np.array([state_of(one) or "" for one in STANDINGS])
    rated, unrated = states == "rated", states == "unrated"
    if where.op in BARE:
        keep = rated if where.op == "present" else unrated
    elif where.field == "state":
        if not set(where.values) <= set(STATES) or where.op not in SAME:
            raise _unfit(where)
        keep = (rated & ("rated" in where.values)) | (unrated & ("unrated" in where.values))
        keep = ~keep & (rated | unrated) if where.op == "!=" else keep
    else:
        if not set(where.values) <= set(STANDINGS):
            raise _unfit(where)
        if where.op in ORDER:
            limit = RANK_OF.get(str(where.values[0]), UNRATED)
            if limit == UNRATED:
                raise _unfit(where)
            compare: Any = {"<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal}
            keep[severity] = compare[where.op](severity, limit)
        else:
            keep[[STANDINGS.index(str(v)) for v in where.values]] = True
            alike = rated if set(where.values) <= set(RANK_OF) else states == ""
            keep = ~keep & alike if where.op == "!=" else keep
    return keep[rank]


def _by_flags(flags: NDArray[np.uint16], where: Condition) -> Bools:
    if where.op in BARE:
        return (flags != 0) == (where.op == "present")
    if not set(where.values) <= set(FLAG_BIT) or where.op not in SAME:
        raise _unfit(where)
    bits = np.bitwise_or.reduce([FLAG_BIT[str(v)] for v in where.values])
    return ((flags & bits) != 0) == (where.op != "!=")
