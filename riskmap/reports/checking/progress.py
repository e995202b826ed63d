"""What was found and what was done of it: states, rates, shares, and stages one behind the other.

What is done must be the same thing that was found: 督促整改一般隐患4630项 is no part of 排查重大隐患9项.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Final

from riskmap.errors import Text
from riskmap.reports.checking.findings import (
    Finding,
    Fit,
    addition,
    counts_near,
    fit,
    percent,
    runs,
    shown,
    sum_of,
)
from riskmap.reports.checking.numbers import CHANGED, COVER, Number, Paragraph
from riskmap.values.report_check import Kind, Verdict

# The verbs behind a rate's name, for which the number done stands in the text. 受害率, 发生率 have another denominator.
_ROOTS: Final = re.compile(
    "(?:"
    "整改|销号|完成|办结|处置|改造|治理|成灾|合格|达标|验收|投用|通过|"
    "响应|执行|建成|覆盖|整治|查处|查实|回复|反馈|化解|办理|落实|修复|"
    "清除|拆除|消除|闭环|核查|到岗|签订|安装|启用|完工|开工|评估|在线|"
    "入网|接入|排查|完好|持证|参训|到位|核实|排除|投保|备案|编制|竣工|清理|"
    "采纳|挂点|巡查|复查|销案|结案|登记|入库|更新"
    ")$"
)


_DONE: Final = re.compile(
    r"(?<!未)(?<!待)(?<!正在)(?:已|完成|整改|销号|办结|治理完|整治|改正|消除|修复|处置|拆除|化解|闭环)"
)


_OPEN: Final = re.compile("未|正在|正|剩余|其余|余下|尚|跟进|推进|待|限期")


_LEFT: Final = re.compile("剩余|其余|余下|未|尚有|尚未|还有|待")


_FOUND: Final = re.compile(
    "发现|排查|查出|检出|需|督办|梳理|共有|摸排|应|任务|形成|清单|排查出|计划改造|隐患|问题|收到|受理|预警|报警|接收|推送|派发|交办|转办|线索|诉求|工单|案件|立案|接到|接报|办理|登记"
)


_LOOKED_FOR: Final = re.compile("发现|排查|查出|检出|督办|梳理|摸排|隐患|问题|需|收到|受理|清单")


_PLANNED: Final = re.compile("计划|任务|目标|应(?![急对])|拟")  # more than that may be done


_CARRIED: Final = re.compile("结转|遗留|历史|存量|往年|上年|其他渠道|上月|上季|去年")


_VERBS: Final = re.compile(
    "督促|责令|累计|其中|已|均|全部|当场|及时|立即|完成|整改|销号|办结|治理|改造|处置|成灾|验收|正在|到位|率|查实|核实|处理|安装|受理|的|了|整治|改正|落实|实际|共|并|现"
)


_TIME: Final = re.compile(f"{COVER}+|今年|去年|上年|本月|上月|上半年|下半年|季度")


_PLACES: Final = re.compile("街道|[镇乡村]|社区|区局")


def same_thing(part: Number, whole: Number) -> bool:
    """Tell whether what is done is what was found: its words without the verbs stand in the other's."""
    noun = _VERBS.sub("", part.before).strip(COVER)
    return noun in whole.words or noun in whole.after


def states(paragraph: Paragraph) -> Iterator[Finding]:
    """Yield found, done and open: 排查200处，完成整改198处，2处正在整改."""
    bound: set[int] = set()
    for done in paragraph.counts:
        if _DONE.search(done.words) and not _OPEN.search(done.words) and "率" not in done.words:
            for found in _state(paragraph, done):
                bound.update(id(one) for one in found.numbers)
                yield found
    yield from _remainders(paragraph, bound)


