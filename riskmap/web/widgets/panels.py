"""Tables, rows of figures and downloads of the pages, drawn by a small script of our own.

Streamlit's own table speaks English, cannot be printed and sends whole frames to the browser. This
one gets one page of rows as plain values: names reach the browser as JSON and are set as text, so
nothing in them is markup. Links keep their address; a plain click is followed without a reload.

Addresses of the inventory for a number: the records it counts, and no others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import parse_qs, urlencode

import streamlit as st
from streamlit.components.v2 import component

from riskmap.json_documents import Document
from riskmap.selection import Snapshot
from riskmap.vocabulary import TIER_TITLES
from riskmap.web.frame import downloads
from riskmap.web.frame.state import follow, lang, say, session_query, workspace, write_address
from riskmap.web.pages import pages
from riskmap.web.widgets.filters import SWITCHES, Filters

Kind = Literal["text", "short", "code", "number", "tier-cell"]


PAGE_ROWS: Final = 50


_DIGITS: Final = 9  # of a page's number in an address; no list has more


_ASSETS: Final = Path(__file__).parents[1] / "assets" / "pages"


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column: `kind` says how its cells are set; numbers stand right. `why` says why it cannot be sorted by."""

    id: str
    title: str
    kind: Kind = "text"
    sortable: bool = False
    why: str = ""

    def as_json(self) -> Document:
        """Return what the browser is told."""
        return {
            "id": self.id,
            "title": self.title,
            "kind": self.kind,
            "sortable": self.sortable,
            "why": self.why,
        }


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell: plain text, and where a click leads (`href`) or what it asks for (`act`)."""

    text: str = ""
    tier: str = ""
    href: str = ""
    note: str = ""
    act: str = ""
    head: bool = False
    quiet: bool = False

    def as_json(self) -> Document:
        """Return what the browser is told: only what is set."""
        return {"text": self.text} | {
            name: value
            for name in ("tier", "href", "note", "act", "head", "quiet")
            if (value := getattr(self, name))
        }


@dataclass(frozen=True, slots=True)
class Row:
    """Cells in column order; `href` opens on a click anywhere in the row."""

    cells: Sequence[Cell]
    href: str = ""
    total: bool = False

    def as_json(self) -> Document:
        """Return what the browser is told."""
        return {"cells": [c.as_json() for c in self.cells], "href": self.href, "total": self.total}


@dataclass(frozen=True, slots=True)
class Figure:
    """One large number with its name, and the records it counts."""

    title: str
    number: int
    href: str = ""
    tier: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Pager:
    """Which page of how many rows. `page` counts from 0 and always exists."""

    page: int
    rows: int
    size: int = PAGE_ROWS

    @property
    def pages(self) -> int:
        """How many pages there are, one at least."""
        return max(1, -(-self.rows // self.size))

    @property
    def start(self) -> int:
        """First row of the page."""
        return self.page * self.size

    @property
    def stop(self) -> int:
        """Row after the last one of the page."""
        return min(self.rows, self.start + self.size)


@lru_cache(maxsize=1)
def _panel() -> Callable[..., Any]:
    return component(
        "riskmap-panel",
        html='<div class="root"></div>',
        css=(_ASSETS / "panel.css").read_text(encoding="utf-8"),
        js=(_ASSETS / "panel.js").read_text(encoding="utf-8"),
    )


def tier_cell(tier: str, href: str = "") -> Cell:
    """Return the coloured word of a tier (or "unrated")."""
    return Cell(TIER_TITLES[tier].text(lang()), tier=tier, href=href)


def number_cell(number: int, href: str = "", *, head: bool = False) -> Cell:
    """Return a count; nought is pale and leads nowhere."""
    return Cell(f"{number:,}", href=href if number else "", quiet=not number, head=head)


def show_table(
    key: str,
    columns: Sequence[TableColumn],
    rows: Sequence[Row],
    *,
    pager: Pager | None = None,
    sort: tuple[str, bool] | None = None,
    caption: str = "",
    empty: str = "",
    height: int = 0,
    dense: bool = False,
    tall: bool = False,
) -> str | None:
    """Draw a table; return the `act` that was clicked in this run.

    A click on a link goes to its page and does not return. Page and sort are kept for `pager_of`
    and `sort_of`; `sort` is (column id, descending). `height` bounds it in pixels; where it is the
    last thing of a panel, `tall` lets it have what a high screen has left.
    """
    data: dict[str, Any] = {
        "kind": "table",
        "columns": [c.as_json() for c in columns],
        "rows": [r.as_json() for r in rows],
        "caption": caption,
        "empty": empty,
        "height": height,
        "dense": dense,
        "tall": tall,
        "texts": {name: say(f"table_{name}") for name in ("sort", "first", "previous", "next", "last")},
    }
    if sort is not None:
        data["sort"] = {"by": sort[0], "descending": sort[1]}
    if pager is not None and pager.rows:
        label = say("table_rows", first=pager.start + 1, last=pager.stop, total=f"{pager.rows:,}")
        data["pager"] = {"page": pager.page, "pages": pager.pages, "label": label}
    event = _mount(key, data)
    _follow(event)
    return event.get("act")


def show_figures(key: str, figures: Sequence[Figure]) -> None:
    """Draw a row of large numbers, each a link to its records."""
    listed = [
        {
            "title": f.title,
            "text": f"{f.number:,}",
            "href": f.href if f.number else "",
            "tier": f.tier,
            "note": f.note,
        }
        for f in figures
    ]
    _follow(_mount(key, {"kind": "figures", "figures": listed}))


def show_downloads(key: str, items: Sequence[Mapping[str, str]], *, label: str | None = None) -> str | None:
    """Draw download buttons. An item has title, href ("" where there is nothing to fetch), name (of the file) and help.

    One with `act` is made by the page: return the `act` that was clicked in this run.
    """
    texts = {name: say(f"download_{name}") for name in ("label", "making", "done", "failed")}
    texts["label"] = texts["label"] if label is None else label
    return _mount(key, {"kind": "downloads", "items": list(items), "texts": texts}).get("act")


def show_offer(
    key: str,
    title: str,
    filename: str,
    make: Callable[[], bytes | Path],
    *,
    until: float | None = None,
) -> None:
    """Draw one button for what `make` makes; see `downloads.offer`."""
    href = downloads.offer(key, filename, make, until=until)
    item = {"title": title, "href": href, "name": filename, "help": ""}
    show_downloads(key, [item], label="")


def show_print_button(key: str) -> None:
    """Draw a button that prints the page."""
    _mount(key, {"kind": "print", "title": say("print_page")})


def pager_of(key: str, rows: int, size: int = PAGE_ROWS) -> Pager:
    """Return the page that a table shows, moved to the last one where rows became fewer."""
    page = int(st.session_state.get(f"{key}.page", 0))
    last = max(0, -(-rows // size) - 1)
    return Pager(min(max(page, 0), last), rows, size)


def first_page(key: str) -> None:
    """Go back to the first page of a table (its filter has changed)."""
    st.session_state.update(first_pages(key))


def first_pages(*keys: str) -> dict[str, int]:
    """Return what a session holds of tables that stand on their first page."""
    return {f"{key}.page": 0 for key in keys}


def sort_of(key: str, default: tuple[str, bool]) -> tuple[str, bool]:
    """Return (column id, descending) as chosen by clicks on the headers."""
    return st.session_state.get(f"{key}.sort", default)


def list_as_addressed(key: str, columns: Sequence[str], default: tuple[str, bool]) -> None:
    """Put a table on the page and in the order that the address names, as far as it names some that exist."""
    by, page = st.query_params.get("sort", ""), st.query_params.get("page", "")
    known = by.removeprefix("-") in columns
    st.session_state[f"{key}.sort"] = (by.removeprefix("-"), by.startswith("-")) if known else default
    counted = page.isascii() and page.isdigit() and len(page) < _DIGITS
    st.session_state[f"{key}.page"] = max(0, int(page) - 1) if counted else 0


def address_list(pager: Pager, sort: tuple[str, bool], default: tuple[str, bool]) -> None:
    """Let the address name page and order of a list, unless they are what it begins with."""
    by, descending = sort
    write_address(
        ("sort", "page"),
        {
            "sort": "" if sort == default else f"{'-' if descending else ''}{by}",
            "page": str(pager.page + 1) if pager.page else "",
        },
    )


def _mount(key: str, data: Mapping[str, Any]) -> Mapping[str, Any]:
    def changed() -> None:
        _keep(key, _event(st.session_state.get(key)))

    return _event(_panel()(key=key, data=data, on_event_change=changed))


def _event(result: Any) -> Mapping[str, Any]:
    event = result.get("event") if isinstance(result, Mapping) else getattr(result, "event", None)
    return event if isinstance(event, Mapping) else {}


def _keep(key: str, event: Mapping[str, Any]) -> None:
    if isinstance(event.get("page"), int):
        st.session_state[f"{key}.page"] = event["page"]
    by = event.get("sort")
    if isinstance(by, str):
        now = st.session_state.get(f"{key}.sort")
        st.session_state[f"{key}.sort"] = (by, not now[1] if now and now[0] == by else False)
        first_page(key)


def _follow(event: Mapping[str, Any]) -> None:
    href = event.get("href")
    if isinstance(href, str):
        go_to(href)


def address(page: str, query: Mapping[str, str | Sequence[str]]) -> str:
    """Return the address of a page of ours with its query, in the language and of the past that this session has."""
    full = {**query, **session_query()}
    return f"{page}?{urlencode(full, doseq=True)}" if full else page


def point_address(layer: str, code: str) -> str:
    """Return the address of a record's page."""
    return address("point", {"layer": layer, "code": code})


