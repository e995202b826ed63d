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
from html import escape
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple
from urllib.parse import parse_qs, urlencode

import streamlit as st
from streamlit.components.v2 import component
from streamlit.delta_generator import DeltaGenerator

from riskmap.json_documents import Document
from riskmap.selection import Snapshot
from riskmap.vocabulary import TIER_TITLES
from riskmap.web.frame import downloads
from riskmap.web.frame.state import follow, lang, past_text, say, session_query, workspace, write_address
from riskmap.web.pages import pages
from riskmap.web.widgets.filters import SWITCHES, Filters

Kind = Literal["text", "short", "code", "number", "tier-cell"]


_WORDS: Final = frozenset({"text", "short", "code"})


PAGE_ROWS: Final = 50


_TOTAL: Final = "\ue000"  # where the number of rows stands in the words below a table


_DIGITS: Final = 9  # of a page's number in an address; no list has more


_ASSETS: Final = Path(__file__).parents[1] / "assets" / "pages"


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column: `kind` says how its cells are set; numbers stand right. `why` says why it cannot be sorted by.

    Words of a column are those of the one thing that its row is about. Numbers are figures, each with its id; where they
    are values of that one thing too, `values` says so.
    """

    id: str
    title: str
    kind: Kind = "text"
    sortable: bool = False
    why: str = ""
    values: bool = False

    def as_json(self) -> Document:
        """Return what the browser is told."""
        return {
            "id": self.id,
            "title": self.title,
            "kind": self.kind,
            "sortable": self.sortable,
            "why": self.why,
            "field": self.id if self.values or self.kind in _WORDS else "",
        }


@dataclass(frozen=True, slots=True)
class FigureRef:
    """Which figure a number on a page is: its id, the period and the ledger that it was asked of, "" for now.

    `within`: of which of its records, where a page shows a part: "selection" for those of its address, or a condition.
    """

    id: str
    period: str = ""
    as_of: str = ""
    within: str = ""

    def as_json(self) -> Document:
        """Return what the browser is told: only what is set."""
        names = ("id", "period", "as_of", "within")
        return {name: value for name in names if (value := getattr(self, name))}


@dataclass(frozen=True, slots=True)
class Number:
    """A number of a page: as it is printed, which figure it is, and where its records are ("" where there are none)."""

    text: str
    figure: FigureRef
    href: str = ""
    value: float | None = None


class Shade(NamedTuple):
    """Colours of a cell: ground and ink, and those on paper, where greys must keep the order of what they say."""

    ground: str
    ink: str
    paper_ground: str
    paper_ink: str


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell: plain text, and where a click leads (`href`) or what it asks for (`act`).

    `figure`: which figure its text is. `shade`: its colours. `line`: numbers drawn as a small line.
    """

    text: str = ""
    tier: str = ""
    href: str = ""
    note: str = ""
    act: str = ""
    head: bool = False
    quiet: bool = False
    figure: FigureRef | None = None
    shade: Shade | None = None
    line: tuple[float, ...] = ()

    def as_json(self) -> Document:
        """Return what the browser is told: only what is set."""
        told: Document = {"text": self.text} | {
            name: value
            for name in ("tier", "href", "note", "act", "head", "quiet")
            if (value := getattr(self, name))
        }
        if self.figure is not None:
            told["figure"] = self.figure.as_json()
        if self.shade is not None:
            told["shade"] = list(self.shade)
        return told | ({"line": list(self.line)} if self.line else {})


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
    number: Number
    tier: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Pager:
    """Which page of how many rows. `page` counts from 0 and always exists.

    `figure`: which figure the number of rows is; None where they all belong to one thing, as the versions of a record do.
    """

    page: int
    rows: int
    size: int = PAGE_ROWS
    figure: FigureRef | None = None

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


def number_of(
    number: int, figure: str, href: str = "", *, period: str = "", as_of: str = "", within: str = ""
) -> Number:
    """Return a count that a page made itself, under the figure whose number it is; nought leads nowhere.

    `within`: of which of the figure's records (`FigureRef`).
    """
    ref = FigureRef(figure, period, as_of or past_text(), within)
    return Number(f"{number:,}", ref, href if number else "", number)


