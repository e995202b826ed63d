"""Now against then: percentages, points, differences and multiples, and falls by more than all.

The two counts are bound by what stands between them (去年同期26起；由26起降至18起；37起，同比减少8起), and the change by what
stands between it and them. Printed rates are rounded themselves: what is worked out of them is never proven wrong.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

from riskmap.errors import Text
from riskmap.reports.checking.findings import NEAREST, Finding, Fit, fit, runs, shown
from riskmap.reports.checking.numbers import Number, Paragraph
from riskmap.values.report_check import Kind, Verdict

_MOVE: Final = (
    r"(?:事故|火灾|案件)?(?:起数|人数|总数|数量|增幅|降幅|幅度)?(?:上升|增长|增加|提高|提升|上涨|下降|减少|降低|下滑|降幅|增幅|涨幅|减幅|回落|偏多|偏少|多|少)"
    r"(?:幅度)?(?:了|达到|达|为|约|近)?"
)


_SAME: Final = (
    r"[)]?[,(]?(?:事故|火灾)?(?:起数|人数|总数|数量)?(?:与?(?:去年|上年|上月|上季度)?(?:同期|同月)?相?比(?:较)?|同比(?:去年|上年)?|环比(?:上月|上季度)?|"
    r"(?:较|比)(?:去年|上年|上月|上季度|上周)(?:同期)?)?,?(?:事故|火灾)?(?:起数|人数|总数|数量)?"
)


_BOUND: Final = re.compile(_SAME + _MOVE)


_TO_LAST: Final = re.compile(
    _SAME.replace(r"[)]?", "", 1)
    + r"[,(]?(?:而|比|较)?(?:去年|上年|上月|上季度|上周|上一年)?(?:同期|同月|全年)?(?:的|为|是|共?发生|有)*[^,。;\d]{0,4}"
)


_FROM_TO: Final = re.compile(r"[^,。;\d()]{0,8}(?:至|到|[变降增升减改压]为)[^,。;()\d]{0,8}")


_FROM: Final = re.compile(r"(?:由|从(?![业事]))[^,。;\d]{0,14}$")


_AVERAGE: Final = re.compile("均值|均比|平均|前两年|前三年|近三年|近五年|常年|序时|计划|预期")


_YEAR: Final = re.compile(r"(20\d\d)年")


_UNIT_OF_RATES: Final = frozenset({"%", "‰"})


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two counts that a change speaks of; `sure`: the words between them and it are closed."""

    now: Number
    then: Number | None
    then_low: Fraction
    then_high: Fraction
    then_text: str
    sure: bool

    @classmethod
    def of(cls, now: Number, then: Number, *, sure: bool) -> _Pair:
        return cls(now, then, then.low, then.high, then.text, sure)

    @property
    def exact(self) -> bool:
        return self.now.exact and (self.then is None or self.then.exact)


def changes(paragraph: Paragraph) -> Iterator[Finding]:
    """Yield every change that has its two counts, or of which some number of last year must exist."""
    done: set[int] = set()
    for run in _runs_of_changes(paragraph):
        found = _together(paragraph, run)
        done.update(id(one) for one in run if found)
        yield from found
    for number in paragraph.numbers:
        if number.role in {"rate", "points"} and id(number) not in done:
            yield from _change(paragraph, number)
        elif number.role == "change":
            yield from _difference(paragraph, number)
        elif number.role == "times":
            yield from _times(paragraph, number)


def _before(paragraph: Paragraph, number: Number) -> list[Number]:
    """Return the numbers of a sentence before one, the nearest first."""
    at = bisect_left(paragraph.numbers, number.start, key=lambda one: one.start)
    near = paragraph.numbers[max(0, at - NEAREST) : at]
    return [one for one in reversed(near) if one.sentence == number.sentence]


# One percentage


