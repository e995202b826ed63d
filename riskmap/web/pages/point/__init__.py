"""点位: one record: what is known of it, why it has its tier, its past; edit, move, retire, add."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import streamlit as st

from riskmap.actions.inventory.listing import list_records
from riskmap.actions.records.certainty import point_certainty
from riskmap.actions.records.editing import (
    edit_point,
    judged_again,
    reinstate_points,
    retire_point,
    reveal_contacts,
)
from riskmap.actions.records.scoring import explain_point, one_feature, tier_basis
from riskmap.actions.tier_models import adopted_model
from riskmap.catalog import Layer
from riskmap.errors import RiskmapError, StaleRevisionError, Text, UnknownNameError
from riskmap.moments import local_day, local_now
from riskmap.rules.masks import mask_contacts
from riskmap.selection import Selection, counts, find, flag_ids
from riskmap.values.records import Features
from riskmap.vocabulary import RANKS, TIER_TITLES
from riskmap.web.frame.shell import open_point, page_look, page_of, page_title, section
from riskmap.web.frame.state import (
    address_leads,
    as_of,
    follow,
    lang,
    say,
    snapshot,
    workspace,
    write_address,
)
from riskmap.web.pages import Page
from riskmap.web.pages.point import attached, moves, new, person, uniting, view
from riskmap.web.pages.point.form import FormStart, draw_form, open_record
from riskmap.web.pages.point.place import draw_place, stated_position
from riskmap.web.pages.point.view import Stale, certainty, draw_stale
from riskmap.web.widgets.filters import kept_query
from riskmap.web.widgets.panels import (
    Cell,
    Row,
    TableColumn,
    pager_of,
    point_address,
    show_table,
    tier_cell,
)
from riskmap.web.widgets.readings import draw_readings
from riskmap.web.widgets.signing import (
    Signature,
    ask_signature,
    keep_notice,
    notice,
    refuse,
    show_kept_notice,
    welcome,
)

PAGE: Final = Page(id="point", zh="点位", en="Point", order=40, past=True)


_MODE: Final = "point-mode"  # (what is being done, address of the record)


_OPENED: Final = "point-opened"


_STALE: Final = "point-stale"


_REVEALED: Final = "point-revealed"


_FOUND: Final = "point-found"


_SEARCH: Final = "point-search"


_SEARCH_LAYER: Final = "point-search-layer"


_FOUND_ROWS: Final = 15


_LONGEST: Final = 80


_ZOOM: Final = 17


def render() -> None:
    """Draw the page."""
    page_look()
    show_kept_notice()
    layer, code = st.query_params.get("layer", ""), st.query_params.get("code", "")
    if layer and code:
        _record(layer, code)
    elif new.asked() and as_of() is None:
        new.draw()
    elif not snapshot().n:
        welcome("point")
        _new_button()
    else:
        _choose()


# Choosing
def _choose() -> None:
    page_title(say("point_choose_title"), say("point_choose_lead"))
    box, layers, button = st.columns([3, 2, 1], vertical_alignment="bottom")
    catalog = workspace().catalog.layers
    if _SEARCH not in st.session_state or address_leads():
        st.session_state[_SEARCH] = st.query_params.get("q", "")[:_LONGEST]
        st.session_state[_SEARCH_LAYER] = (
            asked if (asked := st.query_params.get("layer")) in catalog else None
        )
    text = box.text_input(
        say("filter_text"), key=_SEARCH, placeholder=say("filter_text_hint"), max_chars=_LONGEST
    )
    layer = layers.selectbox(
        say("list_layer"),
        list(catalog),
        index=None,
        format_func=lambda one: catalog[one].title.text(lang()),
        placeholder=say("point_any_layer"),
        key=_SEARCH_LAYER,
    )
    with button:
        if as_of() is None:
            _new_button()
    selection = Selection(layers=(layer,) if layer else (), text=(text or "").strip())
    write_address(("q", "layer"), {"q": selection.text, "layer": layer or ""})
    total = counts(snapshot(), selection).total
    if not total and selection.text:
        _retired_with_code(selection.text, [layer] if layer else list(catalog))
    pager = pager_of(_FOUND, total, _FOUND_ROWS)
    found = list_records(snapshot(), selection, layers=catalog, start=pager.start, size=pager.size)
    columns = [
        TableColumn("tier", say("list_tier"), "tier-cell"),
        TableColumn("name", say("list_name")),
        TableColumn("code", say("list_code"), "code"),
        TableColumn("layer", say("list_layer"), "short"),
        TableColumn("subdistrict", say("list_subdistrict"), "short"),
    ]
    rows = []
    for record in found.records:
        href = point_address(record.layer, record.code)
        cells = [
            tier_cell(record.tier),
            Cell(record.name or say("no_name"), href=href),
            Cell(record.code),
            Cell(catalog[record.layer].title.text(lang())),
            Cell(record.subdistrict or say("not_stated")),
        ]
        rows.append(Row(cells, href=href))
    show_table(_FOUND, columns, rows, pager=pager, empty=say("point_none_found"))


def _retired_with_code(code: str, layers: list[str]) -> None:
    """A retired record is on no list; its code still opens it."""
    for layer in layers:
        try:
            one_feature(workspace(), layer, code, as_of=as_of())
        except UnknownNameError:
            continue
        if st.button(say("point_open_retired"), key=f"point-open-{layer}"):
            open_point(layer, code)


def _new_button() -> None:
    st.button(say("point_new"), key="point-new", on_click=new.begin, width="stretch")


def _set_mode(mode: str, address: str) -> None:
    st.session_state[_MODE] = (mode, address)
    for key in (_OPENED, _STALE):
        st.session_state.pop(key, None)


# One record
def _record(layer_id: str, code: str) -> None:
    ws = workspace()
    try:
        layer = ws.catalog.layer(layer_id)
        features = one_feature(ws, layer_id, code, contacts=True, as_of=as_of())
    except RiskmapError as problem:
        page_title(say("point_unknown"))
        refuse(problem)
        st.button(say("point_back"), key="point-back-unknown", on_click=_forget)
        return
    here = point_address(layer_id, code)
    stands = view.where_it_stands(layer, features)
    view.heading(layer, stands, _flags(layer_id, code))
    if layer.flow is not None:
        moves.standing(layer, features)
    mode, where = st.session_state.get(_MODE, ("view", here))
    if where != here or as_of() is not None:
        mode = "view"
    if mode == "edit":
        _edit(features, here)
        return
    if layer.flow is not None:
        moves.buttons(layer, features, lambda chosen: _set_mode(chosen, here), disabled=as_of() is not None)
        if mode.startswith(moves.MOVE):
            moves.dialog(layer, features, mode.removeprefix(moves.MOVE), lambda: _set_mode("view", here))
    _actions(stands, here, mode)
    if mode == "retire":
        _turn(features, here, retire=True)
    elif mode == "reinstate":
        _turn(features, here, retire=False)
    elif mode == "merge":
        uniting.dialog(layer, features, lambda: _set_mode("view", here))
    _view(features, stands, here)


def _flags(layer: str, code: str) -> list[str]:
    now = snapshot()
    hit = find(now, layer, code)
    return [] if hit is None else flag_ids(now.table(layer)["flags"][hit.row].as_py())


def _actions(features: Features, here: str, mode: str) -> None:
    retired, past = features.retired[0] is not None, as_of() is not None
    with st.container(horizontal=True, key="no-print-actions"):
        st.button(
            say("point_edit"),
            key="point-edit",
            type="primary",
            disabled=retired or past,
            help=say("past_readonly") if past else None,
            on_click=_set_mode,
            args=("edit", here),
        )
        lon, lat = float(features.records.lon[0]), float(features.records.lat[0])
        located = lon == lon and lat == lat  # noqa: PLR0124 - NaN
        if st.button(say("point_on_map"), key="point-map", disabled=not located or retired):
            follow(page_of("map"), {"at": f"{lat:.6f},{lon:.6f},{_ZOOM}", **kept_query(snapshot())})
        if not retired and not past:
            new.buttons(features.records.layer, features.records.code[0])
        turn = "reinstate" if retired else "retire"
        st.button(
            say(f"point_{turn}"),
            key=f"point-{turn}",
            disabled=mode == turn or past,
            help=say("past_readonly") if past else None,
            on_click=_set_mode,
            args=(turn, here),
        )
        st.button(
            say("point_merge"),
            key="point-merge",
            disabled=retired or past or mode == "merge",
            help=say("past_readonly") if past else say("point_merge_help"),
            on_click=_set_mode,
            args=("merge", here),
        )
        st.button(say("point_another"), key="point-another", on_click=_forget)
    if retired:
        notice("warning", say("point_retired_because", why=features.retired[0]))


def _forget() -> None:
    _set_mode("view", "")
    write_address(("layer", "code"), {})


def _scored(layer: Layer, features: Features) -> None:
    ws, code, past = workspace(), features.records.code[0], as_of()
    try:
        basis = tier_basis(ws, layer.id, features, as_of=past)
        told = explain_point(ws, layer.id, code, basis=basis, as_of=past)
        view.why(layer, basis.model, features, told)
        on = local_day(past or local_now())
        certainty(point_certainty(ws, layer.id, code, on=on, basis=basis, as_of=past))
    except RiskmapError as problem:
        refuse(problem)


def _view(features: Features, stands: Features, here: str) -> None:
    ws = workspace()
    layer = ws.catalog.layer(features.records.layer)
    code = features.records.code[0]
    left, right = st.columns([1.25, 1], gap="large")
    with right:
        if layer.series is not None:
            draw_readings(layer.id, code)
        elif layer.model is None:
            st.caption(say("point_unscored"))
        if layer.model is not None:
            _scored(layer, features)
    with left:
        editable = features.retired[0] is None and as_of() is None
        view.facts(layer, adopted_model(ws, layer.id), features, stands, editable=editable)
        view.linked(layer, code, ws.catalog.layers)
        view.nearby(ws, layer, code)
        if layer.role == "persons":
            person.draw(code, here)
        attached.draw(features, here)
        if layer.contacts:
            _contacts(features, here)
    known = ws.ledger.history(layer.id, code)
    view.history(layer, [one for one in known if one.changeset <= snapshot().state])


def _contacts(features: Features, here: str) -> None:
    layer = workspace().catalog.layer(features.records.layer)
    section(say("group_contacts"))
    revealed = st.session_state.get(_REVEALED)
    if revealed and revealed[0] == here:
        view.contacts(layer, revealed[1])
        st.caption(say("contacts_revealed"))
        return
    people = features.records.contacts[0] if features.records.contacts else None
    view.contacts(layer, mask_contacts(people) or ())
    if not people or as_of() is not None:
        return
    with st.expander(say("contacts_reveal")):
        st.caption(say("contacts_reveal_lead"))
        signature = ask_signature("reveal", side_by_side=False)
        if st.button(say("contacts_show"), key="contacts-show") and _signed(signature):
            try:
                shown = reveal_contacts(
                    workspace(), layer.id, features.records.code[0], by=signature.by, why=signature.why
                )
            except RiskmapError as problem:
                refuse(problem)
                return
            st.session_state[_REVEALED] = (here, shown)
            st.rerun()


def _signed(signature: Signature) -> bool:
    if signature.missing:
        notice("warning", signature.missing)
    return not signature.missing


# Changing
def _edit(features: Features, here: str) -> None:
    ws = workspace()
    layer = ws.catalog.layer(features.records.layer)
    stale: Stale | None = st.session_state.get(_STALE)
    if stale is not None:
        _settle(stale, here)
        return
    opened: FormStart | None = st.session_state.get(_OPENED)
    if opened is None:
        opened = st.session_state[_OPENED] = open_record(layer, features)
    draw_place(opened, ws.places, features)
    with st.form(f"{opened.key}-form", enter_to_submit=False):
        filled = draw_form(
            opened,
            adopted_model(ws, layer.id),
            ws.places,
            before=features,
            position=stated_position(opened),
        )
        signature = ask_signature(f"{opened.key}-sign")
        save = st.form_submit_button(say("form_save"), type="primary")
    st.button(say("form_cancel"), key="point-cancel", on_click=_set_mode, args=("view", here))
    if not save:
        return
    if filled.judged.errors:
        notice("error", say("form_refused", count=len(filled.judged.errors)))
    elif not filled.changes:
        notice("info", say("form_nothing"))
    elif _signed(signature):
        _save(opened, filled.changes, signature, here, seen=opened.version)


def _save(
    opened: FormStart, changes: Mapping[str, Any], signature: Signature, here: str, *, seen: int
) -> None:
    ws, layer, code = workspace(), opened.layer, opened.code
    try:
        before = layer.standing(RANKS[int(one_feature(ws, layer.id, code).rank[0])])
        with st.spinner(say("form_saving")):
            edited = edit_point(
                ws, layer.id, code, seen=seen, changes=changes, by=signature.by, why=signature.why
            )
        after = layer.standing(RANKS[int(one_feature(ws, layer.id, code).rank[0])])
    except StaleRevisionError as problem:
        st.session_state[_STALE] = Stale(opened, problem, dict(changes), signature)
        st.rerun()
    except RiskmapError as problem:
        refuse(problem)
        return
    _set_mode("view", here)
    st.session_state.pop(_REVEALED, None)
    told = [_saved(edited.version, before, after), *_texts(edited.warnings)]
    if edited.followed:
        titles = [f"{ws.catalog.title(of).text(lang())} {n:,}" for of, n in edited.followed.items()]
        told.append(say("form_followed", layers=" · ".join(titles), changeset=edited.changeset))
    keep_notice("success", "\n".join(told))
    st.rerun()


def _texts(said: Sequence[Text]) -> list[str]:
    return [one.text(lang()) for one in said]


def _saved(version: int, before: str, after: str) -> str:
    if before == after:
        return say("form_saved", version=version)
    words = {key: TIER_TITLES[tier].text(lang()) for key, tier in (("before", before), ("after", after))}
    return say("form_saved_tier", version=version, **words)


def _settle(stale: Stale, here: str) -> None:
    choice = draw_stale(stale)
    if choice is None:
        return
    if not choice:
        _set_mode("view", here)
        keep_notice("info", say("stale_dropped"))
        st.rerun()
    st.session_state.pop(_STALE, None)
    _save(stale.opened, choice, stale.signature, here, seen=stale.problem.current)


def _turn(features: Features, here: str, *, retire: bool) -> None:
    ws, records = workspace(), features.records
    layer, code, name = records.layer, records.code[0], "retire" if retire else "reinstate"
    with st.container(border=True, key=f"point-{name}-box"):
        st.markdown(f"**{say(f'{name}_lead')}**")
        empty = not retire and _asked_to_empty(layer, code)
        signature = ask_signature(name, reason_hint=say(f"{name}_hint"))
        yes, no = st.columns([1, 5])
        go = yes.button(say(f"{name}_go"), key=f"{name}-go", type="primary")
        no.button(say("form_cancel"), key=f"{name}-cancel", on_click=_set_mode, args=("view", here))
        if not go or not _signed(signature):
            return
        try:
            if retire:
                retire_point(
                    ws, layer, code, by=signature.by, why=signature.why, seen=int(features.version[0])
                )
            else:
                seen = {code: int(features.version[0])}
                reinstate_points(
                    ws, layer, [code], seen=seen, by=signature.by, why=signature.why, empty_refused=empty
                )
        except RiskmapError as problem:
            refuse(problem)
            return
    _set_mode("view", here)
    keep_notice("success", say(f"{name}_done"))
    st.rerun()


def _asked_to_empty(layer: str, code: str) -> bool:
    """Name what the layer file of today refuses of a retired record; return whether that shall come back empty."""
    refused = judged_again(workspace(), layer, [code])[code].said(code, "error")
    if not refused:
        return False
    notice("warning", "\n".join(_texts(refused)))
    return st.checkbox(say("retired_empty_refused"), key="reinstate-empty")


if __name__ == "__main__":
    render()
