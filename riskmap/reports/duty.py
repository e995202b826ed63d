"""The one-page brief and the after-action report, for Word or as PDF."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Final

from riskmap.errors import Lang
from riskmap.io.files.atomic import WrittenFile
from riskmap.io.writers import write_paper
from riskmap.io.writers.paper import Paper
from riskmap.reports.callout_book import marks, place_of, tier_models_text
from riskmap.texts import t
from riskmap.values.duty import CALL_STATUS, GAP_KINDS, CallLine, CalloutView, Review, Tie
from riskmap.values.scenario import EVENT_KINDS, Event, beijing
from riskmap.vocabulary import COLOURS, KINDS, RANKS, TIER_TITLES

_FIRST: Final = 6  # so many records still leave the brief on one page


_LATE: Final = 5


_NAMED: Final = 200


def write_brief(view: CalloutView, path: Path, *, lang: Lang = "zh", author: str = "") -> list[WrittenFile]:
    """Write the one-page brief: what is in danger, how the calls stand, what is late, what is missing."""
    warned = marks(view.scenario.drill, view.demo, lang)
    paper = Paper(title=f"{view.district} {t('duty_brief', lang)}", author=author, marks=warned, lang=lang)
    lines, states = view.callout.lines, view.states
    ranks = Counter(RANKS[line.rank_to] for line in lines)
    stands = Counter(states[line.feature_id].status for line in lines)
    paper.text(
        t(
            "duty_facts",
            lang,
            title=view.scenario.title,
            at=beijing(view.scenario.at),
            now=beijing(view.now),
        )
    )
    paper.text(
        t("duty_in_danger", lang, n=len(lines), **{x: ranks[x] for x in ("major", "large", "general")})
    )
    paper.text(t("duty_calls_stand", lang, **{status: stands[status] for status in CALL_STATUS}))
    _first(paper, view, lang)
    late = [line for line in lines if states[line.feature_id].overdue]
    if late:
        paper.heading(t("duty_late", lang))
        paper.bullets([_late(line, view, lang) for line in late[:_LATE]])
        if len(late) > _LATE:
            paper.text(t("duty_more", lang, n=len(late) - _LATE))
    missing = Counter(gap.kind for line in lines for gap in line.gaps)
    if missing:
        paper.heading(t("duty_gaps", lang, n=sum(bool(line.gaps) for line in lines)))
        paper.text("　".join(f"{GAP_KINDS[k].text(lang)} {missing[k]}" for k in GAP_KINDS if missing[k]))
    if made := tier_models_text(view.scenario, lang):
        paper.text(made)
    return [WrittenFile(path, write_paper(paper, path), len(lines))]


def _first(paper: Paper, view: CalloutView, lang: Lang) -> None:
    lines = view.callout.lines
    # Group after group is the order of calling; the brief wants the worst of the whole district.
    urgent = sorted(lines, key=lambda x: (-x.rank_to, x.start))[:_FIRST]
    if not urgent:
        paper.text(t("duty_nothing", lang))
        return
    paper.heading(t("duty_first", lang))
    header = [t(f"duty_col_{name}", lang) for name in ("tier", "record", "when", "why")]
    paper.table(
        [t("duty_subdistrict", lang), *header, t("duty_status", lang)],
        [
            [
                place_of(line.subdistrict, lang),
                TIER_TITLES[RANKS[line.rank_to]].text(lang),
                _record(line, view, lang),
                beijing(line.start),
                line.causes[0].text(lang),
                CALL_STATUS[view.states[line.feature_id].status].text(lang),
            ]
            for line in urgent
        ],
        shares=(1.3, 0.7, 2.3, 1.2, 3.2, 1.0),
    )
    if len(lines) > len(urgent):
        paper.text(t("duty_more", lang, n=len(lines) - len(urgent)))


def _record(line: CallLine, view: CalloutView, lang: Lang) -> str:
    return f"{view.layer_titles[line.layer].text(lang)} {line.code} {line.name or ''}".strip()


def _late(line: CallLine, view: CalloutView, lang: Lang) -> str:
    state = view.states[line.feature_id]
    callee = next((c for c in line.callees if c.number == state.next), None)
    text = f"{place_of(line.subdistrict, lang)} {_record(line, view, lang)}：{CALL_STATUS[state.status].text(lang)}"
    if callee is None:
        return text
    who = " ".join(x for x in (callee.title.text(lang), callee.contact.name, callee.contact.phone) if x)
    return f"{text}；{t('duty_next', lang)}：{who}"


def write_after_report(
    found: Review, path: Path, *, lang: Lang = "zh", author: str = ""
) -> list[WrittenFile]:
    """Write the after-action report; every figure is the review's, and it says whether they agree."""
    warned = marks(found.scenario.drill, found.demo, lang)
    paper = Paper(
        title=f"{found.district} {found.scenario.title} {t('duty_after', lang)}",
        author=author,
        marks=warned,
        lang=lang,
    )
    paper.heading(t("duty_figures", lang))
    _figures(paper, found, lang)
    paper.heading(t("duty_ties", lang))
    _ties(paper, found, lang)
    paper.heading(t("duty_moved_title", lang))
    _moved(paper, found, lang)
    paper.heading(t("duty_answers_title", lang))
    _answers(paper, found, lang)
    paper.heading(t("duty_spots_title", lang))
    spots = [
        [beijing(e.at), e.subdistrict or "—", str(e.body.get("text", "")), e.who] for e in found.new_spots
    ]
    if spots:
        paper.table([t(f"duty_{x}", lang) for x in ("time", "subdistrict", "what", "by")], spots)
    else:
        paper.text(t("duty_none", lang))
    paper.heading(t("duty_check_title", lang))
    _check(paper, found, lang)
    return [WrittenFile(path, write_paper(paper, path), found.events)]


