"""One cell's text → its value or what is wrong with it. Every distinct text is judged once."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal, NamedTuple

import numpy as np

from riskmap.catalog.layer import Field
from riskmap.errors import Text
from riskmap.moments import Zone, iso_minute, parse_moment, parse_zone, seconds_of, why_no_moment
from riskmap.rules import vocabulary
from riskmap.rules.dates import parse_date
from riskmap.rules.masks import is_masked
from riskmap.units import parse_quantity
from riskmap.values.records import CLEAR, Cell, Clear

Severity = Literal["error", "warning"]


# Invisible and direction-changing characters: they make one name look like another.
# The characters themselves, since the two engines that use them spell escapes differently.
HIDDEN_CHARACTERS: Final = "".join(
    f"{chr(first)}-{chr(last)}"
    for first, last in (
        (0x00, 0x08),
        (0x0B, 0x0C),
        (0x0E, 0x1F),
        (0x7F, 0x9F),
        (0x200B, 0x200F),
        (0x202A, 0x202E),
        (0x2060, 0x2064),
        (0x2066, 0x2069),
        (0xFEFF, 0xFEFF),
        (0xFFF9, 0xFFFB),
    )
)


_HIDDEN = re.compile(f"[{HIDDEN_CHARACTERS}]")


_MIDNIGHT = re.compile(r"^(\d{4}-\d\d-\d\d) 00:00:00$")


NINE_DECIMALS: Final = r"^-?\d{7,15}\.\d{9}$"


_NINE_DECIMALS = re.compile(NINE_DECIMALS)


_A_DAY = re.compile(r"^\d{4}-\d\d-\d\d(?: 00:00:00)?$")


_FLOAT_ID = re.compile(r"^(\d{1,18})\.0+$")


_SCIENTIFIC = re.compile(r"^\d(?:\.\d+)?[eE]\+?\d{1,2}$")


CODE_CHARS: Final = 100


_COUNTABLE: Final = 1e18  # a float beyond is no count


LARGEST: Final = 1e15  # no quantity of a district


TEXT_CHARS: Final = 20_000


NAME_CHARS: Final = 300


PERSON_CHARS: Final = 200


# 0755-25500000-8001, 25500000转8001: what is dialled once somebody has answered.
_EXTENSION = re.compile(r"(?:(?<=\d{7})-|转|ext\.?|x)\s*\d{1,6}$", re.IGNORECASE)


PERSON_BREAK: Final = r"[/、,，;；\n]|或"


_PERSON_BREAK = re.compile(PERSON_BREAK)


_PHONE_FILLING = re.compile(r"^\s*(?:\+|00)86|[\s()\-–—]")


# A mobile, a landline with its area code, a landline of eight digits.
_USUAL_PHONE = re.compile(r"^(?:1[3-9]\d{9}|0\d{2,3}\d{7,8}|[1-9]\d{7})$", re.ASCII)


_EXACT_DIGITS: Final = 15


ZONE_IN_HEADER: Final = Text(
    "请写成 2026-08-31T14:00+08:00，或在表头写“（北京时间）”",
    "write 2026-08-31T14:00+08:00, or (UTC) in the header",
)


_NOISE = 1e-9  # what converting a unit may leave


class Finding(NamedTuple):
    """What is wrong with a stated value: the rule that spoke, how bad it is, the find and the remedy.

    An error refuses the value, a warning keeps it. `message` names no place: the door adds its own.
    `holds`: of an error, the value has two readings: a row of a file waits for a person instead of being rejected.
    """

    rule: str
    severity: Severity
    message: Text
    holds: bool = False


class Verdict(NamedTuple):
    """The value to keep (None: nothing stated, or refused; CLEAR: erase) and what is to be said of it."""

    value: Cell
    finding: Finding | None = None


Judge = Callable[[str], Verdict]


_NOTHING: Final = Verdict(None)


def error(rule: str, zh: str, en: str) -> Verdict:
    """Return the verdict that refuses the value."""
    return Verdict(None, Finding(rule, "error", Text(zh, en)))


def warn(value: Cell, rule: str, zh: str, en: str) -> Verdict:
    """Return a value that is kept, with a remark."""
    return Verdict(value, Finding(rule, "warning", Text(zh, en)))


def shown(text: str) -> str:
    """Return a cell as a message quotes it: short and without invisible characters."""
    clean = _HIDDEN.sub("�", shortest(" ".join(text.split())))
    return clean if len(clean) <= 40 else clean[:39] + "…"  # noqa: PLR2004 - a message, not the cell


def shortest(text: str) -> str:
    """Return a number as it was typed, where the workbook reader wrote it with nine decimals.

    38512225.9 comes as 38512225.899999999; a text that really has these digits stays.
    """
    if not _NINE_DECIMALS.match(text):
        return text
    short = f"{float(text):.15g}"
    return short if f"{float(short):.9f}" == text else text


def tidy(text: str) -> str:
    """Return a text without invisible characters, in one spelling of line breaks."""
    return _HIDDEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")).strip()


def as_text(stated: object) -> str | None:
    """Return a stated value as a file would hold it; None where it states nothing (None, NaN, NA)."""
    if stated is None or type(stated).__name__ in {"NAType", "NaTType"}:
        return None
    if isinstance(stated, Clear):
        return stated.value
    if isinstance(stated, tuple | list):
        return "\n".join(filter(None, map(as_text, stated))) or None
    if isinstance(stated, bool | np.bool_):
        return "是" if stated else "否"
    if isinstance(stated, float | np.floating):
        whole = stated.is_integer() and abs(stated) < _COUNTABLE
        return None if np.isnan(stated) else str(int(stated)) if whole else str(stated)
    if isinstance(stated, np.datetime64):
        return as_text(None if np.isnat(stated) else stated.astype("datetime64[us]").item())
    if isinstance(stated, dt.datetime):
        second = stated.replace(microsecond=0)
        whole_day = second.time() == dt.time() and second.tzinfo is None
        return second.date().isoformat() if whole_day else second.isoformat(" ", "seconds")
    return None if isinstance(stated, bytes) else str(stated)


def judge_text(limit: int) -> Judge:
    """Judge free text: what it says stays as it is, also when it looks like a formula or markup."""

    def judge(text: str) -> Verdict:
        if text in vocabulary.FORMULA_ERRORS:
            return _formula_error(text)
        if vocabulary.is_blank(text):
            return _NOTHING
        if vocabulary.plain(text) == vocabulary.CLEAR_WORD:
            return Verdict(CLEAR)
        if len(text) > limit:
            return error(
                "text_too_long",
                f"文字长达 {len(text)} 字，上限 {limit} 字；请缩短",
                f"the text has {len(text)} characters, more than {limit}; shorten it",
            )
        midnight = _MIDNIGHT.match(text)
        if midnight:
            return Verdict(midnight[1])
        clean = shortest(tidy(text))
        if _HIDDEN.search(text):
            return warn(
                clean or None,
                "control_characters",
                f"{shown(text)} 含有不可见的控制字符，已去掉",
                f"{shown(text)} held invisible control characters, which were removed",
            )
        return Verdict(clean or None)

    return judge


def judge_code(text: str) -> Verdict:
    """Judge a record's code: text, never a number; leading zeros stay, a spreadsheet's .0 goes."""
    if text in vocabulary.FORMULA_ERRORS:
        return _formula_error(text)
    code = " ".join(unicodedata.normalize("NFKC", shortest(tidy(text))).split())
    if vocabulary.is_blank(code) or code == vocabulary.CLEAR_WORD:
        return _NOTHING
    if len(code) > CODE_CHARS:
        return error(
            "code_too_long",
            f"编号长达 {len(code)} 字，上限 {CODE_CHARS} 字；请核对是否填错列",
            f"the code has {len(code)} characters, more than {CODE_CHARS}; is it in the right column?",
        )
    if _SCIENTIFIC.match(code):
        return error(
            "code_lost_digits",
            f"编号 {code} 是科学计数法，已丢失数位；请把该列设为文本后重新填写",
            f"the code {code} is in scientific notation and has lost digits; set the column to text and fill it again",
        )
    whole = _FLOAT_ID.match(code)
    code = whole[1] if whole else code
    if len(code) > _EXACT_DIGITS and code.isascii() and code.isdigit() and int(float(code)) == int(code):
        # A text keeps all its digits; a number of this size keeps fifteen and looks like this one.
        return warn(
            code,
            "code_may_have_lost_digits",
            f"编号 {code} 超过 15 位，若在表格里存成了数字，末几位已丢失；请把该列设为文本后核对",
            f"the code {code} has more than 15 digits; kept as a number, a spreadsheet loses the last ones: set the "
            "column to text and check it",
        )
    if _A_DAY.match(code):
        return warn(
            code,
            "code_is_a_date",
            f"编号 {code} 是日期：表格多半把“2-1”这样的编号自动改成了日期；请把该列设为文本后重新填写",
            f"the code {code} is a date: a spreadsheet makes one of codes such as 2-1; set the column to text and fill it again",
        )
    return Verdict(code)


def judge_phone(text: str) -> Verdict:
    """Judge a phone number: text; a spreadsheet's .0 goes, masked numbers of ours stay."""
    value, finding = judge_text(PERSON_CHARS)(text)
    if not isinstance(value, str) or value in vocabulary.NOBODY:
        return Verdict(CLEAR if value is CLEAR else None, finding)
    number = unicodedata.normalize("NFKC", value)
    whole = _FLOAT_ID.match(number)
    number = whole[1] if whole else number
    if _SCIENTIFIC.match(number):
        return warn(
            value,
            "phone_lost_digits",
            f"电话 {number} 是科学计数法，已丢失数位；请把该列设为文本后重新填写",
            f"the phone number {number} is in scientific notation and has lost digits; set the column to text",
        )
    if not is_masked(number) and not all(map(_usual_phone, _PERSON_BREAK.split(number))):
        return warn(
            number,
            "phone_unusual",
            f"{shown(number)} 不像手机号、带区号的座机或 8 位座机，已保留，但叫应时不会拨打；请核对",
            f"{shown(number)} is no mobile, no landline with its area code and no number of 8 digits; it was kept "
            "but is not called, check it",
        )
    return Verdict(number, finding)


