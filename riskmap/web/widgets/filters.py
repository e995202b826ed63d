"""The filter in the sidebar: one for map, inventory and export, kept in the address bar.

`render_filters` draws it and returns the selection. Everything it shows is counted by `counts`. An area drawn on
the map is part of it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import shapely
import streamlit as st

from riskmap.catalog import Layer
from riskmap.errors import SelectionError
from riskmap.selection import (
    NOT_STATED,
    Counts,
    Ring,
    Selection,
    Snapshot,
    area_of,
    area_text,
    counts,
    polygon_of,
)
from riskmap.vocabulary import FLAGS, GRADES, RANK_OF, TIER_COLOURS, TIER_TITLES, TIERS
from riskmap.web.frame.state import address_leads, current_page, lang, say, write_address

SWITCHES: Final = (*TIERS, "unrated")


# No record can have this code: a filter with every switch off shows nothing, not everything.
NOTHING: Final = Selection(codes=("\x00",))


_KEY: Final = "filter"


_LONGEST: Final = 80


_SHOWN: Final = 40  # letters of an address that a message repeats


_NONE: Final = "-"  # what an address says where every switch is off


@dataclass(frozen=True, slots=True)
class Filters:
    """The switches as they stand. `layers` and `tiers` are those that are on; `area` is none where it is empty."""

    layers: frozenset[str]
    tiers: frozenset[str]
    subdistricts: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    text: str = ""
    area: Ring = ()

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
            within=shapely.to_wkb(polygon_of(self.area)) if self.area else None,
        )

    def to_query(self, layers: Sequence[str]) -> dict[str, str]:
        """Return what the address bar keeps: nothing for what is not filtered."""
        query: dict[str, str] = {}
        if self.layers != frozenset(layers):
            query["layers"] = ",".join(layer for layer in layers if layer in self.layers) or _NONE
        if self.tiers != frozenset(SWITCHES):
            query["tiers"] = ",".join(tier for tier in SWITCHES if tier in self.tiers) or _NONE
        if self.subdistricts:
            query["sub"] = ",".join(self.subdistricts)
        if self.flags:
            query["flags"] = ",".join(self.flags)
        if self.text:
            query["q"] = self.text
        if self.area:
            query["area"] = area_text(self.area)
        return query

    @classmethod
    def from_query(cls, query: Mapping[str, str], snapshot: Snapshot) -> Filters:
        """Read an address; what cannot be read of it is left out, and `left_out` says so."""
        known = _known(snapshot)

        def chosen(key: str) -> tuple[str, ...]:
            words = query.get(key, "").split(",")
            return tuple(word for word in known[key] if word in words)

        return cls(
            layers=frozenset(chosen("layers") if query.get("layers") else snapshot.layers),
            tiers=frozenset(chosen("tiers") if query.get("tiers") else SWITCHES),
            subdistricts=chosen("sub"),
            flags=chosen("flags"),
            text=_plain(query.get("q", "")),
            area=_area(query)[0],
        )


QUERY_KEYS: Final = ("layers", "tiers", "sub", "flags", "q", "area")


def _known(snapshot: Snapshot) -> Mapping[str, Sequence[str]]:
    """Return the words that an address may name under each of its keys."""
    return {
        "layers": snapshot.layers,
        "tiers": SWITCHES,
        "sub": (*snapshot.subdistricts, NOT_STATED),
        "flags": tuple(FLAGS),
    }


def _plain(text: str) -> str:
    return " ".join(text.split())[:_LONGEST].strip()


def _area(query: Mapping[str, str]) -> tuple[Ring, SelectionError | None]:
    """Return the area of an address, or none and why it cannot be read."""
    try:
        return (area_of(query["area"]) if query.get("area") else ()), None
    except SelectionError as problem:
        return (), problem


def left_out(query: Mapping[str, str], snapshot: Snapshot) -> list[str]:
    """Return in words what an address asks for that cannot be had: what is shown is not narrowed by it."""
    found = []
    for key, known in _known(snapshot).items():
        words = [one for one in query.get(key, "").split(",") if one not in (*known, "", _NONE)]
        if words:
            found.append(say(f"address_{key}", words=say("comma").join(words)[:_SHOWN]))
    if (problem := _area(query)[1]) is not None:
        found.append(say("address_area", problem=problem.text(lang())))
    return found


def _asked() -> dict[str, str]:
    return {key: st.query_params[key] for key in QUERY_KEYS if key in st.query_params}


def current_filters(snapshot: Snapshot) -> Filters:
    """Return the filter of this session: what the address says where that leads, else as kept."""
    kept: Filters | None = st.session_state.get(_KEY)
    if kept is None or address_leads():
        kept = Filters.from_query(_asked(), snapshot)
        _set_widgets(kept, snapshot)
    return kept


def kept_query(snapshot: Snapshot) -> dict[str, str]:
    """Return what an address says of the filter of this session, for a link to a page that has it."""
    kept: Filters | None = st.session_state.get(_KEY)
    return {} if kept is None else kept.to_query(snapshot.layers)


def set_area(ring: Ring) -> None:
    """Put an area into the filter, or none: the page has to run again."""
    st.session_state[_name("area")] = ring


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
    asked = _asked()
    with st.sidebar, st.container(key="filters"):
        for text in left_out(asked, snapshot):
            st.warning(escape_markdown(text))
        _draw(filters, snapshot, layers, found)
    if Filters.from_query(asked, snapshot) != filters:
        write_address(QUERY_KEYS, filters.to_query(snapshot.layers))


def render_filters(snapshot: Snapshot, layers: Mapping[str, Layer]) -> tuple[Filters, Counts]:
    """Draw the filter into the sidebar; return it with the counts of what it lets through."""
    filters, found = read_filters(snapshot)
    draw_filters(filters, found, snapshot, layers)
    return filters, found


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
    set_area(filters.area)


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
        text=_plain(str(state[_name("text")])),
        area=state.get(_name("area"), ()),
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
    if filters.area:
        _draw_area(filters.area)
    if filters != Filters.all_on(snapshot.layers):
        st.button(
            say("filter_reset"), key="filter-reset", on_click=reset_filters, args=(snapshot,), width="stretch"
        )


def _draw_area(area: Ring) -> None:
    with st.container(key="filter-area-line", horizontal=True, vertical_alignment="center"):
        st.markdown(say("filter_area", n=len(area)))
        st.button(say("area_close"), key="filter-area-drop", on_click=set_area, args=((),), type="tertiary")


def reset_filters(snapshot: Snapshot) -> None:
    """Take every filter away: the next run shows everything."""
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
