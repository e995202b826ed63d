"""What the lists mark on a record without judging its risk: bits of `records.FLAGS`, vectorised."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

from riskmap.catalog import Layer
from riskmap.columns import Bools, bools_of, codes_of, column_of, indices_of, numbers_of
from riskmap.places import Places, near_duplicates
from riskmap.records import FLAGS, RANK_OF, TIER_TITLES, TIERS, UNRATED

pc: Any = pyarrow.compute

FLAG_BIT: Final = {flag: np.uint16(1 << i) for i, flag in enumerate(FLAGS)}
DECLARED: Final = "declared_tier"
SURVEYED: Final = "surveyed_on"

_RANK_OF_WORD: Final = {
    **{word: RANK_OF[t] for t in TIERS for word in (t, TIER_TITLES[t].zh, f"{TIER_TITLES[t].zh}风险")},
}


def flag_bits(table: pa.Table, layer: Layer, places: Places | None, *, today: date) -> NDArray[np.uint16]:
    """Return one uint16 per row of a layer table. Without `places` no boundary is checked."""
    lon, lat = numbers_of(table["lon"]), numbers_of(table["lat"])
    bits = np.zeros(len(table), np.uint16)
    found: dict[str, Bools] = {
        "possible_duplicate": near_names(table["name"], lon, lat),
        "unlocated": np.isnan(lon),
        "declared_differs": _declared_differs(table),
        "stale": stale(table, layer, today),
    }
    if places is not None:
        found["outside_district"] = ~np.isnan(lon) & ~places.in_district(lon, lat)
        found["outside_subdistrict"] = _elsewhere(table, places, lon, lat)
    for flag, where in found.items():
        bits[where] |= FLAG_BIT[flag]
    return bits


def _declared_differs(table: pa.Table) -> Bools:
    name = column_of(DECLARED)
    rank = numbers_of(table["rank"])
    if name not in table.column_names or not pa.types.is_dictionary(table[name].type):
        return np.zeros(len(table), bool)
    indices, words = codes_of(table[name])
    known = np.array([*(_RANK_OF_WORD.get(w, UNRATED) for w in words), UNRATED], np.uint8)
    declared = known[indices]  # −1 takes the last one
    return (declared != UNRATED) & (rank != UNRATED) & (declared != rank)


def stale(table: pa.Table, layer: Layer, today: date) -> Bools:
    """Return which rows are older than their layer allows; a date that is not known is not fresh."""
    when = surveyed(table, layer)
    limit = (today - timedelta(days=layer.stale_after_days)).isoformat()
    day = pc.utf8_slice_codeunits(when, 0, 10)
    return np.asarray(pc.fill_null(pc.less(day, limit), fill_value=True).to_numpy(zero_copy_only=False), bool)


def surveyed(table: pa.Table, layer: Layer) -> pa.ChunkedArray:
    """Return the day from which each row's freshness counts: surveyed on, or else written at."""
    when = table["updated_at"]
    name = column_of(SURVEYED)
    if SURVEYED in layer.field_ids and name in table.column_names and pa.types.is_string(table[name].type):
        when = pc.coalesce(table[name], when)
    return when


def _elsewhere(table: pa.Table, places: Places, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> Bools:
    indices, words = codes_of(table["subdistrict"])
    index = {name: i for i, name in enumerate(places.names)}
    stated = np.array([*(index.get(w, -1) for w in words), -1], np.int32)[indices]
    inside = np.asarray(places.locate(lon, lat), np.int32)
    return (stated >= 0) & (inside >= 0) & (inside != stated)


def near_names(names: pa.ChunkedArray, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> Bools:
    """Return which rows share their name with another one too near to be something else."""
    nameless = bools_of(pc.equal(names, ""))
    group = np.where(nameless, np.int32(-1), indices_of(names.dictionary_encode()))
    return near_duplicates(group, lon, lat)
