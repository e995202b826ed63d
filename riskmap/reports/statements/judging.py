"""Whether statements hold: both sides as they are counted, and the records by which they differ."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Final

import numpy as np
import pyarrow as pa

from riskmap.errors import Lang, RiskmapError, Text
from riskmap.json_documents import Document
from riskmap.reports.figures import Engine, FigureValue, rounded
from riskmap.reports.figures.values import number, number_text, plain
from riskmap.reports.statements.definition import BoundStatement, Severity, Statements, Term, terms_of
from riskmap.selection import NOT_STATED

_PRINTED: Final = re.compile(r"\s*(?P<number>[+-−－]?\s*\d[\d,，]*(?:\.\d+)?)\s*(?P<sign>[%％‰]?)\s*")


_NAMED: Final = 100  # records that a sentence names; the document names them all


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a statement: `agrees` None where a side cannot be told, which is never all right.

    `missing`: codes that the left side counts and the right one does not, `doubled`: those that the right one counts
    more than once, `changed`: code → as it was published and as it is. LAYER:CODE where records of several layers are compared.
    """

    id: str
    title: Text
    severity: Severity
    agrees: bool | None
    left: Fraction | None
    right: Fraction | None
    why: Text
    missing: tuple[str, ...] = ()
    doubled: tuple[str, ...] = ()
    changed: Mapping[str, tuple[str, str]] | None = None
    source: str | None = None

    @property
    def blocks(self) -> bool:
        """Whether it keeps from publishing."""
        return self.agrees is not True and self.severity == "block"

    def as_json(self, lang: Lang = "zh") -> Document:
        """Return one statement as documents have it."""
        return {
            "id": self.id,
            "title": self.title.text(lang),
            "severity": self.severity,
            "agrees": self.agrees,
            "left": None if self.left is None else number(plain(self.left)),
            "right": None if self.right is None else number(plain(self.right)),
            "missing": list(self.missing),
            "doubled": list(self.doubled),
            "changed": [
                {"code": code, "before": before, "after": after}
                for code, (before, after) in (self.changed or {}).items()
            ],
            "why": self.why.text(lang),
            **({"source": self.source} if self.source else {}),
        }


_NO_WORDS: Final = Text("", "")


@dataclass(frozen=True, slots=True)
class _Finding:
    """One thing that a statement says, held against the figures."""

    agrees: bool | None
    left: Fraction | None = None
    right: Fraction | None = None
    why: Text = _NO_WORDS
    missing: tuple[str, ...] = ()
    doubled: tuple[str, ...] = ()
    changed: Mapping[str, tuple[str, str]] | None = None


AsPublished = Callable[[str, str], tuple[pa.Table, pa.Table]]
"""Publication and layer → the records as they were published, and as they are now; every column as text."""


def judge(
    statements: Statements, engine: Engine, *, as_published: AsPublished | None = None
) -> list[Verdict]:
    """Return what comes of every statement over the figures of a state and period, in the order of their files.

    `as_published`: what those about a publication are held against; without it they cannot be told.
    """
    found = [_verdict(one, engine, as_published) for one in statements.usable.values()]
    # What cannot be read has not been checked.
    lost = [
        Verdict(one.id, Text(one.id, one.id), "block", None, None, None, one.message)
        for one in statements.failed
    ]
    return [*found, *lost]


def _verdict(bound: BoundStatement, engine: Engine, as_published: AsPublished | None) -> Verdict:
    try:
        findings = list(_findings(bound, engine, as_published))
    except RiskmapError as problem:
        findings = [_Finding(None, why=Text(problem.text("zh"), problem.text("en")))]
    worst = next((one for one in findings if one.agrees is False), None) or next(
        (one for one in findings if one.agrees is None), findings[0]
    )
    return Verdict(
        bound.id,
        bound.title,
        bound.statement.severity,
        worst.agrees,
        worst.left,
        worst.right,
        worst.why,
        worst.missing,
        worst.doubled,
        worst.changed,
        source=bound.statement.source,
    )