def go_to(href: str) -> None:
    """Follow an address that `address` made. Does not return."""
    from riskmap.web.frame.shell import page_of  # the shell shows panels

    page, _, query = href.partition("?")
    if page in pages():
        follow(page_of(page), parse_qs(query, keep_blank_values=True))


def risk_layers(snapshot: Snapshot) -> tuple[str, ...]:
    """Return the layers whose records enter tiers and sums."""
    layers = workspace().catalog.layers
    return tuple(one for one in snapshot.layers if one in layers and layers[one].counts == "risk")


def inventory_address(
    snapshot: Snapshot,
    *,
    layer: str = "",
    tiers: Sequence[str] = (),
    subdistrict: str = "",
    flag: str = "",
    risks: bool = True,
) -> str:
    """Return the inventory's address for some records: of a layer, or of all risks (`risks` False: of all).

    The layers are always named: an address without any filter would leave an earlier one standing.
    """
    every = risk_layers(snapshot) if risks else snapshot.layers
    filters = Filters(
        layers=frozenset([layer] if layer else every),
        tiers=frozenset(tiers or SWITCHES),
        subdistricts=(subdistrict,) if subdistrict else (),
        flags=(flag,) if flag else (),
    )
    named = [one for one in snapshot.layers if one in filters.layers]
    return address("inventory", {"layers": ",".join(named), **filters.to_query(snapshot.layers)})
