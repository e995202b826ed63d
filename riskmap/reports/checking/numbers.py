"""The numbers of a paragraph: each an interval with its unit, the words around it and the part that it plays.

Formatting means nothing: separators of thousands, full-width digits, blanks. What looks like a number and counts nothing
(dates, numbers of documents, titles, slogans, ranges, ordinals) is covered first.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Final, Literal

from riskmap.letters import simplified

Role = Literal["count", "rate", "points", "times", "change", "before", "limit"]


COVER: Final = "◇"  # stands for each character of what is no figure


_PER: Final = "人家处户辆车批班场台艘架栋项件支队条宗架课学"


_UNITS: Final = (
    *(
        "平方公里",
        "平方千米",
        "平方米",
        "立方米",
        "个百分点",
        "个月",
        "个小时",
        "户次",
        "条次",
        "毫米",
        "公里",
        "千米",
        "公顷",
    ),
    *("小时", "分钟", "公斤", "千克", "课时", "学时"),
    *(f"{one}次" for one in _PER),
    *"个处家所起宗例件项条人名户支座台套辆艘架场次期份栋幢间张床米亩元吨天周批轮部只瓶村根口棵株则篇封册块面具箱顶门枚%‰倍",
)


_SAME_UNIT: Final = {
    "名": "人",
    "宗": "起",
    "例": "起",
    "千米": "公里",
    "平方千米": "平方公里",
    "千克": "公斤",
    "幢": "栋",
    "条次": "次",
}


# Units that measure or order, and count nothing that could have parts of ours.
NO_COUNTS: Final = frozenset({"个月", "小时", "个小时", "分钟", "天", "周", "毫米", "米", "轮"})


_WIDE: Final = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {
    ord("〜"): "~",
    ord("∶"): ":",
    ord("﹪"): "%",
    ord("﹢"): "+",
    ord("−"): "-",
    ord("　"): " ",
}


_BLANKS: Final = re.compile(r"[\s\u200b-\u200f\u2060\ufeff]+")


_HAN: Final = "零〇一二两三四五六七八九十百千万"


_D: Final = r"(?:\d{1,3}(?:,\d{3}){1,5}(?!\d)|\d{1,15})(?:\.\d{1,9})?"


_U: Final = "|".join(map(re.escape, sorted(_UNITS, key=len, reverse=True)))


_ANY_DAY: Final = r"\d{1,2}月(?:份|底|初|末|中旬|上旬|下旬)?(?:\d{1,2}[日号])?"


# What is no figure.
_NO_FIGURE: Final = re.compile(
    "|".join(
        (
            r"《[^》]{0,80}》|“[^”]{0,16}”|‘[^’]{0,16}’|「[^」]{0,16}」|\"[^\"]{0,16}\"",  # titles, slogans
            r"[〔\[(]\d{4}[〕\])]\d*号?|(?:\d{1,4}、){0,9}\d{1,6}号",  # numbers of documents
            r"(?<![\d.])(?:19|20)\d\d[-./](?:0?[1-9]|1[0-2])(?:[-./]\d{1,2})?(?![\d.%‰])",  # 2024-11-29
            rf"(?<![\d.])(?:\d{{2,4}}年度?(?!期))?\d{{1,2}}(?:[-—–~至]|到)(?:\d{{2,4}}年)?{_ANY_DAY}",  # 1—9月
            rf"(?<![\d.])(?:\d{{1,2}}、){{0,12}}{_ANY_DAY}|(?<![\d.])(?:[12]\d{{3}}|\d\d)年度?(?!期)|\d{{1,2}}日(?!常)|\d{{1,2}}时(?:\d{{1,2}}分)?",
            r"\d{1,2}:\d\d",
            r"[二两一][〇○零一二三四五六七八九]{3}年度?|[一二三四五六七八九十]{1,3}月(?:份|底|初)?|[一二三四五六七八九十]{1,3}日(?!常)",
            r"\d{1,12}年期|\d{1,12}年行动|近?[\d一二两三四五六七八九十]{1,6}年(?:来|间|内|多)?",
            r"[(][一二三四五六七八九十\d]{1,3}[)]|[一二三四五六七八九十]{1,3}是|(?:^|(?<=[。;\n,]))[一二三四五六七八九十]{1,3}、",
            r"(?:^|(?<=[。;\n]))\d{1,2}(?:\.(?!\d)|、|\))(?:\d{1,2}\.){0,4}",
            r"第[一二三四五六七八九十百\d]{1,8}|[一二三四五六七八九十]{1,3}届[一二三四五六七八九十]{1,3}次",
            rf"(?<![=\d.+])\d{{1,6}}(?:\+[\dNnXx]{{1,6}}){{1,9}}(?!\s*=|[\d.]|{_U}|万|亿)",  # mechanisms: 1+25+10
            r"[两三四五六七八九十\d]{1,2}(?:项|个|类)(?:主要)?(?:指数|指标|数据)",
            r"附件\d{1,12}|表\d{1,12}|图\d{1,12}",
            rf"{_D}[%万]?(?:[-—–~]|至){_D}(?=[万亿]?(?:{_U}))",  # ranges
            rf"每\d*[一二三四五六七八九十]?[百千万亿]{{0,4}}(?:{_U})?",
            r"[A-Za-z]{1,12}[-/]?\d[\d.]{0,12}|\d{1,12}[A-Za-z]{1,12}(?![A-Za-z])|\d{1,12}[*×x]\d{1,12}小?时?",
        )
    )
)


_NUMBER: Final = re.compile(
    r"(?P<vague>约|近|将近|接近|超过|超|逾|不少于|至少|不低于|不足|最多|最高|大约|共计约)?"
    r"(?:"
    rf"(?P<about>{_D})(?P<fuzzy>[余多几])(?P<times>[万亿]{{0,2}})"
    rf"|(?=\d)(?:(?P<zhao>{_D})万亿)?(?:(?P<yi>{_D})亿)?(?:(?P<wan>{_D})万)?(?:(?P<qian>{_D})千(?![米克瓦伏]))?(?P<ones>{_D})?"
    r"|百分之(?P<cent>[零一二三四五六七八九十百点两]{1,12})"
    rf"|(?<![数几上成第{_HAN}])(?P<han>[{_HAN}]{{2,12}}|[两三四五六七八九十](?![个期位种类])|一(?=[处家宗人件支场项条座户名起][、,。;()和及]))(?=[余多]?(?:{_U}))"
    r")"
    rf"(?P<more>[余多])?(?P<unit>{_U})?(?P<limit>[(（]?(?:及以上|以上|以下|以内|以外|左右|上下)|(?<=倍)[多余])?"
)


_SCALE: Final = {"zhao": 10**12, "yi": 10**8, "wan": 10**4, "qian": 10**3, "ones": 1}


_CLAUSE: Final = re.compile(r"[,。;:、()\n!?]")


_ENDS: Final = re.compile(r"[。!?\n]")


_RISES: Final = "上升|增长|增加|提高|提升|上涨|增至|增多|多发|增幅|涨幅|升高|扩大|上浮|新增|净增|偏多|(?:^|(?<=[年期时末]))多"
_FALLS: Final = (
    "下降|减少|降低|下滑|降幅|减幅|回落|少发|缩短|缩小|压减|下浮|压降|净减|偏少|(?:^|(?<=[年期时末]))少"
)


CHANGED: Final = re.compile(
    rf"(?:(?P<rise>{_RISES})|(?P<fall>{_FALLS}))(?:幅度)?(?:了|达到|达|为|约|近|超|率为|率)?$"
)


# What became of persons, by the words before their number; 安置 is what 转移 leads to.
_FATES: Final = {"亡": "亡", "伤": "伤", "被困": "被困", "失踪": "失踪", "转移": "转移", "安置": "转移"}


_WHEN: Final = re.compile(
    r"(?P<last>去年|上年|上月|上季|上一|上周|前年|往年|上期|同期(?=的?为?$|的?[一-龥]{0,3}$)|[较比(]◇{2,9}(?:同期|年?[底末]|期间|时)?[的为是]?$)|今年|本年|本月|本季|本周|本期|当年|当月"
)


_FOLLOWS: Final = frozenset({"", "、", ",", "和", "及", "以及", "与"})


@dataclass(frozen=True, slots=True, eq=False)
class Number:
    """A number as it is printed: somewhere in `low`..`high` of its unit, `step` one unit of its last printed place.

    `start`, `end`: its place in the plain words of its paragraph, `head` where its own words before it begin. `before`,
    `after`: the words around it in its clause, as far as the next number or stop. `exact`: it is not "about" or "more than".
    `sentence`: which one of its paragraph. `earlier`: it is one of last year, or another time before.
    """

    text: str
    value: Fraction
    step: Fraction
    low: Fraction
    high: Fraction
    unit: str
    exact: bool
    start: int
    end: int
    head: int
    before: str
    after: str
    sentence: int
    depth: int
    role: Role
    earlier: bool

    @property
    def label(self) -> str:
        """The words that say what it counts."""
        return self.before or self.after

    @property
    def words(self) -> str:
        """The words on both sides."""
        return f"{self.before}|{self.after}"

    @property
    def counts(self) -> tuple[str, str]:
        """What is counted: the unit, and of persons what happened to them."""
        fates = _FATES if self.unit == "人" else {}
        return self.unit, next((fate for word, fate in fates.items() if word in self.before), "")

    @property
    def falls(self) -> bool | None:
        """Which way the words before it say that something went, None where they say none."""
        found = CHANGED.search(self.before)
        return None if found is None else found["fall"] is not None


def han_number(text: str) -> Fraction | None:
    """Return the value of Chinese numerals (二十一, 一万二千, 七十三点三), None where they are none."""
    whole, point, tail = text.replace("两", "二").replace("〇", "零").partition("点")
    total = section = digit = 0
    last = ""
    for one in whole:
        if one in "零一二三四五六七八九":
            if last and last in "一二三四五六七八九":
                return None  # 三五家: about
            digit = "零一二三四五六七八九".index(one)
        elif one in "十百千":
            section += (digit or 1) * 10 ** ("十百千".index(one) + 1)
            digit = 0
        elif one == "万":
            total += ((section + digit) or 1) * 10_000
            section = digit = 0
        else:
            return None
        last = one
    value = Fraction(total + section + digit)
    if point:
        if not tail or set(tail) - set("零一二三四五六七八九"):
            return None
        value += Fraction(
            int("".join(str("零一二三四五六七八九".index(one)) for one in tail)), 10 ** len(tail)
        )
    return value


class Paragraph:
    """One paragraph: its plain words, in which nothing is formatting, and its numbers.

    `words` are those of `text` without blanks and in half width; what is no figure is covered. `bare` are the same uncovered.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.bare, self._places = _plain(text)
        self.words = _NO_FIGURE.sub(lambda found: COVER * len(found[0]), self.bare)
        self._ends = [found.start() for found in _ENDS.finditer(self.words)]
        self._depths = _depths(self.words)
        self.numbers: tuple[Number, ...] = tuple(self._distributed(list(self._read())))

    @cached_property
    def counts(self) -> tuple[Number, ...]:
        """The numbers that count something."""
        return tuple(one for one in self.numbers if one.role == "count" and one.unit not in NO_COUNTS)

    def sentence(self, number: Number, of: Sequence[Number] | None = None) -> list[Number]:
        """Return the counts (or those `of` the given) of a number's sentence."""
        return [one for one in (self.counts if of is None else of) if one.sentence == number.sentence]

    def sentence_of(self, at: int) -> int:
        """Return which sentence a place is in."""
        return bisect_right(self._ends, at - 1)

    def sentence_start(self, at: int) -> int:
        """Return where the sentence of a place begins."""
        which = self.sentence_of(at)
        return self._ends[which - 1] + 1 if which else 0

    def sentence_end(self, at: int) -> int:
        """Return where the sentence of a place ends."""
        which = self.sentence_of(at)
        return self._ends[which] if which < len(self._ends) else len(self.words)

    def between(self, first: Number, second: Number) -> str:
        """Return the words between two numbers."""
        return self.words[first.end : second.start]

    def depth(self, at: int) -> int:
        """Return in how many brackets a place is."""
        return self._depths[at]

    def place(self, start: int, end: int) -> tuple[int, int]:
        """Return characters of the text for a part of the plain words."""
        return self._places[start], self._places[end - 1] + 1

    def _read(self) -> Iterator[Number]:
        last: Number | None = None
        for found in _NUMBER.finditer(self.words):
            number = self._number(found, last) if found[0] else None
            if number is not None:
                yield number
                last = number

    def _distributed(self, numbers: list[Number]) -> list[Number]:
        """Return the numbers, those behind 分别 each with its own label: 重大、较大分别为0、8个."""
        at = 0 if "分别" in self.words else len(numbers)
        while at < len(numbers):
            first = numbers[at]
            listed = _LABELS.search(self.words[max(0, first.start - 80) : first.start])
            size = 1
            while at + size < len(numbers) and self.between(
                numbers[at + size - 1], numbers[at + size]
            ) in _FOLLOWS - {""}:
                size += 1
            labels = re.split("[、和及与]", listed["labels"]) if listed else []
            if len(labels) == size > 1:
                numbers[at : at + size] = [
                    replace(number, before=label)
                    for number, label in zip(numbers[at : at + size], labels, strict=True)
                ]
            at += size
        return numbers

    def _number(self, found: re.Match[str], last: Number | None) -> Number | None:
        printed = _value(found)
        unit = found["unit"] or ""
        limit = found["limit"] or ""
        end = found.end()
        if printed is None:
            return None
        value, step = printed
        if found["cent"]:
            unit = "%"
        if not unit:
            unit = self._unit_behind(end) or self._unit_of_bracket(found.start(), last)
        if not unit and step == 1:
            return None
        unit = _SAME_UNIT.get(unit, unit)
        exact = not (found["vague"] or found["fuzzy"] or found["more"] or limit)
        whole = step == 1 and unit not in "%‰倍"
        low, high = (value, value) if whole else (value - step / 2, value + step / 2)
        if not exact:
            low, high = value * Fraction(9, 10), value * Fraction(3, 2)
        start = found.start() + len(found["vague"] or "")
        since = 0 if last is None else last.end
        own = self._before(found.start(), since)
        before = own.strip(COVER)
        before = "" if before in _FOLLOWS else before
        gap = self.words[since : found.start()]
        if not before and last is not None and gap in _FOLLOWS:
            before = last.before  # 13支、1,200人: one subject
        after = _CLAUSE.split(self.words[end : end + 24], maxsplit=1)[0]
        after = re.split(r"\d", after, maxsplit=1)[0]
        role, earlier = self._role(unit, before, limit, start=start, last=last)
        return Number(
            text=self.bare[start:end],
            value=value,
            step=step,
            low=low,
            high=high,
            unit=unit,
            exact=exact,
            start=start,
            end=end,
            head=found.start() - len(own),
            before=before,
            after=after.rstrip(COVER),
            sentence=self.sentence_of(start),
            depth=self._depths[start],
            role=role,
            earlier=earlier,
        )

    def _before(self, at: int, since: int) -> str:
        words = self.words[max(since, at - 40) : at]
        return _CLAUSE.split(words)[-1].lstrip(COVER)

    def _unit_behind(self, end: int) -> str:
        """Return the unit of a list of bare numbers: 0、8、2,876、39,404个."""
        found = _LISTED.match(self.words, end)
        return found["unit"] if found else ""

    def _unit_of_bracket(self, start: int, last: Number | None) -> str:
        """Return the unit before a bracket of labels with bare numbers: 12个（重大0、较大12）."""
        if last is None or not self._depths[start] or last.unit in _ROLES:
            return ""
        opening = self.words.rfind("(", max(0, start - 120), start)
        near = last.start > opening or opening - last.end <= _CLOSE
        return last.unit if opening >= 0 and near and _BARE.match(self.words, opening) else ""

    def _role(
        self, unit: str, before: str, limit: str, *, start: int, last: Number | None
    ) -> tuple[Role, bool]:
        """Return the part that a number plays, and whether it is one of an earlier time."""
        gap = None if last is None else self.words[last.end : start]
        clause = re.split(r"[,。;\n]", self.words[max(0, start - 40) : start])[-1]
        told = [found["last"] for found in _WHEN.finditer(clause)]
        follows = last is not None and gap in {"、", "和", "及", ","}
        if re.search("[至到]$", before):
            told = []  # 较上年的45起减少到37起: the second is this year's
        earlier = told[-1] is not None if told else follows and last is not None and last.earlier
        if unit in _ROLES:
            return _ROLES[unit], earlier
        if limit.strip("(") in {"及以上", "以上", "以下", "以内"}:
            return "limit", earlier
        if follows and last is not None and last.role in {"change", "before"}:
            return last.role, earlier  # 减少45起、35人和4人
        if CHANGED.search(before):
            return "change", False
        return ("before" if earlier else "count"), earlier


