"""清单: the records of the filter as a table, its totals, its files.

Conditions on single fields beside the common filter: 坡高 ≥ 12, kept in the address bar.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from html import escape
from typing import Final

import numpy as np
import pyarrow as pa
import streamlit as st

from riskmap.actions.inventory.exporting import condition_text, describe
from riskmap.actions.inventory.listing import (
    NAMES,
    ListedRecord,
    list_records,
    make_selection,
    own_columns,
)
from riskmap.actions.inventory.record_lists import list_files
from riskmap.actions.inventory.unrated import newly_unrated
from riskmap.actions.tier_models import made_by
from riskmap.actions.workspace import Workspace
from riskmap.catalog import Condition, Layer
from riskmap.catalog.flow import OVERDUE, STATE
from riskmap.catalog.layer import Field
from riskmap.catalog.model import CHECKLIST_PREFIX, CONTACT_PREFIX
from riskmap.errors import RiskmapError
from riskmap.moments import local_day, local_now
from riskmap.rules.arrays import codes_of, column_of
from riskmap.rules.extras import extra_keys, header_of, holds_people
from riskmap.rules.laws import overdue_days
from riskmap.rules.masks import mask_value
from riskmap.selection import Counts, Selection, Snapshot, counts, select
from riskmap.selection.checklists import ITEM_STATES, item_counts
from riskmap.selection.linked import links_of
from riskmap.selection.views import row_mask, view_of
from riskmap.selection.where import beyond_columns
from riskmap.texts import made_text
from riskmap.values.assessment import ModelStamp
from riskmap.vocabulary import FLAGS, TIER_TITLES, TIERS
from riskmap.web.frame.shell import page_look, page_title
from riskmap.web.frame.state import (
    address_leads,
    as_of,
    lang,
    past_text,
    say,
    snapshot,
    workspace,
    write_address,
)
from riskmap.web.pages import Page
from riskmap.web.widgets.bulk_edit import offer_bulk_edit
from riskmap.web.widgets.exports import offer_documents, offer_forms, show_exports
from riskmap.web.widgets.filters import NOTHING, Filters, escape_markdown, render_filters
from riskmap.web.widgets.panels import (
    Cell,
    Figure,
    FigureRef,
    Html,
    Kind,
    Pager,
    Row,
    TableColumn,
    address,
    address_list,
    field_box,
    figure_box,
    first_page,
    go_to,
    list_as_addressed,
    number_cell,
    number_html,
    number_of,
    pager_of,
    point_address,
    risk_layers,
    show_figures,
    show_said,
    show_table,
    sort_of,
    tier_cell,
)
from riskmap.web.widgets.retired import draw_switch, retired_asked, show_retired
from riskmap.web.widgets.signing import (
    notice,
    offer_unmasked_export,
    refuse,
    say_unrated,
    show_kept_notice,
    welcome,
)
from riskmap.web.widgets.wording import day, number_text, value_text, with_unit

PAGE: Final = Page(id="inventory", zh="清单", en="Inventory", order=20, past=True)


_TABLE: Final = "inventory-table"


_SEEN: Final = "inventory-selection"


_COLUMNS: Final[tuple[tuple[str, Kind], ...]] = (
    ("tier", "tier-cell"),
    ("name", "text"),
    ("code", "code"),
    ("layer", "short"),
    ("subdistrict", "short"),
    ("score", "number"),
    ("flags", "text"),
    ("updated_at", "short"),
)


_WORST_FIRST: Final = ("tier", True)


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
    "moment": (">=", "<=", "==", *_BARE),
    "record": ("==", "!=", *_BARE),
    "role": _BARE,
}


_CORE: Final = {"score": "number", "updated_at": "date", "contacts": "number"}


def render() -> None:
    """Draw the page."""
    page_look()
    gone = retired_asked()
    now = snapshot() if gone is None else gone
    if not now.n and gone is None:
        welcome("inventory")
        return
    filters, _ = render_filters(now, workspace().catalog.layers)
    show_kept_notice()
    try:
        with st.sidebar:
            _offer_lists(workspace(), now)
            where = _ask_conditions(workspace(), now, filters.layers)
            draw_switch()
        selection = replace(filters.selection(now.layers, now.others), where=where)
        found = counts(now, selection)
    except RiskmapError as problem:
        refuse(problem)
        return
    if gone is not None:
        page_title(say("retired_title"), say("inventory_filter", words=_filter_words(selection)))
        show_retired(gone, selection, found)
        return
    made = made_by(workspace(), selection.layers or now.layers, as_of=as_of())
    register = _register(selection)
    if register is None:
        _heading(now, filters, selection, found)
    else:
        _register_heading(now, register, selection, found)
    if found.everything:
        show_exports("inventory-downloads", selection, say("inventory_title"))
    if as_of() is None:
        offer_bulk_edit(selection, found)
    if register is None:
        _table(now, selection, found, made)
    else:
        _register_table(now, register, selection, found)
    _items(now, filters, selection)
    if found.everything:
        offer_documents(selection)
        offer_forms(selection)
        offer_unmasked_export(selection, _file_title())
    _models(made)


def _items(now: Snapshot, filters: Filters, selection: Selection) -> None:
    """How many of the listed records of one layer have each item of its checklist; each number leads to them."""
    layer = workspace().catalog.layers.get(selection.layers[0]) if len(selection.layers) == 1 else None
    if layer is None or layer.checklist is None:
        return
    counted = item_counts(now, select(now, selection), layer, now.today or local_now().date())
    columns = [TableColumn("item", say("inventory_item"), "text")]
    columns += [TableColumn(state, words.text(lang()), "number") for state, words in ITEM_STATES.items()]
    query = {"layers": layer.id, **filters.to_query(now.layers)}
    rows: list[Row] = []
    for i, item in enumerate(layer.checklist.items):
        asked = {state: f"{CHECKLIST_PREFIX}{item.id}.state = {state}" for state in ITEM_STATES}
        leads = {
            s: address("inventory", {**query, _QUERY: [*_kept_conditions(), one]}) for s, one in asked.items()
        }
        cells = [
            number_cell(
                number_of(n, _LISTED, leads[state], within=f"{_within(selection)} {asked[state]}".strip())
            )
            for state, n in counted.of(i).items()
        ]
        rows.append(Row([Cell(item.title.text(lang()), head=True), *cells]))
    with st.expander(say("inventory_items", title=layer.checklist.title.text(lang()))):
        show_table("inventory-items", columns, rows, dense=True)


def _within(selection: Selection) -> str:
    """Return of which records the numbers of a list are: those of its address; "" where it is of all."""
    return "" if selection == Selection() else "selection"


_LISTED: Final = "records.layer"


def _rows_of(selection: Selection) -> FigureRef:
    """Return which figure the number of rows of the list is."""
    of = f"{_LISTED}.{selection.layers[0]}" if len(selection.layers) == 1 else _LISTED
    return FigureRef(of, as_of=past_text(), within=_within(selection))


def _models(made: Mapping[str, Sequence[ModelStamp]]) -> None:
    """Which model made the tiers that the table shows, layer by layer."""
    layers = workspace().catalog.layers
    lines = [
        say("inventory_model", layer=layers[one].title.text(lang()), model=made_text(stamps, lang()))
        for one, stamps in made.items()
        if stamps or layers[one].model is not None  # a register is not assessed
    ]
    with field_box("model"):
        st.caption("  \n".join(escape_markdown(line) for line in lines))


def _file_title() -> str:
    return f"{workspace().config.district}-{say('inventory_title')}"


def _heading(now: Snapshot, filters: Filters, selection: Selection, found: Counts) -> None:
    page_title(say("inventory_title"), say("inventory_filter", words=_filter_words(selection)))
    tiers = found.tiers()
    part = _within(selection)
    figures = [Figure(say("inventory_total"), number_of(found.total, "points.total", within=part))]
    figures += [
        Figure(TIER_TITLES[tier].text(lang()), number_of(n, f"points.tiers.{tier}", within=part), tier=tier)
        for tier, n in (*((one, tiers[one]) for one in TIERS), ("unrated", found.unrated))
    ]
    show_figures("inventory-figures", figures)
    if found.others:
        layers = workspace().catalog.layers
        others = [
            f"{escape(layers[layer].title.text(lang()))} "
            f"{number_html(number_of(n, f'records.layer.{layer}', within=part))}"
            for layer, n in found.others.items()
        ]
        show_said("inventory_others", tone="quiet", layers=Html(say("list_separator").join(others)))
    _whether_it_adds_up(now, filters, selection, found)


def _filter_words(selection: Selection) -> str:
    if selection == replace(NOTHING, where=selection.where):
        return say("inventory_nothing_on")
    conditions = _conditions_text(workspace(), selection.where)
    rest = describe(workspace(), replace(selection, where=())).text(lang())
    if not conditions:
        return rest
    return (
        conditions
        if selection == Selection(where=selection.where)
        else say("list_separator").join([rest, conditions])
    )


def _whether_it_adds_up(now: Snapshot, filters: Filters, selection: Selection, found: Counts) -> None:
    if not found.unrated:
        total = number_of(found.total, "points.total", within=_within(selection))
        show_said("inventory_adds_up", tone="ok", total=total)
        return
    if filters.tiers == frozenset(["unrated"]):
        with figure_box("points.tiers.unrated"):
            notice("warning", say("inventory_only_unrated", total=f"{found.total:,}"))
        return
    new = newly_unrated(workspace(), now, selection)
    left, right = st.columns([4, 1], vertical_alignment="center")
    with left:
        say_unrated(new, total=found.total, unrated=found.unrated, within=_within(selection))
    with right, figure_box("points.tiers.unrated", "show"):
        asked = st.button(say("unrated_show", n=f"{found.unrated:,}"), key="inventory-gap", width="stretch")
    if asked:
        risks = filters.layers & frozenset(risk_layers(now))
        wanted = replace(filters, tiers=frozenset(["unrated"]), layers=risks).to_query(now.layers)
        wanted = {"layers": ",".join(risk_layers(now)), **wanted, _QUERY: _kept_conditions()}
        go_to(address("inventory", wanted))


def _table(
    now: Snapshot, selection: Selection, found: Counts, made: Mapping[str, Sequence[ModelStamp]]
) -> None:
    _as_addressed(selection, [name for name, _ in _COLUMNS], _WORST_FIRST)
    several = _several_models(found, made)
    by, descending = sort_of(_TABLE, _WORST_FIRST)
    if by == "score" and several:
        by, descending = _WORST_FIRST
    pager = pager_of(_TABLE, found.everything)
    address_list(pager, (by, descending), _WORST_FIRST)
    listing = list_records(
        now,
        selection,
        layers=workspace().catalog.layers,
        sort=by,
        descending=descending,
        start=pager.start,
        size=pager.size,
    )
    show_table(
        _TABLE,
        [
            TableColumn(name, say(f"list_{name}"), kind, sortable=True, values=True)
            if name != "score" or not several
            else TableColumn(name, say("list_score"), kind, why=several, values=True)
            for name, kind in _COLUMNS
        ],
        [_row(record) for record in listing.records],
        pager=Pager(pager.page, listing.total, pager.size, _rows_of(selection)),
        sort=(by, descending),
        empty=say("inventory_none"),
    )
    if several:
        with field_box("model", "several"):
            st.caption(several)


def _as_addressed(selection: Selection, columns: Sequence[str], default: tuple[str, bool]) -> None:
    """Begin a new selection with its first page, and go where the address leads; an order of other columns is none."""
    spec, seen = selection.to_text(), st.session_state.get(_SEEN)
    if seen != spec:
        st.session_state[_SEEN] = spec
        first_page(_TABLE)
    if seen is None or address_leads() or sort_of(_TABLE, default)[0] not in columns:
        list_as_addressed(_TABLE, columns, default)


def _register(selection: Selection) -> Layer | None:
    """Return the one layer that is listed where its records have neither tier nor grade: it shows columns of its own."""
    layers = workspace().catalog.layers
    only = layers.get(selection.layers[0]) if len(selection.layers) == 1 else None
    return only if only is not None and only.counts != "risk" and only.model is None else None


def _register_heading(now: Snapshot, layer: Layer, selection: Selection, found: Counts) -> None:
    """How many records there are, and of what colours them (the states of a flow) how many of each."""
    page_title(layer.title.text(lang()), say("inventory_filter", words=_filter_words(selection)))
    part = _within(selection)
    figures = [Figure(say("inventory_total"), number_of(found.everything, _LISTED, within=part))]
    if layer.colour:
        start, stop = now.starts[now.layers.index(layer.id) :][:2]
        column = now.table(layer.id)[column_of(layer.colour)].filter(
            pa.array(row_mask(now, view_of(now, selection))[start:stop])
        )
        indices, words = codes_of(column)
        counted = dict(
            zip(words, np.bincount(indices + 1, minlength=len(words) + 1)[1:].tolist(), strict=True)
        )
        figures += [
            Figure(
                one.title.text(lang()),
                number_of(
                    counted.get(one.id, 0), _LISTED, within=f"{part} {layer.colour} == {one.id}".strip()
                ),
            )
            for one in layer.classes
        ]
    show_figures("inventory-figures", figures)


def _register_table(now: Snapshot, layer: Layer, selection: Selection, found: Counts) -> None:
    columns = own_columns(layer)
    default = (OVERDUE, True) if OVERDUE in columns else ("code", False)
    _as_addressed(selection, columns, default)
    by, descending = sort_of(_TABLE, default)
    pager = pager_of(_TABLE, found.everything)
    address_list(pager, (by, descending), default)
    listing = list_records(
        now,
        selection,
        layers=workspace().catalog.layers,
        sort=column_of(by) if by in layer.field_ids else by,
        descending=descending,
        start=pager.start,
        size=pager.size,
    )
    show_table(
        _TABLE,
        [_register_column(layer, name) for name in columns],
        [_register_row(now, layer, columns, record) for record in listing.records],
        pager=Pager(pager.page, listing.total, pager.size, _rows_of(selection)),
        sort=(by, descending),
        empty=say("inventory_none"),
    )


def _register_column(layer: Layer, name: str) -> TableColumn:
    if name in layer.field_ids:
        number = layer.field(name).type in {"number", "integer"}
        title = with_unit(layer.field(name).title.text(lang()), layer.field(name))
        return TableColumn(name, title, "number" if number else "short", sortable=True, values=True)
    kind: Kind = "code" if name == "code" else "number" if name == OVERDUE else "text"
    return TableColumn(name, say(f"list_{name}"), kind, sortable=name != NAMES, values=True)


def _register_row(now: Snapshot, layer: Layer, columns: Sequence[str], record: ListedRecord) -> Row:
    href = point_address(record.layer, record.code)
    line = now.table(layer.id).slice(record.row, 1)
    cells = {
        "name": Cell(record.name or say("no_name"), href=href, quiet=not record.name),
        "code": Cell(record.code),
        "subdistrict": Cell(record.subdistrict or say("not_stated"), quiet=not record.subdistrict),
    }
    held = {
        one: line[column_of(one)][0].as_py() for one in layer.field_ids if column_of(one) in line.column_names
    }
    if NAMES in columns:
        named = links_of(now, workspace().catalog.layers, line, layer)[0]
        ones = [one for some in named.values() for one in some]
        first = point_address(ones[0].layer, ones[0].code) if ones else ""
        cells[NAMES] = Cell(say("comma").join(one.name or one.code for one in ones), href=first)
    if OVERDUE in columns and (flow := layer.flow) is not None:
        today = local_day(as_of() or local_now())
        late = overdue_days(held.get(flow.due), today) if flow.runs(held.get(STATE)) else None
        over = late is not None and late > 0
        cells[OVERDUE] = Cell(say("work_days", n=late) if over else "", head=over)
    for name in columns:
        if name not in cells:
            value = (
                mask_value(held[name]) if layer.field(name).personal and held.get(name) else held.get(name)
            )
            cells[name] = Cell(value_text(layer, name, value), quiet=value is None)
    return Row([cells[name] for name in columns], href=href)


def _several_models(found: Counts, made: Mapping[str, Sequence[ModelStamp]]) -> str:
    """Return why the records are not to be sorted by their scores, "" where one model made all of them.

    Ninety of one model is not more than seventy of another.
    """
    listed = {layer for layer, n in zip(found.layers, found.array.sum(axis=(1, 2)), strict=True) if n}
    models = {one.digest for layer, stamps in made.items() if layer in listed for one in stamps}
    if len(models) < 2:  # noqa: PLR2004 - one, or none where nothing is rated
        return ""
    return say("list_scores_layers" if len(listed) > 1 else "list_scores_versions", n=len(models))


def _row(record: ListedRecord) -> Row:
    href = point_address(record.layer, record.code)
    layer = workspace().catalog.layer(record.layer)
    flags = say("list_separator").join(FLAGS[flag].text(lang()) for flag in record.flags)
    return Row(
        [
            tier_cell(record.tier),
            Cell(record.name or say("no_name"), href=href, quiet=not record.name),
            Cell(record.code),
            Cell(layer.title.text(lang())),
            Cell(record.subdistrict or say("not_stated"), quiet=not record.subdistrict),
            Cell(number_text(record.score)),
            Cell(flags),
            Cell(day(record.updated_at)),
        ],
        href=href,
    )


def _offer_lists(ws: Workspace, now: Snapshot) -> None:
    """Draw the lists that are files and can be used here; one that is chosen sets layers and conditions."""
    usable = {one.id: one for one in list_files(ws) if one.value is not None and not one.problems}
    if not usable:
        return
    with st.expander(say("lists_title")):
        chosen = st.selectbox(
            say("lists_list"),
            list(usable),
            format_func=lambda one: usable[one].title.text(lang()),
            index=None,
            placeholder=say("lists_hint"),
            key="list-file",
        )
        one = usable.get(chosen or "")
        if st.button(say("lists_show"), key="list-show", disabled=one is None, width="stretch") and one:
            filters = replace(Filters.all_on(now.layers), layers=frozenset(one.layers))
            conditions = {_QUERY: list(one.value.where)} if one.value else {}
            go_to(address("inventory", {**filters.to_query(now.layers), **conditions}))


def _ask_conditions(ws: Workspace, now: Snapshot, layers: Collection[str]) -> tuple[Condition, ...]:
    """Draw the conditions and a line to add one; return them. SelectionError names one that is wrong."""
    texts = _kept_conditions()
    with st.expander(_conditions_title(texts), expanded=bool(texts)):
        _listed_conditions(ws, texts)
        _ask_condition(ws, now, [layer for layer in now.layers if layer in layers])
    write_address((_QUERY,), {_QUERY: texts})
    return make_selection(ws, where=texts, as_of=as_of()).where


def _conditions_text(ws: Workspace, conditions: Collection[Condition]) -> str:
    """Return conditions in words: titles instead of ids."""
    return say("list_separator").join(condition_text(ws, where).text(lang()) for where in conditions)


def _conditions_title(texts: list[str]) -> str:
    return say("conditions_title") + (f" :gray[{len(texts)}]" if texts else "")


def _kept_conditions() -> list[str]:
    """Return the conditions of this session: what the address says where that leads, else as kept."""
    kept: list[str] | None = st.session_state.get(_KEPT)
    if kept is None or address_leads():
        kept = [text for text in st.query_params.get_all(_QUERY) if text.strip()]
    st.session_state[_KEPT] = kept
    return kept


def _listed_conditions(ws: Workspace, texts: list[str]) -> None:
    for i, text in enumerate(texts):
        words, drop = st.columns([3, 1], vertical_alignment="center")
        try:
            (where,) = make_selection(ws, where=[text], as_of=as_of()).where
            words.markdown(escape_markdown(condition_text(ws, where).text(lang())))
        except RiskmapError as problem:
            with words:
                refuse(problem)
        drop.button(
            say("conditions_drop"),
            key=f"condition-drop-{i}",
            on_click=_drop_condition,
            args=(i,),
            width="stretch",
        )


def _drop_condition(index: int) -> None:
    kept: list[str] = st.session_state[_KEPT]
    st.session_state[_KEPT] = kept[:index] + kept[index + 1 :]


def _add_condition(text: str) -> None:
    st.session_state[_KEPT] = [*st.session_state[_KEPT], text]
    st.session_state.pop("condition-value", None)


def _ask_condition(ws: Workspace, now: Snapshot, layers: list[str]) -> None:
    fields = _condition_fields(ws, now, layers)
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
    wanted = "" if op in _BARE else _ask_value(kind, field)
    ready = op in _BARE or bool(wanted)
    st.button(
        say("conditions_add"),
        key="condition-add",
        disabled=not ready,
        on_click=_add_condition,
        args=(f"{chosen} {op} {wanted}".strip(),),
        width="stretch",
    )


def _ask_value(kind: str, field: Field | None) -> str:
    label = with_unit(say("conditions_value"), field)
    if kind == "boolean":
        return st.selectbox(
            label, ["true", "false"], format_func=lambda v: say("yes" if v == "true" else "no")
        )
    if kind == "choice" and field is not None and field.choices:
        titles = {c.id: c.title.text(lang()) for c in field.choices}
        return st.selectbox(label, list(titles), format_func=lambda v: titles[v])
    hint = say("date_hint") if kind == "date" else ""
    return (st.text_input(label, key="condition-value", placeholder=hint, max_chars=80) or "").strip()


def _condition_fields(
    ws: Workspace, now: Snapshot, layers: list[str]
) -> dict[str, tuple[str, str, Field | None]]:
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
        for field in beyond_columns([layer], {}):
            kind = "role" if field.id.startswith(CONTACT_PREFIX) else field.type
            found.setdefault(field.id, (field.title.text(lang()), kind, field))
        for key in extra_keys(now.table(layer_id).column_names):
            texts = now.table(layer_id)[key].unique().to_pylist()
            if not holds_people(header_of(key), texts):
                found.setdefault(header_of(key), (header_of(key), "text", None))
    return found


def _operator_word(op: str) -> str:
    return {"~": say("op_contains"), "present": say("op_present"), "missing": say("op_missing")}.get(
        op, {">=": "≥", "<=": "≤", "==": "=", "!=": "≠"}.get(op, op)
    )


if __name__ == "__main__":
    render()
