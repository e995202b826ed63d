"""The records of a map in drawing order: what a file for a browser and tiles are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from riskmap.array_types import Floats
from riskmap.errors import Text
from riskmap.rules.arrays import numbers_of
from riskmap.selection.table import CLASS
from riskmap.values.boundaries import Boundaries
from riskmap.values.inventory import Inventory, LayerInventory
from riskmap.vocabulary import RANKS, weight


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Records in drawing order: degrees (NaN without a position), layer · 8 + rank, place of the sub-district.

    `details`: title and texts of each further column; `shapes`: row → outline, of those that have one.
    """

    lon: Floats
    lat: Floats
    kind: NDArray[np.int64]
    street: NDArray[np.int64]
    streets: tuple[str, ...]
    name: list[str]
    code: list[str]
    details: Sequence[tuple[Text, list[str]]]
    shapes: Sequence[tuple[int, BaseGeometry]]


def map_rows(
    inventory: Inventory, places: Boundaries | None = None, details: Sequence[tuple[Text, list[str]]] = ()
) -> Rows:
    """Return the records of an inventory in drawing order: by weight (`vocabulary.weight`), layer and code.

    `details`: further columns of texts, a text for each record in the order of the inventory.
    """
    parts = inventory.layers
    tables = [part.table for part in parts]

    def column(name: str, kind: Any) -> NDArray[Any]:
        return np.concatenate(
            [np.empty(0, kind), *(numbers_of(table[name]).astype(kind) for table in tables)]
        )

    rank = column("rank", np.int64)
    layer = np.repeat(np.arange(len(parts)), [len(table) for table in tables])
    order = np.lexsort((layer, weight(rank)))
    own = np.concatenate([np.empty(0, np.int64), *(_kinds(part) for part in parts)])
    words = [word or "" for table in tables for word in table["subdistrict"].to_pylist()]
    streets = _streets(words, places)
    number = {name: i for i, name in enumerate(streets)}
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))

    def ordered(texts: Sequence[str | None]) -> list[str]:
        return [texts[i] or "" for i in order]

    return Rows(
        column("lon", np.float64)[order],
        column("lat", np.float64)[order],
        (layer * 8 + own)[order],
        np.array([number[word] for word in words], np.int64)[order],
        streets,
        ordered([name for table in tables for name in table["name"].to_pylist()]),
        ordered([code for table in tables for code in table["code"].to_pylist()]),
        [(title, ordered(texts)) for title, texts in details],
        _shapes(tables, place),
    )


def _kinds(part: LayerInventory) -> NDArray[np.int64]:
    """Return the class of each record of a layer that has classes, else the tier that it has or its grade stands for."""
    column = CLASS if part.layer.classes else "rank"
    return numbers_of(part.table[column]).astype(np.int64) % (8 if part.layer.classes else len(RANKS))


def _streets(words: Sequence[str], places: Boundaries | None) -> tuple[str, ...]:
    """Return the sub-districts as the district orders them, then others that are stated, and "" for none stated."""
    stated, known = set(words), () if places is None else places.names
    others = sorted(stated - {*known, ""})
    return (*known, *others, *([""] if "" in stated or not stated else []))


def _shapes(tables: Sequence[pa.Table], place: NDArray[np.int64]) -> list[tuple[int, BaseGeometry]]:
    found: list[tuple[int, BaseGeometry]] = []
    start = 0
    for table in tables:
        if "shape" in table.column_names:
            shapes = shapely.from_wkb(np.array(table["shape"].to_pylist(), object))
            found += [(int(place[start + i]), one) for i, one in enumerate(shapes) if one is not None]
        start += len(table)
    return found
