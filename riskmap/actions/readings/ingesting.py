"""A file of readings → the series: read in the sandbox, judged by the layers' files, one batch on the disk."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from riskmap.actions.readings import sensors_of, series_file, series_layers
from riskmap.actions.readings.alerts import make_alerts
from riskmap.actions.workspace import Workspace
from riskmap.errors import RiskmapError
from riskmap.io.readers.readings import read_readings
from riskmap.ledger.series import SeriesStore
from riskmap.moments import utc_now
from riskmap.rules.permissions import Actor, may
from riskmap.values.readings import Ingested


def ingest(ws: Workspace, path: Path, *, by: Actor, why: str = "", name: str | None = None) -> Ingested:
    """Take in the readings of a file (csv, xlsx, JSON lines …); they are on the disk once this returns.

    `name`: the file's name as the person knows it; with who and why it is the source of the batch.
    The alerts that they make are in the ledger then, too; where the program ended between the two, the next file makes them.
    UnreadableFileError or TableFileError where nothing of it can be read, LedgerError where nothing can be written.
    """
    may(by, "import")
    layers = series_layers(ws)
    if not layers:
        raise RiskmapError(
            '没有图层写明传感器测什么；请在图层文件里写 counts = "reading" 和 [series]，见 docs/layers.md',
            'no layer says what its sensors measure; write counts = "reading" and [series] in its file, see docs/layers.md',
        )
    now = utc_now()
    read = read_readings(path, layers, sensors_of(ws), now=now, name=name)
    store = SeriesStore.open(series_file(ws))
    try:
        source = " · ".join(filter(None, (name or path.name, by.name, why)))
        done = store.take(read, source=source, digest=_digest(path), now=now)
        first = {one.key: one.ts for one in sorted(read.readings, key=lambda one: -one.ts)}
        told = make_alerts(ws, store, done.batch, first, by=by, why=why or name or path.name)
        return replace(done, alerts=told.codes, issues=(*done.issues, *told.issues))
    finally:
        store.close()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
