"""What records name and what names them, as lists and cards show it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute

from riskmap.catalog.layer import Field, Layer, named_by, pieces, record_named
from riskmap.rules.arrays import codes_of, column_of, pc

if TYPE_CHECKING:
    from riskmap.selection.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Linked:
    """A record that another one names, or that names it; `name` None where it has none or is on no list any more."""

    layer: str
    code: str
    name: str | None

    def as_json(self) -> dict[str, str | None]:
        """Return it as `riskmap select --json` prints it."""
        return {"layer": self.layer, "code": self.code, "name": self.name}


def links_of(
    snapshot: Snapshot, layers: Mapping[str, Layer], table: pa.Table, layer: Layer
) -> list[dict[str, list[Linked]]]:
    """Return of each row of a layer table field → the records that it names."""
    found: list[dict[str, list[Linked]]] = [{} for _ in range(len(table))]
    for field in layer.links:
        name = column_of(field.id)
        if name not in table.column_names:
            continue
        indices, words = codes_of(table[name])
        named = [_named(snapshot, named_by(field, layers), word) for word in words]
        for row in np.flatnonzero(indices >= 0).tolist():
            found[row][field.id] = named[indices[row]]
    return found


def _named(snapshot: Snapshot, targets: Sequence[str], word: str) -> list[Linked]:
    places = [place for piece in pieces(word) if (place := record_named(piece, targets)) is not None]
    return [Linked(layer, code, _name(snapshot, layer, code)) for layer, code in places]


def _name(snapshot: Snapshot, layer: str, code: str) -> str | None:
    table = snapshot.table(layer)
    at = pc.index(table["code"], code).as_py()
    return None if at < 0 else table["name"][at].as_py()


def naming(layers: Mapping[str, Layer], layer: str) -> Iterator[tuple[Layer, Field]]:
    """Yield the layers and fields that may name records of a layer."""
    for other in layers.values():
        for field in other.links:
            if layer in named_by(field, layers):
                yield other, field


def children_of(
    snapshot: Snapshot, layers: Mapping[str, Layer], layer: str, codes: Sequence[str]
) -> list[dict[str, int]]:
    """Return of each record layer → how many of its records on the lists name it; layers that may, with 0."""
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    for other, field in naming(layers, layer):
        counts = counted[other.id]
        indices, words = codes_of(snapshot.table(other.id)[column_of(field.id)])
        used = np.bincount(indices + 1, minlength=len(words) + 1)[1:].tolist()
        for word, n in zip(words, used, strict=True):
            for piece in pieces(word) if n else ():
                if (place := record_named(piece, named_by(field, layers))) and place[0] == layer:
                    counts[place[1]] += n
    return [{one: counts[code] for one, counts in counted.items()} for code in codes]


def hanging_on(
    snapshot: Snapshot, layers: Mapping[str, Layer], layer: str, code: str, *, most: int
) -> dict[tuple[str, str], tuple[int, list[Linked]]]:
    """Return (layer, field) → how many of its records name a record, and the first `most` of them, in code order."""
    found: dict[tuple[str, str], tuple[int, list[Linked]]] = {}
    for other, field in naming(layers, layer):
        table = snapshot.table(other.id)
        indices, words = codes_of(table[column_of(field.id)])
        targets = named_by(field, layers)
        ours = [
            any(record_named(piece, targets) == (layer, code) for piece in pieces(word)) for word in words
        ]
        rows = np.flatnonzero(np.array([*ours, False], bool)[indices])
        if len(rows):
            part = table.select(["code", "name"]).take(pa.array(rows[:most]))
            some = [Linked(other.id, one["code"], one["name"]) for one in part.to_pylist()]
            found[other.id, field.id] = (len(rows), some)
    return found
