"""Tables of one file → one `Intake`: duplicates found, rejected rows set apart, columns joined."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, compress
from typing import Any

import numpy as np

from riskmap.catalog.layer import Layer
from riskmap.errors import Text
from riskmap.io.tables.row_parts import TableRows, say_of
from riskmap.rules.cell import Finding
from riskmap.rules.extras import extra_keys
from riskmap.values.import_plan import Hold, Intake, Issue, RejectedRow, SheetReport
from riskmap.values.records import Records

_SUBDISTRICT_HEADER = "所属街道"


def assemble(
    layer: Layer,
    parts: Sequence[TableRows],
    *,
    file: str,
    digest: str,
    datum: str,
    reports: Sequence[SheetReport],
    issues: Sequence[Issue],
    batch: int | None,
) -> Intake:
    """Return the file's intake. rows = accepted + rejected + skipped_non_data, always."""
    refuse_duplicates(parts)
    holds = [_held_rows(part) for part in parts]
    keeps = [
        np.array([row not in part.errors for row in range(len(part.code))], dtype=bool) for part in parts
    ]

    def joined(column: str) -> list[Any]:
        return list(
            chain.from_iterable(_kept(getattr(p, column), k) for p, k in zip(parts, keeps, strict=True))
        )

    def joined_or_none(column: str) -> list[Any] | None:
        if all(getattr(p, column) is None for p in parts):
            return None
        return list(
            chain.from_iterable(
                _kept(values, k) if (values := getattr(p, column)) is not None else [None] * int(k.sum())
                for p, k in zip(parts, keeps, strict=True)
            )
        )

    kept = dict.fromkeys(key for part in parts for key in extra_keys(part.values))
    records = Records(
        layer=layer.id,
        code=joined("code"),
        name=joined("name"),
        subdistrict=joined("subdistrict"),
        lon=np.concatenate([p.lon[k] for p, k in zip(parts, keeps, strict=True)]),
        lat=np.concatenate([p.lat[k] for p, k in zip(parts, keeps, strict=True)]),
        shapes=joined_or_none("shapes"),
        values={
            f: _joined_field(parts, keeps, f)
            for f in (*layer.field_ids, *kept)
            if any(f in p.values for p in parts)
        },
        checklist=joined_or_none("checklist"),
        contacts=joined_or_none("contacts"),
        unplaced=_unplaced(parts, keeps),
    )
    rows = [int(r) + 1 for p, k in zip(parts, keeps, strict=True) for r in p.source.rows[k]]
    return Intake(
        file=file,
        digest=digest,
        layer=layer.id,
        datum=datum,
        sheets=tuple(reports),
        rows=sum(r.rows for r in reports),
        skipped_non_data=sum(r.skipped_non_data for r in reports),
        records=records,
        sheet=list(
            chain.from_iterable([p.source.sheet] * int(k.sum()) for p, k in zip(parts, keeps, strict=True))
        ),
        row=rows,
        stated_version=joined_or_none("versions"),
        rejected=tuple(chain.from_iterable(rejected_rows(p, datum) for p in parts)),
        issues=(*issues, *chain.from_iterable(_in_row_order(p.issues) for p in parts)),
        from_batch=batch,
        holds=_at_place(holds, keeps),
        placeless=layer.geometry in {"none", "inherit"},
        turn_back=_TurnBack(tuple(parts), tuple(keeps), datum) if layer.flow or layer.laws else None,
    )


@dataclass(frozen=True, slots=True)
class _TurnBack:
    """Makes the rejected row of an accepted one, from the cells of its table."""

    parts: tuple[TableRows, ...]
    keeps: tuple[np.ndarray[Any, Any], ...]
    datum: str

    def __call__(self, at: int, said: tuple[Issue, ...]) -> RejectedRow:
        for part, keep in zip(self.parts, self.keeps, strict=True):
            if at < (count := int(keep.sum())):
                named = {issue.field for issue in said}
                bad = [m.heading.column for m in part.source.header.matches if m.target in named]
                return _rejected(part, int(np.flatnonzero(keep)[at]), said, bad, self.datum)
            at -= count
        raise IndexError(at)


def _held_rows(part: TableRows) -> dict[int, Hold]:
    """Take the rows that have nothing wrong but a value with two readings from the errors: they wait for a person."""
    held: dict[int, Hold] = {}
    settled: set[int] = set()
    for row, doubts in part.doubtful.items():
        if len(doubts) < len(part.errors[row]):
            continue
        del part.errors[row]
        part.bad.pop(row, None)
        settled.update(map(id, doubts))
        zh = "；".join(issue.message.zh for issue in doubts)
        en = "; ".join(issue.message.en for issue in doubts)
        say = Text(f"{zh}，或接受本行而不改这一项", f"{en}, or accept the row without it")
        held[row] = Hold(doubts[0].rule, say)
    if settled:
        part.issues = [issue for issue in part.issues if id(issue) not in settled]
    return held