def _change(paragraph: Paragraph, number: Number) -> Iterator[Finding]:
    falls = number.falls
    if falls is None:
        return
    if number.unit == "%" and falls and number.low > 100:
        yield Finding.of(
            "change",
            "wrong",
            [number],
            stated=number.text,
            expected="≤ 100%",
            why=Text("下降不会超过 100%", "nothing falls by more than all"),
        )
        return
    before = _before(paragraph, number)
    since = before[0].end if before else paragraph.sentence_start(number.start)
    around = paragraph.words[max(since, number.start - 40) : number.start]
    if not number.exact or "分别" in around or _AVERAGE.search(around):
        return
    if re.match(rf"[、和]\d+(?:\.\d+)?{number.unit}", paragraph.words[number.end :][:12]):
        return
    pair = _pair(paragraph, number, before) or _pair_behind(paragraph, number)
    if pair is not None:
        found = None if _apart(paragraph, number, pair) else _judged(number, pair, falls=falls)
        if found is not None and found.verdict == "wrong" and _elsewhere(number, before, falls=falls):
            found = None  # another pair beside it gives this percentage
        if found is not None:
            yield found
    elif number.unit == "%" and (found := _whole_number(paragraph, number, before, falls=falls)) is not None:
        yield found


_MONTH: Final = re.compile("环比|上月|上季|上周")


_OF_YEAR: Final = re.compile("同比|去年|上年|同期")


def _apart(paragraph: Paragraph, number: Number, pair: _Pair) -> bool:
    """Tell whether a change is of something else than its pair: 比上月减少8起，同比下降27.8%；人数 of 起."""
    between = paragraph.words[min(pair.now.end, number.start) : number.start]
    if _MONTH.search(between) and _OF_YEAR.search(between):
        return True
    if any(one not in pair.now.words for one in re.findall("事故|火灾", between)):
        return True
    named = re.search("(人数|起数)[^,;\\d]*$", between)
    return named is not None and (named[1] == "人数") != (pair.now.unit == "人")


def _elsewhere(number: Number, before: Sequence[Number], *, falls: bool) -> bool:
    """Tell whether some other two numbers of the sentence give a percentage."""
    near = [one for one in before[:12] if one.role in {"count", "before", "change"} and one.low > 0]
    sign = -1 if falls else 1
    for now in near:
        for other in near:
            if other is now or other.unit != now.unit:
                continue
            if now.role == "change":
                continue
            pairs = [(now.value, other.value)]
            if other.role == "change":  # the count may be the one of now, or of then
                pairs = [
                    (now.value, now.value - sign * other.value),
                    (now.value + sign * other.value, now.value),
                ]
            for late, early in pairs:
                moved = sign * 100 * (late / early - 1) if early > 0 else None
                if moved is not None and fit(moved, moved, number) == "fits":
                    return True
    return False


def _pair(paragraph: Paragraph, number: Number, before: Sequence[Number]) -> _Pair | None:
    """Return the two counts of a change, None where the words bind none."""
    if not before:
        return None
    first = before[0]
    if first.role == "change":
        return _pair_by_difference(paragraph, number, before)
    if len(before) < 2 or first.role == "points":
        return None
    if _is_base(paragraph, first, number):
        return _pair_of_base(paragraph, before)
    if (name := _name_before_bracket(paragraph, number, before[0])) is not None:
        return _pair_of_name(number, before, name)
    late, early = before[0], before[1]
    if late.unit != early.unit or late.role == "change" or early.role == "change":
        return None
    tail = _BOUND.fullmatch(paragraph.between(late, number)) is not None
    if _FROM.search(early.before) and _FROM_TO.fullmatch(paragraph.between(early, late)):
        return _Pair.of(late, early, sure=tail)
    years = [_year_before(paragraph, one) for one in (late, early)]
    if None not in years and years[0] != years[1]:
        return _pair_of_years(paragraph, late, early, tail=tail)
    if late.earlier and not early.earlier:
        bound = _TO_LAST.fullmatch(paragraph.between(early, late)) is not None
        return _Pair.of(early, late, sure=tail and bound)
    if early.earlier and not late.earlier:
        bound = (
            re.fullmatch(r"[^,。;\d]{0,8}[,;]?[^,。;\d]{0,10}", paragraph.between(early, late)) is not None
        )
        return _Pair.of(late, early, sure=tail and bound and _NOW.search(late.before) is not None)
    if paragraph.between(early, late) == "(" and re.match(
        r"\)[,]?(?:同比|环比)?" + _MOVE, paragraph.words[late.end :][:16]
    ):
        return _Pair.of(early, late, sure=True)
    return _pair_of_years(paragraph, late, early, tail=tail)


