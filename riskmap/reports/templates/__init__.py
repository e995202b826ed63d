"""Templates of documents that a bureau edits in Word, each with a small declaration beside it (`weekly.docx`, `weekly.toml`).

Those that are shipped lie here; a workspace's own lie in `reports/templates/` and take the place of one with their name.
A document more is two files more. Templates are made again by `docs/tools/report_templates.py`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from importlib import resources
from typing import Annotated, Final, Literal

from pydantic import Field as Key

from riskmap.catalog.problems import Part, TitleTable, TomlFile, WrittenAs
from riskmap.errors import CatalogError, Lang, RiskmapError, Text
from riskmap.reports.periods import Period, Weekday, days_before_monday, parse_period

FOLDER: Final = "reports/templates"
"""Where a workspace keeps templates of its own."""


Kind = Literal["week", "month", "quarter", "year", "any", "none"]
"""Which periods a document is of; `any` takes all and needs none, of `none` stands what is there on its day."""


KINDS: Final[Mapping[Kind, Text]] = {
    "week": Text("请写一周，如 2026-W48", "state a week, such as 2026-W48"),
    "month": Text("请写一个月，如 2026-11", "state a month, such as 2026-11"),
    "quarter": Text("请写一个季度，如 2026-Q4", "state a quarter, such as 2026-Q4"),
    "year": Text("请写一年，如 2026", "state a year, such as 2026"),
    "any": Text("时段任写，可不写", "any period, or none"),
    "none": Text("请不要写时段", "leave it out"),
}


_DAYS: Final[Mapping[Kind, tuple[int, int]]] = {
    "week": (7, 7),
    "month": (28, 31),
    "quarter": (90, 92),
    "year": (365, 366),
}


class Declaration(Part):
    """What a document says of itself. `street`: it is made for one sub-district; `pack`: each street's pack has it."""

    title: Annotated[Text, WrittenAs(Text, TitleTable, lambda said: Text(said.zh, said.en))]
    period: Kind = "any"
    order: int = Key(default=100, ge=0, le=10_000)
    street: bool = False
    pack: bool = False

    def period_of(self, stated: Period | None, day: dt.date, week_starts: Weekday = "mon") -> Period | None:
        """Return the period of a document: the one that is stated, else the one of its kind that a day lies in.

        RiskmapError for a period of another kind.
        """
        if self.period == "any":
            return stated
        fits = stated is None or (
            self.period in _DAYS
            and _DAYS[self.period][0] <= (stated.until - stated.first).days <= _DAYS[self.period][1]
        )
        if not fits:
            kind = KINDS[self.period]
            raise RiskmapError(
                f"时段 {stated} 不是“{self.title.zh}”要的；{kind.zh}",
                f"{self.title.en} is of another period than {stated}; {kind.en}",
            )
        return stated or current(self.period, day, week_starts)


def current(kind: Kind, day: dt.date, week_starts: Weekday = "mon") -> Period | None:
    """Return the period of a kind that a day lies in; None of what has none."""
    match kind:
        case "week":
            shifted = day + dt.timedelta(days=days_before_monday(week_starts))
            year, week, _ = shifted.isocalendar()
            return parse_period(f"{year}-W{week:02d}", week_starts=week_starts)
        case "month":
            return parse_period(f"{day:%Y-%m}")
        case "quarter":
            return parse_period(f"{day.year}-Q{(day.month + 2) // 3}")
        case "year":
            return parse_period(f"{day.year}")
        case _:
            return None


def read_declaration(text: str, file: str) -> Declaration:
    """Return what the file beside a template says. CatalogError with every mistake."""
    stated, problems = TomlFile.parse(text.replace("\r\n", "\n"), file).check(Declaration)
    if stated is None:
        raise CatalogError(tuple(problems))
    return stated


def shipped() -> dict[str, bytes]:
    """Return the files that are shipped, name → content."""
    folder = resources.files(__name__)
    found = (one for one in folder.iterdir() if one.name.endswith((".docx", ".toml")))
    return {one.name: one.read_bytes() for one in sorted(found, key=lambda one: one.name)}


def period_words(period: Period | None, lang: Lang) -> str:
    """Return a period as a report's title says it: 2026年第48周（11月23日至29日）; "" of none."""
    if period is None:
        return ""
    first, last, text = period.first, period.last, period.text
    if lang == "en":
        return f"{text} ({first:%d %b %Y} to {last:%d %b %Y})"
    days = f"{first.month}月{first.day}日至{last.month}月{last.day}日"
    year, _, part = text.partition("-")
    if ".." in text:
        return f"{first.year}年{first.month}月{first.day}日至{last.year}年{last.month}月{last.day}日"
    if not part:
        return f"{year}年"
    if part.startswith("W"):
        return f"{year}年第{int(part[1:])}周（{days}）"
    if part.startswith("Q"):
        return f"{year}年第{'一二三四'[int(part[1:]) - 1]}季度"
    if part.startswith("H"):
        return f"{year}年{'上下'[int(part[1:]) - 1]}半年"
    return f"{first.year}年{first.month}月" + (f"{first.day}日" if part.count("-") else "")
