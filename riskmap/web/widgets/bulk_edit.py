"""批量修改: the same change to every record of the filter, seen before it is written, taken back as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import streamlit as st

from riskmap.actions.records.bulk_editing import (
    BulkEdit,
    bulk_targets,
    commit_bulk_edit,
    plan_bulk_edit,
)
from riskmap.catalog import Layer
from riskmap.errors import RiskmapError, StaleRevisionError
from riskmap.rules.cell import TEXT_CHARS
from riskmap.selection import Counts, Selection
from riskmap.values.records import CLEAR
from riskmap.web.frame.shell import section
from riskmap.web.frame.state import lang, say, workspace
from riskmap.web.widgets.filters import escape_markdown
from riskmap.web.widgets.panels import (
    Cell,
    Figure,
    Number,
    Row,
    TableColumn,
    number_cell,
    number_of,
    pager_of,
    point_address,
    show_figures,
    show_table,
    tier_cell,
)
from riskmap.web.widgets.signing import Signature, ask_signature, keep_notice, notice, refuse, undo_box
from riskmap.web.widgets.tier_moves import show_matrix
from riskmap.web.widgets.wording import key_title, value_text, with_unit

_PLAN: Final = "bulk-plan"


_DONE: Final = "bulk-done"


_STALE: Final = "bulk-stale"


_ROWS: Final = 8


_VALUES: Final = 4  # of a field, the most frequent


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was asked for: a layer of a selection, and target → what is stated of it."""

    layer: str
    selection: str
    stated: tuple[tuple[str, object], ...]


@dataclass(frozen=True, slots=True)
class _Done:
    """The last change of many records in this session."""

    changeset: int
    layer: Layer
    count: int


def offer_bulk_edit(selection: Selection, found: Counts) -> None:
    """Draw the way to change every record of a selection: what, the preview, who and why, the undo."""
    counted = {one: int(n) for one, n in zip(found.layers, found.array.sum(axis=(1, 2)), strict=True) if n}
    if not counted and _DONE not in st.session_state:
        return
    with st.expander(say("bulk_title"), expanded=_DONE in st.session_state, key="bulk"):
        _offer_undo()
        if counted:
            _change(selection, counted)


def _change(selection: Selection, counted: Mapping[str, int]) -> None:
    st.caption(say("bulk_lead"))
    layers = workspace().catalog.layers
    if st.session_state.get("bulk-layer") not in counted:
        st.session_state.pop("bulk-layer", None)
    first, second = st.columns([1, 2])
    layer_id = first.selectbox(
        say("list_layer"),
        list(counted),
        format_func=lambda one: f"{layers[one].title.text(lang())} {counted[one]:,}",
        key="bulk-layer",
    )
    layer = layers[layer_id]
    titles = {target: title.text(lang()) for target, title in bulk_targets(layer).items()}
    chosen = second.multiselect(
        say("bulk_fields"),
        list(titles),
        format_func=titles.__getitem__,
        placeholder=say("conditions_field_hint"),
        select_all=False,
        key=f"bulk-fields-{layer_id}",
    )
    stated = {target: _ask(layer, target, titles[target]) for target in chosen}
    asked = _Asked(layer_id, selection.to_text(), tuple(stated.items()))
    if st.button(say("bulk_preview"), key="bulk-preview", disabled=not chosen):
        _look(asked, selection)
    _stale()
    kept: tuple[_Asked, BulkEdit] | None = st.session_state.get(_PLAN)
    if kept is None:
        return
    if kept[0] != asked:
        st.caption(say("bulk_outdated"))
        return
    _preview(kept[1])
    _sign_and_write(kept[1])


def _ask(layer: Layer, target: str, title: str) -> object:
    """Draw the input of one target; return what it states, CLEAR where it is to be emptied."""
    left, right = st.columns([4, 1], vertical_alignment="bottom")
    key = f"bulk-{layer.id}-{target}"
    empty = right.checkbox(say("bulk_empty"), key=f"{key}-empty")
    options = _options(layer, target)
    field = layer.field(target) if target in layer.field_ids else None
    label = with_unit(title, field)
    with left:
        if options:
            value: object = st.selectbox(
                label,
                list(options),
                index=None,
                format_func=lambda one: options[one],
                placeholder=say("bulk_choose"),
                disabled=empty,
                key=key,
            )
        else:
            dated = (field is not None and field.type == "date") or target.endswith(":verified")
            hint = say("date_hint") if dated else say("not_filled")
            value = st.text_input(label, placeholder=hint, max_chars=TEXT_CHARS, disabled=empty, key=key)
    return CLEAR if empty else value


