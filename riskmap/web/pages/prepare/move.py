"""转移 of the page 临灾: who moves to which shelter, and who has no place.

A shelter of the plan closes: the plan that changes least, and who goes where now.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import streamlit as st

from riskmap.actions.episode.evacuation import write_lists
from riskmap.actions.episode.events import close_shelters, shelter_names, shut_shelters
from riskmap.actions.episode.playback import RADIUS_M, Storm, evacuation_of, moved_from
from riskmap.actions.episode.relief_stock import request_beds, sent_since
from riskmap.actions.inventory.nearby import distance_text
from riskmap.actions.workspace import Workspace
from riskmap.errors import Lang, RiskmapError, Text
from riskmap.progress import Progress
from riskmap.rules.permissions import Actor
from riskmap.texts import t
from riskmap.values.evacuation import Differences, EvacuationPlan, Moved
from riskmap.vocabulary import RANKS, TIER_TITLES, TIERS
from riskmap.web.frame.running import Outcome
from riskmap.web.frame.state import lang, say, workspace
from riskmap.web.pages.importing.review import datum_title
from riskmap.web.pages.prepare.messages import ask_person, paper
from riskmap.web.widgets.panels import (
    Cell,
    Row,
    TableColumn,
    field_box,
    first_pages,
    pager_of,
    show_offer,
    show_table,
)
from riskmap.web.widgets.signing import carried_out, notice, person
from riskmap.web.widgets.uploads import Held, private_folder

_ROWS: Final = 20


_HEIGHT: Final = 300


_PLAN: Final = "prepare-plan"


_SHELTERS: Final = "prepare-move-shelters"


_BEDS: Final = "prepare-move-beds"


_SOME: Final = 5


_DATUMS: Final = ("cgcs2000", "wgs84", "gcj02", "bd09")


_ROAD_FILES: Final = ("geojson", "json", "csv")


@dataclass(frozen=True, slots=True)
class MoveRequest:
    """What a plan is made from; kept with it, so that the same is asked again when a shelter closes.

    `people` None: the table of the workspace, whose datum is stated there. `roads` None: straight lines.
    """

    people: Held | None
    people_datum: str | None
    roads: Held | None
    roads_datum: str | None
    layers: tuple[str, ...]
    at_least: int
    radius: float
    whole: bool

    def plan(
        self,
        ws: Workspace,
        shown: Storm,
        progress: Progress,
        *,
        words: Lang,
        shut: tuple[str, ...] = (),
        before: EvacuationPlan | None = None,
    ) -> EvacuationPlan:
        """Return the plan. RiskmapError, in words of this language, says what is wrong with which file."""
        with private_folder() as folder:
            own = ws.people_table
            people = self.people.written(folder, t("prepare_people_file", words)) if self.people else own
            if people is None:
                raise RiskmapError("没有转移人员表；请上传", "there is no table of people; upload one")
            roads = self.roads.written(folder, t("prepare_roads_file", words)) if self.roads else None
            return evacuation_of(
                ws,
                shown,
                people,
                crs=self.people_datum,
                layers=self.layers,
                at_least=self.at_least,
                radius=self.radius,
                whole=self.whole,
                roads=roads,
                roads_crs=self.roads_datum,
                shut=shut,
                before=before,
                progress=progress,
            )


@dataclass(frozen=True, slots=True)
class Made:
    """A plan as it is shown: `shut` shelters were closed on this page, `before` is the plan it changes."""

    scenario: int
    asked: MoveRequest
    plan: EvacuationPlan
    shut: tuple[str, ...] = ()
    before: EvacuationPlan | None = None
    number: int = 0


def move(shown: Storm) -> None:
    """Ask for the people and the danger, then show the plan, and plan again when a shelter closes."""
    kept: Made | None = st.session_state.get(_PLAN)
    made = kept if kept is not None and kept.scenario == shown.scenario.id else None
    with st.expander(say("prepare_move_again" if made else "prepare_move_form"), expanded=made is None):
        asked = _ask()
        ready = asked.people is not None or workspace().people_table is not None
        if st.button(say("prepare_move_run"), key="prepare-move-run", type="primary", disabled=not ready):
            number = made.number + 1 if made else 0
            act = partial(_planned, workspace(), shown, asked, number=number, words=lang())
            if carried_out("move", act) is not None:
                st.rerun()
    if made is not None:
        _plan(shown, made)
        draw(shown, made)


def _planned(
    ws: Workspace, shown: Storm, asked: MoveRequest, progress: Progress, *, number: int, words: Lang
) -> Outcome:
    plan = asked.plan(ws, shown, progress, words=words)
    return _kept(Made(shown.scenario.id, asked, plan, number=number))


def _kept(made: Made) -> Outcome:
    """Tell a plan; the session keeps it and shows its lists from the beginning."""
    counts = {"placed": f"{made.plan.placed:,}", "unplaced": f"{made.plan.unplaced:,}"}
    state = {_PLAN: made} | first_pages(_SHELTERS, CHANGES)
    tone = "warning" if made.plan.unplaced else "success"
    return Outcome("running_move_done", counts, tone, state=state)


def _ask() -> MoveRequest:
    own = workspace().people_table
    people = Held.of(
        st.file_uploader(say("prepare_people"), key="prepare-people-file", help=say("prepare_people_help"))
    )
    if people is None:
        st.caption(say("prepare_people_own", file=own.name) if own else say("prepare_people_none"))
    people_datum = _datum("prepare-people-datum", workspace().config.people_datum) if people else None
    roads = Held.of(
        st.file_uploader(
            say("prepare_roads"), _ROAD_FILES, key="prepare-roads-file", help=say("prepare_roads_help")
        )
    )
    roads_datum = _datum("prepare-roads-datum", "wgs84") if roads else None
    layers = st.multiselect(
        say("prepare_move_layers"),
        list(workspace().catalog.layers),
        default=list(moved_from(workspace())),
        format_func=lambda one: workspace().catalog.layer(one).title.text(lang()),
        key="prepare-move-layers",
        select_all=False,
    )
    left, middle, right = st.columns([1.1, 1, 1], vertical_alignment="bottom")
    tier = left.selectbox(
        say("prepare_move_from"),
        TIERS[:3],
        index=0,
        format_func=lambda t: TIER_TITLES[t].text(lang()),
        key="prepare-move-tier",
    )
    radius = middle.number_input(
        say("prepare_move_radius"), 10, 2000, int(RADIUS_M), 10, key="prepare-move-radius"
    )
    whole = right.checkbox(say("prepare_move_whole"), key="prepare-move-whole")
    return MoveRequest(
        people, people_datum, roads, roads_datum, tuple(layers), RANKS.index(tier), float(radius), whole
    )


def _datum(key: str, stated: str) -> str:
    """Ask in which datum the numbers of an uploaded file are; it is never guessed silently."""
    known = _DATUMS if stated in _DATUMS else (stated, *_DATUMS)
    return str(
        st.selectbox(say("prepare_datum"), known, index=known.index(stated), format_func=datum_title, key=key)
    )


def _plan(shown: Storm, made: Made) -> None:
    found = made.plan
    distance = found.distance_zh if lang() == "zh" else found.distance
    with field_box("plan"):
        st.markdown(
            say(
                "prepare_move_sum",
                people=f"{found.people:,}",
                placed=f"{found.placed:,}",
                unplaced=f"{found.unplaced:,}",
            )
        )
        st.caption(
            say("prepare_move_distance_roads" if made.asked.roads else "prepare_move_distance", how=distance)
        )
        if found.unplaced:
            reasons: Counter[str] = Counter()
            for one in found.unplaced_groups:
                reasons[one.why.text(lang())] += one.people
            lines = [say("prepare_move_unplaced", n=f"{found.unplaced:,}")]
            lines += [say("prepare_move_reason", why=why, n=f"{n:,}") for why, n in reasons.most_common()]
            notice("error", "\n".join(lines))
        if incomplete := found.incomplete:
            st.warning(say("prepare_move_incomplete", n=f"{len(incomplete):,}"))
    used = [one for one in found.shelters if one.used]
    pager = pager_of(_SHELTERS, len(used), _ROWS)
    show_table(
        _SHELTERS,
        [
            TableColumn("name", say("prepare_column_shelter")),
            TableColumn("used", say("prepare_column_used"), "number", values=True),
            TableColumn("free", say("prepare_column_free"), "number", values=True),
            TableColumn("gap", say("prepare_column_beds"), "number", values=True),
        ],
        [
            Row(
                [
                    Cell(one.name or one.code),
                    Cell(f"{one.used:,}"),
                    Cell(f"{one.free:,}"),
                    Cell("—" if one.beds_gap is None else f"{one.beds_gap:,}"),
                ]
            )
            for one in used[pager.start : pager.stop]
        ],
        pager=pager,
        height=_HEIGHT,
        dense=True,
        empty=say("prepare_move_nobody"),
    )
    _beds(shown, made)
    lists = partial(write_lists, workspace(), made.plan, scenario=shown.scenario, lang=lang())
    show_offer(
        "prepare-move-book",
        say("prepare_move_book"),
        f"{say('prepare_move_book_name')}-{made.scenario}.xlsx",
        partial(paper, "plan.xlsx", lists),
    )


def _beds(shown: Storm, made: Made) -> None:
    """Say what the shelters are short of, what the warehouses offer, and let the movements be recorded."""
    stock = made.plan.stock
    if stock is None or not (stock.beds_short or stock.beds_sent or stock.beds_not_stated):
        return
    names = shelter_names(workspace())
    lacking = stock.beds_short - stock.beds_offered
    by = say("prepare_beds_roads" if made.asked.roads else "prepare_beds_straight")
    text = say(
        "prepare_beds_sum",
        short=f"{stock.beds_short:,}",
        offered=f"{stock.beds_offered:,}",
        lacking=f"{lacking:,}",
        by=by,
    )
    with field_box("plan", "beds"):
        notice("warning" if lacking else "info", text)
    for key, codes in (
        ("prepare_beds_not_stated", stock.beds_not_stated),
        ("prepare_beds_unknown", stock.beds_unknown),
    ):
        if codes:
            some = say("comma").join(names.get(code, code) for code in codes[:_SOME]) + (
                "…" if len(codes) > _SOME else ""
            )
            with field_box("plan", key):
                st.caption(say(key, n=f"{len(codes):,}", codes=some))
    if not stock.bed_offers:
        return
    pager = pager_of(_BEDS, len(stock.bed_offers), _ROWS)
    show_table(
        _BEDS,
        [
            TableColumn("shelter", say("prepare_column_shelter")),
            TableColumn("warehouse", say("prepare_column_warehouse")),
            TableColumn("beds", say("prepare_column_beds_give"), "number", values=True),
            TableColumn("far", say("prepare_column_far"), "number", values=True),
        ],
        [
            Row(
                [
                    Cell(names.get(one.shelter, one.shelter)),
                    Cell(one.warehouse or one.line, note=one.line),
                    Cell(f"{one.beds:,} / {one.there:,}"),
                    Cell(distance_text(one.metres)),
                ]
            )
            for one in stock.bed_offers[pager.start : pager.stop]
        ],
        pager=pager,
        height=_HEIGHT,
        dense=True,
    )
    with st.form("prepare-beds-form"):
        ask_person("prepare-beds-person")
        pressed = st.form_submit_button(
            say("prepare_beds_request"), key="prepare-beds-run", help=say("prepare_beds_help")
        )
    if not pressed:
        return
    by_whom = person()
    if by_whom is None:
        notice("warning", say("sign_missing_person"))
    elif (
        carried_out("move", partial(_requested, workspace(), made, by=by_whom, why=shown.scenario.title))
        is not None
    ):
        st.rerun()


_WHY_BEDS: Final = "向避难场所调拨床位"


_REQUESTING: Final = Text("登记调拨", "recording the movements")


def _requested(ws: Workspace, made: Made, progress: Progress, *, by: Actor, why: str) -> Outcome:
    """Record the movements; the plan that is shown then knows what was sent."""
    progress.step(0, 1, _REQUESTING)
    assert made.plan.stock is not None
    done = request_beds(ws, made.plan.stock, by=by, why=f"{_WHY_BEDS}：{why}")
    plan = replace(made.plan, stock=sent_since(made.plan.stock))
    state = {_PLAN: replace(made, plan=plan, number=made.number + 1)} | first_pages(_BEDS)
    return Outcome(
        "running_beds_done",
        {"n": f"{len(done.records):,}", "changeset": str(done.changeset)},
        "success",
        state=state,
    )


CHANGES: Final = "prepare-move-changes"


_WHY: Final = "避难场所关闭，重排转移"


_LOGGING: Final = Text("登记关闭的场所", "logging the closing")


def draw(shown: Storm, made: Made) -> None:
    """Draw what the last closing changed, and the way to close more."""
    names = shelter_names(workspace())
    if made.before is not None and made.plan.differences is not None:
        _changed(made.plan, made.before, made.plan.differences, names)
    used = {one.code: one.used for one in made.plan.shelters}
    logged = shut_shelters(workspace(), shown.scenario.id)
    late = [code for code in logged if used.get(code)]
    # One form: no choice draws the page anew under the hand that makes the next one.
    with st.container(key="prepare-replan"), st.form("prepare-replan-form"):
        st.markdown(f"**{say('prepare_replan')}**")
        if late:  # somebody else closed it after the plan was made
            listed = say("comma").join(names.get(code, code) for code in late)
            notice("error", say("prepare_replan_late", names=listed))
        codes = st.multiselect(
            say("prepare_replan_which"),
            sorted(used, key=lambda code: -used[code]),
            default=late,
            format_func=lambda code: say(
                "prepare_replan_shelter", name=names.get(code, code), n=f"{used[code]:,}"
            ),
            key=f"prepare-close-{made.scenario}-{made.number}-{len(late)}",
            placeholder=say("prepare_replan_choose"),
            select_all=False,
        )
        on_record = st.checkbox(
            say("prepare_replan_log"), value=True, key="prepare-close-log", help=say("prepare_replan_trial")
        )
        ask_person("prepare-close-person")
        pressed = st.form_submit_button(say("prepare_replan_run"), key="prepare-replan-run", type="primary")
    if pressed:
        if codes:
            _run(shown, made, tuple(codes), on_record=on_record)
        else:
            notice("warning", say("prepare_replan_choose"))


def _run(shown: Storm, made: Made, codes: tuple[str, ...], *, on_record: bool) -> None:
    by = person() if on_record else None
    if on_record and by is None:
        notice("warning", say("sign_missing_person"))
        return
    act = partial(_revised, workspace(), shown, made, codes, by=by, words=lang())
    if carried_out("move", act) is not None:
        st.rerun()


def _revised(
    ws: Workspace,
    shown: Storm,
    made: Made,
    codes: tuple[str, ...],
    progress: Progress,
    *,
    by: Actor | None,
    words: Lang,
) -> Outcome:
    """Plan without the shelters that close, and then log, for `by`, that they do: both or neither."""
    planning, logging = progress.parts(9, 1)
    shut = (*made.shut, *codes)
    found = made.asked.plan(ws, shown, planning, words=words, shut=shut, before=made.plan)
    if by is not None:
        logging.step(0, 1, _LOGGING)
        close_shelters(ws, shown.scenario.id, codes, by=by, why=_WHY)
    return _kept(replace(made, plan=found, shut=shut, before=made.plan, number=made.number + 1))


def _changed(
    found: EvacuationPlan, before: EvacuationPlan, differences: Differences, names: Mapping[str, str]
) -> None:
    """Say who goes elsewhere than in the plan before: those left without a place first."""
    open_now = {one.code for one in found.shelters}
    closed = [one.code for one in before.shelters if one.code not in open_now]
    changes = sorted(differences.changes, key=lambda one: (one.after is not None, -one.people, one.group))
    text = say(
        "prepare_replan_sum",
        names=say("comma").join(names.get(code, code) for code in closed) or "—",
        moved=f"{differences.moved:,}",
        groups=f"{len({one.group for one in changes}):,}",
        stayed=f"{differences.stayed:,}",
    )
    with field_box("plan", "changes"):
        notice("info", text)
    if not changes:
        return
    pager = pager_of(CHANGES, len(changes), _ROWS)
    show_table(
        CHANGES,
        [
            TableColumn("group", say("prepare_column_group")),
            TableColumn("to", say("prepare_column_now")),
            TableColumn("people", say("prepare_column_people"), "number", values=True),
        ],
        [_row(one) for one in changes[pager.start : pager.stop]],
        pager=pager,
        height=_HEIGHT,
        dense=True,
    )


def _row(one: Moved) -> Row:
    now = one.after_name or one.after or say("prepare_replan_nowhere")
    was = one.before_name or one.before or say("prepare_replan_nowhere")
    return Row(
        [
            Cell(one.group, note=one.community or one.subdistrict or ""),
            Cell(now, note=say("prepare_replan_was", name=was)),
            Cell(f"{one.people:,}"),
        ]
    )
