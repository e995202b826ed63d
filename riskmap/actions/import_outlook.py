"""What an import would bring about, before it is committed: where its points would lie, and which tiers would change.

Tiers are computed by what the import itself would score with, from what it would write; nothing is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from riskmap.actions.records.scoring import basis_of_some, learned_of, plain
from riskmap.actions.tier_models import adopted_stamp
from riskmap.actions.workspace import Workspace
from riskmap.array_types import Floats
from riskmap.catalog import Layer
from riskmap.catalog.model import CHECKLIST_PREFIX, ScoringModel
from riskmap.errors import RiskmapError, Text
from riskmap.json_documents import Document, Json
from riskmap.ledger.planned_records import PlannedRecords
from riskmap.progress import UNWATCHED, Progress
from riskmap.rules.extras import is_extra
from riskmap.rules.shift import Moves, PositionShift, moves_of, shift_of
from riskmap.scoring import assess_table, fit_model
from riskmap.scoring.nearest import touched
from riskmap.values.assessment import Assessment
from riskmap.values.boundaries import Boundaries
from riskmap.values.import_plan import ImportPlan
from riskmap.vocabulary import RANKS, TIERS

# What would become of a point, in the order in which they are drawn: the last must be seen most.
_TRYING: Final = Text("试算写入后的等级", "computing the tiers after the import")


KINDS: Final = ("unchanged", "new", "held", "moved", "outside")


_NEARLY_ALL: Final = (0.01, 0.99)


_DEGREE: Final = 1e7  # of the whole numbers in which positions travel: a centimetre


@dataclass(frozen=True, slots=True, eq=False)
class PlannedPlaces:
    """Where the located rows of a file lie (degrees, EPSG:4490), sorted by `kind`: a place in `KINDS`.

    `moves`: from where known records would move there. A point outside the district is of that kind
    whatever else would become of it.
    """

    lon: Floats
    lat: Floats
    kind: NDArray[np.uint8]
    moves: Moves

    @property
    def counts(self) -> Mapping[str, int]:
        """How many points there are of each kind."""
        return dict(zip(KINDS, np.bincount(self.kind, minlength=len(KINDS)).tolist(), strict=True))

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north of points and former positions, single ones far away left out."""
        x, y = np.append(self.lon, self.moves.old_lon), np.append(self.lat, self.moves.old_lat)
        (west, east), (south, north) = (np.quantile(v, _NEARLY_ALL, method="nearest") for v in (x, y))
        return float(west), float(south), float(east), float(north)

    def packed(self) -> bytes:
        """Return what the map reads, little-endian: uint32 n, m; int32 lon[n], lat[n], old lon[m], old lat[m],
        lon[m], lat[m] in 1e-7 degrees; uint8 kind[n].
        """
        moves = self.moves
        columns = (self.lon, self.lat, moves.old_lon, moves.old_lat, moves.lon, moves.lat)
        head = np.array([len(self.lon), len(moves.row)], "<u4").tobytes()
        return (
            head
            + b"".join(np.rint(c * _DEGREE).astype("<i4").tobytes() for c in columns)
            + self.kind.tobytes()
        )


def planned_places(plan: ImportPlan, places: Boundaries | None) -> PlannedPlaces:
    """Return where an import would put its points, and what would become of each."""
    records, moves = plan.intake.records, moves_of(plan)
    kind = np.zeros(len(records), np.uint8)
    action = np.array(plan.actions, str) if len(records) else np.zeros(0, str)
    kind[action == "insert"] = KINDS.index("new")
    kind[moves.row] = KINDS.index("moved")
    kind[action == "held"] = KINDS.index("held")
    located = np.isfinite(records.lon)
    if places is not None:
        kind[located & ~places.in_district(records.lon, records.lat)] = KINDS.index("outside")
    order = np.flatnonzero(located)
    order = order[np.argsort(kind[order], kind="stable")]
    return PlannedPlaces(records.lon[order], records.lat[order], kind[order], moves)


