"""Warnings in the Common Alerting Protocol, version 1.2 (OASIS, 2010), read with the parser of Python.

No DTD, no entities, nothing from outside: a document that declares any is refused, and so is one that
is larger or nests deeper than an alert ever does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

import numpy as np

from riskmap.errors import RiskmapError, Say, UnreadableFileError
from riskmap.hazards import IssuedWarning
from riskmap.intake.notice import Notice
from riskmap.intake.warning_words import colour_in, colour_of, kind_in, subdistricts_in
from riskmap.moments import read_moment, seconds_of

NAMESPACE: Final = "urn:oasis:names:tc:emergency:cap:1.2"
MOST_BYTES: Final = 4 << 20
_DEEPEST: Final = 16
_MOST_ELEMENTS: Final = 50_000


@dataclass(slots=True)
class _Element:
    name: str
    line: int
    text: str = ""
    inner: list[_Element] = field(default_factory=list["_Element"])

    def all(self, name: str) -> Iterator[_Element]:
        return (e for e in self.inner if e.name == name)

    def get(self, name: str) -> str:
        return next((e.text.strip() for e in self.all(name)), "")


def read_cap(data: bytes, file: str, *, subdistricts: Sequence[str] = (), district: str = "") -> list[Notice]:
    """Return the warnings of one CAP alert: msgType Alert and Update are warnings, Cancel lifts.

    Kind and colour are read from event, headline and parameters; an alert that names no colour is
    refused, never guessed from its severity. Areas that name known sub-districts hold for those; one that
    names `district` or a city or province holds for all. Only status Actual is taken.
    """
    alert = _parsed(data, file)
    place = Say(f"{file} › 第 {alert.line} 行 alert", f"{file} › line {alert.line} alert")
    status, kind = alert.get("status"), alert.get("msgType")
    if status != "Actual":
        raise RiskmapError(
            f"{place.zh}：status 是 {status or '（空）'}，不是实际发布的预警（Actual）；演练和测试的不读取",
            f"{place.en}: status {status or '(blank)'} is no actual warning; exercises and tests are not taken",
        )
    if kind not in {"Alert", "Update", "Cancel"}:
        raise RiskmapError(
            f"{place.zh}：msgType 是 {kind or '（空）'}；应为 Alert、Update 或 Cancel",
            f"{place.en}: msgType is {kind or '(blank)'}; expected Alert, Update or Cancel",
        )
    infos = list(alert.all("info"))
    local = [info for info in infos if info.get("language").casefold().startswith("zh")]
    if not infos:
        raise RiskmapError(f"{place.zh}：没有 info", f"{place.en}: no info")
    lifts = kind == "Cancel"
    return [_notice(alert, info, file, subdistricts, district, lifts=lifts) for info in local or infos]


def _notice(
    alert: _Element, info: _Element, file: str, known: Sequence[str], district: str, *, lifts: bool
) -> Notice:
    place = Say(f"{file} › 第 {info.line} 行 info", f"{file} › line {info.line} info")
    said = [info.get("event"), info.get("headline"), *(p.get("value") for p in info.all("parameter"))]
    hazard = next((k for text in said if (k := kind_in(text))), None)
    colour = next((c for text in said if (c := colour_in(text))), None)
    if hazard is None or (colour is None and not lifts):
        what = Say("种类", "kind") if hazard is None else Say("颜色", "colour")
        raise RiskmapError(
            f"{place.zh}：在 event、headline、parameter 中没有预警{what.zh}（{'；'.join(filter(None, said)) or '空'}）；"
            "请改用 台风:橙色@街道 的写法输入",
            f"{place.en}: event, headline and parameters name no {what.en} ({'; '.join(filter(None, said)) or 'blank'}); "
            "type it as typhoon:orange@SUBDISTRICT",
        )
    if colour is not None:
        colour_of(colour, hazard, place)
    issued = _time(alert, "sent", place) if lifts else _time(info, "effective", place, alert)
    expires = None if lifts or not info.get("expires") else _time(info, "expires", place)
    if expires is not None and expires <= issued:
        raise RiskmapError(
            f"{place.zh}：expires {info.get('expires')} 不晚于发布时间",
            f"{place.en}: expires {info.get('expires')} is not after its issue",
        )
    inside = _areas(info, known, district, place)
    warning = IssuedWarning(hazard, colour or "white", issued, inside, expires, info.get("headline"), file)
    return Notice(warning, lifts=lifts)


def _areas(info: _Element, known: Sequence[str], district: str, place: Say) -> tuple[str, ...]:
    """Return the sub-districts of the areas, () for the whole district."""
    found: list[str] = []
    whole = False
    texts = [area.get("areaDesc") for area in info.all("area")]
    for text in texts:
        inside = subdistricts_in(text, known)
        found += inside
        wide = (district and district in text) or text.endswith(("市", "省", "全区", "全域"))
        if not inside and not wide:
            raise RiskmapError(
                f"{place.zh} › areaDesc：{text or '（空）'} 里没有本区的街道；现有：{'、'.join(known)}",
                f"{place.en} › areaDesc: {text or '(blank)'} names no sub-district of ours; there are: {', '.join(known)}",
            )
        whole = whole or not inside
    return () if whole or not texts else tuple(dict.fromkeys(found))


def _time(element: _Element, name: str, place: Say, other: _Element | None = None) -> np.datetime64:
    text = element.get(name) or (other.get("sent") if other is not None else "")
    return seconds_of(read_moment(text, None, place=Say(f"{place.zh} › {name}", f"{place.en} › {name}")))


def _parsed(data: bytes, file: str) -> _Element:
    if len(data) > MOST_BYTES:
        raise UnreadableFileError(
            f"{file}：超过 {MOST_BYTES >> 20} MB，不是一条预警",
            f"{file}: more than {MOST_BYTES >> 20} MB, no alert",
        )
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    stack: list[_Element] = []
    roots: list[_Element] = []
    count = 0

    def start(name: str, _attributes: object) -> None:
        nonlocal count
        count += 1
        if len(stack) >= _DEEPEST or count > _MOST_ELEMENTS:
            raise _refused(file, "层次或元素过多", "too many elements or too deep", parser.CurrentLineNumber)
        space, _, local = name.rpartition(" ")
        if not stack and (space != NAMESPACE or local != "alert"):
            raise _refused(
                file,
                f"根元素是 {local}，不是 CAP 1.2 的 alert",
                f"its root is {local}, no alert of CAP 1.2",
                1,
            )
        element = _Element(local if space == NAMESPACE else name, parser.CurrentLineNumber)
        (stack[-1].inner if stack else roots).append(element)
        stack.append(element)

    def end(_name: str) -> None:
        stack.pop()

    def text(part: str) -> None:
        if stack:
            stack[-1].text += part

    def refuse(*_: object) -> int:
        raise _refused(
            file,
            "含有 DTD 或实体声明，为安全起见不读取",
            "declares a DTD or entities and is refused",
            parser.CurrentLineNumber,
        )

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    parser.ExternalEntityRefHandler = parser.SkippedEntityHandler = refuse
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError) as problem:
        line = getattr(problem, "lineno", 1)
        raise _refused(file, "不是完好的 XML", "not sound XML", line) from problem
    return roots[0]


def _refused(file: str, zh: str, en: str, line: int) -> UnreadableFileError:
    return UnreadableFileError(f"{file} › 第 {line} 行：{zh}", f"{file} › line {line}: {en}")
