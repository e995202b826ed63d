"""The lists of the page 临灾 that only show: raised points, and what cannot be judged."""

from __future__ import annotations

from typing import Any, Final

import streamlit as st

from riskmap.duty import BEIJING, Escalated
from riskmap.records import RANKS
from riskmap.ui.filters import escape
from riskmap.ui.panels import Cell, Column, Row, pager_of, point_address, show_table, tier_cell
from riskmap.ui.state import lang, say, workspace
from riskmap.usecases.storms import Storm

_ROWS: Final = 25
_HEIGHT: Final = 420


def plain(text: str) -> str:
    """Return text of a person as markdown that shows it as it is."""
    return escape(text)


def points(shown: Storm) -> None:
    """List the raised points, worst and soonest first, each with its cause."""
    if not shown.worst:
        st.success(say("prepare_points_none"))
        return
    key = "prepare-points"
    pager = pager_of(key, len(shown.worst), _ROWS)
    columns = [
        Column("to", say("column_tier"), "tier-cell"),
        Column("name", say("column_name")),
        Column("cause", say("prepare_column_cause")),
    ]
    rows = [_point(one) for one in shown.worst[pager.start : pager.stop]]
    show_table(key, columns, rows, pager=pager, height=_HEIGHT, dense=True, tall=True)


def _point(one: Escalated) -> Row:
    layer = workspace().catalog.layer(one.layer).title.text(lang())
    where = one.subdistrict or say("not_stated")
    peak = one.peak
    span = f"{peak.start.astimezone(BEIJING):%m-%d %H:%M} – {peak.expiry.astimezone(BEIJING):%m-%d %H:%M}"
    return Row(
        [
            tier_cell(RANKS[one.rank_to]),
            Cell(one.name or one.code, note=f"{layer} · {where}"),
            Cell(one.cause.text(lang()), note=span),
        ],
        href=point_address(one.layer, one.code),
    )


def gaps(shown: Storm) -> None:
    """List the records that cannot be judged and the shelters that are out of use, with the reason."""
    body = shown.scenario.body
    listed: list[dict[str, Any]] = [*body.get("closed", []), *body.get("unknown", [])]
    if not listed:
        st.success(say("prepare_gaps_none"))
        return
    key = "prepare-gaps"
    pager = pager_of(key, len(listed), _ROWS)
    columns = [Column("name", say("column_name")), Column("why", say("prepare_column_why"))]
    rows = [
        Row(
            [
                Cell(
                    one.get("name") or one["code"],
                    note=workspace().catalog.layer(one["layer"]).title.text(lang()),
                ),
                Cell(one[lang()]),
            ],
            href=point_address(one["layer"], one["code"]),
        )
        for one in listed[pager.start : pager.stop]
    ]
    show_table(key, columns, rows, pager=pager, height=_HEIGHT, dense=True, tall=True)
    more = body.get("unknown_count", 0) - len(body.get("unknown", []))
    if more > 0:
        st.caption(say("prepare_more_gaps", n=f"{more:,}"))
