"""Who does it and why: asked for at every change, kept in the ledger with it.

Messages that outlive a rerun, and messages that hold text of the ledger.

Taking a changeset back.

Exports with full contacts: made only with a person and a reason, which the ledger keeps.

What a newcomer reads where the ledger is still empty.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import streamlit as st

from riskmap.actions.inventory.exporting import export_selection
from riskmap.actions.inventory.unrated import unrated_text
from riskmap.actions.records.editing import undo_changeset, undone_text
from riskmap.actions.workspace import Workspace
from riskmap.errors import Lang, RiskmapError
from riskmap.io.files.leftovers import mark
from riskmap.io.writers import export_formats
from riskmap.progress import Progress
from riskmap.rules.permissions import Actor, local_actor
from riskmap.selection import Selection
from riskmap.web.frame import downloads
from riskmap.web.frame.running import Act, File, Outcome
from riskmap.web.frame.shell import page_of
from riskmap.web.frame.state import lang, past_of, past_text, say, workspace
from riskmap.web.widgets.filters import escape_markdown
from riskmap.web.widgets.panels import field_box, figure_box, number_of, show_offer, show_said
from riskmap.web.widgets.running import carry_out, runs

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

_PERSON: Final = "person"


_LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class Signature:
    """Person and reason of a change."""

    name: str
    why: str

    @property
    def by(self) -> Actor:
        """Who signs: whoever sits here may do everything, and nobody proves the name."""
        return local_actor(self.name)

    @property
    def missing(self) -> str:
        """What is still to be filled in, as a sentence; empty when nothing is."""
        if self.name and self.why:
            return ""
        return say("sign_missing_person" if not self.name else "sign_missing_reason")


def ask_person(key: str, *, longest: int = _LONGEST) -> str:
    """Draw the input for who does it and return the name; it is remembered for the session."""
    by = st.text_input(
        say("sign_person"),
        value=_name(),
        key=key,
        placeholder=say("sign_person_hint"),
        help=say("sign_local"),
        max_chars=longest,
    )
    return _remembered(by)


def person() -> Actor | None:
    """Return who sits there, None where nobody said so yet."""
    return local_actor(_name()) if _name() else None


def _name() -> str:
    return str(st.session_state.get(_PERSON, ""))


def _remembered(by: str | None) -> str:
    if by := (by or "").strip():
        st.session_state[_PERSON] = by
    return by


def ask_signature(key: str, *, reason_hint: str = "", side_by_side: bool = True) -> Signature:
    """Draw the two inputs; the person is remembered for the session."""
    first, second = st.columns([1, 2]) if side_by_side else (st.container(), st.container())
    with first:
        by = ask_person(f"{key}-by")
    why = second.text_input(
        say("sign_reason"),
        key=f"{key}-why",
        placeholder=reason_hint or say("sign_reason_hint"),
        max_chars=_LONGEST,
    )
    return _signature(by, why)


def signed(key: str) -> Signature:
    """Return what stood in the inputs of `ask_signature` when they were last sent, before they are drawn."""
    return _signature(st.session_state.get(f"{key}-by"), st.session_state.get(f"{key}-why"))


def _signature(by: str | None, why: str | None) -> Signature:
    return Signature(_remembered(by), (why or "").strip())


Tone = Literal["success", "info", "warning", "error"]


_KEPT: Final = "notice"


def notice(tone: Tone, text: str, place: DeltaGenerator | None = None) -> None:
    """Show a sentence as it is written: nothing in it is markup."""
    draw: Any = getattr(place or st, tone)
    draw("\n\n".join(escape_markdown(line) for line in text.splitlines() if line.strip()))


def say_unrated(new: Sequence[str], *, total: int, unrated: int, within: str = "") -> None:
    """Say how the unrated of some records stand: a calm line, a warning where some are new. `within`: of which records."""
    if new:
        with figure_box("points.tiers.unrated", "new"):
            notice("warning", unrated_text(new, total=total, unrated=unrated, lang=lang()))
        return
    show_said(
        "unrated_usual",
        tone="ok",
        rated=number_of(total - unrated, "points.rated", within=within),
        unrated=number_of(unrated, "points.tiers.unrated", within=within),
        total=number_of(total, "points.total", within=within),
    )


def refuse(problem: RiskmapError) -> None:
    """Show what was refused: place, find, remedy."""
    notice("error", problem.text(lang()))


def keep_notice(tone: Tone, text: str) -> None:
    """Show a sentence after the next rerun."""
    st.session_state[_KEPT] = (tone, text)


def show_kept_notice() -> None:
    """Show what the last action left to say, once."""
    kept = st.session_state.pop(_KEPT, None)
    if kept:
        with field_box("action", "kept"):
            notice(*kept)


def carried_out(kind: str, act: Act, **values: object) -> Outcome | None:
    """Run an action; return what came of it where that is soon over, None where it was refused, which is then said.

    Does not return where the strip goes on with it: the page is drawn anew. Two of a kind do not run at once.
    """
    if runs(kind):
        notice("warning", say("running_already"))
        return None
    with st.spinner(say("working")):
        done = carry_out(kind, act, **values)
    if done is None:
        st.rerun()
    if done.refused is not None:
        refuse(done.refused)
    elif done.outcome is None and not done.cancelled:
        notice("error", say("unexpected"))
    return done.outcome


def undo_box(key: str, changeset: int, *, forget: str = "") -> None:
    """Ask for person and reason, take a changeset back and say all that it did.

    `forget`: what the session kept of it until then.
    """
    signature = ask_signature(key)
    if not st.button(say("undo_go"), key=f"{key}-go"):
        return
    if signature.missing:
        notice("warning", signature.missing)
        return
    try:
        with st.spinner(say("undo_working")):
            undone = undo_changeset(workspace(), changeset, by=signature.by, why=signature.why)
    except RiskmapError as problem:
        refuse(problem)
        return
    st.session_state.pop(forget, None)
    keep_notice("success", undone_text(changeset, undone).text(lang()))
    st.rerun()


_MADE: Final = "unmasked-file"


@dataclass(frozen=True, slots=True)
class _Unmasked:
    """A file with full contacts: for which selection of which past, under which name, until when it is kept (monotonic s)."""

    selection: str
    past: str
    name: str
    content: bytes
    until: float


def offer_unmasked_export(selection: Selection, title: str) -> None:
    """Draw the way to a file with full contacts."""
    with st.expander(say("unmasked_title")):
        st.caption(say("unmasked_lead"))
        signature = ask_signature("unmasked")
        endings = [ending for ending, one in export_formats().items() if one.unmasked]
        ending = st.segmented_control(
            say("unmasked_format"),
            endings,
            default=endings[0],
            key="unmasked-format",
            format_func=str.upper,
        )
        if st.button(say("unmasked_make"), key="unmasked-make", disabled=not ending):
            st.session_state.pop(_MADE, None)
            if signature.missing:
                notice("warning", signature.missing)
            else:
                _make(selection, title, ending or endings[0], signature.by, signature.why)
        made = st.session_state.get(_MADE)
        if made and made.until < time.monotonic():
            del st.session_state[_MADE]
            made = None
        if made and (made.selection, made.past) == (selection.to_text(), past_text()):
            content = made.content
            show_offer("unmasked-save", say("unmasked_save"), made.name, lambda: content, until=made.until)


def _make(selection: Selection, title: str, ending: str, by: Actor, why: str) -> None:
    name = downloads.file_name(title, ending)
    act = partial(_made, workspace(), selection, name, ending, by=by, why=why, words=lang(), past=past_text())
    carried_out("unmasked", act)


def _made(
    ws: Workspace,
    selection: Selection,
    name: str,
    ending: str,
    progress: Progress,
    *,
    by: Actor,
    why: str,
    words: Lang,
    past: str,
) -> Outcome:
    folder = Path(tempfile.mkdtemp(prefix=f"riskmap{mark()}"))
    try:
        file = folder / f"export.{ending}"
        export_selection(
            ws,
            selection,
            file,
            as_of=past_of(past),
            unmasked=True,
            by=by,
            why=why,
            lang=words,
            progress=progress,
        )
        content, until = file.read_bytes(), time.monotonic() + downloads.SHORT_S
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    kept = _Unmasked(selection.to_text(), past, name, content, until)
    return Outcome("running_export_done", file=File(name, lambda: content, until), state={_MADE: kept})


def welcome(page: str) -> None:
    """Say what this page will show and how to get there."""
    with st.container(key="page-welcome"):
        st.header(say("empty_title"))
        st.markdown(say(f"{page}_empty"))
        st.markdown("\n".join(f"1. {say(f'empty_step_{step}')}" for step in ("import", "assess", "map")))
        st.page_link(page_of("import"), label=say("empty_goto_import"))
        st.caption(say("empty_demo"))
