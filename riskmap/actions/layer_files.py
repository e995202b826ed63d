"""Layer files as people change them without an editor: a header that a field is to go by."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from riskmap.actions.workspace import Workspace
from riskmap.catalog.headers import normalise_header
from riskmap.catalog.layer_file import read_layer
from riskmap.catalog.problems import read_text
from riskmap.errors import CatalogError, RiskmapError
from riskmap.io.files.atomic import replacing
from riskmap.moments import local_now
from riskmap.rules.permissions import Actor, may

_SECTION = re.compile(r"^\[aliases\][ \t]*(?:#.*)?$", re.MULTILINE)


_NEXT = re.compile(r"^\[", re.MULTILINE)


def name_column(ws: Workspace, layer: str, header: str, field: str, *, by: Actor) -> Path:
    """Let a header name a field of a layer from now on; return the layer file that says so.

    It becomes an alias in the file's `[aliases]`, with the person and the day behind it. What was kept under
    this header is read as the field at once. CatalogError where another field has the header,
    UnknownNameError for a field that the layer does not have.
    """
    may(by, "import", layer)
    ws.catalog.layer(layer)
    path = _file_of(ws, layer)
    name = f"layers/{path.name}"
    text = read_text(path, name)
    wanted = read_layer(text, name)
    if field not in wanted.field_ids:
        raise RiskmapError(
            f"{name} › {field}：图层没有这个字段，未写入；请选择图层已有的字段",
            f"{name} › {field}: the layer has no such field, nothing was written; choose one that it has",
        )
    changed = _with_alias(text, header, field, f"{by.name}，{local_now():%Y-%m-%d}".replace("\n", " "))
    now = read_layer(changed, name)
    if normalise_header(header) not in map(normalise_header, now.field(field).aliases):
        raise RiskmapError(
            f"{name} › aliases：未能写入“{header}”；请在文件中给字段 {field} 的 aliases 加上它",
            f"{name} › aliases: {header!r} could not be written; add it to the aliases of {field} in the file",
        )
    with replacing(path) as (room,):
        room.write_text(changed, encoding="utf-8")
    return path


def _file_of(ws: Workspace, layer: str) -> Path:
    for path in sorted((ws.root / "layers").glob("*.toml")):
        try:
            if tomllib.loads(read_text(path, path.name)).get("id") == layer:
                return path
        except (tomllib.TOMLDecodeError, CatalogError):
            continue
    raise RiskmapError(
        f"{ws.root / 'layers'}：没有图层 {layer} 的文件；请放回",
        f"{ws.root / 'layers'}: no file of the layer {layer}; put it back",
    )


def _with_alias(text: str, header: str, field: str, note: str) -> str:
    """Return a layer file's text with one more header of a field; everything else stays as it is."""
    word = '"' + header.replace("\\", "\\\\").replace('"', '\\"') + '"'
    section = _SECTION.search(text)
    if section is None:
        return f"{text.rstrip()}\n\n[aliases]\n{field} = [{word}]  # {note}\n"
    follower = _NEXT.search(text, section.end())
    end = follower.start() if follower else len(text)
    known = re.compile(rf"^{re.escape(field)}[ \t]*=[ \t]*\[", re.MULTILINE).search(text, section.end(), end)
    if known is None:
        return f"{text[: section.end()]}\n{field} = [{word}]  # {note}{text[section.end() :]}"
    return f"{text[: known.end()]}{word}, {text[known.end() :]}"
