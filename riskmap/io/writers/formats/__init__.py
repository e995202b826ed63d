"""The formats of inventories, one file each: a module here that states `FORMAT` is one, on every page and command."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from riskmap.errors import Text
from riskmap.io.files.atomic import WrittenFile, replacing
from riskmap.registries import members
from riskmap.values.inventory import Inventory, LayerInventory


@dataclass(frozen=True, slots=True)
class ExportFormat:
    """One format: the `ending` of its files, without a first dot, and what writes one.

    `title` is what its button says and `help` what it is good for; buttons stand by `order`. `unmasked`: offered
    with the contacts in full, too.
    """

    ending: str
    title: str
    help: Text
    order: int
    write: Callable[[Inventory, Path], list[WrittenFile]]
    unmasked: bool = False


@cache
def export_formats() -> dict[str, ExportFormat]:
    """Return every format by its ending, in their order."""
    found = [one for _, one in members(__name__, "FORMAT")]
    return {one.ending: one for one in sorted(found, key=lambda one: (one.order, one.ending))}


def file_each(
    inventory: Inventory, path: Path, kind: str, write: Callable[[Inventory, LayerInventory, Path], None]
) -> list[WrittenFile]:
    """Write one file per layer, all or none: `path` itself for one layer, `<stem>_<layer id>.<ending>` for several."""
    targets = [
        path if len(inventory.layers) == 1 else path.with_name(f"{path.stem}_{part.layer.id}{path.suffix}")
        for part in inventory.layers
    ]
    if not targets:
        return []
    with replacing(*targets) as rooms:
        for part, room in zip(inventory.layers, rooms, strict=True):
            inventory.wrote(part, 0)
            write(inventory, part, room)
    return [WrittenFile(p, kind, len(part)) for p, part in zip(targets, inventory.layers, strict=True)]
