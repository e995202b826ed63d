"""Mistakes in configuration files: every one of a file at once, each with place, find and remedy.

`TomlFile` holds a parsed file together with the line of every key; `TomlFile.check` validates it
against a pydantic model and turns what pydantic says into `CatalogProblem`s of ours.
"""

from __future__ import annotations

import datetime as dt
import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar, cast, get_args

import tomli
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetCoreSchemaHandler,
    Strict,
    StringConstraints,
    ValidationError,
    ValidatorFunctionWrapHandler,
)
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, ErrorDetails, PydanticKnownError, core_schema

from riskmap.catalog.toml_lines import KeyPath, key_lines
from riskmap.errors import CatalogError, CatalogProblem, Text, UnknownNameError, meant

NOTHING: Final = "—"


_LONGEST_FIND = 60


_SLUG = r"^[a-z][a-z0-9_]{0,62}$"


_DURATION = r"^[1-9][0-9]{0,3} (s|min|h|d)$"


_WORDS = r"^[^\s\x00-\x1f\x7f]([^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f])?$"


# An identifier: used in column names, addresses and file names, so nothing else may pass.
Slug = Annotated[str, StringConstraints(pattern=_SLUG)]


# One line of text without blanks around it.
Words = Annotated[str, StringConstraints(pattern=_WORDS, max_length=200)]


_T = TypeVar("_T")


# A list of the file as a tuple, so that a frozen part holds nothing that can change.
Items = Annotated[tuple[_T, ...], Strict(strict=False)]


def stated_in(known: Callable[[], Iterable[str]]) -> BeforeValidator:
    """Say of a word that it is the id of a member of a registry, which `known` gives."""

    def check(word: object) -> object:
        ids = tuple(known())
        if word not in ids:
            raise PydanticKnownError("literal_error", {"expected": ", ".join(f"'{one}'" for one in ids)})
        return word

    return BeforeValidator(check)


class Part(BaseModel):
    """Base of every value that a file states: frozen, nothing unknown, nothing coerced.

    Where a key of the file is no good name it is a `validation_alias`: files write the key, the program
    the name. `model_copy(update=…)` checks nothing and belongs to the readers of the files.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, populate_by_name=True
    )


@dataclass(frozen=True, slots=True)
class WrittenAs:
    """Says of a value how a file writes it: as `shape`, of which `make` makes the value.

    A value that is there already, one of the type `ready`, passes.
    """

    ready: type
    shape: Any
    make: Callable[[Any], object]

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return the check of `shape` and the making of the value; pydantic asks for it."""
        return core_schema.no_info_wrap_validator_function(self._read, handler.generate_schema(self.shape))

    def _read(self, value: object, checked: ValidatorFunctionWrapHandler) -> object:
        return value if isinstance(value, self.ready) else self.make(checked(value))


_UNITS: Final = {"s": "seconds", "min": "minutes", "h": "hours", "d": "days"}


def _lasting(text: str) -> dt.timedelta:
    number, unit = text.split(" ")
    return dt.timedelta(**{_UNITS[unit]: int(number)})


# A length of time: "5 min", "24 h".
Duration = Annotated[
    dt.timedelta,
    WrittenAs(dt.timedelta, Annotated[str, StringConstraints(pattern=_DURATION)], _lasting),
]


class TitleTable(Part):
    """`{ zh = "边坡", en = "Slopes" }`."""

    zh: Words
    en: Words


# A sentence in both languages.
Title = Annotated[Text, WrittenAs(Text, TitleTable, lambda table: Text(table.zh, table.en))]


_P = TypeVar("_P", bound=BaseModel)


_EXPECTED: Final[Mapping[str, Text]] = {
    "missing": Text("有值（此项必填）", "a value (this key is required)"),
    "string_type": Text('文字，要加英文引号，如 "边坡"', 'text in quotes, such as "slope"'),
    "int_type": Text("整数，不加引号", "a whole number without quotes"),
    "int_from_float": Text("整数", "a whole number"),
    "float_type": Text("数字，不加引号", "a number without quotes"),
    "finite_number": Text("有限的数字", "a finite number"),
    "bool_type": Text("true 或 false，不加引号", "true or false, without quotes"),
    "list_type": Text("方括号列表，如 [ … ]", "a list in square brackets, such as [ … ]"),
    "tuple_type": Text("方括号列表，如 [ … ]", "a list in square brackets, such as [ … ]"),
    "model_type": Text("花括号的一组值，如 { … }", "a table, such as { … }"),
    "model_attributes_type": Text("花括号的一组值，如 { … }", "a table, such as { … }"),
    "dict_type": Text("花括号的一组值，如 { … }", "a table, such as { … }"),
    "string_too_short": Text("至少一个字", "at least one character"),
}