def _state(paragraph: Paragraph, done: Number) -> Iterator[Finding]:
    here = [
        one for one in counts_near(paragraph, done) if one.unit == done.unit and not _OPEN.search(one.words)
    ]
    found = next((one for one in reversed(here) if _FOUND.search(one.words) and not _finished(one)), None)
    if found is None and not here:
        found = _found_before(paragraph, done)
    if found is None or not (found.exact and done.exact) or not same_thing(done, found):
        return
    if ";" in paragraph.between(found, done):
        return  # of somebody else
    open_ = _open(paragraph, done, found)
    # What stands between may be the whole of it, too.
    wholes = [found, *(one for one in here if one.start > found.start and not _finished(one))]
    carried = _CARRIED.search(paragraph.words[found.start : done.end + 16])
    if open_ and not carried:
        yield _sums(done, open_, wholes, found)
    elif any(
        one.high >= done.low for one in counts_near(paragraph, done, sentences=1) if one.unit == done.unit
    ):
        return  # of some other whole beside it
    elif done.low > found.high and _LOOKED_FOR.search(found.words) and not _PLANNED.search(found.words):
        yield _more_than_found(paragraph, done, wholes, found, carried=bool(carried))


# That all that is left is meant, or that some of it is.
_ALL_LEFT: Final = re.compile("其余|剩余|余下|尚余|尚剩|结转|缺(?!陷)")


_SOME_LEFT: Final = re.compile("其余|剩余|余下|尚余|尚剩|结转|缺(?!陷)|未|正在|尚有|仍有|还有|待")


_NOT_DONE: Final = re.compile("未(?P<verb>[^,。;])")


def _remainders(paragraph: Paragraph, bound: set[int]) -> Iterator[Finding]:
    """Yield what is left behind what was done, where no rule has bound it: 87处，…已治理41处，治理率47.1%，剩余46处.

    The whole need not be named as something found, so nothing is proven by it.
    """
    for left in paragraph.counts:
        if id(left) in bound or not left.exact or not _SOME_LEFT.search(left.words):
            continue
        before = [one for one in counts_near(paragraph, left, sentences=1) if one.unit == left.unit]
        done = before[-1] if before else None
        if done is None or done.sentence != left.sentence or not done.exact or done.depth != left.depth:
            continue
        doing = "已|累计|实|现有|到位" if _ALL_LEFT.search(left.before) else "已"
        undone = _NOT_DONE.search(left.before)
        told = (
            re.search(doing, done.before)
            or _DONE.search(done.before)
            or (undone is not None and undone["verb"] in done.before)
        )
        if not told or _SOME_LEFT.search(done.before):
            continue
        wholes = [one for one in before[:-1] if one.exact and one.low > done.high]
        if id(done) not in bound and wholes and (found := _left(paragraph, wholes, done, left)) is not None:
            bound.update(id(one) for one in found.numbers)
            yield found


def _left(paragraph: Paragraph, wholes: Sequence[Number], done: Number, left: Number) -> Finding | None:
    """Return what a whole says of what was done and of what is left of it, with what is listed behind."""
    still = [left]
    for one in paragraph.counts:
        if one.start > left.start and one.sentence == left.sentence and one.unit == left.unit:
            own = paragraph.words[one.head : one.start]
            if _DONE.search(own) or _FOUND.search(own) or len(still) > 3 or one.depth != left.depth:
                break
            still.append(one)
    for size in range(1, len(still) + 1):
        low, value, high = sum_of([done, *still[:size]])
        whole = next((one for one in reversed(wholes) if low <= one.high and high >= one.low), None)
        if whole is not None:
            verdict: Verdict = "agrees"
            break
    else:
        whole, size, verdict = _named_whole(wholes, done) or wholes[-1], 1, "suspicious"
        if sum_of([done, left])[0] <= whole.high < sum_of([done, *still])[0]:
            size = len(still)
        low, value, _ = sum_of([done, *still[:size]])
        near = whole is wholes[-1] or _key(done) != ""
        all_left = _ALL_LEFT.search(left.before) is not None or left.before == "未" + done.before[1:]
        since = max(whole.end, paragraph.words.rfind(";", whole.end, done.start))
        unlike = "其中" in paragraph.words[since : left.start] or whole.sentence != done.sentence
        if not near or unlike or not (all_left or low > whole.high) or left.low > whole.high:
            return None
    parts = [done, *still[:size]]
    return Finding.of(
        "state",
        verdict,
        [whole, *parts],
        stated=whole.text,
        expected=shown(value),
        why=addition(parts, whole),
    )


_ANY_KIND: Final = re.compile("安全|生产|各类|条$|处$")


def _key(number: Number) -> str:
    """Return what a number is of, without verbs and what any report adds: 重大事故隐患 of 重大事故隐患已整改197项."""
    return _ANY_KIND.sub("", _VERBS.sub("", number.before).strip(COVER))


