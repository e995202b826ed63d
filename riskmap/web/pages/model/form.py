"""The draft of a model: one text per layer and session, edited by the form and by the file's text.

Both write into the same text. Inputs of the form are made anew when the text was changed otherwise
(`revision`), so that no input shows a number that the draft does not have.

A model as a form: every number that a district decides, each beside what it means.

The form is drawn from the text of the draft as it stands, also while the text has mistakes: a limit
that stands in the wrong order is put right here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

import streamlit as st
import tomli

from riskmap.actions.model_saving import OpenModel, open_model
from riskmap.catalog import Layer
from riskmap.catalog.model_sources import changed_parts, lost_sources, with_statements
from riskmap.catalog.model_text import FLOORS, Editable, changed_text, editable_values
from riskmap.catalog.toml_lines import KeyPath
from riskmap.errors import RiskmapError
from riskmap.vocabulary import TIER_TITLES
from riskmap.web.frame.state import lang, say, workspace
from riskmap.web.pages.model import words

_DRAFT: Final = "model-draft"


@dataclass(slots=True)
class ModelDraft:
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
            return tomli.loads(self.text)
        except (tomli.TOMLDecodeError, RecursionError):
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


def draft_of(layer: str) -> ModelDraft:
    """Return this session's draft; one that was not touched follows the file."""
    drafts: dict[str, ModelDraft] = st.session_state.setdefault(_DRAFT, {})
    here = open_model(workspace(), layer)
    draft = drafts.get(layer)
    if draft is None:
        draft = drafts[layer] = ModelDraft(layer, here, here.text)
    elif not draft.changed and draft.base.digest != here.digest:
        draft.replace(here.text, base=here)
    if draft.text_key not in st.session_state:  # inputs are forgotten while another page is shown
        st.session_state[draft.text_key] = draft.text
    return draft


def forget(layer: str) -> None:
    """Drop the draft: the next one starts from the file."""
    st.session_state.get(_DRAFT, {}).pop(layer, None)
    st.session_state.pop(f"model-text-{layer}", None)


def value_typed(draft: ModelDraft, path: KeyPath) -> None:
    """Take what an input of the form says into the text."""
    value = st.session_state.get(draft.number_key(path))
    if value is None:
        return
    try:
        draft.text = changed_text(draft.text, {path: value}, like=draft.base.text)
    except RiskmapError:  # the text has become another one meanwhile: show it as it is
        draft.revision += 1
    st.session_state[draft.text_key] = draft.text


def source_typed(draft: ModelDraft, path: KeyPath) -> None:
    """Take a source that was stated anew into the text."""
    typed = str(st.session_state.get(draft.number_key(path)) or "").strip()
    draft.text = with_statements(draft.text, {path: typed})
    st.session_state[draft.text_key] = draft.text


def text_typed(draft: ModelDraft) -> None:
    """Take the text of the file as it was typed."""
    draft.text = str(st.session_state.get(draft.text_key, draft.text)).replace("\r\n", "\n")
    draft.revision += 1


_LONGEST_SOURCE: Final = 500  # a signature and a date still fit behind it


_LIMITED: Final = ("major", "large", "general")


_COLUMNS: Final = 3


_BAND: Final = (1.15, 1.25, 0.3, 1.25)


_SECTIONS: Final = ("indicators", "learned", "combinations")


_ONE: Final = 1e-9  # how near to 1 the sum of weights has to be


def draw_model_form(draft: ModelDraft, layer: Layer) -> None:
    """Draw the inputs of a draft; what is typed goes into its text."""
    data = draft.data
    if data is None:
        st.caption(say("model_form_unreadable"))
        return
    form = _Form(draft, layer, data)
    form.limits()
    for section in _SECTIONS:
        nodes = words.tables(data.get(section))
        if nodes:
            st.html(f'<div class="rm-model-group">{escape(say(f"model_{section}"))}</div>')
        for i, node in enumerate(nodes):
            form.node((section, i), node)
    form.measures()
    form.uncertainty()