def _options(layer: Layer, target: str) -> dict[Any, str]:
    """Return what a target offers to choose from, value → words; {} where it is written."""
    if target == "subdistrict":
        return {name: name for name in workspace().subdistricts}
    field = layer.field(target) if target in layer.field_ids else None
    if target.startswith("checklist:") or (field is not None and field.type == "boolean"):
        return {True: say("yes"), False: say("no")}
    return {} if field is None else {one.id: one.title.text(lang()) for one in field.choices}


def _look(asked: _Asked, selection: Selection) -> None:
    for key in (_PLAN, _STALE, _DONE):
        st.session_state.pop(key, None)
    try:
        with st.spinner(say("working")):
            plan = plan_bulk_edit(workspace(), asked.layer, selection, dict(asked.stated))
    except RiskmapError as problem:
        refuse(problem)
        return
    st.session_state[_PLAN] = (asked, plan)


def _preview(plan: BulkEdit) -> None:
    show_figures(
        "bulk-figures",
        [
            Figure(say("bulk_selected"), _of(plan, plan.selected)),
            Figure(say("bulk_changed"), _of(plan, len(plan.rows), "would change")),
            Figure(say("bulk_already"), _of(plan, plan.already, "would stay")),
            Figure(say("bulk_refused"), _of(plan, len(plan.refused), "refused")),
        ],
    )
    for text, n in plan.warnings.items():
        notice("warning", say("bulk_warning", text=text.text(lang()), n=f"{n:,}"))
    _values(plan)
    _tiers(plan)
    _refused(plan)


def _of(plan: BulkEdit, n: int, within: str = "") -> Number:
    """Return how many of the records that were chosen a change would do something to."""
    return number_of(n, f"records.layer.{plan.layer.id}", within=f"chosen {within}".strip())


def _values(plan: BulkEdit) -> None:
    """What stands there now and would be replaced."""
    if not plan.values:
        return
    section(say("bulk_values"))
    columns = [
        TableColumn("field", say("stale_field"), "short"),
        TableColumn("before", say("bulk_before")),
        TableColumn("after", say("bulk_after")),
        TableColumn("count", say("bulk_count"), "number"),
    ]
    rows: list[Row] = []
    for key in dict.fromkeys(one for one, _, _ in plan.values):
        title = Cell(key_title(plan.layer, key), head=True)
        pairs = [(before, after, n) for (one, before, after), n in plan.values.items() if one == key]
        for before, after, n in pairs[:_VALUES]:
            texts = (value_text(plan.layer, key, before), value_text(plan.layer, key, after))
            rows.append(Row([title, *map(Cell, texts), number_cell(_of(plan, n, f"{key} {texts[0]}"))]))
        if rest := pairs[_VALUES:]:
            others = Cell(say("bulk_more", n=f"{len(rest):,}"), quiet=True)
            more = number_cell(_of(plan, sum(n for *_, n in rest), "with other values"))
            rows.append(Row([title, others, Cell("…", quiet=True), more]))
    show_table("bulk-values", columns, rows, dense=True)


def _tiers(plan: BulkEdit) -> None:
    if plan.tiers is None:
        return
    moved = plan.tiers.migration.moved
    section(say("bulk_tiers", n=f"{moved:,}"))
    if not moved:
        st.caption(say("bulk_tiers_none"))
        return
    show_matrix("bulk-matrix", plan.layer, plan.tiers.migration)
    worst = plan.worst
    pager = pager_of("bulk-worst", len(worst), _ROWS)
    columns = [
        TableColumn("code", say("list_code"), "code"),
        TableColumn("name", say("list_name")),
        TableColumn("before", say("model_now"), "tier-cell"),
        TableColumn("after", say("model_then"), "tier-cell"),
    ]
    rows = [
        Row(
            [
                Cell(code, href=point_address(plan.layer.id, code)),
                Cell(plan.names.get(code) or say("no_name")),
                tier_cell(plan.layer.standing(before)),
                tier_cell(plan.layer.standing(after)),
            ]
        )
        for code, before, after in worst[pager.start : pager.stop]
    ]
    show_table("bulk-worst", columns, rows, pager=pager if pager.pages > 1 else None, dense=True)