def callable_phone(phone: str | None) -> bool:
    """Tell whether a call-out may dial a kept number; a masked one stands for one that it may."""
    return bool(phone) and (is_masked(phone) or any(map(_usual_phone, _PERSON_BREAK.split(phone or ""))))


def _usual_phone(text: str) -> bool:
    return bool(_USUAL_PHONE.match(_PHONE_FILLING.sub("", _EXTENSION.sub("", text.strip()))))


def judge_name(text: str) -> Verdict:
    """Judge the name of a responsible person; of several in one cell it is said that they are kept as one."""
    verdict = judge_person(text)
    if verdict.finding is not None or not isinstance(verdict.value, str):
        return verdict
    people = [part for part in _PERSON_BREAK.split(verdict.value) if part.strip()]
    if len(people) < 2 or re.search(r"\d", verdict.value):  # noqa: PLR2004
        return verdict
    return warn(
        verdict.value,
        "several_people",
        f"一格有 {len(people)} 人，作为一个联系人原样保存，号码没有分到各人；请每人一格",
        f"the cell holds {len(people)} persons; kept as one contact as it stands, phones are not told apart: write "
        "one person to a cell",
    )


def judge_person(text: str) -> Verdict:
    """Judge the name or post of a responsible person: 无 says that nobody is named."""
    value, finding = judge_text(PERSON_CHARS)(text)
    return Verdict(None if value in vocabulary.NOBODY else value, finding)


