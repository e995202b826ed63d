"""Wind fields: one track, an ensemble, a plain loop over nodes and points, and memory at a million points."""

from __future__ import annotations

import json
import math
import resource
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np

from benchmarks.measure import Line, spent
from riskmap.hazards import Track
from riskmap.prepare.track import Nodes, prepared
from riskmap.prepare.vortex import Model
from riskmap.prepare.wind_field import ensemble, wind_field

NODES, POINTS, MEMBERS = 97, 42_336, 20
LOOPED = 400  # points of the plain loop; its time is scaled to all of them


def wind(_home: Path, large: int) -> list[Line]:
    track, (lon, lat) = _track(), _places(POINTS)
    lines = []
    for model in ("holland1980", "holland2010", "radii"):
        took = spent(lambda m=model: wind_field(track, lon, lat, model=cast("Model", m)))
        lines.append(
            Line(f"{model}, {NODES} nodes × {POINTS:,} points", min(took.walls), "s", 0.5, str(took))
        )
        if model == "holland1980":
            some = lon[:LOOPED], lat[:LOOPED]
            loop = spent(lambda some=some: _loop(prepared(track), *some), runs=1)
            scaled = loop.cpu * POINTS / LOOPED
            note = f"loop over {LOOPED} points, scaled to {POINTS:,}: {scaled:.3g} s"
            lines.append(Line("plain loop ÷ field", scaled / min(took.cpus), "×", None, note))
    members = [replace(track, lat=track.lat + i * 0.02, member=str(i)) for i in range(MEMBERS)]
    for model in ("holland1980", "radii"):
        took = spent(lambda m=model: ensemble(members, lon, lat, model=cast("Model", m)), runs=1)
        lines.append(Line(f"{model}, {MEMBERS} members", took.wall, "s", 8.0, str(took)))
    took = spent(lambda: wind_field(track, lon, lat, model="radii", band=True), runs=1)
    lines.append(Line("radii with its band", took.wall, "s", None, str(took)))
    idle, full = _alone(0), _alone(large)
    peak = full["peak"] / 1e6
    note = f"whole process; {idle['peak'] / 1e6:.0f} MB before; {full['wall']:.3g} s"
    return [*lines, Line(f"memory at {large:,} points", peak, "MB", 1000.0, note)]


def _track() -> Track:
    """Two days in half hours, past the district at 20 km/h."""
    k = np.arange(NODES)
    full = np.ones(NODES)
    return Track(
        name="benchmark",
        source="nodes",
        time=np.datetime64("2018-09-15T06:00:00", "s") + k * np.timedelta64(30, "m"),
        lat=19.8 + 0.04 * k,
        lon=117.5 - 0.09 * k,
        pressure=955.0 + 0.1 * k,
        wind=40.0 * full,
        averaging=10.0,
        environment=1005.0 * full,
        radius=40.0 * full,
        radii={15.4: np.full((NODES, 4), 320.0), 25.7: np.full((NODES, 4), 160.0)},
    )


def _places(count: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.uniform(113.8, 114.6, count), rng.uniform(22.4, 22.9, count)


def _loop(nodes: Nodes, lon: np.ndarray, lat: np.ndarray) -> list[float]:
    """Holland 1980 as one writes it first: a loop over points in a loop over nodes."""
    best = [0.0] * len(lon)
    for i in range(len(nodes)):
        still = max(nodes.wind[i] - nodes.speed[i], 0.0) / 0.9
        drop = nodes.drop[i] * 100.0
        b = min(max(still**2 * math.e * 1.15 / drop, 1.0), 2.5)
        f = 2 * 7.29e-5 * math.sin(math.radians(abs(nodes.lat[i])))
        for j in range(len(lon)):
            x = (lon[j] - nodes.lon[i]) * math.cos(math.radians(nodes.lat[i])) * 111.12
            y = (lat[j] - nodes.lat[i]) * 111.12
            r = math.hypot(x, y)
            if r > 300.0:
                continue
            p = (nodes.radius[i] / r) ** b
            half = r * 500.0 * f
            turning = 0.9 * (math.sqrt(b / 1.15 * p * drop * math.exp(-p) + half**2) - half)
            share = min(1.0, nodes.radius[i] / r)
            u = -turning * y / r + share * nodes.east[i]
            v = turning * x / r + share * nodes.north[i]
            best[j] = max(best[j], math.hypot(u, v))
    return best


def _alone(points: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.wind", str(points)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _child(points: str) -> None:
    clock = time.perf_counter()
    if int(points):
        wind_field(_track(), *_places(int(points)), model="radii", band=True)
    peak = _peak()
    print(json.dumps({"wall": time.perf_counter() - clock, "peak": peak}))


def _peak() -> float:
    """Return the most memory of this process, bytes; Linux counts that of the parent in ru_maxrss."""
    status = Path("/proc/self/status")
    if status.is_file():
        return float(status.read_text().partition("VmHWM:")[2].split()[0]) * 1024
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


if __name__ == "__main__":
    _child(*sys.argv[1:])