_PATTERNS: Final[Mapping[str, Text]] = {
    _SLUG: Text(
        "标识：小写英文字母开头，只含小写字母、数字和下划线，不超过 63 个字符",
        "an id: a lower-case letter, then lower-case letters, digits and underscores, 63 at most",
    ),
    _WORDS: Text(
        "一行文字，不为空，首尾没有空格，没有控制字符",
        "one line of text, not blank, without blanks around it or control characters",
    ),
    _DURATION: Text(
        '带单位的时间，如 "30 min"、"24 h"（s、min、h、d）',
        'a time with its unit, such as "30 min" or "24 h" (s, min, h, d)',
    ),
}


_BOUNDS: Final[Mapping[str, tuple[str, str, str]]] = {
    "greater_than": ("gt", "大于 {}", "more than {}"),
    "greater_than_equal": ("ge", "不小于 {}", "at least {}"),
    "less_than": ("lt", "小于 {}", "less than {}"),
    "less_than_equal": ("le", "不大于 {}", "at most {}"),
    "multiple_of": ("multiple_of", "{} 的倍数", "a multiple of {}"),
    "too_short": ("min_length", "至少 {} 项", "at least {} items"),
    "too_long": ("max_length", "最多 {} 项", "at most {} items"),
    "string_too_long": ("max_length", "最多 {} 个字", "at most {} characters"),
}


# What Python's TOML reader says, in words for somebody who has never seen TOML.
_SYNTAX: Final[Sequence[tuple[str, str]]] = (
    ("Invalid value", '等号右边的值写法不对：文字要加英文双引号，如 title = "边坡"'),
    ("Expected '='", "“键 = 值”的写法，键只用英文字母、数字和下划线"),
    ("Invalid statement", "“键 = 值”或“[表名]”的写法，键只用英文字母、数字和下划线"),
    ("Cannot overwrite a value", "每个键只写一次（这里重复了）"),
    ("Cannot declare", "每个表只写一次（这里重复了）"),
    ("Unclosed array", "方括号成对，列表各项之间用英文逗号"),
    ("Unclosed inline table", "花括号成对，各项之间用英文逗号"),
    ("Duplicate inline table key", "花括号里每个键只写一次（这里重复了）"),
    ("Expected newline or end of document after a statement", "一行只写一个“键 = 值”，后面不再有别的内容"),
    ("Unterminated string", "引号成对"),
    ("Illegal character", "一行之内的文字，引号成对，没有控制字符"),
    ("Unescaped '\\' in a string", "反斜杠写成两个 \\\\，或改用单引号"),
)


_FULL_WIDTH: Final = {
    "“": '"',
    "”": '"',
    "，": ",",
    "＝": "=",
    "［": "[",
    "］": "]",
    "｛": "{",
    "｝": "}",
    "【": "[",
    "】": "]",
}


def closest(word: str, known: Iterable[str]) -> str:
    """Return the known word that `word` probably meant, "" when none is near."""
    options = {k.casefold(): k for k in known}
    near = difflib.get_close_matches(word.strip().casefold(), list(options), n=1, cutoff=0.6)
    return options[near[0]] if near else ""


def no_such(what: Text, name: str, known: Iterable[str]) -> UnknownNameError:
    """Return the error for a name that nothing has: the names there are, and the one that was probably meant."""
    names = list(known)
    end = meant(closest(name, names))
    return UnknownNameError(
        f"没有{what.zh} {name}；现有：{'、'.join(names) or '无'}{end.zh}",
        f"no {what.en} {name}; there are: {', '.join(names) or 'none'}{end.en}",
    )


def absent(source: TomlFile, path: KeyPath) -> CatalogProblem:
    """Return the problem of a key that has to be there and is not."""
    return source.problem(path, _EXPECTED["missing"], found=NOTHING)


def one_of(known: Iterable[str]) -> Text:
    """Return "one of …" in both languages."""
    words = list(known)
    return Text("以下之一：" + "、".join(words), "one of " + ", ".join(words))


