"""Tables of one file → one `Intake`: duplicates found, rejected rows set apart, columns joined.

Sub-districts by name: in a column, a section line, a sheet's name, a title or a file's name.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, compress
from typing import Any

import numpy as np

from riskmap.catalog.layer import Layer
from riskmap.errors import Say
from riskmap.io.tables.row_parts import Part, say_of
from riskmap.rules.cell import Problem
from riskmap.values.import_plan import Intake, Issue, RejectedRow, SheetReport
from riskmap.values.records import Records

_SUBDISTRICT_HEADER = "所属街道"


def assemble(
    layer: Layer,
    parts: Sequence[Part],
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
    keeps = [
        np.array([row not in part.errors for row in range(len(part.code))], dtype=bool) for part in parts
    ]

    def joined(column: str) -> list[Any]:
        return list(
            chain.from_iterable(compress(getattr(p, column), k) for p, k in zip(parts, keeps, strict=True))
        )

    def joined_or_none(column: str) -> list[Any] | None:
        if all(getattr(p, column) is None for p in parts):
            return None
        return list(
            chain.from_iterable(
                compress(values, k) if (values := getattr(p, column)) is not None else [None] * int(k.sum())
                for p, k in zip(parts, keeps, strict=True)
            )
        )

    records = Records(
        layer=layer.id,
        code=joined("code"),
        name=joined("name"),
        subdistrict=joined("subdistrict"),
        lon=np.concatenate([p.lon[k] for p, k in zip(parts, keeps, strict=True)]),
        lat=np.concatenate([p.lat[k] for p, k in zip(parts, keeps, strict=True)]),
        shapes=joined_or_none("shapes"),
        values={
            f: _joined_field(parts, keeps, f) for f in layer.field_ids if any(f in p.values for p in parts)
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
        rejected=tuple(chain.from_iterable(rejected_rows(p) for p in parts)),
        issues=(*issues, *chain.from_iterable(_in_row_order(p.issues) for p in parts)),
        from_batch=batch,
    )


def _unplaced(parts: Sequence[Part], keeps: Sequence[np.ndarray[Any, Any]]) -> frozenset[int]:
    """Return where the kept rows stand whose position is erased."""
    out: set[int] = set()
    start = 0
    for part, keep in zip(parts, keeps, strict=True):
        if part.unplaced:
            at = np.cumsum(keep) - 1 + start
            out.update(int(at[row]) for row in part.unplaced if keep[row])
        start += int(keep.sum())
    return frozenset(out)


def _joined_field(parts: Sequence[Part], keeps: Sequence[np.ndarray[Any, Any]], field: str) -> list[Any]:
    return list(
        chain.from_iterable(
            compress(p.values[field], k) if field in p.values else [None] * int(k.sum())
            for p, k in zip(parts, keeps, strict=True)
        )
    )


def _in_row_order(issues: Sequence[Issue]) -> list[Issue]:
    return sorted(issues, key=lambda i: i.row or 0)


def refuse_duplicates(parts: Sequence[Part], unique: Sequence[str] = ("code",)) -> None:
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
            code = " ".join(str(k) for k in key if k is not None)
            say_of(
                part,
                row,
                match,
                Problem(
                    "duplicate_code",
                    "error",
                    Say(
                        f"编号 {code} 与{sheet}第 {number} 行重复；请改正编号或删去其中一行",
                        f"the code {code} is already in {sheet}row {number}; correct it or delete one of the rows",
                    ),
                ),
                value=code,
            )


def _keys(part: Part, unique: Sequence[str]) -> Iterator[tuple[Any, ...] | None]:
    """Yield what names each row, None where nothing does or a part of it is wrong."""
    given = [getattr(part, name, None) or part.values.get(name) for name in unique]
    columns = [column for column in given if column is not None]
    for row, key in enumerate(zip(*columns, strict=True)):
        stated = any(k is not None for k in key)
        yield key if stated and (len(key) == 1 or row not in part.errors) else None


def rejected_rows(part: Part) -> Iterator[RejectedRow]:
    """Yield the rows of a table that have errors, with their cells as they came."""
    source = part.source
    headings = {m.heading.column: m.heading.text for m in source.header.matches}
    stated = any(m.target == "subdistrict" for m in source.header.matches)
    said: dict[int | None, list[Issue]] = {}
    for issue in part.issues:
        said.setdefault(issue.row, []).append(issue)
    for row in sorted(part.errors):
        at = int(source.rows[row])
        cells = [(headings.get(c, ""), column[at].as_py()) for c, column in enumerate(source.columns)]
        derived = part.subdistrict[row]
        if not stated and isinstance(derived, str):
            # What a title or a section line said must survive on the sheet of rejected rows.
            cells.append((_SUBDISTRICT_HEADER, derived))
        yield RejectedRow(
            sheet=source.sheet,
            row=at + 1,
            code=part.code[row],
            cells=tuple(cells),
            bad=tuple(sorted(part.bad.get(row, ()))),
            issues=tuple(said.get(at + 1, ())),
        )


_OFFICE = re.compile(r"(?:街道|镇)(?:办事处|办|党工委|综合网格|人民政府|政府)$")


# At the start, after a foreign character or after 市/区/县; 镇 only where the word ends (城镇燃气 is no name).
_NAMED = re.compile(
    r"(?:^|(?<=[^\u4e00-\u9fff])|(?<=[市区县省]))([\u4e00-\u9fff]{2,5}?(?:街道|镇(?=$|[^\u4e00-\u9fff]|人民政府|政府)))"
)


# Words that stand before a name in titles and file names, and what makes a match no name.
_BEFORE = re.compile(r"^(?:.*(?:省|市|新?区|县|自治州|自治县))?")


_NOT_NAMES = re.compile(
    r"风险|隐患|台账|汇总|单位|填报|安全|分类|城镇|乡镇|村镇|^(?:各|本|全|该|辖|所属|所在|所辖|某|有关|相关|填报|上报|属地|我|贵|下属|每个|[xX×某]+)"
)


_SECTION = re.compile(
    r"^(?:[(（]?[一二三四五六七八九十\d]+[)）、.．]\s*)?([^,，。;；:：]{2,10}?)\s*(?:[(（].*[)）]|[:：].*|\s*共?\d+\s*[处个条宗]?)?$"
)


@dataclass(frozen=True, slots=True)
class Naming:
    """The district's own names of its sub-districts, () where they are not known."""

    known: tuple[str, ...]

    def canonical(self, stated: str) -> tuple[str, bool]:
        """Return the name as the district writes it, and whether it is one of the district's."""
        text = "".join(unicodedata.normalize("NFKC", stated).split())
        text = _OFFICE.sub(lambda m: "街道" if m[0].startswith("街道") else "镇", text).removesuffix("办事处")
        by_stem = {_stem(k): k for k in self.known}
        short = _BEFORE.sub("", text) or text
        for candidate in (text, short):
            if candidate in self.known:
                return candidate, True
            if (found := by_stem.get(_stem(candidate))) is not None:
                return found, True
        return text, not self.known

    def in_text(self, text: str | None) -> str | None:
        """Return the one sub-district that a title or a name speaks of; None for none or for two."""
        if not text:
            return None
        plain = unicodedata.normalize("NFKC", text)
        if self.known:
            found = {k for k in self.known if k in plain}
            if not found:
                found = {k for k in self.known if len(_stem(k)) >= 2 and _stem(k) in plain}  # noqa: PLR2004 - one letter is no name
            if found:
                return found.pop() if len(found) == 1 else None
        named = {name for match in _NAMED.finditer(plain) if (name := self._clean(match[1]))}
        return named.pop() if len(named) == 1 else None

    def section(self, line: str) -> str | None:
        """Return the sub-district that a lone line (一、东门街道（12处）) announces."""
        match = _SECTION.match(unicodedata.normalize("NFKC", line).strip())
        if not match:
            return None
        name, ours = self.canonical(match[1])
        if self.known and ours:
            return name
        return name if name.endswith(("街道", "镇")) and self._clean(name) == name else None

    @staticmethod
    def _clean(name: str) -> str | None:
        short = _BEFORE.sub("", name) or name
        if len(short.removesuffix("街道").removesuffix("镇")) < 2 or _NOT_NAMES.search(short):  # noqa: PLR2004
            return None
        return short


def _stem(name: str) -> str:
    return name.removesuffix("街道").removesuffix("镇")


def naming(subdistricts: Sequence[str]) -> Naming:
    """Return the naming of a district."""
    return Naming(tuple(dict.fromkeys(s.strip() for s in subdistricts if s.strip())))


def first_named(names: Naming, texts: Iterable[str | None]) -> str | None:
    """Return the first sub-district that any of the texts names."""
    return next((found for text in texts if (found := names.in_text(text))), None)
