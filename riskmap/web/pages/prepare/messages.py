"""Who sits at the desk on the page 临灾: asked for once, kept with every line of the log.

Messages in 叫应 of the page 临灾: written to a contact or a sub-district, and where each stands.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import streamlit as st

from riskmap.actions.episode.events import Entry, log_event
from riskmap.actions.episode.messages import MessageState, deliver, messages, send_message, way_out
from riskmap.actions.episode.playback import Storm
from riskmap.errors import RiskmapError
from riskmap.io.files.leftovers import mark
from riskmap.moments import BEIJING
from riskmap.values.duty import CallLine, CalloutView
from riskmap.values.scenario import EVENT_KINDS
from riskmap.web.frame.state import lang, say, workspace
from riskmap.web.widgets import signing
from riskmap.web.widgets.panels import Cell, Number, Row, TableColumn, number_of, pager_of, show_table
from riskmap.web.widgets.signing import Tone, keep_notice, notice, person

_DESK_LONGEST: Final = 80


def ask_person(key: str = "prepare-person") -> None:
    """Draw the input for who sits at the desk."""
    signing.ask_person(key, longest=_DESK_LONGEST)


def paper(name: str, write: Callable[[Path], object]) -> bytes:
    """Return what `write` puts into a file of this name, for a download."""
    with tempfile.TemporaryDirectory(prefix=f"riskmap{mark()}") as folder:
        file = Path(folder) / name
        write(file)
        return file.read_bytes()


def log_entry(scenario: int, entry: Entry) -> None:
    """Write a line of the log, for a button; what is wrong is said after the rerun."""
    by = person()
    if by is None:
        keep_notice("warning", say("sign_missing_person"))
        return
    try:
        log_event(workspace(), scenario, entry, by=by, why=EVENT_KINDS[entry.kind].zh)
    except RiskmapError as problem:
        keep_notice("error", problem.text(lang()))


def of_storm(shown: Storm, part: str, n: int = 0, *, within: str = "") -> Number:
    """Return a number of a scenario under its figure: that of the last one that is no drill, else of this one alone."""
    one = shown.scenario
    last = next((kept.id for kept in workspace().ledger.scenarios() if not kept.drill), None)
    which = "" if one.id == last else f"scenario {one.id}"
    return number_of(n, f"storm.{part}", within=f"{which} {within}".strip())


_ROWS: Final = 10


_HEIGHT: Final = 260


_LONGEST: Final = 500


_WRITTEN: Final = "prepare-messages-written"  # how many: the next one begins with an empty text


_SAID: Final = "prepare-message-said"


_WHY: Final = EVENT_KINDS["message"].zh


Recipient = tuple[str, Entry]


def draw(shown: Storm, view: CalloutView, line: CallLine | None) -> None:
    """Draw the box of messages: write one (to a contact of `line`, if any), and see where all stand."""
    with st.container(key="prepare-messages", border=True):
        st.markdown(f"**{say('prepare_messages')}**")
        if shown.scenario.drill:
            st.markdown(f":orange-badge[{say('prepare_message_drill')}]")
        else:
            st.caption(way_out(workspace()).text(lang()))
        _write(shown, view, line)
        said: tuple[Tone, str] | None = st.session_state.pop(_SAID, None)
        if said:
            notice(*said)
        _standing(shown)


def _write(shown: Storm, view: CalloutView, line: CallLine | None) -> None:
    to = _recipients(view, line)
    written = st.session_state.get(_WRITTEN, 0)
    chosen = st.selectbox(
        say("prepare_message_to"),
        range(len(to)),
        key=f"prepare-message-to-{line.feature_id if line else 0}",
        format_func=lambda i: to[i][0],
    )
    text = st.text_area(
        say("prepare_message_text"),
        key=f"prepare-message-text-{written}",
        placeholder=say("prepare_message_hint"),
        max_chars=_LONGEST,
        height=84,
    )
    label = "prepare_message_note" if shown.scenario.drill else "prepare_message_send"
    if st.button(say(label), key="prepare-message-send", type="primary"):
        with st.spinner(say("prepare_message_sending")):
            # Kept before anything is drawn: a rerun that comes meanwhile must not send it twice.
            st.session_state[_SAID] = said = _sent(shown, to[chosen or 0][1], text or "")
            if said[0] != "warning":
                st.session_state[_WRITTEN] = written + 1
        st.rerun()


def _recipients(view: CalloutView, line: CallLine | None) -> list[Recipient]:
    """Return who may be written to: contacts of the chosen record, its sub-district, the others, all."""
    found: list[Recipient] = []
    record = f"{line.layer}:{line.code}" if line else ""
    for callee in line.callees if line else ():
        who = f"{callee.title.text(lang())} {callee.contact.name or '—'}"
        missing = "" if callee.callable else say("prepare_message_no_phone")
        label = say("list_separator").join(
            part for part in (who, (line.name or line.code) if line else "", missing) if part
        )
        found.append((label, Entry("message", record=record, contact=callee.number)))
    own = line.subdistrict if line else None
    known = workspace().subdistricts or [g.subdistrict for g in view.callout.groups if g.subdistrict]
    places = [(name, Entry("message", subdistrict=name)) for name in sorted(known, key=lambda n: n != own)]
    return [*found, *places, (say("prepare_where_all"), Entry("message"))]


def _sent(shown: Storm, to: Entry, text: str) -> tuple[Tone, str]:
    """Queue a message and try to send it; return what came of it. A warning: nothing was written."""
    by = person()
    if by is None:
        return "warning", say("sign_missing_person")
    if not text.strip():
        return "warning", say("prepare_message_empty")
    entry = Entry("message", record=to.record, subdistrict=to.subdistrict, contact=to.contact, text=text)
    try:
        state = send_message(workspace(), shown.scenario.id, entry, by=by, why=_WHY)
    except RiskmapError as problem:
        return "warning", problem.text(lang())
    return _tone(state), say("prepare_message_stands", status=state.words.text(lang()))


def _tone(state: MessageState) -> Tone:
    if state.waits:
        return "error"
    return "info" if state.status == "drill" else "success"


def _standing(shown: Storm) -> None:
    """List the messages, newest first, each with where it stands; offer to try the waiting ones again."""
    listed = messages(workspace(), shown.scenario.id)[::-1]
    if not listed:
        return
    waiting = sum(one.waits for one in listed)
    if waiting and not shown.scenario.drill:
        label = say("prepare_message_again", n=f"{waiting:,}")
        if st.button(label, key="prepare-message-again", icon=":material/refresh:"):
            with st.spinner(say("prepare_message_sending")):
                st.session_state[_SAID] = _again(shown)
            st.rerun()
    key = "prepare-outbox"
    pager = pager_of(key, len(listed), _ROWS)
    columns = [
        TableColumn("text", say("prepare_message_text")),
        TableColumn("status", say("prepare_column_status")),
    ]
    rows = [_row(one) for one in listed[pager.start : pager.stop]]
    # One page needs no buttons to turn it.
    show_table(key, columns, rows, pager=pager if pager.pages > 1 else None, height=_HEIGHT, dense=True)


def _again(shown: Storm) -> tuple[Tone, str]:
    by = person()
    if by is None:
        return "warning", say("sign_missing_person")
    try:
        tried = deliver(workspace(), shown.scenario.id, by=by, why=_WHY)
    except RiskmapError as problem:
        return "error", problem.text(lang())
    left = sum(one.waits for one in tried)
    return (
        "error" if left else "success",
        say("prepare_message_tried", sent=f"{len(tried) - left:,}", left=f"{left:,}"),
    )


def _row(one: MessageState) -> Row:
    reason = (one.reason if lang() == "zh" else one.reason_en) if one.waits else ""
    at = f"{one.at.astimezone(BEIJING):%m-%d %H:%M}"
    about = (at, one.to or say("prepare_where_all"), one.code)
    return Row(
        [
            Cell(one.text, note=say("list_separator").join(part for part in about if part)),
            Cell(one.words.text(lang()), note=reason),
        ]
    )
