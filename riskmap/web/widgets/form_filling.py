"""A superior's form, filled with what a page lists: which form, of what period, downloaded when it is done."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import streamlit as st

from riskmap.actions.inventory.forms import form_bytes, form_named, form_titles, narrowed
from riskmap.errors import RiskmapError
from riskmap.progress import Progress
from riskmap.selection import Selection
from riskmap.web.frame import downloads
from riskmap.web.frame.running import File, Outcome
from riskmap.web.frame.state import as_of, lang, say, workspace
from riskmap.web.widgets.running import hand_over
from riskmap.web.widgets.signing import person, refuse


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
            hand_over("export", partial(_filled, file, fill), format=form.title)


def _filled(file: str, fill: Callable[..., bytes], progress: Progress) -> Outcome:
    content, until = fill(progress=progress), time.monotonic() + downloads.SHORT_S
    return Outcome("running_export_done", file=File(file, lambda: content, until))