# What a bracket with the count of then stands behind, and what behind it leads to the change.
_AGAINST: Final = re.compile(r"(?:[与和同跟较比]|相比|对比)[^,。;()\d]{1,14}$")


_BASE_TO_MOVE: Final = re.compile(r"\)(?:相?比(?:较)?|同期|的)?,?(?:同比)?(?:分别|均|各)?" + _MOVE)


def _is_base(paragraph: Paragraph, then: Number, change: Number) -> bool:
    """Tell whether a count is the one that a change is said against: 较“山竹”期间（57处）减少66.7%."""
    opening = paragraph.words.rfind("(", 0, then.start)
    return (
        then.depth == change.depth + 1
        and _AGAINST.search(paragraph.words[max(0, opening - 16) : opening]) is not None
        and _BASE_TO_MOVE.fullmatch(paragraph.between(then, change)) is not None
    )


_RIGHT_BEFORE: Final = re.compile(r"[^,。;\d]{0,10}[,(]?[与和同跟较比][^,。;()\d]{1,14}\(")


def _pair_of_base(paragraph: Paragraph, before: Sequence[Number]) -> _Pair | None:
    """Return the count in the bracket of a change, the first of those before, with the nearest of its unit."""
    then = before[0]
    now = next(
        (
            one
            for one in before[1:]
            if one.unit == then.unit and one.role == "count" and one.depth < then.depth
        ),
        None,
    )
    if now is None:
        return None
    near = _RIGHT_BEFORE.fullmatch(paragraph.between(now, then)) is not None
    return _Pair.of(now, then, sure=near and now is before[1])


_NOW: Final = re.compile("今年|本年|本月|(?:减少|下降|增加|上升|降|升|增|减)[至到]$")


def _pair_behind(paragraph: Paragraph, number: Number) -> _Pair | None:
    """Return the counts that stand behind their change: 增长14.3%（由280宗增至320宗）；（2023年26起、2024年18起）."""
    at = bisect_left(paragraph.numbers, number.end, key=lambda one: one.start)
    behind = [one for one in paragraph.numbers[at : at + 2] if one.sentence == number.sentence]
    if len(behind) < 2 or behind[0].unit != behind[1].unit or behind[0].unit in _UNIT_OF_RATES:
        return None
    first, second = behind
    lead = paragraph.between(number, first)
    if re.fullmatch(r"[,(]即?[^,。;()\d]{0,4}(?:由|从)[^,。;()\d]{0,10}", lead) and _FROM_TO.fullmatch(
        paragraph.between(first, second)
    ):
        return _Pair.of(second, first, sure=True)
    if not lead.startswith("(") or re.search("[,。;]", lead) or second.depth != first.depth:
        return None
    years = [_year_before(paragraph, one) for one in (first, second)]
    if None in years or years[0] == years[1]:
        return None
    now, then = (second, first) if (years[1] or 0) > (years[0] or 0) else (first, second)
    return _Pair.of(now, then, sure=True)


_AFTER_BRACKET: Final = re.compile(r"\),?(?:同比|环比)?" + _MOVE)


_NAME_OF: Final = {"起": "起数|事故|火灾|警情|案件", "人": "人数|死亡|受伤|人员", "元": "损失|投入|资金|罚款"}


_ANY_NAME: Final = re.compile(
    "事故|起数|人数|总数|总量|数量|数|同比|环比|的|全[区市]|新区|生产安全|死亡|受伤|亡人|伤人|较去年|与去年相比"
)


def _name_before_bracket(paragraph: Paragraph, number: Number, then: Number) -> str | None:
    """Return the name before a bracket with last year's count and the change behind it: 事故起数（去年128起）上升1.6%."""
    if not then.earlier or not _AFTER_BRACKET.fullmatch(paragraph.between(then, number)):
        return None
    opening = paragraph.words.rfind("(", 0, then.start)
    name = re.split(r"[,。;:、]", paragraph.words[max(0, opening - 16) : opening])[-1]
    return None if not name or re.search(r"\d", name) else name


