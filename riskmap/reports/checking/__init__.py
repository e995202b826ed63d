"""Whether the numbers of a report agree with one another: a number is an interval, a verdict is a proof.

`wrong` needs three things: the words between the numbers have a closed form, no other reading of the numbers around
agrees, and all of them are exact. What lacks one is suspicious, what has nothing to be held against is not judged.
Nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from riskmap.errors import Text
from riskmap.reports.checking import changes, names, progress, sums, tables
from riskmap.reports.checking.findings import Finding
from riskmap.reports.checking.numbers import Number, Paragraph
from riskmap.values.report_check import (
    CheckedReport,
    Kind,
    KnownFigure,
    Passage,
    Place,
    Statement,
    Verdict,
)

__all__ = [
    "check",
]


def check(
    passages: Iterable[Passage], *, figures: Sequence[KnownFigure] = (), places: Sequence[str] = ()
) -> CheckedReport:
    """Return what the numbers of a report say of one another, paragraph by paragraph, and of one name over all of it.

    `figures`: what the ledger says, for numbers that name one. `places`: the sub-districts of the district, which do not
    overlap. The time grows with the length of the text.
    """
    read = [(passage, Paragraph(passage.text)) for passage in passages]
    found = [_findings(paragraph, passage, figures, places) for passage, paragraph in read]
    prose = [(at, paragraph) for at, (passage, paragraph) in enumerate(read) if passage.table is None]
    for nth, (at, paragraph) in enumerate(prose):
        before = [earlier for _, earlier in prose[max(0, nth - _BEFORE) : nth]]
        found[at] += sums.parts_of_before(paragraph, before, places)
    for at, one in tables.table_totals(read):
        found[at].append(one)
    rates = (
        named
        for at, (_, paragraph) in enumerate(read)
        for named in (
            *names.named_rates(paragraph, at),
            *names.changed_counts(paragraph, at),
        )
    )
    for clash in names.one_value(rates):
        found[clash.at].append(clash.finding)
    statements: list[Statement] = []
    for (passage, paragraph), some in zip(read, found, strict=True):
        said = [*some, *_unjudged(paragraph, some)]
        statements += [_statement(one, passage, paragraph) for one in sorted(said, key=_order)]
    numbers = sum(len(paragraph.numbers) for _, paragraph in read)
    return CheckedReport(numbers, tuple(statements), tuple(passage for passage, _ in read))


_BEFORE: Final = 3  # paragraphs in which a total may stand whose parts begin another


def _order(finding: Finding) -> tuple[int, int, str]:
    return finding.start, finding.end, finding.kind


def _findings(
    paragraph: Paragraph, passage: Passage, figures: Sequence[KnownFigure], places: Sequence[str]
) -> list[Finding]:
    if not paragraph.numbers:
        return list(sums.equations(paragraph))
    return list(
        _once(
            (
                *sums.equations(paragraph),
                *sums.parts(paragraph, places),
                *sums.totals(paragraph),
                *sums.named_totals(paragraph),
                *sums.shares_of_whole(paragraph),
                *progress.states(paragraph),
                *progress.rates(paragraph),
                *progress.shares(paragraph),
                *progress.shares_in_order(paragraph),
                *progress.orders(paragraph),
                *changes.changes(paragraph),
                *names.figures_of(paragraph, passage.tags, figures),
            )
        )
    )


def _once(findings: Sequence[Finding]) -> Iterator[Finding]:
    """Yield findings that are about the same numbers once, the surest of them."""
    best: dict[tuple[str, frozenset[int]], Finding] = {}
    for one in findings:
        key = (one.kind, frozenset(number.start for number in one.numbers) or frozenset({-1 - one.start}))
        if key not in best or _SURER[one.verdict] < _SURER[best[key].verdict]:
            best[key] = one
    yield from best.values()


_SURER: Final[dict[Verdict, int]] = {"agrees": 0, "wrong": 1, "suspicious": 2, "unjudged": 3}


_NO_OPERANDS: Final = Text("没有可对照的数", "no numbers to hold it against")


def _unjudged(paragraph: Paragraph, findings: Sequence[Finding]) -> Iterator[Finding]:
    """Yield the percentages and changes that no rule could hold against anything."""
    judged = {number.start for one in findings for number in one.numbers}
    for number in paragraph.numbers:
        if number.start not in judged and (kind := _kind(number)) is not None:
            yield Finding.of(kind, "unjudged", [number], stated=number.text, expected="", why=_NO_OPERANDS)


def _kind(number: Number) -> Kind | None:
    if number.role == "times":
        return "times"
    if number.role == "change" and number.before.endswith("新增"):
        return None  # a count of what is new
    if number.role == "points" or (number.role in {"rate", "change"} and number.falls is not None):
        return "change"
    if number.role == "rate":
        return "rate" if "率" in number.before else "share"
    return None


def _statement(finding: Finding, passage: Passage, paragraph: Paragraph) -> Statement:
    start, end = paragraph.place(finding.start, finding.end)
    return Statement(
        passage.text[start:end],
        finding.kind,
        finding.verdict,
        finding.stated,
        finding.expected,
        finding.why,
        Place(passage.paragraph, start, end, passage.table, passage.row),
        finding.figure,
    )
