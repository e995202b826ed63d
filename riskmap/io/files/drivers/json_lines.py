"""JSON lines, or a list of flat objects, as one sheet: a column for each key in the order in which they come."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

import pyarrow as pa

from riskmap.errors import Text, UnreadableFileError
from riskmap.io.files.drivers.encodings import decode
from riskmap.io.files.drivers.sheets import Fault, save

_NO_OBJECT: Final = Text(
    "这一行不是完整的 JSON 对象；请改正或删去", "this line is no whole JSON object; correct or delete it"
)


_TWICE: Final = Text("这一行里有的键写了两次；请只写一次", "a key stands twice in this line; write it once")


class _KeyTwiceError(ValueError):
    pass


def read(request: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    """Write the objects as one sheet; a blank line stays, so that row numbers are the file's."""
    text, _ = decode(Path(request["path"]).read_bytes())
    rows: list[dict[str, str | None]] = []
    faults: list[Fault] = []
    for parse in _objects(text.removeprefix("\ufeff")):
        try:
            rows.append(_cells(parse()))
        except _KeyTwiceError:
            faults.append((len(rows), -1, _TWICE))
            rows.append({})
        except (ValueError, RecursionError):
            faults.append((len(rows), -1, _NO_OBJECT))
            rows.append({})
    header = list(dict.fromkeys(key for row in rows for key in row))
    if not header:
        raise UnreadableFileError(
            '没有一行是 JSON 对象；请每行写一个，如 {"sensor": "A", …}',
            'no line is a JSON object; write one a line, such as {"sensor": "A", …}',
        )
    if len(header) > request["columns"]:
        raise UnreadableFileError(
            f"有 {len(header)} 个键，超过上限 {request['columns']}",
            f"{len(header)} keys, more than {request['columns']}",
        )
    columns = [pa.array([row.get(key) for row in rows], pa.string()) for key in header]
    table = pa.table(columns, names=[f"c{i}" for i in range(len(header))])
    return [save(folder, 0, Path(request["name"]).stem, table, header=header, faults=faults)]


def _objects(text: str) -> Iterator[Callable[[], Any]]:
    """Yield what gives each object: of a list its members, else each line's."""
    if text.lstrip().startswith("["):
        try:
            members = _parsed(text)
        except (ValueError, RecursionError):
            members = None  # a line may begin with a bracket, too
        if isinstance(members, list):
            yield from (partial(_same, member) for member in cast("list[Any]", members))
            return
    yield from (partial(_parsed, line) for line in text.split("\n"))


def _parsed(text: str) -> Any:
    """Return what a text holds, numbers as they are written; nothing of a blank one."""
    blank = not text.strip()
    return (
        {}
        if blank
        else json.loads(text, parse_float=str, parse_int=str, parse_constant=str, object_pairs_hook=_pairs)
    )


def _same(member: Any) -> Any:
    return member


def _cells(found: Any) -> dict[str, str | None]:
    """Return the values of an object as texts. ValueError for what is none."""
    if not isinstance(found, dict):
        raise ValueError(found)  # noqa: TRY004 - one fault for all that is no object
    return {str(key): _as_text(value) for key, value in cast("dict[Any, Any]", found).items()}


def _pairs(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise _KeyTwiceError
    return made


def _as_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value or None
    if isinstance(value, bool):
        return "是" if value else "否"
    return json.dumps(value, ensure_ascii=False)
