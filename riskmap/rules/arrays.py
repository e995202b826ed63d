"""The columns that scoring reads: `riskmap.rules.arrays`, which conditions of other stages read too.

Columns of the snapshot table as numpy arrays, and cells as columns. NaN means missing.

Nothing is copied needlessly. Arrays are taken from Arrow's buffers, because `pa.array`, `to_numpy` and
a comparison with a Python number import pandas: a third of a second of a command that takes one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

from riskmap.array_types import Bools, Floats
from riskmap.catalog.layer import Field, Layer
from riskmap.catalog.model import CHECKLIST_PREFIX
from riskmap.catalog.roles import FieldRole
from riskmap.errors import LedgerError

pc: Any = pyarrow.compute  # its functions are made at import and unknown to type checkers


FIELD_TYPES: Final[Mapping[str, pa.DataType]] = {
    "number": pa.float64(),
    "integer": pa.int64(),
    "boolean": pa.bool_(),
    "text": pa.string(),
    "date": pa.string(),
    "choice": pa.string(),
    "moment": pa.string(),
    "record": pa.string(),
}


Texts: TypeAlias = "pa.Array | pa.ChunkedArray"  # of strings


_MISFIT: Final = object()


_LONG: Final = range(-(1 << 63), 1 << 63)  # what an integer column holds


def column_of(field_id: str) -> str:
    """Return the name of a field's column."""
    return f"f:{field_id}"


def part_column(part_id: str) -> str:
    """Return the name of the column of a model's part."""
    return f"p:{part_id}"


def is_part(column: str) -> bool:
    """Return whether a column of a layer table is that of a model's part."""
    return column.startswith("p:")


@dataclass(frozen=True, slots=True)
class Words:
    """A column of words: `codes` int32 into `words`, −1 where missing."""

    codes: NDArray[np.int32]
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LayerArrays:
    """The columns of some rows of a snapshot table, by field id or "checklist.<item id>"."""

    table: pa.Table
    layer: Layer

    def __len__(self) -> int:
        return self.table.num_rows

    def read(self, field: str) -> Floats | Words:
        """Return the column of a field: floats (booleans as 0 and 1) or words.

        A field that the table does not have is missing in every row.
        """
        if field.startswith(CHECKLIST_PREFIX) and field not in self.layer.field_ids:
            return self._checklist(field.removeprefix(CHECKLIST_PREFIX))
        name = column_of(field)
        if name not in self.table.column_names:
            return np.full(len(self), np.nan)
        return _read(self.table.column(name))

    def numbers(self, field: str) -> Floats:
        """Return the column of a field as floats; NaN in every row where it holds words."""
        column = self.read(field)
        return np.full(len(self), np.nan) if isinstance(column, Words) else column

    def of_role(self, role: FieldRole) -> Floats:
        """Return the numbers of the field that has a role; NaN in every row where no field has it."""
        field = self.layer.field_by_role(role)
        return np.full(len(self), np.nan) if field is None else self.numbers(field.id)

    def words_of_role(self, role: FieldRole) -> list[str | None]:
        """Return the words of the field that has a role; None in every row where no field has it."""
        field = self.layer.field_by_role(role)
        name = None if field is None else column_of(field.id)
        return self.table[name].to_pylist() if name in self.table.column_names else [None] * len(self)

    def _checklist(self, item: str) -> Floats:
        items = [i.id for i in self.layer.checklist.items] if self.layer.checklist else []
        if item not in items or "checklist" not in self.table.column_names:
            return np.full(len(self), np.nan)
        lists = _one(self.table.column("checklist"))
        # A list may be null or, in old records, shorter than the checklist of today.
        place = items.index(item)
        long_enough = pc.fill_null(pc.greater(pc.list_value_length(lists), place), fill_value=False)
        out, where = np.full(len(lists), np.nan), bools_of(long_enough)
        if where.any():
            out[where] = floats_of(pc.list_element(lists.filter(long_enough), place))
        return out


def _read(column: pa.ChunkedArray) -> Floats | Words:
    if not pa.types.is_dictionary(column.type):
        if not pa.types.is_string(column.type) and not pa.types.is_large_string(column.type):
            return floats_of(column)
        column = column.dictionary_encode()
    codes, words = codes_of(column)
    return Words(codes, tuple(words))