def _named_whole(wholes: Sequence[Number], done: Number) -> Number | None:
    """Return the nearest of some wholes that names what was done, None where none does or it says none."""
    key = _key(done)
    if len(key) < _LEAST_KEY:
        return None
    return next((one for one in reversed(wholes) if key in _ANY_KIND.sub("", one.words)), None)


_LEAST_KEY: Final = 2


_GOING_ON: Final = re.compile(f"(?:目前|其中|现|已|截至|截止|[,{COVER}]|底|末|止|均|全部)*")


def _found_before(paragraph: Paragraph, done: Number) -> Number | None:
    """Return what the sentence before found, where one number of its unit stands there and this sentence goes on from it."""
    before = counts_near(paragraph, done, sentences=1)
    there = [one for one in before if one.sentence == done.sentence - 1 and one.unit == done.unit]
    start = paragraph.sentence_start(done.start)
    lead = paragraph.words[start : done.start]
    if paragraph.words[start - 1 : start] != "。":
        return None  # another line
    opening = _GOING_ON.match(lead)
    if len(there) != 1 or not _FOUND.search(there[0].words) or _finished(there[0]) or opening is None:
        return None
    return there[0] if len(lead) - opening.end() <= _SHORT else None


_SHORT: Final = 10  # letters of 完成整改隐患


def _finished(number: Number) -> bool:
    return bool(_DONE.search(number.before)) and not re.search(
        "发现|排查|查出|需|应|任务|督办", number.before
    )


def _open(paragraph: Paragraph, done: Number, found: Number) -> list[Number]:
    """Return the numbers right behind that say how many are still open."""
    later = [one for one in paragraph.counts if one.start >= done.end and one.sentence == done.sentence][:3]
    still: list[Number] = []
    for one in later:
        words = f"{one.before}|{paragraph.words[one.end : one.end + 8]}"
        if one.unit != done.unit or not one.exact or not _OPEN.search(words) or _LATE.search(words):
            break
        if re.search("发现|排查|查出|其中", paragraph.between(still[-1] if still else done, one)):
            break
        if (verb := re.search("(?:尚未|未|待)(?P<verb>..)", one.before)) and verb[
            "verb"
        ] not in done.words + found.words:
            break  # 未检查 is no part of what was to be mended
        own = paragraph.words[one.head : one.start]
        if _DONE.search(own) and not re.search("未|待|正|限期|推进|跟进|需", own):
            break  # 剩余隐患次日整改30处
        still.append(one)
    return still


_LATE: Final = re.compile("按期|逾期|超期|到期|按时|超时|期限")


def _sums(done: Number, still: Sequence[Number], wholes: Sequence[Number], found: Number) -> Finding:
    verdict: Verdict = "suspicious"
    used = list(still)
    for size in range(1, len(still) + 1):
        low, _, high = sum_of([done, *still[:size]])
        if fitting := [one for one in wholes if low <= one.high and high >= one.low]:
            verdict, used = ("agrees" if found in fitting else "unjudged"), list(still[:size])
            break
    else:
        low, _, _ = sum_of([done, *still])
        left = any(_LEFT.search(one.words) for one in still)
        if (low > found.high or left) and len(wholes) == 1:
            verdict = "wrong"
    _, value, _ = sum_of([done, *used])
    return Finding.of(
        "state",
        verdict,
        [found, done, *used],
        stated=found.text,
        expected=shown(value),
        why=addition([done, *used], found),
    )


def _more_than_found(
    paragraph: Paragraph, done: Number, wholes: Sequence[Number], found: Number, *, carried: bool
) -> Finding:
    between = paragraph.between(found, done)
    apart = _TIME.search(between) or _PLACES.search(between) or "。" in between
    verdict: Verdict = "wrong"
    why = Text(f"整改 {done.text} 多于发现 {found.text}", f"more done, {done.text}, than found, {found.text}")
    if carried:
        verdict = "suspicious"
        extra = _carried(paragraph, found, done)
        if extra is not None and done.low <= found.high + extra.high:
            verdict, why = (
                "agrees",
                Text(f"{why.zh}，含结转 {extra.text}", f"{why.en}, {extra.text} of them carried over"),
            )
    elif apart or len(wholes) > 1:
        verdict = "suspicious"
    return Finding.of("state", verdict, [found, done], stated=done.text, expected=f"≤ {found.text}", why=why)


