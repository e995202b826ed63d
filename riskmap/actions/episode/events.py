"""Writing one line of the event log as a person states it, checked before it is written.

Shelters that people close while a storm lasts: written into the log, and read from it by every plan.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from riskmap.actions.episode.duty import find_scenario, scenario_callout
from riskmap.actions.records.scoring import one_feature
from riskmap.actions.workspace import Workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.catalog.problems import closest
from riskmap.errors import RiskmapError, UnknownNameError, meant
from riskmap.interface import option
from riskmap.json_documents import Document
from riskmap.moments import BEIJING, utc_now
from riskmap.response.callout import clock
from riskmap.rules.masks import mask_name
from riskmap.rules.permissions import Actor, may
from riskmap.values.duty import CallLine
from riskmap.values.scenario import EVENT_KINDS, Event, NewEvent, RecordedScenario, standing
from riskmap.vocabulary import COLOURS, RESPONSES
from riskmap.vocabulary import KINDS as HAZARDS

CALLING: Final = ("call", "acknowledgement", "no_answer")


_LEVELS: Final[Mapping[str, str]] = {
    **{level: level for level in RESPONSES},
    "Ⅰ": "I",
    "Ⅱ": "II",
    "Ⅲ": "III",
    "Ⅳ": "IV",
    "1": "I",
    "2": "II",
    "3": "III",
    "4": "IV",
    "一": "I",
    "二": "II",
    "三": "III",
    "四": "IV",
}


_AHEAD: Final = dt.timedelta(minutes=5)  # clocks of two machines differ by less


@dataclass(frozen=True, slots=True)
class Entry:
    """What a person says of one event. `record` as LAYER:CODE; `contact` counts from 1.

    `signal`: KIND:COLOUR[@SUBDISTRICT,..] of a warning; `level`: I–IV of a response, which only a
    person declares; `answers`: the warnings (event numbers) that a response answers; `people`
    moved; `corrects`: the event that a correction takes back. `at`: when it happened, now unless given.
    """

    kind: str
    record: str = ""
    subdistrict: str = ""
    contact: int | None = None
    text: str = ""
    at: dt.datetime | None = None
    signal: str = ""
    level: str = ""
    answers: tuple[int, ...] = ()
    people: int | None = None
    corrects: int | None = None


def log_event(ws: Workspace, named: str | int, entry: Entry, *, by: Actor, why: str) -> Event:
    """Write one line of the log of a scenario and return it.

    RiskmapError says what the kind of event still needs; UnknownNameError names a record, contact,
    sub-district or event that does not exist. Nothing is written then.
    """
    may(by, "keep_log")
    scenario = find_scenario(ws, named)
    if entry.kind not in EVENT_KINDS:
        end = meant(closest(entry.kind, EVENT_KINDS))
        raise UnknownNameError(
            f"事件类型 {entry.kind}：没有；可用的有 {' '.join(EVENT_KINDS)}{end.zh}",
            f"kind of event {entry.kind}: there is none; there are {' '.join(EVENT_KINDS)}{end.en}",
        )
    if entry.kind == "message":
        raise RiskmapError(
            "消息：请用 riskmap message，消息经发件箱发出并逐次留痕",
            "message: use riskmap message; messages leave through the outbox, each attempt on record",
        )
    new = prepared(ws, scenario, entry)
    (number,) = ws.ledger.add_events(scenario.id, [new], by=by.name, why=why)
    return ws.ledger.events(scenario.id, number=number)[0]


def prepared(ws: Workspace, scenario: RecordedScenario, entry: Entry) -> NewEvent:
    """Return the event that an entry states, with everything it refers to looked up."""
    at = moment_in(scenario, entry.at)
    layer, code, place = _record(ws, entry.record)
    if entry.subdistrict:
        place = known_subdistrict(ws, entry.subdistrict)
    body: dict[str, Any] = {"text": entry.text.strip()} if entry.text.strip() else {}
    body |= _details(entry)
    if entry.kind in CALLING:
        body |= _callee(ws, scenario, entry, (layer, code), at)
    if entry.kind in {"opening", "closure"} and layer and code:
        body["name"] = one_feature(ws, layer, code).records.name[0] or code
    _need(entry, "text", entry.kind in {"new_spot", "note"} and not entry.text.strip())
    _need(
        entry,
        "record",
        entry.kind in {"opening", "closure", "action_done"} and not (layer or entry.text.strip()),
    )
    return NewEvent(at, entry.kind, layer, code, place, body)


def moment_in(scenario: RecordedScenario, at: dt.datetime | None) -> dt.datetime:
    """Return when an event happened; what has not happened yet is refused, but in a drill."""
    now = utc_now()
    if at is not None and at > now + _AHEAD and not scenario.drill:
        shown = f"{at.astimezone(BEIJING):%Y-%m-%d %H:%M}"
        raise RiskmapError(
            f"时间 {shown}（北京时间）：还没有到，未写入；日志只记已发生的事",
            f"{shown} (Beijing time) is still to come, nothing was written; the log holds what has happened",
        )
    return at or now


def known_subdistrict(ws: Workspace, name: str) -> str:
    """Return a sub-district's name; UnknownNameError where the boundaries do not know it."""
    known = ws.subdistricts
    if known and name not in known:
        end = meant(closest(name, known))
        raise UnknownNameError(
            f"街道 {name}：边界文件中没有；现有 {'、'.join(known)}{end.zh}",
            f"sub-district {name}: the boundaries do not know it; there are {', '.join(known)}{end.en}",
        )
    return name