def _one(column: Any) -> Any:
    """Return the column as one array; without copying where it already is one."""
    if not isinstance(column, pa.ChunkedArray):
        return column
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def numbers_of(column: pa.Array | pa.ChunkedArray) -> NDArray[Any]:
    """Return a numeric column without nulls as numpy, of its own type; copied only where it has several chunks."""
    return _joined([_raw(chunk) for chunk in _chunks(column)], _dtype(column.type))


def floats_of(column: pa.Array | pa.ChunkedArray) -> Floats:
    """Return numbers, or booleans as 0 and 1, as float64; NaN where null or infinite."""
    return _joined([_floats(chunk) for chunk in _chunks(column)], np.dtype(np.float64))


def bools_of(column: pa.Array | pa.ChunkedArray) -> Bools:
    """Return a boolean column as numpy; null becomes False."""
    return _joined([_bits(c, 1) & _valid(c) for c in _chunks(column)], np.dtype(np.bool_))


def indices_of(column: pa.ChunkedArray) -> NDArray[np.int32]:
    """Return which word of a dictionary column each row has, −1 where null."""
    chunks = _one_dictionary(column).chunks
    codes = [np.where(_valid(c), _raw(c.indices), -1).astype(np.int32, copy=False) for c in chunks]
    return _joined(codes, np.dtype(np.int32))


def codes_of(column: pa.ChunkedArray) -> tuple[NDArray[np.int32], list[str]]:
    """Return the indices (−1 where null) and the words of a dictionary column."""
    column = _one_dictionary(column)
    return indices_of(column), column.chunk(0).dictionary.to_pylist() if column.num_chunks else []


def _one_dictionary(column: pa.ChunkedArray) -> pa.ChunkedArray:
    # A null kept among the words is missing as well, and Arrow cannot unify it.
    if any(chunk.dictionary.null_count for chunk in column.chunks):
        column = column.cast(column.type.value_type).dictionary_encode()
    return column.unify_dictionaries()


# What normalising leaves as it is: ASCII, Chinese characters, and the marks that names are written with. It
# looks every character up, three times the cost of finding out that it need not.
_NOT_NORMAL: Final = "[^\\x00-\\x7f·‐–—‘’“”、。《》「」【】〇㐀-䶿一-鿿]"