def _carried(paragraph: Paragraph, found: Number, done: Number) -> Number | None:
    near = [one for one in paragraph.numbers if found.start < one.start <= done.end + 24 and one is not done]
    return next((one for one in near if one.unit == found.unit and _CARRIED.search(one.before)), None)


# Rates


_RATE: Final = re.compile(r"(?P<name>[^,]{2,12}?)率(?:为|已?达到|已?达|约|是|保持在|[:：])*$")


def rates(paragraph: Paragraph) -> Iterator[Finding]:
    """Yield printed rates whose two counts stand before them: 发现16,834处，已整改12,341处，整改率73.31%."""
    for rate in paragraph.numbers:
        if rate.role != "rate" or not rate.exact or rate.earlier or _AIMED.search(rate.before):
            continue
        name = _RATE.search(rate.before)
        if name is None:
            continue
        root = _ROOTS.search(name["name"])
        if rate.low > _scale(rate) and _OF_ALL.search(name["name"]):
            why = Text("超过全部", "more than all of it")
            yield Finding.of(
                "rate",
                "suspicious",
                [rate],
                stated=rate.text,
                expected=f"≤ {_scale(rate)}{rate.unit}",
                why=why,
            )
        elif (whole := _whole_behind(paragraph, rate)) is not None:
            yield from whole
        elif (fraction := _fraction_behind(paragraph, rate)) is not None:
            yield fraction
        elif root is not None and (found := _rate(paragraph, rate, root[0], name["name"])) is not None:
            yield found


# Of these no more than all can be; a plan may be more than fulfilled.
_OF_ALL: Final = re.compile(
    "(?:整改|销号|办结|处置|治理|整治|合格|达标|覆盖|响应|安装|排查|到位|在线|完好|持证|化解|查处|落实|投保|建档|公示|查实)$"
)


_WHOLE_BEHIND: Final = re.compile(r"\((?:总|应|共|全[区市]|基)[^,。;\d()]{0,8}$")


def _whole_behind(paragraph: Paragraph, rate: Number) -> list[Finding] | None:
    """Return what a rate says whose whole stands behind it: 排查26,841栋，排查率99.6%（总数26,949栋）; None where none does."""
    at = bisect_left(paragraph.counts, rate.end, key=lambda one: one.start)
    whole = paragraph.counts[at] if at < len(paragraph.counts) else None
    if whole is None or not _WHOLE_BEHIND.fullmatch(paragraph.between(rate, whole)):
        return None
    near = [one for one in counts_near(paragraph, rate)[-1:] if one.unit == whole.unit and one.exact]
    if not near or not whole.exact or whole.value <= 0:
        return []
    part = near[0]
    fits = fit(_scale(rate) * part.low / whole.high, _scale(rate) * part.high / whole.low, rate)
    return [_divided("rate", "agrees" if fits == "fits" else "suspicious", part, whole, rate)]


_AIMED: Final = re.compile("力争|确保|目标|要求|不低于|计划")


_FRACTION: Final = re.compile(r"\((\d[\d,]*)[^\d/,。()]{0,3}/(\d[\d,]*)[^\d/,。()]{0,3}\)")


def _fraction_behind(paragraph: Paragraph, rate: Number) -> Finding | None:
    """Return what a fraction in brackets behind a rate says: 73.31%（12,341/16,834）."""
    found = _FRACTION.match(paragraph.words, rate.end)
    if found is None:
        return None
    over, under = (Fraction(one.replace(",", "")) for one in found.groups())
    if not under:
        return None
    exact = over / under * _scale(rate)
    fits = fit(exact, exact, rate)
    verdict: Verdict = "agrees" if fits == "fits" else "suspicious" if fits == "near" else "wrong"
    spelt = f"{found[1]} ÷ {found[2]} = {percent(exact, rate)}"
    return Finding.of(
        "rate", verdict, [rate], stated=rate.text, expected=percent(exact, rate), why=Text(spelt, spelt)
    )


def _scale(rate: Number) -> int:
    return 100 if rate.unit == "%" else 1000