def _record(ws: Workspace, record: str) -> tuple[str | None, str | None, str | None]:
    """Return layer, code and sub-district of LAYER:CODE, three times None for nothing."""
    if not record:
        return None, None, None
    layer, colon, code = record.replace("：", ":", 1).partition(":")
    if not colon or not code:
        raise RiskmapError(
            f"记录 {record!r}：请写成 图层:编号，如 slopes:BP0012",
            f"record {record!r}: write it as LAYER:CODE, such as slopes:BP0012",
        )
    place = one_feature(ws, layer, code).records.subdistrict[0]
    return layer, code, place if isinstance(place, str) else None


def _details(entry: Entry) -> Document:
    if entry.kind == "warning":
        _need(entry, "signal", not entry.signal)
        return _signal(entry.signal)
    if entry.kind == "response":
        _need(entry, "level", not entry.level)
        answers: Document = {"warnings": list(entry.answers)} if entry.answers else {}
        return {"level": _level(entry.level), **answers}
    if entry.kind == "response_end":
        return {"level": _level(entry.level)} if entry.level else {}
    if entry.kind == "moved":
        _need(entry, "people", entry.people is None or entry.people < 0)
        return {"people": entry.people}
    if entry.kind == "correction":
        _need(entry, "corrects", entry.corrects is None)
        return {"corrects": entry.corrects}
    return {}


def _needed(what: str) -> tuple[str, str]:
    return {
        "signal": (
            f"{option('signal')}，如 rainstorm:orange 或 暴雨:橙色",
            f"{option('signal', 'en')}, such as rainstorm:orange",
        ),
        "level": (
            f"{option('level')} I、II、III 或 IV（由人宣布）",
            f"{option('level', 'en')} I, II, III or IV (declared by a person)",
        ),
        "people": (
            f"{option('people')} 人数（不小于 0）",
            f"{option('people', 'en')}, a number of at least 0",
        ),
        "corrects": (
            f"{option('corrects')} 被更正的事件号",
            f"{option('corrects', 'en')}, the number of the event",
        ),
        "text": (f"{option('text')} 内容", f"{option('text', 'en')}"),
        "record": (
            f"{option('record')} 图层:编号（或 {option('text')}）",
            f"{option('record', 'en')} LAYER:CODE (or {option('text', 'en')})",
        ),
    }[what]


def _need(entry: Entry, what: str, lacking: bool) -> None:  # noqa: FBT001 - reads as a sentence
    if lacking:
        title, (zh, en) = EVENT_KINDS[entry.kind], _needed(what)
        raise RiskmapError(f"{title.zh}：需要 {zh}", f"{title.en}: it needs {en}")


def _level(text: str) -> str:
    plain = text.strip().upper().removesuffix("级")
    if plain not in _LEVELS:
        raise RiskmapError(
            f"响应级别 {text!r}：应为 I、II、III 或 IV",
            f"response level {text!r}: it is one of I, II, III, IV",
        )
    return _LEVELS[plain]


