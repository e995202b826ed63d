"""Layer files as people meet them without an editor: a header that a field is to go by, a template to fill in."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import tomli

from riskmap.actions.workspace import Workspace
from riskmap.catalog.headers import normalise_header
from riskmap.catalog.layer_file import read_layer
from riskmap.catalog.problems import read_text
from riskmap.errors import CatalogError, Lang, RiskmapError
from riskmap.io.files.atomic import replacing
from riskmap.io.writers.paper import check_ending
from riskmap.io.writers.template import Blank, TemplateColumn, write_template
from riskmap.json_documents import Document
from riskmap.moments import local_now
from riskmap.rules.permissions import Actor, may
from riskmap.texts import t

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


@dataclass(frozen=True, slots=True)
class LayerTemplate:
    """A blank workbook that was written for a layer."""

    layer: str
    file: Path
    columns: tuple[TemplateColumn, ...]

    def count(self, need: str) -> int:
        """Return how many columns are required, scored (needed for a tier) or optional."""
        return Counter(column.need for column in self.columns)[need]

    def as_json(self) -> Document:
        """Return the document of `riskmap layer template --json`."""
        columns = [{"header": c.header, "target": c.target, "need": c.need} for c in self.columns]
        return {"layer": self.layer, "file": str(self.file), "columns": columns}


def layer_template(ws: Workspace, layer_id: str, to: Path, *, lang: Lang = "zh") -> LayerTemplate:
    """Write a blank workbook (.xlsx) to fill in for a layer: its headers, units, choices and limits.

    ExportError for another ending, or where the place cannot be written.
    """
    check_ending(to, (".xlsx",))
    layer = ws.catalog.layer(layer_id)
    model = ws.catalog.model_of(layer_id) if layer_id in ws.catalog.scored else None
    leaves = model.scoring_leaves if model else ()
    blank = Blank(
        extent=ws.region.around,
        source=t("template_of_file", lang, file=f"layers/{_file_of(ws, layer_id).name}"),
        title=t("template_title", lang, district=ws.config.district, layer=layer.title.text(lang)),
        scored=frozenset(_target(field) for field in (model.required if model else ())),
        sources={_target(leaf.field): leaf.source for leaf in leaves if leaf.source},
        subdistricts=ws.subdistricts,
    )
    return LayerTemplate(layer_id, to, tuple(write_template(to, layer, blank, lang=lang)))


def _target(field: str) -> str:
    """Return the target of a column from the name under which a model reads it: checklist.boat → checklist:boat."""
    return field.replace("checklist.", "checklist:", 1)


def _file_of(ws: Workspace, layer: str) -> Path:
    for path in sorted((ws.root / "layers").glob("*.toml")):
        try:
            if tomli.loads(read_text(path, path.name)).get("id") == layer:
                return path
        except (tomli.TOMLDecodeError, CatalogError):
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
