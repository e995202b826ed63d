"""The place that a record takes from those it names: an export writes it, and what comes back states no place of its own."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from typing import NamedTuple

import numpy as np
import sqlalchemy as sa

from riskmap.catalog.layer import Layer, named_by, pieces, record_named
from riskmap.ledger import schema as s
from riskmap.ledger.columns import read_body
from riskmap.ledger.links import Reference
from riskmap.ledger.merging import moved
from riskmap.ledger.store import json_list
from riskmap.values.records import Records


class Place(NamedTuple):
    """Where a record stands, degrees in EPSG:4490, and in which sub-district; what is not known is None."""

    lon: float | None
    lat: float | None
    subdistrict: str | None

    def or_else(self, other: Place) -> Place:
        """Return it with what it lacks of another one."""
        here = self if self.lon is not None else other
        return Place(here.lon, here.lat, self.subdistrict or other.subdistrict)


_NOWHERE = Place(None, None, None)


def without_inherited(
    connection: sa.Connection, layers: Mapping[str, Layer], records: Records, rows: Sequence[int]
) -> Records:
    """Return records without the places and sub-districts that are those of the records they name.

    Only where the layer inherits its places. `rows`: those that are looked at.
    """
    layer = layers.get(records.layer)
    if layer is None or layer.geometry != "inherit":
        return records
    fields = [one for one in layer.position_from if one in records.values]
    if not fields:
        return records
    named = [_named(layer, [records.values[one][i] for one in fields], fields, layers) for i in rows]
    places = _places(connection, layers, {one for mine in named for one in mine})
    lon, lat, streets = records.lon.copy(), records.lat.copy(), list(records.subdistrict)
    for i, mine in zip(rows, named, strict=True):
        place = _first(mine, places)
        if streets[i] == place.subdistrict:
            streets[i] = None
        if place.lon is not None and place.lat is not None and np.isfinite(lon[i]):
            here = np.array([place.lon]), np.array([place.lat])
            if not moved((lon[i : i + 1], lat[i : i + 1]), here)[0]:
                lon[i] = lat[i] = np.nan
    return replace(records, lon=lon, lat=lat, subdistrict=streets)


def _named(
    layer: Layer, values: Sequence[object], fields: Sequence[str], layers: Mapping[str, Layer]
) -> list[Reference]:
    """Return the records whose places a row may take, in the order in which they are asked."""
    pairs = zip(fields, values, strict=True)
    texts = [(layer.field(name), pieces(value)[0]) for name, value in pairs if isinstance(value, str)]
    found = (record_named(text, named_by(field, layers)) for field, text in texts)
    return [Reference(*one) for one in found if one is not None]


def _first(named: Iterable[Reference], places: Mapping[Reference, Place]) -> Place:
    return reduce(Place.or_else, (places.get(one, _NOWHERE) for one in named), _NOWHERE)


def _places(
    connection: sa.Connection,
    layers: Mapping[str, Layer],
    wanted: Collection[Reference],
    passed: frozenset[Reference] = frozenset(),
) -> dict[Reference, Place]:
    """Return where records stand, on their own or by those that they name; `passed`: they are asked for already."""
    found: dict[Reference, Place] = {}
    bare: dict[Reference, list[Reference]] = {}
    f, r = s.feature, s.revision
    query = sa.select(f.c.layer, f.c.code, r.c.lon, r.c.lat, r.c.subdistrict, r.c.body)
    query = query.join(r, r.c.id == f.c.revision_id).where(f.c.code.in_(json_list({c for _, c in wanted})))
    for name, code, lon, lat, street, body in connection.execute(query) if wanted else ():
        one, layer = Reference(name, code), layers.get(name)
        if one not in wanted or layer is None:
            continue
        found[one] = Place(lon, lat, street)
        if layer.geometry == "inherit" and (lon is None or not street):
            values = read_body(body) or {}
            fields = layer.position_from
            bare[one] = _named(layer, [values.get(field) for field in fields], fields, layers)
    passed = passed.union(wanted)
    further = (
        _places(connection, layers, {o for mine in bare.values() for o in mine} - passed, passed)
        if bare
        else {}
    )
    return found | {one: found[one].or_else(_first(mine, found | further)) for one, mine in bare.items()}
