"""The filter in the sidebar: one for map, inventory and export, kept in the address bar.

`render_filters` draws it and returns the selection. Everything it shows is counted by `counts`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import streamlit as st

from riskmap.catalog import Layer
from riskmap.selection import NOT_STATED, Counts, Selection, Snapshot, counts
from riskmap.vocabulary import FLAGS, GRADES, RANK_OF, TIER_COLOURS, TIER_TITLES, TIERS
from riskmap.web.frame.state import current_page, lang, say

SWITCHES: Final = (*TIERS, "unrated")


# No record can have this code: a filter with every switch off shows nothing, not everything.
NOTHING: Final = Selection(codes=("\x00",))


_KEY: Final = "filter"


_LONGEST: Final = 80


@dataclass(frozen=True, slots=True)
class Filters:
    """The switches as they stand. `layers` and `tiers` are those that are on."""

    layers: frozenset[str]
    tiers: frozenset[str]
    subdistricts: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    text: str = ""

    @classmethod
    def all_on(cls, layers: Iterable[str]) -> Filters:
        """Return the filter that leaves nothing out."""
        return cls(frozenset(layers), frozenset(SWITCHES))

    def selection(self, layers: Sequence[str], others: Collection[str] = ()) -> Selection:
        """Return the selection these switches mean, given all layers of the workspace.

        The switches of tiers are about risks: a record of `others`, which are none, is there while its
        layer is on.
        """
        grades = tuple(GRADES.values()) if self.layers & set(others) else ()
        tiers = () if self.tiers == frozenset(SWITCHES) else (*self.tiers, *grades)
        if not self.layers or not (self.tiers or grades):
            return NOTHING
        return Selection(
            layers=() if self.layers == frozenset(layers) else tuple(self.layers),
            tiers=tiers,
            subdistricts=self.subdistricts,
            flags=self.flags,
            text=self.text,
        )

    def to_query(self, layers: Sequence[str]) -> dict[str, str]:
        """Return what the address bar keeps: nothing for what is not filtered."""
        query: dict[str, str] = {}
        if self.layers != frozenset(layers):
            query["layers"] = ",".join(layer for layer in layers if layer in self.layers) or "-"
        if self.tiers != frozenset(SWITCHES):
            query["tiers"] = ",".join(tier for tier in SWITCHES if tier in self.tiers) or "-"
        if self.subdistricts:
            query["sub"] = ",".join(self.subdistricts)
        if self.flags:
            query["flags"] = ",".join(self.flags)
        if self.text:
            query["q"] = self.text
        return query

    @classmethod
    def from_query(cls, query: Mapping[str, str], snapshot: Snapshot) -> Filters:
        """Read an address; what does not exist any more is left out."""

        def chosen(key: str, known: Iterable[str]) -> tuple[str, ...]:
            words = query.get(key, "").split(",")
            return tuple(word for word in known if word in words)

        known = (*snapshot.subdistricts, NOT_STATED)
        return cls(
            layers=frozenset(chosen("layers", snapshot.layers) if query.get("layers") else snapshot.layers),
            tiers=frozenset(chosen("tiers", SWITCHES) if query.get("tiers") else SWITCHES),
            subdistricts=chosen("sub", known),
            flags=chosen("flags", FLAGS),
            text=query.get("q", "")[:_LONGEST].strip(),
        )


QUERY_KEYS: Final = ("layers", "tiers", "sub", "flags", "q")


def current_filters(snapshot: Snapshot) -> Filters:
    """Return the filter of this session: what the address bar says when it has changed, else as kept."""
    query = {key: st.query_params[key] for key in QUERY_KEYS if key in st.query_params}
    kept: Filters | None = st.session_state.get(_KEY)
    if kept is None or (query != st.session_state.get(f"{_KEY}.address") and query):
        kept = Filters.from_query(query, snapshot)
        _set_widgets(kept, snapshot)
    return kept


def read_filters(snapshot: Snapshot) -> tuple[Filters, Counts]:
    """Return the filter of this session as its switches stand, and the counts of what it lets through.

    Called before `draw_filters`, so that a page can send what matters most first.
    """
    _restore_widgets(current_filters(snapshot), snapshot)
    filters = _read_widgets(snapshot)
    st.session_state[_KEY] = filters
    return filters, counts(snapshot, filters.selection(snapshot.layers, snapshot.others))


def draw_filters(filters: Filters, found: Counts, snapshot: Snapshot, layers: Mapping[str, Layer]) -> None:
    """Draw the filter that `read_filters` returned into the sidebar, and keep it in the address bar."""
    with st.sidebar, st.container(key="filters"):
        _draw(filters, snapshot, layers, found)
    _write_address(filters, snapshot)


def render_filters(snapshot: Snapshot, layers: Mapping[str, Layer]) -> tuple[Filters, Counts]:
    """Draw the filter into the sidebar; return it with the counts of what it lets through."""
    filters, found = read_filters(snapshot)
    draw_filters(filters, found, snapshot, layers)
    return filters, found


def _write_address(filters: Filters, snapshot: Snapshot) -> None:
    query = filters.to_query(snapshot.layers)
    st.session_state[f"{_KEY}.address"] = query
    for key in QUERY_KEYS:
        if query.get(key) is None:
            if key in st.query_params:
                del st.query_params[key]
        elif st.query_params.get(key) != query[key]:
            st.query_params[key] = query[key]


def _name(part: str, value: str = "") -> str:
    return f"filter-{part}-{value}" if value else f"filter-{part}"


def _set_widgets(filters: Filters, snapshot: Snapshot) -> None:
    state = st.session_state
    for layer in snapshot.layers:
        state[_name("layer", layer)] = layer in filters.layers
    for tier in SWITCHES:
        state[_name("tier", tier)] = tier in filters.tiers
    state[_name("sub")] = list(filters.subdistricts)
    state[_name("flags")] = list(filters.flags)
    state[_name("text")] = filters.text


def _restore_widgets(filters: Filters, snapshot: Snapshot) -> None:
    """Put the switches as the filter says, on a page that draws them for the first time.

    Streamlit's widgets belong to one page: with the same key on another page they start anew, while
    the session still answers with the old page's value. On the page itself they are left alone, or a
    quick second click would be undone by the answer to the first.
    """
    page = current_page()
    known = all(_name("layer", layer) in st.session_state for layer in snapshot.layers)
    if st.session_state.get(f"{_KEY}.page") != page or not known or _name("text") not in st.session_state:
        _set_widgets(filters, snapshot)
    st.session_state[f"{_KEY}.page"] = page
    streets, there = st.session_state[_name("sub")], {*snapshot.subdistricts, NOT_STATED}
    if not there.issuperset(streets):  # of another time: left out, as an address leaves out what is not there
        st.session_state[_name("sub")] = [one for one in streets if one in there]


def _read_widgets(snapshot: Snapshot) -> Filters:
    state = st.session_state
    return Filters(
        layers=frozenset(layer for layer in snapshot.layers if state[_name("layer", layer)]),
        tiers=frozenset(tier for tier in SWITCHES if state[_name("tier", tier)]),
        subdistricts=tuple(state[_name("sub")]),
        flags=tuple(state[_name("flags")]),
        text=" ".join(str(state[_name("text")]).split())[:_LONGEST],
    )


def _draw(filters: Filters, snapshot: Snapshot, layers: Mapping[str, Layer], found: Counts) -> None:
    # Each switch says how many there would be with it on: counted without its own attribute.
    ranks = _without(filters, snapshot, found, tiers=frozenset(SWITCHES)).risks.sum(axis=(0, 2))
    by_layer = _without(filters, snapshot, found, layers=frozenset(snapshot.layers)).array.sum(axis=(1, 2))
    st.markdown(f"#### {say('filter_tiers')}")
    for tier in SWITCHES:
        _switch(_name("tier", tier), TIER_TITLES[tier].text(lang()), int(ranks[RANK_OF[tier]]))
    st.markdown(f"#### {say('filter_layers')}")
    for i, layer in enumerate(snapshot.layers):
        _switch(_name("layer", layer), layers[layer].title.text(lang()), int(by_layer[i]))
    st.multiselect(
        say("filter_subdistricts"),
        [*snapshot.subdistricts, NOT_STATED],
        key=_name("sub"),
        placeholder=say("filter_subdistricts_all"),
        select_all=False,
        format_func=_subdistrict_title,
    )
    st.text_input(
        say("filter_text"), key=_name("text"), placeholder=say("filter_text_hint"), max_chars=_LONGEST
    )
    st.multiselect(
        say("filter_flags"),
        list(FLAGS),
        key=_name("flags"),
        placeholder=say("filter_flags_all"),
        select_all=False,
        format_func=_flag_title(),
    )
    if filters != Filters.all_on(snapshot.layers):
        st.button(say("filter_reset"), key="filter-reset", on_click=_reset, args=(snapshot,), width="stretch")


def _reset(snapshot: Snapshot) -> None:
    _set_widgets(Filters.all_on(snapshot.layers), snapshot)


def _without(filters: Filters, snapshot: Snapshot, found: Counts, **attribute: frozenset[str]) -> Counts:
    wider = replace(filters, **attribute)
    return found if wider == filters else counts(snapshot, wider.selection(snapshot.layers, snapshot.others))


def _switch(key: str, title: str, n: int) -> None:
    st.checkbox(f"{escape_markdown(title)} **{n:,}**", key=key)


def escape_markdown(text: str) -> str:
    """Return text that Streamlit's markdown shows as it is."""
    return "".join(f"\\{c}" if c in "\\`*_{}[]()#+-.!|<>~$:&" else c for c in text.replace("\n", " "))


def _subdistrict_title(name: str) -> str:
    return say("not_stated") if name == NOT_STATED else name


def _flag_title() -> Callable[[str], str]:
    language = lang()
    return lambda flag: FLAGS[flag].text(language)


def tier_css() -> str:
    """Return the rules that give the tier switches their colours."""
    return "\n".join(
        f".st-key-{_name('tier', tier)} {{ --rm-tier: {TIER_COLOURS[tier]}; }}" for tier in SWITCHES
    )
