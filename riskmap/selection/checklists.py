"""How each item of a checklist stands on a day: there, there but past its last valid day, not there, or not known.

The mark is what the ledger holds and stays as it is; what has passed is worked out from the day that is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from riskmap.array_types import Bools
from riskmap.catalog.layer import ChecklistItem, Choice, Field, Layer
from riskmap.catalog.model import CHECKLIST_PREFIX, UNTIL
from riskmap.errors import Text
from riskmap.rules.arrays import LayerArrays, bools_of, column_of, pc

if TYPE_CHECKING:
    from riskmap.selection.records import Selected
    from riskmap.selection.snapshot import Snapshot

ITEM_STATES: Final[Mapping[str, Text]] = {
    "met": Text("有", "met"),
    "expired": Text("已过期", "expired"),
    "lacking": Text("无", "lacking"),
    "unknown": Text("未填", "not known"),
}
"""What an item may be; `expired` is one that is there and whose last valid day has passed."""

_MET, _EXPIRED, _LACKING, _UNKNOWN = range(len(ITEM_STATES))
_STATE: Final = ".state"


def _past(table: pa.Table, item: str, day: date) -> Bools:
    name = column_of(f"{CHECKLIST_PREFIX}{item}.{UNTIL}")
    if name not in table.column_names or not pa.types.is_string(table[name].type):
        return np.zeros(len(table), bool)
    return bools_of(pc.fill_null(pc.less(table[name], day.isoformat()), fill_value=False))


def item_states(table: pa.Table, layer: Layer, item: str, day: date) -> NDArray[np.uint8]:
    """Return by row of a layer table the place in `ITEM_STATES` of an item on a day."""
    marks = LayerArrays(table, layer).numbers(f"{CHECKLIST_PREFIX}{item}")
    found = np.full(len(table), _UNKNOWN, np.uint8)
    found[marks == 0] = _LACKING
    found[marks == 1] = _MET
    found[(marks == 1) & _past(table, item, day)] = _EXPIRED
    return found


def expired_ids(table: pa.Table, layer: Layer, day: date) -> list[list[str]]:
    """Return by row of a layer table the items that are past their last valid day, in the order of the checklist."""
    found: list[list[str]] = [[] for _ in range(len(table))]
    for item in layer.checklist.items if layer.checklist else ():
        for row in np.flatnonzero(item_states(table, layer, item.id, day) == _EXPIRED).tolist():
            found[row].append(item.id)
    return found


def state_field_of(item: ChecklistItem) -> Field:
    """Return how an item stands, as the field that it is in a condition: checklist.ITEM.state."""
    title = Text(f"{item.title.zh} › 状态", f"{item.title.en} › state")
    aliases = (f"{item.title.zh}状态", f"{item.title.en} state")
    choices = tuple(Choice(id=one, title=words) for one, words in ITEM_STATES.items())
    plain = Field(id="asked", title=title, type="choice", choices=choices, aliases=aliases).complete()
    return plain.model_copy(update={"id": f"{CHECKLIST_PREFIX}{item.id}{_STATE}"})


def asked_state(table: pa.Table, layer: Layer, name: str, day: date) -> pa.Array | None:
    """Return the words of checklist.ITEM.state by row; None where the name is no such one, or the layer lacks the item."""
    item = name.removeprefix(CHECKLIST_PREFIX).removesuffix(_STATE)
    items = layer.checklist.items if layer.checklist else ()
    if not name.endswith(_STATE) or item not in {one.id for one in items}:
        return None
    words = pa.array([*ITEM_STATES], pa.string())
    return words.take(pa.array(item_states(table, layer, item, day))).dictionary_encode()


@dataclass(frozen=True, eq=False)
class ItemCounts:
    """How many records have each item: `array` int64[item, sub-district, state].

    `subdistricts` in the order of their names, "" for the records that state none; `states` by `ITEM_STATES`.
    """

    layer: Layer
    day: date
    count: int
    subdistricts: tuple[str, ...]
    array: NDArray[np.int64]

    def of(self, item: int, subdistrict: int | None = None) -> dict[str, int]:
        """Return state → how many records, of an item in all of the layer or in one sub-district."""
        found = self.array[item].sum(axis=0) if subdistrict is None else self.array[item, subdistrict]
        return dict(zip(ITEM_STATES, found.tolist(), strict=True))


def item_counts(snapshot: Snapshot, selected: Selected, layer: Layer, day: date) -> ItemCounts:
    """Return how many of the selected records of a layer have each item of its checklist on a day."""
    table = selected.table(snapshot, layer.id)
    streets = [word or "" for word in table["subdistrict"].to_pylist()]
    named = sorted(set(streets))
    street = np.array([named.index(word) for word in streets], np.int64)
    items = layer.checklist.items if layer.checklist else ()
    array = np.zeros((len(items), len(named), len(ITEM_STATES)), np.int64)
    for i, item in enumerate(items):
        np.add.at(array[i], (street, item_states(table, layer, item.id, day)), 1)
    return ItemCounts(layer, day, len(table), tuple(named), array)
