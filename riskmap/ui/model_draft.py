"""The draft of a model: one text per layer and session, edited by the form and by the file's text.

Both write into the same text. Inputs of the form are made anew when the text was changed otherwise
(`revision`), so that no input shows a number that the draft does not have.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import Any, Final

import streamlit as st

from riskmap.catalog.model_text import changed_text
from riskmap.catalog.toml_lines import KeyPath
from riskmap.errors import RiskmapError
from riskmap.ui.state import workspace
from riskmap.usecases.model_saving import OpenModel, open_model

_DRAFT: Final = "model-draft"


@dataclass(slots=True)
class Draft:
    """What a session makes of a layer's model. `base`: the file as it was opened."""

    layer: str
    base: OpenModel
    text: str
    revision: int = 0

    @property
    def changed(self) -> bool:
        """Whether it says something else than the file did."""
        return self.text != self.base.text

    @property
    def data(self) -> dict[str, Any] | None:
        """The values of the text, None where it is not TOML."""
        try:
            return tomllib.loads(self.text)
        except (tomllib.TOMLDecodeError, RecursionError):
            return None

    @property
    def text_key(self) -> str:
        """What the input of the whole text is known by."""
        return f"model-text-{self.layer}"

    def number_key(self, path: KeyPath) -> str:
        """Return what the input of one value is known by."""
        return f"model-{self.layer}-{self.revision}-{'.'.join(map(str, path))}"

    def replace(self, text: str, *, base: OpenModel | None = None) -> None:
        """Take another text, and every input with it."""
        self.text = text
        self.base = base or self.base
        self.revision += 1
        st.session_state[self.text_key] = text


def draft_of(layer: str) -> Draft:
    """Return this session's draft; one that was not touched follows the file."""
    drafts: dict[str, Draft] = st.session_state.setdefault(_DRAFT, {})
    here = open_model(workspace(), layer)
    draft = drafts.get(layer)
    if draft is None:
        draft = drafts[layer] = Draft(layer, here, here.text)
    elif not draft.changed and draft.base.digest != here.digest:
        draft.replace(here.text, base=here)
    if draft.text_key not in st.session_state:  # inputs are forgotten while another page is shown
        st.session_state[draft.text_key] = draft.text
    return draft


def forget(layer: str) -> None:
    """Drop the draft: the next one starts from the file."""
    st.session_state.get(_DRAFT, {}).pop(layer, None)
    st.session_state.pop(f"model-text-{layer}", None)


def value_typed(draft: Draft, path: KeyPath) -> None:
    """Take what an input of the form says into the text."""
    value = st.session_state.get(draft.number_key(path))
    if value is None:
        return
    try:
        draft.text = changed_text(draft.text, {path: value}, like=draft.base.text)
    except RiskmapError:  # the text has become another one meanwhile: show it as it is
        draft.revision += 1
    st.session_state[draft.text_key] = draft.text


def text_typed(draft: Draft) -> None:
    """Take the text of the file as it was typed."""
    draft.text = str(st.session_state.get(draft.text_key, draft.text)).replace("\r\n", "\n")
    draft.revision += 1
