"""The registers that riskmap ships as layer files: which there are, and taking some into a workspace.

They lie apart from the layers of a new workspace: a district has those that it takes, and from then on
the files are its own.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from riskmap.actions.workspace import Workspace
from riskmap.catalog import Layer, defaults_dir, load_catalog
from riskmap.catalog.layer_file import read_layer
from riskmap.catalog.problems import closest, read_text
from riskmap.errors import CatalogError, RiskmapError, Text, UnknownNameError, meant
from riskmap.io.files.atomic import replacing
from riskmap.json_documents import Document


@dataclass(frozen=True, slots=True)
class ShippedLayer:
    """A register that riskmap ships: its layer and the file that describes it."""

    layer: Layer
    file: Path

    @property
    def names(self) -> tuple[str, ...]:
        """The layers without which it cannot be used: those it names by id, its rollups count, or it makes records in."""
        named = [one for field in self.layer.links if isinstance(field.of, tuple) for one in field.of]
        named += [rollup.of for rollup in self.layer.rollups]
        named += [making.layer for making in self.layer.makes]
        return tuple(one for one in dict.fromkeys(named) if one != self.layer.id)

    def taken(self, ws: Workspace) -> bool:
        """Tell whether a workspace has a layer of its id."""
        return self.layer.id in _known(ws)

    def as_json(self, ws: Workspace) -> Document:
        """Return its line of `riskmap layer add --list --json`."""
        title = {"zh": self.layer.title.zh, "en": self.layer.title.en}
        return {
            "layer": self.layer.id,
            "title": title,
            "counts": self.layer.counts,
            "names": list(self.names),
            "taken": self.taken(ws),
        }


@dataclass(frozen=True, slots=True)
class TakenLayers:
    """What was taken into a workspace: layer → its file there, and layer → the one that named it, where nobody asked for it."""

    files: Mapping[str, Path]
    named_by: Mapping[str, str]

    def need_takeover(self, ws: Workspace) -> bool:
        """Tell whether one of them has a flow, and the workspace states no day by which what arrives closed is taken over."""
        flows = [one for layer in self.files if (one := shipped_layers()[layer].layer.flow) is not None]
        return ws.config.takeover is None and any(flow.takeover is None for flow in flows)

    def as_json(self) -> Document:
        """Return the document of `riskmap layer add --json`."""
        return {
            "added": {layer: str(file) for layer, file in self.files.items()},
            "named_by": dict(self.named_by),
        }


@cache
def shipped_layers() -> Mapping[str, ShippedLayer]:
    """Return the registers that are shipped, by id, in the order in which lists show layers."""
    found = [
        ShippedLayer(read_layer(read_text(path, path.name), f"layers/{path.name}"), path)
        for path in (defaults_dir() / "layers" / "registers").glob("*.toml")
    ]
    found.sort(key=lambda one: (one.layer.style.order, one.layer.id))
    return {one.layer.id: one for one in found}


def take_layers(ws: Workspace, ids: Iterable[str]) -> TakenLayers:
    """Copy shipped registers into the layers of a workspace, and with them those that they name and it lacks.

    All or nothing. UnknownNameError for an id that is not shipped, RiskmapError where the workspace has it
    already, CatalogError where the files would not do beside those that are there.
    """
    known = _known(ws)
    named_by: dict[str, str] = {}
    wanted = list(dict.fromkeys(ids))
    for one in wanted:
        _refuse(ws, one, known)
    for one in wanted:  # grows: what is named is wanted too
        for other in shipped_layers()[one].names:
            if other not in known and other not in wanted and other in shipped_layers():
                named_by[other] = one
                wanted.append(other)
    files = {one: ws.root / "layers" / shipped_layers()[one].file.name for one in wanted}
    _fit(ws, wanted)
    with replacing(*files.values()) as rooms:
        for one, room in zip(files, rooms, strict=True):
            shutil.copyfile(shipped_layers()[one].file, room)
    return TakenLayers(files, named_by)


def _known(ws: Workspace) -> set[str]:
    """Return the layers of a workspace, and those whose file waits to be mended."""
    return {*ws.catalog.layers, *(fault.id for fault in ws.catalog.faults if fault.kind == "layers")}


def _refuse(ws: Workspace, layer_id: str, known: Iterable[str]) -> None:
    shipped = shipped_layers()
    if layer_id not in shipped:
        known_ones = Text(f"；有：{'、'.join(shipped)}", f"; there are: {', '.join(shipped)}")
        end = meant(closest(layer_id, shipped), known_ones)
        raise UnknownNameError(
            f"没有自带的登记册 {layer_id}{end.zh}", f"no register {layer_id} is shipped{end.en}"
        )
    if layer_id in known or (ws.root / "layers" / shipped[layer_id].file.name).exists():
        raise RiskmapError(
            f"{layer_id}：工作区已有这个图层，未写入；直接修改 layers/ 中它的文件",
            f"{layer_id}: the workspace has this layer, nothing was written; edit its file in layers/",
        )


def _fit(ws: Workspace, wanted: Iterable[str]) -> None:
    """Raise CatalogError where the catalogue of the workspace would have faults with the files that it has not now."""
    before = {(fault.id, fault.layer) for fault in ws.catalog.faults}
    with tempfile.TemporaryDirectory(prefix="riskmap-") as folder:
        trial = Path(folder)
        for part in ("layers", "models"):
            (trial / part).mkdir()
            for file in (ws.root / part).glob("*.toml"):
                shutil.copyfile(file, trial / part / file.name)
        for one in wanted:
            file = shipped_layers()[one].file
            shutil.copyfile(file, trial / "layers" / file.name)
        faults = [f for f in load_catalog(trial).faults if (f.id, f.layer) not in before]
    if faults:
        raise CatalogError(tuple(problem for fault in faults for problem in fault.problems))
