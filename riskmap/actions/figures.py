"""The figures of a workspace: its files and those that are shipped, told for a period and a day of the ledger."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from riskmap.actions.inventory.listing import make_selection
from riskmap.actions.records.changes import tier_changes_since
from riskmap.actions.records.work import work_tallies
from riskmap.actions.workspace import Workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.catalog import Catalog, Condition
from riskmap.catalog.problems import read_text
from riskmap.errors import CatalogError, CatalogProblem, Lang, RiskmapError, SelectionError, Text
from riskmap.json_documents import Document
from riskmap.later import later
from riskmap.ledger.work import MoveMade
from riskmap.moments import as_of_json, iso_second, last_moment, local_day, local_now, parse_as_of, utc_now
from riskmap.reports.figures import (
    FOLDER,
    Address,
    Engine,
    Figures,
    FigureValue,
    State,
    bind_figures,
    default_figures,
    figures_document,
)
from riskmap.reports.figures.definition import base_of
from riskmap.reports.periods import Period, Shift, earlier, parse_period
from riskmap.selection import (
    Ring,
    Selection,
    area_of,
    area_text,
    polygon_of,
    ring_of,
    select,
    where_text,
)
from riskmap.selection.filters import polygon
from riskmap.vocabulary import TIERS

if TYPE_CHECKING:
    from riskmap.actions.episode import playback, roster
    from riskmap.actions.records import handed_in, reminders
else:  # storms, rosters and what is due stand on terrain and hazards, which few figures ask for and covers never
    playback = later("riskmap.actions.episode.playback")
    roster = later("riskmap.actions.episode.roster")
    handed_in = later("riskmap.actions.records.handed_in")
    reminders = later("riskmap.actions.records.reminders")

SHIPPED: Final = "riskmap/reports"
"""What stands before the name of a file that is shipped, where one of the workspace has its own name alone."""


@dataclass(frozen=True, slots=True)
class ToldFigures:
    """What was asked for: `figures` in the order of their files, `failed` by id."""

    figures: tuple[FigureValue, ...]
    failed: Mapping[str, RiskmapError] = field(default_factory=dict[str, RiskmapError])

    def as_json(self, lang: Lang = "zh") -> Document:
        """Return the document of `riskmap figures --json`."""
        said = {one: _said(problem) for one, problem in self.failed.items()}
        return figures_document(self.figures, said, lang)


def _said(problem: RiskmapError) -> tuple[Text, Text]:
    zh, en = (problem.as_json(lang)["remedy"] or "" for lang in ("zh", "en"))
    return problem.say, Text(zh, en)


def figure_files(
    root: Path, folder: str, defaults: Mapping[str, str]
) -> list[tuple[str, str | CatalogError, bool]]:
    """Return name, text (or why it cannot be read) and whether it is the workspace's own, of the files of a folder.

    A workspace's file takes the place of the shipped one of its name.
    """
    own = {path.name: path for path in sorted((root / folder).glob("*.toml"))}
    found: list[tuple[str, str | CatalogError, bool]] = [
        (f"{SHIPPED}{folder.removeprefix('reports')}/{name}", text, False)
        for name, text in defaults.items()
        if name not in own
    ]
    for name, path in own.items():
        try:
            found.append((f"{folder}/{name}", read_text(path, f"{folder}/{name}"), True))
        except CatalogError as problem:
            found.append((f"{folder}/{name}", problem, True))
    return found


def figures_of(ws: Workspace) -> Figures:
    """Return every figure of a workspace, held against its layers."""
    files = figure_files(ws.root, FOLDER, default_figures())
    return _bound(tuple(files), _Catalog(ws.catalog))


def shipped_figures(ws: Workspace) -> Figures:
    """Return the figures that are shipped, held against the layers of a workspace."""
    files = [(f"{SHIPPED}/figures/{name}", text, False) for name, text in default_figures().items()]
    return _bound(tuple(files), _Catalog(ws.catalog))


@dataclass(frozen=True, slots=True, eq=False)
class _Catalog:
    """A catalog as the object that it is: what was made of it once stays true."""

    value: Catalog

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Catalog) and other.value is self.value


@lru_cache(maxsize=8)
def _bound(files: tuple[tuple[str, str | CatalogError, bool], ...], catalog: _Catalog) -> Figures:
    return bind_figures(files, catalog.value.layers, dict(_broken(catalog.value)))


def _broken(catalog: Catalog) -> Iterator[tuple[str, CatalogProblem]]:
    for fault in catalog.faults:
        if fault.kind == "layers" and fault.id not in catalog.layers:
            yield fault.id, fault.problems[0]


def state_of(ws: Workspace, as_of: dt.date | None = None) -> State:
    """Return the ledger of now, or of a past day or moment, as figures are counted from it."""
    return State(
        snapshot=current_snapshot(ws, as_of=as_of),
        layers=ws.catalog.layers,
        today=local_now().date() if as_of is None else local_day(as_of),
        as_of=iso_second(utc_now()) if as_of is None else str(as_of_json(as_of)),
        asked="" if as_of is None else str(as_of_json(as_of)),
        week_starts=ws.config.week_starts,
        moves=partial(_moves, ws, as_of),
        earlier=partial(_earlier, ws, as_of),
        tally=partial(_tally, ws, as_of),
    )


def _tally(
    ws: Workspace, as_of: dt.date | None, what: str, period: Period | None
) -> Mapping[str, int] | None:
    """Return what the ledger keeps beside its records; of tiers that changed, those of a period; None where a past day
    cannot be told: what is due, or has come, is asked of today.
    """
    if what in _TODAY:
        return _TODAY[what](ws) if as_of is None else None
    moment = None if as_of is None else last_moment(as_of)
    if what == "rejected":
        return Counter(one.layer for one in ws.ledger.rejected(as_of=moment))
    if what == "held":
        return ws.ledger.held_counts(as_of=moment)
    if what == "scenarios" or what.startswith("storm_"):
        return playback.storm_tally(ws, what, until=moment)
    if period is None:
        return work_tallies(ws, as_of=as_of)[what]
    today = local_now().date() if as_of is None else local_day(as_of)
    until = period.last if period.last < today else as_of
    return tier_changes_since(ws, period.first, as_of=until).tally(what)


def _desks(ws: Workspace) -> Mapping[str, int] | None:
    """Return at how many desks of the roster somebody, and nobody, is on duty now; None without one."""
    if ws.catalog.by_role("duty") is None:
        return None
    return Counter("held" if one.shifts else "empty" for one in roster.on_duty(ws).desks)


_TODAY: Final[Mapping[str, Callable[[Workspace], Mapping[str, int] | None]]] = {
    "reminders": lambda ws: Counter(one.layer for one in reminders.reminders_due(ws)),
    "handed_in": lambda ws: {
        one.layer: len(one.streets) - len(one.missing) for one in handed_in.handed_in(ws)
    },
    "desks": _desks,
}


def _moves(ws: Workspace, as_of: dt.date | None, layer: str) -> Sequence[MoveMade]:
    moment = None if as_of is None else last_moment(as_of)
    return ws.ledger.moves_made(ws.catalog.layer(layer), as_of=moment)


def _earlier(ws: Workspace, as_of: dt.date | None, shift: Shift) -> State:
    day = local_now().date() if as_of is None else local_day(as_of)
    return state_of(ws, earlier(day, shift))


def period_of(ws: Workspace, text: str | None) -> Period | None:
    """Return the period that a text writes, with the weeks of this workspace; None for none."""
    return parse_period(text, week_starts=ws.config.week_starts) if text else None


def engine_of(ws: Workspace, *, period: Period | None = None, as_of: dt.date | None = None) -> Engine:
    """Return what tells the figures of a workspace, of a period and a day of its ledger.

    Pages, covers and documents ask `Engine.value(id)` for a number: value, text, unit, period, as-of and address.
    """
    return Engine(figures_of(ws), state_of(ws, as_of), period)


def told_figures(
    ws: Workspace,
    ids: Sequence[str] = (),
    *,
    period: Period | None = None,
    as_of: dt.date | None = None,
    engine: Engine | None = None,
) -> ToldFigures:
    """Return figures by id (all where none is named; a file's name means all of it), with those that failed.

    A figure that is shipped and lies over a layer that the workspace lacks is left out, unless it is asked for.
    """
    engine = engine or engine_of(ws, period=period, as_of=as_of)
    values: list[FigureValue] = []
    failed: dict[str, RiskmapError] = {}
    wanted = list(_wanted(engine.figures, ids))
    for one in engine.figures.failed:
        if not ids or one.id in wanted:
            failed[one.id] = RiskmapError(one.message.zh, one.message.en)
    for one in wanted:
        try:
            if one not in failed:
                values.append(engine.value(one))
        except RiskmapError as problem:
            failed[one] = problem
    return ToldFigures(tuple(values), failed)


def _wanted(figures: Figures, ids: Sequence[str]) -> Iterator[str]:
    """Yield the ids of what is asked for, files in the order of their figures."""
    lost = [one.id for one in figures.failed]
    if not ids:
        yield from _by_file(figures)
        return
    for one in dict.fromkeys(ids):
        inside = [each for each in (*_by_file(figures), *lost) if each.startswith(f"{one}.")]
        whole = base_of(one, figures.usable) == one or "." not in one
        yield from inside if inside and whole and "." not in one else (one,)


def _by_file(figures: Figures) -> list[str]:
    """Return the ids that can be told, file by file in the order of their names, those of a file in its order."""
    found = sorted(figures.usable.values(), key=lambda one: one.id.partition(".")[0])
    return [one.id for one in found]


def addressed(ws: Workspace, query: str | Address) -> tuple[Selection, dt.date | None]:
    """Return the selection that an address asks for, and the past day or moment whose ledger it is; None for now."""
    address = query if isinstance(query, Address) else Address.parse(query)
    as_of = parse_as_of(address.as_of) if address.as_of else None
    chosen = make_selection(
        ws,
        layers=address.layers,
        where=address.where,
        subdistricts=address.subdistricts,
        within=polygon_of(area_of(address.area)) if address.area else None,
        text=address.text,
        as_of=as_of,
    )
    return chosen, as_of


def address_of(ws: Workspace, selection: Selection, *, as_of: dt.date | None = None) -> Address | None:
    """Return the address of the records of a selection, None where none leads to these very records.

    It says an area with one outline of few corners, and some codes; a file of polygons it does not.
    """
    try:
        address = Address(
            selection.layers,
            tuple(_conditions(selection)),
            selection.subdistricts,
            "" if as_of is None else str(as_of_json(as_of)),
            selection.text,
            "" if selection.within is None else area_text(_ring(selection.within)),
        )
        chosen, _ = addressed(ws, address)
        snapshot = current_snapshot(ws, as_of=as_of)
        found, wanted = (select(snapshot, one).rows for one in (chosen, selection))
    except SelectionError:
        return None
    same = all(np.array_equal(rows, found.get(layer, ())) for layer, rows in wanted.items())
    return address if same and found.keys() == wanted.keys() and len(selection.codes) <= MOST_CODES else None


MOST_CODES: Final = 200
"""Records that an address names by their codes: four thousand letters, which every browser takes."""


def _conditions(selection: Selection) -> Iterator[str]:
    """Yield what a selection says beside layers, sub-districts, text and area, as conditions."""
    yield from map(where_text, selection.where)
    if selection.tiers:
        yield f"tier in {','.join(selection.tiers)}"
    if selection.states:  # a register knows states of its own by this word
        standings = {"rated": TIERS, "unrated": ("unrated",)}
        yield f"tier in {','.join(one for state in selection.states for one in standings[state])}"
    if selection.flags:
        yield f"flags in {','.join(selection.flags)}"
    if selection.codes:
        yield where_text(Condition(field="code", op="in", value=selection.codes))


def _ring(wkb: bytes) -> Ring:
    """Return the one outline of an area. SelectionError where it has several, or too many corners."""
    shape = polygon(wkb)
    rings = shapely.get_parts(shapely.get_rings(shape)).tolist()
    return ring_of(shapely.get_coordinates(rings[0])[:-1].tolist() if len(rings) == 1 else ())
