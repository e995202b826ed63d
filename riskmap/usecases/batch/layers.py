"""Layers of the ledger scored on a Dask cluster: the same kernel, the same numbers, saved as always."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa

from riskmap.assess import Fit, Predictor, assess_table, joined
from riskmap.assess.fit import needed_fit
from riskmap.assess.rows import touched
from riskmap.catalog import Layer, ScoringModel
from riskmap.records import Assessment
from riskmap.rules.permissions import Actor
from riskmap.usecases.assessing import assess_layers
from riskmap.usecases.batch.engines import Engine, check_engine, cluster, results
from riskmap.usecases.workspace import Workspace

SLICE_ROWS: Final = 1 << 16  # scored by one task


@dataclass(frozen=True, slots=True)
class _Shared:
    """What every slice of a layer is scored with; it travels to the workers once."""

    model: ScoringModel
    layer: Layer
    fit: Fit | None
    learned: Mapping[str, Predictor]


def assess_layers_on(
    ws: Workspace,
    layers: Sequence[str] = (),
    *,
    engine: Engine,
    scheduler: str | None,
    by: Actor,
    why: str,
) -> dict[str, Any]:
    """Score layers as `assess_layers` does, with `engine` "dask" on the cluster at `scheduler`.

    Fits are made and trained files loaded on this machine; workers need riskmap and neither the
    ledger nor any file. The same document, scores and fits as in this process. RiskmapError where the
    extra is not installed, nobody answers, a worker fails, or a trained model cannot travel;
    nothing is written then.
    """
    check_engine(engine, scheduler)
    if scheduler is None:
        return assess_layers(ws, layers, by=by, why=why)
    with cluster(scheduler) as client:
        return assess_layers(ws, layers, by=by, why=why, scorer=_scorer(client))


def _scorer(client: Any) -> Callable[..., Assessment]:
    def score(
        model: ScoringModel,
        layer: Layer,
        table: pa.Table,
        *,
        fit: Fit | None = None,
        learned: Mapping[str, Predictor] | None = None,
    ) -> Assessment:
        shared = _Shared(model, layer, needed_fit(model, fit), learned or {})
        slices = [_packed(part) for part in _slices(model, table)]
        found = dict(results(client, _score_slice, shared, slices))
        return joined([found[at] for at in range(len(slices))])

    return score


def _slices(model: ScoringModel, table: pa.Table) -> list[pa.Table]:
    """Return the columns that the model reads, cut by rows; a table without rows is one slice."""
    wanted = {"feature_id", "checklist", *(f"f:{name}" for name in touched(model))}
    read = table.select([name for name in table.column_names if name in wanted])
    return [read.slice(start, SLICE_ROWS) for start in range(0, max(read.num_rows, 1), SLICE_ROWS)]


def _packed(part: pa.Table) -> bytes:
    # As a stream, which holds the rows of the slice and not the whole columns behind it.
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, part.schema) as out:
        out.write_table(part)
    return sink.getvalue().to_pybytes()


def _score_slice(shared: _Shared, packed: bytes) -> Assessment:
    with pa.ipc.open_stream(packed) as stream:
        table = stream.read_all()
    return assess_table(shared.model, shared.layer, table, fit=shared.fit, learned=shared.learned)
