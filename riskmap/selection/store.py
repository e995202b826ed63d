"""A snapshot on disk: Arrow files that are mapped, not read.

One directory per snapshot, named by its key, made under another name and then moved, so that a
reader finds a whole one or none. Older ones are cleared away where the system lets go of them.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import uuid
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from riskmap.errors import SelectionError
from riskmap.selection.snapshot import FORMAT, Shapes, Snapshot

_PREFIX: Final = "snapshot-"
_SUMMARY: Final = "snapshot.json"
_ABANDONED_S: Final = 3600.0  # a draft as old as this was left by a process that died
_BOUNDS: Final = ("west", "south", "east", "north")


def save(snapshot: Snapshot, directory: Path) -> Path:
    """Write a snapshot below `directory` and return its own directory.

    Raises SelectionError where it cannot be written; what was there before is then untouched.
    """
    target = directory / f"{_PREFIX}{snapshot.key}"
    draft = directory / f"{_PREFIX}{uuid.uuid4().hex}.part"
    try:
        draft.mkdir(parents=True)
        _write_all(snapshot, draft)
        if target.exists():
            _discard(target)  # the same snapshot, maybe damaged
        with contextlib.suppress(OSError):  # another process was quicker: its content is the same
            draft.replace(target)
    except OSError as problem:
        raise SelectionError(
            f"{directory}：快照写不进去（{problem.strerror or problem}）；请检查磁盘空间和写权限",
            f"{directory}: the snapshot cannot be written ({problem.strerror or problem}); "
            "check free space and permissions",
        ) from problem
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    _clear_others(directory, target)
    return target


def load(directory: Path, key: str) -> Snapshot | None:
    """Return the snapshot with this key, its columns mapped from disk, None where there is none.

    A snapshot of another state, day, catalogue or format has another key; a damaged one is None.
    """
    home = directory / f"{_PREFIX}{key}"
    try:
        summary: dict[str, Any] = json.loads((home / _SUMMARY).read_text(encoding="utf-8"))
        if summary["format"] != FORMAT or summary["key"] != key:
            return None
        return _read_all(home, summary)
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException):
        return None


def _write_all(snapshot: Snapshot, home: Path) -> None:
    for i, layer in enumerate(snapshot.layers):
        _write(home / f"layer-{i}.arrow", snapshot.tables[layer])
    rows = {"group": snapshot.group, "flags": snapshot.flags, "search": snapshot.search}
    _write(home / "rows.arrow", pa.table(rows))
    points = {
        "code": snapshot.code,
        "row": snapshot.row,
        "group": snapshot.point_group,
        "id": snapshot.point_id,
    }
    _write(home / "points.arrow", pa.table(points))
    shapes = {"row": snapshot.shapes.row, **dict(zip(_BOUNDS, snapshot.shapes.bounds.T, strict=True))}
    _write(home / "shapes.arrow", pa.table(shapes))
    summary = {
        "format": FORMAT,
        "key": snapshot.key,
        "state": snapshot.state,
        "layers": snapshot.layers,
        "subdistricts": snapshot.subdistricts,
        "rows": len(snapshot),
    }
    _write_bytes(home / _SUMMARY, json.dumps(summary, ensure_ascii=False).encode())


def _write(path: Path, table: pa.Table) -> None:
    with path.open("wb") as file:
        with pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table.combine_chunks())
        file.flush()
        os.fsync(file.fileno())


def _write_bytes(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _read_all(home: Path, summary: dict[str, Any]) -> Snapshot | None:
    layers = tuple(summary["layers"])
    tables = {layer: _read(home / f"layer-{i}.arrow") for i, layer in enumerate(layers)}
    rows, points, shapes = (_read(home / f"{name}.arrow") for name in ("rows", "points", "shapes"))
    if not summary["rows"] == len(rows) == sum(len(t) for t in tables.values()):
        return None
    search = rows["search"]
    return Snapshot(
        state=summary["state"],
        key=summary["key"],
        layers=layers,
        subdistricts=tuple(summary["subdistricts"]),
        tables=tables,
        group=_numbers(rows, "group"),
        flags=_numbers(rows, "flags"),
        search=search.chunk(0) if search.num_chunks == 1 else search.combine_chunks(),
        code=_numbers(points, "code"),
        row=_numbers(points, "row"),
        point_group=_numbers(points, "group"),
        point_id=_numbers(points, "id"),
        shapes=Shapes(_numbers(shapes, "row"), np.column_stack([_numbers(shapes, side) for side in _BOUNDS])),
    )


def _read(path: Path) -> pa.Table:
    with pa.memory_map(str(path)) as source:
        return pa.ipc.open_file(source).read_all()


def _numbers(table: pa.Table, name: str) -> Any:
    column = table[name]
    return column.chunk(0).to_numpy() if column.num_chunks == 1 else column.to_numpy()


def _clear_others(directory: Path, target: Path) -> None:
    now = target.stat().st_mtime if target.exists() else 0.0  # the clock of the file system
    for other in directory.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            abandoned = now - other.stat().st_mtime > _ABANDONED_S
            if other != target and (abandoned or not other.name.endswith(".part")):
                _discard(other)


def _discard(home: Path) -> None:
    """Remove a snapshot that nobody will ask for; one that Windows still maps stays until next time."""
    gone = home.with_name(f"{home.name}.{uuid.uuid4().hex}.part")
    with contextlib.suppress(OSError):
        home.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)