def _figures(paper: Paper, found: Review, lang: Lang) -> None:
    if made := tier_models_text(found.scenario, lang):
        paper.text(made)
    counts = {"warnings": found.warnings, "responses": found.responses, "tied": found.tied}
    paper.text(t("duty_warning_counts", lang, **counts))
    moved = {
        "people": found.moved.total,
        "opened": found.opened,
        "closed": found.closed,
        "spots": len(found.new_spots),
    }
    paper.text(t("duty_moved_counts", lang, **moved))
    never = len(found.unanswered)
    paper.text(
        t(
            "duty_answer_counts",
            lang,
            records=len(found.answers),
            answered=len(found.answers) - never,
            never=never,
            calls=found.calls,
            done=found.actions_done,
        )
    )


def _ties(paper: Paper, found: Review, lang: Lang) -> None:
    if not found.ties:
        paper.text(t("duty_none", lang))
        return
    paper.table(
        [t(f"duty_{x}", lang) for x in ("warning_col", "response_col", "tied_how")],
        [_tie(tie, lang) for tie in found.ties],
    )


def _tie(tie: Tie, lang: Lang) -> list[str]:
    warning = t("duty_no_warning", lang) if tie.warning is None else signal_text(tie.warning, lang)
    response = t("duty_no_response", lang) if tie.response is None else level_text(tie.response, lang)
    if tie.warning is None or tie.response is None:
        return [warning, response, "—"]
    return [warning, response, t("duty_tied_stated" if tie.stated else "duty_tied_rule", lang)]


def signal_text(event: Event, lang: Lang) -> str:
    """Return a logged warning in words: 2023-09-07 16:30 暴雨橙色（桂园街道）."""
    kind, colour = str(event.body.get("hazard", "")), str(event.body.get("colour", ""))
    words = [
        KINDS[kind].text(lang) if kind in KINDS else kind,
        COLOURS[colour].text(lang) if colour in COLOURS else colour,
    ]
    named = event.body.get("subdistricts") or ([event.subdistrict] if event.subdistrict else [])
    place = f"（{'、'.join(map(str, named))}）" if named else ""
    return f"{beijing(event.at)} {('' if lang == 'zh' else ' ').join(words)}{place}"


def level_text(event: Event, lang: Lang) -> str:
    """Return a logged response in words: 2023-09-07 17:00 II级."""
    place = f"（{event.subdistrict}）" if event.subdistrict else ""
    level = event.body.get("level", "")
    return f"{beijing(event.at)} {level}{'级' if lang == 'zh' else ''}{place}"


def _moved(paper: Paper, found: Review, lang: Lang) -> None:
    places = found.moved.by_subdistrict
    if places:
        rows = [[place_of(name, lang), str(people)] for name, people in places.items()]
        rows.append([t("duty_total", lang), str(found.moved.total)])
        paper.table([t("duty_subdistrict", lang), t("duty_people", lang)], rows)
    if found.shelters:
        paper.table(
            [t(f"duty_{x}", lang) for x in ("shelter", "subdistrict", "opened", "closed")],
            [
                [
                    s.name,
                    s.subdistrict or "—",
                    beijing(s.opened) if s.opened else "—",
                    beijing(s.closed) if s.closed else t("duty_still_open", lang),
                ]
                for s in found.shelters
            ],
        )
    if not places and not found.shelters:
        paper.text(t("duty_none", lang))


def _answers(paper: Paper, found: Review, lang: Lang) -> None:
    if found.median is None or found.p90 is None:
        paper.text(t("duty_no_times", lang))
    else:
        times = {"median": f"{found.median:.1f}", "p90": f"{found.p90:.1f}", "uncounted": found.uncounted}
        paper.text(t("duty_answer_times", lang, **times))
    if found.messages:
        counts = "，".join(f"{_status(s, lang)} {n}" for s, n in found.messages.items())
        paper.text(t("duty_messages", lang, counts=counts))
    if found.unanswered:
        paper.text(f"{t('duty_never', lang)}：")
        rows = [
            [
                place_of(a.subdistrict, lang),
                f"{found.layer_titles[a.layer].text(lang)} {a.code}",
                a.name or "",
                CALL_STATUS[a.status].text(lang),
            ]
            for a in found.unanswered[:_NAMED]
        ]
        header = [t(f"duty_{x}", lang) for x in ("subdistrict", "col_record", "name", "status")]
        paper.table(header, rows, shares=(1.3, 1.6, 2.6, 1.0))
        if len(found.unanswered) > _NAMED:
            paper.text(t("duty_more", lang, n=len(found.unanswered) - _NAMED))


def _status(status: str, lang: Lang) -> str:
    key = {"drill": "stood_down", "queued": "queued", "sent": "sent", "failed": "failed"}.get(status)
    return t(f"duty_{key}", lang) if key else status


def _check(paper: Paper, found: Review, lang: Lang) -> None:
    basis = {"until": beijing(found.until), "events": found.events, "corrections": found.corrections}
    paper.text(t("duty_basis", lang, **basis))
    if found.adds_up:
        paper.text(t("duty_agree", lang))
    for d in found.differences:
        paper.text(t("duty_disagree", lang, what=d.what.text(lang), expected=d.expected, found=d.found))
    paper.bullets(
        [
            t("duty_unclear", lang, id=e.id, at=beijing(e.at), kind=EVENT_KINDS[e.kind].text(lang))
            for e in found.unclear
        ]
    )