def judge_field(field: Field, *, header_unit: str, kept: bool = False) -> Judge:
    """Return the judge for a field's cells. `header_unit` holds for cells that state no unit.

    `kept`: a ledger keeps the value: a moment as text, to the minute or the day that was stated.
    """
    match field.type:
        case "text":
            inner = judge_text(TEXT_CHARS)
        case "integer" | "number":
            inner = _none_of_it(_judge_number(field, header_unit))
        case "boolean":
            inner = judge_boolean
        case "date":
            inner = _judge_date
        case "moment":
            zone = zone_of(field, header_unit)
            inner = _judge_instant(zone or "beijing") if kept else _judge_moment(zone)
        case "choice":
            inner = _judge_choice(field)
        case "record" | "file":  # which files hang on a record is stated in no cell
            inner = _judge_record
    if field.type == "text":
        return inner
    if field.several:
        return _judge_several(field, _common(inner))
    common = _common(inner)
    return _choice_first(field, common) if field.type == "choice" else common


def _choice_first(field: Field, inner: Judge) -> Judge:
    """A word that the field lists is its value, even one that states nothing elsewhere (不涉及, none)."""
    known = _choice_words(field)

    def judge(text: str) -> Verdict:
        word = known.get(_choice_key(tidy(text)))
        return inner(text) if word is None else Verdict(word)

    return judge


