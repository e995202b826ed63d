"""The numbers of a model file that a form may change, and changing them in the text.

Only the number itself is written anew: comments, order, layout and every other character of the
file stay as its author wrote them.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

import tomli

from riskmap.catalog.problems import TomlFile, closest
from riskmap.catalog.toml_lines import KeyPath, value_spans
from riskmap.errors import CatalogError, CatalogProblem, RiskmapError, Text, UnknownNameError, meant

Kind = Literal["number", "whole", "floor"]


FLOORS: Final = ("large", "general", "low")


_TIERS: Final = ("major", "large", "general")


_NODES: Final = ("indicators", "learned", "combinations")


_POINTED: Final = re.compile(r"[+-]?[0-9_]+\.0+")


_DOUBTS: Final = ("class_up", "class_down", "sd", "relative_sd")


@dataclass(frozen=True, slots=True)
class Editable:
    """One value that a form may change: its key path, what it is now, and what it may be.

    `kind`: "number", "whole" (days, steps of tiers) or "floor" (one of `FLOORS`).
    """

    path: KeyPath
    value: float | str
    kind: Kind = "number"


def editable_values(text: str) -> dict[KeyPath, Editable]:
    """Return what a form may change of a model file, in the order of its sections.

    Limits, weights, matrix cells, table values, limits and values of bands, knots of curves, factors, steps,
    days and floors of measures, probabilities and errors of `[uncertainty]`. Weights from pairwise
    comparisons, titles, conditions and whatever else the file says are its author's.
    CatalogError where the text is not TOML; other mistakes of the file are not looked for.
    """
    data = parsed(text)
    return {path: Editable(path, value, kind) for path, value, kind in _found(data)}


def changed_text(text: str, changes: Mapping[KeyPath, float | str], *, like: str = "") -> str:
    """Return the text of a model file with some of its `editable_values` changed.

    `("indicators", 0, "bands", 1, "value"): 3` writes 3 where the second band of the first indicator
    has its value, and nothing else. A number equal to what stands there leaves it as written, and one that is
    equal to what stands in `like`, an earlier text, is written as there: 0.40 changed and changed back.
    UnknownNameError names a key that no form may change; RiskmapError a value that cannot stand there.
    """
    known = editable_values(text)
    splices: list[tuple[int, int, str]] = []
    spans = value_spans(text)
    for path, value in changes.items():
        if path not in known:
            raise _not_editable(path, known)
        _check(known[path], value)
        if value != known[path].value:
            start, end = spans[path]
            before = _as_before(like, path, value)
            splices.append((start, end, before or _written(value, text[start:end], known[path].kind)))
    return spliced(text, splices)


def stated_version(text: str) -> str:
    """Return the version that a model file states, "" where it states none or cannot be read."""
    try:
        value = tomli.loads(text).get("version", "")
    except tomli.TOMLDecodeError:
        return ""
    return value if isinstance(value, str) else ""


def with_version(text: str, version: str) -> str:
    """Return the text of a model file with another `version`, everything else as it was."""
    parsed(text)
    span = value_spans(text).get(("version",))
    if span is None:
        expected = Text('一行 version = "1.0"', 'a line version = "1.0"')
        raise CatalogError((CatalogProblem("TOML", "version", "—", expected),))
    if stated_version(text) == version:
        return text
    return spliced(text, [(*span, json.dumps(version, ensure_ascii=False))])


def parsed(text: str) -> Mapping[str, Any]:
    """Return the values of a TOML text. CatalogError where it is none."""
    return TomlFile.parse(text, "TOML").data


def _found(data: Mapping[str, Any]) -> Iterator[tuple[KeyPath, float | str, Kind]]:
    limits = table_of(data.get("limits"))
    for tier in _TIERS:
        above = table_of(limits.get(tier))
        if above:
            yield from _numbers(("limits", tier), above, ("above",))
        else:
            yield from _numbers(("limits",), limits, (tier,))
    for section in _NODES:
        for i, node in enumerate(list_of(data.get(section))):
            yield from _node((section, i), table_of(node))
    for i, measure in enumerate(list_of(data.get("measures"))):
        yield from _measure(("measures", i), table_of(measure))
    doubts = table_of(data.get("uncertainty"))
    yield from _numbers(("uncertainty",), doubts, ("weights",))
    for name, doubt in table_of(doubts.get("indicators")).items():
        yield from _numbers(("uncertainty", "indicators", name), table_of(doubt), _DOUBTS)


def _node(place: KeyPath, node: Mapping[str, Any]) -> Iterator[tuple[KeyPath, float | str, Kind]]:
    table = table_of(node.get("table"))
    yield from _numbers((*place, "table"), table, tuple(table))
    for j, band in enumerate(list_of(node.get("bands"))):
        yield from _numbers((*place, "bands", j), table_of(band), ("below", "upto", "value"))
    for key in ("curve", "matrix"):
        for j, row in enumerate(list_of(node.get(key))):
            yield from _items((*place, key, j), row)
    yield from _items((*place, "weights"), node.get("weights"))


def _measure(place: KeyPath, measure: Mapping[str, Any]) -> Iterator[tuple[KeyPath, float | str, Kind]]:
    effect = table_of(measure.get("effect"))
    yield from _numbers((*place, "effect"), effect, ("factor",))
    yield from _numbers((*place, "effect"), effect, ("tiers",), "whole")
    yield from _numbers(place, measure, ("valid_days",), "whole")
    floor = measure.get("floor")
    if isinstance(floor, str):
        yield (*place, "floor"), floor, "floor"


def _numbers(
    place: KeyPath, table: Mapping[str, Any], keys: tuple[str, ...], kind: Kind = "number"
) -> Iterator[tuple[KeyPath, float | str, Kind]]:
    for key in keys:
        if _is_number(table.get(key)):
            yield (*place, key), table[key], kind


def _items(place: KeyPath, values: object) -> Iterator[tuple[KeyPath, float | str, Kind]]:
    for j, value in enumerate(list_of(values)):
        if _is_number(value):
            yield (*place, j), value, "number"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def table_of(value: object) -> dict[str, Any]:
    """Return a table of a file, an empty one where there is none."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def list_of(value: object) -> list[Any]:
    """Return a list of a file, an empty one where there is none."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def _check(editable: Editable, value: float | str) -> None:
    name = ".".join(map(str, editable.path))
    if editable.kind == "floor":
        if value not in FLOORS:
            listed = "、".join(FLOORS)
            raise RiskmapError(
                f"{name}：{value!r} 不是可用的最低等级；可用：{listed}",
                f"{name}: {value!r} is no floor; there are: {', '.join(FLOORS)}",
            )
    elif isinstance(value, str) or not math.isfinite(value):
        raise RiskmapError(f"{name}：{value!r} 不是数字", f"{name}: {value!r} is not a number")
    elif editable.kind == "whole" and value != int(value):
        raise RiskmapError(f"{name}：{value:g} 应为整数", f"{name}: {value:g} is not a whole number")


def _written(value: float | str, before: str, kind: Kind) -> str:
    """Return a value as TOML. A whole number is written without a point, unless the author wrote 3.0:
    so 3 changed to 2.5 and back is 3 again.
    """
    if isinstance(value, str):
        return json.dumps(value)
    whole = float(value).is_integer() and abs(value) < 1e15  # noqa: PLR2004 - exact as a whole number
    if kind == "whole" or (whole and not _POINTED.fullmatch(before)):
        return str(int(value))
    return repr(float(value))


def _as_before(like: str, path: KeyPath, value: float | str) -> str:
    """Return how an earlier text writes this very value at a path, "" where it does not."""
    one = editable_values(like).get(path) if like else None
    if one is None or one.value != value:
        return ""
    start, end = value_spans(like)[path]
    return like[start:end]


def spliced(text: str, splices: list[tuple[int, int, str]]) -> str:
    """Return a text with other words between some places: (start, end, words)."""
    for start, end, new in sorted(splices, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _not_editable(path: KeyPath, known: Mapping[KeyPath, Editable]) -> UnknownNameError:
    name, names = ".".join(map(str, path)), [".".join(map(str, key)) for key in known]
    end = meant(closest(name, names))
    return UnknownNameError(
        f"{name}：不是表单可以改的数；请在文件中修改{end.zh}",
        f"{name}: not a number that the form may change; change it in the file{end.en}",
    )
