"""What only a table's file may say (`table = true`), and what it has to leave to the layers of the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from riskmap.catalog.problems import TomlFile, absent, closest, one_of, shown
from riskmap.catalog.toml_lines import KeyPath
from riskmap.errors import CatalogProblem, Say

_OF_TABLES: Final = ("unique", "unique_of", "one_of", "positions", "wide", "on_bad_row")


_OF_TABLE_FIELDS: Final = (
    "required",
    "unit_required",
    "unit_from",
    "hours",
    "trace",
    "sentinels",
    "missing",
    "zone",
)


_OF_NUMBERS: Final = ("unit_required", "hours", "trace", "sentinels", "missing")


_OF_LAYERS: Final = ("model", "stale_after_days", "style", "checklist", "contacts", "plan", "triggers")


_NAMES: Final = ("code", "name")


def table_problems(source: TomlFile, *, wanted: bool) -> Iterator[CatalogProblem]:
    """Yield what is wrong with a file as a table, or as a layer of the ledger where no table is wanted."""
    if not wanted:
        yield from _no_layer(source)
        return
    if source.at(("table",)) is not True:
        yield source.problem(("table",), Say("true（这是一张表的说明）", "true (the file describes a table)"))
    for key in _OF_LAYERS:
        if key in source.data:
            yield source.problem(
                (key,),
                Say(
                    f"没有 {key}（表不入台账，没有模型、等级和记录）",
                    f"no {key} here (no ledger keeps a table: it has no model, tier or record)",
                ),
            )
    fields = {str(field.get("id")): field for _, field in source.tables("fields")}
    for key in ("unique", "unique_of"):
        yield from _known(source, (key,), [*_NAMES, *fields])
    yield from _wide(source, fields)
    for path, field in source.tables("fields"):
        yield from _field(source, path, field, fields)


def _no_layer(source: TomlFile) -> Iterator[CatalogProblem]:
    if source.at(("table",)):
        yield source.problem(
            ("table",),
            Say(
                "没有 table（表不入台账，不是图层；图层要写 model）",
                "no table here (no ledger keeps a table; a layer states its model)",
            ),
        )
    elif "model" not in source.data:
        yield absent(source, ("model",))
    if source.at(("geometry",)) == "none":
        yield source.problem(("geometry",), one_of(("point", "line", "polygon")))
    for key in _OF_TABLES:
        if key in source.data:
            yield _only_tables(source, (key,), key)
    for path, field in source.tables("fields"):
        for key in _OF_TABLE_FIELDS:
            if key in field:
                yield _only_tables(source, (*path, key), key)
        if field.get("type") == "moment":
            yield source.problem(
                (*path, "type"),
                Say(
                    "date（moment 只用于表，即 table = true 的文件）",
                    "date (moments are for files with table = true)",
                ),
            )


def _only_tables(source: TomlFile, path: KeyPath, key: str) -> CatalogProblem:
    return source.problem(
        path,
        Say(
            f"没有 {key}（只用于 table = true 的文件）",
            f"no {key} here (it belongs to files with table = true)",
        ),
    )


def _known(source: TomlFile, path: KeyPath, known: Sequence[str]) -> Iterator[CatalogProblem]:
    """Yield the names at a path, one or a list, that are none of the table's columns."""
    found = source.at(path)
    for i, name in enumerate(found if isinstance(found, list) else ()):
        if isinstance(name, str) and name not in known:
            yield source.problem((*path, i), one_of(known), found=shown(name), hint=closest(name, known))
    if isinstance(found, str) and found not in known:
        yield source.problem(path, one_of(known), hint=closest(found, known))


def _wide(source: TomlFile, fields: Mapping[str, Mapping[str, object]]) -> Iterator[CatalogProblem]:
    for key, kinds in (("names", ("moment",)), ("values", ("number", "integer"))):
        yield from _known(source, ("wide", key), [i for i, f in fields.items() if f.get("type") in kinds])


def _field(
    source: TomlFile, path: KeyPath, field: Mapping[str, object], fields: Mapping[str, object]
) -> Iterator[CatalogProblem]:
    kind = field.get("type")
    wrong = () if kind in {"number", "integer"} else _OF_NUMBERS
    for key in (*wrong, *(() if kind == "moment" else ("zone",))):
        if key in field:
            owner = "moment" if key == "zone" else "integer, number"
            yield source.problem(
                (*path, key),
                Say(
                    f"没有 {key}（只用于 type 为 {owner} 的字段）",
                    f"no {key} here (it belongs to fields of type {owner})",
                ),
            )
    if field.get("unit_required") and not field.get("unit"):
        yield absent(source, (*path, "unit"))
    yield from _known(source, (*path, "unit_from"), list(fields))