def _common(inner: Judge) -> Judge:
    def judge(text: str) -> Verdict:
        if text in vocabulary.FORMULA_ERRORS:
            return _formula_error(text)
        clean = tidy(text)
        if vocabulary.is_blank(clean):
            return _NOTHING
        if vocabulary.plain(clean) == vocabulary.CLEAR_WORD:
            return Verdict(CLEAR)
        return inner(clean)

    return judge


def _none_of_it(inner: Judge) -> Judge:
    """无 where a number or a date belongs states nothing; only a question or a text answers with it."""

    def judge(text: str) -> Verdict:
        return _NOTHING if vocabulary.plain(text) in vocabulary.NO_NUMBER else inner(text)

    return judge


def _formula_error(text: str) -> Verdict:
    if text == vocabulary.UNCALCULATED:
        return error(
            "formula_error",
            "公式没有计算结果（文件由程序生成，未经 Excel 计算）；请用 Excel 或 WPS 打开并保存后再导入，或改填数值",
            "the formula has no calculated value (a program wrote the file); open and save it in Excel or WPS, "
            "or write the value",
        )
    return error(
        "formula_error",
        f"单元格是公式错误 {text}；请改正公式或改填数值",
        f"the cell holds the formula error {text}; correct the formula or write the value",
    )


def check_number(field: Field, value: float, text: str) -> Finding | None:
    """Return what is wrong with a number in the field's unit: limits and the published values."""
    unit = field.unit
    if field.minimum is not None and value < field.minimum:
        return Finding(
            "below_minimum",
            "error",
            Text(
                f"{shown(text)} 小于下限 {field.minimum:g}{unit}；请核对",
                f"{shown(text)} is below the minimum of {field.minimum:g} {unit}; check it".replace(
                    " ;", ";"
                ),
            ),
        )
    if field.maximum is not None and value > field.maximum:
        return Finding(
            "above_maximum",
            "error",
            Text(
                f"{shown(text)} 大于上限 {field.maximum:g}{unit}；请核对",
                f"{shown(text)} is above the maximum of {field.maximum:g} {unit}; check it".replace(
                    " ;", ";"
                ),
            ),
        )
    if field.standard_values and not any(abs(value - s) < _NOISE for s in field.standard_values):
        listed = "、".join(f"{s:g}" for s in field.standard_values)
        return Finding(
            "not_standard",
            "warning",
            Text(
                f"{value:g} 不是该方法规定的取值（{listed}），已按原值保留；请核对",
                f"{value:g} is not a value of the method ({listed}) and was kept as it is; check it",
            ),
        )
    return None


