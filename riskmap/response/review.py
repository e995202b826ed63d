"""What came of a duty: every figure of the after-action report, counted from the log."""

from __future__ import annotations

import datetime as dt
import math
import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from riskmap.errors import Text
from riskmap.response.callout import clock
from riskmap.values.duty import Answer, Callout, Count, Review, ReviewDifference, Shelter, Tie
from riskmap.values.scenario import Event, RecordedScenario, standing


def review(
    scenario: RecordedScenario,
    events: Iterable[Event],
    callout: Callout,
    *,
    until: dt.datetime,
    minutes: float,
) -> Review:
    """Return the figures of a scenario as they stand at `until`.

    What a correction takes back is not counted. Figures that can be had in two ways are had in
    both; where they disagree `differences` says so. `unclear` are entries without their number
    (people moved but not how many): they count as none and are named.
    """
    log = [e for e in events if e.at <= until]
    left = standing(log)
    kinds: dict[str, list[Event]] = {}
    for event in left:
        kinds.setdefault(event.kind, []).append(event)
    answers = _answers(log, callout, until, minutes)
    times = sorted(a.after for a in answers if a.after is not None)
    answered = [a for a in answers if a.status == "answered"]
    moved = kinds.get("moved", [])
    people = _count(moved)
    shelters, unopened = _shelters(left)
    made = Review(
        scenario=scenario,
        until=until,
        events=len(left),
        corrections=sum(e.kind == "correction" for e in log),
        ties=ties(kinds.get("warning", []), kinds.get("response", [])),
        moved=people,
        shelters=shelters,
        new_spots=tuple(kinds.get("new_spot", [])),
        answers=answers,
        median=statistics.median(times) if times else None,
        p90=nearest_rank(times, 0.9),
        uncounted=len(answered) - len(times),
        calls=len(kinds.get("call", [])),
        actions_done=len(kinds.get("action_done", [])),
        messages=_messages(kinds.get("message", [])),
        differences=(),
        unclear=(*(e for e in moved if _people(e) is None), *unopened),
    )
    return _with_differences(made, kinds)


def ties(warnings: Sequence[Event], responses: Sequence[Event]) -> tuple[Tie, ...]:
    """Tie each warning to its response, in the order of the warnings; responses alone come last.

    A response names its warnings (`body.warnings`, event numbers) where a person said so. One that
    names none is tied to the latest warning before it, or of the same moment, that has no response
    yet and concerns its place: the whole district, or a sub-district that both name. A level is
    never worked out from a colour.
    """
    answer: dict[int, tuple[Event, bool]] = {}
    numbers = {w.id for w in warnings}
    open_ones = [r for r in responses if not r.body.get("warnings")]
    for response in responses:
        for number in response.body.get("warnings") or ():
            if number in numbers:
                answer.setdefault(number, (response, True))
    for response in open_ones:
        before = [
            w for w in warnings if w.id not in answer and w.at <= response.at and _same_place(w, response)
        ]
        if before:
            latest = max(before, key=lambda w: (w.at, w.id))
            answer[latest.id] = (response, False)
    used = {response.id for response, _ in answer.values()}
    return (
        *(Tie(w, *answer.get(w.id, (None, False))) for w in warnings),
        *(Tie(None, r) for r in responses if r.id not in used),
    )


def _same_place(warning: Event, response: Event) -> bool:
    first, second = _places(warning), _places(response)
    return not first or not second or bool(first & second)


def _places(event: Event) -> set[str]:
    stated = event.body.get("subdistricts") or ()
    return {str(s) for s in stated} | ({event.subdistrict} if event.subdistrict else set())


def nearest_rank(ordered: Sequence[float], share: float) -> float | None:
    """Return the least value that `share` of all do not exceed (nearest rank), None of nothing.

    Ten values 1 … 10, share .9 → 9; eleven values 1 … 11 → 10.
    """
    if not ordered:
        return None
    return ordered[max(math.ceil(round(share * len(ordered), 9)), 1) - 1]


def _answers(
    log: Sequence[Event], callout: Callout, until: dt.datetime, minutes: float
) -> tuple[Answer, ...]:
    states = clock(log, callout, until, minutes)
    return tuple(
        Answer(line.layer, line.code, line.name, line.subdistrict, state.status, state.after)
        for line, state in zip(callout.lines, states, strict=True)
    )


def _people(event: Event) -> int | None:
    found = event.body.get("people")
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def _count(moved: Sequence[Event]) -> Count:
    places: Counter[str] = Counter()
    for event in moved:
        places[event.subdistrict or ""] += _people(event) or 0
    return Count(sum(_people(e) or 0 for e in moved), dict(sorted(places.items())))


def _shelters(left: Sequence[Event]) -> tuple[tuple[Shelter, ...], tuple[Event, ...]]:
    """Return each shelter that was opened or closed, once, and the entries that do not say which one it was.

    A shelter is a record, or else what the entry calls it. Opened again after closing, it counts
    once: from its first opening to its last closing. A record may have been open before the log
    began; a mere name that closes and never opened may be a slip, and is named as one.
    """
    found: dict[str, Shelter] = {}
    unnamed: list[Event] = []
    for event in left:
        if event.kind not in {"opening", "closure"}:
            continue
        name = str(event.body.get("name") or event.body.get("text") or event.code or "")
        key = f"#{event.feature_id}" if event.feature_id is not None else name
        if not key:
            unnamed.append(event)
        elif event.kind == "opening":
            old = found.get(key)
            found[key] = Shelter(name, event.subdistrict, (old and old.opened) or event.at, None)
        elif key in found:
            old = found[key]
            found[key] = Shelter(old.name, old.subdistrict, old.opened, event.at)
        elif event.feature_id is not None:
            found[key] = Shelter(name, event.subdistrict, None, event.at)
        else:
            unnamed.append(event)
    return tuple(found.values()), tuple(unnamed)


def _messages(events: Sequence[Event]) -> dict[str, int]:
    """Return how many messages stand at each status: the last entry of a message counts."""
    last: dict[object, str] = {}
    for event in events:
        last[event.body.get("message", event.id)] = str(event.body.get("status", ""))
    return dict(sorted(Counter(last.values()).items()))


def _with_differences(made: Review, kinds: dict[str, list[Event]]) -> Review:
    answered = sum(a.status == "answered" for a in made.answers)
    checks = (
        (Text("预警数", "warnings"), len(kinds.get("warning", [])), made.warnings),
        (
            Text("响应数（一次响应可对应多个预警）", "responses (one may answer several warnings)"),
            len(kinds.get("response", [])),
            len({t.response.id for t in made.ties if t.response is not None}),
        ),
        (
            Text("转移人数与各街道之和", "people moved and the sum of the sub-districts"),
            made.moved.total,
            sum(made.moved.by_subdistrict.values()),
        ),
        (
            Text("叫应点位与已应答、未应答之和", "records to call, and answered plus unanswered"),
            len(made.answers),
            answered + len(made.unanswered),
        ),
    )
    wrong = tuple(ReviewDifference(what, a, b) for what, a, b in checks if a != b)
    return replace(made, differences=wrong)