class _Form:
    def __init__(self, draft: ModelDraft, layer: Layer, data: Mapping[str, Any]) -> None:
        self._draft = draft
        self._layer = layer
        self._data = data
        self._known = editable_values(draft.text)
        self._titles = words.node_titles(data)
        self._changed = changed_parts(draft.base.text, draft.text)
        self._lost = lost_sources(draft.text, [draft.base.text])

    def limits(self) -> None:
        """Where each tier begins."""
        stated = words.table(self._data.get("limits"))
        unit = words.say_of(self._data.get("unit"))
        heading = say("model_limits") + (f" · {unit}" if unit else "")
        st.html(f'<div class="rm-model-group">{escape(heading)}</div>')
        for place, tier in zip(st.columns(_COLUMNS), _LIMITED, strict=True):
            above = ("limits", tier, "above")
            path = above if above in self._known else ("limits", tier)
            sign = ">" if path == above else "≥"
            self._input(
                place, path, f"{TIER_TITLES[words.standing(self._draft.layer, tier)].text(lang())} {sign}"
            )
        self._source(("limits",), stated)

    def node(self, place: KeyPath, node: Mapping[str, Any]) -> None:
        """One indicator, learned node or combination."""
        about = words.about_node(node, self._layer, self._titles)
        with st.expander(words.markdown(words.label_of(node, self._layer, about[0]))):
            for line in about[1:]:
                st.html(f'<div class="rm-sub" data-field="rules">{escape(line)}</div>')
            self._table(place, node)
            self._weights(place, node)
            self._matrix(place, node)
            self._bands(place, node)
            self._curve(place, node)
            self._source(place, node)

    def measures(self) -> None:
        """What lowers the residual risk, and for how long."""
        found = words.tables(self._data.get("measures"))
        if not found:
            return
        st.html(f'<div class="rm-model-group">{escape(say("model_measures"))}</div>')
        for i, measure in enumerate(found):
            here: KeyPath = ("measures", i)
            with st.expander(words.markdown(words.title_of(measure))):
                places = iter(st.columns(_COLUMNS))
                for key in (("effect", "factor"), ("effect", "tiers"), ("valid_days",)):
                    if (*here, *key) in self._known:
                        self._input(next(places), (*here, *key), say(f"model_{key[-1]}"))
                if (*here, "floor") in self._known:
                    self._floor(next(places), (*here, "floor"))
                self._source(here, measure)

    def uncertainty(self) -> None:
        """How far values and weights may be off."""
        stated = words.table(self._data.get("uncertainty"))
        if not stated:
            return
        st.html(f'<div class="rm-model-group">{escape(say("model_uncertainty"))}</div>')
        with st.expander(say("model_uncertainty_about")):
            self._input(st.columns(_COLUMNS)[0], ("uncertainty", "weights"), say("model_doubt_weights"))
            for name in words.table(stated.get("indicators")):
                keys = [key for key in self._known if key[:3] == ("uncertainty", "indicators", name)]
                st.html(
                    f'<div class="rm-model-line" data-field="measures">{escape(self._titles.get(name, name))}</div>'
                )
                for place, key in zip(st.columns(_COLUMNS), keys, strict=False):
                    self._input(place, key, say(f"model_{key[-1]}"))
            self._source(("uncertainty",), stated)

    def _source(self, place: KeyPath, stated: Mapping[str, Any]) -> None:
        """Where the numbers come from: asked for where they were changed, or where nobody has said it since."""
        source = stated.get("source")
        if not isinstance(source, str):
            return
        if source and place not in self._changed:
            st.html(
                f'<div class="rm-model-source" data-field="source">{escape(say("model_source", source=source))}</div>'
            )
            return
        lost = place in self._lost
        told = say("model_source_was", source=source) if lost else "" if source else say("model_source_lost")
        st.html(f'<div class="rm-model-source" data-field="source">{escape(told)}</div>')
        st.text_input(
            say("model_source_ask"),
            value="" if lost else source,
            key=self._draft.number_key((*place, "source")),
            max_chars=_LONGEST_SOURCE,
            on_change=source_typed,
            args=(self._draft, (*place, "source")),
        )

    # Parts of a node

    def _table(self, place: KeyPath, node: Mapping[str, Any]) -> None:
        choices = list(words.table(node.get("table")))
        for start in range(0, len(choices), _COLUMNS):
            for column, choice in zip(st.columns(_COLUMNS), choices[start : start + _COLUMNS], strict=False):
                title = words.choice_title(self._layer, str(node.get("field", "")), choice)
                self._input(column, (*place, "table", choice), title)

    def _weights(self, place: KeyPath, node: Mapping[str, Any]) -> None:
        weights = [key for key in self._known if key[:-1] == (*place, "weights")]
        parts = words.texts(node.get("of"))
        for start in range(0, len(weights), _COLUMNS):
            for column, key in zip(st.columns(_COLUMNS), weights[start : start + _COLUMNS], strict=False):
                part = parts[int(key[-1])] if int(key[-1]) < len(parts) else str(key[-1])
                self._input(column, key, self._titles.get(part, part))
        if weights:
            self._sum_of_weights([float(self._known[key].value) for key in weights], node)

    def _sum_of_weights(self, weights: Sequence[float], node: Mapping[str, Any]) -> None:
        total = math.fsum(weights)
        text = say("model_weights_sum", sum=f"{total:.6g}")
        if node.get("method") == "sum":
            st.caption(text)
        elif abs(total - 1) <= _ONE:
            st.caption(f":green[✓] {text}")
        else:
            st.caption(f":red[{text} {say('model_weights_not_one')}]")

    def _matrix(self, place: KeyPath, node: Mapping[str, Any]) -> None:
        rows = words.lists(node.get("matrix"))
        if not rows:
            return
        parts = [self._titles.get(part, part) for part in words.texts(node.get("of"))]
        row_title, column_title = (*parts, "", "")[:2]
        widths = [0.8, *[1.0] * max(len(row) for row in rows)]
        st.caption(words.markdown(say("model_matrix_axes", rows=row_title, columns=column_title)))
        head = st.columns(widths)
        for j, column in enumerate(head[1:]):
            column.html(f'<div class="rm-model-head" data-field="model">{j + 1}</div>')
        for i, row in enumerate(rows):
            first, *cells = st.columns(widths, vertical_alignment="center")
            first.html(f'<div class="rm-model-cell" data-field="model">{i + 1}</div>')
            for j, column in zip(range(len(row)), cells, strict=False):
                label = say("model_matrix_cell", row=i + 1, column=j + 1)
                self._input(column, (*place, "matrix", i, j), label, hidden=True)

    def _bands(self, place: KeyPath, node: Mapping[str, Any]) -> None:
        bands = words.tables(node.get("bands"))
        before, unit = "", words.unit_of(self._layer, node)
        if bands:
            _headings(
                _BAND, (say("model_band_from"), say("model_band_to", unit=unit), "", say("model_value"))
            )
        for j, band in enumerate(bands):
            start, end, arrow, value = st.columns(_BAND, vertical_alignment="center")
            key = "upto" if "upto" in band else "below"
            last = key not in band
            start.html(
                f'<div class="rm-model-cell" data-field="model">{escape(before or say("model_band_open"))}</div>'
            )
            if last:
                end.html(
                    f'<div class="rm-model-cell" data-field="model">{escape(say("model_band_and_more"))}</div>'
                )
            else:
                label = say(f"model_band_{key}", n=j + 1)
                self._input(end, (*place, "bands", j, key), label, hidden=True)
                limit = words.number(band[key])
                before = say("model_band_over", limit=limit) if key == "upto" else limit
            arrow.html('<div class="rm-model-head" data-field="model">→</div>')
            self._input(value, (*place, "bands", j, "value"), say("model_band_value", n=j + 1), hidden=True)

    def _curve(self, place: KeyPath, node: Mapping[str, Any]) -> None:
        knots = words.lists(node.get("curve"))
        if knots:
            unit = words.unit_of(self._layer, node)
            _headings(_BAND[1:], (say("model_curve_x", unit=unit), "", say("model_value")))
        for j in range(len(knots)):
            x, arrow, y = st.columns(_BAND[1:], vertical_alignment="center")
            self._input(x, (*place, "curve", j, 0), say("model_knot_x", n=j + 1), hidden=True)
            arrow.html('<div class="rm-model-head" data-field="model">→</div>')
            self._input(y, (*place, "curve", j, 1), say("model_knot_y", n=j + 1), hidden=True)

    # Inputs

    def _input(self, place: Any, path: KeyPath, label: str, *, hidden: bool = False) -> None:
        one = self._known.get(path)
        if one is None:
            return
        whole = one.kind == "whole"
        value = float(one.value)
        place.number_input(
            words.markdown(label),
            value=int(value) if whole else value,
            step=1 if whole else _step(one),
            format="%d" if whole else "%g",
            key=self._draft.number_key(path),
            on_change=value_typed,
            args=(self._draft, path),
            label_visibility="collapsed" if hidden else "visible",
        )

    def _floor(self, place: Any, path: KeyPath) -> None:
        value = self._known[path].value
        place.selectbox(
            say("model_floor"),
            FLOORS,
            index=FLOORS.index(value) if value in FLOORS else 0,
            format_func=lambda tier: TIER_TITLES[words.standing(self._draft.layer, tier)].text(lang()),
            key=self._draft.number_key(path),
            on_change=value_typed,
            args=(self._draft, path),
        )


def _step(one: Editable) -> float:
    """Return by how much the arrows of an input change it: a tenth of its size, at least a round number."""
    value = abs(float(one.value))
    if not math.isfinite(value) or value == 0:
        return 1.0 if isinstance(one.value, int) else 0.05
    step = 10.0 ** (math.floor(math.log10(value)) - 1)
    return max(1.0, step) if isinstance(one.value, int) else step


def _headings(widths: Sequence[float], titles: Sequence[str]) -> None:
    for place, title in zip(st.columns(widths), titles, strict=True):
        place.html(f'<div class="rm-model-head" data-field="model">{escape(title)}</div>')
