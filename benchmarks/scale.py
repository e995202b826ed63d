"""Scoring point tables of 1 and 10 million rows with three joins: in one process, and on two Dask workers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.measure import Line, say
from benchmarks.workspaces import DISTRICT, workspace

MILLIONS = (1, 10)
_GROUP = 1 << 20
_MOST_MB = 1_500.0  # of one process at 10 million


def scale(home: Path, _large: int) -> list[Line]:
    """Nearest shelter, polygon, raster and score; wall seconds and the most memory of any process."""
    root = workspace(home, DISTRICT).root
    lines = []
    for millions in MILLIONS:
        points, rows = home / f"points-{millions}m.parquet", millions * 1_000_000
        if not points.exists():
            say(f"  making {rows:,} points")
            _write_points(points, rows)
        here, peak, tally = _score(root, points, home / "scored")
        limit = _MOST_MB if millions == max(MILLIONS) else None
        lines += [
            Line(f"score {rows:,} points, one process", here, "s", None, "wall, from start to exit"),
            Line("… its memory", peak, "MB", limit),
        ]
        with _cluster(home) as (address, workers):
            there, _, same = _score(root, points, home / "scored", "--engine", "dask", "--scheduler", address)
            each = max(_peak_mb(w) for w in workers)
        assert same == tally, "the engines do not agree"
        lines += [
            Line(
                f"score {rows:,} points, two Dask workers", there, "s", None, f"{here / there:.2f} × as fast"
            ),
            Line("… memory of the larger worker", each, "MB"),
        ]
    return lines


def _score(root: Path, points: Path, to: Path, *more: str) -> tuple[float, float, dict[str, object]]:
    """Run `riskmap score`; return wall seconds, its peak MB, and what came out."""
    shutil.rmtree(to, ignore_errors=True)
    places = root / "data" / "boundaries" / "subdistricts.geojson"
    words = ["score", "risk_points", "--points", points, "--to", to, "--crs", "cgcs2000", "--json"]
    words += ["--nearest", "shelter_m=shelters", "--within", f"street={places}"]
    words += ["--raster", f"elevation={root / 'data' / 'dem.tif'}", "--workspace", root, *more]
    start = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "riskmap.cli", *map(str, words)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        out = json.loads(process.stdout.read())
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - start
    return (
        wall,
        used.ru_maxrss / 1024,
        {k: out[k] for k in ("points", "tiers", "unrated", "unlocated", "missing")},
    )


@contextmanager
def _cluster(home: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    where = home / "scheduler.json"
    where.unlink(missing_ok=True)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    dask = [sys.executable, "-m", "dask"]
    running = [
        subprocess.Popen(
            [
                *dask,
                "scheduler",
                "--host",
                "127.0.0.1",
                "--port",
                "0",
                "--no-dashboard",
                "--scheduler-file",
                str(where),
            ],
            **quiet,
        )
    ]
    try:
        while not where.exists():
            time.sleep(0.1)
        time.sleep(0.3)
        address = json.loads(where.read_text())["address"]
        for _ in range(2):
            options = ["--host", "127.0.0.1", "--nthreads", "1", "--no-nanny", "--no-dashboard"]
            running.append(subprocess.Popen([*dask, "worker", address, *options], **quiet))
        time.sleep(4)
        yield address, running[1:]
    finally:
        for process in running:
            process.terminate()
            process.wait(timeout=30)


def _peak_mb(process: subprocess.Popen[bytes]) -> float:
    status = Path(f"/proc/{process.pid}/status")
    if status.exists():
        peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(peak.split()[1]) / 1024
    return psutil.Process(process.pid).memory_info().rss / 2**20


def _write_points(path: Path, rows: int) -> None:
    draw = np.random.default_rng(0)
    names = ("code", "lon", "lat", "likelihood", "exposure", "consequence")
    schema = pa.schema([(n, pa.string() if n == "code" else pa.float64()) for n in names])
    with pq.ParquetWriter(path, schema, compression="zstd") as out:
        for start in range(0, rows, _GROUP):
            n = min(_GROUP, rows - start)
            likelihood = draw.choice([0.1, 0.2, 0.5, 1, 3, 6, 10], n)
            likelihood[draw.random(n) < 0.001] = np.nan
            columns = (
                pa.array([f"P{i:08d}" for i in range(start, start + n)]),
                draw.uniform(114.0, 114.26, n),
                draw.uniform(22.5, 22.66, n),
                pa.array(likelihood, from_pandas=True),
                draw.choice([0.5, 1, 2, 3, 6, 10], n),
                draw.choice([1.0, 3, 7, 15, 40, 100], n),
            )
            out.write_table(pa.table(dict(zip(names, columns, strict=True)), schema=schema))
