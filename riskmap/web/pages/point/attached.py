"""Pictures and documents of a record: to look at, to attach, to take off; and what a picture says of its place."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

import streamlit as st

from riskmap.actions.records.attaching import (
    StatedPlace,
    attach_files,
    detach_files,
    original_of,
)
from riskmap.actions.records.editing import edit_point
from riskmap.catalog.layer import Field, Layer
from riskmap.coordinates import parse_datum, to_cgcs2000
from riskmap.errors import RiskmapError
from riskmap.io.files.attachments import MEDIA
from riskmap.rules.permissions import local_actor
from riskmap.values.records import Features
from riskmap.web.frame.attached import shown_files
from riskmap.web.frame.downloads import SHORT_S
from riskmap.web.frame.shell import section
from riskmap.web.frame.state import as_of, lang, past_text, say, signed, workspace
from riskmap.web.widgets.panels import show_offer
from riskmap.web.widgets.signing import Signature, ask_signature, keep_notice, notice, person, refuse

_ROUND: Final = "files-round"  # an uploader is emptied by giving it another key


_PLACES: Final = "files-places"  # (address of the record, positions that its new pictures state)


_ORIGINAL: Final = "files-original-open"  # (address of the record, name, content, until when)


def draw(features: Features, here: str) -> None:
    """Draw the files of a record, and what a person can do with them now."""
    ws, records = workspace(), features.records
    layer, code = ws.catalog.layer(records.layer), records.code[0]
    if not layer.files:
        return
    section(say("group_files"))
    there = shown_files(ws, layer.id, code, lang(), signed, as_of=as_of(), past=past_text())
    _gallery(layer, there)
    if as_of() is not None or features.retired[0] is not None:
        return
    _offer_places(layer, features, here)
    with st.expander(say("files_add")):
        _attach(layer, features, here)
    if there:
        with st.expander(say("files_more")):
            _one(layer, features, there, here)


def _gallery(layer: Layer, there: Sequence[Mapping[str, str]]) -> None:
    if not there:
        st.caption(say("files_none"))
    for field in layer.files:
        some = [one for one in there if one["field"] == field.id]
        if some and len(layer.files) > 1:
            st.html(f'<div class="rm-sub">{escape(field.title.text(lang()))}</div>')
        if some:
            st.html(f'<div class="rm-files">{"".join(map(_figure, some))}</div>')


def _figure(one: Mapping[str, str]) -> str:
    name = escape(one["name"])
    shown = (
        f'<img src="{escape(one["thumb"])}" alt="{name}" loading="lazy">'
        if one["thumb"]
        else f'<span class="rm-document">{escape(one["kind"].upper())}</span>'
    )
    lines = "<br>".join(escape(one[key]) for key in ("told", "taken") if one[key])
    return (
        f'<figure><a href="{escape(one["href"])}" target="_blank" rel="noopener" title="{name}">{shown}</a>'
        f'<figcaption data-field="file"><b>{name}</b>{lines}</figcaption></figure>'
    )


# Attaching


def _attach(layer: Layer, features: Features, here: str) -> None:
    field = _field(layer)
    media = [MEDIA[one].text(lang()) for one in field.media or MEDIA]
    stated = f"files-{here}-{field.id}-{st.session_state.get(_ROUND, 0)}"
    uploads = st.file_uploader(say("files_choose"), accept_multiple_files=field.several, key=stated)
    st.caption(say("files_help", media=say("list_separator").join(media)))
    signature = ask_signature("files")
    if not st.button(say("files_go"), key="files-go", type="primary"):
        return
    files = uploads if isinstance(uploads, list) else [uploads] if uploads else []
    if not files:
        notice("warning", say("files_nothing"))
    elif _signed(signature):
        incoming = [(file.name, bytes(file.getbuffer())) for file in files]
        try:
            with st.spinner(say("files_saving")):
                done = attach_files(
                    workspace(),
                    layer.id,
                    features.records.code[0],
                    field.id,
                    incoming,
                    seen=int(features.version[0]),
                    by=signature.by,
                    why=signature.why,
                )
        except RiskmapError as problem:
            refuse(problem)
            return
        st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1
        st.session_state[_PLACES] = (here, list(done.places))
        if done.changeset is None:
            keep_notice("info", say("files_same"))
        else:
            keep_notice("success", say("files_done", n=len(done.files), version=done.version))
        st.rerun()


def _field(layer: Layer) -> Field:
    if len(layer.files) == 1:
        return layer.files[0]
    chosen = st.selectbox(
        say("files_field"),
        [one.id for one in layer.files],
        format_func=lambda one: _title(layer, one),
        key="files-field",
    )
    return layer.file_field(chosen or "") or layer.files[0]


def _title(layer: Layer, field: str) -> str:
    found = layer.file_field(field)
    return found.title.text(lang()) if found else field


def _signed(signature: Signature) -> bool:
    if signature.missing:
        notice("warning", signature.missing)
    return not signature.missing


# What a picture says of its place: a person decides


def _offer_places(layer: Layer, features: Features, here: str) -> None:
    of, places = st.session_state.get(_PLACES, ("", []))
    if of != here or layer.geometry != "point":
        return
    for place in list(places):
        with st.container(border=True, key=f"files-place-{place.digest[:8]}"):
            st.text(_told(place))
            with st.container(horizontal=True):
                take = st.button(say("file_place_take"), key=f"files-take-{place.digest[:8]}")
                leave = st.button(say("file_place_leave"), key=f"files-leave-{place.digest[:8]}")
        if take:
            _take(layer, features, place)
        if take or leave:
            st.session_state[_PLACES] = (here, [] if take else [one for one in places if one is not place])
            st.rerun()


def _told(place: StatedPlace) -> str:
    values = {"name": place.name, "lon": f"{place.lon:.6f}", "lat": f"{place.lat:.6f}"}
    if place.away_m is None:
        return say("file_place_none", **values)
    return say("file_place", away=f"{place.away_m:,.0f} m", **values)


def _take(layer: Layer, features: Features, place: StatedPlace) -> None:
    code = features.records.code[0]
    lon, lat = to_cgcs2000([place.lon], [place.lat], parse_datum("wgs84"))
    by = person() or local_actor("")
    try:
        done = edit_point(
            workspace(),
            layer.id,
            code,
            seen=int(features.version[0]),
            changes={"position": (float(lon[0]), float(lat[0]))},
            by=by,
            why=say("file_place_why", name=place.name),
        )
    except RiskmapError as problem:
        keep_notice("error", problem.text(lang()))
        return
    keep_notice("success", say("file_place_done", version=done.version))


# One file


def _one(layer: Layer, features: Features, there: Sequence[Mapping[str, str]], here: str) -> None:
    chosen = st.selectbox(
        say("files_which"),
        range(len(there)),
        format_func=lambda at: f"{_title(layer, there[at]['field'])} · {there[at]['name']}",
        key=f"files-which-{here}-{len(there)}",
    )
    one = there[chosen or 0]
    st.caption(say("files_original_lead"))
    signature = ask_signature("files-one")
    with st.container(horizontal=True):
        off = st.button(say("files_off"), key="files-off")
        opened = st.button(say("files_original"), key="files-original")
    if (off or opened) and _signed(signature):
        try:
            if off:
                _off(layer, features, one, signature)
            else:
                _open(layer, features, one, signature, here)
        except RiskmapError as problem:
            refuse(problem)
            return
        st.rerun()
    of, name, content, until = st.session_state.get(_ORIGINAL, ("", "", b"", 0.0))
    if of == here and time.monotonic() < until:
        title = say("files_original_ready", name=name)
        show_offer("files-original-offer", title, name, lambda: content, until=until)


def _off(layer: Layer, features: Features, one: Mapping[str, str], signature: Signature) -> None:
    detach_files(
        workspace(),
        layer.id,
        features.records.code[0],
        one["field"],
        [one["digest"]],
        seen=int(features.version[0]),
        by=signature.by,
        why=signature.why,
    )
    keep_notice("success", say("files_off_done", name=one["name"]))


def _open(layer: Layer, features: Features, one: Mapping[str, str], signature: Signature, here: str) -> None:
    """Hand out the original: who opens it is recorded before it is there."""
    code = features.records.code[0]
    found, content = original_of(
        workspace(), layer.id, code, one["field"], one["digest"], by=signature.by, why=signature.why
    )
    st.session_state[_ORIGINAL] = (here, found.name, content, time.monotonic() + SHORT_S)
