"""One name, one value: rates of one name over the whole document, changes of one count, and figures of the ledger."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from riskmap.errors import Text
from riskmap.reports.checking.findings import Finding, counts_near, shown
from riskmap.reports.checking.numbers import COVER, Number, Paragraph
from riskmap.values.report_check import KnownFigure, Tag, Verdict

_LEAST: Final = 4  # letters of a name before 率


_SHORT_NAME: Final = 6


_PLAIN: Final = r"(?:目前|其中|截至|截止|全[区市县省镇]|我[区市局县]|全年|今年|本年|当前|已|现|的|将|年|度|底|末|以来|[,、]|◇)*"


_NAMED: Final = re.compile(rf"{_PLAIN}(?P<name>[^,;:、◇]{{2,24}}?率)(?:为|已?达到|已?达|约|是|保持在|[:])*$")


# Words of which any sector has a rate of its own: 隐患整改率, 任务完成率.
_GENERAL: Final = re.compile(
    "^(?:隐患|问题|任务|目标|计划|工作|按期|按时|综合|总体|整体|检查|项目|整改|完成|合格|办结|销号|安全|生产|事故|各类|平均|实际|按|期|执行|"
    "达标|覆盖|到位|投用|已|全部|落实|处置|响应|及时|年度|治理|改造|有效|其|该|此)+率$"
)


_OTHER_PLACE: Final = re.compile("街道|[镇乡]|(?<!城中)村|社区|小区|园区|片区|[一二三四五六七八九十]组|各区")


_OTHER_TIME: Final = re.compile(
    f"{COVER}|季度|上半年|下半年|去年|上年|上月|本月|首轮|首次|复查|第一轮|第二轮|同期|年初|年底|此前|原来|最初"
)


_AT_LAST: Final = re.compile("(?:截至|截止|到)年[底末]")  # what has no day may be of an earlier one


_MOVING: Final = re.compile(
    "由|从|提高|提升|上升|下降|降至|升至|增至|较|比|同比|整治前|整改前|经过|整治后|目标|计划|力争|不低于|要求|应达"
)


_WHO: Final = re.compile("局|委员会|办公室|中心|公司|集团|支队|大队|行业|领域|板块|学校|医院|企业|单位")


@dataclass(frozen=True, slots=True)
class Named:
    """A rate with a name: where it stands, and whether its sentence says of when, where or whom it is.

    `count`: what changed by it, as it is printed, empty where only its name stands there.
    """

    at: int
    number: Number
    sure: bool
    falls: bool | None = None
    count: str = ""


def _alike(one: Number, other: Number) -> bool:
    """Tell whether two printed rates can be one: it was rounded once and cut off once, or to fewer places."""
    return abs(one.value - other.value) <= max(one.step, other.step)


_ANY_COUNT: Final = re.compile(
    f"全[区市县年]|今年以来|今年|本年|共|发生|累计|接报|{COVER}|的|为|辖区|我[区市]|各类|事故总量|起数"
)


_NAME_CHANGED: Final = re.compile(
    r"(?P<name>[^,。;、◇]{4,16}?)(?P<unit>起|人)数(?:同比|较去年|比去年|较上年|比上年|与去年相比|与上年相比)"
)


def changed_counts(paragraph: Paragraph, at: int) -> Iterator[tuple[str, Named]]:
    """Yield by how much counts changed on the year, under what is counted: 事故18起，同比下降31%；事故起数同比下降25%."""
    for number in paragraph.numbers:
        if number.role != "rate" or number.falls is None or not number.exact:
            continue
        if (found := _NAME_CHANGED.search(number.before)) is not None:
            start = paragraph.sentence_start(number.start)
            sentence = paragraph.words[max(start, number.start - 120) : number.start]
            noun, unit, count = _ANY_COUNT.sub("", found["name"]), found["unit"], ""
            if _OTHER_PLACE.search(sentence) or re.search("分别|月|其中|季度|半年", sentence):
                continue
        else:
            before = counts_near(paragraph, number)
            if len(before) != 1:
                continue  # of several counts any may be meant
            between = paragraph.between(before[0], number)
            noun, unit, count = _ANY_COUNT.sub("", before[0].before), before[0].unit, before[0].text
            if len(between) > _NEAR or re.search("[;。、]|环比|上月|上季|其中|占|人数|分别", between):
                continue
        if len(noun) >= _LEAST_NOUN:
            yield f"{noun}（{unit}）同比", Named(at, number, sure=False, falls=number.falls, count=count)


_LEAST_NOUN, _NEAR = 4, 24


def named_rates(paragraph: Paragraph, at: int) -> Iterator[tuple[str, Named]]:
    """Yield the rates of a paragraph that have a name of their own; those of another place or period do not count."""
    for number in paragraph.numbers:
        if number.role != "rate" or not number.exact or number.earlier:
            continue
        found = _NAMED.match(number.before)
        if found is None or len(found["name"]) <= _LEAST or _GENERAL.match(found["name"]):
            continue
        start = paragraph.sentence_start(number.start)
        sentence = paragraph.words[max(start, number.start - 120) : number.start]
        clause = sentence[: len(sentence) - len(found["name"])].rsplit(",", 1)[-1].rsplit("、", 1)[-1]
        tail = paragraph.words[number.end : number.end + 8]
        if (
            _OTHER_PLACE.search(sentence)
            or _another_time(sentence)
            or re.match(r"(?:提|上|升|下|降|增)|[至到]", tail)
        ):
            continue
        sure = not (
            _AT_LAST.match(sentence) or _MOVING.search(sentence) or _WHO.search(clause) or ";" in sentence
        )
        if len(found["name"]) <= _SHORT_NAME:
            # Whose 社区覆盖率 it is stands before it in the sentence.
            sure = sure and re.fullmatch(_PLAIN, sentence[: len(sentence) - len(number.before)]) is not None
        yield found["name"], Named(at, number, sure)


def _another_time(sentence: str) -> bool:
    """Tell whether a sentence says of which period its rate is; a year at its start is that of the report."""
    now = re.sub("^(?:截至|截止|到)(?:目前|年底|年末)", "", sentence)
    return bool(_OTHER_TIME.search(re.sub(f"^[^,]{{0,6}}{COVER}{{3,8}}[^,]{{0,3}}", "", now)))


@dataclass(frozen=True, slots=True)
class Clash:
    """Values of one name: the finding, and the paragraph of its last number."""

    at: int
    finding: Finding


def one_value(rates: Iterable[tuple[str, Named]]) -> Iterator[Clash]:
    """Yield for each name that stands more than once whether its values are one."""
    groups: dict[str, list[Named]] = defaultdict(list)
    for name, rate in rates:
        groups[name].append(rate)
    for name, group in _alike_groups(groups):
        first = group[0]
        for other in group[1:]:
            same = first.falls == other.falls and _alike(first.number, other.number)
            sure = first.sure and other.sure
            verdict: Verdict = "agrees" if same else "wrong" if sure else "suspicious"
            texts = f"{first.number.text} / {other.number.text}"
            why = Text(f"“{name}”前后写作 {texts}", f"“{name}” is stated as {texts}")
            yield Clash(
                other.at,
                Finding.of(
                    "name",
                    verdict,
                    [other.number],
                    stated=other.number.text,
                    expected=first.number.text,
                    why=why,
                ),
            )


def _alike_groups(groups: Mapping[str, list[Named]]) -> Iterator[tuple[str, list[Named]]]:
    """Yield what is said of one thing: of several counts of one name each by itself, and none without its count."""
    for name, group in groups.items():
        counts = dict.fromkeys(one.count for one in group if one.count)
        parts = (
            [[one for one in group if one.count == count] for count in counts] if len(counts) > 1 else [group]
        )
        yield from ((name, part) for part in parts if len(part) > 1)


# Figures of the ledger


def figures_of(
    paragraph: Paragraph, tags: Sequence[Tag], figures: Sequence[KnownFigure]
) -> Iterator[Finding]:
    """Yield numbers that a content control, or their name and unit, bind to a figure of the ledger."""
    known = {f"{one.id}@{one.period}" if one.period else one.id: one for one in figures}
    tagged: set[int] = set()
    for tag in tags:
        inside = [one for one in paragraph.numbers if _within(paragraph, one, tag)]
        if len(inside) != 1 or (figure := known.get(tag.alias.strip())) is None or figure.value is None:
            continue
        tagged.add(id(inside[0]))
        yield _against(inside[0], figure, "wrong")
    by_name = [(name, one) for one in figures for name in one.names if one.value is not None]
    by_name.sort(key=lambda pair: -len(pair[0]))
    for number in paragraph.counts:
        if id(number) in tagged or not by_name:
            continue
        figure = next((one for name, one in by_name if _called(number, name) and _unit(number, one)), None)
        if figure is not None:
            yield _against(number, figure, "suspicious")


def _within(paragraph: Paragraph, number: Number, tag: Tag) -> bool:
    start, end = paragraph.place(number.start, number.end)
    return start < tag.end and tag.start < end


# What may stand before the name of all there is: 全区现有风险点, but not 巡查风险点, 新增风险点.
_ALL_OF: Final = re.compile(
    "(?:截至|截止|目前|其中|全[区市县]|我[区市]|本[区市]|辖区内?|区内|现|已|共|总共|合计|计|有|在册|登记|建档|纳入|台账|底数|各类|的|,|:|◇|年|月|日|底|末)*"
)


def _called(number: Number, name: str) -> bool:
    """Tell whether a number is called by a name, and by nothing more: what was patrolled is not what there is."""
    before = number.before.removesuffix("为").removesuffix("数").removesuffix("总")
    if before.endswith(name):
        return _ALL_OF.fullmatch(before.removesuffix(name)) is not None
    return number.after.startswith(name) and _ALL_OF.fullmatch(before) is not None


_COUNTED: Final = frozenset({"处", "个"})


def _unit(number: Number, figure: KnownFigure) -> bool:
    return number.unit == figure.unit or {number.unit, figure.unit} == _COUNTED


def _against(number: Number, figure: KnownFigure, otherwise: Verdict) -> Finding:
    value = Fraction(figure.value or 0)
    scaled = value * _UNITS.get(figure.unit, 1)
    same = number.low <= scaled <= number.high
    text = f"{shown(value)}{figure.unit}"
    verdict: Verdict = "agrees" if same else otherwise if number.exact else "suspicious"
    as_of = f"（截至 {figure.as_of}）" if figure.as_of else ""
    until = f" as of {figure.as_of}" if figure.as_of else ""
    why = (
        Text(f"与台账“{figure.title}”一致{as_of}", f"as the ledger's {figure.id}{until}")
        if same
        else Text(f"台账“{figure.title}”为 {text}{as_of}", f"the ledger's {figure.id} is {text}{until}")
    )
    return Finding.of(
        "figure", verdict, [number], stated=number.text, expected=text, why=why, figure=figure.id
    )


_UNITS: Final = {"万元": 10**4, "亿元": 10**8}
