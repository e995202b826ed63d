"""The records that an import would write, as they would be scored after it; nothing is written.

Decided as the import itself decides, and read through the same texts that it would store.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa
from numpy.typing import NDArray

from riskmap.catalog.layer import Layer
from riskmap.ledger import schema as s
from riskmap.ledger.assessments import Results, read_results
from riskmap.ledger.column_reading import inputs_of, read_inputs
from riskmap.ledger.columns import write_checklist
from riskmap.ledger.importing import decide, drafts
from riskmap.ledger.merging import unmasked
from riskmap.ledger.revisions import dump_body, stated_values
from riskmap.ledger.rollups import with_rollups
from riskmap.ledger.store import Store, no_cycles
from riskmap.rules.arrays import bools_of, numbers_of, pc
from riskmap.values.import_plan import ImportPlan
from riskmap.vocabulary import RANKS, UNRATED


@dataclass(frozen=True, slots=True)
class PlannedRecords:
    """What would be scored after an import, in columns that run parallel.

    `table` has the columns of `Ledger.scoring_columns`. `row` is the row of the file that states a record, −1
    where the file says nothing of it; `code` its code; `before` its result so far. `ranks` counts the active
    records of the layer as they are now, by rank.
    """

    table: pa.Table
    row: NDArray[np.int64]
    code: tuple[str, ...]
    before: Results
    ranks: NDArray[np.int64]


def planned_records(
    store: Store,
    plan: ImportPlan,
    layer: Layer,
    fields: Collection[str],
    *,
    rows: Sequence[int],
    whole: bool,
) -> PlannedRecords:
    """Return the records that some rows of a plan insert or update; with `whole` all others of the layer, too.

    LedgerError names the first record of which a field cannot be read.
    """
    with no_cycles(), store.reading() as connection:
        found = list(_planned(store, connection, plan, rows))
        names = ("row", "code", "id", "version", "checklist", "body")
        columns = zip(*found, strict=True) if found else [()] * len(names)
        cells: dict[str, Sequence[Any]] = dict(zip(names, columns, strict=True))
        stated = inputs_of(cells, layer, fields)
        table = with_rollups(connection, store.layers, layer, stated, fields=fields).whole()
        row, code = np.array(cells["row"], np.int64), tuple(cells["code"])
        if whole:
            stated = read_inputs(connection, layer, fields, codes=None)
            others = with_rollups(connection, store.layers, layer, stated, fields=fields).whole()
            kept = ~bools_of(pc.is_in(others["feature_id"], value_set=table["feature_id"].combine_chunks()))
            known = _codes(connection, layer.id)
            left = others.filter(pa.array(kept))
            table = pa.concat_tables([table, left]).unify_dictionaries().combine_chunks()
            code += tuple(known[i] for i in left["feature_id"].to_pylist())
            row = np.append(row, np.full(len(left), -1))
        before = read_results(connection, layer.id, numbers_of(table["feature_id"]).astype(np.int64))
        return PlannedRecords(table, row, code, before, _ranks(connection, layer.id))


def _planned(
    store: Store, connection: sa.Connection, plan: ImportPlan, rows: Sequence[int]
) -> Iterator[tuple[Any, ...]]:
    """Yield row, code, id (a new record's is below zero), version, checklist and body of what would be written."""
    personal = store.personal_fields(plan.intake.layer)
    decision = decide(connection, plan.intake, store=store, rows=rows)
    fresh = [i for i in rows if decision.actions[i] == "insert"]
    records = unmasked(decision.records, fresh, personal)
    new = [i for i in fresh if decision.place[i] < 0]
    for i, values in zip(new, stated_values(records, new), strict=True):
        marks = None if records.checklist is None else records.checklist[i]
        body = dump_body(values, records.layer).encode()
        yield i, records.code[i], -1 - i, 1, write_checklist(marks), body
    row_of = {records.code[i]: i for i in rows}
    for draft in drafts(records, decision):
        body = dump_body(draft.values, f"{draft.layer} › {draft.code}").encode()
        place = row_of[draft.code], draft.code, draft.feature_id, draft.version + 1
        yield *place, write_checklist(draft.checklist), body


def _codes(connection: sa.Connection, layer: str) -> dict[int, str]:
    query = sa.select(s.feature.c.id, s.feature.c.code).where(s.feature.c.layer == layer)
    return dict(map(tuple, connection.execute(query)))


def _ranks(connection: sa.Connection, layer: str) -> NDArray[np.int64]:
    f, t = s.feature, s.assessment
    joined = f.outerjoin(t, sa.and_(t.c.feature_id == f.c.id, t.c.valid_to.is_(None)))
    query = sa.select(t.c.rank, sa.func.count()).select_from(joined)
    query = query.where(f.c.layer == layer, f.c.retired == 0).group_by(t.c.rank)
    counts = np.zeros(len(RANKS), np.int64)
    for rank, n in connection.execute(query):
        counts[UNRATED if rank is None else rank] += n
    return counts
