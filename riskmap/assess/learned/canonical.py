"""The same model, the same bytes: a `.skops` archive without memory addresses and times in it."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any, Final, cast

from riskmap.assess.learned.allowed import SCHEMA

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


def canonical(data: bytes) -> bytes:
    """Return the archive with objects and arrays numbered in the order of the schema.

    skops names arrays and shared objects by their address in memory, which differs from run to run.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        schema = json.loads(archive.read(SCHEMA))
        arrays = {name: archive.read(name) for name in archive.namelist() if name != SCHEMA}
    ids: dict[object, int] = {}
    files: dict[str, str] = {}
    _renumber(schema, ids, files)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for old, new in files.items():
            _write(archive, new, arrays[old])
        _write(archive, SCHEMA, json.dumps(schema, indent=1).encode())
    return buffer.getvalue()


def _renumber(part: Any, ids: dict[object, int], files: dict[str, str]) -> None:
    if isinstance(part, list):
        for item in cast("list[Any]", part):
            _renumber(item, ids, files)
    elif isinstance(part, dict):
        node = cast("dict[str, Any]", part)
        if "__id__" in node:
            node["__id__"] = ids.setdefault(node["__id__"], len(ids) + 1)
        if "__loader__" in node and isinstance(node.get("file"), str):
            node["file"] = files.setdefault(node["file"], f"{len(files) + 1}.npy")
        for value in node.values():
            _renumber(value, ids, files)


def _write(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, data)
