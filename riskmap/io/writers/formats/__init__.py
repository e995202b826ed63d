"""The formats of inventories, one file each: a module here that states `FORMAT` is one, on every page and command."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from riskmap.errors import Text
from riskmap.io.files.atomic import WrittenFile
from riskmap.registries import members
from riskmap.values.inventory import Inventory


@dataclass(frozen=True, slots=True)
class ExportFormat:
    """One format: the `ending` of its files, without a first dot, and what writes one.

    `title` is what its button says and `help` what it is good for; buttons stand by `order`. `also`: offered
    beyond the whole inventory, for an area drawn on the map or with the contacts in full.
    """

    ending: str
    title: str
    help: Text
    order: int
    write: Callable[[Inventory, Path], list[WrittenFile]]
    also: frozenset[Literal["area", "unmasked"]] = frozenset()


@cache
def export_formats() -> dict[str, ExportFormat]:
    """Return every format by its ending, in their order."""
    found = [one for _, one in members(__name__, "FORMAT")]
    return {one.ending: one for one in sorted(found, key=lambda one: (one.order, one.ending))}
