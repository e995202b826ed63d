"""The values that travel between the stages: tiers, issues, records, plans, assessments.

Rows travel as parallel columns, never as one object per row: 42,336 rows are 27 lists, not 42,336
objects. Positions are degrees in CGCS2000 (EPSG:4490); NaN means *unlocated*.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from riskmap.errors import Say

Tier = Literal["major", "large", "general", "low"]
State = Literal["rated", "unrated"]

TIERS: Final[tuple[Tier, ...]] = ("major", "large", "general", "low")
TIER_TITLES: Final[Mapping[str, Say]] = {
    "major": Say("重大", "Major"),
    "large": Say("较大", "Large"),
    "general": Say("一般", "General"),
    "low": Say("低", "Low"),
    "unrated": Say("未评", "Unrated"),
}
TIER_COLOURS: Final[Mapping[str, str]] = {
    "major": "#d7191c",
    "large": "#f07d1a",
    "general": "#f2c318",
    "low": "#2f78d7",
    "unrated": "#8a8f98",
}

# In arrays a tier is its rank: the higher, the more it must be seen. Unrated stands above low,
# because an unknown is never safe.
RANKS: Final[tuple[str, ...]] = ("low", "unrated", "general", "large", "major")
RANK_OF: Final[Mapping[str, int]] = {name: rank for rank, name in enumerate(RANKS)}
UNRATED: Final[int] = RANK_OF["unrated"]


def tier_of(rank: int | np.integer[Any]) -> str | None:
    """Return the tier of a rank, None for unrated."""
    return None if rank == UNRATED else RANKS[int(rank)]


class Clear(Enum):
    """The value of a cell that says 清空: erase what the ledger knows."""

    CLEAR = "清空"


CLEAR: Final = Clear.CLEAR

# text, integer, number, boolean, choice id, ISO date ("2023-09-08"); None is "not stated".
Value = str | int | float | bool | None
Cell = Value | Clear


@dataclass(frozen=True, slots=True)
class Issue:
    """What a check said about one cell, row or file. `message` names place, find and remedy."""

    sheet: str | None
    row: int | None
    code: str | None
    field: str | None
    value: str | None
    severity: Literal["error", "warning"]
    rule: str
    message: Say

    def as_json(self, lang: Literal["zh", "en"] = "zh") -> dict[str, Any]:
        """Return the issue as the command line prints it."""
        return {
            "sheet": self.sheet,
            "row": self.row,
            "code": self.code,
            "field": self.field,
            "value": self.value,
            "severity": self.severity,
            "rule": self.rule,
            "message": self.message.text(lang),
        }


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


@dataclass(frozen=True, slots=True)
class Records:
    """Rows of one layer, column by column; every column has the same length.

    `lon`, `lat`: float64 degrees, EPSG:4490, NaN where unlocated; for lines and polygons a point
    on the shape. `shapes`: WKB (EPSG:4490) of lines and polygons, None for point layers or where
    unknown. `values`: field id → column; a field that the source lacks has no entry. `checklist`:
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


@dataclass(frozen=True, slots=True)
class HeaderMatch:
    """How one column of a sheet was understood.

    `target` is a core role, a field id, "checklist:ITEM" or
    "contact:ROLE:name|phone|post|verified"; None where the column was left.
    """

    column: int
    header: str
    target: str | None
    how: Literal["alias", "normalised", "guessed", "left"]


