"""叫应 and 记录 of the page 临灾: whom to call now, what was answered, and everything that happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from html import escape
from pathlib import Path
from typing import Final

import streamlit as st

from riskmap.actions.episode.duty import callout_view, review_of
from riskmap.actions.episode.events import Entry, log_event
from riskmap.actions.episode.playback import Storm
from riskmap.actions.episode.roster import ON_DUTY, desk_text, nobody_text
from riskmap.actions.reports import callout_archive, export_after_report, export_callout, plan_file, read_plan
from riskmap.catalog.plan import PHASES
from riskmap.errors import Lang, RiskmapError
from riskmap.io.writers.paper import FORMATS
from riskmap.io.writers.paper_pdf import pdf_needs
from riskmap.moments import BEIJING
from riskmap.response.callout import is_due, phase_at
from riskmap.rules.permissions import Actor
from riskmap.values.duty import CALL_STATUS, ROSTER, CallLine, CalloutView, CallState
from riskmap.values.scenario import EVENT_KINDS, Event
from riskmap.vocabulary import COLOURS, KINDS, RANKS, TIER_TITLES
from riskmap.web.frame import downloads
from riskmap.web.frame.state import lang, say, workspace
from riskmap.web.pages.prepare import messages
from riskmap.web.pages.prepare.messages import ask_person, log_entry, of_storm, paper
from riskmap.web.widgets.filters import escape_markdown
from riskmap.web.widgets.panels import (
    Cell,
    Html,
    Row,
    TableColumn,
    field_box,
    field_html,
    number_html,
    pager_of,
    said_html,
    show_downloads,
    show_offer,
    show_table,
)
from riskmap.web.widgets.signing import person, refuse, show_kept_notice

_ROWS: Final = 20


_HEIGHT: Final = 330


_EVERY_S: Final = 30  # the clock is looked at this often while the list is open


_CHOSEN: Final = "prepare-line"


_BY_HAND: Final = ("note", "response", "response_end", "opening", "closure", "moved", "new_spot")


def calls(shown: Storm) -> None:
    """Draw the call-out: who is to be called next, what to do, and tick-off."""
    ask_person()
    _list(shown)
    _papers(shown)


@st.fragment(run_every=_EVERY_S)
def _list(shown: Storm) -> None:
    """The list runs again by itself: the minutes pass whether or not anybody clicks."""
    view = callout_view(workspace(), shown.scenario.id)
    # Slots, so that the box of messages stays the same one when a record is chosen above it.
    top, record, below = st.container(), st.container(), st.container()
    with top:
        picked = _chosen(shown, view) if view.callout.lines else None
        if not view.callout.lines:
            st.success(say("prepare_points_none"))
    if picked is not None:
        with record:
            _one(shown, view, picked)
    with below:
        messages.draw(shown, view, picked)


def _chosen(shown: Storm, view: CalloutView) -> CallLine | None:
    """Draw the list; return the record that was chosen from it."""
    lines = view.callout.lines
    counts = Counter(view.states[line.feature_id].status for line in lines)
    late = sum(state.overdue for state in view.states.values())
    told = [
        f"{escape(CALL_STATUS[s].text(lang()))} {number_html(of_storm(shown, 'raised', counts[s], within=s))}"
        for s in CALL_STATUS
        if counts[s]
    ]
    if late:
        minutes = Html(field_html("minutes", f"{view.minutes:g}"))
        overdue = {"n": of_storm(shown, "raised", late, within="overdue"), "minutes": minutes}
        told.append(said_html("prepare_overdue", overdue))
    st.html(f'<p class="rm-line quiet">{escape(say("list_separator")).join(told)}</p>')
    places = [group.subdistrict or say("not_stated") for group in view.callout.groups]
    place = st.selectbox(say("filter_subdistricts"), places, key="prepare-call-place")
    group = view.callout.groups[places.index(place)]
    _on_duty(view, group.subdistrict)
    key = "prepare-calls"
    here = of_storm(shown, "raised", within=group.subdistrict or "not stated").figure
    pager = pager_of(key, len(group.lines), _ROWS, figure=here)
    rows = [_row(line, view.states[line.feature_id]) for line in group.lines[pager.start : pager.stop]]
    columns = [
        TableColumn("tier", say("column_tier"), "tier-cell"),
        TableColumn("name", say("column_name")),
        TableColumn("state", say("prepare_column_call")),
    ]
    chosen = show_table(key, columns, rows, pager=pager, height=_HEIGHT, dense=True)
    if chosen:
        st.session_state[_CHOSEN] = int(chosen)
    return next((line for line in lines if line.feature_id == st.session_state.get(_CHOSEN)), None)


def _on_duty(view: CalloutView, subdistrict: str | None) -> None:
    """Say who is on duty for the records of a sub-district, and at which desk nobody is; nothing without a roster."""
    desk, empty = (None, ()) if view.duty is None else view.duty.called(subdistrict)
    for one in empty:
        st.markdown(f":red[{escape_markdown(nobody_text(one).text(lang()))}]")
    if desk is not None and desk.shifts:
        with field_box("duty"):
            st.caption(escape_markdown(desk_text(desk).text(lang())))


def _row(line: CallLine, state: CallState) -> Row:
    layer = workspace().catalog.title(line.layer).text(lang())
    callee = next((c for c in line.callees if c.number == (state.next or state.callee)), None)
    who = f"{callee.title.text(lang())} {callee.contact.name or ''}" if callee else say("prepare_nobody")
    due = f" {state.due.astimezone(BEIJING):%H:%M}" if state.due and state.status == "called" else ""
    return Row(
        [
            Cell(TIER_TITLES[RANKS[line.rank_to]].text(lang()), tier=RANKS[line.rank_to]),
            Cell(line.name or line.code, note=layer, act=str(line.feature_id)),
            Cell(CALL_STATUS[state.status].text(lang()) + due, note=who),
        ]
    )


def _one(shown: Storm, view: CalloutView, line: CallLine) -> None:
    """One record: its contacts with the buttons, what is missing, and what to do now."""
    with st.container(key="prepare-line", border=True):
        show_kept_notice()
        record = field_box("call", str(line.feature_id))
    with record:
        st.markdown(f"**{escape_markdown(line.name or line.code)}**")
        for cause in line.causes[:2]:
            st.caption(escape_markdown(cause.text(lang())))
        for gap in line.gaps:
            st.markdown(f":red[{escape_markdown(gap.text.text(lang()))}]")
        for callee in line.callees:
            contact = callee.contact
            st.text(
                f"{callee.number}. {callee.title.text(lang())} {contact.name or '—'} {contact.phone or ''}".strip()
            )
            with st.container(horizontal=True, key=f"prepare-dial-{line.feature_id}-{callee.number}"):
                for kind in ("call", "acknowledgement", "no_answer"):
                    st.button(
                        say(f"prepare_do_{kind}"),
                        key=f"prepare-{kind}-{line.feature_id}-{callee.number}",
                        on_click=log_entry,
                        args=(
                            shown.scenario.id,
                            Entry(kind, record=f"{line.layer}:{line.code}", contact=callee.number),
                        ),
                    )
        phase = phase_at(shown.moment(view.now), line.start, line.expiry)
        done = view.done.get(line.feature_id, ())
        st.caption(say("prepare_phase", phase=PHASES[phase].text(lang())))
        if line.own_plan:
            _own_plan(line)
        for number, action in enumerate(line.actions):
            if not is_due(action.phase, phase):
                continue
            text = action.text.text(lang())
            ticked = action.text.zh in done or text in done
            st.checkbox(
                escape_markdown(text),
                value=ticked,
                disabled=ticked,
                key=f"prepare-action-{line.feature_id}-{number}-{ticked}",
                on_change=log_entry,
                args=(
                    shown.scenario.id,
                    Entry("action_done", record=f"{line.layer}:{line.code}", text=action.text.zh),
                ),
            )


def _own_plan(line: CallLine) -> None:
    """Offer the file that the plan names, where there is one; else the plan is what it says."""
    text = line.own_plan
    file = plan_file(workspace(), text)
    if file is None:
        st.text(say("prepare_own_plan", plan=text))
        return
    show_offer(
        f"prepare-plan-{line.feature_id}",
        say("prepare_own_plan", plan=file.name),
        file.name,
        partial(read_plan, workspace(), text),
    )


def _papers(shown: Storm) -> None:
    """Offer the papers; each is made when it is asked for. Names and phones are masked."""
    number = shown.scenario.id
    calls = say("prepare_tab_calls")
    st.caption(say("prepare_papers"))
    brief = say("prepare_paper_brief")
    told = _Told(number, person(), lang())
    books = ("books", f"{calls}-{number}.zip", told.packed)
    _offer(
        "prepare-books",
        ("book", f"{calls}-{number}.xlsx", partial(told.made, ".xlsx")),
        *([books] if shown.worst else []),
    )
    _offer(
        "prepare-briefs", *(("brief", f"{brief}-{number}{end}", partial(told.made, end)) for end in FORMATS)
    )


def _offer(key: str, *papers: tuple[str, str, Callable[[], bytes]]) -> None:
    """Offer papers side by side: which one, its file name, and what makes it when it is asked for."""
    items = []
    for which, name, make in papers:
        kind = Path(name).suffix
        missing = pdf_needs() if kind == ".pdf" else None
        items.append(
            {
                "title": say(f"prepare_paper_{which}_pdf" if kind == ".pdf" else f"prepare_paper_{which}"),
                "href": "" if missing else downloads.offer(f"{key}-{name}", name, make),
                "name": name,
                "help": missing.text(lang()) if missing else "",
            }
        )
    show_downloads(key, items, label="")


@dataclass(frozen=True, slots=True)
class _Told:
    """What makes the papers of a scenario, told for whom and in which language: they are made outside the page."""

    number: int
    by: Actor | None
    lang: Lang

    def packed(self) -> bytes:
        return callout_archive(callout_view(workspace(), self.number), lang=self.lang)

    def made(self, ending: str) -> bytes:
        view = callout_view(workspace(), self.number)
        return paper(f"paper{ending}", lambda file: export_callout(view, file, by=self.by, lang=self.lang))

    def report(self, ending: str) -> bytes:
        found = review_of(workspace(), self.number)
        return paper(
            f"report{ending}", lambda file: export_after_report(found, file, by=self.by, lang=self.lang)
        )


def log(shown: Storm) -> None:
    """Draw the log of the scenario, newest first, with what a person adds by hand."""
    ask_person()
    number = shown.scenario.id
    _by_hand(number)
    events = list(reversed(workspace().ledger.events(number)))
    key = "prepare-log"
    pager = pager_of(key, len(events), _ROWS)
    columns = [
        TableColumn("at", say("prepare_column_when"), "short"),
        TableColumn("what", say("prepare_column_what")),
        TableColumn("who", say("sign_person"), "short"),
    ]
    rows = [_event(one) for one in events[pager.start : pager.stop]]
    show_table(key, columns, rows, pager=pager, height=_HEIGHT, dense=True, empty=say("prepare_log_none"))
    name = f"{say('prepare_paper_after')}-{number}"
    told = _Told(number, person(), lang())
    _offer("prepare-after", *(("after", f"{name}{end}", partial(told.report, end)) for end in FORMATS))


def _event(one: Event) -> Row:
    return Row(
        [
            Cell(f"{one.at.astimezone(BEIJING):%m-%d %H:%M}"),
            Cell(EVENT_KINDS[one.kind].text(lang()), note=say("list_separator").join(_details(one))),
            Cell(one.who),
        ]
    )


def _details(one: Event) -> Sequence[str]:
    body = one.body
    parts = [one.code or "", one.subdistrict or "", *body.get("subdistricts", ())]
    if one.kind == "warning":
        kind, colour = str(body.get("hazard", "")), str(body.get("colour", ""))
        if kind in KINDS and colour in COLOURS:
            parts.append(f"{KINDS[kind].text(lang())} {COLOURS[colour].text(lang())}")
    shown = ("level", "role", "people", "text", "name")
    stated = [(name, str(body[name])) for name in shown if body.get(name) not in (None, "")]
    parts += [
        ROSTER.text(lang()) if name == "role" and said.startswith(ON_DUTY) else said for name, said in stated
    ]
    return [part for part in parts if part]


def _by_hand(number: int) -> None:
    with st.form("prepare-entry", clear_on_submit=True):
        left, right = st.columns(2)
        kind = left.selectbox(
            say("prepare_entry_kind"),
            _BY_HAND,
            format_func=lambda k: EVENT_KINDS[k].text(lang()),
            key="prepare-entry-kind",
        )
        detail = right.text_input(
            say("prepare_entry_detail"), key="prepare-entry-detail", help=say("prepare_entry_help")
        )
        text = st.text_input(say("prepare_entry_text"), key="prepare-entry-text")
        if st.form_submit_button(say("prepare_entry_add")):
            detail = detail.strip()
            entry = Entry(
                kind,
                text=text,
                level=detail if kind == "response" else "",
                people=int(detail) if kind == "moved" and detail.isdecimal() else None,
                record=f"shelters:{detail}" if kind in {"opening", "closure"} and detail else "",
                subdistrict=detail
                if kind in {"moved", "new_spot", "note"} and not detail.isdecimal()
                else "",
            )
            by = person()
            if by is None:
                st.warning(say("sign_missing_person"))
                return
            try:
                log_event(workspace(), number, entry, by=by, why=EVENT_KINDS[kind].zh)
            except RiskmapError as problem:
                refuse(problem)
