"""Tables that no ledger keeps (rain, weather, roads, people): what a file beside the readers declares, read.

A declaration is a layer file with `table = true` in `riskmap/io/readers`; its headers, units, positions and
words for missing are those of every file that riskmap reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import chain, compress
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from riskmap.array_types import Floats
from riskmap.catalog.headers import normalise_header
from riskmap.catalog.layer import Layer
from riskmap.catalog.layer_file import read_table
from riskmap.coordinates import Region
from riskmap.errors import TableFileError, Text, UnreadableFileError
from riskmap.io.tables.assemble import refuse_duplicates, rejected_rows
from riskmap.io.tables.headers import POSITION_TARGETS, Match
from riskmap.io.tables.reading import read_tables
from riskmap.io.tables.row_parts import TableRows, say_of
from riskmap.rules.cell import Finding, judge_field
from riskmap.values.import_plan import Issue, RejectedRow
from riskmap.values.records import Cell

_LATIN_LETTERS: Final = 5  # a shorter word may stand inside another


_READERS: Final = "riskmap.io.readers"


_NOWHERE: Final = Finding(
    "no_position", "error", Text("没有经纬度；请填写", "no position; write longitude and latitude")
)


@dataclass(frozen=True, slots=True, eq=False)
class DeclaredTable:
    """The good rows of a table, column by column.

    `columns`: code, name and fields that the file has → a value for each row, None where none is stated;
    moments are ISO texts in UTC. `positions`: id of a position ("" for the row's own) → longitudes and
    latitudes, CGCS2000 degrees, NaN where not stated. `row`: 1-based in the file; a wide table has a row
    for each cell. `headers`: column → its header as written, `matched`: of each row what its headers mean, for sheets may
    differ in the units that they state. `others`: header → texts of the columns that the
    declaration does not name. `issues`: everything that was said.
    """

    columns: Mapping[str, Sequence[Cell]]
    positions: Mapping[str, tuple[Floats, Floats]]
    row: Sequence[int]
    headers: Mapping[str, str]
    matched: Sequence[Mapping[str, Match]]
    others: Mapping[str, Sequence[str | None]]
    issues: tuple[Issue, ...]
    rejected: tuple[RejectedRow, ...]

    def numbers(self, column: str) -> Floats:
        """Return a column as numbers, NaN where none is stated or the file has no such column."""
        cells = self.columns.get(column) or [None] * len(self.row)
        return np.array([v if isinstance(v, int | float) else np.nan for v in cells], dtype=np.float64)


@cache
def declaration(name: str) -> Layer:
    """Return a table's declaration of `riskmap/io/readers`."""
    text = resources.files(_READERS).joinpath(f"{name}.toml").read_text(encoding="utf-8")
    return read_table(text, f"{name}.toml")


def read(
    path: Path,
    table: Layer,
    *,
    datum: str | None = None,
    name: str | None = None,
    units: Mapping[str, str] | None = None,
    region: Region = Region(),  # noqa: B008 - frozen
) -> DeclaredTable:
    """Read a file (csv, xlsx and whatever else intake reads) as a declared table.

    `datum`: of its positions. `name`: the file's name as the person knows it. `units`: field → unit, of a
    moment its zone, where neither header nor cell states one. `region`: as in `read_file`. TableFileError names
    every mistake of a table whose bad rows refuse the file; UnreadableFileError, DatumError as `riskmap.io.tables.read_file`.
    """
    called = name or path.name
    done, _, _ = read_tables(path, table, datum=datum, name=called, units=units, region=region)
    for part in done.parts:
        _columns_there(part, table)
        _positions_there(part, table)
    refuse_duplicates(done.parts, _key(done.parts, table))
    refused = table.on_bad_row == "refuse"
    misses = [say for part in done.parts for say in _near_misses(part, table)] if refused else []
    issues = (*done.issues, *chain.from_iterable(p.issues for p in done.parts))
    errors = tuple(one.message for one in sorted(issues, key=lambda i: i.row or 0) if _is_error(one))
    if refused and (misses or errors):
        raise TableFileError((*misses, *errors))
    if not any(len(part.code) for part in done.parts):
        raise TableFileError((Text(f"{called}：没有数据行", f"{called}: no lines of data below the header"),))
    return _joined([_Kept(part, table) for part in done.parts], table, issues)


def _is_error(issue: Issue) -> bool:
    """Where nothing may be left out, two columns for one leave open which of them counts."""
    return issue.severity == "error" or issue.rule == "two_columns_for_one"


def _columns_there(part: TableRows, table: Layer) -> None:
    """Raise UnreadableFileError where a column that every row has to state is not there."""
    there = {m.target for m in part.source.header.matches}
    if table.wide and part.hours:
        there |= {table.wide.names, table.wide.values}
    lacking = [f.title for f in table.fields if f.required and f.id not in there]
    for group in (g for g in table.one_of if not there & {*g}):
        titles = [table.field(each).title for each in group]
        lacking.append(Text("或".join(t.zh for t in titles), " or ".join(t.en for t in titles)))
    for each in table.positions:
        both = f"{each.id}:position" in there
        for axis, words in (("longitude", each.longitude), ("latitude", each.latitude)):
            if not both and f"{each.id}:{axis}" not in there:
                lacking.append(Text(words[0], f"{each.id} {axis}"))
    points = table.geometry == "point" and table.on_bad_row == "refuse" and part.source.shapes is None
    if points and not there & {*POSITION_TARGETS}:
        lacking.append(Text("经度、纬度", "lon, lat"))
    if lacking:
        found = "、".join(m.heading.text for m in part.source.header.matches if m.heading.text)
        place = f"{part.source.file} › {part.source.sheet}"
        raise UnreadableFileError(
            f"{place} › 表头：读不成“{table.title.zh}”，缺少 {'、'.join(t.zh for t in lacking)} 列；找到 {found}",
            f"{place} › header: nothing of {table.title.en} without {', '.join(t.en for t in lacking)}; found {found}",
        )


def _positions_there(part: TableRows, table: Layer) -> None:
    """Note the rows that are nowhere, of a table of points from which no row may be left out."""
    if table.geometry != "point" or table.on_bad_row != "refuse":
        return
    for row in np.flatnonzero(np.isnan(part.lon)).tolist():
        if row not in part.errors:
            say_of(part, row, None, _NOWHERE, value=None)


def _near_misses(part: TableRows, table: Layer) -> Iterator[Text]:
    """Yield the headers that speak of a number that the table has no column of, and cannot be understood.

    A length that is left unread would be replaced by the straight line without a word.
    """
    there = {m.target for m in part.source.header.matches}
    wide = {table.wide.values} if table.wide and part.hours else set[str]()
    absent = [f for f in table.fields if f.type in {"number", "integer"} and f.id not in there | wide]
    place = f"{part.source.file} › {part.source.sheet}"
    for match in part.source.header.matches:
        text = normalise_header(match.heading.text)
        near = next((f for f in absent for w in f.aliases if match.target is None and _names(w, text)), None)
        if near is not None:
            yield Text(
                f"{place} › 表头：看不懂“{match.heading.text}”；是{near.title.zh}请写 {near.title.zh}({near.unit})，不是请改名",
                f"{place} › header: “{match.heading.text}” is not understood; call it {near.title.en} ({near.unit}) if "
                "it is that, or else rename it",
            )


def _names(word: str, header: str) -> bool:
    plain = normalise_header(word)
    return len(plain) >= (_LATIN_LETTERS if plain.isascii() else 2) and plain in header


def _key(parts: Sequence[TableRows], table: Layer) -> tuple[str, ...]:
    """Return the columns that name a row: of a wide table without the moment, which its headers state."""
    wide = table.wide is not None and any(part.hours for part in parts)
    return tuple(n for n in table.unique if not (wide and table.wide and n == table.wide.names))


class _Kept:
    """The good rows of one part, a wide one spread to a row for each cell."""

    def __init__(self, part: TableRows, table: Layer) -> None:
        self._part = part
        self._matches = {str(m.target): m for m in part.source.header.matches if m.target}
        self._wide = table.wide
        self._moments = dict(_moments(part, table))
        self._keep: NDArray[np.bool_] = np.array([r not in part.errors for r in range(len(part.code))], bool)
        self._times = max(len(part.hours), 1)

    @property
    def matches(self) -> Mapping[str, Match]:
        return self._matches

    def rows(self) -> list[int]:
        return self._spread([self._part.number(row) for row in range(len(self._part.code))])

    def column(self, name: str) -> list[Any]:
        if self._part.hours and self._wide:
            if name == self._wide.names:
                return [m for kept in self._keep if kept for m in self._moments.values()]
            if name == self._wide.values:
                columns = [self._part.hours[at] for at in self._moments]
                return [c[row] for row in np.flatnonzero(self._keep).tolist() for c in columns]
        if name in {"code", "name"} and name in self._matches:
            return self._spread(getattr(self._part, name))
        return self._spread(self._part.values.get(name, [None] * len(self._part.code)))

    def other(self, header: str) -> list[str | None]:
        at = self.others().get(header)
        texts = [None] * len(self._part.code) if at is None else self._part.source.column(at).to_pylist()
        return self._spread(texts)

    def others(self) -> dict[str, int]:
        """Return header → place of the columns that nothing is declared of."""
        left = [m for m in self._part.source.header.matches if m.target is None and m.heading.text]
        return {m.heading.text: c for m in left if (c := m.heading.column) not in self._part.hours}

    def names(self) -> list[str]:
        wide = [self._wide.names, self._wide.values] if self._part.hours and self._wide else []
        return [*(n for n in ("code", "name") if n in self._matches), *self._part.values, *wide]

    def position(self, name: str) -> tuple[Floats, Floats]:
        none = np.full(len(self._part.code), np.nan)
        own = (self._part.lon, self._part.lat)
        lon, lat = self._part.ends.get(name, (none, none)) if name else own
        return np.repeat(lon[self._keep], self._times), np.repeat(lat[self._keep], self._times)

    def rejected(self) -> Iterator[RejectedRow]:
        return rejected_rows(self._part)

    def _spread(self, values: Sequence[Any]) -> list[Any]:
        return [value for value in compress(values, self._keep) for _ in range(self._times)]


def _moments(part: TableRows, table: Layer) -> Iterator[tuple[int, str]]:
    """Yield column and moment of a wide table's headers."""
    if table.wide is None:
        return
    judge = judge_field(table.field(table.wide.names), header_unit=part.zone)
    for match in part.source.header.matches:
        at = match.heading.column
        if at in part.hours:
            value, finding = judge(match.heading.text)
            if finding is not None:
                place = f"{part.source.file} › {part.source.sheet}"
                raise UnreadableFileError(
                    f"{place} › 表头：{finding.message.zh}", f"{place} › header: {finding.message.en}"
                )
            yield at, str(value)


def _joined(parts: Sequence[_Kept], table: Layer, issues: tuple[Issue, ...]) -> DeclaredTable:
    names = list(dict.fromkeys(chain.from_iterable(part.names() for part in parts)))
    placed = ["", *(each.id for each in table.positions)]
    axes = {p: [part.position(p) for part in parts] for p in placed}
    return DeclaredTable(
        {n: list(chain.from_iterable(part.column(n) for part in parts)) for n in names},
        {
            p: (np.concatenate([a for a, _ in xy]), np.concatenate([b for _, b in xy]))
            for p, xy in axes.items()
        },
        list(chain.from_iterable(part.rows() for part in parts)),
        {t: m.heading.text for part in reversed(parts) for t, m in part.matches.items()},
        [part.matches for part in parts for _ in part.rows()],
        {
            h: list(chain.from_iterable(part.other(h) for part in parts))
            for h in dict.fromkeys(chain.from_iterable(part.others() for part in parts))
        },
        issues,
        tuple(chain.from_iterable(part.rejected() for part in parts)),
    )