def _findings(bound: BoundStatement, engine: Engine, as_published: AsPublished | None) -> Iterator[_Finding]:
    statement = bound.statement
    for pair, at_most in ((statement.equal, False), (statement.at_most, True)):
        if pair is None:
            continue
        members = [None] if statement.by is None else _members(pair, engine)
        for member in members:
            found = _compared(pair, engine, member, at_most=at_most)
            if found.agrees is False and statement.names:
                found = _with_records(found, pair, engine)
            yield found
    if statement.falling is not None:
        yield _falling(statement.falling, engine)
    if statement.partition is not None:
        yield _partition(*statement.partition, engine)
    if statement.printed is not None:
        yield _printed(bound, engine)
    if statement.one_name is not None:
        yield _one_name(statement.one_name, statement.figures, engine)
    if statement.unchanged is not None:
        yield _unchanged(*statement.unchanged, as_published)


def _exact(term: Term, engine: Engine, member: str | None = None) -> Fraction | None:
    """Return what a term comes to, without its sign; None where it cannot be told."""
    if term.number:
        return Fraction(term.number)
    name = term.figure if member is None or term.summed else f"{term.figure}.{member}"
    found = engine.value(name) if term.shift is None else engine.earlier(name, term.shift)
    if not term.summed:
        return found.exact
    parts = [one.exact for one in found.groups or ()]
    return None if None in parts else sum((one for one in parts if one is not None), Fraction(0))


def _side(side: str | float, engine: Engine, member: str | None = None) -> Fraction | None:
    if not isinstance(side, str):
        return Fraction(str(side))
    total = Fraction(0)
    for term in terms_of(side):
        found = _exact(term, engine, member)
        if found is None:
            return None
        total += term.sign * found
    return total


def _members(pair: Sequence[str | float], engine: Engine) -> list[str | None]:
    named: dict[str | None, None] = {}
    for side in pair:
        for term in terms_of(side) if isinstance(side, str) else ():
            for group in engine.value(term.figure).groups or () if term.figure else ():
                named[group.member] = None
    return list(named)


def _compared(pair: Sequence[str | float], engine: Engine, member: str | None, *, at_most: bool) -> _Finding:
    left, right = (_side(side, engine, member) for side in pair)
    if left is None or right is None:
        lost = pair[0] if left is None else pair[1]
        return _Finding(None, left, right, Text(f"{lost}：说不出数", f"{lost}: cannot be told"))
    agrees = left <= right if at_most else left == right
    of = f"{member}：" if member else ""
    gap = number_text(plain(abs(left - right)))
    told = f"{of}{_arithmetic(pair[0], engine, member)} {'≤' if at_most else '='} {_arithmetic(pair[1], engine, member)}"
    if agrees:
        return _Finding(True, left, right, Text(told, told))
    more = Text(f"多 {gap}", f"{gap} more") if left > right else Text(f"少 {gap}", f"{gap} less")
    return _Finding(False, left, right, Text(f"{told}：左边{more.zh}", f"{told}: the left side is {more.en}"))


def _arithmetic(side: str | float, engine: Engine, member: str | None) -> str:
    """Return a side with its numbers: 42,288 (0 + 8 + 2,876 + 39,404)."""
    if not isinstance(side, str):
        return number_text(plain(Fraction(str(side))))
    parts: list[str] = []
    for term in terms_of(side):
        values = (
            [one.exact for one in engine.value(term.figure).groups or ()]
            if term.summed and term.shift is None
            else [_exact(term, engine, member)]
        )
        for value in values:
            told = number_text(None if value is None else plain(value))
            sign = "-" if term.sign < 0 else "+"
            parts += [told] if not parts and term.sign > 0 else [sign, told]
    total = _side(side, engine, member)
    whole = number_text(None if total is None else plain(total))
    return whole if len(parts) < 2 else f"{whole}（{' '.join(parts)}）"