def _divided(kind: Kind, verdict: Verdict, part: Number, whole: Number, rate: Number) -> Finding:
    """Return what is said of a rate that is a part of a whole, the division spelt out."""
    expected = percent(_scale(rate) * part.value / whole.value, rate)
    spelt = f"{shown(part.value)} ÷ {shown(whole.value)} = {expected}"
    why = Text(spelt, spelt)
    return Finding.of(kind, verdict, [whole, part, rate], stated=rate.text, expected=expected, why=why)


def _rate(paragraph: Paragraph, rate: Number, root: str, name: str) -> Finding | None:
    before = counts_near(paragraph, rate, sentences=1)
    here = [one for one in before if one.sentence == rate.sentence]
    done = next((one for one in reversed(here) if root in one.words and not _still_open(one)), None)
    if done is None:
        return _done_behind(paragraph, rate, root, here) or _of_a_task(paragraph, rate, here)
    wholes = [
        one for one in here if one.unit == done.unit and one.start < done.start and not _still_open(one)
    ]
    between = paragraph.between(done, rate)
    if between.count("率") > 1 + root.count("率"):
        return None
    scale = _scale(rate)

    def fits_to(one: Number) -> Fit:
        if rate.value == scale and done.high < one.low:
            return "off"  # all of it, while some is left
        return fit(scale * done.low / one.high, scale * done.high / one.low, rate)

    wholes = [one for one in wholes if one.low > 0]
    wholes = [one for one in wholes if one.high >= done.low] or sorted(wholes, key=lambda one: one.value)
    by_name = _named_whole(wholes, done)
    named = by_name or (wholes[-1] if wholes else _found_before(paragraph, done))
    whole = next(
        (
            one
            for one in (named, *reversed(wholes))
            if one is not None and one.exact and fits_to(one) == "fits"
        ),
        named,
    )
    if whole is None or whole.low <= 0:
        return None
    fits = fits_to(whole)
    verdict: Verdict = "agrees" if fits == "fits" else "suspicious" if fits == "near" else "wrong"
    of_it = whole is by_name
    if not (done.exact and whole.exact):
        verdict = "unjudged"
    elif fits != "fits" and done.low > whole.high:  # of another, if it is much more or is of several
        several = re.search("合计|共计|总计|累计", done.before) is not None
        verdict = "suspicious" if of_it or (done.low <= 2 * whole.high and not several) else "unjudged"
    if verdict == "wrong":
        verdict = _proven(paragraph, rate, done, whole, before)
        if verdict == "unjudged" and of_it and not _another(paragraph, rate, done, whole, before):
            verdict = "suspicious"
        of = _ANY_RATE.sub("", name.removesuffix(root))
        if verdict == "wrong" and of not in f"{done.words}|{whole.words}":
            verdict = "unjudged"  # 按期整改率: of those that were due
    return _divided("rate", verdict, done, whole, rate)


def _done_behind(paragraph: Paragraph, rate: Number, root: str, here: Sequence[Number]) -> Finding | None:
    """Return what a rate says whose count done stands behind it: 督办15处，销号率80%，已销号12处."""
    behind = next((one for one in paragraph.counts if one.start >= rate.end), None)
    if behind is None or not here or root not in behind.before or _still_open(behind):
        return None
    whole = here[-1]
    near = re.fullmatch(r"[,(][^,。;\d]{0,8}", paragraph.between(rate, behind)) is not None
    if (
        not near
        or whole.unit != behind.unit
        or not (whole.exact and behind.exact)
        or not behind.value <= whole.value
    ):
        return None
    exact = _scale(rate) * behind.value / whole.value
    return _divided(
        "rate", "agrees" if fit(exact, exact, rate) == "fits" else "suspicious", behind, whole, rate
    )


_TASK: Final = re.compile("应(?![急对])|需|计划|任务|目标|在册|总数|预算|安排")


