"""The versions of a model: who saved which text, when and why; each can be read and put back."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Final

import streamlit as st

from riskmap.ui import model_words as words
from riskmap.ui.look import section
from riskmap.ui.model_draft import Draft
from riskmap.ui.notices import keep_notice
from riskmap.ui.panels import Cell, Column, Row, show_table
from riskmap.ui.state import say, workspace
from riskmap.ui.wording import moment
from riskmap.usecases.model_saving import ModelVersion, raised_text

_SHOWN: Final = "model-version-shown"


def versions(draft: Draft, found: Sequence[ModelVersion]) -> None:
    """Every version with who and why; any of them can be looked at and put back."""
    section(say("model_versions"))
    columns = [
        Column("version", say("list_version"), "code"),
        Column("state", say("list_state"), "short"),
        Column("at", say("history_at"), "short"),
        Column("who", say("history_who"), "short"),
        Column("why", say("history_why")),
        Column("digest", say("model_digest"), "code"),
        Column("act", "", "short"),
    ]
    rows = [
        Row(
            [
                Cell(one.version or "—", head=True),
                Cell(say(f"model_version_{_state(one)}")),
                Cell(moment(one.at) if one.at else "—"),
                Cell(one.who or "—"),
                Cell(one.why or "—"),
                Cell(one.digest[:8], quiet=True),
                Cell(say("model_version_show"), act=str(i)),
            ]
        )
        for i, one in enumerate(found)
    ]
    clicked = show_table("model-versions", columns, rows, dense=True)
    if clicked is not None and clicked.isdigit():
        st.session_state[_SHOWN] = (draft.layer, found[int(clicked)].digest)
    shown = st.session_state.get(_SHOWN)
    if shown and shown[0] == draft.layer:
        one = next((v for v in found if v.digest == shown[1]), None)
        if one is not None:
            _version(draft, one)


def _state(one: ModelVersion) -> str:
    if one.current:
        return "current"
    if one.pending:
        return "pending"
    return "saved" if one.saved else "used"


def _version(draft: Draft, one: ModelVersion) -> None:
    with st.container(border=True, key="model-version-box"):
        st.markdown(f"**{words.markdown(say('model_version_title', version=one.version or '—'))}**")
        if one.pending:
            st.caption(say("model_version_pending_about"))
        text, change = st.tabs([say("model_version_text"), say("model_version_difference")])
        text.code(one.text, language="toml", line_numbers=True, height=360)
        with change:
            difference(one.text, draft.base.text, one.version, draft.base.version)
        if draft.changed and not one.current:
            st.caption(say("model_put_back_over"))
        with st.container(horizontal=True):
            st.button(
                say("model_put_back"),
                key="model-put-back",
                disabled=one.current,
                on_click=_put_back,
                args=(draft, one),
            )
            st.button(say("model_version_close"), key="model-version-close", on_click=_close)


def difference(before: str, after: str, old: str, new: str) -> None:
    """Draw which lines two texts differ in."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), old, new, lineterm="", n=1)
    text = "\n".join(lines)
    if text:
        st.code(text, language="diff", wrap_lines=True)
    else:
        st.caption(say("model_no_difference"))


def _close() -> None:
    st.session_state.pop(_SHOWN, None)


def _put_back(draft: Draft, one: ModelVersion) -> None:
    text = one.text if one.pending else raised_text(workspace(), draft.layer, one.text)
    draft.replace(text)
    keep_notice("info", say("model_put_back_done", version=one.version))
    _close()
