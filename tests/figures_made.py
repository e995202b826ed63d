"""Small ledgers of shipped layers, made in memory, and figures over them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from riskmap.catalog import Layer, defaults_dir
from riskmap.ledger.work import MoveMade
from riskmap.reports.figures import Engine, Figures, State, bind_figures, default_figures
from riskmap.reports.periods import Period, parse_period
from riskmap.selection import Snapshot, build_snapshot
from riskmap.values.records import Features, Records
from riskmap.vocabulary import RANK_OF

TODAY = dt.date(2026, 11, 30)


@lru_cache(maxsize=1)
def shipped() -> dict[str, Layer]:
    """Every layer that is shipped, registers among them."""
    import shutil
    import tempfile

    from riskmap.catalog import load_catalog

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for part in ("layers", "models"):
            (root / part).mkdir()
            for file in (defaults_dir() / part).iterdir():
                if file.is_file():
                    shutil.copyfile(file, root / part / file.name)
        for file in (defaults_dir() / "layers" / "registers").glob("*.toml"):
            shutil.copyfile(file, root / "layers" / file.name)
        catalog = load_catalog(root)
    assert catalog.faults == ()
    return dict(catalog.layers)


def features(layer: str, rows: Sequence[Mapping[str, Any]], first_id: int) -> Features:
    """Records of a layer: code (R1, R2 … by default), name, subdistrict, tier, lon, lat, checklist; the rest are fields."""
    core = {"code", "name", "subdistrict", "tier", "lon", "lat", "checklist"}
    fields = list(dict.fromkeys(key for row in rows for key in row if key not in core))
    n = len(rows)
    records = Records(
        layer,
        [row.get("code", f"R{i:04d}") for i, row in enumerate(rows, 1)],
        [row.get("name") for row in rows],
        [row.get("subdistrict") for row in rows],
        np.array([row.get("lon", np.nan) for row in rows], float),
        np.array([row.get("lat", np.nan) for row in rows], float),
        None,
        {key: [row.get(key) for row in rows] for key in fields},
        checklist=[row.get("checklist") for row in rows],
    )
    rank = np.array([RANK_OF[row.get("tier", "unrated")] for row in rows], np.uint8)
    return Features(
        records,
        np.arange(first_id, first_id + n),
        np.ones(n, np.int64),
        rank,
        np.full(n, np.nan),
        ["2026-11-01T08:00:00+08:00"] * n,
        [None] * n,
        [()] * n,
        [()] * n,
        np.zeros(n, np.int64),
    )


def snapshot(**layers: Sequence[Mapping[str, Any]]) -> Snapshot:
    """The column snapshot of records of shipped layers."""
    known = shipped()
    given = {name: features(name, rows, 1000 * i) for i, (name, rows) in enumerate(layers.items(), 1)}
    return build_snapshot(given, known, None, state=1, today=TODAY)


def figures(text: str, name: str = "reports/figures/own.toml") -> Figures:
    """The figures of one file beside those that are shipped."""
    files = [(f"shipped/{one}", shipped_text, False) for one, shipped_text in default_figures().items()]
    return bind_figures([*files, (name, text, True)], shipped(), {})


def engine(
    text: str,
    *,
    period: str | None = None,
    moves: Sequence[MoveMade] = (),
    week_starts: str = "mon",
    **layers: Sequence[Mapping[str, Any]],
) -> Engine:
    """What tells the figures of `own.toml` over these records."""
    state = State(
        snapshot(**layers),
        shipped(),
        TODAY,
        "2026-11-30T00:00:00Z",
        week_starts=week_starts,
        moves=lambda _layer: moves,
    )
    cut: Period | None = parse_period(period, week_starts=week_starts) if period else None
    return Engine(figures(text), state, cut)