def _judge_number(field: Field, header_unit: str) -> Judge:
    whole = field.type == "integer"
    example = "30" if whole else "12"
    wanted = f"{example} 或 {example}{field.unit}" if field.unit else example
    trace = {vocabulary.plain(word) for word in field.trace}

    def judge(text: str) -> Verdict:
        if vocabulary.plain(text) in trace:
            return warn(0.0, "trace", f"{shown(text)} 按 0 计", f"{shown(text)} was taken as 0")
        stated = parse_quantity(re.split(r"\s", text, maxsplit=1)[0])
        if stated in field.missing:
            return _NOTHING
        if stated in field.sentinels:
            return error(
                "missing_code",
                f"{shown(text)} 像是缺测码；请改为空格，或说明它表示缺测",
                f"{shown(text)} looks like a missing code; leave it blank, or state that it means missing",
            )
        if field.unit_required and not header_unit and parse_quantity(text) is not None:
            return error(
                "no_unit",
                f"{shown(text)} 没有写单位；请在表头写明，如（{field.unit}）",
                f"{shown(text)} states no unit; write it in the header, such as ({field.unit})",
            )
        value = parse_quantity(text, field.unit, header_unit=header_unit)
        if value is None or not abs(value) <= LARGEST:
            return error(
                "not_a_number",
                f"{shown(text)} 不是{'整数' if whole else '数值'}；请填 {wanted} 这样的内容",
                f"{shown(text)} is not {'a whole number' if whole else 'a number'}; write {wanted.replace(' 或 ', ' or ')}",
            )
        if whole:
            if abs(value - round(value)) > _NOISE:
                return error(
                    "not_whole",
                    f"{shown(text)} 不是整数；请填整数",
                    f"{shown(text)} is not a whole number; write a whole number",
                )
            value = round(value)
        problem = check_number(field, value, text)
        return Verdict(None if problem and problem.severity == "error" else value, problem)

    return judge


def zone_of(field: Field, stated: str) -> Zone | None:
    """Return the zone of moments that name none: the one `stated` around them, or else the field's."""
    return parse_zone(stated) or (None if field.zone == "required" else field.zone)


def _judge_moment(zone: Zone | None) -> Judge:
    def judge(text: str) -> Verdict:
        moment = parse_moment(text, zone)
        if moment is None:
            why = why_no_moment(text, zone, remedy=ZONE_IN_HEADER)
            return Verdict(None, Finding("not_a_moment", "error", why))
        return Verdict(str(seconds_of(moment)))

    return judge


def _judge_instant(zone: Zone) -> Judge:
    """Judge a moment that a record keeps: 2023-05-16T02:20Z, or 2023-05-16 where no hour is stated."""

    def judge(text: str) -> Verdict:
        moment = None if _MIDNIGHT.match(text) else parse_moment(text, zone)
        if moment is not None:
            return Verdict(iso_minute(moment))
        found = parse_date(shortest(text))
        if found is not None and found.timed:
            why = why_no_moment(text, zone, remedy=ZONE_IN_HEADER)
            return Verdict(None, Finding("not_a_moment", "error", why))
        return _judge_date(text)

    return judge


def _judge_record(text: str) -> Verdict:
    """Judge the record that a cell names: its code, LAYER:CODE, or its name; the ledger knows whether there is one."""
    value, finding = judge_code(text)
    return Verdict(value, finding) if isinstance(value, str) or finding else _NOTHING


_BETWEEN: Final = re.compile(r"[、，,；;\n]+")


def _judge_several(field: Field, inner: Judge) -> Judge:
    """Judge a cell that may hold more than one: kept as one text, choices in the order of the file."""
    order = {choice.id: place for place, choice in enumerate(field.choices)}

    def judge(text: str) -> Verdict:
        whole = inner(text) if field.type == "choice" else None
        if whole is not None and whole.finding is None:
            return whole  # one word that the file lists, though it holds what parts others
        found: list[str] = []
        said: Finding | None = None
        for part in (p.strip() for p in _BETWEEN.split(tidy(text)) if p.strip()):
            value, finding = inner(part)
            if finding is not None and finding.severity == "error":
                return Verdict(None, finding)
            if value is CLEAR:
                return Verdict(CLEAR)
            said = said or finding
            if value is not None:
                found.append(str(value))
        distinct = list(dict.fromkeys(found))
        if field.type == "choice":
            distinct.sort(key=lambda one: order.get(one, len(order)))
        return Verdict("\n".join(distinct) or None, said)

    return judge


