"""Addresses of the inventory for a number: the records it counts, and no others."""

from __future__ import annotations

from collections.abc import Sequence

from riskmap.selection import Snapshot
from riskmap.ui.filters import SWITCHES, Filters
from riskmap.ui.panels import address


def inventory_address(
    snapshot: Snapshot,
    *,
    layer: str = "",
    tiers: Sequence[str] = (),
    subdistrict: str = "",
    flag: str = "",
) -> str:
    """Return the inventory's address for some records.

    The layers are always named: an address without any filter would leave an earlier one standing.
    """
    filters = Filters(
        layers=frozenset([layer] if layer else snapshot.layers),
        tiers=frozenset(tiers or SWITCHES),
        subdistricts=(subdistrict,) if subdistrict else (),
        flags=(flag,) if flag else (),
    )
    named = [one for one in snapshot.layers if one in filters.layers]
    return address("inventory", {"layers": ",".join(named), **filters.to_query(snapshot.layers)})