def shown(value: object) -> str:
    """Return a value as a problem shows it: one line, shortened."""
    if isinstance(value, str):
        text = '"' + value.replace("\r", "\\r").replace("\n", "\\n") + '"'
    elif isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, Mapping):
        text = "{ " + ", ".join(str(k) for k in cast("Mapping[object, object]", value)) + " }"
    elif isinstance(value, list):
        text = "[ " + ", ".join(shown(v) for v in cast("list[object]", value)[:4]) + " ]"
    else:
        text = str(value)
    return text if len(text) <= _LONGEST_FIND else text[: _LONGEST_FIND - 1] + "…"


@dataclass(frozen=True)
class TomlFile:
    """A configuration file that could be parsed: its values and the line of each key."""

    file: str
    text: str
    data: Mapping[str, Any]

    @classmethod
    def parse(cls, text: str, file: str) -> TomlFile:
        """Parse TOML text; raise CatalogError naming the line when it is not TOML.

        A text is parsed once, however many parts of the catalog look at it.
        """
        try:
            return cls(file, text, _loaded(text))
        except tomli.TOMLDecodeError as error:
            raise CatalogError((_syntax_problem(str(error), text, file),)) from None
        except RecursionError:
            expected = Text("层数少得多的嵌套", "far fewer nested brackets")
            raise CatalogError((CatalogProblem(file, "TOML", "[[[[…", expected),)) from None

    @cached_property
    def lines(self) -> Mapping[KeyPath, int]:
        """Return the line of each key; only mistakes ask for it, and it takes longer than the parsing."""
        try:
            return key_lines(self.text)
        except RecursionError:  # nested as deep as the parser just bears: the key says where it is
            return {}

    def line(self, path: KeyPath) -> int | None:
        """Return the line of a key, or of the innermost table around it; None for the whole file."""
        for end in range(len(path), 0, -1):
            if path[:end] in self.lines:
                return self.lines[path[:end]]
        return None

    def at(self, path: KeyPath) -> object:
        """Return the value at a path, None when there is none."""
        value: Any = self.data
        for part in path:
            try:
                value = value[part]
            except (KeyError, IndexError, TypeError):
                return None
        return value

    def dotted(self, path: KeyPath) -> str:
        """Return a key path as people read it: fields[height_m].max; items without an id count from 1."""
        out = ""
        for depth, part in enumerate(path, 1):
            if isinstance(part, str):
                out += f".{part}" if out else part
                continue
            name = self.at((*path[:depth], "id"))
            out += f"[{name}]" if isinstance(name, str) and name else f"[{part + 1}]"
        return out

    def problem(
        self, path: KeyPath, expected: Text, *, found: str | None = None, hint: str = ""
    ) -> CatalogProblem:
        """Return a problem at a key path; what was found is the value there unless it is given."""
        if found is None:
            value = self.at(path)
            found = NOTHING if value is None else shown(value)
        return CatalogProblem(self.file, self.dotted(path) or "TOML", found, expected, hint, self.line(path))

    def check(self, model: type[_P]) -> tuple[_P | None, list[CatalogProblem]]:
        """Validate the whole file against a pydantic model: (the values, []) or (None, every mistake)."""
        try:
            return model.model_validate(self.data, by_alias=True, by_name=False), []
        except ValidationError as error:
            return None, problems_of(error, self, model)

    def tables(self, *path: str | int) -> list[tuple[KeyPath, Mapping[str, object]]]:
        """Return the tables of a list with their paths, leaving out whatever is not a table."""
        items = self.at(path)
        if not isinstance(items, list):
            return []
        return [
            ((*path, i), cast("Mapping[str, object]", item))
            for i, item in enumerate(cast("list[object]", items))
            if isinstance(item, dict)
        ]


@lru_cache(maxsize=64)
def _loaded(text: str) -> Mapping[str, Any]:
    return tomli.loads(text)