_CLOSE: Final = 8  # letters between a number and a bracket about it


_BARE: Final = re.compile(
    rf"\((?:其中:?)?(?:[^,。;:、()\d]{{1,12}}{_D}[、,]){{1,12}}[^,。;:、()\d]{{1,12}}{_D}\)"
)


_ROLES: Final[dict[str, Role]] = {"%": "rate", "‰": "rate", "个百分点": "points", "倍": "times"}


_LABELS: Final = re.compile(
    r"(?P<labels>(?:[^,。;:、()\d和及与]{1,14}[、和及与])+[^,。;:、()\d和及与]{1,14}?)分别[^,。;:、()\d]{0,8}$"
)


_LISTED: Final = re.compile(rf"(?:、{_D})*(?:、|和|及|与){_D}(?P<unit>{_U})")


def _plain(text: str) -> tuple[str, list[int]]:
    """Return words without blanks, in half width, and the place of each character in the text."""
    folded = simplified(text.translate(_WIDE))
    kept: list[str] = []
    places: list[int] = []
    at = 0
    for blank in _BLANKS.finditer(folded):
        kept.append(folded[at : blank.start()])
        places.extend(range(at, blank.start()))
        if stands := _what_stands(folded, blank):
            kept.append(stands)
            places.append(blank.start())
        at = blank.end()
    kept.append(folded[at:])
    places.extend(range(at, len(folded)))
    return "".join(kept), places


