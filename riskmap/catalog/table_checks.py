"""What only a table's file may say (`table = true`), and what it has to leave to the layers of the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, cast, get_args

from riskmap.catalog.layer import FieldType
from riskmap.catalog.problems import TomlFile, absent, closest, one_of, shown
from riskmap.catalog.toml_lines import KeyPath
from riskmap.errors import CatalogProblem, Text

_OF_TABLES: Final = ("unique", "unique_of", "one_of", "positions", "wide", "on_bad_row")


_OF_TABLE_FIELDS: Final = (
    *("required", "unit_required", "unit_from", "hours", "trace", "sentinels", "missing", "zone"),
)


def table_problems(source: TomlFile, *, wanted: bool) -> Iterator[CatalogProblem]:
    """Yield what is wrong with a file as a table, or as a layer of the ledger where no table is wanted."""
    if not wanted:
        yield from _no_layer(source)
        return
    if source.at(("table",)) is not True:
        yield source.problem(
            ("table",), Text("true（这是一张表的说明）", "true (the file describes a table)")
        )
    fields = {str(field.get("id")): field for _, field in source.tables("fields")}
    for key in ("unique", "unique_of"):
        yield from _known(source, (key,), ["code", "name", *fields])
    for key, kinds in (("names", ("moment",)), ("values", ("number", "integer"))):
        yield from _known(source, ("wide", key), [i for i, f in fields.items() if f.get("type") in kinds])
    for path, field in source.tables("fields"):
        if field.get("unit_required") and not field.get("unit"):
            yield absent(source, (*path, "unit"))
        yield from _known(source, (*path, "unit_from"), list(fields))


def _no_layer(source: TomlFile) -> Iterator[CatalogProblem]:
    """Yield what only a table may state."""
    if source.at(("geometry",)) == "none":
        yield source.problem(("geometry",), one_of(("point", "line", "polygon")))
    stated: list[KeyPath] = [(key,) for key in ("table", *_OF_TABLES) if source.data.get(key)]
    for path, field in source.tables("fields"):
        stated += [(*path, key) for key in _OF_TABLE_FIELDS if key in field]
        if field.get("type") == "moment":
            kinds = [kind for kind in get_args(FieldType) if kind != "moment"]
            yield source.problem((*path, "type"), one_of(kinds))
    for path in stated:
        yield source.problem(
            path,
            Text(
                f"没有 {path[-1]}（只用于 table = true 的文件）",
                f"no {path[-1]} here (it belongs to files with table = true)",
            ),
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
