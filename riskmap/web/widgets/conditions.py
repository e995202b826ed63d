"""Conditions on single fields beside the common filter: 坡高 ≥ 12, kept in the address bar."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

import streamlit as st

from riskmap.actions.inventory.listing import make_selection
from riskmap.actions.workspace import Workspace
from riskmap.catalog import Condition, Layer
from riskmap.catalog.layer import Field
from riskmap.errors import RiskmapError
from riskmap.rules.extras import extra_keys, header_of, holds_people, is_extra
from riskmap.selection import Snapshot
from riskmap.units import unit_title
from riskmap.web.frame.state import lang, say
from riskmap.web.widgets.filters import escape_markdown
from riskmap.web.widgets.signing import refuse
from riskmap.web.widgets.wording import value_text

_KEPT: Final = "conditions"


_QUERY: Final = "where"


_BARE: Final = ("present", "missing")


_OPERATORS: Final[Mapping[str, tuple[str, ...]]] = {
    "text": ("~", "==", *_BARE),
    "number": (">=", "<=", ">", "<", "==", *_BARE),
    "integer": (">=", "<=", ">", "<", "==", *_BARE),
    "date": (">=", "<=", "==", *_BARE),
    "boolean": ("==", *_BARE),
    "choice": ("==", "!=", *_BARE),
}


_CORE: Final = {"score": "number", "updated_at": "date", "contacts": "number"}


def ask_conditions(ws: Workspace, now: Snapshot, layers: Collection[str]) -> tuple[Condition, ...]:
    """Draw the conditions and a line to add one; return them. SelectionError names one that is wrong."""
    texts = _current()
    with st.expander(_title(texts), expanded=bool(texts)):
        _listed(ws, texts)
        _add_one(ws, now, [layer for layer in now.layers if layer in layers])
    if st.query_params.get_all(_QUERY) != texts:
        st.query_params[_QUERY] = texts
    return make_selection(ws, where=texts).where


def conditions_text(ws: Workspace, conditions: Collection[Condition]) -> str:
    """Return conditions in words: titles instead of ids."""
    return say("list_separator").join(_words(ws, where) for where in conditions)


def _title(texts: list[str]) -> str:
    return say("conditions_title") + (f" :gray[{len(texts)}]" if texts else "")


def _current() -> list[str]:
    """Return the conditions of this session: the address bar's when it has changed, else as kept."""
    address = [text for text in st.query_params.get_all(_QUERY) if text.strip()]
    kept: list[str] | None = st.session_state.get(_KEPT)
    if kept is None or (address and address != kept):
        kept = address
    st.session_state[_KEPT] = kept
    return kept


def _listed(ws: Workspace, texts: list[str]) -> None:
    for i, text in enumerate(texts):
        words, drop = st.columns([3, 1], vertical_alignment="center")
        try:
            (where,) = make_selection(ws, where=[text]).where
            words.markdown(escape_markdown(_words(ws, where)))
        except RiskmapError as problem:
            with words:
                refuse(problem)
        drop.button(
            say("conditions_drop"), key=f"condition-drop-{i}", on_click=_drop, args=(i,), width="stretch"
        )


def _drop(index: int) -> None:
    kept: list[str] = st.session_state[_KEPT]
    st.session_state[_KEPT] = kept[:index] + kept[index + 1 :]
    st.query_params[_QUERY] = st.session_state[_KEPT]


def _add(text: str) -> None:
    st.session_state[_KEPT] = [*st.session_state[_KEPT], text]
    st.query_params[_QUERY] = st.session_state[_KEPT]
    st.session_state.pop("condition-value", None)


def _add_one(ws: Workspace, now: Snapshot, layers: list[str]) -> None:
    fields = _fields(ws, now, layers)
    chosen = st.selectbox(
        say("conditions_field"),
        list(fields),
        format_func=lambda one: fields[one][0],
        index=None,
        placeholder=say("conditions_field_hint"),
        key="condition-field",
    )
    if chosen is None:
        return
    kind, field = fields[chosen][1], fields[chosen][2]
    op = st.selectbox(
        say("conditions_operator"),
        _OPERATORS[kind],
        format_func=_operator_word,
        key=f"condition-operator-{kind}",
    )
    wanted = "" if op in _BARE else _value_input(kind, field)
    ready = op in _BARE or bool(wanted)
    st.button(
        say("conditions_add"),
        key="condition-add",
        disabled=not ready,
        on_click=_add,
        args=(f"{chosen} {op} {wanted}".strip(),),
        width="stretch",
    )


def _value_input(kind: str, field: Field | None) -> str:
    label = say("conditions_value") + (
        f"（{unit_title(field.unit).text(lang())}）" if field is not None and field.unit else ""
    )
    if kind == "boolean":
        return st.selectbox(
            label, ["true", "false"], format_func=lambda v: say("yes" if v == "true" else "no")
        )
    if kind == "choice" and field is not None and field.choices:
        titles = {c.id: c.title.text(lang()) for c in field.choices}
        return st.selectbox(label, list(titles), format_func=lambda v: titles[v])
    hint = say("date_hint") if kind == "date" else ""
    return (st.text_input(label, key="condition-value", placeholder=hint, max_chars=80) or "").strip()


def _fields(ws: Workspace, now: Snapshot, layers: list[str]) -> dict[str, tuple[str, str, Field | None]]:
    """Return field id → title with its layers, kind and definition, without personal data."""
    found: dict[str, tuple[str, str, Field | None]] = {
        name: (say(f"list_{name}"), kind, None) for name, kind in _CORE.items()
    }
    for layer_id in layers:
        layer: Layer = ws.catalog.layer(layer_id)
        for field in layer.fields:
            if field.personal or field.id in found:
                continue
            title = field.title.text(lang())
            if len(layers) > 1:
                title = (
                    f"{title}（{layer.title.text(lang())}）"
                    if lang() == "zh"
                    else f"{title} ({layer.title.en})"
                )
            found[field.id] = (title, field.type, field)
        for key in extra_keys(now.table(layer_id).column_names):
            texts = now.table(layer_id)[key].unique().to_pylist()
            if not holds_people(header_of(key), texts):
                found.setdefault(header_of(key), (header_of(key), "text", None))
    return found


def _operator_word(op: str) -> str:
    return {"~": say("op_contains"), "present": say("op_present"), "missing": say("op_missing")}.get(
        op, {">=": "≥", "<=": "≤", "==": "=", "!=": "≠"}.get(op, op)
    )


def _words(ws: Workspace, where: Condition) -> str:
    name = where.field.removeprefix("f:")
    if is_extra(name):
        return " ".join(
            [header_of(name), _operator_word(where.op), say("comma").join(map(str, where.values))]
        ).strip()
    for layer in ws.catalog.layers.values():
        if name in layer.field_ids:
            values = [value_text(layer, name, v) for v in where.values]
            title = layer.field(name).title.text(lang())
            break
    else:
        values, title = [str(v) for v in where.values], say(f"list_{name}")
    return " ".join([title, _operator_word(where.op), say("comma").join(values)]).strip()