@dataclass(frozen=True, slots=True)
class SheetReport:
    """What intake made of one sheet. `header_row` is 1-based (the last header row)."""

    sheet: str
    header_row: int | None
    rows: int
    skipped_non_data: int
    headers: tuple[HeaderMatch, ...]


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that did not go in: its cells as they came and why.

    `cells`: (header text, cell text) in the sheet's column order; `bad`: 0-based indexes of the
    cells that `issues` speak of. Written to a sheet as they are, they can be imported again.
    """

    sheet: str
    row: int
    code: str | None
    cells: tuple[tuple[str, str | None], ...]
    bad: tuple[int, ...]
    issues: tuple[Issue, ...]


@dataclass(frozen=True, slots=True)
class Intake:
    """One file, read and validated: rows = len(records) + len(rejected) + skipped_non_data.

    `sheet` and `row` run parallel to `records`. `stated_version` holds the record versions that a
    file exported by riskmap carries. `from_batch` is the import batch whose rejected rows this
    file returns, when it is a workbook of rejected rows that riskmap wrote.
    """

    file: str
    digest: str
    layer: str
    datum: str
    sheets: tuple[SheetReport, ...]
    rows: int
    skipped_non_data: int
    records: Records
    sheet: Sequence[str]
    row: Sequence[int]
    stated_version: Sequence[int | None] | None
    rejected: tuple[RejectedRow, ...]
    issues: tuple[Issue, ...]
    from_batch: int | None = None


Action = Literal["insert", "update", "unchanged", "held"]


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a row waits for a person: `rule` is other_subdistrict, other_point or stale_version."""

    rule: str
    message: Say


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """What an import would do, before anything is written. Columns run parallel to the records.

    `base` is the ledger state the plan was made against; `changes` maps row index → field →
    (before, after) for the rows that would change a record. `absent` names the ledger's codes that
    a declared full list does not hold. `remarks`: what a person should know
    of a row that goes in all the same.
    """

    intake: Intake
    base: int
    actions: Sequence[Action]
    changes: Mapping[int, Mapping[str, tuple[Any, Any]]]
    holds: Mapping[int, Hold]
    absent: tuple[str, ...] = ()
    remarks: Mapping[int, Hold] = field(default_factory=dict[int, Hold])

    def count(self, action: Action) -> int:
        """Return how many rows have this action."""
        return sum(1 for a in self.actions if a == action)


@dataclass(frozen=True, slots=True)
class Features:
    """Records of one layer as the ledger holds them, at one moment, with their assessment.

    Parallel arrays: `feature_id` int64, `version` int64, `rank` uint8 (RANKS; UNRATED where never
    assessed), `score` float64 (NaN where unrated). `updated_at` ISO timestamps; `retired` reasons
    (None where active). `missing` and `rules` come from the assessment. `contact_count` int64:
    how many contacts with a name or a phone each record has; `records.contacts` is None unless
    they were asked for.
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

    def __len__(self) -> int:
        return len(self.records)


@dataclass(frozen=True, slots=True)
class Assessment:
    """The result of scoring one layer: arrays parallel to the rows that were scored.

    `score` float64, NaN where unrated; `rank` uint8 (RANKS). `missing`: required fields that a row
    lacks, () where none; `rules`: ids of the direct rules that fired and of the gates that held.
    """

    layer: str
    model: str
    digest: str
    score: NDArray[np.float64]
    rank: NDArray[np.uint8]
    missing: Sequence[tuple[str, ...]]
    rules: Sequence[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one field adds to the score against the model's reference."""

    field: str
    value: Value
    score: float | None
    contribution: float


@dataclass(frozen=True, slots=True)
class NearestChange:
    """The smallest change of one field that moves the tier. Worse and better are both given."""

    field: str
    value: Value
    to: Value
    tier: str
    direction: Literal["worse", "better"]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why one point has its tier. Contributions and the reference's score sum to the score."""

    layer: str
    code: str
    score: float | None
    tier: str | None
    state: State
    model: str
    digest: str
    method: str
    reference: Mapping[str, Any]
    contributions: tuple[Contribution, ...]
    rules: tuple[str, ...]
    missing: tuple[str, ...]
    nearest: tuple[NearestChange, ...]
    assumed: tuple[str, ...] = ()  # missing fields that counted as their worst value
    gates: tuple[str, ...] = ()  # gates that held: they capped the tier of the score
    possible: tuple[str, ...] = ()  # an unrated point: the tiers it may turn out to have, best first


@dataclass(frozen=True, slots=True)
class Change:
    """One revision of a record."""

    version: int
    at: str
    who: str
    why: str
    kind: str
    changes: Mapping[str, tuple[Any, Any]]
    changeset: int = 0


FLAGS: Final[Mapping[str, Say]] = {
    "possible_duplicate": Say("疑似重复", "possible duplicate"),
    "outside_district": Say("不在本区范围", "outside the district"),
    "outside_subdistrict": Say("不在所属街道", "outside its sub-district"),
    "unlocated": Say("无坐标", "unlocated"),
    "declared_differs": Say("申报等级与评估不一致", "declared tier differs"),
    "stale": Say("超期未更新", "not updated in time"),
}