def _with_records(found: _Finding, pair: Sequence[str | float], engine: Engine) -> _Finding:
    """Return a finding with the records that one side counts and the other does not, or counts twice."""
    left, right = (_records(side, engine) for side in pair)
    missing = tuple(sorted((left - right).keys()))
    doubled = tuple(sorted(code for code, n in right.items() if n > max(left[code], 1)))
    more = tuple(sorted((right - left).keys() - set(doubled)))
    words = [found.why]
    for codes, zh, en in (
        (missing, "右边没有", "not on the right"),
        (doubled, "右边重复", "twice on the right"),
        (more, "左边没有", "not on the left"),
    ):
        if codes:
            some = "、".join(codes[:_NAMED]) + ("…" if len(codes) > _NAMED else "")
            words.append(Text(f"{zh}（{len(codes)}）：{some}", f"{en} ({len(codes)}): {some}"))
    why = Text("；".join(one.zh for one in words), "; ".join(one.en for one in words))
    return _Finding(found.agrees, found.left, found.right, why, missing or more, doubled)


def _records(side: str | float, engine: Engine) -> Counter[str]:
    counted: Counter[str] = Counter()
    for term in terms_of(str(side)):
        value = engine.value(term.figure)
        addresses = [one.query for one in value.groups or ()] if term.summed else [value.query]
        for address in addresses:
            for code in engine.codes(address) if address is not None else ():
                counted[code] += term.sign
    return counted


def _falling(words: Sequence[str], engine: Engine) -> _Finding:
    values: list[tuple[str, Fraction | None]] = []
    for word in words:
        found = engine.value(word)
        if len(words) == 1 and found.groups is not None:
            values += [(one.title.zh, one.exact) for one in found.groups]
        else:
            values.append((found.title.zh, found.exact))
    told = " ≥ ".join(f"{title} {number_text(None if v is None else plain(v))}" for title, v in values)
    if any(v is None for _, v in values):
        return _Finding(None, why=Text(f"{told}：有说不出的数", f"{told}: one of them cannot be told"))
    for (before, a), (after, b) in pairwise(values):
        assert a is not None and b is not None  # noqa: PT018
        if b > a:
            return _Finding(
                False, a, b, Text(f"{told}：{after}多于{before}", f"{told}: {after} is more than {before}")
            )
    return _Finding(True, values[0][1], values[-1][1], Text(told, told))


def _partition(layer: str, key: str, engine: Engine) -> _Finding:
    columns = engine.state.columns
    grouping = columns.grouping(layer, key, engine.state.layers[layer].moment)
    last = len(grouping.members) - 1
    stated = grouping.rows[grouping.codes != last] if grouping.members[last] == NOT_STATED else grouping.rows
    many = np.bincount(stated, minlength=columns.size(layer))
    codes = engine.state.snapshot.table(layer)["code"]
    missing = tuple(codes.take(np.flatnonzero(many == 0)).to_pylist())
    doubled = tuple(codes.take(np.flatnonzero(many > 1)).to_pylist())
    n = columns.size(layer)
    agrees = not missing and not doubled
    why = Text(
        f"{n} 条中 {len(missing)} 条不在任何一组，{len(doubled)} 条在几组",
        f"of {n} records {len(missing)} are in no group, {len(doubled)} in several",
    )
    return _Finding(agrees, Fraction(n), Fraction(int(many.sum())), why, missing, doubled)


def read_printed(text: str) -> tuple[Decimal, str] | None:
    """Return a number as it is printed, with its places, and the sign behind it ("%", "‰" or ""); None where it is none."""
    match = _PRINTED.fullmatch(text)
    if match is None:
        return None
    digits = (
        match["number"]
        .replace(",", "")
        .replace("，", "")
        .replace("−", "-")
        .replace("－", "-")
        .replace(" ", "")
    )
    return Decimal(digits), match["sign"].replace("％", "%")