def _pair_of_name(number: Number, before: Sequence[Number], name: str) -> _Pair | None:
    """Return last year's count with this year's, which stands in a list before: 事故130起、受伤23人，…."""
    then = before[0]
    fate = next((one for one in ("亡", "伤") if one in name), "")
    same = [
        one
        for one in before[1:]
        if one.depth == number.depth and one.role == "count" and one.unit == then.unit and fate in one.before
    ]
    if not same:
        return None
    rest = _ANY_NAME.sub("", name)
    if rest and rest not in same[0].before:
        return None  # 较大事故起数 of all accidents
    named = re.search(_NAME_OF.get(then.unit, "$^"), name) is not None
    return _Pair.of(same[0], then, sure=named and len(same) == 1)


def _pair_of_years(paragraph: Paragraph, late: Number, early: Number, *, tail: bool) -> _Pair | None:
    this, last = (_year_before(paragraph, one) for one in (late, early))
    if this is None or last is None or this == last:
        listed = _YEAR.findall(paragraph.bare[max(0, early.start - 40) : early.start])
        if len(listed) < 2 or "分别" not in paragraph.words[max(0, early.start - 16) : early.start]:
            return None
        this, last = int(listed[-1]), int(listed[-2])
    if _noun(late) != _noun(early) and _noun(late):
        return None  # 2024年新增，2023年关闭: two things
    now, then = (late, early) if this > last else (early, late)
    return _Pair.of(now, then, sure=tail)


def _noun(number: Number) -> str:
    return re.sub(r"[◇的]|全[区市年]|共?发生|达?到|为|分别|由|从|自", "", number.before)


def _year_before(paragraph: Paragraph, number: Number) -> int | None:
    found = _YEAR.findall(paragraph.bare[max(0, number.start - 16) : number.start])
    return int(found[-1]) if found else None


def _pair_by_difference(paragraph: Paragraph, number: Number, before: Sequence[Number]) -> _Pair | None:
    """Return the counts of 37起，同比减少8起，下降17.8%: this year's, and this year's with the difference."""
    difference = before[0]
    if difference.falls is None or difference.falls != number.falls:
        return None
    bound = _BOUND.fullmatch(paragraph.between(difference, number)) is not None
    same = [one for one in before[1:] if one.role in {"count", "before"} and one.unit == difference.unit]
    same = [one for one in same if not difference.counts[1] or one.counts == difference.counts]
    if same and (same[0] is before[1]) and (same[0].earlier or _is_base(paragraph, same[0], difference)):
        return _pair_from_base(same[0], difference, sure=bound)
    last = next((one for one in same[:2] if one.earlier), None)
    now = next((one for one in same if not one.earlier), None)
    if now is None or not bound:
        return None
    if last is not None and last.start > now.start:
        return _Pair.of(now, last, sure=False)
    sign = 1 if difference.falls else -1
    low, high = now.low + sign * difference.low, now.high + sign * difference.high
    tied = _BOUND.fullmatch(paragraph.between(now, difference)) is not None
    return _Pair(
        now,
        difference,
        low,
        high,
        shown(now.value + sign * difference.value),
        tied,
    )


def _pair_from_base(then: Number, difference: Number, *, sure: bool) -> _Pair:
    """Return then and, by the difference, now: 与上年底（41,907处）相比增加429处，增长1.02%."""
    sign = -1 if difference.falls else 1
    now = replace(
        difference,
        text=shown(then.value + sign * difference.value),
        value=then.value + sign * difference.value,
        low=then.low + sign * difference.low,
        high=then.high + sign * difference.high,
    )
    return _Pair.of(now, then, sure=sure)


