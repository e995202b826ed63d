"""What a draft would do: points per tier now and then, what moves where, or what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

import streamlit as st

from riskmap.actions.models import Preview, moved_csv, preview_model
from riskmap.errors import CatalogError, CatalogProblem, RiskmapError
from riskmap.selection import find
from riskmap.vocabulary import TIERS, is_worse
from riskmap.web.frame.shell import section
from riskmap.web.frame.state import lang, say, snapshot, workspace
from riskmap.web.pages.model.form import ModelDraft
from riskmap.web.pages.model.words import standing
from riskmap.web.widgets.panels import (
    Cell,
    FigureRef,
    Number,
    Row,
    TableColumn,
    figure_box,
    number_cell,
    number_of,
    pager_of,
    point_address,
    show_offer,
    show_table,
    tier_cell,
)
from riskmap.web.widgets.signing import notice, refuse
from riskmap.web.widgets.tier_moves import show_matrix

_KEPT: Final = "model-preview-kept"


_MOVED: Final = "model-moved"


_MOVED_ROWS: Final = 8


_MOST_PROBLEMS: Final = 40


def draw_preview(draft: ModelDraft) -> Preview | None:
    """Draw what the draft would change; return None where it does not read."""
    section(say("model_preview_title"))
    try:
        seen = _preview(draft)
    except CatalogError as problem:
        _problems(problem.problems)
        return None
    except RiskmapError as problem:
        refuse(problem)
        return None
    moved = seen.comparison.migration.moved
    if not draft.changed:
        st.caption(say("model_unchanged"))
        if moved:
            with figure_box(f"records.layer.{seen.layer}", "not-assessed"):
                st.caption(say("model_not_assessed", n=f"{moved:,}"))
    elif not moved:
        st.caption(say("model_moves_none"))
    else:
        with figure_box(f"records.layer.{seen.layer}", "moves"):
            st.caption(_summary(seen))
    _tiers(seen)
    if moved:
        show_matrix("model-matrix", workspace().catalog.layer(seen.layer), seen.comparison.migration)
        _points(seen)
    st.caption(say("model_preview_note"))
    return seen


def _preview(draft: ModelDraft) -> Preview:
    """Return the preview of a draft, made once per text and state of the ledger."""
    key = (draft.layer, draft.text, draft.base.digest, snapshot().key)
    kept: tuple[Any, Preview] | None = st.session_state.get(_KEPT)
    if kept is not None and kept[0] == key:
        return kept[1]
    seen = preview_model(workspace(), draft.layer, draft.text)
    st.session_state[_KEPT] = (key, seen)
    return seen


def _summary(seen: Preview) -> str:
    found = seen.comparison.migration
    pairs = [(a, b, found.count(a, b)) for a in TIERS for b in TIERS if a != b]
    worse = sum(n for before, after, n in pairs if is_worse(before, after))
    better = sum(n for _, _, n in pairs) - worse
    parts = [say("model_moves", n=f"{found.moved:,}", worse=f"{worse:,}", better=f"{better:,}")]
    if others := found.moved - worse - better:
        parts.append(say("model_moves_unrated", n=f"{others:,}"))
    return say("list_separator").join(parts)


def _tiers(seen: Preview) -> None:
    columns = [
        TableColumn("tier", say("list_tier"), "tier-cell"),
        TableColumn("before", say("model_now"), "number"),
        TableColumn("after", say("model_then"), "number"),
        TableColumn("gain", say("model_gain"), "number"),
    ]
    rows = [
        Row(
            [
                tier_cell(standing(seen.layer, tier)),
                number_cell(_of(seen, n, tier)),
                number_cell(_of(seen, seen.after[tier], tier, "by this model")),
                _gain(seen, tier),
            ]
        )
        for tier, n in seen.before.items()
    ]
    total = sum(seen.before.values())
    rows.append(
        Row(
            [
                Cell(say("overview_sum"), head=True),
                number_cell(_of(seen, total)),
                number_cell(_of(seen, total)),
                Cell(""),
            ],
            total=True,
        )
    )
    show_table("model-tiers", columns, rows, dense=True)


def _of(seen: Preview, n: int, tier: str = "", within: str = "") -> Number:
    asked = f"tier == {standing(seen.layer, tier)}" if tier else ""
    return number_of(n, f"records.layer.{seen.layer}", within=f"{asked} {within}".strip())


def _gain(seen: Preview, tier: str) -> Cell:
    n = seen.gains[tier]
    text = f"+{n:,}" if n > 0 else f"−{-n:,}" if n else "0"
    gain = _of(seen, n, tier, "gained by this model")
    return number_cell(replace(gain, text=text))


def _points(seen: Preview) -> None:
    points = seen.comparison.points
    moved = FigureRef(f"records.layer.{seen.layer}", within="moved by this model")
    pager = pager_of(_MOVED, len(points), _MOVED_ROWS, figure=moved)
    columns = [
        TableColumn("code", say("list_code"), "code"),
        TableColumn("name", say("list_name")),
        TableColumn("before", say("model_now"), "tier-cell"),
        TableColumn("after", say("model_then"), "tier-cell"),
    ]
    rows = []
    for point in points[pager.start : pager.stop]:
        hit = find(snapshot(), seen.layer, point.code)
        name = "" if hit is None else snapshot().table(seen.layer)["name"][hit.row].as_py() or ""
        rows.append(
            Row(
                [
                    Cell(point.code, href=point_address(seen.layer, point.code)),
                    Cell(name or say("no_name")),
                    tier_cell(standing(seen.layer, point.before)),
                    tier_cell(standing(seen.layer, point.after)),
                ]
            )
        )
    show_table(_MOVED, columns, rows, pager=pager, dense=True)
    show_offer(
        "model-moved-csv",
        say("model_moved_csv", n=f"{len(points):,}"),
        f"{say('model_moved_file')}_{seen.layer}_{seen.model.version}.csv",
        partial(moved_csv, workspace(), seen, lang()),
    )


def _problems(problems: Sequence[CatalogProblem]) -> None:
    notice("error", say("model_problems", n=len(problems)))
    columns = [
        TableColumn("line", say("model_line"), "number", values=True),
        TableColumn("key", say("model_place")),
        TableColumn("found", say("model_found")),
        TableColumn("expected", say("model_expected")),
    ]
    rows = [
        Row(
            [
                Cell(str(problem.line or "—")),
                Cell(problem.key),
                Cell(problem.found),
                Cell(
                    problem.expected.text(lang()),
                    note=say("model_hint", hint=problem.hint) if problem.hint else "",
                ),
            ]
        )
        for problem in problems[:_MOST_PROBLEMS]
    ]
    show_table("model-problems", columns, rows, dense=True)
