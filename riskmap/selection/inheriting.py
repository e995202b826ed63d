"""The place of what has none of its own: a ticket stands where the slope does that it hangs on.

Worked out whenever a snapshot is made and never stored, so that what hangs on a record follows it when it moves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

from riskmap.catalog.layer import Field, Layer, named_by, pieces, record_named
from riskmap.rules.arrays import bools_of, codes_of, column_of, numbers_of, pc


def in_order(layers: Mapping[str, Layer]) -> Iterator[Layer]:
    """Yield the layers, each after those whose places it takes; a circle is broken where it is met."""
    done: set[str] = set()

    def visit(layer: Layer) -> Iterator[Layer]:
        if layer.id in done:
            return
        done.add(layer.id)
        for field in _from(layer):
            for target in named_by(field, layers):
                yield from visit(layers[target])
        yield layer

    for layer in layers.values():
        yield from visit(layer)


def inherited(
    table: pa.Table, layer: Layer, layers: Mapping[str, Layer], tables: Mapping[str, pa.Table]
) -> pa.Table:
    """Return a layer table in which records without a place have that of the first record that they name and has one.

    The same of the sub-district. `tables`: those of the layers before it (`in_order`).
    """
    if layer.geometry != "inherit" or not len(table):
        return table
    lon, lat = (numbers_of(table[side]).copy() for side in ("lon", "lat"))
    streets = np.array(table["subdistrict"].cast(pa.string()).to_pylist(), object)
    for field in _from(layer):
        name = column_of(field.id)
        if name not in table.column_names:
            continue
        indices, words = codes_of(table[name])
        x, y, named = _places(words, field, layers, tables)
        bare = np.isnan(lon) & (indices >= 0)
        lon[bare], lat[bare] = x[indices[bare]], y[indices[bare]]
        blank = np.array([not street for street in streets]) & (indices >= 0)
        streets[blank] = named[indices[blank]]
    out = table
    for side, values in (("lon", pa.array(lon)), ("lat", pa.array(lat))):
        out = out.set_column(out.column_names.index(side), side, values)
    words_of = pa.array(streets.tolist(), pa.string()).dictionary_encode()
    return out.set_column(out.column_names.index("subdistrict"), "subdistrict", words_of)


def _from(layer: Layer) -> list[Field]:
    return [layer.field(one) for one in layer.position_from if one in layer.field_ids]


def _places(
    words: list[str], field: Field, layers: Mapping[str, Layer], tables: Mapping[str, pa.Table]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.object_]]:
    """Return longitude, latitude and sub-district of the record that each word names, the first where it names several."""
    lon, lat = np.full(len(words), np.nan), np.full(len(words), np.nan)
    streets = np.full(len(words), None, object)
    targets = named_by(field, layers)
    named = [record_named(pieces(word)[0], targets) for word in words]
    for target in targets:
        if target not in tables:
            continue
        table = tables[target]
        codes = pa.array([one[1] if one and one[0] == target else None for one in named], pa.string())
        at = pc.index_in(codes, value_set=table["code"].combine_chunks())
        found = bools_of(at.is_valid())
        if found.any():
            rows = at.filter(pa.array(found))
            part = table.select(["lon", "lat", "subdistrict"]).take(rows)
            lon[found], lat[found] = numbers_of(part["lon"]), numbers_of(part["lat"])
            streets[found] = part["subdistrict"].cast(pa.string()).to_pylist()
    return lon, lat, streets