def _judged(number: Number, pair: _Pair, *, falls: bool) -> Finding | None:
    """Return how a printed change fits its two counts, None where these are only about."""
    if pair.then_low <= 0 or not pair.exact:
        return None
    now, sign = pair.now, -1 if falls else 1
    rates = now.unit in _UNIT_OF_RATES
    if number.unit == "个百分点" and not rates:
        return _no_points(number, pair, falls=falls)
    low, high, exact = _moved(number, pair)
    low, high = sorted((sign * low, sign * high))
    if rates:  # they are rounded themselves: what is printed is compared
        low = high = sign * exact
    fits: Fit = fit(low, high, number)
    verdict: Verdict = "agrees" if fits == "fits" else "suspicious"
    if fits == "off" and pair.sure and not rates:
        verdict = "wrong"
    if rates and number.unit == "个百分点" and abs(sign * exact - number.value) < number.step:
        verdict = "agrees"
    why = Text(f"{pair.then_text} → {now.text}", f"{pair.then_text} → {now.text}")
    if rates and number.unit == "%" and _is_points(number, pair, sign):
        verdict = "suspicious"
        why = Text(f"{why.zh}，相差的是百分点", f"{why.en}, a difference in percentage points")
    unit = number.unit if number.unit == "个百分点" else "%"
    stated = f"{'-' if falls else '+'}{number.text}"
    expected = f"{'+' if exact > 0 else ''}{shown(exact, _places(number))}{unit}"
    numbers = [one for one in (pair.then, now, number) if one is not None]
    return Finding.of("change", verdict, numbers, stated=stated, expected=expected, why=why)


def _no_points(number: Number, pair: _Pair, *, falls: bool) -> Finding | None:
    """Return that counts do not change by percentage points, where the percentage would fit."""
    sign = -1 if falls else 1
    low, high = sorted(
        sign * 100 * (one / other - 1)
        for one, other in ((pair.now.low, pair.then_high), (pair.now.high, pair.then_low))
    )
    if fit(low, high, number) != "fits":
        return None
    return Finding.of(
        "change",
        "suspicious",
        [one for one in (pair.then, pair.now, number) if one is not None],
        stated=number.text,
        expected=number.text.replace("个百分点", "%"),
        why=Text("数量之比是百分之几，不是百分点", "counts change by per cent, not by percentage points"),
    )


def _places(number: Number) -> int:
    return max(1, len(str(number.step.denominator)) - 1)


def _moved(number: Number, pair: _Pair) -> tuple[Fraction, Fraction, Fraction]:
    """Return the least, the greatest and the printed change from then to now."""
    now = pair.now
    then = (pair.then_low + pair.then_high) / 2
    if number.unit == "个百分点":
        return now.low - pair.then_high, now.high - pair.then_low, now.value - then
    return (
        100 * (now.low / pair.then_high - 1),
        100 * (now.high / pair.then_low - 1),
        100 * (now.value / then - 1),
    )


def _is_points(number: Number, pair: _Pair, sign: int) -> bool:
    then = (pair.then_low + pair.then_high) / 2
    return abs(sign * (pair.now.value - then) - number.value) < number.step


# A change with no base


_MOST: Final = 5000


def _whole_number(
    paragraph: Paragraph, number: Number, before: Sequence[Number], *, falls: bool
) -> Finding | None:
    """Return whether a whole number of last year gives a percentage of a count: 7起，同比下降45%."""
    run: list[Number] = []
    for one in before:
        if one.role != "count" or ";" in paragraph.between(one, number):
            break
        run.append(one)
    if not run or re.search("率|占|均|指数|值|面积", number.before):
        return None
    if len(run) == 1 and not re.fullmatch(r"[^,]*" + _SAME + _MOVE, paragraph.between(run[0], number)):
        return None
    fitting: list[int] = []
    for one in run[:4]:
        found = _last_years(one, number, falls=falls)
        if found is None:
            return None
        fitting += found
    return _of_no_base(fitting, [*reversed(run[:4]), number])


def _of_no_base(fitting: Sequence[int], numbers: Sequence[Number]) -> Finding:
    """Return what is said of a percentage, the last of `numbers`, by the whole numbers of last year that give it."""
    spelt = "、".join(map(str, fitting[:3]))
    why = (
        Text(f"上年为 {spelt} 时相符", f"fits where last year's was {spelt}")
        if fitting
        else Text("没有哪个上年整数得出这个百分比", "no whole number of last year gives this percentage")
    )
    verdict: Verdict = "agrees" if fitting else "suspicious"
    return Finding.of("integer", verdict, numbers, stated=numbers[-1].text, expected=spelt or "—", why=why)


