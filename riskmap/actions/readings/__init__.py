"""Readings of sensors: take them in, look at them, see which are an alert."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from riskmap.actions.workspace import Workspace
from riskmap.catalog import Layer
from riskmap.catalog.series import Series
from riskmap.errors import UnknownNameError
from riskmap.ledger.series import SeriesStore

FILE = "series.sqlite"


def series_file(ws: Workspace) -> Path:
    """Return where the readings of a workspace are kept; the file is made with the first of them."""
    return ws.root / "data" / FILE


@contextmanager
def readings_of(ws: Workspace) -> Iterator[SeriesStore | None]:
    """Open the readings of a workspace; None where it has none yet. LedgerError where they cannot be read."""
    file = series_file(ws)
    if not file.exists():
        yield None
        return
    store = SeriesStore.open(file)
    try:
        yield store
    finally:
        store.close()


def series_layers(ws: Workspace) -> dict[str, Layer]:
    """Return the layers whose files say what their sensors measure."""
    return {layer.id: layer for layer in ws.catalog.layers.values() if layer.series is not None}


def series_in(ws: Workspace, layer: str) -> Series:
    """Return the `[series]` of a layer. UnknownNameError where there is no such layer, or it measures nothing."""
    found = ws.catalog.layer(layer).series
    if found is None:
        known = "、".join(series_layers(ws)) or "—"
        raise UnknownNameError(
            f"图层 {layer}：图层文件没有 [series]，没有读数；有读数的图层：{known}",
            f"layer {layer}: its file has no [series], so there are no readings; layers with some: {known}",
        )
    return found


def sensors_of(ws: Workspace) -> Mapping[str, Sequence[str]]:
    """Return code → layers of the sensors that stand in the ledger."""
    found: dict[str, list[str]] = {}
    for layer in series_layers(ws).values():
        for code in ws.ledger.layer_columns(layer).table["code"].to_pylist():
            found.setdefault(code, []).append(layer.id)
    return found