def judge_boolean(text: str) -> Verdict:
    """Judge a yes/no cell: 有/无, 是/否, Y/N, √/×, 1/0, 已…/未…."""
    if text in vocabulary.FORMULA_ERRORS:
        return _formula_error(text)
    if vocabulary.is_blank(text):
        return _NOTHING
    answer = vocabulary.yes_no(text)
    if answer is None:
        return error(
            "not_yes_or_no",
            f"{shown(text)} 看不出是有还是无；请填 有 或 无",
            f"{shown(text)} is neither yes nor no; write 有 or 无",
        )
    return Verdict(answer)


def judge_answer(text: str) -> Verdict:
    """Judge the answer to one item of a checklist: yes, no, not stated, or 清空."""
    return _common(judge_boolean)(text)


def _judge_date(text: str) -> Verdict:
    if vocabulary.plain(text) == "无":
        return _NOTHING
    found = parse_date(shortest(text))
    if found is None:
        return error(
            "not_a_date",
            f"{shown(text)} 不是有效日期；请填 2023-09-08 这样的日期",
            f"{shown(text)} is not a valid date; write one like 2023-09-08",
        )
    if found.readings:
        return _two_days(text, found.readings)
    if found.partial:
        return warn(
            found.iso,
            "partial_date",
            f"{shown(text)} 没有写到日，已按 {found.iso} 计；请补全",
            f"{shown(text)} names no day and was taken as {found.iso}; complete it",
        )
    if found.timed:
        zh, en = ("（北京时间）", " in Beijing") if found.zoned else ("", "")
        return warn(
            found.iso,
            "time_dropped",
            f"{shown(text)} 带有时刻，此栏只记日期，已记为 {found.iso}{zh}；时刻如有用请另记",
            f"{shown(text)} names a time of day, and only its date {found.iso}{en} was kept; write the time elsewhere if "
            "it matters",
        )
    return Verdict(found.iso)


def _two_days(text: str, readings: Sequence[str]) -> Verdict:
    """Return the verdict on a date whose day and month can be swapped: which is meant only a person knows."""
    zh = f"{shown(text)} 可以读作 {' 或 '.join(readings)}；请改写成其中一个"
    en = f"{shown(text)} may be {' or '.join(readings)}; write the one that is meant"
    return Verdict(None, Finding("ambiguous_date", "error", Text(zh, en), holds=True))


def judge_day(text: str) -> Verdict:
    """Judge the date of a person's verification."""
    return _common(_judge_date)(text)


def _judge_choice(field: Field) -> Judge:
    known = _choice_words(field)

    def judge(text: str) -> Verdict:
        word = _choice_key(text)
        found = known.get(word) or known.get(re.sub(r"\(.*\)$", "", word)) or known.get(_number_key(word))
        if found is not None:
            return Verdict(found)
        if word == "无":
            return _NOTHING
        listed = "、".join(c.title.zh for c in field.choices[:12])
        if field.open and len(text) <= PERSON_CHARS:
            return warn(
                text,
                "unknown_choice",
                f"{shown(text)} 不在已知选项（{listed}）中，已按原文保留；请核对",
                f"{shown(text)} is not a known choice and was kept as written; check it",
            )
        return error(
            "not_a_choice",
            f"{shown(text)} 不是可选的值；请填 {listed} 之一",
            f"{shown(text)} is not one of the choices; write one of {', '.join(c.id for c in field.choices[:12])}",
        )

    return judge


def _choice_key(text: str) -> str:
    return re.sub(r"\s+", "", vocabulary.plain(text))


def _number_key(word: str) -> str:
    return word.removesuffix(".0")


def _choice_words(field: Field) -> Mapping[str, str]:
    known: dict[str, str] = {}
    for choice in field.choices:
        for word in (choice.id, choice.title.zh, choice.title.en, *choice.aliases):
            if word:
                known.setdefault(_choice_key(word), choice.id)
    return known
