"""Codes for the rows of a list that has none: those of the records they speak of, or new numbers.

The same list gives the same codes again: a row first finds the record that has its name (and, where several
have, its sub-district and place), and only what finds none is numbered on.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from riskmap.catalog.headers import normalise_header
from riskmap.errors import Text, UncodedRowsError
from riskmap.interface import option
from riskmap.io.tables.row_parts import TableRows, say_of
from riskmap.rules.cell import Finding, judge_code
from riskmap.values.import_plan import Intake, Issue
from riskmap.values.records import Records

FAR_METRES: Final = 300.0  # of one name this far apart: two places, not one


_SAME_METRES: Final = 1.0


_METRES_PER_DEGREE: Final = 111_195.0


_DIGITS: Final = 4


_NAMED: Final = 5


class CodedRecord(NamedTuple):
    """What a row without a code is compared with: lon and lat NaN where unlocated."""

    code: str
    name: str
    subdistrict: str | None
    lon: float
    lat: float


@dataclass
class RowCodes:
    """How rows without a code get one, for the files of one import.

    `number`: prefix of new codes, "" where none are made. `known`: the records of the ledger, retired
    ones too, and those of the files that came before. With `match` a row takes the code of any record of its
    name; else only of one that was numbered with this prefix.
    """

    number: str = ""
    match: bool = False
    known: list[CodedRecord] = field(default_factory=list)

    def learn(self, intake: Intake) -> None:
        """Know the records of a file that was read: the next file goes on after it."""
        self.known += coded(intake.records)

    @property
    def _mine(self) -> list[CodedRecord]:
        return (
            self.known if self.match else [one for one in self.known if self._counted(one.code) is not None]
        )

    def _counted(self, code: str) -> int | None:
        found = re.fullmatch(re.escape(self.number) + r"(\d+)", code) if self.number else None
        return int(found[1]) if found else None

    def assign(self, parts: Sequence[TableRows]) -> Issue | None:
        """Give every row without a code one, or say why it gets none; return what is to be said of the file."""
        by_name: dict[str, list[CodedRecord]] = {}
        for one in self._mine:
            by_name.setdefault(normalise_header(one.name), []).append(one)
        taken = {code for part in parts for code in part.code if code is not None}
        numbers = [self._counted(code) for code in (*taken, *(one.code for one in self.known))]
        last = max((n for n in numbers if n is not None), default=0)
        matched = made = 0
        for part, row in uncoded(parts):
            here = CodedRecord("", _text(part.name[row]), _text(part.subdistrict[row]), *_place(part, row))
            candidates = (
                [one for one in by_name.get(normalise_header(here.name), []) if one.code not in taken]
                if here.name
                else []
            )
            found = _best(here, candidates, match=self.match)
            if isinstance(found, CodedRecord):
                part.code[row] = found.code
                taken.add(found.code)
                matched += 1
            elif found is None and self.number and (here.name or not math.isnan(here.lon)):
                last += 1
                part.code[row] = f"{self.number}{last:0{_DIGITS}d}"
                taken.add(part.code[row] or "")
                made += 1
            else:
                say_of(
                    part, row, None, _refused(here, found, number=self.number), value=here.name, target="code"
                )
        return _note(parts[0], matched, made, f"{self.number}{last:0{_DIGITS}d}") if matched or made else None


def coded(records: Records) -> Iterator[CodedRecord]:
    """Yield what rows are compared with of some records."""
    columns = (records.code, records.name, records.subdistrict, records.lon.tolist(), records.lat.tolist())
    for code, name, subdistrict, lon, lat in zip(*columns, strict=True):
        yield CodedRecord(code, _text(name), _text(subdistrict) or None, lon, lat)


def check_prefix(prefix: str) -> str:
    """Return a prefix of codes as they are written; RiskmapError where it can begin none."""
    verdict = judge_code(f"{prefix}0001")
    if not isinstance(verdict.value, str) or not verdict.value.endswith("0001") or not prefix.strip():
        raise UncodedRowsError(
            f"{option('number')} {prefix!r}：不能作编号的前缀；请写字母或汉字，如 DM-",
            f"{option('number', 'en')} {prefix!r} cannot begin a code; write letters such as DM-",
        )
    return verdict.value.removesuffix("0001")


def uncoded(parts: Iterable[TableRows]) -> Iterator[tuple[TableRows, int]]:
    """Yield the rows that have no code and nothing wrong with it."""
    for part in parts:
        column = next((m.heading.column for m in part.source.header.matches if m.target == "code"), None)
        for row, code in enumerate(part.code):
            if code is None and not (column is not None and column in part.bad.get(row, ())):
                yield part, row


def offer_codes(intake: Intake) -> None:
    """Raise UncodedRowsError, which says what can be done, for a list none of whose rows has a code."""
    rejected = intake.rejected
    bare = [
        row for row in rejected if row.code is None and any(one.rule == "missing_code" for one in row.issues)
    ]
    if len(intake.records) or not rejected or len(bare) < len(rejected):
        return
    number, match = option("number"), option("match")
    number_en, match_en = option("number", "en"), option("match", "en")
    raise UncodedRowsError(
        f"{intake.file}：{len(bare)} 行都没有编号，未导入；可由系统编号（{number} 前缀），"
        f"或按名称对应台账中已有的记录（{match} name）",
        f"{intake.file}: none of the {len(bare)} rows has a code, nothing was imported; let them be numbered "
        f"({number_en} PREFIX), or matched by name with records of the ledger ({match_en} name)",
    )


def missing_code() -> Finding:
    """Return what is said of a row without a code, and what can be done."""
    number, match = option("number"), option("match")
    number_en, match_en = option("number", "en"), option("match", "en")
    return Finding(
        "missing_code",
        "error",
        Text(
            f"没有编号；请填写编号，或用 {number} 由系统编号、{match} 按名称对应",
            f"no code; write the code, or use {number_en} to number such rows, {match_en} to match them by name",
        ),
    )


def _best(
    here: CodedRecord, candidates: Sequence[CodedRecord], *, match: bool
) -> CodedRecord | list[CodedRecord] | None:
    """Return the record that a row speaks of, None where there is none, all of them where it cannot be told."""
    near = [one for one in candidates if _apart(here, one) <= FAR_METRES]
    if not near and match and len(candidates) == 1:
        return candidates[0]  # it moved: what that means is asked when it is compared with the ledger
    same = [one for one in near if here.subdistrict and one.subdistrict == here.subdistrict] or near
    if not same:
        return list(candidates) if match and candidates else None
    nearest = min(_apart(here, one) for one in same)
    closest = [one for one in same if _apart(here, one) <= nearest + _SAME_METRES]
    # Numbered by us and alike in everything: they came in the order of their rows, and come again in it.
    return closest[0] if len(closest) == 1 or not match else closest


def _apart(a: CodedRecord, b: CodedRecord) -> float:
    """Return the distance in metres, 0 where one of them has no place: then it tells nothing."""
    if any(map(math.isnan, (a.lon, a.lat, b.lon, b.lat))):
        return 0.0
    east = (a.lon - b.lon) * math.cos(math.radians((a.lat + b.lat) / 2))
    return math.hypot(east, a.lat - b.lat) * _METRES_PER_DEGREE


def _refused(here: CodedRecord, found: list[CodedRecord] | CodedRecord | None, *, number: str) -> Finding:
    if isinstance(found, list):
        codes = "、".join(one.code for one in found[:_NAMED])
        return Finding(
            "ambiguous_name",
            "error",
            Text(
                f"名称“{here.name}”在台账中有 {len(found)} 条（{codes}），分不清是哪一条；请填写编号",
                f"the ledger has {len(found)} records named {here.name!r} ({codes}); write the code of the one meant",
            ),
        )
    if number or not here.name:
        return Finding(
            "missing_code",
            "error",
            Text(
                "没有编号、名称和坐标，不能编号；请至少填写名称",
                "no code, name or position: write the name at least",
            ),
        )
    return Finding(
        "unknown_name",
        "error",
        Text(
            f"台账中没有名称为“{here.name}”的记录；请核对名称，或用 {option('number')} 给新的点编号",
            f"the ledger has no record named {here.name!r}; check the name, or number new ones with {option('number', 'en')}",
        ),
    )


def _note(part: TableRows, matched: int, made: int, last: str) -> Issue:
    place = part.source.file
    zh, en = [], []
    if matched:
        zh.append(f"{matched} 行按名称对应到已有记录")
        en.append(f"{matched} rows are records of that name")
    if made:
        zh.append(f"{made} 行由系统编号，至 {last}")
        en.append(f"{made} rows were numbered, up to {last}")
    say = Text(
        f"{place}：文件没有编号，{'；'.join(zh)}；请核对",
        f"{place}: no codes in the file, {', '.join(en)}; check them",
    )
    return Issue(part.source.sheet, None, None, "code", None, "warning", "codes_given", say)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _place(part: TableRows, row: int) -> tuple[float, float]:
    return float(part.lon[row]), float(part.lat[row])
