"""Before an import is written: a map of where its points would lie, and the tiers that would change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any, Final

import streamlit as st
from streamlit_folium import st_folium

from riskmap.actions.import_outlook import KINDS, ImportEffect, ImportOutlook, PlannedPlaces, import_outlook
from riskmap.actions.importing import FileImport
from riskmap.catalog import Layer
from riskmap.rules.shift import PositionShift
from riskmap.texts import tier_reason
from riskmap.values.import_plan import ImportPlan
from riskmap.vocabulary import TIER_TITLES
from riskmap.web.frame import downloads
from riskmap.web.frame.background import district_frame, ground, plain_view
from riskmap.web.frame.shell import section
from riskmap.web.frame.state import lang, say, snapshot, workspace
from riskmap.web.widgets.filters import NOTHING
from riskmap.web.widgets.map import Bounds, PlannedPoints, build_map, showing
from riskmap.web.widgets.panels import (
    Cell,
    FigureRef,
    Row,
    TableColumn,
    field_box,
    pager_of,
    point_address,
    show_table,
    tier_cell,
)
from riskmap.web.widgets.signing import notice

_OUTLOOKS: Final = "import-outlooks"


_HEIGHT: Final = 400


_CHANGES: Final = 12


_COLOURS: Final[Mapping[str, str]] = {
    "unchanged": "#8a97a8",
    "new": "#1b8a5a",
    "held": "#8d63b5",
    "moved": "#0b5cad",
    "outside": "#d7191c",
}


@dataclass(frozen=True, slots=True)
class _Kept:
    """An outlook for as long as its plan is looked at; `name` is that of its points for the browser."""

    plan: ImportPlan
    outlook: ImportOutlook
    name: str


def draw_outlook(layer: Layer, file: FileImport, key: str) -> None:
    """Draw map and tiers of one file; both are computed once for a plan, where that did not come with them."""
    kept = _kept(file, key)
    section(say("import_where"))
    with field_box("file", f"{key}-where"):
        _warn(file)
        if len(kept.outlook.places.lon):
            _where(kept, f"{key}-map")
        else:
            st.caption(say("import_where_none"))
    section(say("import_effect"))
    _tiers(layer, kept.outlook, f"{key}-tiers")


def no_outlooks() -> dict[str, Any]:
    """Return what a session holds of outlooks where no file is looked at."""
    return {_OUTLOOKS: {}}


def _kept(file: FileImport, key: str) -> _Kept:
    kept: dict[str, _Kept] = st.session_state.setdefault(_OUTLOOKS, {})
    found, plan = kept.get(key), file.plan
    if found is None or found.plan is not plan:
        outlook = file.outlook or import_outlook(workspace(), plan)
        number = st.session_state[f"{_OUTLOOKS}-made"] = st.session_state.get(f"{_OUTLOOKS}-made", 0) + 1
        found = kept[key] = _Kept(plan, outlook, f"{_OUTLOOKS}-{number}")
    return found


def _warn(file: FileImport) -> None:
    """Say above the map what it shows: that another datum would fit."""
    said = (issue for issue in file.place_issues if issue.rule in {"shifted_datum", "other_datum_fits"})
    if (issue := next(said, None)) is not None:
        notice("warning", issue.message.text(lang()))


def _where(kept: _Kept, key: str) -> None:
    places, shift = kept.outlook.places, kept.outlook.shift
    left, right = st.columns([2.6, 1], gap="medium")
    with right:
        st.html(_legend(places))
        st.text(_shift_text(shift))
    with left, st.container(key="planned-frame"):
        now = snapshot()
        view = plain_view(now, NOTHING, planned=_points(places, kept.name))
        st_folium(
            build_map(district_frame(now, embedded="planned", **ground())),
            key=key,
            height=_HEIGHT,
            use_container_width=True,
            returned_objects=[],
            feature_group_to_add=showing(view),
        )


def _points(places: PlannedPlaces, name: str) -> PlannedPoints:
    bounds, district = Bounds(*places.bounds), workspace().places
    if places.counts["outside"] and district is not None:
        west, south, east, north = district.district.bounds
        bounds = Bounds(
            min(west, bounds.west), min(south, bounds.south), max(east, bounds.east), max(north, bounds.north)
        )
    url = downloads.offer(name, "points.bin", places.packed)
    return PlannedPoints(url, bounds, [_COLOURS[kind] for kind in KINDS])


def _legend(places: PlannedPlaces) -> str:
    """Our own words and numbers, the kind that must be seen most first."""
    lines = "".join(
        f'<span><i style="background:{_COLOURS[kind]}"></i>{escape(say(f"import_kind_{kind}"))} <b>{n:,}</b></span>'
        for kind in reversed(KINDS)
        if (n := places.counts[kind])
    )
    return f'<div class="rm-legend-bar rm-legend-rows">{lines}</div>'


def _shift_text(shift: PositionShift | None) -> str:
    if shift is None:
        return say("import_shift_new")
    if not shift.moved:
        return say("import_shift_none", compared=f"{shift.compared:,}")
    return say(
        "import_shift",
        compared=f"{shift.compared:,}",
        moved=f"{shift.moved:,}",
        metres=f"{shift.median_m:,.0f}",
        bearing=shift.bearing.text(lang()),
    )


def _tiers(layer: Layer, outlook: ImportOutlook, key: str) -> None:
    effect = outlook.effect
    if outlook.refused is not None:
        with field_box("file", f"{key}-refused"):
            notice("error", say("import_effect_refused", text=outlook.refused.text(lang())))
    elif effect is None:
        st.caption(say("import_effect_unscored"))
    else:
        st.caption(say("import_effect_lead" if effect.assessed else "import_effect_first_load"))
        left, right = st.columns([1, 2], gap="medium")
        with left:
            _counts(layer, effect, f"{key}-counts")
        with right, field_box("file", f"{key}-changed"):
            _changes(layer, effect, f"{key}-changes")


def _counts(layer: Layer, effect: ImportEffect, key: str) -> None:
    """The standings of the layer as they are in the ledger, and as the file would make them."""
    columns = [
        TableColumn("tier", say("list_tier"), "tier-cell"),
        TableColumn("now", say("import_effect_now"), "number"),
        TableColumn("after", say("import_effect_after"), "number", values=True),
        TableColumn("more", say("import_effect_more"), "number", values=True),
    ]
    rows = []
    for word, now in effect.before.items():
        after = effect.after[word]
        more = f"{after - now:+,}" if after != now else "0"
        rows.append(
            Row(
                [
                    tier_cell(word),
                    Cell(
                        f"{now:,}",
                        quiet=not now,
                        figure=FigureRef(f"records.standing.{layer.id}.{word}"),
                    ),
                    Cell(f"{after:,}", quiet=not after),
                    Cell(more, quiet=after == now),
                ]
            )
        )
    show_table(key, columns, rows, dense=True)


def _changes(layer: Layer, effect: ImportEffect, key: str) -> None:
    if effect.first:
        words = [f"{TIER_TITLES[word].text(lang())} {n:,}" for word, n in effect.first.items()]
        total = f"{sum(effect.first.values()):,}"
        st.text(say("import_effect_first", n=total, tiers=say("comma").join(words)))
    if not effect.changes:
        st.markdown(f":green[✓] {say('import_no_tier_change')}")
        return
    st.text(say("import_tier_changes", n=f"{len(effect.changes):,}"))
    pager = pager_of(key, len(effect.changes), _CHANGES)
    columns = [
        TableColumn("code", say("list_code"), "code"),
        TableColumn("name", say("list_name")),
        TableColumn("before", say("import_effect_now"), "tier-cell"),
        TableColumn("after", say("import_effect_after"), "tier-cell"),
        TableColumn("why", say("import_why")),
    ]
    rows = [
        Row(
            [
                Cell(one.code, href=point_address(layer.id, one.code)),
                Cell(one.name),
                tier_cell(one.before),
                tier_cell(one.after),
                Cell("\n".join(tier_reason(layer, one.inputs, one.rules, one.missing, lang()))),
            ]
        )
        for one in effect.changes[pager.start : pager.stop]
    ]
    show_table(key, columns, rows, pager=pager if pager.pages > 1 else None, dense=True)
