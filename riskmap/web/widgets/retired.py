"""已注销: the retired records of the filter, counted apart from every total, and the way to put them back."""

from __future__ import annotations

from typing import Final

import streamlit as st

from riskmap.actions.inventory.listing import list_records
from riskmap.actions.inventory.retired import how_retired, retired_snapshot
from riskmap.actions.records.editing import reinstate_points
from riskmap.errors import RiskmapError
from riskmap.selection import NOT_STATED, Counts, Selection, Snapshot, select
from riskmap.web.frame.state import as_of, lang, say, workspace
from riskmap.web.widgets.panels import (
    Cell,
    Figure,
    Kind,
    Pager,
    Row,
    TableColumn,
    first_page,
    number_of,
    pager_of,
    point_address,
    show_figures,
    show_table,
    sort_of,
    tier_cell,
)
from riskmap.web.widgets.signing import Signature, ask_signature, keep_notice, notice, refuse
from riskmap.web.widgets.wording import day

_TABLE: Final = "retired-table"


_SEEN: Final = "retired-selection"


_SWITCH: Final = "filter-retired"


_QUERY: Final = "retired"


_STREETS: Final = "filter-sub"  # the filter's choice of streets


_COLUMNS: Final[tuple[tuple[str, str, Kind], ...]] = (
    ("tier", "retired_tier", "tier-cell"),
    ("name", "list_name", "text"),
    ("code", "list_code", "code"),
    ("updated_at", "retired_at", "short"),
    ("who", "retired_who", "short"),
    ("why", "retired_why", "text"),
    ("how", "retired_how", "short"),
    ("layer", "list_layer", "short"),
    ("subdistrict", "list_subdistrict", "short"),
)


_SORTED: Final = ("tier", "name", "code", "layer", "subdistrict", "updated_at")


def retired_asked() -> Snapshot | None:
    """Return the retired records where the address asks for them.

    The filter's streets are left to those that these records know.
    """
    if st.query_params.get(_QUERY) != "1":
        return None
    gone = retired_snapshot(workspace(), as_of=as_of())
    if _STREETS in st.session_state:
        known = {*gone.subdistricts, NOT_STATED}
        st.session_state[_STREETS] = [one for one in st.session_state[_STREETS] if one in known]
    return gone


def draw_switch() -> None:
    """Draw the switch to the retired records where there are some, or while it is on; it turns the address."""
    asked, n = st.query_params.get(_QUERY) == "1", retired_snapshot(workspace(), as_of=as_of()).n
    if n or asked:
        st.session_state[_SWITCH] = asked
        st.toggle(say("retired_switch", n=f"{n:,}"), key=_SWITCH, on_change=_turn)


def _turn() -> None:
    if st.session_state[_SWITCH]:
        st.query_params[_QUERY] = "1"
    else:
        st.query_params.pop(_QUERY, None)


_RETIRED: Final = "retired"
"""Of which records the numbers are: those that are off the lists, which enter no figure."""


def show_retired(gone: Snapshot, selection: Selection, found: Counts) -> None:
    """Draw the retired records of a selection: how many, which, and what puts them back."""
    layers = workspace().catalog.layers
    counted = {one: int(n) for one, n in zip(found.layers, found.array.sum(axis=(1, 2)), strict=True) if n}
    figures = [Figure(say("retired_total"), number_of(found.everything, "records.layer", within=_RETIRED))]
    if len(counted) > 1:
        figures += [
            Figure(layers[one].title.text(lang()), number_of(n, f"records.layer.{one}", within=_RETIRED))
            for one, n in counted.items()
        ]
    show_figures("retired-figures", figures)
    st.caption(say("retired_lead"))
    if as_of() is None:
        _reinstate(gone, selection, counted)
    _table(gone, selection, found)


def _table(gone: Snapshot, selection: Selection, found: Counts) -> None:
    spec = selection.to_text()
    if st.session_state.get(_SEEN) != spec:
        st.session_state[_SEEN] = spec
        first_page(_TABLE)
    by, descending = sort_of(_TABLE, ("updated_at", True))
    pager = pager_of(_TABLE, found.everything)
    layers = workspace().catalog.layers
    listing = list_records(
        gone, selection, layers=layers, sort=by, descending=descending, start=pager.start, size=pager.size
    )
    left = how_retired(workspace(), [(one.layer, one.code) for one in listing.records], as_of=as_of())
    rows = []
    for one in listing.records:
        how = left.get((one.layer, one.code))
        href = point_address(one.layer, one.code)
        cells = [
            tier_cell(one.tier),
            Cell(one.name or say("no_name"), href=href, quiet=not one.name),
            Cell(one.code),
            Cell(day(one.updated_at)),
            *(
                [Cell(), Cell(), Cell()]  # somebody reinstated it just now
                if how is None
                else [Cell(how.who), Cell(how.why), Cell(say(f"retired_how_{how.how}"))]
            ),
            Cell(layers[one.layer].title.text(lang())),
            Cell(one.subdistrict or say("not_stated"), quiet=not one.subdistrict),
        ]
        rows.append(Row(cells, href=href))
    show_table(
        _TABLE,
        [TableColumn(name, say(text), kind, sortable=name in _SORTED) for name, text, kind in _COLUMNS],
        rows,
        pager=Pager(pager.page, listing.total, pager.size),
        sort=(by, descending),
        empty=say("retired_none"),
    )


def _reinstate(gone: Snapshot, selection: Selection, counted: dict[str, int]) -> None:
    if not counted:
        return
    layers = workspace().catalog.layers
    with st.expander(say("retired_back")):
        st.caption(say("retired_back_lead"))
        layer = next(iter(counted))
        if len(counted) > 1:
            layer = st.selectbox(
                say("list_layer"),
                list(counted),
                format_func=lambda one: f"{layers[one].title.text(lang())} {counted[one]:,}",
                key="retired-layer",
            )
        empty = st.checkbox(say("retired_empty_refused"), key="retired-empty-refused")
        signature = ask_signature("retired-sign", reason_hint=say("reinstate_hint"))
        if st.button(say("retired_back_go", n=f"{counted[layer]:,}"), key="retired-go", type="primary"):
            _write(gone, selection, layer, signature, empty=empty)


def _write(gone: Snapshot, selection: Selection, layer: str, signature: Signature, *, empty: bool) -> None:
    if signature.missing:
        notice("warning", signature.missing)
        return
    table = select(gone, selection).table(gone, layer)
    seen = dict(zip(table["code"].to_pylist(), table["version"].to_pylist(), strict=True))
    try:
        with st.spinner(say("bulk_writing")):
            done = reinstate_points(
                workspace(),
                layer,
                list(seen),
                seen=seen,
                by=signature.by,
                why=signature.why,
                empty_refused=empty,
            )
    except RiskmapError as problem:
        refuse(problem)
        return
    keep_notice("success", say("retired_back_done", n=f"{len(seen):,}", changeset=done.changeset or 0))
    st.rerun()
