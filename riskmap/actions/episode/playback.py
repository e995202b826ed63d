"""A kept scenario as the map and the lists read it: raised records, hour by hour, with their causes."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from riskmap.actions.episode.evacuation import danger_zones, evacuation
from riskmap.actions.episode.events import shut_shelters
from riskmap.actions.episode.scenario import each_once, others_of, raised
from riskmap.actions.workspace import Workspace
from riskmap.actions.workspace.snapshots import current_snapshot
from riskmap.json_documents import Document
from riskmap.progress import UNWATCHED, Progress
from riskmap.response.playback import counts_by_hour, raised_bytes
from riskmap.selection import Snapshot
from riskmap.values.evacuation import EvacuationPlan
from riskmap.values.scenario import Recorded, RecordedScenario
from riskmap.vocabulary import RANK_OF, RANKS

_HOUR_S = 3600


_DAY_S = 86_400


RADIUS_M: Final = 100.0


"""How far around a point people are in danger, metres: our working value (draft), a district states its own."""


class _Spans(NamedTuple):
    """One entry for every rank that a record reaches for a while, worst first: parallel arrays.

    `start` and `stop`, the hour after its last, are indexes of the scenario's hours.
    """

    ids: NDArray[np.int64]
    rank: NDArray[np.uint8]
    before: NDArray[np.uint8]
    start: NDArray[np.int64]
    stop: NDArray[np.int64]


@dataclass(frozen=True)
class Storm:
    """A scenario with everything that it raised; rows of `raised` worst and soonest first.

    Counts leave out `others`, the layers that are no risk.
    """

    scenario: RecordedScenario
    raised: tuple[Recorded, ...]
    snapshot: Snapshot
    others: frozenset[str] = frozenset()

    @cached_property
    def hours(self) -> NDArray[np.int64]:
        """Return the hours of the scenario, seconds since 1970, UTC."""
        return np.asarray(self.scenario.body["times"], np.int64)

    @cached_property
    def document(self) -> Document:
        """Return what `riskmap.response.playback` describes, without anything that names a record."""
        body = self.scenario.body
        spans = self._spans
        risks = np.isin(spans.ids, [one.feature_id for one in self.raised if self._counts(one)])
        now = int(np.searchsorted(self.hours, int(self.scenario.at.timestamp()), side="right")) - 1
        return {
            "times": body["times"],
            "now": min(max(now, 0), len(self.hours) - 1),
            "tracks": body.get("tracks", []),
            "cone": body.get("cone"),
            "rain": body.get("rain", []),
            "counts": counts_by_hour(
                spans.ids[risks], spans.start[risks], spans.stop[risks], spans.rank[risks], len(self.hours)
            ),
        }

    @cached_property
    def points(self) -> bytes:
        """Return the raised records as `riskmap.response.playback.raised_bytes` lays them out."""
        spans = self._spans
        lon, lat, layer = _places(self.snapshot, spans.ids)
        return raised_bytes(
            ids=spans.ids.astype(np.uint32),
            lon=lon,
            lat=lat,
            start=spans.start,
            stop=spans.stop,
            rank=spans.rank,
            before=spans.before,
            layer=layer,
        )

    def moment(self, now: dt.datetime) -> dt.datetime:
        """Return the present while the scenario lasts (and two days more), else the moment it was computed for.

        A storm of years ago is looked at as it was, not as if everything were over.
        """
        seconds = now.timestamp()
        lasts = self.hours[0] - _DAY_S <= seconds <= self.hours[-1] + 2 * _DAY_S
        return now if lasts else self.scenario.at

    def why(self, feature_id: int) -> list[Recorded]:
        """Return what raised a record, worst first."""
        return [one for one in self.raised if one.feature_id == feature_id]

    @cached_property
    def worst(self) -> tuple[Recorded, ...]:
        """Return each record once, at its worst: worst and soonest first."""
        return each_once(self.raised)

    def tiers(self) -> Counter[str]:
        """Return how many risks were raised to each tier at their worst."""
        return Counter(RANKS[one.escalation.rank_to] for one in self.worst if self._counts(one))

    def _counts(self, one: Recorded) -> bool:
        return one.escalation.layer not in self.others

    @cached_property
    def _spans(self) -> _Spans:
        first = int(self.hours[0])
        every = [(one, span) for one in self.raised for span in one.escalation.spans]
        every.sort(key=lambda pair: -pair[1].rank)  # worst first; among equals the order stays
        start = np.array([span.start.timestamp() for _, span in every], np.float64)
        stop = np.array([span.expiry.timestamp() for _, span in every], np.float64)
        return _Spans(
            ids=np.array([one.feature_id for one, _ in every], np.int64),
            rank=np.array([span.rank for _, span in every], np.uint8),
            before=np.array([one.escalation.rank_from for one, _ in every], np.uint8),
            start=np.floor((start - first) / _HOUR_S).astype(np.int64),
            stop=np.ceil((stop - first) / _HOUR_S).astype(np.int64),
        )


def storm(ws: Workspace, scenario_id: int) -> Storm:
    """Return a kept scenario. RiskmapError where there is none with this number."""
    scenario = ws.ledger.scenario(scenario_id)
    return _storm(ws, scenario_id, scenario.changeset, scenario.recorded, current_snapshot(ws))


def storm_tally(ws: Workspace, what: str, *, until: dt.datetime | None = None) -> Mapping[str, int] | None:
    """Return how many "scenarios" were kept, until a moment; else, of the last one that is no drill, how many risks it
    raises by tier ("storm_raised"), cannot judge ("storm_unjudged"), or shelters it closes ("storm_closed"). None where
    there is no such one.
    """
    kept = [one for one in ws.ledger.scenarios() if until is None or one.recorded <= until]
    if what == "scenarios":
        return Counter("drill" if one.drill else "real" for one in kept)
    last = next((one for one in kept if not one.drill), None)
    if last is None:
        return None
    if what == "storm_raised":
        return storm(ws, last.id).tiers()
    if what == "storm_unjudged":
        return {"unknown": last.body.get("unknown_count", 0)}
    return Counter(one["layer"] for one in last.body.get("closed", []))


@lru_cache(maxsize=4)
def _storm(ws: Workspace, number: int, _changeset: int, _recorded: dt.datetime, snapshot: Snapshot) -> Storm:
    scenario = ws.ledger.scenario(number)
    return Storm(scenario, raised(ws, scenario), snapshot, others_of(ws))


def _places(
    snapshot: Snapshot, ids: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.uint8]]:
    """Return degrees and layer index of records; NaN where one is unlocated or no longer in the lists."""
    lon, lat = np.full((2, len(ids)), np.nan)
    layer = np.zeros(len(ids), np.uint8)
    for index, name in enumerate(snapshot.layers):
        table = snapshot.tables[name]
        known = table["feature_id"].to_numpy()
        if not len(known):
            continue
        order = np.argsort(known)
        at = order[np.minimum(np.searchsorted(known, ids, sorter=order), len(known) - 1)]
        mine = known[at] == ids
        lon[mine], lat[mine] = (table[axis].to_numpy()[at[mine]] for axis in ("lon", "lat"))
        layer[mine] = index
    return lon, lat, layer


@dataclass(frozen=True, slots=True)
class StormDifference:
    """What a scenario raises compared with an earlier one, in numbers of records."""

    added: int
    worse: int
    better: int
    gone: int


def difference(now: Storm, before: Storm) -> StormDifference:
    """Return what has changed since the last bulletin, each record at its worst."""
    new = {one.feature_id: one.escalation.rank_to for one in now.worst}
    old = {one.feature_id: one.escalation.rank_to for one in before.worst}
    both = new.keys() & old.keys()
    return StormDifference(
        added=len(new.keys() - old.keys()),
        worse=sum(new[k] > old[k] for k in both),
        better=sum(new[k] < old[k] for k in both),
        gone=len(old.keys() - new.keys()),
    )


def moved_from(ws: Workspace) -> tuple[str, ...]:
    """Return the layers whose raised records are danger zones for people.

    What the wind takes is fenced off, not moved from.
    """
    return tuple(layer.id for layer in ws.catalog.layers.values() if layer.moves_people)


def evacuation_of(
    ws: Workspace,
    of: Storm,
    people: Path,
    *,
    layers: Sequence[str] | None = None,
    at_least: int = RANK_OF["major"],
    radius: float = RADIUS_M,
    crs: str | None = None,
    whole: bool = False,
    roads: Path | None = None,
    roads_crs: str | None = None,
    shut: Collection[str] = (),
    before: EvacuationPlan | None = None,
    progress: Progress = UNWATCHED,
) -> EvacuationPlan:
    """Return who moves where in a kept scenario: see `moves_of`.

    Shelters that the log of the scenario closes take nobody, nor do those in `shut`.
    """
    known = set(of.snapshot.table(ws.catalog.needed("shelter").id)["code"].to_pylist())
    logged = [code for code in shut_shelters(ws, of.scenario.id) if code in known]
    return moves_of(
        ws,
        people,
        {(one.layer, one.code): one.rank_to for one in (record.escalation for record in of.worst)},
        closed=[str(one["code"]) for one in of.scenario.body.get("closed", ())],
        typhoon=bool(of.scenario.body.get("tracks")),
        layers=layers,
        at_least=at_least,
        radius=radius,
        crs=crs,
        whole=whole,
        roads=roads,
        roads_crs=roads_crs,
        shut=list(dict.fromkeys((*logged, *shut))),
        before=before,
        progress=progress,
    )


def moves_of(
    ws: Workspace,
    people: Path,
    worst: Mapping[tuple[str, str], int],
    *,
    closed: Sequence[str],
    typhoon: bool,
    layers: Sequence[str] | None = None,
    at_least: int = RANK_OF["major"],
    radius: float = RADIUS_M,
    crs: str | None = None,
    whole: bool = False,
    roads: Path | None = None,
    roads_crs: str | None = None,
    shut: Sequence[str] = (),
    before: EvacuationPlan | None = None,
    progress: Progress = UNWATCHED,
) -> EvacuationPlan:
    """Return who moves where: people of a table near records of `layers` raised to `at_least` (a rank) or worse.

    Without `layers` they are those of `moved_from`.
    `worst`: (layer, code) → the worst rank it is raised to. Points count within `radius` metres,
    polygons as they are; shelters that are `closed` by the storm or raised themselves are out, so are
    those that people have `shut`, outdoor ones in a `typhoon` too. `crs`: datum of the people, that of
    workspace.toml unless given; `roads` and `before` as in `evacuation`, whose plan this is.
    """
    near = moved_from(ws) if layers is None else layers
    codes = [f"{layer}:{code}" for (layer, code), rank in worst.items() if rank >= at_least and layer in near]
    shelters = ws.catalog.needed("shelter").id
    raised = [code for layer, code in worst if layer == shelters]
    return evacuation(
        ws,
        people,
        danger=danger_zones(ws, codes, radius=radius),
        crs=crs or ws.config.people_datum,
        roads=roads,
        roads_crs=roads_crs,
        before=before,
        closed=shut,
        endangered=list(dict.fromkeys((*closed, *raised))),
        typhoon=typhoon,
        whole=whole,
        progress=progress,
    )
