from __future__ import annotations

import numpy as np
import pytest
import shapely

from riskmap.ledger import Ledger, boxes
from tests.ledger_files import LAYER, WHO, bring, judged, point


@pytest.fixture
def ledger(tmp_path):
    with Ledger.create(f"sqlite:///{tmp_path / 'ledger.sqlite'}") as opened:
        yield opened
        assert opened.check() == []


def scattered(count, *, first=0, seed=1):
    draw = np.random.default_rng(seed)
    lon, lat = draw.uniform(114.0, 114.3, count), draw.uniform(22.4, 22.7, count)
    rows = [
        point(f"P{first + i:05d}", lon=float(x), lat=float(y))
        for i, (x, y) in enumerate(zip(lon, lat, strict=True))
    ]
    rows[0].update(lon=np.nan, lat=np.nan)
    return rows


def within(rows, box):
    west, south, east, north = box
    return sorted(r["code"] for r in rows if west <= r["lon"] <= east and south <= r["lat"] <= north)


@pytest.mark.parametrize("count", [2, 47, 48, 49, 50, 500, 2304, 2305, 6000])
def test_an_index_filled_at_once_finds_what_one_filled_row_by_row_would(ledger, monkeypatch, count):
    monkeypatch.setattr(boxes, "MANY", 1)
    rows = scattered(count)
    bring(ledger, rows)
    assert ledger.check() == []
    for box in ((114.1, 22.5, 114.2, 22.6), (114.0, 22.4, 114.3, 22.7), (114.15, 22.55, 114.151, 22.551)):
        assert list(ledger.features(LAYER, within=box).records.code) == within(rows, box)


def test_records_that_come_and_move_later_are_found_too(ledger, monkeypatch):
    monkeypatch.setattr(boxes, "MANY", 1000)
    rows = scattered(3000)
    bring(ledger, rows)
    more = scattered(1500, first=3000, seed=2)
    bring(ledger, more)
    for row in rows[1:400]:
        row["lon"] = row["lon"] + 0.01
    bring(ledger, rows)
    ledger.create_record(
        LAYER, "G", values=judged({"shape": shapely.box(114.0, 22.4, 114.3, 22.7).wkb}), **WHO
    )
    third = scattered(9000, first=10_000, seed=3)
    bring(ledger, third)
    assert ledger.check() == []
    box = (114.1, 22.5, 114.15, 22.58)
    assert list(ledger.features(LAYER, within=box).records.code) == sorted(
        ["G", *within([*rows, *more, *third], box)]
    )
