"""The values that travel between the stages: tiers, issues, records, plans, assessments.

Rows travel as parallel columns, never as one object per row: 42,336 rows are 27 lists, not 42,336
objects. Positions are degrees in CGCS2000 (EPSG:4490); NaN means *unlocated*.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray


class Clear(Enum):
    """The value of a cell that says 清空: erase what the ledger knows."""

    CLEAR = "清空"


CLEAR: Final = Clear.CLEAR


# text, integer, number, boolean, choice id, ISO date ("2023-09-08"); None is "not stated".
Value = str | int | float | bool | None


Cell = Value | Clear


@dataclass(frozen=True, slots=True)
class Contact:
    """One responsible person. Personal data: kept in a table of its own and masked on the way out.

    A masked phone number of ours (138****0000) coming back in a file means *unchanged*.
    """

    role: str
    name: str | None = None
    phone: str | None = None
    post: str | None = None
    verified_on: str | None = None


ROLES: Final = "filled_roles"  # the column of a layer table that says which roles of a record have somebody


VACANCIES: Final = "vacancies"  # in conditions: how many roles of a record nobody fills


def roles_filled(roles: Iterable[str], people: Iterable[Contact]) -> str | None:
    """Return those of the `roles` that somebody fills, in their order, a line each; None where nobody fills any."""
    filled = {one.role for one in people if one.name or one.phone}
    return "\n".join(role for role in roles if role in filled) or None


@dataclass(frozen=True, slots=True)
class Records:
    """Rows of one layer, column by column; every column has the same length.

    `lon`, `lat`: float64 degrees, EPSG:4490, NaN where unlocated; for lines and polygons a point
    on the shape. `shapes`: WKB (EPSG:4490) of lines and polygons, None for point layers or where
    unknown. `values`: field id → column; a field that the source lacks has no entry; what no field reads
    is there as text by `rules.extras.key_of` its header. `checklist`:
    one tuple per row in the layer's item order. `contacts`: one tuple per row, None where the
    source has no contact columns; a part that reads 清空 erases what the ledger knows. `unplaced`:
    indexes of rows whose position the source erases (point layers; their lon and lat are NaN).
    """

    layer: str
    code: Sequence[str]
    name: Sequence[str | Clear | None]
    subdistrict: Sequence[str | Clear | None]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    shapes: Sequence[bytes | None] | None
    values: Mapping[str, Sequence[Cell]]
    checklist: Sequence[tuple[bool | Clear | None, ...] | None] | None = None
    contacts: Sequence[tuple[Contact, ...] | None] | None = None
    unplaced: frozenset[int] = frozenset()

    def __len__(self) -> int:
        return len(self.code)

    def take(self, rows: Sequence[int]) -> Records:
        """Return some of the rows, in the order in which they are named."""
        chosen = list(rows)

        def column(of: Sequence[Any]) -> list[Any]:
            return [of[i] for i in chosen]

        place = {row: at for at, row in enumerate(chosen)}
        return replace(
            self,
            code=column(self.code),
            name=column(self.name),
            subdistrict=column(self.subdistrict),
            lon=self.lon[chosen],
            lat=self.lat[chosen],
            shapes=None if self.shapes is None else column(self.shapes),
            values={key: column(cells) for key, cells in self.values.items()},
            checklist=None if self.checklist is None else column(self.checklist),
            contacts=None if self.contacts is None else column(self.contacts),
            unplaced=frozenset(place[row] for row in self.unplaced if row in place),
        )


@dataclass(frozen=True, slots=True)
class Features:
    """Records of one layer as the ledger holds them, at one moment, with their assessment.

    Parallel arrays: `feature_id` int64, `version` int64, `rank` uint8 (RANKS; UNRATED where never
    assessed), `score` float64 (NaN where unrated). `updated_at` ISO timestamps; `retired` reasons
    (None where active). `missing` and `rules` come from the assessment. `contact_count` int64:
    how many contacts with a name or a phone each record has; `records.contacts` is None unless
    they were asked for. `damaged`: rows whose content cannot be read, so that no field is known.
    """

    records: Records
    feature_id: NDArray[np.int64]
    version: NDArray[np.int64]
    rank: NDArray[np.uint8]
    score: NDArray[np.float64]
    updated_at: Sequence[str]
    retired: Sequence[str | None]
    missing: Sequence[tuple[str, ...]]
    rules: Sequence[tuple[str, ...]]
    contact_count: NDArray[np.int64]
    damaged: Sequence[int] = ()

    def __len__(self) -> int:
        return len(self.records)


@dataclass(frozen=True, slots=True)
class Change:
    """One revision of a record; `happened`: the day of the move that made it, as it was stated."""

    version: int
    at: str
    who: str
    why: str
    kind: str
    changes: Mapping[str, tuple[Any, Any]]
    changeset: int = 0
    happened: str | None = None