def read_text(path: Path, file: str) -> str:
    """Return the text of a configuration file; raise CatalogError when it is not UTF-8 or not readable.

    A byte-order mark, as Windows Notepad writes it, is left out.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        expected = Text("能够打开的文件", "a file that can be opened")
        raise CatalogError(
            (CatalogProblem(file, "TOML", error.strerror or type(error).__name__, expected),)
        ) from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        expected = Text(
            "UTF-8 编码（在记事本里“另存为”，编码选 UTF-8）",
            "UTF-8 text (save it again with the encoding UTF-8)",
        )
        found = "0x" + raw[error.start : error.start + 4].hex()
        line = raw.count(b"\n", 0, error.start) + 1
        raise CatalogError((CatalogProblem(file, "TOML", found, expected, "", line),)) from None


def problems_of(error: ValidationError, source: TomlFile, model: type[BaseModel]) -> list[CatalogProblem]:
    """Return what pydantic found as problems of ours, in the order of the file, each once."""
    details = error.errors(include_url=False)
    found = [_problem(one, source, model) for one in details if not _counts_only_the_good(one, details)]
    unique = list(dict.fromkeys(found))
    return sorted(unique, key=lambda p: p.line or 0)


def _counts_only_the_good(detail: ErrorDetails, details: Sequence[ErrorDetails]) -> bool:
    """Return whether a list is short only because of items that are told of themselves."""
    loc = detail["loc"]
    return detail["type"] == "too_short" and any(o["loc"][: len(loc)] == loc != o["loc"] for o in details)


def _problem(detail: ErrorDetails, source: TomlFile, model: type[BaseModel]) -> CatalogProblem:
    kind, context = detail["type"], detail.get("ctx", {})
    path = _real_path(detail["loc"], source, absent=kind == "missing")
    if kind == "missing":
        return source.problem(path, _EXPECTED[kind], found=NOTHING)
    if kind == "extra_forbidden":
        known = _known_keys(model, path[:-1])
        name = str(path[-1])
        return source.problem(path, one_of(known), found=name, hint=closest(name, known))
    if kind in {"literal_error", "enum"}:
        options = re.findall(r"'([^']*)'", str(context.get("expected", "")))
        return source.problem(path, one_of(options), hint=closest(str(detail["input"]), options))
    return source.problem(path, _expected(kind, context, detail["msg"]))


def _expected(kind: str, context: Mapping[str, Any], message: str) -> Text:
    if kind == "string_pattern_mismatch" and context.get("pattern") in _PATTERNS:
        return _PATTERNS[context["pattern"]]
    if kind in _BOUNDS:
        key, zh, en = _BOUNDS[kind]
        return Text(zh.format(context.get(key, "")), en.format(context.get(key, "")))
    return _EXPECTED.get(kind) or Text(message, message)


def _real_path(loc: tuple[str | int, ...], source: TomlFile, *, absent: bool) -> KeyPath:
    """Drop the parts of pydantic's location that are names of its own (union members)."""
    path: KeyPath = ()
    value: Any = source.data
    for depth, part in enumerate(loc):
        if absent and depth == len(loc) - 1:
            return (*path, part)
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            continue
        path = (*path, part)
    return path


def _known_keys(model: type[BaseModel], path: KeyPath) -> list[str]:
    """Return the keys that the models at this place of the file allow."""
    here = [model]
    for part in path:
        if isinstance(part, str):
            here = [m for owner in here for key in _keys(owner, part) for m in _models_of(key)] or here
    return list(dict.fromkeys(_key(name, f) for owner in here for name, f in owner.model_fields.items()))


def _key(name: str, field: FieldInfo) -> str:
    """Return the key under which a file states a field."""
    return field.validation_alias if isinstance(field.validation_alias, str) else name


def _keys(owner: type[BaseModel], name: str) -> list[FieldInfo]:
    return [field for own, field in owner.model_fields.items() if _key(own, field) == name]


def _models_of(field: FieldInfo) -> list[type[BaseModel]]:
    return [model for one in (field.annotation, *field.metadata) for model in _models_in(one)]


def _models_in(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, WrittenAs):
        return _models_in(annotation.shape)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [m for inner in get_args(annotation) for m in _models_in(inner)]


def _syntax_problem(message: str, text: str, file: str) -> CatalogProblem:
    place = re.search(r"\(at line (\d+)", message)
    lines = text.splitlines()
    number = int(place[1]) if place else max(len(lines), 1)
    line = lines[number - 1].strip() if number <= len(lines) else ""
    reason = re.sub(r"\s*\(at .*\)$", "", message)
    zh = next((words for start, words in _SYNTAX if reason.startswith(start)), f"合法的 TOML（{reason}）")
    wide = [c for c in _FULL_WIDTH if c in line]
    hint = line
    for char in wide:
        hint = hint.replace(char, _FULL_WIDTH[char])
    return CatalogProblem(
        file, "TOML", shown(line), Text(zh, f"valid TOML ({reason})"), hint if wide else "", number
    )