@dataclass(frozen=True, slots=True)
class PlannedTier:
    """A record whose tier would change: `before` and `after` are words of `Layer.standing`.

    `row` is its row in the file, −1 where the file does not name it (the model compares it with others).
    `inputs`: what the model reads of it and the file changes, field → (before, after). `rules` are titles of
    direct rules that fire, `missing` required fields that it lacks.
    """

    code: str
    name: str
    row: int
    before: str
    after: str
    score_before: float | None
    score_after: float | None
    inputs: Mapping[str, tuple[Any, Any]]
    rules: tuple[Text, ...]
    missing: tuple[str, ...]

    def as_json(self) -> Document:
        """Return the change as the command line prints it."""
        return {
            "code": self.code,
            "before": self.before,
            "after": self.after,
            "score_before": self.score_before,
            "score_after": self.score_after,
            "inputs": {key: [cast("Json", plain(v)) for v in pair] for key, pair in self.inputs.items()},
            "rules": [title.zh for title in self.rules],
            "missing": list(self.missing),
        }


@dataclass(frozen=True, slots=True)
class ImportEffect:
    """Which tiers an import would change. Counts are by the words of `Layer.standing`, worst first.

    `scored` counts the records whose result the import can move. `before` and `after` count the active records of
    the layer. `first` counts those that would get a result for the first time, `changes` names those whose tier
    would become another, the worst first. `assessed`: whether the layer was assessed before; if not, everything
    here is what its first assessment would say.
    """

    scored: int
    assessed: bool
    before: Mapping[str, int]
    after: Mapping[str, int]
    first: Mapping[str, int]
    changes: tuple[PlannedTier, ...]

    def as_json(self) -> Document:
        """Return the effect as `riskmap import --dry-run --json` prints it."""
        return {
            "scored": self.scored,
            "assessed_before": self.assessed,
            "before": dict(self.before),
            "after": dict(self.after),
            "first": dict(self.first),
            "changed": len(self.changes),
            "changes": [one.as_json() for one in self.changes],
        }


def import_effect(ws: Workspace, plan: ImportPlan, *, progress: Progress = UNWATCHED) -> ImportEffect | None:
    """Return which tiers an import would change; None for a layer that nothing scores.

    As `commit_plan` scores: the records that are written, alone where their model lets it. A layer that
    was never assessed is scored as its first assessment would. CatalogError, ArtefactError or LedgerError say
    why it cannot be scored.
    """
    layer = ws.catalog.layer(plan.intake.layer)
    if layer.id not in ws.catalog.to_score:
        return None
    model = ws.catalog.model_of(layer.id)
    learned = learned_of(ws, layer.id)
    assessed = ws.ledger.assessed_digest(layer.id) is not None
    fit, alone = basis_of_some(ws, layer.id) if assessed else (None, False)
    settled = alone and ws.ledger.makers(layer.id).digests <= {model.digest}
    rows = _scored_anew(plan, _inputs(model) if settled else None)
    planned = ws.ledger.planned_records(plan, layer, touched(model), rows=rows, whole=not alone)
    progress.step(1, 3, _TRYING)
    fit = fit or fit_model(model, layer, planned.table, learned=learned)
    found = assess_table(model, layer, planned.table, fit=fit, learned=learned)
    progress.step(2, 3, _TRYING)
    return _effect(ws, plan, layer, planned, found, assessed=assessed)


def _inputs(model: ScoringModel) -> frozenset[str]:
    """Return the keys of changes that can move a model's result."""
    return frozenset("checklist" if f.startswith(CHECKLIST_PREFIX) else f for f in touched(model))


def _scored_anew(plan: ImportPlan, inputs: frozenset[str] | None) -> list[int]:
    """Return the rows that would be written; with `inputs` not those that change none of them."""
    return [
        i
        for i, action in enumerate(plan.actions)
        if action == "insert"
        or (
            action == "update"
            and (inputs is None or any(k in inputs or is_extra(k) for k in plan.changes[i]))
        )
    ]