def _last_years(count: Number, number: Number, *, falls: bool) -> list[int] | None:
    """Return the whole numbers of last year that give a percentage, None where too many would."""
    ratio = 1 + (-1 if falls else 1) * number.value / 100
    if not count.exact or count.low != count.high or ratio <= 0 or count.value.denominator != 1:
        return None
    guess = count.value / ratio
    if guess > _MOST:
        return None
    reach = guess * number.step / 50 / ratio
    sign = -1 if falls else 1
    span = range(max(1, int(guess - reach) - 1), int(guess + reach) + 3)
    found = []
    for last in span:
        moved = sign * 100 * (count.value / last - 1)
        if fit(moved, moved, number) == "fits":
            found.append(last)
    return found


# Several changes in the order of the counts


def _runs_of_changes(paragraph: Paragraph) -> Iterator[list[Number]]:
    """Yield percentages joined by 、 behind one word of change: 下降16%、13.6%."""
    for run in runs(paragraph, ("、", "和", "及")):
        if len(run) > 1 and run[0].role == "rate" and run[0].falls is not None:
            yield run


def _together(paragraph: Paragraph, run: Sequence[Number]) -> list[Finding]:
    """Return the changes of a run held against counts and differences in the same order, none where they do not pair."""
    falls = run[0].falls
    before = _before(paragraph, run[0])
    around = paragraph.words[max(0, run[0].start - 40) : run[0].start]
    if falls is None or _AVERAGE.search(around) or not all(one.exact for one in run):
        return []
    size = len(run)
    differences = before[:size][::-1] if [one.role for one in before[:size]] == ["change"] * size else []
    rest = before[len(differences) :]
    counts = rest[:size][::-1]
    if len(counts) == size and all(
        one.earlier or (_is_base(paragraph, counts[-1], run[0]) and one.depth == counts[-1].depth)
        for one in counts
    ):
        return [] if differences else _against_bases(paragraph, run, counts, rest[size : 2 * size][::-1])
    nows = rest[size : 2 * size][::-1]
    if len(nows) == size == len(counts) and not differences and (years := _years(paragraph, nows, counts)):
        thens, late = (nows, counts) if years[0] < years[1] else (counts, nows)
        return _against_bases(paragraph, run, thens, late)
    if len(counts) < size or any(one.role != "count" or one.depth != run[0].depth for one in counts):
        return []
    if (
        len(rest) > size
        and rest[size].role == "count"
        and paragraph.between(rest[size], counts[0]) in {"、", "和"}
    ):
        return []  # a longer list of counts
    if differences:
        if [one.counts[0] for one in differences] != [one.counts[0] for one in counts] or differences[
            0
        ].falls != falls:
            return []
        bound = _BOUND.fullmatch(paragraph.between(counts[-1], differences[0])) is not None
        bound = (
            bound
            and re.fullmatch(
                r",?(?:同比|事故)?(?:起数|人数)?(?:分别)?" + _MOVE.replace("(?:了", "(?:分别|了"),
                paragraph.between(differences[-1], run[0]),
            )
            is not None
        )
        sign = 1 if falls else -1
        found = []
        for count, difference, number in zip(counts, differences, run, strict=True):
            low, high = count.low + sign * difference.low, count.high + sign * difference.high
            pair = _Pair(
                count,
                difference,
                low,
                high,
                shown(count.value + sign * difference.value),
                bound,
            )
            if (judged := _judged(number, pair, falls=falls)) is not None:
                found.append(judged)
        return found
    between = paragraph.between(counts[-1], run[0])
    if not re.fullmatch(r"[^,。;\d]{0,8}" + _SAME + r"(?:分别|均)?" + _MOVE + "?", between):
        return []
    found = []
    for count, number in zip(counts, run, strict=True):
        fitting = _last_years(count, number, falls=falls)
        if fitting is None:
            continue
        found.append(_of_no_base(fitting, [count, number]))
    return found


def _years(paragraph: Paragraph, first: Sequence[Number], second: Sequence[Number]) -> tuple[int, int] | None:
    """Return the years of two lists of counts, None where one has none, or several, or both have one."""
    found = [{_year_before(paragraph, one) for one in some[:1]} for some in (first, second)]
    years = [one for some in found for one in some if one is not None]
    return (years[0], years[1]) if len(years) == len(found) and years[0] != years[1] else None