def number_cell(number: Number, *, head: bool = False, shade: Shade | None = None) -> Cell:
    """Return a number as a cell; nought is pale."""
    return Cell(
        number.text,
        href=number.href,
        quiet=not number.value,
        head=head,
        figure=number.figure,
        shade=shade,
    )


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
    printed: int = 0,
) -> str | None:
    """Draw a table; return the `act` that was clicked in this run.

    A click on a link goes to its page and does not return. Page and sort are kept for `pager_of`
    and `sort_of`; `sort` is (column id, descending). `height` bounds it in pixels; where it is the
    last thing of a panel, `tall` lets it have what a high screen has left. On paper stand the first `printed` rows, 0 for
    all of them.
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
        "printed": printed,
        "texts": {name: say(f"table_{name}") for name in ("sort", "first", "previous", "next", "last")},
    }
    if sort is not None:
        data["sort"] = {"by": sort[0], "descending": sort[1]}
    if pager is not None and pager.rows:
        label = say("table_rows", first=pager.start + 1, last=pager.stop, total=_TOTAL).split(_TOTAL)
        data["pager"] = {"page": pager.page, "pages": pager.pages, "label": label, "total": f"{pager.rows:,}"}
        if pager.figure is not None:
            data["pager"]["figure"] = pager.figure.as_json()
    event = _mount(key, data)
    _follow(event)
    return event.get("act")


def show_figures(key: str, figures: Sequence[Figure], *, small: bool = False) -> None:
    """Draw a row of large numbers, each a link to its records; `small`: as many to a line as it holds."""
    listed = [
        {
            "title": f.title,
            "text": f.number.text,
            "href": f.number.href,
            "figure": f.number.figure.as_json(),
            "tier": f.tier,
            "note": f.note,
        }
        for f in figures
    ]
    _follow(_mount(key, {"kind": "figures", "figures": listed, "small": small}))


def show_picture(key: str, svg: str) -> None:
    """Draw a picture of ours (SVG whose texts are escaped); its links are followed without a reload."""
    _follow(_mount(key, {"kind": "picture", "svg": svg}))


def show_said(key: str, *, tone: str = "", **values: object) -> None:
    """Draw a sentence of ours whose numbers say which figures they are; `tone` "ok" sets a tick before it."""
    st.html(f'<p class="rm-line {tone}">{said_html(key, values)}</p>')


def said_html(key: str, values: Mapping[str, object]) -> str:
    """Return one of our texts as HTML, filled; its numbers (`Number`) are elements that say which figures they are."""
    marks = {
        name: f"\ue000{name}\ue001" if isinstance(value, Number | Html) else value
        for name, value in values.items()
    }
    text = escape(say(key, **marks))
    for name, value in values.items():
        if isinstance(value, Number | Html):
            told = value.text if isinstance(value, Html) else number_html(value)
            text = text.replace(f"\ue000{name}\ue001", told)
    return text


@dataclass(frozen=True, slots=True)
class Html:
    """A part of a sentence that is HTML already: its texts are escaped, its numbers say which figures they are."""

    text: str


def figure_box(figure: str, key: str = "") -> DeltaGenerator:
    """Return a box for what Streamlit draws of a number, a switch or a warning, that says which figure it is: its class
    is `st-key-figure--` and the id. `key` tells two of one page apart.
    """
    return st.container(key=f"figure--{figure}{f'--{key}' if key else ''}")


def field_box(field: str, key: str = "") -> DeltaGenerator:
    """Return a box for what Streamlit draws of one thing: a record, a model, a storm; its class is `st-key-field--` and
    which field of it that is. `key` tells two of one page apart.
    """
    return st.container(key=f"field--{field}{f'--{key}' if key else ''}")


def field_html(field: str, text: str) -> str:
    """Return a value of one record, model or storm as an element that names the field: no figure of many records."""
    return f'<span data-field="{escape(field)}">{escape(text)}</span>'


def number_html(number: Number) -> str:
    """Return a number as an element that says which figure it is."""
    told = {"figure": number.figure.id, "period": number.figure.period, "as-of": number.figure.as_of}
    told["within"] = number.figure.within
    words = "".join(f' data-{name}="{escape(value)}"' for name, value in told.items() if value)
    return f"<b{words}>{escape(number.text)}</b>"


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


def pager_of(key: str, rows: int, size: int = PAGE_ROWS, *, figure: FigureRef | None = None) -> Pager:
    """Return the page that a table shows, moved to the last one where rows became fewer; see `Pager`."""
    page = int(st.session_state.get(f"{key}.page", 0))
    last = max(0, -(-rows // size) - 1)
    return Pager(min(max(page, 0), last), rows, size, figure)


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
    full = {**session_query(), **query}
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
