"""Before the storm: from what was issued to a kept scenario, its call-out and the moves of people.

`prepare` computes and writes nothing; `keep` puts the result into the ledger as a scenario.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from riskmap.actions.episode.duty import callout_view
from riskmap.actions.episode.inputs import Given, must_be_there
from riskmap.actions.episode.playback import moves_of
from riskmap.actions.episode.scenario import Prepared, keep, prepare
from riskmap.actions.reports import CALLOUTS, check_target, export_callout
from riskmap.actions.workspace import Workspace
from riskmap.errors import RiskmapError, Text
from riskmap.interface import option
from riskmap.json_documents import named
from riskmap.moments import iso_second, moment_of
from riskmap.progress import UNWATCHED, Progress
from riskmap.rules.permissions import Actor
from riskmap.values.duty import CalloutView
from riskmap.values.evacuation import EvacuationPlan
from riskmap.values.hazards import Escalation
from riskmap.vocabulary import RANKS, TIERS


@dataclass(frozen=True, slots=True)
class Preparation:
    """A computed scenario with its `number` where it was kept, whom to call, and who moves where.

    `moves` None: none were planned, for want of a table of people or because it `failed`; `notes` say so.
    """

    found: Prepared
    number: int | None
    callout: CalloutView | None
    moves: EvacuationPlan | None
    failed: bool
    notes: tuple[Text, ...]

    @property
    def raised(self) -> dict[str, int]:
        """How many risks are raised to each tier at their worst."""
        worst = self.found.worst.items()
        tiers = Counter(RANKS[rank] for (layer, _), rank in worst if layer not in self.found.others)
        return {tier: tiers.get(tier, 0) for tier in TIERS}

    @property
    def skipped(self) -> dict[str, list[str]]:
        """Triggers that were not looked at for want of data, by layer."""
        return {layer: list(one.skipped) for layer, one in self.found.outcomes.items() if one.skipped}

    @property
    def complete(self) -> bool:
        """Whether everything could be judged and everybody has a place."""
        return not (self.found.unknown or self.failed or (self.moves and self.moves.unplaced))


def prepare_and_report(
    ws: Workspace,
    given: Given,
    *,
    people: Path | None = None,
    crs: str | None = None,
    keep_it: bool = True,
    to: Path | None = None,
    by: Actor,
    why: str,
    progress: Progress = UNWATCHED,
) -> Preparation:
    """Compute and keep a scenario, with its call-out and moves; write the papers of the call-out `to` a file.

    The call-out needs a kept scenario; without one there is none. Nothing is kept where anything that
    was given cannot be used: the people and the ending of `to` are looked at first. Stopped by its `progress`, it
    raises Cancelled and kept nothing; once a scenario is kept it cannot be stopped.
    """
    if to is not None:
        if not keep_it:
            raise RiskmapError(
                f"{to}：只算不存时没有叫应单；请去掉 {option('dry-run')} 或 {option('to')}",
                f"{to}: nothing is kept, so there is no call-out; leave out {option('dry-run', 'en')} or {option('to', 'en')}",
            )
        check_target(to, CALLOUTS)
    if people is not None:
        must_be_there(people)
    computing, moving, keeping = progress.parts(6, 3, 1)
    found = prepare(ws, given, progress=computing)
    moves: EvacuationPlan | None = None
    failed = False
    notes = list(found.notes)
    table = people or ws.people_table
    if table is None:
        notes.append(
            Text(
                f"没有人口表，未安排转移；见 {option('people')}",
                f"no table of people, so no moves were planned; see {option('people', 'en')}",
            )
        )
    else:
        try:
            moves = moves_ahead(ws, found, table, crs=crs, progress=moving)
        except RiskmapError as problem:
            if people is not None:
                raise
            # The workspace's own table must not keep anybody from seeing what is in danger.
            notes.append(Text(f"未安排转移：{problem.say.zh}", f"no moves were planned: {problem.say.en}"))
            failed = True
    keeping.step(0, 1, KEEPING)
    number = keep(ws, found, by=by, why=why) if keep_it else None
    view = None if number is None else callout_view(ws, number, now=moment_of(found.at))
    if view is not None and to is not None:
        keeping.written.step(1, 2, _PAPERS)
        export_callout(view, to, by=by)
    return Preparation(found, number, view, moves, failed, tuple(notes))


KEEPING: Final = Text("存入台账", "keeping the scenario")


_PAPERS: Final = Text("写叫应单", "writing the call-out")


def moves_ahead(
    ws: Workspace,
    found: Prepared,
    people: Path,
    *,
    crs: str | None = None,
    progress: Progress = UNWATCHED,
) -> EvacuationPlan:
    """Return who would move where in a computed scenario, before it is kept: see `moves_of`."""
    closed, typhoon = [one.code for one in found.closed], bool(found.tracks)
    return moves_of(ws, people, found.worst, closed=closed, typhoon=typhoon, crs=crs, progress=progress)


@dataclass(frozen=True, slots=True)
class ReachedTier:
    """A tier that an escalation reaches; `cause` and the numbers are what its trigger saw at its worst."""

    layer: str
    code: str
    before: str = field(metadata=named("from"))
    to: str
    cause: str
    start: str
    expiry: str
    trigger: str
    value: float | None
    low: float | None
    high: float | None


def reached_tiers(one: Escalation) -> list[ReachedTier]:
    """Return an escalation as `riskmap prepare --json` prints it: one entry for each tier that it reaches."""
    numbers = [None if np.isnan(v) else round(float(v), 2) for v in (one.value, one.low, one.high)]
    return [
        ReachedTier(
            *(one.layer, one.code, RANKS[one.rank_from], RANKS[span.rank], one.cause.zh),
            *(iso_second(span.start), iso_second(span.expiry), one.trigger, *numbers),
        )
        for span in one.spans
    ]