def _of_a_task(paragraph: Paragraph, rate: Number, here: Sequence[Number]) -> Finding | None:
    """Return what a rate says of the two counts right before it, one to be done: 应加固312栋，累计加固305栋，完成率97.8%."""
    if len(here) < 2 or not re.fullmatch(r"[^,。;\d]{0,8},[^,。;\d]{0,8}", paragraph.between(here[-1], rate)):
        return None
    done, whole = here[-1], here[-2]
    if (
        done.unit != whole.unit
        or not _TASK.search(whole.words)
        or not (done.exact and whole.exact and whole.value)
    ):
        return None
    exact = _scale(rate) * done.value / whole.value
    fits = fit(exact, exact, rate) == "fits"
    if not fits and _still_open(done):
        return None
    return _divided("rate", "agrees" if fits else "suspicious", done, whole, rate)


_ANY_RATE: Final = re.compile("隐患|问题|任务|项目|全部|总体|目前|其|该|工作|整体|实际|累计|已|的|全[区市]")


def _still_open(number: Number) -> bool:
    return bool(re.search("未|正在|剩余|其余|余下|尚|跟进|推进|待", number.words))


def _proven(
    paragraph: Paragraph, rate: Number, done: Number, whole: Number, before: Sequence[Number]
) -> Verdict:
    """Return what a rate is that does not fit its two counts: another pair may be meant, or one that is not there."""
    if _another(paragraph, rate, done, whole, before):
        return "unjudged"
    if _CARRIED.search(paragraph.words[whole.start : rate.end + 12]):
        return "suspicious"
    between = paragraph.words[whole.end : rate.start]
    apart = ";" in between or _PLACES.search(between) or re.search(r"其中|去年|上年|同比", between)
    others = [one for one in before if whole.start < one.start < rate.start and one.unit == done.unit]
    if whole.sentence != done.sentence:
        return "suspicious"
    if others != [done]:
        return "unjudged" if not same_thing(done, whole) else "suspicious"
    if not same_thing(done, whole):
        return "suspicious" if whole.sentence == done.sentence and not apart else "unjudged"
    if apart and not re.fullmatch(r"[^,。;\d]{0,12},?其中[^,。;]{0,24}(?:,[^,。;\d]{0,14})?", between):
        return "suspicious"
    return "wrong"


def _another(
    paragraph: Paragraph, rate: Number, done: Number, whole: Number, before: Sequence[Number]
) -> bool:
    """Tell whether a rate may be one of other numbers than its two: another pair or a sum gives it, or it is of a term."""
    scale = _scale(rate)
    pairs = [
        (one, two)
        for one in before[-12:]
        for two in before[-12:]
        if one.unit == two.unit and one.high < two.low
    ]
    sums = [
        (before[i].value + before[i + 1].value, two)
        for i in range(max(0, len(before) - 12), len(before) - 1)
        for two in before[max(0, len(before) - 12) : i]
        if before[i].unit == before[i + 1].unit == two.unit and two.value
    ]
    if any(
        two.low > 0 and fit(scale * one.low / two.high, scale * one.high / two.low, rate) == "fits"
        for one, two in pairs
        if (one, two) != (done, whole)
    ) or any(fit(scale * made / two.value, scale * made / two.value, rate) == "fits" for made, two in sums):
        return True
    words = paragraph.words[whole.start : rate.end + 12]
    return not _CARRIED.search(words) and re.search("序时|期限|到期|期内|按计划", words) is not None


# Shares


_TAKES: Final = re.compile(
    r"(?:占(?:比|比为|比达|了|到)?(?:全?[区市]?[^,。;\d]{0,10}(?:总数|总量|的))?|占[^,。;\d]{0,12})$"
)


_PLAIN_SHARE: Final = re.compile(r"占?(?:比|比达|比为|总数的?|其|的|全部的?|约|达|到|为)*")


def shares(paragraph: Paragraph) -> Iterator[Finding]:
    """Yield what a count and its share of a whole say: 104处，其中7处…，占6.7%."""
    for rate in paragraph.numbers:
        if rate.role == "rate" and rate.exact and "率" not in rate.before:
            found = _share(paragraph, rate)
            if found is not None:
                yield found


_IN_ORDER: Final = re.compile(
    "分别(?:占|占比|占总数的?|占全部的?|占比为)|(?:占比|比例|比重)(?:分别)?(?:为|是)$"
)


def shares_in_order(paragraph: Paragraph) -> Iterator[Finding]:
    """Yield what shares say that stand in the order of their counts: 重大0处、较大8处、…，分别占0、0.02%、…."""
    for run in runs(paragraph, ("、", "和", "及", ",")):
        if len(run) > 1 and run[0].role == "rate" and _IN_ORDER.search(run[0].before):
            yield from _shares_of(paragraph, run)


