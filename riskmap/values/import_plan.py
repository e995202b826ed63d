"""What was found in a file and what importing it would do."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

import numpy as np

from riskmap.catalog.layer import Layer
from riskmap.errors import Text
from riskmap.json_documents import Document
from riskmap.values.records import Records


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
    message: Text

    def as_json(self, lang: Literal["zh", "en"] = "zh") -> Document:
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
    `datum`: what its coordinates were read as, "" where none was needed.
    """

    sheet: str
    row: int
    code: str | None
    cells: tuple[tuple[str, str | None], ...]
    bad: tuple[int, ...]
    issues: tuple[Issue, ...]
    datum: str = ""


@dataclass(frozen=True, slots=True)
class Intake:
    """One file, read and validated: rows = len(records) + len(rejected) + skipped_non_data.

    `sheet` and `row` run parallel to `records`. `stated_version` holds the record versions that a
    file exported by riskmap carries. `from_batch` is the import batch whose rejected rows this
    file returns, when it is a workbook of rejected rows that riskmap wrote. `holds`: row → why it waits for a
    person whatever the ledger holds (a date with two readings). `placeless`: its records need no position.
    `turn_back`: makes the rejected row of an accepted one, its cells as they came, where the ledger refuses it; None
    where the rows came from no sheet.
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
    holds: Mapping[int, Hold] = field(default_factory=dict[int, "Hold"])
    placeless: bool = False

    @property
    def unlocated(self) -> int:
        """How many rows that were read lack the position that their layer has."""
        return 0 if self.placeless else int(np.isnan(self.records.lon).sum())

    turn_back: TurnBack | None = field(default=None, compare=False)

    def without(self, refused: Mapping[int, Sequence[Issue]]) -> Intake:
        """Return the intake with some of its rows among the rejected ones, for what is said of each."""
        if not refused:
            return self
        kept = [i for i in range(len(self.records)) if i not in refused]
        place = {row: at for at, row in enumerate(kept)}
        turned = (self._turned_back(i, tuple(said)) for i, said in sorted(refused.items()))
        versions = self.stated_version
        return replace(
            self,
            records=self.records.take(kept),
            sheet=[self.sheet[i] for i in kept],
            row=[self.row[i] for i in kept],
            stated_version=None if versions is None else [versions[i] for i in kept],
            rejected=(*self.rejected, *turned),
            issues=(*self.issues, *(issue for i in sorted(refused) for issue in refused[i])),
            holds={place[i]: hold for i, hold in self.holds.items() if i in place},
            turn_back=None if self.turn_back is None else _Kept(self.turn_back, tuple(kept)),
        )

    def _turned_back(self, at: int, said: tuple[Issue, ...]) -> RejectedRow:
        if self.turn_back is not None:
            return self.turn_back(at, said)
        cells = {"code": self.records.code[at], "name": self.records.name[at]}
        cells |= {key: column[at] for key, column in self.records.values.items()}
        texts = tuple((key, None if cell is None else str(cell)) for key, cell in cells.items())
        return RejectedRow(self.sheet[at], self.row[at], self.records.code[at], texts, (), said, self.datum)


class TurnBack(Protocol):
    """Makes the rejected row of an accepted one."""

    def __call__(self, at: int, said: tuple[Issue, ...]) -> RejectedRow:
        """Return the row at a place of the records, with what was said of it."""
        ...


@dataclass(frozen=True, slots=True)
class _Kept:
    """Turns back a row of those that were kept."""

    turn_back: TurnBack
    kept: tuple[int, ...]

    def __call__(self, at: int, said: tuple[Issue, ...]) -> RejectedRow:
        return self.turn_back(self.kept[at], said)


RowAction = Literal["insert", "update", "unchanged", "held"]


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a row waits for a person: `rule` is other_subdistrict, other_point, stale_version, ambiguous_date or
    no_such_record.
    """

    rule: str
    message: Text


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """What an import would do, before anything is written. Columns run parallel to the records.

    `base` is the ledger state the plan was made against; `changes` maps row index → field →
    (before, after) for the rows that would change a record. `absent` names the ledger's codes that
    a declared full list does not hold. `remarks`: what a person should know
    of a row that goes in all the same. `moved`: rows that move a record of a flow; `taken_over`: rows that
    bring one that was closed elsewhere. `judged`: the day on which, and the layer by whose laws its rows were judged.
    """

    intake: Intake
    base: int
    actions: Sequence[RowAction]
    changes: Mapping[int, Mapping[str, tuple[Any, Any]]]
    holds: Mapping[int, Hold]
    absent: tuple[str, ...] = ()
    remarks: Mapping[int, Hold] = field(default_factory=dict[int, Hold])
    moved: frozenset[int] = frozenset()
    taken_over: frozenset[int] = frozenset()
    judged: tuple[dt.date, Layer | None] | None = None

    def count(self, action: RowAction) -> int:
        """Return how many rows have this action."""
        return sum(1 for a in self.actions if a == action)
