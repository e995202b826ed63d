"""Killed in the middle of batches, the file of readings holds every acknowledged one whole and no half of another."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from riskmap.ledger.series import SeriesStore
from riskmap.values.readings import SeriesKey

SIZE = 500
KILLS = int(os.environ.get("RISKMAP_KILLS", "20"))

# Writes batches one after the other and says the number of each once it is acknowledged.
WRITER = """
import datetime as dt, sys
from pathlib import Path
from riskmap.ledger.series import SeriesStore
from riskmap.values.readings import Reading, ReadFile, SeriesKey
store = SeriesStore.open(Path(sys.argv[1]))
key, first, size = SeriesKey("sensors", "A", "tilt"), int(sys.argv[2]), int(sys.argv[3])
for n in range(first, first + 100_000):
    batch = [Reading(key, n * size + i, float(n)) for i in range(size)]
    store.take(ReadFile(batch, 0, ()), source="x", digest=str(n), now=dt.datetime.now(dt.UTC))
    print(n, flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL")
def test_a_kill_loses_no_acknowledged_batch_and_leaves_none_torn(tmp_path: Path):
    path, first, acknowledged = tmp_path / "series.sqlite", 0, 0
    chance = random.Random(1)
    for _ in range(KILLS):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(first), str(SIZE)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert writer.stdout is not None
        said = [int(writer.stdout.readline())]
        time.sleep(chance.random() * 0.08)
        writer.send_signal(signal.SIGKILL)
        said += [int(line) for line in writer.stdout.read().split()]
        writer.wait()
        writer.stdout.close()
        store = SeriesStore.open(path)
        assert store.check() == []
        ts, value = store.readings(SeriesKey("sensors", "A", "tilt"))
        batches = store.batches(limit=1_000_000)
        store.close()
        assert len(ts) % SIZE == 0
        assert {one.accepted for one in batches} == {SIZE}
        kept = {int(v) for v in value}
        assert set(said) <= kept
        acknowledged += len(said)
        first = max(kept) + 1
    assert acknowledged >= KILLS