def _shares_of(paragraph: Paragraph, run: Sequence[Number]) -> Iterator[Finding]:
    before = counts_near(paragraph, run[0], sentences=1)
    parts = before[-len(run) :]
    if (
        len(parts) < len(run)
        or len({one.unit for one in parts}) > 1
        or not all(one.exact for one in (*parts, *run))
    ):
        return
    scale = _scale(run[0])

    def unfit(whole: Number) -> list[int]:
        exact = [scale * one.value / whole.value for one in parts]
        return [
            i for i, (one, rate) in enumerate(zip(exact, run, strict=True)) if fit(one, one, rate) == "off"
        ]

    low, _, high = sum_of(parts)
    wholes = [
        one
        for one in before[: -len(run)]
        if one.unit == parts[0].unit
        and one.exact
        and one.value > 0
        and one.high >= max(part.low for part in parts)
    ]
    if not wholes:
        return
    whole = min(reversed(wholes), key=lambda one: len(unfit(one)))
    off = unfit(whole)
    if off and len(off) > len(run) / 2:
        return  # of another whole
    all_of_it = low <= whole.high and high >= whole.low
    verdict: Verdict = (
        "agrees" if not off else "wrong" if all_of_it and len(off) == 1 < len(run) - 1 else "suspicious"
    )
    for at in off or range(len(run)):
        yield _divided("share", verdict, parts[at], whole, run[at])


_REACH: Final = 16


def _share(paragraph: Paragraph, rate: Number) -> Finding | None:
    here = counts_near(paragraph, rate)
    if not here or CHANGED.search(rate.before) or not here[-1].exact:
        return None
    part = here[-1]
    if (found := _share_of_stated(paragraph, rate, here)) is not None:
        return found
    gap = paragraph.between(part, rate)
    bracket = not rate.before and gap in {"(", ","}
    if len(gap) > _REACH or not (bracket or _TAKES.search(rate.before)):
        return None
    stated_whole = re.search(r"占(?:全年|年度|计划|控制|[^,。;]{0,6}(?:指标|计划|任务|目标))", gap)
    if stated_whole or re.search(r"人口|GDP|面积", rate.before):
        return None
    scale = _scale(rate)
    wholes = [
        one
        for one in counts_near(paragraph, part, sentences=2)
        if one.unit == part.unit and one.high >= part.low and one.low > 0 and one.exact
    ]
    if not wholes:
        return None
    fits = [
        one for one in wholes if fit(scale * part.low / one.high, scale * part.high / one.low, rate) == "fits"
    ]
    if fits:
        whole, verdict = fits[-1], "agrees"
    else:
        whole, verdict = _not_fitting(paragraph, rate, part, wholes)
        if verdict == "unjudged" and (named := _whole_in_words(rate, wholes)) is not None:
            whole, verdict = named, "suspicious"
        if verdict == "unjudged":
            return None
    return _divided("share", verdict, part, whole, rate)


_OF_WHOLE: Final = re.compile(r"占(?:其中)?(?P<of>[^,。;\d占]{2,12}?)的?(?:比例|比重|总数)?(?:为|达)?$")


def _whole_in_words(rate: Number, wholes: Sequence[Number]) -> Number | None:
    """Return the whole that the words of a share name, None where they name none: 抽查企业420家，…占抽查企业的23.1%."""
    found = _OF_WHOLE.search(rate.before)
    if found is None:
        return None
    of = re.sub("^[全总]部?|[总量数]+$", "", found["of"])
    return next((one for one in reversed(wholes) if len(of) > 1 and of in one.words), None)


