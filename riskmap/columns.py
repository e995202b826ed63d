"""Columns of the snapshot table as numpy arrays. NaN means missing; nothing is copied needlessly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

from riskmap.catalog.layer import Layer
from riskmap.catalog.model import CHECKLIST_PREFIX

Floats = NDArray[np.float64]

pc: Any = pyarrow.compute  # its functions are made at import and unknown to type checkers


@dataclass(frozen=True, slots=True)
class Words:
    """A column of words: `codes` int32 into `words`, −1 where missing."""

    codes: NDArray[np.int32]
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of some rows of a snapshot table, by field id or "checklist.<item id>"."""

    table: pa.Table
    layer: Layer

    def __len__(self) -> int:
        return self.table.num_rows

    def read(self, field: str) -> Floats | Words:
        """Return the column of a field: floats (booleans as 0 and 1) or words.

        A field that the table does not have is missing in every row.
        """
        if field.startswith(CHECKLIST_PREFIX):
            return self._checklist(field.removeprefix(CHECKLIST_PREFIX))
        name = "f:" + field
        if name not in self.table.column_names:
            return np.full(len(self), np.nan)
        return _read(self.table.column(name))

    def numbers(self, field: str) -> Floats:
        """Return the column of a field as floats; NaN in every row where it holds words."""
        column = self.read(field)
        return np.full(len(self), np.nan) if isinstance(column, Words) else column

    def _checklist(self, item: str) -> Floats:
        items = [i.id for i in self.layer.checklist.items] if self.layer.checklist else []
        if item not in items or "checklist" not in self.table.column_names:
            return np.full(len(self), np.nan)
        lists = _one(self.table.column("checklist"))
        # A list may be null or, in old records, shorter than the checklist of today.
        place = items.index(item)
        long_enough = pc.fill_null(pc.greater(pc.list_value_length(lists), place), fill_value=False)
        out = np.full(len(lists), np.nan)
        where = long_enough.to_numpy(zero_copy_only=False)
        if where.any():
            out[where] = _numbers(_one(pc.list_element(lists.filter(long_enough), place)))
        return out


def _read(column: pa.ChunkedArray) -> Floats | Words:
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _words(_one(column.unify_dictionaries()))
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _words(_one(column.dictionary_encode()))
    if pa.types.is_null(kind):
        return np.full(len(column), np.nan)
    return _numbers(_one(column))


def _one(column: Any) -> Any:
    """Return the column as one array; without copying where it already is one."""
    if not isinstance(column, pa.ChunkedArray):
        return column
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _numbers(array: Any) -> Floats:
    if pa.types.is_boolean(array.type):
        array = pc.cast(array, pa.int8())
    values = array.to_numpy(zero_copy_only=False).astype(np.float64, copy=False)
    # Infinity is no measurement: it must satisfy no band, as NaN.
    finite = np.isfinite(values)
    return values if finite.all() else np.where(finite, values, np.nan)


def _words(array: Any) -> Words:
    if isinstance(array, pa.ChunkedArray):  # combine_chunks of no chunks at all
        array = pa.array([], pa.dictionary(pa.int32(), pa.string()))
    codes = pc.fill_null(array.indices, -1).to_numpy(zero_copy_only=False).astype(np.int32, copy=False)
    words: list[str | None] = array.dictionary.to_pylist()
    if None in words:  # a null kept inside the dictionary is missing as well
        codes = np.where(codes == words.index(None), np.int32(-1), codes)
    return Words(codes, tuple("" if word is None else word for word in words))
