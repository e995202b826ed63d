"""清单: the records of the filter as a table, its totals, its files.

Conditions on single fields beside the common filter: 坡高 ≥ 12, kept in the address bar.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

import streamlit as st

from riskmap.actions.inventory.exporting import describe
from riskmap.actions.inventory.listing import ListedRecord, list_records, make_selection
from riskmap.actions.tier_models import made_by
from riskmap.actions.workspace import Workspace
from riskmap.catalog import Condition, Layer
from riskmap.catalog.layer import Field
from riskmap.errors import Lang, RiskmapError
from riskmap.io.writers import export_formats
from riskmap.rules.extras import extra_keys, header_of, holds_people, is_extra
from riskmap.selection import Counts, Selection, Snapshot, counts
from riskmap.texts import made_text
from riskmap.units import unit_title
from riskmap.vocabulary import FLAGS, TIER_TITLES, TIERS
from riskmap.web.frame import downloads
from riskmap.web.frame.shell import page_look, page_title
from riskmap.web.frame.state import lang, say, snapshot, workspace
from riskmap.web.pages import Page
from riskmap.web.widgets.exports import show_exports
from riskmap.web.widgets.filters import NOTHING, Filters, escape_markdown, render_filters
from riskmap.web.widgets.panels import (
    Cell,
    Figure,
    Kind,
    Pager,
    Row,
    TableColumn,
    address,
    first_page,
    go_to,
    pager_of,
    point_address,
    risk_layers,
    show_figures,
    show_table,
    sort_of,
    tier_cell,
)
from riskmap.web.widgets.signing import notice, offer_unmasked_export, refuse, show_kept_notice, welcome
from riskmap.web.widgets.wording import day, number_text, value_text

PAGE: Final = Page(id="inventory", zh="清单", en="Inventory", order=20)


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


def render() -> None:
    """Draw the page."""
    page_look()
    now = snapshot()
    if not now.n:
        welcome("inventory")
        return
    filters, _ = render_filters(now, workspace().catalog.layers)
    show_kept_notice()
    try:
        with st.sidebar:
            where = _ask_conditions(workspace(), now, filters.layers)
        selection = replace(filters.selection(now.layers, now.others), where=where)
        found = counts(now, selection)
    except RiskmapError as problem:
        refuse(problem)
        return
    _heading(now, filters, selection, found)
    _files(selection, found)
    _table(now, selection, found)
    if found.everything:
        offer_unmasked_export(selection, _file_title())
    _models(selection.layers or now.layers)


def _models(layers: Sequence[str]) -> None:
    """Which model made the tiers that the table shows, layer by layer."""
    titles = {one: workspace().catalog.layer(one).title.text(lang()) for one in layers}
    made = made_by(workspace(), layers)
    lines = [say("inventory_model", layer=titles[one], model=made_text(made[one], lang())) for one in layers]
    st.caption("  \n".join(escape_markdown(line) for line in lines))


def _file_title() -> str:
    return f"{workspace().config.district}-{say('inventory_title')}"


def _heading(now: Snapshot, filters: Filters, selection: Selection, found: Counts) -> None:
    page_title(say("inventory_title"), say("inventory_filter", words=_filter_words(selection)))
    tiers = found.tiers()
    figures = [Figure(say("inventory_total"), found.total)]
    figures += [Figure(TIER_TITLES[tier].text(lang()), tiers[tier], tier=tier) for tier in TIERS]
    figures.append(Figure(TIER_TITLES["unrated"].text(lang()), found.unrated, tier="unrated"))
    show_figures("inventory-figures", figures)
    if found.others:
        layers = workspace().catalog.layers
        others = [f"{layers[layer].title.text(lang())} {n:,}" for layer, n in found.others.items()]
        st.caption(say("inventory_others", layers=say("list_separator").join(map(escape_markdown, others))))
    _whether_it_adds_up(now, filters, found)


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


def _whether_it_adds_up(now: Snapshot, filters: Filters, found: Counts) -> None:
    rated = sum(found.tiers().values())
    if rated == found.total:
        st.markdown(f":green[✓] {say('inventory_adds_up', total=f'{found.total:,}')}")
        return
    if filters.tiers == frozenset(["unrated"]):
        notice("warning", say("inventory_only_unrated", total=f"{found.total:,}"))
        return
    text = say("inventory_gap", total=f"{found.total:,}", rated=f"{rated:,}", gap=f"{found.unrated:,}")
    left, right = st.columns([3, 1], vertical_alignment="center")
    with left:
        notice("warning", text)
    if right.button(
        say("inventory_show_gap", gap=f"{found.unrated:,}"), key="inventory-gap", width="stretch"
    ):
        risks = filters.layers & frozenset(risk_layers(now))
        wanted = replace(filters, tiers=frozenset(["unrated"]), layers=risks).to_query(now.layers)
        go_to(
            address("inventory", {"layers": ",".join(risk_layers(now)), **wanted})
        )  # conditions stay as they are


def _files(selection: Selection, found: Counts) -> None:
    if not found.everything:
        return
    more = [_map_file(selection)]
    show_exports("inventory-downloads", selection, _file_title(), export_formats().values(), more=more)


def _map_file(selection: Selection) -> dict[str, str]:
    """Return the button of the map on paper; it is drawn when somebody takes it."""
    file = downloads.file_name(_file_title(), "pdf")
    make = partial(_map_drawn, workspace(), selection, lang())
    href = downloads.offer(f"map {selection.to_text()} {lang()}", file, make)
    return {"title": say("inventory_map"), "href": href, "name": file, "help": say("inventory_map_help")}


def _map_drawn(ws: Workspace, selection: Selection, words: Lang) -> bytes:
    from riskmap.actions.inventory.map_paper import map_bytes

    return map_bytes(ws, selection, lang=words)


def _table(now: Snapshot, selection: Selection, found: Counts) -> None:
    spec = selection.to_text()
    if st.session_state.get(_SEEN) != spec:
        st.session_state[_SEEN] = spec
        first_page(_TABLE)
    by, descending = sort_of(_TABLE, ("tier", True))
    pager = pager_of(_TABLE, found.everything)
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
        [TableColumn(name, say(f"list_{name}"), kind, sortable=True) for name, kind in _COLUMNS],
        [_row(record) for record in listing.records],
        pager=Pager(pager.page, listing.total, pager.size),
        sort=(by, descending),
        empty=say("inventory_none"),
    )


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


def _ask_conditions(ws: Workspace, now: Snapshot, layers: Collection[str]) -> tuple[Condition, ...]:
    """Draw the conditions and a line to add one; return them. SelectionError names one that is wrong."""
    texts = _kept_conditions()
    with st.expander(_conditions_title(texts), expanded=bool(texts)):
        _listed_conditions(ws, texts)
        _ask_condition(ws, now, [layer for layer in now.layers if layer in layers])
    if st.query_params.get_all(_QUERY) != texts:
        st.query_params[_QUERY] = texts
    return make_selection(ws, where=texts).where


def _conditions_text(ws: Workspace, conditions: Collection[Condition]) -> str:
    """Return conditions in words: titles instead of ids."""
    return say("list_separator").join(_condition_words(ws, where) for where in conditions)


def _conditions_title(texts: list[str]) -> str:
    return say("conditions_title") + (f" :gray[{len(texts)}]" if texts else "")


def _kept_conditions() -> list[str]:
    """Return the conditions of this session: the address bar's when it has changed, else as kept."""
    address = [text for text in st.query_params.get_all(_QUERY) if text.strip()]
    kept: list[str] | None = st.session_state.get(_KEPT)
    if kept is None or (address and address != kept):
        kept = address
    st.session_state[_KEPT] = kept
    return kept


def _listed_conditions(ws: Workspace, texts: list[str]) -> None:
    for i, text in enumerate(texts):
        words, drop = st.columns([3, 1], vertical_alignment="center")
        try:
            (where,) = make_selection(ws, where=[text]).where
            words.markdown(escape_markdown(_condition_words(ws, where)))
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
    st.query_params[_QUERY] = st.session_state[_KEPT]


def _add_condition(text: str) -> None:
    st.session_state[_KEPT] = [*st.session_state[_KEPT], text]
    st.query_params[_QUERY] = st.session_state[_KEPT]
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
        for key in extra_keys(now.table(layer_id).column_names):
            texts = now.table(layer_id)[key].unique().to_pylist()
            if not holds_people(header_of(key), texts):
                found.setdefault(header_of(key), (header_of(key), "text", None))
    return found


def _operator_word(op: str) -> str:
    return {"~": say("op_contains"), "present": say("op_present"), "missing": say("op_missing")}.get(
        op, {">=": "≥", "<=": "≤", "==": "=", "!=": "≠"}.get(op, op)
    )


def _condition_words(ws: Workspace, where: Condition) -> str:
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


if __name__ == "__main__":
    render()