def folded(column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Return texts for searching: full-width forms and case made equal."""
    if isinstance(column, pa.ChunkedArray):
        return pa.chunked_array([folded(chunk) for chunk in column.chunks], column.type)
    odd = pc.fill_null(pc.match_substring_regex(column, _NOT_NORMAL), fill_value=False)
    if pc.any(odd).as_py():
        column = pc.replace_with_mask(column, odd, pc.utf8_normalize(column.filter(odd), form="NFKC"))
    return pc.utf8_lower(column)


def fold_text(text: str) -> str:
    """Return a text as `folded` would."""
    return folded(pa.array([text], pa.string()))[0].as_py()


def array_of(values: NDArray[Any]) -> pa.Array:
    """Return numbers as an Arrow array over the same memory."""
    values = np.ascontiguousarray(values)
    return pa.Array.from_buffers(
        pa.from_numpy_dtype(values.dtype), len(values), [None, pa.py_buffer(values)], null_count=0
    )


def _chunks(column: pa.Array | pa.ChunkedArray) -> list[pa.Array]:
    return column.chunks if isinstance(column, pa.ChunkedArray) else [column]


def _joined(parts: list[NDArray[Any]], dtype: np.dtype[Any]) -> NDArray[Any]:
    return parts[0] if len(parts) == 1 else np.concatenate([np.zeros(0, dtype), *parts])


def _dtype(kind: pa.DataType) -> np.dtype[Any]:
    return np.dtype(kind.to_pandas_dtype())


def _raw(array: pa.Array) -> NDArray[Any]:
    """Return the values of numbers as they lie in memory, whatever stands where one is null."""
    data, dtype = array.buffers()[1], _dtype(array.type)
    if not len(array):
        return np.zeros(0, dtype)
    return np.frombuffer(data, dtype, len(array), array.offset * dtype.itemsize)


def _floats(array: pa.Array) -> Floats:
    if pa.types.is_null(array.type):
        return np.full(len(array), np.nan)
    if pa.types.is_boolean(array.type):
        values: NDArray[Any] = _bits(array, 1)
    else:
        number = pa.types.is_integer(array.type) or pa.types.is_floating(array.type)
        values = _raw(array if number else array.cast(pa.float64()))
    values = values.astype(np.float64, copy=False)
    # Infinity is no measurement: it must satisfy no band, as NaN.
    known = np.isfinite(values) & _valid(array)
    return values if known.all() else np.where(known, values, np.nan)


def _valid(array: pa.Array) -> Bools:
    return np.ones(len(array), bool) if array.buffers()[0] is None else _bits(array, 0)


def _bits(array: pa.Array, buffer: int) -> Bools:
    """Return one bit per row of a buffer: 0 what is not null, 1 what is true."""
    if not len(array):
        return np.zeros(0, bool)
    first, skipped = divmod(array.offset, 8)
    packed = np.frombuffer(array.buffers()[buffer], np.uint8, -(-(skipped + len(array)) // 8), first)
    return np.unpackbits(packed, bitorder="little")[skipped : skipped + len(array)].view(bool)


def position_arrays(lon: Floats, lat: Floats) -> dict[str, pa.Array]:
    """Return positions as the columns `lon` and `lat`, both NaN where one of them is not known."""
    located = np.isfinite(lon) & np.isfinite(lat)
    return {"lon": array_of(np.where(located, lon, np.nan)), "lat": array_of(np.where(located, lat, np.nan))}


def filled_marks(marks: Sequence[Any] | None, items: int) -> Sequence[Any]:
    """Return one mark for each item of a checklist; None where nothing is known, as in records older than an item."""
    return (*(marks or ()), *(None,) * items)[:items]


@dataclass(frozen=True, slots=True)
class Misfit:
    """What the ledger holds of a record and its layer cannot mean: `value` is no `field`.

    `field` is None where the whole record cannot be read.
    """

    layer: Layer
    code: str
    field: Field | None
    value: object

    def error(self) -> LedgerError:
        """Return the error that names layer, record, field and value."""
        zh, en = f"{self.layer.title.zh} › {self.code}", f"{self.layer.id} › {self.code}"
        if self.field is None:
            return LedgerError(
                f"{zh}：台账中的内容读不了（{self.value!r}）；请用 riskmap restore 从备份恢复",
                f"{en}: what the ledger holds cannot be read ({self.value!r}); "
                "bring a backup back with riskmap restore",
            )
        return LedgerError(
            f"{zh} › {self.field.title.zh}：台账中为 {self.value!r}，与字段类型 {self.field.type} 不符；"
            "请更正该值或改回图层文件中的字段类型",
            f"{en} › {self.field.id}: the ledger holds {self.value!r}, which is not of type {self.field.type}; "
            "correct the value or put the type in the layer file back",
        )


def field_array(values: Sequence[Any], field: Field) -> tuple[pa.Array, list[int]]:
    """Return cells as a column of the field's type, and the rows whose cell does not fit it (null there).

    A cell of another type is kept where nothing is lost by it: 12.0 as an integer, "3.5" as a number.
    """
    kind = FIELD_TYPES[field.type]
    try:
        if field.type == "integer":  # pyarrow would cut 2.5 to 2; a cast refuses it
            return pa.array(values, from_pandas=True).cast(kind), []
        return pa.array(values, kind, from_pandas=True), []
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        fitting = [_fitting(value, field.type) for value in values]
        misfits = [row for row, cell in enumerate(fitting) if cell is _MISFIT]
        return pa.array([None if cell is _MISFIT else cell for cell in fitting], kind), misfits


def _fitting(value: Any, kind: str) -> Any:
    """Return a value in a type where nothing is lost by it, else `_MISFIT`."""
    if value is None or value != value:  # noqa: PLR0124 - NaN
        return None
    if kind in {"text", "choice", "date", "moment", "record"}:
        return str(value)
    if kind == "boolean":
        return bool(value) if value in (0, 1) else _MISFIT
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return _MISFIT
    if kind == "number":
        return number
    if not number.is_integer():
        return _MISFIT
    whole = value if isinstance(value, int) else int(number)
    return int(whole) if whole in _LONG else _MISFIT


def known(column: Floats) -> Floats:
    """Return the distinct known values of a column, ascending."""
    return np.unique(column[~np.isnan(column)])