def agrees_as_printed(exact: Fraction, printed: Decimal) -> bool:
    """Return whether a number may be printed like this: rounded half up at its places, or cut off there."""
    exponent = printed.as_tuple().exponent
    places = max(-exponent, 0) if isinstance(exponent, int) else 0
    scaled = abs(exact) * 10**places
    cut = Decimal(scaled.numerator // scaled.denominator).scaleb(-places)
    return abs(printed) in {abs(rounded(exact, places)), cut} and (printed < 0) == (
        exact < 0 and printed != 0
    )


def _printed(bound: BoundStatement, engine: Engine) -> _Finding:
    statement = bound.statement
    text = statement.printed or ""
    found = read_printed(text)
    if found is None:
        return _Finding(None, why=Text(f"{text} 不是数", f"{text} is no number"))
    printed, sign = found
    if statement.change is not None:
        now, then = engine.value(statement.change), engine.earlier(statement.change, statement.against)
        exact = _changed(now, then)
        told = f"{now.text} / {then.text}"
        unit = "%"
    else:
        value = engine.value(statement.is_ or "")
        exact, told, unit = value.exact, value.text, value.unit
    if exact is None:
        return _Finding(None, None, Fraction(printed), Text(f"{told}：说不出数", f"{told}: cannot be told"))
    same_sign = not sign or sign == unit
    agrees = same_sign and agrees_as_printed(exact, printed)
    shown = number_text(rounded(exact, 4).normalize() if exact else Decimal(0))
    word = Text(
        f"印的是 {text}，算得 {shown}{unit}（{told}）", f"printed {text}, it comes to {shown}{unit} ({told})"
    )
    return _Finding(agrees, exact, Fraction(printed), word)


def _changed(now: FigureValue, then: FigureValue) -> Fraction | None:
    if now.exact is None or not then.exact:
        return None
    return (now.exact - then.exact) * 100 / abs(then.exact)


def _one_name(name: str, figures: Sequence[str], engine: Engine) -> _Finding:
    values = [engine.value(one) for one in figures]
    told = "、".join(f"{one.id} {one.text}" for one in values)
    exacts = [one.exact for one in values]
    if None in exacts:
        return _Finding(
            None, why=Text(f"{name}：{told}，有说不出的数", f"{name}: {told}, one cannot be told")
        )
    agrees = len({(one.value, one.unit) for one in values}) == 1
    why = Text(f"{name}：{told}", f"{name}: {told}")
    return _Finding(agrees, exacts[0], exacts[-1], why)


def _unchanged(layer: str, name: str, publication: str, as_published: AsPublished | None) -> _Finding:
    if as_published is None:
        return _Finding(
            None, why=Text(f"没有发布 {publication} 可比", f"no publication {publication} to compare with")
        )
    before, now = as_published(publication, layer)
    column = name if name in before.column_names else f"f:{name}"
    if column not in before.column_names or column not in now.column_names:
        return _Finding(None, why=Text(f"{layer} 没有字段 {name}", f"{layer} has no field {name}"))
    was, there = (dict(zip(t["code"].to_pylist(), t[column].to_pylist(), strict=True)) for t in (before, now))
    missing = tuple(sorted(was.keys() - there.keys()))
    changed = {
        code: (was[code] or "", there[code] or "")
        for code in sorted(was.keys() & there.keys())
        if was[code] != there[code]
    }
    some = "、".join(list(changed)[:_NAMED]) + ("…" if len(changed) > _NAMED else "")
    why = Text(
        f"自 {publication} 以来：{len(changed)} 条改了{f'（{some}）' if changed else ''}，{len(missing)} 条不在了",
        f"since {publication}: {len(changed)} changed{f' ({some})' if changed else ''}, {len(missing)} are gone",
    )
    same = len(was) - len(missing) - len(changed)
    return _Finding(
        not changed and not missing, Fraction(len(was)), Fraction(same), why, missing, (), changed
    )
