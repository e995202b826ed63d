"""A new record: of any layer, or the report of something on a record that is looked at (a hazard on a slope)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from riskmap.actions.records.editing import NewPoint, Recorded, record_points
from riskmap.actions.records.recording import own_files, reported_in, reported_of
from riskmap.actions.records.scoring import one_feature
from riskmap.actions.tier_models import adopted_model
from riskmap.catalog import Layer
from riskmap.errors import RiskmapError
from riskmap.io.files.attachments import MEDIA, Incoming
from riskmap.values.records import CLEAR
from riskmap.web.frame.shell import page_of, page_title, section
from riskmap.web.frame.state import address_leads, follow, lang, say, workspace, write_address
from riskmap.web.pages.point.form import FormStart, draw_form
from riskmap.web.pages.point.place import draw_place, stated_position
from riskmap.web.widgets.panels import go_to, point_address
from riskmap.web.widgets.signing import ask_signature, keep_notice, notice, refuse
from riskmap.web.widgets.tier_moves import tiers_told

_NEW: Final = "new"  # in the address: the layer of the record to be
_FROM: Final = "from"  # and LAYER:CODE of the record that it is about


_LAYER: Final = "new-layer"


_LONGEST: Final = 80


def asked() -> bool:
    """Tell whether the address asks for a new record."""
    return _NEW in st.query_params


def begin() -> None:
    """Ask for a new record of the first layer."""
    st.session_state.pop(_LAYER, None)
    write_address((_NEW, _FROM), {_NEW: next(iter(workspace().catalog.layers))})


def buttons(layer: str, code: str) -> None:
    """A button for each register in which something on this record is reported."""
    for register, _ in reported_in(workspace().catalog.layers, layer):
        title = register.title.text(lang())
        if st.button(say("report_in", register=title), key=f"report-{register.id}"):
            follow(page_of("point"), {_NEW: register.id, _FROM: f"{layer}:{code}"})


def draw() -> None:
    """Draw the form and add what it states."""
    ws = workspace()
    about, colon, code = st.query_params.get(_FROM, "").partition(":")
    if colon:
        try:
            opened = _report(ws.catalog.layer(st.query_params[_NEW]), about, code)
        except RiskmapError as problem:
            refuse(problem)
            st.button(say("form_cancel"), key="new-cancel", on_click=_leave)
            return
    else:
        page_title(say("new_title"), say("new_lead"))
        opened = FormStart(ws.catalog.layer(_chosen_layer()), "", 0, {})
    with st.container(key="touch-new"):
        _form(opened, point_address(about, code) if colon else "")


def _report(layer: Layer, about: str, code: str) -> FormStart:
    """Say what is reported of which record; return what the form begins with."""
    ws = workspace()
    record = one_feature(ws, about, code).records
    stated = reported_of(ws.catalog.layers, layer, about, code)
    named = " · ".join([ws.catalog.title(about).text(lang()), str(record.name[0] or say("no_name")), code])
    page_title(say("report_title", register=layer.title.text(lang())), say("report_lead", record=named))
    return FormStart(layer, "", 0, stated, origin=f"{about}:{code}")


def _chosen_layer() -> str:
    layers = workspace().catalog.layers
    if _LAYER not in st.session_state or address_leads():
        named = st.query_params.get(_NEW, "")
        st.session_state[_LAYER] = named if named in layers else next(iter(layers))
    chosen = st.selectbox(
        say("list_layer"),
        list(layers),
        format_func=lambda one: layers[one].title.text(lang()),
        key=_LAYER,
    )
    write_address((_NEW,), {_NEW: chosen})
    return chosen


def _form(opened: FormStart, back: str) -> None:
    ws, layer = workspace(), opened.layer
    if (
        layer.geometry != "inherit"
        or not back
        or st.toggle(say("report_place"), key=f"{opened.key}-own-place")
    ):
        draw_place(opened, ws.places)
    with st.form(f"new-{opened.key}", enter_to_submit=False):
        files = {field.id: _uploads(opened, field.id) for field in own_files(layer)}
        code = "" if back and layer.key.kind != "code" else _code(layer)
        filled = draw_form(opened, adopted_model(ws, layer.id), ws.places, position=stated_position(opened))
        signature = ask_signature("new-sign", reason_hint=say("report_hint") if back else "")
        save = st.form_submit_button(say("report_save" if back else "new_save"), type="primary")
    st.button(say("form_cancel"), key="new-cancel", on_click=_leave, args=(opened.origin,))
    if not save:
        return
    if not code and layer.key.kind == "code":
        notice("error", say("new_no_code"))
    elif filled.judged.errors:
        notice("error", say("form_refused", count=len(filled.judged.errors)))
    elif signature.missing:
        notice("warning", signature.missing)
    else:
        stated = {**opened.stated, **filled.changes}
        values = {key: value for key, value in stated.items() if value is not CLEAR}
        try:
            with st.spinner(say("form_saving")):
                new = NewPoint(layer.id, code or None, values, files=files)
                made = record_points(ws, [new], by=signature.by, why=signature.why)
        except RiskmapError as problem:
            refuse(problem)
            return
        keep_notice("success", "\n".join(_told(layer, made, reported=bool(back))))
        go_to(back or point_address(layer.id, made.records[0].code))


def _code(layer: Layer) -> str:
    return st.text_input(
        say("new_code"),
        key=f"new-{layer.id}-code",
        placeholder=say("new_code_hint" if layer.key.kind == "code" else "new_code_made"),
        max_chars=_LONGEST,
    ).strip()


def _uploads(opened: FormStart, name: str) -> list[Incoming]:
    """Ask for pictures and documents; of a field of pictures alone a tablet offers its camera first (`page.js`)."""
    field = opened.layer.file_field(name)
    assert field is not None
    section(field.title.text(lang()))
    camera = "camera" if field.media == ("image",) else "uploads"
    with st.container(key=f"{camera}-{name}"):
        found = st.file_uploader(
            field.title.text(lang()),
            accept_multiple_files=field.several,
            label_visibility="collapsed",
            key=f"{opened.key}-{name}-files",
        )
    media = [MEDIA[one].text(lang()) for one in field.media or MEDIA]
    st.caption(say("files_help", media=say("list_separator").join(media)))
    files = found if isinstance(found, list) else [found] if found else []
    return [(file.name, bytes(file.getbuffer())) for file in files]


def _told(layer: Layer, made: Recorded, *, reported: bool) -> Sequence[str]:
    """Return what was added, which tiers moved with it, and what the rules said."""
    first = say("report_done", register=layer.title.text(lang()), code=made.records[0].code)
    lines = [first if reported else say("new_done")]
    return [*lines, *tiers_told(made.tiers), *(text.text(lang()) for text in made.warnings)]


def _leave(origin: str = "") -> None:
    layer, _, code = origin.partition(":")
    write_address((_NEW, _FROM, "layer", "code"), {"layer": layer, "code": code} if code else {})
