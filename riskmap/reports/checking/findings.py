"""What the rules of the checker share: a finding, how a sum or a printed percentage is held against an exact one."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Literal

from riskmap.errors import Text
from riskmap.reports.checking.numbers import Number, Paragraph
from riskmap.values.report_check import Kind, Verdict

Fit = Literal["fits", "near", "off"]


NEAREST: Final = 48  # so many numbers around one are looked at: a list of thousands stays linear


@dataclass(frozen=True, slots=True)
class Finding:
    """A statement in its paragraph: plain words `start` to `end`, the numbers that it binds."""

    kind: Kind
    verdict: Verdict
    stated: str
    expected: str
    why: Text
    start: int
    end: int
    numbers: tuple[Number, ...] = ()
    figure: str | None = None

    @classmethod
    def of(
        cls,
        kind: Kind,
        verdict: Verdict,
        numbers: Sequence[Number],
        *,
        stated: str,
        expected: str,
        why: Text,
        figure: str | None = None,
    ) -> Finding:
        """Return a finding about numbers, from the words before the first to the last."""
        return cls(
            kind,
            verdict,
            stated,
            expected,
            why,
            min(one.head for one in numbers),
            max(one.end for one in numbers),
            tuple(numbers),
            figure,
        )


def shown(value: Fraction, places: int = 4) -> str:
    """Return a number as reports print it: separators of thousands, no more than some decimals, half up."""
    scale = 10**places
    cut = abs(value) * scale
    whole = (2 * cut.numerator + cut.denominator) // (2 * cut.denominator)
    units, decimals = divmod(whole, scale)
    tail = f".{decimals:0{places}d}".rstrip("0").rstrip(".")
    return f"{'-' if value < 0 and whole else ''}{units:,}{tail}"


def percent(value: Fraction, printed: Number) -> str:
    """Return an exact percentage with the places of a printed one, and one more where it has none."""
    places = max(2, len(str(printed.step.denominator)) - 1)
    return f"{shown(value, places)}{printed.unit if printed.unit in '%‰' else '%'}"


def fit(low: Fraction, high: Fraction, printed: Number) -> Fit:
    """Tell how a printed percentage fits an exact one in `low`..`high`.

    "fits": it is rounded half up, or cut off as bureaus do; "near": less than a unit of its last place away.
    """
    value, step = printed.value, printed.step
    if high >= value - step / 2 and low < value + step:
        return "fits"
    return "near" if high > value - step and low < value + step else "off"


def equals(low: Fraction, high: Fraction, total: Number) -> bool:
    """Tell whether a sum in `low`..`high` can be what is printed: itself, rounded, or cut off."""
    if total.low == total.high:
        return low <= total.high and high >= total.low
    return low < total.value + total.step and high >= total.low


def sum_of(numbers: Iterable[Number]) -> tuple[Fraction, Fraction, Fraction]:
    """Return the least, the printed and the greatest sum of numbers."""
    low = value = high = Fraction(0)
    for one in numbers:
        low, value, high = low + one.low, value + one.value, high + one.high
    return low, value, high


def addition(parts: Sequence[Number], total: Number) -> Text:
    """Spell a sum out: 0 + 8 + 2,876 + 39,404 = 42,288，文中 42,336，少 48."""
    _, value, _ = sum_of(parts)
    terms = " + ".join(shown(one.value) for one in parts[:_TERMS]) + (" + …" if len(parts) > _TERMS else "")
    sum_text, stated, off = shown(value), shown(total.value), total.value - value
    low, _, high = sum_of(parts)
    if equals(low, high, total):
        return Text(f"{terms} = {sum_text}", f"{terms} = {sum_text}")
    word = ("少", "less") if off > 0 else ("多", "more")
    return Text(
        f"{terms} = {sum_text}，文中 {stated}，{word[0]} {shown(abs(off))}",
        f"{terms} = {sum_text}, stated {stated}, {shown(abs(off))} {word[1]}",
    )


_TERMS: Final = 12


def runs(paragraph: Paragraph, joints: Sequence[str]) -> Iterator[list[Number]]:
    """Yield the numbers of a paragraph, those of one unit together that are joined by nothing but one of some signs."""
    run: list[Number] = []
    for number in paragraph.numbers:
        if run and (number.unit != run[0].unit or paragraph.between(run[-1], number) not in joints):
            yield run
            run = []
        run.append(number)
    if run:
        yield run


def counts_near(paragraph: Paragraph, number: Number, *, sentences: int = 0) -> list[Number]:
    """Return the counts before a number, nearest last: those of its sentence and of some before."""
    counts = paragraph.counts
    low = bisect_left(counts, number.start, key=lambda one: one.start)
    near = counts[max(0, low - NEAREST) : low]
    return [one for one in near if one.sentence >= number.sentence - sentences]
