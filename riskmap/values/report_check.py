"""A report as it was read, the figures that its numbers may be held against, and what its statements say."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

from riskmap.errors import Lang, Text
from riskmap.json_documents import Document

Verdict = Literal["wrong", "suspicious", "agrees", "unjudged"]

Kind = Literal[
    "equation",
    "parts",
    "total",
    "state",
    "rate",
    "share",
    "change",
    "integer",
    "shares",
    "order",
    "times",
    "name",
    "figure",
]


KINDS: Final[dict[Kind, Text]] = {
    "equation": Text("等式", "equation"),
    "parts": Text("其中与总数", "parts of a total"),
    "total": Text("合计", "total"),
    "state": Text("发现与整改", "found and done"),
    "rate": Text("比率", "rate"),
    "share": Text("占比", "share"),
    "change": Text("同比", "change"),
    "integer": Text("同比（无基数）", "change without a base"),
    "shares": Text("各项占比", "shares of a whole"),
    "order": Text("阶段", "stages"),
    "times": Text("倍数", "multiple"),
    "name": Text("同一名称", "one name"),
    "figure": Text("台账数字", "figure of the ledger"),
}


VERDICTS: Final[dict[Verdict, Text]] = {
    "wrong": Text("对不上", "does not add up"),
    "suspicious": Text("存疑", "suspicious"),
    "agrees": Text("相符", "agrees"),
    "unjudged": Text("无法判断", "not judged"),
}


@dataclass(frozen=True, slots=True)
class Tag:
    """A part of a paragraph that a content control binds to a figure: characters `start` to `end`, `alias` as it stands."""

    start: int
    end: int
    alias: str


@dataclass(frozen=True, slots=True)
class Passage:
    """One paragraph of a report. `paragraph`, `table`, `row`, `column` count from 1; the latter None outside a table.

    `column`: where its cell begins; one that spans several columns takes as many.
    """

    text: str
    paragraph: int
    table: int | None = None
    row: int | None = None
    column: int | None = None
    tags: tuple[Tag, ...] = ()


@dataclass(frozen=True, slots=True)
class KnownFigure:
    """What the ledger says of one figure in one period.

    `names`: what reports call it. `value` in `unit`, None where it is not known; `decimals` of its printed form.
    `as_of`: the moment of whose ledger it is, as people read it; `query`: the address of the records behind it.
    """

    id: str
    title: str
    value: Decimal | None
    unit: str
    names: tuple[str, ...] = ()
    period: str = ""
    decimals: int = 0
    as_of: str = ""
    query: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a statement stands: characters `start` to `end` of a paragraph."""

    paragraph: int
    start: int
    end: int
    table: int | None = None
    row: int | None = None

    def as_json(self) -> Document:
        """Return the place as documents of the command line have it."""
        return {
            "paragraph": self.paragraph,
            "table": self.table,
            "row": self.row,
            "from": self.start,
            "to": self.end,
        }


@dataclass(frozen=True, slots=True)
class Statement:
    """What some numbers of a report say of one another. `figure`: the id that the number was held against."""

    text: str
    kind: Kind
    verdict: Verdict
    stated: str
    expected: str
    why: Text
    place: Place
    figure: str | None = None

    @property
    def agrees(self) -> bool | None:
        """Whether it adds up; None where that could not be proven."""
        return {"agrees": True, "wrong": False}.get(self.verdict)

    @property
    def digest(self) -> str:
        """Return what the statement is known by wherever it stands: its kind, its words and what it was held against."""
        parts = (self.kind, "".join(self.text.split()), self.stated, self.expected)
        return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()

    def as_json(self, lang: Lang = "zh") -> Document:
        """Return the statement as the command line prints it."""
        return {
            "text": self.text,
            "kind": self.kind,
            "stated": self.stated,
            "expected": self.expected,
            "agrees": self.agrees,
            "verdict": self.verdict,
            "why": self.why.text(lang),
            "place": self.place.as_json(),
            "figure": self.figure,
        }


@dataclass(frozen=True, slots=True)
class CheckedReport:
    """Every statement that was read of a report, in its order, how many numbers it has, and what it was read of."""

    numbers: int
    statements: tuple[Statement, ...]
    passages: tuple[Passage, ...]

    def of(self, verdict: Verdict) -> list[Statement]:
        """Return the statements with one verdict."""
        return [one for one in self.statements if one.verdict == verdict]

    def as_json(self, file: str, lang: Lang = "zh") -> Document:
        """Return the document of the command line; `disagree` counts what is wrong only."""
        return {
            "file": file,
            "numbers": self.numbers,
            "statements": [one.as_json(lang) for one in self.statements],
            "disagree": len(self.of("wrong")),
            "suspicious": len(self.of("suspicious")),
            "unjudged": len(self.of("unjudged")),
        }