def _signal(text: str) -> Document:
    """Return kind, colour and sub-districts of a warning: ids or Chinese names, KIND:COLOUR[@A,B]."""
    signal, _, places = text.replace("：", ":").replace("，", ",").partition("@")
    kind, _, colour = (part.strip() for part in signal.partition(":"))
    kinds = {title.zh: name for name, title in HAZARDS.items()}
    colours = {title.zh: name for name, title in COLOURS.items()}
    colours |= {title.zh.removesuffix("色"): name for name, title in COLOURS.items()}
    found = (kinds.get(kind, kind), colours.get(colour, colour))
    if found[0] not in HAZARDS or found[1] not in COLOURS:
        raise RiskmapError(
            f"预警 {text!r}：请写成 种类:颜色[@街道,…]；种类有 {' '.join(HAZARDS)}，颜色有 {' '.join(COLOURS)}",
            f"warning {text!r}: write KIND:COLOUR[@SUBDISTRICT,..]; kinds {' '.join(HAZARDS)}, colours {' '.join(COLOURS)}",
        )
    named = [p.strip() for p in places.split(",") if p.strip()]
    where: Document = {"subdistricts": named} if named else {}
    return {"hazard": found[0], "colour": found[1], **where}


def _callee(
    ws: Workspace,
    scenario: RecordedScenario,
    entry: Entry,
    record: tuple[str | None, str | None],
    at: dt.datetime,
) -> Document:
    """Return who was called or answered: number, role and masked name; the phone stays out of the log."""
    layer, code = record
    _need(entry, "record", layer is None)
    made = scenario_callout(ws, scenario, at=at, record=(layer or "", code or ""))
    line = next(iter(made.lines), None)
    if line is None:
        raise UnknownNameError(
            f"{layer} › {code}：不在情景 {scenario.id} {scenario.title} 的叫应单上；请核对记录或情景",
            f"{layer} › {code}: not on the call-out of scenario {scenario.id} {scenario.title}; check both",
        )
    number = entry.contact
    if number is None:
        log = ws.ledger.events(scenario.id, until=at)
        state = next(
            s for s in clock(log, made, at, ws.config.duty.minutes) if s.feature_id == line.feature_id
        )
        number = state.next if entry.kind == "call" else state.callee
        if entry.kind != "call" and number is None and state.role:
            return {"role": state.role}  # called last, and no longer on the list: a shift that is over
    return _named(line, number, entry)


def _named(line: CallLine, number: int | None, entry: Entry) -> Document:
    found = next((c for c in line.callees if c.number == number), None)
    if found is not None:
        return {"contact": found.place, "role": found.contact.role, "name": mask_name(found.contact.name)}
    if number is None and entry.kind == "acknowledgement":
        return {}  # somebody answered for the record without being called
    listed = "、".join(f"{c.number} {c.title.zh}" for c in line.callees) or "无 / none"
    zh = "没有可叫应的联系人" if number is None else f"没有第 {number} 位联系人"
    en = "nobody is left to call" if number is None else f"there is no contact {number}"
    raise UnknownNameError(
        f"{line.layer} › {line.code}：{zh}；名单：{listed}。请用 {option('contact')} 写明第几位",
        f"{line.layer} › {line.code}: {en}; the list: {listed}. Name one with {option('contact', 'en')}",
    )


def shut_shelters(ws: Workspace, named: str | int) -> tuple[str, ...]:
    """Return the codes of the shelters that the log of a scenario closes and does not open again."""
    last: dict[str, str] = {}
    layer = ws.catalog.by_role("shelter")
    if layer is None:
        return ()
    for event in standing(ws.ledger.events(find_scenario(ws, named).id)):
        if event.kind in {"opening", "closure"} and event.layer == layer.id and event.code:
            last[event.code] = event.kind
    return tuple(code for code, kind in last.items() if kind == "closure")


def shelter_names(ws: Workspace) -> dict[str, str]:
    """Return what each shelter is called, by code: its name, or else the code."""
    table = current_snapshot(ws).table(ws.catalog.needed("shelter").id)
    pairs = zip(table["code"].to_pylist(), table["name"].to_pylist(), strict=True)
    return {code: name or code for code, name in pairs}


def close_shelters(
    ws: Workspace, named: str | int, codes: Sequence[str], *, by: Actor, why: str
) -> tuple[str, ...]:
    """Write the closing of shelters into the log, all of them or none; return those that were not closed before.

    UnknownNameError for a code that the ledger does not have.
    """
    may(by, "keep_log")
    scenario = find_scenario(ws, named)
    shut = shut_shelters(ws, scenario.id)
    new = tuple(code for code in dict.fromkeys(codes) if code not in shut)
    layer = ws.catalog.needed("shelter").id
    events = [prepared(ws, scenario, Entry("closure", record=f"{layer}:{code}")) for code in new]
    if events:
        ws.ledger.add_events(scenario.id, events, by=by.name, why=why)
    return new