_GROUP: Final = re.compile(r"\d{3}(?!\d)")


_GROUPED: Final = re.compile(r"(?<![\d.])\d{1,3}(?:[\s,]\d{3}){0,4}$")


def _what_stands(folded: str, blank: re.Match[str]) -> str:
    """Return what is left of a blank: the end of a line, and what keeps two numbers apart."""
    if "\n" in blank[0]:
        return "\n"
    before, after = folded[max(0, blank.start() - 16) : blank.start()], folded[blank.end() : blank.end() + 4]
    if not (before[-1:].isdigit() and after[:1].isdigit()):
        return ""
    return "" if _GROUP.match(after) and _GROUPED.search(before) else " "


def _depths(words: str) -> list[int]:
    depths, depth = [], 0
    for one in words:
        if one == "\n":
            depth = 0
        if one == ")":
            depth = max(0, depth - 1)
        depths.append(depth)
        if one == "(":
            depth += 1
    return [*depths, depth]


def _value(found: re.Match[str]) -> tuple[Fraction, Fraction] | None:
    """Return value and step of what is printed, None where that is no number."""
    if (digits := found["han"] or found["cent"]) is not None:
        value = han_number(digits)
        decimals = len(digits.partition("点")[2])
        return None if value is None else (value, Fraction(1, 10**decimals))
    if (about := found["about"]) is not None:
        scale = {"": 1, "万": 10**4, "亿": 10**8, "万亿": 10**12}.get(found["times"], 1)
        value, step = _printed(about)
        return value * scale, step * scale
    total, last, seen = Fraction(0), Fraction(1), False
    for part, scale in _SCALE.items():
        if (printed := found[part]) is not None:
            value, step = _printed(printed)
            total, last, seen = total + value * scale, step * scale, True
    return (total, last) if seen else None


def _printed(digits: str) -> tuple[Fraction, Fraction]:
    plain = digits.replace(",", "")
    return Fraction(plain), Fraction(1, 10 ** len(plain.partition(".")[2]))
