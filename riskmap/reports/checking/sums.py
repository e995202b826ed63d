"""Sums: an equation, a total and its parts, numbers and their total, shares of a whole.

A sum is wrong only where its list is closed: an 其他, 由…组成, all members of a family (the four tiers, red to blue), or a
total right behind its terms. In an open list the parts may overlap or be some of several.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from typing import Final

from riskmap.errors import Text
from riskmap.reports.checking.findings import (
    NEAREST,
    Finding,
    addition,
    counts_near,
    equals,
    shown,
    sum_of,
)
from riskmap.reports.checking.numbers import CHANGED, COVER, Number, Paragraph
from riskmap.values.report_check import Verdict

# Families


@dataclass(frozen=True, slots=True)
class Family:
    """Words for members of one family that do not overlap, each a pattern.

    `whole`: those that are all of it together; `usual`: those that mostly are. `of`: what they are all of, where only of that.
    `levels`: of administration, where one inspection, person or honour may be of two.
    """

    members: tuple[str, ...]
    whole: frozenset[int] = frozenset()
    of: str = ""
    usual: frozenset[int] = frozenset()
    levels: bool = False


_UNRATED: Final = "未评|未定|待评|未分级|未分类|不详"


FAMILIES: Final = (
    Family(
        ("特别重大|特大", "重大", "较大|Ⅱ级风险", "一般", r"低(?=风险|等级|级|度|$|的)", _UNRATED),
        frozenset({1, 2, 3, 4}),
    ),
    Family(("重大", "一般", _UNRATED), frozenset({0, 1}), "隐患|问题"),
    Family(tuple(rf"{one}(?=色|等级|级|预警|$|的)" for one in "红橙黄蓝白"), frozenset(range(4))),
    Family(("室内", "室外"), frozenset({0, 1})),
    Family(("男", "女"), frozenset({0, 1})),
    Family(("不合格|不达标", "(?<!不)(?:合格|达标)"), frozenset({0, 1})),
    Family(("上半年", "下半年"), frozenset({0, 1})),
    Family(tuple(f"{one}季度" for one in "一二三四"), frozenset(range(4))),
    Family(("自然灾害", "事故灾难", "公共卫生", "社会安全"), frozenset(range(4))),
    Family(("日间|白天", "夜间|夜晚|晚上"), usual=frozenset({0, 1})),
    Family(("死亡|亡", "受伤|伤"), usual=frozenset({0, 1})),
    Family(("专业", "社会|志愿"), usual=frozenset({0, 1})),
    Family(("大型", "中型", "小型", "微型"), usual=frozenset({0, 1, 2})),
    Family((*"甲乙丙丁",), usual=frozenset({0, 1, 2})),
    Family(tuple(f"{one}(?:类|级|期|批|档)" for one in "一二三四五"), usual=frozenset({0, 1, 2})),
    Family((*"ⅠⅡⅢⅣ",), usual=frozenset(range(4))),
    Family(
        (
            "中央|国家",
            "省级|省属|省",
            "市级|市属|市",
            "区级|区属",
            "县级",
            "街道|镇级|乡镇",
            "社区|村",
            "企业",
        ),
        levels=True,
    ),
)


# Levels of which one thing may have two: a model community of the nation is one of the province, too.
_HONOURS: Final = re.compile("国家|中央|省|市级|示范|先进|文明|称号|达标|创建")


_PLACE: Final = re.compile(r"^[^,]{1,8}?(?:街道|镇|乡)")


_DOING: Final = re.compile(
    "检查|巡查|排查|走访|执法|演练|培训|开展|发现|出动|督导|参加|参与|联合|巡护|派出|组织"
)


@dataclass(frozen=True, slots=True)
class Members:
    """What labels are to one another: different members of one family, and whether they are all of it."""

    distinct: bool = False
    complete: bool = False
    usual: bool = False
    levels: bool = False
    left: tuple[str, ...] = ()  # the labels without the words of the family


def members_of(labels: Sequence[str], whole: str, places: Sequence[str] = ()) -> Members:
    """Return what the labels of the parts of a `whole` are to one another."""
    if _all_differ(found := [_known_place(one, places) for one in labels]):
        return Members(True, bool(places) and len(found) == len(places), usual=False)
    for family in FAMILIES:
        if family.of and not re.search(family.of, whole):
            continue
        hits = [_member(one, family) for one in labels]
        if _all_differ([None if one is None else str(one[0]) for one in hits]):
            which = {one[0] for one in hits if one is not None}
            left = tuple(one[1] for one in hits if one is not None)
            complete, usual = (bool(some) and some <= which for some in (family.whole, family.usual))
            return Members(True, complete, usual, family.levels, left)
    return Members()


def _all_differ(found: Sequence[str | None]) -> bool:
    return None not in found and len(set(found)) == len(found) > 1


def _known_place(label: str, places: Sequence[str]) -> str | None:
    known = next((one for one in places if one in label), None)
    if known is not None:
        return known
    found = _PLACE.match(label.removeprefix("其中"))
    return found[0] if found and len(found[0]) > len("街道") else None


@lru_cache(maxsize=4096)
def _member(label: str, family: Family) -> tuple[int, str] | None:
    """Return which member a label names, and the label without that word; the longest word is meant."""
    for at, words in enumerate(family.members):
        if found := re.search(words, label):
            return at, label[: found.start()] + label[found.end() :]
    return None


# Equations


_EQUATION: Final = re.compile(
    r"(?<![\d.+,])(?P<left>\d[\d,.]*)[^\d=+,。;]{0,4}=(?P<right>\d[\d,.]*[^\d=+,。;]{0,4}(?:\+\d[\d,.]*[^\d=+,。;]{0,4})+)"
    r"|(?<![\d.+,=])(?P<terms>\d[\d,.]*[^\d=+,。;]{0,4}(?:\+\d[\d,.]*[^\d=+,。;]{0,4}){1,20})=(?P<sum>\d[\d,.]*)"
)


_TERM: Final = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")


def equations(paragraph: Paragraph) -> Iterator[Finding]:
    """Yield what is written as an equation: 169=13+24+125+7."""
    for found in _EQUATION.finditer(paragraph.words):
        total = found["left"] or found["sum"]
        terms = _TERM.findall((found["right"] or found["terms"]).replace(COVER, ""))
        stated = Fraction(_TERM.findall(total)[0].replace(",", ""))
        made = sum((Fraction(one.replace(",", "")) for one in terms), Fraction(0))
        units = set(re.findall("[万亿千%]", found[0]))
        if units or "分" in found[0] or "比" in found[0]:
            continue
        spelt = " + ".join(terms) + f" = {shown(made)}"
        right = made == stated
        yield Finding(
            "equation",
            "agrees" if right else "wrong",
            total,
            shown(made),
            Text(spelt, spelt)
            if right
            else Text(f"{spelt}，文中 {shown(stated)}", f"{spelt}, stated {shown(stated)}"),
            found.start(),
            found.end(),
        )


# A total and its parts


_OPENS: Final = re.compile(
    r"其中|由(?=[^。,]{0,12}\d[^。]{0,120}?(?:组成|构成))|[(]|包括|包含|分为|(?<=\D):|——|分别(?:为|是|有)|(?:按|分|从)[^,。;()\d]{1,8}(?:来看|上看|看|划?分)(?=[,:有])"
)


_STOPS: Final = re.compile(
    r"。|其中|合计|共计|总计|(?<=,)[^,。;]{0,4}共(?=\d)|排名|最少|最多|另有|另外|此外|,经|,因|,与|同比|[!?\n]"
)


_REST: Final = re.compile("其他|其它|其余|剩余|余下|另外")


_ALL: Final = re.compile("共|合计|总|累计|全[区市县省镇年]")


_DONE_OR_OPEN: Final = re.compile("已|完成|整改|销号|办结|治理|正在|未|推进|跟进|待")


def parts(paragraph: Paragraph, places: Sequence[str]) -> Iterator[Finding]:
    """Yield what totals and the parts behind them say: 160处。其中室内101处、室外59处."""
    judged: set[int] = set()
    for opened in _OPENS.finditer(paragraph.words):
        for found in _side_by_side(list(_opened(paragraph, opened, places))):
            judged.update(id(one) for one in found.numbers)
            yield found
    yield from _unopened(paragraph, places, judged)


def _side_by_side(found: Sequence[Finding]) -> Iterator[Finding]:
    """Yield what one list says of several totals: where all of one stands in it, all of the others should.

    事故23起、死亡19人。其中道路交通17起、死亡14人，工矿商贸6起、死亡5人.
    """
    whole = {len(one.numbers) for one in found if one.verdict == "agrees"}
    for one in found:
        total, *items = one.numbers
        listed = len(one.numbers) in whole or (bool(whole) and sum_of(items)[0] > total.high)
        doubted = one.verdict == "unjudged" and listed and all(number.exact for number in one.numbers)
        yield replace(one, verdict="suspicious") if doubted else one


def _opened(paragraph: Paragraph, opened: re.Match[str], places: Sequence[str]) -> Iterator[Finding]:
    at, begin = opened.start(), opened.end()
    if opened[0] == "(" and paragraph.words.startswith("其中", begin):
        begin += len("其中")
    heads = _heads(paragraph, opened)
    if not heads:
        return
    body = _body(paragraph, begin, bracket=opened[0] == "(")
    composed = opened[0] == "由"
    for counted in dict.fromkeys(one.counts for one in body):
        items = [one for one in body if one.counts == counted]
        same = [one for one in heads if one.counts == counted]
        alike = same or [one for one in heads if {one.unit, counted[0]} == {"处", "个"}]
        if not alike:
            continue
        total = alike[-1]
        by_kind = opened[0][-1] in "看分" and at - paragraph.sentence_start(at) < _AT_START
        if by_kind:  # 按权属分, behind another list of the same whole
            first = next((one for one in reversed(alike) if _WHOLE.search(one.before)), total)
            total = next((one for one in reversed(alike) if _Listing.sums_to(items, one)), first)
        if not same and not members_of([one.label for one in items], alike[-1].words, places).complete:
            continue
        if len(items) == 1:
            if opened[0] == "其中" and (found := _one_part(paragraph, total, items[0])):
                yield found
            continue
        others = [
            one
            for one in paragraph.numbers
            if one.end <= begin
            and one.unit == total.unit
            and one is not total
            and one.sentence >= total.sentence - 3
        ][-NEAREST:]
        announced = len(alike) == 1 or bool(_ALL.search(total.before))
        direct = announced and ((at - total.end) < _CLOSE or by_kind)
        divided = direct and (opened[0] in {":", "分为"} or opened[0][-1] in "看分")
        if opened[0] != "其中":
            announced = direct or opened[0] == "("
        _, value, _ = sum_of(items)
        if not total.value / 3 <= value <= total.value * 3:
            continue  # of something else
        inside = paragraph.words[begin : items[-1].end + 8]
        yield _Listing(
            total,
            items,
            body,
            others,
            announced,
            composed and announced,
            divided,
            split=";" in paragraph.words[begin : items[-1].start],
            whole=_LOOSE.search(inside) is None,
            bracket=opened[0] == "(" and begin == opened.end(),
        ).judged(places)


# In a list: something of it that is no number, or more of it than is named.
_LOOSE: Final = re.compile(
    rf"各[有自为]?\d|[^全]部分|数[十百千]|若干|{COVER}(?:处|个|家|起|人|次|户|项|件)|等组成|等构成|兼|重复|交叉|其中|含(?!量)"
)


_CLOSE: Final = 16


_AT_START: Final = 3


_WHOLE: Final = re.compile("共|合计|总|在册|现有|累计")


_PLANNED: Final = re.compile("计划|任务|目标|应(?![急对])|需|拟")


# What a label may say beside the word of its family and its noun.
_NOUN: Final = re.compile(
    r"其中|风险等级|等级|风险点?|色|级|的|为|有|分别|即|点位?|共|计|型|类|性|应急|场所|企业|事故|预警|响应|火灾|[:,◇]"
)


_OPENING: Final = re.compile(r"^.*(?:分为|包括|包含|分别为?|其中)")


def _heads(paragraph: Paragraph, opened: re.Match[str]) -> list[Number]:
    """Return the counts that may be the total of what an opening word begins, the likeliest last."""
    at = opened.start()
    start, depth = paragraph.sentence_start(at), paragraph.depth(at)
    which = paragraph.sentence_of(at)
    before = _counts_until(paragraph, at)
    here = [one for one in before if one.sentence == which and one.depth == depth]
    if opened[0] == "(":
        return [one for one in here[-1:] if re.fullmatch(r"[^,。;\d]{0,8}", paragraph.words[one.end : at])]
    if at - start < _AT_START:
        return [one for one in before if one.sentence == which - 1 and one.depth == 0]
    return here


def _counts_until(paragraph: Paragraph, at: int) -> Sequence[Number]:
    """Return the counts that end before a place, the nearest ones."""
    end = bisect_right(paragraph.counts, at, key=lambda one: one.end)
    return paragraph.counts[max(0, end - NEAREST) : end]


def _body(paragraph: Paragraph, begin: int, *, bracket: bool) -> list[Number]:
    """Return the counts of a list that begins at a place, as deep in brackets as it is."""
    words = paragraph.words
    found = _STOPS.search(words, begin, begin + _LONGEST)
    stop = found.start() if found else min(len(words), begin + _LONGEST)
    depth = paragraph.depth(begin)
    if bracket:
        closing = next((i for i in range(begin, stop) if paragraph.depth(i + 1) < depth), None)
        stop = stop if closing is None else closing
    first = bisect_left(paragraph.counts, begin, key=lambda one: one.start)
    some = paragraph.counts[first : first + NEAREST]
    some = [one for one in some if one.start < stop and one.depth == depth]
    # What is done stands behind the list of what was found: 其中重大364项；整改12.6万项.
    over = (
        at
        for at, (one, other) in enumerate(pairwise(some), 1)
        if ";" in paragraph.between(one, other)
        and _DONE_AT_START.match(other.before)
        and not _DONE_AT_START.match(one.before)
    )
    return some[: next(over, len(some))]


_DONE_AT_START: Final = re.compile("已|均|督促|责令|完成|整改|销号|办结")


_LONGEST: Final = 1200  # letters of a list


@dataclass(slots=True)
class _Listing:
    """A total, the items of its unit, all numbers of the list, and other numbers that could be its total.

    `announced`: no other total is likelier; `composed`: 由…组成; `divided`: 按…分; `split` by a semicolon, behind which may
    stand no part of it; `whole`: nothing of the list is about or left out; `bracket`: it stands in one, with no 其中.
    """

    total: Number
    items: list[Number]
    body: list[Number]
    others: list[Number]
    announced: bool
    composed: bool = False
    divided: bool = False
    split: bool = False
    whole: bool = True
    bracket: bool = False

    def judged(self, places: Sequence[str]) -> Finding:
        """Return what the list says of its total."""
        verdict, items = self._verdict(places)
        _, value, _ = sum_of(items)
        return Finding.of(
            "parts",
            verdict,
            [self.total, *items],
            stated=self.total.text,
            expected=shown(value),
            why=addition(items, self.total)
            if verdict != "unjudged"
            else Text(
                f"{addition(items, self.total).zh}；各项可能交叉或未列全",
                f"{addition(items, self.total).en}; the parts may overlap or be some of several",
            ),
        )

    def _verdict(self, places: Sequence[str]) -> tuple[Verdict, list[Number]]:
        total, items = self.total, self.items
        if not all(one.exact for one in (total, *items)):
            return "unjudged", items
        if self.sums_to(items, total):
            return "agrees", items
        one_family = members_of([one.label for one in items], total.words, places).distinct
        for size in range(len(items) - 1, 1, -1):  # the list may end before the sentence does
            if self.sums_to(items[:size], total) and not one_family:
                return "agrees", items[:size]
        if self.sums_to(self.body, total) and len(self.body) > 2:
            return "agrees", self.body
        if any(self.sums_to(items, one) for one in self.others):
            return "unjudged", items
        members, items = self._family(places)
        foreign = {_NOUN.sub("", _OPENING.sub("", one)) for one in members.left} - {""}
        of_it = all(one in total.words for one in foreign)  # 预警120次，其中暴雨红色1次: not of all of them
        planned = _PLANNED.search(total.words) is not None
        rest = self.composed or any(_REST.search(one.words) for one in items)
        low, _, _ = sum_of(items)
        closed, distinct = rest or (members.complete and of_it), rest or members.distinct
        overlap = members.levels and self._may_overlap(items)
        split = self.split and not members.complete
        sure = self.announced and self.whole and not split and not planned
        if closed and sure:
            return "wrong", items
        if distinct and low > total.high:
            return ("wrong" if sure and not overlap else "suspicious"), items
        if closed or members.usual or self.divided:
            return "suspicious", items
        return self._open(items), items

    def _may_overlap(self, items: Sequence[Number]) -> bool:
        """Tell whether one thing may be counted by two levels."""
        total = self.total
        if total.unit == "人" or (total.unit.endswith("次") and total.unit != "次"):
            return True
        honours = total.unit != "元" and any(_HONOURS.search(one.label) for one in (total, *items))
        return honours or any(_DOING.search(one.words) for one in (total, *items))

    def _open(self, items: Sequence[Number]) -> Verdict:
        """Return what an open list is whose sum differs: parts of one noun hardly overlap, and a small gap is a slip."""
        low, _, high = sum_of(items)
        if not self.whole or any(_DONE_OR_OPEN.search(one.words) for one in items):
            return "unjudged"
        if low > self.total.high:
            return "suspicious"
        alike = _one_noun([one.label for one in items])
        least = Fraction(8, 10) if alike or len(items) > 2 or self.bracket else Fraction(9, 10)
        return "suspicious" if high >= self.total.low * least else "unjudged"

    def _family(self, places: Sequence[str]) -> tuple[Members, list[Number]]:
        """Return what the items are to one another; a list that goes on behind a complete family ends with it."""
        for size in range(len(self.items), 1, -1):
            some = self.items[:size]
            found = members_of([one.label for one in some], self.total.words, places)
            if size == len(self.items) and found.distinct:
                return found, some
            if found.complete:
                return found, some
        return Members(), self.items

    @staticmethod
    def sums_to(items: Sequence[Number], total: Number) -> bool:
        low, _, high = sum_of(items)
        return equals(low, high, total)


_BEGINS: Final = re.compile(r"其中[,:]?|(?:按|从)[^,。;()\d]{1,8}(?:来看|上看|看|划?分)[,:]")


def parts_of_before(
    paragraph: Paragraph, before: Sequence[Paragraph], places: Sequence[str]
) -> Iterator[Finding]:
    """Yield what the parts that begin a paragraph say of a total of those before it; text alone proves nothing of them."""
    begins = _BEGINS.match(paragraph.words)
    body = _body(paragraph, begins.end(), bracket=False) if begins else []
    for counted in dict.fromkeys(one.counts for one in body):
        items = [one for one in body if one.counts == counted]
        wholes = [
            one
            for earlier in before
            for one in earlier.counts
            if one.counts == counted and not one.depth and one.exact
        ]
        if len(items) < 2 or not all(one.exact for one in items):
            continue
        low, value, high = sum_of(items)
        total = next((one for one in reversed(wholes) if _Listing.sums_to(items, one)), None)
        near = [
            one
            for one in wholes
            if one.low * 4 <= high * 5 and low * 4 <= one.high * 5 and not _DONE_AT_START.match(one.before)
        ]
        verdict: Verdict = "agrees"
        if total is None:
            closed = members_of([one.label for one in items], "", places)
            if len(near) != 1 or not (len(items) > 2 or closed.complete):
                continue
            total, verdict = near[0], "suspicious"
        yield Finding.of(
            "parts", verdict, items, stated=total.text, expected=shown(value), why=addition(items, total)
        )


def _one_noun(labels: Sequence[str]) -> bool:
    """Tell whether labels end in one noun: 工贸企业、危化企业."""
    return len({one[-2:] for one in labels}) == 1 and len(set(labels)) == len(labels) and len(labels[0]) > 2


def _one_part(paragraph: Paragraph, total: Number, part: Number) -> Finding | None:
    """Return that the one part named is more than its whole, None where it is not."""
    if part.low <= total.high or not (part.exact and total.exact) or re.search("总|共|累计|达", part.before):
        return None
    gap = paragraph.between(total, part)
    if not re.fullmatch(r"[^,。;\d()]{0,12}[,(]?其中[^,。;\d]{0,16}", gap):
        return None
    larger = any(
        one.unit == part.unit and one.high >= part.low and one.end <= total.start
        for one in paragraph.numbers
        if one.sentence >= total.sentence - 3
    )
    return Finding.of(
        "parts",
        "suspicious" if larger else "wrong",
        [total, part],
        stated=part.text,
        expected=f"≤ {total.text}",
        why=Text(
            f"其中之一 {part.text} 多于总数 {total.text}", f"a part, {part.text}, is more than {total.text}"
        ),
    )


def _unopened(paragraph: Paragraph, places: Sequence[str], judged: set[int]) -> Iterator[Finding]:
    """Yield totals whose parts follow with no opening word: a complete family of the same noun in one sentence."""
    counts = paragraph.counts
    at = 0
    while at < len(counts) - 1:
        run = _family_run(counts, at, places)
        if run is None or any(id(one) in judged for one in run):
            at += 1
            continue
        if found := _headed(paragraph, run, places):
            yield found
        at += len(run)


_OF_A_FAMILY: Final = re.compile(
    "|".join(words for one in FAMILIES if one.whole or one.usual for words in one.members)
)


def _family_run(counts: Sequence[Number], at: int, places: Sequence[str]) -> list[Number] | None:
    """Return the longest run of counts from a place that is a complete family, None where there is none."""
    first = counts[at]
    if not _OF_A_FAMILY.search(first.label):
        return None
    for size in range(min(7, len(counts) - at), 1, -1):
        run = list(counts[at : at + size])
        if len({(one.sentence, one.depth, one.counts) for one in run}) > 1:
            continue
        members = members_of([one.label for one in run], first.words, places)
        if members.complete or members.usual:
            return run
    return None


_OF_TIERS: Final = re.compile("风险|隐患|事故|预警|火灾|响应|边坡|点位|空间|场所|等级")


def _headed(paragraph: Paragraph, run: Sequence[Number], places: Sequence[str]) -> Finding | None:
    first = run[0]
    members = members_of([one.label for one in run], first.words, places)
    nouns = {re.sub(r"等级|色|级|的|为|有", "", _OPENING.sub("", one)) for one in members.left} - {""}
    before = [
        one
        for one in counts_near(paragraph, first, sentences=1)
        if one.depth == first.depth and (one.unit == first.unit or {one.unit, first.unit} == {"处", "个"})
    ]
    here = [one for one in before if one.sentence == first.sentence]
    if members.complete:
        head = next((one for one in reversed(before) if _of_nouns(one, nouns)), None)
    else:
        head = (
            here[-1]
            if here and here[-1].unit == first.unit and all(one in here[-1].words for one in nouns)
            else None
        )
    if head is None or not head.exact or not all(one.exact for one in run):
        return None
    _, value, _ = sum_of(run)
    if not head.value / 3 <= value <= head.value * 3:
        return None
    low, _, high = sum_of(run)
    if not members.complete and low <= head.high and high * 10 < head.low * 9:
        return None
    verdict: Verdict
    total = head
    if _Listing.sums_to(run, head):
        verdict = "agrees"
    elif any(_Listing.sums_to(run, one) for one in before):
        verdict = "unjudged"
    else:
        between = paragraph.words[head.end : first.head]
        bound = members.complete and here and head is here[-1] and _BETWEEN.fullmatch(between) is not None
        sure = (
            bound
            and not _PLANNED.search(head.words)
            and not _LOOSE.search(paragraph.words[first.head : run[-1].end])
        )
        verdict = "wrong" if sure else "suspicious"
    return Finding.of(
        "parts", verdict, [total, *run], stated=total.text, expected=shown(value), why=addition(run, total)
    )


def _of_nouns(total: Number, nouns: set[str]) -> bool:
    """Tell whether a total is of the noun that its parts name; where they name none, of something that has tiers."""
    if not nouns:
        return _OF_TIERS.search(total.words) is not None
    return all(one in total.words for one in nouns)


_BETWEEN: Final = re.compile(r"[^,。;\d]{0,8}[,:(]?[^,。;\d]{0,10}[,:(]?")


# Terms and their total


_TOTAL: Final = re.compile(
    r"(?P<word>合计|总计|共计|总共|共有?)(?P<doing>检查|排查|巡查|发现|整改|处置|查处|建成|培训|转移|安置)?为?$"
)


_OF_ALL: Final = frozenset({"", "全年", "全区", "全市", "全县", "以上", "三项", "两项", "四项"})


_CLOSING: Final = frozenset({"合计", "总计", "共计"})


def totals(paragraph: Paragraph) -> Iterator[Finding]:
    """Yield what terms and the total behind them say: 120处、98处、77处，合计295处."""
    last: Number | None = None  # a total: what is counted beside it is one, too
    for total in paragraph.counts:
        beside = (
            last is not None
            and re.fullmatch(r"[,、][^,。;\d]{0,4}", paragraph.between(last, total)) is not None
        )
        word = _TOTAL.search(total.before)
        named = word is not None and total.before[: -len(word[0])] in _OF_ALL
        last = total if beside or named else None
        if last is None or not total.exact:
            continue
        terms = _terms(paragraph, total)
        another = bool(total.after) and not any(total.after in one.words for one in terms)  # 共计50人受伤
        if len(terms) > 1 and not another:
            closing = word is not None and (word["word"] in _CLOSING or word[0] == total.before)
            doing = word is not None and word["doing"] is not None
            yield _total(paragraph, total, terms, beside=beside, closing=closing and not doing, doing=doing)


_NAMED_TOTAL: Final = re.compile(
    rf"^(?:{COVER}|全年|全区|[一两三四]年|以上|[,:])*(?:合计|总计|共计|累计|总共)(?P<name>[^,。;\d◇]{{2,8}})$"
)


_REACH: Final = 3  # sentences before a total in which its terms may stand


def named_totals(paragraph: Paragraph) -> Iterator[Finding]:
    """Yield what terms and a total say that have one name each: 一季度整改20处；二季度整改30处。全年合计整改50处."""
    head: Number | None = None
    for total in paragraph.counts:
        found = _NAMED_TOTAL.match(total.before)
        if found is not None:
            name, head = found["name"], total
        elif head is not None and total.sentence == head.sentence and re.fullmatch("[^◇]{2,8}", total.before):
            name = total.before  # beside it: 合计发现52处，整改50处
        else:
            continue
        terms = [
            one
            for one in counts_near(paragraph, head, sentences=_REACH)
            if one.counts == total.counts
            and one.depth == total.depth
            and one.before.rstrip("了为").endswith(name)
        ]
        if len(terms) < 2 or not total.exact or not all(one.exact for one in terms):
            continue
        summing = _agreeing(terms, total)
        if not summing and not _within(terms, total):
            continue
        verdict: Verdict = "agrees" if summing else "suspicious"
        terms = summing or terms
        yield _summed(terms, total, verdict)


def _terms(paragraph: Paragraph, total: Number) -> list[Number]:
    here = counts_near(paragraph, total)
    return [one for one in here if one.depth == total.depth and one.counts == total.counts]


_JOINED: Final = re.compile(r"[^,。;\d]*[、和及与][^,。;\d]*|、")


def _total(
    paragraph: Paragraph, total: Number, terms: list[Number], *, beside: bool, closing: bool, doing: bool
) -> Finding:
    """Judge a total by the terms before it: those joined by 、 right before it bind, others are suspicious at most."""
    chain = [terms[-1]]
    for first, second in reversed(list(pairwise(terms))):
        if not _JOINED.fullmatch(paragraph.between(first, second)):
            break
        chain.insert(0, first)
    near = _BEFORE_TOTAL.fullmatch(paragraph.between(terms[-1], total)) is not None
    exact = all(one.exact for one in terms)
    loose = _NOT_ALL.search(paragraph.words[terms[0].head : total.end + 12]) is not None
    closed = near and exact and closing and len(chain) == len(terms) and not loose
    summed = (
        re.search(r"[,;][^,。;\d]{0,4}(?:合计|总计|共计)为?$", paragraph.words[: total.start][-16:])
        is not None
    )
    verdict: Verdict = "unjudged"
    if agreeing := _agreeing(terms, total):
        verdict, terms = "agrees", agreeing
    elif closed or (near and exact and members_of([one.label for one in terms], total.words).complete):
        verdict = "wrong"
    elif exact and (near or summed or beside) and _within(terms, total):
        verdict = "suspicious"
    elif (summed or doing) and len(chain) > 1 and all(one.exact for one in chain) and _within(chain, total):
        verdict, terms = "suspicious", chain
    return _summed(terms, total, verdict)


def _summed(terms: Sequence[Number], total: Number, verdict: Verdict) -> Finding:
    """Return what terms say of their total, the sum spelt out."""
    _, value, _ = sum_of(terms)
    return Finding.of(
        "total",
        verdict,
        [*terms, total],
        stated=total.text,
        expected=shown(value),
        why=addition(terms, total),
    )


_NOT_ALL: Final = re.compile(rf"去重|重复|剔除|交叉|各|含(?!量)|{COVER}(?:处|个|家|起|人|次|户|项|件)")


_BEFORE_TOTAL: Final = re.compile(r"[^,。;\d]{0,8}[,;]?[^,。;\d]{0,4}(?:合计|总计|共计|总共|共有?)为?")


def _agreeing(terms: Sequence[Number], total: Number) -> list[Number]:
    """Return the terms right before a total that sum to it, as many as it takes; none where none do."""
    for size in range(2, len(terms) + 1):
        if _Listing.sums_to(terms[-size:], total):
            return list(terms[-size:])
    return []


def _within(terms: Sequence[Number], total: Number) -> bool:
    """Tell whether a total is about what its terms sum to: else it is one of something else."""
    low, _, high = sum_of(terms)
    return low * Fraction(1, 2) <= total.high and total.low <= high * Fraction(3, 2)


# Shares of a whole


_SHARE: Final = re.compile(r"占|比重|比例")


def shares_of_whole(paragraph: Paragraph) -> Iterator[Finding]:
    """Yield what shares say that are all of a whole: 电气占45.2%，吸烟占10.5%，其他占44.3%."""
    rates = [one for one in paragraph.numbers if one.role == "rate" and one.unit == "%"]
    for sentence in dict.fromkeys(one.sentence for one in rates):
        here = [one for one in rates if one.sentence == sentence and not CHANGED.search(one.before)]
        listed = [one for one in here if "率" not in one.before]
        if len(listed) < 3 or len(listed) > NEAREST or not any(_SHARE.search(one.before) for one in listed):
            continue
        inside = paragraph.words[listed[0].head : listed[-1].end]
        if re.search(r"其中|[;]|同比|分别比|提高|下降|上升|增长|亡人|伤人|起数|人数|损失", inside):
            continue
        since = [listed[0].head, *(one.end for one in listed)]
        told = [paragraph.words[start : one.start] for start, one in zip(since, listed, strict=False)]
        times = [_shared_by(words) for words in told]
        listed = [one for one, many in zip(listed, times, strict=True) for _ in range(many)]
        told = [words for words, many in zip(told, times, strict=True) for _ in range(many)]
        ends = [at for at, words in enumerate(told) if re.search("其他|其它|其余", words)]
        if not all(one.exact for one in listed):
            continue
        value = sum((one.value for one in listed), Fraction(0))
        last = ends == [len(listed) - 1] and all(_SHARE.search(one.before) for one in listed)
        if _whole(listed) or (ends and all(_whole(some) for some in _cut(listed, ends))):
            verdict: Verdict = "agrees"
        elif last and max(times) == 1:
            verdict = "wrong"
        elif ends or value > 100 + sum((one.step for one in listed), Fraction(0)):
            verdict = "suspicious"
        else:
            continue
        spelt = " + ".join(shown(one.value) for one in listed) + f" = {shown(value)}%"
        yield Finding.of(
            "shares", verdict, listed, stated=f"{shown(value)}%", expected="100%", why=Text(spelt, spelt)
        )


def _shared_by(words: str) -> int:
    """Return how many have a share each: 雨天和雪天各占12%."""
    found = re.search(r"(?P<labels>[^,。;:\d%]*)各占[^,。;\d]*$", words)
    return 1 if found is None else 1 + len(re.findall("[、和及与]", found["labels"].lstrip("、")))


def _whole(shares: Sequence[Number]) -> bool:
    """Tell whether shares can be all of a whole: they are rounded, each up to a unit of its last place."""
    low = sum((one.value - one.step for one in shares), Fraction(0))
    high = sum((one.value + one.step for one in shares), Fraction(0))
    return low <= 100 <= high


def _cut(shares: Sequence[Number], ends: Sequence[int]) -> list[Sequence[Number]]:
    """Return the lists of shares that each end with what is left."""
    starts = [0, *(end + 1 for end in ends)]
    return [shares[start : end + 1] for start, end in zip(starts, ends, strict=False)]
