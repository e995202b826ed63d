"""Columns that no field reads: kept as text beside the record's fields, each under its own header.

Such a value goes by the key `extra:HEADER` wherever a field goes by its id: in records, revisions, changes
and tables. Nobody said what it means, so what looks like a person or a phone number is masked as contacts are.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Final

from riskmap.catalog.headers import normalise_header
from riskmap.rules.masks import is_masked, mask_phone, mask_value

PREFIX: Final = "extra:"


# People by the column's name.
_PERSONAL: Final = re.compile(
    r"姓名|名字|电话|手机|联系方式|联络方式|身份证|证件号|微信|qq|邮箱|phone|mobile|contact|tel|e-?mail"
)


# A person where the name ends so: 联系人 is one, 人口 is not; 能装多少人 counts them, as its numbers tell.
_PERSON: Final = re.compile(r"(?:人|员|户主|领导|主任|代表|经理|[街河湖楼校院局队科处所站组片村]长)$")


_COUNT: Final = re.compile(r"\d{1,6}(?:\.\d+)?")


_NUMBER: Final = re.compile(r"(?<!\d)(?:1[3-9]\d{9}|0\d{2,3}[-\s]?\d{7,8}|\d{17}[\dXx])(?!\d)")


_HIDDEN: Final = re.compile(r"\d{1,3}\*{4}\d{2,4}|^[^\d*]\*$")


_NAME: Final = re.compile(
    "^[王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩邓冯曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚沈钟姜崔谭"
    "陆范汪廖石金贾韦夏付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤][\u4e00-\u9fff·]{1,2}$"
)


_SHARE: Final = 0.8  # of a column's texts look like names: it holds names


def key_of(header: str) -> str:
    """Return the key of a kept column."""
    return PREFIX + header


def is_extra(key: str) -> bool:
    """Tell whether a key is that of a kept column."""
    return key.startswith(PREFIX)


def header_of(key: str) -> str:
    """Return the header of a kept column."""
    return key.removeprefix(PREFIX)


def holds_people(header: str, texts: Iterable[str | None] = ()) -> bool:
    """Tell whether a kept column may hold people's names or numbers: by its header, else by its texts."""
    words, stated = normalise_header(header), {text for text in texts if text}
    if _PERSONAL.search(words):
        return True
    if _PERSON.search(words):
        return not stated or not all(map(_COUNT.fullmatch, stated))
    return bool(stated) and sum(bool(_NAME.match(text)) for text in stated) >= _SHARE * len(stated)


def masked(text: str | None, *, personal: bool) -> str | None:
    """Return a kept text as it may be shown: of a personal column as a name, numbers of people in any."""
    if not text:
        return text
    if personal:
        shown = mask_value(text)
        return shown if isinstance(shown, str) else None
    return _NUMBER.sub(lambda found: str(mask_phone(found[0])), text)


def shown_change(key: str, text: str | None) -> str | None:
    """Return a kept text as a history or a plan may show it, where its column is not at hand."""
    return masked(text, personal=holds_people(header_of(key), [text]))


def came_back_masked(key: str, text: object) -> bool:
    """Tell whether a kept text is what we show of one: then it says nothing new."""
    if not isinstance(text, str) or "*" not in text:
        return False
    return bool(_HIDDEN.search(text)) or (holds_people(header_of(key)) and is_masked(text))


def extra_keys(keys: Collection[str]) -> tuple[str, ...]:
    """Return the keys of kept columns, in their order."""
    return tuple(key for key in keys if is_extra(key))
