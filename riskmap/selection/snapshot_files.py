"""A snapshot on disk: Arrow files that are mapped, not read.

Every file carries the snapshot's key and is written under another name, then moved: a reader finds
files of one and the same snapshot, or none. The summary, written last, holds the digest of each file,
which is compared when the snapshot is opened: what was altered or cut off is never answered from.
"""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import pyarrow as pa

from riskmap.io.files.atomic import Digest, private_folder, sealed, unsealed
from riskmap.io.files.leftovers import mark
from riskmap.rules.arrays import numbers_of

FORMAT: Final = 7  # of the columns of a snapshot and of these files


_SUMMARY: Final = "snapshot.json"


_KEY: Final = b"snapshot"


_log = logging.getLogger(__name__)


Seen = tuple[tuple[str, int, int, int], ...]  # name, inode, size and time of writing of each file


_DAMAGED: Final = (ValueError, KeyError, TypeError, pa.ArrowException)


_BLOCK: Final = 1 << 20


BOUNDS: Final = ("west", "south", "east", "north")


def write_snapshot(directory: Path, tables: Mapping[str, pa.Table], about: Mapping[str, object]) -> None:
    """Write the tables of a snapshot, by name, and what is said `about` it (its `key` …) into a directory.

    Raises OSError where they cannot be written.
    """
    for folder in (directory.parent, directory):
        private_folder(folder)
    mark = {_KEY: str(about["key"]).encode()}
    digests = {
        name: _write(directory / f"{name}.arrow", table.replace_schema_metadata(mark))
        for name, table in tables.items()
    }
    summary = {"format": FORMAT, **about, "digests": digests}
    _beside(directory / _SUMMARY, lambda file: file.write(sealed(summary)))


def read_snapshot(directory: Path) -> dict[str, Any] | None:
    """Return the parts of the snapshot in a directory, None where it is absent, damaged or of
    another format.
    """
    try:
        return _checked(directory)
    except _DAMAGED as problem:
        _log.warning("%s: altered or cut off (%s), made anew", directory, problem)
        return None


def altered(directory: Path) -> bool:
    """Return whether the files of a snapshot are no longer what was written."""
    try:
        _checked(directory)
    except _DAMAGED:
        return True
    return False


def _checked(directory: Path) -> dict[str, Any] | None:
    try:
        before = seen_in(directory)
        summary: dict[str, Any] = unsealed((directory / _SUMMARY).read_bytes())
        if summary["format"] != FORMAT:
            return None
        read = _read_all(directory, summary)
        return None if read is None else read | {"home": directory, "seen": before}
    except OSError:
        return None


def seen_in(directory: Path) -> Seen:
    """Return what the system says of the files of a snapshot; () where the directory is gone."""
    try:
        with os.scandir(directory) as files:
            stats = [(file.name, file.stat()) for file in files]
    except FileNotFoundError:
        return ()
    return tuple(sorted((name, one.st_ino, one.st_size, one.st_mtime_ns) for name, one in stats))


def _digest(path: Path) -> str:
    """Return the digest of a file, read in blocks: pages of a mapping would count as memory of the process."""
    digest = Digest()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.add(block)
    return str(digest)


def _write(path: Path, table: pa.Table) -> str:
    """Write a table and return the digest of what was meant to be written."""
    digest = Digest()

    def fill(file: BinaryIO) -> None:
        with (
            pa.PythonFile(_Summed(file, digest), mode="w") as sink,
            pa.ipc.new_file(sink, table.schema) as writer,
        ):
            writer.write_table(table.combine_chunks())

    _beside(path, fill)
    return str(digest)


@dataclass(slots=True)
class _Summed:
    """A file to write to that adds what it is given to a digest."""

    file: BinaryIO
    digest: Digest
    closed: bool = False

    def write(self, block: bytes) -> int:
        self.digest.add(block)
        return self.file.write(block)

    def flush(self) -> None:
        self.file.flush()

    def close(self) -> None:  # the file is closed by who opened it
        self.closed = True


def _beside(path: Path, fill: Callable[[BinaryIO], Any]) -> None:
    draft = path.with_name(f"{path.name}{mark()}{uuid.uuid4().hex}.part")
    try:
        draft.touch(mode=0o600)
        with draft.open("wb") as file:
            fill(file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _read_all(directory: Path, summary: dict[str, Any]) -> dict[str, Any] | None:
    layers = tuple(summary["layers"])

    def read(name: str) -> pa.Table:
        path = directory / f"{name}.arrow"
        if _digest(path) != summary["digests"][name]:
            raise ValueError(path.name)
        with pa.memory_map(str(path)) as source:
            table = pa.ipc.open_file(source).read_all()
        if (table.schema.metadata or {}).get(_KEY) != summary["key"].encode():
            raise ValueError(name)
        return table.replace_schema_metadata(None)

    tables = {layer: read(f"layer-{i}") for i, layer in enumerate(layers)}
    rows, points, shapes = read("rows"), read("points"), read("shapes")
    if len(rows) != sum(len(table) for table in tables.values()):
        return None
    search = rows["search"]
    return {
        "state": summary["state"],
        "key": summary["key"],
        "layers": layers,
        "subdistricts": tuple(summary["subdistricts"]),
        "today": date.fromisoformat(summary["today"]) if summary["today"] else None,
        "tables": tables,
        "group": numbers_of(rows["group"]),
        "flags": numbers_of(rows["flags"]),
        "search": search.chunk(0) if search.num_chunks == 1 else search.combine_chunks(),
        "code": numbers_of(points["code"]),
        "row": numbers_of(points["row"]),
        "point_group": numbers_of(points["group"]),
        "point_id": numbers_of(points["id"]),
        "shape_row": numbers_of(shapes["row"]),
        "shape_bounds": np.column_stack([numbers_of(shapes[side]) for side in BOUNDS]),
    }
