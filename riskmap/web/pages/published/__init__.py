"""发布: publish, what was published, and two publications side by side: what came, went and moved, which tiers changed."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import Any, Final

import altair as alt
import streamlit as st
from shapely import MultiPolygon
from shapely.geometry import mapping
from shapely.geometry.polygon import orient

from riskmap.actions.publishing import compared, publications_of
from riskmap.actions.workspace import Workspace
from riskmap.errors import RiskmapError
from riskmap.io.files.publications import Manifest
from riskmap.reports.comparing import PublicationChanges
from riskmap.rules.arrays import floats_of
from riskmap.scoring.comparison import ORDER
from riskmap.selection import find
from riskmap.vocabulary import RANK_OF, TIER_COLOURS, TIER_TITLES, is_worse
from riskmap.web.frame.settings import INK
from riskmap.web.frame.shell import page_look, page_title, section
from riskmap.web.frame.state import address_leads, lang, past_text, say, snapshot, workspace, write_address
from riskmap.web.pages import Page
from riskmap.web.pages.published.freezing import ask_to_publish
from riskmap.web.pages.published.sankey import Flow, sankey_svg
from riskmap.web.widgets.panels import (
    Cell,
    Figure,
    FigureRef,
    Row,
    TableColumn,
    address,
    first_page,
    go_to,
    number_cell,
    number_of,
    pager_of,
    point_address,
    show_figures,
    show_picture,
    show_table,
    tier_cell,
)
from riskmap.web.widgets.signing import (
    notice,
    refuse,
    show_kept_notice,
)
from riskmap.web.widgets.told import named_address
from riskmap.web.widgets.wording import moment, word

PAGE: Final = Page(id="published", zh="发布", en="Published", order=52, hidden=True)


_LIST, _RECORDS = "published-list", "published-records"


_BEFORE, _AFTER = "published-before", "published-after"


_SHORT: Final = 12  # letters of a digest


_MOST: Final = 2000  # points of the small map


_KINDS: Final = ("added", "removed", "moved", "up", "down")


_CAUSES: Final = ("data", "model", "both", "fit")


def render() -> None:
    """Draw the page."""
    page_look()
    show_kept_notice()
    page_title(say("published_title"), say("published_lead"))
    store = publications_of(workspace())
    found: list[Manifest] = []
    for name in store.names():
        try:
            found.append(store.manifest(name))
        except RiskmapError as problem:
            refuse(problem)
    if not past_text():
        ask_to_publish(first=not found)
    if not found:
        notice("info", say("published_none"))
        return
    _list(found)
    if len(found) < 2:  # noqa: PLR2004 - two are compared
        notice("info", say("published_one"))
        return
    before, after = _chosen([one.name for one in found])
    flow, layer = (st.query_params.get(key, "") for key in ("flow", "layer"))
    write_address(_ASKED, {"a": before, "b": after, "flow": flow, "layer": layer})
    if before == after:
        notice("info", say("published_same"))
        return
    digests = {one.name: one.digest for one in found}
    with st.spinner(say("working")):
        changes = _compared(workspace().root, before, after, digests[before], digests[after])
    _show(changes, flow, layer)


_ASKED: Final = ("a", "b", "flow", "layer")


@lru_cache(maxsize=8)
def _compared(_root: Path, before: str, after: str, *_digests: str) -> PublicationChanges:
    """What two publications are does not change, so that they are compared once."""
    return compared(workspace(), before, after)


def _list(found: Sequence[Manifest]) -> None:
    columns = [
        TableColumn("name", say("published_name"), "short"),
        TableColumn("at", say("published_at"), "short"),
        TableColumn("period", say("published_period"), "short"),
        TableColumn("by", say("published_by"), "short"),
        TableColumn("why", say("published_why")),
        TableColumn("despite", say("published_despite")),
        TableColumn("digest", say("published_digest"), "code"),
    ]
    rows = [
        Row(
            [
                Cell(one.name, head=True),
                Cell(moment(one.as_of)),
                Cell(one.period or "—"),
                Cell(say("list_separator").join(filter(None, (one.by, one.second)))),
                Cell(one.why),
                Cell(say("comma").join(one.despite) or "—"),
                Cell(one.digest[:_SHORT]),
            ]
        )
        for one in reversed(found)
    ]
    pager = pager_of(_LIST, len(rows), 8)
    show_table(
        _LIST, columns, rows[pager.start : pager.stop], pager=pager if pager.pages > 1 else None, dense=True
    )


def _chosen(names: Sequence[str]) -> tuple[str, str]:
    """Ask which two are compared; the address says it, else the last two."""
    state = st.session_state
    for key, asked, usual in ((_BEFORE, "a", names[-2]), (_AFTER, "b", names[-1])):
        named = st.query_params.get(asked, "")
        if state.get(key) not in names or (address_leads() and named in names):
            state[key] = named if named in names else usual
    section(say("published_compare"))
    left, right = st.columns(2)
    with st.container(key="no-print-published"), left:
        before = st.selectbox(say("published_before"), names, key=_BEFORE, on_change=_other)
    with right:
        after = st.selectbox(say("published_after"), names, key=_AFTER, on_change=_other)
    return str(before), str(after)


def _other() -> None:
    for key in ("flow", "layer"):
        st.query_params.pop(key, None)
    first_page(_RECORDS)


@dataclasses.dataclass(frozen=True, slots=True)
class _Record:
    """A record of the comparison: where it stood before and after ("" not there), and why."""

    layer: str
    code: str
    before: str
    after: str
    cause: str = ""
    what: str = "tier"


def _records(changes: PublicationChanges, flow: str) -> list[_Record]:
    """Return the records of a flow of tiers, or of one of `_KINDS` or `_CAUSES`; without one, all whose tier changed."""
    found: list[_Record] = []
    risks = _risks(changes)
    for layer, one in changes.layers.items():
        if "." in flow and layer not in risks:
            continue
        for point in one.tiers.points:
            up = is_worse(point.before, point.after)
            if flow in {"", f"{point.before}.{point.after}", "up" if up else "down", point.cause}:
                found.append(_Record(layer, point.code, point.before, point.after, point.cause))
    for layer, one in changes.layers.items():
        risk = layer in risks
        for code, tier in one.came.items():
            if flow == "added" or (risk and flow == f".{tier}"):
                found.append(_Record(layer, code, "", tier if risk else "", what="added"))
        for code, tier in one.went.items():
            if flow == "removed" or (risk and flow == f"{tier}."):
                found.append(_Record(layer, code, tier if risk else "", "", what="removed"))
        if flow == "moved":
            found += [_Record(layer, code, "", "", what="moved") for code in one.moved]
    found.sort(key=lambda one: RANK_OF.get(one.before, 0) - RANK_OF.get(one.after, 0))
    return found


def _risks(changes: PublicationChanges) -> Mapping[str, Any]:
    risks = workspace().catalog.risks
    return {layer: one for layer, one in changes.layers.items() if layer in risks}


def _show(changes: PublicationChanges, flow: str, layer: str) -> None:
    pair = f"{changes.before} → {changes.after}"
    document = changes.as_json()
    tiles = [
        Figure(
            say(f"published_{kind}"),
            number_of(
                int(str(document[kind])), "records.layer", _lead(changes, kind), within=f"{kind} {pair}"
            ),
        )
        for kind in _KINDS
    ]
    show_figures("published-figures", tiles)
    risks = _risks(changes)
    flows = _flows(risks)
    left, right = st.columns([1.25, 1], gap="medium")
    with left:
        section(say("published_flows"))
        show_picture(
            "published-sankey",
            sankey_svg(
                flows,
                sides=(changes.before, changes.after),
                title=say("published_flows"),
                lang=lang(),
                lead=lambda one: _lead(changes, one.id) if one.before != one.after else "",
                figure=lambda tier, at_left: _sum_of(changes, tier, at_left=at_left),
            ),
        )
        st.caption(say("published_sankey_note"))
        _flow_numbers(changes, [one for one in flows if one.before != one.after], pair)
    with right:
        section(say("published_map"))
        _map(changes)
    section(say("published_by_layer"))
    _by_layer(changes, pair)
    _listed(changes, flow, layer)
    if changes.figures:
        _figures(changes)


def _lead(changes: PublicationChanges, flow: str, layer: str = "") -> str:
    asked = {"a": changes.before, "b": changes.after, "flow": flow}
    return address("published", asked | ({"layer": layer} if layer else {}))


def _flow_numbers(changes: PublicationChanges, flows: Sequence[Flow], pair: str) -> None:
    """The bands that change as numbers, those that became worst first."""
    columns = [
        TableColumn("before", say("changes_before"), "tier-cell"),
        TableColumn("after", say("changes_after"), "tier-cell"),
        TableColumn("n", say("overview_records"), "number"),
    ]
    ordered = sorted(flows, key=lambda one: RANK_OF.get(one.before, 0) - RANK_OF.get(one.after, 0))
    rows = [
        Row(
            [
                tier_cell(one.before) if one.before else Cell(say("published_added")),
                tier_cell(one.after) if one.after else Cell(say("published_removed")),
                number_cell(
                    number_of(
                        one.n, _TOTAL, _lead(changes, one.id), within=f"{one.before} → {one.after} {pair}"
                    )
                ),
            ]
        )
        for one in ordered
    ]
    if rows:
        show_table("published-flows", columns, rows, dense=True)


_TOTAL: Final = "points.total"


def _sum_of(changes: PublicationChanges, tier: str, *, at_left: bool) -> str:
    name = changes.before if at_left else changes.after
    figure = f"points.tiers.{tier}" if tier else "points.total"
    part = name if tier else f"{'added' if at_left else 'removed'} {changes.before} → {changes.after}"
    return f' data-figure="{figure}" data-within="{escape(part, quote=True)}"'


def _flows(risks: Mapping[str, Any]) -> list[Flow]:
    """Return how many went from which tier to which, over all layers of risks; what came and went by its tier."""
    counted: Counter[tuple[str, str]] = Counter()
    for one in risks.values():
        for before in ORDER:
            for after in ORDER:
                counted[before, after] += one.tiers.migration.count(before, after)
        counted.update(("", tier) for tier in one.came.values())
        counted.update((tier, "") for tier in one.went.values())
    return [Flow(before, after, n) for (before, after), n in counted.items() if n]


def _by_layer(changes: PublicationChanges, pair: str) -> None:
    columns = [TableColumn("what", say("list_layer"), "short")]
    columns += [TableColumn(kind, say(f"published_{kind}"), "number") for kind in _KINDS]
    columns += [TableColumn(one, word("cause", one), "number") for one in _CAUSES]
    layers = workspace().catalog.layers
    rows: list[Row] = []
    for layer, one in changes.layers.items():
        numbers = (len(one.tiers.new), len(one.tiers.retired), len(one.moved), one.worse, one.better)
        why = Counter(point.cause for point in one.tiers.points)
        if not any(numbers):
            continue
        told = [*zip(_KINDS, numbers, strict=True), *((cause, why[cause]) for cause in _CAUSES)]
        cells = [
            number_cell(
                number_of(
                    n,
                    f"records.layer.{layer}",
                    _lead(changes, kind, layer),
                    within=f"{kind} {pair}",
                )
            )
            for kind, n in told
        ]
        title = layers[layer].title.text(lang()) if layer in layers else layer
        rows.append(Row([Cell(title, head=True), *cells]))
    show_table("published-layers", columns, rows, empty=say("published_nothing"), dense=True)


def _listed(changes: PublicationChanges, flow: str, layer: str) -> None:
    """The records of the flow (and layer) that the address names, else all whose tier changed."""
    found = [one for one in _records(changes, flow) if layer in {"", one.layer}]
    section(say("published_records", what=_flow_title(flow)))
    part = f"{flow or 'changed'} {changes.before} → {changes.after}"
    rows_of = FigureRef(f"records.layer.{layer}" if layer else "records.layer", within=part)
    pager = pager_of(_RECORDS, len(found), 20, figure=rows_of)
    layers = workspace().catalog.layers
    columns = [
        TableColumn("layer", say("list_layer"), "short"),
        TableColumn("code", say("list_code"), "code"),
        TableColumn("before", say("changes_before"), "tier-cell"),
        TableColumn("after", say("changes_after"), "tier-cell"),
        TableColumn("cause", say("changes_cause"), "short"),
    ]
    rows = [
        Row(
            [
                Cell(layers[one.layer].title.text(lang()) if one.layer in layers else one.layer),
                Cell(one.code, href="" if one.what == "removed" else point_address(one.layer, one.code)),
                _tier(one.layer, one.before),
                _tier(one.layer, one.after),
                Cell(word("cause", one.cause) if one.cause else say(f"published_{one.what}")),
            ]
        )
        for one in found[pager.start : pager.stop]
    ]
    show_table(
        _RECORDS,
        columns,
        rows,
        pager=pager if pager.pages > 1 else None,
        empty=say("published_nothing"),
        dense=True,
    )
    lead = named_address([(one.layer, one.code) for one in found if one.what != "removed"])
    with st.container(horizontal=True, key="no-print-published-leads"):
        if lead and st.button(say("published_as_list"), key="published-as-list"):
            go_to(lead)
        if flow and st.button(say("published_all"), key="published-all"):
            _other()
            st.rerun()


_WAYS: Final = alt.Legend(orient="top", title=None)


def _tier(layer: str, tier: str) -> Cell:
    """Return how a record stood: a tier, of what is no risk its grade."""
    known = workspace().catalog.layers.get(layer)
    return Cell("—", quiet=True) if not tier else tier_cell(tier if known is None else known.standing(tier))


def _flow_title(flow: str) -> str:
    if flow in _KINDS:
        return say(f"published_{flow}")
    if flow in _CAUSES:
        return word("cause", flow)
    before, dot, after = flow.partition(".")
    if not dot:
        return say("published_changed")
    names = [TIER_TITLES[one].text(lang()) if one in TIER_TITLES else "" for one in (before, after)]
    return f"{names[0] or say('published_added')} → {names[1] or say('published_removed')}"


def _map(changes: PublicationChanges) -> None:
    """Where the records stand whose tier changed, over the sub-districts; a click opens the record."""
    ws, now = workspace(), snapshot()
    points: list[dict[str, Any]] = []
    for one in _records(changes, ""):
        hit = find(now, one.layer, one.code) if one.layer in now.layers else None
        if hit is None or len(points) >= _MOST:
            continue
        line = now.table(one.layer).slice(hit.row, 1)
        lon, lat = (float(floats_of(line[name])[0]) for name in ("lon", "lat"))
        if lon == lon:  # noqa: PLR0124 - NaN
            up = is_worse(one.before, one.after)
            points.append(
                {
                    "lon": lon,
                    "lat": lat,
                    "way": say("published_up" if up else "published_down"),
                    "layer": one.layer,
                    "code": one.code,
                    "tiers": f"{TIER_TITLES[one.before].text(lang())} → {TIER_TITLES[one.after].text(lang())}",
                }
            )
    if not points:
        st.caption(say("published_nothing"))
        return
    ways = [say("published_up"), say("published_down")]
    marks = (
        alt.Chart(alt.Data(values=points))
        .mark_point(filled=True, size=75, opacity=0.9, cursor="pointer")
        .encode(
            longitude="lon:Q",
            latitude="lat:Q",
            shape=alt.Shape(
                "way:N",
                scale=alt.Scale(domain=ways, range=["triangle-up", "triangle-down"]),
                legend=_WAYS,
            ),
            color=alt.Color(
                "way:N",
                scale=alt.Scale(domain=ways, range=[TIER_COLOURS["major"], TIER_COLOURS["low"]]),
                legend=_WAYS,
            ),
            tooltip=[
                alt.Tooltip("code:N", title=say("list_code")),
                alt.Tooltip("tiers:N", title=say("list_tier")),
            ],
        )
        .add_params(alt.selection_point("point", fields=["layer", "code"]))
    )
    ground = _ground(ws)
    drawn: Any = marks if ground is None else alt.layer(ground, marks)
    drawn = (
        drawn.project("mercator")
        .properties(height=380)
        .configure_view(strokeWidth=0)
        .configure_legend(labelFontSize=13, labelColor=INK)
    )
    event = st.altair_chart(
        drawn, width="stretch", theme=None, key="published-map", on_select="rerun", selection_mode="point"
    )
    for one in event.get("selection", {}).get("point") or ():
        go_to(point_address(str(one["layer"]), str(one["code"])))


def _ground(ws: Workspace) -> Any:
    """The sub-districts as a pale ground; None where a workspace states none."""
    places = ws.places
    if places is None or not places.names:
        return None
    shapes = [
        {"type": "Feature", "properties": {"name": name}, "geometry": mapping(_turned(shape))}
        for name, shape in zip(places.names, places.polygons, strict=True)
    ]
    return alt.Chart(alt.Data(values=shapes)).mark_geoshape(fill="#eef2f6", stroke="#b9c6d4", tooltip=None)


def _turned(shape: Any) -> Any:
    """Return a shape whose outer rings run clockwise, as the projection takes what lies to their right for their inside."""
    parts = shape.geoms if hasattr(shape, "geoms") else [shape]
    return MultiPolygon([orient(part.simplify(_FINE), -1.0) for part in parts])


_FINE: Final = 0.0003  # degrees, thirty metres: half a pixel of the small map


def _figures(changes: PublicationChanges) -> None:
    """The figures that are not the same, whole ones first."""
    whole = {one: pair for one, pair in changes.figures.items() if one.count(".") == 1}
    columns = [
        TableColumn("id", say("published_figure"), "code"),
        TableColumn("before", changes.before, "number"),
        TableColumn("after", changes.after, "number"),
    ]
    rows = [
        Row([Cell(one, head=True), *(_text(one, text, of) for text, of in zip(pair, sides, strict=True))])
        for one, pair in whole.items()
        for sides in [(changes.before, changes.after)]
    ]
    with st.expander(say("published_figures"), expanded=False):
        show_table("published-changed-figures", columns, rows, dense=True, height=420)


def _text(figure: str, text: str | None, of: str) -> Cell:
    return Cell(text or "—", quiet=text is None, figure=FigureRef(figure, within=of))


if __name__ == "__main__":
    render()
