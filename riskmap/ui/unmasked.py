"""Exports with full contacts: made only with a person and a reason, which the ledger keeps."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Final

import streamlit as st

from riskmap.errors import RiskmapError
from riskmap.rules.permissions import Actor
from riskmap.selection import Selection
from riskmap.ui import downloads
from riskmap.ui.notices import notice, refuse
from riskmap.ui.signing import ask_signature
from riskmap.ui.state import lang, say, workspace
from riskmap.usecases.exporting import export_selection

_MADE: Final = "unmasked-file"
_FORMATS: Final = ("xlsx", "csv")


def offer_unmasked_export(selection: Selection, title: str) -> None:
    """Draw the way to a file with full contacts."""
    with st.expander(say("unmasked_title")):
        st.caption(say("unmasked_lead"))
        signature = ask_signature("unmasked")
        ending = st.segmented_control(
            say("unmasked_format"),
            _FORMATS,
            default=_FORMATS[0],
            key="unmasked-format",
            format_func=str.upper,
        )
        if st.button(say("unmasked_make"), key="unmasked-make", disabled=not ending):
            st.session_state.pop(_MADE, None)
            if signature.missing:
                notice("warning", signature.missing)
            else:
                _make(selection, title, ending or _FORMATS[0], signature.by, signature.why)
        made = st.session_state.get(_MADE)
        if made and made[0] == selection.to_text():
            st.download_button(
                say("unmasked_save"), made[2], file_name=made[1], key="unmasked-save", on_click="ignore"
            )


def _make(selection: Selection, title: str, ending: str, by: Actor, why: str) -> None:
    folder = Path(tempfile.mkdtemp(prefix="riskmap-"))
    try:
        with st.spinner(say("unmasked_making")):
            file = folder / f"export.{ending}"
            export_selection(workspace(), selection, file, unmasked=True, by=by, why=why, lang=lang())
            made = (selection.to_text(), downloads.file_name(title, ending), file.read_bytes())
            st.session_state[_MADE] = made
    except RiskmapError as problem:
        refuse(problem)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
