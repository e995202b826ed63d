"""Values as the JSON that the program prints: the one encoder. A value's fields are the keys of its document.

A field with the metadata INLINE puts its keys among those around it (where it is None they are left out);
`named` gives a field the name that the document has for it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import orjson

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"


Document: TypeAlias = dict[str, Json]


_PASSED: Final = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS


INLINE: Final[Mapping[str, str]] = {"json": "inline"}


def named(key: str) -> Mapping[str, str]:
    """Return the metadata of a field that the document calls `key`."""
    return {"json key": key}


def dumps(document: object, *, indent: bool = False) -> bytes:
    """Return a document as JSON. TypeError for a value that is none."""
    option = _PASSED | (orjson.OPT_INDENT_2 if indent else 0)
    return orjson.dumps(document, option=option, default=_plain)


def plain(document: object) -> Any:
    """Return a document as whoever reads its JSON has it."""
    return orjson.loads(dumps(document))


def _plain(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dict(_keys(value))
    if isinstance(value, tuple | set | frozenset):
        return list(value)
    if isinstance(value, Path):
        return str(value)
    raise TypeError(type(value).__name__)


def _keys(value: DataclassInstance) -> Iterator[tuple[str, object]]:
    for one in dataclasses.fields(value):
        part = getattr(value, one.name)
        if not one.metadata.get("json"):
            yield one.metadata.get("json key", one.name), part
        elif part is not None:
            yield from _keys(part)