def _against_bases(
    paragraph: Paragraph, run: Sequence[Number], thens: Sequence[Number], nows: Sequence[Number]
) -> list[Finding]:
    """Return the changes of counts from those of then, one by one: 104起、37人，与上年（118起、43人）相比，分别下降…."""
    if [one.unit for one in nows] != [one.unit for one in thens] or any(one.role != "count" for one in nows):
        return []
    falls = bool(run[0].falls)
    sure = (
        _RIGHT_BEFORE.fullmatch(paragraph.between(nows[-1], thens[0])) is not None
        and _is_base(paragraph, thens[-1], run[0])
        and not any(one.earlier for one in nows)
    )
    found = (
        _judged(number, _Pair.of(now, then, sure=sure), falls=falls)
        for number, now, then in zip(run, nows, thens, strict=True)
    )
    return [one for one in found if one is not None]


# Differences and multiples


def _difference(paragraph: Paragraph, number: Number) -> Iterator[Finding]:
    """Yield a difference of two counts that both stand there: 18起，去年同期26起，减少8起."""
    falls = number.falls
    before = _before(paragraph, number)
    if falls is None or not number.exact or len(before) < 2:
        return
    same = [one for one in before[:2] if one.unit == number.unit and one.role in {"count", "before"}]
    if len(same) < 2:
        return
    pair = _pair(paragraph, number, same)
    if pair is not None and not (
        _BOUND.fullmatch(paragraph.between(before[0], number)) and not _apart(paragraph, number, pair)
    ):
        return
    if pair is None or pair.then is None or not pair.now.exact or not pair.then.exact:
        return
    if re.search("新增|其中", paragraph.between(pair.now, number) + number.before):
        return
    sign = -1 if falls else 1
    low, high = sorted((sign * (pair.now.low - pair.then_high), sign * (pair.now.high - pair.then_low)))
    agrees = low <= number.high and high >= number.low
    moved = pair.now.value - pair.then.value
    why = Text(f"{pair.then_text} → {pair.now.text}", f"{pair.then_text} → {pair.now.text}")
    yield Finding.of(
        "change",
        "agrees" if agrees else "wrong" if pair.sure else "suspicious",
        [pair.now, pair.then, number],
        stated=f"{'-' if falls else '+'}{number.text}",
        expected=f"{'+' if moved > 0 else ''}{shown(moved)}{number.unit}",
        why=why,
    )


_MULTIPLE: Final = re.compile(
    r"[^,。;\d]{0,4}[,]?(?:约)?(?:是|为|达|相当于)(?:去年|上年|上月|去年同期|同期)?[^,。;\d]{0,8}"
)


def _times(paragraph: Paragraph, number: Number) -> Iterator[Finding]:
    """Yield a multiple of two counts: 1,200次，是去年400次的3倍；由2起增至6起，增长2倍."""
    before = _before(paragraph, number)
    if len(before) < 2 or not number.exact:
        return
    late, early = before[0], before[1]
    if late.unit != early.unit or "change" in {late.role, early.role} or late.low <= 0 or early.low <= 0:
        return
    tail = paragraph.between(late, number)
    if re.fullmatch(r"[^,。;\d]{0,8}的", tail) and _MULTIPLE.fullmatch(paragraph.between(early, late)):
        now, then, grown = early, late, False
    elif (
        number.falls is False
        and (pair := _pair(paragraph, number, before)) is not None
        and pair.then is not None
    ):
        now, then, grown = pair.now, pair.then, not re.search("增至|到$", number.before)
    else:
        return
    less = 1 if grown else 0
    low, high = now.low / then.high - less, now.high / then.low - less
    value, step = number.value, number.step
    exact = now.value / then.value - less
    fits = low < value + step / 2 and high >= value - step / 2
    near = low < value + step and high > value - step
    if not (now.exact and then.exact):
        return
    sure = True
    if grown and low + 1 < value + step and high + 1 >= value - step / 2:
        sure = False  # 增长3倍 for what is three times as much
    verdict: Verdict = "agrees" if fits else "suspicious" if near or not sure else "wrong"
    kind: Kind = "times"
    spelt = f"{shown(now.value)} ÷ {shown(then.value)}{' − 1' if grown else ''} = {shown(exact, 2)}"
    yield Finding.of(
        kind,
        verdict,
        [now, then, number],
        stated=number.text,
        expected=f"{shown(exact, 2)}倍",
        why=Text(spelt, spelt),
    )