def _share_of_stated(paragraph: Paragraph, rate: Number, here: Sequence[Number]) -> Finding | None:
    """Return what a share says whose whole stands in it: 覆盖112个社区，占全区115个社区的97.4%."""
    whole = here[-1]
    words = paragraph.between(whole, rate)
    part = next((one for one in reversed(here[:-1]) if one.unit == whole.unit), None)
    if part is None or "占" not in whole.before or not re.fullmatch(r"[^,。;\d]{0,8}的", words):
        return None
    if not (part.exact and whole.exact) or not whole.value or part is not here[-2]:
        return None
    scale = _scale(rate)
    fits = fit(scale * part.low / whole.high, scale * part.high / max(whole.low, Fraction(1)), rate)
    noun = whole.after.removesuffix("的")
    alike = (noun != "" and noun in part.words) or (part.after != "" and part.after in whole.words)
    verdict: Verdict = "agrees" if fits == "fits" else "suspicious"
    if fits == "off":
        another = any(
            one.unit == whole.unit
            and fit(scale * one.low / whole.high, scale * one.high / max(whole.low, Fraction(1)), rate)
            == "fits"
            for one in here[:-2]
        )
        verdict = "unjudged" if another else "wrong" if alike else "suspicious"
    return _divided("share", verdict, part, whole, rate)


def _not_fitting(
    paragraph: Paragraph, rate: Number, part: Number, wholes: Sequence[Number]
) -> tuple[Number, Verdict]:
    """Return the likeliest whole of a share that fits none, and what the share is then."""
    scale = _scale(rate)
    siblings = [
        (one, other)
        for other in paragraph.numbers
        if other.unit == rate.unit and other is not rate and abs(other.start - rate.start) < 400
        for one in counts_near(paragraph, other)[-1:]
        if one.unit == part.unit and 0 < other.start - one.end < _REACH
    ]
    proven = [
        whole
        for whole in wholes
        if sum(
            fit(scale * one.low / whole.high, scale * one.high / whole.low, other) == "fits"
            for one, other in siblings
            if one.high <= whole.low
        )
        > 1
    ]
    whole = (proven or wholes)[-1]
    gap = paragraph.between(whole, part)
    direct = (
        len(wholes) == 1
        and whole.sentence == part.sentence
        and "其中" in gap
        and not re.search(r"[%;]", gap)
        and _PLAIN_SHARE.fullmatch(rate.before) is not None
    )
    near = fit(scale * part.low / whole.high, scale * part.high / whole.low, rate) == "near"
    if direct and not near:
        return whole, "wrong"
    next_to = (
        len(wholes) == 1
        and re.fullmatch(r"[^,。;\d]{0,10},[^,。;\d]{0,10}", gap) is not None
        and _PLAIN_SHARE.fullmatch(rate.before) is not None
        and rate.before != ""
    ) or (len(wholes) == 1 and re.fullmatch(r"[^,。;\d]{0,8}中,[^,。;\d]{0,20}", gap) is not None)
    return whole, "suspicious" if proven or direct or next_to else "unjudged"


# Stages


_STAGES: Final = tuple(
    re.compile(one)
    for one in (
        "选址|规划",
        "方案|设计",
        "开工|动工|进场",
        "建成|完工|竣工",
        "验收",
        "启用|投入使用|投用|运营",
    )
)


def orders(paragraph: Paragraph) -> Iterator[Finding]:
    """Yield stages of which a later one counts more than the one before it; text alone proves nothing of them."""
    for sentence in dict.fromkeys(one.sentence for one in paragraph.counts):
        here = [one for one in paragraph.counts if one.sentence == sentence]
        chain = _chain(here)
        if len(chain) < 3 or re.search("阶段|处于|正在|尚|待", "|".join(one.words for one in chain)):
            continue
        rising = next(((a, b) for a, b in pairwise(chain) if b.low > a.high), None)
        spelt = " ≥ ".join(one.text for one in chain)
        if rising is None:
            yield Finding.of("order", "agrees", chain, stated=spelt, expected=spelt, why=Text(spelt, spelt))
            continue
        first, second = rising
        yield Finding.of(
            "order",
            "suspicious",
            chain,
            stated=second.text,
            expected=f"≤ {first.text}",
            why=Text(
                f"后一阶段 {second.text} 多于前一阶段 {first.text}",
                f"a later stage, {second.text}, counts more than the one before, {first.text}",
            ),
        )


def _chain(counts: Sequence[Number]) -> list[Number]:
    """Return the counts that name stages in their order, of the unit of the first."""
    chain: list[Number] = []
    stage = -1
    for one in counts:
        at = next((i for i, words in enumerate(_STAGES) if words.search(one.words)), None)
        if at is not None and at > stage and (not chain or one.unit == chain[0].unit):
            chain.append(one)
            stage = at
    return chain
