"""The files of a selection: every format that there is, and the map on paper, wherever records are listed; documents and forms.

Each is made in the background and downloaded when it is done; its address makes the same file in a new tab.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Final

import streamlit as st

from riskmap.actions.documents import DocumentTemplate, Wanted, made_document, templates_of
from riskmap.actions.inventory.forms import form_bytes, form_named, form_titles, narrowed
from riskmap.actions.workspace import Workspace
from riskmap.errors import Lang, RiskmapError
from riskmap.io.writers import export_formats
from riskmap.moments import local_day, local_now
from riskmap.progress import UNWATCHED, Progress
from riskmap.reports.templates import KINDS, current
from riskmap.selection import Selection
from riskmap.web.frame import downloads
from riskmap.web.frame.running import Act, File, Outcome
from riskmap.web.frame.state import as_of, lang, past_text, say, workspace
from riskmap.web.widgets.panels import show_downloads
from riskmap.web.widgets.running import hand_over
from riskmap.web.widgets.signing import person, refuse

Button = tuple[dict[str, str], Act]  # what is drawn, and what a click on it makes


def show_exports(key: str, selection: Selection, title: str) -> None:
    """Draw the buttons of a selection's files; `title` is what their names begin with, after the district's."""
    name = f"{workspace().config.district}-{title}"
    buttons = [_export(selection, name, ending) for ending in export_formats()]
    buttons += [_map(key, selection, name, kind) for kind in _MAPS]
    asked = show_downloads(key, [item for item, _ in buttons])
    for item, make in buttons:
        if item["act"] == asked:
            hand_over("export", make, format=item["title"])


def _export(selection: Selection, name: str, ending: str) -> Button:
    one, file = export_formats()[ending], downloads.file_name(name, ending)
    wanted = downloads.Wanted(selection, ending, file, lang(), past_text())
    about, href = one.help.text(lang()), downloads.address(wanted)
    item = {"title": one.title, "href": href, "name": file, "help": about, "act": ending}
    return item, partial(_exported, workspace(), wanted)


def _exported(ws: Workspace, wanted: downloads.Wanted, progress: Progress) -> Outcome:
    file = downloads.written(ws, wanted, progress=progress)
    until = time.monotonic() + downloads.SHORT_S
    gone = partial(shutil.rmtree, file.parent, ignore_errors=True)
    return Outcome(
        "running_export_done", file=File(downloads.sent_name(wanted, file), lambda: file, until, gone)
    )


@dataclass(frozen=True, slots=True)
class _Map:
    """A map of a selection: the ending of its file, and the words of its button."""

    ending: str
    words: str


_MAPS: Final = {
    "map-pdf": _Map(".pdf", "inventory_map"),
    "atlas": _Map(".pdf", "inventory_atlas"),
    "map-html": _Map(".html", "inventory_map_page"),
}


def _map(key: str, selection: Selection, name: str, kind: str) -> Button:
    one = _MAPS[kind]
    title = f"{name}-{say('inventory_atlas_file')}" if kind == "atlas" else name
    file = downloads.file_name(title, one.ending.removeprefix("."))
    draw = partial(_drawn, workspace(), selection, kind, lang=lang(), as_of=as_of())
    about, href = say(f"{one.words}_help"), downloads.offer(f"{key}-{kind} {past_text()}", file, draw)
    item = {"title": say(one.words), "href": href, "name": file, "help": about, "act": kind}
    return item, partial(_handed, file, draw)


def _handed(file: str, make: Callable[..., bytes], progress: Progress) -> Outcome:
    content, until = make(progress=progress), time.monotonic() + downloads.SHORT_S
    return Outcome("running_export_done", file=File(file, lambda: content, until))


def _drawn(
    ws: Workspace,
    selection: Selection,
    kind: str,
    *,
    lang: Lang,
    as_of: date | None,
    progress: Progress = UNWATCHED,
) -> bytes:
    from riskmap.actions.inventory.atlas import write_atlas
    from riskmap.actions.inventory.map_files import content_of, write_map

    write = write_atlas if kind == "atlas" else write_map
    made = partial(write, ws, selection, as_of=as_of, lang=lang, progress=progress)
    return content_of(made, f"map{_MAPS[kind].ending}")


def offer_documents(selection: Selection) -> None:
    """Draw the way to a document from a Word template: which, of what period and sub-district, with which number."""
    with st.expander(say("document_expander")):
        st.caption(say("document_lead"))
        known = {one.id: one for one in templates_of(workspace())}
        left, right = st.columns(2)
        name = left.selectbox(
            say("document_template"),
            list(known),
            key="document-template",
            format_func=lambda name: known[name].about.title.text(lang()),
        )
        one = known[name]
        if one.problem is not None:
            refuse(one.problem)
            return
        period, street = _asked_period(one), ""
        if one.about.street:
            streets = list(workspace().subdistricts)
            chosen = [street for street in selection.subdistricts if street in streets]
            street = right.selectbox(
                say("document_street"),
                streets,
                index=streets.index(chosen[0]) if chosen else 0,
                key=f"document-street-{chosen[0] if chosen else ''}",
            )
        number = st.text_input(
            say("document_number"), key="document-number", placeholder=say("document_number_like")
        )
        row = st.container(horizontal=True)
        clicked = [
            ending
            for ending in ("docx", "pdf")
            if row.button(say(f"document_make_{ending}"), key=f"document-make-{ending}", type="primary")
        ]
        if clicked:
            title = one.about.title.text(lang())
            wanted = Wanted(period or None, as_of(), street, number=number.strip(), lang=lang())
            words = filter(None, (workspace().config.district, title, street, period))
            file = downloads.file_name("-".join(words), clicked[0])
            make = partial(_documented, workspace(), name, wanted, f".{clicked[0]}")
            hand_over("export", partial(_handed, file, make), format=title)


def _asked_period(one: DocumentTemplate) -> str:
    """Return the period that a person states, first that of today; "" of a document that has none."""
    kind = one.about.period
    if kind == "none":
        return ""
    day = local_now().date() if (past := as_of()) is None else local_day(past)
    own = current(kind, day, workspace().config.week_starts)
    return st.text_input(
        say("document_period"),
        value="" if own is None else own.text,
        key=f"document-period-{kind}",
        help=KINDS[kind].text(lang()),
    ).strip()


def _documented(ws: Workspace, name: str, wanted: Wanted, ending: str, progress: Progress) -> bytes:
    return made_document(ws, name, wanted, ending=ending, progress=progress).content


def offer_forms(selection: Selection) -> None:
    """Draw the way to a form of the workspace, filled with a selection; how to make one where there is none."""
    with st.expander(say("form_expander")):
        titles = form_titles(workspace())
        if not titles:
            st.caption(say("form_none"))
            return
        st.caption(say("form_lead"))
        left, right = st.columns(2)
        name = left.selectbox(
            say("form_which"), list(titles), key="form-name", format_func=lambda name: titles[name]
        )
        try:
            form = form_named(workspace(), name)
            narrowed(workspace(), form, selection, as_of=as_of())
        except RiskmapError as problem:
            refuse(problem)
            return
        period = ""
        if form.takes_period:
            period = right.text_input(
                say("document_period"),
                value=(form.value and form.value.period) or "",
                key=f"form-period-{name}",
                placeholder=say("form_period_like"),
            ).strip()
        if st.button(say("form_fill"), key="form-fill", type="primary"):
            title = f"{workspace().config.district}-{form.title}"
            file = downloads.file_name(title, form.form.suffix.removeprefix("."))
            fill = partial(
                form_bytes,
                workspace(),
                form,
                selection,
                period=period or None,
                as_of=as_of(),
                by=person(),
                lang=lang(),
            )
            hand_over("export", partial(_handed, file, fill), format=form.title)