def _refused(plan: BulkEdit) -> None:
    if not plan.refused:
        return
    section(say("bulk_refused_title", n=f"{len(plan.refused):,}"))
    pager = pager_of("bulk-refusals", len(plan.refused), _ROWS)
    columns = [
        TableColumn("code", say("list_code"), "code"),
        TableColumn("name", say("list_name")),
        TableColumn("why", say("import_why")),
    ]
    rows = [
        Row(
            [
                Cell(one.code, href=point_address(plan.layer.id, one.code)),
                Cell(one.name or say("no_name")),
                Cell("\n".join(reason.text(lang()) for reason in one.reasons)),
            ]
        )
        for one in plan.refused[pager.start : pager.stop]
    ]
    show_table("bulk-refusals", columns, rows, pager=pager if pager.pages > 1 else None, dense=True)


def _sign_and_write(plan: BulkEdit) -> None:
    if not plan.rows:
        notice("info", say("bulk_nothing"))
        return
    leave_out = True
    if plan.refused:
        leave_out = st.radio(
            say("bulk_if_refused"),
            [False, True],
            format_func=lambda skip: say(
                "bulk_skip" if skip else "bulk_all_or_none", n=f"{len(plan.refused):,}"
            ),
            key="bulk-if-refused",
        )
    signature = ask_signature("bulk-sign", reason_hint=say("bulk_reason_hint"))
    go = say("bulk_go", n=f"{len(plan.rows):,}")
    if not st.button(go, key="bulk-go", type="primary", disabled=bool(plan.refused) and not leave_out):
        return
    if signature.missing:
        notice("warning", signature.missing)
        return
    _write(plan, signature, leave_out=leave_out)


def _write(plan: BulkEdit, signature: Signature, *, leave_out: bool) -> None:
    try:
        with st.spinner(say("bulk_writing")):
            done = commit_bulk_edit(
                workspace(), plan, by=signature.by, why=signature.why, leave_out_refused=leave_out
            )
    except StaleRevisionError as problem:
        st.session_state[_STALE] = problem
        st.session_state.pop(_PLAN, None)
        st.rerun()
    except RiskmapError as problem:
        refuse(problem)
        return
    st.session_state.pop(_PLAN, None)
    n, changeset = len(plan.rows), done.changeset or 0
    st.session_state[_DONE] = _Done(changeset, plan.layer, n)
    moved = sum(1 for one in done.tiers if one.before is not None)
    keep_notice("success", say("bulk_done", n=f"{n:,}", changeset=changeset, moved=f"{moved:,}"))
    st.rerun()


def _stale() -> None:
    """Name the records that changed since the preview, with both sides; nothing was written."""
    problem: StaleRevisionError | None = st.session_state.get(_STALE)
    if problem is None:
        return
    notice("error", say("bulk_stale", n=f"{len(problem.rows):,}"))
    layer = workspace().catalog.layer(problem.layer)
    pager = pager_of("bulk-stale-rows", len(problem.rows), _ROWS)
    columns = [
        TableColumn("code", say("list_code"), "code"),
        TableColumn("version", say("bulk_stale_version"), "short"),
        TableColumn("what", say("bulk_stale_what")),
    ]
    rows = [
        Row(
            [
                Cell(one.code, href=point_address(problem.layer, one.code)),
                Cell(f"{one.seen} → {one.current}"),
                Cell(_both_sides(layer, one.mine, one.theirs)),
            ]
        )
        for one in problem.rows[pager.start : pager.stop]
    ]
    show_table("bulk-stale-rows", columns, rows, pager=pager if pager.pages > 1 else None, dense=True)


def _both_sides(layer: Layer, mine: Mapping[str, object], theirs: Mapping[str, object]) -> str:
    keys: Sequence[str] = list(dict.fromkeys((*mine, *theirs)))
    return "\n".join(
        say(
            "bulk_stale_line",
            title=key_title(layer, key),
            theirs=value_text(layer, key, theirs.get(key)),
            mine=value_text(layer, key, mine.get(key)),
        )
        for key in keys
    )


def _offer_undo() -> None:
    done: _Done | None = st.session_state.get(_DONE)
    if done is None:
        return
    with st.container(border=True, key="bulk-undo-box"):
        title = escape_markdown(done.layer.title.text(lang()))
        st.markdown(say("bulk_undo_lead", changeset=done.changeset, layer=title, n=f"{done.count:,}"))
        undo_box("bulk-undo", done.changeset, forget=_DONE)
