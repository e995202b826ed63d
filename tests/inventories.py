"""Made-up inventories whose truth is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from riskmap.scoring.learned.training_data import TrainingData, inventory_of

WEST, SOUTH = 500_000.0, 2_480_000.0  # EPSG:4547, near Shenzhen
HEADER = ["x", "y", "slid", "slope", "rough", "field_a", "field_b"]


def clustered(rows: int = 300, seed: int = 1) -> tuple[list[str], np.ndarray]:
    """One true driver (slope), one noise, two smooth fields that only tell where a place is.

    The outcome also follows a hidden smooth field, so that a model that learns places does well at
    random and badly on new land.
    """
    rng = np.random.default_rng(seed)
    centres = rng.uniform(0, 20_000, (30, 2))
    hidden = rng.normal(size=30) * 2.0
    at = rng.integers(0, 30, rows)
    xy = centres[at] + rng.normal(scale=250.0, size=(rows, 2))
    slope = rng.uniform(0, 50, rows)
    logit = (slope - 25) / 10 + hidden[at]
    slid = rng.random(rows) < 1 / (1 + np.exp(-logit))
    a, b = (
        xy[:, 0] / 20_000 + rng.normal(scale=0.01, size=rows),
        xy[:, 1] / 20_000 + rng.normal(scale=0.01, size=rows),
    )
    columns = [xy[:, 0] + WEST, xy[:, 1] + SOUTH, slid.astype(float), slope, rng.normal(size=rows), a, b]
    return HEADER, np.column_stack(columns)


def inventory(
    table: np.ndarray,
    names: list[str] | None = None,
    codes: tuple[str, ...] = (),
    rates: tuple[str, ...] = (),
) -> TrainingData:
    """The table of `clustered` (or one with its first three columns) as an inventory; metres serve as degrees."""
    names = names or HEADER[3:]
    x, y = table[:, 0], table[:, 1]
    return inventory_of(
        names,
        table[:, 3:].astype(float),
        table[:, 2] > 0,
        x=x,
        y=y,
        lon=x / 1e5,
        lat=y / 1e5,
        codes=codes,
        rates=rates,
    )


def write(path: Path, header: list[str], rows, *, separator: str = ",", encoding: str = "utf-8") -> Path:
    """Write a text table; cells as they are."""
    lines = [separator.join(header)] + [
        separator.join("" if c is None else str(c) for c in row) for row in rows
    ]
    path.write_bytes(("\n".join(lines) + "\n").encode(encoding))
    return path
