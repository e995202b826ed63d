"""The words of sub-district spreadsheets: what means nothing, yes, no, a total, a signature, a note."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from riskmap.letters import simplified

# "Not stated". 无 is not here: it is False for a yes/no and a real value for a text.
BLANKS: Final = frozenset(
    {
        "",
        "/",
        "\\",
        "//",
        "-",
        "--",
        "---",
        "—",
        "——",
        "_",
        "－",
        "–",
        "―",
        "一一",
        "*",
        "?",
        "??",
        "？",
        "…",
        "......",
        ".",
        "无数据",
        "无资料",
        "无记录",
        "暂无",
        "暂无数据",
        "暂缺",
        "缺",
        "缺失",
        "空",
        "未填",
        "未填写",
        "待填",
        "待补充",
        "待核实",
        "待定",
        "不详",
        "不明",
        "未知",
        "不清楚",
        "不适用",
        "不涉及",
        "n/a",
        "na",
        "null",
        "none",
        "nan",
        "nil",
        "unknown",
        "<null>",
        "(null)",
        "(空)",
        "nodata",
        "no data",
        "缺测",
        "缺报",
        "缺测值",
        "未观测",
        "未测",
        "///",
        "////",
        "/////",
        "//////",
    }
)


# What states nothing where a number belongs and is a word elsewhere.
NO_NUMBER: Final = frozenset({"无", "m", "miss", "missing", "#n/a", "-nan"})


CLEAR_WORD: Final = "清空"


# What stands in a responsible person's cell while the post is vacant.
NOBODY: Final = frozenset({"无", "没有", "空缺", "缺位", "无人"})


# A formula that was never calculated: files that programs write hold the formula and no value.
UNCALCULATED: Final = "#未计算"


FORMULA_ERRORS: Final = frozenset(
    {"#DIV/0!", "#N/A", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!", UNCALCULATED}
)


# fmt: off
_YES = (
    "有", "是", "对", "y", "yes", "t", "true", "√", "✓", "✔", "☑", "1", "已", "已有", "具备", "存在", "完成", "达标", "合格",
    "完善", "齐全", "到位",
)


_NO = (
    "无", "否", "没", "没有", "不", "n", "no", "f", "false", "×", "✗", "✘", "x", "╳", "☐", "0", "未", "尚未", "不是", "不具备",
    "不存在", "不达标", "不合格", "不完善", "不齐全", "缺少",
)


# fmt: on
YES: Final = frozenset(_YES)


NO: Final = frozenset(_NO)


# 已完成治理, 未监测; but 已拆除 is no yes, and 未核实 says that nobody knows.
_DONE = re.compile(r"^已(?!.*[停拆撤毁坏关取])\w{1,6}$")


_NOT_DONE = re.compile(r"^(?:尚?未|没有?)(?!.*[核查统评知填详定检明])\w{1,6}$")


_TOTAL = r"(?:合\s*计|总\s*计|小\s*计|共\s*计|累\s*计|总\s*数|汇\s*总|本页合计|全街道合计|平\s*均|sub-?total|total)"


_SIGNED = (
    r"(?:填\s*[表报写]\s*(?:人|单位|日期|时间|部门)|制\s*表\s*(?:人|单位|日期|时间)?|审\s*[核批定](?:人|单位|日期|意见)?|"
    r"复\s*核(?:人)?|负\s*责\s*人(?:签[字名章])?|经\s*办\s*人|统\s*计\s*(?:人|负责人)|单\s*位\s*(?:负责人|领导|盖章|公章)?|"
    r"分管领导|主要领导|领导签[字名]|签\s*[字名章](?:人)?|盖\s*章|公\s*章|校\s*对(?:人)?|录\s*入(?:人)?|报\s*送\s*(?:人|单位|日期|时间)|"
    r"上\s*报\s*(?:人|单位|日期|时间)|填表|制单(?:人)?|日\s*期|联\s*系\s*人|联\s*系\s*电\s*话)"
)


_NOTE = r"(?:备?\s*注|说\s*明|填[表报写]说明|附\s*注|注意(?:事项)?|提示|资料来源|数据来源|来源|note|notes)"


# Each must match from the first letter on. A total may be followed by a count, a signature and a
# note only by a colon (or nothing), so that a slope called 备注山 stays a slope.
TOTAL: Final = re.compile(rf"^[(\[]?{_TOTAL}[)\]]?\s*(?:$|[::(]|\d)", re.IGNORECASE)


SIGNED: Final = re.compile(rf"^{_SIGNED}\s*(?:\([^)]*\))?\s*(?:$|[::])", re.IGNORECASE)


NOTE: Final = re.compile(rf"^[(\[*※★]*\s*{_NOTE}\s*\d*\s*[::;、.]", re.IGNORECASE)


ENDING: Final = re.compile(
    r"^[(\[\-—]*\s*(?:[此本]?页?以下(?:空白|无正文)|[此本]页无正文|表格?结束|完|第\s*\d+\s*页.*)\s*[)\]\-—]*$"
)


# What a form shows above the rows to be filled in; a slope called 示例路 stays a slope.
EXAMPLE: Final = re.compile(
    r"^[(\[【<《*※]*\s*(?:填写|填报)?(?:示\s*例|样\s*例|范\s*例|举\s*例|例\s*如|example|sample)\s*(?:行|数据)?\s*\d*\s*[)\]】>》]*\s*(?:$|[::])",
    re.IGNORECASE,
)


# 一、在册隐患点 / (二)新增: a line that heads the rows below it. No code begins like this.
ENUMERATED: Final = re.compile(
    r"^(?:[(]\s*[一二三四五六七八九十]{1,3}\s*[)]|[一二三四五六七八九十]{1,3}\s*[、.])"
)


LABEL: Final = re.compile(r"^[^::\d]{1,12}[::]")


DATE_LINE: Final = re.compile(r"^\d{4}\s*[年./-]\s*\d{1,2}\s*(?:[月./-]\s*(?:\d{1,2}\s*日?)?)?$")


# One expression for the columns as a whole (Arrow's engine), loose: it only selects what is looked at.
LOOSE: Final = (
    r"(?i)^[\s(（\[【*※★\-—]*(?:合\s*计|总\s*计|小\s*计|共\s*计|累\s*计|总\s*数|汇\s*总|本页|全街道|平\s*均|sub-?total|total|"
    r"填|制|审|复\s*核|负|经|统|单|分管|主要|领导|签|盖|公\s*章|校|录|报|上\s*报|日\s*期|联|备|注|说|附|提示|资料|数据|来源|note|"
    r"以下|此页|表|完|第|[<《]?(?:示|样|范|举|例|example|sample))"
)


def plain(text: str) -> str:
    """Return text as words are compared: NFKC, trimmed, lower-case, simplified letters."""
    return simplified(unicodedata.normalize("NFKC", text).strip().casefold())


def is_blank(text: str) -> bool:
    """Tell whether a cell says that nothing is stated."""
    return not text or plain(text) in BLANKS


def yes_no(text: str) -> bool | None:
    """Return what a cell says of a yes/no question; None when it is no answer.

    Takes 有/无, 是/否, Y/N, √/×, 1/0 and 已…/未…; a remark in brackets behind the answer is dropped.
    """
    word = re.sub(r"\s*\(.*\)$", "", plain(text)).rstrip("。.;,、")
    if word in YES or word in {"1.0", "v"}:
        return True
    if word in NO or word == "0.0":
        return False
    if _DONE.match(word):
        return True
    return False if _NOT_DONE.match(word) else None


def is_non_data(text: str) -> bool:
    """Tell whether a line that begins like this is a total, signature, note, example or closing line."""
    words = plain(text)
    return any(p.match(words) for p in (TOTAL, SIGNED, NOTE, ENDING, EXAMPLE))