def _at_place(holds: Sequence[dict[int, Hold]], keeps: Sequence[np.ndarray[Any, Any]]) -> dict[int, Hold]:
    """Return place among the kept rows of all parts → why the row waits."""
    out: dict[int, Hold] = {}
    start = 0
    for held, keep in zip(holds, keeps, strict=True):
        at = np.cumsum(keep) - 1 + start
        out.update({int(at[row]): hold for row, hold in held.items()})
        start += int(keep.sum())
    return out


def _unplaced(parts: Sequence[TableRows], keeps: Sequence[np.ndarray[Any, Any]]) -> frozenset[int]:
    """Return where the kept rows stand whose position is erased."""
    out: set[int] = set()
    start = 0
    for part, keep in zip(parts, keeps, strict=True):
        if part.unplaced:
            at = np.cumsum(keep) - 1 + start
            out.update(int(at[row]) for row in part.unplaced if keep[row])
        start += int(keep.sum())
    return frozenset(out)


def _kept(values: Iterable[Any], keep: np.ndarray[Any, Any]) -> Iterable[Any]:
    return values if keep.all() else compress(values, keep.tolist())


def _joined_field(parts: Sequence[TableRows], keeps: Sequence[np.ndarray[Any, Any]], field: str) -> list[Any]:
    return list(
        chain.from_iterable(
            _kept(p.values[field], k) if field in p.values else [None] * int(k.sum())
            for p, k in zip(parts, keeps, strict=True)
        )
    )


def _in_row_order(issues: Sequence[Issue]) -> list[Issue]:
    return sorted(issues, key=lambda i: i.row or 0)


def refuse_duplicates(parts: Sequence[TableRows], unique: Sequence[str] = ("code",)) -> None:
    """Of rows with one key the first stays; the later ones, also in other sheets, are rejected."""
    first: dict[Any, int] = {}
    starts = [0, *accumulate(len(p.code) for p in parts)]
    for start, part in zip(starts, parts, strict=False):
        match = next((m for m in part.source.header.matches if m.target in unique), None)
        repeated = [
            (row, key)
            for row, key in enumerate(_keys(part, unique))
            if key is not None and first.setdefault(key, start + row) != start + row
        ]
        for row, key in repeated:
            at = bisect_right(starts, first[key]) - 1
            other = parts[at]
            number = other.number(first[key] - starts[at])
            sheet = "" if other.source.sheet == part.source.sheet else f"{other.source.sheet} › "
            code = key if isinstance(key, str) else " ".join(str(k) for k in key if k is not None)
            say_of(
                part,
                row,
                match,
                Finding(
                    "duplicate_code",
                    "error",
                    Text(
                        f"编号 {code} 与{sheet}第 {number} 行重复；请改正编号或删去其中一行",
                        f"the code {code} is already in {sheet}row {number}; correct it or delete one of the rows",
                    ),
                ),
                value=code,
            )


def _keys(part: TableRows, unique: Sequence[str]) -> Iterable[Any]:
    """Return what names each row, None where nothing does or a part of it is wrong."""
    given = [getattr(part, name, None) or part.values.get(name) for name in unique]
    columns = [column for column in given if column is not None]
    if len(columns) == 1:
        return columns[0]
    return (
        key if row not in part.errors and any(k is not None for k in key) else None
        for row, key in enumerate(zip(*columns, strict=True))
    )


def rejected_rows(part: TableRows, datum: str = "") -> Iterator[RejectedRow]:
    """Yield the rows of a table that have errors, with their cells as they came."""
    said: dict[int | None, list[Issue]] = {}
    for issue in part.issues:
        said.setdefault(issue.row, []).append(issue)
    for row in sorted(part.errors):
        yield _rejected(
            part, row, tuple(said.get(int(part.source.rows[row]) + 1, ())), part.bad.get(row, ()), datum
        )


def _rejected(
    part: TableRows, row: int, said: tuple[Issue, ...], bad: Iterable[int], datum: str
) -> RejectedRow:
    """Return a row of a table as a rejected one, its cells as they came; `bad`: the columns that the issues name."""
    source = part.source
    headings = {m.heading.column: m.heading.text for m in source.header.matches}
    at = int(source.rows[row])
    cells = [(headings.get(c, ""), column[at].as_py()) for c, column in enumerate(source.columns)]
    derived = part.subdistrict[row]
    stated = any(m.target == "subdistrict" for m in source.header.matches)
    if not stated and isinstance(derived, str):
        # What a title or a section line said must survive on the sheet of rejected rows.
        cells.append((_SUBDISTRICT_HEADER, derived))
    return RejectedRow(
        sheet=source.sheet,
        row=at + 1,
        code=part.code[row],
        cells=tuple(cells),
        bad=tuple(sorted(bad)),
        issues=said,
        datum=datum,
    )