def _effect(
    ws: Workspace,
    plan: ImportPlan,
    layer: Layer,
    planned: PlannedRecords,
    found: Assessment,
    *,
    assessed: bool,
) -> ImportEffect:
    rank, old = np.asarray(found.rank), planned.before
    listed = old.version >= 0
    after = planned.ranks - _by_rank(old.rank[listed]) + _by_rank(rank)
    moved = np.flatnonzero(old.known & (old.rank != rank))
    # The worst first; of these what came from farthest below.
    moved = moved[np.lexsort((moved, old.rank[moved], -rank[moved].astype(int)))]
    change = _Changes(plan, layer, ws.catalog.model_of(layer.id), planned, found, _rule_titles(ws, layer.id))
    return ImportEffect(
        len(rank),
        assessed,
        _standings(layer, planned.ranks),
        _standings(layer, after),
        {word: n for word, n in _standings(layer, _by_rank(rank[~old.known])).items() if n},
        tuple(change.of(int(i)) for i in moved),
    )


def _by_rank(ranks: NDArray[np.uint8]) -> NDArray[np.int64]:
    return np.bincount(ranks, minlength=len(RANKS)).astype(np.int64)


def _standings(layer: Layer, counts: NDArray[np.int64]) -> dict[str, int]:
    return {layer.standing(tier): int(counts[RANKS.index(tier)]) for tier in (*TIERS, "unrated")}


def _rule_titles(ws: Workspace, layer: str) -> Mapping[str, Text]:
    stamp = adopted_stamp(ws, layer)
    return stamp.rules if stamp else {}


@dataclass(frozen=True, slots=True)
class _Changes:
    plan: ImportPlan
    layer: Layer
    model: ScoringModel
    planned: PlannedRecords
    found: Assessment
    titles: Mapping[str, Text]

    def of(self, i: int) -> PlannedTier:
        """Return the change of tier of one record."""
        old, row = self.planned.before, int(self.planned.row[i])
        name = self.plan.intake.records.name[row] if row >= 0 else None
        return PlannedTier(
            self.planned.code[i],
            name if isinstance(name, str) else "",
            row,
            self.layer.standing(RANKS[int(old.rank[i])]),
            self.layer.standing(RANKS[int(self.found.rank[i])]),
            _number(old.score[i]),
            _number(self.found.score[i]),
            self._inputs(row),
            tuple(self.titles.get(rule, Text(rule, rule)) for rule in self.found.rules[i]),
            tuple(self.found.missing[i]),
        )

    def _inputs(self, row: int) -> Mapping[str, tuple[Any, Any]]:
        read = _inputs(self.model)
        return {key: pair for key, pair in self.plan.changes.get(row, {}).items() if key in read}


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


@dataclass(frozen=True, slots=True, eq=False)
class ImportOutlook:
    """What an import would bring about. `refused` says why no tier can be told: the layer's model cannot score."""

    places: PlannedPlaces
    shift: PositionShift | None
    effect: ImportEffect | None
    refused: RiskmapError | None = None

    def as_json(self) -> Document:
        """Return what `riskmap import --dry-run --json` says of it."""
        shift = self.shift
        positions: Document = dict(self.places.counts)
        if shift is not None:
            positions |= {
                "compared": shift.compared,
                "displaced": shift.moved,
                "median_m": round(shift.median_m, 1),
                "east_m": round(shift.east_m, 1),
                "north_m": round(shift.north_m, 1),
                "alike": shift.alike,
                "fits": shift.fits or None,
            }
        found: Document = {"positions": positions, "effect": self.effect and self.effect.as_json()}
        return found | ({"refused": self.refused.text("zh")} if self.refused else {})


def import_outlook(ws: Workspace, plan: ImportPlan, *, progress: Progress = UNWATCHED) -> ImportOutlook:
    """Return where an import would put its points and which tiers it would change; nothing is written."""
    effect, refused = None, None
    progress.step(0, 1, _TRYING)
    try:
        effect = import_effect(ws, plan, progress=progress)
    except RiskmapError as problem:
        refused = problem
    progress.step(1, 1, _TRYING)
    return ImportOutlook(planned_places(plan, ws.places), shift_of(plan), effect, refused)
